"""Windows Defender Firewall: the five exports of a fictional server of EHPAD Les Tilleuls, and broken ones."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Decision, Packet, decide
from checks.firewall.facts import Chain, Device, Rule
from checks.firewall.parsers import windows
from checks.firewall.parsers.source import ParseError, SourceFile, decode


def source(text: str, name: str = "export.txt") -> SourceFile:
    return decode(name, text.encode())


def device(text: str) -> Device:
    (found,) = windows.parse([source(text)])
    return found


def ask(found: Device, src: str, dst: str = "10.10.0.20", zone: str = "Domain", **more: object) -> Decision:
    return decide(found, Packet(source=src, destination=dst, in_zone=zone, port=445)._replace(**more), "input")


def out(found: Device, dst: str, zone: str = "Domain", **more: object) -> Decision:
    packet = Packet(source="10.10.0.20", destination=dst, out_zone=zone, port=443)._replace(**more)
    return decide(found, packet, "output")


def chain(found: Device, hook: str = "input") -> Chain:
    return next(one for one in found.chains if one.hook == hook)


def written(found: Device, hook: str = "input") -> list[Rule]:
    return [one for one in chain(found, hook).rules if not one.automatic]


# --- PowerShell JSON ----------------------------------------------------------------------------------------------


def rule(name: str, **fields: Any) -> dict[str, Any]:
    """One rule as the documented command writes it."""
    base = {
        "Name": name, "DisplayName": name, "DisplayGroup": "", "Description": None, "Enabled": "True",
        "Direction": "Inbound", "Action": "Allow", "Profile": "Any", "PolicyStoreSource": "PersistentStore",
        "PolicyStoreSourceType": "Local", "Owner": None, "Platform": "", "RemoteDynamicKeywordAddresses": "",
        "Protocol": "TCP", "LocalPort": "445", "RemotePort": "Any", "IcmpType": "Any", "LocalAddress": "Any",
        "RemoteAddress": "Any", "Program": "Any", "Package": None, "Service": "Any", "InterfaceAlias": "Any",
        "InterfaceType": "Any", "Authentication": "NotRequired", "Encryption": "NotRequired",
        "OverrideBlockRules": "False", "LocalUser": "Any", "RemoteUser": "Any", "RemoteMachine": "Any",
    }  # fmt: skip
    return {**base, **fields}


def profile(name: str, **fields: str) -> dict[str, str]:
    base = {
        "Name": name, "Enabled": "True", "DefaultInboundAction": "NotConfigured",
        "DefaultOutboundAction": "NotConfigured", "AllowInboundRules": "True", "AllowLocalFirewallRules": "True",
    }  # fmt: skip
    return {**base, **fields}


THREE = [profile("Domain"), profile("Private"), profile("Public")]


def export(*rules: dict[str, Any], profiles: list[dict[str, str]] = THREE) -> str:
    """The recommended JSON."""
    document = {
        "format": "ausculte/windows-firewall",
        "computer": "SRV-TILLEULS",
        "version": "10.0.20348.0",
        "profiles": profiles,
        "rules": list(rules),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def test_block_beats_allow_whatever_the_order() -> None:
    for order in ((0, 1), (1, 0)):
        both = [rule("autorise"), rule("bloque", Action="Block", RemoteAddress="10.20.0.0/255.255.0.0")]
        found = device(export(*(both[index] for index in order)))
        assert ask(found, "10.20.0.5").verdict == "deny"
        assert ask(found, "10.10.0.5").verdict == "permit"


def test_authenticated_bypass_comes_before_a_block_but_is_never_certain() -> None:
    bypass = rule(
        "contourne", OverrideBlockRules="True", Authentication="Required", RemoteMachine="O:LSD:(A;;CC;;;S-1-5-21)"
    )
    found = device(export(rule("bloque", Action="Block"), bypass))
    assert [one.ref for one in written(found)] == ["contourne", "bloque"]
    assert ask(found, "10.10.0.5").verdict == "undetermined"


def test_default_is_block_inbound_and_allow_outbound() -> None:
    found = device(export(rule("r")))
    assert ask(found, "10.10.0.5", port=3389).verdict == "deny"
    assert out(found, "203.0.113.9").verdict == "permit"
    assert not any("par défaut" in text for text in found.limits)


def test_default_of_each_profile() -> None:
    profiles = [profile("Domain"), profile("Private"), profile("Public", DefaultOutboundAction="Block")]
    found = device(export(rule("r"), profiles=profiles))
    assert out(found, "203.0.113.9", zone="Domain").verdict == "permit"
    assert out(found, "203.0.113.9", zone="Public").verdict == "deny"


def test_default_that_the_export_does_not_show_is_uncertain() -> None:
    found = device(export(rule("r"), profiles=[]))
    assert ask(found, "10.10.0.5", port=3389).verdict == "undetermined"
    assert chain(found).default == "deny"
    assert any("par défaut" in text for text in found.limits)


def test_disabled_firewall_of_a_profile_lets_everything_in() -> None:
    profiles = [profile("Domain", Enabled="False"), profile("Private"), profile("Public")]
    found = device(export(rule("bloque", Action="Block"), profiles=profiles))
    assert ask(found, "10.10.0.5", zone="Domain").verdict == "permit"
    assert ask(found, "10.10.0.5", zone="Public").verdict == "deny"


def test_all_incoming_refused_beats_allow_rules() -> None:
    profiles = [profile("Domain"), profile("Private"), profile("Public", AllowInboundRules="False")]
    found = device(export(rule("autorise"), profiles=profiles))
    assert ask(found, "10.10.0.5", zone="Domain").verdict == "permit"
    assert ask(found, "10.10.0.5", zone="Public").verdict == "deny"


def test_local_rules_that_group_policy_does_not_merge_are_dead() -> None:
    profiles = [profile("Domain", AllowLocalFirewallRules="False"), profile("Private"), profile("Public")]
    found = device(
        export(
            rule("locale"), rule("strategie", LocalPort="3389", PolicyStoreSourceType="GroupPolicy"), profiles=profiles
        )
    )
    assert ask(found, "10.10.0.5", zone="Domain").verdict == "deny"
    assert ask(found, "10.10.0.5", zone="Private").verdict == "permit"
    assert ask(found, "10.10.0.5", zone="Domain", port=3389).verdict == "permit"


@pytest.mark.parametrize(
    ("value", "zones"),
    [
        ("Any", ()),
        ("Domain, Private", ("Domain", "Private")),
        (3, ("Domain", "Private")),
        (4, ("Public",)),
        (2147483647, ()),
    ],
)
def test_profiles_of_a_rule(value: object, zones: tuple[str, ...]) -> None:
    (one,) = written(device(export(rule("r", Profile=value))))
    assert one.in_zones == zones


def test_numbers_that_powershell_writes_for_its_enumerations() -> None:
    found = device(
        json.dumps([rule("r", Enabled=1, Direction=1, Action=4), rule("s", Enabled=2, Direction=2, Action=2)])
    )
    assert (written(found)[0].action, written(found)[0].enabled) == ("deny", True)
    assert (written(found, "output")[0].action, written(found, "output")[0].enabled) == ("permit", False)


def test_ports_are_those_of_the_destination_in_each_direction() -> None:
    inbound = rule("entrant", LocalPort="443,8000-8010", RemotePort="1024-65535")
    outbound = rule("sortant", Direction="Outbound", Action="Block", LocalPort="Any", RemotePort="25")
    found = device(export(inbound, outbound))
    assert ask(found, "10.10.0.5", port=8005).verdict == "permit"
    assert ask(found, "10.10.0.5", port=8005, source_port=80).verdict == "deny"
    assert ask(found, "10.10.0.5", port=8011).verdict == "deny"
    assert out(found, "203.0.113.9", port=25).verdict == "deny"
    assert out(found, "203.0.113.9", port=587).verdict == "permit"


def test_local_and_remote_addresses_swap_with_the_direction() -> None:
    inbound = rule("entrant", LocalAddress="10.10.0.20", RemoteAddress="10.10.0.0-10.10.0.9,2001:4::/32")
    outbound = rule(
        "sortant",
        Direction="Outbound",
        Action="Block",
        RemoteAddress="203.0.113.0/24",
        LocalPort="Any",
        RemotePort="Any",
    )
    found = device(export(inbound, outbound))
    assert ask(found, "10.10.0.5").verdict == "permit"
    assert ask(found, "10.10.0.10").verdict == "deny"
    assert ask(found, "10.10.0.5", dst="10.10.0.21").verdict == "deny"
    assert ask(found, "2001:4::9", dst="2001:4::1").verdict == "deny"
    assert out(found, "203.0.113.9").verdict == "deny"


@pytest.mark.parametrize("word", ["LocalSubnet", "DNS", "DHCP", "DefaultGateway", "Internet"])
def test_keywords_are_unresolved_not_any(word: str) -> None:
    found = device(export(rule("r", RemoteAddress=f"10.10.0.5,{word}")))
    assert ask(found, "10.10.0.5").verdict == "permit"
    assert ask(found, "203.0.113.9").verdict == "undetermined"
    (one,) = written(found)
    assert found.addresses[one.source].unresolved == (f"mot clé : {word}",)


def test_port_keywords_are_unresolved() -> None:
    found = device(export(rule("r", LocalPort="RPC,445")))
    assert ask(found, "10.10.0.5", port=445).verdict == "permit"
    assert ask(found, "10.10.0.5", port=49152).verdict == "undetermined"
    assert ask(found, "10.10.0.5", port=49152, protocol="udp").verdict == "deny"


def test_icmp() -> None:
    found = device(
        export(
            rule("ping", Protocol="ICMPv4", LocalPort="RPC", IcmpType="8"),
            rule("six", Protocol="ICMPv6", IcmpType="3:1"),
        )
    )
    assert ask(found, "10.10.0.5", protocol="icmp", icmp_type=8).verdict == "permit"
    assert ask(found, "10.10.0.5", protocol="icmp", icmp_type=13).verdict == "deny"
    assert ask(found, "2001:4::9", dst="2001:4::1", protocol="icmp6", icmp_type=3, icmp_code=1).verdict == "permit"


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("Program", r"%SystemRoot%\system32\svchost.exe", "programme"),
        ("Service", "TermService", "service"),
        ("Package", "S-1-15-2-1", "application"),
        ("InterfaceAlias", "Wi-Fi", "interface"),
        ("InterfaceType", "Wireless", "interface"),
        ("RemoteUser", "D:(A;;CC;;;S-1-5-21)", "utilisateurs"),
        ("Authentication", "Required", "IPsec"),
        ("Owner", "S-1-5-21-1", "propriétaire"),
        ("Nouveaute", "x", "non comprise"),
    ],
)
def test_what_is_not_evaluated_becomes_a_condition(field: str, value: str, word: str) -> None:
    found = device(export(rule("r", **{field: value})))
    (one,) = written(found)
    assert any(word in text for text in one.conditions)
    assert ask(found, "10.10.0.5").verdict == "undetermined"
    assert bool(found.not_understood) is (field == "Nouveaute")


def test_plain_rule_has_no_condition() -> None:
    found = device(export(rule("r")))
    assert written(found)[0].conditions == ()
    assert found.not_understood == ()


def test_rules_without_their_filters_are_uncertain() -> None:
    bare = {
        key: value
        for key, value in rule("r").items()
        if key in ("Name", "DisplayName", "Enabled", "Direction", "Action", "Profile", "PolicyStoreSource")
    }
    found = device(json.dumps([bare]))
    assert ask(found, "10.10.0.5").verdict == "undetermined"
    assert any("sans adresses" in text for text in found.limits)


def test_nested_filter_objects() -> None:
    bare = {
        "Name": "r",
        "DisplayName": "r",
        "Enabled": "True",
        "Direction": "Inbound",
        "Action": "Allow",
        "Profile": "Any",
        "PolicyStoreSource": "x",
    }
    nested = {
        **bare,
        "PortFilter": {"Protocol": "TCP", "LocalPort": ["445", "139"], "RemotePort": "Any"},
        "AddressFilter": {"RemoteAddress": {"value": ["10.10.0.0/255.255.0.0"], "Count": 1}},
        "ApplicationFilter": {"Program": "Any"},
    }
    found = device(export(nested))
    assert ask(found, "10.10.0.5", port=139).verdict == "permit"
    assert ask(found, "10.20.0.5", port=139).verdict == "deny"


def test_unknown_direction_or_action_is_uncertain_not_lost() -> None:
    found = device(export(rule("r", Direction="Transit"), rule("s", Action="Peut-être")))
    assert [one.ref for one in written(found)] == ["s", "r"]
    assert [one.ref for one in written(found, "output")] == ["r"]
    assert ask(found, "10.10.0.5").verdict == "undetermined"


def test_identity_and_lines() -> None:
    text = export(
        rule("{GUID-1}", DisplayName="Partage"), rule("{GUID-2}", DisplayGroup="Bureau à distance", Description="RDP")
    )
    found = device(text)
    assert (found.name, found.firmware) == ("SRV-TILLEULS", "Windows 10.0.20348.0")
    second = written(found)[1]
    assert (second.ref, second.section, second.comment) == ("{GUID-2}", "Bureau à distance", "RDP")
    assert text.split("\n")[second.line - 1].strip() == "{"
    assert "GUID-2" in text.split("\n")[second.line]


def test_same_name_twice_stays_two_rules() -> None:
    assert [one.ref for one in written(device(export(rule("r"), rule("r"))))] == ["r", "r (2)"]


# --- CSV ----------------------------------------------------------------------------------------------------------


def as_csv(*rules: dict[str, Any], delimiter: str = ",") -> str:
    target = io.StringIO()
    writer = csv.DictWriter(
        target, fieldnames=list(rules[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rules)
    return target.getvalue()


@pytest.mark.parametrize(
    ("delimiter", "first"), [(",", ""), (";", ""), (",", "#TYPE System.Management.Automation.PSCustomObject\n")]
)
def test_csv_reads_like_json(delimiter: str, first: str) -> None:
    rules = [
        rule("autorise", LocalPort="443,445"),
        rule("bloque", Action="Block", RemoteAddress="10.20.0.0/16", Description="deux\nlignes"),
    ]
    found = device(first + as_csv(*rules, delimiter=delimiter))
    assert ask(found, "10.20.0.5").verdict == "deny"
    assert ask(found, "10.10.0.5", port=443).verdict == "permit"
    assert [one.line for one in written(found)] == ([3, 2] if not first else [4, 3])


def test_lost_lists_are_uncertain() -> None:
    found = device(as_csv(rule("r", LocalPort="System.Object[]")))
    assert ask(found, "10.10.0.5").verdict == "undetermined"


def test_cut_csv_is_refused() -> None:
    text = as_csv(rule("a"), rule("b"))
    for cut in (text[:-3], text[: text.rindex('"b"') + 3]):
        with pytest.raises(ParseError):
            device(cut)


# --- netsh --------------------------------------------------------------------------------------------------------

ENGLISH = """
Domain Profile Settings:
----------------------------------------------------------------------
State                                 ON
Firewall Policy                       BlockInbound,AllowOutbound
LocalFirewallRules                    N/A (GPO-store only)

