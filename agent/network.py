"""The network that collectors are handed: mandate and journal stand in front of every socket.

Two layers. `GuardedNetwork` is what our own code calls. `install_audit_hook` catches what libraries do on their own
(ldap3, impacket, dnspython, SDKs): the interpreter announces every connect, sendto and name resolution, and the hook
refuses what was not permitted. In a worker it also refuses raw sockets and new processes, except while
`GuardedNetwork.listen`, `run` and `undo`, which write in the journal first, open one in the same thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import shlex
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.journal import Journal
from agent.mandate import Address, MandateGuard, parse_address
from checks.common.programs import Finished, Machine, SocketT, run_program
from checks.common.undo import Undo
from checks.model import MandateRefusedError

DNS_PORT = 53
RESOLVE_TIMEOUT = 5.0
"""Seconds to resolve one name of the mandate."""


class GuardedNetwork:
    """Implements `checks.model.Network` and `checks.common.programs.Machine`."""

    def __init__(
        self,
        guard: MandateGuard,
        journal: Journal,
        resolvers: tuple[str, ...],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._guard = guard
        self._journal = journal
        self._resolvers = resolvers
        self._clock = clock
        self._granted: set[tuple[str, int]] = set()
        self._announced: set[tuple[str, int, str, str]] = set()
        self._sent: Counter[tuple[str, int, str]] = Counter()
        self._resolving = threading.local()
        self._doors = threading.local()
        self._local: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()
        self.refused: list[MandateRefusedError] = []

    @property
    def resolvers(self) -> tuple[tuple[str, int], ...]:
        """DNS servers that may be asked."""
        return tuple((address, DNS_PORT) for address in self._resolvers)

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        """See `checks.model.Network.permit`."""
        self._check_moment(host)
        address = parse_address(host)
        if address is not None:
            why = (
                self._guard.refuse_resolver(address)
                if protocol == "dns" and port == DNS_PORT
                else self._guard.refuse_address(address)
            )
            self._decide(host, (address,), port, protocol, purpose, why)
            return (str(address),)
        if why := self._guard.refuse_name(host):
            self._refuse(host, port, protocol, why)
        return self.permit_resolved(host, self._resolve(host), port, protocol, purpose)

    def permit_resolved(
        self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str
    ) -> tuple[str, ...]:
        """See `checks.model.Network.permit_resolved`: every address must be allowed, or none is used."""
        self._check_moment(name)
        parsed = [found for text in addresses if (found := parse_address(text)) is not None]
        if not parsed:
            raise OSError(f"{name} : aucune adresse")
        for address in parsed:
            if why := self._guard.refuse_resolved(name, address):
                self._refuse(f"{name} ({address})", port, protocol, why)
        self._decide(name, tuple(parsed), port, protocol, purpose, "")
        return tuple(str(address) for address in parsed)

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float) -> socket.socket:
        """See `checks.model.Network.connect`: addresses are tried in turn within `timeout` seconds each."""
        problem: OSError | None = None
        for address in self.permit(host, port, protocol, purpose):
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                problem = error
        raise problem or OSError(f"{host} : aucune adresse")

    async def open(
        self, host: str, port: int, protocol: str, purpose: str, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See `checks.model.Network.open`."""
        addresses = await asyncio.to_thread(self.permit, host, port, protocol, purpose)
        problem: OSError | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(timeout):
                    return await asyncio.open_connection(address, port)
            except OSError as error:
                problem = error
        raise problem or OSError(f"{host} : aucune adresse")

    @property
    def machine(self) -> Machine:
        """See `checks.model.Network`."""
        return self

    def run(
        self,
        command: Sequence[str],
        purpose: str,
        *,
        seconds: float,
        max_bytes: int,
        environment: Mapping[str, str],
    ) -> Finished:
        """See `checks.common.programs.Machine.run`: the whole command line is in the journal, once for each purpose."""
        self._announce("run", command[0], "", f"{purpose} : {shlex.join(command)}")
        with self._open_door("program"):
            return run_program(command, seconds=seconds, max_bytes=max_bytes, environment=environment)

    def undo(self, purpose: str, environment: Mapping[str, str]) -> Undo:
        """See `checks.common.programs.Machine.undo`: each command line is in the journal when it is promised."""

        def announce(command: Sequence[str]) -> None:
            self._announce("run", command[0], "", f"{purpose} : {shlex.join(command)}")

        self._check_moment(purpose)
        with self._open_door("program"):
            return Undo(environment, announce)

    def listen(self, interface: str, protocol: str, purpose: str, opener: Callable[[], SocketT]) -> SocketT:
        """See `checks.common.programs.Machine.listen`."""
        self._announce("listen", interface, protocol, purpose)
        with self._open_door("listening"):
            return opener()

    def close(self) -> None:
        """Write how many connections and datagrams each permitted target really received."""
        with self._lock:
            sent, self._sent = sorted(self._sent.items()), Counter()
        for (target, port, kind), number in sent:
            self._journal.append("count", target, port, kind, "total des envois", number)

    # --- what the audit hook calls -------------------------------------------------------------------------------

    def may_start(self) -> bool:
        """Whether this thread is inside `run`."""
        return getattr(self._doors, "program", False)

    def may_listen(self) -> bool:
        """Whether this thread is inside the opener of `listen`."""
        return getattr(self._doors, "listening", False)

    def on_connect(self, sock: socket.socket, target: object, event: str) -> None:
        """Refuse a connect or sendto whose address was not permitted; count the others."""
        if sock.family == _PACKET:
            raise PermissionError("a worker only receives on a raw socket")
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(target, tuple):
            return
        host, port = str(target[0]), int(target[1])
        kind = "udp" if sock.type & ~_TYPE_FLAGS == socket.SOCK_DGRAM else "tcp"
        address = parse_address(host)
        if address is None:
            self._refuse(host, port, kind, "une bibliothèque a voulu joindre un nom sans le faire autoriser")
        assert address is not None  # noqa: S101 - _refuse always raises
        if (str(address), port) not in self._granted and (str(address), 0) not in self._granted:
            self._refuse(str(address), port, kind, self._guard.refuse_address(address) or "envoi non annoncé")
        self._check_moment(str(address))
        with self._lock:
            self._sent[str(address), port, f"{kind} {event.rpartition('.')[2]}"] += 1

    def on_resolve(self, host: object, *, reverse: bool = False) -> None:
        """Refuse a name resolution outside the mandate: a DNS question is a packet too.

        With `reverse`, an address is a question as well: its name is asked of the machine's own DNS servers.
        """
        if host in (None, "", b"") or getattr(self._resolving, "active", False):
            return
        name = host.decode("latin-1") if isinstance(host, bytes) else str(host)
        if parse_address(name) is not None:
            if reverse:
                self._refuse(name, 0, "dns", "recherche inverse non annoncée")
        elif name not in ("localhost", socket.gethostname()):
            self._refuse(name, 0, "dns", self._guard.refuse_name(name) or "résolution non annoncée")

    # --- internals -----------------------------------------------------------------------------------------------

    def _announce(self, action: str, target: str, protocol: str, purpose: str) -> None:
        """Refuse outside the hours of the mandate; write in the journal what is done for the first time."""
        self._check_moment(target)
        key = action, target, purpose
        with self._lock:
            new = key not in self._local
            self._local.add(key)
        if new:
            self._journal.append(action, target, 0, protocol, purpose)

    @contextlib.contextmanager
    def _open_door(self, name: str) -> Iterator[None]:
        setattr(self._doors, name, True)
        try:
            yield
        finally:
            setattr(self._doors, name, False)

    def _check_moment(self, target: str) -> None:
        if why := self._guard.refuse_moment(self._clock()):
            self._refuse(target, 0, "", why)

    def _decide(
        self, name: str, addresses: tuple[Address, ...], port: int, protocol: str, purpose: str, why: str
    ) -> None:
        if why:
            self._refuse(name, port, protocol, why)
        for address in addresses:
            key = (str(address), port, protocol, purpose)
            with self._lock:
                self._granted.add((str(address), port))
                new = key not in self._announced
                self._announced.add(key)
            if new:
                target = name if name == str(address) else f"{name} ({address})"
                self._journal.append("permit", target, port, protocol, purpose)

    def _refuse(self, target: str, port: int, protocol: str, why: str) -> None:
        self._journal.append("refuse", target, port, protocol, why)
        error = MandateRefusedError(f"{target}:{port}" if port else target, why)
        self.refused.append(error)
        raise error

    def _resolve(self, name: str) -> tuple[str, ...]:
        """Addresses of an authorised name, from the declared resolvers or else from this machine's own."""
        if self._resolvers:
            return self._ask_resolvers(name)
        self._resolving.active = True
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        finally:
            self._resolving.active = False
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _ask_resolvers(self, name: str) -> tuple[str, ...]:
        for address in self._resolvers:
            self.permit(address, DNS_PORT, "dns", "résolution des cibles du mandat")
        return ask_addresses(name, self._resolvers)


