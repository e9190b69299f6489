"""Certificates kept in the directory: what makes a key or a signature weak.

The values come from attributes anybody with rights on an object may fill, so anything may be in them. A value
that cannot be read is a fact of its own (`key="undecodable"`), never an exception.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning

from checks.ad.facts import Certificate
from checks.common.certificates import load_certificate
from checks.common.text import clean

MAX_CERTIFICATE = 64 * 1024
"""Bytes of a value that is still read as a certificate."""

_EXPONENT_CAP = 2**31 - 1
_QUIET = threading.Lock()
"""Warning filters belong to the whole process: one thread changes them at a time."""

# Fingerprint of CVE-2017-15361 (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017): the affected
# library builds primes as k*M + (65537^a mod M), so modulo each small prime of M the modulus is a power of
# 65537.
_ROCA_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip


def _powers(generator: int, prime: int) -> frozenset[int]:
    seen: set[int] = set()
    value = 1
    while value not in seen:
        seen.add(value)
        value = value * generator % prime
    return frozenset(seen)


_ROCA_RESIDUES = tuple((prime, _powers(65537, prime)) for prime in _ROCA_PRIMES)


def has_roca_mark(modulus: int) -> bool:
    """Whether an RSA modulus carries the mark of CVE-2017-15361.

    A random modulus does so with a probability below 2**-27 with these 38 primes.
    """
    return all(modulus % prime in residues for prime, residues in _ROCA_RESIDUES)


def read_certificate(
    raw: bytes, holder: str, attribute: str, *, holder_sid: str = "", trust_container: bool = False
) -> Certificate:
    """Facts of one cACertificate or userCertificate value (DER)."""
    blank = Certificate(
        holder=holder,
        attribute=attribute,
        sha256=hashlib.sha256(raw).hexdigest(),
        holder_sid=holder_sid,
        trust_container=trust_container,
        key="undecodable",
    )
    if len(raw) > MAX_CERTIFICATE:
        return blank
    try:
        with _QUIET, warnings.catch_warnings():
            # cryptography warns of certificates that break RFC 5280 but still reads them: so do we.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _describe(load_certificate(raw), blank)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return blank


def _describe(certificate: x509.Certificate, blank: Certificate) -> Certificate:
    kind, bits, exponent, roca = describe_key(certificate)
    return msgspec.structs.replace(
        blank,
        subject=clean(certificate.subject.rfc4514_string(), 500),
        issuer=clean(certificate.issuer.rfc4514_string(), 500),
        key=kind,
        bits=bits,
        exponent=min(exponent, _EXPONENT_CAP),
        signature_hash=_signature_hash(certificate),
        roca=roca,
        not_before=_seconds(certificate.not_valid_before_utc),
        not_after=_seconds(certificate.not_valid_after_utc),
    )


def describe_key(certificate: x509.Certificate) -> tuple[str, int, int, bool]:
    """Kind, size in bits, RSA exponent and ROCA mark of the public key."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return "other", 0, 0, False
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return "rsa", key.key_size, numbers.e, has_roca_mark(numbers.n)
    for kind, of_type in _SIZED_KEYS.items():
        if isinstance(key, of_type):
            return kind, key.key_size, 0, False
    for kind, (fixed_type, bits) in _FIXED_KEYS.items():
        if isinstance(key, fixed_type):
            return kind, bits, 0, False
    return "other", 0, 0, False


_SIZED_KEYS: dict[str, type[dsa.DSAPublicKey | ec.EllipticCurvePublicKey]] = {
    "dsa": dsa.DSAPublicKey,
    "ec": ec.EllipticCurvePublicKey,
}
_FIXED_KEYS: dict[str, tuple[type, int]] = {
    "ed25519": (ed25519.Ed25519PublicKey, 256),
    "ed448": (ed448.Ed448PublicKey, 448),
}


def _signature_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return _OLD_SIGNATURES.get(certificate.signature_algorithm_oid.dotted_string, "")
    return "" if algorithm is None else algorithm.name


_OLD_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2",
    "1.2.840.113549.1.1.3": "md4",
    "1.3.14.3.2.29": "sha1",
    "1.3.14.3.2.15": "sha0",
}
"""Signature algorithms that cryptography does not name."""


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
