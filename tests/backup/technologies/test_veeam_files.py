"""A folder of Veeam files: freshness, chains, metadata, signs of an encryption by somebody else."""

from __future__ import annotations

import contextlib
import os
import random
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.technologies import veeam_chain as chain
from checks.backup.technologies import veeam_files, veeam_vbm
from checks.common.textfile import ParseError, SourceFile, decode
from checks.model import Gap, Reason
from tests.backup.fakes import veeam_folder as fake
from tests.backup.fakes.tls import NOW, tools


def read(root, **changes):
    known = {"label": "Partage", "technology": "veeam_files", "location": str(root)}
    return veeam_files.read(RepositoryConfig(**{**known, **changes}), tools())


def test_a_healthy_folder(tmp_path):
    fake.healthy(tmp_path)
    found = read(tmp_path)
    assert {point.source for point in found.points} == {"dc01"}
    # The metadata give the time in UTC, and win over the name.
    assert all(point.time.hour == 2 for point in found.points)
    assert all(point.size == 1048576 and point.stored == 8192 for point in found.points)
    assert found.integrity.ok is True
    assert found.integrity.depth == "metadata"
    assert found.failures == ()
    assert found.own_configuration_saved is True
    assert found.settings["config_backup_age_days"] == 1
    assert found.version == "12"
    assert found.capacity > 0
    assert isinstance(found.jobs, Gap)
    assert isinstance(found.immutability, Gap)


def test_without_metadata_names_give_the_time(tmp_path):
    fake.write(tmp_path, fake.name("dc01", "vbk", hours=10))
    found = read(tmp_path)
    assert found.points[0].time == NOW - timedelta(hours=10)
    assert any("Paris" in limit for limit in found.limits)


def test_a_file_without_date_has_that_of_its_last_change(tmp_path):
    fake.write(tmp_path, "sauvegarde.vbk", hours=30)
    found = read(tmp_path)
    assert found.points[0].time == NOW - timedelta(hours=30)
    assert any("dernière modification" in limit for limit in found.limits)


def test_an_increment_whose_full_backup_is_missing(tmp_path):
    folder = fake.healthy(tmp_path)
    next(folder.glob("*.vbk")).unlink()
    found = read(tmp_path)
    assert found.integrity.ok is False
    said = " ".join(failure.what for failure in found.failures)
    assert "incrément sans sauvegarde complète" in said
    assert "absent du dossier" in said


def test_an_increment_older_than_its_full_backup(tmp_path):
    fake.write(tmp_path, fake.name("dc01", "vib", days=2))
    fake.write(tmp_path, fake.name("dc01", "vbk", days=1))
    assert read(tmp_path).integrity.ok is False


def test_a_full_backup_of_another_machine_does_not_help(tmp_path):
    fake.write(tmp_path, fake.name("dui", "vbk", days=2))
    fake.write(tmp_path, fake.name("dc01", "vib", days=1))
    assert [failure.source for failure in read(tmp_path).failures] == ["dc01"]


def test_a_reverse_increment_needs_a_full_backup(tmp_path):
    fake.write(tmp_path, fake.name("dc01", "vrb", days=2))
    assert read(tmp_path).integrity.ok is False
    fake.write(tmp_path, fake.name("dc01", "vbk", days=1))
    assert read(tmp_path).integrity.ok is True


def test_a_file_of_no_byte(tmp_path):
    fake.write(tmp_path, fake.name("dc01", "vbk", hours=2), size=0)
    found = read(tmp_path)
    assert found.points[0].empty is True
    assert "zéro octet" in found.failures[0].what


def test_a_file_the_metadata_name_is_missing(tmp_path):
    folder = fake.healthy(tmp_path)
    max(folder.glob("*.vib")).unlink()
    found = read(tmp_path)
    assert found.integrity.ok is False
    assert "absent du dossier" in found.failures[0].what


def test_a_link_to_a_file_the_metadata_no_longer_name(tmp_path):
    folder = tmp_path / "j"
    file = fake.name("dc01", "vbk", hours=2)
    fake.write(folder, file)
    (folder / "j.vbm").write_text(fake.metadata("j", [("a", file, "z")]), "utf-8")
    assert "ne nomment plus" in read(tmp_path).failures[0].what


def test_points_the_product_marks_as_corrupted(tmp_path):
    folder = tmp_path / "j"
    file = fake.name("dc01", "vbk", hours=2)
    fake.write(folder, file)
    (folder / "j.vbm").write_text(fake.metadata("j", [("a", file, "")], corrupted=True), "utf-8")
    assert "abîmés" in read(tmp_path).failures[0].what


def test_a_file_encrypted_by_somebody_else(tmp_path):
    path = fake.write(tmp_path, fake.name("dc01", "vbk", hours=2))
    path.write_bytes(random.Random(7).randbytes(20_000))
    found = read(tmp_path)
    assert found.integrity.ok is False
    assert "chiffrement" in found.failures[0].what


def test_files_renamed_by_somebody_else(tmp_path):
    fake.write(tmp_path, fake.name("dc01", "vbk", hours=2) + ".lockbit")
    found = read(tmp_path)
    assert found.points == ()
    assert "renommé" in found.failures[0].what
    assert found.integrity.ok is False


