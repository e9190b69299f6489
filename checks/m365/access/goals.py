"""What is demanded of a sign-in, and which policies guarantee it.

Demands are clauses that must all be met, each by one of its controls. On a given device, a clause that the device
meets by itself demands nothing more, and the controls that only another device meets cannot be chosen. A policy then
guarantees a goal when one of its clauses has nothing but controls of the goal, as a conjunction of such clauses entails
a set of controls only through one of them. A blocked sign-in (the empty clause) meets every goal.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from checks.m365.facts import Rows
from checks.m365.views.policies import Clause, Policy
from checks.m365.views.values import is_list, texts, word

STRENGTH_MFA = "00000000-0000-0000-0000-000000000002"
STRENGTH_PASSWORDLESS = "00000000-0000-0000-0000-000000000003"
STRENGTH_PHISHING = "00000000-0000-0000-0000-000000000004"
"""Built-in authentication strengths: the same identifiers in every tenant (Microsoft Entra documentation)."""
RESISTANT = frozenset({"windowshelloforbusiness", "fido2", "x509certificatemultifactor"})
"""Methods that a false page cannot replay: what the built-in phishing-resistant strength allows."""
SEVERAL = RESISTANT | {
    "devicebasedpush",
    "temporaryaccesspassonetime",
    "temporaryaccesspassmultiuse",
    "federatedmultifactor",
}
"""Single entries that count as several factors; the other ones of several factors are written with a comma."""
WEAK = frozenset({"password", "sms", "voice", "x509certificatesinglefactor", "federatedsinglefactor", "qrcodepin"})
"""Combinations of one factor only. Source: `authenticationMethodModes` of Microsoft Graph."""


class Goal(enum.Enum):
    """What one wants of every sign-in."""

    BLOCK = "block"
    MFA = "mfa"
    RESISTANT = "resistant"
    MANAGED = "managed"
    MFA_OR_MANAGED = "mfa_or_managed"
    PASSWORD = "password"  # noqa: S105 - a goal


ANY_DEVICE = frozenset({Goal.MANAGED, Goal.MFA_OR_MANAGED})
"""Goals that a managed device meets by itself: only the other devices are examined."""


class Strength(enum.IntEnum):
    """What an authentication strength is worth."""

    UNKNOWN = 0
    ONE_FACTOR = 1
    MFA = 2
    RESISTANT = 3


Strengths = Mapping[str, Strength]
BUILT_IN: Strengths = {
    STRENGTH_MFA: Strength.MFA,
    STRENGTH_PASSWORDLESS: Strength.MFA,
    STRENGTH_PHISHING: Strength.RESISTANT,
}
MANAGED = frozenset({"compliantdevice", "domainjoineddevice"})
BOTH = "compliant domainjoined"
MEETS: Mapping[str, frozenset[str]] = {
    "": frozenset(),
    "compliant": frozenset({"compliantdevice"}),
    "domainjoined": frozenset({"domainjoineddevice"}),
    BOTH: MANAGED,
}
"""Controls that each state of the device meets by itself."""


def strengths(found: Rows | None) -> Strengths:
    """Worth of each strength by id: the built-in ones, and those of the tenant when they were read."""
    known: dict[str, Strength] = dict(BUILT_IN)
    for row in found.rows if found else ():
        key = word(row, "id")
        if key and key not in BUILT_IN and is_list(row, "allowedCombinations"):
            known[key] = _worth(item.replace(" ", "").casefold() for item in texts(row, "allowedCombinations"))
    return known


def _worth(combinations: Iterable[str]) -> Strength:
    every = set(combinations)
    if not every:
        return Strength.UNKNOWN
    if every <= RESISTANT:
        return Strength.RESISTANT
    if every & WEAK:
        return Strength.ONE_FACTOR
    return Strength.MFA if all(item in SEVERAL or "," in item for item in every) else Strength.UNKNOWN


def meets(atom: str, goal: Goal, known: Strengths) -> bool | None:
    """Whether one control is of the goal; None when it cannot be told."""
    if goal is Goal.BLOCK:
        return False
    if goal is Goal.PASSWORD:
        return atom in ("passwordchange", "riskremediation")
    if goal is Goal.MANAGED:
        return False
    if atom.startswith("strength:"):
        worth = known.get(atom.removeprefix("strength:"), Strength.UNKNOWN)
        wanted = Strength.RESISTANT if goal is Goal.RESISTANT else Strength.MFA
        return None if worth is Strength.UNKNOWN else worth >= wanted
    # A control of another product may well be a second factor: Microsoft does not know it either.
    return None if atom.startswith("custom:") else atom == "mfa" and goal is not Goal.RESISTANT


def guarantees(policy: Policy, goal: Goal, known: Strengths, device: str) -> bool | None:
    """Whether the policy, where it applies, leaves no way but the goal on that device; None when it cannot be told."""
    left = [clause - MANAGED for clause in policy.clauses if not clause & MEETS[device]]
    told = [_clause(clause, goal, known) for clause in left]
    if True in told:
        return True
    # What cannot be read of a policy may be its very demands.
    return None if None in told or policy.faults else False


def _clause(clause: Clause, goal: Goal, known: Strengths) -> bool | None:
    told = {meets(atom, goal, known) for atom in clause}
    return False if False in told else None if None in told else True
