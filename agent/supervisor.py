"""Starts one worker per domain, in parallel, and makes sure that each ends in a facts file: its own or a gap."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agent import __version__
from agent.files import write_atomic
from agent.profile import Limits, Mandate
from agent.worker import Event, Job
from checks.catalogue import Domain
from checks.model import FACTS_SCHEMA, FactsFile, Gap, Reason


class Reporter(Protocol):
    """What shows progress to the person."""

    def step(self, domain: str, text: str, done: int, total: int | None) -> None:
        """A domain is doing `text`."""

    def finished(self, domain: str, gap: Gap | None) -> None:
        """A domain has its facts file."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One domain to collect."""

    domain: Domain
    config: Any
    secrets: Mapping[str, str]
    targets: tuple[str, ...]
    facts_path: Path


class Collected(msgspec.Struct, kw_only=True):
    """How it went."""

    domain: str
    seconds: float
    refused: tuple[str, ...] = ()


def collect_all(
    assignments: list[Assignment],
    *,
    mandate: Mandate,
    resolvers: tuple[str, ...],
    limits: Limits,
    journal_path: Path,
    packages: list[str],
    clock: Callable[[], dt.datetime],
    reporter: Reporter,
) -> list[Collected]:
    """Run every assignment in its own process; returns when all have a facts file."""
    results: list[Collected] = []
    lock = threading.Lock()

    def one(assignment: Assignment) -> None:
        job = Job(
            domain=assignment.domain.id,
            packages=packages,
            config=msgspec.Raw(msgspec.json.encode(assignment.config)),
            secrets=assignment.secrets,
            mandate=mandate,
            resolvers=resolvers,
            facts_path=str(assignment.facts_path),
            journal_path=str(journal_path),
            memory_mib=limits.memory_mib,
            targets=assignment.targets,
        )
        collected = _supervise(job, assignment, limits, clock, reporter)
        with lock:
            results.append(collected)

    threads = [threading.Thread(target=one, args=(assignment,)) for assignment in assignments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results, key=lambda item: item.domain)


def _supervise(
    job: Job, assignment: Assignment, limits: Limits, clock: Callable[[], dt.datetime], reporter: Reporter
) -> Collected:
    started = clock()
    refused: tuple[str, ...] = ()
    timed_out = threading.Event()
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(assignment),
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes

    def expire() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(limits.domain_seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            event = _event(line)
            if event is None:
                continue
            if event.finished:
                refused = event.refused
            else:
                reporter.step(job.domain, event.step, event.done, event.total)
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
    finished = clock()
    facts = read_facts(assignment.facts_path)
    if facts is None:
        if timed_out.is_set():
            detail = f"La collecte a été arrêtée : elle a dépassé {limits.domain_seconds} secondes."
            gap = Gap(reason=Reason.TIMEOUT, detail=detail)
        else:
            detail = f"Le processus de collecte s'est arrêté sans rendre de résultat (code {code})."
            gap = Gap(reason=Reason.ERROR, detail=detail)
        facts = empty_facts(assignment.domain, gap, started, finished, assignment.targets)
        write_atomic(assignment.facts_path, msgspec.json.encode(facts))
    reporter.finished(job.domain, facts.gap)
    return Collected(domain=job.domain, seconds=(finished - started).total_seconds(), refused=refused)


def empty_facts(
    domain: Domain, gap: Gap, started: dt.datetime, finished: dt.datetime, targets: tuple[str, ...] = ()
) -> FactsFile:
    """The facts file of a domain that gave nothing, and why."""
    return FactsFile(
        schema=FACTS_SCHEMA,
        domain=domain.id,
        facts_version=domain.header.facts_version,
        tool_version=__version__,
        started=started,
        finished=finished,
        targets=targets,
        gap=gap,
        data=msgspec.Raw(b"null"),
    )


def read_facts(path: Path) -> FactsFile | None:
    """The facts file at `path`; None when it is absent or not a facts file."""
    try:
        facts = msgspec.json.decode(path.read_bytes(), type=FactsFile)
    except (OSError, msgspec.DecodeError):
        return None
    return facts if facts.schema == FACTS_SCHEMA else None


def _event(line: bytes) -> Event | None:
    try:
        return msgspec.json.decode(line, type=Event)
    except msgspec.DecodeError:
        return None


def _environment(assignment: Assignment) -> dict[str, str]:
    """The environment of a worker: ours, less the variables that hold secrets."""
    hidden = {reference.removeprefix("env:") for reference in assignment.secrets if reference.startswith("env:")}
    return {name: value for name, value in os.environ.items() if name not in hidden}
