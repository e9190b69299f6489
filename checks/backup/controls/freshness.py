"""How much would be lost today, and who stopped being saved."""

from __future__ import annotations

import itertools
import statistics
from datetime import datetime

from checks.backup.controls.common import distinct, each_repository, each_system, seen, seen_row, thing, unknown, unsure
from checks.backup.facts import BackupFacts, Job, Point, Repository
from checks.backup.plan import CLOCK_SLACK, DEFAULT_RPO_HOURS, PlanRow, is_good, sources_of
from checks.backup.words import day, hours_between, length
from checks.common.french import choose, count, listed
from checks.model import (
    Affected,
    Context,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

SEVERE_HOURS = 7 * 24.0
"""A week of care notes, prescriptions and invoices cannot be typed again."""
STOPPED_HOURS = 30 * 24.0
LATE_RHYTHMS = 3
"""Missed turns, at its own rhythm, after which a source is said to have stopped."""
LATE_FLOOR_HOURS = 48.0
LATE_UNKNOWN_HOURS = 7 * 24.0
"""For a source whose rhythm is not known (fewer than three good points)."""
LATE_OFFLINE_HOURS = 35 * 24.0
"""Media that are unplugged are turned weekly or monthly."""
RHYTHM_POINTS = 10


@each_system
def recent(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the last good point of every part of the system is younger than the loss accepted."""
    label = row.system.label
    limit, why = _objective(row)
    last = row.last_good
    if last is not None and hours_between(last, context.now) <= limit:
        lost = length(hours_between(last, context.now))
        note = " Le produit ne dit pas si ses points sont complets." if row.silent else ""
        message = f"Une panne maintenant ferait perdre {lost} de « {label} » ({why}).{note}"
        return passed(label, message, seen_row(row, f"dernier point utilisable : {day(last)}"))
    if doubt := unknown(row):
        return doubt
    if last is None:
        return not_applicable(label, f"« {label} » n'a pas de copie utilisable de toutes ses parties.")
    age = hours_between(last, context.now)
    message = f"Une panne maintenant ferait perdre {length(age)} de « {label} » ({why})."
    late = tuple(
        thing(f"{label}/{s.source}", s.source, "late", f"dernier point utilisable : {day(s.last_good)}")
        for s in row.streams
        if s.last_good and hours_between(s.last_good, context.now) > limit
    )
    severity = Severity.CRITICAL if age > max(SEVERE_HOURS, 2 * limit) else None
    return failed(
        label, message, seen_row(row, f"dernier point utilisable : {day(last)}"), affected=late, severity=severity
    )


@each_system
def regular(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when, over 30 days, good points follow one another closer than the loss accepted."""
    label = row.system.label
    limit, why = _objective(row)
    longest = row.longest_gap_hours
    if longest is not None and longest > limit:
        if doubt := unknown(row):
            return doubt
        message = f"Sur 30 jours, « {label} » est resté jusqu'à {length(longest)} sans nouvelle copie ({why})."
        late = tuple(
            thing(f"{label}/{s.source}", s.source, "gap", f"{length(s.longest_gap_hours)} sans copie")
            for s in row.streams
            if s.longest_gap_hours is not None and s.longest_gap_hours > limit
        )
        return failed(label, message, seen_row(row, f"plus long écart : {length(longest)}"), affected=late)
    if longest is None or any(s.longest_gap_hours is None for s in row.streams):
        if doubt := unknown(row):
            return doubt
        detail = f"« {label} » a moins de deux points utilisables sur 30 jours : sa régularité ne se mesure pas."
        return unsure(label, detail, Reason.UNSUPPORTED)
    message = f"Sur 30 jours, « {label} » n'est jamais resté plus de {length(longest)} sans nouvelle copie ({why})."
    return passed(label, message, seen_row(row, f"plus long écart : {length(longest)}"))


def _objective(row: PlanRow) -> tuple[float, str]:
    declared = row.system.rpo_hours
    if declared is not None:
        return declared, f"objectif déclaré : {length(declared)}"
    return DEFAULT_RPO_HOURS, f"seuil d'Ausculte : {length(DEFAULT_RPO_HOURS)}, faute d'objectif déclaré"


@each_repository
def alive(repository: Repository, context: Context) -> Judgement:
    """Conforms when each source of a repository still gets points, at its own rhythm."""
    label = repository.label
    if isinstance(repository.points, Gap):
        return not_assessed(label, repository.points)
    if not repository.points:
        return not_applicable(label, f"« {label} » ne contient aucun point.")
    sources = sources_of(repository)
    newest = max((p.time for p in repository.points if is_good(p, context.now)), default=None)
    late = tuple(
        found
        for name, points in sources.items()
        if (found := _late(name, points, context.now, offline=bool(repository.offline)))
    )
    if newest is None:
        message = f"« {label} » ne contient aucun point utilisable."
        return failed(label, message, seen(repository, "aucun point utilisable"), affected=late)
    value = f"dernier point utilisable : {day(newest)}"
    if not late:
        message = f"Chaque source de « {label} » reçoit encore des copies, la dernière le {day(newest)}."
        return passed(label, message, seen(repository, value))
    age = hours_between(newest, context.now)
    if len(late) == len(sources):
        message = f"La sauvegarde « {label} » est arrêtée : sa dernière copie utilisable a {length(age)}."
        severity = Severity.CRITICAL if age > STOPPED_HOURS else None
        return failed(label, message, seen(repository, value), affected=late, severity=severity)
    names = listed(item.label for item in late)
    verb = choose(len(late), "ne reçoit plus", "ne reçoivent plus")
    message = f"Dans « {label} », {names} {verb} de copie, alors que les autres sources continuent."
    return failed(label, message, seen(repository, value), affected=late, severity=Severity.MEDIUM)


def _late(name: str, points: tuple[Point, ...], now: datetime, *, offline: bool) -> Affected | None:
    """The source, when it has missed several turns."""
    times = sorted({point.time for point in points if is_good(point, now)})
    if not times:
        return thing(name, name, "never", "aucun point utilisable")
    gaps = [hours_between(a, b) for a, b in itertools.pairwise(times[-RHYTHM_POINTS:])]
    limit = max(LATE_FLOOR_HOURS, LATE_RHYTHMS * statistics.median(gaps)) if len(gaps) > 1 else LATE_UNKNOWN_HOURS
    limit = max(limit, LATE_OFFLINE_HOURS) if offline else limit
    age = hours_between(times[-1], now)
    if age <= limit:
        return None
    usual = f", au rythme habituel d'une toutes les {length(statistics.median(gaps))}" if len(gaps) > 1 else ""
    return thing(name, name, "stopped", f"dernière copie il y a {length(age)}{usual}")


@each_repository
def scheduled(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every job is enabled and has run."""
    label = repository.label
    if isinstance(repository.jobs, Gap):
        return not_assessed(label, repository.jobs)
    if not repository.jobs:
        return not_applicable(label, f"« {label} » n'a pas de tâche programmée visible d'ici.")
    if all(job.enabled is None and job.last_run is None and job.last_result is None for job in repository.jobs):
        return unsure(label, f"« {label} » ne dit pas si ses tâches sont actives.", Reason.UNSUPPORTED)
    idle = distinct(found for job in repository.jobs if (found := _idle(job)))
    number = count(len(repository.jobs), "tâche")
    if not idle:
        return passed(label, f"Les tâches de « {label} » sont actives ({number}).", seen(repository, number))
    message = f"Dans « {label} », {count(len(idle), 'tâche')} sur {len(repository.jobs)} ne tourne pas."
    if len(idle) > 1:
        message = message.replace("ne tourne pas", "ne tournent pas")
    return failed(label, message, seen(repository, number), affected=idle)


def _idle(job: Job) -> Affected | None:
    if job.enabled is False:
        return thing(job.name, job.name, "disabled", "désactivée")
    if job.last_result == "none" and job.last_run is None:
        return thing(job.name, job.name, "never_run", "n'a jamais tourné")
    return None


@each_repository
def plausible_dates(repository: Repository, context: Context) -> Judgement:
    """Conforms when no point is dated in the future: a wrong clock hides a backup that stopped."""
    label = repository.label
    if isinstance(repository.points, Gap):
        return not_assessed(label, repository.points)
    if not repository.points:
        return not_applicable(label, f"« {label} » ne contient aucun point.")
    future = [point for point in repository.points if point.time > context.now + CLOCK_SLACK]
    if not future:
        return passed(
            label, f"Les dates des points de « {label} » sont plausibles.", seen(repository, "aucun point futur")
        )
    message = (
        f"« {label} » contient {count(len(future), 'point daté', 'points datés')} du futur : une horloge est fausse."
    )
    found = distinct(thing(point.id, point.source, "future", day(point.time)) for point in future[:50])
    return failed(label, message, seen(repository, f"point daté du {day(future[0].time)}"), affected=found)
