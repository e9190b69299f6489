"""The stream of frames and its bounds, with an ear of the test: what leaves it is read as any capture."""

from __future__ import annotations

import datetime as dt
import errno
import struct

import msgspec
import pytest

from checks.model import MandateRefusedError, Reason
from checks.wifi.capture.reader import read_captures
from checks.wifi.live import capture
from checks.wifi.live.capture import Bounds, Ear, LiveStream, link_of, open_ear
from checks.wifi.live.config import LiveConfig
from checks.wifi.live.facts import LiveFacts
from checks.wifi.live.listen import listen
from tests.wifi import frames
from tests.wifi.live.machine import Bench, fails
from tests.wifi.test_scans import IW

SALT = b"0123456789abcdef"
BEACON = frames.radiotap(frames.beacon(b"Tilleuls-Pro", frames.rsn()), signal=-50, frequency=2437)
NOW = 1_700_000_000.25


class Time:
    """A clock that only moves when somebody waits."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


class FakeEar:
    """Gives frames, refuses with errors, and says when there is nothing."""

    def __init__(self, *events, dropped=0):
        self.events = list(events)
        self.time = Time()
        self.closed = 0
        self.lost = dropped

    def ear(self):
        return Ear(self.receive, self.time.wait, lambda: self.lost, self.close)

    def receive(self):
        event = self.events.pop(0) if self.events else BlockingIOError()
        if isinstance(event, Exception):
            raise event
        return event, NOW

    def close(self):
        self.closed += 1


def streamed(fake, *, seconds=3.0, frames_limit=1000, size=1_000_000, tick=lambda _: None):
    bounds = Bounds(seconds, frames_limit, size)
    return LiveStream("mon0 (en direct)", fake.ear(), 127, bounds, tick=tick, monotonic=fake.time, clock=lambda: NOW)


def content(stream):
    with stream.open("rb") as file:
        return b"".join(iter(lambda: file.read(1 << 18), b""))


def test_frames_become_a_pcap_file():
    packets = [BEACON, *(frames.radiotap(frame) for frame in frames.handshake())]
    stream = streamed(FakeEar(*packets))
    records = [struct.pack("<IIII", 1_700_000_000, 250_000, len(packet), len(packet)) + packet for packet in packets]
    assert content(stream) == frames.pcap([], 127) + b"".join(records)
    assert (stream.frames, stream.full, stream.gone, stream.seconds) == (5, "", False, 3.0)


def test_the_stream_is_read_as_a_file_of_the_same_frames(tmp_path):
    packets = [BEACON, *(frames.radiotap(frame) for frame in frames.handshake())]
    path = tmp_path / "mon0 (en direct)"
    path.write_bytes(frames.pcap(packets, 127, seconds=[1_700_000_000] * 5))
    stored = read_captures([path], salt=SALT)
    heard = read_captures([streamed(FakeEar(*packets))], salt=SALT)
    assert heard == msgspec.structs.replace(stored, files=heard.files)
    assert msgspec.structs.replace(heard.files[0], sha256="") == msgspec.structs.replace(stored.files[0], sha256="")


def test_silence_ends_at_the_time_limit():
    stream = streamed(FakeEar(), seconds=2.0)
    assert len(content(stream)) == 24
    assert (stream.frames, stream.seconds, stream.gone, stream.full) == (0, 2.0, False, "")


def test_each_turn_tells_the_time():
    told = []
    content(streamed(FakeEar(), seconds=1.0, tick=told.append))
    assert told == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("code", [errno.ENETDOWN, errno.ENODEV, errno.ENXIO])
def test_an_interface_that_goes_away_keeps_what_was_heard(code):
    fake = FakeEar(BEACON, OSError(code, "gone"))
    stream = streamed(fake, seconds=60)
    assert len(content(stream)) == 24 + 16 + len(BEACON)
    assert (stream.gone, stream.frames, stream.seconds) == (True, 1, 0.25)


def test_the_end_is_told_before_the_frames_that_still_wait():
    stream = streamed(FakeEar(OSError(errno.ENETDOWN, "gone"), *[BEACON] * 900, OSError(errno.ENETDOWN, "gone")))
    content(stream)
    assert (stream.gone, stream.frames, stream.full) == (True, 900, "")


def test_any_other_error_is_not_hidden():
    with pytest.raises(OSError, match="boum"):
        content(streamed(FakeEar(OSError(errno.EIO, "boum"))))


def test_number_of_frames_at_its_limit():
    stream = streamed(FakeEar(*[BEACON] * 20), frames_limit=7)
    content(stream)
    assert stream.frames == 7
    assert stream.full == "limite de 7 trames atteinte"


def test_exactly_the_number_allowed_is_not_a_limit():
    stream = streamed(FakeEar(*[BEACON] * 6), frames_limit=7)
    content(stream)
    assert (stream.frames, stream.full) == (6, "")


def test_size_at_its_limit():
    stream = streamed(FakeEar(*[BEACON] * 2000), size=10_000, frames_limit=100_000)
    assert 10_000 <= len(content(stream)) <= 10_000 + 16 + len(BEACON)
    assert "limite de 10 000 octets" in stream.full


def test_a_flood_is_given_in_pieces():
    stream = streamed(FakeEar(*[BEACON] * 5000), size=10_000_000, frames_limit=100_000)
    with stream.open() as file:
        sizes = [len(piece) for piece in iter(lambda: file.read(1 << 18), b"")]
    assert max(sizes) < capture.PIECE + 16 + len(BEACON)
    assert stream.frames == 5000


def test_frames_lost_by_the_system_are_counted():
    stream = streamed(FakeEar(BEACON, dropped=12))
    content(stream)
    assert stream.dropped == 12


def test_a_frame_without_time_takes_that_of_the_clock():
    fake = FakeEar()
    fake.receive = iter_once(BEACON)
    assert content(streamed(fake))[24:28] == int(NOW).to_bytes(4, "little")


def iter_once(frame):
    left = [(frame, None), (b"", None)]

    def receive():
        if not left:
            raise BlockingIOError
        return left.pop(0)

    return receive


@pytest.mark.parametrize(("kind", "link"), [(801, 105), (802, 119), (803, 127)])
def test_link_types_of_monitor_mode(tmp_path, kind, link):
    bench = Bench(tmp_path)
    bench.device("mon0", kind=kind)
    assert link_of("mon0", bench.tools.sys) == link


def test_what_cannot_be_listened_to(tmp_path):
    bench = Bench(tmp_path)
    bench.device("wlan0", kind=1)
    bench.device("mon0", kind=803, flags="0x1002")
    bench.device("odd0", kind="radio")
    found = {name: link_of(name, bench.tools.sys) for name in ("wlan0", "mon0", "odd0", "none0")}
    assert {name: gap.reason for name, gap in found.items()} == {
        "wlan0": Reason.UNSUPPORTED,
        "mon0": Reason.UNREACHABLE,
        "odd0": Reason.UNSUPPORTED,
        "none0": Reason.UNSUPPORTED,
    }
    assert "n'est pas en mode moniteur" in found["wlan0"].detail
    assert "« ip link set mon0 up »" in found["mon0"].detail
    assert "n'existe pas" in found["none0"].detail


@pytest.mark.parametrize(
    ("problem", "reason", "word"),
    [
        (PermissionError(errno.EPERM, "Operation not permitted"), Reason.PERMISSION, "CAP_NET_RAW"),
        (OSError(errno.ENODEV, "No such device"), Reason.ERROR, "No such device"),
        (ImportError("scapy"), Reason.UNSUPPORTED, "scapy"),
        (MandateRefusedError("mon0", "hors des heures"), Reason.REFUSED, "hors des heures"),
    ],
)
def test_an_ear_that_does_not_open(problem, reason, word):
    class Closed:
        def listen(self, interface, protocol, purpose, opener):
            raise problem

    gap = open_ear(Closed(), "mon0")
    assert gap.reason is reason
    assert word in gap.detail


class EarMachine:
    """Programs of a bench, and an ear of the test in place of the socket."""

    def __init__(self, bench, fake):
        self.run = bench.machine.run
        self.fake = fake

    def listen(self, interface, protocol, purpose, opener):
        assert (interface, protocol) == ("mon0", "802.11")
        return self.fake.ear()


def heard(tmp_path, config, fake=None, *, prepare=lambda _: None, captures=()):
    bench = Bench(tmp_path)
    bench.device("mon0", kind=803)
    prepare(bench)
    told = []
    found = listen(
        config,
        EarMachine(bench, fake or FakeEar()),
        lambda step, *_: told.append(step),
        clock=lambda: dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC),
        salt=SALT,
        captures=captures,
        tools=bench.tools._replace(machine=EarMachine(bench, fake or FakeEar())),
    )
    assert msgspec.json.decode(msgspec.json.encode(found.live), type=LiveFacts) == found.live
    return found, told


def test_a_list_only(tmp_path):
    found, told = heard(tmp_path, LiveConfig(), prepare=lambda bench: (bench.device("wlan0"), bench.says("iw", IW)))
    assert found.live.capture is None
    assert found.live.scan.started == "2026-11-22T10:00:00Z"
    assert found.live.scan.networks == len(found.said.networks) == 5
    assert found.seen.files == ()
    assert told == ["Relevé des réseaux Wi-Fi visibles"]


def test_neither_is_possible_and_both_say_why(tmp_path):
    found, _ = heard(
        tmp_path, LiveConfig(monitor_interface="wlan9"), prepare=lambda bench: (bench.net / "mon0/phy80211").rmdir()
    )
    assert found.live.scan.gap.detail == "Cette machine n'a pas d'adaptateur Wi-Fi."
    assert found.live.capture.gap.detail == "wlan9 : cette interface n'existe pas sur cette machine."
    assert found.seen.limits == ("Rien n'a été écouté. wlan9 : cette interface n'existe pas sur cette machine.",)
    assert found.seen.networks == ()


def test_files_are_read_when_nothing_can_be_heard(tmp_path):
    path = tmp_path / "autre.pcap"
    path.write_bytes(frames.pcap([BEACON], 127))
    found, _ = heard(tmp_path, LiveConfig(scan=False, monitor_interface="wlan9"), captures=[path])
    assert found.live.capture.gap is not None
    assert [network.ssid for network in found.seen.networks] == ["Tilleuls-Pro"]


def test_what_is_heard_and_a_file_give_one_pseudonym_to_one_station(tmp_path):
    path = tmp_path / "autre.pcap"
    packets = [frames.radiotap(frame) for frame in frames.handshake()]
    path.write_bytes(frames.pcap(packets[:2], 127))
    config = LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1, max_frames=3)
    found, told = heard(tmp_path, config, FakeEar(BEACON, *packets[2:], BEACON), captures=[path])
    assert [file.name for file in found.seen.files] == ["mon0 (en direct)", "autre.pcap"]
    assert [handshake.messages for handshake in found.seen.handshakes] == [(1, 2, 3, 4)]
    assert found.seen.files[0].truncated
    assert not found.seen.files[1].truncated
    assert found.seen.truncated
    assert any("limite de 3 trames" in limit for limit in found.seen.limits)
    assert (found.live.capture.frames, found.live.capture.networks, found.live.capture.gap) == (3, 1, None)
    assert "Écoute de mon0" in told


def test_the_end_of_the_interface_is_a_gap_beside_what_was_heard(tmp_path):
    config = LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1)
    found, _ = heard(tmp_path, config, FakeEar(BEACON, OSError(errno.ENETDOWN, "down"), dropped=4))
    assert found.live.capture.gap.reason is Reason.UNREACHABLE
    assert (found.live.capture.frames, found.live.capture.dropped) == (1, 4)
    assert found.seen.truncated
    assert [network.ssid for network in found.seen.networks] == ["Tilleuls-Pro"]
    assert any("4 trames" in limit for limit in found.seen.limits)


def test_silence_is_said(tmp_path):
    fake = FakeEar()
    found, _ = heard(tmp_path, LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1), fake)
    assert found.live.capture.gap is None
    assert any("Aucune trame reçue" in limit for limit in found.seen.limits)
    assert not found.seen.truncated
    assert fake.closed == 1


def test_the_ear_is_closed_when_reading_fails(tmp_path):
    fake = FakeEar(OSError(errno.EIO, "boum"))
    with pytest.raises(OSError, match="boum"):
        heard(tmp_path, LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1), fake)
    assert fake.closed == 1


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    before = sorted(path for path in tmp_path.rglob("*"))
    config = LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1, max_frames=1)
    bench_folder = tmp_path / "bench"
    bench_folder.mkdir()
    heard(bench_folder, config, FakeEar(BEACON, BEACON))
    left = [path for path in sorted(tmp_path.rglob("*")) if bench_folder not in (path, *path.parents)]
    assert left == before
    assert not any((tmp_path / "empty").iterdir())


def test_a_refused_channel_is_left_out(tmp_path):
    def prepare(bench):
        bench.program(
            "iw",
            ('"dev mon0 set channel 1"|"dev mon0 set freq 5955"', "true"),
            ("*", fails("command failed: Invalid argument (-22)", 234)),
        )

    config = LiveConfig(scan=False, monitor_interface="mon0", capture_seconds=1, channels=(1, 13, 5955))
    found, _ = heard(tmp_path, config, FakeEar(BEACON), prepare=prepare)
    assert found.live.capture.channels == (1, 13, 5955)
    assert [limit for limit in found.seen.limits if limit.startswith("Canal")] == [
        "Canal 13 non écouté : iw : échec, code 234 (« command failed: Invalid argument (-22) »)."
    ]
