"""Two fictional tenants, as Microsoft's interfaces would show them: a neglected Business Standard and a careful Premium.

`standard()` is EHPAD Les Tilleuls as found; `premium()` the same house once somebody took care. `grow` adds accounts.
Shapes follow the reference of Graph v1.0; values, names and identifiers are invented.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any

from cryptography.x509 import Certificate

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
GLOBAL_ADMIN = "62e90394-69f5-4237-9190-012177145e10"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
EXCHANGE_ADMIN = "29232cdf-9323-42fd-ade2-1d097af3e4de"
READ_ONLY = frozenset(
    {
        "AccessReview.Read.All", "Application.Read.All", "AuditLog.Read.All", "AuditLogsQuery.Read.All",
        "BackupRestore-Configuration.Read.All", "DeviceManagementManagedDevices.Read.All",
        "DeviceManagementServiceConfig.Read.All", "Directory.Read.All", "Domain.Read.All", "GroupMember.Read.All",
        "IdentityRiskyUser.Read.All", "MailboxSettings.Read", "OnPremDirectorySynchronization.Read.All",
        "Organization.Read.All", "Policy.Read.All", "Policy.Read.DeviceConfiguration",
        "RoleAssignmentSchedule.Read.Directory", "RoleEligibilitySchedule.Read.Directory",
        "RoleManagement.Read.Directory", "RoleManagementPolicy.Read.Directory", "SecurityAlert.Read.All",
        "SecurityEvents.Read.All", "ServiceHealth.Read.All", "SharePointTenantSettings.Read.All", "User.Read.All",
    }
)  # fmt: skip
"""Every permission that some reading of the tenant asks for."""


@dataclasses.dataclass
class Tenant:
    """One tenant and what its services answer."""

    id: str
    domains: tuple[str, ...]
    client_id: str
    secret: str
    plans: frozenset[str]
    graph: dict[str, Any]
    """Path without its version to an object or a list."""
    exchange: dict[str, list[Any]]
    compliance: dict[str, list[Any]]
    teams: dict[str, Any]
    granted: set[str] = dataclasses.field(default_factory=lambda: set(READ_ONLY))
    roles: tuple[str, ...] = (GLOBAL_READER,)
    """Directory roles of the application."""
    inbox_rules: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    exchange_reader: bool = True
    teams_reader: bool = True
    exchange_moved: bool = False
    exchange_page: int = 1000
    certificate: Certificate | None = None
    device_polls: int = 1
    """Times the sign-in service says that the code was not typed yet."""
    device_refusal: int = 0
    """AADSTS code of the refusal of a device code."""
    audit_polls: int = 1
    _index: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    _indexed: int = -1

    def has(self, plan: str) -> bool:
        return plan in self.plans or (plan == "AAD_PREMIUM" and "AAD_PREMIUM_P2" in self.plans)

    def permissions_of(self, mailbox_id: str) -> list[Any]:
        """Entries of `Get-MailboxPermission` for one mailbox."""
        entries = self.exchange["Get-MailboxPermission"]
        if self._indexed != len(entries):
            self._index.clear()
            for entry in entries:
                self._index.setdefault(entry["mailbox"], []).append(entry)
            self._indexed = len(entries)
        return self._index.get(mailbox_id, [])

    def ids(self, path: str) -> list[str]:
        return [item["id"] for item in self.graph[path]]


def guid(*words: object) -> str:
    """The same invented identifier for the same words."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, words))))


