from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.addresses import from_fact as addresses_of
from checks.firewall.algebra.decide import DENY, PERMIT, UNDETERMINED, Packet, decide, decide_point, point_of
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.algebra.services import from_fact as services_of
from checks.firewall.facts import INPUT
from checks.firewall.parsers import asa
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "asa"

TILLEULS = """: Saved
:
: Serial Number: JAD00000000
ASA Version 9.16(4)
!
hostname fw-tilleuls
enable password Motdepasse-Enable pbkdf2
names
name 10.10.0.5 SRV-SOINS description serveur du logiciel de soins
!
interface GigabitEthernet0/0
 description Fibre operateur
 nameif outside
 security-level 0
 ip address 203.0.113.2 255.255.255.248
!
interface GigabitEthernet0/1
 nameif inside
 security-level 100
 ip address 10.10.0.1 255.255.255.0
!
interface GigabitEthernet0/2
 nameif dmz
 security-level 50
 ip address 10.50.0.1 255.255.255.0
!
interface GigabitEthernet0/3
 nameif residents
 security-level 50
 ip address 10.60.0.1 255.255.255.0
!
interface Management0/0
 management-only
 nameif admin
 security-level 100
 ip address 10.99.0.1 255.255.255.0
!
object network SRV-WEB
 host 10.50.0.10
object network VISIO
 fqdn v4 visio.example.org
object network PLAGE
 range 10.50.0.20 10.50.0.29
object service HTTPS-ALT
 service tcp source gt 1023 destination eq 8443
object-group network SERVEURS
 network-object object SRV-WEB
 group-object SERVEURS-2
object-group network SERVEURS-2
 network-object host SRV-SOINS
 network-object object PLAGE
object-group service WEB tcp
 port-object eq www
 port-object eq https
object-group service MELANGE
 service-object tcp-udp destination eq domain
 service-object icmp echo
 service-object object HTTPS-ALT
object-group protocol TCPUDP
 protocol-object udp
 protocol-object tcp
object-group icmp-type PINGS
 icmp-object echo
 icmp-object echo-reply
time-range CHANTIER
 absolute start 08:00 01 January 2026 end 18:00 30 June 2026
!
access-list OUT_IN remark Site web public
access-list OUT_IN remark demande de la direction
access-list OUT_IN extended permit tcp any object SRV-WEB object-group WEB
access-list OUT_IN extended permit tcp any host 10.50.0.10 eq 22 inactive
access-list OUT_IN extended permit tcp any host 10.50.0.11 eq 3389 time-range CHANTIER
access-list OUT_IN extended permit tcp object VISIO any eq 5061
access-list OUT_IN extended permit object-group TCPUDP any host 10.50.0.12 range 5000 5010 log disable
access-list OUT_IN extended permit icmp any any object-group PINGS
access-list OUT_IN extended permit object-group MELANGE any host 10.50.0.13
access-list OUT_IN extended permit tcp user-group EHPAD\\\\soins any host 10.50.0.14 eq 443
access-list OUT_IN extended deny ip any object-group SERVEURS log
access-list RES_OUT extended permit tcp any any eq www
access-list RES_OUT extended permit tcp any any neq 25
access-list GLOBALE extended permit udp any any eq domain
access-list SPLIT standard permit 10.10.0.0 255.255.255.0
access-list VPN-SITE extended permit ip 10.10.0.0 255.255.255.0 10.20.0.0 255.255.255.0
access-group OUT_IN in interface outside
access-group RES_OUT out interface residents
ip local pool CLIENTS 10.70.0.10-10.70.0.50 mask 255.255.255.0
object network SRV-WEB
 nat (dmz,outside) static 203.0.113.3 service tcp https 8443
nat (inside,outside) after-auto source dynamic any interface
nat (inside,outside) source static any any destination static SERVEURS SERVEURS no-proxy-arp
logging enable
route outside 0.0.0.0 0.0.0.0 203.0.113.1 1
aaa authentication ssh console LOCAL
http server enable 8443
http 10.10.0.0 255.255.255.0 inside
ssh 0.0.0.0 0.0.0.0 outside
ssh 10.99.0.0 255.255.255.0 admin
telnet 10.10.0.0 255.255.255.0 inside
telnet 0.0.0.0 0.0.0.0 outside
ssh timeout 5
icmp permit host 198.51.100.9 echo outside
snmp-server host inside 10.10.0.9 community Communaute-Secrete
snmp-server community Communaute-Secrete
crypto ipsec ikev1 transform-set VIEUX esp-3des esp-md5-hmac
crypto ipsec ikev2 ipsec-proposal NEUF
 protocol esp encryption aes-256
 protocol esp integrity sha-256
crypto map CARTE 10 match address VPN-SITE
crypto map CARTE 10 set peer 198.51.100.20
crypto map CARTE 10 set ikev1 transform-set VIEUX
crypto map CARTE 10 set ikev2 ipsec-proposal NEUF
crypto map CARTE 10 set pfs group5
crypto map CARTE interface outside
crypto ikev1 enable outside
crypto ikev1 policy 10
 authentication pre-share
 encryption 3des
 hash md5
 group 2
crypto ikev2 policy 1
 encryption aes-256
 integrity sha256
 group 14 19
crypto ca certificate chain SIENNE
 certificate 01
    308202a1 30820189 a0030201 02020101
  quit
ssl server-version tlsv1.2
webvpn
 enable outside
tunnel-group 198.51.100.20 type ipsec-l2l
tunnel-group 198.51.100.20 ipsec-attributes
 ikev1 pre-shared-key Cle-Partagee
username directeur password HachageSecret pbkdf2 privilege 15
username nomade password HachageSecret pbkdf2
username nomade attributes
 service-type remote-access
Cryptochecksum:00000000000000000000000000000000
: end
"""

