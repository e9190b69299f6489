"""Windows `netsh wlan show networks mode=bssid`, in English or French.

Labels of Windows 10 and 11 as published by their users; French ones are matched without accents nor case because the
console writes them in code page 850, often damaged. Windows names one authentication and one cipher per SSID, that of
the strongest type it would use: a WPA2 network that also accepts WPA, or a WPA3 one that also accepts WPA2, cannot be
told from a pure one. PMF, WPS and several key managements are never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import SCAN, Network
from checks.wifi.imported import Desk, Imported
from checks.wifi.scans.netsh_words import CIPHERS, authentication, plain
from checks.wifi.security import Security, mac_of, oui_of, ssid_of

TITLE = "netsh wlan show networks"

_SSID = re.compile(r"SSID (\d{1,4})\s*:(.*)")
_BSSID = re.compile(r"\s+BSSID \d{1,4}\s*:\s*(\S+)\s*")
_FIELD = re.compile(r"\s+(\S[^:]{0,60}?)\s*:(.*)")
_NAMES = {
    "authentication": "authentication",
    "authentification": "authentication",
    "encryption": "cipher",
    "chiffrement": "cipher",
    "cryptage": "cipher",
    "network type": "type",
    "type de reseau": "type",
    "radio type": "radio",
    "type de radio": "radio",
    "band": "band",
    "bande": "band",
    "channel": "channel",
    "canal": "channel",
}
_GENERATIONS = {"802.11be": "be", "802.11ax": "ax", "802.11ac": "ac", "802.11n": "n"}
_LIMIT = (
    "Windows (netsh) ne montre que le type de sécurité le plus fort de chaque SSID : un mode mixte, la protection des "
    "trames (PMF) et WPS n'y sont pas visibles."
)


class _Block(NamedTuple):
    line: int
    name: str
    fields: dict[str, str]
    radios: list[dict[str, str]]


def recognise(file: SourceFile) -> bool:
    """Numbered SSIDs, then an authentication."""
    return (
        re.search(r"(?m)^SSID \d{1,4}\s*:", file.head) is not None
        and re.search(r"(?mi)^\s+authenti(?:fi)?cation\s*:", file.head) is not None
    )


def parse(file: SourceFile, keys: Keys) -> Imported:  # noqa: ARG001 - one shape for every parser
    """Networks of a list. Raises `ParseError` when there is none."""
    desk = Desk(file, "netsh")
    for block in _blocks(file):
        for network in _networks(block, desk):
            desk.network(network)
    desk.limit(_LIMIT)
    found = desk.done()
    if not found.networks:
        raise desk.refuse("aucun réseau dans cette sortie de netsh")
    return found


def _blocks(file: SourceFile) -> Iterator[_Block]:
    block: _Block | None = None
    for number, line in enumerate(file.lines, 1):
        if begins := _SSID.match(line):
            if block is not None:
                yield block
            block = _Block(number, begins[2].strip(), {}, [])
        elif block is None:
            continue
        elif radio := _BSSID.fullmatch(line):
            block.radios.append({"bssid": mac_of(radio[1])})
        elif field := _FIELD.fullmatch(line):
            name = _NAMES.get(plain(field[1]))
            if name:
                (block.radios[-1] if block.radios else block.fields).setdefault(name, field[2].strip())
    if block is not None:
        yield block


def _networks(block: _Block, desk: Desk) -> Iterator[Network]:
    security = _security(block, desk)
    if not block.radios:
        desk.limit(f"{desk.name} ne contient pas les BSSID : relancer avec « mode=bssid ».")
    for radio in block.radios or [{"bssid": ""}]:
        yield _network(block, radio, security, desk)


def _security(block: _Block, desk: Desk) -> Security:
    text = block.fields.get("authentication", "")
    found = authentication(text)
    cipher = CIPHERS.get(plain(block.fields.get("cipher", "")))
    if found is None:
        desk.not_understood(block.line, text or "authentification absente", "la sécurité de ce réseau est inconnue")
        return Security()
    if found.encryption == "open" and cipher == "WEP":
        return Security(encryption="wep", pairwise=("WEP",), group="WEP")
    if cipher is None:
        desk.not_understood(block.line, "chiffrement", "le chiffrement de ce réseau est inconnu")
    return found._replace(pairwise=(cipher,) if cipher else ())


def _network(block: _Block, radio: dict[str, str], security: Security, desk: Desk) -> Network:
    ssid, ssid_hex = ssid_of(block.name.encode("utf-8", "replace"))
    channel = re.fullmatch(r"\d{1,3}", radio.get("channel", ""))
    band = re.match(r"(2[.,]4|5|6)\s*GHz", radio.get("band", ""))
    bssid = radio["bssid"]
    return Network(
        bssid=bssid,
        ssid=ssid,
        ssid_hex=ssid_hex,
        hidden=not block.name,
        akms=security.akms,
        pairwise=security.pairwise,
        group=security.group,
        pmf="",
        wps="",
        locked=False,
        privacy=security.encryption != "open",
        encryption=security.encryption,
        source=SCAN,
        band=band[1].replace(",", ".") if band else "",
        channel=int(channel[0]) if channel else None,
        oui=oui_of(bssid),
        best_only=security.encryption not in {"open", "wep", "unknown"},
        mode="ad-hoc" if plain(block.fields.get("type", "")) in {"adhoc", "ad hoc", "ad-hoc"} else "",
        generation=_GENERATIONS.get(radio.get("radio", ""), ""),
        file=desk.name,
    )
