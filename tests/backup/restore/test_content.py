"""Each format is really opened: what is right opens, what is broken does not, and no content comes out."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import sqlite3
import subprocess
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.restore.content import (
    CHECKS,
    EXPECTED,
    Opening,
    entropy,
    looks_encrypted,
    magic_lost,
    open_content,
)
from checks.backup.restore.formats import archives, databases
from checks.backup.restore.formats.base import Budget, FormatError, Subject
from tests.backup.restore import samples

NOISE = random.Random(5).randbytes(40_000)
DATABASES = {"a.sqlite", "a.sql.gz", "a.sql", "b.sql", "a.dump", "a.bak", "a.accdb"}
HEADER_ONLY = {"a.bak", "a.dump", "a.vmdk"}
"""What lies after the header of these is not read: the size tells whether they were cut."""
TEXT = {"a.txt", "latin.csv", "wide.txt"}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return samples.every(tmp_path_factory.mktemp("good"))


def examine(tmp_path, name, data, **more):
    path = tmp_path / "restored"
    path.write_bytes(data)
    return open_content(path, f"/soins/{name}", **more)


def test_every_check_has_a_right_file(good, tmp_path):
    assert {
        Opening("opened", database=name in DATABASES) == examine(tmp_path, name, data) or name
        for name, data in good.items()
    } == {True}
    assert len(CHECKS) <= len(good)


def test_a_file_replaced_by_noise_is_unreadable_and_looks_encrypted(good, tmp_path):
    for name in good:
        opening = examine(tmp_path, name, NOISE)
        if name in {"a.bak", "a.dump", "a.iso", "a.vmdk"}:
            assert opening.state == "unknown", name
        else:
            assert opening.state == "unreadable", name
            assert "chiffré" in opening.detail, name


def test_a_cut_file_does_not_open(good, tmp_path):
    for name in good.keys() - TEXT - HEADER_ONLY:
        opening = examine(tmp_path, name, good[name][: len(good[name]) // 3 * 2])
        assert opening.state in {"short", "unreadable"}, name


def test_one_changed_byte_is_seen_where_there_is_a_checksum(good, tmp_path):
    for name in ("a.docx", "a.zip", "a.png", "a.gz", "a.bz2", "a.xz", "a.sql.gz"):
        data = bytearray(good[name])
        data[len(data) // 2] ^= 0x10
        assert examine(tmp_path, name, bytes(data)).state in {"unreadable", "short"}, name


def test_a_damaged_page_of_a_database_is_seen(good, tmp_path):
    data = bytearray(good["a.sqlite"])
    data[8192:8292] = NOISE[:100]
    assert examine(tmp_path, "a.sqlite", bytes(data)).state == "unreadable"


def test_an_index_that_disagrees_with_its_table_is_seen(tmp_path, good):
    """The file is readable page by page: only the integrity check compares the two."""
    path = tmp_path / "made"
    path.write_bytes(good["a.sqlite"])
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema=ON")
    database.execute("DELETE FROM sqlite_schema WHERE name='i'")
    database.commit()
    database.close()
    assert open_content(path, "x.sqlite").state == "unreadable"


def test_a_database_is_opened_without_being_changed(tmp_path, good):
    path = tmp_path / "made?mode=rw#x.sqlite"
    path.write_bytes(good["a.sqlite"])
    path.chmod(0o400)
    assert open_content(path, "x.sqlite").database
    assert path.read_bytes() == good["a.sqlite"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_check_that_cannot_end_is_unknown(good, tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "_STEPS", 10)
    for name in ("a.sqlite", "a.zip", "a.gz"):
        assert examine(tmp_path, name, good[name], seconds=-1).state == "unknown"


def test_a_bomb_is_stopped_within_the_budget(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50 << 20)))
    budget = Budget(max_bytes=5 << 20)
    with path.open("rb") as file, pytest.raises(FormatError, match="volumineux"):
        archives.check_gzip(Subject(file, path.stat().st_size, b"", "", "gz", budget))


def test_a_large_archive_is_opened_as_far_as_the_budget_goes(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first", b"x")
        archive.writestr("bomb", bytes(50 << 20))
    subject = Subject(buffer, len(buffer.getvalue()), buffer.getvalue()[:100], "", "zip", Budget(max_bytes=5 << 20))
    archives.check_zip(subject)
    lone = io.BytesIO()
    with zipfile.ZipFile(lone, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50 << 20))
    with pytest.raises(FormatError, match="volumineux"):
        archives.check_zip(subject._replace(file=lone, size=len(lone.getvalue()), budget=Budget(max_bytes=5 << 20)))


def test_an_archive_with_a_password_is_unknown(tmp_path):
    data = bytearray(samples.zipped("x"))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    assert examine(tmp_path, "a.zip", bytes(data)).state == "unknown"


def test_an_office_document_without_its_main_part(tmp_path):
    assert examine(tmp_path, "a.docx", samples.zipped("x")).state == "unreadable"
    assert examine(tmp_path, "a.ods", samples.zipped("x")).state == "unreadable"


@pytest.mark.parametrize(
    ("dump", "last"), [(samples.MYSQL, "-- Dump"), (samples.POSTGRES, "-- PostgreSQL database dump c")]
)
def test_a_dump_without_its_last_line_is_short(tmp_path, dump, last):
    cut = dump[: dump.index(last)]
    assert examine(tmp_path, "base.sql", cut.encode()).state == "short"
    assert examine(tmp_path, "base.sql.gz", gzip.compress(cut.encode())).state == "short"
    assert examine(tmp_path, "base.dmp", cut.encode()).state == "short"


def test_a_dump_without_comments_is_read_as_text(tmp_path):
    assert examine(tmp_path, "base.sql", b"INSERT INTO t VALUES (1);\n") == Opening("opened")


def test_a_suffix_added_to_a_known_name(tmp_path):
    assert examine(tmp_path, "bilan.docx.lockbit", NOISE).state == "unreadable"
    assert examine(tmp_path, "bilan.docx.old", samples.zipped("[Content_Types].xml")).state == "opened"
    assert examine(tmp_path, "cle.bin", NOISE).state == "unknown"
    assert examine(tmp_path, "cle", NOISE).state == "unknown"


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, lambda path: path.mkdir()])
def test_links_and_special_files_are_not_opened(tmp_path, make):
    path = tmp_path / "x.txt"
    make(path)
    assert open_content(path, "x.txt").state == "unknown"


def test_xml_with_entities_is_not_expanded(tmp_path):
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    assert examine(tmp_path, "a.xml", bomb.encode()).state == "unknown"


@pytest.mark.parametrize(("text", "state"), [("<a><b></a>", "unreadable"), ("<a><b>", "short"), ("<a/>", "opened")])
def test_xml(tmp_path, text, state):
    assert examine(tmp_path, "a.xml", text.encode()).state == state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("[1, 2", "short"),
        ("[1, }", "unreadable"),
        ("[1]", "opened"),
        ("[1]\n[2]\n", "unknown"),
        ("[" * 100_000, "unknown"),
    ],
)
def test_json(tmp_path, text, state):
    assert examine(tmp_path, "a.json", text.encode()).state == state


def test_no_piece_of_content_comes_out(tmp_path):
    words = {"Fictive", "soins de", "avril"}
    draw = random.Random(1)
    for name, data in samples.every(tmp_path).items():
        for _ in range(3):
            cut = data[: draw.randrange(1, len(data))]
            opening = examine(tmp_path, name, cut)
            assert not [word for word in words if word in opening.detail]


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from([*(f"a.{extension}" for extension in EXPECTED), "a.bak", "a.dmp", "a.iso", "a.vmdk", "a"]),
    head=st.sampled_from(
        [
            b"",
            b"PK\3\4",
            b"%PDF-1.4\n",
            b"SQLite format 3\0",
            b"\x1f\x8b\x08",
            b"7z\xbc\xaf\x27\x1c\0\4",
            b"\x89PNG\r\n\x1a\n",
            b"vhdxfile",
            b"KDMV",
            b"QFI\xfb",
            b"conectix",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"PGDMP",
            b"TAPE",
            b"BZh9",
            b"\xfd7zXZ\0",
            b"<?xml",
        ]
    ),
    tail=st.binary(max_size=3000),
)
def test_any_bytes_give_an_opening(tmp_path_factory, name, head, tail):
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_bytes(head + tail)
    assert open_content(path, name).state in {"opened", "unknown", "unreadable", "short"}


def test_any_damage_gives_an_opening(good, tmp_path):
    draw = random.Random(7)
    for name, data in good.items():
        for _ in range(6):
            broken = bytearray(data)
            for _ in range(draw.randrange(1, 30)):
                broken[draw.randrange(len(broken))] = draw.randrange(256)
            assert isinstance(examine(tmp_path, name, bytes(broken)), Opening)


@pytest.mark.parametrize(("data", "bits"), [(b"", 0.0), (b"aaaa", 0.0), (b"ab" * 50, 1.0), (bytes(range(256)), 8.0)])
def test_entropy(data, bits):
    assert entropy(data) == pytest.approx(bits)


def test_looks_encrypted_needs_enough_bytes():
    assert looks_encrypted(NOISE)
    assert looks_encrypted(NOISE[:1024])
    assert not looks_encrypted(NOISE[:1023])
    assert not looks_encrypted((samples.SENTENCE * 100).encode())


def test_magic_lost(good):
    for name, data in good.items():
        extension = name.rpartition(".")[2]
        assert not magic_lost(data[:65536], extension), name
        if extension in EXPECTED and extension != "vhd":
            assert magic_lost(NOISE, extension), name
    assert magic_lost(NOISE, "bin") is None
    assert magic_lost(b"", "docx") is None


def test_pg_restore_judges_the_listing(tmp_path):
    asked = []

    def run(path, words):
        asked.append((path.name, words))
        return 1

    assert examine(tmp_path, "a.dump", samples.pg_custom(), run=run).state == "unreadable"
    assert asked == [("restored", ("pg_restore", "-l"))]
    assert examine(tmp_path, "a.dump", samples.pg_custom(), run=lambda *_: 0).state == "opened"
    assert examine(tmp_path, "a.dump", samples.pg_custom(), run=lambda *_: -1).state == "opened"


@pytest.mark.skipif(not shutil.which("qemu-img"), reason="needs qemu-img (package qemu-utils)")
@pytest.mark.parametrize("kind", ["vhdx", "vpc", "vmdk", "qcow2"])
def test_images_made_by_qemu_open(tmp_path, kind):
    extension = "vhd" if kind == "vpc" else kind
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(tmp_path / "x"), "20M"], check=True)
    assert open_content(tmp_path / "x", f"disk.{extension}").state == "opened"


@pytest.mark.skipif(not shutil.which("7z"), reason="needs 7z (package p7zip-full)")
def test_an_archive_made_by_7z_opens(tmp_path):
    (tmp_path / "text").write_text(samples.SENTENCE * 100)
    subprocess.run(["7z", "a", "-bd", str(tmp_path / "x.7z"), str(tmp_path / "text")], check=True, capture_output=True)
    assert open_content(tmp_path / "x.7z", "x.7z").state == "opened"
