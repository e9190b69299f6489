"""What an attacker, or a hurried administrator, can delete."""

from __future__ import annotations

from checks.backup.controls.common import SITE, declared, each_repository, no_repository, seen, unsure
from checks.backup.facts import BackupFacts, Immutability, Repository
from checks.backup.plan import is_good, same_array
from checks.backup.storage import places
from checks.backup.terms import OFFLINE_ANSWER, PARTIAL, SOLID, lock_of
from checks.common.french import count
from checks.model import Context, Gap, Judgement, Severity, failed, not_applicable, not_assessed, passed

SHORT_DAYS = 14
"""Two weeks: an encryption launched while the person in charge is on leave is found while the lock still holds."""
WANTED_DAYS = 30
"""A month, the retention this tool asks for: the newest copy older than the intrusion must still be locked. Ours."""


def one_safe_copy(facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when one repository at least cannot be deleted by anybody: true lock, or unplugged."""
    copies = [place.repository for place in places(facts.repositories) if _may_hold(place.repository, context)]
    graded = [(r, lock_of(r)) for r in copies if not same_array(r)]
    safe = [(repository, term) for repository, term in graded if term.state == "met"]
    if safe:
        repository, term = safe[0]
        message = f"Une copie au moins ne peut pas être effacée : « {repository.label} », {term.detail}"
        return passed(SITE, message, seen(repository, term.detail, term.proof))
    if context.answers.get(OFFLINE_ANSWER) is True:
        said = declared(OFFLINE_ANSWER, "oui")
        return passed(SITE, "Une copie hors ligne est déclarée ; elle n'a pas été vue.", said)
    if not facts.repositories:
        return no_repository()
    if gaps := [r.immutability for r, term in graded if term.state == "unknown" and isinstance(r.immutability, Gap)]:
        return not_assessed(SITE, gaps[0])
    partial = [(repository, term) for repository, term in graded if term.state == "partial"]
    if partial:
        repository, term = partial[0]
        message = f"Aucune copie n'est à l'abri d'un effacement. Au mieux, « {repository.label} » : {term.detail}"
        return failed(SITE, message, seen(repository, term.detail, term.proof), severity=Severity.HIGH)
    message = "Aucune copie n'est à l'abri d'un effacement : un attaquant qui entre efface aussi les sauvegardes."
    proofs = [seen(repository, lock_of(repository).detail) for repository in facts.repositories[:5]]
    return failed(SITE, message, *proofs)


@each_repository
def worth_of_lock(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the lock a repository shows is one that nobody lifts before its date."""
    label = repository.label
    found = repository.immutability
    if isinstance(found, Gap):
        return not_assessed(label, found)
    if found.lock == "none":
        return not_applicable(label, f"« {label} » n'annonce aucun verrou.")
    if found.lock in SOLID:
        term = lock_of(repository)
        return passed(
            label,
            f"Le verrou de « {label} » ne se lève pas : {term.detail}",
            seen(repository, term.detail, found.proof),
        )
    if found.lock == "snapshot":
        message = f"Les instantanés de « {label} » sont sur la baie qu'ils protègent : ils disparaissent avec elle."
        return failed(label, message, seen(repository, found.detail or "instantané de la même baie", found.proof))
    words = PARTIAL[found.lock]
    message = f"La protection de « {label} » n'est que partielle, ce n'est pas une copie immuable : {words}."
    return failed(label, message, seen(repository, found.detail or words, found.proof), severity=Severity.LOW)


@each_repository
def lock_covers(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the newest points really carry the lock that the repository announces."""
    label = repository.label
    locked = _locked(repository)
    if isinstance(locked, Judgement):
        return locked
    if locked.lock == "offline":
        return not_applicable(label, f"« {label} » est hors ligne : ses points n'ont pas besoin de verrou.")
    if not locked.looked_at or locked.covered is None:
        detail = f"Aucun point de « {label} » n'a pu être examiné : le verrou annoncé n'a pas été vu sur eux."
        return unsure(label, detail)
    value = f"{locked.covered} sur {locked.looked_at} portent un verrou en cours"
    if locked.covered >= locked.looked_at:
        looked = count(locked.looked_at, "point examiné")
        return passed(label, f"Le verrou de « {label} » couvre ses points récents ({looked}).", seen(repository, value))
    message = f"Le verrou de « {label} » est réglé, mais parmi ses points récents {value}."
    severity = Severity.HIGH if not locked.covered else None
    return failed(label, message, seen(repository, value), severity=severity)


@each_repository
def lock_length(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the lock holds 30 days or more; graver below 14."""
    label = repository.label
    locked = _locked(repository)
    if isinstance(locked, Judgement):
        return locked
    if locked.lock == "offline":
        return not_applicable(label, f"« {label} » est hors ligne : aucune durée de verrou.")
    if locked.days is None:
        return unsure(label, f"La durée du verrou de « {label} » n'a pas été lue.")
    days = count(locked.days, "jour")
    if locked.days >= WANTED_DAYS:
        return passed(label, f"Les copies de « {label} » sont verrouillées {days}.", seen(repository, days))
    message = f"Les copies de « {label} » ne sont verrouillées que {days} ; Ausculte en conseille {WANTED_DAYS}."
    severity = Severity.LOW if locked.days >= SHORT_DAYS else None
    return failed(label, message, seen(repository, days), severity=severity)


def _may_hold(repository: Repository, context: Context) -> bool:
    """A lock on nothing protects nothing; points that could not be read may be there."""
    points = repository.points
    return isinstance(points, Gap) or any(is_good(point, context.now) for point in points)


def _locked(repository: Repository) -> Immutability | Judgement:
    """The lock, when it is one that nobody lifts."""
    found = repository.immutability
    if isinstance(found, Gap):
        return not_assessed(repository.label, found)
    if found.lock not in SOLID:
        return not_applicable(repository.label, f"« {repository.label} » n'a pas de verrou ferme à mesurer.")
    return found
