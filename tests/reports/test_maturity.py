"""Levels and coverage that the evidence supports."""

from __future__ import annotations

import pytest

from checks.model import Verdict
from reports.frameworks import Framework, FrameworkHeader, Requirement, assemble
from reports.maturity import LevelRange, Status, coverage, directory_level, level_range
from tests.reports import build

FAIL, PASS, NA, SILENT = Verdict.FAIL, Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def framework(*requirements: tuple[int | None, tuple[str, ...]]) -> Framework:
    return Framework(
        framework=FrameworkHeader(scheme="anssi-ad", title="Points de contrôle"),
        requirement=tuple(
            Requirement(id=f"vuln_{n}", level=level, title=f"Point {n}", controls=controls)
            for n, (level, controls) in enumerate(requirements)
        ),
    )


def level(verdicts: dict[str, Verdict], *requirements: tuple[int | None, tuple[str, ...]]) -> LevelRange | None:
    outcomes = [build.outcome(control, verdict) for control, verdict in verdicts.items()]
    return level_range(coverage(framework(*requirements), outcomes))


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        (PASS, PASS, 5, 5),
        (FAIL, PASS, 1, 1),
        (PASS, FAIL, 3, 3),
        (FAIL, FAIL, 1, 1),
        (SILENT, PASS, 1, 5),
        (SILENT, FAIL, 1, 3),
        (FAIL, SILENT, 1, 1),
        (PASS, SILENT, 3, 5),
        (NA, FAIL, 3, 3),
        (NA, NA, 5, 5),
    ],
)
def test_level_is_the_lowest_failed_one_and_silence_makes_a_range(a: Verdict, b: Verdict, low: int, high: int) -> None:
    found = level({"AD-A-001": a, "AD-A-002": b}, (1, ("AD-A-001",)), (3, ("AD-A-002",)))
    assert found is not None
    assert (found.low, found.high) == (low, high)
    assert found.exact is (low == high)


def test_a_checkpoint_without_control_lowers_only_the_low_end() -> None:
    found = level({"AD-A-001": FAIL}, (1, ()), (2, ("AD-A-001",)), (3, ()))
    assert found is not None
    assert (found.low, found.high) == (1, 2)
    assert [s.requirement.id for s in found.not_covered] == ["vuln_0"]
    assert [s.requirement.id for s in found.blocking] == ["vuln_1"]


def test_a_control_that_was_not_run_counts_as_unknown() -> None:
    found = level({"AD-A-001": PASS}, (1, ("AD-A-001",)), (2, ("AD-A-009",)))
    assert found is not None
    assert (found.low, found.high) == (2, 5)
    assert found.unknown[0].controls == ("AD-A-009",)


def test_no_level_when_nothing_was_assessed() -> None:
    assert level({"AD-A-001": SILENT}, (1, ("AD-A-001",))) is None
    assert directory_level(assemble([]), [build.outcome("AD-A-001")]) is None


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ({"AD-A-001": PASS, "AD-A-002": PASS}, Status.PASSED),
        ({"AD-A-001": PASS, "AD-A-002": FAIL}, Status.FAILED),
        ({"AD-A-001": SILENT, "AD-A-002": FAIL}, Status.FAILED),
        ({"AD-A-001": SILENT, "AD-A-002": PASS}, Status.UNKNOWN),
        ({"AD-A-001": PASS}, Status.UNKNOWN),
        ({"AD-A-001": NA, "AD-A-002": NA}, Status.NOT_APPLICABLE),
        ({"AD-A-001": NA, "AD-A-002": PASS}, Status.PASSED),
    ],
)
def test_status_of_a_requirement_with_two_controls(verdicts: dict[str, Verdict], status: Status) -> None:
    outcomes = [build.outcome(control, verdict) for control, verdict in verdicts.items()]
    found = coverage(framework((1, ("AD-A-001", "AD-A-002"))), outcomes)
    assert found.statuses[0].status is status
    assert found.count(status) == 1


def test_one_subject_that_fails_is_enough() -> None:
    outcomes = [build.outcome("AD-A-001", PASS, "a.test"), build.outcome("AD-A-001", FAIL, "b.test")]
    assert coverage(framework((1, ("AD-A-001",))), outcomes).statuses[0].status is Status.FAILED
