"""Matrices and located objects: in the page, in the sheet, in the terminal."""

from __future__ import annotations

import re
import time

import msgspec
import openpyxl
import pytest

from checks.model import Affected, Level, Matrix, MatrixCell
from reports import french
from reports.exhibits import LETTERS, MAX_SIDE, exhibit_views
from reports.html import render_report
from reports.plan import build_plan
from reports.terminal import check_summary, object_text, related_text, witness_text
from reports.xlsx import write_plan_xlsx
from tests.reports import build
from tests.reports.pages import Node, read
from tests.reports.test_html import frameworks


def page_of(**options) -> Node:
    return read(render_report(build.firewall_run(**options), build.firewall_catalogue(), frameworks()))


@pytest.fixture(scope="module")
def page() -> Node:
    return page_of()


def having(tree: Node, tag: str, name: str) -> list[Node]:
    return [node for node in tree.all(tag) if name in node.attributes.get("class", "").split()]


def test_every_level_has_a_word_and_a_letter_of_its_own():
    assert list(french.LEVELS) == list(Level)
    assert set(LETTERS) == set(Level)
    assert len(set(LETTERS.values())) == len(Level)


def test_a_matrix_carried_by_two_outcomes_is_drawn_once_with_all_its_cells(page):
    (table,) = having(page, "table", "matrix")
    columns = [node.full_text for node in table.all("thead")[0].all("th")[1:]]
    assert tuple(columns) == build.ZONES
    rows = table.all("tbody")[0].all("tr")
    assert tuple(row.all("th")[0].full_text for row in rows) == build.ZONES
    matrix = build.zone_matrix()
    for row, cells in zip(rows, matrix.cells, strict=True):
        for node, cell in zip(row.all("td"), cells, strict=True):
            assert node.attributes["class"] == f"l-{cell.level}"
            assert node.full_text.startswith(LETTERS[cell.level] + french.LEVELS[cell.level])
            assert node.full_text.endswith(cell.text)


def test_the_subject_is_said_once():
    matrix = msgspec.structs.replace(build.zone_matrix(), title="Qui va où à travers FW-TILLEULS")
    (figure,) = having(page_of(matrix=matrix), "figure", "exhibit")
    assert figure.all("figcaption")[0].full_text == "Qui va où à travers FW-TILLEULS"
    (figure,) = having(page_of(), "figure", "exhibit")
    assert figure.all("figcaption")[0].full_text == "Qui peut ouvrir une connexion vers qui (FW-TILLEULS)"


def test_the_letter_is_for_the_eye_and_the_word_for_the_ear(page):
    (table,) = having(page, "table", "matrix")
    for cell in table.all("td"):
        (mark,) = having(cell, "span", "mark")
        assert mark.attributes["aria-hidden"] == "true"
        (word,) = having(cell, "span", "sr")
        assert word.full_text.removesuffix(" : ") in french.LEVELS.values()


def test_each_cell_with_a_detail_leads_to_its_line_the_gravest_first(page):
    (figure,) = having(page, "figure", "exhibit")
    links = {node.attributes["href"][1:] for node in having(figure, "table", "matrix")[0].all("a")}
    lines = [node for node in figure.all("tr") if "id" in node.attributes]
    assert {node.attributes["id"] for node in lines} == links
    details = {cell.detail for row in build.zone_matrix().cells for cell in row if cell.detail}
    assert {node.all("td")[-1].full_text for node in lines} == details
    order = [LETTERS[level] for level in LETTERS]
    shown = [order.index(having(node, "span", "mark")[0].full_text) for node in lines]
    assert shown == sorted(shown)


def test_the_key_has_the_levels_of_the_matrix_only():
    one = Matrix(title="Vue", rows=("a",), columns=("b",), cells=((MatrixCell(level=Level.LOW),),))
    (figure,) = having(page_of(matrix=one), "figure", "exhibit")
    (legend,) = having(figure, "ul", "legend")
    assert [node.full_text.strip() for node in legend.all("li")] == ["F Faible"]
    assert figure.all("details") == []


@pytest.mark.parametrize(("count", "upright"), [(7, False), (8, True)])
def test_titles_of_many_columns_are_written_upwards(count, upright):
    zones = tuple(f"zone {n}" for n in range(count))
    assert bool(having(page_of(matrix=build.zone_matrix(zones)), "table", "upright")) is upright


