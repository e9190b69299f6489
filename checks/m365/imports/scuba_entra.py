"""The Entra part of a ScubaGear export that is not written as Graph gives it: roles, methods, consent, guests.

ScubaGear lists the people of eight roles only, those that SCuBA calls highly privileged. `privileged_users` joins who
holds a role now, directly or through a group, and who may activate it; with a P2 licence `privileged_roles` adds the
direct assignments and the rules of Privileged Identity Management.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.common.french import count
from checks.common.text import clean
from checks.m365.imports.found import Desk
from checks.m365.imports.powershell import Cut, as_graph, kept, listed, objects, restored
from checks.m365.imports.scuba_words import Commands

ROLES: Mapping[str, str] = {
    "global administrator": "62e90394-69f5-4237-9190-012177145e10",
    "privileged role administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "user administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "sharepoint administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "exchange administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "hybrid identity administrator": "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    "application administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "cloud application administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
}
"""Highly privileged roles of SCuBA, by their English name, with their template (Entra reference)."""
SCOPE = "les rôles que SCuBA tient pour hautement privilégiés"
_POLICY, _METHODS = "Get-MgBetaPolicyAuthorizationPolicy", "Get-MgBetaPolicyAuthenticationMethodPolicy"
_SETTINGS = "Get-MgBetaDirectorySetting"
_USERS, _ROLES = "Get-PrivilegedUser", "Get-PrivilegedRole"


def entra(desk: Desk, value: Mapping[str, Any], commands: Commands) -> None:
    """Record what the export says of Entra besides the plain lists."""
    if "authorization_policies" in value:
        _authorization(desk, objects(value["authorization_policies"]), commands)
    if "authentication_method" in value:
        _methods(desk, objects(value["authentication_method"]), commands)
    if "admin_consent_policies" in value or "directory_settings" in value:
        _consent(desk, value, commands)
    if "privileged_users" in value or "privileged_roles" in value:
        _roles(desk, value, commands)


def _authorization(desk: Desk, found: list[dict[str, Any]], commands: Commands) -> None:
    if commands.failed(desk, "authorization_policy", (_POLICY,), empty=not found):
        return
    desk.rows("authorization_policy", [as_stable(row) for row in found], what="authorization_policies")


def as_stable(row: Mapping[str, Any]) -> dict[str, Any]:
    """An authorization policy of the beta interface as v1.0 writes it; one of v1.0 is left as it is."""
    policy, _ = kept(row, graph=True)
    granted = policy.pop("permissionGrantPolicyIdsAssignedToDefaultUserRole", None)
    inside = policy.get("defaultUserRolePermissions")
    if isinstance(granted, str):
        granted = [granted]
    if isinstance(granted, list) and isinstance(inside, dict):
        policy["defaultUserRolePermissions"] = {"permissionGrantPoliciesAssigned": granted, **inside}
    return policy


def _methods(desk: Desk, found: list[dict[str, Any]], commands: Commands) -> None:
    """One policy with its methods, as Graph has it; older exports give the policy itself."""
    if commands.failed(desk, "authentication_methods", (_METHODS,), empty=not found):
        return
    first = found[0] if found else {}
    policy = first.get("authentication_method_policy", first)
    row, cut = kept(next(iter(objects(policy)), {}), graph=True)
    if "authentication_method_feature_settings" in first:
        try:
            row["authenticationMethodConfigurations"] = [
                restored(item, graph=True) for item in objects(first["authentication_method_feature_settings"])
            ]
        except Cut:
            cut.add("authenticationMethodConfigurations")
    desk.rows("authentication_methods", [row] if row else [], what="authentication_method", absent=cut)


def _consent(desk: Desk, value: Mapping[str, Any], commands: Commands) -> None:
    """Requests to an administrator: the policy of Graph, or the directory setting that says the same."""
    policies = objects(value.get("admin_consent_policies"))
    if policies:
        desk.rows("admin_consent", policies[:1], graph=True, what="admin_consent_policies")
        return
    settings = objects(value.get("directory_settings"))
    if commands.failed(desk, "admin_consent", (_SETTINGS,), empty=not settings):
        return
    told = [
        str(item.get("value", "")).lower()
        for setting in settings
        for item in map(as_graph, objects(as_graph(setting).get("values")))
        if item.get("name") == "EnableAdminConsentRequests"
    ]
    if told and set(told) <= {"true", "false"}:
        desk.rows("admin_consent", [{"isEnabled": "false" not in told}], what="directory_settings")
    elif settings:
        desk.rows("admin_consent", [], what="directory_settings, sans EnableAdminConsentRequests")


def _roles(desk: Desk, value: Mapping[str, Any], commands: Commands) -> None:
    people, apps = _holders(value.get("privileged_users")), _holders(value.get("privileged_service_principals"))
    roles = [as_graph(row) for row in objects(value.get("privileged_roles"))]
    _policies(desk, roles, commands)
    if commands.failed(desk, "role_assignments", (_USERS,), empty=not people and not apps):
        desk.put("users", desk.done().readings["role_assignments"])
        return
    templates = dict(ROLES)
    for role in roles:
        if isinstance(role.get("displayName"), str) and isinstance(role.get("roleTemplateId"), str):
            templates[role["displayName"].casefold()] = role["roleTemplateId"]
    detailed = any("assignments" in role for role in roles)
    direct = _direct(desk, roles) if detailed else []
    known = {**people, **apps}
    now = {(_id(row, "principalId"), _id(row, "roleDefinitionId")) for row in direct}
    given: list[dict[str, Any]] = [_assignment(row, people, apps) for row in direct if _id(row, "principalId") in known]
    others: list[dict[str, Any]] = []
    for key, holder in known.items():
        for name in _names(holder):
            template = templates.get(name.casefold(), name)
            if (key, template) in now:
                continue
            row = {"id": f"{key}:{template}", "principalId": key, "roleDefinitionId": template, "directoryScopeId": "/"}
            if detailed:
                others.append(row)
            else:
                given.append(_assignment(row, people, apps))
    groups = {_id(row, "principalId") for row in direct} - known.keys()
    what = f"privileged_users, privileged_roles ; {SCOPE}"
    desk.rows("role_definitions", _definitions(roles), complete=False, what="privileged_roles")
    desk.rows("role_assignments", given, what=what)
    if detailed:
        desk.rows("role_eligible", others, what=what)
        desk.rows("role_active", direct, what=what)
    desk.rows("users", [_user(key, holder) for key, holder in people.items()], complete=False, what="privileged_users")
    _say(desk, detailed=detailed, groups=len(groups), others=len(others))


def _id(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _say(desk: Desk, *, detailed: bool, groups: int, others: int) -> None:
    desk.limit(f"{desk.name} ne connaît que {SCOPE} : huit rôles. Les autres administrateurs n'y sont pas.")
    if detailed and (groups or others):
        told = f" ({count(groups, 'groupe')} avec un rôle)" if groups else ""
        desk.limit(
            f"{desk.name} ne distingue pas un rôle à activer d'un rôle reçu par un groupe{told} : les deux sont "
            "montrés comme à activer."
        )


def _direct(desk: Desk, roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Assignments as Graph gives them in `roleAssignmentScheduleInstances`, without what the module adds."""
    found = []
    for role in roles:
        for item in objects(role.get("assignments")):
            row, cut = kept(
                item,
                ("id", "principalId", "roleDefinitionId", "directoryScopeId", "assignmentType", "memberType",
                 "startDateTime", "endDateTime"),
                graph=True,
            )  # fmt: skip
            if cut:
                desk.limit(f"{desk.name} : une affectation de rôle est incomplète dans l'export.")
            found.append(row)
    return found


