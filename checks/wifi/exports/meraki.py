"""Meraki: JSON of `GET /networks/{id}/wireless/ssids` (Dashboard API v1).

Property names and values are those of the published API; not checked on a real organisation. Fifteen SSIDs are always
listed: those nobody configured are disabled and named « Unconfigured SSID », and are left out.
"""

from __future__ import annotations

import re

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import Json, flag_of, inside, json_of, looks_json, objects, protected, text_of, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Meraki (SSID)"

_OPEN_MODES = frozenset({"open", "open-with-radius", "open-with-nac"})
_ENTERPRISE_MODES = re.compile(r"8021x-\w+")
_PERSONAL_MODES = re.compile(r"psk|ipsk-\w[\w-]*")


def recognise(file: SourceFile) -> bool:
    """JSON of SSIDs with their association requirement."""
    return looks_json(file, "authMode", "name") and any(
        f'"{name}"' in file.head for name in ("splashPage", "ipAssignmentMode", "ssidAdminAccessible")
    )


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a network. Raises `ParseError` when there is none."""
    desk = Desk(file, "meraki")
    for record in objects(json_of(file, desk)):
        name = text_of(record, "name")
        if not isinstance(record.get("authMode"), str) or not name:
            continue
        if record.get("enabled") is False and re.fullmatch(r"Unconfigured SSID \d+", name):
            continue
        _add(record, name, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun SSID configuré dans cet export Meraki")
    desk.limit("L'export Meraki ne donne ni BSSID ni version des bornes.")
    return desk.done()


def _add(record: Json, name: str, desk: Desk, keys: Keys) -> None:
    security = _security(record, name, desk)
    personal = any(akm in PERSONAL_AKMS for akm in security.akms)
    key = keys.passphrase(text_of(record, "psk"), name) if personal else NO_KEY
    visible = flag_of(record, "visible")
    splash = record.get("splashPage")
    admin = flag_of(record, "ssidAdminAccessible")
    tagged = record.get("useVlanTagging")
    config = WlanConfig(
        ssid=name,
        file=desk.name,
        product=desk.product,
        enabled=record.get("enabled") is not False,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlan_of(record.get("defaultVlanId", record.get("vlanId"))) if tagged is not False else None,
        # In NAT mode stations never reach one another (Meraki, "SSID modes for client IP assignment").
        isolation=True if text_of(record, "ipAssignmentMode") == "NAT mode" else flag_of(record, "lanIsolationEnabled"),
        portal=None if not isinstance(splash, str) else "" if splash == "None" else splash,
        hidden=None if visible is None else not visible,
        management=None if admin is None else ("tableau de bord local",) if admin else (),
    )
    details = WlanDetails(
        ssid=name,
        file=config.file,
        pairwise=security.pairwise,
        individual_keys=text_of(record, "authMode").startswith("ipsk"),
    )
    desk.configuration(config, details)


def _security(record: Json, name: str, desk: Desk) -> Security:
    mode = text_of(record, "authMode")
    if mode in _OPEN_MODES:
        return OPEN
    if mode == "open-enhanced":
        return protected(("OWE",), ("CCMP",), pmf=PMF_REQUIRED)
    if text_of(record, "encryptionMode") == "wep":
        return WEP
    enterprise = _ENTERPRISE_MODES.fullmatch(mode) is not None
    if not enterprise and not _PERSONAL_MODES.fullmatch(mode):
        desk.not_understood(0, f"authMode {mode[:40]}", f"le chiffrement de « {name[:40]} » est inconnu")
        return Security()
    old, new = ("802.1X", "802.1X-SHA256") if enterprise else ("PSK", "SAE")
    version = text_of(record, "wpaEncryptionMode") or "WPA2 only"
    pmf = _pmf(record)
    if version in {"WPA1 only", "WPA1 and WPA2"}:
        return protected((old,), ("CCMP", "TKIP"), pmf=pmf, wpa=True, rsn=version != "WPA1 only")
    akms = {
        "WPA2 only": (old,),
        "WPA3 Transition Mode": (old, new),
        "WPA3 only": (new,),
        "WPA3 192-bit Security": ("802.1X-SUITE-B-192",),
    }.get(version)
    if akms is None:
        desk.not_understood(0, f"wpaEncryptionMode {version[:40]}", f"le chiffrement de « {name[:40]} » est inconnu")
        return Security()
    if version.startswith("WPA3"):
        pmf = PMF_CAPABLE if "Transition" in version else PMF_REQUIRED
    return protected(akms, ("CCMP",), pmf=pmf)


def _pmf(record: Json) -> str:
    part = inside(record, "dot11w")
    if part.get("enabled") is True:
        return PMF_REQUIRED if part.get("required") is True else PMF_CAPABLE
    return PMF_NONE if part.get("enabled") is False else ""
