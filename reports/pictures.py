"""Geometry of the drawings of a domain: spans on an axis, lines over time. Plain numbers in SVG units. Pure.

A drawing never says anything alone: its table has the same data. Who and which are told by outline, mark and label as
well as by colour, so that grey paper says as much. Widths of texts are estimated: the page loads no font.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from checks.common.exhibits import Lane, Lines, Series, Span, Spans
from checks.model import Level
from reports import french
from reports.exhibits import LETTERS

WIDTH = 760.0
LABEL = 26
"""Characters of a label in a drawing; the table has it whole."""
MARKS = ("circle", "square", "triangle", "diamond", "cross", "ring", "bar", "down")
"""Shape of the points of each line, in order."""
MAX_LABELS = 60
"""Spans named in one lane, those of the first group first; the table names them all."""
MAX_MARKS = 36
"""Marks of one line; on a longer one they are spread."""

_CHARACTER = 6.6
"""Mean width of a character at 12 px, a little more than usual fonts need."""
_LINE = 14.0
_LEFT, _RIGHT = 50.0, 14.0
_HUMP, _FLAT = 118.0, 40.0
"""Height of the plot of spans, with a scale and without."""
_UNMEASURED = 12.0
"""Height of a span that was not measured, among others that were."""
_MARGIN = 10.0
"""Above a plot: half a text of the scale."""
_AXIS = 40.0
"""Under a plot: marks, their texts, the title of the axis."""
_LINES_HEIGHT, _LINES_RIGHT, _LINES_TOP = 230.0, 216.0, 14.0


class Text(NamedTuple):
    """A text at a place."""

    x: float
    y: float
    text: str


class Box(NamedTuple):
    """One span."""

    path: str
    """Of its outline."""
    group: int
    measured: bool
    title: str
    """Whole, for who points at it."""


class Label(NamedTuple):
    """Name of a span, above it."""

    x: float
    y: float
    text: str
    group: int
    foot: float
    """Where the thin line that leads to the span ends."""


class LaneDrawing(NamedTuple):
    """One axis with its spans."""

    title: str
    width: float
    height: float
    left: float
    right: float
    base: float
    """Of the axis."""
    ticks: tuple[Text, ...]
    rules: tuple[Text, ...]
    """Values of the scale and their horizontal lines."""
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]


class Mark(NamedTuple):
    """One point of a line."""

    x: float
    y: float


class LineDrawing(NamedTuple):
    """One line of a chart."""

    number: int
    """Chooses colour, dashes and shape."""
    shape: str
    path: str
    marks: tuple[Mark, ...]
    end: Mark
    label: Text
    title: str


class LinesDrawing(NamedTuple):
    """Lines over time."""

    width: float
    height: float
    left: float
    right: float
    base: float
    ticks: tuple[Text, ...]
    rules: tuple[Text, ...]
    lines: tuple[LineDrawing, ...]
    axis: str


def short(text: str, limit: int = LABEL) -> str:
    """A label that leaves room for others."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def said(value: float) -> str:
    """A number without useless decimals; a true minus sign, which a screen reader says."""
    return french.number(value).replace("-", "\u2212")


# --- Spans


def draw_lane(spans: Spans, lane: Lane) -> LaneDrawing:
    """Place the spans of one lane; the plot grows upwards with the labels it must hold."""
    right = WIDTH - _RIGHT
    plot = _HUMP if spans.scale else _FLAT
    # Groups in reverse: the first, the most important, is drawn last and covers the others.
    ordered = sorted(lane.spans, key=lambda span: (-span.group, span.start, span.stop))
    tops = [_top(spans, span, plot) for span in ordered]
    middles = [_x(lane, (span.start + span.stop) / 2, right) for span in ordered]
    labels = _labels(ordered, middles, tops, right)
    room = max((_LINE - label.y for label in labels), default=0.0)
    shift = max(room, _MARGIN)
    base = round(plot + shift, 1)
    return LaneDrawing(
        title=lane.label,
        width=WIDTH,
        height=round(base + _AXIS, 1),
        left=_LEFT,
        right=right,
        base=base,
        ticks=tuple(Text(_x(lane, tick.at, right), base, tick.label) for tick in lane.ticks),
        rules=_span_rules(spans, plot, shift) if spans.scale else (),
        boxes=tuple(
            Box(
                _hump(_x(lane, span.start, right), _x(lane, span.stop, right), round(top + shift, 1), base),
                span.group,
                span.height is not None or not spans.scale,
                f"{spans.groups[span.group]} : {span.detail or span.label}",
            )
            for span, top in zip(ordered, tops, strict=True)
        ),
        labels=tuple(
            Label(label.x, round(label.y + shift, 1), label.text, label.group, round(label.foot + shift, 1))
            for label in labels
        ),
    )


