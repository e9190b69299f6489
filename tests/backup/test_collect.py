"""The whole domain from the profile: every repository read, a sample restored when it is permitted, verdicts given."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from agent.profile import Limits, ProfileError, parse_profile
from checks.backup.collect import READING_SECONDS, TOTAL_SECONDS, collect
from checks.backup.config import BackupConfig, RepositoryConfig, RestoreSettings, System
from checks.backup.technologies import registry
from checks.catalogue import load_catalogue
from checks.model import CollectError, CollectRequest, Gap, Reason
from tests.backup.house import restored
from tests.backup.technologies.peers import NOW, Bench

LABEL = "Copies du NAS"


@pytest.fixture
def folder(tmp_path):
    """Three daily copies of one machine, as rsnapshot lays them."""
    for age, level in enumerate(("daily.0", "daily.1", "daily.2")):
        place = tmp_path / "copies" / level / "srv-fichiers"
        place.mkdir(parents=True)
        for number in range(12):
            (place / f"note-{number}.txt").write_text(f"Compte rendu {number}\n" * 50, "utf-8")
        stamp = NOW.timestamp() - age * 86400
        os.utime(place.parent, (stamp, stamp))
    return tmp_path / "copies"


def asked(config, restorable=()):
    return CollectRequest(config=config, secret=lambda _: "", clock=lambda: NOW, restorable=restorable)


def configured(folder, **fields):
    one = RepositoryConfig(label=LABEL, technology="rsync", location=str(folder), server="10.40.0.10", **fields)
    systems = (System(label="Fichiers", sources=("srv-fichiers",), rpo_hours=26),)
    return BackupConfig(repositories=(one,), systems=systems, restore=RestoreSettings(seed=7))


def run(config, restorable=()):
    steps = []
    facts = collect(asked(config, restorable), Bench(), lambda step, *_: steps.append(step))
    return facts, steps


def test_every_repository_is_read_and_nothing_is_restored_unless_asked(folder):
    facts, steps = run(configured(folder))
    (found,) = facts.repositories
    assert (found.label, found.server, len(found.points)) == (LABEL, "10.40.0.10", 3)
    assert (facts.restore_tests, facts.restore_asked) == ((), False)
    assert facts.systems[0].sources == ("srv-fichiers",)
    assert facts.read_at == NOW
    assert steps[0] == f"Sauvegarde « {LABEL} »"


def test_a_permitted_repository_gives_a_sample_back(folder):
    facts, _ = run(configured(folder), (LABEL,))
    assert facts.restore_asked
    newest = facts.restore_tests[0]
    assert (newest.gap, newest.restored, newest.opened, newest.problems) == (None, 12, 12, ())
    assert newest.wiped


def test_a_label_of_the_mandate_that_the_profile_ignores_is_said(folder):
    facts, _ = run(configured(folder), ("Autre",))
    assert any("« Autre »" in limit for limit in facts.limits)
    assert all(test.gap for test in facts.restore_tests)


def test_one_repository_that_cannot_be_read_does_not_hide_the_others(folder, tmp_path):
    both = configured(folder)
    lost = RepositoryConfig(label="Perdue", technology="rsync", location=str(tmp_path / "absent"))
    facts, _ = run(BackupConfig(repositories=(lost, *both.repositories)))
    first, second = facts.repositories
    assert isinstance(first.points, Gap)
    assert len(second.points) == 3


def test_a_missing_library_is_a_gap_of_that_repository(folder, monkeypatch):
    def absent(_name):
        raise ImportError("boto3 is not installed", name="boto3")

    monkeypatch.setattr(registry, "technology", absent)
    facts, _ = run(configured(folder))
    points = facts.repositories[0].points
    assert (points.reason, "boto3" in points.detail) == (Reason.UNSUPPORTED, True)


def test_nothing_declared_is_an_error():
    with pytest.raises(CollectError):
        run(BackupConfig())


PROFILE = """
schema = 1
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Direction"
signed_on = 2026-11-01
valid_from = 2026-11-01
valid_to = 2026-12-01
emergency_contact = "astreinte"
[[backup.repository]]
label = "NAS"
technology = "restic"
location = "/srv/depot"
"""


@pytest.mark.parametrize("line", ['password = "hunter2"', 'password_from = "hunter2"', 'technology_ = "x"'])
def test_a_mistake_in_a_repository_is_refused_without_showing_it(line):
    with pytest.raises(ProfileError) as refused:
        parse_profile((PROFILE + line).encode(), "site.toml", load_catalogue())
    assert "hunter2" not in str(refused.value)


def test_secrets_and_files_of_a_repository_are_those_of_the_profile(tmp_path):
    text = PROFILE + 'password_from = "env:NAS_KEY"\nca_file = "ca.pem"\nexport_files = ["journal.txt"]\n'
    loaded = parse_profile(text.encode(), str(tmp_path / "site.toml"), load_catalogue())
    (one,) = loaded.domains["backup"].repositories
    assert (one.ca_file, one.export_files) == (str(tmp_path / "ca.pem"), (str(tmp_path / "journal.txt"),))


def test_two_points_of_one_source_give_one_verdict():
    from checks.backup.controls.restore import gives_back
    from checks.backup.facts import BackupFacts, Unopened
    from checks.model import Context, Verdict

    broken = Unopened(ref="a" * 12, extension="docx", size=3, problem="missing")
    older = restored(point="p0", point_time=datetime(2026, 10, 1, tzinfo=UTC), problems=(broken,))
    facts = BackupFacts(repositories=(), restore_tests=(restored(), older))
    (said,) = gives_back(facts, Context(now=NOW))
    assert said.verdict is Verdict.FAIL
    assert [one.id for one in said.affected] == ["a" * 12]
    (said,) = gives_back(
        BackupFacts(repositories=(), restore_tests=(restored(), restored(point="p0"))), Context(now=NOW)
    )
    assert said.verdict is Verdict.PASS


def test_repositories_there_was_no_time_to_read_are_gaps_and_those_read_are_kept(folder):
    both = configured(folder)
    more = RepositoryConfig(label="Seconde", technology="rsync", location=str(folder), server="10.40.0.11")
    config = BackupConfig(repositories=(*both.repositories, more), systems=both.systems)
    turns = iter([0.0, 1.0, READING_SECONDS + 1])
    facts = collect(asked(config, (LABEL,)), Bench(), lambda *_: None, stopwatch=lambda: next(turns, TOTAL_SECONDS + 1))
    first, second = facts.repositories
    assert len(first.points) == 3
    assert (second.points.reason, second.server) == (Reason.TIMEOUT, "10.40.0.11")
    assert "8 minutes" in second.points.detail
    assert {test.gap.reason for test in facts.restore_tests} == {Reason.TIMEOUT}


def test_all_the_budgets_fit_in_the_time_of_a_domain():
    assert READING_SECONDS < TOTAL_SECONDS < Limits().domain_seconds
