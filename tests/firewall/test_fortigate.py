"""FortiGate exports: what each policy really matches, in the order and with the defaults of the product."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.facts import INPUT
from checks.firewall.parsers import fortigate
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "fortigate"

HEADER = "#config-version=FGT60F-7.0.12-FW-build0523-230606:opmode=0:vdom=0:user=admin\n"

TILLEULS = r"""
config system global
    set hostname "FW-TILLEULS"
    set admin-sport 8443
end
config system interface
    edit "wan1"
        set vdom "root"
        set ip 198.51.100.2 255.255.255.248
        set allowaccess ping https
        set role wan
    next
    edit "internal"
        set vdom "root"
        set ip 10.10.0.1 255.255.255.0
        set allowaccess ping https ssh
        set alias "Réseau métier"
        set role lan
    next
    edit "residents"
        set vdom "root"
        set ip 10.20.0.1 255.255.255.0
    next
    edit "cameras"
        set vdom "root"
        set ip 10.30.0.1 255.255.255.0
        set status down
        set allowaccess telnet
    next
end
config system admin
    edit "admin"
        set accprofile "super_admin"
        set trusthost1 10.10.0.0 255.255.255.0
        set password ENC SH2y1secretsecretsecret=
    next
    edit "prestataire"
        set accprofile "prof_admin"
        set trusthost1 203.0.113.7 255.255.255.255
        set two-factor fortitoken
        set password ENC SH2anothersecretvalue=
    next
end
config firewall address
    edit "LAN"
        set subnet 10.10.0.0 255.255.255.0
        set comment "Postes \"métier\""
    next
    edit "NAS"
        set subnet 10.10.0.5/32
    next
    edit "RESIDENTS"
        set type iprange
        set start-ip 10.20.0.10
        set end-ip 10.20.0.250
    next
    edit "maj"
        set type fqdn
        set fqdn "update.example"
    next
end
config firewall addrgrp
    edit "METIER-SANS-NAS"
        set member "LAN"
        set exclude enable
        set exclude-member "NAS"
    next
    edit "TOUT"
        set member "METIER-SANS-NAS" "RESIDENTS" "maj"
    next
end
config firewall service custom
    edit "HTTPS"
        set tcp-portrange 443
    next
    edit "DICOM"
        set tcp-portrange 104 11112:1024-65535
    next
end
config firewall service group
    edit "Web"
        set member "HTTPS" "HTTP"
    next
end
config firewall schedule onetime
    edit "travaux"
        set start 08:00 2026/01/05
        set end 18:30 2026/02/06
    next
end
config firewall vip
    edit "VIP_WEB"
        set extip 198.51.100.3
        set extintf "wan1"
        set portforward enable
        set mappedip "10.10.0.20"
        set extport 8080
        set mappedport 80
    next
    edit "VIP_OUBLI"
        set extip 198.51.100.4
        set extintf "any"
        set mappedip "10.10.0.21"
    next
end
config firewall policy
    edit 7
        set name "Blocage Internet"
        set srcintf "wan1"
        set dstintf "any"
        set srcaddr "all"
        set dstaddr "all"
        set schedule "always"
        set service "ALL"
        set logtraffic all
    next
    edit 3
        set name "Publication web"
        set srcintf "wan1"
        set dstintf "internal"
        set action accept
        set srcaddr "all"
        set dstaddr "VIP_WEB"
        set schedule "always"
        set service "HTTP"
        set utm-status enable
        set ips-sensor "protect"
    next
    edit 12
        set srcintf "internal"
        set dstintf "wan1"
        set action accept
        set srcaddr "METIER-SANS-NAS"
        set dstaddr "all"
        set schedule "always"
        set service "Web"
        set global-label "Sortie"
        set comments "Demande 42 : M. Martin"
    next
    edit 13
        set srcintf "residents"
        set dstintf "internal"
        set action accept
        set status disable
        set srcaddr "RESIDENTS"
        set dstaddr "NAS"
        set schedule "always"
        set service "SMB"
    next
    edit 14
        set srcintf "residents"
        set dstintf "wan1"
        set action accept
        set srcaddr "RESIDENTS"
        set dstaddr "all"
        set schedule "travaux"
        set service "ALL"
        set groups "familles"
    next
end
"""


def source(text: str, name: str = "fw.conf") -> SourceFile:
    return decode(name, text.encode())


def device(text: str, header: str = HEADER):
    (found,) = fortigate.parse([source(header + text)])
    return found


def policy(body: str, extra: str = "", header: str = HEADER):
    """A device with one policy whose cells are `all` unless `body` sets them."""
    base = """set srcintf "any"
