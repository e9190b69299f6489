"""Exports made to hurt: the same small rule base in every syntax, its groups knotted, its texts and numbers absurd.

Used by the tests, and by `benchmarks/firewall_hostile.py` for files of 50 MB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

HOST, PORT, BASE, AROUND = "H0", "S0", "G0", "R0"


class Base(NamedTuple):
    """A rule base, before it is written in a syntax."""

    hosts: Sequence[tuple[str, str]] = ((HOST, "10.10.0.5"),)
    groups: Sequence[tuple[str, Sequence[str]]] = ((BASE, (HOST,)),)
    ports: Sequence[tuple[str, str]] = ((PORT, "443"),)
    port_groups: Sequence[tuple[str, Sequence[str]]] = (("P0", (PORT,)),)
    rules: Sequence[tuple[str, str, str]] = ((AROUND, BASE, "P0"),)
    """Name, destination, service."""


Writer = Callable[[Base], tuple[str, ...]]


def quoted(text: str) -> str:
    """Between double quotes, as command lines write it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def element(tag: str, *inner: str, text: str = "", **attributes: str) -> str:
    """One element, on its own line when it holds others."""
    start = "".join(f" {name}={quoted_attribute(value)}" for name, value in attributes.items())
    return f"<{tag}{start}>{escape(text)}{''.join(inner)}</{tag}>\n"


def quoted_attribute(text: str) -> str:
    """The value of an attribute."""
    return '"' + escape(text, {'"': "&quot;", "\n": " "}) + '"'


def fortigate(base: Base) -> tuple[str, ...]:
    lines = ["#config-version=FGT60F-7.0.12-FW-build0523-230606:opmode=0:vdom=0:user=admin"]

    def table(path: str, entries: Iterable[tuple[str, Sequence[str]]]) -> None:
        lines.append(f"config {path}")
        for name, settings in entries:
            lines.extend((f"    edit {name}", *(f"        set {one}" for one in settings), "    next"))
        lines.append("end")

    table(
        "system interface", [('"lan"', ("ip 10.10.0.1 255.255.255.0",)), ('"wan"', ("ip 198.51.100.2 255.255.255.0",))]
    )
    table("firewall address", [(quoted(name), (f"subnet {text} 255.255.255.255",)) for name, text in base.hosts])
    table(
        "firewall addrgrp", [(quoted(name), (f"member {' '.join(map(quoted, held))}",)) for name, held in base.groups]
    )
    table("firewall service custom", [(quoted(name), (f"tcp-portrange {text}",)) for name, text in base.ports])
    table(
        "firewall service group",
        [(quoted(name), (f"member {' '.join(map(quoted, held))}",)) for name, held in base.port_groups],
    )
    rules = [
        (
            str(number),
            (
                f"name {quoted(name)}", 'srcintf "lan"', 'dstintf "wan"', 'srcaddr "all"', f"dstaddr {quoted(target)}",
                "action accept", 'schedule "always"', f"service {quoted(what)}", f"comments {quoted(name)}",
            ),
        )
        for number, (name, target, what) in enumerate(base.rules, 1)
    ]  # fmt: skip
    table("firewall policy", rules)
    return ("\n".join(lines) + "\n",)


def stormshield(base: Base) -> tuple[str, ...]:
    flat = str.maketrans(" ,|", "___")

    def quoted(text: str) -> str:
        return '"' + one_line(text).replace('"', '""') + '"'

    objects = ["#type,#name,#ip,#ipv6,#resolve,#mac,#comment"]
    objects += [f'host,{quoted(name)},{text},,static,,""' for name, text in base.hosts]
    objects += ["#type,#name,#elements,#comment"]
    objects += [f'group,{quoted(name)},"{",".join(held)}",""' for name, held in base.groups]
    objects += ["#type,#name,#proto,#port,#toport,#comment"]
    objects += [f'service,{quoted(name)},tcp,{text},,""' for name, text in base.ports]
    objects += ["#type,#name,#elements,#comment"]
    objects += [f'servicegroup,{quoted(name)},"{",".join(held)}",""' for name, held in base.port_groups]
    rules = [
        f"pass from any to {target.translate(flat)} port {what.translate(flat)} # {one_line(name)}"
        for name, target, what in base.rules
    ]
    return (
        "\n".join(["[Filter]", 'separator color="c0c0c0" comment="x" collapse="0"', *rules]) + "\n",
        "\n".join(objects) + "\n",
    )


def one_line(text: str) -> str:
    """The text without line breaks."""
    return text.replace("\n", " ")


def _pf(base: Base, root: str, aliases: str, *, uuid: bool) -> str:
    flag = "<enable>1</enable>"
    interfaces = element(
        "interfaces",
        f"<wan>{flag}<if>igb0</if><ipaddr>198.51.100.2</ipaddr><subnet>29</subnet></wan>\n",
        f"<lan>{flag}<if>igb1</if><ipaddr>10.10.0.1</ipaddr><subnet>16</subnet></lan>\n",
    )
    rules = [
        element(
            "rule", element("tracker", text=str(number)), "<type>pass</type><interface>lan</interface>",
            "<ipprotocol>inet</ipprotocol><protocol>tcp</protocol><source><any>1</any></source>",
            element("destination", element("address", text=target), element("port", text=what)), element("descr", text=name),
            **({"uuid": f"u{number}"} if uuid else {}),
        )
        for number, (name, target, what) in enumerate(base.rules, 1)
    ]  # fmt: skip
    system = "<system><hostname>fw</hostname><ipv6allow>1</ipv6allow></system>\n"
    return f'<?xml version="1.0"?>\n<{root}>\n{system}{interfaces}{aliases}<filter>\n{"".join(rules)}</filter>\n</{root}>\n'


