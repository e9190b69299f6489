"""Real borg repositories, healthy and broken."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from checks.backup.facts import Integrity, Point
from checks.backup.technologies import borg
from checks.backup.technologies.borg_locks import read_locks
from checks.backup.technologies.borg_session import decoded, opened
from checks.model import CollectError, Gap, Reason
from tests.backup.technologies.peers import (
    HOSTILE,
    NOW,
    PASSWORD,
    Bench,
    fingerprint,
    flip,
    repository,
    run,
    tools,
    write_corpus,
)

pytestmark = pytest.mark.skipif(shutil.which("borg") is None, reason="borgbackup is not installed")
KEY = {"BORG_PASSPHRASE": PASSWORD, "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
FILES = [*(f"partage/{name}" for name in HOSTILE), "partage/bad??name", "partage/dossiers/gros.bin", "partage/dossiers/vide.txt"]  # fmt: skip


def create(root: Path, depot: str, archive: str, time: str, *paths: str) -> None:
    run(["borg", "create", "--timestamp", time, f"{depot}::{archive}", *paths], root, **KEY)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One repository: a two-month-old point, hostile names, an empty success, a checkpoint of an interrupted run."""
    root = tmp_path_factory.mktemp("borg")
    write_corpus(root / "partage")
    (root / "vide").mkdir()
    run(["borg", "init", "-e", "repokey-blake2", "depot"], root, **KEY)
    create(root, "depot", "compta-vieux", "2026-09-20T02:00:00", "partage/dossiers")
    create(root, "depot", "fichiers", "2026-11-21T02:00:00", "partage")
    create(root, "depot", "vide", "2026-11-21T03:00:00", "vide")
    create(root, "depot", "coupe.checkpoint", "2026-11-21T04:00:00", "partage/dossiers")
    return root


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made / "depot", tmp_path / "depot")
    return tmp_path / "depot"


def largest(depot: Path) -> Path:
    return max((depot / "data").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)


def point(name: str) -> Point:
    return Point(id=name, source="x", time=NOW)


def test_a_healthy_repository_is_read_and_not_touched(made):
    depot = made / "depot"
    before = fingerprint(depot)
    bench = Bench()

    found = borg.read(repository("borg", depot), tools(bench))

    assert fingerprint(depot) == before
    assert [(p.id, p.time.isoformat(), p.files, p.empty, p.complete) for p in found.points] == [
        ("compta-vieux", "2026-09-20T02:00:00+00:00", 2, False, None),
        ("fichiers", "2026-11-21T02:00:00+00:00", len(FILES), False, None),
        ("vide", "2026-11-21T03:00:00+00:00", 0, True, None),
        ("coupe.checkpoint", "2026-11-21T04:00:00+00:00", 2, False, False),
    ]
    assert found.points[1].size == sum(map(len, HOSTILE.values())) + len(b"not utf-8") + 60_000
    assert found.points[1].paths == ("partage",)
    assert {p.source for p in found.points} == {os.uname().nodename}
    assert found.integrity == Integrity(ok=True, depth="full", when=NOW, by="agent")
    assert (found.encryption.encrypted, found.encryption.method) == (True, "repokey-blake2")
    assert (found.immutability.lock, found.immutability.proof) == ("none", "configured")
    assert len(found.repository_id) == 64
    assert (found.address, found.locks, found.limits) == (str(depot), (), ())
    assert {verb.split()[0] for verb in bench.verbs("borg") if verb} <= {"1", "list", "check"}
    assert not any(PASSWORD in word for command in bench.commands for word in command)
    assert not any(Path(environment["TMPDIR"]).exists() for environment in bench.environments)


def test_files_of_hostile_names_are_listed_and_restored(made, tmp_path):
    before = fingerprint(made / "depot")
    bench = Bench()
    config = repository("borg", made / "depot")

    listed = {entry.path: entry for entry in borg.entries(config, tools(bench), point("fichiers"))}

    assert set(listed) == set(FILES)
    assert listed["partage/dossiers/gros.bin"].size == 60_000
    wanted = [path for path in listed if path not in ("partage/aXb.txt", "partage/qz.txt")]
    back = borg.restore(config, tools(bench), point("fichiers"), [*wanted, "partage/absent.txt"], tmp_path)

    # « q?.txt » and « qz.txt » look alike to the pattern of a name with an unknown byte: only the first was asked for.
    assert set(back) == set(wanted)
    for name, content in HOSTILE.items():
        if f"partage/{name}" in back:
            assert back[f"partage/{name}"].read_bytes() == content
    assert back["partage/bad??name"].read_bytes() == b"not utf-8"
    assert all(path.is_relative_to(tmp_path) for path in back.values())
    assert not any("partage/" in word for command in bench.commands for word in command)
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert fingerprint(made / "depot") == before


