"""Facts about one authentication server. No opinion here, no identity, no secret."""

from __future__ import annotations

from typing import Final, Literal

from checks.model import Gap, Record
from checks.wifi.certificate import EapCertificate

OFFERED: Final = "offered"
REFUSED: Final = "refused"
OTHER: Final = "other"
ACCEPTED: Final = "accepted"
UNKNOWN: Final = "unknown"
Answer = Literal["offered", "refused", "other", "accepted", "unknown"]


class Offer(Record, frozen=True, kw_only=True):
    """What the server did when one EAP method was asked for."""

    method: str
    """`PEAP`, `TTLS`…, or a number that has no name here."""
    answer: Answer
    """`offered`: it began that method. `refused`: Access-Reject. `other`: it insisted on another method.
    `accepted`: it let an unknown identity in, with no proof at all. `unknown`: no answer, or the budget was spent."""
    first: bool = False
    """What it proposes before being asked."""
    detail: str = ""
    """French, for `other` and `unknown`."""


class Signatures(Record, frozen=True, kw_only=True):
    """Message-Authenticator of the answers (CVE-2024-3596)."""

    answers: int = 0
    """Genuine answers to requests with EAP, where RFC 3579 imposes it."""
    signed: int = 0
    signed_first: int = 0
    """Message-Authenticator before any other attribute."""


class PlainAnswer(Record, frozen=True, kw_only=True, tag="plain", tag_field="kind"):
    """What came back for one request without EAP, without password and without Message-Authenticator."""

    code: str
    """`Access-Reject`, `Access-Accept`, `Access-Challenge`, another number, or empty when it was ignored."""
    signed: bool = False
    signed_first: bool = False
    answered_signed: bool | None = None
    """Whether the same request, signed, was answered; asked only when it was ignored without a signature."""


class ServerCertificate(Record, frozen=True, kw_only=True, tag="server_certificate", tag_field="kind"):
    """What the server presents, and what checking it gave."""

    method: str
    tls: str
    """Version of the conversation in which it was read."""
    certificate: EapCertificate
    chain_not_after: str = ""
    """First end of validity among the certificates sent, UTC, ISO 8601."""
    expected_name: str = ""
    name_matches: bool | None = None
    """None when no name is expected."""
    trusted: bool | Gap | None = None
    """It leads to the declared authority, dates aside; None when no authority is declared."""
    trust_error: str = ""
    """OpenSSL's words when it does not."""
    authority: str = ""
    """Subject of the declared authority."""
    public: bool | Gap | None = None
    """It has a policy of public authorities and leads to one of this machine's system store: anybody can buy one there.
    None when it is signed by itself."""


class LoginResult(Record, frozen=True, kw_only=True, tag="login", tag_field="kind"):
    """The one login that was tried."""

    success: bool
    method: str
    """Method asked for."""
    inner: str = ""
    program: str = "eapol_test"
    """What tried: `eapol_test`, or `ausculte` for our own peer."""
    tls: str = ""
    """Version of the tunnel; empty when none was made."""
    server_checked: bool = False
    """The tunnel was made: the certificate satisfied the authority and the name."""
    certificate_error: str = ""
    """Why our side refused the server; the password was then not sent."""
    server_knew_password: bool | None = None
    """The server proved that it knows the password (MSCHAPv2); None when the method proves nothing of the kind."""
    requests: int = 0
    """Access-Requests sent for it."""
    retransmissions: int = 0
    """Of them, sent again for want of an answer."""


class SharedSecret(Record, frozen=True, kw_only=True):
    """Measure of the shared secret, never the secret."""

    length: int
    bits: float


class RadiusFacts(Record, frozen=True, kw_only=True):
    """One authentication server, asked from one declared client."""

    server: str
    port: int
    ssid: str = ""
    server_name: str = ""
    """Expected in the certificate; empty when none is declared."""
    proposed: str = ""
    """Method the server proposes first."""
    offers: tuple[Offer, ...] | Gap
    tls_method: str = ""
    """Method whose tunnel was looked at."""
    versions: tuple[str, ...] | Gap | None = None
    """TLS versions accepted, newest first; None when no method with a tunnel is offered."""
    certificate: ServerCertificate | Gap | None = None
    """None when no method with a tunnel is offered."""
    signatures: Signatures = Signatures()
    plain: PlainAnswer | Gap | None = None
    """None when it was not asked."""
    login: LoginResult | Gap | None = None
    """None when no login is declared."""
    secret: SharedSecret | None = None
    conversations: int = 0
    packets: int = 0
    """Datagrams sent, retransmissions included, the login aside."""
    false_answers: int = 0
    """Datagrams from the server's address that were not made with our secret for our request."""
    seconds: float = 0.0
