"""Walk pcap and pcapng containers: pieces of a file in, batches of packets out. Nothing is copied.

A batch is a run of whole packets of one interface inside one buffer, as three parallel lists, because the loop that
reads frames is then several times faster than with one object per packet. Formats: draft-ietf-opsawg-pcap and
draft-ietf-opsawg-pcapng.
"""

# ruff: noqa: PLR2004 - the numbers are those of the file formats
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

MAX_RECORD = 1 << 20
"""Bytes of one packet. Wireshark refuses more than 256 KiB, whatever the header announces."""
MAX_SKIP_INTERFACES = 10_000
"""Interfaces of one section."""

_PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
"""Magic number to byte order; the last two count nanoseconds."""
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_MICROSECONDS = 1_000_000


class NotACaptureError(ValueError):
    """The file is neither pcap nor pcapng."""


class Interface:
    """One source of packets of a file. Compared by identity."""

    __slots__ = ("link", "offset", "snap", "units")

    def __init__(self, link: int, units: int = _MICROSECONDS, offset: int = 0, snap: int = 0) -> None:
        self.link = link
        """Link type (DLT)."""
        self.units = units
        """Time stamp units per second."""
        self.offset = offset
        """Seconds to add to time stamps."""
        self.snap = snap


class Batch(NamedTuple):
    """Packets of one interface: `data[starts[i]:ends[i]]`, received at second `seconds[i]`."""

    interface: Interface
    data: bytes
    starts: list[int]
    ends: list[int]
    seconds: list[int]
    cut: bool
    """Every packet of this batch was longer than what was recorded; of other batches, none."""


class Walker(Protocol):
    """What both containers offer."""

    format: str
    truncated: bool
    interfaces: list[Interface]

    def feed(self, piece: bytes) -> Iterator[Batch]:
        """Batches of the whole packets that this piece completes."""

    def finish(self) -> None:
        """Notice what is left."""


def walker_for(head: bytes) -> Walker:
    """The walker of a file that starts with these bytes (at least 4). Raises `NotACaptureError`."""
    if head[:4] in _PCAP_MAGIC:
        return PcapWalker(_PCAP_MAGIC[head[:4]])
    if head[:4] == _PCAPNG_MAGIC:
        return PcapngWalker()
    raise NotACaptureError


class PcapWalker:
    """Classic pcap."""

    format = "pcap"

    def __init__(self, order: str) -> None:
        self._order = order
        self._record = struct.Struct(f"{order}I4xII")
        self._left = b""
        self._stopped = False
        self.truncated = False
        self.interfaces: list[Interface] = []

    def feed(self, piece: bytes) -> Iterator[Batch]:
        """Batches of the whole packets that this piece completes."""
        if self._stopped:
            return
        data = self._left + piece if self._left else piece
        position = 0
        if not self.interfaces:
            if len(data) < 24:
                self._left = data
                return
            # The upper half of the link type says whether frames end with a checksum; few writers fill it.
            link = struct.unpack_from(f"{self._order}I", data, 20)[0] & 0x03FFFFFF
            self.interfaces.append(Interface(link & 0xFFFF))
            position = 24
        while True:
            before = position
            batch, position = self._run(data, position)
            if batch.starts:
                yield batch
            if position == before or self._stopped:
                break
        self._left = data[position:]

    def _run(self, data: bytes, position: int) -> tuple[Batch, int]:
        """Packets from `position` that are all whole, or all cut short as the first one is."""
        starts: list[int] = []
        ends: list[int] = []
        seconds: list[int] = []
        add_start, add_end, add_second = starts.append, ends.append, seconds.append
        unpack = self._record.unpack_from
        size = len(data)
        last = size - 16
        cut: bool | None = None
        while position <= last:
            second, captured, original = unpack(data, position)
            start = position + 16
            end = start + captured
            if end > size:
                if captured > MAX_RECORD:
                    self._stop()
                break
            if captured != original:
                short = captured < original
                if cut is not short:
                    if cut is not None:
                        break
                    cut = short
            elif cut:
                break
            else:
                cut = False
            add_start(start)
            add_end(end)
            add_second(second)
            position = end
        return Batch(self.interfaces[0], data, starts, ends, seconds, bool(cut)), position

    def _stop(self) -> None:
        """A length that cannot be: nothing after it can be trusted."""
        self._stopped = self.truncated = True

    def finish(self) -> None:
        """A record that the file does not hold entirely."""
        if self._left or not self.interfaces:
            self.truncated = True


