"""What is said inside the tunnel.

PEAP version 0: EAP without its header, then a result TLV ([MS-PEAP]). TTLS with PAP: attributes (RFC 5281).
"""

# ruff: noqa: PLR2004 - the numbers are those of the standards
from __future__ import annotations

import hmac
import secrets
from typing import NamedTuple

from checks.wifi.radius import mschap

IDENTITY, NAK, MD5, GTC, MSCHAPV2, TLV = 1, 3, 4, 6, 26, 33
_CHALLENGE, _RESPONSE, _SUCCESS, _FAILURE = 1, 2, 3, 4
_RESULT, _TYPE_MASK = 3, 0x3FFF
_USER_NAME, _USER_PASSWORD, _MANDATORY = 1, 2, 0x40
METHODS = {"MSCHAPV2": MSCHAPV2, "GTC": GTC}
"""What this module can answer inside PEAP."""


class Said(NamedTuple):
    """What to answer; empty when the conversation must stop here."""

    answer: bytes


class PeapInner:
    """One inner conversation of PEAP: the password is used for one answer, never for a second."""

    def __init__(self, identity: str, password: str, method: str) -> None:
        self._identity = identity
        self._password = password
        self._wanted = METHODS[method]
        self._expected = ""
        self._answered = False
        self.server_knew_password: bool | None = None

    def answer(self, data: bytes) -> Said:
        """Answer what the server says inside the tunnel. Whatever it says, nothing is answered twice."""
        if len(data) >= 5 and data[0] == 1 and data[4] == TLV and int.from_bytes(data[2:4]) == len(data):
            return self._result(data)
        kind, content = (data[0], data[1:]) if data else (0, b"")
        if kind == IDENTITY:
            return Said(bytes([IDENTITY]) + self._identity.encode())
        if kind == self._wanted == MSCHAPV2:
            return self._mschap(content)
        if kind == self._wanted == GTC:
            return self._once(bytes([GTC]) + self._password.encode())
        return Said(bytes([NAK, self._wanted])) if kind else Said(b"")

    def _once(self, answer: bytes) -> Said:
        if self._answered:
            return Said(b"")
        self._answered = True
        return Said(answer)

    def _mschap(self, content: bytes) -> Said:
        operation = content[0] if content else 0
        if operation == _CHALLENGE and len(content) >= 21 and content[4] == 16:
            return self._respond(content[1], content[5:21])
        if operation == _SUCCESS and self._expected:
            told = content[4:].split(b" ")[0].decode("latin-1")
            self.server_knew_password = hmac.compare_digest(told.encode(), self._expected.encode())
            return Said(bytes([MSCHAPV2, _SUCCESS]) if self.server_knew_password else b"")
        return Said(bytes([MSCHAPV2, _FAILURE]) if operation == _FAILURE else b"")

    def _respond(self, identifier: int, challenge: bytes) -> Said:
        own, user = secrets.token_bytes(16), mschap.user_of(self._identity)
        response = mschap.nt_response(challenge, own, user, self._password)
        self._expected = mschap.authenticator(challenge, own, user, self._password, response)
        name = self._identity.encode()
        value = bytes([49]) + own + bytes(8) + response + b"\0"
        head = bytes([MSCHAPV2, _RESPONSE, identifier]) + (4 + len(value) + len(name)).to_bytes(2)
        return self._once(head + value + name)

    def _result(self, data: bytes) -> Said:
        """Say the same result as the server, except a success that it did not earn."""
        status = _status(data[5:])
        earned = self._wanted == GTC or self.server_knew_password is True
        if status == 1 and not earned:
            return Said(b"")
        body = bytes([TLV]) + (0x8000 | _RESULT).to_bytes(2) + b"\0\2" + (1 if status == 1 else 2).to_bytes(2)
        return Said(bytes([2, data[1]]) + (4 + len(body)).to_bytes(2) + body)


def _status(tlvs: bytes) -> int:
    """Status of the result: 1 success, 2 failure, 0 without a result."""
    while len(tlvs) >= 4:
        kind, size = int.from_bytes(tlvs[:2]) & _TYPE_MASK, int.from_bytes(tlvs[2:4])
        if kind == _RESULT and size == 2:
            return int.from_bytes(tlvs[4:6])
        tlvs = tlvs[4 + size :]
    return 0


def ttls_pap(identity: str, password: str) -> bytes:
    """Name and password as Diameter attributes; the password is padded as in RADIUS (RFC 5281, 11.2.5)."""
    secret = password.encode()
    padded = secret.ljust(max(1, -(-len(secret) // 16)) * 16, b"\0")
    return _avp(_USER_NAME, identity.encode()) + _avp(_USER_PASSWORD, padded)


def _avp(kind: int, value: bytes) -> bytes:
    size = 8 + len(value)
    return kind.to_bytes(4) + bytes([_MANDATORY]) + size.to_bytes(3) + value + bytes(-size % 4)
