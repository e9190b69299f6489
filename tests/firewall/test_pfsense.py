"""pfSense: config.xml of a fictional EHPAD, one semantic trap per test, then third-party samples and broken files."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Decision, Packet, decide
from checks.firewall.facts import Chain, Device, Rule
from checks.firewall.parsers import pfsense
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from tests import corpus

SAMPLES = corpus.CORPUS / "firewall" / "pfsense"

INTERFACES = """
<interfaces>
  <wan><enable/><if>igb0</if><descr>Internet</descr><ipaddr>198.51.100.2</ipaddr><subnet>29</subnet><gateway>WANGW</gateway>{wan}</wan>
  <lan><enable/><if>igb1.10</if><descr>Bureautique</descr><ipaddr>10.10.0.1</ipaddr><subnet>16</subnet></lan>
  <opt1><enable/><if>igb1.20</if><descr>Residents</descr><ipaddr>10.20.0.1</ipaddr><subnet>16</subnet></opt1>
  <opt2><enable/><if>igb1.30</if><descr>Biomedical</descr><ipaddr>10.30.0.1</ipaddr><subnet>24</subnet></opt2>
  <opt3><if>igb1.40</if><descr>Ancien</descr><ipaddr>10.40.0.1</ipaddr><subnet>24</subnet></opt3>
</interfaces>
<vlans><vlan><if>igb1</if><tag>10</tag><vlanif>igb1.10</vlanif><descr>VLAN bureautique</descr></vlan></vlans>
<gateways><gateway_item><interface>wan</interface><gateway>198.51.100.1</gateway><name>WANGW</name></gateway_item></gateways>
"""

SYSTEM = """
<version>22.9</version>
<system><hostname>pf-tilleuls</hostname><domain>ehpad.example</domain><ipv6allow/>
  <webgui><protocol>https</protocol><port>8443</port>{web}</webgui><enablesshd>enabled</enablesshd>{system}
  <group><name>admins</name><gid>1999</gid><member>0</member><member>2000</member><priv>page-all</priv></group>
  <user><name>admin</name><uid>0</uid><bcrypt-hash>$2y$10$SECRETHASH</bcrypt-hash><priv>user-shell-access</priv></user>
  <user><name>durand</name><uid>2000</uid><bcrypt-hash>$2y$10$SECRETHASH</bcrypt-hash></user>
  <user><name>infirmiere</name><uid>2001</uid><disabled/></user>
