"""Synthetic firewall policies for the benchmark: object groups, zones, planted anomalies, and hostile shapes."""

from __future__ import annotations

import random
from collections.abc import Iterator

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import Chain, Device, Interface, Rule
from checks.firewall.parsers.builder import DeviceBuilder

ZONES = ("lan", "dmz", "wan", "invites", "vpn", "sauvegarde")
GROUP = 4
"""Most members of a group of addresses."""


Drawn = tuple[ip.Addresses, ip.Addresses, svc.Services, str, str, str]
"""Source, destination, service, zones, action."""


class _Objects:
    """Hosts, networks and groups to draw from, like those of a real site that grew for years."""

    def __init__(self, rng: random.Random, count: int) -> None:
        self._rng = rng
        self.addresses = [self._address() for _ in range(count)]
        ports = [22, 25, 53, 80, 110, 123, 143, 389, 443, 445, 465, 587, 636, 993, 1433, 3306, 3389, 5432, 8080, 8443]
        singles = [f"{proto}/{port}" for port in ports for proto in ("tcp", "udp")]
        singles += [f"tcp/{low}-{low + rng.randint(1, 400)}" for low in rng.sample(range(1024, 60000), 60)]
        self.services = [svc.join(*(svc.parse_service(text) for text in rng.sample(singles, rng.choice([1, 1, 2, 3]))))
                         for _ in range(150)]  # fmt: skip

    def _one(self) -> str:
        rng = self._rng
        base = f"10.{rng.randint(0, 40)}.{rng.randint(0, 255)}"
        return rng.choice([f"{base}.{rng.randint(1, 254)}", f"{base}.0/24", f"{base}.{rng.randrange(0, 256, 16)}/28"])

    def _address(self) -> ip.Addresses:
        return ip.from_ranges(self._one() for _ in range(self._rng.choice([1, 1, 2, 3, GROUP])))


def realistic(count: int, *, seed: int = 1, zones: bool = True) -> Device:
    """`count` rules: 6 zones (or any interface everywhere), groups, 5 % any source, 5 % any destination, 4 % any
    service, 4 % planted inside an earlier rule, 4 % copies, 1 % hidden by two halves.
    """
    rng = random.Random(seed)
    objects = _Objects(rng, max(200, count // 10))
    drawn: list[Drawn] = []
    while len(drawn) < count:
        kind = rng.random()
        if drawn and kind < 0.04:
            source, destination, service, zone_in, zone_out, action = rng.choice(drawn)
            low, high = (source.v4 or ip.ALL4)[0]
            source = ip.Addresses(v4=((low, (low + high) // 2),))
            drawn.append((source, destination, service, zone_in, zone_out, rng.choice(["permit", "deny"])))
        elif drawn and kind < 0.08:
            drawn.append(rng.choice(drawn))
        elif drawn and kind < 0.09:
            drawn += _halves(rng, rng.choice(drawn))
        else:
            source = ip.ANY4 if rng.random() < 0.05 else rng.choice(objects.addresses)
            destination = ip.ANY4 if rng.random() < 0.05 else rng.choice(objects.addresses)
            service = svc.ANY if rng.random() < 0.04 else rng.choice(objects.services)
            action = "permit" if rng.random() < 0.8 else "deny"
            drawn.append((source, destination, service, rng.choice(ZONES), rng.choice(ZONES), action))
    return _device(drawn[:count], zones=zones)


def _halves(rng: random.Random, whole: Drawn) -> Iterator[Drawn]:
    """Two rules that together hold a third, which follows them."""
    source, destination, _, zone_in, zone_out, action = whole
    cut = rng.randint(2000, 60000)
    for low, high in ((0, cut), (cut + 1, 65535)):
        yield source, destination, svc.of(6, ((low, high),)), zone_in, zone_out, rng.choice(["permit", "deny"])
    yield source, destination, svc.of(6), zone_in, zone_out, action


def crossed(count: int, *, seed: int = 1) -> Device:
    """Hostile: stripes by source cross stripes by destination, so that rules overlap everywhere and boxes multiply."""
    rng = random.Random(seed)
    drawn: list[Drawn] = []
    for number in range(count):
        low = rng.randrange(1 << 24) << 4
        stripe = ip.Addresses(v4=((low, min((1 << 32) - 1, low + (rng.randrange(1, 1 << 16) << 4))),))
        port = svc.of(6, ((rng.randrange(0, 30000), rng.randrange(30000, 65536)),))
        action = rng.choice(["permit", "deny"])
        source, destination = (stripe, ip.ANY4) if number % 2 else (ip.ANY4, stripe)
        drawn.append((source, destination, port if number % 3 else svc.ANY, "lan", "wan", action))
    return _device(drawn, zones=False)


def _device(drawn: list[Drawn], *, zones: bool) -> Device:
    builder = DeviceBuilder("synthetic", [])
    rules = tuple(
        Rule(
            ref=str(number),
            line=number,
            action=action,
            source=builder.address(source),
            destination=builder.address(destination),
            services=builder.service(service),
            in_zones=(zone_in,) if zones else (),
            out_zones=(zone_out,) if zones else (),
        )
        for number, (source, destination, service, zone_in, zone_out, action) in enumerate(drawn, 1)
    )
    chain = Chain(name="policy", hook="forward", families=(4,), default="deny", rules=rules)
    interfaces = tuple(Interface(name=zone) for zone in ZONES)
    return builder.build(name="synthetic", chains=(chain,), interfaces=interfaces)
