"""Aliases, address groups and services of a WatchGuard profile.

An alias is a list of triples (user, address, interface) that must all match, or names of other aliases. The interface
may be a type of interface: `Any-External` stands for every external one.
"""

from __future__ import annotations

from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import PORTED, TOP_PORT, TOP_TYPE, Services
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError
from checks.firewall.parsers.xmltree import Node

ANY, FIREBOX = "Any", "Firebox"
BY_TYPE = {"Any-Trusted": "1", "Any-External": "2", "Any-Optional": "3"}
"""Built-in aliases and the type of the interfaces they gather."""
TUNNELS = frozenset(("Any-BOVPN", "Any-MUVPN", "Any-VPN", "Any-Multicast"))
"""Built-in aliases whose interfaces are not in the profile: tunnels, groups."""
_EFFECT = "objet indéterminé : les règles qui l'emploient le sont aussi"
_MEMBER = frozenset(
    (
        "type", "host-ip-addr", "ip-network-addr", "ip-mask", "start-ip-addr", "end-ip-addr", "domain", "description",
        "name", "property",
    )
)  # fmt: skip
_SERVICE_MEMBER = frozenset(
    ("type", "protocol", "server-port", "start-server-port", "end-server-port", "icmp-type", "icmp-code")
)

EVERYWHERE = Addresses(v4=ip.ALL4, maybe6=ip.ALL6)
"""`Any`: IPv4 for certain; whether a policy also takes IPv6 depends on settings that were not verified."""


class Triple(NamedTuple):
    """One member of an alias."""

    user: str
    address: str
    interface: str
    published: bool = False
    """The address is a published one (static NAT): its interface is where it is seen, not where traffic goes."""


class Port(NamedTuple):
    """One interface of the profile."""

    name: str
    title: str
    line: int
    kind: str
    """`1` trusted, `2` external, `3` optional, `8` custom; empty when it is not known."""
    device: str
    networks: tuple[str, ...]
    enabled: bool
    ipv6: bool | None


class Part(NamedTuple):
    """What one side of a policy holds, on some interfaces: parts of one side never share an interface."""

    zones: tuple[str, ...]
    negated: bool
    addresses: Addresses


