"""kopia and Duplicati: outputs written after their documented shapes, since neither could be installed here."""

from __future__ import annotations

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.technologies import duplicati, kopia
from checks.common.programs import Finished
from checks.common.textfile import SourceFile
from checks.model import CollectError, Gap, Reason
from tests.backup.technologies.peers import PASSWORD, Bench, fingerprint, repository, tools


def snapshot(day: int, size: int = 5000, files: int = 12, **more):
    return {
        "id": f"d1876aac51503cad8076163c2d9627b{day}",
        "source": {"host": "srv-fichiers", "userName": "root", "path": "/srv/partage"},
        "description": "",
        "startTime": f"2026-11-{day}T02:00:00.756383737+01:00",
        "endTime": f"2026-11-{day}T02:10:00.104913436+01:00",
        "rootEntry": {"name": "partage", "type": "d", "summ": {"size": size, "files": files, "symlinks": 0, "dirs": 3, **more.pop("summ", {})}},
        **more,
    }  # fmt: skip


SNAPSHOTS = [snapshot(20), snapshot(21, incomplete="canceled"), snapshot(22, 0, 0), snapshot(19, summ={"numFailed": 2})]
STATUS = {
    "configFile": "/root/.config/kopia/repository.config",
    "uniqueIDHex": "0a0b0c",
    "clientOptions": {"hostname": "srv-fichiers", "username": "root"},
    "storage": {"type": "s3", "config": {"bucket": "tilleuls", "endpoint": "s3.tilleuls.test", "accessKeyID": "AK", "secretAccessKey": "*****"}},
    "volume": {"capacity": 1000, "available": 400},
    "contentFormat": {"hash": "BLAKE2B-256-128", "encryption": "AES256-GCM-HMAC-SHA256", "version": 3},
    "blobRetention": {"retentionMode": "COMPLIANCE", "retentionPeriod": 2_592_000_000_000_000},
}  # fmt: skip


def saved(tmp_path, *values) -> tuple[str, ...]:
    files = []
    for number, value in enumerate(values):
        (tmp_path / f"{number}.json").write_text(value if isinstance(value, str) else json.dumps(value))
        files.append(str(tmp_path / f"{number}.json"))
    return tuple(files)


def test_saved_outputs_of_kopia(tmp_path):
    found = kopia.read(repository("kopia", export_files=saved(tmp_path, SNAPSHOTS, STATUS)), tools(Bench()))
    assert [(p.time.isoformat()[:16], p.source, p.size, p.complete, p.empty) for p in found.points] == [
        ("2026-11-19T01:00", "srv-fichiers", 5000, False, False),
        ("2026-11-20T01:00", "srv-fichiers", 5000, True, False),
        ("2026-11-21T01:00", "srv-fichiers", 5000, False, False),
        ("2026-11-22T01:00", "srv-fichiers", 0, True, True),
    ]
    assert (found.immutability.lock, found.immutability.days) == ("compliance", 30)
    assert found.encryption.encrypted
    assert (found.repository_id, found.capacity, found.free) == ("0a0b0c", 1000, 400)
    assert found.address == "s3: s3.tilleuls.test/tilleuls"
    assert "AK" not in str(found)
    assert any("éprouvée" in limit for limit in found.limits)


@pytest.mark.parametrize(
    ("retention", "lock"),
    [
        ({"retentionMode": "GOVERNANCE", "retentionPeriod": 86_400_000_000_000}, "governance"),
        ({"retentionMode": "COMPLIANCE", "retentionPeriod": 0}, "none"),
        ({"retentionMode": "", "retentionPeriod": 86_400_000_000_000}, "none"),
        ({}, "none"),
    ],
)
def test_a_retention_of_kopia_needs_a_mode_and_a_length(tmp_path, retention, lock):
    files = saved(tmp_path, {**STATUS, "blobRetention": retention})
    found = kopia.read(repository("kopia", export_files=files), tools(Bench()))
    assert found.immutability.lock == lock
    assert found.points.reason is Reason.NOT_CONFIGURED