def _x(lane: Lane, at: float, right: float) -> float:
    return round(_LEFT + (at - lane.start) * (right - _LEFT) / (lane.stop - lane.start), 1)


def _top(spans: Spans, span: Span, plot: float) -> float:
    """From the top of the plot, before labels push it down."""
    if not spans.scale:
        return 0.0
    if span.height is None:
        return plot - _UNMEASURED
    part = (span.height - spans.lowest) / (spans.highest - spans.lowest)
    return plot * (1 - min(1.0, max(0.04, part)))


def _hump(start: float, stop: float, top: float, base: float) -> str:
    slope = round(min(6.0, (stop - start) * 0.15), 1)
    return f"M{start} {base}L{round(start + slope, 1)} {top}H{round(stop - slope, 1)}L{stop} {base}"


def _span_rules(spans: Spans, plot: float, shift: float) -> tuple[Text, ...]:
    step = _step((spans.highest - spans.lowest) / 4)
    first = math.ceil(spans.lowest / step) * step
    values = [first + n * step for n in range(int((spans.highest - first) / step) + 1)]
    reach = spans.highest - spans.lowest
    return tuple(Text(_LEFT, round(shift + plot * (spans.highest - value) / reach, 1), said(value)) for value in values)


def _labels(spans: Sequence[Span], middles: Sequence[float], tops: Sequence[float], right: float) -> list[Label]:
    """Names above the spans, the lowest first, each pushed up until it covers no other."""
    placed: list[tuple[float, float, float]] = []
    found = []
    named = sorted(range(len(spans)), key=lambda n: (spans[n].group, tops[n]))[:MAX_LABELS]
    order = sorted(named, key=lambda n: (-tops[n], middles[n]))
    for number in order:
        span = spans[number]
        text = _named(span)
        half = len(text) * _CHARACTER / 2
        x = min(max(middles[number], _LEFT + half), right - half)
        y = tops[number] - 5.0
        while any(abs(x - other_x) < half + other_half + 4 and abs(y - other_y) < _LINE
                  for other_x, other_half, other_y in placed):  # fmt: skip
            y -= 2.0
        placed.append((x, half, y))
        found.append(Label(round(x, 1), round(y, 1), text, span.group, round(tops[number], 1)))
    return found


def _named(span: Span) -> str:
    serious = span.level not in {Level.NONE, Level.INFO}
    return f"{LETTERS[span.level]} {short(span.label)}" if serious else short(span.label)


# --- Lines


