"""Compares a restored file with what was saved: the live file when it has not changed since, else a recorded digest."""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, NamedTuple

from checks.backup.technologies.base import Entry

PIECE = 1 << 20

Against = Literal["source", "catalogue", "nothing"]
Problem = Literal["missing", "different", "empty", "unreadable", "short"]


class Comparison(NamedTuple):
    """What a restored file was compared with, and what is wrong with it."""

    against: Against
    problem: Problem | None = None
    detail: str = ""
    same_as_source: bool = False
    """The live file has the same content: whatever is wrong inside was already so there."""


def compare(entry: Entry, restored: Path | None, live_root: str, point_time: datetime) -> Comparison:
    """Compare one restored file. `live_root` is put before its path; empty when the source cannot be read."""
    if restored is None:
        return Comparison("nothing", "missing", "le fichier n'est pas revenu")
    try:
        status = restored.lstat()
    except OSError:
        return Comparison("nothing", "missing", "le fichier n'est pas revenu")
    if not stat.S_ISREG(status.st_mode):
        return Comparison("nothing", "different", "ce n'est pas un fichier ordinaire")
    if entry.size > 0 and status.st_size == 0:
        return Comparison("nothing", "empty", "le fichier est revenu vide")
    if status.st_size != entry.size:
        problem: Problem = "short" if status.st_size < entry.size else "different"
        detail = f"{status.st_size} octets au lieu de {entry.size}"
        return Comparison("nothing", problem, detail)
    return _by_content(entry, restored, live_root, point_time)


def _by_content(entry: Entry, restored: Path, live_root: str, point_time: datetime) -> Comparison:
    try:
        with restored.open("rb") as file:
            mine = digest_of(file)
    except OSError:
        return Comparison("nothing", "unreadable", "le fichier restauré ne se lit pas")
    recorded = recorded_digest(entry)
    if recorded and recorded != mine:
        return Comparison("catalogue", "different", "le contenu n'est pas celui que le catalogue a enregistré")
    theirs = live_digest(entry, live_root, point_time)
    if theirs is None:
        return Comparison("catalogue" if recorded else "nothing")
    if theirs == mine:
        return Comparison("source", same_as_source=True)
    if recorded:
        # The copy is what was saved; the live file kept its size and date and changed since.
        return Comparison("catalogue", detail="le fichier d'origine a changé sans changer de date")
    return Comparison("source", "different", "le contenu n'est pas celui du fichier d'origine, qui n'a pas changé")


def recorded_digest(entry: Entry) -> str:
    """Hex SHA-256 the product recorded for the whole file; empty when it did not."""
    kind, _, value = entry.digest.partition(":")
    value = value.lower()
    return value if kind == "sha256" and len(value) == 64 and not set(value) - set("0123456789abcdef") else ""  # noqa: PLR2004 - hex digits


def live_digest(entry: Entry, live_root: str, point_time: datetime) -> str | None:
    """SHA-256 of the live file when it can be read and has not changed since the point; None otherwise.

    Unchanged: same size, and last changed no later than both the point and the date the catalogue holds. The file is
    looked at again after it was read: one that was being written tells nothing.
    """
    path = live_path(live_root, entry.path)
    if path is None:
        return None
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode) or not _unchanged(before, entry, point_time):
                return None
            found = digest_of(file)
            after = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return found if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) else None


def _unchanged(status: os.stat_result, entry: Entry, point_time: datetime) -> bool:
    changed = datetime.fromtimestamp(status.st_mtime, UTC)
    if status.st_size != entry.size or changed > point_time:
        return False
    # Catalogues keep whole seconds, and FAT pairs of them.
    return entry.modified is None or abs((changed - entry.modified).total_seconds()) <= 2  # noqa: PLR2004


def live_path(live_root: str, path: str) -> Path | None:
    """Where a file of a point is in production; None when that is not known, or when its path climbs out."""
    if not live_root:
        return None
    parts = PurePosixPath(path.replace("\\", "/")).parts
    inside = [part for part in parts if part not in ("/", "")]
    if not inside or ".." in inside or any(":" in part for part in inside[:1]) or "\0" in path:
        return None
    return Path(live_root).joinpath(*inside)


def digest_of(file: BinaryIO) -> str:
    """Hex SHA-256 of an open file, from where it stands."""
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
