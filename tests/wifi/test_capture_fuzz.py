"""Hostile bytes: no reader raises, loops or believes a length."""

from __future__ import annotations

import gzip
import struct
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.wifi.capture import eap, eapol, link, packets
from checks.wifi.capture.dissect import dissect
from checks.wifi.capture.elements import describe, walk
from checks.wifi.capture.suites import SuiteError, parse_rsn, parse_wpa
from checks.wifi.capture.wps import parse_wps
from checks.wifi.facts import Packet
from tests.wifi import frames as f
from tests.wifi.reading import read

quick = settings(max_examples=150, deadline=None)
slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINKS = [f.BARE, f.RADIOTAP, f.PRISM, f.AVS, f.PPI, f.ETHERNET, 101]
PIECES = st.sampled_from(
    [
        f.element(48, b"\x01\0"),
        f.element(71, b"\x02\0\x10"),
        f.element(201, b"\xf0\x0d"),
        f.vendor("0050f204", b"\x10\x44"),
        f.vendor("506f9a29", b"\x01"),
        f.vendor("506f9a1c", bytes(8)),
        f.extension(36, b"\xff\xff\xff"),
        f.extension(56, b"\xff"),
        f.rsn(),
        f.wpa(),
        f.wps(),
        b"\xff\0",
        b"\xdd\xff",
    ]
)
ELEMENTS = st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=12).map(b"".join)
GOOD = [
    f.beacon(b"Pro", f.rsn(), f.wps()),
    f.probe(b"Pro"),
    f.association(b"Pro", f.rsn()),
    f.deauthentication(),
    *f.handshake(),
    f.data(f.eap(1, 2, 25, b"\x80\0\0\0\x09\x16\x03\x03\0\x04\x02\0\0\0")),
    f.data(f.eap(2, 1, 1, b"x"), up=True),
]


@st.composite
def mangled(draw, raw):
    """Some bytes of it changed, removed or repeated."""
    found = bytearray(raw)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(0, len(found) - 1)))
        action = draw(st.integers(0, 3))
        if action == 0:
            found[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif action == 1:
            del found[at : at + draw(st.integers(1, 20))]
        elif action == 2:
            found[at:at] = found[at : at + draw(st.integers(1, 40))]
        else:
            found[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(found)


@quick
@given(ELEMENTS, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_elements(raw, capability, frequency):
    found, left = walk(raw, 0, len(raw))
    assert 0 <= left <= len(raw)
    assert all(0 <= start <= end <= len(raw) for _, start, end in found)
    description = describe(raw, 0, len(raw), capability, f.AP, frequency)
    hash(description)
    assert description.ssid is None or len(description.ssid) <= 32


@quick
@given(st.binary(max_size=255))
def test_suites_and_wps(raw):
    for parse in (parse_rsn, parse_wpa):
        try:
            assert parse(raw).suites.akms is not None
        except SuiteError:
            assert raw[:2] != b"\x01\0"
    parse_wps(raw)


@quick
@given(st.binary(max_size=200), st.binary(max_size=10), st.binary(max_size=10))
def test_link_headers(raw, before, after):
    data = before + raw + after
    for reader in link.READERS.values():
        tag = reader(data, len(before), len(before) + len(raw))
        assert tag is None or 0 <= tag.length <= len(raw)


@quick
@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=5), st.binary(max_size=60))
def test_radiotap_words(words, fields):
    raw = struct.pack(f"<BBH{len(words)}I", 0, 0, 4 + 4 * len(words) + len(fields), *words) + fields
    layout = link.radiotap_layout(raw, 0, len(raw))
    assert layout is None or max(layout.flags, layout.signal, layout.frequency) < layout.length == len(raw)


@quick
@given(st.one_of(st.binary(max_size=300), mangled(f.key(2, key_data=f.rsn())[6:])))
def test_key_messages(raw):
    message = eapol.parse_key(raw)
    assert message is None or message.number in {1, 2, 3, 4}
    eapol.pmkid_of(raw)
    eapol.choice_of(raw)
    eapol.parse_eapol(raw, 0, len(raw))


@quick
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(0, 255), st.sampled_from([1, 3, 13, 17, 25, 254]), st.binary(max_size=120)
        )
    )
)
def test_eap(messages):
    exchange = eap.Exchange(Packet(file="x", number=1))
    for code, identifier, kind, content in messages:
        exchange.add(
            struct.pack(">BBHB", code, identifier, 5 + len(content), kind) + content, Packet(file="x", number=2)
        )
    exchange.certificate()
    assert exchange.outcome in {"", "success", "failure"}


