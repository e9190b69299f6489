"""Answers of Graph, and objects of `Get-*` cmdlets turned to JSON, each in its file.

A file is recognised by `@odata.context`, by its name (`users.json`, `Get-TransportConfig.json`, the path of the
request), or by the properties of its objects when they fit one reading only. One object keyed by addresses, and the
answer of `$batch`, hold several. What is not recognised is given back, never ignored in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from checks.common.text import clean
from checks.m365.client.tenant import licences_of, tenant_of
from checks.m365.imports.documents import Document
from checks.m365.imports.found import Desk, Imported
from checks.m365.imports.powershell import as_graph, listed, objects
from checks.m365.imports.scuba_entra import as_stable
from checks.m365.resources import BY_NAME, RESOURCES, Resource
from checks.model import Reason

MAX_PARTS = 2_000
"""Answers in all files together."""
SHARE, FEWEST = 0.6, 3
"""Of the properties of a reading, and how many at least, an object must have to be known by its shape."""
_PAGE = re.compile(r"(?i)([ _.-]*\(?(page|p)?[ _-]?\d{1,4}\)?)$")
_CONTEXT = re.compile(r"(?i)\$metadata#([^(]+)")
_MEMBERS = re.compile(r"(?i)groups/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/transitivemembers")
_NOT_PREMIUM = "requestfromnonpremiumtenant"
_DENIED = ("authorization_requestdenied", "accessdenied", "forbidden", "unauthorized")
_OTHERS = frozenset({"role_groups", "group_owners", "user_activity", "oldest_sign_in", "deleted_items"})
"""Readings that share the address of another: told apart by their rows or by their own name."""


class Part(NamedTuple):
    """One answer."""

    file: str
    label: str
    """Address, or name of the file without its ending."""
    value: Any


def read_dumps(documents: Sequence[Document]) -> tuple[Imported, list[str]]:
    """What the files say together, and the names of those that were not recognised."""
    pages: dict[str, list[tuple[Part, list[dict[str, Any]]]]] = {}
    gaps = Imported()
    unknown: list[str] = []
    parts = [part for document in documents for part in _parts(document)]
    for part in parts[:MAX_PARTS]:
        group = _MEMBERS.search(part.label)
        name = "policy_groups" if group else _name(part)
        if name is None:
            unknown.append(part.file if part.label in part.file else f"{part.file} ({clean(part.label, 80)})")
            continue
        if refused := _refusal(part, name):
            gaps = gaps.joined(refused)
            continue
        rows = _rows(part.value, single=BY_NAME[name].single)
        if group:
            rows = [{"id": group[1].lower(), "members": [{"id": row.get("id")} for row in rows]}]
        pages.setdefault(name, []).append((part, rows))
    imported = gaps
    for name, found in pages.items():
        imported = imported.joined(_reading(name, found))
    if len(parts) > MAX_PARTS:
        unknown.append(f"{len(parts) - MAX_PARTS} réponses de trop")
    return imported, list(dict.fromkeys(unknown))


# --- what a file holds


def _parts(document: Document) -> Iterator[Part]:
    """The answers of a file: one, those of a batch, or those of an object keyed by address."""
    value, label = document.value, document.path.rpartition(".")[0] or document.path
    if isinstance(value, dict) and isinstance(value.get("responses"), list):
        for answer in objects(value["responses"]):
            body = answer.get("body")
            yield Part(document.name, str(answer.get("id", "")), body if isinstance(body, (dict, list)) else {})
        return
    if isinstance(value, dict) and _keyed(value, label):
        for key, item in value.items():
            yield Part(document.name, key, item)
        return
    yield Part(document.name, label, value)


def _keyed(value: Mapping[str, Any], label: str) -> bool:
    """Whether the keys are addresses, or several names of readings in a file that names none itself."""
    if not value or "@odata.context" in value or not all(isinstance(item, (dict, list)) for item in value.values()):
        return False
    if all(key.startswith(("/", "https://")) for key in value):
        return True
    return len(value) > 1 and _by_label(label) is None and all(_by_label(key) for key in value)


def _rows(value: Any, *, single: bool) -> list[dict[str, Any]]:
    if isinstance(value, dict) and "value" in value and not isinstance(value["value"], (str, int, float, bool)):
        return objects(value["value"])
    found = objects(value)
    return found[:1] if single else found


def _refusal(part: Part, name: str) -> Imported | None:
    """An error that Graph answered and that was saved as a file."""
    error = part.value.get("error") if isinstance(part.value, dict) else None
    if not isinstance(error, dict):
        return None
    code = clean(str(error.get("code", "")), 80)
    told = f"{code} {error.get('message', '')}".lower()
    reason = Reason.ERROR
    if _NOT_PREMIUM in told or "premium" in told:
        reason = Reason.LICENCE
    elif any(word in told for word in _DENIED) or "insufficient privileges" in told:
        reason = Reason.PERMISSION
    desk = Desk(part.file)
    desk.gap(name, reason, f"{part.file} : Graph a répondu par une erreur ({code or 'sans code'}).")
    return desk.done()


# --- which reading it is


def _name(part: Part) -> str | None:
    context = part.value.get("@odata.context") if isinstance(part.value, dict) else None
    found = _CONTEXT.search(context) if isinstance(context, str) else None
    by_label = _by_label(part.label)
    by_context = _FRAGMENTS.get(_fragment(found[1])) if found else None
    if by_context and (by_label in _OTHERS and _same_place(by_label, by_context)):
        return by_label
    if by_context or by_label:
        return by_context or by_label
    return _by_shape(_rows(part.value, single=False))


def _same_place(first: str, second: str) -> bool:
    return _place(BY_NAME[first]) == _place(BY_NAME[second]) or first == "deleted_items"


def _fragment(text: str) -> str:
    """`identity/conditionalAccess/policies/$entity` to `identity/conditionalaccess/policies`."""
    return text.lower().removesuffix("/$entity").strip("/")


def _place(resource: Resource) -> str:
    """Address of a reading without version nor query."""
    path = resource.path.partition("?")[0].strip("/").lower()
    return re.sub(r"^(v1\.0|beta)/", "", path)


def _by_label(label: str) -> str | None:
    """The reading that an address, a file name or a cmdlet names; pages have a number at the end."""
    words = clean(label, 400).strip().lower().replace("\\", "/")
    words = re.sub(r"^https?://[^/]+", "", words).partition("?")[0].strip("/")
    words = re.sub(r"\.(json|xml|clixml)$", "", words)
    for text in dict.fromkeys((words, _PAGE.sub("", words))):
        bare = re.sub(r"^(.*/)?(v1\.0|beta)/", "", text)
        last = bare.rpartition("/")[2]
        for candidate in (bare, last):
            plain = re.sub(r"[^a-z0-9]", "", candidate)
            found = _FRAGMENTS.get(candidate) or _NAMES.get(plain)
            if found:
                return found
    return None


def _by_shape(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The reading whose properties the first object has, when no other fits as well."""
    if not rows:
        return None
    first = rows[0]
    keys = {"graph": set(as_graph(first)), "": set(first)}
    scores: dict[str, float] = {}
    for resource in RESOURCES:
        wanted = set(resource.properties)
        here = wanted & keys["graph" if resource.api == "graph" else ""]
        if len(here) >= min(FEWEST, len(wanted)) and len(here) >= 2 and len(here) / len(wanted) >= SHARE:  # noqa: PLR2004
            scores[resource.name] = len(here) / len(wanted) + len(here) / 100
    best = sorted(scores.items(), key=lambda one: -one[1])[:2]
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def _fragments() -> dict[str, str]:
    found: dict[str, str] = {}
    for resource in RESOURCES:
        if resource.api == "graph" and "{" not in resource.path and resource.name not in _OTHERS:
            found.setdefault(_place(resource), resource.name)
    return found


