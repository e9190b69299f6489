"""Exchange, Teams, SharePoint, logs and devices of the good tenant; and the same tenant with everything wrong."""

from __future__ import annotations

import importlib
from typing import Any

import msgspec

from checks.m365.facts import Licences, M365Facts
from checks.model import Context, Judgement
from tests.m365 import tenants
from tests.m365.tenants import CONTEXT, DIRECTOR, NOW, PREMIUM, ago, with_rows

AUDIT_PREMIUM = "M365_ADVANCED_AUDITING"
SHARED = tenants.uid(50)
DOMAIN = "tilleuls.test"
STRICT, STANDARD = "Strict Preset Security Policy", "Standard Preset Security Policy"
RESCUE = (tenants.RESCUE_1, tenants.RESCUE_2)
DEFENDER = ("safe_links", "safe_links_rules", "safe_attachments", "safe_attachment_rules", "atp_policy", "atp_rules")
EMAIL = "securite@tilleuls.test"
ANSWERS: dict[str, Any] = {
    "m365_anonymous_links_reviewed": "2026-06-01",
    "m365_risk_notifications": True,
    "m365_dlp_devices": True,
    "m365_partner_domains": ["banque.test"],
    "m365_sensitive_accounts": ["directrice@tilleuls.test"],
}
ANSWERED = Context(now=NOW, answers=ANSWERS)
BAD_ANSWERS: dict[str, Any] = {
    **ANSWERS,
    "m365_anonymous_links_reviewed": False,
    "m365_risk_notifications": False,
    "m365_dlp_devices": False,
    "m365_logs_exported": False,
    "m365_partner_domains": ["banque.test", "paie.test"],
    "m365_sensitive_accounts": ["directrice@tilleuls.test", "comptable@tilleuls.test"],
}
BAD = Context(now=NOW, answers=BAD_ANSWERS)


def rule(name: str, **changes: Any) -> dict[str, Any]:
    """A rule that applies a protection policy to everybody."""
    who = ("SentTo", "SentToMemberOf", "RecipientDomainIs", "ExceptIfSentTo", "ExceptIfSentToMemberOf")
    found: dict[str, Any] = {"Identity": name, "Name": name, "State": "Enabled", "Priority": 0}
    return found | dict.fromkeys((*who, "ExceptIfRecipientDomainIs")) | changes


def phishing(**changes: Any) -> dict[str, Any]:
    on = (
        "Enabled", "EnableSpoofIntelligence", "EnableMailboxIntelligence", "EnableMailboxIntelligenceProtection",
        "EnableTargetedUserProtection", "EnableTargetedDomainsProtection", "EnableOrganizationDomainsProtection",
        "EnableFirstContactSafetyTips", "EnableSimilarUsersSafetyTips", "EnableSimilarDomainsSafetyTips",
        "EnableUnusualCharactersSafetyTips", "EnableViaTag", "EnableSuspiciousSafetyTip",
    )  # fmt: skip
    found = {
        "Identity": "Office365 AntiPhish Default", "IsDefault": True, "PhishThresholdLevel": 2,
        "TargetedUsersToProtect": ["La directrice;directrice@tilleuls.test"],
        "TargetedDomainsToProtect": ["banque.test"], "RecommendedPolicyType": "Custom",
    }  # fmt: skip
    return dict.fromkeys(on, True) | found | changes


def links(**changes: Any) -> dict[str, Any]:
    on = ("EnableSafeLinksForEmail", "EnableSafeLinksForTeams", "EnableSafeLinksForOffice", "EnableForInternalSenders",
          "TrackClicks", "ScanUrls", "DeliverMessageAfterScan", "IsBuiltInProtection")  # fmt: skip
    return dict.fromkeys(on, True) | {"Identity": "Built-In Protection Policy"} | changes


def spam(**changes: Any) -> dict[str, Any]:
    found = {
        "Identity": "Default", "IsDefault": True, "AllowedSenderDomains": [], "AllowedSenders": [],
        "SpamAction": "MoveToJmf", "HighConfidenceSpamAction": "Quarantine", "PhishSpamAction": "Quarantine",
        "HighConfidencePhishAction": "Quarantine",
    }  # fmt: skip
    return found | changes