class Objects:
    """Everything the profile names."""

    def __init__(self, profile: Node, builder: DeviceBuilder) -> None:
        self._builder = builder
        self.groups: dict[str, Addresses] = {}
        self._aliases: dict[str, list[Triple | str]] = {}
        self._resolved: dict[str, tuple[Triple, ...]] = {}
        self._services: dict[str, Services] = {}
        self.service_lines: dict[str, int] = {}
        self.alias_lines: dict[str, int] = {}
        self.generated: set[str] = set()
        """Objects the product makes by itself for a policy or a translation."""
        self.ports = tuple(_ports(profile))
        self._by_name = {port.name: port for port in self.ports}
        self.used: set[str] = set()
        self._count = 0
        for node in profile.all("address-group-list", "address-group"):
            self.groups[node.value("name")] = self._group(node)
        for node in profile.all("alias-list", "alias"):
            self._alias(node)
        for node in profile.all("service-list", "service"):
            self._services[node.value("name")] = self._service(node)
            self.service_lines[node.value("name")] = node.line

    def _group(self, node: Node) -> Addresses:
        name = node.value("name")
        if name == FIREBOX:
            return EVERYWHERE
        members = [self._member(member, name) for member in node.all("addr-group-member", "member")]
        return ip.join(*members) if members else ip.unknown(f"vide:{name}")

    def _member(self, node: Node, name: str) -> Addresses:
        domain = node.value("domain")
        if domain:
            return ip.unknown(f"fqdn:{domain}")
        if node.value("host-ip-addr"):
            text = node.value("host-ip-addr")
        elif node.value("ip-network-addr"):
            text = f"{node.value('ip-network-addr')}/{node.value('ip-mask')}"
        else:
            text = f"{node.value('start-ip-addr')}-{node.value('end-ip-addr')}"
        if any(child.tag not in _MEMBER for child in node):
            text = ""
        try:
            return ip.from_ranges((text,))
        except AddressError:
            kind = node.value("type")
            self._builder.not_understood(node.line, f"membre de type {kind} de {name}", _EFFECT)
            return ip.unknown(f"non compris:{name}")

    def _alias(self, node: Node) -> None:
        name = node.value("name")
        members: list[Triple | str] = []
        for member in node.all("alias-member-list", "alias-member"):
            self._count += 1
            if self._count > MAX_OBJECTS:
                raise ParseError("trop de membres d'alias", line=member.line)
            reference = member.value("alias-name")
            if reference:
                members.append(reference)
                continue
            address = member.value("address", default=ANY)
            members.append(
                Triple(
                    user=member.value("user", default=ANY),
                    address=address,
                    interface=member.value("interface", default=ANY),
                    published=name.endswith(".snat") or address.endswith(".snat"),
                )
            )
        self._aliases[name] = members
        self.alias_lines[name] = node.line
        if node.value("property") not in ("", "0") or name in self._by_name:
            self.generated.add(name)

    def triples(self, name: str, above: tuple[str, ...] = ()) -> tuple[Triple, ...]:
        """Every triple of an alias, those of the aliases it names included."""
        self.used.add(name)
        found = self._resolved.get(name)
        if found is not None:
            return found
        members = self._aliases.get(name)
        if members is None:
            return (self._builtin(name),)
        if name in above or len(above) >= MAX_DEPTH:
            return (Triple(ANY, f"cycle:{name}", ANY),)
        kept: dict[Triple, None] = {}
        for member in members:
            for triple in (member,) if isinstance(member, Triple) else self.triples(member, (*above, name)):
                kept[triple] = None
        self._count += len(kept)
        if self._count > 4 * MAX_OBJECTS:
            raise ParseError("trop de membres d'alias")
        self._resolved[name] = tuple(kept)
        return tuple(kept)

    def _builtin(self, name: str) -> Triple:
        """An alias the product knows without a definition, or an absent one."""
        if name in (ANY, *BY_TYPE) or name in TUNNELS or name in self._by_name:
            return Triple(ANY, ANY, name)
        if name == FIREBOX:
            return Triple(ANY, FIREBOX, ANY)
        if name in self.groups:
            return Triple(ANY, name, ANY)
        return Triple(ANY, f"absent:{name}", ANY)

    def members(self, name: str) -> tuple[str, ...]:
        """What the administrator sees in a cell: a private alias is shown by its members."""
        shown: list[str] = []
        for member in self._aliases.get(name, ()):
            if isinstance(member, str):
                shown.append(member)
            elif member.user != ANY:
                shown.append(member.user)
            elif member.address != ANY:
                texts = ip.to_fact(self.groups[member.address]).ranges if member.address in self.groups else ()
                shown.append(texts[0] if len(texts) == 1 else member.address)
            else:
                shown.append(member.interface)
        return tuple(shown) or (name,)

    def address(self, triple: Triple) -> Addresses:
        """Addresses of a triple; uncertain when it also demands a user."""
        if triple.address in (ANY, FIREBOX):
            found = EVERYWHERE
        elif triple.address in self.groups:
            self.used.add(triple.address)
            found = self.groups[triple.address]
        elif triple.address.startswith(("absent:", "cycle:")):
            found = ip.unknown(triple.address)
        else:
            found = ip.unknown(f"absent:{triple.address}")
        return found if triple.user == ANY else _doubtful(found, f"utilisateur:{triple.user}")

    def parts(self, triples: tuple[Triple, ...]) -> tuple[Part, ...]:
        """One side of a policy as parts that share no interface."""
        anywhere: list[Addresses] = []
        elsewhere: list[Addresses] = []
        named: dict[str, list[Addresses]] = {}
        for triple in triples:
            addresses = self.address(triple)
            if triple.interface == ANY or triple.published:
                anywhere.append(addresses)
            elif triple.interface in TUNNELS:
                elsewhere.append(_doubtful(addresses, f"tunnels:{triple.interface}"))
            elif triple.interface in BY_TYPE and self.ports:
                self._of_type(triple.interface, addresses, named)
            else:
                named.setdefault(triple.interface, []).append(addresses)
        if elsewhere:
            # Tunnels are on none of the interfaces of the profile.
            for port in self.ports:
                named.setdefault(port.name, [])
        grouped: dict[Addresses, list[str]] = {}
        for zone, sets in named.items():
            extra = elsewhere if zone not in self._by_name else []
            value = ip.join(*anywhere, *sets, *extra) if anywhere or sets or extra else ip.NOTHING
            grouped.setdefault(value, []).append(zone)
        found = [Part(tuple(zones), False, value) for value, zones in grouped.items() if value]
        if anywhere or elsewhere:
            found.append(Part(tuple(named), bool(named), ip.join(*anywhere, *elsewhere)))
        if triples and not found:
            # No interface of that type in the profile, or one whose type was not recognised.
            kinds = dict.fromkeys(triple.interface for triple in triples)
            found.append(Part((), False, ip.unknown(*(f"aucune interface:{kind}" for kind in kinds))))
        return tuple(found)

    def _of_type(self, alias: str, addresses: Addresses, named: dict[str, list[Addresses]]) -> None:
        for port in self.ports:
            if port.kind == BY_TYPE[alias]:
                named.setdefault(port.name, []).append(addresses)
            elif not port.kind:
                named.setdefault(port.name, []).append(_doubtful(addresses, f"type d'interface inconnu:{port.name}"))

    def service(self, name: str) -> Services:
        """What a service holds."""
        self.used.add(name)
        found = self._services.get(name)
        if found is None:
            return svc.unknown(f"absent:{name}")
        return found

    def services(self) -> dict[str, Services]:
        """Every service of the profile."""
        return self._services

    def _service(self, node: Node) -> Services:
        name = node.value("name")
        members = [self._service_member(member, name) for member in node.all("service-item", "member")]
        return svc.join(*members) if members else svc.unknown(f"vide:{name}")

    def _service_member(self, node: Node, name: str) -> Services:
        odd = [child.tag for child in node if child.tag not in _SERVICE_MEMBER and _matters(child)]
        number = _number(node.value("protocol"), 255)
        low, high = _number(node.value("start-server-port"), TOP_PORT), _number(node.value("end-server-port"), TOP_PORT)
        port = _number(node.value("server-port"), TOP_PORT)
        if number is None or odd or (low is not None and high is not None and low > high):
            self._builder.not_understood(node.line, f"membre du service {name} {' '.join(odd)}".strip(), _EFFECT)
            return svc.unknown(f"non compris:{name}")
        if number == 0:
            return svc.ANY
        if number in svc.ICMP_LIKE:
            return _icmp(number, node)
        if number not in PORTED:
            return svc.of(number)
        if low is not None and high is not None:
            return svc.of(number, ((low, high),))
        if port is None:
            return svc.unknown(f"sans port:{name}", protocols=(number,))
        return svc.of(number, ((port, port),)) if port else svc.of(number)