set dstintf "any"
set srcaddr "all"
set dstaddr "all"
set service "ALL"
set schedule "always"
set action accept
"""
    return device(f"{extra}\nconfig firewall policy\nedit 1\n{base}{body}\nnext\nend\n", header)


def rules(found, chain: str = "policy"):
    return next(one for one in found.chains if one.name == chain).rules


def packet(src: str, dst: str, port: int, in_zone: str = "", out_zone: str = "", **more) -> Packet:
    return Packet(src, dst, port=port, in_zone=in_zone, out_zone=out_zone, **more)


# --- The whole example


def test_identity_order_and_cells():
    found = device(TILLEULS)
    assert (found.vendor, found.name, found.firmware) == ("fortigate", "FW-TILLEULS", "7.0.12 build 0523")
    assert found.product == "FortiGate (FGT60F)"
    listed = rules(found)
    assert [rule.ref for rule in listed] == ["7", "3", "12", "13", "14"]
    assert [rule.enabled for rule in listed] == [True, True, True, False, True]
    lines = (HEADER + TILLEULS).split("\n")
    assert [lines[rule.line - 1].strip() for rule in listed] == [f"edit {rule.ref}" for rule in listed]
    assert found.not_understood == ()
    web = listed[2]
    assert found.addresses[web.source].ranges == ("10.10.0.0-10.10.0.4", "10.10.0.6-10.10.0.255")
    assert found.services[web.services].services == ("tcp/80", "tcp/443")
    assert (web.section, web.comment, web.log) == ("Sortie", "Demande 42 : M. Martin", False)
    assert listed[0].log is True
    assert listed[1].profiles == ("IPS : protect",)
    assert listed[4].conditions == ("période : travaux", "groupes : familles")
    assert listed[4].expires == "2026-02-06T18:30:00"


def test_implicit_deny_and_ipv4_only_cells():
    found = device(TILLEULS)
    assert decide(found, packet("10.20.0.20", "10.10.0.5", 445, "residents", "internal")).verdict == "deny"
    assert decide(found, packet("10.10.0.9", "192.0.2.1", 443, "internal", "wan1")).verdict == "permit"
    assert decide(found, packet("10.10.0.5", "192.0.2.1", 443, "internal", "wan1")).verdict == "deny"
    six = Packet("2001:db8::1", "2001:db8::2", port=443, in_zone="internal", out_zone="wan1")
    assert decide(found, six).verdict == "deny"
    everything = decide(found, packet("10.20.0.20", "192.0.2.1", 25, "residents", "wan1"))
    assert everything.verdict == "undetermined"


def test_published_address_passes_above_a_plain_refusal():
    found = device(TILLEULS)
    inside = packet("192.0.2.9", "10.10.0.20", 80, "wan1", "internal", translated="VIP_WEB")
    decision = decide(found, inside)
    assert decision.verdict == "permit"
    assert decision.entry.rule.ref == "3"
    direct = packet("192.0.2.9", "10.10.0.20", 80, "wan1", "internal")
    assert decide(found, direct).entry.rule.ref == "7"
    wrong = packet("192.0.2.9", "10.10.0.20", 8080, "wan1", "internal", translated="VIP_WEB")
    assert decide(found, wrong).verdict == "deny"


@pytest.mark.parametrize(
    ("version", "setting", "verdict"),
    [
        ("7.2.3", "", "deny"),
        ("7.2.2", "", "permit"),
        ("7.0.12", "set match-vip enable", "deny"),
        ("7.4.1", "set match-vip disable", "permit"),
        (None, "", "undetermined"),
        (None, "set match-vip enable", "deny"),
    ],
)
def test_match_vip(version, setting, verdict):
    header = f"#config-version=FGT60F-{version}-FW-build1-1:x\n" if version else ""
    text = TILLEULS.replace('        set name "Blocage Internet"\n', f"        {setting}\n" if setting else "")
    found = device(text, header)
    inside = packet("192.0.2.9", "10.10.0.20", 80, "wan1", "internal", translated="VIP_WEB")
    assert decide(found, inside).verdict == verdict
    direct = packet("192.0.2.9", "10.10.0.20", 80, "wan1", "internal")
    assert decide(found, direct).verdict == "deny"


def test_translations_and_their_use():
    found = device(TILLEULS)
    web, forgotten = found.nat
    assert (web.ref, web.kind, web.to_address, web.to_ports) == ("VIP_WEB", "destination", "10.10.0.20", "80")
    assert found.services[web.services].services == ("tcp/8080",)
    assert found.addresses[web.destination].ranges == ("198.51.100.3",)
    assert web.in_zones == ("wan1",)
    assert web.enabled
    assert not forgotten.enabled
    assert found.services[forgotten.services].services == ("any",)


def test_central_nat_uses_every_published_address():
    text = TILLEULS + "config system settings\nset central-nat enable\nend\n"
    found = device(text)
    assert [one.enabled for one in found.nat] == [True, True]
    plain = packet("192.0.2.9", "10.10.0.21", 80, "wan1", "internal", translated="VIP_OUBLI")
    assert decide(found, plain).entry.rule.ref == "7"


def test_vip_group_and_plain_object_in_one_cell():
    vips = """config firewall vip
edit "A"
set extip 198.51.100.3
set mappedip "10.10.0.20"
next
edit "B"
set extip 198.51.100.4
set mappedip "10.10.0.21-10.10.0.22"
next
end
config firewall vipgrp
edit "G"
set member "A" "B"
next
end
config firewall address
edit "DMZ"
set subnet 10.40.0.0 255.255.255.0
next
end"""
    found = policy('set dstaddr "G" "DMZ"', vips)
    plain, published = rules(found)
    assert plain.translated == ("-",)
    assert found.addresses[plain.destination].ranges == ("10.40.0.0/24",)
    assert published.translated == ("A", "B")
    assert found.addresses[published.destination].ranges == ("10.10.0.20-10.10.0.22",)
    assert (plain.ref, published.ref) == ("1", "1")


def test_source_filter_of_a_published_address():
    text = TILLEULS.replace(
        "        set extport 8080\n", '        set extport 8080\n        set src-filter "203.0.113.0/24"\n'
    )
    found = device(text)
    inside = packet("203.0.113.9", "10.10.0.20", 80, "wan1", "internal", translated="VIP_WEB")
    assert decide(found, inside).verdict == "permit"
    assert decide(found, inside._replace(source="192.0.2.9")).verdict == "deny"
    assert found.addresses[found.nat[0].source].ranges == ("203.0.113.0/24",)


def test_unknown_option_of_an_object():
    off = "edit x\nset subnet 10.0.0.0/8\nset option-future disable\nnext\nedit y\nset option-future disable\nnext"
    found = policy('set dstaddr "x"', f"config firewall address\n{off}\nend")
    assert found.addresses[rules(found)[0].destination].ranges == ("10.0.0.0/8",)
    assert [note.text for note in found.not_understood] == ["option-future disable"]


# --- Administration


def test_administration_is_not_a_policy():
    found = device(TILLEULS)
    from_outside = decide(found, packet("192.0.2.9", "198.51.100.2", 8443, "wan1"), INPUT)
    assert from_outside.verdict == "deny"
    trusted = decide(found, packet("203.0.113.7", "198.51.100.2", 8443, "wan1"), INPUT)
    assert trusted.verdict == "permit"
    assert trusted.entry.rule.ref == "wan1 allowaccess https"
    assert decide(found, packet("10.10.0.9", "10.10.0.1", 22, "internal"), INPUT).verdict == "permit"
    assert decide(found, packet("10.20.0.9", "10.20.0.1", 22, "residents"), INPUT).verdict == "deny"
    assert decide(found, packet("10.30.0.9", "10.30.0.1", 23, "cameras"), INPUT).verdict == "deny"
    by_name = {one.name: one for one in found.interfaces}
    assert by_name["wan1"].management == ("ping", "https")
    assert by_name["wan1"].management_restricted is True
    assert (by_name["wan1"].role, by_name["internal"].title) == ("wan", "Réseau métier")
    assert by_name["residents"].management == ()
    assert not by_name["cameras"].enabled
    assert by_name["internal"].networks == ("10.10.0.0/24",)


def test_one_account_without_trusted_host_opens_administration():
    found = device(TILLEULS.replace("        set trusthost1 203.0.113.7 255.255.255.255\n", ""))
    assert decide(found, packet("192.0.2.9", "198.51.100.2", 8443, "wan1"), INPUT).verdict == "permit"
    assert {one.name: one.management_restricted for one in found.interfaces}["wan1"] is False


@pytest.mark.parametrize(
    ("source", "negated", "services", "expected"),
    [
        ("presta", "enable", "HTTPS SSH", (("https", "ssh"), True)),
        ("all", "disable", "HTTPS SSH", ((), False)),
        ("all", "disable", "HTTPS", (("ssh",), False)),
        ("all", "disable", "ALL", ((), None)),
        ("presta", "disable", "HTTPS SSH", (("https", "ssh"), None)),
        ("pays", "enable", "HTTPS SSH", (("https", "ssh"), False)),
    ],
)
def test_local_in_policy_takes_away_what_it_surely_refuses(source, negated, services, expected):
    text = f"""
