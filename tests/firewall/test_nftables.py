"""nftables in its three forms: what each construct means, proved by the packets it lets through."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.facts import FORWARD, INPUT, OUTPUT, Device, Rule
from checks.firewall.parsers import nftables
from checks.firewall.parsers.nft_model import priority_of
from checks.firewall.parsers.source import ParseError, SourceFile, decode
from tests import corpus

CORPUS = corpus.CORPUS / "firewall" / "nftables"
"""Third-party samples, when the person who runs the tests has them."""

TILLEULS = """\
table inet tilleuls { # handle 3
	comment "EHPAD Les Tilleuls"
	set admins { # handle 4
		type ipv4_addr
		flags interval
		elements = { 10.10.9.0/24, 10.10.8.5-10.10.8.7 }
	}
	set bannis {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 1h
		elements = { 203.0.113.9 timeout 1h expires 12m3s }
	}
	set imprimantes {
		type ipv4_addr . inet_service
		flags interval
		elements = { 10.10.4.1 . 9100, 10.10.4.2 . 631-632 }
	}
	map metiers {
		type inet_service : verdict
		elements = { 22 : jump postes, 104 : accept, 23 : drop }
	}
	counter vus {
		packets 3 bytes 200
	}
	chain avant { # handle 1
		type filter hook prerouting priority raw; policy accept;
		ip saddr 10.66.0.0/16 iifname != "tun*" drop # handle 20
		ct state established drop comment "jamais vrai avant le suivi"
	}
	chain passage { # handle 2
		type filter hook forward priority filter; policy drop;
		ct state vmap { invalid : drop, established : accept, related : accept } # handle 21
		iifname vmap { "wifi0" : jump residents, "wifi1" : goto residents } # handle 22
		tcp dport vmap @metiers
		ip saddr . tcp dport @imprimantes accept comment "imprimantes"
		ip saddr @admins meta l4proto { tcp, udp } th dport 3389 counter packets 17 bytes 900 accept # handle 23
		ip6 saddr fd00:10::/32 ip6 daddr != fd00:20::/32 tcp dport { 80, 443 } accept
		meta nfproto ipv6 icmpv6 type { echo-request, packet-too-big } accept
		icmp type echo-request limit rate 10/second burst 5 packets accept
		fib saddr . iif oif missing drop
		ip saddr @bannis drop
		tcp flags syn / fin,syn,rst,ack tcp dport 8443 accept
		log prefix "REFUS " level info flags all
		counter name "vus" reject with icmpx admin-prohibited
	}
	chain apres {
		type filter hook forward priority filter + 10; policy accept;
		ip daddr 198.51.100.66 drop
	}
	chain residents {
		ip daddr 10.0.0.0/8 reject
		udp dport 53 return
		oifname "wan0" accept
	}
	chain postes {
		ip saddr 10.10.3.0/24 accept
	}
	chain dnat {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "wan0" tcp dport 8443 dnat ip to 10.10.0.20:443 comment "portail familles"
		tcp dport 80 redirect to :3128
		dnat ip6 to [fd00:10::20]:443
		dnat ip to tcp dport map { 25 : 10.10.0.25, 143 : 10.10.0.26 }
	}
	chain srcnat {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan0" masquerade
		ip saddr 10.20.0.0/16 snat ip to 192.0.2.10-192.0.2.12
	}
}
"""


def source(text: str, name: str = "routeur.nft") -> SourceFile:
    return decode(name, text.encode())


def device(text: str = TILLEULS) -> Device:
    (found,) = nftables.parse([source(text)])
    return found


def table(*rules: str, policy: str = "drop", extra: str = "", family: str = "inet") -> Device:
    body = "\n".join(rules)
    return device(
        f"table {family} t {{\n{extra}\nchain f {{\ntype filter hook forward priority 0; policy {policy};\n{body}\n}}\n}}\n"
    )


def go(found: Device, hook: str = FORWARD, /, **packet: object) -> tuple[str, str]:
    values = {"source": "10.10.3.5", "destination": "198.51.100.7", "in_zone": "lan0", "out_zone": "wan0", **packet}
    decision = decide(found, Packet(**values), hook)  # type: ignore[arg-type]
    return decision.verdict, decision.entry.rule.ref if decision.entry else ""


def verdict(found: Device, hook: str = FORWARD, /, **packet: object) -> str:
    return go(found, hook, **packet)[0]


def rules_of(found: Device, chain: str) -> tuple[Rule, ...]:
    return next(one.rules for one in found.chains if one.name == chain)


# Recognition and files


@pytest.mark.parametrize(
    "text",
    [
        TILLEULS,
        "#!/usr/sbin/nft -f\nflush ruleset\n",
        "table nat {\n}\n",
        "add rule inet f c accept\n",
        '{"nftables": []}',
        '{ "nftables" :\n [{"metainfo": {}}]}',
    ],
)
def test_three_forms_are_recognised(text: str) -> None:
    assert nftables.recognise(source(text))


@pytest.mark.parametrize(
    "text",
    [
        "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
        "table <bannis> persist\n",
        '{"rules": []}',
        "<xml/>",
        "config firewall policy",
        "set security table",
    ],
)
def test_other_files_are_not_claimed(text: str) -> None:
    assert not nftables.recognise(source(text))


@pytest.mark.parametrize("cut", [30, 120, 300, 900, 1500, len(TILLEULS) - 3])
def test_cut_listing_is_refused(cut: int) -> None:
    with pytest.raises(ParseError, match=r"routeur\.nft"):
        device(TILLEULS[:cut])


def test_cut_json_is_refused_with_its_line() -> None:
    text = '{"nftables": [\n{"table": {"family": "ip", "name": "t"}},\n{"chain": {"family": "ip", "ta'
    with pytest.raises(ParseError) as caught:
        device(text)
    assert caught.value.line == 3


@pytest.mark.parametrize(
    "item",
    [
        '{"rule": {"family": "ip"}}',
        '{"chain": 3}',
        '{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": 4}}',
        "4",
        '{"table": {"family": ["ip"], "name": "t"}}',
    ],
)
def test_incomplete_json_item_is_refused(item: str) -> None:
    with pytest.raises(ParseError):
        device(f'{{"nftables": [{item}]}}')


def test_two_files_are_two_devices_and_an_included_one_is_not() -> None:
    main = source(
        'include "/etc/nftables.d/objets.nft"\ntable ip t {\n chain f { type filter hook forward priority 0; policy drop;\n ip saddr $SOINS accept\n }\n}\n',
        "principal.nft",
    )
    part = source("define SOINS = { 10.10.3.0/24, 10.10.5.1 }\n", "objets.nft")
    (found,) = nftables.parse([main, part])
    assert verdict(found) == "permit"
    assert [file.name for file in found.files] == ["principal.nft", "objets.nft"]
    assert len(nftables.parse([source(TILLEULS, "a"), source(TILLEULS, "b")])) == 2


def test_missing_include_proves_nothing() -> None:
    found = device(
        'include "/etc/nftables.d/*.nft"\ntable ip t {\n chain f { type filter hook forward priority 0; policy drop;\n accept\n }\n}\n'
    )
    assert verdict(found) == "undetermined"
    assert found.not_understood[0].line == 1
    assert any("inclus" in limit for limit in found.limits)


def test_include_of_itself_ends() -> None:
    (found,) = nftables.parse([source('include "a.nft"\ntable ip t { }\n', "a.nft")])
    assert found.not_understood


# Chains


def test_references_lines_comments_and_counters() -> None:
    found = device()
    rule = next(rule for rule in rules_of(found, "inet tilleuls passage") if rule.ref.endswith("handle 23"))
    assert rule.ref == "inet tilleuls passage handle 23"
    assert "3389" in TILLEULS.split("\n")[rule.line - 1]
    assert rule.hits == 17
    assert rules_of(found, "inet tilleuls passage")[1].ref == "inet tilleuls passage handle 21"
    assert any(rule.comment == "imprimantes" for rule in rules_of(found, "inet tilleuls passage"))


def test_each_base_chain_must_accept() -> None:
    found = device()
    assert go(found, port=104) == ("permit", "inet tilleuls passage 3")
    assert go(found, port=104, destination="198.51.100.66") == ("deny", "inet tilleuls apres 1")


def test_chain_before_routing_concerns_both_hooks() -> None:
    found = device()
    for hook in (FORWARD, INPUT):
        assert go(found, hook, source="10.66.1.1") == ("deny", "inet tilleuls avant handle 20")
    assert verdict(found, OUTPUT, source="10.66.1.1") == "undetermined"  # no chain of this hook


def test_state_before_connection_tracking_is_invalid() -> None:
    assert go(device(), state="established", port=104)[0] == "permit"
    early = "type filter hook prerouting priority -300; policy accept;"
    base = "chain f { type filter hook forward priority 0; policy accept; }"
    found = device(
        f"table ip t {{ chain u {{ ct state new drop\nct state invalid udp dport 53 drop\n }}\nchain a {{ {early}\n jump u\n }}\n{base} }}\n"
    )
    assert verdict(found) == "permit"
    assert verdict(found, protocol="udp", port=53) == "deny"
    found = device(
        f"table ip t {{ chain a {{ {early}\n ip saddr 10.10.3.5 notrack\nct state untracked drop\n }}\n{base} }}\n"
    )
    assert verdict(found) == "undetermined"


def test_jump_goto_return() -> None:
    found = device()
    assert go(found, in_zone="wifi0", destination="10.10.0.1")[0] == "deny"
    assert go(found, in_zone="wifi0", port=9999)[0] == "permit"
    # A call comes back, a goto does not: only the first meets the rules that follow.
    assert go(found, in_zone="wifi0", port=104, out_zone="lan1")[0] == "permit"
    assert go(found, in_zone="wifi1", port=104, out_zone="lan1") == ("deny", "défaut")


def test_priorities() -> None:
    for text, expected in (
        ("filter", 0),
        ("-150", -150),
        ("mangle - 5", -155),
        ("filter + 10", 10),
        ("raw", -300),
        ("rien", None),
        ("", None),
    ):
        assert priority_of(text) == expected


def test_policy_is_accept_when_absent() -> None:
    assert verdict(device("table ip t {\n chain f { type filter hook forward priority 0;\n }\n}\n")) == "permit"


def test_dormant_table_filters_nothing() -> None:
    found = device(
        "table ip t {\n flags dormant;\n chain f { type filter hook forward priority 0; policy drop;\n }\n}\n"
    )
    assert verdict(found) == "undetermined"
    assert any("dormant" in limit for limit in found.limits)


def test_other_families_are_a_limit() -> None:
    found = device(
        "table bridge b {\n chain f { type filter hook forward priority 0; policy drop; }\n}\ntable inet t {\n chain f { type filter hook forward priority 0; policy accept; }\n}\n"
    )
    assert verdict(found) == "permit"
    assert any("bridge b" in limit for limit in found.limits)


def test_version_of_ip_that_no_chain_filters_goes_through() -> None:
    found = table(policy="drop", family="ip")
    packet = {"source": "fd00::1", "destination": "fd00::2"}
    assert verdict(found, **packet) == "permit"
    assert verdict(found) == "deny"
    assert any("IPv6" in limit for limit in found.limits)
    configuration = device(
        "flush ruleset\ntable ip t {\n chain f { type filter hook forward priority 0; policy drop; }\n}\n"
    )
    assert verdict(configuration, **packet) == "undetermined"


# Matches


def test_sets_maps_and_concatenations() -> None:
    found = device()
    assert go(found, port=22) == ("permit", "inet tilleuls postes 1")
    assert go(found, port=22, source="10.10.7.1")[0] == "deny"
    assert go(found, port=23)[0] == "deny"
    assert go(found, source="10.10.4.1", port=9100)[0] == "permit"
    assert go(found, source="10.10.4.2", port=632)[0] == "permit"
    assert go(found, source="10.10.4.2", port=9100)[0] == "deny"
    for address, expected in (("10.10.9.200", "permit"), ("10.10.8.6", "permit"), ("10.10.8.8", "deny")):
        assert verdict(found, source=address, port=3389) == expected


def test_set_filled_at_work_is_unresolved() -> None:
    found = table("ip saddr @bannis accept", extra="set bannis { type ipv4_addr; flags dynamic,timeout; timeout 1h; }")
    assert verdict(found) == "undetermined"
    assert verdict(found, source="fd00::1", destination="fd00::2") == "deny"
    added = table("tcp dport 22 add @vus { ip saddr }", "ip saddr @vus accept", extra="set vus { type ipv4_addr; }")
    assert verdict(added, port=80) == "undetermined"


def test_set_left_empty_by_a_configuration_is_unresolved_and_by_a_listing_is_empty() -> None:
    extra = "set vide { type ipv4_addr; }"
    assert verdict(table("ip saddr @vide accept", extra=extra)) == "deny"
    text = f"flush ruleset\ntable ip t {{\n{extra}\nchain f {{ type filter hook forward priority 0; policy drop;\n ip saddr @vide accept\n }}\n}}\n"
    assert verdict(device(text)) == "undetermined"


def test_families_of_an_inet_table() -> None:
    found = table(
        "ip saddr 10.0.0.0/8 accept",
        "ip6 nexthdr tcp ip6 daddr fd00:20::/32 accept",
        "icmp type echo-request accept",
        "meta nfproto != ipv4 udp dport 53 accept",
    )
    assert verdict(found) == "permit"
    assert verdict(found, source="192.0.2.1") == "deny"
    assert verdict(found, source="fd00::1", destination="fd00:20::1") == "permit"
    assert verdict(found, source="192.0.2.1", protocol="icmp") == "permit"
    assert verdict(found, source="fd00::1", destination="fd00::2", protocol="icmp") == "deny"
    assert verdict(found, source="fd00::1", destination="fd00::2", protocol="udp", port=53) == "permit"
    assert verdict(found, source="192.0.2.1", protocol="udp", port=53) == "deny"


@pytest.mark.parametrize(
    ("match", "states"),
    [
        ("ct state established,related", {"established", "related"}),
        ("ct state { new, untracked }", {"new", "untracked"}),
        ("ct state != new", {"established", "related", "invalid", "untracked"}),
        ("ct state ! new,established", {"related", "invalid", "untracked"}),
        ("ct state & (new|related) != 0", {"new", "related"}),
        # A value is one state: it differs from two states together.
        ("ct state != established | related", {"new", "established", "related", "invalid", "untracked"}),
        ("ct state != { established, related }", {"new", "invalid", "untracked"}),
    ],
)
def test_states(match: str, states: set[str]) -> None:
    found = table(f"{match} accept")
    assert {
        state
        for state in ("new", "established", "related", "invalid", "untracked")
        if verdict(found, state=state) == "permit"
    } == states


@pytest.mark.parametrize(
    ("match", "opening"),
    [
        ("tcp flags syn", True),
        ("tcp flags & (fin|syn|rst|ack) == syn", True),
        ("tcp flags syn / fin,syn,rst,ack", True),
        ("tcp flags != syn", False),
        ("tcp flags ! fin,syn", False),
        ("tcp flags { syn, syn|ack }", True),
        ("tcp flags & (fin|syn|rst|psh|ack|urg) < fin", False),
        ("tcp flags & (syn|ack) == (syn|ack)", False),
    ],
)
def test_opening_segment_stands_for_a_new_connection(match: str, opening: bool) -> None:
    found = table(f"{match} ct state new accept")
    assert verdict(found) == ("permit" if opening else "deny")
    assert verdict(table(f"{match} accept"), state="established") == "undetermined"
    assert any("SYN" in limit for limit in found.limits)


def test_ports_and_protocols() -> None:
    found = table(
        "tcp dport != { 22, 80-90 } tcp sport >= 1024 accept", "meta l4proto != tcp accept", "udp dport < 53 drop"
    )
    assert verdict(found, port=443) == "permit"
    assert verdict(found, port=85) == "deny"
    assert verdict(found, port=443, source_port=80) == "deny"
    assert verdict(found, protocol="udp") == "permit"
    assert verdict(table("th dport 53 accept"), protocol="47") == "undetermined"
    assert verdict(table("tcp dport { ssh, https } accept"), port=443) == "permit"


def test_default_of_a_verdict_map_takes_the_rest() -> None:
    found = table(
        "tcp dport vmap { 22 : jump u, 80-90 : accept, * : drop }",
        "accept",
        extra="chain u { ip saddr 10.10.3.5 return\n drop\n }",
    )
    assert verdict(found, port=22) == "permit"
    assert verdict(found, port=22, source="10.0.0.1") == "deny"
    assert verdict(found, port=85) == "permit"
    assert verdict(found, port=443) == "deny"
    assert verdict(found, protocol="udp", port=443) == "permit"


def test_rule_of_a_verdict_map_keeps_one_reference_and_line() -> None:
    found = [rule for rule in rules_of(device(), "inet tilleuls passage") if rule.ref.endswith("handle 21")]
    assert [rule.action for rule in found] == ["deny", "permit", "permit"]
    assert len({rule.line for rule in found}) == 1


# What is not evaluated


@pytest.mark.parametrize(
    "statement",
    [
        "limit rate 10/second accept",
        "fib saddr . iif oif missing accept",
        "meta mark 0x10 accept",
        "meta skuid 1000 accept",
        "ct status dnat accept",
        "ct original ip saddr 10.10.3.5 accept",
        "ct count over 10 accept",
        "quota over 10 mbytes accept",
        "ip dscp cs1 accept",
        "ip frag-off & 0x1fff != 0 accept",
        "ip saddr & 255.0.0.255 == 10.0.0.1 accept",
        "@nh,96,32 0x0a000001 accept",
        "numgen random mod 2 0 accept",
        "numgen inc mod 2 vmap { 0 : accept, 1 : drop }",
        'meta hour "08:00"-"18:00" accept',
        "queue num 3 bypass",
        "queue flags bypass to 1-3",
        "ip saddr @absent accept",
        "tcp dport vmap @absente",
        "ip saddr . tcp dport != { 10.10.3.5 . 80 } accept",
        "tcp dport service-inconnu accept",
        "mot inconnu { a, b } accept",
        "mot-inconnu",
        "jump absente",
        "ip saddr $INCONNUE accept",
        "add @s { ip saddr limit rate over 4/minute } accept",
        "socket transparent 1 accept",
        "tproxy to :3128 accept",
    ],
)
def test_unevaluated_statement_may_match_or_not(statement: str) -> None:
    assert verdict(table(statement, extra="set s { type ipv4_addr; }")) == "undetermined"


@pytest.mark.parametrize(
    "statement",
    [
        "counter",
        'log prefix "x " level warn flags all',
        "meta mark set 0x1",
        "ct mark set meta mark",
        "ip dscp set cs1",
        "tcp option maxseg size set rt mtu",
        "notrack",
        "continue",
        'counter name "x"',
        "flow add @f",
        'ct helper set "ftp"',
    ],
)
def test_silent_statements_do_not_decide(statement: str) -> None:
    assert verdict(table(statement)) == "deny"
    assert verdict(table(f"{statement} accept")) in {"permit", "undetermined"}


def test_unknown_directive_is_listed_with_its_line() -> None:
    found = table("truc machin 3 accept", "tcp dport 22 accept")
    assert [(note.line, note.text) for note in found.not_understood] == [(5, "truc machin 3")]
    assert verdict(found, port=22) == "permit"


def test_unknown_command_makes_everything_uncertain() -> None:
    found = device("table ip t {\n chain f { type filter hook forward priority 0; policy accept;\n }\n}\nmagie noire\n")
    assert verdict(found) == "undetermined"


# Configuration dialect


def test_configuration_commands() -> None:
    found = device("""#!/usr/sbin/nft -f
