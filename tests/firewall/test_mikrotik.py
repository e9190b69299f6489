"""MikroTik RouterOS: the script language, the chains, and what the rules demand beyond addresses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.facts import Chain, Device, Rule
from checks.firewall.parsers import mikrotik
from checks.firewall.parsers.registry import VENDORS, parser_of
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "mikrotik"

HEADER = "# 2026-03-02 10:11:12 by RouterOS 7.16.1\n# software id = ABCD-EFGH\n#\n# model = RB4011iGS+\n"
EXPORT = (
    HEADER
    + """\
/interface bridge
add name=bridge-soins comment="R\\C3\\A9seau des soins"
/interface ethernet
set [ find default-name=ether1 ] name=wan1
/interface wireguard
add listen-port=51820 name=wg-siege private-key="SECRETKEY1234567890="
/interface list
add name=WAN
add name=LAN
add include=LAN,WAN name=TOUT
/interface list member
add interface=wan1 list=WAN
add interface=bridge-soins list=LAN
add disabled=yes interface=ether9 list=LAN
/ip address
add address=10.20.0.1/16 interface=bridge-soins network=10.20.0.0
add address=192.0.2.2/29 interface=wan1 network=192.0.2.0
/ip firewall address-list
add address=10.20.1.10 list=SERVEURS
add address=10.20.1.16/28 list=SERVEURS
add address=update.example list=MAJ
add address=10.99.0.1 list=TEMPORAIRE timeout=1d
add address=10.20.7.7 list=BANNIS
/ip firewall filter
add action=fasttrack-connection chain=forward connection-state=\\
    established,related hw-offload=yes
add action=accept chain=forward comment="defconf: accept established" \\
    connection-state=established,related,untracked
