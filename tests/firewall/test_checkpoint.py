from __future__ import annotations

import copy
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.addresses import from_fact as addresses_of
from checks.firewall.algebra.decide import DENY, PERMIT, UNDETERMINED, Packet, decide
from checks.firewall.algebra.services import from_fact as services_of
from checks.firewall.parsers import checkpoint
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from checks.model import Gap
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "checkpoint"
DATA = {"name": "Check Point Data", "domain-type": "data domain"}
SITE = {"name": "SMC User", "domain-type": "domain"}
OUTSIDE, SOINS, WEB = "198.51.100.7", "10.10.0.5", "10.50.0.10"


def thing(name, kind, domain=SITE, **fields):
    return {"uid": f"uid-{name}", "name": name, "type": kind, "domain": domain, **fields}


OBJECTS = [
    thing("Any", "CpmiAnyObject", DATA),
    thing("Accept", "RulebaseAction", DATA),
    thing("Drop", "RulebaseAction", DATA),
    thing("Reject", "RulebaseAction", DATA),
    thing("Ask", "RulebaseAction", DATA),
    thing("Inform", "RulebaseAction", DATA),
    thing("User Auth", "RulebaseAction", DATA),
    thing("Inner Layer", "Global", DATA),
    thing("Policy Targets", "Global", DATA),
    thing("Original", "Global", DATA),
    thing("Log", "Track", DATA),
    thing("None", "Track", DATA),
    thing("SRV-SOINS", "host", **{"ipv4-address": SOINS}),
    thing("SRV-WEB", "host", **{"ipv4-address": WEB, "ipv6-address": "2001:db8::10"}),
    thing("LAN", "network", subnet4="10.10.0.0", **{"mask-length4": 24, "broadcast": "allow"}),
    thing("SITE", "network", subnet4="10.0.0.0", **{"mask-length4": 8, "broadcast": "allow"}),
    thing("RESERVE", "network", subnet4="10.80.0.0", **{"mask-length4": 24, "broadcast": "disallow"}),
    thing("PLAGE", "address-range", **{"ipv4-address-first": "10.50.0.20", "ipv4-address-last": "10.50.0.29"}),
    thing("SERVEURS", "group", members=["uid-SRV-SOINS", "uid-SOUS-GROUPE"]),
    thing("SOUS-GROUPE", "group", members=["uid-PLAGE"]),
    thing("BOUCLE", "group", members=["uid-BOUCLE", "uid-SRV-WEB"]),
    thing("TROU", "group", members=["uid-SRV-WEB", "uid-inconnu"]),
    thing("SITE-SAUF-LAN", "group-with-exclusion", include={"uid": "uid-SITE"}, **{"except": {"uid": "uid-LAN"}}),
    thing("VISIO", "dns-domain"),
    thing("INTERNE", "security-zone"),
    thing("SOIGNANTS", "access-role"),
    thing("MASQUE", "wildcard", **{"ipv4-address": "10.0.5.0", "ipv4-mask-wildcard": "0.255.0.255"}),
    thing("https", "service-tcp", DATA, port="443"),
    thing("http", "service-tcp", DATA, port="80"),
    thing("hauts", "service-udp", port=">1023", **{"source-port": "53"}),
    thing("plage-tcp", "service-tcp", port="5000-5010"),
    thing("echo", "service-icmp", DATA, **{"icmp-type": 8}),
    thing("gre", "service-other", DATA, **{"ip-protocol": 47}),
    thing("expr", "service-other", **{"ip-protocol": 17, "match": "uh_dport > 33000"}),
    thing("signature", "service-tcp", port="8080", **{"match-by-protocol-signature": True}),
    thing("Facebook", "application-site", DATA),
    thing("WEB", "service-group", members=["uid-http", "uid-https"]),
    thing("HEURES", "time", **{"end-never": True}),
    thing("CHANTIER", "time", **{"end-never": False, "end": {"iso-8601": "2026-06-30T18:00+0200", "posix": 1}}),
    thing("GwToGw", "Global", DATA),
    thing("PDF", "data-type", DATA),
]  # fmt: skip


