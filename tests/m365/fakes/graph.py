"""Microsoft Graph: lists, pages, `$select`, `$expand` of 20 objects, licences, permissions, batches."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from tests.m365.fakes.server import FakeMicrosoft, Reply, Request
    from tests.m365.fakes.tenants import Tenant

Denied = tuple[str, str]
P1, P2, INTUNE = "AAD_PREMIUM", "AAD_PREMIUM_P2", "INTUNE_A"
EXPANDED = 20
USER_DEFAULTS = (
    "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName",
)  # fmt: skip
"""What `/users` gives when nothing is selected, says the reference of Graph."""
MAX_TOP = 999

RULES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # path, permissions of which one is enough, service plan
    (r"/organization", ("Organization.Read.All", "Directory.Read.All"), ""),
    (r"/subscribedSkus", ("Organization.Read.All", "Directory.Read.All"), ""),
    (r"/domains", ("Domain.Read.All", "Directory.Read.All"), ""),
    (r"/users/[^/]+/mailFolders/inbox/messageRules", ("MailboxSettings.Read",), ""),
    (r"/users", ("User.Read.All", "Directory.Read.All"), ""),
    (r"/reports/authenticationMethods/userRegistrationDetails", ("AuditLog.Read.All",), P1),
    (r"/policies/roleManagementPolicyAssignments", ("RoleManagementPolicy.Read.Directory",), P2),
    (r"/policies/deviceRegistrationPolicy", ("Policy.Read.DeviceConfiguration",), ""),
    (r"/policies/.+", ("Policy.Read.All",), ""),
    (r"/legacy/policies", ("Policy.Read.All",), ""),
    (r"/identity/conditionalAccess/.+", ("Policy.Read.All",), P1),
    (r"/settings", ("Directory.Read.All",), ""),
    (r"/directory/onPremisesSynchronization", ("OnPremDirectorySynchronization.Read.All",), ""),
    (r"/directory/deletedItems/.+", ("Directory.Read.All",), ""),
    (r"/directoryObjects/getByIds", ("Directory.Read.All",), ""),
    (r"/roleManagement/directory/roleAssignmentScheduleInstances", ("RoleAssignmentSchedule.Read.Directory",), P2),
    (r"/roleManagement/directory/roleEligibilityScheduleInstances", ("RoleEligibilitySchedule.Read.Directory",), P2),
    (r"/roleManagement/directory/.+", ("RoleManagement.Read.Directory",), ""),
    (r"/groups.*", ("GroupMember.Read.All", "Directory.Read.All"), ""),
    (r"/applications.*", ("Application.Read.All", "Directory.Read.All"), ""),
    (r"/servicePrincipals.*", ("Application.Read.All", "Directory.Read.All"), ""),
    (r"/oauth2PermissionGrants", ("Directory.Read.All",), ""),
    (r"/auditLogs/signIns", ("AuditLog.Read.All",), P1),
    (r"/auditLogs/directoryAudits", ("AuditLog.Read.All",), ""),
    (r"/security/auditLog/queries.*", ("AuditLogsQuery.Read.All",), ""),
    (r"/identityProtection/riskyUsers", ("IdentityRiskyUser.Read.All",), P2),
    (r"/identityGovernance/accessReviews/definitions", ("AccessReview.Read.All",), P2),
    (r"/security/secureScores", ("SecurityEvents.Read.All",), ""),
    (r"/security/alerts_v2", ("SecurityAlert.Read.All",), ""),
    (r"/admin/sharepoint/settings", ("SharePointTenantSettings.Read.All",), ""),
    (r"/admin/serviceAnnouncement/issues", ("ServiceHealth.Read.All",), ""),
    (r"/deviceManagement/managedDevices", ("DeviceManagementManagedDevices.Read.All",), INTUNE),
    (r"/deviceManagement", ("DeviceManagementServiceConfig.Read.All",), INTUNE),
    (r"/solutions/backupRestore", ("BackupRestore-Configuration.Read.All",), ""),
)
POSTS = frozenset({"/directoryObjects/getByIds", "/security/auditLog/queries"})


def error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": {"date": "2026-11-22T10:00:00"}}}


def answer(fake: FakeMicrosoft, tenant: Tenant, request: Request) -> Reply:
    """One request of Graph, or the many of a batch."""
    from tests.m365.fakes.server import Reply

    version, path = _split(request.path)
    if not version:
        return Reply(error("BadRequest", "no version"), 400)
    if path == "/$batch":
        if request.method != "POST":
            return Reply(error("MethodNotAllowed", ""), 405)
        return _batch(fake, tenant, request, version)
    body = request.json if request.body else None
    return one(fake, tenant, request.method, version, path, request.query, body, request.host)


def _split(path: str) -> tuple[str, str]:
    found = re.fullmatch(r"/(v1\.0|beta)(/.*)", path)
    return (found[1], found[2]) if found else ("", "")


def _batch(fake: FakeMicrosoft, tenant: Tenant, request: Request, version: str) -> Reply:
    from tests.m365.fakes.server import Reply

    asked = request.json["requests"]
    if len(asked) > 20:
        return Reply(error("BadRequest", "too many requests in the batch"), 400)
    responses = []
    for item in asked:
        parts = urlsplit(item["url"])
        path = unquote(parts.path)
        if parts.scheme:  # the SDK leaves absolute addresses when its base is not Microsoft's
            _, path = _split(path)
        where = f"graph:/{version}{path}?{unquote(parts.query)}"
        found = fake.faulty(where)
        if found is None:
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            found = one(fake, tenant, item["method"], version, path, query, item.get("body"), request.host)
        body: Any = found.value if found.raw is None else found.raw.decode("latin-1")
        responses.append({"id": item["id"], "status": found.status, "headers": dict(found.headers), "body": body})
    responses.reverse()  # Graph gives them in any order
    return Reply({"responses": responses})


def one(fake: FakeMicrosoft, tenant: Tenant, method: str, version: str, path: str, query: dict[str, str], body: Any,
        host: str) -> Reply:  # fmt: skip
    """One question."""
    from tests.m365.fakes.server import Reply

    if method != "GET" and not (method == "POST" and path in POSTS):
        return Reply(error("Request_BadRequest", "method"), 405)
    refused = _refused(tenant, path, query)
    if refused is not None:
        return refused
    if path == "/directoryObjects/getByIds":
        kinds = {**dict.fromkeys(tenant.ids("/users"), "user"), **dict.fromkeys(tenant.ids("/groups"), "group")}
        names = [key for key in body["ids"] if key in kinds]
        return Reply({"value": [{"@odata.type": f"#microsoft.graph.{kinds[key]}", "id": key} for key in names]})
    if path.startswith("/security/auditLog/queries"):
        return _audit(tenant, path, body)
    found = tenant.graph.get(path)
    if found is None and (
        nested := re.fullmatch(r"(/users|/groups|/applications|/servicePrincipals)/([^/]+)/(.+)", path)
    ):
        found = _nested(tenant, *nested.groups())
    if found is None:
        return Reply(error("Request_ResourceNotFound", path), 404)
    if isinstance(found, dict):
        return Reply({"@odata.context": f"https://{host}/{version}/$metadata", **found})
    return _list(fake, tenant, path, list(found), query, f"https://{host}/{version}{path}")


def _refused(tenant: Tenant, path: str, query: dict[str, str]) -> Reply | None:
    from tests.m365.fakes.server import Reply

    for pattern, permissions, plan in RULES:
        if not re.fullmatch(pattern, path):
            continue
        if not tenant.granted & set(permissions):
            return Reply(
                error("Authorization_RequestDenied", "Insufficient privileges to complete the operation."), 403
            )
        activity = path == "/users" and "signInActivity" in query.get("$select", "")
        if activity and "AuditLog.Read.All" not in tenant.granted:
            return Reply(
                error("Authorization_RequestDenied", "Insufficient privileges to complete the operation."), 403
            )
        if activity and int(query.get("$top", "100")) > 500:
            return Reply(error("BadRequest", "page size"), 400)
        needed = P1 if activity else plan
        return _unlicensed(needed, path) if needed and not tenant.has(needed) else None
    return Reply(error("Request_ResourceNotFound", path), 404)


def _unlicensed(plan: str, path: str) -> Reply:
    """How each service says it, as documented or reported for it."""
    from tests.m365.fakes.server import Reply

    if plan == P1:
        message = "Neither tenant is B2C or tenant doesn't have premium license"
        return Reply(error("Authentication_RequestFromNonPremiumTenantOrB2CTenant", message), 403)
    if plan == INTUNE:
        return Reply(error("BadRequest", "Request not applicable to target tenant."), 400)
    if "riskyUsers" in path:
        return Reply(error("Forbidden", "Your tenant is not licensed for this feature."), 403)
    return Reply(error("AadPremiumLicenseRequired", "The tenant needs to have Microsoft Entra ID P2"), 400)


def _nested(tenant: Tenant, collection: str, key: str, name: str) -> list[Any] | None:
    known = key in tenant.ids(collection)
    if name == "mailFolders/inbox/messageRules":
        return tenant.inbox_rules.get(key)
    if not known:
        return None
    row = next(item for item in tenant.graph[collection] if item["id"] == key)
    if name in ("members", "transitiveMembers"):
        return row.get(name, row.get("members", []))
    return row.get(name)


def _audit(tenant: Tenant, path: str, body: Any) -> Reply:
    from tests.m365.fakes.server import Reply

    key = "11111111-2222-4333-8444-555555555555"
    if path == "/security/auditLog/queries":
        return Reply({"id": key, "displayName": body["displayName"], "status": "notStarted"}, 201)
    if path.endswith("/records"):
        return Reply({"value": [{"id": "1"}]})
    status = "succeeded" if tenant.audit_polls <= 0 else "running"
    tenant.audit_polls -= 1
    return Reply({"id": key, "status": status})


FILTERS = {
    "groupTypes/any(c:c eq 'Unified')": lambda item: "Unified" in item.get("groupTypes", ()),
    "isAssignableToRole eq true": lambda item: bool(item.get("isAssignableToRole")),
    "riskState eq 'atRisk'": lambda item: item.get("riskState") == "atRisk",
    "status eq 'new'": lambda item: item.get("status") == "new",
    "scopeId eq '/' and scopeType eq 'DirectoryRole'": lambda item: item.get("scopeType") == "DirectoryRole",
}


def _list(fake: FakeMicrosoft, tenant: Tenant, path: str, items: list[Any], query: dict[str, str], url: str) -> Reply:
    from tests.m365.fakes.server import Reply

    condition = query.get("$filter", "")
    if since := re.fullmatch(r"createdDateTime ge (\S+Z)", condition):
        items = [item for item in items if item["createdDateTime"] >= since[1]]
    elif condition:
        if condition not in FILTERS:
            return Reply(error("BadRequest", f"filter: {condition}"), 400)
        items = [item for item in items if FILTERS[condition](item)]
    if query.get("$orderby") == "createdDateTime asc":
        items.sort(key=lambda item: item["createdDateTime"])
    top = int(query.get("$top", fake.page))
    if "$top" in query and top > MAX_TOP:
        return Reply(error("BadRequest", "page size"), 400)
    start = int(query.get("$skiptoken", "0"))
    page = [_shown(path, item, query) for item in items[start : start + top]]
    found: dict[str, Any] = {"@odata.context": f"{url}#context", "value": page}
    if start + top < len(items):
        options = {**query, "$skiptoken": str(start + top)}
        joined = "&".join(f"{name}={quote(value, safe='(),$')}" for name, value in options.items())
        found["@odata.nextLink"] = f"{url}?{joined}"
    for key, link in fake.faults.evil_next.items():
        if key in path:
            found["@odata.nextLink"] = link
    return Reply(found)


RELATIONS = ("owners", "members", "transitiveMembers", "appRoleAssignments", "principal", "policy")


def _shown(path: str, item: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """What a list shows of one object."""
    expanded = [part.partition("(")[0] for part in re.split(r",(?![^(]*\))", query.get("$expand", "")) if part]
    hidden = {name for name in RELATIONS if name not in expanded}
    shown = {name: value for name, value in item.items() if name not in hidden}
    for name in expanded:
        if isinstance(shown.get(name), list):
            shown[name] = shown[name][:EXPANDED]
    if "$select" in query:
        wanted = {*query["$select"].split(","), "id", "@odata.type", *expanded}
        shown = {name: value for name, value in shown.items() if name in wanted}
    elif path == "/users":
        shown = {name: value for name, value in shown.items() if name in USER_DEFAULTS}
    return shown


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()
