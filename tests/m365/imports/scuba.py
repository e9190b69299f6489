"""A ScubaGear export of a fictional tenant, careful or neglected: our own text, shapes of its providers of 2026."""

from __future__ import annotations

from typing import Any

TENANT = "5f0d3a52-6c41-4a55-9a0e-1f2d3c4b5a69"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
EXCHANGE = "29232cdf-9323-42fd-ade2-1d097af3e4de"
USERS = "fe930be7-5e62-47db-91af-98c3a49a38b1"
SHAREPOINT = "f28a1f50-f6e7-4571-818b-6a12f2af6b6c"
CHEF, SECOND, DEPUTY, HELPER, OTHER = (f"0000000{n}-0000-4000-8000-000000000001" for n in range(1, 6))
RESISTANT = "00000000-0000-0000-0000-000000000004"
BUILT_IN = (
    "Approval_EndUser_Assignment",
    "Notification_Admin_Admin_Eligibility",
    "Notification_Admin_Admin_Assignment",
    "Notification_Admin_EndUser_Assignment",
)
ALERTS = (
    "Suspicious email sending patterns detected", "Suspicious connector activity",
    "Suspicious Email Forwarding Activity", "Messages have been delayed",
    "Tenant restricted from sending unprovisioned email", "Tenant restricted from sending email",
    "A potentially malicious URL click was detected",
)  # fmt: skip
STRICT, STANDARD = "Strict Preset Security Policy", "Standard Preset Security Policy"
UNSET = {"AuthenticationStrength": {"Id": None, "DisplayName": None, "AllowedCombinations": None}}
"""How the Graph module writes what is not set."""


