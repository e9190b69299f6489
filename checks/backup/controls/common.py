"""What the controls share: one judgement per repository or per critical system, ages, declared answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import date

from checks.backup.facts import BackupFacts, Proof, Repository
from checks.backup.plan import PlanRow, plan
from checks.backup.words import as_date
from checks.common.french import listed
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Origin,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

JudgeRepository = Callable[[Repository, Context], Judgement]
JudgeSystem = Callable[[PlanRow, BackupFacts, Context], Judgement]
Control = Callable[[BackupFacts, Context], list[Judgement]]

SITE = "site"
"""Subject of a judgement about the whole establishment."""
NOTHING = "backup_exists"
"""Question: false when the structure has no backup at all."""


# --- Subjects


def each_repository(judge: JudgeRepository) -> Control:
    """Make a control out of a function that judges one repository."""

    @functools.wraps(judge)
    def control(facts: BackupFacts, context: Context) -> list[Judgement]:
        if not facts.repositories:
            return [no_repository()]
        return [judge(repository, context) for repository in facts.repositories]

    return control


def each_system(judge: JudgeSystem) -> Control:
    """Make a control out of a function that judges one critical system that has at least one copy.

    A system without copy is the business of the control of coverage: the others have nothing to say of it. One whose
    copies could not be read or recognised is not assessed. One that its provider backs up has its contract judged.
    """

    @functools.wraps(judge)
    def control(facts: BackupFacts, context: Context) -> list[Judgement]:
        rows = plan(facts, context.now)
        if not rows:
            return [no_system()]
        critical = [row for row in rows if row.system.critical]
        if not critical:
            return [not_applicable(SITE, "Aucun système déclaré n'est critique.")]
        return [_of_row(judge, row, facts, context) for row in critical]

    return control


def _of_row(judge: JudgeSystem, row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:
    label = row.system.label
    if not row.copies:
        if is_hosted(row):
            why = f"« {label} » est sauvegardé par {row.system.hosted} : c'est son contrat qui est jugé."
            return not_applicable(label, why)
        if doubt := unknown(row):
            return doubt
        return not_applicable(label, f"Aucune copie de « {label} » n'a été trouvée : ce point n'a pas d'objet.")
    return judge(row, facts, context)


def is_hosted(row: PlanRow) -> bool:
    """Its provider backs it up, and nothing of it was found in the structure's own backups."""
    return bool(row.system.hosted) and not row.copies


def unknown(row: PlanRow) -> Judgement | None:
    """Why nothing bad can be concluded about this system, if so."""
    label = row.system.label
    if row.unread and row.unread_gap:
        detail = f"{listed(row.unread)} : {row.unread_gap.detail} Une copie de « {label} » s'y trouve peut-être."
        return not_assessed(label, Gap(reason=row.unread_gap.reason, detail=detail))
    if row.ambiguous:
        detail = (
            f"{listed(row.ambiguous)} contient plusieurs sources : dire lesquelles sont celles de « {label} » "
            "(sources, dans [[backup.system]])."
        )
        return unsure(label, detail)
    if row.unlinked:
        detail = f"Rien ne relie « {label} » à une sauvegarde : déclarer ses sources ou ses sauvegardes."
        return unsure(label, detail)
    return None


def no_repository() -> Judgement:
    """No backup is declared: nothing was read."""
    return unsure(SITE, "Aucune sauvegarde n'est déclarée dans [[backup.repository]] : rien n'a été lu.")


def no_system() -> Judgement:
    """Nobody said what must be restorable."""
    detail = "Aucun système n'est déclaré dans [[backup.system]] : dire ce qui doit pouvoir être restauré."
    return unsure(SITE, detail)


def unsure(subject: str, detail: str, reason: Reason = Reason.NOT_CONFIGURED) -> Judgement:
    """The data does not tell."""
    return not_assessed(subject, Gap(reason=reason, detail=detail))


def silent(repository: Repository, what: str) -> Judgement:
    """The product was read and does not say."""
    detail = f"« {repository.label} » ({name_of(repository)}) ne dit pas {what}."
    return unsure(repository.label, detail, Reason.UNSUPPORTED)


# --- Evidence


def name_of(repository: Repository) -> str:
    """`Veeam Backup & Replication 12.1`, else the technology."""
    return " ".join(part for part in (repository.product or repository.technology, repository.version) if part)


def seen(repository: Repository, value: str, proof: Proof = "configured") -> Evidence:
    """What a repository shows."""
    origin = Origin.DECLARED if proof == "declared" else Origin.OBSERVED
    return Evidence(value=value, source=f"sauvegarde « {repository.label} » ({name_of(repository)})", origin=origin)


def seen_row(row: PlanRow, value: str, proof: Proof = "configured") -> Evidence:
    """What the copies of a system show together."""
    names = listed(copy.repository.label for copy in row.copies) or "[[backup.system]] du profil de site"
    origin = Origin.DECLARED if proof == "declared" or not row.copies else Origin.OBSERVED
    return Evidence(value=value, source=names, origin=origin)


def declared(question: str, value: str) -> Evidence:
    """What somebody answered."""
    return Evidence(value=value, source=f"[questions] {question}", origin=Origin.DECLARED)


def thing(identifier: str, label: str, kind: str, detail: str) -> Affected:
    """Point at a point, a job, a file."""
    return Affected(id=identifier, label=label, kind=kind, detail=detail, ref=label)


def distinct(found: Iterable[Affected]) -> tuple[Affected, ...]:
    """One entry per identity, in order."""
    kept: dict[str, Affected] = {}
    for item in found:
        kept.setdefault(item.id, item)
    return tuple(kept.values())


# --- Declared answers


def yes_no(
    context: Context, question: str, what: str, good: str, bad: str, severity: Severity | None = None
) -> Judgement:
    """Judge a question answered by true or false, `true` being what conforms."""
    answer = context.answers.get(question)
    if answer is None:
        return unset(question, f"{what} (true ou false)")
    if not isinstance(answer, bool):
        return malformed(question, "true ou false")
    if answer:
        return passed(SITE, good, declared(question, "oui"))
    return failed(SITE, bad, declared(question, "non"), severity=severity)


def answered_date(context: Context, question: str) -> date | Judgement | None:
    """The date answered; None when nobody answered or the answer is `false`; a judgement when it cannot be used."""
    answer = context.answers.get(question)
    if answer is None or answer is False:
        return None
    found = as_date(answer)
    if found is None:
        return malformed(question, "une date (exemple : 2026-05-12)")
    if found > context.now.date():
        return malformed(question, "une date passée")
    return found


def unset(question: str, what: str) -> Judgement:
    """Nobody answered yet."""
    end = "" if what.endswith("?") else "."
    return unsure(SITE, f"Répondre à « {question} » dans [questions] du profil de site : {what}{end}")


def malformed(question: str, expected: str) -> Judgement:
    """Somebody answered something else."""
    return unsure(SITE, f"La réponse « {question} » n'est pas {expected}.", Reason.MALFORMED)