def test_a_flipped_byte_is_found_and_the_other_files_come_back(copy, tmp_path):
    flip(largest(copy), largest(copy).stat().st_size // 2)
    before = fingerprint(copy)
    bench = Bench()
    config = repository("borg", copy)

    found = borg.read(config, tools(bench))

    assert (found.integrity.ok, found.integrity.depth) == (False, "full")
    assert "Segment entry checksum mismatch" in found.integrity.detail
    back = borg.restore(config, tools(bench), point("fichiers"), FILES, tmp_path)
    assert set(FILES) - set(back) == {"partage/dossiers/gros.bin"}
    assert fingerprint(copy) == before


def test_a_missing_segment_is_damage(copy):
    largest(copy).unlink()
    before = fingerprint(copy)
    found = borg.read(repository("borg", copy), tools(Bench()))
    assert found.integrity.ok is False
    assert fingerprint(copy) == before


def test_no_share_of_the_data_means_that_only_the_lists_are_checked(copy):
    flip(largest(copy), largest(copy).stat().st_size // 2)
    config = repository("borg", copy, check_percent=0)
    notes: list[str] = []
    with opened(config, tools(Bench())) as session:
        found = borg._integrity(session, config, tools(Bench()), notes)
    assert found == Integrity(ok=True, depth="metadata", when=NOW, by="agent")
    assert any("pas les données" in note for note in notes)


def test_an_index_left_behind_by_an_interrupted_run_is_rebuilt_elsewhere(copy):
    """borg rebuilds an index in place when it opens a repository whose last run was cut short."""
    for file in copy.glob("*.[0-9]*"):
        file.unlink()
    before = fingerprint(copy)
    with opened(repository("borg", copy), tools(Bench())) as session:
        listed = session.ask("list", "--json", purpose="essai")
        assert any(session.view.path.glob("index.*")), "borg did write an index, in the stand-in"
    assert len(borg.parse_points(decoded(listed.out))) == 3
    assert fingerprint(copy) == before


def test_append_only_is_not_immutability(copy):
    config = copy / "config"
    config.write_text(config.read_text().replace("append_only = 0", "append_only = 1"))
    with opened(repository("borg", copy), tools(Bench())) as session:
        found = borg._immutability(session)
    assert (found.lock, found.proof) == ("append_only", "configured")
    assert "borg delete" in found.detail


def test_a_lock_left_by_a_killed_backup_is_stale(copy, tmp_path):
    (tmp_path / "tube").mkdir()
    os.mkfifo(tmp_path / "tube" / "sans-fin")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", **KEY}
    process = subprocess.Popen(
        ["borg", "create", "--read-special", f"{copy}::x", "tube"], cwd=tmp_path, env=environment
    )
    for _ in range(600):
        if (copy / "lock.exclusive").is_dir():
            break
        time.sleep(0.05)
    held: list[str] = []
    now = dt.datetime.now(dt.UTC)
    assert read_locks(copy, now, held) == ()
    assert "est en cours" in held[0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = fingerprint(copy)

    found = borg.read(
        repository("borg", copy, check_percent=0), tools(Bench(), now=now + dt.timedelta(hours=3, minutes=5))
    )

    assert len(found.points) == 4, "a lock left behind does not keep a reader away"
    (stale,) = found.locks
    assert stale.endswith("posé il y a 3 heures")
    assert fingerprint(copy) == before


def test_a_wrong_key_is_refused_and_not_tried_again(made):
    bench = Bench()
    found = borg.read(repository("borg", made / "depot"), tools(bench, secret="pas-la-bonne"))
    assert found.points.reason is Reason.REFUSED
    assert "incorrect" in found.points.detail
    assert isinstance(found.integrity, Gap)
    assert len([verb for verb in bench.verbs("borg") if "list" in verb or "check" in verb]) == 1


@pytest.mark.parametrize("name", ["", "absent"])
def test_a_place_without_repository_is_unreachable(tmp_path, name):
    bench = Bench()
    found = borg.read(repository("borg", tmp_path / name), tools(bench))
    assert found.points.reason is Reason.UNREACHABLE
    assert bench.commands == []


def test_an_unencrypted_repository_is_told_as_such(tmp_path):
    run(["borg", "init", "-e", "none", "depot"], tmp_path, **KEY)
    config = repository("borg", tmp_path / "depot", password_from="")
    with opened(config, tools(Bench())) as session:
        listed = decoded(session.ask("list", "--json", purpose="essai").out)
        found = borg._encryption(config, listed, session)
    assert (found.encrypted, found.method) == (False, "none")
    assert borg.parse_points(listed) == ()


@pytest.mark.parametrize(
    ("mode", "encrypted"),
    [
        ("none", False),
        ("authenticated-blake2", False),
        ("authenticated", False),
        ("repokey", True),
        ("keyfile-blake2", True),
        ("", False),
    ],
)
def test_a_mode_that_only_signs_does_not_encrypt(mode, encrypted):
    listed = {"archives": [{"archive": "a", "start": "2026-11-21T02:00:00.000000"}], "encryption": {"mode": mode}}
    assert borg.parse_points(listed)[0].encrypted is encrypted


def test_an_archive_that_is_not_there_cannot_be_listed(made):
    with pytest.raises(CollectError):
        list(borg.entries(repository("borg", made / "depot"), tools(Bench()), point("absente")))
