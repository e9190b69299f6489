"""A ScubaGear export becomes the readings that a live collection would give, with what it can never show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.common.textfile import ParseError
from checks.m365.facts import Licences, Rows
from checks.m365.imports import scubagear
from checks.m365.imports.found import Imported, facts_of
from checks.m365.reading import reading
from checks.m365.resources import BY_NAME
from checks.model import Gap, Origin, Reason
from tests.m365.imports import scuba

NAME = "ProviderSettingsExport.json"


def read(value: dict[str, Any]) -> Imported:
    return scubagear.read(NAME, json.loads(json.dumps(value)))


def rows(imported: Imported, name: str) -> Rows:
    found = imported.readings[name]
    assert isinstance(found, Rows), found
    return found


@pytest.fixture
def good() -> Imported:
    return read(scuba.export(careful=True))


def test_every_reading_is_of_the_table_and_says_it_is_imported(good: Imported) -> None:
    assert {key.reading for key in scubagear.KEYS} <= set(good.readings)
    for name, found in good.readings.items():
        assert isinstance(found, Rows), (name, found)
        assert found.origin is Origin.IMPORTED
        assert found.source.startswith(NAME)
        known = set(BY_NAME[name].properties)
        assert not known or all(set(row) <= known for row in found.rows), name


def test_what_the_graph_module_writes_is_written_back_as_graph_does(good: Imported) -> None:
    found = rows(good, "conditional_access").rows[0]
    assert found["displayName"] == "Anciens protocoles"
    assert found["createdDateTime"] == "2022-04-29T14:48:33Z"
    assert found["conditions"]["users"]["includeUsers"] == ["All"]
    assert found["conditions"]["devices"] is None, "an object of nulls is what is not set"
    assert found["grantControls"]["authenticationStrength"] is None
    assert found["grantControls"]["builtInControls"] == ["block"]


def test_tenant_and_licences(good: Imported) -> None:
    assert good.tenant.id == scuba.TENANT
    assert good.tenant.domains == ("tilleuls.onmicrosoft.com", "tilleuls.test")
    assert good.tenant.created is not None
    assert good.tenant.created.year == 2021
    assert isinstance(good.licences, Licences)
    assert good.licences.skus == {"SPB": 50, "AAD_PREMIUM_P2": 6}
    assert "ATP_ENTERPRISE" in good.licences.plans


def test_tenant_that_scubagear_could_not_read_stays_unknown() -> None:
    value = scuba.export(careful=True)
    value["tenant_details"] = [{"TenantId": "Error retrieving Tenant ID", "DisplayName": "Error retrieving Display name",
                                "DomainName": "AAD: Domain Unretrievable",
                                "AADAdditionalData": "Error retrieving additional data"}]  # fmt: skip
    found = read(value)
    assert (found.tenant.id, found.tenant.name) == ("", "")
    assert found.tenant.domains == ("tilleuls.test", "tilleuls.onmicrosoft.com")


def test_consent_policies_of_beta_are_put_where_v1_has_them() -> None:
    found = rows(read(scuba.export(careful=False)), "authorization_policy").rows[0]
    assert found["defaultUserRolePermissions"]["permissionGrantPoliciesAssigned"] == [
        "ManagePermissionGrantsForSelf.microsoft-user-default-recommended"
    ]


def test_roles_active_directly_and_the_others(good: Imported) -> None:
    now = rows(good, "role_assignments").rows
    assert [row["principal"]["displayName"] for row in now] == ["Chef de service"]
    assert {row["principalId"] for row in rows(good, "role_eligible").rows} == {
        scuba.SECOND, scuba.DEPUTY, scuba.HELPER, scuba.OTHER
    }  # fmt: skip
    assert rows(good, "role_active").rows[0]["endDateTime"] == "2027-01-01T00:00:00Z"
    assert any("ne distingue pas un rôle à activer" in limit for limit in good.limits)
    assert not rows(good, "users").complete


def test_without_p2_every_holder_is_active_and_pim_is_a_matter_of_licence() -> None:
    value = scuba.export(careful=True)
    for role in value["privileged_roles"]:
        del role["Assignments"], role["Rules"]
    value["service_plans"] = [{"ServicePlanName": "AAD_PREMIUM", "ProvisioningStatus": "Success"}]
    found = read(value)
    assert len(rows(found, "role_assignments").rows) == 5
    assert "role_eligible" not in found.readings
    gap = reading(facts_of(found), "role_active")
    assert isinstance(gap, Gap)
    assert gap.reason is Reason.LICENCE


def test_rules_that_the_module_put_aside_are_found(good: Imported) -> None:
    value = scuba.export(careful=True)
    for role in value["privileged_roles"]:
        role["Rules"] = [
            {"Id": rule.pop("Id"), "RuleSource": rule.pop("RuleSource"), "RuleSourceType": rule.pop("RuleSourceType"),
             "AdditionalProperties": {name[:1].lower() + name[1:]: item for name, item in rule.items()}}
            for rule in role["Rules"]
        ]  # fmt: skip
    old = rows(read(value), "role_policies").rows[0]["policy"]["rules"]
    new = rows(good, "role_policies").rows[0]["policy"]["rules"]
    assert [rule["notificationRecipients"] for rule in old[1:]] == [rule["notificationRecipients"] for rule in new[1:]]


def test_rules_of_a_group_that_gives_a_role_are_a_row_of_their_own() -> None:
    value = scuba.export(careful=True)
    role = value["privileged_roles"][0]
    role["Rules"] += [scuba.rule(scuba.BUILT_IN[0], False, "Admins") | {"RuleSourceType": "PIM Group"}]
    found = rows(read(value), "role_policies").rows
    assert [row["id"] for row in found if row["roleDefinitionId"] == scuba.GLOBAL] == [
        scuba.GLOBAL, f"{scuba.GLOBAL}:Admins"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "command", "name"),
    [
        ("transport_rule", "Get-TransportRule", "transport_rules"),
        ("SPO_tenant", "Get-SPOTenant", "sharepoint_tenant"),
        ("meeting_policies", "Get-TeamsMeetingPolicyRest", "teams_meeting"),
        ("privileged_users", "Get-PrivilegedUser", "role_assignments"),
        ("privileged_roles", "Get-PrivilegedRole", "role_policies"),
        ("authentication_method", "Get-MgBetaPolicyAuthenticationMethodPolicy", "authentication_methods"),
        ("authorization_policies", "Get-MgBetaPolicyAuthorizationPolicy", "authorization_policy"),
        ("directory_settings", "Get-MgBetaDirectorySetting", "admin_consent"),
    ],
)
def test_a_command_that_failed_is_a_gap_of_its_readings_only(key: str, command: str, name: str) -> None:
    value = scuba.export(careful=True)
    value[key] = {} if key == "privileged_users" else []
    value["aad_unsuccessful_commands"] = [command]
    found = read(value)
    gap = found.readings[name]
    assert isinstance(gap, Gap)
    assert gap.reason is Reason.ERROR
    assert command in gap.detail
    assert isinstance(found.readings["remote_domains"], Rows)


def test_an_empty_list_counts_only_when_its_command_is_known_to_have_worked() -> None:
    value = scuba.export(careful=False)
    assert rows(read(value), "transport_rules").rows == ()
    value["exo_successful_commands"].remove("Get-TransportRule")
    assert isinstance(read(value).readings["transport_rules"], Gap)


def test_a_licence_that_is_absent_is_told_as_such() -> None:
    value = scuba.export(careful=True)
    value["atp_policy_for_o365"] = []
    value["securitysuite_unsuccessful_commands"] = ["Get-AtpPolicyForO365"]
    value["service_plans"] = [{"ServicePlanName": "EXCHANGE_S_STANDARD", "ProvisioningStatus": "Success"}]
    gap = reading(facts_of(read(value)), "atp_policy")
    assert isinstance(gap, Gap)
    assert gap.reason is Reason.LICENCE


def test_keys_of_the_older_defender_product_are_known(good: Imported) -> None:
    value = scuba.export(careful=True)
    for new, old in (("anti_malware_policies", "malware_filter_policies"), ("accepted_domains", "all_domains"),
                     ("securitysuite_successful_commands", "defender_successful_commands"),
                     ("securitysuite_unsuccessful_commands", "defender_unsuccessful_commands")):  # fmt: skip
        value[old] = value.pop(new)
    found = read(value)
    for name in ("malware", "accepted_domains", "anti_phish", "safe_links"):
        assert rows(found, name).rows == rows(good, name).rows


def test_a_product_that_was_not_exported_has_no_reading() -> None:
    value = {key: item for key, item in scuba.export(careful=True).items() if key not in scuba.teams(True)}
    assert not any(name.startswith("teams_") for name in read(value).readings)


def test_onedrive_is_not_told_by_pnp() -> None:
    found = rows(read({**scuba.export(careful=True), "OneDrive_PnP_Flag": True}), "sharepoint_tenant")
    assert "OneDriveSharingCapability" not in found.rows[0]
    assert "OneDriveSharingCapability" in found.absent


def test_dns_tells_no_record_from_no_answer() -> None:
    value = scuba.export(careful=True)
    lost = {"query_name": "_dmarc.tilleuls.test", "query_result": "Query resulted in exception, X", "query_answers": []}
    value["dmarc_records"] = [{"domain": "tilleuls.test", "rdata": [], "log": [lost]}]
    row = rows(read(value), "mail_dns").rows[0]
    assert row["dmarc"] is None
    assert len(row["failures"]) == 1
    assert row["spf"] == ["v=spf1 include:spf.protection.outlook.com -all"]
    value["dmarc_records"][0]["log"][0]["query_result"] = "Query returned NXDOMAIN"
    assert rows(read(value), "mail_dns").rows[0]["dmarc"] == []


def test_dmarc_of_the_domain_above_is_said_to_be_there() -> None:
    value = scuba.export(careful=True)
    value["dmarc_records"] = [
        {
            "domain": "sud.tilleuls.test",
            "rdata": ["v=DMARC1; p=reject; sp=none"],
            "log": [
                {"query_name": "_dmarc.sud.tilleuls.test", "query_result": "Query returned 0 txt records",
                 "query_answers": []},
                {"query_name": "_dmarc.tilleuls.test", "query_result": "Query returned 1 txt records",
                 "query_answers": "v=DMARC1; p=reject; sp=none"},
            ],
        }
    ]  # fmt: skip
    found = {row["domain"]: row for row in rows(read(value), "mail_dns").rows}
    assert found["sud.tilleuls.test"]["dmarc_at"] == "tilleuls.test"


def test_values_cut_by_powershell_are_absent_not_empty() -> None:
    value = scuba.export(careful=True)
    value["sharing_policy"][0]["Domains"] = "System.Object[]"
    value["conn_filter"][0]["IPAllowList"] = ["@{Address=192.0.2.1}"]
    found = read(value)
    assert "Domains" not in rows(found, "sharing_policies").rows[0]
    assert rows(found, "sharing_policies").absent == ("Domains",)
    assert rows(found, "connection_filter").absent == ("IPAllowList",)
    assert sum("l'export a coupé" in limit for limit in found.limits) == 2


def test_results_with_the_export_inside_are_read_and_others_refused(good: Imported) -> None:
    found = read({"MetaData": {}, "Summary": {}, "Results": {}, "Raw": scuba.export(careful=True)})
    assert found.readings == good.readings
    with pytest.raises(ParseError, match=r"donner ProviderSettingsExport\.json"):
        read({"MetaData": {}, "Summary": {}, "Results": {"AAD": []}})


def test_what_the_export_cannot_show_is_said(good: Imported) -> None:
    assert any("ni la liste des comptes" in limit for limit in good.limits)
    value = scuba.export(careful=True)
    value["inbound_connectors"] = [{"Name": "x"}]
    assert any("connecteurs entrants" in limit for limit in read(value).limits)
