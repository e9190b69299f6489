from __future__ import annotations

from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.addresses import from_fact as addresses_of
from checks.firewall.algebra.decide import DENY, PERMIT, UNDETERMINED, Packet, decide
from checks.firewall.algebra.services import from_fact as services_of
from checks.firewall.facts import INPUT, OUTPUT
from checks.firewall.parsers import watchguard
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap

PORTS = [
    ("Externe", "203.0.113.2", 2),
    ("Personnel", "10.10.0.1", 1),
    ("Residents", "10.60.0.1", 3),
    ("Biomed", "10.80.0.1", 8),
]


def tag(name: str, *children: str, text: str = "") -> str:
    return f"<{name}>{escape(text)}{''.join(children)}</{name}>"


def fields(**values: str) -> tuple[str, ...]:
    return tuple(tag(name.replace("_", "-"), text=value) for name, value in values.items())


def triple(address="Any", interface="Any", user="Any") -> str:
    return tag("alias-member", *fields(type="1", user=user, address=address, interface=interface))


def reference(name: str) -> str:
    return tag("alias-member", *fields(type="2", alias_name=name))


def alias(name: str, *members: str, kind="0") -> str:
    return tag("alias", *fields(name=name, property=kind), tag("alias-member-list", *members))


def group(name: str, *members: str) -> str:
    return tag("address-group", *fields(name=name, property="16"), tag("addr-group-member", *members))


def host(text: str) -> str:
    return tag("member", *fields(type="1", host_ip_addr=text))


def service(name: str, *members: str, kind="0") -> str:
    return tag("service", *fields(name=name, property=kind), tag("service-item", *members))


def port(protocol: int, number: int) -> str:
    return tag("member", *fields(type="1", protocol=str(protocol), server_port=str(number)))


def span(protocol: int, low: int, high: int) -> str:
    return tag(
        "member", *fields(type="2", protocol=str(protocol), start_server_port=str(low), end_server_port=str(high))
    )


def policy(name, source, destination, what, action="Allow", *, on="true", extra="", **setting: str) -> str:
    return tag(
        "abs-policy", *fields(name=name, property="0", service=what, type="Firewall", enabled=on, firewall=action),
        tag("from-alias-list", *(tag("alias", text=one) for one in source.split("+"))),
        tag("to-alias-list", *(tag("alias", text=one) for one in destination.split("+"))),
        tag("settings", *fields(**({"schedule": "Always On"} | setting))), extra,
    )  # fmt: skip


SERVICES = [
    service("Any", port(0, 0), kind="4"), service("HTTPS", port(6, 443), kind="4"), service("Tout", port(6, 0), port(17, 0)),
    service("Plage", span(6, 5000, 5010)), service("DNS", port(6, 53), port(17, 53)), service("GRE", tag("member", *fields(type="1", protocol="47"))),
    service("Ping", tag("member", *fields(type="1", protocol="1", icmp_type="8", icmp_code="255"))),
    service("Web UI", port(6, 8080)), service("RDP", port(6, 3389)), service("Vide"),
]  # fmt: skip
ALIASES = [
    alias("Any", triple(), kind="4"),
    alias("Firebox", triple("Firebox"), kind="4"),
    *(alias(name, triple(interface=name), kind="4") for name in ("Any-External", "Any-Trusted", "Any-Optional", "Any-BOVPN")),
    *(alias(name, triple(interface=name), kind="2") for name, _, _ in PORTS),
    alias("Serveurs", triple("Serveurs.1.alm"), triple("Serveurs.2.alm")),
    alias("Visio", triple("Visio.1.alm")),
    alias("Soignants", triple(user="soignants")),
    alias("Melange", reference("Serveurs"), reference("Residents")),
    alias("Boucle", reference("Boucle"), triple("Serveurs.1.alm")),
    alias("Portail.snat", triple("Portail.1.snat", "Any-External"), kind="32"),
    alias("Sortie.1.from", reference("Personnel"), triple("Sortie.1.pcy"), kind="16"),
]  # fmt: skip
GROUPS = [
    group("Serveurs.1.alm", host("10.10.0.5")),
    group("Serveurs.2.alm", tag("member", *fields(type="3", start_ip_addr="10.10.0.20", end_ip_addr="10.10.0.29"))),
    group("Visio.1.alm", tag("member", *fields(type="8", domain="*.visio.example.org"))),
    group("Portail.1.snat", host("203.0.113.3")), group("Portail.2.snat", host("10.10.0.5")),
    group("Sortie.1.pcy", tag("member", *fields(type="2", ip_network_addr="10.60.0.128", ip_mask="255.255.255.128"))),
]  # fmt: skip
NAT = tag("nat-list",
    tag("nat", *fields(name="Dynamic-NAT", type="3")),
    tag("nat", *fields(name="Portail", type="7"), tag("nat-item", tag("member", *fields(addr_type="4", port="8443", ext_addr_name="Portail.1.snat", interface="Any-External", addr_name="Portail.2.snat")))),
)  # fmt: skip


