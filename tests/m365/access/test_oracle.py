"""The evaluation agrees with a brute-force reading of random policies on every sign-in of a small universe."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from checks.m365.access.axes import CLIENTS, REGISTRATION, Target, Wanted
from checks.m365.access.goals import Goal
from checks.m365.access.search import State
from checks.m365.access.tenant import Access, access, ask
from checks.m365.facts import M365Facts
from checks.model import Gap
from tests.m365 import tenants as t
from tests.m365.access import oracle

PEOPLE = (t.ADMIN_1, t.DIRECTOR, t.NURSE_1, t.GUEST)
GROUPS = (t.GROUP_CARE, t.GROUP_PROJECT)
ROLES = (t.GLOBAL, t.USER_ADMIN)
APPS = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")
ELSEWHERE = "aaaaaaaa-0000-4000-8000-00000000ffff"
"""An application that no policy names."""
ACTION = "urn:user:registersecurityinfo"
LOCATIONS: list[dict[str, Any]] = [
    {"id": t.uid(1, 20), "displayName": "Siège", "isTrusted": True, "ipRanges": [{"cidrAddress": "192.0.2.0/25"}]},
    {"id": t.uid(2, 20), "displayName": "Soins", "isTrusted": False,
     "ipRanges": [{"cidrAddress": "192.0.2.64/26"}, {"cidrAddress": "2001:db8::/64"}]},
    {"id": t.uid(3, 20), "displayName": "Voisins", "countriesAndRegions": ["FR", "BE"]},
    {"id": t.uid(4, 20), "displayName": "France", "countriesAndRegions": ["FR"]},
]  # fmt: skip
ADDRESSES = ("192.0.2.1", "192.0.2.63", "192.0.2.64", "192.0.2.127", "192.0.2.128", "203.0.113.9", "2001:db8::1")
COUNTRIES = ("FR", "BE", "DE")
CONTROLS = ("mfa", "compliantDevice", "domainJoinedDevice", "approvedApplication", "passwordChange")
AXES = ("clients", "platforms", "locations", "sign_in_risk", "user_risk", "devices", "flows")


def some(pick: random.Random, values: tuple[str, ...], most: int = 2) -> list[str]:
    return pick.sample(values, pick.randint(0, min(most, len(values))))


def at_least_one(pick: random.Random, values: tuple[str, ...], most: int = 2) -> list[str]:
    return pick.sample(values, pick.randint(1, min(most, len(values))))


def random_grant(pick: random.Random) -> dict[str, Any] | None:
    kind = pick.random()
    if kind < 0.1:
        return None
    if kind < 0.3:
        return t.controls("block")
    if kind < 0.45:
        strength = pick.choice((t.PHISHING_RESISTANT, "00000000-0000-0000-0000-000000000002"))
        return t.controls(*some(pick, CONTROLS, 1), operator=pick.choice(("AND", "OR")), strength=strength)
    names = ("mfa", *some(pick, CONTROLS[1:], 2)) if pick.random() < 0.7 else at_least_one(pick, CONTROLS)
    return t.controls(*names, operator=pick.choice(("AND", "OR")))


def random_policy(pick: random.Random, number: int, active: set[str]) -> dict[str, Any]:
    users = {
        "includeUsers": pick.choice((["All"], ["All"], ["None"], at_least_one(pick, (*PEOPLE, "GuestsOrExternalUsers")))),
        "excludeUsers": some(pick, (*PEOPLE, "GuestsOrExternalUsers"), 1),
        "includeGroups": some(pick, GROUPS, 1), "excludeGroups": some(pick, GROUPS, 1),
        "includeRoles": some(pick, ROLES, 1), "excludeRoles": some(pick, ROLES, 1) if pick.random() < 0.3 else [],
    }  # fmt: skip
    apps = {
        "includeApplications": pick.choice((["All"], ["All"], ["None"], at_least_one(pick, APPS))),
        "excludeApplications": some(pick, APPS, 1),
        "includeUserActions": [],
    }
    if pick.random() < 0.15:
        apps = {"includeApplications": [], "excludeApplications": [], "includeUserActions": [ACTION]}
    when: dict[str, Any] = {}
    if "clients" in active:
        when["clientAppTypes"] = pick.choice((["all"], at_least_one(pick, oracle.CLIENTS, 3)))
    if "platforms" in active:
        chosen = pick.choice((["all"], at_least_one(pick, oracle.PLATFORMS[:6], 3)))
        when["platforms"] = {"includePlatforms": chosen, "excludePlatforms": some(pick, oracle.PLATFORMS[:6])}
    if "locations" in active:
        names = ("AllTrusted", *(location["id"] for location in LOCATIONS))
        when["locations"] = {
            "includeLocations": pick.choice((["All"], at_least_one(pick, names))),
            "excludeLocations": some(pick, names),
        }
    if "sign_in_risk" in active:
        when["signInRiskLevels"] = some(pick, oracle.RISKS, 3)
    if "user_risk" in active:
        when["userRiskLevels"] = some(pick, oracle.RISKS, 3)
    if "devices" in active:
        when["devices"] = {"includeDevices": ["All"], "excludeDevices": some(pick, oracle.DEVICES[1:3])}
    if "flows" in active and pick.random() < 0.6:
        when["authenticationFlows"] = {"transferMethods": ",".join(at_least_one(pick, oracle.FLOWS[1:]))}
    state = pick.choices(("enabled", "disabled", "enabledForReportingButNotEnforced"), (8, 1, 1))[0]
    return t.policy(
        number, f"Règle {number}", users=users, apps=apps, grant=random_grant(pick), state=state, **when
    ) | ({} if pick.random() < 0.9 else {"grantControls": None})


def universe(active: set[str]) -> dict[str, tuple[str, ...]]:
    """Values of each axis: all of them where policies look, an ordinary one elsewhere."""
    return {
        "client": oracle.CLIENTS if "clients" in active else ("browser",),
        "platform": oracle.PLATFORMS if "platforms" in active else ("windows",),
        "device": oracle.DEVICES,
        "flow": oracle.FLOWS if "flows" in active else ("",),
        "sign_in_risk": oracle.RISKS if "sign_in_risk" in active else ("none",),
        "user_risk": oracle.RISKS if "user_risk" in active else ("none",),
        "address": ADDRESSES if "locations" in active else ("203.0.113.9",),
        "country": COUNTRIES if "locations" in active else ("DE",),
    }


def tenant(
    policies: list[dict[str, Any]], groups: dict[str, frozenset[str]], roles: dict[str, frozenset[str]]
) -> M365Facts:
    people = [account for account in t.users() if account["id"] in PEOPLE]
    by_id = {account["id"]: account for account in people}
    pairs = [(role, holder) for role, holders in roles.items() for holder in sorted(holders)]
    return t.good({
        "users": people,
        "conditional_access": policies,
        "named_locations": LOCATIONS,
        "policy_groups": [{"id": key, "members": sorted(inside)} for key, inside in groups.items()],
        "directory_objects": [{"id": key} for key in (*PEOPLE, *GROUPS)],
        "role_assignments": [t.assignment(n, by_id[holder], role) for n, (role, holder) in enumerate(pairs)],
        "role_active": [], "role_eligible": [], "role_groups": [],
    })  # fmt: skip


def world(groups: dict[str, frozenset[str]], roles: dict[str, frozenset[str]]) -> oracle.World:
    return oracle.World(groups, roles, frozenset({t.GUEST}), tuple(LOCATIONS))


def target_of(found: Access, name: str) -> Target:
    if name == ACTION:
        return REGISTRATION
    wanted = "" if name == ELSEWHERE else name
    return next((one for one in found.apps if one.id == wanted), found.apps[0])


def judged(facts: M365Facts, goal: str, user: str, name: str) -> State:
    found = access(facts)
    assert isinstance(found, Access)
    wanted = Wanted(clients=tuple(CLIENTS), places=found.places)
    answers = ask(found, Goal[goal], [found.people[user]], [target_of(found, name)], wanted)
    assert not isinstance(answers, Gap)
    return answers[0].found.state


def random_case(pick: random.Random, axes: int) -> tuple[set[str], list[dict[str, Any]], dict[str, frozenset[str]], dict[str, frozenset[str]]]:  # fmt: skip
    active = set(pick.sample(AXES, axes))
    policies = [random_policy(pick, number, active) for number in range(1, pick.randint(2, 6))]
    groups = {key: frozenset(some(pick, PEOPLE, 3)) for key in GROUPS}
    roles = {key: frozenset(some(pick, PEOPLE, 2)) for key in ROLES}
    return active, policies, groups, roles


@pytest.mark.parametrize("seed", range(24))
def test_agrees_with_brute_force(seed):
    """Everything is known: the evaluation is exact, point for point, and never undetermined."""
    pick = random.Random(seed)
    seen = set()
    for _ in range(100):
        active, policies, groups, roles = random_case(pick, pick.choice((1, 1, 2, 2, 3)))
        goal, user = pick.choice(list(oracle.GOALS)), pick.choice(PEOPLE)
        name = pick.choice((*APPS, ELSEWHERE, ACTION))
        axes, truth = universe(active), world(groups, roles)
        expected = all(oracle.covered(truth, policies, sign, goal) for sign in oracle.sign_ins(user, name, axes))
        state = judged(tenant(policies, groups, roles), goal, user, name)
        assert state is (State.COVERED if expected else State.OPEN), (policies, goal, user, name, groups, roles)
        seen.add(state)
    assert seen == {State.COVERED, State.OPEN}


@pytest.mark.parametrize("seed", range(6))
def test_undetermined_parts_never_decide(seed):
    """A group that was not read: « covered » holds for all its possible members, « open » for none of them."""
    pick = random.Random(1_000 + seed)
    seen = set()
    for _ in range(60):
        active, policies, groups, roles = random_case(pick, 1)
        policies[0]["conditions"]["users"][pick.choice(("includeGroups", "excludeGroups"))] = [GROUPS[0]]
        goal, user = pick.choice(("BLOCK", "MFA", "MFA_OR_MANAGED")), pick.choice(PEOPLE)
        name = pick.choice((*APPS, ELSEWHERE))
        read = {GROUPS[1]: groups[GROUPS[1]]}
        state = judged(tenant(policies, read, roles), goal, user, name)
        axes = universe(active)
        told = []
        for members in product((False, True), repeat=len(PEOPLE)):
            inside = frozenset(who for who, member in zip(PEOPLE, members, strict=True) if member)
            truth = world({**groups, GROUPS[0]: inside}, roles)
            told.append(all(oracle.covered(truth, policies, sign, goal) for sign in oracle.sign_ins(user, name, axes)))
        if state is State.COVERED:
            assert all(told), "covered, but not for all members"
        elif state is State.OPEN:
            assert not any(told), "open, but covered for some members"
        seen.add(state)
    assert seen == set(State)


@pytest.mark.parametrize("seed", range(4))
def test_witness_is_a_sign_in_that_escapes(seed):
    """What is shown to the reader is really open: the oracle opens it too."""
    pick = random.Random(5_000 + seed)
    shown = 0
    for _ in range(60):
        active, policies, groups, roles = random_case(pick, 2)
        active.discard("locations")
        for policy in policies:
            policy["conditions"]["locations"] = None
        found = access(tenant(policies, groups, roles))
        assert isinstance(found, Access)
        user = pick.choice(PEOPLE)
        answers = ask(found, Goal.MFA, [found.people[user]], found.apps, Wanted(clients=tuple(CLIENTS)))
        assert not isinstance(answers, Gap)
        for answer in answers:
            if answer.found.state is State.OPEN:
                labels = dict(zip(answer.axes, answer.found.witness, strict=True))
                sign = next(oracle.sign_ins(user, answer.target.id or ELSEWHERE, concrete(labels)))
                assert not oracle.covered(world(groups, roles), policies, sign, "MFA"), (labels, policies)
                shown += 1
    assert shown > 20


def concrete(labels: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Values of a sign-in from the French labels of a witness; any value where it says nothing."""
    from checks.m365.access import axes as a

    def value(axis: str, table: dict[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
        wanted = labels[axis]
        keys = list(table)
        folded = {name.casefold(): name for name in names}
        key = next((k for k in keys if table[k] == wanted), keys[0])
        return (folded.get(key, names[-1] if axis == "système" else names[0]),)

    return {
        "client": value("client", a.CLIENTS, oracle.CLIENTS),
        "platform": value("système", a.PLATFORMS, oracle.PLATFORMS),
        "device": value("appareil", a.DEVICES, oracle.DEVICES),
        "flow": value("mode", a.FLOWS, oracle.FLOWS),
        "sign_in_risk": value("risque de connexion", a.SIGN_IN_RISKS, oracle.RISKS),
        "user_risk": value("risque du compte", a.USER_RISKS, oracle.RISKS),
        "address": ("203.0.113.9",),
        "country": ("DE",),
    }
