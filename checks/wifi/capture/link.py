"""Headers that adapters put before a frame: where the frame starts, its signal and its frequency.

Radiotap fields are aligned from the start of the header on their natural size, and the presence words may go on
(bit 31) in the same or another namespace (bits 29 and 30): https://www.radiotap.org/. What was computed once for a
shape of header is reused for the next frame of the same shape.
"""

# ruff: noqa: PLR2004 - the numbers are those of the header formats
from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal, NamedTuple

ETHERNET, IEEE80211, PRISM, RADIOTAP, AVS, PPI = 1, 105, 119, 127, 163, 192
"""Link types that are read."""
LINKS = {
    ETHERNET: "ethernet",
    IEEE80211: "ieee802.11",
    PRISM: "prism",
    RADIOTAP: "radiotap",
    AVS: "avs",
    PPI: "ppi",
}

ROUTED = {0: 4, 12: 0, 14: 0, 101: 0, 108: 4, 113: 16, 228: 0, 229: 0, 276: 20}
"""Link types without radio or Ethernet header, to the bytes before the IP packet: loopback of BSD, raw IP, Linux cooked
captures (https://www.tcpdump.org/linktypes.html)."""
FCS_PRESENT, PADDED, FCS_BAD = 0x10, 0x20, 0x40
"""Radiotap flags."""


class Layout(NamedTuple):
    """Where things are, from the start of the link header. Zero stands for absent: the byte there is the version, 0."""

    length: int
    """Bytes before the 802.11 frame."""
    flags: int
    signal: int
    frequency: int
    extended: int
    """Bytes of presence words to check as well, when there are several; else 0."""


class Tag(NamedTuple):
    """What a link header says of one frame."""

    length: int
    flags: int = 0
    """As radiotap flags."""
    signal: int = 0
    """dBm as an unsigned byte; 0 when not given."""
    frequency: int = 0
    """MHz; 0 when not given."""


# Alignment and size of radiotap fields, by bit.
_FIELDS = (
    (8, 8),
    (1, 1),
    (1, 1),
    (2, 4),
    (2, 2),
    (1, 1),
    (1, 1),
    (2, 2),
    (2, 2),
    (2, 2),
    (1, 1),
    (1, 1),
    (1, 1),
    (1, 1),
    (2, 2),
    (2, 2),
    (1, 1),
    (1, 1),
    (4, 8),
    (1, 3),
    (4, 8),
    (2, 12),
    (8, 12),
    (2, 12),
    (2, 12),
    (2, 6),
    (1, 1),
    (2, 4),
)
_FLAGS, _CHANNEL, _SIGNAL = 1, 3, 5
_RADIOTAP_SPACE, _VENDOR_SPACE, _MORE = 1 << 29, 1 << 30, 1 << 31
MAX_WORDS = 64


def radiotap_layout(data: bytes, start: int, end: int) -> Layout | None:
    """Layout of the radiotap header at `start`; None when it does not hold together.

    Only the first flags, channel and signal count: those that follow are of single antennas. A field whose size is
    not known ends the reading of fields, never the frame: the header says its own length.
    """
    if end - start < 8 or data[start] != 0:
        return None
    length = int.from_bytes(data[start + 2 : start + 4], "little")
    if length < 8 or start + length > end:
        return None
    words: list[int] = []
    offset = 4
    while True:
        if offset + 4 > length or len(words) >= MAX_WORDS:
            return None
        words.append(int.from_bytes(data[start + offset : start + offset + 4], "little"))
        offset += 4
        if not words[-1] & _MORE:
            break
    found = _field_offsets(words, data, start, offset, length)
    extended = 4 * len(words) if len(words) > 1 else 0
    return Layout(length, found.get(_FLAGS, 0), found.get(_SIGNAL, 0), found.get(_CHANNEL, 0), extended)


def _field_offsets(words: list[int], data: bytes, start: int, offset: int, length: int) -> dict[int, int]:
    found: dict[int, int] = {}
    vendor = continued = False
    for word in words:
        if not vendor:
            for bit in range(29):
                if not word & (1 << bit):
                    continue
                # Without a namespace bit, the next word goes on with fields 32 and up, of which none is defined.
                if continued or bit >= len(_FIELDS):
                    return found
                align, size = _FIELDS[bit]
                offset = (offset + align - 1) & -align
                if offset + size > length:
                    return found
                found.setdefault(bit, offset)
                offset += size
        if word & _VENDOR_SPACE:
            offset = (offset + 1) & -2
            if offset + 6 > length:
                return found
            offset += 6 + int.from_bytes(data[start + offset + 4 : start + offset + 6], "little")
            vendor = True
        elif word & _RADIOTAP_SPACE:
            vendor = False
        continued = not word & (_VENDOR_SPACE | _RADIOTAP_SPACE)
    return found


