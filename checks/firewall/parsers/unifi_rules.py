"""UniFi policies of zones and legacy rules, as rules of the model.

Field names are those of the controller: v2 API (`firewall-policies`) and `rest/firewallrule`.
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection, union
from checks.firewall.algebra.services import PORTED, ServiceError, Services
from checks.firewall.facts import DENY, NONE, PERMIT, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.unifi_json import Element

ACTIONS = {"allow": PERMIT, "accept": PERMIT, "block": DENY, "drop": DENY, "reject": DENY}
FAMILIES = {"IPV4": (4,), "IPV6": (6,), "BOTH": (4, 6), "": (4, 6)}
STATES = ("new", "established", "related", "invalid")
POLICY_FIELDS = frozenset({
    "_id", "id", "site_id", "external_id", "name", "description", "enabled", "action", "index", "predefined",
    "logging", "source", "destination", "source_zone_id", "destination_zone_id", "protocol", "port_ranges",
    "ip_version", "connection_state_type", "connection_states", "create_allow_respond", "icmp_typename",
    "icmp_v6_typename", "match_ip_sec", "match_ip_sec_type", "match_opposite_protocol", "origin_id", "origin_type",
    "schedule", "attr_no_edit", "attr_no_delete", "attr_hidden", "attr_hidden_id", "system",
})  # fmt: skip
ENDPOINT_FIELDS = frozenset({
    "zone_id", "matching_target", "matching_target_type", "ips", "ip_group_id", "address_group_id", "network_ids",
    "network_id", "port", "port_group_id", "port_matching_type", "match_opposite_ips", "match_opposite_ports",
    "match_opposite_networks", "match_mac", "client_macs", "mac_addresses", "regions", "web_domains", "app_ids",
    "app_category_ids", "web_matching_type", "iid",
})  # fmt: skip
UNKNOWN_TARGETS = {"client": "client_macs", "mac": "mac_addresses", "region": "regions", "web": "web_domains",
                   "app": "app_ids", "app_category": "app_category_ids", "device": "client_macs",
                   "iid": "iid"}  # fmt: skip
LEGACY_FIELDS = frozenset({
    "_id", "site_id", "name", "ruleset", "rule_index", "action", "enabled", "protocol", "protocol_v6",
    "protocol_match_excepted", "src_address", "src_address_ipv6", "src_port", "src_mac_address",
    "src_firewallgroup_ids", "src_networkconf_id", "src_networkconf_type", "dst_address", "dst_address_ipv6",
    "dst_port", "dst_firewallgroup_ids", "dst_networkconf_id", "dst_networkconf_type", "state_new",
    "state_established", "state_related", "state_invalid", "icmp_typename", "icmpv6_typename", "ipsec", "logging",
    "setting_preference", "attr_no_edit", "attr_no_delete", "attr_hidden", "attr_hidden_id", "contiguous",
})  # fmt: skip


class Objects:
    """Zones, networks and groups by identifier."""

    def __init__(self, builder: DeviceBuilder) -> None:
        self._builder = builder
        self.networks: dict[str, Element] = {}
        self.zones: dict[str, Element] = {}
        self._addresses: dict[str, Addresses] = {}
        self._ports: dict[str, Intervals | None] = {}
        self._groups: dict[str, Element] = {}
        self._used: set[str] = set()

    def add_group(self, one: Element) -> None:
        """An address group, an IPv6 address group or a port group."""
        key, members = one.text("_id", "id"), one.texts("group_members")
        self._groups[key] = one
        if one.text("group_type") == "port-group":
            try:
                self._ports[key] = svc.parse_ports(",".join(members)) if members else ()
            except ServiceError:
                self._ports[key] = None
        else:
            self._addresses[key] = ip.join(*(_address(text) for text in members)) if members else ip.NOTHING

    def group_name(self, key: str) -> str:
        """Name of a group, else its identifier."""
        one = self._groups.get(key)
        return one.text("name") if one is not None and one.text("name") else key

    def group(self, key: str) -> Addresses:
        """Addresses of a group."""
        self._used.add(key)
        return self._addresses.get(key, ip.unknown(f"absent:{key}"))

    def group_ports(self, key: str) -> Intervals | None:
        """Ports of a group; None when they are not known."""
        self._used.add(key)
        return self._ports.get(key)

    def is_port_group(self, key: str) -> bool | None:
        """None when the group is not in the export."""
        if key not in self._groups:
            return None
        return key in self._ports

    def network(self, key: str) -> Addresses:
        """Addresses of a network: its IPv4 subnet, and IPv6 addresses that are not known."""
        one = self.networks.get(key)
        text = one.text("ip_subnet") if one is not None else ""
        if not text:
            return ip.unknown(f"réseau:{key}")
        try:
            subnet = ip.from_ranges([text])
        except AddressError:
            return ip.unknown(f"réseau:{key}")
        return ip.join(subnet, ip.unknown(f"préfixe IPv6:{key}", families=(6,)))

    def network_name(self, key: str) -> str:
        """Name of a network, else its identifier."""
        one = self.networks.get(key)
        return one.text("name") if one is not None and one.text("name") else key

    def zone(self, key: str) -> str:
        """Name of a zone, else its identifier."""
        one = self.zones.get(key)
        return one.text("name") if one is not None and one.text("name") else key

    def record(self) -> None:
        """Hand the groups to the builder."""
        for key, one in self._groups.items():
            used = key in self._used
            if key in self._ports:
                ports = self._ports[key]
                value = svc.unknown(f"illisible:{key}") if ports is None else _both_protocols(ports)
                self._builder.add_object(
                    self.group_name(key), "service-group", value, line=one.line, file=one.file, used=used
                )
            else:
                self._builder.add_object(
                    self.group_name(key), "address-group", self._addresses[key], line=one.line, file=one.file, used=used
                )


def _both_protocols(ports: Intervals) -> Services:
    return svc.join(svc.of(6, ports), svc.of(17, ports))


def _address(text: str) -> Addresses:
    try:
        return ip.from_ranges([text])
    except AddressError:
        return ip.unknown(f"illisible:{text}")


class _Cells:
    """What is being gathered for one rule."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.names: dict[str, list[str]] = {"source": [], "destination": []}
        self.port_names: list[str] = []


