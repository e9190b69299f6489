"""What goes to standard output and error: any terminal, any encoding, a reader that leaves early."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def write_data(text: str) -> None:
    """Write machine-readable text to standard output, always as UTF-8."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # standard output was replaced by a text-only object
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    binary.write(text.encode("utf-8"))
    binary.flush()


class _Patient(io.FileIO):
    """A descriptor whose reader may leave (`| head`): what nobody reads is dropped, and the exit code stays ours."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return len(memoryview(data))


def prepare_streams() -> None:
    """Make the streams of the process survive a poor encoding and a broken pipe."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper):
            continue
        if os.name == "posix" and not stream.isatty():
            raw = io.BufferedWriter(_Patient(stream.fileno(), "wb", closefd=False))
            stream = io.TextIOWrapper(raw, stream.encoding, line_buffering=name == "stderr")
            setattr(sys, name, stream)
        stream.reconfigure(errors="replace")
