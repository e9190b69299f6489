"""Reads the logs of rsnapshot and of rsync: when a run ended, and how.

rsnapshot writes `[time] command: message` (its function `log_msg`); rsync's `--log-file` writes
`YYYY/MM/DD HH:MM:SS [process] message`. Both write local times without saying which: they are taken as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from checks.backup.facts import Failure, Job
from checks.common.text import clean
from checks.common.textfile import SourceFile

MAX_FAILURES = 200
Result = Literal["success", "warning", "failed"]
_RSNAPSHOT = re.compile(r"\[(?P<time>[^\]]{10,30})\] (?:(?P<command>\S*rsnapshot\b[^:]{0,300}): )?(?P<message>.*)")
_RSYNC = re.compile(r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\d+\] (?P<message>.*)")
_LEVEL = re.compile(r"\s([A-Za-z][\w-]{0,40})$")


class _Run(NamedTuple):
    job: str
    time: datetime
    result: Result
    message: str


def read_logs(files: Iterable[SourceFile]) -> tuple[tuple[Job, ...], tuple[Failure, ...]]:
    """Jobs and failures of all logs; empty when no line is one of theirs."""
    runs = sorted((run for file in files for run in _runs(file)), key=lambda run: run.time)
    jobs = []
    for name in dict.fromkeys(run.job for run in runs):
        own = [run for run in runs if run.job == name]
        last = own[-1]
        good = [run.time for run in own if run.result == "success"]
        jobs.append(
            Job(
                name=name,
                last_run=last.time,
                last_result=last.result,
                last_success=good[-1] if good else None,
                detail="" if last.result == "success" else last.message,
            )
        )
    bad = [Failure(time=run.time, what=run.message, source=run.job) for run in runs if run.result == "failed"]
    return tuple(jobs), tuple(bad[-MAX_FAILURES:])


def _runs(file: SourceFile) -> Iterable[_Run]:
    for line in file.lines:
        if match := _RSYNC.fullmatch(line):
            result = _rsync_result(match["message"])
            when = _time(match["time"], "%Y/%m/%d %H:%M:%S")
            if result and when:
                yield _Run("rsync", when, result, clean(match["message"], 300))
        elif match := _RSNAPSHOT.fullmatch(line):
            result = _rsnapshot_result(match["message"])
            when = _time(match["time"], "%Y-%m-%dT%H:%M:%S") or _time(match["time"], "%d/%b/%Y:%H:%M:%S")
            if result and when:
                level = _LEVEL.search(match["command"] or "")
                job = f"rsnapshot {level[1]}" if level else "rsnapshot"
                yield _Run(job, when, result, clean(match["message"], 300))


def _rsnapshot_result(message: str) -> Result | None:
    if "completed successfully" in message:
        return "success"
    if "completed, but with some warnings" in message:
        return "warning"
    if message.startswith("ERROR:") or ": ERROR:" in message or "completed, but with" in message:
        return "failed"
    return None


def _rsync_result(message: str) -> Result | None:
    if message.startswith("rsync error:"):
        return "failed"
    if message.startswith("rsync warning:"):
        return "warning"
    return "success" if re.match(r"sent [\d.,]+[KMG]? bytes  ?received ", message) else None


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
