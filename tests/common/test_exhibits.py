"""Pictures: what holds together, what is refused, and that no foreign text passes as it is."""

from __future__ import annotations

import math

import msgspec
import pytest

from checks.common.exhibits import (
    MAX_GROUPS,
    MAX_LANES,
    MAX_POINTS,
    MAX_ROWS,
    MAX_SERIES,
    MAX_SPANS,
    MAX_TICKS,
    Cell,
    Lane,
    Lines,
    Point,
    Series,
    Span,
    Spans,
    Table,
    Tick,
    cleaned,
)
from checks.model import Level, Matrix

DIRTY = "nom\u202e\x1b[2Jfin"
CLEAN = "nom\ufffd\ufffd[2Jfin"


def spans(*lanes: Lane, **fields) -> Spans:
    return Spans(**{"title": "Vue", "axis": "MHz", "lanes": lanes, "groups": ("Nous", "Eux")} | fields)


def lane(*found: Span, **fields) -> Lane:
    return Lane(**{"label": "2,4 GHz", "start": 2400, "stop": 2484, "spans": found} | fields)


def span(**fields) -> Span:
    return Span(**{"label": "6", "start": 2427, "stop": 2447} | fields)


def lines(*series: Series) -> Lines:
    return Lines(title="Vue", scale="dBm", series=series)


def pictures(text: str) -> list:
    """One picture of each kind, every text of which is `text`."""
    cell = Cell(text=text, level=Level.HIGH, detail=text)
    drawn = lane(span(label=text, detail=text, height=1.0, level=Level.LOW, group=1), label=text,
                 ticks=(Tick(at=2412, label=text),))  # fmt: skip
    return [
        Matrix(title=text, rows=(text,), columns=(text,), cells=((cell,),), row_title=text, column_title=text, note=text),
        Table(title=text, columns=(text, text), rows=((cell, cell),), lead=text, note=text),
        spans(drawn, title=text, axis=text, unit=text, groups=(text, text), scale=text, lowest=-2.0, highest=3.0, note=text),
        Lines(title=text, scale=text, note=text,
              series=(Series(label=text, detail=text, points=(Point(at=1, value=2.0), Point(at=2))),)),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(4))
def test_every_text_is_cleaned_and_nothing_else_changes(number):
    dirty, clean = pictures(DIRTY)[number], pictures(CLEAN)[number]
    assert dirty != clean
    assert cleaned(dirty) == clean
    assert cleaned(clean) == clean


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError):
        cleaned("vue")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_new_kinds_are_told_apart_in_a_file(number):
    found = pictures("x")[number]
    assert msgspec.json.decode(msgspec.json.encode(found), type=Table | Spans | Lines) == found


@pytest.mark.parametrize(
    "make",
    [
        lambda: Table(title="", columns=("a",), rows=()),
        lambda: Table(title="Vue", columns=(), rows=()),
        lambda: Table(title="Vue", columns=("a", "b"), rows=((Cell(),),)),
        lambda: Table(title="Vue", columns=("a",), rows=((Cell(),),) * (MAX_ROWS + 1)),
        lambda: span(start=5, stop=5),
        lambda: span(height=math.nan),
        lambda: span(stop=math.inf),
        lambda: lane(span(start=2399)),
        lambda: lane(span(stop=2485)),
        lambda: lane(ticks=(Tick(at=2485, label="x"),)),
        lambda: lane(ticks=(Tick(at=2412, label="x"),) * (MAX_TICKS + 1)),
        lambda: lane(start=3000),
        lambda: spans(lane(span(group=2))),
        lambda: spans(lane(span(group=-1))),
        lambda: spans(lowest=1.0),
        lambda: spans(title=""),
        lambda: spans(*(lane(),) * (MAX_LANES + 1)),
        lambda: spans(lane(*(span(),) * (MAX_SPANS + 1))),
        lambda: spans(groups=("x",) * (MAX_GROUPS + 1)),
        lambda: Series(label="a", points=(Point(at=2), Point(at=1))),
        lambda: Series(label="a", points=(Point(at=1), Point(at=1))),
        lambda: Series(label="a", points=(Point(at=1, value=math.inf),)),
        lambda: Series(label="a", points=tuple(Point(at=n) for n in range(MAX_POINTS + 1))),
        lambda: lines(*(Series(label="a", points=()),) * (MAX_SERIES + 1)),
        lambda: Lines(title="", scale="", series=()),
    ],
)
def test_a_picture_that_does_not_hold_together_is_refused(make):
    with pytest.raises(ValueError, match=r"a picture|a table|a span|spans|every span|points"):
        make()


def test_limits_themselves_are_accepted():
    assert len(Table(title="Vue", columns=("a",), rows=((Cell(),),) * MAX_ROWS).rows) == MAX_ROWS
    assert len(spans(lane(*(span(),) * MAX_SPANS)).lanes[0].spans) == MAX_SPANS
    assert len(lines(*(Series(label="a", points=()),) * MAX_SERIES).series) == MAX_SERIES
    assert lane(span(start=2400, stop=2484)).spans
