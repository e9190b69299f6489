"""OPNsense: config.xml of a fictional EHPAD with rules in both places, then third-party samples and broken files."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Decision, Packet, decide
from checks.firewall.facts import Chain, Device, Rule
from checks.firewall.parsers import opnsense, pfsense
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from tests import corpus

SAMPLES = corpus.CORPUS / "firewall" / "opnsense"

BASE = """
<system><hostname>opn-tilleuls</hostname><domain>ehpad.example</domain><ipv6allow>1</ipv6allow>
  <webgui><protocol>https</protocol>{web}</webgui><ssh><group>admins</group><enabled>enabled</enabled></ssh>{system}
  <group><name>admins</name><gid>1999</gid><member>0</member><priv>page-all</priv></group>
  <user><name>root</name><uid>0</uid><password>$2y$10$SECRETHASH</password><otp_seed>SECRETSEED</otp_seed></user>
  <user><name>vpn1</name><uid>2001</uid><password>$2y$10$SECRETHASH</password></user>
</system>
<interfaces>
  <wan><enable>1</enable><if>igb0</if><descr>Internet</descr><ipaddr>198.51.100.2</ipaddr><subnet>29</subnet><gateway>WANGW</gateway>{wan}</wan>
  <lan><enable>1</enable><if>vlan01</if><descr>Bureautique</descr><ipaddr>10.10.0.1</ipaddr><subnet>16</subnet></lan>
  <opt1><enable>1</enable><if>vlan02</if><descr>Residents</descr><ipaddr>10.20.0.1</ipaddr><subnet>16</subnet></opt1>
  <opt2><enable>1</enable><if>wg1</if><descr>Nomades</descr><ipaddr>10.66.0.1</ipaddr><subnet>24</subnet></opt2>
  <lo0><internal_dynamic>1</internal_dynamic><enable>1</enable><if>lo0</if><ipaddr>127.0.0.1</ipaddr><subnet>8</subnet></lo0>
  <wireguard><enable>1</enable><if>wireguard</if><type>group</type><virtual>1</virtual></wireguard>
  <G_A><enable>1</enable><if>G_A</if><type>group</type><virtual>1</virtual></G_A>
  <G_B><enable>1</enable><if>G_B</if><type>group</type><virtual>1</virtual></G_B>
</interfaces>
<ifgroups>
  <ifgroupentry uuid="a"><ifname>G_A</ifname><members>lan opt1</members><sequence>20</sequence></ifgroupentry>
  <ifgroupentry uuid="b"><ifname>G_B</ifname><members>lan,opt1</members><sequence>10</sequence></ifgroupentry>
