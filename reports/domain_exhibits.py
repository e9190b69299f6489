"""Pictures that a domain shows above its verdicts, prepared for a page and for a sheet. Pure; the templates only draw.

Every drawing comes with rows that say the same, for who cannot see it and for the sheet. Anchors are built from
positions, never from foreign text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from checks.common.exhibits import Cell, Exhibit, Lines, Spans, Table
from checks.common.text import clean
from checks.model import Level, Matrix
from reports import french, pictures
from reports.exhibits import LETTERS, CellView, ExhibitView, matrix_view

PAGE_ROWS = 60
"""Rows of a table in the page, which a browser must open and people read; the sheet has them all."""
PRINTED_ROWS = 40
"""Beyond, the details of a table are not printed."""
PRINTED_DATA = 16
"""Beyond, the rows that repeat a drawing are not printed: on paper the drawing says it, and the sheet has them."""
SHEET_NAME = 31
"""Characters that a spreadsheet allows for the name of a sheet."""
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_ORDER = tuple(LETTERS)

Row = tuple[str, ...]
Values = tuple[str | float, ...]
"""A row whose measures are numbers, for a sheet to compute with."""


@dataclass(frozen=True, slots=True)
class TableView:
    """A table whose cells may be serious."""

    kind: ClassVar[str] = "table"
    heading: str
    lead: str
    note: str
    anchor: str
    sheet: str
    columns: tuple[str, ...]
    rows: tuple[tuple[CellView, ...], ...]
    details: tuple[CellView, ...]
    """Cells that have more to say, the gravest first."""
    levels: tuple[str, ...]
    """Levels present, for the key; those that say nothing left out."""
    hidden: int
    """Rows that are not in the page."""

    @property
    def long(self) -> bool:
        """Too many details to print."""
        return len(self.details) > PRINTED_ROWS


@dataclass(frozen=True, slots=True)
class DrawingView:
    """A drawing and the rows that say the same."""

    kind: str
    """`spans` or `lines`."""
    heading: str
    note: str
    anchor: str
    sheet: str
    head: Row
    rows: tuple[Row, ...]
    hidden: int
    """Rows that are not in the page."""
    summary: str
    """What the drawing shows, in a sentence."""
    lanes: tuple[pictures.LaneDrawing, ...] = ()
    axis: str = ""
    scale: str = ""
    groups: tuple[str, ...] = ()
    lines: pictures.LinesDrawing | None = None

    @property
    def long(self) -> bool:
        """Too many rows to print."""
        return len(self.rows) > PRINTED_DATA


View = ExhibitView | TableView | DrawingView


def domain_views(exhibits: Iterable[Exhibit], prefix: str, sheets: Iterable[str]) -> tuple[View, ...]:
    """The pictures of one domain, in its order; `prefix` makes their anchors unique in the page."""
    found = enumerate(zip(exhibits, sheets, strict=True), start=1)
    return tuple(_view(exhibit, f"{prefix}-{number}", sheet) for number, (exhibit, sheet) in found)


def _view(exhibit: Exhibit, anchor: str, sheet: str) -> View:
    match exhibit:
        case Matrix():
            return matrix_view(exhibit, "", anchor)
        case Table():
            return _table(exhibit, anchor, sheet)
        case Spans() | Lines():
            return _drawing(exhibit, anchor, sheet)


def sheet_names(exhibits: Mapping[str, tuple[Exhibit, ...]]) -> dict[str, tuple[str, ...]]:
    """Name of the sheet of each picture, per domain; empty for a matrix, whose cells share a sheet, and without rows.

    Numbered, so that two pictures of one title have two sheets.
    """
    names: dict[str, tuple[str, ...]] = {}
    number = 0
    for domain, found in exhibits.items():
        mine = []
        for exhibit in found:
            own = not isinstance(exhibit, Matrix) and bool(sheet_rows(exhibit)[1])
            number += own
            title = _FORBIDDEN.sub(" ", clean(exhibit.title))
            mine.append(_cut(f"{number}. {title}") if own else "")
        names[domain] = tuple(mine)
    return names


def _cut(name: str) -> str:
    """As much of a name as a sheet may have, to the end of a word."""
    if len(name) <= SHEET_NAME:
        return name.strip()
    whole, _, _ = name[: SHEET_NAME + 1].rpartition(" ")
    return whole.strip() if len(whole) > SHEET_NAME // 2 else name[:SHEET_NAME].strip()


def sheet_rows(exhibit: Table | Spans | Lines) -> tuple[Row, tuple[Values, ...]]:
    """Head and rows that say all that a picture shows, without limit."""
    match exhibit:
        case Table():
            return _table_rows(exhibit)
        case Spans():
            return _span_rows(exhibit)
        case Lines():
            return _line_rows(exhibit)


# --- Tables


def _table(table: Table, anchor: str, sheet: str) -> TableView:
    rows = tuple(
        tuple(_cell(table, anchor, number, index, cell) for index, cell in enumerate(row))
        for number, row in enumerate(table.rows[:PAGE_ROWS], start=1)
    )
    cells = [cell for row in rows for cell in row]
    present = {cell.level for cell in cells if not quiet(cell.level)}
    return TableView(
        heading=table.title,
        lead=table.lead,
        note=table.note,
        anchor=anchor,
        sheet=sheet,
        columns=table.columns,
        rows=rows,
        details=tuple(sorted((c for c in cells if c.anchor), key=lambda c: _ORDER.index(c.level))),
        levels=tuple(level for level in _ORDER if level in present),
        hidden=len(table.rows) - len(rows),
    )


def _cell(table: Table, anchor: str, row: int, index: int, cell: Cell) -> CellView:
    return CellView(
        row=table.rows[row - 1][0].text,
        column=table.columns[index],
        text=cell.text,
        level=cell.level,
        letter="" if quiet(cell.level) else LETTERS[cell.level],
        detail=cell.detail,
        anchor=f"{anchor}-{row}-{index + 1}" if cell.detail else "",
    )


def quiet(level: str) -> bool:
    """A level that needs no letter in a table, where most cells say nothing grave."""
    return level == Level.NONE


def _table_rows(table: Table) -> tuple[Row, tuple[Row, ...]]:
    """Cells with their level in words, then all details in one column when there are some."""
    detailed = any(cell.detail for row in table.rows for cell in row)
    head = (*table.columns, "Détails") if detailed else table.columns
    return head, tuple(
        (*(_said(cell) for cell in row), *((_details(table, row),) if detailed else ())) for row in table.rows
    )


def _said(cell: Cell) -> str:
    if quiet(cell.level):
        return cell.text
    return f"{cell.text} [{french.LEVELS[cell.level].lower()}]".lstrip()


def _details(table: Table, row: Iterable[Cell]) -> str:
    return " ".join(f"{column} : {cell.detail}" for column, cell in zip(table.columns, row, strict=True) if cell.detail)


# --- Drawings


def _drawing(exhibit: Spans | Lines, anchor: str, sheet: str) -> DrawingView:
    head, rows = sheet_rows(exhibit)
    spans, lines = (exhibit, None) if isinstance(exhibit, Spans) else (None, exhibit)
    return DrawingView(
        kind="spans" if spans else "lines",
        heading=exhibit.title,
        note=exhibit.note,
        anchor=anchor,
        sheet=sheet,
        head=head,
        rows=tuple(tuple(_written(value) for value in row) for row in rows[: 2 * PAGE_ROWS]),
        hidden=max(0, len(rows) - 2 * PAGE_ROWS),
        summary=_spans_summary(exhibit) if isinstance(exhibit, Spans) else _lines_summary(exhibit),
        lanes=tuple(pictures.draw_lane(spans, lane) for lane in spans.lanes if lane.spans) if spans else (),
        axis=spans.axis if spans else "",
        scale=exhibit.scale,
        groups=spans.groups if spans else (),
        lines=pictures.draw_lines(lines) if lines else None,
    )


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else pictures.said(value)


def _span_rows(spans: Spans) -> tuple[Row, tuple[Values, ...]]:
    found = [(lane, span) for lane in spans.lanes for span in lane.spans]
    graded = any(not quiet(span.level) for _, span in found)
    head = ("Partie", "Nom", "À qui", _end("De", spans), _end("À", spans), *((spans.scale,) if spans.scale else ()))
    head = (*head, *(("Niveau",) if graded else ()), "Détail")
    return head, tuple(
        (
            lane.label,
            span.label,
            spans.groups[span.group],
            span.start,
            span.stop,
            *(("non mesuré" if span.height is None else span.height,) if spans.scale else ()),
            *((_graded(span.level),) if graded else ()),
            span.detail or "–",
        )
        for lane, span in found
    )


def _end(word: str, spans: Spans) -> str:
    return f"{word} ({spans.unit})" if spans.unit else word


def _graded(level: str) -> str:
    return "–" if quiet(level) else french.LEVELS[level]


def _spans_summary(spans: Spans) -> str:
    counts = [
        f"{lane.label} : "
        + ", ".join(
            f"{title} {sum(span.group == group for span in lane.spans)}" for group, title in enumerate(spans.groups)
        )
        for lane in spans.lanes
        if lane.spans
    ]
    return f"{' ; '.join(counts) or 'Rien à montrer'}. Les mêmes données sont dans le tableau qui suit."


def _line_rows(lines: Lines) -> tuple[Row, tuple[Values, ...]]:
    """One row per moment, one column per line; a dash where a line has no point."""
    values = [{point.at: point.value for point in one.points} for one in lines.series]
    moments = sorted({at for one in values for at, value in one.items() if value is not None})
    head = ("Heure (UTC)", *(one.label for one in lines.series))
    return head, tuple((pictures.instant(at), *(_heard(one.get(at)) for one in values)) for at in moments)


def _heard(value: float | None) -> str | float:
    return "–" if value is None else value


def _lines_summary(lines: Lines) -> str:
    said = []
    for one in lines.series:
        values = [point.value for point in one.points if point.value is not None]
        if values:
            said.append(f"{one.label} : de {pictures.said(min(values))} à {pictures.said(max(values))}")
    return f"{lines.scale}. {' ; '.join(said) or 'Rien de mesuré'}. Les mêmes données sont dans le tableau qui suit."
