"""What each domain controller accepts on the network. One judgement per controller; the subject is its host."""

from __future__ import annotations

from collections.abc import Callable

from checks.ad.facts import AdFacts, DcNetwork, LdapsFacts
from checks.ad.judging import day
from checks.model import Context, Evidence, Gap, Judgement, Reason, failed, not_assessed, passed

NOT_PROBED = Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun contrôleur de domaine n'a été interrogé sur le réseau.")


def _each(facts: AdFacts, judge_one: Callable[[DcNetwork], Judgement]) -> list[Judgement]:
    if not facts.network:
        return [not_assessed(facts.domain.dns_name, NOT_PROBED)]
    return [judge_one(controller) for controller in facts.network]


def smb_signing(facts: AdFacts, context: Context) -> list[Judgement]:
    """The controller requires signing on SMB 2 and 3."""
    del context
    return _each(facts, _smb_signing)


def _smb_signing(controller: DcNetwork) -> Judgement:
    smb = controller.smb
    if isinstance(smb, Gap):
        return not_assessed(controller.host, smb)
    required = smb.signing_required
    if isinstance(required, Gap):
        return not_assessed(controller.host, required)
    evidence = Evidence(value="exigée" if required else "facultative", source="réponse SMB2 NEGOTIATE, SecurityMode")
    if required:
        return passed(controller.host, "Le contrôleur exige la signature des échanges de fichiers.", evidence)
    text = "Le contrôleur accepte des échanges de fichiers non signés, qu'un intrus peut modifier."
    return failed(controller.host, text, evidence)


def smb1(facts: AdFacts, context: Context) -> list[Judgement]:
    """The controller refuses SMB 1."""
    del context
    return _each(facts, _smb1)


def _smb1(controller: DcNetwork) -> Judgement:
    smb = controller.smb
    if isinstance(smb, Gap):
        return not_assessed(controller.host, smb)
    if isinstance(smb.smb1, Gap):
        return not_assessed(controller.host, smb.smb1)
    evidence = Evidence(value="accepté" if smb.smb1 else "refusé", source="négociation SMB1 (NT LM 0.12)")
    if smb.smb1:
        text = "Le contrôleur accepte SMB 1, le protocole qui a servi à propager les rançongiciels."
        return failed(controller.host, text, evidence)
    return passed(controller.host, "Le contrôleur refuse SMB 1.", evidence)


def ldap_signing(facts: AdFacts, context: Context) -> list[Judgement]:
    """The controller refuses unsigned LDAP sessions on the clear port."""
    del context
    return _each(facts, _ldap_signing)


def _ldap_signing(controller: DcNetwork) -> Judgement:
    required = controller.ldap_signing_required
    if isinstance(required, Gap):
        return not_assessed(controller.host, required)
    evidence = Evidence(value="exigée" if required else "facultative", source="authentification LDAP sans signature")
    if required:
        return passed(controller.host, "Le contrôleur exige la signature des échanges LDAP.", evidence)
    text = "Le contrôleur accepte des échanges LDAP non signés, qu'un intrus peut détourner."
    return failed(controller.host, text, evidence)


def ldaps(facts: AdFacts, context: Context) -> list[Judgement]:
    """The controller offers LDAPS with a certificate that validates, or that the site profile pins.

    An expired certificate fails even when pinned.
    """
    return _each(facts, lambda controller: _ldaps(controller, context))


def _ldaps(controller: DcNetwork, context: Context) -> Judgement:
    seen = controller.ldaps
    if isinstance(seen, Gap):
        return not_assessed(controller.host, seen)
    evidence = Evidence(value=seen.fingerprint or "aucun certificat", source="TLS sur le port LDAPS")
    fault = _ldaps_fault(seen, context.now.timestamp())
    if fault:
        return failed(controller.host, fault, evidence)
    proof = "reconnu par une autorité" if seen.validated else "connu du profil d'audit (empreinte épinglée)"
    return passed(controller.host, f"LDAPS est disponible, avec un certificat {proof}.", evidence)


def _ldaps_fault(seen: LdapsFacts, now: float) -> str:
    if not seen.offered:
        return "Le contrôleur n'offre pas de connexion chiffrée à l'annuaire (LDAPS)."
    if seen.not_after is not None and seen.not_after < now:
        return f"Le certificat LDAPS du contrôleur a expiré le {day(seen.not_after)}."
    if not (seen.validated or seen.pinned):
        return f"Le certificat LDAPS du contrôleur n'est pas vérifiable ({seen.error or 'autorité inconnue'})."
    return ""
