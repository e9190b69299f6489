"""Cisco AireOS configuration as commands: `show run-config commands`, or a backup of the controller.

Commands are those of the AireOS 8.x command reference and of published configurations; not checked on real equipment.
Only what differs from a new WLAN is written: WPA2, AES and 802.1X are on from the start.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.blocks import words
from checks.wifi.exports.common import protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Cisco AireOS (commandes)"

_CREATE = re.compile(r"(?:config )?wlan create (\d{1,3}) (\S.*)")
_KEY = re.compile(r"wlan security wpa akm psk set-key (ascii|hex) (\S.*) (\d{1,3})")
_SWITCH = re.compile(r"wlan (.{1,80}?) (enable|disable|required|optional|drop|forward-upstream) (\d{1,3})")
_AKMS = {
    "802.1x": "802.1X",
    "psk": "PSK",
    "sae": "SAE",
    "owe": "OWE",
    "cckm": "CCKM",
    "ft 802.1x": "FT-802.1X",
    "ft psk": "FT-PSK",
    "ft sae": "FT-SAE",
    "pmf 802.1x": "802.1X-SHA256",
    "pmf psk": "PSK-SHA256",
    "suiteb-1x": "802.1X-SUITE-B",
    "suiteb192-1x": "802.1X-SUITE-B-192",
}
_CIPHERS = {"aes": "CCMP", "tkip": "TKIP", "ccmp256": "CCMP-256", "gcmp128": "GCMP", "gcmp256": "GCMP-256"}
_PMF = {"required": PMF_REQUIRED, "optional": PMF_CAPABLE, "disable": PMF_NONE}
_AKM = "security wpa akm "


class _Wlan(NamedTuple):
    line: int
    profile: str
    ssid: str
    switches: dict[str, str]
    """Command without its number, to its last state."""
    keys: list[tuple[str, str]]
    """Form and text of a password."""
    interface: list[str]

    def on(self, name: str, *, default: bool = False) -> bool:
        return self.switches.get(name, "enable" if default else "disable") == "enable"


def recognise(file: SourceFile) -> bool:
    """Commands that create a WLAN."""
    return re.search(r"(?m)^(?:config )?wlan create \d{1,3} \S", file.text) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "cisco_commands")
    wlans: dict[str, _Wlan] = {}
    vlans: dict[str, int] = {}
    for number, line in enumerate(file.lines, 1):
        text = " ".join(line.strip()[:500].removeprefix("config ").split())
        if create := _CREATE.fullmatch(text):
            parts = words(create[2])
            wlans[create[1]] = _Wlan(number, parts[0], parts[1] if len(parts) > 1 else parts[0], {}, [], [])
        elif text.startswith("wlan "):
            _command(text, wlans, desk, number)
        elif found := re.fullmatch(r"interface (?:create|vlan) (\S+) (\d{1,4})", text):
            vlan = vlan_of(found[2])
            if vlan is not None:
                vlans[found[1]] = vlan
    for wlan in wlans.values():
        _add(wlan, vlans, desk, keys)
    if not wlans:
        raise desk.refuse("aucun WLAN dans cette configuration AireOS")
    desk.limit("Ce que la configuration AireOS n'écrit pas est lu comme son réglage d'origine (WPA2, 802.1X).")
    return desk.done()


def _command(text: str, wlans: dict[str, _Wlan], desk: Desk, number: int) -> None:
    if key := _KEY.fullmatch(text):
        if key[3] in wlans:
            wlans[key[3]].keys.append((key[1], key[2]))
    elif found := _SWITCH.fullmatch(text):
        if found[3] in wlans:
            wlans[found[3]].switches[found[1]] = found[2]
            name = found[1].removeprefix(_AKM)
            if found[1].startswith(_AKM) and name not in _AKMS:
                desk.not_understood(number, f"akm {name}", "la gestion des clés est incomplète")
    elif found := re.fullmatch(r"wlan (enable|disable) (\d{1,3})", text):
        if found[2] in wlans:
            wlans[found[2]].switches[""] = found[1]
    elif (found := re.fullmatch(r"wlan interface (\d{1,3}) (\S+)", text)) and found[1] in wlans:
        wlans[found[1]].interface.append(found[2])


def _add(wlan: _Wlan, vlans: dict[str, int], desk: Desk, keys: Keys) -> None:
    security = _security(wlan, desk)
    key = _key(wlan, security, desk, keys)
    web = next((kind for kind in ("web-auth", "web-passthrough") if wlan.on(f"security {kind}")), "")
    config = WlanConfig(
        ssid=wlan.ssid,
        file=desk.name,
        product=desk.product,
        line=wlan.line,
        enabled=wlan.on(""),
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlans.get(wlan.interface[-1]) if wlan.interface else None,
        isolation=wlan.switches.get("peer-blocking", "disable") != "disable",
        portal=web,
        wps=False,
        hidden=not wlan.on("broadcast-ssid", default=True),
    )
    profile = "" if wlan.profile == wlan.ssid else wlan.profile
    details = WlanDetails(
        ssid=wlan.ssid,
        file=config.file,
        line=config.line,
        profile=profile,
        pairwise=security.pairwise,
        dynamic_vlan=wlan.on("aaa-override"),
    )
    desk.configuration(config, details)


def _security(wlan: _Wlan, desk: Desk) -> Security:
    if wlan.on("security static-wep-key"):
        return WEP
    if not wlan.on("security wpa", default=True):
        return OPEN
    akms = [akm for name, akm in _AKMS.items() if wlan.on(_AKM + name, default=name == "802.1x")]
    if not akms:
        desk.not_understood(wlan.line, "security wpa akm", "aucune gestion des clés : chiffrement inconnu")
        return Security()
    old, new = wlan.on("security wpa wpa1"), wlan.on("security wpa wpa2", default=True) or wlan.on("security wpa wpa3")
    ciphers = [
        cipher
        for generation in ("wpa1", "wpa2", "wpa3")
        for name, cipher in _CIPHERS.items()
        if wlan.on(f"security wpa {generation} ciphers {name}", default=(generation, name) == ("wpa2", "aes"))
    ]
    pmf = _PMF.get(wlan.switches.get("security pmf", "disable"), PMF_NONE)
    return protected(akms, ciphers, pmf=pmf, wpa=old, rsn=new or not old)


def _key(wlan: _Wlan, security: Security, desk: Desk, keys: Keys) -> Key:
    if not wlan.keys or not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY
    form, text = wlan.keys[-1]
    if form == "ascii" and not text.startswith("encrypt "):
        return keys.passphrase(text, wlan.ssid)
    desk.limit("Les mots de passe sont chiffrés dans la configuration Cisco : leur solidité n'est pas connue.")
    return NO_KEY
