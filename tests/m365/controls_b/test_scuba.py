"""The table of SCuBA policies: every policy has a control, or a reason not to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import checks.m365

FOLDER = Path(checks.m365.__file__).parent
PATH = Path(__file__).parents[1] / "scuba.toml"
TABLE: dict[str, Any] = tomllib.loads(PATH.read_text("utf-8"))
POLICIES = {one["id"]: one for one in TABLE["policy"]}
CURRENT = {name for name, one in POLICIES.items() if one.get("current")}
NUMBERS = {
    "AAD": (
        "1.1 2.1 2.2 2.3 3.1 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 4.1 5.1 5.2 5.3 5.5 5.6 5.7 6.1 7.1 7.2 7.3 7.4 7.5 7.6 "
        "7.7 7.8 7.9 8.1 8.2 8.3 9.1"
    ),
    "EXO": "1.1 2.2 3.1 4.1 4.2 4.4 5.1 6.1 6.2 7.1 13.1",
    "SECURITYSUITE": (
        "1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 3.1 3.2 3.3 3.4 3.5 4.1 4.2 5.1 5.2 6.1 6.2 7.1 7.2 7.3 8.1 8.2"
    ),
    "SHAREPOINT": "1.1 1.2 1.3 2.1 2.2 3.1 3.2 3.3",
    "TEAMS": "1.1 1.2 1.3 1.4 1.5 1.6 1.7 2.1 2.2 2.3 4.1 5.1 5.2 5.3",
}
"""Policies of the baselines of 2026 (cisagov/ScubaGear), but MS.EXO.4.3, which is about the United States."""
OF_THE_REFERENCE = [
    "MS.AAD.3.2v2",
    "MS.AAD.3.6v1",
    "MS.AAD.1.1v1",
    "MS.AAD.3.9v1",
    "MS.AAD.2.3v1",
    "MS.AAD.2.1v1",
    "MS.AAD.3.3v2",
    "MS.AAD.3.5v2",
    "MS.AAD.3.4v1",
    "MS.AAD.6.1v1",
    "MS.AAD.3.7v1",
    "MS.AAD.3.8v1",
    "MS.AAD.7.1v1",
    "MS.AAD.7.2v1",
    "MS.AAD.7.3v1",
    "MS.AAD.7.4v1",
    "MS.AAD.7.6v1",
    "MS.AAD.7.7v1",
    "MS.AAD.7.8v1",
    "MS.AAD.8.1v1",
    "MS.AAD.8.2v1",
    "MS.AAD.8.3v1",
    "MS.AAD.5.1v1",
    "MS.AAD.5.2v1",
    "MS.AAD.5.3v1",
    "MS.AAD.5.5v1",
    "MS.AAD.5.6v1",
    "MS.AAD.5.7v1",
    "MS.AAD.4.1v1",
    "MS.EXO.13.1v1",
    "MS.EXO.1.1v2",
    "MS.EXO.5.1v1",
    "MS.EXO.7.1v1",
    "MS.EXO.2.2v3",
    "MS.EXO.3.1v1",
    "MS.EXO.4.1v1",
    "MS.EXO.4.2v1",
    "MS.EXO.6.2v1",
    "MS.SECURITYSUITE.5.1v1",
    "MS.SECURITYSUITE.5.2v1",
    "MS.SECURITYSUITE.2.1v1",
    "MS.SECURITYSUITE.1.1v1",
    "MS.SECURITYSUITE.6.2v1",
    "MS.SECURITYSUITE.8.1v1",
    "MS.SHAREPOINT.1.1v1",
    "MS.SHAREPOINT.1.2v1",
    "MS.SHAREPOINT.1.3v1",
    "MS.SHAREPOINT.2.1v1",
    "MS.SHAREPOINT.3.1v1",
    "MS.TEAMS.2.1v2",
    "MS.TEAMS.2.2v2",
    "MS.TEAMS.1.2v2",
    "MS.TEAMS.1.3v1",
    "MS.TEAMS.4.1v1",
    "MS.TEAMS.5.2v2",
]
"""Those that the control reference of the project names."""
DEFENDER = [
    "1.1",
    "1.2",
    "1.3",
    "1.4",
    "1.5",
    "2.1",
    "2.2",
    "2.3",
    "3.1",
    "4.1",
    "4.2",
    "4.3",
    "4.4",
    "4.5",
    "4.6",
    "5.1",
    "5.2",
    "6.1",
    "6.3",
]


KNOWN = {
    one["id"]
    for path in FOLDER.glob("catalogue*.toml")
    for one in tomllib.loads(path.read_text("utf-8")).get("control", ())
}


def test_every_current_policy_has_a_control() -> None:
    wanted = {f"MS.{product}.{number}" for product, numbers in NUMBERS.items() for number in numbers.split()}
    assert {name.rpartition("v")[0] for name in CURRENT} == wanted
    assert len(CURRENT) == len(wanted) == 91


@pytest.mark.parametrize("name", OF_THE_REFERENCE)
def test_policy_of_the_reference_is_mapped(name: str) -> None:
    assert POLICIES[name]["controls"]


@pytest.mark.parametrize("number", DEFENDER)
def test_old_name_of_the_security_suite_is_mapped(number: str) -> None:
    found = [name for name in POLICIES if name.rpartition("v")[0] == f"MS.DEFENDER.{number}"]
    assert found
    assert not set(found) & CURRENT


@pytest.mark.parametrize("name", POLICIES)
def test_policy_names_existing_controls(name: str) -> None:
    assert re.fullmatch(r"MS\.(AAD|EXO|SECURITYSUITE|DEFENDER|SHAREPOINT|TEAMS)\.\d{1,2}\.\d{1,2}v\d", name)
    ours = re.compile(r"M365-(LG|EX|SP|TE|IN|MI|SC)-")
    for control in POLICIES[name]["controls"]:
        assert re.fullmatch(r"M365-(ID|RO|GU|AP|LG|EX|SP|TE|IN|MI|SC)-\d\d", control)
        assert control in KNOWN or not ours.match(control)


def test_earlier_versions_have_the_controls_of_the_last() -> None:
    for name in CURRENT:
        stem, _, last = name.rpartition("v")
        for version in range(1, int(last)):
            assert POLICIES[f"{stem}v{version}"]["controls"] == POLICIES[name]["controls"]


def test_what_has_no_control_says_why() -> None:
    left = [*TABLE["excluded"], *TABLE["retired"]]
    assert [one["id"] for one in TABLE["excluded"]] == ["MS.EXO.4.3v1"]
    assert all(len(one["why"]) > 20 for one in left)
    assert not {one["id"] for one in left} & set(POLICIES)


def test_every_control_beyond_the_reference_answers_a_policy() -> None:
    answering = {control for one in POLICIES.values() for control in one["controls"]}
    ours = {
        one["id"]
        for path in FOLDER.glob("catalogue*.toml")
        for one in tomllib.loads(path.read_text("utf-8")).get("control", ())
        if one["id"].startswith("M365-SC-")
    }
    assert ours
    assert ours <= answering
