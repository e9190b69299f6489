"""Files inside an archive that a product exports (.tar, .tgz, .gz, .zip), read in memory and never written.

Nothing of a member but its last name and its content is used, so that no path can lead elsewhere. What is unpacked
is bounded before it is believed: a size announced by the archive proves nothing.
"""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from checks.firewall.parsers.source import MAX_BYTES, ParseError

MAX_MEMBERS = 2000
MAX_UNPACKED = 4 * MAX_BYTES
"""All members of one archive."""

_TAR_MAGIC = slice(257, 262)
_CENTRAL = b"PK\x01\x02"
"""Starts the entry of each member in the directory of a zip file."""
_BROKEN = (
    EOFError, LookupError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError,
    lzma.LZMAError, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What the readers of the standard library raise on an archive that is cut off or forged."""


def is_archive(raw: bytes) -> bool:
    """The content is an archive of a kind that is read, whatever its name."""
    return raw.startswith((b"PK\x03\x04", b"\x1f\x8b")) or raw[_TAR_MAGIC] == b"ustar"


def members(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    """Last name and content of each regular file, in the order of the archive.

    Raises `ParseError` when the archive is too large, protected by a password, cut off or malformed.
    """
    found: list[tuple[str, bytes]] = []
    total = 0
    try:
        for member, content in _unpack(name, raw):
            total += len(content)
            found.append((member, content))
            _check_bounds(name, len(found), total)
    except ParseError:
        raise
    except _BROKEN:
        raise ParseError("archive coupée ou abîmée", name) from None
    return found


def _check_bounds(name: str, count: int, total: int) -> None:
    if count > MAX_MEMBERS:
        raise ParseError(f"archive de plus de {MAX_MEMBERS} fichiers", name)
    if total > MAX_UNPACKED:
        raise _too_large(name)


def _unpack(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    if raw.startswith(b"PK"):
        return _unzip(name, raw)
    if raw.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            unpacked = file.read(MAX_UNPACKED + 1)
        if len(unpacked) > MAX_UNPACKED:
            raise _too_large(name)
        if unpacked[_TAR_MAGIC] != b"ustar":
            return iter([(name.removesuffix(".gz"), unpacked)])
        raw = unpacked
    return _untar(name, raw)


def _unzip(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    _check_bounds(name, raw.count(_CENTRAL), 0)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise ParseError("archive protégée par un mot de passe : exporter sans chiffrement", name)
            with archive.open(info) as file:
                yield _last(info.filename), _bounded(name, file.read(MAX_BYTES + 1))


def _untar(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
        for seen, info in enumerate(archive, 1):
            _check_bounds(name, seen, 0)
            # Links, devices and sparse files have no content of their own to read.
            if not info.isreg() or info.issparse():
                continue
            if info.size > MAX_BYTES:
                raise _too_large(name)
            file = archive.extractfile(info)
            content = file.read(MAX_BYTES + 1) if file else b""
            if len(content) < info.size:
                raise ParseError("archive coupée ou abîmée", name)
            yield _last(info.name), content


def _last(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name or "sans nom"


def _bounded(name: str, content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    return content


def _too_large(name: str) -> ParseError:
    return ParseError(
        f"archive trop grande une fois ouverte (limites : {MAX_BYTES // 1_000_000} Mo par fichier, "
        f"{MAX_UNPACKED // 1_000_000} Mo en tout)",
        name,
    )
