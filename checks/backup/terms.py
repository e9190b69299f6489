"""The 3-2-1-1-0 rule, one system at a time, each term with the strength of what proves it.

Three copies, production included; two media; one off site; one that nobody can delete; zero error. A term is `met`
by what the agent tried (`tested`), by what a product says (`configured`) or by what somebody said (`declared`);
when what could meet it was not read, it is `unknown`, never missed. Never counted as copies: snapshots of the array
that production lies on, and a second label of one repository.

Wording of the five questions: Veeam, security best practices (self-assessment); ANSSI, BP-100.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from checks.backup.facts import BackupFacts, Immutability, Integrity, Proof, Repository, RestoreTest
from checks.backup.plan import Copy, PlanRow, same_array
from checks.backup.words import as_date
from checks.common.french import count, listed
from checks.model import Gap, Record

State = Literal["met", "partial", "missed", "unknown"]

WANTED_COPIES = 3
RESTORE_VALID = timedelta(days=366)
"""A restore test older than a year proves little: versions, people and places have changed. Yearly exercises are what
business continuity plans ask for."""
OFFLINE_ANSWER = "backup_offline_copy"
"""Question: true when a copy is unplugged or locked away, out of reach of the network."""
RESTORE_ANSWER = "backup_restore_test_date"
"""Question: date of the last successful restore test made by the structure or its provider."""
SOLID = frozenset({"compliance", "immutable_days", "offline"})
PARTIAL = {
    "append_only": "ajout seul : qui administre le serveur peut encore effacer, et des produits effacent malgré tout",
    "governance": "verrou en mode gouvernance : une clé privilégiée le lève",
}
"""Locks that slow an attacker down without stopping one, in words that do not flatter them."""
_ELSEWHERE = frozenset({"nas", "tape", "cloud", "removable"})
"""Media that are not the disks of a server."""
_HOST = re.compile(r"(?:[a-z0-9+]+:)*(?://)?(?:[^@/\\]*@)?([\w.-]{2,})(?=[:/\\])", re.IGNORECASE)
"""Host of `s3:https://host/bucket`, `//host/share`, `user@host:folder`; nothing in a local folder."""
_ORDER: tuple[Proof, ...] = ("declared", "configured", "tested")


class Term(Record, frozen=True, kw_only=True):
    """One term of the rule for one system."""

    state: State
    text: str
    """A few words for a cell."""
    detail: str
    """One French sentence, figures included."""
    proof: Proof = "configured"


class Terms(Record, frozen=True, kw_only=True):
    """The five terms of one system."""

    copies: Term
    media: Term
    offsite: Term
    locked: Term
    errors: Term

    @property
    def every(self) -> tuple[Term, ...]:
        """In the order of the rule."""
        return (self.copies, self.media, self.offsite, self.locked, self.errors)

    @property
    def met(self) -> int:
        """Terms met, 0 to 5."""
        return sum(term.state == "met" for term in self.every)


def terms(row: PlanRow, facts: BackupFacts, now: datetime, answers: Mapping[str, Any] | None = None) -> Terms:
    """Grade one system with the answers of `[questions]`."""
    said = answers or {}
    return Terms(
        copies=_doubted(row, copies(row)),
        media=_doubted(row, media(row)),
        offsite=_doubted(row, offsite(row, facts.production_places)),
        locked=_doubted(row, locked(row, offline_said=said.get(OFFLINE_ANSWER) is True)),
        errors=errors(row, now, said.get(RESTORE_ANSWER)),
    )


def copies(row: PlanRow) -> Term:
    """Production and the repositories that count."""
    found = row.off_array
    number = 1 + len(found)
    names = listed(copy.repository.label for copy in found) or "aucune sauvegarde"
    detail = f"{count(number, 'copie')}, production comprise ({names})."
    if left := [c.repository.label for c in row.copies if c.good and same_array(c.repository)]:
        detail += f" Non compté, sur la même baie que la production : {listed(left)}."
    proofs = sorted((proof_of(copy, row) for copy in found), key=_ORDER.index, reverse=True)[: WANTED_COPIES - 1]
    weakest = proofs[-1] if proofs else "configured"
    state: State = "met" if number >= WANTED_COPIES else "partial" if found else "missed"
    return Term(state=state, text=str(number), detail=detail, proof=weakest)


def media(row: PlanRow) -> Term:
    """Something else than the disks that production lies on."""
    found = row.off_array
    if not found:
        return Term(state="missed", text="1", detail="Aucune copie n'est sur un autre support que la production.")
    sure = [c for c in found if c.repository.medium in _ELSEWHERE or c.repository.same_array_as_source is False]
    if not sure:
        names = listed(copy.repository.label for copy in found)
        detail = f"Rien ne dit si {names} est sur d'autres disques que la production (medium, same_array_as_source)."
        return Term(state="unknown", text="?", detail=detail)
    devices = {_device(copy.repository) for copy in sure}
    names = listed(copy.repository.label for copy in sure)
    detail = f"{count(1 + len(devices), 'support')}, production comprise ({names})."
    return Term(state="met", text=str(1 + len(devices)), detail=detail, proof="declared")


def offsite(row: PlanRow, production: tuple[str, ...]) -> Term:
    """A copy that one fire does not take with production."""
    found = row.off_array
    if not found:
        return Term(state="missed", text="non", detail="Aucune copie à placer hors du site.")
    homes = {place.strip().casefold() for place in production}
    for copy in found:
        place = copy.repository.place.strip()
        if place and homes and place.casefold() not in homes:
            detail = f"« {copy.repository.label} » est à « {place} », hors des sites de production."
            return Term(state="met", text="oui", detail=detail, proof="declared")
        if not place and copy.repository.medium == "cloud":
            detail = f"« {copy.repository.label} » est chez un hébergeur en ligne."
            return Term(state="met", text="oui", detail=detail, proof="declared")
    unknown = [copy.repository.label for copy in found if not copy.repository.place.strip()]
    if unknown or not homes:
        what = "production_places" if not unknown else "place"
        detail = f"Le lieu n'est pas déclaré ({what}) : rien ne dit si une copie est hors du site."
        return Term(state="unknown", text="?", detail=detail)
    return Term(state="missed", text="non", detail="Toutes les copies sont sur un site de production.")


def locked(row: PlanRow, *, offline_said: bool) -> Term:
    """A copy that nobody can delete."""
    found = row.off_array
    graded = [(copy.repository.label, lock_of(copy.repository)) for copy in found]
    for label, term in graded:
        if term.state == "met":
            return Term(state="met", text="oui", detail=f"« {label} » : {term.detail}", proof=term.proof)
    if offline_said:
        detail = "Une copie hors ligne est déclarée ; elle n'a pas été vue."
        return Term(state="met", text="oui", detail=detail, proof="declared")
    for wanted in ("unknown", "partial"):
        for label, term in graded:
            if term.state == wanted:
                return Term(state=term.state, text=term.text, detail=f"« {label} » : {term.detail}", proof=term.proof)
    detail = "Aucune copie n'est protégée contre l'effacement : ni verrou, ni support hors ligne."
    return Term(state="missed", text="non", detail=detail)


def errors(row: PlanRow, now: datetime, declared_test: Any) -> Term:
    """Nothing says that a copy is damaged, and something says that it is not."""
    if not row.copies:
        return _doubted(row, Term(state="missed", text="non", detail="Aucune copie à vérifier."))
    if faults := [fault for copy in row.copies for fault in _faults(copy)] + _test_faults(row.tests):
        return Term(state="missed", text=str(len(faults)), detail=f"À traiter : {listed(faults, 3)}.")
    recent = [test for test in row.tests if now - test.finished <= RESTORE_VALID and is_conclusive(test)]
    if recent:
        detail = f"Un échantillon de {count(recent[0].expected, 'fichier')} a été restauré et ouvert sans erreur."
        return Term(state="met", text="0", detail=detail, proof="tested")
    if checked := [copy.repository.label for copy in row.copies if _content_checked(copy)]:
        detail = f"Le contrôle du produit, contenu relu, ne trouve rien ({listed(checked)})."
        return Term(state="met", text="0", detail=detail)
    said = as_date(declared_test)
    if said and timedelta() <= now.date() - said <= RESTORE_VALID:
        detail = f"Une restauration réussie est déclarée le {said:%d/%m/%Y}."
        return Term(state="met", text="0", detail=detail, proof="declared")
    detail = "Aucun contrôle qui relise le contenu, ni essai de restauration, n'est connu."
    return Term(state="unknown", text="?", detail=detail)


def lock_of(repository: Repository) -> Term:
    """What keeps the copies of one repository from being deleted."""
    if repository.offline:
        return Term(state="met", text="oui", detail="support débranché hors des sauvegardes.", proof="declared")
    found = repository.immutability
    if isinstance(found, Gap):
        return Term(state="unknown", text="?", detail=found.detail)
    if found.lock in PARTIAL:
        return Term(state="partial", text="partiel", detail=f"{PARTIAL[found.lock]}.", proof=found.proof)
    if found.lock not in SOLID:
        what = "instantané de la même baie, perdu avec elle" if found.lock == "snapshot" else "aucun verrou"
        return Term(state="missed", text="non", detail=f"{what}.", proof=found.proof)
    return _solid(found)


def proof_of(copy: Copy, row: PlanRow) -> Proof:
    """How well it is known that a copy is there."""
    if any(test.repository == copy.repository.label and is_conclusive(test) for test in row.tests):
        return "tested"
    return "declared" if copy.presumed else "configured"


def is_conclusive(test: RestoreTest) -> bool:
    """The test went to its end, gave back every file and found nothing wrong."""
    whole = 0 < test.expected == test.restored
    return whole and test.opened > 0 and test.gap is None and not test.problems


def _solid(found: Immutability) -> Term:
    length = f" pendant {count(found.days, 'jour')}" if found.days else ""
    if found.looked_at and found.covered is not None and found.covered < found.looked_at:
        detail = f"verrou annoncé, mais {found.covered} point(s) sur {found.looked_at} le portent vraiment."
        return Term(state="partial", text="partiel", detail=detail, proof=found.proof)
    names = {"compliance": "verrou en mode conformité", "immutable_days": "dépôt durci", "offline": "hors ligne"}
    return Term(state="met", text="oui", detail=f"{names[found.lock]}{length}.", proof=found.proof)


def _content_checked(copy: Copy) -> bool:
    """The product read content again, at least a sample; a check of structure sees no damage inside."""
    check = copy.repository.integrity
    if isinstance(check, Integrity) and check.ok and check.depth != "metadata":
        return True
    return bool(copy.good) and copy.good[0].verified == "ok"


def _faults(copy: Copy) -> list[str]:
    """What is wrong with the repository, or with the newest point of each source in it."""
    label = copy.repository.label
    found = []
    if isinstance(copy.repository.integrity, Integrity) and not copy.repository.integrity.ok:
        found.append(f"« {label} » : contrôle d'intégrité en échec")
    seen: set[str] = set()
    for point in copy.points:
        if point.source.casefold() in seen:
            continue
        seen.add(point.source.casefold())
        if point.empty:
            found.append(f"« {label} » : dernier point vide ({point.source})")
        elif point.verified == "failed":
            found.append(f"« {label} » : dernier point endommagé ({point.source})")
        elif point.complete is False:
            found.append(f"« {label} » : dernier point incomplet ({point.source})")
    return found


def _test_faults(tests: tuple[RestoreTest, ...]) -> list[str]:
    """Problems of the newest test of each repository."""
    newest: dict[str, RestoreTest] = {}
    for test in tests:
        newest.setdefault(test.repository, test)
    return [
        f"« {label} » : {count(len(test.problems), 'fichier')} en défaut à la restauration"
        for label, test in newest.items()
        if test.problems
    ]


def _doubted(row: PlanRow, term: Term) -> Term:
    """What was not read could have met the term."""
    if term.state in ("met", "unknown") or not (row.unread or row.ambiguous):
        return term
    which = listed(row.unread or row.ambiguous)
    detail = f"{term.detail} Non lu ou non rattaché, et qui pourrait compter : {which}."
    return Term(state="unknown", text="?", detail=detail, proof=term.proof)


def _device(repository: Repository) -> str:
    """What fails at once: the declared machine, the host of the address, else the folder."""
    if repository.server:
        return repository.server
    host = _HOST.match(repository.address)
    return (host.group(1) if host else repository.address or repository.label).casefold()