def _doubtful(found: Addresses, why: str) -> Addresses:
    """The same addresses, of which none is certain."""
    return Addresses(maybe4=found.over4, maybe6=found.over6, unresolved=(*found.unresolved, why))


def _matters(node: Node) -> bool:
    return bool(node.children) or node.text.strip().lower() not in ("", "0", "false", "any", "none")


def _number(text: str, top: int) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= top:  # noqa: PLR2004
        return int(text)
    return None


def _icmp(number: int, node: Node) -> Services:
    """One type; 255, the value that no real type has, may stand for all of them."""
    kind, code = _number(node.value("icmp-type"), TOP_TYPE), _number(node.value("icmp-code"), TOP_TYPE)
    if kind is None:
        return svc.of(number)
    if kind == TOP_TYPE:
        return svc.unknown("type ICMP 255", protocols=(number,))
    if code is None or code == TOP_TYPE:
        return svc.icmp(number, kind)
    # Whether the code is compared was not verified: the type alone is certain to hold this one.
    exact = svc.icmp(number, kind, code)
    rest = svc.icmp(number, kind)
    return Services(sure=exact.sure, maybe=rest.sure, unresolved=("code ICMP",))


def _ports(profile: Node) -> list[Port]:
    found: list[Port] = []
    for node in profile.all("interface-list", "interface"):
        items = [part for item in node.all("if-item-list", "item") for part in item if part.children]
        if not items:
            continue
        networks: list[str] = []
        for part in items:
            networks += _networks(part)
        kinds = [part.value("if-property") or part.value("vif-property") for part in items]
        types = [part.value("ip-node-type") for part in items if part.value("ip-node-type")]
        kind = next((kind for kind in kinds if kind in ("1", "2", "3", "8")), "")
        if not kind and any(kind in ("5", "6") for kind in kinds):
            # Carries VLANs or belongs to a bridge: it has no addresses and no policy names it.
            continue
        found.append(
            Port(
                name=node.value("name"),
                title=node.value("description"),
                line=node.line,
                kind=kind,
                device=items[0].value("if-dev-name") or items[0].value("vlan-id"),
                networks=tuple(networks),
                enabled=all(part.value("enabled", default="1") != "0" for part in items),
                ipv6=any("6" in kind for kind in types) if types else None,
            )
        )
    return found


def _networks(part: Node) -> tuple[str, ...]:
    base, mask = part.value("ip"), part.value("netmask")
    if not base or base == "0.0.0.0" or not mask:
        return ()
    try:
        return ip.to_fact(ip.from_ranges((f"{base}/{mask}",))).ranges
    except AddressError:
        return ()