def ask_addresses(name: str, resolvers: tuple[str, ...]) -> tuple[str, ...]:
    """IPv4 then IPv6 addresses of `name` from `resolvers`, within `RESOLVE_TIMEOUT` for each family.

    Raises `OSError` when there is none, or when nobody answers.
    """
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(resolvers)
    resolver.lifetime = RESOLVE_TIMEOUT
    resolver.use_edns(0, 0, 1232)
    addresses: list[str] = []
    problem = ""
    for kind in ("A", "AAAA"):
        try:
            addresses += [record.to_text() for record in resolver.resolve(name, kind, search=False)]
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            continue
        except dns.exception.DNSException as error:
            problem = problem or f"{name} : pas de réponse des serveurs DNS ({type(error).__name__})"
    if not addresses:
        raise OSError(problem or f"{name} : ce nom n'a pas d'adresse")
    return tuple(addresses)


_FORBIDDEN_EVENTS = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.posix_spawn",
        "os.exec",
        "os.spawn",
        "os.startfile",
        "os.startfile/2",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
    }
)
_TYPE_FLAGS = getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0)
_ALLOWED_TYPES = frozenset({socket.SOCK_STREAM, socket.SOCK_DGRAM})
_ALLOWED_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_UNIX", socket.AF_INET)})
_PACKET = getattr(socket, "AF_PACKET", None)
_ROUTES = (getattr(socket, "AF_NETLINK", None), getattr(socket, "NETLINK_ROUTE", None))
"""Family and protocol by which scapy, as the C library does, asks the kernel for its own interfaces and routes.

No packet leaves by it. Without it scapy cannot even be imported."""
_BY_DESCRIPTOR = -1
"""Family and type of a socket object made from an open descriptor, to be found out by the interpreter."""


