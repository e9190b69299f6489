"""DKIM: is outgoing mail signed, with keys that hold? RFC 6376, RFC 8301, RFC 8463."""

from __future__ import annotations

from checks.common.french import count, listed
from checks.messaging.controls.common import each_domain, first_gap, keys_of, sends_nothing
from checks.messaging.facts import MailDomain
from checks.messaging.parsers.dkim import DkimKey, KeyState
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

GOOD_RSA_BITS = 2048
"""RFC 8301 section 3.2: signers should use at least 2048 bits."""
MIN_RSA_BITS = 1024
"""RFC 8301 section 3.2: verifiers must not accept less."""


def _name(domain: MailDomain, selector: str) -> str:
    return f"{selector}._domainkey.{domain.name}"


def _evidence(domain: MailDomain, *, declared_only: bool = False) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for selector in domain.dkim.selectors:
        if declared_only and not selector.declared:
            continue
        alias = f" (alias de {selector.target})" if selector.target else ""
        source = f"DNS TXT {_name(domain, selector.selector)}{alias}"
        if isinstance(selector.records, Gap):
            found.append(Evidence(value=selector.records.detail, source=source))
        else:
            found += [Evidence(value=text, source=source) for text in selector.records or ("aucune clé",)]
    return tuple(found)


def _none_found(domain: MailDomain) -> Judgement:
    """No usable key: proof of absence only when selectors were declared and all of them answered."""
    declared = [selector for selector in domain.dkim.selectors if selector.declared]
    gap = first_gap(selector.records for selector in declared)
    if gap is not None:
        return not_assessed(domain.name, gap)
    if declared:
        names = listed(selector.selector for selector in declared)
        message = (
            f"Aucune clé DKIM utilisable n'existe pour {domain.name} aux sélecteurs déclarés ({names}) : "
            "l'origine de son courrier ne peut pas être prouvée."
        )
        return failed(domain.name, message, *_evidence(domain, declared_only=True))
    if isinstance(domain.dkim.wildcard, Gap):
        return not_assessed(domain.name, domain.dkim.wildcard)
    trap = " Le domaine répond à n'importe quel sélecteur (enregistrement générique)." if domain.dkim.wildcard else ""
    detail = (
        f"Aucune clé DKIM de {domain.name} parmi {domain.dkim.guessed} sélecteurs usuels, ce qui ne prouve rien."
        f"{trap} Indiquez dans le profil le sélecteur lu dans l'en-tête d'un message envoyé (s=…)."
    )
    return not_assessed(domain.name, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))


@each_domain
def key_present(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with at least one usable key. Not finding a guessed selector is not a proof of absence."""
    if sends_nothing(domain):
        return not_applicable(domain.name, f"{domain.name} déclare n'envoyer aucun courrier.")
    usable = [selector for selector, key in keys_of(domain) if key.state is KeyState.USABLE]
    if not usable:
        return _none_found(domain)
    message = f"{domain.name} publie {count(len(usable), 'clé utilisable')} pour signer son courrier (DKIM) : "
    message += f"{listed(usable)}."
    return passed(domain.name, message, *_evidence(domain))


def _weakness(key: DkimKey) -> str:
    if key.algorithm == "rsa" and key.bits < GOOD_RSA_BITS:
        return f"clé RSA de {key.bits} bits"
    return "signature SHA-1 seulement" if key.sha1_only else ""


@each_domain
def key_strength(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every usable key is RSA of 2048 bits or more, or Ed25519; below 1024 bits is graver."""
    usable = [(selector, key) for selector, key in keys_of(domain) if key.state is KeyState.USABLE]
    if not usable:
        gap = first_gap((*(selector.records for selector in domain.dkim.selectors), domain.dkim.wildcard))
        if gap is not None:
            return not_assessed(domain.name, gap)
        if sends_nothing(domain) or any(selector.declared for selector in domain.dkim.selectors):
            return not_applicable(domain.name, f"{domain.name} n'a pas de clé DKIM en service (voir MAIL-DKIM-001).")
        detail = (
            f"Aucune clé DKIM de {domain.name} n'est connue : sa solidité ne peut pas être jugée (voir MAIL-DKIM-001)."
        )
        return not_assessed(domain.name, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    weak = [(selector, key, _weakness(key)) for selector, key in usable if _weakness(key)]
    if not weak:
        sizes = listed(f"{selector} : {key.algorithm} {key.bits} bits" for selector, key in usable)
        return passed(domain.name, f"Les clés DKIM de {domain.name} sont solides ({sizes}).", *_evidence(domain))
    words = listed(f"{selector} ({weakness})" for selector, _, weakness in weak)
    broken = any(key.algorithm == "rsa" and key.bits < MIN_RSA_BITS for _, key, _ in weak)
    message = f"Des clés DKIM de {domain.name} sont trop faibles : {words}. Une signature peut être imitée."
    affected = tuple(
        Affected(id=_name(domain, selector), label=selector, detail=weakness) for selector, _, weakness in weak
    )
    severity = Severity.HIGH if broken else None
    return failed(domain.name, message, *_evidence(domain), affected=affected, severity=severity)


def _fault(key: DkimKey) -> str:
    if key.state is KeyState.REVOKED:
        return "clé révoquée"
    if key.state is KeyState.INVALID:
        return f"clé inutilisable, {key.problem}"
    return "mode test (t=y)" if key.testing else ""


@each_domain
def declared_keys_live(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every declared selector has a key that is neither revoked, unreadable nor in test mode."""
    declared = [selector for selector in domain.dkim.selectors if selector.declared]
    if not declared:
        return not_applicable(domain.name, f"Aucun sélecteur DKIM n'est déclaré pour {domain.name}.")
    keys = dict(keys_of(domain, declared_only=True))
    faults = {
        selector.selector: _fault(keys[selector.selector]) if selector.selector in keys else "clé absente"
        for selector in declared
        if not isinstance(selector.records, Gap)
    }
    faulty = {selector: fault for selector, fault in faults.items() if fault}
    evidence = _evidence(domain, declared_only=True)
    if faulty:
        words = listed(f"{selector} ({fault})" for selector, fault in faulty.items())
        message = f"Des sélecteurs DKIM déclarés de {domain.name} ne servent à rien : {words}."
        affected = tuple(
            Affected(id=_name(domain, selector), label=selector, detail=fault) for selector, fault in faulty.items()
        )
        return failed(domain.name, message, *evidence, affected=affected)
    gap = first_gap(selector.records for selector in declared)
    if gap is not None:
        return not_assessed(domain.name, gap)
    return passed(domain.name, f"Les clés DKIM déclarées de {domain.name} sont en service.", *evidence)
