"""What is restored in one go and timed: parts of the sample, then whole folders, which are closer to everything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from checks.backup.technologies.base import Entry

LARGEST_BATCH = 120
"""Files asked for in one go. Technologies cut longer lists into several runs, and each run starts the program again."""
MIN_BATCHES = 4
MAX_DEPTH = 8
MAX_FOLDERS = 20_000
"""Folders whose size is known; those met later are not candidates."""
FOLDERS_TIMED = 4
_WORTH_FILES = 20
_WORTH_BYTES = 4 << 20
"""A folder below both is restored too fast to tell anything."""


class Folder(NamedTuple):
    """A folder of the point, with all that is below it."""

    path: str
    files: int
    bytes: int


class FolderSizes:
    """Sizes of folders, counted while the catalogue goes by."""

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}

    def counted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, counted on their way."""
        for entry in entries:
            self._add(entry)
            yield entry

    def folders(self) -> list[Folder]:
        """Every folder known, whole."""
        return [Folder(path, files, size) for path, (files, size) in self._known.items()]

    def _add(self, entry: Entry) -> None:
        path, known, size = entry.path, self._known, max(0, entry.size)
        end = path.find("/", 1)
        for _ in range(MAX_DEPTH):
            if end < 0:
                return
            folder = path[:end]
            sizes = known.get(folder)
            if sizes is not None:
                sizes[0] += 1
                sizes[1] += size
            elif len(known) < MAX_FOLDERS:
                known[folder] = [1, size]
            end = path.find("/", end + 1)


def choose_folders(folders: Iterable[Folder], *, max_files: int, max_bytes: int) -> list[Folder]:
    """A few folders of different shapes: the most files, the most bytes, then smaller ones of each.

    Together they hold at most `max_files` files; each holds at most `max_bytes`, and they are restored one at a time.
    """
    worth = [
        folder
        for folder in folders
        if folder.bytes <= max_bytes and (folder.files >= _WORTH_FILES or folder.bytes >= _WORTH_BYTES)
    ]
    chosen: list[Folder] = []
    left = max_files
    for number in range(FOLDERS_TIMED):
        # Halves: the first takes no more than half of what is permitted, so that others remain.
        limit = left // 2 if number < FOLDERS_TIMED - 1 else left
        bytes_limit = max_bytes >> (number // 2 * 2)
        fitting = [
            folder
            for folder in worth
            if folder.files <= limit
            and folder.bytes <= bytes_limit
            and not any((folder.files, folder.bytes) == (one.files, one.bytes) for one in chosen)
        ]
        if not fitting:
            continue
        by_files = number % 2 == 0
        best = max(
            fitting, key=lambda one: (one.files, one.bytes, one.path) if by_files else (one.bytes, one.files, one.path)
        )
        chosen.append(best)
        left -= best.files
    return sorted(chosen, key=lambda one: (one.files, one.bytes, one.path))


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The sample in parts of different sizes, small ones first. Each file is in one part.

    When the files are few, they come once more all together, so that there are different sizes to compare.
    """
    total = len(entries)
    parts: list[list[Entry]] = []
    start = 0
    for share in (total // 16, total // 8, total // 4):
        size = min(share, LARGEST_BATCH)
        if size:
            parts.append(list(entries[start : start + size]))
            start += size
    while start < total:
        left = total - start
        size = min(LARGEST_BATCH, left if len(parts) >= MIN_BATCHES - 1 else (left + 1) // 2)
        parts.append(list(entries[start : start + size]))
        start += size
    if 1 < total <= MIN_BATCHES * 2:
        parts.append(list(entries))
    return parts


def measure(folder: Path) -> tuple[int, int]:
    """Regular files below a restored folder, and their bytes. Links are not followed."""
    files = size = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(here, name))  # noqa: PTH118 - a million times
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                files += 1
                size += status.st_size
    return files, size
