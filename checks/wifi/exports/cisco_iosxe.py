"""Cisco Catalyst 9800 and embedded controllers: `show running-config`.

Directives and defaults are those of Cisco's 9800 configuration guides and of published configurations; not checked on
real equipment. A new WLAN has WPA2, AES and 802.1X without being told: only what is taken away (`no …`) or added is
written. The VLAN is that of the policy profile tied to the WLAN by a policy tag; when two tags disagree, it is not
known. Passwords of type 7 or 8 are encrypted, and only counted as present.
"""

from __future__ import annotations

import re

from checks.common.textfile import SourceFile
from checks.wifi.exports.blocks import Block, blocks, words
from checks.wifi.exports.common import protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Cisco 9800 (show running-config)"

_WLAN = re.compile(r"wlan (.+?) (\d{1,4})(?: (.+))?")
_AKMS = {
    "dot1x": "802.1X",
    "psk": "PSK",
    "dot1x-sha256": "802.1X-SHA256",
    "psk-sha256": "PSK-SHA256",
    "dot1x-sha1": "802.1X",
    "sae": "SAE",
    "sae-ext-key": "SAE-EXT",
    "owe": "OWE",
    "cckm": "CCKM",
    "suiteb-1x": "802.1X-SUITE-B",
    "suiteb192-1x": "802.1X-SUITE-B-192",
    "suiteb-192": "802.1X-SUITE-B-192",
    "ft dot1x": "FT-802.1X",
    "ft psk": "FT-PSK",
    "ft sae": "FT-SAE",
    "ft sae-ext-key": "FT-SAE-EXT",
}
_CIPHERS = {
    "aes": "CCMP",
    "ccmp128": "CCMP",
    "ccmp256": "CCMP-256",
    "gcmp128": "GCMP",
    "gcmp256": "GCMP-256",
    "tkip": "TKIP",
}
_OTHER = re.compile(
    r"security (?:ft(?: .*)?|pmf .*|web-auth.*|dot1x .*|static-wep-key.*|beacon-protection|wpa"
    r"|wpa (?:wpa[123](?: ciphers .*)?|wpa2 mpsk|mpsk|psk .*|akm .*|ciphers .*|gtk-randomize"
    r"|transition-mode-wlan-id .*|(?:pairwise|group)-cipher .*))"
)


def recognise(file: SourceFile) -> bool:
    """A running configuration with WLAN profiles."""
    return (
        re.search(r"(?m)^wlan \S.* \d{1,4}(?: \S.*)?$", file.text) is not None
        and re.search(r"(?m)^(?: +(?:no )?security |wireless (?:profile|tag) policy )", file.text) is not None
    )


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "cisco_iosxe")
    found = list(blocks(file))
    vlans = _vlans(found, desk)
    firmware = next((block.head.split()[1] for block in found if re.fullmatch(r"version \d\S*", block.head)), "")
    management = _management(found)
    for block in found:
        head = _WLAN.fullmatch(" ".join(block.head.split()))
        if head:
            parts = words(block.head)
            profile = parts[1] if len(parts) > 1 else ""
            # `wlan PROFILE ID [SSID]`: without an SSID it is the profile's name.
            ssid = parts[3] if len(parts) > 3 else profile  # noqa: PLR2004 - fourth word
            if block is found[-1]:
                # What this product does not write is its default: a missing end could hide that security is off.
                raise desk.refuse("configuration incomplète : elle s'arrête au milieu d'un WLAN", block.line)
            _add(block, profile, ssid, vlans.get(profile), firmware, management, desk, keys)
    result = desk.done()
    if not result.configurations:
        raise desk.refuse("aucun WLAN dans cette configuration Cisco")
    desk.limit("La configuration du contrôleur Cisco ne donne pas les BSSID.")
    return desk.done()


def _management(found: list[Block]) -> tuple[str, ...]:
    """Administration services that the controller opens."""
    heads = {block.head for block in found}
    telnet = any(
        block.head.startswith("line vty") and re.search(r"transport input (?:.*\b)?(?:telnet|all)", t)
        for block in found
        for _, t in block.body
    )
    ssh = any(
        block.head.startswith("line vty") and re.search(r"transport input (?:.*\b)?(?:ssh|all)", t)
        for block in found
        for _, t in block.body
    )
    services = (
        ("http", "ip http server" in heads),
        ("https", "ip http secure-server" in heads),
        ("telnet", telnet),
        ("ssh", ssh),
    )
    return tuple(name for name, opened in services if opened)


