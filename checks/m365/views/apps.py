"""Applications: their permissions by name, who publishes them, their secrets and certificates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from checks.m365.facts import M365Facts, Rows
from checks.m365.views.values import Row, flag, mapping, moment, rows, text, word
from checks.model import Record

MICROSOFT = frozenset({"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"})
"""Tenants that own the applications of Microsoft itself."""
CRITICAL = frozenset(
    {
        "rolemanagement.readwrite.directory",
        "approleassignment.readwrite.all",
        "application.readwrite.all",
        "directory.readwrite.all",
        "delegatedpermissiongrant.readwrite.all",
        "roleassignmentschedule.readwrite.directory",
        "roleeligibilityschedule.readwrite.directory",
        "rolemanagementpolicy.readwrite.directory",
        "rolemanagement.readwrite.exchange",
        "userauthenticationmethod.readwrite.all",
        "user-passwordprofile.readwrite.all",
        "user.readwrite.all",
        "policy.readwrite.conditionalaccess",
        "policy.readwrite.authenticationmethod",
        "policy.readwrite.permissiongrant",
        "policy.readwrite.authorization",
        "policy.readwrite.securitydefaults",
        "domain.readwrite.all",
        "organization.readwrite.all",
        "identityprovider.readwrite.all",
    }
)
"""Permissions of application that lead to the whole tenant, by documented name (Microsoft Graph permissions)."""
DANGEROUS = CRITICAL | frozenset(
    {
        "mail.read",
        "mail.readwrite",
        "mail.send",
        "mailboxsettings.readwrite",
        "files.read.all",
        "files.readwrite.all",
        "sites.read.all",
        "sites.readwrite.all",
        "sites.fullcontrol.all",
        "full_access_as_app",
        "exchange.manageasapp",
        "group.readwrite.all",
        "groupmember.readwrite.all",
        "calendars.readwrite",
        "contacts.readwrite",
        "chat.read.all",
        "chat.readwrite.all",
        "channelmessage.read.all",
        "application.readwrite.ownedby",
        "devicemanagementconfiguration.readwrite.all",
        "devicemanagementmanageddevices.readwrite.all",
        "ediscovery.readwrite.all",
        "backuprestore-restore.readwrite.all",
    }
)
"""Those, and the ones that read or change mail, files or devices of everybody."""
WIDE_SCOPES = (
    "mail.", "mailboxsettings.", "files.", "sites.", "directory.", "user.readwrite.all", "contacts.", "calendars.",
    "notes.", "chat.", "full_access_as_user", "ews.accessasuser.all", "imap.accessasuser.all", "pop.accessasuser.all",
)  # fmt: skip
"""Starts of delegated scopes that open the mail or the files of a person."""


class Presence(Record, frozen=True, kw_only=True):
    """An application in the tenant (service principal)."""

    id: str
    app_id: str
    name: str
    enabled: bool | None
    owner: str
    """Tenant that publishes it; empty when it is not told."""
    verified: bool
    roles: tuple[str, ...]
    """Permissions of application granted to it, documented names in small letters."""
    unresolved: int
    """Those whose name could not be found."""


def presences(found: Rows) -> tuple[Presence, ...]:
    """Applications of the tenant; permission ids are named by the application that defines them."""
    defined = _defined(found)
    return tuple(_presence(row, defined) for row in found.rows if word(row, "id"))


def _defined(found: Rows) -> Mapping[tuple[str, str], str]:
    """Name of each permission by the id of the service principal that defines it and its own id."""
    return {
        (word(row, "id"), word(role, "id")): word(role, "value")
        for row in found.rows
        for role in rows(row, "appRoles")
        if word(role, "value")
    }


def _presence(row: Row, defined: Mapping[tuple[str, str], str]) -> Presence:
    granted = [(word(item, "resourceId"), word(item, "appRoleId")) for item in rows(row, "appRoleAssignments")]
    # The null role only says that the application may be used: it grants nothing by itself.
    granted = [pair for pair in granted if pair[1] != "00000000-0000-0000-0000-000000000000"]
    return Presence(
        id=word(row, "id"),
        app_id=word(row, "appId"),
        name=text(row, "displayName") or text(row, "appId") or text(row, "id"),
        enabled=flag(row, "accountEnabled"),
        owner=word(row, "appOwnerOrganizationId"),
        verified=bool(word(mapping(row, "verifiedPublisher"), "verifiedPublisherId")),
        roles=tuple(dict.fromkeys(defined[pair] for pair in granted if pair in defined)),
        unresolved=sum(1 for pair in granted if pair not in defined),
    )


def foreign(app: Presence, facts: M365Facts) -> bool:
    """Published by somebody else than the establishment and Microsoft; an unknown owner counts as foreign."""
    return app.owner != facts.tenant.id.casefold() and app.owner not in MICROSOFT


def wide_scopes(scope: str) -> tuple[str, ...]:
    """Delegated scopes of a grant that open mail or files."""
    return tuple(name for name in scope.casefold().split() if name.startswith(WIDE_SCOPES))


class Credential(Record, frozen=True, kw_only=True):
    """A secret or a certificate, without its value."""

    holder: str
    name: str
    kind: str
    """`secret` or `certificat`."""
    end: datetime | None


def credentials(found: Rows) -> tuple[Credential, ...]:
    """Secrets and certificates of applications, each once by holder, kind and end."""
    every = [
        Credential(
            holder=word(row, "appId") or word(row, "id"),
            name=text(row, "displayName") or text(row, "appId"),
            kind=kind,
            end=moment(item, "endDateTime"),
        )
        for row in found.rows
        for kind, name in (("secret", "passwordCredentials"), ("certificat", "keyCredentials"))
        for item in rows(row, name)
    ]
    return tuple(dict.fromkeys(every))
