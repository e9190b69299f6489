"""A small JSON client for backup products: guarded, verified before anything is sent, bounded, and read-only.

Every method but `sign_in` and `sign_out` is a GET. The certificate is verified (authority, or fingerprint) during the
handshake, before the first byte of a request: a secret never reaches a server nobody vouches for. Redirections are
never followed. A refused sign-in is never tried again.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import msgspec

from checks.backup.config import RepositoryConfig
from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason

MAX_BODY = 32 * 1024 * 1024
"""Bytes of one answer. 10,000 restore points take about 4 MiB."""
MAX_REQUESTS = 2_000
"""Requests to one server."""
STEP_SECONDS = 15.0
"""Longest silence of a server."""
ANSWER_SECONDS = 60.0
"""Longest answer, from the request to its last byte."""
TOTAL_SECONDS = 600.0
"""Time given to one server."""
_CHUNK = 65_536
_HEX_SHA256 = 64
_CODES: Mapping[int, tuple[Reason, str]] = {
    400: (Reason.UNSUPPORTED, "la demande n'est pas comprise par cette version"),
    401: (Reason.REFUSED, "l'identification est refusée"),
    403: (Reason.PERMISSION, "le compte utilisé n'a pas le droit de lire cette information"),
    404: (Reason.UNSUPPORTED, "cette information n'existe pas dans cette version"),
    405: (Reason.UNSUPPORTED, "cette information n'existe pas dans cette version"),
    429: (Reason.REFUSED, "le serveur demande de ralentir"),
    501: (Reason.UNSUPPORTED, "cette information n'existe pas dans cette version"),
}
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


def server_of(config: RepositoryConfig, default_port: int) -> Server:
    """The server a repository names: `host`, `host:port` or `https://host[:port]`. Raises `ApiError`."""
    text = config.location if "//" in config.location else f"https://{config.location}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", config.port or parts.port or default_port
    except ValueError:
        host, port = "", 0
    if not host or parts.username is not None:
        raise ApiError(Reason.NOT_CONFIGURED, f"« {config.label} » : « location » attend le nom d'un serveur")
    if parts.scheme != "https":
        raise ApiError(
            Reason.REFUSED,
            f"« {config.label} » : seul HTTPS est utilisé ; en clair, le mot de passe serait lisible sur le réseau",
        )
    digits = config.fingerprint.replace(":", "").replace(" ", "").lower()
    if digits and (len(digits) != _HEX_SHA256 or set(digits) - set("0123456789abcdef")):
        raise ApiError(Reason.NOT_CONFIGURED, f"« {config.label} » : « fingerprint » attend une empreinte SHA-256")
    return Server(host, port, config.ca_file, digits)


class _BoundedSocket(ssl.SSLSocket):
    """A TLS socket whose reads stop at a moment: a server that sends a byte from time to time does not hold us."""

    limit: float | None = None
    """Moment of the monotonic clock; None until the first request."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, for at most `STEP_SECONDS` and never beyond `limit`."""
        if self.limit is not None:
            left = self.limit - time.monotonic()
            if left <= 0:
                raise TimeoutError("answer too slow")
            self.settimeout(min(left, self.gettimeout() or left))
        return super().recv_into(*args, **kwargs)


