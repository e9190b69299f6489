"""The tests from inside of one audit: those made now, and those made earlier while joined to another network.

One machine is on one network at a time. The same profile is therefore collected from each network in turn; each time,
the tests of the other networks are taken from the facts of the earlier collections, or said not to be made.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from checks.model import Network, Progress
from checks.wifi.inside.config import InsideConfig
from checks.wifi.inside.facts import InsideFacts
from checks.wifi.inside.plan import plan
from checks.wifi.inside.probe import probe
from checks.wifi.inside.routers import routers_of

PURPOSE = "savoir si ce poste est sur ce réseau Wi-Fi (rien n'est envoyé)"
DISCARD_PORT = 9
"""Of the datagram socket that asks the system for a route; no datagram is sent."""
AWAY = "ce poste n'est pas sur ce réseau"


def from_inside(
    configs: Sequence[InsideConfig],
    earlier: Iterable[InsideFacts],
    network: Network,
    progress: Progress,
    clock: Callable[[], datetime],
) -> tuple[InsideFacts, ...]:
    """One result per network of the profile, in its order: made now, else the latest of the earlier ones, else untried.

    Never raises for what the network does.
    """
    tried = [(one.started, one) for one in earlier if one.started]  # the others only say that nothing was tried
    made = {_place(one): one for _, one in sorted(tried, key=lambda pair: pair[0])}
    found: list[InsideFacts] = []
    for config in configs:
        own = own_address(config, network)
        if own is not None and not _belongs(own, config.network):
            found.append(made.get((config.role, config.ssid, config.network)) or untried(config, own))
            continue
        facts = asyncio.run(probe(config, network, progress))
        found.append(msgspec.structs.replace(facts, started=clock(), routers=routers_of(config.network)))
    return tuple(found)


def _place(facts: InsideFacts) -> tuple[str, str, str]:
    return facts.role, facts.ssid, facts.network


def own_address(config: InsideConfig, network: Network) -> str | None:
    """Address of this machine on the way to the declared range; empty without any way, None when it cannot be known.

    Connecting a datagram socket sends nothing: the system only chooses a route.
    """
    if not config.network:
        return None
    host = str(next(iter(ipaddress.ip_network(config.network).hosts())))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        network.permit(host, DISCARD_PORT, "udp", PURPOSE)
    except OSError:  # the mandate does not name this range: what may be tried is decided target by target
        return None
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((host, DISCARD_PORT))
            return str(sock.getsockname()[0])
    except OSError:
        return ""


def _belongs(address: str, network: str) -> bool:
    return bool(address) and ipaddress.ip_address(address.partition("%")[0]) in ipaddress.ip_network(network)


def untried(config: InsideConfig, own: str) -> InsideFacts:
    """What is written for a network this machine is not on: nothing was sent."""
    kept, left = plan(config)
    return InsideFacts(
        role=config.role,
        ssid=config.ssid,
        network=config.network,
        own_addresses=(own,) if own else (),
        declared_routers=config.routers,
        attempts=tuple(one.untried(AWAY) for one in (*kept, *left)),
    )
