"""Aruba Instant (IAP) and ArubaOS controllers: `show running-config`.

Directives are those of the Instant 8.x CLI guide and of published configurations; not checked on real equipment. By
default the passphrase is shown encrypted (48 hexadecimal digits or more): only `show running-config no-encrypt` lets
its strength be measured. On controllers (`virtual-ap`) the VLAN is taken from the virtual access point. With
`wpa3-sae-aes` and `enhanced-open`, transition mode is on unless `opmode-transition-disable` is there.
"""

from __future__ import annotations

import re

from checks.common.textfile import SourceFile
from checks.wifi.exports.blocks import Block, blocks, unquoted
from checks.wifi.exports.common import protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Aruba Instant"

_HEAD = re.compile(r"wlan ssid-profile (.+)")
_ENCRYPTED = re.compile(r"(?:[0-9a-f]{16}){2,16}")
_OPMODES: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "wpa-tkip": (("802.1X",), ("TKIP",), True),
    "wpa-aes": (("802.1X",), ("CCMP",), True),
    "wpa-psk-tkip": (("PSK",), ("TKIP",), True),
    "wpa-psk-aes": (("PSK",), ("CCMP",), True),
    "wpa2-aes": (("802.1X",), ("CCMP",), False),
    "wpa2-tkip": (("802.1X",), ("TKIP",), False),
    "wpa2-psk-aes": (("PSK",), ("CCMP",), False),
    "wpa2-psk-tkip": (("PSK",), ("TKIP",), False),
    "mpsk-aes": (("PSK",), ("CCMP",), False),
    "mpsk-local": (("PSK",), ("CCMP",), False),
    "wpa3-sae-aes": (("SAE",), ("CCMP",), False),
    "wpa3-aes-ccm-128": (("802.1X-SHA256",), ("CCMP",), False),
    "wpa3-aes-gcm-256": (("802.1X-SHA384",), ("GCMP-256",), False),
    "wpa3-cnsa": (("802.1X-SUITE-B-192",), ("GCMP-256",), False),
    "enhanced-open": (("OWE",), ("CCMP",), False),
}
"""Key management, ciphers, WPA part rather than RSN."""


def recognise(file: SourceFile) -> bool:
    """A running configuration with SSID profiles."""
    return re.search(r"(?m)^wlan ssid-profile \S", file.text) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a configuration. Raises `ParseError` when there is none."""
    desk = Desk(file, "aruba")
    found = list(blocks(file))
    firmware = next((block.head.split()[1] for block in found if re.fullmatch(r"version \d\S*", block.head)), "")
    management = tuple(name for head, name in (("telnet-server", "telnet"),) if any(b.head == head for b in found))
    instant = not any(block.head.startswith("wlan virtual-ap ") for block in found)
    for block in found:
        head = _HEAD.fullmatch(block.head)
        if head:
            if block is found[-1]:
                desk.not_understood(
                    block.line, block.head, "la configuration s'arrête là : ce profil est peut-être coupé"
                )
            vap = _virtual_ap(found, unquoted(head[1]))
            _add(block, unquoted(head[1]), vap, firmware, management if instant else None, desk, keys)
    result = desk.done()
    if not result.configurations:
        raise desk.refuse("aucun SSID dans cette configuration Aruba")
    desk.limit("Cette configuration Aruba ne donne pas les BSSID.")
    return desk.done()


def _virtual_ap(found: list[Block], profile: str) -> Block | None:
    """The virtual access point of a controller that uses this SSID profile."""
    for block in found:
        if block.head.startswith("wlan virtual-ap ") and block.value("ssid-profile") == profile:
            return block
    return None


def _add(
    block: Block,
    profile: str,
    vap: Block | None,
    firmware: str,
    management: tuple[str, ...] | None,
    desk: Desk,
    keys: Keys,
) -> None:
    ssid = block.value("essid") or profile
    security = _security(block, desk)
    key = _key(block, security, ssid, keys, desk)
    portal = block.value("captive-portal")
    isolated = block.has("deny-inter-user-bridging") or bool(vap and vap.has("deny-inter-user-traffic"))
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=block.line,
        enabled=not block.has("disable"),
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlan_of(block.value("vlan") or (vap.value("vlan") if vap else "")),
        isolation=isolated,
        portal="" if portal.startswith("disable") else portal.split(" ")[0] if portal else None,
        wps=False,
        hidden=block.has("hide-ssid"),
        management=management,
        firmware=firmware,
    )
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        line=config.line,
        profile="" if profile == ssid else profile,
        pairwise=security.pairwise,
        guest=block.value("type") == "guest" if block.value("type") else None,
        individual_keys="mpsk" in block.value("opmode"),
    )
    desk.configuration(config, details)


def _security(block: Block, desk: Desk) -> Security:
    modes = [mode for mode in re.split(r"[,\s]+", block.value("opmode")) if mode]
    if modes == ["opensystem"]:
        return OPEN
    if modes and set(modes) <= {"static-wep", "dynamic-wep"}:
        return WEP
    unknown = [mode for mode in modes if mode not in _OPMODES]
    if unknown or not modes:
        what = f"opmode {unknown[0][:40]}" if unknown else "opmode absent"
        desk.not_understood(block.line, what, "le chiffrement de ce réseau est inconnu")
        return Security()
    parts = [_OPMODES[mode] for mode in modes]
    akms = [akm for names, _, _ in parts for akm in names]
    transition = "SAE" in akms and not block.has("opmode-transition-disable", "no opmode-transition")
    if transition:
        akms = ["PSK", *akms]
    return protected(
        akms,
        [cipher for _, ciphers, _ in parts for cipher in ciphers],
        pmf=_pmf(block, akms),
        wpa=any(old for _, _, old in parts),
        rsn=not all(old for _, _, old in parts),
    )


def _pmf(block: Block, akms: list[str]) -> str:
    if block.has("mfp-required") or not {"PSK", "802.1X"} & set(akms):
        return PMF_REQUIRED
    return PMF_CAPABLE if block.has("mfp-capable") or "SAE" in akms else PMF_NONE


def _key(block: Block, security: Security, ssid: str, keys: Keys, desk: Desk) -> Key:
    text = block.value("wpa-passphrase")
    if not text or not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY
    if _ENCRYPTED.fullmatch(text):
        desk.limit(
            "Le mot de passe est chiffré dans l'export Aruba : sa solidité n'est pas connue "
            "(« show running-config no-encrypt » la donnerait)."
        )
        return NO_KEY
    return keys.passphrase(text, ssid)
