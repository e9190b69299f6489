"""Removes a scratch folder, whatever is in it and whatever kills the process that filled it.

Also a program, which imports nothing but the standard library so that it starts fast and cannot fail later:

    python -I -S wipe.py start FOLDER SESSION    starts the watcher below in a session of its own, and returns
    python -I -S wipe.py watch FOLDER SESSION    waits for the lock of the folder, then removes the folder

The owner of the folder holds an exclusive lock on its file `lock`. The kernel releases that lock when the owner ends,
in whatever way, and the watcher wakes at that instant. There is no timer, and nothing to inherit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

LOCK = "lock"
MARK = b"ausculte restore scratch 1\n"
"""First line of the lock file: a folder without it is not ours."""
READY = b"ready\n"
LINGER = 600.0
"""Seconds the watcher goes on when something keeps writing in the folder, or cannot be removed."""
QUIET = 3.0
"""Seconds a folder must stay gone: a program started by the dead owner may make it again."""
PAUSE = 0.2
ATTEMPTS = 4
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd and os.listdir in os.supports_fd
_GETFLAGS, _SETFLAGS = 0x80086601, 0x40086602
"""FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of linux/fs.h, 64-bit."""
_HELD = 0x10 | 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL: a backup product puts them back on what it restores."""


def wipe(folder: Path) -> bool:
    """Remove a folder and all below it, without ever following a link; whether nothing is left.

    Deep trees, names too long for a path, closed permissions and immutable flags are handled; another file system
    mounted inside is left alone, and makes the answer False.
    """
    for attempt in range(ATTEMPTS):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or not folder.is_dir():
                folder.unlink()
            elif _BY_DESCRIPTOR:
                _empty(folder)
                folder.rmdir()
            else:
                shutil.rmtree(folder, onerror=_open_up)
        if not os.path.lexists(folder):
            return True
        time.sleep(PAUSE * attempt)
    return False


def _empty(folder: Path) -> None:
    """Remove what is below: each folder met is first moved to the top, so that depth costs nothing."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        device = os.fstat(top).st_dev
        _unlock(top)
        token = os.urandom(8).hex()
        moved = 0
        while names := os.listdir(top):  # noqa: PTH208 - by descriptor
            before = moved
            gone = 0
            # The lock goes last: until then the folder says whose it is.
            for name in sorted(names, key=lambda name: name == LOCK):
                if not _is_folder(name, top):
                    gone += _unlink(name, top)
                    continue
                moved = _flatten(name, top, device, token, moved)
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=top)
                    gone += 1
            if not gone and moved == before:
                return
    finally:
        os.close(top)


def _flatten(name: str, top: int, device: int, token: str, moved: int) -> int:
    """Empty one folder of the top: its files are removed, its folders moved to the top. How many moved so far."""
    with contextlib.suppress(OSError):
        status = os.stat(name, dir_fd=top, follow_symlinks=False)
        if status.st_dev != device:
            return moved
        inside = _open_folder(name, top)
        try:
            if os.fstat(inside).st_dev != device:
                return moved
            _unlock(inside)
            os.fchmod(inside, 0o700)
            for entry in os.listdir(inside):  # noqa: PTH208 - by descriptor
                if not _is_folder(entry, inside):
                    _unlink(entry, inside)
                    continue
                with contextlib.suppress(OSError):
                    _open_mode(entry, inside)
                    os.rename(entry, f"{token}-{moved}", src_dir_fd=inside, dst_dir_fd=top)
                    moved += 1
        finally:
            os.close(inside)
    return moved


def _is_folder(name: str, parent: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _open_folder(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:
        _open_mode(name, parent)
        return os.open(name, flags, dir_fd=parent)


def _open_mode(name: str, parent: int) -> None:
    """Give ourselves a closed folder. The caller has just seen that it is one; a link put there since is refused."""
    kind = getattr(os, "O_PATH", None)
    if kind is None or not Path("/proc/self/fd").is_dir():
        os.chmod(name, 0o700, dir_fd=parent)
        return
    handle = os.open(name, kind | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        if os.geteuid() == 0:  # only root can have made it immutable, and root opens a closed folder
            inside = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=handle)
            try:
                _unlock(inside)
            finally:
                os.close(inside)
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
    finally:
        os.close(handle)


def _unlink(name: str, parent: int) -> int:
    """Remove one entry that is not a folder; 1 when it is gone."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return 1
    except OSError:
        with contextlib.suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
            try:
                _unlock(handle)
            finally:
                os.close(handle)
            os.unlink(name, dir_fd=parent)
            return 1
        return 0
    return 1


