"""Link headers: radiotap alignment and namespaces, Prism, AVS, PPI; and the checksum at the end of frames."""

from __future__ import annotations

import struct

import pytest

from checks.wifi.capture import link
from tests.wifi import frames as f
from tests.wifi.reading import only, read

ONE = f.beacon(b"Pro", f.rsn())


def one(tmp_path, packet, kind=f.RADIOTAP):
    return only(read(tmp_path, f.pcap([packet], kind)).networks)


def test_signal_and_frequency_of_radiotap(tmp_path):
    network = one(
        tmp_path, f.radiotap(f.beacon(b"Six", f.rsn((8,)), channel=None), signal=-61, frequency=5975, flags=0)
    )
    assert (network.strongest, network.mean, network.band, network.channel) == (-61, -61.0, "6", 5)


def test_fields_are_aligned_from_the_start_of_the_header():
    # Two words make 12 bytes of header; the time stamp starts at 16, the flags at 24, the channel at 26.
    head = struct.pack("<BBHII", 0, 0, 31, 1 << 31 | 1 << 29 | 0b101011, 0) + bytes(4)
    raw = head + struct.pack("<Q", 1) + b"\x10\0" + struct.pack("<HH", 2437, 0) + b"\xc8"
    assert link.radiotap_layout(raw, 0, len(raw)) == link.Layout(31, 24, 30, 26, 8)


def header(words, fields):
    size = 4 + 4 * len(words) + len(fields)
    return struct.pack(f"<BBH{len(words)}I", 0, 0, size, *words) + fields


def test_the_first_signal_counts_and_those_of_antennas_do_not():
    again = 1 << 31 | 1 << 29
    raw = header([again | 0x22, 0x820], b"\x10" + b"\xc8" + b"\xb0\x01")
    tag = link.read_radiotap(raw, 0, len(raw))
    assert tag == link.Tag(len(raw), 0x10, 0xC8, 0)


def test_a_word_that_goes_on_without_namespace_has_no_known_field():
    raw = header([1 << 31 | 0x20, 0x2], b"\xc8" + b"\x40")
    assert link.read_radiotap(raw, 0, len(raw)) == link.Tag(len(raw), 0, 0xC8, 0)


def test_a_vendor_namespace_is_stepped_over():
    vendor = b"\x00\x50\xc2\x01" + struct.pack("<H", 3) + b"abc"
    raw = header([1 << 31 | 1 << 30 | 0x2, 1 << 31 | 1 << 29 | 0x7, 0x20], b"\x10\0" + vendor + b"\xc4")
    assert link.read_radiotap(raw, 0, len(raw)) == link.Tag(len(raw), 0x10, 0xC4, 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\x08",
        b"\x01\0\x08\0" + bytes(4),
        b"\0\0\x07\0" + bytes(4),
        b"\0\0\xff\xff" + bytes(4),
        header([1 << 31], b"")[:8],
        struct.pack("<BBHI", 0, 0, 8, 1 << 31),
    ],
)
def test_headers_that_do_not_hold_together(raw):
    assert link.radiotap_layout(raw, 0, len(raw)) is None


def test_a_field_beyond_the_header_is_not_read():
    raw = struct.pack("<BBHI", 0, 0, 8, 0x20) + b"\xc8"
    assert link.read_radiotap(raw, 0, len(raw)) == link.Tag(8)


def test_the_header_length_leads_to_the_frame_even_with_unknown_fields(tmp_path):
    packet = header([1 << 28 | 0x2], b"\0" + bytes(9)) + ONE
    assert one(tmp_path, packet).ssid == "Pro"


def test_two_shapes_with_the_same_first_word(tmp_path):
    again = 1 << 31 | 1 << 29 | 0x20
    packets = [header([again, 0x20], b"\xc8\xb0") + ONE, header([again, 0x2], b"\xc4\0") + ONE]
    packets.append(packets[0])
    network = only(read(tmp_path, f.pcap(packets, f.RADIOTAP)).networks)
    assert (network.beacons, network.strongest) == (3, -56)


def test_prism_avs_and_ppi(tmp_path):
    prism = struct.pack("<II", 0x44, 144) + bytes(136)
    avs = struct.pack(">II", 0x80211001, 64) + bytes(16) + struct.pack(">II", 4, 11) + bytes(12)
    avs += struct.pack(">Ii", 2, -70) + bytes(12)
    assert len(avs) == 64
    common = struct.pack("<HH", 2, 20) + bytes(8) + struct.pack("<HHHHBBbb", 1, 0, 5180, 0, 0, 0, -55, -90)
    ppi = struct.pack("<BBHI", 0, 0, 8 + len(common), 105) + common
    bare = f.beacon(b"Pro", f.rsn(), channel=None)
    assert one(tmp_path, prism + ONE, f.PRISM).ssid == "Pro"
    assert one(tmp_path, ONE, f.PRISM).ssid == "Pro"  # a bare frame under that link type
    for kind in (f.PRISM, f.AVS):
        found = one(tmp_path, avs + bare, kind)
        assert (found.ssid, found.channel, found.strongest) == ("Pro", 11, -70)
    found = one(tmp_path, ppi + f.with_fcs(bare), f.PPI)
    assert (found.ssid, found.band, found.channel, found.strongest) == ("Pro", "5", 36, -55)


