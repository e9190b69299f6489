"""NTLM inside GSS-SPNEGO over LDAP, and the sealed channel that follows (MS-NLMP 3.4, MS-ADTS 5.1.1.1.2, RFC 4513).

For controllers without a TLS certificate, which are common: the password never travels, and everything read is
signed and encrypted. The messages are built by impacket; the channel is ours, because impacket's own reading of
paged results is slow and gets stuck on large pages.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import NamedTuple

from checks.ad.transport import ber
from checks.ad.transport.ber import MalformedMessage
from checks.ad.transport.directory import (
    SASL_BIND_IN_PROGRESS,
    SUCCESS,
    Channel,
    ConnectionLostError,
    Directory,
)

MAX_SEALED = 64 * 1024 * 1024
"""Bytes of one protected block."""

_SIGNATURE = 16


class NtlmAccount(NamedTuple):
    """Who binds."""

    user: str
    domain: str
    password: str


class NtlmResult(NamedTuple):
    """How the bind ended, and the keys of the session when it succeeded."""

    done: ber.Done
    flags: int = 0
    session_key: bytes = b""


def bind_ntlm(directory: Directory, account: NtlmAccount, *, protect: bool) -> NtlmResult:
    """Bind once. `protect`: negotiate signing and sealing; without it the session stays in clear.

    Raises `MalformedMessage` and `OSError`. A wrong password is in the result, not an exception.
    """
    from impacket import ntlm

    version = ntlm.VERSION()
    version["ProductMajorVersion"], version["ProductMinorVersion"], version["ProductBuild"] = 10, 0, 19041
    negotiate = ntlm.getNTLMSSPType1("", account.domain, signingRequired=protect, use_ntlmv2=True, version=version)
    done, credentials = directory.bind(_sasl(_first_token(negotiate.getData())))
    if done.code != SASL_BIND_IN_PROGRESS:
        return NtlmResult(done)
    challenge = _challenge(credentials)
    try:
        answer, key = ntlm.getNTLMSSPType3(
            negotiate,
            challenge,
            account.user,
            account.password,
            account.domain,
            use_ntlmv2=True,
            service="ldap",
            version=version,
        )
    except (LookupError, ValueError, TypeError, struct.error) as error:
        raise MalformedMessage("NTLM challenge that cannot be read") from error
    answer["MIC"] = b"\0" * 16
    answer["MIC"] = hmac.digest(key, negotiate.getData() + challenge + answer.getData(), "md5")
    done, _ = directory.bind(_sasl(_next_token(answer.getData())))
    if done.code != SUCCESS:
        return NtlmResult(done)
    offered = int.from_bytes(challenge[20:24], "little")
    return NtlmResult(done, int(answer["flags"]) & offered, key)


_SPNEGO_OID = bytes.fromhex("06062b0601050502")
_NTLM_OID = bytes.fromhex("060a2b06010401823702020a")
_CHALLENGE_HEAD = b"NTLMSSP\0\x02\0\0\0"
_CHALLENGE_SIZE = 48
"""Bytes of a challenge up to the end of its TargetInfo descriptor (MS-NLMP 2.2.1.2)."""


def _first_token(token: bytes) -> bytes:
    """NegTokenInit of SPNEGO (RFC 4178) that offers NTLM alone."""
    mechanisms = ber.tlv(0xA0, ber.tlv(0x30, _NTLM_OID))
    init = ber.tlv(0xA0, ber.tlv(0x30, mechanisms + ber.tlv(0xA2, ber.octets(token))))
    return ber.tlv(0x60, _SPNEGO_OID + init)


def _next_token(token: bytes) -> bytes:
    """NegTokenResp of SPNEGO that carries `token`."""
    return ber.tlv(0xA1, ber.tlv(0x30, ber.tlv(0xA2, ber.octets(token))))


def _response_token(credentials: bytes) -> bytes:
    """The responseToken of a NegTokenResp; empty when it has none."""
    position, end = 0, len(credentials)
    for wanted in (0xA1, 0x30):
        found = ber.header(credentials, position)
        if found is None or found[0] != wanted or found[2] > end:
            return b""
        _, position, end = found
    while position < end:
        found = ber.header(credentials, position)
        if found is None or found[2] > end:
            return b""
        if found[0] == 0xA2:  # noqa: PLR2004 - [2] responseToken
            inner = ber.header(credentials, found[1])
            return credentials[inner[1] : inner[2]] if inner and inner[2] <= found[2] else b""
        position = found[2]
    return b""


def _challenge(credentials: bytes) -> bytes:
    """The NTLM challenge inside a NegTokenResp, its inner offsets checked. Raises `MalformedMessage`."""
    challenge = _response_token(credentials)
    if not challenge.startswith(_CHALLENGE_HEAD):
        challenge = b""
    if len(challenge) < _CHALLENGE_SIZE:
        raise MalformedMessage("no NTLM challenge in the answer")
    length, _, offset = struct.unpack_from("<HHI", challenge, 40)
    name_length, _, name_offset = struct.unpack_from("<HHI", challenge, 12)
    if offset + length > len(challenge) or name_offset + name_length > len(challenge):
        raise MalformedMessage("NTLM challenge cut short")
    return challenge


def _sasl(credentials: bytes) -> bytes:
    """A bind request with the mechanism GSS-SPNEGO."""
    sasl = ber.octets("GSS-SPNEGO") + ber.octets(credentials)
    return ber.tlv(ber.BIND_REQUEST, ber.integer(3) + ber.octets("") + ber.tlv(0xA3, sasl))


class _Direction:
    """Keys of one direction of the session: seals or opens blocks in order (MS-NLMP 3.4.4.2)."""

    def __init__(self, flags: int, session_key: bytes, mode: str) -> None:
        from Cryptodome.Cipher import ARC4
        from impacket import ntlm

        self._signing: bytes = ntlm.SIGNKEY(flags, session_key, mode)
        self._rc4: Callable[[bytes], bytes] = ARC4.new(ntlm.SEALKEY(flags, session_key, mode)).encrypt
        self._exchanged = bool(flags & ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH)
        self._sequence = 0

    def seal(self, clear: bytes) -> bytes:
        """Signature and encrypted text of the next block."""
        hidden = self._rc4(clear)
        return self._signature(clear) + hidden

    def open(self, block: bytes) -> bytes:
        """Text of the next block received. Raises `MalformedMessage` when its signature is wrong."""
        clear = self._rc4(block[_SIGNATURE:])
        if not hmac.compare_digest(self._signature(clear), block[:_SIGNATURE]):
            raise MalformedMessage("block with a wrong signature")
        return clear

    def _signature(self, clear: bytes) -> bytes:
        number = struct.pack("<I", self._sequence)
        self._sequence = (self._sequence + 1) & 0xFFFF_FFFF
        checksum = hmac.digest(self._signing, number + clear, "md5")[:8]
        return b"\x01\0\0\0" + (self._rc4(checksum) if self._exchanged else checksum) + number


class SealedChannel:
    """A channel whose every block is signed and encrypted with the keys of an NTLM session."""

    def __init__(self, channel: Channel, result: NtlmResult) -> None:
        self._channel = channel
        self._out = _Direction(result.flags, result.session_key, "Client")
        self._in = _Direction(result.flags, result.session_key, "Server")
        self._buffer = bytearray()

    def sendall(self, data: bytes, /) -> None:
        """Seal and send one block."""
        sealed = self._out.seal(data)
        self._channel.sendall(struct.pack(">I", len(sealed)) + sealed)

    def recv(self, size: int, /) -> bytes:
        """The next whole block, in clear; nothing when the server closed between two blocks."""
        if not self._fill(4, size):
            return b""
        length = int.from_bytes(self._buffer[:4], "big")
        if not _SIGNATURE <= length <= MAX_SEALED:
            raise ConnectionLostError(f"protected block of {length} bytes")
        self._fill(4 + length, size)
        block = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return self._in.open(block)

    def _fill(self, wanted: int, size: int) -> bool:
        """Receive until `wanted` bytes are there; False when the server closed before the first one."""
        while len(self._buffer) < wanted:
            part = self._channel.recv(size)
            if part:
                self._buffer += part
            elif self._buffer:
                raise ConnectionLostError("connection closed inside a protected block")
            else:
                return False
        return True

    def close(self) -> None:
        """Close the connection below."""
        self._channel.close()


def signed_and_sealed(result: NtlmResult) -> bool:
    """Whether the server agreed to both; a session with less must not be used."""
    from impacket import ntlm

    needed = (
        ntlm.NTLMSSP_NEGOTIATE_SIGN
        | ntlm.NTLMSSP_NEGOTIATE_SEAL
        | ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY
        | ntlm.NTLMSSP_NEGOTIATE_128
    )
    return bool(result.flags & needed == needed)
