from __future__ import annotations

import contextlib
import datetime as dt
import math

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from checks.ad.parsers.certificates import MAX_CERTIFICATE, has_roca_mark, read_certificate
from checks.ad.parsers.gpp import MAX_DEPTH, MAX_FILE, MalformedPreference, parse_gpp

PATH = r"tilleuls.test\Policies\{X}\Machine\Preferences\Groups\Groups.xml"
SECRET = "j1Uyj3Vx8TY9LtLZil2uAuZkFQA/4latT76ZwgdHdhw"


def make_certificate(key, hash_algorithm=None, name: str = "CN test") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365))
        .sign(key, hash_algorithm)
    )
    return built.public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def read(raw: bytes):
    return read_certificate(raw, "CN=x", "userCertificate", holder_sid="S-1-5-21-1-2-3-1101")


def test_rsa_certificate(rsa_key) -> None:
    found = read(make_certificate(rsa_key, hashes.SHA256()))
    assert (found.key, found.bits, found.exponent, found.signature_hash) == ("rsa", 2048, 65537, "sha256")
    assert (found.subject, found.roca, found.holder_sid) == ("CN=CN test", False, "S-1-5-21-1-2-3-1101")
    assert (found.not_before, found.not_after) == (1767225600, 1798761600)


def test_small_exponent_is_kept() -> None:
    assert read(make_certificate(rsa.generate_private_key(3, 1024), hashes.SHA256())).exponent == 3


def test_dsa_and_sha1() -> None:
    found = read(make_certificate(dsa.generate_private_key(1024), hashes.SHA256()))
    assert (found.key, found.bits) == ("dsa", 1024)


def test_curves() -> None:
    assert read(make_certificate(ec.generate_private_key(ec.SECP256R1()), hashes.SHA384())).key == "ec"
    found = read(make_certificate(ed25519.Ed25519PrivateKey.generate()))
    assert (found.key, found.bits, found.signature_hash) == ("ed25519", 256, "")


@pytest.mark.parametrize("raw", [b"", b"\x30\x03\x02\x01\x01", b"-----BEGIN CERTIFICATE-----", b"\0" * 70_000])
def test_anything_else_is_undecodable(raw: bytes) -> None:
    found = read(raw)
    assert found.key == "undecodable"
    assert len(found.sha256) == 64
    assert len(raw) <= MAX_CERTIFICATE or found.subject == ""


VALID = make_certificate(rsa.generate_private_key(65537, 1024), hashes.SHA256())


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_certificate_never_raises(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(VALID)
    for position, value in changes:
        raw[position] = value
    assert len(read(bytes(raw)).sha256) == 64


def _roca_prime(bits: int, start: int) -> int:
    """A number of the vulnerable form k*M + 65537**a mod M (being prime does not matter to the mark)."""
    primorial = math.prod(p for p in range(2, 168) if all(p % d for d in range(2, p)))
    return ((1 << bits) // primorial + start) * primorial + pow(65537, start + 7, primorial)


def test_roca_form_is_recognised() -> None:
    assert has_roca_mark(_roca_prime(512, 1) * _roca_prime(512, 5))


@given(st.integers(1 << 1023, (1 << 1024) - 1))
def test_ordinary_moduli_have_no_roca_mark(number: int) -> None:
    assert not has_roca_mark(number | 1)


def gpp(inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{inner}'.encode()


@pytest.mark.parametrize(
    ("text", "element", "user"),
    [
        ((f'<Groups><User name="x" changed="2019-03-12 09:14:05"><Properties userName="Administrateur" '
         f'cpassword="{SECRET}"/></User></Groups>'), "Groups/User", "Administrateur"),
        ((f'<NTServices><NTService changed="2019-03-12 09:14:05"><Properties accountName="svc" '
         f'cpassword="{SECRET}"/></NTService></NTServices>'), "NTServices/NTService", "svc"),
        ((f'<ScheduledTasks><Task changed="2019-03-12 09:14:05"><Properties runAs="T\\svc" '
         f'cpassword="{SECRET}"/></Task></ScheduledTasks>'), "ScheduledTasks/Task", "T\\svc"),
        ((f'<DataSources><DataSource changed="2019-03-12 09:14:05"><Properties username="sa" '
         f'cpassword="{SECRET}"/></DataSource></DataSources>'), "DataSources/DataSource", "sa"),
        ((f'<Drives><Drive changed="2019-03-12 09:14:05"><Properties userName="nas" '
         f'cpassword="{SECRET}"/></Drive></Drives>'), "Drives/Drive", "nas"),
        ((f'<Printers><SharedPrinter changed="2019-03-12 09:14:05"><Properties username="imp" '
         f'cpassword="{SECRET}"/></SharedPrinter></Printers>'), "Printers/SharedPrinter", "imp"),
    ],
)  # fmt: skip
def test_passwords_are_found_and_never_kept(text: str, element: str, user: str) -> None:
    (found,) = parse_gpp(gpp(text), PATH)
    assert (found.path, found.element, found.user, found.changed) == (PATH, element, user, "2019-03-12 09:14:05")
    assert SECRET not in repr(found)


@pytest.mark.parametrize("name", ["DefaultPassword", "defaultpassword"])
def test_default_password_of_automatic_logon(name: str) -> None:
    text = f'<RegistrySettings><Registry><Properties name="{name}" value="Secret1"/></Registry></RegistrySettings>'
    (found,) = parse_gpp(gpp(text), PATH)
    assert found.element == "DefaultPassword"
    assert "Secret1" not in repr(found)


def test_empty_password_is_none() -> None:
    assert parse_gpp(gpp('<Groups><User><Properties userName="x" cpassword=""/></User></Groups>'), PATH) == ()


def test_utf16_with_bom() -> None:
    text = f'<?xml version="1.0" encoding="utf-16"?><Groups><User><Properties cpassword="{SECRET}"/></User></Groups>'
    assert len(parse_gpp(text.encode("utf-16"), PATH)) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not xml",
        b"<Groups>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<?xml version="1.0" encoding="unknown-9"?><a/>',
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * 100_001 + b"</a>",
        b" " * (MAX_FILE + 1),
    ],
)
def test_files_that_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedPreference):
        parse_gpp(raw, PATH)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="<>/aGroups=\"'!-[]& ;#x0", max_size=120).map(str.encode)))
def test_any_bytes_are_a_file_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(MalformedPreference):
        assert all(found.path == PATH for found in parse_gpp(raw, PATH))