def rule(number, *, action="Accept", source="Any", destination="Any", service="Any", **fields):
    def cell(names):
        return [f"uid-{name}" for name in names.split()]

    return {
        "uid": f"rule-{number}-{fields.get('name', '')}",
        "type": "access-rule",
        "rule-number": number,
        "track": {"type": "uid-Log"},
        "source": cell(source),
        "source-negate": False,
        "destination": cell(destination),
        "destination-negate": False,
        "service": cell(service),
        "service-negate": False,
        "vpn": ["uid-Any"],
        "action": f"uid-{action}",
        "content": ["uid-Any"],
        "content-direction": "any",
        "time": ["uid-Any"],
        "comments": "",
        "enabled": True,
        "install-on": ["uid-Policy Targets"],
        **fields,
    }


def layer(name, *rules, **fields):
    return {
        "uid": f"layer-{name}", "name": name, "rulebase": list(rules), "objects-dictionary": OBJECTS,
        "from": 1, "to": len(rules), "total": len(rules), **fields,
    }  # fmt: skip


def package(*names, cleanup="drop", name="Tilleuls"):
    return {
        "uid": f"package-{name}", "name": name, "type": "package", "domain": SITE,
        "access-layers": [
            {"uid": f"layer-{one}", "name": one, "type": "access-layer", "domain": SITE, "implicit-cleanup-action": cleanup}
            for one in names
        ],
    }  # fmt: skip


def files(*documents, indent=1):
    return [decode(f"part{n}.json", json.dumps(one, indent=indent).encode()) for n, one in enumerate(documents)]


def device(*documents):
    (found,) = checkpoint.parse(files(*documents))
    return found


def one_layer(*rules, **settings_of_layer):
    return device(layer("Network", *rules), package("Network", **settings_of_layer))


def fate(found, source=OUTSIDE, destination=WEB, port=443, protocol="tcp", **more):
    return decide(found, Packet(source, destination, protocol, port, **more))


def source_of(found, index=0):
    return found.addresses[found.chains[0].rules[index].source]


def service_of(found, index=0):
    return found.services[found.chains[0].rules[index].services]


def test_first_match_wins_then_the_implicit_cleanup():
    found = one_layer(
        rule(1, action="Drop", source="LAN", destination="SRV-WEB"), rule(2, destination="SRV-WEB", service="WEB")
    )
    assert (fate(found).verdict, fate(found).entry.rule.ref) == (PERMIT, "Network 2")
    assert fate(found, source="10.10.0.9").entry.rule.ref == "Network 1"
    cleanup = fate(found, port=22)
    assert (cleanup.verdict, cleanup.entry.rule.automatic) == (DENY, True)
    assert found.not_understood == ()


def test_implicit_cleanup_may_accept_and_is_uncertain_when_not_exported():
    assert fate(one_layer(rule(1, action="Drop", destination="LAN"), cleanup="accept")).verdict == PERMIT
    assert fate(device(layer("Network", rule(1, action="Drop", destination="LAN")))).verdict == UNDETERMINED


def test_ordered_layers_must_all_accept_in_the_order_of_the_package():
    first = layer("Network", rule(1, service="WEB"))
    second = layer("Applications", rule(1, action="Drop", destination="SRV-WEB"), rule(2))
    found = device(second, first, package("Network", "Applications"))
    assert [(chain.name, chain.priority) for chain in found.chains] == [("Network", 0), ("Applications", 10)]
    assert fate(found).entry.rule.ref == "Applications 1"
    assert fate(found, destination=SOINS).verdict == PERMIT
    assert fate(found, destination=SOINS, port=22).verdict == DENY


