"""A tenant read live and completed by exported files, or known by files only."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest

from checks.m365.collect import collect
from checks.m365.config import M365Config
from checks.m365.facts import M365Facts, Rows
from checks.model import CollectError, CollectRequest
from tests.m365.collect.base import house
from tests.m365.fakes.network import LoopbackNetwork

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)


def run(secret: str = "", **config: object) -> M365Facts:
    request = CollectRequest(config=msgspec.convert(config, M365Config), secret=lambda _: secret, clock=lambda: NOW)
    return collect(request, LoopbackNetwork(), lambda *_: None)


def dump(folder: Path, name: str = "sharepoint.json") -> str:
    """An export of the settings of SharePoint, as Graph gives them."""
    value = {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#admin/sharepoint/settings/$entity",
        "sharingCapability": "disabled",
    }  # fmt: skip
    (folder / name).write_text(json.dumps(value))
    return str(folder / name)


def test_files_alone_need_no_network_and_no_library(tmp_path):
    facts = run(import_files=[dump(tmp_path)])
    assert facts.authentication == "import"
    found = facts.readings["sharepoint"]
    assert isinstance(found, Rows)
    assert found.rows[0]["sharingCapability"] == "disabled"


def test_files_fill_what_could_not_be_read_live_and_nothing_else(fake, tmp_path):
    tenant = house(fake, "standard")
    options = fake.profile(tenant, exchange=False, teams=False, import_files=[dump(tmp_path)])
    live = run(tenant.secret, **options)
    kept = live.readings["sharepoint"]
    assert isinstance(kept, Rows)
    assert kept.rows[0]["sharingCapability"] == "externalUserAndGuestSharing"
    tenant.granted.discard("SharePointTenantSettings.Read.All")
    filled = run(tenant.secret, **options).readings["sharepoint"]
    assert isinstance(filled, Rows)
    assert filled.rows[0]["sharingCapability"] == "disabled"


def test_files_that_cannot_be_used_do_not_lose_what_was_read_live(fake, tmp_path):
    tenant = house(fake, "standard")
    (tmp_path / "x.json").write_text("rien")
    facts = run(
        tenant.secret, **fake.profile(tenant, exchange=False, teams=False, import_files=[str(tmp_path / "x.json")])
    )
    assert isinstance(facts.readings["users"], Rows)
    assert facts.limits
    with pytest.raises(CollectError):
        run(import_files=[str(tmp_path / "x.json")])
