"""Answers of Graph and of cmdlets saved to files are recognised, put together, and what is not is said."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks.m365.facts import Licences, M365Facts, Rows, Tenant
from checks.m365.imports.found import Imported, facts_of, merged
from checks.m365.imports.reading import read_files, read_input
from checks.m365.resources import BY_NAME, RESOURCES
from checks.model import CollectError, Gap, Origin, Reason
from tests.m365.imports import scuba

ROOT = "https://graph.microsoft.com/v1.0/$metadata#"
USER = {"id": "u1", "userPrincipalName": "a@tilleuls.test", "displayName": "A", "accountEnabled": True,
        "userType": "Member", "createdDateTime": "2024-01-01T00:00:00Z", "mail": None, "assignedLicenses": []}  # fmt: skip


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def load(folder: Path, files: dict[str, Any]) -> Imported:
    return read_files([write(folder, files)])


def rows(imported: Imported, name: str) -> Rows:
    found = imported.readings[name]
    assert isinstance(found, Rows), found
    return found


@pytest.mark.parametrize(
    "name", [r.name for r in RESOURCES if r.api == "graph" and "{" not in r.path and not r.post and r.name not in {
        "role_groups", "group_owners", "user_activity", "oldest_sign_in", "deleted_items", "device_settings"}]
)  # fmt: skip
def test_every_reading_of_graph_is_known_by_its_context(tmp_path: Path, name: str) -> None:
    resource = BY_NAME[name]
    place = resource.path.partition("?")[0].removeprefix("/v1.0/").removeprefix("/beta/")
    row = {"id": "x", "displayName": "y"} | dict.fromkeys(resource.properties[:2]) | {"id": "x"}
    value: Any = {"@odata.context": f"{ROOT}{place}(id)", "value": [row]}
    if resource.single:
        value = {"@odata.context": f"{ROOT}{place}/$entity", **row}
    found = rows(load(tmp_path, {"sortie.json": value}), name)
    assert len(found.rows) == 1
    assert found.origin is Origin.IMPORTED
    assert "@odata.context" not in found.rows[0]


@pytest.mark.parametrize("name", [r.name for r in RESOURCES if r.path.startswith("Get-")])
def test_every_cmdlet_is_known_by_the_name_of_its_file(tmp_path: Path, name: str) -> None:
    resource = BY_NAME[name]
    row = dict.fromkeys(resource.properties, "x")
    found = rows(load(tmp_path, {f"{resource.path}.json": [row]}), name)
    assert set(found.rows[0]) == set(resource.properties)
    assert not found.absent


def test_objects_without_a_name_are_known_by_their_properties_when_alone_to_have_them(tmp_path: Path) -> None:
    box = dict.fromkeys(BY_NAME["mailboxes"].properties, "x")
    rule = dict.fromkeys(BY_NAME["protection_rules"].properties, "x")
    found = load(tmp_path, {"export1.json": box, "export2.json": [rule], "export3.json": [{"Nom": "x"}]})
    assert set(found.readings) == {"mailboxes"}
    assert any("export2.json" in limit and "export3.json" in limit for limit in found.limits)


def test_pages_are_put_together_and_a_missing_end_is_told(tmp_path: Path) -> None:
    first = {"@odata.context": f"{ROOT}users", "@odata.nextLink": "https://x/?$skiptoken=1", "value": [USER]}
    last = {"@odata.context": f"{ROOT}users", "value": [{**USER, "id": "u2"}]}
    found = load(tmp_path, {"users.json": first, "users_2.json": last})
    assert [row["id"] for row in rows(found, "users").rows] == ["u1", "u2"]
    assert rows(found, "users").complete
    assert any("pages réunies" in limit for limit in found.limits)
    alone = tmp_path / "alone"
    assert not rows(load(alone, {"users.json": first}), "users").complete
    counted = tmp_path / "counted"
    assert not rows(load(counted, {"users.json": {**last, "@odata.count": 2}}), "users").complete


def test_activity_and_deleted_accounts_of_the_same_answer_are_apart(tmp_path: Path) -> None:
    value = [{**USER, "signInActivity": {"lastSignInDateTime": "2026-01-01T00:00:00Z"}},
             {**USER, "id": "u2", "deletedDateTime": "2026-01-01T00:00:00Z"}, {**USER, "id": "u3"}]  # fmt: skip
    found = load(tmp_path, {"users.json": {"@odata.context": f"{ROOT}users", "value": value}})
    assert [row["id"] for row in rows(found, "users").rows] == ["u1", "u3"]
    assert [row["id"] for row in rows(found, "deleted_items").rows] == ["u2"]
    assert [row["id"] for row in rows(found, "user_activity").rows] == ["u1", "u3"]


def test_groups_serve_several_readings(tmp_path: Path) -> None:
    value = [
        {"id": "g1", "displayName": "Équipe", "groupTypes": ["Unified"], "isAssignableToRole": None, "owners": []},
        {"id": "g2", "displayName": "Admins", "groupTypes": [], "isAssignableToRole": True},
    ]
    member = {"value": [{"id": "u1"}, {"id": "u2"}]}
    key = "11111111-2222-4333-8444-555555555555"
    several = {"/v1.0/users": {"value": [USER]}, f"/v1.0/groups/{key}/transitiveMembers": member}
    found = load(tmp_path, {"groups.json": value, "lot.json": several})
    assert [row["id"] for row in rows(found, "groups").rows] == ["g1"]
    assert [row["id"] for row in rows(found, "role_groups").rows] == ["g2"]
    assert [row["id"] for row in rows(found, "group_owners").rows] == ["g1"]
    assert rows(found, "policy_groups").rows == ({"id": key, "members": [{"id": "u1"}, {"id": "u2"}]},)
    assert len(rows(found, "users").rows) == 1


def test_batch_answers_and_refusals(tmp_path: Path) -> None:
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}
    free = {"error": {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "message": "…"}}
    value = {"responses": [
        {"id": "domains", "status": 200, "body": {"value": [{"id": "tilleuls.test", "isVerified": True}]}},
        {"id": "auditLogs/signIns", "status": 403, "body": free},
        {"id": "riskyUsers", "status": 403, "body": denied},
    ]}  # fmt: skip
    found = load(tmp_path, {"batch.json": value})
    assert len(rows(found, "domains").rows) == 1
    told = [found.readings["sign_ins"], found.readings["risky_users"]]
    assert [gap.reason for gap in told if isinstance(gap, Gap)] == [Reason.LICENCE, Reason.PERMISSION]


def test_beta_authorization_policy_is_read_as_v1(tmp_path: Path) -> None:
    value = {"@odata.context": "https://graph.microsoft.com/beta/$metadata#policies/authorizationPolicy", "value": [
        {"id": "authorizationPolicy", "defaultUserRolePermissions": {"allowedToCreateApps": False},
         "permissionGrantPolicyIdsAssignedToDefaultUserRole": []}]}  # fmt: skip
    row = rows(load(tmp_path, {"x.json": value}), "authorization_policy").rows[0]
    assert row["defaultUserRolePermissions"]["permissionGrantPoliciesAssigned"] == []


def test_tenant_and_licences_come_from_their_answers(tmp_path: Path) -> None:
    organisation = {"id": "t1", "displayName": "EHPAD", "createdDateTime": "2020-01-01T00:00:00Z", "verifiedDomains": [
        {"name": "tilleuls.test", "isInitial": False}, {"name": "t.onmicrosoft.com", "isInitial": True}]}  # fmt: skip
    sku = {"skuPartNumber": "SPB", "capabilityStatus": "Enabled", "prepaidUnits": {"enabled": 5},
           "servicePlans": [{"servicePlanName": "AAD_PREMIUM", "provisioningStatus": "Success"}]}  # fmt: skip
    found = load(tmp_path, {"organization.json": {"value": [organisation]}, "subscribedSkus.json": {"value": [sku]}})
    assert found.tenant.domains == ("t.onmicrosoft.com", "tilleuls.test")
    assert found.licences == Licences(skus={"SPB": 5}, plans=("AAD_PREMIUM",))


def test_archives_and_folders_give_the_same(tmp_path: Path) -> None:
    files = {"users.json": {"value": [USER]}, "domains.json": {"value": [{"id": "tilleuls.test"}]}, "lisez.txt": "x"}
    packed = tmp_path / "lot.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, value in files.items():
            archive.writestr(f"dump/{name}", json.dumps(value))
    folder = load(tmp_path / "dump", files)
    assert read_files([packed]).readings.keys() == folder.readings.keys() == {"users", "domains"}
    assert any("lisez.txt" in limit for limit in folder.limits)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_powershell(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "ProviderSettingsExport.json"
    text = json.dumps(scuba.export(careful=True), ensure_ascii=False)
    path.write_bytes(text.replace('"total_user_count": 46', '"total_user_count": NaN').encode(encoding))
    found = read_files([path])
    assert found.tenant.name == "EHPAD Les Tilleuls"
    assert isinstance(found.readings["conditional_access"], Rows)


def test_a_key_given_twice_keeps_what_says_something(tmp_path: Path) -> None:
    text = json.dumps(scuba.export(careful=True))
    path = tmp_path / "export.json"
    path.write_text(text[:-1] + ', "accepted_domains": []}')
    assert len(rows(read_files([path]), "accepted_domains").rows) == 2


def test_a_dump_completes_scubagear_and_wins_where_it_is_whole(tmp_path: Path) -> None:
    users = [{**USER, "id": scuba.CHEF, "displayName": "Chef"}, USER]
    found = load(tmp_path, {"ProviderSettingsExport.json": scuba.export(careful=True), "users.json": {"value": users}})
    assert rows(found, "users").complete
    assert len(rows(found, "users").rows) == 2
    assert isinstance(found.readings["role_assignments"], Rows)


def test_files_of_two_tenants_are_refused(tmp_path: Path) -> None:
    other = scuba.export(careful=True)
    other["tenant_details"][0]["TenantId"] = "00000000-0000-4000-8000-000000000009"
    with pytest.raises(CollectError, match="plusieurs locataires"):
        load(tmp_path, {"a.json": scuba.export(careful=True), "b.json": other})


def live(**readings: Rows | Gap) -> M365Facts:
    known = facts_of(Imported(tenant=Tenant(id=scuba.TENANT.upper())))
    return msgspec.structs.replace(known, readings=readings, authentication="certificate")


def test_live_readings_win_and_files_fill_gaps(tmp_path: Path) -> None:
    imported = load(tmp_path, {"ProviderSettingsExport.json": scuba.export(careful=True)})
    mine = Rows(rows=({"Identity": "vu"},), source="Get-RemoteDomain")
    refused = Gap(reason=Reason.PERMISSION, detail="Refusé.")
    both = merged(live(remote_domains=mine, transport_config=refused, risky_users=refused), imported)
    assert both.readings["remote_domains"] is mine
    filled = both.readings["transport_config"]
    assert isinstance(filled, Rows)
    assert filled.origin is Origin.IMPORTED
    assert both.readings["risky_users"] is refused
    assert both.authentication == "certificate"


def test_files_of_another_tenant_do_not_fill_a_live_reading(tmp_path: Path) -> None:
    value = scuba.export(careful=True)
    value["tenant_details"][0]["TenantId"] = "00000000-0000-4000-8000-000000000009"
    imported = load(tmp_path, {"export.json": value})
    both = merged(live(), imported)
    assert both.readings == {}
    assert any("autre locataire" in limit for limit in both.limits)


def test_facts_recorded_earlier_are_read_back(tmp_path: Path) -> None:
    path = write(tmp_path, {"export.json": scuba.export(careful=True)}) / "export.json"
    facts = read_input([str(path)], {})
    assert facts.authentication == "import"
    bare = tmp_path / "facts.json"
    bare.write_bytes(msgspec.json.encode(facts))
    assert read_input([str(bare)], {}) == facts
    envelope = tmp_path / "run.json"
    envelope.write_bytes(msgspec.json.encode({"domain": "m365", "data": facts}))
    assert read_input([str(envelope)], {}) == facts
    assert read_files([envelope]).readings == facts.readings


def test_facts_that_were_spoiled_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text('{"tenant": 3, "licences": {}, "readings": {}}')
    with pytest.raises(CollectError, match="illisibles"):
        read_input([str(path)], {})


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("x.json", b""),
        ("x.json", b"[" * 200_000),
        ("x.json", b'{"a":' * 100_000),
        ("x.json", b"\x00\x01\x02"),
        ("x.json", b'{"users": 1' + b"0" * 6000 + b"}"),
        ("x.json", b"<Objs Version='1.1.0.1'></Objs>"),
        ("x.zip", b"PK\x05\x06" + b"\x00" * 18),
        ("x.zip", b"PK\x03\x04abcdef"),
        ("x.json", b"[1, 2, 3]"),
        ("x.json", b'"users"'),
        ("x.json", b"null"),
    ],
)
def test_nothing_usable_is_one_sentence(tmp_path: Path, name: str, raw: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(CollectError) as caught:
        read_files([path])
    assert caught.value.detail.endswith(".")


def test_a_bad_file_among_good_ones_is_said(tmp_path: Path) -> None:
    found = load(tmp_path, {"users.json": {"value": [USER]}, "domains.json": "{"})
    assert set(found.readings) == {"users"}
    assert any("domains.json" in limit for limit in found.limits)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checks.m365.imports.documents.MAX_BYTES", 1000)
    path = tmp_path / "x.zip"
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", b" " * 5000)
        archive.writestr("domains.json", b'{"value": [{"id": "a"}]}')
    path.write_bytes(memory.getvalue())
    found = read_files([path])
    assert set(found.readings) == {"domains"}
    assert any("trop grand" in limit for limit in found.limits)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="introuvable"):
        read_input([str(tmp_path / "absent.json")], {})