SECRETS = ("Motdepasse", "Communaute", "Cle-Partagee", "HachageSecret", "308202a1")


def file(text: str, name: str = "fw.cfg") -> SourceFile:
    return decode(name, text.encode())


def device(text: str = TILLEULS):
    (found,) = asa.parse([file(text)])
    return found


def fragment(*lines: str, version: str = "ASA Version 9.16(4)"):
    return device("\n".join((version, *lines, "")))


def edited(old: str, new: str):
    assert old in TILLEULS
    return device(TILLEULS.replace(old, new))


def fate(found, source, destination, port=443, *, via="outside", out="dmz", protocol="tcp", hook="forward", **more):
    return decide(found, Packet(source, destination, protocol, port, in_zone=via, out_zone=out, **more), hook)


def settled(found, source, destination, port=443, *, via="outside", out="dmz", protocol="tcp", chain="accès entrants"):
    """The line of one chain that settles a packet."""
    packet = Packet(source, destination, protocol, port, in_zone=via, out_zone=out)
    (policy,) = (one for one in policies_of(found, "forward") if one.chain.name == chain and one.space.family == 4)
    return decide_point(policy, point_of(packet, policy.space)).entry.rule


def rules(found, chain="accès entrants"):
    return next(one for one in found.chains if one.name == chain).rules


def written(found, chain="accès entrants"):
    return [rule for rule in rules(found, chain) if not rule.automatic]


def service(found, rule):
    return found.services[rule.services]


TWO = (
    "interface G0/0", " nameif outside", " security-level 0", " ip address 203.0.113.2 255.255.255.0",
    "interface G0/1", " nameif inside", " security-level 100", " ip address 10.10.0.1 255.255.255.0",
)  # fmt: skip


def test_everything_of_the_export_is_understood():
    found = device()
    assert found.not_understood == ()
    assert (found.name, found.firmware, found.ipv6) == ("fw-tilleuls", "9.16(4)", "off")
    assert [chain.name for chain in found.chains] == [
        "niveaux de sécurité", "accès entrants", "accès sortants", "services de l'équipement",
        "GLOBALE (non appliquée)", "SPLIT (non appliquée)", "VPN-SITE (non appliquée)",
    ]  # fmt: skip
    assert len(written(found)) == 9


def test_no_secret_enters_the_facts():
    text = msgspec.json.encode(device()).decode()
    assert [secret for secret in SECRETS if secret in text] == []


def test_no_secret_enters_what_was_not_understood():
    found = fragment("snmp-server host inside INCONNU community Communaute-Secrete", "commande-neuve key Cle-Partagee")
    assert len(found.not_understood) == 2
    assert [secret for secret in SECRETS if secret in msgspec.json.encode(found).decode()] == []


def test_first_match_in_the_inbound_list_then_the_implicit_deny():
    found = device()
    assert fate(found, "198.51.100.7", "10.50.0.10", 443).verdict == PERMIT
    rule = settled(found, "198.51.100.7", "10.50.0.10", 443)
    assert (rule.ref, rule.line) == (
        "OUT_IN line 3",
        TILLEULS[: TILLEULS.index("access-list OUT_IN extended")].count("\n") + 1,
    )
    refused = fate(found, "198.51.100.7", "10.50.0.10", 8080)
    assert (refused.verdict, refused.entry.rule.ref) == (DENY, "OUT_IN line 11")
    implicit = fate(found, "198.51.100.7", "10.50.0.77", 8080)
    assert implicit.verdict == DENY
    assert implicit.entry.rule.automatic


