"""Pictures that a domain shows above its verdicts: a table, spans on an axis, lines over time, a matrix.

Plain data: a domain says what there is, `reports` decides how a page, a sheet and a terminal draw it. Pictures are
made from the facts each time a run is judged and are never written to `run.json`; only the matrix of an outcome is.
Whatever a cell means, its `Level` says it: no colour is chosen here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from checks.common.text import clean
from checks.model import Level, Matrix, MatrixCell, Record

Cell = MatrixCell
"""What tables and matrices are made of: a few words, how serious they are, one sentence for who asks for more."""

MAX_EXHIBITS = 20
"""Of one domain."""
MAX_ROWS = 20_000
MAX_COLUMNS = 40
MAX_LANES = 12
MAX_SPANS = 2_000
"""Of all lanes together."""
MAX_TICKS = 40
MAX_GROUPS = 4
MAX_SERIES = 8
"""Lines of one picture: more cannot be told apart."""
MAX_POINTS = 2_000
"""Of one line."""


class Table(Record, frozen=True, kw_only=True, tag="table", tag_field="kind"):
    """Things, one a row, and what is known of each. The first cell of a row names it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """One cell per column."""
    lead: str = ""
    """The one French sentence to remember of it."""
    note: str = ""
    """How to read it, or why it is empty, in French."""

    def __post_init__(self) -> None:
        _named(self.title)
        _at_most(len(self.columns), MAX_COLUMNS, "columns")
        _at_most(len(self.rows), MAX_ROWS, "rows")
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a table needs columns, and one cell for each in every row")


class Tick(Record, frozen=True, kw_only=True):
    """One mark of an axis."""

    at: float
    label: str


class Span(Record, frozen=True, kw_only=True):
    """One thing that takes a part of an axis, perhaps the same part as another."""

    label: str
    """A few characters, written in the picture."""
    start: float
    stop: float
    height: float | None = None
    """On the scale of the picture; None when it was not measured."""
    group: int = 0
    """Index in the groups of the picture."""
    level: Level = Level.NONE
    detail: str = ""
    """One French sentence that says in full what the label abridges."""

    def __post_init__(self) -> None:
        _finite(self.start, self.stop, *(() if self.height is None else (self.height,)))
        if self.start >= self.stop:
            raise ValueError("a span starts before it stops")


class Lane(Record, frozen=True, kw_only=True):
    """One axis and what lies on it. Lanes of one picture share the unit, not the range."""

    label: str
    start: float
    stop: float
    ticks: tuple[Tick, ...] = ()
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        _finite(self.start, self.stop)
        _at_most(len(self.ticks), MAX_TICKS, "ticks")
        inside = all(self.start <= span.start and span.stop <= self.stop for span in self.spans)
        if self.start >= self.stop or not inside or any(not self.start <= t.at <= self.stop for t in self.ticks):
            raise ValueError("spans and ticks lie inside their lane")


class Spans(Record, frozen=True, kw_only=True, tag="spans", tag_field="kind"):
    """What takes which part of one or several axes, overlaps visible: radio channels, hours, address ranges."""

    title: str
    axis: str
    """What the ticks count: `Numéro de canal`."""
    unit: str = ""
    """Of the ends of the spans: `MHz`."""
    lanes: tuple[Lane, ...]
    groups: tuple[str, ...]
    """Whose the spans are; drawn apart."""
    scale: str = ""
    """What the height measures, unit included; empty when no span has one."""
    lowest: float = 0.0
    highest: float = 1.0
    """Range of the height."""
    note: str = ""

    def __post_init__(self) -> None:
        _named(self.title)
        _finite(self.lowest, self.highest)
        _at_most(len(self.lanes), MAX_LANES, "lanes")
        _at_most(len(self.groups), MAX_GROUPS, "groups")
        spans = [span for lane in self.lanes for span in lane.spans]
        _at_most(len(spans), MAX_SPANS, "spans")
        if self.lowest >= self.highest or any(not 0 <= span.group < len(self.groups) for span in spans):
            raise ValueError("every span has a known group, and the scale goes up")


