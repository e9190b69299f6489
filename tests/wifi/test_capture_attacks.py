"""Signs of KRACK and FragAttacks: frames made by scapy around handshakes of our own, and what is normal beside them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.dot11 import Dot11, Dot11CCMP, Dot11QoS, Dot11TKIP
from scapy.layers.l2 import LLC, SNAP

from checks.wifi.capture import attacks, survey
from tests.wifi import frames as f
from tests.wifi.reading import only, read

AP, STA, OTHER = (raw.hex(":") for raw in (f.AP, f.STA, f.STA2))
BEACON = f.beacon(b"Pro", f.rsn())
HELLO = b"\x45\0\0\x20 bonjour a tous, en clair "


def frame(up=True, sequence=1, flags=0, fragment=0, station=STA, amsdu=False, qos=True):
    """Headers of a data frame between the access point and a station."""
    receiver, sender = (AP, station) if up else (station, AP)
    head = Dot11(
        type=2, subtype=8 if qos else 0, FCfield=(1 if up else 2) | flags,
        addr1=receiver, addr2=sender, addr3=AP, SC=sequence << 4 | fragment,
    )  # fmt: skip
    return head / Dot11QoS(A_MSDU_Present=amsdu) if qos else head


def sealed(number, sequence=None, text=b"chiffre", key_id=0, **options):
    """An encrypted frame with this packet number; its content depends on the sequence number."""
    sequence = (number if sequence is None else sequence) & 0xFFF
    parts = {f"PN{at}": number >> 8 * at & 0xFF for at in range(6)}
    content = bytes([sequence & 0xFF]) + text * 3
    return bytes(
        frame(sequence=sequence, flags=0x40, **options) / Dot11CCMP(ext_iv=1, key_id=key_id, data=content, **parts)
    )


def clear(text=HELLO, kind=0x0800, **options):
    """A frame in clear."""
    return bytes(frame(**options) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=kind)) + text


def message(number, replay, **options):
    return f.data(f.key(number, replay=replay, key_data={2: f.rsn()}.get(number, b""), **options), up=number in {2, 4})


HANDSHAKE = [message(1, 1), message(2, 1), message(3, 2), message(4, 2)]
AGAIN = message(3, 3)
SENT = [sealed(number) for number in range(1, 6)]


def signs(folder, packets, seconds=None):
    found = read(folder, f.pcap([BEACON, *packets], seconds=seconds)).attacks
    assert all(sign.bssid == AP and sign.client.startswith("sta-") and sign.reason for sign in found)
    return [(sign.kind, sign.certainty, sign.frames, [packet.number for packet in sign.packets]) for sign in found]


# --- KRACK


def test_numbers_used_again_after_a_repeated_message_are_a_reinstalled_key(tmp_path):
    used_again = [sealed(number, sequence=number + 10) for number in (1, 2)]
    found = signs(tmp_path, [*HANDSHAKE, *SENT, AGAIN, message(4, 3), *used_again])
    assert found == [("key-reinstallation", "proven", 2, [11, 13, 14])]


def test_one_number_used_again_is_less_sure(tmp_path):
    found = signs(tmp_path, [*HANDSHAKE, *SENT, AGAIN, sealed(1, sequence=10)])
    assert found == [("key-reinstallation", "likely", 1, [11, 12])]


def test_numbers_far_behind_are_a_reinstalled_key_too(tmp_path):
    late = [sealed(5000 + number) for number in range(300)]
    assert signs(tmp_path, [*HANDSHAKE, *late, AGAIN, sealed(1), sealed(2)]) == [
        ("key-reinstallation", "proven", 2, [306, 307, 308])
    ]


REUSE = [sealed(1, sequence=10), sealed(2, sequence=11)]


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([*HANDSHAKE, *SENT, AGAIN, message(4, 3)], "a message sent again, alone"),
        ([*HANDSHAKE, *SENT, AGAIN, message(4, 3), sealed(6), sealed(7)], "numbers that go on"),
        ([*HANDSHAKE, *SENT, AGAIN, *SENT], "frames sent again, same sequence number"),
        ([*HANDSHAKE, *SENT, HANDSHAKE[2], *REUSE], "the same message captured twice: same replay counter"),
        ([*HANDSHAKE, *SENT, f.association(b"Pro", f.rsn()), *HANDSHAKE, *REUSE], "a new association"),
        ([*HANDSHAKE, *SENT, message(3, 3, nonce=bytes([7]) * 32), *REUSE], "another nonce: another key"),
        ([*HANDSHAKE, *SENT, message(1, 3, nonce=bytes([7]) * 32), AGAIN, *REUSE], "a new handshake"),
        ([*HANDSHAKE, *SENT, message(1, 3), message(2, 3), message(3, 4), *REUSE], "one nonce for two exchanges"),
        ([*HANDSHAKE, *SENT, message(1, 3), message(3, 4), *REUSE], "the same, of which a message was missed"),
        ([*HANDSHAKE[:3], *SENT, message(1, 3), message(2, 3), message(3, 4), *REUSE], "the same, without the end"),
        ([*HANDSHAKE, *SENT, AGAIN, sealed(1, 10, key_id=1), sealed(2, 11, key_id=1)], "another key identifier"),
        ([*HANDSHAKE, *SENT, *REUSE], "no message sent again: the new handshake may have been missed"),
        ([*HANDSHAKE, *SENT, AGAIN, *(sealed(n, n + 9, up=False) for n in (1, 2))], "the other direction"),
        ([*HANDSHAKE, *SENT, AGAIN, *(sealed(n, n + 9, station=OTHER) for n in (1, 2))], "another station"),
        ([*HANDSHAKE, sealed(40), AGAIN, sealed(38), sealed(39)], "frames that overtake one another"),
    ],
)
def test_what_is_no_reinstallation(tmp_path, packets, why):
    assert signs(tmp_path, packets) == [], why


@pytest.mark.parametrize(("after", "kinds"), [(attacks.WINDOW, ["key-reinstallation"]), (attacks.WINDOW + 1, [])])
def test_numbers_that_come_back_much_later_prove_nothing(tmp_path, after, kinds):
    packets = [*HANDSHAKE, *SENT, AGAIN, *REUSE]
    seconds = [1_700_000_000] * 11 + [1_700_000_000 + after] * 2
    assert [kind for kind, *_ in signs(tmp_path, packets, seconds)] == kinds


@pytest.mark.parametrize(("before", "kinds"), [(1024, []), (1025, ["key-reinstallation"])])
def test_how_far_behind_is_too_far(tmp_path, before, kinds):
    found = signs(tmp_path, [*HANDSHAKE, sealed(before + 1), AGAIN, sealed(1)])
    assert [kind for kind, *_ in found] == kinds


def test_the_numbers_of_tkip_are_not_read_as_those_of_ccmp(tmp_path):
    first = [message(number, replay, descriptor=1) for number, replay in ((1, 1), (2, 1), (3, 2), (4, 2))]
    repeated = [message(3, 3, descriptor=1)]
    assert signs(tmp_path, [*first, *SENT, *repeated, *REUSE]) == []
    old = [bytes(frame(sequence=n, flags=0x40) / Dot11TKIP(ext_iv=1, TSC0=1, data=bytes([n]) * 20)) for n in range(9)]
    assert signs(tmp_path, [*HANDSHAKE, *old[:5], AGAIN, *old[5:]]) == []


def test_message_one_between_two_messages_three_is_forged(tmp_path):
    assert signs(tmp_path, [*HANDSHAKE[:3], message(1, 3), AGAIN, message(4, 2)]) == [
        ("forged-message", "likely", 1, [5, 6])
    ]


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([*HANDSHAKE[:3], HANDSHAKE[0], AGAIN], "the same first message captured twice"),
        ([*HANDSHAKE[:3], message(1, 3), message(2, 3), AGAIN], "the station took part in it"),
        ([*HANDSHAKE[:3], message(1, 3, nonce=bytes([7]) * 32), AGAIN], "a new handshake"),
        ([*HANDSHAKE[:3], message(1, 3), f.association(b"Pro", f.rsn()), AGAIN], "the station joined again"),
        ([*HANDSHAKE, message(1, 3)], "nothing after it"),
        ([*HANDSHAKE, message(1, 3), AGAIN], "the exchange was over: another one, by an access point with one nonce"),
    ],
)
def test_what_is_no_forged_message(tmp_path, packets, why):
    assert signs(tmp_path, packets) == [], why


# --- FragAttacks


def test_fragments_in_clear_amid_encrypted_frames(tmp_path):
    pieces = [clear(flags=0x04), bytes(frame(sequence=1, fragment=1)) + b"la suite du morceau"]
    assert signs(tmp_path, [*HANDSHAKE, *SENT, *pieces]) == [("clear-fragment", "likely", 2, [11, 12])]


def test_data_in_clear_amid_encrypted_frames(tmp_path):
    packets = [*HANDSHAKE, *SENT, *(sealed(n, up=False) for n in range(1, 9)), clear(), clear(up=False, qos=False)]
    assert signs(tmp_path, packets) == [("clear-data", "likely", 2, [19, 20])]


def test_aggregate_in_clear(tmp_path):
    inner = bytes.fromhex("020000000001 020000000002 0020") + b"\xaa\xaa\x03\0\0\0\x08\0" + HELLO
    packets = [*HANDSHAKE, *[sealed(n) for n in range(1, 20)], bytes(frame(amsdu=True)) + inner]
    assert signs(tmp_path, packets) == [("clear-data", "likely", 1, [25])]


def test_mostly_clear_frames_are_rather_a_capture_made_after_decryption(tmp_path):
    assert signs(tmp_path, [*HANDSHAKE, *[clear(sequence=n) for n in range(9)]]) == [
        ("clear-data", "doubtful", 9, list(range(6, 14)))
    ]


def test_aggregate_that_begins_as_a_key_exchange(tmp_path):
    forged = bytes(frame(up=False, amsdu=True)) + bytes.fromhex("aaaa03000000888e 01000048 0006") + bytes(60)
    assert signs(tmp_path, [*HANDSHAKE[:2], forged]) == [("eapol-aggregate", "likely", 1, [4])]
    assert read(tmp_path, f.pcap([BEACON, *HANDSHAKE[:2], forged])).eap == ()
    bit_off = bytearray(forged)
    bit_off[24] &= 0x7F
    assert signs(tmp_path, [*HANDSHAKE[:2], bytes(bit_off)]) == []


def test_encryption_is_known_from_frames_when_the_handshake_was_missed(tmp_path):
    packets = [sealed(7), sealed(8), clear(flags=0x04)]
    seconds = [1_700_000_000] * 3 + [1_700_000_011]
    assert [kind for kind, *_ in signs(tmp_path, packets, seconds)] == ["clear-fragment"]


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([*HANDSHAKE, *SENT, *HANDSHAKE], "key messages are in clear"),
        ([clear(), clear(flags=0x04), *HANDSHAKE], "before any key"),
        ([*HANDSHAKE, *SENT, clear(station=OTHER)], "a station without key"),
        ([*HANDSHAKE, *SENT, clear(up=False, station="ff:ff:ff:ff:ff:ff")], "to everybody"),
        ([*HANDSHAKE, *SENT, f.data(b"", qos=True, snap=b"")], "without content"),
        ([*HANDSHAKE, *SENT, sealed(6).replace(b"\x88\x41", b"\x88\x01", 1)], "only the flag was lost"),
        ([*HANDSHAKE, *SENT, bytes(frame()) + b"\x42\x42\x03" + bytes(40)], "not a packet of the network"),
        ([*HANDSHAKE, *SENT, b"\xc8" + clear()[1:]], "a null frame"),
    ],
)
def test_what_is_no_clear_data(tmp_path, packets, why):
    assert signs(tmp_path, packets) == [], why


def test_a_network_without_keys_is_not_concerned(tmp_path):
    wep = f.beacon(b"Vieux", capability=0x11)
    packets = [wep, sealed(7), sealed(8), clear(flags=0x04)]
    facts = read(tmp_path, f.pcap(packets, seconds=[1_700_000_000] * 3 + [1_700_000_011]))
    assert facts.attacks == ()


def test_checksum_and_header_of_the_adapter_change_nothing(tmp_path):
    packets = [f.radiotap(bytes(packet), fcs=True) for packet in (BEACON, *HANDSHAKE, *SENT, AGAIN, *REUSE)]
    found = only(read(tmp_path, f.pcap(packets, f.RADIOTAP)).attacks)
    assert (found.kind, found.frames) == ("key-reinstallation", 2)


# --- Bounds


def test_signs_and_proofs_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "MAX_SIGNS", 2)
    crowd = [bytes([2, 0, 0, 0, 0, n]).hex(":") for n in range(5)]
    shakes = [
        packet for one in crowd for packet in f.handshake(station=bytes.fromhex(one.replace(":", "")), numbers=(3,))
    ]
    facts = read(tmp_path, f.pcap([BEACON, *shakes, *[clear(flags=4, station=one) for one in crowd] * 20]))
    assert [(sign.frames, len(sign.packets)) for sign in facts.attacks] == [(20, survey.MAX_SIGN_PACKETS)] * 2
    assert "plus de 2 signes d'attaque" in only(facts.limits)


def test_watched_keys_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(attacks, "MAX_WATCHED", 3)
    shakes = [f.handshake(station=bytes([2, 0, 0, 0, 0, n]), numbers=(3,))[0] for n in range(9)]
    assert signs(tmp_path, [*HANDSHAKE, *SENT, *shakes, AGAIN, *REUSE]) == []


PIECES = [BEACON, *HANDSHAKE, AGAIN, message(1, 3), *SENT[:2], *REUSE, clear(), clear(flags=4), clear(amsdu=True)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.integers(0, 90), st.binary(max_size=3)), max_size=40))
def test_any_order_and_any_cut(tmp_path, chosen):
    packets = [raw[:at] + change + raw[at + len(change) :] if at < len(raw) else raw for raw, at, change in chosen]
    packets += [raw[:at] for raw, at, _ in chosen]
    for sign in read(tmp_path, f.pcap(packets)).attacks:
        assert sign.certainty in {"proven", "likely", "doubtful"}
        assert 0 < len(sign.packets) <= survey.MAX_SIGN_PACKETS