config system interface
    edit "wan1"
        set ip 198.51.100.2 255.255.255.248
        set allowaccess ping https ssh
    next
end
config system admin
    edit "a"
        set accprofile "super_admin"
    next
end
config firewall address
    edit "all"
    next
    edit "presta"
        set subnet 203.0.113.7 255.255.255.255
    next
    edit "pays"
        set type geography
        set country "FR"
    next
end
config firewall local-in-policy
    edit 1
        set intf "wan1"
        set srcaddr "{source}"
        set srcaddr-negate {negated}
        set dstaddr "all"
        set service {services}
        set schedule "always"
    next
end
config firewall policy
end
"""
    (wan,) = device(text).interfaces
    services_left = tuple(one for one in wan.management if one != "ping")
    assert services_left == expected[0]
    assert wan.management_restricted is expected[1]


def test_zone_is_known_by_its_members_and_points_where_it_answers():
    text = """
config system interface
    edit "ch"
        set alias "WiFi residents"
    next
    edit "vis"
        set alias "WiFi visiteurs"
        set allowaccess https
    next
    edit "wan1"
        set alias "Backup 4G"
    next
end
config system zone
    edit "Z"
        set interface "ch" "vis"
    next
end
config system sdwan
    config zone
        edit "virtual-wan-link"
        next
        edit "NET"
        next
    end
    config members
        edit 1
            set interface "wan1"
            set zone "NET"
        next
    end
end
config firewall policy
end
"""
    found = device(text)
    assert [(one.name, one.title) for one in found.interfaces] == [
        ("Z", "WiFi residents, WiFi visiteurs"),
        ("NET", "SD-WAN"),
    ]
    assert (HEADER + text).splitlines()[found.interfaces[0].line - 1].strip() == 'edit "vis"'


def test_refusal_only_sees_published_traffic_that_may_cross_its_interfaces():
    header = HEADER.replace("7.0.12", "7.2.5")
    text = """
config system interface
    edit "srv"
        set ip 10.20.0.1 255.255.255.0
    next
    edit "sauv"
        set ip 10.60.0.1 255.255.255.0
    next
end
config firewall vip
    edit "V"
        set extip 203.0.113.10
        set mappedip "10.20.0.11"
        set extintf "wan1"
    next
    edit "UNUSED"
        set extip 203.0.113.11
        set mappedip "10.20.0.12"
    next
end
config firewall policy
    edit 1
        set srcintf "wan1"
        set dstintf "srv"
        set action accept
        set srcaddr "all"
        set dstaddr "V"
        set schedule "always"
        set service "ALL"
    next
    edit 2
        set srcintf "wifi"
        set dstintf "any"
        set srcaddr "all"
        set dstaddr "all"
        set schedule "always"
        set service "ALL"
    next
    edit 3
        set srcintf "any"
        set dstintf "sauv"
        set srcaddr "all"
        set dstaddr "all"
        set schedule "always"
        set service "ALL"
    next
    edit 4
        set srcintf "any"
        set dstintf "srv"
        set srcaddr "all"
        set dstaddr "all"
        set schedule "always"
        set service "ALL"
    next
end
"""
    seen = {rule.ref: rule.translated for rule in rules(device(text, header))}
    assert seen == {"1": ("V",), "2": ("-",), "3": ("-",), "4": ("-", "V")}
    route = 'config router policy\n    edit 1\n        set output-device "sauv"\n    next\nend\n'
    assert {rule.ref: rule.translated for rule in rules(device(text + route, header))}["3"] == ("-", "V")


def test_objects_of_the_product_and_those_other_settings_name_need_no_tidying():
    text = """
config firewall address
    edit "FABRIC_DEVICE"
    next
    edit "PISCINE"
        set subnet 10.212.134.0 255.255.255.0
    next
    edit "ROUTE"
        set subnet 10.99.0.0 255.255.0.0
    next
    edit "OUBLI"
        set subnet 10.98.0.0 255.255.0.0
    next
end
config firewall service custom
    edit "AFS3"
        set tcp-portrange 7000-7009
    next
end
config vpn ssl web portal
    edit "full-access"
        set ip-pools "PISCINE"
    next