def test_a_matrix_that_cannot_be_read_is_cut_and_says_so():
    zones = tuple(f"z{n}" for n in range(MAX_SIDE + 3))
    run = build.firewall_run(matrix=build.zone_matrix(zones))
    (view,) = exhibit_views(run.outcomes, "t")
    assert (len(view.rows), len(view.columns), view.hidden, view.long) == (MAX_SIDE, MAX_SIDE, 6, True)
    text = page_of(matrix=build.zone_matrix(zones)).full_text
    assert "6 lignes ou colonnes ne sont pas dessinées" in text


def test_the_largest_matrix_is_drawn_in_little_time():
    started = time.process_time()
    page_of(matrix=build.zone_matrix(tuple(f"z{n}" for n in range(MAX_SIDE))))
    assert time.process_time() - started < 3


def test_located_objects_are_a_table_and_others_a_list(page):
    tables = having(page, "table", "objects")
    heads = [[node.full_text for node in table.all("thead")[0].all("th")] for table in tables]
    assert heads == [["Référence", "Objet", "Ligne", "Défaut", "Détail", "En cause", "Exemple"]] * 2
    first = tables[0].all("tbody")[0].all("tr")[0]
    texts = [node.full_text for node in first.children if node.tag != "#text"]
    assert texts[:4] == ["1", "Télémaintenance du prestataire 1", "352", "Masquée"]
    assert texts[5] == "1 « Sortie 1 », 2 « Sortie 2 »"
    assert texts[6] == "src=10.20.0.15 dst=10.10.0.5 proto=tcp dport=445"
    assert sum(len(table.all("tbody")[0].all("tr")) for table in tables) == 14
    assert having(page, "ul", "objects")


def test_the_reference_has_no_column_when_every_label_starts_with_it(tmp_path):
    base = build.firewall_run(rules=1)
    (item,) = base.outcomes[1].affected
    named = msgspec.structs.replace(item, label="règle 1 « Télémaintenance »")
    outcomes = (base.outcomes[0], msgspec.structs.replace(base.outcomes[1], affected=(named,)))
    run = msgspec.structs.replace(base, outcomes=outcomes)
    page = read(render_report(run, build.firewall_catalogue(), frameworks()))
    (table,) = having(page, "table", "objects")
    heads = [node.full_text for node in table.all("thead")[0].all("th")]
    assert heads == ["Objet", "Ligne", "Défaut", "Détail", "En cause", "Exemple"]
    assert table.all("tbody")[0].all("th")[0].full_text == "règle 1 « Télémaintenance »"
    head, _, second = workbook(tmp_path, run)["Objets"].iter_rows(values_only=True)
    assert second[head.index("Référence")] == "1"


def test_thousands_of_objects_leave_a_page_that_opens(tmp_path):
    run = build.firewall_run(rules=1002)
    page = read(render_report(run, build.firewall_catalogue(), frameworks()))
    assert sum(len(table.all("tbody")[0].all("tr")) for table in having(page, "table", "objects")) == 1000
    assert "Et 2 autres, dans la feuille" in page.full_text
    assert "Afficher les 992 autres" in page.full_text
    assert "Et 1 autre, dans" not in page_of(rules=1000).full_text
    assert "Et 1 autre, dans" in page_of(rules=1001).full_text
    assert workbook(tmp_path, run)["Objets"].max_row == 1 + 1 + 1002


def test_many_related_objects_are_counted():
    text = page_of(rules=12).full_text
    assert "12 « Sortie 12 » et 1 autre" in text
    assert "13 « Sortie 13 »" not in text


def test_a_page_without_exhibit_has_no_trace_of_one():
    run = build.realistic_run()
    text = render_report(run, build.realistic_catalogue(), frameworks())
    assert '<figure class="exhibit"' not in text
    assert '<table class="objects"' not in text


def workbook(tmp_path, run):
    catalogue = build.firewall_catalogue()
    write_plan_xlsx(tmp_path / "plan.xlsx", run, build_plan(run, catalogue), catalogue)
    return openpyxl.load_workbook(tmp_path / "plan.xlsx")


