"""Which parser reads which saved scan or export: recognised by content, never by name."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from checks.common.textfile import ParseError, SourceFile
from checks.wifi.exports.keys import Keys
from checks.wifi.imported import Imported

FORMATS = (
    "scans.iw",
    "scans.nmcli",
    "scans.wpa_cli",
    "scans.netsh",
    "scans.netsh_profiles",
    "exports.hostapd",
    "exports.openwrt",
    "exports.unifi",
    "exports.omada",
    "exports.aruba",
    "exports.meraki",
    "exports.cisco_wlc",
    "exports.cisco_iosxe",
    "exports.cisco_commands",
    "exports.ruckus",
    "exports.smartzone",
    "exports.windows_profile",
    "exports.wpa_supplicant",
    "exports.networkmanager",
)
"""Modules of this package, one per format."""


class Parser(Protocol):
    """What each module offers."""

    TITLE: str
    """Name of the format, as people say it."""

    def recognise(self, file: SourceFile) -> bool:
        """The file is of this format. Looks at little; never raises."""

    def parse(self, file: SourceFile, keys: Keys) -> Imported:
        """What the file says. Raises `ParseError`."""


def parser_of(name: str) -> Parser:
    """The module of a format."""
    return cast("Parser", importlib.import_module(f"checks.wifi.{name}"))


def recognise(file: SourceFile) -> str:
    """Format of a file. Raises `ParseError` when none, or more than one, recognises it."""
    if not file.text.strip():
        raise ParseError("le fichier est vide", file.name)
    found = [name for name in FORMATS if parser_of(name).recognise(file)]
    if len(found) == 1:
        return found[0]
    if found:
        titles = ", ".join(parser_of(name).TITLE for name in found)
        raise ParseError(f"format ambigu ({titles})", file.name)
    known = ", ".join(parser_of(name).TITLE for name in FORMATS)
    raise ParseError(f"format de relevé ou d'export Wi-Fi inconnu (formats lus : {known})", file.name)


def read(file: SourceFile, keys: Keys) -> Imported:
    """What one file says. Give the same `keys` for every file of a reading: passwords are compared across them.

    Raises `ParseError`.
    """
    return parser_of(recognise(file)).parse(file, keys)
