"""A workbook that a domain offers, read back."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from agent.commands.report import write_report
from agent.engine import Judged
from agent.runfolder import RunFolder
from checks.common.documents import Column, Document, Sheet
from checks.model import Level, MatrixCell
from reports.workbook import render_workbook
from tests.reports import build

FILL = "FFFFF8DC"


def document(*rows: tuple[Any, ...], intro: tuple[str, ...] = ("Une phrase.",)) -> Document:
    columns = (Column(title="Objet", width=20), Column(title="Réponse", width=20, fill=True, choices=("oui", "non")))
    return Document(
        name="essai", title="Essai", sheets=(Sheet(name="Feuille", columns=columns, rows=rows, intro=intro),)
    )


def written(*rows: tuple[Any, ...], **fields: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(render_workbook(document(*rows, **fields), build.realistic_run())))


def test_sentences_stand_above_the_header() -> None:
    sheet = written(("a", ""))["Feuille"]
    assert sheet["A1"].value == "Une phrase."
    assert [cell.value for cell in sheet[3]] == ["Objet", "Réponse (à remplir)"]
    assert sheet.freeze_panes == "B4"
    assert sheet.auto_filter.ref == "A3:B4"
    assert (sheet.print_title_rows, sheet.print_title_cols) == ("$3:$3", "$A:$A")
    assert sheet.page_setup.fitToWidth in (None, 1)


def test_empty_cells_to_fill_are_marked_and_answered_ones_are_not() -> None:
    sheet = written(("", ""), ("a", "oui"), intro=())["Feuille"]
    assert sheet["B2"].fill.fgColor.rgb == FILL
    assert sheet["A2"].fill.fgColor.rgb != FILL
    assert sheet["B3"].fill.fgColor.rgb != FILL
    assert sheet["B3"].value == "oui"


def test_choices_are_proposed() -> None:
    (validation,) = written(("a", ""), ("b", ""), intro=())["Feuille"].data_validations.dataValidation
    assert (validation.type, str(validation.sqref), validation.formula1) == ("list", "B2:B3", '"oui,non"')


def test_dates_and_numbers_keep_their_type() -> None:
    sheet = written((date(2026, 11, 22), 3), (0, 2.5), intro=())["Feuille"]
    assert sheet["A2"].value.date() == date(2026, 11, 22)
    assert (sheet["B2"].value, sheet["A3"].value, sheet["B3"].value) == (3, 0, 2.5)


def test_level_is_written_and_coloured() -> None:
    cell = MatrixCell(text="non", level=Level.HIGH, detail="Rien hors du site.")
    sheet = written((cell, MatrixCell(text="oui")), intro=())["Feuille"]
    assert sheet["A2"].value == "non [élevé]\nRien hors du site."
    assert sheet["A2"].fill.fgColor.rgb == "FFFBD0C4"
    assert sheet["B2"].value == "oui"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " ="])
def test_foreign_text_is_never_a_formula(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    cell = MatrixCell(text=text, detail=text)
    sheet = written((text, cell), intro=(text,))["Feuille"]
    for name in ("A1", "A4", "B4"):
        assert sheet[name].data_type == "s"
        assert all(line.startswith("'") for line in sheet[name].value.split("\n"))


def test_hostile_characters_are_cleaned() -> None:
    sheet = written(("a\x1b[2J\u202eb", MatrixCell(text="c\x07")), intro=())["Feuille"]
    assert (sheet["A2"].value, sheet["B2"].value) == ("a\ufffd[2J\ufffdb", "c\ufffd")


def test_same_document_gives_the_same_bytes() -> None:
    one = document(("a", ""), ("b", MatrixCell(text="c", level=Level.LOW)))
    run = build.realistic_run()
    assert render_workbook(one, run) == render_workbook(one, run)


def test_sheet_without_rows_opens() -> None:
    assert written(intro=())["Feuille"].max_row == 1


def test_documents_are_written_beside_the_report(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.prepare()
    folder.journal.touch()
    judged = Judged(outcomes=(), summaries={}, documents=(document(("a", "")),))
    write_report(folder, build.realistic_run(), judged, build.realistic_catalogue(), None)
    assert openpyxl.load_workbook(folder.document("essai")).sheetnames == ["Feuille"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".xlsx") == ["essai.xlsx", "plan.xlsx"]
