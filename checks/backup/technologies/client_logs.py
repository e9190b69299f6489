"""Reads what restic or borg said on the machine that was backed up: whether a run left files aside.

Neither writes it in its repository: a point that misses files looks like any other. Their messages carry no time; the
point they name does. Names of files stay in the log. Seen with restic 0.14 (text and `--json`) and borg 1.2.4
(`--stats`, `--show-rc`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from checks.backup.facts import Failure, Job, Point
from checks.backup.technologies.http_values import text
from checks.common.text import clean
from checks.common.textfile import SourceFile

MAX_FAILURES = 200
Result = Literal["success", "warning", "failed"]
_SAVED = re.compile(r"snapshot ([0-9a-f]{8,64}) saved")
_ARCHIVE = re.compile(r"Archive name: (.+)")
_ENDED = re.compile(r"terminating with (success|warning|error) status, rc \d+")
_UNREAD = "Des fichiers n'ont pas pu être lus."
_ABSENT = "Un dossier à sauvegarder n'existe pas : il a été ignoré."
_WARNING = "at least one source file could not be read"
_RESULTS: dict[str, Result] = {"success": "success", "warning": "warning", "error": "failed"}


class Run(NamedTuple):
    """One run, as its log tells."""

    point: str
    """Beginning of the identifier of a restic snapshot, or name of a borg archive; empty when there is none."""
    result: Result
    message: str = ""


def restic_runs(files: Iterable[SourceFile]) -> list[Run]:
    """Runs of `restic backup`: one for each snapshot saved, one for each fatal error."""
    return [run for file in files for run in _restic(file.lines)]


def borg_runs(files: Iterable[SourceFile]) -> list[Run]:
    """Runs of `borg create --show-rc`; with `--stats` they name their archive."""
    runs = []
    for file in files:
        name = message = ""
        for line in file.lines:
            if match := _ARCHIVE.fullmatch(line.strip()):
                name = match[1]
            elif match := _ENDED.search(line):
                runs.append(Run(name, _RESULTS[match[1]], message))
                name = message = ""
            elif ": [Errno " in line or line.startswith("Error:"):
                message = message or (_UNREAD if "Errno" in line else clean(line, 300))
    return runs


def told(points: Sequence[Point], runs: Sequence[Run], name: str) -> tuple[tuple[Point, ...], Job, tuple[Failure, ...]]:
    """Points completed by what the runs say, the job they make together, and their failures."""
    named = {run.point: run for run in runs if run.point}
    found: dict[str, Run] = {}
    for point in points:
        for start, run in named.items():
            if point.id == start or (point.id.startswith(start) and re.fullmatch(r"[0-9a-f]{8,64}", start)):
                found[point.id] = run
    completed = tuple(
        msgspec.structs.replace(point, complete=found[point.id].result == "success") if point.id in found else point
        for point in points
    )
    times = {found[point.id]: point.time for point in points if point.id in found}
    last = runs[-1]
    good = [times[run] for run in runs if run.result == "success" and run in times]
    job = Job(
        name=name,
        last_run=times.get(last),
        last_result=last.result,
        last_success=max(good, default=None),
        detail="" if last.result == "success" else last.message,
    )
    bad = [
        Failure(time=times.get(run), what=run.message or "sauvegarde en échec")
        for run in runs
        if run.result != "success"
    ]
    return completed, job, tuple(bad[-MAX_FAILURES:])


def _restic(lines: Iterable[str]) -> Iterator[Run]:
    """A warning about files comes before or after the line that names the snapshot."""
    pending: Run | None = None
    missed = ""
    for line in lines:
        saved, problem, fatal = _read(line)
        if fatal:
            if pending:
                yield pending
            yield Run("", "failed", fatal)
            pending, missed = None, ""
        elif saved:
            if pending:
                yield pending
            pending = Run(saved, "warning" if missed else "success", missed)
            missed = ""
        elif pending and _WARNING in line:
            pending = pending._replace(result="warning", message=pending.message or problem)
        elif problem:
            missed = missed or problem
    if pending:  # the standard error may have been saved behind the standard output
        yield pending._replace(result="warning", message=pending.message or missed) if missed else pending


def _read(line: str) -> tuple[str, str, str]:
    """Snapshot saved, problem with a file, fatal error: what one line tells, the rest empty."""
    if line.startswith("{"):
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "", "", ""
        kind = text(row, "message_type")
        if kind == "summary":
            return text(row, "snapshot_id"), "", ""
        fatal = text(row, "message", limit=300) or "erreur fatale"
        return "", _UNREAD if kind == "error" else "", fatal if kind == "exit_error" else ""
    if match := _SAVED.search(line):
        return match[1], "", ""
    if line.startswith("Fatal:"):
        return "", "", clean(line, 300)
    if line.endswith("does not exist, skipping"):
        return "", _ABSENT, ""
    return "", _UNREAD if _WARNING in line or line.startswith("error: ") else "", ""
