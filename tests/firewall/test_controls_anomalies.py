"""Anomalies of rules as the reader sees them: kind, blocking rules, witness, wording."""

from __future__ import annotations

import pytest

from checks.firewall.facts import AddressSet, Chain, Device
from checks.firewall.review import DeviceReview, FirewallReview
from checks.firewall.review import review as examine
from checks.model import Judgement, Reason, Severity, Verdict
from tests.firewall.devices import CONTEXT, Builder, device, facts, forward, judge

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
KINDS = ("shadowed", "redundant", "generalisation", "correlation", "empty", "undetermined")


def rules(*lines: tuple[str, str, str, str] | tuple[str, str, str, str, dict[str, object]], **fields: object) -> Device:
    """Rules numbered from 1: action, source, destination, service, other fields."""
    build = Builder()
    written = [build.rule(str(i), *line[:4], **(line[4] if len(line) > 4 else {})) for i, line in enumerate(lines, 1)]
    return device(build=build, chains=(forward(written, **fields),))


LAN, SERVER = "10.1.10.0/24", "10.1.40.5"
SHADOW = (("deny", LAN, "any4", "any"), ("permit", "10.1.10.7", SERVER, "tcp/443"))
COPY = (("permit", LAN, SERVER, "tcp/443"), ("permit", "10.1.10.7", SERVER, "tcp/443"))
EXCEPTION = (("deny", "10.1.10.7", SERVER, "tcp/443"), ("permit", LAN, SERVER, "tcp"))
CROSSED = (("deny", "10.1.10.0/25", SERVER, "tcp"), ("permit", LAN, SERVER, "tcp/443"))


def refs(found: Judgement) -> list[str]:
    return [item.ref for item in found.affected]


# --- Each kind


def test_shadowed_permission_names_the_rule_that_decides() -> None:
    found = judge("anomalies.shadowed", rules(*SHADOW))
    assert (found.verdict, found.severity) == (F, None)
    one = found.affected[0]
    assert (one.kind, one.ref, one.line, one.related) == ("shadowed", "2", 102, ("1",))
    assert one.witness["src"] == "10.1.10.7"
    assert one.detail == (
        "tout ce qu'elle autorise est déjà décidé autrement, au moins en partie, par : règle 1 « Flux 1 » ; "
        "exemple : 10.1.10.7 → 10.1.40.5 tcp/443"
    )
    assert found.message == "1 règle ne sert jamais : les règles placées avant elle décident à sa place."


def test_refusal_that_never_refuses_is_graver() -> None:
    found = judge("anomalies.shadowed", rules(("permit", LAN, "any4", "any"), ("deny", "10.1.10.7", SERVER, "tcp/445")))
    assert found.severity is Severity.HIGH


def test_rule_hidden_by_several_together_is_shadowed_by_all_of_them() -> None:
    union = (
        ("deny", "10.1.10.0/25", SERVER, "tcp/443"),
        ("deny", "10.1.10.128/25", SERVER, "tcp/443"),
        ("permit", LAN, SERVER, "tcp/443"),
    )
    found = judge("anomalies.shadowed", rules(*union))
    assert refs(found) == ["3"]
    assert found.affected[0].related == ("1", "2")


def test_copy_is_redundant_and_not_shadowed() -> None:
    assert refs(judge("anomalies.redundant", rules(*COPY))) == ["2"]
    assert judge("anomalies.shadowed", rules(*COPY)).verdict is P
    assert (
        judge("anomalies.redundant", rules(*COPY))
        .affected[0]
        .detail.startswith("tout ce qu'elle autorise l'est déjà par : règle 1 « Flux 1 »")
    )


def test_rule_that_a_later_one_makes_useless_is_redundant_downward() -> None:
    found = judge("anomalies.redundant", rules(*reversed(COPY)))
    assert refs(found) == ["1"]
    assert "par des règles placées après : règle 2" in found.affected[0].detail


def test_exception_before_a_rule_is_a_generalisation() -> None:
    found = judge("anomalies.generalisation", rules(*EXCEPTION))
    assert refs(found) == ["2"]
    assert found.affected[0].related == ("1",)
    assert judge("anomalies.correlation", rules(*EXCEPTION)).verdict is P


def test_crossing_rules_are_correlated() -> None:
    found = judge("anomalies.correlation", rules(*CROSSED))
    assert refs(found) == ["2"]
    assert judge("anomalies.generalisation", rules(*CROSSED)).verdict is P


def test_rule_on_an_empty_group_is_reported() -> None:
    build = Builder()
    nobody = build.rule("1", "permit", source=AddressSet(names=("GRP_VIDE",)))
    found = judge("anomalies.empty", device(build=build, chains=(forward([nobody, build.rule("2", "permit", LAN)]),)))
    assert refs(found) == ["1"]
    assert found.affected[0].detail == "aucun trafic ne peut lui correspondre : un de ses objets est vide"