end
config router static
    edit 1
        set dstaddr "ROUTE"
        set device "siege"
    next
end
config firewall policy
end
"""
    assert {one.name: one.used for one in device(text).objects} == {"PISCINE": True, "ROUTE": True, "OUBLI": False}


def test_administrators_have_no_secret():
    found = device(TILLEULS)
    admin, provider = found.administrators
    assert (admin.factory, admin.full_rights, admin.mfa, admin.restricted) == (True, True, False, True)
    assert (provider.factory, provider.full_rights, provider.mfa) == (False, False, True)
    assert b"secret" not in msgspec.json.encode(found)


def test_local_in_policy_refuses_before_allowaccess():
    local = """config firewall local-in-policy
edit 1
set intf "wan1"
set srcaddr "all"
set dstaddr "all"
set service "ALL"
set schedule "always"
next
edit 2
set intf "residents"
set srcaddr "all"
set dstaddr "all"
set action accept
set service "SSH"
set schedule "always"
next
end
"""
    found = device(TILLEULS + local)
    refused = decide(found, packet("203.0.113.7", "198.51.100.2", 8443, "wan1"), INPUT)
    assert refused.verdict == "deny"
    assert refused.entry.rule.ref == "1"
    doubtful = decide(found, packet("10.20.0.9", "10.20.0.1", 22, "residents"), INPUT)
    assert doubtful.verdict == "undetermined"
    assert decide(found, packet("10.10.0.9", "10.10.0.1", 22, "internal"), INPUT).verdict == "permit"


# --- Structure of the text


def test_virtual_domains():
    text = """config vdom
edit root
next
edit "residents"
next
end
config global
config system global
set hostname "FW"
end
config system interface
edit "port1"
set vdom "root"
set ip 10.1.0.1 255.255.255.0
next
edit "port2"
set vdom "residents"
set ip 10.2.0.1 255.255.255.0
next
end
config system admin
edit "admin"
set accprofile "super_admin"
next
end
end
config vdom
edit root
config firewall policy
edit 1
set srcintf "port1"
set dstintf "any"
set srcaddr "all"
set dstaddr "all"
set action accept
set service "ALL"
next
end
end
config vdom
edit "residents"
config firewall policy
edit 1
set srcintf "port2"
set dstintf "any"
set srcaddr "all"
set dstaddr "all"
set service "ALL"
next
edit 2
set status disable
next
end
end
"""
    first, second = fortigate.parse([source(text)])
    assert (first.name, second.name) == ("FW/root", "FW/residents")
    assert [one.name for one in first.interfaces] == ["port1"]
    assert [one.name for one in second.interfaces] == ["port2"]
    assert [len(rules(one)) for one in (first, second)] == [1, 2]
    assert second.administrators[0].name == "admin"


def test_quotes_escapes_and_lines_within_a_string():
    text = (
        'config system replacemsg http "x"\n    set buffer "<a href=\\"#\\">\nconfig firewall policy\nedit 9\n"\nend\n'
        'config firewall address\n    edit "l\'accueil \\\\ \\"n°1\\""\n        set subnet 10.0.0.0 255.0.0.0\n'
        "    next\nend\n"
    )
    found = device(text)
    assert [(one.name, one.line) for one in found.objects] == [('l\'accueil \\ "n°1"', 9)]
    assert rules(found) == ()


def test_commands_change_earlier_lines():
    text = """config firewall policy
edit 1
set srcintf "a"
append srcintf "b"
set dstintf "a" "b"
unselect dstintf "a"
set srcaddr "all"
set dstaddr "all"
set service "ALL"
set action accept
set status disable
unset status
next
edit 2
set action deny
next
clone 1 to 4
move 2 before 1
rename 4 to 6
delete 2
delete 77
end
"""
    found = device(text)
    one, other = rules(found)
    assert (one.ref, other.ref) == ("1", "6")
    assert (one.in_zones, one.out_zones, one.enabled) == (("a", "b"), ("b",), True)
    assert other.in_zones == ("a", "b")
    assert [(note.line, note.text) for note in found.not_understood] == [(22, "delete 77")]


def test_pasted_session():
    text = """FW-TILLEULS # show firewall policy
config firewall policy
    edit 1
        set srcintf "any"
--More--         set dstintf "any"
        set srcaddr "all"
        set dstaddr "all"
        set service "SSH"
        set action accept
    next
end