def test_inline_layer_decides_and_never_comes_back():
    inline = layer("Web", rule(1, destination="SRV-WEB"))
    outer = layer("Network", rule(1, action="Inner Layer", service="WEB", **{"inline-layer": "layer-Web"}), rule(2))
    found = device(outer, inline, package("Network"), thing_layer("Web"))
    assert [chain.hook for chain in found.chains] == ["forward", ""]
    assert fate(found).entry.rule.ref == "Web 1"
    # Its cleanup is final: rule 2 would have accepted.
    assert fate(found, destination=SOINS).verdict == DENY
    assert fate(found, destination=SOINS, port=22).entry.rule.ref == "Network 2"


def thing_layer(name, cleanup="drop"):
    return {
        "uid": f"layer-{name}",
        "name": name,
        "type": "access-layer",
        "domain": SITE,
        "implicit-cleanup-action": cleanup,
    }


def test_inline_layer_that_is_absent_is_undetermined():
    inner = rule(1, action="Inner Layer", service="WEB", **{"inline-layer": "layer-Web"})
    found = device(layer("Network", inner, rule(2, action="Drop")), package("Network"))
    assert fate(found).verdict == UNDETERMINED
    assert fate(found, port=22).verdict == DENY
    assert not found.chains[1].exact


def test_layer_that_calls_itself_ends():
    inner = rule(1, action="Inner Layer", **{"inline-layer": "layer-Network"})
    assert fate(device(layer("Network", inner), package("Network"))).verdict == UNDETERMINED


def test_sections_split_over_pages():
    one = layer(
        "Network", {"type": "access-section", "name": "Serveurs", "from": 1, "to": 1, "rulebase": [rule(1, action="Drop")]},
        total=2, to=1,
    )  # fmt: skip
    two = layer(
        "Network", {"type": "access-section", "name": "Serveurs", "from": 2, "to": 2, "rulebase": [rule(2)]},
        total=2, **{"from": 2, "to": 2},
    )  # fmt: skip
    found = device(two, one, package("Network"))
    assert [(r.ref, r.section) for r in found.chains[0].rules] == [("Network 1", "Serveurs"), ("Network 2", "Serveurs")]
    assert found.chains[0].exact


def test_missing_page_makes_the_layer_inexact():
    found = device(layer("Network", rule(1), total=7), package("Network"))
    assert not found.chains[0].exact
    assert found.chains[0].why_not_exact == "les règles 2 à 7 de la couche Network ne sont pas dans l'export"
    assert fate(found).verdict == UNDETERMINED


def test_rule_hidden_by_the_rights_of_the_export():
    found = one_layer({"type": "place-holder", "uid": "x", "name": "?"}, rule(2))
    assert not found.chains[0].exact
    assert len(found.not_understood) == 1


@pytest.mark.parametrize(
    ("name", "ranges", "maybe", "unresolved"),
    [
        ("SRV-WEB", ("10.50.0.10", "2001:db8::10"), (), ()),
        ("LAN", ("10.10.0.0/24",), (), ()),
        ("PLAGE", ("10.50.0.20-10.50.0.29",), (), ()),
        ("SERVEURS", ("10.10.0.5", "10.50.0.20-10.50.0.29"), (), ()),
        ("SITE-SAUF-LAN", ("10.0.0.0-10.9.255.255", "10.10.1.0-10.255.255.255"), (), ()),
        ("RESERVE", ("10.80.0.0-10.80.0.254",), ("10.80.0.255",), ("adresse de diffusion",)),
    ],
)  # fmt: skip
def test_address_objects(name, ranges, maybe, unresolved):
    found = source_of(one_layer(rule(1, source=name)))
    assert (found.ranges, found.maybe, found.unresolved) == (ranges, maybe, unresolved)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("TROU", "absent:uid-inconnu"), ("BOUCLE", "cycle:BOUCLE"), ("VISIO", "fqdn:VISIO"),
        ("INTERNE", "security-zone:INTERNE"), ("SOIGNANTS", "access-role:SOIGNANTS"), ("MASQUE", "wildcard:MASQUE"),
        ("absent", "absent:uid-absent"),
    ],
)  # fmt: skip
def test_unresolved_objects_never_decide(name, why):
    found = one_layer(rule(1, action="Drop", source=name), rule(2))
    assert source_of(found).unresolved == (why,)
    assert fate(found, source="192.0.2.9").verdict == UNDETERMINED


