"""One RADIUS client: permitted datagrams, counted, sent again at most twice, within a budget of packets and time."""

from __future__ import annotations

import errno
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from checks.model import Gap, Reason
from checks.wifi.radius import codec
from checks.wifi.radius.codec import Attribute, CodecError, Proof, RadiusPacket

MAX_STRAY = 64
"""Datagrams looked at while waiting for one answer: anybody can send false ones."""


class RadiusError(Exception):
    """A question has no usable answer."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.gap = Gap(reason=reason, detail=detail)


class BudgetError(RadiusError):
    """Packets or time of the whole test are spent: no other question can be asked."""


class Answer(NamedTuple):
    """One genuine answer."""

    packet: RadiusPacket
    proof: Proof


class Limits(NamedTuple):
    """What a test may use."""

    timeout: float
    """Seconds for one answer."""
    retries: int
    packets: int
    seconds: float


class RadiusClient:
    """Asks one address that the caller got permission for. Use as a context manager."""

    def __init__(
        self,
        address: str,
        port: int,
        secret: bytes,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = address, port
        self._secret = secret
        self._limits = limits
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._identifier = secrets.randbelow(256)
        self._socket: socket.socket | None = None
        self.packets = 0
        self.repeated = 0
        """Of them, sent again for want of an answer."""
        self.false_answers = 0

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            # Connected: only datagrams from this server are received, and a closed port is reported.
            self._socket.connect(self._place)
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def left(self) -> float:
        """Seconds left for the whole test."""
        return self._deadline - self._clock()

    def ask(self, attributes: Sequence[Attribute], *, sign: bool = True) -> Answer:
        """Send one Access-Request, again while nothing comes back. Raises `RadiusError`."""
        self._identifier = (self._identifier + 1) % 256
        request = codec.build_request(self._identifier, attributes, self._secret, sign=sign)
        false_before = self.false_answers
        for again in range(1 + self._limits.retries):
            self._send(request)
            self.repeated += bool(again)
            found = self._wait(request)
            if found is not None:
                return found
        if self.false_answers > false_before:
            detail = "Le serveur RADIUS répond, mais ses réponses ne sont pas signées avec notre secret partagé."
            raise RadiusError(Reason.MALFORMED, detail)
        detail = (
            "Le serveur RADIUS n'a pas répondu : adresse, port ou secret partagé incorrects, ou bien ce poste n'est "
            "pas déclaré comme client du serveur."
        )
        raise RadiusError(Reason.TIMEOUT, detail)

    def _send(self, request: bytes) -> None:
        if self._socket is None:
            raise RuntimeError("the client is not open")
        if self.packets >= self._limits.packets or self.left() <= 0:
            raise BudgetError(Reason.TIMEOUT, "Le budget de paquets ou de temps de l'essai RADIUS est dépensé.")
        self.packets += 1
        try:
            try:
                # With its target, so that the journal counts each datagram and not only the first.
                self._socket.sendto(request, self._place)
            except OSError as error:
                if error.errno != errno.EISCONN:  # macOS wants none on a connected socket
                    raise
                self._socket.send(request)
        except OSError as error:
            raise _unreachable(error) from error

    def _wait(self, request: bytes) -> Answer | None:
        if self._socket is None:
            raise RuntimeError("the client is not open")
        until = min(self._clock() + self._limits.timeout, self._deadline)
        for _ in range(MAX_STRAY):
            remaining = until - self._clock()
            if remaining <= 0:
                return None
            self._socket.settimeout(remaining)
            try:
                data = self._socket.recv(codec.MAX_PACKET + 1)
            except TimeoutError:
                return None
            except OSError as error:
                raise _unreachable(error) from error
            found = read_answer(data, request, self._secret)
            if found is not None:
                return found
            self.false_answers += not _late(data, request)
        return None


def read_answer(data: bytes, request: bytes, secret: bytes) -> Answer | None:
    """The answer to `request`, if these bytes are one and were made with `secret`."""
    try:
        packet = codec.parse(data)
    except CodecError:
        return None
    if packet.identifier != request[1]:
        return None
    proof = codec.check_response(packet, request[4 : codec.HEADER], secret)
    return Answer(packet, proof) if proof.genuine else None


def _late(data: bytes, request: bytes) -> bool:
    """An answer to an earlier question that was sent twice: neither ours nor false."""
    return len(data) >= codec.HEADER and data[1] != request[1]


def _unreachable(error: OSError) -> RadiusError:
    if isinstance(error, ConnectionRefusedError):
        return RadiusError(Reason.UNREACHABLE, "Rien n'écoute sur ce port du serveur RADIUS.")
    return RadiusError(Reason.UNREACHABLE, f"Le serveur RADIUS ne peut pas être joint ({type(error).__name__}).")
