"""TP-Link Omada: SSIDs as JSON of the controller's API, or as a table (CSV) with named columns.

Numbers are those of the published Open API: `security` 0 none, 2 WPA-Enterprise, 3 WPA-Personal, 4 and 5 one password
per person (PPSK); `versionPsk` 1 WPA, 2 WPA2, 3 WPA and WPA2, 4 WPA3 (with WPA2 except on 6 GHz alone); `versionEnt`
the same; `pmfMode` 1 mandatory, 2 capable, 3 disabled. Not checked on a real controller. No CSV export of SSIDs is
documented: a table is read when its header names an SSID and a security column.
"""

from __future__ import annotations

import csv
import io
import re
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import (
    Json,
    flag_of,
    inside,
    json_of,
    looks_json,
    objects,
    on,
    protected,
    text_of,
    vlan_of,
)
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, Security

TITLE = "Omada"

_PMF = {"1": PMF_REQUIRED, "2": PMF_CAPABLE, "3": PMF_NONE}
_ENTERPRISE, _PERSONAL = "2", "3"
_INDIVIDUAL = frozenset({"4", "5"})
_COLUMNS = {
    "ssid": "ssid",
    "ssid name": "ssid",
    "nom du ssid": "ssid",
    "security": "security",
    "securite": "security",
    "sécurité": "security",
    "password": "password",
    "mot de passe": "password",
    "vlan": "vlan",
    "vlan id": "vlan",
    "guest network": "guest",
    "réseau invité": "guest",
    "portal": "portal",
    "portail": "portal",
    "broadcast": "broadcast",
    "ssid broadcast": "broadcast",
    "status": "status",
    "statut": "status",
}
_SECURITIES = (
    (r"none|open|aucune?|ouvert", OPEN),
    (r"owe|enhanced open", protected(("OWE",), ("CCMP",), pmf=PMF_REQUIRED)),
    (r"wpa[- ]?3?[- ]?sae|wpa3[- ]personal", protected(("SAE",), ("CCMP",), pmf=PMF_REQUIRED)),
    (r"wpa2[- /]*(?:psk)?[/+ ]*wpa3(?:[- ]sae|[- ]personal)?", protected(("PSK", "SAE"), ("CCMP",), pmf=PMF_CAPABLE)),
    (r"wpa2(?:[- ]psk|[- ]personal)", protected(("PSK",), ("CCMP",))),
    (r"wpa/wpa2[- ](?:psk|personal)", protected(("PSK",), wpa=True)),
    (r"wpa2[- ]enterprise", protected(("802.1X",), ("CCMP",))),
    (r"wpa3[- ]enterprise", protected(("802.1X-SHA256",), ("CCMP",), pmf=PMF_REQUIRED)),
)


class _Wlan(NamedTuple):
    ssid: str
    security: Security
    password: str
    vlan: int | None
    guest: bool | None
    portal: bool | None
    hidden: bool | None
    individual: bool = False
    line: int = 0
    enabled: bool = True


