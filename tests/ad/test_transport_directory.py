from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.ad.transport import ber, smb_negotiate
from checks.ad.transport.ber import MalformedMessage, Query
from checks.ad.transport.directory import (
    ConnectionLostError,
    Directory,
    Entry,
    LdapResultError,
    MessageReader,
)
from checks.ad.transport.smb_negotiate import MalformedAnswer
from tests.ad import wire

QUERY = Query("DC=tilleuls,DC=test", ("cn",))


class Played:
    """A channel that answers each request with what `script` yields for it, in pieces of `piece` bytes."""

    def __init__(self, script: Callable[[int, bytes], bytes], piece: int = 1 << 20) -> None:
        self._script = script
        self._piece = piece
        self._waiting = b""
        self.requests: list[bytes] = []
        self.closed = False

    def sendall(self, data: bytes, /) -> None:
        message_id = ber.operation(data)[0]
        self.requests.append(data)
        self._waiting += self._script(message_id, data)

    def recv(self, size: int, /) -> bytes:
        part, self._waiting = self._waiting[: self._piece], self._waiting[self._piece :]
        return part

    def close(self) -> None:
        self.closed = True


def scripted(*answers: Callable[[int], bytes], piece: int = 1 << 20) -> Played:
    left = list(answers)
    return Played(lambda message_id, _: left.pop(0)(message_id) if left else b"", piece)


def page(*names: str, cookie: bytes = b"", code: int = 0) -> Callable[[int], bytes]:
    return lambda i: (
        b"".join(wire.entry(i, name, {"cn": [name.encode()]}) for name in names) + wire.done(i, code, cookie=cookie)
    )


@given(
    st.text(max_size=60),
    st.dictionaries(
        st.from_regex(r"\A[a-z][a-z0-9-]{0,40}\Z"), st.lists(st.binary(max_size=300), max_size=4), max_size=6
    ),
)
def test_entry_round_trip(dn: str, attributes: dict[str, list[bytes]]) -> None:
    raw = wire.entry(7, dn, attributes)
    message_id, tag, start, end = ber.operation(raw)
    assert (message_id, tag) == (7, ber.SEARCH_ENTRY)
    assert ber.entry(raw, start, end, ber.Names()) == (dn, attributes)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(raw: bytes) -> None:
    try:
        _, tag, start, end = ber.operation(raw)
        assert 0 <= start <= end <= len(raw)
        if tag == ber.SEARCH_ENTRY:
            ber.entry(raw, start, end, ber.Names())
        else:
            ber.done(raw, start, end)
    except MalformedMessage:
        pass


@given(st.data())
def test_damaged_entry_is_read_or_malformed(data: st.DataObject) -> None:
    raw = bytearray(wire.entry(7, "CN=x", {"cn": [b"x" * 200, b"y"], "member": [b"CN=z"]}))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, _, start, end = ber.operation(bytes(raw))
        dn, attributes = ber.entry(bytes(raw), start, end, ber.Names())
        assert sum(len(value) for found in attributes.values() for value in found) + len(dn.encode()) <= len(raw) * 3
    except MalformedMessage:
        pass


@given(st.integers(1, 40))
def test_messages_are_cut_whatever_the_pieces(piece: int) -> None:
    channel = scripted(page("CN=a", "CN=b"), piece=piece)
    assert [e.dn for e in Directory(channel).search(QUERY)] == ["CN=a", "CN=b"]


def test_long_lengths_of_windows_are_read() -> None:
    body = wire.entry_body("CN=a", {"cn": [b"a"]})
    raw = b"\x30\x84" + (3 + len(body)).to_bytes(4, "big") + ber.integer(1) + body
    _, _, start, end = ber.operation(raw)
    assert ber.entry(raw, start, end, ber.Names()) == ("CN=a", {"cn": [b"a"]})


def test_pages_are_followed_and_the_next_is_asked_first() -> None:
    channel = scripted(page("CN=a", "CN=b", cookie=b"next"), page("CN=c"))
    directory = Directory(channel, page_size=2)
    stream = directory.search(QUERY)
    assert next(stream).dn == "CN=a"
    assert len(channel.requests) == 2, "the second page is asked before the first is handled"
    assert b"next" in channel.requests[1]
    assert [e.dn for e in stream] == ["CN=b", "CN=c"]
    assert directory.entries == 3


