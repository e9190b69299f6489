"""The page in a real browser: console, keyboard, filters, reflow, contrast as rendered, paper."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.model import Severity, Verdict
from reports.html import render_report
from tests.reports import browser as chromium
from tests.reports import build
from tests.reports.browser import TAB, Browser
from tests.reports.test_html import ATTACKS, PAGES, frameworks, hostile_run
from tests.reports.test_palette import contrast

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (chromium.CHROMIUM and chromium.DRIVER), reason="chromium and chromedriver are not installed"
    ),
]

VISIBLE_ROWS = "return [...document.querySelectorAll('[data-verdict]')].filter(r => !r.hidden)"


@pytest.fixture(scope="module")
def session() -> Iterator[Browser]:
    with chromium.started() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(make(), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in PAGES}


@pytest.fixture
def desk(session: Browser, pages: dict[str, Path]) -> Browser:
    """The full report, in light colours, on a desk screen."""
    session.dark(enabled=False)
    session.resize(1366, 900)
    session.open(pages["full"])
    return session


@pytest.mark.parametrize("name", PAGES)
def test_no_message_in_the_console(session: Browser, pages: dict[str, Path], name: str) -> None:
    session.console()
    session.open(pages[name])
    assert session.console() == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_runs_nothing(session: Browser, tmp_path: Path, attack: str) -> None:
    page = tmp_path / "hostile.html"
    page.write_text(render_report(hostile_run(attack), build.realistic_catalogue(), frameworks()), encoding="utf-8")
    session.console()
    session.open(page)
    assert session.run("return typeof window.attaque") == "undefined"
    # The policy had nothing to stop: the text never became markup.
    assert session.console() == []


def focused(session: Browser) -> dict[str, object]:
    return session.run(
        "const e = document.activeElement, s = getComputedStyle(e);"
        "return {id: e.id, tag: e.tagName, href: e.getAttribute('href'),"
        " ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2}"
    )


def test_keyboard_starts_with_the_skip_link_and_reaches_every_filter(desk: Browser) -> None:
    desk.press(TAB)
    assert focused(desk)["href"] == "#contenu"
    reached = []
    for _ in range(400):
        desk.press(TAB)
        found = focused(desk)
        assert found["ring"], found
        reached.append(found["id"])
        if found["id"] == "f-words":
            break
    filters = [name for name in reached if str(name).startswith("f-")]
    assert filters == ["f-domain", "f-severity", "f-verdict", "f-words"]


def test_only_tables_that_scroll_are_tab_stops(desk: Browser) -> None:
    stops = "return [...document.querySelectorAll('.scroll')].filter(e => e.tabIndex === 0).length"
    many = desk.run("return document.querySelectorAll('.scroll').length")
    assert desk.run(stops) < many / 4
    desk.resize(320, 900)
    desk.run("window.dispatchEvent(new Event('resize'))")
    assert desk.run(stops) > many / 4
    agree = "(e.tabIndex === 0) === (e.scrollWidth > e.clientWidth)"
    assert desk.run(f"return [...document.querySelectorAll('.scroll')].every(e => {agree})") is True


def test_the_console_check_can_fail(session: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "tampered.html"
    page.write_text(pages["empty"].read_text(encoding="utf-8").replace("<main", '<main style="color:red"'))
    session.console()
    session.open(page)
    assert any("Content Security Policy" in line["message"] for line in session.console())


def test_details_open_from_the_keyboard(desk: Browser) -> None:
    desk.run("document.querySelector('details:not([open]) > summary').focus()")
    desk.press(chromium.ENTER)
    assert desk.run("return document.activeElement.parentElement.open") is True


def test_a_cell_of_a_matrix_leads_to_its_detail_from_the_keyboard(session: Browser, pages: dict[str, Path]) -> None:
    session.resize(1366, 900)
    session.open(pages["firewall"])
    session.run("document.querySelector('table.matrix td.l-critical a').focus()")
    session.press(chromium.ENTER)
    shown = "const e = document.querySelector('tr:target'); return [e.closest('details').open, e.innerText]"
    opened, text = session.run(shown)
    assert opened is True
    assert "Critique" in text
    assert "Internet vers Professionnel" in text


def choose(desk: Browser, field: str, value: str) -> int:
    """Set one filter as a user would and return how many verifications the page announces."""
    desk.run(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input', {bubbles: true}))",
        field,
        value,
    )
    announced = desk.run("return document.getElementById('filters-result').value")
    return int(re.match(r"\d+", announced)[0])


def test_filters_show_exactly_the_matching_verifications(desk: Browser) -> None:
    run = build.realistic_run(later=True)
    assert choose(desk, "f-domain", "") == len(run.outcomes)
    assert choose(desk, "f-domain", "ad") == sum(o.domain == "ad" for o in run.outcomes)
    expected = [o for o in run.outcomes if o.domain == "ad" and o.severity is Severity.CRITICAL]
    assert choose(desk, "f-severity", "critical") == len(expected)
    assert choose(desk, "f-verdict", "fail") == sum(o.verdict is Verdict.FAIL for o in expected)
    shown = desk.run(f"{VISIBLE_ROWS}.map(r => [r.dataset.domain, r.dataset.severity, r.dataset.verdict])")
    assert shown
    assert all(row == ["ad", "critical", "fail"] for row in shown)
    desk.run("document.getElementById('filters').reset()")
    assert choose(desk, "f-words", "krbtgt") == sum(o.control == "AD-KRB-001" for o in run.outcomes)
    assert choose(desk, "f-words", "introuvable") == 0


def test_everything_is_readable_without_script(session: Browser, pages: dict[str, Path]) -> None:
    session.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        session.open(pages["full"])
        tree = session.devtools("DOM.getDocument", depth=1)["root"]["nodeId"]

        def html(selector: str) -> str:
            node = session.devtools("DOM.querySelector", nodeId=tree, selector=selector)["nodeId"]
            return session.devtools("DOM.getOuterHTML", nodeId=node)["outerHTML"]

        assert html("#filters").startswith('<form class="filters" id="filters" hidden')
        assert 'data-verdict="fail"' in html("main")
        assert not re.search(r"data-verdict=[^>]* hidden", html("main"))
    finally:
        session.devtools("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [320, 768, 1366, 2200])
@pytest.mark.parametrize("name", PAGES)
def test_no_sideways_scroll_of_the_page(session: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    session.resize(width, 900)
    session.open(pages[name])
    assert session.run("return document.documentElement.scrollWidth") <= width


RENDERED = """
const found = [];
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const drawn = !element.closest('svg, script, style') && element.getClientRects().length;
  if (!drawn || !walker.currentNode.textContent.trim()) continue;
  let ground = element, colour = [0, 0, 0, 0];
  while (ground && (colour.length === 4 && colour[3] === 0)) {
    colour = rgb(getComputedStyle(ground).backgroundColor); ground = ground.parentElement;
  }
  const ink = rgb(getComputedStyle(element).color);
  found.push([ink.slice(0, 3), colour.slice(0, 3), element.className || element.tagName]);
}
return found;
"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_rendered_text_reaches_aa(session: Browser, pages: dict[str, Path], name: str, dark: bool) -> None:
    session.resize(1366, 900)
    session.dark(dark)
    session.open(pages[name])
    session.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    pairs = {(tuple(text), tuple(ground), where) for text, ground, where in session.run(RENDERED)}
    assert len(pairs) >= 10
    for text, ground, where in pairs:
        ratio = contrast(*("#{:02x}{:02x}{:02x}".format(*map(int, c)) for c in (text, ground)))
        assert ratio >= 4.5, (where, text, ground, ratio)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
