r"""`nmcli device wifi list`: table, terse (`-t`, colons escaped) and multiline (`-m multiline`) outputs.

Which columns are there depends on `-f`; a terse output has no header, so its columns are recognised by what all their
values look like, and a file in which that is not certain is refused rather than misread. NetworkManager sums security
up (`WPA2 WPA3`): without the columns `WPA-FLAGS` and `RSN-FLAGS` the exact key management, the ciphers and the
protection of management frames are not known. Its signal is a percentage, not dBm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checks.common.textfile import ParseError, SourceFile
from checks.wifi.capture.link import channel_of
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import SCAN, Network, Suites
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, UNKNOWN, WEP, Security, mac_of, oui_of, secured, ssid_of

TITLE = "nmcli device wifi list"

_MAC = r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
_MODES = ("Infra", "Ad-Hoc", "AP", "Mesh", "N/A", "Maillage")
_MAX_LINE = 2000
_SECURITY_WORD = r"(?:--|WEP|WPA[123]?|802\.1X|OWE(?:-TM)?|SAE|RSN)"
_FLAG_WORD = (
    r"(?:\(none\)|none|(?:pair|group)_\w+|psk|sae|owe(?:[-_]tm|[-_]transition[-_]mode)?|802\.1X|eap[-_\w]*|N/A)"
)
_PATTERNS = {
    "IN-USE": r"[ *]?",
    "BSSID": _MAC,
    "MODE": "|".join(map(re.escape, _MODES)),
    "FREQ": r"\d{4,5} MHz",
    "RATE": r"\d{1,5} [MG]bit/s|--",
    "BARS": r"[▂▄▆█_* ]{1,8}",
    "SECURITY": rf"(?:{_SECURITY_WORD}(?: {_SECURITY_WORD})*)?",
    "WPA-FLAGS": rf"(?:{_FLAG_WORD}(?: {_FLAG_WORD})*)?",
    "RSN-FLAGS": rf"(?:{_FLAG_WORD}(?: {_FLAG_WORD})*)?",
    "SSID-HEX": r"(?:[0-9A-Fa-f]{2}){0,32}",
    "CHAN": r"\d{1,3}",
    "SIGNAL": r"\d{1,3}",
    "ACTIVE": r"yes|no|oui|non",
    "SSID": r".*?",
}
_ALIASES = {
    "*": "IN-USE",
    "EN-COURS-D’UTILISATION": "IN-USE",
    "EN-UTILISATION": "IN-USE",
    "UTILISÉ": "IN-USE",
    "CANAL": "CHAN",
    "DÉBIT": "RATE",
    "TAUX": "RATE",
    "BARRES": "BARS",
    "SÉCURITÉ": "SECURITY",
    "FRÉQ": "FREQ",
    "ACTIF": "ACTIVE",
    "INDICATEURS-WPA": "WPA-FLAGS",
    "INDICATEURS-RSN": "RSN-FLAGS",
}
_GUESSED = ("BSSID", "MODE", "FREQ", "RATE", "BARS")
"""Columns of a terse output that cannot be taken for another."""
_FLAG_AKMS = {"psk": "PSK", "sae": "SAE", "802.1x": "802.1X", "owe": "OWE", "eap_suite_b_192": "802.1X-SUITE-B-192"}
_FLAG_CIPHERS = {"ccmp": "CCMP", "tkip": "TKIP", "wep40": "WEP-40", "wep104": "WEP-104"}
_GENERATIONS = {"WPA1": "wpa", "WPA": "wpa", "WPA2": "wpa2", "WPA3": "wpa3", "OWE": "owe", "SAE": "wpa3"}

Row = dict[str, str]


def recognise(file: SourceFile) -> bool:
    """A header of nmcli, rows with escaped addresses, or blocks of one property a line."""
    if re.search(r"(?m)^BSSID: +" + _MAC, file.head):
        return True
    lines = [line for line in file.head.split("\n")[:20] if line.strip()]
    return any(_header(line) for line in lines[:3]) or any(
        re.search(r"(?:^|:)(?:[0-9A-Fa-f]{2}\\:){5}[0-9A-Fa-f]{2}(?::|$)", line) for line in lines
    )


def parse(file: SourceFile, keys: Keys) -> Imported:  # noqa: ARG001 - one shape for every parser
    """Networks of a list. Raises `ParseError` when there is none or when columns are ambiguous."""
    desk = Desk(file, "nmcli")
    for number, row in _rows(file, desk):
        desk.network(_network(row, number, desk))
    found = desk.done()
    if not found.networks:
        raise desk.refuse("aucun réseau dans cette sortie de nmcli")
    limit = "nmcli ne dit pas l'état de WPS, et résume la sécurité : la protection des trames (PMF) n'est pas connue."
    return found._replace(limits=(*found.limits, limit))


def _rows(file: SourceFile, desk: Desk) -> Iterator[tuple[int, Row]]:
    lines = [(number, line) for number, line in enumerate(file.lines, 1) if line.strip()]
    columns = next((found for _, line in lines[:3] if (found := _header(line))), None)
    if columns:
        yield from _table(lines, columns, desk)
    elif any(re.match(r"BSSID: +" + _MAC, line) for _, line in lines):
        yield from _multiline(lines)
    else:
        yield from _terse(lines, desk)


def _header(line: str) -> list[str] | None:
    """Columns of a table, when the line is its header."""
    words = [_ALIASES.get(word, word) for word in line.split()]
    known = len(words) >= 2 and all(word in _PATTERNS for word in words)  # noqa: PLR2004 - one word is no header
    return words if known and "SSID" in words and len(set(words)) == len(words) else None


def _table(lines: list[tuple[int, str]], columns: list[str], desk: Desk) -> Iterator[tuple[int, Row]]:
    shape = re.compile(r"\s{1,400}".join(f"({_PATTERNS[name]})" for name in columns) + r"\s*")
    if columns[0] == "IN-USE":
        shape = re.compile(shape.pattern.replace(r"([ *]?)\s{1,400}", r"([ *])\s{0,400}", 1))
    for number, line in lines:
        if _header(line):
            continue
        found = shape.fullmatch(line) if len(line) <= _MAX_LINE else None
        if found is None:
            desk.not_understood(number, f"ligne {number}", "ce réseau n'est pas lu")
            continue
        yield number, {name: value.strip() for name, value in zip(columns, found.groups(), strict=True)}


def _multiline(lines: list[tuple[int, str]]) -> Iterator[tuple[int, Row]]:
    row: Row = {}
    began = 0
    for number, line in lines:
        name, _, value = line.partition(":")
        name = _ALIASES.get(name.strip(), name.strip())
        if name not in _PATTERNS:
            continue
        if name in row:
            yield began, row
            row = {}
        began = began if row else number
        row[name] = value.strip() if name != "SSID" else value.lstrip(" ")
    if row:
        yield began, row


def _terse(lines: list[tuple[int, str]], desk: Desk) -> Iterator[tuple[int, Row]]:
    rows = [(number, _split(line)) for number, line in lines]
    width = len(rows[0][1]) if rows else 0
    whole = [(number, fields) for number, fields in rows if len(fields) == width]
    for number, fields in rows:
        if len(fields) != width:
            desk.not_understood(number, f"ligne {number}", "ce réseau n'est pas lu (nombre de colonnes différent)")
    columns = _guess([fields for _, fields in whole], desk)
    for number, fields in whole:
        yield number, {name: value for name, value in zip(columns, fields, strict=True) if name}


def _split(line: str) -> list[str]:
    """Fields of a terse line: `:` separates, a backslash protects the next character."""
    fields = [""]
    escaped = False
    for character in line:
        if escaped:
            fields[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ":":
            fields.append("")
        else:
            fields[-1] += character
    return fields


def _guess(rows: Sequence[list[str]], desk: Desk) -> list[str]:
    """Name of each column of a terse output; empty for one that is not needed. Raises `ParseError` when unsure."""
    width = len(rows[0]) if rows else 0
    values = [[row[index] for row in rows] for index in range(width)]
    names = [""] * width
    if width > 1 and _all("IN-USE", values[0]):
        names[0] = "IN-USE"
    for index, column in enumerate(values):
        for name in _GUESSED:
            if not names[index] and name not in names and any(column) and _all(name, column):
                names[index] = name
    if width > 1 and not names[-1] and _all("SECURITY", values[-1]):
        names[-1] = "SECURITY"
    numbers = [index for index in range(width) if not names[index] and _all("CHAN", values[index])]
    for index, name in zip(numbers[-2:], ("CHAN", "SIGNAL"), strict=False):
        # One number alone may be a channel or a signal: neither is taken.
        names[index] = name if len(numbers) > 1 else "?"
    free = [index for index in range(width) if not names[index]]
    if len(free) != 1:
        raise _ambiguous(desk)
    names[free[0]] = "SSID"
    if "BSSID" not in names and "SECURITY" not in names:
        raise _ambiguous(desk)
    return names


def _ambiguous(desk: Desk) -> ParseError:
    return desk.refuse(
        "colonnes de « nmcli -t » ambiguës ; relancer « nmcli -f "
        "SSID,BSSID,MODE,CHAN,SIGNAL,SECURITY,WPA-FLAGS,RSN-FLAGS device wifi list »"
    )


def _all(name: str, column: Sequence[str]) -> bool:
    return all(re.fullmatch(_PATTERNS[name], value) for value in column)


def _network(row: Row, number: int, desk: Desk) -> Network:
    raw = bytes.fromhex(row["SSID-HEX"]) if row.get("SSID-HEX") else row.get("SSID", "").encode("utf-8", "replace")
    hidden = raw in {b"", b"--"} or not raw.strip(b"\0")
    ssid, ssid_hex = ("", "") if hidden else ssid_of(raw)
    bssid = mac_of(row.get("BSSID", ""))
    security = _security(row, number, desk)
    frequency = re.fullmatch(r"(\d+) MHz", row.get("FREQ", ""))
    channel = int(row["CHAN"]) if row.get("CHAN", "").isdecimal() else None
    band = channel_of(int(frequency[1]))[0] if frequency else ""
    return Network(
        bssid=bssid,
        ssid=ssid,
        ssid_hex=ssid_hex,
        hidden=hidden,
        akms=security.akms,
        pairwise=security.pairwise,
        group=security.group,
        pmf="",
        wps="",
        locked=False,
        privacy=security.encryption != "open",
        encryption=security.encryption,
        source=SCAN,
        band=band,
        channel=channel,
        rsn=security.rsn,
        wpa=security.wpa,
        oui=oui_of(bssid),
        mode={"Ad-Hoc": "ad-hoc", "Mesh": "mesh", "Maillage": "mesh"}.get(row.get("MODE", ""), ""),
        file=desk.name,
    )


def _security(row: Row, number: int, desk: Desk) -> Security:
    wpa, rsn = _flags(row.get("WPA-FLAGS", "")), _flags(row.get("RSN-FLAGS", ""))
    if wpa or rsn:
        return secured(rsn, wpa)
    if "SECURITY" not in row:
        desk.limit(f"{desk.name} ne contient pas la colonne SECURITY : le chiffrement n'est pas connu.")
        return UNKNOWN
    words = row["SECURITY"].split()
    if words in ([], ["--"]):
        return OPEN
    if "WEP" in words:
        return WEP
    if "OWE-TM" in words:
        # The open half of a transition pair: what is announced here is an open network.
        return OPEN
    generations = [name for name in ("wpa", "wpa2", "wpa3", "owe") if name in {_GENERATIONS.get(w) for w in words}]
    unknown = [word for word in words if word not in _GENERATIONS and word != "802.1X"]
    for word in unknown:
        desk.not_understood(number, word, "la sécurité de ce réseau est incomplète")
    return Security(akms=_akms(generations, words), encryption="-".join(generations) or "unknown")


def _akms(generations: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """What the summary lets one say: 802.1X or passwords, never which variant."""
    if "802.1X" in words:
        return ("802.1X",)
    names = {"wpa": "PSK", "wpa2": "PSK", "wpa3": "SAE", "owe": "OWE"}
    return tuple(dict.fromkeys(names[name] for name in generations))


def _flags(text: str) -> Suites | None:
    words = text.lower().split()
    akms = [_FLAG_AKMS[word] for word in words if word in _FLAG_AKMS]
    if not akms:
        return None
    pairwise = [_FLAG_CIPHERS.get(word[5:], word[5:].upper()) for word in words if word.startswith("pair_")]
    group = [_FLAG_CIPHERS.get(word[6:], word[6:].upper()) for word in words if word.startswith("group_")]
    return Suites(
        akms=tuple(dict.fromkeys(akms)), pairwise=tuple(dict.fromkeys(pairwise)), group=next(iter(group), ""), pmf=""
    )