def days_ago(days: float) -> str:
    return (NOW - dt.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(house: str, login: str, name: str, sku: str = "", *, kind: str = "Member", **more: Any) -> dict[str, Any]:
    """One account."""
    domain = "tilleuls.test" if kind == "Member" else "prestataire.test"
    return {
        "id": guid(house, "user", login), "userPrincipalName": f"{login}@{domain}", "displayName": name,
        "mail": f"{login}@{domain}", "accountEnabled": True, "userType": kind, "createdDateTime": days_ago(900),
        "assignedLicenses": [{"skuId": sku, "disabledPlans": []}] if sku else [], "onPremisesSyncEnabled": None,
        "onPremisesImmutableId": None, "externalUserState": "Accepted" if kind == "Guest" else None,
        "externalUserStateChangeDateTime": None, "lastPasswordChangeDateTime": days_ago(400), "passwordPolicies": None,
        "signInActivity": {"lastSignInDateTime": days_ago(3), "lastNonInteractiveSignInDateTime": days_ago(1)},
        "jobTitle": "Agent", "mobilePhone": "+33 6 00 00 00 00",
    } | more  # fmt: skip


def plan(name: str) -> dict[str, str]:
    return {"servicePlanId": guid("plan", name), "servicePlanName": name, "provisioningStatus": "Success",
            "appliesTo": "User"}  # fmt: skip


def sku(house: str, name: str, units: int, *plans: str) -> dict[str, Any]:
    return {
        "id": guid(house, "sku", name), "skuId": guid("sku", name), "skuPartNumber": name, "consumedUnits": units,
        "capabilityStatus": "Enabled", "appliesTo": "User", "servicePlans": [plan(item) for item in plans],
        "prepaidUnits": {"enabled": units, "suspended": 0, "warning": 0, "lockedOut": 0},
    }  # fmt: skip


def registration(account: dict[str, Any], methods: list[str], *, admin: bool = False) -> dict[str, Any]:
    strong = any(method in ("microsoftAuthenticatorPush", "fido2SecurityKey") for method in methods)
    return {
        "id": account["id"], "userPrincipalName": account["userPrincipalName"], "userType": account["userType"].lower(),
        "isAdmin": admin, "isMfaRegistered": bool(methods), "isMfaCapable": bool(methods), "isSsprRegistered": bool(methods),
        "isPasswordlessCapable": strong, "methodsRegistered": methods, "userDisplayName": account["displayName"],
    }  # fmt: skip


def role(house: str, account: dict[str, Any], definition: str, kind: str = "user") -> dict[str, Any]:
    return {
        "id": guid(house, "assignment", account["id"], definition), "principalId": account["id"],
        "roleDefinitionId": definition, "directoryScopeId": "/",
        "principal": {"@odata.type": f"#microsoft.graph.{kind}", **account},
    }  # fmt: skip


def definition(key: str, name: str) -> dict[str, Any]:
    return {"id": key, "displayName": name, "isBuiltIn": True, "isEnabled": True, "templateId": key,
            "rolePermissions": [{"allowedResourceActions": ["microsoft.directory/users/standard/read"]}]}  # fmt: skip


DEFINITIONS = [
    definition(GLOBAL_ADMIN, "Global Administrator"),
    definition(GLOBAL_READER, "Global Reader"),
    definition(EXCHANGE_ADMIN, "Exchange Administrator"),
]


def sign_in(house: str, number: int, account: dict[str, Any], client: str, error: int = 0) -> dict[str, Any]:
    return {
        "id": guid(house, "sign-in", number), "createdDateTime": days_ago(0.1 + number / 10), "userId": account["id"],
        "userPrincipalName": account["userPrincipalName"], "clientAppUsed": client, "appDisplayName": "Office 365",
        "status": {"errorCode": error, "failureReason": "Other."}, "conditionalAccessStatus": "success",
        "location": {"countryOrRegion": "FR", "city": "Tulle"}, "crossTenantAccessType": "none", "isInteractive": True,
        "authenticationRequirement": "multiFactorAuthentication", "ipAddress": "192.0.2.7",
    }  # fmt: skip


def group(house: str, name: str, members: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    people = [{"@odata.type": "#microsoft.graph.user", **member} for member in members]
    return {
        "id": guid(house, "group", name), "displayName": name, "groupTypes": ["Unified"], "visibility": "Private",
        "createdDateTime": days_ago(500), "resourceProvisioningOptions": ["Team"], "mail": "equipe@tilleuls.test",
        "isAssignableToRole": None, "members": people, "owners": people[:1], "theme": "dropped",
    } | more  # fmt: skip


def common(house: str, name: str, users: list[dict[str, Any]], skus: list[dict[str, Any]]) -> dict[str, Any]:
    """What both tenants answer alike, to be changed."""
    director = users[0]
    return {
        "/organization": [
            {
                "id": guid(house, "tenant"), "displayName": name, "createdDateTime": "2019-03-04T08:00:00Z",
                "verifiedDomains": [
                    {"name": "tilleuls.test", "isDefault": True, "isInitial": False},
                    {"name": f"{house}.onmicrosoft.test", "isDefault": False, "isInitial": True},
                ],
                "onPremisesSyncEnabled": None, "onPremisesLastSyncDateTime": None, "technicalNotificationMails": [],
                "securityComplianceNotificationMails": [], "businessPhones": ["05 00 00 00 00"],
            }
        ],
        "/subscribedSkus": skus,
        "/domains": [
            {"id": "tilleuls.test", "isVerified": True, "isInitial": False, "isRoot": True,
             "authenticationType": "Managed", "supportedServices": ["Email"], "passwordNotificationWindowInDays": 14,
             "passwordValidityPeriodInDays": 2147483647, "model": None}
        ],
        "/users": users,
        "/policies/identitySecurityDefaultsEnforcementPolicy": {"id": "1", "isEnabled": False},
        "/identity/conditionalAccess/policies": [],
        "/identity/conditionalAccess/namedLocations": [],
        "/policies/authenticationStrengthPolicies": [],
        "/policies/authenticationMethodsPolicy": {"id": "a", "authenticationMethodConfigurations": []},
        "/policies/authorizationPolicy": {"id": "b", "allowInvitesFrom": "everyone",
                                          "defaultUserRolePermissions": {"allowedToCreateApps": True}},
        "/policies/adminConsentRequestPolicy": {"isEnabled": False, "reviewers": [], "requestDurationInDays": 30},
        "/policies/defaultAppManagementPolicy": {"isEnabled": False, "applicationRestrictions": {}},
        "/policies/crossTenantAccessPolicy/default": {"isServiceDefault": True},
        "/policies/deviceRegistrationPolicy": {"userDeviceQuota": 50, "localAdminPassword": {"isEnabled": False}},
        "/policies/activityBasedTimeoutPolicies": [],
        "/policies/roleManagementPolicyAssignments": [],
        "/legacy/policies": [],
        "/settings": [
            {"id": "s", "displayName": "Password Rule Settings", "templateId": "5cf42378-d67d-4f36-ba46-e8b86229381d",
             "values": [{"name": "EnableBannedPasswordCheck", "value": "True"},
                        {"name": "BannedPasswordList", "value": "tilleuls\tcorreze\tmedoc"}]}
        ],
        "/directory/onPremisesSynchronization": [],
        "/directory/deletedItems/microsoft.graph.user": [],
        "/roleManagement/directory/roleDefinitions": DEFINITIONS,
        "/roleManagement/directory/roleAssignments": [role(house, director, GLOBAL_ADMIN)],
        "/roleManagement/directory/roleAssignmentScheduleInstances": [],
        "/roleManagement/directory/roleEligibilityScheduleInstances": [],
        "/identityGovernance/accessReviews/definitions": [],
        "/groups": [],
        "/applications": [],
        "/servicePrincipals": [],
        "/oauth2PermissionGrants": [],
        "/auditLogs/signIns": [],
        "/auditLogs/directoryAudits": [
            {"id": str(n), "activityDateTime": days_ago(n), "activityDisplayName": "Update user"} for n in range(3)
        ],
        "/identityProtection/riskyUsers": [],
        "/security/secureScores": [
            {"id": str(n), "createdDateTime": days_ago(n), "currentScore": 40.0 + n, "maxScore": 200.0,
             "controlScores": []} for n in range(120)
        ],
        "/security/alerts_v2": [],
        "/admin/sharepoint/settings": {"sharingCapability": "externalUserAndGuestSharing",
                                       "isLegacyAuthProtocolsEnabled": True},
        "/admin/serviceAnnouncement/issues": [
            {"id": "EX1", "title": "Courrier lent", "service": "Exchange Online", "status": "serviceRestored",
             "startDateTime": days_ago(9), "isResolved": True}
        ],
        "/deviceManagement/managedDevices": [],
        "/deviceManagement": {"id": "d", "settings": {"secureByDefault": False}},
        "/solutions/backupRestore": {"serviceStatus": {"status": "disabled"}},
    }  # fmt: skip


def credential(name: str, days: float) -> dict[str, Any]:
    return {"keyId": guid("key", name), "displayName": name, "startDateTime": days_ago(days + 365),
            "endDateTime": days_ago(days), "hint": "Ab1", "secretText": None, "customKeyIdentifier": None}  # fmt: skip


def application(house: str, name: str, secrets: list[dict[str, Any]], owners: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": guid(house, "application", name), "appId": guid(house, "app", name), "displayName": name,
        "signInAudience": "AzureADMyOrg", "createdDateTime": days_ago(700), "passwordCredentials": secrets,
        "keyCredentials": [], "requiredResourceAccess": [],
        "owners": [{"@odata.type": "#microsoft.graph.user", **owner} for owner in owners],
    }  # fmt: skip


def principal(house: str, name: str, roles: int = 1) -> dict[str, Any]:
    return {
        "id": guid(house, "principal", name), "appId": guid(house, "app", name), "displayName": name,
        "accountEnabled": True, "appOwnerOrganizationId": guid(house, "tenant"), "servicePrincipalType": "Application",
        "verifiedPublisher": {}, "passwordCredentials": [], "keyCredentials": [], "tags": [],
        "appRoles": [{"id": guid("role", name), "value": "Mail.Read", "isEnabled": True, "description": "long"}],
        "appRoleAssignments": [
            {"id": guid(name, n), "appRoleId": guid("graph-role", n), "resourceDisplayName": "Microsoft Graph",
             "resourceId": guid("graph"), "principalId": guid(house, "principal", name)} for n in range(roles)
        ],
    }  # fmt: skip


def mailbox(account: dict[str, Any], kind: str = "UserMailbox", **more: Any) -> dict[str, Any]:
    return {
        "Identity": account["displayName"], "ExternalDirectoryObjectId": account["id"],
        "UserPrincipalName": account["userPrincipalName"], "PrimarySmtpAddress": account["mail"],
        "RecipientTypeDetails": kind, "ForwardingSmtpAddress": None, "ForwardingAddress": None,
        "DeliverToMailboxAndForward": False, "AuditEnabled": True, "Database": "EURPR05", "ProhibitSendQuota": "99 GB",
    } | more  # fmt: skip


def permission(account: dict[str, Any], who: str, *rights: str) -> dict[str, Any]:
    return {"mailbox": account["id"], "Identity": account["displayName"], "User": who, "AccessRights": list(rights),
            "IsInherited": False, "Deny": False}  # fmt: skip


def exchange(users: list[dict[str, Any]], *, good: bool) -> dict[str, list[Any]]:
    """Settings of Exchange Online."""
    members = [account for account in users if account["userType"] == "Member"]
    boxes = [mailbox(account) for account in members if account["assignedLicenses"]]
    boxes += [
        mailbox(account, "SharedMailbox") for account in members if account["userPrincipalName"].startswith("accueil")
    ]
    if not good:
        boxes[1]["ForwardingSmtpAddress"] = "smtp:collecte@webmail.test"
    found: dict[str, list[Any]] = {
        "Get-OrganizationConfig": [{"AuditDisabled": not good, "OAuth2ClientProfileEnabled": True,
                                    "RejectDirectSend": good, "MailTipsExternalRecipientsTipsEnabled": good,
                                    "CustomerLockBoxEnabled": False, "Name": "tilleuls"}],
        "Get-AdminAuditLogConfig": [{"UnifiedAuditLogIngestionEnabled": good, "AdminAuditLogEnabled": True}],
        "Get-MailboxAuditBypassAssociation": [
            {"Identity": account["displayName"], "ObjectId": account["id"], "AuditBypassEnabled": not good}
            for account in members
        ],
        "Get-HostedOutboundSpamFilterPolicy": [{"Identity": "Default", "IsDefault": True,
                                                "AutoForwardingMode": "Off" if good else "On"}],
        "Get-RemoteDomain": [{"Identity": "Default", "DomainName": "*", "AutoForwardEnabled": not good}],
        "Get-Mailbox": boxes,
        "Get-TransportRule": [],
        "Get-TransportConfig": [{"SmtpClientAuthenticationDisabled": good}],
        "Get-ExternalInOutlook": [{"Identity": "tilleuls", "Enabled": good, "AllowList": []}],
        "Get-DkimSigningConfig": [{"Domain": "tilleuls.test", "Enabled": good, "Status": "Valid"}],
        "Get-AntiPhishPolicy": [{"Identity": "Office365 AntiPhish Default", "IsDefault": True, "Enabled": True,
                                 "EnableSpoofIntelligence": good, "HonorDmarcPolicy": good}],
        "Get-AntiPhishRule": [],
        "Get-MalwareFilterRule": [],
        "Get-HostedContentFilterRule": [],
        "Get-MalwareFilterPolicy": [{"Identity": "Default", "IsDefault": True, "EnableFileFilter": good,
                                     "ZapEnabled": True, "FileTypes": ["exe", "iso"]}],
        "Get-HostedContentFilterPolicy": [{"Identity": "Default", "IsDefault": True, "AllowedSenders": [],
                                           "AllowedSenderDomains": [] if good else ["webmail.test"], "ZapEnabled": good}],
        "Get-HostedConnectionFilterPolicy": [{"Identity": "Default", "IsDefault": True, "EnableSafeList": False,
                                              "IPAllowList": [] if good else ["198.51.100.0/24"]}],
        "Get-SharingPolicy": [{"Identity": "Default Sharing Policy", "Default": True, "Enabled": True,
                               "Domains": ["Anonymous:CalendarSharingFreeBusySimple"]}],
        "Get-MailboxPermission": [
            permission(box_owner, "NT AUTHORITY\\SELF", "FullAccess", "ReadPermission") for box_owner in members
        ] + ([] if good else [permission(members[0], "TILLEULS\\Tous", "FullAccess")]),
        "Get-RecipientPermission": [{"Identity": "Direction", "Trustee": "NT AUTHORITY\\SELF",
                                     "AccessRights": ["SendAs"], "IsInherited": False}],
        "Get-EOPProtectionPolicyRule": [],
        "Get-AcceptedDomain": [{"DomainName": "tilleuls.test", "DomainType": "Authoritative", "Default": True}],
    }  # fmt: skip
    if good:
        found |= {
            "Get-SafeLinksRule": [],
            "Get-SafeAttachmentRule": [],
            "Get-SafeLinksPolicy": [{"Identity": "Tous", "EnableSafeLinksForEmail": True, "TrackClicks": True}],
            "Get-SafeAttachmentPolicy": [{"Identity": "Tous", "Enable": True, "Action": "Block"}],
            "Get-AtpPolicyForO365": [{"Identity": "Default", "EnableATPForSPOTeamsODB": True}],
            "Get-ATPProtectionPolicyRule": [{"Identity": "Standard", "Name": "Standard", "State": "Enabled"}],
        }
    return found


COMPLIANCE: dict[str, list[Any]] = {
    "Get-UnifiedAuditLogRetentionPolicy": [],
    "Get-ProtectionAlert": [{"Name": "Suspicious email sending patterns detected", "Disabled": False,
                             "NotificationEnabled": True, "NotifyUser": ["TenantAdmins"], "Category": "ThreatManagement",
                             "Severity": "Medium"}],
    "Get-DlpCompliancePolicy": [],
    "Get-DlpComplianceRule": [],
}  # fmt: skip


def teams(*, good: bool) -> dict[str, Any]:
    """Settings of Teams; a policy is in a list, as the interface gives it."""
    return {
        "TenantFederationSettings": [{"Identity": "Global", "AllowFederatedUsers": True, "AllowTeamsConsumer": not good,
                                      "AllowTeamsConsumerInbound": not good, "AllowPublicUsers": False,
                                      "AllowedDomains": {"AllowList": []}, "SharedSipAddressSpace": False}],
        "TeamsMeetingPolicy": [{"Identity": "Global", "AllowAnonymousUsersToStartMeeting": not good,
                                "AutoAdmittedUsers": "EveryoneInCompany" if good else "Everyone"}],
        "TeamsMeetingBroadcastPolicy": [{"Identity": "Global", "BroadcastRecordingMode": "UserOverride"}],
        "TeamsClientConfiguration": [{"Identity": "Global", "AllowEmailIntoChannel": not good, "AllowDropBox": not good,
                                      "AllowGoogleDrive": False, "AllowBox": False, "AllowShareFile": False,
                                      "AllowEgnyte": False}],
        "TeamsAppPermissionPolicy": [{"Identity": "Global", "GlobalCatalogAppsType": "BlockedAppList",
                                      "PrivateCatalogAppsType": "BlockedAppList", "DefaultCatalogAppsType": "BlockedAppList"}],
    }  # fmt: skip


PEOPLE = (
    ("direction", "Direction"), ("compta", "Comptabilité"), ("idec", "Infirmière coordinatrice"),
    ("animation", "Animation"), ("cuisine", "Cuisine"), ("psychologue", "Psychologue"), ("medecin", "Médecin coordonnateur"),
    ("accueil", "Accueil"), ("technique", "Agent technique"), ("stagiaire", "Stagiaire"),
)  # fmt: skip


def standard() -> Tenant:
    """EHPAD Les Tilleuls as found: Business Standard, no premium service of Entra ID."""
    house = "tilleuls"
    licence = guid("sku", "O365_BUSINESS_PREMIUM")
    users = [user(house, login, name, "" if login == "accueil" else licence) for login, name in PEOPLE]
    users[9]["accountEnabled"] = False
    users.append(user(house, "support", "Support extérieur", kind="Guest"))
    # Business Standard kept the name it had in 2015.
    skus = [sku(house, "O365_BUSINESS_PREMIUM", 10, "EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "TEAMS1")]
    found = common(house, "EHPAD Les Tilleuls", users, skus)
    found["/roleManagement/directory/roleAssignments"] = [role(house, item, GLOBAL_ADMIN) for item in users[:5]]
    found["/groups"] = [group(house, "Équipe soins", [*users[2:5], users[-1]], visibility="Public"),
                        group(house, "Direction", users[:2])]  # fmt: skip
    found["/applications"] = [
        application(house, "Planning", [credential("clé", 30), credential("ancienne", -4000)], [])
    ]
    found["/servicePrincipals"] = [principal(house, "Planning", 27), principal(house, "Sauvegarde", 2)]
    found["/oauth2PermissionGrants"] = [
        {"id": guid("grant"), "clientId": guid(house, "principal", "Planning"), "consentType": "AllPrincipals",
         "principalId": None, "resourceId": guid("graph"), "scope": " Mail.ReadWrite Files.ReadWrite.All"}
    ]  # fmt: skip
    return Tenant(
        id=guid(house, "tenant"), domains=("tilleuls.onmicrosoft.test", "tilleuls.test"), client_id=guid(house, "audit"),
        secret="secret-of-the-standard-tenant", plans=frozenset(), graph=found, exchange=exchange(users, good=False),
        compliance=dict(COMPLIANCE), teams=teams(good=False),
        inbox_rules={account["id"]: [] for account in users if account["assignedLicenses"]}
        | {users[1]["id"]: [{"id": "r1", "displayName": ".", "isEnabled": True, "conditions": {},
                             "actions": {"forwardTo": [{"emailAddress": {"address": "collecte@webmail.test"}}]}}]},
    )  # fmt: skip


def policy(house: str, name: str, users: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": guid(house, "policy", name), "displayName": name, "state": "enabled", "createdDateTime": days_ago(200),
        "modifiedDateTime": None, "sessionControls": None,
        "conditions": {"clientAppTypes": ["all"], "applications": {"includeApplications": ["All"]}, "users": users},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"], "authenticationStrength@odata.context": "…"},
    } | more  # fmt: skip


def premium() -> Tenant:
    """The same house with Business Premium, set up with care."""
    house = "tilleuls-premium"
    licence = guid("sku", "SPB")
    users = [user(house, login, name, "" if login == "accueil" else licence) for login, name in PEOPLE]
    rescue = [user(house, f"secours{n}", f"Compte de secours {n}") for n in (1, 2)]
    users += [*rescue, user(house, "support", "Support extérieur", kind="Guest")]
    plans = ("EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "TEAMS1", "AAD_PREMIUM", "INTUNE_A", "ATP_ENTERPRISE")
    found = common(house, "EHPAD Les Tilleuls", users, [sku(house, "SPB", 12, *plans)])
    kept_out = group(house, "Hors accès conditionnel", rescue, groupTypes=[])
    inside = group(house, "Direction", users[:2])
    admins = group(house, "Administrateurs", users[8:9], groupTypes=[], isAssignableToRole=True)
    found["/groups"] = [inside, group(house, "Équipe soins", [*users[2:5], users[-1]]), kept_out, admins]
    found["/identity/conditionalAccess/policies"] = [
        policy(house, "MFA pour tous", {"includeUsers": ["All"], "excludeGroups": [kept_out["id"]], "excludeUsers":
               [guid("a", "deleted", "account")], "includeGroups": []}),
        policy(house, "Blocage des protocoles anciens", {"includeUsers": ["All"], "excludeGroups": [kept_out["id"]]}),
    ]  # fmt: skip
    found["/policies/authenticationStrengthPolicies"] = [
        {"id": "00000000-0000-0000-0000-000000000004", "displayName": "Phishing-resistant MFA", "policyType": "builtIn",
         "allowedCombinations": ["fido2"]}
    ]  # fmt: skip
    found["/roleManagement/directory/roleAssignments"] = [
        role(house, rescue[0], GLOBAL_ADMIN), role(house, rescue[1], GLOBAL_ADMIN),
        role(house, {"id": admins["id"], "displayName": "Administrateurs", "isAssignableToRole": True}, EXCHANGE_ADMIN, "group"),
    ]  # fmt: skip
    found["/reports/authenticationMethods/userRegistrationDetails"] = [
        registration(account, ["microsoftAuthenticatorPush"], admin=account in rescue)
        for account in users if account["userType"] == "Member"
    ]  # fmt: skip
    found["/auditLogs/signIns"] = [sign_in(house, n, users[n % 5], "Browser") for n in range(250)]
    found["/applications"] = [application(house, "Planning", [credential("clé", -90)], users[:1])]
    found["/servicePrincipals"] = [principal(house, "Planning", 2)]
    found["/deviceManagement/managedDevices"] = [
        {"id": guid(house, "device", n), "deviceName": f"PC-{n:02}", "operatingSystem": "Windows",
         "osVersion": "10.0.26100.1", "complianceState": "compliant", "isEncrypted": True,
         "lastSyncDateTime": days_ago(1), "serialNumber": f"SN{n}"} for n in range(8)
    ]  # fmt: skip
    found["/deviceManagement"] = {"id": "d", "settings": {"secureByDefault": True}}
    found["/admin/sharepoint/settings"] = {"sharingCapability": "existingExternalUserSharingOnly",
                                           "isLegacyAuthProtocolsEnabled": False}  # fmt: skip
    return Tenant(
        id=guid(house, "tenant"), domains=("tilleuls-premium.onmicrosoft.test", "tilleuls-premium.test"),
        client_id=guid(house, "audit"), secret="secret-of-the-premium-tenant", graph=found,
        plans=frozenset({"AAD_PREMIUM", "INTUNE_A", "ATP_ENTERPRISE"}), exchange=exchange(users, good=True),
        compliance=dict(COMPLIANCE), teams=teams(good=True),
        inbox_rules={account["id"]: [] for account in users if account["assignedLicenses"]},
    )  # fmt: skip


def grow(tenant: Tenant, count: int) -> Tenant:
    """The same tenant with `count` accounts in all, each with a mailbox and, on Premium, a second factor."""
    users = tenant.graph["/users"]
    licence = tenant.graph["/subscribedSkus"][0]["skuId"]
    more = [user(tenant.id, f"agent{n:05}", f"Agent {n:05}", licence) for n in range(count - len(users))]
    users += more
    if tenant.has("AAD_PREMIUM"):
        path = "/reports/authenticationMethods/userRegistrationDetails"
        tenant.graph[path] += [registration(account, ["microsoftAuthenticatorPush"]) for account in more]
    tenant.exchange["Get-Mailbox"] += [mailbox(account) for account in more]
    tenant.exchange["Get-MailboxAuditBypassAssociation"] += [
        {"Identity": account["displayName"], "ObjectId": account["id"], "AuditBypassEnabled": False} for account in more
    ]
    tenant.exchange["Get-MailboxPermission"] += [
        permission(account, "NT AUTHORITY\\SELF", "FullAccess") for account in more
    ]
    tenant.inbox_rules |= {account["id"]: [] for account in more}
    return tenant