class PcapngWalker:
    """Pcapng: blocks, in the byte order of their section."""

    format = "pcapng"

    def __init__(self) -> None:
        self._order = "<"
        self._left = b""
        self._skip = 0
        self._stopped = False
        self._section: list[Interface] = []
        self.truncated = False
        self.interfaces: list[Interface] = []
        self._set_order("<")

    def _set_order(self, order: str) -> None:
        self._order = order
        self._packet = struct.Struct(f"{order}IIIIIII")
        self._head = struct.Struct(f"{order}II")

    def feed(self, piece: bytes) -> Iterator[Batch]:
        """Batches of the whole packets that this piece completes."""
        if self._stopped:
            return
        if self._skip:
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            piece = piece[skipped:]
        data = self._left + piece if self._left else piece
        position = 0
        while not self._stopped:
            before = position
            batch, position = self._run(data, position)
            if batch and batch.starts:
                yield batch
            position, other = self._other(data, position)
            if other and other.starts:
                yield other
            if position == before:
                break
        if position > len(data):
            self._skip, position = position - len(data), len(data)
        self._left = data[position:]

    def _run(self, data: bytes, position: int) -> tuple[Batch | None, int]:
        """Enhanced packet blocks from `position`, of one interface, all whole or all cut short."""
        starts: list[int] = []
        ends: list[int] = []
        seconds: list[int] = []
        add_start, add_end, add_second = starts.append, ends.append, seconds.append
        unpack = self._packet.unpack_from
        size = len(data)
        last = size - 32  # the smallest enhanced packet block
        number, interface, cut = -1, None, False
        units = offset = 0
        while position <= last:
            kind, length, index, high, low, captured, original = unpack(data, position)
            if kind != _PACKET:
                break
            following = position + length
            if length & 3 or captured + 32 > length or following > size:
                break  # unusual: `_other` tells a block that continues from one that cannot be
            if index != number or (captured < original) is not cut:
                if interface is not None or index >= len(self._section):
                    break
                number, interface, cut = index, self._section[index], captured < original
                units, offset = interface.units, interface.offset
            start = position + 28
            add_start(start)
            add_end(start + captured)
            add_second((high << 32 | low) // units + offset)
            position = following
        if interface is None:
            return None, position
        return Batch(interface, data, starts, ends, seconds, cut), position

    def _other(self, data: bytes, position: int) -> tuple[int, Batch | None]:
        """Deal with one block that is not an ordinary packet; the position does not move when it is not whole."""
        if len(data) - position < 12:
            return position, None
        if data[position : position + 4] == _PCAPNG_MAGIC:
            magic = data[position + 8 : position + 12]
            if magic not in {b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"}:
                self._stop()
                return position, None
            self._set_order(">" if magic == b"\x1a\x2b\x3c\x4d" else "<")
        kind, length = self._head.unpack_from(data, position)
        if length < 12 or length & 3:
            self._stop()
            return position, None
        known = kind in {_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET}
        if not known:
            return position + length, None  # maybe beyond what was read: `feed` skips the rest
        if length > MAX_RECORD:
            self._stop()
            return position, None
        if position + length > len(data):
            return position, None
        return position + length, self._block(kind, data, position, length)

    def _block(self, kind: int, data: bytes, position: int, length: int) -> Batch | None:
        body = position + 8
        end = position + length - 4
        if kind == _SECTION:
            self._section = []
        elif kind == _INTERFACE:
            self._add_interface(data, body, end)
        elif kind == _PACKET and end - body >= 20:
            index, high, low, captured, original = struct.unpack_from(f"{self._order}IIIII", data, body)
            return self._single(data, index, (high << 32) | low, body + 20, end, captured, original)
        elif kind == _OLD_PACKET and end - body >= 20:
            index, _, high, low, captured, original = struct.unpack_from(f"{self._order}HHIIII", data, body)
            return self._single(data, index, (high << 32) | low, body + 20, end, captured, original)
        elif kind == _SIMPLE_PACKET and end - body >= 4 and self._section:
            (original,) = struct.unpack_from(f"{self._order}I", data, body)
            snap = self._section[0].snap or original
            return self._single(data, 0, 0, body + 4, end, min(original, snap, end - body - 4), original)
        return None

    def _single(
        self, data: bytes, index: int, stamp: int, start: int, end: int, captured: int, original: int
    ) -> Batch | None:
        if index >= len(self._section) or start + captured > end:
            self.truncated = True  # a packet of an interface that was never described, or longer than its block
            return None
        interface = self._section[index]
        second = stamp // interface.units + interface.offset
        return Batch(interface, data, [start], [start + captured], [second], captured < original)

    def _add_interface(self, data: bytes, body: int, end: int) -> None:
        if end - body < 8 or len(self._section) >= MAX_SKIP_INTERFACES:
            self._stop()
            return
        link, _, snap = struct.unpack_from(f"{self._order}HHI", data, body)
        interface = Interface(link, snap=snap)
        position = body + 8
        while end - position >= 4:
            code, size = struct.unpack_from(f"{self._order}HH", data, position)
            value = data[position + 4 : min(position + 4 + size, end)]
            if code == 9 and size == 1 and value:
                power = value[0] & 0x7F
                interface.units = 2**power if value[0] & 0x80 else 10 ** min(power, 30)
            elif code == 14 and len(value) == 8:
                (interface.offset,) = struct.unpack(f"{self._order}q", value)
            elif code == 0:
                break
            position += 4 + (size + 3 & ~3)
        self._section.append(interface)
        self.interfaces.append(interface)

    def _stop(self) -> None:
        """A block that cannot be: nothing after it can be trusted."""
        self._stopped = self.truncated = True

    def finish(self) -> None:
        """A block that the file does not hold entirely."""
        if self._left or self._skip:
            self.truncated = True
