"""Peers that do not play the game, on loopback: each ends within its limit, as the right gap, alone."""

from __future__ import annotations

import asyncio
import gzip
import resource
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from checks.common.dns import DnsClient
from checks.messaging.collect import collect_all
from checks.messaging.collectors.hosts import MAX_EXCHANGERS, collect_mx
from checks.messaging.collectors.smtp import VERSION_LIMITS, SmtpSettings, probe
from checks.messaging.collectors.sts import StsSettings, collect_sts
from checks.messaging.config import MessagingConfig
from checks.messaging.facts import MailExchanger, SmtpFacts, StsFacts, StsPolicy
from checks.model import Gap, Reason
from tests.common.servers import Authority, OpenNetwork, dns_server, smtp_server

LIMIT = 0.4
"""Seconds for one connection in these tests."""
GRACE = 0.8
"""Seconds that a busy machine may add."""
SERVER = MailExchanger(preference=10, name="mx.tilleuls.test", addresses=("127.0.0.1",))

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(behaviour: Behaviour, context=None, *, host: str = "127.0.0.1", port: int = 0):
    tasks: set[asyncio.Task] = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await behaviour(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def tarpit(reader, writer) -> None:
    for byte in b"220 " + b"x" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def endless_banner(reader, writer) -> None:
    while True:
        writer.write(b"220-encore\r\n" * 1000)
        await writer.drain()


async def endless_line(reader, writer) -> None:
    while True:
        writer.write(b"2" * 65536)
        await writer.drain()


def says(text: bytes) -> Behaviour:
    async def behaviour(reader, writer) -> None:
        writer.write(text)
        await reader.read()

    return behaviour


def after_starttls(then: bytes, *, together: bool = False, hold: bool = True) -> Behaviour:
    """Announce STARTTLS, accept it, then send `then` instead of TLS."""

    async def behaviour(reader, writer) -> None:
        writer.write(b"220 mx ESMTP\r\n")
        await reader.readline()
        writer.write(b"250-mx\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 ok\r\n" + (then if together else b""))
        await writer.drain()
        if not together:
            await reader.read(1)
            writer.write(then)
            await writer.drain()
        if hold:
            while await reader.read(4096):
                pass

    return behaviour


def look(behaviour: Behaviour) -> tuple[SmtpFacts, float]:
    async def go():
        async with raw_server(behaviour) as port:
            settings = SmtpSettings(port=port, helo="ausculte.invalid", timeout=LIMIT)
            start = time.monotonic()
            found = await probe(OpenNetwork(()), SERVER, settings)
            return found, time.monotonic() - start

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (tarpit, Reason.TIMEOUT),
        (endless_banner, Reason.MALFORMED),
        (endless_line, Reason.MALFORMED),
        (says(b"421 4.7.0 plus tard\r\n"), Reason.REFUSED),
        (says(b"554 non\r\n"), Reason.REFUSED),
        (says(b"220 mx\r\n502 EHLO ?\r\n"), Reason.REFUSED),
        (says(b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n454 pas de TLS\r\n"), Reason.REFUSED),
        (says(b"\xff\xfe\x00" * 50 + b"\r\n"), Reason.MALFORMED),
        (after_starttls(b""), Reason.TIMEOUT),
    ],
    ids=["tarpit", "banner", "line", "421", "554", "no EHLO", "454", "noise", "silent handshake"],
)
def test_hostile_mail_server_is_a_gap_within_the_limit(behaviour: Behaviour, reason: Reason) -> None:
    found, seconds = look(behaviour)
    assert isinstance(found.offered, Gap)
    assert found.offered.reason is reason
    assert seconds < LIMIT + GRACE


@pytest.mark.parametrize(
    "behaviour",
    [
        after_starttls(b"\x00garbage\r\n" * 10, hold=False),
        after_starttls(b"250 injected\r\n250 STARTTLS\r\n", together=True, hold=False),
        after_starttls(b"", hold=False),
        after_starttls(b"\x16\x03\x03\xff\xff" + b"z" * 70_000),
    ],
    ids=["garbage", "injection", "close", "giant record"],
)
def test_broken_handshake_leaves_certificate_and_versions_unknown(behaviour: Behaviour) -> None:
    found, seconds = look(behaviour)
    assert found.offered is not False
    assert isinstance(found.certificate, Gap)
    assert isinstance(found.versions, Gap) or found.versions == ()
    assert seconds < (2 + VERSION_LIMITS) * LIMIT + GRACE


def fetch(tmp_path: Path, behaviour: Behaviour, *, times: int = 1) -> tuple[StsPolicy | Gap, float]:
    authority = Authority(tmp_path)
    zone = {
        ("_mta-sts.tilleuls.test", "TXT"): ['"v=STSv1; id=1"'],
        ("mta-sts.tilleuls.test", "A"): ["127.0.0.1"],
    }

    async def go():
        async with AsyncExitStack() as stack:
            dns_port, _ = await stack.enter_async_context(dns_server(zone))
            port = await stack.enter_async_context(raw_server(behaviour, authority.context("mta-sts.tilleuls.test")))
            client = await stack.enter_async_context(DnsClient([("127.0.0.1", dns_port)], timeout=0.5))
            settings = StsSettings(fetch=True, port=port, timeout=LIMIT, ca_file=str(authority.file))
            start = time.monotonic()
            for _ in range(times):
                found = await collect_sts(client, OpenNetwork(()), "tilleuls.test", settings)
            assert isinstance(found, StsFacts)
            return found.policy, time.monotonic() - start

    return asyncio.run(go())


POLICY = b"version: STSv1\nmode: enforce\nmx: mx.tilleuls.test\nmax_age: 604800\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


async def endless_body(reader, writer) -> None:
    writer.write(HEAD + b"\r\n")
    while True:
        writer.write(b"mx: a.test\r\n" * 1000)
        await writer.drain()


async def slow_body(reader, writer) -> None:
    writer.write(HEAD + b"\r\n")
    while True:
        writer.write(b"m")
        await writer.drain()
        await asyncio.sleep(0.05)


async def kept_open(reader, writer) -> None:
    writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(POLICY), POLICY))
    await writer.drain()
    await reader.read()
    await asyncio.sleep(10)