def _aliases(base: Base) -> Iterator[tuple[str, str, str]]:
    for name, text in base.hosts:
        yield name, "host", text
    for name, held in base.groups:
        yield name, "network", "\n".join(held)
    for name, text in base.ports:
        yield name, "port", text
    for name, held in base.port_groups:
        yield name, "port", "\n".join(held)


def pfsense(base: Base) -> tuple[str, ...]:
    found = [
        element(
            "alias",
            element("name", text=name),
            element("type", text=kind),
            element("address", text=held.replace("\n", " ")),
        )
        for name, kind, held in _aliases(base)
    ]
    return (_pf(base, "pfsense", element("aliases", *found), uuid=False),)


def opnsense(base: Base) -> tuple[str, ...]:
    found = [
        element(
            "alias", element("enabled", text="1"), element("name", text=name), element("type", text=kind),
            element("content", text=held), uuid=f"a{number}",
        )
        for number, (name, kind, held) in enumerate(_aliases(base))
    ]  # fmt: skip
    tree = element("OPNsense", element("Firewall", element("Alias", element("aliases", *found))))
    return (_pf(base, "opnsense", tree, uuid=True),)


def sophos(base: Base) -> tuple[str, ...]:
    def named(tag: str, name: str, *inner: str) -> str:
        return element(tag, element("Name", text=name), *inner, transactionid="")

    def held_by(outer: str, inner: str, names: Sequence[str]) -> str:
        return element(outer, *(element(inner, text=name) for name in names))

    parts = [
        named("IPHost", name, "<IPFamily>IPv4</IPFamily><HostType>IP</HostType>", element("IPAddress", text=text))
        for name, text in base.hosts
    ]
    parts += [named("IPHostGroup", name, held_by("HostList", "Host", held)) for name, held in base.groups]
    detail = "<SourcePort>1:65535</SourcePort>{}<Protocol>TCP</Protocol>"
    parts += [
        named(
            "Services", name, "<Type>TCPorUDP</Type>",
            element("ServiceDetails", element("ServiceDetail", detail.format(element("DestinationPort", text=text)))),
        )
        for name, text in base.ports
    ]  # fmt: skip
    parts += [named("ServiceGroup", name, held_by("ServiceList", "Service", held)) for name, held in base.port_groups]
    before = ""
    for name, target, what in base.rules:
        link = element("After", element("Name", text=before)) if before else ""
        parts.append(
            named(
                "FirewallRule", name, "<IPFamily>IPv4</IPFamily><Status>Enable</Status>",
                element("Position", text="After" if before else "Top"), "<PolicyType>Network</PolicyType>", link,
                element(
                    "NetworkPolicy", "<Action>Accept</Action>", held_by("SourceZones", "Zone", ["LAN"]),
                    held_by("DestinationNetworks", "Network", [target]), held_by("Services", "Service", [what]),
                ),
            )
        )  # fmt: skip
        before = name
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Configuration APIVersion="2000.1">\n'
        + "".join(parts)
        + "</Configuration>\n",
    )


def watchguard(base: Base) -> tuple[str, ...]:
    def fields(**values: str) -> str:
        return "".join(element(name.replace("_", "-"), text=value) for name, value in values.items())

    groups = [
        element("address-group", fields(name=name + ".1.alm", property="16"),
                element("addr-group-member", element("member", fields(type="1", host_ip_addr=text))))
        for name, text in base.hosts
    ]  # fmt: skip
    triple = "<alias-member><type>1</type><user>Any</user>{}<interface>Any</interface></alias-member>\n"
    aliases = [
        element("alias", fields(name=name, property="0"),
                element("alias-member-list", triple.format(element("address", text=name + ".1.alm"))))
        for name, _ in base.hosts
    ]  # fmt: skip
    aliases += [
        element("alias", fields(name=name, property="0"),
                element("alias-member-list", *(element("alias-member", fields(type="2", alias_name=one)) for one in held)))
        for name, held in base.groups
    ]  # fmt: skip
    ports = dict(base.ports)
    services = [
        element("service", fields(name=name, property="0"), element("service-item", *(
            element("member", fields(type="1", protocol="6", server_port=text)) for text in members)))
        for name, members in (
            *((name, (text,)) for name, text in base.ports),
            *((name, tuple(ports[one] for one in held if one in ports)) for name, held in base.port_groups),
        )
    ]  # fmt: skip
    policies = [
        element("abs-policy", fields(name=name, property="0", service=what, type="Firewall", enabled="true", firewall="Allow"),
                element("from-alias-list", element("alias", text="Any")), element("to-alias-list", element("alias", text=target)),
                element("settings", fields(schedule="Always On")))
        for name, target, what in base.rules
    ]  # fmt: skip
    any_alias = element(
        "alias", fields(name="Any", property="4"), element("alias-member-list", triple.format("<address>Any</address>"))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + element(
            "profile", "<for-version>12.10.4</for-version>\n", element("address-group-list", *groups),
            element("service-list", *services), element("alias-list", any_alias, *aliases),
            element("abs-policy-list", *policies),
            element("policy-view", element("ui-pm", fields(auto_order_enabled="0"))),
        ),
    )  # fmt: skip


