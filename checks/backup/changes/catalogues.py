"""Compares the catalogues of two points: what came, went, changed and moved, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from checks.backup.restore.families import MAX_EXTENSION, extension_of, public_extension
from checks.backup.technologies.base import Entry
from checks.model import CollectError, Reason

MAX_ENTRIES = 2_000_000
"""Files of one point; more do not fit in the memory of a collection."""
KEPT = 600
"""Entries kept of each kind, to be looked into: those of smallest hash, the same at each run."""
COMMON = 0.5
"""Share of the added files that must have the new suffix."""
MIN_SUFFIX = 20
"""Files with the new suffix, below which it is not a mass."""
RARE = 0.01
"""Share of the earlier files that may already have had it."""


class Catalogue(NamedTuple):
    """One point, reduced: hashes and counts."""

    states: dict[int, int]
    """Of each path, size, date and digest."""
    places: Counter[int]
    """Of each name, size and date, whatever the folder."""
    extensions: Counter[str]
    kept: list[Entry]


class Difference(NamedTuple):
    """What changed."""

    removed: int
    added: int
    changed: int
    moved: int
    renamed: int
    suffix: str
    suffix_files: int
    before: list[Entry]
    """Some of the files removed or changed, as they were."""
    after: list[Entry]
    """Some of the files added or changed, as they are."""


def _hash(*parts: object) -> int:
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _trim(kept: list[Entry]) -> list[Entry]:
    return sorted(kept, key=lambda entry: (_hash(entry.path), entry.path))[:KEPT]


def _keep(kept: list[Entry], entry: Entry) -> None:
    kept.append(entry)
    if len(kept) >= 8 * KEPT:
        kept[:] = _trim(kept)


def read(entries: Iterable[Entry]) -> Catalogue:
    """Reduce a catalogue; raises `CollectError` when it is too long."""
    found = Catalogue({}, Counter(), Counter(), [])
    for entry in entries:
        if len(found.states) >= MAX_ENTRIES:
            detail = f"Plus de {MAX_ENTRIES} fichiers dans un point : les changements ne sont pas comparés."
            raise CollectError(Reason.UNSUPPORTED, detail)
        found.states[_hash(entry.path)] = _hash(entry.size, entry.modified, entry.digest)
        found.places[_hash(_name(entry.path), entry.size, entry.modified)] += 1
        found.extensions[_suffix(entry.path)] += 1
        _keep(found.kept, entry)
    found.kept[:] = _trim(found.kept)
    return found


def compare(before: Catalogue, after_entries: Iterable[Entry]) -> tuple[Difference, Catalogue]:
    """Compare a reduced catalogue with a later one, which is reduced on the way for the next comparison."""
    left = dict(before.states)
    places = Counter(before.places)
    counts: Counter[str] = Counter()
    suffixes: Counter[str] = Counter()
    later: list[Entry] = []
    touched: set[int] = set()

    def watched() -> Iterable[Entry]:
        for entry in after_entries:
            path = _hash(entry.path)
            state = left.pop(path, None)
            place = _hash(_name(entry.path), entry.size, entry.modified)
            if state == _hash(entry.size, entry.modified, entry.digest):
                places[place] -= 1
            elif state is not None:
                counts["changed"] += 1
                touched.add(path)
                _keep(later, entry)
            else:
                counts["added"] += 1
                if places[place] > 0:
                    places[place] -= 1
                    counts["moved"] += 1
                else:
                    suffixes[_suffix(entry.path)] += 1
                    counts["renamed"] += _had_suffix_added(entry.path, before.states)
                    _keep(later, entry)
            yield entry

    after = read(watched())
    suffix, number = new_suffix(suffixes, before.extensions)
    difference = Difference(
        removed=len(left),
        added=counts["added"],
        changed=counts["changed"],
        moved=min(counts["moved"], len(left)),
        renamed=counts["renamed"],
        suffix=suffix,
        suffix_files=number,
        before=[entry for entry in before.kept if (path := _hash(entry.path)) in left or path in touched],
        after=_trim(later),
    )
    return difference, after


def _suffix(path: str) -> str:
    """Suffix of a name; empty when it does not look like one. Bounded, unlike the names of people."""
    return extension_of(path)[:MAX_EXTENSION]


def _had_suffix_added(path: str, before: dict[int, int]) -> bool:
    """Whether the path, less what follows its last dot, was that of a file."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    return bool(stem) and _hash(path[: len(folder) + (len(path) > len(name))] + stem) in before


def new_suffix(added: Counter[str], before: Counter[str]) -> tuple[str, int]:
    """A suffix that most added files have, that hardly any file had, and that is not one of a known format."""
    total, earlier = sum(added.values()), sum(before.values())
    for suffix, number in sorted(added.items(), key=lambda item: (-item[1], item[0]))[:3]:
        if not suffix or public_extension(f"x.{suffix}"):
            continue
        if number >= max(MIN_SUFFIX, COMMON * total) and before[suffix] <= RARE * earlier:
            return suffix, number
    return "", 0
