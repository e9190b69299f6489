"""What Exchange Online Protection and Defender for Office 365 do with bad mail, for each policy in force.

Defender (in Business Premium) adds impersonation, links and attachments; without it, only what Exchange Online
Protection offers is judged, and the rest is said to need a licence. Lists of settings: SCuBA baseline of the security
suite (2026).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checks.common.french import listed
from checks.m365.controls.coverage import (
    ATTACHMENTS,
    LINKS,
    MALWARE,
    PHISHING,
    PRESETS,
    SPAM,
    Applied,
    Kind,
    applied,
    covers_everyone,
    is_on,
    name_of_policy,
    nobody,
)
from checks.m365.controls.seen import Seen, declared, judged, sentence
from checks.m365.reading import lacks
from checks.m365.resources import DEFENDER_OFFICE
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Reason

CLICK_TO_RUN = ("exe", "cmd", "vbe")
"""Types that the SCuBA baseline wants blocked at the least."""
THRESHOLD = 2
"""`PhishThresholdLevel` from 1 (standard) to 4."""
KEPT_AWAY = frozenset({"movetojmf", "quarantine", "redirect", "delete"})
SENSITIVE = "m365_sensitive_accounts"
PARTNERS = "m365_partner_domains"
_FREE_TIPS = {
    "EnableFirstContactSafetyTips": "premier message d'un expéditeur",
    "EnableViaTag": "serveur qui envoie pour un autre (« via »)",
}
_DEFENDER_TIPS = {
    "EnableSimilarUsersSafetyTips": "nom imité",
    "EnableSimilarDomainsSafetyTips": "domaine imité",
    "EnableUnusualCharactersSafetyTips": "caractères inhabituels",
}
_SPAM_ACTIONS = {
    "SpamAction": "spam",
    "HighConfidenceSpamAction": "spam certain",
    "PhishSpamAction": "hameçonnage",
    "HighConfidencePhishAction": "hameçonnage certain",
}

Faults = Callable[[Row], Iterable[str]]


def _judge(seen: Seen, kind: Kind, properties: Iterable[str], faults: Faults, good: str, bad: str) -> Judgement:
    """Judge each policy of a kind that is in force."""
    in_force = applied(seen, kind, *properties)
    if not in_force:
        raise nobody(kind)
    return _conclude(seen, kind, in_force, faults, good, bad)


def _conclude(seen: Seen, kind: Kind, in_force: list[Applied], faults: Faults, good: str, bad: str) -> Judgement:
    found = [(one, tuple(faults(one.policy))) for one in in_force]
    wrong = [(one, why) for one, why in found if why and one.certain]
    names = listed(name_of_policy(one.policy) + ("" if one.everyone else " (une partie)") for one in in_force)
    evidence = seen.proof(kind.policies, f"en vigueur : {names}")
    if wrong:
        affected = (
            Affected(
                id=name_of_policy(one.policy),
                label=name_of_policy(one.policy),
                kind="policy",
                detail=sentence(listed(why)),
            )
            for one, why in wrong
        )
        return seen.failed(bad, evidence, affected=affected)
    # A policy in fault whose rule could not be read is a doubt that `applied` has noted: nothing passes then.
    return seen.passed(good, evidence)


def _off(row: Row, wanted: dict[str, str]) -> list[str]:
    """What is not on, in words."""
    return [words for prop, words in wanted.items() if not values.flag(row, prop)]


@judged
def phishing(seen: Seen, context: Context) -> Judgement:
    """Conforms when every anti-phishing policy in force checks spoofing and impersonation, at level 2 or more.

    Without Defender for Office 365, only the detection of forged senders exists: off, it fails; on, the rest is a
    matter of licence.
    """
    if lacks(seen.facts, DEFENDER_OFFICE):
        in_force = applied(seen, PHISHING, "EnableSpoofIntelligence")
        if any(one.certain and values.flag(one.policy, "EnableSpoofIntelligence") is False for one in in_force):
            free = {"EnableSpoofIntelligence": "expéditeurs falsifiés non détectés"}
            bad = "La détection des expéditeurs falsifiés, comprise dans toutes les licences, est coupée."
            return _conclude(seen, PHISHING, in_force, lambda row: _off(row, free), "", bad)
        seen.need(DEFENDER_OFFICE)
    wanted = {
        "EnableSpoofIntelligence": "expéditeurs falsifiés non détectés",
        "EnableMailboxIntelligenceProtection": "pas d'action selon les habitudes de chacun",
        "EnableTargetedUserProtection": "personnes sensibles non protégées de l'imitation",
    }
    people = {address.lower() for address in values.texts(context.answers, SENSITIVE)}

    def faults(row: Row) -> list[str]:
        found = _off(row, wanted)
        if (values.number(row, "PhishThresholdLevel") or 0) < THRESHOLD:
            found.append(f"niveau {values.number(row, 'PhishThresholdLevel') or 'inconnu'} au lieu de {THRESHOLD}")
        known = {text.rpartition(";")[2].strip().lower() for text in values.texts(row, "TargetedUsersToProtect")}
        if missing := sorted(people - known):
            found.append(f"absents des personnes protégées : {listed(missing)}")
        return found

    return _judge(
        seen, PHISHING, (*wanted, "PhishThresholdLevel"), faults,
        "L'anti-hameçonnage vérifie les expéditeurs falsifiés et imités pour tout le monde.",
        "L'anti-hameçonnage laisse passer des imitations : la direction ou la comptabilité sont les plus visées.",
    )  # fmt: skip


@judged
def attachments(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every anti-malware policy in force blocks dangerous types and purges what is found out later."""

    def faults(row: Row) -> list[str]:
        found = _off(
            row, {"EnableFileFilter": "types dangereux non bloqués", "ZapEnabled": "pas de purge après réception"}
        )
        types = {text.lower().lstrip(".") for text in values.texts(row, "FileTypes")}
        missing = [one for one in CLICK_TO_RUN if one not in types]
        if missing and values.flag(row, "EnableFileFilter"):
            found.append(f"types permis : {listed(missing)}")
        return found

    return _judge(
        seen, MALWARE, ("EnableFileFilter", "ZapEnabled", "FileTypes"), faults,
        "Les pièces jointes dangereuses sont bloquées, et retirées si elles se révèlent après coup.",
        "Des pièces jointes exécutables peuvent arriver, ou rester une fois reconnues comme dangereuses.",
    )  # fmt: skip


