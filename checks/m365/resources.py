"""What is read of a tenant: one entry per reading, with the permission and the licence it needs.

The names are those of `M365Facts.readings`. Properties are the only ones asked for and kept. Paths are relative to
`https://graph.microsoft.com`; `exchange` and `compliance` entries are read-only cmdlets of the Exchange Online REST
interface, `teams` ones the cmdlet whose settings object the Teams configuration interface gives; `dns` is asked to the
resolvers of the audit.
Sources: Microsoft Graph reference (v1.0 and beta), ScubaGear and Maester for what they read. `$expand` gives at most 20
objects, so that what may be longer is read through `per`.
"""

from __future__ import annotations

from typing import Literal

from checks.model import Record

P1, P2 = "AAD_PREMIUM", "AAD_PREMIUM_P2"
"""Service plans of Entra ID P1 (in Business Premium) and P2."""
DEFENDER_OFFICE = "ATP_ENTERPRISE"
"""Service plan of Defender for Office 365 plan 1 (in Business Premium)."""
INTUNE = "INTUNE_A"
EXCHANGE_MANAGE = "Exchange.ManageAsApp"
TEAMS_ACCESS = "application_access"


class Resource(Record, frozen=True, kw_only=True):
    """One reading."""

    name: str
    api: Literal["graph", "exchange", "compliance", "teams", "sharepoint", "azure", "dns"]
    path: str
    """`/v1.0/…` or `/beta/…` with its query, or the cmdlet."""
    properties: tuple[str, ...] = ()
    """Kept; empty: all those of a settings object."""
    permission: str = ""
    licence: str = ""
    """Service plan without which the service refuses to answer; empty when every tenant answers."""
    single: bool = False
    """One object, not a list."""
    optional: bool = False
    """Only when the profile asks for it."""
    also: tuple[str, ...] = ()
    """Other permissions without which the answer is refused or incomplete."""
    select: bool = False
    """The properties are named in the request: the service gives only a part of them otherwise."""
    top: int = 0
    """Objects a page, the most that the service allows; 0 leaves it to the service."""
    large: bool = False
    """May take many pages: asked for on its own rather than in a batch."""
    first_page: bool = False
    """The rest is older and not needed."""
    per: str = ""
    """Reading whose objects, or a part of them, are each asked about: `{id}` of the path."""
    post: bool = False
    """Asked with POST, which Microsoft documents as the way to read it."""
    unlimited: bool = False
    """The cmdlet stops at 1,000 objects unless `ResultSize` says otherwise."""


def _graph(name: str, path: str, permission: str, *properties: str, licence: str = "", single: bool = False,
           optional: bool = False, also: tuple[str, ...] = (), select: bool = False, top: int = 0, large: bool = False,
           first_page: bool = False, per: str = "", post: bool = False) -> Resource:  # fmt: skip
    return Resource(
        name=name, api="graph", path=path, permission=permission, properties=properties, licence=licence,
        single=single, optional=optional, also=also, select=select, top=top, large=large, first_page=first_page,
        per=per, post=post,
    )  # fmt: skip


def _exchange(name: str, cmdlet: str, *properties: str, licence: str = "", optional: bool = False,
              unlimited: bool = False, per: str = "") -> Resource:  # fmt: skip
    return Resource(
        name=name, api="exchange", path=cmdlet, permission=EXCHANGE_MANAGE, properties=properties, licence=licence,
        optional=optional, unlimited=unlimited, per=per,
    )  # fmt: skip


def _teams(name: str, cmdlet: str, *properties: str) -> Resource:
    return Resource(name=name, api="teams", path=cmdlet, permission=TEAMS_ACCESS, properties=properties)


_POLICY, _USER, _ROLE, _APP, _LOG = (
    "Policy.Read.All", "User.Read.All", "RoleManagement.Read.Directory", "Application.Read.All", "AuditLog.Read.All",
)  # fmt: skip

_RULE = (
    "Identity", "Name", "State", "Priority", "SentTo", "SentToMemberOf", "RecipientDomainIs", "ExceptIfSentTo",
    "ExceptIfSentToMemberOf", "ExceptIfRecipientDomainIs",
)  # fmt: skip
"""To whom the rule of a protection policy applies."""

