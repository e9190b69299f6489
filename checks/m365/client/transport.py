"""The two ways out to Microsoft: for httpx (Graph, Exchange, Teams) and for requests (sign-in).

Both open sockets only to the addresses that the mandate allowed, under the name that the certificate must carry. No
proxy of the environment, no redirection followed, and an answer that is too long is refused.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from checks.m365.client.libraries import Libraries
from checks.m365.client.places import Place, origin_of

MAX_BODY = 64 << 20
"""Bytes of one answer, once decompressed: 999 users with all their plans make less than 4 MB."""
CONNECTIONS = 8
"""Sockets open at once to one service."""


class TooLongError(Exception):
    """An answer longer than `MAX_BODY`."""


class PinnedTransport:
    """Transport of httpx towards permitted places only; one pool per name, so that names never share a connection."""

    def __init__(self, libraries: Libraries, context: ssl.SSLContext, count: Callable[[int], None]) -> None:
        self._libraries = libraries
        self._context = context
        self._count = count
        self._places: dict[tuple[str, int], Place] = {}
        self._pools: dict[tuple[str, int], Any] = {}

    def add(self, place: Place) -> None:
        """Allow requests to `place` from now on."""
        self._places[place.origin] = place

    async def handle_async_request(self, request: Any) -> Any:
        """Send one request of httpx and read its whole answer."""
        httpx = self._libraries.httpx
        origin = (request.url.host, request.url.port or 443)
        place = self._places.get(origin)
        if place is None or request.url.scheme != "https":
            raise httpx.ConnectError(f"{request.url.host}: not permitted", request=request)
        problem: Exception | None = None
        for address in place.addresses:
            try:
                return await self._send(request, place, address)
            except httpx.ConnectError as error:
                problem = error
        raise problem or httpx.ConnectError("no address", request=request)

    async def _send(self, request: Any, place: Place, address: str) -> Any:
        httpx = self._libraries.httpx
        headers = httpx.Headers(request.headers)
        headers["Accept-Encoding"] = "gzip"
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": place.host},
        )
        response = await self._pool(place).handle_async_request(pinned)
        try:
            body, received = await _whole(response)
        finally:
            await response.aclose()
        self._count(received)
        kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(response.status_code, headers=kept, content=body, request=request)

    def _pool(self, place: Place) -> Any:
        found = self._pools.get(place.origin)
        if found is None:
            httpx = self._libraries.httpx
            limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
            found = httpx.AsyncHTTPTransport(verify=self._context, limits=limits, trust_env=False)
            self._pools[place.origin] = found
        return found

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding", "www-authenticate"})
"""Headers that no longer describe a body that was read and decompressed; and the challenge that the adapter would
answer by itself, with a request that nobody counts."""


async def _whole(response: Any) -> tuple[bytes, int]:
    """The decompressed body and the number of bytes received, within `MAX_BODY`. Raises `TooLongError`."""
    packed = response.headers.get("content-encoding", "").lower() == "gzip"
    unpacker = zlib.decompressobj(wbits=31) if packed else None
    parts: list[bytes] = []
    size = received = 0
    async for chunk in response.stream:
        received += len(chunk)
        if unpacker is not None:
            chunk = unpacker.decompress(chunk, MAX_BODY + 1 - size)  # noqa: PLW2901 - the same piece, unpacked
        size += len(chunk)
        if size > MAX_BODY:
            raise TooLongError
        parts.append(chunk)
    return b"".join(parts), received


def identity_transport(libraries: Libraries, place: Place, context: ssl.SSLContext, seconds: float) -> Any:
    """Transport of azure-identity towards the sign-in service only; `seconds` bound each connection and reading."""
    session = libraries.requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", _PinnedAdapter(libraries, place, context))
    return libraries.requests_transport(
        session=session, session_owner=False, use_env_settings=False, connection_timeout=seconds, read_timeout=seconds
    )


class _PinnedAdapter:
    """Adapter of requests that goes to the permitted addresses of one place."""

    def __init__(self, libraries: Libraries, place: Place, context: ssl.SSLContext) -> None:
        self._libraries = libraries
        self._place = place
        self._inner = libraries.requests.adapters.HTTPAdapter(max_retries=0)
        self._inner.init_poolmanager(
            1, 4, ssl_context=context, server_hostname=place.host, assert_hostname=place.host
        )  # fmt: skip

    def send(self, request: Any, **options: Any) -> Any:
        """Send one prepared request under the name of the place."""
        requests = self._libraries.requests
        if origin_of(request.url) != self._place.origin:
            raise requests.exceptions.InvalidURL("another place than the sign-in service")
        asked = request.url
        request.headers["Host"] = urlsplit(asked).netloc
        options["proxies"] = {}
        problem: Exception | None = None
        for address in self._place.addresses:
            request.url = _at(asked, address, self._place.port)
            try:
                found = self._inner.send(request, **options)
            except requests.exceptions.ConnectionError as error:
                problem = error
            else:
                found.url = asked
                return found
            finally:
                request.url = asked
        raise problem or requests.exceptions.ConnectionError("no address")

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _at(url: str, address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return urlunsplit(urlsplit(url)._replace(netloc=f"{host}:{port}"))
