"""The small pure parts: tokens, addresses, trimming, waiting, understanding answers. Nothing but `UnreadError` comes out."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.m365.client.calls import Answer, error_of, retry_after, understand
from checks.m365.client.claims import claims_of, granted, strong_roles, text, writable
from checks.m365.client.graph import items_of, one_of, path_of
from checks.m365.client.meter import UnreadError
from checks.m365.client.places import Place, beside, origin_of
from checks.m365.client.session import refusal
from checks.m365.client.tenant import licences_of, tenant_of
from checks.m365.client.trim import Trimmer, absent
from checks.m365.config import M365Config
from checks.m365.facts import Licences, Rows, Tenant
from checks.m365.resources import BY_NAME, RESOURCES
from checks.model import Gap, Reason
from tests.m365.fakes.login import jwt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
PLACE = Place(url="https://ps.test", host="ps.test", port=443, addresses=("192.0.2.1",))


@given(st.text(max_size=200) | st.binary(max_size=90).map(lambda raw: f"a.{base64.urlsafe_b64encode(raw).decode()}.c"))
def test_any_text_as_a_token_gives_claims_or_nothing(token):
    claims = claims_of(token)
    assert isinstance(claims, dict)
    assert isinstance(granted(claims), tuple)
    assert isinstance(strong_roles(claims), tuple)


@given(JSON)
def test_any_payload_gives_permissions_as_texts(payload):
    claims = claims_of(jwt(roles=payload, scp=payload, wids=payload, tid=payload))
    assert all(isinstance(name, str) for name in granted(claims) + strong_roles(claims))
    assert isinstance(text(claims, "tid"), str)


def test_a_deep_payload_is_not_a_token():
    raw = base64.urlsafe_b64encode(b"[" * 40_000).decode()
    assert claims_of(f"a.{raw}.c") == {}


@pytest.mark.parametrize("name", ["User.ReadWrite.All", "Mail.Send", "Directory.AccessAsUser.All", "Sites.FullControl.All",
                                  "DeviceManagementManagedDevices.PrivilegedOperations.All", "Sites.Selected", "full_access_as_app",
                                  "User.Invite.All", "Policy.ReadWrite.ConditionalAccess"])  # fmt: skip
def test_permissions_that_allow_more_than_reading(name):
    assert writable((name,)) == (name,)


def test_permissions_of_the_audit_only_read():
    asked = tuple(
        {
            name
            for resource in RESOURCES
            for name in (resource.permission, *resource.also)
            if resource.api != "sharepoint"
        }
    )
    assert len(asked) > 20
    assert writable(tuple(name for name in asked if name and name != "Azure RBAC")) == ()


@pytest.mark.parametrize(("url", "origin"), [
    ("https://graph.microsoft.com/v1.0/users", ("graph.microsoft.com", 443)), ("https://A.test:8443", ("a.test", 8443)),
    ("http://a.test", None), ("https://a.test@b.test/", None), ("https://", None), ("//a.test", None), ("https://a.test:x", None),
    ("https://a.test:99999", None), ("https://[", None), ("javascript:alert(1)", None), ("", None),
    ("https://a.test\\@b.test/", None), ("https://[::1]:444/", ("::1", 444)),
])  # fmt: skip
def test_where_an_address_really_leads(url, origin):
    assert origin_of(url) == origin


@given(st.text(max_size=60))
def test_any_text_as_an_address_is_a_place_or_nothing(text_):
    for url in (text_, f"https://{text_}", f"https://a.test{text_}"):
        found = origin_of(url)
        assert found is None or (found[0] and 0 < found[1] < 65536)
        there = beside(PLACE, url)
        assert there is None or (origin_of(there) or ("",))[0].endswith(".ps.test")


@pytest.mark.parametrize(("location", "there"), [
    ("https://eur01b.ps.compliance.protection.outlook.com/x", "https://eur01b.ps.test:443"),
    ("https://voleur.test/", "https://voleur.ps.test:443"), ("http://eur01b.ps.test/", None), ("/relative", None),
    ("https://a_b.test/", None), ("", None),
])  # fmt: skip
def test_a_redirection_only_changes_the_first_label(location, there):
    assert beside(PLACE, location) == there


@pytest.mark.parametrize(("value", "seconds"), [
    ("7", 7), ("0", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 5), ("-3", 5), ("1e9", 5), ("", 5), ("٣", 5), ("99999", 99999),
])  # fmt: skip
def test_how_long_to_wait(value, seconds):
    assert retry_after({"retry-after": value}) == seconds


def answered(status: int, value: object = None, *, valid: bool = True) -> Answer:
    return Answer(status=status, headers={}, value=value, valid=valid)


def error(code: str, message: str = "") -> dict:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(("answer", "reason"), [
    (answered(403, error("Authorization_RequestDenied")), Reason.PERMISSION),
    (answered(403, error("Authentication_RequestFromNonPremiumTenantOrB2CTenant")), Reason.LICENCE),
    (answered(400, error("AadPremiumLicenseRequired")), Reason.LICENCE),
    (answered(403, error("Forbidden", "Your tenant is not licensed for this feature.")), Reason.LICENCE),
    (answered(400, error("BadRequest", "Request not applicable to target tenant.")), Reason.LICENCE),
    (answered(401, error("InvalidAuthenticationToken")), Reason.PERMISSION), (answered(401), Reason.PERMISSION),
    (answered(404, error("ResourceNotFound")), Reason.UNSUPPORTED), (answered(400, error("BadRequest")), Reason.ERROR),
    (answered(500), Reason.UNREACHABLE), (answered(504, [1]), Reason.UNREACHABLE), (answered(200), Reason.MALFORMED),
    (answered(200, valid=False), Reason.MALFORMED), (answered(302), Reason.ERROR), (answered(0), Reason.ERROR),
    (answered(403, valid=False), Reason.PERMISSION),
])  # fmt: skip
def test_what_an_answer_means(answer, reason):
    with pytest.raises(UnreadError) as caught:
        understand(answer)
    assert caught.value.gap.reason is reason


@given(st.integers(min_value=0, max_value=999), JSON)
def test_any_answer_is_understood_or_refused(status, value):
    for found in (value, {"error": value}, {"error": {"code": value, "message": value}}, {"value": value}):
        code, message = error_of(found)
        assert isinstance(code, str)
        assert isinstance(message, str)
        understood = outcome(understand, answered(status, found))
        if isinstance(understood, Gap):
            assert 0 < len(understood.detail) < 400
            continue
        assert 200 <= status < 300
        for shape in (items_of, one_of):
            shaped = outcome(shape, understood)
            assert not isinstance(shaped, Gap) or shaped.reason is Reason.MALFORMED


def outcome(function: Callable[[Any], Any], value: object) -> Any:
    """What a function gives, or the gap that it raises; any other exception is a mistake of ours."""
    try:
        return function(value)
    except UnreadError as unread:
        return unread.gap


@given(st.sampled_from(RESOURCES), st.lists(JSON, max_size=5))
def test_anything_is_trimmed_to_what_the_table_names(resource, items):
    rows = Trimmer(resource).rows([*items, dict.fromkeys(resource.properties, items)])
    for row in rows:
        assert not resource.properties or set(row) <= set(resource.properties)
    msgspec.json.encode(rows)


@given(JSON)
def test_a_secret_is_dropped_wherever_it_is(value):
    item = {"settings": {"a": [{"secretText": "SECRET-VALUE", "hint": "SECRET-VALUE", "b": value}]}}
    assert "SECRET-VALUE" not in json.dumps(Trimmer(BY_NAME["authorization_policy"]).row(item), default=str)


def test_the_code_of_a_refusal_is_told_and_its_text_is_not():
    found = refusal("AADSTS7000215: Invalid client secret provided: abcdef. Trace ID: 1")
    assert found.reason is Reason.REFUSED
    assert "AADSTS7000215" in found.detail
    assert "abcdef" not in found.detail
    unknown = refusal("AADSTS99999: something abcdef")
    assert "AADSTS99999" in unknown.detail
    assert "abcdef" not in unknown.detail
    assert refusal("Timed out waiting for user to authenticate").reason is Reason.TIMEOUT


NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(("name", "path"), [
    ("skus", "/v1.0/subscribedSkus"),
    ("user_activity", "/v1.0/users?$select=id,signInActivity&$top=500"),
    ("sign_ins", "/beta/auditLogs/signIns?$filter=createdDateTime%20ge%202026-11-15T10:00:00Z"),
    ("role_groups", "/v1.0/groups?$filter=isAssignableToRole%20eq%20true"),
])  # fmt: skip
def test_addresses_of_readings(name, path):
    assert path_of(BY_NAME[name], NOW, 7) == path


def test_what_a_service_never_gives_is_told_from_what_is_empty():
    users = BY_NAME["domains"]
    full = dict.fromkeys(users.properties)
    partial = {name: None for name in users.properties if name != "authenticationType"}
    assert absent(users, [partial, partial]) == ("authenticationType",)
    assert absent(users, [partial, full]) == ()
    assert absent(users, []) == ()
    assert absent(BY_NAME["authorization_policy"], [{}]) == ()


def test_every_reading_of_graph_has_an_address_without_spaces():
    for resource in RESOURCES:
        if resource.api == "graph":
            assert path_of(resource, NOW, 7).startswith(("/v1.0/", "/beta/"))
            assert " " not in path_of(resource, NOW, 7)
    assert path_of(BY_NAME["users"], NOW, 7).count("$select=") == 1


def rows(*items: dict, complete: bool = True) -> Rows:
    return Rows(rows=items, complete=complete, source="x")


SPB = {"skuPartNumber": "SPB", "capabilityStatus": "Enabled", "prepaidUnits": {"enabled": 3, "warning": 0},
       "servicePlans": [{"servicePlanName": "AAD_PREMIUM", "provisioningStatus": "Success"},
                        {"servicePlanName": "OFF", "provisioningStatus": "Disabled"}]}  # fmt: skip


def test_licences_are_those_in_use():
    found = licences_of(rows(SPB, SPB | {"capabilityStatus": "Suspended", "skuPartNumber": "OLD"}))
    assert found == Licences(skus={"SPB": 3}, plans=("AAD_PREMIUM",))
    grace = licences_of(rows(SPB | {"capabilityStatus": "Warning", "prepaidUnits": {"enabled": 0, "warning": 3}}))
    assert grace == found
    none = licences_of(rows(SPB | {"prepaidUnits": {"enabled": 0, "warning": 0}}))
    assert none == Licences(skus={"SPB": 0}, plans=())
    assert isinstance(licences_of(rows(SPB, complete=False)), Gap)
    gap = Gap(reason=Reason.PERMISSION, detail="x")
    assert licences_of(gap) is gap


@given(st.lists(st.dictionaries(st.sampled_from(list(SPB)), JSON), max_size=3))
def test_any_shape_of_licences_gives_licences(items):
    assert isinstance(licences_of(rows(*items)), Licences)


@given(st.dictionaries(st.sampled_from(["id", "displayName", "verifiedDomains", "createdDateTime"]), JSON))
def test_any_shape_of_organisation_gives_a_tenant(item):
    assert isinstance(tenant_of(rows(item), "id-of-the-token"), Tenant)


def test_the_initial_domain_comes_first():
    domains = [
        {"name": "tilleuls.fr", "isInitial": False},
        {"name": "t.onmicrosoft.com", "isInitial": True},
        {"name": 3},
        4,
    ]
    found = tenant_of(rows({"id": "1", "displayName": "EHPAD Les Tilleuls", "verifiedDomains": domains}), "2")
    assert (found.id, found.domains) == ("1", ("t.onmicrosoft.com", "tilleuls.fr"))
    assert tenant_of(None, "2").id == tenant_of(rows(), "2").id == "2"


BASE = {"tenant": "tilleuls.onmicrosoft.com", "client_id": "0f4c1f6e-9a41-4c58-9a5e-2f3d5f0c7a11"}


@pytest.mark.parametrize(("changes", "words"), [
    ({"client_id": "x"}, "client_id"), ({"client_id": ""}, "client_id"), ({"tenant": "pas un locataire"}, "locataire"),
    ({"sign_in": "client_secret"}, "secret_from"), ({"sign_in": "token"}, "secret_from"), ({"tenant": ""}, "import_files"),
    ({"sign_in": "certificate"}, "certificate_file"),
    ({"sign_in": "certificate", "certificate_file": "ausculte.pem"}, "chemin absolu"), ({"graph_url": "http://graph.microsoft.com"}, "https"),
    ({"compliance_url": "ftp://x"}, "https"),
])  # fmt: skip
def test_a_profile_that_cannot_work_is_refused(changes, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(BASE | changes, M365Config)


def test_what_a_profile_points_at():
    config = msgspec.convert(BASE, M365Config)
    assert config.targets() == (
        "login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com",
        "ps.compliance.protection.outlook.com", "api.interfaces.records.teams.microsoft.com",
    )  # fmt: skip
    assert config.tenants() == ("tilleuls.onmicrosoft.com",)
    few = msgspec.convert(BASE | {"exchange": False, "teams": False}, M365Config)
    assert few.targets() == ("login.microsoftonline.com", "graph.microsoft.com")
    files = msgspec.convert({"import_files": ["a.json"]}, M365Config)
    assert files.targets() == files.tenants() == ()
