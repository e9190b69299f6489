"""MX records and the addresses behind names."""

from __future__ import annotations

import asyncio

from checks.common.dns import Answer, DnsClient
from checks.messaging.facts import MailExchanger, MxFacts
from checks.model import Gap, Reason

MAX_EXCHANGERS = 20
"""MX records followed, best preference first. Real domains have at most a dozen; a reply of 64 kB may hold 3000."""


async def addresses_of(dns: DnsClient, name: str) -> tuple[tuple[str, ...] | Gap, str]:
    """IPv4 then IPv6 addresses of a name, and the target when it is an alias.

    Addresses found in one family are kept when the other family could not be asked; none found is only « none »
    when both families answered.
    """
    answers = await asyncio.gather(dns.ask(name, "A"), dns.ask(name, "AAAA"))
    found = tuple(record.address for answer in answers for record in answer.records)
    alias = next((answer.canonical for answer in answers if answer.canonical), "")
    gap = next((gap for answer in answers if (gap := answer.gap()) is not None), None)
    return (gap if gap is not None and not found else found), alias


async def collect_mx(dns: DnsClient, domain: str) -> MxFacts | Gap:
    """How mail for `domain` is received."""
    answer = await dns.ask(domain, "MX")
    gap = answer.gap()
    if gap is not None:
        return gap
    if not answer.records:
        fallback, _ = await addresses_of(dns, domain)
        return MxFacts(exchangers=(), fallback_addresses=fallback)
    return MxFacts(exchangers=await _exchangers(dns, answer))


async def _exchangers(dns: DnsClient, answer: Answer) -> tuple[MailExchanger, ...]:
    listed = sorted(
        (record.preference, record.exchange.to_text(omit_final_dot=True).lower()) for record in answer.records
    )
    named = [(preference, "" if name in ("@", ".") else name) for preference, name in listed]
    found = await asyncio.gather(*(_resolve(dns, name) for _, name in named[:MAX_EXCHANGERS]))
    ignored = Gap(
        reason=Reason.UNSUPPORTED,
        detail=f"Seuls les {MAX_EXCHANGERS} premiers serveurs de messagerie annoncés sont examinés.",
    )
    rest: list[tuple[tuple[str, ...] | Gap, str]] = [(ignored, "")] * len(named[MAX_EXCHANGERS:])
    return tuple(
        MailExchanger(preference=preference, name=name, addresses=addresses, alias_of=alias)
        for (preference, name), (addresses, alias) in zip(named, (*found, *rest), strict=True)
    )


async def _resolve(dns: DnsClient, name: str) -> tuple[tuple[str, ...] | Gap, str]:
    return await addresses_of(dns, name) if name else ((), "")
