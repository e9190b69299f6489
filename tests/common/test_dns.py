"""The DNS client against a server on loopback."""

from __future__ import annotations

import asyncio
import time

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.common.dns import DnsClient, Status, ascii_name, permitted_resolvers
from checks.common.dns_wire import Match, NameError_, encode_query, encode_question, match_reply, read_reply
from checks.model import MandateRefusedError, Reason
from tests.common.servers import OpenNetwork, dns_server, tcp_and_udp

ZONE = {
    ("a.test", "A"): ["192.0.2.1"],
    ("b.test", "TXT"): ['"un" "deux"'],
    ("alias.test", "CNAME"): ["a.test."],
    ("lost.test", "CNAME"): ["nowhere.test."],
    ("broken.test", "A"): "SERVFAIL",
    ("closed.test", "A"): "REFUSED",
    ("slow.test", "A"): "TIMEOUT",
    ("noise.test", "A"): "GARBAGE",
    ("old.test", "A"): "FORMERR",
    ("elsewhere.test", "A"): "REFERRAL",
    ("elsewhere.test", "SOA"): "REFERRAL",
    ("big.test", "TXT"): [f'"{"x" * 200}{i}"' for i in range(20)],
}


def ask(*questions: tuple[str, str], zone=ZONE, tcp: bool = True, lower_case: bool = False, timeout: float = 0.5):
    async def run():
        async with (
            dns_server(zone, tcp=tcp, lower_case=lower_case) as (port, answers),
            DnsClient([("127.0.0.1", port)], timeout=timeout, attempts=1) as dns,
        ):
            found = await asyncio.gather(*(dns.ask(name, kind) for name, kind in questions))
            return list(found), answers.questions

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("a.test", "A", Status.FOUND),
        ("a.test", "AAAA", Status.NO_DATA),
        ("c.test", "A", Status.NXDOMAIN),
        ("lost.test", "A", Status.NXDOMAIN),
        ("broken.test", "A", Status.SERVFAIL),
        ("closed.test", "A", Status.REFUSED),
        ("slow.test", "A", Status.TIMEOUT),
        ("noise.test", "A", Status.MALFORMED),
        ("old.test", "A", Status.MALFORMED),
        ("elsewhere.test", "A", Status.REFERRAL),
        ("elsewhere.test", "SOA", Status.REFERRAL),
        ("a.test", "SOA", Status.NO_DATA),
        ("x" * 64 + ".test", "A", Status.MALFORMED),
    ],
)
def test_each_outcome_has_its_own_status(name: str, kind: str, status: Status) -> None:
    (answer,), _ = ask((name, kind))
    assert answer.status is status
    assert (answer.gap() is None) == (status in (Status.FOUND, Status.NO_DATA, Status.NXDOMAIN))


def test_gap_reason_tells_timeout_from_server_failure() -> None:
    (slow, broken), _ = ask(("slow.test", "A"), ("broken.test", "A"))
    assert slow.gap().reason is Reason.TIMEOUT
    assert broken.gap().reason is Reason.ERROR
    assert "A broken.test" in broken.gap().detail


def test_text_strings_are_joined_without_separator() -> None:
    (answer,), _ = ask(("b.test", "TXT"))
    assert answer.texts() == ("undeux",)


def test_alias_is_followed_and_told() -> None:
    (answer,), _ = ask(("alias.test", "A"))
    assert [record.address for record in answer.records] == ["192.0.2.1"]
    assert answer.canonical == "a.test"


def test_alias_left_unfinished_by_an_authoritative_server_is_followed() -> None:
    zone = {**ZONE, ("half.test", "TXT"): "CNAME b.test.", ("loop.test", "TXT"): "CNAME loop.test."}
    (half, loop), _ = ask(("half.test", "TXT"), ("loop.test", "TXT"), zone=zone)
    assert half.texts() == ("undeux",)
    assert (half.name, half.canonical) == ("half.test", "b.test")
    assert loop.status is Status.MALFORMED


def test_truncated_reply_is_fetched_over_tcp() -> None:
    (answer,), questions = ask(("big.test", "TXT"))
    assert len(answer.records) == 20
    assert [transport for _, _, transport in questions] == ["udp", "tcp"]


def test_truncated_reply_without_tcp_is_not_an_absence() -> None:
    (answer,), _ = ask(("big.test", "TXT"), tcp=False)
    assert answer.status is Status.UNREACHABLE
    assert not answer.missing


