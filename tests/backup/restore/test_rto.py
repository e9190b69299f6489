"""The model of the time of a full restore, on timings made by hand and on timings recorded from real restores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.facts import RtoEstimate, Timing
from checks.backup.restore import rto
from checks.model import Gap

MB = 1_000_000
RECORDED = Path(__file__).parent / "recorded_timings.json"


def timing(files, size, seconds, selected=1):
    return Timing(bytes=size, files=files, seconds=seconds, selected=selected)


def made(base, per_mb, per_file, per_path, shapes):
    return [
        timing(files, size, base + per_mb * size / MB + per_file * files + per_path * (selected - 1), selected)
        for files, size, selected in shapes
    ]


SHAPES = [(10, MB, 10), (50, 30 * MB, 50), (120, 20 * MB, 120), (500, 50 * MB, 1), (1000, 20 * MB, 1), (30, 90 * MB, 1)]


def test_exact_timings_give_the_coefficients_back():
    base, per_byte, per_file, per_path = rto.fit(made(0.6, 0.01, 0.001, 0.004, SHAPES))
    assert base == pytest.approx(0.6)
    assert per_byte == pytest.approx(0.01 / MB)
    assert per_file == pytest.approx(0.001)
    assert per_path == pytest.approx(0.004)


@settings(max_examples=200)
@given(
    base=st.floats(0, 100), per_mb=st.floats(0, 1), per_file=st.floats(0, 0.1), per_path=st.floats(0, 0.1),
    noise=st.lists(st.floats(0.8, 1.25), min_size=6, max_size=6),
)  # fmt: skip
def test_no_coefficient_is_negative_and_the_interval_holds_the_estimate(base, per_mb, per_file, per_path, noise):
    timings = [
        timing(one.files, one.bytes, one.seconds * factor + 0.001, one.selected)
        for one, factor in zip(made(base, per_mb, per_file, per_path, SHAPES), noise, strict=True)
    ]
    assert min(rto.fit(timings)) >= 0
    found = rto.estimate(timings, total_bytes=10**11, total_files=10**5)
    assert isinstance(found, RtoEstimate)
    assert 0 <= found.low <= found.seconds <= found.high


def test_the_ratio_of_bytes_would_be_wrong_and_the_model_is_not():
    """Samples of 1, 5 and 10 % took 1.41, 1.75 and 1.81 s; everything took 3.1 s, and the ratio of bytes says 146 s."""
    timings = [timing(18, 9 * MB, 1.41), timing(92, 45 * MB, 1.75), timing(184, 90 * MB, 1.81)]
    found = rto.estimate(timings, total_bytes=900 * MB, total_files=1840)
    assert 3.1 / 2 <= found.seconds <= 3.1 * 2
    assert found.low <= 3.1 <= found.high


def test_searching_for_chosen_files_is_not_counted_in_a_full_restore():
    timings = made(0.5, 0.005, 0.0005, 0.02, SHAPES)
    found = rto.estimate(timings, total_bytes=1000 * MB, total_files=100_000)
    assert found.seconds == pytest.approx(0.5 + 5 + 50, rel=0.01)


def test_the_link_and_the_human_steps():
    timings = made(0.5, 0.005, 0.0005, 0.0, SHAPES)
    found = rto.estimate(
        timings, total_bytes=1000 * MB, total_files=1000, human_seconds=3600, link_bytes_per_second=10 * MB
    )
    assert found.seconds == pytest.approx(3600 + 100)
    assert found.low == pytest.approx(3600 + 100)
    assert found.human_seconds == 3600
    fast = rto.estimate(timings, total_bytes=1000 * MB, total_files=1000, link_bytes_per_second=1000 * MB)
    assert fast.seconds == pytest.approx(0.5 + 5 + 0.5)
    assert any("machines virtuelles" in sentence for sentence in fast.excluded)


def test_the_interval_widens_with_distance_and_misfit():
    clean = made(0.5, 0.005, 0.0005, 0.0, SHAPES)
    noisy = [
        timing(one.files, one.bytes, one.seconds * (1.3 if n % 2 else 0.8), one.selected) for n, one in enumerate(clean)
    ]

    def width(timings, size, files):
        found = rto.estimate(timings, total_bytes=size, total_files=files)
        return found.high / found.seconds

    near = width(clean, 90 * MB, 1000)
    assert near == pytest.approx(rto.NARROWEST, rel=0.01)
    assert width(clean, 9000 * MB, 1000) > near
    assert width(clean, 90 * MB, 100_000) > near
    assert width(noisy, 90 * MB, 1000) > near
    assert width(noisy, 10**15, 10**9) <= rto.WIDEST


@pytest.mark.parametrize(
    "timings",
    [
        [],
        [timing(1, MB, 1.0), timing(2, 2 * MB, 2.0)],
        [timing(1, MB, 1.0)] * 5,
        [timing(1, MB, 1.0), timing(2, 2 * MB, 2.0), timing(0, 0, 0.5)],
        [timing(1, MB, 1.0), timing(2, 2 * MB, 2.0), timing(3, 3 * MB, 0.0)],
        [timing(1, MB, 1.0), timing(2, 2 * MB, 2.0), timing(3, 3 * MB, float("inf"))],
    ],
)
def test_too_few_timings_give_no_figure(timings):
    assert isinstance(rto.estimate(timings, total_bytes=MB, total_files=10), Gap)


def test_of_the_same_restore_made_twice_the_fastest_counts():
    """The machine was busy the second time: as recorded on a laboratory that others were using."""
    timings = made(0.5, 0.005, 0.0005, 0.004, SHAPES)
    slow = [timing(one.files, one.bytes, one.seconds * 3, one.selected) for one in timings[3:]]
    clean = rto.estimate(timings, total_bytes=1000 * MB, total_files=20_000)
    disturbed = rto.estimate([*timings, *slow], total_bytes=1000 * MB, total_files=20_000)
    assert disturbed.seconds == clean.seconds
    assert len(disturbed.timings) == len(timings) + len(slow)


def test_an_unknown_population_gives_no_figure():
    assert isinstance(rto.estimate(made(1, 1, 1, 0, SHAPES), total_bytes=0, total_files=0), Gap)


def test_never_less_than_a_part_of_it_took():
    """Timings that go down with size are noise: the whole is not faster than what was really restored of it."""
    timings = [timing(10, MB, 5.0), timing(100, 10 * MB, 4.0), timing(1000, 100 * MB, 3.0)]
    found = rto.estimate(timings, total_bytes=100 * MB, total_files=1000)
    assert found.seconds >= 5.0


@pytest.mark.parametrize("case", json.loads(RECORDED.read_text()), ids=lambda case: f"{case['tool']}-{case['corpus']}")
def test_recorded_restores_are_estimated_within_a_factor_two(case):
    """Timings and true full restores recorded by `benchmarks/backup_restore.py`."""
    timings = [timing(files, size, seconds, selected) for size, files, seconds, selected in case["timings"]]
    found = rto.estimate(timings, total_bytes=case["bytes"], total_files=case["files"])
    assert case["truth"] / 2 <= found.seconds <= case["truth"] * 2
    assert found.low <= case["truth"] <= found.high
