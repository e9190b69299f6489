"""The plan: exact choice, prerequisites, schedule, explanation."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.model import Origin, Severity, Verdict
from reports.plan import (
    DEFAULT_CAPACITY_DAYS,
    PLAN_SIZE,
    Candidate,
    best_set,
    build_plan,
    horizon_of,
    schedule,
    weigh,
)
from tests.reports import build


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Candidate], dict[str, set[str]], int]:
    """Up to nine measures with random prerequisites (cycles included) and a capacity that often binds."""
    names = [f"M{n}" for n in range(draw(st.integers(0, 9)))]
    candidates = [Candidate(name, draw(st.integers(0, 12)) * 100, draw(st.integers(0, 8)) * 50) for name in names]
    direct = {
        name: draw(st.sets(st.sampled_from(names), max_size=2)) - {name} if draw(st.booleans()) else set[str]()
        for name in names
    }
    requires = {}
    for name in names:
        found, pending = set[str](), [name]
        while pending:
            for needed in direct[pending.pop()] - found:
                found.add(needed)
                pending.append(needed)
        requires[name] = found - {name}
    return candidates, requires, draw(st.integers(0, 24)) * 50


def brute_force(
    candidates: list[Candidate], requires: dict[str, set[str]], capacity: int
) -> tuple[int, int, int, tuple[str, ...]]:
    by_id = {c.id: c for c in candidates}
    best = (0, 0, 0, ())
    for size in range(PLAN_SIZE + 1):
        for names in combinations(sorted(by_id), size):
            chosen = set(names)
            days = sum(by_id[n].days for n in names)
            if days <= capacity and all(requires[n] <= chosen for n in names):
                best = min(best, (-sum(by_id[n].points for n in names), days, size, names))
    return best


@settings(max_examples=300, deadline=None)
@given(problems())
def test_best_set_is_the_best_of_all_feasible_sets(
    problem: tuple[list[Candidate], dict[str, set[str]], int],
) -> None:
    candidates, requires, capacity = problem
    assert best_set(candidates, requires, capacity) == brute_force(candidates, requires, capacity)[3]


@settings(max_examples=200, deadline=None)
@given(problems())
def test_schedule_places_every_measure_once_and_prerequisites_first(
    problem: tuple[list[Candidate], dict[str, set[str]], int],
) -> None:
    candidates, requires, capacity = problem
    chosen = best_set(candidates, requires, capacity)
    ends = schedule({c.id: c for c in candidates}, requires, chosen, capacity)
    assert sorted(ends) == sorted(c.id for c in candidates)
    order = list(ends)
    for name, end in ends.items():
        for needed in requires[name]:
            cyclic = name in requires[needed]
            if end is not None and not cyclic:
                needed_end = ends[needed]
                assert needed_end is not None
                assert order.index(needed) < order.index(name)
                assert needed_end <= end
    for name in chosen:
        cyclic = any(name in requires[needed] for needed in requires[name])
        assert cyclic or ends[name] is not None


def test_no_single_exchange_improves_the_choice_among_sixty_measures() -> None:
    # Distinct odd values make a hard knapsack; the bound must still cut it.
    candidates = [Candidate(f"M{n:02}", 300 + (n * 97) % 811, 50 + (n * 61) % 407) for n in range(60)]
    requires: dict[str, set[str]] = {c.id: set() for c in candidates}
    chosen = best_set(candidates, requires, 900)
    by_id = {c.id: c for c in candidates}
    assert len(chosen) <= PLAN_SIZE
    assert sum(by_id[n].days for n in chosen) <= 900
    # No exchange of one chosen measure for another one that fits does better.
    used = sum(by_id[n].days for n in chosen)
    for out in chosen:
        for candidate in candidates:
            if candidate.id not in chosen and used - by_id[out].days + candidate.days <= 900:
                assert candidate.points <= by_id[out].points


def failing(measure_id: str, severity: Severity = Severity.HIGH, name: str = "AD-A-001", **other: object):
    return build.outcome(name, severity=severity, measure_id=measure_id, **other)


def small_catalogue(*measures):
    controls = [build.control(f"AD-A-{n:03}", f"Contrôle {n}") for n in range(1, 12)]
    return build.catalogue(build.domain("ad", "Annuaire", "AD", controls, list(measures)))


def test_capacity_exactly_equal_to_the_effort_retains_the_measure() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001", days=2.5))
    run = build.run(failing("M-AD-001"))
    assert [p.measure.id for p in build_plan(run, catalogue, 2.5).six] == ["M-AD-001"]
    assert build_plan(run, catalogue, 2.49).six == ()


def test_a_measure_left_out_for_want_of_days_says_so_and_warns_when_critical() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001", "Remplacer le serveur", days=8))
    plan = build_plan(build.run(failing("M-AD-001", Severity.CRITICAL)), catalogue, 4)
    (planned,) = plan.others
    assert planned.horizon == "later"
    assert planned.reasons[-1].startswith("Non retenue : elle demande 8 jours")
    assert "critique" in plan.warnings[0]
    assert "M-AD-001" in plan.warnings[0]


def test_prerequisite_in_the_plan_is_chosen_with_its_dependant_and_comes_first() -> None:
    catalogue = small_catalogue(
        build.measure("M-AD-001", days=3),
        build.measure("M-AD-002", days=1, prerequisites=("M-AD-001",)),
        build.measure("M-AD-003", days=1),
    )
    run = build.run(
        failing("M-AD-001", Severity.LOW, "AD-A-001"),
        failing("M-AD-002", Severity.CRITICAL, "AD-A-002"),
        failing("M-AD-003", Severity.MEDIUM, "AD-A-003"),
    )
    assert [p.measure.id for p in build_plan(run, catalogue, 4).six] == ["M-AD-001", "M-AD-002"]
    assert [p.measure.id for p in build_plan(run, catalogue, 3.5).six] == ["M-AD-003"]
    second = next(p for p in build_plan(run, catalogue, 4).six if p.measure.id == "M-AD-002")
    assert second.requires == ("M-AD-001",)
    assert any(line.startswith("À faire après M-AD-001") for line in second.reasons)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.PASS, "Prérequis déjà rempli"),
        (Verdict.NOT_ASSESSED, "À vérifier d'abord"),
        (None, "À vérifier d'abord"),
    ],
)
def test_prerequisite_that_does_not_fail_never_blocks(verdict: Verdict | None, expected: str) -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"), build.measure("M-AD-002", prerequisites=("M-AD-001",)))
    before = [] if verdict is None else [build.outcome("AD-A-001", verdict, measure_id="M-AD-001")]
    plan = build_plan(build.run(failing("M-AD-002", name="AD-A-002"), *before), catalogue, 5)
    (planned,) = plan.six
    assert planned.requires == ()
    assert any(line.startswith(expected) for line in planned.reasons)


def test_undeclared_capacity_is_an_announced_hypothesis() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"))
    plan = build_plan(build.run(failing("M-AD-001")), catalogue)
    assert (plan.capacity_days, plan.capacity_declared) == (DEFAULT_CAPACITY_DAYS, False)
    declared = build_plan(build.run(failing("M-AD-001"), plan_capacity_days=7.0), catalogue)
    assert (declared.capacity_days, declared.capacity_declared) == (7.0, True)
    assert build_plan(build.run(failing("M-AD-001"), plan_capacity_days=0.0), catalogue).six == ()


@pytest.mark.parametrize(
    ("origin", "points"),
    [(Origin.OBSERVED, 12.0), (Origin.IMPORTED, 10.8), (Origin.DECLARED, 7.2), (None, 7.2)],
)
def test_points_are_severity_times_exposure_times_confidence(origin: Origin | None, points: float) -> None:
    assert weigh(failing("", Severity.HIGH, origin=origin), "t", 1.5).points == points


def test_risk_removed_adds_the_failed_outcomes_and_nothing_else() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001", days=2))
    run = build.run(
        failing("M-AD-001", Severity.HIGH, "AD-A-001"),
        failing("M-AD-001", Severity.HIGH, "AD-A-001", subject="autre.test"),
        build.outcome("AD-A-002", Verdict.PASS, severity=Severity.CRITICAL, measure_id="M-AD-001"),
        build.outcome("AD-A-003", Verdict.NOT_ASSESSED, severity=Severity.CRITICAL, measure_id="M-AD-001"),
    )
    (planned,) = build_plan(run, catalogue).measures
    assert (planned.points, planned.ratio, planned.unknown) == (10.0, 5.0, 1)
    assert "gravité élevée 8" in planned.reasons[0]
    assert "25\u00a0% pour 1 sujet répété" in planned.reasons[0]
    assert planned.reasons[0].endswith("= 10 points.")
    assert any("sans verdict" in line for line in planned.reasons)


def test_among_subjects_of_one_control_the_gravest_counts_in_full() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"))
    run = build.run(
        failing("M-AD-001", Severity.LOW, subject="a.test"),
        failing("M-AD-001", Severity.CRITICAL, subject="b.test"),
        failing("M-AD-001", Severity.HIGH, subject="c.test"),
    )
    (planned,) = build_plan(run, catalogue).measures
    assert [(f.subject, f.points, f.repeat) for f in planned.findings] == [
        ("b.test", 16.0, False),
        ("c.test", 2.0, True),
        ("a.test", 0.25, True),
    ]
    assert planned.points == 18.25


def test_what_has_no_verdict_is_listed_apart_and_never_planned() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"), build.measure("M-AD-002"))
    run = build.run(
        failing("M-AD-001"),
        build.outcome("AD-A-002", Verdict.NOT_ASSESSED, measure_id="M-AD-001", reason="timeout"),
        build.outcome("AD-A-003", Verdict.NOT_ASSESSED, measure_id="M-AD-002", reason="permission"),
    )
    plan = build_plan(run, catalogue)
    assert [p.measure.id for p in plan.measures] == ["M-AD-001"]
    assert [(u.measure.id, u.controls, u.reasons) for u in plan.to_verify] == [
        ("M-AD-002", ("AD-A-003",), ("permission",))
    ]


def test_a_failure_without_a_known_measure_is_kept_in_sight_and_counted() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"))
    run = build.run(failing(""), failing("M-AUTRE-001", name="AD-A-002"), failing("M-AD-001", name="AD-A-003"))
    plan = build_plan(run, catalogue)
    assert [f.control for f in plan.without_measure] == ["AD-A-001", "AD-A-002"]
    assert plan.total_points == 24.0
    assert plan.six_points == 8.0


def test_quick_win_is_short_cheap_grave_enough_and_waits_for_nothing() -> None:
    catalogue = small_catalogue(
        build.measure("M-AD-001", days=1),
        build.measure("M-AD-002", days=1.25),
        build.measure("M-AD-003", days=1, cost="medium"),
        build.measure("M-AD-004", days=0.5, prerequisites=("M-AD-002",)),
        build.measure("M-AD-005", days=0.5),
    )
    run = build.run(
        *(failing(f"M-AD-00{n}", name=f"AD-A-00{n}") for n in range(1, 5)),
        failing("M-AD-005", Severity.LOW, "AD-A-005"),
    )
    assert [p.measure.id for p in build_plan(run, catalogue).quick_wins] == ["M-AD-001"]


@pytest.mark.parametrize(
    ("day", "horizon"),
    [(1, "0-30"), (30, "0-30"), (31, "30-90"), (90, "30-90"), (91, "90-180"), (180, "90-180"), (None, "later")],
)
def test_horizon_boundaries(day: int | None, horizon: str) -> None:
    assert horizon_of(day) == horizon


def test_six_of_seven_and_the_seventh_explained() -> None:
    catalogue = small_catalogue(*(build.measure(f"M-AD-00{n}") for n in range(1, 8)))
    run = build.run(*(failing(f"M-AD-00{n}", name=f"AD-A-00{n}") for n in range(1, 8)))
    plan = build_plan(run, catalogue, 30)
    assert [p.rank for p in plan.measures] == list(range(1, 8))
    assert len(plan.six) == 6
    assert plan.others[0].reasons[-2].startswith("Non retenue parmi les 6")
    assert plan.others[0].reasons[-1].startswith("Elle tient dans le temps qui reste")
    assert plan.others[0].horizon != "later"


def test_realistic_run_stays_within_capacity_and_beats_the_greedy_choice() -> None:
    catalogue, run = build.realistic_catalogue(), build.realistic_run()
    plan = build_plan(run, catalogue)
    assert plan.six_days <= plan.capacity_days == 12.0
    greedy, left, places = 0.0, 12.0, PLAN_SIZE
    for planned in sorted(plan.measures, key=lambda p: -p.points):
        if places and not planned.requires and planned.measure.days <= left:
            greedy, left, places = greedy + planned.points, left - planned.measure.days, places - 1
    assert plan.six_points >= greedy > 0
    assert build_plan(run, catalogue) == plan


def test_repeats_of_one_control_never_outweigh_its_gravest_finding() -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"), build.measure("M-AD-002"))
    many = [failing("M-AD-001", Severity.HIGH, "AD-A-001", subject=f"d{n:03}.test") for n in range(200)]
    plan = build_plan(build.run(*many, failing("M-AD-002", Severity.CRITICAL, "AD-A-002")), catalogue)
    mail = next(p for p in plan.measures if p.measure.id == "M-AD-001")
    assert mail.points == 16.0
    assert sum(not f.repeat for f in mail.findings) == 1
    assert "25\u00a0% pour 199 sujets répétés dans la limite du poids du premier = 16 points." in mail.reasons[0]


@pytest.mark.parametrize(("subjects", "points", "limited"), [(5, 16.0, False), (6, 16.0, True)])
def test_ceiling_of_repeats_at_the_boundary(subjects: int, points: float, limited: bool) -> None:
    catalogue = small_catalogue(build.measure("M-AD-001"))
    run = build.run(*(failing("M-AD-001", subject=f"d{n}.test") for n in range(subjects)))
    (planned,) = build_plan(run, catalogue).measures
    assert planned.points == points
    assert ("dans la limite" in planned.reasons[0]) is limited


def test_after_the_six_a_critical_measure_comes_before_a_better_ratio() -> None:
    catalogue = small_catalogue(
        *(build.measure(f"M-AD-00{n}", days=1) for n in range(1, 7)),
        build.measure("M-AD-007", days=5),
        build.measure("M-AD-008", days=0.5),
        build.measure("M-AD-009", days=0.25),
    )
    run = build.run(
        *(failing(f"M-AD-00{n}", Severity.CRITICAL, f"AD-A-00{n}") for n in range(1, 7)),
        failing("M-AD-007", Severity.CRITICAL, "AD-A-007"),
        failing("M-AD-008", Severity.HIGH, "AD-A-008"),
        failing("M-AD-009", Severity.MEDIUM, "AD-A-009"),
    )
    plan = build_plan(run, catalogue, 11.5)
    assert {p.measure.id for p in plan.six} == {f"M-AD-00{n}" for n in range(1, 7)}
    assert [p.measure.id for p in plan.others] == ["M-AD-007", "M-AD-008", "M-AD-009"]
    assert [p.horizon for p in plan.others] == ["90-180", "90-180", "later"]
    assert plan.warnings == ()


def test_critical_measures_without_room_share_one_warning_that_counts_them() -> None:
    catalogue = small_catalogue(*(build.measure(f"M-AD-00{n}", f"Mesure {n}", days=9) for n in range(1, 7)))
    run = build.run(*(failing(f"M-AD-00{n}", Severity.CRITICAL, f"AD-A-00{n}") for n in range(1, 7)))
    (warning,) = build_plan(run, catalogue, 4).warnings
    assert warning.startswith("6 mesures répondent à un constat critique et ne tiennent pas dans les 4 jours")
    assert warning.count("M-AD-00") == 4
    assert "et 2 autres" in warning
