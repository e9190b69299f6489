"""Certificates and DKIM keys of the lab: made anew for each lab, never committed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lab.description import Site

_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité de certification Les Tilleuls (laboratoire)")])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _leaf(
    names: tuple[str, ...], ca_key: ec.EllipticCurvePrivateKey, start: datetime, days: int, *, trusted: bool
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = _builder(subject, _CA_NAME if trusted else subject, key.public_key(), start, days)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    signer = ca_key if trusted else key
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return key, builder.sign(signer, hashes.SHA256())


def make_certificates(site: Site, folder: Path, now: datetime | None = None) -> None:
    """Write `ca.pem` and, for each host that serves something, `HOST.pem` and `HOST.key`.

    A host whose certificate is `expired-other` gets a self-signed one for a stranger's name, expired for 90 days.
    """
    now = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = (
        _builder(_CA_NAME, _CA_NAME, ca_key.public_key(), now - timedelta(days=30), 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for name, host in site.hosts.items():
        if not host.role or not host.names or host.certificate == "none":
            continue
        names: tuple[str, ...]
        if host.certificate == "expired-other":
            start, names, trusted = now - timedelta(days=455), ("ancien-prestataire.test",), False
        else:
            start, names, trusted = now - timedelta(days=10), _served_names(site, name), True
        key, certificate = _leaf(names, ca_key, start, 365, trusted=trusted)
        _write_key(folder / f"{name}.key", key)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _served_names(site: Site, host: str) -> tuple[str, ...]:
    """Return the DNS names a host answers for: its own, and the MTA-STS names when it is the web server."""
    names = tuple(name for name in site.hosts[host].names if "." in name)
    if site.hosts[host].role == "web":
        names += tuple(f"mta-sts.{zone}" for zone, z in site.zones.items() if z.sts_mode)
    return names


def make_dkim_keys(site: Site, folder: Path) -> None:
    """Write the public half of each DKIM key as `ZONE.SELECTOR.txt` (base64 of the DER); nobody signs here."""
    folder.mkdir(parents=True, exist_ok=True)
    for zone, description in site.zones.items():
        for dkim in description.dkim:
            key = rsa.generate_private_key(public_exponent=65537, key_size=dkim.bits)
            der = key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            (folder / f"{zone}.{dkim.selector}.txt").write_bytes(base64.b64encode(der))
