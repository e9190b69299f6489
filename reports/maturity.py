"""Maturity and coverage that the evidence supports. Pure; never a rating given by an authority.

The directory level follows the checkpoints published by ANSSI: each requirement carries the level that
failing it denies. Our rule: the level is that of the lowest failed requirement, 5 when none fails. What is
unknown gives a range: `low` if everything unknown failed, `high` if everything unknown conformed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

from checks.model import Outcome, Record, Verdict
from reports.frameworks import Framework, Frameworks, Requirement

DIRECTORY_SCHEME = "anssi-ad"
DIRECTORY_MAX_LEVEL = 5


class Status(enum.StrEnum):
    """What the evidence says of one requirement."""

    FAILED = "failed"
    PASSED = "passed"
    UNKNOWN = "unknown"
    """At least one of its controls could not be assessed or was not run, and none failed."""
    NOT_COVERED = "not_covered"
    """No control of this version looks at it."""
    NOT_APPLICABLE = "not_applicable"


class RequirementStatus(Record, frozen=True):
    """One requirement and what is known of it."""

    requirement: Requirement
    status: Status
    controls: tuple[str, ...] = ()
    """The controls responsible for the status: those that failed, or those without a verdict."""


class Coverage(Record, frozen=True):
    """One framework seen through one run."""

    scheme: str
    title: str
    statuses: tuple[RequirementStatus, ...]
    edition: str = ""
    note: str = ""

    def count(self, status: Status) -> int:
        """How many requirements have that status."""
        return sum(item.status is status for item in self.statuses)

    @property
    def assessed(self) -> int:
        """Requirements about which something is known."""
        return sum(item.status in (Status.FAILED, Status.PASSED, Status.NOT_APPLICABLE) for item in self.statuses)


class LevelRange(Record, frozen=True):
    """The level supported by the evidence: one figure when `low == high`."""

    low: int
    high: int
    max_level: int
    blocking: tuple[RequirementStatus, ...] = ()
    """Failed requirements of level `high`: what to repair to rise."""
    unknown: tuple[RequirementStatus, ...] = ()
    """Without a verdict, of a level that could still lower the result."""
    not_covered: tuple[RequirementStatus, ...] = ()
    """Covered by no control, of a level that could still lower the result."""

    @property
    def exact(self) -> bool:
        """True when nothing unknown can change the level."""
        return self.low == self.high


def coverage(framework: Framework, outcomes: Iterable[Outcome]) -> Coverage:
    """Status of every requirement of `framework`."""
    by_control: dict[str, list[Verdict]] = {}
    for outcome in outcomes:
        by_control.setdefault(outcome.control, []).append(outcome.verdict)
    return Coverage(
        scheme=framework.scheme,
        title=framework.framework.title,
        edition=framework.framework.edition,
        note=framework.framework.note,
        statuses=tuple(requirement_status(item, by_control) for item in framework.requirement),
    )


def coverages(frameworks: Frameworks, outcomes: Sequence[Outcome]) -> list[Coverage]:
    """One coverage per framework, by scheme."""
    return [coverage(frameworks.by_scheme[scheme], outcomes) for scheme in sorted(frameworks.by_scheme)]


def requirement_status(requirement: Requirement, by_control: Mapping[str, Sequence[Verdict]]) -> RequirementStatus:
    """One failed control fails the requirement; otherwise one control without a verdict leaves it unknown."""
    if not requirement.controls:
        return RequirementStatus(requirement=requirement, status=Status.NOT_COVERED)
    failed = tuple(c for c in requirement.controls if Verdict.FAIL in by_control.get(c, ()))
    if failed:
        return RequirementStatus(requirement=requirement, status=Status.FAILED, controls=failed)
    silent = tuple(c for c in requirement.controls if not by_control.get(c) or Verdict.NOT_ASSESSED in by_control[c])
    if silent:
        return RequirementStatus(requirement=requirement, status=Status.UNKNOWN, controls=silent)
    verdicts = {verdict for c in requirement.controls for verdict in by_control[c]}
    status = Status.NOT_APPLICABLE if verdicts == {Verdict.NOT_APPLICABLE} else Status.PASSED
    return RequirementStatus(requirement=requirement, status=status)


def level_range(covered: Coverage, max_level: int = DIRECTORY_MAX_LEVEL) -> LevelRange | None:
    """The level the evidence supports, None when nothing of the framework was assessed."""
    if not covered.assessed:
        return None
    levels = [(item, item.requirement.level) for item in covered.statuses]
    failed = [level for item, level in levels if level is not None and item.status is Status.FAILED]
    open_ = [
        level for item, level in levels if level is not None and item.status in (Status.UNKNOWN, Status.NOT_COVERED)
    ]
    high = min(failed, default=max_level)
    low = min([high, *open_])

    def below(status: Status) -> tuple[RequirementStatus, ...]:
        return tuple(i for i, level in levels if i.status is status and level is not None and level < high)

    return LevelRange(
        low=low,
        high=high,
        max_level=max_level,
        blocking=tuple(i for i, level in levels if i.status is Status.FAILED and level == high),
        unknown=below(Status.UNKNOWN),
        not_covered=below(Status.NOT_COVERED),
    )


def directory_level(frameworks: Frameworks, outcomes: Sequence[Outcome]) -> LevelRange | None:
    """The directory level of a run; None without the framework file or without any directory verdict."""
    framework = frameworks.by_scheme.get(DIRECTORY_SCHEME)
    return None if framework is None else level_range(coverage(framework, outcomes))
