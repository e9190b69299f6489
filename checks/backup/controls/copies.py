"""3-2-1-1-0, one control per term: three copies, two media, one off site, one that cannot be deleted, no error."""

from __future__ import annotations

from checks.backup.controls.common import each_system, seen_row, unsure
from checks.backup.facts import BackupFacts
from checks.backup.plan import PlanRow
from checks.backup.terms import Term, terms
from checks.model import Context, Gap, Judgement, Severity, failed, not_assessed, passed

_SAFE = "a une copie que personne ne peut effacer"
_UNSAFE = "n'a aucune copie à l'abri d'un effacement"
_PROOFS = {"tested": "essayé", "configured": "lu dans le produit", "declared": "déclaré, non vérifié"}


@each_system
def three_copies(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when the system exists three times, production included."""
    return _judge(
        row,
        terms(row, facts, context.now, context.answers).copies,
        "existe en trois exemplaires",
        "n'existe pas en trois exemplaires",
        Severity.MEDIUM,
    )


@each_system
def two_media(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when one copy at least is on another medium than production."""
    return _judge(
        row,
        terms(row, facts, context.now, context.answers).media,
        "est copié sur un autre support",
        "n'est pas copié sur un autre support",
    )


@each_system
def one_offsite(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when one copy is away from the sites of production."""
    return _judge(
        row,
        terms(row, facts, context.now, context.answers).offsite,
        "a une copie hors du site",
        "n'a pas de copie hors du site",
    )


@each_system
def one_locked(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when one copy is unplugged, or locked so that nobody can delete it."""
    return _judge(
        row,
        terms(row, facts, context.now, context.answers).locked,
        _SAFE,
        _UNSAFE,
        Severity.MEDIUM,
    )


@each_system
def no_error(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when the copies were checked or restored without any error."""
    return _judge(
        row,
        terms(row, facts, context.now, context.answers).errors,
        "a des copies vérifiées, sans erreur",
        "n'a pas que des copies sans erreur",
    )


def _judge(row: PlanRow, term: Term, good: str, bad: str, partial: Severity | None = None) -> Judgement:
    label = row.system.label
    if term.state == "unknown":
        detail = f"« {label} » : {term.detail}"
        if row.unread_gap:
            return not_assessed(label, Gap(reason=row.unread_gap.reason, detail=f"{detail} {row.unread_gap.detail}"))
        return unsure(label, detail)
    proof = seen_row(row, f"{term.detail} ({_PROOFS[term.proof]})", term.proof)
    if term.state == "met":
        return passed(label, f"« {label} » {good}. {term.detail}", proof)
    severity = partial if term.state == "partial" else None
    return failed(label, f"« {label} » {bad}. {term.detail}", proof, severity=severity)
