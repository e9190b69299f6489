"""A fictional tenant whose settings are all good, and the ways to change one thing of it.

`good()` is the EHPAD Les Tilleuls with Business Premium and Entra ID P2. Nothing here is frozen between two calls: each
gives new rows. Readings of Exchange, Teams and SharePoint are added by the tests that need them (`good(extra)`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from checks.m365.facts import Licences, M365Facts, Rows, Tenant
from checks.m365.resources import BY_NAME
from checks.model import Context, Gap, Reason

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CONTEXT = Context(now=NOW)
P1, P2 = "AAD_PREMIUM", "AAD_PREMIUM_P2"
PREMIUM = (P1, P2, "INTUNE_A", "ATP_ENTERPRISE", "EXCHANGE_S_STANDARD")
STANDARD = ("EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "TEAMS1")

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
USER_ADMIN = "fe930be7-5e62-47db-91af-98c3a49a38b1"
EXCHANGE_ADMIN = "29232cdf-9323-42fd-ade2-1d097af3e4de"
SECURITY_ADMIN = "194ae4cb-b126-40b2-bd5b-6091b380977d"
PRIVILEGED_ROLE_ADMIN = "e8611ab8-c189-46e8-94e1-60213ab1f814"
READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
PHISHING_RESISTANT = "00000000-0000-0000-0000-000000000004"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
TENANT = "7f1d9c3e-0000-4000-8000-000000000000"
OTHER_TENANT = "5b2a8e11-0000-4000-8000-000000000000"


def uid(number: int, kind: int = 1) -> str:
    """Identifier number `number` of one kind of object."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


ADMIN_1, ADMIN_2, ADMIN_3, RESCUE_1, RESCUE_2, DIRECTOR, NURSE_1, NURSE_2, ACCOUNTANT, GUEST = (
    uid(number) for number in range(1, 11)
)
GROUP_ROLE, GROUP_PROJECT, GROUP_CARE = uid(1, 2), uid(2, 2), uid(3, 2)
APP_CARE, SP_CARE, SP_GRAPH, SP_VENDOR = uid(1, 3), uid(1, 4), uid(2, 4), uid(3, 4)
OFFICE = uid(1, 5)


def ago(days: float) -> str:
    """A moment so many days before `NOW`, as Graph writes it."""
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(number: int | str, name: str, **changes: Any) -> dict[str, Any]:
    """One account: enabled member of the cloud, with a mailbox licence, used yesterday."""
    found: dict[str, Any] = {
        "id": number if isinstance(number, str) else uid(number),
        "userPrincipalName": f"{name}@tilleuls.test",
        "displayName": name,
        "accountEnabled": True,
        "userType": "Member",
        "createdDateTime": ago(700),
        "mail": f"{name}@tilleuls.test",
        "assignedLicenses": [{"skuId": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "disabledPlans": []}],
        "assignedPlans": [{"service": "exchange", "capabilityStatus": "Enabled", "servicePlanId": uid(1, 9)}],
        "onPremisesSyncEnabled": None,
        "onPremisesImmutableId": None,
        "externalUserState": None,
        "externalUserStateChangeDateTime": None,
        "lastPasswordChangeDateTime": ago(200),
        "passwordPolicies": None,
    }
    return found | changes


def admin(number: str, name: str) -> dict[str, Any]:
    """An account that only administers: no licence, no mailbox."""
    return user(number, name, assignedLicenses=[], assignedPlans=[], mail=None)


def users() -> list[dict[str, Any]]:
    """Three administrators, two rescue accounts, four people and a guest."""
    return [
        admin(ADMIN_1, "adm.martin"),
        admin(ADMIN_2, "adm.petit"),
        admin(ADMIN_3, "adm.roux"),
        admin(RESCUE_1, "secours1"),
        admin(RESCUE_2, "secours2"),
        user(DIRECTOR, "directrice"),
        user(NURSE_1, "infirmiere.un"),
        user(NURSE_2, "infirmiere.deux"),
        user(ACCOUNTANT, "comptable"),
        user(
            GUEST, "medecin", userPrincipalName="medecin_cabinet.test#EXT#@tilleuls.onmicrosoft.com",
            userType="Guest", externalUserState="Accepted", externalUserStateChangeDateTime=ago(300),
            assignedLicenses=[], assignedPlans=[],
        ),
    ]  # fmt: skip


