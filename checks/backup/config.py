"""Profile table `[backup]`: what must be restorable, where the copies are, and how a sample may be restored.

Imports no network library.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from checks.model import Record

Technology = Literal[
    "restic",
    "borg",
    "pbs",
    "veeam",
    "veeam_files",
    "windows_backup",
    "synology",
    "bareos",
    "rsync",
    "s3",
    "zfs",
    "btrfs",
    "kopia",
    "duplicati",
]
Medium = Literal["disk", "nas", "tape", "cloud", "removable"]
Hours = Annotated[float, msgspec.Meta(gt=0, le=24 * 366)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
MAX_ITEMS = 500


class System(Record, frozen=True, kw_only=True):
    """`[[backup.system]]`: one system or set of data that must come back after a disaster."""

    label: str
    critical: bool = True
    kind: Literal["", "directory", "care_records", "microsoft365", "firewall", "files", "other"] = ""
    """`directory`: domain controllers; `care_records`: files of the people cared for. Empty: guessed from the label."""
    rpo_hours: Hours | None = None
    rto_hours: Hours | None = None
    retention_days: int | None = None
    repositories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Names its restore points carry; `*` stands for anything."""
    hosted: str = ""
    contract: bool | None = None
    owner: str = ""


class RepositoryConfig(Record, frozen=True, kw_only=True):
    """`[[backup.repository]]`: one place that holds copies."""

    label: str
    technology: Technology
    location: str = ""
    """Folder, URL, host, bucket (`s3:https://host/bucket/prefix`), pool or dataset: what the technology expects."""
    user: str = ""
    password_from: str = ""
    """Reference to the password, token or key that opens it (`env:…`, `prompt`, `keyring:…`, `fd:…`)."""
    access_id: str = ""
    """Public half of an S3 key."""
    storage_secret_from: str = ""
    """Reference to the secret of the storage below (S3 secret key), when it is not that of the repository."""
    datastore: str = ""
    """Proxmox Backup Server."""
    port: Port = 0
    """0: that of the product."""
    ca_file: str = ""
    fingerprint: str = ""
    """SHA-256 of the server's certificate, when it is self-signed."""
    export_files: tuple[str, ...] = ()
    """Saved outputs or logs to read instead of asking the product."""
    medium: Medium | None = None
    place: str = ""
    offline: bool | None = None
    same_array_as_source: bool | None = None
    in_production_domain: bool | None = None
    mfa: bool | None = None
    key_escrow: bool | None = None
    check_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    """Share of the data the product's own check reads; 0: structure only."""
    live_root: str = ""
    """Where the source can be read now, to compare what was restored: prefix put before the path of each file."""
    link_mbit_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Speed of the link a full restore would use."""
    server: str = ""
    """IP address of the machine that holds the copies, to see in the firewall's rules who reaches it."""
    database: str = ""
    """Where this repository's catalogue of jobs is, for products that need it (Bareos console configuration…)."""

    def __post_init__(self) -> None:
        """Refuse what could not be read; the message is shown with the place in the profile."""
        if not self.label.strip() or len(self.label) > 80:  # noqa: PLR2004 - one line of a table
            raise ValueError("une sauvegarde a un nom de 1 à 80 caractères")
        if not self.location and not self.export_files:
            raise ValueError(f"« {self.label} » : « location » ou « export_files » est nécessaire")


class RestoreSettings(Record, frozen=True, kw_only=True):
    """`[backup.restore]`: bounds of the restore test."""

    scratch: str = ""
    """Folder that receives the sample, emptied afterwards; empty: a private folder of this machine's own."""
    max_mib: Annotated[int, msgspec.Meta(ge=1, le=1024 * 1024)] = 2048
    max_files: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 400
    max_timing_files: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 5000
    """Files restored only to time the restore of whole folders, then wiped; one folder is within `max_mib`."""
    seed: int | None = None
    """None: drawn and recorded."""
    signing_key_from: str = ""
    """Reference to an Ed25519 private key (PEM, or base64 of its 32 bytes) that signs the records."""
    human_minutes: Annotated[float, msgspec.Meta(ge=0)] = 60
    """Human steps before the first byte comes back: people called, keys found, a machine made ready."""


class BackupConfig(Record, frozen=True, kw_only=True):
    """What the profile says about backups."""

    systems: tuple[System, ...] = msgspec.field(name="system", default=())
    repositories: tuple[RepositoryConfig, ...] = msgspec.field(name="repository", default=())
    restore: RestoreSettings = RestoreSettings()
    production_places: tuple[str, ...] = ()
    """Names of the sites production stands on."""

    def __post_init__(self) -> None:
        """Refuse two things of the same name, and references to nothing."""
        for named in (self.systems, self.repositories):
            labels = [one.label for one in named]
            if len(labels) > MAX_ITEMS:
                raise ValueError(f"{MAX_ITEMS} systèmes ou sauvegardes au plus")
            if len(set(labels)) != len(labels):
                raise ValueError("deux systèmes, ou deux sauvegardes, portent le même nom")
        known = {one.label for one in self.repositories}
        for system in self.systems:
            if missing := set(system.repositories) - known:
                raise ValueError(f"« {system.label} » : sauvegarde inconnue « {min(missing)} »")