RESOURCES: tuple[Resource, ...] = (
    _graph("organization", "/beta/organization", "Organization.Read.All", "id", "displayName", "createdDateTime",
           "verifiedDomains", "onPremisesSyncEnabled", "onPremisesLastSyncDateTime",
           "onPremisesLastPasswordSyncDateTime", "technicalNotificationMails",
           "securityComplianceNotificationMails"),
    _graph("skus", "/v1.0/subscribedSkus", "Organization.Read.All", "skuId", "skuPartNumber", "capabilityStatus",
           "consumedUnits", "prepaidUnits", "servicePlans"),
    _graph("domains", "/v1.0/domains", "Domain.Read.All", "id", "isVerified", "isInitial", "isRoot",
           "authenticationType", "supportedServices", "passwordValidityPeriodInDays",
           "passwordNotificationWindowInDays"),
    _graph("users", "/v1.0/users", _USER, "id", "userPrincipalName", "displayName", "accountEnabled", "userType",
           "createdDateTime", "mail", "assignedLicenses", "onPremisesSyncEnabled",
           "onPremisesImmutableId", "externalUserState", "externalUserStateChangeDateTime",
           "lastPasswordChangeDateTime", "passwordPolicies", select=True, top=999, large=True),
    _graph("user_activity", "/v1.0/users?$select=id,signInActivity", _LOG, "id", "signInActivity", licence=P1,
           also=(_USER,), top=500, large=True),
    _graph("registration", "/v1.0/reports/authenticationMethods/userRegistrationDetails", _LOG, "id",
           "userPrincipalName", "userType", "isAdmin", "isMfaRegistered", "isMfaCapable", "isPasswordlessCapable",
           "isSsprRegistered", "methodsRegistered", licence=P1, large=True),
    _graph("security_defaults", "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", _POLICY, "isEnabled",
           single=True),
    _graph("conditional_access", "/beta/identity/conditionalAccess/policies", _POLICY, "id", "displayName", "state",
           "conditions", "grantControls", "sessionControls", "createdDateTime", "modifiedDateTime", licence=P1),
    _graph("named_locations", "/v1.0/identity/conditionalAccess/namedLocations", _POLICY, "id", "displayName",
           "isTrusted", "ipRanges", "countriesAndRegions", "includeUnknownCountriesAndRegions", licence=P1),
    _graph("authentication_strengths", "/v1.0/policies/authenticationStrengthPolicies", _POLICY, "id", "displayName",
           "policyType", "allowedCombinations"),
    _graph("authentication_methods", "/v1.0/policies/authenticationMethodsPolicy", _POLICY, single=True),
    _graph("authorization_policy", "/v1.0/policies/authorizationPolicy", _POLICY, single=True),
    _graph("admin_consent", "/v1.0/policies/adminConsentRequestPolicy", _POLICY, "isEnabled", "reviewers",
           "requestDurationInDays", "notifyReviewers", single=True),
    _graph("app_management", "/v1.0/policies/defaultAppManagementPolicy", _POLICY, "isEnabled",
           "applicationRestrictions", "servicePrincipalRestrictions", single=True),
    _graph("cross_tenant", "/v1.0/policies/crossTenantAccessPolicy/default", _POLICY, single=True),
    _graph("device_registration", "/beta/policies/deviceRegistrationPolicy", "Policy.Read.DeviceConfiguration",
           single=True),
    _graph("b2b_policy", "/beta/legacy/policies", _POLICY, "id", "displayName", "type", "definition"),
    _graph("directory_settings", "/beta/settings", "Directory.Read.All", "displayName", "templateId", "values"),
    _graph("timeout_policies", "/v1.0/policies/activityBasedTimeoutPolicies", _POLICY, "id", "displayName",
           "definition", "isOrganizationDefault"),
    _graph("on_premises_sync", "/v1.0/directory/onPremisesSynchronization",
           "OnPremDirectorySynchronization.Read.All", "id", "configuration", "features"),
    _graph("role_definitions", "/v1.0/roleManagement/directory/roleDefinitions", _ROLE, "id", "displayName",
           "isBuiltIn", "isEnabled", "templateId", "rolePermissions"),
    _graph("role_assignments", "/v1.0/roleManagement/directory/roleAssignments?$expand=principal", _ROLE, "id",
           "principalId", "roleDefinitionId", "directoryScopeId", "principal"),
    _graph("role_active", "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances",
           "RoleAssignmentSchedule.Read.Directory", "id", "principalId", "roleDefinitionId", "directoryScopeId",
           "assignmentType", "memberType", "startDateTime", "endDateTime", licence=P2),
    _graph("role_eligible", "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances",
           "RoleEligibilitySchedule.Read.Directory", "id", "principalId", "roleDefinitionId", "directoryScopeId",
           "memberType", "startDateTime", "endDateTime", licence=P2),
    _graph("role_policies", "/v1.0/policies/roleManagementPolicyAssignments"
           "?$filter=scopeId eq '/' and scopeType eq 'DirectoryRole'&$expand=policy($expand=rules)",
           "RoleManagementPolicy.Read.Directory", "id", "roleDefinitionId", "policy", licence=P2),
    _graph("role_groups", "/v1.0/groups?$filter=isAssignableToRole eq true", "GroupMember.Read.All", "id",
           "displayName", "members", "isAssignableToRole"),
    _graph("policy_groups", "/v1.0/groups/{id}/transitiveMembers?$select=id,userPrincipalName,userType",
           "GroupMember.Read.All", "id", "members", licence=P1, per="conditional_access", top=999),
    _graph("access_reviews", "/v1.0/identityGovernance/accessReviews/definitions", "AccessReview.Read.All", "id",
           "displayName", "status", "scope", licence=P2),
    _graph("groups", "/v1.0/groups?$filter=groupTypes/any(c:c eq 'Unified')", "GroupMember.Read.All", "id",
           "displayName", "visibility", "createdDateTime", "resourceProvisioningOptions", "mail", select=True, top=999,
           large=True),
    _graph("group_owners", "/v1.0/groups?$filter=groupTypes/any(c:c eq 'Unified')&$expand=owners",
           "GroupMember.Read.All", "id", "owners", large=True),
    _graph("group_guests", "/v1.0/groups/{id}/members?$select=id,userType", "GroupMember.Read.All", "id", "guests",
           "members", per="groups", top=999),
    _graph("applications", "/v1.0/applications?$expand=owners", _APP, "id", "appId", "displayName",
           "signInAudience", "createdDateTime", "passwordCredentials", "keyCredentials", "owners",
           "requiredResourceAccess", large=True),
    _graph("service_principals", "/v1.0/servicePrincipals?$expand=appRoleAssignments", _APP, "id", "appId",
           "displayName", "accountEnabled", "appOwnerOrganizationId", "servicePrincipalType", "verifiedPublisher",
           "passwordCredentials", "keyCredentials", "appRoles", "appRoleAssignments", "tags", large=True),
    _graph("delegated_grants", "/v1.0/oauth2PermissionGrants", "Directory.Read.All", "id", "clientId",
           "consentType", "principalId", "resourceId", "scope", large=True),
    _graph("sign_ins", "/beta/auditLogs/signIns", _LOG, "createdDateTime", "clientAppUsed", "status", "userId",
           "appDisplayName", "conditionalAccessStatus", "location", "crossTenantAccessType", "isInteractive",
           "authenticationRequirement", licence=P1, also=("Directory.Read.All",), large=True),
    _graph("oldest_sign_in", "/beta/auditLogs/signIns?$orderby=createdDateTime asc&$top=1", _LOG, "createdDateTime",
           licence=P1, also=("Directory.Read.All",), first_page=True),
    _graph("directory_audits", "/v1.0/auditLogs/directoryAudits?$top=1", _LOG, "activityDateTime",
           "activityDisplayName", first_page=True),
    _graph("audit_query", "/v1.0/security/auditLog/queries", "AuditLogsQuery.Read.All", "id", "status",
           "recordCount", optional=True, post=True),
    _graph("risky_users", "/v1.0/identityProtection/riskyUsers?$filter=riskState eq 'atRisk'",
           "IdentityRiskyUser.Read.All", "id", "userPrincipalName", "riskLevel", "riskState",
           "riskLastUpdatedDateTime", licence=P2),
    _graph("secure_scores", "/v1.0/security/secureScores?$top=90", "SecurityEvents.Read.All", "createdDateTime",
           "currentScore", "maxScore", "controlScores", first_page=True),
    _graph("alerts", "/v1.0/security/alerts_v2?$filter=status eq 'new'", "SecurityAlert.Read.All", "id", "title",
           "severity", "status", "createdDateTime", "serviceSource"),
    _graph("sharepoint", "/v1.0/admin/sharepoint/settings", "SharePointTenantSettings.Read.All", single=True),
    _graph("managed_devices", "/v1.0/deviceManagement/managedDevices", "DeviceManagementManagedDevices.Read.All",
           "id", "deviceName", "operatingSystem", "osVersion", "complianceState", "isEncrypted", "lastSyncDateTime",
           licence=INTUNE, large=True),
    _graph("device_settings", "/v1.0/deviceManagement?$select=id,settings",
           "DeviceManagementServiceConfig.Read.All", "settings", licence=INTUNE, single=True),
    _graph("deleted_items", "/v1.0/directory/deletedItems/microsoft.graph.user?$select=id", "Directory.Read.All", "id"),
    _graph("directory_objects", "/v1.0/directoryObjects/getByIds", "Directory.Read.All", "id", "@odata.type",
           "displayName", per="conditional_access", post=True),
    _graph("service_health", "/v1.0/admin/serviceAnnouncement/issues", "ServiceHealth.Read.All", "id", "title",
           "service", "status", "startDateTime", "isResolved"),
    _graph("backup", "/v1.0/solutions/backupRestore", "BackupRestore-Configuration.Read.All", "serviceStatus",
           single=True),
    _graph("inbox_rules", "/v1.0/users/{id}/mailFolders/inbox/messageRules", "MailboxSettings.Read", "userId",
           "displayName", "isEnabled", "conditions", "actions", optional=True, per="users"),
    _exchange("organization_config", "Get-OrganizationConfig", "AuditDisabled", "OAuth2ClientProfileEnabled",
              "RejectDirectSend", "MailTipsExternalRecipientsTipsEnabled", "CustomerLockBoxEnabled"),
    _exchange("admin_audit", "Get-AdminAuditLogConfig", "UnifiedAuditLogIngestionEnabled", "AdminAuditLogEnabled"),
    _exchange("audit_bypass", "Get-MailboxAuditBypassAssociation", "Identity", "ObjectId", "AuditBypassEnabled",
              unlimited=True),
    _exchange("outbound_spam", "Get-HostedOutboundSpamFilterPolicy", "Identity", "AutoForwardingMode", "IsDefault",
              "BccSuspiciousOutboundMail", "NotifyOutboundSpam"),
    _exchange("remote_domains", "Get-RemoteDomain", "Identity", "DomainName", "AutoForwardEnabled"),
    _exchange("mailboxes", "Get-Mailbox", "Identity", "ExternalDirectoryObjectId", "UserPrincipalName",
              "PrimarySmtpAddress", "RecipientTypeDetails", "ForwardingSmtpAddress", "ForwardingAddress",
              "DeliverToMailboxAndForward", "AuditEnabled", unlimited=True),
    _exchange("transport_rules", "Get-TransportRule", "Name", "State", "Mode", "RedirectMessageTo", "BlindCopyTo",
              "CopyTo", "AddToRecipients", "SetSCL", "SenderDomainIs", "FromScope", "PrependSubject",
              "ApplyHtmlDisclaimerText", "SentTo", "From"),
    _exchange("transport_config", "Get-TransportConfig", "SmtpClientAuthenticationDisabled",
              "ExternalDsnReportingAuthority"),
    _exchange("external_in_outlook", "Get-ExternalInOutlook", "Identity", "Enabled", "AllowList"),
    _exchange("dkim", "Get-DkimSigningConfig", "Domain", "Enabled", "Status", "Selector1CNAME", "Selector2CNAME"),
    _exchange("anti_phish", "Get-AntiPhishPolicy", "Identity", "Enabled", "IsDefault", "EnableSpoofIntelligence",
              "EnableMailboxIntelligence", "EnableMailboxIntelligenceProtection", "EnableTargetedUserProtection",
              "EnableTargetedDomainsProtection", "EnableOrganizationDomainsProtection", "TargetedUsersToProtect",
              "PhishThresholdLevel", "EnableFirstContactSafetyTips", "EnableUnauthenticatedSender", "HonorDmarcPolicy",
              "DmarcRejectAction", "DmarcQuarantineAction", "AuthenticationFailAction", "TargetedUserProtectionAction",
              "TargetedDomainsToProtect", "TargetedDomainProtectionAction", "EnableSimilarUsersSafetyTips",
              "EnableSimilarDomainsSafetyTips", "EnableUnusualCharactersSafetyTips", "EnableViaTag",
              "EnableSuspiciousSafetyTip", "RecommendedPolicyType"),
    _exchange("anti_phish_rules", "Get-AntiPhishRule", "AntiPhishPolicy", *_RULE),
    _exchange("malware", "Get-MalwareFilterPolicy", "Identity", "IsDefault", "EnableFileFilter", "FileTypes",
              "FileTypeAction", "ZapEnabled", "EnableInternalSenderAdminNotifications", "RecommendedPolicyType"),
    _exchange("malware_rules", "Get-MalwareFilterRule", "MalwareFilterPolicy", *_RULE),
    _exchange("safe_links", "Get-SafeLinksPolicy", "Identity", "EnableSafeLinksForEmail", "EnableSafeLinksForTeams",
              "EnableSafeLinksForOffice", "TrackClicks", "AllowClickThrough", "ScanUrls", "DeliverMessageAfterScan",
              "EnableForInternalSenders", "IsBuiltInProtection", "RecommendedPolicyType", licence=DEFENDER_OFFICE),
    _exchange("safe_links_rules", "Get-SafeLinksRule", "SafeLinksPolicy", *_RULE, licence=DEFENDER_OFFICE),
    _exchange("safe_attachments", "Get-SafeAttachmentPolicy", "Identity", "Enable", "Action", "IsBuiltInProtection",
              "RecommendedPolicyType", licence=DEFENDER_OFFICE),
    _exchange("safe_attachment_rules", "Get-SafeAttachmentRule", "SafeAttachmentPolicy", *_RULE,
              licence=DEFENDER_OFFICE),
    _exchange("atp_policy", "Get-AtpPolicyForO365", "Identity", "EnableATPForSPOTeamsODB", "EnableSafeDocs",
              "AllowSafeDocsOpen", licence=DEFENDER_OFFICE),
    _exchange("content_filter", "Get-HostedContentFilterPolicy", "Identity", "IsDefault", "AllowedSenderDomains",
              "AllowedSenders", "SpamAction", "HighConfidenceSpamAction", "PhishSpamAction",
              "HighConfidencePhishAction", "BulkThreshold", "ZapEnabled", "SpamZapEnabled", "PhishZapEnabled",
              "RecommendedPolicyType"),
    _exchange("content_filter_rules", "Get-HostedContentFilterRule", "HostedContentFilterPolicy", *_RULE),
    _exchange("connection_filter", "Get-HostedConnectionFilterPolicy", "Identity", "IsDefault", "IPAllowList",
              "EnableSafeList"),
    _exchange("sharing_policies", "Get-SharingPolicy", "Identity", "Default", "Enabled", "Domains"),
    _exchange("mailbox_permissions", "Get-MailboxPermission", "Identity", "User", "AccessRights", "IsInherited",
              "Deny", per="mailboxes"),
    _exchange("recipient_permissions", "Get-RecipientPermission", "Identity", "Trustee", "AccessRights",
              "IsInherited", unlimited=True),
    _exchange("protection_rules", "Get-EOPProtectionPolicyRule", *_RULE),
    _exchange("atp_rules", "Get-ATPProtectionPolicyRule", *_RULE, licence=DEFENDER_OFFICE),
    _exchange("accepted_domains", "Get-AcceptedDomain", "DomainName", "DomainType", "Default"),
    Resource(name="audit_retention", api="compliance", path="Get-UnifiedAuditLogRetentionPolicy",
             permission=EXCHANGE_MANAGE, properties=("Name", "RetentionDuration", "Enabled", "RecordTypes"),
             licence="M365_ADVANCED_AUDITING"),
    Resource(name="alert_policies", api="compliance", path="Get-ProtectionAlert", permission=EXCHANGE_MANAGE,
             properties=("Name", "Disabled", "NotificationEnabled", "NotifyUser", "Category", "Severity")),
    Resource(name="dlp_policies", api="compliance", path="Get-DlpCompliancePolicy", permission=EXCHANGE_MANAGE,
             properties=("Name", "Mode", "Enabled", "ExchangeLocation", "SharePointLocation", "OneDriveLocation",
                         "TeamsLocation", "EndpointDlpLocation", "Workload")),
    Resource(name="dlp_rules", api="compliance", path="Get-DlpComplianceRule", permission=EXCHANGE_MANAGE,
             properties=("Name", "ParentPolicyName", "Disabled", "BlockAccess", "BlockAccessScope", "NotifyUser",
                         "NotifyUserType", "ContentContainsSensitiveInformation", "IsAdvancedRule", "AdvancedRule")),
    _teams("teams_federation", "Get-CsTenantFederationConfiguration", "AllowFederatedUsers", "AllowedDomains",
           "BlockedDomains", "AllowTeamsConsumer", "AllowTeamsConsumerInbound", "AllowPublicUsers"),
    _teams("teams_meeting", "Get-CsTeamsMeetingPolicy", "Identity", "AllowAnonymousUsersToStartMeeting",
           "AllowAnonymousUsersToJoinMeeting", "AutoAdmittedUsers", "AllowPSTNUsersToBypassLobby",
           "AllowExternalParticipantGiveRequestControl", "AllowCloudRecording", "RecordingStorageMode"),
    _teams("teams_broadcast", "Get-CsTeamsMeetingBroadcastPolicy", "Identity", "BroadcastRecordingMode"),
    _teams("teams_client", "Get-CsTeamsClientConfiguration", "Identity", "AllowEmailIntoChannel", "AllowDropBox",
           "AllowGoogleDrive", "AllowBox", "AllowShareFile", "AllowEgnyte"),
    _teams("teams_apps", "Get-CsTeamsAppPermissionPolicy", "Identity", "GlobalCatalogAppsType",
           "PrivateCatalogAppsType", "DefaultCatalogAppsType", "GlobalCatalogApps", "PrivateCatalogApps"),
    Resource(name="sharepoint_tenant", api="sharepoint", path="/_api/SPO.Tenant",
             permission="Sites.FullControl.All", optional=True, single=True,
             properties=("OneDriveSharingCapability", "SharingCapability", "DefaultSharingLinkType",
                         "DefaultLinkPermission", "RequireAnonymousLinksExpireInDays", "FileAnonymousLinkType",
                         "FolderAnonymousLinkType", "EmailAttestationRequired", "EmailAttestationReAuthDays",
                         "SharingDomainRestrictionMode", "DenyAddAndCustomizePages")),
    Resource(name="mail_dns", api="dns", path="TXT, CNAME et MX des domaines",
             properties=("domain", "spf", "spf_all", "spf_lookups", "dmarc", "dmarc_at", "selectors", "mx",
                         "failures")),
    Resource(name="diagnostic_settings", api="azure", path="/providers/microsoft.aadiam/diagnosticSettings",
             permission="Azure RBAC", optional=True, properties=("name", "logs", "workspaceId", "storageAccountId")),
)  # fmt: skip
"""Every reading. Those of `sharepoint` and `azure` need a right of writing or of another service: imports only."""

BY_NAME = {resource.name: resource for resource in RESOURCES}