# --- What cannot be decided


def test_unresolved_object_never_proves_a_rule_dead() -> None:
    doubtful = rules(("deny", "?fqdn:poste.test", "any4", "any"), ("permit", "10.1.10.7", SERVER, "tcp/443"))
    assert judge("anomalies.shadowed", doubtful).verdict is not F
    assert judge("anomalies.redundant", doubtful).verdict is not F


def test_rule_perhaps_never_reached_is_listed_and_nothing_is_declared_good() -> None:
    doubtful = rules(("deny", "?fqdn:poste.test", "any4", "any"), ("permit", "10.1.10.7", SERVER, "tcp/443"))
    listed = judge("anomalies.undetermined", doubtful)
    assert (listed.verdict, refs(listed)) == (F, ["2"])
    assert "dont le contenu n'est pas connu" in listed.affected[0].detail
    found = judge("anomalies.shadowed", doubtful)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "FW-ANO-005" in found.message


@pytest.mark.parametrize("control", [kind for kind in KINDS if kind != "empty"])
def test_uncertain_order_proves_nothing(control: str) -> None:
    unsure = rules(*COPY, *CROSSED, exact=False, why_not_exact="l'ordre automatique du produit n'est pas dans l'export")
    found = judge(f"anomalies.{control}", unsure)
    if found.verdict is F:
        assert control == "undetermined"
    else:
        assert found.verdict is NS
        assert "l'ordre automatique du produit n'est pas dans l'export" in found.message


# --- Common


@pytest.mark.parametrize("control", KINDS)
def test_sound_rules_conform(control: str) -> None:
    sound = rules(("permit", LAN, SERVER, "tcp/443"), ("permit", LAN, "10.1.40.6", "tcp/443"))
    found = judge(f"anomalies.{control}", sound)
    assert found.verdict is P
    assert found.evidence


@pytest.mark.parametrize("control", KINDS)
def test_no_rule_is_not_applicable(control: str) -> None:
    assert judge(f"anomalies.{control}", device(chains=(forward([]),))).verdict is NA


@pytest.mark.parametrize(("control", "lines"), [("shadowed", SHADOW), ("redundant", COPY), ("correlation", CROSSED)])
def test_disabled_rules_hide_nothing_and_are_not_hidden(
    control: str, lines: tuple[tuple[str, str, str, str], ...]
) -> None:
    for off in (0, 1):
        changed = [(*line, {"enabled": i != off}) for i, line in enumerate(lines)]
        assert judge(f"anomalies.{control}", rules(*changed)).verdict is P


def test_automatic_rule_is_never_blamed() -> None:
    changed = (SHADOW[0], (*SHADOW[1], {"automatic": True}))
    assert judge("anomalies.shadowed", rules(*changed)).verdict is P


def test_rules_of_other_zones_hide_nothing() -> None:
    changed = ((*SHADOW[0], {"frm": "RESIDENTS"}), (*SHADOW[1], {"frm": "PRO"}))
    assert judge("anomalies.shadowed", rules(*changed)).verdict is P


def test_many_related_rules_are_counted_not_listed() -> None:
    exceptions = [("deny", f"10.1.10.{i}", SERVER, "tcp/443") for i in range(1, 60, 2)]
    found = judge("anomalies.generalisation", rules(*exceptions, ("permit", LAN, SERVER, "tcp")))
    assert found.affected[0].related[-1] == "10 autres règles"
    assert len(found.affected[0].related) == 21


def test_budget_is_said_in_words() -> None:
    """The engine gives up on a proof that is too long; the reader must know why."""
    given = examine(facts(rules(*COPY))).devices[0]
    late = tuple(one._replace(kind="undetermined", why="budget", related=(), witness=None) for one in given.anomalies)
    from checks.firewall.controls.anomalies import undetermined

    found = undetermined(FirewallReview((DeviceReview(given.device, given.roles, late, given.flows),)), CONTEXT)
    assert found[0].affected[0].detail == "la preuve serait trop longue"


def test_chains_called_by_rules_are_examined() -> None:
    build = Builder()
    called = Chain(
        name="web",
        rules=(
            build.rule("5", "permit", LAN, SERVER, "tcp/443"),
            build.rule("6", "permit", "10.1.10.7", SERVER, "tcp/443"),
        ),
    )
    jump = build.rule("1", "jump", target="web")
    found = judge("anomalies.redundant", device(build=build, chains=(forward([jump]), called)))
    assert refs(found) == ["6"]
