"""Short facts shown at the head of the messaging page of the report."""

from __future__ import annotations

from checks.messaging.facts import MessagingFacts, MxFacts
from checks.messaging.parsers.dmarc import new_receiver_policy


def summary(facts: MessagingFacts) -> dict[str, str]:
    """French label to value."""
    servers = sorted(
        {host.name for domain in facts.domains if isinstance(domain.mx, MxFacts) for host in domain.mx.hosts}
    )
    protected = sum(
        new_receiver_policy(domain.dmarc.walk).applied in ("quarantine", "reject") for domain in facts.domains
    )
    return {
        "Domaines de messagerie": ", ".join(domain.name for domain in facts.domains),
        "Serveurs de réception": ", ".join(servers) or "aucun",
        "Domaines qui écartent les faux courriers (DMARC)": f"{protected} sur {len(facts.domains)}",
        "Résolveurs DNS interrogés": ", ".join(facts.resolvers),
        "Questions DNS posées": str(facts.questions),
    }
