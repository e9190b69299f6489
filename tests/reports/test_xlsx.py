"""The workbook, read back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import openpyxl
import pytest

from checks.model import Affected, Evidence, Verdict
from reports.plan import build_plan
from reports.xlsx import STATES, row_height, safe_text, write_plan_xlsx
from tests.reports import build

SHEETS = ["Six mesures", "Plan", "Étapes", "Constats", "Non évalué", "Objets", "Méthode"]


def write(path: Path, run=None):
    run = run or build.realistic_run()
    catalogue = build.realistic_catalogue()
    plan = build_plan(run, catalogue)
    write_plan_xlsx(path, run, plan, catalogue)
    return run, plan, openpyxl.load_workbook(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory):
    return write(tmp_path_factory.mktemp("xlsx") / "plan.xlsx")


def column(sheet, title: str) -> list:
    index = [cell.value for cell in sheet[1]].index(title)
    return [row[index].value for row in sheet.iter_rows(min_row=2)]


def test_sheets_are_frozen_filtered_and_printable(written) -> None:
    _, _, book = written
    assert book.sheetnames == SHEETS
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "C2"
        assert sheet.auto_filter.ref
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.paperSize == 9
        assert sheet.print_title_rows == "$1:$1"


def test_plan_sheets_hold_the_plan_in_order(written) -> None:
    _, plan, book = written
    assert column(book["Six mesures"], "Identifiant") == [p.measure.id for p in plan.six]
    assert column(book["Plan"], "Identifiant") == [p.measure.id for p in plan.measures]
    assert column(book["Plan"], "Points retirés") == [p.points for p in plan.measures]


def test_columns_to_fill_have_their_lists_and_start_empty(written) -> None:
    _, plan, book = written
    sheet = book["Six mesures"]
    assert column(sheet, "État") == [STATES[0]] * len(plan.six)
    assert set(column(sheet, "Responsable")) == set(column(sheet, "Échéance retenue")) == {None}
    kinds = sorted(v.type for v in sheet.data_validations.dataValidation)
    assert kinds == ["date", "list", "list"]
    lists = {v.formula1 for v in sheet.data_validations.dataValidation if v.type == "list"}
    assert f'"{",".join(STATES)}"' in lists


def test_proposed_dates_follow_the_audit_and_the_schedule(written) -> None:
    run, plan, book = written
    found = column(book["Plan"], "Échéance proposée")
    expected = [None if p.end_day is None else p.end_day for p in plan.measures]
    assert [None if d is None else (d.date() - run.finished.date()).days for d in found] == expected


def test_findings_and_silences_are_complete(written) -> None:
    run, _, book = written
    failed = [o for o in run.outcomes if o.verdict is Verdict.FAIL]
    silent = [o for o in run.outcomes if o.verdict is Verdict.NOT_ASSESSED]
    assert sorted(column(book["Constats"], "Empreinte")) == sorted(o.fingerprint for o in failed)
    assert column(book["Non évalué"], "Contrôle") == [o.control for o in silent]
    assert len(column(book["Objets"], "Objet")) == sum(len(o.affected) for o in failed)


@pytest.mark.parametrize(
    "attack", ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r\n=cmd|'/c calc'!A0"]
)
def test_formulas_become_text_everywhere(attack: str, tmp_path: Path) -> None:
    base = build.realistic_run()
    outcomes = tuple(
        msgspec.structs.replace(
            o,
            subject=attack,
            message=attack,
            evidence=(Evidence(value=attack, source=attack, time=attack),),
            affected=(Affected(id=attack, label=attack, detail=attack),) if o.verdict is Verdict.FAIL else (),
        )
        for o in base.outcomes
    )
    structure = msgspec.structs.replace(base.structure, name=attack)
    run = msgspec.structs.replace(base, outcomes=outcomes, structure=structure, operator=attack, notes=(attack,))
    _, _, book = write(tmp_path / "plan.xlsx", run)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert not any(cell.hyperlink for cell in cells)
    texts = [cell.value for cell in cells if isinstance(cell.value, str)]
    assert not any(text.lstrip().startswith(("=", "+", "-", "@")) for text in texts)
    assert any(text == safe_text(attack) for text in texts)


def test_ordinary_text_is_left_as_it_is() -> None:
    assert safe_text("DC1 : 14 comptes (12 attendus)") == "DC1 : 14 comptes (12 attendus)"
    assert safe_text("=1") == "'=1"


def test_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx")
    write(tmp_path / "b.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.xlsx", "b.xlsx"]


def test_an_empty_run_still_gives_a_workbook(tmp_path: Path) -> None:
    _, _, book = write(tmp_path / "plan.xlsx", build.run())
    assert book.sheetnames == SHEETS
    assert book["Six mesures"].max_row == 1


def test_follow_up_fits_on_paper_and_every_row_shows_its_lines(written) -> None:
    _, plan, book = written
    for name in ("Six mesures", "Plan"):
        sheet = book[name]
        first, last = sheet.print_area.split("!")[-1].replace("$", "").split(":")
        titles = [cell.value for cell in sheet[f"{first}:{last}"][0]]
        assert titles[:2] == ["Rang", "Mesure"]
        assert titles[-1] == "Commentaire"
        width = sum(sheet.column_dimensions[cell.column_letter].width for cell in sheet[f"{first}:{last}"][0])
        assert width <= 200
    heights = [book["Plan"].row_dimensions[row].height for row in range(2, len(plan.measures) + 2)]
    assert len(heights) == len(plan.measures)
    assert all(13.5 <= height <= 409 for height in heights)


def test_every_step_of_every_measure_is_a_row(written) -> None:
    _, plan, book = written
    expected = [safe_text(step) for planned in plan.measures for step in planned.measure.steps]
    assert expected
    assert column(book["Étapes"], "À faire") == expected
    assert set(column(book["Étapes"], "Rang")) == {planned.rank for planned in plan.measures}


@pytest.mark.parametrize(
    ("row", "lines"), [(["court", 3], 1), (["x" * 18, ""], 1), (["x" * 19, None], 2), (["a\n\nb", 1.5], 3)]
)
def test_row_height_counts_wrapped_and_explicit_lines(row: list, lines: int) -> None:
    assert row_height(row, [20, 10]) == lines * 13.5


def test_row_height_stays_below_what_a_spreadsheet_accepts() -> None:
    assert row_height(["\n" * 500], [20]) <= 409
