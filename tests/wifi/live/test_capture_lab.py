"""Frames that arrive on a real interface, heard by a guarded process: same facts as from a file, and nothing sent.

The interface is a TAP device whose link type is that of monitor mode (803, radiotap), in a namespace of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from checks.model import Reason
from checks.wifi.capture.reader import read_captures
from checks.wifi.facts import WifiFacts
from checks.wifi.live.facts import LiveFacts
from tests.wifi import frames

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[3]
SALT = "0123456789abcdef"
AP_PRO, AP_GUEST, AP_HIDDEN = "00:11:22:00:00:01", "00:11:22:00:00:02", "00:11:22:00:00:03"
STATION = "0a:55:66:00:00:01"
LISTEN = """
import datetime as dt, sys
from pathlib import Path
import msgspec
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Mandate
from checks.wifi.live.config import LiveConfig
from checks.wifi.live.listen import listen

today = dt.date.today()
mandate = Mandate(authorised_by="Direction", signed_on=today, valid_from=today - dt.timedelta(1),
                  valid_to=today + dt.timedelta(1), emergency_contact="astreinte", networks=("127.0.0.1",))
clock = lambda: dt.datetime.now(dt.UTC)
network = GuardedNetwork(MandateGuard(mandate, ()), Journal(Path(sys.argv[2]), "wifi", clock), (), clock)
config = msgspec.json.decode(sys.argv[1], type=LiveConfig)
install_audit_hook(network)
progress = lambda step, done=0, total=None: print(step, done, file=sys.stderr, flush=True)
found = listen(config, network, progress, clock=clock, salt=sys.argv[3].encode())
network.close()
sys.stdout.buffer.write(msgspec.json.encode({"seen": found.seen, "live": found.live, "limits": found.said.limits}))
"""
_numbers = itertools.count()


class Result(msgspec.Struct):
    seen: WifiFacts
    live: LiveFacts
    limits: tuple[str, ...]


class Radio:
    """The namespace with its device, and the processes in it."""

    def __init__(self, name, link):
        self.name = name
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-m", "tests.wifi.live.radio", str(link)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, order):
        print(order, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    @contextlib.contextmanager
    def listening(self, tmp_path, *, before=(), **config):
        """A guarded process that listens; the block begins when its socket is open."""
        empty = tmp_path / "tmp"
        empty.mkdir(exist_ok=True)
        settings = msgspec.json.encode({"scan": False, "monitor_interface": "mon0", **config}).decode()
        journal = str(tmp_path / "journal.jsonl")
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *before, sys.executable, "-c", LISTEN, settings, journal, SALT],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(empty), "HOME": str(empty)},
            cwd=ROOT,
        )
        try:
            for line in process.stderr:
                if line.startswith(b"\xc3\x89coute"):
                    break
            yield process
        finally:
            process.kill()
            process.wait(20)
            process.stdout.close()
            process.stderr.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def result(process):
    out, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors.decode()
    return msgspec.json.decode(out, type=Result)


@pytest.fixture
def radio(request):
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    if not Path("/dev/net/tun").exists():
        pytest.skip("no TAP device on this machine")
    name = f"ausculte.live-{os.getpid()}-{next(_numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=20)
    try:
        made = Radio(name, getattr(request, "param", 803))
        yield made
        made.close()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True, timeout=20)


@pytest.fixture(scope="module")
def air():
    """Packets made by scapy: WPA2, WPA3, a hidden name and its answer, and the first half of a handshake."""
    pytest.importorskip("scapy", reason="scapy is optional")
    from scapy.layers.dot11 import (
        AKMSuite,
        Dot11,
        Dot11Beacon,
        Dot11Elt,
        Dot11EltRSN,
        Dot11ProbeResp,
        RadioTap,
        RSNCipherSuite,
    )
    from scapy.layers.eap import EAPOL, EAPOL_KEY
    from scapy.layers.l2 import LLC, SNAP

    def received(frame, frequency=2437):
        head = RadioTap(
            present="Flags+Channel+dBm_AntSignal",
            Flags=0,
            ChannelFrequency=frequency,
            ChannelFlags=0x80,
            dBm_AntSignal=-51,
        )
        return bytes(head / frame)

    def rsn(akm, *, capable=0, required=0):
        return Dot11EltRSN(
            group_cipher_suite=RSNCipherSuite(cipher=4),
            pairwise_cipher_suites=[RSNCipherSuite(cipher=4)],
            akm_suites=[AKMSuite(suite=akm)],
            mfp_capable=capable,
            mfp_required=required,
        )

    def managed(subtype, bssid, body, to="ff:ff:ff:ff:ff:ff"):
        return Dot11(type=0, subtype=subtype, addr1=to, addr2=bssid, addr3=bssid) / body

    def named(ssid):
        return Dot11Elt(ID=0, info=ssid) / Dot11Elt(ID=1, info=b"\x82\x84") / Dot11Elt(ID=3, info=b"\x06")

    def key(info, nonce, *, up, data=b""):
        flags, to, by = (1, AP_PRO, STATION) if up else (2, STATION, AP_PRO)
        head = Dot11(type=2, subtype=0, FCfield=flags, addr1=to, addr2=by, addr3=AP_PRO)
        head = head / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x888E)
        content = bytes([2]) + info.to_bytes(2, "big") + (16).to_bytes(2, "big") + (1).to_bytes(8, "big") + nonce
        content += bytes(32) + (b"\x09" * 16 if up else bytes(16)) + len(data).to_bytes(2, "big") + data
        return head / EAPOL(version=2, type=3, len=len(content)) / EAPOL_KEY(content)

    beacons = [
        managed(8, AP_PRO, Dot11Beacon(cap="ESS+privacy") / named(b"Tilleuls-Pro") / rsn(2)),
        managed(
            8, AP_GUEST, Dot11Beacon(cap="ESS+privacy") / named("Résidents".encode()) / rsn(8, capable=1, required=1)
        ),
        managed(8, AP_HIDDEN, Dot11Beacon(cap="ESS+privacy") / named(b"") / rsn(1)),
        managed(5, AP_HIDDEN, Dot11ProbeResp(cap="ESS+privacy") / named(b"Tilleuls-Admin") / rsn(1), to=STATION),
    ]
    keys = [key(0x008A, b"\x01" * 32, up=False), key(0x010A, b"\x02" * 32, up=True, data=bytes(rsn(2)))]
    return [received(frame) for frame in (*beacons, *beacons, *keys)]


def saved(tmp_path, packets, name="air.pcap"):
    path = tmp_path / name
    path.write_bytes(frames.pcap(packets, 127))
    return path


def timeless(facts):
    """Facts without what depends on when and from where the frames were read."""
    [file] = facts.files
    networks = tuple(msgspec.structs.replace(network, samples=(), packet=None) for network in facts.networks)
    samples = [
        (sample.frames, sample.mean, sample.strongest) for network in facts.networks for sample in network.samples
    ]
    text = msgspec.json.encode(msgspec.structs.replace(facts, files=(), networks=networks)).decode()
    return text.replace(file.name, "FILE"), samples, (file.frames, file.damaged, file.links, file.truncated)


def test_live_facts_are_those_of_a_file_and_nothing_is_sent(radio, tmp_path, air):
    path = saved(tmp_path, air)
    with radio.listening(tmp_path, capture_seconds=5) as process:
        radio.tell(f"send {path}")
        found = result(process)
    stored = read_captures([path], salt=SALT.encode())
    assert timeless(found.seen) == timeless(stored)
    assert [network.ssid for network in found.seen.networks] == ["Tilleuls-Pro", "Résidents", "Tilleuls-Admin"]
    assert [network.encryption for network in found.seen.networks] == ["wpa2", "wpa3", "wpa2"]
    assert found.seen.handshakes[0].offline_attack
    step = found.live.capture
    assert (step.frames, step.networks, step.dropped, step.gap) == (len(air), 3, 0, None)
    assert found.seen.limits == ()
    assert radio.tell("sent") == "0"
    journal = (tmp_path / "journal.jsonl").read_text()
    assert '"action":"listen"' in journal
    assert '"target":"mon0"' in journal


@pytest.mark.parametrize("end", ["down", "remove"])
def test_an_interface_that_ends_in_the_middle(radio, tmp_path, air, end):
    path = saved(tmp_path, air)
    with radio.listening(tmp_path, capture_seconds=80) as process:
        radio.tell(f"send {path}")
        radio.tell(end)
        found = result(process)
    assert found.live.capture.gap.reason is Reason.UNREACHABLE
    assert found.live.capture.frames == len(air)
    assert found.seen.truncated
    assert len(found.seen.networks) == 3


def test_silence(radio, tmp_path):
    with radio.listening(tmp_path, capture_seconds=1) as process:
        found = result(process)
    assert (found.live.capture.frames, found.live.capture.gap, found.seen.networks) == (0, None, ())
    assert any("Aucune trame reçue" in limit for limit in found.seen.limits)
    assert radio.tell("sent") == "0"


def test_a_flood_stops_at_the_number_of_frames(radio, tmp_path, air):
    path = saved(tmp_path, air)
    with radio.listening(tmp_path, capture_seconds=80, max_frames=5000) as process:
        radio.tell(f"flood {path} 100000")
        found = result(process)
    assert found.live.capture.frames == 5000
    assert found.seen.truncated
    assert any("limite de 5 000 trames" in limit for limit in found.seen.limits)
    assert found.seen.networks[0].beacons == 5000


def test_every_frame_of_a_flood_is_read_or_counted_as_lost(radio, tmp_path, air):
    path = saved(tmp_path, air)
    with radio.listening(tmp_path, capture_seconds=8) as process:
        radio.tell(f"flood {path} 100000")
        found = result(process)
    step = found.live.capture
    assert step.frames + step.dropped == 100_000
    assert found.seen.networks[0].beacons == step.frames
    assert found.seen.truncated == bool(step.dropped)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_ended_in_the_middle_leaves_no_file(radio, tmp_path, air, number):
    path = saved(tmp_path, air)
    with radio.listening(tmp_path, capture_seconds=80) as process:
        radio.tell(f"send {path}")
        process.send_signal(number)
        assert process.wait(20) == -number
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["air.pcap", "journal.jsonl", "tmp"]
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("radio", [1], indirect=True)
def test_an_interface_that_is_not_in_monitor_mode(radio, tmp_path):
    with radio.listening(tmp_path) as process:
        found = result(process)
    assert found.live.capture.gap.reason is Reason.UNSUPPORTED
    assert "n'est pas en mode moniteur" in found.live.capture.gap.detail
    assert not (tmp_path / "journal.jsonl").exists()


def test_the_real_iw_without_radio_is_a_gap(radio, tmp_path):
    if Path("/sys/class/ieee80211").exists():
        pytest.skip("this machine has a radio")
    with radio.listening(tmp_path, scan=True, interface="wlan9", monitor_interface="") as process:
        found = result(process)
    gap = found.live.scan.gap
    assert gap.detail.startswith("Aucun relevé possible avec wlan9 : iw : ")
    assert "programme absent" in gap.detail or "nl80211" in gap.detail
    assert found.limits == (f"Réseaux visibles d'ici non relevés. {gap.detail}",)


def test_without_the_right_to_listen(radio, tmp_path):
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    drop = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    with radio.listening(tmp_path, before=drop) as process:
        found = result(process)
    gap = found.live.capture.gap
    assert gap.reason is Reason.PERMISSION
    assert "CAP_NET_RAW" in gap.detail
