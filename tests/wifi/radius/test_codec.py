"""RADIUS packets: examples of the RFC, signatures in both directions, hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.wifi.radius import codec
from checks.wifi.radius.codec import Attribute, CodecError
from tests import corpus

SECRET = b"xyzzy5461"
REQUEST_AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
ACCEPT = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
"""RFC 2865, section 7.1: answer to « User Telnet to Specified Host »."""
ATTRIBUTES = (Attribute(codec.USER_NAME, b"nemo"), Attribute(codec.STATE, b"ici"))
quick = settings(max_examples=200, deadline=None)


def test_the_answer_of_the_rfc_is_genuine():
    packet = codec.parse(ACCEPT)
    assert (packet.code, packet.identifier, len(packet.attributes)) == (codec.ACCEPT, 0, 3)
    assert codec.check_response(packet, REQUEST_AUTHENTICATOR, SECRET) == (True, None, False)


def test_another_secret_or_another_request_makes_it_false():
    packet = codec.parse(ACCEPT)
    assert not codec.check_response(packet, REQUEST_AUTHENTICATOR, b"xyzzy5462").genuine
    assert not codec.check_response(packet, bytes(16), SECRET).genuine


def test_a_request_is_signed_first_and_verified():
    packet = codec.parse(codec.build_request(5, ATTRIBUTES, SECRET))
    assert packet.attributes[0].kind == codec.MESSAGE_AUTHENTICATOR
    assert packet.attributes[1:] == ATTRIBUTES
    assert codec.genuine_request(packet, SECRET)
    assert not codec.genuine_request(packet, b"autre")


def test_a_request_may_be_left_unsigned():
    packet = codec.parse(codec.build_request(5, ATTRIBUTES, SECRET, sign=False))
    assert packet.attributes == ATTRIBUTES
    assert not packet.signed
    assert not codec.genuine_request(packet, SECRET)


def test_an_answer_is_signed_both_ways():
    request = codec.parse(codec.build_request(5, ATTRIBUTES, SECRET))
    raw = codec.build_response(codec.REJECT, 5, request.authenticator, ATTRIBUTES, SECRET)
    assert codec.check_response(codec.parse(raw), request.authenticator, SECRET) == (True, True, True)
    assert not codec.check_response(codec.parse(raw), request.authenticator, b"autre").genuine


@pytest.mark.parametrize("place", [0, 1, 25, 30, 40, 47])
def test_one_changed_byte_is_noticed(place):
    raw = bytearray(codec.build_response(codec.REJECT, 5, bytes(16), ATTRIBUTES, SECRET))
    raw[place] ^= 0x40
    assert not codec.check_response(codec.parse(bytes(raw)), bytes(16), SECRET).genuine


def test_a_wrong_message_authenticator_spoils_a_right_answer():
    """The Response Authenticator alone can be forged (CVE-2024-3596): both must hold."""
    import hashlib

    raw = codec.build_response(codec.ACCEPT, 5, bytes(16), ATTRIBUTES, SECRET)
    body = raw[20:22] + bytes(16) + raw[38:]
    forged = raw[:4] + hashlib.md5(raw[:4] + bytes(16) + body + SECRET).digest() + body
    assert codec.check_response(codec.parse(forged), bytes(16), SECRET) == (False, False, True)


def test_two_message_authenticators_are_one_too_many():
    mac = Attribute(codec.MESSAGE_AUTHENTICATOR, bytes(16))
    raw = bytes([2, 0, 0, 56]) + bytes(16) + 2 * (bytes([mac.kind, 18]) + mac.value)
    packet = codec.parse(raw)
    assert not packet.signed
    assert codec.check_response(packet, bytes(16), SECRET).message_authenticator is False


def test_an_eap_packet_is_cut_and_put_together():
    message = bytes(range(256)) * 3
    pieces = codec.eap_attributes(message)
    assert [len(piece.value) for piece in pieces] == [253, 253, 253, 9]
    assert codec.parse(codec.build_request(1, pieces, SECRET)).eap == message


def test_session_keys_are_recognised():
    keys = [Attribute(codec.VENDOR, (311).to_bytes(4) + bytes([kind, 4, 0, 0])) for kind in (16, 17, 1)]
    others = [Attribute(codec.VENDOR, (9).to_bytes(4) + b"\x10\x04"), Attribute(codec.VENDOR, (311).to_bytes(4))]
    assert [codec.is_session_key(one) for one in (*keys, *others)] == [True, True, False, False, False]
    assert codec.is_session_key(Attribute(codec.TUNNEL_PASSWORD, b"x"))
    assert not codec.is_session_key(Attribute(codec.STATE, b"x"))


def test_what_is_too_long_is_refused():
    with pytest.raises(CodecError):
        codec.build_request(1, [Attribute(codec.STATE, bytes(254))], SECRET)
    with pytest.raises(CodecError):
        codec.build_request(1, [Attribute(codec.STATE, bytes(253))] * 16, SECRET)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(19),
        bytes([1, 0, 0, 19]) + bytes(16),
        bytes([1, 0, 0, 21]) + bytes(17),
        bytes([1, 0, 0, 22]) + bytes(16) + b"\x01\x01",
        bytes([1, 0, 0, 22]) + bytes(16) + b"\x01\x03",
        bytes([1, 0, 16, 1]) + bytes(5000),
    ],
)
def test_what_is_not_radius_is_refused(raw):
    with pytest.raises(CodecError):
        codec.parse(raw)


def test_padding_after_the_announced_length_is_not_read():
    assert codec.parse(ACCEPT + b"suite").raw == ACCEPT


@quick
@given(st.binary(max_size=5000))
def test_any_bytes_give_a_packet_or_a_refusal(data):
    try:
        packet = codec.parse(data)
    except CodecError:
        return
    assert packet.raw == data[: len(packet.raw)]
    assert 20 + sum(2 + len(one.value) for one in packet.attributes) == len(packet.raw)
    assert not codec.check_response(packet, bytes(16), SECRET).genuine


@quick
@given(
    st.lists(st.tuples(st.integers(1, 255).filter(lambda kind: kind != 80), st.binary(max_size=253)), max_size=12),
    st.binary(max_size=40),
)
def test_what_is_built_reads_back(attributes, secret):
    attributes = tuple(Attribute(*one) for one in attributes)
    packet = codec.parse(codec.build_request(200, attributes, secret))
    assert packet.attributes[1:] == attributes
    assert codec.genuine_request(packet, secret)


@pytest.mark.corpus
@pytest.mark.skipif(not (corpus.CORPUS / "wifi").is_dir(), reason="third-party captures are not here")
def test_signatures_of_a_recorded_exchange():
    """hostapd and FreeRADIUS made them, with a secret that is known."""
    raw = (corpus.CORPUS / "wifi" / "lab__radius_peap.pcapng").read_bytes()
    secret, waiting, seen = b"testing123", {}, []
    for at in range(len(raw) - 20):
        size = int.from_bytes(raw[at + 2 : at + 4])
        if raw[at] not in codec.CODES or not 60 <= size <= 1200 or at + size > len(raw):
            continue
        try:
            packet = codec.parse(raw[at : at + size])
        except CodecError:
            continue
        if packet.code == codec.REQUEST and codec.genuine_request(packet, secret):
            waiting[packet.identifier] = packet.authenticator
        elif packet.identifier in waiting:
            proof = codec.check_response(packet, waiting[packet.identifier], secret)
            seen += [proof.message_authenticator] if proof.genuine else []
    assert len(waiting) == 10
    assert seen == [True] * 10
