"""Synology: tasks, versions and snapshots through DSM, and saved logs in both languages."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption
from checks.backup.technologies import synology
from checks.backup.technologies import synology_log as log
from checks.backup.technologies import synology_parse as parse
from checks.common.textfile import ParseError, decode
from checks.model import Gap, Reason
from tests.backup.fakes import synology as fake
from tests.backup.fakes.tls import NOW, Loopback, Reply, serving, tools

NAME = "sauvegarde.tilleuls.test"
READING = {"query", "login", "logout", "list", "status", "getinfo", "list_result"}


@pytest.fixture
def nas(tmp_path):
    with serving(fake.Nas(), tmp_path) as made:
        yield made


def config(nas, **changes):
    known = {
        "label": "NAS",
        "technology": "synology",
        "location": NAME,
        "port": nas.port,
        "user": fake.USER,
        "password_from": "env:NAS",
        "fingerprint": nas.fingerprint,
    }
    return RepositoryConfig(**{**known, **changes})


def methods(nas):
    return [{**one.query, **one.form}.get("method") for one in nas.requests]


def read(nas, **changes):
    found = synology.read(config(nas, **changes), tools(secrets={"env:NAS": fake.PASSWORD}))
    encoded = msgspec.json.encode(found).decode()
    assert fake.PASSWORD not in encoded
    assert fake.SID not in encoded
    assert set(methods(nas)) <= READING
    assert methods(nas).count("login") <= 1
    assert all("passwd" not in one.query for one in nas.requests)
    return found


def test_a_healthy_nas(nas):
    found = read(nas)
    assert (found.product, found.version, found.medium) == ("Synology DS923+", "DSM 7.2.2-72806", "nas")
    sources = {point.source: point for point in found.points}
    assert set(sources) == {"dc01", "dui", "Vers USB"}
    assert sources["Vers USB"].time == NOW - timedelta(hours=8)
    assert sources["Vers USB"].paths == ("/dui", "/partage")
    assert sources["dc01"].time == NOW - timedelta(hours=13)
    jobs = {job.name: job for job in found.jobs}
    assert (jobs["Vers USB"].last_result, jobs["Vers USB"].schedule) == ("success", "03:00")
    assert jobs["Vers USB"].last_success == NOW - timedelta(hours=8)
    assert (jobs["Serveurs"].last_result, jobs["Serveurs"].notified) == ("success", True)
    assert isinstance(found.encryption, Encryption)
    assert found.encryption.encrypted is True
    assert found.encryption.transport is True
    assert (found.immutability.lock, found.immutability.days) == ("immutable_days", 14)
    assert found.failures[0].source == "Serveurs"
    assert found.retention == "10 versions, 7 jours, 4 semaines"
    assert methods(nas)[-1] == "logout"


@pytest.mark.parametrize("method", ["set", "create", "delete", "backup", "remove", "login"])
def test_a_method_that_changes_something_is_never_called(nas, method):
    made = synology._Nas(None, nas.known, fake.SID)
    with pytest.raises(ValueError, match="not a reading"):
        made.call("SYNO.ActiveBackup.Task", method)


def test_a_wrong_password_is_given_once(nas):
    nas.password = "autre"
    found = read(nas)
    assert found.points.reason is Reason.REFUSED
    assert "refusé" in found.points.detail
    assert methods(nas) == ["query", "login"]


@pytest.mark.parametrize(("code", "words"), [(403, "second facteur"), (407, "bloquée"), (999, "échoué")])
def test_why_the_nas_lets_nobody_in(nas, code, words):
    nas.codes["SYNO.API.Auth.login"] = code
    found = read(nas)
    assert found.points.reason is Reason.REFUSED
    assert words in found.points.detail


def test_the_password_goes_to_a_verified_nas_only(nas):
    assert read(nas, fingerprint="").points.reason is Reason.REFUSED
    assert nas.requests == []


def test_a_product_that_is_not_installed_is_no_gap(nas):
    for name in ("SYNO.ActiveBackup.Task", "SYNO.ActiveBackup.Log"):
        del nas.known[name]
    found = read(nas)
    assert {point.source for point in found.points} == {"Vers USB"}
    assert found.failures.reason is Reason.UNSUPPORTED
    assert found.immutability.reason is Reason.UNSUPPORTED


def test_no_product_at_all(nas):
    for name in ("SYNO.ActiveBackup.Task", "SYNO.Backup.Task"):
        del nas.known[name]
    found = read(nas)
    assert found.points.reason is Reason.UNSUPPORTED
    assert found.jobs.reason is Reason.UNSUPPORTED


def test_one_product_that_refuses_is_not_an_empty_list(nas):
    nas.codes["SYNO.Backup.Task.list"] = 105
    found = read(nas)
    assert found.points.reason is Reason.PERMISSION
    assert found.jobs.reason is Reason.PERMISSION


def test_versions_that_cannot_be_listed(nas):
    nas.codes["SYNO.Backup.Version.list"] = 103
    found = read(nas)
    point = next(point for point in found.points if point.source == "Vers USB")
    assert point.time == NOW - timedelta(hours=8)
    assert any("dernier succès" in limit for limit in found.limits)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("done", "success"),
        ("backingup", "running"),
        ("partial", "warning"),
        ("cksum_failed", "failed"),
        ("dest-missing", "failed"),
        ("none", "none"),
        ("nouveau_mot", None),
        ("", None),
    ],
)
def test_results_of_hyper_backup(token, expected):
    assert parse.result(token) == expected


def test_an_unknown_result_is_shown_as_written(nas):
    nas.data["SYNO.Backup.Task.status"] = {"last_bkp_result": "nouveau_mot", "last_bkp_end_time": fake.local(hours=2)}
    job = next(job for job in read(nas).jobs if job.name == "Vers USB")
    assert job.last_result is None
    assert job.last_success is None
    assert "nouveau_mot" in job.detail


def test_a_failed_run_keeps_the_last_success(nas):
    nas.data["SYNO.Backup.Task.status"].update(last_bkp_result="failed", last_bkp_end_time=fake.local(hours=1))
    job = next(job for job in read(nas).jobs if job.name == "Vers USB")
    assert (job.last_result, job.last_success) == ("failed", NOW - timedelta(hours=8))


def test_a_task_in_clear(nas):
    nas.data["SYNO.ActiveBackup.Task.list"]["tasks"].append(fake.active(6, "Postes", storage_encrypt_algorithm=0))
    assert read(nas).encryption.encrypted is False


def test_snapshots_that_are_not_locked(nas):
    nas.data["SYNO.Core.Share.Snapshot.list"]["snapshots"][0]["worm_lock"] = False
    found = read(nas)
    assert found.immutability.lock == "snapshot"
    assert found.immutability.covered == 0


def test_a_lock_that_ended(nas):
    nas.data["SYNO.Core.Share.Snapshot.list"]["snapshots"][0]["worm_lock_end"] = str(fake.epoch(hours=0))
    assert read(nas).immutability.lock == "snapshot"


def test_no_snapshot(nas):
    nas.data["SYNO.Core.Share.Snapshot.list"]["snapshots"] = []
    assert read(nas).immutability.lock == "none"


def test_locked_snapshots_on_the_array_they_copy(nas):
    assert read(nas, same_array_as_source=True).immutability.lock == "snapshot"


def test_snapshots_that_cannot_be_read(nas):
    nas.codes["SYNO.Core.Share.Snapshot.list"] = 105
    assert read(nas).immutability.reason is Reason.PERMISSION


def test_a_session_that_ends_halfway(nas):
    nas.codes["SYNO.ActiveBackup.Log.list_result"] = 106
    found = read(nas)
    assert len(found.points) == 5
    assert found.failures.reason is Reason.REFUSED
    assert found.immutability.reason is Reason.REFUSED


def test_what_answers_is_not_a_nas(nas):
    nas.known = {}
    found = read(nas)
    assert found.points.reason is Reason.UNSUPPORTED
    assert methods(nas) == ["query"]


def test_a_path_that_would_leave_the_api(nas):
    nas.known["SYNO.Backup.Task"]["path"] = "../../evil?x="
    read(nas)
    assert {path for _, path in nas.log} == {"/webapi/query.cgi", "/webapi/entry.cgi"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=500), Reason.ERROR),
        (Reply(raw=b"<html>"), Reason.MALFORMED),
        (Reply([]), Reason.UNSUPPORTED),
        (Reply(drop=True), Reason.UNREACHABLE),
    ],
)
def test_a_bad_discovery(nas, reply, reason):
    nas.broken["/webapi/query.cgi"] = reply
    assert read(nas).points.reason is reason


def test_the_mandate_refuses(nas):
    found = synology.read(config(nas), tools(Loopback(refused=frozenset({NAME})), {"env:NAS": fake.PASSWORD}))
    assert found.points.reason is Reason.REFUSED
    assert nas.requests == []


# --- saved logs -----------------------------------------------------------------------------------------------------

CSV_EN = (
    "Level,Time,User,Event\r\n"
    "Info,2026/11/21 22:00:00,SYSTEM,[Local][DUI vers USB] Backup task started.\r\n"
    "Info,2026/11/21 23:00:00,SYSTEM,[Local][DUI vers USB] Backup task finished successfully. [12 files]\r\n"
    "Error,2026/11/20 23:00:00,SYSTEM,[Network][Paie] Failed to run backup task.\r\n"
)
CSV_FR = (
    "Niveau;Date et heure;Utilisateur;Événement\r\n"
    "Info;21/11/2026 23:00:00;SYSTEM;[Local][DUI vers USB] La tâche de sauvegarde s'est terminée avec succès.\r\n"
    "Erreur;20/11/2026 23:00:00;SYSTEM;[Réseau][Paie] La tâche de sauvegarde a échoué.\r\n"
)
HTML = (
    "<html><body><table><tr><th>Level</th><th>Time</th><th>User</th><th>Event</th></tr>"
    "<tr><td>Info</td><td>2026/11/21 23:00:00</td><td>SYSTEM</td><td>[Local][DUI vers USB] Backup task finished "
    "successfully.</td></tr><tr><td>Error</td><td>2026/11/20 23:00:00</td><td>SYSTEM</td>"
    "<td>[Paie] Failed &lt;script&gt;</td></tr></table></body></html>"
)
TEXT = (
    "2026/11/21 23:00:00 info [DUI vers USB] Backup task finished successfully.\n"
    "2026/11/20 23:00:00 err [Paie] Failed to run backup task.\n"
)


def from_log(tmp_path, text, name="journal.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return synology.read(RepositoryConfig(label="NAS", technology="synology", export_files=(str(path),)), tools())


@pytest.mark.parametrize("text", [CSV_FR, HTML, TEXT])
def test_logs_of_every_kind(tmp_path, text):
    found = from_log(tmp_path, text)
    assert [(point.source, point.time.isoformat()) for point in found.points] == [
        ("DUI vers USB", "2026-11-21T22:00:00+00:00")
    ]
    assert {job.name: job.last_result for job in found.jobs} == {"DUI vers USB": "success", "Paie": "failed"}
    assert [failure.source for failure in found.failures] == ["Paie"]
    assert isinstance(found.encryption, Gap)


def test_an_english_csv_with_other_brackets(tmp_path):
    found = from_log(tmp_path, CSV_EN)
    assert [point.source for point in found.points] == ["DUI vers USB"]
    assert [failure.source for failure in found.failures] == ["Paie"]


@pytest.mark.parametrize("text", ["", "Level,Time,Event\r\n", "n'importe quoi", "<table><tr><td>x</td></tr></table>"])
def test_a_log_of_another_shape(tmp_path, text):
    assert from_log(tmp_path, text).points.reason is Reason.MALFORMED


def test_a_log_that_is_not_there():
    known = RepositoryConfig(label="NAS", technology="synology", export_files=("/inexistant.csv",))
    assert synology.read(known, tools()).points.reason is Reason.NOT_CONFIGURED


def test_a_success_that_speaks_of_failures():
    line = log.Line("Info", NOW, "[x] La tâche s'est terminée avec succès après un échec")
    assert log.succeeded(line)
    assert not log.failed(line)


@given(st.text(max_size=200) | st.text(max_size=100).map(lambda text: CSV_FR + text) | st.text().map("<table>".__add__))
def test_any_log(text):
    with contextlib.suppress(ParseError):
        lines = log.parse(decode("x", text.encode("utf-8", "surrogatepass")))
        log.points(lines, "x")
        log.jobs(lines, "x")
        log.failures(lines)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("task_id", "name", "schedule", "source", "last_bkp_time", "versions", "devices", "last_result", "worm_lock")
rows = st.dictionaries(st.sampled_from((*KEYS, "complete_time", "retention_policy", "data_enc")), anything, max_size=6)


@settings(max_examples=60)
@given(rows, rows)
def test_parsers_accept_any_row(task, other):
    job = parse.hyper_job(task, other)
    parse.hyper_points(task, job, [other])
    parse.hyper_points(task, job, None)
    parse.active_job(task)
    parse.active_points(task)
    parse.failures([task])
    parse.retention(task)
    parse.encryption([task], [other], key_escrow=None)
    parse.immutability({"x": [task, other]}, NOW, same_array=None)
