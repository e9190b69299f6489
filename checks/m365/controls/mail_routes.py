"""Where mail may leave to without anybody noticing: forwarding policies, redirected mailboxes, rules."""

from __future__ import annotations

import re
from collections.abc import Iterable

from checks.common.french import choose, count, listed
from checks.m365.controls.seen import Seen, Unclear, item, judged, name_of
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Reason

_ADDRESS = re.compile(r"(?:(?i:smtp):)?([^\s<>@:;]{1,64}@[^\s<>@:;]{1,253})")
_COPIES = ("RedirectMessageTo", "BlindCopyTo", "CopyTo", "AddToRecipients")
_FORWARDS = ("forwardTo", "redirectTo", "forwardAsAttachmentTo")
_NO_WORD = re.compile(r"[\W_]{0,4}")
"""A rule whose name is a dot or nothing: what intruders write, and people do not."""


def own_domains(seen: Seen) -> frozenset[str]:
    """The domains that are the establishment's. Raises `Unclear` when none is known: nothing could be external."""
    names = {name.lower() for name in seen.facts.tenant.domains}
    accepted = seen.maybe("accepted_domains", "DomainName")
    if not isinstance(accepted, Gap):
        names |= {values.word(row, "DomainName") for row in accepted} - {""}
    if not names:
        detail = "Les domaines de l'établissement ne sont pas connus : ce qui part à l'extérieur ne peut pas être dit."
        raise Unclear(Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    return frozenset(names)


def outside(addresses: Iterable[str], own: frozenset[str]) -> list[str]:
    """The domains, among those of the addresses, that are not the establishment's."""
    found = (match[1].rpartition("@")[2].lower().rstrip(".") for text in addresses for match in _ADDRESS.finditer(text))
    return sorted({domain for domain in found if domain not in own and not _below(domain, own)})


def _below(domain: str, own: frozenset[str]) -> bool:
    """`x.mail.onmicrosoft.com` goes with `x.onmicrosoft.com`: the same tenant."""
    return domain.replace(".mail.onmicrosoft.com", ".onmicrosoft.com") in own


@judged
def auto_forwarding(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no outbound policy lets people forward their mail outside by themselves.

    `Automatic` blocks today, as `Off` does, but Microsoft decides: it is said.
    """
    rows = seen.rows("outbound_spam", "AutoForwardingMode")
    evidence = seen.proof(
        "outbound_spam",
        listed(f"{name_of(row)} : {values.text(row, 'AutoForwardingMode')}" for row in rows) or "aucune politique",
    )
    on = [row for row in rows if values.word(row, "AutoForwardingMode") == "on"]
    if on:
        affected = (item(row, "forwarding", "Cette politique laisse transférer vers l'extérieur.") for row in on)
        message = (
            "Le transfert automatique vers l'extérieur est permis : une boîte piratée peut tout envoyer au-dehors."
        )
        return seen.failed(message, evidence, affected=affected)
    if not rows or any(values.word(row, "AutoForwardingMode") not in ("off", "automatic") for row in rows):
        raise Unclear(seen.unreadable("outbound_spam", "AutoForwardingMode"))
    automatic = any(values.word(row, "AutoForwardingMode") == "automatic" for row in rows)
    note = " (réglage « automatique » : c'est Microsoft qui décide, mieux vaut « désactivé »)" if automatic else ""
    return seen.passed(f"Le transfert automatique vers l'extérieur est refusé{note}.", evidence)


@judged
def remote_domains(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no remote domain accepts automatic forwarding."""
    open_ = seen.where("remote_domains", "AutoForwardEnabled", wanted=True)
    evidence = seen.proof(
        "remote_domains", f"transfert permis vers : {listed(values.text(r, 'DomainName') for r in open_) or 'aucun'}"
    )
    if open_:
        affected = (
            item(row, "forwarding", f"Transfert permis vers « {values.text(row, 'DomainName')} ».") for row in open_
        )
        message = (
            f"{count(len(open_), 'domaine distant', 'domaines distants')}"
            f" {choose(len(open_), 'accepte', 'acceptent')} le transfert automatique du courrier."
        )
        return seen.failed(message, evidence, affected=affected)
    return seen.passed("Aucun domaine distant n'accepte le transfert automatique.", evidence)


@judged
def redirected_mailboxes(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no mailbox sends all its mail to an address outside the establishment."""
    rows = seen.rows("mailboxes", "ForwardingSmtpAddress")
    redirected = [(row, _targets(row)) for row in rows if _targets(row)]
    own = own_domains(seen) if redirected else frozenset()
    bad = [(row, domains) for row, targets in redirected if (domains := outside(targets, own))]
    evidence = seen.proof(
        "mailboxes",
        f"{count(len(rows), 'boîte')}, dont {len(redirected)} avec redirection, {len(bad)} vers l'extérieur",
    )
    if bad:
        affected = (
            _mailbox(row, "redirected", f"Redirigée vers {listed(domains)}{_kept(row)}.") for row, domains in bad
        )
        message = (
            f"{count(len(bad), 'boîte')} {choose(len(bad), 'envoie', 'envoient')} tout son courrier hors de"
            " l'établissement."
            if len(bad) == 1
            else f"{len(bad)} boîtes envoient tout leur courrier hors de l'établissement."
        )
        return seen.failed(message, evidence, affected=affected)
    return seen.passed("Aucune boîte n'est redirigée hors de l'établissement.", evidence)


def _targets(row: Row) -> list[str]:
    """`ForwardingAddress` names a recipient of the tenant, which shows an address only when it is outside."""
    found = (values.text(row, name) for name in ("ForwardingSmtpAddress", "ForwardingAddress"))
    return [text for text in found if "@" in text]


def _kept(row: Row) -> str:
    return "" if values.flag(row, "DeliverToMailboxAndForward") else ", sans garder de copie"


def _mailbox(row: Row, kind: str, detail: str) -> Affected:
    """A mailbox by the identifier that does not change, shown by its address."""
    label = values.text(row, "UserPrincipalName") or values.text(row, "PrimarySmtpAddress") or name_of(row)
    return Affected(id=values.text(row, "ExternalDirectoryObjectId") or label, label=label, kind=kind, detail=detail)


@judged
def inbox_rules(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no inbox rule sends mail outside, deletes everything, or hides behind a name without letters.

    Graph does not show hidden rules nor those kept by the program of the workstation.
    """
    rows = [row for row in seen.rows("inbox_rules", "actions") if values.flag(row, "isEnabled") is not False]
    own = own_domains(seen) if rows else frozenset()
    bad = [(row, what) for row in rows if (what := _suspect(row, own))]
    evidence = seen.proof(
        "inbox_rules", f"{count(len(rows), 'règle active', 'règles actives')}, dont {len(bad)} suspectes"
    )
    if bad:
        affected = (
            Affected(
                id=f"{values.text(row, 'userId')}/{values.text(row, 'displayName')}",
                label=values.text(row, "displayName") or "règle sans nom",
                kind="rule",
                detail=what,
            )
            for row, what in bad
        )
        message = (
            f"{count(len(bad), 'règle de boîte', 'règles de boîte')}"
            f" {choose(len(bad), 'détourne ou cache', 'détournent ou cachent')} du courrier : signe fréquent d'un"
            " compte piraté."
        )
        return seen.failed(message, evidence, affected=affected)
    return seen.passed("Aucune règle de boîte n'envoie le courrier dehors ni ne le fait disparaître.", evidence)


def _suspect(row: Row, own: frozenset[str]) -> str:
    """What is wrong with an inbox rule; empty when nothing is."""
    actions, conditions = values.mapping(row, "actions"), values.mapping(row, "conditions")
    addresses = [
        values.text(values.mapping(recipient, "emailAddress"), "address")
        for name in _FORWARDS
        for recipient in values.rows(actions, name)
    ]
    if domains := outside(addresses, own):
        return f"Envoie le courrier vers {listed(domains)}."
    removes = values.flag(actions, "delete") or values.flag(actions, "permanentDelete")
    if removes and not any(conditions.values()):
        return "Supprime tout le courrier reçu."
    hides = removes or bool(actions.get("moveToFolder")) or bool(values.flag(actions, "markAsRead"))
    if hides and _NO_WORD.fullmatch(values.text(row, "displayName")):
        return "Écarte du courrier sous un nom sans lettres."
    return ""


@judged
def transport_rules(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no active rule copies mail outside, or frees a whole sender domain from the anti-spam."""
    rules = [row for row in seen.rows("transport_rules", "State") if values.word(row, "State") == "enabled"]
    copies = any(row.get(name) for row in rules for name in _COPIES)
    own = own_domains(seen) if copies else frozenset()
    bad = [(row, what) for row in rules if (what := _leak(row, own) or _white(row))]
    evidence = seen.proof(
        "transport_rules",
        f"{count(len(rows := rules), 'règle active', 'règles actives')} : {listed(map(name_of, rows)) or 'aucune'}",
    )
    if bad:
        affected = (item(row, "rule", what) for row, what in bad)
        message = (
            f"{count(len(bad), 'règle de flux', 'règles de flux')} {choose(len(bad), 'copie', 'copient')} du courrier"
            f" au-dehors ou le {choose(len(bad), 'dispense', 'dispensent')} de l'anti-spam."
        )
        return seen.failed(message, evidence, affected=affected)
    return seen.passed("Aucune règle de flux ne copie le courrier dehors ni ne contourne l'anti-spam.", evidence)


def _leak(row: Row, own: frozenset[str]) -> str:
    domains = outside((text for name in _COPIES for text in values.texts(row, name)), own)
    return f"Copie ou redirige du courrier vers {listed(domains)}." if domains else ""


def _white(row: Row) -> str:
    """SCL -1 skips the spam filter: `SenderDomainIs` is easily forged."""
    senders = values.texts(row, "SenderDomainIs")
    if values.number(row, "SetSCL") == -1 and senders:
        return f"Dispense d'anti-spam tout ce qui se dit de {listed(senders)}."
    return ""
