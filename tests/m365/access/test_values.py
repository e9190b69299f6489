"""Foreign values are read without trust: what has another type is empty or None, and nothing raises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.m365.facts import Rows
from checks.m365.views import apps, users, values
from checks.m365.views.policies import BLOCKED, locations, policies
from tests.m365 import tenants as t


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (True, True),
        ("True", True),
        ("false", False),
        ("$true", True),
        (1, None),
        ("", None),
        (None, None),
        ("oui", None),
    ],
)
def test_flag(raw, expected):
    assert values.flag({"a": raw}, "a") is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (5, 5),
        ("5", 5),
        (5.0, 5),
        (5.5, None),
        (True, None),
        ("5 jours", None),
        ("9" * 30, None),
        (None, None),
        (-1, -1),
    ],
)
def test_number(raw, expected):
    assert values.number({"a": raw}, "a") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-11-20T09:00:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T09:00:00.1234567Z", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T10:00:00+01:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20 09:00:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-20T09:00:00Z", None),
        ("20/11/2026", None),
        (1_700_000_000, None),
    ],
)
def test_moment(raw, expected):
    assert values.moment({"a": raw}, "a") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("P180D", 15_552_000),
        ("PT1H", 3_600),
        ("P1DT1S", 86_401),
        ("P", None),
        ("180", None),
        (None, None),
        ("P1Y", None),
    ],
)
def test_duration(raw, expected):
    assert values.seconds(raw) == expected


def test_texts_take_one_value_for_a_list():
    assert values.texts({"a": "seul"}, "a") == ("seul",)
    assert values.texts({"a": ["un", 2, None, "deux"]}, "a") == ("un", "deux")
    assert values.rows({"a": {"b": 1}}, "a") == ({"b": 1},)
    assert values.document("[1]") == {}
    assert values.document("[" * 100_000) == {}


foreign = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(foreign)
@settings(max_examples=150, deadline=None)
def test_no_value_raises(raw):
    row = {"a": raw}
    for read in (values.text, values.word, values.flag, values.number, values.moment, values.mapping, values.rows,
                 values.texts, values.is_list, values.is_objects):  # fmt: skip
        read(row, "a")
    values.seconds(raw)
    names = ("id", "userPrincipalName", "signInActivity", "assignedPlans", "appRoles", "appRoleAssignments",
             "passwordCredentials", "verifiedPublisher", "conditions", "grantControls", "ipRanges", "state")  # fmt: skip
    found = Rows(rows=(dict.fromkeys(names, raw), {"id": "x", **dict.fromkeys(names[1:], raw)}), source="essai")
    users.users(found)
    users.last_use(found)
    apps.presences(found)
    apps.credentials(found)
    policies(found)
    locations(found)


def test_block_wins_over_other_controls():
    (policy,) = policies(Rows(rows=(t.policy(1, "x", grant=t.controls("mfa", "block")),), source="essai"))
    assert policy.clauses == (BLOCKED,)


def test_and_makes_one_clause_a_control():
    (policy,) = policies(
        Rows(rows=(t.policy(1, "x", grant=t.controls("mfa", "compliantDevice", operator="AND")),), source="essai")
    )
    assert policy.clauses == (frozenset({"mfa"}), frozenset({"compliantdevice"}))


def test_session_controls_alone_demand_nothing():
    row = t.policy(1, "x", grant={}) | {
        "grantControls": None,
        "sessionControls": {"signInFrequency": {"isEnabled": True}},
    }
    (policy,) = policies(Rows(rows=(row,), source="essai"))
    assert policy.clauses == ()
    assert policy.faults == ()
