"""Roles, guests and applications: the good tenant and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.model import Context, Severity, Verdict
from tests.m365 import tenants as t
from tests.m365.controls_a.cases import judge

PASS, FAIL, NA, UNSEEN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
PEOPLE = {account["id"]: account for account in t.users()}


def given(identifier, role, number=50, **more):
    return lambda f: t.add(f, "role_assignments", t.assignment(number, PEOPLE[identifier], role, **more))


def every(*changes):
    def change(facts):
        for one in changes:
            facts = one(facts)
        return facts

    return change


def group_holds(role, members):
    """A group that holds a role; `members` is None when they were not read."""
    group = {"id": t.GROUP_ROLE, "displayName": "Équipe informatique", "isAssignableToRole": True}
    inside = (
        {}
        if members is None
        else {"members": [PEOPLE[one] | {"@odata.type": "#microsoft.graph.user"} for one in members]}
    )

    def change(facts):
        facts = t.add(facts, "role_assignments", t.assignment(60, group, role, kind="group"))
        return t.with_rows(facts, "role_groups", [group | inside])

    return change


def many_globals(number):
    def change(facts):
        for index in range(number - 2):
            extra = t.admin(t.uid(100 + index), f"adm.{index}")
            facts = t.add(facts, "users", extra)
            facts = t.add(facts, "role_assignments", t.assignment(100 + index, extra, t.GLOBAL))
        return facts

    return change


def rule(index, name, **values):
    def change(facts):
        def edit(row):
            for one in row["policy"]["rules"]:
                if one["id"] == name:
                    one.update(values)

        return t.edit(facts, "role_policies", index, edit)

    return change  # fmt: skip


ROBOT = {"id": t.SP_VENDOR, "displayName": "Planning du prestataire"}
ROLE_CASES = [
    ("RO-01", many_globals(4), PASS, "4 administrateurs généraux"),
    ("RO-01", many_globals(5), FAIL, "5 administrateurs généraux"),
    ("RO-01", many_globals(9), FAIL, "9 administrateurs généraux"),
    ("RO-01", lambda f: t.with_rows(f, "role_assignments", t.rows_of(f, "role_assignments")[:1]), FAIL, "plus personne"),
    ("RO-01", group_holds(t.GLOBAL, [t.NURSE_1, t.NURSE_2, t.RESCUE_1]), PASS, "4 administrateurs"),
    ("RO-01", group_holds(t.GLOBAL, [t.NURSE_1, t.NURSE_2, t.DIRECTOR]), FAIL, "5 administrateurs"),
    ("RO-01", group_holds(t.GLOBAL, None), UNSEEN, "Équipe informatique"),
    ("RO-01", lambda f: t.add(f, "role_eligible", t.schedule(70, t.DIRECTOR, t.GLOBAL)), PASS, "3 administrateurs"),
    ("RO-01", lambda f: t.partial(f, "role_assignments"), UNSEEN, "avant la fin"),
    ("RO-01", lambda f: t.add(f, "role_assignments", {"id": "?"}), UNSEEN, "affectations"),
    ("RO-02", given(t.DIRECTOR, t.GLOBAL), FAIL, "3 administrateurs généraux pour 2"),
    ("RO-02", given(t.DIRECTOR, t.USER_ADMIN), PASS, "pour 3"),
    ("RO-02", every(lambda f: t.with_rows(f, "role_assignments", []), lambda f: t.with_rows(f, "role_eligible", [])), NA, ""),
    ("RO-03", lambda f: t.put(f, "users", 0, "onPremisesImmutableId", "abc=="), FAIL, "adm.martin"),
    ("RO-03", lambda f: t.put(f, "users", 6, "onPremisesSyncEnabled", True), PASS, ""),
    ("RO-03", lambda f: t.with_rows(f, "users", t.rows_of(f, "users")[1:]), UNSEEN, ""),
    ("RO-04", lambda f: t.put(f, "users", 1, "assignedPlans", [{"service": "exchange", "capabilityStatus": "Enabled"}]), FAIL, "adm.petit"),
    ("RO-04", lambda f: t.put(f, "users", 1, "assignedPlans", [{"service": "exchange", "capabilityStatus": "Deleted"}]), PASS, ""),
    ("RO-04", lambda f: t.edit(f, "users", 1, lambda row: row.pop("assignedPlans")), UNSEEN, ""),
    ("RO-05", lambda f: t.add(f, "role_active", t.schedule(71, t.DIRECTOR, t.EXCHANGE_ADMIN)), FAIL, "directrice"),
    ("RO-05", lambda f: t.add(f, "role_active", t.schedule(71, t.DIRECTOR, t.EXCHANGE_ADMIN, endDateTime=t.ago(-1))), PASS, ""),
    ("RO-05", lambda f: t.add(f, "role_active", t.schedule(71, t.DIRECTOR, t.EXCHANGE_ADMIN, assignmentType="Activated")), PASS, ""),
    ("RO-05", lambda f: t.add(f, "role_active", t.schedule(71, t.DIRECTOR, t.READER)), PASS, ""),
    ("RO-05", lambda f: t.add(f, "role_active", t.schedule(71, t.DIRECTOR, t.EXCHANGE_ADMIN, assignmentType=None)), UNSEEN, ""),
    ("RO-06", rule(0, "Approval_EndUser_Assignment", setting={"isApprovalRequired": False}), FAIL, ""),
    ("RO-06", rule(1, "Approval_EndUser_Assignment", setting={"isApprovalRequired": False}), PASS, ""),
    ("RO-06", rule(0, "Approval_EndUser_Assignment", setting=None), UNSEEN, ""),
    ("RO-07", rule(1, "Notification_Admin_EndUser_Assignment", notificationRecipients=[]), FAIL, "Administrateur d'utilisateurs"),
    ("RO-07", rule(1, "Notification_Admin_EndUser_Assignment", notificationRecipients=None), UNSEEN, ""),
    ("RO-07", lambda f: t.with_rows(f, "role_policies", []), UNSEEN, ""),
    ("RO-08", given(t.GUEST, t.USER_ADMIN), FAIL, "medecin_cabinet"),
    ("RO-08", given(t.GUEST, t.READER), PASS, ""),
    ("RO-08", group_holds(t.USER_ADMIN, [t.GUEST]), FAIL, "medecin_cabinet"),
    ("RO-08", lambda f: t.add(f, "role_eligible", t.schedule(70, t.GUEST, t.USER_ADMIN)), FAIL, ""),
    ("RO-08", group_holds(t.USER_ADMIN, None), UNSEEN, ""),
    ("RO-09", lambda f: t.add(f, "role_assignments", t.assignment(80, ROBOT, t.GLOBAL, kind="servicePrincipal")), FAIL, "Planning"),
    ("RO-09", lambda f: t.add(f, "role_assignments", t.assignment(80, ROBOT, t.READER, kind="servicePrincipal")), PASS, ""),
    ("RO-09", lambda f: t.add(f, "role_eligible", t.schedule(81, t.SP_VENDOR, t.GLOBAL)), FAIL, "Planning"),
    ("RO-09", lambda f: t.add(f, "role_eligible", t.schedule(81, t.uid(99, 44), t.GLOBAL)), UNSEEN, ""),
    ("RO-10", lambda f: t.put(f, "access_reviews", 0, "status", "Completed"), FAIL, "les rôles"),
    ("RO-10", lambda f: t.with_rows(f, "access_reviews", []), FAIL, "les rôles ni pour les invités"),
    ("RO-10", every(lambda f: t.put(f, "access_reviews", 1, "status", "Completed"), lambda f: t.put(f, "users", 9, "userType", "Member")), PASS, ""),
    ("RO-10", lambda f: t.with_rows(f, "access_reviews", [], complete=False), UNSEEN, ""),
    ("RO-11", lambda f: f, UNSEEN, "demander la liste"),
    ("RO-11", lambda f: t.put(f, "sign_ins", 0, "crossTenantAccessType", "serviceProvider"), FAIL, "1 connexion d'un prestataire"),
    ("RO-11", lambda f: t.put(t.put(f, "sign_ins", 0, "crossTenantAccessType", "serviceProvider"), "sign_ins", 0, "status", {"errorCode": 1}), UNSEEN, ""),
]  # fmt: skip


def b2b(**lists):
    inside = {"B2BManagementPolicy": {"InvitationsAllowedAndBlockedDomainsPolicy": lists}}
    return lambda f: t.put(f, "b2b_policy", 0, "definition", [msgspec.json.encode(inside).decode()])


def auth(path, value):
    return lambda f: t.put(f, "authorization_policy", 0, path, value)


def pending(days):
    return every(
        lambda f: t.put(f, "users", 9, "externalUserState", "PendingAcceptance"),
        lambda f: t.put(f, "users", 9, "externalUserStateChangeDateTime", t.ago(days)),
    )


def settings(**values):
    return lambda f: t.with_rows(f, "directory_settings", [t.directory_setting("Group.Unified", **values)])


GUEST_CASES = [
    ("GU-01", auth("guestUserRoleId", "a0b1b346-4d3e-4e8b-98f8-753987be4970"), FAIL, "tout l'annuaire"),
    ("GU-01", auth("guestUserRoleId", "10DAE51F-B6AF-4016-8D66-8C2A99B929B3"), PASS, "limités"),
    ("GU-01", auth("guestUserRoleId", t.uid(4)), UNSEEN, ""),
    ("GU-02", auth("allowInvitesFrom", "everyone"), FAIL, "invités compris"),
    ("GU-02", auth("allowInvitesFrom", "adminsGuestInvitersAndAllMembers"), FAIL, "tous les membres"),
    ("GU-02", auth("allowInvitesFrom", "none"), PASS, "personne"),
    ("GU-02", auth("allowInvitesFrom", 4), UNSEEN, ""),
    ("GU-03", b2b(AllowedDomains=[], BlockedDomains=["pirate.test"]), FAIL, "sauf 1 domaine refusé"),
    ("GU-03", lambda f: t.with_rows(f, "b2b_policy", []), FAIL, "n'importe quel domaine"),
    ("GU-03", lambda f: t.with_rows(f, "b2b_policy", [], complete=False), UNSEEN, ""),
    ("GU-03", lambda f: t.put(f, "b2b_policy", 0, "definition", ["{"]), UNSEEN, ""),
    ("GU-04", pending(31), FAIL, "medecin_cabinet"),
    ("GU-04", pending(30), PASS, ""),
    ("GU-04", lambda f: t.put(f, "user_activity", 9, "signInActivity.lastSuccessfulSignInDateTime", t.ago(91)), FAIL, "medecin"),
    ("GU-04", lambda f: t.put(f, "user_activity", 9, "signInActivity.lastSuccessfulSignInDateTime", t.ago(90)), PASS, ""),
    ("GU-04", lambda f: t.put(f, "users", 9, "userType", "Member"), NA, "Aucun invité"),
    ("GU-04", lambda f: t.with_gap(pending(31)(f), "user_activity"), FAIL, ""),
    ("GU-04", lambda f: t.put(f, "users", 8, "userType", None), UNSEEN, ""),
    ("GU-05", lambda f: t.put(f, "cross_tenant", 0, "b2bDirectConnectInbound.usersAndGroups.accessType", "allowed"), PASS, ""),
    ("GU-05", every(lambda f: t.put(f, "cross_tenant", 0, "b2bDirectConnectInbound.usersAndGroups.accessType", "allowed"), lambda f: t.put(f, "cross_tenant", 0, "b2bDirectConnectInbound.applications.accessType", "allowed")), FAIL, "sans compte invité"),
    ("GU-05", lambda f: t.with_rows(f, "cross_tenant", [{}]), UNSEEN, ""),
    ("GU-06", lambda f: t.put(f, "groups", 0, "visibility", "Public"), FAIL, "Projet"),
    ("GU-06", lambda f: t.put(f, "groups", 0, "visibility", None), UNSEEN, ""),
    ("GU-06", lambda f: t.with_rows(f, "groups", []), PASS, "0 groupe"),
    ("GU-06", lambda f: t.partial(f, "groups"), UNSEEN, "avant la fin"),
    ("GU-07", auth("defaultUserRolePermissions.allowedToCreateTenants", True), FAIL, "des locataires"),
    ("GU-07", auth("defaultUserRolePermissions.allowedToCreateSecurityGroups", None), UNSEEN, ""),
    ("GU-08", settings(EnableGroupCreation="true"), FAIL, ""),
    ("GU-08", lambda f: t.with_rows(f, "directory_settings", []), FAIL, ""),
    ("GU-08", settings(EnableGroupCreation="peut-être"), UNSEEN, ""),
]  # fmt: skip


def app_role(index, *roles):
    return lambda f: t.put(
        f, "service_principals", index, "appRoleAssignments", [t.role_of_app(n, role) for n, role in enumerate(roles)]
    )


def scope(text, **values):
    return lambda f: t.with_rows(
        f, "delegated_grants", [t.rows_of(f, "delegated_grants")[0] | {"scope": text} | values]
    )


UNVERIFIED = lambda f: t.put(f, "service_principals", 2, "verifiedPublisher", {})  # noqa: E731 - one change
SECRET = "passwordCredentials"


def secret(days, index=0):
    return lambda f: t.edit(
        f,
        "applications",
        0,
        lambda row: row[SECRET].append({"endDateTime": t.ago(-days)}) or row[SECRET].pop(0) if index == 0 else None,
    )


def limits(**lists):
    return lambda f: t.edit(f, "app_management", 0, lambda row: row["applicationRestrictions"].update(lists))


LIFE = {"restrictionType": "passwordLifetime", "state": "enabled"}
APP_CASES = [
    ("AP-01", auth("defaultUserRolePermissions.allowedToCreateApps", True), FAIL, "Tout utilisateur"),
    ("AP-01", auth("defaultUserRolePermissions.allowedToCreateApps", None), UNSEEN, ""),
    ("AP-02", auth("defaultUserRolePermissions.permissionGrantPoliciesAssigned", ["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"]), FAIL, "n'importe quelle application"),
    ("AP-02", auth("defaultUserRolePermissions.permissionGrantPoliciesAssigned", ["ManagePermissionGrantsForSelf.microsoft-user-default-recommended"]), FAIL, "acceptent seuls"),
    ("AP-02", auth("defaultUserRolePermissions.permissionGrantPoliciesAssigned", ["ManagePermissionGrantsForSelf.microsoft-user-default-low"]), PASS, "éditeurs vérifiés"),
    ("AP-02", auth("defaultUserRolePermissions.permissionGrantPoliciesAssigned", ["ManagePermissionGrantsForOwnedResource.x"]), PASS, "Seuls les administrateurs"),
    ("AP-02", auth("defaultUserRolePermissions.permissionGrantPoliciesAssigned", None), UNSEEN, ""),
    ("AP-03", lambda f: t.put(f, "admin_consent", 0, "isEnabled", False), FAIL, "désactivé"),
    ("AP-03", lambda f: t.put(f, "admin_consent", 0, "reviewers", []), FAIL, "personne"),
    ("AP-03", lambda f: t.put(f, "admin_consent", 0, "reviewers", None), UNSEEN, ""),
    ("AP-04", app_role(2, t.MAIL_ROLE), FAIL, "Planning"),
    ("AP-04", app_role(2, t.READ_ROLE), PASS, ""),
    ("AP-04", app_role(2, t.uid(77, 11)), UNSEEN, ""),
    ("AP-04", app_role(0, t.WRITE_ROLE), PASS, ""),
    ("AP-04", every(app_role(2, t.WRITE_ROLE), lambda f: t.put(f, "service_principals", 2, "accountEnabled", False)), PASS, ""),
    ("AP-04", lambda f: t.partial(f, "service_principals"), UNSEEN, "avant la fin"),
    ("AP-05", every(UNVERIFIED, scope("openid Mail.Read offline_access")), FAIL, "Planning"),
    ("AP-05", scope("openid Mail.Read"), PASS, ""),
    ("AP-05", UNVERIFIED, PASS, ""),
    ("AP-05", every(UNVERIFIED, scope("Mail.Read", consentType="Principal")), PASS, ""),
    ("AP-05", scope("Mail.Read", clientId=t.uid(88, 4)), UNSEEN, ""),
    ("AP-06", secret(29), FAIL, "Dossier de soins"),
    ("AP-06", secret(30), PASS, ""),
    ("AP-06", secret(-1), FAIL, ""),
    ("AP-06", lambda f: t.edit(f, "applications", 0, lambda row: row[SECRET].append({"endDateTime": t.ago(-5)})), PASS, ""),
    ("AP-06", lambda f: t.put(f, "service_principals", 2, "keyCredentials", [{"endDateTime": t.ago(-5)}]), FAIL, "Planning"),
    ("AP-06", lambda f: t.put(f, "applications", 0, SECRET, [{"endDateTime": "jamais"}]), UNSEEN, ""),
    ("AP-07", lambda f: t.put(f, "app_management", 0, "isEnabled", False), FAIL, "Aucune durée"),
    ("AP-07", limits(passwordCredentials=[LIFE | {"maxLifetime": "P181D"}]), FAIL, "secrets"),
    ("AP-07", limits(passwordCredentials=[LIFE | {"maxLifetime": "P180DT1S"}]), FAIL, "secrets"),
    ("AP-07", limits(passwordCredentials=[LIFE | {"maxLifetime": "P90D", "state": "disabled"}]), FAIL, "secrets"),
    ("AP-07", limits(passwordCredentials=[{"restrictionType": "passwordAddition", "state": "enabled"}]), PASS, ""),
    ("AP-07", limits(keyCredentials=[]), FAIL, "certificats"),
    ("AP-07", lambda f: t.with_rows(f, "app_management", [{}]), UNSEEN, ""),
    ("AP-08", lambda f: t.put(f, "applications", 0, "owners", []), FAIL, "Dossier de soins"),
    ("AP-08", every(app_role(1, t.MAIL_ROLE), lambda f: t.put(f, "applications", 0, "owners", [PEOPLE[t.NURSE_1]])), FAIL, "Dossier"),
    ("AP-08", lambda f: t.put(f, "applications", 0, "owners", [PEOPLE[t.NURSE_1]]), PASS, ""),
    ("AP-08", lambda f: t.put(f, "applications", 0, "owners", None), UNSEEN, ""),
    ("AP-09", UNVERIFIED, FAIL, "Planning"),
    ("AP-09", every(UNVERIFIED, lambda f: t.with_rows(f, "delegated_grants", [])), PASS, ""),
    ("AP-09", every(UNVERIFIED, lambda f: t.with_gap(f, "delegated_grants")), UNSEEN, "refusée"),
    ("AP-10", auth("blockMsolPowerShell", False), FAIL, ""),
    ("AP-10", auth("blockMsolPowerShell", None), UNSEEN, ""),
    ("AP-11", lambda f: t.put(f, "device_registration", 0, "userDeviceQuota", 21), FAIL, "21 appareils"),
    ("AP-11", lambda f: t.put(f, "device_registration", 0, "userDeviceQuota", 20), PASS, "20 appareils"),
    ("AP-11", lambda f: t.put(f, "device_registration", 0, "localAdminPassword.isEnabled", False), FAIL, "LAPS"),
    ("AP-11", lambda f: t.put(f, "device_registration", 0, "azureADJoin.allowedToJoin", {"@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"}), FAIL, "tout le monde"),
    ("AP-11", lambda f: t.put(f, "device_registration", 0, "azureADJoin", None), UNSEEN, ""),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "change", "expected", "words"), ROLE_CASES + GUEST_CASES + APP_CASES)
def test_one_change(identifier, change, expected, words):
    verdict = judge(identifier, change(t.good()))
    assert verdict.verdict is expected, verdict.message
    assert words in verdict.message


@pytest.mark.parametrize(
    ("identifier", "change", "severity"),
    [
        ("RO-01", many_globals(8), Severity.MEDIUM),
        ("RO-01", many_globals(9), Severity.HIGH),
        ("RO-09", lambda f: t.add(f, "role_assignments", t.assignment(80, ROBOT, t.GLOBAL, kind="servicePrincipal")), None),
        ("RO-09", lambda f: t.add(f, "role_assignments", t.assignment(80, ROBOT, t.EXCHANGE_ADMIN, kind="servicePrincipal")), Severity.MEDIUM),
        ("AP-04", app_role(2, t.WRITE_ROLE), Severity.CRITICAL),
        ("AP-04", app_role(2, t.MAIL_ROLE), None),
        ("AP-06", secret(-1), Severity.LOW),
        ("AP-06", secret(29), None),
        ("AP-08", lambda f: t.put(f, "applications", 0, "owners", []), None),
        ("AP-08", every(app_role(1, t.MAIL_ROLE), lambda f: t.put(f, "applications", 0, "owners", [PEOPLE[t.NURSE_1]])), Severity.HIGH),
    ],
)  # fmt: skip
def test_gravity(identifier, change, severity):
    verdict = judge(identifier, change(t.good()))
    assert verdict.verdict is FAIL
    assert verdict.severity is severity


@pytest.mark.parametrize(("answer", "expected"), [(True, PASS), (False, FAIL), ("oui", UNSEEN), (None, UNSEEN)])
def test_partners_are_declared(answer, expected):
    verdict = judge("RO-11", t.good(), Context(now=t.NOW, answers={"m365_partners": answer}))
    assert verdict.verdict is expected


def test_affected_application_says_which_permissions():
    (one,) = judge("AP-04", app_role(2, t.WRITE_ROLE, t.MAIL_ROLE)(t.good())).affected
    assert one.detail == "rolemanagement.readwrite.directory, mail.readwrite"
    assert one.id == t.SP_VENDOR


def test_role_through_a_group_is_told():
    verdict = judge("RO-08", group_holds(t.USER_ADMIN, [t.GUEST])(t.good()))
    assert verdict.affected[0].detail == "Administrateur d'utilisateurs par le groupe Équipe informatique"


def test_every_control_has_a_failing_case():
    failing = {identifier for identifier, _, expected, _ in ROLE_CASES + GUEST_CASES + APP_CASES if expected is FAIL}
    assert len(failing) == 11 + 8 + 11
