"""Bytes of a capture, piece by piece, uncompressed on the way and hashed as stored. Memory does not grow with size."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 18
"""Bytes read at a time: small enough to stay in the cache of the processor, which makes parsing a third faster."""
GZIP_MAGIC = b"\x1f\x8b"
MAX_RATIO = 300
"""Unpacked over packed size: a capture of nothing but beacons of one network compresses by 100."""
MAX_SMALL = 1 << 28
"""Unpacked bytes that are never too many."""


class CaptureSource:
    """Reads one file from end to end. `cut` and `refused` tell, afterwards, what was wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes read of the file, as stored."""
        self.compressed = False
        self.cut = False
        """The compressed stream ends too early or is damaged."""
        self.refused = ""
        """Why reading stopped before the end, in French."""

    def sha256(self) -> str:
        """Of the file as stored; complete once `chunks` is exhausted."""
        return self._digest.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """Content in pieces of about `CHUNK` bytes, none of them empty. Raises `OSError`."""
        with self._path.open("rb") as file:
            stored = self._stored(file)
            first = next(stored, b"")
            if first.startswith(GZIP_MAGIC):
                self.compressed = True
                yield from self._unpacked(first, stored)
                for _ in stored:  # what follows is not read, and still belongs to the hash
                    pass
            elif first:
                yield first
                yield from stored

    def _stored(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(CHUNK):
            self._digest.update(piece)
            self.size += len(piece)
            yield piece

    def _unpacked(self, first: bytes, stored: Iterator[bytes]) -> Iterator[bytes]:
        """Members of a gzip file, one after the other, as `gzip` itself would give them."""
        engine = zlib.decompressobj(wbits=31)
        pending, total = first, 0
        try:
            while pending or (pending := next(stored, b"")):
                if engine.eof:
                    if not pending.lstrip(b"\0"):
                        return  # padding after the last member
                    engine = zlib.decompressobj(wbits=31)
                piece = engine.decompress(pending, CHUNK)
                pending = engine.unconsumed_tail or engine.unused_data
                total += len(piece)
                if total > max(MAX_SMALL, MAX_RATIO * self.size):
                    self.refused = "le contenu décompressé est démesuré par rapport au fichier"
                    return
                if piece:
                    yield piece
            yield from self._rest(engine)
        except zlib.error:
            self.cut = True

    def _rest(self, engine: zlib._Decompress) -> Iterator[bytes]:
        while piece := engine.decompress(b"", CHUNK):
            yield piece
        self.cut = not engine.eof
