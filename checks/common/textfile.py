"""A text file somebody exported: decoded with care, refused in one French sentence."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

MAX_BYTES = 50_000_000
"""One export file. A real one is below 10 MB."""
HEAD = 65_536
"""Characters a recogniser may look at."""
_FRENCH = frozenset("éèêëàâçùûüôîïÉÈÊÀÇ«»°’…œ\xa0")
"""What French text has beyond ASCII: tells which of the Windows code pages was used."""


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
    """Lines end with a line feed."""
    sha256: str

    @property
    def head(self) -> str:
        """The beginning, enough to recognise the format."""
        return self.text[:HEAD]

    @property
    def lines(self) -> list[str]:
        """Lines without their end. Only line feeds end a line: a name may hold other separators."""
        return self.text.split("\n")


def decode(name: str, raw: bytes) -> SourceFile:
    """Text of an export: UTF-8, UTF-16 with its mark, else the Windows or console code page that reads as French.

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
            text = _code_page(raw)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return SourceFile(name=name, text=text, sha256=hashlib.sha256(raw).hexdigest())


def _code_page(raw: bytes) -> str:
    """Windows-1252 or, as a French console writes, code page 850: the one that gives more French characters."""
    readings = [raw.decode("cp1252", errors="replace"), raw.decode("cp850")]
    return max(readings, key=lambda text: sum(character in _FRENCH for character in text))
