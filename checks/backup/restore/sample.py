"""Which files are restored: a stratified draw that anybody can make again from the seed and the catalogue.

Each file gets a number from a keyed hash of its path, and the smallest numbers are drawn. So the draw does not depend
on the order of the catalogue, needs one pass, and keeps a bounded part of it in memory. Allocation is proportional
(largest remainders) after one file for each stratum (family × class of size), one for each top folder, and one
database or dump before all, as far as the number of files and the bytes allow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from heapq import heapify, heappushpop

from checks.backup.facts import Sampled
from checks.backup.restore.families import Stratum, stratum_of, top_folder
from checks.backup.technologies.base import Entry
from checks.model import Record

MAX_FOLDERS = 256
"""Top folders the sample is spread over: those with the smallest numbers when there are more."""
RESERVE = 8
"""Candidates kept for each stratum besides the common ones: the first may be too large for what is left."""
FOLDER_RESERVE = 2
MAX_REFUSED = 4096
"""Folders beyond those, whose numbers are remembered rather than computed again for each file."""
LARGE = 3
"""A file of more than this part of the size permitted is drawn only where there is no other: alone, it would fill the
sample, and one restored file tells nothing about time."""
OVERSIZE = 4
"""Common candidates kept, as a multiple of the files wanted."""


class Sample(Record, frozen=True, kw_only=True):
    """The draw, and what it was drawn from."""

    seed: int
    entries: tuple[Entry, ...]
    strata: tuple[Sampled, ...]
    """One for each stratum that is not empty, whether something was drawn in it or not."""
    population: int
    population_bytes: int
    folders_known: int
    folders: int
    undrawable: int
    """Files larger than the budget alone."""
    undrawable_bytes: int

    @property
    def bytes(self) -> int:
        """Size of the draw."""
        return sum(entry.size for entry in self.entries)


def draw(entries: Iterable[Entry], *, seed: int, max_files: int, max_bytes: int) -> Sample:
    """Draw at most `max_files` files of at most `max_bytes` together, in one pass over `entries`.

    A path given twice counts once in the draw. Linear in the number of entries; memory depends on `max_files` only.
    """
    census = _Census(seed, max_files, max_bytes)
    for entry in entries:
        census.add(entry)
    chosen = census.choose()
    return Sample(
        seed=seed,
        entries=tuple(item.entry for item in chosen),
        strata=tuple(census.sampled(chosen)),
        population=sum(census.population.values()),
        population_bytes=census.bytes,
        folders_known=len(census.folders),
        folders=len({item.folder for item in chosen} & census.folders.keys()),
        undrawable=census.undrawable,
        undrawable_bytes=census.undrawable_bytes,
    )


class _Candidate:
    """An entry and its number. Compared in reverse, so that a heap gives the one to leave first."""

    __slots__ = ("entry", "folder", "number", "stratum")

    def __init__(self, number: int, entry: Entry, stratum: Stratum, folder: str) -> None:
        self.number = number
        self.entry = entry
        self.stratum = stratum
        self.folder = folder

    @property
    def rank(self) -> tuple[int, str]:
        return self.number, self.entry.path

    def __lt__(self, other: _Candidate) -> bool:
        return self.rank > other.rank


class _Smallest:
    """The candidates of smallest number, at most `limit`."""

    __slots__ = ("_heap", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[_Candidate] = []

    def offer(self, candidate: _Candidate) -> None:
        if len(self._heap) < self._limit:
            self._heap.append(candidate)
            if len(self._heap) == self._limit:
                heapify(self._heap)
        elif candidate.number <= self._heap[0].number:
            heappushpop(self._heap, candidate)

    def __iter__(self) -> Iterator[_Candidate]:
        return iter(self._heap)


class _Census:
    """What one pass over the catalogue keeps."""

    def __init__(self, seed: int, max_files: int, max_bytes: int) -> None:
        self._key = seed.to_bytes(16, "big", signed=True)
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._common = _Smallest(max(1, OVERSIZE * max_files))
        self._kept: dict[Stratum, _Smallest] = {}
        self.folders: dict[str, _Smallest] = {}
        self._folder_numbers: dict[str, int] = {}
        self._last_folder = (0, "")
        self._refused: dict[str, int] = {}
        self.population: dict[Stratum, int] = {}
        self.bytes = 0
        self.undrawable = 0
        self.undrawable_bytes = 0

    def add(self, entry: Entry) -> None:
        """Count one entry and keep it if its number is small."""
        size = max(0, entry.size)
        stratum = stratum_of(entry.path, size)
        self.population[stratum] = self.population.get(stratum, 0) + 1
        self.bytes += size
        if size > self._max_bytes:
            self.undrawable += 1
            self.undrawable_bytes += size
            return
        folder = top_folder(entry.path)
        candidate = _Candidate(self._number(entry.path), entry, stratum, folder)
        self._common.offer(candidate)
        if stratum not in self._kept:
            self._kept[stratum] = _Smallest(RESERVE)
        self._kept[stratum].offer(candidate)
        if (of_folder := self._folder(folder)) is not None:
            of_folder.offer(candidate)

    def choose(self) -> list[_Candidate]:
        """The draw, in the order of the numbers."""
        candidates: dict[str, _Candidate] = {}
        for source in (self._common, *self._kept.values(), *self.folders.values()):
            candidates.update((item.entry.path, item) for item in source)
        ordered = sorted(candidates.values(), key=lambda item: item.rank)
        taken = _Taken(self._max_files, self._max_bytes)
        usual = [item for item in ordered if item.entry.size * LARGE <= self._max_bytes]
        for strata in self._firsts():
            for some in (usual, ordered):
                taken.first(item for item in some if item.stratum in strata)
        for folder in sorted(self.folders, key=lambda name: (self._folder_numbers[name], name)):
            for some in (usual, ordered):
                if not taken.full and folder not in taken.folders:
                    taken.first(item for item in some if item.folder == folder)
        wanted = self._allocation()
        for item in (*usual, *ordered):
            if taken.full:
                break
            if taken.by_stratum.get(item.stratum, 0) < wanted.get(item.stratum, 0):
                taken.take(item)
        # What rounding and files too large left: anybody, in the order of the numbers.
        for item in (*usual, *ordered):
            if taken.full:
                break
            taken.take(item)
        return sorted(taken.items.values(), key=lambda item: item.rank)

    def sampled(self, chosen: list[_Candidate]) -> Iterator[Sampled]:
        """What was drawn in each stratum."""
        for stratum in sorted(self.population):
            drawn = [item.entry.size for item in chosen if item.stratum == stratum]
            yield Sampled(
                stratum=stratum.label, population=self.population[stratum], drawn=len(drawn), bytes=sum(drawn)
            )

    def _firsts(self) -> list[set[Stratum]]:
        """Sets of strata that each get a file first: the databases together, then each, small files before large."""
        databases = {stratum for stratum in self._kept if stratum.family == "databases"}
        holding = {stratum for stratum in databases if stratum.rank}
        each: list[set[Stratum]] = [{one} for one in sorted(self._kept, key=lambda one: (one.rank, one.family))]
        return [holding or databases, *each] if databases else each

    def _allocation(self) -> dict[Stratum, int]:
        """Files wanted of each stratum: proportional, by largest remainders."""
        total = sum(self.population.values())
        wanted = min(self._max_files, total)
        exact = {stratum: wanted * count / total for stratum, count in self.population.items()}
        shares = {stratum: int(value) for stratum, value in exact.items()}
        left = wanted - sum(shares.values())
        for stratum in sorted(exact, key=lambda one: (shares[one] - exact[one], one))[:left]:
            shares[stratum] += 1
        return shares

    def _number(self, text: str) -> int:
        data = text.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "big")

    def _folder(self, folder: str) -> _Smallest | None:
        """Where the candidates of a folder are kept; None when too many folders have a smaller number."""
        known = self.folders.get(folder)
        if known is not None:
            return known
        number = self._refused.get(folder)
        if number is None:
            number = self._number(f"folder\0{folder}")
        if len(self.folders) >= MAX_FOLDERS:
            if (number, folder) >= self._last_folder:
                if len(self._refused) >= MAX_REFUSED:
                    self._refused.clear()
                self._refused[folder] = number
                return None
            gone = self._last_folder[1]
            del self.folders[gone], self._folder_numbers[gone]
        self._folder_numbers[folder] = number
        self.folders[folder] = _Smallest(FOLDER_RESERVE)
        self._last_folder = max((number, name) for name, number in self._folder_numbers.items())
        return self.folders[folder]


class _Taken:
    """Files taken so far, within the two bounds."""

    def __init__(self, max_files: int, max_bytes: int) -> None:
        self._files = max_files
        self._bytes = max_bytes
        self.items: dict[str, _Candidate] = {}
        self.by_stratum: dict[Stratum, int] = {}
        self.folders: set[str] = set()

    @property
    def full(self) -> bool:
        return not self._files

    def first(self, candidates: Iterable[_Candidate]) -> None:
        """Make sure that one of these is taken, if any fits."""
        for item in candidates:
            if item.entry.path in self.items or self.take(item):
                return

    def take(self, item: _Candidate) -> bool:
        size = max(0, item.entry.size)
        if not self._files or size > self._bytes or item.entry.path in self.items:
            return False
        self._files -= 1
        self._bytes -= size
        self.items[item.entry.path] = item
        self.by_stratum[item.stratum] = self.by_stratum.get(item.stratum, 0) + 1
        self.folders.add(item.folder)
        return True
