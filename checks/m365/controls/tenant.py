"""The tenant as a whole: what was bought, who Microsoft writes to, backup, service health, accounts for emergencies."""

from __future__ import annotations

import re

from checks.common.french import choose, count, listed
from checks.m365.controls.seen import Seen, Unclear, declared, item, judged, name_of, sentence
from checks.m365.facts import Licences
from checks.m365.reading import lacks
from checks.m365.resources import DEFENDER_OFFICE, INTUNE, P1
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Reason

USEFUL = {
    P1: "Entra ID P1 (accès conditionnel, journal des connexions)",
    DEFENDER_OFFICE: "Defender pour Office 365 (liens, pièces jointes, imitation)",
    INTUNE: "Intune (postes et téléphones)",
}
BACKUP = "m365_backup"
EMERGENCY = 2
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""Role template of Entra ID."""
RECENT_DAYS = 30
_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+")

SAVERS = re.compile(
    r"\b(veeam|keepit|acronis|druva|commvault|metallic|cohesity|rubrik|datto|spanning|backupify|dropsuite|skykick|altaro"
    r"|cloudally|redstor|nakivo|arcserve|axcient|afi\.ai|msp360|synology|active backup|unitrends|veritas)\b",
    re.IGNORECASE,
)
"""Makers whose business is backup, and products of backup: their presence with permissions tells enough."""
MIXED = re.compile(
    r"\b(barracuda|avepoint|hornetsecurity|ninjaone|ninjarmm|n-able|opentext|codetwo|kaseya)\b", re.IGNORECASE
)
"""Makers that also sell other things: the application must say that it saves."""
_SAVES = re.compile(
    r"backup|back-up|sauvegarde|cloud-to-cloud|saas protection|\bcove\b|365 total protection", re.IGNORECASE
)


@judged
def licences(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the products bought give Conditional Access, Defender and device management."""
    if isinstance(seen.facts.licences, Gap):
        raise Unclear(seen.facts.licences)
    missing = [words for plan, words in USEFUL.items() if lacks(seen.facts, plan)]
    rows = seen.rows("skus", "skuPartNumber")
    evidence = seen.proof("skus", listed((_used(row) for row in rows), 10) or _bought(seen.facts.licences))
    if missing:
        message = (
            f"Vos licences ne comprennent pas : {listed(missing)}. Une partie des protections ne peut pas être mise"
            " en place."
        )
        return seen.failed(message, evidence)
    return seen.passed("Vos licences comprennent l'accès conditionnel, Defender et la gestion des appareils.", evidence)


def _used(row: Row) -> str:
    bought = values.number(values.mapping(row, "prepaidUnits"), "enabled")
    consumed = values.number(row, "consumedUnits")
    return (
        f"{values.text(row, 'skuPartNumber')}"
        f" {'?' if consumed is None else consumed}/{'?' if bought is None else bought}"
    )


def _bought(found: Licences) -> str:
    return listed(f"{name} {units}" for name, units in found.skus.items())


