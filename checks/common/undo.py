"""Put back what was changed on this machine, even when the process that changed it is killed.

A second process is told the commands beforehand, and runs them, the last one first, when its input ends: because the
first process asked, or because it is no more. It lives in a session of its own, out of reach of what ends the first.
This file is also the program of that process, so it imports the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

SECONDS = 10
"""Given to one command."""
MAX_SAID = 300


class Undo:
    """What will be put back. Use as a context manager: the end of the block puts back."""

    def __init__(self, environment: Mapping[str, str], announce: Callable[[Sequence[str]], None]) -> None:
        """`announce` is told each command before it is promised, and may refuse by raising."""
        self._announce = announce
        self._promised = 0
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
        self.failures: list[tuple[str, str]] = []
        """After the end: commands that failed, as one types them, and what they said."""

    def add(self, *command: str) -> None:
        """Promise a command, before doing what it undoes. Returns once the other process knows it. Raises `OSError`."""
        self._announce(command)
        self._tell(command)
        self._promised += 1

    def forget(self) -> None:
        """Promise nothing any more: what was to be undone was not done."""
        self._tell(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        try:
            out, _ = self._process.communicate(timeout=SECONDS * (self._promised + 1))
            self.failures = [(command, said) for command, said in json.loads(out or b"[]")]
        except (subprocess.TimeoutExpired, ValueError):
            self.failures = [("", "pas de réponse")]
        finally:
            # It leaves by itself: killing it would leave the machine as it is.
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def _tell(self, command: Sequence[str]) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 - pipes
        self._process.stdin.write(json.dumps(list(command)).encode() + b"\n")
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise BrokenPipeError("the process that puts back has ended")


def main() -> None:
    """The second process: learn commands, one JSON list a line, and run them when the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.SIG_IGN)
    commands: list[list[str]] = []
    for line in sys.stdin:
        try:
            command = json.loads(line)
        except ValueError:  # killed in the middle of its line
            break
        commands = [*commands, command] if command else []
        print("known", flush=True)
    failures = [[" ".join(command), said] for command in reversed(commands) if (said := _run(command))]
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(failures), flush=True)


def _run(command: list[str]) -> str:
    """What a command says when it fails; empty when it succeeds."""
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, through no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:MAX_SAID]
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:MAX_SAID]
    return (said or f"code {done.returncode}") if done.returncode else ""


if __name__ == "__main__":
    main()
