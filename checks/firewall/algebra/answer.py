"""What happens to a whole set of packets: the set is cut along the rules until each piece has one fate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from checks.firewall.algebra.cubes import subtract
from checks.firewall.algebra.decide import UNDETERMINED
from checks.firewall.algebra.flatten import Entry, Policy
from checks.firewall.algebra.space import Cube, meet_cubes
from checks.firewall.facts import DENY, NONE

MAX_PIECES = 5_000
"""Pieces of one question; beyond, the rest is undetermined."""


class Fate(NamedTuple):
    """Packets that share a verdict and the line that settles it."""

    verdict: str
    """`permit`, `deny` or `undetermined`."""
    entry: Entry | None
    """The deciding line; for `undetermined`, the first line that may match and would change the answer."""
    cube: Cube


class _Piece(NamedTuple):
    cube: Cube
    permits: Entry | None = None
    """First line that may have let it through."""
    denies: Entry | None = None
    """First line that may have refused it."""
    first: Entry | None = None
    """The first of both."""

    def against(self, action: str) -> Entry | None:
        """First line that may have taken it and would change the answer."""
        return self.permits if action == DENY else self.denies

    def doubting(self, entry: Entry, cube: Cube) -> _Piece:
        """A part of it that a line may take."""
        marked = self._replace(cube=cube, first=self.first or entry)
        return marked._replace(denies=entry) if entry.action == DENY else marked._replace(permits=entry)


def fates(policies: Sequence[Policy], cubes: Sequence[Cube]) -> list[Fate]:
    """The fate of every packet of some cubes of one IP version; base chains are crossed in order."""
    found: list[Fate] = []
    waiting: list[tuple[Cube, Fate | None]] = [(cube, None) for cube in cubes]
    for policy in policies:
        crossing: list[tuple[Cube, Fate | None]] = []
        for cube, earlier in waiting:
            for fate in _cross(policy, cube):
                if fate.verdict == DENY:
                    found.append(fate)
                else:
                    crossing.append((fate.cube, _telling(earlier, fate)))
        waiting = crossing
    found += [Fate(UNDETERMINED, None, cube) if fate is None else fate._replace(cube=cube) for cube, fate in waiting]
    return found


def _telling(earlier: Fate | None, fate: Fate) -> Fate:
    """Of two base chains that do not refuse, the one to name: the doubtful one, else the last rule somebody wrote."""
    if earlier is None or fate.verdict == UNDETERMINED != earlier.verdict:
        return fate
    if earlier.verdict == UNDETERMINED:
        return earlier
    written = earlier.entry is not None and not earlier.entry.rule.automatic
    return earlier if written and fate.entry is not None and fate.entry.rule.automatic else fate


def _cross(policy: Policy, cube: Cube) -> list[Fate]:
    """The fates of the packets of a cube in one base chain, most often few."""
    found: list[Fate] = []
    pieces = [_Piece(cube)]
    for entry in policy.entries:
        if entry.action == NONE or not pieces:
            continue
        if len(found) + len(pieces) > MAX_PIECES:
            break
        certain = entry.sure if policy.complete else ()
        pieces = _decide(entry, certain, pieces, found)
        if certain is not entry.may:
            pieces = _doubt(entry, pieces)
    return [*found, *(Fate(UNDETERMINED, piece.first, piece.cube) for piece in pieces)]


def _decide(entry: Entry, certain: Sequence[Cube], pieces: list[_Piece], found: list[Fate]) -> list[_Piece]:
    """Settle what the entry surely matches; give back the rest."""
    for cube in certain:
        left: list[_Piece] = []
        for piece in pieces:
            common = meet_cubes(piece.cube, cube)
            if common is None:
                left.append(piece)
                continue
            against = piece.against(entry.action)
            found.append(Fate(UNDETERMINED, against, common) if against else Fate(entry.action, entry, common))
            left += [piece._replace(cube=rest) for rest in subtract(piece.cube, cube)]  # type: ignore[arg-type]
        pieces = left
    return pieces


def _doubt(entry: Entry, pieces: list[_Piece]) -> list[_Piece]:
    """Mark what the entry may match."""
    for cube in entry.may:
        marked: list[_Piece] = []
        for piece in pieces:
            common = meet_cubes(piece.cube, cube)
            if common is None or (piece.denies if entry.action == DENY else piece.permits) is not None:
                marked.append(piece)
                continue
            marked.append(piece.doubting(entry, common))
            marked += [piece._replace(cube=rest) for rest in subtract(piece.cube, cube)]  # type: ignore[arg-type]
        pieces = marked
    return pieces
