"""Facts of the backup domain: repositories, their restore points, their protection, and what a restore gave.

A repository is a place that holds copies: a restic repository, a Proxmox datastore, a Veeam repository, a bucket, a
share with backup files. A point is one state of one source that can be restored. Nothing here holds the content of a
restored file, nor its name: digests, sizes and extensions only. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from checks.model import Gap, Record

Proof = Literal["tested", "configured", "declared"]
"""Strength of what is known: the agent tried it, a product says it is set, a person said so."""

Lock = Literal["none", "append_only", "snapshot", "governance", "compliance", "immutable_days", "offline"]
"""What keeps a copy from being deleted, weakest first.

`append_only`: the client cannot delete, or says so; whoever owns the server can, and some products still delete.
`snapshot`: a snapshot of the same array: lost with it. `governance`: an object lock that a privileged key lifts.
`compliance`: an object lock nobody lifts before its date. `immutable_days`: a hardened repository of the product.
`offline`: unplugged medium. """


SystemKind = Literal["", "directory", "care_records", "microsoft365", "firewall", "files", "other"]
"""What a system is, for the questions asked of some kinds only; empty: guessed from its name."""


class Point(Record, frozen=True, kw_only=True):
    """One state of one source that can be restored."""

    id: str
    """As the product names it."""
    source: str
    """What was backed up: host, virtual machine, share, folder. Controls match systems of the plan on it."""
    time: datetime
    paths: tuple[str, ...] = ()
    """Folders backed up, as the product writes them; empty for a whole machine."""
    size: int | None = None
    """Bytes once restored."""
    stored: int | None = None
    """Bytes this point takes in the repository."""
    files: int | None = None
    complete: bool | None = None
    """False: the product says files were missed. None: it does not say."""
    verified: Literal["ok", "failed"] | None = None
    """Integrity check of this very point by the product; None when there was none."""
    verified_at: datetime | None = None
    protected_until: datetime | None = None
    """Nobody can delete it before this date, as read on the point itself."""
    locked: bool | None = None
    """A lock covers this very point; None when it was not read."""
    empty: bool = False
    """Reported as a success and holds nothing: zero file or zero byte."""
    encrypted: bool | None = None


class Job(Record, frozen=True, kw_only=True):
    """A scheduled task of the product."""

    name: str
    enabled: bool | None = None
    schedule: str = ""
    """As the product shows it."""
    last_run: datetime | None = None
    last_result: Literal["success", "warning", "failed", "running", "none"] | None = None
    last_success: datetime | None = None
    sources: tuple[str, ...] = ()
    target: str = ""
    """Repository it writes to, when the product says."""
    detail: str = ""
    """Message of the last failure, cleaned and cut."""
    notified: bool | None = None
    """Somebody is told of failures."""


class Failure(Record, frozen=True, kw_only=True):
    """A failure the product recorded."""

    time: datetime | None = None
    what: str
    """Cleaned and cut."""
    source: str = ""


class Integrity(Record, frozen=True, kw_only=True, tag="integrity", tag_field="kind"):
    """What the product's own check says."""

    ok: bool
    depth: Literal["metadata", "sample", "full"]
    """`metadata`: the content was not read, and damage inside it is not seen."""
    when: datetime | None = None
    by: Literal["agent", "product"] = "product"
    """Who ran it: the agent now, or the product earlier."""
    detail: str = ""


class Encryption(Record, frozen=True, kw_only=True, tag="encryption", tag_field="kind"):
    """How the copies are encrypted."""

    encrypted: bool
    method: str = ""
    key_escrow: bool | None = None
    """A copy of the key or password exists outside this system; None when nobody can see it from here."""
    transport: bool | None = None
    """Copies travel encrypted."""


class Immutability(Record, frozen=True, kw_only=True, tag="immutability", tag_field="kind"):
    """What keeps copies from being deleted or changed."""

    lock: Lock
    proof: Proof
    days: int | None = None
    """Length of the protection."""
    covered: int | None = None
    """Points, among those looked at, that really carry a lock still running."""
    looked_at: int | None = None
    detail: str = ""