def install_audit_hook(network: GuardedNetwork) -> None:
    """Put `network` in front of every socket of this process, for good: an audit hook cannot be removed."""
    # socket.socket must exist before the hook looks at its attributes from inside an event.
    connects = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
    resolves = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in connects:
            network.on_connect(args[0], args[1], event)  # type: ignore[arg-type]
        elif event in resolves:
            network.on_resolve(args[0])
        elif event == "socket.gethostbyaddr":
            network.on_resolve(args[0], reverse=True)
        elif event == "socket.getnameinfo":
            network.on_resolve(args[0][0], reverse=True)  # type: ignore[index]
        elif event in _FORBIDDEN_EVENTS:
            if not network.may_start():
                raise PermissionError(f"{event}: a worker may not start a program")
        elif event == "socket.__new__" and (args[1], args[3]) != _ROUTES:
            family, kind = int(args[1]), int(args[2])  # type: ignore[call-overload]
            if family != _PACKET or not network.may_listen():
                _check_kind(family, kind)

    sys.addaudithook(hook)


def _check_kind(family: int, kind: int) -> None:
    """Refuse what could send a packet that no connect or sendto announces."""
    if kind != _BY_DESCRIPTOR and kind & ~_TYPE_FLAGS not in _ALLOWED_TYPES:
        raise PermissionError("a worker may not open a raw socket")
    if family not in (_BY_DESCRIPTOR, *_ALLOWED_FAMILIES):
        raise PermissionError("a worker may not open a raw socket or one of another family than IP")


def system_resolvers() -> tuple[str, ...]:
    """DNS servers this machine is configured with; empty when it has none or they cannot be read."""
    import dns.exception
    import dns.resolver

    try:
        found = [str(server) for server in dns.resolver.Resolver().nameservers]
    except (dns.exception.DNSException, OSError, ValueError):
        return ()
    return tuple(server for server in found if parse_address(server) is not None)
