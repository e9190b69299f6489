"""What to try and in which order, within the budget. Pure: nothing is sent here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from checks.model import Record
from checks.wifi.inside import snmp
from checks.wifi.inside.config import EQUIPMENT, PRINTER, InsideConfig, Target
from checks.wifi.inside.facts import EXTERNAL, NOT_TRIED, UNUSED, Attempt

FIRST_PORTS = 3
"""Ports knocked on at an address nobody has: those tried first elsewhere…"""
PORTAL_PORTS = (80, 443)
"""…and those a captive portal intercepts."""
IPV6 = "ipv6"
"""Kind of the one IPv6 target, that the facts keep apart."""


class Try(Record, frozen=True, kw_only=True):
    """One connection to make."""

    target: str
    address: str
    port: int
    kind: str
    protocol: Literal["tcp", "udp"] = "tcp"
    must_answer: bool = False

    def untried(self, why: str) -> Attempt:
        """What is written when it was not made."""
        return Attempt(
            target=self.target,
            address=self.address,
            port=self.port,
            protocol=self.protocol,
            kind=self.kind,
            outcome=NOT_TRIED,
            detail=why,
            must_answer=self.must_answer,
        )


def plan(config: InsideConfig) -> tuple[list[Try], list[Try]]:
    """Connections to make, and those the budget leaves out.

    First what gives a meaning to silence (machines that must answer, unused addresses), then the first port of every
    machine, then the second: a small budget sees a little of everything.
    """
    machines = config.machines
    asked = _snmp(machines) if config.snmp else ()
    wished = list(dict.fromkeys((*_witnesses(config), *_outside(config), *_by_rank(machines), *asked)))
    kept: list[Try] = []
    left: list[Try] = []
    of_host: Counter[str] = Counter()
    budget = config.max_connections - bool(config.portal_url)
    for one in wished:
        if len(kept) < budget and of_host[one.address] < config.max_per_host:
            of_host[one.address] += 1
            kept.append(one)
        else:
            left.append(one)
    return kept, left


def _witnesses(config: InsideConfig) -> Iterable[Try]:
    for target in config.machines:
        if target.must_answer:
            yield from _of_target(target)
    firsts = list(dict.fromkeys(target.wanted()[0] for target in config.machines if not target.must_answer))
    for address in config.unused:
        for port in dict.fromkeys((*firsts[:FIRST_PORTS], *PORTAL_PORTS)):
            yield Try(target=f"adresse inutilisée {address}", address=address, port=port, kind=UNUSED)


def _outside(config: InsideConfig) -> Iterable[Try]:
    if config.ipv6_target:
        address = config.ipv6_target
        yield Try(target=f"machine en IPv6 {address}", address=address, port=config.ipv6_port, kind=IPV6)
    if config.external:
        for port in dict.fromkeys(config.egress_ports):
            yield Try(target=config.external, address=config.external, port=port, kind=EXTERNAL)


def _snmp(targets: Iterable[Target]) -> Iterable[Try]:
    for target in targets:
        if target.kind in {*EQUIPMENT, PRINTER} and not target.must_answer:
            for host in target.hosts():
                yield Try(target=target.label, address=host, port=snmp.PORT, kind=target.kind, protocol="udp")


def _by_rank(targets: Iterable[Target]) -> list[Try]:
    ranked = [(rank, one) for target in targets for rank, one in _ranked(target)]
    ranked.sort(key=lambda pair: pair[0])  # stable: within a rank, targets keep the order of the profile
    return [one for _, one in ranked]


def _ranked(target: Target) -> Iterable[tuple[int, Try]]:
    for rank, port in enumerate(target.wanted()):
        for host in target.hosts():
            yield rank, _one(target, host, port)


def _of_target(target: Target) -> Iterable[Try]:
    return (one for _, one in _ranked(target))


def _one(target: Target, host: str, port: int) -> Try:
    return Try(target=target.label, address=host, port=port, kind=target.kind, must_answer=target.must_answer)
