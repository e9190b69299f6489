"""Snapshots of ZFS (outputs written after its manual pages) and of Btrfs (a real file system when it can be mounted)."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import Repository
from checks.backup.technologies import btrfs, zfs
from checks.common.programs import Finished
from checks.model import CollectError, Gap, Reason
from tests.backup.technologies.peers import Bench, repository, tools

LIST = (
    "tank/data@auto-2026-11-20\t1763604000\t8192\t104857600\t0\n"
    "tank/data@auto-2026-11-21\t1763690400\t0\t104860000\t1\n"
    "tank/mon partage@hebdo 46\t1763000000\t12\t5000\t-\n"
)
GET = "tank\tencryption\toff\tdefault\ntank/data\tencryption\taes-256-gcm\t-\n"
HOLDS = "tank/mon partage@hebdo 46\tausculte\tSun Nov 16  3:00 2026\n"
STATUS = """  pool: tank
 state: ONLINE
  scan: scrub repaired 0B in 00:12:34 with 0 errors on Sun Nov  8 00:36:35 2026
config:

errors: No known data errors
"""


def test_zfs_is_asked_and_its_snapshots_lie_on_the_same_array(monkeypatch, tmp_path):
    answers = {"list": LIST, "get": GET, "holds": HOLDS, "status": STATUS}
    stub(monkeypatch, tmp_path, "zfs", "zpool")
    bench = Bench(answers=lambda command: next(text for verb, text in answers.items() if verb in command).encode())

    found = zfs.read(repository("zfs", "tank"), tools(bench))

    assert [(p.id, p.source, p.size, p.stored, p.locked) for p in found.points] == [
        ("tank/mon partage@hebdo 46", "tank/mon partage", 5000, 12, True),
        ("tank/data@auto-2026-11-20", "tank/data", 104857600, 8192, False),
        ("tank/data@auto-2026-11-21", "tank/data", 104860000, 0, True),
    ]
    assert found.points[1].time == dt.datetime(2025, 11, 20, 2, tzinfo=dt.UTC)
    assert found.same_array_as_source is True
    assert (found.immutability.lock, found.immutability.covered, found.immutability.looked_at) == ("snapshot", 2, 3)
    assert (found.encryption.encrypted, found.encryption.method) == (False, "aes-256-gcm")
    assert (found.integrity.ok, found.integrity.depth, found.integrity.by) == (True, "full", "product")
    assert found.integrity.when == dt.datetime(2026, 11, 8, 0, 36, 35, tzinfo=dt.UTC)
    assert any("ne comptent pas comme une copie" in limit for limit in found.limits)
    assert not any("hebdo" in word for command in bench.commands for word in command)


def stub(monkeypatch, folder, *names):
    """Programs that are found and never started: the machine of these tests answers in their place."""
    for name in names:
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_zfs_without_a_snapshot_has_no_point(monkeypatch, tmp_path):
    stub(monkeypatch, tmp_path, "zfs", "zpool")
    found = zfs.read(repository("zfs", "tank"), tools(Bench(answers=lambda _: b"")))
    assert found.points == ()
    assert isinstance(found.encryption, Gap)
    assert isinstance(found.integrity, Gap)


def test_a_pool_that_is_not_there_is_unreachable(monkeypatch, tmp_path):
    stub(monkeypatch, tmp_path, "zfs")
    bench = Bench(answers=lambda _: Finished(1, b"", b"cannot open 'tank': dataset does not exist\n"))
    found = zfs.read(repository("zfs", "tank"), tools(bench))
    assert found.points.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("name", ["-r", "tank; id", "tank\ntank", "@x", ""])
def test_a_name_that_is_not_a_pool_is_not_asked_for(monkeypatch, tmp_path, name):
    stub(monkeypatch, tmp_path, "zfs")
    bench = Bench()
    config = repository("zfs", name or " ")
    assert zfs.read(config, tools(bench)).points.reason is Reason.NOT_CONFIGURED
    assert bench.commands == []


def test_saved_outputs_of_zfs_received_elsewhere(tmp_path):
    files = []
    for name, text in (
        ("liste", LIST),
        ("chiffrement", GET),
        ("etat", STATUS.replace("with 0 errors", "with 7 errors")),
    ):
        (tmp_path / name).write_text(text)
        files.append(str(tmp_path / name))
    found = zfs.read(repository("zfs", export_files=tuple(files), same_array_as_source=False), tools(Bench()))
    assert len(found.points) == 3
    assert found.same_array_as_source is False
    assert found.integrity.ok is False
    assert not any("ne comptent pas" in limit for limit in found.limits)
    assert any("sorties enregistrées" in limit for limit in found.limits)


@pytest.mark.parametrize("text", ["", "NAME  CREATION  USED\ntank@a  Sun Nov 16 2:00 2026  0\n", GET, STATUS])
def test_a_file_without_any_snapshot_of_zfs_is_malformed(tmp_path, text):
    (tmp_path / "x").write_text(text)
    found = zfs.read(repository("zfs", export_files=(str(tmp_path / "x"),)), tools(Bench()))
    assert found.points.reason is Reason.MALFORMED
    assert "zfs list -H -p" in found.points.detail


def test_known_errors_of_the_pool_are_damage():
    found = zfs.parse_scrub(STATUS.replace("No known data errors", "3 data errors, use '-v' for a list"))
    assert (found.ok, found.detail[:13]) == (False, "3 data errors")
    running = "  scan: scrub in progress since Sun Nov 22 00:24:01 2026\nerrors: No known data errors\n"
    assert zfs.parse_scrub(running).reason is Reason.MALFORMED


BTRFS = (
    "ID 257 gen 7 cgen 7 top level 5 otime 2026-11-20 02:00:00 parent_uuid {a} received_uuid -                                    "
    "uuid {b} path .snapshots/1\n"
    "ID 258 gen 8 cgen 8 top level 5 otime 2026-11-21 02:00:00 parent_uuid {a} received_uuid -   uuid {c} path avec espace/é\n"
).format(a="8c4cae95-f20b-434c-998e-2c3133e38897", b="c1264e52-8394-2641-b690-4aeebc62d328", c="2d1ca872-443e-9c4a-9ded-ee68bbfa8892")  # fmt: skip
ALL = "ID 256 gen 8 top level 5 parent_uuid -   received_uuid -   uuid 8c4cae95-f20b-434c-998e-2c3133e38897 path donnees\n"
SCRUB = """UUID:             69c0587c-34f0-47d0-9c1d-cf507db80964
Scrub started:    Sun Nov 15 13:30:21 2026
Status:           finished
Duration:         0:00:00
Total to scrub:   416.00KiB
Rate:             0.00B/s
Error summary:    {}
"""


def test_saved_outputs_of_btrfs(tmp_path):
    for name, text in (("instantanes", BTRFS), ("tous", ALL), ("scrub", SCRUB.format("csum=2"))):
        (tmp_path / name).write_text(text)
    files = tuple(str(tmp_path / name) for name in ("instantanes", "tous", "scrub"))
    found = btrfs.read(repository("btrfs", export_files=files), tools(Bench()))
    assert [(p.source, p.paths, p.time.day) for p in found.points] == [
        ("donnees", (".snapshots/1",), 20),
        ("donnees", ("avec espace/é",), 21),
    ]
    assert found.same_array_as_source is True
    assert found.immutability.lock == "snapshot"
    assert (found.integrity.ok, found.integrity.detail) == (False, "csum=2")


def test_a_scrub_that_never_ran_proves_nothing():
    """Without any scrub, `btrfs scrub status` still writes « no errors found »."""
    never = "UUID:             69c0587c\n\tno stats available\nTotal to scrub:   416.00KiB\nError summary:    no errors found\n"
    assert isinstance(btrfs.parse_scrub(never), Gap)
    assert btrfs.parse_scrub(SCRUB.format("no errors found")).ok


def test_a_file_without_any_subvolume_is_malformed(tmp_path):
    (tmp_path / "x").write_text("rien\n")
    found = btrfs.read(repository("btrfs", export_files=(str(tmp_path / "x"),)), tools(Bench()))
    assert found.points.reason is Reason.MALFORMED


INSIDE = """
set -e
mount -o loop image monte
cd monte
btrfs subvolume create donnees
echo x > donnees/f
btrfs subvolume snapshot -r donnees s1
mkdir 'avec espace'
btrfs subvolume snapshot donnees 'avec espace/s2'
btrfs send -q s1 | btrfs receive -q 'avec espace'
btrfs scrub start -B .
"""
READ = """
import sys, msgspec
from checks.backup.technologies import btrfs
from tests.backup.technologies.peers import Bench, repository, tools
print("facts " + msgspec.json.encode(btrfs.read(repository("btrfs", sys.argv[1]), tools(Bench()))).decode())
"""


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mkfs.btrfs") is None, reason="needs root and btrfs-progs")
def test_a_real_btrfs_file_system(tmp_path):
    """Mounted in a namespace of its own, which goes away with the process."""
    (tmp_path / "monte").mkdir()
    with (tmp_path / "image").open("wb") as file:
        file.truncate(200 << 20)
    subprocess.run(["mkfs.btrfs", "-q", "image"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    script = f'{INSIDE}cd "$1"; exec "$2" -c "$3" "$0/monte"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(tmp_path)]
    arguments = [str(Path(__file__).parents[3]), sys.executable, READ]
    done = subprocess.run(
        [*command, *arguments], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120
    )
    if done.returncode and "mount" in done.stderr:
        pytest.skip(f"no loop mount here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout.rpartition("facts ")[2], type=Repository)
    assert sorted(point.paths[0] for point in found.points) == ["avec espace/s1", "avec espace/s2", "s1"]
    assert {point.source for point in found.points} == {"donnees", "avec espace/s1"}
    assert all(abs(point.time - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1) for point in found.points)
    assert found.integrity.ok is True
    assert found.same_array_as_source is True


LINES = st.sampled_from((LIST + GET + HOLDS + STATUS + BTRFS + ALL + SCRUB).splitlines())
BROKEN = st.one_of(st.text(max_size=60), LINES.flatmap(lambda line: st.integers(0, len(line)).map(lambda cut: line[:cut] + "\x1b9" * 3 + line[cut:])))  # fmt: skip


@given(st.lists(BROKEN, max_size=8), st.sampled_from([zfs.parse, btrfs.parse]))
def test_any_text_gives_a_reading_or_a_refusal(lines, parse):
    try:
        found = parse(["\n".join(lines)])
    except CollectError as error:
        found = error.reason
    assert found is Reason.MALFORMED or not isinstance(found, Reason)


@given(st.text(alphabet="scan: scrub repaired with errors on Sun Nov 8 00:36:35 2026\n0123456789", max_size=120))
def test_any_state_gives_an_integrity_or_a_gap(text):
    assert zfs.parse_scrub("scan: scrub repaired 0B in 1s with 0 errors on " + text) is not None
    assert btrfs.parse_scrub("Status: finished\nError summary: " + text) is not None