def test_on_paper_the_summary_holds_in_two_pages_and_folds_open(desk: Browser, tmp_path: Path) -> None:
    pdf = tmp_path / "rapport.pdf"
    printed = desk.devtools("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    pdf.write_bytes(base64.b64decode(printed["data"]))

    def page(number: int) -> str:
        command = ["pdftotext", "-f", str(number), "-l", str(number), str(pdf), "-"]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    assert "1. Synthèse pour la direction" in page(1)
    assert "décisions pour six mois" in page(2)
    assert "2. Plan d'action" in page(3)
    whole = subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert "× exposition" in whole
    assert "Effacer les filtres" not in whole


@pytest.mark.skipif(not os.environ.get("AUSCULTE_AXE_JS"), reason="AUSCULTE_AXE_JS does not name an axe.min.js")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(session: Browser, pages: dict[str, Path], name: str, dark: bool) -> None:
    session.resize(1366, 900)
    session.dark(dark)
    session.open(pages[name])
    session.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    session.run(Path(os.environ["AUSCULTE_AXE_JS"]).read_text(encoding="utf-8"))
    found = session.run_async(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']}).then(r => done("
        "r.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)])), e => done(String(e)));"
    )
    assert found == []


RECORDED = Path(__file__).parents[2] / "lab" / "recorded"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of the audits recorded in the laboratory, judged with today's rules."""
    found = {}
    for state in ("as_found", "six_months"):
        folder = tmp_path_factory.mktemp(state) / f"run-{state}"
        shutil.copytree(RECORDED / state, folder)
        command = [sys.executable, "-m", "agent", "evaluate", str(folder.parent), "--note", "Une note. " * 20]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        found[state] = folder / "report.html"
    return found


@pytest.mark.parametrize("state", ["as_found", "six_months"])
@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_recorded_audit_never_scrolls_sideways(
    session: Browser, recorded: dict[str, Path], state: str, width: int
) -> None:
    session.resize(width, 900)
    session.open(recorded[state])
    assert session.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
@pytest.mark.parametrize("state", ["as_found", "six_months"])
def test_the_summary_of_a_recorded_audit_holds_in_two_pages(
    session: Browser, recorded: dict[str, Path], tmp_path: Path, state: str
) -> None:
    session.resize(1366, 900)
    session.open(recorded[state])
    pdf = tmp_path / "rapport.pdf"
    printed = session.devtools("Page.printToPDF", preferCSSPageSize=True, printBackground=True, pageRanges="1-3")
    pdf.write_bytes(base64.b64decode(printed["data"]))
    pages = subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True, text=True, timeout=60)
    first, second, third, *_ = pages.stdout.split("\f")
    assert "Ce qui est critique aujourd'hui" in first
    assert "décisions pour six mois" in second
    assert "Gains rapides" in second
    assert "2. Plan d'action" in third


