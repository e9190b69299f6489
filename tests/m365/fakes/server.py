"""The servers: one thread, one port for each service, HTTP/1.1 with keep-alive, faults on demand, every request kept."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.m365.fakes import exchange, graph, login, tls
from tests.m365.fakes.tenants import Tenant

SERVICES = ("login", "graph", "exchange", "compliance", "teams")


@dataclasses.dataclass
class Request:
    """One request received."""

    service: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    host: str
    tenant: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def line(self) -> str:
        return f"{self.method} {self.service} {self.path}"


@dataclasses.dataclass
class Reply:
    """What is answered."""

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.value is None else json.dumps(self.value, separators=(",", ":")).encode()


@dataclasses.dataclass
class Faults:
    """What goes wrong. Keys are parts of paths; `graph:` and the like before them choose a service."""

    throttle: dict[str, int] = dataclasses.field(default_factory=dict)
    """How many times it answers 429."""
    retry_after: str = "1"
    failing: dict[str, int] = dataclasses.field(default_factory=dict)
    """How many times it answers 503 without Retry-After."""
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)
    """How many times the connection is cut instead of an answer."""
    forbidden: set[str] = dataclasses.field(default_factory=set)
    malformed: set[str] = dataclasses.field(default_factory=set)
    bodies: dict[str, bytes] = dataclasses.field(default_factory=dict)
    """Answers given as they are."""
    slow: dict[str, float] = dataclasses.field(default_factory=dict)
    """Seconds before an answer."""
    evil_next: dict[str, str] = dataclasses.field(default_factory=dict)
    """Address that `@odata.nextLink` points at."""
    expire_after: int = 0
    """Requests after which the tokens given so far are refused, once."""
    bomb: set[str] = dataclasses.field(default_factory=set)
    """Answers that are small on the wire and huge once decompressed."""

    def count(self, table: dict[str, int], where: str) -> bool:
        """Use up one failure of `table` for this place."""
        key = next((key for key, left in table.items() if left > 0 and key in where), None)
        if key is None:
            return False
        table[key] -= 1
        return True


class FakeMicrosoft:
    """Runs the services from `with` to the end of its block."""

    def __init__(self, folder: Path, tenants: Sequence[Tenant], *, page: int = 100) -> None:
        self.tenants = {tenant.id: tenant for tenant in tenants}
        self.page = page
        """Objects a page when the request does not say."""
        self.faults = Faults()
        self.log: list[Request] = []
        self.tokens = login.Issuer()
        self.ports: dict[str, int] = {}
        self.ca_file, self._context = tls.make(folder)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._lock = threading.Lock()
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20), "the servers did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def tenant(self, name: str) -> Tenant | None:
        """By id or by domain."""
        return next((t for t in self.tenants.values() if name.lower() in (t.id, *t.domains)), None)

    def url(self, service: str, *, by_name: bool = True) -> str:
        host = f"{service}.tilleuls.test" if by_name else "127.0.0.1"
        return f"https://{host}:{self.ports[service]}"

    def profile(self, tenant: Tenant, /, *, by_name: bool = True, **more: Any) -> dict[str, Any]:
        """The fields of `[m365]` that lead here, signing in with a client secret unless told otherwise."""
        places = {f"{service}_url": self.url(service, by_name=by_name) for service in SERVICES}
        found = {"tenant": tenant.id, "client_id": tenant.client_id, "sign_in": "client_secret",
                 "secret_from": "env:AUSCULTE_M365", "ca_file": str(self.ca_file), **places}  # fmt: skip
        return found | more

    def counted(self) -> Counter[str]:
        """Requests received, by method, service and path."""
        return Counter(request.line for request in self.log)

    # --- serving --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        # A client that leaves at once must not be reported as an error of the test.
        self._loop.set_exception_handler(lambda *_: None)
        servers = []
        for service in SERVICES:
            server = await asyncio.start_server(self._handler(service), "127.0.0.1", 0, ssl=self._context)
            self.ports[service] = server.sockets[0].getsockname()[1]
            servers.append(server)
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)  # what was aborted closes at the next turn of the loop

    def _handler(self, service: str):
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                while await self._one(service, reader, writer):
                    pass
            writer.transport.abort()
            self._writers.discard(writer)

        return handle

    async def _one(self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        request = Request(
            service=service, method=method, path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)), headers=headers, body=body,
            host=headers.get("host", ""),
        )  # fmt: skip
        with self._lock:
            self.log.append(request)
        where = f"{service}:{request.path}?{unquote(parts.query)}"
        faults = self.faults
        for key, seconds in faults.slow.items():
            if key in where:
                await asyncio.sleep(seconds)
        if faults.count(faults.dropped, where):
            return False
        reply = self._reply(request, where)
        data = reply.body
        extra = ""
        if any(key in where for key in faults.bomb):
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
            data = packer.compress(bytes(80 << 20)) + packer.flush()
            extra = "Content-Encoding: gzip\r\n"
        elif "gzip" in headers.get("accept-encoding", "") and len(data) > 1400:
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            data = packer.compress(data) + packer.flush()
            extra = "Content-Encoding: gzip\r\n"
        extra += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        writer.write(
            f"HTTP/1.1 {reply.status} Any\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n{extra}\r\n".encode()
            + data
        )
        await writer.drain()
        return True

    def _reply(self, request: Request, where: str) -> Reply:
        """Faults of the place first, then the service."""
        found = self.faulty(where)
        if found is not None:
            return found
        if request.service == "login":
            return login.answer(self, request)
        refused = self.tokens.refuse(self, request)
        if refused is not None:
            return refused
        tenant = self.tenants[request.tenant]
        if request.service == "graph":
            return graph.answer(self, tenant, request)
        if request.service == "teams":
            return exchange.answer_teams(tenant, request)
        return exchange.answer(self, tenant, request)

    def faulty(self, where: str) -> Reply | None:
        """The answer of a fault, for a request or for a question of a batch."""
        faults = self.faults
        if faults.count(faults.throttle, where):
            return Reply(graph.error("TooManyRequests", "Too many requests"), 429, {"Retry-After": faults.retry_after})
        if faults.count(faults.failing, where):
            return Reply(graph.error("ServiceUnavailable", "Try later"), 503)
        if any(key in where for key in faults.forbidden):
            return Reply(graph.error("Authorization_RequestDenied", "Insufficient privileges"), 403)
        if any(key in where for key in faults.malformed):
            return Reply(raw=b'{"value": [{"id": "1"')
        for key, body in faults.bodies.items():
            if key in where:
                return Reply(raw=body)
        return None