def test_remarks_precede_their_entry_and_count_in_its_number():
    first, second = written(device())[:2]
    assert first.comment == "Site web public demande de la direction"
    assert (first.ref, second.ref, second.comment) == ("OUT_IN line 3", "OUT_IN line 4", "")


def test_inactive_entry_does_nothing():
    found = device()
    rule = written(found)[1]
    assert not rule.enabled
    assert fate(found, "198.51.100.7", "10.50.0.10", 22).entry.rule.ref == "OUT_IN line 11"


def test_time_range_and_user_are_conditions():
    found = device()
    rdp, user = written(found)[2], written(found)[7]
    assert (rdp.schedule, rdp.expires, rdp.conditions) == ("CHANTIER", "2026-06-30T18:00:00", ("horaire : CHANTIER",))
    assert user.conditions == ("utilisateur : EHPAD\\\\soins",)
    assert fate(found, "198.51.100.7", "10.50.0.11", 3389).verdict == UNDETERMINED


def test_fqdn_is_unresolved_and_never_certain():
    found = device()
    source = found.addresses[written(found)[3].source]
    assert (source.ranges, source.unresolved) == ((), ("fqdn:visio.example.org",))
    assert fate(found, "198.51.100.7", "10.50.0.77", 5061).verdict == UNDETERMINED


def test_nested_groups_names_and_ranges():
    found = device()
    assert found.addresses[written(found)[8].destination].ranges == (
        "10.10.0.5", "10.50.0.10", "10.50.0.20-10.50.0.29",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("tcp any any eq 25", ("tcp/25",)),
        ("tcp any any neq 25", ("tcp/0-24", "tcp/26-65535")),
        ("udp any any lt 3", ("udp/0-2",)),
        ("udp any any gt 65533", ("udp/65534-65535",)),
        ("udp any any range netbios-ns 139", ("udp/137-139",)),
        ("tcp any gt 1023 any eq https", ("tcp/443@1024-65535",)),
        ("tcp any any", ("tcp",)),
        ("ip any any", ("any",)),
        ("gre any any", ("gre",)),
        ("41 any any", ("41",)),
        ("icmp any any unreachable 4", ("icmp/3/4",)),
        ("icmp any any 8", ("icmp/8",)),
        ("icmp6 any any neighbor-solicitation", ("icmp6/135",)),
    ],
)  # fmt: skip
def test_protocols_ports_and_types(text, services):
    found = fragment(f"access-list L extended permit {text}")
    assert found.not_understood == ()
    (rule,) = written(found)
    assert service(found, rule).services == services


def test_service_groups_of_both_kinds():
    found = device()
    assert service(found, written(found)[0]).services == ("tcp/80", "tcp/443")
    assert service(found, written(found)[4]).services == ("tcp/5000-5010", "udp/5000-5010")
    assert service(found, written(found)[5]).services == ("icmp/0", "icmp/8")
    assert service(found, written(found)[6]).services == (
        "icmp/8", "tcp/53", "udp/53", "tcp/8443@1024-65535",
    )  # fmt: skip


def test_a_port_name_that_changed_number_is_uncertain():
    found = fragment("access-list L extended permit tcp any any eq kerberos")
    services = service(found, written(found)[0])
    assert (services.services, services.maybe, services.unresolved) == ((), ("tcp/88", "tcp/750"), ("port:kerberos",))


def test_any_is_ipv4_alone_before_9_0_both_after_and_uncertain_without_version():
    line = "access-list L extended permit ip any any"
    old = fragment(line, version="ASA Version 8.4(2)")
    new = fragment(line)
    loose = device(line + "\n")
    assert old.addresses[written(old)[0].source].ranges == ("0.0.0.0/0",)
    assert new.addresses[written(new)[0].source].ranges == ("0.0.0.0/0", "::/0")
    sets = loose.addresses[written(loose)[0].source]
    assert (sets.ranges, sets.maybe) == (("0.0.0.0/0",), ("::/0",))


def test_any4_and_any6():
    found = fragment("access-list L extended permit ip any4 any6")
    rule = written(found)[0]
    assert found.addresses[rule.source].ranges == ("0.0.0.0/0",)
    assert found.addresses[rule.destination].ranges == ("::/0",)


