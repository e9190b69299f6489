"""The authority that stations check the server against, as a file holds it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from checks.common.certificates import load_certificate
from checks.common.text import clean
from checks.model import Gap, Reason

MAX_FILE = 1 << 20
"""Bytes: a bundle of every public authority holds 220,000."""
MAX_TEXT = 256


class Authority(NamedTuple):
    """One authority, or several in a file."""

    pem: str
    subject: str
    """Of the first."""


def read_authority(path: str) -> Authority | Gap | None:
    """Read a PEM or DER file; None when no file is declared."""
    if not path:
        return None
    place = Path(path)
    try:
        if not place.is_file():
            return _gap(f"{place.name} : ce fichier d'autorité n'existe pas.")
        with place.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        return _gap(f"{place.name} : lecture impossible ({error.strerror or type(error).__name__}).")
    if len(raw) > MAX_FILE:
        return _gap(f"{place.name} : fichier d'autorité trop grand.")
    return parse_authority(raw) or _gap(f"{place.name} : aucun certificat d'autorité lisible dans ce fichier.")


def parse_authority(raw: bytes) -> Authority | None:
    """Certificates of a PEM or DER content; None when there is none that can be read."""
    import ssl

    blocks = _pem_blocks(raw)
    try:
        ders = [ssl.PEM_cert_to_DER_cert(block) for block in blocks] if blocks else [raw]
        read = [load_certificate(der) for der in ders]
    except ValueError:
        return None
    pem = "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)
    return Authority(pem, clean(read[0].subject.rfc4514_string(), MAX_TEXT))


def _pem_blocks(raw: bytes) -> list[str]:
    text = raw.decode("latin-1")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return [f"{begin}{part.split(end)[0]}{end}" for part in text.split(begin)[1:] if end in part]


def _gap(detail: str) -> Gap:
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