class Client:
    """One signed-in conversation with one server, on one connection at a time."""

    def __init__(
        self,
        server: Server,
        network: Network,
        *,
        purpose: str,
        headers: Mapping[str, str] | None = None,
        step_seconds: float = STEP_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        max_body: int = MAX_BODY,
    ) -> None:
        """`purpose` is what the journal says of the connection. Times are in seconds, `max_body` in bytes."""
        self.server = server
        self.headers = {"Accept": "application/json", **(headers or {})}
        self._network = network
        self._purpose = purpose
        self._step = step_seconds
        self._answer = answer_seconds
        self._max_body = max_body
        self._connection: http.client.HTTPSConnection | None = None
        self._asked = 0
        self._signed: set[str] = set()
        self._until = time.monotonic() + TOTAL_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What the reader calls the server."""
        return f"{self.server.host}:{self.server.port}"

    def open(self) -> None:
        """Connect and verify the certificate; nothing is sent. Raises `ApiError`."""
        if self._connection is None or self._connection.sock is None:
            self._connection = self._connect()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def authorise(self, scheme: str, secret: str) -> None:
        """Carry a token in the requests that follow. Raises `ApiError` when it cannot be one; it is not repeated."""
        value = secret.strip()
        if not value or not value.isascii() or not value.isprintable():
            raise ApiError(Reason.NOT_CONFIGURED, f"{self.name} : le secret fourni n'a pas la forme d'un jeton")
        self.headers["Authorization"] = f"{scheme}{value}"

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """The decoded answer of a GET. Raises `ApiError`."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def sign_in(self, path: str, form: Mapping[str, str]) -> Any:
        """The decoded answer to the one POST that carries the password. Raises `ApiError`; never sent twice."""
        return self._post(path, form)

    def sign_out(self, path: str) -> None:
        """Ask the server to forget this session; an error changes nothing for the reader."""
        with contextlib.suppress(ApiError):
            self._post(path, {})

    # --- internals -----------------------------------------------------------------------------------------------

    def _post(self, path: str, form: Mapping[str, str]) -> Any:
        if path in self._signed:
            raise ApiError(Reason.REFUSED, f"{self.name} : une seule identification est tentée", 401)
        self._signed.add(path)
        return self._ask("POST", path, urlencode(form).encode())

    def _ask(self, method: str, target: str, body: bytes | None) -> Any:
        self._asked += 1
        if self._asked > MAX_REQUESTS or time.monotonic() > self._until:
            raise ApiError(Reason.TIMEOUT, f"{self.name} : trop de questions ou trop de temps, la lecture s'arrête là")
        # A kept connection may have been closed by the server since: a GET is asked once more on a new one.
        reused = self._connection is not None and self._connection.sock is not None
        try:
            status, raw = self._exchange(method, target, body)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self.close()
            if method != "GET" or not reused:
                raise self._lost(error) from None
            try:
                status, raw = self._exchange(method, target, body)
            except (OSError, http.client.HTTPException) as again:
                self.close()
                raise self._lost(again) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._lost(error) from None
        return self._decode(status, raw)

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        self.open()
        connection = self._connection
        assert connection is not None  # noqa: S101 - `open` made it or raised
        sock = connection.sock
        if isinstance(sock, _BoundedSocket):
            sock.limit = time.monotonic() + self._answer
            sock.settimeout(self._step)
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        raw = bytearray()
        while chunk := response.read(_CHUNK):
            raw += chunk
            if len(raw) > self._max_body:
                self.close()
                raise ApiError(Reason.MALFORMED, f"{self.name} : réponse trop grande", response.status)
        if response.will_close:
            self.close()
        return response.status, bytes(raw)

    def _decode(self, status: int, raw: bytes) -> Any:
        if status in _CODES:
            reason, words = _CODES[status]
            raise ApiError(reason, f"{self.name} : {words} (code {status})", status)
        if 300 <= status < 400:  # noqa: PLR2004 - the numbers of HTTP
            raise ApiError(Reason.REFUSED, f"{self.name} : renvoi vers une autre adresse, non suivi", status)
        if not 200 <= status < 300:  # noqa: PLR2004
            raise ApiError(Reason.ERROR, f"{self.name} : le serveur répond par une erreur (code {status})", status)
        if not raw.strip():
            return None
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise ApiError(Reason.MALFORMED, f"{self.name} : la réponse n'est pas du JSON lisible", status) from None

    def _connect(self) -> http.client.HTTPSConnection:
        host, port = self.server.host, self.server.port
        try:
            addresses = self._network.permit(host, port, "https", self._purpose)
        except MandateRefusedError as error:
            raise ApiError(Reason.REFUSED, f"{self.name} : hors du mandat ({clean(error.why, 200)})") from None
        except OSError:
            raise ApiError(Reason.UNREACHABLE, f"{self.name} : ce nom n'a pas d'adresse") from None
        context = self._context()
        problem: Exception = OSError("no address")
        for address in addresses:
            connection = _Verified(host, port, address, context, self.server.fingerprint, self._step)
            try:
                connection.connect()
            except (OSError, ssl.SSLError) as error:
                connection.close()
                problem = error
                if isinstance(error, ssl.SSLError):
                    break
            else:
                return connection
        raise self._lost(problem)

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.server.ca_file or None)
        except (OSError, ssl.SSLError):
            raise ApiError(
                Reason.NOT_CONFIGURED,
                f"{self.name} : le fichier d'autorité {self.server.ca_file} ne peut pas être lu",
            ) from None
        if self.server.fingerprint:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.sslsocket_class = _BoundedSocket
        return context

    def _lost(self, error: Exception) -> ApiError:
        if isinstance(error, ssl.SSLCertVerificationError):
            words = _VERIFICATION.get(error.verify_code, "le certificat est refusé")
            return ApiError(
                Reason.REFUSED,
                f"{self.name} : {words} ; aucun mot de passe n'a été envoyé. Indiquer l'autorité (ca_file) ou, après "
                "l'avoir vérifiée sur le serveur, l'empreinte SHA-256 du certificat (fingerprint)",
            )
        if isinstance(error, _WrongPinError):
            return ApiError(
                Reason.REFUSED,
                f"{self.name} : le certificat présenté (SHA-256 {error.seen}) n'est pas celui dont l'empreinte est "
                "déclarée ; aucun mot de passe n'a été envoyé",
            )
        if isinstance(error, TimeoutError):
            return ApiError(Reason.TIMEOUT, f"{self.name} : pas de réponse complète à temps")
        if isinstance(error, ssl.SSLError):
            return ApiError(Reason.UNREACHABLE, f"{self.name} : la négociation TLS a échoué")
        if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
            return ApiError(Reason.MALFORMED, f"{self.name} : ce qui répond ne parle pas HTTP correctement")
        return ApiError(Reason.UNREACHABLE, f"{self.name} : connexion impossible ou coupée")


class _WrongPinError(OSError):
    def __init__(self, seen: str) -> None:
        super().__init__("another certificate")
        self.seen = seen


class _Verified(http.client.HTTPSConnection):
    """Connects to a permitted address under the name of the server, and verifies who answers."""

    def __init__(
        self, host: str, port: int, address: str, context: ssl.SSLContext, fingerprint: str, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._address = address
        self._verifier = context
        self._fingerprint = fingerprint
        self.auto_open = 0
        """Otherwise the library would connect again by itself, without this verification."""

    def connect(self) -> None:
        """TCP to the address, TLS to the name, and the fingerprint when one is declared."""
        raw = socket.create_connection((self._address, self.port), self.timeout)
        try:
            wrapped = self._verifier.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        if self._fingerprint:
            seen = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
            if seen != self._fingerprint:
                wrapped.close()
                raise _WrongPinError(seen)
        self.sock = wrapped


class Reader:
    """Asks one question after the other; once the server is lost, the next ones are not asked."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.lost: Gap | None = None

    def fetch(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """The decoded answer, or the `Gap` that says why there is none."""
        if self.lost is not None:
            return self.lost
        try:
            return self.client.get(path, query)
        except ApiError as error:
            if error.final:
                self.lost = error.gap
            return error.gap
