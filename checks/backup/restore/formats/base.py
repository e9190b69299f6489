"""How a check of a format concludes, and the bounds it works in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

PIECE = 1 << 20
MAX_BYTES = 1 << 30
"""Bytes one check reads or unpacks."""
MAX_SECONDS = 60.0
"""Seconds one check takes."""


class FormatError(Exception):
    """The check did not succeed; the message is a French clause without any piece of the content."""


class DamagedError(FormatError):
    """The content is not what the format wants."""


class CutError(FormatError):
    """The beginning is right and the end is missing."""


class UndecidedError(FormatError):
    """Nobody can tell: protected by a password, too large, a variant the check does not know."""


class Budget:
    """What is left to one check."""

    def __init__(self, seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._deadline = time.monotonic() + seconds
        self._bytes = max_bytes

    @property
    def late(self) -> bool:
        """Time is over."""
        return time.monotonic() > self._deadline

    def spend(self, number: int) -> None:
        """Count bytes read or unpacked; raises `UndecidedError` when there are too many or time is over."""
        self._bytes -= number
        if self._bytes < 0 or self.late:
            raise UndecidedError("contrôle arrêté : trop long ou trop volumineux")


class Subject(NamedTuple):
    """A restored file, open."""

    file: BinaryIO
    size: int
    head: bytes
    """The first 64 KiB."""
    path: str
    """Where it is in the scratch folder, for a library that opens files itself."""
    extension: str
    """That of its name in the backup."""
    budget: Budget
    run: Callable[[tuple[str, ...]], int] | None = None
    """Runs a program on a neutral name of the file; its exit code. None when programs cannot be run here."""

    def read(self, offset: int, number: int) -> bytes:
        """Bytes at a place; fewer at the end of the file."""
        if offset < 0 or offset > self.size:
            return b""
        self.file.seek(offset)
        return self.file.read(number)

    def tail(self, number: int) -> bytes:
        """The last bytes."""
        return self.read(max(0, self.size - number), number)

    def rewind(self) -> BinaryIO:
        """The file, at its beginning."""
        self.file.seek(0, os.SEEK_SET)
        return self.file


Check = Callable[[Subject], None]
"""Returns when the file opens; raises `FormatError` otherwise."""
