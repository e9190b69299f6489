"""Restore tests of a run: which points of which repositories, and their signed records."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.backup.config import BackupConfig, RepositoryConfig
from checks.backup.facts import Point, Repository, RestoreTest
from checks.backup.restore.bench import Bench, machine_run, restore_test
from checks.backup.restore.compare import live_path
from checks.backup.restore.record import signed, signer
from checks.backup.technologies.base import Restorable, Tools
from checks.backup.technologies.registry import restorable as find_restorable
from checks.model import CollectError, Gap, Reason

MAX_SOURCES = 20
"""Sources of one repository whose last point is tried."""
SECONDS = 800.0
"""Seconds after which no other batch begins; the collection of a domain has 1,800 by default."""


def utc_now() -> datetime:
    """The clock of a record."""
    return datetime.now(UTC)


def restore_tests(
    config: BackupConfig,
    repositories: Sequence[Repository],
    restorable: Sequence[str],
    tools: Tools,
    *,
    find: Callable[[str], Restorable | None] = find_restorable,
    clock: Callable[[], datetime] = utc_now,
    stopwatch: Callable[[], float] = time.perf_counter,
    seconds: float = SECONDS,
) -> tuple[RestoreTest, ...]:
    """One test for the last point of each source of each permitted repository, and one for an older point of it.

    `restorable` are the labels that the operator asked for and the mandate names. Each label gives at least one test:
    one that could not be made holds its reason in `gap`. Without a usable signing key, when the profile names one,
    nothing is restored. Never raises for what a product, a network or a disk does.
    """
    if not restorable:
        return ()
    reference = config.restore.signing_key_from
    unusable: Gap | None = None
    try:
        by = signer(tools.secret(reference) if reference else "")
    except CollectError as error:
        by, unusable = signer(""), Gap(reason=error.reason, detail=error.detail)
    seed = config.restore.seed if config.restore.seed is not None else secrets.randbits(62)
    avoid = production_folders(config, repositories)
    bench = Bench(
        settings=config.restore,
        avoid=avoid,
        tools=tools,
        signer=by,
        seed=seed,
        run=machine_run(tools),
        clock=clock,
        stopwatch=stopwatch,
        deadline=stopwatch() + seconds,
    )
    known = {one.label: one for one in repositories}
    settings = {one.label: one for one in config.repositories}
    tests: list[RestoreTest] = []
    for label in restorable:
        if label not in settings:
            gap = Gap(reason=Reason.NOT_CONFIGURED, detail=f"« {label} » n'est pas une sauvegarde du profil.")
            tests.append(_not_made(bench, label, "", gap))
        elif unusable is not None:
            tests.append(_not_made(bench, label, settings[label].technology, unusable))
        else:
            tests += _of_repository(bench, settings[label], known.get(label), find)
    return tuple(tests)


def production_folders(config: BackupConfig, repositories: Sequence[Repository]) -> tuple[str, ...]:
    """Folders of this machine that nothing may be restored in: production, as far as it is known, and repositories.

    The root of a disk is left out: when this machine is the one that is backed up, everything is below it. The folders
    its points name are what counts then.
    """
    found: dict[str, None] = {}
    points = {one.label: one.points for one in repositories if not isinstance(one.points, Gap)}
    for one in config.repositories:
        found[local_folder(one.location)] = None
        if one.live_root:
            found[one.live_root] = None
            saved = {path for point in points.get(one.label, ()) for path in point.paths}
            found.update((str(place), None) for path in sorted(saved) if (place := live_path(one.live_root, path)))
    return tuple(text for text in found if text and Path(text).parent != Path(text))


def local_folder(location: str) -> str:
    """A repository that is a folder of this machine; empty otherwise."""
    text = location.removeprefix("file://").removeprefix("local:")
    return text if text.startswith(("/", "\\\\")) or text[1:3] in (":\\", ":/") else ""


def _of_repository(
    bench: Bench, config: RepositoryConfig, repository: Repository | None, find: Callable[[str], Restorable | None]
) -> Iterable[RestoreTest]:
    try:
        technology = find(config.technology)
    except ImportError as error:
        gap = Gap(reason=Reason.UNSUPPORTED, detail=f"Un module n'est pas installé ({error.name or 'inconnu'}).")
        return [_not_made(bench, config.label, config.technology, gap)]
    if technology is None:
        detail = "Cette technologie ne rend pas de fichiers un par un à cet outil : faire le test complet à la main."
        return [_not_made(bench, config.label, config.technology, Gap(reason=Reason.UNSUPPORTED, detail=detail))]
    if repository is None:
        gap = Gap(reason=Reason.ERROR, detail="Cette sauvegarde n'a pas été lue : rien à restaurer.")
        return [_not_made(bench, config.label, config.technology, gap)]
    if isinstance(repository.points, Gap):
        return [_not_made(bench, config.label, config.technology, repository.points)]
    points = chosen_points(repository.points, bench.seed)
    if not points:
        gap = Gap(reason=Reason.UNSUPPORTED, detail="Cette sauvegarde ne contient aucun point à restaurer.")
        return [_not_made(bench, config.label, config.technology, gap)]
    tests = []
    for point in points:
        if bench.stopwatch() > bench.deadline:
            gap = Gap(reason=Reason.TIMEOUT, detail="Le temps prévu pour les restaurations était dépassé.")
            tests.append(_not_made(bench, config.label, config.technology, gap, point))
            continue
        tests.append(signed(restore_test(bench, config, technology, point), bench.signer))
    return tests


def chosen_points(points: Sequence[Point], seed: int) -> list[Point]:
    """The last point of each source, the freshest source first, then one older point drawn with the seed.

    The older one tells whether what is kept for long can still be read. Points that hold nothing are not drawn, but
    an empty last point is tried: its emptiness is what must be found.
    """
    ordered = sorted(points, key=lambda point: (point.time, point.source, point.id))
    latest = {point.source: point for point in ordered}
    chosen = sorted(latest.values(), key=lambda point: (point.time, point.source), reverse=True)[:MAX_SOURCES]
    older = [point for point in ordered if point != latest[point.source] and not point.empty]
    return [*chosen, random.Random(seed).choice(older)] if older else chosen


def _not_made(bench: Bench, label: str, technology: str, gap: Gap, point: Point | None = None) -> RestoreTest:
    """A test that could not be made, signed too: what was not tried is part of the record."""
    now = bench.clock()
    test = RestoreTest(
        repository=label,
        technology=technology,
        point=point.id if point else "",
        source=point.source if point else "",
        point_time=point.time if point else now,
        started=now,
        finished=now,
        seed=bench.seed,
        expected=0,
        restored=0,
        opened=0,
        rto=gap,
        wiped=True,
        gap=gap,
    )
    return signed(test, bench.signer)
