"""Encryption of the copies, their key, the room left, and how far back they go."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.backup.controls.common import (
    declared,
    each_repository,
    each_system,
    seen,
    seen_row,
    silent,
    unknown,
    unsure,
)
from checks.backup.facts import BackupFacts, Encryption, Repository
from checks.backup.plan import PlanRow
from checks.backup.words import hours_between, length, size
from checks.common.french import count
from checks.model import Context, Gap, Judgement, Severity, failed, not_applicable, not_assessed, passed

KEY_ESCROW = "backup_key_escrow"
"""Question: true when passwords and keys of the backups are kept where a disaster cannot take them, and tried."""
LEAVES = frozenset({"cloud", "removable", "tape"})
"""Media that leave the house, or that a third party holds."""
LOW_FREE = 0.10
FULL_DAYS = 30
WINDOW = timedelta(days=30)
GROWTH_POINTS = 3
RETENTION_DAYS = 30
"""Intruders are often inside for days or weeks before they encrypt: a shorter history may hold only copies of an
already infected system. Ours, where the structure declared nothing."""
_LOCAL = frozenset({"windows_backup", "zfs", "btrfs", "veeam_files"})
"""Technologies whose reading shows nothing of how the copies travel."""


@each_repository
def encrypted(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the copies are encrypted; graver when the medium leaves the house."""
    label = repository.label
    found = repository.encryption
    if isinstance(found, Gap):
        return not_assessed(label, found)
    if found.encrypted:
        how = f" ({found.method})" if found.method else ""
        return passed(label, f"Les copies de « {label} » sont chiffrées{how}.", seen(repository, f"chiffrées{how}"))
    clear = seen(repository, "copies en clair")
    if repository.medium in LEAVES or repository.offline:
        message = f"Les copies de « {label} » quittent la maison en clair : un vol expose les dossiers des personnes."
        return failed(label, message, clear, severity=Severity.HIGH)
    message = f"Les copies de « {label} » ne sont pas chiffrées : qui prend le support lit tout."
    return failed(label, message, clear)


@each_repository
def encrypted_transport(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when copies travel encrypted."""
    label = repository.label
    found = repository.encryption
    if isinstance(found, Gap):
        return not_assessed(label, found)
    if found.transport is None:
        if repository.technology in _LOCAL or _is_local(repository):
            return not_applicable(label, f"« {label} » est lue sur place : aucun transport n'est visible.")
        return silent(repository, "si les copies voyagent chiffrées")
    if found.transport:
        message = f"Les copies voyagent chiffrées vers « {label} »."
        return passed(label, message, seen(repository, "transport chiffré"))
    message = f"Les copies voyagent en clair vers « {label} »."
    return failed(label, message, seen(repository, "transport en clair"))


@each_repository
def key_kept(repository: Repository, context: Context) -> Judgement:
    """Conforms when the key of encrypted copies exists somewhere a disaster does not take it."""
    label = repository.label
    found = repository.encryption
    if isinstance(found, Gap):
        return not_assessed(label, found)
    if not found.encrypted:
        return not_applicable(label, f"« {label} » n'est pas chiffrée : aucune clé à garder.")
    kept, question = _kept(found, context)
    if kept is None:
        detail = f"Dire si la clé de « {label} » est gardée hors du système (key_escrow, ou {KEY_ESCROW})."
        return unsure(label, detail)
    said = declared(question, "oui" if kept else "non")
    if kept:
        return passed(label, f"La clé de « {label} » est déclarée gardée hors du système.", said)
    message = f"La clé de « {label} » n'existe que sur le système sauvegardé : perdue avec lui, rien ne se rouvre."
    return failed(label, message, said)


def _kept(found: Encryption, context: Context) -> tuple[bool | None, str]:
    if found.key_escrow is not None:
        return found.key_escrow, "key_escrow"
    answer = context.answers.get(KEY_ESCROW)
    return (answer if isinstance(answer, bool) else None), KEY_ESCROW


@each_repository
def room_left(repository: Repository, context: Context) -> Judgement:
    """Conforms when the repository is not full within 30 days at its pace, else has 10 % left when no pace is known."""
    label = repository.label
    capacity, free = repository.capacity, repository.free
    if free is None or not capacity:
        if isinstance(repository.points, Gap):
            return not_assessed(label, repository.points)
        if repository.medium == "cloud":
            return not_applicable(label, f"« {label} » est en ligne : aucune capacité n'y est annoncée.")
        return silent(repository, "la place qui lui reste")
    share = free / capacity
    value = f"{size(free)} libres sur {size(capacity)} ({share:.0%})".replace("%", " %")
    days = _days_to_full(repository, free, context.now)
    if days is not None and days < FULL_DAYS and share < 0.5:  # noqa: PLR2004 - a young repository grows fast
        message = (
            f"« {label} » sera pleine dans {count(max(1, round(days)), 'jour')} environ au rythme actuel : {value}."
        )
        return failed(label, message, seen(repository, value))
    if share < LOW_FREE:
        message = f"Il reste moins de 10 % de place dans « {label} » : {value}. Les copies finiront par échouer."
        return failed(label, message, seen(repository, value))
    return passed(label, f"« {label} » a de la place : {value}.", seen(repository, value))


def _days_to_full(repository: Repository, free: int, now: datetime) -> float | None:
    """At the pace of the points kept from the last 30 days; None with too few. Pruning is not known: an upper pace."""
    if isinstance(repository.points, Gap):
        return None
    recent = [p for p in repository.points if now - WINDOW <= p.time <= now and p.stored is not None]
    if len(recent) < GROWTH_POINTS or len(recent) * 2 < len(repository.points):
        return None
    first = min(point.time for point in recent)
    written = sum(point.stored or 0 for point in recent if point.time > first)
    elapsed = hours_between(first, now) / 24
    return free / (written / elapsed) if written and elapsed >= 1 else None


@each_system
def far_enough(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the oldest good point is as old as the declared retention, or 30 days without declaration."""
    label = row.system.label
    wanted = row.system.retention_days or RETENTION_DAYS
    why = "objectif déclaré" if row.system.retention_days else "seuil d'Ausculte, faute d'objectif déclaré"
    oldest = row.oldest_good
    reach = hours_between(oldest, context.now) / 24 if oldest else 0.0
    if oldest and reach >= wanted:
        message = f"On peut revenir {count(round(reach), 'jour')} en arrière pour « {label} » ({why} : {wanted})."
        return passed(label, message, seen_row(row, f"plus ancien point utilisable : {oldest:%d/%m/%Y}"))
    if doubt := unknown(row):
        return doubt
    if oldest is None:
        return not_applicable(label, f"« {label} » n'a pas de copie utilisable de toutes ses parties.")
    message = (
        f"On ne peut revenir que {length(reach * 24)} en arrière pour « {label} » ({why} : {wanted} jours). "
        "Une sauvegarde toute récente se juge à nouveau plus tard."
    )
    return failed(label, message, seen_row(row, f"plus ancien point utilisable : {oldest:%d/%m/%Y}"))


def _is_local(repository: Repository) -> bool:
    """A folder of this machine."""
    return repository.address.startswith("/") and not repository.address.startswith("//")
