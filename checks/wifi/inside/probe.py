"""Knock from where we are: TCP connections closed at once, DNS questions, one plain web request.

Nothing is sent inside a connection, except the GET of the portal check. A refusal by the mandate is written as a fact
and no packet leaves. Machines are tried a few together; one machine never has two connections at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import time
from collections.abc import Sequence
from http.client import responses
from urllib.parse import urlsplit

from checks.common.dns import DnsClient
from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Progress, Reason
from checks.wifi.inside import snmp
from checks.wifi.inside.config import InsideConfig, portal_parts
from checks.wifi.inside.facts import (
    ERROR,
    EXTERNAL,
    NO_ANSWER,
    NOT_AUTHORISED,
    OPEN,
    REFUSED,
    Attempt,
    InsideFacts,
    Lookup,
    Outcome,
    Portal,
)
from checks.wifi.inside.plan import IPV6, Try, plan

PURPOSE = "voir ce que ce réseau Wi-Fi laisse atteindre"
PORTAL_PURPOSE = "voir où le portail d'accueil envoie"
DNS_PURPOSE = "demander un nom interne au DNS de ce réseau Wi-Fi"
HTTP_PORT = 80
MAX_HEAD = 16_384
"""Bytes of an HTTP reply that are read."""
MAX_TEXT = 300
CLOSE_SECONDS = 1.0
_NOBODY = frozenset(
    getattr(errno, name)
    for name in ("EHOSTUNREACH", "EHOSTDOWN", "ETIMEDOUT", "WSAEHOSTUNREACH", "WSAETIMEDOUT")
    if hasattr(errno, name)
)
"""The network, or this machine after asking it, says that nobody is there."""
_SPENT = "budget de connexions dépensé"
_LATE = "temps de l'essai dépassé"


class Prober:
    """One test: counts what it sends, remembers the addresses it had."""

    def __init__(self, config: InsideConfig, network: Network, progress: Progress) -> None:
        self._config = config
        self._network = network
        self._progress = progress
        self._places = asyncio.Semaphore(config.concurrency)
        self._deadline = time.monotonic() + config.max_seconds
        self._own: dict[str, None] = {}
        self._done = 0
        self._total = 0
        self.connections = 0
        self.datagrams = 0

    async def run(self) -> InsideFacts:
        """Everything the profile asks. Never raises for what the network does."""
        started = time.monotonic()
        config = self._config
        kept, left = plan(config)
        self._total = len(kept)
        portal = await self._portal() if config.portal_url else None
        lookups = await self._lookups() if config.internal_name else None
        made = dict(zip(kept, await self._all(kept), strict=True))
        made |= {one: one.untried(_SPENT) for one in left}
        return InsideFacts(
            role=config.role,
            ssid=config.ssid,
            network=config.network,
            declared_routers=config.routers,
            own_addresses=tuple(self._own),
            attempts=tuple(a for one, a in made.items() if one.kind not in {EXTERNAL, IPV6}),
            egress=tuple(a for one, a in made.items() if one.kind == EXTERNAL),
            ipv6=next((a for one, a in made.items() if one.kind == IPV6), None),
            lookups=lookups,
            portal=portal,
            connections=self.connections,
            datagrams=self.datagrams,
            seconds=round(time.monotonic() - started, 3),
        )

    # --- connections ---------------------------------------------------------------------------------------------

    async def _all(self, tries: Sequence[Try]) -> list[Attempt]:
        """Attempts in the order of `tries`, machine by machine."""
        by_host: dict[str, list[int]] = {}
        for index, one in enumerate(tries):
            by_host.setdefault(one.address, []).append(index)
        found: dict[int, Attempt] = {}

        async def host(indexes: Sequence[int]) -> None:
            async with self._places:
                for index in indexes:
                    found[index] = await self._attempt(tries[index])
                    self._done += 1
                    self._progress("Essais de connexion", self._done, self._total)
                sent = [tries[index] for index in indexes if found[index].milliseconds is not None]
                if sent:
                    self._learn_own_address(sent[0].address, sent[0].port)

        async with asyncio.TaskGroup() as group:
            for indexes in by_host.values():
                group.create_task(host(indexes))
        return [found[index] for index in range(len(tries))]

    async def _attempt(self, one: Try) -> Attempt:
        if time.monotonic() > self._deadline:
            return one.untried(_LATE)
        started = time.monotonic()
        outcome, detail = await self._knock(one)
        seconds = time.monotonic() - started
        sent = outcome in {OPEN, REFUSED, NO_ANSWER}
        if sent:
            self.connections += one.protocol == "tcp"
            self.datagrams += one.protocol == "udp"
            await asyncio.sleep(self._config.pause)
        return Attempt(
            target=one.target,
            address=one.address,
            port=one.port,
            protocol=one.protocol,
            kind=one.kind,
            outcome=outcome,
            milliseconds=round(seconds * 1000, 1) if sent else None,
            detail=detail,
            must_answer=one.must_answer,
        )

    async def _knock(self, one: Try) -> tuple[Outcome, str]:
        if one.protocol == "udp":
            return await asyncio.to_thread(self._ask_snmp, one)
        timeout = self._config.connect_timeout
        try:
            _, writer = await self._network.open(one.address, one.port, "tcp", PURPOSE, timeout)
        except OSError as error:
            return outcome_of(error)
        self._remember(writer)
        await _close(writer)
        return OPEN, ""

    def _ask_snmp(self, one: Try) -> tuple[Outcome, str]:
        try:
            address, *_ = self._network.permit(one.address, one.port, "snmp", PURPOSE)
            reply = snmp.ask(address, self._config.connect_timeout)
        except OSError as error:
            return outcome_of(error)
        return (OPEN, "") if snmp.is_answer(reply) else (NO_ANSWER, "une réponse est venue, qui n'est pas SNMPv3")

    def _remember(self, writer: asyncio.StreamWriter) -> None:
        if name := writer.get_extra_info("sockname"):
            self._own[str(name[0])] = None

    # --- names ---------------------------------------------------------------------------------------------------

    async def _lookups(self) -> tuple[Lookup, ...] | Gap:
        """Ask each DNS server of this network, apart, once."""
        servers: list[tuple[str, int]] = []
        for address, port in self._network.resolvers:
            with contextlib.suppress(MandateRefusedError):
                await asyncio.to_thread(self._network.permit, address, port, "dns", DNS_PURPOSE)
                servers.append((address, port))
        if not servers:
            detail = "Aucun serveur DNS de ce réseau n'est connu, ou le mandat ne permet pas de les interroger."
            return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
        self._progress("Noms internes")
        return tuple([await self._lookup(server) for server in servers])

    async def _lookup(self, server: tuple[str, int]) -> Lookup:
        name = self._config.internal_name
        async with DnsClient([server], timeout=self._config.connect_timeout, attempts=1) as client:
            answer = await client.ask(name, "A")
        self.datagrams += 1
        self._learn_own_address(*server)
        addresses = tuple(clean(record.to_text(), MAX_TEXT) for record in answer.records)
        return Lookup(server=server[0], name=name, status=str(answer.status), addresses=addresses)

    def _learn_own_address(self, address: str, port: int) -> None:
        """Learn which address this machine uses towards one that was permitted. Connecting a UDP socket sends nothing.

        A laptop that is also plugged in may leave by its cable: the facts must show it. Names are left out.
        """
        try:
            version = ipaddress.ip_address(address).version
        except ValueError:
            return
        family = socket.AF_INET6 if version == 6 else socket.AF_INET  # noqa: PLR2004 - IP version
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, port))
            self._own[str(sock.getsockname()[0])] = None

    # --- portal --------------------------------------------------------------------------------------------------

    async def _portal(self) -> Portal | Gap:
        host, port, path = portal_parts(self._config.portal_url)
        self._progress("Portail d'accueil")
        timeout = self._config.connect_timeout
        started = time.monotonic()
        try:
            reader, writer = await self._network.open(host, port, "http", PORTAL_PURPOSE, timeout)
        except OSError as error:
            return self._no_portal(error)
        self.connections += 1
        self._remember(writer)
        try:
            async with asyncio.timeout(2 * timeout):
                writer.write(_get(host, port, path))
                await writer.drain()
                head = await _head(reader)
        except OSError as error:
            return self._no_portal(error)
        finally:
            await _close(writer)
        return read_portal(self._config.portal_url, head, (time.monotonic() - started) * 1000)

    def _no_portal(self, error: OSError) -> Gap:
        if isinstance(error, MandateRefusedError):
            detail = f"{self._config.portal_url} : {error.why} ; le portail n'a pas été cherché."
            return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
        reason = Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.UNREACHABLE
        return Gap(reason=reason, detail=f"{self._config.portal_url} n'a pas répondu : le portail n'a pas été vu.")


async def probe(config: InsideConfig, network: Network, progress: Progress) -> InsideFacts:
    """Try everything the profile asks for, from where this machine is."""
    return await Prober(config, network, progress).run()


def outcome_of(error: OSError) -> tuple[Outcome, str]:
    """What a failed connection means, and a French detail when it needs one."""
    if isinstance(error, MandateRefusedError):
        return NOT_AUTHORISED, clean(error.why, MAX_TEXT)
    if isinstance(error, ConnectionError):
        return REFUSED, ""
    if isinstance(error, TimeoutError):
        return NO_ANSWER, ""
    if error.errno in _NOBODY:
        return NO_ANSWER, "le réseau dit que personne n'est à cette adresse, ou qu'elle est interdite"
    return ERROR, clean(error.strerror or str(error), MAX_TEXT)


def _get(host: str, port: int, path: str) -> bytes:
    name = f"[{host}]" if ":" in host else host
    name += f":{port}" if port != HTTP_PORT else ""
    return f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode("ascii")


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Status line and headers, as far as they came."""
    received = b""
    while b"\r\n\r\n" not in received and b"\n\n" not in received and len(received) < MAX_HEAD:
        piece = await reader.read(MAX_HEAD - len(received))
        if not piece:
            break
        received += piece
    return received


def read_portal(url: str, head: bytes, milliseconds: float) -> Portal:
    """Read an HTTP reply, however odd; status 0 when it is not one."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n\n", 1)[0].split("\n")
    words = lines[0].split(" ", 2)
    known = len(words) > 1 and words[0].startswith("HTTP/") and words[1].isascii() and words[1].isdigit()
    status = int(words[1][:3]) if known else 0
    location = next((line[9:].strip() for line in lines[1:] if line[:9].lower() == "location:"), "")
    scheme, host = _scheme_and_host(location)
    redirected = status in responses and 300 <= status < 400 and bool(host) and host != portal_parts(url)[0]  # noqa: PLR2004 - HTTP redirections
    return Portal(
        url=url,
        status=status,
        location=clean(location, MAX_TEXT),
        redirected=redirected,
        https=redirected and scheme == "https",
        milliseconds=round(milliseconds, 1),
    )


def _scheme_and_host(location: str) -> tuple[str, str]:
    try:
        parts = urlsplit(location)
        return parts.scheme.lower(), (parts.hostname or "").lower()
    except ValueError:  # a bracket that opens and never closes
        return "", ""


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.wait_closed()
