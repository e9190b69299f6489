"""A loopback relay between `eapol_test`, which takes its secret on the command line, and the real server.

`eapol_test` gets a secret drawn for this one run. What it sends is verified with that one, signed again with the real
one, sent to the permitted server, and the answers come back the other way, without the session keys. The relay lets one
authentication through: a second one, a packet after the end, or a packet from elsewhere is dropped and counted.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from checks.wifi.radius import codec
from checks.wifi.radius.client import read_answer
from checks.wifi.radius.codec import Attribute, CodecError, RadiusPacket

MAX_REQUESTS = 120
"""Of one authentication: a dozen, three times as many with long chains of certificates."""
_TICK = 0.1
"""Seconds between two looks at whether to stop."""
_OURS = frozenset(
    {
        codec.NAS_IP_ADDRESS,
        codec.SERVICE_TYPE,
        codec.FRAMED_MTU,
        codec.CALLED_STATION,
        codec.CALLING_STATION,
        codec.NAS_IDENTIFIER,
        codec.NAS_PORT_TYPE,
        codec.CONNECT_INFO,
    }
)
"""Attributes that we say ourselves, in place of those of `eapol_test`."""


class Pending(NamedTuple):
    """The request that is being answered."""

    asked: bytes
    """As it came."""
    sent: bytes
    """As it went to the server."""


class Relay:
    """One authentication. `server` is a connected UDP socket; the relay closes both sockets in the end."""

    def __init__(self, server: socket.socket, secret: bytes, own: bytes, attributes: Sequence[Attribute]) -> None:
        self._server = server
        self._secret = secret
        self._own = own
        self._attributes = tuple(attributes)
        self._local = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._local.bind(("127.0.0.1", 0))
        self._peer: tuple[str, int] | None = None
        self._pending: Pending | None = None
        self._answer = b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="radius-relay", daemon=True)
        self.port: int = self._local.getsockname()[1]
        self.requests = 0
        self.retransmissions = 0
        self.answers = 0
        self.dropped = 0
        self.final = 0
        """RADIUS code of the end: Accept or Reject; 0 before."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._local.close()
        self._server.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._local, selectors.EVENT_READ)
            selector.register(self._server, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(_TICK):
                    self._turn(from_server=key.fileobj is self._server)

    def _turn(self, *, from_server: bool) -> None:
        try:
            if from_server:
                self._from_server(self._server.recv(codec.MAX_PACKET + 1))
            else:
                data, place = self._local.recvfrom(codec.MAX_PACKET + 1)
                self._from_client(data, place)
        except (OSError, CodecError):  # a closed port is reported here; eapol_test gives up by itself
            self.dropped += 1
            time.sleep(_TICK / 10)

    def _from_client(self, data: bytes, place: tuple[str, int]) -> None:
        packet = codec.parse(data)
        if packet.code != codec.REQUEST or not codec.genuine_request(packet, self._own):
            raise CodecError("not of eapol_test")
        if self._peer not in {None, place}:
            raise CodecError("another sender")
        self._peer = place
        if self._pending is not None and packet.raw == self._pending.asked:
            self._again()
        elif self.final or self.requests >= MAX_REQUESTS or (self.requests and packet.first(codec.STATE) is None):
            raise CodecError("a second authentication")
        else:
            self._forward(packet)

    def _again(self) -> None:
        """The same request once more: its answer if there is one, else the same packet to the server."""
        if self._answer and self._peer:
            self._local.sendto(self._answer, self._peer)
        elif self._pending and self.requests < MAX_REQUESTS:
            self.requests += 1
            self.retransmissions += 1
            self._server.send(self._pending.sent)

    def _forward(self, packet: RadiusPacket) -> None:
        kept = [found for found in packet.attributes if found.kind not in _OURS]
        sent = codec.build_request(
            packet.identifier, (*kept, *self._attributes), self._secret, authenticator=packet.authenticator
        )
        self._pending, self._answer = Pending(packet.raw, sent), b""
        self.requests += 1
        self._server.send(sent)

    def _from_server(self, data: bytes) -> None:
        pending = self._pending
        found = read_answer(data, pending.sent, self._secret) if pending else None
        if pending is None or found is None or self._answer or self._peer is None:
            self.dropped += 1
            return
        self.answers += 1
        if found.packet.code in {codec.ACCEPT, codec.REJECT}:
            self.final = found.packet.code
        kept = [one for one in found.packet.attributes if not codec.is_session_key(one)]
        asked = pending.asked[4 : codec.HEADER]
        self._answer = codec.build_response(found.packet.code, found.packet.identifier, asked, kept, self._own)
        with contextlib.suppress(OSError):
            self._local.sendto(self._answer, self._peer)
