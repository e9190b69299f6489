"""The first message of SMB, and what the answer says: dialect and signing. No session is ever set up.

References: MS-CIFS 2.2.4.52 (SMB1 negotiate), MS-SMB2 2.2.3 and 2.2.4 (SMB2/3 negotiate).
"""

from __future__ import annotations

import secrets
import struct
from typing import NamedTuple

from checks.ad.transport.directory import Channel

MAX_ANSWER = 128 * 1024
"""Bytes."""

DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
"""SMB2 dialect revisions."""

_SMB1 = b"\xffSMB"
_SMB2 = b"\xfeSMB"
_SIGNING_ENABLED = 0x1
_SIGNING_REQUIRED = 0x2
_NO_DIALECT = 0xFFFF
_SMB1_HEADER = 32
_SMB2_HEADER = 64


class MalformedAnswer(ValueError):  # noqa: N818 - named after what it says of the answer
    """The bytes are not an answer to a negotiation."""


class Negotiated(NamedTuple):
    """What an SMB2/3 server chose."""

    dialect: str
    signing_required: bool


def smb1_request() -> bytes:
    """A negotiation that offers only the SMB1 dialect `NT LM 0.12`."""
    # command 0x72, status 0, flags 0x18, flags2 0xC843 (Unicode, NT status, extended security, long names)
    header = _SMB1 + struct.pack("<BIBH12xHHHH", 0x72, 0, 0x18, 0xC843, 0, 0xFEFF, 0, 0)
    dialect = b"\x02NT LM 0.12\x00"
    return _framed(header + struct.pack("<BH", 0, len(dialect)) + dialect)


def smb2_request() -> bytes:
    """A negotiation that offers every SMB2/3 dialect, with the contexts 3.1.1 requires."""
    header = _SMB2 + struct.pack("<HHIHHIIQIIQ16x", 64, 0, 0, 0, 1, 0, 0, 0, 0xFEFF, 0, 0)
    dialects = struct.pack(f"<{len(DIALECTS)}H", *DIALECTS)
    offset = _SMB2_HEADER + 36 + len(dialects)
    padding = -offset % 8
    contexts = (
        _context(1, struct.pack("<HHH", 1, 32, 1) + secrets.token_bytes(32)),  # SHA-512, salt
        _context(2, struct.pack("<HHH", 2, 2, 1)),  # AES-128-GCM, AES-128-CCM
    )
    body = struct.pack(
        "<HHHHI16sIHH",
        36,
        len(DIALECTS),
        _SIGNING_ENABLED,
        0,
        0x7F,
        secrets.token_bytes(16),
        offset + padding,
        len(contexts),
        0,
    )
    joined = b"".join(c + bytes(-len(c) % 8) for c in contexts[:-1]) + contexts[-1]
    return _framed(header + body + dialects + bytes(padding) + joined)


def _context(kind: int, data: bytes) -> bytes:
    return struct.pack("<HHI", kind, len(data), 0) + data


def _framed(packet: bytes) -> bytes:
    return struct.pack(">I", len(packet)) + packet


def read_answer(channel: Channel) -> bytes:
    """One framed answer; empty when the server closed the connection instead.

    Raises `OSError` and `MalformedAnswer`.
    """
    head = _exactly(channel, 4)
    if not head:
        return b""
    length = int.from_bytes(head[1:], "big")
    if head[0] != 0 or not 4 <= length <= MAX_ANSWER:  # noqa: PLR2004 - a protocol identifier at least
        raise MalformedAnswer(f"frame of type {head[0]} and {length} bytes")
    return _exactly(channel, length)


def _exactly(channel: Channel, size: int) -> bytes:
    """`size` bytes, or nothing when the peer closed or reset before the last one."""
    received = b""
    while len(received) < size:
        try:
            part = channel.recv(size - len(received))
        except ConnectionError:
            return b""
        if not part:
            return b""
        received += part
    return received


def smb1_accepted(answer: bytes) -> bool:
    """Whether the server took the SMB1 dialect. Closing the connection is a refusal.

    Raises `MalformedAnswer`.
    """
    if not answer:
        return False
    if answer.startswith(_SMB2):
        return False
    if not answer.startswith(_SMB1) or len(answer) < _SMB1_HEADER + 3:
        raise MalformedAnswer("not an SMB1 answer")
    status = int.from_bytes(answer[5:9], "little")
    words = answer[_SMB1_HEADER]
    chosen = int.from_bytes(answer[_SMB1_HEADER + 1 : _SMB1_HEADER + 3], "little")
    return status == 0 and words > 1 and chosen != _NO_DIALECT


def smb2_chosen(answer: bytes) -> Negotiated:
    """Dialect and signing of an SMB2/3 answer. Raises `MalformedAnswer`."""
    if not answer.startswith(_SMB2) or len(answer) < _SMB2_HEADER + 8:
        raise MalformedAnswer("not an SMB2 answer")
    status = int.from_bytes(answer[8:12], "little")
    mode, dialect = struct.unpack_from("<HH", answer, _SMB2_HEADER + 2)
    if status != 0 or dialect not in DIALECTS:
        raise MalformedAnswer(f"status {status:#x}, dialect {dialect:#x}")
    return Negotiated(DIALECTS[dialect], bool(mode & _SIGNING_REQUIRED))