def paloalto(base: Base) -> tuple[str, ...]:
    def entry(name: str, *inner: str) -> str:
        return element("entry", *inner, name=name)

    def members(tag: str, names: Sequence[str]) -> str:
        return element(tag, *(element("member", text=name) for name in names))

    rules = [
        entry(name, members("from", ["any"]), members("to", ["any"]), members("source", ["any"]), members("destination", [target]),
              members("application", ["any"]), members("service", [what]), "<action>allow</action>")
        for name, target, what in base.rules
    ]  # fmt: skip
    vsys = entry(
        "vsys1",
        element("address", *(entry(name, element("ip-netmask", text=text)) for name, text in base.hosts)),
        element("address-group", *(entry(name, members("static", held)) for name, held in base.groups)),
        element(
            "service",
            *(
                entry(name, element("protocol", element("tcp", element("port", text=text))))
                for name, text in base.ports
            ),
        ),
        element("service-group", *(entry(name, members("members", held)) for name, held in base.port_groups)),
        element("rulebase", element("security", element("rules", *rules))),
    )
    inside = element("devices", entry("localhost.localdomain", element("vsys", vsys)))
    return (f'<?xml version="1.0"?>\n<config version="10.1.0" urldb="paloaltonetworks">\n{inside}</config>\n',)


def paloalto_set(base: Base) -> tuple[str, ...]:
    lines = ["set deviceconfig system hostname FW"]
    lines += [f"set address {quoted(name)} ip-netmask {text}" for name, text in base.hosts]
    lines += [
        f"set address-group {quoted(name)} static [ {' '.join(map(quoted, held))} ]" for name, held in base.groups
    ]
    lines += [f"set service {quoted(name)} protocol tcp port {text}" for name, text in base.ports]
    lines += [
        f"set service-group {quoted(name)} members [ {' '.join(map(quoted, held))} ]" for name, held in base.port_groups
    ]
    for name, target, what in base.rules:
        rule = f"set rulebase security rules {quoted(name)}"
        lines += [f"{rule} {cell} any" for cell in ("from", "to", "source", "application")]
        lines += [f"{rule} destination {quoted(target)}", f"{rule} service {quoted(what)}", f"{rule} action allow"]
    return ("\n".join(lines) + "\n",)


def asa(base: Base) -> tuple[str, ...]:
    flat = str.maketrans(" \n", "__")
    lines = ["ASA Version 9.16(4)", "!", "hostname fw", "interface GigabitEthernet0/0", " nameif inside", " security-level 100",
             " ip address 10.10.0.1 255.255.255.0", "!"]  # fmt: skip
    for name, text in base.hosts:
        lines += [f"object network {name.translate(flat)}", f" host {text}"]
    hosts = {name for name, _ in base.hosts}
    for name, held in base.groups:
        lines += [f"object-group network {name.translate(flat)}"]
        lines += [
            f" {'network-object object' if one in hosts else 'group-object'} {one.translate(flat)}" for one in held
        ]
    for name, text in base.ports:
        lines += [f"object service {name.translate(flat)}", f" service tcp destination eq {text}"]
    ports = {name for name, _ in base.ports}
    for name, held in base.port_groups:
        lines += [f"object-group service {name.translate(flat)}"]
        lines += [
            f" {'service-object object' if one in ports else 'group-object'} {one.translate(flat)}" for one in held
        ]
    hosts_or = {True: "object", False: "object-group"}
    for name, target, what in base.rules:
        lines += [f"access-list ACL remark {one_line(name)}"]
        service, destination = what.translate(flat), target.translate(flat)
        match = f"{hosts_or[what in ports]} {service} any {hosts_or[target in hosts]} {destination}"
        lines += [f"access-list ACL extended permit {match}"]
    return ("\n".join([*lines, "access-group ACL in interface inside", ": end"]) + "\n",)


def checkpoint(base: Base) -> tuple[str, ...]:
    domain: dict[str, Any] = {"name": "SMC User", "domain-type": "domain"}
    data: dict[str, Any] = {"name": "Check Point Data", "domain-type": "data domain"}

    def thing(name: str, kind: str, where: Mapping[str, Any] = domain, **fields: Any) -> dict[str, Any]:
        return {"uid": f"uid-{name}", "name": name, "type": kind, "domain": where, **fields}

    objects = [
        thing("Any", "CpmiAnyObject", data), thing("Accept", "RulebaseAction", data), thing("Drop", "RulebaseAction", data),
        thing("Inner Layer", "Global", data),
        thing("Log", "Track", data), thing("Policy Targets", "Global", data),
        *(thing(name, "host", domain, **{"ipv4-address": text}) for name, text in base.hosts),
        *(thing(name, "group", members=[f"uid-{one}" for one in held]) for name, held in base.groups),
        *(thing(name, "service-tcp", port=text) for name, text in base.ports),
        *(thing(name, "service-group", members=[f"uid-{one}" for one in held]) for name, held in base.port_groups),
    ]  # fmt: skip
    rules = [
        checkpoint_rule(number, name, [f"uid-{target}"], [f"uid-{what}"])
        for number, (name, target, what) in enumerate(base.rules, 1)
    ]
    layer = checkpoint_layer("Network", rules, objects)
    package = {
        "uid": "package", "name": "Tilleuls", "type": "package", "domain": domain,
        "access-layers": [{"uid": "layer-Network", "name": "Network", "type": "access-layer", "domain": domain, "implicit-cleanup-action": "drop"}],
    }  # fmt: skip
    return (json.dumps(layer, indent=1, ensure_ascii=False), json.dumps(package, indent=1))


def checkpoint_rule(
    number: int, name: str, destination: list[str], service: list[str], **fields: Any
) -> dict[str, Any]:
    """One rule of the management API."""
    anything = ["uid-Any"]
    return {
        "uid": f"rule-{number}-{name}"[:80], "type": "access-rule", "rule-number": number, "name": name, "track": {"type": "uid-Log"},
        "source": anything, "source-negate": False, "destination": destination, "destination-negate": False,
        "service": service, "service-negate": False, "vpn": anything, "action": "uid-Accept", "content": anything,
        "content-direction": "any", "time": anything, "comments": name, "enabled": True, "install-on": ["uid-Policy Targets"], **fields,
    }  # fmt: skip


