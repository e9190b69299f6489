"""Points that the agent itself saw to be useless: encrypted by an intruder, or mostly unreadable once restored.

Pure. What a product calls a success is not a good copy when its files came back as noise.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from checks.backup.changes.judge import finding
from checks.backup.facts import BackupFacts, Point, Repository
from checks.model import Gap

MOST = 0.5
"""Share of the files drawn from a point that do not come back or open, above which the point is no copy. Ours."""


def without_condemned(facts: BackupFacts) -> tuple[Repository, ...]:
    """The repositories, such points marked as failing their check. What was saved after an encryption holds it too."""
    signs = () if isinstance(facts.changes, Gap) else facts.changes
    encrypted = [(one.repository, one.source, one.after) for one in signs if finding(one) == "encryption"]
    useless = {
        (test.repository, test.point)
        for test in facts.restore_tests
        if test.expected and len(test.problems) > MOST * test.expected
    }
    if not encrypted and not useless:
        return facts.repositories

    def bad(label: str, point: Point) -> bool:
        held = any((label, point.source) == (r, s) and point.time >= since for r, s, since in encrypted)
        return held or (label, point.id) in useless

    return tuple(_marked(one, bad) for one in facts.repositories)


def _marked(one: Repository, bad: Callable[[str, Point], bool]) -> Repository:
    if isinstance(one.points, Gap):
        return one
    points = tuple(
        msgspec.structs.replace(point, verified="failed") if bad(one.label, point) else point for point in one.points
    )
    return msgspec.structs.replace(one, points=points)