def malware(**changes: Any) -> dict[str, Any]:
    found = {"Identity": "Default", "IsDefault": True, "EnableFileFilter": True, "ZapEnabled": True,
             "FileTypes": ["exe", "cmd", "vbe", "js"]}  # fmt: skip
    return found | changes


def safe_attachments(**changes: Any) -> dict[str, Any]:
    found = {"Identity": "Built-In Protection Policy", "IsBuiltInProtection": True, "Enable": True, "Action": "Block"}
    return found | changes


def mailbox(number: str, name: str, **changes: Any) -> dict[str, Any]:
    found = {
        "Identity": name, "ExternalDirectoryObjectId": number, "UserPrincipalName": f"{name}@{DOMAIN}",
        "PrimarySmtpAddress": f"{name}@{DOMAIN}", "RecipientTypeDetails": "UserMailbox", "ForwardingSmtpAddress": None,
        "ForwardingAddress": None, "DeliverToMailboxAndForward": False, "AuditEnabled": True,
    }  # fmt: skip
    return found | changes


def sign_in(days: float = 1, user: str = DIRECTOR, code: int = 0, country: str = "FR", at: tuple[float, float] = (48.8, 2.3),
            client: str = "Browser") -> dict[str, Any]:  # fmt: skip
    return {
        "createdDateTime": ago(days), "clientAppUsed": client, "status": {"errorCode": code}, "userId": user,
        "location": {"countryOrRegion": country, "geoCoordinates": {"latitude": at[0], "longitude": at[1]}},
    }  # fmt: skip


def meeting(**changes: Any) -> dict[str, Any]:
    found = {
        "Identity": "Global", "AllowAnonymousUsersToStartMeeting": False, "AllowPSTNUsersToBypassLobby": False,
        "AutoAdmittedUsers": "EveryoneInCompanyExcludingGuests", "AllowExternalParticipantGiveRequestControl": False,
        "AllowCloudRecording": False,
    }  # fmt: skip
    return found | changes


def dlp_rule(**changes: Any) -> dict[str, Any]:
    kinds = [{"name": "France Social Security Number (INSEE)"}, {"name": "Credit Card Number"}]
    found = {
        "Name": "Numéros sensibles", "ParentPolicyName": "Données sensibles", "Disabled": False, "BlockAccess": True,
        "BlockAccessScope": "All", "NotifyUser": ["LastModifier"], "IsAdvancedRule": False,
        "ContentContainsSensitiveInformation": kinds,
    }  # fmt: skip
    return found | changes


def dlp_policy(**changes: Any) -> dict[str, Any]:
    found = {"Name": "Données sensibles", "Mode": "Enable", "Enabled": True, "Workload": "Exchange, SharePoint",
             "ExchangeLocation": [{"Name": "All"}], "SharePointLocation": [{"Name": "All"}],
             "OneDriveLocation": ["All"]}  # fmt: skip
    return found | changes


ALERT_NAMES = (
    "Suspicious email sending patterns detected", "Suspicious connector activity",
    "Suspicious Email Forwarding Activity", "Messages have been delayed",
    "Tenant restricted from sending unprovisioned email", "Tenant restricted from sending email",
)  # fmt: skip


def alert_policy(name: str, **changes: Any) -> dict[str, Any]:
    return {"Name": name, "Disabled": False, "NotificationEnabled": True, "NotifyUser": [EMAIL]} | changes


def dns(**changes: Any) -> dict[str, Any]:
    found = {
        "domain": DOMAIN, "spf": ["v=spf1 include:spf.protection.outlook.com -all"], "spf_all": "-", "spf_lookups": 2,
        "dmarc": [f"v=DMARC1; p=reject; rua=mailto:dmarc@{DOMAIN}"], "dmarc_at": DOMAIN, "selectors": {}, "mx": [],
        "failures": [],
    }  # fmt: skip
    return found | changes


