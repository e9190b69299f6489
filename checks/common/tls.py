"""Which versions of TLS a server accepts, from a hand-made ClientHello; and whether a certificate covers a name.

Python's `ssl` cannot offer SSL 3.0 and refuses TLS 1.0 and 1.1 by default, so the hello is written here. A server
chooses the highest version it shares with the client: asking with a ceiling that comes down one version at a time
finds every version in (number accepted + 1) connections. The handshake is never completed: no secret is involved.

References: RFC 8446 section 4.1 (hello, supported_versions), RFC 5246 appendix E (older versions), RFC 6101 (SSL 3.0).
"""

# ruff: noqa: PLR2004 - the numbers are those of the wire format
from __future__ import annotations

import asyncio
import enum
import ipaddress
import secrets
import struct
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from checks.model import Gap, Reason, Record

if TYPE_CHECKING:
    from cryptography import x509

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Opener = Callable[[], Awaitable[Streams]]
"""Gives a fresh connection on which the next bytes are TLS (after STARTTLS where there is one)."""


class TlsVersion(enum.StrEnum):
    """Versions, oldest first."""

    SSL3 = "SSL 3.0"
    TLS1_0 = "TLS 1.0"
    TLS1_1 = "TLS 1.1"
    TLS1_2 = "TLS 1.2"
    TLS1_3 = "TLS 1.3"

    @property
    def wire(self) -> int:
        """Version number on the wire."""
        return 0x0300 + list(TlsVersion).index(self)

    @property
    def obsolete(self) -> bool:
        """True below TLS 1.2: RFC 8996 (TLS 1.0, 1.1), RFC 7568 (SSL 3.0)."""
        return self.wire < TlsVersion.TLS1_2.wire


_BY_WIRE = {version.wire: version for version in TlsVersion}

# Wide on purpose, from TLS 1.3 down to RC4 and 3DES: a refusal must come from the version, not from the ciphers.
_CIPHERS = (
    *(0x1301, 0x1302, 0x1303),
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0xCCA9, 0xCCA8, 0xCCAA, 0x009F, 0x009E, 0x009D, 0x009C),
    *(0xC024, 0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013, 0x006B, 0x0067, 0x0039, 0x0033),
    *(0x003D, 0x003C, 0x0035, 0x002F, 0x0041, 0x0084, 0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004),
    0x00FF,  # empty renegotiation info: some servers refuse clients without it
)
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x0100)
_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202),
)
_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_SUPPORTED_VERSIONS = 43
_MAX_SERVER_HELLO = 1 << 14


def _vector(data: bytes, length_bytes: int) -> bytes:
    return len(data).to_bytes(length_bytes) + data


def _numbers(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(values)}H", *values)


def _extensions(server_name: str, ceiling: TlsVersion) -> bytes:
    found: list[tuple[int, bytes]] = []
    if server_name and not _is_address(server_name):
        found.append((0, _vector(b"\0" + _vector(server_name.encode("ascii", "ignore"), 2), 2)))
    found.append((10, _vector(_numbers(_GROUPS), 2)))
    found.append((11, _vector(b"\0", 1)))
    found.append((13, _vector(_numbers(_SIGNATURES), 2)))
    if ceiling is TlsVersion.TLS1_3:
        offered = (TlsVersion.TLS1_3, TlsVersion.TLS1_2, TlsVersion.TLS1_1, TlsVersion.TLS1_0)
        found.append((_SUPPORTED_VERSIONS, _vector(_numbers(tuple(v.wire for v in offered)), 1)))
        found.append((51, _vector(_numbers((0x001D,)) + _vector(secrets.token_bytes(32), 2), 2)))
    return b"".join(struct.pack("!H", kind) + _vector(body, 2) for kind, body in found)


def client_hello(server_name: str, ceiling: TlsVersion) -> bytes:
    """One TLS record holding a ClientHello that accepts everything up to `ceiling`."""
    legacy = min(ceiling.wire, TlsVersion.TLS1_2.wire)
    body = struct.pack("!H", legacy) + secrets.token_bytes(32) + _vector(secrets.token_bytes(32), 1)
    body += _vector(_numbers(_CIPHERS), 2) + _vector(b"\0", 1)
    if ceiling is not TlsVersion.SSL3:
        body += _vector(_extensions(server_name, ceiling), 2)
    record_version = min(ceiling.wire, TlsVersion.TLS1_0.wire)
    return struct.pack("!BH", _HANDSHAKE, record_version) + _vector(bytes([_CLIENT_HELLO]) + _vector(body, 3), 2)


class HelloError(ValueError):
    """The bytes received are neither a ServerHello nor an alert."""


def server_version(hello: bytes) -> TlsVersion:
    """Version chosen in the body of a ServerHello (after the 4 bytes of handshake header).

    Raises `HelloError` when it is cut short or names an unknown version.
    """
    try:
        chosen = int.from_bytes(hello[0:2])
        position = 34
        position += 1 + hello[position] + 3
        extensions = hello[position + 2 : position + 2 + int.from_bytes(hello[position : position + 2])]
        while len(extensions) >= 4:
            kind, size = struct.unpack_from("!HH", extensions)
            if kind == _SUPPORTED_VERSIONS and size == 2:
                chosen = int.from_bytes(extensions[4:6])
            extensions = extensions[4 + size :]
        return _BY_WIRE[chosen]
    except (IndexError, KeyError) as error:
        raise HelloError("unreadable ServerHello") from error