def test_reply_with_another_case_is_asked_again_over_tcp() -> None:
    (answer,), questions = ask(
        ("abcdefghijklmnopqrstuvwxyz.a.test", "A"),
        zone={("abcdefghijklmnopqrstuvwxyz.a.test", "A"): ["192.0.2.9"]},
        lower_case=True,
    )
    assert answer.status is Status.FOUND
    assert ("abcdefghijklmnopqrstuvwxyz.a.test", "A", "tcp") in questions


def test_same_question_is_asked_once() -> None:
    _, questions = ask(("a.test", "A"), ("A.Test.", "A"), ("a.test", "A"))
    assert len(questions) == 1


def test_second_resolver_answers_when_the_first_fails() -> None:
    async def run():
        async with (
            dns_server({("a.test", "A"): "SERVFAIL"}) as (bad, _),
            dns_server(ZONE) as (good, _),
            DnsClient([("127.0.0.1", bad), ("127.0.0.1", good)]) as dns,
        ):
            return await dns.ask("a.test", "A")

    assert asyncio.run(run()).status is Status.FOUND


def test_closed_port_is_known_at_once() -> None:
    async def run():
        async with dns_server(ZONE) as (port, _):
            pass
        async with DnsClient([("127.0.0.1", port)], timeout=3, attempts=1) as dns:
            return await dns.ask("a.test", "A")

    start = time.monotonic()
    assert asyncio.run(run()).status is Status.UNREACHABLE
    assert time.monotonic() - start < 1


def test_a_dead_resolver_does_not_cost_one_time_limit_per_question() -> None:
    silent = {("*.test", "A"): "TIMEOUT", ("fr", "NS"): "TIMEOUT"}

    async def run():
        async with (
            dns_server(silent) as (port, answers),
            DnsClient([("127.0.0.1", port)], timeout=0.1, attempts=1, in_flight=10) as dns,
        ):
            found = await asyncio.gather(*(dns.ask(f"n{i}.test", "A") for i in range(200)))
            return found, len(answers.questions)

    start = time.monotonic()
    found, sent = asyncio.run(run())
    assert all(answer.gap() is not None for answer in found)
    assert sent < 60
    assert time.monotonic() - start < 1.5


def test_resolvers_are_put_to_the_mandate_once_each() -> None:
    network = OpenNetwork((("192.0.2.53", 53), ("192.0.2.54", 53)), frozenset({"192.0.2.53"}))
    assert permitted_resolvers(network, "essai") == (("192.0.2.54", 53),)
    assert network.asked == [("192.0.2.53", 53, "dns"), ("192.0.2.54", 53, "dns")]
    with pytest.raises(MandateRefusedError):
        permitted_resolvers(OpenNetwork((("192.0.2.53", 53),), frozenset({"192.0.2.53"})), "essai")


def test_names_are_written_as_the_dns_wants_them() -> None:
    assert ascii_name("Été.FR.") == "xn--t-9fab.fr"
    assert ascii_name(" Tilleuls.Test ") == "tilleuls.test"
    for bad in ("", ".", "a..b", "x" * 64, "a" * 254):
        with pytest.raises(NameError_):
            ascii_name(bad)


@given(st.from_regex(r"[a-z0-9_]{1,20}(\.[a-z0-9]{1,20}){0,3}", fullmatch=True), st.integers(0, 2**64))
def test_case_bits_never_change_the_name(name: str, bits: int) -> None:
    plain, mixed = encode_question(name, 1, 0), encode_question(name, 1, bits)
    assert mixed.lower() == plain
    reply = encode_query(7, mixed, dnssec=False)
    reply = reply[:2] + b"\x80" + reply[3:]
    assert match_reply(reply, mixed) is Match.YES


@given(st.binary(max_size=200), st.sampled_from(["A", "TXT", "MX", "SOA", "DNSKEY"]))
def test_any_bytes_are_read_without_exception(noise: bytes, kind: str) -> None:
    header = b"\0\1\x81\x80\0\1\0\2\0\1\0\0"
    question = encode_question("a.test", 16, 0)
    for wire in (noise, header + noise, header + question + noise):
        assert isinstance(read_reply(wire, "a.test", kind).status, Status)
        assert isinstance(match_reply(wire, question), Match)


def test_one_silent_domain_does_not_condemn_the_resolver() -> None:
    zone = {("*.muet.test", "A"): "TIMEOUT", ("sain.test", "A"): ["192.0.2.1"]}

    async def run():
        async with (
            dns_server(zone) as (port, _),
            DnsClient([("127.0.0.1", port)], timeout=0.1, attempts=1, in_flight=10) as dns,
        ):
            silent = [dns.ask(f"n{i}.muet.test", "A") for i in range(40)]
            await asyncio.gather(*silent[:30])
            return await dns.ask("sain.test", "A"), [answer.status for answer in await asyncio.gather(*silent)]

    sound, silent = asyncio.run(run())
    assert sound.status is Status.FOUND
    assert set(silent) == {Status.TIMEOUT}


