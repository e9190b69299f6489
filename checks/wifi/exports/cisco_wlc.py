"""Cisco controllers, detail of WLANs: AireOS `show run-config` or `show wlan N`, IOS-XE `show wlan all`.

AireOS writes `Name...... value`, IOS-XE `Name : value`; labels as in published outputs of both, indented by level. The
password is never shown. AireOS names an interface rather than a VLAN; its number is read when the same file has
`show interface` details (`VLAN` of an `Interface Name`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import on, pmf_of, protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, WEP, Security

TITLE = "Cisco WLC (show run-config)"

_FIELD = re.compile(r"(\s*)(\S.{0,70}?)\s*(?:\.{3,}|\s:(?=\s|$))\s*(.*)")
_SSID = "network name (ssid)"
_AKM = {
    "802.1x": "802.1X",
    "psk": "PSK",
    "cckm": "CCKM",
    "ft-1x(802.11r)": "FT-802.1X",
    "ft-psk(802.11r)": "FT-PSK",
    "ft dot1x": "FT-802.1X",
    "ft psk": "FT-PSK",
    "ft sae": "FT-SAE",
    "dot1x": "802.1X",
    "dot1x-sha256": "802.1X-SHA256",
    "pmf-1x(802.11w)": "802.1X-SHA256",
    "psk-sha256": "PSK-SHA256",
    "pmf-psk(802.11w)": "PSK-SHA256",
    "sae": "SAE",
    "sae-ext": "SAE-EXT",
    "owe": "OWE",
    "suiteb-1x": "802.1X-SUITE-B",
    "suiteb192-1x": "802.1X-SUITE-B-192",
    "osen-1x": "OSEN",
}
_NOT_AKM = frozenset({"ft over-the-ds", "wpa gtk randomization", "gtk randomization"})
_CIPHERS = {
    "tkip cipher": "TKIP",
    "aes cipher": "CCMP",
    "ccmp256 cipher": "CCMP-256",
    "gcmp128 cipher": "GCMP",
    "gcmp256 cipher": "GCMP-256",
}


class _Field(NamedTuple):
    name: str
    value: str
    line: int
    depth: int


class _Wlan(NamedTuple):
    line: int
    fields: list[_Field]

    def get(self, *names: str) -> str:
        """Value of the first of these names that is there."""
        return next((field.value for name in names for field in self.fields if field.name == name), "")

    def on(self, *names: str) -> bool | None:
        """Enabled or not; None when none of the names is there."""
        return on(self.get(*names).split(" ")[0]) if self.get(*names) else None


def recognise(file: SourceFile) -> bool:
    """Details of a WLAN in either form."""
    return re.search(r"(?mi)^\s*Network Name \(SSID\)\s*(?:\.{3,}|:)", file.text) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:  # noqa: ARG001 - these outputs never hold a password
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "cisco_wlc")
    fields = list(_fields(file))
    interfaces = _interfaces(fields)
    firmware = next((field.value for field in fields if field.name == "product version"), "")
    management = _management(fields)
    for wlan in _wlans(fields):
        _add(wlan, interfaces, firmware, management, desk)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun WLAN dans cette sortie du contrôleur Cisco")
    desk.limit("Cette sortie du contrôleur Cisco ne montre ni les mots de passe ni les BSSID.")
    return desk.done()


def _fields(file: SourceFile) -> Iterator[_Field]:
    for number, line in enumerate(file.lines, 1):
        found = _FIELD.fullmatch(line[:400])
        if found:
            yield _Field(" ".join(found[2].lower().split()), found[3].strip(), number, len(found[1].expandtabs()))


def _wlans(fields: list[_Field]) -> Iterator[_Wlan]:
    """Fields from one profile to the next; `WLAN Identifier` or `WLAN Profile Name` begins one."""
    current: _Wlan | None = None
    for field in fields:
        if field.name in {"wlan identifier", "wlan profile name"}:
            if current is not None:
                yield current
            current = _Wlan(field.line, [])
        elif (
            current is not None
            and field.name in {"interface name", "ap name", "cisco ap name"}
            and len(current.fields) > 1
        ):
            # What follows is no longer about a WLAN.
            yield current
            current = None
        if current is not None:
            current.fields.append(field)
    if current is not None:
        yield current


def _interfaces(fields: list[_Field]) -> dict[str, int]:
    """VLAN of each dynamic interface."""
    found: dict[str, int] = {}
    name = ""
    for field in fields:
        if field.name == "interface name":
            name = field.value
        elif field.name == "vlan" and name:
            vlan = vlan_of(field.value)
            if vlan is not None:
                found.setdefault(name, vlan)
    return found


def _management(fields: list[_Field]) -> tuple[str, ...] | None:
    """Administration services of AireOS; None when the file does not list them."""
    labels = {
        "web mode": "http",
        "secure web mode": "https",
        "telnet": "telnet",
        "secure shell (ssh)": "ssh",
        "mgmt via wireless interface": "depuis le Wi-Fi",
    }
    states = {
        labels[field.name]: on(field.value.split(" ")[0]) for field in fields if field.name in labels and field.value
    }
    return tuple(name for name, state in states.items() if state) if states else None


def _add(
    wlan: _Wlan, interfaces: dict[str, int], firmware: str, management: tuple[str, ...] | None, desk: Desk
) -> None:
    ssid = wlan.get(_SSID)
    if not ssid:
        desk.not_understood(wlan.line, "WLAN", "ce réseau n'a pas de SSID : sortie coupée ?")
        return
    security = _security(wlan, desk)
    interface = wlan.get("interface")
    blocking = wlan.get("peer-to-peer blocking action").lower()
    broadcast = wlan.on("broadcast ssid")
    web = [wlan.on(name) for name in ("web based authentication", "web authentication", "web-passthrough", "webauth")]
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=wlan.line,
        enabled=wlan.on("status") is not False,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        enterprise=security.enterprise,
        vlan=interfaces.get(interface),
        isolation=None if not blocking else not blocking.startswith("disabled"),
        portal="web-auth" if any(web) else "" if False in web else None,
        wps=False,
        hidden=None if broadcast is None else not broadcast,
        management=management,
        firmware=firmware,
    )
    profile = wlan.get("profile name", "wlan profile name")
    desk.configuration(
        config,
        WlanDetails(
            ssid=ssid,
            file=config.file,
            line=config.line,
            profile="" if profile == ssid else profile,
            pairwise=security.pairwise,
            dynamic_vlan=wlan.on("aaa policy override", "aaa override"),
        ),
    )


def _security(wlan: _Wlan, desk: Desk) -> Security:
    if wlan.on("static wep keys"):
        return WEP
    protection = next((f for f in wlan.fields if f.name.startswith("wi-fi protected access")), None)
    if protection is None:
        desk.not_understood(wlan.line, "Security", "le chiffrement de ce réseau est absent : sortie coupée ?")
        return Security()
    if on(protection.value) is False:
        return OPEN
    ciphers = [_CIPHERS[f.name] for f in wlan.fields if f.name in _CIPHERS and on(f.value)]
    akms = _akms(wlan, protection)
    if not akms:
        desk.not_understood(protection.line, "Auth Key Management", "la gestion des clés est absente : sortie coupée ?")
        return Security()
    old, new = wlan.on("wpa (ssn ie)"), wlan.on("wpa2 (rsn ie)")
    newest = wlan.on("wpa3 (wpa3 ie)")
    return protected(
        akms, ciphers, pmf=pmf_of(wlan.get("pmf support", "pmf")), wpa=bool(old), rsn=bool(new or newest or not old)
    )


def _akms(wlan: _Wlan, protection: _Field) -> list[str]:
    """Enabled key managements: fields below « Wi-Fi Protected Access », deeper than it."""
    found = []
    for field in wlan.fields:
        if field.line <= protection.line or field.name in _NOT_AKM:
            continue
        if field.depth <= protection.depth:
            break
        if field.name in _AKM and on(field.value.split(" ")[0]):
            found.append(_AKM[field.name])
    return list(dict.fromkeys(found))