def test_descriptors_are_asked_without_the_audit_list() -> None:
    channel = scripted(page("CN=a"))
    list(Directory(channel).search(QUERY._replace(descriptors=True)))
    assert b"nTSecurityDescriptor" in channel.requests[0]
    assert b"1.2.840.113556.1.4.801\x01\x01\xff\x04\x050\x03\x02\x01\x07" in channel.requests[0]


def test_referrals_are_counted_not_followed() -> None:
    channel = scripted(lambda i: wire.reference(i, "ldap://autre.test/DC=x") + page("CN=a")(i))
    directory = Directory(channel)
    assert [e.dn for e in directory.search(QUERY)] == ["CN=a"]
    assert (directory.referrals, len(channel.requests)) == (1, 1)


@pytest.mark.parametrize("code", [3, 4, 8, 10, 11, 32, 50, 51, 52])
def test_other_results_are_raised_after_the_entries(code: int) -> None:
    stream = Directory(scripted(page("CN=a", code=code))).search(QUERY)
    assert next(stream).dn == "CN=a"
    with pytest.raises(LdapResultError) as caught:
        next(stream)
    assert caught.value.code == code


def test_size_limit_with_a_cookie_goes_on() -> None:
    channel = scripted(page("CN=a", cookie=b"x", code=4), page("CN=b"))
    assert [e.dn for e in Directory(channel).search(QUERY)] == ["CN=a", "CN=b"]


def test_absent_object_is_none_and_other_errors_are_raised() -> None:
    assert Directory(scripted(page(code=32))).read("CN=x", ("cn",)) is None
    with pytest.raises(LdapResultError):
        Directory(scripted(page(code=50))).read("CN=x", ("cn",))


def test_closed_connection_stays_unusable() -> None:
    channel = scripted(lambda i: wire.entry(i, "CN=a", {}))
    directory = Directory(channel)
    for _ in range(2):
        with pytest.raises(ConnectionLostError):
            list(directory.search(QUERY))
    assert len(channel.requests) == 1


def test_notice_of_disconnection_is_told() -> None:
    notice = ber.message(0, wire.result(ber.EXTENDED_RESPONSE, 52, "shutting down"))
    with pytest.raises(ConnectionLostError, match="shutting down"):
        list(Directory(scripted(lambda _: notice)).search(QUERY))


def test_rest_of_an_abandoned_search_is_skipped() -> None:
    channel = scripted(page("CN=a", "CN=b", cookie=b"x"), page("CN=c"), page("CN=d"))
    directory = Directory(channel)
    next(directory.search(QUERY))
    assert [e.dn for e in directory.search(QUERY)] == ["CN=d"]


def test_whole_search_has_a_time_limit() -> None:
    def endless(message_id: int) -> bytes:
        return wire.entry(message_id, "CN=a", {})

    channel = Played(lambda i, _: endless(i))
    channel.recv = lambda _size: endless(1001)  # type: ignore[method-assign]
    with pytest.raises(TimeoutError):
        list(Directory(channel, query_limit=0.2).search(QUERY))


def test_absurd_message_is_refused() -> None:
    reader = MessageReader(scripted(), lambda: float("inf"))
    reader._buffer = b"\x30\x84\xff\xff\xff\xff"
    with pytest.raises(MalformedMessage):
        reader.next()


# --- ranges: AD gives 1,500 values at a time; Samba gives all, so these replies are recorded by hand


def ranged(values: Iterator[int], first: int, last: int | None) -> dict[str, list[bytes]]:
    name = f"member;range={first}-{'*' if last is None else last}"
    return {"member": [], name: [f"CN=m{i}".encode() for i in values]}


