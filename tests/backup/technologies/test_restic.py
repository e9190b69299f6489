"""Real restic repositories, healthy and broken."""

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
from checks.backup.technologies import restic
from checks.backup.technologies.restic_session import opened
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

pytestmark = pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
KEY = {"RESTIC_PASSWORD": PASSWORD}
ENVIRONMENT = {"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "LC_ALL", "TZ", "GOMAXPROCS", "RESTIC_REPOSITORY", *KEY}
FORBIDDEN = {"unlock", "prune", "repair", "forget", "init", "backup", "rebuild-index", "migrate", "copy", "tag"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One repository: a two-month-old point, a point with hostile names, its encrypted corpus, and an empty success."""
    root = tmp_path_factory.mktemp("restic")
    corpus = write_corpus(root / "partage")
    (root / "vide").mkdir()
    base = ["restic", "-r", str(root / "depot"), "--no-cache", "-q"]
    run([*base, "init"], root, **KEY)
    run(
        [*base, "backup", "--host", "srv-vieux", "--time", "2026-09-20 02:00:00", "vide/../partage/dossiers"],
        root,
        **KEY,
    )
    run([*base, "backup", "--host", "srv-fichiers", "--time", "2026-11-21 02:00:00", "partage"], root, **KEY)
    run([*base, "backup", "--host", "srv-vide", "--time", "2026-11-21 03:00:00", "vide"], root, **KEY)
    for file in list(corpus.iterdir()):
        if file.is_file():
            file.write_bytes(os.urandom(2000))
            file.rename(file.with_name(file.name + ".lockbit"))
    run([*base, "backup", "--host", "srv-chiffre", "--time", "2026-11-22 02:00:00", "partage"], root, **KEY)
    return root


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made / "depot", tmp_path / "depot")
    return tmp_path / "depot"


def packs(depot):
    """Packs by size: the largest holds the data of files."""
    return sorted(
        (path for path in (depot / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )


def test_a_healthy_repository_is_read_and_not_touched(made):
    depot = made / "depot"
    before = fingerprint(depot)
    bench = Bench()

    found = restic.read(repository("restic", depot, check_percent=100, key_escrow=True, place="Siège"), tools(bench))

    assert fingerprint(depot) == before
    assert [(point.source, point.time.isoformat(), point.empty) for point in found.points] == [
        ("srv-vieux", "2026-09-20T02:00:00+00:00", False),
        ("srv-fichiers", "2026-11-21T02:00:00+00:00", False),
        ("srv-vide", "2026-11-21T03:00:00+00:00", True),
        ("srv-chiffre", "2026-11-22T02:00:00+00:00", False),
    ]
    assert found.points[1].size == sum(map(len, HOSTILE.values())) + len(b"not utf-8") + 60_000
    assert found.points[1].paths == (str(made / "partage"),)
    assert found.integrity == Integrity(ok=True, depth="full", when=NOW, by="agent")
    assert found.encryption.encrypted
    assert found.encryption.key_escrow is True
    assert (found.immutability.lock, found.immutability.proof) == ("none", "configured")
    assert isinstance(found.access, Gap), "who writes in a local folder is not seen from here"
    assert isinstance(found.jobs, Gap)
    assert (found.product, found.place, found.locks) == ("restic", "Siège", ())
    assert len(found.repository_id) == 64
    assert found.settings["keys"] == 1
    assert found.version[0].isdigit()
    assert any("fichiers de côté" in limit for limit in found.limits)
    used = {verb.split()[0] for verb in bench.verbs("restic")}
    assert used == {"version", "cat", "snapshots", "stats", "list", "check"}
    assert not used & FORBIDDEN
    assert all("--no-lock" in command for command in bench.commands if "version" not in command)
    assert not any(PASSWORD in word for command in bench.commands for word in command)
    for environment in bench.environments:
        assert set(environment) <= ENVIRONMENT
        assert not Path(environment["TMPDIR"]).exists()


def test_files_of_hostile_names_are_listed_and_restored(made, tmp_path):
    depot = made / "depot"
    before = fingerprint(depot)
    bench = Bench()
    config = repository("restic", depot)
    with opened(config, tools(bench)) as session:
        points = restic.parse_points(session.ask("snapshots", "--json", purpose="essai").out)
    point = next(point for point in points if point.source == "srv-fichiers")
    top = f"{made}/partage"

    listed = {entry.path: entry for entry in restic.entries(config, tools(bench), point)}

    assert set(listed) == {
        f"/partage/{name}" for name in (*HOSTILE, "bad\ufffd\ufffdname", "dossiers/gros.bin", "dossiers/vide.txt")
    }
    assert listed["/partage/dossiers/gros.bin"].size == 60_000
    assert listed["/partage/dossiers/vide.txt"].size == 0
    assert all(entry.modified is not None and entry.digest == "" for entry in listed.values())

    wanted = [path for path in listed if path not in ("/partage/aXb.txt", "/partage/qz.txt")]
    back = restic.restore(config, tools(bench), point, [*wanted, "/partage/absent.txt"], tmp_path)

    assert set(back) == set(wanted)
    for name, content in HOSTILE.items():
        if f"/partage/{name}" in back:
            assert back[f"/partage/{name}"].read_bytes() == content
    assert back["/partage/bad\ufffd\ufffdname"].read_bytes() == b"not utf-8"
    assert all(path.is_relative_to(tmp_path) for path in back.values())
    restored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(restored) == sorted(back.values()), "nothing else was restored, nothing else was left"
    assert not any("partage/" in word for command in bench.commands for word in command), top
    assert fingerprint(depot) == before


def test_a_flipped_byte_is_missed_by_the_structure_and_found_in_the_data(copy, tmp_path):
    flip(packs(copy)[-1], 100)
    before = fingerprint(copy)
    bench = Bench()
    with opened(repository("restic", copy), tools(bench)) as session:
        shallow = restic._integrity(session, repository("restic", copy, check_percent=0), NOW, [])
        deep = restic._integrity(session, repository("restic", copy, check_percent=100), NOW, [])
        points = restic.parse_points(session.ask("snapshots", "--json", purpose="essai").out)
    assert shallow == Integrity(ok=True, depth="metadata", when=NOW, by="agent")
    assert (deep.ok, deep.depth) == (False, "full")
    assert "does not match" in deep.detail

    config = repository("restic", copy)
    point = next(point for point in points if point.source == "srv-fichiers")
    paths = [entry.path for entry in restic.entries(config, tools(bench), point)]
    back = restic.restore(config, tools(bench), point, paths, tmp_path)
    assert 0 < len(back) < len(paths), "the damaged file does not come back, the others do"
    assert fingerprint(copy) == before


def test_a_missing_pack_is_seen_by_the_structure(copy):
    packs(copy)[-1].unlink()
    bench = Bench()
    with opened(repository("restic", copy), tools(bench)) as session:
        found = restic._integrity(session, repository("restic", copy), NOW, [])
    assert (found.ok, found.depth) == (False, "metadata")
    assert "does not exist" in found.detail
    assert bench.verbs("restic") == ["check"], "data are not read once the structure is known to be broken"


def test_a_lock_left_by_a_killed_backup_is_stale_at_once_here_and_after_half_an_hour_elsewhere(copy, monkeypatch):
    command = ["restic", "-r", str(copy), "--no-cache", "-q", "backup", "--stdin"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(copy.parent), **KEY}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    for _ in range(600):
        if any((copy / "locks").iterdir()):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    placed = dt.datetime.now(dt.UTC)
    before = fingerprint(copy)
    notes: list[str] = []
    with opened(repository("restic", copy), tools(Bench())) as session:
        (dead,) = restic._locks(session, placed, notes)
        assert dead.endswith("posé il y a 0 minute")
        monkeypatch.setattr(restic, "ended_here", lambda *_: False)
        assert restic._locks(session, placed + dt.timedelta(minutes=25), notes) == ()
        (stale,) = restic._locks(session, placed + dt.timedelta(hours=3, minutes=5), notes)
    assert "est en cours ou vient de s'interrompre" in notes[0]
    assert stale.endswith("posé il y a 3 heures")
    assert fingerprint(copy) == before


def test_a_wrong_key_is_refused_and_not_tried_again(made):
    bench = Bench()
    found = restic.read(repository("restic", made / "depot"), tools(bench, secret="pas-la-bonne"))
    assert isinstance(found.points, Gap)
    assert found.points.reason is Reason.REFUSED
    assert "wrong password" in found.points.detail
    assert isinstance(found.integrity, Gap)
    assert sorted(bench.verbs("restic")) == ["cat config", "version"]


def test_a_folder_without_repository_is_unreachable(tmp_path):
    found = restic.read(repository("restic", tmp_path), tools(Bench()))
    assert found.points.reason is Reason.UNREACHABLE
    assert "Aucun dépôt restic" in found.points.detail


def test_a_folder_that_is_not_there_starts_nothing(tmp_path):
    bench = Bench()
    found = restic.read(repository("restic", tmp_path / "absent"), tools(bench))
    assert found.points.reason is Reason.UNREACHABLE
    assert bench.commands == []


def test_a_damaged_key_file_is_damage_and_not_a_refusal(copy):
    key = next((copy / "keys").iterdir())
    flip(key, 60)
    found = restic.read(repository("restic", copy), tools(Bench()))
    assert isinstance(found.points, Gap)
    assert found.points.reason in (Reason.MALFORMED, Reason.REFUSED)
    assert found.points.reason is Reason.REFUSED or found.integrity.ok is False


def test_an_identifier_that_looks_like_an_option_is_not_handed_over(made):
    point = Point(id="--password-command=id", source="x", time=NOW)
    bench = Bench()
    with pytest.raises(CollectError):
        list(restic.entries(repository("restic", made / "depot"), tools(bench), point))
    assert bench.commands == []
