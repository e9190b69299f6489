"""Named objects and groups of a Cisco ASA configuration: networks, services, protocols, ICMP types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, normal, union
from checks.firewall.algebra.services import ANY_PORT, TOP_PORT, Box, Services
from checks.firewall.parsers.asa_blocks import Block, Line
from checks.firewall.parsers.asa_names import DOUBTFUL_PORTS, ICMP6_TYPES, ICMP_TYPES, PORTS, PROTOCOLS
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects, service_objects

GROUP_KINDS = ("network", "service", "protocol", "icmp-type", "user", "security", "network-service")
IP = frozenset(range(256))
"""What `ip` stands for as a protocol."""
_OBJECT = "objet indéterminé : les règles qui l'emploient le sont aussi"
Value = TypeVar("Value")
TRANSPORT = {"tcp": (6,), "udp": (17,), "sctp": (132,), "tcp-udp": (6, 17)}


class AsaError(ValueError):
    """A directive that is not understood."""


class Ports(NamedTuple):
    """Ports (or ICMP types and codes), certain or not."""

    values: Intervals
    doubts: tuple[str, ...] = ()
    """Why they are not certain."""


def _unknown_ports(*why: str) -> Ports:
    return Ports(ANY_PORT, why)


def _join_ports(*sets: Ports) -> Ports:
    doubts = dict.fromkeys(why for one in sets for why in one.doubts)
    return Ports(union(*(one.values for one in sets)), tuple(doubts))


class Words:
    """The words of a command, read from left to right."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._at = 0

    @property
    def ended(self) -> bool:
        """Every word was read."""
        return self._at >= len(self._words)

    def peek(self, ahead: int = 0) -> str:
        """The next word, empty at the end."""
        index = self._at + ahead
        return self._words[index] if index < len(self._words) else ""

    def next(self) -> str:
        """Read one word. Raises `AsaError` at the end."""
        if self.ended:
            raise AsaError("commande incomplète")
        self._at += 1
        return self._words[self._at - 1]

    def skip(self, word: str) -> bool:
        """Read the next word if it is this one."""
        if self.peek() != word:
            return False
        self._at += 1
        return True

    def rest(self) -> tuple[str, ...]:
        """Every word left."""
        found = tuple(self._words[self._at :])
        self._at = len(self._words)
        return found


def protocol(word: str) -> frozenset[int]:
    """Numbers of a protocol name; every one for `ip`."""
    if word == "ip":
        return IP
    if word in PROTOCOLS:
        return frozenset((PROTOCOLS[word],))
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255:  # noqa: PLR2004
        return frozenset((int(word),))
    raise AsaError(f"protocole inconnu : {word[:40]}")


def _port(word: str) -> Ports:
    if word in DOUBTFUL_PORTS:
        return Ports(normal((port, port) for port in DOUBTFUL_PORTS[word]), (f"port:{word}",))
    if word in PORTS:
        return Ports(((PORTS[word], PORTS[word]),))
    if word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= TOP_PORT:  # noqa: PLR2004
        return Ports(((int(word), int(word)),))
    raise AsaError(f"port inconnu : {word[:40]}")


def read_ports(words: Words) -> Ports:
    """`eq`, `neq`, `lt`, `gt` or `range` and its operands."""
    operator = words.next()
    first = _port(words.next())
    low, high = first.values[0][0], first.values[-1][1]
    if operator == "eq":
        return first
    if operator == "neq":
        return Ports(ANY_PORT if first.doubts else difference(ANY_PORT, first.values), first.doubts)
    if operator == "lt":
        return Ports(((0, high - 1),) if high else (), first.doubts)
    if operator == "gt":
        return Ports(((low + 1, TOP_PORT),) if low < TOP_PORT else (), first.doubts)
    if operator == "range":
        second = _port(words.next())
        end = second.values[-1][1]
        # The product stores a range in ascending order whichever way it was typed.
        return Ports(((min(low, end), max(high, end)),), (*first.doubts, *second.doubts))
    raise AsaError(f"opérateur de port inconnu : {operator[:40]}")


