"""What changed between two sets of outcomes judged with ONE control set. Pure.

The join is on (control, subject). A finding that has no verdict today is "no longer assessed", never
"corrected"; one that had no verdict before is "newly assessed", never "new". Inside a persistent finding,
objects are compared by fingerprint; an object that left while another of the same name appeared (deleted and
created again) still has the fault, and is not shown as corrected.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from checks.model import Affected, Outcome, Record, Run, Severity, Verdict, fingerprint


class Change(enum.StrEnum):
    """What became of one question about one subject."""

    CORRECTED = "corrected"
    """Failed, conforms now."""
    PERSISTENT = "persistent"
    """Failed, still fails."""
    NEW = "new"
    """Conformed or had no object, fails now."""
    NO_LONGER_APPLICABLE = "no_longer_applicable"
    """Failed, and the question has no object any more."""
    NO_LONGER_ASSESSED = "no_longer_assessed"
    """Had a verdict, has none now: nothing can be concluded."""
    NEWLY_ASSESSED = "newly_assessed"
    """Had no verdict, has one now: the fault, if any, may be old."""
    STABLE = "stable"
    """Did not fail, does not fail."""
    UNKNOWN = "unknown"
    """No verdict on either side."""


class ComparedFinding(Record, frozen=True):
    """One question about one subject, before and now."""

    control: str
    subject: str
    domain: str
    change: Change
    severity: Severity
    """Of the newest outcome that has a verdict."""
    old_verdict: Verdict | None = None
    """None when the question was not asked about that subject."""
    new_verdict: Verdict | None = None
    old_message: str = ""
    new_message: str = ""
    reason: str = ""
    """A `Reason`, when there is no verdict now."""
    measure: str = ""
    corrected_objects: tuple[Affected, ...] = ()
    new_objects: tuple[Affected, ...] = ()
    persistent_objects: tuple[Affected, ...] = ()
    """Objects of a finding that fails on both sides."""


class RunIdentity(Record, frozen=True):
    """What the comparison must say of each side."""

    id: str
    date: datetime
    tool_version: str
    catalogue_sha256: str


class Comparison(Record, frozen=True):
    """Everything that changed, ready to be shown or written as JSON."""

    findings: tuple[ComparedFinding, ...]
    counts: Mapping[str, Mapping[str, int]]
    """Change -> severity -> number of findings."""
    failed_before: Mapping[str, int]
    """Severity -> number of failed outcomes."""
    failed_after: Mapping[str, int]
    structure: str = ""
    old: RunIdentity | None = None
    new: RunIdentity | None = None
    warnings: tuple[str, ...] = ()
    """What weakens the comparison, in French."""

    def of(self, change: Change) -> tuple[ComparedFinding, ...]:
        """The findings of one kind, worst first."""
        return tuple(item for item in self.findings if item.change is change)

    def count(self, change: Change) -> int:
        """How many findings are of that kind."""
        return sum(self.counts.get(change, {}).values())

    @property
    def newly_failed(self) -> tuple[ComparedFinding, ...]:
        """Faults seen for the first time because the question had no verdict before."""
        return tuple(i for i in self.of(Change.NEWLY_ASSESSED) if i.new_verdict is Verdict.FAIL)


_Key = tuple[str, str]

_WORST_FIRST = (Verdict.FAIL, Verdict.NOT_ASSESSED, Verdict.PASS, Verdict.NOT_APPLICABLE)


def compare_runs(old: Run, new: Run) -> Comparison:
    """Compare two runs of one structure; the caller has judged both with today's controls."""
    compared = compare_outcomes(old.outcomes, new.outcomes)
    warnings = list(compared.warnings)
    if old.tool.catalogue_sha256 != new.tool.catalogue_sha256:
        warnings.append(
            "Les deux audits n'ont pas été jugés avec le même catalogue de contrôles : une différence peut "
            "venir de la règle et non de la structure."
        )
    if old.structure.name.casefold() != new.structure.name.casefold():
        warnings.append(
            f"Les deux audits ne portent pas le même nom de structure : « {old.structure.name} » puis "
            f"« {new.structure.name} »."
        )
    if new.started < old.started:
        warnings.append("L'audit présenté comme le plus récent est antérieur à l'autre.")
    return msgspec.structs.replace(
        compared,
        structure=new.structure.name,
        old=_identity(old),
        new=_identity(new),
        warnings=tuple(warnings),
    )


def compare_outcomes(old: Iterable[Outcome], new: Iterable[Outcome]) -> Comparison:
    """Compare two lists of outcomes."""
    before, after = _index(old), _index(new)
    findings = sorted(
        (_compared(before.get(key), after.get(key), after) for key in before.keys() | after.keys()),
        key=lambda item: (item.severity.rank, item.control, item.subject.casefold()),
    )
    return Comparison(
        findings=tuple(findings),
        counts={str(change): _by_severity(i.severity for i in findings if i.change is change) for change in Change},
        failed_before=_by_severity(o.severity for o in before.values() if o.verdict is Verdict.FAIL),
        failed_after=_by_severity(o.severity for o in after.values() if o.verdict is Verdict.FAIL),
        warnings=_version_warnings(before, after),
    )


