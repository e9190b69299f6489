"""Group policy files, and the local administrator passwords they should replace."""

from __future__ import annotations

from checks.ad.directory import directory
from checks.ad.facts import Account, AdFacts
from checks.ad.judging import Doubt, affected, older
from checks.common.french import plural
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

COVERAGE = 90
"""Percent of the Windows computers in use that must have a managed local password; new and reinstalled machines
explain the rest."""
LATE_DAYS = 30
"""A managed password that expired longer ago than this is no longer managed."""
SILENT_DAYS = 90


def stored_passwords(facts: AdFacts, context: Context) -> Judgement:
    """No group policy file holds a password.

    The key of these passwords has been public since 2012 (MS14-025). Files that could not be read leave a doubt.
    """
    del context
    subject = facts.domain.dns_name
    sysvol = facts.sysvol
    if isinstance(sysvol, Gap):
        return not_assessed(subject, sysvol)
    evidence = Evidence(
        value=f"{sysvol.files_read} fichier(s) lu(s), {sysvol.files_skipped} non lu(s)",
        source=f"SYSVOL de {sysvol.server}",
    )
    if sysvol.gpp_passwords:
        listed = tuple(
            Affected(
                id=f"{found.path}#{found.element}#{found.user}",
                label=found.path,
                detail=f"{found.element} {found.user} {found.changed} : mot de passe masqué".strip(),
            )
            for found in sysvol.gpp_passwords
        )
        text = plural(
            len(listed),
            "1 mot de passe lisible par tous dans les stratégies du domaine.",
            "{n} mots de passe lisibles par tous dans les stratégies du domaine.",
        )
        return failed(subject, text, evidence, affected=listed)
    if sysvol.files_skipped:
        detail = f"{sysvol.files_skipped} fichier(s) de stratégie n'ont pas pu être lus."
        return not_assessed(subject, Gap(reason=Reason.ERROR, detail=detail))
    return passed(subject, "Aucun mot de passe dans les stratégies du domaine.", evidence)


def laps(facts: AdFacts, context: Context) -> Judgement:
    """Nine Windows computers in ten have a local administrator password managed by LAPS, legacy or Windows.

    Computers in use: enabled Windows, seen in the last 90 days, controllers left out. An expiry more than 30
    days past means that the machine no longer renews its password.
    """
    subject = facts.domain.dns_name
    schema = facts.laps
    if isinstance(schema, Gap):
        return not_assessed(subject, schema)
    index = directory(facts)
    if not (schema.legacy or schema.windows):
        text = "Aucune solution (LAPS) ne gère le mot de passe administrateur local des postes."
        return failed(subject, text, Evidence(value="absent", source="schéma : ms-Mcs-AdmPwd, msLAPS-Password"))
    if index.accounts.gap is not None:
        return not_assessed(subject, index.accounts.gap)

    def in_use(account: Account) -> bool:
        seen = account.last_logon
        return "windows" in account.os.casefold() and bool(seen) and not older(seen or 0, SILENT_DAYS, context.now)

    def uncovered(account: Account) -> Doubt:
        expiry = account.laps_expires
        if expiry is None:
            return "aucun mot de passe géré"
        return "mot de passe plus renouvelé" if older(expiry, LATE_DAYS, context.now) else ""

    computers = index.enabled_computers.where(in_use).items
    if not computers:
        return not_applicable(subject, "Aucun ordinateur Windows n'a servi depuis 90 jours.")
    wrong = tuple(affected(c, doubt) for c in computers if (doubt := uncovered(c)))
    covered = 100 * (len(computers) - len(wrong)) / len(computers)
    evidence = Evidence(
        value=f"{len(computers) - len(wrong)} sur {len(computers)}",
        source="ms-Mcs-AdmPwdExpirationTime, msLAPS-PasswordExpirationTime",
    )
    text = f"LAPS gère {covered:.0f} % des ordinateurs en service (au moins {COVERAGE} % attendus)."
    if covered < COVERAGE:
        return failed(subject, text, evidence, affected=wrong)
    return passed(subject, text, evidence)
