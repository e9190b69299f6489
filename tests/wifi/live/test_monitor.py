"""Monitor mode is entered only when asked, and everything is put back. `iw` and `ip` are scripts that log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from checks.model import Gap, Reason
from checks.wifi.live.monitor import DWELL, Hopper, monitoring
from tests.wifi.live.machine import Bench, fails, prints

INFO = prints("Interface wlan0\n\tifindex 3\n\twdev 0x1\n\taddr 02:00:00:00:00:01\n\ttype managed\n\twiphy 0\n")
NOT_SUPPORTED = fails("command failed: Operation not supported (-95)", 161)
DENIED = fails("command failed: Operation not permitted (-1)", 255)
ADD = "iw dev wlan0 interface add ausculte0 type monitor"
DELETE = "iw dev ausculte0 del"
UP = "ip link set dev ausculte0 up"


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.device("wlan0")
    return made


def ran(bench):
    return bench.logged()


def programs(bench, *cases):
    bench.program("iw", *cases, ('"dev wlan0 info"', INFO), ("*", "true"))
    bench.program("ip", ("*", "true"))


def entered(bench, *, enter=True, name="wlan0"):
    """Name or gap, commands before the end of the block, commands that put back, limits."""
    limits = []
    with monitoring(bench.tools, name, limits, enter=enter) as found:
        inside = ran(bench)
    return found, inside, ran(bench)[len(inside) :], limits


def test_nothing_is_changed_unless_asked(bench):
    programs(bench)
    assert entered(bench, enter=False) == ("wlan0", [], [], [])


@pytest.mark.parametrize("kind", [801, 802, 803])
def test_an_interface_already_in_monitor_mode_is_left_alone(bench, kind):
    programs(bench)
    bench.device("mon0", kind=kind)
    assert entered(bench, name="mon0") == ("mon0", [], [], [])


def test_a_virtual_interface_comes_and_goes(bench):
    programs(bench)
    assert entered(bench) == ("ausculte0", [ADD, UP], [DELETE], [])


def test_what_a_killed_run_left_is_removed_first(bench):
    programs(bench)
    bench.device("ausculte0", kind=803)
    assert entered(bench)[1] == [DELETE, ADD, UP]


def test_a_virtual_interface_that_does_not_start_is_removed(bench):
    programs(bench)
    bench.program("ip", ("*", fails("RTNETLINK answers: Operation not possible due to RF-kill")))
    found, _, after, _ = entered(bench)
    assert found.reason is Reason.UNREACHABLE
    assert "l'adaptateur est éteint" in found.detail
    assert after == [DELETE]


def test_without_rights_nothing_more_is_tried(bench):
    programs(bench, ("*add*", DENIED))
    found, inside, after, _ = entered(bench)
    assert found.reason is Reason.PERMISSION
    assert found.detail.startswith("wlan0 n'a pas pu passer en mode moniteur : iw : droits insuffisants")
    assert (inside, after) == ([ADD], [])


def test_the_type_is_changed_and_put_back_when_the_driver_has_one_interface_only(bench):
    programs(bench, ("*add*", NOT_SUPPORTED))
    found, inside, after, limits = entered(bench)
    assert found == "wlan0"
    assert inside == [
        ADD,
        "iw dev wlan0 info",
        "ip link set dev wlan0 down",
        "iw dev wlan0 set type monitor",
        "ip link set dev wlan0 up",
    ]
    assert after == ["ip link set dev wlan0 down", "iw dev wlan0 set type managed", "ip link set dev wlan0 up"]
    assert limits == []


def test_an_interface_that_was_stopped_is_stopped_again(bench):
    programs(bench, ("*add*", NOT_SUPPORTED))
    (bench.net / "wlan0/flags").write_text("0x1002\n")
    assert entered(bench)[2] == ["ip link set dev wlan0 down", "iw dev wlan0 set type managed"]


def test_a_connection_is_never_cut(bench):
    programs(bench, ("*add*", NOT_SUPPORTED))
    (bench.net / "wlan0/operstate").write_text("up\n")
    found, inside, after, _ = entered(bench)
    assert found.reason is Reason.REFUSED
    assert "porte une connexion" in found.detail
    assert (inside, after) == ([ADD], [])


def test_an_access_point_or_mesh_interface_is_not_converted(bench):
    bench.program("iw", ("*add*", NOT_SUPPORTED), ("*info*", prints("Interface wlan0\n\ttype AP\n")), ("*", "true"))
    bench.program("ip", ("*", "true"))
    found, inside, after, _ = entered(bench)
    assert isinstance(found, Gap)
    assert (inside[1:], after) == (["iw dev wlan0 info"], [])


def test_a_conversion_that_fails_half_way_is_undone(bench):
    programs(
        bench,
        ("*add*", NOT_SUPPORTED),
        ('"dev wlan0 set type monitor"', fails("command failed: Device or resource busy (-16)")),
    )
    found, _, after, _ = entered(bench)
    assert found.reason is Reason.REFUSED
    assert after == ["ip link set dev wlan0 down", "iw dev wlan0 set type managed", "ip link set dev wlan0 up"]


def test_what_cannot_be_undone_is_said_with_the_command_to_type(bench):
    programs(bench, ("*del", fails("command failed: No such device (-19)")))
    limits = entered(bench)[3]
    assert len(limits) == 1
    assert limits[0].startswith("L'adaptateur n'a pas pu être remis en état (command failed: No such device (-19))")
    assert f"taper « {bench.bin}/{DELETE} »" in limits[0]


def test_an_error_in_the_block_still_puts_back(bench):
    programs(bench)
    with pytest.raises(RuntimeError), monitoring(bench.tools, "wlan0", [], enter=True):
        raise RuntimeError
    assert ran(bench)[-1] == DELETE


KILLED = """
import sys, time
from pathlib import Path
from checks.wifi.live.monitor import monitoring
from tests.wifi.live.machine import FakeMachine
from checks.wifi.live.tools import Tools
folder = Path(sys.argv[1])
tools = Tools(FakeMachine(), path=str(folder / "bin"), sys=folder / "sys", admin_folders=())
with monitoring(tools, "wlan0", [], enter=True) as name:
    print(name, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(("cases", "last"), [((), DELETE), ((("*add*", NOT_SUPPORTED),), "ip link set dev wlan0 up")])
def test_a_process_that_is_killed_still_puts_back(bench, tmp_path, number, cases, last):
    programs(bench, *cases)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline().strip() in {"ausculte0", "wlan0"}
    before = len(ran(bench))
    os.killpg(process.pid, number)
    process.wait(30)
    process.stdout.close()
    for _ in range(1000):
        if ran(bench)[-1:] == [last] and len(ran(bench)) > before:
            break
        time.sleep(0.02)
    assert ran(bench)[before:] == (
        [DELETE]
        if last == DELETE
        else ["ip link set dev wlan0 down", "iw dev wlan0 set type managed", "ip link set dev wlan0 up"]
    )


def test_what_is_promised_is_announced_with_its_absolute_path(bench):
    programs(bench)
    entered(bench)
    assert bench.machine.promised == [f"{bench.bin}/iw dev ausculte0 del"]


def test_nothing_is_changed_when_it_could_not_be_put_back(bench, monkeypatch):
    programs(bench)

    def refuse(purpose, environment):
        raise OSError("plus de mémoire")

    monkeypatch.setattr(bench.machine, "undo", refuse)
    found, inside, after, _ = entered(bench)
    assert found.reason is Reason.ERROR
    assert (inside, after) == ([], [])


@pytest.mark.parametrize("missing", ["iw", "ip"])
def test_a_program_is_missing(bench, missing):
    programs(bench)
    (bench.bin / missing).unlink()
    found, inside, _, _ = entered(bench)
    assert found.reason is Reason.UNSUPPORTED
    assert f"le programme {missing}" in found.detail
    assert inside == []


def test_an_interface_that_does_not_exist(bench):
    programs(bench)
    found, inside, after, _ = entered(bench, name="wlan7")
    assert "n'existe pas" in found.detail
    assert (inside, after) == ([], [])


def hops(bench, channels, moments):
    limits = []
    hopper = Hopper(bench.tools, "mon0", channels, limits)
    for moment in moments:
        hopper.tick(moment)
    return hopper, [command.removeprefix("iw dev mon0 set ") for command in ran(bench)], limits


def test_channels_are_visited_in_turn(bench):
    programs(bench)
    hopper, commands, limits = hops(bench, (1, 36, 5955), [0.0, DWELL / 2, DWELL, 2 * DWELL, 3 * DWELL])
    assert commands == ["channel 1", "channel 36", "freq 5955", "channel 1"]
    assert hopper.visited == {1: 2, 36: 1, 5955: 1}
    assert limits == []


def test_without_channels_the_adapter_stays_where_it_is(bench):
    programs(bench)
    assert hops(bench, (), [0.0, 1.0, 2.0])[1] == []


def test_a_channel_declared_twice_is_one(bench):
    programs(bench)
    assert hops(bench, (6, 6), [0.0, DWELL])[1] == ["channel 6", "channel 6"]


def test_refused_channels_are_left_out_once_and_for_all(bench):
    programs(bench, ("*13", fails("command failed: Invalid argument (-22)", 234)))
    _, commands, limits = hops(bench, (13, 1), [0.0, DWELL, 2 * DWELL])
    assert commands == ["channel 13", "channel 1", "channel 1", "channel 1"]
    assert len(limits) == 1
    assert limits[0].startswith("Canal 13 non écouté")


def test_without_rights_channels_are_given_up_at_once(bench):
    programs(bench, ("*", DENIED))
    _, commands, limits = hops(bench, (1, 6, 11), [0.0, DWELL])
    assert commands == ["channel 1"]
    assert limits[-1] == "Le canal de l'adaptateur ne peut pas être changé : un seul a été écouté."
