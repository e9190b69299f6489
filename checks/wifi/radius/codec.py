"""RADIUS packets: built, signed, read and verified. Pure: no socket here.

References: RFC 2865 (packets, Response Authenticator), RFC 3579 (EAP-Message, Message-Authenticator), RFC 5997
(Status-Server), CVE-2024-3596 "BlastRADIUS" (an answer without Message-Authenticator can be forged on the way).
"""

# ruff: noqa: PLR2004 - the numbers are those of the wire format
from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import NamedTuple

REQUEST, ACCEPT, REJECT, CHALLENGE = 1, 2, 3, 11
CODES = {REQUEST: "Access-Request", ACCEPT: "Access-Accept", REJECT: "Access-Reject", CHALLENGE: "Access-Challenge"}
USER_NAME, NAS_IP_ADDRESS, SERVICE_TYPE, FRAMED_MTU, REPLY_MESSAGE, STATE, VENDOR = 1, 4, 6, 12, 18, 24, 26
CALLED_STATION, CALLING_STATION, NAS_IDENTIFIER, PROXY_STATE, NAS_PORT_TYPE = 30, 31, 32, 33, 61
TUNNEL_PASSWORD, CONNECT_INFO, EAP_MESSAGE, MESSAGE_AUTHENTICATOR = 69, 77, 79, 80
MICROSOFT = 311
MPPE_KEYS = frozenset({16, 17})
"""MS-MPPE-Send-Key and MS-MPPE-Recv-Key (RFC 2548): session keys, encrypted with the shared secret."""

HEADER = 20
MAX_PACKET = 4096
"""RFC 2865 section 3."""
MAX_VALUE = 253
"""Bytes of one attribute."""
_MAC_SIZE = 16
_NO_MAC = bytes(_MAC_SIZE)


class CodecError(ValueError):
    """The bytes are not a RADIUS packet, or a packet that would be too long was asked for."""


class Attribute(NamedTuple):
    """One attribute, as on the wire."""

    kind: int
    value: bytes


