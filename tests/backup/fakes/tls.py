"""A TLS server on loopback that answers from a table of routes and keeps a log of what it was asked."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from checks.backup.technologies.base import Tools
from checks.model import MandateRefusedError
from tests.common.servers import Authority

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Request:
    """One request, as received."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Reply:
    """One answer. `hang`: nothing more follows until the test ends. `drip`: blanks follow, one at a
    time, for ever. `raw`: sent as is. `drop`: the connection is closed without an answer."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang: bool = False
    drip: bool = False
    drop: bool = False


Route = Callable[[Request], Any]


class Fake:
    """Base of the miniature products: `answer` gives a `Reply`, or anything that is sent as JSON."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.broken: dict[str, Reply] = {}
        """Answers that replace the normal one, by path."""
        self.errors: list[str] = []
        """What went wrong in the fake itself."""
        self.release = threading.Event()
        self.port = 0
        self.fingerprint = ""
        self.ca_file = ""

    def answer(self, request: Request) -> Any:
        raise NotImplementedError

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        found = self.broken.get(request.path) or self.broken.get("*")
        if found is None:
            found = self.answer(request)
        return found if isinstance(found, Reply) else Reply(found)

    @property
    def log(self) -> list[tuple[str, str]]:
        """Method and path of each request."""
        return [(one.method, one.path) for one in self.requests]


@contextmanager
def serving(fake: Fake, folder: Path, *, names: tuple[str, ...] = ("sauvegarde.tilleuls.test",), days: int = 90):
    """Run `fake` on a free port of the loopback, with a certificate for `names`."""
    authority = Authority(folder)
    context = authority.context(*names, days=days)
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = _Server(("127.0.0.1", 0), handler)
    server.context = context
    fake.port = server.server_address[1]
    fake.ca_file = str(authority.file)
    pem = (folder / f"{names[0]}.{days}.pem").read_text()
    fake.fingerprint = hashlib.sha256(
        ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END CERTIFICATE-----") + 26])
    ).hexdigest()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert not fake.errors, fake.errors[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    context: ssl.SSLContext

    def finish_request(self, request, client_address):
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                self.RequestHandlerClass(wrapped, client_address, self)
        except OSError:
            pass

    def handle_error(self, request, client_address):
        self.RequestHandlerClass.fake.errors.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: Fake

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self):
        self._serve()

    def do_POST(self):
        self._serve()

    def do_PUT(self):
        self._serve()

    def do_DELETE(self):
        self._serve()

    def _serve(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode()
        parts = urlsplit(self.path)
        reply = self.fake.reply(
            Request(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                {key.lower(): value for key, value in self.headers.items()},
                dict(parse_qsl(body)),
            )
        )
        if reply.drop:
            self.close_connection = True
            return
        raw = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for key, value in reply.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw) + (100_000 if reply.hang or reply.drip else 0)))
        self.end_headers()
        self.wfile.write(raw)
        while reply.drip and not self.fake.release.wait(0.02):
            self.wfile.write(b" ")
        if reply.drip:
            self.close_connection = True
        if reply.hang:
            self.wfile.flush()
            self.fake.release.wait(30)
            self.close_connection = True


class Loopback:
    """A Network in which every name of the mandate is this machine."""

    resolvers: tuple[tuple[str, int], ...] = ()

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.refused = refused
        self.asked: list[tuple[str, int, str]] = []

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        self.asked.append((host, port, protocol))
        if host in self.refused:
            raise MandateRefusedError(host, "hors mandat")
        if host.endswith(".absent.test"):
            raise OSError("no such name")
        return ("127.0.0.1",)

    def permit_resolved(self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str):
        return self.permit(name, port, protocol, purpose)

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        raise AssertionError("not used by this domain")

    async def open(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        raise AssertionError("not used by this domain")


def tools(network: Any = None, secrets: dict[str, str] | None = None, now: datetime = NOW) -> Tools:
    """What a technology is handed: an open loopback, secrets by reference, a silent progress."""
    known = secrets or {}

    def secret(reference: str) -> str:
        return known[reference]

    return Tools(network=network or Loopback(), secret=secret, now=now, progress=lambda *_args, **_kw: None)


def pages(rows: list[Any], size: int) -> Iterator[list[Any]]:
    """`rows`, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
