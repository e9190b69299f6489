"""Real restic repositories, healthy and broken, from the program to the verdict."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from checks.backup.facts import BackupFacts, PlannedSystem, Repository
from checks.backup.technologies import restic
from checks.model import Judgement, Reason, Severity, Verdict
from tests.backup.house import NOW, mute
from tests.backup.technologies.peers import PASSWORD, Bench, flip, run, tools
from tests.backup.technologies.peers import repository as configured

pytestmark = pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
KEY = {"RESTIC_PASSWORD": PASSWORD}
P, F, NS = Verdict.PASS, Verdict.FAIL, Verdict.NOT_ASSESSED


def backup(root: Path, source: str, folder: str, hours: float) -> None:
    when = (NOW - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
    run([*base(root), "backup", "--host", source, "--time", when, folder], root, **KEY)


def base(root: Path) -> list[str]:
    return ["restic", "-r", str(root / "depot"), "--no-cache", "-q"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server saved every night, one that stopped two months ago, one whose last success is empty."""
    root = tmp_path_factory.mktemp("restic-verdicts")
    (root / "dui").mkdir()
    (root / "vide").mkdir()
    (root / "dui" / "images.bin").write_bytes(os.urandom(200_000))
    run([*base(root), "init"], root, **KEY)
    backup(root, "srv-dui", "dui", 30)
    backup(root, "srv-dui", "dui", 6)
    backup(root, "srv-vieux", "dui", 61 * 24)
    backup(root, "srv-vide", "dui", 30)
    backup(root, "srv-vide", "vide", 6)
    return root


@pytest.fixture(scope="module")
def facts(made: Path) -> BackupFacts:
    return read(made / "depot", check_percent=100)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "depot", tmp_path / "depot")
    return tmp_path / "depot"


def read(depot: Path, secret: str = PASSWORD, **declared: object) -> BackupFacts:
    """What the agent reads of the repository, and the plan of the house."""
    config = configured("restic", depot, medium="nas", place="Bâtiment B", **declared)
    found: Repository = restic.read(config, tools(Bench(), secret, NOW))
    system = PlannedSystem(label="Système", critical=True, sources=("srv-dui",), rpo_hours=24, retention_days=1)
    return BackupFacts(repositories=(found,), systems=(system,), production_places=("Local technique",))


def judged(facts: BackupFacts, check: str, source: str = "srv-dui") -> Judgement:
    system = msgspec.structs.replace(facts.systems[0], sources=(source,))
    (found,) = mute(check, msgspec.structs.replace(facts, systems=(system,)))
    return found


def verdict(facts: BackupFacts, check: str) -> Verdict:
    return judged(facts, check).verdict


def packs(depot: Path) -> list[Path]:
    """Packs by size: the largest holds the data of files."""
    return sorted((p for p in (depot / "data").rglob("*") if p.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    "check",
    [
        "coverage.has_copy", "freshness.recent", "freshness.regular", "integrity.sound", "integrity.deep",
        "results.no_stale_lock", "protection.encrypted", "protection.far_enough", "copies.one_offsite",
        "copies.no_error",
    ],
)  # fmt: skip
def test_healthy_system(facts: BackupFacts, check: str) -> None:
    assert verdict(facts, check) is P


@pytest.mark.parametrize("check", ["copies.three_copies", "copies.one_locked", "immutability.one_safe_copy"])
def test_single_copy_that_can_be_deleted(facts: BackupFacts, check: str) -> None:
    assert verdict(facts, check) is F


def test_two_month_old_last_point_is_critical(facts: BackupFacts) -> None:
    found = judged(facts, "freshness.recent", "srv-vieux")
    assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
    assert "61 jours" in found.message
    assert "srv-vieux" in {item.label for item in judged(facts, "freshness.alive").affected}


def test_empty_success_is_no_copy(facts: BackupFacts) -> None:
    found = judged(facts, "results.not_empty")
    assert (found.verdict, found.severity) == (F, None)
    assert judged(facts, "copies.no_error", "srv-vide").verdict is F
    lost = judged(facts, "freshness.recent", "srv-vide")
    assert lost.verdict is F
    assert "30 heures" in lost.message


def test_flipped_byte_is_missed_by_the_structure_and_that_is_said(copy: Path) -> None:
    """`restic check` alone sees nothing: the verdict must not call the copies verified."""
    largest = packs(copy)[-1]
    flip(largest, largest.stat().st_size // 3)
    shallow = read(copy, check_percent=0)
    checks = ("integrity.sound", "integrity.deep", "copies.no_error")
    assert [verdict(shallow, check) for check in checks] == [P, F, NS]
    deep = read(copy, check_percent=100)
    assert [verdict(deep, check) for check in ("integrity.sound", "copies.no_error")] == [F, F]


def test_missing_pack_is_a_damaged_repository(copy: Path) -> None:
    largest = packs(copy)[-1]
    largest.parent.chmod(0o700)
    largest.unlink()
    assert verdict(read(copy, check_percent=0), "integrity.sound") is F


def test_wrong_key_is_never_a_missing_backup(made: Path) -> None:
    refused = read(made / "depot", secret="faux")
    for check in ("coverage.has_copy", "freshness.recent", "integrity.sound", "copies.three_copies"):
        found = judged(refused, check)
        assert (found.verdict, found.reason) == (NS, Reason.REFUSED), check
