"""Compares the last points of each source, and looks into what changed where restores are permitted."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from checks.backup.changes import catalogues
from checks.backup.changes.heads import MAX_TOTAL, Heads, look, pick
from checks.backup.changes.judge import REPLACED, replaced_share
from checks.backup.config import BackupConfig, RepositoryConfig
from checks.backup.facts import ChangeSign, Point, Repository
from checks.backup.restore.bench import machine_run
from checks.backup.restore.run import production_folders
from checks.backup.restore.scratch import open_scratch
from checks.backup.technologies.base import Entry, Restorable, Tools
from checks.backup.technologies.registry import restorable as find_restorable
from checks.common.french import count
from checks.model import CollectError, Gap, MandateRefusedError

MAX_SOURCES = 20
"""Sources of one repository that are compared."""
POINTS = 5
"""Last points of a source whose catalogues are read: the last two, and those that tell what is usual."""
USUAL = 4
"""Points that make a usual share, the last comparison left out."""
SECONDS = 300.0
"""Seconds after which no other source is compared."""
_UNREADABLE = "« {label} » : les changements entre deux points n'ont pas pu être comparés ({why})."


class Changes(NamedTuple):
    """Signs found, and what could not be compared."""

    signs: tuple[ChangeSign, ...]
    limits: tuple[str, ...]
    """French sentences."""


def change_signs(
    config: BackupConfig,
    repositories: Sequence[Repository],
    restorable: Sequence[str],
    tools: Tools,
    *,
    find: Callable[[str], Restorable | None] = find_restorable,
    stopwatch: Callable[[], float] = time.monotonic,
    seconds: float = SECONDS,
) -> Changes:
    """Compare the last two points of each source of each repository whose catalogue lists files.

    Contents are looked into only for the labels in `restorable`, and only when a fifth of the files was replaced:
    elsewhere a sign holds what the catalogue alone tells. Never raises for what a product does.
    """
    deadline = stopwatch() + seconds
    settings = {one.label: one for one in config.repositories}
    avoid = production_folders(config, repositories)
    signs: list[ChangeSign] = []
    limits: list[str] = []
    for repository in repositories:
        own = settings.get(repository.label)
        technology = _find(find, own)
        if own is None or technology is None or isinstance(repository.points, Gap):
            continue
        sources = by_source(repository.points)
        if len(sources) > MAX_SOURCES:
            more = count(len(sources) - MAX_SOURCES, "source")
            limits.append(f"« {own.label} » : {more} au-delà de {MAX_SOURCES}, non comparées.")
        for points in list(sources.values())[:MAX_SOURCES]:
            if stopwatch() > deadline:
                limits.append(_UNREADABLE.format(label=own.label, why="le temps prévu était dépassé"))
                break
            tools.progress(f"{own.label} : comparaison des derniers points")
            try:
                sign, limit = _compare(
                    config, own, technology, tools, points, avoid=avoid, looking=own.label in restorable
                )
            except CollectError as error:
                limits.append(_UNREADABLE.format(label=own.label, why=error.detail.rstrip(".")))
                continue
            except (MandateRefusedError, OSError) as error:
                limits.append(_UNREADABLE.format(label=own.label, why=getattr(error, "why", type(error).__name__)))
                continue
            signs.append(sign)
            limits += limit
    return Changes(tuple(signs), tuple(limits))


def _find(find: Callable[[str], Restorable | None], config: RepositoryConfig | None) -> Restorable | None:
    try:
        return find(config.technology) if config is not None else None
    except ImportError:
        return None


def by_source(points: Iterable[Point]) -> dict[str, list[Point]]:
    """The last points of each source that has two, oldest first; points that hold nothing are left out."""
    found: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda point: (point.time, point.id)):
        if not point.empty:
            found.setdefault(point.source, []).append(point)
    return {source: several[-POINTS:] for source, several in sorted(found.items()) if len(several) > 1}


def _compare(
    config: BackupConfig,
    own: RepositoryConfig,
    technology: Restorable,
    tools: Tools,
    points: Sequence[Point],
    *,
    avoid: Sequence[str],
    looking: bool,
) -> tuple[ChangeSign, list[str]]:
    shares: list[float] = []
    previous = catalogues.read(technology.entries(own, tools, points[0]))
    for before, after in itertools.pairwise(points):
        difference, current = catalogues.compare(previous, technology.entries(own, tools, after))
        sign = _sign(own, before, after, len(previous.states), difference)
        shares.append(replaced_share(sign))
        previous = current
    usual = statistics.median(shares[:-1]) if len(points) >= USUAL else None
    sign = msgspec.structs.replace(sign, daily_median=round(usual, 4) if usual is not None else None)
    if not looking or shares[-1] <= REPLACED:
        return sign, []
    try:
        old, new = _heads(config, own, technology, tools, points[-2:], difference, avoid)
    except (CollectError, OSError) as error:
        why = error.detail.rstrip(".") if isinstance(error, CollectError) else type(error).__name__
        limit = f"« {own.label} » : les fichiers remplacés n'ont pas pu être regardés ({why})."
        return sign, [limit]
    looked = msgspec.structs.replace(
        sign,
        looked_into=new.looked,
        magic_known=new.magic_known,
        magic_lost=new.magic_lost,
        entropy_before=old.entropy,
        entropy_after=new.entropy,
    )
    return looked, []


def _heads(
    config: BackupConfig,
    own: RepositoryConfig,
    technology: Restorable,
    tools: Tools,
    points: Sequence[Point],
    difference: catalogues.Difference,
    avoid: Sequence[str],
) -> tuple[Heads, Heads]:
    old, new = pick(difference.before), pick(difference.after)
    need = min(MAX_TOTAL, max(_size(old), _size(new)))
    scratch = open_scratch(config.restore.scratch, need, tuple(avoid), machine_run(tools))
    try:
        before = look(technology, own, tools, points[0], old, scratch)
        after = look(technology, own, tools, points[1], new, scratch, difference.suffix)
    finally:
        gone = scratch.close()
    if not gone:
        raise OSError("scratch")
    return before, after


def _size(entries: Iterable[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _sign(
    own: RepositoryConfig, before: Point, after: Point, files: int, difference: catalogues.Difference
) -> ChangeSign:
    return ChangeSign(
        repository=own.label,
        source=after.source,
        before=before.time,
        after=after.time,
        files_before=files,
        removed=difference.removed,
        added=difference.added,
        changed=difference.changed,
        moved=difference.moved,
        renamed=difference.renamed,
        suffix=difference.suffix,
        suffix_files=difference.suffix_files,
    )