class RadiusPacket(NamedTuple):
    """One packet; `raw` holds exactly the bytes that its length announces."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[Attribute, ...]
    raw: bytes

    def values(self, kind: int) -> tuple[bytes, ...]:
        """Values of every attribute of one kind, in order."""
        return tuple(found.value for found in self.attributes if found.kind == kind)

    def first(self, kind: int) -> bytes | None:
        """Value of the first attribute of one kind."""
        return next(iter(self.values(kind)), None)

    @property
    def eap(self) -> bytes:
        """The EAP packet, its pieces put end to end (RFC 3579, 3.1); empty without one."""
        return b"".join(self.values(EAP_MESSAGE))

    @property
    def signed(self) -> bool:
        """It carries exactly one Message-Authenticator of the right size; whether it is true needs the secret."""
        return [len(value) for value in self.values(MESSAGE_AUTHENTICATOR)] == [_MAC_SIZE]

    @property
    def signed_first(self) -> bool:
        """Its Message-Authenticator comes before all else, as servers do since CVE-2024-3596."""
        return self.signed and self.attributes[0].kind == MESSAGE_AUTHENTICATOR


def parse(data: bytes) -> RadiusPacket:
    """Read one datagram. Raises `CodecError`. Bytes after the announced length are padding (RFC 2865, 3)."""
    if len(data) < HEADER:
        raise CodecError("shorter than a header")
    size = int.from_bytes(data[2:4])
    if not HEADER <= size <= min(len(data), MAX_PACKET):
        raise CodecError("impossible length")
    attributes: list[Attribute] = []
    position = HEADER
    while position < size:
        if size - position < 2:
            raise CodecError("cut attribute")
        kind, length = data[position], data[position + 1]
        if length < 2 or position + length > size:
            raise CodecError("impossible attribute length")
        attributes.append(Attribute(kind, data[position + 2 : position + length]))
        position += length
    return RadiusPacket(data[0], data[1], data[4:HEADER], tuple(attributes), data[:size])


def eap_attributes(message: bytes) -> tuple[Attribute, ...]:
    """An EAP packet in pieces of 253 bytes."""
    return tuple(
        Attribute(EAP_MESSAGE, message[start : start + MAX_VALUE]) for start in range(0, len(message), MAX_VALUE)
    )


def build_request(
    identifier: int,
    attributes: Iterable[Attribute],
    secret: bytes,
    *,
    authenticator: bytes | None = None,
    sign: bool = True,
) -> bytes:
    """One Access-Request, with a new random authenticator unless one is given.

    The Message-Authenticator is put first: a forger who chooses a prefix cannot then compute around it. `sign` off
    leaves it out, to see whether a server minds. Raises `CodecError` when the packet would be too long.
    """
    kept = [found for found in attributes if found.kind != MESSAGE_AUTHENTICATOR]
    authenticator = secrets.token_bytes(16) if authenticator is None else authenticator
    if not sign:
        return _assemble(REQUEST, identifier, authenticator, kept)
    draft = _assemble(REQUEST, identifier, authenticator, [Attribute(MESSAGE_AUTHENTICATOR, _NO_MAC), *kept])
    return _sign(draft, secret)


def build_response(
    code: int, identifier: int, request_authenticator: bytes, attributes: Iterable[Attribute], secret: bytes
) -> bytes:
    """One answer to a request whose authenticator is given, signed both ways. Raises `CodecError` when too long."""
    kept = [found for found in attributes if found.kind != MESSAGE_AUTHENTICATOR]
    draft = _assemble(code, identifier, request_authenticator, [Attribute(MESSAGE_AUTHENTICATOR, _NO_MAC), *kept])
    signed = _sign(draft, secret)
    return signed[:4] + _response_authenticator(signed, request_authenticator, secret) + signed[HEADER:]


def genuine_request(packet: RadiusPacket, secret: bytes) -> bool:
    """The Message-Authenticator of a request is there and right."""
    return _right_mac(packet, packet.authenticator, secret)


class Proof(NamedTuple):
    """What an answer proves."""

    genuine: bool
    """Its Response Authenticator was made with our secret, for our request."""
    message_authenticator: bool | None
    """None when there is none; False when it is wrong."""
    first: bool
    """The Message-Authenticator comes before all other attributes."""


def check_response(packet: RadiusPacket, request_authenticator: bytes, secret: bytes) -> Proof:
    """Verify an answer. A wrong Message-Authenticator makes it worthless (RFC 3579, 3.2)."""
    expected = _response_authenticator(packet.raw, request_authenticator, secret)
    genuine = hmac.compare_digest(expected, packet.authenticator)
    present = bool(packet.values(MESSAGE_AUTHENTICATOR))
    right = _right_mac(packet, request_authenticator, secret) if present else None
    return Proof(genuine and right is not False, right, packet.signed_first)


def is_session_key(attribute: Attribute) -> bool:
    """MS-MPPE keys and tunnel passwords: secrets that an answer carries, encrypted with the shared secret."""
    if attribute.kind == TUNNEL_PASSWORD:
        return True
    value = attribute.value
    return (
        attribute.kind == VENDOR
        and int.from_bytes(value[:4]) == MICROSOFT
        and value[4:5] != b""
        and (value[4] in MPPE_KEYS)
    )


def _assemble(code: int, identifier: int, authenticator: bytes, attributes: Iterable[Attribute]) -> bytes:
    body = bytearray()
    for found in attributes:
        if len(found.value) > MAX_VALUE:
            raise CodecError("attribute too long")
        body += bytes((found.kind, len(found.value) + 2)) + found.value
    size = HEADER + len(body)
    if size > MAX_PACKET or len(authenticator) != 16:
        raise CodecError("packet too long")
    return bytes((code, identifier)) + size.to_bytes(2) + authenticator + bytes(body)


def _sign(draft: bytes, secret: bytes) -> bytes:
    """Fill the Message-Authenticator, which is the first attribute."""
    mac = _hmac(draft, secret)
    return draft[: HEADER + 2] + mac + draft[HEADER + 2 + _MAC_SIZE :]


def _right_mac(packet: RadiusPacket, request_authenticator: bytes, secret: bytes) -> bool:
    if not packet.signed:
        return False
    blank = bytearray(packet.raw)
    blank[4:HEADER] = request_authenticator
    position = HEADER
    for found in packet.attributes:
        if found.kind == MESSAGE_AUTHENTICATOR:
            blank[position + 2 : position + 2 + _MAC_SIZE] = _NO_MAC
            return hmac.compare_digest(_hmac(bytes(blank), secret), found.value)
        position += 2 + len(found.value)
    return False


def _hmac(data: bytes, secret: bytes) -> bytes:
    """HMAC-MD5, which the protocol imposes (RFC 3579, 3.2)."""
    return hmac.new(secret, data, hashlib.md5).digest()


def _response_authenticator(packet: bytes, request_authenticator: bytes, secret: bytes) -> bytes:
    """MD5 of the answer with the authenticator of the request in place of its own, then the secret (RFC 2865, 3)."""
    plain = packet[:4] + request_authenticator + packet[HEADER:] + secret
    return hashlib.md5(plain, usedforsecurity=False).digest()
