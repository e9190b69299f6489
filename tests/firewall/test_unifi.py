"""UniFi: zone policies, legacy rulesets, and what the controller leaves out of its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.facts import Device, Rule
from checks.firewall.parsers import unifi
from checks.firewall.parsers.registry import VENDORS, parser_of
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "unifi"

ZONES = [
    {"_id": "z-int", "name": "Internal", "zone_key": "internal", "default_zone": True, "network_ids": ["n-soins"]},
    {"_id": "z-ext", "name": "External", "zone_key": "external", "default_zone": True, "network_ids": []},
    {"_id": "z-gw", "name": "Gateway", "zone_key": "gateway", "default_zone": True, "network_ids": []},
    {"_id": "z-res", "name": "Résidents", "default_zone": False, "network_ids": ["n-res"]},
]
NETWORKS = [
    {"_id": "n-soins", "name": "Soins", "purpose": "corporate", "ip_subnet": "10.20.0.1/16", "vlan": 20},
    {"_id": "n-res", "name": "Wi-Fi résidents", "purpose": "guest", "ip_subnet": "10.50.0.1/16"},
    {"_id": "n-wan", "name": "Internet", "purpose": "wan"},
    {
        "_id": "n-vpn", "name": "Siège", "purpose": "site-vpn", "vpn_type": "ipsec-vpn", "x_ipsec_pre_shared_key": "PSKSECRET",
        "ipsec_key_exchange": "ikev1", "ipsec_encryption": "3des", "ipsec_hash": "sha1", "ipsec_dh_group": 2, "ipsec_pfs": False,
    },
]  # fmt: skip
GROUPS = [
    {
        "_id": "g-dpi",
        "name": "Serveurs DPI",
        "group_type": "address-group",
        "group_members": ["10.20.1.10", "10.20.1.16/28"],
    },
    {"_id": "g-web", "name": "Web", "group_type": "port-group", "group_members": ["80", "443", "8000-8010"]},
]


def side(zone: str, **more: Any) -> dict[str, Any]:
    return {
        "zone_id": zone,
        "matching_target": "ANY",
        "port_matching_type": "ANY",
        "match_opposite_ports": False,
        **more,
    }


def policy(index: int, action: str, source: dict[str, Any], destination: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "_id": f"p{index}", "name": f"Règle {index}", "enabled": True, "action": action, "index": index, "predefined": False,
        "protocol": "all", "ip_version": "BOTH", "connection_state_type": "ALL", "connection_states": [], "logging": False,
        "match_ip_sec": False, "icmp_typename": "ANY", "icmp_v6_typename": "ANY", "schedule": {"mode": "ALWAYS"},
        "create_allow_respond": True, "source": source, "destination": destination, **more,
    }  # fmt: skip


def source(value: Any, name: str = "export.json") -> SourceFile:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return decode(name, text.encode())


def parsed(*values: Any) -> Device:
    (device,) = unifi.parse([source(value, f"f{number}.json") for number, value in enumerate(values)])
    return device


def zoned(*policies: dict[str, Any]) -> Device:
    return parsed(list(policies), ZONES, NETWORKS, GROUPS)


def rule(device: Device, ref: str) -> Rule:
    return next(rule for chain in device.chains for rule in chain.rules if rule.ref == ref)


def verdict(
    device: Device, src: str, dst: str, port: int = 443, *, hook: str = "forward", **more: object
) -> tuple[str, str]:
    found = decide(device, Packet(src, dst, port=port, **more), hook)  # type: ignore[arg-type]
    return found.verdict, found.entry.rule.ref if found.entry else ""


RES_TO_INT = {"in_zone": "Résidents", "out_zone": "Internal"}


def test_growing_index_is_the_order_of_evaluation() -> None:
    device = zoned(
        policy(10002, "BLOCK", side("z-res"), side("z-int")),
        policy(
            10001,
            "ALLOW",
            side("z-res"),
            side("z-int", matching_target="IP", ip_group_id="g-dpi", matching_target_type="OBJECT"),
        ),
    )
    assert verdict(device, "10.50.0.9", "10.20.1.17", **RES_TO_INT) == ("permit", "p10001")
    assert verdict(device, "10.50.0.9", "10.20.2.1", **RES_TO_INT) == ("deny", "p10002")
    assert not device.not_understood


def test_predefined_policies_decide_and_are_automatic() -> None:
    device = zoned(
        policy(10000, "ALLOW", side("z-int"), side("z-ext")),
        policy(2147483647, "BLOCK", side("z-res"), side("z-int"), predefined=True, name="Block All Traffic"),
    )
    assert verdict(device, "10.50.0.9", "10.20.2.1", **RES_TO_INT) == ("deny", "p2147483647")
    assert rule(device, "p2147483647").automatic
    assert not any("prédéfinies" in limit for limit in device.limits)


def test_without_predefined_policies_only_new_zones_have_a_known_default() -> None:
    device = zoned(policy(10000, "ALLOW", side("z-int"), side("z-ext")))
    assert verdict(device, "10.50.0.9", "10.20.2.1", **RES_TO_INT)[0] == "deny"
    assert verdict(device, "10.50.0.9", "203.0.113.1", in_zone="Résidents", out_zone="External")[0] == "permit"
    assert verdict(device, "10.20.0.9", "10.50.0.1", in_zone="Internal", out_zone="Résidents")[0] == "undetermined"
    assert any("prédéfinies" in limit for limit in device.limits)


def test_policies_towards_the_gateway_are_its_own_chain() -> None:
    device = zoned(
        policy(
            10000, "BLOCK", side("z-res"), side("z-gw", port_matching_type="SPECIFIC", port="22,443"), protocol="tcp"
        ),
        policy(10001, "ALLOW", side("z-gw"), side("z-ext")),
    )
    hooks = {chain.hook: [one.ref for one in chain.rules if not one.automatic] for chain in device.chains}
    assert hooks == {"forward": [], "input": ["p10000"], "output": ["p10001"]}
    assert verdict(device, "10.50.0.9", "10.50.0.1", 22, hook="input", in_zone="Résidents", out_zone="Gateway") == (
        "deny",
        "p10000",
    )


def test_networks_ports_and_opposites() -> None:
    device = zoned(
        policy(
            10000, "ALLOW",
            side("z-int", matching_target="NETWORK", network_ids=["n-soins"], matching_target_type="OBJECT"),
            side("z-ext", matching_target="IP", ips=["203.0.113.0/24"], match_opposite_ips=True, port_matching_type="OBJECT", port_group_id="g-web"),
            protocol="tcp_udp", ip_version="IPV4",
        ),
        policy(10001, "BLOCK", side("z-int"), side("z-ext", port_matching_type="SPECIFIC", port="53", match_opposite_ports=True), protocol="udp"),
    )  # fmt: skip
    out = {"in_zone": "Internal", "out_zone": "External"}
    assert verdict(device, "10.20.0.9", "198.51.100.1", 8005, **out) == ("permit", "p10000")
    assert verdict(device, "10.20.0.9", "203.0.113.9", 443, protocol="udp", **out) == ("deny", "p10001")
    assert verdict(device, "10.20.0.9", "203.0.113.9", 53, protocol="udp", **out)[0] == "undetermined"
    assert device.addresses[rule(device, "p10000").source].names == ("Soins",)


def test_states() -> None:
    device = zoned(
        policy(10000, "ALLOW", side("z-ext"), side("z-int"), connection_state_type="RESPOND_ONLY"),
        policy(
            10001, "BLOCK", side("z-ext"), side("z-int"), connection_state_type="CUSTOM", connection_states=["INVALID"]
        ),
        policy(10002, "BLOCK", side("z-ext"), side("z-int"), connection_state_type="ASTRAL"),
    )
    assert rule(device, "p10000").state == ("established", "related")
    assert rule(device, "p10001").state == ("invalid",)
    assert rule(device, "p10002").conditions == ("état : ASTRAL",)


@pytest.mark.parametrize(
    ("more", "condition"),
    [
        ({"schedule": {"mode": "EVERY_DAY", "time_range_start": "08:00"}}, "horaire : EVERY_DAY"),
        ({"match_ip_sec": True, "match_ip_sec_type": "MATCH_IP_SEC"}, "IPsec : MATCH_IP_SEC"),
        ({"icmp_typename": "ECHO_REQUEST"}, "type ICMP : ECHO_REQUEST"),
        ({"humeur": "bonne"}, "directive non comprise : humeur"),
    ],
)
def test_conditions_prove_nothing(more: dict[str, Any], condition: str) -> None:
    device = zoned(policy(10000, "BLOCK", side("z-int"), side("z-ext"), **more))
    assert rule(device, "p10000").conditions == (condition,)
    assert verdict(device, "10.20.0.9", "203.0.113.9", in_zone="Internal", out_zone="External")[0] == "undetermined"
    assert bool(device.not_understood) == ("humeur" in more)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"matching_target": "REGION", "regions": ["RU"]}, "region:RU"),
        ({"matching_target": "CLIENT", "client_macs": ["00:11:22:33:44:55"]}, "client:00:11:22:33:44:55"),
        ({"matching_target": "WEB", "web_domains": ["example.org"]}, "web:example.org"),
        ({"matching_target": "IP", "ip_group_id": "g-perdu"}, "absent:g-perdu"),
        ({"matching_target": "NETWORK", "network_ids": ["n-perdu"]}, "réseau:n-perdu"),
        ({"matching_target": "ORACLE"}, "cible:oracle"),
    ],
)
def test_targets_that_cannot_be_resolved(target: dict[str, Any], reason: str) -> None:
    device = zoned(policy(10000, "BLOCK", side("z-int"), side("z-ext", **target)))
    assert device.addresses[rule(device, "p10000").destination].unresolved == (reason,)
    assert verdict(device, "10.20.0.9", "203.0.113.9", in_zone="Internal", out_zone="External")[0] == "undetermined"


def test_unknown_action_or_equal_order_makes_the_chains_uncertain() -> None:
    device = zoned(policy(10000, "PRAY", side("z-int"), side("z-ext")))
    assert not any(chain.exact for chain in device.chains)
    twins = zoned(
        policy(10000, "ALLOW", side("z-int"), side("z-ext")),
        policy(10000, "BLOCK", side("z-int"), side("z-ext"), _id="jumeau"),
    )
    assert not twins.chains[0].exact
    assert verdict(twins, "10.20.0.9", "203.0.113.9", in_zone="Internal", out_zone="External")[0] == "undetermined"
    elsewhere = zoned(
        policy(10000, "ALLOW", side("z-int"), side("z-ext")), policy(10000, "BLOCK", side("z-res"), side("z-ext"))
    )
    assert elsewhere.chains[0].exact


def test_disabled_policy_and_its_line() -> None:
    text = json.dumps(
        [
            policy(10000, "ALLOW", side("z-int"), side("z-ext")),
            policy(10001, "BLOCK", side("z-int"), side("z-ext"), enabled=False),
        ],
        indent=1,
    )
    device = parsed(text, ZONES)
    assert rule(device, "p10000").line == 2
    assert text.split("\n")[rule(device, "p10001").line - 1].strip() == "{"
    assert '"_id": "p10001"' in text.split("\n")[rule(device, "p10001").line]
    assert rule(device, "p10001").enabled is False


def test_groups_say_whether_they_are_used() -> None:
    device = zoned(policy(10000, "ALLOW", side("z-int"), side("z-ext", matching_target="IP", ip_group_id="g-dpi")))
    assert {one.name: (one.kind, one.used) for one in device.objects} == {
        "Serveurs DPI": ("address-group", True), "Web": ("service-group", False),
    }  # fmt: skip


def test_tunnels_keep_no_secret() -> None:
    device = zoned(policy(10000, "ALLOW", side("z-int"), side("z-ext")))
    assert not isinstance(device.vpns, Gap)
    (tunnel,) = device.vpns
    assert (tunnel.kind, tunnel.name, tunnel.encryption, tunnel.dh_groups, tunnel.pfs, tunnel.ike_versions) == (
        "ipsec", "Siège", ("3des",), (2,), False, (1,),
    )  # fmt: skip
    assert "PSKSECRET" not in msgspec.json.encode(device).decode()


def legacy(index: int, ruleset: str, action: str, **more: Any) -> dict[str, Any]:
    return {
        "_id": f"l{index}", "name": f"Ancienne {index}", "ruleset": ruleset, "rule_index": index, "action": action, "enabled": True,
        "protocol": "all", "protocol_match_excepted": False, "src_address": "", "dst_address": "", "dst_port": "",
        "src_firewallgroup_ids": [], "dst_firewallgroup_ids": [], "src_networkconf_id": "", "src_networkconf_type": "NETv4",
        "dst_networkconf_id": "", "dst_networkconf_type": "NETv4", "state_new": False, "state_established": False,
        "state_related": False, "state_invalid": False, "ipsec": "", "logging": False, "setting_preference": "manual", **more,
    }  # fmt: skip


def test_legacy_rulesets_by_direction_and_index() -> None:
    device = parsed(
        {
            "meta": {"rc": "ok"},
            "data": [
                legacy(2001, "LAN_IN", "drop", src_networkconf_id="n-res", dst_networkconf_id="n-soins"),
                legacy(2000, "LAN_IN", "accept", protocol="tcp", dst_firewallgroup_ids=["g-dpi", "g-web"]),
                legacy(2002, "LAN_LOCAL", "drop", protocol="tcp", dst_port="22"),
                legacy(2003, "WAN_OUT", "reject", dst_address="198.51.100.0/24"),
                legacy(2004, "WANv6_IN", "drop", protocol="", protocol_v6="all"),
            ],
        },
        {"meta": {"rc": "ok"}, "data": NETWORKS},
        GROUPS,
    )
    assert [(chain.name, chain.hook, chain.families) for chain in device.chains] == [
        ("Entrée IPv4", "forward", (4,)), ("Entrée IPv6", "forward", (6,)),
        ("Vers la passerelle IPv4", "input", (4,)), ("Sortie IPv4", "forward", (4,)),
    ]  # fmt: skip
    assert [one.ref for one in device.chains[0].rules] == ["2000", "2001"]
    lan = {"in_zone": "LAN", "out_zone": "WAN"}
    assert verdict(device, "10.50.0.9", "10.20.2.1", 443, **lan) == ("deny", "2001")
    assert verdict(device, "10.50.0.9", "10.20.1.10", 443, **lan)[0] == "undetermined"
    assert verdict(device, "10.20.0.9", "198.51.100.7", 443, **lan) == ("deny", "2003")
    assert verdict(device, "10.50.0.9", "10.20.0.1", 22, hook="input", in_zone="LAN") == ("deny", "2002")
    assert verdict(device, "2001:db8::1", "2001:db8::2", in_zone="WAN") == ("deny", "2004")
    assert rule(device, "2001").section == "LAN_IN"
    lan_zone = next(one for one in device.interfaces if one.name == "LAN")
    assert (lan_zone.networks, lan_zone.members) == (("10.20.0.0/16",), ("Soins",))


def test_legacy_conditions_and_states() -> None:
    device = parsed(
        [
            legacy(2000, "WAN_IN", "accept", state_established=True, state_related=True),
            legacy(2001, "WAN_IN", "drop", ipsec="match-ipsec"),
            legacy(2002, "WAN_IN", "drop", dst_firewallgroup_ids=["perdu"]),
        ]
    )
    assert rule(device, "2000").state == ("established", "related")
    assert rule(device, "2001").conditions == ("IPsec : match-ipsec",)
    assert rule(device, "2002").conditions == ("groupe absent : perdu",)
    assert any("ancien pare-feu" in limit for limit in device.limits)


def test_unknown_ruleset_makes_the_chains_uncertain() -> None:
    device = parsed([legacy(2000, "WAN_IN", "drop"), legacy(2001, "LAN_SIDEWAYS", "drop")])
    assert not device.chains[0].exact


def test_port_forwards_are_publications() -> None:
    device = parsed(
        [policy(10000, "ALLOW", side("z-int"), side("z-ext"))],
        ZONES,
        [
            {
                "_id": "f1",
                "name": "DPI",
                "enabled": True,
                "pfwd_interface": "wan",
                "src": "any",
                "dst_port": "443",
                "fwd": "10.20.1.10",
                "fwd_port": "8443",
                "proto": "tcp",
            }
        ],
    )
    (one,) = device.nat
    assert (one.kind, one.to_address, one.to_ports, one.permits, one.in_zones) == (
        "destination",
        "10.20.1.10",
        "8443",
        True,
        ("wan",),
    )
    assert device.services[one.services].services == ("tcp/443",)


def test_several_lists_in_one_file() -> None:
    device = parsed(
        {"policies": [policy(10000, "BLOCK", side("z-res"), side("z-int"))], "zones": ZONES, "networks": NETWORKS}
    )
    assert verdict(device, "10.50.0.9", "10.20.2.1", **RES_TO_INT) == ("deny", "p10000")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        '[{"a": 1}',
        '[{"a": 1},]',
        '{"data": [{"a": 1}}',
        '[{"a": 1}] suite',
        "[" * 5000,
        "[1, 2]",
        '{"data": [{"a": ' + "9" * 6000 + "}]}",
    ],
)
def test_cut_or_malformed_json_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parsed(text)


def test_exports_that_cannot_be_read_say_why() -> None:
    with pytest.raises(ParseError, match="aucune règle"):
        parsed(ZONES)
    with pytest.raises(ParseError, match="API d'intégration"):
        parsed([{"id": "1", "ipProtocolScope": {}, "source": {}, "action": {}}])
    with pytest.raises(ParseError, match="sauvegarde chiffrée"):
        decode("site.unf", b"\x00\x01\x02PK" * 40)


def test_elements_of_an_unknown_kind_are_listed() -> None:
    device = parsed([policy(10000, "ALLOW", side("z-int"), side("z-ext")), {"planete": "mars"}])
    assert device.not_understood[0].text == "planete"


@pytest.mark.parametrize(
    "value",
    [[policy(1, "ALLOW", side("a"), side("b"))], ZONES, NETWORKS, GROUPS, [legacy(1, "WAN_IN", "drop")]],
    ids=str,
)
def test_only_this_vendor_recognises_its_files(value: Any) -> None:
    here = Path(unifi.__file__).parent
    claimed = [one for one in VENDORS if (here / f"{one}.py").exists() and parser_of(one).recognise(source(value))]
    assert claimed == ["unifi"]


def test_other_json_is_not_recognised() -> None:
    assert not unifi.recognise(source({"nftables": [{"rule": {"family": "ip"}}]}))
    assert not unifi.recognise(source([{"uid": "1", "type": "access-rule"}]))


WHOLE = json.dumps(
    [
        policy(10000, "ALLOW", side("z-int"), side("z-ext", ips=["10.0.0.0/8"], matching_target="IP")),
        *ZONES,
        *NETWORKS,
        *GROUPS,
        legacy(1, "WAN_IN", "drop"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["tcp", "80", "10.0.0.0/8", "ANY", "IP", "ALLOW"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = st.sampled_from(
    [
        *policy(1, "ALLOW", {}, {}),
        *side("z"),
        "ruleset",
        "rule_index",
        "group_type",
        "group_members",
        "purpose",
        "src_port",
        "network_ids",
        "fwd_port",
        "dst_port",
    ]
)


@settings(deadline=2000, max_examples=200)
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=8), max_size=4))
def test_any_json_is_read_or_refused(value: list[dict[str, Any]]) -> None:
    try:
        device = parsed([*value, policy(10000, "ALLOW", side("z-int"), side("z-ext"))])
    except ParseError:
        return
    assert device.chains


@settings(deadline=2000, max_examples=150)
@given(st.integers(0, len(WHOLE)), st.integers(0, 60), st.text(max_size=8))
def test_mutated_exports_are_read_or_refused(at: int, size: int, new: str) -> None:
    try:
        file = source(WHOLE[:at] + new + WHOLE[at + size :])
        unifi.recognise(file)
        (device,) = unifi.parse([file])
    except ParseError:
        return
    assert device.chains


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
def test_samples_hold_what_their_list_states() -> None:
    files = [
        decode(name, (CORPUS / name).read_bytes())
        for name in ("policies.json", "zones.json", "networks.json", "groups.json")
    ]
    assert all(unifi.recognise(file) for file in files)
    (device,) = unifi.parse(files)
    written = [one for chain in device.chains for one in chain.rules]
    assert len(written) == 7
    assert len(device.objects) == 2
    assert not device.not_understood
    assert {one.name for one in device.interfaces} == {"External", "Internal", "Guest", "IoT"}
    dns = rule(device, "rule-3")
    assert device.addresses[dns.destination].ranges == ("1.1.1.1", "8.8.8.8")
    assert device.services[dns.services].services == ("udp/53",)
    guest = {"in_zone": "Guest", "out_zone": "External"}
    assert verdict(device, "10.0.100.5", "203.0.113.1", 443, **guest) == ("permit", "rule-2")
    assert verdict(device, "10.0.100.5", "203.0.113.1", 25, **guest) == ("deny", "rule-4")
    assert verdict(device, "10.0.200.5", "192.168.1.2", 445, in_zone="IoT", out_zone="Internal") == ("deny", "rule-5")
