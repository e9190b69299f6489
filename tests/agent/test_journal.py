from __future__ import annotations

import datetime as dt
import json
import multiprocessing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import journal


def clock():
    return dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


def write(path, number):
    log = journal.Journal(path, "ad", clock)
    for index in range(number):
        log.append("permit", f"10.0.0.{index}", 636, "ldaps", "lecture de l'annuaire")


def test_chain_is_intact_and_summarised(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    entries, head = journal.head(path)
    assert entries == 3
    assert journal.verify(path, entries, head) is None
    assert [(row.target, row.protocol, row.actions, row.refused) for row in journal.summary(path)] == [
        (f"10.0.0.{index}, port 636", "ldaps", 0, 0) for index in range(3)
    ]


def test_summary_joins_names_counts_and_refusals(tmp_path):
    path = tmp_path / "journal.jsonl"
    log = journal.Journal(path, "ad", clock)
    log.append("permit", "dc1.tilleuls.test (10.0.0.1)", 636, "ldaps", "lecture")
    log.append("permit", "dc1.tilleuls.test (10.0.0.1)", 636, "tls", "certificat")
    log.append("count", "10.0.0.1", 636, "tcp connect", "total", 4)
    log.append("refuse", "evil.example", 25, "smtp", "nom hors du mandat")
    rows = journal.summary(path)
    assert [(row.target, row.protocol, row.actions, row.refused) for row in rows] == [
        ("dc1.tilleuls.test (10.0.0.1), port 636", "ldaps, tls", 4, 0),
        ("evil.example, port 25", "–", 0, 1),
    ]


@pytest.mark.parametrize("line", [0, 1, 2])
def test_any_changed_byte_is_found(tmp_path, line):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    original = path.read_bytes().splitlines(keepends=True)
    for offset in range(len(original[line]) - 1):
        changed = bytearray(original[line])
        changed[offset] ^= 1
        path.write_bytes(b"".join([*original[:line], bytes(changed), *original[line + 1 :]]))
        assert journal.verify(path) is not None, (line, offset)


def test_removed_swapped_and_cut_entries_are_found(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    entries, head = journal.head(path)
    a, b, c = path.read_bytes().splitlines(keepends=True)
    for content in (a + c, b + a + c, b + c):
        path.write_bytes(content)
        assert journal.verify(path).line >= 1
    path.write_bytes(a + b)
    assert journal.verify(path) is None  # the chain alone cannot tell…
    assert "manque" in journal.verify(path, entries, head).detail  # …what run.json recorded can


def test_a_whole_rewritten_chain_does_not_match_the_recorded_head(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    entries, head = journal.head(path)
    path.unlink()
    log = journal.Journal(path, "ad", clock)
    for _ in range(3):
        log.append("permit", "10.9.9.9", 636, "ldaps", "autre chose")
    assert journal.verify(path, entries, head) is not None


def test_a_line_cut_by_a_crash_is_set_aside_and_the_chain_goes_on(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 2)
    path.write_bytes(path.read_bytes() + b'{"action":"per')
    assert journal.verify(path) is not None
    assert journal.repair(path) is True
    assert journal.repair(path) is False
    write(path, 1)
    assert journal.verify(path) is None
    assert (tmp_path / "journal.truncated").read_bytes().startswith(b'{"action":"per')


def test_processes_share_one_chain(tmp_path):
    path = tmp_path / "journal.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write, args=(path, 20)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert journal.head(path)[0] == 60
    assert journal.verify(path) is None


@settings(max_examples=60)
@given(content=st.binary(max_size=400))
def test_verify_never_raises_on_any_content(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    path.write_bytes(content)
    problem = journal.verify(path)
    assert problem is not None or content == b""


def test_hostile_text_cannot_forge_a_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.Journal(path, "ad", clock).append("refuse", "evil\n{}\x1b[2J", 1, "tcp", "x" * 10_000)
    lines = path.read_bytes().splitlines()
    assert len(lines) == 1
    assert "\x1b" not in json.loads(lines[0])["target"]
    assert journal.verify(path) is None


def test_a_journal_cut_at_any_byte_is_repaired_and_goes_on(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        before = whole[:cut].count(b"\n")
        assert journal.repair(path) is (whole[:cut].rfind(b"\n") + 1 != cut)
        write(path, 1)
        assert journal.verify(path) is None, cut
        assert journal.head(path)[0] == before + 1


@pytest.mark.parametrize(
    "rest", [b"\0" * 500, b'{"action":"per', b"\0\0\n\0\0\n", b"[1]\n", b"\xff\n", b"[" * 5000 + b"\n"]
)
def test_a_worker_goes_on_after_what_another_left(tmp_path, rest):
    """No repair in between: the other workers write on while one dies."""
    path = tmp_path / "journal.jsonl"
    write(path, 2)
    path.write_bytes(path.read_bytes() + rest)
    write(path, 1)
    assert journal.verify(path) is None
    assert journal.head(path)[0] == 3
    assert (tmp_path / "journal.truncated").read_bytes().startswith(rest[:2])


def test_entries_added_after_the_audit_are_found(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 2)
    entries, head = journal.head(path)
    write(path, 1)
    assert journal.verify(path) is None
    assert "ajoutées" in journal.verify(path, entries, head).detail


def test_a_journal_whose_end_is_no_journal_is_not_cut(tmp_path):
    path = tmp_path / "journal.jsonl"
    content = b"x" * 200_000
    path.write_bytes(content)
    with pytest.raises(journal.JournalError):
        write(path, 1)
    assert path.read_bytes() == content


def test_a_clock_that_goes_back_does_not_break_the_chain(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, 1)
    journal.Journal(path, "ad", lambda: dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).append(
        "permit", "10.0.0.9", 1, "tcp", "x"
    )
    assert journal.verify(path) is None