class Point(Record, frozen=True, kw_only=True):
    """One measure."""

    at: int
    """Seconds since 1970."""
    value: float | None = None
    """None when nothing was measured: the line is cut there."""


class Series(Record, frozen=True, kw_only=True):
    """One line."""

    label: str
    points: tuple[Point, ...]
    """In order of time."""
    detail: str = ""

    def __post_init__(self) -> None:
        _at_most(len(self.points), MAX_POINTS, "points")
        times = [point.at for point in self.points]
        if times != sorted(set(times)):
            raise ValueError("points follow one another")
        _finite(*(point.value for point in self.points if point.value is not None))


class Lines(Record, frozen=True, kw_only=True, tag="lines", tag_field="kind"):
    """How something measured changes with time."""

    title: str
    scale: str
    """What is measured, unit included: `Signal reçu (dBm)`."""
    series: tuple[Series, ...]
    note: str = ""

    def __post_init__(self) -> None:
        _named(self.title)
        _at_most(len(self.series), MAX_SERIES, "series")


Exhibit = Matrix | Table | Spans | Lines


def cleaned(exhibit: Exhibit) -> Exhibit:
    """The same picture, its foreign texts harmless for a terminal and a page."""
    match exhibit:
        case Matrix():
            return clean_matrix(exhibit)
        case Table():
            return Table(
                title=clean(exhibit.title),
                columns=_texts(exhibit.columns),
                rows=tuple(_cells(row) for row in exhibit.rows),
                lead=clean(exhibit.lead),
                note=clean(exhibit.note),
            )
        case Spans():
            return Spans(
                title=clean(exhibit.title),
                axis=clean(exhibit.axis),
                unit=clean(exhibit.unit),
                lanes=tuple(_clean_lane(lane) for lane in exhibit.lanes),
                groups=_texts(exhibit.groups),
                scale=clean(exhibit.scale),
                lowest=exhibit.lowest,
                highest=exhibit.highest,
                note=clean(exhibit.note),
            )
        case Lines():
            return Lines(
                title=clean(exhibit.title),
                scale=clean(exhibit.scale),
                series=tuple(
                    Series(label=clean(one.label), points=one.points, detail=clean(one.detail))
                    for one in exhibit.series
                ),
                note=clean(exhibit.note),
            )
    raise TypeError(f"{type(exhibit).__name__} is no picture")


def clean_matrix(matrix: Matrix) -> Matrix:
    """The same matrix with harmless texts."""
    return Matrix(
        title=clean(matrix.title),
        rows=_texts(matrix.rows),
        columns=_texts(matrix.columns),
        cells=tuple(_cells(row) for row in matrix.cells),
        row_title=clean(matrix.row_title),
        column_title=clean(matrix.column_title),
        note=clean(matrix.note),
    )


def _clean_lane(lane: Lane) -> Lane:
    return Lane(
        label=clean(lane.label),
        start=lane.start,
        stop=lane.stop,
        ticks=tuple(Tick(at=tick.at, label=clean(tick.label)) for tick in lane.ticks),
        spans=tuple(
            Span(
                label=clean(span.label),
                start=span.start,
                stop=span.stop,
                height=span.height,
                group=span.group,
                level=span.level,
                detail=clean(span.detail),
            )
            for span in lane.spans
        ),
    )


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean(text) for text in texts)


def _cells(row: Iterable[Cell]) -> tuple[Cell, ...]:
    return tuple(Cell(text=clean(c.text), level=c.level, detail=clean(c.detail)) for c in row)


def _named(title: str) -> None:
    if not title:
        raise ValueError("a picture needs a title")


def _at_most(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise ValueError(f"a picture has at most {limit} {what}")


def _finite(*numbers: float) -> None:
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a picture needs finite numbers")
