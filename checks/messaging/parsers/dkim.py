"""DKIM key records (RFC 6376 section 3.6.1, RFC 8301, RFC 8463). Pure."""

# ruff: noqa: PLR2004 - the numbers are those of the wire format
from __future__ import annotations

import base64
import binascii
import enum

from checks.messaging.parsers.tags import TagError, parse_tags
from checks.model import Record

ED25519_BYTES = 32


class KeyState(enum.StrEnum):
    """What a key record amounts to."""

    USABLE = "usable"
    REVOKED = "revoked"
    """`p=` is empty: the key was withdrawn."""
    INVALID = "invalid"


class DkimKey(Record, frozen=True):
    """One key record as receivers read it."""

    state: KeyState
    algorithm: str = ""
    """`rsa` or `ed25519`."""
    bits: int = 0
    testing: bool = False
    """`t=y`: receivers treat signed mail as if it were not."""
    sha1_only: bool = False
    """`h=sha1`: forbidden since RFC 8301."""
    problem: str = ""
    """French clause, for an invalid record."""


def looks_like_key(text: str) -> bool:
    """True when a TXT record is meant as a DKIM key: it says so, or has a `p` tag."""
    try:
        tags = parse_tags(text)
    except TagError:
        return "v=dkim1" in text.lower().replace(" ", "")
    return "p" in tags or tags.get("v", "").upper() == "DKIM1"


def parse_key(text: str) -> DkimKey:
    """Read one key record. Never raises: what receivers would refuse is `KeyState.INVALID`."""
    try:
        tags = parse_tags(text)
    except TagError as error:
        return _invalid(f"étiquette illisible « {error} »")
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        return _invalid("la version n'est pas DKIM1 en première position")
    if "p" not in tags:
        return _invalid("la clé (p=) est absente")
    services = [service.strip() for service in tags.get("s", "*").split(":")]
    if "*" not in services and "email" not in services:
        return _invalid("la clé n'est pas destinée au courrier (s=)")
    flags = [flag.strip().lower() for flag in tags.get("t", "").split(":")]
    hashes = [name.strip().lower() for name in tags.get("h", "sha256").split(":")]
    algorithm = tags.get("k", "rsa").lower()
    packed = "".join(tags["p"].split())
    if not packed:
        return DkimKey(state=KeyState.REVOKED, algorithm=algorithm, testing="y" in flags)
    try:
        bits = _key_bits(algorithm, base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        return _invalid(f"la clé {algorithm} est illisible")
    return DkimKey(
        state=KeyState.USABLE,
        algorithm=algorithm,
        bits=bits,
        testing="y" in flags,
        sha1_only="sha256" not in hashes,
    )


def _invalid(problem: str) -> DkimKey:
    return DkimKey(state=KeyState.INVALID, problem=problem)


def _key_bits(algorithm: str, packed: bytes) -> int:
    """Size of a public key. Raises `ValueError` when it is not a key of that algorithm."""
    if algorithm == "ed25519":
        if len(packed) != ED25519_BYTES:
            raise ValueError("an Ed25519 key has 32 bytes")
        return 8 * ED25519_BYTES
    if algorithm != "rsa":
        raise ValueError("unknown key type")
    return _rsa_bits(packed)


def _rsa_bits(der: bytes) -> int:
    """Modulus size of an RSA key, in SubjectPublicKeyInfo or in bare PKCS #1 form (RFC 6376 allows both).

    Read by hand because cryptography 50 refuses RSA keys below 1024 bits, which are what we look for.
    """
    tag, body, _ = _der(der)
    if tag != 0x30:
        raise ValueError("not a sequence")
    tag, first, rest = _der(body)
    if tag == 0x30:  # AlgorithmIdentifier: the key is in the bit string that follows
        tag, bits, _ = _der(rest)
        if tag != 0x03 or bits[:1] != b"\0" or b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" not in first:
            raise ValueError("not an RSA key")
        tag, body, _ = _der(bits[1:])
        if tag != 0x30:
            raise ValueError("not a sequence")
        tag, first, rest = _der(body)
    if tag != 0x02 or not first or first[0] & 0x80:
        raise ValueError("no modulus")
    exponent_tag, exponent, _ = _der(rest)
    if exponent_tag != 0x02 or not int.from_bytes(exponent):
        raise ValueError("no exponent")
    size = int.from_bytes(first).bit_length()
    if not size:
        raise ValueError("empty modulus")
    return size


def _der(data: bytes) -> tuple[int, bytes, bytes]:
    """First DER element: tag, content, what follows. Raises `ValueError` when it is cut short."""
    if len(data) < 2:
        raise ValueError("cut short")
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        if not 1 <= size & 0x7F <= 4:
            raise ValueError("bad length")
        size = int.from_bytes(data[2:start])
    if len(data) < start + size:
        raise ValueError("cut short")
    return data[0], data[start : start + size], data[start + size :]