class RuleReader:
    """Reads policies and legacy rules."""

    def __init__(self, builder: DeviceBuilder, objects: Objects) -> None:
        self._builder = builder
        self._objects = objects
        self.unknown_action = False

    def policy(self, one: Element) -> Rule:
        """A policy between two zones."""
        cells = _Cells()
        families = FAMILIES.get(one.text("ip_version").upper())
        if families is None:
            families = (4, 6)
            cells.conditions.append(f"version IP : {one.text('ip_version')}")
        source, destination = one.inside("source"), one.inside("destination")
        self._unknown_fields(one, POLICY_FIELDS, cells)
        for side in (source, destination):
            self._unknown_fields(side, ENDPOINT_FIELDS, cells)
        from_address = self._endpoint(source, "source", cells)
        to_address = self._endpoint(destination, "destination", cells)
        ports = self._policy_ports(destination, cells, one.texts("port_ranges"))
        source_ports = self._policy_ports(source, cells, [])
        services = self._services(
            one.text("protocol"), ports, source_ports, cells, opposite=one.on("match_opposite_protocol")
        )
        schedule = self._schedule(one, cells)
        if one.on("match_ip_sec"):
            cells.conditions.append(f"IPsec : {one.text('match_ip_sec_type')}")
        for name in ("icmp_typename", "icmp_v6_typename"):
            if one.text(name) not in ("", "ANY"):
                cells.conditions.append(f"type ICMP : {one.text(name)}")
        return Rule(
            ref=one.text("_id", "id"),
            name=one.text("name"),
            line=one.line,
            file=one.file,
            action=self._action(one),
            enabled=one.on("enabled", default=True),
            source=self._address(from_address, families, cells.names["source"]),
            destination=self._address(to_address, families, cells.names["destination"]),
            services=self._builder.service(services, cells.port_names or ("any",)),
            in_zones=self._zones(source.text("zone_id") or one.text("source_zone_id")),
            out_zones=self._zones(destination.text("zone_id") or one.text("destination_zone_id")),
            state=self._states(one, cells),
            conditions=tuple(cells.conditions),
            schedule=schedule,
            expires=self._expires(one),
            log=one.on("logging") if "logging" in one.fields else None,
            comment=one.text("description"),
            automatic=one.on("predefined"),
        )

    def _action(self, one: Element) -> str:
        action = ACTIONS.get(one.text("action").lower())
        if action is None:
            self.unknown_action = True
            self._builder.not_understood(
                one.line, f"action={one.text('action')}", "le sort du trafic de cette règle", one.file
            )
            return NONE
        return action

    def _zones(self, key: str) -> tuple[str, ...]:
        return (self._objects.zone(key),) if key else ()

    def _address(self, value: Addresses, families: tuple[int, ...], names: Iterable[str]) -> int:
        kept = value if families == (4, 6) else ip.only(value, families[0])
        return self._builder.address(kept, tuple(names) or ("any",))

    def _unknown_fields(self, one: Element, known: frozenset[str], cells: _Cells) -> None:
        for name, value in one.fields.items():
            if name in known or value in (None, "", False, [], {}):
                continue
            self._builder.not_understood(one.line, f"{name}={value}", "la règle ne prouve rien", one.file)
            cells.conditions.append(f"directive non comprise : {name}")

    def _endpoint(self, side: Element, label: str, cells: _Cells) -> Addresses:
        names = cells.names[label]
        target = side.text("matching_target").lower()
        group = side.text("ip_group_id", "address_group_id")
        ips = side.texts("ips")
        networks = side.texts("network_ids") or [text for text in [side.text("network_id")] if text]
        if side.on("match_mac"):
            cells.conditions.append("adresse matérielle")
        if target in UNKNOWN_TARGETS:
            wanted = side.texts(UNKNOWN_TARGETS[target]) or [target]
            names += wanted
            return ip.unknown(*(f"{target}:{one}" for one in wanted))
        if target == "network" or (not target and networks):
            names += [self._objects.network_name(key) for key in networks]
            value = ip.join(*(self._objects.network(key) for key in networks)) if networks else ip.unknown("réseau")
            return ip.negate(value) if side.on("match_opposite_networks") else value
        if target == "ip" or (not target and (group or ips)):
            names += [*ips, *([self._objects.group_name(group)] if group else [])]
            parts = [_address(text) for text in ips] + ([self._objects.group(group)] if group else [])
            value = ip.join(*parts) if parts else ip.unknown("adresses")
            return ip.negate(value) if side.on("match_opposite_ips") else value
        if target not in ("", "any"):
            self._builder.not_understood(side.line, f"matching_target={target}", "la règle ne prouve rien", side.file)
            return ip.unknown(f"cible:{target}")
        return ip.ANY

    def _policy_ports(self, side: Element, cells: _Cells, more: list[str]) -> Intervals | None:
        """Ports of one side; None for any."""
        found: list[Intervals] = []
        kind = side.text("port_matching_type").upper()
        texts = [",".join(more), side.text("port") if kind in ("", "SPECIFIC") else ""]
        for text in texts:
            if text:
                cells.port_names.append(text)
                try:
                    found.append(svc.parse_ports(text))
                except ServiceError:
                    cells.conditions.append(f"port : {text}")
        group = side.text("port_group_id") if kind in ("", "OBJECT") else ""
        if group:
            cells.port_names.append(self._objects.group_name(group))
            ports = self._objects.group_ports(group)
            if ports is None:
                cells.conditions.append(f"ports non résolus : {self._objects.group_name(group)}")
            else:
                found.append(ports)
        if kind not in ("", "ANY", "SPECIFIC", "OBJECT"):
            cells.conditions.append(f"ports : {kind}")
        if not found:
            return None
        ports = found[0]
        for other in found[1:]:
            ports = intersection(ports, other)
        return difference(svc.ANY_PORT, ports) if side.on("match_opposite_ports") else ports

    @staticmethod
    def _services(
        protocol: str,
        ports: Intervals | None,
        source_ports: Intervals | None,
        cells: _Cells,
        *,
        opposite: bool,
    ) -> Services:
        name = protocol.lower()
        if name in ("", "all", "any"):
            numbers = list(range(256))
        elif name == "tcp_udp":
            numbers = [6, 17]
        else:
            try:
                numbers = [svc.protocol_number(name)]
            except ServiceError:
                return svc.unknown(f"protocole:{protocol}")
        if opposite:
            numbers = [one for one in range(256) if one not in numbers]
        if name not in ("", "all", "any"):
            cells.port_names.insert(0, ("!" if opposite else "") + name)
        if ports is None and source_ports is None:
            return svc.within(svc.ANY, numbers) if len(numbers) < 256 else svc.ANY  # noqa: PLR2004
        ported = [one for one in numbers if one in PORTED]
        if not ported:
            cells.conditions.append("port sans protocole qui en ait")
            return svc.within(svc.ANY, numbers)
        wanted = svc.ANY_PORT if ports is None else ports
        sources = svc.ANY_PORT if source_ports is None else source_ports
        return svc.join(*(svc.of(one, wanted, sources) for one in ported))

    @staticmethod
    def _states(one: Element, cells: _Cells) -> tuple[str, ...]:
        kind = one.text("connection_state_type").upper()
        if kind in ("", "ALL"):
            return ()
        if kind == "RESPOND_ONLY":
            return ("established", "related")
        wanted = [state.lower() for state in one.texts("connection_states")]
        if kind in ("CUSTOM", "SPECIFIC") and wanted and all(state in STATES for state in wanted):
            return tuple(wanted)
        cells.conditions.append(f"état : {kind} {' '.join(wanted)}".strip())
        return ()

    @staticmethod
    def _schedule(one: Element, cells: _Cells) -> str:
        value = one.fields.get("schedule")
        mode = one.inside("schedule").text("mode") if isinstance(value, dict) else str(value or "")
        if mode in ("", "ALWAYS"):
            return ""
        cells.conditions.append(f"horaire : {mode}")
        return mode

    @staticmethod
    def _expires(one: Element) -> str:
        schedule = one.inside("schedule")
        end = schedule.text("date_end", "date")
        return end[:10] if end[:10].count("-") == 2 and end[:4].isdigit() else ""  # noqa: PLR2004

    def legacy(self, one: Element, side: str, zone: str, family: int) -> Rule:
        """A rule of a ruleset: `side` is `in`, `out` or `local`."""
        cells = _Cells()
        self._unknown_fields(one, LEGACY_FIELDS, cells)
        ports = self._legacy_ports(one, "dst", cells)
        source_ports = self._legacy_ports(one, "src", cells)
        protocol = one.text("protocol_v6") if family == 6 else one.text("protocol")  # noqa: PLR2004
        services = self._services(protocol, ports, source_ports, cells, opposite=one.on("protocol_match_excepted"))
        if one.text("src_mac_address"):
            cells.conditions.append(f"adresse matérielle : {one.text('src_mac_address')}")
        if one.text("ipsec"):
            cells.conditions.append(f"IPsec : {one.text('ipsec')}")
        for name in ("icmp_typename", "icmpv6_typename"):
            if one.text(name).lower() not in ("", "any"):
                cells.conditions.append(f"type ICMP : {one.text(name)}")
        return Rule(
            ref=one.text("rule_index") or one.text("_id"),
            name=one.text("name"),
            line=one.line,
            file=one.file,
            action=self._action(one),
            enabled=one.on("enabled", default=True),
            source=self._legacy_address(one, "src", family, cells),
            destination=self._legacy_address(one, "dst", family, cells),
            services=self._builder.service(services, cells.port_names or ("any",)),
            in_zones=(zone,) if side in ("in", "local") else (),
            out_zones=(zone,) if side == "out" else (),
            state=tuple(state for state in STATES if one.on(f"state_{state}")),
            conditions=tuple(cells.conditions),
            log=one.on("logging") if "logging" in one.fields else None,
            section=one.text("ruleset"),
        )

    def _legacy_ports(self, one: Element, side: str, cells: _Cells) -> Intervals | None:
        found: list[Intervals] = []
        if text := one.text(f"{side}_port"):
            cells.port_names.append(text)
            try:
                found.append(svc.parse_ports(text))
            except ServiceError:
                cells.conditions.append(f"port : {text}")
        groups = [key for key in one.texts(f"{side}_firewallgroup_ids") if self._objects.is_port_group(key)]
        for key in groups:
            cells.port_names.append(self._objects.group_name(key))
            ports = self._objects.group_ports(key)
            if ports is None:
                cells.conditions.append(f"ports non résolus : {self._objects.group_name(key)}")
            else:
                found.append(ports)
        return union(*found) if found else None

    def _legacy_address(self, one: Element, side: str, family: int, cells: _Cells) -> int:
        suffix = "_ipv6" if family == 6 else ""  # noqa: PLR2004
        parts: list[Addresses] = []
        names: list[str] = []
        if text := one.text(f"{side}_address{suffix}"):
            parts.append(_address(text))
            names.append(text)
        for key in one.texts(f"{side}_firewallgroup_ids"):
            kind = self._objects.is_port_group(key)
            if kind is None:
                cells.conditions.append(f"groupe absent : {key}")
            elif not kind:
                parts.append(self._objects.group(key))
                names.append(self._objects.group_name(key))
        if key := one.text(f"{side}_networkconf_id"):
            names.append(self._objects.network_name(key))
            whole = one.text(f"{side}_networkconf_type").upper() in ("", "NETV4", "NETV6")
            parts.append(self._objects.network(key) if whole else ip.unknown(f"adresse du pare-feu:{key}"))
        value = ip.join(*parts) if parts else ip.ANY
        if len(parts) > 1:
            # Whether several criteria add up is not documented.
            value = Addresses(
                maybe4=value.over4, maybe6=value.over6, unresolved=(*value.unresolved, "critères:plusieurs")
            )
        return self._builder.address(ip.only(value, family), tuple(names) or ("any",))
