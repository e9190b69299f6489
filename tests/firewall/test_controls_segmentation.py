"""Separation of networks: base facts and one change."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.controls.common import passages
from checks.firewall.facts import AddressSet, Device, Interface
from checks.firewall.review import review as examine
from checks.model import Judgement, Level, Reason, Severity, Verdict
from tests.firewall.devices import Builder, device, facts, forward, healthy_rules, interfaces, judge, publication

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
PUBLIC, BIOMED = "segmentation.public_to_professional", "segmentation.exposed_biomedical"
BACKUP, MATRIX, DMZ = "segmentation.isolated_backup", "segmentation.zone_matrix", "segmentation.dmz_contained"


def opened(
    frm: str, to: str, service: str = "tcp/445", source: str = "any4", target: str = "any4", **fields: object
) -> Device:
    """The healthy firewall, and before it all a rule that opens one zone to another."""
    build = Builder()
    rule = build.rule("50", "permit", source, target, service, frm=frm, to=to, **fields)
    return device(rule, *healthy_rules(build), build=build)


def without(*zones: str) -> Device:
    """The firewall does not have these zones."""
    build = Builder()
    rules = [r for r in healthy_rules(build) if not set(zones).intersection((*r.in_zones, *r.out_zones))]
    kept = tuple(one for one in interfaces() if one.name not in zones)
    return device(build=build, interfaces=kept, chains=(forward(rules),))


def refs(found: Judgement) -> list[str]:
    return [item.ref for item in found.affected]


@pytest.mark.parametrize(
    ("control", "frm", "to"),
    [
        (PUBLIC, "RESIDENTS", "PRO"),
        (PUBLIC, "VISITEURS", "PRO"),
        (PUBLIC, "VISITEURS", "ADMIN"),
        (BIOMED, "RESIDENTS", "BIOMED"),
        (BIOMED, "VISITEURS", "BIOMED"),
        (BIOMED, "WAN", "BIOMED"),
        (BACKUP, "PRO", "SAUVEGARDE"),
        (BACKUP, "RESIDENTS", "SAUVEGARDE"),
        (BACKUP, "WAN", "SAUVEGARDE"),
        (BACKUP, "BIOMED", "SAUVEGARDE"),
        (DMZ, "DMZ", "PRO"),
        (DMZ, "DMZ", "SAUVEGARDE"),
    ],
)
def test_forbidden_passage_fails(control: str, frm: str, to: str) -> None:
    found = judge(control, opened(frm, to))
    assert found.verdict is F
    assert refs(found) == ["50"]
    assert found.affected[0].line == 150
    assert found.affected[0].detail == f"{frm} → {to} : tcp/445"
    assert found.affected[0].witness
    assert found.severity is None


@pytest.mark.parametrize(
    ("control", "frm", "to"),
    [
        (PUBLIC, "PRO", "RESIDENTS"),
        (PUBLIC, "RESIDENTS", "WAN"),
        (PUBLIC, "RESIDENTS", "DMZ"),
        (BIOMED, "PRO", "BIOMED"),
        (BIOMED, "BIOMED", "WAN"),
        (BACKUP, "ADMIN", "SAUVEGARDE"),
        (BACKUP, "SAUVEGARDE", "PRO"),
        (DMZ, "PRO", "DMZ"),
        (DMZ, "DMZ", "WAN"),
    ],
)
def test_allowed_passage_conforms(control: str, frm: str, to: str) -> None:
    found = judge(control, opened(frm, to))
    assert found.verdict is P
    assert found.evidence


@pytest.mark.parametrize(
    ("control", "zones"),
    [
        (PUBLIC, ("RESIDENTS", "VISITEURS")),
        (PUBLIC, ("PRO", "ADMIN")),
        (BIOMED, ("BIOMED",)),
        (BACKUP, ("SAUVEGARDE",)),
    ],
)
def test_unknown_zone_asks_for_its_declaration(control: str, zones: tuple[str, ...]) -> None:
    found = judge(control, without(*zones))
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)
    assert found.message.startswith("Aucune zone reconnue comme « ")
    assert found.message.endswith(" : la déclarer dans [firewall.roles] du profil de site.")


def test_declared_role_makes_the_control_work() -> None:
    build = Builder()
    rule = build.rule("50", "permit", "any4", "any4", "tcp/445", frm="port7", to="PRO")
    one = device(
        build=build,
        interfaces=(*without("RESIDENTS", "VISITEURS").interfaces, Interface(name="port7")),
        chains=(forward([rule]),),
    )
    assert judge(PUBLIC, one).verdict is NS
    assert judge(PUBLIC, one, roles={"port7": "resident"}).verdict is F


def test_every_service_open_is_critical() -> None:
    found = judge(PUBLIC, opened("RESIDENTS", "PRO", "any"))
    assert found.severity is Severity.CRITICAL
    assert found.affected[0].detail == "RESIDENTS → PRO : tous les services"


def test_doubtful_passage_alone_is_not_assessed() -> None:
    found = judge(PUBLIC, opened("RESIDENTS", "PRO", target="?absent:SRV"))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "règle 50" in found.message


def test_passage_under_a_known_condition_fails() -> None:
    found = judge(PUBLIC, opened("RESIDENTS", "PRO", conditions=("horaire : nuit",), schedule="nuit"))
    assert found.verdict is F
    assert found.affected[0].detail == "RESIDENTS → PRO : tcp/445 ; sous condition (horaire : nuit)"


def test_rule_past_its_date_opens_nothing() -> None:
    past = {"conditions": ("période : travaux",), "expires": "2024-03-15"}
    assert judge(PUBLIC, opened("VISITEURS", "PRO", **past)).verdict is P
    assert judge(MATRIX, opened("VISITEURS", "PRO", "any", **past)).verdict is P
    assert judge(PUBLIC, opened("VISITEURS", "PRO", **past | {"expires": "2026-11-22"})).verdict is F


def test_directive_that_was_not_understood_proves_nothing() -> None:
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", conditions=("directive non comprise : ztna",))).verdict is NS


def test_answers_to_connections_are_not_a_passage() -> None:
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", "any", state=("established",))).verdict is P


def test_rule_without_zones_opens_all_of_them() -> None:
    build = Builder()
    one = device(build.rule("50", "permit", "any4", "any4", "tcp/445"), build=build)
    assert refs(judge(PUBLIC, one)) == ["50"]
    assert refs(judge(BACKUP, one)) == ["50"]
    assert "RESIDENTS → PRO" in judge(PUBLIC, one).affected[0].detail


def test_refusal_placed_before_closes_the_passage() -> None:
    build = Builder()
    refusal = build.rule("49", "deny", "any4", "any4", "tcp", frm="RESIDENTS", to="PRO")
    permission = build.rule("50", "permit", "any4", "any4", "tcp/445", frm="RESIDENTS", to="PRO")
    assert judge(PUBLIC, device(refusal, permission, build=build)).verdict is P
    assert judge(PUBLIC, device(permission, refusal, build=build)).verdict is F


def test_refusal_of_one_pair_says_nothing_of_another() -> None:
    build = Builder()
    refusal = build.rule("49", "deny", "any", "any", frm="RESIDENTS", to="PRO")
    permission = build.rule("50", "permit", "any", "any", "tcp/445", frm="RESIDENTS,VISITEURS", to="PRO,ADMIN")
    found = judge(PUBLIC, device(refusal, permission, build=build))
    assert "RESIDENTS → PRO" not in found.affected[0].detail
    assert {"RESIDENTS → ADMIN", "VISITEURS → PRO", "VISITEURS → ADMIN"} <= set(
        found.affected[0].detail.partition(" : ")[0].split(", ")
    )


def test_rule_for_everything_is_not_everything_when_tcp_is_refused_before() -> None:
    build = Builder()
    refusal = build.rule("49", "deny", "any", "any", "tcp", frm="PRO", to="BIOMED")
    permission = build.rule("50", "permit", "any", "any", "any", frm="PRO", to="BIOMED")
    assert judge(MATRIX, device(refusal, permission, build=build)).verdict is P


def test_default_permission_is_a_passage_too() -> None:
    found = judge(PUBLIC, device(chains=(forward([], default="permit"),)))
    assert found.verdict is F
    assert found.affected[0].label == "règle automatique « politique par défaut de regles »"
    assert found.affected[0].line == 200


def test_what_the_product_adds_for_itself_joins_no_networks() -> None:
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", "udp/67", automatic=True)).verdict is P
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", "any", automatic=True)).verdict is F


def test_zones_are_shown_with_the_title_people_know() -> None:
    build = Builder()
    rule = build.rule("50", "permit", "any4", "any4", "tcp/445", frm="opt8", to="PRO")
    guests = Interface(name="opt8", title="Wi-Fi visiteurs")
    one = device(build=build, interfaces=(*interfaces(), guests), chains=(forward([rule]),))
    assert judge(PUBLIC, one).affected[0].detail == "opt8 (Wi-Fi visiteurs) → PRO : tcp/445"
    matrix = judge(MATRIX, one).exhibit
    assert matrix is not None
    assert matrix.rows[-1] == "opt8 (Wi-Fi visiteurs), réseau des visiteurs"


def test_unresolved_refusal_before_leaves_a_doubt() -> None:
    build = Builder()
    refusal = build.rule("49", "deny", "any", "?absent:RESEAU_PRO", frm="RESIDENTS")
    permission = build.rule("50", "permit", "any", "any", "tcp/445", frm="RESIDENTS", to="PRO")
    assert judge(PUBLIC, device(refusal, permission, build=build)).verdict is NS


def test_named_sender_is_somebody_and_an_absent_one_perhaps_nobody() -> None:
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", source="?fqdn:tablette.test")).verdict is F
    assert judge(PUBLIC, opened("RESIDENTS", "PRO", source="?absent:TABLETTES")).verdict is NS


def test_loopback_is_no_network() -> None:
    build = Builder()
    rule = build.rule("50", frm="lo0", to="PRO,SAUVEGARDE")
    one = device(rule, *healthy_rules(build), build=build, interfaces=(*interfaces(), Interface(name="lo0")))
    assert judge(BACKUP, one).verdict is P
    assert judge(MATRIX, one).verdict is P


def test_too_many_rules_for_too_many_zones_is_said() -> None:
    zones = tuple(msgspec.structs.replace(interfaces()[1], name=f"vlan{i}") for i in range(20))
    build = Builder()
    names = ",".join(zone.name for zone in zones)
    rules = [
        build.rule(str(i), "permit", f"10.9.0.{i}", "10.9.1.1", "tcp/443", frm=names, to=names) for i in range(1, 120)
    ]
    found = judge(MATRIX, device(build=build, interfaces=zones, chains=(forward(rules),)))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert found.message == "Trop de zones pour toutes les comparer : 16 zones n'ont pas été comparées."
    assert found.exhibit is not None
    assert len(found.exhibit.rows) == 4


def test_witness_is_a_packet_of_the_passage() -> None:
    found = judge(PUBLIC, opened("RESIDENTS", "PRO", source="10.1.20.9", target="10.1.10.3"))
    witness = found.affected[0].witness
    assert {key: witness[key] for key in ("src", "dst", "proto", "dport", "in", "out")} == {
        "src": "10.1.20.9",
        "dst": "10.1.10.3",
        "proto": "tcp",
        "dport": "445",
        "in": "RESIDENTS",
        "out": "PRO",
    }


def test_firewall_of_administration_and_backup_only_is_not_applicable() -> None:
    two = tuple(one for one in interfaces() if one.name in ("ADMIN", "SAUVEGARDE"))
    assert judge(BACKUP, device(interfaces=two, chains=(forward([]),))).verdict is NA


def test_firewall_without_dmz_is_not_applicable() -> None:
    assert judge(DMZ, without("DMZ")).verdict is NA


# --- Matrix


def test_zone_open_to_another_for_every_service_fails() -> None:
    found = judge(MATRIX, opened("PRO", "BIOMED", "any"))
    assert found.verdict is F
    assert refs(found) == ["50"]
    assert found.evidence[0].value.startswith("1 passage(s)")


def test_internet_is_not_an_inside_zone() -> None:
    assert judge(MATRIX, opened("PRO", "WAN", "any")).verdict is P


def test_every_tcp_port_is_every_service() -> None:
    assert judge(MATRIX, opened("PRO", "BIOMED", "tcp")).verdict is F
    assert judge(MATRIX, opened("PRO", "BIOMED", "tcp/1-65535")).verdict is P


def test_doubtful_opening_is_not_assessed() -> None:
    assert judge(MATRIX, opened("PRO", "BIOMED", "any", target="?absent:X")).verdict is NS


def test_single_inside_zone_has_nothing_to_be_separated_from() -> None:
    two = tuple(one for one in interfaces() if one.name in ("WAN", "PRO"))
    assert judge(MATRIX, device(interfaces=two, chains=(forward([]),))).verdict is NA


def test_matrix_shows_each_pair_of_zones() -> None:
    matrix = judge(MATRIX, opened("RESIDENTS", "PRO", "any")).exhibit
    assert matrix is not None
    assert matrix.rows[:3] == (
        "WAN, Internet",
        "PRO, réseau professionnel",
        "RESIDENTS, réseau des résidents",
    )
    cells = {(r, c): matrix.cells[i][j] for i, r in enumerate(matrix.rows) for j, c in enumerate(matrix.columns)}
    wan, pro, residents, backup, admin = (matrix.rows[i] for i in (0, 1, 2, 5, 6))
    assert (cells[residents, pro].text, cells[residents, pro].level) == ("tout", Level.CRITICAL)
    assert cells[residents, pro].detail == "RESIDENTS → PRO : tous les services"
    assert (cells[pro, residents].text, cells[pro, residents].level) == ("fermé", Level.NONE)
    assert (cells[pro, wan].text, cells[pro, wan].level) == ("1 règle", Level.INFO)
    assert (cells[admin, backup].text, cells[admin, backup].level) == ("1 règle", Level.LOW)
    assert cells[pro, pro].text == "·"


def test_matrix_shows_doubt() -> None:
    matrix = judge(MATRIX, opened("PRO", "BIOMED", "tcp/502", source="?fqdn:poste.test")).exhibit
    assert matrix is not None
    cell = matrix.cells[1][4]
    assert cell.text == "1 règle"  # rule 5 surely passes there
    doubtful = judge(MATRIX, opened("BIOMED", "PRO", "tcp/502", source="?fqdn:poste.test")).exhibit
    assert doubtful is not None
    assert (doubtful.cells[4][1].text, doubtful.cells[4][1].level) == ("?", Level.UNKNOWN)


def test_matrix_of_many_zones_is_cut_and_says_so() -> None:
    many = tuple(msgspec.structs.replace(interfaces()[1], name=f"vlan{i}") for i in range(40))
    matrix = judge(MATRIX, device(interfaces=many, chains=(forward([]),))).exhibit
    assert matrix is not None
    assert len(matrix.rows) == 24
    assert matrix.note.endswith("16 zones ne sont pas montrées.")


# --- Rules that name no way out


def way_in(
    source: str, target: str | AddressSet, service: str = "any", *, frm: str = "VISITEURS", **fields: object
) -> Device:
    """A rule that names the interface it listens on only, as those of pfSense do."""
    build = Builder()
    return device(build.rule("9", "permit", source, target, service, frm=frm), build=build, **fields)


EXCEPT_PRIVATE = ip.to_fact(ip.negate(ip.from_ranges(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")), (4,)))


def test_visitors_allowed_to_everything_but_private_addresses_reach_no_inside_network() -> None:
    given = way_in("any4", EXCEPT_PRIVATE)
    for control in (PUBLIC, BIOMED, BACKUP, MATRIX):
        assert judge(control, given).verdict is P, control


def test_visitors_allowed_to_everything_reach_every_inside_network() -> None:
    given = way_in("any4", "any4")
    for control in (PUBLIC, BIOMED, BACKUP, MATRIX):
        assert judge(control, given).verdict is F, control


def test_server_is_reached_on_its_own_network_only() -> None:
    given = way_in("any4", "10.1.10.5", "tcp/3389", frm="WAN")
    assert judge(BIOMED, given).verdict is P
    assert judge(BACKUP, given).verdict is P
    assert judge(BIOMED, way_in("any4", "10.1.40.5", "tcp/3389", frm="WAN")).verdict is F


def test_private_network_behind_no_known_interface_may_be_behind_any() -> None:
    assert judge(BIOMED, way_in("any4", "10.9.0.0/16")).verdict is F


def test_inside_zone_with_public_addresses_is_reached_by_them() -> None:
    public = tuple(
        msgspec.structs.replace(one, networks=("203.0.113.0/28",)) if one.name == "BIOMED" else one
        for one in interfaces()
    )
    assert judge(BIOMED, way_in("any4", EXCEPT_PRIVATE, interfaces=public)).verdict is F


def test_product_that_filters_before_translation_reaches_servers_by_their_public_address() -> None:
    build = Builder()
    rule = build.rule("9", "permit", "any4", "198.51.100.1", "tcp/443", frm="VISITEURS")
    nat = publication(build, "n1", "198.51.100.1", "tcp/443", "10.1.40.5")
    given = device(rule, build=build, nat=(nat,), vendor="sophos")
    assert judge(BIOMED, given).verdict is F
    assert judge(BIOMED, msgspec.structs.replace(given, nat=())).verdict is P


def test_ipv6_rules_lead_nowhere_when_it_is_not_routed() -> None:
    assert judge(PUBLIC, way_in("any6", "any6", ipv6="off")).verdict is P
    assert judge(PUBLIC, way_in("any6", "any6", ipv6="on")).verdict is F


# --- Against every packet


ATOMS = ("10.1.10.1", "10.1.20.1", "192.0.2.9")
HOMES = {"10.1.10.1": "PRO", "10.1.20.1": "RESIDENTS"}
PACKETS = [
    Packet(source, target, protocol, port, in_zone=frm, out_zone=to)
    for source in ATOMS
    for target in ATOMS
    for protocol, port in (("tcp", 445), ("tcp", 9999), ("udp", 9999), ("gre", 0))
    for frm in ("PRO", "RESIDENTS")
    for to in ("PRO", "RESIDENTS")
    if frm != to and HOMES.get(target, to) == to
]
"""Nothing leaves by one zone for the network of the other."""
CELLS = st.sampled_from(("any", "10.1.10.1", "10.1.20.1", "10.1.10.1,10.1.20.1", "?absent:X"))
LINES = st.tuples(
    st.sampled_from(("permit", "deny")),
    CELLS,
    CELLS,
    st.sampled_from(("any", "tcp", "tcp/445", "udp")),
    st.sampled_from(("PRO", "RESIDENTS", "PRO,RESIDENTS", "")),
    st.sampled_from(("PRO", "RESIDENTS", "PRO,RESIDENTS", "")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=6), st.sampled_from(("permit", "deny")))
def test_passages_are_those_of_the_packets(lines: list[tuple[str, ...]], default: str) -> None:
    """Every cell is a union of the atoms tried, so trying them all tells everything (IPv4)."""
    build = Builder()
    rules = []
    for i, (action, source, target, service, frm, to) in enumerate(lines):
        sides = {side: zones for side, zones in (("frm", frm), ("to", to)) if zones}
        rules.append(build.rule(str(i), action, source, target, service, **sides))
    two = tuple(one for one in interfaces() if one.name in ("PRO", "RESIDENTS"))
    given_review = examine(
        facts(device(build=build, interfaces=two, chains=(forward(rules, default=default, families=(4,)),)))
    ).devices[0]
    found = passages(given_review, ("PRO", "RESIDENTS"), ("PRO", "RESIDENTS"))
    verdicts = {packet: decide(given_review.device, packet).verdict for packet in PACKETS}
    honest = {packet for packet in PACKETS if HOMES.get(packet.source, packet.in_zone) == packet.in_zone}

    def pairs(packets: Iterable[Packet], *wanted: str) -> set[tuple[str, str]]:
        return {(packet.in_zone, packet.out_zone) for packet in packets if verdicts[packet] in wanted}

    passing = {(one.in_zone, one.out_zone) for one in found}
    certain = {(one.in_zone, one.out_zone) for one in found if one.flow.certain}
    # A sender that lies about its network counts only where a rule names the way in.
    assert pairs(honest, "permit", "undetermined") <= passing <= pairs(PACKETS, "permit", "undetermined")
    assert certain <= pairs(PACKETS, "permit")
    if not any("?" in cell for line in lines for cell in line[1:3]):
        assert pairs(honest, "permit") <= certain
    if all(line[4] for line in lines) and default == "deny":
        assert passing == pairs(PACKETS, "permit", "undetermined")
