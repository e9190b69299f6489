"""What an access token says of itself: read, not verified, since the service does it and we only tell what it opens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

_READING = frozenset({"Read", "ReadBasic"})
"""Verbs of Graph permissions that only read: `User.Read.All`, `Channel.ReadBasic.All`."""
_SIGN_IN = frozenset({"openid", "profile", "email", "offline_access", ""})
BOUNDED = frozenset({"Exchange.ManageAsApp", "application_access"})
"""Permissions without power of their own: what they open is what the directory role of the application allows."""
READER_ROLES = {
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "5d6b6bb7-de71-4623-b4af-96380a352509": "Security Reader",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
    "4a5d8f65-41da-4de4-8968-e035b65339cf": "Reports Reader",
}
"""Template ids of the built-in directory roles that only read, as Microsoft documents them."""
EVERYBODY = frozenset({"b79fbf4d-3ef9-4689-8143-76b194e85509", "0997a1d0-0d1d-4acb-b408-d5ca73121e90"})
"""Not roles: seen in the `wids` of the token of every member, and of every application."""
MAX_TOKEN = 1 << 16


def claims_of(token: str) -> Mapping[str, Any]:
    """The payload of a JWT; empty when it is not one."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN:  # noqa: PLR2004 - header, payload, signature
        return {}
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = msgspec.json.decode(raw)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def granted(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Permissions of an application (`roles`) or of a person (`scp`), in alphabetical order."""
    roles = claims.get("roles")
    found = {role for role in roles if isinstance(role, str)} if isinstance(roles, list) else set()
    scopes = claims.get("scp")
    if isinstance(scopes, str):
        found |= set(scopes.split())
    return tuple(sorted(found - _SIGN_IN))


def writable(permissions: tuple[str, ...]) -> tuple[str, ...]:
    """Those that allow more than reading; a name without the verb of reading counts as one of them."""
    return tuple(name for name in permissions if name not in BOUNDED and not _READING & set(name.split(".")))


def strong_roles(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Directory roles of the token (`wids`) that are not those of a reader."""
    roles = claims.get("wids")
    if not isinstance(roles, list):
        return ()
    return tuple(sorted({role for role in roles if isinstance(role, str)} - READER_ROLES.keys() - EVERYBODY))


def text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is a text; empty otherwise."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""
