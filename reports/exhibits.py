"""Matrices that outcomes carry, prepared for a page and for a sheet. Pure; the templates only draw.

A level is never shown by its colour alone: each has its letter. Anchors are built from positions, never from
foreign text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from checks.model import Level, Matrix, Outcome

MAX_SIDE = 40
"""Rows, and columns, drawn in a page; a larger picture cannot be read. The sheet has them all."""
MANY_COLUMNS = 8
"""From here on, column titles are written upwards."""
MANY_DETAILS = 40
"""Beyond, the details are not printed."""

LETTERS: Mapping[str, str] = {
    Level.CRITICAL: "C",
    Level.HIGH: "É",
    Level.MEDIUM: "M",
    Level.LOW: "F",
    Level.UNKNOWN: "?",
    Level.INFO: "I",
    Level.NONE: "–",
}
"""The letter of each level, worst first."""
_ORDER = tuple(LETTERS)


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell, with the names of what meets in it."""

    row: str
    column: str
    text: str
    level: str
    letter: str
    detail: str
    anchor: str
    """Of its line among the details; empty when there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class ExhibitView:
    """One matrix of a domain."""

    kind: ClassVar[str] = "matrix"
    matrix: Matrix
    subject: str
    anchor: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellView, ...]], ...]
    details: tuple[CellView, ...]
    """Cells that have more to say, the gravest first."""
    levels: tuple[str, ...]
    """Levels present, for the key."""

    @property
    def heading(self) -> str:
        """Title of the picture, subject included."""
        return heading(self.subject, self.matrix)

    @property
    def upright(self) -> bool:
        """Column titles must be written upwards."""
        return len(self.columns) >= MANY_COLUMNS

    @property
    def hidden(self) -> int:
        """Rows and columns that are not drawn."""
        return len(self.matrix.rows) - len(self.rows) + len(self.matrix.columns) - len(self.columns)

    @property
    def long(self) -> bool:
        """Too many details to print."""
        return len(self.details) > MANY_DETAILS


def distinct_exhibits(outcomes: Iterable[Outcome]) -> tuple[tuple[str, Matrix], ...]:
    """Subject and matrix of each picture, once even when several controls carry it."""
    return tuple(dict.fromkeys((outcome.subject, outcome.exhibit) for outcome in outcomes if outcome.exhibit))


def heading(subject: str, matrix: Matrix) -> str:
    """The title, and what it is about unless the title says so."""
    return matrix.title if subject in matrix.title else f"{matrix.title} ({subject})"


def exhibit_views(outcomes: Iterable[Outcome], prefix: str) -> tuple[ExhibitView, ...]:
    """The pictures of one domain; `prefix` makes their anchors unique in the page."""
    found = enumerate(distinct_exhibits(outcomes), start=1)
    return tuple(matrix_view(matrix, subject, f"{prefix}-{number}") for number, (subject, matrix) in found)


def matrix_view(matrix: Matrix, subject: str, anchor: str) -> ExhibitView:
    """Prepare one matrix; no subject when it is about the whole domain."""
    columns = matrix.columns[:MAX_SIDE]
    rows = tuple((label, tuple(_cells(matrix, anchor, number))) for number, label in enumerate(matrix.rows[:MAX_SIDE]))
    cells = [cell for _, line in rows for cell in line]
    return ExhibitView(
        matrix=matrix,
        subject=subject,
        anchor=anchor,
        columns=columns,
        rows=rows,
        details=tuple(sorted((c for c in cells if c.anchor), key=lambda c: _ORDER.index(c.level))),
        levels=tuple(level for level in _ORDER if any(cell.level == level for cell in cells)),
    )


def _cells(matrix: Matrix, anchor: str, row: int) -> Iterable[CellView]:
    for column, cell in enumerate(matrix.cells[row][:MAX_SIDE]):
        yield CellView(
            row=matrix.rows[row],
            column=matrix.columns[column],
            text=cell.text,
            level=cell.level,
            letter=LETTERS[cell.level],
            detail=cell.detail,
            anchor=f"{anchor}-{row + 1}-{column + 1}" if cell.detail else "",
        )
