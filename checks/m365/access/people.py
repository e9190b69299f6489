"""To which accounts each policy applies: inclusions and exclusions, with what could not be determined."""

from __future__ import annotations

from collections.abc import Mapping

from checks.m365.views.policies import GuestScope, Policy, Scope
from checks.model import Record

Ids = frozenset[str]
NOBODY: Ids = frozenset()


class Person(Record, frozen=True, kw_only=True):
    """One account as Conditional Access sees it."""

    id: str
    name: str
    guest: bool | None = False
    """None when the type was not read."""
    external: bool = False


class Directory(Record, frozen=True, kw_only=True):
    """Who there is, in which groups, with which roles."""

    people: tuple[Person, ...]
    groups: Mapping[str, Ids]
    """Members, direct or not, of the groups that policies name; a group that is not here was not read."""
    groups_whole: bool = True
    """False: those groups may have other members."""
    gone: Ids = NOBODY
    """Groups that no longer exist: nobody is in them."""
    roles: Mapping[str, Ids]
    """Holders of each role by template id."""
    roles_known: bool = True
    """False: a person may have a role that is not here."""
    eligible: Mapping[str, Ids] = {}
    """Those who may activate a role, and do not hold it until then."""


class Reach(Record, frozen=True, kw_only=True):
    """Whom a policy concerns."""

    sure: Ids
    possible: Ids
    """Those, and the ones for whom it could not be determined."""
    unread: tuple[str, ...] = ()
    """Groups and roles that were needed and not read."""


def reach(policy: Policy, directory: Directory) -> Reach:
    """The accounts of a policy: an exclusion always wins over an inclusion."""
    everyone = frozenset(person.id for person in directory.people)
    if policy.workloads:
        return Reach(sure=NOBODY, possible=NOBODY)
    if policy.faults:
        return Reach(sure=NOBODY, possible=everyone)
    kept, maybe_kept, unread_in = _side(policy.include, directory, everyone)
    out, maybe_out, unread_out = _side(policy.exclude, directory, everyone)
    return Reach(
        sure=kept - out - maybe_out,
        possible=(kept | maybe_kept) - out,
        unread=tuple(dict.fromkeys((*unread_in, *unread_out))),
    )


def _side(scope: Scope, directory: Directory, everyone: Ids) -> tuple[Ids, Ids, tuple[str, ...]]:
    sure: set[str] = set(everyone) if "all" in scope.users else set(scope.users) & everyone
    maybe: set[str] = set()
    unread: list[str] = []
    for key in scope.groups:
        if key in directory.groups:
            sure |= directory.groups[key] & everyone
        if key not in directory.gone and (key not in directory.groups or not directory.groups_whole):
            maybe |= everyone
            unread.append(key)
    for key in scope.roles:
        if key == "all":
            sure |= {holder for holders in directory.roles.values() for holder in holders} & everyone
        sure |= directory.roles.get(key, NOBODY) & everyone
        if not directory.roles_known:
            maybe |= everyone
            unread.append(key)
    for person in directory.people:
        told = _guest(scope, person)
        if told:
            sure.add(person.id)
        elif told is None:
            maybe.add(person.id)
    return frozenset(sure), frozenset(maybe - sure), tuple(unread)


def _guest(scope: Scope, person: Person) -> bool | None:
    """Whether the person is among the guests of the scope."""
    old = "guestsorexternalusers" in scope.users
    if not old and not scope.guests.types:
        return False
    if person.guest is None:
        return None
    if old and person.guest:
        return True
    kind = _kind(person)
    if kind and kind in scope.guests.types:
        return _tenants(scope.guests, kind)
    # The old word covers « all guest and external users »: an external member is not surely one of them.
    return None if old and person.external else False


def _kind(person: Person) -> str:
    if person.guest:
        return "b2bcollaborationguest" if person.external else "internalguest"
    return "b2bcollaborationmember" if person.external else ""


def _tenants(scope: GuestScope, kind: str) -> bool | None:
    return None if scope.some_tenants and kind != "internalguest" else True
