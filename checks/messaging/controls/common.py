"""What the controls share: one judgement per mail domain, evidence, and the questions asked before judging."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from checks.messaging.facts import MailDomain, MessagingFacts, MxFacts
from checks.messaging.parsers.dkim import DkimKey, KeyState, parse_key
from checks.messaging.parsers.spf import Problem
from checks.model import Affected, Context, Evidence, Gap, Judgement, not_applicable

Judge = Callable[[MailDomain, Context], Judgement]
Control = Callable[[MessagingFacts, Context], list[Judgement]]


def each_domain(judge: Judge) -> Control:
    """Make a control out of a function that judges one mail domain; a domain that does not exist is set aside."""

    @functools.wraps(judge)
    def control(facts: MessagingFacts, context: Context) -> list[Judgement]:
        return [_judge_existing(judge, domain, context) for domain in facts.domains]

    return control


def _judge_existing(judge: Judge, domain: MailDomain, context: Context) -> Judgement:
    if domain.exists is False:
        return not_applicable(domain.name, f"Le domaine {domain.name} n'existe pas dans le DNS.")
    return judge(domain, context)


def txt(name: str, records: Iterable[str]) -> tuple[Evidence, ...]:
    """One piece of evidence per TXT record; the absence of record is evidence too."""
    source = f"DNS TXT {name}"
    return tuple(Evidence(value=text, source=source) for text in records) or (
        Evidence(value="aucun enregistrement de ce type", source=source),
    )


def hosts(names: Iterable[str], detail: str = "") -> tuple[Affected, ...]:
    """Mail servers a failed control points at."""
    return tuple(Affected(id=name, label=name, detail=detail) for name in dict.fromkeys(names))


def first_gap(values: Iterable[object]) -> Gap | None:
    """The first gap among facts, if any."""
    return next((value for value in values if isinstance(value, Gap)), None)


def receives_nothing(domain: MailDomain) -> str:
    """Why nothing that concerns incoming mail applies; empty when the domain receives mail or nobody knows."""
    mx = domain.mx
    if isinstance(mx, MxFacts) and mx.null:
        return f"{domain.name} déclare ne recevoir aucun courrier (MX nul)."
    if isinstance(mx, MxFacts) and not mx.exchangers and mx.fallback_addresses == ():
        return f"{domain.name} ne reçoit aucun courrier : il n'a ni serveur de messagerie ni adresse."
    return ""


def sends_nothing(domain: MailDomain) -> bool:
    """True when SPF states that nobody may send mail for the domain (`v=spf1 -all` or equivalent)."""
    spf = domain.spf
    if isinstance(spf, Gap) or spf.evaluation is None:
        return False
    found = spf.evaluation
    unsure = found.errors or found.failures or any(item.problem != Problem.PTR for item in found.unknown)
    nobody = found.ipv4_addresses == 0 and found.ipv6_prefixes == 0
    return found.final == "-" and nobody and not unsure and not found.unknown


def keys_of(domain: MailDomain, *, declared_only: bool = False) -> list[tuple[str, DkimKey]]:
    """(selector, key) of every selector that has exactly one record; several records make an invalid key."""
    keys: list[tuple[str, DkimKey]] = []
    for selector in domain.dkim.selectors:
        if isinstance(selector.records, Gap) or not selector.records:
            continue
        if declared_only and not selector.declared:
            continue
        if len(selector.records) > 1:
            problem = "plusieurs enregistrements pour un seul sélecteur"
            keys.append((selector.selector, DkimKey(state=KeyState.INVALID, problem=problem)))
        else:
            keys.append((selector.selector, parse_key(selector.records[0])))
    return keys
