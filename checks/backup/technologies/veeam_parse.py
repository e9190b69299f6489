"""Answers of the REST API of Veeam Backup & Replication turned into facts. Pure.

Shapes: the vendor's OpenAPI documents 1.1-rev0 and 1.3-rev0 to rev2 as published with two public clients (restore
points, backups, jobs and their states, sessions, repositories and their states, analyzer). From memory, and read with
tolerance: the inside of job settings (`storage.advancedSettings…`) and of `configBackup.lastSuccessfulBackup`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from checks.backup.facts import Access, Encryption, Failure, Immutability, Job, Lock, Point
from checks.backup.technologies import http_values as values
from checks.backup.technologies.record import malformed
from checks.common.text import clean
from checks.model import Gap, Reason

Row = Mapping[str, Any]
GIB = 1 << 30
MAX_DAYS = 36_500
"""Longest immutability that is believed."""
MAX_GIB = 1e9
"""Largest repository that is believed: one exbibyte."""
Result = Literal["success", "warning", "failed", "running", "none"]
_RESULTS: Mapping[str, Result] = {"success": "success", "warning": "warning", "failed": "failed", "none": "none"}
_COPIES = frozenset({"backupcopy", "simplebackupcopypolicy", "backuptotape", "filetotape"})


class Store(NamedTuple):
    """A repository of the product."""

    id: str
    name: str
    kind: str
    days: int
    """Immutability, 0 for none."""
    objects: bool
    """Object storage: whether its lock is that of nobody, or lifted by a key, is not said here."""


def stores(rows: Iterable[Row]) -> list[Store]:
    """Repositories with the protection they are set to give."""
    found = []
    for row in rows:
        if not (identity := values.text(row, "id")):
            continue
        bucket = values.at(row, "bucket", "immutability")
        on = values.flag(bucket, "isEnabled") is True
        days = (values.whole(bucket, "daysCount") or 0) if on else 0
        hardened = values.whole(row, "repository", "makeRecentBackupsImmutableDays") or 0
        found.append(
            Store(
                identity,
                values.text(row, "name"),
                values.text(row, "type"),
                min(max(days, hardened, 0), MAX_DAYS),
                isinstance(values.at(row, "bucket"), Mapping),
            )
        )
    return found


def points(rows: Iterable[Row]) -> tuple[Point, ...]:
    """Restore points. Times carry their zone; a point marked infected is not a failed verification: see `malware`."""
    found = []
    for row in rows:
        when = values.moment(row, "creationTime")
        name = values.text(row, "name")
        if when is None or not name:
            continue
        size = values.whole(row, "originalSize")
        found.append(Point(id=values.text(row, "id"), source=name, time=when, size=size, empty=size == 0))
    return tuple(sorted(found, key=lambda point: point.time))


def malware(rows: Iterable[Row]) -> tuple[list[Failure], int, int]:
    """Points the product marks as infected or suspicious, as failures and as counts (infected, suspicious)."""
    marked: list[Failure] = []
    counts = {"Infected": 0, "Suspicious": 0}
    for row in rows:
        state = values.text(row, "malwareStatus")
        if state in counts:
            counts[state] += 1
            words = "infecté" if state == "Infected" else "suspect"
            marked.append(
                Failure(
                    time=values.moment(row, "creationTime"),
                    what=f"point de restauration marqué {words} par la détection de logiciels malveillants",
                    source=values.text(row, "name"),
                )
            )
    return marked, counts["Infected"], counts["Suspicious"]


def jobs(states: Iterable[Row], settings: Iterable[Row], *, notified: bool | None) -> tuple[Job, ...]:
    """Jobs of every kind with their last run; schedules only for the kinds the API describes."""
    described = {values.text(row, "id"): row for row in settings}
    return tuple(_job(row, described.get(values.text(row, "id"), {}), notified) for row in states)


def _job(row: Row, settings: Row, notified: bool | None) -> Job:
    status = values.text(row, "status").casefold()
    last = values.moment(row, "lastRun")
    result: Result | None = "running" if status in {"running", "starting", "stopping"} else None
    result = result or _RESULTS.get(values.text(row, "lastResult").casefold())
    mail = values.flag(
        values.at(settings, "storage", "advancedSettings", "notifications", "emailNotifications"), "isEnabled"
    )
    return Job(
        name=values.text(row, "name") or values.text(row, "id"),
        enabled=status != "disabled" if status else None,
        schedule=schedule(settings),
        last_run=last,
        last_result=result if last or result != "none" else "none",
        last_success=last if result in {"success", "warning"} else None,
        target=values.text(row, "repositoryName"),
        notified=True if notified or mail else False if False in {notified, mail} else None,
    )


def schedule(settings: Row) -> str:
    """When a job runs, in a few words; empty when it is not said."""
    plan = values.at(settings, "schedule")
    if not isinstance(plan, Mapping):
        return ""
    if values.flag(plan, "runAutomatically") is False:
        return "manuel"
    words = []
    for key, label in (("daily", "chaque jour"), ("monthly", "chaque mois"), ("continuously", "en continu")):
        if values.flag(plan, key, "isEnabled"):
            moment = values.text(plan, key, "localTime")
            words.append(f"{label} à {moment}" if moment else label)
    if values.flag(plan, "periodically", "isEnabled"):
        unit = values.text(plan, "periodically", "periodicallyKind")
        words.append(f"toutes les {values.whole(plan, 'periodically', 'frequency') or '?'} {unit}".strip())
    if values.flag(plan, "afterThisJob", "isEnabled"):
        words.append("après une autre tâche")
    return ", ".join(words)


def copies(states: Iterable[Row]) -> int:
    """Enabled jobs that make another copy (backup copy, tape)."""
    return sum(
        values.text(row, "type").casefold() in _COPIES and values.text(row, "status").casefold() != "disabled"
        for row in states
    )


def encryption(settings: Iterable[Row], *, key_escrow: bool | None) -> Encryption | Gap:
    """Encryption as jobs are set: every enabled job must have it."""
    modes = [
        flag
        for row in settings
        if values.flag(row, "isDisabled") is not True
        and (flag := values.flag(row, "storage", "advancedSettings", "storageData", "encryption", "isEnabled"))
        is not None
    ]
    if not modes:
        return Gap(reason=Reason.UNSUPPORTED, detail="Les réglages lus ne disent pour aucune tâche si elle chiffre")
    return Encryption(
        encrypted=all(modes),
        method=f"{sum(modes)} des {len(modes)} tâches décrites chiffrent leurs sauvegardes",
        key_escrow=key_escrow,
    )


def failures(rows: Iterable[Row]) -> list[Failure]:
    """Sessions that ended badly."""
    found = []
    for row in rows:
        outcome = values.text(row, "result", "result") or values.text(row, "result")
        if outcome.casefold() != "failed":
            continue
        message = values.text(row, "result", "message", limit=values.MESSAGE)
        name = values.text(row, "name")
        found.append(
            Failure(
                time=values.moment(row, "endTime") or values.moment(row, "creationTime"),
                what=clean(": ".join(filter(None, (values.text(row, "sessionType"), message))) or "échec", 300),
                source=name,
            )
        )
    return found


def immutability(
    rows: Iterable[Row], homes: Mapping[str, str], known: Iterable[Store], rules: Mapping[str, Any], now: datetime
) -> Immutability:
    """How many sources have at least one point that its repository should still keep from deletion.

    `homes`: repository of each backup. Computed from settings: the lock of each file is not given by the API.
    """
    by_id = {store.id: store for store in known}
    seen: dict[str, bool] = {}
    used: set[Store] = set()
    for row in rows:
        name, when = values.text(row, "name"), values.moment(row, "creationTime")
        store = by_id.get(homes.get(values.text(row, "backupId"), ""))
        if not name or when is None:
            continue
        kept = store is not None and store.days > 0 and now - when < timedelta(days=store.days)
        seen[name] = seen.get(name, False) or kept
        if kept and store is not None:
            used.add(store)
    covered = sum(seen.values())
    lock: Lock = "none"
    if covered:
        # An object lock that a key lifts is what the analyzer says it is; nothing else tells.
        lifted = rules.get("buckets_in_compliance_mode") is False and all(store.objects for store in used)
        lock = "governance" if lifted else "immutable_days"
    listed = sorted(f"{store.name} : {store.days} j" for store in by_id.values() if store.days)
    return Immutability(
        lock=lock,
        proof="configured",
        days=min((store.days for store in used), default=None),
        covered=covered,
        looked_at=len(seen),
        detail=clean(
            f"dépôts immuables : {', '.join(listed)}" if listed else "aucun dépôt n'est réglé comme immuable", 300
        ),
    )


def access(rules: Mapping[str, Any], problem: Gap | None) -> Access | Gap:
    """Who gets in, as the analyzer of the product sees it."""
    mfa, alone = rules.get("mfa_console"), rules.get("not_in_production_domain")
    if mfa is None and alone is None:
        return problem or malformed(
            "L'analyseur de sécurité de Veeam n'a jugé ni la double authentification ni le domaine"
        )
    return Access(
        in_production_domain=not alone if isinstance(alone, bool) else None,
        mfa=mfa if isinstance(mfa, bool) else None,
        detail="d'après l'analyseur de sécurité de Veeam",
    )


def own_configuration(answer: Any, rules: Mapping[str, Any], now: datetime) -> tuple[bool | Gap, dict[str, bool | int]]:
    """Whether the server's own configuration is saved elsewhere, and how."""
    enabled = values.flag(answer, "isEnabled")
    if enabled is None:
        gap = malformed("La sauvegarde de configuration n'a pas la forme attendue")
        return answer if isinstance(answer, Gap) else gap, {}
    done = values.at(answer, "lastSuccessfulBackup")
    last = values.moment(done, "lastSuccessfulTime") or values.moment(done, "lastSuccessfulBackupTime")
    details: dict[str, bool | int] = {"config_backup_enabled": enabled}
    if (encrypted := values.flag(answer, "encryption", "isEnabled")) is not None:
        details["config_backup_encrypted"] = encrypted
    if last is not None:
        details["config_backup_age_days"] = max(0, (now - last).days)
    return enabled and last is not None and rules.get("config_backup_not_local") is not False, details


def space(rows: Iterable[Row], wanted: frozenset[str]) -> tuple[int | None, int | None]:
    """Capacity and free space of the repositories of those identifiers, bytes; None when none says it."""
    totals = [
        (values.real(row, "capacityGB") or 0.0, values.real(row, "freeGB") or 0.0)
        for row in rows
        if values.text(row, "id") in wanted
    ]
    capacity = sum(total for total, _ in totals)
    free = sum(left for _, left in totals)
    # Object storage says 0: nothing is known of its limits.
    return (int(capacity * GIB), int(free * GIB)) if 0 < capacity < MAX_GIB and 0 <= free < MAX_GIB else (None, None)


def newest_first(found: Iterable[Failure]) -> tuple[Failure, ...]:
    """Failures in the order people read them."""
    return tuple(sorted(found, key=lambda one: one.time or datetime.min.replace(tzinfo=UTC), reverse=True))
