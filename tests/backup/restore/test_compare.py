"""What a restored file is compared with, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.restore.compare import compare, live_path, recorded_digest
from checks.backup.technologies.base import Entry

POINT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
BEFORE = POINT - timedelta(days=3)
CONTENT = b"plan de soins"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def site(tmp_path):
    """A live file and its restored copy, both of three days before the point."""
    for name in ("live/soins", "restored"):
        (tmp_path / name).mkdir(parents=True)
    for path in (tmp_path / "live/soins/plan.txt", tmp_path / "restored/plan.txt"):
        path.write_bytes(CONTENT)
        os.utime(path, (BEFORE.timestamp(),) * 2)
    return tmp_path


def entry(**more):
    return Entry(**{"path": "/soins/plan.txt", "size": len(CONTENT), "modified": BEFORE, **more})


def judge(site, one=None, live="live"):
    return compare(one or entry(), site / "restored/plan.txt", str(site / live) if live else "", POINT)


def test_the_same_as_the_live_file(site):
    found = judge(site)
    assert (found.against, found.problem, found.same_as_source) == ("source", None, True)


def test_different_from_a_live_file_that_has_not_changed(site):
    (site / "restored/plan.txt").write_bytes(b"plan de s0ins")
    found = judge(site)
    assert (found.against, found.problem) == ("source", "different")


def test_a_live_file_changed_since_the_point_is_not_used(site):
    live = site / "live/soins/plan.txt"
    live.write_bytes(b"PLAN DE SOINS")
    os.utime(live, (POINT.timestamp() + 1,) * 2)
    assert judge(site).against == "nothing"
    assert judge(site).problem is None


@pytest.mark.parametrize(("late", "against"), [(0, "source"), (1, "nothing")])
def test_a_live_file_of_the_very_time_of_the_point(site, late, against):
    moment = POINT + timedelta(seconds=late)
    os.utime(site / "live/soins/plan.txt", (moment.timestamp(),) * 2)
    assert judge(site, entry(modified=moment)).against == against


def test_a_live_file_of_another_date_than_the_catalogue_is_not_used(site):
    assert judge(site, entry(modified=BEFORE - timedelta(seconds=3))).against == "nothing"
    assert judge(site, entry(modified=BEFORE - timedelta(seconds=2))).against == "source"
    assert judge(site, entry(modified=None)).against == "source"


def test_a_live_file_of_another_size_is_not_used(site):
    live = site / "live/soins/plan.txt"
    live.write_bytes(CONTENT + b"!")
    os.utime(live, (BEFORE.timestamp(),) * 2)
    assert judge(site).against == "nothing"


def test_the_catalogue_when_there_is_no_live_file(site):
    assert judge(site, entry(digest=sha256(CONTENT)), live="").against == "catalogue"
    found = judge(site, entry(digest=sha256(b"other")), live="")
    assert (found.against, found.problem) == ("catalogue", "different")


def test_the_catalogue_is_right_against_a_live_file_that_kept_its_date(site):
    live = site / "live/soins/plan.txt"
    live.write_bytes(b"PLAN DE SOINS")
    os.utime(live, (BEFORE.timestamp(),) * 2)
    found = judge(site, entry(digest=sha256(CONTENT)))
    assert (found.against, found.problem) == ("catalogue", None)
    assert "sans changer de date" in found.detail


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "empty"), (b"plan", "short"), (CONTENT + b"!", "different"), (None, "missing")]
)
def test_size(site, content, problem):
    path = site / "restored/plan.txt"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert judge(site).problem == problem


def test_not_restored_at_all(site):
    assert compare(entry(), None, "", POINT).problem == "missing"


def test_an_empty_file_that_was_empty_is_right(site):
    (site / "restored/plan.txt").write_bytes(b"")
    assert judge(site, entry(size=0), live="").problem is None


def test_links_and_folders_are_never_followed(site):
    path = site / "restored/plan.txt"
    path.unlink()
    path.symlink_to(site / "live/soins/plan.txt")
    assert judge(site).problem == "different"
    live = site / "live/soins/plan.txt"
    target = site / "elsewhere"
    live.rename(target)
    live.symlink_to(target)
    path.unlink()
    path.write_bytes(CONTENT)
    assert judge(site).against == "nothing"
    live.unlink()
    os.mkfifo(live)
    assert judge(site).against == "nothing"


@pytest.mark.parametrize("path", ["/../../etc/passwd", "..", "/a/../../b", "", "/", "C:/x", "a\0b", "..\\..\\x"])
def test_a_path_that_climbs_out_is_refused(path):
    assert live_path("/live", path) is None


@given(path=st.text(max_size=40))
def test_no_path_leaves_the_live_folder(path):
    found = live_path("/live/root", path)
    assert found is None or os.path.normpath(found).startswith("/live/root/")


def test_no_live_folder():
    assert live_path("", "/a") is None


@pytest.mark.parametrize("digest", ["", "md5:abc", "sha256:short", "sha256:" + "g" * 64, "sha256"])
def test_digests_we_cannot_use(digest):
    assert recorded_digest(entry(digest=digest)) == ""
