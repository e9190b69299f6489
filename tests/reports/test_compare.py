"""Comparison of two judgements: silence is never a correction."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model import Affected, Outcome, Severity, Verdict
from reports.compare import Change, Comparison, classify, compare_outcomes, compare_runs
from tests.reports import build

VERDICTS = [*Verdict, None]
STATES = st.sampled_from(VERDICTS)


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[Outcome], list[Outcome]]:
    old, new = [], []
    for control in ("AD-A-001", "AD-A-002", "AD-A-003"):
        for subject in ("tilleuls.test", "Autre.test"):
            for side in (old, new):
                verdict = draw(STATES)
                if verdict is not None:
                    objects = draw(st.sets(st.sampled_from("abcd"))) if verdict is Verdict.FAIL else ()
                    side.append(build.outcome(control, verdict, subject, objects=tuple(sorted(objects))))
    return old, new


def keys(comparison: Comparison, change: Change) -> set[tuple[str, str]]:
    return {(item.control, item.subject) for item in comparison.of(change)}


@given(sides())
def test_corrected_means_failed_before_and_conforms_now(both: tuple[list[Outcome], list[Outcome]]) -> None:
    old, new = both
    failed = {(o.control, o.subject) for o in old if o.verdict is Verdict.FAIL}
    conforms = {(o.control, o.subject) for o in new if o.verdict is Verdict.PASS}
    assert keys(compare_outcomes(old, new), Change.CORRECTED) == failed & conforms


@given(sides())
def test_every_question_is_counted_exactly_once(both: tuple[list[Outcome], list[Outcome]]) -> None:
    old, new = both
    found = compare_outcomes(old, new)
    expected = {(o.control, o.subject) for o in [*old, *new]}
    assert {(i.control, i.subject) for i in found.findings} == expected
    assert sum(found.count(change) for change in Change) == len(found.findings) == len(expected)


@given(sides())
def test_swapping_the_sides_swaps_the_changes(both: tuple[list[Outcome], list[Outcome]]) -> None:
    old, new = both
    there, back = compare_outcomes(old, new), compare_outcomes(new, old)
    assert keys(there, Change.PERSISTENT) == keys(back, Change.PERSISTENT)
    assert keys(there, Change.STABLE) == keys(back, Change.STABLE)
    assert keys(there, Change.UNKNOWN) == keys(back, Change.UNKNOWN)
    assert keys(there, Change.NO_LONGER_ASSESSED) == keys(back, Change.NEWLY_ASSESSED)
    assert keys(there, Change.NEW) == keys(back, Change.CORRECTED) | keys(back, Change.NO_LONGER_APPLICABLE)
    assert there.failed_before == back.failed_after
    for one, other in zip(there.of(Change.PERSISTENT), back.of(Change.PERSISTENT), strict=True):
        assert {a.id for a in one.corrected_objects} == {a.id for a in other.new_objects}
        assert {a.id for a in one.persistent_objects} == {a.id for a in other.persistent_objects}


@given(sides())
def test_comparing_a_side_with_itself_changes_nothing(both: tuple[list[Outcome], list[Outcome]]) -> None:
    same = compare_outcomes(both[0], both[0])
    assert {i.change for i in same.findings} <= {Change.PERSISTENT, Change.STABLE, Change.UNKNOWN}
    assert not any(i.corrected_objects or i.new_objects for i in same.findings)


@pytest.mark.parametrize("old", VERDICTS)
@pytest.mark.parametrize("silent", [None, Verdict.NOT_ASSESSED])
def test_silence_today_is_never_a_correction(old: Verdict | None, silent: Verdict | None) -> None:
    assert classify(old, silent) in {Change.NO_LONGER_ASSESSED, Change.UNKNOWN}


@pytest.mark.parametrize("silent", [None, Verdict.NOT_ASSESSED])
def test_a_fault_seen_after_silence_is_not_called_new(silent: Verdict | None) -> None:
    assert classify(silent, Verdict.FAIL) is Change.NEWLY_ASSESSED


def named(*objects: tuple[str, str]) -> list[Outcome]:
    """A finding on objects given as (id, label)."""
    affected = tuple(Affected(id=one, label=label, fingerprint=one) for one, label in objects)
    return [msgspec.structs.replace(build.outcome("AD-ACC-002"), affected=affected)]


def test_an_object_created_again_under_the_same_name_is_not_corrected() -> None:
    (item,) = compare_outcomes(named(("S-1", "svc-dui")), named(("S-9", "SVC-DUI"))).of(Change.PERSISTENT)
    assert (item.corrected_objects, item.new_objects) == ((), ())
    assert [a.id for a in item.persistent_objects] == ["S-9"]


def test_each_name_that_left_answers_for_one_object_only() -> None:
    old, new = named(("S-1", "poste"), ("S-2", "autre")), named(("S-3", "poste"), ("S-4", "poste"), ("S-5", "neuf"))
    (item,) = compare_outcomes(old, new).of(Change.PERSISTENT)
    assert [a.id for a in item.persistent_objects] == ["S-3"]
    assert [a.id for a in item.new_objects] == ["S-4", "S-5"]
    assert [a.id for a in item.corrected_objects] == ["S-2"]


def test_objects_of_a_persistent_finding_are_compared_one_by_one() -> None:
    old = [build.outcome("AD-ACC-002", objects=("S-1", "S-2", "S-3"))]
    new = [build.outcome("AD-ACC-002", objects=("S-3", "S-4"))]
    (item,) = compare_outcomes(old, new).of(Change.PERSISTENT)
    assert [a.id for a in item.corrected_objects] == ["S-1", "S-2"]
    assert [a.id for a in item.new_objects] == ["S-4"]
    assert [a.id for a in item.persistent_objects] == ["S-3"]


def test_a_silent_domain_explains_itself_although_its_subject_differs() -> None:
    old = [build.outcome("AD-KRB-001", severity=Severity.HIGH)]
    new = [
        build.outcome(
            "AD-KRB-001", Verdict.NOT_ASSESSED, "dc1.tilleuls.test", Severity.HIGH, reason="unreachable",
            message="Le serveur est éteint.",
        )
    ]  # fmt: skip
    found = compare_outcomes(old, new)
    (item,) = found.of(Change.NO_LONGER_ASSESSED)
    assert (item.subject, item.reason, item.new_message) == (
        "tilleuls.test", "unreachable", "Le serveur est éteint.",
    )  # fmt: skip
    assert found.count(Change.CORRECTED) == 0


def test_a_subject_that_is_no_longer_asked_about_has_no_reason_to_show() -> None:
    old = [build.outcome("MAIL-SPF-001", subject="ancien.test")]
    new = [build.outcome("MAIL-SPF-001", Verdict.PASS, "tilleuls.test", message="Tout va bien.")]
    (item,) = compare_outcomes(old, new).of(Change.NO_LONGER_ASSESSED)
    assert (item.new_verdict, item.reason, item.new_message) == (None, "", "")


def test_same_question_twice_on_one_side_keeps_the_worst_verdict_and_all_objects() -> None:
    old = [
        build.outcome("AD-A-001", objects=("a",)),
        build.outcome("AD-A-001", Verdict.PASS),
        build.outcome("AD-A-001", objects=("b",)),
    ]
    (item,) = compare_outcomes(old, [build.outcome("AD-A-001", objects=("b",))]).findings
    assert item.change is Change.PERSISTENT
    assert [a.id for a in item.corrected_objects] == ["a"]


def test_counts_are_by_severity() -> None:
    old = [build.outcome("AD-A-001", severity=Severity.CRITICAL), build.outcome("AD-A-002", severity=Severity.LOW)]
    new = [
        build.outcome("AD-A-001", Verdict.PASS, severity=Severity.CRITICAL),
        build.outcome("AD-A-002", severity=Severity.LOW),
    ]
    found = compare_outcomes(old, new)
    assert found.counts["corrected"]["critical"] == 1
    assert found.counts["persistent"]["low"] == 1
    assert (found.failed_before["critical"], found.failed_after["critical"]) == (1, 0)


def test_different_rules_and_different_structures_are_announced() -> None:
    old = build.run(build.outcome("AD-A-001", version=1))
    tool = msgspec.structs.replace(old.tool, catalogue_sha256="autre")
    other = msgspec.structs.replace(old.structure, name="EHPAD Les Érables")
    new = build.run(build.outcome("AD-A-001", version=2), tool=tool, structure=other)
    warnings = " ".join(compare_runs(old, new).warnings)
    assert "AD-A-001" in warnings
    assert "même catalogue" in warnings
    assert "Les Érables" in warnings
    assert compare_runs(old, old).warnings == ()


def test_comparison_survives_json() -> None:
    found = compare_runs(build.realistic_run(), build.realistic_run(later=True))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found
    assert (found.count(Change.CORRECTED), found.count(Change.NEW), found.count(Change.NO_LONGER_ASSESSED)) == (6, 1, 1)