def policy(name: str, grant: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    """One Conditional Access policy on everybody and everything, as the Graph module writes it."""
    people = {"IncludeUsers": ["All"], "ExcludeUsers": [], "IncludeGroups": [], "ExcludeGroups": [],
              "IncludeRoles": [], "ExcludeRoles": [],
              "IncludeGuestsOrExternalUsers": {"ExternalTenants": {"MembershipKind": None},
                                               "GuestOrExternalUserTypes": None}}  # fmt: skip
    return {
        "Id": f"policy-{name}", "DisplayName": name, "State": conditions.pop("State", "enabled"),
        "CreatedDateTime": "/Date(1651243713386)/", "AdditionalProperties": {},
        "Conditions": {
            "Applications": {"IncludeApplications": ["All"], "ExcludeApplications": [], "IncludeUserActions": [],
                             "ApplicationFilter": {"Mode": None, "Rule": None}},
            "ClientAppTypes": ["all"], "SignInRiskLevels": [], "UserRiskLevels": [],
            "Devices": {"DeviceFilter": {"Mode": None, "Rule": None}, "IncludeDevices": None},
            "Locations": {"IncludeLocations": None, "ExcludeLocations": None},
            **{name: value for name, value in conditions.items() if name != "Users"},
            "Users": people | conditions.get("Users", {}),
        },
        "GrantControls": {"BuiltInControls": [], "Operator": "OR", "CustomAuthenticationFactors": [],
                          "TermsOfUse": [], **UNSET, **grant},
    }  # fmt: skip


def good_policies() -> list[dict[str, Any]]:
    block = {"BuiltInControls": ["block"]}
    strong = {"AuthenticationStrength": {"Id": RESISTANT, "DisplayName": "Phishing-resistant MFA"}}
    return [
        policy("Anciens protocoles", block, ClientAppTypes=["exchangeActiveSync", "other"]),
        policy("MFA résistante pour tous", strong),
        policy("Risque utilisateur", block, UserRiskLevels=["high"]),
        policy("Risque de connexion", block, SignInRiskLevels=["high"]),
        policy("Appareil géré", {"BuiltInControls": ["compliantDevice", "domainJoinedDevice"]}),
        policy("Code d'appareil", block, AuthenticationFlows={"TransferMethods": "deviceCodeFlow"}),
        policy("Enregistrement", {"BuiltInControls": ["compliantDevice", "domainJoinedDevice"]},
               Applications={"IncludeApplications": [], "ExcludeApplications": [],
                             "IncludeUserActions": ["urn:user:registersecurityinfo"]}),
        policy("Agents à risque", block, Users={"IncludeUsers": ["None"]}, AgentIdRiskLevels="high",
               ClientApplications={"IncludeAgentIdServicePrincipals": ["All"], "IncludeServicePrincipals": []}),
    ]  # fmt: skip


def rule(name: str, careful: bool, source: str) -> dict[str, Any]:
    kind = {"RuleSource": source, "RuleSourceType": "Directory Role", "Id": name}
    if name.startswith("Approval"):
        return kind | {"Setting": {"IsApprovalRequired": careful}}
    told = ["securite@tilleuls.test"] if careful else []
    return kind | {"NotificationType": "Email", "NotificationRecipients": told, "IsDefaultRecipientsEnabled": False}


def role(name: str, template: str, careful: bool, *assigned: tuple[str, str | None, str | None]) -> dict[str, Any]:
    return {
        "DisplayName": name, "RoleTemplateId": template,
        "Rules": [rule(one, careful, name) for one in BUILT_IN],
        "Assignments": [
            {"Id": f"{who}-{template}", "PrincipalId": who, "RoleDefinitionId": template, "DirectoryScopeId": "/",
             "AssignmentType": "Assigned", "MemberType": "Direct", "StartDateTime": start, "EndDateTime": end,
             "ActivatedUsing": None}
            for who, start, end in assigned
        ],
    }  # fmt: skip


def entra(careful: bool) -> dict[str, Any]:
    until = "/Date(1798761600000)/"
    roles = [
        role("Global Administrator", GLOBAL, careful,
             *([(CHEF, "/Date(1751243713386)/", until)] if careful else [(CHEF, None, None)])),
        role("Exchange Administrator", EXCHANGE, careful),
        role("User Administrator", USERS, careful),
        role("SharePoint Administrator", SHAREPOINT, careful),
    ]  # fmt: skip
    people = {
        CHEF: {"DisplayName": "Chef de service", "OnPremisesImmutableId": None, "roles": ["Global Administrator"]},
        SECOND: {"DisplayName": "Second", "OnPremisesImmutableId": None, "roles": ["Global Administrator"]},
        DEPUTY: {"DisplayName": "Adjoint", "OnPremisesImmutableId": None, "roles": ["Exchange Administrator"]},
        HELPER: {"DisplayName": "Dépannage", "OnPremisesImmutableId": None, "roles": ["User Administrator"]},
        OTHER: {"DisplayName": "Sites", "OnPremisesImmutableId": None, "roles": ["SharePoint Administrator"]},
    }
    if not careful:
        people = {CHEF: people[CHEF] | {"OnPremisesImmutableId": "AAAAB3Nz"}}
    methods = {"MicrosoftAuthenticator": "enabled", "Sms": "disabled", "Voice": "disabled", "Email": "disabled"}
    shown = {"State": "enabled" if careful else "disabled", "IncludeTarget": {"Id": "all_users"}}
    limits = {
        "passwordCredentials": [
            {"restrictionType": "passwordAddition", "state": "enabled", "maxLifetime": None},
            {"restrictionType": "customPasswordAddition", "state": "enabled", "maxLifetime": None},
            {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P180D"},
        ],
        "keyCredentials": [
            {"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P365D"}],
    }  # fmt: skip
    consent = "ManagePermissionGrantsForSelf.microsoft-user-default-recommended"
    return {
        "conditional_access_policies": good_policies() if careful else [
            policy("Rapport seulement", {"BuiltInControls": ["mfa"]}, State="enabledForReportingButNotEnforced")],
        "cap_table_data": [],
        "authorization_policies": [{
            "Id": "authorizationPolicy", "AllowInvitesFrom": "adminsAndGuestInviters" if careful else "everyone",
            "GuestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b" if careful
            else "a0b1b346-4d3e-4e8b-98f8-753987be4970",
            "PermissionGrantPolicyIdsAssignedToDefaultUserRole": [] if careful else [consent],
            "DefaultUserRolePermissions": {"AllowedToCreateApps": not careful, "AllowedToCreateTenants": not careful},
        }],
        "privileged_users": people,
        "privileged_service_principals": {},
        "privileged_roles": roles,
        "directory_settings": [{
            "Id": "s1", "DisplayName": "Consent Policy Settings", "TemplateId": "dffd5d46-495d-40a9-8e21-954ff55e198a",
            "Values": [{"Name": "EnableAdminConsentRequests", "Value": "true" if careful else "false"}],
        }],
        "authentication_method": [{
            "authentication_method_policy": {
                "Id": "authenticationMethodsPolicy",
                "PolicyMigrationState": "migrationComplete" if careful else "preMigration"},
            "authentication_method_feature_settings": [
                {"Id": name, "State": state if careful else "enabled", "IsSoftwareOathEnabled": False,
                 "FeatureSettings": {"DisplayAppInformationRequiredState": shown,
                                     "DisplayLocationInformationRequiredState": shown}}
                for name, state in methods.items()],
        }],
        "domain_settings": [
            {"Id": "tilleuls.test", "IsVerified": True, "IsRoot": True, "IsInitial": False,
             "AuthenticationType": "Managed", "PasswordValidityPeriodInDays": 2147483647 if careful else 90},
            {"Id": "tilleuls.onmicrosoft.com", "IsVerified": True, "IsRoot": True, "IsInitial": True,
             "AuthenticationType": "Managed", "PasswordValidityPeriodInDays": 2147483647},
        ],
        "default_app_management_policy": [
            {"Id": "p", "IsEnabled": careful, "ApplicationRestrictions": limits,
             "ServicePrincipalRestrictions": limits}],
        "app_management_policies": [],
        "license_information": [
            {"SkuId": "s", "SkuPartNumber": "SPB", "ConsumedUnits": 40, "PrepaidUnits": {"Enabled": 50}},
            {"SkuId": "t", "SkuPartNumber": "AAD_PREMIUM_P2", "ConsumedUnits": 6, "PrepaidUnits": {"Enabled": 6}}],
        "service_plans": [
            {"ServicePlanName": name, "ProvisioningStatus": "Success"}
            for name in ("AAD_PREMIUM", "AAD_PREMIUM_P2", "ATP_ENTERPRISE", "INTUNE_A", "EXCHANGE_S_STANDARD",
                         "M365_ADVANCED_AUDITING")],
        "total_user_count": 46,
        "risky_applications": [],
        "risky_third_party_service_principals": [],
        "aad_successful_commands": [
            "Get-MgBetaIdentityConditionalAccessPolicy", "Get-MgBetaSubscribedSku", "Get-PrivilegedUser",
            "Get-PrivilegedRole", "Get-MgBetaPolicyAuthorizationPolicy", "Get-MgBetaDirectorySetting",
            "Get-MgBetaPolicyAuthenticationMethodPolicy", "Get-MgBetaDomain",
            "Get-MgBetaPolicyDefaultAppManagementPolicy"],
        "aad_unsuccessful_commands": [],
    }  # fmt: skip


def record(name: str, text: str, query: str) -> dict[str, Any]:
    told = f"Query returned {1 if text else 0} txt records"
    return {"domain": name, "rdata": [text] if text else [], "compliant": bool(text), "message": "",
            "log": {"query_name": query, "query_method": "traditional", "query_result": told,
                    "query_answers": text or []}}  # fmt: skip


def exchange(careful: bool) -> dict[str, Any]:
    name = "tilleuls.test"
    end = "-all" if careful else "+all"
    mark = {"Name": "Externe", "State": "Enabled", "Mode": "Enforce", "FromScope": "NotInOrganization",
            "PrependSubject": "[Externe] ", "RedirectMessageTo": None, "BlindCopyTo": None, "CopyTo": None,
            "AddToRecipients": None, "SetSCL": None, "SenderDomainIs": None, "SentTo": None, "From": None,
            "ApplyHtmlDisclaimerText": None}  # fmt: skip
    return {
        "remote_domains": [{"Identity": "Default", "DomainName": "*", "AutoForwardEnabled": not careful}],
        "accepted_domains": [{"DomainName": name, "DomainType": "Authoritative", "Default": True},
                             {"DomainName": "tilleuls.onmicrosoft.com", "DomainType": "Authoritative",
                              "Default": False}],
        "spf_records": [record(name, f"v=spf1 include:spf.protection.outlook.com {end}", name)],
        "dkim_config": [{"Domain": name, "Enabled": careful, "Status": "Valid" if careful else "CnameMissing",
                         "Selector1CNAME": "a", "Selector2CNAME": "b"}],
        "dkim_records": [record(name, "v=DKIM1; k=rsa; p=MIIB" if careful else "", f"selector1._domainkey.{name}")],
        "dmarc_records": [record(name, "v=DMARC1; p=reject; rua=mailto:dmarc@tilleuls.test" if careful else "",
                                 f"_dmarc.{name}")],
        "transport_config": [{"SmtpClientAuthenticationDisabled": careful}],
        "sharing_policy": [{
            "Identity": "Default Sharing Policy", "Default": True, "Enabled": True,
            "Domains": ["partenaire.test:CalendarSharingFreeBusySimple"] if careful else
            ["*:ContactsSharing", "*:CalendarSharingFreeBusyDetail"]}],
        "transport_rule": [mark] if careful else [],
        "org_config": [{"Name": "tilleuls.onmicrosoft.com", "DisplayName": "EHPAD Les Tilleuls",
                        "AuditDisabled": not careful, "OAuth2ClientProfileEnabled": careful}],
        "inbound_connectors": [], "outbound_connectors": [],
        "exo_successful_commands": [
            "Get-RemoteDomain", "Get-AcceptedDomain", "Get-ScubaSpfRecord", "Get-DkimSigningConfig",
            "Get-ScubaDkimRecord", "Get-ScubaDmarcRecord", "Get-TransportConfig", "Get-SharingPolicy",
            "Get-TransportRule", "Get-OrganizationConfig"],
        "exo_unsuccessful_commands": [],
    }  # fmt: skip


def suite(careful: bool) -> dict[str, Any]:
    def ruled(name: str) -> dict[str, Any]:
        return {"Identity": name, "Name": name, "State": "Enabled" if careful else "Disabled", "Priority": 0,
                "SentTo": None, "SentToMemberOf": None, "RecipientDomainIs": None, "ExceptIfSentTo": None,
                "ExceptIfSentToMemberOf": None, "ExceptIfRecipientDomainIs": None}  # fmt: skip

    yes = careful
    preset = {"Identity": f"{STRICT}1669", "Name": f"{STRICT}1669", "IsDefault": False,
              "RecommendedPolicyType": "Strict"}  # fmt: skip
    default = {"Identity": "Default", "Name": "Default", "IsDefault": True, "RecommendedPolicyType": "Custom"}
    phish = dict.fromkeys((
        "Enabled", "EnableSpoofIntelligence", "EnableMailboxIntelligence", "EnableMailboxIntelligenceProtection",
        "EnableTargetedUserProtection", "EnableTargetedDomainsProtection", "EnableOrganizationDomainsProtection",
        "EnableFirstContactSafetyTips", "EnableUnauthenticatedSender", "HonorDmarcPolicy", "EnableViaTag",
        "EnableSimilarUsersSafetyTips", "EnableSimilarDomainsSafetyTips", "EnableUnusualCharactersSafetyTips",
        "EnableSuspiciousSafetyTip"), yes) | {
        "PhishThresholdLevel": 4 if yes else 1, "TargetedUsersToProtect": ["Chef;chef@tilleuls.test"],
        "TargetedDomainsToProtect": ["banque.test"], "AuthenticationFailAction": "Quarantine",
        "DmarcRejectAction": "Reject", "DmarcQuarantineAction": "Quarantine",
        "TargetedUserProtectionAction": "Quarantine", "TargetedDomainProtectionAction": "Quarantine"}  # fmt: skip
    spam = {"AllowedSenderDomains": [] if yes else ["gmail.test"], "AllowedSenders": [],
            "SpamAction": "Quarantine" if yes else "AddXHeader",
            "HighConfidenceSpamAction": "Quarantine", "PhishSpamAction": "Quarantine",
            "HighConfidencePhishAction": "Quarantine", "BulkThreshold": 5, "ZapEnabled": yes, "SpamZapEnabled": yes,
            "PhishZapEnabled": yes}  # fmt: skip
    malware = {"EnableFileFilter": yes, "ZapEnabled": yes, "FileTypes": ["exe", "cmd", "vbe", "ps1"],
               "FileTypeAction": "Reject", "EnableInternalSenderAdminNotifications": True}  # fmt: skip
    links = {"EnableSafeLinksForEmail": yes, "EnableSafeLinksForTeams": yes, "EnableSafeLinksForOffice": yes,
             "TrackClicks": yes, "AllowClickThrough": not yes, "ScanUrls": yes, "DeliverMessageAfterScan": yes,
             "EnableForInternalSenders": yes, "IsBuiltInProtection": False}  # fmt: skip
    built_in = {"Identity": "Built-In Protection Policy", "Name": "Built-In Protection Policy",
                "RecommendedPolicyType": "BuiltIn"}  # fmt: skip
    attached = {"Enable": yes, "Action": "Block" if yes else "Allow", "IsBuiltInProtection": False}
    sensitive = [{"name": "France Social Security Number (INSEE)"}, {"name": "Credit Card Number"},
                 {"name": "International Banking Account Number (IBAN)"}]  # fmt: skip
    return {
        "protection_policy_rules": [ruled(STRICT)],
        "atp_policy_rules": [ruled(STRICT)],
        "anti_phish_policies": [preset | phish, default | phish],
        "anti_phish_rules": [],
        "hosted_content_filter_policies": [preset | spam, default | spam],
        "hosted_content_filter_rules": [],
        "anti_malware_policies": [preset | malware, default | malware],
        "anti_malware_rules": [],
        "safe_links_policies": [preset | links, built_in | links | {"IsBuiltInProtection": True}],
        "safe_links_rules": [],
        "safe_attachment_policies": [preset | attached, built_in | attached | {"IsBuiltInProtection": True}],
        "safe_attachment_rules": [],
        "atp_policy_for_o365": [{"Identity": "Default", "EnableATPForSPOTeamsODB": yes, "EnableSafeDocs": yes,
                                 "AllowSafeDocsOpen": not yes}],
        "conn_filter": [{"Identity": "Default", "IsDefault": True, "IPAllowList": [] if yes else ["192.0.2.4"],
                         "EnableSafeList": not yes}],
        "admin_audit_log_config": [{"UnifiedAuditLogIngestionEnabled": yes, "AdminAuditLogEnabled": yes}],
        "unified_audit_log_retention_policies": [
            {"Name": "Un an", "RetentionDuration": "TwelveMonths" if yes else "ThreeMonths", "Enabled": True,
             "RecordTypes": []}],
        "protection_alerts": [
            {"Name": name, "Disabled": not yes, "NotificationEnabled": True, "Category": "ThreatManagement",
             "NotifyUser": ["securite@tilleuls.test"], "Severity": "Medium"} for name in ALERTS],
        "dlp_compliance_policies": [
            {"Name": "Données de santé", "Mode": "Enable" if yes else "TestWithNotifications", "Enabled": yes,
             "ExchangeLocation": ["All"], "SharePointLocation": ["All"], "OneDriveLocation": ["All"],
             "TeamsLocation": ["All"], "EndpointDlpLocation": ["All"],
             "Workload": "Exchange, SharePoint, OneDriveForBusiness, Teams, EndpointDevices"}],
        "dlp_compliance_rules": [
            {"Name": "Règle", "ParentPolicyName": "Données de santé", "Disabled": not yes, "BlockAccess": yes,
             "BlockAccessScope": "All", "NotifyUser": ["LastModifier"], "NotifyUserType": "NotSet",
             "ContentContainsSensitiveInformation": sensitive, "IsAdvancedRule": False, "AdvancedRule": None}],
        "defender_license": True, "defender_dlp_license": True,
        "securitysuite_successful_commands": [
            "Get-AdminAuditLogConfig", "Get-EOPProtectionPolicyRule", "Get-AntiPhishPolicy", "Get-AntiPhishRule",
            "Get-AcceptedDomain", "Get-HostedConnectionFilterPolicy", "Get-SafeLinksPolicy", "Get-SafeLinksRule",
            "Get-HostedContentFilterPolicy", "Get-HostedContentFilterRule", "Get-MalwareFilterPolicy",
            "Get-MalwareFilterRule", "Get-SafeAttachmentPolicy", "Get-SafeAttachmentRule", "Get-AtpPolicyForO365",
            "Get-ATPProtectionPolicyRule", "Get-DlpCompliancePolicy", "Get-DlpComplianceRule", "Get-ProtectionAlert",
            "Get-UnifiedAuditLogRetentionPolicy"],
        "securitysuite_unsuccessful_commands": [],
    }  # fmt: skip


def sharepoint(careful: bool) -> dict[str, Any]:
    return {
        "SPO_tenant": [{
            "__metadata": {"type": "Microsoft.Online.SharePoint.TenantAdministration.Tenant"},
            "SharingCapability": 3 if careful else 2, "OneDriveSharingCapability": 0 if careful else 2,
            "DefaultSharingLinkType": 1 if careful else 3, "DefaultLinkPermission": 1 if careful else 2,
            "RequireAnonymousLinksExpireInDays": -1, "FileAnonymousLinkType": 2, "FolderAnonymousLinkType": 2,
            "EmailAttestationRequired": careful, "EmailAttestationReAuthDays": 30,
            "SharingDomainRestrictionMode": 1 if careful else 0}],
        "SharePoint_successful_commands": ["Get-SPOTenantRest"],
        "SharePoint_unsuccessful_commands": [],
    }  # fmt: skip


def teams(careful: bool) -> dict[str, Any]:
    bad = not careful
    listed = "AllowedAppList" if careful else "BlockedAppList"
    return {
        "meeting_policies": [{
            "Identity": "Global", "AllowAnonymousUsersToStartMeeting": bad, "AllowAnonymousUsersToJoinMeeting": True,
            "AutoAdmittedUsers": "EveryoneInCompanyExcludingGuests" if careful else "Everyone",
            "AllowPSTNUsersToBypassLobby": bad, "AllowExternalParticipantGiveRequestControl": bad,
            "AllowCloudRecording": bad, "RecordingStorageMode": "OneDriveForBusiness"}],
        "federation_configuration": [{
            "Identity": "Global", "AllowFederatedUsers": bad, "AllowTeamsConsumer": bad,
            "AllowTeamsConsumerInbound": bad, "AllowPublicUsers": False, "AllowedDomains": {}, "BlockedDomains": []}],
        "client_configuration": [{
            "Identity": "Global", "AllowEmailIntoChannel": bad, "AllowDropBox": bad, "AllowGoogleDrive": bad,
            "AllowBox": bad, "AllowShareFile": bad, "AllowEgnyte": bad}],
        "app_policies": [{
            "Identity": "Global", "GlobalCatalogAppsType": listed, "PrivateCatalogAppsType": listed,
            "DefaultCatalogAppsType": listed, "GlobalCatalogApps": [], "PrivateCatalogApps": []}],
        "broadcast_policies": [{
            "Identity": "Global", "BroadcastRecordingMode": "UserOverride" if careful else "AlwaysEnabled"}],
        "tenant_app_settings": [{}],
        "teams_successful_commands": [
            "Get-TeamsMeetingPolicyRest", "Get-TeamsTenantFederationConfigurationRest",
            "Get-TeamsClientConfigurationRest", "Get-TeamsAppPermissionPolicyRest",
            "Get-TeamsMeetingBroadcastPolicyRest"],
        "teams_unsuccessful_commands": [],
    }  # fmt: skip


def export(careful: bool) -> dict[str, Any]:
    """Everything ScubaGear writes of a tenant."""
    return {
        "baseline_version": "1", "module_version": "2.1.0", "date": "11/22/2026 10:00:00 Romance Standard Time",
        "timestamp_zulu": "2026-11-22T09:00:00.000Z", "report_uuid": "0d275954-0000-4000-8000-000000000000",
        "tenant_details": [{
            "TenantId": TENANT, "DisplayName": "EHPAD Les Tilleuls", "DomainName": "tilleuls.onmicrosoft.com",
            "AADAdditionalData": [{
                "CreatedDateTime": "/Date(1613679244000)/",
                "VerifiedDomains": [
                    {"Name": "tilleuls.test", "IsInitial": False, "IsDefault": True},
                    {"Name": "tilleuls.onmicrosoft.com", "IsInitial": True, "IsDefault": False}]}]}],
        **entra(careful), **exchange(careful), **suite(careful), **sharepoint(careful), **teams(careful),
    }  # fmt: skip
