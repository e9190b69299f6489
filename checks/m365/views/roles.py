"""Who holds which administration role: directly, through a group, for good or on request (PIM)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from checks.common.french import listed
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import stopped, unreadable
from checks.m365.reading import reading
from checks.m365.views.values import Row, flag, is_list, mapping, rows, text, word
from checks.model import Gap, Reason, Record

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
ROLES: Mapping[str, str] = {
    GLOBAL: "Administrateur général",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Administrateur de rôle privilégié",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Administrateur d'authentification privilégié",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Administrateur de la sécurité",
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": "Administrateur de l'accès conditionnel",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "Administrateur d'utilisateurs",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Administrateur Exchange",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c": "Administrateur SharePoint",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Administrateur d'application",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Administrateur d'application cloud",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": "Administrateur d'authentification",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": "Administrateur du support technique",
    "966707d0-3269-4727-9be2-8c3a10f19b9d": "Administrateur de mots de passe",
    "3a2c62db-5318-420d-8d74-23affee5d9d5": "Administrateur Intune",
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2": "Administrateur d'identité hybride",
}
"""Built-in roles that Microsoft labels as privileged, plus Exchange and SharePoint as SCuBA does, by template id.

Source: Microsoft Entra built-in roles reference, same identifiers in every tenant."""
TOP = frozenset(
    {
        GLOBAL,
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    }
)
"""Roles that lead to all the others: they give roles, credentials of administrators or of applications."""


class Holding(Record, frozen=True, kw_only=True):
    """One role held by one account, application or group."""

    holder: str
    """Identifier, small letters."""
    label: str
    role: str
    """Template id of the role."""
    role_name: str
    kind: str
    """`user`, `group`, `application`; empty when the reading does not tell."""
    eligible: bool
    """To be activated first (PIM)."""
    through: str = ""
    """Name of the group that gives the role."""
    everywhere: bool = True
    """On the whole tenant, not on an administrative unit."""
    guest: bool | None = None


class Holdings(Record, frozen=True, kw_only=True):
    """All of them, and what could not be seen."""

    items: tuple[Holding, ...]
    source: Rows
    """Reading of the assignments, for evidence."""
    complete: bool
    unread_groups: tuple[str, ...] = ()
    """Groups that hold a role and whose members were not read."""
    unreadable: int = 0
    """Assignments without a holder or a role that can be read."""
    eligible_gap: Gap | None = None
    """Why eligible roles were not seen; None when they were."""

    @property
    def doubt(self) -> Gap | None:
        """Why the list may be short; the licence that makes roles eligible being absent is no reason."""
        if self.unreadable:
            return unreadable("toutes les affectations de rôles")
        if self.unread_groups:
            detail = f"Les porteurs de rôles n'ont pas tous été lus : {listed(self.unread_groups)}."
            return Gap(reason=Reason.PERMISSION, detail=detail)
        if not self.complete:
            return stopped("les affectations de rôles")
        gap = self.eligible_gap
        return gap if gap is not None and gap.reason is not Reason.LICENCE else None

    def of(self, *roles: str) -> tuple[Holding, ...]:
        """Holdings of people, applications and groups without readable members, for those roles."""
        return tuple(item for item in self.items if item.role in roles)


def holdings(facts: M365Facts) -> Holdings | Gap:
    """Every privileged role held in the tenant; roles held by a group are given to its members.

    The gap is that of the assignments: without them nothing can be said. Missing eligibility is kept apart.
    """
    given = reading(facts, "role_assignments")
    if isinstance(given, Gap):
        return given
    templates = _templates(reading(facts, "role_definitions"))
    found = [_holding(row, templates, eligible=False) for row in given.rows]
    eligible = reading(facts, "role_eligible")
    complete = given.complete
    if isinstance(eligible, Rows):
        complete = complete and eligible.complete
        found += [_holding(row, templates, eligible=True) for row in eligible.rows]
    groups = reading(facts, "role_groups")
    kinds = _kinds(facts)
    known = [_completed(item, kinds) for item in found]
    held, unread = _through_groups(known, groups if isinstance(groups, Rows) else None)
    return Holdings(
        items=tuple(dict.fromkeys(_completed(item, kinds) for item in held)),
        source=given,
        complete=complete and (not isinstance(groups, Rows) or groups.complete or not unread),
        unread_groups=unread,
        unreadable=sum(1 for item in found if not item.holder or not item.role),
        eligible_gap=eligible if isinstance(eligible, Gap) else None,
    )


def privileged(items: Iterable[Holding]) -> tuple[Holding, ...]:
    """Those of the roles that count as privileged."""
    return tuple(item for item in items if item.role in ROLES)


def _templates(found: Rows | Gap) -> Mapping[str, tuple[str, str]]:
    """Template id and name of each role definition; a built-in role is its own template."""
    if isinstance(found, Gap):
        return {}
    return {
        word(row, "id"): (word(row, "templateId") or word(row, "id"), text(row, "displayName")) for row in found.rows
    }


def _holding(row: Row, templates: Mapping[str, tuple[str, str]], *, eligible: bool) -> Holding:
    definition = word(row, "roleDefinitionId")
    template, name = templates.get(definition, (definition, ""))
    holder = mapping(row, "principal")
    key = word(row, "principalId") or word(holder, "id")
    return Holding(
        holder=key,
        label=text(holder, "userPrincipalName") or text(holder, "displayName") or key,
        role=template,
        role_name=ROLES.get(template) or name or template,
        kind=_kind(holder),
        eligible=eligible,
        everywhere=word(row, "directoryScopeId") in ("", "/"),
        guest={"guest": True, "member": False}.get(word(holder, "userType")),
    )


def _kind(holder: Row) -> str:
    kind = word(holder, "@odata.type").rpartition(".")[2]
    return {"user": "user", "group": "group", "serviceprincipal": "application"}.get(kind, "")


def _kinds(facts: M365Facts) -> Mapping[str, tuple[str, str, bool | None]]:
    """Kind, name and guest state of what has an id, for the readings that give ids alone."""
    known: dict[str, tuple[str, str, bool | None]] = {}
    apps, people = reading(facts, "service_principals"), reading(facts, "users")
    if isinstance(apps, Rows):
        known |= {word(row, "id"): ("application", text(row, "displayName"), None) for row in apps.rows}
    if isinstance(people, Rows):
        guests = {"guest": True, "member": False}
        known |= {
            word(row, "id"): (
                "user",
                text(row, "userPrincipalName") or text(row, "displayName"),
                guests.get(word(row, "userType")),
            )
            for row in people.rows
        }
    return known


def _completed(item: Holding, kinds: Mapping[str, tuple[str, str, bool | None]]) -> Holding:
    kind, label, guest = kinds.get(item.holder, ("", "", None))
    return replace(
        item,
        kind=item.kind or kind,
        label=label or item.label,
        guest=item.guest if item.guest is not None else guest,
    )


def _through_groups(found: list[Holding], groups: Rows | None) -> tuple[list[Holding], tuple[str, ...]]:
    """Holdings of people, those of groups spread over their members; groups that could not be opened stay."""
    members: dict[str, tuple[str, tuple[Row, ...]]] = {}
    for row in groups.rows if groups else ():
        if is_list(row, "members"):
            members[word(row, "id")] = (text(row, "displayName"), rows(row, "members"))
    held: list[Holding] = []
    unread: list[str] = []
    for item in found:
        if item.holder in members:
            name, people = members[item.holder]
            held += [_member(item, name, person) for person in people]
        elif item.kind in ("group", ""):
            # What is neither an account nor an application that was read is most likely a group.
            unread.append(item.label)
            held.append(item)
        else:
            held.append(item)
    return held, tuple(dict.fromkeys(unread))


def _member(item: Holding, group: str, person: Row) -> Holding:
    return replace(
        item,
        holder=word(person, "id"),
        label=text(person, "userPrincipalName") or text(person, "displayName") or word(person, "id"),
        kind=_kind(person),
        guest={"guest": True, "member": False}.get(word(person, "userType")),
        through=group or item.label,
    )


def approval(row: Row) -> bool | None:
    """Whether a role of `role_policies` is activated only with an approval; None when it does not say."""
    for rule in rows(mapping(row, "policy"), "rules"):
        if word(rule, "id") == "approval_enduser_assignment":
            return flag(mapping(rule, "setting"), "isApprovalRequired")
    return None


def silent_alerts(row: Row) -> tuple[str, ...] | None:
    """Notifications to administrators that reach no named address, by rule id; None when it cannot be told.

    The default recipients are the holders of the role themselves: they are not enough, as SCuBA asks too.
    """
    rules = [rule for rule in rows(mapping(row, "policy"), "rules") if word(rule, "id") in ALERTS]
    if not rules or any(not is_list(rule, "notificationRecipients") for rule in rules):
        return None
    return tuple(word(rule, "id") for rule in rules if not rule["notificationRecipients"])


ALERTS = frozenset(
    {
        "notification_admin_admin_eligibility",
        "notification_admin_admin_assignment",
        "notification_admin_enduser_assignment",
    }
)
"""Rules of Privileged Identity Management that tell an administrator of a role given, made eligible or activated."""