def _unlock(handle: int) -> None:
    """Take the immutable and append-only flags off, where the file system has them."""
    if not sys.platform.startswith("linux"):
        return
    import fcntl

    status = os.fstat(handle).st_mode
    if not (stat.S_ISDIR(status) or stat.S_ISREG(status)):
        return
    with contextlib.suppress(OSError):
        flags = int.from_bytes(fcntl.ioctl(handle, _GETFLAGS, bytes(8))[:4], sys.byteorder)
        if flags & _HELD:
            fcntl.ioctl(handle, _SETFLAGS, (flags & ~_HELD).to_bytes(8, sys.byteorder))


def _open_up(function: object, path: str, _: object) -> None:
    """Windows: a read-only file is not removed until it is writable."""
    with contextlib.suppress(OSError):
        os.chmod(path, stat.S_IWRITE)  # noqa: PTH101 - called back with a string
        function(path)  # type: ignore[operator]


# ----------------------------------------------------------------------------------------------------- lock


def take(handle: int, *, wait: bool) -> bool:
    """Take the exclusive lock of an open file; whether we have it. `wait` blocks until its owner ends."""
    if os.name == "nt":
        import msvcrt

        while True:
            try:
                os.lseek(handle, 0, os.SEEK_SET)
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            except OSError:
                if not wait:
                    return False
                time.sleep(PAUSE)
            else:
                return True
    import fcntl

    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except InterruptedError:
            continue
        except OSError:
            return False
        return True


# -------------------------------------------------------------------------------------------------- watcher


def watch(folder: Path, session: int) -> None:
    """Wait until the owner of `folder` ends, then remove the folder for good."""
    handle = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    os.write(1, READY)
    _leave_outputs()
    take(handle, wait=True)
    if not os.path.lexists(folder):
        return
    deadline = time.monotonic() + LINGER
    gone_since: float | None = None
    while time.monotonic() < deadline:
        busy = end_users(folder, session)
        if os.path.lexists(folder):
            gone_since = None
            wipe(folder)
        elif busy:
            gone_since = None
        elif gone_since is None:
            gone_since = time.monotonic()
        elif time.monotonic() - gone_since > QUIET:
            return
        time.sleep(PAUSE)


def end_users(folder: Path, session: int) -> int:
    """Kill what the dead owner had started and still works in the folder; how many there were.

    Only processes of its own session, of our own user, that name the folder or have it open. Linux only: elsewhere
    what they write is removed until they end by themselves.
    """
    if session <= 0 or not Path("/proc/self/stat").exists():
        return 0
    found = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            if process.stat().st_uid != os.geteuid() or _session(process) != session:
                continue
            if _uses(process, str(folder)):
                os.kill(int(process.name), signal.SIGKILL)
                found += 1
    return found


def _session(process: Path) -> int:
    # The command name, in brackets, may hold spaces and brackets: count from the last one.
    return int((process / "stat").read_bytes().rpartition(b")")[2].split()[3])


def _uses(process: Path, folder: str) -> bool:
    if os.fsencode(folder) in (process / "cmdline").read_bytes():
        return True
    for link in (process / "cwd", *(process / "fd").iterdir()):
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            if target == folder or target.startswith((folder + os.sep, folder + " (deleted)")):
                return True
    return False


def _leave_outputs() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def start(folder: Path, session: int) -> int:
    """Start the watcher where no signal to our group or terminal reaches it; 0 once it watches."""
    detached = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-I", "-S", __file__, "watch", str(folder), str(session)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=detached,
        cwd="/",
    )
    assert process.stdout is not None  # noqa: S101 - a pipe
    return 0 if process.stdout.readline() == READY else 1


def main(words: list[str]) -> int:
    """Entry point; see the module."""
    folder, session = Path(words[1]), int(words[2])
    if words[0] == "start":
        return start(folder, session)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    watch(folder, session)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
