"""Start, stop, crash, several labs side by side: nothing is left behind, nothing of the machine is touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import network, paths, runner
from lab.description import SIX_MONTHS
from lab.errors import LabError
from tests.lab_fixture import unique_name

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


def leftovers(name: str) -> list[str]:
    """Everything that betrays a lab: namespaces, processes, mounts, files."""
    found = network.namespaces_of(name)
    found += [str(path) for path in paths.NETNS_ETC.glob(f"ausculte.{name}.*")]
    if paths.state_dir(name).exists():
        found.append(str(paths.state_dir(name)))
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"ausculte.{name}." in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            mounts = (process / "mountinfo").read_text()
        except OSError:
            continue
        if f"/{name}/shared".encode() in environment or f"ausculte-lab/{name}/" in mounts:
            found.append(f"process {process.name} {(process / 'cmdline').read_bytes()!r}")
    return found


def machine_network() -> tuple[str, str, str]:
    """What must not change outside the namespaces: interfaces, routes, forwarding."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True, timeout=20).stdout
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True, timeout=20).stdout
    return links, routes, Path("/proc/sys/net/ipv4/ip_forward").read_text()


@pytest.fixture
def name(running_lab):
    """A free name, beside a lab that keeps running; cleared whatever happens."""
    chosen = unique_name("cycle")
    yield chosen
    runner.down(chosen)
    assert leftovers(chosen) == []
    assert runner.silent_hosts(running_lab) == []


def test_second_lab_starts_warm_beside_the_first_and_leaves_nothing(running_lab, name):
    before = machine_network()
    info = runner.up(name)
    assert info.cached
    assert info.seconds < 30, info.phases  # under 10 s on a quiet machine; the tests share theirs
    assert info.addresses == running_lab.addresses
    assert info.audit_password_file != running_lab.audit_password_file
    assert runner.silent_hosts(info) == []
    assert leftovers(name), "the search for leftovers must be able to find something"
    assert machine_network() == before
    runner.down(name)
    assert leftovers(name) == []
    assert runner.status(name) is None
    assert machine_network() == before


def test_up_again_returns_the_running_lab_and_refuses_another_state(running_lab):
    assert runner.up(running_lab.name).seconds == running_lab.seconds
    with pytest.raises(LabError, match="tourne déjà"):
        runner.up(running_lab.name, SIX_MONTHS)


def test_starter_killed_in_the_middle_then_down_leaves_nothing(name):
    starter = subprocess.Popen(
        [sys.executable, "-m", "lab", "up", "--name", name], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (paths.state_dir(name) / "pids").is_dir():
        assert time.monotonic() < deadline
        assert starter.poll() is None
        time.sleep(0.02)
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait(20)
    assert leftovers(name)
    runner.down(name)
    assert leftovers(name) == []


def test_dead_service_is_told_and_up_repairs(name):
    info = runner.up(name)
    runner.stop_host(name, "mail")
    assert runner.silent_hosts(info) == ["mail"]
    runner.start_host(name, "mail")
    assert runner.silent_hosts(info) == []
    runner.stop_host(name, "mail")
    again = runner.up(name)
    assert runner.silent_hosts(again) == []


def test_failed_start_leaves_nothing(name, monkeypatch):
    monkeypatch.setattr(runner, "READY_SECONDS", 0.0)
    monkeypatch.setattr(runner.hosts, "is_running", lambda *_: False)
    with pytest.raises(LabError, match="services muets ou arrêtés"):
        runner.up(name)
    assert leftovers(name) == []


def test_only_one_command_at_a_time_works_on_a_lab(running_lab):
    with runner._locked(running_lab.name), pytest.raises(LabError, match="une autre commande"):
        runner.down(running_lab.name)


def test_code_in_a_path_with_spaces(name, tmp_path):
    folder = tmp_path / "mon dossier d'audit"
    shutil.copytree(ROOT / "lab", folder / "lab", ignore=shutil.ignore_patterns("__pycache__"))

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "lab", *words]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        return subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    done = command("up", "--name", name)
    assert done.returncode == 0, done.stderr
    assert "10.10.0.10" in done.stdout
    assert command("status", "--name", name).returncode == 0
    shown = command("exec", "--name", name, "--", "sh", "-c", "hostname -I; printenv AUSCULTE_AD_PASSWORD")
    assert shown.stdout.split() == ["10.10.0.200", command("password", "--name", name).stdout.strip()]
    assert command("down", "--name", name).returncode == 0
    assert command("status", "--name", name).returncode == 3


def test_damaged_cache_is_rebuilt(name, monkeypatch, tmp_path):
    key = runner.provision.cache_key("as_found", None, runner.provision.samba_version(), datetime.now(UTC))
    monkeypatch.setattr(runner.provision, "CACHE_ROOT", tmp_path)
    (tmp_path / f"{key}.tar.zst").write_bytes(b"not a pack")
    info = runner.up(name)
    assert not info.cached
    assert runner.silent_hosts(info) == []
