"""Who stands for the accounts that a file does not list, when policies come from an export.

A policy says by itself what it demands of an account that no list names: one of a member and one of a guest, in no
known group and without role, answer for all of them. Accounts that policies name are added one by one. Groups whose
members are unknown stay a doubt for everybody, as they are when they could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.m365.access.people import Person
from checks.m365.facts import M365Facts, Rows
from checks.m365.reading import reading
from checks.m365.views.policies import Policy
from checks.m365.views.values import word
from checks.model import Origin

MEMBER = Person(id="*member", name="tout autre membre du personnel", guest=False)
GUESTS = (
    Person(id="*guest", name="tout invité d'une autre organisation", guest=True, external=True),
    Person(id="*internal", name="tout invité interne", guest=True),
)
WORDS = frozenset({"all", "none", "guestsorexternalusers"})


def imported(found: Rows) -> bool:
    """The policies come from a file: the accounts of the tenant may never have been listed."""
    return found.origin is Origin.IMPORTED


def strangers(facts: M365Facts, known: Iterable[Person], policies: Iterable[Policy]) -> tuple[tuple[Person, ...], bool]:
    """The known accounts, those that policies name, and those that stand for all the others; whether they are enough.

    They are not when the profile names a rescue account that the file does not know: one of the accounts left out by
    name may be it.
    """
    people = {person.id: person for person in known}
    names = {person.name.casefold() for person in people.values()}
    named = {key for policy in policies for side in (policy.include, policy.exclude) for key in side.users}
    unlisted = sorted(named - WORDS - people.keys())
    rescue = {name.strip().casefold() for name in facts.break_glass}
    lost = rescue - names - people.keys() - set(unlisted)
    people |= {key: Person(id=key, name=f"le compte {key}", guest=None) for key in unlisted}
    return (*people.values(), MEMBER, *GUESTS), not (lost and unlisted)


def told_roles(facts: M365Facts, policies: Iterable[Policy]) -> bool:
    """Whether holders were listed for every role that policies name: an export may list those of a few roles only."""
    found = reading(facts, "role_definitions")
    if not isinstance(found, Rows) or found.complete:
        return True
    known = {word(row, prop) for row in found.rows for prop in ("id", "templateId")}
    return {key for policy in policies for side in (policy.include, policy.exclude) for key in side.roles} <= known