def test_a_group_with_a_hole_keeps_what_is_certain():
    assert fate(one_layer(rule(1, action="Drop", source="TROU"), rule(2)), source=WEB).verdict == DENY


def test_negated_cells():
    found = one_layer(rule(1, action="Drop", source="LAN", **{"source-negate": True}), rule(2))
    assert source_of(found).names == ("sauf LAN",)
    assert fate(found).verdict == DENY
    assert fate(found, source="10.10.0.9").verdict == PERMIT
    hole = one_layer(rule(1, action="Drop", source="TROU", **{"source-negate": True}), rule(2))
    assert fate(hole, source=WEB).verdict == PERMIT
    assert fate(hole).verdict == UNDETERMINED
    ports = one_layer(rule(1, action="Drop", service="https", **{"service-negate": True}), rule(2))
    assert (fate(ports).verdict, fate(ports, port=80).verdict) == (PERMIT, DENY)


@pytest.mark.parametrize(
    ("name", "services", "maybe"),
    [
        ("https", ("tcp/443",), ()),
        ("WEB", ("tcp/80", "tcp/443"), ()),
        ("hauts", ("udp/1024-65535@53",), ()),
        ("plage-tcp", ("tcp/5000-5010",), ()),
        ("echo", ("icmp/8",), ()),
        ("gre", ("gre",), ()),
        ("expr", (), ("udp",)),
        ("signature", (), ("tcp",)),
        ("Facebook", (), ("any",)),
    ],
)
def test_service_objects(name, services, maybe):
    found = service_of(one_layer(rule(1, service=name)))
    assert (found.services, found.maybe) == (services, maybe)


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"vpn": ["uid-GwToGw"]}, "VPN"), ({"vpn": [{"directional": 1, "name": "RemoteAccess"}]}, "VPN"),
        ({"content": ["uid-PDF"]}, "contenu : PDF"), ({"content": ["uid-PDF"], "content-negate": True}, "sauf PDF"),
        ({"content-direction": "up"}, "sens du contenu"), ({"time": ["uid-HEURES"]}, "horaire : HEURES"),
        ({"install-on": ["uid-SRV-WEB"]}, "installée seulement sur"), ({"nouveau-champ": 1}, "directive non comprise"),
        ({"service-resource": "uid-x"}, "ressource"),
    ],
)  # fmt: skip
def test_other_columns_are_conditions(fields, condition):
    found = one_layer(rule(1, action="Drop", **fields), rule(2))
    assert condition in found.chains[0].rules[0].conditions[0]
    assert fate(found).verdict == UNDETERMINED


def test_expired_time_object():
    found = one_layer(rule(1, time=["uid-CHANTIER"]))
    assert (found.chains[0].rules[0].schedule, found.chains[0].rules[0].expires) == (
        "CHANTIER",
        "2026-06-30T18:00+0200",
    )
    both = one_layer(rule(1, time=["uid-CHANTIER", "uid-HEURES"]))
    assert both.chains[0].rules[0].expires == ""


def test_actions():
    assert fate(one_layer(rule(1, action="Reject"), rule(2))).verdict == DENY
    assert fate(one_layer(rule(1, action="Inform"), rule(2, action="Drop"))).verdict == PERMIT
    # Whoever refuses the question of Ask is blocked: a later rule never accepts in its place.
    assert fate(one_layer(rule(1, action="Ask"), rule(2))).verdict == UNDETERMINED
    assert fate(one_layer(rule(1, action="User Auth"), rule(2))).verdict == UNDETERMINED


def test_unknown_action_makes_the_layer_inexact():
    found = one_layer(rule(1, action="Teleport"), rule(2))
    assert not found.chains[0].exact
    assert fate(found).verdict == UNDETERMINED


