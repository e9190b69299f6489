"""Geometry of the charts, as plain numbers that the templates draw as inline SVG. Pure.

Every chart has its figures in text as well: a legend, labels or a table beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from checks.catalogue import EFFORTS
from checks.model import Severity
from reports.plan import PlannedMeasure


class Segment(NamedTuple):
    """A part of a bar, in SVG units."""

    key: str
    number: int
    x: float
    width: float


class Bar(NamedTuple):
    """One horizontal bar and its row."""

    label: str
    total: int
    y: int
    segments: tuple[Segment, ...]


class BarChart(NamedTuple):
    """Horizontal bars, stacked or single."""

    height: int
    left: int
    width: int
    bars: tuple[Bar, ...]


class Dot(NamedTuple):
    """A measure in the risk and effort matrix."""

    rank: int
    x: float
    y: float
    selected: bool
    title: str


class Cell(NamedTuple):
    """Background of one cell of the matrix."""

    x: float
    y: float
    width: float
    height: float
    tone: int
    """0 to 3: how much the cell deserves to come first."""


class Matrix(NamedTuple):
    """Grid of effort columns and risk rows, holding numbered dots."""

    width: float
    height: float
    cells: tuple[Cell, ...]
    columns: tuple[tuple[str, float], ...]
    rows: tuple[tuple[str, float], ...]
    dots: tuple[Dot, ...]
    hidden: int
    """Measures that found no room in their cell; they are in the table all the same."""


ROW = 34
LEFT = 178
BAR_WIDTH = 300


def stacked_bars(rows: Sequence[tuple[str, Mapping[str, int]]], keys: Sequence[str]) -> BarChart:
    """One bar per row, all on the same scale, one segment per key that is not zero."""
    longest = max((sum(counts.values()) for _, counts in rows), default=0) or 1
    bars = []
    for index, (label, counts) in enumerate(rows):
        x = float(LEFT)
        segments = []
        for key in keys:
            count = counts.get(key, 0)
            width = count * BAR_WIDTH / longest
            if count:
                segments.append(Segment(key, count, round(x, 1), round(width, 1)))
            x += width
        bars.append(Bar(label, sum(counts.values()), index * ROW, tuple(segments)))
    return BarChart(max(1, len(rows)) * ROW, LEFT, BAR_WIDTH, tuple(bars))


def severity_bars(severities: Iterable[Severity]) -> BarChart:
    """One bar per severity, worst first, zeros included."""
    found = list(severities)
    rows = [(str(severity), {str(severity): found.count(severity)}) for severity in Severity]
    return stacked_bars(rows, [str(severity) for severity in Severity])


_CELL_WIDTH, _CELL_HEIGHT, _MATRIX_LEFT, _MATRIX_TOP = 104.0, 74.0, 118.0, 8.0
_DOTS_PER_LINE, _DOT_STEP, _LINES_PER_CELL = 4, 24.0, 3
RISK_ROWS = (("Très fort", 40.0), ("Fort", 16.0), ("Moyen", 6.0), ("Limité", 0.0))
"""Rows of the matrix: label and least points removed."""


def matrix(measures: Sequence[PlannedMeasure]) -> Matrix:
    """Place each measure by effort (column) and risk removed (row); dots of one cell stand side by side."""
    cells = tuple(
        Cell(
            _MATRIX_LEFT + column * _CELL_WIDTH,
            _MATRIX_TOP + row * _CELL_HEIGHT,
            _CELL_WIDTH,
            _CELL_HEIGHT,
            max(0, 3 - row - max(0, column - 1)),
        )
        for row in range(len(RISK_ROWS))
        for column in range(len(EFFORTS))
    )
    dots: list[Dot] = []
    filled: dict[tuple[int, int], int] = {}
    for planned in sorted(measures, key=lambda item: item.rank):
        column = EFFORTS.index(planned.measure.effort)
        row = next(i for i, (_, least) in enumerate(RISK_ROWS) if planned.points >= least)
        place = filled.get((column, row), 0)
        filled[column, row] = place + 1
        line, position = divmod(place, _DOTS_PER_LINE)
        if line < _LINES_PER_CELL:
            dots.append(
                Dot(
                    planned.rank,
                    _MATRIX_LEFT + column * _CELL_WIDTH + 16 + position * _DOT_STEP,
                    _MATRIX_TOP + row * _CELL_HEIGHT + 14 + line * _DOT_STEP,
                    planned.selected,
                    planned.measure.title,
                )
            )
    return Matrix(
        _MATRIX_LEFT + len(EFFORTS) * _CELL_WIDTH + 8,
        _MATRIX_TOP + len(RISK_ROWS) * _CELL_HEIGHT + 46,
        cells,
        tuple((effort, _MATRIX_LEFT + (i + 0.5) * _CELL_WIDTH) for i, effort in enumerate(EFFORTS)),
        tuple((name, _MATRIX_TOP + (i + 0.5) * _CELL_HEIGHT) for i, (name, _) in enumerate(RISK_ROWS)),
        tuple(dots),
        len(measures) - len(dots),
    )
