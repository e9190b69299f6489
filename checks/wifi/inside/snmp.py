"""Ask a machine whether it speaks SNMP, without any password: the discovery of SNMPv3 (RFC 3414, section 4).

The question names no user and no community. An agent answers with its identity; silence proves nothing, since an old
agent that only speaks versions 1 and 2c stays silent, and a datagram may be lost.
"""

from __future__ import annotations

import socket

PORT = 161
MAX_BYTES = 2048
_SEQUENCE, _INTEGER, _OCTETS, _GET = 0x30, 0x02, 0x04, 0xA0
_SHORT = 128
"""Lengths below it are one byte."""
_MAX_SIZE = b"\x00\xff\xe3"
"""65,507 bytes: the largest UDP payload."""
_REPORTABLE, _USM = b"\x04", b"\x03"
"""Flags (an answer is wanted, no authentication) and security model (RFC 3411: user-based)."""


def discovery(number: int) -> bytes:
    """The question; `number` (0 to 127) identifies it."""
    ident = bytes([number & 0x7F])
    header = _node(
        _SEQUENCE,
        _node(_INTEGER, ident) + _node(_INTEGER, _MAX_SIZE) + _node(_OCTETS, _REPORTABLE) + _node(_INTEGER, _USM),
    )
    nothing, zero = _node(_OCTETS, b""), _node(_INTEGER, b"\x00")
    user = _node(_OCTETS, _node(_SEQUENCE, nothing + zero + zero + nothing + nothing + nothing))
    get = _node(_GET, _node(_INTEGER, ident) + zero + zero + _node(_SEQUENCE, b""))
    scoped = _node(_SEQUENCE, nothing + nothing + get)
    return _node(_SEQUENCE, _node(_INTEGER, _USM) + header + user + scoped)


def is_answer(reply: bytes) -> bool:
    """The reply is an SNMPv3 message: a sequence that begins with version 3."""
    if len(reply) < 5 or reply[0] != _SEQUENCE:  # noqa: PLR2004 - tag, length and version of the smallest message
        return False
    skip = 2 if reply[1] < _SHORT else 2 + (reply[1] & 0x7F)
    return reply[skip : skip + 3] == b"\x02\x01\x03"


def ask(address: str, timeout: float) -> bytes:
    """Send the question to a permitted address and wait for one reply. Raises `OSError`, `TimeoutError` for silence."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((address, PORT))
        sock.send(discovery(1))
        return sock.recv(MAX_BYTES)


def _node(tag: int, content: bytes) -> bytes:
    if len(content) >= _SHORT:
        raise ValueError("a node of the discovery is short")
    return bytes([tag, len(content)]) + content