class Access(Record, frozen=True, kw_only=True, tag="access", tag_field="kind"):
    """Who can get into the backup server or repository."""

    in_production_domain: bool | None = None
    """The server, or the accounts that administer it, depend on the directory the ransomware will own."""
    mfa: bool | None = None
    administrators: int | None = None
    own_accounts: bool | None = None
    """Accounts of its own, used for nothing else."""
    deletes_allowed: bool | None = None
    """The credential the production machine holds can delete copies."""
    detail: str = ""


class Repository(Record, frozen=True, kw_only=True):
    """One place that holds copies, as read."""

    label: str
    """As the profile names it."""
    technology: str
    """`restic`, `borg`, `pbs`, `veeam`, `veeam_files`, `windows_backup`, `synology`, `bareos`, `rsync`, `s3`, `zfs`,
    `btrfs`, `kopia`, `duplicati`."""
    product: str = ""
    version: str = ""
    repository_id: str = ""
    """Own identity of the repository: two labels with one id are one copy."""
    address: str = ""
    """Host, bucket or folder, without any credential."""
    server: str = ""
    """IP address of the machine that holds the copies, as declared."""
    medium: str = ""
    """`disk`, `nas`, `tape`, `cloud`, `removable`: declared, else what the technology implies; empty when unknown."""
    place: str = ""
    """Site it stands on, as declared; two different places are not lost in one fire."""
    offline: bool | None = None
    """Declared: unplugged when no backup runs."""
    same_array_as_source: bool | None = None
    """Copies lie on the array they copy: lost with it."""
    points: tuple[Point, ...] | Gap
    jobs: tuple[Job, ...] | Gap
    failures: tuple[Failure, ...] | Gap
    integrity: Integrity | Gap
    encryption: Encryption | Gap
    immutability: Immutability | Gap
    access: Access | Gap
    locks: tuple[str, ...] | Gap = ()
    """Stale locks left by an interrupted run, with their age: they stop the next backup."""
    capacity: int | None = None
    """Bytes."""
    free: int | None = None
    own_configuration_saved: bool | Gap | None = None
    """The configuration of the backup server itself is saved elsewhere; None when this has no meaning."""
    retention: str = ""
    """As the product shows it."""
    settings: Mapping[str, bool | int | str] = {}
    """Other settings of the product that a control reads, by a name of ours: `smb1`, `mfa_console`…"""
    limits: tuple[str, ...] = ()
    """What this reading could not show, French sentences."""
    seconds: float = 0.0


class Unopened(Record, frozen=True, kw_only=True):
    """A restored file whose content does not open, or is not what was saved. Its name stays on site."""

    ref: str
    """First 12 hex digits of the keyed hash of its path: the same file at the next test, unknown to a reader."""
    extension: str
    size: int
    problem: Literal["missing", "different", "empty", "unreadable", "short"]
    detail: str = ""
    """What the check found, without any piece of the content."""


class Sampled(Record, frozen=True, kw_only=True):
    """What was drawn in one stratum."""

    stratum: str
    """`documents < 1 Mio`, `bases`, `images disque`…"""
    population: int
    drawn: int
    bytes: int


class Timing(Record, frozen=True, kw_only=True):
    """One timed restore."""

    bytes: int
    files: int
    seconds: float
    selected: int = 0
    """Paths the product was asked for: it looks for each among all files, which a full restore does not do."""


class RtoEstimate(Record, frozen=True, kw_only=True, tag="rto", tag_field="kind"):
    """Time a full restore of the source would take, from a model fitted on the timed restores."""

    seconds: float
    low: float
    high: float
    """Bounds of the interval, seconds. All three hold the human steps and are never shorter than the link allows."""
    bytes: int
    files: int
    base_seconds: float
    bytes_per_second: float | None = None
    files_per_second: float | None = None
    link_bytes_per_second: float | None = None
    """Declared speed of the link between the copies and the place of the restore."""
    human_seconds: float = 0.0
    """Declared human steps: find the key, get the server, call people."""
    timings: tuple[Timing, ...] = ()
    excluded: tuple[str, ...] = ()
    """What the figure does not hold, French sentences."""


class Signature(Record, frozen=True, kw_only=True):
    """Ed25519 signature of a restore test: of its JSON less this field and `record_sha256`, keys sorted, no space."""

    value: str
    """Base64."""
    public_key: str
    """Base64 of the 32 bytes."""
    key: Literal["operator", "ephemeral"]
    """`operator`: the key the profile refers to, so the signature tells who. `ephemeral`: made for this run and
    forgotten, so it only tells that nothing changed since."""