FW-TILLEULS #
"""
    file = source(text)
    assert fortigate.recognise(file)
    (found,) = fortigate.parse([file])
    (rule,) = rules(found)
    assert rule.out_zones == ()
    assert found.services[rule.services].services == ("tcp/22",)
    assert found.not_understood == ()


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("config firewall policy\nedit 1\nset srcintf any\n", "fichier coupé", 2),
        ('config firewall policy\nedit 1\nset name "x\nnext\nend\n', "guillemet", 3),
        ("next\nend\nconfig firewall policy\nend\n", "manque le début", 1),
        ("config firewall policy\nedit 1\nedit 2\nnext\nend\n", "mal placé", 3),
        ("config system x\n" * 200 + "end\n" * 200, "imbriqués", 101),
    ],
)
def test_cut_off_or_malformed(text, message, line):
    with pytest.raises(ParseError, match=message) as raised:
        fortigate.parse([source(text)])
    assert raised.value.line == line


# --- Zones


ZONES = """config system interface
edit "port1"
set ip 10.1.0.1 255.255.255.0
set allowaccess https
next
edit "port2"
set ip 10.2.0.1 255.255.255.0
next
edit "wan1"
set role wan
next
edit "wan2"
set role wan
next
end
config system zone
edit "METIER"
set intrazone allow
set interface "port1" "port2"
next
end
config system sdwan
config zone
edit "virtual-wan-link"
next
edit "OPERATEURS"
next
end
config members
edit 1
set interface "wan1"
set zone "OPERATEURS"
next
edit 2
set interface "wan2"
next
end
end
config router static
edit 1
set distance 1
set sdwan-zone "OPERATEURS"
next
end"""


def test_zones_stay_one_name_and_hold_their_interfaces():
    found = policy('set srcintf "METIER"\nset dstintf "OPERATEURS"', ZONES)
    by_name = {one.name: one for one in found.interfaces}
    assert set(by_name) == {"METIER", "virtual-wan-link", "OPERATEURS"}
    assert by_name["METIER"].members == ("port1", "port2")
    assert by_name["METIER"].networks == ("10.1.0.0/24", "10.2.0.0/24")
    assert by_name["METIER"].management == ("https",)
    assert (by_name["OPERATEURS"].role, by_name["OPERATEURS"].default_route) == ("wan", True)
    assert not by_name["virtual-wan-link"].default_route
    assert rules(found)[0].in_zones == ("METIER",)
    access = next(rule for rule in rules(found, "allowaccess") if "https" in rule.ref)
    assert access.in_zones == ("METIER",)
    assert access.conditions == ("interface : port1",)


def test_intrazone_comes_after_the_policies():
    allowed = policy("set action deny\nset srcaddr none", ZONES)
    inside = packet("10.1.0.5", "10.2.0.5", 445, "METIER", "METIER")
    assert decide(allowed, inside).entry.rule.ref == "intrazone METIER"
    assert decide(allowed, inside).verdict == "permit"
    assert decide(policy("set action deny", ZONES), inside).entry.rule.ref == "1"
    closed = policy("set srcaddr none", ZONES.replace("set intrazone allow\n", ""))
    assert decide(closed, inside).verdict == "deny"


@pytest.mark.parametrize(("version", "verdict"), [("7.4.3", "deny"), ("7.4.4", "permit"), (None, "undetermined")])
def test_intrazone_of_a_lone_interface(version, verdict):
    header = f"#config-version=FGT60F-{version}-FW-build1-1:x\n" if version else ""
    found = policy("set srcaddr none", ZONES.replace('"port1" "port2"', '"port1"'), header)
    assert decide(found, packet("10.1.0.5", "10.1.0.6", 445, "METIER", "METIER")).verdict == verdict


def test_a_zone_whose_interface_is_named_alone_is_opened():
    found = policy('set srcintf "METIER"\nset dstintf "port2"', ZONES)
    (rule, *_) = rules(found)
    assert rule.in_zones == ("port1", "port2")
    assert rule.out_zones == ("port2",)
    assert {"port1", "port2"} <= {one.name for one in found.interfaces}


def test_any_among_interfaces_is_any():
    assert rules(policy('set srcintf "any" "port1"'))[0].in_zones == ()


# --- Cells


def cell(body: str, objects: str):
    found = policy(body, f"config firewall address\n{objects}\nend")
    return found.addresses[rules(found)[0].destination]


@pytest.mark.parametrize(
    ("objects", "ranges", "unresolved"),
    [
        ("edit x\nset subnet 10.0.0.0 255.255.0.0\nnext", ("10.0.0.0/16",), ()),
        ("edit x\nnext", ("0.0.0.0/0",), ()),
        ("edit x\nset type wildcard\nset wildcard 10.0.0.7 255.255.0.255\nnext", None, ()),
        ("edit x\nset type wildcard\nset wildcard 10.0.0.0 255.0.0.1\nnext", (), ("wildcard:x",)),
        ("edit x\nset type geography\nset country RU\nnext", (), ("geo:RU",)),
        ("edit x\nset type dynamic\nset sub-type ems-tag\nnext", (), ("dynamic:x",)),
        ("edit x\nset type interface-subnet\nset interface i\nnext", (), ("interface:x",)),
        ("edit x\nset type mac\nset macaddr 00:11:22:33:44:55\nnext", (), ("mac:x",)),
        ("edit x\nset subnet 10.0.0.0 255.0.255.0\nnext", (), ("illisible:x",)),
        ("edit x\nset subnet 10.0.0.0/8\nset filtre-futur oui\nnext", (), ("directive:x",)),
        ("edit y\nnext", (), ("absent:x",)),
    ],
)
def test_address_kinds(objects, ranges, unresolved):
    found = cell('set dstaddr "x"', objects)
    if ranges is None:
        assert (len(found.ranges), found.ranges[3]) == (256, "10.0.3.7")
    else:
        assert found.ranges == ranges
    assert found.unresolved == unresolved
    assert bool(found.maybe) == bool(unresolved)


def test_an_unresolved_object_never_decides():
    found = policy(
        'set action deny\nset dstaddr "x"', "config firewall address\nedit x\nset type fqdn\nset fqdn a.b\nnext\nend"
    )
    assert decide(found, packet("10.0.0.1", "10.0.0.2", 80)).verdict == "deny"  # the default refuses anyway
    accepted = policy('set dstaddr "x"', "config firewall address\nedit x\nset type fqdn\nset fqdn a.b\nnext\nend")
    assert decide(accepted, packet("10.0.0.1", "10.0.0.2", 80)).verdict == "undetermined"


def test_negations():
    objects = """config firewall address
edit a
set subnet 10.0.0.0 255.0.0.0
next
edit f
set type fqdn
set fqdn a.b
next
end
config firewall addrgrp
edit vide
next
end"""
    found = policy('set srcaddr a\nset srcaddr-negate enable\nset service "SSH"\nset service-negate enable', objects)
    assert decide(found, packet("10.0.0.1", "1.1.1.1", 80)).verdict == "deny"
    assert decide(found, packet("9.0.0.1", "1.1.1.1", 80)).verdict == "permit"
    assert decide(found, packet("9.0.0.1", "1.1.1.1", 22)).verdict == "deny"
    six = Packet("2001:db8::1", "2001:db8::2", port=80)
    assert decide(found, six).verdict == "deny"
    for name in ("f", "vide"):
        doubtful = policy(f"set srcaddr {name}\nset srcaddr-negate enable", objects)
        assert decide(doubtful, packet("9.0.0.1", "1.1.1.1", 80)).verdict == "undetermined"


def test_groups_with_exclusion_nest_and_cycles_end():
    objects = """config firewall address
