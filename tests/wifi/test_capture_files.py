"""Containers: pcap and pcapng in every byte order and resolution, compressed, cut short, impossible."""

from __future__ import annotations

import gzip
import hashlib
import struct

import pytest

from tests.wifi import frames as f
from tests.wifi.reading import only, read

ONE = f.beacon(b"Pro", f.rsn())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_orders_and_resolutions(tmp_path, order, nano):
    raw = f.pcap([ONE] * 3, order=order, nano=nano, seconds=[1_700_000_000, 1_700_000_001, 1_700_000_009])
    facts = read(tmp_path, raw)
    file = only(facts.files)
    assert (file.format, file.frames, file.truncated, file.links) == ("pcap", 3, False, ("ieee802.11",))
    assert (file.first, file.last) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13:29Z")
    assert file.sha256 == hashlib.sha256(raw).hexdigest()
    assert only(facts.networks).beacons == 3
    assert not facts.truncated


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_orders(tmp_path, order):
    raw = f.section(order) + f.interface(order=order) + f.enhanced(ONE, order=order)
    facts = read(tmp_path, raw)
    assert only(facts.networks).ssid == "Pro"
    assert only(facts.files).first == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("options", "stamp"),
    [
        (f.option(9, b"\x09"), 1_700_000_000_000_000_000),
        (f.option(9, b"\x00"), 1_700_000_000),
        (f.option(9, b"\x8a"), 1_700_000_000 << 10),
        (f.option(14, struct.pack("<q", 1_600_000_000)), 100_000_000_000_000),
        (f.option(2, b"wlan0") + f.option(9, b"\x06") + f.option(0, b""), 1_700_000_000_000_000),
    ],
)
def test_pcapng_time_resolution_of_the_interface(tmp_path, options, stamp):
    raw = f.section() + f.interface(options=options) + f.enhanced(ONE, stamp=stamp)
    assert only(read(tmp_path, raw).files).first == "2023-11-14T22:13:20Z"


def test_pcapng_mixes_interfaces_link_types_and_sections(tmp_path):
    other = f.radiotap(f.beacon(b"Deux", bssid=f.AP2), signal=-40)
    raw = f.section() + f.interface() + f.interface(f.RADIOTAP)
    raw += f.enhanced(ONE) + f.enhanced(other, number=1) + f.enhanced(ONE)
    raw += f.block(5, bytes(16)) + f.block(0x0BAD, bytes(40))  # statistics, and a block nobody knows
    raw += f.section(">") + f.interface(f.RADIOTAP, ">") + f.enhanced(other, order=">")
    facts = read(tmp_path, raw)
    assert {network.ssid: network.beacons for network in facts.networks} == {"Pro": 2, "Deux": 2}
    assert only(facts.files).links == ("ieee802.11", "radiotap")
    assert [network.packet.number for network in facts.networks] == [1, 2]


def test_pcapng_simple_and_obsolete_packet_blocks(tmp_path):
    simple = f.block(3, struct.pack("<I", len(ONE)) + ONE)
    old = f.block(2, struct.pack("<HHIIII", 0, 0, 0, 0, len(ONE), len(ONE)) + ONE)
    assert only(read(tmp_path, f.section() + f.interface() + simple + old).networks).beacons == 2


def test_pcapng_skips_a_block_larger_than_memory_would_like(tmp_path):
    huge = f.block(0x0BAD, bytes(3_000_000))
    facts = read(tmp_path, f.section() + f.interface() + huge + f.enhanced(ONE))
    assert only(facts.networks).ssid == "Pro"
    assert not facts.truncated


@pytest.mark.parametrize("lost", [1, 4, 17])
def test_a_file_cut_in_a_packet_says_so_and_keeps_the_rest(tmp_path, lost):
    for raw in (f.pcap([ONE] * 2), f.section() + f.interface() + f.enhanced(ONE) * 2):
        facts = read(tmp_path, raw[:-lost])
        assert only(facts.files).truncated
        assert facts.truncated
        assert only(facts.networks).beacons == 1