def test_filter_by_severity_counts_subjects_not_groups(session: Browser, recorded: dict[str, Path]) -> None:
    session.resize(1366, 900)
    session.open(recorded["as_found"])
    critical = session.run("return document.querySelector('.figures .critical b').textContent")
    choose(session, "f-severity", "critical")
    assert choose(session, "f-verdict", "fail") == int(critical)


OVERFLOW = """
const found = [];
for (const svg of document.querySelectorAll('svg.picture')) {
  const frame = svg.getBoundingClientRect();
  for (const text of svg.querySelectorAll('text')) {
    const box = text.getBoundingClientRect();
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
      found.push(text.textContent);
  }
}
return [document.querySelectorAll('svg.picture').length, found];
"""
COVERED = """
const found = [];
for (const svg of document.querySelectorAll('svg.picture')) {
  const boxes = [...svg.querySelectorAll('text.name')].map(t => [t.textContent, t.getBoundingClientRect()]);
  for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
    const a = boxes[i][1], b = boxes[j][1];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 4) found.push([boxes[i][0], boxes[j][0], wide, high]);
  }
}
return found;
"""
STROKES = """
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const ground = rgb(getComputedStyle(document.body).backgroundColor).slice(0, 3);
return [...document.querySelectorAll('svg.picture path[class^="g-"], svg.picture .run')].map(
  e => [e.getAttribute('class'), rgb(getComputedStyle(e).stroke).slice(0, 3), ground]);
"""


def test_texts_of_drawings_stay_in_their_frame_and_apart(session: Browser, pages: dict[str, Path]) -> None:
    """The width of texts is only estimated when the page is made: here it is measured, with the fonts of a machine."""
    session.resize(1366, 900)
    session.open(pages["pictures"])
    drawings, outside = session.run(OVERFLOW)
    assert drawings == 3
    assert outside == []
    assert session.run(COVERED) == []


@pytest.mark.parametrize("dark", [False, True])
def test_shapes_and_lines_stand_out_from_the_page(session: Browser, pages: dict[str, Path], dark: bool) -> None:
    session.dark(dark)
    session.open(pages["pictures"])
    found = session.run(STROKES)
    assert len(found) >= 10
    for name, stroke, ground in found:
        ratio = contrast(*("#{:02x}{:02x}{:02x}".format(*map(int, c)) for c in (stroke, ground)))
        assert ratio >= 3, (name, stroke)


def test_a_narrow_screen_scrolls_a_drawing_and_keeps_its_letters_readable(
    session: Browser, pages: dict[str, Path]
) -> None:
    session.resize(390, 900)
    session.open(pages["pictures"])
    sizes = session.run(
        "return [...document.querySelectorAll('svg.picture')].map(s => [s.getBoundingClientRect().width / s.viewBox.baseVal.width"
        " * parseFloat(getComputedStyle(s.querySelector('.name')).fontSize), s.parentElement.scrollWidth > s.parentElement.clientWidth])"
    )
    assert len(sizes) == 3
    assert all(size >= 9 and scrolls for size, scrolls in sizes)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
def test_pictures_are_whole_on_paper(session: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    session.resize(1366, 900)
    session.open(pages["pictures"])
    pdf = tmp_path / "rapport.pdf"
    printed = session.devtools("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    pdf.write_bytes(base64.b64decode(printed["data"]))
    whole = subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True, text=True, timeout=60).stdout
    for text in (
        "Canaux occupés",
        "Numéro de canal",
        "Tilleuls-7",
        "Heure (UTC), 22 novembre 2026",
        "Les mêmes données",
    ):
        assert text in whole
    drawn = [page for page in whole.split("\f") if "Numéro de canal" in page]
    assert all("2,4 GHz" in page or "5 GHz" in page for page in drawn)