def test_disabled_rule_comment_log_hits_and_name():
    first = rule(1, action="Drop", enabled=False, comments="Ticket 12", name="Blocage", hits={"value": 7})
    second = rule(2, track={"type": "uid-None"})
    found = one_layer(first, second)
    one, two = found.chains[0].rules
    assert (one.enabled, one.comment, one.name, one.hits, one.log) == (False, "Ticket 12", "Blocage", 7, True)
    assert (two.log, two.hits) == (False, None)
    assert fate(found).verdict == PERMIT


def test_lines_are_those_of_the_rules():
    documents = files(layer("Network", rule(1), rule(2)), package("Network"))
    (found,) = checkpoint.parse(documents)
    lines = documents[0].text.split("\n")
    for one in found.chains[0].rules:
        assert lines[one.line - 1].strip() == "{"
        assert f"rule-{one.ref[-1]}-" in lines[one.line]


def test_whole_objects_in_cells_names_and_several_documents_in_one_file():
    full = rule(1, destination="SRV-WEB", service="WEB")
    full["source"] = [thing("AILLEURS", "host", **{"ipv4-address": "192.0.2.44"})]
    full["action"] = {"uid": "uid-a", "name": "Accept", "type": "RulebaseAction"}
    text = json.dumps([layer("Network", full)]) + "\n" + json.dumps({"reponses": {"show-package": package("Network")}})
    (found,) = checkpoint.parse([decode("tout.json", text.encode())])
    assert fate(found, source="192.0.2.44").entry.rule.ref == "Network 1"
    assert fate(found, source="192.0.2.45").verdict == DENY


def test_several_packages_and_layers_without_package():
    two = [layer("A", rule(1)), layer("B", rule(1, action="Drop"))]
    found = checkpoint.parse(files(*two, package("A", name="Siege"), package("B", name="Annexe")))
    assert [(one.name, fate(one).verdict) for one in found] == [("Siege", PERMIT), ("Annexe", DENY)]
    alone = checkpoint.parse(files(*two))
    assert [(one.name, len(one.chains)) for one in alone] == [("A", 1), ("B", 1)]
    assert any("show package" in limit for limit in alone[0].limits)


GATEWAY = thing(
    "fw-tilleuls", "simple-gateway", version="R81.20",
    **{
        "operating-system": "Gaia", "network-security-blades": {"firewall": True}, "sic-status": "communicating",
        "ipv4-address": "203.0.113.2", "policy": {"access-policy-name": "Tilleuls", "access-policy-installed": True},
        "interfaces": [
            {"interface-name": "eth0", "ipv4-address": "203.0.113.2", "ipv4-mask-length": 29, "topology": {"leads-to-internet": True}},
            {"interface-name": "eth1", "ipv4-address": "10.10.0.1", "ipv4-mask-length": 24, "topology": {"leads-to-internet": False}},
        ],
    },
)  # fmt: skip


def test_gateway_gives_name_version_and_interfaces():
    found = device(
        layer("Network", rule(1, **{"install-on": ["uid-fw-tilleuls"]})), package("Network"), {"objects": [GATEWAY]}
    )
    assert (found.name, found.firmware, found.product) == ("fw-tilleuls", "R81.20", "Check Point Gaia")
    assert [(one.name, one.role, one.networks) for one in found.interfaces] == [
        ("eth0", "wan", ("203.0.113.0/29",)), ("eth1", "lan", ("10.10.0.0/24",)),
    ]  # fmt: skip
    assert found.chains[0].rules[0].conditions == ()  # installed on the only gateway there is


def test_gateway_as_destination_surely_holds_its_main_address_only():
    found = device(
        layer("Network", rule(1, action="Drop", destination="fw-tilleuls"), rule(2)),
        package("Network"),
        {"objects": [GATEWAY]},
    )
    assert fate(found, destination="203.0.113.2").verdict == DENY
    assert fate(found, destination="10.10.0.1").verdict == UNDETERMINED
    assert fate(found, destination="10.10.0.9").verdict == PERMIT


