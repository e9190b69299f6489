"""Asynchronous DNS client of the audit: bounded, cached, one UDP socket per resolver, TCP when truncated.

It never reads the configuration of the machine: the resolvers come from the `Network`, which has journalled them.
One shared connected socket costs a fifth less CPU than one socket per question and sees ICMP refusals at once. What
a random port per question would bring against forged replies is given back by a kernel-chosen port per run, random
ids, the random letter case of each question, and TCP for every reply that does not echo that case.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import dns.rdatatype
import msgspec

from checks.common.dns_wire import (
    Answer,
    Match,
    NameError_,
    Status,
    ascii_name,
    encode_query,
    encode_question,
    is_truncated,
    match_reply,
    read_reply,
)
from checks.common.slots import Slots
from checks.model import MandateRefusedError, Network

__all__ = ["Answer", "DnsClient", "NameError_", "Status", "ascii_name", "permitted_resolvers"]

RECEIVE_BUFFER = 1 << 20
"""Bytes: hundreds of replies may arrive while Python reads one."""

DEAD_AFTER = 20
"""Failures, with no reply ever, after which a resolver is put to the test: they may all concern one silent domain."""

WITNESS = ("fr", "NS")
"""Asked to a resolver that never answered. Any reply, even a refusal, shows that it is alive."""

SLOT_PATIENCE = 0.3
"""Seconds after which a question that still waits no longer keeps others from being sent."""

TCP_CONNECTIONS = 10
MAX_ALIASES = 8


def permitted_resolvers(network: Network, purpose: str) -> tuple[tuple[str, int], ...]:
    """Ask the mandate once for each DNS server; return those that may be used.

    Raises `MandateRefusedError` when there are some and all are refused.
    """
    allowed: list[tuple[str, int]] = []
    refusal: MandateRefusedError | None = None
    for address, port in network.resolvers:
        try:
            network.permit(address, port, "dns", purpose)
        except MandateRefusedError as error:
            refusal = error
        else:
            allowed.append((address, port))
    if refusal is not None and not allowed:
        raise refusal
    return tuple(allowed)


class _Suspect(Exception):  # noqa: N818 - a signal between two functions of this module, not an error
    """The reply does not echo the question exactly."""


class _Socket(asyncio.DatagramProtocol):
    """One connected UDP socket and the questions that wait for a reply on it."""

    def __init__(self) -> None:
        self.pending: dict[int, tuple[bytes, asyncio.Future[bytes]]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = transport.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002 - the socket is connected
        waiting = self.pending.get(int.from_bytes(data[:2]))
        if waiting is None or waiting[1].done():
            return
        match match_reply(data, waiting[0]):
            case Match.YES:
                waiting[1].set_result(data)
            case Match.SUSPECT:
                waiting[1].set_exception(_Suspect())
            case Match.NO:
                return

    def error_received(self, exc: Exception) -> None:
        for _, future in self.pending.values():
            if not future.done():
                future.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.error_received(exc or ConnectionAbortedError("socket closed"))


class _Resolver:
    """One DNS server: where it is, its socket, and whether it ever answered."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.failures = 0
        self.answered = False
        self.witness: asyncio.Task[Answer] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._socket = _Socket()
        self._opening = asyncio.Lock()
        self._tcp = asyncio.Semaphore(TCP_CONNECTIONS)

    @property
    def doubtful(self) -> bool:
        """True when enough questions failed, and none ever succeeded."""
        return not self.answered and self.failures >= DEAD_AFTER

    def note(self, status: Status) -> None:
        """Remember whether the server is alive."""
        if status in (Status.TIMEOUT, Status.UNREACHABLE):
            self.failures += 1
        else:
            self.answered = True

    async def exchange(self, question: bytes, *, dnssec: bool) -> bytes:
        """Send one question over UDP, then over TCP when the reply is truncated or suspect. Raises `OSError`."""
        try:
            wire = await self._exchange_udp(question, dnssec=dnssec)
        except _Suspect:
            return await self._exchange_tcp(question, dnssec=dnssec)
        return await self._exchange_tcp(question, dnssec=dnssec) if is_truncated(wire) else wire

    async def _exchange_udp(self, question: bytes, *, dnssec: bool) -> bytes:
        transport = await self._open()
        query_id = secrets.randbits(16)
        while query_id in self._socket.pending:
            query_id = secrets.randbits(16)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._socket.pending[query_id] = (question, future)
        try:
            transport.sendto(encode_query(query_id, question, dnssec=dnssec))
            return await future
        finally:
            del self._socket.pending[query_id]

    async def _open(self) -> asyncio.DatagramTransport:
        if self._transport is None:
            async with self._opening:
                if self._transport is None:
                    self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                        lambda: self._socket, remote_addr=(self.address, self.port)
                    )
        return self._transport

    async def _exchange_tcp(self, question: bytes, *, dnssec: bool) -> bytes:
        query = encode_query(secrets.randbits(16), question, dnssec=dnssec)
        async with self._tcp:
            reader, writer = await asyncio.open_connection(self.address, self.port)
            try:
                writer.write(len(query).to_bytes(2) + query)
                size = int.from_bytes(await reader.readexactly(2))
                wire = await reader.readexactly(size)
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError("TCP reply cut short") from error
            finally:
                writer.close()
        if wire[:2] != query[:2] or match_reply(wire, question) is Match.NO:
            raise ConnectionAbortedError("TCP reply to another question")
        return wire

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class DnsClient:
    """Asks the resolvers in turn; every answer of a run is kept, failures included. Use as `async with`."""

    def __init__(
        self,
        resolvers: Sequence[tuple[str, int]],
        *,
        timeout: float = 1.5,
        attempts: int = 2,
        in_flight: int = 100,
    ) -> None:
        """`timeout` is in seconds, for one try at one resolver; `attempts` is the number of rounds."""
        self._resolvers = [_Resolver(address, port) for address, port in resolvers]
        self._timeout = timeout
        self._attempts = attempts
        self._slots = Slots(in_flight, SLOT_PATIENCE)
        self._asked: dict[tuple[str, str, bool], asyncio.Task[Answer]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        witnesses = (resolver.witness for resolver in self._resolvers if resolver.witness is not None)
        tasks = [*self._asked.values(), *witnesses]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for resolver in self._resolvers:
            resolver.close()

    @property
    def questions(self) -> int:
        """Distinct questions asked so far."""
        return len(self._asked)

    def ask(self, name: str, type_text: str, *, dnssec: bool = False) -> asyncio.Future[Answer]:
        """Ask for the records of `type_text` at `name`; await the result. Never raises: a failure is a `Status`.

        Not a coroutine: everyone who asks the same thing waits for the same task.
        """
        try:
            asked = ascii_name(name)
        except NameError_ as error:
            impossible = asyncio.get_running_loop().create_future()
            impossible.set_result(Answer(name=name, type=type_text, status=Status.MALFORMED, detail=str(error)))
            return impossible
        key = (asked, type_text, dnssec)
        task = self._asked.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._answer(asked, type_text, dnssec=dnssec))
            self._asked[key] = task
        return task

    async def _answer(self, name: str, type_text: str, *, dnssec: bool) -> Answer:
        """The answer, going on to the target of an alias when the server did not."""
        answer = await self._ask(name, type_text, dnssec=dnssec)
        for _ in range(MAX_ALIASES):
            if not answer.unfinished:
                return answer
            target = await self._ask(answer.canonical, type_text, dnssec=dnssec)
            answer = msgspec.structs.replace(target, name=name, canonical=target.canonical or answer.canonical)
        return Answer(name=name, type=type_text, status=Status.MALFORMED, detail="alias sans fin")

    async def _ask(self, name: str, type_text: str, *, dnssec: bool) -> Answer:
        type_number = dns.rdatatype.from_text(type_text)
        failure = Answer(name=name, type=type_text, status=Status.UNREACHABLE, detail="serveurs muets jusqu'ici")
        for _ in range(self._attempts):
            for resolver in self._resolvers:
                async with self._slots.hold():
                    if await self._dead(resolver):  # learnt, perhaps, while this question waited for its turn
                        continue
                    answer = await self._try(resolver, name, type_text, type_number, dnssec=dnssec)
                    resolver.note(answer.status)
                if answer.gap() is None:
                    return answer
                failure = answer
            if failure.status not in (Status.TIMEOUT, Status.UNREACHABLE):
                break  # every server said no: asking again changes nothing
        return failure

    async def _dead(self, resolver: _Resolver) -> bool:
        """Tell whether a resolver answers nothing at all; whoever doubts waits for the same test."""
        if not resolver.doubtful:
            return False
        if resolver.witness is None:
            name, kind = WITNESS
            test = self._try(resolver, name, kind, dns.rdatatype.from_text(kind), dnssec=False)
            resolver.witness = asyncio.get_running_loop().create_task(test)
        resolver.note((await resolver.witness).status)
        return resolver.doubtful

    async def _try(self, resolver: _Resolver, name: str, type_text: str, type_number: int, *, dnssec: bool) -> Answer:
        question = encode_question(name, type_number, secrets.randbits(256))
        try:
            async with asyncio.timeout(self._timeout):
                wire = await resolver.exchange(question, dnssec=dnssec)
        except TimeoutError:
            return Answer(name=name, type=type_text, status=Status.TIMEOUT)
        except OSError as error:
            detail = type(error).__name__
            return Answer(name=name, type=type_text, status=Status.UNREACHABLE, detail=detail)
        return read_reply(wire, name, type_text)
