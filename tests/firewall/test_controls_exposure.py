"""What the Internet reaches: base facts and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.firewall.algebra.services import parse_service
from checks.firewall.controls.exposure import DANGEROUS
from checks.firewall.facts import Device, Interface, NamedObject
from checks.model import Judgement, Reason, Severity, Verdict
from tests.firewall.devices import Builder, device, forward, healthy_rules, interfaces, judge, publication, to_itself

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
FROM_WAN, FROM_PUBLIC = "exposure.administration_from_wan", "exposure.administration_from_public"
SERVICES, ENTRY = "exposure.dangerous_services", "exposure.wide_entry"


def answering(zone: str, *services: str, **fields: object) -> Device:
    """The interface of a zone answers administration services."""
    changed = tuple(
        msgspec.structs.replace(one, management=services, **fields) if one.name == zone else one for one in interfaces()
    )
    return device(interfaces=changed)


def silent(*zones: str) -> tuple[Interface, ...]:
    """The export does not say what these interfaces answer."""
    return tuple(msgspec.structs.replace(one, management=None) if one.name in zones else one for one in interfaces())


# --- Administration of the firewall


@pytest.mark.parametrize("service", ["https", "http", "ssh", "telnet", "snmp"])
def test_administration_on_the_internet_side_fails(service: str) -> None:
    found = judge(FROM_WAN, answering("WAN", service, "ping"))
    assert found.verdict is F
    assert found.severity is None
    assert [(item.id, item.line, item.detail) for item in found.affected] == [("interface:WAN", 9, service)]
    assert found.message == "L'administration du pare-feu répond depuis Internet (interface WAN)."


def test_rule_that_opens_the_administration_is_named() -> None:
    build = Builder()
    uuid = "aaaaaaaa-0000-4000-8000-000000000001"
    rule = build.rule("7", "permit", "any4", "any4", "tcp/443", frm="WAN", name="Admin distante")
    rules = (
        msgspec.structs.replace(rule, ref=uuid, line=42),
        build.rule("8", "permit", "any4", "any4", "tcp/22", frm="WAN", automatic=True),
        build.rule("9", "permit", "any4", "any4", "tcp/22", frm="PRO"),
    )
    given = device(
        *healthy_rules(build),
        build=build,
        chains=(forward(healthy_rules(build)), to_itself(list(rules))),
        interfaces=answering("WAN", "https", members=("wan1", "wan2")).interfaces,
    )
    found = judge(FROM_WAN, given)
    assert found.affected[0].detail == "https ; regroupe wan1, wan2 ; ouvert par : règle « Admin distante », ligne 42"


def test_ping_on_the_internet_side_conforms() -> None:
    assert judge(FROM_WAN, answering("WAN", "ping")).verdict is P


def test_administration_limited_to_some_addresses_is_lighter() -> None:
    found = judge(FROM_WAN, answering("WAN", "https", management_restricted=True))
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)
    assert found.affected[0].detail == "https (limité à certaines adresses)"


def test_disabled_interface_answers_nothing() -> None:
    assert judge(FROM_WAN, answering("WAN", "https", enabled=False)).verdict is P


def test_no_internet_zone_asks_for_its_declaration() -> None:
    inside = tuple(one for one in interfaces() if one.name != "WAN")
    found = judge(FROM_WAN, device(interfaces=inside, chains=(forward([]),)))
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)
    assert found.message == (
        "Aucune zone reconnue comme « Internet » : la déclarer dans [firewall.roles] du profil de site."
    )


def test_silent_export_is_not_assessed() -> None:
    found = judge(FROM_WAN, device(interfaces=silent("WAN")))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "WAN" in found.message


def inbound(source: str, service: str, vendor: str = "pfsense", zone: str = "WAN", **fields: object) -> Judgement:
    """The export says by rules, and not by interface, what the firewall itself answers."""
    build = Builder()
    rule = build.rule("31", "permit", source, "any", service, frm=zone)
    chains = (forward(healthy_rules(build)), to_itself([rule]))
    one = device(
        build=build, vendor=vendor, interfaces=silent("WAN", "RESIDENTS", "VISITEURS"), chains=chains, **fields
    )
    return judge(FROM_WAN if zone == "WAN" else FROM_PUBLIC, one)


@pytest.mark.parametrize("service", ["tcp/22", "tcp/443", "tcp/8443", "any", "udp/161"])
def test_rule_that_opens_the_firewall_to_the_internet_fails(service: str) -> None:
    found = inbound("any4", service, vpns=())
    assert found.verdict is F
    assert [(item.ref, item.line) for item in found.affected] == [("31", 131)]


def test_ipsec_to_the_firewall_is_not_administration() -> None:
    assert inbound("any4", "udp/500,udp/4500,esp").verdict is P


def test_web_port_of_a_vpn_portal_is_not_administration() -> None:
    assert inbound("any4", "tcp/443").verdict is P  # the base firewall has an SSL VPN
    assert inbound("any4", "tcp/22").verdict is F


def test_web_site_of_a_plain_server_is_not_administration() -> None:
    assert inbound("any4", "tcp/443", vendor="iptables", vpns=()).verdict is P
    assert inbound("any4", "tcp/22", vendor="iptables", vpns=()).verdict is F


def test_rule_limited_to_the_provider_is_lighter() -> None:
    assert inbound("203.0.113.0/29", "tcp/22").severity is Severity.MEDIUM


def test_doubtful_access_to_the_firewall_is_not_assessed() -> None:
    assert inbound("?absent:PRESTATAIRE", "tcp/22").verdict is NS
    assert inbound("?fqdn:prestataire.test", "tcp/22").verdict is F


def test_residents_reaching_the_firewall_fail() -> None:
    found = judge(FROM_PUBLIC, answering("VISITEURS", "https"))
    assert (found.verdict, [item.ref for item in found.affected]) == (F, ["VISITEURS"])
    assert inbound("10.1.20.0/24", "tcp/443", zone="RESIDENTS", vpns=()).verdict is F


def test_administration_from_the_administration_network_conforms() -> None:
    assert judge(FROM_PUBLIC, answering("ADMIN", "https", "ssh")).verdict is P


# --- Dangerous services


def entering(
    service: str, source: str = "any4", target: str = "10.1.70.10", to: str = "DMZ", **fields: object
) -> Device:
    build = Builder()
    rule = build.rule("41", "permit", source, target, service, frm="WAN", to=to, **fields)
    return device(*healthy_rules(build), rule, build=build)


@pytest.mark.parametrize("service", DANGEROUS, ids=[service.title for service in DANGEROUS])
def test_each_service_of_the_table_is_found(service) -> None:
    for text in service.texts:
        found = judge(SERVICES, entering(text))
        assert found.verdict is F
        assert service.title in found.message
        assert [(item.ref, item.line) for item in found.affected] == [("41", 141)]


def test_table_is_well_formed_and_without_overlap() -> None:
    seen: set[tuple[int, int]] = set()
    for service in DANGEROUS:
        for text in service.texts:
            spans = parse_service(text).sure[0].services
            assert not seen.intersection(spans)
            seen.update(spans)


@pytest.mark.parametrize("service", ["tcp/443", "tcp/80", "udp/443", "icmp", "udp/500", "esp"])
def test_ordinary_published_service_conforms(service: str) -> None:
    assert judge(SERVICES, entering(service)).verdict is P


def test_every_service_open_names_what_it_opens() -> None:
    found = judge(SERVICES, entering("any"))
    assert found.verdict is F
    assert "bureau à distance (RDP)" in found.message
    assert "autres" in found.message


def test_wide_port_range_is_seen() -> None:
    assert "bureau à distance (RDP)" in judge(SERVICES, entering("tcp/1024-65535")).message


def test_detail_says_from_where_to_where() -> None:
    found = judge(SERVICES, entering("tcp/3389"))
    assert found.affected[0].detail == "bureau à distance (RDP) ; depuis tout Internet vers 10.1.70.10"
    assert found.severity is None


def test_service_open_to_partners_only_is_lighter() -> None:
    found = judge(SERVICES, entering("tcp/3389", source="203.0.113.0/29"))
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)
    assert found.affected[0].detail.startswith("bureau à distance (RDP) ; depuis 203.0.113.0/29")


def test_remote_login_alone_is_lighter_than_a_database() -> None:
    assert judge(SERVICES, entering("tcp/22")).severity is Severity.HIGH
    assert judge(SERVICES, entering("tcp/22,tcp/5432")).severity is None


def test_unresolved_destination_is_not_assessed() -> None:
    found = judge(SERVICES, entering("tcp/3389", target="?absent:SRV"))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "règle 41" in found.message


def test_condition_does_not_hide_the_service() -> None:
    found = judge(SERVICES, entering("tcp/3389", conditions=("horaire : nuit",)))
    assert found.verdict is F
    assert "sous condition (horaire : nuit)" in found.affected[0].detail


@pytest.mark.parametrize(
    ("arriving", "to_ports", "verdict"),
    [("tcp/33389", "3389", F), ("tcp/3389", "", F), ("tcp/8443", "443", P), ("udp/33389", "445", P)],
)
def test_server_published_under_another_port_is_found_where_rules_read_the_public_address(
    arriving: str, to_ports: str, verdict: Verdict
) -> None:
    build = Builder()
    nat = publication(build, "2", "198.51.100.2", arriving, "10.1.10.11", to_ports=to_ports, name="TSE")
    rule = build.rule("1", "permit", "any4", "198.51.100.2", arriving, name="", comment="TSE du siège")
    found = judge(SERVICES, device(rule, build=build, nat=(nat,), vendor="stormshield"))
    assert found.verdict is verdict
    if verdict is F:
        assert [(item.ref, item.label) for item in found.affected] == [("1", "règle 1 « TSE du siège »")]
        assert "10.1.10.11:" in found.affected[0].detail
    closed = build.rule("1", "deny", "any4", "198.51.100.2", arriving)
    assert judge(SERVICES, device(closed, build=build, nat=(nat,), vendor="stormshield")).verdict is P


def test_private_sender_of_a_rule_without_interface_is_not_the_internet() -> None:
    build = Builder()
    inside = device(build.rule("1", "permit", "10.1.10.0/24", "any4", "tcp/445"), build=build)
    assert judge(SERVICES, inside).verdict is P
    named = device(build.rule("1", "permit", "10.1.10.0/24", "any4", "tcp/445", frm="WAN"), build=build)
    assert judge(SERVICES, named).verdict is F


def test_rules_the_export_does_not_show_are_a_doubt() -> None:
    build = Builder()
    rule = build.rule("implicite", automatic=True, conditions=("règles implicites absentes de l'export",))
    given = device(build=build, chains=(forward(healthy_rules(build)), to_itself([rule])), interfaces=silent("WAN"))
    assert judge(FROM_WAN, given).verdict is NS


def test_access_to_the_firewall_is_by_its_own_addresses_where_objects_name_them() -> None:
    build = Builder()
    server = build.rule("1", "permit", "any4", "10.1.10.5", "tcp/443")
    own = NamedObject(name="Firewall_out", kind="address", content=build.address("198.51.100.2"))
    chains = (forward([server]), to_itself([server]))
    base = {"vendor": "stormshield", "interfaces": silent("WAN"), "vpns": (), "chains": chains}
    assert judge(FROM_WAN, device(build=build, objects=(own,), **base)).verdict is P
    itself = build.rule("2", "permit", "any4", "198.51.100.2", "tcp/443")
    both = base | {"chains": (forward([itself]), to_itself([itself]))}
    assert judge(FROM_WAN, device(build=build, objects=(own,), **both)).verdict is F


def test_rule_past_its_date_exposes_nothing() -> None:
    condition = {"conditions": ("période : travaux",), "schedule": "travaux"}
    for control in (SERVICES, ENTRY):
        past = entering("tcp/3389", expires="2024-03-15T18:00:00", **condition)
        assert judge(control, past).verdict is P
    assert judge(SERVICES, entering("tcp/3389", expires="2027-03-15", **condition)).verdict is F


def test_condition_that_was_not_understood_proves_nothing() -> None:
    assert judge(SERVICES, entering("tcp/3389", conditions=("directive non comprise : --x",))).verdict is NS


def test_answers_to_connections_are_not_openings() -> None:
    assert judge(SERVICES, entering("any", state=("established", "related"))).verdict is P


def test_disabled_rule_opens_nothing() -> None:
    assert judge(SERVICES, entering("tcp/3389", enabled=False)).verdict is P


def test_service_from_inside_is_not_exposed() -> None:
    build = Builder()
    rule = build.rule("41", "permit", "10.1.10.0/24", "10.1.70.10", "tcp/3389", frm="PRO", to="DMZ")
    assert judge(SERVICES, device(*healthy_rules(build), rule, build=build)).verdict is P


def test_blocked_countries_do_not_hide_what_the_others_reach() -> None:
    build = Builder()
    refusal = build.rule("40", "deny", "?geo:RU", "any", frm="WAN")
    permission = build.rule("41", "permit", "any4", "10.1.70.10", "tcp/3389", frm="WAN", to="DMZ")
    found = judge(SERVICES, device(refusal, permission, build=build))
    assert found.verdict is F
    assert found.affected[0].detail.endswith(
        "une règle placée avant, dont un objet n'est pas résolu, en refuse peut-être une partie"
    )


def test_service_open_to_a_country_names_it() -> None:
    found = judge(SERVICES, entering("tcp/3389", source="?geo:FR"))
    assert found.verdict is F
    assert found.affected[0].detail.startswith("bureau à distance (RDP) ; depuis ?geo:FR vers 10.1.70.10")


def test_service_open_to_an_absent_group_is_not_assessed() -> None:
    assert judge(SERVICES, entering("tcp/3389", source="?absent:PARTENAIRES")).verdict is NS


def test_service_refused_before_is_not_exposed() -> None:
    build = Builder()
    refusal = build.rule("40", "deny", "any", "any", "tcp/3389", frm="WAN")
    permission = build.rule("41", "permit", "any4", "10.1.70.10", "tcp/3380-3400,tcp/22", frm="WAN", to="DMZ")
    found = judge(SERVICES, device(refusal, permission, build=build))
    assert found.message == "Internet atteint des services dangereux : SSH."
    assert judge(SERVICES, device(permission, refusal, build=build)).message.count("RDP") == 1


def test_two_internet_sides_do_not_expose_each_other() -> None:
    build = Builder()
    backup = Interface(name="WAN2", networks=("203.0.113.0/30",), management=())
    rule = build.rule("41", "permit", frm="WAN", to="WAN2")
    one = device(*healthy_rules(build), rule, build=build, interfaces=(*interfaces(), backup))
    assert judge(SERVICES, one).verdict is P


# --- A whole network


def test_network_open_to_the_internet_fails() -> None:
    found = judge(ENTRY, entering("tcp/443", target="10.1.10.0/24", to="PRO"))
    assert found.verdict is F
    assert [item.ref for item in found.affected] == ["41"]


@pytest.mark.parametrize(
    ("target", "verdict"), [("10.1.70.0/26", F), ("10.1.70.0/27", P), ("10.1.70.10", P)], ids=["/26", "/27", "/32"]
)
def test_size_of_the_destination_decides(target: str, verdict: Verdict) -> None:
    assert judge(ENTRY, entering("tcp/443", target=target)).verdict is verdict


def test_network_open_to_a_partner_is_not_open_to_the_internet() -> None:
    assert judge(ENTRY, entering("tcp/443", source="203.0.113.0/29", target="10.1.10.0/24", to="PRO")).verdict is P


def test_ping_of_a_network_is_not_an_opening() -> None:
    assert judge(ENTRY, entering("icmp", target="10.1.10.0/24", to="PRO")).verdict is P


# --- Publications


def test_publications_are_listed_for_review() -> None:
    build = Builder()
    nat = (
        publication(build, "VIP_WEB", "198.51.100.2", "tcp/443", "10.1.70.10", name="Extranet", in_zones=("WAN",)),
        publication(build, "VIP_OLD", "198.51.100.2", "tcp/8080", "10.1.70.11", to_ports="80", enabled=False),
    )
    found = judge("exposure.published", device(*healthy_rules(build), build=build, nat=nat))
    assert (found.verdict, found.severity) == (F, None)
    assert [(item.ref, item.line, item.label) for item in found.affected] == [
        ("VIP_WEB", 60, "publication VIP_WEB « Extranet »")
    ]
    assert found.affected[0].detail == "198.51.100.2 (tcp/443) sur WAN → 10.1.70.10"


def test_publication_without_filter_rule_is_graver() -> None:
    build = Builder()
    nat = (publication(build, "1", "198.51.100.2", "tcp/443", "10.1.70.10", to_ports="8443", permits=True),)
    found = judge("exposure.published", device(*healthy_rules(build), build=build, nat=nat))
    assert found.severity is Severity.HIGH
    assert found.message.endswith("1 passe sans aucune règle.")
    assert found.affected[0].detail == "198.51.100.2 (tcp/443) → 10.1.70.10:8443 ; passe sans règle de filtrage"


def test_redirection_of_the_inside_publishes_nothing() -> None:
    build = Builder()
    nat = (publication(build, "1", "10.1.10.1", "tcp/80", "127.0.0.1", in_zones=("PRO",)),)
    assert judge("exposure.published", device(*healthy_rules(build), build=build, nat=nat)).verdict is P


def test_source_translation_publishes_nothing() -> None:
    build = Builder()
    nat = (msgspec.structs.replace(publication(build, "1", "any", "any", "198.51.100.1"), kind="source"),)
    assert judge("exposure.published", device(*healthy_rules(build), build=build, nat=nat)).verdict is P


# --- Inspection


@pytest.mark.parametrize(("profiles", "verdict"), [((), F), (("ips",), P), (None, NS)])
def test_inspection_of_entering_rules(profiles: tuple[str, ...] | None, verdict: Verdict) -> None:
    found = judge("exposure.inspection", entering("tcp/443", profiles=profiles))
    assert found.verdict is verdict
    assert [item.ref for item in found.affected] == (["41"] if verdict is F else [])


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, F),
        ({"to": "DMZ"}, F),
        ({"to": "WAN"}, NA),
        ({"source": "10.0.0.0/8"}, NA),
        ({"frm": "PRO", "in_negated": True}, F),
        ({"frm": "WAN", "in_negated": True}, NA),
    ],
)
def test_rule_from_any_interface_lets_the_internet_in(fields: dict[str, object], verdict: Verdict) -> None:
    build = Builder()
    given = device(build.rule("1", "permit", profiles=(), **fields), build=build)
    assert judge("exposure.inspection", given).verdict is verdict


def test_rules_from_inside_need_no_inspection_here() -> None:
    build = Builder()
    one = device(build.rule("1", "permit", profiles=(), frm="PRO", to="WAN"), build=build)
    assert judge("exposure.inspection", one).verdict is NA


def test_refusal_needs_no_inspection() -> None:
    build = Builder()
    assert (
        judge("exposure.inspection", device(build.rule("1", "deny", profiles=(), frm="WAN"), build=build)).verdict is NA
    )
