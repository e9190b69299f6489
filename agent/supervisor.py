"""Starts one worker per domain, in parallel, and makes sure that each ends in a facts file: its own or a gap."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agent import __version__
from agent.files import write_atomic
from agent.mandate import MandateGuard
from agent.profile import Limits, Mandate
from agent.worker import Event, Job
from checks.catalogue import Domain
from checks.model import FACTS_SCHEMA, FactsFile, Gap, Reason

MAX_EVENT = 1 << 16
"""Bytes read of one line of a worker; the rest of a longer one is read as lines that mean nothing."""
TICK = 0.5
"""Seconds between two looks at the clock and at a request to stop."""


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
    hidden: frozenset[str] = frozenset(),
    place: tuple[str, ...] = (),
    restorable: tuple[str, ...] = (),
) -> list[Collected]:
    """Run every assignment in its own process; returns when all have a facts file.

    `hidden` names the environment variables that no worker inherits: those the profile takes secrets from. `place`
    and `restorable` are those of `CollectRequest`.
    On an interruption every worker is killed first, and the domains that were not finished leave no facts file.
    """
    results: list[Collected] = []
    problems: list[Exception] = []
    lock = threading.Lock()
    stop = threading.Event()
    guard = MandateGuard(mandate, resolvers)

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
            place=place,
            restorable=restorable,
        )
        watch = _Watch(limits, guard, clock, stop)
        try:
            collected = _supervise(job, assignment, watch, clock, reporter, hidden)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            with lock:
                problems.append(error)
            return
        with lock:
            results.append(collected)

    threads = [threading.Thread(target=one, args=(assignment,), daemon=True) for assignment in assignments]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # a wait without end cannot be interrupted on every system
                thread.join(1)
    except BaseException:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        raise
    if problems:
        raise problems[0]
    return sorted(results, key=lambda item: item.domain)


class _Watch:
    """Ends a worker at its time limit, at the end of the mandate's hours, or when the audit is interrupted."""

    def __init__(
        self, limits: Limits, guard: MandateGuard, clock: Callable[[], dt.datetime], stop: threading.Event
    ) -> None:
        self._seconds = limits.domain_seconds
        self._guard = guard
        self._clock = clock
        self.stop = stop
        self.ended = threading.Event()
        self.gap: Gap | None = None

    def run(self, process: subprocess.Popen[bytes]) -> None:
        """Body of the watching thread: returns when the worker has ended or was killed."""
        deadline = time.monotonic() + self._seconds
        while not self.ended.wait(max(0.0, min(TICK, deadline - time.monotonic()))):
            if self.stop.is_set():
                break
            if time.monotonic() >= deadline:
                detail = f"La collecte a été arrêtée : elle a dépassé {self._seconds} secondes."
                self.gap = Gap(reason=Reason.TIMEOUT, detail=detail)
                break
            # Nothing announces a packet on a connection already open: when the hours end, the worker ends.
            if why := self._guard.refuse_moment(self._clock()):
                self.gap = Gap(reason=Reason.REFUSED, detail=f"La collecte a été arrêtée par le mandat : {why}.")
                break
        else:
            return
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker and whatever it may have started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _supervise(
    job: Job,
    assignment: Assignment,
    watch: _Watch,
    clock: Callable[[], dt.datetime],
    reporter: Reporter,
    hidden: frozenset[str],
) -> Collected:
    started = clock()
    refused: tuple[str, ...] = ()
    process = subprocess.Popen(
        # -P: a folder named `agent` or `checks` where the person stands must not be imported instead of ours.
        [sys.executable, "-P", "-m", "agent.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(hidden),
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
    watcher = threading.Thread(target=watch.run, args=(process,), daemon=True)
    watcher.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
        while line := process.stdout.readline(MAX_EVENT):
            event = _event(line)
            if event is None:
                continue
            if event.finished:
                refused = event.refused
            else:
                reporter.step(job.domain, event.step, event.done, event.total)
        code = process.wait()
    finally:
        watch.ended.set()
        if process.poll() is None:
            kill(process)
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        watcher.join()
    finished = clock()
    facts = read_facts(assignment.facts_path)
    if facts is None and not watch.stop.is_set():
        detail = f"Le processus de collecte s'est arrêté sans rendre de résultat (code {code})."
        gap = watch.gap or Gap(reason=Reason.ERROR, detail=detail)
        facts = empty_facts(assignment.domain, gap, started, finished, assignment.targets)
        write_atomic(assignment.facts_path, msgspec.json.encode(facts))
    if facts is not None:
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
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return facts if facts.schema == FACTS_SCHEMA else None


def _event(line: bytes) -> Event | None:
    try:
        return msgspec.json.decode(line, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _environment(hidden: frozenset[str]) -> dict[str, str]:
    """The environment of a worker: ours, less the variables that hold secrets, and importing from where we do."""
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