flush ruleset
define LAN = lan0
define SOINS = { 10.10.3.0/24,
    10.10.5.1 } # sur deux lignes
define TOUS = { $SOINS, 10.10.6.0/24 }
add table inet f
add chain inet f passage { type filter hook forward priority 0; policy drop; }
add set inet f web { type inet_service; flags interval; }
add element inet f web { 80, 443, \\
    8000-8010 }
add rule inet f passage iifname $LAN ip saddr $TOUS tcp dport @web accept
insert rule inet f passage ip saddr 10.10.3.66 drop
""")
    assert verdict(found, port=8005) == "permit"
    assert verdict(found, port=8005, source="10.10.6.9") == "permit"
    assert verdict(found, port=8005, source="10.10.3.66") == "deny"
    assert verdict(found, port=22) == "deny"
    assert verdict(found, in_zone="lan1") == "deny"
    assert not found.not_understood
    assert any("configuration" in limit for limit in found.limits)


def test_delete_and_redefine_a_table() -> None:
    found = device(
        "table ip t {\n chain f { type filter hook forward priority 0; policy accept; }\n}\ndelete table ip t\ntable ip t {\n chain f { type filter hook forward priority 0; policy drop; }\n}\n"
    )
    assert verdict(found) == "deny"


def test_variables_do_not_explode() -> None:
    lines = ["define A0 = { 10.0.0.1, 10.0.0.2 }"]
    lines += [f"define A{n} = {{ $A{n - 1}, $A{n - 1}, $A{n - 1}, $A{n - 1} }}" for n in range(1, 30)]
    with pytest.raises(ParseError, match="trop"):
        device("\n".join([*lines, "table ip t { }", ""]))


# JSON


def as_json(*rules: list[object], extra: list[object] | None = None) -> Device:
    items: list[object] = [
        {"metainfo": {"version": "1.0.9"}},
        {"table": {"family": "inet", "name": "t"}},
        *(extra or []),
    ]
    items.append(
        {
            "chain": {
                "family": "inet",
                "table": "t",
                "name": "f",
                "type": "filter",
                "hook": "forward",
                "prio": 0,
                "policy": "drop",
            }
        }
    )
    items += [
        {"rule": {"family": "inet", "table": "t", "chain": "f", "handle": 5 + n, "expr": expr}}
        for n, expr in enumerate(rules)
    ]
    return device(json.dumps({"nftables": items}, indent=1))


def test_json_expressions() -> None:
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    address = {"payload": {"protocol": "ip", "field": "saddr"}}
    found = as_json(
        [
            {"match": {"op": "==", "left": address, "right": {"prefix": {"addr": "10.66.0.0", "len": 16}}}},
            {"drop": None},
        ],
        [
            {"match": {"op": "==", "left": port, "right": {"set": [22, {"range": [80, 90]}]}}},
            {"counter": {"packets": 4, "bytes": 9}},
            {"accept": None},
        ],
        [
            {
                "vmap": {
                    "key": {"concat": [address, port]},
                    "data": {"set": [[{"concat": ["10.10.3.5", 443]}, {"accept": None}]]},
                }
            }
        ],
        [
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
            {"accept": None},
        ],
        [{"xt": {"type": "match", "name": "recent"}}, {"accept": None}],
    )
    assert found.firmware == "1.0.9"
    assert go(found, source="10.66.0.1", port=22) == ("deny", "inet t f handle 5")
    assert go(found, port=85) == ("permit", "inet t f handle 6")
    assert rules_of(found, "inet t f")[1].hits == 4
    assert go(found, port=443) == ("permit", "inet t f handle 7")
    assert go(found, port=444, state="related") == ("permit", "inet t f handle 8")
    assert go(found, port=444)[0] == "undetermined"
    assert found.not_understood[0].line > 1


def test_json_elements_with_attributes() -> None:
    extra: list[object] = [
        {
            "set": {
                "family": "inet",
                "table": "t",
                "name": "s",
                "type": "ipv4_addr",
                "elem": [{"elem": {"val": "10.10.3.5", "comment": "x"}}, {"prefix": {"addr": "10.1.0.0", "len": 16}}],
            }
        }
    ]
    address = {"payload": {"protocol": "ip", "field": "saddr"}}
    found = as_json([{"match": {"op": "!=", "left": address, "right": "@s"}}, {"accept": None}], extra=extra)
    assert verdict(found) == "deny"
    assert verdict(found, source="10.1.2.3") == "deny"
    assert verdict(found, source="10.2.2.3") == "permit"


# Translation


def test_translations() -> None:
    nat = device().nat
    assert [(rule.kind, rule.to_address, rule.to_ports) for rule in nat] == [
        ("destination", "10.10.0.20", "443"),
        ("destination", "", "3128"),
        ("destination", "fd00:10::20", "443"),
        ("destination", "", ""),
        ("source", "", ""),
        ("source", "192.0.2.10-192.0.2.12", ""),
    ]
    assert (nat[0].in_zones, nat[0].comment) == (("wan0",), "portail familles")


# Anything


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(TILLEULS)),
    st.integers(0, 60),
    st.text(alphabet=st.sampled_from(list(' "{}\n;:.,@$=!-/*0a#()|')), max_size=8),
)
def test_damaged_listing_is_read_or_refused(start: int, cut: int, put: str) -> None:
    text = TILLEULS[:start] + put + TILLEULS[start + cut :]
    try:
        (found,) = nftables.parse([source(text)])
    except ParseError as error:
        assert str(error)  # noqa: PT017
    else:
        lines = text.count("\n") + 1
        assert all(0 <= rule.line <= lines for chain in found.chains for rule in chain.rules)
        assert verdict(found) in {"permit", "deny", "undetermined"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["@s", "*", "10.0.0.1", "new", "lo", "fd00::1"]) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["match", "left", "right", "op", "payload", "protocol", "field", "meta", "ct", "key", "set", "elem", "val", "range", "prefix", "addr", "len", "concat", "vmap", "data", "&", "|", "jump", "target", "dnat", "counter", "accept"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_any_json_rule_is_read_or_refused(expr: list[object]) -> None:
    try:
        found = as_json(expr)
    except ParseError as error:
        assert str(error)  # noqa: PT017
    else:
        assert verdict(found) in {"permit", "deny", "undetermined"}


@pytest.mark.parametrize(
    "text",
    [
        "table ip t {" + "{" * 5000,
        "table ip t { chain c { tcp dport " + "{ " * 3000,
        "table ip t { chain c { tcp dport " + "( " * 3000,
        '{"nftables": [' + "[" * 100_000,
        '{"nftables": [{"rule": ' + '{"a":' * 50_000,
        '{"nftables": [{"x": ' + "9" * 10_000 + "}]}",
    ],
)
def test_deep_or_huge_values_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        device(text)


def test_large_listing_is_read_in_linear_time() -> None:
    rules = [
        f"ip saddr 10.{n % 256}.{n // 256}.0/24 tcp dport {{ {n}, {n + 1} }} counter accept" for n in range(10_000)
    ]
    found = table(*rules)
    assert len(rules_of(found, "inet t f")) == 10_000


def test_large_named_set_is_read_once() -> None:
    elements = ", ".join(f"10.0.{n // 256}.{n % 256}" for n in range(0, 20_000, 2))
    found = table(
        *["ip saddr @grand accept"] * 2000, extra=f"set grand {{ type ipv4_addr; elements = {{ {elements} }}; }}"
    )
    assert len({rule.source for rule in rules_of(found, "inet t f")}) == 1
    assert len(found.addresses[rules_of(found, "inet t f")[0].source].ranges) == 10_000


def test_unknown_variable_in_a_hook_makes_the_chain_uncertain() -> None:
    found = device("table ip t {\n chain f { type filter hook forward priority $RANG; policy accept;\n accept\n }\n}\n")
    assert verdict(found) == "undetermined"
    assert found.not_understood[0].line == 2


# Samples


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="third-party files are not here")
@pytest.mark.parametrize(("name", "rules"), [("basic", 4), ("nftables-init", 26), ("setmap", 2), ("workstation", 18)])
def test_samples_say_the_same_in_text_and_json(name: str, rules: int) -> None:
    found = []
    for form in ("nft", "json"):
        file = decode(f"{name}.{form}", (CORPUS / f"{name}.{form}").read_bytes())
        assert nftables.recognise(file)
        (one,) = nftables.parse([file])
        assert not one.not_understood
        assert len({rule.ref for chain in one.chains for rule in chain.rules}) == rules
        found.append(
            [
                [
                    (
                        rule.action,
                        rule.in_zones,
                        rule.state,
                        one.services[rule.services].services,
                        one.addresses[rule.source].ranges,
                    )
                    for rule in chain.rules
                ]
                for chain in one.chains
            ]
        )
    assert found[0] == found[1]
