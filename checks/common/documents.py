"""Workbooks that a domain offers the structure to fill in: sheets of rows, some columns found, some to complete.

Plain data: a domain says what is known and what is asked, `reports` writes the file. An empty cell of a column to
fill in is shown as one.
"""

from __future__ import annotations

import re
from datetime import date

from checks.model import MatrixCell, Record

Value = str | int | float | date | MatrixCell | None

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_RESERVED = frozenset({"plan"})
"""Files of a run folder that are not a domain's."""
_SHEET = re.compile(r"[^\[\]:*?/\\']{1,31}")
MAX_SHEETS = 20
MAX_COLUMNS = 40
MAX_ROWS = 20_000


class Column(Record, frozen=True, kw_only=True):
    """One column of a sheet."""

    title: str
    width: int
    """Characters."""
    fill: bool = False
    """The structure completes it."""
    choices: tuple[str, ...] = ()
    """Answers proposed; another one may be written."""


class Sheet(Record, frozen=True, kw_only=True):
    """One table, with a few sentences above it."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    intro: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _SHEET.fullmatch(self.name):
            raise ValueError("a spreadsheet refuses this name of sheet")
        if not 0 < len(self.columns) <= MAX_COLUMNS or len(self.rows) > MAX_ROWS:
            raise ValueError(f"a sheet has 1 to {MAX_COLUMNS} columns, and at most {MAX_ROWS} rows")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a sheet needs one value for each column in every row")


class Document(Record, frozen=True, kw_only=True):
    """One workbook."""

    name: str
    """Of its file, without folder nor extension: small letters, digits, dashes."""
    title: str
    sheets: tuple[Sheet, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _RESERVED:
            raise ValueError("the name of a document is small letters, digits and dashes, and is free")
        if not 0 < len(self.sheets) <= MAX_SHEETS or len({one.name for one in self.sheets}) != len(self.sheets):
            raise ValueError(f"a document has 1 to {MAX_SHEETS} sheets of different names")
