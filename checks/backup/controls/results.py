"""Whether what the product calls a success is one, and what happens to its failures."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

from checks.backup.controls.common import (
    declared,
    distinct,
    each_repository,
    no_repository,
    seen,
    silent,
    thing,
    unset,
    unsure,
)
from checks.backup.facts import BackupFacts, Job, Point, Repository
from checks.backup.plan import CLOCK_SLACK, sources_of
from checks.backup.words import day, hours_between, length, size
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

ALERTS = "backup_failure_alert"
"""Question: true when somebody is told of a failed backup without having to look."""
UNTREATED_HOURS = 72.0
"""A failure on a Friday night is seen on Monday; after that, nobody treats it."""
SEVERE_HOURS = 14 * 24.0
REPEATED = 3
RECENT = timedelta(days=30)
SHRUNK = 0.5
"""A backup that suddenly holds half of what it held has lost a disk, a folder or an exclusion was widened."""
SHRUNK_BASE = 3
"""Earlier points needed to know the usual size."""
BASE_POINTS = 10
LOCKING = frozenset({"restic", "borg"})
"""Technologies that leave a lock behind an interrupted run."""


def _no_point(repository: Repository) -> Judgement | None:
    if isinstance(repository.points, Gap):
        return not_assessed(repository.label, repository.points)
    if not repository.points:
        return not_applicable(repository.label, f"« {repository.label} » ne contient aucun point.")
    return None


def _by_source(repository: Repository, now: datetime) -> dict[str, list[Point]]:
    """Believable points, newest first, by source."""
    return {
        name: sorted((p for p in points if p.time <= now + CLOCK_SLACK), key=lambda p: p.time, reverse=True)
        for name, points in sources_of(repository).items()
    }


@each_repository
def not_empty(repository: Repository, context: Context) -> Judgement:
    """Conforms when no point announced as a success is empty; graver when the newest of a source is."""
    if missing := _no_point(repository):
        return missing
    label = repository.label
    sources = _by_source(repository, context.now)
    empty = [(name, p, p is points[0]) for name, points in sources.items() for p in points if p.empty]
    if not empty:
        number = sum(len(points) for points in sources.values())
        message = f"Aucun point de « {label} » n'est vide."
        return passed(label, message, seen(repository, count(number, "point examiné")))
    newest = [name for name, _, last in empty if last]
    if newest:
        message = f"Dans « {label} », la dernière copie est annoncée réussie et ne contient rien : {listed(newest)}."
    else:
        old = count(len(empty), "ancienne copie")
        verb = choose(len(empty), "annoncée réussie ne contient rien", "annoncées réussies ne contiennent rien")
        message = f"Dans « {label} », {old} {verb}."
    found = distinct(thing(p.id, name, "empty", f"point vide du {day(p.time)}") for name, p, _ in empty[:50])
    first = empty[0][1]
    proof = seen(repository, f"{first.source}, {day(first.time)} : aucun fichier ou aucun octet")
    return failed(label, message, proof, affected=found, severity=None if newest else Severity.LOW)


@each_repository
def complete(repository: Repository, context: Context) -> Judgement:
    """Conforms when the newest point of each source is complete."""
    if missing := _no_point(repository):
        return missing
    label = repository.label
    newest = [(name, points[0]) for name, points in _by_source(repository, context.now).items() if points]
    partial = [(name, point) for name, point in newest if point.complete is False]
    if partial:
        names = listed(name for name, _ in partial)
        message = f"Dans « {label} », la dernière copie est incomplète : {names}. Des fichiers n'ont pas été lus."
        found = distinct(thing(p.id, name, "incomplete", f"point du {day(p.time)}") for name, p in partial)
        return failed(label, message, seen(repository, f"dernière copie incomplète de {names}"), affected=found)
    if not newest or any(point.complete is None for _, point in newest):
        return silent(repository, "si ses copies sont complètes")
    message = f"La dernière copie de chaque source de « {label} » est complète."
    return passed(label, message, seen(repository, count(len(newest), "source complète")))


@each_repository
def steady_size(repository: Repository, context: Context) -> Judgement:
    """Conforms when the newest point of each source is not much smaller than its earlier ones."""
    if missing := _no_point(repository):
        return missing
    label = repository.label
    compared, found = 0, []
    for name, points in _by_source(repository, context.now).items():
        for what in ("size", "files"):
            values = [value for p in points if not p.empty and (value := getattr(p, what)) is not None]
            if len(values) <= SHRUNK_BASE or points[0].empty or getattr(points[0], what) is None:
                continue
            compared += 1
            usual = statistics.median(values[1 : BASE_POINTS + 1])
            if values[0] < SHRUNK * usual:
                shown = [size(v) if what == "size" else count(round(v), "fichier") for v in (values[0], usual)]
                found.append(thing(f"{name}/{what}", name, "shrunk", f"{shown[0]}, contre {shown[1]} d'habitude"))
    if found:
        names = listed(item.label for item in found)
        message = f"Dans « {label} », la dernière copie a perdu plus de la moitié de son contenu habituel : {names}."
        return failed(label, message, seen(repository, found[0].detail), affected=tuple(found))
    if not compared:
        detail = f"« {label} » ne donne pas assez de tailles ({SHRUNK_BASE + 1} points au moins) pour les comparer."
        return unsure(label, detail, Reason.UNSUPPORTED)
    message = f"Les dernières copies de « {label} » ont leur taille habituelle."
    return passed(label, message, seen(repository, count(compared, "comparaison")))


@each_repository
def failures_treated(repository: Repository, context: Context) -> Judgement:
    """Conforms when no job has been failing for more than 72 hours."""
    label = repository.label
    if isinstance(repository.jobs, Gap):
        return not_assessed(label, repository.jobs)
    if not repository.jobs:
        return not_applicable(label, f"« {label} » n'a pas de tâche programmée visible d'ici.")
    told = [job for job in repository.jobs if job.last_result is not None]
    failing = [job for job in told if job.last_result == "failed" and job.enabled is not False]
    old = [job for job in failing if _failing_for(job, context.now) > UNTREATED_HOURS]
    if old:
        worst = max(_failing_for(job, context.now) for job in old)
        names = listed(job.name for job in old)
        message = f"Dans « {label} », en échec depuis plus de {length(UNTREATED_HOURS)} : {names}."
        found = tuple(_failing(job) for job in old)
        severity = Severity.CRITICAL if worst > SEVERE_HOURS else None
        return failed(label, message, seen(repository, found[0].detail), affected=distinct(found), severity=severity)
    if not told:
        return silent(repository, "comment ses tâches se sont terminées")
    if undated := [job.name for job in failing if job.last_success is None]:
        detail = f"Dans « {label} », en échec sans que l'on sache depuis quand : {listed(undated)}."
        return unsure(label, detail, Reason.UNSUPPORTED)
    if failing:
        names = listed(job.name for job in failing)
        message = f"Un échec récent est à suivre dans « {label} » : {names} (moins de {length(UNTREATED_HOURS)})."
        return passed(label, message, seen(repository, f"échec récent : {names}"))
    number = count(len(told), "tâche sans échec", "tâches sans échec")
    return passed(label, f"Aucune tâche de « {label} » n'est en échec.", seen(repository, number))


def _failing_for(job: Job, now: datetime) -> float:
    """Hours since the last success, at least: since the failed run when no success is known."""
    since = job.last_success or job.last_run
    return hours_between(since, now) if since else 0.0


def _failing(job: Job) -> Affected:
    since = f"dernier succès le {day(job.last_success)}" if job.last_success else "aucun succès connu"
    return thing(job.name, job.name, "failing", f"{since}{f' ; {job.detail}' if job.detail else ''}")


@each_repository
def few_failures(repository: Repository, context: Context) -> Judgement:
    """Conforms when fewer than three failures were recorded for one source over 30 days."""
    label = repository.label
    if isinstance(repository.failures, Gap):
        return not_assessed(label, repository.failures)
    start = context.now - RECENT
    recent = [f for f in repository.failures if f.time is not None and start <= f.time <= context.now + CLOCK_SLACK]
    counts: dict[str, int] = {}
    for failure in recent:
        counts[failure.source] = counts.get(failure.source, 0) + 1
    often = {source: number for source, number in counts.items() if number >= REPEATED}
    if often:
        total = sum(often.values())
        message = f"« {label} » a échoué {total} fois en 30 jours : la cause n'est pas traitée."
        found = tuple(
            thing(source or label, source or label, "repeated", f"{number} échecs en 30 jours")
            for source, number in often.items()
        )
        return failed(label, message, seen(repository, recent[0].what), affected=found)
    if undated := [f for f in repository.failures if f.time is None]:
        detail = f"« {label} » montre {count(len(undated), 'échec')} sans date : leur répétition ne se mesure pas."
        return unsure(label, detail, Reason.UNSUPPORTED)
    number = count(len(recent), "échec")
    return passed(label, f"« {label} » : {number} en 30 jours.", seen(repository, f"{number} en 30 jours"))


def alerted(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when somebody is told of failures: by what each product says, else by the declared answer."""
    if not facts.repositories:
        return [no_repository()]
    return [_alerted(repository, context) for repository in facts.repositories]


