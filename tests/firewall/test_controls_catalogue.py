"""The catalogue itself, and what every control has in common."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

import checks.firewall
from checks.catalogue import Control, Measure
from checks.firewall.facts import Chain, Device, FirewallFacts, Rule
from checks.firewall.review import review
from checks.firewall.summary import summary
from checks.model import Verdict
from tests.firewall.devices import CONTEXT, GAP, Builder, device, facts, forward, judge, publication, to_itself

FOLDER = Path(checks.firewall.__file__).parent
NAME = "catalogue.toml" if (FOLDER / "catalogue.toml").is_file() else "catalogue.draft.toml"
RAW = tomllib.loads((FOLDER / NAME).read_text("utf-8"))
CONTROLS = msgspec.convert(RAW["control"], tuple[Control, ...])
MEASURES = msgspec.convert(tomllib.loads((FOLDER / "measures.toml").read_text("utf-8"))["measure"], tuple[Measure, ...])
IDS = [control.id for control in CONTROLS]


def function_of(control: Control):
    module, _, name = control.check.rpartition(".")
    return getattr(__import__(f"checks.firewall.controls.{module}", fromlist=[name]), name)


def test_ids_are_unique_and_no_two_controls_share_a_function() -> None:
    assert len(set(IDS)) == len(IDS) == 39
    assert len({control.check for control in CONTROLS}) == len(IDS)


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_is_well_worded(control: Control) -> None:
    assert re.fullmatch(r"FW-[A-Z]{3}-\d{3}", control.id)
    assert 10 < len(control.title) <= 100
    assert 40 < len(control.why) <= 250
    assert control.title[-1] != "."
    assert control.why[-1] == "."
    assert 0.5 <= control.weight <= 2.0
    assert control.measure in {measure.id for measure in MEASURES}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_function_exists_and_is_documented(control: Control) -> None:
    function = function_of(control)
    assert list(inspect.signature(function).parameters) == ["review", "context"]
    assert function.__doc__


@pytest.mark.parametrize("measure", MEASURES, ids=[measure.id for measure in MEASURES])
def test_measure_can_be_followed(measure: Measure) -> None:
    assert re.fullmatch(r"M-FW-\d{3}", measure.id)
    assert len(measure.steps) >= 3
    assert all(len(step) > 20 for step in measure.steps)
    assert measure.days > 0
    assert measure.references
    assert measure.id in {control.measure for control in CONTROLS}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_healthy_firewall_never_fails(control: Control) -> None:
    found = judge(control.check)
    if control.id == "FW-ANO-004":  # rule 1 refuses, for residents, a part of what rule 2 permits: wanted, and said
        assert [item.ref for item in found.affected] == ["2"]
    else:
        assert found.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE), found.message
    assert found.evidence or found.verdict is not Verdict.PASS


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_empty_export_never_passes(control: Control) -> None:
    """Only the name and vendor are known: nothing may be declared good, except that nothing was misread."""
    blind = Device(vendor="fortigate", name="fw-muet", administrators=GAP, users=GAP, vpns=GAP)
    found = judge(control.check, blind)
    assert found.verdict is not Verdict.FAIL
    if control.id not in ("FW-PAR-001", "FW-EXP-004"):
        assert found.verdict is not Verdict.PASS, found.message


def crowded() -> Device:
    """Everything wrong at once."""
    build = Builder()
    rules = [
        build.rule("1", name="", comment="", log=False, profiles=(), hits=0),
        build.rule("2", "permit", "?absent:GRP", "any", "?absent:SVC", frm="WAN", comment="test"),
        build.rule("3", "deny", "10.0.0.0/8", enabled=False),
    ]
    nat = (publication(build, "1", "198.51.100.2", "tcp/3389", "10.1.70.10", permits=True),)
    return device(*rules, build=build, nat=nat, chains=(forward(rules, default="permit"),), ipv6="on")


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_affected_objects_are_usable(control: Control) -> None:
    found = judge(control.check, crowded())
    assert len({item.id for item in found.affected}) == len(found.affected)
    assert all(item.id and item.label and item.kind and item.detail for item in found.affected)


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_moving_lines_changes_no_identity(control: Control) -> None:
    """A re-export shifts line numbers: the same findings must be recognised."""
    moved = msgspec.json.decode(
        re.sub(rb'"line":(\d+)', lambda m: b'"line":%d' % (int(m[1]) + 7), msgspec.json.encode(crowded())), type=Device
    )
    before, after = judge(control.check, crowded()), judge(control.check, moved)
    assert [item.id for item in before.affected] == [item.id for item in after.affected]
    assert before.verdict is after.verdict


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_automatic_rules_alone_are_never_blamed_for_their_wording(control: Control) -> None:
    """A rule the product adds has no comment, no hit, no owner: hygiene controls leave it alone."""
    if not control.check.startswith(("lifecycle.", "objects.", "anomalies.")):
        return
    build = Builder()
    alone = device(build.rule("auto", automatic=True, name="", comment="", hits=0, line=0), build=build)
    assert judge(control.check, alone).verdict is not Verdict.FAIL


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_one_judgement_per_firewall(control: Control) -> None:
    two = facts(device(), device(name="fw-annexe"))
    found = function_of(control)(review(two), CONTEXT)
    assert [one.subject for one in found] == ["fw-tilleuls", "fw-annexe"]


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_no_firewall_gives_no_judgement(control: Control) -> None:
    assert function_of(control)(review(FirewallFacts()), CONTEXT) == []


def test_summary_names_each_firewall_and_its_rules() -> None:
    build = Builder()
    rules = [build.rule("1"), build.rule("2", enabled=False), build.rule("3", automatic=True)]
    nat = (publication(build, "1", "198.51.100.2", "tcp/443", "10.1.70.10"),)
    one = device(*rules, build=build, nat=nat, limits=("Les compteurs ne sont pas dans l'export.",))
    assert summary(facts(one)) == {
        "Pare-feu fw-tilleuls": "FortiGate 60F, version v7.6.2,build3462, 8 interfaces, 1 règle active sur 2, "
        "1 publication (tilleuls.conf)",
        "Directives non comprises": "0",
        "Ce que les exports ne montrent pas": "Les compteurs ne sont pas dans l'export.",
    }


def test_summary_counts_a_rule_of_several_chains_once() -> None:
    build = Builder()
    rule = build.rule("1")
    given = device(build=build, chains=(forward([rule]), to_itself([rule, build.rule("2", enabled=False)])))
    assert "1 règle active sur 2" in summary(facts(given))["Pare-feu fw-tilleuls"]


def test_summary_of_a_bare_rule_set() -> None:
    chain = Chain(
        name="f", hook="forward", rules=(Rule(ref="1", line=1, action="none", source=0, destination=0, services=0),)
    )
    assert summary(facts(Device(vendor="iptables", name="srv", chains=(chain,)))) == {
        "Pare-feu srv": "iptables, 0 interface, 0 règle active sur 0",
        "Directives non comprises": "0",
    }
