"""What the certificates that a server presents say of themselves."""

from __future__ import annotations

from checks.common.certificates import load_certificate
from checks.common.tls import read_certificate
from checks.wifi.certificate import EapCertificate

_RESERVED_POLICIES = "2.23.140.1."


def named(found: EapCertificate, expected: str) -> bool:
    """The certificate names the server, as stations compare: no wildcard, and the common name only without other names.

    That is what wpa_supplicant 2.10 does for `domain_match`.
    """
    common = [part[3:] for part in found.subject.split(",") if part.startswith("CN=")]
    return _plain(expected) in map(_plain, found.names or common)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def says_public(der: bytes) -> bool:
    """The certificate carries a policy that the CA/Browser Forum reserves to public authorities.

    Baseline Requirements, 7.1.6.1: every certificate that browsers trust has one.
    """
    from cryptography import x509

    try:
        extensions = load_certificate(der).extensions
        policies = extensions.get_extension_for_class(x509.CertificatePolicies).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return any(policy.policy_identifier.dotted_string.startswith(_RESERVED_POLICIES) for policy in policies)


def chain_end(chain: tuple[bytes, ...]) -> str:
    """First end of validity of the certificates sent; unreadable ones do not count."""
    ends = []
    for der in chain:
        try:
            ends.append(read_certificate(der, trusted=False).not_after)
        except ValueError:
            continue
    return min(ends, default="")