def _alerted(repository: Repository, context: Context) -> Judgement:
    label = repository.label
    jobs = () if isinstance(repository.jobs, Gap) else repository.jobs
    mute = [job for job in jobs if job.notified is False and job.enabled is not False]
    if mute:
        message = f"Personne n'est prévenu d'un échec de {listed(job.name for job in mute)} (« {label} »)."
        found = distinct(thing(job.name, job.name, "mute", "aucune alerte en cas d'échec") for job in mute)
        return failed(label, message, seen(repository, "aucune alerte réglée"), affected=found)
    if jobs and all(job.notified for job in jobs if job.enabled is not False):
        return passed(label, f"Un échec de « {label} » est signalé.", seen(repository, "alerte réglée"))
    answer = context.answers.get(ALERTS)
    if answer is None:
        found_unset = unset(ALERTS, "quelqu'un est-il prévenu d'une sauvegarde en échec (true ou false) ?")
        return unsure(label, found_unset.message)
    if answer is True:
        return passed(label, "Une alerte en cas d'échec est déclarée.", declared(ALERTS, "oui"))
    message = f"Personne n'est prévenu d'un échec de « {label} » : il se découvrirait le jour où il faut restaurer."
    return failed(label, message, declared(ALERTS, "non"))


@each_repository
def no_stale_lock(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no interrupted run left a lock that stops the next ones."""
    label = repository.label
    if isinstance(repository.locks, Gap):
        return not_assessed(label, repository.points if isinstance(repository.points, Gap) else repository.locks)
    if repository.locks:
        number = count(len(repository.locks), "verrou abandonné", "verrous abandonnés")
        message = f"Une tâche interrompue a laissé {number} dans « {label} » : les suivantes peuvent en être bloquées."
        found = distinct(
            thing(lock, lock, "stale_lock", "verrou laissé par une tâche interrompue") for lock in repository.locks
        )
        return failed(label, message, seen(repository, listed(repository.locks)), affected=found)
    if isinstance(repository.points, Gap):
        return not_assessed(label, repository.points)
    if repository.technology not in LOCKING:
        return not_applicable(label, f"« {label} » n'a pas de verrou de ce genre.")
    return passed(label, f"Aucun verrou abandonné dans « {label} ».", seen(repository, "aucun verrou abandonné"))
