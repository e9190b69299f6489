"""Programs of the tests: run as the agent runs them, and workers that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from checks.common.programs import Finished, run_program

WAIT = 60.0
"""Seconds left to what must happen; never an expectation of speed."""


def run(command: Sequence[str]) -> Finished:
    return run_program(command, seconds=WAIT, max_bytes=1 << 16, environment={"PATH": os.defpath})


def until(condition) -> bool:
    """Wait for something that must happen; whether it did."""
    deadline = time.monotonic() + WAIT
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(done)


def start_worker(code: str, *words: str) -> subprocess.Popen[bytes]:
    """Start Python code in a session of its own, as the supervisor starts a worker."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parents[3],
    )
