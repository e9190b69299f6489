"""Opens a restored file as what it is: by its first bytes, compared with what its name promises.

Nothing of the content leaves this module: an `Opening` holds a verdict and a sentence of ours.
"""

from __future__ import annotations

import io
import math
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from checks.backup.restore.families import extension_of, family_of
from checks.backup.restore.formats import archives, databases, disks, documents
from checks.backup.restore.formats.base import (
    MAX_SECONDS,
    Budget,
    Check,
    CutError,
    FormatError,
    Subject,
    UndecidedError,
)

HEAD = 65_536
"""Bytes looked at to recognise a format and to measure entropy."""
ENCRYPTED_ENTROPY = 7.5
"""Bits per byte above which a file that has lost its format looks encrypted. Random bytes are above 7.9 from 4 KiB on;
text and office formats without compression are below 6."""
MIN_ENTROPY_BYTES = 1024
"""Below, even random bytes do not reach that entropy."""

Kind = Literal[
    "7z",
    "access",
    "bzip2",
    "gif",
    "gzip",
    "iso",
    "jpeg",
    "json",
    "ole",
    "pdf",
    "pg_custom",
    "png",
    "qcow2",
    "rtf",
    "sql_dump",
    "sql_server",
    "sqlite",
    "tar",
    "text",
    "vhd",
    "vhdx",
    "vmdk",
    "vmdk_descriptor",
    "xml",
    "xz",
    "zip",
]
CHECKS: Mapping[Kind, Check] = {
    "7z": archives.check_7z,
    "access": databases.check_access,
    "bzip2": archives.check_bzip2,
    "gif": documents.check_gif,
    "gzip": archives.check_gzip,
    "iso": disks.check_iso,
    "jpeg": documents.check_jpeg,
    "json": documents.check_json,
    "ole": documents.check_ole,
    "pdf": documents.check_pdf,
    "pg_custom": databases.check_pg_custom,
    "png": documents.check_png,
    "qcow2": disks.check_qcow2,
    "rtf": documents.check_rtf,
    "sql_dump": databases.check_sql_dump,
    "sql_server": databases.check_sql_server,
    "sqlite": databases.check_sqlite,
    "tar": archives.check_tar,
    "text": documents.check_text,
    "vhd": disks.check_vhd,
    "vhdx": disks.check_vhdx,
    "vmdk": disks.check_vmdk,
    "vmdk_descriptor": disks.check_vmdk_descriptor,
    "xml": documents.check_xml,
    "xz": archives.check_xz,
    "zip": archives.check_zip,
}
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"PGDMP", "pg_custom"),
    (0, b"TAPE", "sql_server"),
    (0, b"MSSQLBAK", "sql_server"),
    (4, b"Standard Jet DB\0", "access"),
    (4, b"Standard ACE DB\0", "access"),
    (0, b"PK\3\4", "zip"),
    (0, b"PK\5\6", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (257, b"ustar", "tar"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"conectix", "vhd"),
    (0, b"KDMV", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk_descriptor"),
    (0, b"QFI\xfb", "qcow2"),
    (32769, b"CD001", "iso"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"{\\rtf", "rtf"),
)
_TEXT: tuple[Kind, ...] = ("text",)
_OFFICE: tuple[Kind, ...] = ("zip", "ole")
"""A document with a password is an encrypted package in an old-style file ([MS-OFFCRYPTO])."""
EXPECTED: Mapping[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("docx", "docm", "dotx", "xlsx", "xlsm", "xlsb", "pptx", "pptm"), _OFFICE),
    **dict.fromkeys(("odt", "ods", "odp", "odg", "zip", "jar", "war"), ("zip",)),
    **dict.fromkeys(("doc", "dot", "xls", "ppt"), ("ole", "rtf", "zip", "text", "xml")),
    **dict.fromkeys(("msg",), ("ole",)),
    "pdf": ("pdf",),
    "rtf": ("rtf",),
    **dict.fromkeys(("sqlite", "sqlite3", "db3", "s3db"), ("sqlite",)),
    **dict.fromkeys(("mdb", "accdb"), ("access",)),
    "pgdump": ("pg_custom", "sql_dump"),
    "sql": ("sql_dump", "text", "pg_custom"),
    **dict.fromkeys(("gz", "tgz"), ("gzip",)),
    **dict.fromkeys(("bz2", "tbz2"), ("bzip2",)),
    **dict.fromkeys(("xz", "txz"), ("xz",)),
    "tar": ("tar",),
    "7z": ("7z",),
    **dict.fromkeys(("vhdx", "avhdx"), ("vhdx",)),
    "vhd": ("vhd",),
    **dict.fromkeys(("qcow2", "qcow"), ("qcow2",)),
    **dict.fromkeys(("jpg", "jpeg"), ("jpeg",)),
    "png": ("png",),
    "gif": ("gif",),
    "xml": ("xml",),
    "json": ("json", "text"),
    **dict.fromkeys(("txt", "csv", "md", "htm", "html", "eml", "ldif"), _TEXT),
}
"""What each extension promises. Those that promise nothing sure (bak, dmp, db, img…) are not here."""
_DATABASES: frozenset[Kind] = frozenset({"sqlite", "pg_custom", "sql_dump", "sql_server", "access"})


