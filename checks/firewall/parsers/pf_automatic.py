"""Rules that pfSense and OPNsense add by themselves, in the order they load them.

Read in the sources of both products (`filter.inc`, `filter.lib.inc`). What depends on tables filled at run time
(blocked hosts, unallocated networks) is left out and said in the limits of the device. The refusal of port 0 is left
out too: no service uses it, and a question that names no port would fall on it.
"""

from __future__ import annotations

from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import Intervals
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, PERMIT
from checks.firewall.parsers.pf_objects import ANYWHERE, SELF, V4, V6, Cell, PfInterface, PfObjects
from checks.firewall.parsers.pf_rules import BOTH_FAMILIES, IN, OUT, PfRule
from checks.firewall.parsers.xmltree import Node

BOGONS = ip.from_ranges(
    ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15",
     "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "100::/64", "2001:db8::/32")
)  # fmt: skip
"""Special networks such a list normally holds. The list itself is downloaded: it is not in the export."""
PRIVATE4 = ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
SHARED4 = "100.64.0.0/10"
LINK_LOCAL6 = ip.from_ranges(("fe80::/10",))
MULTICAST6 = ip.from_ranges(("ff02::/16",))
NEIGHBOURS6 = ip.from_ranges(("fe80::/10", "ff02::/16"))
BROADCAST = ip.from_ranges(("255.255.255.255",))
APIPA = ip.from_ranges(("169.254.0.0/16",))
ANY4_CELL, ANY6_CELL = ip.ANY4, ip.ANY6
BOTH_WAYS = (IN, OUT)


class Settings(NamedTuple):
    """The settings of the product that add or remove rules."""

    ipv6: bool
    ipv6_line: int
    log_block: bool
    apipa_block: bool
    shared_is_private: bool
    """OPNsense takes 100.64.0.0/10 as private too."""
    anti_lockout: str
    """Interface the rule is on; empty when there is none."""
    anti_lockout_line: int
    anti_lockout_self: bool
    """Towards every address of the firewall (OPNsense) or those of the interface only (pfSense)."""
    admin_ports: tuple[int, ...]
    dhcp_servers: frozenset[str]
    dhcp6_servers: frozenset[str]
    carp: bool
    flags: dict[str, dict[str, int]]
    """Interface name to its `blockpriv` and `blockbogons` flags and their lines."""
    ipsec_peers: tuple[tuple[str, str, Addresses, int], ...]
    """Interface, description, remote gateway and line of each enabled IPsec tunnel."""


def _rule(ref: str, action: str, **fields: object) -> PfRule:
    base = PfRule(
        ref=ref,
        line=0,
        action=action,
        source=ANYWHERE,
        destination=ANYWHERE,
        services=svc.ANY,
        automatic=True,
        name=ref,
    )
    return base._replace(**fields)  # type: ignore[arg-type]  # the fields of PfRule, checked by the tests


def _udp(source: int | None, destination: int | None) -> Services:
    return svc.of(17, _port(destination), _port(source))


def _port(value: int | None) -> Intervals:
    return svc.ANY_PORT if value is None else ((value, value),)


def _icmp6(*kinds: int) -> Services:
    return svc.join(*(svc.icmp(58, kind) for kind in kinds))


def before_user_rules(settings: Settings, objects: PfObjects) -> list[PfRule]:
    """What is loaded before the rules of the administrator."""
    found = _without_ipv6(settings) + _link_local(settings) + _icmp6_rules()
    if settings.carp:
        carp = svc.of(112)
        found.append(_rule("CARP", DENY, services=carp, source=Cell((SELF,)), families=(V4,)))
        found.append(_rule("CARP", PERMIT, services=carp, directions=BOTH_WAYS, families=(V4,)))
    for interface in objects.interfaces.values():
        if interface.enabled:
            found += _of_interface(interface, settings)
    loopback = _rule("boucle locale", PERMIT, zones=("lo0",), directions=BOTH_WAYS, quick=False)
    let_out = _rule("sortie du pare-feu", PERMIT, directions=(OUT,), quick=False)
    return [*found, loopback, let_out, *_anti_lockout(settings, objects)]


def _without_ipv6(settings: Settings) -> list[PfRule]:
    if settings.ipv6:
        return []
    common = {"families": (V6,), "directions": BOTH_WAYS, "line": settings.ipv6_line}
    return [
        _rule("boucle locale IPv6", PERMIT, zones=("lo0",), **common),
        _rule("IPv6 désactivé", DENY, source=ANY6_CELL, destination=ANY6_CELL, log=settings.log_block, **common),
    ]


def _link_local(settings: Settings) -> list[PfRule]:
    if not settings.apipa_block:
        return []
    return [
        _rule("adresses 169.254.0.0/16", DENY, source=APIPA, destination=ip.ANY4, families=(V4,)),
        _rule("adresses 169.254.0.0/16", DENY, source=ip.ANY4, destination=APIPA, families=(V4,)),
    ]


def _icmp6_rules() -> list[PfRule]:
    def permit(kinds: tuple[int, ...], source: Addresses, destination: Addresses, ways: tuple[str, ...]) -> PfRule:
        return _rule(
            "ICMPv6 nécessaire",
            PERMIT,
            services=_icmp6(*kinds),
            source=source,
            destination=destination,
            directions=ways,
            families=(V6,),
        )

    out, into = (129, 133, 134, 135, 136), (128, 133, 134, 135, 136)
    return [
        permit((1, 2, 135, 136), ip.ANY6, ip.ANY6, BOTH_WAYS),
        permit(out, LINK_LOCAL6, NEIGHBOURS6, (OUT,)),
        permit(into, LINK_LOCAL6, NEIGHBOURS6, (IN,)),
        permit(into, MULTICAST6, LINK_LOCAL6, (IN,)),
    ]