def checkpoint_layer(name: str, rules: list[dict[str, Any]], objects: list[dict[str, Any]]) -> dict[str, Any]:
    """One answer of `show access-rulebase`."""
    return {
        "uid": f"layer-{name}", "name": name, "objects-dictionary": objects, "rulebase": rules,
        "from": 1, "to": len(rules), "total": len(rules),
    }  # fmt: skip


def mikrotik(base: Base) -> tuple[str, ...]:
    """Groups become lists of interfaces, the only ones that nest."""
    ports = {
        **dict(base.ports),
        **{name: ",".join(dict(base.ports).get(one, "1") for one in held[:5]) for name, held in base.port_groups},
    }
    lines = ["# 2026-03-02 10:11:12 by RouterOS 7.16.1", "# model = RB4011iGS+", "/interface list"]
    lines += [
        f"add include={','.join(mikrotik_word(one) for one in held)} name={mikrotik_word(name)}"
        for name, held in base.groups
    ]
    lines += [
        "/interface list member",
        *(
            f"add interface=ether{number % 10} list={mikrotik_word(name)}"
            for number, (name, _) in enumerate(base.hosts)
        ),
    ]
    lines += [
        "/ip firewall address-list",
        *(f"add address={text} list={mikrotik_word(name)}" for name, text in base.hosts),
    ]
    lines += ["/ip firewall filter"]
    lines += [
        f"add action=accept chain=forward comment={mikrotik_word(name)} dst-port={ports.get(what, '1')} protocol=tcp "
        f"in-interface-list={mikrotik_word(target)} dst-address-list={mikrotik_word(base.hosts[0][0] if base.hosts else 'X')}"
        for name, target, what in base.rules
    ]
    return ("\n".join(lines) + "\n",)


def mikrotik_word(text: str) -> str:
    """A value between quotes, special characters escaped."""
    return quoted(text).replace("$", "\\$").replace("?", "\\?")


def unifi(base: Base) -> tuple[str, ...]:
    zones = [
        {"_id": "z-int", "name": "Internal", "zone_key": "internal", "default_zone": True, "network_ids": []},
        {"_id": "z-ext", "name": "External", "zone_key": "external", "default_zone": True, "network_ids": []},
    ]
    hosts, ports = dict(base.hosts), dict(base.ports)
    groups: list[dict[str, Any]] = [
        {"_id": f"g-{name}", "name": name, "group_type": kind, "group_members": members}
        for kind, name, members in (
            *(("address-group", name, [text]) for name, text in base.hosts),
            *(("address-group", name, [hosts.get(one, f"g-{one}") for one in held]) for name, held in base.groups),
            *(("port-group", name, [text]) for name, text in base.ports),
            *(("port-group", name, [ports.get(one, f"g-{one}") for one in held]) for name, held in base.port_groups),
        )
    ]
    policies = [
        {
            "_id": f"p{number}", "name": name, "enabled": True, "action": "ALLOW", "index": 10000 + number, "predefined": False,
            "protocol": "tcp", "ip_version": "BOTH", "connection_state_type": "ALL", "connection_states": [], "logging": False,
            "schedule": {"mode": "ALWAYS"}, "source": {"zone_id": "z-int", "matching_target": "ANY", "port_matching_type": "ANY"},
            "destination": {
                "zone_id": "z-ext", "matching_target": "IP", "matching_target_type": "OBJECT", "ip_group_id": f"g-{target}",
                "port_matching_type": "OBJECT", "port_group_id": f"g-{what}",
            },
        }
        for number, (name, target, what) in enumerate(base.rules, 1)
    ]  # fmt: skip
    return tuple(json.dumps(part, indent=1, ensure_ascii=False) for part in (policies, zones, groups))


def iptables(base: Base) -> tuple[str, ...]:
    """Groups become chains that jump to the chains of their members."""
    flat = str.maketrans(" \n", "__")
    ports = dict(base.ports)
    hosts = dict(base.hosts)
    lines = ["# Generated by iptables-save v1.8.9 on Mon Nov  2 09:00:00 2026", "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]",
             ":OUTPUT ACCEPT [0:0]", *(f":{name.translate(flat)} - [0:0]" for name, _ in base.groups)]  # fmt: skip
    for name, target, what in base.rules:
        match = f"-p tcp -m tcp --dport {ports.get(what, '443')} -m comment --comment {quoted(name)}"
        lines += [
            f"-A FORWARD {match} -d {hosts[target]} -j ACCEPT"
            if target in hosts
            else f"-A FORWARD {match} -j {target.translate(flat)}"
        ]
    for name, held in base.groups:
        lines += [
            f"-A {name.translate(flat)} -d {hosts[one]} -j ACCEPT"
            if one in hosts
            else f"-A {name.translate(flat)} -j {one.translate(flat)}"
            for one in held
        ]
    return ("\n".join([*lines, "COMMIT", "# Completed"]) + "\n",)