ODD = {
    "groups": (group("Odd.1.alm", tag("member", *fields(type="12", mystere="?"))),),
    "aliases": (alias("Odd", triple("Odd.1.alm")),),
    "services": (service("Bizarre", tag("member", *fields(type="9", protocol="6", server_port="80", filtre="x"))),),
}


def interface(name: str, address: str, kind: int) -> str:
    inner = fields(
        if_num="1",
        if_dev_name=f"eth-{name}",
        enabled="1",
        if_property=str(kind),
        ip_node_type="IP4_ONLY",
        ip=address,
        netmask="255.255.255.0",
    )
    return tag(
        "interface",
        *fields(name=name, property="0"),
        tag("if-item-list", tag("item", *fields(item_type="1"), tag("physical-if", *inner))),
    )


def profile(*policies: str, order="0", extra="", aliases=(), services=(), groups=()) -> str:
    view = tag("policy-view", tag("ui-pm", *fields(auto_order_enabled=order))) if order else ""
    parts = (
        tag("for-version", text="12.10.4"),
        tag("system-parameters", tag("device-conf", *fields(system_name="fw-tilleuls"))),
        tag("address-group-list", *GROUPS, *groups), tag("service-list", *SERVICES, *services), NAT,
        tag("alias-list", *ALIASES, *aliases), tag("interface-list", *(interface(*one) for one in PORTS)),
        tag("abs-policy-list", *policies), view, extra,
    )  # fmt: skip
    return '<?xml version="1.0" encoding="UTF-8"?>\n<profile>\n' + "\n".join(parts) + "\n</profile>\n"


def parse(text: str):
    (found,) = watchguard.parse([decode("tilleuls.xml", text.encode())])
    return found


def device(*policies: str, **more):
    return parse(profile(*policies, **more))


def fate(
    found,
    source="10.10.0.9",
    destination="198.51.100.7",
    number=443,
    *,
    via="Personnel",
    out="Externe",
    protocol="tcp",
    hook="forward",
):
    return decide(found, Packet(source, destination, protocol, number, in_zone=via, out_zone=out), hook)


def test_manual_order_is_that_of_the_file():
    found = device(
        policy("Refus", "Any-Trusted", "Any-External", "HTTPS", "Block"),
        policy("Sortie", "Any-Trusted", "Any-External", "Tout"),
    )
    assert found.chains[0].exact
    assert fate(found).entry.rule.ref == "Refus"
    assert fate(found, number=80).entry.rule.ref == "Sortie"
    assert fate(found, via="Residents").verdict == DENY
    assert found.not_understood == ()


def test_automatic_order_is_never_taken_as_certain():
    shadowed = (
        policy("Sortie", "Any-Trusted", "Any-External", "Tout"),
        policy("Refus", "Any-Trusted", "Any-External", "HTTPS", "Block"),
    )
    for order in ("1", ""):
        found = device(*shadowed, order=order)
        assert not found.chains[0].exact
        assert "ordre" in found.chains[0].why_not_exact
        assert fate(found).verdict == UNDETERMINED


def test_automatic_order_follows_the_documented_criteria():
    found = device(
        policy("z tout", "Any", "Any", "Any"),
        policy("sortie", "Any-Trusted", "Any-External", "Tout"),
        policy("plage", "Any-Trusted", "Any-External", "Plage"),
        policy("web general", "Any-Trusted", "Any-External", "HTTPS"),
        policy("web precis", "Any-Trusted", "Serveurs", "HTTPS"),
        policy("web proxy", "Any-Trusted", "Any-External", "HTTPS", "Proxy"),
        policy("web refus", "Any-Trusted", "Any-External", "HTTPS", "Block"),
        order="1",
    )
    seen = list(dict.fromkeys(rule.ref for rule in found.chains[0].rules))
    assert seen == ["web precis", "web refus", "web proxy", "web general", "plage", "sortie", "z tout"]


