"""What a parser is given, and how it refuses it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from checks.common.text import clean
from checks.firewall.facts import SourceName

MAX_BYTES = 50_000_000
"""One export file. A real one is below 10 MB."""
MAX_DEPTH = 100
"""Nesting of blocks, elements or groups."""
MAX_OBJECTS = 500_000
"""Rules, objects and members of one export."""
HEAD = 65_536
"""Characters a recogniser may look at."""


class ParseError(ValueError):
    """A file cannot be read as what it seems to be; the message is one French sentence without a final period."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        where = f"{file}, ligne {line} : " if line else f"{file} : " if file else ""
        super().__init__(where + message)
        self.line = line


class SourceFile(NamedTuple):
    """One file, decoded."""

    name: str
    """Base name."""
    text: str
    sha256: str

    @property
    def head(self) -> str:
        """The beginning, enough to recognise the vendor."""
        return self.text[:HEAD]

    def as_name(self) -> SourceName:
        """Its identity in the facts."""
        return SourceName(name=clean(self.name), sha256=self.sha256, lines=self.text.count("\n") + 1)


def decode(name: str, raw: bytes) -> SourceFile:
    """Text of an export: UTF-8, UTF-16 with its mark, else Windows-1252 as old products write.

    Raises `ParseError` when the file is too large or is not text (an encrypted or compressed backup).
    """
    if len(raw) > MAX_BYTES:
        raise ParseError(f"fichier trop grand ({len(raw) // 1_000_000} Mo ; limite {MAX_BYTES // 1_000_000} Mo)", name)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = raw.decode("utf-16")
        except UnicodeDecodeError:
            raise ParseError("ce n'est pas du texte", name) from None
    else:
        if b"\0" in raw[:HEAD]:
            raise ParseError("ce n'est pas du texte : sauvegarde chiffrée ou compressée ? Exporter en clair", name)
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return SourceFile(name=name, text=text, sha256=hashlib.sha256(raw).hexdigest())
