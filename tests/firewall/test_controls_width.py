"""Rules that permit too much: base facts and one change."""

from __future__ import annotations

import pytest

from checks.firewall.algebra import addresses as ip
from checks.firewall.facts import Device, Rule
from checks.model import Reason, Severity, Verdict
from tests.firewall.devices import Builder, device, forward, healthy_rules, interfaces, judge, to_itself

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
ANY, SERVICE = "width.any_to_any", "width.any_service"
EGRESS, LEAK = "width.unrestricted_egress", "width.dangerous_egress"


def one(
    source: str = "any", target: str = "any", service: str = "any", action: str = "permit", **fields: object
) -> Device:
    """The healthy rules, then one more."""
    build = Builder()
    rule = build.rule("60", action, source, target, service, **fields)
    return device(*healthy_rules(build), rule, build=build)


# --- Any to any


def test_any_to_any_is_critical() -> None:
    found = judge(ANY, one())
    assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
    assert [(item.ref, item.line, item.kind) for item in found.affected] == [("60", 160, "any-any")]
    assert found.affected[0].detail == "de toute interface vers toute interface"


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"frm": "WAN"}, Severity.CRITICAL),
        ({"frm": "PRO"}, None),
        ({"frm": "PRO", "to": "BIOMED"}, None),
        ({"frm": "PRO", "to": "WAN,BIOMED"}, None),
        ({"source": "any4", "target": "any4"}, Severity.CRITICAL),
        ({"source": "10.1.10.0/24", "frm": "PRO"}, None),  # the whole network behind the interface
        ({"target": "0.0.0.0-10.1.9.255,10.1.11.0-255.255.255.255"}, Severity.CRITICAL),
    ],
)
def test_disguised_any_to_any_fails(fields: dict[str, str], severity: Severity | None) -> None:
    found = judge(ANY, one(**fields))
    assert (found.verdict, found.severity) == (F, severity)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "deny"},
        {"service": "tcp/443"},
        {"source": "10.1.10.7"},
        {"target": "10.1.10.7"},
        {"frm": "PRO", "to": "WAN"},  # the business of the egress control
        {"frm": "VISITEURS", "target": "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255"},  # the Internet only
        {"state": ("established", "related")},
        {"conditions": ("utilisateur : direction",)},
        {"enabled": False},
        {"automatic": True},
        {"source": "?absent:X"},
        {"source": "10.1.10.0/25", "frm": "PRO"},
    ],
)
def test_what_is_not_any_to_any_conforms(fields: dict[str, object]) -> None:
    assert judge(ANY, one(**fields)).verdict is P


def test_everything_but_the_inside_is_the_internet_and_names_no_service_on_purpose() -> None:
    internet = "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255"
    assert judge(SERVICE, one(frm="VISITEURS", target=internet)).verdict is P
    assert judge(SERVICE, one(frm="WAN", target=internet)).verdict is F
    assert judge(SERVICE, one(frm="VISITEURS", target="10.1.10.7")).verdict is F


def test_ipv6_of_the_inside_is_public() -> None:
    build = Builder()
    wide = ip.to_fact(ip.negate(ip.from_ranges(("10.0.0.0/8",))))
    rule = build.rule("60", "permit", "any", wide, frm="VISITEURS")
    assert judge(ANY, device(rule, build=build, ipv6="on")).verdict is F
    assert judge(ANY, device(rule, build=build, ipv6="off")).verdict is P


def test_excluding_one_zone_is_not_naming_the_way_out() -> None:
    assert judge(ANY, one(frm="PRO", to="WAN", out_negated=True)).verdict is F


def test_loopback_of_the_firewall_may_do_everything() -> None:
    build = Builder()
    chains = (forward(healthy_rules(build)), to_itself([build.rule("61", frm="lo")]))
    assert judge(ANY, device(build=build, chains=chains)).verdict is P
    opened = (forward(healthy_rules(build)), to_itself([build.rule("61")]))
    assert judge(ANY, device(build=build, chains=opened)).verdict is F


def test_no_written_rule_is_not_applicable() -> None:
    assert judge(ANY, device(chains=(forward([]),))).verdict is NA


# --- Any service


@pytest.mark.parametrize("service", ["any", "tcp", "tcp/0-65535,udp/53"])
def test_every_service_between_two_machines_fails(service: str) -> None:
    found = judge(SERVICE, one("10.1.10.7", "10.1.40.5", service, frm="PRO", to="BIOMED"))
    assert found.verdict is F
    assert [item.ref for item in found.affected] == ["60"]
    assert found.affected[0].detail == "de PRO vers BIOMED : tous les services"


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "tcp/1-65535"},
        {"service": "udp"},
        {"frm": "PRO", "to": "WAN"},
        {"service": "any"},  # any to any is another control
        {"source": "10.1.10.7", "state": ("established",)},
        {"source": "10.1.10.7", "action": "deny"},
    ],
)
def test_other_rules_conform(fields: dict[str, object]) -> None:
    assert judge(SERVICE, one(**fields)).verdict is P