class RestoreTest(Record, frozen=True, kw_only=True):
    """A sample restored, opened, compared and wiped."""

    repository: str
    """Its label."""
    technology: str
    point: str
    source: str
    point_time: datetime
    started: datetime
    finished: datetime
    seed: int
    """Draws the same sample again."""
    population: int | None = None
    """Files of the point; None when they could not be listed."""
    population_bytes: int | None = None
    strata: tuple[Sampled, ...] = ()
    folders: int = 0
    """Top folders the sample was spread over, and those the point has (the first 256)."""
    folders_known: int = 0
    undrawable: int = 0
    """Files bigger than the whole size permitted for the sample: never drawn."""
    undrawable_bytes: int = 0
    expected: int
    """Files drawn."""
    restored: int
    opened: int
    """Files whose content was really opened by a check of their format."""
    unknown: int = 0
    """Files whose format has no check, or a check that could not end."""
    compared_with_source: int = 0
    """Files whose source has not changed since, compared by SHA-256."""
    compared_with_catalogue: int = 0
    """Files compared with a digest the product recorded."""
    uncompared: int = 0
    """Files with nothing to compare to."""
    problems: tuple[Unopened, ...] = ()
    bytes: int = 0
    database: bool = False
    """A database or its dump was in the sample and opened."""
    rto: RtoEstimate | Gap
    wiped: bool = False
    """Nothing restored is left on the machine, checked after the removal."""
    record_sha256: str = ""
    """Of what is signed: the same JSON, without this field nor the signature. Empty when nothing was recorded."""
    gap: Gap | None = None
    """Why the test stopped early; what precedes is what was done until then."""
    signature: Signature | None = None


class ChangeSign(Record, frozen=True, kw_only=True):
    """What changed between two points of one source: the trace an encryption leaves."""

    repository: str
    source: str
    before: datetime
    after: datetime
    files_before: int
    removed: int
    added: int
    changed: int
    """Files of the same path, and another size, date or digest."""
    moved: int = 0
    """Among the added: a removed file had the same name, size and date."""
    renamed: int = 0
    """Among the added: a removed file had the same path, less something added at its end."""
    suffix: str = ""
    """New suffix shared by most of the added files."""
    suffix_files: int = 0
    looked_into: int = 0
    """Files whose first bytes were read in both points or in the later one."""
    magic_known: int = 0
    """Among these, files whose extension wants a certain beginning."""
    magic_lost: int = 0
    """Among the latter, files that no longer begin as it wants."""
    entropy_before: float | None = None
    """Mean bits per byte of the first 64 KiB of files that are not compressed by nature; None when not measured."""
    entropy_after: float | None = None
    daily_median: float | None = None
    """Usual share of files replaced between two points of this source, 0 to 1; None with fewer than 4 points."""


class PlannedSystem(Record, frozen=True, kw_only=True):
    """A system or set of data that must be restorable, as declared or found."""

    label: str
    critical: bool
    kind: SystemKind = ""
    origin: Literal["declared", "inventory", "ad"] = "declared"
    rpo_hours: float | None = None
    """Data the structure accepts to lose."""
    rto_hours: float | None = None
    retention_days: int | None = None
    covered_by: tuple[str, ...] = ()
    """Labels of the repositories declared for it; empty: any repository that holds its sources."""
    sources: tuple[str, ...] = ()
    """Names its points carry (host, machine, share); patterns with `*`."""
    hosted: str = ""
    """Provider that backs it up itself (SaaS), as declared."""
    contract: bool | None = None
    """The provider's contract says how it is backed up and restored."""
    owner: str = ""
    """Business referent who validates a restore."""


class BackupFacts(Record, frozen=True, kw_only=True):
    """Everything known of the backups of a site."""

    repositories: tuple[Repository, ...]
    systems: tuple[PlannedSystem, ...] = ()
    restore_tests: tuple[RestoreTest, ...] = ()
    changes: tuple[ChangeSign, ...] | Gap = ()
    restore_asked: bool = False
    """The operator asked for restore tests and the mandate names backups."""
    production_places: tuple[str, ...] = ()
    """Sites production stands on, as declared."""
    read_at: datetime | None = None
    """End of the reading, which pictures count ages from; None in facts that do not say."""
    limits: tuple[str, ...] = ()
    """What this reading could not show, French sentences."""
