"""Backup, emergency accounts, policies of Entra ID and sensitive data: one change at a time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.model import Context, Origin, Reason, Verdict
from tests.m365 import tenants
from tests.m365.controls_b.rows import (
    ANSWERED,
    dlp_rule,
    good,
    judge,
)
from tests.m365.controls_b.test_cases import FAIL, PASS, UNKNOWN, details, one
from tests.m365.tenants import (
    CONTEXT,
    DIRECTOR,
    NOW,
    RESCUE_1,
    ago,
    put,
    rows_of,
    with_gap,
    with_rows,
)

# --- The tenant


def saver(name: str, publisher: str = "", granted: bool = True) -> dict[str, Any]:
    roles = [tenants.role_of_app(1, tenants.READ_ROLE)] if granted else []
    return tenants.principal(30, name, verifiedPublisher={"displayName": publisher}, appRoleAssignments=roles)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (saver("Keepit"), PASS),
        (saver("Connecteur", "Acronis International"), PASS),
        (saver("Veeam", granted=False), UNKNOWN),
        (saver("Barracuda Cloud-to-Cloud Backup"), PASS),
        (saver("Barracuda Email Gateway"), UNKNOWN),
        (saver("Veeam") | {"accountEnabled": False}, FAIL),
        (saver("Planning"), FAIL),
        (saver("Conveeamer"), FAIL),
    ],
)
def test_backup_products(row: dict[str, Any], verdict: Verdict) -> None:
    assert one("tenant.backup", "service_principals", row).verdict is verdict


def test_backup_of_microsoft_and_declared_answers() -> None:
    none = with_rows(good(), "service_principals", [])
    assert judge("tenant.backup", with_rows(none, "backup", [{"serviceStatus": {"status": "enabled"}}])).verdict is PASS
    for answer, verdict in ((True, PASS), (False, FAIL)):
        assert judge("tenant.backup", none, Context(now=NOW, answers={"m365_backup": answer})).verdict is verdict


def test_backup_of_microsoft_that_was_not_read_may_be_on() -> None:
    none = with_gap(with_rows(good(), "service_principals", []), "backup")
    assert judge("tenant.backup", none).reason == Reason.PERMISSION


def test_guests_of_a_team_are_counted() -> None:
    facts = good(
        group_owners=[{"id": tenants.GROUP_PROJECT, "owners": []}],
        group_guests=[{"id": tenants.GROUP_PROJECT, "guests": ["a", "b"], "members": 9}],
    )
    assert "Aucun propriétaire, 2 invités." in details(judge("teams.owners", facts))


def test_emergency_accounts_need_to_be_declared() -> None:
    assert (
        judge("tenant.emergency_accounts", msgspec.structs.replace(good(), break_glass=())).reason
        == Reason.NOT_CONFIGURED
    )
    alone = msgspec.structs.replace(good(), break_glass=("secours1@tilleuls.test",))
    assert judge("tenant.emergency_accounts", alone).verdict is FAIL


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("accountEnabled", False, "Désactivé"),
        ("onPremisesSyncEnabled", True, "Synchronisé"),
        ("userPrincipalName", "autre@tilleuls.test", "Absent"),
    ],
)
def test_emergency_account_that_would_not_work(path: str, value: Any, words: str) -> None:
    facts = good()
    index = [row["id"] for row in rows_of(facts, "users")].index(RESCUE_1)
    assert words in details(judge("tenant.emergency_accounts", put(facts, "users", index, path, value)))


def test_emergency_account_in_daily_use_unless_it_is_a_test() -> None:
    facts = with_rows(
        good(), "user_activity", [{"id": RESCUE_1, "signInActivity": {"lastSuccessfulSignInDateTime": ago(3)}}]
    )
    assert "tilisé il y a 3 jours" in details(judge("tenant.emergency_accounts", facts))
    tested = Context(now=NOW, answers={"m365_break_glass_tested": ["Secours1@tilleuls.test"]})
    assert judge("tenant.emergency_accounts", facts, tested).verdict is PASS


# --- Policies of Entra ID


STRONG = tenants.policy(10, "Clé pour tous", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT))


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (STRONG, PASS),
        (STRONG | {"state": "enabledForReportingButNotEnforced"}, FAIL),
        (tenants.policy(10, "x", grant=tenants.controls("mfa", strength=tenants.PHISHING_RESISTANT)), FAIL),
        (tenants.policy(10, "x", grant=tenants.controls("compliantDevice", strength=tenants.PHISHING_RESISTANT, operator="AND")), PASS),
        (tenants.policy(10, "x", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT), users={"excludeUsers": [DIRECTOR]}), FAIL),
        (tenants.policy(10, "x", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT), users={"excludeGroups": ["g"]}), PASS),
        (tenants.policy(10, "x", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT), locations={"includeLocations": ["All"], "excludeLocations": []}), PASS),
        (tenants.policy(10, "x", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT), clientAppTypes=["browser"]), FAIL),
        (tenants.policy(10, "x", grant=tenants.controls(strength="autre")), UNKNOWN),
    ],
)  # fmt: skip
def test_strong_factor_for_all(policy: dict[str, Any], verdict: Verdict) -> None:
    assert one("suite.strong_for_all", "conditional_access", policy).verdict is verdict


def test_two_policies_together_may_cover_everybody() -> None:
    """Members by one, guests by the other: neither alone says all."""
    strong = tenants.controls(strength=tenants.PHISHING_RESISTANT)
    guests = {"guestOrExternalUserTypes": "b2bCollaborationGuest,internalGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider",
              "externalTenants": {"membershipKind": "all"}}  # fmt: skip
    members = tenants.policy(
        10, "Membres", grant=strong, users={"excludeUsers": [RESCUE_1, tenants.RESCUE_2, "GuestsOrExternalUsers"]}
    )
    others = tenants.policy(
        11, "Invités", grant=strong, users={"includeUsers": [], "includeGuestsOrExternalUsers": guests}
    )
    assert one("suite.strong_for_all", "conditional_access", members).verdict is FAIL
    assert one("suite.strong_for_all", "conditional_access", members, others).verdict is PASS


def test_own_strength_counts_when_every_method_resists() -> None:
    policy = tenants.policy(10, "x", grant=tenants.controls(strength="maison"))
    for methods, verdict in (
        (["fido2", "windowsHelloForBusiness"], PASS),
        (["fido2", "password,sms"], FAIL),
        ([], UNKNOWN),
    ):
        facts = good(
            conditional_access=[policy], authentication_strengths=[{"id": "maison", "allowedCombinations": methods}]
        )
        assert judge("suite.strong_for_all", facts).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"startDateTime": ago(3)}, PASS),
        ({"startDateTime": None}, FAIL),
        ({"startDateTime": None, "assignmentType": "Activated"}, PASS),
        ({"startDateTime": None, "roleDefinitionId": tenants.READER}, PASS),
        ({"startDateTime": None, "principalId": RESCUE_1}, PASS),
    ],
)
def test_roles_outside_pim(changes: dict[str, Any], verdict: Verdict) -> None:
    row = tenants.schedule(1, DIRECTOR, tenants.GLOBAL) | changes
    assert one("suite.through_pim", "role_active", row).verdict is verdict


def agents(**changes: Any) -> dict[str, Any]:
    conditions = {
        "agentIdRiskLevels": "medium,high",
        "clientApplications": {"includeAgentIdServicePrincipals": ["All"]},
    }
    return tenants.policy(9, "Agents", grant=tenants.controls("block"), **(conditions | changes))


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (agents(), PASS),
        (agents(agentIdRiskLevels=["high"]), PASS),
        (agents(agentIdRiskLevels="medium"), FAIL),
        (agents(clientApplications={"includeAgentIdServicePrincipals": []}), FAIL),
        (agents() | {"grantControls": tenants.controls("mfa")}, FAIL),
    ],
)
def test_risky_agents(policy: dict[str, Any], verdict: Verdict) -> None:
    assert one("suite.risky_agents", "conditional_access", policy).verdict is verdict


# --- Sensitive data


def test_advanced_rule_is_read_too() -> None:
    text = (
        '{"Condition":{"SubConditions":[{"Value":[{"Groups":[{"Sensitivetypes":[{"Name":"France Social Security'
        ' Number (INSEE)"},{"Name":"Credit Card Number"}]}]}]}]}}'
    )
    advanced = dlp_rule(IsAdvancedRule=True, ContentContainsSensitiveInformation=None, AdvancedRule=text)
    assert one("sensitive.sensitive_data", "dlp_rules", advanced).verdict is PASS


def test_what_is_not_watched_is_named() -> None:
    found = one(
        "sensitive.sensitive_data",
        "dlp_rules",
        dlp_rule(ContentContainsSensitiveInformation=[{"name": "Credit Card Number"}]),
    )
    assert found.message.endswith("numéro de sécurité sociale.")


def test_declared_points_keep_their_origin() -> None:
    for check in ("suite.risk_notices", "sensitive.sensitive_devices", "sharepoint.anonymous_files"):
        assert judge(check, good(), ANSWERED).evidence[0].origin is Origin.DECLARED
        assert judge(check, good(), CONTEXT).verdict is UNKNOWN