def test_the_workbook_has_the_places_and_every_cell(tmp_path):
    book = workbook(tmp_path, build.firewall_run())
    head, first, second, *_ = book["Objets"].iter_rows(values_only=True)
    assert head[-5:] == ("Référence", "Ligne", "Défaut", "En cause", "Exemple")
    assert first[-5:] == (None,) * 5
    assert second[-5:-2] == ("1", 352, "masquée")
    assert second[-1] == "src=10.20.0.15 dst=10.10.0.5 proto=tcp dport=445"
    rows = list(book["Tableaux"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == len(build.ZONES) ** 2
    cell = build.zone_matrix().cells[0][1]
    assert rows[1] == (
        "Pare-feu", "FW-TILLEULS", "Qui peut ouvrir une connexion vers qui", "Internet", "Professionnel",
        french.LEVELS[cell.level], cell.text, cell.detail,
    )  # fmt: skip


def test_formulas_of_places_and_cells_become_text(tmp_path):
    attack = "=HYPERLINK(1)"
    base = build.firewall_run()
    item = Affected(id="1", label="x", ref=attack, related=(attack,), witness={attack: attack})
    cell = MatrixCell(text=attack, detail=attack)
    matrix = Matrix(title=attack, rows=(attack,), columns=(attack,), cells=((cell,),))
    failed = msgspec.structs.replace(base.outcomes[0], affected=(item,), exhibit=matrix)
    book = workbook(tmp_path, msgspec.structs.replace(base, outcomes=(failed,)))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert sum(cell.value == f"'{attack}" for cell in cells) >= 7


def test_the_terminal_shows_rules_lines_and_what_blocks_them():
    run = build.firewall_run(rules=2)
    text = check_summary(run.outcomes, build.firewall_catalogue(), 72, {"Pare-feu": "FW-TILLEULS, 14 règles"})
    assert text.startswith("Pare-feu : FW-TILLEULS, 14 règles\n\nQui peut ouvrir")
    assert all(len(line) <= 72 for line in text.splitlines())
    flat = re.sub(r"\s+", " ", text)
    assert "1 « Télémaintenance du prestataire 1 » (ligne 352, masquée) : Cette règle" in flat
    assert "en cause : 1 « Sortie 1 », 2 « Sortie 2 »" in flat
    assert "exemple : src=10.20.0.15 dst=10.10.0.5 proto=tcp dport=445" in flat
    assert flat.index("FW-SEG-001") < flat.index("FW-ANO-001") < flat.index("FW-LOG-001")
    assert "Bilan : non conforme 2, non évalué 0, conforme 1, sans objet 0. Gravité : critique 1, moyenne 1." in flat


def test_the_words_of_an_object():
    bare = Affected(id="1", label="règle 3")
    assert (object_text(bare), related_text(bare), witness_text(bare)) == ("règle 3", "", "")
    assert object_text(Affected(id="1", label="", ref="12", line=4)) == "12 (ligne 4)"
    assert object_text(Affected(id="1", label="12", ref="12", kind="no-log")) == "12"
    assert (
        object_text(Affected(id="1", label="règle 12 « Internet »", ref="12", line=4))
        == "règle 12 « Internet » (ligne 4)"
    )
    many = Affected(id="1", label="x", related=tuple("abcdefgh"))
    assert related_text(many, 7) == "a, b, c, d, e, f, g et 1 autre"
    assert related_text(many, 8) == "a, b, c, d, e, f, g, h"


def test_the_terminal_draws_a_matrix_with_letters():
    run = build.firewall_run()
    text = check_summary(run.outcomes, build.firewall_catalogue(), 72)
    assert text.count("Qui peut ouvrir une connexion vers qui (FW-TILLEULS)") == 1
    lines = text.splitlines()
    letters = {level: letter.replace("É", "E").replace("–", "-") for level, letter in LETTERS.items()}
    assert "".join(letters.values()).isascii()
    assert lines[1].split() == list("1234567")
    for number, (row, cells) in enumerate(zip(build.ZONES, build.zone_matrix().cells, strict=True)):
        assert lines[2 + number].split() == [str(number + 1), *row.split(), *(letters[cell.level] for cell in cells)]
        assert len(lines[2 + number]) == len(lines[1])
    assert "Lignes : De ; colonnes : Vers. C = critique, E = élevé" in text
    assert "Colonnes : 1" not in text
    narrow = check_summary(run.outcomes, build.firewall_catalogue(), 40)
    assert "ne tient pas dans ce terminal" in re.sub(r"\s+", " ", narrow)


def test_columns_that_are_not_the_rows_are_named():
    matrix = Matrix(title="Vue", rows=(), columns=("a", "b"), cells=())
    text = check_summary(build.firewall_run(matrix=matrix).outcomes, build.firewall_catalogue(), 72)
    assert "Colonnes : 1 = a, 2 = b." in text
