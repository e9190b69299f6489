"""One domain collected in its own process: a crash, a hang or a leak in a library cannot take the audit down.

Started as `python -m agent.worker`. The job is the first line of standard input (JSON, secrets included); when
standard input closes, the parent is gone and the worker leaves at once. Events go to the standard output it was
born with, one JSON object a line; whatever libraries print goes to standard error, which the parent drops.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from agent import __version__
from agent.files import write_atomic
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Mandate
from checks.catalogue import load_catalogue
from checks.model import (
    FACTS_SCHEMA,
    CollectError,
    CollectRequest,
    FactsFile,
    Gap,
    MandateRefusedError,
    Reason,
)

MAX_STEP = 300
"""Characters of a progress step that are worth sending."""


class Job(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a worker is asked to do."""

    domain: str
    packages: list[str]
    config: msgspec.Raw
    secrets: Mapping[str, str]
    mandate: Mandate
    resolvers: tuple[str, ...]
    facts_path: str
    journal_path: str
    memory_mib: int
    targets: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    restorable: tuple[str, ...] = ()


class Event(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line to the parent: a progress step, or the end."""

    step: str = ""
    done: int = 0
    total: int | None = None
    finished: bool = False
    refused: tuple[str, ...] = ()


def utc_now() -> dt.datetime:
    """The clock of collection."""
    return dt.datetime.now(dt.UTC)


def main() -> int:
    """Entry point of the process."""
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _limit_memory(job.memory_mib)
    if sys.platform == "win32":
        # The default event loop of Windows connects without telling the audit hook; this one does.
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    collect(job, events)
    return 0


def collect(job: Job, events: BinaryIO) -> None:
    """Collect the domain and write its facts file; every failure becomes a gap in that file."""
    journal = Journal(Path(job.journal_path), job.domain, utc_now)
    guard = MandateGuard(job.mandate, job.resolvers)
    network = GuardedNetwork(guard, journal, job.resolvers, utc_now)
    domain = load_catalogue(job.packages).domains[job.domain]

    def tell(event: Event) -> None:
        try:
            events.write(msgspec.json.encode(event) + b"\n")
        except OSError:  # the parent is gone: what is left of this collection must not pass for its result
            os._exit(9)

    def progress(step: str, done: int = 0, total: int | None = None) -> None:
        tell(Event(step=step[:MAX_STEP], done=done, total=total))

    started = utc_now()
    journal.append("start", purpose=f"collecte : {domain.header.title}")
    gap: Gap | None = None
    data = b"null"
    try:
        request: CollectRequest[Any] = CollectRequest(
            config=msgspec.json.decode(job.config, type=domain.load(domain.header.config)),
            secret=lambda reference: job.secrets[reference],
            clock=utc_now,
            place=job.place,
            restorable=job.restorable,
        )
        collector = domain.load(domain.header.collect)
        install_audit_hook(network)
        data = msgspec.json.encode(collector(request, network, progress))
    except CollectError as error:
        gap = Gap(reason=error.reason, detail=error.detail)
    except MandateRefusedError as error:
        gap = Gap(reason=Reason.REFUSED, detail=f"Cible refusée par le mandat : {error}.")
    except MemoryError:
        gap = Gap(reason=Reason.ERROR, detail=f"La collecte a dépassé la mémoire permise ({job.memory_mib} Mio).")
    except TimeoutError as error:
        gap = Gap(reason=Reason.TIMEOUT, detail=f"Délai dépassé pendant la collecte ({_where(error)}).")
    except ImportError as error:
        detail = f"Un module nécessaire à ce domaine n'est pas installé ({error.name or 'inconnu'})."
        gap = Gap(reason=Reason.UNSUPPORTED, detail=detail)
    except Exception as error:  # noqa: BLE001 - the broad catch of this process: a crash is an outcome, not a stack trace
        gap = Gap(reason=Reason.ERROR, detail=f"La collecte a échoué pour une raison interne ({_where(error)}).")
    facts = FactsFile(
        schema=FACTS_SCHEMA,
        domain=job.domain,
        facts_version=domain.header.facts_version,
        tool_version=__version__,
        started=started,
        finished=utc_now(),
        targets=job.targets,
        gap=gap,
        data=msgspec.Raw(data),
    )
    network.close()
    journal.append("end", purpose=f"collecte : {domain.header.title}")
    write_atomic(Path(job.facts_path), msgspec.json.encode(facts))
    refused = tuple(f"{error.target} : {error.why}" for error in network.refused)
    tell(Event(finished=True, refused=refused))


def _where(error: BaseException) -> str:
    """Type and place of an exception, without its message: that may hold a secret or foreign text."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
    return f"{type(error).__name__}, {place}"


def _leave_with_parent() -> None:
    # Not through sys.stdin: the interpreter would wait a second, at its end, for a thread that holds its lock.
    while os.read(0, 4096):
        continue
    os._exit(9)


def _limit_memory(mib: int) -> None:
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the passwords


if __name__ == "__main__":
    sys.exit(main())