@pytest.mark.parametrize("kind", [f.PRISM, f.AVS, f.PPI, f.RADIOTAP])
def test_headers_longer_than_the_packet_are_damage(tmp_path, kind):
    packet = {
        f.PRISM: struct.pack("<II", 0x44, 900),
        f.AVS: struct.pack(">II", 0x80211001, 900),
        f.PPI: struct.pack("<BBHI", 0, 0, 900, 105),
        f.RADIOTAP: struct.pack("<BBHI", 0, 0, 900, 0),
    }[kind]
    facts = read(tmp_path, f.pcap([packet + bytes(100)], kind))
    assert only(facts.files).damaged == 1
    assert facts.networks == ()


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        (2412, ("2.4", 1)),
        (2484, ("2.4", 14)),
        (5180, ("5", 36)),
        (5955, ("6", 1)),
        (7115, ("6", 233)),
        (5935, ("6", 2)),
        (58320, ("60", 1)),
        (900, ("", None)),
        (0, ("", None)),
    ],
)
def test_frequencies(frequency, expected):
    assert link.channel_of(frequency) == expected


# --- checksum of frames


def names(facts):
    return {network.ssid for network in facts.networks}


def last_element_vendor():
    return f.beacon(b"Pro", f.rsn(), f.vendor("0013920a", b"\x01\x02\x03\x04"))


def test_the_checksum_is_not_an_element(tmp_path):
    """A checksum read as elements gives a false RSN one time in a few thousand; here it is made to look like one."""
    frame = f.beacon(b"Ouvert", capability=1)
    packets = [f.radiotap(frame, fcs=True), f.radiotap(frame, fcs=True, flags=0)]
    network = only(read(tmp_path, f.pcap(packets, f.RADIOTAP)).networks)
    assert (network.encryption, network.incomplete, network.beacons) == ("open", False, 2)


def test_a_flag_that_announces_a_checksum_that_is_not_there(tmp_path):
    packets = [f.radiotap(last_element_vendor(), flags=0x10) for _ in range(20)]
    network = only(read(tmp_path, f.pcap(packets, f.RADIOTAP)).networks)
    assert (network.incomplete, network.vendor, network.beacons) == (False, "Ruckus", 20)


def test_a_damaged_frame_does_not_make_a_network(tmp_path):
    good = [f.radiotap(ONE, fcs=True) for _ in range(3)]
    bad = f.radiotap(f.with_fcs(ONE).replace(b"Pro", b"Prq"), flags=0x10)
    flagged = f.radiotap(f.with_fcs(ONE).replace(b"Pro", b"Prr"), flags=0x50)
    facts = read(tmp_path, f.pcap([*good, bad, flagged], f.RADIOTAP))
    assert names(facts) == {"Pro"}
    assert only(facts.networks).other_ssids == ()
    assert only(facts.files).damaged == 2


def test_an_edited_capture_has_wrong_checksums_everywhere_and_is_read(tmp_path):
    edited = f.radiotap(ONE + b"\x01\x02\x03\x04", flags=0x10)
    network = only(read(tmp_path, f.pcap([edited] * 3, f.RADIOTAP)).networks)
    assert (network.ssid, network.beacons, network.incomplete) == ("Pro", 3, False)


def test_a_link_type_without_flag_is_asked_its_checksums(tmp_path):
    packets = [f.with_fcs(f.beacon(b"Pro", f.rsn(), f.element(5, bytes([n, 3, 0, 0])))) for n in range(30)]
    facts = read(tmp_path, f.pcap(packets))
    assert (only(facts.networks).beacons, only(facts.networks).incomplete) == (30, False)
    damaged = packets[0].replace(b"Pro", b"Prz")
    assert names(read(tmp_path, f.pcap([*packets, damaged]))) == {"Pro"}


def test_padding_after_the_802_11_header_does_not_hide_a_key_message(tmp_path):
    message = f.data(f.key(1, key_data=f.pmkid()), qos=True)
    padded = message[:26] + b"\0\0" + message[26:]
    facts = read(tmp_path, f.pcap([f.radiotap(ONE), f.radiotap(padded, flags=0x20)], f.RADIOTAP))
    assert only(facts.handshakes).messages == (1,)