def test_one_file_for_all_the_machines_of_a_job(tmp_path):
    folder = tmp_path / "Quotidienne"
    file = fake.name("Quotidienne", "vbk", hours=2)
    fake.write(folder, file)
    meta = fake.metadata("Quotidienne", [("a", file, "")], machines=("dc01", "dui"))
    (folder / "Quotidienne.vbm").write_text(meta, "utf-8")
    assert {point.source for point in read(tmp_path).points} == {"dc01", "dui"}


@pytest.mark.parametrize("content", ["<html/>", "<BackupMeta/>", "<BackupMeta><a", "\x00\x01binaire", "", "PK\x03\x04"])
def test_metadata_of_another_shape_leave_the_chain_unproved(tmp_path, content):
    fake.write(tmp_path, fake.name("dc01", "vbk", hours=2))
    (tmp_path / "x.vbm").write_text(content, "utf-8")
    found = read(tmp_path)
    assert found.integrity.reason is Reason.MALFORMED
    assert len(found.points) == 1
    assert any("Métadonnées non lues" in limit for limit in found.limits)


def test_metadata_with_entities_are_refused(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><BackupMeta Version="1"><Storages>&a;</Storages></BackupMeta>'
    with pytest.raises(ParseError):
        veeam_vbm.parse(decode("x.vbm", bomb.encode()))


def test_metadata_written_without_escaping():
    text = '<BackupMeta Version="9"><Storages><Storage Id="A" FilePath="D:\\s\\x.vbk"/></Storages></BackupMeta>'
    found = veeam_vbm.parse(SourceFile("x.vbm", text, ""))
    assert [storage.file for storage in found.storages] == ["x.vbk"]


def test_keys_in_the_metadata_say_that_copies_are_encrypted(tmp_path):
    file = fake.name("dc01", "vbk", hours=2)
    fake.write(tmp_path, file)
    (tmp_path / "j.vbm").write_text(fake.metadata("j", [("a", file, "")], keys=True), "utf-8")
    assert read(tmp_path).encryption.encrypted is True


def test_an_empty_folder(tmp_path):
    found = read(tmp_path)
    assert found.points == ()
    assert found.integrity.reason is Reason.NOT_CONFIGURED
    assert found.own_configuration_saved.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("location", ["/inexistant/sauvegardes", "relatif", "\\\\nas\\veeam"])
def test_a_folder_that_is_not_there(location):
    assert read(location).points.reason is Reason.UNREACHABLE


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path, monkeypatch):
    fake.healthy(tmp_path)
    genuine = os.scandir

    def refuse(path):
        if str(path).endswith("Quotidienne"):
            raise PermissionError("refusé")
        return genuine(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = read(tmp_path)
    assert found.points.reason is Reason.PERMISSION


def test_links_are_not_followed(tmp_path):
    outside = tmp_path / "dehors"
    fake.write(outside, fake.name("dc01", "vbk", hours=2))
    inside = tmp_path / "dedans"
    inside.mkdir()
    (inside / "lien").symlink_to(outside, target_is_directory=True)
    (inside / "lien.vbk").symlink_to(next(outside.iterdir()))
    assert read(inside).points == ()


def test_names_that_are_not_text_are_written_all_the_same(tmp_path):
    name = os.fsdecode(b"dc01\xff\x1b[31m" + fake.name("", "vbk", hours=2).encode())
    fake.write(tmp_path, name)
    assert len(msgspec.json.decode(msgspec.json.encode(read(tmp_path)))["points"]) == 1


def test_folders_too_deep_are_said(tmp_path):
    deep = tmp_path.joinpath(*"abcdefgh")
    fake.write(deep, fake.name("dc01", "vbk", hours=2))
    found = read(tmp_path)
    assert found.points == ()
    assert any("niveaux" in limit for limit in found.limits)


def test_too_many_files_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(veeam_files, "MAX_FILES", 3)
    for day in range(6):
        fake.write(tmp_path, fake.name("dc01", "vbk", days=day, hours=1))
    assert any("s'arrête" in limit for limit in read(tmp_path).limits)


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("dc01.vm-101D2026-11-21T220000_1A2B.vbk", "dc01"),
        ("dc01.4fd3a1b0-2c1e-0a9d-8c7f-aabbccddeeffD2026-11-21T220000.vib", "dc01"),
        ("Postes administratifs2026-11-21T220000.vbk", "Postes administratifs"),
        ("Quotidienne_2026-11-21T220000.vbk", "Quotidienne"),
        ("srv.tilleuls.test2026-11-21T220000_ABCD.vbk", "srv.tilleuls.test"),
        ("nimporte.vbk", "nimporte"),
    ],
)
def test_names_of_chains(file, stem):
    assert chain.backup(chain.File("", file, 1, NOW), None).chain == stem


@given(st.text(min_size=1, max_size=80))
def test_any_name(name):
    made = chain.backup(chain.File("", f"{name}.vbk", 1, NOW), None)
    assert made.time.tzinfo is not None
    chain.points([made], {})
    chain.config_time(chain.File("", f"{name}.bco", 1, NOW))


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"<BackupMeta>{text}</BackupMeta>".encode()))
def test_any_metadata(raw):
    with contextlib.suppress(ParseError):
        veeam_vbm.parse(decode("x.vbm", raw))
