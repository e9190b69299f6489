"""What a domain controller would send, built by hand: descriptors, SIDs, LDAP messages."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping, Sequence

from checks.ad.facts import Ace
from checks.ad.parsers.security_descriptor import parse_sid
from checks.ad.transport import ber

OBJECT_TYPES = {5, 6, 7, 8, 11, 12}


def build_ace(ace: Ace) -> bytes:
    """Binary form of one entry."""
    body = struct.pack("<I", ace.mask)
    if ace.type in OBJECT_TYPES:
        present = (1 if ace.object_type else 0) | (2 if ace.inherited_type else 0)
        body += struct.pack("<I", present)
        body += b"".join(uuid.UUID(g).bytes_le for g in (ace.object_type, ace.inherited_type) if g)
    body += parse_sid(ace.trustee)
    return struct.pack("<BBH", ace.type, ace.flags, 4 + len(body)) + body


def build_acl(aces: Sequence[Ace]) -> bytes:
    body = b"".join(map(build_ace, aces))
    return struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces), 0) + body


def build_descriptor(
    owner: str, aces: Sequence[Ace] | None, control: int = 0x8004, *, acl_first: bool = False
) -> bytes:
    """Self-relative descriptor with owner, group and DACL; `aces` None leaves the DACL out."""
    sid = parse_sid(owner)
    acl = b"" if aces is None else build_acl(aces)
    if acl_first:
        parts, owner_at, acl_at = acl + sid + sid, 20 + len(acl), 20
    else:
        parts, owner_at, acl_at = sid + sid + acl, 20, 20 + 2 * len(sid)
    return (
        struct.pack("<BBHIIII", 1, 0, control, owner_at, owner_at + len(sid), 0, 0 if aces is None else acl_at) + parts
    )


Values = Mapping[str, Sequence[bytes]]


def entry_body(dn: str, attributes: Values) -> bytes:
    listed = b"".join(
        ber.tlv(0x30, ber.octets(name) + ber.tlv(0x31, b"".join(map(ber.octets, values))))
        for name, values in attributes.items()
    )
    return ber.tlv(ber.SEARCH_ENTRY, ber.octets(dn) + ber.tlv(0x30, listed))


def entry(message_id: int, dn: str, attributes: Values) -> bytes:
    return ber.message(message_id, entry_body(dn, attributes))


def result(tag: int, code: int, message: str = "", extra: bytes = b"") -> bytes:
    return ber.tlv(tag, ber.integer(code, 0x0A) + ber.octets("") + ber.octets(message) + extra)


def done(message_id: int, code: int = 0, message: str = "", cookie: bytes | None = None) -> bytes:
    value = None if cookie is None else ber.tlv(0x30, ber.integer(0) + ber.octets(cookie))
    controls = () if value is None else (ber.Control(ber.PAGED_RESULTS, value),)
    return ber.message(message_id, result(ber.SEARCH_DONE, code, message), controls)


def reference(message_id: int, url: str) -> bytes:
    return ber.message(message_id, ber.tlv(ber.SEARCH_REFERENCE, ber.octets(url)))


def bind_answer(message_id: int, code: int = 0, message: str = "", credentials: bytes | None = None) -> bytes:
    extra = b"" if credentials is None else ber.octets(credentials, 0x87)
    return ber.message(message_id, result(ber.BIND_RESPONSE, code, message, extra))