def test_separate_ipv6_lists_before_9_0():
    found = fragment(
        *TWO,
        "access-list L4 extended permit tcp any any eq 80",
        "ipv6 access-list L6 permit tcp any host 2001:db8::10 eq 443",
        "access-group L4 in interface outside",
        "access-group L6 in interface outside",
        version="ASA Version 8.4(7)",
    )
    assert found.not_understood == ()
    go = {"via": "outside", "out": "inside"}
    assert fate(found, "198.51.100.1", "10.10.0.9", 80, **go).verdict == PERMIT
    assert fate(found, "198.51.100.1", "10.10.0.9", 443, **go).verdict == DENY
    assert fate(found, "2001:db8:1::1", "2001:db8::10", 443, **go).verdict == PERMIT
    assert fate(found, "2001:db8:1::1", "2001:db8::10", 80, **go).verdict == DENY


def test_security_levels_permit_downwards_only():
    found = device()
    assert fate(found, "10.10.0.20", "198.51.100.7", via="inside", out="outside").verdict == PERMIT
    assert settled(found, "10.10.0.20", "198.51.100.7", via="inside", out="outside").name.startswith("niveau 100")
    assert fate(found, "10.50.0.10", "10.10.0.20", via="dmz", out="inside").verdict == DENY


def test_an_inbound_list_ends_the_implicit_permit():
    bound = edited("access-group OUT_IN in", "access-group GLOBALE in interface inside\naccess-group OUT_IN in")
    assert fate(bound, "10.10.0.20", "198.51.100.7", 443, via="inside", out="outside").verdict == DENY
    assert fate(bound, "10.10.0.20", "198.51.100.7", 53, via="inside", out="outside", protocol="udp").verdict == PERMIT


def test_global_list_follows_interface_lists_and_ends_implicit_permits():
    found = edited("access-group OUT_IN in", "access-group GLOBALE global\naccess-group OUT_IN in")
    # The implicit deny of the list bound to the interface gives way to the global list.
    assert settled(found, "198.51.100.7", "10.50.0.77", 53, protocol="udp").ref == "GLOBALE line 1"
    assert settled(found, "198.51.100.7", "10.50.0.10", 53, protocol="udp").ref == "OUT_IN line 11"
    assert fate(found, "198.51.100.7", "10.50.0.77", 443).verdict == DENY
    assert fate(found, "10.10.0.20", "198.51.100.7", 443, via="inside", out="outside").verdict == DENY
    assert fate(found, "10.10.0.20", "198.51.100.7", 53, via="inside", out="outside", protocol="udp").verdict == PERMIT


def test_same_level_needs_the_command_whatever_the_lists():
    crossing = {"via": "dmz", "out": "residents"}
    assert fate(device(), "10.50.0.9", "10.60.0.9", 80, **crossing).verdict == DENY
    between = "same-security-traffic permit inter-interface\nlogging enable"
    assert fate(edited("logging enable", between), "10.50.0.9", "10.60.0.9", 80, **crossing).verdict == PERMIT
    bound = edited("access-group OUT_IN in", "access-group RES_OUT in interface dmz\naccess-group OUT_IN in")
    assert fate(bound, "10.50.0.9", "10.60.0.9", 80, **crossing).verdict == DENY


def test_hairpin_needs_its_own_command():
    twice = {"via": "dmz", "out": "dmz"}
    assert fate(device(), "10.50.0.9", "10.50.0.10", 80, **twice).verdict == DENY
    intra = edited("logging enable", "same-security-traffic permit intra-interface\nlogging enable")
    assert fate(intra, "10.50.0.9", "10.50.0.10", 80, **twice).verdict == PERMIT


def test_outbound_list_must_permit_too():
    found = device()
    assert fate(found, "10.10.0.20", "10.60.0.9", 443, via="inside", out="residents").verdict == PERMIT
    mail = fate(found, "10.10.0.20", "10.60.0.9", 25, via="inside", out="residents")
    assert (mail.verdict, mail.entry.chain) == (DENY, "accès sortants")
    assert fate(found, "10.10.0.20", "10.60.0.9", 53, via="inside", out="residents", protocol="udp").verdict == DENY


def test_nothing_crosses_a_management_only_interface():
    found = edited("logging enable", "same-security-traffic permit inter-interface\nlogging enable")
    assert fate(found, "10.99.0.5", "198.51.100.7", via="admin", out="outside").verdict == DENY
    assert fate(found, "10.10.0.5", "10.99.0.5", via="inside", out="admin").verdict == DENY


