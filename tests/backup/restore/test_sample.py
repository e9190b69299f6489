"""The draw: repeatable, proportional, spread, bounded, and honest about what it leaves out."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.restore.families import family_of, public_extension, stratum_of, top_folder
from checks.backup.restore.sample import MAX_FOLDERS, draw
from checks.backup.technologies.base import Entry

MIB = 1 << 20

paths = st.lists(
    st.tuples(
        st.sampled_from(["compta", "soins", "rh", "direction"]),
        st.integers(0, 60),
        st.sampled_from(["docx", "pdf", "jpg", "zip", "sql", "vhdx", "xyz", ""]),
        st.one_of(st.integers(0, 5000), st.integers(0, 600 * MIB)),
    ),
    unique_by=lambda one: one[:3],
    max_size=120,
).map(
    lambda items: [
        Entry(path=f"/{folder}/f{number}.{extension}".rstrip("."), size=size)
        for folder, number, extension, size in items
    ]
)
bounds = st.tuples(st.integers(1, 60), st.integers(1, 300).map(lambda mib: mib * MIB))


@settings(max_examples=150, deadline=None)
@given(entries=paths, seed=st.integers(0, 2**63 - 1), bound=bounds, order=st.randoms(use_true_random=False))
def test_same_seed_and_catalogue_give_the_same_sample_in_any_order(entries, seed, bound, order):
    files, size = bound
    one = draw(entries, seed=seed, max_files=files, max_bytes=size)
    shuffled = list(entries)
    order.shuffle(shuffled)
    assert draw(iter(shuffled), seed=seed, max_files=files, max_bytes=size) == one


@settings(max_examples=150, deadline=None)
@given(entries=paths, seed=st.integers(0, 2**63 - 1), bound=bounds)
def test_bounds_and_counts_hold(entries, seed, bound):
    files, size = bound
    sample = draw(entries, seed=seed, max_files=files, max_bytes=size)
    drawn = {entry.path for entry in sample.entries}
    assert len(drawn) == len(sample.entries) <= files
    assert sample.bytes <= size
    assert drawn <= {entry.path for entry in entries}
    assert sum(one.population for one in sample.strata) == sample.population == len(entries)
    assert sum(one.drawn for one in sample.strata) == len(drawn)
    assert sum(one.bytes for one in sample.strata) == sample.bytes
    too_large = [entry.size for entry in entries if entry.size > size]
    assert (sample.undrawable, sample.undrawable_bytes) == (len(too_large), sum(too_large))
    assert not drawn & {entry.path for entry in entries if entry.size > size}
    # Nothing that fits is left out while there is room for it.
    if len(drawn) < files:
        left = [entry.size for entry in entries if entry.path not in drawn]
        assert not left or min(left) > size - sample.bytes


@settings(max_examples=100, deadline=None)
@given(entries=paths, seed=st.integers(0, 2**63 - 1))
def test_every_stratum_and_folder_is_seen_when_there_is_room(entries, seed):
    small = [Entry(path=entry.path, size=entry.size % (2 * MIB)) for entry in entries]
    sample = draw(small, seed=seed, max_files=60, max_bytes=1 << 40)
    assert all(one.drawn for one in sample.strata)
    assert {top_folder(entry.path) for entry in sample.entries} == {top_folder(entry.path) for entry in small}
    assert sample.folders == sample.folders_known


@settings(max_examples=100, deadline=None)
@given(entries=paths, seed=st.integers(0, 2**63 - 1), size=st.integers(1, 50))
def test_a_database_is_always_drawn_when_one_fits(entries, seed, size):
    sample = draw(entries, seed=seed, max_files=1, max_bytes=size * MIB)
    fitting = [entry for entry in entries if family_of(entry.path) == "databases" and entry.size <= size * MIB]
    if fitting:
        assert family_of(sample.entries[0].path) == "databases"
        if any(entry.size for entry in fitting):
            assert sample.entries[0].size


def test_shares_follow_the_population():
    entries = [Entry(path=f"/a/{n}.pdf", size=1000) for n in range(9000)]
    entries += [Entry(path=f"/a/{n}.jpg", size=1000) for n in range(1000)]
    sample = draw(entries, seed=3, max_files=100, max_bytes=1 << 30)
    drawn = {one.stratum: one.drawn for one in sample.strata}
    assert drawn == {"documents < 64 Kio": 90, "photos et sons < 64 Kio": 10}


def test_another_seed_gives_another_sample():
    entries = [Entry(path=f"/a/{n}.pdf", size=1000) for n in range(1000)]
    first, second = (draw(entries, seed=seed, max_files=50, max_bytes=1 << 30) for seed in (1, 2))
    assert first.entries != second.entries


def test_each_file_is_as_likely_as_another():
    """500 draws of 10 among 100: each is expected 50 times, and 20 to 80 is more than four deviations wide."""
    entries = [Entry(path=f"/a/{n}.pdf", size=1000) for n in range(100)]
    seen = dict.fromkeys((entry.path for entry in entries), 0)
    for seed in range(500):
        for entry in draw(entries, seed=seed, max_files=10, max_bytes=1 << 30).entries:
            seen[entry.path] += 1
    assert all(20 < count < 80 for count in seen.values())


@pytest.mark.parametrize(("size", "undrawable"), [(10 * MIB, 0), (10 * MIB + 1, 1)])
def test_a_file_as_large_as_the_budget_is_drawn(size, undrawable):
    sample = draw([Entry(path="/vm.vhdx", size=size)], seed=1, max_files=5, max_bytes=10 * MIB)
    assert (sample.undrawable, len(sample.entries)) == (undrawable, 1 - undrawable)
    assert sample.strata[0].population == 1


def test_an_empty_catalogue_gives_an_empty_sample():
    sample = draw([], seed=1, max_files=5, max_bytes=MIB)
    assert (sample.entries, sample.strata, sample.population) == ((), (), 0)


def test_a_hostile_catalogue_does_not_break_the_draw():
    entries = [
        Entry(path="", size=5),
        Entry(path="/", size=-3),
        Entry(path="a" * 5000, size=5),
        Entry(path="/x/\udcff\n", size=1 << 80),
        Entry(path="/twice", size=5),
        Entry(path="/twice", size=5),
    ]
    sample = draw(entries, seed=-1, max_files=50, max_bytes=MIB)
    assert sample.undrawable == 1
    assert [entry.path for entry in sample.entries].count("/twice") == 1
    assert sample.population_bytes == 5 + 0 + 5 + (1 << 80) + 10


def test_memory_does_not_follow_the_catalogue():
    def catalogue(number):
        draw_size = random.Random(1)
        for one in range(number):
            yield Entry(path=f"/d{one % 5000}/f{one}.pdf", size=draw_size.randrange(1 << 22))

    def peak(number):
        tracemalloc.start()
        try:
            sample = draw(catalogue(number), seed=1, max_files=50, max_bytes=1 << 30)
            return tracemalloc.get_traced_memory()[1], sample
        finally:
            tracemalloc.stop()

    small, _ = peak(8_000)
    large, sample = peak(32_000)
    assert sample.population == 32_000
    assert sample.folders_known == MAX_FOLDERS
    assert large < small * 1.5


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/a/BASE.SQL.GZ", "databases"),
        ("C:\\dump\\base.bak", "databases"),
        ("/a/x.gz", "archives"),
        ("/vm/disk.vhdx", "disk_images"),
        ("/a/Lettre.DOCX", "documents"),
        ("/a/photo.jpeg", "images"),
        ("/a/.bashrc", "other"),
        ("/a.b/noext", "other"),
    ],
)
def test_families(path, family):
    assert family_of(path) == family


@pytest.mark.parametrize("name", ["M. Dupont", "x.thisisnotanextension", "x.née", "noext", ".hidden", "dir.d/x"])
def test_a_piece_of_a_name_is_not_shown(name):
    assert public_extension(name) == ""


def test_a_known_extension_is_shown():
    assert public_extension("/rh/M. Dupont.PDF") == "pdf"


@pytest.mark.parametrize(
    ("size", "label"),
    [
        (0, "autres vides"),
        (1, "autres < 64 Kio"),
        (64 << 10, "autres < 1 Mio"),
        (MIB, "autres < 16 Mio"),
        (16 * MIB, "autres < 256 Mio"),
        (256 * MIB, "autres ≥ 256 Mio"),
    ],
)
def test_classes_of_size(size, label):
    assert stratum_of("x", size).label == label
