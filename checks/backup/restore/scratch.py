"""The private folder that receives restored files: personal data, which must not outlive the test.

Three nets, each for what the one before cannot catch: the test wipes it and checks; a watcher wipes it when the test
is killed (`wipe`); the next run wipes what a power cut left. Wiping is a removal: on a modern disk nobody can promise
that overwriting a file reaches the cells it was in, so the disk of the station has to be encrypted.

Windows (not tried): the folder is as private as the temporary folder of the user; the watcher polls the lock instead
of sleeping on it, and what a program started by a killed worker still writes is removed once that program ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from checks.backup.restore import wipe as wiper
from checks.backup.restore.wipe import LOCK, MARK, wipe
from checks.common.programs import Finished
from checks.model import CollectError, MandateRefusedError, Reason

PREFIX = "ausculte-restauration-"
HEADROOM = 2
"""Free bytes wanted for each byte restored: other programs use the disk meanwhile."""
STILLBORN_SECONDS = 3600
"""Age of a folder without mark nor content from which nobody is about to mark it."""
_REMOTE = frozenset({
    "9p", "afs", "ceph", "cifs", "davfs", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "vboxsf", "virtiofs",
})  # fmt: skip
"""Types of file systems whose content is on another machine."""

Run = Callable[[Sequence[str]], Finished]
"""Runs a program of this machine to its end."""


class Scratch:
    """One private folder, held until `close`."""

    def __init__(self, folder: Path, lock: BinaryIO) -> None:
        self._folder = folder
        self._lock = lock
        self._batches = 0
        self.root = folder / "sample"
        """Below it everything is restored."""

    def batch(self) -> Path:
        """A new empty folder below the root."""
        self._batches += 1
        path = self.root / str(self._batches)
        path.mkdir(mode=0o700)
        return path

    def drop(self, batch: Path) -> bool:
        """Wipe one batch; whether nothing of it is left."""
        return wipe(batch)

    def free(self) -> int:
        """Bytes free where the folder is."""
        return shutil.disk_usage(self._folder).free

    def close(self) -> bool:
        """Wipe everything and let go; whether nothing is left. The watcher goes on trying when something is."""
        gone = wipe(self._folder)
        self._lock.close()
        return gone


def open_scratch(wanted: str, need: int, avoid: Iterable[str], run: Run) -> Scratch:
    """Make a scratch folder below `wanted` (empty: the temporary folder of this machine), watched from now on.

    `need` is the size of what will be restored, in bytes; `avoid` the folders it must not be in nor around: production
    and the repositories. Raises `CollectError` with the reason, and then nothing is left behind.
    """
    base = _base(wanted)
    _refuse_near(base, avoid)
    sweep(base)
    free = shutil.disk_usage(base).free
    if free < HEADROOM * need:
        detail = (
            f"Pas assez de place pour restaurer l'échantillon : {free >> 20} Mio libres, "
            f"{HEADROOM * need >> 20} Mio nécessaires (deux fois l'échantillon)."
        )
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    try:
        folder.chmod(0o700)
        lock = _lock(folder)
    except BaseException:
        wipe(folder)
        raise
    scratch = Scratch(folder, lock)
    try:
        scratch.root.mkdir(mode=0o700)
        _watch(folder, run)
    except BaseException:
        scratch.close()
        raise
    return scratch


def sweep(base: Path) -> int:
    """Remove the scratch folders that nobody holds any more below `base`; how many were removed.

    Only folders of our own user, with our name and our mark, whose lock is free: its owner and its watcher are gone.
    """
    removed = 0
    for folder in sorted(base.glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            if not _ours(folder.lstat()):
                continue
            if _never_filled(folder):
                removed += wipe(folder)
                continue
            flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(folder / LOCK, flags)
            with os.fdopen(handle, "rb+") as lock:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode) or not wiper.take(handle, wait=False):
                    continue
                if lock.read(len(MARK)) == MARK and os.path.samestat((folder / LOCK).lstat(), status):
                    removed += wipe(folder)
    return removed


def _never_filled(folder: Path) -> bool:
    """A kill fell between the making of the folder and its mark, long ago: nothing was restored into it."""
    names = {path.name for path in folder.iterdir()}
    return names <= {f"{LOCK}.new"} and time.time() - folder.stat().st_mtime > STILLBORN_SECONDS


def _ours(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and (os.name == "nt" or status.st_uid == os.geteuid())


def _base(wanted: str) -> Path:
    """The folder wanted: real, writable, on this machine."""
    path = Path(wanted or tempfile.gettempdir())
    try:
        if path.is_symlink():
            raise CollectError(Reason.NOT_CONFIGURED, f"« {path} » est un lien : indiquer le dossier lui-même.")
        if not path.is_dir():
            raise CollectError(
                Reason.NOT_CONFIGURED, f"« {path} » n'est pas un dossier : le créer avant la restauration."
            )
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise CollectError(Reason.NOT_CONFIGURED, f"« {path} » : dossier inaccessible.") from error
    if not os.access(real, os.W_OK | os.X_OK):
        raise CollectError(Reason.PERMISSION, f"« {path} » : ce compte ne peut pas y écrire.")
    if kind := remote_kind(real):
        detail = f"« {path} » est sur une autre machine ({kind}) : des données restaurées ne quittent pas ce poste."
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    return real


def _refuse_near(base: Path, avoid: Iterable[str]) -> None:
    """Neither inside production or a repository, nor around them: wiping there would be a disaster.

    The shared temporary folder may contain one: what is made in it is a folder of ours, beside.
    """
    for text in avoid:
        if not text or "://" in text:
            continue
        try:
            real = Path(text).resolve()
        except (OSError, RuntimeError, ValueError):
            continue
        if base == real or real in base.parents:
            detail = (
                f"Le dossier de restauration « {base} » est dans « {text} », qui est en production ou une sauvegarde."
            )
            raise CollectError(Reason.NOT_CONFIGURED, detail)


def remote_kind(path: Path) -> str:
    """Type of file system when `path` is on another machine; empty when it is here, or nobody can tell."""
    best, kind = -1, ""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:  # noqa: PLR2004 - proc(5): the fifth field is the mount point
            continue
        mounted = Path(fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        # A later mount covers an earlier one at the same place.
        if (mounted == path or mounted in path.parents) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), after.split(" ")[0]
    return kind if kind in _REMOTE else ""


def _lock(folder: Path) -> BinaryIO:
    """Make the lock file, held before it has its name: nobody can find it free."""
    path = folder / f"{LOCK}.new"
    file = path.open("xb+", buffering=0)
    file.write(MARK)
    if os.name == "nt":  # an open file is not renamed there
        file.close()
        file = path.rename(folder / LOCK).open("rb+", buffering=0)
    if not wiper.take(file.fileno(), wait=False):
        file.close()
        detail = "Le dossier de restauration ne peut pas être verrouillé (système de fichiers sans verrou)."
        raise CollectError(Reason.UNSUPPORTED, detail)
    if os.name != "nt":
        path.rename(folder / LOCK)
    return file


def _watch(folder: Path, run: Run) -> None:
    """Start the watcher; without it nothing is restored."""
    session = os.getsid(0) if hasattr(os, "getsid") else 0
    command = (sys.executable, "-I", "-S", wiper.__file__, "start", str(folder), str(session))
    try:
        finished = run(command)
    except MandateRefusedError:
        raise
    except (OSError, TimeoutError) as error:
        raise CollectError(Reason.ERROR, _NO_WATCHER) from error
    if finished.code != 0:
        raise CollectError(Reason.ERROR, _NO_WATCHER)


_NO_WATCHER = "Le programme qui efface l'échantillon en cas d'arrêt brutal n'a pas pu démarrer : rien n'a été restauré."