def test_bound_list_that_is_absent_makes_its_interface_undetermined():
    found = edited("access-group RES_OUT out", "access-group DISPARUE in interface dmz\naccess-group RES_OUT out")
    assert [entry.text for entry in found.not_understood] == ["access-group DISPARUE"]
    assert fate(found, "10.50.0.9", "198.51.100.7", via="dmz", out="outside").verdict == UNDETERMINED
    assert fate(found, "10.10.0.9", "198.51.100.7", via="inside", out="outside").verdict == PERMIT


def test_vpn_traffic_may_bypass_the_lists_only_from_the_far_networks():
    found = device()
    assert fate(found, "10.20.0.9", "10.10.0.5", 445, out="inside").verdict == UNDETERMINED
    assert fate(found, "10.70.0.20", "10.10.0.5", 445, out="inside").verdict == UNDETERMINED
    assert fate(found, "10.21.0.9", "10.10.0.5", 445, out="inside").verdict == DENY
    strict = edited("logging enable", "no sysopt connection permit-vpn\nlogging enable")
    assert fate(strict, "10.20.0.9", "10.10.0.5", 445, out="inside").verdict == DENY


def test_management_lines_open_the_firewall_itself():
    found = device()

    def box(source, port, via, protocol="tcp"):
        return fate(found, source, "203.0.113.2", port, via=via, out="", protocol=protocol, hook=INPUT)

    assert (
        box("198.51.100.7", 22, "outside").entry.rule.line == TILLEULS[: TILLEULS.index("ssh 0.0.0.0")].count("\n") + 1
    )
    assert box("10.10.0.7", 8443, "inside").verdict == PERMIT  # the port of `http server enable`
    assert box("10.10.0.9", 161, "inside", "udp").verdict == PERMIT
    assert box("198.51.100.7", 23, "outside").verdict == UNDETERMINED  # telnet only inside a VPN there
    assert box("198.51.100.7", 9999, "outside").verdict == UNDETERMINED  # other services may listen: never a proof
    assert box("198.51.100.7", 500, "outside", "udp").verdict == PERMIT
    assert box("198.51.100.7", 443, "outside").verdict == PERMIT  # webvpn


def test_control_plane_list_after_management_and_without_implicit_deny():
    extra = (
        "access-list CP extended deny tcp any any eq 22\naccess-list CP extended deny udp any any eq isakmp\n"
        "access-group CP in interface outside control-plane\nlogging enable"
    )
    found = edited("logging enable", extra)
    ssh = fate(found, "198.51.100.7", "203.0.113.2", 22, out="", hook=INPUT)
    ike = fate(found, "198.51.100.7", "203.0.113.2", 500, out="", hook=INPUT, protocol="udp")
    web = fate(found, "198.51.100.7", "203.0.113.2", 443, out="", hook=INPUT)
    assert (ssh.verdict, ike.verdict, ike.entry.rule.ref, web.verdict) == (PERMIT, DENY, "CP line 2", PERMIT)
    through = fate(found, "198.51.100.7", "10.50.0.10", 443)
    assert through.verdict == PERMIT  # the control-plane list does not concern crossing traffic


def test_icmp_lines_close_the_rest_of_their_interface():
    found = device()
    ping = {"protocol": "icmp", "out": "", "hook": INPUT, "port": 0}
    assert fate(found, "198.51.100.9", "203.0.113.2", **ping).verdict == PERMIT
    assert fate(found, "198.51.100.7", "203.0.113.2", **ping).verdict == UNDETERMINED
    assert fate(found, "10.10.0.7", "10.10.0.1", via="inside", **ping).verdict == PERMIT


def test_interfaces():
    by_name = {one.name: one for one in device().interfaces}
    outside = by_name["outside"]
    assert (outside.title, outside.role, outside.default_route) == ("Fibre operateur", "wan", True)
    assert outside.management == ("ssh", "telnet", "ping")
    assert outside.management_restricted is False
    assert by_name["inside"].management == ("https", "telnet", "snmp", "ping")
    assert by_name["inside"].management_restricted is True
    assert by_name["inside"].networks == ("10.10.0.0/24",)


def test_web_management_needs_the_server():
    found = edited("http server enable 8443\n", "")
    assert "https" not in next(one for one in found.interfaces if one.name == "inside").management


def test_accounts():
    found = device()
    assert [(one.name, one.full_rights, one.restricted) for one in found.administrators] == [("directeur", True, False)]
    assert [one.name for one in found.users] == ["nomade"]


