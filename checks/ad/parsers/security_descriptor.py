"""Security descriptors in self-relative form, as the attribute nTSecurityDescriptor holds them.

Layout: MS-DTYP 2.4.2 (SID), 2.4.4 (ACE), 2.4.5 (ACL), 2.4.6 (SECURITY_DESCRIPTOR).
"""

from __future__ import annotations

import struct
import uuid

from checks.ad.facts import Ace, Descriptor

MAX_DESCRIPTOR = 256 * 1024
"""Bytes. A descriptor is far smaller: each of its two lists is limited to 64 KiB by its own size field."""

_HEADER = struct.Struct("<BBHIIII")
_ACL = struct.Struct("<BBHHH")
_ACE = struct.Struct("<BBHI")
_FLAGS = struct.Struct("<I")

_DACL_PRESENT = 0x4
_SELF_RELATIVE = 0x8000
_PLAIN_TYPES = frozenset({0x0, 0x1, 0x2, 0x3, 0x9, 0xA, 0xD, 0xE, 0x11, 0x12, 0x13})
_OBJECT_TYPES = frozenset({0x5, 0x6, 0x7, 0x8, 0xB, 0xC, 0xF, 0x10})
_OBJECT_TYPE_PRESENT = 0x1
_INHERITED_TYPE_PRESENT = 0x2
_SID_HEADER = 8
_GUID = 16
_MAX_SUB_AUTHORITIES = 15
_CACHE_LIMIT = 65_536


class MalformedDescriptor(ValueError):  # noqa: N818 - named after what it says of the value
    """The bytes are not a security descriptor (or not a SID)."""


def format_sid(raw: bytes) -> str:
    """Text form (`S-1-5-21-…`) of a binary SID that fills `raw` exactly.

    Raises `MalformedDescriptor`.
    """
    sid, end = _sid_at(raw, 0)
    if end != len(raw):
        raise MalformedDescriptor(f"{len(raw) - end} bytes after the SID")
    return sid


def _sid_at(raw: bytes, start: int) -> tuple[str, int]:
    """The SID at `start` and the offset after it."""
    if len(raw) < start + _SID_HEADER:
        raise MalformedDescriptor("SID cut short")
    revision, count = raw[start], raw[start + 1]
    if revision != 1 or count > _MAX_SUB_AUTHORITIES:
        raise MalformedDescriptor(f"SID revision {revision} with {count} sub-authorities")
    end = start + _SID_HEADER + 4 * count
    if len(raw) < end:
        raise MalformedDescriptor("SID cut short")
    authority = int.from_bytes(raw[start + 2 : start + 8], "big")
    head = f"S-1-{authority}" if authority < 1 << 32 else f"S-1-0x{authority:012x}"
    parts = struct.unpack_from(f"<{count}I", raw, start + _SID_HEADER)
    return "-".join((head, *map(str, parts))), end


def parse_sid(text: str) -> bytes:
    """Binary form of a SID in text form.

    Raises `MalformedDescriptor`.
    """
    parts = text.split("-")
    if len(parts) < 3 or parts[0] not in {"S", "s"} or parts[1] != "1":  # noqa: PLR2004 - S, revision, authority
        raise MalformedDescriptor(f"not a SID: {text[:80]!r}")
    try:
        authority = int(parts[2], 16 if parts[2].startswith("0x") else 10)
        subs = [int(part) for part in parts[3:]]
        if len(subs) > _MAX_SUB_AUTHORITIES:
            raise MalformedDescriptor(f"{len(subs)} sub-authorities")
        return bytes((1, len(subs))) + authority.to_bytes(6, "big") + struct.pack(f"<{len(subs)}I", *subs)
    except (ValueError, OverflowError, struct.error) as error:
        raise MalformedDescriptor(f"not a SID: {text[:80]!r}") from error


def format_guid(raw: bytes) -> str:
    """Lower-case text form of a 16-byte GUID in Windows order.

    Raises `MalformedDescriptor`.
    """
    if len(raw) != _GUID:
        raise MalformedDescriptor(f"GUID of {len(raw)} bytes")
    return str(uuid.UUID(bytes_le=raw))


