"""Do frames end with their checksum? Headers say it badly: some drivers lie, some formats say nothing.

The CRC-32 itself answers: it is computed on the frames that take the slow path, and what those show holds for the
interface. Where some checksums are right, a frame whose own is wrong was damaged on the air, and is not believed.
"""

from __future__ import annotations

import zlib

from checks.wifi.capture.elements import walk

SIZE = 4
ENOUGH = 8
"""Frames that must agree before an interface is settled."""
_FIXED = 36


class Fcs:
    """What is known of the frames of one interface."""

    def __init__(self) -> None:
        self.tail = 0
        """Bytes to leave out at the end of a frame whose header says nothing."""
        self.tail_flagged = SIZE
        """Bytes to leave out when the header announces a checksum."""
        self._good = 0
        self._bad = 0

    def check(self, data: bytes, start: int, end: int, *, flagged: bool) -> int | None:
        """End of the frame without its checksum; None when it is damaged. `end` is the end of what was recorded."""
        right = has_checksum(data, start, end)
        if right:
            self._good += 1
        else:
            self._bad += 1
        return self._flagged(data, start, end, right=right) if flagged else self._silent(end, right=right)

    def _silent(self, end: int, *, right: bool) -> int | None:
        if self._good >= ENOUGH and not self._bad:
            self.tail = SIZE
        if right:
            return end - SIZE
        return None if self.tail else end

    def _flagged(self, data: bytes, start: int, end: int, *, right: bool) -> int | None:
        if right:
            return end - SIZE
        if not self.tail_flagged:
            return end
        if self._good:
            return None
        if walk(data, start + _FIXED, end)[1]:
            # Never a right one on this interface: the capture was edited (addresses replaced) after it was taken.
            return end - SIZE
        # Elements that end exactly with the frame: the driver announces a checksum and does not give it.
        if self._bad >= ENOUGH:
            self.tail_flagged = 0
        return end


def has_checksum(data: bytes, start: int, end: int) -> bool:
    """The last four bytes are the CRC-32 of those before."""
    inside = end - SIZE
    return inside > start and zlib.crc32(data[start:inside]) == int.from_bytes(data[inside:end], "little")