def _of_interface(interface: PfInterface, settings: Settings) -> list[PfRule]:
    zones = (interface.name,)
    flags = settings.flags.get(interface.name, {})
    found = []
    if settings.ipv6 and interface.kind6 in ("dhcp6", "slaac"):
        for ports, ways in (((547, 546), (IN,)), ((546, 547), (OUT,))):
            found.append(
                _rule(
                    f"client DHCPv6 sur {interface.name}",
                    PERMIT,
                    zones=zones,
                    directions=ways,
                    services=_udp(*ports),
                    source=ip.ANY6,
                    destination=ip.ANY6,
                    families=(V6,),
                )
            )
    if "blockbogons" in flags:
        source = ip.Addresses(maybe4=BOGONS.v4, maybe6=BOGONS.v6 if settings.ipv6 else (), unresolved=("table:bogons",))
        found.append(
            _rule("blocage des réseaux non attribués", DENY, zones=zones, source=source, line=flags["blockbogons"])
        )
    if "blockpriv" in flags:
        private = ip.from_ranges((*PRIVATE4, "fc00::/7", *((SHARED4,) if settings.shared_is_private else ())))
        found.append(_rule("blocage des réseaux privés", DENY, zones=zones, source=private, line=flags["blockpriv"]))
    return found + _dhcp(interface, settings) + _dhcp6(interface, settings)


def _dhcp(interface: PfInterface, settings: Settings) -> list[PfRule]:
    zones = (interface.name,)

    def permit(what: str, ports: tuple[int, int], ways: tuple[str, ...], **fields: object) -> PfRule:
        return _rule(
            f"{what} sur {interface.name}",
            PERMIT,
            zones=zones,
            directions=ways,
            services=_udp(*ports),
            families=(V4,),
            **fields,
        )

    if interface.kind4 == "dhcp":
        everywhere = {"source": ip.ANY4, "destination": ip.ANY4, "quick": False}
        return [
            permit("client DHCP", (67, 68), (IN,), **everywhere),
            permit("client DHCP", (68, 67), (OUT,), **everywhere),
        ]
    if interface.name not in settings.dhcp_servers:
        return []
    own = Cell((f"{interface.name}ip",))
    return [
        permit("serveur DHCP", (68, 67), (IN,), source=ip.ANY4, destination=BROADCAST),
        permit("serveur DHCP", (68, 67), (IN,), source=ip.ANY4, destination=own),
        permit("serveur DHCP", (67, 68), (OUT,), source=own, destination=ip.ANY4),
    ]


def _dhcp6(interface: PfInterface, settings: Settings) -> list[PfRule]:
    if interface.name not in settings.dhcp6_servers and interface.kind6 != "track6":
        return []
    return [
        _rule(
            f"serveur DHCPv6 sur {interface.name}",
            PERMIT,
            zones=(interface.name,),
            directions=BOTH_WAYS,
            families=(V6,),
            services=_udp(None, port),
            source=source,
            destination=destination,
        )
        for source, destination, port in (
            (LINK_LOCAL6, NEIGHBOURS6, 546),
            (LINK_LOCAL6, MULTICAST6, 547),
            (MULTICAST6, LINK_LOCAL6, 547),
        )
    ]


def _anti_lockout(settings: Settings, objects: PfObjects) -> list[PfRule]:
    name = settings.anti_lockout
    if not name or name not in objects.interfaces or not settings.admin_ports:
        return []
    ports = svc.join(*(svc.of(6, ((port, port),)) for port in settings.admin_ports))
    target = SELF if settings.anti_lockout_self else f"{name}ip"
    return [
        _rule(
            "anti-blocage de l'administration",
            PERMIT,
            zones=(name,),
            services=ports,
            destination=Cell((target,)),
            line=settings.anti_lockout_line,
        )
    ]


def after_user_rules(settings: Settings) -> list[PfRule]:
    """What is loaded after them: the rules that let IPsec tunnels set up."""
    return [
        _rule(
            f"IPsec {description}".strip(),
            PERMIT,
            zones=(interface,) if interface else (),
            services=services,
            source=peer,
            destination=Cell((SELF,)),
            quick=False,
            line=line,
        )
        for interface, description, peer, line in settings.ipsec_peers
        for services in (_udp(None, 500), _udp(None, 4500), svc.of(50))
    ]


def static_route_rules(networks: list[tuple[str, Addresses, Addresses, int]]) -> list[PfRule]:
    """`bypassstaticroutes` of pfSense: traffic between an interface network and a routed network passes."""
    return [
        _rule(
            "routes statiques sans filtrage",
            PERMIT,
            zones=(interface,),
            directions=BOTH_WAYS,
            source=source,
            destination=destination,
            families=BOTH_FAMILIES,
            line=line,
        )
        for interface, near, far, line in networks
        for source, destination in ((near, far), (far, near))
    ]


def interface_flags(interfaces: Node) -> dict[str, dict[str, int]]:
    """`blockpriv` and `blockbogons` of each interface, set as soon as the element is there."""
    found: dict[str, dict[str, int]] = {}
    for node in interfaces:
        for flag in ("blockpriv", "blockbogons"):
            child = node.child(flag)
            if child is not None:
                found.setdefault(node.tag, {})[flag] = child.line
    return found