edit a
set subnet 10.0.0.0 255.255.255.252
next
edit b
set subnet 10.0.0.1/32
next
edit c
set subnet 10.0.0.2/32
next
end
config firewall addrgrp
edit outer
set member plain
set exclude enable
set exclude-member c
next
edit plain
set member inner
next
edit inner
set member a
set exclude enable
set exclude-member b
next
edit loop
set member loop2 a
set exclude enable
set exclude-member b
next
edit loop2
set member loop
next
end"""
    found = policy("set dstaddr outer", objects)
    assert found.addresses[rules(found)[0].destination].ranges == ("10.0.0.0", "10.0.0.3")
    cyclic = policy("set dstaddr loop", objects)
    assert cyclic.addresses[rules(cyclic)[0].destination].unresolved == ("cycle:loop",)


def test_services_of_every_protocol():
    objects = """config firewall service custom
edit tcpudp
set protocol TCP/UDP/SCTP
set tcp-portrange 1-2:3-4 80
set udp-portrange 53
next
edit ping
set protocol ICMP
set icmptype 8
unset icmpcode
next
edit gre
set protocol IP
set protocol-number 47
next
edit changed
set tcp-portrange 5
set protocol ICMP
set protocol TCP/UDP/SCTP
set tcp-portrange 6
next
edit unset
set protocol ICMP
set icmptype 5
set icmpcode 1
unset icmptype
set icmptype 3
next
edit mandataire
set proxy enable
set protocol ALL
set tcp-portrange 0-65535:0-65535
next
edit restreint
set tcp-portrange 25
set iprange 10.0.0.1-10.0.0.2
next
edit abime
set tcp-portrange 70000
next
end"""

    def held(name):
        found = policy(f"set service {name}", objects)
        return found.services[rules(found)[0].services]

    assert held("tcpudp").services == ("tcp/80", "udp/53", "tcp/1-2@3-4")
    assert held("ping").services == ("icmp/8",)
    assert held("gre").services == ("gre",)
    assert held("changed").services == ("tcp/6",)
    assert held("unset").services == ("icmp/3",)
    assert held("mandataire").unresolved == ("proxy:mandataire",)
    assert (held("restreint").services, held("restreint").maybe) == ((), ("tcp/25",))
    assert held("abime").unresolved == ("illisible:abime",)
    assert held("RDP").services == ("tcp/3389",)
    assert held("SERVICE-INCONNU").unresolved == ("absent:SERVICE-INCONNU",)


def test_a_service_of_the_export_replaces_the_delivered_one():
    found = policy("set service SSH", "config firewall service custom\nedit SSH\nset tcp-portrange 2222\nnext\nend")
    assert found.services[rules(found)[0].services].services == ("tcp/2222",)


def test_internet_service_replaces_destination_and_service():
    text = """config firewall policy
edit 1
set srcintf any
set dstintf any
set srcaddr all
set internet-service enable
set internet-service-name "Microsoft-Office365"
set schedule always
set action accept
next
end
"""
    found = device(text)
    (rule,) = rules(found)
    assert found.addresses[rule.destination].unresolved == ("internet-service:Microsoft-Office365",)
    assert found.services[rule.services].unresolved == ("internet-service:Microsoft-Office365",)
    assert found.not_understood == ()


@pytest.mark.parametrize(
    ("schedule", "condition"),
    [
        ("always", ()),
        ("toujours", ()),
        ("jour", ("horaire : jour",)),
        ("none", ("horaire : none (jamais)",)),
        ("perdu", ("horaire : perdu (absent de l'export)",)),
        ("lot", ("horaire : groupe lot",)),
    ],
)
def test_schedules(schedule, condition):
    tables = """config firewall schedule recurring
edit toujours
set day sunday monday tuesday wednesday thursday friday saturday
next
edit jour
set start 08:00
set end 18:00
set day monday tuesday wednesday thursday friday
next
edit none
set day none
next
end
config firewall schedule group
edit lot
set member jour
next
end"""
    (rule,) = rules(policy(f"set schedule {schedule}", tables))
    assert rule.conditions == condition
    assert rule.schedule == ("" if not condition else schedule)


def test_policy_expiry():
    (rule,) = rules(policy('set policy-expiry enable\nset policy-expiry-date "2026-03-01 12:00:00"'))
    assert rule.expires == "2026-03-01T12:00:00"


def test_unknown_directive_makes_the_rule_conditional_and_is_listed():
    found = policy("set critere-futur strict\nset autre-option disable")
    (rule,) = rules(found)
    assert rule.conditions == ("directive non comprise : critere-futur",)
    assert [(note.text, note.effect) for note in found.not_understood] == [
        ("critere-futur strict", "portée de la politique 1"),
        ("autre-option disable", "aucun sur le filtrage : option inconnue, désactivée"),
    ]
    assert decide(found, packet("10.0.0.1", "10.0.0.2", 80)).verdict == "undetermined"


def test_nested_table_in_a_policy_is_not_ignored():
    (rule,) = rules(policy("config identity-based-policy\nedit 1\nset groups g\nnext\nend"))
    assert rule.conditions == ("directive non comprise : config identity-based-policy",)


def test_unknown_secret_is_not_quoted():
    found = device("set password ENC AAAABBBB\nconfig firewall policy\nend\n")
    assert "AAAABBBB" not in found.not_understood[0].text


def test_full_configuration_defaults_add_nothing():
    body = """set uuid 0-0
