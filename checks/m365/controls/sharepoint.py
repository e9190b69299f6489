"""Sharing outside the house: SharePoint and OneDrive.

Graph gives a part of the settings. The rest is only read by SharePoint itself, with a right to change everything that
the audit does not ask for: it is judged when an export holds it (ScubaGear), and said to be missing otherwise.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from checks.common.french import count
from checks.m365.controls.seen import Seen, Unclear, declared, judged
from checks.m365.reading import lacks
from checks.m365.resources import P1
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Context, Evidence, Gap, Judgement, Reason, Severity

LEVELS = {
    "disabled": "personne hors de l'établissement",
    "existingexternalusersharingonly": "les invités déjà connus",
    "externalusersharingonly": "des invités nouveaux ou connus",
    "externaluserandguestsharing": "n'importe qui, sans se connecter",
}
"""`SharingCapability`, from the most closed to the most open."""
_NUMBERS = ("disabled", "externalusersharingonly", "externaluserandguestsharing", "existingexternalusersharingonly")
"""The same as numbers: PowerShell exports them so."""
_CLOSED = ("disabled", "existingexternalusersharingonly")
ANYONE = "externaluserandguestsharing"
MAX_LINK_DAYS = 30
IDLE_SECONDS = 3 * 3600
REVIEW_DAYS = 365
REVIEWED = "m365_anonymous_links_reviewed"
_IDLE = re.compile(r'"WebSessionIdleTimeout"\s*:\s*"(?:(\d{1,3})\.)?(\d{1,2}):(\d\d):(\d\d)"', re.IGNORECASE)
_NO_RIGHT = Gap(
    reason=Reason.PERMISSION,
    detail=(
        "Ce réglage de SharePoint ne se lit qu'avec un droit de tout modifier, que l'audit ne demande pas. "
        "À regarder : centre d'administration SharePoint, Stratégies, Partage ; ou fournir un export ScubaGear."
    ),
)


def _tenant(seen: Seen, *properties: str) -> Row:
    """The settings that only SharePoint gives. Raises `Unclear` when no export holds them."""
    found = seen.maybe("sharepoint_tenant", *properties)
    if isinstance(found, Gap):
        raise Unclear(found if found.reason is Reason.UNSUPPORTED else _NO_RIGHT)
    if not found:
        raise Unclear(_NO_RIGHT)
    return found[0]


def level(row: Row, prop: str) -> str:
    """A sharing capability as one word, whether exported as a word or a number; empty when it is neither."""
    if (number := values.number(row, prop)) is not None:
        return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else ""
    word = values.word(row, prop)
    return word if word in LEVELS else ""


def _sharing(seen: Seen) -> tuple[str, Evidence]:
    """How far SharePoint may be shared, by Graph or by the export. Raises `Unclear` when neither tells."""
    found = seen.maybe("sharepoint", "sharingCapability")
    name, prop = "sharepoint", "sharingCapability"
    if isinstance(found, Gap) or not found:
        other = seen.maybe("sharepoint_tenant", "SharingCapability")
        if isinstance(other, Gap) or not other:
            raise Unclear(found if isinstance(found, Gap) else _NO_RIGHT)
        name, prop, found = "sharepoint_tenant", "SharingCapability", other
    word = level(found[0], prop)
    if not word:
        raise Unclear(seen.unreadable(name, prop))
    return word, seen.shown(name, found[0], prop)


def _limited(seen: Seen, word: str, what: str, evidence: Evidence) -> Judgement:
    """The verdict for one sharing capability: new guests are a step, anyone is not."""
    if word in _CLOSED:
        no = "ne " if word == "disabled" else ""
        return seen.passed(f"{what} {no}se partage avec {LEVELS[word]}.", evidence)
    message = f"{what} se partage avec {LEVELS[word]}."
    return seen.failed(message, evidence, severity=None if word == ANYONE else Severity.LOW)


@judged
def sharing(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when SharePoint is shared with nobody outside, or with known guests; new guests are a lighter fault."""
    word, evidence = _sharing(seen)
    return _limited(seen, word, "SharePoint", evidence)


