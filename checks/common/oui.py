"""Makers of network equipment, from their addresses, when this machine has a list of them.

The IEEE registry is public, and several common programs install a copy: none is shipped here. Three forms are read:
`oui.txt` of the IEEE, `manuf` of Wireshark (which knows the smaller blocks of 28 and 36 bits too) and
`nmap-mac-prefixes` of nmap. A file is read from end to end once for all the addresses asked for, and nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from checks.common.text import clean

PATHS = (
    Path("/usr/share/wireshark/manuf"),
    Path("/usr/share/nmap/nmap-mac-prefixes"),
    Path("/usr/local/share/nmap/nmap-mac-prefixes"),
    Path("/opt/homebrew/share/nmap/nmap-mac-prefixes"),
    Path("C:/Program Files/Wireshark/manuf"),
    Path("C:/Program Files (x86)/Nmap/nmap-mac-prefixes"),
    Path("/var/lib/ieee-data/oui.txt"),
    Path("/usr/share/ieee-data/oui.txt"),
    Path("/usr/share/hwdata/oui.txt"),
    Path("/usr/share/misc/oui.txt"),
)
"""Where lists are installed; the first one that can be read is enough."""
MAX_BYTES = 32_000_000
MAX_LINE = 4096
MAX_NAME = 80
_DIGITS = (9, 7, 6)
"""Hexadecimal digits of a block: 36, 28 and 24 bits."""
_ADDRESS = re.compile(r"(?:[0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)
_BLOCK = re.compile(r"([0-9A-F:.-]{6,17})(?:/(\d{1,2}))?\s+(.*)", re.IGNORECASE)
_KIND = re.compile(r"\((?:hex|base 16)\)\s*")
_NOBODY = frozenset({"", "private", "ieee registration authority", "ieeeregistrationauthority", "ieeeregi"})
"""What the registry says of a block whose owner is secret, or that is sold in smaller blocks."""


def makers(addresses: Iterable[str], paths: Sequence[Path] = PATHS) -> dict[str, str]:
    """The maker of each address whose block is listed; addresses drawn at random, or of groups, have none.

    Empty when no list is installed. Addresses are written with colons, dashes, points or nothing; others are left out.
    """
    wanted = {address: digits for address in addresses if (digits := _digits(address))}
    if not wanted:
        return {}
    prefixes = {digits[:size] for digits in wanted.values() for size in _DIGITS}
    for path in paths:
        names = _names(path, prefixes)
        if names is not None:
            found = {address: _longest(digits, names) for address, digits in wanted.items()}
            return {address: name for address, name in found.items() if name}
    return {}


def _digits(address: str) -> str:
    """The twelve digits of an address that a maker gave; empty for any other text."""
    if not _ADDRESS.fullmatch(address):
        return ""
    digits = re.sub(r"[:.-]", "", address).upper()
    return "" if int(digits[:2], 16) & 3 or not int(digits, 16) else digits


def _names(path: Path, prefixes: set[str]) -> dict[str, str] | None:
    """Names of the blocks asked for; None when the list cannot be read."""
    found: dict[str, str] = {}
    heads = {prefix[:6].encode() for prefix in prefixes}
    left = MAX_BYTES
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            while left > 0 and (line := file.readline(MAX_LINE)):
                left -= len(line)
                # Most lines are of other blocks: their first digits are enough to leave them.
                if line[:8].translate(None, b":.-")[:6].upper() not in heads:
                    continue
                block = _block(line.decode("utf-8", "replace"))
                if block and block[0] in prefixes:
                    found.setdefault(*block)
    except OSError:
        return None
    return found


def _block(line: str) -> tuple[str, str] | None:
    """Prefix and name of one line; None when it is not one."""
    matched = _BLOCK.fullmatch(line.strip())
    if not matched:
        return None
    digits = re.sub(r"[:.-]", "", matched[1]).upper()
    if matched[2]:
        digits = digits[: int(matched[2]) // 4]
    return digits, clean(_KIND.sub("", matched[3]).rpartition("\t")[2].strip(), MAX_NAME)


def _longest(digits: str, names: dict[str, str]) -> str:
    """The name of the smallest block that holds the address."""
    for size in _DIGITS:
        name = names.get(digits[:size], "")
        if name.casefold() not in _NOBODY:
            return name
    return ""