set match-vip disable
set tos 0x00
set tos-mask 0x00
set tos-negate disable
set internet-service disable
set internet-service-src disable
set reputation-minimum 0
set src-vendor-mac ''
set vlan-filter ''
set srcaddr-negate disable
set dstaddr-negate disable
set service-negate disable
set rtp-nat disable
set sgt-check disable
set groups ''
set av-profile ''
set logtraffic utm
set policy-expiry disable"""
    found = policy(body)
    (rule,) = rules(found)
    assert rule.conditions == ()
    assert found.not_understood == ()
    assert decide(found, packet("10.0.0.1", "10.0.0.2", 80)).verdict == "permit"


# --- IPv6


def test_ipv6_in_the_merged_table():
    objects = "config firewall address6\nedit serveurs\nset ip6 2001:db8:1::/64\nnext\nend"
    found = policy('set srcaddr6 "all"\nset dstaddr6 "serveurs"', objects)
    (rule,) = rules(found)
    assert found.addresses[rule.destination].ranges == ("0.0.0.0/0", "2001:db8:1::/64")
    assert decide(found, Packet("2001:db8::1", "2001:db8:1::5", port=80)).verdict == "permit"
    assert decide(found, Packet("2001:db8::1", "2001:db8:2::5", port=80)).verdict == "deny"


def test_ipv6_in_its_own_table():
    found = policy(
        "",
        "config firewall policy6\nedit 1\nset srcintf any\nset dstintf any\nset srcaddr all\n"
        "set dstaddr all\nset service SSH\nset action accept\nnext\nend",
    )
    assert [(chain.name, chain.families) for chain in found.chains if chain.hook == "forward"] == [
        ("policy", (4,)),
        ("policy6", (6,)),
    ]
    assert decide(found, Packet("2001:db8::1", "2001:db8::5", port=22)).verdict == "permit"
    assert decide(found, Packet("2001:db8::1", "2001:db8::5", port=23)).verdict == "deny"
    assert decide(found, packet("10.0.0.1", "10.0.0.2", 23)).verdict == "permit"


def test_whether_ipv6_is_handled():
    assert device(TILLEULS).ipv6 == "off"
    assert device(TILLEULS, "").ipv6 == ""
    six = "set role wan\nconfig ipv6\nset ip6-address 2001:db8::1/64\nset ip6-allowaccess https\nend"
    found = device(TILLEULS.replace("set role wan", six))
    assert found.ipv6 == "on"
    wan = next(one for one in found.interfaces if one.name == "wan1")
    assert wan.networks == ("198.51.100.0/29", "2001:db8::/64")


# --- Tables that also decide, modes


def test_other_deciding_tables_are_named():
    found = policy(
        "",
        "config firewall acl\nedit 1\nset interface wan1\nnext\nend\nconfig firewall nouveau\nedit 1\nnext\nend\n"
        "config firewall policy46\nend\nconfig firewall shaping-policy\nedit 1\nnext\nend",
    )
    assert [note.text for note in found.not_understood] == ["config firewall acl", "config firewall nouveau"]


def test_policy_based_mode_is_not_exact():
    found = policy("", "config system settings\nset ngfw-mode policy-based\nend")
    assert not found.chains[0].exact
    assert decide(found, packet("10.0.0.1", "10.0.0.2", 80)).verdict == "undetermined"


def test_logging_of_the_implicit_refusal():
    assert policy("").chains[0].default_log is None
    assert policy("", "config log setting\nset resolve-ip enable\nend").chains[0].default_log is False
    assert policy("", "config log setting\nset fwpolicy-implicit-log enable\nend").chains[0].default_log is True


@pytest.mark.parametrize(("action", "conditions"), [("ipsec", ()), ("ssl-vpn", ("session SSL-VPN",))])
def test_old_actions_permit(action, conditions):
    (rule,) = rules(policy(f"set action {action}"))
    assert (rule.action, rule.conditions) == ("permit", conditions)


def test_unknown_action_is_not_certain():
    found = policy("set action detourner")
    assert rules(found)[0].conditions == ("action non comprise : detourner",)
    assert len(found.not_understood) == 1


# --- VPN


def test_vpn_services():
    text = """config user local
