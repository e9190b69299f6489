"""What only people know: policy, plan, who watches, who pulls the plug."""

from __future__ import annotations

from datetime import timedelta

from checks.backup.controls.common import SITE, answered_date, declared, malformed, no_system, thing, unset, yes_no
from checks.backup.facts import BackupFacts
from checks.common.french import count
from checks.model import Context, Evidence, Judgement, Origin, failed, not_applicable, passed

POLICY = "backup_policy_validated"
"""Question: date when the management validated the backup policy; false when there is none."""
PROVIDERS = "backup_policy_providers"
"""Question: true when the policy covers providers and online services."""
PLAN = "backup_plan_reviewed"
"""Question: date of the last review of the backup plan; false when there is none."""
RED_BUTTON = "backup_red_button"
"""Question: true when a written procedure says how to cut the backups off in an emergency, and who decides."""
WATCH = "backup_supervision"
"""Question: true when somebody named looks at the results of backups every working day."""
POLICY_VALID = timedelta(days=3 * 366)
"""A policy is confirmed at least every three years. Ours: CaRE asks for an up-to-date policy without a period."""
PLAN_VALID = timedelta(days=366)
"""Systems change every year: a plan older than that misses some. Ours."""


def policy(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the management validated a backup policy less than three years ago."""
    return _dated(
        context,
        POLICY,
        POLICY_VALID,
        "date de validation de la politique de sauvegarde par la direction (false s'il n'y en a pas)",
        "La politique de sauvegarde a été validée par la direction le {date}.",
        "La politique de sauvegarde n'a pas été revue depuis le {date}.",
        "Aucune politique de sauvegarde n'est validée par la direction.",
    )


def providers(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the policy covers providers and online services."""
    return yes_no(
        context,
        PROVIDERS,
        "la politique de sauvegarde couvre-t-elle les prestataires et les services en ligne ?",
        "La politique de sauvegarde couvre les prestataires et les services en ligne.",
        "Prestataires et services en ligne ne sont pas dans la politique : personne ne sait qui sauvegarde quoi.",
    )


def plan_reviewed(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the backup plan was reviewed less than a year ago."""
    return _dated(
        context,
        PLAN,
        PLAN_VALID,
        "date de la dernière mise à jour du plan de sauvegarde (false s'il n'y en a pas)",
        "Le plan de sauvegarde a été revu le {date}.",
        "Le plan de sauvegarde n'a pas été revu depuis le {date}.",
        "Aucun plan de sauvegarde n'existe : le classeur produit par cet audit peut en être le premier.",
    )


def objectives(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every critical system has an accepted loss, an accepted delay and a business referent."""
    if not facts.systems:
        return no_system()
    critical = [system for system in facts.systems if system.critical]
    if not critical:
        return not_applicable(SITE, "Aucun système déclaré n'est critique.")
    incomplete = []
    for system in critical:
        lacking = [
            words
            for words, known in (
                ("perte acceptée (rpo_hours)", system.rpo_hours is not None),
                ("délai de retour accepté (rto_hours)", system.rto_hours is not None),
                ("référent métier (owner)", bool(system.owner.strip())),
            )
            if not known
        ]
        if lacking:
            incomplete.append(thing(system.label, system.label, "no_objective", f"manque : {', '.join(lacking)}"))
    said = Evidence(
        value=count(len(critical), "système critique"),
        source="[[backup.system]] du profil de site",
        origin=Origin.DECLARED,
    )
    if not incomplete:
        return passed(SITE, "Chaque système critique a ses objectifs et son référent métier.", said)
    number = f"{len(incomplete)} sur {count(len(critical), 'système critique')}"
    message = f"Il manque à {number} une perte acceptée, un délai de retour accepté ou un référent métier."
    return failed(SITE, message, said, affected=tuple(incomplete))


def red_button(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a written procedure says how to isolate the backups in an emergency."""
    return yes_no(
        context,
        RED_BUTTON,
        "une procédure écrite dit-elle comment isoler d'urgence les sauvegardes, et qui décide ?",
        "Une procédure dit comment isoler d'urgence les sauvegardes (« bouton rouge »).",
        "Personne ne sait isoler les sauvegardes d'urgence : pendant une attaque, chaque minute compte.",
    )


def watched(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when somebody named looks at the results every working day."""
    return yes_no(
        context,
        WATCH,
        "quelqu'un de désigné regarde-t-il le résultat des sauvegardes chaque jour ouvré ?",
        "Quelqu'un de désigné regarde le résultat des sauvegardes chaque jour ouvré.",
        "Personne n'est désigné pour regarder le résultat des sauvegardes.",
    )


def _dated(context: Context, question: str, valid: timedelta, what: str, good: str, old: str, none: str) -> Judgement:
    answer = context.answers.get(question)
    if answer is False:
        return failed(SITE, none, declared(question, "non"))
    if answer is True:
        return malformed(question, "une date (exemple : 2026-05-12)")
    found = answered_date(context, question)
    if isinstance(found, Judgement):
        return found
    if found is None:
        return unset(question, what)
    shown = f"{found:%d/%m/%Y}"
    if context.now.date() - found <= valid:
        return passed(SITE, good.format(date=shown), declared(question, shown))
    return failed(SITE, old.format(date=shown), declared(question, shown))
