"""Finds the points of a folder that rsync or rsnapshot fills, and measures them within bounds."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from checks.common.text import clean

Layout = Literal["rsnapshot", "dated", "mirror"]
LEVELS = frozenset({"hourly", "daily", "weekly", "monthly", "yearly", "alpha", "beta", "gamma", "delta"})
"""Names of levels in the configuration rsnapshot ships, before and since 1.3.1; others need two numbers to be seen."""
MAX_FOLDERS = 5000
MAX_DEPTH = 200
_LEVEL = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,40})\.(\d{1,5})")
_DATED = re.compile(
    r"(?P<head>.*?)[-_. ]?(?P<y>(?:19|20)\d\d)(?P<s>[-_.]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)"
    r"(?:[-_T. ]?(?P<H>\d\d)[-_:.h]?(?P<M>\d\d)(?:[-_:.m]?(?P<S>\d\d))?)?(?P<tail>\D{0,20})"
)


class Tree(NamedTuple):
    """One point, before it is measured."""

    name: str
    """Path below the folder of the repository; empty for a mirror."""
    folder: Path
    source: str
    time: datetime | None
    """None for a mirror: only its files tell."""


class Measure(NamedTuple):
    """What a point holds."""

    files: int
    size: int
    changed: datetime | None
    """Last time a file or folder of the copy was written or replaced here."""


def find_trees(root: Path) -> tuple[Layout, list[Tree]]:
    """Points of a folder, oldest first. Raises `OSError` when it cannot be listed."""
    folders = sorted(_folders(root), key=lambda entry: entry.name)[:MAX_FOLDERS]
    if levels := _levels([entry.name for entry in folders]):
        return "rsnapshot", sorted(_rsnapshot(root, levels), key=_age)
    dated = [tree for entry in folders if (tree := _dated(root, Path(entry.path))) is not None]
    if dated:
        return "dated", sorted(dated, key=_age)
    return "mirror", [Tree("", root, clean(root.name, 200), None)]


def _age(tree: Tree) -> datetime:
    return tree.time or datetime.min.replace(tzinfo=UTC)


def _folders(root: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry


def _levels(names: list[str]) -> list[str]:
    """Folders of rsnapshot: levels of its own configuration, or any word with the numbers 0 and 1."""
    found: dict[str, set[int]] = {}
    for name in names:
        if match := _LEVEL.fullmatch(name):
            found.setdefault(match[1], set()).add(int(match[2]))
    kept = {word for word, numbers in found.items() if word in LEVELS or {0, 1} <= numbers}
    return [name for name in names if (match := _LEVEL.fullmatch(name)) and match[1] in kept]


def _rsnapshot(root: Path, levels: list[str]) -> Iterator[Tree]:
    """One point for each backup folder of each level: rsnapshot keeps one folder for each machine.

    Its time is that of the level's folder, which rsnapshot touches when the snapshot is complete.
    """
    for level in levels:
        try:
            when = datetime.fromtimestamp((root / level).stat().st_mtime, UTC)
            machines = sorted(entry.name for entry in _folders(root / level))
        except OSError:
            continue
        for machine in machines or [""]:
            name = f"{level}/{machine}" if machine else level
            yield Tree(name, root / level / machine, clean(machine or root.name, 200), when)


def _dated(root: Path, folder: Path) -> Tree | None:
    match = _DATED.fullmatch(folder.name)
    if match is None:
        return None
    try:
        day = date(int(match["y"]), int(match["m"]), int(match["d"]))
        when = datetime(day.year, day.month, day.day, int(match["H"] or 0), int(match["M"] or 0), tzinfo=UTC)
        touched = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except (ValueError, OSError):
        return None
    if match["H"] is None and abs(touched - when) < timedelta(days=2):
        when = touched  # a name without an hour: the folder says when it was finished
    head = clean(match["head"].strip("-_. "), 200)
    return Tree(folder.name, folder, head or clean(root.name, 200), when)


def walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str], os.stat_result]]:
    """Regular files below a folder, with their path. Links are not followed; what cannot be read is left out."""
    pending = [("", folder, 0)]
    while pending:
        prefix, here, depth = pending.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(about.st_mode):
                if depth < MAX_DEPTH:
                    pending.append((f"{prefix}{entry.name}/", Path(entry.path), depth + 1))
            elif stat.S_ISREG(about.st_mode):
                yield f"{prefix}{entry.name}", entry, about


def measure(folder: Path, budget: int) -> tuple[Measure | None, int]:
    """Files and bytes of a point, one inode counted once, and the number of files looked at.

    None when there are more than `budget` files.
    """
    files = size = 0
    seen: set[tuple[int, int]] = set()
    changed = _changed(folder)
    for _, _, about in walk(folder):
        files += 1
        if files > budget:
            return None, files
        changed = max(changed, about.st_ctime)
        if about.st_nlink > 1:
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
        size += about.st_size
    return Measure(files, size, datetime.fromtimestamp(changed, UTC) if changed else None), files


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_ctime
    except OSError:
        return 0.0