def test_the_global_setting_of_automatic_order_is_read_too():
    setting = tag("misc-global-setting", *fields(auto_order_enabled="1"))
    text = profile(policy("P", "Any", "Any", "Any")).replace("<device-conf>", f"{setting}<device-conf>")
    assert not parse(text).chains[0].exact


def test_interfaces_of_a_type_and_custom_ones():
    found = device(policy("Web", "Any-Trusted+Any-Optional", "Any-External", "HTTPS"))
    assert fate(found).verdict == PERMIT
    assert fate(found, via="Residents").verdict == PERMIT
    assert fate(found, via="Biomed").verdict == DENY  # custom: in neither
    assert fate(found, out="Biomed").verdict == DENY


def test_addresses_and_interfaces_of_one_side_are_not_mixed():
    found = device(policy("Acces", "Melange", "Any-External", "HTTPS"))
    assert fate(found, source="10.60.0.7", via="Residents").verdict == PERMIT
    assert fate(found, source="10.60.0.7", via="Personnel").verdict == DENY
    assert fate(found, source="10.10.0.5", via="Personnel").verdict == PERMIT
    assert fate(found, source="10.10.0.25", via="Personnel").verdict == PERMIT
    zones = [(rule.in_zones, rule.in_negated) for rule in found.chains[0].rules]
    assert zones == [(("Residents",), False), (("Residents",), True)]  # parts that share no interface


def test_tunnels_are_on_no_interface_of_the_profile():
    found = device(policy("Tunnels", "Any-BOVPN", "Any-Trusted", "HTTPS"))
    assert fate(found, via="Externe", out="Personnel").verdict == DENY
    assert fate(found, via="BovpnVif.1", out="Personnel").verdict == UNDETERMINED


def test_a_type_without_any_interface_is_uncertain():
    text = profile(policy("Refus", "Any-Optional", "Any", "Any", "Block"), policy("Tout", "Any", "Any", "Any"))
    found = parse(text.replace("<if-property>3<", "<if-property>8<"))
    assert found.chains[0].rules[0].ref == "Refus"
    assert fate(found).verdict == UNDETERMINED
    odd = parse(text.replace("<if-property>3<", "<if-property>77<"))
    assert fate(odd, via="Residents").verdict == UNDETERMINED
    assert fate(odd).verdict == PERMIT


def test_fqdn_users_absent_and_looping_aliases_never_decide():
    for name, why in (
        ("Visio", "fqdn:*.visio.example.org"), ("Soignants", "utilisateur:soignants"), ("Inconnu", "absent:Inconnu"),
        ("Odd", "non compris:Odd.1.alm"),
    ):  # fmt: skip
        found = device(policy("Refus", name, "Any", "HTTPS", "Block"), policy("Sortie", "Any", "Any", "Tout"), **ODD)
        assert found.addresses[found.chains[0].rules[0].source].unresolved == (why,)
        assert fate(found).verdict == UNDETERMINED
    loop = device(policy("Refus", "Boucle", "Any", "HTTPS", "Block"), policy("Sortie", "Any", "Any", "Tout"))
    assert fate(loop, source="10.10.0.5").verdict == DENY
    assert fate(loop).verdict == UNDETERMINED


def test_member_that_is_not_understood_is_reported():
    found = device(policy("P", "Odd", "Any", "Bizarre"), **ODD)
    assert [entry.text for entry in found.not_understood] == [
        "membre de type 12 de Odd.1.alm",
        "membre du service Bizarre filtre",
    ]


@pytest.mark.parametrize(
    ("name", "services", "maybe"),
    [
        ("Any", ("any",), ()), ("HTTPS", ("tcp/443",), ()), ("Tout", ("tcp", "udp"), ()), ("Plage", ("tcp/5000-5010",), ()),
        ("DNS", ("tcp/53", "udp/53"), ()), ("GRE", ("gre",), ()), ("Ping", ("icmp/8",), ()), ("Vide", (), ("any",)),
        ("Bizarre", (), ("any",)), ("Absent", (), ("any",)),
    ],
)  # fmt: skip
def test_services(name, services, maybe):
    found = device(policy("P", "Any", "Any", name), **ODD)
    sets = found.services[found.chains[0].rules[0].services]
    assert (sets.services, sets.maybe) == (services, maybe)