def test_questions_without_answer_do_not_hold_the_others_back() -> None:
    zone = {("*.muet.test", "A"): "TIMEOUT", ("sain.test", "A"): ["192.0.2.1"]}

    async def run():
        async with (
            dns_server(zone) as (port, _),
            DnsClient([("127.0.0.1", port)], timeout=3.0, attempts=1, in_flight=10) as dns,
        ):
            for i in range(20):
                dns.ask(f"n{i}.muet.test", "A")
            start = time.monotonic()
            return await dns.ask("sain.test", "A"), time.monotonic() - start

    sound, seconds = asyncio.run(run())
    assert sound.status is Status.FOUND
    assert seconds < 1.5


@pytest.mark.parametrize("kind", ["TXT", "SOA"])
def test_reply_truncated_even_over_tcp_is_not_an_absence(kind: str) -> None:
    reply = dns.message.make_response(dns.message.make_query("tilleuls.test", kind))
    reply.flags |= dns.flags.TC
    answer = read_reply(reply.to_wire(), "tilleuls.test", kind)
    assert answer.status is Status.MALFORMED
    assert "tronquée" in answer.gap().detail


class Hostile(asyncio.DatagramProtocol):
    """Sends `reply(query)` whatever it is asked, several datagrams if several are given."""

    def __init__(self, reply) -> None:
        self.reply = reply

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        for wire in self.reply(data):
            self.transport.sendto(wire, addr)


async def hostile_resolver(reply) -> tuple[asyncio.DatagramTransport, int]:
    """A UDP server that answers with `reply`."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Hostile(reply), local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")[1]


def looped(query: bytes) -> list[bytes]:
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    name = asked.question[0].name
    for owner, target in ((name, "b.test."), (dns.name.from_text("b.test"), name.to_text())):
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", target))
    return [response.to_wire()]


def other_name(query: bytes) -> list[bytes]:
    response = dns.message.make_response(dns.message.make_query("autre.test", "TXT"))
    return [query[:2] + response.to_wire()[2:]]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (lambda _: [b"\0" * 5, b"", b"\xff" * 600], Status.TIMEOUT),
        (lambda query: [bytes([query[0] ^ 1]) + query[1:2] + b"\x81\x80" + query[4:]], Status.TIMEOUT),
        (other_name, Status.TIMEOUT),
        (lambda query: [query], Status.TIMEOUT),
        (looped, Status.MALFORMED),
        (lambda query: [query[:2] + b"\x83\x80" + query[4:]], Status.UNREACHABLE),
    ],
    ids=["noise", "wrong id", "wrong name", "echo", "alias loop", "truncated without TCP"],
)
def test_hostile_replies_end_as_a_failure_within_the_limit(reply, expected: Status) -> None:
    async def run():
        transport, port = await hostile_resolver(reply)
        try:
            async with DnsClient([("127.0.0.1", port)], timeout=0.2, attempts=2) as client:
                return await client.ask("tilleuls.test", "TXT")
        finally:
            transport.close()

    start = time.monotonic()
    answer = asyncio.run(run())
    assert answer.status is expected
    assert answer.gap() is not None
    assert time.monotonic() - start < 1.0


@pytest.mark.parametrize(
    ("over_tcp", "expected"),
    [("truncated", Status.MALFORMED), ("partial", Status.UNREACHABLE), ("slow", Status.TIMEOUT)],
)
def test_hostile_tcp_ends_as_a_failure_within_the_limit(over_tcp: str, expected: Status) -> None:
    def truncated(query: bytes) -> list[bytes]:
        response = dns.message.make_response(dns.message.from_wire(query))
        response.flags |= dns.flags.TC
        return [response.to_wire()]

    async def serve(reader, writer):
        try:
            query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            wire = truncated(query)[0]
            framed = len(wire).to_bytes(2) + wire
            for byte in framed[:20] if over_tcp == "partial" else framed:
                writer.write(bytes([byte]))
                if over_tcp == "slow":
                    await writer.drain()
                    await asyncio.sleep(0.1)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def run():
        server, transport, port = await tcp_and_udp(serve, lambda: Hostile(truncated))
        async with server:
            async with DnsClient([("127.0.0.1", port)], timeout=0.3, attempts=2) as client:
                answer = await client.ask("tilleuls.test", "TXT")
            transport.close()
            await asyncio.sleep(0.15)
            return answer

    start = time.monotonic()
    answer = asyncio.run(run())
    assert answer.status is expected
    assert time.monotonic() - start < 1.5
