"""A workbook that a domain offers, written as XLSX. As for the plan, texts stay texts: nothing becomes a formula."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import xlsxwriter

from checks.common.documents import Column, Document, Sheet, Value
from checks.model import Level, MatrixCell, Run
from reports import french
from reports.xlsx import row_height, safe_text

_COLOURS = {
    Level.INFO: "#E8F0F4",
    Level.LOW: "#FFF3D6",
    Level.MEDIUM: "#FFE3B8",
    Level.HIGH: "#FBD0C4",
    Level.CRITICAL: "#F2AFA6",
    Level.UNKNOWN: "#E3E6E9",
}
"""Light behind dark text; the level is also written, so nothing depends on seeing the colour."""
_TEXT = {"valign": "top", "text_wrap": True, "font_name": "Calibri", "font_size": 10}
_CELL = {**_TEXT, "border": 1, "border_color": "#C3CCD4"}
_FILL = {"bg_color": "#FFF8DC"}
_PAGE_WIDTH = 250
"""Characters of a line that stay readable on a landscape A4 page; a wider sheet goes on over the next page."""
MAX_CHOICES = 255
"""Characters of a list of choices, all together, that a spreadsheet accepts."""
EXTENSION = ".xlsx"


def render_workbook(document: Document, run: Run) -> bytes:
    """The bytes of the file. The same document and run always give the same bytes."""
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    workbook.set_properties(
        {
            "title": safe_text(document.title),
            "subject": safe_text(run.structure.name),
            "comments": safe_text(run.id),
            "created": run.finished.replace(tzinfo=None),
        }
    )
    writer = _Writer(workbook, f"{document.title} – {run.structure.name}")
    for sheet in document.sheets:
        writer.write(sheet)
    workbook.close()
    return buffer.getvalue()


class _Writer:
    """The formats of one workbook."""

    def __init__(self, workbook: Any, footer: str) -> None:
        self.workbook = workbook
        self.footer = safe_text(footer)[:120].replace("&", "&&")  # `&` introduces a code in a footer
        self.formats: dict[tuple[str, ...], Any] = {}
        self.head = self._format(bold=True, bg_color="#0A5876", font_color="#FFFFFF", border=1)
        self.asked = self._format(bold=True, bg_color="#7A5B00", font_color="#FFFFFF", border=1)
        self.note = workbook.add_format({**_TEXT, "text_wrap": False, "italic": True})

    def write(self, sheet: Sheet) -> None:
        """Sentences, header, rows; frozen and ready to print."""
        page = self.workbook.add_worksheet(sheet.name)
        for number, sentence in enumerate(sheet.intro):
            page.write_string(number, 0, safe_text(sentence), self.note)
        top = len(sheet.intro) + bool(sheet.intro)
        widths = [column.width for column in sheet.columns]
        titles = [column.title + (" (à remplir)" if column.fill else "") for column in sheet.columns]
        for index, (column, title) in enumerate(zip(sheet.columns, titles, strict=True)):
            page.set_column(index, index, column.width)
            page.write_string(top, index, safe_text(title), self.asked if column.fill else self.head)
        page.set_row(top, row_height(titles, widths) + 3)
        for number, row in enumerate(sheet.rows, start=top + 1):
            for index, (value, column) in enumerate(zip(row, sheet.columns, strict=True)):
                self._cell(page, number, index, value, column)
            page.set_row(number, row_height([_text(value) for value in row], widths))
        last = top + max(1, len(sheet.rows))
        self._choices(page, sheet, top + 1, last)
        page.freeze_panes(top + 1, 1)
        page.autofilter(top, 0, last, len(sheet.columns) - 1)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(-(-sum(widths) // _PAGE_WIDTH), 0)
        page.repeat_rows(top)
        page.repeat_columns(0)
        page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        page.set_footer(f"&L{self.footer} – {sheet.name}&RPage &P / &N")

    def _cell(self, page: Any, row: int, column: int, value: Value, about: Column) -> None:
        level = value.level if isinstance(value, MatrixCell) else Level.NONE
        empty = _text(value) == "" and not isinstance(value, int | float | date)
        look: dict[str, Any] = {}
        if about.fill and empty:
            look = _FILL
        elif level in _COLOURS:
            look = {"bg_color": _COLOURS[level]}
        if empty:
            page.write_blank(row, column, None, self._format(**look))
        elif isinstance(value, date):
            page.write_datetime(row, column, value, self._format(num_format="dd/mm/yyyy", align="left", **look))
        elif isinstance(value, int | float):
            page.write_number(row, column, value, self._format(num_format="0.##", align="left", **look))
        else:
            page.write_string(row, column, _text(value), self._format(**look))

    def _choices(self, page: Any, sheet: Sheet, first: int, last: int) -> None:
        for index, column in enumerate(sheet.columns):
            if column.choices and len(",".join(column.choices)) <= MAX_CHOICES:
                page.data_validation(
                    first, index, last, index,
                    {"validate": "list", "source": list(column.choices), "error_type": "information",
                     "error_title": "Réponse", "error_message": "Choisir dans la liste ou confirmer sa réponse."},
                )  # fmt: skip

    def _format(self, **look: Any) -> Any:
        key = tuple(f"{name}={value}" for name, value in sorted(look.items()))
        if key not in self.formats:
            self.formats[key] = self.workbook.add_format({**_CELL, **look})
        return self.formats[key]


def _text(value: Value) -> str:
    """What a cell shows, harmless; a level that a colour shows is written as well."""
    if isinstance(value, MatrixCell):
        level = f" [{french.LEVELS[value.level].lower()}]" if value.level in _COLOURS else ""
        detail = f"\n{safe_text(value.detail)}" if value.detail else ""
        return f"{safe_text(value.text)}{level}{detail}".strip()
    return safe_text(value) if isinstance(value, str) else ""