def test_icmp_code_and_its_wildcard():
    coded = service("Code", tag("member", *fields(type="1", protocol="1", icmp_type="3", icmp_code="4")))
    wide = service("Large", tag("member", *fields(type="1", protocol="1", icmp_type="255", icmp_code="255")))
    found = device(policy("P", "Any", "Any", "Code"), policy("Q", "Any", "Any", "Large"), services=(coded, wide))
    code, all_types = (found.services[rule.services] for rule in found.chains[0].rules)
    assert code.services == ("icmp/3/4",)
    assert code.maybe == ("icmp/3",)
    assert (all_types.services, all_types.maybe) == ((), ("icmp",))


def test_ipv6_of_any_is_uncertain():
    found = device(policy("Tout", "Any", "Any", "Any"))
    assert fate(found, source="2001:db8::1", destination="2001:db8::2").verdict == UNDETERMINED
    assert fate(found).verdict == PERMIT
    assert found.ipv6 == "off"


def test_traffic_to_the_firewall_and_from_it():
    found = device(
        policy("Web UI", "Any-Trusted+Externe", "Firebox", "Web UI"), policy("Ping", "Any-Trusted", "Any", "Ping"),
        policy("Mises a jour", "Firebox", "Any-External", "HTTPS"),
    )  # fmt: skip
    box = {"out": "", "destination": "10.10.0.1", "hook": INPUT}
    assert fate(found, number=8080, **box).verdict == PERMIT
    assert fate(found, number=8080, via="Externe", **box).verdict == PERMIT
    assert fate(found, number=0, protocol="icmp", **box).verdict == PERMIT
    assert fate(found, number=22, **box).verdict == UNDETERMINED  # the default towards the firewall is not exported
    assert fate(found, number=8080, out="").verdict == DENY  # a policy to the Firebox opens nothing through it
    assert fate(found, source="203.0.113.2", via="", hook=OUTPUT).entry.rule.ref == "Mises a jour"


def test_administration_seen_on_each_interface():
    found = device(
        policy("Web UI", "Any-Trusted+Any-External", "Firebox", "Web UI"),
        policy("Off", "Residents", "Firebox", "Web UI", on="false"),
    )
    by_name = {one.name: one for one in found.interfaces}
    assert (by_name["Externe"].management, by_name["Externe"].management_restricted) == (("https",), False)
    assert (by_name["Residents"].management, by_name["Residents"].management_restricted) == ((), None)
    limited = device(policy("Web UI", "Serveurs", "Firebox", "Web UI"))
    assert {(one.management, one.management_restricted) for one in limited.interfaces} == {(("https",), True)}


def test_interfaces():
    found = device()
    outside = found.interfaces[0]
    assert (outside.name, outside.role, outside.networks, outside.default_route) == (
        "Externe",
        "wan",
        ("203.0.113.0/24",),
        True,
    )
    assert [one.role for one in found.interfaces] == ["wan", "lan", "", ""]
    assert (found.name, found.firmware) == ("fw-tilleuls", "12.10.4")


def test_publication_matches_its_public_address_whatever_the_way_out():
    found = device(policy("Portail", "Any-External", "Portail.snat", "HTTPS"))
    assert (
        fate(found, source="198.51.100.7", destination="203.0.113.3", via="Externe", out="Personnel").verdict == PERMIT
    )
    (nat,) = found.nat
    assert (nat.kind, nat.to_address, nat.to_ports, nat.in_zones) == ("destination", "10.10.0.5", "8443", ("Externe",))
    assert found.addresses[nat.destination].ranges == ("203.0.113.3",)


def test_one_to_one_translation():
    one = tag(
        "one-to-one-nat-list",
        tag(
            "one-to-one-nat", *fields(real_address="Serveurs.1.alm", nat_address="Portail.1.snat", interface="Externe")
        ),
    )
    found = device(extra=one)
    assert [(rule.kind, rule.to_address, rule.in_zones) for rule in found.nat[1:]] == [
        ("static", "10.10.0.5", ("Externe",))
    ]


