"""Locks found in a borg repository of this machine: who holds it, since when, and whether that is over."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.common.french import count
from checks.common.text import clean
from checks.model import Gap, Reason

STALE = timedelta(hours=24)
"""borg does not refresh its lock: a first backup may rightly hold it for hours, hardly for a day."""
MAX_LOCKS = 20


def read_locks(repository: Path, now: datetime, notes: list[str]) -> tuple[str, ...] | Gap:
    """Stale locks, with their age. One that may still be held goes to `notes`; a gap when they cannot be read.

    Files of `lock.exclusive` are named `host@id.process-thread` (borg 1.2, `ExclusiveLock`).
    """
    folder = repository / "lock.exclusive"
    stale: list[str] = []
    try:
        holders = sorted(folder.iterdir())[:MAX_LOCKS] if folder.is_dir() else []
        for holder in holders:
            placed = datetime.fromtimestamp(holder.stat().st_mtime, UTC)
            name = clean(holder.name.split("@")[0], 80)
            if now - placed > STALE or _dead_here(holder.name):
                stale.append(f"{name}, posé il y a {ago(max(now - placed, timedelta()))}")
            else:
                notes.append(f"Une opération de borg est en cours ou vient de s'interrompre ({name}).")
        if folder.is_dir() and not holders:
            placed = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
            stale.append(f"verrou sans détenteur, posé il y a {ago(max(now - placed, timedelta()))}")
    except OSError:
        return Gap(reason=Reason.REFUSED, detail="Les verrous du dépôt n'ont pas pu être lus.")
    return tuple(stale)


def ago(duration: timedelta) -> str:
    """A duration in its largest unit."""
    minutes = int(duration.total_seconds() // 60)
    for size, unit in ((1440, "jour"), (60, "heure")):
        if minutes >= size:
            return count(minutes // size, unit)
    return count(minutes, "minute")


def _dead_here(name: str) -> bool:
    """The lock was put by a process of this very machine that no longer exists."""
    host, _, rest = name.partition("@")
    return ended_here(host, rest.partition(".")[2].partition("-")[0])


def ended_here(host: str, process: str) -> bool:
    """`process` of `host` no longer exists, and `host` is this very machine."""
    if not (process.isascii() and process.isdigit() and Path("/proc/self").exists()):
        return False
    return (
        host.split(".", maxsplit=1)[0] == os.uname().nodename.split(".")[0]
        and not Path(f"/proc/{process[:20]}").exists()
    )
