"""What goes wrong: throttling, failures, refused permissions, hostile answers. Only the readings concerned are lost."""

from __future__ import annotations

import json
import random

import msgspec
import pytest

from checks.m365.facts import M365Facts, Rows
from checks.m365.resources import RESOURCES
from checks.model import Reason
from tests.m365.collect.base import GRAPH_ONLY, house, read
from tests.m365.fakes import tenants
from tests.m365.fakes.server import FakeMicrosoft

DEPENDENT = {"group_guests": "groups", "policy_groups": "conditional_access", "directory_objects": "conditional_access"}


def asked(fake: FakeMicrosoft, path: str) -> int:
    """How many requests named this path, in a batch or not."""
    return sum((path in request.path) + request.body.count(path.encode()) for request in fake.log)


@pytest.mark.parametrize("path", ["/v1.0/users?$select=id,user", "/v1.0/domains", "graph:/v1.0/$batch"])
def test_a_service_that_asks_to_wait_is_waited_for(fake, path):
    tenant = house(fake, "standard")
    calm = read(fake, tenant, **GRAPH_ONLY)
    fake.faults.throttle[path] = 2
    fake.faults.retry_after = "7"
    run = read(fake, tenant, **GRAPH_ONLY)
    assert run.facts.readings == calm.facts.readings
    assert run.facts.traffic.throttled == 2
    assert run.facts.traffic.retries >= 2
    assert max(run.waits) > 6
    assert sum(run.waits) >= 14


def test_a_service_that_always_asks_to_wait_is_given_up(fake):
    fake.faults.throttle["/v1.0/applications"] = 1000
    run = read(fake, house(fake, "standard"), **GRAPH_ONLY)
    assert run.gap("applications").reason is Reason.TIMEOUT
    assert run.rows("users")
    assert 1 < asked(fake, "/applications") < 20


def test_a_wait_of_an_hour_is_refused(fake):
    fake.faults.throttle["/v1.0/applications"] = 1
    fake.faults.retry_after = "3600"
    run = read(fake, house(fake, "standard"), **GRAPH_ONLY)
    assert "3600 secondes" in run.gap("applications").detail
    assert max(run.waits, default=0) < 60


@pytest.mark.parametrize(("kind", "path"), [("failing", "/v1.0/applications"), ("dropped", "/v1.0/$batch")])
def test_a_failure_that_passes_changes_nothing(fake, kind, path):
    tenant = house(fake, "standard")
    calm = read(fake, tenant, **GRAPH_ONLY)
    getattr(fake.faults, kind)[path] = 2
    run = read(fake, tenant, **GRAPH_ONLY)
    assert run.facts.readings == calm.facts.readings
    assert run.facts.traffic.retries >= 2


@pytest.mark.parametrize(("kind", "reason"), [("failing", Reason.UNREACHABLE), ("dropped", Reason.UNREACHABLE)])
def test_a_failure_that_stays_loses_one_reading_after_four_attempts(fake, kind, reason):
    getattr(fake.faults, kind)["/v1.0/applications"] = 1000
    run = read(fake, house(fake, "premium"), **GRAPH_ONLY)
    assert run.gap("applications").reason is reason
    assert asked(fake, "/v1.0/applications") == 4
    fake.log.clear()
    fake.faults.failing["/v1.0/domains"] = 1000
    assert read(fake, house(fake, "premium"), **GRAPH_ONLY).gap("domains").reason is Reason.UNREACHABLE
    assert asked(fake, "/domains") == 4


def test_a_list_interrupted_in_the_middle_is_kept_as_incomplete(fake):
    tenant = tenants.grow(house(fake, "premium"), 1200)
    fake.faults.failing["$skiptoken=999"] = 1000
    run = read(fake, tenant, **GRAPH_ONLY)
    found = run.facts.readings["users"]
    assert isinstance(found, Rows)
    assert (len(found.rows), found.complete) == (999, False)
    assert any("« users »" in sentence and "interrompue" in sentence for sentence in run.facts.limits)


def test_an_expired_session_is_renewed_once(fake):
    tenant = house(fake, "premium")
    calm = read(fake, tenant, **GRAPH_ONLY)
    fake.log.clear()
    fake.tokens.seen = 0
    fake.faults.expire_after = 6
    run = read(fake, tenant, **GRAPH_ONLY)
    assert run.facts.readings == calm.facts.readings
    assert fake.counted()[f"POST login /{tenant.id}/oauth2/v2.0/token"] == 2


