"""Answers of restic and borg that real repositories here do not give: other versions, other faults, hostile text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import Integrity
from checks.backup.technologies import borg, restic
from checks.backup.technologies.borg_session import explained
from checks.backup.technologies.command import Answer
from checks.backup.technologies.restic_session import damaged, reason
from checks.common.programs import Finished
from checks.model import Gap, Reason
from tests.backup.technologies.peers import NOW, Bench, repository, tools


@pytest.fixture
def depot(tmp_path, monkeypatch):
    """A folder, and programs that are found and never started: the machine of these tests answers in their place."""
    (tmp_path / "bin").mkdir()
    for name in ("restic", "borg"):
        (tmp_path / "bin" / name).write_text("")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "depot").mkdir()
    return tmp_path / "depot"


SNAPSHOT = {"time": "2026-11-21T02:00:00.123456789+01:00", "hostname": "srv", "paths": ["/srv"], "id": "a" * 64}
SUMMARY = {"total_files_processed": 12, "total_bytes_processed": 3400, "data_added_packed": 560}


def restic_says(**answers):
    """A restic whose commands succeed, but those given by the word that tells them apart."""
    usual = {
        "version": b"restic 0.17.3 compiled with go1.23.3 on linux/amd64\n",
        "config": b'{"version": 2, "id": "abc"}',
        "snapshots": json.dumps([SNAPSHOT]).encode(),
        "stats": b'{"total_size": 99, "total_file_count": 3}',
        "subset": b"",
        "check": b"",
    }

    def answer(command):
        line = " ".join(command)
        for word, reply in (*answers.items(), *usual.items()):
            if word in line.replace("--read-data-subset", "subset"):
                if isinstance(reply, Exception):
                    raise reply
                return reply
        return b""

    return Bench(answers=answer)


def test_the_summary_of_a_recent_snapshot_spares_its_statistics(depot):
    bench = restic_says(snapshots=json.dumps([{**SNAPSHOT, "summary": SUMMARY}]).encode())
    found = restic.read(repository("restic", depot), tools(bench))
    (point,) = found.points
    assert (point.size, point.files, point.stored) == (3400, 12, 560)
    assert not any("stats" in command for command in bench.commands)
    assert found.version == "0.17.3"


def test_a_check_that_takes_too_long_keeps_what_was_seen_and_says_it(depot):
    found = restic.read(repository("restic", depot), tools(restic_says(subset=TimeoutError())))
    assert found.integrity == Integrity(ok=True, depth="metadata", when=NOW, by="agent")
    assert any("n'ont pas été relues" in limit for limit in found.limits)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (TimeoutError(), Reason.TIMEOUT),
        (Finished(2, b"", b"fatal error: runtime: out of memory\n"), Reason.ERROR),
        (Finished(1, b"", b"Fatal: unable to create lock in backend: repository is already locked\n"), Reason.ERROR),
    ],
)
def test_a_check_that_did_not_end_is_neither_good_nor_bad(depot, answer, why):
    found = restic.read(repository("restic", depot), tools(restic_says(check=answer)))
    assert isinstance(found.integrity, Gap)
    assert found.integrity.reason is why


def test_a_name_quoted_by_the_check_stays_on_site(depot):
    words = b'error for tree 12345678:\n  tree 12345678: file "Mme Dupont.odt" blob 0 not found in repository\nFatal: repository contains errors\n'
    found = restic.read(repository("restic", depot), tools(restic_says(check=Finished(1, b"", words))))
    assert found.integrity.ok is False
    assert "Dupont" not in found.integrity.detail
    assert "not found in repository" in found.integrity.detail


def test_a_list_of_snapshots_of_another_shape_is_malformed(depot):
    for text in (b"{}", b"rien", b'"x"'):
        assert (
            restic.read(repository("restic", depot), tools(restic_says(snapshots=text))).points.reason
            is Reason.MALFORMED
        )
    assert restic.read(repository("restic", depot), tools(restic_says(snapshots=b"null"))).points == ()


@pytest.mark.parametrize(
    ("code", "err", "why"),
    [
        (12, "", Reason.REFUSED),
        (10, "", Reason.UNREACHABLE),
        (1, "Fatal: wrong password or no key found", Reason.REFUSED),
        (
            1,
            "Fatal: unable to open config file: Stat: Access Denied.\nIs there a repository at the following location?",
            Reason.REFUSED,
        ),
        (1, "Fatal: unable to open config file: open /x/config: permission denied", Reason.PERMISSION),
        (1, "subprocess ssh: Host key verification failed.", Reason.REFUSED),
        (1, "Fatal: autre chose", Reason.ERROR),
    ],
)
def test_why_restic_failed(code, err, why):
    answer = Answer(code, b"", err, cut=False)
    assert reason(answer) is why
    assert not damaged(answer)


def test_errors_too_many_to_be_read_restore_again_by_small_batches(depot, tmp_path):
    """A file is only vouched for when every error of its batch was read."""
    paths = [f"/f{number:03}" for number in range(120)]
    noise = b"x" * 65_536

    def answer(command):
        names = Path(command[command.index("-a") + 1]).read_bytes().split(b"\0")[:-1]
        target = command[command.index("--target") + 1]
        for name in names:
            Path(target + name.removeprefix(b"--include=").decode()).write_bytes(b"x")
        if len(names) > 50 or b"--include=/f007" in names:
            return Finished(1, b"", noise)
        return (
            Finished(1, b"", b"ignoring error for /f060: ciphertext verification failed\n")
            if b"--include=/f060" in names
            else b""
        )

    into = tmp_path / "essai"
    into.mkdir()
    point = restic.parse_points(json.dumps([SNAPSHOT]).encode())[0]
    back = restic.restore(repository("restic", depot), tools(Bench(answers=answer)), point, paths, into)
    assert set(paths) - set(back) == {*paths[:50], "/f060"}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("/a/b.txt", "/a/b.txt"), ("/a*[b]?\\c", "/a\\*\\[b\\]\\?\\\\c"), ("/x\ufffdy", "/x?y"), ("/-é\n", "/-é\n")],
)
def test_a_pattern_of_restic_matches_one_path(path, pattern):
    assert restic.pattern(path) == pattern


@pytest.mark.parametrize(("path", "pattern"), [("a*[b]", "pf:a*[b]"), ("a?*[b", "fm:a?[*][[]b"), ("-x\n", "pf:-x\n")])
def test_a_pattern_of_borg_matches_one_path(path, pattern):
    assert borg.pattern(path) == pattern


def test_a_large_borg_repository_is_read_for_a_while_only(depot, monkeypatch):
    monkeypatch.setattr(borg, "SMALL_ENOUGH", -1)
    (depot / "data" / "0").mkdir(parents=True)
    (depot / "config").write_text("[repository]\nversion = 1\nid = 00ff\n")
    bench = Bench(
        answers=lambda command: (
            b"borg 1.2.4" if "--version" in command else b'{"archives": [], "encryption": {"mode": "none"}}'
        )
    )
    found = borg.read(repository("borg", depot), tools(bench))
    assert found.integrity == Integrity(ok=True, depth="sample", when=NOW, by="agent")
    assert any("secondes" in limit for limit in found.limits)
    assert bench.commands[-1][-2:] == ["--max-duration", "120"]
    whole = borg.read(repository("borg", depot, check_percent=100), tools(bench))
    assert whole.integrity.depth == "full"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", Reason.UNREACHABLE),
        ("[autre]\nx = 1\n", Reason.MALFORMED),
        ("\x00\xff", Reason.MALFORMED),
    ],
)
def test_a_configuration_that_is_not_of_borg(depot, text, why):
    if text:
        (depot / "config").write_bytes(text.encode("latin-1"))
    bench = Bench()
    assert borg.read(repository("borg", depot), tools(bench)).points.reason is why
    assert bench.commands == []


def test_a_file_named_by_borg_stays_on_site():
    line = "partage/Mme Dupont.odt: New missing file chunk detected (Byte 0-20000, Chunk ab). Replacing with all-zero chunk."
    assert "Dupont" not in explained(Answer(1, b"", line, cut=False))


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.lists(st.text(max_size=3), max_size=2))


@given(st.dictionaries(st.sampled_from([*SNAPSHOT, "summary"]), st.one_of(ODD, st.just(SUMMARY)), max_size=4))
def test_any_snapshot_gives_a_point_or_none(odd):
    points = restic.parse_points(json.dumps([SNAPSHOT, {**SNAPSHOT, **odd}]).encode())
    assert 1 <= len(points) <= 2


@given(st.dictionaries(st.sampled_from(["archive", "start", "time", "hostname", "command_line"]), ODD, max_size=4))
def test_any_archive_gives_a_point_or_none(odd):
    listed = {
        "archives": [{"archive": "a", "start": "2026-11-21T02:00:00.000000", **odd}],
        "encryption": {"mode": "repokey"},
    }
    assert len(borg.parse_points(listed)) <= 1


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(["path", "type", "size", "mtime"]), ODD, max_size=4))
def test_any_catalogue_gives_entries(noise, odd):
    for parse, line in (
        (restic.parse_entries, {"path": "/a", "type": "file"}),
        (borg.parse_entries, {"path": "a", "type": "-"}),
    ):
        found = list(parse(noise + b"\n" + json.dumps({**line, **odd}).encode() + b"\n" + json.dumps(line).encode()))
        assert found[-1].path in ("/a", "a")
        assert all(entry.size >= 0 for entry in found)
