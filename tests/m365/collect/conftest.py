"""The fake services, for tests that need the libraries of Microsoft."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.m365.fakes import tenants
from tests.m365.fakes.server import FakeMicrosoft


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeMicrosoft]:
    for name in ("msgraph_core", "azure.identity", "kiota_http"):
        pytest.importorskip(name, reason="the m365 extra is not installed")
    with FakeMicrosoft(tmp_path, [tenants.standard(), tenants.premium()]) as running:
        yield running