def nat_rule(number, **fields):
    base = {
        "original-source": "uid-Any", "original-destination": "uid-Any", "original-service": "uid-Any",
        "translated-source": "uid-Original", "translated-destination": "uid-Original", "translated-service": "uid-Original",
    }  # fmt: skip
    return {
        "uid": f"nat-{number}",
        "type": "nat-rule",
        "rule-number": number,
        "method": "hide",
        "enabled": True,
        **base,
        **fields,
    }


def test_translations():
    base = {
        "uid": "nat", "objects-dictionary": OBJECTS, "from": 1, "to": 3, "total": 3,
        "rulebase": [
            nat_rule(1, **{"original-destination": "uid-SRV-WEB", "translated-destination": "uid-SRV-SOINS", "original-service": "uid-http", "translated-service": "uid-https"}),
            {"type": "nat-section", "uid": "s", "rulebase": [nat_rule(2, **{"original-source": "uid-LAN", "translated-source": "uid-LAN"}), nat_rule(3, enabled=False)]},
        ],
    }  # fmt: skip
    found = device(layer("Network", rule(1)), package("Network"), base)
    assert [(one.ref, one.kind, one.to_address, one.to_ports, one.enabled) for one in found.nat] == [
        ("NAT 1", "destination", SOINS, "443", True), ("NAT 2", "source", "", "", True), ("NAT 3", "source", "", "", False),
    ]  # fmt: skip


def test_named_objects_of_the_site_and_their_use():
    by_name = {one.name: one for one in one_layer(rule(1, source="SERVEURS", service="hauts")).objects}
    assert "https" not in by_name  # delivered by the vendor
    assert {name for name, one in by_name.items() if one.used} == {
        "SERVEURS",
        "SOUS-GROUPE",
        "PLAGE",
        "SRV-SOINS",
        "hauts",
    }


def test_administrators_users_and_communities():
    assert isinstance(one_layer(rule(1)).administrators, Gap)
    admins = {"objects": [
        thing("admin", "administrator", password="Secret-1", **{"permissions-profile": {"name": "Super User"}}),
        thing("lecture", "administrator", **{"permissions-profile": "Read Only All", "locked": True}),
        thing("nomade", "user"),
    ]}  # fmt: skip
    community = thing(
        "Sites", "vpn-community-meshed",
        **{
            "encryption-method": "prefer ikev2 but support ikev1", "encryption-suite": "custom", "use-shared-secret": True,
            "shared-secrets": [{"external-gateway": "x", "shared-secret": "Secret-2"}],
            "ike-phase-1": {"encryption-algorithm": "3des", "data-integrity": "sha1", "diffie-hellman-group": "group-2"},
            "ike-phase-2": {"encryption-algorithm": "aes-gcm-128", "data-integrity": "sha256", "ike-p2-use-pfs": True, "ike-p2-pfs-dh-grp": "group 14"},
        },
    )  # fmt: skip
    found = device(layer("Network", rule(1)), package("Network"), admins, {"objects": [community]})
    assert [(one.name, one.factory, one.full_rights, one.enabled) for one in found.administrators] == [
        ("admin", True, True, True), ("lecture", False, False, False),
    ]  # fmt: skip
    assert [one.name for one in found.users] == ["nomade"]
    (vpn,) = found.vpns
    assert (vpn.ike_versions, vpn.encryption, vpn.integrity) == ((1, 2), ("3des", "aes128gcm"), ("sha1", "sha256"))
    assert (vpn.dh_groups, vpn.pfs, vpn.authentication) == ((2, 14), True, "psk")
    assert "Secret-" not in msgspec.json.encode(found).decode()


def test_objects_alone_give_a_device_that_says_it_has_no_rule():
    found = device({"objects": OBJECTS, "from": 1, "to": 1, "total": 1})
    assert found.chains == ()
    assert any("show access-rulebase" in limit for limit in found.limits)


