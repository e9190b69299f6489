"""Folders that rsync and rsnapshot fill, and their logs."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import Point
from checks.backup.technologies import rsync
from checks.backup.technologies.rsync_layout import find_trees, measure
from checks.backup.technologies.rsync_log import read_logs
from checks.common.textfile import SourceFile
from checks.model import CollectError, Gap, Reason
from tests.backup.technologies.peers import HOSTILE, NOW, Bench, fingerprint, repository, tools, write_corpus


def touch(path: Path, when: str) -> None:
    stamp = dt.datetime.fromisoformat(when).replace(tzinfo=dt.UTC).timestamp()
    os.utime(path, (stamp, stamp))


@pytest.fixture
def snapshots(tmp_path):
    """Two levels of rsnapshot; an unchanged file is one inode; a machine is missing from the last snapshot."""
    root = tmp_path / "copies"
    for level, when in (
        ("daily.1", "2026-11-20T02:30:00"),
        ("daily.0", "2026-11-21T02:30:00"),
        ("weekly.0", "2026-11-15T03:00:00"),
    ):
        (root / level / "srv-fichiers").mkdir(parents=True)
        (root / level / "srv-fichiers" / "doc.txt").write_bytes(b"x" * 1000)
        if level != "daily.0":
            (root / level / "srv-compta").mkdir()
            (root / level / "srv-compta" / "a.dbf").write_bytes(b"y" * 10)
            os.link(root / level / "srv-compta" / "a.dbf", root / level / "srv-compta" / "b.dbf")
        touch(root / level, when)
    (root / ".sync").mkdir()
    return root


def test_levels_of_rsnapshot_give_one_point_for_each_machine(snapshots):
    before = fingerprint(snapshots)
    found = rsync.read(repository("rsync", snapshots), tools(Bench()))
    assert [(p.id, p.source, p.time.isoformat()[:16], p.files, p.size) for p in found.points] == [
        ("weekly.0/srv-compta", "srv-compta", "2026-11-15T03:00", 2, 10),
        ("weekly.0/srv-fichiers", "srv-fichiers", "2026-11-15T03:00", 1, 1000),
        ("daily.1/srv-compta", "srv-compta", "2026-11-20T02:30", 2, 10),
        ("daily.1/srv-fichiers", "srv-fichiers", "2026-11-20T02:30", 1, 1000),
        ("daily.0/srv-fichiers", "srv-fichiers", "2026-11-21T02:30", 1, 1000),
    ]
    assert found.product == "rsnapshot"
    assert found.encryption.encrypted is False
    assert (found.immutability.lock, found.immutability.proof) == ("none", "configured")
    assert isinstance(found.jobs, Gap)
    assert isinstance(found.integrity, Gap)
    assert 0 < found.free <= found.capacity
    assert found.limits == ()
    assert fingerprint(snapshots) == before


@pytest.mark.parametrize(
    ("name", "source", "time"),
    [
        ("2026-11-20", "copies", "2026-11-20T00:00"),
        ("20261120", "copies", "2026-11-20T00:00"),
        ("2026-11-20_22-15", "copies", "2026-11-20T22:15"),
        ("2026-11-20T22:15:30", "copies", "2026-11-20T22:15"),
        ("srv-compta-2026.11.20", "srv-compta", "2026-11-20T00:00"),
        ("srv1_20261120-2215", "srv1", "2026-11-20T22:15"),
    ],
)
def test_a_date_in_the_name_is_the_time_of_the_point(tmp_path, name, source, time):
    (tmp_path / "copies" / name).mkdir(parents=True)
    touch(tmp_path / "copies" / name, "2026-01-05T00:00:00")
    layout, (tree,) = find_trees(tmp_path / "copies")
    assert (layout, tree.name, tree.source, tree.time.isoformat()[:16]) == ("dated", name, source, time)


def test_a_date_without_an_hour_takes_that_of_the_folder(tmp_path):
    (tmp_path / "2026-11-20").mkdir()
    touch(tmp_path / "2026-11-20", "2026-11-20T23:12:00")
    _, (tree,) = find_trees(tmp_path)
    assert tree.time.isoformat() == "2026-11-20T23:12:00+00:00"


@pytest.mark.parametrize("name", ["2026-13-45", "v1.2", "rapport.2026", "projet.7", "1234567890"])
def test_a_folder_that_only_looks_like_a_point_makes_a_mirror(tmp_path, name):
    (tmp_path / name).mkdir()
    assert find_trees(tmp_path)[0] == "mirror"


def test_one_mirror_is_one_point_without_history(tmp_path):
    mirror = write_corpus(tmp_path / "miroir")
    found = rsync.read(repository("rsync", mirror), tools(Bench()))
    (point,) = found.points
    assert (point.source, point.files, point.empty) == ("miroir", len(HOSTILE) + 3, False)
    assert abs(point.time - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    assert "sans historique" in found.limits[0]


def test_a_success_that_holds_nothing_is_told(tmp_path):
    (tmp_path / "2026-11-20" / "vide").mkdir(parents=True)
    found = rsync.read(repository("rsync", tmp_path), tools(Bench()))
    assert [(point.files, point.size, point.empty) for point in found.points] == [(0, 0, True)]


def test_the_number_of_files_looked_at_is_bounded(snapshots):
    assert measure(snapshots, 3) == (None, 4)
    found, looked = measure(snapshots, 7)
    assert (found.files, looked) == (7, 7)


@pytest.mark.parametrize("location", ["/nonexistent/copies", ""])
def test_what_cannot_be_read_is_a_gap(location, tmp_path):
    config = repository("rsync", location, export_files=() if location else (str(tmp_path / "absent.log"),))
    found = rsync.read(config, tools(Bench()))
    assert found.points.reason in (Reason.UNREACHABLE, Reason.NOT_CONFIGURED)


def test_files_of_hostile_names_are_listed_and_copied(tmp_path):
    root = tmp_path / "copies"
    write_corpus(root / "2026-11-20")
    (root / "2026-11-20" / "lien").symlink_to("/etc/passwd")
    (root / "2026-11-20" / "dossier-lien").symlink_to("/etc")
    before = fingerprint(root)
    config = repository("rsync", root)
    point = Point(id="2026-11-20", source="copies", time=NOW)

    listed = {entry.path: entry for entry in rsync.entries(config, tools(Bench()), point)}

    assert set(listed) == {*HOSTILE, "bad\ufffd\ufffdname", "dossiers/gros.bin", "dossiers/vide.txt"}
    into = tmp_path / "essai"
    into.mkdir()
    odd = ["lien", "dossier-lien/passwd", "../2026-11-20/-dash", "/etc/passwd", "absent", "", ".", "dossiers"]
    back = rsync.restore(config, tools(Bench()), point, [*listed, *odd], into)
    assert set(back) == set(listed)
    for name, content in HOSTILE.items():
        assert back[name].read_bytes() == content
    assert back["bad\ufffd\ufffdname"].read_bytes() == b"not utf-8"
    assert all(path.is_relative_to(into) for path in back.values())
    assert fingerprint(root) == before


@pytest.mark.parametrize("name", ["..", "/etc", "2026-11-20/..", "absent"])
def test_an_identifier_leads_nowhere_else(snapshots, tmp_path, name):
    point = Point(id=name, source="x", time=NOW)
    with pytest.raises(CollectError):
        list(rsync.entries(repository("rsync", snapshots), tools(Bench()), point))
    with pytest.raises(CollectError):
        rsync.restore(repository("rsync", snapshots), tools(Bench()), point, ["passwd"], tmp_path)


@pytest.mark.skipif(shutil.which("lsattr") is None or os.geteuid() != 0, reason="chattr needs root")
@pytest.mark.parametrize(("partly", "covered"), [(False, 1), (True, 0)])
def test_an_attribute_that_root_can_lift_is_no_more_than_append_only(tmp_path, partly, covered):
    root = tmp_path / "2026-11-20"
    root.mkdir()
    (root / "a.txt").write_text("a")
    (root / "b.txt").write_text("b")
    held = [str(root / "a.txt"), *([] if partly else [str(root / "b.txt")]), str(root)]
    if subprocess.run(["chattr", "+i", *held], check=False, capture_output=True).returncode:
        pytest.skip("this file system has no attributes")
    try:
        found = rsync.read(repository("rsync", tmp_path), tools(Bench()))
    finally:
        subprocess.run(["chattr", "-i", str(root), *held], check=True)
    if covered:
        assert (found.immutability.lock, found.immutability.covered, found.immutability.looked_at) == (
            "append_only",
            1,
            1,
        )
        assert "peut le retirer" in found.immutability.detail
    else:
        assert found.immutability.lock == "none"


LOG = """[2026-11-20T02:00:01] /usr/bin/rsnapshot daily: started
[2026-11-20T02:30:44] /usr/bin/rsnapshot daily: completed successfully
[2026-11-21T02:00:01] /usr/bin/rsnapshot -c /etc/rsnapshot.conf daily: started
[2026-11-21T02:00:03] /usr/bin/rsnapshot -c /etc/rsnapshot.conf daily: ERROR: /usr/bin/rsync returned 12 while processing root@srv1:/home/
[2026-11-21T02:00:04] /usr/bin/rsnapshot -c /etc/rsnapshot.conf daily: completed, but with some errors
[15/Nov/2026:03:00:00] /usr/bin/rsnapshot weekly: completed, but with some warnings
2026/11/19 23:00:01 [4242] sent 1,234 bytes  received 56.78K bytes  2,580.00 bytes/sec
2026/11/20 23:00:09 [4243] rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.2.7]
"""


def test_logs_tell_how_runs_ended():
    jobs, failures = read_logs([SourceFile("journal", LOG, "")])
    told = {job.name: (job.last_result, job.last_run.day, job.last_success and job.last_success.day) for job in jobs}
    assert told == {
        "rsnapshot daily": ("failed", 21, 20),
        "rsnapshot weekly": ("warning", 15, None),
        "rsync": ("failed", 20, 19),
    }
    assert [failure.time.day for failure in failures] == [20, 21, 21]
    assert "returned 12" in failures[1].what
    assert next(job for job in jobs if job.name == "rsnapshot daily").detail == "completed, but with some errors"


def test_a_log_is_read_beside_the_folder(snapshots, tmp_path):
    (tmp_path / "rsnapshot.log").write_text(LOG)
    found = rsync.read(repository("rsync", snapshots, export_files=(str(tmp_path / "rsnapshot.log"),)), tools(Bench()))
    assert len(found.jobs) == 3
    assert len(found.points) == 5
    assert any("UTC" in limit for limit in found.limits)


@given(st.lists(st.one_of(st.text(max_size=80), st.sampled_from(LOG.splitlines()).flatmap(lambda line: st.integers(0, len(line)).map(lambda n: line[:n] + "\x1b[2J" + line[n:]))), max_size=8))  # fmt: skip
def test_any_log_gives_clean_jobs(lines):
    jobs, failures = read_logs([SourceFile("journal", "\n".join(lines), "")])
    for text in [job.detail for job in jobs] + [failure.what for failure in failures]:
        assert "\x1b" not in text
        assert len(text) <= 300
