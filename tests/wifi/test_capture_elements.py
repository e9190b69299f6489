"""Elements of beacons: suites, WPS, hidden names, nested networks, neighbours, 6 GHz."""

from __future__ import annotations

import struct
import zlib

import pytest

from checks.wifi.capture.elements import describe, walk
from checks.wifi.capture.suites import SuiteError, parse_rsn, parse_wpa
from checks.wifi.facts import Neighbour, OweTransition
from tests.wifi import frames as f
from tests.wifi.reading import only, read

MFPR, MFPC = 0x40, 0x80


def network(tmp_path, *packets, link=f.BARE):
    return only(read(tmp_path, f.pcap(packets, link)).networks)


@pytest.mark.parametrize(
    ("elements", "capability", "encryption", "akms", "pmf"),
    [
        ((), 0x01, "open", (), "none"),
        ((), 0x11, "wep", (), "none"),
        ((f.wpa(),), 0x11, "wpa", ("PSK",), "none"),
        ((f.rsn(),), 0x11, "wpa2", ("PSK",), "none"),
        ((f.rsn(), f.wpa()), 0x11, "wpa-wpa2", ("PSK",), "none"),
        ((f.rsn((2, 6), capabilities=MFPC),), 0x11, "wpa2", ("PSK", "PSK-SHA256"), "capable"),
        ((f.rsn((2, 8), capabilities=MFPC),), 0x11, "wpa2-wpa3", ("PSK", "SAE"), "capable"),
        ((f.rsn((8, 24), capabilities=MFPC | MFPR),), 0x11, "wpa3", ("SAE", "SAE-EXT"), "required"),
        ((f.rsn((9, 25), capabilities=MFPC | MFPR),), 0x11, "wpa3", ("FT-SAE", "FT-SAE-EXT"), "required"),
        ((f.rsn((18,), capabilities=MFPC | MFPR),), 0x11, "owe", ("OWE",), "required"),
        ((f.rsn((1,)),), 0x11, "wpa2", ("802.1X",), "none"),
        ((f.rsn((5,), capabilities=MFPC | MFPR),), 0x11, "wpa3", ("802.1X-SHA256",), "required"),
        ((f.rsn((12,), (9,), 9, MFPC | MFPR),), 0x11, "wpa3", ("802.1X-SUITE-B-192",), "required"),
        ((f.rsn((19, 20)),), 0x11, "wpa2", ("FT-PSK-SHA384", "PSK-SHA384"), "none"),
        ((f.rsn((22, 23)),), 0x11, "wpa3", ("FT-802.1X-SHA384", "802.1X-SHA384"), "none"),
        ((f.rsn((99,)),), 0x11, "other", ("00-0F-AC:99",), "none"),
        ((f.rsn((2, 99)),), 0x11, "wpa2", ("PSK", "00-0F-AC:99"), "none"),
    ],
)
def test_encryption(tmp_path, elements, capability, encryption, akms, pmf):
    found = network(tmp_path, f.beacon(b"Pro", *elements, capability=capability))
    assert (found.encryption, found.akms, found.pmf, found.privacy) == (encryption, akms, pmf, capability == 0x11)


def test_rsn_and_wpa_together_are_both_told(tmp_path):
    found = network(tmp_path, f.beacon(b"Pro", f.wpa((1, 2)), f.rsn((2,), (4,), 2)))
    assert found.akms == ("PSK", "802.1X")
    assert found.pairwise == ("CCMP", "TKIP")
    assert (found.group, found.wpa.group, found.rsn.group) == ("TKIP", "TKIP", "TKIP")


def test_the_tail_of_rsn_is_optional_at_every_length():
    whole = f.rsn_body((2,), (4,), 4, MFPC, [bytes([1]) * 16], 6)
    seen = set()
    for size in range(2, len(whole) + 1):
        found = parse_rsn(whole[:size])
        assert found.suites.pairwise in {("CCMP",), ()}
        seen.add((found.suites.akms, found.suites.pmf, len(found.pmkids), found.suites.group_management))
    assert (("802.1X",), "none", 0, "") in seen  # left out: the default of the standard
    assert (("PSK",), "none", 0, "") in seen
    assert (("PSK",), "capable", 0, "") in seen
    assert (("PSK",), "capable", 1, "") in seen
    assert (("PSK",), "capable", 1, "BIP-CMAC-128") in seen


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x02\0" + f.rsn_body()[2:], b"\0\0"])
def test_an_empty_or_foreign_rsn_is_unreadable_and_not_open(tmp_path, body):
    with pytest.raises(SuiteError):
        parse_rsn(body)
    with pytest.raises(SuiteError):
        parse_wpa(body)
    facts = read(tmp_path, f.pcap([f.beacon(b"Pro", f.element(48, body))]))
    assert (only(facts.networks).encryption, only(facts.networks).incomplete) == ("unknown", True)
    assert only(facts.unreadable).packet.number == 1


