"""Looks at the first bytes of some files that changed: do they still begin as they should, and is there any order."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point
from checks.backup.restore.content import HEAD, entropy, magic_lost
from checks.backup.restore.families import extension_of, family_of
from checks.backup.restore.scratch import Scratch
from checks.backup.technologies.base import Entry, Restorable, Tools

LOOKED = 60
"""Files restored from each point."""
MAX_FILE = 16 << 20
MAX_TOTAL = 256 << 20
MIN_ENTROPY_BYTES = 8192
"""Below, even random bytes do not reach 7.97 bits."""
_COMPRESSED = frozenset({
    "7z", "accdb", "bz2", "cab", "docm", "docx", "gif", "gpg", "gz", "heic", "jar", "jpeg", "jpg", "m4a", "mkv", "mov",
    "mp3", "mp4", "odg", "odp", "ods", "odt", "ova", "pdf", "png", "pptm", "pptx", "rar", "tbz2", "tgz", "txz", "vbk",
    "vib", "vma", "war", "webp", "xlsb", "xlsm", "xlsx", "xz", "zip", "zst",
})  # fmt: skip
"""Extensions that are near 8 bits by nature: their entropy says nothing."""


class Heads(NamedTuple):
    """What the first bytes of some files said."""

    looked: int = 0
    magic_known: int = 0
    magic_lost: int = 0
    entropy: float | None = None
    """Mean over the files that are not compressed by nature; None when there was none."""


def pick(entries: Iterable[Entry]) -> list[Entry]:
    """Files to look into: not empty, not large, bounded together. Those large enough for an entropy come first."""
    chosen: list[Entry] = []
    total = 0
    fitting = [entry for entry in entries if 0 < entry.size <= MAX_FILE]
    for entry in sorted(fitting, key=lambda entry: entry.size < MIN_ENTROPY_BYTES):
        if len(chosen) < LOOKED and total + entry.size <= MAX_TOTAL:
            chosen.append(entry)
            total += entry.size
    return chosen


def original_extension(path: str, suffix: str) -> str:
    """Extension a file had before `suffix` was added to its name; its own otherwise."""
    extension = extension_of(path)
    if suffix and extension == suffix:
        return extension_of(path[: -len(suffix) - 1])
    return extension


def look(
    technology: Restorable,
    config: RepositoryConfig,
    tools: Tools,
    point: Point,
    entries: Sequence[Entry],
    scratch: Scratch,
    suffix: str = "",
) -> Heads:
    """Restore these files of a point, look at their first bytes, and wipe them. Raises `CollectError`."""
    if not entries:
        return Heads()
    into = scratch.batch()
    try:
        back = technology.restore(config, tools, point, [entry.path for entry in entries], into)
        return judged(((path, _head(where)) for path, where in back.items()), suffix)
    finally:
        scratch.drop(into)


def _head(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def judged(heads: Iterable[tuple[str, bytes]], suffix: str = "", measure: Callable[[bytes], float] = entropy) -> Heads:
    """What these first bytes say, each with the path it comes from."""
    looked = known = lost = 0
    bits: list[float] = []
    for path, head in heads:
        if not head:
            continue
        looked += 1
        extension = original_extension(path, suffix)
        answer = magic_lost(head, extension)
        if answer is not None:
            known += 1
            lost += answer
        by_nature = extension in _COMPRESSED or family_of(f"x.{extension}") == "images"
        if not by_nature and len(head) >= MIN_ENTROPY_BYTES:
            bits.append(measure(head))
    return Heads(looked, known, lost, round(sum(bits) / len(bits), 3) if bits else None)
