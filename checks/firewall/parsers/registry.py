"""Which parser reads which file: recognised by content, never by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from checks.firewall.facts import Device
from checks.firewall.parsers.source import ParseError, SourceFile

VENDORS = (
    "fortigate",
    "stormshield",
    "pfsense",
    "opnsense",
    "sophos",
    "watchguard",
    "paloalto",
    "asa",
    "checkpoint",
    "mikrotik",
    "unifi",
    "iptables",
    "nftables",
    "windows",
)
"""Module names in this package."""


class Parser(Protocol):
    """What each vendor module offers, at module level."""

    TITLE: str
    """Name of the product family, as people say it."""
    TOGETHER: bool
    """Several files given together describe one firewall (IPv4 and IPv6 dumps, rules and objects)."""

    def recognise(self, file: SourceFile) -> bool:
        """The file is an export of this product, or one part of it. Looks at little; never raises."""

    def parse(self, files: Sequence[SourceFile]) -> tuple[Device, ...]:
        """The firewalls the files describe. Raises `ParseError`."""


def parser_of(vendor: str) -> Parser:
    """The module of a vendor."""
    return cast("Parser", importlib.import_module(f"checks.firewall.parsers.{vendor}"))


def recognise(file: SourceFile) -> str:
    """Vendor of a file. Raises `ParseError` when none, or more than one, recognises it."""
    if not file.text.strip():
        raise ParseError("le fichier est vide", file.name)
    found = [vendor for vendor in VENDORS if parser_of(vendor).recognise(file)]
    if len(found) == 1:
        return found[0]
    if found:
        titles = ", ".join(parser_of(vendor).TITLE for vendor in found)
        raise ParseError(f"format ambigu ({titles}) : préciser avec --vendor", file.name)
    known = ", ".join(parser_of(vendor).TITLE for vendor in VENDORS)
    raise ParseError(f"format d'export inconnu (formats lus : {known})", file.name)


def parse_files(files: Sequence[SourceFile], vendor: str = "") -> tuple[Device, ...]:
    """Every firewall that the files describe, in their order.

    Files of one product that describe one firewall together are read together. `vendor` skips recognition.
    Raises `ParseError`.
    """
    if vendor and vendor not in VENDORS:
        raise ParseError(f"produit inconnu : {vendor} (existants : {', '.join(VENDORS)})")
    groups: dict[tuple[str, int], list[SourceFile]] = {}
    for number, file in enumerate(files):
        kind = vendor or recognise(file)
        groups.setdefault((kind, -1 if parser_of(kind).TOGETHER else number), []).append(file)
    return tuple(device for (kind, _), group in groups.items() for device in parser_of(kind).parse(group))