def test_a_suite_count_larger_than_the_element_is_doubted(tmp_path):
    body = b"\x01\0" + bytes.fromhex("000fac04") + struct.pack("<H", 900) + bytes.fromhex("000fac04")
    found = network(tmp_path, f.beacon(b"Pro", f.element(48, body)))
    assert (found.pairwise, found.incomplete) == (("CCMP",), True)


def test_an_element_that_overruns_keeps_what_came_before(tmp_path):
    frame = f.beacon(b"Pro", f.rsn()) + b"\xdd\xff\x00"
    found = network(tmp_path, frame)
    assert (found.ssid, found.encryption, found.incomplete) == ("Pro", "wpa2", True)


def test_the_first_ssid_counts(tmp_path):
    assert network(tmp_path, f.beacon(b"Pro", f.element(0, b"Faux"), f.rsn())).ssid == "Pro"


@pytest.mark.parametrize("blank", [b"", bytes(7), None])
def test_a_hidden_name_is_learnt_from_a_response(tmp_path, blank):
    hidden = f.beacon(blank, f.rsn())
    assert (network(tmp_path, hidden).ssid, network(tmp_path, hidden).hidden) == ("", True)
    found = network(tmp_path, hidden, f.response(b"Soins", f.rsn()))
    assert (found.ssid, found.hidden, found.ssid_from) == ("Soins", True, "probe response")
    found = network(tmp_path, hidden, f.association(b"Soins", f.rsn()))
    assert (found.ssid, found.hidden, found.ssid_from) == ("Soins", True, "association")


def test_a_name_that_is_not_text(tmp_path):
    found = network(tmp_path, f.beacon(b"\xb2\xe2\xca\xd4"))
    assert (found.ssid, found.ssid_hex) == ("\\xb2\\xe2\\xca\\xd4", "b2e2cad4")
    assert network(tmp_path, f.beacon("Résidents".encode())).ssid_hex == ""
    hostile = network(tmp_path, f.beacon(b"a\x1b[31m\xe2\x80\xaeb"))
    assert "\x1b" not in hostile.ssid
    assert "\u202e" not in hostile.ssid
    assert bytes.fromhex(hostile.ssid_hex) == b"a\x1b[31m\xe2\x80\xaeb"


def test_a_name_longer_than_allowed_is_doubted(tmp_path):
    found = network(tmp_path, f.beacon(b"x" * 40, f.rsn()))
    assert (found.ssid, found.incomplete) == ("x" * 32, True)


def test_one_bssid_that_answers_several_names(tmp_path):
    found = network(tmp_path, f.beacon(b"Un"), f.response(b"Deux"), f.response(b"Trois"))
    assert (found.ssid, found.other_ssids) == ("Un", ("Deux", "Trois"))


def test_an_imitation_with_other_settings_is_kept_apart(tmp_path):
    good = [f.beacon(b"Pro", f.rsn((8,), capabilities=MFPC | MFPR), stamp=n) for n in range(5)]
    twin = f.beacon(b"Pro", capability=0x01)
    found = network(tmp_path, *good, twin, twin)
    assert (found.encryption, found.beacons) == ("wpa3", 7)
    other = only(found.variants)
    assert (other.encryption, other.frames, other.packet.number) == ("open", 2, 6)


@pytest.mark.parametrize(
    ("state", "locked", "expected"),
    [(2, None, ("configured", False)), (1, 0, ("unconfigured", False)), (2, 1, ("configured", True)), (9, None, ("unreadable", False))],
)  # fmt: skip
def test_wps(tmp_path, state, locked, expected):
    found = network(tmp_path, f.beacon(b"Pro", f.rsn(), f.wps(state, locked)))
    assert (found.wps, found.locked) == expected


