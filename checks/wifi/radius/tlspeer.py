"""The beginning of a TLS handshake inside EAP: versions accepted, certificates, and whether they lead to an authority.

Up to TLS 1.2 the certificates travel in clear and a hello written by hand is enough. With TLS 1.3, and to check a chain
as a station would, OpenSSL drives the handshake from memory: what it would send after the server's flight is dropped.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from checks.common.tls import TlsVersion, client_hello
from checks.model import Gap, Reason
from checks.wifi.capture.eap import Flight
from checks.wifi.radius.client import RadiusError
from checks.wifi.radius.conversation import Conversation, Step

Start = Callable[[], tuple[Conversation, Step]]
"""Opens a conversation that stands at the start of the wanted TLS method."""
OLDEST = TlsVersion.TLS1_0
"""EAP-TLS was never defined over SSL 3.0 (RFC 5216)."""
ROUNDS = 3
"""Flights of the server that are read: one, or two after a HelloRetryRequest."""
_BY_WIRE = {version.wire: version for version in TlsVersion}
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: dates are judged apart, at the time of the collection."""


class Seen(NamedTuple):
    """What one handshake showed."""

    version: TlsVersion | None
    """None: the server refused."""
    chain: tuple[bytes, ...] = ()
    """DER, the server's first."""


class Versions(NamedTuple):
    """What the walk down the versions found."""

    accepted: tuple[str, ...] | Gap
    seen: Seen
    """The newest handshake that showed certificates."""


def hello(start: Start, ceiling: TlsVersion) -> Seen:
    """One conversation that accepts everything up to `ceiling`. Raises `RadiusError`."""
    conversation, step = start()
    # The record is ours to write: EAP carries it as it is, without a server name (RFC 5216 knows none).
    _, data = conversation.send_tls(step, client_hello("", ceiling))
    flight = read_flight(data)
    return Seen(flight.version, flight.chain)


def read_flight(data: bytes) -> Flight:
    """TLS records of the server, as far as they are in clear."""
    flight = Flight()
    flight.add(b"\0" + data)
    return flight


def accepted_versions(start: Start) -> Versions:
    """Every version accepted, newest first: a ceiling that comes down, as `checks.common.tls` does over TCP."""
    accepted: list[str] = []
    best = Seen(None)
    below = TlsVersion.TLS1_3.wire + 1
    while below > OLDEST.wire:
        ceiling = _BY_WIRE[below - 1]
        try:
            seen = hello(start, ceiling)
        except RadiusError as error:
            return Versions(_told(ceiling, error.gap), best)
        if seen.version is None and accepted:
            break  # a hello offers everything up to its ceiling: nothing lower can be accepted either
        if seen.version is None:
            below = ceiling.wire
            continue
        if seen.version.wire >= below:
            detail = f"Le serveur a choisi {seen.version}, qui n'était pas proposé."
            return Versions(Gap(reason=Reason.MALFORMED, detail=detail), best)
        accepted.append(str(seen.version))
        best = seen if seen.chain and not best.chain else best
        below = seen.version.wire
    return Versions(tuple(accepted), best)


def _told(ceiling: TlsVersion, gap: Gap) -> Gap:
    return Gap(reason=gap.reason, detail=f"Versions de TLS non établies, à la proposition {ceiling} : {gap.detail}")


class Checked(NamedTuple):
    """What OpenSSL thought of the server."""

    trusted: bool
    error: str = ""
    chain: tuple[bytes, ...] = ()
    """Known with TLS 1.3 only."""
    version: TlsVersion | None = None


def context(authorities: str | None, *, system: bool = False) -> ssl.SSLContext:
    """A context that checks a chain against PEM authorities, or the system store, or nothing. Dates are left aside.

    Everything old is allowed: what is judged here is the chain, and weak keys are judged on their own.
    Raises `ssl.SSLError` when there is no certificate in the text.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    made.set_ciphers("ALL:@SECLEVEL=0")
    if authorities is None and not system:
        made.verify_mode = ssl.CERT_NONE
        return made
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_TRUSTED_FIRST | _NO_CHECK_TIME)
    if authorities is not None:
        made.load_verify_locations(cadata=authorities)
    if system:
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return made


def check(start: Start, using: ssl.SSLContext) -> Checked:
    """One conversation driven by OpenSSL, dropped before anything answers the server's flight. Raises `RadiusError`."""
    conversation, step = start()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = using.wrap_bio(incoming, outgoing)
    for _ in range(ROUNDS):
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return Checked(False, error.verify_message)
        except ssl.SSLError as error:
            raise _failed(error.reason or type(error).__name__) from error
        else:
            return Checked(True, chain=_chain(tls), version=_version(tls))
        step, data = conversation.send_tls(step, outgoing.read())
        if not data:
            raise _failed("refus du serveur")
        incoming.write(data)
        version = read_flight(data).version
        if version is not None and version is not TlsVersion.TLS1_3:
            return _older(tls, version)
    raise _failed("échange trop long")


def _older(tls: ssl.SSLObject, version: TlsVersion) -> Checked:
    """Up to TLS 1.2 the client would now answer with its key: reaching that point means the chain was accepted."""
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return Checked(True, version=version)
    except ssl.SSLCertVerificationError as error:
        return Checked(False, error.verify_message, version=version)
    except ssl.SSLError as error:
        raise _failed(error.reason or type(error).__name__) from error
    raise _failed("échange inattendu")


def _failed(why: str) -> RadiusError:
    detail = f"L'échange TLS avec le serveur d'authentification n'a pas abouti ({why})."
    return RadiusError(Reason.UNSUPPORTED, detail)


def _version(tls: ssl.SSLObject) -> TlsVersion | None:
    names = {"TLSv1.3": TlsVersion.TLS1_3, "TLSv1.2": TlsVersion.TLS1_2}
    return names.get(tls.version() or "")


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Certificates the server sent. Before Python 3.13 only a private object gives them all; else, its own alone."""
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        der = 2  # ENCODING_DER of the _ssl module
        found = [one.public_bytes(der) for one in inner.get_unverified_chain() or ()]
        if found and all(isinstance(one, bytes) for one in found):
            return tuple(found)
    own = tls.getpeercert(binary_form=True)
    return (own,) if own else ()
