"""What cannot be determined is never protection; sizes are bounded; witnesses say what escapes."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.m365.access import search
from checks.m365.access.axes import CLIENTS, EAS, LEGACY, REGISTRATION, Wanted
from checks.m365.access.goals import Goal
from checks.m365.access.places import MAX_PLACES
from checks.m365.access.search import State
from checks.m365.access.tenant import Access, access, activated, ask, outside, unread, worst
from checks.model import Gap, Reason
from tests.m365 import tenants as t


def states(facts, goal=Goal.MFA, **wanted):
    found = access(facts)
    assert isinstance(found, Access), found
    answers = ask(found, goal, found.people.values(), found.apps, Wanted(**wanted) if wanted else None)
    assert not isinstance(answers, Gap)
    return {answer.person.name.split("@")[0]: answer.found.state for answer in worst(answers).values()}


def only(*policies):
    return t.good({"conditional_access": list(policies)})


def test_good_tenant_leaves_out_the_rescue_accounts_only():
    told = states(t.good())
    assert {name for name, state in told.items() if state is State.OPEN} == {"secours1", "secours2"}
    assert State.UNKNOWN not in told.values()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": "enabledForReportingButNotEnforced"}, State.OPEN),
        ({"state": "disabled"}, State.OPEN),
        ({"state": 3}, State.UNKNOWN),
        ({"grantControls": None}, State.OPEN),
        ({"grantControls": {"operator": "OR", "builtInControls": []}}, State.OPEN),
        ({"grantControls": "mfa"}, State.UNKNOWN),
        ({"grantControls": t.controls("mfa", "compliantDevice")}, State.OPEN),
        ({"grantControls": t.controls("mfa", "compliantDevice", operator="AND")}, State.COVERED),
        ({"grantControls": t.controls("mfa", "compliantDevice", operator="?")}, State.UNKNOWN),
        ({"grantControls": t.controls("block")}, State.COVERED),
        ({"grantControls": t.controls(strength=t.PHISHING_RESISTANT)}, State.COVERED),
        ({"grantControls": t.controls(strength="11111111-0000-4000-8000-000000000000")}, State.UNKNOWN),
        ({"grantControls": t.controls() | {"customAuthenticationFactors": ["DuoMfa"]}}, State.UNKNOWN),
        ({"conditions": None}, State.UNKNOWN),
    ],
)
def test_one_policy_for_all(change, expected):
    assert states(only(t.policy(1, "Tous") | change))["directrice"] is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"clientAppTypes": []}, State.COVERED),
        ({"clientAppTypes": ["browser"]}, State.OPEN),
        ({"clientAppTypes": "all"}, State.UNKNOWN),
        ({"platforms": {"includePlatforms": ["all"], "excludePlatforms": []}}, State.COVERED),
        ({"platforms": {"includePlatforms": ["windows", "iOS", "android", "macOS", "linux"], "excludePlatforms": []}}, State.OPEN),
        ({"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}, State.OPEN),
        ({"locations": {"includeLocations": ["All"], "excludeLocations": [t.uid(99, 20)]}}, State.UNKNOWN),
        ({"devices": {"deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}}}, State.UNKNOWN),
        ({"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}}, State.UNKNOWN),
        ({"devices": {"excludeDevices": ["Compliant"]}}, State.OPEN),
        ({"insiderRiskLevels": "elevated"}, State.OPEN),
        ({"signInRiskLevels": ["medium", "high"]}, State.OPEN),
        ({"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}, State.OPEN),
        ({"authenticationFlows": {"transferMethods": "none"}}, State.COVERED),
        ({"platforms": {"includePlatforms": [], "excludePlatforms": ["linux"]}}, State.OPEN),
        ({"locations": {"includeLocations": [], "excludeLocations": [t.uid(99, 20)]}}, State.UNKNOWN),
        ({"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}}, State.OPEN),
    ],
)  # fmt: skip
def test_conditions_of_one_policy(conditions, expected):
    assert states(only(t.policy(1, "Tous", **conditions)))["directrice"] is expected


@pytest.mark.parametrize(
    ("users", "who", "expected"),
    [
        ({"excludeUsers": "directrice"}, "directrice", State.UNKNOWN),
        ({"excludeGroups": [t.GROUP_CARE]}, "directrice", State.UNKNOWN),
        ({"includeUsers": [], "includeRoles": [t.GLOBAL], "excludeUsers": []}, "secours1", State.COVERED),
        ({"includeUsers": [], "includeRoles": [t.USER_ADMIN]}, "adm.martin", State.OPEN),
        ({"includeUsers": [], "includeRoles": [t.USER_ADMIN]}, "directrice", State.OPEN),
        ({"excludeUsers": ["GuestsOrExternalUsers"]}, "directrice", State.COVERED),
        ({"excludeUsers": ["GuestsOrExternalUsers"]}, "medecin_cabinet.test#EXT#", State.OPEN),
        ({"excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest",
          "externalTenants": {"membershipKind": "all"}}}, "medecin_cabinet.test#EXT#", State.OPEN),
        ({"excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "b2bCollaborationGuest",
          "externalTenants": {"membershipKind": "enumerated", "members": [t.OTHER_TENANT]}}},
         "medecin_cabinet.test#EXT#", State.UNKNOWN),
        ({"excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "serviceProvider"}},
         "medecin_cabinet.test#EXT#", State.COVERED),
    ],
)  # fmt: skip
def test_people_of_one_policy(users, who, expected):
    facts = t.with_rows(only(t.policy(1, "Tous", users=users)), "directory_objects", [{"id": t.GROUP_CARE}])
    assert states(facts)[who] is expected


def test_deleted_group_excludes_nobody():
    facts = t.with_rows(only(t.policy(1, "Tous", users={"excludeGroups": [t.GROUP_CARE]})), "directory_objects", [])
    assert states(facts)["directrice"] is State.COVERED


def test_members_of_a_group_read_in_part():
    facts = only(t.policy(1, "Tous", users={"excludeGroups": [t.GROUP_CARE]}))
    facts = t.with_rows(facts, "policy_groups", [{"id": t.GROUP_CARE, "members": [t.NURSE_1]}], complete=False)
    told = states(facts)
    assert (told["infirmiere.un"], told["directrice"]) == (State.OPEN, State.UNKNOWN)


def test_role_to_be_activated_counts_once_activated():
    found = access(only(t.policy(1, "Tous", users={"includeUsers": [], "includeRoles": [t.USER_ADMIN]})))
    assert isinstance(found, Access)
    answers = ask(activated(found), Goal.MFA, [found.people[t.ADMIN_1]])
    assert not isinstance(answers, Gap)
    assert answers[0].found.state is State.COVERED


def test_application_left_out_is_named_in_the_witness():
    policy = t.policy(1, "Tous", apps={"excludeApplications": [t.uid(3, 8)]})
    found = access(only(policy))
    assert isinstance(found, Access)
    answers = ask(found, Goal.MFA, [found.people[t.DIRECTOR]], found.apps)
    assert not isinstance(answers, Gap)
    (opened,) = [answer for answer in answers if answer.found.state is State.OPEN]
    assert opened.witness == {"compte": "directrice@tilleuls.test", "application": "Planning du prestataire"}


def test_office_365_is_not_every_application():
    found = access(only(t.policy(1, "Office", apps={"includeApplications": ["Office365"]})))
    assert isinstance(found, Access)
    answers = ask(found, Goal.MFA, [found.people[t.DIRECTOR]], found.apps)
    assert not isinstance(answers, Gap)
    assert [answer.found.state for answer in answers] == [State.OPEN, State.COVERED]


def test_user_action_is_not_an_application():
    found = access(t.good())
    assert isinstance(found, Access)
    person = [found.people[t.DIRECTOR]]
    assert [a.found.state for a in ask(found, Goal.MFA, person, [REGISTRATION])] == [State.COVERED]
    alone = access(only(t.policy(1, "Tous")))
    assert isinstance(alone, Access)
    assert [a.found.state for a in ask(alone, Goal.MFA, person, [REGISTRATION])] == [State.OPEN]


def test_trusted_place_is_the_only_hole():
    policy = t.policy(1, "Dehors", locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]})
    found = access(only(policy))
    assert isinstance(found, Access)
    person = [found.people[t.DIRECTOR]]
    everywhere = ask(found, Goal.MFA, person)
    away = ask(found, Goal.MFA, person, wanted=Wanted(places=outside(found)))
    assert everywhere[0].witness["lieu"] == "« Établissement »"
    assert away[0].found.state is State.COVERED


def test_incomplete_policies_leave_openings_undetermined():
    facts = t.partial(only(t.policy(1, "Tous")), "conditional_access")
    told = states(facts)
    assert (told["directrice"], told["secours1"]) == (State.COVERED, State.UNKNOWN)


def test_unread_roles_are_said():
    facts = t.with_gap(only(t.policy(1, "Rôles", users={"excludeRoles": [t.GLOBAL]})), "role_assignments")
    found = access(facts)
    assert isinstance(found, Access)
    answers = ask(found, Goal.MFA, [found.people[t.DIRECTOR]])
    assert answers[0].found.state is State.UNKNOWN
    assert "« Rôles »" in unread(found, answers)
    assert t.GLOBAL in unread(found, answers)


def test_legacy_clients_of_a_policy_without_the_condition():
    facts = only(t.policy(1, "Ancienne", grant=t.controls("block"), clientAppTypes=[]))
    assert states(facts, Goal.BLOCK, clients=(EAS, LEGACY))["directrice"] is State.UNKNOWN


@pytest.mark.parametrize("name", ["conditional_access", "users"])
def test_gap_of_what_is_needed(name):
    found = access(t.with_gap(t.good(), name))
    assert isinstance(found, Gap)
    assert found.reason is Reason.PERMISSION


def crowd(number):
    pick = random.Random(number)
    accounts = [t.user(1_000 + n, f"compte{n}") for n in range(2_000)]
    ids = [account["id"] for account in accounts]
    groups = [{"id": t.uid(n, 30), "members": pick.sample(ids, 200)} for n in range(40)]
    policies = []
    for n in range(number):
        users = {
            "includeUsers": ["All"] if n % 3 else [],
            "includeGroups": [pick.choice(groups)["id"]],
            "excludeGroups": [pick.choice(groups)["id"]],
        }
        conditions = {
            "clientAppTypes": pick.choice((["all"], ["browser"], ["mobileAppsAndDesktopClients"])),
            "platforms": {
                "includePlatforms": ["all"],
                "excludePlatforms": pick.sample(("windows", "iOS", "android"), 1),
            },
            "signInRiskLevels": pick.choice(([], ["high"], ["medium", "high"])),
        }
        policies.append(t.policy(n + 1, f"Règle {n}", users=users, **conditions))
    extra = {"users": accounts, "conditional_access": policies, "policy_groups": groups}
    return t.good({**extra, "role_assignments": [], "role_eligible": []})


def test_two_hundred_policies_and_two_thousand_accounts_are_examined():
    found = access(crowd(200))
    assert isinstance(found, Access)
    answers = ask(found, Goal.MFA, found.people.values(), found.apps)
    assert not isinstance(answers, Gap)
    assert len(answers) == 2_000


def test_too_many_policies_are_said():
    found = access(crowd(241))
    assert isinstance(found, Gap)
    assert "241 règles" in found.detail


def test_too_many_places_are_said():
    wide = [
        {"id": t.uid(n, 20), "displayName": str(n), "ipRanges": [{"cidrAddress": f"10.{n // 250}.{n % 250}.0/24"}]}
        for n in range(MAX_PLACES + 2)
    ]
    names = [one["id"] for one in wide]
    policy = t.policy(1, "Tous", locations={"includeLocations": names, "excludeLocations": []})
    found = access(t.with_rows(only(policy), "named_locations", wide))
    assert isinstance(found, Gap)
    assert found.reason is Reason.UNSUPPORTED


def test_search_gives_up_at_its_bound():
    values = tuple(search.Value(label=str(n), yes=1 << n, may=(1 << 8) - 1) for n in range(8))
    axes = [search.Axis(name=str(n), values=values) for n in range(6)]
    with pytest.raises(search.TooLargeError):
        search.Search(axes, steps=3).worst(255, 255)


masks = st.integers(0, 7)


@given(st.lists(st.lists(st.tuples(masks, masks), min_size=1, max_size=4), min_size=1, max_size=4), masks, masks)
@settings(max_examples=150, deadline=None)
def test_search_finds_the_worst_point(shape, sure, possible):
    from itertools import product

    axes = [
        search.Axis(name=str(n), values=tuple(search.Value(label=str(v), yes=y & m, may=m) for v, (y, m) in enumerate(values)))
        for n, values in enumerate(shape)
    ]  # fmt: skip
    sure &= possible
    every = [
        search.point(axes, {axis.name: value.label for axis, value in zip(axes, chosen, strict=True)}, sure, possible)
        for chosen in product(*(axis.values for axis in axes))
    ]
    assert search.Search(axes).worst(sure, possible).state is max(every)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["All", "mfa", "enabled", t.GLOBAL]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["conditions", "users", "includeUsers", "excludeGroups", "grantControls", "state", "applications",
                         "includeApplications", "locations", "includeLocations", "builtInControls", "operator",
                         "platforms", "devices", "deviceFilter", "id", "displayName", "authenticationStrength",
                         "ipRanges", "cidrAddress", "members", "principal", "clientAppTypes", "externalTenants"]),
        inner, max_size=5),
    max_leaves=25,
)  # fmt: skip
rows = st.lists(st.dictionaries(st.sampled_from(["id", "state", "conditions", "grantControls", "displayName", "ipRanges",
                                                 "members", "principalId", "roleDefinitionId", "principal"]),
                                json_values, max_size=6), max_size=4)  # fmt: skip


@given(rows, rows, rows, rows)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_foreign_rows_never_crash_and_never_protect_by_accident(policies, places, groups, roles):
    facts = t.good(
        {"conditional_access": policies, "named_locations": places, "policy_groups": groups, "role_groups": groups}
    )
    facts = t.add(facts, "role_assignments", *roles)
    found = access(facts)
    assert isinstance(found, Access)
    answers = ask(found, Goal.MFA, found.people.values(), found.apps, Wanted(clients=tuple(CLIENTS)))
    assert not isinstance(answers, Gap)
    if not any(policy.clauses for policy in found.policies):
        assert State.COVERED not in {answer.found.state for answer in answers}
