"""Accounts that policies leave out on purpose: rescue accounts, and the one that synchronises the directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.m365.access.tenant import Access
from checks.m365.facts import M365Facts
from checks.m365.views.policies import Policy
from checks.model import Record

MAX_RESCUE = 2
"""Microsoft recommends two; more is no longer an emergency."""
SYNCHRONISATION = "d29b2b05-8046-44ba-8758-1e26182fcf32"
"""Role « Directory Synchronization Accounts »: a program signs in, that has no second factor to present."""


class Rescue(Record, frozen=True, kw_only=True):
    """Rescue accounts."""

    ids: frozenset[str]
    declared: bool
    """The profile names them; otherwise they are those that every policy leaves out by name."""

    @property
    def words(self) -> str:
        """For a sentence, empty when there is none."""
        if not self.ids:
            return ""
        count = len(self.ids)
        kind = "de secours" if self.declared else "exclu partout, pris pour un compte de secours"
        if count > 1 and not self.declared:
            kind = "exclus partout, pris pour des comptes de secours"
        return f" (hors {count} compte{'s' if count > 1 else ''} {kind})"


def rescue(facts: M365Facts, found: Access) -> Rescue:
    """The declared rescue accounts; else those, two at most, that every policy for all people leaves out by name."""
    named = declared(facts, {person.id: person.name for person in found.directory.people})
    if facts.break_glass:
        return Rescue(ids=named, declared=True)
    everyone = [set(policy.exclude.users) for policy in for_all(found.policies)]
    common = set.intersection(*everyone) & set(found.people) if everyone else set()
    return Rescue(ids=frozenset(common if len(common) <= MAX_RESCUE else ()), declared=False)


def declared(facts: M365Facts, names: Mapping[str, str]) -> frozenset[str]:
    """Ids of the accounts that the profile names, by name or by id."""
    wanted = {name.casefold() for name in facts.break_glass}
    return frozenset(key for key, name in names.items() if key in wanted or name.casefold() in wanted)


def for_all(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Policies that demand something of all people."""
    return tuple(policy for policy in policies if "all" in policy.include.users and policy.clauses)


def synchronisation(found: Access) -> frozenset[str]:
    """Accounts of the program that copies the directory of the site."""
    return found.directory.roles.get(SYNCHRONISATION, frozenset())
