"""Fixtures every test may use."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.lab_fixture"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the laboratory tests in one worker: they share its laboratories, started once."""
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group("lab"))
