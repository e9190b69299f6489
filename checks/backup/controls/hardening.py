"""Settings of products that say more: Veeam's own analyzer and malware detection, exposure of a bucket."""

from __future__ import annotations

from checks.backup.controls.common import distinct, each_repository, seen, silent, thing
from checks.backup.facts import Repository
from checks.common.french import choose, count, listed
from checks.model import Context, Gap, Judgement, Severity, failed, not_applicable, passed

MANY = 10
"""Rules of the analyzer that are not respected, from which the whole installation was never hardened. Ours."""
_MAX_SHOWN = 50


@each_repository
def analyzer(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the product's own security analyzer finds no rule violated."""
    label = repository.label
    rules, violated = _number(repository, "analyzer_rules"), _number(repository, "analyzer_violations")
    if not rules or violated is None:
        return _unsaid(repository, "veeam", "ce que son analyseur de sécurité a trouvé")
    judged = rules - (_number(repository, "analyzer_unable") or 0) - (_number(repository, "analyzer_suppressed") or 0)
    value = f"{count(violated, 'règle non respectée', 'règles non respectées')} sur {judged} jugées"
    if not violated:
        return passed(label, f"L'analyseur de sécurité de « {label} » : {value}.", seen(repository, value))
    names = str(repository.settings.get("analyzer_violated", "")).split(" ; ")[:_MAX_SHOWN]
    found = tuple(
        thing(name, name, "violation", "règle de l'analyseur non respectée") for name in dict.fromkeys(names) if name
    )
    severity = Severity.HIGH if violated >= MANY else None
    message = f"L'analyseur de sécurité de « {label} » : {value}."
    return failed(label, message, seen(repository, value), affected=found, severity=severity)


@each_repository
def up_to_date(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the product says that its server is up to date."""
    label = repository.label
    current = repository.settings.get("up_to_date")
    if not isinstance(current, bool):
        return _unsaid(repository, "veeam", "s'il est à jour")
    if current:
        return passed(label, f"« {label} » se dit à jour.", seen(repository, "à jour"))
    message = f"« {label} » n'est pas à jour : ses failles connues donnent accès à toutes les copies."
    return failed(label, message, seen(repository, "mises à jour en retard"))


@each_repository
def not_public(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the bucket that holds the copies is not open to everybody."""
    label = repository.label
    public = repository.settings.get("public")
    if not isinstance(public, bool):
        return _unsaid(repository, "s3", "si l'espace en ligne est ouvert à tous")
    if not public:
        return passed(label, f"L'espace en ligne de « {label} » n'est pas public.", seen(repository, "accès fermé"))
    message = f"L'espace en ligne de « {label} » est ouvert à tous : n'importe qui peut y lire les copies."
    return failed(label, message, seen(repository, "accès public"))


@each_repository
def no_malware(repository: Repository, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the product marks no point as infected or suspicious, and saw no order to destroy copies."""
    label = repository.label
    if destroyed := _number(repository, "destruction_signs"):
        return _destruction(repository, destroyed)
    infected, suspicious = _number(repository, "malware_infected"), _number(repository, "malware_suspicious")
    if infected is None or suspicious is None:
        if repository.technology == "windows_backup":
            # Journals only hold the command lines that Windows was told to audit: none seen proves nothing.
            return silent(repository, "si des copies ont été détruites : aucune commande de ce genre n'a été vue")
        return _unsaid(repository, "veeam", "si ses points sont infectés")
    value = f"{count(infected, 'point infecté')}, {count(suspicious, 'point suspect')}"
    if not infected and not suspicious:
        return passed(label, f"Le produit ne signale aucun point infecté dans « {label} ».", seen(repository, value))
    found = [
        *([count(infected, "point infecté", "points infectés")] if infected else []),
        *([count(suspicious, "point suspect", "points suspects")] if suspicious else []),
    ]
    verb = choose(infected + suspicious, "est signalé", "sont signalés")
    message = (
        f"Dans « {label} », {listed(found)} {verb} par le produit : choisir un point sain avant toute restauration."
    )
    severity = None if infected else Severity.HIGH
    return failed(label, message, seen(repository, value), severity=severity)


def _destruction(repository: Repository, destroyed: int) -> Judgement:
    """What the journal of Windows shows: intruders delete the copies before they encrypt."""
    label = repository.label
    value = count(destroyed, "commande de destruction", "commandes de destruction")
    message = (
        f"Le journal de « {label} » montre {value} de copies ou de clichés : savoir aujourd'hui qui l'a voulu. "
        "C'est ce que fait un rançongiciel juste avant de chiffrer."
    )
    told = () if isinstance(repository.failures, Gap) else repository.failures
    found = tuple(
        thing(f"{one.what}/{one.time}", one.source or label, "destruction", one.what)
        for one in told[:_MAX_SHOWN]
        if one.what.startswith("Destruction")
    )
    # Some scripts prune old copies with the same commands: a person must tell.
    return failed(label, message, seen(repository, value), affected=distinct(found), severity=Severity.HIGH)


def _number(repository: Repository, name: str) -> int | None:
    value = repository.settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unsaid(repository: Repository, technology: str, what: str) -> Judgement:
    """A product that has the setting and was not read, or one that does not have it."""
    if repository.technology == technology:
        return silent(repository, what)
    return not_applicable(repository.label, f"« {repository.label} » n'a pas ce réglage.")