def test_vpns():
    tunnel, portal = device().vpns
    assert (tunnel.name, tunnel.ike_versions, tunnel.remote_access) == ("CARTE 10 198.51.100.20", (1, 2), False)
    assert (tunnel.encryption, tunnel.integrity) == (("3des", "aes256"), ("md5", "sha256"))
    assert (tunnel.dh_groups, tunnel.pfs, tunnel.authentication) == ((5, 2, 14, 19), True, "psk")
    assert (portal.kind, portal.remote_access, portal.tls_minimum) == ("ssl", True, "tlsv1.2")


def test_nat_sections_and_published_port():
    found = device()
    assert [(one.kind, one.name) for one in found.nat] == [
        ("source", "any"), ("destination", "SRV-WEB"), ("source", "any"),
    ]  # fmt: skip
    exempted, published, hidden = found.nat
    assert (exempted.to_address, hidden.to_address) == ("", "interface")
    assert found.addresses[published.destination].ranges == ("203.0.113.3",)
    assert service(found, published).services == ("tcp/8443",)
    assert (published.to_address, published.to_ports, published.in_zones) == ("10.50.0.10", "443", ("outside",))


def test_object_nat_order_static_first_then_fewest_addresses():
    found = fragment(
        "object network GRAND", " subnet 10.1.0.0 255.255.0.0", " nat (inside,outside) dynamic interface",
        "object network MOYEN", " subnet 10.2.0.0 255.255.255.0", " nat (inside,outside) static 203.0.113.0",
        "object network PETIT", " host 10.3.0.1", " nat (inside,outside) static 203.0.114.9",
        "nat (inside,outside) source static PETIT GRAND",
    )  # fmt: skip
    assert [one.name for one in found.nat] == ["PETIT", "PETIT", "MOYEN", "GRAND"]
    assert found.addresses[found.nat[2].destination].ranges == ("203.0.113.0/24",)


def test_translations_before_8_3_and_what_it_changes():
    found = fragment(
        "static (inside,outside) 203.0.113.9 10.10.0.9 netmask 255.255.255.255",
        "static (inside,outside) tcp interface 8443 10.10.0.8 https netmask 255.255.255.255",
        "nat (inside) 1 10.10.0.0 255.255.255.0", "global (outside) 1 203.0.113.2",
        version="ASA Version 8.2(5)",
    )  # fmt: skip
    assert found.not_understood == ()
    assert [(one.kind, one.to_address, one.to_ports) for one in found.nat] == [
        ("static", "10.10.0.9", ""), ("destination", "10.10.0.8", "443"), ("source", "203.0.113.2", ""),
    ]  # fmt: skip
    assert any("Avant la version 8.3" in limit for limit in found.limits)


def test_counters_of_show_access_list_in_the_file():
    counted = TILLEULS.replace(
        ": end\n",
        "access-list cached ACL log flows: total 0, denied 0 (deny-flow-max 4096)\n"
        "            alert-interval 300\n"
        "access-list OUT_IN; 12 elements; name hash: 0x1234\n"
        "access-list OUT_IN line 1 remark Site web public\n"
        "access-list OUT_IN line 3 extended permit tcp any object SRV-WEB object-group WEB 0x11111111\n"
        "  access-list OUT_IN line 3 extended permit tcp any host 10.50.0.10 eq www (hitcnt=40) 0x22222222\n"
        "  access-list OUT_IN line 3 extended permit tcp any host 10.50.0.10 eq https (hitcnt=2) 0x33333333\n"
        "access-list OUT_IN line 4 extended permit tcp any host 10.50.0.10 eq ssh inactive (hitcnt=0) (inactive) 0x4\n"
        ": end\n",
    )
    found = device(counted)
    assert found.not_understood == ()
    assert [rule.hits for rule in written(found)[:3]] == [42, 0, None]
    assert len(written(found)) == 9


def test_logging_of_entries():
    found = device()
    assert [rule.log for rule in written(found)[:5]] == [None, None, None, None, False]
    assert written(found)[8].log is True
    silent = edited("logging enable\n", "")
    assert written(silent)[8].log is False


def test_absent_group_is_unresolved_and_the_rest_goes_on():
    found = fragment("access-list L extended permit tcp object-group ABSENT host 10.0.0.1 eq 80")
    assert found.not_understood == ()
    assert found.addresses[written(found)[0].source].unresolved == ("absent:ABSENT",)


def test_group_that_holds_itself():
    found = fragment(
        "object-group network A", " group-object B", " network-object host 10.0.0.1",
        "object-group network B", " group-object A", "access-list L extended permit ip object-group A any",
    )  # fmt: skip
    members = found.addresses[written(found)[0].source]
    assert members.unresolved
    assert members.maybe