Public Profile Settings:
----------------------------------------------------------------------
State                                 OFF
Firewall Policy                       BlockInboundAlways,BlockOutbound
Ok.


Rule Name:                            File and Printer Sharing (SMB-In)
----------------------------------------------------------------------
Description:                          Inbound rule for SMB. [TCP 445]
Enabled:                              Yes
Direction:                            In
Profiles:                             Domain,Private
Grouping:                             File and Printer Sharing
LocalIP:                              Any
RemoteIP:                             10.10.0.0/16,LocalSubnet
Protocol:                             TCP
LocalPort:                            445
RemotePort:                           Any
Edge traversal:                       No
Program:                              Any
InterfaceTypes:                       Any
Security:                             NotRequired
Rule source:                          Local Setting
Action:                               Allow

Rule Name:                            Echo Request
----------------------------------------------------------------------
Enabled:                              Yes
Direction:                            In
Profiles:                             Domain,Private,Public
Grouping:
LocalIP:                              Any
RemoteIP:                             Any
Protocol:                             ICMPv4
                                      Type    Code
                                      8       Any
Edge traversal:                       No
Program:                              System
InterfaceTypes:                       Any
Security:                             NotRequired
Rule source:                          Group Policy Setting
Action:                               Block

Rule Name:                            Echo Request
----------------------------------------------------------------------
Enabled:                              No
Direction:                            Out
Profiles:                             Domain,Private,Public
Grouping:
LocalIP:                              Any
RemoteIP:                             203.0.113.0-203.0.113.9
Protocol:                             Any
Edge traversal:                       No
Program:                              Any
InterfaceTypes:                       LAN
Security:                             NotRequired
Rule source:                          Local Setting
Action:                               Block
Ok.
"""

FRENCH = """
Nom de la règle :                     Partage de fichiers (SMB-Entrée)
----------------------------------------------------------------------
Activé :                              Oui
Direction :                           Entrée
Profils :                             Domaine,Privé
Regroupement :                        Partage de fichiers et d'imprimantes
LocalIP :                             Tout
RemoteIP :                            10.10.0.0/16
Protocole :                           TCP
LocalPort :                           445
RemotePort :                          Tout
Traversée latérale :                  Non
Programme :                           Tout
Types d'interface :                   Tout
Sécurité :                            NotRequired
Source de la règle :                  Paramètre local
Action :                              Autoriser
Ok.
"""


def test_english_netsh() -> None:
    found = device(ENGLISH)
    assert ask(found, "10.10.0.5").verdict == "permit"
    assert ask(found, "203.0.113.9").verdict == "undetermined"
    first, second = written(found)
    assert (first.name, first.section) == ("Echo Request", "")
    assert second.in_zones == ("Domain", "Private")
    assert first.line == ENGLISH[: ENGLISH.index("Rule Name:                            Echo")].count("\n") + 1
    assert found.services[first.services].services == ("icmp/8",)
    assert first.conditions == ("programme : System",)
    (third,) = written(found, "output")
    assert (third.ref, third.enabled) == ("Echo Request (2)", False)
    assert found.not_understood == ()


def test_profiles_shown_before_the_rules() -> None:
    found = device(ENGLISH)
    assert ask(found, "203.0.113.9", port=3389, zone="Domain").verdict == "deny"
    assert ask(found, "203.0.113.9", port=3389, zone="Private").verdict == "undetermined"
    assert ask(found, "203.0.113.9", port=3389, zone="Public").verdict == "permit"
    assert out(found, "203.0.113.50", zone="Domain").verdict == "permit"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp850", "utf-16"])
def test_french_netsh_in_every_encoding_of_a_console(encoding: str) -> None:
    file = decode("regles.txt", FRENCH.replace("\n", "\r\n").encode(encoding))
    assert windows.recognise(file)
    (found,) = windows.parse([file])
    assert found.not_understood == ()
    (one,) = written(found)
    assert one.name == "Partage de fichiers (SMB-Entrée)"
    assert one.in_zones == ("Domain", "Private")
    assert one.conditions == ()
    assert ask(found, "10.10.0.5").verdict == "permit"


def test_another_language_is_named_in_the_error() -> None:
    german = ENGLISH.replace("Rule Name", "Regelname").replace("Enabled", "Aktiviert")
    assert windows.recognise(source(german))
    with pytest.raises(ParseError, match=r"langue non prise en charge.*Regelname"):
        device(german)


def test_unknown_label_and_value_are_reported() -> None:
    text = FRENCH.replace("Traversée latérale :", "Nouveau champ :     ").replace("Entrée\n", "Dedans\n")
    found = device(text)
    assert [one.text.split(":")[0] for one in found.not_understood] == ["Nouveau champ", "direction"]
    assert ask(found, "10.10.0.5").verdict == "undetermined"


def test_netsh_without_verbose_says_what_is_missing() -> None:
    text = "\n".join(
        line for line in FRENCH.split("\n") if not line.startswith(("Programme", "Types", "Sécurité", "Source"))
    )
    (one,) = written(device(text))
    assert any("verbose" in condition for condition in one.conditions)


@pytest.mark.parametrize("cut", [len(ENGLISH) - 5, len(ENGLISH) - 60, ENGLISH.index("Direction") + 3])
def test_cut_netsh_is_refused(cut: int) -> None:
    with pytest.raises(ParseError):
        device(ENGLISH[:cut])


# --- registry -----------------------------------------------------------------------------------------------------

REG = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules]
"RDP-In"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=3389|RA4=10.10.0.0/255.255.0.0|RA4=10.66.0.5|Name=Bureau à distance|Desc=RDP|EmbedCtxt=Bureau|"
"{0A1B}"="v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_10=1-1023|RA4=10.20.0.0-10.20.255.255|Name=Résidents|"
"Prog-In"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=5353|RA4=LocalSubnet|RA6=LocalSubnet|App=%SystemRoot%\\system32\\svchost.exe|Svc=dnscache|Name=@FirewallAPI.dll,-1|"
"Ping"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=8:*|Name=Ping|"
"Eteinte"="v2.31|Action=Allow|Active=FALSE|Dir=Out|Name=Sortie|"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\DomainProfile]
"EnableFirewall"=dword:00000001

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile]
"EnableFirewall"=dword:00000000

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile]
"EnableFirewall"=dword:00000001
"DefaultOutboundAction"=dword:00000001

[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules]
"Copie"="v2.31|Action=Allow|Active=TRUE|Dir=In|Name=Copie|"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Defaults\FirewallPolicy\FirewallRules]
"Usine"="v2.31|Action=Allow|Active=TRUE|Dir=In|Name=Usine|"
"""

