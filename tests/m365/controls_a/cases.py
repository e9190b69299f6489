"""Every control of this half of the catalogue, and what the table of cases needs to call it."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from checks.catalogue import Control
from checks.m365.facts import M365Facts
from checks.model import Context, Judgement
from tests.m365 import tenants as t

FOLDER = Path(__file__).parents[3] / "checks" / "m365"
FAMILIES = ("M365-ID-", "M365-RO-", "M365-GU-", "M365-AP-")
CATALOGUE = tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))
CONTROLS = {
    entry["id"]: msgspec.convert(entry, Control) for entry in CATALOGUE["control"] if entry["id"].startswith(FAMILIES)
}
ANSWERED = Context(now=t.NOW, answers={"m365_partners": True})


def judge(identifier: str, facts: M365Facts, context: Context = t.CONTEXT) -> Judgement:
    """The verdict of one control, called as the catalogue says."""
    module, _, name = CONTROLS[f"M365-{identifier}"].check.rpartition(".")
    function: Any = getattr(importlib.import_module(f"checks.m365.controls.{module}"), name)
    found = function(facts, context)
    assert isinstance(found, Judgement)
    return found
