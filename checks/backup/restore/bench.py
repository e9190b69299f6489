"""One restore test: draws, restores part by part, checks each file, times, and wipes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, cast

from checks.backup.config import RepositoryConfig, RestoreSettings
from checks.backup.facts import Point, RestoreTest, Timing, Unopened
from checks.backup.restore import rto
from checks.backup.restore.compare import Comparison, Problem, compare
from checks.backup.restore.content import Opening, open_content
from checks.backup.restore.families import public_extension
from checks.backup.restore.record import Signer
from checks.backup.restore.sample import Sample, draw
from checks.backup.restore.scratch import Run, Scratch, open_scratch
from checks.backup.restore.timing import Folder, FolderSizes, batches, choose_folders, measure
from checks.backup.technologies.base import Entry, Restorable, Tools
from checks.common.programs import Finished, Machine
from checks.model import CollectError, Gap, MandateRefusedError, Reason

_PG_SECONDS = 60.0
_PG_BYTES = 64 << 20
START_SECONDS = 30.0
"""Seconds the watcher of the scratch folder has to start."""
_WHOLE = 0.9
"""Share of a folder that must come back for its time to count."""


class Bench(NamedTuple):
    """What every test of a run shares."""

    settings: RestoreSettings
    avoid: tuple[str, ...]
    """Folders the scratch must stay out of."""
    tools: Tools
    signer: Signer
    seed: int
    run: Run
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]
    deadline: float
    """On the stopwatch."""


def machine_run(tools: Tools) -> Run:
    """Runs a program through the door of the worker, which writes it in the journal."""
    machine = cast("Machine", tools.network)
    # Windows starts no program without the first of these.
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}

    def run(command: Sequence[str]) -> Finished:
        return machine.run(
            command, "dossier de restauration", seconds=START_SECONDS, max_bytes=1 << 16, environment=environment
        )

    return run


class _Tally:
    """What the test found so far."""

    def __init__(self) -> None:
        self.restored = self.opened = self.unknown = self.bytes = 0
        self.against = {"source": 0, "catalogue": 0, "nothing": 0}
        self.problems: list[Unopened] = []
        self.database = False
        self.timings: list[Timing] = []
        self.sample: Sample | None = None
        self.expected = 0


def restore_test(bench: Bench, config: RepositoryConfig, technology: Restorable, point: Point) -> RestoreTest:
    """Restore a sample of one point. Never raises for what the product, the network or the disk does: see `gap`."""
    started = bench.clock()
    tally = _Tally()
    gap: Gap | None = None
    wiped = True  # nothing to wipe yet
    scratch: Scratch | None = None
    try:
        bench.tools.progress(f"{config.label} : liste des fichiers à restaurer")
        sizes = FolderSizes()
        limit = bench.settings.max_mib << 20
        found = technology.entries(config, bench.tools, point)
        tally.sample = draw(sizes.counted(found), seed=bench.seed, max_files=bench.settings.max_files, max_bytes=limit)
        tally.expected = len(tally.sample.entries)
        _something(tally.sample)
        need = min(limit, max(1, tally.sample.population_bytes))
        scratch = open_scratch(bench.settings.scratch, need, bench.avoid, bench.run)
        folders = choose_folders(sizes.folders(), max_files=bench.settings.max_timing_files, max_bytes=limit)
        _restore_all(bench, config, technology, point, scratch, tally, folders)
    except MandateRefusedError as error:
        gap = Gap(reason=Reason.REFUSED, detail=f"Cible refusée par le mandat : {error}.")
    except CollectError as error:
        gap = Gap(reason=error.reason, detail=error.detail)
    except OSError as error:
        gap = Gap(
            reason=Reason.ERROR, detail=f"La restauration s'est arrêtée : {error.strerror or type(error).__name__}."
        )
    finally:
        if scratch is not None:
            bench.tools.progress(f"{config.label} : effacement de l'échantillon")
            wiped = scratch.close()
    return _test(bench, config, point, started, tally, gap, wiped=wiped)


def _something(sample: Sample) -> None:
    if not sample.population:
        raise CollectError(Reason.UNSUPPORTED, "Ce point ne contient aucun fichier.")
    if not sample.entries:
        raise CollectError(Reason.UNSUPPORTED, "Aucun fichier de ce point ne tient dans l'échantillon permis.")


def _restore_all(
    bench: Bench,
    config: RepositoryConfig,
    technology: Restorable,
    point: Point,
    scratch: Scratch,
    tally: _Tally,
    folders: Sequence[Folder],
) -> None:
    assert tally.sample is not None  # noqa: S101 - drawn by the caller
    judged: set[str] = set()
    entries = tally.sample.entries
    smallest = min(entries, key=lambda entry: (entry.size, entry.path))
    into = scratch.batch()
    # Not timed: the first one also fills the caches of the system and of the product.
    technology.restore(config, bench.tools, point, [smallest.path], into)
    scratch.drop(into)
    for part in batches(entries):
        _in_time(bench)
        bench.tools.progress(f"{config.label} : restauration de l'échantillon", len(judged), tally.expected)
        into = scratch.batch()
        begun = bench.stopwatch()
        back = technology.restore(config, bench.tools, point, [entry.path for entry in part], into)
        seconds = bench.stopwatch() - begun
        if len(back) == len(part):
            size = sum(entry.size for entry in part)
            tally.timings.append(Timing(bytes=size, files=len(part), seconds=round(seconds, 6), selected=len(part)))
        for entry in part:
            if entry.path not in judged:
                judged.add(entry.path)
                _judge(bench, config, point, entry, back.get(entry.path), tally, scratch)
        _dropped(scratch, into)
    # Each twice, at two moments: a machine that is busy with something else misleads once.
    for folder in (*folders, *reversed(folders)):
        _in_time(bench)
        bench.tools.progress(f"{config.label} : restauration chronométrée de dossiers")
        into = scratch.batch()
        begun = bench.stopwatch()
        try:
            technology.restore(config, bench.tools, point, [f"{folder.path}/"], into)
        except CollectError:
            # A technology that restores files and not folders: the parts of the sample are timed already.
            _dropped(scratch, into)
            return
        seconds = bench.stopwatch() - begun
        files, size = measure(into)
        _dropped(scratch, into)
        if not files:
            return
        if files >= folder.files * _WHOLE and size >= folder.bytes * _WHOLE:
            tally.timings.append(Timing(bytes=size, files=files, seconds=round(seconds, 6), selected=1))


def _in_time(bench: Bench) -> None:
    if bench.stopwatch() > bench.deadline:
        detail = "La restauration de l'échantillon a été arrêtée : le temps prévu est dépassé."
        raise CollectError(Reason.TIMEOUT, detail)


def _dropped(scratch: Scratch, into: Path) -> None:
    if not scratch.drop(into):
        raise CollectError(Reason.ERROR, "Une partie de l'échantillon n'a pas pu être effacée : le test s'arrête là.")


def _judge(
    bench: Bench,
    config: RepositoryConfig,
    point: Point,
    entry: Entry,
    restored: Path | None,
    tally: _Tally,
    scratch: Scratch,
) -> None:
    """Compare one file and open it."""
    comparison = compare(entry, restored, config.live_root, point.time)
    opening: Opening | None = None
    if restored is not None and comparison.problem != "missing":
        tally.restored += 1
        tally.bytes += entry.size
        tally.against[comparison.against] += 1
        opening = open_content(restored, entry.path, run=_pg_run(bench, scratch))
        tally.opened += opening.state == "opened"
        tally.unknown += opening.state == "unknown"
        tally.database |= opening.database
    problem, detail = _problem(comparison, opening)
    if problem is not None:
        tally.problems.append(
            Unopened(
                ref=bench.signer.ref(config.label, entry.path),
                extension=public_extension(entry.path),
                size=entry.size,
                problem=problem,
                detail=detail,
            )
        )


def _problem(comparison: Comparison, opening: Opening | None) -> tuple[Problem | None, str]:
    if comparison.problem is not None:
        return comparison.problem, comparison.detail
    if opening is None or opening.state in ("opened", "unknown"):
        return None, ""
    already = " ; le fichier d'origine est dans le même état" if comparison.same_as_source else ""
    return ("short" if opening.state == "short" else "unreadable"), opening.detail + already


def _pg_run(bench: Bench, scratch: Scratch) -> Callable[[Path, tuple[str, ...]], int]:
    """Runs a program on a file, under a neutral name: names of restored files do not go into the journal."""

    def run(path: Path, words: tuple[str, ...]) -> int:
        program = shutil.which(words[0])
        if program is None:
            return -1
        link = scratch.root / "file"
        try:
            link.unlink(missing_ok=True)
            link.hardlink_to(path)
            machine = cast("Machine", bench.tools.network)
            finished = machine.run(
                [program, *words[1:], str(link)],
                "sommaire d'un export PostgreSQL restauré",
                seconds=_PG_SECONDS,
                max_bytes=_PG_BYTES,
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            )
        except (OSError, TimeoutError, AttributeError):
            return -1
        finally:
            link.unlink(missing_ok=True)
        if b"unsupported version" in finished.err:  # an export of a later PostgreSQL than this machine has
            return -1
        return 0 if finished.cut else max(0, finished.code)

    return run


def _test(
    bench: Bench,
    config: RepositoryConfig,
    point: Point,
    started: datetime,
    tally: _Tally,
    gap: Gap | None,
    *,
    wiped: bool,
) -> RestoreTest:
    sample = tally.sample
    link = config.link_mbit_s * 1e6 / 8 if config.link_mbit_s else None
    return RestoreTest(
        repository=config.label,
        technology=config.technology,
        point=point.id,
        source=point.source,
        point_time=point.time,
        started=started,
        finished=bench.clock(),
        seed=bench.seed,
        population=sample.population if sample else None,
        population_bytes=sample.population_bytes if sample else None,
        strata=sample.strata if sample else (),
        folders=sample.folders if sample else 0,
        folders_known=sample.folders_known if sample else 0,
        undrawable=sample.undrawable if sample else 0,
        undrawable_bytes=sample.undrawable_bytes if sample else 0,
        expected=tally.expected,
        restored=tally.restored,
        opened=tally.opened,
        unknown=tally.unknown,
        compared_with_source=tally.against["source"],
        compared_with_catalogue=tally.against["catalogue"],
        uncompared=tally.against["nothing"],
        problems=tuple(tally.problems),
        bytes=tally.bytes,
        database=tally.database,
        rto=rto.estimate(
            tally.timings,
            total_bytes=sample.population_bytes if sample else 0,
            total_files=sample.population if sample else 0,
            human_seconds=bench.settings.human_minutes * 60,
            link_bytes_per_second=link,
        ),
        wiped=wiped,
        gap=gap,
    )