@judged
def safe_mail(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when links and attachments are examined in mail, and files in SharePoint, OneDrive and Teams."""
    seen.need(DEFENDER_OFFICE)
    bad = []
    for kind, prop, words in (
        (LINKS, "EnableSafeLinksForEmail", "liens des courriels non examinés"),
        (ATTACHMENTS, "Enable", "pièces jointes non examinées"),
    ):
        in_force = applied(seen, kind, prop)
        if not in_force:
            raise nobody(kind)
        bad += [
            Affected(
                id=f"{kind.policies}/{name_of_policy(one.policy)}",
                label=name_of_policy(one.policy),
                kind="policy",
                detail=sentence(words),
            )
            for one in in_force
            if one.certain and not values.flag(one.policy, prop)
        ]
    files = seen.flag("atp_policy", "EnableATPForSPOTeamsODB")
    evidence = seen.proof("atp_policy", f"EnableATPForSPOTeamsODB = {files}")
    if not files:
        bad.append(
            Affected(
                id="EnableATPForSPOTeamsODB",
                label="SharePoint, OneDrive, Teams",
                kind="policy",
                detail="Fichiers non examinés.",
            )
        )
    if bad:
        message = "Defender est acheté, mais n'examine pas tous les liens, pièces jointes et fichiers."
        return seen.failed(message, evidence, affected=bad)
    return seen.passed("Liens, pièces jointes et fichiers partagés sont examinés par Defender.", evidence)


# --- SCuBA policies beyond the 110


@judged
def unknown_malware(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Safe Attachments blocks or holds what it finds, for everybody (MS.SECURITYSUITE.1.3)."""
    seen.need(DEFENDER_OFFICE)

    def faults(row: Row) -> list[str]:
        action = values.word(row, "Action")
        return (
            [] if action in ("block", "dynamicdelivery") else [f"action « {values.text(row, 'Action') or 'aucune'} »"]
        )

    return _judge(
        seen, ATTACHMENTS, ("Enable", "Action"), faults,
        "Une pièce jointe reconnue dangereuse est bloquée pour tout le monde.",
        "Une pièce jointe reconnue dangereuse n'est pas toujours bloquée.",
    )  # fmt: skip


@judged
def own_domains_imitated(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when look-alikes of the house's domains are detected for everybody (MS.SECURITYSUITE.2.2)."""
    seen.need(DEFENDER_OFFICE)
    wanted = {"EnableOrganizationDomainsProtection": "domaines de l'établissement non protégés"}
    return _judge(
        seen, PHISHING, wanted, lambda row: _off(row, wanted),
        "Un domaine qui imite celui de l'établissement est détecté.",
        "Un domaine qui imite celui de l'établissement n'est pas détecté.",
    )  # fmt: skip


@judged
def partners_imitated(seen: Seen, context: Context) -> Judgement:
    """Conforms when look-alikes of the declared partners' domains are detected (MS.SECURITYSUITE.2.3)."""
    seen.need(DEFENDER_OFFICE)
    if PARTNERS not in context.answers:
        detail = (
            "Les domaines des partenaires importants (banque, prestataires, tutelle) ne sont pas déclarés dans le"
            " profil."
        )
        return seen.unclear(Reason.NOT_CONFIGURED, detail)
    partners = {domain.lower() for domain in values.texts(context.answers, PARTNERS)}
    evidence = declared(", ".join(sorted(partners)) or "aucun", PARTNERS)
    if not partners:
        return seen.not_applicable("Aucun partenaire n'est déclaré.", evidence)

    def faults(row: Row) -> list[str]:
        if not values.flag(row, "EnableTargetedDomainsProtection"):
            return ["domaines de partenaires non protégés"]
        missing = partners - {text.lower() for text in values.texts(row, "TargetedDomainsToProtect")}
        return [f"absents : {listed(sorted(missing))}"] if missing else []

    return _judge(
        seen, PHISHING, ("EnableTargetedDomainsProtection", "TargetedDomainsToProtect"), faults,
        "Un domaine qui imite celui d'un partenaire déclaré est détecté.",
        "Un domaine qui imite celui d'un partenaire déclaré n'est pas détecté : faux virements à craindre.",
    )  # fmt: skip


@judged
def safety_tips(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when readers are warned of unusual senders (MS.SECURITYSUITE.2.4); three warnings need Defender."""
    wanted = dict(_FREE_TIPS)
    if not lacks(seen.facts, DEFENDER_OFFICE):
        wanted |= _DEFENDER_TIPS

    def faults(row: Row) -> list[str]:
        found = _off(row, wanted)
        if values.flag(row, "EnableSuspiciousSafetyTip") is False:
            found.append("message suspect")
        return [f"pas d'avertissement : {listed(found)}"] if found else []

    return _judge(
        seen, PHISHING, wanted, faults,
        "Outlook avertit d'un expéditeur inhabituel.",
        "Outlook n'avertit pas de tous les expéditeurs inhabituels.",
    )  # fmt: skip


@judged
def spam_kept_away(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when spam and phishing never reach the inbox (MS.SECURITYSUITE.6.1)."""

    def faults(row: Row) -> list[str]:
        return [
            f"{words} : « {values.text(row, prop) or 'rien'} »"
            for prop, words in _SPAM_ACTIONS.items()
            if values.word(row, prop) not in KEPT_AWAY
        ]

    return _judge(
        seen, SPAM, _SPAM_ACTIONS, faults,
        "Spam et hameçonnage vont au courrier indésirable ou en quarantaine.",
        "Du spam ou de l'hameçonnage reconnu arrive dans la boîte de réception.",
    )  # fmt: skip


@judged
def links_everywhere(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when links are compared with known bad ones in mail, Teams and Office (MS.SECURITYSUITE.7.1)."""
    seen.need(DEFENDER_OFFICE)
    wanted = {
        "EnableSafeLinksForEmail": "courriels",
        "EnableSafeLinksForTeams": "Teams",
        "EnableSafeLinksForOffice": "documents",
        "EnableForInternalSenders": "messages internes",
    }
    return _judge(
        seen, LINKS, wanted, lambda row: [f"pas vérifiés : {one}" for one in _off(row, wanted)],
        "Les liens sont vérifiés dans les courriels, Teams et les documents.",
        "Les liens ne sont pas vérifiés partout.",
    )  # fmt: skip


@judged
def links_scanned(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when what links download is scanned before the message is delivered (MS.SECURITYSUITE.7.2)."""
    seen.need(DEFENDER_OFFICE)
    wanted = {"ScanUrls": "liens non analysés", "DeliverMessageAfterScan": "message remis avant la fin de l'analyse"}
    return _judge(
        seen, LINKS, wanted, lambda row: _off(row, wanted),
        "Les liens de téléchargement sont analysés avant la remise du message.",
        "Les liens de téléchargement ne sont pas toujours analysés avant la remise du message.",
    )  # fmt: skip


@judged
def clicks_tracked(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when clicks on bad links are kept, to know who fell for them (MS.SECURITYSUITE.7.3)."""
    seen.need(DEFENDER_OFFICE)
    wanted = {"TrackClicks": "clics non enregistrés"}
    return _judge(
        seen, LINKS, wanted, lambda row: _off(row, wanted),
        "Les clics sur des liens dangereux sont enregistrés.",
        "Après un hameçonnage, rien ne dira qui a cliqué.",
    )  # fmt: skip


@judged
def presets(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a preset of Microsoft, standard or strict, protects everybody (MS.DEFENDER.1.1 to 1.3)."""
    readings = ["protection_rules"]
    if not lacks(seen.facts, DEFENDER_OFFICE):
        readings.append("atp_rules")
    missing = []
    evidence = []
    for name in readings:
        rules = [rule for rule in seen.rows(name, "State") if is_on(rule)]
        whole = [rule for rule in rules if _names(rule) and covers_everyone(seen, rule)]
        evidence.append(seen.proof(name, f"préréglages actifs : {listed(_names(rule) for rule in rules) or 'aucun'}"))
        if not whole:
            missing.append("Exchange Online Protection" if name == "protection_rules" else "Defender pour Office 365")
    if missing:
        seen.lacking(*readings)
        message = (
            f"Aucun préréglage de sécurité ne protège tout le monde ({listed(missing)}) : chaque réglage est à tenir"
            " à la main."
        )
        return seen.failed(message, *evidence)
    return seen.passed("Un préréglage de sécurité de Microsoft protège tout le monde.", *evidence)


def _names(rule: Row) -> str:
    name = values.text(rule, "Identity") or values.text(rule, "Name")
    return next((preset for preset in PRESETS if name.startswith(preset)), "")


@judged
def strict_for_sensitive(seen: Seen, context: Context) -> Judgement:
    """Conforms when the declared sensitive accounts have the strict preset (MS.DEFENDER.1.4 and 1.5)."""
    people = {address.lower() for address in values.texts(context.answers, SENSITIVE)}
    if not people:
        detail = "Les comptes sensibles (direction, comptabilité, administrateurs) ne sont pas déclarés dans le profil."
        return seen.unclear(Reason.NOT_CONFIGURED, detail)
    readings = ["protection_rules"] + ([] if lacks(seen.facts, DEFENDER_OFFICE) else ["atp_rules"])
    left: set[str] = set()
    evidence = [declared(", ".join(sorted(people)), SENSITIVE)]
    for name in readings:
        rules = [rule for rule in seen.rows(name, "State") if is_on(rule) and _names(rule) == PRESETS[0]]
        evidence.append(seen.proof(name, "préréglage strict actif" if rules else "préréglage strict inactif"))
        named = {text.lower() for rule in rules for text in values.texts(rule, "SentTo")}
        if any(covers_everyone(seen, rule) for rule in rules):
            continue
        if any(rule.get("SentToMemberOf") for rule in rules) and people - named:
            seen.doubt(
                Gap(
                    reason=Reason.UNSUPPORTED,
                    detail="Le préréglage strict vise des groupes, dont les membres ne sont pas lus.",
                )
            )
            continue
        left |= people - named
    if left:
        seen.lacking(*readings)
        affected = (
            Affected(id=one, label=one, kind="sensitive", detail="Hors du préréglage strict.") for one in sorted(left)
        )
        return seen.failed("Des comptes sensibles n'ont pas la protection stricte.", *evidence, affected=affected)
    return seen.passed("Les comptes sensibles ont la protection stricte.", *evidence)
