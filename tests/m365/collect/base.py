"""Run the collector against the fake services, in a time that passes only when someone waits."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from checks.m365.client.meter import Pace
from checks.m365.collect import collect_live
from checks.m365.config import M365Config
from checks.m365.facts import M365Facts, Rows
from checks.model import CollectRequest, Gap
from tests.m365.fakes import tenants
from tests.m365.fakes.network import LoopbackNetwork
from tests.m365.fakes.server import FakeMicrosoft
from tests.m365.fakes.tenants import Tenant

GRAPH_ONLY = {"exchange": False, "teams": False}


class Run:
    """One collection: what it gave, how long it waited, what it showed."""

    def __init__(self, facts: M365Facts, waits: list[float], steps: list[str], network: LoopbackNetwork) -> None:
        self.facts = facts
        self.waits = waits
        self.steps = steps
        self.network = network

    def rows(self, name: str) -> tuple[Any, ...]:
        """The rows of a reading that must be there."""
        found = self.facts.readings[name]
        assert isinstance(found, Rows), f"{name}: {found}"
        return found.rows

    def gap(self, name: str) -> Gap:
        found = self.facts.readings[name]
        assert isinstance(found, Gap), f"{name}: {found}"
        return found

    def gaps(self) -> dict[str, str]:
        return {name: found.reason.value for name, found in self.facts.readings.items() if isinstance(found, Gap)}


def read(
    fake: FakeMicrosoft,
    tenant: Tenant,
    /,
    *,
    network: LoopbackNetwork | None = None,
    secret: str | None = None,
    late: float = 0.0,
    **config: Any,
) -> Run:
    """Collect one tenant; `late` seconds have passed at each look at the clock."""
    now = 0.0
    waits: list[float] = []
    steps: list[str] = []
    network = network or LoopbackNetwork()

    def clock() -> float:
        nonlocal now
        now += late
        return now

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(seconds)
        await asyncio.sleep(0)

    request = CollectRequest(
        config=msgspec.convert(fake.profile(tenant, **config), M365Config),
        secret=lambda reference: {"env:AUSCULTE_M365": tenant.secret if secret is None else secret}[reference],
        clock=lambda: tenants.NOW,
    )
    facts = asyncio.run(
        collect_live(request, network, lambda step, *_: steps.append(step), Pace(clock=clock, sleep=sleep))
    )
    return Run(facts, waits, steps, network)


def house(fake: FakeMicrosoft, name: str) -> Tenant:
    """`standard` or `premium`."""
    wanted = {"standard": "tilleuls.onmicrosoft.test", "premium": "tilleuls-premium.onmicrosoft.test"}[name]
    found = fake.tenant(wanted)
    assert found is not None
    return found
