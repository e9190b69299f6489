"""What the product's own check says of the copies, when, and how deep it looked."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.backup.controls.common import distinct, each_repository, seen, silent, thing
from checks.backup.facts import Integrity, Point, Repository
from checks.backup.plan import CLOCK_SLACK
from checks.backup.words import day, hours_between, length
from checks.common.french import count
from checks.model import Context, Gap, Judgement, failed, not_applicable, not_assessed, passed

RECENT = timedelta(days=31)
"""Monthly: damage is found while an older good point still exists (retention of 30 days). Ours."""
DEPTHS = {
    "metadata": "structure seulement, contenu non relu",
    "sample": "un échantillon du contenu relu",
    "full": "tout le contenu relu",
}


@each_repository
def sound(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the product's check succeeded and no point failed its own."""
    label = repository.label
    damaged = [point for point in _points(repository) if point.verified == "failed"]
    found = distinct(thing(p.id, p.source, "damaged", f"point du {day(p.time)}") for p in damaged[:50])
    check = repository.integrity
    if isinstance(check, Integrity) and not check.ok:
        message = f"La sauvegarde « {label} » est endommagée : le contrôle échoue. N'y rien effacer avant un avis."
        return failed(label, message, seen(repository, check.detail or DEPTHS[check.depth]), affected=found)
    if damaged:
        message = f"« {label} » contient {count(len(damaged), 'point endommagé')}, qui ne reviendrait pas."
        if len(damaged) > 1:
            message = message.replace("reviendrait", "reviendraient")
        return failed(label, message, seen(repository, f"vérification en échec : {damaged[0].source}"), affected=found)
    if isinstance(check, Integrity):
        what = DEPTHS[check.depth]
        message = f"Le contrôle d'intégrité de « {label} » ne trouve rien ({what})."
        return passed(label, message, seen(repository, check.detail or what))
    verified = [point for point in _points(repository) if point.verified == "ok"]
    if verified:
        number = count(len(verified), "point vérifié")
        return passed(label, f"« {label} » : {number} par le produit, sans défaut.", seen(repository, number))
    return not_assessed(label, check)


@each_repository
def recently(repository: Repository, context: Context) -> Judgement:
    """Conforms when the integrity was checked less than 31 days ago."""
    label = repository.label
    when = _when(repository, context.now)
    if when is None:
        if isinstance(repository.integrity, Gap):
            return not_assessed(label, repository.integrity)
        return silent(repository, "quand son intégrité a été contrôlée")
    age = length(hours_between(when, context.now))
    if context.now - when <= RECENT:
        return passed(label, f"L'intégrité de « {label} » a été contrôlée il y a {age}.", seen(repository, day(when)))
    message = f"L'intégrité de « {label} » n'a pas été contrôlée depuis {age}."
    return failed(label, message, seen(repository, day(when)))


@each_repository
def deep(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the check reads the content of the copies, at least a sample of it."""
    label = repository.label
    check = repository.integrity
    if isinstance(check, Gap):
        return not_assessed(label, check)
    if not check.ok:
        return not_applicable(label, f"Le contrôle d'intégrité de « {label} » échoue déjà.")
    if check.depth == "metadata":
        message = f"Le contrôle de « {label} » ne relit pas le contenu : un fichier abîmé n'y serait pas vu."
        return failed(label, message, seen(repository, DEPTHS["metadata"]))
    what = DEPTHS[check.depth]
    message = f"Le contrôle de « {label} » relit le contenu ({what})."
    return passed(label, message, seen(repository, what))


def _points(repository: Repository) -> tuple[Point, ...]:
    return () if isinstance(repository.points, Gap) else repository.points


def _when(repository: Repository, now: datetime) -> datetime | None:
    """The newest check that is not in the future: of the repository, or of one of its points."""
    check = repository.integrity
    own = [check.when] if isinstance(check, Integrity) and check.when else []
    if isinstance(check, Integrity) and check.by == "agent" and not own:
        own = [now]
    times = [*own, *(p.verified_at for p in _points(repository) if p.verified_at)]
    return max((time for time in times if time <= now + CLOCK_SLACK), default=None)