</ifgroups>
"""


def legacy(inner: str = "", *, interface: str = "lan", kind: str = "pass", ref: str = "L1") -> str:
    """One rule of `<filter>`; source and destination default to any."""
    cells = "" if "<source>" in inner else "<source><any>1</any></source>"
    cells += "" if "<destination>" in inner else "<destination><any>1</any></destination>"
    family = "" if "ipprotocol" in inner else "<ipprotocol>inet</ipprotocol>"
    return f'<rule uuid="{ref}"><type>{kind}</type><interface>{interface}</interface>{family}{cells}{inner}</rule>'


def new(inner: str = "", *, interface: str = "lan", action: str = "pass", ref: str = "N1", sequence: int = 1) -> str:
    """One rule of `<OPNsense><Firewall><Filter>`."""
    return (
        f'<rule uuid="{ref}"><enabled>1</enabled><sequence>{sequence}</sequence><action>{action}</action>'
        f"<interface>{interface}</interface>{inner}</rule>"
    )


def config(
    old: str = "",
    fresh: str = "",
    *,
    web: str = "",
    system: str = "",
    wan: str = "",
    more: str = "",
    tree: str = "",
    nat: str = "",
) -> str:
    base = BASE.format(web=web, system=system, wan=wan)
    firewall = f'<Firewall><Filter version="1.0.4"><rules>{fresh}</rules>{nat}</Filter>{tree}</Firewall>'
    return f'<?xml version="1.0"?>\n<opnsense>\n{base}<filter>{old}</filter>\n<OPNsense>{firewall}{more}</OPNsense>\n</opnsense>\n'


def source(text: str) -> SourceFile:
    return decode("config.xml", text.encode())


def device(text: str) -> Device:
    (found,) = opnsense.parse([source(text)])
    return found


def ask(found: Device, src: str, dst: str, zone: str = "lan", hook: str = "forward", **more: object) -> Decision:
    packet = Packet(source=src, destination=dst, in_zone=zone, port=443)._replace(**more)
    return decide(found, packet, hook)


def deciding(found: Device, src: str = "10.10.0.5", dst: str = "203.0.113.9", **more: object) -> str:
    entry = ask(found, src, dst, **more).entry
    assert entry is not None
    return entry.rule.ref


def chain(found: Device, hook: str = "forward") -> Chain:
    return next(one for one in found.chains if one.hook == hook and one.name.startswith("entrée"))


def written(found: Device) -> list[Rule]:
    return [one for one in chain(found).rules if not one.automatic]


# --- the two rule stores ------------------------------------------------------------------------------------------


def test_both_stores_are_read_and_new_rules_come_first_inside_one_interface() -> None:
    found = device(config(legacy(kind="block", ref="L1"), new(ref="N1")))
    assert [one.ref for one in written(found)] == ["N1", "L1"]
    assert deciding(found) == "N1"


def test_floating_legacy_rule_comes_before_a_new_interface_rule() -> None:
    floating = legacy("<floating>yes</floating><quick>1</quick>", kind="block", ref="L1")
    assert deciding(device(config(floating, new(ref="N1")))) == "L1"


def test_new_rules_are_ordered_by_sequence_not_by_place() -> None:
    fresh = new(ref="N2", sequence=20) + new(action="block", ref="N1", sequence=10)
    assert deciding(device(config("", fresh))) == "N1"


@pytest.mark.parametrize("interface", ["", "lan,opt1"])
def test_new_rule_with_no_or_several_interfaces_is_floating(interface: str) -> None:
    fresh = new(ref="N1", interface="lan", sequence=1) + new(
        action="block", ref="N2", interface=interface, sequence=900
    )
    found = device(config("", fresh))
    assert deciding(found) == "N2"
    assert ask(found, "10.20.0.5", "203.0.113.9", zone="opt1").verdict == "deny"


def test_inverted_interface_covers_the_others_only() -> None:
    fresh = (
        new("<interfacenot>1</interfacenot>", action="block", ref="N2")
        + new(interface="opt1", ref="N1")
        + new(ref="N3")
    )
    found = device(config("", fresh))
    assert deciding(found) == "N3"
    assert deciding(found, "10.20.0.5", zone="opt1") == "N2"


def test_groups_follow_their_sequence_then_interfaces() -> None:
    fresh = (
        new(ref="I", interface="lan")
        + new(ref="A", interface="G_A", action="block", sequence=1)
        + new(ref="B", interface="G_B", sequence=9)
    )
    found = device(config("", fresh))
    assert [one.ref for one in written(found)] == ["B", "A", "I"]
    assert deciding(found) == "B"


def test_wireguard_group_covers_its_assigned_interfaces() -> None:
    found = device(config("", new(ref="W", interface="wireguard")))
    assert written(found)[0].in_zones == ("wireguard", "opt2")
    assert deciding(found, "10.66.0.9", "10.10.0.5", zone="opt2") == "W"


@pytest.mark.parametrize(
    ("inner", "enabled"), [("<disabled>1</disabled>", False), ("<disabled>0</disabled>", True), ("", True)]
)
def test_legacy_disabled_is_a_value(inner: str, enabled: bool) -> None:
    (one,) = written(device(config(legacy(inner))))
    assert one.enabled is enabled
    assert one.conditions == ()


def test_empty_disabled_element_is_uncertain() -> None:
    found = device(config(legacy("<disabled/>")))
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "undetermined"


def test_new_rule_enabled_is_a_value() -> None:
    text = config("", new(ref="N1").replace("<enabled>1", "<enabled>0"))
    assert not written(device(text))[0].enabled


def test_legacy_quick_defaults_by_kind_and_can_be_removed() -> None:
    slow = legacy("<quick>0</quick>", kind="block", ref="L1") + legacy(ref="L2")
    assert deciding(device(config(slow))) == "L2"
    floating = legacy("<floating>yes</floating>", kind="block", ref="L1") + legacy(ref="L2")
    assert deciding(device(config(floating))) == "L2"


def test_new_rule_without_quick_lets_the_last_match_win() -> None:
    fresh = new("<quick>0</quick>", action="block", ref="N1", sequence=1) + new(
        "<quick>0</quick>", ref="N2", sequence=2
    )
    assert deciding(device(config("", fresh))) == "N2"


def test_direction_out_applies_to_the_interface_left() -> None:
    fresh = new(ref="N1") + new("<direction>out</direction>", interface="wan", action="block", ref="N2")
    found = device(config("", fresh))
    assert ask(found, "10.10.0.5", "203.0.113.9", out_zone="wan").verdict == "deny"
    assert ask(found, "10.10.0.5", "10.20.0.9", out_zone="opt1").verdict == "permit"


def test_legacy_rule_without_ip_protocol_covers_both_versions() -> None:
    text = config(legacy().replace("<ipprotocol>inet</ipprotocol>", ""))
    assert ask(device(text), "2001:4::5", "2001:5::9").verdict == "permit"
    assert ask(device(text), "10.10.0.5", "203.0.113.9").verdict == "permit"


def test_new_rule_is_ipv4_unless_it_says_otherwise() -> None:
    assert ask(device(config("", new())), "2001:4::5", "2001:5::9").verdict == "deny"
    both = device(config("", new("<ipprotocol>inet46</ipprotocol>")))
    assert ask(both, "2001:4::5", "2001:5::9").verdict == "permit"


def test_new_rule_cells() -> None:
    inner = (
        "<protocol>TCP/UDP</protocol><source_net>lan,10.20.5.0/24</source_net><destination_net>opt1</destination_net>"
        "<destination_not>1</destination_not><destination_port>https</destination_port>"
    )
    found = device(config("", new(inner)))
    assert ask(found, "10.20.5.7", "203.0.113.9").verdict == "permit"
    assert ask(found, "10.20.6.7", "203.0.113.9").verdict == "deny"
    assert ask(found, "10.10.0.5", "10.20.0.9").verdict == "deny"
    assert ask(found, "10.10.0.5", "203.0.113.9", port=80).verdict == "deny"
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="udp").verdict == "permit"


def test_negation_of_several_targets_is_uncertain() -> None:
    inner = "<destination_net>lan,opt1</destination_net><destination_not>1</destination_not>"
    assert ask(device(config("", new(inner))), "10.10.0.5", "203.0.113.9").verdict == "undetermined"


def test_icmp_of_the_new_pages() -> None:
    inner = "<protocol>ICMP</protocol><icmptype>echoreq</icmptype>"
    found = device(config("", new(inner)))
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="icmp").verdict == "permit"
    assert ask(found, "10.10.0.5", "203.0.113.9", protocol="icmp", icmp_type=13).verdict == "deny"


# --- aliases ------------------------------------------------------------------------------------------------------

ALIASES = """<Alias version="1.0.1"><aliases>
<alias uuid="1"><enabled>1</enabled><name>SRV</name><type>host</type><content>10.10.0.10
10.10.0.12-10.10.0.14
IMPRIM</content></alias>
<alias uuid="2"><enabled>1</enabled><name>IMPRIM</name><type>network</type><content>10.10.8.0/24
!10.10.8.128/25
10.10.8.130</content></alias>
<alias uuid="3"><enabled>1</enabled><name>PAYS</name><type>geoip</type><content>FR
BE</content></alias>
<alias uuid="4"><enabled>0</enabled><name>ETEINT</name><type>host</type><content>10.10.0.99</content></alias>
<alias uuid="5"><enabled>1</enabled><name>PORTS</name><type>port</type><content>8443
9000:9010</content></alias>
<alias uuid="6"><enabled>1</enabled><name>TOUS</name><type>networkgroup</type><content>SRV
PAYS</content></alias>
</aliases></Alias>"""


def to(name: str, port: str = "") -> str:
    protocol = "<protocol>TCP</protocol>" if port else ""
    return f"{protocol}<destination_net>{name}</destination_net><destination_port>{port}</destination_port>"


def test_exclusion_in_a_table_follows_the_longest_prefix() -> None:
    found = device(config("", new(to("IMPRIM")), tree=ALIASES))
    assert ask(found, "10.10.0.5", "10.10.8.5").verdict == "permit"
    assert ask(found, "10.10.0.5", "10.10.8.200").verdict == "deny"
    assert ask(found, "10.10.0.5", "10.10.8.130").verdict == "permit"


def test_ranges_and_nested_aliases() -> None:
    found = device(config("", new(to("SRV", "PORTS")), tree=ALIASES))
    assert ask(found, "10.10.0.5", "10.10.0.13", port=9005).verdict == "permit"
    assert ask(found, "10.10.0.5", "10.10.8.5", port=8443).verdict == "permit"
    assert ask(found, "10.10.0.5", "10.10.0.15", port=8443).verdict == "deny"


@pytest.mark.parametrize("name", ["PAYS", "ETEINT", "INCONNU", "__opt9_network"])
def test_unresolved_alias_never_decides_alone(name: str) -> None:
    fresh = new(to(name), action="block", sequence=1) + new(ref="N2", sequence=2)
    assert ask(device(config("", fresh, tree=ALIASES)), "10.10.0.5", "203.0.113.9").verdict == "undetermined"


def test_certain_part_of_a_group_with_an_unresolved_member() -> None:
    found = device(config("", new(to("TOUS")), tree=ALIASES))
    assert ask(found, "10.10.0.5", "10.10.0.13").verdict == "permit"
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "undetermined"


def test_interface_network_alias_of_the_product() -> None:
    found = device(config("", new(to("__opt1_network"))))
    assert ask(found, "10.10.0.5", "10.20.0.9").verdict == "permit"
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "deny"


# --- conditions, categories, automatic rules ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        ("<sched>Nuit</sched>", "horaire"),
        ("<tagged>VERT</tagged>", "marque"),
        ("<tos>ef</tos>", "DSCP"),
        ("<max-src-states>5</max-src-states>", "limite"),
        ("<tcpflags1>fin</tcpflags1><tcpflags2>fin,syn</tcpflags2>", "drapeaux"),
        ("<inconnu>x</inconnu>", "non comprise"),
    ],
)
def test_what_is_not_evaluated_becomes_a_condition(inner: str, word: str) -> None:
    found = device(config("", new(inner)))
    assert any(word in text for text in written(found)[0].conditions)
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "undetermined"
    assert bool(found.not_understood) is ("inconnu" in inner)


def test_empty_fields_of_the_new_pages_set_no_condition() -> None:
    inner = "<statetype>keep</statetype><gateway/><max/><tcpflags1/><tcpflags2/><sched/><tos/><prio/><set-prio/><tag/><tagged/><categories/><shaper1/><icmp6type/><overload/>"
    found = device(config("", new(inner)))
    assert written(found)[0].conditions == ()
    assert found.not_understood == ()


def test_category_names_are_kept() -> None:
    tree = '<Category><categories><category uuid="c1"><name>Biomédical</name></category></categories></Category>'
    found = device(config("", new("<categories>c1</categories><description>PACS</description>"), tree=tree))
    assert (written(found)[0].comment, written(found)[0].name) == ("catégorie Biomédical", "PACS")


def test_anti_lockout_reaches_every_address_of_the_firewall() -> None:
    found = device(config(legacy(kind="block")))
    for own in ("10.10.0.1", "10.20.0.1"):
        for port in (443, 80, 22):
            assert ask(found, "10.10.0.5", own, hook="input", port=port).verdict == "permit"
    without = device(config(legacy(kind="block"), web="<noantilockout>1</noantilockout>"))
    assert ask(without, "10.10.0.5", "10.10.0.1", hook="input").verdict == "deny"


def test_private_networks_include_shared_addresses() -> None:
    found = device(config("", new(interface="wan"), wan="<blockpriv>1</blockpriv>"))
    assert ask(found, "100.64.1.1", "10.10.0.5", zone="wan").verdict == "deny"
    assert ask(found, "8.8.8.8", "10.10.0.5", zone="wan").verdict == "permit"


def test_ipv6_off() -> None:
    text = config("", new("<ipprotocol>inet6</ipprotocol>")).replace("<ipv6allow>1</ipv6allow>", "")
    found = device(text)
    assert found.ipv6 == "off"
    assert ask(found, "2001:4::5", "2001:5::9").verdict == "deny"


def test_dhcp_rules_of_kea() -> None:
    more = "<Kea><dhcp4><general><enabled>1</enabled><interfaces>opt1</interfaces><fwrules>1</fwrules></general></dhcp4></Kea>"
    found = device(config(more=more))
    fields = {"protocol": "udp", "port": 67, "source_port": 68}
    assert ask(found, "0.0.0.0", "255.255.255.255", zone="opt1", hook="input", **fields).verdict == "permit"


# --- translations, VPN, accounts ----------------------------------------------------------------------------------


def forward(link: str) -> str:
    return (
        '<rule uuid="F1"><interface>wan</interface><protocol>tcp</protocol><source><any>1</any></source>'
        "<destination><network>wanip</network><port>2222</port></destination><target>10.10.0.10</target>"
        f"<local-port>22</local-port>{link}<descr>SSH</descr></rule>"
    )


@pytest.mark.parametrize("link", ["<associated-rule-id>pass</associated-rule-id>", "<pass>pass</pass>"])
def test_passing_port_forward(link: str) -> None:
    text = config(legacy(interface="wan", kind="block")).replace("<filter>", f"<nat>{forward(link)}</nat><filter>")
    found = device(text)
    assert [one.permits for one in found.nat] == [True]
    assert deciding(found, "8.8.8.8", "10.10.0.10", zone="wan", port=22, translated="F1") == "F1"
    assert ask(found, "8.8.8.8", "10.10.0.10", zone="wan", port=22).verdict == "deny"


def test_port_forward_that_registers_a_rule_is_uncertain() -> None:
    text = config().replace("<filter>", f"<nat>{forward('<pass>rule</pass>')}</nat><filter>")
    found = device(text)
    assert [one.permits for one in found.nat] == [False]
    asked = ask(found, "8.8.8.8", "10.10.0.10", zone="wan", port=22, translated="F1")
    assert asked.verdict == "undetermined"


def test_translations_of_the_new_pages() -> None:
    nat = (
        '<snatrules><rule uuid="S1"><enabled>1</enabled><interface>wan</interface><source_net>opt1</source_net>'
        "<target>wanip</target></rule></snatrules>"
        '<onetoone><rule uuid="O1"><enabled>1</enabled><interface>wan</interface><source_net>10.10.0.20</source_net>'
        "<external>198.51.100.4/32</external><destination_net>any</destination_net></rule></onetoone>"
    )
    kinds = {one.ref: one for one in device(config(nat=nat)).nat}
    assert (kinds["S1"].kind, kinds["O1"].kind) == ("source", "static")
    assert kinds["O1"].to_address == "10.10.0.20"
    assert kinds["O1"].in_zones == ("wan",)


def test_vpns() -> None:
    more = """<wireguard><general><enabled>1</enabled></general><server><servers><server uuid="w"><enabled>1</enabled><name>Nomades</name>
    <privkey>SECRETKEY</privkey></server></servers></server></wireguard>
    <Swanctl><Connections><Connection uuid="c"><enabled>1</enabled><description>Siege</description><version>1</version><aggressive>1</aggressive>
    <proposals>3des-sha1-modp1024,aes256-sha256-modp2048</proposals></Connection></Connections>
    <children><child uuid="d"><connection>c</connection><esp_proposals>aes128gcm16</esp_proposals></child></children>
    <locals><local uuid="e"><connection>c</connection><auth>psk</auth></local></locals></Swanctl>
    <OpenVPN><Instances><Instance uuid="i"><enabled>1</enabled><role>server</role><description>Soins</description><authmode>Local Database</authmode>
    <verify_client_cert>none</verify_client_cert><data-ciphers>AES-256-GCM</data-ciphers><auth>SHA1</auth></Instance></Instances></OpenVPN>"""
    found = device(config(more=more))
    by_kind = {one.kind: one for one in found.vpns}  # type: ignore[union-attr]
    assert by_kind["ipsec"].encryption == ("3des", "aes256", "aes128gcm16")
    assert by_kind["ipsec"].dh_groups == (2, 14)
    assert by_kind["ipsec"].aggressive is True
    assert by_kind["ipsec"].pfs is False
    assert by_kind["ipsec"].authentication == "psk"
    assert by_kind["openvpn"].remote_access is True
    assert by_kind["openvpn"].mfa is False
    assert by_kind["openvpn"].integrity == ("sha1",)
    assert by_kind["wireguard"].enabled
    assert "SECRET" not in repr(found)


@pytest.mark.parametrize(
    ("web", "server", "mfa"),
    [
        ("", "", False),
        ("<authmode>TOTP</authmode>", "<authserver><name>TOTP</name><type>totp</type></authserver>", True),
        (
            "<authmode>TOTP,Local Database</authmode>",
            "<authserver><name>TOTP</name><type>totp</type></authserver>",
            False,
        ),
        ("<authmode>AD</authmode>", "<authserver><name>AD</name><type>ldap</type></authserver>", None),
    ],
)
def test_second_factor_of_administrators(web: str, server: str, mfa: bool | None) -> None:
    (admin,) = device(config(web=web, system=server)).administrators  # type: ignore[misc]
    assert (admin.name, admin.factory, admin.mfa) == ("root", True, mfa)


def test_administration_limited_to_some_interfaces() -> None:
    found = device(config(legacy(interface="opt1"), web="<interfaces>lan</interfaces>"))
    answered = {one.name: one.management for one in found.interfaces}
    assert answered["lan"] == ("https", "ssh")
    assert answered["opt1"] == ("ssh", "ping")
    assert answered["wan"] == ()


# --- third-party samples ------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("opndossier_config.xml.sample", 2),
        ("opndossier_sample.config.2.xml", 4),
        ("opndossier_sample.config.5.xml", 3),
        ("opndossier_sample.config.7.xml", 11),
    ],
)
def test_samples(name: str, rules: int) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("third-party samples are not here")
    file = decode(name, path.read_bytes())
    assert opnsense.recognise(file)
    assert not pfsense.recognise(file)
    (found,) = opnsense.parse([file])
    assert len(written(found)) == rules
    assert found.not_understood == ()
    text = repr(found)
    for secret in ("$2y$", "$6$", "LS0tLS1", "mA9fgOTTm6", "0e398a60c03a"):
        assert secret not in text


# --- broken files -------------------------------------------------------------------------------------------------

RICH = config(
    legacy("<descr>a</descr>") + legacy("<floating>yes</floating>", interface="lan,opt1", kind="block", ref="L2"),
    new(to("SRV", "PORTS")) + new(ref="N2", interface="G_A"),
    tree=ALIASES,
)


@pytest.mark.parametrize("text", ["", "<opnsense>", RICH[:-20], RICH[: len(RICH) // 2], "<pfsense/>", "<opnsense/>"])
def test_cut_off_or_foreign_file_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        opnsense.parse([source(text)])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(RICH)), st.integers(0, 40), st.text(max_size=8))
def test_mutated_file_gives_a_device_or_a_clear_error(start: int, length: int, inserted: str) -> None:
    mutated = RICH[:start] + inserted + RICH[start + length :]
    try:
        (found,) = opnsense.parse([SourceFile("x.xml", mutated, "")])
    except ParseError:
        return
    assert found.vendor == "opnsense"
    assert chain(found).default == "deny"


def test_cyclic_and_deep_aliases_are_bounded() -> None:
    aliases = "".join(
        f'<alias uuid="{n}"><enabled>1</enabled><name>A{n}</name><type>host</type><content>A{n + 1}</content></alias>'
        for n in range(300)
    )
    cycle = '<alias uuid="z"><enabled>1</enabled><name>A300</name><type>host</type><content>A0\n10.10.0.77</content></alias>'
    tree = f"<Alias><aliases>{aliases}{cycle}</aliases></Alias>"
    found = device(config("", new(to("A0")), tree=tree))
    assert ask(found, "10.10.0.5", "203.0.113.9").verdict == "undetermined"
