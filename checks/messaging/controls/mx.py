"""Is incoming mail announced properly?"""

from __future__ import annotations

from checks.common.french import choose, count, listed
from checks.messaging.controls.common import first_gap, hosts
from checks.messaging.facts import MailDomain, MessagingFacts, MxFacts
from checks.model import Context, Evidence, Gap, Judgement, Severity, failed, not_assessed, passed


def mx_resolves(facts: MessagingFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when every MX has an address, or when a null MX says that no mail is received (RFC 7505)."""
    return [_judge(domain) for domain in facts.domains]


def _judge(domain: MailDomain) -> Judgement:
    mx = domain.mx
    if domain.exists is False:
        message = f"Le domaine {domain.name} n'existe pas : personne ne peut lui écrire, et quelqu'un peut le réserver."
        return failed(domain.name, message, Evidence(value="NXDOMAIN", source=f"DNS MX {domain.name}"))
    if isinstance(mx, Gap):
        return not_assessed(domain.name, mx)
    if mx.null:
        return passed(domain.name, f"{domain.name} déclare ne recevoir aucun courrier.", *_evidence(domain, mx))
    if not mx.exchangers:
        return _without_mx(domain, mx)
    return _with_mx(domain, mx)


def _evidence(domain: MailDomain, mx: MxFacts) -> tuple[Evidence, ...]:
    source = f"DNS MX {domain.name}"
    return tuple(
        Evidence(
            value=f"{found.preference} {found.name or '.'} → "
            + (
                found.addresses.detail
                if isinstance(found.addresses, Gap)
                else listed(found.addresses) or "aucune adresse"
            )
            + (f" (alias de {found.alias_of})" if found.alias_of else ""),
            source=source,
        )
        for found in mx.exchangers
    ) or (Evidence(value="aucun enregistrement MX", source=source),)


def _without_mx(domain: MailDomain, mx: MxFacts) -> Judgement:
    if isinstance(mx.fallback_addresses, Gap):
        return not_assessed(domain.name, mx.fallback_addresses)
    if mx.fallback_addresses:
        message = (
            f"{domain.name} n'annonce aucun serveur de messagerie : le courrier est envoyé par défaut "
            f"à {listed(mx.fallback_addresses)}, l'adresse du domaine lui-même."
        )
        return failed(domain.name, message, *_evidence(domain, mx))
    message = f"{domain.name} ne peut pas recevoir de courrier et ne le déclare pas (pas de MX nul)."
    return failed(domain.name, message, *_evidence(domain, mx), severity=Severity.LOW)


def _with_mx(domain: MailDomain, mx: MxFacts) -> Judgement:
    broken = [found.name or "." for found in mx.exchangers if found.addresses == ()]
    if broken:
        have = choose(len(broken), "n'a", "n'ont")
        which = f"Sur {count(len(mx.exchangers), 'serveur')} de messagerie que {domain.name} annonce, {len(broken)}"
        message = (
            f"{which if len(mx.exchangers) > 1 else f'Le serveur de messagerie que {domain.name} annonce'} "
            f"{have} pas d'adresse : {listed(broken)}. Du courrier peut être perdu ou "
            "retardé."
        )
        severity = None if len(broken) == len(mx.exchangers) else Severity.LOW
        return failed(domain.name, message, *_evidence(domain, mx), affected=hosts(broken), severity=severity)
    gap = first_gap(found.addresses for found in mx.exchangers)
    if gap is not None:
        return not_assessed(domain.name, gap)
    message = f"{domain.name} reçoit son courrier sur {listed(found.name for found in mx.exchangers)}."
    return passed(domain.name, message, *_evidence(domain, mx))