def read_radiotap(data: bytes, start: int, end: int) -> Tag | None:
    """What a radiotap header says."""
    layout = radiotap_layout(data, start, end)
    if layout is None:
        return None
    frequency = data[start + layout.frequency : start + layout.frequency + 2] if layout.frequency else b""
    flags = data[start + layout.flags] if layout.flags else 0
    signal = data[start + layout.signal] if layout.signal else 0
    return Tag(layout.length, flags, signal, int.from_bytes(frequency, "little"))


def read_none(data: bytes, start: int, end: int) -> Tag | None:  # noqa: ARG001 - same shape as the others
    """No header at all."""
    return Tag(0)


def read_prism(data: bytes, start: int, end: int) -> Tag | None:
    """Prism header of 144 bytes, or the AVS header that some drivers put under the same link type."""
    if end - start < 8:
        return None
    if data[start : start + 3] == b"\x80\x21\x10":
        return read_avs(data, start, end)
    order: Literal["little", "big"]
    if data[start : start + 4] in {b"\x44\0\0\0", b"\x41\0\0\0"}:
        order = "little"
    elif data[start : start + 4] in {b"\0\0\0\x44", b"\0\0\0\x41"}:
        order = "big"
    else:
        return Tag(0)  # some tools announce this header and write the bare frame
    length = int.from_bytes(data[start + 4 : start + 8], order)
    return Tag(length) if 24 <= length <= end - start else None


def read_avs(data: bytes, start: int, end: int) -> Tag | None:
    """AVS header, big endian, with its own length."""
    if end - start < 64:
        return None
    version, length = struct.unpack_from(">II", data, start)
    if version & 0xFFFFF000 != 0x80211000 or not 64 <= length <= end - start:
        return None
    phy, channel = struct.unpack_from(">II", data, start + 24)
    signal_type, signal = struct.unpack_from(">Ii", data, start + 44)
    dbm = signal & 0xFF if signal_type == 2 and -127 <= signal < 0 else 0  # type 2: dBm
    return Tag(length, 0, dbm, frequency_of(channel) if phy and channel < 200 else 0)


def read_ppi(data: bytes, start: int, end: int) -> Tag | None:
    """Per-packet information header: fields after 8 bytes, the inner link type among them."""
    if end - start < 8 or data[start] != 0:
        return None
    length, inner = struct.unpack_from("<HI", data, start + 2)
    if length < 8 or start + length > end or inner != IEEE80211:
        return None
    position, limit = start + 8, start + length
    while limit - position >= 4:
        kind, size = struct.unpack_from("<HH", data, position)
        if kind == 2 and size >= 20 and position + 24 <= limit:  # 802.11 common
            flags, _, frequency = struct.unpack_from("<HHH", data, position + 12)
            known = (FCS_PRESENT if flags & 1 else 0) | (FCS_BAD if flags & 4 else 0)
            signal = data[position + 22]
            return Tag(length, known, signal if signal >= 0x80 else 0, frequency)
        position += 4 + size
    return Tag(length)


READERS: dict[int, Callable[[bytes, int, int], Tag | None]] = {
    IEEE80211: read_none,
    PRISM: read_prism,
    RADIOTAP: read_radiotap,
    AVS: read_avs,
    PPI: read_ppi,
}
"""Reader of each kind of header that is before an 802.11 frame."""


def channel_of(frequency: int) -> tuple[str, int | None]:
    """Band in GHz and channel number of a frequency in MHz; empty and None when it belongs to none."""
    if 2412 <= frequency <= 2472:
        return "2.4", (frequency - 2407) // 5
    if frequency == 2484:
        return "2.4", 14
    if 4910 <= frequency <= 5925:
        return "5", (frequency - 5000) // 5
    if frequency == 5935:
        return "6", 2
    if 5950 <= frequency <= 7125:
        return "6", (frequency - 5950) // 5
    if 57_000 <= frequency <= 71_000:
        return "60", (frequency - 56_160) // 2160
    return "", None


def frequency_of(channel: int) -> int:
    """MHz of a channel number below 6 GHz; 0 when there is none."""
    if channel == 14:
        return 2484
    if 1 <= channel <= 13:
        return 2407 + 5 * channel
    return 5000 + 5 * channel if 34 <= channel <= 177 else 0
