"""Password policy of the domain."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.facts import AdFacts, DomainPolicy
from checks.ad.judging import missing
from checks.common.french import plural
from checks.model import (
    Context,
    Evidence,
    Gap,
    Judgement,
    Severity,
    failed,
    not_assessed,
    passed,
)

GOOD_LENGTH = 12
"""Characters: CNIL recommendation of July 2022 with complexity; ANSSI-PG-078 asks for 9 to 11 at the least."""
BAD_LENGTH = 8
HISTORY = 24
"""Passwords remembered: the Windows default, and the value of Microsoft's security baseline."""
MOST_TRIES = 10
"""Microsoft security baseline, account lockout threshold."""
SHORTEST_LOCK = 600
"""Seconds, same source."""


def strength(facts: AdFacts, context: Context) -> Judgement:
    """The domain asks for 12 characters, complexity and a history of 24.

    Below 8 characters or without complexity the finding is high, between 8 and 11 medium; a short history alone
    is low.
    """
    del context
    policy = facts.policy
    subject = facts.domain.dns_name
    if isinstance(policy, Gap):
        return not_assessed(subject, policy)
    length, bits, history = policy.min_length, policy.properties, policy.history
    evidence = Evidence(
        value=f"minPwdLength={length}, pwdProperties={bits}, pwdHistoryLength={history}",
        source=f"attributs de {facts.domain.dn}",
    )
    faults: list[tuple[str, Severity]] = []
    if length is not None and length < GOOD_LENGTH:
        grave = Severity.HIGH if length < BAD_LENGTH else Severity.MEDIUM
        faults.append((f"{plural(length, '{n} caractère', '{n} caractères')} au lieu de {GOOD_LENGTH}", grave))
    if bits is not None and not bits & windows.COMPLEX_PASSWORDS:
        faults.append(("aucune complexité exigée", Severity.HIGH))
    if history is not None and history < HISTORY:
        kept = plural(history, "{n} ancien mot de passe refusé", "{n} anciens mots de passe refusés")
        faults.append((f"{kept} au lieu de {HISTORY}", Severity.LOW))
    if faults:
        worst = min((severity for _, severity in faults), key=lambda severity: severity.rank)
        text = "; ".join(words for words, _ in faults)
        return failed(subject, f"La règle de mot de passe est trop faible : {text}.", evidence, severity=worst)
    if length is None or bits is None or history is None:
        return not_assessed(subject, missing("la règle de mot de passe du domaine"))
    return passed(subject, f"Les mots de passe ont au moins {length} caractères, avec complexité.", evidence)


def lockout(facts: AdFacts, context: Context) -> Judgement:
    """An account is locked after at most 10 wrong passwords, for at least 10 minutes.

    A duration of 0 (until an administrator unlocks) conforms.
    """
    del context
    policy = facts.policy
    subject = facts.domain.dns_name
    if isinstance(policy, Gap):
        return not_assessed(subject, policy)
    evidence = Evidence(
        value=f"lockoutThreshold={policy.lockout_threshold}, lockoutDuration={policy.lockout_duration} s",
        source=f"attributs de {facts.domain.dn}",
    )
    fault = _lockout_fault(policy)
    if fault is None:
        return not_assessed(subject, missing("la règle de verrouillage du domaine"))
    if fault:
        return failed(subject, fault, evidence)
    text = f"Un compte est verrouillé après {policy.lockout_threshold} mots de passe faux."
    return passed(subject, text, evidence)


def _lockout_fault(policy: DomainPolicy) -> str | None:
    tries, duration = policy.lockout_threshold, policy.lockout_duration
    if tries is None:
        return None
    if tries == 0:
        return "Un compte n'est jamais verrouillé : on peut essayer autant de mots de passe qu'on veut."
    if tries > MOST_TRIES:
        return f"Un compte n'est verrouillé qu'après {tries} mots de passe faux (limite {MOST_TRIES})."
    if duration is None:
        return None
    if 0 < duration < SHORTEST_LOCK:
        return f"Un compte verrouillé se rouvre seul après {duration // 60} minute(s), au lieu de 10."
    return ""


def reversible(facts: AdFacts, context: Context) -> Judgement:
    """The domain policy does not store passwords in a form that can be read back."""
    del context
    policy = facts.policy
    subject = facts.domain.dns_name
    if isinstance(policy, Gap):
        return not_assessed(subject, policy)
    if policy.properties is None:
        return not_assessed(subject, missing("pwdProperties du domaine"))
    evidence = Evidence(value=str(policy.properties), source=f"pwdProperties (0x10) de {facts.domain.dn}")
    if policy.properties & windows.CLEARTEXT_PASSWORDS:
        return failed(subject, "Le domaine stocke tous les mots de passe de façon lisible.", evidence)
    return passed(subject, "Le domaine ne stocke pas les mots de passe de façon lisible.", evidence)