@pytest.mark.parametrize(
    "text", ['{"rulebase": [', '[{"uid": "a"}', '{"a": 1} x', "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_malformed_or_cut_file_is_refused(text):
    with pytest.raises(ParseError, match=r"x\.json"):
        checkpoint.parse([decode("x.json", text.encode())])


def test_error_answer_is_refused():
    with pytest.raises(ParseError, match="erreur de l'API"):
        device({"code": "generic_err_object_not_found", "message": "Requested object [X] not found"})


def test_deep_groups_are_bounded():
    chain = [thing(f"G{n}", "group", members=[f"uid-G{n + 1}"]) for n in range(3000)]
    found = device(
        layer("Network", rule(1, action="Drop", source="G0"), rule(2)), package("Network"), {"objects": chain}
    )
    assert source_of(found).unresolved[0].startswith("depth:")
    assert fate(found).verdict == UNDETERMINED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(layer("Network", rule(1))), True), (json.dumps({"objects": OBJECTS}), True),
        (json.dumps([package("Network")]), True), ('{"nftables": []}', False), ("<profile/>", False), ("", False),
        ('[{"_id": "1", "name": "Allow", "action": "ALLOW"}]', False),
    ],
)  # fmt: skip
def test_recognised(text, expected):
    assert checkpoint.recognise(SourceFile("x.json", text, "")) is expected


def test_many_rules_are_read_in_linear_time():
    base = layer("Network", *(rule(n, source="LAN", name=str(n)) for n in range(1, 10_001)))
    assert len(device(base, package("Network")).chains[0].rules) == 10_000


def check(text: str) -> None:
    """Either a refusal, or facts that the algebra can read back."""
    source = SourceFile("x.json", text, "")
    checkpoint.recognise(source)
    try:
        found = checkpoint.parse([source])
    except ParseError:
        return
    for one in found:
        for fact in one.addresses:
            addresses_of(fact)
        for fact in one.services:
            services_of(fact)
        assert fate(one).verdict in (PERMIT, DENY, UNDETERMINED)


BASE = [
    layer("Network", {"type": "access-section", "rulebase": [rule(1, source="SERVEURS")]}, rule(2)),
    package("Network"),
    {"objects": [GATEWAY]},
]
KEYS = st.sampled_from(
    ["uid", "name", "type", "rulebase", "objects", "source", "service", "action", "inline-layer", "members", "from", "to",
     "total", "access-layers", "port", "ipv4-address", "subnet4", "mask-length4", "track", "time", "vpn", "hits",
     "icmp-type", "include", "except", "interfaces", "topology", "policy", "domain", "ike-phase-1", "end"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["uid-LAN", "layer-Network", "access-rule", "host", "group", "package", "uid-Any", "10.0.0.1", ">1023", "nat-rule"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_json_is_read_or_refused(value):
    check(json.dumps(value))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_value_anywhere_is_read_or_refused(data):
    document = copy.deepcopy(BASE)
    for _ in range(data.draw(st.integers(1, 3))):
        node = document
        for _ in range(data.draw(st.integers(1, 7))):
            keys = list(range(len(node))) if isinstance(node, list) else list(node)
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(node[key], (dict, list)) or data.draw(st.integers(0, 5)) == 0:
                node[key] = data.draw(VALUES)
                break
            node = node[key]
    text = json.dumps(document)
    check(text[: data.draw(st.integers(0, len(text)))] if data.draw(st.integers(0, 9)) == 0 else text)


given_files = pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")


@pytest.mark.corpus
@given_files
def test_corpus_counts():
    paths = sorted(CORPUS.rglob("*.json"))
    exports = [decode(path.name, path.read_bytes()) for path in paths]
    assert all(checkpoint.recognise(one) for one in exports)
    (found,) = checkpoint.parse(exports)
    assert [len(chain.rules) for chain in found.chains] == [2, 1, 1]
    assert len({one.ref for one in found.nat}) == 5
    assert found.not_understood == ()
    assert (found.name, found.firmware) == ("cp_gw1", "R80.40")
    assert fate(found, source="10.1.1.1").verdict == PERMIT


@pytest.mark.corpus
@given_files
def test_corpus_each_file_alone():
    for path in sorted(CORPUS.rglob("*.json")):
        assert checkpoint.parse([decode(path.name, path.read_bytes())]), path.name