def test_a_token_that_is_never_accepted_is_not_asked_for_again_and_again(fake):
    tenant = house(fake, "premium")
    fake.tokens.refuse = lambda *_: fake.faulty("always") or login_refusal()  # type: ignore[method-assign]
    run = read(fake, tenant, **GRAPH_ONLY)
    assert run.gap("users").reason is Reason.PERMISSION
    assert not any(isinstance(found, Rows) for found in run.facts.readings.values())
    assert fake.counted()[f"POST login /{tenant.id}/oauth2/v2.0/token"] == 2


def login_refusal():
    from tests.m365.fakes.server import Reply

    return Reply({"error": {"code": "InvalidAuthenticationToken", "message": ""}}, 401)


PERMISSIONS = sorted({r.permission for r in RESOURCES if r.api == "graph" and not r.optional} - {"Directory.Read.All"})


@pytest.mark.parametrize("start", range(4))
def test_missing_permissions_lose_exactly_the_readings_that_name_them(fake, start):
    """One in four is taken away, without Directory.Read.All, which in Microsoft's own table would hide most of it."""
    tenant = house(fake, "premium")
    tenant.plans = frozenset({"AAD_PREMIUM", "AAD_PREMIUM_P2", "INTUNE_A", "ATP_ENTERPRISE"})
    missing = {*PERMISSIONS[start::4], "Directory.Read.All"}
    tenant.granted = set(tenants.READ_ONLY) - missing
    run = read(fake, tenant, **GRAPH_ONLY)
    asked_for = [r for r in RESOURCES if r.api == "graph" and not r.optional]
    named = {r.name for r in asked_for if r.permission in missing}
    named |= {child for child, parent in DEPENDENT.items() if parent in named}
    helped = {r.name for r in asked_for if set(r.also) & missing} | {"group_guests"}
    lost = {name for name, reason in run.gaps().items() if reason == "permission"}
    assert named - {"group_guests"} <= lost <= named | helped, lost ^ named
    assert len(missing) > 4


def test_a_reading_that_a_policy_forbids_is_told_apart_from_the_others(fake):
    fake.faults.forbidden.add("/policies/authorizationPolicy")
    run = read(fake, house(fake, "premium"), **GRAPH_ONLY)
    assert run.gap("authorization_policy").reason is Reason.PERMISSION
    assert run.rows("security_defaults")


BODIES = [b"", b"{}", b'{"value": 3}', b"<html>", b"[" * 5000]
CASES = [("/v1.0/applications", "applications", body) for body in BODIES] + [("/v1.0/$batch", "", b'{"value": null}')]


@pytest.mark.parametrize(("path", "name", "body"), CASES)
def test_an_unreadable_answer_loses_one_reading_or_none(fake, path, name, body):
    """A batch that cannot be read is asked again, question by question."""
    tenant = house(fake, "standard")
    fake.faults.bodies[path] = body
    run = read(fake, tenant, **GRAPH_ONLY)
    if name:
        assert run.gap(name).reason is Reason.MALFORMED
    assert run.rows("users")
    assert len(run.rows("domains")) == 1


NAMES = ("id", "members", "owners", "appRoleAssignments", "conditions", "assignedLicenses", "userType", "verifiedDomains",
         "createdDateTime", "servicePlans", "prepaidUnits", "capabilityStatus", "displayName", "RecipientTypeDetails",
         "ExternalDirectoryObjectId", "User", "principal", "@odata.nextLink", "value", "status")  # fmt: skip
ODD = (None, 5, "", "x/../../y", [], [[]], {}, {"a": 1}, [5], ["x"], [{"id": 3}], {"users": 5}, {"users": {"includeGroups": 5}},
       {"users": {"excludeUsers": [5, None, "0f4c1f6e-9a41-4c58-9a5e-2f3d5f0c7a11"]}}, True, 1e308)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_objects_of_any_shape_make_facts_or_gaps_and_never_a_crash(fake, seed):
    chance = random.Random(seed)
    rows = [{name: chance.choice(ODD) for name in NAMES if name != "value"} for _ in range(21)]
    rows[0]["id"] = "0f4c1f6e-9a41-4c58-9a5e-2f3d5f0c7a11"
    body = json.dumps({**rows[1], "value": rows, "@odata.nextLink": chance.choice(ODD)}).encode()
    fake.faults.bodies |= {
        f"{version}/{path}": body for version in ("v1.0", "beta") for path in ("", *"abcdeghiloprsu")
    }
    fake.faults.bodies |= {"InvokeCommand": body, "Skype.Policy": body, "EXOBanner": body}
    del fake.faults.bodies["v1.0/"], fake.faults.bodies["beta/"]
    run = read(fake, house(fake, "premium"), inbox_rules=True, audit_query=True)
    assert len(run.facts.readings) > 80
    assert (
        msgspec.json.decode(msgspec.json.encode(run.facts), type=M365Facts).readings.keys() == run.facts.readings.keys()
    )


