"""What is read of the two houses: every reading of the table, licences told from permissions, nothing secret kept."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from checks.m365.facts import Licences, M365Facts, Rows
from checks.m365.reading import reading
from checks.m365.resources import BY_NAME, P2, RESOURCES
from checks.model import Gap, Reason
from tests.m365.collect.base import GRAPH_ONLY, Run, house, read
from tests.m365.fakes import tenants
from tests.m365.fakes.server import FakeMicrosoft

NEVER_ASKED = {"sharepoint_tenant", "diagnostic_settings", "mail_dns"}
"""Those that need a right of writing, another service, or DNS servers that these tests do not have."""
OPTIONAL = {"inbox_rules", "audit_query"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeMicrosoft, Run, Run]]:
    """The services, and both houses read once: the neglected one, then the careful one."""
    for name in ("msgraph_core", "azure.identity", "kiota_http"):
        pytest.importorskip(name, reason="the m365 extra is not installed")
    with FakeMicrosoft(tmp_path_factory.mktemp("m365"), [tenants.standard(), tenants.premium()]) as running:
        yield running, read(running, house(running, "standard")), read(running, house(running, "premium"))


def test_a_careful_house_is_read_entirely_but_for_what_p2_opens(seen):
    run = seen[2]
    expected = {resource.name for resource in RESOURCES if resource.licence == P2} | NEVER_ASKED
    assert set(run.gaps()) == expected
    assert set(run.facts.readings) == {resource.name for resource in RESOURCES} - OPTIONAL
    assert all(found.complete for found in run.facts.readings.values() if isinstance(found, Rows))
    assert run.facts.limits == ()
    assert run.facts.tenant.name == "EHPAD Les Tilleuls"
    assert run.facts.tenant.domains == ("tilleuls-premium.onmicrosoft.test", "tilleuls.test")
    assert isinstance(run.facts.licences, Licences)
    assert run.facts.licences.skus == {"SPB": 12}
    assert "AAD_PREMIUM" in run.facts.licences.plans
    assert run.facts.authentication == "client_secret"


def test_facts_survive_their_file(seen):
    facts = seen[2].facts
    assert msgspec.json.decode(msgspec.json.encode(facts), type=M365Facts) == facts


def test_a_house_without_premium_says_licence_and_not_permission(seen):
    run = seen[1]
    unlicensed = [resource.name for resource in RESOURCES if resource.licence and resource.api in ("graph", "exchange")]
    assert len(unlicensed) > 15
    for name in unlicensed:
        found = reading(run.facts, name)
        assert isinstance(found, Gap), name
        assert found.reason is Reason.LICENCE, (name, found)
    others = [r for r in RESOURCES if r.api in ("graph", "exchange") and not r.licence and r.name not in OPTIONAL]
    for resource in others:
        if resource.name != "directory_objects":  # starts from policies that only P1 shows
            assert isinstance(reading(run.facts, resource.name), Rows), resource.name


def test_pages_of_three_give_the_same_facts_as_one_page(fake):
    tenant = house(fake, "premium")
    whole = read(fake, tenant)
    before = len(fake.log)
    fake.page = 3
    tenant.exchange_page = 2
    cut = read(fake, tenant)
    assert len(fake.log) - before > before + 20
    assert cut.facts.readings == whole.facts.readings


def test_only_the_properties_of_the_table_are_kept(seen):
    run = seen[2]
    for name, found in run.facts.readings.items():
        kept = BY_NAME[name].properties
        if isinstance(found, Rows) and kept:
            assert all(set(row) <= set(kept) for row in found.rows), name
    text = msgspec.json.encode(run.facts).decode()
    for absent in (
        "mobilePhone",
        "+33 6",
        "ipAddress",
        "192.0.2.7",
        "serialNumber",
        "ProhibitSendQuota",
        "@odata.context",
    ):
        assert absent not in text
    assert set(run.rows("users")[0]) == set(BY_NAME["users"].properties) - {"@odata.type"}


def test_nothing_secret_is_kept(seen):
    tenant = house(seen[0], "standard")
    run = seen[1]
    text = msgspec.json.encode(run.facts).decode()
    for secret in (tenant.secret, "hint", "Ab1", "secretText", "Bearer", "correze", *seen[0].tokens.given):
        assert secret not in text
    (application,) = run.rows("applications")
    assert {"keyId", "displayName", "startDateTime", "endDateTime"} == set(application["passwordCredentials"][0])
    (settings,) = run.rows("directory_settings")
    assert {"name": "BannedPasswordList", "value": "***"} in settings["values"]
    assert {"name": "EnableBannedPasswordCheck", "value": "True"} in settings["values"]


def test_lists_cut_at_twenty_by_expand_are_read_whole(seen):
    run = seen[1]
    counts = {row["displayName"]: len(row["appRoleAssignments"]) for row in run.rows("service_principals")}
    assert counts == {"Planning": 27, "Sauvegarde": 2}
    assert set(run.rows("service_principals")[0]["appRoleAssignments"][26]) <= {
        "id", "appRoleId", "resourceId", "resourceDisplayName", "createdDateTime",
    }  # fmt: skip


def test_guests_of_groups_are_counted_where_there_are_any(seen):
    tenant = house(seen[0], "standard")
    (found,) = seen[1].rows("group_guests")
    guest = next(user["id"] for user in tenant.graph["/users"] if user["userType"] == "Guest")
    assert found == {"id": tenant.graph["/groups"][0]["id"], "guests": [guest], "members": 4}


def test_nobody_asks_for_the_members_of_groups_of_a_house_without_guests(fake):
    tenant = house(fake, "standard")
    tenant.graph["/users"] = [user for user in tenant.graph["/users"] if user["userType"] == "Member"]
    run = read(fake, tenant, **GRAPH_ONLY)
    assert run.rows("group_guests") == ()
    assert not any(b"/members" in request.body or "/members" in request.path for request in fake.log)


def test_groups_of_policies_and_of_roles_come_with_their_members(seen):
    tenant = house(seen[0], "premium")
    run = seen[2]
    rescue = [user["id"] for user in tenant.graph["/users"] if user["userPrincipalName"].startswith("secours")]
    (out,) = run.rows("policy_groups")
    assert out["members"] == rescue
    (admins,) = run.rows("role_groups")
    assert [member["userPrincipalName"] for member in admins["members"]] == ["technique@tilleuls.test"]
    (existing,) = run.rows("directory_objects")  # the account that a policy names and that was deleted is not there
    assert existing["id"] == out["id"]
    assert existing["@odata.type"] == "#microsoft.graph.group"


def test_sign_ins_stop_at_the_days_of_the_profile(fake):
    tenant = house(fake, "premium")
    week = read(fake, tenant, sign_in_days=7, **GRAPH_ONLY).rows("sign_ins")
    month = read(fake, tenant, sign_in_days=30, **GRAPH_ONLY).rows("sign_ins")
    assert 0 < len(week) < len(month)
    assert min(row["createdDateTime"] for row in week) >= tenants.days_ago(7)


def test_the_oldest_sign_in_tells_how_long_they_are_kept(seen):
    tenant = house(seen[0], "premium")
    (oldest,) = seen[2].rows("oldest_sign_in")
    assert oldest["createdDateTime"] == min(row["createdDateTime"] for row in tenant.graph["/auditLogs/signIns"])


def test_inbox_rules_are_read_only_when_asked_for(fake):
    tenant = house(fake, "standard")
    assert "inbox_rules" not in read(fake, tenant, **GRAPH_ONLY).facts.readings
    assert not any(b"messageRules" in request.body for request in fake.log)
    (rule,) = read(fake, tenant, inbox_rules=True, **GRAPH_ONLY).rows("inbox_rules")
    assert rule["userId"] == tenant.graph["/users"][1]["id"]
    assert rule["actions"]["forwardTo"][0]["emailAddress"]["address"] == "collecte@webmail.test"


def test_rules_that_may_not_be_read_are_given_up_after_the_first_accounts(fake):
    tenant = tenants.grow(house(fake, "standard"), 700)
    tenant.granted.discard("MailboxSettings.Read")
    run = read(fake, tenant, inbox_rules=True, **GRAPH_ONLY)
    assert run.gap("inbox_rules").reason is Reason.PERMISSION
    asked = sum(request.body.count(b"messageRules") for request in fake.log)
    assert 0 < asked <= 200


def test_a_search_of_the_audit_log_starts_only_when_asked_for(fake):
    tenant = house(fake, "premium")
    assert "audit_query" not in read(fake, tenant, **GRAPH_ONLY).facts.readings
    run = read(fake, tenant, audit_query=True, **GRAPH_ONLY)
    (row,) = run.rows("audit_query")
    assert row["status"] == "succeeded"
    assert row["recordCount"] == 1
    assert fake.counted()["POST graph /v1.0/security/auditLog/queries"] == 1


def test_a_search_that_never_ends_is_not_waited_for(fake):
    tenant = house(fake, "premium")
    tenant.audit_polls = 1000
    found = read(fake, tenant, audit_query=True, **GRAPH_ONLY).facts.readings["audit_query"]
    assert isinstance(found, Rows)
    assert not found.complete
    assert found.rows[0]["status"] == "running"


def test_delegations_stop_at_the_limit_and_say_so(fake):
    tenant = house(fake, "standard")
    whole = read(fake, tenant, teams=False)
    assert [row["User"] for row in whole.rows("mailbox_permissions")] == ["TILLEULS\\Tous"]
    cut = read(fake, tenant, max_mailboxes=3, teams=False)
    found = cut.facts.readings["mailbox_permissions"]
    assert isinstance(found, Rows)
    assert not found.complete
    assert any("3 boîtes sur 10" in sentence for sentence in cut.facts.limits)


def test_max_users_bounds_what_grows_with_people(fake):
    tenant = tenants.grow(house(fake, "premium"), 700)
    run = read(fake, tenant, max_users=600, max_mailboxes=1)
    for name in ("users", "user_activity", "registration", "mailboxes", "audit_bypass"):
        found = run.facts.readings[name]
        assert isinstance(found, Rows)
        assert len(found.rows) == 600
        assert not found.complete
        assert any(f"« {name} »" in sentence for sentence in run.facts.limits)


def test_what_the_token_opens_is_told(fake):
    tenant = house(fake, "premium")
    run = read(fake, tenant, **GRAPH_ONLY)
    assert set(run.facts.granted) == tenants.READ_ONLY
    assert run.facts.writable == ()
    tenant.granted |= {"User.ReadWrite.All", "Mail.Send"}
    tenant.roles = (tenants.GLOBAL_READER, tenants.EXCHANGE_ADMIN)
    strong = read(fake, tenant, **GRAPH_ONLY)
    assert strong.facts.writable == ("Mail.Send", "User.ReadWrite.All", tenants.EXCHANGE_ADMIN)
    assert any(tenants.EXCHANGE_ADMIN in sentence for sentence in strong.facts.limits)