def good_rows() -> dict[str, list[dict[str, Any]]]:
    """Rows of the readings that these controls use."""
    shared = tenants.user(SHARED, "accueil", accountEnabled=False, assignedLicenses=[])
    agents = tenants.policy(
        9, "Agents à risque", grant=tenants.controls("block"), agentIdRiskLevels="high",
        clientApplications={"includeAgentIdServicePrincipals": ["All"]},
    )  # fmt: skip
    strong = tenants.policy(10, "Clé pour tous", grant=tenants.controls(strength=tenants.PHISHING_RESISTANT))
    backup = tenants.principal(
        20, "Veeam Backup for Microsoft 365", appRoleAssignments=[tenants.role_of_app(9, tenants.READ_ROLE)]
    )
    base = tenants.readings()
    schedules = [row | {"startDateTime": None} for row in base["role_active"][:2]] + base["role_active"][2:]
    return {
        "users": [*base["users"], shared],
        "conditional_access": [*base["conditional_access"], agents, strong],
        "role_active": schedules,
        "user_activity": [
            row | {"signInActivity": {"lastSuccessfulSignInDateTime": ago(200 if row["id"] in RESCUE else 1)}}
            for row in base["user_activity"]
        ],
        "service_principals": [*base["service_principals"], backup],
        "admin_audit": [{"UnifiedAuditLogIngestionEnabled": True, "AdminAuditLogEnabled": True}],
        "audit_query": [{"id": "r1", "status": "succeeded", "recordCount": 1842}],
        "oldest_sign_in": [{"createdDateTime": ago(29.5)}],
        "directory_audits": [{"activityDateTime": ago(0.2), "activityDisplayName": "Update user"}],
        "diagnostic_settings": [{"name": "export", "workspaceId": "w", "logs": [
            {"category": "SignInLogs", "enabled": True}, {"category": "AuditLogs", "enabled": True}]}],
        "organization_config": [{"AuditDisabled": False, "OAuth2ClientProfileEnabled": True, "RejectDirectSend": True}],
        "audit_bypass": [{"Identity": "directrice", "ObjectId": DIRECTOR, "AuditBypassEnabled": False}],
        "audit_retention": [{"Name": "Un an", "RetentionDuration": "TwelveMonths", "Enabled": True}],
        "secure_scores": [{"createdDateTime": ago(1), "currentScore": 80.0, "maxScore": 100.0, "controlScores": []},
                          {"createdDateTime": ago(80), "currentScore": 78.0, "maxScore": 100.0, "controlScores": []}],
        "alerts": [{"id": "a1", "title": "Récente", "severity": "high", "status": "new", "createdDateTime": ago(2)}],
        "sign_ins": [sign_in(), sign_in(2), sign_in(3, code=50126)],
        "outbound_spam": [{"Identity": "Default", "AutoForwardingMode": "Off", "IsDefault": True}],
        "remote_domains": [{"Identity": "Default", "DomainName": "*", "AutoForwardEnabled": False}],
        "mailboxes": [mailbox(DIRECTOR, "directrice"), mailbox(SHARED, "accueil", RecipientTypeDetails="SharedMailbox")],
        "inbox_rules": [{"userId": DIRECTOR, "displayName": "Factures", "isEnabled": True,
                         "conditions": {"subjectContains": ["facture"]}, "actions": {"moveToFolder": "x"}}],
        "transport_rules": [{"Name": "Mention", "State": "Enabled", "Mode": "Enforce", "FromScope": "NotInOrganization",
                             "PrependSubject": "[EXTERNE]", "SetSCL": None, "SenderDomainIs": None}],
        "transport_config": [{"SmtpClientAuthenticationDisabled": True}],
        "external_in_outlook": [{"Identity": "x", "Enabled": True, "AllowList": []}],
        "dkim": [{"Domain": DOMAIN, "Enabled": True, "Status": "Valid"}],
        "mail_dns": [dns()],
        "anti_phish": [phishing()],
        "anti_phish_rules": [],
        "malware": [malware()],
        "malware_rules": [],
        "safe_links": [links()],
        "safe_links_rules": [],
        "safe_attachments": [safe_attachments()],
        "safe_attachment_rules": [],
        "atp_policy": [{"Identity": "Default", "EnableATPForSPOTeamsODB": True}],
        "content_filter": [spam()],
        "content_filter_rules": [],
        "connection_filter": [{"Identity": "Default", "IsDefault": True, "IPAllowList": [], "EnableSafeList": False}],
        "sharing_policies": [{"Identity": "Default Sharing Policy", "Default": True, "Enabled": True,
                              "Domains": ["partenaire.test:CalendarSharingFreeBusySimple"]}],
        "mailbox_permissions": [
            {"Identity": "accueil", "User": "NT AUTHORITY\\SELF", "AccessRights": ["FullAccess"], "IsInherited": False, "Deny": False},
            {"Identity": "accueil", "User": f"comptable@{DOMAIN}", "AccessRights": ["FullAccess"], "IsInherited": False, "Deny": False}],
        "recipient_permissions": [
            {"Identity": "accueil", "Trustee": f"comptable@{DOMAIN}", "AccessRights": ["SendAs"], "IsInherited": False}],
        "protection_rules": [rule(STANDARD), rule(STRICT, SentTo=[f"directrice@{DOMAIN}"])],
        "atp_rules": [rule(STANDARD), rule(STRICT, SentTo=[f"directrice@{DOMAIN}"])],
        "accepted_domains": [{"DomainName": DOMAIN, "DomainType": "Authoritative", "Default": True},
                             {"DomainName": "tilleuls.onmicrosoft.com", "DomainType": "Authoritative", "Default": False}],
        "alert_policies": [alert_policy(name) for name in ALERT_NAMES],
        "dlp_policies": [dlp_policy()],
        "dlp_rules": [dlp_rule()],
        "sharepoint": [{
            "sharingCapability": "existingExternalUserSharingOnly", "isResharingByExternalUsersEnabled": False,
            "sharingDomainRestrictionMode": "allowList", "sharingAllowedDomainList": ["partenaire.test"],
            "isLegacyAuthProtocolsEnabled": False, "isUnmanagedSyncAppForTenantRestricted": True,
            "allowedDomainGuidsForSyncApp": [tenants.uid(1, 20)],
            "idleSessionSignOut": {"isEnabled": True, "warnAfterInSeconds": 3000, "signOutAfterInSeconds": 3600}}],
        "timeout_policies": [],
        "sharepoint_tenant": [{
            "OneDriveSharingCapability": 0, "SharingCapability": 3, "DefaultSharingLinkType": 1,
            "DefaultLinkPermission": 1, "RequireAnonymousLinksExpireInDays": 30, "FileAnonymousLinkType": 1,
            "FolderAnonymousLinkType": 1, "EmailAttestationRequired": True, "EmailAttestationReAuthDays": 30,
            "SharingDomainRestrictionMode": 1}],
        "teams_federation": [{"AllowFederatedUsers": True, "AllowedDomains": {"AllowedDomain": [{"Domain": "partenaire.test"}]},
                              "AllowTeamsConsumer": False, "AllowTeamsConsumerInbound": True}],
        "teams_meeting": [meeting(), meeting(Identity="Tag:Direction", AllowCloudRecording=True)],
        "teams_broadcast": [{"Identity": "Global", "BroadcastRecordingMode": "UserOverride"}],
        "teams_client": [{"Identity": "Global", "AllowEmailIntoChannel": False, "AllowDropBox": False,
                          "AllowGoogleDrive": False, "AllowBox": False, "AllowShareFile": False, "AllowEgnyte": False}],
        "teams_apps": [{"Identity": "Global", "GlobalCatalogAppsType": "AllowedAppList",
                        "PrivateCatalogAppsType": "AllowedAppList", "DefaultCatalogAppsType": "AllowedAppList"}],
        "group_owners": [{"id": tenants.GROUP_PROJECT, "owners": [{"id": DIRECTOR}, {"id": tenants.NURSE_1}]}],
        "device_settings": [{"settings": {"secureByDefault": True}}],
        "managed_devices": [{"id": "d1", "deviceName": "PC-SOINS", "operatingSystem": "Windows", "osVersion": "10.0",
                             "complianceState": "compliant", "isEncrypted": True, "lastSyncDateTime": ago(1)}],
        "skus": [{"skuPartNumber": "SPB", "consumedUnits": 40, "prepaidUnits": {"enabled": 60}, "servicePlans": []}],
        "backup": [{"serviceStatus": {"status": "disabled"}}],
        "service_health": [{"id": "s1", "title": "Résolu", "service": "Teams", "isResolved": True}],
    }  # fmt: skip


