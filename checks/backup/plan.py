"""The backup plan as observed: each declared system, the copies found of it, how fresh they are and how far they go.

Pure. A repository that could not be read proves nothing: its label stands in `PlanRow.unread`, and whoever judges
must not conclude that a copy is missing. A point counts as good when the product does not say that it is incomplete,
empty or damaged, and the agent did not see it encrypted or useless (`condemned`); a product that says nothing is
believed, which the row does not hide (`PlanRow.silent`).
"""

from __future__ import annotations

import functools
import itertools
import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from checks.backup.condemned import without_condemned
from checks.backup.facts import BackupFacts, PlannedSystem, Point, Repository, RestoreTest, SystemKind
from checks.backup.storage import Place, places
from checks.model import Gap, Record

WINDOW = timedelta(days=30)
"""Length over which rhythm and gaps are measured: longer than a month's closing, short enough to be today's habits."""
DEFAULT_RPO_HOURS = 26.0
"""One backup every night, and two hours for a night that is longer than the one before. Ours, used where no objective
is declared: a lost day of care notes can be written again from memory and paper, two cannot."""
CLOCK_SLACK = timedelta(hours=1)
"""A point this far in the future is a clock a little fast; beyond, its date is not believed."""
SNAPSHOTS = frozenset({"zfs", "btrfs"})
"""Technologies whose points lie on the array they copy, unless somebody declares that they do not."""

_KINDS: tuple[tuple[SystemKind, re.Pattern[str]], ...] = (
    ("microsoft365", re.compile(r"\b(microsoft ?365|office ?365|m365|o365|exchange online|sharepoint|onedrive)\b")),
    ("directory", re.compile(r"\b(annuaire|active directory|ad ds|controleurs? de domaine|domain controllers?)\b")),
    ("care_records", re.compile(r"\b(dui|dossiers? (de l')?usagers?|dossiers? de soins|netsoins|titan)\b")),
    ("firewall", re.compile(r"\b(pare-?feux?|firewall|fortigate|stormshield|opnsense|pfsense)\b")),
    ("files", re.compile(r"\b(fichiers|partages?|bureautique|file ?server)\b")),
)  # fmt: skip
"""Plain words of a label, without accents. The declared kind wins."""


class Copy(Record, frozen=True, kw_only=True):
    """One repository that holds points of a system."""

    repository: Repository
    sources: tuple[str, ...]
    points: tuple[Point, ...]
    """Newest first."""
    good: tuple[Point, ...]
    """Newest first."""
    presumed: bool = False
    """Linked by the declared repository only: no name of source says that these points are this system's."""


class Stream(Record, frozen=True, kw_only=True):
    """One source of a system, over all the repositories that hold it. Hours are observed."""

    source: str
    last_good: datetime | None
    oldest_good: datetime | None
    good: int
    interval_hours: float | None
    """Median distance between good points over `WINDOW`."""
    longest_gap_hours: float | None
    """Longest distance between two good points that follow one another, over `WINDOW`."""


class PlanRow(Record, frozen=True, kw_only=True):
    """One system and what backs it up."""

    system: PlannedSystem
    kind: SystemKind
    copies: tuple[Copy, ...] = ()
    streams: tuple[Stream, ...] = ()
    absent: tuple[str, ...] = ()
    """Declared names of sources that no point read carries."""
    empty_handed: tuple[str, ...] = ()
    """Repositories declared for it, read, that hold none of its points."""
    unread: tuple[str, ...] = ()
    """Repositories that may hold it and whose points could not be read."""
    unread_gap: Gap | None = None
    """Why the first of them could not."""
    ambiguous: tuple[str, ...] = ()
    """Repositories declared for it that hold several sources, none of which is said to be its own."""
    unlinked: bool = False
    """Neither its sources nor its repositories are declared, and no source has its name."""
    tests: tuple[RestoreTest, ...] = ()
    """Restore tests of its sources, newest first."""

    @property
    def last_good(self) -> datetime | None:
        """Oldest of the newest good points of its sources: a system is as fresh as its stalest part."""
        times = [stream.last_good for stream in self.streams]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) and not self.absent else None

    @property
    def oldest_good(self) -> datetime | None:
        """How far back the whole system can be restored."""
        known = [stream.oldest_good for stream in self.streams if stream.oldest_good is not None]
        return max(known) if known and len(known) == len(self.streams) and not self.absent else None

    @property
    def interval_hours(self) -> float | None:
        """Slowest usual rhythm of its sources."""
        return max((s.interval_hours for s in self.streams if s.interval_hours is not None), default=None)

    @property
    def longest_gap_hours(self) -> float | None:
        """Longest gap of its sources."""
        return max((s.longest_gap_hours for s in self.streams if s.longest_gap_hours is not None), default=None)

    @property
    def good_points(self) -> int:
        """Good points of the source that has fewest."""
        return min((stream.good for stream in self.streams), default=0)

    @property
    def silent(self) -> bool:
        """No product says whether the newest good points are complete."""
        newest = [copy.good[0] for copy in self.copies if copy.good]
        return bool(newest) and all(point.complete is None for point in newest)

    @property
    def off_array(self) -> tuple[Copy, ...]:
        """Copies that count: with a good point, not on the array they copy, one per identity of repository."""
        kept: dict[str, Copy] = {}
        for copy in self.copies:
            if copy.good and not same_array(copy.repository):
                kept.setdefault(identity(copy.repository), copy)
        return tuple(kept.values())


