"""Reads a directory over one open connection: pages, ranges, time limits. Streams; keeps one page at most."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from checks.ad.transport import ber
from checks.ad.transport.ber import MalformedMessage, Query

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of one LDAP message. A group with 5,000 members in one reply is below 1 MiB."""
PAGE_BYTES = 16 * 1024 * 1024
"""Bytes kept before entries are handed over, even when the page is not complete."""
MAX_RANGES = 2_000
"""Replies read for one attribute that comes in ranges; 1,500 values each on an ordinary controller."""

_CHUNK = 256 * 1024
_RANGE = re.compile(r"([a-z0-9-]+);range=(\d{1,9})-(\d{1,9}|\*)", re.IGNORECASE)

SUCCESS = 0
TIME_LIMIT_EXCEEDED = 3
SIZE_LIMIT_EXCEEDED = 4
STRONGER_AUTH_REQUIRED = 8
REFERRAL = 10
ADMIN_LIMIT_EXCEEDED = 11
SASL_BIND_IN_PROGRESS = 14
NO_SUCH_ATTRIBUTE = 16
NO_SUCH_OBJECT = 32
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS_RIGHTS = 50
BUSY = 51
UNAVAILABLE = 52


class LdapResultError(Exception):
    """The server ended an operation with another result than success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}".strip())
        self.code = code
        self.message = message


class ConnectionLostError(OSError):
    """The server closed the connection, or an earlier failure left it unusable."""


class Channel(Protocol):
    """A connected socket, or something that protects what goes through one."""

    def sendall(self, data: bytes, /) -> None:
        """Send everything. Raises `OSError`."""

    def recv(self, size: int, /) -> bytes:
        """At least one byte, or nothing when the peer closed. Raises `OSError`, `TimeoutError` among them."""

    def close(self) -> None:
        """Forget the connection."""


class Entry(NamedTuple):
    """One object as the server sent it."""

    dn: str
    attributes: dict[str, list[bytes]]
    """Names in lower case, without range option."""
    cut: frozenset[str] = frozenset()
    """Attributes whose values could not all be read."""


class MessageReader:
    """Cuts the bytes of a channel into whole LDAP messages."""

    def __init__(self, channel: Channel, deadline: Callable[[], float]) -> None:
        self._channel = channel
        self._deadline = deadline
        self._buffer = b""
        self._position = 0

    def next(self) -> bytes:
        """The next whole message. Raises `OSError` and `MalformedMessage`."""
        while True:
            found = ber.header(self._buffer, self._position)
            if found is not None:
                tag, _, end = found
                if tag != 0x30 or end - self._position > MAX_MESSAGE:  # noqa: PLR2004 - SEQUENCE
                    raise MalformedMessage("not an LDAP message")
                if end <= len(self._buffer):
                    whole = self._buffer[self._position : end]
                    self._position = end
                    return whole
                self._fill(end - len(self._buffer))
            else:
                self._fill(1)

    def _fill(self, missing: int) -> None:
        """Receive at least `missing` bytes; what was consumed is dropped."""
        parts = [self._buffer[self._position :]]
        self._buffer, self._position = b"", 0
        while missing > 0:
            if time.monotonic() > self._deadline():
                raise TimeoutError("time limit of the search reached")
            part = self._channel.recv(_CHUNK)
            if not part:
                raise ConnectionLostError("connection closed by the server")
            parts.append(part)
            missing -= len(part)
        self._buffer = b"".join(parts)


class Directory:
    """Searches on one connection. Not to be shared between threads."""

    def __init__(
        self, channel: Channel, page_size: int = 1000, query_limit: float = 1800.0, first_id: int = 1000
    ) -> None:
        """`query_limit`: seconds for one search, all its pages included."""
        self._channel = channel
        self._page_size = page_size
        self._limit = query_limit
        self._deadline = float("inf")
        self._reader = MessageReader(channel, lambda: self._deadline)
        self._id = first_id
        self._broken = ""
        self._names = ber.Names()
        self.referrals = 0
        self.entries = 0

    def search(self, query: Query) -> Iterator[Entry]:
        """Entries of `query` in the order the server sends them; those whose values come in ranges last.

        Raises `LdapResultError`, `MalformedMessage` and `OSError`; entries read before are already out.
        """
        incomplete: list[Entry] = []
        for dn, attributes in self._pages(query):
            # An attribute name with an option is rare: only ranges have one, since no other option is asked for.
            if any(";" in name for name in attributes):
                incomplete.append(Entry(dn, attributes))
            else:
                yield Entry(dn, attributes)
        for entry in incomplete:
            yield self._complete(entry)

    def read(self, base: str, attributes: tuple[str, ...], *, descriptors: bool = False) -> Entry | None:
        """One object; None when the server does not show it. Raises as `search`."""
        query = Query(base=base, attributes=attributes, scope=ber.BASE, descriptors=descriptors)
        try:
            return next(iter(list(self.search(query))), None)
        except LdapResultError as error:
            if error.code == NO_SUCH_OBJECT:
                return None
            raise

    def bind(self, operation: bytes) -> tuple[ber.Done, bytes]:
        """Send one bind request; return its result and the credentials the server sent back.

        Raises `MalformedMessage` and `OSError`.
        """
        self._deadline = time.monotonic() + self._limit
        message_id = self._send(operation, ())
        data, tag, start, end = self._answer(message_id)
        if tag != ber.BIND_RESPONSE:
            raise MalformedMessage(f"answer {tag:#x} to a bind")
        return ber.done(data, start, end), ber.sasl_credentials(data, start, end)

    def replace_channel(self, channel: Channel) -> None:
        """Go on through `channel`, which protects the same connection from now on."""
        self._channel = channel
        self._reader = MessageReader(channel, lambda: self._deadline)

    def close(self) -> None:
        """Close the connection; never fails."""
        with contextlib.suppress(OSError):
            self._channel.close()

    def _pages(self, query: Query) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
        self._deadline = time.monotonic() + self._limit
        controls = (ber.descriptor_flags(),) if query.descriptors else ()
        attributes = (*query.attributes, "nTSecurityDescriptor") if query.descriptors else query.attributes
        full = query._replace(attributes=attributes)
        cookie = b""
        message_id: int | None = self._ask(full, cookie, controls)
        while message_id is not None:
            bodies: list[tuple[bytes, int, int]] = []
            size = 0
            while True:
                data, tag, start, end = self._answer(message_id)
                if tag == ber.SEARCH_DONE:
                    break
                if tag == ber.SEARCH_ENTRY:
                    bodies.append((data, start, end))
                    size += len(data)
                elif tag == ber.SEARCH_REFERENCE:
                    self.referrals += 1
                if size > PAGE_BYTES:
                    yield from self._decoded(bodies)
                    bodies, size = [], 0
            result = ber.done(data, start, end)
            # Ask for the next page before looking at this one: the server works while we do.
            message_id = self._ask(full, result.cookie, controls) if result.cookie else None
            yield from self._decoded(bodies)
            if result.code != SUCCESS and message_id is None:
                raise LdapResultError(result.code, result.message)

    def _decoded(self, bodies: list[tuple[bytes, int, int]]) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
        self.entries += len(bodies)
        for body in bodies:
            yield ber.entry(*body, self._names)

    def _complete(self, entry: Entry) -> Entry:
        """The entry with every range read to its end, as far as the server lets us."""
        whole: dict[str, list[bytes]] = {}
        cut: set[str] = set()
        for name, values in entry.attributes.items():
            found = _RANGE.fullmatch(name)
            if found is None:
                # AD sends an empty attribute beside its ranged form.
                whole.setdefault(name, values)
                continue
            attribute = found[1].lower()
            rest, complete = self._ranges(entry.dn, attribute, found[3])
            whole[attribute] = values + rest
            if not complete:
                cut.add(attribute)
        return Entry(entry.dn, whole, frozenset(cut))

    def _ranges(self, dn: str, attribute: str, last: str) -> tuple[list[bytes], bool]:
        """Values after position `last`, and whether the server said that there are no more."""
        values: list[bytes] = []
        for _ in range(MAX_RANGES):
            if last == "*":
                return values, True
            asked = f"{attribute};range={int(last) + 1}-*"
            query = Query(base=dn, attributes=(asked,), scope=ber.BASE)
            try:
                found = [attributes for _, attributes in self._pages(query)]
            except LdapResultError:
                return values, False
            match = next((m for attrs in found for m in map(_RANGE.fullmatch, attrs) if m), None)
            if match is None or match[1].lower() != attribute:
                return values, False
            if match[3] != "*" and int(match[3]) <= int(last):
                return values, False
            values += found[0][match[0]]
            last = match[3]
        return values, False

    def _ask(self, query: Query, cookie: bytes, controls: tuple[ber.Control, ...]) -> int:
        operation = ber.search_operation(query, time_limit=int(self._limit))
        return self._send(operation, (ber.paged(self._page_size, cookie), *controls))

    def _send(self, operation: bytes, controls: tuple[ber.Control, ...]) -> int:
        if self._broken:
            raise ConnectionLostError(self._broken)
        self._id += 1
        try:
            self._channel.sendall(ber.message(self._id, operation, controls))
        except OSError as error:
            self._broken = f"connection lost: {error}"
            raise
        return self._id

    def _answer(self, message_id: int) -> tuple[bytes, int, int, int]:
        """The next message that answers `message_id`; what is left of abandoned searches is skipped."""
        try:
            while True:
                data = self._reader.next()
                answered, tag, start, end = ber.operation(data)
                if answered == message_id:
                    return data, tag, start, end
                if answered == 0:
                    raise ConnectionLostError(f"the server ended the session: {_notice(data, start, end)}")
        except (OSError, MalformedMessage) as error:
            # Nothing can be read after this: the next byte would not be the start of a message we wait for.
            self._broken = f"connection lost: {error}"
            raise


def _notice(data: bytes, start: int, end: int) -> str:
    """Text of an unsolicited notification."""
    try:
        found = ber.done(data, start, end)
    except MalformedMessage:
        return "no reason given"
    return f"{found.code} {found.message}".strip()