@pytest.mark.parametrize("text", ["", "pas du json", "{}", "[{}]", "12", '[{"id": "x"}]'])
def test_a_file_that_is_not_of_kopia_is_malformed(tmp_path, text):
    found = kopia.read(repository("kopia", export_files=saved(tmp_path, text)), tools(Bench()))
    assert found.points.reason is Reason.MALFORMED


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """A kopia that is found and never started, connected to a folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kopia").write_text("")
    (tmp_path / "bin" / "kopia").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    file = tmp_path / "repository.config"

    def write(content):
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return write


def answer(command):
    return json.dumps(STATUS if "status" in command else SNAPSHOTS).encode()


def test_kopia_is_asked_through_its_own_connection(connected, tmp_path):
    file = connected({"storage": {"type": "filesystem", "config": {"path": "/mnt/copies"}}})
    before = fingerprint(tmp_path)
    bench = Bench(answers=answer)
    found = kopia.read(repository("kopia", file), tools(bench))
    assert len(found.points) == 4
    assert bench.verbs("kopia") == ["repository status", "snapshot list"]
    assert bench.permitted == []
    assert not any(PASSWORD in word for command in bench.commands for word in command)
    assert all(environment["KOPIA_PASSWORD"] == PASSWORD for environment in bench.environments)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    ("storage", "host"),
    [
        ({"type": "s3", "config": {"endpoint": "s3.tilleuls.test:9000"}}, ("s3.tilleuls.test", "s3")),
        ({"type": "sftp", "config": {"host": "nas.tilleuls.test", "path": "/x"}}, ("nas.tilleuls.test", "sftp")),
        ({"type": "webdav", "config": {"url": "https://dav.tilleuls.test/x"}}, ("dav.tilleuls.test", "webdav")),
    ],
)
def test_a_server_of_kopia_outside_the_mandate_is_not_reached(connected, storage, host):
    bench = Bench(refused=(host[0],), answers=answer)
    found = kopia.read(repository("kopia", connected({"storage": storage})), tools(bench))
    assert found.points.reason is Reason.REFUSED
    assert bench.commands == []


def test_a_server_of_kopia_is_permitted_then_asked(connected):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        bench = Bench(answers=answer)
        content = {"apiServer": {"url": f"https://127.0.0.1:{port}"}}
        found = kopia.read(repository("kopia", connected(content)), tools(bench))
    assert len(found.points) == 4
    assert bench.permitted[0] == ("127.0.0.1", port, "kopia")


@pytest.mark.parametrize(
    "content", [{"storage": {"type": "b2"}}, {}, "rien", {"storage": {"type": "s3", "config": {"endpoint": "["}}}]
)
def test_a_connection_whose_servers_cannot_be_told_starts_nothing(connected, content):
    bench = Bench(answers=answer)
    found = kopia.read(repository("kopia", connected(content)), tools(bench))
    assert found.points.reason in (Reason.UNSUPPORTED, Reason.MALFORMED)
    assert bench.commands == []


def test_a_wrong_password_of_kopia_is_refused_once(connected):
    file = connected({"storage": {"type": "filesystem", "config": {"path": "/mnt/copies"}}})
    bench = Bench(answers=lambda _: Finished(1, b"", b"ERROR invalid repository password\n"))
    found = kopia.read(repository("kopia", file), tools(bench))
    assert found.points.reason is Reason.REFUSED
    assert len(bench.commands) == 1


def result(day: int, outcome: str = "Success", **more):
    data = {
        "ExaminedFiles": 158, "SizeOfExaminedFiles": 117_758, "FilesWithError": 0, "PartialBackup": False,
        "MainOperation": "Backup", "ParsedResult": outcome, "Version": "2.0.6.3 (2.0.6.3_beta_2021-06-17)",
        "BeginTime": f"2026-11-{day}T02:00:00.0012463Z", "EndTime": f"2026-11-{day}T02:30:00Z", "Errors": None,
        "BackendStatistics": {"BytesUploaded": 36_204, "TotalQuotaSpace": 30_000, "FreeQuotaSpace": 10_000},
        "TestResults": {"MainOperation": "Test", "ParsedResult": "Success", "EndTime": f"2026-11-{day}T02:31:00Z",
                        "Verifications": [{"Key": "duplicati-b1.dblock.zip.aes", "Value": []}]},
        **more,
    }  # fmt: skip
    return {"Data": data, "Extra": {"machine-name": "PC-COMPTA", "backup-name": "Comptabilité"}}


def test_saved_results_of_duplicati(tmp_path):
    failed = result(22, "Error", Errors=["\x1b[31mLe dossier distant est plein"], TestResults=None)
    files = saved(tmp_path, [result(19), result(21, "Warning", FilesWithError=3)], json.dumps(result(20, ExaminedFiles=0)) + "\n" + json.dumps(failed))  # fmt: skip
    found = duplicati.read(repository("duplicati", export_files=files), tools(Bench()))
    assert [(p.time.day, p.source, p.complete, p.empty) for p in found.points] == [
        (19, "PC-COMPTA", True, False),
        (20, "PC-COMPTA", True, True),
        (21, "PC-COMPTA", False, False),
    ]
    (job,) = found.jobs
    assert (job.name, job.last_result, job.last_run.day, job.last_success.day) == ("Comptabilité", "failed", 22, 20)
    assert "\x1b" not in job.detail
    assert "est plein" in job.detail
    assert [failure.time.day for failure in found.failures] == [22]
    assert (found.integrity.ok, found.integrity.depth, found.integrity.when.day) == (True, "sample", 21)
    assert (found.version, found.capacity, found.free) == ("2.0.6.3", 30_000, 10_000)
    assert isinstance(found.immutability, Gap)
    assert isinstance(found.encryption, Gap)


def test_a_volume_that_does_not_match_is_damage(tmp_path):
    bad = {"MainOperation": "Test", "ParsedResult": "Error", "Verifications": [{"Key": "b2.dblock.zip.aes", "Value": [{"Key": "Error", "Value": "x"}]}]}  # fmt: skip
    found = duplicati.read(
        repository("duplicati", export_files=saved(tmp_path, result(19), result(20, TestResults=bad))), tools(Bench())
    )
    assert found.integrity.ok is False
    assert "b2.dblock" in found.integrity.detail


@pytest.mark.parametrize(
    "text", ["", "rien", "{}", json.dumps({"MainOperation": "Restore", "ParsedResult": "Success"})]
)
def test_a_file_without_a_backup_of_duplicati_is_malformed(tmp_path, text):
    found = duplicati.read(repository("duplicati", export_files=saved(tmp_path, text)), tools(Bench()))
    assert found.points.reason is Reason.MALFORMED


def test_duplicati_itself_is_never_run():
    bench = Bench()
    found = duplicati.read(repository("duplicati", "file:///copies"), tools(bench))
    assert found.points.reason is Reason.NOT_CONFIGURED
    assert bench.commands == []


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9), st.lists(st.integers(), max_size=2), st.just({"Key": []}))  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(result(1)["Data"])), ODD, max_size=6))
def test_any_value_in_a_result_of_duplicati_gives_a_reading_or_a_refusal(odd):
    text = json.dumps([result(19), {"Data": {**result(20)["Data"], **odd}}])
    found = duplicati.parse([SourceFile("x", text, "")], "Copie")
    assert 1 <= len(found.points) <= 2


@given(st.dictionaries(st.sampled_from(sorted(snapshot(19))), ODD, max_size=5), st.dictionaries(st.sampled_from(sorted(STATUS)), ODD, max_size=5))  # fmt: skip
def test_any_value_in_an_output_of_kopia_gives_a_reading_or_a_refusal(odd, strange):
    found = kopia.parse([json.dumps([snapshot(18), {**snapshot(20), **odd}]), json.dumps({**STATUS, **strange})])
    assert 1 <= len(found.points) <= 2
    kopia._immutability(found.status)
    kopia._address(found.status)


@given(st.recursive(ODD, lambda inner: st.dictionaries(st.sampled_from(["storage", "type", "config", "apiServer", "url", "endpoint", "s3", "sftp"]), inner, max_size=3), max_leaves=6))  # fmt: skip
def test_any_configuration_of_kopia_gives_a_place_or_a_refusal(content):
    try:
        kind = kopia.parse_place(content).kind
    except CollectError as error:
        kind = error.reason
    assert kind in {"local", "sftp", "s3", "webdav", "kopia", Reason.UNSUPPORTED, Reason.MALFORMED}