def test_columns_of_a_policy():
    found = device(
        policy("Web", "Sortie.1.from", "Any-External", "HTTPS", "Proxy", proxy="HTTPS-Client", log_enabled="true", ips_monitor_enabled="true",
               extra=tag("tag-list", tag("tag", text="Internet")) + tag("description", text="Demande du 3 mai")),
        policy("Nuit", "Any", "Any", "RDP", on="false", schedule="Nuit", log_enabled="false"),
    )  # fmt: skip
    web, night = found.chains[0].rules[0], found.chains[0].rules[-1]
    assert (web.log, web.profiles, web.section, web.comment) == (
        True,
        ("HTTPS-Client", "IPS"),
        "Internet",
        "Demande du 3 mai",
    )
    assert found.addresses[web.source].names == ("Personnel", "10.60.0.128/25")
    assert (night.enabled, night.schedule, night.conditions, night.log) == (False, "Nuit", ("horaire : Nuit",), False)


def test_what_a_policy_also_demands_is_a_condition():
    for setting, condition in (
        ({"connection_rate": "50"}, "limite de connexions"), ({"reglage_neuf": "strict"}, "directive non comprise : reglage-neuf"),
    ):  # fmt: skip
        found = device(policy("Refus", "Any", "Any", "HTTPS", "Block", **setting), policy("Tout", "Any", "Any", "Any"))
        assert condition in found.chains[0].rules[0].conditions[0]
        assert fate(found).verdict == UNDETERMINED
    assert device(policy("P", "Any", "Any", "Any", reglage_neuf="0")).not_understood == ()


def test_an_unknown_setting_is_reported_once():
    found = device(*(policy(f"P{n}", "Any", "Any", "Any", reglage_neuf="strict") for n in range(50)))
    assert len(found.not_understood) == 1


def test_unknown_action_proves_nothing():
    found = device(policy("Etrange", "Any", "Any", "HTTPS", "Teleport"), policy("Tout", "Any", "Any", "Any"))
    assert not found.chains[0].exact
    assert fate(found).verdict == UNDETERMINED


def test_numeric_actions_of_the_compiled_list_alone():
    node = policy("P", "Any-Trusted", "Any-External", "HTTPS", "2").replace("abs-policy>", "policy>")
    text = profile(policy("X", "Any", "Any", "Any")).replace("abs-policy-list", "policy-list")
    text = text[: text.index("<abs-policy>")] + node + text[text.index("</policy-list>") :]
    found = parse(text)
    assert [(rule.ref, rule.action) for rule in found.chains[0].rules] == [("P", "deny")]


def test_compiled_twins_are_not_counted_again():
    twin = tag("policy-list", policy("P-00", "Any", "Any", "Any").replace("abs-policy>", "policy>"))
    assert [rule.ref for rule in device(policy("P", "Any", "Any", "Any"), extra=twin).chains[0].rules] == ["P"]


def test_hidden_policies_are_automatic():
    hidden = policy("Unhandled External Packet", "Any", "Any", "Any", "Block").replace("<property>0<", "<property>32<")
    assert device(hidden).chains[0].rules[0].automatic


def test_accounts_users_and_vpns_without_their_secrets():
    extra = (
        tag(
            "account-list",
            tag("account", *fields(name="admin", password="Secret-1")),
            tag("account", *fields(name="directrice")),
        )
        + tag("ras-user-list", tag("ras-user", *fields(name="nomade", password="Secret-2")))
        + tag("sslvpn-list", tag("sslvpn", *fields(enable="1")))
        + tag("abs-ipsec-action-list", tag("abs-ipsec-action", *fields(name="Siege", enabled="1", psk="Secret-3")))
    )
    found = device(extra=extra)
    assert [(one.name, one.factory) for one in found.administrators] == [("admin", True), ("directrice", False)]
    assert [one.name for one in found.users] == ["nomade"]
    assert [(one.kind, one.enabled, one.remote_access) for one in found.vpns] == [
        ("ssl", True, True),
        ("ipsec", True, False),
    ]
    assert "Secret-" not in msgspec.json.encode(found).decode()
    assert isinstance(device().administrators, Gap)