def plan(facts: BackupFacts, now: datetime) -> tuple[PlanRow, ...]:
    """One row per declared system, in the order of the profile."""
    indexes = [(place, _index(place.repository)) for place in places(without_condemned(facts))]
    names = {_fold(source) for _, index in indexes for source, _ in index}
    return tuple(_row(system, indexes, names, facts.restore_tests, now) for system in facts.systems)


def orphans(facts: BackupFacts, rows: Iterable[PlanRow]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Sources found in the backups that no declared system claims, with the repositories that hold each."""
    claimed = {_fold(source) for row in rows for copy in row.copies for source in copy.sources}
    found: dict[str, tuple[str, list[str]]] = {}
    for repository in facts.repositories:
        for source, _ in _index(repository):
            if _fold(source) not in claimed:
                _, labels = found.setdefault(_fold(source), (source, []))
                if repository.label not in labels:
                    labels.append(repository.label)
    return tuple((name, tuple(labels)) for name, labels in found.values())


def found_rows(facts: BackupFacts, now: datetime) -> tuple[PlanRow, ...]:
    """Rows for the sources that no declared system claims: what the structure should name and rank."""
    strangers = orphans(facts, plan(facts, now))
    systems = tuple(
        PlannedSystem(label=name, critical=False, origin="inventory", covered_by=labels) for name, labels in strangers
    )
    indexes = [(place, _index(place.repository)) for place in places(without_condemned(facts))]
    names = {_fold(source) for _, index in indexes for source, _ in index}
    return tuple(_row(system, indexes, names, facts.restore_tests, now) for system in systems)


def is_good(point: Point, now: datetime) -> bool:
    """Nothing says that this point cannot be restored, and its date can be believed."""
    bad = point.complete is False or point.empty or point.verified == "failed"
    return not bad and point.time <= now + CLOCK_SLACK


def stream(source: str, points: Iterable[Point], now: datetime) -> Stream:
    """Freshness, reach and rhythm of the good points of one source."""
    times = sorted({point.time for point in points if is_good(point, now)})
    start = now - WINDOW
    gaps = [(after - before).total_seconds() / 3600 for before, after in itertools.pairwise(times) if after >= start]
    return Stream(
        source=source,
        last_good=times[-1] if times else None,
        oldest_good=times[0] if times else None,
        good=len(times),
        interval_hours=statistics.median(gaps) if gaps else None,
        longest_gap_hours=max(gaps, default=None),
    )


def sources_of(repository: Repository) -> Mapping[str, tuple[Point, ...]]:
    """Points of a repository by source, as the product first writes its name; empty when they could not be read."""
    grouped: dict[str, tuple[str, list[Point]]] = {}
    for (source, _), points in _index(repository).items():
        grouped.setdefault(_fold(source), (source, []))[1].extend(points)
    return {name: tuple(points) for name, points in grouped.values()}


def same_array(repository: Repository) -> bool:
    """The copies are lost with the array they copy: declared so, or snapshots nobody declared to be elsewhere."""
    if repository.same_array_as_source is not None:
        return repository.same_array_as_source
    return repository.technology in SNAPSHOTS


def identity(repository: Repository) -> str:
    """What makes two labels one copy."""
    return f"id:{repository.repository_id}" if repository.repository_id else f"label:{repository.label}"


def kind_of(system: PlannedSystem) -> SystemKind:
    """The declared kind, else what plain words of its label or of its host say."""
    if system.kind:
        return system.kind
    text = _plain(f"{system.label} {system.hosted}")
    return next((kind for kind, words in _KINDS if words.search(text)), "")


def matches(patterns: Iterable[str], *texts: str) -> bool:
    """One of the texts is, whatever its case, what one of the patterns describes (`*` stands for anything)."""
    return any(_compiled(pattern).fullmatch(_fold(text)) for pattern in patterns for text in texts)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _fold(pattern).split("*")), re.DOTALL)


_Key = tuple[str, tuple[str, ...]]
_Index = Mapping[_Key, list[Point]]


def _index(repository: Repository) -> _Index:
    """Points by source and folders: few keys, whatever the number of points."""
    found: dict[_Key, list[Point]] = {}
    if not isinstance(repository.points, Gap):
        for point in repository.points:
            found.setdefault((point.source, point.paths), []).append(point)
    return found


def _row(
    system: PlannedSystem,
    indexes: list[tuple[Place, _Index]],
    names: set[str],
    tests: Iterable[RestoreTest],
    now: datetime,
) -> PlanRow:
    candidates = [
        (place.repository, index)
        for place, index in indexes
        if not system.covered_by or any(label in system.covered_by for label in place.labels)
    ]
    patterns = system.sources or ((system.label,) if _fold(system.label) in names else ())
    presumed = not patterns and bool(system.covered_by)
    copies, ambiguous, empty_handed = [], [], []
    for repository, index in candidates:
        keys = [key for key in index if presumed or matches(patterns, key[0], *key[1])]
        sources = tuple(dict.fromkeys(source for source, _ in keys))
        if presumed and len({_fold(source) for source in sources}) > 1:
            ambiguous.append(repository.label)
        elif keys:
            copies.append(_copy(repository, sources, [p for key in keys for p in index[key]], now, presumed=presumed))
        elif system.covered_by and not isinstance(repository.points, Gap):
            empty_handed.append(repository.label)
    unread = [repository for repository, _ in candidates if isinstance(repository.points, Gap)]
    seen = {(point.source, point.paths) for copy in copies for point in copy.points}
    held = {_fold(text) for source, paths in seen for text in (source, *paths)}
    streams = _streams(copies, patterns, now)
    labels = {copy.repository.label for copy in copies}
    folded = {_fold(source) for copy in copies for source in copy.sources}
    return PlanRow(
        system=system,
        kind=kind_of(system),
        copies=tuple(copies),
        streams=streams,
        absent=tuple(p for p in system.sources if not any(matches((p,), text) for text in held)),
        empty_handed=tuple(empty_handed),
        unread=tuple(repository.label for repository in unread),
        unread_gap=next((r.points for r in unread if isinstance(r.points, Gap)), None),
        ambiguous=tuple(ambiguous),
        unlinked=not system.sources and not system.covered_by and not copies,
        tests=tuple(
            sorted(
                (t for t in tests if t.repository in labels and _fold(t.source) in folded),
                key=lambda t: t.finished,
                reverse=True,
            )
        ),
    )


def _copy(
    repository: Repository, sources: tuple[str, ...], points: list[Point], now: datetime, *, presumed: bool
) -> Copy:
    ordered = tuple(sorted(points, key=lambda point: point.time, reverse=True))
    return Copy(
        repository=repository,
        sources=sources,
        points=ordered,
        good=tuple(point for point in ordered if is_good(point, now)),
        presumed=presumed,
    )


def _streams(copies: Iterable[Copy], patterns: Iterable[str], now: datetime) -> tuple[Stream, ...]:
    """One stream per source; a pattern that names a folder has its own, since other folders say nothing of it.

    Copies on the array of production count for freshness too: they do bring back a file deleted by mistake.
    """
    wanted = tuple(patterns)
    names: dict[_Key, tuple[str, ...]] = {}
    grouped: dict[str, tuple[str, list[Point]]] = {}
    for copy in copies:
        for point in copy.points:
            key = (point.source, point.paths)
            if key not in names:
                whole = not wanted or matches(wanted, point.source)
                names[key] = () if whole else tuple(path for path in point.paths if matches(wanted, path))
            for name in names[key] or (point.source,):
                grouped.setdefault(_fold(name), (name, []))[1].append(point)
    return tuple(stream(name, points, now) for name, points in grouped.values())


def _fold(text: str) -> str:
    return text.strip().casefold()


def _plain(text: str) -> str:
    """Without accents nor case."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