def _names() -> dict[str, str]:
    """Plain words to a reading: its own name, its cmdlet, and the end of its address when it is alone to have it."""
    found: dict[str, str] = {}
    ends: dict[str, set[str]] = {}
    for resource in RESOURCES:
        found[re.sub(r"[^a-z0-9]", "", resource.name)] = resource.name
        if resource.path.startswith("Get-"):
            cmdlet = resource.path[4:].lower()
            found[f"get{cmdlet}"] = found[cmdlet] = resource.name
        elif resource.api == "graph" and "{" not in resource.path and resource.name not in _OTHERS:
            place = _place(resource)
            found.setdefault(re.sub(r"[^a-z0-9]", "", place), resource.name)
            ends.setdefault(re.sub(r"[^a-z0-9]", "", place.rpartition("/")[2]), set()).add(resource.name)
    for end, names in ends.items():
        if len(names) == 1 and len(end) > 4:  # noqa: PLR2004 - `default` and short words say nothing
            found.setdefault(end, next(iter(names)))
    found.setdefault("conditionalaccesspolicies", "conditional_access")
    found.setdefault("capolicies", "conditional_access")
    found.pop("default", None)
    return found


_FRAGMENTS: Mapping[str, str] = _fragments()
_NAMES: Mapping[str, str] = _names()


