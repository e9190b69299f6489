"""One change to the good tenant, one verdict: boundaries, odd forms, and what must not be confused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from checks.m365.facts import M365Facts
from checks.model import Context, Judgement, Severity, Verdict
from tests.m365 import tenants
from tests.m365.controls_b.rows import (
    ALERT_NAMES,
    ANSWERS,
    DOMAIN,
    STANDARD,
    STRICT,
    alert_policy,
    dlp_policy,
    dlp_rule,
    dns,
    good,
    judge,
    links,
    mailbox,
    malware,
    meeting,
    phishing,
    rule,
    safe_attachments,
    spam,
)
from tests.m365.tenants import (
    ACCOUNTANT,
    DIRECTOR,
    NOW,
    ago,
    with_rows,
)

PASS, FAIL, NA, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
LOW = Severity.LOW
Rows = list[dict[str, Any]]


def one(
    check: str,
    name: str,
    *rows: Mapping[str, Any],
    answers: Mapping[str, Any] | None = None,
    base: M365Facts | None = None,
) -> Judgement:
    """The verdict once one reading holds these rows."""
    context = Context(now=NOW, answers=ANSWERS | dict(answers or {}))
    return judge(check, with_rows(base or good(), name, list(rows)), context)


def details(found: Judgement) -> str:
    return " ".join(f"{item.label} {item.detail}" for item in found.affected)


# Check, reading, rows, verdict, graver or lighter severity.
CASES: list[tuple[str, str, Rows, Verdict, Severity | None]] = [
    ("logging.audit_answers", "audit_query", [{"status": "running", "recordCount": 0}], UNKNOWN, None),
    ("logging.audit_answers", "audit_query", [{"status": "succeeded"}], UNKNOWN, None),
    ("logging.audit_answers", "audit_query", [{"status": "succeeded", "recordCount": 1}], PASS, None),
    ("logging.sign_in_depth", "oldest_sign_in", [{"createdDateTime": ago(29)}], PASS, None),
    ("logging.sign_in_depth", "oldest_sign_in", [{"createdDateTime": ago(28.9)}], FAIL, None),
    ("logging.sign_in_depth", "oldest_sign_in", [{"createdDateTime": "jamais"}], UNKNOWN, None),
    ("logging.directory_log", "directory_audits", [{"activityDateTime": ago(7)}], PASS, None),
    ("logging.directory_log", "directory_audits", [{"activityDateTime": ago(7.1)}], FAIL, None),
    ("logging.directory_log", "directory_audits", [], FAIL, None),
    ("logging.audit_retention", "audit_retention", [{"Name": "x", "RetentionDuration": "TenYears", "Enabled": False}], FAIL, None),
    ("logging.audit_retention", "audit_retention", [{"Name": "x", "RetentionDuration": "NineMonths"}], FAIL, None),
    ("logging.audit_retention", "audit_retention", [{"Name": "x", "RetentionDuration": "SevenYears"}], PASS, None),
    ("logging.secure_score", "secure_scores", [{"createdDateTime": ago(1), "currentScore": 70, "maxScore": 100}], PASS, None),
    ("logging.secure_score", "secure_scores", [{"createdDateTime": ago(1), "currentScore": 69.9, "maxScore": 100}], FAIL, None),
    ("logging.secure_score", "secure_scores", [{"createdDateTime": ago(1), "currentScore": 5, "maxScore": 0}], UNKNOWN, None),
    ("logging.secure_score", "secure_scores", [{"createdDateTime": ago(1), "currentScore": 80, "maxScore": 100}, {"createdDateTime": ago(60), "currentScore": 90, "maxScore": 100}], FAIL, None),
    ("logging.open_alerts", "alerts", [{"id": "a", "title": "x", "severity": "high", "createdDateTime": ago(7)}], PASS, None),
    ("logging.open_alerts", "alerts", [{"id": "a", "title": "x", "severity": "high", "createdDateTime": ago(7.1)}], FAIL, None),
    ("logging.open_alerts", "alerts", [{"id": "a", "title": "x", "severity": "medium", "createdDateTime": ago(90)}], PASS, None),
    ("logging.open_alerts", "alerts", [{"id": "a", "title": "x", "severity": "high", "createdDateTime": "?"}], UNKNOWN, None),
    ("logging.logs_exported", "diagnostic_settings", [{"name": "x", "workspaceId": "w", "logs": [{"category": "SignInLogs", "enabled": True}]}], FAIL, None),
    ("logging.logs_exported", "diagnostic_settings", [{"name": "x", "logs": [{"category": "SignInLogs", "enabled": True}, {"category": "AuditLogs", "enabled": True}]}], FAIL, None),
    ("mail_routes.auto_forwarding", "outbound_spam", [{"Identity": "Default", "AutoForwardingMode": "Automatic"}], PASS, None),
    ("mail_routes.auto_forwarding", "outbound_spam", [{"Identity": "Default", "AutoForwardingMode": "Off"}, {"Identity": "Paie", "AutoForwardingMode": "On"}], FAIL, None),
    ("mail_routes.auto_forwarding", "outbound_spam", [{"Identity": "Default", "AutoForwardingMode": "Autre"}], UNKNOWN, None),
    ("mail_routes.auto_forwarding", "outbound_spam", [], UNKNOWN, None),
    ("mail_routes.redirected_mailboxes", "mailboxes", [mailbox(DIRECTOR, "d", ForwardingSmtpAddress=f"smtp:accueil@{DOMAIN}")], PASS, None),
    ("mail_routes.redirected_mailboxes", "mailboxes", [mailbox(DIRECTOR, "d", ForwardingSmtpAddress="SMTP:x@tilleuls.mail.onmicrosoft.com")], PASS, None),
    ("mail_routes.redirected_mailboxes", "mailboxes", [mailbox(DIRECTOR, "d", ForwardingSmtpAddress=f"smtp:x@{DOMAIN}.voleur.test")], FAIL, None),
    ("mail_routes.redirected_mailboxes", "mailboxes", [mailbox(DIRECTOR, "d", ForwardingAddress="Contact extérieur")], PASS, None),
    ("mail_routes.inbox_rules", "inbox_rules", [{"userId": "u", "displayName": "x", "isEnabled": False, "actions": {"delete": True}}], PASS, None),
    ("mail_routes.inbox_rules", "inbox_rules", [{"userId": "u", "displayName": "Pub", "isEnabled": True, "conditions": {"subjectContains": ["pub"]}, "actions": {"delete": True}}], PASS, None),
    ("mail_routes.inbox_rules", "inbox_rules", [{"userId": "u", "displayName": "Tout", "isEnabled": True, "conditions": {"subjectContains": []}, "actions": {"delete": True}}], FAIL, None),
    ("mail_routes.inbox_rules", "inbox_rules", [{"userId": "u", "displayName": "..", "isEnabled": True, "conditions": {"subjectContains": ["virement"]}, "actions": {"moveToFolder": "RSS"}}], FAIL, None),
    ("mail_routes.inbox_rules", "inbox_rules", [], PASS, None),
    ("mail_routes.transport_rules", "transport_rules", [{"Name": "x", "State": "Disabled", "BlindCopyTo": ["a@ailleurs.test"]}], PASS, None),
    ("mail_routes.transport_rules", "transport_rules", [{"Name": "x", "State": "Enabled", "SetSCL": "-1", "SenderDomainIs": ["fournisseur.test"]}], FAIL, None),
    ("mail_routes.transport_rules", "transport_rules", [{"Name": "x", "State": "Enabled", "SetSCL": "-1", "SenderDomainIs": None}], PASS, None),
    ("mail_routes.transport_rules", "transport_rules", [{"Name": "x", "State": "Enabled", "RedirectMessageTo": [f"a@{DOMAIN}"]}], PASS, None),
    ("exchange.allowed_senders", "content_filter", [spam(AllowedSenders=[{"Sender": "x@y.test"}])], FAIL, None),
    ("exchange.allowed_senders", "content_filter", [], UNKNOWN, None),
    ("exchange.connection_filter", "connection_filter", [{"Identity": "D", "IPAllowList": [], "EnableSafeList": True}], FAIL, None),
    ("exchange.shared_mailboxes", "mailboxes", [mailbox(DIRECTOR, "directrice")], NA, None),
    ("exchange.shared_mailboxes", "mailboxes", [mailbox("inconnu", "salle", RecipientTypeDetails="RoomMailbox")], UNKNOWN, None),
    ("exchange.shared_mailboxes", "mailboxes", [mailbox(ACCOUNTANT, "salle", RecipientTypeDetails="RoomMailbox")], FAIL, None),
    ("exchange.calendars", "sharing_policies", [{"Identity": "D", "Enabled": True, "Domains": ["*:CalendarSharingFreeBusySimple"]}], FAIL, LOW),
    ("exchange.calendars", "sharing_policies", [{"Identity": "D", "Enabled": False, "Domains": ["*:CalendarSharingFreeBusyReviewer"]}], PASS, None),
    ("exchange.calendars", "sharing_policies", [{"Identity": "D", "Enabled": True, "Domains": ["Anonymous:CalendarSharingFreeBusyReviewer"]}], FAIL, None),
    ("exchange.contacts", "sharing_policies", [{"Identity": "D", "Enabled": True, "Domains": ["*:CalendarSharingFreeBusySimple"]}], PASS, None),
    ("mail_domains.spf", "mail_dns", [dns(spf_all="~")], FAIL, LOW),
    ("mail_domains.spf", "mail_dns", [dns(spf_all="?")], FAIL, None),
    ("mail_domains.spf", "mail_dns", [dns(spf_lookups=10)], PASS, None),
    ("mail_domains.spf", "mail_dns", [dns(spf_lookups=11)], FAIL, None),
    ("mail_domains.spf", "mail_dns", [dns(spf_lookups=None)], UNKNOWN, None),
    ("mail_domains.spf", "mail_dns", [dns(spf_all=None)], UNKNOWN, None),
    ("mail_domains.spf", "mail_dns", [dns(spf=None, failures=["Pas de réponse."])], UNKNOWN, None),
    ("mail_domains.spf", "mail_dns", [dns(), dns(domain="autre.test", spf=["v=spf1 -all", "v=spf1 ~all"])], FAIL, None),
    ("mail_domains.spf", "mail_dns", [{"domain": DOMAIN, "spf": ["v=spf1 mx -all"]}], PASS, None),
    ("mail_domains.spf", "mail_dns", [{"domain": DOMAIN, "spf": ["v=spf1 redirect=x.test"]}], UNKNOWN, None),
    ("mail_domains.spf", "mail_dns", [], NA, None),
    ("mail_domains.spf", "mail_dns", [dns(domain="tilleuls.onmicrosoft.com", spf=[])], NA, None),
    ("mail_domains.dmarc", "mail_dns", [dns(dmarc=["v=DMARC1; p=quarantine"])], FAIL, LOW),
    ("mail_domains.dmarc", "mail_dns", [dns(dmarc=["v=DMARC1; p=reject; pct=50"])], FAIL, LOW),
    ("mail_domains.dmarc", "mail_dns", [dns(dmarc=["v=DMARC1; p=none"])], FAIL, None),
    ("mail_domains.dmarc", "mail_dns", [dns(domain="siege.tilleuls.test", dmarc=["v=DMARC1; p=reject; sp=none"])], FAIL, None),
    ("mail_domains.dmarc", "mail_dns", [dns(dmarc=["V=DMARC1;P=Reject"])], PASS, None),
    ("mail_domains.dmarc_reports", "mail_dns", [dns(dmarc=["v=DMARC1; p=reject"])], FAIL, None),
    ("mail_domains.dkim", "dkim", [{"Domain": DOMAIN, "Enabled": True, "Status": "CnameMissing"}], FAIL, None),
    ("mail_domains.dkim", "dkim", [{"Domain": "tilleuls.onmicrosoft.com", "Enabled": True, "Status": "Valid"}], FAIL, None),
    ("protection.phishing", "anti_phish", [phishing(PhishThresholdLevel=1)], FAIL, None),
    ("protection.phishing", "anti_phish", [phishing(TargetedUsersToProtect=[])], FAIL, None),
    ("protection.attachments", "malware", [malware(FileTypes=["exe", "cmd"])], FAIL, None),
    ("protection.attachments", "malware", [malware(FileTypes=["EXE", ".cmd", "vbe"])], PASS, None),
    ("protection.unknown_malware", "safe_attachments", [safe_attachments(Action="DynamicDelivery")], PASS, None),
    ("protection.unknown_malware", "safe_attachments", [safe_attachments(Action="Replace")], FAIL, None),
    ("protection.safety_tips", "anti_phish", [phishing(EnableSuspiciousSafetyTip=False)], FAIL, None),
    ("protection.spam_kept_away", "content_filter", [spam(PhishSpamAction="AddXHeader")], FAIL, None),
    ("protection.links_everywhere", "safe_links", [links(EnableForInternalSenders=False)], FAIL, None),
    ("protection.links_scanned", "safe_links", [links(DeliverMessageAfterScan=False)], FAIL, None),
    ("protection.presets", "protection_rules", [rule(STANDARD, ExceptIfSentTo=["x@y.test"])], FAIL, None),
    ("protection.presets", "protection_rules", [rule(STANDARD, State="Disabled")], FAIL, None),
    ("protection.presets", "protection_rules", [rule(STANDARD, RecipientDomainIs=[DOMAIN, "tilleuls.onmicrosoft.com"])], PASS, None),
    ("protection.presets", "protection_rules", [rule(STANDARD, RecipientDomainIs=[DOMAIN])], FAIL, None),
    ("protection.strict_for_sensitive", "atp_rules", [rule(STRICT, SentTo=["autre@tilleuls.test"])], FAIL, None),
    ("protection.strict_for_sensitive", "atp_rules", [rule(STRICT, SentToMemberOf=["direction"])], UNKNOWN, None),
    ("protection.strict_for_sensitive", "atp_rules", [rule(STRICT)], PASS, None),
    ("sharepoint.sharing", "sharepoint", [{"sharingCapability": "externalUserSharingOnly"}], FAIL, LOW),
    ("sharepoint.sharing", "sharepoint", [{"sharingCapability": "disabled"}], PASS, None),
    ("sharepoint.sharing", "sharepoint", [{"sharingCapability": "autre"}], UNKNOWN, None),
    ("sharepoint.onedrive", "sharepoint_tenant", [{"OneDriveSharingCapability": "ExternalUserSharingOnly"}], FAIL, LOW),
    ("sharepoint.onedrive", "sharepoint_tenant", [{"OneDriveSharingCapability": 3}], PASS, None),
    ("sharepoint.onedrive", "sharepoint_tenant", [{"OneDriveSharingCapability": 9}], UNKNOWN, None),
    ("sharepoint.domain_list", "sharepoint", [{"sharingCapability": "disabled", "sharingDomainRestrictionMode": "none"}], NA, None),
    ("sharepoint.domain_list", "sharepoint", [{"sharingCapability": "externalUserSharingOnly", "sharingDomainRestrictionMode": "blockList"}], FAIL, None),
    ("sharepoint.domain_list", "sharepoint", [{"sharingCapability": "externalUserSharingOnly", "sharingDomainRestrictionMode": "allowList", "sharingAllowedDomainList": []}], FAIL, None),
    ("sharepoint.unmanaged_sync", "sharepoint", [{"isUnmanagedSyncAppForTenantRestricted": True, "allowedDomainGuidsForSyncApp": []}], FAIL, None),
    ("sharepoint.idle_sign_out", "sharepoint", [{"idleSessionSignOut": {"isEnabled": True, "signOutAfterInSeconds": 10800}}], PASS, None),
    ("sharepoint.idle_sign_out", "sharepoint", [{"idleSessionSignOut": {"isEnabled": True, "signOutAfterInSeconds": 10801}}], FAIL, None),
    ("sharepoint.default_links", "sharepoint_tenant", [{"DefaultSharingLinkType": "Direct", "DefaultLinkPermission": "View"}], PASS, None),
    ("sharepoint.default_links", "sharepoint_tenant", [{"DefaultSharingLinkType": 1, "DefaultLinkPermission": 2}], FAIL, None),
    ("teams.federation", "teams_federation", [{"AllowFederatedUsers": False, "AllowedDomains": None}], PASS, None),
    ("teams.federation", "teams_federation", [{"AllowFederatedUsers": True, "AllowedDomains": []}], FAIL, None),
    ("teams.unmanaged_people", "teams_federation", [{"AllowTeamsConsumer": True, "AllowTeamsConsumerInbound": False}], FAIL, LOW),
    ("teams.anonymous_people", "teams_meeting", [meeting(), meeting(Identity="Tag:Libre", AllowAnonymousUsersToStartMeeting=True)], FAIL, None),
    ("teams.anonymous_people", "teams_meeting", [meeting(AllowPSTNUsersToBypassLobby=True)], FAIL, None),
    ("teams.anonymous_people", "teams_meeting", [meeting(Identity="Tag:Seule")], UNKNOWN, None),
    ("teams.internal_people", "teams_meeting", [meeting(AutoAdmittedUsers="OrganizerOnly")], FAIL, None),
    ("teams.event_recording", "teams_broadcast", [{"Identity": "Global", "BroadcastRecordingMode": "AlwaysDisabled"}], PASS, None),
    ("teams.event_recording", "teams_broadcast", [{"Identity": "Global", "BroadcastRecordingMode": "?"}], UNKNOWN, None),
    ("teams.owners", "group_owners", [{"id": tenants.GROUP_PROJECT, "owners": [{"id": "x"}]}], FAIL, LOW),
    ("teams.owners", "group_owners", [{"id": tenants.GROUP_PROJECT, "owners": []}], FAIL, None),
    ("teams.owners", "group_owners", [{"id": "autre", "owners": [{"id": "x"}]}], UNKNOWN, None),
    ("teams.owners", "groups", [{"id": "g", "resourceProvisioningOptions": []}], NA, None),
    ("devices.devices", "managed_devices", [], NA, None),
    ("devices.devices", "managed_devices", [{"id": "d", "deviceName": "tel", "operatingSystem": "iOS", "complianceState": "compliant", "isEncrypted": False, "lastSyncDateTime": ago(30)}], PASS, None),
    ("devices.devices", "managed_devices", [{"id": "d", "deviceName": "pc", "operatingSystem": "Windows", "complianceState": "compliant", "isEncrypted": True, "lastSyncDateTime": ago(30.1)}], FAIL, None),
    ("devices.devices", "managed_devices", [{"id": "d", "deviceName": "pc", "operatingSystem": "Windows", "complianceState": "unknown", "isEncrypted": True, "lastSyncDateTime": ago(1)}], UNKNOWN, None),
    ("tenant.contact_addresses", "organization", [{"technicalNotificationMails": ["pas une adresse"], "securityComplianceNotificationMails": []}], FAIL, None),
    ("tenant.contact_addresses", "organization", [{"technicalNotificationMails": [], "securityComplianceNotificationMails": ["dpo@tilleuls.test"]}], PASS, None),
    ("suite.alerts_on", "alert_policies", [alert_policy(name) for name in ALERT_NAMES[1:]], FAIL, None),
    ("suite.alerts_on", "alert_policies", [*(alert_policy(name) for name in ALERT_NAMES), alert_policy("A potentially malicious URL click was detected", Disabled=True)], FAIL, None),
    ("suite.alerts_on", "alert_policies", [], UNKNOWN, None),
    ("suite.alerts_read", "alert_policies", [alert_policy(ALERT_NAMES[0], NotifyUser=["TenantAdmins"])], FAIL, LOW),
    ("suite.alerts_read", "alert_policies", [alert_policy(ALERT_NAMES[0], NotificationEnabled=False)], FAIL, None),
    ("sensitive.sensitive_data", "dlp_rules", [dlp_rule(Disabled=True)], FAIL, None),
    ("sensitive.sensitive_data", "dlp_policies", [dlp_policy(Mode="TestWithNotifications")], FAIL, None),
    ("sensitive.sensitive_blocked", "dlp_rules", [dlp_rule(BlockAccessScope="PerUser")], FAIL, None),
    ("sensitive.sensitive_blocked", "dlp_rules", [], UNKNOWN, None),
    ("sensitive.sensitive_places", "dlp_policies", [dlp_policy(OneDriveLocation=["service RH"])], FAIL, None),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "rows", "verdict", "severity"), CASES)
def test_one_change(check: str, name: str, rows: Rows, verdict: Verdict, severity: Severity | None) -> None:
    found = one(check, name, *rows)
    assert found.verdict is verdict, found.message
    assert found.severity is severity