def nftables(base: Base) -> tuple[str, ...]:
    """Groups become chains that jump to the chains of their members."""
    hosts, ports = dict(base.hosts), dict(base.ports)
    flat = str.maketrans(" \n", "__")
    lines = ["table inet filter {"]
    for name, held in base.groups:
        rules = [f"ip daddr {hosts[one]} accept" if one in hosts else f"jump {one.translate(flat)}" for one in held]
        lines += [f"\tchain {name.translate(flat)} {{", *(f"\t\t{rule}" for rule in rules), "\t}"]
    lines += ["\tchain forward {", "\t\ttype filter hook forward priority filter; policy drop;"]
    for name, target, what in base.rules:
        fate = f"ip daddr {hosts[target]} accept" if target in hosts else f"jump {target.translate(flat)}"
        lines += [f"\t\ttcp dport {ports.get(what, '443')} {fate} comment {quoted(name)}"]
    return ("\n".join([*lines, "\t}", "}"]) + "\n",)


def nftables_defines(base: Base) -> tuple[str, ...]:
    """Groups become variables."""
    flat = str.maketrans(" \n", "__")
    lines = [f"define {name.translate(flat)} = {text}" for name, text in (*base.hosts, *base.ports)]
    lines += [
        f"define {name.translate(flat)} = {{ {', '.join('$' + one.translate(flat) for one in held)} }}"
        for name, held in (*base.groups, *base.port_groups)
    ]
    lines += ["table inet filter {", "\tchain forward {", "\t\ttype filter hook forward priority filter; policy drop;"]
    lines += [
        f"\t\tip daddr ${target.translate(flat)} tcp dport ${what.translate(flat)} accept comment {quoted(name)}"
        for name, target, what in base.rules
    ]
    return ("\n".join([*lines, "\t}", "}"]) + "\n",)


def nftables_json(base: Base) -> tuple[str, ...]:
    """The same as `nftables`, as `nft -j` writes it."""
    hosts = dict(base.hosts)
    ports = dict(base.ports)
    where = {"family": "inet", "table": "filter"}
    handle = 10

    def rule(chain: str, *expressions: dict[str, Any], comment: str = "") -> dict[str, Any]:
        nonlocal handle
        handle += 1
        return {
            "rule": {
                **where,
                "chain": chain,
                "handle": handle,
                "expr": list(expressions),
                **({"comment": comment} if comment else {}),
            }
        }

    def is_field(protocol: str, field: str, right: Any) -> dict[str, Any]:
        return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}

    def fate(name: str) -> tuple[dict[str, Any], ...]:
        if name in hosts:
            return is_field("ip", "daddr", hosts[name]), {"accept": None}
        return ({"jump": {"target": name}},)

    items: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "filter", "handle": 1}},
    ]
    items += [{"chain": {**where, "name": name, "handle": 2}} for name, _ in base.groups]
    items += [
        {
            "chain": {
                **where,
                "name": "forward",
                "handle": 3,
                "type": "filter",
                "hook": "forward",
                "prio": 0,
                "policy": "drop",
            }
        }
    ]
    items += [rule(name, *fate(one)) for name, held in base.groups for one in held]
    items += [
        rule(
            "forward",
            is_field(
                "tcp",
                "dport",
                int(ports.get(what, "443"))
                if ports.get(what, "443").isdecimal() and len(ports.get(what, "443")) < 4000
                else ports[what],
            ),
            *fate(target),
            comment=name,
        )
        for name, target, what in base.rules
    ]
    return ('{"nftables": [' + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "]}\n",)


def _windows_rules(base: Base) -> Iterator[dict[str, Any]]:
    hosts, ports = dict(base.hosts), dict(base.ports)
    for name, target, what in base.rules:
        yield {
            "Name": name, "DisplayName": name, "DisplayGroup": "", "Description": None, "Enabled": "True", "Direction": "Inbound",
            "Action": "Allow", "Profile": "Any", "PolicyStoreSource": "PersistentStore", "PolicyStoreSourceType": "Local",
            "Protocol": "TCP", "LocalPort": ports.get(what, "443"), "RemotePort": "Any", "IcmpType": "Any", "LocalAddress": "Any",
            "RemoteAddress": hosts.get(target, "10.10.0.5"), "Program": "Any", "Service": "Any", "InterfaceAlias": "Any",
        }  # fmt: skip


def windows(base: Base) -> tuple[str, ...]:
    profiles = [
        {"Name": name, "Enabled": "True", "DefaultInboundAction": "Block", "DefaultOutboundAction": "Allow"}
        for name in ("Domain", "Private", "Public")
    ]
    document = {
        "format": "ausculte/windows-firewall",
        "computer": "SRV",
        "version": "10.0.20348.0",
        "profiles": profiles,
        "rules": list(_windows_rules(base)),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False),)


def windows_registry(base: Base) -> tuple[str, ...]:
    lines = [
        "Windows Registry Editor Version 5.00",
        "",
        r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules]",
    ]
    for number, one in enumerate(_windows_rules(base)):
        name = one["Name"].replace("|", "_")
        text = f"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort={one['LocalPort']}|RA4={one['RemoteAddress']}|Name={one_line(name)}|"
        lines.append(f'"{{R{number}}}"={quoted(text)}')
    return ("\n".join(lines) + "\n",)


def windows_netsh(base: Base) -> tuple[str, ...]:
    lines: list[str] = []
    for one in _windows_rules(base):
        values = {
            "Rule Name": one_line(one["Name"]), "-" * 70: "", "Enabled": "Yes", "Direction": "In", "Profiles": "Domain,Private,Public",
            "Grouping": "", "LocalIP": "Any", "RemoteIP": one["RemoteAddress"], "Protocol": "TCP", "LocalPort": one["LocalPort"],
            "RemotePort": "Any", "Edge traversal": "No", "Program": "", "Security": "NotRequired", "Rule source": "Local Setting", "Action": "Allow",
        }  # fmt: skip
        lines += ["", *(key if key.startswith("-") else f"{key + ':':38}{value}" for key, value in values.items())]
    return ("\n".join([*lines, "Ok.", ""]) + "\n",)


