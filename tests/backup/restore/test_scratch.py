"""The scratch folder: private, in the right place, with room, and gone afterwards, also after a kill."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.backup.restore import scratch as scratch_module
from checks.backup.restore.scratch import PREFIX, open_scratch, remote_kind, sweep
from checks.backup.restore.wipe import LOCK, MARK
from checks.common.programs import Finished
from checks.model import CollectError, Reason
from tests.backup.restore.programs import run, start_worker, until

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")


def leftovers(base):
    return list(base.glob(f"{PREFIX}*"))


def test_private_then_gone(tmp_path):
    scratch = open_scratch(str(tmp_path), 1000, (), run)
    (folder,) = leftovers(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(scratch.root.stat().st_mode) == 0o700
    assert scratch.batch() != scratch.batch()
    (scratch.root / "1" / "secret").write_text("x")
    assert scratch.free() > 0
    assert scratch.close()
    assert leftovers(tmp_path) == []


def test_a_batch_goes_alone(tmp_path):
    scratch = open_scratch(str(tmp_path), 0, (), run)
    first, second = scratch.batch(), scratch.batch()
    (first / "x").write_text("x")
    assert scratch.drop(first)
    assert not first.exists()
    assert second.exists()
    assert scratch.close()


@pytest.mark.parametrize("where", ["same", "inside"])
def test_never_in_production_nor_in_a_repository(tmp_path, where):
    live = tmp_path / "live"
    (live / "inside").mkdir(parents=True)
    wanted = live if where == "same" else live / "inside"
    with pytest.raises(CollectError, match="production") as refused:
        open_scratch(str(wanted), 0, ("", "s3:https://host/bucket", str(live)), run)
    assert refused.value.reason is Reason.NOT_CONFIGURED
    assert leftovers(wanted) == []


def test_production_reached_through_a_link_is_recognised(tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    (tmp_path / "alias").symlink_to(live)
    with pytest.raises(CollectError, match="production"):
        open_scratch(str(live), 0, (str(tmp_path / "alias"),), run)


def test_never_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(CollectError, match="lien"):
        open_scratch(str(tmp_path / "link"), 0, (), run)


@pytest.mark.parametrize("kind", ["absent", "file"])
def test_not_a_folder(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "file":
        path.write_text("")
    with pytest.raises(CollectError, match="pas un dossier"):
        open_scratch(str(path), 0, (), run)


def test_twice_the_room_is_needed(tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 2 * 1000 - 1})
    monkeypatch.setattr(scratch_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CollectError, match="place"):
        open_scratch(str(tmp_path), 1000, (), run)
    assert leftovers(tmp_path) == []
    usage.free = 2000
    assert open_scratch(str(tmp_path), 1000, (), run).close()


def test_another_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch_module, "remote_kind", lambda _: "cifs")
    with pytest.raises(CollectError, match="autre machine"):
        open_scratch(str(tmp_path), 0, (), run)


def test_remote_kind_reads_the_deepest_mount(tmp_path, monkeypatch):
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/vda rw\n"
        f"23 22 0:40 / {tmp_path}/nas rw shared:1 - nfs4 nas:/x rw\n"
        f"24 23 8:2 / {tmp_path}/nas/local\\040disk rw - ext4 /dev/vdb rw\n"
        "odd line\n"
    )
    real = scratch_module.Path.read_text
    monkeypatch.setattr(
        scratch_module.Path,
        "read_text",
        lambda self, *rest, **more: mounts if str(self) == "/proc/self/mountinfo" else real(self, *rest, **more),
    )
    assert remote_kind(tmp_path) == ""
    assert remote_kind(tmp_path / "nas" / "x") == "nfs4"
    assert remote_kind(tmp_path / "nas" / "local disk" / "x") == ""


@pytest.mark.parametrize("failure", [OSError("no"), TimeoutError("late"), PermissionError("hook"), 1])
def test_without_a_watcher_nothing_is_restored(tmp_path, failure):
    def broken(command):
        if isinstance(failure, Exception):
            raise failure
        return Finished(failure, b"", b"")

    with pytest.raises(CollectError, match="rien n'a été restauré"):
        open_scratch(str(tmp_path), 0, (), broken)
    assert leftovers(tmp_path) == []


# ------------------------------------------------------------------------------------------------ after a kill

FILL = """
import os, sys
from pathlib import Path
from checks.backup.restore.scratch import open_scratch
from tests.backup.restore.programs import run
scratch = open_scratch(sys.argv[1], 0, (), run)
print("open", flush=True)
number = 0
while True:
    batch = scratch.batch()
    for _ in range(20):
        number += 1
        (batch / f"{number}").write_bytes(os.urandom(20000))
    if number % 100 == 0:
        scratch.drop(batch)
"""


@needs_proc
@pytest.mark.parametrize("whom", ["worker", "group"])
def test_gone_after_a_kill(tmp_path, whom):
    worker = start_worker(FILL, str(tmp_path))
    assert worker.stdout.readline() == b"open\n"
    if whom == "worker":
        os.kill(worker.pid, signal.SIGKILL)
    else:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    assert until(lambda: not leftovers(tmp_path))


PARENT = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, start_new_session=True)
print(worker.stdout.readline().decode().strip(), worker.pid, flush=True)
worker.wait()
"""
LEAVES_WITH_PARENT = (
    "import os, threading\nthreading.Thread(target=lambda: (os.read(0, 1), os._exit(9)), daemon=True).start()\n" + FILL
)


