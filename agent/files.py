"""Atomic files: a reader sees the old content or the new one, never half of it, whatever instant the agent dies."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import IO, Any

_REASONS = {
    errno.ENOSPC: "il n'y a plus de place sur le disque",
    errno.EDQUOT: "le quota de disque est atteint",
    errno.EROFS: "ce disque est en lecture seule",
    errno.EACCES: "accès refusé",
    errno.EPERM: "opération non permise",
    errno.ENOENT: "ce fichier ou ce dossier n'existe pas",
    errno.ENOTDIR: "un dossier était attendu",
    errno.EISDIR: "c'est un dossier",
    errno.EEXIST: "existe déjà",
    errno.ENAMETOOLONG: "nom trop long",
    errno.EIO: "erreur de lecture ou d'écriture du disque",
}
UNFINISHED = ".*.part"
"""Names of the temporary files that a process killed in the middle of a write leaves behind."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""A disk that is full: not a bug, even when the system does not say which file."""


def reason_of(error: OSError) -> str:
    """What went wrong with a file, in French when it is one of the usual causes."""
    return _REASONS.get(error.errno or 0, error.strerror or type(error).__name__)


def lock(file: IO[Any], *, wait: bool) -> bool:
    """Take the exclusive lock of an open file, held until it is closed; False when another process has it.

    With `wait`, blocks until it is free.
    """
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            mode = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK  # type: ignore[attr-defined,unused-ignore]
            msvcrt.locking(file.fileno(), mode, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if wait:
            raise
        return False
    return True


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path` through a temporary file of the same folder, flushed to disk, then renamed."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
