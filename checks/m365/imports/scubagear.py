"""`ProviderSettingsExport.json` of ScubaGear, and the results file when it holds the same export under `Raw`.

Shape: cisagov/ScubaGear, `PowerShell/ScubaGear/Modules/Providers/Export*Provider.psm1` from 0.3 (2023) to the security
suite of 2026, and its sample exports. Each product writes lists under keys of its own, and the names of the commands
that worked and that did not. ScubaGear does not say why a command failed: right, licence or breakdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from checks.common.french import listed as in_words
from checks.common.text import clean
from checks.common.textfile import ParseError
from checks.m365.facts import Licences, Tenant
from checks.m365.imports.found import Desk, Imported
from checks.m365.imports.powershell import kept, listed, objects
from checks.m365.imports.scuba_dns import mail_dns
from checks.m365.imports.scuba_entra import entra
from checks.m365.imports.scuba_words import Commands, Key

KEYS: tuple[Key, ...] = (
    Key("conditional_access", ("conditional_access_policies",), ("Get-MgBetaIdentityConditionalAccessPolicy",),
        graph=True),
    Key("directory_settings", ("directory_settings",), ("Get-MgBetaDirectorySetting",), graph=True),
    Key("domains", ("domain_settings",), ("Get-MgBetaDomain",), graph=True),
    Key("app_management", ("default_app_management_policy",), ("Get-MgBetaPolicyDefaultAppManagementPolicy",),
        graph=True),
    Key("remote_domains", ("remote_domains",), ("Get-RemoteDomain",)),
    Key("accepted_domains", ("accepted_domains", "all_domains"), ("Get-AcceptedDomain",)),
    Key("dkim", ("dkim_config",), ("Get-DkimSigningConfig",)),
    Key("transport_config", ("transport_config",), ("Get-TransportConfig",)),
    Key("sharing_policies", ("sharing_policy",), ("Get-SharingPolicy",)),
    Key("transport_rules", ("transport_rule",), ("Get-TransportRule",)),
    Key("organization_config", ("org_config",), ("Get-OrganizationConfig",)),
    Key("connection_filter", ("conn_filter",), ("Get-HostedConnectionFilterPolicy",)),
    Key("admin_audit", ("admin_audit_log_config",), ("Get-AdminAuditLogConfig",)),
    Key("protection_rules", ("protection_policy_rules",), ("Get-EOPProtectionPolicyRule",)),
    Key("atp_rules", ("atp_policy_rules",), ("Get-ATPProtectionPolicyRule",)),
    Key("anti_phish", ("anti_phish_policies",), ("Get-AntiPhishPolicy",)),
    Key("anti_phish_rules", ("anti_phish_rules",), ("Get-AntiPhishRule",)),
    Key("malware", ("anti_malware_policies", "malware_filter_policies"), ("Get-MalwareFilterPolicy",)),
    Key("malware_rules", ("anti_malware_rules", "malware_filter_rules"), ("Get-MalwareFilterRule",)),
    Key("content_filter", ("hosted_content_filter_policies",), ("Get-HostedContentFilterPolicy",)),
    Key("content_filter_rules", ("hosted_content_filter_rules",), ("Get-HostedContentFilterRule",)),
    Key("safe_links", ("safe_links_policies",), ("Get-SafeLinksPolicy",)),
    Key("safe_links_rules", ("safe_links_rules",), ("Get-SafeLinksRule",)),
    Key("safe_attachments", ("safe_attachment_policies",), ("Get-SafeAttachmentPolicy",)),
    Key("safe_attachment_rules", ("safe_attachment_rules",), ("Get-SafeAttachmentRule",)),
    Key("atp_policy", ("atp_policy_for_o365",), ("Get-AtpPolicyForO365",)),
    Key("dlp_policies", ("dlp_compliance_policies",), ("Get-DlpCompliancePolicy",)),
    Key("dlp_rules", ("dlp_compliance_rules",), ("Get-DlpComplianceRule",)),
    Key("alert_policies", ("protection_alerts",), ("Get-ProtectionAlert",)),
    Key("audit_retention", ("unified_audit_log_retention_policies",), ("Get-UnifiedAuditLogRetentionPolicy",)),
    Key("sharepoint_tenant", ("SPO_tenant",), ("Get-SPOTenant", "Get-PnPTenant", "Get-SPOTenantRest",
                                               "SharePoint REST API")),
    Key("teams_meeting", ("meeting_policies",), ("Get-CsTeamsMeetingPolicy", "Get-TeamsMeetingPolicyRest")),
    Key("teams_federation", ("federation_configuration",), ("Get-CsTenantFederationConfiguration",
                                                            "Get-TeamsTenantFederationConfigurationRest")),
    Key("teams_client", ("client_configuration",), ("Get-CsTeamsClientConfiguration",
                                                    "Get-TeamsClientConfigurationRest")),
    Key("teams_apps", ("app_policies",), ("Get-CsTeamsAppPermissionPolicy", "Get-TeamsAppPermissionPolicyRest")),
    Key("teams_broadcast", ("broadcast_policies",), ("Get-CsTeamsMeetingBroadcastPolicy",
                                                     "Get-TeamsMeetingBroadcastPolicyRest")),
)  # fmt: skip
"""Readings that one key gives as they are; older and newer names of the key."""
MARKS = frozenset(
    {"conditional_access_policies", "remote_domains", "SPO_tenant", "meeting_policies", "protection_policy_rules",
     "tenant_details", "module_version"}
)  # fmt: skip
"""Two of these make an export of ScubaGear."""
UNUSED = {
    "risky_applications": "applications à risque",
    "risky_third_party_service_principals": "applications tierces à risque",
    "risky_delegated_permission_classifications": "permissions déléguées classées sans risque",
    "app_management_policies": "stratégies d'applications propres à certaines d'entre elles",
    "inbound_connectors": "connecteurs entrants",
    "outbound_connectors": "connecteurs sortants",
    "tenant_app_settings": "réglages d'applications Teams de toute l'organisation",
}
"""Parts of the export that no control reads yet."""


def recognised(value: Any) -> bool:
    """Whether it is an export of ScubaGear, or results that hold one or stand for one."""
    return isinstance(value, dict) and (len(MARKS & value.keys()) > 1 or _is_results(value))


def _is_results(value: Mapping[str, Any]) -> bool:
    return "MetaData" in value and ("Raw" in value or "Results" in value)


def read(name: str, value: Any) -> Imported:
    """What an export says. Raises `ParseError` when it is a results file without the export."""
    if not isinstance(value, dict):
        raise ParseError("ce n'est pas un export de ScubaGear", name)
    if _is_results(value):
        raw = value.get("Raw")
        if not isinstance(raw, dict) or len(MARKS & raw.keys()) < 2:  # noqa: PLR2004 - as `MARKS` says
            what = "ces résultats de ScubaGear ne contiennent pas les réglages : donner ProviderSettingsExport.json"
            raise ParseError(what, name)
        value = raw
    desk = Desk(name)
    commands = Commands.of(value)
    for key in KEYS:
        _one(desk, value, key, commands)
    desk.licences = _licences(desk, value)
    entra(desk, value, commands)
    mail_dns(desk, value, commands)
    desk.tenant = _tenant(value)
    _say(desk, value)
    return desk.done()


def _one(desk: Desk, value: Mapping[str, Any], key: Key, commands: Commands) -> None:
    """One reading of the table, or why it is missing; nothing when the product was not exported."""
    found = key.find(value)
    if found is None:
        return
    rows = objects(value[found])
    if commands.failed(desk, key.reading, key.commands, empty=not rows):
        return
    if key.reading == "sharepoint_tenant" and value.get("OneDrive_PnP_Flag") is True:
        # PnP does not know the setting of OneDrive: ScubaGear itself does not judge it then.
        rows = [{name: item for name, item in row.items() if name != "OneDriveSharingCapability"} for row in rows]
    desk.rows(key.reading, rows, graph=key.graph, what=found)


def _licences(desk: Desk, value: Mapping[str, Any]) -> Any:
    """Products and service plans; `skus` too, from the same key."""
    plans = {
        str(row["ServicePlanName"])
        for row in objects(value.get("service_plans"))
        if isinstance(row.get("ServicePlanName"), str)
        and row.get("ProvisioningStatus") in (None, "Success", "PendingInput", "PendingActivation")
    }
    skus: dict[str, int] = {}
    products = objects(value.get("license_information"))
    for row in products:
        name, units = row.get("SkuPartNumber"), row.get("PrepaidUnits")
        enabled = units.get("Enabled", units.get("enabled")) if isinstance(units, dict) else None
        if isinstance(name, str) and isinstance(enabled, int) and not isinstance(enabled, bool):
            skus[clean(name, 80)] = skus.get(clean(name, 80), 0) + enabled
    if products:
        desk.rows("skus", products, graph=True, what="license_information")
    if not plans and not skus:
        return desk.licences
    return Licences(skus=skus, plans=tuple(sorted(clean(plan, 80) for plan in plans)))


def _tenant(value: Mapping[str, Any]) -> Tenant:
    """Who was exported: the first details that could be read, domains from Entra or Exchange."""
    tenant = Tenant()
    for details in objects(value.get("tenant_details")):
        told = {key: _known(details, key) for key in ("TenantId", "DisplayName", "DomainName")}
        more = next(iter(objects(details.get("AADAdditionalData"))), {})
        organisation, _ = kept(more, ("verifiedDomains", "createdDateTime"), graph=True)
        verified = [row for row in listed(organisation.get("verifiedDomains")) if isinstance(row, dict)]
        verified.sort(key=lambda row: not row.get("isInitial"))
        names = [row["name"] for row in verified if isinstance(row.get("name"), str)]
        tenant = Tenant(
            id=tenant.id or told["TenantId"],
            name=tenant.name or told["DisplayName"],
            domains=tenant.domains or tuple(clean(name, 253) for name in names),
            created=tenant.created or _moment(organisation.get("createdDateTime")),
        )
        if not tenant.domains and told["DomainName"]:
            tenant = msgspec.structs.replace(tenant, domains=(told["DomainName"],))
    accepted = [row.get("DomainName") for row in objects(value.get("accepted_domains"))]
    settings = [row.get("Id") for row in objects(value.get("domain_settings")) if row.get("IsVerified") is True]
    known = {name.lower() for name in tenant.domains}
    more_names = [clean(n, 253) for n in (*settings, *accepted) if isinstance(n, str) and n.lower() not in known]
    return msgspec.structs.replace(tenant, domains=tuple(dict.fromkeys((*tenant.domains, *more_names))))


def _known(details: Mapping[str, Any], key: str) -> str:
    """A detail, unless it is the sentence that ScubaGear writes when it could not read it."""
    told = details.get(key)
    unread = not isinstance(told, str) or told.startswith("Error") or "Unretrievable" in told
    return "" if unread or not isinstance(told, str) else clean(told, 253)


def _moment(value: Any) -> datetime | None:
    try:
        return msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None


def _say(desk: Desk, value: Mapping[str, Any]) -> None:
    """What an export of ScubaGear can never show, and what of this one is not used."""
    version, date = value.get("module_version"), value.get("timestamp_zulu") or value.get("date")
    told = f" {clean(version, 20)}" if isinstance(version, str) else ""
    when = f", du {clean(date, 40)}" if isinstance(date, str) else ""
    desk.limit(
        f"{desk.name} : export de ScubaGear{told}{when}. Il ne contient ni la liste des comptes, ni leurs seconds "
        "facteurs, ni le journal des connexions, ni les boîtes aux lettres, ni les groupes."
    )
    present = [words for key, words in UNUSED.items() if value.get(key)]
    if present:
        desk.limit(f"{desk.name} : non repris de l'export : {in_words(present)}.")
    if value.get("tenant_app_settings"):
        desk.limit(
            f"{desk.name} : si les applications Teams se règlent pour toute l'organisation, les stratégies "
            "d'autorisation jugées ici ne s'appliquent plus : le vérifier dans le centre d'administration Teams."
        )
