"""Readings that depend on another: members of groups that matter, objects that policies name, rules of mailboxes."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from checks.m365.client.cmdlets import Cmdlets
from checks.m365.client.graph import MAX_ROWS, Graph, Page, ids, items_of, source_of, value_of
from checks.m365.client.meter import Meter, UnreadError
from checks.m365.client.trim import Trimmer
from checks.m365.facts import Reading, Rows
from checks.m365.resources import Resource
from checks.model import Gap, Progress, Reason

EXPANDED = 20
"""Objects that `$expand` gives at most: as many may be all, or only the first ones."""
BY_IDS = 1000
"""Identifiers in one `getByIds`."""
POLLS = 12
POLL_SECONDS = 10.0
"""A search of the audit log takes minutes; we only want to know that it starts and answers."""
EXPANSIONS: Mapping[str, tuple[str, str]] = {
    "applications": ("owners", "/v1.0/applications/{id}/owners"),
    "service_principals": ("appRoleAssignments", "/v1.0/servicePrincipals/{id}/appRoleAssignments"),
    "group_owners": ("owners", "/v1.0/groups/{id}/owners"),
}
"""Readings with an expanded list: the property, and where it is whole."""
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OWN_MAILBOX = ("SharedMailbox", "UserMailbox", "RoomMailbox", "EquipmentMailbox")
"""Kinds of mailbox whose delegations are read, in this order."""


def needed(readings: Mapping[str, Reading], name: str) -> Rows:
    """A reading that another one starts from. Raises `UnreadError` when there is none."""
    found = readings.get(name)
    if isinstance(found, Rows):
        return found
    gap = found or Gap(reason=Reason.NOT_CONFIGURED, detail=f"« {name} », dont cette lecture dépend, n'a pas été lu.")
    raise UnreadError(gap.reason, gap.detail)


async def per_object(graph: Graph, resource: Resource, template: str, objects: Sequence[str]) -> dict[str, Any]:
    """The list that each object has at `template`: a `Page`, or the `UnreadError` of that one."""
    answers = await graph.batch({key: template.replace("{id}", quote(key, safe="")) for key in objects})
    found: dict[str, Any] = {}
    for key, answer in answers.items():
        try:
            found[key] = await graph.list(resource, "", MAX_ROWS, first=value_of(answer))
        except UnreadError as error:
            found[key] = error
    return found


async def complete_expansion(graph: Graph, resource: Resource, rows: Rows) -> Rows:
    """The same rows, with the lists that `$expand` may have cut read whole."""
    name, template = EXPANSIONS[resource.name]
    cut = [key for row in rows.rows if len(_list(row, name)) >= EXPANDED for key in ids([row])]
    if not cut:
        return rows
    whole = await per_object(graph, _whole(resource), template, cut)
    trimmer = Trimmer(resource)
    done: list[Mapping[str, Any]] = []
    complete = rows.complete
    for row in rows.rows:
        page = whole.get(str(row.get("id")))
        if isinstance(page, Page):
            complete = complete and page.complete
            done.append({**row, **trimmer.row({name: page.rows})})
        else:
            complete = complete and page is None
            done.append(row)
    return replace(rows, rows=tuple(done), complete=complete)


async def role_groups(graph: Graph, resource: Resource, listed: Rows) -> Rows:
    """Groups that may hold a role, each with its members: they cannot contain other groups."""
    template = "/v1.0/groups/{id}/members?$select=id,displayName,userPrincipalName,userType&$top=999"
    found = await per_object(graph, _whole(resource), template, ids(listed.rows))
    _all_refused(found)
    trimmer = Trimmer(resource)
    rows = []
    complete = listed.complete
    for row in listed.rows:
        page = found.get(str(row.get("id")))
        if isinstance(page, Page):
            complete = complete and page.complete
            rows.append(trimmer.row({**row, "members": page.rows}))
        else:
            complete = False
            rows.append(row)
    return replace(listed, rows=tuple(rows), complete=complete, absent=())


async def policy_groups(graph: Graph, resource: Resource, policies: Rows) -> Rows:
    """Accounts in the groups that Conditional Access names, through nested groups too: `id`, `members` (ids)."""
    names = sorted(_named(policies.rows, ("includeGroups", "excludeGroups")))
    found = await per_object(graph, _whole(resource), _template(resource), names)
    _all_refused(found)
    rows = []
    complete = policies.complete
    for key in names:
        page = found[key]
        if isinstance(page, Page):
            complete = complete and page.complete
            people = [member for member in page.rows if not str(member.get("@odata.type", "")).endswith(".group")]
            rows.append({"id": key, "members": ids(people)})
        else:
            # A group that no longer exists has no member: `directory_objects` does not give it either.
            complete = complete and page.gap.reason is Reason.UNSUPPORTED
    return Rows(rows=tuple(rows), complete=complete, source=source_of(resource))


async def group_guests(graph: Graph, resource: Resource, groups: Rows, users: Rows) -> Rows:
    """Groups that contain guests: `id`, `guests` (ids), `members` (how many)."""
    guests = set(ids(row for row in users.rows if row.get("userType") == "Guest"))
    if not guests and users.complete:
        return Rows(rows=(), complete=groups.complete, source=source_of(resource))
    found = await per_object(graph, _whole(resource), _template(resource), ids(groups.rows))
    _all_refused(found)
    rows = []
    complete = groups.complete
    for group, page in found.items():
        if not isinstance(page, Page):
            complete = False
            continue
        complete = complete and page.complete
        inside = [key for row in page.rows for key in ids([row]) if key in guests or row.get("userType") == "Guest"]
        if inside:
            rows.append({"id": group, "guests": inside, "members": len(page.rows)})
    return Rows(rows=tuple(rows), complete=complete, source=source_of(resource))


async def directory_objects(graph: Graph, resource: Resource, policies: Rows) -> Rows:
    """The users and groups that Conditional Access names and that still exist."""
    fields = ("includeUsers", "excludeUsers", "includeGroups", "excludeGroups")
    names = sorted(_named(policies.rows, fields))
    trimmer = Trimmer(resource)
    rows: list[Mapping[str, Any]] = []
    for start in range(0, len(names), BY_IDS):
        body = {"ids": names[start : start + BY_IDS], "types": ["user", "group"]}
        value = await graph.service.post(graph.url(resource.path), body)
        rows += trimmer.rows(items_of(value))
    return Rows(rows=tuple(rows), complete=policies.complete, source=source_of(resource))


async def inbox_rules(graph: Graph, resource: Resource, users: Rows, progress: Progress) -> Rows:
    """Rules of the mailbox of every licensed account."""
    owners = ids(row for row in users.rows if row.get("assignedLicenses"))
    rows: list[Mapping[str, Any]] = []
    complete = users.complete
    trimmer = Trimmer(resource)
    size = 200
    for start in range(0, len(owners), size):
        progress("Microsoft 365 : règles des boîtes aux lettres", start, len(owners))
        part = await per_object(graph, _whole(resource), resource.path, owners[start : start + size])
        for key, page in part.items():
            if isinstance(page, Page):
                complete = complete and page.complete
                rows += [trimmer.row({**rule, "userId": key}) for rule in page.rows]
            else:
                # No mailbox: no rule.
                complete = complete and page.gap.reason is Reason.UNSUPPORTED
        _all_refused(part)
    return Rows(rows=tuple(rows), complete=complete, source=source_of(resource))


async def mailbox_permissions(
    cmdlets: Cmdlets, resource: Resource, mailboxes: Rows, limit: int, meter: Meter
) -> Rows:  # fmt: skip
    """Who may open each mailbox, shared ones first; what a mailbox grants to itself is left out."""
    kinds = {kind: rank for rank, kind in enumerate(_OWN_MAILBOX)}
    boxes = [row for row in mailboxes.rows if str(row.get("RecipientTypeDetails")) in kinds and _identity(row)]
    boxes.sort(key=lambda row: kinds[str(row["RecipientTypeDetails"])])
    complete = mailboxes.complete and len(boxes) <= limit
    if len(boxes) > limit:
        meter.note(f"Les délégations de {limit} boîtes sur {len(boxes)} ont été lues (max_mailboxes).")
    rows: list[Mapping[str, Any]] = []

    async def one(box: Mapping[str, Any]) -> Page:
        return await cmdlets.run(resource, MAX_ROWS, {"Identity": _identity(box)})

    async def late(box: Mapping[str, Any]) -> Page:
        try:
            return await one(box)
        except UnreadError:
            return Page(rows=[], complete=False)

    asked = boxes[:limit]
    # The first one tells whether the right is missing: nobody is asked hundreds of times for nothing.
    pages = [await one(box) for box in asked[:1]]
    pages += await asyncio.gather(*map(late, asked[1:]))
    for page in pages:
        complete = complete and page.complete
        rows += [row for row in page.rows if row.get("User") != "NT AUTHORITY\\SELF"]
    return Rows(rows=tuple(rows), complete=complete, source=resource.path)


async def audit_query(graph: Graph, resource: Resource, now: dt.datetime, meter: Meter) -> Rows:
    """Start one search of the last hour of the audit log and wait a little for it: the only thing we ever create."""
    since = now - dt.timedelta(hours=1)
    body = {
        "displayName": "Ausculte : la recherche répond-elle ?",
        "filterStartDateTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "filterEndDateTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    found = await graph.service.post(graph.url(resource.path), body)
    key = found.get("id") if isinstance(found, dict) else None
    if not isinstance(key, str) or not _GUID.fullmatch(key):
        raise UnreadError(Reason.MALFORMED, "La recherche du journal d'audit n'a pas reçu d'identifiant.")
    address = graph.url(f"{resource.path}/{key}")
    for _ in range(POLLS):
        if not isinstance(found, dict) or found.get("status") not in ("notStarted", "running"):
            break
        await meter.pause(POLL_SECONDS)
        found = await graph.service.get(address)
    row: dict[str, Any] = {"id": key, "status": found.get("status") if isinstance(found, dict) else None}
    if row["status"] == "succeeded":
        row["recordCount"] = len(items_of(await graph.service.get(f"{address}/records?$top=1")))
    return Rows(rows=(row,), complete=row["status"] == "succeeded", source=source_of(resource))


def _named(policies: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> set[str]:
    """Identifiers in the conditions on users; words such as `All` and roles are not directory objects."""
    found: set[str] = set()
    for policy in policies:
        conditions = policy.get("conditions")
        users = conditions.get("users") if isinstance(conditions, dict) else None
        for field in fields:
            values = _list(users, field) if isinstance(users, dict) else []
            found |= {value.lower() for value in values if isinstance(value, str) and _GUID.fullmatch(value)}
    return found


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    """A property that should be a list; empty when it is anything else."""
    value = row.get(name)
    return value if isinstance(value, list) else []


def _template(resource: Resource) -> str:
    return f"{resource.path}&$top={resource.top}" if resource.top else resource.path


def _whole(resource: Resource) -> Resource:
    """The same reading without its properties: objects below have others, which are trimmed afterwards."""
    return Resource(name=resource.name, api=resource.api, path=resource.path)


def _identity(mailbox: Mapping[str, Any]) -> str:
    value = mailbox.get("ExternalDirectoryObjectId") or mailbox.get("Identity")
    return value if isinstance(value, str) else ""


def _all_refused(part: Mapping[str, Any]) -> None:
    """Nothing to hope for from the others: the permission is missing. Raises `UnreadError`."""
    errors = [page for page in part.values() if isinstance(page, UnreadError)]
    if part and len(errors) == len(part) and all(error.gap.reason is Reason.PERMISSION for error in errors):
        raise errors[0]
