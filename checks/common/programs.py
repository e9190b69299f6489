"""What a collector asks of the machine it runs on: start a program of the system, undo a change, listen to a radio.

None goes to a target of the mandate by itself, and all leave the interpreter: in a worker they only exist through
the object that also guards the network, which writes them in the journal first.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple, Protocol, TypeVar

from checks.common.undo import Undo

SocketT = TypeVar("SocketT")

MAX_ERRORS = 65_536
"""Bytes kept of what a program writes on its standard error."""
_PIECE = 65_536
_GRACE = 2.0
"""Seconds left to a program that was killed, or to what it started, to close its outputs."""


class Finished(NamedTuple):
    """How a program ended."""

    code: int
    out: bytes
    err: bytes
    cut: bool = False
    """It wrote more than was allowed, and was stopped there."""


class Machine(Protocol):
    """The doors of a worker that are not connections. Every method raises `MandateRefusedError`."""

    def run(
        self,
        command: Sequence[str],
        purpose: str,
        *,
        seconds: float,
        max_bytes: int,
        environment: Mapping[str, str],
    ) -> Finished:
        """Journal a program that only asks the system something, run it and return what it wrote.

        `command` begins with an absolute path, goes through no shell and holds no secret. Raises `OSError` when it
        cannot be started and `TimeoutError` after `seconds`. A program that sends to a target needs a permit first.
        """

    def undo(self, purpose: str, environment: Mapping[str, str]) -> Undo:
        """Journal what a block that changes the machine will put back, and promise it. See `checks.common.undo`."""

    def listen(self, interface: str, protocol: str, purpose: str, opener: Callable[[], SocketT]) -> SocketT:
        """Journal and let `opener` open a raw socket, which must only ever receive. Raises what `opener` raises."""


def run_program(command: Sequence[str], *, seconds: float, max_bytes: int, environment: Mapping[str, str]) -> Finished:
    """Run a program without shell nor input, bounded in time and in output. See `Machine.run`.

    The program is killed at either bound. It stays in the process group of its parent, so that what ends the parent
    ends it too.
    """
    process = subprocess.Popen(  # noqa: S603 - an argument list, through no shell
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - both are pipes
    out = _Reader(process.stdout, max_bytes, process.kill)
    err = _Reader(process.stderr, MAX_ERRORS, None)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]}: no answer within {seconds} seconds") from None
    finally:
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        written, errors = out.finish(), err.finish()
    return Finished(code, written, errors, out.cut)


class _Reader:
    """Reads one output to its end, and keeps no more than `limit` bytes of it."""

    def __init__(self, stream: IO[bytes], limit: int, on_cut: Callable[[], None] | None) -> None:
        self.cut = False
        self._kept: list[bytes] = []
        self._left = limit
        self._on_cut = on_cut
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def finish(self) -> bytes:
        """What was kept, once the program has ended."""
        # A child of the program may hold its output open: what the program wrote itself is read by then, and whoever
        # goes on writing finds the output closed.
        self._thread.join(_GRACE)
        self._ended.set()
        return b"".join(self._kept)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while not self._ended.is_set() and (piece := stream.read1(_PIECE)):  # type: ignore[attr-defined]
                if self._left:
                    self._kept.append(piece[: self._left])
                if len(piece) > self._left and self._on_cut is not None:
                    self.cut = True
                    self._on_cut()
                    return
                self._left = max(0, self._left - len(piece))
