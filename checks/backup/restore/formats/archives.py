"""Archives, and the documents that are archives: zip, gzip, bzip2, xz, tar, 7z."""

from __future__ import annotations

import bz2
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from checks.backup.restore.formats.base import PIECE, CutError, DamagedError, Subject, UndecidedError
from checks.backup.restore.formats.databases import sql_end

MAX_MEMBERS = 100_000
_ENCRYPTED = 0x1
_OFFICE = frozenset({"docx", "docm", "dotx", "xlsx", "xlsm", "xlsb", "pptx", "pptm"})
_OPEN_DOCUMENT = frozenset({"odt", "ods", "odp", "odg"})
_MEMORY = 128 << 20
"""Bytes an xz decoder may use."""
_TAIL = 4096


def check_zip(subject: Subject) -> None:
    """Every member is unpacked and its CRC compared, within the budget; an office document has its main part."""
    try:
        with zipfile.ZipFile(subject.rewind()) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise UndecidedError("archive de trop nombreux fichiers")
            _office(subject.extension, {member.filename for member in members})
            _members(archive, members, subject)
    except (NotImplementedError, RuntimeError) as error:
        raise UndecidedError("archive protégée ou d'une variante inconnue") from error
    except zipfile.BadZipFile as error:
        if subject.head[:4] == b"PK\3\4" and b"PK\5\6" not in subject.tail(65_557):
            raise CutError("archive zip sans sa fin") from error
        raise DamagedError("archive zip endommagée") from error
    except (zlib.error, EOFError, ValueError, KeyError, IndexError, struct.error, lzma.LZMAError, OSError) as error:
        raise DamagedError("archive zip endommagée") from error


def _office(extension: str, names: set[str]) -> None:
    if extension in _OFFICE and "[Content_Types].xml" not in names:
        raise DamagedError("document Office sans sa partie principale")
    if extension in _OPEN_DOCUMENT and "content.xml" not in names:
        raise DamagedError("document LibreOffice sans sa partie principale")


def _members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], subject: Subject) -> None:
    clear = [member for member in members if not member.flag_bits & _ENCRYPTED]
    if members and not clear:
        raise UndecidedError("archive protégée par un mot de passe")
    for checked, member in enumerate(clear):
        with archive.open(member) as content:
            try:
                while piece := content.read(PIECE):
                    subject.budget.spend(len(piece))
            except UndecidedError:
                if not checked:
                    raise
                return  # the listing and these members are right; the rest is more than is worth unpacking


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def check_gzip(subject: Subject) -> None:
    """A gzip file, to its last checksum; a dump inside has its last line."""
    try:
        _end_of_dump(_gunzip(subject), subject)
    except zlib.error as error:
        raise DamagedError("archive gzip endommagée") from error


def check_bzip2(subject: Subject) -> None:
    """A bzip2 file, to its end."""
    _check_stream(subject, bz2.BZ2Decompressor, "bzip2")


def check_xz(subject: Subject) -> None:
    """An xz file, to its end."""
    _check_stream(subject, lambda: lzma.LZMADecompressor(memlimit=_MEMORY), "xz")


def _check_stream(subject: Subject, decoder: Callable[[], _Decoder], name: str) -> None:
    try:
        _end_of_dump(_unpacked(subject, decoder), subject)
    except MemoryError as error:
        raise UndecidedError(f"archive {name} qui demande trop de mémoire") from error
    except (OSError, ValueError, lzma.LZMAError, EOFError) as error:
        raise DamagedError(f"archive {name} endommagée") from error


def _unpacked(subject: Subject, make: Callable[[], _Decoder]) -> Iterator[bytes]:
    """Unpack one stream piece by piece; raises `CutError` when it has no end."""
    file = subject.rewind()
    decoder = make()
    while not decoder.eof:
        data = file.read(PIECE)
        if not data:
            raise CutError("archive compressée sans sa fin")
        while True:
            piece = decoder.decompress(data, PIECE)
            subject.budget.spend(len(piece) + len(data))
            yield piece
            data = b""
            if decoder.eof or len(piece) < PIECE:
                break


def _gunzip(subject: Subject) -> Iterator[bytes]:
    """As above: zlib keeps what it did not consume elsewhere than the others."""
    file = subject.rewind()
    decoder = zlib.decompressobj(wbits=31)
    while not decoder.eof:
        data = decoder.unconsumed_tail or file.read(PIECE)
        if not data:
            raise CutError("archive compressée sans sa fin")
        piece = decoder.decompress(data, PIECE)
        subject.budget.spend(len(piece) + 1)
        yield piece


def _end_of_dump(pieces: Iterator[bytes], subject: Subject) -> None:
    """Read everything; when it begins as a plain dump and is a dump by its name, its last line must be there."""
    head = tail = b""
    for piece in pieces:
        if len(head) < _TAIL:
            head += piece[:_TAIL]
        tail = (tail + piece)[-_TAIL:]
    end = sql_end(head)
    if end and end not in tail:
        raise CutError("export SQL compressé sans sa dernière ligne : il n'est pas complet")
    subject.budget.spend(0)


def check_tar(subject: Subject) -> None:
    """Every header of the archive, with its checksum; contents are skipped."""
    try:
        with tarfile.open(fileobj=subject.rewind(), mode="r:") as archive:
            number = 0
            while archive.next() is not None:
                archive.members.clear()  # type: ignore[attr-defined]
                number += 1
                subject.budget.spend(tarfile.BLOCKSIZE)
                if number > MAX_MEMBERS:
                    return
    except tarfile.ReadError as error:
        if "unexpected end" in str(error):
            raise CutError("archive tar sans sa fin") from error
        raise DamagedError("archive tar endommagée") from error
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError, RecursionError) as error:
        raise DamagedError("archive tar endommagée") from error


_MAX_7Z_HEADER = 64 << 20


def check_7z(subject: Subject) -> None:
    """A 7z archive: both headers with their CRC (7zFormat.txt). The second is at the end: a cut archive has lost it."""
    if len(subject.head) < 32:  # noqa: PLR2004 - signature header
        raise CutError("archive 7z plus courte que son en-tête")
    crc, start = struct.unpack_from("<I", subject.head, 8)[0], subject.head[12:32]
    if zlib.crc32(start) != crc:
        raise DamagedError("archive 7z endommagée")
    offset, length, next_crc = struct.unpack("<QQI", start)
    if 32 + offset + length > subject.size:
        raise CutError("archive 7z sans sa fin")
    if length > _MAX_7Z_HEADER:
        raise UndecidedError("archive 7z de trop nombreux fichiers")
    if length and zlib.crc32(subject.read(32 + offset, length)) != next_crc:
        raise DamagedError("archive 7z endommagée")
