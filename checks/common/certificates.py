"""X.509 certificates from strangers."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning


def load_certificate(der: bytes) -> x509.Certificate:
    """Decode a DER certificate. Raises `ValueError` only, whatever the bytes, an impossible version included.

    What the library only warns of (a serial number of zero, RFC 5280 4.1.2.2) is read without a word on the terminal.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError("unknown certificate version") from error
