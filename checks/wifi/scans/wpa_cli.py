r"""`wpa_cli scan_results`: one line per network, security as flags.

Format of wpa_supplicant's `wpa_supplicant_ctrl_iface_scan_result`: five columns separated by tabs (address, frequency,
level, flags, SSID); the SSID escapes what is not printable (`\xNN`). The flags tell key management and ciphers, never
protection of management frames nor the group cipher.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.capture.link import channel_of
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import SCAN, WPS_ABSENT, Network, Suites
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import Security, mac_of, oui_of, secured, ssid_of, unescape

TITLE = "wpa_cli scan_results"

_ROW = re.compile(
    r"([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\t(\d{4,5})\t(-?\d{1,4})\t((?:\[[^\]\t]{0,200}\])*)(?:\t(.*))?"
)
_FLAG = re.compile(r"\[([^\]]*)\]")
_CIPHER = r"(?:CCMP-256|GCMP-256|CCMP|GCMP|TKIP|WEP104|WEP40|NONE)"
_SUITE = re.compile(rf"(WPA2|WPA|RSN|OSEN)-(.{{1,150}}?)(?:-({_CIPHER}(?:\+{_CIPHER})*))?(?:-preauth)?")
_AKMS = {
    "EAP": "802.1X",
    "PSK": "PSK",
    "SAE": "SAE",
    "FT/EAP": "FT-802.1X",
    "FT/PSK": "FT-PSK",
    "FT/SAE": "FT-SAE",
    "EAP-SHA256": "802.1X-SHA256",
    "PSK-SHA256": "PSK-SHA256",
    "EAP-SUITE-B": "802.1X-SUITE-B",
    "EAP-SUITE-B-192": "802.1X-SUITE-B-192",
    "FT/EAP-SHA384": "FT-802.1X-SUITE-B-192",
    "EAP-SHA384": "802.1X-SHA384",
    "FILS-SHA256": "FILS-SHA256",
    "FILS-SHA384": "FILS-SHA384",
    "FT-FILS-SHA256": "FT-FILS-SHA256",
    "FT-FILS-SHA384": "FT-FILS-SHA384",
    "OWE": "OWE",
    "DPP": "DPP",
    "OSEN": "OSEN",
    "SAE-EXT-KEY": "SAE-EXT",
    "FT/SAE-EXT-KEY": "FT-SAE-EXT",
}
_CIPHERS = {"WEP104": "WEP-104", "WEP40": "WEP-40", "NONE": "USE-GROUP"}
_KNOWN = re.compile(
    r"WEP|ESS|IBSS|PBSS|DMG|MESH|P2P|HS20|UTF-8|FILS|FST|WPS(?:-\w+)?|OWE-TRANS(?:-OPEN)?|SAE-H2E|SAE-PK|MLD|6G"
)


class _Flags(NamedTuple):
    names: frozenset[str]
    security: Security


def recognise(file: SourceFile) -> bool:
    """The header of the command, or rows of its shape."""
    return re.search(r"(?m)^bssid / frequency / signal level / flags / ssid$", file.head) is not None or any(
        _ROW.fullmatch(line) for line in file.head.split("\n", 5)[:5]
    )


def parse(file: SourceFile, keys: Keys) -> Imported:  # noqa: ARG001 - one shape for every parser
    """Networks of a scan. Raises `ParseError` when there is none."""
    desk = Desk(file, "wpa_cli")
    for number, row in _rows(file, desk):
        desk.network(_network(row, number, desk))
    found = desk.done()
    if not found.networks:
        raise desk.refuse("aucun réseau dans ces résultats de « wpa_cli scan_results »")
    limit = "« wpa_cli scan_results » ne dit ni la protection des trames de gestion (PMF) ni le verrouillage de WPS."
    return found._replace(limits=(*found.limits, limit))


def _rows(file: SourceFile, desk: Desk) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(file.lines, 1):
        row = _ROW.fullmatch(line)
        if row:
            yield number, row
        elif mac_of(line[:17]):
            desk.not_understood(number, line[:17], "ce réseau n'est pas lu (ligne coupée ?)")


def _network(row: re.Match[str], number: int, desk: Desk) -> Network:
    flags = _flags(row[4], number, desk)
    raw = unescape(row[5] or "")
    hidden = not raw.strip(b"\0")
    ssid, ssid_hex = ("", "") if hidden else ssid_of(raw)
    band, channel = channel_of(int(row[2]))
    bssid = mac_of(row[1])
    level = int(row[3])
    return Network(
        bssid=bssid,
        ssid=ssid,
        ssid_hex=ssid_hex,
        hidden=hidden,
        akms=flags.security.akms,
        pairwise=flags.security.pairwise,
        group="",
        pmf="",
        wps="" if any(name.startswith("WPS") for name in flags.names) else WPS_ABSENT,
        locked=False,
        privacy=flags.security.encryption != "open",
        encryption=flags.security.encryption,
        source=SCAN,
        band=band,
        channel=channel,
        rsn=flags.security.rsn,
        wpa=flags.security.wpa,
        oui=oui_of(bssid),
        mode="ad-hoc" if "IBSS" in flags.names else "mesh" if "MESH" in flags.names else "",
        sae_hash_to_element=True if "SAE-H2E" in flags.names else None,
        sae_pk="SAE-PK" in flags.names,
        # Drivers that only know a quality from 0 to 100 give a positive number, which is not a level.
        strongest=level if level < 0 else None,
        file=desk.name,
    )


def _flags(text: str, number: int, desk: Desk) -> _Flags:
    names = _FLAG.findall(text)
    rsn: Suites | None = None
    wpa: Suites | None = None
    for name in names:
        suite = _SUITE.fullmatch(name)
        if suite is None:
            if not _KNOWN.fullmatch(name):
                desk.not_understood(number, name, "la sécurité de ce réseau peut être incomplète")
        elif suite[1] == "WPA":
            wpa = _suites(suite, number, desk)
        else:
            rsn = _suites(suite, number, desk)
    return _Flags(frozenset(names), secured(rsn, wpa, privacy="WEP" in names))


def _suites(suite: re.Match[str], number: int, desk: Desk) -> Suites:
    akms: list[str] = []
    for word in suite[2].split("+"):
        if word not in _AKMS:
            desk.not_understood(number, word, "gestion des clés inconnue")
        akms.append(_AKMS.get(word, word))
    ciphers = (suite[3] or "").split("+") if suite[3] else []
    return Suites(
        akms=tuple(dict.fromkeys(akms)),
        pairwise=tuple(dict.fromkeys(_CIPHERS.get(cipher, cipher) for cipher in ciphers)),
        pmf="",
    )