def test_wps_details_come_from_the_response(tmp_path):
    more = f.attribute(0x1008, b"\x00\x8c") + f.attribute(0x1021, b"Marque\x1b") + f.attribute(0x1023, b"Borne 3")
    version = f.attribute(0x1049, b"\x00\x37\x2a\x00\x01\x20")
    found = network(tmp_path, f.beacon(b"Pro", f.wps(2, 1)), f.response(b"Pro", f.wps(2, 1, more, version)))
    assert (found.wps_methods, found.wps_version) == (("label", "display", "push-button"), "2.0")
    assert found.wps_device.startswith("Marque")
    assert "\x1b" not in found.wps_device
    assert network(tmp_path, f.beacon(b"Pro")).wps == "absent"


def test_wps_split_over_two_elements(tmp_path):
    body = f.attribute(0x104A, b"\x10") + f.attribute(0x1021, b"M" * 40) + f.attribute(0x1044, b"\x02")
    parts = f.vendor("0050f204", body[:30]), f.vendor("0050f204", body[30:])
    assert network(tmp_path, f.beacon(b"Pro", *parts)).wps == "configured"


@pytest.mark.parametrize("kind", ["29", "2a"])
def test_rsn_override_is_read_before_saying_wpa2_only(tmp_path, kind):
    override = f.vendor("506f9a" + kind, f.rsn_body((24,), (9,), 4, MFPC | MFPR))
    found = network(tmp_path, f.beacon(b"Pro", f.rsn(), override))
    assert (found.encryption, found.akms) == ("wpa2-wpa3", ("PSK", "SAE-EXT"))
    assert (found.pmf, found.override.pmf, found.override.akms) == ("none", "required", ("SAE-EXT",))
    assert found.pairwise == ("CCMP", "GCMP-256")


def test_owe_transition_pair(tmp_path):
    body = f.AP2 + bytes([8]) + b"OWE-half"
    opened = f.beacon(b"Visiteurs", f.vendor("506f9a1c", body), capability=1)
    found = network(tmp_path, opened)
    assert found.owe_transition == OweTransition(bssid="00:11:22:00:00:02", ssid="OWE-half")
    assert found.encryption == "open"
    cut = f.beacon(b"Visiteurs", f.vendor("506f9a1c", body[:-3]), capability=1)
    assert network(tmp_path, cut).owe_transition is None


def profile(index, ssid, *elements, capability=0x11):
    inner = f.element(83, struct.pack("<H", capability)) + f.element(0, ssid) + f.element(85, bytes([index]))
    return f.element(0, inner + b"".join(elements))


def test_networks_nested_in_one_beacon(tmp_path):
    refuses_rsn = f.extension(56, bytes([1, 48]) + b"\0")
    nested = f.element(
        71, b"\x02" + profile(1, b"Residents") + profile(2, b"Visiteurs", refuses_rsn, capability=1)
    ) + f.element(71, b"\x02" + profile(3, b"Soins", f.rsn((1,))))
    packets = [f.beacon(b"Pro", f.rsn((8,), capabilities=MFPC | MFPR), nested, stamp=n) for n in range(4)]
    facts = read(tmp_path, f.pcap(packets))
    found = {item.ssid: item for item in facts.networks}
    assert set(found) == {"Pro", "Residents", "Visiteurs", "Soins"}
    assert found["Residents"].bssid == "00:11:22:00:00:02"
    assert found["Soins"].bssid == "00:11:22:00:00:00"  # the number wraps within its two bits
    assert found["Residents"].akms == ("SAE",)  # inherited
    assert (found["Visiteurs"].encryption, found["Soins"].akms) == ("open", ("802.1X",))
    assert {item.multiple_bssid for item in facts.networks} == {"", "00:11:22:00:00:01"}
    assert {item.beacons for item in facts.networks} == {4}
    assert found["Soins"].channel == 6


def test_a_nested_profile_that_goes_on_in_the_next_element(tmp_path):
    content = profile(1, b"Residents", f.vendor("001392", bytes(60)), f.rsn((2,)))[2:]
    first = f.element(71, b"\x01" + f.element(0, content[:30]))
    second = f.element(71, b"\x01" + f.element(0, content[30:]))
    facts = read(tmp_path, f.pcap([f.beacon(b"Pro", f.rsn((8,)), first, second)]))
    assert {item.ssid: item.akms for item in facts.networks} == {"Pro": ("SAE",), "Residents": ("PSK",)}


@pytest.mark.parametrize(
    "broken", [b"", b"\x00", b"\x09" + profile(1, b"X"), b"\x02" + f.element(0, f.element(83, b"\x11\0"))]
)
def test_nested_networks_that_do_not_hold_together(tmp_path, broken):
    assert network(tmp_path, f.beacon(b"Pro", f.rsn(), f.element(71, broken))).ssid == "Pro"


