"""Anomalies of the rules of a device, as the administrator knows them: one rule may stand in several chains.

Terms, for a rule R among the rules of its chain:
- shadowed: no packet reaches R, and some packet of R gets the other action from an earlier rule;
- redundant, upward: no packet reaches R, and earlier rules already do what R says;
- redundant, downward: packets reach R, but later rules would do the same to all of them;
- generalisation: R holds all packets of an earlier, live rule that has the other action (an exception, then a rule);
- correlation: R and an earlier, live rule have opposite actions and common packets, and neither holds the other;
- empty: nothing can match R (a group without members);
- undetermined: R is perhaps never reached: it depends on objects whose content is not known, or the proof was too
  long. Rules that also ask for a user, a time or a rate are not counted on to hide others: they leave the rest.

Generalisation, correlation and the choice between shadowed and redundant look at new connections only: that
invalid packets are refused first, or replies accepted first, contradicts no rule.

Terms after Al-Shaer and Hamed (2004); complete redundancy after Liu and Gouda (2005).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from checks.firewall.algebra.anomalies import LISTED, Found, find_anomalies
from checks.firewall.algebra.flatten import Policy, policies_of
from checks.firewall.algebra.space import Cube, meet_cubes, representative
from checks.firewall.facts import FORWARD, INPUT, OUTPUT, Device, Rule

SHADOWED, REDUNDANT, GENERALISATION = "shadowed", "redundant", "generalisation"
CORRELATION, EMPTY, UNDETERMINED = "correlation", "empty", "undetermined"
UPWARD, DOWNWARD = "upward", "downward"
KINDS = (SHADOWED, REDUNDANT, GENERALISATION, CORRELATION, EMPTY, UNDETERMINED)


class Anomaly(NamedTuple):
    """One finding about one rule."""

    kind: str
    rule: Rule
    chain: str
    related: tuple[Rule, ...] = ()
    """Blocking rules, or the other rules concerned, in order; at most `LISTED`."""
    related_count: int = 0
    witness: Mapping[str, str] | None = None
    """A packet that shows it (see `Space.describe`)."""
    action_differs: bool = False
    """Some packet of the rule gets the other action."""
    direction: str = ""
    """`upward` or `downward` for a redundancy."""
    smallest: bool = True
    """The blocking set is proved to be as small as possible; False when the search was cut."""
    why: str = ""
    """For `undetermined`: `objects` (content not known), `budget` (proof too long) or `incomplete` (calls that could
    not be followed)."""


RuleKey = tuple[int, int, str, str]


class _Seen(NamedTuple):
    """One line a rule became."""

    policy: Policy
    number: int
    found: Found


def key_of(rule: Rule, chain: str) -> RuleKey:
    """Identity of a rule within a device: the same line of the file, whatever the chains it was put in."""
    return (rule.file, rule.line, rule.ref, "" if rule.line else chain)


def device_anomalies(
    device: Device, *, pairs: bool = True, unfolded: Callable[[str], Sequence[Policy]] | None = None
) -> tuple[Anomaly, ...]:
    """Every anomaly of a device, in rule order.

    `pairs=False` looks only for rules that are never reached. `unfolded` gives the policies of a hook to a caller who
    has them already. Raises ValueError on facts somebody edited.
    """
    seen: dict[RuleKey, list[_Seen]] = {}
    for hook in (FORWARD, INPUT, OUTPUT):
        for policy in policies_of(device, hook) if unfolded is None else unfolded(hook):
            findings = find_anomalies(policy, pairs=pairs)
            for number, found in enumerate(findings):
                entry = policy.entries[number]
                if not entry.rule.automatic:
                    seen.setdefault(key_of(entry.rule, entry.chain), []).append(_Seen(policy, number, found))
    return tuple(anomaly for lines in seen.values() for anomaly in _anomalies_of(lines))


def _anomalies_of(lines: Sequence[_Seen]) -> Iterable[Anomaly]:
    first = lines[0].policy.entries[lines[0].number]
    base = Anomaly(kind=EMPTY, rule=first.rule, chain=first.chain)
    inhabited = [line for line in lines if not line.found.empty]
    if not inhabited:
        yield base
        return
    if all(line.found.dead for line in inhabited):
        yield _dead(base, inhabited)
        return
    live = [line for line in inhabited if not line.found.dead]
    if all(line.found.undetermined or not line.policy.complete for line in live):
        why = next((line.found.undetermined for line in live if line.found.undetermined), "incomplete")
        yield base._replace(kind=UNDETERMINED, why=why, witness=_witness(live))
        return
    if all(line.found.downward for line in live):
        related = _rules(live, [line.found.blockers for line in live], base.rule)
        yield base._replace(
            kind=REDUNDANT,
            direction=DOWNWARD,
            related=related[:LISTED],
            related_count=len(related),
            witness=_witness(live),
        )
    yield from _pairs(base, live)


def _dead(base: Anomaly, lines: Sequence[_Seen]) -> Anomaly:
    differs = any(line.found.differs for line in lines)
    related = _rules(lines, [line.found.blockers for line in lines], base.rule)
    shown = [line for line in lines if line.found.differs] or lines
    return base._replace(
        kind=SHADOWED if differs else REDUNDANT,
        direction="" if differs else UPWARD,
        related=related,
        related_count=len(related),
        witness=_witness(shown),
        action_differs=differs,
        smallest=all(line.found.smallest for line in lines),
    )


def _pairs(base: Anomaly, lines: Sequence[_Seen]) -> Iterable[Anomaly]:
    for kind in (GENERALISATION, CORRELATION):
        lists = [line.found.generalised if kind == GENERALISATION else line.found.correlated for line in lines]
        counts = [
            line.found.generalised_count if kind == GENERALISATION else line.found.correlated_count for line in lines
        ]
        related = _rules(lines, lists, base.rule)
        if not related:
            continue
        yield base._replace(
            kind=kind,
            related=related[:LISTED],
            related_count=max(len(related), *counts),
            witness=_common_packet(lines, lists),
        )


def _rules(lines: Sequence[_Seen], lists: Sequence[Sequence[int]], but: Rule) -> tuple[Rule, ...]:
    """Rules behind entry numbers, each once, in the order of the file."""
    found: dict[RuleKey, Rule] = {}
    for line, numbers in zip(lines, lists, strict=True):
        for number in numbers:
            entry = line.policy.entries[number]
            if entry.rule is not but:
                found.setdefault(key_of(entry.rule, entry.chain), entry.rule)
    return tuple(sorted(found.values(), key=lambda rule: (rule.file, rule.line)))


def _witness(lines: Sequence[_Seen]) -> Mapping[str, str] | None:
    line = next((line for line in lines if line.found.witness is not None), None)
    if line is None or line.found.witness is None:
        return None
    return line.policy.describe(line.found.witness)


def _common_packet(lines: Sequence[_Seen], lists: Sequence[Sequence[int]]) -> Mapping[str, str] | None:
    for line, numbers in zip(lines, lists, strict=True):
        entries = line.policy.entries
        for number in numbers:
            common = _meet_any(entries[line.number].sure, entries[number].sure or entries[number].may)
            if common is not None:
                return line.policy.describe(representative(common))
    return None


def _meet_any(left: Sequence[Cube], right: Sequence[Cube]) -> Cube | None:
    return next((common for one in left for other in right if (common := meet_cubes(one, other)) is not None), None)