WRITERS: dict[str, Writer] = {
    writer.__name__.replace("_", "-"): writer
    for writer in (
        fortigate, stormshield, pfsense, opnsense, sophos, watchguard, paloalto, paloalto_set, asa, checkpoint, mikrotik, unifi,
        iptables, nftables, nftables_defines, nftables_json, windows, windows_registry, windows_netsh,
    )
}  # fmt: skip
"""Form to its writer; a form is a vendor, or a vendor, `-` and one of its syntaxes."""
XML = tuple(form for form in WRITERS if form in ("pfsense", "opnsense", "sophos", "watchguard", "paloalto"))
JSON = ("checkpoint", "unifi", "nftables-json", "windows")


def vendor_of(form: str) -> str:
    """The vendor whose syntax a form is."""
    return form.partition("-")[0]


# --- knotted groups -----------------------------------------------------------------------------------------------


def chain_of_groups(depth: int, *, deepest_first: bool = False) -> Base:
    """Each group holds the next; the last one holds a host."""
    links = [*range(depth)]
    groups = [(f"G{n}", (f"G{n + 1}" if n + 1 < depth else HOST,)) for n in links]
    ports = [(f"P{n}", (f"P{n + 1}" if n + 1 < depth else PORT,)) for n in links]
    return Base(groups=groups[::-1] if deepest_first else groups, port_groups=ports[::-1] if deepest_first else ports)


def diamonds(levels: int, *, deepest_first: bool = False) -> Base:
    """Each group holds the next one twice, under two names: 2^levels ways down."""
    groups: list[tuple[str, Sequence[str]]] = []
    ports: list[tuple[str, Sequence[str]]] = []
    for n in range(levels):
        last = n + 1 == levels
        for side in ("", "b"):
            groups.append((f"G{n}{side}", (HOST,) if last else (f"G{n + 1}", f"G{n + 1}b")))
            ports.append((f"P{n}{side}", (PORT,) if last else (f"P{n + 1}", f"P{n + 1}b")))
    return Base(groups=groups[::-1] if deepest_first else groups, port_groups=ports[::-1] if deepest_first else ports)


def twice(levels: int, *, deepest_first: bool = False) -> Base:
    """Each group holds the next one twice, by the same name."""
    groups = [(f"G{n}", (f"G{n + 1}",) * 2 if n + 1 < levels else (HOST,)) for n in range(levels)]
    ports = [(f"P{n}", (f"P{n + 1}",) * 2 if n + 1 < levels else (PORT,)) for n in range(levels)]
    return Base(groups=groups[::-1] if deepest_first else groups, port_groups=ports[::-1] if deepest_first else ports)


def cycle(length: int) -> Base:
    """Groups in a ring; of length one, a group that holds itself."""
    groups = [(f"G{n}", (f"G{(n + 1) % length}", HOST)) for n in range(length)]
    ports = [(f"P{n}", (f"P{(n + 1) % length}", PORT)) for n in range(length)]
    return Base(groups=groups, port_groups=ports)


def clique(size: int) -> Base:
    """Every group holds all the others."""
    return Base(
        groups=[(f"G{n}", tuple(f"G{m}" for m in range(size) if m != n)) for n in range(size)],
        port_groups=[(f"P{n}", tuple(f"P{m}" for m in range(size) if m != n)) for n in range(size)],
    )


def absent() -> Base:
    """Groups and rules that name what is not there."""
    return Base(
        groups=[(BASE, ("ABSENT",))],
        port_groups=[("P0", ("ABSENT",))],
        rules=[(AROUND, BASE, "P0"), ("R1", "NULLE-PART", "RIEN")],
    )


def doubled() -> Base:
    """Everything is defined twice, differently."""
    return Base(
        hosts=[(HOST, "10.10.0.5"), (HOST, "10.10.0.6")],
        groups=[(BASE, (HOST,)), (BASE, (BASE,)), (BASE, (HOST, HOST))],
        ports=[(PORT, "443"), (PORT, "80")],
        port_groups=[("P0", (PORT,)), ("P0", ("P0",))],
        rules=[(AROUND, BASE, "P0"), (AROUND, BASE, "P0"), (AROUND, HOST, PORT)],
    )


KNOTS: dict[str, Callable[[], Base]] = {
    "self": lambda: cycle(1),
    "pair": lambda: cycle(2),
    "ring of 2000": lambda: cycle(2000),
    "clique of 60": lambda: clique(60),
    "100 deep": lambda: chain_of_groups(100),
    "100 deep, deepest first": lambda: chain_of_groups(100, deepest_first=True),
    "2000 deep": lambda: chain_of_groups(2000),
    "2000 deep, deepest first": lambda: chain_of_groups(2000, deepest_first=True),
    "60 diamonds": lambda: diamonds(60),
    "60 diamonds, deepest first": lambda: diamonds(60, deepest_first=True),
    "60 twice": lambda: twice(60),
    "60 twice, deepest first": lambda: twice(60, deepest_first=True),
    "absent": absent,
    "doubled": doubled,
}


# --- texts and numbers --------------------------------------------------------------------------------------------

