"""What the DNS says of the mail domains of a tenant: SPF, DMARC, the two DKIM names of Microsoft 365, mail servers.

A few questions per domain, so that a tenant can be judged alone; the messaging domain of the audit goes much further.
Sources: RFC 7208 (SPF; section 4.6.4 for the terms that count towards ten), RFC 7489 section 6.6.3 (where a DMARC
record is looked for), Microsoft's own names for DKIM (`selector1._domainkey`, `selector2._domainkey`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from checks.common.dns import Answer, DnsClient, permitted_resolvers
from checks.common.suffix import Registrable, load_suffix_list
from checks.m365.facts import Reading, Rows
from checks.model import Gap, MandateRefusedError, Network, Reason, Record

MAX_DOMAINS = 60
MAX_SPF_QUESTIONS = 30
"""Per domain: three times what a receiver accepts to ask."""
MAX_TEXT = 2_000
SELECTORS = ("selector1", "selector2")
MICROSOFT = (".onmicrosoft.com", ".mail.onmicrosoft.com")
"""Domains that Microsoft runs: the establishment cannot publish in them."""
SOURCE = "DNS : TXT, CNAME et MX des domaines de messagerie"
_QUERYING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})


class Spf(Record, frozen=True, kw_only=True):
    """What a walk through an SPF policy gave."""

    final: str | None
    """Qualifier of `all`, redirections followed; empty: nothing is said of other senders; None: unknown."""
    lookups: int | None
    """Terms that need the DNS; None: a part of the policy could not be read."""


def own_domains(domains: Sequence[str]) -> tuple[str, ...]:
    """The domains the establishment publishes for, without those of Microsoft, each once."""
    named = (domain.strip().rstrip(".").lower() for domain in domains)
    return tuple(dict.fromkeys(name for name in named if name and not name.endswith(MICROSOFT)))


async def read_mail_dns(domains: Sequence[str], network: Network, *, timeout: float = 1.5) -> Reading:
    """Ask the resolvers of the audit about each domain. Never raises: a refusal of the mandate is a gap.

    The rows have the properties of the reading `mail_dns`; `failures` names the questions that stayed without answer.
    """
    asked = own_domains(domains)
    try:
        resolvers = permitted_resolvers(network, "lire SPF, DKIM et DMARC des domaines du locataire Microsoft 365")
    except MandateRefusedError as error:
        return Gap(reason=Reason.REFUSED, detail=f"Le mandat refuse les serveurs DNS : {error.why}.")
    if not resolvers:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun serveur DNS n'est déclaré pour l'audit.")
    registrable = load_suffix_list()
    async with DnsClient(resolvers, timeout=timeout) as client:
        rows = await asyncio.gather(*(_domain(client, name, registrable) for name in asked[:MAX_DOMAINS]))
    return Rows(rows=tuple(rows), complete=len(asked) <= MAX_DOMAINS, source=SOURCE)


async def _domain(client: DnsClient, name: str, registrable: Registrable) -> dict[str, Any]:
    keys = asyncio.gather(*(client.ask(f"{selector}._domainkey.{name}", "TXT") for selector in SELECTORS))
    texts, mx = await asyncio.gather(client.ask(name, "TXT"), client.ask(name, "MX"))
    dmarc, dmarc_at = await _dmarc(client, name, registrable)
    found = dict(zip(SELECTORS, await keys, strict=True))
    spf = _versioned(texts, "v=spf1")
    walked = await _walk(client, spf[0]) if len(spf) == 1 else Spf(final=None, lookups=None)
    return {
        "domain": name,
        "spf": None if texts.gap() else spf,
        "spf_all": walked.final,
        "spf_lookups": walked.lookups,
        "dmarc": None if dmarc.gap() else _versioned(dmarc, "v=dmarc1"),
        "dmarc_at": dmarc_at,
        "selectors": {
            selector: None if answer.gap() else {"target": answer.canonical, "key": _has_key(answer)}
            for selector, answer in found.items()
        },
        "mx": None if mx.gap() else [record.exchange.to_text(omit_final_dot=True).lower() for record in mx.records],
        "failures": [gap.detail for answer in (texts, mx, dmarc, *found.values()) if (gap := answer.gap())],
    }


async def _dmarc(client: DnsClient, name: str, registrable: Registrable) -> tuple[Answer, str]:
    """The answer that holds the DMARC record, and the domain it is published for."""
    answer = await client.ask(f"_dmarc.{name}", "TXT")
    parent = registrable(name)
    if answer.gap() is None and not _versioned(answer, "v=dmarc1") and parent != name:
        return await client.ask(f"_dmarc.{parent}", "TXT"), parent
    return answer, name


def _versioned(answer: Answer, version: str) -> list[str]:
    """The texts that start with a version word, in no matter which letters."""
    found = (text.strip()[:MAX_TEXT] for text in answer.texts()) if answer.records else ()
    return [text for text in found if text.lower().replace(" ", "").startswith(version) and _ends(text, version)]


def _ends(text: str, version: str) -> bool:
    """`v=spf1` is followed by a space or nothing, `v=DMARC1` by a semicolon, a space or nothing."""
    if version == "v=spf1":
        return text.lower() == version or text.lower().startswith(version + " ")
    rest = text.lower().replace(" ", "")[len(version) :]
    return not rest or rest[0] == ";"


def _has_key(answer: Answer) -> bool:
    """Whether a DKIM record publishes a key: an empty `p=` revokes it (RFC 6376 section 3.6.1)."""
    if not answer.records:
        return False
    tags = (part.split("=", 1) for text in answer.texts() for part in text.split(";") if "=" in part)
    return any(tag.strip().lower() == "p" and bool(value.strip()) for tag, value in tags)


async def _walk(client: DnsClient, record: str) -> Spf:
    """Count the DNS terms of a policy and of those it includes, and follow its redirections.

    A policy included twice counts twice, as it does for a receiver; a loop ends at the bound, well above ten.
    """
    final, redirect = _final(record)
    lookups = asked = 0
    waiting, unknown, unknown_final = [record], False, False
    while waiting and asked < MAX_SPF_QUESTIONS:
        for term, target in _terms(waiting.pop()):
            lookups += 1
            if term not in ("include", "redirect"):
                continue
            answer = None if "%" in target or not target else await client.ask(target, "TXT")
            asked += 1
            found = _versioned(answer, "v=spf1") if answer else []
            if answer is None or answer.gap():  # a macro depends on each message
                unknown = True
                unknown_final |= target == redirect
            elif found:
                waiting.append(found[0])
                if target == redirect:
                    final, redirect = _final(found[0])
    return Spf(final=None if unknown_final else final, lookups=None if unknown else lookups)


def _final(record: str) -> tuple[str, str]:
    """The qualifier of `all`, and the redirection that replaces it when there is none."""
    redirect = ""
    for term in record.split()[1:]:
        bare = term.lower()
        if bare.lstrip("+-~?") == "all":
            return (bare[0] if bare[0] in "+-~?" else "+"), ""
        if bare.startswith("redirect="):
            redirect = bare.removeprefix("redirect=").rstrip(".")
    return "", redirect


def _terms(record: str) -> list[tuple[str, str]]:
    """The terms that need the DNS, with the name they point at."""
    found = []
    _, redirect = _final(record)
    for term in record.split()[1:]:
        bare = term.lower().lstrip("+-~?")
        if bare.startswith("redirect=") and not redirect:
            continue  # `all` makes receivers ignore it
        mechanism = next((bare[: bare.index(mark)] for mark in bare if mark in ":=/"), bare)
        if mechanism in _QUERYING:
            rest = bare[len(mechanism) + 1 :].partition("/")[0].rstrip(".")
            found.append((mechanism, rest))
    return found