def classify(old: Verdict | None, new: Verdict | None) -> Change:
    """The change between two verdicts; None stands for a question that was not asked."""
    silent = (None, Verdict.NOT_ASSESSED)
    if old in silent:
        return Change.UNKNOWN if new in silent else Change.NEWLY_ASSESSED
    if new in silent:
        return Change.NO_LONGER_ASSESSED
    if new is Verdict.FAIL:
        return Change.PERSISTENT if old is Verdict.FAIL else Change.NEW
    if old is Verdict.FAIL:
        return Change.CORRECTED if new is Verdict.PASS else Change.NO_LONGER_APPLICABLE
    return Change.STABLE


def _index(outcomes: Iterable[Outcome]) -> dict[_Key, Outcome]:
    """Outcomes by (control, subject). Two of the same key become one: worst verdict, all objects."""
    found: dict[_Key, Outcome] = {}
    for outcome in outcomes:
        key = (outcome.control, outcome.subject.casefold())
        found[key] = _merged(found[key], outcome) if key in found else outcome
    return found


def _merged(first: Outcome, second: Outcome) -> Outcome:
    worst, other = sorted((first, second), key=lambda o: (_WORST_FIRST.index(o.verdict), o.severity.rank))
    if other.verdict is not Verdict.FAIL:
        return worst
    return msgspec.structs.replace(worst, affected=worst.affected + other.affected)


def _compared(old: Outcome | None, new: Outcome | None, after: Mapping[_Key, Outcome]) -> ComparedFinding:
    change = classify(old.verdict if old else None, new.verdict if new else None)
    newest = new if new and (old is None or new.verdict is not Verdict.NOT_ASSESSED) else old
    if newest is None:
        raise ValueError("a compared finding needs at least one side")
    corrected: tuple[Affected, ...] = ()
    appeared: tuple[Affected, ...] = ()
    remaining: tuple[Affected, ...] = ()
    if old and new and change is Change.PERSISTENT:
        corrected, appeared, remaining = _moves(_objects(old), _objects(new))
    silent = new or _domain_silence(newest.control, after)
    unassessed = silent is not None and silent.verdict is Verdict.NOT_ASSESSED
    return ComparedFinding(
        control=newest.control,
        subject=newest.subject,
        domain=newest.domain,
        change=change,
        severity=newest.severity,
        old_verdict=old.verdict if old else None,
        new_verdict=new.verdict if new else None,
        old_message=old.message if old else "",
        new_message=silent.message if silent and (new or unassessed) else "",
        reason=silent.reason if silent and unassessed else "",
        measure=newest.measure,
        corrected_objects=corrected,
        new_objects=appeared,
        persistent_objects=remaining,
    )


def _moves(
    before: Mapping[str, Affected], now: Mapping[str, Affected]
) -> tuple[tuple[Affected, ...], tuple[Affected, ...], tuple[Affected, ...]]:
    """Corrected, new and remaining objects. Each name that left answers for one object that came with it."""
    left = {key: item for key, item in before.items() if key not in now}
    names = Counter(item.label.casefold() for item in left.values() if item.label)
    appeared: list[Affected] = []
    remaining: list[Affected] = []
    renewed: Counter[str] = Counter()
    for key, item in now.items():
        name = item.label.casefold()
        if key in before:
            remaining.append(item)
        elif renewed[name] < names[name]:
            renewed[name] += 1
            remaining.append(item)
        else:
            appeared.append(item)
    corrected: list[Affected] = []
    for item in left.values():
        name = item.label.casefold()
        if renewed[name]:
            renewed[name] -= 1
        else:
            corrected.append(item)
    return tuple(corrected), tuple(appeared), tuple(remaining)


def _domain_silence(control: str, after: Mapping[_Key, Outcome]) -> Outcome | None:
    """A silent domain names its outcomes otherwise: find why the control has no verdict."""
    return next((o for (c, _), o in after.items() if c == control and o.verdict is Verdict.NOT_ASSESSED), None)


def _objects(outcome: Outcome) -> dict[str, Affected]:
    return {
        item.fingerprint or fingerprint(outcome.control, outcome.subject, item.id): item for item in outcome.affected
    }


def _by_severity(severities: Iterable[Severity]) -> dict[str, int]:
    found = list(severities)
    return {str(severity): found.count(severity) for severity in Severity}


def _version_warnings(before: Mapping[_Key, Outcome], after: Mapping[_Key, Outcome]) -> tuple[str, ...]:
    old = {o.control: o.version for o in before.values()}
    new = {o.control: o.version for o in after.values()}
    changed = sorted(c for c in old.keys() & new.keys() if old[c] != new[c])
    if not changed:
        return ()
    advice = (
        f"Contrôles dont la règle a changé entre les deux jugements : {', '.join(changed)}. "
        "Rejuger les anciens faits avec les contrôles d'aujourd'hui avant de conclure."
    )
    return (advice,)


def _identity(run: Run) -> RunIdentity:
    return RunIdentity(
        id=run.id,
        date=run.started,
        tool_version=run.tool.version,
        catalogue_sha256=run.tool.catalogue_sha256,
    )


def changes_by_domain(comparison: Comparison) -> dict[str, dict[Change, Sequence[ComparedFinding]]]:
    """Domain -> change -> findings, for tables."""
    found: dict[str, dict[Change, list[ComparedFinding]]] = {}
    for item in comparison.findings:
        found.setdefault(item.domain, {}).setdefault(item.change, []).append(item)
    return {domain: dict(changes) for domain, changes in found.items()}
