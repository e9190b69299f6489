"""OpenWrt wireless configuration: `/etc/config/wireless`, or the output of `uci show wireless`.

Values of `encryption` and what they imply for PMF are those of OpenWrt's `hostapd.sh`. Bridges and VLANs are in
`/etc/config/network`: when its sections are in the same file (`uci show`), a network on `X.20` gives VLAN 20.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import network_of, on, pmf_of, protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security, mac_of

TITLE = "OpenWrt (UCI wireless)"

_SECTION = re.compile(r"\s*config\s+['\"]?([\w-]+)['\"]?(?:\s+['\"]?([\w.-]*)['\"]?)?\s*")
_OPTION = re.compile(r"\s*(?:option|list)\s+['\"]?([\w-]+)['\"]?\s+(.*)")
_SHOWN = re.compile(r"(wireless|network)\.([\w@\[\]-]+)(?:\.([\w-]+))?=(.*)")
_MODES: dict[str, tuple[tuple[str, ...], bool, bool, str]] = {
    "psk": (("PSK",), True, False, PMF_NONE),
    "psk2": (("PSK",), False, True, PMF_NONE),
    "psk-mixed": (("PSK",), True, True, PMF_NONE),
    "psk3": (("SAE",), False, True, PMF_REQUIRED),
    "psk3-mixed": (("PSK", "SAE"), False, True, PMF_CAPABLE),
    "sae": (("SAE",), False, True, PMF_REQUIRED),
    "sae-mixed": (("PSK", "SAE"), False, True, PMF_CAPABLE),
    "wpa": (("802.1X",), True, False, PMF_NONE),
    "wpa2": (("802.1X",), False, True, PMF_NONE),
    "wpa-mixed": (("802.1X",), True, True, PMF_NONE),
    "wpa3": (("802.1X-SHA256",), False, True, PMF_REQUIRED),
    "wpa3-mixed": (("802.1X", "802.1X-SHA256"), False, True, PMF_CAPABLE),
    "wpa3-192": (("802.1X-SUITE-B-192",), False, True, PMF_REQUIRED),
    "owe": (("OWE",), False, True, PMF_REQUIRED),
}
"""Key management, WPA part, RSN part, PMF by default."""
_CIPHERS = {"ccmp": "CCMP", "aes": "CCMP", "tkip": "TKIP", "gcmp": "GCMP", "gcmp256": "GCMP-256", "ccmp256": "CCMP-256"}


class _Section(NamedTuple):
    kind: str
    name: str
    line: int
    options: dict[str, str]

    def get(self, name: str, default: str = "") -> str:
        return self.options.get(name, default)


def recognise(file: SourceFile) -> bool:
    """Sections of a wireless configuration."""
    return (
        re.search(r"(?m)^(?:\s*config\s+'?wifi-(?:iface|device)\b|wireless\.[\w@\[\]-]+=wifi-)", file.head) is not None
    )


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a router. Raises `ParseError` when there is none."""
    desk = Desk(file, "openwrt")
    sections = list(_sections(file, desk))
    radios = {section.name: section for section in sections if section.kind == "wifi-device"}
    vlans = _vlans(sections)
    for section in sections:
        if section.kind == "wifi-iface" and section.get("mode", "ap") == "ap":
            _add(section, radios.get(section.get("device")), vlans, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun point d'accès dans cette configuration OpenWrt")
    if not vlans:
        desk.limit(
            "La configuration réseau d'OpenWrt n'est pas dans ce fichier : le VLAN de chaque SSID n'est pas connu."
        )
    return desk.done()


def _sections(file: SourceFile, desk: Desk) -> Iterator[_Section]:
    shown: dict[str, _Section] = {}
    current: _Section | None = None
    for number, line in enumerate(file.lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _SHOWN.fullmatch(line.strip()):
            if found[3] is None:
                shown[found[2]] = _Section(found[4].strip("'\""), found[2], number, {})
            elif found[2] in shown:
                shown[found[2]].options[found[3]] = _value(found[4])
        elif begins := _SECTION.fullmatch(line):
            if current is not None:
                yield current
            current = _Section(begins[1], begins[2] or "", number, {})
        elif (option := _OPTION.fullmatch(line)) and current is not None:
            current.options.setdefault(option[1], _value(option[2]))
        elif not line.strip().startswith("package"):
            desk.not_understood(number, f"ligne {number}", "cette ligne n'est pas comprise : fichier abîmé ?")
    if current is not None:
        yield current
    yield from shown.values()


def _value(text: str) -> str:
    """Content of a quoted value; the shell's way of writing a quote inside is understood."""
    try:
        return " ".join(shlex.split(text[:4000]))
    except ValueError:
        return text.strip().strip("'\"")


def _vlans(sections: list[_Section]) -> dict[str, int]:
    """VLAN of each network whose device is tagged."""
    found: dict[str, int] = {}
    for section in sections:
        if section.kind == "interface":
            device = section.get("device") or section.get("ifname")
            tag = vlan_of(device.rpartition(".")[2]) if "." in device else None
            if tag is not None:
                found[section.name] = tag
    return found


def _add(section: _Section, radio: _Section | None, vlans: dict[str, int], desk: Desk, keys: Keys) -> None:
    ssid = section.get("ssid")
    if not ssid:
        desk.not_understood(section.line, "wifi-iface", "cette section n'a pas de SSID")
        return
    security = _security(section, desk)
    key = _key(section, security, keys)
    bssid = mac_of(section.get("macaddr") or section.get("bssid"))
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=section.line,
        enabled=not on(section.get("disabled")) and not on(radio.get("disabled") if radio else ""),
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlans.get(section.get("network")),
        isolation=bool(on(section.get("isolate", "0"))),
        wps=bool(on(section.get("wps_pushbutton", "0")) or section.get("wps_pin")),
        hidden=bool(on(section.get("hidden", "0"))),
        bssids=(bssid,) if bssid else (),
    )
    retries = section.get("wpa_disable_eapol_key_retries")
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        line=config.line,
        pairwise=security.pairwise,
        group=security.group,
        dynamic_vlan=section.get("dynamic_vlan", "0") != "0",
        eapol_retries_disabled=bool(on(retries or "0")),
    )
    desk.configuration(config, details)
    if bssid:
        band, channel = _place(radio)
        desk.network(msgspec.structs.replace(network_of(config, security, bssid), band=band, channel=channel))