@pytest.mark.parametrize("link", ["https://voleur.test/v1.0/applications", "https://graph.tilleuls.test@voleur.test/"])
def test_a_next_page_elsewhere_is_not_followed(fake, link):
    tenant = house(fake, "standard")
    fake.faults.evil_next["/applications"] = link
    run = read(fake, tenant, **GRAPH_ONLY)
    found = run.facts.readings["applications"]
    assert isinstance(found, Rows)
    assert not found.complete
    assert any("« applications »" in sentence for sentence in run.facts.limits)
    assert asked(fake, "/v1.0/applications") == 1


def test_a_next_page_that_is_the_same_again_ends(fake):
    tenant = house(fake, "standard")
    fake.faults.evil_next["/applications"] = fake.url("graph") + "/v1.0/applications?again"
    run = read(fake, tenant, **GRAPH_ONLY)
    found = run.facts.readings["applications"]
    assert isinstance(found, Rows)
    assert not found.complete
    assert asked(fake, "/v1.0/applications") == 2


def test_an_answer_that_swells_once_decompressed_is_refused(fake):
    fake.faults.bomb.add("/v1.0/applications")
    run = read(fake, house(fake, "standard"), **GRAPH_ONLY)
    assert run.gap("applications").reason is Reason.MALFORMED
    assert run.facts.traffic.bytes < 1 << 20
    assert run.rows("users")


def test_the_requests_of_the_profile_are_never_exceeded(fake):
    tenant = house(fake, "premium")
    for budget in (1, 20):
        fake.log.clear()
        run = read(fake, tenant, max_requests=budget)
        assert run.facts.traffic.requests == budget
        assert len([request for request in fake.log if request.service != "login"]) == budget
        assert any(f"{budget} requêtes" in sentence for sentence in run.facts.limits)
        assert "not_configured" in run.gaps().values()


def test_a_service_that_never_answers_is_not_waited_for(fake, monkeypatch):
    from checks.m365.client import calls

    monkeypatch.setattr(calls, "REQUEST_SECONDS", 0.3)
    fake.faults.slow["/v1.0/applications"] = 60.0
    run = read(fake, house(fake, "standard"), **GRAPH_ONLY)
    assert run.gap("applications").reason is Reason.TIMEOUT
    assert run.rows("domains")


def test_time_is_never_exceeded(fake):
    run = read(fake, house(fake, "premium"), late=30.0)
    assert any("temps maximal" in sentence for sentence in run.facts.limits)
    assert "timeout" in run.gaps().values()
    assert run.facts.traffic.requests < 60


def test_traffic_is_what_the_services_saw(fake):
    run = read(fake, house(fake, "premium"), **GRAPH_ONLY)
    assert run.facts.traffic.requests == len([request for request in fake.log if request.service != "login"])
    assert run.facts.traffic.bytes > 5_000


def test_a_house_is_read_in_few_requests(fake):
    read(fake, house(fake, "premium"), **GRAPH_ONLY)
    graph = [request for request in fake.log if request.service == "graph"]
    assert len(graph) <= 25


POSTS = ("/$batch", "/directoryObjects/getByIds", "/InvokeCommand", "/oauth2/v2.0/token", "/security/auditLog/queries")


def test_nothing_but_reading_is_ever_asked(fake):
    for name in ("standard", "premium"):
        read(fake, house(fake, name), inbox_rules=True, audit_query=True)
    assert len(fake.log) > 100
    for request in fake.log:
        assert request.method in ("GET", "POST"), request.line
        if request.method == "POST":
            assert request.path.endswith(POSTS), request.line
        if request.path.endswith("/$batch"):
            assert {item["method"] for item in request.json["requests"]} == {"GET"}
            assert len(request.json["requests"]) <= 20
        if request.path.endswith("/InvokeCommand"):
            assert request.json["CmdletInput"]["CmdletName"].startswith("Get-")
            assert set(request.json["CmdletInput"]["Parameters"]) <= {"ResultSize", "Identity"}
