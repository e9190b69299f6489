"""Connections to backup products: permitted by the mandate, verified before anything is sent, bounded in time."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import time
from typing import Any, Literal, NamedTuple

from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason

_VERIFICATION = {
    9: "le certificat n'est pas encore valable",
    10: "le certificat a expiré",
    18: "le certificat est auto-signé",
    19: "la chaîne se termine par une autorité auto-signée inconnue",
    20: "l'autorité qui a signé le certificat est inconnue",
    21: "le certificat de l'autorité manque",
    62: "le certificat n'est pas au nom de ce serveur",
    64: "le certificat n'est pas au nom de cette adresse",
}
"""French words for the verification codes of OpenSSL (x509_vfy.h)."""


class ApiError(Exception):
    """A question got no usable answer. `detail` is one French sentence and holds nothing the server wrote."""

    def __init__(self, reason: Reason, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status

    @property
    def gap(self) -> Gap:
        """What stands where the fact would be."""
        return Gap(reason=self.reason, detail=self.detail)

    @property
    def final(self) -> bool:
        """No other question to this server makes sense: it does not answer, or does not know who asks."""
        return not self.status or self.status in {401, 429}


class Server(NamedTuple):
    """Where the product answers and what vouches for it."""

    host: str
    port: int
    ca_file: str = ""
    fingerprint: str = ""
    """SHA-256 of its certificate, 64 lower-case hexadecimal digits; empty: an authority vouches for it."""
    scheme: Literal["https", "http"] = "https"

    @property
    def name(self) -> str:
        """What the reader calls it."""
        return f"{self.host}:{self.port}"


class _Bounded(socket.socket):
    """Reads stop at a moment: a server that sends a byte from time to time does not hold us."""

    limit: float | None = None
    """Moment of the monotonic clock; None until the first request."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, never beyond `limit`."""
        if self.limit is not None:
            left = self.limit - time.monotonic()
            if left <= 0:
                raise TimeoutError("answer too slow")
            self.settimeout(min(left, self.gettimeout() or left))
        return super().recv_into(*args, **kwargs)


class _BoundedTls(_Bounded, ssl.SSLSocket):
    """A bounded TLS socket."""


class WrongPinError(OSError):
    """The server shows another certificate than the pinned one."""

    def __init__(self, seen: str) -> None:
        super().__init__("another certificate")
        self.seen = seen


class Connection(http.client.HTTPConnection):
    """Connects to a permitted address under the name of the server, and verifies who answers."""

    def __init__(self, server: Server, address: str, context: ssl.SSLContext | None, timeout: float) -> None:
        """`context`: None for a connection in clear."""
        self.default_port = 80 if context is None else 443
        super().__init__(server.host, server.port, timeout=timeout)
        self._address = address
        self._verifier = context
        self._fingerprint = server.fingerprint
        self.auto_open = 0
        """Otherwise the library would connect again by itself, without this verification."""

    def connect(self) -> None:
        """TCP to the address, TLS to the name, and the fingerprint when one is declared."""
        raw = socket.create_connection((self._address, self.port), self.timeout)
        if self._verifier is None:
            self.sock = _Bounded(fileno=raw.detach())
            self.sock.settimeout(self.timeout)
            return
        try:
            wrapped = self._verifier.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        if self._fingerprint:
            seen = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
            if seen != self._fingerprint:
                wrapped.close()
                raise WrongPinError(seen)
        self.sock = wrapped

    def bound(self, step: float, whole: float) -> None:
        """Limits of the next answer, in seconds: longest silence, and until its last byte."""
        if isinstance(self.sock, _Bounded):
            self.sock.limit = time.monotonic() + whole
            self.sock.settimeout(step)


def connect(server: Server, network: Network, purpose: str, timeout: float) -> Connection:
    """A connection to `server`, verified; nothing was sent. Raises `ApiError`."""
    try:
        addresses = network.permit(server.host, server.port, server.scheme, purpose)
    except MandateRefusedError as error:
        raise ApiError(Reason.REFUSED, f"{server.name} : hors du mandat ({clean(error.why, 200)})") from None
    except OSError:
        raise ApiError(Reason.UNREACHABLE, f"{server.name} : ce nom n'a pas d'adresse") from None
    context = _context(server) if server.scheme == "https" else None
    problem: Exception = OSError("no address")
    for address in addresses:
        connection = Connection(server, address, context, timeout)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            problem = error
            if isinstance(error, ssl.SSLError | WrongPinError):
                break
        else:
            return connection
    raise lost(server, problem)


def _context(server: Server) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=server.ca_file or None)
    except OSError:
        detail = f"{server.name} : le fichier d'autorité {server.ca_file} ne peut pas être lu"
        raise ApiError(Reason.NOT_CONFIGURED, detail) from None
    if server.fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = _BoundedTls
    return context


def lost(server: Server, error: Exception) -> ApiError:
    """Why a server could not be reached, or stopped answering."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _VERIFICATION.get(error.verify_code, "le certificat est refusé")
        return ApiError(
            Reason.REFUSED,
            f"{server.name} : {words} ; aucun mot de passe n'a été envoyé. Indiquer l'autorité (ca_file) ou, après "
            "l'avoir vérifiée sur le serveur, l'empreinte SHA-256 du certificat (fingerprint)",
        )
    if isinstance(error, WrongPinError):
        return ApiError(
            Reason.REFUSED,
            f"{server.name} : le certificat présenté (SHA-256 {error.seen}) n'est pas celui dont l'empreinte est "
            "déclarée ; aucun mot de passe n'a été envoyé",
        )
    if isinstance(error, TimeoutError):
        return ApiError(Reason.TIMEOUT, f"{server.name} : pas de réponse complète à temps")
    if isinstance(error, ssl.SSLError):
        return ApiError(Reason.UNREACHABLE, f"{server.name} : la négociation TLS a échoué")
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        return ApiError(Reason.MALFORMED, f"{server.name} : ce qui répond ne parle pas HTTP correctement")
    return ApiError(Reason.UNREACHABLE, f"{server.name} : connexion impossible ou coupée")
