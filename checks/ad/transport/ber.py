"""The few LDAP messages a reader needs, in BER (RFC 4511), decoded fast and with every bound checked.

A general ASN.1 library decodes about ten thousand entries per second; a directory server sends as many. This
decoder knows only definite lengths and the messages of a search, and is several times faster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SEARCH_REQUEST = 0x63
SEARCH_ENTRY = 0x64
SEARCH_DONE = 0x65
SEARCH_REFERENCE = 0x73
EXTENDED_RESPONSE = 0x78
BIND_REQUEST = 0x60
BIND_RESPONSE = 0x61

PAGED_RESULTS = "1.2.840.113556.1.4.319"
SD_FLAGS = "1.2.840.113556.1.4.801"
OWNER_GROUP_DACL = 7

BASE, ONE_LEVEL, SUBTREE = 0, 1, 2
"""Scopes of a search."""

_SEQUENCE = 0x30
_OCTETS = 0x04
_CONTROLS = 0xA0
_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 4
_NAMES_KEPT = 4096


class MalformedMessage(ValueError):  # noqa: N818 - named after what it says of the message
    """The bytes are not an LDAP message a server may send here."""


class Control(NamedTuple):
    """A control: its type and its BER value (None when it has none)."""

    oid: str
    value: bytes | None = None
    critical: bool = False


class Done(NamedTuple):
    """End of a search or of a bind."""

    code: int
    matched: str
    message: str
    cookie: bytes
    """Of the paged-results control; empty when there is no further page."""


# --- writing


def tlv(tag: int, body: bytes) -> bytes:
    """One element with a definite length."""
    size = len(body)
    if size < _LONG_FORM:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + body


def integer(value: int, tag: int = 0x02) -> bytes:
    """A non-negative INTEGER or ENUMERATED."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: str | bytes, tag: int = _OCTETS) -> bytes:
    """An OCTET STRING; text is sent as UTF-8."""
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def present(attribute: str) -> bytes:
    """Filter `(attribute=*)`."""
    return octets(attribute, 0x87)


def equals(attribute: str, value: str | bytes) -> bytes:
    """Filter `(attribute=value)`; the value needs no escaping in BER."""
    return tlv(0xA3, octets(attribute) + octets(value))


def contains(attribute: str, parts: Iterable[str]) -> bytes:
    """Filter `(attribute=*part*part*)`: values that have all parts in that order."""
    listed = b"".join(octets(part, 0x81) for part in parts)
    return tlv(0xA4, octets(attribute) + tlv(_SEQUENCE, listed))


def any_of(filters: Iterable[bytes]) -> bytes:
    """Filter `(|…)`."""
    return tlv(0xA1, b"".join(filters))


def all_of(filters: Iterable[bytes]) -> bytes:
    """Filter `(&…)`."""
    return tlv(0xA0, b"".join(filters))


ANYTHING = present("objectClass")


def paged(size: int, cookie: bytes = b"") -> Control:
    """The paged-results control (RFC 2696)."""
    return Control(PAGED_RESULTS, tlv(_SEQUENCE, integer(size) + octets(cookie)), critical=True)


def descriptor_flags(flags: int = OWNER_GROUP_DACL) -> Control:
    """LDAP_SERVER_SD_FLAGS: without it the server tries to send the audit list, and sends nothing at all."""
    return Control(SD_FLAGS, tlv(_SEQUENCE, integer(flags)), critical=True)


class Query(NamedTuple):
    """One search. Names of attributes are given as the schema writes them."""

    base: str
    attributes: tuple[str, ...]
    scope: int = SUBTREE
    filter: bytes = ANYTHING
    descriptors: bool = False
    """Also ask for owner, group and access list of each object."""


def search_operation(query: Query, time_limit: int = 0) -> bytes:
    """A search; aliases are not followed. `time_limit` is for the server, in seconds; 0 is none."""
    body = b"".join(
        (
            octets(query.base),
            integer(query.scope, 0x0A),
            integer(0, 0x0A),
            integer(0),
            integer(time_limit),
            b"\x01\x01\x00",
            query.filter,
            tlv(_SEQUENCE, b"".join(octets(name) for name in query.attributes)),
        )
    )
    return tlv(SEARCH_REQUEST, body)


def message(message_id: int, operation: bytes, controls: Iterable[Control] = ()) -> bytes:
    """An LDAPMessage around an encoded operation."""
    encoded = b"".join(
        tlv(
            _SEQUENCE,
            octets(control.oid)
            + (b"\x01\x01\xff" if control.critical else b"")
            + (octets(control.value) if control.value is not None else b""),
        )
        for control in controls
    )
    tail = tlv(_CONTROLS, encoded) if encoded else b""
    return tlv(_SEQUENCE, integer(message_id) + operation + tail)


# --- reading


def header(data: bytes | bytearray, position: int) -> tuple[int, int, int] | None:
    """Tag, start and end of the contents of the element at `position`; None when its header is not whole yet.

    The end may lie beyond the data. Raises `MalformedMessage` on indefinite or absurd lengths.
    """
    size = len(data)
    if position + 2 > size:
        return None
    length = data[position + 1]
    start = position + 2
    if length >= _LONG_FORM:
        count = length & 0x7F
        if not 1 <= count <= _MAX_LENGTH_BYTES:
            raise MalformedMessage(f"length on {count} bytes")
        if start + count > size:
            return None
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    return data[position], start, start + length


