from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from checks.ad.parsers.certificates import read_certificate
from checks.common.certificates import load_certificate
from checks.common.tls import read_certificate as read_server_certificate

VERSION_3 = bytes.fromhex("a003020102")


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.tilleuls.test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(start).not_valid_after(start + dt.timedelta(days=90))
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


VALID = certificate()
IMPOSSIBLE = VALID.replace(VERSION_3, VERSION_3[:-1] + b"\x09", 1)


def test_valid_certificate_is_read():
    assert VERSION_3 in VALID
    assert load_certificate(VALID).serial_number == 7


def test_version_that_does_not_exist_is_a_value_error_for_every_reader():
    with pytest.raises(ValueError, match="version"):
        load_certificate(IMPOSSIBLE)
    with pytest.raises(ValueError, match="version"):
        read_server_certificate(IMPOSSIBLE, trusted=False)
    assert read_certificate(IMPOSSIBLE, "CN=x", "userCertificate").key == "undecodable"


def test_serial_number_of_zero_is_read_without_a_warning():
    zero = VALID.replace(b"\x02\x01\x07", b"\x02\x01\x00", 1)
    assert zero != VALID
    assert load_certificate(zero).subject == load_certificate(VALID).subject


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_certificate_is_read_or_a_value_error(changes):
    raw = bytearray(VALID)
    for position, value in changes:
        raw[position] = value
    try:
        assert isinstance(load_certificate(bytes(raw)), x509.Certificate)
    except ValueError:
        assert bytes(raw) != VALID