@judged
def contact_addresses(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Microsoft has a valid address to write to about technique or security."""
    row = seen.setting("organization", "technicalNotificationMails")
    written = [
        *values.texts(row, "technicalNotificationMails"),
        *values.texts(row, "securityComplianceNotificationMails"),
    ]
    evidence = seen.shown("organization", row, "technicalNotificationMails", "securityComplianceNotificationMails")
    wrong = [text for text in written if not _MAIL.fullmatch(text)]
    if wrong:
        return seen.failed(f"Adresse de contact illisible : {listed(wrong)}.", evidence)
    if not written:
        return seen.failed("Microsoft n'a aucune adresse où prévenir l'établissement d'un incident.", evidence)
    return seen.passed(f"Microsoft sait où prévenir l'établissement : {listed(written)}.", evidence)


@judged
def backup(seen: Seen, context: Context) -> Judgement:
    """Conforms when Microsoft's own backup is on, a known product has permissions, or the house declares one.

    Whether the copies are good is the business of the backup domain.
    """
    answer = context.answers.get(BACKUP)
    service = seen.maybe("backup", "serviceStatus")
    if not isinstance(service, Gap) and service:
        status = values.word(values.mapping(service[0], "serviceStatus"), "status") or values.word(
            service[0], "serviceStatus"
        )
        if status == "enabled":
            return seen.passed(
                "La sauvegarde de Microsoft 365 par Microsoft est activée.", seen.proof("backup", "status = enabled")
            )
    found = seen.maybe("service_principals", "displayName", "accountEnabled")
    present = () if isinstance(found, Gap) else tuple(row for row in found if values.flag(row, "accountEnabled"))
    sure = [row for row in present if _saves(row) and values.rows(row, "appRoleAssignments")]
    if sure:
        names = listed(name_of(row) for row in sure)
        evidence = seen.proof("service_principals", f"application de sauvegarde avec permissions : {names}")
        return seen.passed(
            f"Un produit de sauvegarde est relié à Microsoft 365 : {names}. Ses copies restent à vérifier.", evidence
        )
    if answer is True:
        return seen.passed("L'établissement déclare sauvegarder Microsoft 365.", declared(answer, BACKUP))
    if answer is False:
        message = "L'établissement déclare que Microsoft 365 n'est pas sauvegardé : un effacement y est définitif."
        return seen.failed(message, declared(answer, BACKUP))
    if isinstance(found, Gap):
        raise Unclear(found)
    if isinstance(service, Gap) and not _hints(present):
        raise Unclear(service)  # Microsoft's own backup may be on
    if maybe := _hints(present):
        names = listed(name_of(row) for row in maybe)
        detail = (
            f"{names} est relié au locataire, sans que l'on sache s'il sauvegarde : le dire dans le profil ({BACKUP})."
        )
        return seen.unclear(Reason.NOT_CONFIGURED, detail)
    if not seen.is_complete("service_principals"):
        raise Unclear(Gap(reason=Reason.ERROR, detail="La liste des applications reliées n'a été lue qu'en partie."))
    evidence = seen.proof(
        "service_principals",
        f"{count(len(present), 'application active', 'applications actives')}, aucune de sauvegarde connue",
    )
    message = "Aucune sauvegarde de Microsoft 365 n'a été vue : un effacement ou un chiffrement y serait définitif."
    return seen.failed(message, evidence)


def _hints(present: tuple[Row, ...]) -> list[Row]:
    """Applications whose maker saves, among other things or without permission."""
    return [row for row in present if _saves(row) or MIXED.search(_words(row))]


def _words(row: Row) -> str:
    publisher = values.text(values.mapping(row, "verifiedPublisher"), "displayName")
    return f"{values.text(row, 'displayName')} {publisher}"


def _saves(row: Row) -> bool:
    words = _words(row)
    return bool(SAVERS.search(words)) or bool(MIXED.search(words) and _SAVES.search(words))


@judged
def service_health(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Microsoft announces no unresolved incident: for information, a cause of what looks broken."""
    rows = seen.rows("service_health", "title")
    open_ = [row for row in rows if values.flag(row, "isResolved") is False]
    evidence = seen.proof("service_health", f"{count(len(rows), 'annonce')}, dont {len(open_)} en cours")
    if open_:
        affected = (
            item(
                {**row, "displayName": values.text(row, "title")},
                "incident",
                f"Service : {values.text(row, 'service') or 'inconnu'}.",
            )
            for row in open_
        )
        message = (
            f"Microsoft annonce {count(len(open_), 'incident')} en cours : ce qui paraît en panne l'est peut-être"
            " chez lui."
        )
        return seen.failed(message, evidence, affected=affected)
    return seen.passed("Microsoft n'annonce aucun incident en cours.", evidence)


@judged
def emergency_accounts(seen: Seen, context: Context) -> Judgement:
    """Conforms when two emergency accounts exist: enabled, of the cloud only, global administrators, out of daily use.

    They are those of the profile (`break_glass`): nothing in a tenant says which accounts are kept for emergencies.
    """
    named = tuple(dict.fromkeys(text.strip().lower() for text in seen.facts.break_glass if text.strip()))
    if not named:
        detail = (
            "Les comptes de secours ne sont pas déclarés (break_glass, dans [m365]) : sans eux, une règle mal faite"
            " enferme tout le monde dehors."
        )
        return seen.unclear(Reason.NOT_CONFIGURED, detail)
    rows = seen.rows("users", "id", "userPrincipalName", "accountEnabled")
    accounts = {values.word(row, key): row for row in rows for key in ("id", "userPrincipalName")}
    holders = {
        values.word(row, "principalId")
        for row in seen.rows("role_assignments", "principalId", "roleDefinitionId")
        if values.word(row, "roleDefinitionId") == GLOBAL_ADMINISTRATOR
    }
    used = _last_use(seen, context)
    bad = []
    good = 0
    for name in named:
        faults = _emergency_faults(accounts.get(name), holders, used, context)
        good += not faults
        if faults:
            bad.append(Affected(id=name, label=name, kind="emergency", detail=sentence(listed(faults))))
    if bad:
        seen.lacking("users", "role_assignments")
    evidence = seen.proof(
        "users",
        f"{count(len(named), 'compte de secours déclaré', 'comptes de secours déclarés')}, dont {good} utilisables",
    )
    if bad or good < EMERGENCY:
        message = (
            f"{count(good, 'compte de secours', 'comptes de secours')}"
            f" {choose(good, 'est utilisable', 'sont utilisables')} : il en faut {EMERGENCY}, gardés pour l'urgence."
        )
        return seen.failed(message, evidence, affected=bad)
    return seen.passed(f"{good} comptes de secours sont prêts, et ne servent pas au quotidien.", evidence)


def _emergency_faults(row: Row | None, holders: set[str], used: dict[str, int], context: Context) -> list[str]:
    if row is None:
        return ["absent de l'annuaire"]
    found = []
    identity = values.word(row, "id")
    if not values.flag(row, "accountEnabled"):
        found.append("désactivé")
    if values.flag(row, "onPremisesSyncEnabled"):
        found.append("synchronisé depuis l'annuaire local")
    if identity not in holders:
        found.append("pas administrateur général")
    days = used.get(identity)
    if days is not None and days < RECENT_DAYS and not _tested(context, values.word(row, "userPrincipalName")):
        found.append(f"utilisé il y a {count(days, 'jour')}")
    return found


def _tested(context: Context, name: str) -> bool:
    """A use that the house declares to be its yearly test (`m365_break_glass_tested`, a list of accounts)."""
    return name in {text.lower() for text in values.texts(context.answers, "m365_break_glass_tested")}


def _last_use(seen: Seen, context: Context) -> dict[str, int]:
    """Days since the last success of each account, when the licence lets it be read: it only adds a fault."""
    found = seen.facts.readings.get("user_activity")
    if found is None or isinstance(found, Gap):
        return {}
    ages = {}
    for row in found.rows:
        activity = values.mapping(row, "signInActivity")
        at = values.moment(activity, "lastSuccessfulSignInDateTime") or values.moment(activity, "lastSignInDateTime")
        if at:
            ages[values.word(row, "id")] = max(0, (context.now - at).days)
    return ages
