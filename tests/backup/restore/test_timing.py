"""What is restored in one go: every file once, in parts of different sizes; folders within the bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checks.backup.restore.timing import (
    LARGEST_BATCH,
    Folder,
    FolderSizes,
    batches,
    choose_folders,
    measure,
)
from checks.backup.technologies.base import Entry


@given(number=st.integers(0, 1000))
def test_every_file_is_in_a_part_and_no_part_is_too_large(number):
    entries = [Entry(path=f"/{one}", size=one) for one in range(number)]
    parts = batches(entries)
    flat = [entry.path for part in parts for entry in part]
    assert flat[:number] == [entry.path for entry in entries]
    assert len(flat) in (number, 2 * number)
    assert all(0 < len(part) <= LARGEST_BATCH for part in parts)
    if number >= 2:
        assert len({len(part) for part in parts}) >= 2
    if number >= 3:
        assert len(parts) >= 3


folders = st.lists(st.builds(Folder, st.text(max_size=5), st.integers(1, 10_000), st.integers(0, 1 << 34)), max_size=40)


@given(known=folders, files=st.integers(0, 20_000), size=st.integers(1, 1 << 33))
def test_folders_are_within_the_bounds(known, files, size):
    chosen = choose_folders(known, max_files=files, max_bytes=size)
    assert sum(one.files for one in chosen) <= files
    assert all(one.bytes <= size for one in chosen)
    assert len(set(chosen)) == len(chosen) <= 4


def test_folders_of_different_shapes_are_chosen():
    known = [
        Folder("many", 400, 10 << 20),
        Folder("large", 30, 900 << 20),
        Folder("tiny", 3, 100),
        Folder("some", 90, 5 << 20),
    ]
    chosen = {one.path for one in choose_folders(known, max_files=1000, max_bytes=1 << 30)}
    assert {"many", "large"} <= chosen
    assert "tiny" not in chosen


def test_sizes_of_folders_are_counted_as_the_catalogue_goes_by():
    sizes = FolderSizes()
    entries = [
        Entry(path="/a/b/x", size=10),
        Entry(path="/a/y", size=5),
        Entry(path="/z", size=1),
        Entry(path="rel/x", size=2),
        Entry(path="/" + "d/" * 30 + "x", size=1),
    ]
    assert list(sizes.counted(entries)) == entries
    found = {one.path: (one.files, one.bytes) for one in sizes.folders()}
    assert found["/a"] == (2, 15)
    assert found["/a/b"] == (1, 10)
    assert found["rel"] == (1, 2)
    assert len(found) == 3 + 8


def test_measure_counts_regular_files(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").symlink_to("/etc/passwd")
    assert measure(tmp_path) == (1, 5)