</system>
"""


def rule(inner: str, *, interface: str = "lan", kind: str = "pass", tracker: str = "") -> str:
    """One filter rule; source and destination default to any."""
    cells = "" if "<source>" in inner else "<source><any/></source>"
    cells += "" if "<destination>" in inner else "<destination><any/></destination>"
    family = "" if "<ipprotocol>" in inner else "<ipprotocol>inet</ipprotocol>"
    return f"<rule><tracker>{tracker}</tracker><type>{kind}</type><interface>{interface}</interface>{family}{cells}{inner}</rule>"


def config(rules: str = "", *, wan: str = "", web: str = "", system: str = "", more: str = "") -> str:
    parts = SYSTEM.format(web=web, system=system) + INTERFACES.format(wan=wan)
    return f'<?xml version="1.0"?>\n<pfsense>\n{parts}\n<filter>\n{rules}\n</filter>\n{more}\n</pfsense>\n'


def source(text: str, name: str = "config.xml") -> SourceFile:
    return decode(name, text.encode())


def device(text: str) -> Device:
    (found,) = pfsense.parse([source(text)])
    return found


def ask(found: Device, src: str, dst: str, zone: str = "lan", hook: str = "forward", **more: object) -> Decision:
    packet = Packet(source=src, destination=dst, in_zone=zone, port=443)._replace(**more)
    return decide(found, packet, hook)


def chain(found: Device, hook: str = "forward") -> Chain:
    return next(one for one in found.chains if one.hook == hook and one.name.startswith("entrée"))


def written(found: Device, hook: str = "forward") -> list[Rule]:
    return [one for one in chain(found, hook).rules if not one.automatic]


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


# --- order: quick, last match, floating, groups -------------------------------------------------------------------


def test_interface_rules_are_first_match() -> None:
    text = config(
        rule("<descr>bloc</descr>", kind="block", tracker="11")
        + "\n"
        + rule("<descr>tout</descr>", kind="pass", tracker="12")
    )
    found = ask(device(text), "10.10.0.5", "203.0.113.9", port=443)
    assert found.verdict == "deny"
    assert found.entry is not None
    assert (found.entry.rule.ref, found.entry.rule.line) == ("11", line_of(text, "<tracker>11"))


def test_floating_rule_without_quick_is_overridden_by_a_later_interface_rule() -> None:
    floating = rule("<floating>yes</floating><direction>in</direction>", interface="lan", kind="block", tracker="1")
    assert ask(device(config(floating + rule("", tracker="2"))), "10.10.0.5", "203.0.113.9").verdict == "permit"
    alone = ask(device(config(floating + rule("", interface="opt1", tracker="2"))), "10.10.0.5", "203.0.113.9")
    assert alone.verdict == "deny"
    assert alone.entry is not None
    assert alone.entry.rule.ref == "1"


def test_quick_floating_rule_wins_over_interface_rules_even_when_written_after_them() -> None:
    quick = "<floating>yes</floating><quick>yes</quick><direction>in</direction>"
    text = config(rule("", tracker="2") + rule(quick, kind="block", tracker="1"))
    assert ask(device(text), "10.10.0.5", "203.0.113.9").verdict == "deny"


def test_last_of_two_floating_rules_without_quick_wins() -> None:
    floating = "<floating>yes</floating><direction>any</direction>"
    text = config(rule(floating, kind="block", tracker="1") + rule(floating, tracker="2"))
    found = ask(device(text), "10.10.0.5", "203.0.113.9")
    assert found.verdict == "permit"


def test_outgoing_floating_rule_stops_forwarded_traffic_by_the_interface_it_leaves() -> None:
    out = rule(
        "<floating>yes</floating><quick>yes</quick><direction>out</direction>",
        interface="wan",
        kind="block",
        tracker="9",
    )
    found = device(config(rule("", tracker="2") + out))
    assert ask(found, "10.10.0.5", "203.0.113.9", out_zone="wan").verdict == "deny"
    assert ask(found, "10.10.0.5", "10.30.0.9", out_zone="opt2").verdict == "permit"
    # The line shown for what passes is that of the incoming rule.
    entry = ask(found, "10.10.0.5", "10.30.0.9", out_zone="opt2").entry
    assert entry is not None
    assert entry.rule.ref == "2"


def test_interface_direction_element_is_ignored_on_interface_rules() -> None:
    found = device(config(rule("<direction>out</direction>", tracker="2")))
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "permit"


def test_group_rules_come_before_interface_rules_and_cover_every_member() -> None:
    groups = "<ifgroups><ifgroupentry><ifname>INTERNE</ifname><members>lan opt1</members></ifgroupentry></ifgroups>"
    text = config(rule("", tracker="2") + rule("", interface="INTERNE", kind="block", tracker="1"), more=groups)
    found = device(text)
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "deny"
    assert ask(found, "10.20.0.5", "203.0.113.9", zone="opt1").verdict == "deny"
    assert written(found)[0].in_zones == ("lan", "opt1")


def test_openvpn_tab_covers_assigned_openvpn_interfaces() -> None:
    text = config(rule("", interface="openvpn", tracker="1")).replace(
        "</interfaces>", "<opt9><enable/><if>ovpns1</if><descr>Nomades</descr><ipaddr>none</ipaddr></opt9></interfaces>"
    )
    found = device(text)
    assert written(found)[0].in_zones == ("openvpn", "opt9")
    assert ask(found, "10.99.0.2", "10.10.0.5", zone="opt9").verdict == "permit"
    assert ask(found, "10.99.0.2", "10.10.0.5", zone="openvpn").verdict == "permit"


def test_match_action_does_not_decide() -> None:
    floating = "<floating>yes</floating><quick>yes</quick><direction>any</direction>"
    found = device(config(rule(floating, kind="match", tracker="1") + rule("", kind="block", tracker="2")))
    entry = ask(found, "10.10.0.5", "203.0.113.9").entry
    assert entry is not None
    assert entry.rule.ref == "2"


def test_floating_rule_on_unknown_interfaces_only_is_uncertain() -> None:
    quick = "<floating>yes</floating><quick>yes</quick><direction>in</direction>"
    found = device(config(rule(quick, interface="opt3", kind="block", tracker="1") + rule("", tracker="2")))
    (first, _) = written(found)
    assert first.conditions
    assert first.enabled


def test_rule_on_a_disabled_interface_is_not_loaded() -> None:
    (found,) = written(device(config(rule("", interface="opt3", tracker="1"))))
    assert not found.enabled


# --- flags, families, cells ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["<disabled/>", "<disabled></disabled>", "<disabled>0</disabled>"])
def test_disabled_counts_by_its_presence(flag: str) -> None:
    (found,) = written(device(config(rule(flag, tracker="1"))))
    assert not found.enabled


def test_log_counts_by_its_presence() -> None:
    first, second = written(device(config(rule("<log/>", tracker="1") + rule("", tracker="2"))))
    assert (first.log, second.log) == (True, False)


def test_rule_without_ip_protocol_is_ipv4_only() -> None:
    text = config(rule("", tracker="1").replace("<ipprotocol>inet</ipprotocol>", ""))
    found = device(text)
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "permit"
    assert ask(found, "2001:db8:1::5", "2001:db8:2::9").verdict == "deny"


def test_inet46_rule_covers_both_families_and_both_icmp() -> None:
    found = device(config(rule("<ipprotocol>inet46</ipprotocol><protocol>icmp</protocol>", tracker="1")))
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="icmp").verdict == "permit"
    assert ask(found, "2001:4::5", "2001:5::9", protocol="icmp6", icmp_type=128).verdict == "permit"
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="tcp").verdict == "deny"


def test_negation_by_presence_excludes_a_network() -> None:
    inner = "<destination><network>opt2</network><not/></destination>"
    found = device(config(rule(inner, tracker="1")))
    assert ask(found, "10.10.0.5", "10.30.0.9").verdict == "deny"
    assert ask(found, "10.10.0.5", "10.20.0.9").verdict == "permit"


def test_icmp_types_by_name() -> None:
    found = device(config(rule("<protocol>icmp</protocol><icmptype>echoreq,unreach</icmptype>", tracker="1")))
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="icmp", icmp_type=8).verdict == "permit"
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="icmp", icmp_type=5).verdict == "deny"


def test_port_ranges_and_source_ports() -> None:
    inner = (
        "<protocol>tcp/udp</protocol><source><any/><port>1024-65535</port></source>"
        "<destination><address>10.30.0.0/24</address><port>104-105</port></destination>"
    )
    found = device(config(rule(inner, tracker="1")))
    assert ask(found, "10.10.0.5", "10.30.0.9", port=104).verdict == "permit"
    assert ask(found, "10.10.0.5", "10.30.0.9", port=105, protocol="udp").verdict == "permit"
    assert ask(found, "10.10.0.5", "10.30.0.9", port=106).verdict == "deny"
    assert ask(found, "10.10.0.5", "10.30.0.9", port=104, source_port=500).verdict == "deny"


def test_self_is_every_address_of_the_firewall() -> None:
    inner = "<protocol>tcp</protocol><destination><network>(self)</network><port>8443</port></destination>"
    found = device(config(rule(inner, interface="opt1", kind="block", tracker="1") + rule("", interface="opt1")))
    for own in ("10.20.0.1", "10.10.0.1", "198.51.100.2"):
        assert ask(found, "10.20.0.5", own, zone="opt1", hook="input", port=8443).verdict == "deny"
    assert ask(found, "10.20.0.5", "10.10.0.9", zone="opt1", port=8443).verdict == "permit"


def test_self_with_a_dynamic_address_stays_certain_for_traffic_that_crosses() -> None:
    inner = "<destination><network>(self)</network></destination>"
    text = config(rule(inner, interface="opt1", kind="block", tracker="1") + rule("", interface="opt1", tracker="2"))
    text = text.replace("<ipaddr>198.51.100.2</ipaddr><subnet>29</subnet>", "<ipaddr>dhcp</ipaddr>")
    found = device(text)
    assert ask(found, "10.20.0.5", "10.10.0.9", zone="opt1").verdict == "permit"
    assert ask(found, "10.20.0.5", "203.0.113.7", zone="opt1", hook="input").verdict == "undetermined"
    assert ask(found, "10.20.0.5", "10.20.0.1", zone="opt1", hook="input").verdict == "deny"


def test_same_rule_has_the_same_identity_towards_and_through_the_firewall() -> None:
    found = device(config(rule("", tracker="77")))
    (through,), (towards,) = written(found), written(found, "input")
    assert (through.ref, through.line) == (towards.ref, towards.line) == ("77", towards.line)


def test_virtual_addresses_belong_to_the_firewall() -> None:
    vip = "<virtualip><vip><mode>carp</mode><interface>opt1</interface><subnet>10.20.0.254</subnet><subnet_bits>16</subnet_bits></vip></virtualip>"
    inner = "<destination><network>(self)</network></destination>"
    found = device(config(rule(inner, interface="opt1", kind="block", tracker="1"), more=vip))
    assert ask(found, "10.20.0.5", "10.20.0.254", zone="opt1", hook="input").entry.rule.ref == "1"  # type: ignore[union-attr]


# --- aliases ------------------------------------------------------------------------------------------------------

ALIASES = """<aliases>
<alias><name>SRV</name><type>host</type><address>10.10.0.10 10.10.0.11 IMPRIM</address></alias>
<alias><name>IMPRIM</name><type>network</type><address>10.10.8.0/24</address></alias>
<alias><name>WEB</name><type>port</type><address>80 443 HAUTS</address></alias>
<alias><name>HAUTS</name><type>port</type><address>8000:8010</address></alias>
<alias><name>MAJ</name><type>host</type><address>10.10.0.12 maj.editeur.example</address></alias>
<alias><name>PAYS</name><type>urltable</type><url>https://liste.example</url><address></address></alias>
<alias><name>BOUCLE</name><type>host</type><address>10.10.0.13 BOUCLE2</address></alias>
<alias><name>BOUCLE2</name><type>host</type><address>BOUCLE</address></alias>
<alias><name>SEULE</name><type>host</type><address>10.10.9.9</address></alias>
</aliases>"""


def test_aliases_nest_in_any_order() -> None:
    inner = "<protocol>tcp</protocol><destination><address>SRV</address><port>WEB</port></destination>"
    found = device(config(rule(inner, tracker="1"), more=ALIASES))
    assert ask(found, "10.10.1.5", "10.10.8.40", port=8005).verdict == "permit"
    assert ask(found, "10.10.1.5", "10.10.0.11", port=443).verdict == "permit"
    assert ask(found, "10.10.1.5", "10.10.0.11", port=444).verdict == "deny"


def test_host_name_in_an_alias_leaves_the_rest_certain() -> None:
    inner = "<destination><address>MAJ</address></destination>"
    found = device(config(rule(inner, tracker="1"), more=ALIASES))
    assert ask(found, "10.10.1.5", "10.10.0.12").verdict == "permit"
    assert ask(found, "10.10.1.5", "203.0.113.80").verdict == "undetermined"
    (one,) = written(found)
    assert found.addresses[one.destination].unresolved == ("fqdn:maj.editeur.example",)


@pytest.mark.parametrize("name", ["PAYS", "BOUCLE", "ABSENT"])
def test_unresolved_alias_never_decides_alone(name: str) -> None:
    inner = f"<source><address>{name}</address></source>"
    text = config(rule(inner, kind="block", tracker="1") + rule("", tracker="2"), more=ALIASES)
    found = ask(device(text), "10.10.1.5", "203.0.113.80")
    assert found.verdict == "undetermined"


def test_unused_alias_is_told_apart() -> None:
    inner = "<destination><address>SRV</address></destination>"
    objects = {one.name: one for one in device(config(rule(inner), more=ALIASES)).objects}
    assert objects["SRV"].used
    assert objects["IMPRIM"].used
    assert not objects["SEULE"].used
    assert objects["WEB"].kind == "service"


# --- conditions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        ("<sched>Nuit</sched>", "horaire"),
        ("<tagged>VERT</tagged>", "marque"),
        ("<protocol>tcp</protocol><os>Windows</os>", "exploitation"),
        ("<dscp>af11</dscp>", "DSCP"),
        ("<max-src-conn>5</max-src-conn>", "limite"),
        ("<protocol>tcp</protocol><tcpflags1>fin</tcpflags1><tcpflags2>fin,syn</tcpflags2>", "drapeaux"),
        ("<nouveaute>x</nouveaute>", "non comprise"),
    ],
)
def test_what_is_not_evaluated_becomes_a_condition(inner: str, word: str) -> None:
    found = device(config(rule(inner, tracker="1")))
    (one,) = written(found)
    assert any(word in text for text in one.conditions)
    assert ask(found, "10.10.1.5", "203.0.113.80").verdict == "undetermined"


def test_unknown_element_is_reported_with_its_line() -> None:
    text = config(rule("\n<nouveaute>x</nouveaute>", tracker="1"))
    (one,) = device(text).not_understood
    assert one.line == line_of(text, "<nouveaute>")
    assert "nouveaute" in one.text


def test_empty_elements_the_product_writes_set_no_condition() -> None:
    inner = "<id/><tag/><tagged/><max/><os/><statetimeout/><sched/><statetype>keep state</statetype><gateway/>"
    (one,) = written(device(config(rule(inner, tracker="1"))))
    assert one.conditions == ()


def test_owner_is_kept() -> None:
    inner = "<descr>Web</descr><created><time>1507617312</time><username>admin@10.10.0.9</username></created>"
    (one,) = written(device(config(rule(inner, tracker="1"))))
    assert (one.name, one.comment) == ("Web", "créée par admin@10.10.0.9 le 2017-10-10")


# --- automatic rules ----------------------------------------------------------------------------------------------


def test_default_is_a_logged_refusal() -> None:
    found = device(config())
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "deny"
    assert chain(found).default == "deny"
    assert chain(found).default_log is True
    assert chain(device(config(more="<syslog><nologdefaultblock/></syslog>"))).default_log is False


def test_anti_lockout_opens_the_administration_of_lan_even_under_a_block() -> None:
    text = config(rule("", kind="block", tracker="1"))
    found = device(text)
    for port in (8443, 80, 22):
        assert ask(found, "10.10.0.5", "10.10.0.1", hook="input", port=port).verdict == "permit"
    assert ask(found, "10.10.0.5", "10.10.0.1", hook="input", port=443).verdict == "deny"
    without = device(config(rule("", kind="block", tracker="1"), web="<noantilockout/>"))
    assert ask(without, "10.10.0.5", "10.10.0.1", hook="input", port=8443).verdict == "deny"


def test_private_networks_are_blocked_before_the_rules_of_the_interface() -> None:
    found = device(config(rule("", interface="wan", tracker="1"), wan="<blockpriv/>"))
    assert ask(found, "10.99.0.1", "10.10.0.5", zone="wan").verdict == "deny"
    assert ask(found, "8.8.8.8", "10.10.0.5", zone="wan").verdict == "permit"


def test_bogons_only_make_special_networks_uncertain() -> None:
    found = device(config(rule("", interface="wan", tracker="1"), wan="<blockbogons/>"))
    assert ask(found, "8.8.8.8", "10.10.0.5", zone="wan").verdict == "permit"
    assert ask(found, "192.0.2.9", "10.10.0.5", zone="wan").verdict == "undetermined"


def test_all_ipv6_is_blocked_when_it_is_not_allowed() -> None:
    every = rule("<ipprotocol>inet46</ipprotocol>", tracker="1")
    off = device(config(every).replace("<ipv6allow/>", ""))
    assert off.ipv6 == "off"
    assert ask(off, "2001:4::5", "2001:5::9").verdict == "deny"
    assert ask(off, "10.10.0.5", "203.0.113.9").verdict == "permit"
    on = device(config(every).replace("<subnet>29</subnet>", "<subnet>29</subnet><ipaddrv6>dhcp6</ipaddrv6>"))
    assert on.ipv6 == "on"
    assert ask(on, "2001:4::5", "2001:5::9").verdict == "permit"


def test_ipv6_without_any_address_is_not_routed() -> None:
    assert device(config()).ipv6 == "off"
    tunnel = "<openvpn><openvpn-server><tunnel_networkv6>2001:db8:9::/64</tunnel_networkv6></openvpn-server></openvpn>"
    assert device(config(more=tunnel)).ipv6 == "on"


def test_neighbour_discovery_passes_without_a_rule() -> None:
    found = device(config())
    assert ask(found, "2001:4::5", "2001:5::9", protocol="icmp6", icmp_type=135).verdict == "permit"
    assert ask(found, "2001:4::5", "2001:5::9", protocol="icmp6", icmp_type=128).verdict == "deny"


def test_disabled_filter_lets_everything_through() -> None:
    found = device(config(rule("", kind="block"), system="<disablefilter>enabled</disablefilter>"))
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "permit"
    assert any("désactivé" in text for text in found.limits)


def test_dhcp_server_is_reachable() -> None:
    found = device(config(more="<dhcpd><opt1><enable/></opt1></dhcpd>"))
    more = {"protocol": "udp", "port": 67, "source_port": 68}
    assert ask(found, "0.0.0.0", "255.255.255.255", zone="opt1", hook="input", **more).verdict == "permit"
    assert ask(found, "0.0.0.0", "255.255.255.255", zone="opt2", hook="input", **more).verdict == "deny"


def test_automatic_rules_are_marked() -> None:
    assert all(one.automatic for one in chain(device(config())).rules)


def test_bypassed_static_routes() -> None:
    more = "<staticroutes><route><network>10.77.0.0/16</network><gateway>INTGW</gateway></route></staticroutes>"
    text = config("<bypassstaticroutes>yes</bypassstaticroutes>", more=more).replace(
        "</gateways>",
        "<gateway_item><interface>lan</interface><gateway>10.10.0.2</gateway><name>INTGW</name></gateway_item></gateways>",
    )
    assert ask(device(text), "10.10.0.5", "10.77.1.1").verdict == "permit"
    assert ask(device(text), "10.10.0.5", "10.78.1.1").verdict == "deny"


# --- translations -------------------------------------------------------------------------------------------------

FORWARD = """<nat><outbound><mode>hybrid</mode><rule><interface>wan</interface><source><network>10.20.0.0/16</network></source>
<destination><any/></destination><target>198.51.100.3</target><descr>Residents</descr></rule></outbound>
<rule><interface>wan</interface><protocol>tcp</protocol><source><any/></source><destination><network>wanip</network><port>8080</port></destination>
<target>10.10.0.10</target><local-port>80</local-port><associated-rule-id>{link}</associated-rule-id><descr>Portail</descr></rule>
</nat>"""


def test_port_forward_needs_its_filter_rule() -> None:
    inner = "<protocol>tcp</protocol><destination><address>10.10.0.10</address><port>80</port></destination><associated-rule-id>nat_1</associated-rule-id>"
    without = device(config(more=FORWARD.format(link="")))
    assert ask(without, "8.8.8.8", "10.10.0.10", zone="wan", port=80).verdict == "deny"
    with_rule = device(config(rule(inner, interface="wan"), more=FORWARD.format(link="nat_1")))
    assert ask(with_rule, "8.8.8.8", "10.10.0.10", zone="wan", port=80).verdict == "permit"


def test_passing_port_forward_opens_without_any_filter_rule() -> None:
    found = device(config(rule("", interface="wan", kind="block", tracker="1"), more=FORWARD.format(link="pass")))
    (forward,) = [one for one in found.nat if one.kind == "destination"]
    assert forward.permits
    assert (forward.to_address, forward.to_ports) == ("10.10.0.10", "80")
    published = ask(found, "8.8.8.8", "10.10.0.10", zone="wan", port=80, translated=forward.ref)
    assert published.verdict == "permit"
    assert published.entry is not None
    assert published.entry.rule.line == forward.line
    assert ask(found, "8.8.8.8", "10.10.0.10", zone="wan", port=80).verdict == "deny"


def test_disabled_or_excluding_port_forward_opens_nothing() -> None:
    for flag in ("<disabled/>", "<nordr/>"):
        text = config(more=FORWARD.format(link="pass").replace("<descr>Portail", f"{flag}<descr>Portail"))
        (forward,) = [one for one in device(text).nat if one.kind == "destination"]
        assert not forward.permits or not forward.enabled
        assert not [one for one in written(device(text)) if one.section == "nat"]


def test_outbound_rules_only_count_when_the_mode_reads_them() -> None:
    text = config(more=FORWARD.format(link=""))
    kinds = {one.ref: one for one in device(text).nat if one.kind == "source"}
    assert kinds["outbound n° 1"].enabled
    assert "outbound automatique" in kinds
    automatic = {one.ref: one for one in device(text.replace("hybrid", "automatic")).nat if one.kind == "source"}
    assert not automatic["outbound n° 1"].enabled


# --- the rest of the device ---------------------------------------------------------------------------------------


def test_identity_interfaces_and_accounts() -> None:
    found = device(config())
    assert found.name == "pf-tilleuls.ehpad.example"
    assert found.firmware == ""
    assert any("22.9" in text for text in found.limits)
    interfaces = {one.name: one for one in found.interfaces}
    assert interfaces["wan"].role == "wan"
    assert interfaces["wan"].default_route
    assert interfaces["lan"].title == "Bureautique"
    assert interfaces["lan"].members == ("igb1.10", "igb1")
    assert interfaces["opt1"].networks == ("10.20.0.0/16",)
    assert not interfaces["opt3"].enabled
    admins = {one.name: one for one in found.administrators}  # type: ignore[union-attr]
    assert admins["admin"].factory
    assert admins["durand"].full_rights
    assert admins["durand"].mfa is False
    assert [(one.name, one.enabled) for one in found.users] == [("infirmiere", False)]  # type: ignore[union-attr]


def test_administration_reached_by_zone() -> None:
    rules = rule("", interface="opt1", tracker="1") + rule(
        "<protocol>tcp</protocol><source><address>203.0.113.50</address></source><destination><network>wanip</network><port>22</port></destination>",
        interface="wan",
    )
    interfaces = {one.name: one for one in device(config(rules)).interfaces}
    assert interfaces["lan"].management == ("https", "ssh")
    assert interfaces["opt1"].management == ("https", "ssh", "ping")
    assert interfaces["opt1"].management_restricted is False
    assert interfaces["opt2"].management == ()
    assert interfaces["wan"].management == ("ssh",)
    assert interfaces["wan"].management_restricted is True


def test_ciphers_of_openvpn_have_the_names_the_review_knows() -> None:
    server = "<openvpn><openvpn-server><mode>server_tls</mode><data_ciphers>BF-CBC,DES-EDE3-CBC,CAST5-CBC,AES-256-GCM</data_ciphers></openvpn-server></openvpn>"
    (vpn,) = device(config(more=server)).vpns
    assert vpn.encryption == ("blowfish", "3des", "cast128", "aes256gcm")


def test_vpn_cryptography() -> None:
    more = """<openvpn><openvpn-server><vpnid>1</vpnid><mode>server_tls_user</mode><authmode>Local Database</authmode>
    <description>Nomades</description><data_ciphers>AES-256-GCM,AES-128-GCM</data_ciphers><digest>SHA256</digest><dh_length>2048</dh_length>
    <tls>SECRETKEY</tls></openvpn-server></openvpn>
    <ipsec><phase1><ikeid>1</ikeid><iketype>ikev1</iketype><mode>aggressive</mode><interface>wan</interface><remote-gateway>203.0.113.30</remote-gateway>
    <pre-shared-key>SECRETPSK</pre-shared-key><authentication_method>pre_shared_key</authentication_method><descr>Siege</descr>
    <encryption><item><encryption-algorithm><name>3des</name></encryption-algorithm><hash-algorithm>md5</hash-algorithm><dhgroup>2</dhgroup></item></encryption></phase1>
    <phase2><ikeid>1</ikeid><encryption-algorithm-option><name>aes</name><keylen>256</keylen></encryption-algorithm-option>
    <hash-algorithm-option>hmac_sha256</hash-algorithm-option><pfsgroup>14</pfsgroup></phase2></ipsec>"""
    found = device(config(more=more))
    remote, site = found.vpns  # type: ignore[misc]
    assert (remote.kind, remote.remote_access, remote.encryption) == ("openvpn", True, ("aes256gcm", "aes128gcm"))
    assert remote.dh_groups == (14,)
    assert site.ike_versions == (1,)
    assert site.aggressive is True
    assert site.encryption == ("3des", "aes256")
    assert site.integrity == ("md5", "sha256")
    assert site.dh_groups == (2, 14)
    assert site.authentication == "psk"
    # The tunnel sets itself up: the product lets its peer in.
    assert (
        ask(found, "203.0.113.30", "198.51.100.2", zone="wan", hook="input", protocol="udp", port=500).verdict
        == "permit"
    )
    assert (
        ask(found, "203.0.113.31", "198.51.100.2", zone="wan", hook="input", protocol="udp", port=500).verdict == "deny"
    )
    assert "SECRET" not in repr(found)


# --- last match against first match -------------------------------------------------------------------------------

DRAWN = st.tuples(
    st.sampled_from(["floating", "quick", "lan", "opt1"]),
    st.sampled_from(["pass", "block", "reject", "match"]),
    st.sampled_from(["in", "out", "any"]),
    st.sampled_from(["lan", "opt1", "wan", ""]),
    st.integers(0, 7),
    st.integers(0, 7),
)


def last_match(drawn: list[tuple[str, str, str, str, int, int]], direction: str, interface: str, host: int) -> str:
    """What pf itself does: read in load order, keep the last match, stop at a quick one."""
    loaded = [one for one in drawn if one[0] in ("floating", "quick")] + [
        one for one in drawn if one[0] in ("lan", "opt1")
    ]
    verdict = "permit" if direction == "out" else "deny"
    for place, kind, way, where, first, last in loaded:
        floating = place in ("floating", "quick")
        ways = ("in", "out") if way == "any" else (way,)
        if not floating and (direction != "in" or interface != place):
            continue
        if floating and (direction not in ways or (where and where != interface)):
            continue
        if kind == "match" or not first <= host <= last:
            continue
        verdict = "permit" if kind == "pass" else "deny"
        if place != "floating":
            break
    return verdict


@settings(max_examples=150, deadline=None)
@given(st.lists(DRAWN, max_size=7), st.sampled_from(["lan", "opt1"]), st.sampled_from(["wan", "opt2"]))
def test_random_rules_give_what_last_match_gives(
    drawn: list[tuple[str, str, str, str, int, int]], into: str, leaving: str
) -> None:
    rules = ""
    for number, (place, kind, way, where, first, last) in enumerate(drawn):
        cell = f"<source><address>10.50.0.{first}-10.50.0.{last}</address></source>" if first <= last else ""
        if not cell:
            continue
        flags = f"<floating>yes</floating><direction>{way}</direction>" if place in ("floating", "quick") else ""
        flags += "<quick>yes</quick>" if place == "quick" else ""
        interface = where if flags else place
        rules += rule(flags + cell, interface=interface, kind=kind, tracker=str(number + 1))
    found = device(config(rules))
    kept = [one for one in drawn if one[4] <= one[5]]
    for host in range(8):
        entering = last_match(kept, "in", into, host)
        expected = last_match(kept, "out", leaving, host) if entering == "permit" else "deny"
        got = ask(found, f"10.50.0.{host}", "203.0.113.9", zone=into, out_zone=leaving)
        assert got.verdict == expected


# --- third-party samples ------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "rules", "forwards"),
    # The second <rule> that a text search finds in the default configuration is inside an XML comment.
    [
        ("opndossier_config-2.6.x.xml", 2, 1),
        ("redactor_default-config.xml", 1, 0),
        ("redactor_test-config1.xml", 14, 2),
    ],
)
def test_samples(name: str, rules: int, forwards: int) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("third-party samples are not here")
    file = decode(name, path.read_bytes())
    assert pfsense.recognise(file)
    (found,) = pfsense.parse([file])
    assert len([one for one in written(found) if one.section != "nat"]) == rules
    assert len([one for one in found.nat if one.kind == "destination"]) == forwards
    assert found.not_understood == ()
    text = repr(found)
    for secret in ("$2b$", "$1$", "LS0tLS1", "j0klpSGf"):
        assert secret not in text


# --- broken files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "<pfsense>", config()[:-20], config()[: len(config()) // 2], "<opnsense><filter/></opnsense>", "<pfsense/>"],
)
def test_cut_off_or_foreign_file_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        pfsense.parse([source(text)])


def test_entities_are_refused() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><pfsense><filter/>&b;</pfsense>'
    with pytest.raises(ParseError):
        pfsense.parse([source(bomb)])


def test_recognises_its_own_files_only() -> None:
    assert pfsense.recognise(source(config()))
    assert not pfsense.recognise(source("<opnsense></opnsense>"))
    assert not pfsense.recognise(source("config system global\nend\n"))


RICH = config(
    rule("<descr>a</descr><log/>", tracker="1")
    + rule("<floating>yes</floating><direction>any</direction>", interface="lan,opt1", kind="block")
    + rule("<destination><address>SRV</address><port>WEB</port></destination><protocol>tcp</protocol>"),
    more=ALIASES + FORWARD.format(link="pass"),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(RICH)), st.integers(0, 40), st.text(max_size=8))
def test_mutated_file_gives_a_device_or_a_clear_error(start: int, length: int, inserted: str) -> None:
    mutated = RICH[:start] + inserted + RICH[start + length :]
    try:
        (found,) = pfsense.parse([SourceFile("x.xml", mutated, "")])
    except ParseError:
        return
    assert found.vendor == "pfsense"
    assert chain(found).default == "deny"


VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["0", "-1", "99999999999", "10.0.0.0/33", "::/0", "a-b", "1:", "any", "(self)"]),
)
TAGS = st.sampled_from(
    ["interface", "ipprotocol", "protocol", "icmptype", "type", "direction", "sched", "max", "os", "descr", "tracker"]
)


def escape(text: str) -> str:
    kept = "".join(char for char in text if char.isprintable())
    return kept.replace("&", "&amp;").replace("<", "&lt;")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TAGS, VALUES), max_size=6), VALUES, VALUES)
def test_any_value_in_a_rule_is_read_or_reported(pairs: list[tuple[str, str]], address: str, port: str) -> None:
    inner = "".join(f"<{tag}>{escape(value)}</{tag}>" for tag, value in pairs)
    cell = f"<destination><address>{escape(address)}</address><port>{escape(port)}</port></destination>"
    text = config(f"<rule>{inner}<source><any/></source>{cell}</rule>")
    (found,) = pfsense.parse([SourceFile("x.xml", text, "")])
    assert len(written(found)) == 1
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict in ("permit", "deny", "undetermined")


def test_large_configuration_is_read_in_linear_time() -> None:
    text = config("".join(rule(f"<descr>r{n}</descr>", tracker=str(n)) for n in range(5000)))
    assert len(written(device(text))) == 5000
