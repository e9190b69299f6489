"""Folders of our own, removed when they have served, also when whoever made them was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "ausculte-prive-"
_LOCK = ".verrou"


@contextlib.contextmanager
def private_folder(within: Path | None = None) -> Iterator[Path]:
    """An empty folder that only we can read, below `within` or the temporary folder of this machine.

    It is removed at the end. Those that a killed process left beside it are removed at the beginning: their lock is
    free, since the kernel releases it with its owner.
    """
    parent = within or Path(tempfile.gettempdir())
    _sweep(parent)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as made:
        root = Path(made)
        held = _hold(root)
        try:
            folder = root / "prive"
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            if held is not None:
                os.close(held)


def _hold(root: Path) -> int | None:
    """Lock of a folder, under its name only once it is held: whoever finds it free may remove the folder."""
    if os.name != "posix":
        return None
    import fcntl

    unnamed = root / (_LOCK + ".nouveau")
    descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    unnamed.rename(root / _LOCK)
    return descriptor


def _sweep(parent: Path) -> None:
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        for root in parent.glob(_PREFIX + "*"):
            about = root.lstat()
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and _abandoned(root):
                shutil.rmtree(root, ignore_errors=True)  # never follows a link


def _abandoned(root: Path) -> bool:
    import fcntl

    try:
        descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False  # being made, or being removed
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