NAMES = {
    "empty": "",
    "blank": "   ",
    "terminal": "\x1b]0;titre\x07\x1b[2J\x1b[31mrouge",
    "c1": "a\x9b31mb\x85c",
    "bidi": "abc\u202edef\u2066ghi",
    "zero width": "a\u200bb\ufeffc\u200d",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "formula": '=HYPERLINK("http://x.example","ok")',
    "command": "'; rm -rf / #`id`$(id)",
    "percent": "%s%n{0}{__class__}",
    "surrogate like": "\ufffe\uffff\U0010ffff",
    "long": "n" * 100_000,
    "accents": "e\u0301" * 20_000,
    "separators": "a|b,c;d:e=f/g\\h",
}
NUMBERS = (
    "99999", "65536", "-1", "", "0", "9" * 5000, "9" * 1_000_000, "²", "٣٤", "４４３", "1e9", "0x1bb", "NaN", "443-80", "80-", "-", "1-99999", "443:80",
    "443,", "80 80", ".5", "1.5", "+1", "1_000", "null", "true",
)  # fmt: skip
ADDRESSES = (
    "256.1.1.1", "10.0.0", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1", "2001:db8::/129", ":::",
    "10.0.0.1/-1", "1" * 5000, "10.0.0.1/" + "9" * 5000, "9" * 1_000_000, "0.0.0.0/0", "::ffff:10.0.0.1", "fe80::1%eth0", "010.001.001.001",
    "10.0.0.1-", "-10.0.0.1", "/", "-", "", "١٠.0.0.1", "10.0.0.0/٨", "10.0.0.0/²", "10.0.0.1/24/24", "any", "*", "!10.0.0.1", "255.0.255.0",
)  # fmt: skip
WORDS = (
    "",
    "-1",
    "99999999999999999999",
    "9" * 5000,
    "²",
    "\u0663",
    "null",
    "\x00",
    '"',
    "<",
    "\\",
    "255.0.255.0",
    "10.9.9.9-10.0.0.1",
)
"""What takes the place of any word of an export."""


def with_ports(texts: Iterable[str]) -> Base:
    """One service and one rule per text."""
    ports = [(f"S{number}", text) for number, text in enumerate(texts)]
    return Base(
        ports=ports,
        port_groups=[("P0", [name for name, _ in ports])],
        rules=[(AROUND, BASE, "P0"), *((f"R-{name}", HOST, name) for name, _ in ports)],
    )


def with_hosts(texts: Iterable[str]) -> Base:
    """One host and one rule per text."""
    hosts = [(f"H{number}", text) for number, text in enumerate(texts)]
    return Base(
        hosts=hosts,
        groups=[(BASE, [name for name, _ in hosts])],
        rules=[(AROUND, BASE, PORT), *((f"R-{name}", name, PORT) for name, _ in hosts)],
    )


def with_names(name: str) -> Base:
    """Everything has that name."""
    return Base(hosts=[(name, "10.10.0.5")], groups=[(name + "G", (name,))], ports=[(name + "P", "443")], port_groups=[(name + "Q", (name + "P",))],
                rules=[(name, name + "G", name + "Q"), (name, name, name + "P")])  # fmt: skip


# --- chains that call each other ----------------------------------------------------------------------------------


class Calls(NamedTuple):
    """User chains: each line is a chain to call, `return` or `accept`."""

    chains: Sequence[tuple[str, Sequence[str]]]
    first: str = "C0"


CALLS: dict[str, Calls] = {
    "itself": Calls([("C0", ("C0", "accept"))]),
    "each other": Calls([("C0", ("C1", "accept")), ("C1", ("C0", "return"))]),
    "absent": Calls([("C0", ("NULLE-PART", "accept"))]),
    "30 levels, twice": Calls([(f"C{n}", (f"C{n + 1}",) * 2 if n < 30 else ("accept",)) for n in range(31)]),
    "30 levels, conditional returns": Calls(
        [(f"C{n}", ("return", f"C{n + 1}", "return", f"C{n + 1}") if n < 30 else ("accept",)) for n in range(31)]
    ),
    "100 deep": Calls([(f"C{n}", (f"C{n + 1}",) if n < 100 else ("accept",)) for n in range(101)]),
    "2000 deep": Calls([(f"C{n}", (f"C{n + 1}",) if n < 2000 else ("accept",)) for n in range(2001)]),
    "2000 returns": Calls([("C0", ("return",) * 2000 + ("accept",))]),
    "clique": Calls([(f"C{n}", (*(f"C{m}" for m in range(30)), "return")) for n in range(30)]),
}


def _where(number: int) -> tuple[str, int]:
    return f"10.{number >> 8 & 255}.{number & 255}.0/24", 1 + number % 60000


def _lines(calls: Calls) -> Iterator[tuple[str, str, str, int]]:
    number = 0
    for name, fates in calls.chains:
        for fate in fates:
            number += 1
            yield (name, fate, *_where(number))


def iptables_calls(calls: Calls) -> tuple[str, ...]:
    lines = [
        "# Generated by iptables-save v1.8.9",
        "*filter",
        ":INPUT ACCEPT [0:0]",
        ":FORWARD DROP [0:0]",
        ":OUTPUT ACCEPT [0:0]",
    ]
    lines += [f":{name} - [0:0]" for name, _ in calls.chains]
    lines += [f"-A FORWARD -j {calls.first}"]
    for name, fate, source, port in _lines(calls):
        match = f"-s {source} -p tcp -m tcp --dport {port}" if fate in ("return", "accept") else ""
        lines += [f"-A {name} {match} -j {fate.upper()}" if match else f"-A {name} -j {fate}"]
    return ("\n".join([*lines, "COMMIT", "# Completed"]) + "\n",)