@judged
def onedrive(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when OneDrive is shared with nobody outside, or with known guests."""
    row = _tenant(seen, "OneDriveSharingCapability")
    word = level(row, "OneDriveSharingCapability")
    if not word:
        raise Unclear(seen.unreadable("sharepoint_tenant", "OneDriveSharingCapability"))
    return _limited(seen, word, "OneDrive", seen.shown("sharepoint_tenant", row, "OneDriveSharingCapability"))


@judged
def resharing(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when guests cannot share again what was shared with them."""
    word, evidence = _sharing(seen)
    if word == "disabled":
        return seen.not_applicable("Rien ne se partage hors de l'établissement.", evidence)
    on = seen.flag("sharepoint", "isResharingByExternalUsersEnabled")
    evidence = seen.proof("sharepoint", f"isResharingByExternalUsersEnabled = {on}")
    if on:
        return seen.failed("Un invité peut repartager un fichier avec qui il veut.", evidence)
    return seen.passed("Un invité ne peut pas repartager ce qu'il a reçu.", evidence)


@judged
def domain_list(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when files are shared only with a list of domains; a list of refused domains is not enough."""
    word, evidence = _sharing(seen)
    if word == "disabled":
        return seen.not_applicable("Rien ne se partage hors de l'établissement.", evidence)
    found = seen.maybe("sharepoint", "sharingDomainRestrictionMode")
    if isinstance(found, Gap) or not found:
        row = _tenant(seen, "SharingDomainRestrictionMode")
        number = values.number(row, "SharingDomainRestrictionMode")
        name, mode = "sharepoint_tenant", values.word(row, "SharingDomainRestrictionMode")
        mode = ("none", "allowlist", "blocklist")[number] if number in (0, 1, 2) else mode
        domains: tuple[str, ...] | None = None
    else:
        name, row = "sharepoint", found[0]
        mode = values.word(row, "sharingDomainRestrictionMode")
        domains = values.texts(row, "sharingAllowedDomainList") if "sharingAllowedDomainList" in row else None
    if mode not in ("none", "allowlist", "blocklist"):
        raise Unclear(seen.unreadable(name, "sharingDomainRestrictionMode"))
    evidence = seen.proof(name, f"restriction : {mode}")
    if mode == "allowlist" and domains != ():
        size = f" ({count(len(domains), 'domaine')})" if domains else ""
        return seen.passed(f"Les fichiers ne se partagent qu'avec une liste de domaines choisis{size}.", evidence)
    if mode == "allowlist":
        return seen.failed("La liste des domaines autorisés au partage est vide : elle n'est pas finie.", evidence)
    words = "seuls quelques domaines sont refusés" if mode == "blocklist" else "aucun domaine n'est exclu"
    return seen.failed(f"Les fichiers se partagent avec toute organisation : {words}.", evidence)


@judged
def legacy_authentication(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when SharePoint refuses old ways to sign in."""
    on = seen.flag("sharepoint", "isLegacyAuthProtocolsEnabled")
    evidence = seen.proof("sharepoint", f"isLegacyAuthProtocolsEnabled = {on}")
    if on:
        return seen.failed("SharePoint accepte d'anciennes connexions, sans second facteur.", evidence)
    return seen.passed("SharePoint refuse les anciennes connexions.", evidence)


@judged
def unmanaged_sync(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when OneDrive copies files only to computers of named Active Directory domains."""
    restricted = seen.flag("sharepoint", "isUnmanagedSyncAppForTenantRestricted")
    domains = values.texts(seen.setting("sharepoint", "allowedDomainGuidsForSyncApp"), "allowedDomainGuidsForSyncApp")
    evidence = seen.proof(
        "sharepoint", f"restriction = {restricted}, {count(len(domains), 'domaine autorisé', 'domaines autorisés')}"
    )
    if restricted and domains:
        return seen.passed("OneDrive ne se copie que sur les postes de l'établissement.", evidence)
    if restricted:
        return seen.failed(
            "La copie OneDrive est limitée, mais aucun domaine n'est nommé : réglage inachevé.", evidence
        )
    return seen.failed("Les dossiers peuvent se copier sur n'importe quel ordinateur personnel.", evidence)


@judged
def idle_sign_out(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when an idle browser session ends within three hours, in SharePoint or for all of Microsoft 365."""
    found = [
        (name, seconds)
        for name, seconds in (("sharepoint", _sharepoint_idle(seen)), ("timeout_policies", _idle(seen)))
        if seconds
    ]
    asked = (("sharepoint", "idleSessionSignOut"), ("timeout_policies", "definition"))
    gaps = [gap for name, prop in asked if isinstance(gap := seen.maybe(name, prop), Gap)]
    if not found and gaps:
        raise Unclear(gaps[0])
    best = min(found, key=lambda one: one[1], default=("", 0))
    if found and best[1] <= IDLE_SECONDS:
        return seen.passed(
            f"Une session inactive se ferme après {best[1] // 60} minutes.", seen.proof(best[0], f"{best[1]} s")
        )
    if not found and lacks(seen.facts, P1):
        seen.need(P1)
    if gaps:
        raise Unclear(gaps[0])
    seen.lacking("sharepoint", "timeout_policies")
    evidence = seen.proof(
        *((best[0], f"{best[1]} s") if found else ("sharepoint", "aucune déconnexion sur inactivité"))
    )
    words = f"se ferme après {best[1] // 3600} heures seulement" if found else "ne se ferme jamais"
    return seen.failed(f"Une session oubliée sur un poste partagé {words}.", evidence)


def _sharepoint_idle(seen: Seen) -> int:
    found = seen.maybe("sharepoint", "idleSessionSignOut")
    idle = values.mapping(found[0], "idleSessionSignOut") if not isinstance(found, Gap) and found else {}
    return (values.number(idle, "signOutAfterInSeconds") or 0) if values.flag(idle, "isEnabled") else 0


def _idle(seen: Seen) -> int:
    """Seconds of the policy that all web applications follow; 0 without one."""
    found = seen.maybe("timeout_policies", "definition")
    if isinstance(found, Gap):
        return 0
    spans = []
    for row in found:
        if values.flag(row, "isOrganizationDefault") is False:
            continue
        for text in values.texts(row, "definition"):
            for days, hours, minutes, seconds in _IDLE.findall(text):
                spans.append(((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds))
    return min(spans, default=0)


@judged
def default_links(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a new link is for named people, and to read only."""
    row = _tenant(seen, "DefaultSharingLinkType", "DefaultLinkPermission")
    kind = {"direct": 1}.get(values.word(row, "DefaultSharingLinkType"), values.number(row, "DefaultSharingLinkType"))
    right = {"view": 1}.get(values.word(row, "DefaultLinkPermission"), values.number(row, "DefaultLinkPermission"))
    evidence = seen.shown("sharepoint_tenant", row, "DefaultSharingLinkType", "DefaultLinkPermission")
    if (kind, right) == (1, 1):
        return seen.passed("Un lien créé sans réfléchir ne sert qu'aux personnes nommées, en lecture.", evidence)
    wrong = "va plus loin que les personnes nommées" if kind != 1 else "permet de modifier"
    return seen.failed(f"Un lien créé sans réfléchir {wrong}.", evidence)


@judged
def anonymous_expiry(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when links that anybody may use end within 30 days; without such links there is nothing to end."""
    days = _anonymous(seen, "RequireAnonymousLinksExpireInDays")
    if isinstance(days, Judgement):
        return days
    value = values.number(days, "RequireAnonymousLinksExpireInDays")
    if value is None:
        raise Unclear(seen.unreadable("sharepoint_tenant", "RequireAnonymousLinksExpireInDays"))
    evidence = seen.proof("sharepoint_tenant", f"RequireAnonymousLinksExpireInDays = {value}")
    if 1 <= value <= MAX_LINK_DAYS:
        return seen.passed(f"Un lien anonyme expire après {count(value, 'jour')}.", evidence)
    words = f"après {count(value, 'jour')}" if value > 0 else "jamais"
    return seen.failed(
        (
            f"Un lien que tout le monde peut ouvrir n'expire {words}."
            if value <= 0
            else f"Un lien que tout le monde peut ouvrir n'expire qu'{words}."
        ),
        evidence,
    )


@judged
def anonymous_read_only(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when links that anybody may use only let read (MS.SHAREPOINT.3.2)."""
    row = _anonymous(seen, "FileAnonymousLinkType", "FolderAnonymousLinkType")
    if isinstance(row, Judgement):
        return row
    evidence = seen.shown("sharepoint_tenant", row, "FileAnonymousLinkType", "FolderAnonymousLinkType")
    wrong = [
        words
        for prop, words in (("FileAnonymousLinkType", "les fichiers"), ("FolderAnonymousLinkType", "les dossiers"))
        if values.number(row, prop) != 1 and values.word(row, prop) != "view"
    ]
    if wrong:
        return seen.failed(f"Un lien anonyme peut modifier {' et '.join(wrong)}.", evidence)
    return seen.passed("Un lien anonyme ne permet que de lire.", evidence)


@judged
def verification_code(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when people with a code must prove again who they are within 30 days (MS.SHAREPOINT.3.3)."""
    word, found = _sharing(seen)
    if word in _CLOSED:
        return seen.not_applicable("Aucun nouvel invité ne reçoit de code.", found)
    row = _tenant(seen, "EmailAttestationRequired", "EmailAttestationReAuthDays")
    days, required = values.number(row, "EmailAttestationReAuthDays"), values.flag(row, "EmailAttestationRequired")
    evidence = seen.shown("sharepoint_tenant", row, "EmailAttestationRequired", "EmailAttestationReAuthDays")
    if required and days is not None and days <= MAX_LINK_DAYS:
        return seen.passed(f"Un invité par code doit se réidentifier tous les {count(days, 'jour')}.", evidence)
    return seen.failed("Un invité par code garde son accès sans se réidentifier dans les 30 jours.", evidence)


def _anonymous(seen: Seen, *properties: str) -> Row | Judgement:
    """The settings of anonymous links; the verdict when the tenant has none."""
    word, evidence = _sharing(seen)
    if word != ANYONE:
        return seen.not_applicable("Les liens anonymes sont interdits.", evidence)
    return _tenant(seen, *properties)


@judged
def anonymous_files(seen: Seen, context: Context) -> Judgement:
    """Conforms when the house declares that it reviewed its anonymous links within the year.

    The audit does not open files: looking for shared ones needs the right to read all content and a written mandate.
    """
    answer = context.answers.get(REVIEWED)
    at = _date(answer)
    if at is None and answer is not False:
        detail = (
            "Chercher les fichiers partagés par lien anonyme demande de lire les contenus : l'audit ne le fait pas. "
            "À faire avec un mandat écrit : rapport « Partage » du centre d'administration SharePoint."
        )
        return seen.unclear(Reason.NOT_CONFIGURED, detail)
    evidence = declared(at.isoformat() if at else False, REVIEWED)
    if at and (context.now.date() - at).days <= REVIEW_DAYS:
        return seen.passed(f"L'établissement déclare avoir revu ses liens anonymes le {at:%d/%m/%Y}.", evidence)
    return seen.failed(
        "Les liens anonymes n'ont pas été revus depuis un an : des dossiers d'usagers y sont peut-être.", evidence
    )


def _date(answer: object) -> date | None:
    if isinstance(answer, datetime):
        return answer.astimezone(UTC).date() if answer.tzinfo else answer.date()
    if isinstance(answer, date):
        return answer
    try:
        return date.fromisoformat(answer) if isinstance(answer, str) else None
    except ValueError:
        return None
