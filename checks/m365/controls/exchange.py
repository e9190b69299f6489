"""Settings of Exchange Online: ways in, warnings, shared mailboxes, delegations, sharing of calendars."""

from __future__ import annotations

from collections import Counter

from checks.common.french import count, listed
from checks.m365.controls.coverage import SPAM, applied, name_of_policy, nobody
from checks.m365.controls.seen import Seen, Unclear, brief, item, judged, name_of
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Reason, Severity

SHARED = frozenset({"sharedmailbox", "roommailbox", "equipmentmailbox", "schedulingmailbox"})
MANY = 10
"""Mailboxes open to one account above which losing that account is losing the house: our choice."""
_SELF = ("nt authority\\self", "s-1-5-10")
_EVERYBODY = frozenset({"everyone", "tout le monde", "default", "par défaut", "authenticated users", "domain users"})


@judged
def smtp_auth(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when sending by name and password (SMTP AUTH) is off for the organisation."""
    prop = "SmtpClientAuthenticationDisabled"
    off = seen.flag("transport_config", prop)
    evidence = seen.proof("transport_config", f"{prop} = {off}")
    if off:
        return seen.passed("L'envoi par simple mot de passe (SMTP AUTH) est désactivé.", evidence)
    message = "L'envoi par simple mot de passe (SMTP AUTH) est permis : il contourne le second facteur."
    return seen.failed(message, evidence)


@judged
def modern_authentication(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Exchange accepts modern authentication, without which Outlook cannot ask for a second factor."""
    on = seen.flag("organization_config", "OAuth2ClientProfileEnabled")
    evidence = seen.proof("organization_config", f"OAuth2ClientProfileEnabled = {on}")
    if on:
        return seen.passed("Outlook se connecte avec l'authentification moderne.", evidence)
    return seen.failed(
        "L'authentification moderne est coupée : Outlook ne peut pas demander de second facteur.", evidence
    )


@judged
def external_warning(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when mail from outside is marked: by Outlook itself, or by a rule that writes it in each message."""
    tag = seen.maybe("external_in_outlook", "Enabled")
    if not isinstance(tag, Gap) and tag and values.flag(tag[0], "Enabled"):
        allowed = values.texts(tag[0], "AllowList")
        but = f" (sauf {count(len(allowed), 'exception')})" if allowed else ""
        return seen.passed(
            f"Outlook marque les messages venus de l'extérieur{but}.",
            seen.proof("external_in_outlook", "Enabled = True"),
        )
    rules = seen.maybe("transport_rules", "State", "Mode", "FromScope")
    marking = [] if isinstance(rules, Gap) else [row for row in rules if _marks(row)]
    if marking:
        evidence = seen.proof("transport_rules", f"règle active : {listed(map(name_of, marking))}")
        return seen.passed("Une règle marque les messages venus de l'extérieur.", evidence)
    if isinstance(tag, Gap):
        raise Unclear(tag)
    if isinstance(rules, Gap):
        raise Unclear(rules)
    if not tag or values.flag(tag[0], "Enabled") is None:
        raise Unclear(seen.unreadable("external_in_outlook", "Enabled"))
    seen.lacking("transport_rules")
    evidence = seen.proof("external_in_outlook", "Enabled = False, et aucune règle de flux équivalente")
    return seen.failed("Rien ne distingue un message venu de l'extérieur de celui d'un collègue.", evidence)


def _marks(row: Row) -> bool:
    on = values.word(row, "State") == "enabled" and values.word(row, "Mode") == "enforce"
    written = values.text(row, "PrependSubject") or values.text(row, "ApplyHtmlDisclaimerText")
    return on and values.word(row, "FromScope") == "notinorganization" and bool(written)


@judged
def allowed_senders(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no anti-spam policy in force lets whole domains or senders through unfiltered."""
    in_force = applied(seen, SPAM, "AllowedSenderDomains", "AllowedSenders")
    bad = []
    for one in in_force:
        size = _length(one.policy.get("AllowedSenderDomains")), _length(one.policy.get("AllowedSenders"))
        if not any(size):
            continue
        if not one.certain:
            continue  # `applied` has already noted the doubt
        bad.append(
            (one.policy, f"{count(size[0], 'domaine')} et {count(size[1], 'expéditeur')} dispensés d'anti-spam.")
        )
    evidence = seen.proof(
        SPAM.policies, f"politiques en vigueur : {listed(name_of_policy(one.policy) for one in in_force)}"
    )
    if bad:
        affected = (item(row, "allowed", detail) for row, detail in bad)
        message = "L'anti-spam laisse passer des expéditeurs sans les examiner, et un nom d'expéditeur s'imite."
        return seen.failed(message, evidence, affected=affected)
    if not in_force:
        raise nobody(SPAM)
    return seen.passed("Aucun expéditeur n'est dispensé d'anti-spam.", evidence)


def _length(value: object) -> int:
    if isinstance(value, (list, tuple, dict)):
        return len(value)
    return 1 if value else 0


@judged
def connection_filter(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no address is let in unfiltered, by an allow list or by Microsoft's own safe list."""
    rows = seen.rows("connection_filter", "IPAllowList", "EnableSafeList")
    if not rows:
        raise Unclear(seen.unreadable("connection_filter", "IPAllowList"))
    bad = []
    for row in rows:
        words = (
            [f"{count(size, 'adresse autorisée', 'adresses autorisées')}"]
            if (size := _length(row["IPAllowList"]))
            else []
        )
        if values.flag(row, "EnableSafeList"):
            words.append("liste sûre activée")
        if words:
            bad.append((row, f"{listed(words)} sans filtrage."))
    evidence = tuple(seen.shown("connection_filter", row, "IPAllowList", "EnableSafeList") for row in rows)
    if bad:
        affected = (item(row, "allowed", detail) for row, detail in bad)
        return seen.failed(
            "Des serveurs peuvent envoyer du courrier qui n'est pas filtré.", *evidence, affected=affected
        )
    return seen.passed("Aucun serveur n'est dispensé de filtrage.", *evidence)


@judged
def shared_mailboxes(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when nobody can sign in as a shared, room or equipment mailbox: its account is disabled."""
    rows = seen.rows("mailboxes", "RecipientTypeDetails", "ExternalDirectoryObjectId")
    shared = [row for row in rows if values.word(row, "RecipientTypeDetails") in SHARED]
    if not shared:
        return seen.not_applicable(
            "Il n'y a ni boîte partagée ni boîte de salle.",
            seen.proof("mailboxes", f"{count(len(rows), 'boîte')} lues"),
        )
    accounts = {values.word(row, "id"): row for row in seen.rows("users", "id", "accountEnabled")}
    active = []
    for row in shared:
        account = accounts.get(values.word(row, "ExternalDirectoryObjectId"))
        if account is None:
            seen.doubt(
                Gap(
                    reason=Reason.ERROR,
                    detail=f"Le compte de la boîte « {name_of(row)} » n'est pas dans l'annuaire lu.",
                )
            )
        elif values.flag(account, "accountEnabled"):
            label = values.text(row, "UserPrincipalName") or name_of(row)
            active.append(
                Affected(
                    id=values.text(account, "id"), label=label, kind="enabled", detail="Connexion directe possible."
                )
            )
    evidence = seen.proof(
        "mailboxes",
        f"{count(len(shared), 'boîte partagée', 'boîtes partagées')}, dont {len(active)} où l'on peut se connecter",
    )
    if active:
        message = (
            f"On peut se connecter directement à {count(len(active), 'boîte partagée', 'boîtes partagées')} : un mot"
            " de passe que personne ne surveille."
        )
        return seen.failed(message, evidence, affected=active)
    return seen.passed(
        (
            f"Aucune des {len(shared)} boîtes partagées n'accepte de connexion directe."
            if len(shared) > 1
            else "La boîte partagée n'accepte pas de connexion directe."
        ),
        evidence,
    )


@judged
def delegations(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no mailbox is open to everybody or to a disabled account, and no account opens many of them."""
    grants = [row for row in seen.rows("mailbox_permissions", "Identity", "User", "AccessRights") if _given(row)]
    full = [row for row in grants if "fullaccess" in {right.lower() for right in values.texts(row, "AccessRights")}]
    sending = seen.maybe("recipient_permissions", "Identity", "Trustee", "AccessRights")
    if isinstance(sending, Gap):
        seen.doubt(sending)
        sending = ()
    send = [
        row
        for row in sending
        if _given(row, "Trustee") and "sendas" in {right.lower() for right in values.texts(row, "AccessRights")}
    ]
    disabled = _disabled(seen) if full or send else frozenset()
    bad: dict[tuple[str, str], str] = {}
    for who, rows in (("User", full), ("Trustee", send)):
        for row in rows:
            holder, box = values.word(row, who), values.text(row, "Identity")
            if holder.rpartition("\\")[2] in _EVERYBODY:
                bad[box, holder] = "Ouverte à tout le monde."
            elif holder in disabled:
                bad[box, holder] = "Ouverte à un compte désactivé."
    spread = [
        (holder, size) for holder, size in Counter(values.word(row, "User") for row in full).items() if size > MANY
    ]
    evidence = seen.proof("mailbox_permissions", f"accès complets : {len(full)}, envois au nom d'autrui : {len(send)}")
    if bad or spread:
        affected = [
            Affected(id=f"{box}/{holder}", label=box, kind="delegation", detail=detail, ref=holder)
            for (box, holder), detail in bad.items()
        ]
        affected += [
            Affected(id=holder, label=holder, kind="spread", detail=f"Ouvre {size} boîtes.") for holder, size in spread
        ]
        return seen.failed(
            "Des boîtes sont ouvertes trop largement, ou à des comptes qui ne servent plus.",
            evidence,
            affected=affected,
        )
    return seen.passed("Les délégations de boîtes vont à des comptes actifs et restent peu nombreuses.", evidence)


def _given(row: Row, who: str = "User") -> bool:
    """A right given to somebody else, not inherited from the service nor a refusal."""
    holder = values.word(row, who)
    return (
        bool(holder)
        and not holder.startswith(_SELF)
        and not values.flag(row, "IsInherited")
        and not values.flag(row, "Deny")
    )


def _disabled(seen: Seen) -> frozenset[str]:
    found = seen.maybe("users", "userPrincipalName", "accountEnabled")
    if isinstance(found, Gap):
        seen.doubt(found)
        return frozenset()
    return frozenset(
        values.word(row, "userPrincipalName") for row in found if values.flag(row, "accountEnabled") is False
    )


@judged
def direct_send(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Exchange refuses unsigned mail that claims to come from the house (Direct Send)."""
    refused = seen.flag("organization_config", "RejectDirectSend")
    evidence = seen.proof("organization_config", f"RejectDirectSend = {refused}")
    if refused:
        return seen.passed("Un message anonyme qui se dit de l'établissement est refusé (Direct Send).", evidence)
    message = "N'importe qui peut déposer un message qui semble interne, sans mot de passe (Direct Send)."
    return seen.failed(message, evidence)


@judged
def calendars(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no sharing policy opens calendars to every domain or to anonymous people."""
    return _sharing(seen, "calendar", "les agendas")


@judged
def contacts(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no sharing policy opens contact folders to every domain (MS.EXO.6.1)."""
    return _sharing(seen, "contacts", "les carnets d'adresses")


def _sharing(seen: Seen, what: str, words: str) -> Judgement:
    rows = seen.rows("sharing_policies", "Domains")
    active = [row for row in rows if values.flag(row, "Enabled") is not False]
    bad: list[tuple[Row, list[str]]] = []
    for row in active:
        opened = [text for text in values.texts(row, "Domains") if _opens(text, what)]
        if opened:
            bad.append((row, opened))
    evidence = tuple(seen.proof("sharing_policies", f"{name_of(row)} : {brief(row['Domains'])}") for row in active[:10])
    if bad:
        affected = (item(row, "sharing", f"Partage : {listed(opened)}.") for row, opened in bad)
        only_times = all(text.lower().endswith("freebusysimple") for _, opened in bad for text in opened)
        severity = Severity.LOW if only_times else None
        message = (
            f"Chacun peut partager {words} avec n'importe quel"
            f" domaine{', sans le détail des rendez-vous' if only_times else ''}."
        )
        return seen.failed(message, *evidence, affected=affected, severity=severity)
    if not rows:
        raise Unclear(seen.unreadable("sharing_policies", "Domains"))
    return seen.passed(f"Les politiques de partage n'ouvrent pas {words} à tous les domaines.", *evidence)


def _opens(text: str, what: str) -> bool:
    """`*:CalendarSharingFreeBusySimple`, `Anonymous:…`: to whom, then what."""
    who, _, rights = text.lower().partition(":")
    return who.strip() in ("*", "anonymous") and what in rights
