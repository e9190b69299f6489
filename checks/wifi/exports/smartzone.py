"""Ruckus SmartZone: JSON of the public API (`/rkszones/{id}/wlans/{id}`).

Property names and values are those of the published API as its clients use it; not checked on a real controller.
"""

from __future__ import annotations

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import (
    Json,
    flag_of,
    inside,
    json_of,
    looks_json,
    objects,
    pmf_of,
    protected,
    text_of,
    vlan_of,
)
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Ruckus SmartZone"

_CIPHERS = {"AES": ("CCMP",), "TKIP_AES": ("CCMP", "TKIP"), "AUTO": ("CCMP", "TKIP"), "AES_GCMP_256": ("GCMP-256",)}


def recognise(file: SourceFile) -> bool:
    """JSON of WLANs with their encryption method."""
    return looks_json(file, "ssid", "encryption", "method")


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a zone. Raises `ParseError` when there is none."""
    desk = Desk(file, "smartzone")
    for record in objects(json_of(file, desk)):
        if text_of(record, "ssid") and text_of(inside(record, "encryption"), "method"):
            _add(record, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun WLAN dans cet export SmartZone")
    desk.limit("L'export SmartZone ne donne ni BSSID ni version des bornes.")
    return desk.done()


def _add(record: Json, desk: Desk, keys: Keys) -> None:
    ssid = text_of(record, "ssid")
    encryption = inside(record, "encryption")
    security = _security(record, encryption, desk)
    personal = any(akm in PERSONAL_AKMS for akm in security.akms)
    key = (
        keys.weakest([text_of(encryption, "passphrase"), text_of(encryption, "saePassphrase")], ssid)
        if personal
        else NO_KEY
    )
    advanced, kind = inside(record, "advancedOptions"), text_of(record, "type")
    isolation = flag_of(advanced, "clientIsolationEnabled")
    portal = any(inside(record, name) for name in ("portalServiceProfile", "guestAccessPortal", "webAuthentication"))
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlan_of(inside(record, "vlan").get("accessVlan")),
        isolation=isolation,
        portal=kind.lower() or "portal" if portal else "" if kind.startswith("Standard") else None,
        wps=False,
        hidden=flag_of(advanced, "hideSsidEnabled"),
    )
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        profile="" if text_of(record, "name") == ssid else text_of(record, "name"),
        pairwise=security.pairwise,
        guest=kind == "Guest" if kind else None,
        individual_keys=inside(record, "dpsk").get("dpskEnabled") is True,
        dynamic_vlan=flag_of(inside(record, "vlan"), "aaaVlanOverride"),
    )
    desk.configuration(config, details)


def _security(record: Json, encryption: Json, desk: Desk) -> Security:
    method = text_of(encryption, "method")
    if method == "None":
        return OPEN
    if method.startswith("WEP"):
        return WEP
    enterprise = "802_1X" in text_of(record, "type") or "8021X" in text_of(record, "type")
    old, new = ("802.1X", "802.1X-SHA256") if enterprise else ("PSK", "SAE")
    akms = {
        "WPA2": (old,),
        "WPA_Mixed": (old,),
        "WPA3": (new,),
        "WPA23_Mixed": (old, new),
        "OWE": ("OWE",),
        "OWE_Transition": ("OWE",),
    }.get(method)
    ciphers = _CIPHERS.get(text_of(encryption, "algorithm") or "AES")
    if akms is None or ciphers is None:
        desk.not_understood(
            0, f"method {method[:40]}", f"le chiffrement de « {text_of(record, 'ssid')[:40]} » est inconnu"
        )
        return Security()
    pmf = pmf_of(text_of(encryption, "mfp"))
    if not pmf and method in {"WPA3", "OWE"}:
        pmf = PMF_REQUIRED
    if not pmf and method == "WPA23_Mixed":
        pmf = PMF_CAPABLE
    return protected(akms, ciphers, pmf=pmf, wpa=method == "WPA_Mixed")
