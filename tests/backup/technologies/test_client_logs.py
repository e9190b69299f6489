"""What restic and borg said on the machine that was backed up: an incomplete success is told from a complete one."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import Point
from checks.backup.technologies.client_logs import Run, borg_runs, restic_runs, told
from checks.common.textfile import SourceFile
from tests.agent.test_network import run as guarded
from tests.backup.technologies.peers import NOW, PASSWORD, run

SKIPPED = "/srv/Mme Dupont does not exist, skipping\nusing parent snapshot f144b96a\n\nprocessed 10 files, 58.607 KiB in 0:00\nsnapshot b71d984e saved\n"
UNREAD = "error: lstat /srv/Mme Dupont/a.odt: permission denied\nsnapshot aaaaaaaa saved\nWarning: at least one source file could not be read\n"
GOOD = "no parent snapshot found, will read all files\nsnapshot acfb76c9 saved\n"
FATAL = "Fatal: unable to open config file: stat /depot/config: no such file or directory\n"
JSON = json.dumps({"message_type": "error", "error": {"message": "open /srv/x: permission denied"}, "item": "/srv/x"}) + "\n" + json.dumps({"message_type": "summary", "snapshot_id": "deb512ab"}) + "\n"  # fmt: skip
BORG = """Archive name: lundi
Archive fingerprint: f122
terminating with success status, rc 0
/srv/Mme Dupont/a.odt: open: [Errno 13] Permission denied: 'a.odt'
Archive name: mardi
terminating with warning status, rc 1
Repository /depot does not exist.
terminating with error status, rc 2
"""


def source(text: str) -> SourceFile:
    return SourceFile("journal", text, "")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (GOOD, [("acfb76c9", "success")]),
        (SKIPPED, [("b71d984e", "warning")]),
        (UNREAD, [("aaaaaaaa", "warning")]),
        (JSON, [("deb512ab", "warning")]),
        (SKIPPED + GOOD, [("b71d984e", "warning"), ("acfb76c9", "success")]),
        (GOOD + FATAL, [("acfb76c9", "success"), ("", "failed")]),
        (json.dumps({"message_type": "exit_error", "code": 12, "message": "Fatal: wrong password"}), [("", "failed")]),
        ("", []),
        ("snapshot zzzz saved\nautre chose\n", []),
    ],
)
def test_runs_of_restic(text, runs):
    found = restic_runs([source(text)])
    assert [(one.point, one.result) for one in found] == runs
    assert not any("Dupont" in one.message for one in found)


def test_runs_of_borg():
    found = borg_runs([source(BORG)])
    assert [(one.point, one.result) for one in found] == [("lundi", "success"), ("mardi", "warning"), ("", "failed")]
    assert not any("Dupont" in one.message for one in found)


def test_a_point_is_complete_when_its_run_says_so():
    points = [
        Point(id=name * 8, source="s", time=NOW.replace(day=day), complete=None)
        for name, day in (("aaaaaaaa", 19), ("bbbbbbbb", 20), ("cccccccc", 21))
    ]
    completed, job, failures = told(
        points, [Run("aaaaaaaa", "success"), Run("bbbbbbbb", "warning", "lu en partie")], "restic"
    )
    assert [point.complete for point in completed] == [True, False, None]
    assert (job.last_result, job.last_run.day, job.last_success.day, job.detail) == ("warning", 20, 19, "lu en partie")
    assert [(failure.time.day, failure.what) for failure in failures] == [(20, "lu en partie")]


def test_the_name_of_a_borg_archive_is_not_the_beginning_of_another():
    points = [Point(id="lundi-2", source="s", time=NOW)]
    completed, job, _ = told(points, [Run("lundi", "warning")], "borg")
    assert completed[0].complete is None
    assert job.last_run is None


@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from((SKIPPED + UNREAD + JSON + FATAL + BORG).splitlines())), max_size=12))  # fmt: skip
def test_any_log_gives_runs(lines):
    runs = restic_runs([source("\n".join(lines))]) + borg_runs([source("\n".join(lines))])
    for one in runs:
        assert "\x1b" not in one.message
    if runs:
        told([Point(id="b71d984e" * 8, source="s", time=NOW)], runs, "x")


@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_restic_is_read_by_a_guarded_worker_within_its_memory(tmp_path):
    """The real door of programs, the hook that refuses every other, and the memory a worker is left by default."""
    (tmp_path / "partage").mkdir()
    (tmp_path / "partage" / "a.txt").write_text("a")
    key = {"RESTIC_PASSWORD": PASSWORD}
    run(["restic", "-r", "depot", "--no-cache", "-q", "init"], tmp_path, **key)
    command = ["restic", "-r", "depot", "--no-cache", "backup", "partage", "absent"]
    done = subprocess.run(command, cwd=tmp_path, env=key | {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, check=True, capture_output=True, text=True, timeout=60)  # fmt: skip
    (tmp_path / "journal.txt").write_text(done.stdout + done.stderr)
    code = f"""
import resource, msgspec
resource.setrlimit(resource.RLIMIT_AS, (2048 << 20, 2048 << 20))
from checks.backup.config import RepositoryConfig
from checks.backup.technologies.base import Tools
from checks.backup.technologies.registry import restorable
config = RepositoryConfig(label="x", technology="restic", location={str(tmp_path / "depot")!r}, password_from="env:X",
                          export_files=({str(tmp_path / "journal.txt")!r},))
tools = Tools(network=network, secret=lambda _: {PASSWORD!r}, now=clock(), progress=lambda *a, **k: None)
restic = restorable("restic")
found = restic.read(config, tools)
into = Path({str(tmp_path)!r}) / "essai"
into.mkdir()
paths = [entry.path for entry in restic.entries(config, tools, found.points[0])]
back = restic.restore(config, tools, found.points[0], paths, into)
print(json.dumps([msgspec.to_builtins(found), [path.read_text() for path in back.values()]]))
"""
    (facts, restored), entries = guarded(tmp_path, 1, code)
    assert [point["complete"] for point in facts["points"]] == [False]
    assert facts["integrity"]["ok"] is True
    assert [(job["name"], job["last_result"]) for job in facts["jobs"]] == [("restic backup", "warning")]
    assert restored == ["a"]
    assert {entry["action"] for entry in entries} == {"run"}
    journal = json.dumps(entries)
    assert "a.txt" not in journal
    assert PASSWORD not in journal
