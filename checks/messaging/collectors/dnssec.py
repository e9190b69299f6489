"""Presence of DNSSEC records. Nothing is validated up to the root: the facts say what is published."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from checks.common.dns import Answer, DnsClient
from checks.messaging.facts import DnssecFacts
from checks.model import Gap


async def collect_dnssec(dns: DnsClient, domain: str) -> DnssecFacts | Gap:
    """DS, DNSKEY and signatures of the zone that holds `domain`."""
    soa, ds, dnskey = await _ask(dns, domain)
    above = bool(soa.zone) and domain.endswith(f".{soa.zone}")
    zone = soa.zone if above else domain  # an alias shows the zone of its target, which is not ours to judge
    if above:
        soa, ds, dnskey = await _ask(dns, zone)
    gap = soa.gap() or ds.gap() or dnskey.gap()
    if gap is not None:
        return gap
    return DnssecFacts(
        zone=zone,
        ds=len(ds.records),
        dnskey=len(dnskey.records),
        signatures=len(soa.signatures),
        expiration=max((_utc(signature.expiration) for signature in soa.signatures), default=""),
    )


async def _ask(dns: DnsClient, zone: str) -> tuple[Answer, Answer, Answer]:
    return await asyncio.gather(dns.ask(zone, "SOA", dnssec=True), dns.ask(zone, "DS"), dns.ask(zone, "DNSKEY"))


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
