"""What holds of every control of this half: wording, a tenant that passes, one that fails, what is missing."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import checks.m365
from checks.catalogue import ACTORS, COSTS, EFFORTS, FUNDINGS, Control, Measure
from checks.m365.facts import M365Facts, Rows
from checks.m365.resources import BY_NAME, RESOURCES
from checks.model import Context, Gap, Reason, Verdict
from tests.m365.controls_b.rows import ANSWERED, BAD, anyone, bad, few_licences, good, judge
from tests.m365.tenants import CONTEXT, partial, policies, rows_of, with_gap, with_rows

FOLDER = Path(checks.m365.__file__).parent


def _table(name: str, key: str) -> Any:
    return tomllib.loads((FOLDER / name).read_text("utf-8"))[key]


CONTROLS = [
    msgspec.convert(one, Control)
    for one in _table("catalogue.toml", "control")
    if re.match(r"M365-(LG|EX|SP|TE|IN|MI|SC)-", one["id"])
]
MEASURES = [
    msgspec.convert(one, Measure) for one in _table("measures.toml", "measure") if one["id"].startswith("M-M365-2")
]
IDS = [control.id for control in CONTROLS]
each_control = pytest.mark.parametrize("control", CONTROLS, ids=IDS)
DECLARED_ONLY = {"M365-SP-10", "M365-SC-01", "M365-SC-16"}
GOOD, OPEN, POOR, WRONG = good(), anyone(), few_licences(good()), bad()
WEAK = good(conditional_access=policies())


@functools.cache
def passing(check: str) -> M365Facts:
    """The good tenant in which a control conforms."""
    for facts in (GOOD, OPEN):
        if judge(check, facts, ANSWERED).verdict is Verdict.PASS:
            return facts
    raise AssertionError(f"{check} never passes")


@functools.cache
def failing(check: str) -> M365Facts:
    """The tenant in which it fails."""
    for facts in (WRONG, POOR, WEAK):
        if judge(check, facts, BAD).verdict is Verdict.FAIL:
            return facts
    raise AssertionError(f"{check} never fails")


@functools.cache
def needed(check: str) -> tuple[str, ...]:
    """The readings without which a control no longer conforms."""
    facts = passing(check)
    return tuple(
        name for name in facts.readings if judge(check, with_gap(facts, name), ANSWERED).verdict is Verdict.NOT_ASSESSED
    )


# --- Words


def test_every_control_of_the_reference_is_there() -> None:
    counts = {"LG": 10, "EX": 20, "SP": 10, "TE": 7, "IN": 2, "MI": 4}
    for family, size in counts.items():
        assert {f"M365-{family}-{n:02}" for n in range(1, size + 1)} <= set(IDS)
    assert len(set(IDS)) == len(IDS) == 89
    assert len({control.check for control in CONTROLS}) == len(IDS)


@each_control
def test_control_is_well_worded(control: Control) -> None:
    assert 10 < len(control.title) <= 100
    assert 40 < len(control.why) <= 250
    assert control.title[-1] != "."
    assert control.why[-1] == "."
    assert 0.5 <= control.weight <= 2.0
    assert control.measure in {measure.id for measure in MEASURES}


@each_control
def test_control_function_exists_and_is_documented(control: Control) -> None:
    module, _, name = control.check.rpartition(".")
    function = getattr(importlib.import_module(f"checks.m365.controls.{module}"), name)
    assert len(inspect.signature(function, follow_wrapped=False).parameters) == 2
    assert function.__doc__.startswith("Conforms when ")


@pytest.mark.parametrize("measure", MEASURES, ids=[measure.id for measure in MEASURES])
def test_measure_can_be_followed(measure: Measure) -> None:
    assert re.fullmatch(r"M-M365-2\d\d", measure.id)
    assert len(measure.steps) >= 3
    assert all(20 < len(step) < 400 for step in measure.steps)
    assert measure.days > 0
    assert measure.references
    assert (measure.effort in EFFORTS, measure.cost in COSTS, measure.who in ACTORS) == (True, True, True)
    assert measure.funding in FUNDINGS
    assert measure.id in {control.measure for control in CONTROLS}


# --- Verdicts


@each_control
def test_good_tenant_passes_with_evidence(control: Control) -> None:
    found = judge(control.check, passing(control.check), ANSWERED)
    assert found.verdict is Verdict.PASS
    assert found.evidence
    assert all(proof.value and proof.source for proof in found.evidence)


@each_control
def test_good_tenant_never_fails(control: Control) -> None:
    for facts in (GOOD, OPEN):
        if (facts is OPEN) and control.id == "M365-SP-01":
            continue
        assert judge(control.check, facts, ANSWERED).verdict is not Verdict.FAIL


@each_control
def test_bad_tenant_fails_with_evidence(control: Control) -> None:
    found = judge(control.check, failing(control.check), BAD)
    assert found.verdict is Verdict.FAIL
    assert found.evidence
    assert all(proof.value and proof.source for proof in found.evidence)
    assert len({item.id for item in found.affected}) == len(found.affected)
    assert all(item.id and item.label and item.kind and item.detail.endswith(".") for item in found.affected)


@each_control
def test_messages_are_sentences(control: Control) -> None:
    for facts, context in ((passing(control.check), ANSWERED), (failing(control.check), BAD)):
        message = judge(control.check, facts, context).message
        assert not message[0].islower()
        assert message[-1] == "."
        assert not re.search(r"None|True|False|\[\]|  |\bsans nom\b", message)


# --- What is missing


@each_control
def test_refused_readings_say_permission(control: Control) -> None:
    facts = passing(control.check)
    for name in facts.readings:
        facts = with_gap(facts, name)
    found = judge(control.check, facts, CONTEXT)
    assert found.verdict is Verdict.NOT_ASSESSED
    declared = control.id in DECLARED_ONLY or control.id == "M365-LG-05"
    assert declared or found.reason in (Reason.PERMISSION, Reason.NOT_CONFIGURED)
    if control.id not in {*DECLARED_ONLY, "M365-LG-05", "M365-SC-10", "M365-SC-32"}:
        assert found.reason == Reason.PERMISSION


@each_control
def test_nothing_read_is_not_assessed(control: Control) -> None:
    assert (
        judge(control.check, M365Facts(tenant=GOOD.tenant, licences=GOOD.licences, readings={})).verdict
        is Verdict.NOT_ASSESSED
    )


@each_control
def test_one_refused_reading_never_reverses_a_verdict(control: Control) -> None:
    for name in GOOD.readings:
        assert judge(control.check, with_gap(passing(control.check), name), ANSWERED).verdict is not Verdict.FAIL
        assert judge(control.check, with_gap(failing(control.check), name), BAD).verdict is not Verdict.PASS


@each_control
def test_incomplete_reading_never_passes(control: Control) -> None:
    facts = passing(control.check)
    for name in needed(control.check):
        assert judge(control.check, partial(facts, name), ANSWERED).verdict is Verdict.NOT_ASSESSED, name


@each_control
def test_nothing_in_an_incomplete_reading_proves_nothing(control: Control) -> None:
    """What is not there may be in what was not read: neither conformity nor fault."""
    facts = passing(control.check)
    for name in needed(control.check):
        found = judge(control.check, with_rows(facts, name, [], complete=False), ANSWERED)
        assert found.verdict is Verdict.NOT_ASSESSED, name


@each_control
def test_property_never_given_is_unsupported(control: Control) -> None:
    """An import may lack a property: that is neither yes nor no."""
    facts = passing(control.check)
    for name in needed(control.check):
        bare = with_rows(
            facts, name, [{} for _ in rows_of(facts, name)], absent=BY_NAME[name].properties or EVERY[name]
        )
        found = judge(control.check, bare, ANSWERED)
        assert found.verdict is Verdict.NOT_ASSESSED, name
        assert found.reason in (Reason.UNSUPPORTED, Reason.PERMISSION, Reason.MALFORMED, Reason.NOT_CONFIGURED), name


EVERY = {name: tuple(key for row in rows_of(GOOD, name) for key in row) for name in GOOD.readings}


@each_control
def test_rows_without_properties_never_pass_nor_fail(control: Control) -> None:
    if control.id in DECLARED_ONLY:
        return
    facts = passing(control.check)
    for name in needed(control.check):
        found = judge(control.check, with_rows(facts, name, [{"id": "x"}]), ANSWERED)
        assert found.verdict is not Verdict.PASS or control.id in ("M365-MI-03", "M365-MI-05", "M365-SC-02"), name


@each_control
def test_order_of_rows_changes_nothing(control: Control) -> None:
    for facts, context in ((passing(control.check), ANSWERED), (failing(control.check), BAD)):
        turned = {
            name: msgspec.structs.replace(found, rows=found.rows[::-1]) if isinstance(found, Rows) else found
            for name, found in facts.readings.items()
        }
        same = judge(control.check, msgspec.structs.replace(facts, readings=turned), context)
        assert same.verdict is judge(control.check, facts, context).verdict


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=12),
              st.sampled_from(["Enabled", "All", "2026-11-01T00:00:00Z", "x@y.z", "*:CalendarSharing", "-1", "Global"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_rows_give_a_verdict(data: st.DataObject) -> None:
    """Whatever a service or a file answers, a control concludes."""
    control = data.draw(st.sampled_from(CONTROLS))
    facts = passing(control.check)
    for name in needed(control.check):
        keys = st.sampled_from(BY_NAME[name].properties or EVERY[name] or ("id",))
        rows = data.draw(st.lists(st.dictionaries(keys, VALUES), max_size=3))
        base = rows_of(facts, name)
        mixed = [dict(base[n % len(base)] if base else {}) | row for n, row in enumerate(rows)]
        facts = with_rows(facts, name, mixed)
    context = Context(
        now=CONTEXT.now,
        answers=dict(ANSWERED.answers)
        | data.draw(st.dictionaries(st.sampled_from(list(ANSWERED.answers)), VALUES, max_size=2)),
    )
    found = judge(control.check, facts, context)
    assert msgspec.json.encode(found)


def test_readings_of_the_fictional_tenant_exist() -> None:
    assert set(GOOD.readings) <= {resource.name for resource in RESOURCES}
    assert not any(isinstance(found, Gap) for found in GOOD.readings.values())
