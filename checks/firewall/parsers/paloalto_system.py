"""Interfaces, administration, accounts and VPN of a Palo Alto. Never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_interface
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.facts import DENY, INPUT, PERMIT, Administrator, Chain, Interface, Rule, User, Vpn
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.paloalto_text import Tree

MANAGEMENT = "management"
"""Name of the dedicated administration port, apart from zones."""
FACTORY = "admin"
_SERVICES = {"https": "tcp/443", "ssh": "tcp/22", "telnet": "tcp/23", "http": "tcp/80", "snmp": "udp/161",
             "ping": "icmp/8 icmp6/128"}  # fmt: skip
_MGT_DEFAULT = {"https": True, "ssh": True, "ping": True, "http": False, "telnet": False, "snmp": False}
_KINDS = ("ethernet", "aggregate-ethernet", "vlan", "loopback", "tunnel")
_LAYERS = ("layer3", "layer2", "virtual-wire", "tap")
_CIPHER = re.compile(r"aes-?(\d{3})-(cbc|gcm|ccm)")
_GROUP = re.compile(r"group(\d{1,2})")
_TLS = re.compile(r"tls(\d)-(\d)")


class Port(NamedTuple):
    """One interface as configured."""

    name: str
    line: int
    title: str
    addresses: tuple[str, ...]
    profile: str
    ipv6: bool


# --- Interfaces and zones


def read_ports(network: Tree) -> dict[str, Port]:
    """Interfaces and sub-interfaces."""
    found: dict[str, Port] = {}
    for kind in _KINDS:
        for node in network.at("interface", kind):
            if node.name == "units":  # vlan, loopback and tunnel hold theirs directly
                found.update((unit.name, _port(unit, unit)) for unit in node)
                continue
            for layer in (node, *(node.at(name) for name in _LAYERS)):
                if layer is node or layer.children:
                    found.setdefault(node.name, _port(node, layer))
                    if layer is not node:
                        found[node.name] = _port(node, layer)
                found.update((unit.name, _port(unit, unit)) for unit in layer.at("units"))
    return found


def _port(node: Tree, layer: Tree) -> Port:
    six = layer.at("ipv6")
    return Port(
        name=node.name,
        line=node.line,
        title=node.value("comment"),
        addresses=(*layer.values("ip"), *six.values("address")),
        profile=layer.value("interface-management-profile"),
        ipv6=six.says("enabled"),
    )


def _networks(port: Port) -> Iterator[str]:
    for text in port.addresses:
        try:
            yield str(ip_interface(text).network)
        except ValueError:
            continue


def members(zone: Tree) -> tuple[str, ...]:
    """Interfaces of a zone."""
    return tuple(
        name for kind in zone.at("network") if kind.name in (*_LAYERS, "tunnel", "external") for name in kind.children
    )


def default_routes(network: Tree) -> set[str]:
    """Interfaces the default route goes through."""
    found: set[str] = set()
    for router in (*network.at("virtual-router"), *network.at("logical-router")):
        for vrf in (router, *router.at("vrf")):
            for family in ("ip", "ipv6"):
                for route in vrf.at("routing-table", family, "static-route"):
                    if route.value("destination") in ("0.0.0.0/0", "::/0") and route.value("interface"):
                        found.add(route.value("interface"))
    return found


def allowed(profile: Tree) -> tuple[str, ...]:
    """Administration services an interface management profile answers."""
    return tuple(name for name in _SERVICES if profile.says(name))


def interfaces(network: Tree, zones: Iterable[Tree], ports: Mapping[str, Port], system: Tree) -> tuple[Interface, ...]:
    """Zones as rules name them, and the dedicated administration port."""
    profiles = {node.name: node for node in network.at("profiles", "interface-management-profile")}
    routes = default_routes(network)
    found = [_zone(zone, ports, profiles, routes) for zone in zones]
    if system.children:
        found.append(_management(system))
    return tuple(found)


def _zone(zone: Tree, ports: Mapping[str, Port], profiles: Mapping[str, Tree], routes: set[str]) -> Interface:
    names = members(zone)
    known = [ports[name] for name in names if name in ports]
    used = [profiles.get(port.profile) for port in known if port.profile]
    services = dict.fromkeys(name for profile in used if profile for name in allowed(profile))
    open_to = {bool(profile.values("permitted-ip")) for profile in used if profile and allowed(profile)}
    doubt = None in used or (bool(names) and not known)
    return Interface(
        name=zone.name,
        title=", ".join(port.title for port in known if port.title),
        line=zone.line,
        members=names,
        networks=tuple(dict.fromkeys(network for port in known for network in _networks(port))),
        default_route=not routes.isdisjoint(names),
        management=None if doubt else tuple(services),
        management_restricted=open_to == {True} if open_to and not doubt else None,
    )


def management_services(system: Tree) -> tuple[str, ...]:
    """Services of the dedicated port: each can be switched off, some are by default."""
    found = []
    for name, default in _MGT_DEFAULT.items():
        key = {"ping": "disable-icmp"}.get(name, f"disable-{name}")
        said = system.value("service", key)
        if (said == "no") if said else default:
            found.append(name)
    return tuple(found)


def _management(system: Tree) -> Interface:
    return Interface(
        name=MANAGEMENT,
        title="port d'administration",
        line=system.line,
        management=management_services(system),
        management_restricted=bool(system.values("permitted-ip")),
    )


# --- What the firewall answers


def management_chain(
    builder: DeviceBuilder, network: Tree, zones: Iterable[Tree], ports: Mapping[str, Port], system: Tree, portal: bool
) -> Chain:
    """Automatic rules: administration on each interface and on the dedicated port, then its refusal elsewhere."""
    profiles = {node.name: node for node in network.at("profiles", "interface-management-profile")}
    rules: list[Rule] = []
    offered: set[str] = set()
    for zone in zones:
        for name in members(zone):
            port = ports.get(name)
            profile = profiles.get(port.profile) if port else None
            if port is None or profile is None:
                continue
            offered.update(allowed(profile))
            where = _own(port)
            source = _sources(profile.values("permitted-ip"))
            rules += [
                _permit(builder, f"{name} {service}", profile.line, zone.name, source, where, service)
                for service in allowed(profile)
            ]
    if system.children:
        source = _sources(system.values("permitted-ip"))
        rules += [
            _permit(builder, f"MGT {service}", system.line, MANAGEMENT, source, ip.ANY, service)
            for service in management_services(system)
        ]
    closed = [name for name in _SERVICES if name not in offered and not (portal and name in ("https", "http"))]
    if closed and ports:
        rules.append(
            Rule(
                ref="administration (refus)",
                line=0,
                action=DENY,
                source=builder.any_address,
                destination=builder.any_address,
                services=builder.service(svc.join(*(_service(name) for name in closed)), closed),
                in_zones=(MANAGEMENT,),
                in_negated=True,
                automatic=True,
            )
        )
    return Chain(name="administration", hook=INPUT, default=DENY, default_certain=False, rules=tuple(rules))


def _service(name: str) -> svc.Services:
    return svc.join(*(svc.parse_service(word) for word in _SERVICES[name].split()))


def _sources(names: tuple[str, ...]) -> Addresses:
    try:
        return ip.from_ranges(names) if names else ip.ANY
    except AddressError:
        return ip.unknown("permitted-ip")


def _own(port: Port) -> Addresses:
    """Addresses of the interface itself."""
    try:
        return ip.from_ranges(text.partition("/")[0] for text in port.addresses) if port.addresses else ip.ANY
    except AddressError:
        return ip.unknown(f"interface:{port.name}")


def _permit(
    builder: DeviceBuilder, ref: str, line: int, zone: str, source: Addresses, where: Addresses, service: str
) -> Rule:
    doubt = ("communauté ou utilisateur SNMP",) if service == "snmp" else ()
    return Rule(
        ref=ref,
        line=line,
        action=PERMIT,
        source=builder.address(source),
        destination=builder.address(where),
        services=builder.service(_service(service), (service,)),
        in_zones=(zone,),
        conditions=doubt,
        automatic=True,
    )


# --- Accounts


def administrators(config: Tree) -> tuple[Administrator, ...]:
    """Accounts of the firewall."""
    found = []
    for entry in config.at("users"):
        role = entry.at("permissions", "role-based")
        full = True if role.says("superuser") else False if role.children else None
        remote = entry.has("authentication-profile") or entry.says("client-certificate-only")
        found.append(
            Administrator(
                name=entry.name,
                line=entry.line,
                factory=entry.name == FACTORY,
                full_rights=full,
                mfa=None if remote else False,
            )
        )
    return tuple(found)


def users(scopes: Iterable[Tree]) -> tuple[User, ...]:
    """Accounts of the local database."""
    return tuple(
        User(name=entry.name, line=entry.line, enabled=not entry.says("disabled"))
        for scope in scopes
        for entry in scope.at("local-user-database", "user")
    )


# --- VPN


def vpns(network: Tree, scopes: Iterable[Tree]) -> tuple[Vpn, ...]:
    """IPsec tunnels and remote access gateways."""
    places = tuple(scopes)
    return (*_ipsec_all(network), *_global_protect(places))


def _ipsec_all(network: Tree) -> Iterator[Vpn]:
    gateways = {node.name: node for node in network.at("ike", "gateway")}
    seen: set[str] = set()
    for tunnel in network.at("tunnel", "ipsec"):
        name = tunnel.value("auto-key", "ike-gateway")
        seen.add(name)
        second = network.at("ike", "crypto-profiles", "ipsec-crypto-profiles").at(
            tunnel.value("auto-key", "ipsec-crypto-profile", default="default")
        )
        yield _ipsec(network, tunnel.name, tunnel.line, gateways.get(name), second, not tunnel.says("disabled"))
    for name, gateway in gateways.items():
        if name not in seen:
            yield _ipsec(network, name, gateway.line, gateway, Tree("", 0), not gateway.says("disabled"))


def _ipsec(network: Tree, name: str, line: int, gateway: Tree | None, second: Tree, enabled: bool) -> Vpn:
    version = gateway.value("protocol", "version", default="ikev1") if gateway else ""
    kinds = {"ikev1": ("ikev1",), "ikev2": ("ikev2",), "ikev2-preferred": ("ikev2", "ikev1")}.get(version, ())
    profiles = network.at("ike", "crypto-profiles", "ike-crypto-profiles")
    firsts = [
        profiles.at(gateway.value("protocol", kind, "ike-crypto-profile", default="default"))
        for kind in kinds
        if gateway
    ]
    esp = second.at("esp")
    ciphers = [text for one in firsts for text in one.values("encryption")] + list(esp.values("encryption"))
    hashes = [text for one in firsts for text in one.values("hash")]
    hashes += [*esp.values("authentication"), *second.values("ah", "authentication")]
    groups = [text for one in firsts for text in one.values("dh-group")] + list(second.values("dh-group"))
    exchange = gateway.value("protocol", "ikev1", "exchange-mode", default="auto") if gateway else "auto"
    secret = gateway.at("authentication") if gateway else Tree("", 0)
    return Vpn(
        kind="ipsec",
        name=name,
        line=line,
        enabled=enabled,
        ike_versions=tuple(sorted({int(kind[-1]) for kind in kinds})),
        encryption=tuple(dict.fromkeys(_cipher(text) for text in ciphers)),
        integrity=tuple(dict.fromkeys(text for text in hashes if text not in ("none", "non-auth"))),
        dh_groups=tuple(sorted({int(found[1]) for text in groups if (found := _GROUP.fullmatch(text))})),
        pfs=None if not second.has("dh-group") else second.value("dh-group") != "no-pfs",
        aggressive=_aggressive(exchange) if "ikev1" in kinds else False if kinds else None,
        authentication="psk" if secret.has("pre-shared-key") else "certificate" if secret.has("certificate") else "",
    )


def _aggressive(exchange: str) -> bool | None:
    """`auto` accepts what the peer asks for: the export does not say which."""
    return {"aggressive": True, "main": False}.get(exchange)


def _cipher(text: str) -> str:
    found = _CIPHER.fullmatch(text)
    if found is None:
        return text
    return f"aes{found[1]}" + ("" if found[2] == "cbc" else found[2])


def _global_protect(scopes: tuple[Tree, ...]) -> Iterator[Vpn]:
    for scope in scopes:
        protect = scope.at("global-protect")
        for kind, title in (("global-protect-gateway", "passerelle"), ("global-protect-portal", "portail")):
            for entry in protect.at(kind):
                inner = entry.at("portal-config") if kind.endswith("portal") else entry
                profile = entry.value("ssl-tls-service-profile") or inner.value("ssl-tls-service-profile")
                minimum = _first(scopes, "ssl-tls-service-profile", profile).value("protocol-settings", "min-version")
                checks = inner.at("client-auth") if inner.has("client-auth") else entry.at("client-auth")
                yield Vpn(
                    kind="ssl",
                    name=f"GlobalProtect {title} {entry.name}",
                    line=entry.line,
                    remote_access=True,
                    mfa=_mfa(scopes, [one.value("authentication-profile") for one in checks]),
                    tls_minimum=_TLS.sub(r"TLS \1.\2", minimum),
                )


def _first(scopes: tuple[Tree, ...], section: str, name: str) -> Tree:
    found = [scope.at(section, name) for scope in scopes if name and scope.at(section).has(name)]
    return found[0] if found else Tree(name, 0)


def _mfa(scopes: tuple[Tree, ...], profiles: list[str]) -> bool | None:
    """Second factor that authentication profiles ask for; a remote server may ask for one by itself."""
    found: list[bool | None] = []
    for name in profiles:
        profile = _first(scopes, "authentication-profile", name)
        if profile.at("multi-factor-auth").says("mfa-enable"):
            found.append(True)
        else:
            found.append(False if profile.at("method").has("local-database") else None)
    if False in found:
        return False
    return True if found and None not in found else None
