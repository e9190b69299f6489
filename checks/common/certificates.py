"""X.509 certificates from strangers."""

from __future__ import annotations

from cryptography import x509


def load_certificate(der: bytes) -> x509.Certificate:
    """Decode a DER certificate. Raises `ValueError` only, whatever the bytes, an impossible version included."""
    try:
        return x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError("unknown certificate version") from error
