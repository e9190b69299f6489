"""Reading as a whole: counting, periods, deauthentications, calls for networks, limits."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
import pytest

from checks.wifi.capture import frames as scanning
from checks.wifi.capture import news, survey
from checks.wifi.capture.reader import read_captures
from tests.wifi import frames as f
from tests.wifi.reading import SALT, only, read

BEACON = f.beacon(b"Pro", f.rsn())


def test_the_json_keys_that_other_tools_rely_on(tmp_path):
    packets = [f.beacon(b"Ouvert", capability=1), *f.handshake(), f.data(f.eap(2, 1, 1, b"x"), up=True)]
    document = json.loads(msgspec.json.encode(read(tmp_path, f.pcap(packets))))
    assert {"networks", "handshakes", "eap", "truncated"} <= set(document)
    network_keys = {
        "bssid",
        "ssid",
        "hidden",
        "akms",
        "pairwise",
        "group",
        "pmf",
        "wps",
        "locked",
        "privacy",
        "encryption",
    }
    assert network_keys <= set(document["networks"][0])
    assert {"bssid", "client", "akm", "messages", "offline_attack", "reason"} <= set(document["handshakes"][0])
    assert {"methods", "identity_in_clear"} <= set(document["eap"][0])


def test_beacons_that_repeat_are_parsed_once(tmp_path, monkeypatch):
    parsed = []
    original = news.describe
    monkeypatch.setattr(news, "describe", lambda *args: parsed.append(1) or original(*args))
    changing = [
        f.beacon(b"Pro", f.element(5, bytes([n % 3, 3, 0, n & 0xFF])), f.element(11, bytes([n & 0xFF, 0, 1, 0, 0])), f.rsn(),
                 stamp=n * 1000, sequence=n & 0xFFF)
        for n in range(500)
    ]  # fmt: skip
    assert only(read(tmp_path, f.pcap(changing)).networks).beacons == 500
    assert len(parsed) == 1


def test_a_change_of_settings_is_not_hidden_by_the_cache(tmp_path):
    weaker = f.beacon(b"Pro", f.rsn((2, 8)))
    found = only(read(tmp_path, f.pcap([BEACON] * 50 + [weaker] * 20 + [BEACON] * 10)).networks)
    assert (found.akms, found.beacons) == (("PSK",), 80)
    assert (only(found.variants).akms, only(found.variants).frames, only(found.variants).packet.number) == (
        ("PSK", "SAE"),
        20,
        51,
    )


def test_signal_over_time(tmp_path):
    packets = [f.radiotap(BEACON, signal=-50 - n // 10) for n in range(30)]
    seconds = [1_700_000_000 + n for n in range(30)]
    found = only(read(tmp_path, f.pcap(packets, f.RADIOTAP, seconds=seconds)).networks)
    assert [(sample.seconds, sample.frames, sample.mean, sample.strongest) for sample in found.samples] == [
        (10, 10, -50.0, -50),
        (10, 10, -51.0, -51),
        (10, 10, -52.0, -52),
    ]
    assert (found.strongest, found.mean) == (-50, -51.0)
    assert only(read(tmp_path, f.pcap([BEACON])).networks).strongest is None


def test_long_captures_keep_a_bounded_summary(tmp_path):
    packets = [f.radiotap(BEACON, signal=-50)] * 3000
    seconds = [1_700_000_000 + 60 * n for n in range(3000)]
    found = only(read(tmp_path, f.pcap(packets, f.RADIOTAP, seconds=seconds)).networks)
    assert len(found.samples) <= survey.MAX_PERIODS
    assert sum(sample.frames for sample in found.samples) == 3000
    assert found.samples[0].start <= seconds[0] < found.samples[0].start + found.samples[0].seconds


def test_deauthentications(tmp_path):
    flood = [f.deauthentication() for _ in range(200)] + [f.deauthentication(receiver=f.STA, reason=3)] * 5
    guarded = f.deauthentication(receiver=f.STA2, flags=0x40)
    leaving = f.deauthentication(receiver=f.AP, sender=f.STA2, reason=8)
    seconds = [1_700_000_000] * 100 + [1_700_000_020] * 107
    facts = read(tmp_path, f.pcap([*flood, guarded, leaving], seconds=seconds))
    found = only(facts.deauthentications)
    assert (found.frames, found.broadcast, found.protected, found.targets) == (207, 200, 1, 2)
    assert (found.peak, found.reasons, found.packet.number) == (107, (3, 7, 8), 1)
    assert facts.frames == {"deauthentication": 207}


def test_a_station_in_the_place_of_the_network_keeps_its_pseudonym(tmp_path):
    facts = read(tmp_path, f.pcap([BEACON, f.probe(b"Pro", f.STA), f.deauthentication(f.STA, receiver=f.STA2)]))
    assert only(facts.deauthentications).bssid == only(facts.probes).client


def test_calls_for_networks(tmp_path):
    calls = [f.probe(b"Maison", f.STA), f.probe(b"Gare", f.STA), f.probe(b"Pro", f.STA), f.probe(b"", f.STA)]
    calls += [f.probe(b"Siege", f.STA2), f.probe(b"", bytes.fromhex("005566000009"))]
    facts = read(tmp_path, f.pcap([BEACON, *calls, *calls]), declared=("Siege",))
    assert [(leak.ssids, leak.others, leak.random_address) for leak in facts.probes] == [
        (("Siege",), 0, False),
        (("Pro",), 2, True),
    ]
    assert facts.frames["probe request"] == 12


def test_kinds_of_frames_are_counted(tmp_path):
    ack, cts = b"\xd4\0\0\0" + f.STA, b"\xc4\0\0\0" + f.STA
    packets = [BEACON, ack, ack, cts, f.data(b"\0" * 9, protected=True), f.data(b"", qos=True, snap=b"")]
    facts = read(tmp_path, f.pcap([*packets, b"\xd4\0\0\0abc", b"\x0c\0" + bytes(30), b"\x03" + bytes(30)]))
    assert facts.frames == {"ack": 2, "beacon": 1, "cts": 1, "data": 1, "dmg beacon": 1, "other": 1, "qos data": 1}
    assert only(facts.files).damaged == 1
    assert only(facts.files).frames == 9


def test_packets_are_numbered_by_file_from_one(tmp_path):
    other = f.beacon(b"Deux", bssid=f.AP2)
    (tmp_path / "a.pcap").write_bytes(f.pcap([BEACON] * 2000))
    (tmp_path / "b.pcap").write_bytes(f.pcap([BEACON] * 3000 + [other]))
    steps = []
    facts = read_captures(
        [tmp_path / "a.pcap", tmp_path / "b.pcap"],
        salt=SALT,
        progress=lambda step, *_: steps.append(step),
    )
    packets = {network.ssid: str(network.packet) for network in facts.networks}
    assert packets == {"Pro": "a.pcap, paquet 1", "Deux": "b.pcap, paquet 3001"}
    assert steps == ["Lecture de a.pcap", "Lecture de b.pcap"]
    assert [file.frames for file in facts.files] == [2000, 3001]


def test_a_flood_of_invented_networks_is_bounded_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "MAX_NETWORKS", 50)
    monkeypatch.setattr(scanning, "MAX_CACHE", 20)
    packets = [f.beacon(b"X%d" % n, bssid=b"\x02\0\0\0" + n.to_bytes(2)) for n in range(200)]
    facts = read(tmp_path, f.pcap(packets))
    assert len(facts.networks) == 50
    assert facts.truncated
    assert "plus de 50 réseaux" in only(facts.limits)


def test_stations_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "MAX_STATIONS", 10)
    monkeypatch.setattr(scanning, "MAX_TABLE", 30)
    packets = [f.data(b"x" * 9, protected=True, station=b"\x02\0\0\0" + n.to_bytes(2)) for n in range(100)]
    facts = read(tmp_path, f.pcap([BEACON, *packets]))
    assert len(facts.associations) == 10
    assert facts.truncated


def test_unreadable_frames_are_bounded_and_some_get_a_second_opinion(tmp_path):
    pytest.importorskip("scapy", reason="scapy is optional")
    broken = [f.beacon(b"X", f.element(48, b"\x07\0"), bssid=b"\x02\0\0\0" + n.to_bytes(2)) for n in range(150)]
    facts = read(tmp_path, f.pcap(broken))
    assert len(facts.unreadable) == survey.MAX_UNREADABLE
    assert "50 autres" in only(facts.limits)
    assert facts.unreadable[0].second_opinion.startswith("scapy : ")
    assert "SSID « X »" in facts.unreadable[0].second_opinion
    assert "non demandé" in facts.unreadable[-1].second_opinion


def test_without_scapy_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scapy.layers.dot11", None)
    facts = read(tmp_path, f.pcap([f.beacon(b"X", f.element(48, b""))]))
    assert "pas installé" in only(facts.unreadable).second_opinion


def test_memory_does_not_grow_with_the_file(tmp_path):
    part = b"".join(f.pcap([f.beacon(b"Pro", f.rsn(), stamp=n)])[24:] for n in range(2000))

    def peak(repeats):
        path = tmp_path / f"{repeats}.pcap"
        with path.open("wb") as file:
            file.write(f.pcap([]))
            for _ in range(repeats):
                file.write(part)
        tracemalloc.start()
        try:
            read_captures([path], salt=SALT)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(3)  # imports and caches of the first run
    small, large = peak(3), peak(24)
    assert large < 1.3 * small + 500_000
    assert large < 10_000_000