def registration(account: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """What a person registered as second factor."""
    found = {
        "id": account["id"],
        "userPrincipalName": account["userPrincipalName"],
        "userType": str(account["userType"]).lower(),
        "isAdmin": account["id"] in (ADMIN_1, ADMIN_2, ADMIN_3, RESCUE_1, RESCUE_2),
        "isMfaRegistered": True,
        "isMfaCapable": True,
        "isPasswordlessCapable": False,
        "isSsprRegistered": True,
        "methodsRegistered": ["microsoftAuthenticatorPush", "fido2SecurityKey"],
    }
    return found | changes


def policy(number: int, name: str, *, users: Mapping[str, Any] | None = None, apps: Mapping[str, Any] | None = None,
           grant: Mapping[str, Any] | None = None, state: str = "enabled", **conditions: Any) -> dict[str, Any]:  # fmt: skip
    """A Conditional Access policy as Graph writes it: all people but the rescue accounts, all applications, MFA."""
    everyone = {
        "includeUsers": ["All"], "excludeUsers": [RESCUE_1, RESCUE_2], "includeGroups": [], "excludeGroups": [],
        "includeRoles": [], "excludeRoles": [], "includeGuestsOrExternalUsers": None,
        "excludeGuestsOrExternalUsers": None,
    }  # fmt: skip
    every_app = {
        "includeApplications": ["All"], "excludeApplications": [], "includeUserActions": [],
        "includeAuthenticationContextClassReferences": [], "applicationFilter": None,
    }  # fmt: skip
    return {
        "id": uid(number, 6),
        "displayName": name,
        "state": state,
        "createdDateTime": ago(400),
        "modifiedDateTime": ago(30),
        "conditions": {
            "users": everyone | dict(users or {}),
            "applications": every_app | dict(apps or {}),
            "clientAppTypes": ["all"],
            "platforms": None,
            "locations": None,
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "devices": None,
            "clientApplications": None,
            "authenticationFlows": None,
        } | conditions,
        "grantControls": dict(grant) if grant is not None else controls("mfa"),
        "sessionControls": None,
    }  # fmt: skip


def controls(*names: str, operator: str = "OR", strength: str = "") -> dict[str, Any]:
    """Grant controls of a policy."""
    return {
        "operator": operator,
        "builtInControls": list(names),
        "customAuthenticationFactors": [],
        "termsOfUse": [],
        "authenticationStrength": {"id": strength, "displayName": "Force"} if strength else None,
    }


ADMIN_ROLES = (
    GLOBAL, PRIVILEGED_ROLE_ADMIN, SECURITY_ADMIN, USER_ADMIN, EXCHANGE_ADMIN,
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "158c047a-c907-4556-b7ef-446551a6b5f7",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8", "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "3a2c62db-5318-420d-8d74-23affee5d9d5", "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
)  # fmt: skip


def policies() -> list[dict[str, Any]]:
    """Policies that leave nothing but the rescue accounts out."""
    return [
        policy(1, "Second facteur pour tous"),
        policy(2, "Bloquer les protocoles anciens", grant=controls("block"),
               clientAppTypes=["exchangeActiveSync", "other"]),
        policy(3, "Administrateurs : clé ou passe-clé", users={"includeUsers": [], "includeRoles": list(ADMIN_ROLES)},
               grant=controls(strength=PHISHING_RESISTANT)),
        policy(4, "Bloquer le code d'appareil", grant=controls("block"),
               authenticationFlows={"transferMethods": "deviceCodeFlow"}),
        policy(5, "Connexion à risque bloquée", grant=controls("block"), signInRiskLevels=["high"]),
        policy(6, "Compte à risque : nouveau mot de passe", grant=controls("mfa", "passwordChange", operator="AND"),
               userRiskLevels=["high"]),
        policy(7, "Appareil de l'établissement", grant=controls("compliantDevice", "domainJoinedDevice")),
        policy(8, "Enregistrement du second facteur",
               apps={"includeApplications": [], "includeUserActions": ["urn:user:registersecurityinfo"]}),
    ]  # fmt: skip


def assignment(number: int, principal: Mapping[str, Any], role: str, kind: str = "user",
               scope: str = "/") -> dict[str, Any]:  # fmt: skip
    """A role given for good, with its holder as `$expand=principal` gives it."""
    return {
        "id": f"affectation-{number}",
        "principalId": principal["id"],
        "roleDefinitionId": role,
        "directoryScopeId": scope,
        "principal": {"@odata.type": f"#microsoft.graph.{kind}"} | dict(principal),
    }


def schedule(number: int, principal: str, role: str, **changes: Any) -> dict[str, Any]:
    """A role active or eligible through Privileged Identity Management."""
    found = {
        "id": f"horaire-{number}", "principalId": principal, "roleDefinitionId": role, "directoryScopeId": "/",
        "assignmentType": "Assigned", "memberType": "Direct", "startDateTime": ago(100), "endDateTime": None,
    }  # fmt: skip
    return found | changes


def role_policy(number: int, role: str, approval: bool = True) -> dict[str, Any]:
    """How Privileged Identity Management gives a role."""
    alerts = ("Notification_Admin_Admin_Eligibility", "Notification_Admin_Admin_Assignment",
              "Notification_Admin_EndUser_Assignment")  # fmt: skip
    rules: list[dict[str, Any]] = [
        {"id": name, "notificationType": "Email", "notificationRecipients": ["securite@tilleuls.test"],
         "isDefaultRecipientsEnabled": True}
        for name in alerts
    ]  # fmt: skip
    rules.append({"id": "Approval_EndUser_Assignment", "setting": {"isApprovalRequired": approval}})
    return {"id": f"regle-{number}", "roleDefinitionId": role, "policy": {"id": uid(number, 7), "rules": rules}}


def application(number: int, name: str, **changes: Any) -> dict[str, Any]:
    """An application registered in the tenant, owned, with a fresh secret."""
    found = {
        "id": uid(number, 3), "appId": uid(number, 8), "displayName": name, "signInAudience": "AzureADMyOrg",
        "createdDateTime": ago(500), "keyCredentials": [], "requiredResourceAccess": [],
        "passwordCredentials": [{"keyId": uid(number, 10), "displayName": "secret", "startDateTime": ago(60),
                                 "endDateTime": ago(-110)}],
        "owners": [{"@odata.type": "#microsoft.graph.user", "id": ADMIN_1, "userPrincipalName": "adm.martin@tilleuls.test"}],
    }  # fmt: skip
    return found | changes


def principal(number: int, name: str, **changes: Any) -> dict[str, Any]:
    """The presence of an application in the tenant: verified publisher, no permission."""
    found = {
        "id": uid(number, 4), "appId": uid(number, 8), "displayName": name, "accountEnabled": True,
        "appOwnerOrganizationId": OTHER_TENANT, "servicePrincipalType": "Application",
        "verifiedPublisher": {"displayName": "Éditeur", "verifiedPublisherId": "1234567"},
        "passwordCredentials": [], "keyCredentials": [], "appRoles": [], "appRoleAssignments": [], "tags": [],
    }  # fmt: skip
    return found | changes


def role_of_app(number: int, role: str, resource: str = SP_GRAPH) -> dict[str, Any]:
    """A permission of application that was granted."""
    return {
        "id": f"octroi-{number}",
        "appRoleId": role,
        "resourceId": resource,
        "resourceDisplayName": "Microsoft Graph",
    }


READ_ROLE, WRITE_ROLE, MAIL_ROLE = uid(1, 11), uid(2, 11), uid(3, 11)


def principals() -> list[dict[str, Any]]:
    """Microsoft Graph, which defines permissions, the care application of the house and one of a vendor."""
    roles = [
        {"id": READ_ROLE, "value": "User.Read.All", "allowedMemberTypes": ["Application"]},
        {"id": WRITE_ROLE, "value": "RoleManagement.ReadWrite.Directory", "allowedMemberTypes": ["Application"]},
        {"id": MAIL_ROLE, "value": "Mail.ReadWrite", "allowedMemberTypes": ["Application"]},
    ]
    microsoft = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
    return [
        principal(2, "Microsoft Graph", appId=GRAPH_APP, appOwnerOrganizationId=microsoft, appRoles=roles,
                  verifiedPublisher={}),
        principal(1, "Dossier de soins", appOwnerOrganizationId=TENANT, appRoleAssignments=[role_of_app(1, READ_ROLE)]),
        principal(3, "Planning du prestataire"),
    ]  # fmt: skip


def directory_setting(name: str, **values: str) -> dict[str, Any]:
    """A group of settings of the directory."""
    return {"displayName": name, "templateId": "", "values": [{"name": n, "value": v} for n, v in values.items()]}


def authentication_methods() -> dict[str, Any]:
    """Microsoft Authenticator with context; no telephone, no e-mail code."""
    shown = {"state": "enabled", "includeTarget": {"targetType": "group", "id": "all_users"}}
    return {
        "id": "authenticationMethodsPolicy",
        "policyMigrationState": "migrationComplete",
        "authenticationMethodConfigurations": [
            {"id": "MicrosoftAuthenticator", "state": "enabled", "isSoftwareOathEnabled": False,
             "featureSettings": {"displayAppInformationRequiredState": dict(shown),
                                 "displayLocationInformationRequiredState": dict(shown)}},
            {"id": "Fido2", "state": "enabled"},
            {"id": "Sms", "state": "disabled"},
            {"id": "Voice", "state": "disabled"},
            {"id": "Email", "state": "disabled"},
        ],
    }  # fmt: skip


def authorization_policy() -> dict[str, Any]:
    """Nothing left to users that administrators should decide."""
    return {
        "id": "authorizationPolicy",
        "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
        "allowInvitesFrom": "adminsAndGuestInviters",
        "blockMsolPowerShell": True,
        "defaultUserRolePermissions": {
            "allowedToCreateApps": False,
            "allowedToCreateSecurityGroups": False,
            "allowedToCreateTenants": False,
            "permissionGrantPoliciesAssigned": [],
        },
    }


def app_management() -> dict[str, Any]:
    """Secrets of applications are limited in time."""
    return {
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [
                {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P180D"},
                {"restrictionType": "passwordAddition", "state": "disabled", "maxLifetime": None},
            ],
            "keyCredentials": [
                {"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P365D"}
            ],
        },
        "servicePrincipalRestrictions": {},
    }


def readings() -> dict[str, list[dict[str, Any]]]:
    """Rows of every reading of the directory."""
    people = users()
    by_id = {account["id"]: account for account in people}
    b2b = {"B2BManagementPolicy": {"InvitationsAllowedAndBlockedDomainsPolicy": {"AllowedDomains": ["cabinet.test"]}}}
    return {
        "organization": [{
            "id": TENANT, "displayName": "EHPAD Les Tilleuls", "createdDateTime": "2019-03-01T08:00:00Z",
            "verifiedDomains": [{"name": "tilleuls.onmicrosoft.com", "isInitial": True}, {"name": "tilleuls.test"}],
            "onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": ago(0.02),
            "onPremisesLastPasswordSyncDateTime": ago(0.02),
            "technicalNotificationMails": ["informatique@tilleuls.test"], "securityComplianceNotificationMails": [],
        }],
        "domains": [
            {"id": "tilleuls.onmicrosoft.com", "isVerified": True, "isInitial": True, "isRoot": True,
             "authenticationType": "Managed", "passwordValidityPeriodInDays": 2147483647},
            {"id": "tilleuls.test", "isVerified": True, "isInitial": False, "isRoot": True,
             "authenticationType": "Managed", "passwordValidityPeriodInDays": 2147483647},
        ],
        "users": people,
        "user_activity": [{"id": a["id"], "signInActivity": {"lastSuccessfulSignInDateTime": ago(1)}} for a in people],
        "registration": [registration(account) for account in people],
        "security_defaults": [{"isEnabled": False}],
        "conditional_access": policies(),
        "named_locations": [{"id": OFFICE, "displayName": "Établissement", "isTrusted": True,
                             "@odata.type": "#microsoft.graph.ipNamedLocation",
                             "ipRanges": [{"cidrAddress": "192.0.2.0/28"}]}],
        "authentication_strengths": [
            {"id": PHISHING_RESISTANT, "displayName": "Phishing-resistant MFA", "policyType": "builtIn",
             "allowedCombinations": ["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"]},
        ],
        "authentication_methods": [authentication_methods()],
        "authorization_policy": [authorization_policy()],
        "admin_consent": [{"isEnabled": True, "notifyReviewers": True, "requestDurationInDays": 30,
                           "reviewers": [{"query": f"/users/{ADMIN_1}", "queryType": "MicrosoftGraph"}]}],
        "app_management": [app_management()],
        "cross_tenant": [{
            "inboundTrust": {"isMfaAccepted": False, "isCompliantDeviceAccepted": False,
                             "isHybridAzureADJoinedDeviceAccepted": False},
            "b2bDirectConnectInbound": {
                "usersAndGroups": {"accessType": "blocked", "targets": [{"target": "AllUsers", "targetType": "user"}]},
                "applications": {"accessType": "blocked",
                                 "targets": [{"target": "AllApplications", "targetType": "application"}]},
            },
        }],
        "device_registration": [{
            "userDeviceQuota": 10, "multiFactorAuthConfiguration": "required",
            "azureADJoin": {"isAdminConfigurable": True, "allowedToJoin": {
                "@odata.type": "#microsoft.graph.enumeratedDeviceRegistrationMembership", "users": [],
                "groups": [GROUP_PROJECT]}},
            "azureADRegistration": {"isAdminConfigurable": False, "allowedToRegister": {
                "@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"}},
            "localAdminPassword": {"isEnabled": True},
        }],
        "b2b_policy": [{"id": uid(1, 12), "displayName": "B2BManagementPolicy", "type": "B2BManagementPolicy",
                        "definition": [msgspec.json.encode(b2b).decode()]}],
        "directory_settings": [
            directory_setting("Password Rule Settings", EnableBannedPasswordCheck="True", BannedPasswordList="Tilleuls",
                              LockoutThreshold="10", LockoutDurationInSeconds="60"),
            directory_setting("Group.Unified", EnableGroupCreation="false", GroupCreationAllowedGroupId=GROUP_PROJECT),
        ],
        "on_premises_sync": [{"id": TENANT, "features": {
            "passwordSyncEnabled": True, "blockSoftMatchEnabled": True,
            "blockCloudObjectTakeoverThroughHardMatchEnabled": True}}],
        "role_definitions": [
            *({"id": role, "templateId": role, "displayName": role, "isBuiltIn": True, "isEnabled": True}
              for role in ADMIN_ROLES[5:]),
            *({"id": role, "templateId": role, "displayName": name, "isBuiltIn": True, "isEnabled": True}
            for role, name in ((GLOBAL, "Global Administrator"), (USER_ADMIN, "User Administrator"),
                               (EXCHANGE_ADMIN, "Exchange Administrator"), (READER, "Global Reader"),
                               (SECURITY_ADMIN, "Security Administrator"),
                               (PRIVILEGED_ROLE_ADMIN, "Privileged Role Administrator"))),
        ],
        "role_assignments": [
            assignment(1, by_id[RESCUE_1], GLOBAL), assignment(2, by_id[RESCUE_2], GLOBAL),
            assignment(4, by_id[ADMIN_3], READER),
        ],
        "role_active": [schedule(1, RESCUE_1, GLOBAL), schedule(2, RESCUE_2, GLOBAL), schedule(4, ADMIN_3, READER)],
        "role_eligible": [schedule(3, ADMIN_1, USER_ADMIN), schedule(5, ADMIN_2, EXCHANGE_ADMIN)],
        "role_policies": [role_policy(1, GLOBAL), role_policy(2, USER_ADMIN), role_policy(3, EXCHANGE_ADMIN)],
        "role_groups": [],
        "policy_groups": [],
        "access_reviews": [
            {"id": uid(1, 13), "displayName": "Rôles d'administration", "status": "InProgress",
             "scope": {"query": "/roleManagement/directory/roleDefinitions/" + GLOBAL}},
            {"id": uid(2, 13), "displayName": "Invités", "status": "InProgress",
             "scope": {"query": "/users?$filter=userType eq 'Guest'"}},
        ],
        "groups": [{"id": GROUP_PROJECT, "displayName": "Projet", "visibility": "Private", "createdDateTime": ago(90),
                    "resourceProvisioningOptions": ["Team"], "mail": "projet@tilleuls.test"}],
        "applications": [application(1, "Dossier de soins")],
        "service_principals": principals(),
        "delegated_grants": [{"id": "accord-1", "clientId": SP_VENDOR, "consentType": "AllPrincipals",
                              "principalId": None, "resourceId": SP_GRAPH, "scope": "openid profile User.Read"}],
        "sign_ins": [{"createdDateTime": ago(1), "clientAppUsed": "Browser", "status": {"errorCode": 0},
                      "userId": DIRECTOR, "appDisplayName": "Office 365 Exchange Online", "isInteractive": True,
                      "crossTenantAccessType": "none", "conditionalAccessStatus": "success"}],
        "risky_users": [],
        "deleted_items": [],
        "directory_objects": [{"id": identifier, "@odata.type": "#microsoft.graph.user"}
                              for identifier in (RESCUE_1, RESCUE_2)],
    }  # fmt: skip


def good(extra: Mapping[str, list[dict[str, Any]]] | None = None, *, plans: tuple[str, ...] = PREMIUM) -> M365Facts:
    """The good tenant; `extra` adds or replaces readings."""
    every = {**readings(), **(extra or {})}
    return M365Facts(
        tenant=Tenant(
            id=TENANT, name="EHPAD Les Tilleuls", domains=("tilleuls.onmicrosoft.com", "tilleuls.test"),
            created=datetime(2019, 3, 1, 8, tzinfo=UTC),
        ),
        licences=Licences(skus={"SPB": 60}, plans=plans),
        readings={name: Rows(rows=tuple(rows), source=BY_NAME[name].path) for name, rows in every.items()},
        break_glass=("secours1@tilleuls.test", "secours2@tilleuls.test"),
    )  # fmt: skip


def standard(extra: Mapping[str, list[dict[str, Any]]] | None = None) -> M365Facts:
    """The same establishment with Business Standard: no Entra premium, Security Defaults on, licensed readings refused."""
    facts = without_licence(good(extra, plans=STANDARD), P1, P2, "INTUNE_A", "ATP_ENTERPRISE", "M365_ADVANCED_AUDITING")
    return with_rows(facts, "security_defaults", [{"isEnabled": True}])


def with_rows(facts: M365Facts, name: str, rows: list[Any], **changes: Any) -> M365Facts:
    """The same facts with other rows for one reading; `complete`, `absent`, `source` may be given."""
    found = Rows(rows=tuple(rows), **{"source": BY_NAME[name].path, **changes})
    return msgspec.structs.replace(facts, readings={**facts.readings, name: found})


def rows_of(facts: M365Facts, name: str) -> list[Any]:
    """A copy of the rows of one reading, free to change."""
    found = facts.readings[name]
    assert isinstance(found, Rows)
    return copy.deepcopy(list(found.rows))


def edit(facts: M365Facts, name: str, index: int, change: Callable[[Any], object]) -> M365Facts:
    """The same facts after `change` was applied to one row of one reading, in place."""
    rows = rows_of(facts, name)
    change(rows[index])
    return with_rows(facts, name, rows)


def put(facts: M365Facts, name: str, index: int, path: str, value: Any) -> M365Facts:
    """The same facts with one value changed: `put(f, "users", 0, "accountEnabled", False)`, dots go down."""
    *way, last = path.split(".")

    def change(row: Any) -> None:
        for step in way:
            row = row[step]
        row[last] = value

    return edit(facts, name, index, change)


def add(facts: M365Facts, name: str, *rows: Any) -> M365Facts:
    """The same facts with rows added to one reading."""
    return with_rows(facts, name, [*rows_of(facts, name), *rows])


def partial(facts: M365Facts, name: str, **changes: Any) -> M365Facts:
    """The same rows, but the reading stopped before the end, or never gives a property (`absent`)."""
    return with_rows(facts, name, rows_of(facts, name), **(changes or {"complete": False}))


def with_gap(facts: M365Facts, name: str, reason: Reason = Reason.PERMISSION) -> M365Facts:
    """The same facts, one reading refused."""
    gap = Gap(reason=reason, detail=f"Lecture de {name} refusée.")
    return msgspec.structs.replace(facts, readings={**facts.readings, name: gap})


def without(facts: M365Facts, *names: str) -> M365Facts:
    """The same facts, those readings never asked for."""
    return msgspec.structs.replace(facts, readings={n: r for n, r in facts.readings.items() if n not in names})


def without_licence(facts: M365Facts, *plans: str) -> M365Facts:
    """The same facts in a tenant without those service plans: the readings they feed are refused."""
    assert isinstance(facts.licences, Licences)
    refused = Gap(reason=Reason.LICENCE, detail="Licence absente.")
    kept = Licences(skus=facts.licences.skus, plans=tuple(p for p in facts.licences.plans if p not in plans))
    found = {n: refused if BY_NAME[n].licence in plans else r for n, r in facts.readings.items()}
    return msgspec.structs.replace(facts, licences=kept, readings=found)
