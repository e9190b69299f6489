"""MSCHAPv2 as the station (RFC 2759): the answer to a challenge, and the proof that the server knows the password.

MD4 and DES are what the protocol is made of; both come from pycryptodomex, which impacket brings.
"""

# ruff: noqa: S303, S304 - imposed by RFC 2759, inside a TLS tunnel
from __future__ import annotations

import hashlib

_SIGNING = b"Magic server to client signing constant"
_PADDING = b"Pad to make it do more than one iteration"
_KEY, _HASH = 7, 21


def user_of(identity: str) -> bytes:
    """The name that enters the computation: without the domain before it (RFC 2759, 4)."""
    return identity.rpartition("\\")[2].encode()


def nt_hash(password: str) -> bytes:
    """MD4 of the password."""
    from Cryptodome.Hash import MD4

    return MD4.new(password.encode("utf-16-le")).digest()


def nt_response(server: bytes, peer: bytes, user: bytes, password: str) -> bytes:
    """24 bytes: the challenge encrypted three times with pieces of the hash of the password (RFC 2759, 8.1)."""
    from Cryptodome.Cipher import DES

    challenge = _challenge(server, peer, user)
    key = nt_hash(password).ljust(_HASH, b"\0")
    pieces = (key[start : start + _KEY] for start in range(0, _HASH, _KEY))
    return b"".join(DES.new(_spread(piece), DES.MODE_ECB).encrypt(challenge) for piece in pieces)


def authenticator(server: bytes, peer: bytes, user: bytes, password: str, response: bytes) -> str:
    """What a server that knows the password answers: `S=` and 40 digits (RFC 2759, 8.7)."""
    from Cryptodome.Hash import MD4

    twice = MD4.new(nt_hash(password)).digest()
    first = hashlib.sha1(twice + response + _SIGNING, usedforsecurity=False).digest()
    challenge = _challenge(server, peer, user)
    return "S=" + hashlib.sha1(first + challenge + _PADDING, usedforsecurity=False).hexdigest().upper()


def _challenge(server: bytes, peer: bytes, user: bytes) -> bytes:
    return hashlib.sha1(peer + server + user, usedforsecurity=False).digest()[:8]


def _spread(piece: bytes) -> bytes:
    """56 bits as a DES key of 8 bytes; parity bits do not count."""
    bits = int.from_bytes(piece)
    return bytes(((bits >> (49 - 7 * index)) & 0x7F) << 1 for index in range(8))