POLICY = r"""
[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall\DomainProfile]
"AllowLocalPolicyMerge"=dword:00000000

[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules]
"GPO-1"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|Name=WinRM|"
"""


def test_registry_export() -> None:
    found = device(REG)
    assert [one.ref for one in written(found)] == ["{0A1B}", "RDP-In", "Prog-In", "Ping"]
    assert ask(found, "10.10.0.5", port=3389).verdict == "permit"
    assert ask(found, "10.66.0.5", port=3389).verdict == "permit"
    assert ask(found, "10.77.0.5", port=3389).verdict == "deny"
    assert ask(found, "10.20.0.5", port=445).verdict == "deny"
    assert ask(found, "10.10.0.5", protocol="icmp", icmp_type=8).verdict == "permit"
    rdp = written(found)[1]
    assert (rdp.name, rdp.comment, rdp.section, rdp.line) == ("Bureau à distance", "RDP", "Bureau", 4)
    assert written(found)[2].conditions == (r"programme : %SystemRoot%\system32\svchost.exe", "service : dnscache")
    assert not written(found, "output")[0].enabled


def test_registry_profiles() -> None:
    found = device(REG)
    assert ask(found, "203.0.113.9", port=1, zone="Private").verdict == "permit"
    assert ask(found, "203.0.113.9", port=1, zone="Domain").verdict == "deny"
    assert out(found, "203.0.113.9", zone="Domain").verdict == "permit"
    assert out(found, "203.0.113.9", zone="Public").verdict == "deny"