def nftables_calls(calls: Calls) -> tuple[str, ...]:
    lines = ["table inet filter {"]
    for name, fates in calls.chains:
        lines += [f"\tchain {name} {{"]
        for number, fate in enumerate(fates):
            source, port = _where(number + 7 * len(lines))
            lines += [
                f"\t\tip saddr {source} tcp dport {port} {fate}" if fate in ("return", "accept") else f"\t\tjump {fate}"
            ]
        lines += ["\t}"]
    lines += [
        "\tchain forward {",
        "\t\ttype filter hook forward priority filter; policy drop;",
        f"\t\tjump {calls.first}",
        "\t}",
        "}",
    ]
    return ("\n".join(lines) + "\n",)


def mikrotik_calls(calls: Calls) -> tuple[str, ...]:
    lines = [
        "# 2026-03-02 10:11:12 by RouterOS 7.16.1",
        "# model = RB4011iGS+",
        "/ip firewall filter",
        f"add action=jump chain=forward jump-target={calls.first}",
    ]
    for name, fate, source, port in _lines(calls):
        match = f"src-address={source} protocol=tcp dst-port={port}"
        lines += [
            f"add action={fate} chain={name} {match}"
            if fate in ("return", "accept")
            else f"add action=jump chain={name} jump-target={fate}"
        ]
    return ("\n".join(lines) + "\n",)


def checkpoint_calls(calls: Calls) -> tuple[str, ...]:
    """Inline layers; a layer has no return, its end refuses."""
    package = json.loads(checkpoint(Base())[1])
    objects = json.loads(checkpoint(Base())[0])["objects-dictionary"]
    objects += [
        {
            "uid": f"layer-{name}",
            "name": name,
            "type": "access-layer",
            "domain": {"name": "SMC User", "domain-type": "domain"},
        }
        for name, _ in calls.chains
    ]
    first = checkpoint_rule(
        1, "entrée", ["uid-Any"], ["uid-Any"], action="uid-Inner Layer", **{"inline-layer": f"layer-{calls.first}"}
    )
    layers = [checkpoint_layer("Network", [first], objects)]
    for name, fates in calls.chains:
        rules = [
            checkpoint_rule(number, f"{name}-{number}", [f"uid-{HOST}"], [f"uid-{PORT}"])
            if fate in ("return", "accept")
            else checkpoint_rule(
                number,
                f"{name}-{number}",
                ["uid-Any"],
                ["uid-Any"],
                action="uid-Inner Layer",
                **{"inline-layer": f"layer-{fate}"},
            )
            for number, fate in enumerate(fates, 1)
        ]
        layers.append(checkpoint_layer(name, rules, []))
    return (json.dumps([*layers, package], indent=1),)


CALLERS: dict[str, Callable[[Calls], tuple[str, ...]]] = {
    "iptables": iptables_calls, "nftables": nftables_calls, "mikrotik": mikrotik_calls, "checkpoint": checkpoint_calls,
}  # fmt: skip


# --- nesting of the syntax itself ---------------------------------------------------------------------------------


def nested(form: str, depth: int) -> str:
    """An export whose own syntax nests that deep."""
    (text, *_) = WRITERS[form](Base())
    if form in XML:
        end = text.rindex("</")
        return text[:end] + "<a>" * depth + "</a>" * depth + text[end:]
    if form in JSON:
        last = text.rindex("{") + 1
        return (
            text[:last]
            + '"a":'
            + "[" * depth
            + "]" * depth
            + ("" if text[last:].lstrip().startswith("}") else ",")
            + text[last:]
        )
    if form == "fortigate":
        return text + "config a\nedit b\n" * (depth // 2) + "next\nend\n" * (depth // 2)
    if form.startswith("nftables"):
        return (
            text
            + "table inet t {\nset s {\ntype ipv4_addr\nelements = "
            + "{" * depth
            + "10.0.0.1"
            + "}" * depth
            + "\n}\n}\n"
        )
    if form == "mikrotik":
        return text + "/ip route\nadd gateway=" + "[find " * depth + "]" * depth + "\n"
    if form == "paloalto-set":
        return (
            text
            + "set "
            + "a " * depth
            + "\n"
            + "set address-group X static "
            + "[ " * depth
            + "a"
            + " ]" * depth
            + "\n"
        )
    if form == "iptables":
        return text + "! " * depth + "\n"
    return text + "(" * depth + ")" * depth + "{ [ " * depth + "\n"


def paloalto_braces(depth: int) -> str:
    """The third syntax of Palo Alto, blocks in braces."""
    return (
        "deviceconfig {\n"
        + "a {\n" * depth
        + "b c;\n"
        + "}\n" * depth
        + "}\nrulebase {\n security {\n rules {\n }\n }\n}\n"
    )


def bombs() -> dict[str, str]:
    """Document type definitions, put before the root element of an XML export."""
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    return {
        "laughs": f"<!DOCTYPE x [{laughs}]>",
        "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>',
        "external": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        "external dtd": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
        "plain": "<!DOCTYPE x>",
    }


def with_bomb(form: str, bomb: str) -> str:
    """An XML export with that definition, and a name that uses it."""
    (text,) = WRITERS[form](Base(rules=[("NOM", BASE, "P0")]))
    text = text.replace("NOM", "&a11;" if "a11" in bomb else "&a;" * (1000 if "aaa" in bomb else 1))
    start = text.index("?>") + 2
    return text[:start] + bomb + text[start:]


# --- size ---------------------------------------------------------------------------------------------------------


def large(count: int) -> Base:
    """That many hosts, a group for ten of them, and a rule for each group."""
    hosts = [(f"H{n}", f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}") for n in range(count)]
    groups = [(f"G{n}", [name for name, _ in hosts[n * 10 : n * 10 + 10]]) for n in range(max(1, count // 10))]
    return Base(hosts=hosts, groups=groups, rules=[(f"R{n}", name, "P0") for n, (name, _) in enumerate(groups)])