class Opening(NamedTuple):
    """What a file turned out to be."""

    state: Literal["opened", "unknown", "unreadable", "short"]
    detail: str = ""
    """French, without any piece of the content."""
    database: bool = False
    """A database or its dump, opened."""


def open_content(
    path: Path,
    name: str,
    *,
    run: Callable[[Path, tuple[str, ...]], int] | None = None,
    seconds: float = MAX_SECONDS,
) -> Opening:
    """Open the restored file `path`, whose name in the backup is `name`.

    `run` runs a program on the file and gives its exit code, negative when the program is not there. Links and
    special files are not opened: they are `unknown`.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return Opening("unknown", "ce n'est pas un fichier ordinaire")
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = path.stat().st_size
            extension = extension_of(name)
            subject = Subject(
                file,
                size,
                head,
                str(path),
                extension,
                Budget(seconds),
                (lambda words: run(path, words)) if run else None,
            )
            return _judge(subject, name)
    except OSError:
        return Opening("unknown", "fichier illisible sur ce poste")


def _judge(subject: Subject, name: str) -> Opening:
    if not subject.size:
        return Opening("unknown", "fichier vide")
    kind = kind_of(subject)
    promised = EXPECTED.get(subject.extension, ())
    if kind == "xml" and "text" in promised:
        kind = None  # a page that begins as XML is not always well-formed XML
    if promised and kind not in promised:
        # A text format has no magic of its own: it is tried as what its name promises.
        tried = next((one for one in promised if one in ("text", "xml", "json") and kind is None), None)
        if tried is None:
            return Opening("unreadable", lost(subject.head))
        kind = tried
    if kind is None:
        return _unpromised(subject, name)
    try:
        CHECKS[kind](subject)
    except UndecidedError as error:
        return Opening("unknown", str(error))
    except FormatError as error:
        if not promised and kind == "text":
            return Opening("unknown")
        looks = kind in ("text", "xml", "json") and looks_encrypted(subject.head)
        return Opening(
            "short" if isinstance(error, CutError) else "unreadable", lost(subject.head) if looks else str(error)
        )
    return Opening("opened", database=kind in _DATABASES or _dump_inside(kind, name))


def _unpromised(subject: Subject, name: str) -> Opening:
    """No format of ours, and a name that promises none: a suffix added to a known name may tell."""
    before = EXPECTED.get(extension_of(name[: -len(subject.extension) - 1])) if subject.extension else None
    if before and looks_encrypted(subject.head):
        return Opening("unreadable", f"extension ajoutée au nom, {lost(subject.head)}")
    return Opening("unknown")


def _dump_inside(kind: Kind, name: str) -> bool:
    """A compressed dump that was read to its end."""
    return kind in ("gzip", "bzip2", "xz") and family_of(name) == "databases"


def kind_of(subject: Subject) -> Kind | None:
    """The format the first bytes tell; None when they tell none."""
    head = subject.head
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if databases.sql_end(head):
        return "sql_dump"
    if subject.extension == "vhd" and subject.tail(512).startswith(b"conectix"):
        return "vhd"  # a disk of fixed size has its header at the end only
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        return "xml"
    return None


def lost(head: bytes) -> str:
    """How to say that a file does not begin as its name promises."""
    looks = ", le contenu semble chiffré" if looks_encrypted(head) else ""
    return f"le début attendu pour ce type de fichier est absent{looks}"


def looks_encrypted(head: bytes) -> bool:
    """Bytes without any order."""
    return len(head) >= MIN_ENTROPY_BYTES and entropy(head) >= ENCRYPTED_ENTROPY


def entropy(data: bytes) -> float:
    """Bits per byte, 0 to 8 (Shannon, single bytes)."""
    if not data:
        return 0.0
    total = len(data)
    return -sum(count / total * math.log2(count / total) for count in Counter(data).values())


def magic_lost(head: bytes, extension: str) -> bool | None:
    """Whether a file no longer begins as its extension wants; None when that promises no magic.

    For callers that have the first bytes only: formats recognised by their end are not judged.
    """
    promised = EXPECTED.get(extension, ())
    if not promised or extension == "vhd" or not head:
        return None
    kind = kind_of(Subject(io.BytesIO(head), len(head), head, "", extension, Budget()))
    if kind in promised:
        return False
    if {"text", "xml", "json"} & set(promised):
        return not documents.is_text(head, utf16=head[:2] in (b"\xff\xfe", b"\xfe\xff"))
    return True