async def read_server_hello(reader: asyncio.StreamReader) -> TlsVersion | None:
    """Read until the server chooses a version, or refuses (alert or close: None). Raises `HelloError`."""
    handshake = b""
    while len(handshake) < _MAX_SERVER_HELLO:
        try:
            kind, version, size = struct.unpack("!BHH", await reader.readexactly(5))
            if kind not in (_HANDSHAKE, _ALERT) or version >> 8 != 3:
                raise HelloError("not a TLS record")
            fragment = await reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise HelloError("cut short") from error
            return None
        except ConnectionError:
            return None
        if kind == _ALERT:
            return None
        handshake += fragment
        if len(handshake) >= 4:
            if handshake[0] != _SERVER_HELLO:
                raise HelloError("not a ServerHello")
            needed = 4 + int.from_bytes(handshake[1:4])
            if len(handshake) >= needed:
                return server_version(handshake[4:needed])
    raise HelloError("ServerHello too long")


async def accepted_versions(open_streams: Opener, server_name: str, timeout: float) -> tuple[TlsVersion, ...] | Gap:
    """Every version the server accepts, newest first; empty when it refuses them all.

    `timeout` (seconds) bounds each connection. One unanswered connection makes the whole answer a gap: a list with
    a hole would read as « not accepted ».
    """
    accepted: list[TlsVersion] = []
    below = TlsVersion.TLS1_3.wire + 1
    while below > TlsVersion.SSL3.wire:
        ceiling = _BY_WIRE[below - 1]
        try:
            async with asyncio.timeout(timeout):
                chosen = await _hello(open_streams, server_name, ceiling)
        except TimeoutError:
            detail = f"Pas de réponse dans le délai à une proposition {ceiling}."
            return Gap(reason=Reason.TIMEOUT, detail=detail)
        except HelloError as error:
            return Gap(reason=Reason.MALFORMED, detail=f"Réponse TLS illisible à une proposition {ceiling} ({error}).")
        except OSError as error:
            detail = f"Connexion impossible pour une proposition {ceiling} ({type(error).__name__})."
            return Gap(reason=Reason.UNREACHABLE, detail=detail)
        if chosen is None and accepted:
            break  # a hello offers everything up to its ceiling: nothing lower can be accepted either
        if chosen is None:
            below = ceiling.wire  # some old servers are afraid of a newer hello: come down one version
            continue
        if chosen.wire >= below:
            return Gap(reason=Reason.MALFORMED, detail=f"Le serveur a choisi {chosen}, qui n'était pas proposé.")
        accepted.append(chosen)
        below = chosen.wire
    return tuple(accepted)


async def _hello(open_streams: Opener, server_name: str, ceiling: TlsVersion) -> TlsVersion | None:
    reader, writer = await open_streams()
    try:
        writer.write(client_hello(server_name, ceiling))
        return await read_server_hello(reader)
    finally:
        writer.close()


class Certificate(Record, frozen=True, tag="certificate", tag_field="kind"):
    """What a server certificate says, and whether it can be trusted."""

    names: tuple[str, ...]
    """DNS names and addresses of the subjectAltName; the common name alone no longer counts (RFC 9525)."""
    subject: str
    issuer: str
    not_before: str
    """UTC, ISO 8601."""
    not_after: str
    """UTC, ISO 8601."""
    key: str
    """`rsa 2048`, `ec secp256r1`, `ed25519`…"""
    signature: str
    sha256: str
    """Fingerprint of the DER form, hexadecimal."""
    trusted: bool
    """The chain leads to an authority of the trust store used, at the time of collection."""
    trust_error: str = ""
    """OpenSSL's words when it does not."""
    trust_store: str = ""


def read_certificate(der: bytes, *, trusted: bool, trust_error: str = "", trust_store: str = "") -> Certificate:
    """Read a DER certificate, whatever algorithm signed it. Raises `ValueError` when it is not one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    from checks.common.certificates import load_certificate

    found = load_certificate(der)
    try:
        san = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (
            *san.get_values_for_type(x509.DNSName),
            *(str(address) for address in san.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        names = ()
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("unreadable extensions") from error
    return Certificate(
        names=names,
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        not_before=_iso(found.not_valid_before_utc),
        not_after=_iso(found.not_valid_after_utc),
        key=_describe_key(found),
        signature=_describe_signature(found),
        sha256=found.fingerprint(hashes.SHA256()).hex(),
        trusted=trusted,
        trust_error=trust_error,
        trust_store=trust_store,
    )


def _iso(moment: datetime) -> str:
    """UTC, with a year of four digits even in the first centuries, which `strftime` does not promise."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _describe_signature(found: x509.Certificate) -> str:
    """Hash of the signature, or its identifier when it has none or is unknown."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = found.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    return algorithm.name if algorithm else found.signature_algorithm_oid.dotted_string


def _describe_key(found: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ec {key.curve.name}"
    return "ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "other"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def covers(names: tuple[str, ...], host: str) -> bool:
    """Tell whether a certificate with those names is valid for `host` (RFC 9525 section 6.3).

    A wildcard stands for exactly one whole left-most label; an address only matches itself.
    """
    wanted = host.rstrip(".").lower()
    for name in names:
        offered = name.rstrip(".").lower()
        if offered == wanted:
            return True
        if offered.startswith("*.") and "." in wanted and not _is_address(wanted):
            parent = wanted.partition(".")[2]
            if offered[2:] == parent and "." in parent:
                return True
    return False