def test_member_that_is_not_understood_makes_the_group_uncertain():
    found = fragment(
        "object-group network G", " network-object host 10.0.0.1", " network-object magique 12",
        "access-list L extended permit ip object-group G any",
    )  # fmt: skip
    members = found.addresses[written(found)[0].source]
    assert (members.ranges[0], bool(members.maybe)) == ("10.0.0.1", True)
    assert found.not_understood[0].line == 4


def test_entry_that_is_not_understood_is_kept_as_a_condition():
    found = fragment(
        *TWO, "access-list L extended permit tcp any any eq 80 quantum", "access-group L in interface outside"
    )
    rule = written(found)[0]
    assert rule.conditions[0].startswith("directive non comprise : ")
    assert found.not_understood[0].line == 10
    assert fate(found, "198.51.100.1", "10.10.0.1", 80, out="inside").verdict == UNDETERMINED


def test_entry_without_a_readable_action_makes_the_chain_inexact():
    found = fragment(*TWO, "access-list L extended trust ip any any", "access-group L in interface outside")
    chain = next(one for one in found.chains if one.name == "accès entrants")
    assert not chain.exact
    assert "ligne 10" in chain.why_not_exact
    assert fate(found, "198.51.100.1", "10.10.0.1", 80, out="inside").verdict == UNDETERMINED


def test_unknown_command_is_reported():
    found = fragment("teleportation enable")
    assert [(entry.line, entry.text) for entry in found.not_understood] == [(2, "teleportation enable")]


def test_per_user_override_counts_only_with_cut_through_authentication():
    bound = ("access-list L extended deny ip any any", "access-group L in interface outside per-user-override")
    plain = fragment(*TWO, *bound)
    assert fate(plain, "198.51.100.1", "10.10.0.1", 80, out="inside").verdict == DENY
    user = fragment(*TWO, *bound, "aaa authentication match L outside LOCAL")
    assert fate(user, "198.51.100.1", "10.10.0.1", 80, out="inside").verdict == UNDETERMINED


def test_lists_alone_are_each_studied_by_themselves():
    found = device("access-list A extended permit ip any any\naccess-list B extended deny ip any any\n")
    assert [rule.in_zones for rule in written(found)] == [("A",), ("B",)]
    assert any("access-group" in limit for limit in found.limits)
    assert isinstance(found.administrators, Gap)
    assert isinstance(found.vpns, Gap)


def test_truncated_export_is_refused():
    with pytest.raises(ParseError, match="coupée"):
        device(TILLEULS[: TILLEULS.index("Cryptochecksum")])
    with pytest.raises(ParseError, match="ligne 2 : fichier coupé"):
        device("access-list A extended permit ip any any\naccess-list A extended permit tcp any ho")


def test_pager_marks_are_removed():
    found = device(
        "access-list A extended permit ip any any\n<--- More --->              \raccess-list A extended deny ip any any\n".replace(
            "\r", ""
        )
    )
    assert len(written(found)) == 2


def test_firepower_is_refused_by_name():
    with pytest.raises(ParseError, match="Firepower"):
        device("NGFW Version 7.2.0\naccess-list CSM_FW_ACL_ advanced permit ip any any rule-id 1\n")


def test_named_objects_and_their_use():
    by_name = {one.name: one for one in device().objects}
    assert {name for name, one in by_name.items() if not one.used} == set()
    assert by_name["MELANGE"].kind == "service-group"
    assert by_name["VISIO"].kind == "address"
    spare = edited("object network VISIO\n", "object network SECOURS\n host 10.9.9.9\nobject network VISIO\n")
    assert [one.name for one in spare.objects if not one.used] == ["SECOURS"]


@pytest.mark.parametrize(
    "text",
    [
        "ip access-list extended X\n permit tcp any any\n",
        "config firewall policy\nedit 1\nend\n",
        "access-list 10 permit 10.0.0.0 0.0.0.255\n",
        "<profile/>",
        "",
    ],
)
def test_other_files_are_not_recognised(text):
    assert not asa.recognise(file(text))


def test_recognised():
    assert asa.recognise(file(TILLEULS))
    assert asa.recognise(file("access-list A extended permit ip any any\n"))


WORDS = st.sampled_from(
    [
        "access-list", "A", "extended", "permit", "deny", "tcp", "udp", "ip", "icmp", "any", "any4", "host", "10.0.0.1",
        "255.255.255.0", "eq", "range", "www", "object-group", "object", "network", "service", "G", "group-object",
        "network-object", "port-object", "nat", "(inside,outside)", "source", "static", "dynamic", "interface", "nameif",
        "inside", "security-level", "100", "access-group", "in", "global", "crypto", "map", "10", "set", "log", "inactive",
        "time-range", "absolute", "end", "ssh", "http", "icmp", "line", "hitcnt", "service-object", "username", "webvpn",
        "enable", "port", "ipv6", "address", "standard", "remark", "destination", "99999999999999999999", "\x00", "é",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=10), max_size=25), st.booleans(), st.booleans())
