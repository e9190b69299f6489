"""The certificate that an authentication server shows, seen in the air or asked from the server itself."""

from __future__ import annotations

from checks.model import Record


class EapCertificate(Record, frozen=True, kw_only=True, tag="certificate", tag_field="kind"):
    """Certificate shown by the authentication server."""

    names: tuple[str, ...] = ()
    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    signature: str
    sha256: str
    self_issued: bool = False
    """Subject and issuer are the same."""
    chain: int = 1
    """Certificates sent."""
