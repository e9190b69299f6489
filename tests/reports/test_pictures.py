"""Pictures of a domain: what is drawn, what the table beside it says, in the page, the sheet and the terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import combinations, pairwise
from pathlib import Path

import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.common.exhibits import (
    MAX_GROUPS,
    MAX_SERIES,
    Cell,
    Exhibit,
    Lane,
    Lines,
    Point,
    Series,
    Span,
    Spans,
    Table,
    cleaned,
)
from checks.model import Level
from reports import french, pictures
from reports.domain_exhibits import PAGE_ROWS, PRINTED_DATA, PRINTED_ROWS, domain_views, sheet_names, sheet_rows
from reports.exhibits import LETTERS
from reports.html import render_report
from reports.plan import build_plan
from reports.terminal import check_summary
from reports.terminal_exhibits import ROWS, picture_lines
from reports.xlsx import write_plan_xlsx
from tests.reports import build
from tests.reports.pages import Node, read
from tests.reports.test_html import ATTACKS, frameworks, squeeze

EMPTY = {
    "table": Table(title="Vide", columns=("a",), rows=()),
    "spans": Spans(title="Vide", axis="x", lanes=(), groups=()),
    "bare lane": Spans(title="Vide", axis="x", lanes=(Lane(label="a", start=0, stop=1),), groups=()),
    "lines": Lines(title="Vide", scale="y", series=()),
    "silence": Lines(title="Vide", scale="y", series=(Series(label="a", points=(Point(at=1), Point(at=2))),)),
}


def page_of(*exhibits: Exhibit) -> Node:
    """The page of a domain that shows these pictures, and has no matrix of its own."""
    run = build.run(build.outcome("FW-LOG-001", domain_id="firewall"))
    found = {"firewall": exhibits}
    return read(render_report(run, build.firewall_catalogue(), frameworks(), domain_exhibits=found))


def figures(page: Node) -> list[Node]:
    return [node for node in page.all("figure") if "exhibit" in node.attributes.get("class", "").split()]


def having(tree: Node, tag: str, name: str) -> list[Node]:
    return [node for node in tree.all(tag) if name in node.attributes.get("class", "").split()]


def body(table: Node) -> list[list[str]]:
    """Texts of the cells, row by row."""
    (found,) = table.all("tbody")
    return [[cell.full_text for cell in row.all("th", "td")] for row in found.all("tr")]


def head(table: Node) -> list[str]:
    return [cell.full_text for cell in table.all("thead")[0].all("th")]


# --- Where they are


def test_pictures_stand_above_the_verdicts_in_the_order_of_the_domain() -> None:
    page = read(
        render_report(build.firewall_run(), build.firewall_catalogue(), frameworks(), domain_exhibits=build.pictures())
    )
    titles = [figure.all("figcaption")[0].full_text for figure in figures(page)]
    assert titles == [*(one.title for one in build.pictures()["firewall"]), titles[-1]]
    assert titles[-1] == "Qui peut ouvrir une connexion vers qui (FW-TILLEULS)"
    (group,) = [node for node in page.all("div") if node.attributes.get("data-group") == "findings"]
    tags = [node.tag for node in group.children if node.tag in {"figure", "article"}]
    assert tags.index("article") == len(titles)


def test_pictures_of_another_domain_are_not_shown() -> None:
    run = build.run(build.outcome("FW-LOG-001", domain_id="firewall"))
    page = read(
        render_report(run, build.firewall_catalogue(), frameworks(), domain_exhibits={"wifi": (build.table(),)})
    )
    assert figures(page) == []


# --- Tables


def test_the_sentence_to_remember_stands_first() -> None:
    (figure,) = figures(page_of(build.table()))
    (strong,) = figure.all("strong")
    assert strong.full_text == "D'un poste résident, on n'atteint rien."
    text = figure.full_text
    assert text.index("on n'atteint rien") < text.index("jamais jugé") < text.index("Tilleuls-0")
    assert picture_lines(build.table(), 80)[1].strip() == "D'un poste résident, on n'atteint rien."
    alone = Table(title="Vide", columns=("a",), rows=(), lead="Rien n'est sûr.")
    (figure,) = figures(page_of(alone))
    assert "Rien n'est sûr." in figure.full_text
    assert "Rien à montrer" not in figure.full_text


@pytest.mark.parametrize("rows", [1, 9, PAGE_ROWS])
def test_a_table_has_every_cell_with_its_level_in_a_letter_and_a_word(rows: int) -> None:
    wanted = build.table(rows)
    (figure,) = figures(page_of(wanted))
    (table,) = having(figure, "table", "board")
    assert tuple(head(table)) == wanted.columns
    shown = table.all("tbody")[0].all("tr")
    assert len(shown) == rows
    for row, cells in zip(shown, wanted.rows, strict=True):
        for node, cell in zip(row.all("th", "td"), cells, strict=True):
            if cell.level is Level.NONE:
                assert node.full_text.strip() == (cell.text or "–")
            else:
                assert squeeze(node.full_text) == f"{LETTERS[cell.level]}{french.LEVELS[cell.level]} : {cell.text}"
                assert node.attributes["class"] == f"l-{cell.level}"
    assert "autres lignes" not in figure.full_text


def test_details_of_a_table_come_the_gravest_first_and_are_reached_from_their_cell() -> None:
    wanted = build.table(9)
    (figure,) = figures(page_of(wanted))
    lines = [node for node in figure.all("tr") if "id" in node.attributes]
    links = [node.attributes["href"][1:] for node in having(figure, "table", "board")[0].all("a")]
    assert sorted(node.attributes["id"] for node in lines) == sorted(links)
    details = [cell for row in wanted.rows for cell in row if cell.detail]
    assert sorted(node.all("td")[-1].full_text for node in lines) == sorted(cell.detail for cell in details)
    letters = [*(letter for level, letter in LETTERS.items() if level != Level.NONE), "–"]
    shown = [letters.index(node.all("td")[1].full_text.strip()[0]) for node in lines]
    assert shown == sorted(shown)
    assert len(set(shown)) == len(Level)


def test_a_long_table_is_cut_in_the_page_and_whole_in_the_sheet(tmp_path: Path) -> None:
    wanted = build.table(PAGE_ROWS + 440)
    (figure,) = figures(page_of(wanted))
    (table,) = having(figure, "table", "board")
    assert len(body(table)) == PAGE_ROWS
    assert "440 autres lignes ne sont pas dans cette page" in squeeze(figure.full_text)
    book, (name,) = workbook(tmp_path, wanted)
    assert name in figure.full_text.replace("\xa0", " ")
    assert book[name].max_row == 1 + len(wanted.rows)


def test_many_details_are_not_printed() -> None:
    (figure,) = figures(page_of(build.table(PAGE_ROWS)))
    (details,) = figure.all("details")
    assert details.attributes["class"] == "long screen-only"
    assert "plan.xlsx" in having(figure, "p", "print-only")[0].full_text
    (few,) = figures(page_of(build.table(PRINTED_ROWS // 2)))
    assert "class" not in few.all("details")[0].attributes


# --- Drawings and their tables


@pytest.mark.parametrize(
    "wanted",
    [build.spans(1), build.spans(9), build.spans(40), build.lines(1, 2), build.lines(8, 30)],
    ids=["one span", "spans", "many spans", "one line", "lines"],
)
def test_the_table_beside_a_drawing_has_the_same_data(wanted: Spans | Lines) -> None:
    (figure,) = figures(page_of(wanted))
    (details,) = figure.all("details")
    (table,) = details.all("table")
    titles, rows = sheet_rows(wanted)
    assert tuple(head(table)) == titles
    written = [[text if isinstance(text, str) else pictures.said(text) for text in row] for row in rows]
    assert body(table) == written
    if isinstance(wanted, Spans):
        assert len(rows) == sum(len(lane.spans) for lane in wanted.lanes)
        drawn = [n for n in figure.all("path") if n.all("title")]
        assert len(drawn) == len(rows)
    else:
        values = [p.value for one in wanted.series for p in one.points if p.value is not None]
        assert sum(text != "–" for row in rows for text in row[1:]) == len(values)


@pytest.mark.parametrize(("points", "printed"), [(PRINTED_DATA, True), (PRINTED_DATA + 2, False)])
def test_on_paper_a_long_drawing_stands_without_its_table(points: int, printed: bool) -> None:
    wanted = build.lines(1, points)
    assert len(sheet_rows(wanted)[1]) == points - 1
    (figure,) = figures(page_of(wanted))
    assert ("class" not in figure.all("details")[0].attributes) is printed
    assert bool(having(figure, "p", "print-only")) is not printed


def test_rows_of_spans_say_everything() -> None:
    titles, rows = sheet_rows(build.spans(3))
    assert titles == ("Partie", "Nom", "À qui", "De (MHz)", "À (MHz)", "Signal reçu (dBm)", "Niveau", "Détail")
    assert rows[1] == ("2,4 GHz", "Tilleuls-Residents 1", "Réseaux voisins", 2407, 2427,
                       -89.0, "–", "Canal 2, borne 1.")  # fmt: skip
    assert rows[2][6] == "Élevé"
    plain = msgspec.structs.replace(build.spans(2), scale="", unit="")
    assert sheet_rows(plain)[0] == ("Partie", "Nom", "À qui", "De", "À", "Détail")


def test_a_span_that_was_not_measured_says_so() -> None:
    rows = sheet_rows(build.spans(5))[1]
    assert rows[4][5] == "non mesuré"
    (figure,) = figures(page_of(build.spans(5)))
    assert len([n for n in figure.all("path") if "unmeasured" in n.attributes.get("class", "")]) == 1


def test_who_is_who_is_told_by_more_than_colour() -> None:
    (figure,) = figures(page_of(build.spans(4)))
    style = read(render_report(build.run(), build.firewall_catalogue(), frameworks())).all("style")[0].full_text
    fills = [re.search(rf"svg \.g-{n}, svg\.picture \.g-{n} {{([^}}]*)}}", style) for n in range(MAX_GROUPS)]
    dashes = [re.search(r"stroke-dasharray: ([^;]*)", found[1]) if found else None for found in fills]
    assert all(fills)
    assert len({found[1] if found else "solid" for found in dashes}) == MAX_GROUPS
    legend = having(figure, "ul", "legend")[0]
    assert [node.full_text.removeprefix("Légende") for node in legend.all("li")] == ["Nos réseaux", "Réseaux voisins"]


def test_lines_are_told_apart_by_shape_and_dashes() -> None:
    assert len(set(pictures.MARKS)) == len(pictures.MARKS) == MAX_SERIES
    drawing = pictures.draw_lines(build.lines(MAX_SERIES))
    assert drawing is not None
    assert len({line.shape for line in drawing.lines}) == MAX_SERIES


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_draw_is_said(name: str) -> None:
    (figure,) = figures(page_of(EMPTY[name]))
    assert "Rien à" in figure.full_text
    assert figure.all("svg", "table") == []
    assert sheet_names({"d": (EMPTY[name],)}) == {"d": ("",)}
    noted = msgspec.structs.replace(EMPTY[name], note="Relevé sans durée.")
    (figure,) = figures(page_of(noted))
    assert "Relevé sans durée." in figure.full_text
    assert "Rien à" not in figure.full_text
    assert "Relevé sans durée." in " ".join(picture_lines(noted, 80))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_texts_are_inert_in_every_field(attack: str, tmp_path: Path) -> None:
    cell = Cell(text=attack, level=Level.HIGH, detail=attack)
    span = Span(label=attack, start=1, stop=2, detail=attack, level=Level.LOW)
    found = (
        Table(title=attack, columns=(attack,), rows=((cell,),), lead=attack, note=attack),
        Spans(title=attack, axis=attack, unit=attack, scale=attack, note=attack, groups=(attack,),
              lanes=(Lane(label=attack, start=0, stop=3, spans=(span,)),)),
        Lines(title=attack, scale=attack, note=attack,
              series=(Series(label=attack, detail=attack, points=(Point(at=1, value=1.0), Point(at=2, value=2.0))),)),
    )  # fmt: skip
    page = page_of(*found)
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert not any(name.startswith("on") or name == "style" for node in page.walk() for name in node.attributes)
    assert all(figure.full_text.count(attack) >= 4 for figure in figures(page))
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in ids)
    book, names = workbook(tmp_path, *found)
    assert len(set(names)) == 3
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)


# --- Geometry

NUMBERS = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 2))


@st.composite
def some_spans(draw: st.DrawFn) -> Spans:
    found = draw(st.lists(st.tuples(st.integers(0, 95), st.integers(1, 5), st.none() | st.floats(-200, 50),
                                    st.integers(0, 1), st.text(max_size=40)), min_size=1, max_size=25))  # fmt: skip
    spans = tuple(
        Span(label=label, start=start, stop=start + width, height=height, group=group)
        for start, width, height, group, label in found
    )
    return Spans(title="Vue", axis="x", groups=("a", "b"), scale=draw(st.sampled_from(["", "dBm"])),
                 lanes=(Lane(label="l", start=0, stop=100, spans=spans),), lowest=-100.0, highest=-20.0)  # fmt: skip


@given(some_spans())
def test_names_of_spans_never_cover_one_another_and_stay_inside(spans: Spans) -> None:
    drawing = pictures.draw_lane(spans, spans.lanes[0])
    boxes = [(label.x - len(label.text) * 3.2, label.x + len(label.text) * 3.2, label.y) for label in drawing.labels]
    assert len(boxes) == len(spans.lanes[0].spans)
    for one, other in combinations(boxes, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or abs(one[2] - other[2]) >= 11
    for label in drawing.labels:
        assert 10 <= label.y <= drawing.base
        assert label.y <= label.foot <= drawing.base
    for box in drawing.boxes:
        heights = [float(text) for text in re.findall(r"[ML][\d.]+ ([\d.]+)", box.path)]
        assert all(0 <= height <= drawing.base for height in heights)


def test_the_higher_the_measure_the_higher_the_shape() -> None:
    lane = Lane(label="l", start=0, stop=10, spans=tuple(
        Span(label="a", start=n, stop=n + 1, height=height) for n, height in enumerate((-90.0, -60.0, -30.0))
    ))  # fmt: skip
    spans = Spans(title="Vue", axis="x", groups=("a",), scale="dBm", lanes=(lane,), lowest=-100.0, highest=-20.0)
    tops = [min(float(t) for t in re.findall(r"L[\d.]+ ([\d.]+)H", box.path)) for box in
            pictures.draw_lane(spans, lane).boxes]  # fmt: skip
    assert tops == sorted(tops, reverse=True)
    assert len(set(tops)) == 3


def test_a_crowd_of_spans_names_the_first_group_first() -> None:
    spans = tuple(Span(label=f"{n}", start=n % 90, stop=n % 90 + 5, group=n % 2) for n in range(300))
    wanted = Spans(title="Vue", axis="x", groups=("a", "b"), lanes=(Lane(label="l", start=0, stop=100, spans=spans),))
    drawing = pictures.draw_lane(wanted, wanted.lanes[0])
    assert len(drawing.boxes) == 300
    assert len(drawing.labels) == pictures.MAX_LABELS
    assert {label.group for label in drawing.labels} == {0}


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 10**9), st.none() | NUMBERS), max_size=40, unique_by=lambda pair: pair[0]),
        max_size=MAX_SERIES,
    )
)
def test_any_lines_are_drawn_inside_their_frame(found: list[list[tuple[int, float | None]]]) -> None:
    series = tuple(
        Series(label="a" * 40, points=tuple(Point(at=at, value=value) for at, value in sorted(points)))
        for points in found
    )
    drawing = pictures.draw_lines(Lines(title="Vue", scale="y", series=series))
    heard = [one for one in series if any(point.value is not None for point in one.points)]
    assert (drawing is None) == (not heard)
    if drawing is not None:
        assert len(drawing.lines) == len(heard)
        assert 2 <= len(drawing.rules) <= 12
        heights = sorted(line.label.y for line in drawing.lines)
        assert all(after - before >= 11 for before, after in pairwise(heights))
        for line in drawing.lines:
            for mark in (*line.marks, line.end):
                assert drawing.left <= mark.x <= drawing.right
                assert 0 <= mark.y <= drawing.base
            assert 1 <= len(line.marks) <= pictures.MAX_MARKS
            assert 0 < line.label.y <= drawing.height


@pytest.mark.parametrize("last", [100.0, 0.0])
def test_labels_of_lines_that_end_together_stay_in_the_frame(last: float) -> None:
    other = 100.0 - last
    points = (Point(at=0, value=other), Point(at=1, value=last))
    series = tuple(Series(label=f"{n}", points=points) for n in range(MAX_SERIES))
    drawing = pictures.draw_lines(Lines(title="Vue", scale="y", series=series))
    assert drawing is not None
    heights = [line.label.y for line in drawing.lines]
    assert all(after - before >= 11 for before, after in pairwise(sorted(heights)))
    assert min(heights) >= 11
    assert max(heights) <= drawing.base + 4


def test_a_line_is_cut_by_a_silence_and_a_lone_point_keeps_its_mark() -> None:
    points = tuple(Point(at=n, value=value) for n, value in enumerate((1.0, 2.0, None, 3.0, None, 4.0, 5.0)))
    drawing = pictures.draw_lines(Lines(title="Vue", scale="y", series=(Series(label="a", points=points),)))
    assert drawing is not None
    (line,) = drawing.lines
    assert line.path.count("M") == 3
    assert len(line.marks) == 5


def test_values_are_at_their_height() -> None:
    points = (Point(at=0, value=-50.0), Point(at=10, value=-70.0))
    drawing = pictures.draw_lines(Lines(title="Vue", scale="dBm", series=(Series(label="a", points=points),)))
    assert drawing is not None
    rules = {rule.text: rule.y for rule in drawing.rules}
    high, low = drawing.lines[0].marks
    assert (high.y, low.y) == (rules["\u221250"], rules["\u221270"])
    assert high.x < low.x


@pytest.mark.parametrize(
    ("length", "texts"),
    [
        (0, ["09:00:00"]),
        (5, ["09:00:00", "09:00:01", "09:00:02", "09:00:03", "09:00:04", "09:00:05"]),
        (400, ["09:00", "09:02", "09:04", "09:06"]),
        (3600, ["09:00", "09:20", "09:40", "10:00"]),
        (86_400 * 3, ["23/11", "24/11", "25/11"]),
    ],
)
def test_time_is_written_at_round_moments(length: int, texts: list[str]) -> None:
    found = pictures.time_ticks(build.PICTURES_START, build.PICTURES_START + length)
    assert [text for _, text in found] == texts
    assert all(at == build.PICTURES_START + length or at < build.PICTURES_START + length for at, _ in found)


@given(st.integers(-(2**40), 2**60), st.integers(0, 2**40))
def test_any_time_has_few_ticks(first: int, length: int) -> None:
    found = pictures.time_ticks(first, first + length)
    assert len(found) <= 7
    assert all(first <= at <= first + length for at, _ in found)
    assert pictures.time_axis(first, first + length)
    assert pictures.instant(first)


def test_the_axis_says_the_day() -> None:
    start = build.PICTURES_START
    assert datetime.fromtimestamp(start, UTC) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert pictures.time_axis(start, start + 60) == "Heure (UTC), 22 novembre 2026"
    assert pictures.time_axis(start, start + 86_400) == "Heure (UTC), du 22 novembre 2026 au 23 novembre 2026"
    assert pictures.instant(start) == "22/11/2026 09:00:00"


# --- The workbook


def workbook(tmp_path: Path, *exhibits: Exhibit) -> tuple[openpyxl.Workbook, tuple[str, ...]]:
    """As the roof calls it: texts are cleaned first."""
    found = {"firewall": tuple(cleaned(exhibit) for exhibit in exhibits)}
    run, catalogue = build.firewall_run(), build.firewall_catalogue()
    write_plan_xlsx(tmp_path / "plan.xlsx", run, build_plan(run, catalogue), catalogue, found)
    return openpyxl.load_workbook(tmp_path / "plan.xlsx"), sheet_names(found)["firewall"]


def test_each_picture_has_its_sheet_with_all_its_rows(tmp_path: Path) -> None:
    wanted = (build.table(9), build.spans(9), build.lines(2))
    book, names = workbook(tmp_path, *wanted)
    assert names == ("1. Réseaux et protections", "2. Canaux occupés", "3. Signal au fil du temps")
    for name, exhibit in zip(names, wanted, strict=True):
        titles, rows = sheet_rows(exhibit)
        found = [tuple(cell or "" for cell in row) for row in book[name].iter_rows(values_only=True)]
        assert found == [titles, *rows]
    assert book.sheetnames[-1] == "Méthode"


def test_a_formula_becomes_a_text_in_a_sheet(tmp_path: Path) -> None:
    attack = "=HYPERLINK(1)"
    span = Span(label=attack, start=1, stop=2, detail=attack)
    book, names = workbook(
        tmp_path,
        Table(title=attack, columns=(attack,), rows=((Cell(text=attack, detail=attack),),)),
        Spans(title=attack, axis="x", groups=(attack,), lanes=(Lane(label=attack, start=0, stop=3, spans=(span,)),)),
    )
    texts = [cell.value for name in names for row in book[name].iter_rows() for cell in row]
    assert texts.count(f"'{attack}") == 6
    assert attack not in texts


def test_levels_and_details_are_words_in_the_sheet() -> None:
    titles, rows = sheet_rows(build.table(7))
    assert titles == ("Réseau", "Usage", "Chiffrement", "Bornes", "Détails")
    serious = next(row for row in rows if "critique" in row[2])
    assert serious[2] == "WPA2 [critique]"
    assert serious[4].startswith("Chiffrement : Détail")
    assert sheet_rows(Table(title="x", columns=("a",), rows=((Cell(text="b"),),)))[0] == ("a",)


def test_the_matrix_of_a_domain_joins_those_of_its_verdicts(tmp_path: Path) -> None:
    matrix = msgspec.structs.replace(build.zone_matrix(build.ZONES[:2]), title="Tout le domaine")
    book, names = workbook(tmp_path, matrix)
    assert names == ("",)
    rows = list(book["Tableaux"].iter_rows(min_row=2, values_only=True))
    assert sum(row[2] == "Tout le domaine" for row in rows) == 4
    assert len(rows) == 4 + len(build.ZONES) ** 2


def test_sheets_of_one_title_are_told_apart_and_their_names_are_allowed(tmp_path: Path) -> None:
    title = "Essai [1/2] : d'un poste très, très loin du bureau ?"
    one = msgspec.structs.replace(build.table(1), title=title)
    book, names = workbook(tmp_path, one, one)
    assert len(set(names)) == 2
    assert all(len(name) <= 31 and name in book.sheetnames for name in names)


# --- The terminal


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("number", range(3))
def test_a_terminal_says_every_name_within_its_width(number: int, width: int) -> None:
    wanted = (build.table(9), build.spans(9), build.lines(3))[number]
    found = picture_lines(wanted, width)
    assert all(len(line) <= width for line in found)
    text = squeeze(" ".join(found))
    names = {
        0: [f"Tilleuls-{n}" for n in range(9)],
        1: ["2,4 GHz", "nos réseaux", "réseaux voisins", "Canal 2, borne 1", "5 GHz"],
        2: ["Tilleuls-0", "Tilleuls-1", "Tilleuls-2", "\u221252"],
    }[number]
    assert all(name in text for name in names)


def test_levels_are_words_in_a_terminal_and_the_rest_is_counted() -> None:
    text = "\n".join(picture_lines(build.table(ROWS + 3), 100))
    assert "WPA2 [critique]" in text
    assert "… et 3 autres lignes" in text


def test_pictures_come_before_the_matrices_of_the_verdicts() -> None:
    run = build.firewall_run()
    text = check_summary(run.outcomes, build.firewall_catalogue(), 100, {}, build.pictures()["firewall"])
    assert text.startswith("Réseaux et protections\n")
    places = [text.index(words) for words in ("Canaux occupés", "Signal au fil", "(FW-TILLEULS)", "NON CONFORME")]
    assert places == sorted(places)


def test_views_keep_the_order_and_have_their_own_anchors() -> None:
    found = build.pictures()["firewall"]
    views = domain_views(found, "image-1", sheet_names({"firewall": found})["firewall"])
    assert [view.kind for view in views] == ["table", "spans", "lines", "matrix", "table"]
    assert len({view.anchor for view in views}) == len(found)
