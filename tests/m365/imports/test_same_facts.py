"""The same tenant, read live or given as files, has the same readings and the same verdicts."""

from __future__ import annotations

import importlib
import json
import tomllib
from pathlib import Path

import msgspec
import pytest

import checks.m365
from checks.m365.client.trim import Trimmer
from checks.m365.facts import M365Facts, Rows
from checks.m365.imports.found import facts_of
from checks.m365.imports.reading import read_files
from checks.m365.resources import BY_NAME
from checks.m365.summary import summary
from checks.model import Judgement
from tests.m365 import tenants as t
from tests.m365.controls_b.rows import bad, good

DERIVED = frozenset({"role_groups", "group_owners", "user_activity", "mail_dns", "deleted_items", "skus"})
"""Readings that an answer alone does not give as they are: made from several, asked to the DNS, or cut."""
FOLDER = Path(checks.m365.__file__).parent
CHECKS = {
    control["id"]: control["check"]
    for control in tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))["control"]
}


def dumped(facts: M365Facts, folder: Path) -> list[Path]:
    """Each reading as the answer of its interface, in a file that has its name."""
    paths = []
    for name, found in facts.readings.items():
        assert isinstance(found, Rows)
        resource = BY_NAME[name]
        value: object = {"value": list(found.rows)}
        if resource.single:
            value = found.rows[0] if found.rows else {}
        label = resource.path if resource.path.startswith("Get-") else name
        paths.append(folder / f"{label}.json")
        paths[-1].write_text(json.dumps(value))
    return paths


@pytest.mark.parametrize("tenant", [t.good, good, bad], ids=["entra", "careful", "neglected"])
def test_files_give_the_readings_of_a_live_tenant(tenant, tmp_path: Path) -> None:
    facts = tenant()
    imported = read_files(dumped(facts, tmp_path))
    compared = 0
    for name, found in facts.readings.items():
        assert isinstance(found, Rows)
        if name in DERIVED or not found.rows:
            continue
        again = imported.readings[name]
        assert isinstance(again, Rows)
        assert list(again.rows) == Trimmer(BY_NAME[name]).rows(found.rows), name
        compared += 1
    assert compared > 15


def verdicts(facts: M365Facts) -> dict[str, str]:
    told = {}
    for control, check in CHECKS.items():
        module, _, name = check.partition(".")
        found = getattr(importlib.import_module(f"checks.m365.controls.{module}"), name)(facts, t.CONTEXT)
        told[control] = found.verdict if isinstance(found, Judgement) else [one.verdict for one in found]
    return told


@pytest.mark.parametrize("tenant", [t.good, bad], ids=["careful", "neglected"])
def test_files_give_the_verdicts_of_a_live_tenant(tenant, tmp_path: Path) -> None:
    live = tenant()
    given = facts_of(read_files(dumped(live, tmp_path)), live.break_glass)
    given = msgspec.structs.replace(given, tenant=live.tenant, licences=live.licences)
    before, after = verdicts(live), verdicts(given)
    # `assignedPlans`, that RO-04 looks at, is not among the properties that the table of readings keeps.
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert changed.keys() <= {"M365-RO-04"}, changed
    assert len(before) > 100


def test_an_export_that_does_not_tell_who_is_active_counts_no_account(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text(json.dumps({"value": [{"id": "u1", "displayName": "A"}]}))
    assert "Comptes" not in summary(facts_of(read_files([path])))
