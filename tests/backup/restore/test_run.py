"""Whole restore tests over a technology that copies folders: what is found, what is wiped, what never comes out."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from checks.backup.config import BackupConfig, RepositoryConfig, RestoreSettings
from checks.backup.facts import RtoEstimate
from checks.backup.restore import bench as bench_module
from checks.backup.restore.record import genuine
from checks.backup.restore.run import chosen_points, production_folders, restore_tests
from checks.backup.restore.scratch import PREFIX
from checks.model import CollectError, Gap, MandateRefusedError, Reason
from tests.backup.restore import samples
from tests.backup.restore.trees import NOW, Machine, Trees, point, repository, tools

LABEL = "Fichiers"


@pytest.fixture
def site(tmp_path):
    """Production, one folder with a right file of each format; its point is a copy of it."""
    live, saved, scratch = tmp_path / "live", tmp_path / "saved", tmp_path / "scratch"
    for folder in (live, saved, scratch):
        folder.mkdir()
    for number, (name, data) in enumerate(samples.every(tmp_path).items()):
        for root in (live, saved):
            path = root / "soins" / f"unite{number % 3}" / f"Mme Fictive {name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            old = (NOW - timedelta(days=2)).timestamp()
            os.utime(path, (old, old))
    return tmp_path


def go(site, technology, *, points=None, repositories=None, labels=(LABEL,), kit=None, live=True, **restore):
    settings = RepositoryConfig(
        label=LABEL,
        technology="rsync",
        location=str(site / "saved"),
        live_root=str(site / "live") if live else "",
        link_mbit_s=8,
    )
    config = BackupConfig(
        repositories=(settings,),
        restore=RestoreSettings(**{"scratch": str(site / "scratch"), "seed": 7, "human_minutes": 1, **restore}),
    )
    points = (point(site / "saved"),) if points is None else points
    read = (repository(LABEL, "rsync", points),) if repositories is None else repositories
    return restore_tests(config, read, labels, kit or tools(), find=lambda _: technology)


def gone(site):
    return list((site / "scratch").glob(f"{PREFIX}*")) == []


def test_a_healthy_backup(site):
    technology = Trees()
    (test,) = go(site, technology)
    assert test.gap is None
    assert test.problems == ()
    assert test.expected == test.restored == test.population == 31
    assert test.compared_with_source == 31
    assert test.opened == 31
    assert test.database
    assert test.bytes == test.population_bytes
    assert test.wiped
    assert gone(site)
    assert genuine(test)
    assert test.folders == test.folders_known == 3
    assert isinstance(test.rto, RtoEstimate)
    assert test.rto.link_bytes_per_second == 1_000_000
    assert test.rto.human_seconds == 60
    assert all((site / "scratch") in path.parents for path in technology.restored_into)


def test_nothing_without_permission(site):
    technology = Trees()
    assert go(site, technology, labels=()) == ()
    (test,) = go(site, technology, labels=("Autre",))
    assert test.repository == "Autre"
    assert test.gap.reason is Reason.NOT_CONFIGURED
    assert technology.asked == []


def test_a_flipped_byte_is_found(site):
    def flip(path, target):
        if path.endswith("a.pdf"):
            data = bytearray(target.read_bytes())
            data[len(data) // 2] ^= 1
            target.write_bytes(data)

    (test,) = go(site, Trees(flip))
    (problem,) = test.problems
    assert (problem.problem, problem.extension) == ("different", "pdf")
    assert gone(site)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda target: target.write_bytes(b""), "empty"),
        (lambda target: target.write_bytes(target.read_bytes()[:-5]), "short"),
        (lambda target: target.unlink(), "missing"),
        (lambda target: (target.unlink(), target.symlink_to("/etc/passwd")), "different"),
    ],
)
def test_damages(site, damage, problem):
    (test,) = go(site, Trees(lambda path, target: damage(target) if path.endswith("a.sql") else None))
    assert [one.problem for one in test.problems] == [problem]
    assert test.restored == test.expected - (problem == "missing")
    assert gone(site)


def test_an_encrypted_corpus_is_unreadable_even_when_it_is_what_was_saved(site):
    draw = __import__("random").Random(3)
    for root in ("live", "saved"):
        for path in (site / root).rglob("*.*"):
            path.write_bytes(draw.randbytes(5000))
            os.utime(path, ((NOW - timedelta(days=2)).timestamp(),) * 2)
    for path in (site / "saved").rglob("*.*"):
        (site / "live" / path.relative_to(site / "saved")).write_bytes(path.read_bytes())
        os.utime(site / "live" / path.relative_to(site / "saved"), ((NOW - timedelta(days=2)).timestamp(),) * 2)
    (test,) = go(site, Trees())
    unreadable = [one for one in test.problems if one.problem == "unreadable"]
    assert len(unreadable) >= 24
    assert all(
        "chiffré" in one.detail and "le fichier d'origine est dans le même état" in one.detail for one in unreadable
    )
    assert not test.database


def test_the_catalogue_digest_is_used_without_a_live_source(site):
    names = [f"/{path.relative_to(site / 'saved')}" for path in (site / "saved").rglob("*.*")]
    digests = {name: "sha256:" + hashlib.sha256((site / "saved" / name[1:]).read_bytes()).hexdigest() for name in names}
    (test,) = go(site, Trees(digests=digests), live=False)
    assert (test.compared_with_catalogue, test.problems) == (31, ())
    (test,) = go(site, Trees(), live=False)
    assert (test.uncompared, test.problems) == (31, ())


def test_no_name_nor_content_comes_out(site):
    def flip(path, target):
        target.write_bytes(target.read_bytes()[:-1] + b"?")

    steps = []
    kit = tools(steps=steps)
    (test,) = go(site, Trees(flip), kit=kit)
    assert test.problems
    written = msgspec.json.encode(test).decode() + "".join(steps) + str(kit.network.commands)
    assert [word for word in ("Fictive", "unite", "Tilleuls", "plan de soins", "1er avril") if word in written] == []


def test_the_bounds_of_the_operator_hold(site):
    technology = Trees()
    (test,) = go(site, technology, max_files=5, max_timing_files=0)
    assert test.expected == 5
    assert len({path for asked in technology.asked for path in asked}) == 5
    assert test.database


def test_a_file_too_large_is_counted(site):
    with (site / "saved" / "disque.vhdx").open("wb") as file:
        file.truncate(3 << 20)
    (test,) = go(site, Trees(), max_mib=2)
    assert (test.undrawable, test.undrawable_bytes) == (1, 3 << 20)
    assert test.bytes <= 2 << 20


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CollectError(Reason.REFUSED, "Mot de passe refusé."), Reason.REFUSED),
        (MandateRefusedError("10.0.0.1:22", "hors mandat"), Reason.REFUSED),
        (OSError(28, "No space left on device"), Reason.ERROR),
    ],
)
def test_a_restore_that_fails_says_why_and_leaves_nothing(site, error, reason):
    (test,) = go(site, Trees(error=error))
    assert test.gap.reason is reason
    assert test.restored == 0
    assert isinstance(test.rto, Gap)
    assert test.wiped
    assert gone(site)
    assert genuine(test)


def test_an_error_of_ours_wipes_too(site, monkeypatch):
    monkeypatch.setattr(bench_module, "open_content", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        go(site, Trees())
    assert gone(site)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"repositories": ()}, "n'a pas été lue"),
        ({"points": ()}, "aucun point"),
        ({"points": Gap(reason=Reason.TIMEOUT, detail="Délai dépassé.")}, "Délai dépassé"),
        ({"points": (point("/nowhere"),)}, "ne se lit pas"),
        ({"scratch": "/nowhere"}, "pas un dossier"),
    ],
)
def test_a_test_that_cannot_be_made_is_a_record_too(site, change, words):
    (test,) = go(site, Trees(), **change)
    assert words in test.gap.detail
    assert genuine(test)
    assert gone(site)


def test_an_unusable_signing_key_restores_nothing(site):
    technology = Trees()
    (test,) = go(site, technology, kit=tools({"env:K": "nonsense"}), signing_key_from="env:K")
    assert "signing_key_from" in test.gap.detail
    assert technology.asked == []
    assert genuine(test)


def test_the_key_of_the_operator_signs(site):
    secret = base64.b64encode(bytes(range(32))).decode()
    (test,) = go(site, Trees(), kit=tools({"env:K": secret}), signing_key_from="env:K", max_files=3)
    assert test.signature.key == "operator"
    assert genuine(test)
    assert secret not in msgspec.json.encode(test).decode()


def test_a_technology_that_gives_no_file_back_says_so(site):
    (test,) = go(site, None)
    assert test.gap.reason is Reason.UNSUPPORTED


def test_never_restored_into_production_nor_the_repository(site):
    for folder in ("live", "saved"):
        (test,) = go(site, Trees(), scratch=str(site / folder))
        assert "production" in test.gap.detail
        assert list((site / folder).glob(f"{PREFIX}*")) == []


def test_the_folders_of_a_point_are_production_when_the_source_is_this_machine():
    config = BackupConfig(
        repositories=(
            RepositoryConfig(label=LABEL, technology="restic", location="/srv/depot", live_root="/"),
            RepositoryConfig(label="S3", technology="restic", location="s3:https://host/bucket", live_root="/mnt/live"),
        )
    )
    read = (repository(LABEL, "restic", (point("a", paths=("/home/partage", "/")),)),)
    assert set(production_folders(config, read)) == {"/srv/depot", "/home/partage", "/mnt/live"}


def test_an_empty_point_is_not_a_success(site):
    empty = site / "empty"
    empty.mkdir()
    (test,) = go(site, Trees(), points=(point(empty),))
    assert "aucun fichier" in test.gap.detail
    assert (test.population, test.expected) == (0, 0)


def test_time_over_stops_with_what_was_done(site):
    ticks = itertools.count()
    config = BackupConfig(
        repositories=(RepositoryConfig(label=LABEL, technology="rsync", location="x"),),
        restore=RestoreSettings(scratch=str(site / "scratch"), seed=7),
    )
    read = (repository(LABEL, "rsync", (point(site / "saved"),)),)
    (test,) = restore_tests(
        config, read, (LABEL,), tools(), find=lambda _: Trees(), stopwatch=lambda: float(next(ticks)), seconds=6
    )
    assert test.gap.reason is Reason.TIMEOUT
    assert 0 < test.restored < test.expected
    assert gone(site)
    assert genuine(test)


def test_a_technology_without_folders_is_timed_by_files(site):
    (test,) = go(site, Trees(folders=False))
    assert isinstance(test.rto, RtoEstimate)
    assert all(one.selected == one.files for one in test.rto.timings)


def test_whole_folders_are_timed(site):
    for number in range(60):
        (site / "saved" / "soins" / "unite0" / f"n{number}.txt").write_text("x" * 50)
    (test,) = go(site, Trees())
    assert [one.files for one in test.rto.timings if one.selected == 1 and one.files > 60]


# ------------------------------------------------------------------------------------------------------ points


def test_the_last_point_of_each_source_and_one_older():
    points = [point(source, number, NOW - timedelta(days=number)) for source in ("a", "b") for number in range(5)]
    for seed in range(20):
        chosen = chosen_points(points, seed)
        assert [(one.source, one.id) for one in chosen[:2]] == [("b", "p0"), ("a", "p0")]
        assert chosen[2].id != "p0"
        assert len(chosen) == 3
        assert chosen == chosen_points(list(reversed(points)), seed)


def test_an_empty_last_point_is_tried_and_an_empty_old_one_is_not():
    points = [point("a", 1, NOW, empty=True), point("a", 2, NOW - timedelta(days=1), empty=True)]
    assert [one.id for one in chosen_points(points, 1)] == ["p1"]
    assert chosen_points([], 1) == []


def test_the_machine_runs_programs_of_the_worker_only(site):
    kit = tools()
    go(site, Trees(), kit=kit)
    assert isinstance(kit.network, Machine)
    assert [Path(command[0]).name.startswith(("python", "pg_restore")) for command in kit.network.commands]
    assert any("wipe.py" in word for command in kit.network.commands for word in command)
