"""What is kept of an object: the properties that the table of readings names, and nothing secret below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checks.m365.resources import Resource

CREDENTIAL = ("keyId", "displayName", "startDateTime", "endDateTime", "type", "usage")
PRINCIPAL = (
    "id", "@odata.type", "displayName", "userPrincipalName", "userType", "accountEnabled", "appId",
    "servicePrincipalType", "isAssignableToRole", "onPremisesSyncEnabled",
)  # fmt: skip
NESTED: Mapping[str, tuple[str, ...]] = {
    "passwordCredentials": CREDENTIAL,
    "keyCredentials": CREDENTIAL,
    "owners": PRINCIPAL,
    "members": PRINCIPAL,
    "principal": PRINCIPAL,
    "assignedLicenses": ("skuId",),
    "appRoles": ("id", "value", "isEnabled", "allowedMemberTypes"),
    "appRoleAssignments": ("id", "appRoleId", "resourceId", "resourceDisplayName", "createdDateTime"),
}
"""Kept of the objects below these properties."""
NEVER = frozenset({"secretText", "hint", "customKeyIdentifier", "secret", "password", "key"})
"""Names dropped wherever they are found: the beginning of a secret is a secret."""
HIDDEN_SETTINGS = frozenset({"BannedPasswordList"})
"""Values of directory settings that are shown as present only: a list of forbidden words tells what people choose."""
MAX_DEPTH = 12


class Trimmer:
    """Keeps what a reading needs, and shares the values that thousands of objects have in common."""

    def __init__(self, resource: Resource) -> None:
        self._properties = resource.properties
        self._shared: dict[str, Any] = {}

    def rows(self, found: Iterable[Any]) -> list[Mapping[str, Any]]:
        """The objects of a page, trimmed; what is not an object is left out."""
        return [self.row(item) for item in found if isinstance(item, dict)]

    def row(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """One object, trimmed."""
        if not self._properties:
            return {name: _safe(value, 0) for name, value in item.items() if not _is_noise(name)}
        return {name: self._value(name, item[name]) for name in self._properties if name in item}

    def _value(self, name: str, value: Any) -> Any:
        if not isinstance(value, (dict, list)):
            return value
        kept = _only(value, NESTED[name]) if name in NESTED else _safe(value, 0)
        if isinstance(kept, list) and len(kept) > MAX_SHARED:
            return kept
        return self._shared.setdefault(repr(kept), kept) if len(self._shared) < MAX_SHARED else kept


def absent(resource: Resource, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Properties of the table that no object had: this service never gives them, which is not the same as empty."""
    if not rows or resource.per:
        return ()
    left = {name for name in resource.properties if "@" not in name}
    for row in rows:
        left -= row.keys()
        if not left:
            return ()
    return tuple(name for name in resource.properties if name in left)


MAX_SHARED = 2_000
"""Distinct values remembered; beyond, each object keeps its own."""


def _only(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_only(item, names) for item in value if isinstance(item, dict)]
    return {name: _safe(value[name], 0) for name in names if name in value}


def _safe(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [_safe(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and value["name"] in HIDDEN_SETTINGS:
            return {"name": value["name"], "value": "***" if value.get("value") else ""}
        return {
            name: _safe(item, depth + 1) for name, item in value.items() if name not in NEVER and not _is_noise(name)
        }
    return value


def _is_noise(name: str) -> bool:
    """Annotations of the protocol, except the type of an object."""
    return "@" in name and not name.endswith("@odata.type")
