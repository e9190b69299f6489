"""Pictures of a domain in a terminal: plain text, no colour, no drawing. Foreign text is cleaned."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from checks.common.exhibits import Cell, Exhibit, Lines, Spans, Table
from checks.common.text import clean
from checks.model import Matrix
from reports import french
from reports.domain_exhibits import quiet
from reports.pictures import instant, said

ROWS = 20
"""Rows of one table; the rest is counted."""
NAME = 32
"""Characters of what a row is about."""
CELL = 28
"""Characters of another cell."""


def picture_lines(exhibit: Table | Spans | Lines, width: int) -> list[str]:
    """One picture as lines of at most `width` columns."""
    title = _wrapped(clean(exhibit.title), "", "  ", width)
    note = _wrapped(clean(exhibit.note), "  ", "  ", width) if exhibit.note else []
    match exhibit:
        case Table():
            lead = _wrapped(clean(exhibit.lead), "  ", "  ", width) if exhibit.lead else []
            return [*title, *lead, *_table(exhibit, width), *note]
        case Spans():
            return [*title, *_spans(exhibit, width), *note]
        case Lines():
            return [*title, *_lines(exhibit, width), *note]


def drawn(exhibits: Iterable[Exhibit]) -> list[Table | Spans | Lines]:
    """The pictures that are no matrix."""
    return [exhibit for exhibit in exhibits if not isinstance(exhibit, Matrix)]


def _table(table: Table, width: int) -> list[str]:
    """Columns aligned when they hold, else one paragraph per row."""
    shown = [[_said(cell, NAME if n == 0 else CELL) for n, cell in enumerate(row)] for row in table.rows[:ROWS]]
    kept = [n for n in range(len(table.columns)) if n == 0 or any(row[n] for row in shown)]
    head = [clean(table.columns[n], CELL) for n in kept]
    cells = [[row[n] or "-" for n in kept] for row in shown]
    lines = _columns(head, cells, width) if cells else []
    if cells and not lines:
        lines = [line for row in cells for line in _paragraph(head, row, width)]
    rest = len(table.rows) - len(shown)
    return lines + ([f"  … et {french.plural(rest, 'autre ligne', 'autres lignes')} (voir le rapport)"] if rest else [])


def _said(cell: Cell, limit: int) -> str:
    text = clean(cell.text, limit)
    return text if quiet(cell.level) else f"{text} [{french.LEVELS[cell.level].lower()}]".lstrip()


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Every column to the left; nothing when a line would be wider than the terminal."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    if sum(widths) + 2 * len(widths) > width:
        return []
    marks = ["-" * one for one in widths]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in (head, marks, *rows)]  # fmt: skip


def _paragraph(head: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    rest = " ; ".join(f"{title} : {text}" for title, text in zip(head[1:], row[1:], strict=True) if text != "-")
    return _wrapped(f"{row[0]} : {rest}" if rest else row[0], "  ", "    ", width)


def _spans(spans: Spans, width: int) -> list[str]:
    """One paragraph per lane and group: names with what they take."""
    lines = []
    for lane in spans.lanes:
        ordered = sorted(lane.spans, key=lambda span: (span.group, span.start))
        for group, found in groupby(ordered, key=lambda span: span.group):
            names = ", ".join(clean(span.detail or span.label, 120).rstrip(".") for span in list(found)[:ROWS])
            lines += _wrapped(
                f"{clean(lane.label)}, {clean(spans.groups[group]).lower()} : {names}.", "  ", "    ", width
            )
    return lines


def _lines(lines: Lines, width: int) -> list[str]:
    rows = []
    for one in lines.series:
        points = [(point.at, point.value) for point in one.points if point.value is not None]
        if points:
            values = [value for _, value in points]
            rows.append([
                clean(one.label, NAME), str(len(points)), said(min(values)), said(max(values)),
                instant(points[0][0]), instant(points[-1][0]),
            ])  # fmt: skip
    head = [clean(lines.scale, NAME), "Mesures", "Min.", "Max.", "De (UTC)", "À"]
    return _columns(head, rows, width) or [line for row in rows for line in _paragraph(head, row, width)]


def _wrapped(text: str, first: str, others: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