def recognise(file: SourceFile) -> bool:
    """JSON of the API, or a table of SSIDs."""
    names = ("pskSetting", "guestNetEnable", "versionPsk", "pmfMode", "ssidId")
    if looks_json(file, "name", "security") and any(f'"{name}"' in file.head for name in names):
        return True
    columns = _header(file)
    return "ssid" in columns and "security" in columns


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "omada")
    table = file.head.lstrip()[:1] not in {"{", "["}
    for wlan in _from_table(file, desk) if table else _from_json(file, desk):
        _add(wlan, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun SSID dans cet export Omada")
    desk.limit("L'export Omada ne donne ni BSSID, ni version des bornes, ni isolation hors réseau invité.")
    return desk.done()


def _add(wlan: _Wlan, desk: Desk, keys: Keys) -> None:
    personal = any(akm in PERSONAL_AKMS for akm in wlan.security.akms)
    key = keys.passphrase(wlan.password, wlan.ssid) if personal else NO_KEY
    config = WlanConfig(
        ssid=wlan.ssid,
        file=desk.name,
        product=desk.product,
        line=wlan.line,
        enabled=wlan.enabled,
        encryption=wlan.security.encryption,
        akms=wlan.security.akms,
        pmf=wlan.security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=wlan.security.enterprise,
        vlan=wlan.vlan,
        # A guest network of Omada cannot reach its other stations nor private addresses; else nothing is told.
        isolation=True if wlan.guest else None,
        portal={True: "portal", False: ""}.get(wlan.portal) if wlan.portal is not None else None,
        hidden=wlan.hidden,
    )
    details = WlanDetails(
        ssid=wlan.ssid,
        file=config.file,
        line=wlan.line,
        pairwise=wlan.security.pairwise,
        guest=wlan.guest,
        individual_keys=wlan.individual,
    )
    desk.configuration(config, details)


def _from_json(file: SourceFile, desk: Desk) -> list[_Wlan]:
    found = []
    for record in objects(json_of(file, desk)):
        kind = record.get("security")
        if not isinstance(kind, int) or isinstance(kind, bool) or not text_of(record, "name"):
            continue
        if not {"broadcast", "pskSetting", "guestNetEnable", "band", "vlanEnable"} & record.keys():
            continue
        broadcast = flag_of(record, "broadcast")
        found.append(
            _Wlan(
                ssid=text_of(record, "name"),
                security=_security(record, desk),
                password=text_of(inside(record, "pskSetting"), "securityKey"),
                vlan=_vlan(record),
                guest=flag_of(record, "guestNetEnable"),
                portal=flag_of(record, "portalEnable"),
                hidden=None if broadcast is None else not broadcast,
                individual=str(kind) in _INDIVIDUAL,
                enabled=record.get("enable") is not False,
            )
        )
    return found


def _security(record: Json, desk: Desk) -> Security:
    kind, pmf = text_of(record, "security"), _PMF.get(text_of(record, "pmfMode"), "")
    if kind == "0":
        return protected(("OWE",), ("CCMP",), pmf=PMF_REQUIRED) if record.get("oweEnable") is True else OPEN
    old, new = ("802.1X", "802.1X-SHA256") if kind == _ENTERPRISE else ("PSK", "SAE")
    part = inside(record, "entSetting" if kind == _ENTERPRISE else "pskSetting")
    version = text_of(part, "versionEnt" if kind == _ENTERPRISE else "versionPsk")
    known = kind in {_ENTERPRISE, _PERSONAL, *_INDIVIDUAL}
    if not known or version not in {"1", "2", "3", "4"}:
        name = text_of(record, "name")[:40]
        desk.not_understood(
            0, f"security {kind[:10]} version {version[:10]}", f"le chiffrement de « {name} » est inconnu"
        )
        return Security()
    if version == "4":
        akms = (new,) if pmf == PMF_REQUIRED else (old, new)
        return protected(akms, ("CCMP",), pmf=pmf or PMF_CAPABLE)
    cipher = text_of(part, "encryptionEnt" if kind == _ENTERPRISE else "encryptionPsk")
    ciphers = ("CCMP",) if cipher == "3" else ("CCMP", "TKIP") if cipher == "1" else ()
    return protected((old,), ciphers, pmf=pmf, wpa=version in {"1", "3"}, rsn=version != "1")


def _vlan(record: Json) -> int | None:
    if record.get("vlanEnable") is True:
        return vlan_of(record.get("vlanId"))
    return vlan_of(inside(inside(record, "vlanSetting"), "customConfig").get("vlanId"))


def _rows(file: SourceFile, text: str) -> list[list[str]]:
    first = file.head.split("\n", 1)[0]
    try:
        return list(csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","))
    except csv.Error:
        return []


def _header(file: SourceFile) -> list[str]:
    rows = _rows(file, file.head.split("\n", 1)[0])
    return [_COLUMNS.get(cell.strip().lower(), "") for cell in rows[0]] if rows else []


def _from_table(file: SourceFile, desk: Desk) -> list[_Wlan]:
    names = _header(file)
    found = []
    for number, cells in enumerate(_rows(file, file.text)[1:], 2):
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        if not row.get("ssid"):
            continue
        broadcast = on(row.get("broadcast", ""))
        found.append(
            _Wlan(
                ssid=row["ssid"],
                security=_named(row.get("security", ""), number, desk),
                password=row.get("password", ""),
                vlan=vlan_of(row.get("vlan", "")),
                guest=on(row.get("guest", "")),
                portal=on(row.get("portal", "")),
                hidden=None if broadcast is None else not broadcast,
                line=number,
                enabled=on(row.get("status", "")) is not False,
            )
        )
    return found


def _named(text: str, number: int, desk: Desk) -> Security:
    for pattern, security in _SECURITIES:
        if re.fullmatch(pattern, text.strip().lower()):
            return security
    desk.not_understood(number, f"security {text[:40]}", "le chiffrement de ce réseau est inconnu")
    return Security()
