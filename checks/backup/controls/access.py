"""Who can get into the backups: the ransomware that owns the directory must not."""

from __future__ import annotations

from checks.backup.controls.common import each_repository, seen, silent
from checks.backup.facts import Access, Repository
from checks.common.french import count
from checks.model import Context, Gap, Judgement, Severity, failed, not_applicable, not_assessed, passed

MAX_ADMINISTRATORS = 5
"""Administrators of a backup server of one establishment; beyond, nobody knows who holds the copies. Ours."""
_SERVERLESS = frozenset({"zfs", "btrfs"})


@each_repository
def out_of_domain(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when neither the backup server nor its administrators depend on the directory of production."""
    access = _access(repository)
    if isinstance(access, Judgement):
        return access
    label = repository.label
    if access.in_production_domain is None:
        return silent(repository, "si elle dépend de l'annuaire de production (in_production_domain)")
    if not access.in_production_domain:
        message = f"« {label} » ne dépend pas de l'annuaire de production."
        return passed(label, message, seen(repository, access.detail or "hors de l'annuaire de production"))
    message = f"Qui prend l'annuaire prend aussi « {label} » : les sauvegardes tomberaient avec le reste."
    return failed(label, message, seen(repository, access.detail or "dans l'annuaire de production"))


@each_repository
def own_accounts(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the backups have accounts used for nothing else."""
    access = _access(repository)
    if isinstance(access, Judgement):
        return access
    label = repository.label
    if access.own_accounts is None:
        return silent(repository, "si ses comptes servent à autre chose")
    if access.own_accounts:
        return passed(label, f"« {label} » a des comptes à elle.", seen(repository, access.detail or "comptes dédiés"))
    message = f"« {label} » s'ouvre avec un compte qui sert aussi ailleurs : un vol ailleurs donne les copies."
    return failed(label, message, seen(repository, access.detail or "comptes partagés"))


@each_repository
def second_factor(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the console of the backups asks for a second factor."""
    access = _access(repository)
    if isinstance(access, Judgement):
        return access
    label = repository.label
    if access.mfa is None:
        return silent(repository, "si sa console demande un second facteur (mfa)")
    if access.mfa:
        message = f"La console de « {label} » demande un second facteur."
        return passed(label, message, seen(repository, "second facteur demandé"))
    message = f"Un mot de passe volé suffit pour administrer « {label} » et effacer les copies."
    return failed(label, message, seen(repository, "aucun second facteur"))


@each_repository
def client_cannot_delete(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the account of the saved machine cannot delete copies; lighter when a lock holds them."""
    access = _access(repository)
    if isinstance(access, Judgement):
        return access
    label = repository.label
    if access.deletes_allowed is None:
        return silent(repository, "si la machine sauvegardée peut effacer ses copies")
    if not access.deletes_allowed:
        message = f"La machine sauvegardée ne peut pas effacer ses copies dans « {label} »."
        return passed(label, message, seen(repository, access.detail or "effacement refusé"))
    message = f"La machine sauvegardée peut effacer ses propres copies dans « {label} » : son attaquant aussi."
    lock = repository.immutability
    held = not isinstance(lock, Gap) and lock.lock in ("compliance", "immutable_days", "offline")
    if held:
        message += " Un verrou les retient encore."
    severity = Severity.LOW if held else None
    return failed(label, message, seen(repository, access.detail or "effacement permis"), severity=severity)


@each_repository
def few_administrators(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when at most five accounts administer the backups."""
    access = _access(repository)
    if isinstance(access, Judgement):
        return access
    label = repository.label
    if access.administrators is None:
        return silent(repository, "combien de comptes l'administrent")
    number = count(access.administrators, "compte administrateur", "comptes administrateurs")
    if access.administrators <= MAX_ADMINISTRATORS:
        return passed(label, f"« {label} » : {number}.", seen(repository, number))
    message = f"« {label} » a {number} ; Ausculte en conseille {MAX_ADMINISTRATORS} au plus."
    return failed(label, message, seen(repository, number))


def _access(repository: Repository) -> Access | Judgement:
    if isinstance(repository.access, Gap):
        return not_assessed(repository.label, repository.access)
    if repository.offline:
        return not_applicable(
            repository.label, f"« {repository.label} » est débranchée : personne n'y entre à distance."
        )
    return repository.access