def _security(section: _Section, desk: Desk) -> Security:
    text = section.get("encryption", "none").lower()
    mode, *ciphers = text.split("+")
    if mode == "none":
        return OPEN
    if mode in {"wep", "wep-open", "wep-shared"}:
        return WEP
    known = _MODES.get(mode)
    if known is None:
        desk.not_understood(section.line, f"encryption {text[:40]}", "le chiffrement de ce réseau est inconnu")
        return Security()
    akms, wpa, rsn, pmf = known
    for cipher in ciphers:
        if cipher not in _CIPHERS:
            desk.not_understood(section.line, f"encryption {text[:40]}", "un des chiffrements est inconnu")
    names = [_CIPHERS[cipher] for cipher in ciphers if cipher in _CIPHERS] or (["TKIP", "CCMP"] if wpa else ["CCMP"])
    chosen = pmf_of(section.get("ieee80211w")) or pmf
    return protected(akms, names, pmf=chosen, wpa=wpa, rsn=rsn, group="TKIP" if "TKIP" in names else names[0])


def _key(section: _Section, security: Security, keys: Keys) -> Key:
    if not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY
    return keys.passphrase(section.get("key") or section.get("sae_password"), section.get("ssid"))


def _place(radio: _Section | None) -> tuple[str, int | None]:
    if radio is None:
        return "", None
    band = {"2g": "2.4", "5g": "5", "6g": "6", "60g": "60"}.get(radio.get("band"), "")
    if not band:
        band = {"11a": "5", "11g": "2.4", "11b": "2.4"}.get(radio.get("hwmode"), "")
    channel = radio.get("channel")
    return band, int(channel) if re.fullmatch(r"[1-9]\d{0,2}", channel) else None
