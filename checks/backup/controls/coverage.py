"""What has a copy, and what has none."""

from __future__ import annotations

from datetime import timedelta

from checks.backup.controls.common import (
    NOTHING,
    SITE,
    declared,
    each_repository,
    is_hosted,
    no_repository,
    no_system,
    seen,
    seen_row,
    thing,
    unknown,
    unset,
    unsure,
)
from checks.backup.facts import BackupFacts, Integrity, Repository
from checks.backup.plan import PlanRow, orphans, plan
from checks.backup.terms import is_conclusive
from checks.backup.words import day, hours_between, length
from checks.common.french import count, listed
from checks.model import (
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

DIRECTORY = "backup_has_directory"
"""Question: false when the structure has no Active Directory of its own."""
M365_USED = "backup_m365_used"
"""Question: true when mail or files are in Microsoft 365."""
M365_SAVED = "backup_m365_saved"
"""Question: true when a product copies Microsoft 365 elsewhere (its own retention is not a backup)."""
FIREWALL_SAVED = "backup_firewall_configuration"
"""Question: true when the configuration of the firewall is saved somewhere else than on it."""
TOMBSTONE = timedelta(days=60)
"""A domain controller cannot be restored from a copy older than the tombstone lifetime of its forest: 180 days by
default, 60 in forests born before Windows Server 2003 SP1 (Microsoft, msDS/tombstoneLifetime). The shorter one."""


def has_copy(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when every part of a critical system has a copy nothing says is bad."""
    if not facts.repositories and context.answers.get(NOTHING) is False:
        said = declared(NOTHING, "non")
        return [failed(SITE, "L'établissement déclare n'avoir aucune sauvegarde.", said)]
    rows = plan(facts, context.now)
    if not rows:
        return [no_system()]
    if not facts.repositories and not any(row.system.hosted for row in rows):
        return [no_repository()]
    critical = [row for row in rows if row.system.critical]
    if not critical:
        return [not_applicable(SITE, "Aucun système déclaré n'est critique.")]
    return [_covered(row) for row in critical]


def _covered(row: PlanRow) -> Judgement:
    label = row.system.label
    if is_hosted(row):
        why = f"« {label} » est sauvegardé par {row.system.hosted} : c'est son contrat qui est jugé."
        return not_applicable(label, why)
    usable = [copy for copy in row.copies if copy.good]
    dead = [stream.source for stream in row.streams if stream.last_good is None]
    if usable and not (row.absent or dead or row.empty_handed):
        where = listed(copy.repository.label for copy in usable)
        if all(_is_sick(copy.repository) for copy in usable) and not any(is_conclusive(test) for test in row.tests):
            detail = (
                f"« {label} » a des copies dans {where}, mais leur contrôle d'intégrité échoue : seul un essai de "
                "restauration dira ce qui en revient."
            )
            return unsure(label, detail, Reason.ERROR)
        return passed(label, f"« {label} » a des copies dans {where}.", seen_row(row, f"copies dans {where}"))
    if doubt := unknown(row):
        return doubt
    if not usable:
        message = f"Aucune copie utilisable de « {label} » n'a été trouvée : il ne reviendrait pas."
        if row.copies:
            message = f"« {label} » n'a que des copies incomplètes, vides ou endommagées : il ne reviendrait pas."
        return failed(label, message, seen_row(row, "aucun point utilisable"))
    if missing := [*row.absent, *dead]:
        message = f"Une partie de « {label} » n'a pas de copie utilisable : {listed(missing)}."
        parts = tuple(thing(f"{label}/{name}", name, "no_copy", "aucun point utilisable") for name in missing)
        return failed(label, message, seen_row(row, message), affected=parts, severity=Severity.HIGH)
    names = listed(row.empty_handed)
    message = f"« {label} » est déclaré sauvegardé dans {names}, où aucun de ses points n'a été trouvé."
    return failed(label, message, seen_row(row, message), severity=Severity.MEDIUM)


def _is_sick(repository: Repository) -> bool:
    """The product's own check failed: some of its points may not come back."""
    return isinstance(repository.integrity, Integrity) and not repository.integrity.ok


def directory(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when a domain controller can be restored: a good point younger than the tombstone lifetime."""
    if context.answers.get(DIRECTORY) is False:
        return [not_applicable(SITE, "L'établissement déclare ne pas avoir d'annuaire Active Directory.")]
    rows = [row for row in plan(facts, context.now) if row.kind == "directory" or row.system.origin == "ad"]
    if not rows:
        what = 'Déclarer l\'annuaire dans [[backup.system]] (kind = "directory")'
        return [unsure(SITE, f"{what}, ou répondre « {DIRECTORY} = false » dans [questions] s'il n'y en a pas.")]
    return [_directory(row, context) for row in rows]


def _directory(row: PlanRow, context: Context) -> Judgement:
    label = row.system.label
    if is_hosted(row):
        return not_applicable(label, f"« {label} » est sauvegardé par {row.system.hosted}.")
    newest = max((copy.good[0].time for copy in row.copies if copy.good), default=None)
    if newest and context.now - newest <= TOMBSTONE:
        return passed(
            label,
            f"Un contrôleur de domaine a une copie du {day(newest)}.",
            seen_row(row, f"dernier point utilisable : {day(newest)}"),
        )
    if doubt := unknown(row):
        return doubt
    if newest is None:
        message = "Aucun contrôleur de domaine n'a de copie utilisable : sans annuaire, personne n'ouvre de session."
        return failed(label, message, seen_row(row, "aucun point utilisable"))
    old = length(hours_between(newest, context.now))
    message = f"La dernière copie d'un contrôleur de domaine a {old} : Windows peut refuser de la restaurer."
    return failed(label, message, seen_row(row, f"dernier point utilisable : {day(newest)}"))


def care_records(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when the files of the people cared for have a good copy, or a contract that says who makes it."""
    rows = [row for row in plan(facts, context.now) if row.kind == "care_records"]
    if not rows:
        detail = 'Déclarer le dossier de l\'usager dans [[backup.system]] (kind = "care_records"), même hébergé.'
        return [unsure(SITE, detail)]
    return [_contract(row) if is_hosted(row) else _covered(row) for row in rows]


def hosted(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when the contract of each hosted system says how it is backed up and restored."""
    rows = plan(facts, context.now)
    if not rows:
        return [no_system()]
    found = [row for row in rows if row.system.hosted and row.kind not in ("care_records", "microsoft365")]
    if not found:
        return [not_applicable(SITE, "Aucun autre système n'est déclaré hébergé par un fournisseur.")]
    return [_contract(row) for row in found]


def _contract(row: PlanRow) -> Judgement:
    label, host = row.system.label, row.system.hosted
    said = Evidence(value=f"hébergé par {host}", source="[[backup.system]] du profil de site", origin=Origin.DECLARED)
    if row.system.contract is None:
        detail = f"Dire si le contrat ({host}) précise la sauvegarde et la restauration de « {label} » (contract)."
        return unsure(label, detail)
    if row.system.contract:
        return passed(label, f"Le contrat ({host}) dit comment « {label} » est sauvegardé et rendu.", said)
    message = f"Le contrat ({host}) ne dit pas comment « {label} » est sauvegardé, ni en combien de temps il revient."
    return failed(label, message, said, severity=Severity.HIGH)


def microsoft365(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when mail and files of Microsoft 365 are copied somewhere else."""
    rows = [row for row in plan(facts, context.now) if row.kind == "microsoft365"]
    if found := [row for row in rows if row.copies]:
        return [_covered(row) for row in found]
    used, saved = context.answers.get(M365_USED), context.answers.get(M365_SAVED)
    if used is False and not rows:
        return [not_applicable(SITE, "L'établissement déclare ne pas utiliser Microsoft 365.")]
    if used is None and not rows:
        return [unset(M365_USED, "la messagerie ou des fichiers sont-ils dans Microsoft 365 (true ou false) ?")]
    subject = rows[0].system.label if rows else SITE
    if saved is True:
        return [passed(subject, "Une copie de Microsoft 365 est déclarée.", declared(M365_SAVED, "oui"))]
    if saved is False:
        message = "Microsoft 365 n'est pas sauvegardé : ce qui y est effacé ou chiffré finit par disparaître."
        return [failed(subject, message, declared(M365_SAVED, "non"))]
    if rows and (doubt := unknown(rows[0])):
        return [doubt]
    return [unset(M365_SAVED, "un produit copie-t-il Microsoft 365 ailleurs (true ou false) ?")]


def firewall(facts: BackupFacts, context: Context) -> list[Judgement]:
    """Conforms when the configuration of the firewall is saved off the firewall."""
    rows = [row for row in plan(facts, context.now) if row.kind == "firewall" and not is_hosted(row)]
    if rows:
        return [_covered(row) for row in rows]
    answer = context.answers.get(FIREWALL_SAVED)
    if answer is None:
        return [unset(FIREWALL_SAVED, "la configuration du pare-feu est-elle gardée ailleurs (true ou false) ?")]
    if answer is True:
        said = declared(FIREWALL_SAVED, "oui")
        return [passed(SITE, "La configuration du pare-feu est déclarée gardée hors de l'équipement.", said)]
    message = "La configuration du pare-feu n'est pas gardée : en cas de panne, l'accès Internet serait à refaire."
    return [failed(SITE, message, declared(FIREWALL_SAVED, "non"))]


@each_repository
def own_configuration(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the configuration of the backup server is saved elsewhere than on itself."""
    saved = repository.own_configuration_saved
    if isinstance(saved, Gap):
        return not_assessed(repository.label, saved)
    if saved is None and isinstance(repository.points, Gap):
        return not_assessed(repository.label, repository.points)
    if saved is None:
        return not_applicable(repository.label, f"« {repository.label} » n'a pas de configuration à sauver à part.")
    if saved:
        message = f"La configuration de « {repository.label} » est gardée hors du serveur."
        return passed(repository.label, message, seen(repository, "configuration sauvegardée ailleurs"))
    message = (
        f"La configuration de « {repository.label} » n'est pas gardée ailleurs que sur lui : "
        "sans elle, retrouver les copies peut prendre des jours."
    )
    return failed(repository.label, message, seen(repository, "configuration non sauvegardée ailleurs"))


def no_stranger(facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when every source found in the backups belongs to a declared system."""
    if not facts.repositories:
        return no_repository()
    if not facts.systems:
        return no_system()
    gaps = [repository.points for repository in facts.repositories if isinstance(repository.points, Gap)]
    strangers = orphans(facts, plan(facts, context.now))
    if gaps and not strangers:
        return not_assessed(SITE, gaps[0])
    where = Evidence(value=count(len(strangers), "source sans système", "sources sans système"), source="sauvegardes")
    if not strangers:
        return passed(SITE, "Chaque source sauvegardée appartient à un système déclaré.", where)
    names = listed(name for name, _ in strangers)
    message = f"{count(len(strangers), 'source sauvegardée')} sans système déclaré : {names}. Critique ou inutile ?"
    found = tuple(thing(name, name, "undeclared", f"dans {listed(labels)}") for name, labels in strangers)
    return failed(SITE, message, where, affected=found)


@each_repository
def readable(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the points of a repository could be read and there are some."""
    if isinstance(repository.points, Gap):
        return not_assessed(repository.label, repository.points)
    if not repository.points:
        message = f"« {repository.label} » ne contient aucun point de restauration."
        return failed(repository.label, message, seen(repository, "aucun point"))
    number = count(len(repository.points), "point de restauration", "points de restauration")
    return passed(repository.label, f"« {repository.label} » contient {number}.", seen(repository, number))
