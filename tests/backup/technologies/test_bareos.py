"""Bareos and Bacula: what the console lists, and nothing else asked of it."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Integrity
from checks.backup.technologies import bareos
from checks.backup.technologies import bareos_parse as parse
from checks.model import Reason
from tests.backup.fakes import bareos as fake
from tests.backup.fakes.tls import NOW
from tests.backup.technologies.peers import Bench, tools

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="no sh on this machine")


@pytest.fixture
def console(tmp_path, monkeypatch):
    def install(text, code=0):
        made = fake.install(tmp_path / "console", text, code)
        monkeypatch.setenv("PATH", f"{made.parent}:/usr/bin:/bin")
        return made

    return install


def config(where="", **changes):
    known = {"label": "Bareos", "technology": "bareos", "location": "bareos", "database": str(where)}
    return RepositoryConfig(**{**known, **changes})


def read(where, bench=None, **changes):
    found = bareos.read(config(where, **changes), tools(bench or Bench(), now=NOW))
    assert fake.SECRET not in msgspec.json.encode(found).decode()
    return found


HEALTHY = (
    fake.job(1, age={"hours": 33}),
    fake.job(2, level="I", jobfiles="0"),
    fake.job(3, name="copie", kind="C", client="dc01-fd", age={"hours": 5}),
    fake.job(4, name="BackupCatalog", client="bareos-fd", fileset="Catalog"),
    fake.job(5, name="verification", kind="V", level="O", age={"days": 2}),
    fake.job(6, name="RestoreFiles", kind="R", age={"days": 20}),
    fake.job(7, name="sauvegarde-paie", client="paie-fd", status="f"),
)
POOLS = ({"poolid": "1", "name": "Full", "volretention": "31536000"},)


def test_a_healthy_director(console):
    bench = Bench()
    where = console(fake.answer(HEALTHY, [{"mediaid": "1", "volumename": "Full-1", "volstatus": "Error"}], POOLS))
    found = read(where, bench)
    assert found.address == "bareos.tilleuls.test:9101"
    assert bench.permitted == [("bareos.tilleuls.test", 9101, "bareos")]
    assert [point.id for point in found.points] == ["1", "2", "4", "3"]
    assert found.points[1].time == NOW - timedelta(hours=9)
    assert found.points[1].empty is False
    assert found.points[0].complete is True
    jobs = {job.name: job for job in found.jobs}
    assert jobs["sauvegarde-dc01"].last_result == "success"
    assert jobs["sauvegarde-paie"].last_result == "failed"
    assert jobs["sauvegarde-paie"].last_success is None
    assert "RestoreFiles" not in jobs
    assert [failure.source for failure in found.failures] == ["paie-fd"]
    assert found.integrity == Integrity(
        ok=True, depth="full", when=NOW - timedelta(days=2), detail="1 vérification(s) réussie(s)"
    )
    assert found.own_configuration_saved is True
    assert found.retention == "Full : 365 j"
    assert found.settings == {"copy_jobs": 1, "restore_jobs": 1, "volumes": 1, "volumes_in_error": 1}
    assert found.immutability.lock == "none"


def test_only_listing_commands_are_sent(console):
    bench = Bench()
    where = console(fake.answer(HEALTHY))
    read(where, bench)
    sent = (where.parent / "stdin").read_text().splitlines()
    assert sent == list(bareos.COMMANDS)
    assert all(line.split()[0] in {".api", "llist", "quit"} for line in sent)
    assert (where.parent / "argv").read_text().splitlines() == ["-c", str(where)]
    assert all(fake.SECRET not in word for command in bench.commands for word in command)


def test_the_mandate_is_asked_for_the_director_of_the_configuration(console):
    where = console(fake.answer(HEALTHY))
    bench = Bench(refused=("bareos.tilleuls.test",))
    assert read(where, bench).points.reason is Reason.REFUSED
    assert bench.commands == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Director { Name = a }", Reason.NOT_CONFIGURED),
        ("Director { Address = a }\nDirector { Address = b }", Reason.NOT_CONFIGURED),
        ("@/etc/bareos/other.conf\nDirector { Address = a }", Reason.NOT_CONFIGURED),
        ("", Reason.NOT_CONFIGURED),
    ],
)
def test_a_configuration_that_does_not_name_one_director(console, text, reason):
    where = console(fake.answer(HEALTHY))
    where.write_text(text)
    bench = Bench()
    assert read(where, bench).points.reason is reason
    assert bench.commands == []


@pytest.mark.parametrize(("where", "reason"), [("", Reason.NOT_CONFIGURED), ("/inexistant", Reason.PERMISSION)])
def test_a_configuration_that_is_not_there(where, reason):
    assert read(where).points.reason is reason


def test_a_console_that_is_not_installed(console, monkeypatch, tmp_path):
    where = console(fake.answer(HEALTHY))
    (where.parent / "bconsole").unlink()
    assert read(where).points.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("Director authorization problem.\n", 1, Reason.REFUSED),
        ("Unable to connect to Director\n", 1, Reason.UNREACHABLE),
        ("", 1, Reason.ERROR),
        ("", 0, Reason.MALFORMED),
        ("{" * 50_000, 0, Reason.MALFORMED),
        (fake.answer(HEALTHY)[:700], 0, Reason.MALFORMED),
        ('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"failed"}}', 0, Reason.MALFORMED),
    ],
)
def test_each_bad_answer_has_its_reason(console, text, code, reason):
    assert read(console(text, code)).points.reason is reason


def test_no_job_in_the_period(console):
    found = read(console(fake.answer(())))
    assert found.points == ()
    assert found.integrity.reason is Reason.NOT_CONFIGURED
    assert found.own_configuration_saved.reason is Reason.UNSUPPORTED


def test_a_full_backup_of_nothing_is_empty(console):
    found = read(console(fake.answer([fake.job(1, jobfiles="0", jobbytes="0")])))
    assert found.points[0].empty is True


@pytest.mark.parametrize("change", [{"status": "W"}, {"joberrors": "3"}, {"jobmissingfiles": "1"}])
def test_a_backup_with_errors_is_not_complete(console, change):
    assert read(console(fake.answer([fake.job(1, **change)]))).points[0].complete is False


@pytest.mark.parametrize("status", ["E", "f", "A", "R", "C", "I"])
def test_a_job_that_did_not_end_well_is_no_point(console, status):
    assert read(console(fake.answer([fake.job(1, status=status)]))).points == ()


def test_a_verification_that_found_differences(console):
    job = fake.job(1, name="verification", kind="V", level="O", status="D")
    found = read(console(fake.answer([job])))
    assert found.integrity.ok is False
    assert "verification" in found.integrity.detail


def test_a_verification_of_the_catalogue_alone_reads_no_volume(console):
    found = read(console(fake.answer([fake.job(1, kind="V", level="C")])))
    assert found.integrity.reason is Reason.NOT_CONFIGURED


def test_a_catalogue_whose_saving_fails(console):
    assert read(console(fake.answer([fake.job(1, name="BackupCatalog", status="f")]))).own_configuration_saved is False


def saved(tmp_path, text):
    path = tmp_path / "liste.txt"
    path.write_text(text)
    return bareos.read(config("", export_files=(str(path),)), tools(Bench(), now=NOW))


def test_a_table_of_bacula(tmp_path):
    found = saved(tmp_path, fake.BACULA_TABLE)
    assert [(point.id, point.source, point.size) for point in found.points] == [
        ("11", "sauvegarde-dc01", 4_651_943_000),
        ("12", "sauvegarde-dc01", 0),
    ]
    assert found.points[0].time.isoformat() == "2026-11-21T01:00:03+00:00"
    assert found.points[0].complete is None
    assert [failure.source for failure in found.failures] == ["sauvegarde-paie"]


def test_blocks_of_bacula(tmp_path):
    found = saved(tmp_path, fake.BACULA_BLOCKS)
    assert [(point.id, point.source, point.complete) for point in found.points] == [("21", "dc01-fd", False)]
    assert found.integrity.ok is False


def test_a_saved_answer_in_json(tmp_path):
    assert len(saved(tmp_path, fake.answer(HEALTHY)).points) == 4


@pytest.mark.parametrize("text", ["n'importe quoi", "| a | b |\n| c |", "", "jobid: 1"])
def test_a_saved_answer_of_another_shape(tmp_path, text):
    assert saved(tmp_path, text).points.reason is Reason.MALFORMED


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("jobid", "name", "type", "level", "jobstatus", "endtime", "jobfiles", "jobbytes", "volretention", "volstatus")


rows = st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=5), max_size=3)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(("jobs", "volumes", "pools")), rows))
def test_parsers_accept_any_document(result):
    found = parse.tables(json.dumps({"jsonrpc": "2.0", "result": result}))
    rows = found.get("jobs", [])
    parse.points(rows)
    parse.jobs(rows)
    parse.failures(rows)
    parse.integrity(rows)
    parse.own_configuration(rows)
    parse.settings(found)
    parse.retention(found.get("pools", []))


@given(st.text(max_size=300) | st.text(max_size=60).map(lambda text: fake.BACULA_TABLE + text))
def test_any_text(text):
    parse.tables(text)
    parse.refusal(text)