def _assignment(row: Mapping[str, Any], people: Mapping[str, Any], apps: Mapping[str, Any]) -> dict[str, Any]:
    key = str(row.get("principalId"))
    kind = "user" if key in people else "servicePrincipal"
    holder = people.get(key) or apps.get(key) or {}
    principal: dict[str, Any] = {"@odata.type": f"#microsoft.graph.{kind}", "id": key}
    if isinstance(holder.get("DisplayName"), str):
        principal["displayName"] = holder["DisplayName"]
    named = ("id", "principalId", "roleDefinitionId", "directoryScopeId")
    return {**{name: row[name] for name in named if name in row}, "principal": principal}


def _holders(value: Any) -> dict[str, dict[str, Any]]:
    """People or applications by identifier."""
    return {
        clean(key, 80): holder
        for part in objects(value)
        for key, holder in part.items()
        if isinstance(holder, dict) and ("roles" in holder or "DisplayName" in holder)
    }


def _names(holder: Mapping[str, Any]) -> list[str]:
    return [name for name in listed(holder.get("roles")) if isinstance(name, str)]


def _user(key: str, holder: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": key}
    for name, here in (("displayName", "DisplayName"), ("onPremisesImmutableId", "OnPremisesImmutableId")):
        if here in holder:
            found[name] = holder[here]
    return found


def _definitions(roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": role["roleTemplateId"],
            "templateId": role["roleTemplateId"],
            "displayName": role.get("displayName"),
            "isBuiltIn": True,
        }
        for role in roles
        if isinstance(role.get("roleTemplateId"), str)
    ]


def _policies(desk: Desk, roles: list[dict[str, Any]], commands: Commands) -> None:
    """Rules of activation: those of each role, and one more row for each group that gives it through PIM."""
    if commands.failed(desk, "role_policies", (_ROLES,), empty=not roles):
        for name in ("role_active", "role_eligible"):
            desk.put(name, desk.done().readings["role_policies"])
        return
    rows = []
    for role in roles:
        sources: dict[str, list[Any]] = {}
        for rule in objects(role.get("rules")):
            found, _ = kept(rule, graph=True)
            group = found.get("ruleSource") if found.get("ruleSourceType") == "PIM Group" else ""
            sources.setdefault(str(group or ""), []).append(found)
        rows += [
            {
                "id": f"{role.get('roleTemplateId')}{':' if group else ''}{clean(group, 80)}",
                "roleDefinitionId": role.get("roleTemplateId"),
                "policy": {"rules": rules},
            }
            for group, rules in sources.items()
        ]
    if rows:
        desk.rows("role_policies", rows, what=f"privileged_roles ; {SCOPE}")
