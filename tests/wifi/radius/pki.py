"""Certificates made for one test: an authority, a server, a station."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAME = "radius.tilleuls.test"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Pair(NamedTuple):
    key: object
    certificate: x509.Certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def builder(subject, issuer, key, days, since):
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=since))
        .not_valid_after(NOW + dt.timedelta(days=days))
    )


def authority(common="AC Les Tilleuls", days=3650):
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        builder(common, common, key, days, 400)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False),
            critical=True,
        )
    )
    return Pair(key, made.sign(key, hashes.SHA256()))


def leaf(
    issuer, common=SERVER_NAME, *, names=None, days=365, since=30, rsa_bits=2048, usage="server", digest=None, policy=""
):
    """A certificate signed by `issuer`; by itself when that is None."""
    key = rsa.generate_private_key(65537, rsa_bits)
    signer = issuer.key if issuer else key
    by = issuer.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value if issuer else common
    kind = ExtendedKeyUsageOID.SERVER_AUTH if usage == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    made = (
        builder(common, by, key, days, since)
        .add_extension(x509.ExtendedKeyUsage([kind]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if policy:
        told = x509.PolicyInformation(x509.ObjectIdentifier(policy), None)
        made = made.add_extension(x509.CertificatePolicies([told]), critical=False)
    san = (common,) if names is None else names
    if san:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in san]), critical=False)
    return Pair(key, made.sign(signer, digest or hashes.SHA256()))