# --- what it says


def _reading(name: str, pages: Sequence[tuple[Part, list[dict[str, Any]]]]) -> Imported:
    """One reading out of its pages."""
    resource = BY_NAME[name]
    files = list(dict.fromkeys(part.file for part, _ in pages))
    desk = Desk(files[0] if len(files) == 1 else f"{files[0]} et {len(files) - 1} autre{'s' if len(files) > 2 else ''}")  # noqa: PLR2004
    rows = [row for _, found in pages for row in found]
    followed = sum(1 for part, _ in pages if isinstance(part.value, dict) and part.value.get("@odata.nextLink"))
    complete = followed < len(pages) and _counted(pages, len(rows))
    if not complete:
        desk.limit(f"« {name} » : il manque des pages à {desk.name}.")
    elif followed:
        desk.limit(f"« {name} » : {len(pages)} pages réunies ; les fichiers ne prouvent pas qu'aucune ne manque.")
    what = resource.path.partition("?")[0]
    if name == "users":
        rows = _users(desk, rows, complete=complete, what=what)
    if name == "groups":
        rows = _groups(desk, rows, complete=complete, what=what)
    if name == "authorization_policy":
        rows = [as_stable(row) for row in rows]
    if resource.single:
        rows = rows[:1]
    desk.rows(name, rows, graph=resource.api == "graph", complete=complete, what=what)
    kept = desk.done().readings[name]
    if name == "organization":
        desk.tenant = tenant_of(kept, "")
    if name == "skus":
        desk.licences = licences_of(kept)
    return desk.done()


def _counted(pages: Iterable[tuple[Part, Any]], number: int) -> bool:
    """Whether there are as many objects as the service said, when it said."""
    told = [part.value.get("@odata.count") for part, _ in pages if isinstance(part.value, dict)]
    return all(number >= count for count in told if isinstance(count, int) and not isinstance(count, bool))


def _users(desk: Desk, rows: list[dict[str, Any]], *, complete: bool, what: str) -> list[dict[str, Any]]:
    """Accounts; those that were deleted and the activity that the same answer may hold are readings of their own."""
    rows = [as_graph(row) for row in rows]
    deleted = [row for row in rows if row.get("deletedDateTime")]
    if deleted:
        desk.rows("deleted_items", deleted, graph=True, complete=complete, what=what)
    alive = [row for row in rows if not row.get("deletedDateTime")]
    if any("signInActivity" in row for row in alive):
        # An account that was never used has no such property: the answer is about it all the same.
        known = [{"id": row.get("id"), "signInActivity": row.get("signInActivity")} for row in alive]
        desk.rows("user_activity", known, graph=True, complete=complete, what=f"{what}, signInActivity")
    return alive


def _groups(desk: Desk, rows: list[dict[str, Any]], *, complete: bool, what: str) -> list[dict[str, Any]]:
    """Groups of Microsoft 365; those that may hold a role, and owners, are readings of their own."""
    rows = [as_graph(row) for row in rows]
    if any("isAssignableToRole" in row for row in rows):
        able = [row for row in rows if row.get("isAssignableToRole") is True]
        desk.rows("role_groups", able, graph=True, complete=complete, what=what)
    unified = [row for row in rows if "Unified" in listed(row.get("groupTypes"))]
    if not any("groupTypes" in row for row in rows):
        unified = rows
        desk.limit(
            f"« groups » : {desk.name} ne dit pas la sorte des groupes, tous sont pris pour ceux de Microsoft 365."
        )
    if any("owners" in row for row in unified):
        desk.rows("group_owners", unified, graph=True, complete=complete, what=f"{what}, owners")
    return unified
