"""The two other doors of a worker, a program and a radio: proved from outside, as in `test_network`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from checks.common.programs import run_program
from tests.agent.test_network import run

HERE = {"PATH": os.environ["PATH"]}
RUN = f'network.run([{sys.executable!r}, "-c", CODE], "essai", seconds=20, max_bytes=1000, environment={{}})'


def test_a_program_is_run_and_journaled_once(tmp_path):
    code = f"""
CODE = "import sys; print('bonjour'); print('attention', file=sys.stderr); sys.exit(3)"
first = {RUN}
second = {RUN}
print(json.dumps([first.code, first.out.decode(), first.err.decode(), first.cut, first == second]))
"""
    result, entries = run(tmp_path, 1, code)
    assert result == [3, "bonjour\n", "attention\n", False, True]
    assert [(entry["action"], entry["target"]) for entry in entries] == [("run", sys.executable)]
    assert entries[0]["purpose"].startswith("essai : ")
    assert "bonjour" in entries[0]["purpose"]


def test_the_door_of_programs_is_closed_again_also_after_a_failure(tmp_path):
    code = f"""
import subprocess
CODE = "pass"
attempts = [lambda: subprocess.Popen(["true"]), lambda: os.system("true"), lambda: os.fork()]
{RUN}
try:
    network.run(["/nonexistent/iw"], "essai", seconds=5, max_bytes=10, environment={{}})
except FileNotFoundError:
    pass
def inside():
    raise RuntimeError
try:
    network.listen("wlan9", "802.11", "essai", inside)
except RuntimeError:
    pass
attempts.append(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
print(json.dumps([refused(attempt) for attempt in attempts]))
"""
    result, _ = run(tmp_path, 1, code)
    assert all("may not" in why for why in result), result


def test_what_a_worker_changes_is_put_back_and_journaled_before(tmp_path):
    code = """
import subprocess
def touch(name):
    return ("/usr/bin/env", "touch", str(Path(sys.argv[1]).parent / name))
with network.undo("remise en état", {"PATH": os.environ["PATH"]}) as undo:
    undo.add(*touch("second"))
    undo.add(*touch("first"))
    early = sorted(path.name for path in Path(sys.argv[1]).parent.iterdir())
    started = refused(lambda: subprocess.Popen(["true"]))
late = sorted(path.name for path in Path(sys.argv[1]).parent.iterdir())
print(json.dumps([early, late, undo.failures, started]))
"""
    (early, late, failures, started), entries = run(tmp_path, 1, code)
    assert (early, late) == (["journal.jsonl"], ["first", "journal.jsonl", "second"])
    assert failures == []
    assert "may not start" in started
    assert [entry["purpose"].split(" : ")[0] for entry in entries] == ["remise en état"] * 2
    assert entries[1]["purpose"].endswith("first")


def test_another_thread_does_not_profit_from_an_open_door(tmp_path):
    code = """
import subprocess
def opener():
    caught = refused(lambda: threaded(lambda: subprocess.Popen(["true"])))
    raw = refused(lambda: threaded(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))
    icmp = refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    started = refused(lambda: subprocess.Popen(["true"]))
    return [caught, raw, icmp, started]
print(json.dumps(network.listen("wlan9", "802.11", "essai", opener)))
"""
    result, _ = run(tmp_path, 1, code)
    assert all("may not" in why for why in result), result


@pytest.mark.parametrize(
    "attempt",
    [
        'network.listen("wlan9", "802.11", "essai", lambda: None)',
        'network.run(["/bin/true"], "essai", seconds=5, max_bytes=10, environment={})',
        'network.undo("essai", {})',
    ],
)
def test_outside_the_hours_of_the_mandate_both_doors_are_closed(tmp_path, attempt):
    code = f"""
late = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
network = GuardedNetwork(MandateGuard(mandate, ()), Journal(Path(sys.argv[1]), "test", clock), (), late)
print(json.dumps(refused(lambda: {attempt})))
"""
    result, entries = run(tmp_path, 1, code)
    assert "mandat" in result
    assert [entry["action"] for entry in entries] == ["refuse"]


def test_the_kernel_may_be_asked_for_interfaces_and_nothing_else_by_netlink(tmp_path):
    code = """
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
route.close()
print(json.dumps([
    refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)),
    refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)),
]))
"""
    result, _ = run(tmp_path, 1, code)
    assert all("raw socket" in why for why in result), result


def test_scapy_gives_its_second_opinion_inside_a_worker(tmp_path):
    pytest.importorskip("scapy", reason="scapy is optional")
    code = """
from checks.wifi.capture.dissect import dissect
print(json.dumps(dissect(b"\\x80" + bytes(60))))
"""
    result, entries = run(tmp_path, 1, code)
    assert result.startswith("scapy : ")
    assert entries == []


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
def test_a_raw_socket_opened_by_the_door_only_receives(tmp_path):
    code = """
raw = network.listen("lo", "802.11", "essai", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
print(json.dumps([refused(lambda: raw.sendto(b"x" * 60, ("lo", 0))), refused(lambda: raw.sendmsg([b"x" * 60], [], 0, ("lo", 0)))]))
"""
    result, entries = run(tmp_path, 1, code)
    assert all("only receives" in why for why in result), result
    assert [(entry["action"], entry["target"], entry["protocol"]) for entry in entries] == [("listen", "lo", "802.11")]


def test_what_a_program_writes_is_bounded():
    endless = [sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('x' * 1000)"]
    found = run_program(endless, seconds=60, max_bytes=5000, environment=HERE)
    assert found.cut
    assert found.out == b"x" * 5000


def test_what_a_program_started_does_not_outlive_its_closed_output(tmp_path):
    marker = tmp_path / "pid"
    child = "import os, sys\nopen(sys.argv[1], 'w').write(str(os.getpid()))\nwhile True: os.write(1, b'x' * 1000)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}, {str(marker)!r}]); time.sleep(600)"
    assert run_program([sys.executable, "-c", parent], seconds=60, max_bytes=5000, environment=HERE).cut
    pid = int(marker.read_text())
    for _ in range(500):
        if not alive(pid):
            break
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid):
    """Whether a process runs: one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_errors_are_drained_beyond_what_is_kept():
    noisy = [sys.executable, "-c", "import sys; sys.stderr.write('e' * 1_000_000); print('fin')"]
    found = run_program(noisy, seconds=60, max_bytes=5000, environment=HERE)
    assert (found.code, found.out, found.cut) == (0, b"fin\n", False)
    assert len(found.err) == 65_536


def test_a_program_that_hangs_is_killed(tmp_path):
    marker = tmp_path / "pid"
    code = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(TimeoutError):
        run_program([sys.executable, "-c", code], seconds=3, max_bytes=10, environment=HERE)
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)


def test_a_program_gets_no_input_and_only_the_environment_given():
    code = "import os, sys; print(repr(sys.stdin.read()), sorted(os.environ))"
    found = run_program([sys.executable, "-c", code], seconds=60, max_bytes=1000, environment={"LC_ALL": "C"})
    assert found.out == b"'' ['LC_ALL']\n"
