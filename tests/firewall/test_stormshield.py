"""Stormshield SNS: every written form of the rules, the order of evaluation, and what stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.anomalies import find_anomalies
from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.facts import Device, Rule
from checks.firewall.parsers import stormshield
from checks.firewall.parsers.registry import VENDORS, parser_of
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from tests import corpus

CORPUS = corpus.CORPUS / "firewall"

SLOT = """\
[Filter]
separator color="c0c0c0" comment="Administration" collapse="0"
pass log from Network_in on in to Firewall_in port https|ssh\t# Créée le 2025-03-02 10:11:12, par admin (10.20.0.5)
separator color="c0c0c0" comment="Flux des soins" collapse="0"
pass inspection ips urlfiltering:0,antivirus from LAN_SOINS to SRV_DPI port https # DPI
pass inspection firewall from LAN_SOINS to SRV_FICHIERS port 445
off pass from any to any # test 2019
decrypt from LAN_SOINS to internet port https
pass from LAN_SOINS to any port http
block log from WIFI_RESIDENTS to LAN_SOINS
reset from any to SRV_DPI port telnet
pass from WIFI_RESIDENTS to any
block from any to any

[NAT]
nat from LAN_SOINS to internet on out -> from Firewall_out port ephemeral_fw to original # sortie
nat from any on out to Firewall_out port https -> from original to SRV_DPI port 8443 # publication
"""
OBJECTS = """\
#type,#name,#ip,#ipv6,#resolve,#mac,#comment
host,SRV_DPI,10.20.1.10,,static,,"Dossier de l'usager"
host,SRV_FICHIERS,10.20.1.11,2001:db8:20::11,static,,""
host,MAJ,10.99.0.1,,dynamic,,""
host,IMPRIMANTE,10.20.3.4,,static,00:11:22:33:44:55,""
host,Firewall_in,10.20.0.1,,,,""
host,Firewall_out,192.0.2.1,,,,""
#type,#name,#ip,#mask,#prefixlen,#ipv6,#prefixlenv6,#comment
network,LAN_SOINS,10.20.0.0,255.255.0.0,16,,,"Soins"
network,WIFI_RESIDENTS,10.50.0.0,255.255.0.0,16,,,""
network,Network_in,10.20.0.0,255.255.255.0,24,,,""
#type,#name,#begin,#end,#beginv6,#endv6,#beginmac,#endmac,#comment
range,POOL,10.20.2.10,10.20.2.20,,,,,""
#type,#name,#elements,#comment
group,Network_internals,"LAN_SOINS,WIFI_RESIDENTS",""
group,INCONNU,"SRV_DPI,ABSENT",""
group,INUTILE,"POOL",""
#type,#name,#proto,#port,#toport,#comment
service,https,tcp,443,,""
service,http,tcp,80,,""
service,ssh,tcp,22,,""
service,telnet,tcp,23,,""
service,dns,any,53,,""
service,ephemeral_fw,tcp,20000,59999,""
#type,#name,#elements,#comment
servicegroup,web,"http,https",""
"""
EXPLICIT = """\
SRPClient>CONFIG FILTER EXPLICIT index=5 type=filter
101 code=00a01000 msg="Begin" format="list"
[Filter]
position=1; separator color="c0c0c0" comment="Flux" collapse="0" nb_elements="3" first_ruleid="1"
position=2; usage=3 match=24994 ruleid=1: pass log from group="soins"@LAN_SOINS domain tilleuls to SRV_DPI port https
position=3; usage=0 match=0 ruleid=2: pass tos 8 from LAN_SOINS to outlook.office365.com # Créée le 2016-06-23
position=4; usage=0 match=7 ruleid=3: block from any to any
100 code=00a00100 msg="Ok"
"""


def source(text: str, name: str = "sns.txt") -> SourceFile:
    return decode(name, text.encode())


def parsed(*texts: str) -> Device:
    (device,) = stormshield.parse([source(text, f"f{number}.txt") for number, text in enumerate(texts)])
    return device


def rules(device: Device, chain: str = "Politique locale") -> dict[str, Rule]:
    return {rule.ref: rule for one in device.chains if one.name.startswith(chain) for rule in one.rules}


def verdict(device: Device, src: str, dst: str, port: int, *, hook: str = "forward", **more: object) -> tuple[str, str]:
    found = decide(device, Packet(src, dst, port=port, **more), hook)  # type: ignore[arg-type]
    return found.verdict, found.entry.rule.ref if found.entry else ""


@pytest.fixture(scope="module")
def slot() -> Device:
    return parsed(SLOT, OBJECTS)


def test_slot_keeps_order_lines_sections_and_comments(slot: Device) -> None:
    found = rules(slot)
    assert list(found) == [str(number) for number in range(1, 11)]
    assert found["1"].line == 3
    assert found["1"].section == "Administration"
    assert found["2"].section == "Flux des soins"
    assert found["1"].comment == "Créée le 2025-03-02 10:11:12, par admin (10.20.0.5)"
    assert [found[ref].action for ref in ("1", "5", "7", "8")] == ["permit", "none", "deny", "deny"]
    assert not slot.not_understood


def test_first_match_wins_and_the_end_refuses(slot: Device) -> None:
    assert verdict(slot, "10.20.5.5", "10.20.1.10", 443) == ("permit", "2")
    assert verdict(slot, "10.50.0.9", "10.20.1.10", 443) == ("deny", "7")
    assert verdict(slot, "10.50.0.9", "203.0.113.5", 443) == ("permit", "9")
    assert verdict(slot, "10.20.5.5", "10.20.1.10", 23) == ("deny", "8")


def test_what_no_rule_describes_is_refused() -> None:
    device = parsed("[Filter]\npass from LAN_SOINS to SRV_DPI port https\n", OBJECTS)
    assert verdict(device, "10.50.0.1", "10.20.1.10", 443) == ("deny", "défaut")
    base = next(chain for chain in device.chains if chain.hook == "forward")
    assert base.default == "deny"
    assert base.default_log is False


def test_off_rule_does_nothing_and_decrypt_goes_on(slot: Device) -> None:
    found = rules(slot)
    assert found["4"].enabled is False
    assert found["5"].action == "none"
    assert verdict(slot, "10.20.5.5", "203.0.113.5", 443) == ("deny", "10")
    assert verdict(slot, "10.20.5.5", "203.0.113.5", 80) == ("permit", "6")


def test_log_action_goes_on() -> None:
    device = parsed("[Filter]\nlog from any to any\npass from any to any\n")
    assert [rule.action for rule in rules(device).values()] == ["none", "permit"]
    assert verdict(device, "10.0.0.1", "10.0.0.2", 443) == ("permit", "2")


def test_interface_of_the_source_limits_the_rule(slot: Device) -> None:
    assert rules(slot)["1"].in_zones == ("in",)
    assert {one.name for one in slot.interfaces} == {"in"}
    device = parsed("[Filter]\npass from any on out to any on dmz port 80\nblock from any to any\n")
    assert verdict(device, "1.2.3.4", "10.0.0.1", 80, in_zone="out", out_zone="dmz")[0] == "permit"
    assert verdict(device, "1.2.3.4", "10.0.0.1", 80, in_zone="wifi", out_zone="dmz") == ("deny", "2")


def test_inspection_and_logs(slot: Device) -> None:
    found = rules(slot)
    assert found["2"].profiles == ("ips", "antivirus", "urlfiltering")
    assert found["3"].profiles == ()
    assert found["9"].profiles == ("ips",)
    assert found["7"].profiles is None
    assert (found["1"].log, found["2"].log, found["7"].log, found["8"].log) == (True, None, True, False)


def test_negation_in_a_cell(slot: Device) -> None:
    device = parsed("[Filter]\npass from LAN_SOINS to !WIFI_RESIDENTS\nblock from any to any\n", OBJECTS)
    assert verdict(device, "10.20.0.9", "10.50.1.1", 443) == ("deny", "2")
    assert verdict(device, "10.20.0.9", "10.60.1.1", 443) == ("permit", "1")
    both = parsed("[Filter]\npass from LAN_SOINS to !WIFI_RESIDENTS|POOL\nblock from any to any\n", OBJECTS)
    assert verdict(both, "10.20.0.9", "10.60.1.1", 443) == ("permit", "1")
    assert verdict(both, "10.20.0.9", "10.20.2.15", 443)[0] == "undetermined"


def test_internet_is_everything_but_the_internal_networks(slot: Device) -> None:
    device = parsed("[Filter]\npass from LAN_SOINS to internet\nblock from any to any\n", OBJECTS)
    assert verdict(device, "10.20.0.9", "203.0.113.1", 443) == ("permit", "1")
    assert verdict(device, "10.20.0.9", "10.50.0.1", 443) == ("deny", "2")
    without = parsed("[Filter]\npass from any to internet\nblock from any to any\n")
    assert verdict(without, "10.20.0.9", "203.0.113.1", 443)[0] == "undetermined"


def test_names_without_the_object_base_prove_nothing() -> None:
    device = parsed("[Filter]\nblock from RESIDENTS to SOINS\npass from any to any\n")
    assert verdict(device, "10.0.0.1", "10.0.0.2", 445)[0] == "undetermined"
    cell = device.addresses[rules(device)["1"].source]
    assert cell.names == ("RESIDENTS",)
    assert cell.unresolved == ("absent:RESIDENTS",)
    assert any("base d'objets" in limit for limit in device.limits)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MAJ", "fqdn:MAJ"),
        ("IMPRIMANTE", "mac:IMPRIMANTE"),
        ("INCONNU", "absent:absent"),
        ("update.fr", "absent:update.fr"),
    ],
)
def test_objects_whose_content_may_change_are_never_certain(name: str, reason: str) -> None:
    device = parsed(f"[Filter]\nblock from any to {name}\npass from any to any\n", OBJECTS)
    assert device.addresses[rules(device)["1"].destination].unresolved == (reason,)
    assert verdict(device, "10.0.0.1", "10.20.3.4", 80)[0] == "undetermined"


def test_names_are_compared_without_case() -> None:
    device = parsed("[Filter]\npass from lan_soins to srv_dpi port HTTPS\n", OBJECTS)
    assert verdict(device, "10.20.0.9", "10.20.1.10", 443) == ("permit", "1")


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("pass schedule NUIT from any to any", "horaire : NUIT"),
        ("pass tos 8 from any to any", "champ DSCP : 8"),
        ("pass from any to any via ipsec", "via : ipsec"),
        ("pass proto http from any to any", "protocole applicatif : http"),
        ('pass from user="j.martin"@any to any', "utilisateur : j.martin"),
        ("pass fwservice webportal from any to any", "service du pare-feu : webportal"),
        ("pass magie from any to any", "directive non comprise : magie"),
        ("pass from any sous-marin to any", "directive non comprise : sous-marin"),
    ],
)
def test_what_narrows_a_rule_keeps_it_from_proving_anything(words: str, condition: str) -> None:
    device = parsed(f"[Filter]\n{words}\nblock from any to any\n")
    assert rules(device)["1"].conditions == (condition,)
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80)[0] == "undetermined"


def test_unknown_directive_is_listed_with_its_line() -> None:
    device = parsed("[Filter]\npass from any to any\nblock magie from any to any\n")
    (found,) = device.not_understood
    assert (found.line, found.text) == (3, "magie")


@pytest.mark.parametrize(
    "words", ["settos 24", "route PASSERELLE", "count", "synproxy", "qosid SOINS", "noconnlog disk"]
)
def test_what_does_not_narrow_a_rule_is_no_condition(words: str) -> None:
    device = parsed(f"[Filter]\npass {words} from any to any\n")
    assert rules(device)["1"].conditions == ()
    assert not device.not_understood


def test_unreadable_line_of_a_list_makes_its_chain_uncertain() -> None:
    device = parsed("[Filter]\npass from any to any\nn'importe quoi\nblock from any to any\n")
    chain = next(one for one in device.chains if one.name == "Politique locale")
    assert not chain.exact
    assert device.not_understood[0].line == 3
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80)[0] == "undetermined"


def test_delegate_outside_the_global_policy_is_not_understood() -> None:
    device = parsed("[Filter]\ndeleg from any to any\npass from any to any\n")
    assert device.not_understood
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80)[0] == "undetermined"


def test_explicit_list_of_the_command_line() -> None:
    device = parsed(EXPLICIT)
    found = rules(device)
    assert list(found) == ["1", "2", "3"]
    assert (found["1"].hits, found["3"].hits) == (24994, 7)
    assert found["1"].hits_since == ""
    assert found["1"].conditions == ("utilisateur : soins", "domaine : tilleuls")
    assert found["1"].section == "Flux"
    assert [rule.line for rule in found.values()] == [5, 6, 7]
    chain = next(one for one in device.chains if one.name.startswith("Politique"))
    assert chain.name == "Politique locale (slot 5)"
    assert chain.exact
    assert any("compteurs" in limit for limit in device.limits)


def test_cut_answer_is_refused() -> None:
    with pytest.raises(ParseError, match="réponse incomplète"):
        parsed(EXPLICIT[: EXPLICIT.index("100 code")])


def test_extract_of_a_list_proves_nothing() -> None:
    cut = EXPLICIT.replace(
        "position=2; usage=3 match=24994 ruleid=1: pass log from group", "position=9; ruleid=1: pass from group"
    )
    device = parsed(cut)
    chain = next(one for one in device.chains if one.name.startswith("Politique"))
    assert (chain.exact, chain.why_not_exact) == (False, "la liste est un extrait : des lignes manquent")


def test_pages_of_one_list_are_joined_and_two_slots_refused() -> None:
    second = EXPLICIT.replace("position=1; separator", "position=5; separator")
    for old, new in (("position=2", "position=6"), ("position=3", "position=7"), ("position=4", "position=8")):
        second = second.replace(old, new)
    device = parsed(EXPLICIT, second)
    chain = next(one for one in device.chains if one.name.startswith("Politique"))
    assert len(chain.rules) == 6
    assert chain.exact
    assert chain.rules[5].file == 1
    with pytest.raises(ParseError, match="deux listes pour la même politique"):
        parsed(SLOT, "[Filter]\npass from any to any\n")


GLOBAL = """\
CONFIG FILTER EXPLICIT index=1 type=filter global=1
101 code=00a01000 msg="Begin" format="list"
[Filter]
position=1; ruleid=1: deleg from LAN_SOINS to any
position=2; ruleid=2: block from any to any port ssh
100 code=00a00100 msg="Ok"
CONFIG FILTER IMPLICIT
101 code=00a01000 msg="Begin" format="list"
[Filter]
ruleid=1: pass from any to Firewall_in port 1300
100 code=00a00100 msg="Ok"
"""


def test_implicit_then_global_then_local_and_delegation() -> None:
    local = "[Filter]\npass from any to any\n"
    device = parsed(local, GLOBAL, OBJECTS)
    assert verdict(device, "10.20.0.9", "203.0.113.1", 22) == ("permit", "1")
    found = decide(device, Packet("10.50.0.9", "203.0.113.1", port=22))
    assert (found.verdict, found.entry.chain if found.entry else "") == ("deny", "Politique globale (slot 1)")
    inside = decide(device, Packet("10.50.0.9", "10.20.0.1", port=1300), "input")
    assert inside.entry is not None
    assert inside.entry.chain == "Règles implicites"
    assert inside.entry.rule.automatic
    assert not any("implicites" in limit or "globale" in limit for limit in device.limits)


def test_implicit_rules_that_are_not_exported_may_open_the_firewall_itself(slot: Device) -> None:
    assert verdict(slot, "10.50.0.9", "10.20.0.1", 1300, hook="input")[0] == "undetermined"
    assert verdict(slot, "10.20.0.9", "10.20.0.1", 443, hook="input", in_zone="in") == ("permit", "1")
    assert verdict(slot, "10.50.0.9", "203.0.113.1", 113)[0] == "undetermined"
    assert any("règles implicites" in limit for limit in slot.limits)


def test_rules_hidden_by_explicit_ones_stay_provable_without_the_implicit_rules() -> None:
    device = parsed(
        "[Filter]\npass from LAN_SOINS to SRV_DPI port https\nblock from any to SRV_DPI\npass from WIFI_RESIDENTS to SRV_DPI port ssh\n"
        "pass from LAN_SOINS to GROUPE_INCONNU\npass from any to any\n",
        OBJECTS,
    )
    policy = next(one for one in policies_of(device, "forward") if one.space.family == 4)
    found = dict(zip((entry.rule.ref for entry in policy.entries), find_anomalies(policy), strict=True))
    assert (found["3"].dead, found["3"].differs) == (True, True)
    assert not any(found[ref].dead for ref in ("1", "2", "4", "5"))


def test_global_policy_alone_leaves_the_local_one_unknown() -> None:
    device = parsed(GLOBAL, OBJECTS)
    assert verdict(device, "10.20.0.9", "203.0.113.1", 22)[0] == "undetermined"
    assert verdict(device, "10.50.0.9", "203.0.113.1", 22) == ("deny", "2")


def test_translations_of_the_slot(slot: Device) -> None:
    out, publication = slot.nat
    assert (out.kind, out.to_address, out.to_ports) == ("source", "192.0.2.1", "20000-59999")
    assert (publication.kind, publication.to_address, publication.to_ports) == ("destination", "10.20.1.10", "8443")
    assert publication.in_zones == ("out",)
    assert slot.addresses[publication.destination].ranges == ("192.0.2.1",)
    assert slot.services[publication.services].services == ("tcp/443",)
    assert (out.line, publication.line) == (16, 17)


def test_translation_on_a_filter_rule() -> None:
    device = parsed(
        "CONFIG FILTER RULE INSERT index=5 type=filter state=on action=pass srctarget=any srcif=out dsttarget=Firewall_out"
        ' dstport=https natdsttarget=SRV_DPI rulename="publication"\n',
        OBJECTS,
    )
    (one,) = device.nat
    assert (one.kind, one.to_address, one.name, one.permits) == ("destination", "10.20.1.10", "publication", False)
    assert verdict(device, "198.51.100.7", "192.0.2.1", 443, in_zone="out") == ("permit", "1")


def test_insert_commands_respect_positions() -> None:
    script = (
        "CONFIG FILTER RULE INSERT index=5 type=filter state=on action=block srctarget=any dsttarget=any\n"
        "CONFIG FILTER RULE INSERT index=5 type=filter position=1 state=off action=pass srctarget=any dsttarget=any\n"
        "CONFIG FILTER RULE INSERT index=5 type=filter position=2 action=pass srctarget=any dsttarget=any dstport=80,443"
        " inspection=firewall loglevel=minor srcgeo=FR\n"
    )
    device = parsed(script)
    found = list(rules(device).values())
    assert [(rule.action, rule.enabled, rule.line) for rule in found] == [
        ("permit", False, 2), ("permit", True, 3), ("deny", True, 1),
    ]  # fmt: skip
    assert device.addresses[found[1].source].unresolved == ("geo:FR",)
    with pytest.raises(ParseError, match="plusieurs slots"):
        parsed(script + "CONFIG FILTER RULE INSERT index=6 type=filter action=pass srctarget=any dsttarget=any\n")


XML = """\
CONFIG FILTER EXPLICIT index=1 type=filter output=xml
101 code=00a01000 msg="Begin" format="xml"
<data format="xml"><filters total_lines="4">
<separator collapse="0" color="c0c0c0" comment="Admin" first_ruleid="1" nb_elements="2" position="1" />
<filter action="pass" comment="admin" index="1" position="2" status="active" type="local_filter_slot"><noconnlog disk="0" ipfix="0" syslog="0" /><from><target type="any" value="any" /></from><to><port type="single" value="firewall_srv" /><port type="single" value="https" /><target type="group" value="firewall_all" /></to></filter>
<filter action="pass" comment="ping" icmp_code="0" icmp_type="8" index="2" ipproto="icmp" position="3" proto="none" status="active" type="local_filter_slot"><from><target type="any" value="any" /></from><to><target type="any" value="any" /></to></filter>
<filter action="block" index="3" position="4" status="active" type="local_filter_slot"><from><target type="any" value="any" /></from><to><target type="any" value="any" /></to></filter>
</filters>
</data>
100 code=00a00100 msg="Ok"
"""


def test_xml_answer() -> None:
    device = parsed(XML)
    found = rules(device)
    assert [(rule.ref, rule.line, rule.section) for rule in found.values()] == [
        ("1", 5, "Admin"), ("2", 6, "Admin"), ("3", 7, "Admin"),
    ]  # fmt: skip
    assert device.services[found["2"].services].services == ("icmp/8/0",)
    assert device.services[found["1"].services].unresolved == ("absent:firewall_srv", "absent:https")
    echo = Packet("10.0.0.1", "10.0.0.2", protocol="icmp", icmp_type=8)
    assert decide(device, echo).verdict == "undetermined"
    assert not device.not_understood


def test_xml_answer_cut_or_short_is_refused() -> None:
    with pytest.raises(ParseError, match="XML incomplet"):
        parsed(XML[: XML.index("</filters>")])
    with pytest.raises(ParseError, match="liste incomplète"):
        parsed(XML.replace('total_lines="4"', 'total_lines="9"'))


def test_unknown_xml_criterion_is_a_condition() -> None:
    device = parsed(
        XML.replace(
            '<target type="any" value="any" /></from>',
            '<target type="any" value="any" /><planete value="mars"/></from>',
            1,
        )
    )
    assert rules(device)["1"].conditions == ("directive non comprise : <from><planete value>",)


CSV = (
    "#type_slot,#separator_color,#separator_nb_elements,#rule_name,#comment,#state,#action,#inspection,#log_level,"
    "#ip_proto,#proto,#from_src,#from_if,#to_dest,#to_port,#nat_to_target\n"
    'local_filter_slot,c0c0c0,2,,"Soins, nuit",,,,,,,,,,,\n'
    "local_filter_slot,,,dpi,,on,pass,ips,log,,,LAN_SOINS,in,SRV_DPI,https,\n"
    'local_filter_slot,,,fin,"Tout le\nreste",on,block,,none,,,any,,any,any,\n'
    "local_nat_slot,,,pub,,on,nat,,,,,any,out,Firewall_out,https,SRV_DPI\n"
)


def test_rule_table_of_the_web_interface() -> None:
    device = parsed(CSV, OBJECTS)
    found = rules(device)
    assert [(rule.name, rule.line, rule.section) for rule in found.values()] == [
        ("dpi", 3, "Soins, nuit"), ("fin", 4, "Soins, nuit"),
    ]  # fmt: skip
    assert verdict(device, "10.20.0.9", "10.20.1.10", 443, in_zone="in") == ("permit", "1")
    assert verdict(device, "10.50.0.9", "10.20.1.10", 443, in_zone="in") == ("deny", "2")
    assert [(one.kind, one.to_address, one.line) for one in device.nat] == [("destination", "10.20.1.10", 6)]


def test_rule_table_cut_in_a_row_is_refused() -> None:
    with pytest.raises(ParseError, match=r"ligne incomplète|CSV incomplet"):
        parsed(CSV[:-20], OBJECTS)


def test_objects_of_the_command_line() -> None:
    objects = (
        '101 code=00a01000 msg="Begin" format="section_line" total=5\n[Object]\n'
        "type=host global=0 name=SRV_DPI ip=10.20.1.10 modify=1 comment=\n"
        'type="network" global=0 name="LAN_SOINS" ip="10.20.0.0" mask="255.255.0.0" comment="les soins"\n'
        "type=range global=0 name=POOL begin=10.20.2.1 end=10.20.2.9 comment=\n"
        "type=service global=0 name=https port=443 proto=tcp comment=\n"
        "type=group global=0 name=SERVEURS nbitem=3 comment=\n"
        '100 code=00a00100 msg="Ok"\n'
    )
    device = parsed("[Filter]\npass from LAN_SOINS|POOL to SRV_DPI port https\nblock from any to SERVEURS\n", objects)
    assert verdict(device, "10.20.0.9", "10.20.1.10", 443) == ("permit", "1")
    assert verdict(device, "10.50.0.9", "10.20.1.10", 443)[0] == "deny"
    assert device.addresses[rules(device)["2"].destination].unresolved == ("groupe:SERVEURS",)
    assert any("sans leurs membres" in limit for limit in device.limits)


def test_files_of_the_firewall() -> None:
    files = (
        "[Host]\nSRV_DPI=10.20.1.10,resolve=static\nMAJ=192.0.2.9,resolve=dynamic\nODD=10.1.1.1,humeur=3\n"
        "[Network]\nLAN_SOINS=10.20.0.0/16\n[Service]\nhttps=443/tcp\n"
    )
    network = "[ethernet0]\nName=out\nAddress=192.0.2.2\nMask=255.255.255.248\n[ethernet1]\nName=in\nAddress=DHCP\n"
    device = parsed(
        "[Filter]\npass from LAN_SOINS to SRV_DPI port https\npass from any on out to Firewall_out port 22\n",
        files,
        network,
    )
    assert verdict(device, "10.20.0.9", "10.20.1.10", 443) == ("permit", "1")
    assert verdict(device, "198.51.100.1", "192.0.2.2", 22, in_zone="out") == ("permit", "2")
    assert [(one.name, one.networks, one.line) for one in device.interfaces] == [
        ("out", ("192.0.2.0/29",), 1), ("in", (), 5),
    ]  # fmt: skip
    assert [(one.text, one.file) for one in device.not_understood] == [("ODD=10.1.1.1,humeur=3", 1)]


def test_identity_of_the_appliance() -> None:
    ident = '101 code=00a01000 msg="Begin" format="section"\n[Result]\nType="Firewall"\nModel="SN310"\nVersion="4.3.21"\nSystemName="SNS-TILLEULS"\n100 code=00a00100 msg="Ok"\n'
    device = parsed(SLOT, ident)
    assert (device.name, device.product, device.firmware) == ("SNS-TILLEULS", "Stormshield SNS SN310", "4.3.21")
    assert parsed(SLOT).name == "f0.txt"


def test_named_objects_say_which_are_used(slot: Device) -> None:
    used = {one.name: one.used for one in slot.objects}
    assert used["SRV_DPI"]
    assert used["POOL"], "named by a group"
    assert not used["INUTILE"]
    assert not used["web"]
    kinds = {one.name: one.kind for one in slot.objects}
    assert (kinds["web"], kinds["https"], kinds["INUTILE"], kinds["POOL"]) == (
        "service-group", "service", "address-group", "address",
    )  # fmt: skip
    assert next(one for one in slot.objects if one.name == "POOL").line == 13


def test_cyclic_groups_stay_unknown() -> None:
    objects = "#type,#name,#elements,#comment\n" + 'group,A,"B",""\ngroup,B,"A",""\n'
    device = parsed("[Filter]\nblock from A to any\npass from any to any\n", objects)
    assert verdict(device, "10.0.0.1", "10.0.0.2", 80)[0] == "undetermined"


def test_ports_of_the_source() -> None:
    device = parsed(
        "[Filter]\npass ipproto udp from any port dns to any port 1024-2000\nblock from any to any\n", OBJECTS
    )
    assert rules(device)["1"].conditions == ("port source : dns",)
    exact = parsed("[Filter]\npass from any port https to any port http\nblock from any to any\n", OBJECTS)
    assert verdict(exact, "10.0.0.1", "10.0.0.2", 80, source_port=443) == ("permit", "1")
    assert verdict(exact, "10.0.0.1", "10.0.0.2", 80, source_port=444) == ("deny", "2")


def test_port_operators_are_uncertain() -> None:
    device = parsed("[Filter]\npass from any to any port gt https\nblock from any to any\n", OBJECTS)
    assert verdict(device, "10.0.0.1", "10.0.0.2", 8443)[0] == "undetermined"


def test_file_without_rules_is_refused() -> None:
    with pytest.raises(ParseError, match="aucune règle de filtrage"):
        parsed(OBJECTS)


def test_monitor_output_is_said_not_read() -> None:
    device = parsed(
        SLOT,
        'MONITOR FILTER\n101 code=00a01000 msg="Begin" format="list"\n[Filter]\n1: pass from any to any\n100 code=00a00100 msg="Ok"\n',
    )
    assert any("MONITOR FILTER" in limit for limit in device.limits)
    assert len(rules(device)) == 10


@pytest.mark.parametrize(
    "text", [SLOT, OBJECTS, EXPLICIT, GLOBAL, XML, CSV], ids=["slot", "objects", "explicit", "global", "xml", "csv"]
)
def test_only_this_vendor_recognises_its_files(text: str) -> None:
    claimed = [vendor for vendor in VENDORS if _exists(vendor) and parser_of(vendor).recognise(source(text))]
    assert claimed == ["stormshield"]


def _exists(vendor: str) -> bool:
    return (Path(stormshield.__file__).parent / f"{vendor}.py").exists()


@pytest.mark.parametrize(
    "text", ["", "pass from any to any", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n", '{"a": 1}', "<opnsense/>"]
)
def test_other_files_are_not_recognised(text: str) -> None:
    assert not stormshield.recognise(source(text))


def test_large_slot_is_read_in_linear_time() -> None:
    lines = "".join(f"pass from HOST_{number} to SRV_DPI port https # règle {number}\n" for number in range(20_000))
    device = parsed("[Filter]\n" + lines, OBJECTS)
    assert len(rules(device)) == 20_000
    with pytest.raises(ParseError, match="ligne trop longue"):
        parsed("[Filter]\npass from " + "a|" * 60_000 + "a to any\n")


ALPHABET = st.sampled_from(["pass", " from ", " to ", "any", '"', "#", "|", ",", "!", "[Filter]\n", "\n", "position=1; ", "ruleid=1: ",
                            "block ", " on ", " port ", "->", " nat ", '<filters total_lines="1">', '101 code=0 msg="', "a" * 50, " ", "[Host]\n",
                            "A=1.2.3.4", "[NAT]\n", "type=host global=0 name=", "host,", "#type,#name,#ip\n", "#type_slot,#action\n"])  # fmt: skip


@settings(deadline=2000, max_examples=200)
@given(st.lists(ALPHABET, max_size=40).map("".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        file = source(text)
        stormshield.recognise(file)
        (device,) = stormshield.parse([file])
    except ParseError:
        return
    assert device.chains


@settings(deadline=2000, max_examples=150)
@given(
    st.sampled_from([SLOT, EXPLICIT, XML, CSV, GLOBAL, OBJECTS]),
    st.integers(0, 3000), st.integers(0, 60), st.text(max_size=12),
)  # fmt: skip
def test_mutated_exports_are_read_or_refused(text: str, at: int, size: int, new: str) -> None:
    mutated = text[:at] + new + text[at + size :]
    try:
        (device,) = stormshield.parse([source(mutated), source(OBJECTS)])
    except ParseError:
        return
    assert all(chain.rules or chain.hook == "" for chain in device.chains)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
def test_public_example() -> None:
    path = CORPUS / "stormshield" / "snspoliciestocsv_exemple.txt"
    file = decode(path.name, path.read_bytes())
    assert stormshield.recognise(file)
    (device,) = stormshield.parse([file])
    found = rules(device)
    assert [(rule.line, rule.action) for rule in found.values()] == [(3, "permit"), (5, "deny"), (6, "deny")]
    assert not device.not_understood
    assert device.services[found["1"].services].services == ("esp",)
    assert found["1"].profiles == ()