@quick
@given(st.binary(max_size=400))
def test_second_opinion(raw):
    assert dissect(raw)


@quick
@given(st.binary(max_size=300), st.integers(1, 60))
def test_containers_from_any_bytes(raw, size):
    for head in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", f.section(), f.section(">") + f.interface(order=">")):
        walker = packets.walker_for(head)
        data = head + raw
        for at in range(0, len(data), size):
            for batch in walker.feed(data[at : at + size]):
                assert len(batch.starts) == len(batch.ends) == len(batch.seconds) > 0
                assert all(
                    0 <= start <= end <= len(batch.data) for start, end in zip(batch.starts, batch.ends, strict=True)
                )
        walker.finish()


@quick
@given(st.integers(1, 200), st.lists(st.sampled_from(GOOD), max_size=8))
def test_the_size_of_pieces_does_not_matter(size, chosen):
    for raw in (f.pcap(chosen), f.section() + f.interface() + b"".join(f.enhanced(packet) for packet in chosen)):
        walker = packets.walker_for(raw)
        found = []
        for at in range(0, len(raw), size):
            for batch in walker.feed(raw[at : at + size]):
                found += [batch.data[start:end] for start, end in zip(batch.starts, batch.ends, strict=True)]
        walker.finish()
        assert found == chosen
        assert not walker.truncated


@slow
@given(st.data())
def test_whole_files(tmp_path, data):
    chosen = data.draw(st.lists(st.sampled_from(GOOD), max_size=6))
    chosen = [data.draw(st.one_of(st.just(packet), mangled(packet))) for packet in chosen]
    kind = data.draw(st.sampled_from(LINKS))
    chosen = (
        [f.radiotap(packet, flags=data.draw(st.sampled_from([0, 0x10, 0x50]))) for packet in chosen]
        if kind == f.RADIOTAP
        else chosen
    )
    if data.draw(st.booleans()):
        raw = f.pcap(chosen, kind)
    else:
        raw = f.section() + f.interface(kind) + b"".join(f.enhanced(packet) for packet in chosen)
    raw = data.draw(st.one_of(st.just(raw), mangled(raw)))
    raw = gzip.compress(raw) if data.draw(st.booleans()) else raw
    raw = data.draw(st.one_of(st.just(raw), mangled(raw))) if raw else raw
    read(tmp_path, raw)


def test_files_made_to_be_slow(tmp_path):
    """Each of these would take minutes if some loop were as long as a length says, or some list as long as the file."""
    tiny = f.pcap([b""] * 100_000)
    scattered = f.pcap([f.beacon(b"X", stamp=n) for n in range(4000)], seconds=[n * 7_919 % 2**32 for n in range(4000)])
    crowd = f.pcap(
        [f.beacon(b"X%d" % n, bssid=b"\x02\0\0\0" + n.to_bytes(2)) for n in range(4000)],
        seconds=[n * 11 for n in range(4000)],
    )
    nested = f.pcap(
        [f.beacon(b"X", *[f.element(71, b"\x08" + f.element(0, b"") * 100)] * 8, stamp=n) for n in range(50)]
    )
    blocks = f.section() + f.interface() + f.block(0x0BAD, b"") * 100_000
    started = time.process_time()
    for number, raw in enumerate((tiny, scattered, crowd, nested, blocks)):
        read(tmp_path, raw, f"{number}.pcap")
    assert time.process_time() - started < 20