def test_ranges_are_joined_in_order() -> None:
    channel = scripted(
        lambda i: (
            wire.entry(i, "CN=g", {"cn": [b"g"], **ranged(range(1500), 0, 1499)})
            + wire.entry(i, "CN=h", {"cn": [b"h"]})
            + wire.done(i)
        ),
        lambda i: wire.entry(i, "CN=g", ranged(range(1500, 3000), 1500, 2999)) + wire.done(i),
        lambda i: wire.entry(i, "CN=g", ranged(range(3000, 3007), 3000, None)) + wire.done(i),
    )
    other, group = Directory(channel).search(QUERY)
    assert other == Entry("CN=h", {"cn": [b"h"]})
    assert group.attributes["member"] == [f"CN=m{i}".encode() for i in range(3007)]
    assert group.attributes["cn"] == [b"g"]
    assert not group.cut
    assert b"member;range=1500-*" in channel.requests[1]
    assert b"member;range=3000-*" in channel.requests[2]


@pytest.mark.parametrize(
    "answer",
    [
        lambda i: wire.done(i, 50),
        wire.done,
        lambda i: wire.entry(i, "CN=g", ranged(range(2), 0, 1)) + wire.done(i),
        lambda i: wire.entry(i, "CN=g", {"member": [b"CN=z"]}) + wire.done(i),
    ],
)
def test_ranges_that_stop_are_said_to_be_cut(answer: Callable[[int], bytes]) -> None:
    channel = scripted(lambda i: wire.entry(i, "CN=g", ranged(range(1500), 0, 1499)) + wire.done(i), answer)
    (group,) = Directory(channel).search(QUERY)
    assert group.cut == {"member"}
    assert len(group.attributes["member"]) == 1500


# --- SMB negotiation


def smb2_answer(mode: int, dialect: int, status: int = 0) -> bytes:
    return (
        b"\xfeSMB"
        + bytes(4)
        + status.to_bytes(4, "little")
        + bytes(52)
        + b"\x41\0"
        + bytes((mode, 0))
        + (dialect.to_bytes(2, "little") + bytes(58))
    )


def smb1_answer(chosen: int, status: int = 0, words: int = 17) -> bytes:
    return b"\xffSMB\x72" + status.to_bytes(4, "little") + bytes(23) + bytes((words,)) + chosen.to_bytes(2, "little")


def test_smb2_dialect_and_signing() -> None:
    assert smb_negotiate.smb2_chosen(smb2_answer(1, 0x0210)) == ("2.1", False)
    assert smb_negotiate.smb2_chosen(smb2_answer(3, 0x0311)) == ("3.1.1", True)
    for raw in (b"", smb1_answer(0), smb2_answer(1, 0x02FF), smb2_answer(1, 0x0311, status=0xC0000001)):
        with pytest.raises(MalformedAnswer):
            smb_negotiate.smb2_chosen(raw)


def test_smb1_accepted_or_refused() -> None:
    assert smb_negotiate.smb1_accepted(smb1_answer(0))
    assert not smb_negotiate.smb1_accepted(b"")
    assert not smb_negotiate.smb1_accepted(smb1_answer(0xFFFF, words=1))
    assert not smb_negotiate.smb1_accepted(smb1_answer(0, status=0xC0000022))
    assert not smb_negotiate.smb1_accepted(smb2_answer(1, 0x0311))
    with pytest.raises(MalformedAnswer):
        smb_negotiate.smb1_accepted(b"HTTP/1.1 400 Bad Request")


@given(st.binary(max_size=120))
def test_any_answer_is_read_or_malformed(raw: bytes) -> None:
    for read in (smb_negotiate.smb1_accepted, smb_negotiate.smb2_chosen):
        with contextlib.suppress(MalformedAnswer):
            assert read(raw) == read(bytes(raw))


def test_smb_answers_are_bounded() -> None:
    for head in (b"\0\xff\xff\xff", b"\x85\0\0\x04", b"\0\0\0\x01"):
        with pytest.raises(MalformedAnswer):
            smb_negotiate.read_answer(scripted_bytes(head + b"xxxx"))
    assert smb_negotiate.read_answer(scripted_bytes(b"")) == b""
    assert smb_negotiate.read_answer(scripted_bytes(b"\0\0\0\x05abcde")) == b"abcde"


def scripted_bytes(data: bytes) -> Played:
    channel = Played(lambda *_: b"")
    channel._waiting = data

    def recv(size: int, /) -> bytes:
        part, channel._waiting = channel._waiting[:size], channel._waiting[size:]
        return part

    channel.recv = recv  # type: ignore[method-assign]
    return channel
