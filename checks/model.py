"""Vocabulary shared by every floor: verdicts, evidence, outcomes, runs, and what a collector is handed.

Data flows one way: a collector turns I/O into facts, a control turns facts into a `Judgement`, the evaluator
stamps it into an `Outcome`. Nothing here opens a socket, reads a clock or touches a file.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    import asyncio
    import socket

    from checks.common.programs import Machine

ConfigT = TypeVar("ConfigT")

RUN_SCHEMA = "ausculte/run"
RUN_SCHEMA_VERSION = "1.1.0"
FACTS_SCHEMA = "ausculte/facts"


class Verdict(enum.StrEnum):
    """What a control concludes. Missing data is never `PASS`."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NOT_ASSESSED = "not_assessed"


class Reason(enum.StrEnum):
    """Why something could not be assessed."""

    NOT_CONFIGURED = "not_configured"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    PERMISSION = "permission"
    LICENCE = "licence"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"
    ERROR = "error"


class Severity(enum.StrEnum):
    """Gravity of a failed control for a medico-social establishment, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst; usable as a sort key."""
        return list(Severity).index(self)


class Origin(enum.StrEnum):
    """Where a piece of evidence comes from."""

    OBSERVED = "observed"
    IMPORTED = "imported"
    DECLARED = "declared"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the value objects that are written to files: immutable and strict on reading."""


class Gap(Record, frozen=True, kw_only=True, tag="gap", tag_field="kind"):
    """A fact that could not be obtained. Stands where the fact would be, so that nothing is silently absent."""

    reason: Reason
    detail: str
    """One French sentence for the reader: what was tried and what came back."""


class Evidence(Record, frozen=True, kw_only=True):
    """One observation that a reviewer can verify."""

    value: str
    source: str
    """Query, command, file and line, or packet number that gave the value."""
    time: str = ""
    """UTC, ISO 8601. Filled by the evaluator with the time of collection when a control leaves it empty."""
    origin: Origin = Origin.OBSERVED


class Affected(Record, frozen=True, kw_only=True):
    """One object a failed control points at."""

    id: str
    """Stable identity: SID, domain name, rule number. Never a display name, which may change."""
    label: str
    """What people call it."""
    detail: str = ""
    fingerprint: str = ""
    """Filled by the evaluator."""
    kind: str = ""
    """What is wrong with it, as one word of the domain: `shadowed`, `redundant`."""
    ref: str = ""
    """What its administrator looks for: rule number, policy id, account name."""
    line: int | None = None
    """Line, from 1, in the file it comes from."""
    related: tuple[str, ...] = ()
    """Other objects that explain the fault, by what people call them: the rules that block this one."""
    witness: Mapping[str, str] = {}
    """One concrete case that shows the fault: `src`, `dst`, `dport`…"""


class Level(enum.StrEnum):
    """How serious one cell of a matrix is."""

    NONE = "none"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    """It could not be determined."""


class MatrixCell(Record, frozen=True, kw_only=True):
    """What one row has with one column."""

    text: str = ""
    """A few characters: a count, a word."""
    level: Level = Level.NONE
    detail: str = ""
    """One French sentence for the reader who asks for more."""


class Matrix(Record, frozen=True, kw_only=True):
    """A picture of how things meet two by two: zone to zone, role to resource."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[MatrixCell, ...], ...]
    """One tuple per row, one cell per column."""
    row_title: str = ""
    """What the rows are, in a word or two: `De`."""
    column_title: str = ""
    note: str = ""
    """How to read it, in French."""

    def __post_init__(self) -> None:
        if len(self.cells) != len(self.rows) or any(len(row) != len(self.columns) for row in self.cells):
            raise ValueError("a matrix needs one cell for each row and column")


