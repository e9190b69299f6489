"""Certification authority and certificates kept in the directory."""

from __future__ import annotations

from collections.abc import Callable

from checks.ad.directory import Population, directory, population
from checks.ad.facts import AdFacts, Certificate, Template
from checks.ad.judging import Doubt, judge
from checks.ad.rights import strangers_who_enrol
from checks.model import Context, Gap, Judgement, not_applicable, not_assessed

SUBJECT_BY_REQUESTER = 0x1
"""msPKI-Certificate-Name-Flag, CT_FLAG_ENROLLEE_SUPPLIES_SUBJECT (MS-CRTD 2.28)."""
MANAGER_APPROVAL = 0x2
"""msPKI-Enrollment-Flag, CT_FLAG_PEND_ALL_REQUESTS (MS-CRTD 2.26)."""
LOGON_USAGES = frozenset({"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.2.3.4", "2.5.29.37.0"})
"""Client authentication, smart card logon, PKINIT client, any purpose."""
VERY_WEAK_RSA = 1024
WEAK_RSA = 2048
SMALL_EXPONENT = 65537
GOOD_HASHES = ("sha2", "sha384", "sha512", "sha3")
"""Beginnings of the names of the SHA-2 and SHA-3 family (sha224 and sha256 start with sha2)."""
NO_CERTIFICATE = "L'annuaire ne contient aucun certificat."


def free_subject(facts: AdFacts, context: Context) -> Judgement:
    """No template lets ordinary people ask for a logon certificate in the name they choose.

    Concerned: templates issued by an authority trusted for logon (NTAuth), usable for logon, whose subject is
    supplied by the requester, without manager approval or countersignature (both lift the danger), and that
    somebody beyond the administrators may enrol. Deny entries are not subtracted.
    """
    del context
    subject = facts.domain.dns_name
    services, templates, trusted = facts.enrolment_services, facts.templates, facts.nt_auth
    if isinstance(services, Gap):
        return not_assessed(subject, services)
    if not services:
        return not_applicable(subject, "Le domaine n'a pas d'autorité de certification.")
    if isinstance(templates, Gap):
        return not_assessed(subject, templates)
    if isinstance(trusted, Gap):
        return not_assessed(subject, trusted)
    issued = {
        name.casefold()
        for service in services
        if set(service.certificates) & set(trusted)
        for name in service.templates
    }
    index = directory(facts)

    def test(template: Template) -> Doubt:
        descriptor = facts.descriptors.get(template.descriptor)
        if descriptor is None or template.name_flags is None:
            return None
        people = strangers_who_enrol(descriptor, index)
        return f"demande possible par {', '.join(people[:3])}" if people else ""

    risky = Population(tuple(t for t in templates if t.name.casefold() in issued and _risky(t)))
    gap = index.privileged_gap
    return judge(
        facts,
        risky if gap is None or not risky.items else risky._replace(gap=gap),
        test,
        good="Aucun modèle de certificat ne permet de se faire passer pour quelqu'un d'autre.",
        bad=(
            "1 modèle de certificat permet à un simple utilisateur de devenir administrateur.",
            "{n} modèles de certificat permettent à un simple utilisateur de devenir administrateur.",
        ),
        source="pKICertificateTemplate publiés, droits d'inscription",
    )


def _risky(template: Template) -> bool:
    """Tell whether a certificate of this template would log anyone on under a name of their choice, or may."""
    if template.name_flags is None:
        return True
    usages = {*template.ekus, *template.application_policies}
    return (
        bool(template.name_flags & SUBJECT_BY_REQUESTER)
        and not template.enrollment_flags & MANAGER_APPROVAL
        and template.ra_signatures == 0
        and (not usages or bool(usages & LOGON_USAGES))
    )


def _certificates(facts: AdFacts, context: Context) -> Population[Certificate]:
    """Certificates worth judging: an expired one only matters where it is still trusted as an authority."""
    now = context.now.timestamp()
    return population(facts.certificates).where(
        lambda c: c.trust_container or c.not_after is None or c.not_after >= now
    )


def broken_keys(facts: AdFacts, context: Context) -> Judgement:
    """No certificate has a key that can be broken: DSA, RSA below 1024 bits, or the ROCA flaw."""

    def test(certificate: Certificate) -> Doubt:
        if certificate.key == "dsa":
            return "clé DSA"
        if certificate.key == "rsa" and certificate.bits < VERY_WEAK_RSA:
            return f"clé RSA de {certificate.bits} bits"
        return "clé RSA fabriquée par un composant défectueux (ROCA)" if certificate.roca else ""

    return _judge_certificates(
        facts,
        context,
        test,
        good="Aucun certificat de l'annuaire n'a de clé cassable.",
        bad=("1 certificat a une clé cassable.", "{n} certificats ont une clé cassable."),
    )


def unreadable(facts: AdFacts, context: Context) -> Judgement:
    """Every certificate value of the directory can be decoded."""
    return _judge_certificates(
        facts,
        context,
        lambda c: "valeur illisible" if c.key == "undecodable" else "",
        good="Tous les certificats de l'annuaire sont lisibles.",
        bad=("1 certificat est illisible.", "{n} certificats sont illisibles."),
    )


def weak_keys(facts: AdFacts, context: Context) -> Judgement:
    """Certificates use RSA of 2048 bits at least with exponent 65537 or more, or another key, and SHA-2 or SHA-3.

    Those of `broken_keys` count here too, as in the public text.
    """

    def test(certificate: Certificate) -> Doubt:
        reasons = []
        if certificate.key == "rsa" and certificate.bits < WEAK_RSA:
            reasons.append(f"RSA {certificate.bits} bits")
        if certificate.key == "rsa" and certificate.exponent < SMALL_EXPONENT:
            reasons.append(f"exposant {certificate.exponent}")
        used = certificate.signature_hash.casefold().replace("-", "")
        if used and not used.startswith(GOOD_HASHES):
            reasons.append(f"signature {certificate.signature_hash}")
        return ", ".join(reasons)

    return _judge_certificates(
        facts,
        context,
        test,
        good="Les certificats de l'annuaire ont des clés et des signatures solides.",
        bad=(
            "1 certificat a une clé ou une signature trop faible.",
            "{n} certificats ont une clé ou une signature trop faible.",
        ),
    )


def _judge_certificates(
    facts: AdFacts,
    context: Context,
    test: Callable[[Certificate], Doubt],
    *,
    good: str,
    bad: tuple[str, str],
) -> Judgement:
    """Judge each certificate; the object that holds it is what the reader must find."""
    return judge(
        facts,
        _certificates(facts, context),
        test,
        good=good,
        bad=bad,
        source="cACertificate, userCertificate",
        nothing=NO_CERTIFICATE,
    )