def draw_lines(lines: Lines) -> LinesDrawing | None:
    """Place lines on common axes; None when nothing was measured."""
    values = [point.value for one in lines.series for point in one.points if point.value is not None]
    times = [point.at for one in lines.series for point in one.points if point.value is not None]
    if not values:
        return None
    right, base = WIDTH - _LINES_RIGHT, _LINES_HEIGHT
    low, high, step = _range(min(values), max(values))
    first, last = min(times), max(times)
    spread = (last - first) or 1

    def place(at: int, value: float) -> Mark:
        x = _LEFT + 8 + ((at - first) / spread if last > first else 0.5) * (right - _LEFT - 16)
        return Mark(round(x, 1), round(_LINES_TOP + (high - value) / (high - low) * (base - _LINES_TOP), 1))

    drawn = [(number, one, _runs(one, place)) for number, one in enumerate(lines.series)]
    drawn = [(number, one, runs) for number, one, runs in drawn if runs]
    ends = _apart([runs[-1][-1].y for _, _, runs in drawn], base)
    return LinesDrawing(
        width=WIDTH,
        height=base + _AXIS,
        left=_LEFT,
        right=right,
        base=base,
        ticks=tuple(Text(place(at, low).x, base, text) for at, text in time_ticks(first, last)),
        rules=tuple(
            Text(_LEFT, place(first, low + n * step).y, said(low + n * step))
            for n in range(round((high - low) / step) + 1)
        ),
        lines=tuple(
            LineDrawing(
                number=number,
                shape=MARKS[number % len(MARKS)],
                path="".join(_path(run) for run in runs),
                marks=_spread([mark for run in runs for mark in run]),
                end=runs[-1][-1],
                label=Text(right + 22, round(y + 4, 1), short(one.label)),
                title=f"{one.label} : {one.detail}" if one.detail else one.label,
            )
            for (number, one, runs), y in zip(drawn, ends, strict=True)
        ),
        axis=time_axis(first, last),
    )


def _runs(series: Series, place: Callable[[int, float], Mark]) -> list[list[Mark]]:
    """Points between two silences."""
    runs: list[list[Mark]] = [[]]
    for point in series.points:
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(place(point.at, point.value))
    return [run for run in runs if run]


def _path(run: Iterable[Mark]) -> str:
    return "M" + "L".join(f"{mark.x} {mark.y}" for mark in run)


def _spread(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Some of the marks, evenly, the last included."""
    each = -(-len(marks) // MAX_MARKS)
    return tuple(reversed(list(reversed(marks))[::each]))


def _apart(heights: Sequence[float], base: float) -> list[float]:
    """Heights of the labels at the end of the lines: as near as possible to their line without touching."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    placed = dict.fromkeys(order, 0.0)
    last = -math.inf
    for number in order:
        last = placed[number] = max(heights[number], last + _LINE)
    bottom = base
    for number in reversed(order):
        placed[number] = min(placed[number], bottom)
        bottom = placed[number] - _LINE
    return [placed[number] for number in range(len(heights))]


def _range(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds around some values, never touching them, and the step between horizontal lines."""
    step = _step(max(high - low, 8.0) / 4)
    return math.floor((low - step / 4) / step) * step, math.ceil((high + step / 4) / step) * step, step


def _step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, at least `raw`."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)


# --- Time

_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
_TICKS = 6
_MINUTE, _DAY = 60, 86_400


def time_ticks(first: int, last: int) -> list[tuple[int, str]]:
    """At most six round moments between two, and how to write them."""
    step = next((one for one in _STEPS if (last - first) / one < _TICKS), 0)
    if not step:
        days = -(-(last - first) // (_DAY * (_TICKS - 1)))
        step = days * _DAY
    start = -(-first // step) * step
    moments = range(start, last + 1, step) or range(first, first + 1)
    return [(at, _tick(at, step, last - first)) for at in moments]


def _tick(at: int, step: int, length: int) -> str:
    moment = utc(at)
    if moment is None:
        return str(at)
    if step >= _DAY:
        return f"{moment:%d/%m}"
    clock = f"{moment:%H:%M}" if step >= _MINUTE else f"{moment:%H:%M:%S}"
    return f"{moment:%d/%m} {clock}" if length >= _DAY else clock


def time_axis(first: int, last: int) -> str:
    """`Heure (UTC), 22 novembre 2026`."""
    one, other = utc(first), utc(last)
    if one is None or other is None:
        return "Secondes"
    days = french.day(one) if one.date() == other.date() else f"du {french.day(one)} au {french.day(other)}"
    return f"Heure (UTC), {days}"


def utc(at: int) -> datetime | None:
    """A moment; None when no calendar has it."""
    try:
        return datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def instant(at: int) -> str:
    """`22/11/2026 14:05:10`, as the table of a drawing says it."""
    moment = utc(at)
    return f"{moment:%d/%m/%Y %H:%M:%S}" if moment else str(at)
