"""Locks found in a borg repository of this machine: who holds it, since when, and whether that is over."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.backup.technologies.restic import ago
from checks.common.text import clean

STALE = timedelta(hours=24)
"""borg does not refresh its lock: a first backup may rightly hold it for hours, hardly for a day."""
MAX_LOCKS = 20


def read_locks(repository: Path, now: datetime, notes: list[str]) -> tuple[str, ...]:
    """Stale locks, with their age. One that may still be held goes to `notes`.

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
        notes.append("Les verrous du dépôt n'ont pas pu être lus.")
    return tuple(stale)


def _dead_here(name: str) -> bool:
    """The lock was put by a process of this very machine that no longer exists."""
    host, _, rest = name.partition("@")
    process = rest.partition(".")[2].partition("-")[0]
    if not process.isdigit() or not Path("/proc/self").exists():
        return False
    return host.split(".")[0] == os.uname().nodename.split(".")[0] and not Path(f"/proc/{process}").exists()
