"""With real restic and borg repositories: what their own check misses is found, and a kill leaves nothing behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from checks.backup.changes.judge import finding
from checks.backup.changes.run import change_signs
from checks.backup.config import BackupConfig, RepositoryConfig, RestoreSettings
from checks.backup.facts import RtoEstimate
from checks.backup.restore.record import genuine
from checks.backup.restore.run import restore_tests
from checks.backup.restore.scratch import PREFIX, sweep
from checks.backup.technologies.registry import technology
from checks.model import Reason
from tests.backup.changes.test_changes import encrypt, files, office
from tests.backup.restore import samples
from tests.backup.restore.programs import start_worker, until
from tests.backup.restore.trees import tools

pytestmark = pytest.mark.lab
PASSWORD = "Tilleuls-pour-les-essais"
LABEL = "Fichiers"
TOOLS = [
    pytest.param(tool, marks=pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed"))
    for tool in ("restic", "borg")
]


def call(*command: object, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "BORG_PASSPHRASE": PASSWORD}
    return subprocess.run([str(word) for word in command], check=check, capture_output=True, env=environment)


def back_up(tool: str, folder: Path, name: str, *, first: bool = True) -> Path:
    """Back `folder` up; the repository."""
    repository = folder.parent / "repository"
    if tool == "restic":
        if first:
            call("restic", "-r", repository, "init")
        call("restic", "-r", repository, "backup", "--host", "srv-fichiers", folder)
    else:
        if first:
            call("borg", "init", "-e", "repokey-blake2", repository)
        call("borg", "create", f"{repository}::{name}", folder)
    return repository


def setting(tool: str, repository: Path, scratch: Path, live: bool = True, **restore) -> BackupConfig:
    scratch.mkdir(exist_ok=True)
    one = RepositoryConfig(
        label=LABEL, technology=tool, location=str(repository), password_from="env:X", live_root="/" if live else ""
    )
    return BackupConfig(
        repositories=(one,),
        restore=RestoreSettings(**{"scratch": str(scratch), "seed": 5, "max_mib": 64, "human_minutes": 0, **restore}),
    )


def kit():
    return tools({"env:X": PASSWORD})


def read(tool: str, config: BackupConfig):
    return technology(tool).read(config.repositories[0], kit())


def gone(site):
    return list((site / "scratch").glob(f"{PREFIX}*")) == []


@pytest.fixture
def site(tmp_path):
    live = tmp_path / "live"
    (live / "soins").mkdir(parents=True)
    for name, data in samples.every(tmp_path).items():
        (live / "soins" / f"[Mme] Fictive {name}").write_bytes(data)
    draw = random.Random(4)
    for number in range(40):
        path = live / "commun" / f"s{number % 4}" / f"f{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((samples.SENTENCE * draw.randrange(1, 500)).encode())
    for path in files(live):  # older than the backup, whose time has no fraction of a second
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    return tmp_path


@pytest.mark.parametrize("tool", TOOLS)
def test_a_healthy_repository(site, tool):
    config = setting(tool, back_up(tool, site / "live", "a"), site / "scratch")
    (test,) = restore_tests(config, (read(tool, config),), (LABEL,), kit())
    assert test.gap is None
    assert test.problems == ()
    assert test.expected == test.restored == test.population == 71
    assert test.compared_with_source == 71
    assert test.database
    assert isinstance(test.rto, RtoEstimate)
    assert any(one.selected == 1 and one.files > 1 for one in test.rto.timings), "no folder was timed"
    assert genuine(test)
    assert test.wiped
    assert gone(site)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_flipped_byte_is_found(site, tool):
    """`restic check` alone does not see it: it does not read the data."""
    for number in range(6):
        (site / "live" / "commun" / f"disque{number}.bin").write_bytes(random.Random(number).randbytes(3_000_000))
    repository = back_up(tool, site / "live", "a")
    packs = [path for path in (repository / "data").rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]
    for pack in packs:
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(bytes(data))
    if tool == "restic":
        assert call("restic", "-r", repository, "check", check=False).returncode == 0
    config = setting(tool, repository, site / "scratch")
    (test,) = restore_tests(config, (read(tool, config),), (LABEL,), kit())
    assert test.problems or test.gap
    assert test.restored < test.expected or [one for one in test.problems if one.problem == "different"]
    assert gone(site)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wrong_password_stops_there(site, tool):
    config = setting(tool, back_up(tool, site / "live", "a"), site / "scratch")
    known = read(tool, config)
    (test,) = restore_tests(config, (known,), (LABEL,), tools({"env:X": "wrong"}))
    assert test.gap.reason in {Reason.REFUSED, Reason.ERROR}
    assert test.restored == 0
    assert gone(site)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_encrypted_corpus_is_seen_between_two_points(tmp_path, tool):
    live = tmp_path / "live"
    office(live)
    back_up(tool, live, "a")
    for path in files(live):
        encrypt(path, ".lockbit")
    repository = back_up(tool, live, "b", first=False)
    config = setting(tool, repository, tmp_path / "scratch", live=False)
    known = read(tool, config)
    (sign,), limits = change_signs(config, (known,), (LABEL,), kit())
    assert limits == ()
    assert finding(sign) == "encryption"
    assert (sign.files_before, sign.renamed, sign.suffix) == (200, 200, "lockbit")
    latest = max(known.points, key=lambda point: (point.time, point.id))  # both may be of the same second
    (test, *_) = restore_tests(config, (known,), (LABEL,), kit())
    assert test.point == latest.id
    assert len([one for one in test.problems if one.problem == "unreadable"]) > 150
    assert gone(tmp_path)


WORKER = """
import sys
from pathlib import Path
from tests.backup.restore import test_real
tool, repository, scratch = sys.argv[1:]
config = test_real.setting(tool, Path(repository), Path(scratch), live=False)
known = test_real.read(tool, config)
print("read", flush=True)
while True:
    test_real.restore_tests(config, (known,), (test_real.LABEL,), test_real.kit())
"""


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_left_whatever_the_instant_of_the_kill(site, tool):
    """Five workers of each kind killed at random instants of a real restore, alone or with their group."""
    for number in range(8):
        (site / "live" / "commun" / f"disque{number}.bin").write_bytes(random.Random(number).randbytes(3_000_000))
    repository = back_up(tool, site / "live", "a")
    scratch = site / "scratch"
    scratch.mkdir()
    seed = random.randrange(1 << 32)
    draw = random.Random(seed)
    seen = 0
    for number in range(5):
        worker = start_worker(WORKER, tool, str(repository), str(scratch))
        assert worker.stdout.readline() == b"read\n"
        if number:  # at once for the first, then while something is being restored
            until(lambda: any(scratch.glob(f"{PREFIX}*/sample/*")))
            time.sleep(draw.uniform(0, 1.5))
        seen += not gone(site)
        (os.kill if number % 2 else os.killpg)(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        assert until(lambda: not restored(scratch)), f"seed {seed}, kill {number}"
    assert seen, "no kill fell inside a restore"
    assert until(lambda: not running(scratch))
    assert until(lambda: sweep(scratch) >= 0 and not list(scratch.glob(f"{PREFIX}*/sample")))


def restored(scratch: Path) -> list[str]:
    """Files of samples; folders may go away while they are walked."""
    return [
        name for folder in scratch.glob(f"{PREFIX}*") for _, _, names in os.walk(folder / "sample") for name in names
    ]


def running(scratch: Path) -> list[str]:
    """Processes that name the scratch folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if str(scratch).encode() in words and int(path.parent.name) != os.getpid():
            found.append(words.decode(errors="replace"))
    return found
