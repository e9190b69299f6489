"""Laboratories for tests: one as the auditor finds it, one six months later, each started once per session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import runner
from lab.description import AS_FOUND, SIX_MONTHS
from lab.runner import LabInfo

REQUIRE = "AUSCULTE_REQUIRE_LAB"
"""Set to 1, a laboratory that cannot start is a failure and not a skip."""


def unique_name(word: str) -> str:
    return f"test-{word}-{os.getpid()}"


def _started(word: str, state: str) -> Iterator[LabInfo]:
    problems = runner.doctor()
    if problems and os.environ.get(REQUIRE) == "1":
        pytest.fail(" ; ".join(problems))
    if problems:
        pytest.skip(" ; ".join(problems))
    name = unique_name(word)
    try:
        yield runner.up(name, state)
    finally:
        runner.down(name)


@pytest.fixture(scope="session")
def running_lab() -> Iterator[LabInfo]:
    """The site as the auditor finds it."""
    yield from _started("found", AS_FOUND)


@pytest.fixture(scope="session")
def later_lab() -> Iterator[LabInfo]:
    """The same site six months later."""
    yield from _started("later", SIX_MONTHS)
