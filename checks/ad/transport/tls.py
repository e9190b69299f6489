"""TLS to a controller: validate the certificate, or compare it with a pin, before anything secret is sent."""

from __future__ import annotations

import hashlib
import ssl
from typing import NamedTuple

import msgspec

from checks.ad.facts import LdapsFacts
from checks.common.text import clean

_REASONS = {
    18: "le certificat est auto-signé",
    19: "la chaîne se termine par une autorité auto-signée inconnue",
    20: "l'autorité qui a signé le certificat est inconnue",
    21: "le certificat de l'autorité manque",
    9: "le certificat n'est pas encore valable",
    10: "le certificat a expiré",
    23: "le certificat a été révoqué",
    62: "le certificat n'est pas au nom de ce serveur",
    64: "le certificat n'est pas au nom de cette adresse",
    66: "la clé du certificat est trop faible",
    68: "la signature du certificat utilise un condensat trop faible",
}
"""French words for the verification codes of OpenSSL (x509_vfy.h)."""


class TlsPolicy(NamedTuple):
    """What makes a certificate acceptable."""

    ca_file: str = ""
    """PEM file of the authority; empty for the system store."""
    pins: frozenset[str] = frozenset()
    """SHA-256 of accepted certificates, lower-case hexadecimal."""


def validating_context(policy: TlsPolicy) -> ssl.SSLContext:
    """A context that completes no handshake unless chain and name are right.

    Raises `OSError` (with `ssl.SSLError`) when the authority file cannot be read.
    """
    return ssl.create_default_context(cafile=policy.ca_file or None)


def observing_context() -> ssl.SSLContext:
    """A context that accepts any certificate, to look at it. Nothing secret may follow unless it is pinned."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(wrapped: ssl.SSLSocket) -> str:
    """SHA-256 of the certificate the peer showed, lower-case hexadecimal; empty when it showed none."""
    der = wrapped.getpeercert(binary_form=True)
    return hashlib.sha256(der).hexdigest() if der else ""


def explain(error: Exception) -> str:
    """Why a handshake failed, as a French clause."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _REASONS.get(error.verify_code)
        return known or f"le certificat est refusé ({clean(error.verify_message, 200)})"
    if isinstance(error, TimeoutError):
        return "le serveur n'a pas répondu à temps"
    if isinstance(error, ssl.SSLError):
        if error.reason in {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_VERSION_NUMBER"}:
            return "le serveur ne parle pas TLS 1.2 ou plus récent"
        return f"la négociation TLS a échoué ({clean(error.reason or type(error).__name__, 80)})"
    return "la connexion a été coupée pendant la négociation TLS"


def describe(wrapped: ssl.SSLSocket, *, pins: frozenset[str], failure: str) -> LdapsFacts:
    """Facts of a finished handshake; `failure` is the French reason why validation failed, empty when it did not."""
    from checks.ad.parsers.certificates import describe_key
    from checks.common.certificates import load_certificate

    der = wrapped.getpeercert(binary_form=True) or b""
    digest = hashlib.sha256(der).hexdigest() if der else ""
    facts = LdapsFacts(
        offered=True,
        validated=not failure,
        pinned=digest in pins,
        fingerprint=digest,
        tls_version=(wrapped.version() or "").replace("TLSv", "TLS "),
        error=failure,
    )
    try:
        certificate = load_certificate(der)
        kind, bits, _, _ = describe_key(certificate)
    except ValueError:
        return facts
    return msgspec.structs.replace(
        facts,
        subject=clean(certificate.subject.rfc4514_string(), 500),
        issuer=clean(certificate.issuer.rfc4514_string(), 500),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        key=kind,
        bits=bits,
    )
