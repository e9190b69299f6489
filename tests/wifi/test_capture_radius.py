"""EAP carried by RADIUS in captures made on a cable: every link, odd ports, hostile bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.wifi.capture.link import ROUTED
from checks.wifi.capture.names import Pseudonyms
from checks.wifi.capture.radius import mac_of, read_datagram
from checks.wifi.radius import codec
from checks.wifi.radius.codec import Attribute
from tests.wifi import frames as f
from tests.wifi.reading import SALT, only, read

SECRET = b"secret"
AP, STATION = "AE-36-58-B5-2E-D4", "B2-F0-CC-A7-AC-0C"
STATION_BYTES = bytes.fromhex(STATION.replace("-", ""))
NAS, SERVER = b"\x0a\x0a\x00\x02", b"\x0a\x0a\x00\x05"
CALLED = Attribute(codec.CALLED_STATION, f"{AP}:Tilleuls-Pro".encode())
CALLING = Attribute(codec.CALLING_STATION, STATION.encode())
ETHERNET, NULL, RAW, LOOP, COOKED, IPV4, IPV6, COOKED2 = 1, 0, 101, 108, 113, 228, 229, 276


def eap(code, identifier, kind=None, content=b""):
    body = b"" if kind is None else bytes([kind]) + content
    return bytes([code, identifier]) + (4 + len(body)).to_bytes(2) + body


def udp4(payload, source, target, fragment=0):
    datagram = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 1, fragment, 64, 17, 0)
    return head + source[0] + target[0] + datagram


def udp6(payload, source, target):
    datagram = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    return struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) + source[0] * 4 + target[0] * 4 + datagram


HEADS = {
    ETHERNET: b"\x02" * 6 + b"\x04" * 6,
    NULL: b"\x02\0\0\0",
    LOOP: b"\0\0\0\x02",
    RAW: b"",
    IPV4: b"",
    IPV6: b"",
    COOKED: b"\0\0\0\x01\0\x06" + bytes(8),
    COOKED2: b"\x08\0\0\0" + bytes(16),
}


def packet(link, payload, source, target):
    if link == IPV6:
        return udp6(payload, source, target)
    kind = b"\x08\0" if link in {ETHERNET, COOKED} else b""
    return HEADS[link] + kind + udp4(payload, source, target)


def exchange(*messages, attributes=(CALLED, CALLING), port=1812, sign=True):
    """Requests and answers in turn, as payloads with their two ends. The last answer may be an accept or a reject."""
    found = []
    request = b""
    for number, (code, message) in enumerate(messages):
        pieces = codec.eap_attributes(message)
        if code == codec.REQUEST:
            user = Attribute(codec.USER_NAME, b"infirmiere")
            request = codec.build_request(number, (user, *attributes, *pieces), SECRET, sign=sign)
            found.append((request, (NAS, 40000), (SERVER, port)))
        else:
            answer = codec.build_response(code, request[1], request[4:20], pieces, SECRET)
            found.append((answer, (SERVER, port), (NAS, 40000)))
    return found


PEAP = (
    (codec.REQUEST, eap(2, 1, 1, b"infirmiere")),
    (codec.CHALLENGE, eap(1, 2, 25, b"\x20")),
    (codec.REQUEST, eap(2, 2, 25, b"\x00" + bytes(300))),
    (codec.ACCEPT, eap(3, 3)),
)


def capture(packets, link=ETHERNET):
    return f.pcap(packets, link)


def facts_of(folder, payloads, link=ETHERNET):
    return read(folder, capture([packet(link, *one) for one in payloads], link))


@pytest.mark.parametrize("link", [ETHERNET, NULL, LOOP, RAW, IPV4, IPV6, COOKED, COOKED2])
@pytest.mark.parametrize("port", [1812, 1645, 18120])
def test_an_exchange_on_any_link_and_port(tmp_path, link, port):
    facts = facts_of(tmp_path, exchange(*PEAP, port=port), link)
    session = only(facts.eap)
    assert (session.methods, session.outcome, session.identity_in_clear) == (("PEAP",), "success", True)
    assert session.bssid == "ae:36:58:b5:2e:d4"
    assert session.client == Pseudonyms(SALT).station(STATION_BYTES)
    assert facts.files[0].unsupported == 0


def test_a_tagged_frame_is_read(tmp_path):
    tagged = [HEADS[ETHERNET] + b"\x88\xa8\0\x07\x81\0\0\x0a\x08\0" + udp4(*one) for one in exchange(*PEAP)]
    assert only(read(tmp_path, capture(tagged)).eap).outcome == "success"


def test_without_addresses_the_ends_of_the_datagram_stand_for_them(tmp_path):
    session = only(facts_of(tmp_path, exchange(*PEAP, attributes=())).eap)
    assert session.bssid == "10.10.0.2"
    assert session.client == Pseudonyms(SALT).station(b"infirmiere")


def test_a_retransmission_is_read_once(tmp_path):
    payloads = exchange(*PEAP)
    once = facts_of(tmp_path, payloads)
    assert facts_of(tmp_path, [one for each in payloads for one in (each, each)]).eap[0].methods == once.eap[0].methods


def test_unusual_ports_need_signed_requests(tmp_path):
    assert facts_of(tmp_path, exchange(*PEAP, port=5353, sign=False)).eap == ()
    assert facts_of(tmp_path, exchange(*PEAP, sign=False)).eap[0].outcome == "success"


def test_unusual_ports_need_a_request_before_the_answer(tmp_path):
    assert facts_of(tmp_path, exchange(*PEAP, port=5353)[1::2]).eap == ()


def test_an_answer_to_another_station_is_not_mixed(tmp_path):
    other = Attribute(codec.CALLING_STATION, b"02-00-00-00-00-07")
    refused = ((codec.REQUEST, eap(2, 9, 1, b"anonymous")), (codec.REJECT, eap(4, 9)))
    payloads = exchange(*PEAP) + [
        (data, (NAS, 40001) if source[0] == NAS else source, (NAS, 40001) if target[0] == NAS else target)
        for data, source, target in exchange(*refused, attributes=(CALLED, other))
    ]
    sessions = facts_of(tmp_path, payloads).eap
    assert sorted(session.outcome for session in sessions) == ["failure", "success"]


def test_requests_without_eap_tell_nothing(tmp_path):
    assert facts_of(tmp_path, exchange((codec.REQUEST, b""), (codec.REJECT, b""))).eap == ()


def test_fragments_are_told_once(tmp_path):
    (data, source, target), *_ = exchange(*PEAP)
    parts = [HEADS[ETHERNET] + b"\x08\0" + udp4(data, source, target, fragment=0x2000)] * 3
    facts = read(tmp_path, capture(parts))
    assert facts.eap == ()
    assert len(facts.unreadable) == 1
    assert "découpés" in facts.unreadable[0].what


def test_other_traffic_of_an_ip_link_is_not_supported(tmp_path):
    facts = facts_of(tmp_path, [(b"\x12\x34" + bytes(30), (NAS, 5000), (SERVER, 53))], RAW)
    assert (facts.files[0].unsupported, facts.eap) == (1, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"AE-36-58-B5-2E-D4:Tilleuls", "ae3658b52ed4"),
        (b"ae:36:58:b5:2e:d4", "ae3658b52ed4"),
        (b"ae36.58b5.2ed4", "ae3658b52ed4"),
        (b"AE3658B52ED4", "ae3658b52ed4"),
        (b"AE-36-58", ""),
        (b"", ""),
        (None, ""),
    ],
)
def test_addresses_as_access_points_write_them(text, expected):
    assert mac_of(text).hex() == expected


@given(st.binary(max_size=120), st.integers(0, 120))
def test_any_bytes_are_a_datagram_or_not(data, at):
    found = read_datagram(data, at, len(data))
    assert found is None or len(found.payload) <= len(data)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_exchanges_never_raise(tmp_path, data):
    link = data.draw(st.sampled_from(sorted(ROUTED.keys() | {ETHERNET})))
    packets = []
    for one in exchange(*PEAP, port=data.draw(st.sampled_from([1812, 9999]))):
        raw = bytearray(packet(link if link in HEADS else ETHERNET, *one))
        for _ in range(data.draw(st.integers(0, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        packets.append(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    facts = read(tmp_path, capture(packets, link))
    assert facts.files[0].frames == len(packets)