edit "infirmiere"
set type password
set passwd ENC motdepasse=
next
edit "medecin"
set type password
set two-factor fortitoken
next
edit "ancien"
set status disable
set type radius
next
end
config user group
edit "vpn"
set member "infirmiere" "medecin"
next
end
config vpn ssl settings
set port 10443
set ssl-min-proto-ver tls1-1
set source-interface "wan1"
set source-address "all"
config authentication-rule
edit 1
set groups "vpn"
next
end
end
config vpn ipsec phase1-interface
edit "siege"
set interface "wan1"
set mode aggressive
set proposal 3des-md5 aes256gcm-prfsha384
set dhgrp 2 14
set remote-gw 203.0.113.1
set psksecret ENC clefpartagee
next
edit "nomades"
set type dynamic
set interface "wan1"
set ike-version 2
set authmethod signature
set xauthtype auto
next
end
config vpn ipsec phase2-interface
edit "siege-p2"
set phase1name "siege"
set proposal des-sha1
set pfs disable
next
end
"""
    found = device(TILLEULS + text)
    site, mobile, portal = found.vpns
    assert (site.name, site.aggressive, site.ike_versions, site.pfs) == ("siege", True, (1,), False)
    assert site.encryption == ("3des", "aes256gcm", "des")
    assert site.integrity == ("md5", "sha384", "sha1")
    assert site.dh_groups == (2, 14)
    assert (site.authentication, site.remote_access) == ("psk", False)
    assert (mobile.remote_access, mobile.ike_versions, mobile.authentication) == (True, (2,), "certificate")
    assert mobile.encryption == ()
    assert (portal.kind, portal.enabled, portal.tls_minimum, portal.mfa) == ("ssl", True, "TLS 1.1", False)
    assert [(one.name, one.enabled, one.mfa) for one in found.users] == [
        ("infirmiere", True, False),
        ("medecin", True, True),
        ("ancien", False, None),
    ]
    assert any("propositions IPsec" in limit for limit in found.limits)
    assert decide(found, packet("192.0.2.9", "198.51.100.2", 10443, "wan1"), INPUT).verdict == "permit"
    ike = Packet("203.0.113.1", "198.51.100.2", protocol="udp", port=500, in_zone="wan1")
    assert decide(found, ike, INPUT).verdict == "permit"
    facts = msgspec.json.encode(found)
    assert not any(word in facts for word in (b"motdepasse", b"clefpartagee"))


def test_objects_and_their_use():
    found = device(TILLEULS)
    used = {one.name: one.used for one in found.objects}
    assert used == {
        "LAN": True,
        "NAS": True,
        "RESIDENTS": True,
        "maj": True,
        "METIER-SANS-NAS": True,
        "TOUT": False,
        "DICOM": False,
        "Web": True,
    }


# --- Recognition


@pytest.mark.parametrize(
    "text",
    [
        "<?xml version='1.0'?><pfsense/>",
        "set deviceconfig system hostname x\n",
        "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
        "hostname asa\ninterface GigabitEthernet0/0\n nameif outside\n",
        "/ip firewall filter\nadd action=accept chain=input\n",
        "config firewall\n",
        "table inet filter {\n}\n",
    ],
)
def test_other_products_are_not_claimed(text):
    assert not fortigate.recognise(source(text))


def test_own_exports_are_recognised():
    assert fortigate.recognise(source(HEADER + TILLEULS))
    assert fortigate.recognise(source(TILLEULS))


# --- Hostile input


def survives(text: str) -> None:
    try:
        found = fortigate.parse([source(text)])
    except ParseError:
        return
    assert found
    assert all(one.vendor == "fortigate" for one in found)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_arbitrary_text(text):
    survives(text)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_export(data):
    lines = (HEADER + TILLEULS).split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        lines = lines or [""]
        index = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "garble", "cut"])):
            case "drop":
                del lines[index]
            case "double":
                lines.insert(index, lines[index])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[index], lines[other] = lines[other], lines[index]
            case "garble":
                word = data.draw(st.text(st.characters(codec="utf-8"), max_size=12))
                lines[index] = lines[index].replace("10.", word, 1).replace('"', word, 1)
            case _:
                lines = lines[: index + 1]
    survives("\n".join(lines))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(TILLEULS)))
def test_truncated_export(length):
    """A file cut inside a block is refused; one cut between two blocks is a shorter, valid file."""
    text = TILLEULS[:length]
    words = [line.split() for line in text.split("\n") if not line.startswith(" ")]
    if sum(line == ["end"] or (line[:1] == ["config"] and len(line) > 1) for line in words) % 2:
        with pytest.raises(ParseError):
            fortigate.parse([source(text)])
    else:
        survives(text)


def test_a_large_file_is_read_in_bounded_time():
    big = "".join(
        f'    edit {n}\n        set srcintf "a"\n        set dstintf "b"\n        set srcaddr "all"\n'
        f'        set dstaddr "all"\n        set service "ALL"\n    next\n'
        for n in range(1, 20_001)
    )
    found = device(f"config firewall policy\n{big}end\n")
    assert len(rules(found)) == 20_000


def test_too_many_moves_are_refused():
    entries = "".join(f"edit {n}\nnext\n" for n in range(8000))
    moves = "move 7999 before 1\nmove 7999 after 5000\n" * 4000
    with pytest.raises(ParseError, match="déplacements"):
        fortigate.parse([source(f"config firewall policy\n{entries}{moves}end\n")])


# --- Files of others

COUNTS = {
    "acidjunk_example.conf": (2, 0),
    "acidjunk_vdom.conf": (2, 0),
    "batfish_address.conf": (0, 0),
    "batfish_addrgrp.conf": (0, 0),
    "batfish_firewall_policy.conf": (5, 1),
    "batfish_firewall_policy_warn.conf": (5, 0),
    "batfish_iface.conf": (0, 0),
    "batfish_policy.conf": (2, 0),
    "batfish_policy_defs_refs.conf": (2, 0),
    "batfish_policy_move.conf": (5, 0),
    "batfish_service_custom.conf": (0, 0),
    "batfish_zone.conf": (0, 0),
    "fortios_first_basic.d2_fw.show.txt": (1, 0),
}
NOT_UNDERSTOOD = {
    "batfish_firewall_policy_warn.conf": [85, 86, 87, 89, 91],
    "batfish_policy_defs_refs.conf": [73, 77],
}
given_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")


@pytest.mark.corpus
@given_corpus
@pytest.mark.parametrize("name", COUNTS)
def test_corpus_counts(name):
    file = decode(name, (CORPUS / name).read_bytes())
    assert fortigate.recognise(file)
    (found,) = fortigate.parse([file])
    written = [rule for rule in rules(found) if not rule.automatic]
    assert (len(written), sum(not rule.enabled for rule in written)) == COUNTS[name]
    assert [note.line for note in found.not_understood] == NOT_UNDERSTOOD.get(name, [])


@pytest.mark.corpus
@given_corpus
def test_corpus_is_complete():
    assert {path.name for path in CORPUS.iterdir()} == set(COUNTS)


@pytest.mark.corpus
@given_corpus
@pytest.mark.parametrize("name", ["acidjunk_example.conf", "acidjunk_vdom.conf", "fortios_first_basic.d2_fw.show.txt"])
def test_corpus_secrets_stay_out(name):
    file = decode(name, (CORPUS / name).read_bytes())
    secrets = [
        word
        for line in file.text.split("\n")
        if " ENC " in line
        for word in line.partition(" ENC ")[2].split()
        if len(word) > 8
    ]
    assert secrets
    facts = msgspec.json.encode(fortigate.parse([file])).decode()
    assert not any(word in facts for word in secrets)
    assert "PRIVATE KEY" not in facts


@pytest.mark.corpus
@given_corpus
def test_corpus_moves():
    name = "batfish_policy_move.conf"
    (found,) = fortigate.parse([decode(name, (CORPUS / name).read_bytes())])
    assert [rule.ref for rule in rules(found)] == ["5", "1", "2", "4", "3"]


@pytest.mark.corpus
@given_corpus
def test_corpus_versions():
    name = "fortios_first_basic.d2_fw.show.txt"
    (found,) = fortigate.parse([decode(name, (CORPUS / name).read_bytes())])
    assert (found.name, found.firmware) == ("d2_fw", "6.4.4 build 1803")
    assert [one.name for one in found.interfaces if one.default_route] == ["outside"]
