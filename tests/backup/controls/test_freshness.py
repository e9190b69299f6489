"""Freshness, coverage and results: the careful house and one change, on both sides of each threshold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.backup.facts import Failure, Integrity, Job
from checks.model import Gap, Reason, Severity, Verdict
from tests.backup.house import (
    AD,
    CLOUD,
    DUI,
    HOSTED,
    NAS,
    REFUSED,
    ago,
    every,
    everywhere,
    house,
    judge,
    mute,
    nights,
    point,
    system,
    with_repository,
    with_system,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
COVERED, RECENT, REGULAR, ALIVE = "coverage.has_copy", "freshness.recent", "freshness.regular", "freshness.alive"


def dui(*, last: float = 6, count: int = 45, **fields: Any) -> Any:
    """The care records saved every night in both repositories, the newest `last` hours ago."""
    return everywhere(points=nights("srv-dui", count, last, **fields))


# --- BKP-COV-001


def test_system_without_any_point_fails() -> None:
    found = judge(COVERED, everywhere(points=nights("autre")), DUI)
    assert (found.verdict, found.severity) == (F, None)
    assert "ne reviendrait pas" in found.message


@pytest.mark.parametrize("fields", [{"verified": "failed"}, {"complete": False}, {"empty": True}])
def test_system_with_bad_points_only_fails(fields: dict[str, Any]) -> None:
    found = judge(COVERED, dui(**fields), DUI)
    assert found.verdict is F
    assert "n'a que des copies incomplètes" in found.message


def test_part_of_a_system_without_copy_is_named() -> None:
    found = judge(COVERED, with_system(sources=("srv-dui", "srv-base")), DUI)
    assert (found.verdict, found.severity) == (F, Severity.HIGH)
    assert [item.label for item in found.affected] == ["srv-base"]


def test_unread_repository_is_never_a_missing_copy() -> None:
    facts = with_repository(NAS, with_repository(CLOUD, points=nights("autre")), points=REFUSED)
    found = judge(COVERED, facts, DUI)
    assert (found.verdict, found.reason) == (NS, Reason.REFUSED)
    assert NAS in found.message


def test_copy_seen_elsewhere_settles_it() -> None:
    assert judge(COVERED, with_repository(NAS, points=REFUSED), DUI).verdict is P


def test_declared_repository_that_holds_nothing_of_it_fails() -> None:
    facts = with_repository(NAS, with_system(covered_by=(NAS, CLOUD)), points=nights("autre"))
    found = judge(COVERED, facts, DUI)
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)


@pytest.mark.parametrize("fields", [{"sources": ()}, {"sources": (), "covered_by": (NAS,)}])
def test_system_that_nothing_links_is_not_assessed(fields: dict[str, Any]) -> None:
    assert judge(COVERED, with_system(**fields), DUI).verdict is NS


def test_hosted_system_is_the_business_of_its_contract() -> None:
    assert judge(COVERED, house(), HOSTED).verdict is NA


def test_no_backup_at_all_is_a_failure_only_when_it_is_said() -> None:
    empty = house(repositories=(), systems=(system(DUI),))
    assert [one.verdict for one in every(COVERED, empty)] == [NS]
    assert [one.verdict for one in every(COVERED, empty, backup_exists=False)] == [F]


def test_system_that_is_not_critical_is_not_judged() -> None:
    facts = house(systems=(system(DUI, "srv-dui", critical=False),))
    assert [one.verdict for one in every(COVERED, facts)] == [NA]
    assert [one.verdict for one in every(RECENT, facts)] == [NA]


# --- BKP-COV-002, 003, 004, 005, 006, 008


@pytest.mark.parametrize(("days", "verdict"), [(60, P), (60.1, F), (61, F)])
def test_directory_copy_must_be_younger_than_the_tombstone(days: float, verdict: Verdict) -> None:
    facts = everywhere(points=(point("dc1", ago(days=days)),))
    assert judge("coverage.directory", facts, AD).verdict is verdict


def test_directory_without_copy_fails() -> None:
    assert judge("coverage.directory", everywhere(points=nights("srv-dui")), AD).verdict is F
    facts = everywhere(points=REFUSED)
    assert judge("coverage.directory", facts, AD).verdict is NS


def test_no_directory_is_asked_before_it_is_believed() -> None:
    facts = house(systems=(system(DUI, "srv-dui"),))
    assert [one.verdict for one in every("coverage.directory", facts)] == [NS]
    assert [one.verdict for one in every("coverage.directory", facts, backup_has_directory=False)] == [NA]


@pytest.mark.parametrize(("contract", "verdict"), [(True, P), (False, F), (None, NS)])
def test_hosted_care_records_are_judged_by_contract(contract: bool | None, verdict: Verdict) -> None:
    facts = house(systems=(system("Soins", kind="care_records", hosted="Éditeur", contract=contract),))
    assert judge("coverage.care_records", facts, "Soins").verdict is verdict
    other = house(systems=(system("Paie", hosted="Éditeur", contract=contract),))
    assert judge("coverage.hosted", other, "Paie").verdict is verdict


@pytest.mark.parametrize(
    ("used", "saved", "verdict"),
    [(None, None, NS), (False, None, NA), (True, None, NS), (True, True, P), (True, False, F)],
)
def test_microsoft365(used: bool | None, saved: bool | None, verdict: Verdict) -> None:
    found = mute("coverage.microsoft365", house(), backup_m365_used=used, backup_m365_saved=saved)
    assert [one.verdict for one in found] == [verdict]


def test_microsoft365_found_in_a_backup_needs_no_answer() -> None:
    facts = everywhere(house(systems=(system("Microsoft 365", "m365"),)), points=nights("m365"))
    assert [one.verdict for one in mute("coverage.microsoft365", facts)] == [P]


@pytest.mark.parametrize(("answer", "verdict"), [(True, P), (False, F), (None, NS)])
def test_firewall_configuration(answer: bool | None, verdict: Verdict) -> None:
    assert mute("coverage.firewall", house(), backup_firewall_configuration=answer)[0].verdict is verdict


@pytest.mark.parametrize(("saved", "verdict"), [(True, P), (False, F), (None, NA), (REFUSED, NS)])
def test_own_configuration(saved: bool | Gap | None, verdict: Verdict) -> None:
    facts = with_repository(NAS, own_configuration_saved=saved)
    assert judge("coverage.own_configuration", facts).verdict is verdict
    if saved is None:
        assert judge("coverage.own_configuration", with_repository(NAS, facts, points=REFUSED)).verdict is NS


# --- BKP-COV-007, 009


def test_stranger_is_pointed_at() -> None:
    found = every("coverage.no_stranger", with_repository(NAS, points=nights("srv-dui") + nights("vieux-pc", 1)))[0]
    assert found.verdict is F
    assert [(item.label, item.detail) for item in found.affected] == [("vieux-pc", f"dans {NAS}")]


def test_strangers_may_hide_in_what_was_not_read() -> None:
    assert every("coverage.no_stranger", with_repository(NAS, points=REFUSED))[0].verdict is NS


def test_empty_repository_fails() -> None:
    assert judge("coverage.readable", with_repository(NAS, points=())).verdict is F
    assert judge("coverage.readable", with_repository(NAS, points=REFUSED)).verdict is NS


# --- BKP-FRS-001


@pytest.mark.parametrize(("last", "verdict"), [(24, P), (24.01, F)])
def test_declared_loss_is_the_limit(last: float, verdict: Verdict) -> None:
    assert judge(RECENT, dui(last=last), DUI).verdict is verdict


@pytest.mark.parametrize(("last", "verdict"), [(26, P), (26.01, F)])
def test_without_objective_the_limit_is_ours_and_says_so(last: float, verdict: Verdict) -> None:
    found = judge(RECENT, with_system(facts=dui(last=last), rpo_hours=None), DUI)
    assert found.verdict is verdict
    assert "seuil d'Ausculte" in found.message


@pytest.mark.parametrize(("days", "severity"), [(7, None), (7.1, Severity.CRITICAL), (60, Severity.CRITICAL)])
def test_loss_of_more_than_a_week_is_critical(days: float, severity: Severity | None) -> None:
    found = judge(RECENT, dui(last=days * 24), DUI)
    assert (found.verdict, found.severity) == (F, severity)


def test_two_month_old_last_point_is_said_in_days() -> None:
    found = judge(RECENT, dui(last=61 * 24), DUI)
    assert "61 jours" in found.message


def test_newest_point_that_is_bad_does_not_count() -> None:
    facts = everywhere(points=(point("srv-dui", ago(2), empty=True), *nights("srv-dui", last=30)))
    assert judge(RECENT, facts, DUI).verdict is F


def test_stale_copy_beside_an_unread_repository_is_not_assessed() -> None:
    facts = with_repository(CLOUD, dui(last=100), points=REFUSED)
    assert judge(RECENT, facts, DUI).verdict is NS
    assert judge(RECENT, with_repository(CLOUD, dui(last=10), points=REFUSED), DUI).verdict is P


def test_product_that_says_nothing_of_completeness_is_believed_and_it_is_said() -> None:
    found = judge(RECENT, dui(complete=None), DUI)
    assert found.verdict is P
    assert "ne dit pas si ses points sont complets" in found.message


def test_system_without_copy_is_left_to_coverage() -> None:
    assert judge(RECENT, everywhere(points=nights("autre")), DUI).verdict is NA


# --- BKP-FRS-002


def test_week_end_without_backup_is_a_gap() -> None:
    points = tuple(one for one in nights("srv-dui") if one.time.weekday() < 5)
    found = judge(REGULAR, everywhere(points=points), DUI)
    assert found.verdict is F
    assert "3 jours" in found.message


@pytest.mark.parametrize(("rpo", "verdict"), [(24, P), (23.9, F)])
def test_rhythm_is_compared_with_the_accepted_loss(rpo: float, verdict: Verdict) -> None:
    assert judge(REGULAR, with_system(rpo_hours=rpo), DUI).verdict is verdict


def test_single_point_has_no_regularity() -> None:
    assert judge(REGULAR, dui(count=1), DUI).verdict is NS


# --- BKP-FRS-003


@pytest.mark.parametrize(("last", "verdict"), [(72, P), (73, F)])
def test_source_stopped_at_its_own_rhythm(last: float, verdict: Verdict) -> None:
    assert judge(ALIVE, dui(last=last)).verdict is verdict


def test_source_stopped_beside_living_ones_is_named() -> None:
    found = judge(ALIVE, with_repository(NAS, points=nights("srv-dui") + nights("dc1", last=100)))
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)
    assert [item.label for item in found.affected] == ["dc1"]


@pytest.mark.parametrize(("days", "severity"), [(30, None), (31, Severity.CRITICAL)])
def test_repository_stopped_for_a_month_is_critical(days: float, severity: Severity | None) -> None:
    found = judge(ALIVE, dui(last=days * 24))
    assert (found.verdict, found.severity) == (F, severity)
    assert "est arrêtée" in found.message


@pytest.mark.parametrize(("days", "verdict"), [(7, P), (7.1, F)])
def test_source_without_known_rhythm_has_a_week(days: float, verdict: Verdict) -> None:
    assert judge(ALIVE, dui(count=1, last=days * 24)).verdict is verdict


@pytest.mark.parametrize(("days", "verdict"), [(35, P), (36, F)])
def test_unplugged_medium_turns_monthly(days: float, verdict: Verdict) -> None:
    facts = with_repository(NAS, points=nights("srv-dui", 3, last=days * 24), offline=True)
    assert judge(ALIVE, facts).verdict is verdict


def test_repository_without_usable_point_is_not_alive() -> None:
    assert judge(ALIVE, dui(empty=True)).verdict is F
    assert judge(ALIVE, with_repository(NAS, points=())).verdict is NA
    assert judge(ALIVE, with_repository(NAS, points=REFUSED)).verdict is NS


# --- BKP-FRS-004, 005


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"enabled": True, "last_run": ago(6)}, P),
        ({"enabled": False, "last_run": ago(6)}, F),
        ({"enabled": True, "last_result": "none"}, F),
        ({}, NS),
    ],
)
def test_jobs_are_enabled_and_have_run(fields: dict[str, Any], verdict: Verdict) -> None:
    assert judge("freshness.scheduled", with_repository(NAS, jobs=(Job(name="nuit", **fields),))).verdict is verdict


def test_repository_without_job() -> None:
    assert judge("freshness.scheduled", with_repository(NAS, jobs=())).verdict is NA
    assert judge("freshness.scheduled", with_repository(NAS, jobs=REFUSED)).verdict is NS


def test_point_of_tomorrow_fails() -> None:
    found = judge("freshness.plausible_dates", dui(last=-24, count=1))
    assert found.verdict is F
    assert judge("freshness.plausible_dates", dui(last=-1, count=1)).verdict is P


# --- BKP-RES-001, 002, 005


def test_empty_success_is_lighter_when_it_is_old() -> None:
    newest = everywhere(points=(point("srv-dui", ago(2), empty=True), *nights("srv-dui")))
    found = judge("results.not_empty", newest)
    assert (found.verdict, found.severity) == (F, None)
    old = everywhere(points=(*nights("srv-dui", 3), point("srv-dui", ago(200), empty=True)))
    assert judge("results.not_empty", old).severity is Severity.LOW


@pytest.mark.parametrize(("newest", "verdict"), [(True, P), (False, F), (None, NS)])
def test_newest_point_is_complete(newest: bool | None, verdict: Verdict) -> None:
    facts = everywhere(points=(point("srv-dui", ago(2), complete=newest), *nights("srv-dui", complete=False)))
    assert judge("results.complete", facts).verdict is verdict


@pytest.mark.parametrize(("size", "verdict"), [(5_000_000, P), (4_999_999, F)])
def test_size_that_halves_fails(size: int, verdict: Verdict) -> None:
    facts = everywhere(points=(point("srv-dui", ago(2), size=size), *nights("srv-dui", 5)))
    assert judge("results.steady_size", facts).verdict is verdict


def test_number_of_files_that_halves_fails_too() -> None:
    facts = everywhere(points=(point("srv-dui", ago(2), size=None, files=1), *nights("srv-dui", 5, size=None)))
    assert "fichier" in judge("results.steady_size", facts).affected[0].detail


@pytest.mark.parametrize(("count", "verdict"), [(3, NS), (4, P)])
def test_usual_size_needs_four_points(count: int, verdict: Verdict) -> None:
    assert judge("results.steady_size", dui(count=count)).verdict is verdict


def test_usual_size_without_any_size() -> None:
    assert judge("results.steady_size", dui(size=None, files=None)).verdict is NS


# --- BKP-RES-003, 004, 006, 007


def job(**fields: Any) -> Any:
    base: dict[str, Any] = {"name": "nuit", "enabled": True, "last_run": ago(6), "last_result": "failed"}
    return with_repository(NAS, jobs=(Job(**base | fields),))


@pytest.mark.parametrize(
    ("hours", "verdict", "severity"),
    [(72, P, None), (73, F, None), (14 * 24, F, None), (14 * 24 + 1, F, Severity.CRITICAL)],
)
def test_failure_is_treated_within_three_days(hours: float, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("results.failures_treated", job(last_success=ago(hours)))
    assert (found.verdict, found.severity) == (verdict, severity)


def test_failure_of_unknown_age_is_not_assessed() -> None:
    assert judge("results.failures_treated", job()).verdict is NS
    assert judge("results.failures_treated", job(last_run=ago(100))).verdict is F


def test_disabled_job_is_not_failing() -> None:
    assert judge("results.failures_treated", job(enabled=False, last_success=ago(900))).verdict is P


def test_jobs_without_result() -> None:
    assert judge("results.failures_treated", job(last_result=None)).verdict is NS


@pytest.mark.parametrize(("notified", "answer", "verdict"), [
    (True, None, P), (False, True, F), (None, True, P), (None, False, F), (None, None, NS),
])  # fmt: skip
def test_somebody_is_told(notified: bool | None, answer: bool | None, verdict: Verdict) -> None:
    found = mute("results.alerted", job(notified=notified), backup_failure_alert=answer)
    assert found[0].verdict is verdict


def test_stale_lock() -> None:
    assert judge("results.no_stale_lock", with_repository(NAS, locks=("a", "b"))).verdict is F
    assert judge("results.no_stale_lock", house()).verdict is P
    assert judge("results.no_stale_lock", house(), CLOUD).verdict is NA
    assert judge("results.no_stale_lock", with_repository(NAS, points=REFUSED)).verdict is NS


@pytest.mark.parametrize(("number", "verdict"), [(2, P), (3, F)])
def test_third_failure_in_a_month_fails(number: int, verdict: Verdict) -> None:
    failures = tuple(Failure(time=ago(days=n), what="plein", source="a") for n in range(number))
    assert judge("results.few_failures", with_repository(NAS, failures=failures)).verdict is verdict


def test_old_failures_do_not_count_and_undated_ones_do_not_tell() -> None:
    old = tuple(Failure(time=ago(days=31 + n), what="plein") for n in range(9))
    assert judge("results.few_failures", with_repository(NAS, failures=old)).verdict is P
    assert judge("results.few_failures", with_repository(NAS, failures=(Failure(what="plein"),))).verdict is NS


# --- BKP-INT


def test_failed_check_is_a_failure_whatever_the_points() -> None:
    found = judge("integrity.sound", with_repository(NAS, integrity=Integrity(ok=False, depth="metadata")))
    assert (found.verdict, found.severity) == (F, None)


def test_damaged_point_fails_even_when_the_check_was_refused() -> None:
    facts = with_repository(NAS, integrity=REFUSED, points=nights("srv-dui", 2, verified="failed"))
    found = judge("integrity.sound", facts)
    assert found.verdict is F
    assert len(found.affected) == 2


def test_verified_points_stand_for_a_check() -> None:
    assert judge("integrity.sound", with_repository(NAS, integrity=REFUSED)).verdict is P
    facts = with_repository(NAS, integrity=REFUSED, points=nights("srv-dui", verified=None, verified_at=None))
    assert judge("integrity.sound", facts).verdict is NS
    assert judge("integrity.recently", facts).verdict is NS


@pytest.mark.parametrize(("days", "verdict"), [(31, P), (31.1, F)])
def test_check_is_monthly(days: float, verdict: Verdict) -> None:
    facts = with_repository(
        NAS, integrity=Integrity(ok=True, depth="full", when=ago(days=days)), points=nights("a", verified_at=None)
    )
    assert judge("integrity.recently", facts).verdict is verdict


def test_check_made_now_by_the_agent_is_recent() -> None:
    facts = with_repository(NAS, integrity=Integrity(ok=True, depth="full", by="agent"), points=())
    assert judge("integrity.recently", facts).verdict is P
    assert (
        judge("integrity.recently", with_repository(NAS, facts, integrity=Integrity(ok=True, depth="full"))).verdict
        is NS
    )


@pytest.mark.parametrize(("depth", "verdict"), [("metadata", F), ("sample", P), ("full", P)])
def test_check_that_reads_no_content_sees_no_damage(depth: Any, verdict: Verdict) -> None:
    assert judge("integrity.deep", with_repository(NAS, integrity=Integrity(ok=True, depth=depth))).verdict is verdict


def test_depth_of_a_failed_check_has_no_meaning() -> None:
    facts = with_repository(NAS, integrity=Integrity(ok=False, depth="full"))
    assert judge("integrity.deep", facts).verdict is NA
    assert judge("integrity.deep", with_repository(NAS, integrity=REFUSED)).verdict is NS


def test_house_is_not_changed_by_the_builders() -> None:
    assert msgspec.structs.asdict(house()) == msgspec.structs.asdict(house())
