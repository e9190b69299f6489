"""Databases and their dumps: SQLite, PostgreSQL, MySQL and MariaDB, SQL Server, Access."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from urllib.parse import quote

from checks.backup.restore.formats.base import CutError, DamagedError, Subject, UndecidedError

_STEPS = 100_000
"""Virtual machine steps of SQLite between two looks at the clock."""
_TAIL = 4096
_PG_VERSIONS = range(1, 3)
"""Major versions of the archive format (`pg_backup_archiver.h`: K_VERS_1_0 to K_VERS_1_16 so far)."""


def check_sqlite(subject: Subject) -> None:
    """`PRAGMA integrity_check` on the restored copy, opened read-only and immutable: no journal is replayed."""
    if subject.size < _sqlite_size(subject.head):
        raise CutError("base SQLite plus courte que ses pages")
    uri = f"file:{quote(subject.path)}?mode=ro&immutable=1"
    budget = subject.budget
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1)) as database:
            database.set_progress_handler(lambda: int(budget.late), _STEPS)
            # A hostile schema runs nothing, and damaged cells are looked at closely.
            database.execute("PRAGMA trusted_schema=OFF")
            database.execute("PRAGMA cell_size_check=ON")
            answer = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if budget.late:
            raise UndecidedError("contrôle d'intégrité de la base arrêté : trop long") from error
        raise DamagedError("base SQLite endommagée") from error
    except (TypeError, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise DamagedError("base SQLite endommagée") from error
    if answer != "ok":
        raise DamagedError("base SQLite : le contrôle d'intégrité échoue")


def _sqlite_size(head: bytes) -> int:
    """Bytes the header announces (https://www.sqlite.org/fileformat2.html, 1.3); 100 when it does not say."""
    if len(head) < 100 or head[24:28] != head[92:96]:  # noqa: PLR2004 - the count holds only if these agree
        return 100
    page = int.from_bytes(head[16:18], "big")
    return int.from_bytes(head[28:32], "big") * (65_536 if page == 1 else page)


def check_pg_custom(subject: Subject) -> None:
    """A PostgreSQL archive (`pg_dump -Fc`): its listing by `pg_restore -l` where that is installed, else its header."""
    if len(subject.head) < 11 or subject.head[5] not in _PG_VERSIONS or subject.head[8] not in (4, 8):  # noqa: PLR2004 - shortest header, sizes of an integer
        raise DamagedError("export PostgreSQL : en-tête incorrect")
    if subject.run is None:
        return
    code = subject.run(("pg_restore", "-l"))
    if code > 0:
        raise DamagedError("export PostgreSQL : « pg_restore » ne peut pas en lire le sommaire")


_DUMPS = (
    (re.compile(rb"-- PostgreSQL database cluster dump\b"), b"-- PostgreSQL database cluster dump complete"),
    (re.compile(rb"-- PostgreSQL database dump\b"), b"-- PostgreSQL database dump complete"),
    (re.compile(rb"-- (?:MySQL|MariaDB) dump "), b"-- Dump completed"),
)
"""What these tools write first and last (unless comments were turned off, and then neither is there)."""


def sql_end(head: bytes) -> bytes:
    """What must be at the end of a plain dump that begins like this; empty when nothing is known."""
    for start, end in _DUMPS:
        if start.search(head[:_TAIL]):
            return end
    return b""


def check_sql_dump(subject: Subject) -> None:
    """A plain dump: the line its tool writes last is there."""
    if sql_end(subject.head) not in subject.tail(_TAIL):
        raise CutError("export SQL sans sa dernière ligne : il n'est pas complet")


def check_sql_server(subject: Subject) -> None:
    """A SQL Server backup: Microsoft Tape Format header, nothing more (only the product reads the rest)."""
    if subject.size < 4096:  # noqa: PLR2004 - one format logical block
        raise CutError("sauvegarde SQL Server plus courte que son en-tête")


def check_access(subject: Subject) -> None:
    """An Access database: its header, and a whole number of pages (4 KiB, or 2 KiB for the oldest)."""
    page = 2048 if subject.head[20:21] == b"\0" else 4096
    if subject.size < page or subject.size % page:
        raise CutError("base Access : taille qui n'est pas un nombre entier de pages")