def test_group_policy_that_does_not_merge_local_rules() -> None:
    found = device(REG + POLICY)
    assert ask(found, "10.10.0.5", port=3389, zone="Domain").verdict == "deny"
    assert ask(found, "10.10.0.5", port=5985, zone="Domain").verdict == "permit"


def test_address_list_of_one_version_leaves_the_other_out() -> None:
    found = device(REG)
    assert ask(found, "2001:4::9", dst="2001:4::1", port=3389).verdict == "deny"


@pytest.mark.parametrize(
    "line",
    [
        '"R"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|Name=R|"',
        "    R    REG_SZ    v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|Name=R|",
        "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|Name=R|",
    ],
)
def test_three_ways_to_write_a_registry_rule(line: str) -> None:
    found = device(line)
    assert written(found)[0].name == "R"
    assert ask(found, "10.10.0.5").verdict == "permit"


def test_unknown_registry_token_is_a_condition() -> None:
    found = device("v2.33|Action=Allow|Active=TRUE|Dir=In|Nouveau=1|Name=R|")
    assert [one.text for one in found.not_understood] == ["Nouveau=1"]
    assert ask(found, "10.10.0.5").verdict == "undetermined"


@pytest.mark.parametrize("cut", ['"R"="v2.31|Action=Allow|Dir=In|LPo', "v2.31|Action=Allow|Dir=In|LPort=44"])
def test_cut_registry_rule_is_refused(cut: str) -> None:
    with pytest.raises(ParseError):
        device(cut)


