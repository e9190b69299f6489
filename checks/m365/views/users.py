"""Accounts of the directory, and what is known of their use and of their second factor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from checks.m365.facts import Rows
from checks.m365.views.values import Row, flag, has, moment, rows, text, word
from checks.model import Affected, Record

EXTERNAL = "#ext#"
"""In the name of an account that signs in elsewhere (B2B)."""


class User(Record, frozen=True, kw_only=True):
    """One account."""

    id: str
    name: str
    """User principal name, or the display name when there is none."""
    enabled: bool | None
    guest: bool | None
    """Its type is Guest; None when the type was not read."""
    external: bool
    """It signs in with an account of elsewhere."""
    created: datetime | None
    synced: bool
    """Comes from a directory on site, or once did."""
    pending: bool
    """Invited, and never accepted."""
    state_since: datetime | None
    licensed: bool | None
    """Has at least one licence; None when the licences were not read."""
    mailbox: bool | None
    """Has an Exchange plan enabled; None when the plans were not read."""

    def point(self, detail: str, kind: str) -> Affected:
        """This account as an object of a verdict."""
        return Affected(id=self.id, label=self.name, detail=detail, kind=kind, ref=self.name)


def users(found: Rows) -> tuple[User, ...]:
    """Accounts whose identity can be read; `unreadable` counts the others."""
    return tuple(user for row in found.rows if (user := _user(row)) is not None)


def unreadable(found: Rows) -> int:
    """Rows that cannot be told apart: no identifier."""
    return sum(1 for row in found.rows if not word(row, "id"))


def whole(found: Rows) -> bool:
    """Every account was read and can be told apart."""
    return found.complete and not unreadable(found)


def _user(row: Row) -> User | None:
    key = word(row, "id")
    if not key:
        return None
    name = text(row, "userPrincipalName")
    kind = word(row, "userType")
    state = word(row, "externalUserState")
    plans = rows(row, "assignedPlans")
    exchange = any(word(p, "service") == "exchange" and word(p, "capabilityStatus") == "enabled" for p in plans)
    return User(
        id=key,
        name=name or text(row, "displayName") or key,
        enabled=flag(row, "accountEnabled"),
        guest={"guest": True, "member": False}.get(kind),
        external=bool(state) or EXTERNAL in name.casefold(),
        created=moment(row, "createdDateTime"),
        synced=flag(row, "onPremisesSyncEnabled") is True or bool(text(row, "onPremisesImmutableId")),
        pending=state == "pendingacceptance",
        state_since=moment(row, "externalUserStateChangeDateTime"),
        licensed=bool(rows(row, "assignedLicenses")) if has(row, "assignedLicenses") else None,
        mailbox=exchange if has(row, "assignedPlans") else None,
    )


def last_use(found: Rows) -> Mapping[str, datetime | None]:
    """Latest successful sign-in of each account by id; None when it never signed in or the date is unreadable.

    `lastSuccessfulSignInDateTime` exists since December 2023: `lastSignInDateTime` and the non-interactive one fill in.
    """
    used: dict[str, datetime | None] = {}
    for row in found.rows:
        activity = row.get("signInActivity")
        seen = activity if isinstance(activity, Mapping) else {}
        dates = [
            when
            for name in ("lastSuccessfulSignInDateTime", "lastSignInDateTime", "lastNonInteractiveSignInDateTime")
            if (when := moment(seen, name)) is not None
        ]
        used[word(row, "id")] = max(dates, default=None)
    return used


def capable(found: Rows) -> Mapping[str, bool | None]:
    """By account id, whether it has a second factor that it can use; None when the report does not say."""
    told: dict[str, bool | None] = {}
    for row in found.rows:
        able = flag(row, "isMfaCapable")
        told[word(row, "id")] = able if able is not None else flag(row, "isMfaRegistered")
    return told