@needs_proc
def test_gone_after_a_kill_of_the_parent(tmp_path):
    """As in a worker: the end of its parent closes its standard input, and it leaves at once."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, LEAVES_WITH_PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert parent.stdout.readline().startswith(b"open ")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert until(lambda: not leftovers(tmp_path))


ORPHAN = """
import os, subprocess, sys
from pathlib import Path
from checks.backup.restore.scratch import open_scratch
from tests.backup.restore.programs import run
scratch = open_scratch(sys.argv[1], 0, (), run)
batch = scratch.batch()
child = subprocess.Popen([sys.executable, "-c", '''
import os, sys, time
number = 0
while True:
    number += 1
    os.makedirs(sys.argv[1], exist_ok=True)
    try:
        with open(os.path.join(sys.argv[1], str(number)), "wb") as file:
            file.write(b"x" * 1000)
    except FileNotFoundError:
        pass
    time.sleep(0.001)
''', str(batch)])
print(child.pid, flush=True)
child.wait()
"""


@needs_proc
def test_what_the_killed_worker_had_started_ends_too(tmp_path):
    """A restore program goes on when only its worker is killed, and would make the folder again."""
    worker = start_worker(ORPHAN, str(tmp_path))
    child = int(worker.stdout.readline())
    assert until(lambda: any(leftovers(tmp_path)[0].glob("sample/1/*")))
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()

    def ended():
        try:
            return ") Z " in Path(f"/proc/{child}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    assert until(ended)
    assert until(lambda: not leftovers(tmp_path))


@needs_proc
def test_gone_whatever_the_instant_of_the_kill(tmp_path):
    """Ten workers killed at ten random instants, from their first line of code on."""
    seed = random.randrange(1 << 32)
    draw = random.Random(seed)
    for number in range(10):
        worker = start_worker(FILL, str(tmp_path))
        time.sleep(draw.uniform(0.0, 1.0))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        # Nothing was restored before the watcher watched: what is left by an earlier kill holds no file.
        assert until(lambda: not restored(tmp_path)), f"seed {seed}, kill {number}"
    # What the last watchers still remove goes by itself; what had no watcher yet has a mark, and is swept.
    assert until(lambda: sweep(tmp_path) >= 0 and not [one for one in leftovers(tmp_path) if (one / LOCK).exists()])
    assert not [one for one in leftovers(tmp_path) if (one / "sample").exists()]


def restored(base):
    return [name for folder in leftovers(base) for _, _, names in os.walk(folder / "sample") for name in names]


# ----------------------------------------------------------------------------------------- after a power cut


def abandoned(base, name="left", mark=MARK):
    folder = base / f"{PREFIX}{name}"
    (folder / "sample").mkdir(parents=True, mode=0o700)
    (folder / "sample" / "personal").write_text("x")
    (folder / LOCK).write_bytes(mark)
    return folder


def test_the_next_run_removes_what_a_power_cut_left(tmp_path):
    folder = abandoned(tmp_path)
    scratch = open_scratch(str(tmp_path), 0, (), run)
    assert not folder.exists()
    assert scratch.root.exists()
    assert scratch.close()


def test_a_folder_killed_before_its_mark_goes_when_it_is_old(tmp_path):
    folder = tmp_path / f"{PREFIX}young"
    folder.mkdir()
    (folder / f"{LOCK}.new").write_bytes(b"")
    assert sweep(tmp_path) == 0
    os.utime(folder, (0, 0))
    assert sweep(tmp_path) == 1
    filled = tmp_path / f"{PREFIX}filled"
    filled.mkdir()
    (filled / "something").write_text("x")
    os.utime(filled, (0, 0))
    assert sweep(tmp_path) == 0


def test_a_live_run_is_left_alone(tmp_path):
    scratch = open_scratch(str(tmp_path), 0, (), run)
    other = open_scratch(str(tmp_path), 0, (), run)
    assert sweep(tmp_path) == 0
    assert scratch.root.exists()
    assert other.root.exists()
    assert scratch.close()
    assert other.close()


def test_what_is_not_ours_is_left_alone(tmp_path):
    not_marked = abandoned(tmp_path, "other", b"something else\n")
    no_lock = tmp_path / f"{PREFIX}nolock"
    no_lock.mkdir()
    victim = tmp_path / "victim"
    abandoned(victim)
    (tmp_path / f"{PREFIX}link").symlink_to(victim / f"{PREFIX}left")
    linked_lock = tmp_path / f"{PREFIX}linkedlock"
    linked_lock.mkdir()
    (linked_lock / LOCK).symlink_to(victim / f"{PREFIX}left" / LOCK)
    fifo = tmp_path / f"{PREFIX}fifo"
    fifo.mkdir()
    os.mkfifo(fifo / LOCK)
    assert sweep(tmp_path) == 0
    for folder in (not_marked, no_lock, linked_lock, fifo, victim / f"{PREFIX}left" / "sample"):
        assert folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user: needs root")
def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    folder = abandoned(tmp_path)
    os.chown(folder, 65534, 65534)
    assert sweep(tmp_path) == 0
    assert folder.exists()