OPERATORS = frozenset(("eq", "neq", "lt", "gt", "range"))


def icmp_type(word: str, number: int) -> Ports:
    """One ICMP (1) or ICMPv6 (58) type with all its codes, as `type * 256 + code`."""
    table = ICMP_TYPES if number == 1 else ICMP6_TYPES
    if word in table:
        kind = table[word]
    elif word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= svc.TOP_TYPE:  # noqa: PLR2004
        kind = int(word)
    else:
        raise AsaError(f"type ICMP inconnu : {word[:40]}")
    return Ports(((kind * 256, kind * 256 + 255),))


def read_icmp(words: Words, number: int) -> Ports:
    """An ICMP type and, if any, its code."""
    found = icmp_type(words.next(), number)
    code = words.peek()
    if code.isascii() and code.isdigit() and len(code) <= 3 and int(code) <= svc.TOP_TYPE:  # noqa: PLR2004
        words.next()
        low = found.values[0][0] + int(code)
        return Ports(((low, low),))
    return found


def services_of(protocols: Iterable[int], ports: Ports | None = None, source: Ports | None = None) -> Services:
    """The services of some protocols and of their ports, certain or not."""
    numbers = frozenset(protocols)
    doubts = (*(ports.doubts if ports else ()), *(source.doubts if source else ()))
    if numbers == IP and ports is None and source is None:
        return svc.ANY
    values = ANY_PORT if ports is None else ports.values
    origin = ANY_PORT if source is None else source.values
    exact = svc.join(*(svc.of(number, values, origin) for number in sorted(numbers))) if numbers else svc.NOTHING
    kept = tuple(Box(*box) for box in exact.sure if box.services and box.source_ports)
    if doubts:
        return Services(maybe=kept, unresolved=tuple(dict.fromkeys(doubts)))
    return Services(sure=kept)