def _element(data: bytes, position: int, limit: int, tag: int) -> tuple[int, int]:
    """Start and end of the contents of the element at `position`; it must have that tag and fit in."""
    found = header(data, position)
    if found is None or found[0] != tag or found[2] > limit:
        raise MalformedMessage(f"expected tag {tag:#x} at {position}")
    return found[1], found[2]


def operation(data: bytes) -> tuple[int, int, int, int]:
    """Message id, tag of the operation, start and end of its contents, for one whole LDAPMessage."""
    start, end = _element(data, 0, len(data), _SEQUENCE)
    id_start, id_end = _element(data, start, end, 0x02)
    found = header(data, id_end)
    if found is None or found[2] > end or not 1 <= id_end - id_start <= _MAX_LENGTH_BYTES:
        raise MalformedMessage("message without operation")
    return int.from_bytes(data[id_start:id_end], "big"), *found


class Names(dict[bytes, str]):
    """Attribute names in lower case, decoded once for a whole connection."""

    def __missing__(self, raw: bytes) -> str:
        """Decode a name not seen before."""
        lowered = raw.decode("ascii", "replace").lower()
        if len(self) < _NAMES_KEPT:
            self[raw] = lowered
        return lowered


def entry(data: bytes, start: int, end: int, names: Names) -> tuple[str, dict[str, list[bytes]]]:
    """Name and attributes of a search entry whose contents are at `start`–`end`.

    Attribute names are in lower case; options (`;range=0-1499`) are kept. Raises `MalformedMessage`.
    """
    name_start, name_end = _element(data, start, end, _OCTETS)
    position, limit = _element(data, name_end, end, _SEQUENCE)
    attributes: dict[str, list[bytes]] = {}
    try:
        while position < limit:
            # Unrolled on purpose: this loop runs some hundred thousand times on an ordinary directory.
            if data[position] != _SEQUENCE:
                raise MalformedMessage("attribute expected")
            length = data[position + 1]
            position += 2
            if length >= _LONG_FORM:
                count = length & 0x7F
                length = int.from_bytes(data[position : position + count], "big")
                position += count
            attribute_end = position + length
            size = data[position + 1]
            position += 2
            if size >= _LONG_FORM or attribute_end > limit:
                raise MalformedMessage("attribute outside its entry")
            name = data[position : position + size]
            position += size
            length = data[position + 1]
            position += 2
            if length >= _LONG_FORM:
                count = length & 0x7F
                length = int.from_bytes(data[position : position + count], "big")
                position += count
            if position + length != attribute_end:
                raise MalformedMessage("values do not fill their attribute")
            values = []
            while position < attribute_end:
                length = data[position + 1]
                position += 2
                if length >= _LONG_FORM:
                    count = length & 0x7F
                    length = int.from_bytes(data[position : position + count], "big")
                    position += count
                stop = position + length
                values.append(data[position:stop])
                position = stop
            if position != attribute_end:
                raise MalformedMessage("value outside its attribute")
            attributes[names[name]] = values
    except IndexError as error:
        raise MalformedMessage("entry cut short") from error
    if position != limit:
        raise MalformedMessage("attribute outside its entry")
    return data[name_start:name_end].decode("utf-8", "replace"), attributes


def done(data: bytes, start: int, end: int) -> Done:
    """Result of a search or of a bind, contents at `start`–`end` of a whole message."""
    code_start, code_end = _element(data, start, end, 0x0A)
    matched_start, matched_end = _element(data, code_end, end, _OCTETS)
    text_start, text_end = _element(data, matched_end, end, _OCTETS)
    return Done(
        code=int.from_bytes(data[code_start:code_end], "big"),
        matched=data[matched_start:matched_end].decode("utf-8", "replace"),
        message=data[text_start:text_end].decode("utf-8", "replace").rstrip("\x00"),
        cookie=_cookie(data, end),
    )


def sasl_credentials(data: bytes, start: int, end: int) -> bytes:
    """The serverSaslCreds of a bind response; empty when there are none."""
    position = start
    while position < end:
        found = header(data, position)
        if found is None or found[2] > end:
            raise MalformedMessage("bind response cut short")
        if found[0] == 0x87:  # noqa: PLR2004 - [7] serverSaslCreds
            return data[found[1] : found[2]]
        position = found[2]
    return b""


def _cookie(data: bytes, position: int) -> bytes:
    if position >= len(data):
        return b""
    start, end = _element(data, position, len(data), _CONTROLS)
    while start < end:
        inner, start = _element(data, start, end, _SEQUENCE)
        oid_start, oid_end = _element(data, inner, start, _OCTETS)
        if data[oid_start:oid_end] != PAGED_RESULTS.encode():
            continue
        position = oid_end
        if position < start and data[position] == 0x01:
            position = _element(data, position, start, 0x01)[1]
        value_start, value_end = _element(data, position, start, _OCTETS)
        body_start, body_end = _element(data, value_start, value_end, _SEQUENCE)
        size_end = _element(data, body_start, body_end, 0x02)[1]
        cookie_start, cookie_end = _element(data, size_end, body_end, _OCTETS)
        return data[cookie_start:cookie_end]
    return b""