def test_neighbours_reported(tmp_path):
    short = struct.pack("<I", zlib.crc32(b"Soins"))
    long_entry = b"\x01" + f.AP2 + short + b"\x02" + b"\x7f"
    report = struct.pack("<HBB", 13 << 8 | 0, 131, 5) + long_entry
    report += struct.pack("<HBB", 5 << 8 | 1 << 4, 81, 11) + (b"\x01" + short) * 2
    report += struct.pack("<HBB", 1 << 8, 115, 36) + b"\x00"
    found = network(tmp_path, f.beacon(b"Pro", f.element(201, report)))
    hashed = f"{zlib.crc32(b'Soins'):08x}"
    assert found.neighbours == (
        Neighbour(bssid="00:11:22:00:00:02", short_ssid=hashed, band="6", channel=5, same_ssid=True),
        *(Neighbour(short_ssid=hashed, band="2.4", channel=11),) * 2,
    )
    assert len(network(tmp_path, f.beacon(b"Pro", f.element(201, report[:10]))).neighbours) == 0


@pytest.mark.parametrize(("vht", "co_hosted"), [(False, False), (True, False), (True, True)])
def test_the_channel_of_6_ghz_is_in_the_he_operation(tmp_path, vht, co_hosted):
    parameters = 1 << 17 | (1 << 14 if vht else 0) | (1 << 15 if co_hosted else 0)
    body = struct.pack("<I", parameters)[:3] + bytes(3) + bytes(3 if vht else 0) + bytes(1 if co_hosted else 0)
    he = f.extension(36, body + bytes([37, 0, 39, 0, 6]))
    found = network(tmp_path, f.beacon(b"Six", f.rsn((8,), capabilities=MFPC | MFPR), he, channel=None))
    assert (found.band, found.channel) == ("6", 37)


def test_channel_of_5_ghz_is_in_the_ht_operation_and_beats_what_the_adapter_listened_to(tmp_path):
    frame = f.beacon(b"Cinq", f.element(61, bytes([44]) + bytes(21)), channel=None)
    found = network(tmp_path, f.radiotap(frame, frequency=5200), link=f.RADIOTAP)
    assert (found.band, found.channel) == ("5", 44)


def test_what_else_beacons_tell(tmp_path):
    cisco = f.element(133, bytes(10) + b"AP-ETAGE-2".ljust(16, b"\0"))
    more = (f.element(7, b"FR \x01\x0d\x14"), f.element(191, bytes(12)), f.extension(35, bytes(20)), cisco)
    found = network(tmp_path, f.beacon(b"Pro", *more, f.element(244, b"\x60"), f.element(127, bytes(10) + b"\x10")))
    assert (found.country, found.generation, found.ap_name) == ("FR", "ax", "AP-ETAGE-2")
    assert (found.sae_hash_to_element, found.sae_pk, found.beacon_protection) == (True, True, True)
    aruba = network(tmp_path, f.beacon(b"Pro", f.vendor("000b860103", b"\0borne-1")))
    assert (aruba.vendor, aruba.ap_name, aruba.sae_hash_to_element) == ("Aruba", "borne-1", None)


def test_modes(tmp_path):
    assert network(tmp_path, f.beacon(b"X", capability=0x02)).mode == "ad-hoc"
    assert network(tmp_path, f.beacon(b"", f.element(114, b"mesh"), capability=0)).mode == "mesh"
    assert network(tmp_path, f.beacon(b"X")).mode == ""


def test_a_group_address_is_nobody_s_network(tmp_path):
    facts = read(tmp_path, f.pcap([f.beacon(b"X", bssid=bytes.fromhex("010000000001"))]))
    assert facts.networks == ()
    assert only(facts.files).damaged == 1


def test_walking_says_how_much_is_left():
    raw = f.element(0, b"ab") + f.extension(36, b"cd") + b"\x01\x05x"
    elements, left = walk(raw, 0, len(raw))
    assert [(number, raw[start:end]) for number, start, end in elements] == [(0, b"ab"), (292, b"cd")]
    assert left == 3
    assert walk(b"\xff\0", 0, 2)[0][0].number == 255


def test_describe_is_the_same_for_the_same_bytes():
    raw = f.element(0, b"Pro") + f.rsn() + f.wps()
    assert describe(raw, 0, len(raw), 0x11) == describe(raw, 0, len(raw), 0x11)
    assert hash(describe(raw, 0, len(raw), 0x11)) == hash(describe(raw, 0, len(raw), 0x11))
