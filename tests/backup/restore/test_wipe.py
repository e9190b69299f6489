"""What is wiped is gone, and nothing beside it is touched."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.restore import wipe as wiper
from checks.backup.restore.wipe import wipe


def test_links_are_removed_and_never_followed(tmp_path):
    outside = tmp_path / "production"
    (outside / "inside").mkdir(parents=True)
    (outside / "inside" / "precious").write_text("x")
    folder = tmp_path / "scratch"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "to_folder").symlink_to(outside, target_is_directory=True)
    (folder / "a" / "to_file").symlink_to(outside / "inside" / "precious")
    (folder / "a" / "broken").symlink_to("/nowhere/at/all")
    (folder / "a" / "hard").hardlink_to(outside / "inside" / "precious")
    (folder / "a" / "up").symlink_to("..")
    assert wipe(folder)
    assert not os.path.lexists(folder)
    assert (outside / "inside" / "precious").read_text() == "x"


def test_a_folder_that_is_itself_a_link_is_only_unlinked(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_text("x")
    (tmp_path / "link").symlink_to(target)
    assert wipe(tmp_path / "link")
    assert (target / "file").exists()


def test_deep_long_closed_sparse_and_special_entries_go(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir(mode=0o700)
    # 1,500 levels of 100 characters: far beyond the length of a path and the depth of recursion.
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    handle = os.open("deepest", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.close(handle)
    os.close(here)
    (folder / ("é" * 120)).write_text("long name")
    (folder / "new\nline\x1b[31m").write_text("hostile name")
    (folder / os.fsdecode(b"\xff\xfe not utf-8")).write_text("x")
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    setuid = folder / "setuid"
    setuid.write_text("x")
    setuid.chmod(0o6755)
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "socket"))
    closed = folder / "closed" / "more"
    closed.mkdir(parents=True)
    (closed / "x").write_text("x")
    closed.chmod(0)
    closed.parent.chmod(0)
    assert wipe(folder)
    assert not os.path.lexists(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="makes devices and immutable files: needs root")
def test_devices_and_immutable_files_go(tmp_path):
    folder = tmp_path / "scratch"
    (folder / "kept" / "below").mkdir(parents=True)
    (folder / "kept" / "file").write_text("x")
    (folder / "log").write_text("x")
    try:
        os.mknod(folder / "device", 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this container may not make devices")
    for flag, name in (("+i", "kept/file"), ("+i", "kept/below"), ("+i", "kept"), ("+a", "log")):
        done = subprocess.run(["chattr", flag, str(folder / name)], check=False, capture_output=True)
        if done.returncode:
            subprocess.run(["chattr", "-R", "-ia", str(folder)], check=False, capture_output=True)
            pytest.skip("this file system has no immutable flag")
    assert wipe(folder)
    assert not os.path.lexists(folder)


def test_what_cannot_be_removed_is_said(tmp_path, monkeypatch):
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "stays").write_text("x")
    monkeypatch.setattr(wiper, "PAUSE", 0)
    monkeypatch.setattr(wiper, "_unlink", lambda *_: 0)
    assert not wipe(folder)
    assert (folder / "stays").exists()


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=30).filter(
    lambda name: name not in {".", ".."}
)
trees = st.recursive(
    st.sampled_from(["file", "link", "closed"]), lambda below: st.dictionaries(names, below, max_size=4), max_leaves=20
)


def grow(path: Path, tree: object) -> None:
    if isinstance(tree, dict):
        path.mkdir(exist_ok=True)
        for name, below in tree.items():
            grow(path / name, below)
    elif tree == "link":
        path.symlink_to("/")
    else:
        path.write_text("x")
        if tree == "closed":
            path.chmod(0)


@settings(max_examples=60, deadline=None)
@given(tree=st.dictionaries(names, trees, max_size=5))
def test_any_tree_is_wiped(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("any") / "scratch"
    grow(folder, tree)
    assert wipe(folder)
    assert not os.path.lexists(folder)
    assert Path("/etc").is_dir()


def test_lock_is_exclusive(tmp_path):
    (tmp_path / "lock").write_bytes(b"x")
    with (tmp_path / "lock").open("rb+") as one, (tmp_path / "lock").open("rb+") as other:
        assert wiper.take(one.fileno(), wait=False)
        assert not wiper.take(other.fileno(), wait=False)
        one.close()
        assert wiper.take(other.fileno(), wait=True)
