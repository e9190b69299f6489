"""The catalogue entries load, name functions that exist, and the good tenant passes them all."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from checks.catalogue import ACTORS, COSTS, EFFORTS, FUNDINGS, Measure
from checks.m365.resources import BY_NAME
from checks.model import Gap, Reason, Verdict
from tests.m365 import tenants as t
from tests.m365.controls_a.cases import ANSWERED, CONTROLS, FOLDER, judge

EXPECTED = {f"M365-ID-{n:02d}" for n in range(1, 28)} | {f"M365-RO-{n:02d}" for n in range(1, 12)}
EXPECTED |= {f"M365-GU-{n:02d}" for n in range(1, 9)} | {f"M365-AP-{n:02d}" for n in range(1, 12)}
MEASURES = {
    entry["id"]: msgspec.convert(entry, Measure)
    for entry in tomllib.loads((FOLDER / "measures.toml").read_text("utf-8"))["measure"]
    if entry["id"].startswith("M-M365-1")
}
IDS = sorted(name.removeprefix("M365-") for name in CONTROLS)


def test_every_control_is_there():
    assert set(CONTROLS) == EXPECTED


@pytest.mark.parametrize("identifier", IDS)
def test_good_tenant_passes(identifier):
    verdict = judge(identifier, t.good(), ANSWERED)
    assert verdict.verdict is Verdict.PASS, verdict.message


@pytest.mark.parametrize("identifier", IDS)
def test_titles_and_measures(identifier):
    control = CONTROLS[f"M365-{identifier}"]
    assert len(control.title) <= 150
    assert 40 <= len(control.why) <= 400
    assert control.measure in MEASURES
    assert 0.5 <= control.weight <= 2.0


def test_measures_are_complete():
    used = {control.measure for control in CONTROLS.values()}
    assert used == set(MEASURES)
    for measure in MEASURES.values():
        assert measure.effort in EFFORTS
        assert measure.cost in COSTS
        assert measure.who in ACTORS
        assert measure.funding in FUNDINGS
        assert len(measure.steps) >= 2
        assert all(step.endswith(".") for step in measure.steps), measure.id
        assert set(measure.prerequisites) <= set(MEASURES)


FEEDS = {
    "users": "ID-01 ID-02 ID-03 ID-04 ID-05 ID-06 ID-07 ID-09 ID-10 ID-11 ID-19 ID-20 ID-21 ID-24 ID-25 RO-01 RO-02 RO-03 RO-04 RO-08 RO-09 GU-04",
    "user_activity": "ID-24 GU-04",
    "registration": "ID-02 ID-03",
    "security_defaults": "",
    "conditional_access": "ID-01 ID-04 ID-05 ID-06 ID-07 ID-09 ID-10 ID-11 ID-19 ID-20 ID-21 ID-22",
    "named_locations": "ID-23",
    "authentication_methods": "ID-13 ID-14 ID-15",
    "authorization_policy": "GU-01 GU-02 GU-07 AP-01 AP-02 AP-10",
    "admin_consent": "AP-03",
    "app_management": "AP-07",
    "cross_tenant": "GU-05",
    "device_registration": "AP-11",
    "b2b_policy": "GU-03",
    "directory_settings": "ID-16 ID-17 GU-08",
    "on_premises_sync": "ID-27",
    "organization": "ID-26",
    "domains": "ID-18",
    "role_assignments": "ID-03 ID-05 ID-06 RO-01 RO-02 RO-03 RO-04 RO-08 RO-09 AP-08",
    "role_active": "RO-05",
    "role_eligible": "ID-03 ID-05 ID-06 RO-01 RO-02 RO-03 RO-04 RO-08 RO-09",
    "role_policies": "RO-06 RO-07",
    "role_groups": "",
    "policy_groups": "",
    "directory_objects": "ID-22",
    "access_reviews": "RO-10",
    "groups": "GU-06",
    "applications": "AP-06 AP-08",
    "service_principals": "AP-04 AP-05 AP-06 AP-08 AP-09",
    "delegated_grants": "AP-05",
    "sign_ins": "ID-08",
    "risky_users": "ID-12",
    "deleted_items": "",
    "authentication_strengths": "",
    "role_definitions": "ID-22",
}
"""Controls that a refused reading leaves without a verdict, when the tenant is good: those, and no other one."""


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_refused_reading_touches_its_controls_only(name):
    facts = t.with_gap(t.good(), name)
    touched = {}
    for identifier in IDS:
        verdict = judge(identifier, facts, ANSWERED)
        if verdict.verdict is not Verdict.PASS:
            touched[identifier] = verdict
    assert set(touched) == set(FEEDS[name].split())
    assert {v.verdict for v in touched.values()} <= {Verdict.NOT_ASSESSED}
    assert {v.reason for v in touched.values()} <= {"permission"}


def test_table_covers_every_reading_of_the_good_tenant():
    assert set(FEEDS) == set(t.readings())


LICENSED = {
    "ID-02", "ID-03", "ID-06", "ID-08", "ID-09", "ID-10", "ID-11", "ID-12", "ID-16", "ID-19", "ID-20", "ID-21", "ID-22",
    "ID-23", "ID-24", "RO-05", "RO-06", "RO-07", "RO-10", "GU-04", "GU-08",
}  # fmt: skip


def test_business_standard_is_judged_on_what_it_can_have():
    """Without Entra premium: a licence reason for what it would show, verdicts through Security Defaults otherwise."""
    facts = t.standard()
    told = {identifier: judge(identifier, facts, ANSWERED) for identifier in IDS}
    unseen = {identifier for identifier, verdict in told.items() if verdict.verdict is Verdict.NOT_ASSESSED}
    assert unseen == LICENSED
    assert {told[identifier].reason for identifier in unseen} == {"licence"}
    assert {identifier for identifier in ("ID-01", "ID-04", "ID-05", "ID-07") if told[identifier].verdict is Verdict.PASS} == {
        "ID-01", "ID-04", "ID-05", "ID-07",
    }  # fmt: skip


def test_business_standard_without_security_defaults_fails():
    facts = t.with_rows(t.standard(), "security_defaults", [{"isEnabled": False}])
    for identifier in ("ID-01", "ID-04", "ID-05", "ID-07"):
        verdict = judge(identifier, facts)
        assert verdict.verdict is Verdict.FAIL
        assert "licence Entra ID P1" in verdict.message


@pytest.mark.parametrize("identifier", IDS)
def test_nothing_read_is_never_a_verdict(identifier):
    facts = msgspec.structs.replace(t.good(), readings={}, licences=Gap(reason=Reason.PERMISSION, detail="Refusé."))
    verdict = judge(identifier, facts)
    assert verdict.verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize("identifier", IDS)
def test_foreign_shapes_never_crash_nor_pass(identifier):
    for junk in (None, 3, "texte", [], [None], {"id": None}, {"a": {"b": []}}):
        row = junk if isinstance(junk, dict) else {"id": "x", "value": junk}
        facts = t.good(
            {name: [dict.fromkeys(BY_NAME[name].properties or ("id",), junk) | row] for name in t.readings()}
        )
        verdict = judge(identifier, facts)
        assert verdict.verdict is not Verdict.PASS or (identifier, str(junk)) in HARMLESS, (
            identifier,
            junk,
            verdict.message,
        )


HARMLESS = {
    ("ID-15", "None"),
    ("ID-15", "{'id': None}"),
    ("ID-17", "texte"),
    ("RO-05", "texte"),
    *((identifier, "[]") for identifier in ("ID-23", "AP-04", "AP-06", "AP-09")),
}
"""Null is how the service says that there never were old settings; an unknown name is another group of settings, or a
role of the house; an empty list is a good answer where things are listed."""