def test_no_permission_is_not_applicable() -> None:
    build = Builder()
    assert judge(SERVICE, device(build.rule("1", "deny"), build=build)).verdict is NA


# --- Egress


@pytest.mark.parametrize("target", ["any", "any4", "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255"])
def test_everything_to_the_whole_internet_fails(target: str) -> None:
    found = judge(EGRESS, one("10.1.10.0/24", target, "any", frm="PRO", to="WAN"))
    assert found.verdict is F
    assert [item.ref for item in found.affected] == ["60"]
    assert found.affected[0].detail == "PRO → WAN : tous les services"


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "tcp/80,tcp/443", "frm": "PRO", "to": "WAN"},
        {"target": "203.0.113.0/24", "frm": "PRO", "to": "WAN"},
        {"frm": "RESIDENTS", "to": "WAN"},
        {"frm": "VISITEURS", "to": "WAN"},
        {"frm": "PRO", "to": "BIOMED"},
    ],
)
def test_restricted_or_public_egress_conforms(fields: dict[str, str]) -> None:
    assert judge(EGRESS, one(**fields)).verdict is P


@pytest.mark.parametrize("control", [EGRESS, LEAK])
def test_no_internet_zone_asks_for_its_declaration(control: str) -> None:
    inside = tuple(zone for zone in interfaces() if zone.name != "WAN")
    found = judge(control, device(interfaces=inside, chains=(forward([]),)))
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)


@pytest.mark.parametrize("control", [EGRESS, LEAK])
def test_firewall_with_internet_sides_only_is_not_applicable(control: str) -> None:
    wan = tuple(zone for zone in interfaces() if zone.name == "WAN")
    assert judge(control, device(interfaces=wan, chains=(forward([]),))).verdict is NA


@pytest.mark.parametrize(
    ("service", "title"),
    [
        ("tcp/445", "partage de fichiers (SMB)"),
        ("tcp/139", "partage de fichiers (SMB)"),
        ("tcp/3389", "bureau à distance (RDP)"),
        ("tcp/25", "courrier direct (SMTP, port 25)"),
        ("tcp/20-30", "courrier direct (SMTP, port 25)"),
    ],
)
def test_dangerous_service_going_out_fails(service: str, title: str) -> None:
    found = judge(LEAK, one("10.1.10.0/24", "any4", service, frm="PRO", to="WAN"))
    assert found.verdict is F
    assert found.message == f"Des services dangereux peuvent sortir vers tout Internet : {title}."
    assert found.affected[0].detail == f"PRO → WAN : {title}"


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "tcp/25", "target": "203.0.113.25"},
        {"service": "tcp/587"},
        {"service": "tcp/25", "action": "deny"},
        {"service": "tcp/25", "enabled": False},
    ],
)
def test_limited_outgoing_service_conforms(fields: dict[str, object]) -> None:
    assert judge(LEAK, one(frm="PRO", to="WAN", **fields)).verdict is P


@pytest.mark.parametrize("control", [EGRESS, LEAK])
def test_blocked_lists_do_not_hide_the_rest(control: str) -> None:
    build = Builder()
    refusal = build.rule("59", "deny", "any", "?liste:malveillants", frm="PRO", to="WAN")
    permission = build.rule("60", "permit", "any", "any", frm="PRO", to="WAN")
    assert judge(control, device(refusal, permission, build=build)).verdict is F


@pytest.mark.parametrize("control", [EGRESS, LEAK])
def test_unresolved_destination_is_not_assessed(control: str) -> None:
    found = judge(control, one("10.1.10.0/24", "?absent:X", frm="PRO", to="WAN"))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "règle 60" in found.message


@pytest.mark.parametrize("control", [EGRESS, LEAK])
def test_refusal_before_closes_the_way_out(control: str) -> None:
    build = Builder()
    rules = (build.rule("59", "deny", "any", "any", "tcp", frm="PRO"), build.rule("60", frm="PRO", to="WAN"))
    assert judge(control, device(*rules, build=build)).verdict is P


def test_identity_follows_content_and_reference() -> None:
    def identity(**fields: object) -> str:
        build = Builder()
        rule: Rule = build.rule("60", **fields)
        return judge(ANY, device(rule, build=build)).affected[0].id

    assert identity() == identity(line=999, comment="autre", name="autre", hits=3)
    assert identity() != identity(frm="PRO")
    assert identity().startswith("60#")