def _vlans(found: list[Block], desk: Desk) -> dict[str, int]:
    """VLAN of each WLAN profile, by tags and policy profiles."""
    named = {block.value("name"): block.head.split()[1] for block in found if re.fullmatch(r"vlan \d+", block.head)}
    policies: dict[str, int | None] = {}
    for block in found:
        head = re.fullmatch(r"wireless profile policy (.+)", block.head)
        if head:
            vlan = block.value("vlan")
            policies[words(head[1])[0]] = vlan_of(named.get(vlan, vlan))
    ties: dict[str, set[int | None]] = {}
    for block in found:
        if block.head.startswith("wireless tag policy "):
            for _, text in block.body:
                parts = words(text)
                if len(parts) == 4 and parts[0] == "wlan" and parts[2] == "policy":  # noqa: PLR2004
                    ties.setdefault(parts[1], set()).add(policies.get(parts[3]))
    for profile, chosen in ties.items():
        if len(chosen) > 1:
            desk.limit(f"Le WLAN « {profile[:60]} » a plusieurs VLAN selon les bornes (policy tags).")
    return {profile: vlan for profile, chosen in ties.items() if len(chosen) == 1 for vlan in chosen if vlan}


def _add(
    block: Block,
    profile: str,
    ssid: str,
    vlan: int | None,
    firmware: str,
    management: tuple[str, ...],
    desk: Desk,
    keys: Keys,
) -> None:
    for number, text in block.body:
        if re.match(r"(?:no )?security ", text) and not _OTHER.fullmatch(text.removeprefix("no ")):
            desk.not_understood(number, " ".join(text.split()[:4]), "la sécurité de ce réseau peut être incomplète")
    security = _security(block, desk)
    key = _key(block, security, ssid, keys, desk)
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=block.line,
        # A WLAN is shut down until `no shutdown` is written.
        enabled=block.has("no shutdown"),
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlan,
        isolation=block.has("peer-blocking drop", "peer-blocking forward-upstream"),
        portal="web-auth" if block.has("security web-auth") else "",
        wps=False,
        hidden=block.has("no broadcast-ssid"),
        management=management,
        firmware=firmware,
    )
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        line=config.line,
        profile="" if profile == ssid else profile,
        pairwise=security.pairwise,
        individual_keys=block.has("security wpa wpa2 mpsk", "security wpa mpsk"),
    )
    desk.configuration(config, details)


def _security(block: Block, desk: Desk) -> Security:
    if block.has("security static-wep-key"):
        return WEP
    if any(text == "no security wpa" for _, text in block.body):
        return OPEN
    akms = [] if block.has("no security wpa akm dot1x") else ["802.1X"]
    ciphers: list[str] = []
    for number, text in block.body:
        if found := re.fullmatch(r"security (?:wpa|ft) akm (.+)", text):
            name = found[1]
            if name.startswith("sae pwe"):
                continue
            if text.startswith("security ft "):
                name = f"ft {name}"
            if name not in _AKMS:
                desk.not_understood(number, f"akm {name[:40]}", "la gestion des clés est incomplète")
            akms.append(_AKMS.get(name, name))
        elif found := re.fullmatch(r"security wpa (?:wpa[123] )?(?:ciphers|pairwise-cipher) (.+)", text):
            ciphers += [_CIPHERS.get(word, word.upper()) for word in found[1].split()]
    if not akms:
        desk.not_understood(block.line, "security wpa", "aucune gestion des clés : chiffrement inconnu")
        return Security()
    if not block.has("no security wpa wpa2 ciphers aes") and "CCMP" not in ciphers:
        ciphers.append("CCMP")
    rsn = not block.has("no security wpa wpa2") or block.has("security wpa wpa3")
    old = block.has("security wpa wpa1")
    return protected(akms, ciphers, pmf=_pmf(block), wpa=old, rsn=rsn or not old)


def _pmf(block: Block) -> str:
    if block.has("security pmf mandatory"):
        return PMF_REQUIRED
    return PMF_CAPABLE if block.has("security pmf optional") else PMF_NONE


def _key(block: Block, security: Security, ssid: str, keys: Keys, desk: Desk) -> Key:
    if not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY
    for _, text in block.body:
        found = re.fullmatch(r"security wpa psk set-key (ascii|hex) (\d) (.+)", text)
        if found and found[2] == "0":
            return keys.passphrase(found[3], ssid)
        if found:
            desk.limit("Les mots de passe sont chiffrés dans la configuration Cisco : leur solidité n'est pas connue.")
    return NO_KEY
