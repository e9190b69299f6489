"""EAP seen from outside: methods, identity, TLS version and server certificate.

RFC 3748 (EAP), RFC 5216 (fragments of EAP-TLS, shared by PEAP, TTLS, FAST and TEAP). The certificate of the server is
in clear up to TLS 1.2; TLS 1.3 encrypts it.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standards
from __future__ import annotations

from typing import TYPE_CHECKING

from checks.common.text import clean
from checks.model import Gap, Reason
from checks.wifi.certificate import EapCertificate
from checks.wifi.facts import Packet

if TYPE_CHECKING:
    from checks.common.tls import TlsVersion

_REQUEST, _RESPONSE, _SUCCESS, _FAILURE = 1, 2, 3, 4
_IDENTITY, _NOTIFICATION, _NAK, _EXPANDED = 1, 2, 3, 254
METHODS = {
    4: "MD5",
    5: "OTP",
    6: "GTC",
    13: "TLS",
    17: "LEAP",
    18: "SIM",
    21: "TTLS",
    23: "AKA",
    25: "PEAP",
    26: "MSCHAPv2",
    29: "MSCHAPv2",
    43: "FAST",
    47: "PSK",
    48: "SAKE",
    49: "IKEv2",
    50: "AKA'",
    52: "PWD",
    53: "EKE",
    55: "TEAP",
}
_TLS_METHODS = {13, 21, 25, 43, 55}
_LEAP = 17
_WSC = b"\x00\x37\x2a\x00\x00\x00\x01"
_LENGTH, _MORE, _START = 0x80, 0x40, 0x20
_HANDSHAKE, _CHANGE_CIPHER = 22, 20
_SERVER_HELLO, _CERTIFICATE = 2, 11
MAX_TLS = 1 << 17
"""Bytes of one reassembled flight."""
MAX_TEXT = 256
ANONYMOUS = frozenset({"", "anonymous", "anonyme", "anon"})
"""What stands before `@` in an identity that names nobody (RFC 7542, 2.4)."""


class Exchange:
    """Authentications of one station; packets are given in the order of the capture."""

    def __init__(self, packet: Packet) -> None:
        self.first = packet
        self.identity: bytes | None = None
        self.identity_packet: Packet | None = None
        self.started: dict[str, None] = {}
        self.offered: dict[str, None] = {}
        self.wanted: dict[str, None] = {}
        self.outcome = ""
        self.tls_used = False
        self.flight = Flight()
        self.answer = Flight()
        """What the station says in the same TLS conversation."""
        self.last_response: tuple[int, int] | None = None
        self.last_request: tuple[int, int] | None = None

    def add(self, body: bytes, packet: Packet) -> None:
        """Take one EAP packet (content of an EAPOL frame of type 0)."""
        if len(body) < 4:
            return
        code, identifier, size = body[0], body[1], int.from_bytes(body[2:4])
        if code == _SUCCESS:
            self.outcome = "success"
        elif code == _FAILURE:
            self.outcome = "failure"
        elif code in {_REQUEST, _RESPONSE} and size >= 5 and len(body) >= 5:
            kind, content = body[4], body[5:size]
            if code == _REQUEST:
                self._request(identifier, kind, content)
            else:
                self._response(identifier, kind, content, packet)

    def _request(self, identifier: int, kind: int, content: bytes) -> None:
        if kind in {_IDENTITY, _NOTIFICATION, _NAK}:
            return
        name = method_name(kind, content)
        self.offered.setdefault(name)
        if kind in _TLS_METHODS and content:
            if content[0] & _START:
                self.flight.reset()
                self.answer.reset()
            elif self.last_request != (identifier, kind):  # the same identifier again is a retransmission
                self.flight.add(content)
        self.last_request = (identifier, kind)

    def _response(self, identifier: int, kind: int, content: bytes, packet: Packet) -> None:
        if kind == _IDENTITY:
            if self.identity is None or is_anonymous(self.identity):
                self.identity, self.identity_packet = content.split(b"\0", 1)[0], packet
        elif kind == _NAK:
            self.wanted.update(dict.fromkeys(method_name(number, b"") for number in content if number))
        elif kind != _NOTIFICATION:
            self.started.setdefault(method_name(kind, content))
            if kind == _LEAP and len(content) > 3 and self.identity is None:
                self.identity, self.identity_packet = content[3 + content[2] :], packet  # after the answer
            if kind in _TLS_METHODS:
                self.tls_used = True
                if content and self.last_response != (identifier, kind):
                    self.answer.add(content)
                self.last_response = (identifier, kind)

    @property
    def told(self) -> bool:
        """Something was learnt: a packet without method, identity or end tells nothing."""
        return bool(self.started or self.offered or self.outcome or self.identity is not None)

    @property
    def refused(self) -> tuple[str, ...]:
        """Methods the server proposed and the station never started."""
        return tuple(name for name in self.offered if name not in self.started)

    def certificate(self) -> EapCertificate | Gap | None:
        """Certificate of the server, or why it is not known; None without a TLS method."""
        if not self.tls_used:
            return None
        if self.flight.chain:
            return describe_chain(self.flight.chain)
        if self.flight.version == "TLS 1.3":
            detail = "TLS 1.3 chiffre le certificat du serveur : une capture ne le montre pas."
        elif self.flight.version:
            detail = "Le serveur n'a pas montré son certificat (session reprise), ou la capture ne l'a pas entier."
        else:
            detail = "Le début de l'échange TLS n'est pas dans la capture : certificat du serveur non vu."
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)


class Flight:
    """Fragments of one side put end to end, and what its TLS handshake says in clear."""

    def __init__(self) -> None:
        self.version: TlsVersion | None = None
        self.chain: tuple[bytes, ...] = ()
        self._pending = bytearray()
        self._handshake = bytearray()
        self._over = False

    def reset(self) -> None:
        """A new TLS conversation starts."""
        self._pending.clear()
        self._handshake.clear()
        self._over = False

    def add(self, content: bytes) -> None:
        """Content of one request of a TLS method: flags, maybe a length, then data."""
        flags = content[0]
        if self._over or len(self._pending) > MAX_TLS:
            return
        self._pending += content[5 if flags & _LENGTH else 1 :]
        if not flags & _MORE:
            self._records(bytes(self._pending))
            self._pending.clear()

    def _records(self, data: bytes) -> None:
        position = 0
        while len(data) - position >= 5:
            kind, major = data[position], data[position + 1]
            size = int.from_bytes(data[position + 3 : position + 5])
            if major != 3:
                break
            if kind == _CHANGE_CIPHER:
                self._over = True  # what follows is encrypted
                break
            if kind == _HANDSHAKE and len(self._handshake) < MAX_TLS:
                self._handshake += data[position + 5 : position + 5 + size]
            position += 5 + size
        self._messages()

    def _messages(self) -> None:
        data = bytes(self._handshake)
        position = 0
        while len(data) - position >= 4:
            kind, size = data[position], int.from_bytes(data[position + 1 : position + 4])
            body = data[position + 4 : position + 4 + size]
            if len(body) < size:
                break
            if kind == _SERVER_HELLO:
                self._hello(body)
            elif kind == _CERTIFICATE and not self.chain:
                self.chain = _certificates(body)
            position += 4 + size
        del self._handshake[:position]

    def _hello(self, body: bytes) -> None:
        from checks.common.tls import HelloError, server_version

        try:
            self.version = server_version(body)
        except HelloError:
            self.version = None


def method_name(kind: int, content: bytes) -> str:
    """Name of a method, or its number."""
    if kind == _EXPANDED:
        return "WSC" if content.startswith(_WSC) else f"254:{content[:7].hex()}"
    return METHODS.get(kind, str(kind))


def is_anonymous(identity: bytes) -> bool:
    """The identity names nobody."""
    return identity.rpartition(b"@")[0 if b"@" in identity else 2].decode("utf-8", "replace").casefold() in ANONYMOUS


def realm_of(identity: bytes) -> str:
    """What follows `@`, which names the establishment and not the person."""
    return clean(identity.rpartition(b"@")[2].decode("utf-8", "replace"), MAX_TEXT) if b"@" in identity else ""


def _certificates(body: bytes) -> tuple[bytes, ...]:
    """Certificates of a TLS 1.2 Certificate message, the server's first."""
    found: list[bytes] = []
    position = 3
    while len(body) - position >= 3:
        size = int.from_bytes(body[position : position + 3])
        der = body[position + 3 : position + 3 + size]
        if len(der) < size:
            break
        found.append(der)
        position += 3 + size
    return tuple(found)


def describe_chain(chain: tuple[bytes, ...]) -> EapCertificate | Gap:
    """Facts of the certificate of the server; a gap when it is not readable."""
    from checks.common.tls import read_certificate

    try:
        found = read_certificate(chain[0], trusted=False)
    except ValueError:
        return Gap(reason=Reason.MALFORMED, detail="Le certificat du serveur d'authentification est illisible.")
    return EapCertificate(
        names=tuple(clean(name, MAX_TEXT) for name in found.names[:20]),
        subject=clean(found.subject, MAX_TEXT),
        issuer=clean(found.issuer, MAX_TEXT),
        not_before=found.not_before,
        not_after=found.not_after,
        key=found.key,
        signature=found.signature,
        sha256=found.sha256,
        self_issued=found.subject == found.issuer,
        chain=len(chain),
    )