def good(**extra: list[dict[str, Any]]) -> M365Facts:
    """The good tenant, with the given readings replaced."""
    return tenants.good(good_rows() | extra, plans=(*PREMIUM, AUDIT_PREMIUM))


def anyone() -> M365Facts:
    """The good tenant, where anonymous links are permitted."""
    rows = tenants.rows_of(good(), "sharepoint")
    return with_rows(good(), "sharepoint", [rows[0] | {"sharingCapability": "externalUserAndGuestSharing"}])


def bad() -> M365Facts:
    """The same house where nobody ever changed a setting, or somebody changed the wrong ones."""
    base = good_rows()
    off = dict.fromkeys((name for name, value in phishing().items() if value is True), False)
    members = [row | {"isResharingByExternalUsersEnabled": True, "sharingDomainRestrictionMode": "none",
                      "isLegacyAuthProtocolsEnabled": True, "isUnmanagedSyncAppForTenantRestricted": False,
                      "idleSessionSignOut": {"isEnabled": False}, "sharingCapability": "externalUserAndGuestSharing"}
               for row in base["sharepoint"]]  # fmt: skip
    rescue = [tenants.user(tenants.RESCUE_1, "secours1", accountEnabled=False)]
    return good(
        users=[tenants.user(SHARED, "accueil"), *rescue],
        conditional_access=tenants.policies(),
        role_active=[tenants.schedule(1, DIRECTOR, tenants.GLOBAL, startDateTime=None)],
        role_policies=[row | {"policy": {"id": "p", "rules": [
            {"id": "Notification_Admin_EndUser_Assignment", "notificationRecipients": []}]}}
            for row in tenants.readings()["role_policies"]],
        service_principals=tenants.readings()["service_principals"],
        admin_audit=[{"UnifiedAuditLogIngestionEnabled": False}],
        audit_query=[{"id": "r1", "status": "succeeded", "recordCount": 0}],
        oldest_sign_in=[{"createdDateTime": ago(3)}],
        directory_audits=[{"activityDateTime": ago(40)}],
        diagnostic_settings=[],
        organization_config=[{"AuditDisabled": True, "OAuth2ClientProfileEnabled": False, "RejectDirectSend": False}],
        audit_bypass=[{"Identity": "directrice", "ObjectId": DIRECTOR, "AuditBypassEnabled": True}],
        audit_retention=[{"Name": "Court", "RetentionDuration": "SixMonths", "Enabled": True}],
        secure_scores=[{"createdDateTime": ago(1), "currentScore": 20.0, "maxScore": 100.0}],
        alerts=[{"id": "a1", "title": "Ancienne", "severity": "high", "status": "new", "createdDateTime": ago(30)}],
        sign_ins=[sign_in(2), sign_in(2 - 1 / 48, country="US", at=(40.7, -74.0)),
                  *(sign_in(1.5, code=50126) for _ in range(40)), sign_in(1)],
        outbound_spam=[{"Identity": "Default", "AutoForwardingMode": "On"}],
        remote_domains=[{"Identity": "Default", "DomainName": "*", "AutoForwardEnabled": True}],
        mailboxes=[mailbox(DIRECTOR, "directrice", ForwardingSmtpAddress="smtp:moi@ailleurs.test"),
                   mailbox(SHARED, "accueil", RecipientTypeDetails="SharedMailbox")],
        inbox_rules=[{"userId": DIRECTOR, "displayName": ".", "isEnabled": True, "conditions": {},
                      "actions": {"forwardTo": [{"emailAddress": {"address": "moi@ailleurs.test"}}]}}],
        transport_rules=[{"Name": "Copie", "State": "Enabled", "Mode": "Enforce", "FromScope": None,
                          "BlindCopyTo": ["moi@ailleurs.test"]}],
        transport_config=[{"SmtpClientAuthenticationDisabled": False}],
        external_in_outlook=[{"Identity": "x", "Enabled": False, "AllowList": []}],
        dkim=[{"Domain": DOMAIN, "Enabled": False, "Status": "CnameMissing"}],
        mail_dns=[dns(spf=[], spf_all=None, spf_lookups=None, dmarc=[])],
        anti_phish=[phishing(**(off | {"IsDefault": True, "PhishThresholdLevel": 1}))],
        malware=[malware(EnableFileFilter=False, ZapEnabled=False)],
        safe_links=[links(**dict.fromkeys((n for n in links() if n not in ("IsBuiltInProtection", "Identity")), False))],
        safe_attachments=[safe_attachments(Enable=False, Action="Allow")],
        atp_policy=[{"Identity": "Default", "EnableATPForSPOTeamsODB": False}],
        content_filter=[spam(AllowedSenderDomains=["gmail.test"], SpamAction="AddXHeader")],
        connection_filter=[{"Identity": "Default", "IPAllowList": ["192.0.2.1"], "EnableSafeList": True}],
        sharing_policies=[{"Identity": "Default", "Enabled": True,
                           "Domains": ["*:CalendarSharingFreeBusyDetail, ContactsSharing"]}],
        mailbox_permissions=[{"Identity": "accueil", "User": "Everyone", "AccessRights": ["FullAccess"], "IsInherited": False}],
        protection_rules=[], atp_rules=[],
        alert_policies=[alert_policy(ALERT_NAMES[0], NotifyUser=[]), *(alert_policy(n, Disabled=True) for n in ALERT_NAMES[1:])],
        dlp_policies=[dlp_policy(ExchangeLocation=[], SharePointLocation=[], OneDriveLocation=[])],
        dlp_rules=[dlp_rule(BlockAccess=False, NotifyUser=[],
                            ContentContainsSensitiveInformation=[{"name": "Credit Card Number"}])],
        sharepoint=members,
        sharepoint_tenant=[{
            "OneDriveSharingCapability": 2, "SharingCapability": 2, "DefaultSharingLinkType": 3,
            "DefaultLinkPermission": 2, "RequireAnonymousLinksExpireInDays": -1, "FileAnonymousLinkType": 2,
            "FolderAnonymousLinkType": 2, "EmailAttestationRequired": False, "EmailAttestationReAuthDays": 90,
            "SharingDomainRestrictionMode": 0}],
        teams_federation=[{"AllowFederatedUsers": True, "AllowedDomains": {"AllowAllKnownDomains": {}},
                           "AllowTeamsConsumer": True, "AllowTeamsConsumerInbound": True}],
        teams_meeting=[meeting(AllowAnonymousUsersToStartMeeting=True, AutoAdmittedUsers="Everyone",
                               AllowPSTNUsersToBypassLobby=True, AllowExternalParticipantGiveRequestControl=True,
                               AllowCloudRecording=True)],
        teams_broadcast=[{"Identity": "Global", "BroadcastRecordingMode": "AlwaysEnabled"}],
        teams_client=[dict.fromkeys(base["teams_client"][0], True) | {"Identity": "Global"}],
        teams_apps=[dict.fromkeys(base["teams_apps"][0], "BlockedAppList") | {"Identity": "Global"}],
        group_owners=[{"id": tenants.GROUP_PROJECT, "owners": []}],
        device_settings=[{"settings": {"secureByDefault": False}}],
        managed_devices=[base["managed_devices"][0] | {"complianceState": "noncompliant", "isEncrypted": False}],
        service_health=[{"id": "s1", "title": "Panne", "service": "Teams", "isResolved": False}],
        organization=[tenants.readings()["organization"][0] | {"technicalNotificationMails": []}],
    )  # fmt: skip


def few_licences(facts: M365Facts) -> M365Facts:
    """The same facts where the licences bought lack Conditional Access: only the control of licences looks."""
    return msgspec.structs.replace(
        facts, licences=Licences(skus={"O365_BUSINESS_ESSENTIALS": 10}, plans=("EXCHANGE_S_STANDARD",))
    )


def judge(check: str, facts: M365Facts, context: Context = CONTEXT) -> Judgement:
    """The verdict of `module.function` of these controls."""
    module, _, name = check.partition(".")
    found = getattr(importlib.import_module(f"checks.m365.controls.{module}"), name)(facts, context)
    assert isinstance(found, Judgement)
    return found
