"""Documents, pictures and text: PDF, old Office, JPEG, PNG, GIF, XML, JSON, RTF, text."""

from __future__ import annotations

import re
import struct
import zlib
from xml.parsers import expat

import msgspec

from checks.backup.restore.formats.base import PIECE, CutError, DamagedError, Subject, UndecidedError

_XREF = re.compile(rb"\s*(?:xref\b|\d+\s+\d+\s+obj\b)")
_STARTXREF = re.compile(rb"startxref\s+(\d{1,12})\s")
_PDF_TAIL = 4096
_LITTLE_ENDIAN = 0xFFFE
_JPEG_TAIL = 65_536
"""Bytes after the end of the picture that cameras and telephones add."""
MAX_JSON = 64 << 20
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b\x1a")) + b"\x7f"
_ALLOWED_CONTROLS = 0.01
"""Share of control characters in a text: printers and old programs leave a few."""


def check_pdf(subject: Subject) -> None:
    """The end of the file points inside it, at a table of objects (ISO 32000-1, 7.5)."""
    start = subject.head[:1024].find(b"%PDF-")
    found = _STARTXREF.findall(subject.tail(_PDF_TAIL) + b"\n")
    if not found:
        raise CutError("PDF sans sa fin")
    # Offsets count from the header, or from the beginning of the file when a program put something before.
    for origin in {start, 0}:
        if _XREF.match(subject.read(origin + int(found[-1]), 64)):
            return
    raise DamagedError("PDF dont la table des objets n'est pas à sa place")


def check_ole(subject: Subject) -> None:
    """Compound file (doc, xls, ppt, msg): header values, and its directory inside the file ([MS-CFB] 2.2)."""
    if len(subject.head) < 512:  # noqa: PLR2004 - header
        raise CutError("document Office ancien plus court que son en-tête")
    version, order, shift = struct.unpack_from("<HHH", subject.head, 26)
    if order != _LITTLE_ENDIAN or (version, shift) not in ((3, 9), (4, 12)):
        raise DamagedError("document Office ancien : en-tête endommagé")
    fats, directory = struct.unpack_from("<I", subject.head, 44)[0], struct.unpack_from("<I", subject.head, 48)[0]
    if not fats or ((directory + 1) << shift) + 128 > subject.size:
        raise CutError("document Office ancien sans sa fin")


def check_jpeg(subject: Subject) -> None:
    """The mark of the end of the picture is there."""
    if b"\xff\xd9" not in subject.tail(_JPEG_TAIL):
        raise CutError("photo sans sa fin")


def check_png(subject: Subject) -> None:
    """Every chunk with its CRC, to the last."""
    offset = 8
    while True:
        header = subject.read(offset, 8)
        if len(header) < 8:  # noqa: PLR2004 - length and kind
            raise CutError("image PNG sans sa fin")
        length, kind = struct.unpack(">I4s", header)
        if offset + 12 + length > subject.size:
            raise CutError("image PNG sans sa fin")
        subject.budget.spend(length + 12)
        content = subject.read(offset + 8, length + 4)
        if zlib.crc32(content[:length], zlib.crc32(kind)) != int.from_bytes(content[length:], "big"):
            raise DamagedError("image PNG endommagée")
        if kind == b"IEND":
            return
        offset += 12 + length


def check_gif(subject: Subject) -> None:
    """The byte that ends a GIF is there."""
    if b";" not in subject.tail(16):
        raise CutError("image GIF sans sa fin")


def check_xml(subject: Subject) -> None:
    """Well-formed to the end, read piece by piece; entities are refused."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise UndecidedError("XML qui définit des entités : non lu")

    parser.EntityDeclHandler = refuse
    file = subject.rewind()
    try:
        while piece := file.read(PIECE):
            subject.budget.spend(len(piece))
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code in _UNFINISHED:
            raise CutError("XML sans sa fin") from error
        if error.code in _ENCODINGS:
            raise UndecidedError("XML d'un encodage inconnu") from error
        raise DamagedError("XML endommagé") from error
    except (ValueError, LookupError) as error:
        raise UndecidedError("XML d'un encodage inconnu") from error


_UNFINISHED = {
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}
_ENCODINGS = {expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]}


def check_json(subject: Subject) -> None:
    """One JSON value, to the end."""
    if subject.size > MAX_JSON:
        raise UndecidedError("JSON trop volumineux pour être lu")
    data = subject.read(0, MAX_JSON)
    try:
        msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=msgspec.Raw)
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            raise CutError("JSON sans sa fin") from error
        if "trailing" in str(error):  # one value a line: each would have to be read
            raise UndecidedError("suite de valeurs JSON") from error
        raise DamagedError("JSON endommagé") from error
    except (RecursionError, UnicodeDecodeError) as error:
        raise UndecidedError("JSON illisible par ce contrôle") from error


def check_rtf(subject: Subject) -> None:
    """The group that holds the whole text is closed."""
    if b"}" not in subject.tail(64):
        raise CutError("document RTF sans sa fin")


def check_text(subject: Subject) -> None:
    """Text at the beginning and at the end: nothing but characters, in UTF-8, UTF-16 or a code page."""
    for piece in (subject.head, subject.tail(PIECE // 16)):
        if not is_text(piece, utf16=subject.head[:2] in (b"\xff\xfe", b"\xfe\xff")):
            raise DamagedError("ce fichier devrait être du texte et n'en est pas")


def is_text(data: bytes, *, utf16: bool = False) -> bool:
    """Hardly any control character. One in eight bytes is one in a file of random bytes."""
    if utf16:
        data = data[::2] + data[1::2]
        return len(data.translate(None, _CONTROLS[1:])) >= len(data) * (1 - _ALLOWED_CONTROLS)
    return len(data.translate(None, _CONTROLS)) >= len(data) * (1 - _ALLOWED_CONTROLS)