class Tables:
    """Everything the configuration names, resolved on demand."""

    def __init__(self, builder: DeviceBuilder, version: tuple[int, int] | None) -> None:
        self._builder = builder
        self.names: dict[str, str] = {}
        """`name` commands: name to address."""
        self.networks = address_objects()
        self.services = service_objects()
        self.ports: NamedSets[Ports] = NamedSets(_unknown_ports, _join_ports, Ports(()))
        """Service groups restricted to TCP or UDP: they may stand for ports."""
        self.port_protocols: dict[str, tuple[int, ...]] = {}
        self.protocols: NamedSets[frozenset[int] | None] = NamedSets(lambda *_: None, _join_protocols, frozenset[int]())
        self.icmp: NamedSets[Ports] = NamedSets(_unknown_ports, _join_ports, Ports(()))
        self.user_groups: set[str] = set()
        self.interfaces: dict[str, Addresses] = {}
        """Addresses of each named interface."""
        self.any = any_for(version)
        self._kinds: list[tuple[str, str, int]] = []

    def read_name(self, line: Line) -> None:
        """`name 10.0.0.1 SRV [description …]`."""
        if len(line.words) > 2:  # noqa: PLR2004
            self.names[line.words[2]] = line.words[1]

    def read_object(self, block: Block) -> None:
        """`object network` or `object service` and its definition."""
        words = block.head.words
        if len(words) < 3 or words[1] not in ("network", "service"):  # noqa: PLR2004
            self._builder.not_understood(block.head.number, block.head.text, _OBJECT)
            return
        kind, name = words[1], words[2]
        if kind == "network":
            self._read_network(name, block)
        else:
            self._read_service(name, block)

    def _read_network(self, name: str, block: Block) -> None:
        for line in block.body:
            if line.words[0] in ("description", "nat", "no"):
                continue
            try:
                value = self._network_value(Words(line.words))
            except (AsaError, AddressError):
                self._builder.not_understood(line.number, line.text, _OBJECT)
                value = ip.unknown(f"non compris:{name}")
            self._define(self.networks, name, value, "address", block.head.number)

    def _network_value(self, words: Words) -> Addresses:
        kind = words.next()
        if kind == "host":
            return self._single(words.next())
        if kind == "subnet":
            base = words.next()
            return ip.from_ranges((f"{base}/{words.next()}",)) if "/" not in base else ip.from_ranges((base,))
        if kind == "range":
            return ip.from_ranges((f"{words.next()}-{words.next()}",))
        if kind == "fqdn":
            first = words.next()
            families = {"v4": (4,), "v6": (6,)}.get(first, (4, 6))
            return ip.unknown(f"fqdn:{words.next() if first in ('v4', 'v6') else first}", families=families)
        raise AsaError(kind)

    def _single(self, word: str) -> Addresses:
        return ip.from_ranges((self.names.get(word, word),))

    def _read_service(self, name: str, block: Block) -> None:
        if len(block.head.words) > 3:  # noqa: PLR2004 - a type here is not the syntax of the product
            self._builder.not_understood(block.head.number, block.head.text, _OBJECT)
            self._define(self.services, name, svc.unknown(f"non compris:{name}"), "service", block.head.number)
            return
        for line in block.body:
            if line.words[0] in ("description", "no"):
                continue
            try:
                value = self._service_value(Words(line.words))
            except AsaError:
                self._builder.not_understood(line.number, line.text, _OBJECT)
                value = svc.unknown(f"non compris:{name}")
            self._define(self.services, name, value, "service", block.head.number)

    def _service_value(self, words: Words) -> Services:
        kind = words.next()
        if kind != "service":
            raise AsaError(kind)
        return self.read_service(words)

    def read_service(self, words: Words) -> Services:
        """`tcp [source OP PORT] [destination OP PORT]`, `icmp TYPE [CODE]`, or a protocol."""
        name = words.next()
        numbers = TRANSPORT.get(name)
        if numbers is None:
            found = protocol(name)
            (number,) = found if len(found) == 1 else (0,)
            if number in svc.ICMP_LIKE and not words.ended:
                value = services_of(found, read_icmp(words, number))
            else:
                value = services_of(found)
        else:
            source = read_ports(words) if words.skip("source") else None
            ports = None
            if words.skip("destination") or words.peek() in OPERATORS:
                ports = read_ports(words)
            value = services_of(numbers, ports, source)
        if not words.ended:
            raise AsaError(words.peek())
        return value

    def read_group(self, block: Block) -> None:
        """`object-group KIND NAME` and its members."""
        words = block.head.words
        if len(words) < 3 or words[1] not in GROUP_KINDS:  # noqa: PLR2004
            self._builder.not_understood(block.head.number, block.head.text, _OBJECT)
            return
        kind, name, number = words[1], words[2], block.head.number
        if kind == "network":
            members = self._members(block, self._network_member, self.networks, name)
            self._define_group(self.networks, name, members, "address-group", number)
        elif kind == "service" and len(words) > 3:  # noqa: PLR2004
            self._typed_service_group(name, words[3], block)
        elif kind == "service":
            members = self._members(block, self._service_member, self.services, name)
            self._define_group(self.services, name, members, "service-group", number)
        elif kind == "protocol":
            members = self._members(block, self._protocol_member, self.protocols, name)
            self._define_group(self.protocols, name, members, "", number)
        elif kind == "icmp-type":
            members = self._members(block, self._icmp_member, self.icmp, name)
            self._define_group(self.icmp, name, members, "", number)
        elif kind == "network-service":
            self._builder.not_understood(number, block.head.text, _OBJECT)
            self.networks.define(name, ip.unknown(f"non compris:{name}"))
        else:
            self.user_groups.add(name)

    def _members(
        self, block: Block, read: Callable[[Line], Value | str], table: NamedSets[Value], group: str
    ) -> tuple[str, ...]:
        """Names of the members, the anonymous ones defined under a name no administrator can type."""
        found: list[str] = []
        for line in block.body:
            if line.words[0] in ("description", "no"):
                continue
            try:
                member = read(line)
            except (AsaError, AddressError):
                self._builder.not_understood(line.number, line.text, _OBJECT)
                found.append(f"{group} ligne {line.number}")
                continue
            if isinstance(member, str):
                found.append(member)
            else:
                anonymous = f"{group} {line.number}"
                table.define(anonymous, member)
                found.append(anonymous)
        return tuple(found)

    def _network_member(self, line: Line) -> Addresses | str:
        words = Words(line.words)
        kind = words.next()
        if kind == "group-object":
            return words.next()
        if kind != "network-object":
            raise AsaError(kind)
        if words.skip("object"):
            return words.next()
        if words.skip("host"):
            return self._single(words.next())
        base = words.next()
        if "/" in base:
            return ip.from_ranges((base,))
        return ip.from_ranges((f"{self.names.get(base, base)}/{words.next()}",))

    def _service_member(self, line: Line) -> Services | str:
        words = Words(line.words)
        kind = words.next()
        if kind == "group-object":
            return words.next()
        if kind != "service-object":
            raise AsaError(kind)
        if words.skip("object"):
            return words.next()
        return self.read_service(words)

    def _protocol_member(self, line: Line) -> frozenset[int] | str:
        words = Words(line.words)
        kind = words.next()
        if kind == "group-object":
            return words.next()
        if kind != "protocol-object":
            raise AsaError(kind)
        return protocol(words.next())

    def _icmp_member(self, line: Line) -> Ports | str:
        words = Words(line.words)
        kind = words.next()
        if kind == "group-object":
            return words.next()
        if kind != "icmp-object":
            raise AsaError(kind)
        return icmp_type(words.next(), 1)

    def _port_member(self, line: Line) -> Ports | str:
        words = Words(line.words)
        kind = words.next()
        if kind == "group-object":
            return words.next()
        if kind != "port-object":
            raise AsaError(kind)
        found = read_ports(words)
        if not words.ended:
            raise AsaError(words.peek())
        return found

    def _typed_service_group(self, name: str, kind: str, block: Block) -> None:
        numbers = TRANSPORT.get(kind)
        if numbers is None:
            self._builder.not_understood(block.head.number, block.head.text, _OBJECT)
            self.services.define(name, svc.unknown(f"non compris:{name}"))
            return
        members = self._members(block, self._port_member, self.ports, name)
        self._define_group(self.ports, name, members, "service-group", block.head.number)
        self.port_protocols[name] = numbers

    def _define(self, table: NamedSets[Value], name: str, value: Value, kind: str, number: int) -> None:
        if name not in table:
            self._kinds.append((name, kind, number))
        table.define(name, value)

    def _define_group(
        self, table: NamedSets[Value], name: str, members: tuple[str, ...], kind: str, number: int
    ) -> None:
        if name in table:
            # A group met again goes on with more members.
            members = (*table.groups().get(name, ()), *members)
        elif kind:
            self._kinds.append((name, kind, number))
        table.define_group(name, members)

    def service_group(self, name: str) -> Services:
        """What an object or group of services holds."""
        if name in self.port_protocols:
            return services_of(self.port_protocols[name], self.ports.resolve(name))
        return self.services.resolve(name)

    def used(self) -> set[str]:
        """Names that a rule, a translation or a group employs."""
        return self.networks.used | self.services.used | self.ports.used

    def publish(self) -> None:
        """Hand the named objects over, once every rule has been read."""
        used = frozenset(self.used())
        groups: Mapping[str, tuple[str, ...]]
        for groups in (self.networks.groups(), self.services.groups(), self.ports.groups()):
            used |= {member for members in groups.values() for member in members}
        for name, kind, number in self._kinds:
            if kind.startswith("address"):
                value: Addresses | Services = self.networks.resolve(name)
            else:
                value = self.service_group(name)
            self._builder.add_object(name, kind, value, line=number, used=name in used)


def _join_protocols(*sets: frozenset[int] | None) -> frozenset[int] | None:
    found: frozenset[int] = frozenset()
    for one in sets:
        if one is None:
            return None
        found |= one
    return found


def any_for(version: tuple[int, int] | None) -> Addresses:
    """What `any` holds: one rule set for both IP versions since 9.0, IPv4 alone before."""
    if version is None:
        return Addresses(v4=ip.ALL4, maybe6=ip.ALL6, unresolved=("any:version inconnue",))
    return ip.ANY if version >= (9, 0) else ip.ANY4
