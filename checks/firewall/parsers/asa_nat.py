"""Address translation of a Cisco ASA, in the order the firewall tries it.

Section 1: manual rules, as typed. Section 2: rules of objects, static before dynamic, then fewest addresses, lowest
address, name. Section 3: manual rules marked `after-auto`. Releases before 8.3 have `static`, `nat` and `global`.

A static translation works both ways; it is described as the publication it makes: destination = mapped address,
`to_address` = real one.
Reference: Cisco ASA Firewall CLI Configuration Guide, "NAT Rule Order".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import intervals
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import NatRule
from checks.firewall.parsers.asa_blocks import Line
from checks.firewall.parsers.asa_config import Config
from checks.firewall.parsers.asa_objects import TRANSPORT, AsaError, Words, read_ports

_EFFECT = "traduction d'adresses indéterminée"
_FLAGS = frozenset(
    (
        "dns", "no-proxy-arp", "route-lookup", "unidirectional", "inactive", "net-to-net", "round-robin", "extended",
        "flat", "include-reserve", "block-allocation", "interface", "ipv6", "norandomseq", "tcp", "udp", "netmask",
    )
)  # fmt: skip


class _Found(NamedTuple):
    """A translation and its place in the order."""

    section: int
    order: tuple[int, int, int, str]
    rules: tuple[NatRule, ...]


class Translations:
    """Reads every translation of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._builder = config.builder
        self._tables = config.tables
        self._globals = {
            line.words[2]: line.words[3]
            for _, line in config.nat
            if line.words[0] == "global" and len(line.words) > 3  # noqa: PLR2004
        }
        """Addresses of each numbered pool (before 8.3)."""

    def rules(self) -> tuple[NatRule, ...]:
        """Every translation, in the order they are tried."""
        found: list[_Found] = []
        for rank, (name, line) in enumerate(self._config.nat):
            try:
                found.append(self._one(name, line, rank))
            except (AsaError, AddressError):
                self._config.flag(line, _EFFECT)
        return tuple(rule for one in sorted(found, key=lambda one: one[:2]) for rule in one.rules)

    def _one(self, name: str, line: Line, rank: int) -> _Found:
        words = Words(line.words)
        first = words.next()
        if first == "static":
            return _Found(1, (rank, 0, 0, ""), (self._old_static(words, line),))
        if first == "global":
            return _Found(1, (rank, 0, 0, ""), ())
        real, mapped = self._zones(words)
        if name:
            return self._of_object(name, words, line, real, mapped)
        if real and not mapped:
            return _Found(1, (rank, 0, 0, ""), self._old_dynamic(words, line, real))
        if words.peek().isdecimal():
            words.next()
        section = 3 if words.skip("after-auto") else 1
        if words.peek().isdecimal():
            words.next()
        return _Found(section, (rank, 0, 0, ""), self._manual(words, line, real, mapped))

    @staticmethod
    def _zones(words: Words) -> tuple[str, str]:
        if not words.peek().startswith("("):
            return "any", "any"
        text = words.next()
        while not text.endswith(")"):
            text += words.next()
        real, _, mapped = text[1:-1].partition(",")
        return real, mapped

    def _network(self, name: str) -> Addresses:
        if name == "any":
            return ip.ANY
        if name in self._tables.networks:
            return self._tables.networks.resolve(name)
        try:
            return self._config.address(name, "")
        except AddressError:
            return self._tables.networks.resolve(name)

    def _of_object(self, name: str, words: Words, line: Line, real: str, mapped: str) -> _Found:
        kind = words.next()
        if kind not in ("static", "dynamic"):
            raise AsaError(kind)
        inside = self._tables.networks.resolve(name)
        target = words.next()
        if target == "pat-pool":
            target = words.next()
        low = inside.v4[0][0] if inside.v4 else 1 << 32
        order = (int(kind == "dynamic"), intervals.size(inside.v4) + intervals.size(inside.v6), low, name)
        ports = self._ports(words, line)
        if kind == "dynamic":
            rule = self._source(line, real, inside, name, target)
        else:
            outer = _as_wide(self._mapped(target, mapped), inside)
            rule = self._published(line, mapped, (inside, name), (outer, target), ports)
        return _Found(2, order, (rule,))

    def _ports(self, words: Words, line: Line) -> tuple[Services, str, str] | None:
        """`service tcp REAL MAPPED`: the published service, its text and the real port."""
        found: tuple[Services, str, str] | None = None
        while not words.ended:
            word = words.next()
            if word == "service" and words.peek() in TRANSPORT:
                numbers = TRANSPORT[words.next()]
                real, mapped = words.next(), words.next()
                inner = read_ports(Words(("eq", real))).values
                outer = read_ports(Words(("eq", mapped))).values
                text = "-".join(str(port) for port in sorted({inner[0][0], inner[-1][1]}))
                found = (svc.join(*(svc.of(number, outer) for number in numbers)), mapped, text)
            elif word == "description":
                words.rest()
            elif word not in _FLAGS:
                self._config.flag(line, "option de traduction non évaluée")
                words.rest()
        return found

    def _where(self, zone: str) -> tuple[str, ...]:
        return () if zone in ("", "any") else (zone,)

    def _mapped(self, target: str, zone: str) -> Addresses:
        if target == "interface":
            return self._tables.interfaces.get(zone, ip.unknown(f"interface:{zone}"))
        return self._network(target)

    def _published(
        self,
        line: Line,
        zone: str,
        real: tuple[Addresses, str],
        mapped: tuple[Addresses, str],
        ports: tuple[Services, str, str] | None,
    ) -> NatRule:
        return NatRule(
            ref=f"nat ligne {line.number}",
            line=line.number,
            kind="destination" if ports else "static",
            name=real[1],
            in_zones=self._where(zone),
            destination=self._builder.address(mapped[0], (mapped[1],)),
            services=self._builder.service(ports[0], (ports[1],)) if ports else self._builder.any_service,
            to_address=_text(real[0], real[1]),
            to_ports=ports[2] if ports else "",
            enabled="inactive" not in line.words,
        )

    def _source(self, line: Line, zone: str, inside: Addresses, name: str, target: str) -> NatRule:
        return NatRule(
            ref=f"nat ligne {line.number}",
            line=line.number,
            kind="source",
            name=name,
            in_zones=self._where(zone),
            source=self._builder.address(inside, (name,)),
            to_address=target if target in ("", "interface") else _text(self._network(target), target),
            enabled="inactive" not in line.words,
        )

    def _manual(self, words: Words, line: Line, real: str, mapped: str) -> tuple[NatRule, ...]:
        """`source static|dynamic REAL MAPPED [destination static MAPPED REAL] [service REAL MAPPED]`."""
        if words.next() != "source":
            raise AsaError("source attendue")
        kind = words.next()
        if kind not in ("static", "dynamic"):
            raise AsaError(kind)
        inside = words.next()
        target = words.next()
        if target == "pat-pool":
            target = words.next()
        found: list[NatRule] = []
        source = self._network(inside)
        if kind == "dynamic":
            found.append(self._source(line, real, source, inside, target))
        elif target != inside:
            outer = (self._mapped(target, mapped), target)
            found.append(self._published(line, mapped, (source, inside), outer, None))
        found += self._manual_options(words, line, real)
        if not found:
            # An exemption: what it names keeps its addresses, and no rule below applies to it.
            found.append(self._source(line, real, source, inside, ""))
        return tuple(found)

    def _manual_options(self, words: Words, line: Line, real: str) -> Iterator[NatRule]:
        """What follows the source of a manual translation."""
        while not words.ended:
            word = words.next()
            if word == "destination":
                words.next()
                shown, inner = words.next(), words.next()
                if shown != inner:
                    seen = (self._mapped(shown, real), shown)
                    yield self._published(line, real, (self._network(inner), inner), seen, None)
            elif word == "service":
                words.next()
                words.next()
            elif word == "description":
                words.rest()
            elif word not in _FLAGS and word not in self._tables.networks:
                self._config.flag(line, "option de traduction non évaluée")
                words.rest()

    def _old_static(self, words: Words, line: Line) -> NatRule:
        """`static (real,mapped) [tcp|udp] MAPPED [PORT] REAL [PORT] [netmask MASK]` before 8.3."""
        _real, zone = self._zones(words)
        numbers = TRANSPORT.get(words.peek())
        if numbers is None:
            outer, inner = words.next(), words.next()
            mask = words.next() if words.skip("netmask") else ""
            value = self._config.address(inner, mask)
            target = self._mapped(outer, zone) if outer == "interface" else self._config.address(outer, mask)
            return self._published(line, zone, (value, inner), (target, outer), None)
        words.next()
        outer, outer_port, inner, inner_port = words.next(), words.next(), words.next(), words.next()
        ports = read_ports(Words(("eq", outer_port))).values
        service = svc.join(*(svc.of(number, ports) for number in numbers))
        real_port = str(read_ports(Words(("eq", inner_port))).values[0][0])
        value = self._config.address(inner, "")
        return self._published(
            line, zone, (value, inner), (self._mapped(outer, zone), outer), (service, outer_port, real_port)
        )

    def _old_dynamic(self, words: Words, line: Line, zone: str) -> tuple[NatRule, ...]:
        """`nat (zone) ID NETWORK MASK` with the `global` of that number; 0 is an exemption."""
        number = words.next()
        if number == "0":
            return ()
        inside = words.next()
        if inside == "access-list":
            raise AsaError(inside)
        mask = words.next()
        target = self._globals.get(number, "interface")
        value = ip.ANY4 if inside == "0.0.0.0" and mask in ("0.0.0.0", "0") else self._config.address(inside, mask)
        rule = NatRule(
            ref=f"nat ligne {line.number}", line=line.number, kind="source", name=inside, in_zones=self._where(zone),
            source=self._builder.address(value, (f"{inside} {mask}",)), to_address=target,
        )  # fmt: skip
        return (rule,)


def _as_wide(mapped: Addresses, real: Addresses) -> Addresses:
    """A network mapped to one address is mapped address by address, from that one."""
    count = intervals.size(real.v4)
    if len(real.v4) == 1 and count > 1 and intervals.size(mapped.v4) == 1 and mapped.exact:
        low = mapped.v4[0][0]
        return mapped._replace(v4=((low, min(low + count - 1, ip.ALL4[0][1])),))
    return mapped


def _text(value: Addresses, name: str) -> str:
    """An address or range when it is one, else the name of the object."""
    fact = ip.to_fact(value)
    return fact.ranges[0] if len(fact.ranges) == 1 and not fact.maybe else name
