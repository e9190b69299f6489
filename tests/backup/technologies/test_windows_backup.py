"""Windows Server Backup: image folders, lists of versions, events, and the commands that destroy copies."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.technologies import windows_backup
from checks.backup.technologies import windows_backup_events as events
from checks.backup.technologies import windows_backup_folder as folder
from checks.common.textfile import ParseError, SourceFile, decode
from checks.model import Reason
from tests.backup.fakes import windows as fake
from tests.backup.fakes.tls import NOW, tools


def read(tmp_path, *exports, location=""):
    names = []
    for number, text in enumerate(exports):
        path = tmp_path / f"export-{number}.{'csv' if ',' in text[:30] else 'txt'}"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        names.append(str(path))
    known = {"label": "WSB", "technology": "windows_backup", "location": str(location), "export_files": tuple(names)}
    return windows_backup.read(RepositoryConfig(**known), tools())


def test_a_healthy_machine(tmp_path):
    share = tmp_path / "partage"
    fake.image(share)
    log = fake.event(4) + fake.event(14) + fake.event(5, 2, data={"DetailedHRESULT": "0x80070005"}, days=3)
    found = read(tmp_path, log, location=share)
    (point,) = found.points
    assert (point.source, point.time, point.empty) == ("DC01", NOW - timedelta(hours=10), False)
    assert found.integrity.ok is True
    (job,) = found.jobs
    assert (job.last_result, job.last_success) == ("success", job.last_run)
    assert [failure.what for failure in found.failures] == ["événement 5 : la sauvegarde a échoué (code 0x80070005)"]
    assert found.settings["destruction_signs"] == 0
    assert found.immutability.lock == "none"


def test_the_folder_itself_may_be_named(tmp_path):
    share = tmp_path / "partage"
    made = fake.image(share)
    assert read(tmp_path, location=share / "WindowsImageBackup").points[0].source == "DC01"
    assert read(tmp_path, location=made.parent).points[0].source == "WSB"


def test_an_image_encrypted_by_somebody_else(tmp_path):
    fake.image(tmp_path / "p", content=b"\x8f\x11" * 4000)
    found = read(tmp_path, location=tmp_path / "p")
    assert found.integrity.ok is False
    assert "n'est plus une image" in found.failures[0].what


def test_an_image_of_no_byte(tmp_path):
    fake.image(tmp_path / "p", content=b"")
    found = read(tmp_path, location=tmp_path / "p")
    assert found.points[0].empty is True
    assert "zéro octet" in found.failures[0].what


def test_an_old_image_has_its_mark_at_the_end(tmp_path):
    made = fake.image(tmp_path / "p")
    next(made.glob("*.vhdx")).rename(made / "x.vhd")
    (made / "x.vhd").write_bytes(b"\0" * 4096 + b"conectix" + b"\0" * 504)
    assert read(tmp_path, location=tmp_path / "p").integrity.ok is True


def test_a_missing_catalogue_and_a_renamed_image(tmp_path):
    made = fake.image(tmp_path / "p", catalogue=False)
    next(made.glob("*.vhdx")).rename(made / "x.vhdx.lockbit")
    said = " ".join(failure.what for failure in read(tmp_path, location=tmp_path / "p").failures)
    assert "catalogue" in said
    assert "renommée" in said
    assert "aucune image" in said


@pytest.mark.parametrize(("text", "count"), [(fake.VERSIONS_EN, 2), (fake.VERSIONS_FR, 1)])
def test_versions_in_both_languages(tmp_path, text, count):
    found = read(tmp_path, text)
    assert len(found.points) == count
    assert found.points[-1].time == datetime(2026, 11, 21, 20, tzinfo=UTC)
    assert found.points[-1].source == "WSB"
    assert "nas" in found.points[-1].paths[0]


def test_versions_written_by_a_console(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(fake.VERSIONS_FR.encode("cp850"))
    known = RepositoryConfig(label="WSB", technology="windows_backup", export_files=(str(path),))
    assert len(windows_backup.read(known, tools()).points) == 1


def test_no_version_at_all(tmp_path):
    assert read(tmp_path, "wbadmin 1.0 - Backup command-line tool\nERROR - No backups were found.\n").points == ()


def test_one_point_seen_twice_is_one_point(tmp_path):
    fake.image(tmp_path / "p", hours=16)
    assert len(read(tmp_path, fake.VERSIONS_FR, location=tmp_path / "p").points) == 1


def test_french_csv(tmp_path):
    found = read(tmp_path, fake.CSV_FR)
    (job,) = found.jobs
    assert job.last_result == "success"
    assert job.last_run == datetime(2026, 11, 21, 20, 40, 12, tzinfo=UTC)
    assert [failure.what for failure in found.failures] == [
        "événement 517 : la sauvegarde a échoué",
        "Destruction : wbadmin delete",
    ]
    assert found.settings["destruction_signs"] == 1
    assert found.points.reason is Reason.NOT_CONFIGURED


def test_english_csv(tmp_path):
    found = read(tmp_path, fake.CSV_EN)
    assert found.jobs[0].last_run == datetime(2026, 11, 21, 20, 40, 12, tzinfo=UTC)
    assert found.failures[0].time == datetime(2026, 11, 12, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "command",
    [
        "wbadmin delete catalog -quiet",
        "WBADMIN.EXE  DELETE SYSTEMSTATEBACKUP -keepVersions:0",
        "vssadmin.exe delete shadows /all /quiet",
        "vssadmin resize shadowstorage /for=C: /on=C: /maxsize=401MB",
        "wmic shadowcopy delete",
        "powershell Get-WmiObject Win32_Shadowcopy | ForEach-Object {$_.Delete();}",
        "bcdedit /set {default} recoveryenabled No",
        "wevtutil cl Microsoft-Windows-Backup",
    ],
)
def test_commands_that_destroy_copies(tmp_path, command):
    log = fake.event(4688, 4, "Microsoft-Windows-Security-Auditing", {"CommandLine": f"{command} motdepasse:secret"})
    found = read(tmp_path, fake.event(4) + log)
    assert found.settings["destruction_signs"] == 1
    assert found.failures[0].what.startswith("Destruction : ")
    assert "secret" not in msgspec.json.encode(found).decode()


@pytest.mark.parametrize(
    "command", ["wbadmin get versions", "vssadmin list shadows", "bcdedit /enum", "wbadmin start backup"]
)
def test_commands_that_destroy_nothing(tmp_path, command):
    log = fake.event(4688, 4, "Microsoft-Windows-Security-Auditing", {"CommandLine": command})
    assert read(tmp_path, log + fake.event(8224, 4, "VSS")).settings["destruction_signs"] == 0


@pytest.mark.parametrize(
    ("number", "level", "expected"),
    [
        (4, 4, "success"),
        (4, 0, "success"),
        (14, 4, None),
        (1, 4, None),
        (5, 2, "failed"),
        (8, 4, "failed"),
        (561, 2, "failed"),
        (999, 1, "failed"),
        (19, 3, "warning"),
        (14, 3, None),
    ],
)
def test_the_level_decides(number, level, expected):
    seen = events.Event(number, level, "Microsoft-Windows-Backup", NOW, "DC01", "", "")
    assert events.outcome(seen) == expected


def test_events_of_others_are_not_failures_of_the_backup(tmp_path):
    found = read(tmp_path, fake.event(517, 2, "Microsoft-Windows-Eventlog"))
    assert found.failures == ()
    assert found.jobs == ()


def test_events_with_a_root(tmp_path):
    text = f"<?xml version='1.0' encoding='utf-16'?><Events>{fake.event(4)}{fake.event(4, days=2)}</Events>"
    assert read(tmp_path, text).jobs[0].last_result == "success"


def test_what_is_not_given_is_a_gap(tmp_path):
    fake.image(tmp_path / "p")
    found = read(tmp_path, location=tmp_path / "p")
    assert found.jobs.reason is Reason.NOT_CONFIGURED
    assert found.failures.reason is Reason.NOT_CONFIGURED
    assert "destruction_signs" not in found.settings
    assert len(found.points) == 1


def test_a_folder_that_is_not_there(tmp_path):
    assert read(tmp_path, location="/inexistant").points.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("text", ["n'importe quoi", "<Event xmlns='x'><System>", ""])
def test_an_export_of_another_shape(tmp_path, text):
    found = read(tmp_path, text)
    assert found.points.reason is Reason.MALFORMED
    assert found.jobs.reason in {Reason.MALFORMED, Reason.NOT_CONFIGURED}


def test_an_export_that_is_not_there():
    known = RepositoryConfig(label="W", technology="windows_backup", export_files=("/inexistant.xml",))
    assert windows_backup.read(known, tools()).points.reason is Reason.NOT_CONFIGURED


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (fake.CSV_FR + text).encode()))
def test_any_export(raw):
    with contextlib.suppress(ParseError):
        file = decode("x.csv", raw)
        if events.recognise(file):
            found = events.parse(file)
            events.failures(found)
            events.destruction(found)
            events.jobs(found, "h")
        folder.versions(file, "h")


@given(st.text(max_size=120))
def test_any_event(text):
    with contextlib.suppress(ParseError):
        events.parse(SourceFile("x.xml", fake.event(4).replace("<Level>4", f"<Level>{text}"), ""))