def test_any_text_is_read_or_refused(lines, indented, ended):
    text = "\n".join((" " if indented and number % 3 else "") + " ".join(words) for number, words in enumerate(lines))
    check(text + ("\n" if ended else ""))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_export_is_read_or_refused(data):
    text = TILLEULS
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        size = data.draw(st.integers(0, 30))
        text = text[:at] + data.draw(st.text(max_size=12)) + text[at + size :]
    check(text[: data.draw(st.integers(0, len(text)))])


def check(text: str) -> None:
    """Either a refusal in French, or facts that the algebra can read back."""
    source = SourceFile("fw.cfg", text, "")
    asa.recognise(source)
    try:
        (found,) = asa.parse([source])
    except ParseError:
        return
    for one in found.addresses:
        addresses_of(one)
    for one in found.services:
        services_of(one)
    if any(chain.hook == "forward" for chain in found.chains):
        assert fate(found, "10.0.0.1", "10.0.0.2").verdict in (PERMIT, DENY, UNDETERMINED)


def test_large_file_is_read_in_linear_time():
    line = "access-list L extended permit tcp 10.{}.{}.0 255.255.255.0 host 10.0.0.1 eq {}\n"
    text = "ASA Version 9.16(4)\n" + "".join(line.format(n >> 8 & 255, n & 255, n) for n in range(20_000))
    found = device(text)
    assert len(written(found)) == 20_000


def test_deep_groups_are_bounded():
    lines = [f"object-group network G{n}\n group-object G{n + 1}\n" for n in range(5000)]
    found = device("ASA Version 9.16(4)\n" + "".join(lines) + "access-list L extended permit ip object-group G0 any\n")
    assert any(why.startswith("depth:") for why in found.addresses[written(found)[0].source].unresolved)


given_files = pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
COUNTS = {
    "aerleon_sample_multitarget.asa": (64, 0, 0), "batfish_asa-filters.cfg": (4, 0, 0),
    "batfish_asa-nat-mixed.cfg": (0, 0, 10), "batfish_asa-security-level-permit-tracing.cfg": (3, 0, 0),
    "batfish_asa_acl.cfg": (23, 0, 0), "batfish_asa_nat.cfg": (0, 0, 16),
    "ciscoconfparse2_sample_01.asa": (24, 29, 1), "fworch_test_asa.conf": (27, 11, 1),
}  # fmt: skip
NOT_UNDERSTOOD = {
    "batfish_asa-filters.cfg": [36], "ciscoconfparse2_sample_01.asa": [324], "fworch_test_asa.conf": [133, 137],
}  # fmt: skip


@pytest.mark.corpus
@given_files
@pytest.mark.parametrize("name", COUNTS)
def test_corpus_counts(name):
    found = read(name)
    entries = {(rule.line, rule.ref) for chain in found.chains for rule in chain.rules if not rule.automatic}
    assert (len(entries), len({rule.line for rule in found.nat})) == (COUNTS[name][0], COUNTS[name][2])
    assert [entry.line for entry in found.not_understood] == NOT_UNDERSTOOD.get(name, [])


def read(name):
    (found,) = asa.parse([decode(name, (CORPUS / name).read_bytes())])
    return found


@pytest.mark.corpus
@given_files
def test_corpus_levels_and_outbound_lists_agree_with_another_analyser():
    """Fates that Batfish's own tests state for this file."""
    found = read("batfish_asa-security-level-permit-tracing.cfg")
    for via in ("inSameLevel", "inLowFiltered", "inHigh", "out"):
        assert fate(found, "1.1.1.1", "2.2.2.2", 123, via=via, out="out").verdict == PERMIT
        assert fate(found, "1.1.1.1", "2.2.2.2", 80, via=via, out="out").verdict == DENY
        assert fate(found, "1.1.1.1", "2.2.2.2", 22, via=via, out="out").entry.rule.ref == "FILTER_OUT line 2"


@pytest.mark.corpus
@given_files
def test_corpus_secrets_do_not_enter_the_facts():
    text = msgspec.json.encode(read("ciscoconfparse2_sample_01.asa")).decode()
    assert "2KFQnbNIdI" not in text
    assert "dXRTaA5wrZ3OL8gz" not in text
    assert '"public"' not in text
