"""A small JSON client for backup products: guarded, verified before anything is sent, bounded, and read-only.

Every method but `sign_in` and `sign_out` is a GET. The certificate is verified (authority, or fingerprint) during the
handshake, before the first byte of a request: a secret never reaches a server nobody vouches for. Redirections are
never followed. A refused sign-in is never tried again.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.technologies.http_tls import ApiError, Connection, Server, connect, lost
from checks.model import Gap, Network, Reason

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
        self._connection: Connection | None = None
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
        return self.server.name

    def open(self) -> None:
        """Connect and verify the certificate; nothing is sent. Raises `ApiError`."""
        if self._connection is None or self._connection.sock is None:
            self._connection = connect(self.server, self._network, self._purpose, self._step)

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

    def raw(self, method: Literal["GET", "HEAD"], target: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The answer as it comes, to be read to its end before the next question. Raises `ApiError`."""
        self._count()
        for again in (self._connection is not None and self._connection.sock is not None, False):
            try:
                self.open()
                connection = self._connection
                assert connection is not None  # noqa: S101 - `open` made it or raised
                connection.bound(self._step, self._answer)
                connection.request(method, target, headers=dict(headers))
                return connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not (again and isinstance(error, ConnectionError)):
                    raise lost(self.server, error) from None
        raise AssertionError("the second turn returns or raises")

    # --- internals -----------------------------------------------------------------------------------------------

    def _post(self, path: str, form: Mapping[str, str]) -> Any:
        if path in self._signed:
            raise ApiError(Reason.REFUSED, f"{self.name} : une seule identification est tentée", 401)
        self._signed.add(path)
        return self._ask("POST", path, urlencode(form).encode())

    def _ask(self, method: str, target: str, body: bytes | None) -> Any:
        self._count()
        # A kept connection may have been closed by the server since: a GET is asked once more on a new one.
        reused = self._connection is not None and self._connection.sock is not None
        try:
            status, raw = self._exchange(method, target, body)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self.close()
            if method != "GET" or not reused:
                raise lost(self.server, error) from None
            try:
                status, raw = self._exchange(method, target, body)
            except (OSError, http.client.HTTPException) as again:
                self.close()
                raise lost(self.server, again) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise lost(self.server, error) from None
        return self._decode(status, raw)

    def _count(self) -> None:
        self._asked += 1
        if self._asked > MAX_REQUESTS or time.monotonic() > self._until:
            raise ApiError(Reason.TIMEOUT, f"{self.name} : trop de questions ou trop de temps, la lecture s'arrête là")

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        self.open()
        connection = self._connection
        assert connection is not None  # noqa: S101 - `open` made it or raised
        connection.bound(self._step, self._answer)
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