async def kept_open_in_chunks(reader, writer) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(POLICY), POLICY))
    await writer.drain()
    await reader.read()
    await asyncio.sleep(10)


async def bomb(reader, writer) -> None:
    packed = gzip.compress(b"mx: a.test\n" * 2_000_000)
    assert len(packed) < 70_000
    writer.write(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    await writer.drain()


def test_endless_policy_is_cut_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, seconds = fetch(tmp_path, endless_body, times=5)
    assert "64 ko" in found.problem
    assert seconds < 5 * (LIMIT + GRACE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB


def test_slow_policy_ends_at_the_limit(tmp_path: Path) -> None:
    found, seconds = fetch(tmp_path, slow_body)
    assert found.reason is Reason.TIMEOUT
    assert seconds < LIMIT + GRACE


@pytest.mark.parametrize("behaviour", [kept_open, kept_open_in_chunks])
def test_complete_policy_is_enough_when_the_server_stays(tmp_path: Path, behaviour: Behaviour) -> None:
    found, _ = fetch(tmp_path, behaviour)
    assert found.text == POLICY.decode()


def test_compressed_policy_is_never_inflated(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, _ = fetch(tmp_path, bomb)
    assert isinstance(found, Gap) or len(found.text) < 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB


def test_thousand_mail_servers_are_not_all_followed() -> None:
    count = 1000
    zone = {("tilleuls.test", "MX"): [f"{i} m{i}.t.test." for i in range(count)], ("*.t.test", "A"): ["127.0.0.1"]}

    async def go():
        async with dns_server(zone) as (port, answers), DnsClient([("127.0.0.1", port)], timeout=2.0) as client:
            return await collect_mx(client, "tilleuls.test"), len(answers.questions)

    found, questions = asyncio.run(go())
    assert len(found.exchangers) == count
    assert questions < 3 * MAX_EXCHANGERS + 5
    assert found.exchangers[0].addresses == ("127.0.0.1",)
    assert found.exchangers[-1].addresses.reason is Reason.UNSUPPORTED


def test_silent_domains_and_tarpits_do_not_slow_the_others(tmp_path: Path) -> None:
    """Five bad domains of twenty, first in line: two whose DNS is silent, three with ten tarpits each."""
    zone: dict = {(f"*.muet{i}.test", kind): "TIMEOUT" for i in range(2) for kind in ("TXT", "A", "MX", "SOA", "DS")}
    for i in range(2):
        zone |= {(f"muet{i}.test", kind): "TIMEOUT" for kind in ("TXT", "MX", "SOA", "DS", "DNSKEY")}
        zone |= {(f"*._domainkey.muet{i}.test", "TXT"): "TIMEOUT", (f"_dmarc.muet{i}.test", "TXT"): "TIMEOUT"}
    for i in range(3):
        zone[f"lent{i}.test", "MX"] = [f"10 m{j}.lent{i}.test." for j in range(10)]
        zone |= {(f"m{j}.lent{i}.test", "A"): ["127.0.0.2"] for j in range(10)}
    for i in range(15):
        zone[f"sain{i}.test", "MX"] = [f"10 mx.sain{i}.test."]
        zone[f"mx.sain{i}.test", "A"] = ["127.0.0.1"]
    names = [*(f"muet{i}.test" for i in range(2)), *(f"lent{i}.test" for i in range(3))]
    names += [f"sain{i}.test" for i in range(15)]
    context = Authority(tmp_path).context("mx.sain0.test")
    ends: dict[str, float] = {}

    async def go():
        async with AsyncExitStack() as stack:
            dns_port, _ = await stack.enter_async_context(dns_server(zone))
            smtp_port, _ = await stack.enter_async_context(smtp_server(context))
            await stack.enter_async_context(raw_server(tarpit, host="127.0.0.2", port=smtp_port))
            start = time.monotonic()

            def progress(step: str, done: int = 0, total: int | None = None) -> None:
                ends[step.rsplit(maxsplit=1)[-1]] = time.monotonic() - start

            config = MessagingConfig(
                domains=tuple(names), smtp_port=smtp_port, connect_timeout=3.0, dns_timeout=1.5, smtp_concurrency=8
            )
            return await collect_all(config, OpenNetwork((("127.0.0.1", dns_port),)), progress)

    found = {domain.name: domain for domain in asyncio.run(go()).domains}
    assert found["muet0.test"].mx.reason is Reason.TIMEOUT
    assert {server.offered.reason for server in found["lent0.test"].smtp} == {Reason.TIMEOUT}
    assert all(found[f"sain{i}.test"].smtp[0].offered is True for i in range(15))
    sound = max(seconds for name, seconds in ends.items() if name.startswith("sain"))
    slow = max(seconds for name, seconds in ends.items() if name.startswith("lent"))
    assert sound < slow  # they used to wait behind the tarpits
    assert slow < 4 * 3.0