add action=drop chain=forward connection-state=invalid
add action=jump chain=forward in-interface-list=LAN jump-target=soins
add action=add-src-to-address-list address-list=BANNIS chain=forward dst-port=23 protocol=tcp
add action=drop chain=forward src-address-list=BANNIS
add action=drop chain=forward connection-nat-state=!dstnat connection-state=new in-interface-list=WAN log=yes
add action=accept chain=soins dst-address-list=SERVEURS dst-port=443,8443 protocol=tcp
add action=return chain=soins dst-port=53 protocol=udp
add action=reject chain=soins dst-address=10.0.0.0/8 reject-with=icmp-network-unreachable
add action=accept chain=input connection-state=established,related
add action=accept chain=input in-interface-list=LAN
add action=accept chain=input icmp-options=8:0 protocol=icmp
add action=drop chain=input
/ip firewall nat
add action=masquerade chain=srcnat out-interface-list=WAN
add action=dst-nat chain=dstnat dst-port=443 in-interface=wan1 protocol=tcp to-addresses=10.20.1.10 to-ports=8443
add action=accept chain=srcnat dst-address=10.30.0.0/16
/ip service
set telnet disabled=yes
set ftp disabled=yes
set www address=10.20.0.0/16
set api disabled=yes
set api-ssl disabled=yes
set winbox address=10.20.0.0/16
/ip route
add dst-address=0.0.0.0/0 gateway=192.0.2.1
/system identity
set name=MT-TILLEULS
"""
)


def source(text: str, name: str = "routeur.rsc") -> SourceFile:
    return decode(name, text.encode())


def parsed(text: str) -> Device:
    (device,) = mikrotik.parse([source(text)])
    return device


def filters(lines: str, before: str = "") -> Device:
    return parsed(HEADER + before + "/ip firewall filter\n" + lines)


def chain(device: Device, name: str) -> Chain:
    return next(one for one in device.chains if one.name == name)


def rule(device: Device, ref: str) -> Rule:
    return next(rule for one in device.chains for rule in one.rules if rule.ref == ref)


def verdict(
    device: Device, src: str, dst: str, port: int = 80, *, hook: str = "forward", **more: object
) -> tuple[str, str]:
    found = decide(device, Packet(src, dst, port=port, **more), hook)  # type: ignore[arg-type]
    return found.verdict, found.entry.rule.ref if found.entry else ""


@pytest.fixture(scope="module")
def export() -> Device:
    return parsed(EXPORT)


def test_identity_and_completeness(export: Device) -> None:
    assert (export.name, export.firmware, export.product) == ("MT-TILLEULS", "7.16.1", "MikroTik RB4011iGS+")
    assert not export.not_understood
    assert [one.name for one in export.chains if one.hook and one.families == (4,)] == ["forward", "input", "output"]


def test_continued_lines_keep_the_line_of_their_beginning(export: Device) -> None:
    first, second = chain(export, "forward").rules[:2]
    lines = EXPORT.split("\n")
    assert lines[first.line - 1].startswith("add action=fasttrack")
    assert lines[second.line - 1].startswith('add action=accept chain=forward comment="defconf')
    assert second.state == ("established", "related", "untracked")
    assert second.comment == "defconf: accept established"


@pytest.fixture(scope="module")
def steady() -> Device:
    """The same router without the list that fills up while it runs."""
    return parsed("\n".join(line for line in EXPORT.split("\n") if "BANNIS" not in line))


def test_end_of_a_base_chain_accepts_and_of_a_called_chain_goes_back(steady: Device) -> None:
    assert verdict(steady, "10.20.0.9", "203.0.113.9", in_zone="bridge-soins", out_zone="wan1") == ("permit", "défaut")
    assert chain(steady, "soins").default == "return"
    assert chain(steady, "soins").hook == ""


def test_first_decision_of_a_called_chain_wins(steady: Device) -> None:
    lan = {"in_zone": "bridge-soins"}
    assert verdict(steady, "10.20.0.9", "10.20.1.20", 8443, **lan) == ("permit", "soins 1")
    assert verdict(steady, "10.20.0.9", "10.30.0.1", 8443, **lan) == ("deny", "soins 3")
    assert verdict(steady, "10.20.0.9", "10.30.0.1", 53, protocol="udp", **lan) == ("permit", "défaut")


def test_what_does_not_decide(export: Device) -> None:
    assert rule(export, "forward 1").action == "none"
    assert rule(export, "forward 5").action == "none"
    device = filters(
        "add action=passthrough chain=forward\nadd action=log chain=forward\nadd action=drop chain=forward\n"
    )
    assert verdict(device, "10.0.0.1", "10.0.0.2") == ("deny", "forward 3")
    assert rule(device, "forward 2").log is True
    assert rule(device, "forward 3").log is False


def test_disabled_rule_does_nothing() -> None:
    device = filters("add action=drop chain=forward disabled=yes\n")
    assert rule(device, "forward 1").enabled is False
    assert verdict(device, "10.0.0.1", "10.0.0.2") == ("permit", "défaut")


def test_a_published_connection_escapes_not_dstnat(export: Device) -> None:
    assert rule(export, "forward 7").translated == ("-",)
    wan = {"in_zone": "wan1", "out_zone": "bridge-soins"}
    assert verdict(export, "198.51.100.1", "10.20.1.10", 8443, **wan) == ("deny", "forward 7")
    device = filters(
        "add action=accept chain=forward connection-nat-state=dstnat\n"
        "add action=drop chain=forward connection-nat-state=!dstnat\n"
    )
    assert verdict(device, "198.51.100.1", "10.20.1.10") == ("deny", "forward 2")
    assert verdict(device, "198.51.100.1", "10.20.1.10", translated="dst-nat") == ("permit", "forward 1")


def test_lists_filled_while_running_are_uncertain(export: Device) -> None:
    cell = export.addresses[rule(export, "forward 6").source]
    assert cell.ranges == ("10.20.7.7",)
    assert cell.unresolved == ("dynamique:BANNIS",)
    assert verdict(export, "10.20.7.7", "203.0.113.1", in_zone="ailleurs") == ("deny", "forward 6")
    assert verdict(export, "10.20.7.8", "203.0.113.1", in_zone="ailleurs")[0] == "undetermined"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("add list=L address=update.example\n", "fqdn:update.example"),
        ("add list=L address=10.0.0.2 timeout=1h\n", "temporaire:10.0.0.2"),
        ("add list=AUTRE address=10.0.0.2\n", "absent:L"),
    ],
)
def test_lists_that_prove_nothing(entries: str, reason: str) -> None:
    device = filters("add action=drop chain=forward dst-address-list=L\n", "/ip firewall address-list\n" + entries)
    assert device.addresses[rule(device, "forward 1").destination].unresolved == (reason,)
    assert verdict(device, "10.0.0.1", "10.0.0.2")[0] == "undetermined"


def test_list_changed_by_a_script_is_uncertain() -> None:
    device = filters(
        "add action=drop chain=forward dst-address-list=L\n",
        '/ip firewall address-list\nadd list=L address=10.0.0.9\n/system script\nadd name=maj source="/ip firewall address-list add list=L"\n',
    )
    assert verdict(device, "10.0.0.1", "10.0.0.9") == ("deny", "forward 1")
    assert verdict(device, "10.0.0.1", "10.0.0.8")[0] == "undetermined"


def test_disabled_list_entry_does_not_belong() -> None:
    device = filters(
        "add action=drop chain=forward dst-address-list=L\n",
        "/ip firewall address-list\nadd list=L address=10.0.0.9 disabled=yes\n",
    )
    assert verdict(device, "10.0.0.1", "10.0.0.9") == ("permit", "défaut")


def test_negations() -> None:
    device = filters(
        "add action=accept chain=forward src-address=!10.0.0.0/8\n"
        "add action=accept chain=forward dst-port=!22 protocol=tcp\n"
        "add action=accept chain=forward in-interface=!ether1 protocol=!tcp\n"
        "add action=drop chain=forward\n"
    )
    assert verdict(device, "192.168.0.1", "10.0.0.1", 22) == ("permit", "forward 1")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 23) == ("permit", "forward 2")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 22) == ("deny", "forward 4")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 22, protocol="udp", in_zone="ether2") == ("permit", "forward 3")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 22, protocol="udp", in_zone="ether1") == ("deny", "forward 4")


def test_address_and_list_of_one_side_add_up() -> None:
    device = filters(
        "add action=drop chain=forward src-address=10.0.0.0/24 src-address-list=L\n",
        "/ip firewall address-list\nadd list=L address=10.0.0.5\nadd list=L address=10.9.0.5\n",
    )
    assert verdict(device, "10.0.0.5", "10.1.1.1") == ("deny", "forward 1")
    assert verdict(device, "10.9.0.5", "10.1.1.1") == ("permit", "défaut")


def test_ports_of_either_side() -> None:
    device = filters(
        "add action=drop chain=forward port=53 protocol=udp\nadd action=drop chain=forward src-port=123 dst-port=9 protocol=udp\n"
    )
    assert verdict(device, "10.0.0.1", "10.0.0.2", 53, protocol="udp") == ("deny", "forward 1")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 99, protocol="udp", source_port=53) == ("deny", "forward 1")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 9, protocol="udp", source_port=123) == ("deny", "forward 2")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 9, protocol="udp") == ("permit", "défaut")


def test_icmp_types(export: Device) -> None:
    assert export.services[rule(export, "input 3").services].services == ("icmp/8/0",)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("limit=10,5:packet", "limite de débit : 10,5:packet"),
        ("time=8h-18h,mon,tue", "horaire : 8h-18h,mon,tue"),
        ("layer7-protocol=jeux", "protocole de niveau 7 : jeux"),
        ("src-mac-address=00:11:22:33:44:55", "adresse matérielle : 00:11:22:33:44:55"),
        ("connection-nat-state=srcnat", "translation : srcnat"),
        ("in-interface-list=ABSENTE", "liste d'interfaces non résolue : ABSENTE"),
        ("in-interface=all-ppp", "interface : all-ppp"),
        ("future-matcher=42", "directive non comprise : future-matcher"),
    ],
)
def test_conditions_keep_a_rule_from_proving_anything(words: str, condition: str) -> None:
    device = filters(f"add action=drop chain=forward {words}\n")
    assert rule(device, "forward 1").conditions == (condition,)
    assert verdict(device, "10.0.0.1", "10.0.0.2")[0] == "undetermined"
    assert bool(device.not_understood) == words.startswith("future")


def test_unset_and_empty_properties_of_a_verbose_export_are_nothing() -> None:
    device = filters(
        'add action=drop chain=forward !connection-mark !limit log=no log-prefix="" src-address="" dst-port=""\n'
    )
    assert rule(device, "forward 1").conditions == ()
    assert verdict(device, "10.0.0.1", "10.0.0.2") == ("deny", "forward 1")


def test_unknown_action_makes_the_chain_uncertain() -> None:
    device = filters("add action=teleport chain=forward\nadd action=drop chain=forward\n")
    assert not chain(device, "forward").exact
    assert chain(device, "input").exact
    assert device.not_understood[0].line == 6
    assert verdict(device, "10.0.0.1", "10.0.0.2")[0] == "undetermined"


def test_interface_lists_become_their_members(export: Device) -> None:
    assert rule(export, "forward 4").in_zones == ("bridge-soins",)
    device = filters(
        "add action=drop chain=forward in-interface-list=!TOUT\n",
        "/interface list\nadd name=A include=B\nadd name=B\nadd name=TOUT include=A exclude=C\nadd name=C\n"
        "/interface list member\nadd list=B interface=e1\nadd list=A interface=e2\nadd list=C interface=e2\n",
    )
    found = rule(device, "forward 1")
    assert (found.in_zones, found.in_negated) == (("e1",), True)


def test_interface_lists_that_hold_themselves_or_fill_up_are_conditions() -> None:
    for before in (
        "/interface list\nadd name=L include=M\nadd name=M include=L\n",
        "/interface list\nadd name=L\n/interface list member\nadd list=L interface=e1\n/ppp profile\nset [find name=default] interface-list=L\n",
    ):
        device = filters("add action=drop chain=forward in-interface-list=L\n", before)
        assert rule(device, "forward 1").conditions == ("liste d'interfaces non résolue : L",)


def test_place_before_set_and_remove_change_the_table() -> None:
    device = filters(
        'add action=drop chain=forward comment="fin"\n'
        'add action=accept chain=forward comment="web" dst-port=80 protocol=tcp place-before=[find comment="fin"]\n'
        "add action=accept chain=forward comment=ssh dst-port=22 protocol=tcp place-before=0\n"
        "add action=accept chain=forward comment=perdu\n"
        "set [find comment=ssh] dst-port=2222\n"
        "disable [find comment=web]\n"
        "remove [find comment=perdu]\n"
    )
    found = chain(device, "forward")
    assert [one.comment for one in found.rules] == ["ssh", "web", "fin"]
    assert [one.enabled for one in found.rules] == [True, False, True]
    assert device.services[found.rules[0].services].services == ("tcp/2222",)
    assert found.exact
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80) == ("deny", "forward 3")


def test_move_puts_a_rule_before_another() -> None:
    device = filters("add action=drop chain=forward comment=a\nadd action=accept chain=forward comment=b\nmove 1 0\n")
    assert [one.comment for one in chain(device, "forward").rules] == ["b", "a"]


@pytest.mark.parametrize(
    "line",
    [
        'set [find comment~"web"] disabled=yes',
        "set [find comment=inconnu] disabled=yes",
        "remove 7",
        "add action=accept chain=forward place-before=[find comment=inconnu]",
        ":foreach r in=[/ip firewall filter find] do={ /ip firewall filter disable $r }",
    ],
)
def test_commands_that_cannot_be_carried_out_make_the_table_uncertain(line: str) -> None:
    device = filters(f"add action=drop chain=forward\n{line}\n")
    assert device.not_understood[0].line == 7
    assert not chain(device, "forward").exact
    assert verdict(device, "10.0.0.1", "10.0.0.2")[0] == "undetermined"


def test_commands_inside_a_block_are_not_carried_out() -> None:
    device = filters(
        "add action=drop chain=forward\n:if ($x = 1) do={\n/ip firewall filter add action=accept chain=forward place-before=0\n}\n"
    )
    assert len(chain(device, "forward").rules) == 1
    assert not chain(device, "forward").exact


def test_terse_and_slash_paths() -> None:
    device = parsed(
        HEADER
        + "/ip firewall filter add action=drop chain=forward\n/ip/firewall/filter/add action=accept chain=input\n/ip/firewall/filter\nadd action=drop chain=input\n"
    )
    assert [len(chain(device, name).rules) for name in ("forward", "input")] == [1, 2]


def test_raw_drops_come_first_and_read_the_address_before_translation() -> None:
    raw = "/ip firewall raw\nadd action=drop chain=prerouting src-address=10.66.0.0/16\nadd action=accept chain=prerouting\nadd action=drop chain=prerouting dst-address=10.0.0.2\n"
    device = filters("add action=accept chain=forward\n", raw)
    assert verdict(device, "10.66.0.1", "10.0.0.2") == ("deny", "raw prerouting 1")
    assert verdict(device, "10.66.0.1", "10.0.0.2", hook="input") == ("deny", "raw prerouting 1")
    assert verdict(device, "10.0.0.1", "10.0.0.2") == ("permit", "forward 1")
    assert rule(device, "raw prerouting 3").conditions == ()
    published = filters("", raw + "/ip firewall nat\nadd action=dst-nat chain=dstnat to-addresses=10.0.0.2\n")
    assert rule(published, "raw prerouting 3").conditions == ("destination lue avant translation",)


def test_ipv6_has_its_own_chains() -> None:
    device = parsed(
        EXPORT + "/ipv6 firewall address-list\nadd list=S address=2001:db8::/48\n/ipv6 firewall filter\n"
        "add action=drop chain=forward dst-address-list=S\nadd action=jump chain=forward jump-target=soins\n"
    )
    assert verdict(device, "2001:db8:1::1", "2001:db8::1") == ("deny", "ipv6 forward 1")
    assert rule(device, "ipv6 forward 2").target == "ipv6 soins"
    assert verdict(device, "2001:db8:1::1", "2001:db8:1::2") == ("permit", "défaut")


def test_ipv6_without_rules_is_open_since_version_7(export: Device) -> None:
    assert verdict(export, "2001:db8:1::1", "2001:db8::1") == ("permit", "défaut")
    older = parsed(EXPORT.replace("RouterOS 7.16.1", "RouterOS 6.49.10"))
    assert not [one for one in older.chains if 6 in one.families]
    assert any("IPv6" in limit for limit in older.limits)
    assert parsed(EXPORT + "/ipv6 settings\nset disable-ipv6=yes\n").ipv6 == "off"


def test_script_without_header_may_meet_other_rules() -> None:
    device = parsed("/ip firewall filter\nadd action=drop chain=forward dst-port=23 protocol=tcp\n")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 23) == ("deny", "forward 1")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80)[0] == "undetermined"
    assert any("n'est pas un /export" in limit for limit in device.limits)


def test_translations(export: Device) -> None:
    out, published = export.nat
    assert (out.kind, out.ref) == ("source", "nat srcnat 1")
    assert (published.kind, published.to_address, published.to_ports, published.in_zones) == (
        "destination", "10.20.1.10", "8443", ("wan1",),
    )  # fmt: skip
    assert published.permits is False


def test_interfaces_and_who_answers_on_them(export: Device) -> None:
    found = {one.name: one for one in export.interfaces}
    assert found["wan1"].default_route
    assert (found["wan1"].role, found["bridge-soins"].role) == ("wan", "lan")
    assert found["bridge-soins"].title == "Réseau des soins"
    assert found["bridge-soins"].networks == ("10.20.0.0/16",)
    assert found["wan1"].management == ()
    assert found["bridge-soins"].management == ("http", "ssh", "winbox")
    assert found["bridge-soins"].management_restricted is False
    open_device = parsed(EXPORT.replace("add action=drop chain=input\n", ""))
    assert {one.name: one.management for one in open_device.interfaces}["wan1"] == ("http", "ssh", "winbox")


def test_services_are_unknown_when_only_the_firewall_is_exported() -> None:
    device = filters("add action=drop chain=input\n")
    assert all(one.management is None for one in device.interfaces)
    assert any("toute la configuration" in limit for limit in device.limits)


ACCOUNTS = """\
/user
add name=presta group=full password="MotDePasse!" address=10.20.0.0/16
set [find name=admin] password=Secret99
/ppp secret
add name=medecin password=Tilleuls2026 service=l2tp
/interface l2tp-server server
set enabled=yes ipsec-secret=CleTresSecrete use-ipsec=required
/interface pptp-server server
set enabled=yes
/ip ipsec profile
set [ find default=yes ] dh-group=modp1024 enc-algorithm=3des hash-algorithm=md5
add name=siege dh-group=modp2048,ecp256 enc-algorithm=aes-256 hash-algorithm=sha256
/ip ipsec peer
add address=192.0.2.77/32 name=siege profile=siege exchange-mode=ike2
add name=nomades passive=yes exchange-mode=aggressive
/ip ipsec proposal
add name=p-siege enc-algorithms=aes-256-gcm auth-algorithms=null pfs-group=none
/ip ipsec policy
add peer=siege proposal=p-siege src-address=10.20.0.0/16 dst-address=10.30.0.0/16
/ip ipsec identity
add peer=siege secret="PSKdeSiege"
/snmp community
set [ find default=yes ] name=communaute-secrete
/snmp
set enabled=yes
"""


def test_accounts_and_tunnels_without_their_secrets() -> None:
    device = parsed(EXPORT + ACCOUNTS)
    assert not isinstance(device.administrators, Gap)
    admins = {one.name: one for one in device.administrators}
    assert admins["presta"].restricted
    assert admins["presta"].full_rights
    assert admins["admin"].factory
    assert not isinstance(device.users, Gap)
    assert [one.name for one in device.users] == ["medecin"]
    assert not isinstance(device.vpns, Gap)
    tunnels = {one.name: one for one in device.vpns}
    assert tunnels["pptp-server"].enabled
    assert tunnels["l2tp-server"].remote_access
    site = tunnels["siege"]
    assert (site.encryption, site.dh_groups, site.ike_versions, site.pfs) == (
        ("aes256", "aes256gcm"),
        (14, 19),
        (2,),
        False,
    )
    assert site.authentication == "psk"
    assert tunnels["nomades"].aggressive
    assert tunnels["nomades"].remote_access
    raw = msgspec.json.encode(device).decode()
    for secret in (
        "MotDePasse",
        "Secret99",
        "Tilleuls2026",
        "CleTresSecrete",
        "PSKdeSiege",
        "communaute-secrete",
        "SECRETKEY",
    ):
        assert secret not in raw


def test_accounts_are_not_part_of_an_ordinary_export(export: Device) -> None:
    assert isinstance(export.administrators, Gap)


def test_captive_portal_rules_are_not_shown() -> None:
    device = filters(
        "add action=accept chain=forward\n", "/ip hotspot\nadd interface=wifi name=visiteurs disabled=no\n"
    )
    assert verdict(device, "10.0.0.1", "10.0.0.2", in_zone="wifi")[0] == "undetermined"
    assert verdict(device, "10.0.0.1", "10.0.0.2", in_zone="autre") == ("permit", "forward 1")


@pytest.mark.parametrize(
    "cut",
    [
        "add action=drop chain=forward \\",
        'add action=drop comment="coupé',
        "set [ find default=yes",
        ":if (true) do={\nadd action=drop chain=input",
    ],
)
def test_cut_scripts_are_refused(cut: str) -> None:
    with pytest.raises(ParseError, match=r"coupé|refermé"):
        filters(cut + "\n" if cut.endswith("input") else cut)


def test_quoted_text_may_span_lines_and_hold_marks() -> None:
    device = filters(
        'add action=drop chain=forward comment="a # b = [c]\nsuite \\"d\\""\nadd action=accept chain=forward\n'
    )
    assert [one.line for one in chain(device, "forward").rules] == [6, 8]
    assert chain(device, "forward").rules[0].comment.startswith("a # b = [c]")


def test_only_this_vendor_recognises_a_script() -> None:
    here = Path(mikrotik.__file__).parent
    claimed = [one for one in VENDORS if (here / f"{one}.py").exists() and parser_of(one).recognise(source(EXPORT))]
    assert claimed == ["mikrotik"]
    assert not mikrotik.recognise(source("*filter\n:INPUT DROP [0:0]\nCOMMIT\n"))
    assert not mikrotik.recognise(source("config firewall policy\n    edit 1\n"))


def test_large_script_is_read_in_linear_time() -> None:
    lines = "".join(
        f"add action=accept chain=forward dst-address=10.{n // 250 % 250}.{n % 250}.0/24 dst-port={n % 60000} protocol=tcp\n"
        for n in range(20_000)
    )
    device = filters(lines)
    assert len(chain(device, "forward").rules) == 20_000


def test_endless_lookups_are_refused() -> None:
    with pytest.raises(ParseError, match="trop de recherches"):
        filters("add chain=forward action=accept comment=a\n" * 5_000 + "set [find comment=b] disabled=yes\n" * 5_000)


PIECES = st.sampled_from(
    ["/ip firewall filter\n", "add ", "set ", "[find ", "]", "chain=forward ", "action=drop ", '"', "\\\n", "\n", "{", "}", ":if ", "comment=", "!", "remove 0\n",
     "move 0 1\n", "place-before=0 ", "src-address=10.0.0.0/8 ", "src-address-list=A ", "/interface list\n", "add name=A include=A\n", "# by RouterOS 7\n", "=", " "]
)  # fmt: skip


@settings(deadline=2000, max_examples=200)
@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        file = source(text)
        mikrotik.recognise(file)
        (device,) = mikrotik.parse([file])
    except ParseError:
        return
    assert device.chains


@settings(deadline=4000, max_examples=100)
@given(st.integers(0, len(EXPORT)), st.integers(0, 80), st.text(max_size=12))
def test_mutated_exports_are_read_or_refused(at: int, size: int, new: str) -> None:
    try:
        (device,) = mikrotik.parse([source(EXPORT[:at] + new + EXPORT[at + size :])])
    except ParseError:
        return
    assert {one.name for one in device.chains} >= {"forward", "input", "output"}


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
@pytest.mark.parametrize(
    ("name", "rules"), [("initial-provisioning.rsc", 11), ("scenarios__internet-whitelist-no-error.rsc", 5)]
)
def test_samples_hold_what_their_list_states(name: str, rules: int) -> None:
    file = decode(name, (CORPUS / name).read_bytes())
    assert mikrotik.recognise(file)
    (device,) = mikrotik.parse([file])
    assert sum(len(one.rules) for one in device.chains) == rules
    assert not device.not_understood
    assert "ChangeMe123" not in msgspec.json.encode(device).decode()