def test_named_objects_of_the_administrator():
    by_name = {one.name: one.used for one in device(policy("P", "Melange", "Any", "DNS")).objects}
    assert {name for name, used in by_name.items() if used} == {"Serveurs", "Melange", "DNS"}
    assert not {"Any", "HTTPS", "Personnel", "Sortie.1.from", "Portail.snat"} & set(by_name)


def test_lines_are_those_of_the_policies():
    text = profile("\n" + policy("A", "Any", "Any", "Any"), "\n\n" + policy("B", "Any", "Any", "Any"))
    lines = text.split("\n")
    for rule in parse(text).chains[0].rules:
        assert f"<name>{rule.ref}</name>" in lines[rule.line - 1]


def test_the_limits_say_that_no_real_export_was_seen():
    assert "n'a pas été vérifiée sur un export réel" in device().limits[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (profile(), True), ("<profile><rs-version>1</rs-version></profile>", True), ("<profile><name>x</name></profile>", False),
        ("<pfsense><profile><for-version/></profile></pfsense>", False), ("", False), ("{}", False),
    ],
)  # fmt: skip
def test_recognised(text, expected):
    assert watchguard.recognise(SourceFile("x.xml", text, "")) is expected


@pytest.mark.parametrize(
    "text",
    [
        profile()[:-30], "<profile>", "<autre><for-version/></autre>", "<!DOCTYPE x [<!ENTITY a 'b'>]><profile/>",
        "<profile>" + "<a>" * 200 + "</a>" * 200 + "</profile>",
    ],
)  # fmt: skip
def test_malformed_or_cut_file_is_refused(text):
    with pytest.raises(ParseError, match=r"x\.xml"):
        watchguard.parse([decode("x.xml", text.encode())])


def test_deep_and_wide_aliases_are_bounded():
    deep = [alias(f"A{n}", reference(f"A{n + 1}")) for n in range(3000)]
    found = device(policy("P", "A0", "Any", "Any"), aliases=deep)
    assert any(why.startswith("cycle:") for why in found.addresses[found.chains[0].rules[0].source].unresolved)
    # Each alias names the next one twice: 2 ** 60 paths, few members.
    wide = [alias(f"W{n}", reference(f"W{n + 1}"), reference(f"W{n + 1}")) for n in range(60)]
    assert fate(device(policy("P", "W0", "Any", "Any"), aliases=[*wide, alias("W60", triple())])).verdict == PERMIT


def test_many_policies_are_read_in_linear_time():
    policies = [policy(f"P{n}", "Any-Trusted", "Serveurs", "HTTPS") for n in range(5000)]
    assert len(device(*policies).chains[0].rules) == 5000


def check(text: str) -> None:
    """Either a refusal, or facts that the algebra can read back."""
    source = SourceFile("x.xml", text, "")
    watchguard.recognise(source)
    try:
        (found,) = watchguard.parse([source])
    except ParseError:
        return
    for fact in found.addresses:
        addresses_of(fact)
    for fact in found.services:
        services_of(fact)
    assert fate(found).verdict in (PERMIT, DENY, UNDETERMINED)


FULL = profile(
    policy("Web", "Melange", "Any-External", "HTTPS"), policy("Portail", "Any-External", "Portail.snat", "HTTPS"),
    policy("UI", "Any-Trusted", "Firebox", "Web UI"), policy("Tunnel", "Any-BOVPN", "Any", "Ping", "Block"), order="1",
)  # fmt: skip
PIECES = st.sampled_from(
    ["", "0", "255", "65535", "99999999999", "-1", "Any", "Firebox", "Any-External", "10.0.0.1", "255.0.255.0", "Serveurs",
     "<member/>", "<alias/>", "<item/>", "</profile>", "&lt;", "é", "²", "\u202e"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_profile_is_read_or_refused(data):
    text = FULL
    for _ in range(data.draw(st.integers(1, 6))):
        # Replace the text of an element, or cut anywhere.
        at = text.find(">", data.draw(st.integers(0, len(text)))) + 1
        end = text.find("<", at)
        if at and end >= at:
            text = text[:at] + data.draw(PIECES) + text[end:]
    check(text if data.draw(st.integers(0, 4)) else text[: data.draw(st.integers(0, len(text)))])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    check(text)
    check(f"<profile>{text}</profile>")
