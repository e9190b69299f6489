"""Answers of DSM about Hyper Backup, Active Backup for Business and snapshots, turned into facts. Pure.

The vendor documents only discovery and sign-in. The shapes read here are those public clients use (synology-api for
Active Backup and snapshots, two Hyper Backup clients checked by their authors on DSM 7): every key may be absent. A
result nobody listed gives no verdict, and is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from checks.backup.facts import Encryption, Failure, Immutability, Job, Lock, Point
from checks.backup.technologies import http_values as values
from checks.backup.technologies.record import paris, unsupported
from checks.common.text import clean
from checks.model import Gap

Row = Mapping[str, Any]
Result = Literal["success", "warning", "failed", "running", "none"]
_RESULTS: Mapping[str, Result] = {
    **dict.fromkeys(("done", "success", "successful", "finish", "finished", "complete", "completed", "ok"), "success"),
    **dict.fromkeys(("partial", "warning"), "warning"),
    **dict.fromkeys(("backingup", "backing_up", "backup", "resuming", "detect", "waiting", "processing"), "running"),
    **dict.fromkeys(
        ("fail", "failed", "error", "crash", "crashed", "abort", "aborted", "cancel", "canceled"), "failed"
    ),
    **dict.fromkeys(("cksum_failed", "checksum_failed", "verify_failed", "integrity_failed"), "failed"),
    **dict.fromkeys(("dest_missing", "destination_missing", "target_missing", "suspend", "suspended"), "failed"),
    "none": "none",
}
_ACTIVE: Mapping[int, Result] = {1: "running", 2: "success", 3: "warning", 4: "failed", 5: "failed", 6: "none"}
_TIME = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)[ T]+(\d\d?):(\d\d)(?::(\d\d))?")


def result(token: str) -> Result | None:
    """Result of a Hyper Backup run; None for a word nobody listed."""
    return _RESULTS.get(token.strip().casefold().replace("-", "_"))


def moment(row: Row, *keys: str) -> datetime | None:
    """First time found among `keys`: seconds since 1970, or text in the time of the NAS."""
    for key in keys:
        if (found := values.epoch(row, key)) is not None:
            return found
        if (written := _TIME.search(values.text(row, key))) is not None:
            try:
                return paris(datetime(*(int(part or 0) for part in written.groups())))  # type: ignore[arg-type]  # noqa: DTZ001
            except ValueError:
                continue
    return None


def hyper_job(task: Row, status: Row) -> Job:
    """A Hyper Backup task with its last run; `status` completes what the list says."""
    merged = {**task, **{key: value for key, value in status.items() if value not in (None, "")}}
    token = values.text(merged, "last_bkp_result")
    found = result(token)
    running = result(values.text(merged, "status")) == "running" or result(values.text(merged, "state")) == "running"
    last = moment(merged, "last_bkp_end_time", "last_bkp_time")
    success = moment(merged, "last_bkp_success_time")
    schedule = values.at(merged, "schedule")
    detail = "" if found in {"success", "running", "none"} else f"résultat « {token} »" if token else ""
    return Job(
        name=values.text(merged, "name") or values.text(merged, "task_id"),
        enabled=values.flag(schedule, "schedule_enable"),
        schedule=_hour(schedule, "hour", "min"),
        last_run=last,
        last_result="running" if running else found,
        last_success=success or (last if found == "success" else None),
        sources=_folders(merged),
        target=" ".join(filter(None, (values.text(merged, "target_type"), values.text(merged, "target_id")))),
        detail=clean(": ".join(filter(None, (detail, values.text(merged, "last_bkp_error")))), values.MESSAGE),
        notified=values.flag(merged, "backup_params", "enable_notify"),
    )


def _hour(schedule: Any, hour: str, minute: str) -> str:
    at = values.whole(schedule, hour)
    return "" if at is None else f"{at:02d}:{values.whole(schedule, minute) or 0:02d}"


def _folders(task: Row) -> tuple[str, ...]:
    files = values.rows(task, "source", "file_list") or []
    return tuple(filter(None, (values.text(row, "folderPath") for row in files)))


def hyper_points(task: Row, job: Job, versions: Iterable[Row] | None) -> list[Point]:
    """Versions of a task; only its last success when the versions cannot be listed."""
    encrypted = values.flag(task, "data_enc")
    if versions is None:
        if job.last_success is None:
            return []
        return [Point(id=f"{job.name} (dernier succès)", source=job.name, time=job.last_success, paths=job.sources)]
    found = []
    for row in versions:
        # A cancelled run leaves a version whose completion time is 0.
        when = values.epoch(row, "complete_time")
        if when is None:
            continue
        found.append(
            Point(
                id=clean(f"{job.name} {values.text(row, 'version_id')}", 200),
                source=job.name,
                time=when,
                paths=job.sources,
                encrypted=encrypted,
            )
        )
    return found


def active_job(task: Row) -> Job:
    """An Active Backup for Business task."""
    last = values.at(task, "last_result")
    found = _ACTIVE.get(values.whole(last, "status") or 0)
    ended = values.epoch(last, "time_end")
    versions = [when for row in values.rows(task, "versions") or [] if (when := values.epoch(row, "time_end"))]
    success = ended if found == "success" else max(versions, default=None)
    errors = values.whole(last, "error_count")
    return Job(
        name=values.text(task, "task_name") or values.text(task, "task_id"),
        enabled=True if values.whole(task, "next_trigger_time") else None,
        schedule=_hour(values.at(task, "sched_content"), "run_hour", "run_min"),
        last_run=ended,
        last_result=found,
        last_success=success,
        sources=devices(task),
        target=values.text(task, "share_name"),
        detail=f"{errors} erreur(s) au dernier passage" if errors else "",
        notified=values.flag(task, "enable_notify"),
    )


def devices(task: Row) -> tuple[str, ...]:
    """Machines a task saves."""
    return tuple(filter(None, (values.text(row, "host_name") for row in values.rows(task, "devices") or [])))


def active_points(task: Row) -> list[Point]:
    """Versions of a task, once for each machine it saves."""
    sources = devices(task) or (values.text(task, "task_name"),)
    found = []
    for row in values.rows(task, "versions") or []:
        when = values.epoch(row, "time_end")
        if when is None:
            continue
        used = values.whole(row, "used_size")
        found += [
            Point(
                id=clean(f"{values.text(task, 'task_name')} {values.text(row, 'version_id')} {source}", 200),
                source=source,
                time=when,
                # Zero is what a deduplicated store writes: it is no sign of an empty version.
                stored=used or None,
                encrypted=bool(values.whole(row, "crypto_key_id")) if "crypto_key_id" in row else None,
            )
            for source in sources
        ]
    return found


def failures(rows: Iterable[Row]) -> list[Failure]:
    """Active Backup runs that failed."""
    return [
        Failure(
            time=values.epoch(row, "time_end"),
            what=f"échec de la tâche Active Backup ({values.whole(row, 'error_count') or 0} erreur(s))",
            source=values.text(row, "task_name"),
        )
        for row in rows
        if values.whole(row, "status") == 4  # noqa: PLR2004 - `fail` in the filter of the product
    ]


def encryption(hyper: Iterable[Row], active: Iterable[Row], *, key_escrow: bool | None) -> Encryption | Gap:
    """Encryption of what each task stores; every task must have it."""
    modes = [flag for task in hyper if (flag := values.flag(task, "data_enc")) is not None]
    tasks = list(active)
    modes += [bool(kind) for task in tasks if (kind := values.whole(task, "storage_encrypt_algorithm")) is not None]
    transfers = [flag for task in tasks if (flag := values.flag(task, "enable_encrypt_transfer")) is not None]
    if not modes:
        return unsupported("DSM n'a dit pour aucune tâche si elle chiffre")
    return Encryption(
        encrypted=all(modes),
        method=f"{sum(modes)} des {len(modes)} tâches chiffrent ce qu'elles stockent",
        key_escrow=key_escrow,
        transport=all(transfers) if transfers else None,
    )


def immutability(snapshots: Mapping[str, list[Row]], now: datetime, *, same_array: bool | None) -> Immutability:
    """Snapshots of the shared folders that hold the copies. `worm_lock`: nobody deletes them before `worm_lock_end`."""
    covered, days, plain = 0, [], 0
    for rows in snapshots.values():
        running = [
            row
            for row in rows
            if values.flag(row, "worm_lock")
            and (values.epoch(row, "worm_lock_end") or datetime.min.replace(tzinfo=UTC)) > now
        ]
        covered += bool(running)
        plain += len(rows)
        days += [length for row in running if (length := values.whole(row, "worm_lock_day"))]
    lock: Lock = "none"
    if covered:
        lock = "snapshot" if same_array else "immutable_days"
    elif plain:
        lock = "snapshot"
    return Immutability(
        lock=lock,
        proof="configured",
        days=min(days, default=None),
        covered=covered,
        looked_at=len(snapshots),
        detail=f"{covered} des {len(snapshots)} dossiers partagés ont un cliché immuable, sur {plain} cliché(s)",
    )


def retention(task: Row) -> str:
    """What an Active Backup task keeps."""
    kept = values.at(task, "retention_policy")
    if values.flag(kept, "keep_all"):
        return "tout est gardé"
    words = [
        f"{number} {label}"
        for key, label in (
            ("keep_versions", "versions"),
            ("gfs_days", "jours"),
            ("gfs_weeks", "semaines"),
            ("gfs_months", "mois"),
            ("gfs_years", "ans"),
        )
        if (number := values.whole(kept, key))
    ]
    return ", ".join(words)
