"""Finds, in the folder a program restored into, the files that were asked for."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

MAX_DEPTH = 200
_FIRST_SURROGATE = 0xDC80
_LAST_SURROGATE = 0xDCFF


def found_below(root: Path, wanted: Collection[str], *, prefix: str, unknown: str) -> dict[str, Path]:
    """Regular files below `root` among `wanted`, by their path as the product's catalogue writes it.

    `prefix` stands before the path relative to `root`; `unknown` is what the catalogue writes for each byte that is
    not UTF-8. A path that two files answer to names neither. Links are not followed and not returned. Folders and
    files are left open to their owner only, so that whoever wipes them can, whatever their mode was.
    """
    names = set(wanted)
    found: dict[str, Path] = {}
    twice: set[str] = set()
    for relative, path in _files(root):
        name = prefix + "/".join(shown(part, unknown) for part in relative)
        if name in names:
            if name in found:
                twice.add(name)
            found[name] = path
    return {name: path for name, path in found.items() if name not in twice}


def shown(name: str, unknown: str) -> str:
    """A file name as a catalogue in JSON writes it: `unknown` for each byte that is not UTF-8."""
    return "".join(unknown if _FIRST_SURROGATE <= ord(letter) <= _LAST_SURROGATE else letter for letter in name)


def _files(root: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    pending: list[tuple[tuple[str, ...], Path]] = [((), root)]
    while pending:
        parts, folder = pending.pop()
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            where = (*parts, entry.name)
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    if len(where) < MAX_DEPTH:
                        pending.append((where, Path(entry.path)))
                elif stat.S_ISREG(mode):
                    Path(entry.path).chmod(0o600)
                    yield where, Path(entry.path)
            except OSError:
                continue
