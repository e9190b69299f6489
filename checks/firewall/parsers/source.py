"""What a parser is given, and how it refuses it."""

from __future__ import annotations

from checks.common import textfile
from checks.common.text import clean
from checks.common.textfile import HEAD, MAX_BYTES, ParseError
from checks.firewall.facts import SourceName

__all__ = ["HEAD", "MAX_BYTES", "MAX_DEPTH", "MAX_OBJECTS", "ParseError", "SourceFile", "decode"]

MAX_DEPTH = 100
"""Nesting of blocks, elements or groups."""
MAX_OBJECTS = 500_000
"""Rules, objects and members of one export."""


class SourceFile(textfile.SourceFile):
    """One file, decoded."""

    __slots__ = ()

    def as_name(self) -> SourceName:
        """Its identity in the facts."""
        return SourceName(name=clean(self.name), sha256=self.sha256, lines=self.text.count("\n") + 1)


def decode(name: str, raw: bytes) -> SourceFile:
    """Text of an export, as `checks.common.textfile.decode` reads it. Raises `ParseError`."""
    return SourceFile(*textfile.decode(name, raw))
