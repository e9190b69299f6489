"""A fictional house whose backups are in order, and ways to change one thing in them."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from checks.backup.facts import (
    Access,
    BackupFacts,
    ChangeSign,
    Encryption,
    Immutability,
    Integrity,
    Job,
    PlannedSystem,
    Point,
    Repository,
    RestoreTest,
    RtoEstimate,
)
from checks.model import Context, Gap, Judgement, Reason

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
NAS, CLOUD = "NAS", "S3"
DUI, AD, FILES = "Dossier usager", "Annuaire", "Fichiers"
HOSTED = "Paie"
REFUSED = Gap(reason=Reason.REFUSED, detail="Le serveur refuse ce compte.")
NOTHING = BackupFacts(repositories=())
ANSWERS: dict[str, Any] = {
    "backup_m365_used": True,
    "backup_m365_saved": True,
    "backup_firewall_configuration": True,
    "backup_failure_alert": True,
    "backup_key_escrow": True,
    "backup_policy_validated": date(2026, 1, 15),
    "backup_policy_providers": True,
    "backup_plan_reviewed": date(2026, 6, 1),
    "backup_red_button": True,
    "backup_supervision": True,
    "backup_restore_referent": True,
}


def ago(hours: float = 0, days: float = 0) -> datetime:
    return NOW - timedelta(hours=hours, days=days)


def point(source: str, time: datetime, **fields: Any) -> Point:
    base: dict[str, Any] = {
        "id": f"{source}@{time:%Y%m%d%H%M}",
        "size": 10_000_000,
        "stored": 100_000,
        "files": 1_000,
        "complete": True,
        "verified": "ok",
        "verified_at": ago(days=2),
        "encrypted": True,
    }
    return Point(source=source, time=time, **base | fields)


def nights(source: str, count: int = 45, last: float = 6, **fields: Any) -> tuple[Point, ...]:
    """One point every night, the newest `last` hours ago."""
    return tuple(point(source, ago(hours=last + 24 * n), **fields) for n in range(count))


def repository(label: str, **fields: Any) -> Repository:
    base: dict[str, Any] = {
        "technology": "restic",
        "product": "restic",
        "version": "0.17.3",
        "repository_id": f"id-{label}",
        "address": f"sftp:sauvegarde@{label.lower()}.tilleuls.test:/depot",
        "medium": "nas",
        "place": "Local technique",
        "points": nights("srv-dui") + nights("dc1") + nights("srv-fichiers"),
        "jobs": (
            Job(name="nuit", enabled=True, last_run=ago(6), last_result="success", last_success=ago(6), notified=True),
        ),
        "failures": (),
        "integrity": Integrity(ok=True, depth="sample", when=ago(days=3)),
        "encryption": Encryption(encrypted=True, method="AES-256", key_escrow=True, transport=True),
        "immutability": Immutability(lock="immutable_days", proof="configured", days=30, covered=10, looked_at=10),
        "access": Access(
            in_production_domain=False, mfa=True, administrators=2, own_accounts=True, deletes_allowed=False
        ),
        "capacity": 4 * 1024**4,
        "free": 2 * 1024**4,
        "own_configuration_saved": True,
        "settings": {
            "analyzer_rules": 30,
            "analyzer_violations": 0,
            "analyzer_unable": 2,
            "up_to_date": True,
            "malware_infected": 0,
            "malware_suspicious": 0,
            "public": False,
        },
    }
    return Repository(label=label, **base | fields)


def system(label: str, *sources: str, **fields: Any) -> PlannedSystem:
    base: dict[str, Any] = {
        "critical": True,
        "rpo_hours": 24.0,
        "rto_hours": 8.0,
        "retention_days": 30,
        "owner": "Mme Martin, cadre de santé",
    }
    return PlannedSystem(label=label, sources=sources, **base | fields)


def estimate(low: float = 2, high: float = 4) -> RtoEstimate:
    """Bounds in hours."""
    return RtoEstimate(
        seconds=(low + high) * 1800, low=low * 3600, high=high * 3600, bytes=10_000_000, files=1_000, base_seconds=2
    )


def restored(source: str = "srv-dui", where: str = NAS, **fields: Any) -> RestoreTest:
    base: dict[str, Any] = {
        "technology": "restic",
        "point": "p1",
        "point_time": ago(6),
        "started": ago(1),
        "finished": ago(0.5),
        "seed": 42,
        "expected": 40,
        "restored": 40,
        "opened": 30,
        "compared_with_source": 35,
        "uncompared": 5,
        "bytes": 1_000_000,
        "database": True,
        "rto": estimate(),
        "wiped": True,
        "record_sha256": "ab" * 32,
    }
    return RestoreTest(repository=where, source=source, **base | fields)


def change(**fields: Any) -> ChangeSign:
    base: dict[str, Any] = {
        "repository": NAS,
        "source": "srv-fichiers",
        "before": ago(30),
        "after": ago(6),
        "files_before": 1_000,
        "removed": 2,
        "added": 5,
        "changed": 10,
        "looked_into": 10,
        "magic_known": 10,
        "entropy_before": 4.3,
        "entropy_after": 4.4,
        "daily_median": 0.01,
    }
    return ChangeSign(**base | fields)


def house(**fields: Any) -> BackupFacts:
    base: dict[str, Any] = {
        "repositories": (repository(NAS), repository(CLOUD, technology="s3", medium="cloud", place="Hébergeur HDS")),
        "systems": (
            system(DUI, "srv-dui"),
            system(AD, "dc1"),
            system(FILES, "srv-fichiers"),
            system(HOSTED, hosted="Paie en ligne", contract=True),
        ),
        "restore_tests": (restored(), restored("dc1"), restored("srv-fichiers")),
        "changes": (change(),),
        "restore_asked": True,
        "production_places": ("Local technique",),
        "read_at": NOW,
    }
    return BackupFacts(**base | fields)


def with_repository(label: str = NAS, facts: BackupFacts | None = None, **fields: Any) -> BackupFacts:
    """The house, one repository changed."""
    facts = facts or house()
    return msgspec.structs.replace(
        facts,
        repositories=tuple(
            msgspec.structs.replace(one, **fields) if one.label == label else one for one in facts.repositories
        ),
    )


def everywhere(facts: BackupFacts | None = None, **fields: Any) -> BackupFacts:
    """The house, every repository changed."""
    for label in (NAS, CLOUD):
        facts = with_repository(label, facts, **fields)
    return facts


def with_system(label: str = DUI, facts: BackupFacts | None = None, **fields: Any) -> BackupFacts:
    facts = facts or house()
    return msgspec.structs.replace(
        facts,
        systems=tuple(msgspec.structs.replace(one, **fields) if one.label == label else one for one in facts.systems),
    )


def every(check: str, facts: BackupFacts, **answers: Any) -> list[Judgement]:
    """All judgements of `module.function`; answers are those of a careful house unless given (None: not answered)."""
    module, _, name = check.rpartition(".")
    function = getattr(importlib.import_module(f"checks.backup.controls.{module}"), name)
    said = {key: value for key, value in (ANSWERS | answers).items() if value is not None}
    found = function(facts, Context(now=NOW, answers=said))
    return found if isinstance(found, list) else [found]


def mute(check: str, facts: BackupFacts, **answers: Any) -> list[Judgement]:
    """Same, nobody having answered anything else."""
    return every(check, facts, **dict.fromkeys(ANSWERS) | answers)


def judge(check: str, facts: BackupFacts, subject: str = NAS, **answers: Any) -> Judgement:
    """The one judgement about `subject`."""
    found = [one for one in every(check, facts, **answers) if one.subject == subject]
    assert len(found) == 1, [one.subject for one in every(check, facts, **answers)]
    return found[0]