class DescriptorParser:
    """Parses many descriptors of one directory, remembering the entries it has already seen.

    In a real domain a few hundred distinct entries make up all descriptors, so looking an entry up by
    its bytes is much cheaper than decoding it, and descriptors share their entries in memory. The memory
    is bounded: it is emptied when it reaches its limit.
    """

    def __init__(self, cache_limit: int = _CACHE_LIMIT) -> None:
        self._limit = cache_limit
        self._aces: dict[bytes, Ace] = {}
        self._sids: dict[bytes, str] = {}

    def parse(self, raw: bytes) -> Descriptor:
        """Decode a whole descriptor, audit list excepted.

        Raises `MalformedDescriptor`.
        """
        control, owner, dacl = self._header(raw)
        if not control & _DACL_PRESENT or dacl == 0:
            return Descriptor(owner=owner, control=control, aces=None)
        return Descriptor(owner=owner, control=control, aces=self._acl(raw, dacl))

    def owner(self, raw: bytes) -> str:
        """Only the owner SID; empty when the descriptor names none.

        Raises `MalformedDescriptor`.
        """
        return self._header(raw)[1]

    def _header(self, raw: bytes) -> tuple[int, str, int]:
        try:
            revision, _, control, owner, _, _, dacl = _HEADER.unpack_from(raw)
        except struct.error as error:
            raise MalformedDescriptor("header cut short") from error
        if revision != 1 or not control & _SELF_RELATIVE or len(raw) > MAX_DESCRIPTOR:
            raise MalformedDescriptor(f"revision {revision}, control {control:#x}, {len(raw)} bytes")
        if owner == 0:
            return control, "", dacl
        if owner + 1 >= len(raw):
            raise MalformedDescriptor("owner outside the descriptor")
        key = raw[owner : owner + _SID_HEADER + 4 * raw[owner + 1]]
        sid = self._sids.get(key)
        if sid is None:
            sid = _sid_at(raw, owner)[0]
            if len(self._sids) >= self._limit:
                self._sids.clear()
            self._sids[key] = sid
        return control, sid, dacl

    def _acl(self, raw: bytes, start: int) -> tuple[Ace, ...]:
        try:
            _, _, size, count, _ = _ACL.unpack_from(raw, start)
        except struct.error as error:
            raise MalformedDescriptor("access list outside the descriptor") from error
        limit = start + size
        if limit > len(raw):
            raise MalformedDescriptor("access list outside the descriptor")
        known = self._aces.get
        aces = []
        position = start + 8
        try:
            for _ in range(count):
                # The size of an entry is its third field: two bytes, little-endian. What lies outside the list
                # is caught by `parse_ace`, by the index, or by the sum of the sizes.
                end = position + raw[position + 2] + (raw[position + 3] << 8)
                chunk = raw[position:end]
                aces.append(known(chunk) or self._learn(chunk))
                position = end
        except IndexError as error:
            raise MalformedDescriptor("entry outside its list") from error
        if position > limit:
            raise MalformedDescriptor("entry outside its list")
        return tuple(aces)

    def _learn(self, chunk: bytes) -> Ace:
        ace = parse_ace(chunk)
        if len(self._aces) >= self._limit:
            self._aces.clear()
        self._aces[chunk] = ace
        return ace


def parse_ace(chunk: bytes) -> Ace:
    """Decode one entry that fills `chunk` exactly.

    Entries of unknown types keep their type and have an empty trustee. Raises `MalformedDescriptor`.
    """
    try:
        kind, flags, size, mask = _ACE.unpack_from(chunk)
    except struct.error as error:
        raise MalformedDescriptor("entry cut short") from error
    if size != len(chunk):
        raise MalformedDescriptor("entry outside its list")
    if kind in _PLAIN_TYPES:
        return Ace(type=kind, flags=flags, mask=mask, trustee=_sid_at(chunk, _ACE.size)[0])
    if kind not in _OBJECT_TYPES:
        return Ace(type=kind, flags=flags, mask=mask, trustee="")
    return _object_ace(chunk, kind, flags, mask)


def _object_ace(chunk: bytes, kind: int, flags: int, mask: int) -> Ace:
    if len(chunk) < _ACE.size + _FLAGS.size:
        raise MalformedDescriptor("entry cut short")
    (present,) = _FLAGS.unpack_from(chunk, _ACE.size)
    position = _ACE.size + _FLAGS.size
    guids = ["", ""]
    for index, bit in enumerate((_OBJECT_TYPE_PRESENT, _INHERITED_TYPE_PRESENT)):
        if present & bit:
            guids[index] = format_guid(chunk[position : position + _GUID])
            position += _GUID
    trustee = _sid_at(chunk, position)[0]
    return Ace(type=kind, flags=flags, mask=mask, trustee=trustee, object_type=guids[0], inherited_type=guids[1])
