"""One change to the good tenant, one verdict: boundaries, odd forms, and what must not be confused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from checks.m365.controls.teams import allowed_domains
from checks.m365.facts import M365Facts
from checks.model import Affected, Context, Judgement, Origin, Reason, Severity, Verdict
from tests.m365 import tenants
from tests.m365.controls_b.rows import (
    ALERT_NAMES,
    ANSWERED,
    ANSWERS,
    DOMAIN,
    SHARED,
    STANDARD,
    STRICT,
    alert_policy,
    anyone,
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
    sign_in,
    spam,
)
from tests.m365.tenants import (
    ACCOUNTANT,
    CONTEXT,
    DIRECTOR,
    NOW,
    RESCUE_1,
    ago,
    put,
    rows_of,
    with_gap,
    with_rows,
    without,
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


# --- Logs


def test_young_tenant_is_not_blamed_for_a_short_log() -> None:
    facts = with_rows(good(), "oldest_sign_in", [{"createdDateTime": ago(4)}])
    young = msgspec.structs.replace(
        facts, tenant=msgspec.structs.replace(facts.tenant, created=NOW - (NOW - NOW.replace(day=15)))
    )
    assert judge("logging.sign_in_depth", young).verdict is PASS


def test_export_of_logs_may_be_declared() -> None:
    facts = without(good(), "diagnostic_settings")
    assert judge("logging.logs_exported", facts).verdict is UNKNOWN
    for answer, verdict in ((True, PASS), (False, FAIL), ("oui", UNKNOWN)):
        found = judge("logging.logs_exported", facts, Context(now=NOW, answers={"m365_logs_exported": answer}))
        assert found.verdict is verdict


def test_no_alert_without_defender_proves_nothing() -> None:
    facts = tenants.without_licence(good(), "ATP_ENTERPRISE")
    assert judge("logging.open_alerts", with_rows(facts, "alerts", [])).reason == Reason.LICENCE
    late = {"id": "a", "title": "x", "severity": "high", "createdDateTime": ago(9)}
    assert judge("logging.open_alerts", with_rows(facts, "alerts", [late])).verdict is FAIL


# --- Sign-ins


def test_country_of_the_profile_replaces_france() -> None:
    rows = [sign_in(country="BE"), sign_in(2, country="BE")]
    assert one("sign_ins.countries", "sign_ins", *rows).verdict is FAIL
    assert one("sign_ins.countries", "sign_ins", *rows, answers={"m365_countries": ["fr", "be"]}).verdict is PASS


def test_overseas_france_is_france() -> None:
    assert one("sign_ins.countries", "sign_ins", sign_in(country="RE"), sign_in(country="fr")).verdict is PASS


def test_refused_sign_ins_from_abroad_are_not_a_fault() -> None:
    assert one("sign_ins.countries", "sign_ins", sign_in(), sign_in(code=50126, country="RU")).verdict is PASS


@pytest.mark.parametrize(("unknown", "verdict"), [(1, PASS), (2, UNKNOWN)])
def test_too_many_unknown_countries_conclude_nothing(unknown: int, verdict: Verdict) -> None:
    rows = [sign_in(n / 10, country="" if n < unknown else "FR") for n in range(20)]
    assert one("sign_ins.countries", "sign_ins", *rows).verdict is verdict


@pytest.mark.parametrize(("tries", "verdict"), [(29, PASS), (30, FAIL)])
def test_thirty_wrong_passwords_are_no_mistake(tries: int, verdict: Verdict) -> None:
    rows = [sign_in(2), *(sign_in(1, code=50126) for _ in range(tries))]
    found = one("sign_ins.guessed_passwords", "sign_ins", *rows)
    assert (found.verdict, found.severity) == (verdict, None)


def test_success_after_the_tries_is_graver_and_names_the_account() -> None:
    rows = [*(sign_in(1, code=50053) for _ in range(30)), sign_in(0.5)]
    found = one("sign_ins.guessed_passwords", "sign_ins", *rows)
    assert found.severity is Severity.HIGH
    assert found.affected == (
        Affected(id=DIRECTOR, label="directrice@tilleuls.test", kind="guessed", detail="30 mots de passe faux, puis une connexion réussie."),
    )  # fmt: skip


NEW_YORK, BRUSSELS = (40.7, -74.0), (50.8, 4.4)


@pytest.mark.parametrize(
    ("days", "country", "place", "verdict"),
    [
        (1 - 1 / 24, "US", NEW_YORK, FAIL),
        (0.5, "US", NEW_YORK, PASS),
        (1 - 1 / 1440, "BE", BRUSSELS, PASS),
        (1 - 1 / 24, "FR", NEW_YORK, PASS),
    ],
)
def test_travels(days: float, country: str, place: tuple[float, float], verdict: Verdict) -> None:
    found = one("sign_ins.impossible_travels", "sign_ins", sign_in(1), sign_in(days, country=country, at=place))
    assert found.verdict is verdict


def test_travels_of_two_people_are_not_one() -> None:
    rows = sign_in(1), sign_in(1 - 1 / 24, user=ACCOUNTANT, country="US", at=NEW_YORK)
    assert one("sign_ins.impossible_travels", "sign_ins", *rows).verdict is PASS


def test_sign_ins_without_place_conclude_nothing() -> None:
    bare = {"createdDateTime": ago(1), "userId": DIRECTOR, "status": {"errorCode": 0}}
    for check in ("sign_ins.countries", "sign_ins.impossible_travels"):
        assert one(check, "sign_ins", bare).reason == Reason.UNSUPPORTED


def test_evidence_of_sign_ins_counts_without_naming() -> None:
    found = judge("sign_ins.countries", good())
    assert "réussies : 2, refusées : 1, dont mot de passe faux : 1" in found.evidence[0].value
    assert "@" not in found.evidence[0].value


# --- Exchange


def test_redirection_to_the_unknown_needs_the_domains() -> None:
    facts = good(mailboxes=[mailbox(DIRECTOR, "d", ForwardingSmtpAddress="smtp:x@y.test")])
    facts = without(facts, "accepted_domains")
    facts = msgspec.structs.replace(facts, tenant=msgspec.structs.replace(facts.tenant, domains=()))
    assert judge("mail_routes.redirected_mailboxes", facts).reason == Reason.NOT_CONFIGURED


def test_rule_replaces_the_mark_of_outlook() -> None:
    facts = with_gap(good(), "external_in_outlook")
    assert judge("exchange.external_warning", facts).verdict is PASS
    assert judge("exchange.external_warning", with_rows(facts, "transport_rules", [])).reason == Reason.PERMISSION


def grant(**changes: Any) -> dict[str, Any]:
    return {
        "Identity": "boite",
        "User": f"comptable@{DOMAIN}",
        "AccessRights": ["FullAccess"],
        "IsInherited": False,
        "Deny": False,
    } | changes


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([grant(Identity=f"b{n}") for n in range(10)], PASS),
        ([grant(Identity=f"b{n}") for n in range(11)], FAIL),
        ([grant(User="TILLEULS\\Domain Users")], FAIL),
        ([grant(User="Everyone", Deny=True)], PASS),
        ([grant(User="Everyone", IsInherited=True)], PASS),
        ([grant(User="Everyone", AccessRights=["ReadPermission"])], PASS),
    ],
)
def test_delegations(grants: Rows, verdict: Verdict) -> None:
    assert one("exchange.delegations", "mailbox_permissions", *grants).verdict is verdict


def test_delegation_to_a_disabled_account_fails() -> None:
    facts = put(good(), "users", 8, "accountEnabled", False)
    assert rows_of(facts, "users")[8]["id"] == ACCOUNTANT
    found = judge("exchange.delegations", facts)
    assert "compte désactivé" in details(found)


def test_shared_mailbox_is_known_by_the_identifier_of_its_account() -> None:
    facts = good()
    index = [row["id"] for row in rows_of(facts, "users")].index(SHARED)
    found = judge("exchange.shared_mailboxes", put(facts, "users", index, "accountEnabled", True))
    assert found.affected[0].id == SHARED


def test_origin_of_an_import_is_kept() -> None:
    facts = with_rows(
        good(), "admin_audit", rows_of(good(), "admin_audit"), origin=Origin.IMPORTED, source="export.json"
    )
    proof = judge("logging.unified_audit", facts).evidence[0]
    assert (proof.origin, proof.source) == (Origin.IMPORTED, "export.json")


# --- Sharing


def test_sharepoint_settings_that_need_writing_are_a_matter_of_permission() -> None:
    facts = with_gap(good(), "sharepoint_tenant", Reason.NOT_CONFIGURED)
    for check in ("sharepoint.onedrive", "sharepoint.default_links"):
        assert judge(check, facts).reason == Reason.PERMISSION


def test_export_stands_for_graph() -> None:
    facts = with_gap(good(), "sharepoint")
    assert judge("sharepoint.sharing", facts).verdict is PASS
    assert judge("sharepoint.domain_list", facts).verdict is PASS


@pytest.mark.parametrize(
    ("days", "verdict"), [(1, PASS), (30, PASS), (31, FAIL), (0, FAIL), (-1, FAIL), ("x", UNKNOWN)]
)
def test_expiry_of_anonymous_links(days: Any, verdict: Verdict) -> None:
    facts = put(anyone(), "sharepoint_tenant", 0, "RequireAnonymousLinksExpireInDays", days)
    assert judge("sharepoint.anonymous_expiry", facts).verdict is verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("2025-11-20", PASS), ("2025-11-19", FAIL), (False, FAIL), (True, UNKNOWN), ("hier", UNKNOWN), (None, UNKNOWN)],
)
def test_review_of_anonymous_links_is_declared(answer: Any, verdict: Verdict) -> None:
    context = Context(now=NOW, answers={"m365_anonymous_links_reviewed": answer})
    assert judge("sharepoint.anonymous_files", good(), context).verdict is verdict


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [("03:00:00", PASS), ("03:00:01", FAIL), ("1.00:00:00", FAIL)],
)
def test_idle_policy_of_the_directory_counts(policy: str, verdict: Verdict) -> None:
    text = f'{{"ActivityBasedTimeoutPolicy":{{"ApplicationPolicies":[{{"ApplicationId":"default","WebSessionIdleTimeout":"{policy}"}}]}}}}'
    facts = put(good(), "sharepoint", 0, "idleSessionSignOut", {"isEnabled": False})
    found = judge(
        "sharepoint.idle_sign_out",
        with_rows(facts, "timeout_policies", [{"definition": [text], "isOrganizationDefault": True}]),
    )
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("value", "domains"),
    [
        (None, None),
        ([], None),
        ({"AllowAllKnownDomains": {}}, None),
        ("AllowAllKnownDomains", None),
        ({"AllowedDomain": [{"Domain": "a.test"}, {"Domain": "B.test"}]}, ("b.test", "a.test")),
        ([{"AllowedDomain": ["Domain=a.test"]}], ("a.test",)),
        ({"AllowList": ["a.test"]}, ("a.test",)),
        ("Domain=a.test,Domain=b.test", ("a.test", "b.test")),
    ],
)
def test_forms_of_the_federation_list(value: Any, domains: tuple[str, ...] | None) -> None:
    found = allowed_domains(value)
    assert (set(found) if found else found) == (set(domains) if domains else domains)


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