# --- recognition, broken files ------------------------------------------------------------------------------------

EXPORTS = {"json": export(rule("r")), "csv": as_csv(rule("r")), "netsh": ENGLISH, "reg": REG}


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_export_is_recognised(kind: str) -> None:
    assert windows.recognise(source(EXPORTS[kind]))


@pytest.mark.parametrize(
    "text",
    [
        "<pfsense></pfsense>",
        "config system global\nend\n",
        "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
        '{"nftables": []}',
        "",
        "Titre\n-----\n",
    ],
)
def test_files_of_others_are_left_alone(text: str) -> None:
    assert not windows.recognise(source(text))


@pytest.mark.parametrize("cut", [10, 400, -3, -30])
def test_cut_json_is_refused(cut: int) -> None:
    with pytest.raises(ParseError):
        windows.parse([source(EXPORTS["json"][:cut])])


@pytest.mark.parametrize(
    "text",
    [
        '{"format":"ausculte/windows-firewall","rules":[]}',
        '[{"DisplayName":"PolicyStoreSource"}',
        "[" * 100_000 + '"DisplayName PolicyStoreSource"',
    ],
)
def test_empty_or_too_deep_json_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        windows.parse([source(text)])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(EXPORTS)), st.integers(0, 3000), st.integers(0, 60), st.text(max_size=8))
def test_mutated_export_gives_a_device_or_a_clear_error(kind: str, start: int, length: int, inserted: str) -> None:
    text = EXPORTS[kind]
    mutated = text[:start] + inserted + text[start + length :]
    try:
        (found,) = windows.parse([SourceFile("x", mutated, "")])
    except ParseError:
        return
    assert found.vendor == "windows"
    assert {one.hook for one in found.chains} == {"input", "output"}


CELLS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(["0", "-", "10.0.0.0/33", "70000", "1-", ",,", "Any", "::/0"]),
    st.integers(),
    st.none(),
    st.lists(st.text(max_size=4), max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(rule("x"))), CELLS, max_size=8))
def test_any_value_in_a_rule_is_read_or_reported(fields: dict[str, Any]) -> None:
    found = device(export(rule("r", **fields)))
    assert written(found) or written(found, "output")
    assert ask(found, "10.10.0.5").verdict in ("permit", "deny", "undetermined")


def test_large_export_is_read_in_linear_time() -> None:
    assert len(written(device(export(*(rule(f"r{n}") for n in range(5000)))))) == 5000
