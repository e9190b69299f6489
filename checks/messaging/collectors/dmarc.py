"""DMARC: the whole tree walk at once, then the consent of outside report mailboxes."""

from __future__ import annotations

import asyncio

from checks.common.dns import DnsClient
from checks.common.suffix import Registrable
from checks.messaging.facts import DmarcFacts, DmarcStep, ReportAddress
from checks.messaging.parsers.dmarc import is_dmarc, mailbox, new_receiver_policy, walk_names

MAX_REPORT_ADDRESSES = 10


async def collect_dmarc(dns: DnsClient, domain: str, registrable: Registrable) -> DmarcFacts:
    """Everything DMARC receivers, old and new, can find about `domain`."""
    organisation = registrable(domain)
    names = tuple(dict.fromkeys((*walk_names(domain), organisation)))
    walk = tuple(await asyncio.gather(*(_step(dns, name) for name in names)))
    record = new_receiver_policy(walk).record
    uris = record.rua[:MAX_REPORT_ADDRESSES] if record else ()
    source = new_receiver_policy(walk).source
    reports = await asyncio.gather(*(_report(dns, uri, source, registrable) for uri in uris))
    return DmarcFacts(walk=walk, old_organisation=organisation, reports=tuple(reports))


async def _step(dns: DnsClient, name: str) -> DmarcStep:
    answer = await dns.ask(f"_dmarc.{name}", "TXT")
    gap = answer.gap()
    if gap is not None:
        return DmarcStep(domain=name, records=gap)
    texts = answer.texts()
    return DmarcStep(
        domain=name,
        records=tuple(text for text in texts if is_dmarc(text)),
        lookalikes=tuple(text for text in texts if not is_dmarc(text) and "dmarc" in text.lower()),
    )


async def _report(dns: DnsClient, uri: str, source: str, registrable: Registrable) -> ReportAddress:
    """Whether the mailbox agrees to receive reports about `source` (RFC 9990 section 4)."""
    domain = mailbox(uri)
    if not domain or registrable(domain) == registrable(source):
        return ReportAddress(uri=uri, domain=domain)
    answer = await dns.ask(f"{source}._report._dmarc.{domain}", "TXT")
    agreed = answer.gap() or any(map(is_dmarc, answer.texts()))
    return ReportAddress(uri=uri, domain=domain, external=True, authorised=agreed)
