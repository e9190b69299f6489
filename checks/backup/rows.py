"""The plan in words: one line per system, and the five terms of 3-2-1-1-0, for pictures, summary and workbook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from checks.backup.facts import BackupFacts, PlannedSystem, RestoreTest, RtoEstimate
from checks.backup.plan import DEFAULT_RPO_HOURS, PlanRow, found_rows, plan
from checks.backup.terms import Term, Terms, is_conclusive, terms
from checks.backup.words import between, day, hours_between, length
from checks.common.french import count, listed
from checks.model import Gap, Level

TERM_TITLES = ("3 copies", "2 supports", "1 hors site", "1 ineffaçable", "0 erreur")
PROOF_WORDS = {"tested": "essayé", "configured": "lu", "declared": "déclaré"}
KIND_TITLES = {
    "directory": "annuaire",
    "care_records": "dossier de l'usager",
    "microsoft365": "Microsoft 365",
    "firewall": "pare-feu",
    "files": "fichiers",
    "other": "autre",
    "": "",
}
MEDIUM_TITLES = {
    "disk": "disque",
    "nas": "NAS",
    "tape": "bande",
    "cloud": "en ligne",
    "removable": "disque amovible",
    "": "",
}
_STATE_LEVELS = {"met": Level.NONE, "partial": Level.MEDIUM, "missed": Level.HIGH, "unknown": Level.UNKNOWN}


class Line(NamedTuple):
    """One system in words. An empty text is for the structure to fill in."""

    row: PlanRow
    system: str
    kind: str
    critical: bool
    technologies: str
    repositories: str
    frequency: str
    retention: str
    places: str
    media: str
    last_good: str
    loss_today: str
    loss_accepted: str
    restore: str
    time_estimated: str
    time_accepted: str
    owner: str
    remarks: str
    level: Level
    """How worrying the freshness is."""


def reading_time(facts: BackupFacts) -> datetime | None:
    """When the backups were read, else the newest time the facts hold, which makes ages look shorter."""
    if facts.read_at:
        return facts.read_at
    times = [test.finished for test in facts.restore_tests]
    for repository in facts.repositories:
        if not isinstance(repository.points, Gap):
            times += [point.time for point in repository.points]
        if not isinstance(repository.jobs, Gap):
            times += [job.last_run for job in repository.jobs if job.last_run]
    return max(times, default=None)


def lines(facts: BackupFacts, now: datetime) -> tuple[Line, ...]:
    """Declared systems, critical ones first."""
    found = sorted(plan(facts, now), key=lambda row: not row.system.critical)
    return tuple(_line(row, now) for row in found)


def found_lines(facts: BackupFacts, now: datetime) -> tuple[Line, ...]:
    """Sources found in the backups that no declared system claims."""
    return tuple(_line(row, now) for row in found_rows(facts, now))


def graded(
    facts: BackupFacts, now: datetime, answers: Mapping[str, Any] | None = None
) -> tuple[tuple[PlanRow, Terms], ...]:
    """The five terms of each critical system that is not left to its provider."""
    return tuple(
        (row, terms(row, facts, now, answers))
        for row in plan(facts, now)
        if row.system.critical and not (row.system.hosted and not row.copies)
    )


def level_of(term: Term) -> Level:
    """How serious a term is."""
    return _STATE_LEVELS[term.state]


def term_text(term: Term) -> str:
    """`3 (essayé)`."""
    return f"{term.text} ({PROOF_WORDS[term.proof]})" if term.state in ("met", "partial") else term.text


def _line(row: PlanRow, now: datetime) -> Line:
    system = row.system
    repositories = [copy.repository for copy in row.copies]
    last, oldest = row.last_good, row.oldest_good
    lost = hours_between(last, now) if last else None
    return Line(
        row=row,
        system=system.label,
        kind=KIND_TITLES[row.kind],
        critical=system.critical,
        technologies=listed(one.product or one.technology for one in repositories) or system.hosted,
        repositories=listed(one.label for one in repositories),
        frequency=f"toutes les {length(row.interval_hours)}" if row.interval_hours else "",
        retention=f"{length(hours_between(oldest, now))} ({count(row.good_points, 'point')})" if oldest else "",
        places=listed(one.place for one in repositories if one.place),
        media=listed(MEDIUM_TITLES.get(one.medium, one.medium) for one in repositories if one.medium),
        last_good=day(last) if last else _without(row),
        loss_today=length(lost) if lost is not None else "",
        loss_accepted=length(system.rpo_hours) if system.rpo_hours else "",
        restore=_restore(row.tests),
        time_estimated=_time(row.tests),
        time_accepted=length(system.rto_hours) if system.rto_hours else "",
        owner=system.owner,
        remarks=" ".join(_remarks(row, system)),
        level=_level(row, lost),
    )


def _without(row: PlanRow) -> str:
    """What stands for the last good copy when there is none, or none is known."""
    if row.system.hosted and not row.copies:
        return "chez le fournisseur"
    return "inconnue" if row.unread or row.ambiguous or row.unlinked else "aucune"


def _restore(tests: tuple[RestoreTest, ...]) -> str:
    if not tests:
        return ""
    last = {test.repository: test for test in reversed(tests)}.values()
    # One copy that came back does not hide another that did not.
    newest = next((test for test in last if test.problems), tests[0])
    result = "réussi" if is_conclusive(newest) else "avec défauts" if newest.problems else "incomplet"
    return f"{newest.finished:%d/%m/%Y}, échantillon de {count(newest.expected, 'fichier')}, {result}"


def _time(tests: tuple[RestoreTest, ...]) -> str:
    newest = {test.source.casefold(): test for test in reversed(tests)}.values()
    found = [test.rto for test in newest if isinstance(test.rto, RtoEstimate)]
    if not found:
        return ""
    low, high = sum(one.low for one in found) / 3600, sum(one.high for one in found) / 3600
    return between(low, high)


def _remarks(row: PlanRow, system: PlannedSystem) -> list[str]:
    """What the figures do not say."""
    if system.hosted and not row.copies:
        contract = {True: "prévue au contrat", False: "absente du contrat", None: "contrat à vérifier"}[system.contract]
        return [f"Sauvegardé par {system.hosted} ({contract})."]
    found = []
    if row.unread:
        found.append(f"Non lu : {listed(row.unread)}.")
    elif not row.copies and not (row.ambiguous or row.unlinked):
        found.append("Aucune copie trouvée.")
    if row.ambiguous:
        found.append(f"Sources à nommer dans {listed(row.ambiguous)}.")
    if row.unlinked:
        found.append("Aucune source ni sauvegarde déclarée pour lui.")
    if row.copies and row.absent:
        found.append(f"Sans copie : {listed(row.absent)}.")
    if row.copies and not any(copy.good for copy in row.copies):
        found.append("Copies incomplètes, vides ou endommagées.")
    if row.empty_handed and row.copies:
        found.append(f"Rien trouvé dans {listed(row.empty_handed)}.")
    if any(copy.presumed for copy in row.copies):
        found.append("Rattachement déclaré, à confirmer.")
    return found


def _level(row: PlanRow, lost: float | None) -> Level:
    if row.system.hosted and not row.copies:
        return Level.NONE
    if lost is None:
        unknown = row.unread or row.ambiguous or row.unlinked
        return Level.UNKNOWN if unknown else Level.CRITICAL if row.system.critical else Level.HIGH
    if lost <= (row.system.rpo_hours or DEFAULT_RPO_HOURS):
        return Level.NONE
    if row.unread:
        return Level.UNKNOWN
    return Level.HIGH if row.system.critical else Level.MEDIUM
