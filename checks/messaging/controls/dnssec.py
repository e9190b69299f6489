"""DNSSEC: are the answers about the domain signed? RFC 9364."""

from __future__ import annotations

from checks.common.french import count
from checks.messaging.controls.common import each_domain
from checks.messaging.facts import MailDomain
from checks.model import Context, Evidence, Gap, Judgement, Reason, Severity, failed, not_assessed, passed

_LOST = "le domaine est injoignable pour les résolveurs qui vérifient"
_LIMIT = "La chaîne de signatures jusqu'à la racine n'est pas vérifiée par l'audit."


@each_domain
def zone_signed(domain: MailDomain, context: Context) -> Judgement:
    """Conforms when the zone has keys, current signatures, and is tied to its parent by a DS record."""
    found = domain.dnssec
    if isinstance(found, Gap):
        return not_assessed(domain.name, found)
    evidence = Evidence(
        value=f"{found.ds} DS, {found.dnskey} DNSKEY, {count(found.signatures, 'signature')} du SOA"
        + (f" jusqu'au {found.expiration}" if found.expiration else "")
        + f". {_LIMIT}",
        source=f"DNS DS, DNSKEY et SOA {found.zone}",
    )
    if not found.dnskey and not found.ds:
        message = f"Les réponses DNS de {found.zone} ne sont pas signées : elles peuvent être falsifiées en chemin."
        return failed(domain.name, message, evidence)
    if not found.dnskey:
        message = f"La zone parente annonce {found.zone} comme signée, mais la zone n'a pas de clé : {_LOST}."
        return failed(domain.name, message, evidence, severity=Severity.HIGH)
    if not found.ds:
        message = (
            f"{found.zone} est signée, mais sa clé n'est pas déclarée à la zone parente (DS) : personne ne vérifie."
        )
        return failed(domain.name, message, evidence)
    if not found.signatures:
        detail = f"Le résolveur utilisé ne transmet pas les signatures de {found.zone}."
        return not_assessed(domain.name, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    if found.expiration < context.now.strftime("%Y-%m-%dT%H:%M:%SZ"):
        message = f"Les signatures DNS de {found.zone} ont expiré : {_LOST}."
        return failed(domain.name, message, evidence, severity=Severity.HIGH)
    message = f"Les réponses DNS de {found.zone} sont signées et rattachées à la zone parente."
    return passed(domain.name, message, evidence)
