"""The catalogue itself, and what every control has in common."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest

from checks.ad.directory import summary
from checks.ad.facts import AdFacts
from checks.catalogue import Control
from checks.evaluate import evaluate_facts
from checks.model import Verdict
from reports.frameworks import load_frameworks
from tests.ad.builders import CATALOGUE, CONTEXT, GAP, domain, healthy, judge, put

DOMAIN = CATALOGUE.domains["ad"]
IDS = [control.id for control in DOMAIN.controls]
GAPPABLE = [
    field for field in AdFacts.__struct_fields__ if field not in {"domain", "collection", "network", "descriptors"}
]


def test_catalogue_has_the_agreed_number_of_controls() -> None:
    assert len(IDS) == 81


@pytest.mark.parametrize("control", DOMAIN.controls, ids=IDS)
def test_control_is_well_worded(control: Control) -> None:
    assert re.fullmatch(r"AD-[A-Z]{2,3}-\d{3}", control.id)
    assert 10 < len(control.title) <= 150
    assert 40 < len(control.why) <= 400
    assert control.title[-1] != "."
    assert control.why[-1] == "."
    assert control.measure
    assert 0.5 <= control.weight <= 2.0


@pytest.mark.parametrize("control", DOMAIN.controls, ids=IDS)
def test_control_function_exists_and_is_documented(control: Control) -> None:
    function = DOMAIN.control_function(control)
    assert list(inspect.signature(function).parameters) == ["facts", "context"]
    assert function.__doc__


def test_no_two_controls_share_a_function() -> None:
    assert len({control.check for control in DOMAIN.controls}) == len(IDS)


@pytest.mark.parametrize("measure", DOMAIN.measures, ids=[m.id for m in DOMAIN.measures])
def test_measure_can_be_followed(measure: object) -> None:
    assert measure.id.startswith("M-AD-")
    assert len(measure.steps) >= 3
    assert all(len(step) > 20 for step in measure.steps)
    assert measure.days > 0
    assert measure.references
    assert measure.id in {control.measure for control in DOMAIN.controls}


def test_framework_names_only_known_controls_and_every_checkpoint() -> None:
    framework = load_frameworks().by_scheme["anssi-ad"]
    named = framework.controls()
    assert named <= set(IDS)
    assert len({requirement.id for requirement in framework.requirement}) == 76
    assert len(framework.requirement) == 95
    assert all(requirement.level in {1, 2, 3, 4} for requirement in framework.requirement)


@pytest.mark.parametrize("control_id", IDS)
def test_healthy_directory_passes(control_id: str) -> None:
    judgements = judge(control_id, healthy())
    assert [j.verdict for j in judgements] == [Verdict.PASS] * len(judgements)
    assert all(j.evidence for j in judgements)


def test_healthy_directory_survives_json() -> None:
    facts = healthy()
    read = msgspec.json.decode(msgspec.json.encode(facts), type=AdFacts)
    assert read == facts
    assert {o.verdict for o in evaluate_facts(DOMAIN, read, CONTEXT)} == {Verdict.PASS}


@pytest.mark.parametrize("control_id", IDS)
def test_nothing_read_is_never_a_verdict(control_id: str) -> None:
    empty = domain(domain_level=None, forest_level=None)
    blind = put(empty, network=(), descriptors={}, **dict.fromkeys(GAPPABLE, GAP))
    judgements = judge(control_id, blind)
    assert judgements
    assert {j.verdict for j in judgements} == {Verdict.NOT_ASSESSED}


@pytest.mark.parametrize("control_id", IDS)
def test_a_directory_that_shows_nothing_is_never_healthy(control_id: str) -> None:
    """An account filtered by access rights sees empty lists: no control may call that a pass."""
    hidden = put(healthy(), accounts=(), groups=(), foreign=(), special=(), network=(), descriptors={}, servers=())
    about_objects = not control_id.startswith(("AD-CFG-0", "AD-DNS", "AD-PKI", "AD-TRU", "AD-GPO", "AD-PWD"))
    if about_objects and control_id != "AD-ACC-007":
        assert Verdict.PASS not in {j.verdict for j in judge(control_id, hidden)}


@pytest.mark.parametrize("field", GAPPABLE)
def test_one_missing_group_of_facts_never_crashes(field: str) -> None:
    outcomes = evaluate_facts(DOMAIN, put(healthy(), **{field: GAP}), CONTEXT)
    assert {o.control for o in outcomes} == set(IDS)
    assert not [o for o in outcomes if o.reason == "error"]
    assert Verdict.FAIL not in {o.verdict for o in outcomes}


def test_summary_tells_the_domain_and_its_size() -> None:
    shown = summary(healthy())
    assert shown["Domaine"] == "tilleuls.test"
    assert shown["Contrôleurs de domaine"] == "2"
    assert shown["Niveau fonctionnel du domaine"] == "Windows Server 2016"
    assert shown["Comptes privilégiés"] == "2"
    assert "Comptes privilégiés" not in summary(put(healthy(), groups=GAP))
