"""Sophos Firewall: order rebuilt from links, exclusions, objects, device access, HTML report."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.facts import Device, Rule
from checks.firewall.parsers import sophos
from checks.firewall.parsers.registry import VENDORS, parser_of
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "sophos"

OBJECTS = """\
<IPHost transactionid=""><Name>SRV_DPI</Name><IPFamily>IPv4</IPFamily><HostType>IP</HostType><IPAddress>10.20.1.10</IPAddress>
<HostGroupList><HostGroup>SERVEURS</HostGroup></HostGroupList></IPHost>
<IPHost transactionid=""><Name>LAN_SOINS</Name><HostType>Network</HostType><IPAddress>10.20.0.0</IPAddress><Subnet>255.255.0.0</Subnet></IPHost>
<IPHost transactionid=""><Name>RESIDENTS</Name><HostType>IPRange</HostType><StartIPAddress>10.50.0.10</StartIPAddress><EndIPAddress>10.50.0.250</EndIPAddress></IPHost>
<IPHost transactionid=""><Name>LISTE</Name><HostType>IPList</HostType><ListOfIPAddresses>10.1.1.1,10.1.1.3</ListOfIPAddresses></IPHost>
<IPHost transactionid=""><Name>#Port2</Name><HostType>System Host</HostType></IPHost>
<IPHost transactionid=""><Name>V6</Name><IPFamily>IPv6</IPFamily><HostType>Network</HostType><IPAddress>2001:db8::</IPAddress><Subnet>32</Subnet></IPHost>
<IPHostGroup transactionid=""><Name>INTERNES</Name><HostList><Host>LAN_SOINS</Host><Host>RESIDENTS</Host></HostList></IPHostGroup>
<FQDNHost transactionid=""><Name>MAJ</Name><FQDN>*.update.example</FQDN></FQDNHost>
<MACHost transactionid=""><Name>PORTABLE</Name><Type>MACAddress</Type><MACAddress>00:11:22:33:44:55</MACAddress></MACHost>
<CountryGroup transactionid=""><Name>HORS_UE</Name></CountryGroup>
<Services transactionid=""><Name>HTTPS</Name><Type>TCPorUDP</Type><ServiceDetails><ServiceDetail><SourcePort>1:65535</SourcePort><DestinationPort>443</DestinationPort><Protocol>TCP</Protocol></ServiceDetail></ServiceDetails></Services>
<Services transactionid=""><Name>DNS</Name><Type>TCPorUDP</Type><ServiceDetails><ServiceDetail><SourcePort>1:65535</SourcePort><DestinationPort>53</DestinationPort><Protocol>TCP</Protocol></ServiceDetail><ServiceDetail><SourcePort>1024:65535</SourcePort><DestinationPort>53:54</DestinationPort><Protocol>UDP</Protocol></ServiceDetail></ServiceDetails></Services>
<Services transactionid=""><Name>GRE</Name><Type>IP</Type><ServiceDetails><ServiceDetail><ProtocolName>GRE</ProtocolName></ServiceDetail></ServiceDetails></Services>
<Services transactionid=""><Name>PING</Name><Type>ICMP</Type><ServiceDetails><ServiceDetail><ICMPType>8</ICMPType><ICMPCode>Any Code</ICMPCode></ServiceDetail></ServiceDetails></Services>
<Services transactionid=""><Name>ETRANGE</Name><Type>Quantum</Type><ServiceDetails><ServiceDetail/></ServiceDetails></Services>
<ServiceGroup transactionid=""><Name>WEB</Name><ServiceList><Service>HTTPS</Service><Service>DNS</Service></ServiceList></ServiceGroup>
"""
SYSTEM = """\
<Zone transactionid=""><Name>LAN</Name><Type>LAN</Type><Description>Soins</Description><ApplianceAccess><AdminServices><HTTPS>Enable</HTTPS><SSH>Disable</SSH></AdminServices>
<NetworkServices><DNS>Enable</DNS><Ping>Enable</Ping></NetworkServices><OtherServices><SNMP>Enable</SNMP></OtherServices></ApplianceAccess></Zone>
<Zone transactionid=""><Name>WAN</Name><Type>WAN</Type><ApplianceAccess><AdminServices><HTTPS>Disable</HTTPS></AdminServices></ApplianceAccess></Zone>
<LocalServiceACL transactionid=""><RuleName>presta</RuleName><SourceZone>WAN</SourceZone><Hosts><Host>PRESTA</Host></Hosts><Services><Service>SSH</Service></Services><Action>accept</Action></LocalServiceACL>
<Interface transactionid=""><Name>Port1</Name><NetworkZone>LAN</NetworkZone><IPAddress>10.20.0.1</IPAddress><Netmask>255.255.0.0</Netmask></Interface>
<Interface transactionid=""><Name>Port2</Name><NetworkZone>WAN</NetworkZone><IPAddress>192.0.2.2</IPAddress><Netmask>255.255.255.248</Netmask></Interface>
<UnicastRoute transactionid=""><DestinationIP>0.0.0.0</DestinationIP><Netmask>0.0.0.0</Netmask><Gateway>192.0.2.1</Gateway><Interface>Port2</Interface></UnicastRoute>
<User transactionid=""><Username>admin</Username><Password>hash$SECRET$1</Password><UserType>Administrator</UserType><Profile>Administrator</Profile><Status>Active</Status></User>
<User transactionid=""><Username>medecin</Username><Password>SECRET2</Password><UserType>User</UserType><Status>Inactive</Status></User>
<OTPSettings transactionid=""><OTP>Enable</OTP><otpWebAdmin>Disable</otpWebAdmin></OTPSettings>
<VPNIPSecConnection transactionid=""><Configuration><Name>siege</Name><ConnectionType>SiteToSite</ConnectionType><AuthenticationType>PresharedKey</AuthenticationType><PresharedKey>SECRET3</PresharedKey><Status>Active</Status></Configuration></VPNIPSecConnection>
"""


def cell(tag: str, member: str, names: str) -> str:
    return (
        f"<{tag}>" + "".join(f"<{member}>{one}</{member}>" for one in names.split(",")) + f"</{tag}>" if names else ""
    )


def firewall_rule(
    name: str, action: str, *, after: str = "", src: str = "", dst: str = "", services: str = "", zones: tuple[str, str] = ("", ""),
    family: str = "IPv4", status: str = "Enable", more: str = "", kind: str = "Network", position: str = "",
) -> str:  # fmt: skip
    place = position or ("After" if after else "Top")
    link = f"<After><Name>{after}</Name></After>" if after else ""
    return (
        f'<FirewallRule transactionid="">\n<Name>{name}</Name><Description>note {name}</Description><IPFamily>{family}</IPFamily><Status>{status}</Status>'
        f"<Position>{place}</Position><PolicyType>{kind}</PolicyType>{link}<{kind}Policy><Action>{action}</Action><LogTraffic>Enable</LogTraffic>"
        f"<Schedule>All The Time</Schedule>{cell('SourceZones', 'Zone', zones[0])}{cell('DestinationZones', 'Zone', zones[1])}"
        f"{cell('SourceNetworks', 'Network', src)}{cell('DestinationNetworks', 'Network', dst)}{cell('Services', 'Service', services)}{more}</{kind}Policy></FirewallRule>\n"
    )


def export(*parts: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Configuration APIVersion="2000.1">\n'
        + "".join(parts)
        + "</Configuration>\n"
    )


def source(text: str, name: str = "Entities.xml") -> SourceFile:
    return decode(name, text.encode())


def parsed(*texts: str) -> Device:
    (device,) = sophos.parse([source(text, f"f{number}.xml") for number, text in enumerate(texts)])
    return device


def rules(device: Device) -> dict[str, Rule]:
    return {rule.ref: rule for chain in device.chains for rule in chain.rules}


def verdict(device: Device, src: str, dst: str, port: int = 443, **more: object) -> tuple[str, str]:
    found = decide(device, Packet(src, dst, port=port, **more))  # type: ignore[arg-type]
    return found.verdict, found.entry.rule.ref if found.entry else ""


def test_order_is_rebuilt_from_links_not_from_the_file() -> None:
    device = parsed(
        export(
            firewall_rule("fin", "Drop", after="web"),
            firewall_rule("web", "Accept", after="telnet", src="LAN_SOINS", services="WEB"),
            firewall_rule("telnet", "Drop", dst="SRV_DPI"),
            OBJECTS,
        )
    )
    assert list(rules(device)) == ["telnet", "web", "fin"]
    assert device.chains[0].exact
    assert verdict(device, "10.20.0.5", "10.20.1.10") == ("deny", "telnet")
    assert verdict(device, "10.20.0.5", "10.20.1.11") == ("permit", "web")
    assert verdict(device, "10.50.0.20", "10.20.1.11") == ("deny", "fin")
    assert [rule.line for rule in rules(device).values()] == [7, 5, 3]


@pytest.mark.parametrize(
    "parts",
    [
        [firewall_rule("b", "Accept", after="absente")],
        [firewall_rule("a", "Accept"), firewall_rule("b", "Drop", after="absente")],
        [firewall_rule("a", "Accept"), firewall_rule("b", "Drop", after="a"), firewall_rule("c", "Drop", after="a")],
        [firewall_rule("a", "Accept"), firewall_rule("b", "Drop")],
        [firewall_rule("a", "Accept", after="b"), firewall_rule("b", "Drop", after="a")],
    ],
    ids=["no top", "hole", "fork", "two tops", "loop"],
)
def test_list_that_cannot_be_rebuilt_proves_nothing(parts: list[str]) -> None:
    device = parsed(export(*parts))
    chain = device.chains[0]
    assert not chain.exact
    assert chain.why_not_exact
    assert len(chain.rules) == len(parts)
    assert verdict(device, "10.0.0.1", "10.0.0.2")[0] == "undetermined"


def test_bottom_rule_comes_last() -> None:
    device = parsed(
        export(firewall_rule("z", "Drop", position="Bottom"), firewall_rule("a", "Accept", services="HTTPS"), OBJECTS)
    )
    assert list(rules(device)) == ["a", "z"]
    assert device.chains[0].exact


def test_ipv4_and_ipv6_are_separate_lists() -> None:
    device = parsed(
        export(
            firewall_rule("v6", "Accept", family="IPv6", src="V6"),
            firewall_rule("v4", "Accept", src="LAN_SOINS"),
            firewall_rule("v6 fin", "Drop", family="IPv6", after="v6"),
            OBJECTS,
        )
    )
    assert device.chains[0].exact
    assert verdict(device, "2001:db8::5", "2001:db8:1::1") == ("permit", "v6")
    assert verdict(device, "2001:db9::5", "2001:db8:1::1") == ("deny", "v6 fin")
    assert verdict(device, "10.20.0.5", "10.9.9.9") == ("permit", "v4")
    assert verdict(device, "10.60.0.5", "10.9.9.9") == ("deny", "défaut")


def test_missing_cells_are_any_and_zones_are_kept() -> None:
    device = parsed(
        export(
            firewall_rule("a", "Accept", zones=("LAN,Wi-Fi", "WAN")),
            firewall_rule("b", "Reject", after="a", zones=("Any", "Any")),
        )
    )
    found = rules(device)
    assert (found["a"].in_zones, found["a"].out_zones) == (("LAN", "Wi-Fi"), ("WAN",))
    assert (found["b"].in_zones, found["b"].action) == ((), "deny")
    assert verdict(device, "10.0.0.1", "1.1.1.1", in_zone="Wi-Fi", out_zone="WAN") == ("permit", "a")
    assert verdict(device, "10.0.0.1", "1.1.1.1", in_zone="DMZ", out_zone="WAN") == ("deny", "b")


def test_disabled_rule_and_what_nothing_describes() -> None:
    device = parsed(export(firewall_rule("a", "Accept", status="Disable")))
    assert rules(device)["a"].enabled is False
    assert verdict(device, "10.0.0.1", "1.1.1.1") == ("deny", "défaut")


@pytest.mark.parametrize(
    ("more", "condition"),
    [
        ("<Schedule>Nuit</Schedule>", "horaire : Nuit"),
        (
            "<MatchIdentity>Enable</MatchIdentity><Identity><Member>soins</Member><Member>admin</Member></Identity>",
            "utilisateur : soins, admin",
        ),
        ("<SkipLocalDestined>Enable</SkipLocalDestined>", "hors trafic destiné au pare-feu"),
        (
            "<SourceSecurityHeartbeat>Enable</SourceSecurityHeartbeat><MinimumSourceHBPermitted>Green</MinimumSourceHBPermitted>",
            "état de santé du poste : Green",
        ),
        ("<Telepathie>Enable</Telepathie>", "directive non comprise : Telepathie"),
    ],
)
def test_conditions_prove_nothing(more: str, condition: str) -> None:
    text = firewall_rule("a", "Drop", more=more)
    if "<Schedule>Nuit" in more:
        text = text.replace("<Schedule>All The Time</Schedule>", "", 1)
    device = parsed(export(text, firewall_rule("b", "Accept", after="a")))
    assert rules(device)["a"].conditions == (condition,)
    assert verdict(device, "10.0.0.1", "1.1.1.1")[0] == "undetermined"
    assert bool(device.not_understood) == ("Telepathie" in more)


def exclusion(inside: str) -> str:
    return f"<Exclusions>{inside}</Exclusions>"


def test_exclusions_are_taken_away() -> None:
    networks = exclusion(cell("SourceNetworks", "Network", "SRV_DPI"))
    device = parsed(
        export(
            firewall_rule("a", "Accept", src="LAN_SOINS", more=networks), firewall_rule("b", "Drop", after="a"), OBJECTS
        )
    )
    assert verdict(device, "10.20.1.10", "1.1.1.1") == ("deny", "b")
    assert verdict(device, "10.20.1.11", "1.1.1.1") == ("permit", "a")
    zones = exclusion(cell("DestinationZones", "Zone", "WAN"))
    device = parsed(export(firewall_rule("a", "Accept", more=zones), firewall_rule("b", "Drop", after="a")))
    assert (rules(device)["a"].out_zones, rules(device)["a"].out_negated) == (("WAN",), True)
    services = exclusion(cell("Services", "Service", "HTTPS"))
    device = parsed(export(firewall_rule("a", "Accept", more=services), firewall_rule("b", "Drop", after="a"), OBJECTS))
    assert verdict(device, "10.0.0.1", "1.1.1.1", 443) == ("deny", "b")
    assert verdict(device, "10.0.0.1", "1.1.1.1", 80) == ("permit", "a")


def test_exclusion_of_a_country_is_uncertain_and_several_are_a_condition() -> None:
    country = exclusion(cell("SourceNetworks", "Network", "HORS_UE"))
    device = parsed(
        export(
            firewall_rule("a", "Accept", src="LAN_SOINS", more=country), firewall_rule("b", "Drop", after="a"), OBJECTS
        )
    )
    assert verdict(device, "10.20.1.11", "1.1.1.1")[0] == "undetermined"
    both = exclusion(cell("SourceNetworks", "Network", "SRV_DPI") + cell("Services", "Service", "HTTPS"))
    device = parsed(export(firewall_rule("a", "Accept", src="LAN_SOINS", more=both), OBJECTS))
    assert rules(device)["a"].conditions == ("exclusions : SRV_DPI, HTTPS",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MAJ", "fqdn:MAJ"),
        ("PORTABLE", "mac:PORTABLE"),
        ("HORS_UE", "geo:HORS_UE"),
        ("#Port2", "système:#Port2"),
        ("France", "absent:France"),
        ("SERVEURS", "absent:SERVEURS"),
    ],
)
def test_objects_that_are_never_certain(name: str, reason: str) -> None:
    device = parsed(export(firewall_rule("a", "Drop", dst=name), firewall_rule("b", "Accept", after="a"), OBJECTS))
    cell_of = device.addresses[rules(device)["a"].destination]
    assert cell_of.unresolved == (reason,)
    assert cell_of.ranges == (("10.20.1.10",) if name == "SERVEURS" else ())
    assert verdict(device, "10.0.0.1", "10.9.9.9")[0] == "undetermined"


def test_services() -> None:
    device = parsed(
        export(
            firewall_rule("a", "Accept", services="WEB"),
            firewall_rule("b", "Drop", after="a", services="GRE,PING"),
            OBJECTS,
        )
    )
    assert set(device.services[rules(device)["a"].services].services) == {"udp/53-54@1024-65535", "tcp/53", "tcp/443"}
    assert device.services[rules(device)["b"].services].services == ("icmp/8", "gre")
    assert [one.text for one in device.not_understood] == ["Services ETRANGE"]
    used = {one.name: one.used for one in device.objects}
    assert (used["HTTPS"], used["WEB"], used["LISTE"]) == (True, True, False)


def test_hosts_and_groups() -> None:
    device = parsed(export(firewall_rule("a", "Accept", src="INTERNES", dst="LISTE"), OBJECTS))
    assert device.addresses[rules(device)["a"].source].ranges == ("10.20.0.0/16", "10.50.0.10-10.50.0.250")
    assert device.addresses[rules(device)["a"].destination].ranges == ("10.1.1.1", "10.1.1.3")


def test_profiles_logs_comments_and_groups() -> None:
    scans = "<WebFilter>Default Policy</WebFilter><ApplicationControl>None</ApplicationControl><IntrusionPrevention>LAN TO WAN</IntrusionPrevention><ScanVirus>Enable</ScanVirus>"
    group = "<FirewallRuleGroup transactionid=''><Name>Soins</Name><SecurityPolicyList><SecurityPolicy>a</SecurityPolicy></SecurityPolicyList></FirewallRuleGroup>"
    device = parsed(export(firewall_rule("a", "Accept", more=scans), firewall_rule("b", "Drop", after="a"), group))
    found = rules(device)
    assert found["a"].profiles == ("web", "ips", "antivirus")
    assert found["b"].profiles is None
    assert (found["a"].log, found["a"].comment, found["a"].section) == (True, "note a", "Soins")


def test_web_publication_is_its_own_path() -> None:
    waf = (
        '<FirewallRule transactionid=""><Name>waf</Name><IPFamily>IPv4</IPFamily><Status>Enable</Status><Position>Top</Position>'
        "<PolicyType>HTTPBased</PolicyType><HTTPBasedPolicy><HostedAddress>#Port2</HostedAddress><ListenPort>443</ListenPort></HTTPBasedPolicy></FirewallRule>"
    )
    device = parsed(export(waf, firewall_rule("b", "Drop", after="waf")))
    assert rules(device)["waf"].conditions == ("règle de publication : HTTPBased",)
    assert verdict(device, "198.51.100.1", "192.0.2.2")[0] == "undetermined"
    assert device.chains[0].exact


def test_translations_permit_nothing() -> None:
    nat = (
        "<NATRule transactionid=''><Name>sortie</Name><Status>Enable</Status><TranslatedSource>MASQ</TranslatedSource><TranslatedDestination>Original</TranslatedDestination></NATRule>"
        "<NATRule transactionid=''><Name>pub</Name><Status>Disable</Status><OriginalDestinationNetworks><Network>#Port2</Network></OriginalDestinationNetworks>"
        "<OriginalServices><Service>HTTPS</Service></OriginalServices><TranslatedSource>Original</TranslatedSource><TranslatedDestination>SRV_DPI</TranslatedDestination><TranslatedService>HTTPS</TranslatedService></NATRule>"
    )
    device = parsed(export(firewall_rule("a", "Drop"), nat, OBJECTS))
    out, pub = device.nat
    assert (out.kind, out.to_address, out.enabled) == ("source", "", True)
    assert (pub.kind, pub.to_address, pub.to_ports, pub.enabled, pub.permits) == (
        "destination",
        "10.20.1.10",
        "443",
        False,
        False,
    )


def test_publication_is_on_the_zone_of_its_interface_and_its_address_is_known() -> None:
    nat = (
        "<NATRule transactionid=''><Name>pub</Name><Status>Enable</Status><OriginalDestinationNetworks><Network>#Port2"
        "</Network></OriginalDestinationNetworks><InboundInterfaces><Interface>Port2</Interface></InboundInterfaces>"
        "<TranslatedSource>Original</TranslatedSource><TranslatedDestination>SRV_DPI</TranslatedDestination></NATRule>"
    )
    device = parsed(export(firewall_rule("a", "Accept", dst="#Port2", zones=("WAN", "LAN")), nat, OBJECTS, SYSTEM))
    (pub,) = device.nat
    assert pub.in_zones == ("WAN",)
    assert device.addresses[pub.destination].ranges == ("192.0.2.2",)
    assert verdict(device, "203.0.113.9", "192.0.2.2", in_zone="WAN", out_zone="LAN") == ("permit", "a")
    assert "#Port2" not in {one.name for one in device.objects}
    dynamic = SYSTEM.replace("<IPAddress>192.0.2.2<", "<IPv4Assignment>DHCP</IPv4Assignment><IPAddress>192.0.2.2<")
    lost = parsed(export(firewall_rule("a", "Accept", dst="#Port2"), nat, OBJECTS, dynamic))
    assert lost.addresses[lost.nat[0].destination].unresolved == ("système:#Port2",)


def test_zones_administration_accounts_and_tunnels() -> None:
    device = parsed(export(firewall_rule("a", "Accept", zones=("LAN", "WAN")), SYSTEM))
    zones = {one.name: one for one in device.interfaces}
    assert (zones["LAN"].management, zones["LAN"].management_restricted) == (("https", "ping", "snmp"), False)
    assert (zones["WAN"].management, zones["WAN"].management_restricted) == (("ssh",), True)
    assert (zones["LAN"].role, zones["LAN"].members, zones["LAN"].networks) == ("lan", ("Port1",), ("10.20.0.0/16",))
    assert zones["WAN"].default_route
    assert not isinstance(device.administrators, Gap)
    (admin,) = device.administrators
    assert (admin.name, admin.factory, admin.full_rights, admin.mfa) == ("admin", True, True, False)
    assert not isinstance(device.users, Gap)
    assert [(one.name, one.enabled) for one in device.users] == [("medecin", False)]
    assert not isinstance(device.vpns, Gap)
    assert [(one.name, one.kind, one.authentication) for one in device.vpns] == [("siege", "ipsec", "psk")]
    assert "SECRET" not in msgspec.json.encode(device).decode()


def test_older_api_answer_and_files_that_complete_each_other() -> None:
    answer = (
        '<Response APIVersion="1702.1"><Login><status>Authentication Successful</status></Login><SecurityPolicy transactionid=""><Name>ancienne</Name><IPFamily>IPv4</IPFamily>'
        "<Status>Enable</Status><Position>Top</Position><PolicyType>Network</PolicyType><Action>Accept</Action><SourceNetworks><Network>LAN_SOINS</Network></SourceNetworks></SecurityPolicy></Response>"
    )
    hosts = f'<Response APIVersion="1702.1">{OBJECTS}<NATRule transactionid=""><Status>No. of records Zero.</Status></NATRule></Response>'
    device = parsed(answer, hosts)
    assert verdict(device, "10.20.0.5", "1.1.1.1") == ("permit", "ancienne")
    assert verdict(device, "10.50.0.5", "1.1.1.1")[0] == "undetermined", "other rules may exist"
    assert device.product == "Sophos Firewall (API 1702.1)"
    two = sophos.parse([source(answer, "a.xml"), source(answer, "b.xml"), source(hosts, "hosts.xml")])
    assert [one.name for one in two] == ["a.xml", "b.xml"]


def test_unknown_action_makes_the_list_uncertain() -> None:
    device = parsed(export(firewall_rule("a", "Ponder"), firewall_rule("b", "Accept", after="a")))
    assert not device.chains[0].exact
    assert device.not_understood[0].line == 3


def test_export_without_rules_says_so() -> None:
    device = parsed(export(OBJECTS))
    assert (device.chains[0].exact, device.chains[0].why_not_exact) == (False, "l'export ne contient aucune règle")


@pytest.mark.parametrize(
    "text",
    [
        export(firewall_rule("a", "Accept"))[:-30],
        export().replace("<Config", "<!DOCTYPE x [<!ENTITY a 'b'>]><Config", 1),
    ],
)
def test_cut_or_hostile_xml_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parsed(text)


def report_row(number: int, name: str, status: str, details: dict[str, str]) -> str:
    inside = "".join(f"<tr><td>{label}</td><td>{value}</td></tr>" for label, value in details.items())
    return (
        f'<tr id="row-{number}"><td>{number}</td><td>{name}</td><td><span>{status}</span></td><td>Accept</td></tr>\n'
        f'<tr id="details-{number}"><td colspan="4"><div><table><tbody>{inside}</tbody></table></div></td></tr>\n'
    )


def report(*rows: str, more: str = "") -> str:
    return (
        '<!DOCTYPE html>\n<html><head><title>Sophos Config Viewer</title></head><body>\n<div id="section-content-firewall-rules"><table><thead><tr>'
        "<th>#</th><th>Rule Name</th><th>Status</th><th>Action</th></tr></thead><tbody>\n"
        + "".join(rows)
        + f"</tbody></table></div>{more}<br></body></html>"
    )


WEB = {
    "IP Family": "IPv4",
    "Action": "Accept",
    "Log Traffic": "Enable",
    "Source Zones": "LAN, DMZ",
    "Source Networks": "Any",
    "Destination Zones": "WAN",
    "Destination Networks": "Any",
    "Services/Ports": "Any",
    "Web Filter": "None",
}


def test_report_rules_in_their_order() -> None:
    device = parsed(
        report(
            report_row(1, "r1", "✗ Off", WEB),
            report_row(2, "r2 &amp; co", "✓ On", WEB | {"Services/Ports": "HTTPS"}),
            report_row(3, "r3", "✓ On", WEB | {"Action": "Drop"}),
        )
    )
    found = rules(device)
    assert list(found) == ["r1", "r2 & co", "r3"]
    assert (found["r1"].enabled, found["r2 & co"].enabled) == (False, True)
    assert found["r3"].in_zones == ("LAN", "DMZ")
    assert [one.line for one in found.values()] == [4, 6, 8]
    assert verdict(device, "10.0.0.1", "1.1.1.1", in_zone="DMZ", out_zone="WAN")[0] == "undetermined"
    assert verdict(device, "10.0.0.1", "1.1.1.1", in_zone="VPN", out_zone="WAN") == ("deny", "défaut")
    assert any("rapport HTML" in limit for limit in device.limits)


def test_report_keeps_what_narrows_a_rule() -> None:
    device = parsed(
        report(
            report_row(1, "r1", "On", WEB | {"Identity": "grp_soins", "Schedule": "Nuit", "Boule de cristal": "oui"})
        )
    )
    assert rules(device)["r1"].conditions == (
        "utilisateur : grp_soins",
        "horaire : Nuit",
        "directive non comprise : Boule de cristal",
    )


def test_report_with_a_hole_proves_nothing_and_a_cut_one_is_refused() -> None:
    assert not parsed(report(report_row(1, "r1", "On", WEB), report_row(3, "r3", "On", WEB))).chains[0].exact
    with pytest.raises(ParseError, match="incomplet"):
        parsed(report(report_row(1, "r1", "On", WEB))[:-20])
    with pytest.raises(ParseError, match="trop profond"):
        parsed(report(more="<div>" * 500))


@pytest.mark.parametrize("piece", ["<![", "<!--", "<", "&#999999999;", "<a b='", "<td>", "</div>", "<?"])
def test_odd_markup_is_read_or_refused(piece: str) -> None:
    outcome = "read"
    try:
        device = parsed(report(report_row(1, "r1", "On", WEB), more=piece * 5000))
        assert "r1" in rules(device)
    except ParseError as error:
        outcome = str(error)
    assert outcome == "read" or "HTML mal formé" in outcome or "trop profond" in outcome


def test_report_without_family_is_not_certain_for_ipv6() -> None:
    device = parsed(report(report_row(1, "r1", "On", {key: value for key, value in WEB.items() if key != "IP Family"})))
    inside = {"in_zone": "LAN", "out_zone": "WAN"}
    assert verdict(device, "10.0.0.1", "1.1.1.1", **inside) == ("permit", "r1")
    assert verdict(device, "2001:db8::1", "2001:db8::2", **inside)[0] == "undetermined"


def test_only_this_vendor_recognises_its_files() -> None:
    here = Path(sophos.__file__).parent
    for text in (
        export(firewall_rule("a", "Accept")),
        report(report_row(1, "r", "On", WEB)),
        f'<Response APIVersion="1">{OBJECTS}</Response>',
    ):
        claimed = [one for one in VENDORS if (here / f"{one}.py").exists() and parser_of(one).recognise(source(text))]
        assert claimed == ["sophos"]
    assert not sophos.recognise(source('<response status="success"><result/></response>'))


WHOLE = export(
    firewall_rule(
        "a", "Accept", src="INTERNES", services="WEB", more=exclusion(cell("SourceNetworks", "Network", "MAJ"))
    ),
    firewall_rule("b", "Drop", after="a"),
    OBJECTS,
    SYSTEM,
)
PAGE = report(report_row(1, "r1", "On", WEB), report_row(2, "r2", "Off", WEB))


@settings(deadline=2000, max_examples=200)
@given(st.sampled_from([WHOLE, PAGE]), st.integers(0, 9000), st.integers(0, 80), st.text(max_size=12))
def test_mutated_exports_are_read_or_refused(text: str, at: int, size: int, new: str) -> None:
    try:
        file = source(text[:at] + new + text[at + size :])
        sophos.recognise(file)
        (device,) = sophos.parse([file])
    except ParseError:
        return
    assert len(device.chains) == 1


@settings(deadline=2000, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "a", "b", "c", "d", "x"])), max_size=6))
def test_any_links_give_every_rule_once(links: list[tuple[str, str]]) -> None:
    device = parsed(export(*(firewall_rule(name, "Accept", after=after) for name, after in links)))
    assert sorted(rule.ref for rule in device.chains[0].rules) == sorted(name for name, _ in links)


@settings(deadline=2000, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        file = source(text)
        sophos.recognise(file)
        sophos.parse([file])
    except ParseError:
        return
    assert file.text.strip()


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
@pytest.mark.parametrize(
    ("name", "written", "nat", "unread"),
    [
        ("clarity_basic-firewall.html", 6, 2, ["webfilter-policies", "ips-policies"]),
        (
            "clarity_extended-sections.html",
            1,
            0,
            ["Allow-All : action «  »", "vpn-settings", "dhcp-server", "dns-settings"],
        ),
        ("demisto_ip_host_list_extract.xml", 0, 0, []),
        ("demisto_rule_get.xml", 1, 0, []),
        ("panosphp_comment_fragments.xml", 0, 1, []),
    ],
)
def test_samples_hold_what_their_list_states(name: str, written: int, nat: int, unread: list[str]) -> None:
    file = decode(name, (CORPUS / name).read_bytes())
    assert sophos.recognise(file)
    (device,) = sophos.parse([file])
    assert len(device.chains[0].rules) == written
    assert len(device.nat) == nat
    assert [one.text for one in device.not_understood] == unread
