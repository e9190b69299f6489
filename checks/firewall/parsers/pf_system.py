"""Interfaces, accounts and administration of a pf firewall (pfSense, OPNsense)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import ALL4, ALL6, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection, union
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, PERMIT, Administrator, Interface, User
from checks.firewall.parsers.pf_objects import Cell, PfInterface, PfObjects, cidr_of, literal_address, literal_ports
from checks.firewall.parsers.pf_rules import IN, PfRule
from checks.firewall.parsers.xmltree import Node

DYNAMIC4 = {"dhcp", "pppoe", "pptp", "l2tp", "ppp"}
GROUPS = {
    "openvpn": ("ovpn",),
    "wireguard": ("wg", "tun_wg"),
    "WireGuard": ("tun_wg", "wg"),
    "l2tp": ("l2tp",),
    "pppoe": ("poes",),
    "pptp": ("pptpd",),
}
"""Interface groups of the product itself, and how the devices that belong to them are named."""
VIRTUAL_TITLES = {"enc0": "IPsec", "openvpn": "OpenVPN", "wireguard": "WireGuard", "WireGuard": "WireGuard"}
OWN_MODES = {"carp", "ipalias"}
"""Virtual addresses the firewall itself answers on."""


def is_set(node: Node | None) -> bool:
    """A flag written as a value: present, and neither empty nor `0`."""
    return node is not None and node.text.strip().lower() not in ("", "0", "no", "false")


def load_interfaces(root: Node, objects: PfObjects) -> None:
    """Read `<interfaces>`, virtual addresses and groups into `objects`."""
    nodes = [node for node in root.child("interfaces") or () if node.value("type") != "group"]
    legacy = all(node.child("enable") is None for node in nodes)
    for node in nodes:
        if node.child("if") is None and node.child("ipaddr") is None:
            continue
        enabled = _enabled(node, legacy=legacy)
        objects.interfaces[node.tag] = _interface(node, enabled=enabled)
    for vip in root.all("virtualip", "vip"):
        text = f"{vip.value('subnet')}/{vip.value('subnet_bits')}"
        if vip.value("mode") in OWN_MODES and vip.child("disabled") is None and literal_address(text) is not None:
            objects.virtual.setdefault(vip.value("interface"), []).append(text)
    _load_groups(root, objects)


def _enabled(node: Node, *, legacy: bool) -> bool:
    if legacy:
        return node.tag in ("wan", "lan", "lo0")
    child = node.child("enable")
    return child is not None and child.text.strip() != "0"


def _load_groups(root: Node, objects: PfObjects) -> None:
    for name, prefixes in GROUPS.items():
        assigned = [one.name for one in objects.interfaces.values() if one.device.startswith(prefixes)]
        objects.groups[name] = (name, *assigned)
    objects.groups["enc0"] = objects.groups["ipsec"] = ("enc0",)
    objects.groups["lo0"] = objects.groups["loopback"] = ("lo0",)
    for entry in root.all("ifgroups", "ifgroupentry"):
        name = entry.value("ifname")
        members = entry.value("members").replace(",", " ").split()
        zones = [zone for member in members for zone in objects.groups.get(member, (member,))]
        if name in GROUPS:
            zones = [*objects.groups[name], *zones]
        if name:
            objects.groups[name] = tuple(dict.fromkeys(zones))


def _interface(node: Node, *, enabled: bool) -> PfInterface:
    address4, length4 = node.value("ipaddr"), node.value("subnet")
    address6, length6 = node.value("ipaddrv6"), node.value("subnetv6")
    kind4, own4, net4, cidr4 = _addresses(address4, length4, 4)
    kind6, own6, net6, cidr6 = _addresses(address6, length6, 6)
    names = tuple(name for name in (node.value("gateway"), node.value("gatewayv6")) if name and name != "none")
    return PfInterface(
        name=node.tag,
        device=node.value("if"),
        title=node.value("descr") or node.tag.upper(),
        line=node.line,
        enabled=enabled,
        address=ip.join(own4, own6),
        network=ip.join(net4, net6),
        networks=tuple(text for text in (cidr4, cidr6) if text),
        kind4=kind4,
        kind6=kind6,
        gateway=bool(names) or kind4 in DYNAMIC4,
        gateway_names=names,
    )


def _addresses(address: str, length: str, family: int) -> tuple[str, Addresses, Addresses, str]:
    """How the address is set, the address, the network, and the network in CIDR form."""
    if not address or address == "none":
        return "none", ip.NOTHING, ip.NOTHING, ""
    text = cidr_of(address, length or ("32" if family == 4 else "128"))  # noqa: PLR2004
    if text:
        return "static", ip.from_ranges((address,)), ip.from_ranges((text,)), text
    lost = ip.unknown(f"adresse obtenue par {address}", families=(family,))
    return address, lost, lost, ""


def interface_facts(
    root: Node, objects: PfObjects, management: Mapping[str, tuple[tuple[str, ...], bool | None]], default: str
) -> tuple[Interface, ...]:
    """The interfaces and pseudo-interfaces of the device."""
    parents = {vlan.value("vlanif"): (vlan.value("if"), vlan.value("descr")) for vlan in root.all("vlans", "vlan")}
    laggs = {lagg.value("laggif"): (lagg.value("members"), lagg.value("descr")) for lagg in root.all("laggs", "lagg")}
    found = [
        _fact(one, {**laggs, **parents}, management.get(one.name), default=default)
        for one in objects.interfaces.values()
    ]
    for name, title in VIRTUAL_TITLES.items():
        answered = management.get(name)
        if answered is not None and name not in objects.interfaces:
            services, restricted = answered
            found.append(
                Interface(
                    name=name,
                    title=title,
                    role="vpn",
                    management=services,
                    management_restricted=restricted if services else None,
                )
            )
    return tuple(found)


def _fact(
    one: PfInterface,
    devices: Mapping[str, tuple[str, str]],
    answered: tuple[tuple[str, ...], bool | None] | None,
    *,
    default: str,
) -> Interface:
    parent, described = devices.get(one.device, ("", ""))
    title = one.title if one.title != one.name.upper() or not described else described
    services, restricted = answered if answered is not None else ((), None)
    return Interface(
        name=one.name,
        title=title,
        line=one.line,
        members=tuple(text for text in (one.device, *parent.replace(",", " ").split()) if text),
        networks=one.networks,
        role=_role(one),
        default_route=one.name == default,
        management=services if answered is not None else None,
        management_restricted=restricted if services else None,
        enabled=one.enabled,
    )


def _role(one: PfInterface) -> str:
    if one.name == "wan" or one.gateway:
        return "wan"
    if any(one.device.startswith(prefixes) for prefixes in GROUPS.values()):
        return "vpn"
    return "lan" if one.name == "lan" else ""


def default_interface(root: Node, objects: PfObjects, gateways: Sequence[Node]) -> str:
    """The interface of the default route; empty when the export does not tell."""
    wanted = root.value("gateways", "defaultgw4")
    chosen = [item for item in gateways if wanted and item.value("name") == wanted]
    chosen += [item for item in gateways if item.child("defaultgw") is not None and item.value("defaultgw") != "0"]
    for item in chosen:
        if item.value("interface") in objects.interfaces:
            return item.value("interface")
    upstream = [one.name for one in objects.interfaces.values() if one.gateway and one.enabled]
    return upstream[0] if len(upstream) == 1 else "wan" if "wan" in upstream else ""


class AdminService(NamedTuple):
    """One administration service the firewall runs."""

    name: str
    services: Services
    interfaces: tuple[str, ...] = ()
    """Interfaces it listens on; empty for all."""


def admin_services(root: Node, *, ssh: bool, presence: bool) -> list[AdminService]:
    """Web page, SSH, SNMP and ping, with the ports they listen on."""
    web = root.at("system", "webgui")
    protocol = (web.value("protocol") if web is not None else "") or "https"
    found = [AdminService(protocol, _tcp(admin_port(root, protocol)), _listen(web))]
    if ssh:
        node = root.at("system", "ssh")
        found.append(AdminService("ssh", _tcp(ssh_port(root)), _listen(node)))
    snmp = root.at("snmpd", "enable")
    if snmp is not None and (presence or is_set(snmp)):
        found.append(AdminService("snmp", svc.of(17, ((161, 161),))))
    found.append(AdminService("ping", svc.icmp(1, 8)))
    return found


def _listen(node: Node | None) -> tuple[str, ...]:
    return tuple(node.value("interfaces").replace(",", " ").split()) if node is not None else ()


def _tcp(port: int) -> Services:
    return svc.of(6, ((port, port),))


def admin_port(root: Node, protocol: str) -> int:
    """Port of the administration page."""
    return _number(root.value("system", "webgui", "port")) or (80 if protocol == "http" else 443)


def ssh_port(root: Node) -> int:
    """Port of the SSH service."""
    return _number(root.value("system", "ssh", "port")) or 22


def _number(text: str) -> int:
    ports = literal_ports(text) if text.isdecimal() else None
    return ports.sure[0][0] if ports is not None else 0


def anti_lockout_ports(root: Node, *, ssh: bool) -> tuple[int, ...]:
    """Ports the anti-lockout rule opens."""
    protocol = root.value("system", "webgui", "protocol")
    ports = [admin_port(root, protocol if protocol == "https" else "http")]
    if protocol == "https" and root.at("system", "webgui", "disablehttpredirect") is None:
        ports.append(80)
    if ssh:
        ports.append(ssh_port(root))
    return tuple(dict.fromkeys(ports))


MAX_QUESTIONS = 1_000_000
"""Rules looked at to know which administration services each zone reaches."""


class _Step(NamedTuple):
    """One rule as it bears on one administration service, whatever the zone."""

    rule: PfRule
    source: Addresses
    stops4: bool
    """It surely settles every IPv4 connection from its sources to the service."""
    stops6: bool


def answered_services(
    zones: Iterable[str], services: Sequence[AdminService], ordered: Sequence[PfRule], objects: PfObjects
) -> dict[str, tuple[tuple[str, ...], bool | None]]:
    """The administration services each zone can reach, by the rules for traffic to the firewall itself.

    The second value tells whether only some source addresses of the zone are let in. Zones are left out of the
    answer when there are too many rules to look at for each.
    """
    own = objects.own()
    steps = [(service, _steps(service.services, ordered, own, objects)) for service in services]
    found: dict[str, tuple[tuple[str, ...], bool | None]] = {}
    asked = 0
    for zone in zones:
        asked += sum(len(one) for _, one in steps)
        if asked > MAX_QUESTIONS:
            break
        reached = []
        restricted: bool | None = None
        for service, concerned in steps:
            if service.interfaces and zone not in service.interfaces:
                continue
            allowed = _allowed(concerned, zone)
            if allowed.v4 or allowed.v6:
                reached.append(service.name)
                if service.name != "ping":
                    restricted = _is_limited(allowed, zone, objects) and restricted is not False
        found[zone] = (tuple(reached), restricted)
    return found


def _steps(service: Services, ordered: Sequence[PfRule], own: Addresses, objects: PfObjects) -> list[_Step]:
    wanted = _only_ports(service)
    found = []
    for rule in ordered:
        if IN not in rule.directions or not rule.enabled or rule.translated or rule.action not in (PERMIT, DENY):
            continue
        if not any(intersection(box.services, wanted) for box in (*rule.services.sure, *rule.services.maybe)):
            continue
        target = _resolved(rule.destination, rule, objects)
        if not (intersection(target.over4, own.v4) or intersection(target.over6, own.v6) or target.unresolved):
            continue
        certain = not rule.conditions and not difference(wanted, _only_ports(rule.services))
        source = _resolved(rule.source, rule, objects)
        found.append(
            _Step(
                rule,
                Addresses(
                    v4=source.v4 if 4 in rule.families else (),  # noqa: PLR2004
                    v6=source.v6 if 6 in rule.families else (),  # noqa: PLR2004
                    maybe4=source.maybe4 if 4 in rule.families else (),  # noqa: PLR2004
                    maybe6=source.maybe6 if 6 in rule.families else (),  # noqa: PLR2004
                ),
                stops4=certain and not difference(own.over4, target.v4),
                stops6=certain and not difference(own.over6, target.v6),
            )
        )
    return found


def _in_zone(rule: PfRule, zone: str) -> bool:
    if not rule.zones:
        return True
    return (zone in rule.zones) != rule.zones_negated


def _resolved(value: Cell | Addresses, rule: PfRule, objects: PfObjects) -> Addresses:
    return objects.resolve(value, rule.families, through=False) if isinstance(value, Cell) else value


def _allowed(steps: Sequence[_Step], zone: str) -> Addresses:
    """Sources that some rule may let in and that no earlier rule surely stops."""
    left4, left6 = ALL4, ALL6
    got4: Intervals = ()
    got6: Intervals = ()
    for rule, source, stops4, stops6 in steps:
        if not _in_zone(rule, zone):
            continue
        if rule.action == PERMIT:
            got4 = union(got4, intersection(left4, source.over4))
            got6 = union(got6, intersection(left6, source.over6))
        left4 = difference(left4, source.v4) if stops4 else left4
        left6 = difference(left6, source.v6) if stops6 else left6
        if not (left4 or left6) or (got4 == ALL4 and got6 == ALL6):
            break
    return Addresses(v4=got4, v6=got6)


def _only_ports(services: Services) -> Intervals:
    return union(*(box.services for box in services.sure if box.source_ports == svc.ANY_PORT))


def _is_limited(allowed: Addresses, zone: str, objects: PfObjects) -> bool:
    interface = objects.interfaces.get(zone)
    if interface is not None and not interface.gateway and interface.network.v4:
        return bool(difference(interface.network.v4, allowed.v4))
    # Towards the Internet: nearly every public address may come in when what is left out is private only.
    public = difference(ALL4, ip.from_ranges(("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
                                              "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/16", "192.168.0.0/16",
                                              "198.0.0.0/8", "203.0.0.0/8", "224.0.0.0/3")).v4)  # fmt: skip
    return bool(difference(public, allowed.v4))


def accounts(
    root: Node, *, factory: str, mfa: bool | None, presence: bool
) -> tuple[tuple[Administrator, ...], tuple[User, ...]]:
    """Administrators and other accounts. Neither password nor key is read."""
    groups = root.all("system", "group")
    rights = {
        member: {priv.text.strip() for group in groups if member in _members(group) for priv in group.all("priv")}
        for member in {member for group in groups for member in _members(group)}
    }
    admins: list[Administrator] = []
    users: list[User] = []
    for node in root.all("system", "user"):
        name, uid = node.value("name"), node.value("uid")
        own = {priv.text.strip() for priv in node.all("priv")} | rights.get(uid, set())
        disabled = node.child("disabled")
        enabled = disabled is None or (not presence and not is_set(disabled))
        pages = {priv for priv in own if priv.startswith(("page-", "user-shell", "user-config"))}
        if uid == "0" or pages:
            admins.append(
                Administrator(
                    name=name,
                    line=node.line,
                    enabled=enabled,
                    factory=uid == "0" and name == factory,
                    full_rights=uid == "0" or "page-all" in own,
                    mfa=mfa,
                )
            )
        else:
            users.append(User(name=name, line=node.line, enabled=enabled, mfa=None))
    return tuple(admins), tuple(users)


def _members(group: Node) -> set[str]:
    return {text for node in group.all("member") for text in node.text.replace(",", " ").split()}


def second_factor(root: Node) -> bool | None:
    """The administration page asks for a second factor; None when another server decides."""
    modes = root.value("system", "webgui", "authmode").replace(",", " ").replace("Local Database", "local").split()
    kinds = {server.value("name"): server.value("type") for server in root.all("system", "authserver")}
    if not modes or set(modes) <= {"local"}:
        return False
    found = [kinds.get(mode, "") for mode in modes if mode != "local"]
    if any("totp" in kind or "otp" in kind for kind in found):
        return "local" not in modes and all("otp" in kind for kind in found)
    return None
