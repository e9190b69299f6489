"""EAP as the station, carried as the access point: identity, refusals of a method, TLS data in fragments.

References: RFC 3748 (EAP), RFC 3579 (EAP over RADIUS), RFC 5216 section 2.1.5 (fragments). A conversation is left in
the middle on purpose: it never authenticates anybody. The server logs a refusal of the outer identity, which is
nobody's, for each method it does not have.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standards
from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from checks.model import Reason
from checks.wifi.radius import codec
from checks.wifi.radius.client import Answer, RadiusClient, RadiusError
from checks.wifi.radius.codec import Attribute

_EAP_REQUEST, _EAP_RESPONSE = 1, 2
IDENTITY, NOTIFICATION, NAK = 1, 2, 3
_LENGTH, _MORE, _START = 0x80, 0x40, 0x20
_VERSIONED = {43: 0x07, 55: 0x07}
"""FAST and TEAP put a version in their flags, to be sent back. That of PEAP and TTLS may be lower: 0."""
MAX_FLIGHT = 1 << 16
"""Bytes of one reassembled TLS flight: a chain of certificates holds a few thousand."""
MAX_FRAGMENTS = 80
MAX_NOTICES = 3
"""Notifications, and identities asked again, that are answered in a row."""
FRAGMENT = 1000
"""Bytes of TLS data in one of our packets."""


class Step(NamedTuple):
    """Where the server stands."""

    code: int
    """RADIUS code of its last answer."""
    kind: int = 0
    """EAP type it asks; 0 when it asks nothing more."""
    content: bytes = b""
    """After the type."""
    identifier: int = 0

    @property
    def asks(self) -> bool:
        """The conversation goes on."""
        return self.kind != 0


class Conversation:
    """One EAP conversation. Nothing secret goes in: only identities that name nobody."""

    def __init__(self, client: RadiusClient, identity: str, attributes: Sequence[Attribute]) -> None:
        self._client = client
        self._identity = identity.encode()
        self._attributes = (Attribute(codec.USER_NAME, self._identity), *attributes)
        self._state: tuple[Attribute, ...] = ()
        self.answers: list[Answer] = []

    def begin(self) -> Step:
        """Say who we are, which is nobody; the server proposes a method, or refuses. Raises `RadiusError`."""
        return self._courtesies(self._exchange(secrets.randbelow(256), IDENTITY, self._identity))

    def refuse(self, step: Step, wanted: int) -> Step:
        """Refuse the method that is proposed, and ask for another one (Nak)."""
        return self._courtesies(self._exchange(step.identifier, NAK, bytes([wanted])))

    def send_tls(self, step: Step, data: bytes) -> tuple[Step, bytes]:
        """Send TLS data, receive what the server says back, whole. Raises `RadiusError`.

        The bytes are empty when the server ended the conversation without a word.
        """
        flags = step.content[0] & _VERSIONED.get(step.kind, 0) if step.content else 0
        kind = step.kind
        pieces = [data[start : start + FRAGMENT] for start in range(0, len(data), FRAGMENT)] or [b""]
        for number, piece in enumerate(pieces):
            more = _MORE if number < len(pieces) - 1 else 0
            length = len(data).to_bytes(4) if number == 0 and more else b""
            head = bytes([flags | more | (_LENGTH if length else 0)])
            step = self._exchange(step.identifier, kind, head + length + piece)
            if step.kind != kind:
                return step, b""
        return self._receive(step, flags)

    def _receive(self, step: Step, flags: int) -> tuple[Step, bytes]:
        kind, received = step.kind, bytearray()
        for _ in range(MAX_FRAGMENTS):
            if step.kind != kind or not step.content:
                return step, bytes(received)
            head = step.content[0]
            received += step.content[5 if head & _LENGTH else 1 :]
            if len(received) > MAX_FLIGHT:
                break
            if not head & _MORE:
                return step, bytes(received)
            step = self._exchange(step.identifier, kind, bytes([flags]))
        raise RadiusError(Reason.MALFORMED, "Le serveur RADIUS envoie un message TLS démesuré.")

    def _courtesies(self, step: Step) -> Step:
        for _ in range(MAX_NOTICES):
            if step.kind == NOTIFICATION:
                step = self._exchange(step.identifier, NOTIFICATION, b"")
            elif step.kind == IDENTITY:
                step = self._exchange(step.identifier, IDENTITY, self._identity)
            else:
                return step
        raise RadiusError(Reason.MALFORMED, "Le serveur RADIUS répète la même question sans avancer.")

    def _exchange(self, identifier: int, kind: int, content: bytes) -> Step:
        message = bytes([_EAP_RESPONSE, identifier]) + (5 + len(content)).to_bytes(2) + bytes([kind]) + content
        answer = self._client.ask((*self._attributes, *self._state, *codec.eap_attributes(message)))
        self.answers.append(answer)
        state = answer.packet.first(codec.STATE)
        self._state = (Attribute(codec.STATE, state),) if state is not None else ()
        return read_step(answer.packet.code, answer.packet.eap)


def read_step(code: int, message: bytes) -> Step:
    """What an answer asks. Raises `RadiusError` when a challenge holds no readable EAP request."""
    if code != codec.CHALLENGE:
        return Step(code)
    size = int.from_bytes(message[2:4])
    if len(message) < 5 or not 5 <= size <= len(message) or message[0] != _EAP_REQUEST or message[4] in {0, NAK}:
        raise RadiusError(Reason.MALFORMED, "Le serveur RADIUS a répondu par un message EAP illisible.")
    return Step(code, message[4], message[5:size], message[1])