class Judgement(Record, frozen=True, kw_only=True):
    """What a control function returns about one subject; the evaluator adds identity and fingerprints."""

    verdict: Verdict
    subject: str
    """What was judged: a directory domain, a mail domain, an SSID."""
    message: str
    """One French sentence that a nurse manager understands, figures included."""
    reason: str = ""
    """A `Reason` for `not_assessed`; a French clause for `not_applicable`; empty otherwise."""
    affected: tuple[Affected, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    severity: Severity | None = None
    """Only when the finding is graver or lighter than the catalogue says."""
    exhibit: Matrix | None = None
    """A picture shown with the verdict, whatever it is."""

    def __post_init__(self) -> None:
        if not self.message or not self.subject:
            raise ValueError("a judgement needs a subject and a message")
        if self.verdict is Verdict.NOT_ASSESSED:
            Reason(self.reason)
        elif (self.verdict is Verdict.NOT_APPLICABLE) != bool(self.reason):
            raise ValueError("a reason goes with not_applicable and not_assessed, and with nothing else")
        if self.affected and self.verdict is not Verdict.FAIL:
            raise ValueError("only a failed control has affected objects")


def passed(subject: str, message: str, *evidence: Evidence, exhibit: Matrix | None = None) -> Judgement:
    """The control conforms; `message` says what was seen."""
    return Judgement(verdict=Verdict.PASS, subject=subject, message=message, evidence=evidence, exhibit=exhibit)


def failed(
    subject: str,
    message: str,
    *evidence: Evidence,
    affected: tuple[Affected, ...] = (),
    severity: Severity | None = None,
    exhibit: Matrix | None = None,
) -> Judgement:
    """The control does not conform."""
    return Judgement(
        verdict=Verdict.FAIL,
        subject=subject,
        message=message,
        evidence=evidence,
        affected=affected,
        severity=severity,
        exhibit=exhibit,
    )


def not_applicable(subject: str, why: str, *evidence: Evidence) -> Judgement:
    """The question has no meaning here; `why` is a French sentence."""
    return Judgement(verdict=Verdict.NOT_APPLICABLE, subject=subject, message=why, reason=why, evidence=evidence)


def not_assessed(subject: str, gap: Gap) -> Judgement:
    """The fact needed is missing, for the reason the gap gives."""
    return Judgement(verdict=Verdict.NOT_ASSESSED, subject=subject, message=gap.detail, reason=str(gap.reason))


class Outcome(Record, frozen=True, kw_only=True):
    """The verdict of one control on one subject, as written in `run.json`."""

    control: str
    version: int
    domain: str
    subject: str
    verdict: Verdict
    severity: Severity
    message: str
    fingerprint: str
    reason: str = ""
    measure: str = ""
    affected: tuple[Affected, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    exhibit: Matrix | None = None


def fingerprint(control: str, subject: str, affected: str = "") -> str:
    """Identity of a finding that survives a re-run: control id + subject (+ affected object). 16 hex digits."""
    text = "\0".join((control, subject.casefold(), affected.casefold()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Context(Record, frozen=True, kw_only=True):
    """What a control may know besides the facts of its domain. Pure data: the clock is the time of collection."""

    now: datetime
    """UTC, end of the collection of these facts."""
    answers: Mapping[str, Any] = {}
    """Declared answers of the site profile, `[questions]`."""


class FactsFile(Record, frozen=True, kw_only=True):
    """Envelope of `facts/<domain>.json`. `gap` is set, and `data` is null, when nothing could be collected."""

    schema: str
    domain: str
    facts_version: int
    tool_version: str
    started: datetime
    finished: datetime
    origin: Origin = Origin.OBSERVED
    targets: tuple[str, ...] = ()
    gap: Gap | None = None
    data: msgspec.Raw


class StructureIdentity(Record, frozen=True, kw_only=True):
    """Who was audited."""

    name: str
    kind: str = ""
    finess_ej: str = ""
    finess_et: str = ""
    size: int | None = None
    """Places or residents."""


class DomainRun(Record, frozen=True, kw_only=True):
    """How the collection of one domain went."""

    domain: str
    status: str
    """`collected` or a `Reason`."""
    detail: str = ""
    facts_file: str = ""
    facts_sha256: str = ""
    seconds: float = 0.0
    targets: tuple[str, ...] = ()


class ToolIdentity(Record, frozen=True, kw_only=True):
    """What judged."""

    name: str
    version: str
    catalogue_sha256: str


class Run(Record, frozen=True, kw_only=True):
    """One audit of one structure: `run.json`."""

    schema: str
    schema_version: str
    id: str
    structure: StructureIdentity
    started: datetime
    finished: datetime
    tool: ToolIdentity
    operator: str = ""
    mandate: Mapping[str, Any] = {}
    """What was authorised, as declared (never a secret)."""
    answers: Mapping[str, Any] = {}
    plan_capacity_days: float | None = None
    """Person-days the structure can spend in six months."""
    domains: tuple[DomainRun, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    journal_entries: int = 0
    journal_sha256: str = ""
    """Hash of the last journal entry when the run ended: a journal cut short afterwards no longer matches."""
    notes: tuple[str, ...] = ()
    """What the reader must know about this run (recorded facts, narrow perimeter…), in French."""


class CollectError(Exception):
    """The collection of a whole domain is impossible, for one `Reason`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class MandateRefusedError(PermissionError):
    """A target is outside the mandate. An OSError, so that libraries treat it as a failed connection."""

    def __init__(self, target: str, why: str) -> None:
        super().__init__(f"{target} : {why}")
        self.target = target
        self.why = why


class Network(Protocol):
    """The only way to the network. Mandate and journal are behind it; every method raises `MandateRefusedError`."""

    @property
    def machine(self) -> Machine:
        """What may be asked of this machine besides connections: a program of the system, a radio that listens."""

    @property
    def resolvers(self) -> tuple[tuple[str, int], ...]:
        """DNS servers that may be asked, as (address, port)."""

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        """Authorise and journal what a library is about to do; return the addresses of `host` it may use.

        `host` is an address or a name; `protocol` is a short word (ldaps, smb, dns, smtp, https).
        Raises `OSError` when the name does not resolve.
        """

    def permit_resolved(
        self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str
    ) -> tuple[str, ...]:
        """Same as `permit` for a name the collector resolved itself: no second DNS question."""

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float) -> socket.socket:
        """Return a connected TCP socket. Raises `OSError` as `socket.create_connection` does."""

    async def open(
        self, host: str, port: int, protocol: str, purpose: str, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return connected asyncio streams (no TLS)."""


class Progress(Protocol):
    """Where a collector tells how far it is."""

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        """`step` is a short French phrase; counts are optional."""


class CollectRequest(msgspec.Struct, Generic[ConfigT], frozen=True, kw_only=True):
    """What a collector is handed, besides the network and the progress callback."""

    config: ConfigT
    secret: Callable[[str], str]
    """Gives the secret a config reference names (`env:…`, `prompt`, `fd:…`, `keyring:…`)."""
    clock: Callable[[], datetime]
    """UTC now."""
    place: tuple[str, ...] = ()
    """What anybody knows of the establishment (name, town, post code, telephone): it weakens a password."""
    restorable: tuple[str, ...] = ()
    """Backups a sample may be restored from, by their label in the profile: asked for by the operator and named in
    the mandate. Empty: nothing is restored."""