def test_a_file_cut_between_packets_is_whole(tmp_path):
    assert not read(tmp_path, f.pcap([ONE])).truncated


def test_impossible_lengths_stop_the_reading(tmp_path):
    raw = f.pcap([ONE]) + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 0x7FFFFFFF) + bytes(100)
    assert only(read(tmp_path, raw).files).truncated
    odd = f.section() + f.interface() + f.enhanced(ONE) + struct.pack("<II", 6, 13) + bytes(100)
    facts = read(tmp_path, odd)
    assert facts.truncated
    assert only(facts.networks).beacons == 1


def test_a_packet_of_an_interface_that_does_not_exist(tmp_path):
    facts = read(tmp_path, f.section() + f.interface() + f.enhanced(ONE, number=7) + f.enhanced(ONE))
    assert facts.truncated
    assert only(facts.networks).beacons == 1


def test_gzip_is_read_transparently(tmp_path):
    raw = f.pcap([ONE] * 4)
    packed = gzip.compress(raw[:200]) + gzip.compress(raw[200:])
    facts = read(tmp_path, packed, "essai.pcap.gz")
    file = only(facts.files)
    assert (file.compressed, file.frames, file.truncated, file.size) == (True, 4, False, len(packed))
    assert file.sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize("damage", [lambda raw: raw[:-12], lambda raw: raw[:40] + b"\xff" * 8 + raw[48:]])
def test_gzip_cut_or_damaged_says_so(tmp_path, damage):
    packed = gzip.compress(f.pcap([f.beacon(b"Pro", stamp=number) for number in range(300)]), mtime=0)
    assert read(tmp_path, damage(packed), "essai.pcap.gz").truncated


def test_a_compression_bomb_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("checks.wifi.capture.files.MAX_SMALL", 1 << 20)
    facts = read(tmp_path, gzip.compress(f.pcap([ONE]) + bytes(30_000_000)), "essai.pcap.gz")
    assert facts.truncated
    assert "démesuré" in only(facts.unreadable).what


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3", b"GIF89a" * 10, b"\x1f\x8b"])
def test_what_is_not_a_capture_is_said(tmp_path, content):
    facts = read(tmp_path, content)
    assert only(facts.files).truncated
    assert only(facts.unreadable).file == "essai.pcap"
    assert facts.networks == ()


def test_frames_cut_by_the_snap_length_are_counted_and_doubted(tmp_path):
    whole = f.beacon(b"Pro", f.element(45, bytes(26)), f.rsn())
    facts = read(tmp_path, f.pcap([whole], snap=60))
    network = only(facts.networks)
    assert (only(facts.files).cut, facts.truncated) == (1, True)
    assert (network.ssid, network.encryption, network.incomplete) == ("Pro", "unknown", True)
    both = read(tmp_path, f.pcap([whole], snap=60) + f.pcap([whole])[24:])
    assert (only(both.networks).encryption, only(both.networks).incomplete) == ("wpa2", False)


def test_time_that_goes_back_is_said(tmp_path):
    facts = read(tmp_path, f.pcap([ONE] * 3, seconds=[1_700_000_100, 1_700_000_000, 1_700_000_200]))
    file = only(facts.files)
    assert file.out_of_order
    assert (file.first, file.last) == ("2023-11-14T22:13:20Z", "2023-11-14T22:16:40Z")
    assert not only(read(tmp_path, f.pcap([ONE] * 30)).files).out_of_order


def test_a_link_type_that_is_not_read_is_counted(tmp_path):
    file = only(read(tmp_path, f.pcap([ONE] * 3, link=101)).files)
    assert (file.links, file.frames, file.unsupported) == (("dlt-101",), 3, 3)


def test_a_salt_that_protects_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="salt"):
        read(tmp_path, f.pcap([ONE]), salt=b"court")


def test_an_absent_file_raises(tmp_path):
    from checks.wifi.capture.reader import read_captures

    with pytest.raises(FileNotFoundError):
        read_captures([tmp_path / "absent.pcap"], salt=bytes(16))
