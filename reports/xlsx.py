"""The action plan as a workbook that the structure fills in: `plan.xlsx`.

Deterministic for a given run: no clock is read, due dates are counted from the end of the audit. Every text is
written as text; one that a spreadsheet could take for a formula gets an apostrophe in front, which also protects
whoever saves the sheet as CSV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from checks.catalogue import Catalogue
from checks.common.exhibits import Exhibit
from checks.common.text import clean
from checks.model import Affected, Matrix, Outcome, Run, Severity, Verdict
from reports import french
from reports.domain_exhibits import sheet_names, sheet_rows
from reports.exhibits import distinct_exhibits
from reports.plan import CONFIDENCE, REPEAT_SHARE, SEVERITY_WEIGHT, Plan, PlannedMeasure
from reports.view import is_located

STATES = ("À faire", "En cours", "Fait", "Reporté", "Refusé")
OWNERS = tuple(french.ACTORS.values())
MAX_CELL = 32_000
"""Below the 32,767 characters of a cell (ECMA-376 via Excel's specification limits)."""
MAX_OBJECT_ROWS = 200_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LINE_POINTS = 13.5
_MAX_ROW_POINTS = 405
"""Just below what a spreadsheet accepts, 409 points."""

_PLAN_COLUMNS = (
    ("Rang", 6), ("Mesure", 38), ("Gravité", 10), ("Qui", 18), ("Travail (jours)", 9), ("Horizon", 14),
    ("Échéance proposée", 12), ("Responsable", 20), ("Échéance retenue", 12), ("État", 11), ("Commentaire", 32),
    ("Pourquoi", 60), ("Achat", 18), ("Financement possible", 24), ("Effort", 8),
    ("Points retirés", 10), ("Identifiant", 12), ("Prérequis", 16), ("Contrôles corrigés", 30),
)  # fmt: skip
_PRINTED_PLAN_COLUMNS = 11
"""What a follow-up meeting needs on one sheet of A4; the rest stays on screen."""
_STEP_COLUMNS = (("Rang", 6), ("Mesure", 44), ("Étape", 7), ("À faire", 110), ("Qui", 22), ("Identifiant", 12))
_FINDING_COLUMNS = (
    ("Domaine", 20), ("Contrôle", 16), ("Vérification", 44), ("Sujet", 24), ("Gravité", 11), ("Constat", 60),
    ("Objets concernés", 11), ("Mesure", 12), ("Rang", 7), ("Preuve", 50), ("Source", 40), ("Relevé le (UTC)", 17),
    ("Origine", 22), ("Empreinte", 18),
)  # fmt: skip
_UNKNOWN_COLUMNS = (
    ("Domaine", 20), ("Contrôle", 16), ("Vérification", 44), ("Sujet", 24), ("Gravité possible", 11),
    ("Raison", 30), ("Ce qui s'est passé", 60), ("Que faire", 60),
)  # fmt: skip
_OBJECT_COLUMNS = (
    ("Contrôle", 16), ("Sujet", 24), ("Gravité", 11), ("Objet", 40), ("Identité stable", 40), ("Détail", 50),
    ("Empreinte", 18),
)  # fmt: skip
_LOCATED_COLUMNS = (("Référence", 14), ("Ligne", 8), ("Défaut", 16), ("En cause", 40), ("Exemple", 40))
"""Added to the objects when one of them has such a place."""
_EXHIBIT_COLUMNS = (
    ("Domaine", 20), ("Sujet", 24), ("Tableau", 44), ("Ligne", 26), ("Colonne", 26), ("Niveau", 13), ("Case", 18),
    ("Détail", 70),
)  # fmt: skip


def safe_text(text: str) -> str:
    """Foreign text as a harmless cell: one line of clean text that no spreadsheet takes for a formula."""
    cleaned = clean(text, MAX_CELL)
    return f"'{cleaned}" if cleaned.lstrip().startswith(_FORMULA_STARTS) else cleaned


def write_plan_xlsx(
    path: Path,
    run: Run,
    plan: Plan,
    catalogue: Catalogue,
    domain_exhibits: Mapping[str, tuple[Exhibit, ...]] | None = None,
) -> None:
    """Write the workbook; an interrupted write leaves the former file as it was."""
    partial = path.with_name(f".{path.name}.part")
    workbook = xlsxwriter.Workbook(
        str(partial),
        {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    workbook.set_properties(
        {
            "title": "Plan d'action",
            "subject": safe_text(run.structure.name),
            "comments": safe_text(run.id),
            "created": run.finished.replace(tzinfo=None),
        }
    )
    book = _Book(workbook, run)
    titles = {control.id: control.title for _, control in catalogue.controls()}
    book.plan_sheet("Six mesures", plan.six)
    book.plan_sheet("Plan", plan.measures)
    book.sheet("Étapes", _STEP_COLUMNS, _step_rows(plan))
    book.sheet("Constats", _FINDING_COLUMNS, _finding_rows(run, plan, catalogue, titles))
    book.sheet("Non évalué", _UNKNOWN_COLUMNS, _unknown_rows(run, catalogue, titles))
    located = is_located(item for o in run.outcomes for item in o.affected)
    book.sheet("Objets", _OBJECT_COLUMNS + (_LOCATED_COLUMNS if located else ()), _object_rows(run, located))
    pictures = domain_exhibits or {}
    if exhibits := _exhibit_rows(run, catalogue, pictures):
        book.sheet("Tableaux", _EXHIBIT_COLUMNS, exhibits)
    _picture_sheets(book, pictures)
    book.sheet("Méthode", (("Sujet", 34), ("Contenu", 110)), _method_rows(run, plan))
    workbook.close()
    partial.replace(path)


class _Book:
    """The formats of one workbook and the two kinds of sheets."""

    def __init__(self, workbook: Any, run: Run) -> None:
        self.workbook, self.run = workbook, run
        base = {"valign": "top", "text_wrap": True, "font_name": "Calibri", "font_size": 10}
        self.text = workbook.add_format(base)
        self.number = workbook.add_format({**base, "num_format": "0.##"})
        self.date = workbook.add_format({**base, "num_format": "dd/mm/yyyy", "align": "left"})
        self.fill = workbook.add_format({**base, "bg_color": "#FFF8DC", "border": 1, "border_color": "#C3CCD4"})
        self.fill_date = workbook.add_format(
            {**base, "bg_color": "#FFF8DC", "border": 1, "border_color": "#C3CCD4", "num_format": "dd/mm/yyyy"}
        )
        self.head = workbook.add_format(
            {**base, "bold": True, "bg_color": "#0A5876", "font_color": "#FFFFFF", "border": 1}
        )

    def sheet(self, name: str, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[Any]]) -> Any:
        """A table with its header frozen, filters on, ready to print."""
        sheet = self.workbook.add_worksheet(name)
        sheet.set_row(0, 2 * _LINE_POINTS + 3)
        for index, (title, width) in enumerate(columns):
            sheet.set_column(index, index, width)
            sheet.write_string(0, index, title, self.head)
        for number, row in enumerate(rows, start=1):
            for index, value in enumerate(row):
                self._cell(sheet, number, index, value)
            sheet.set_row(number, row_height(row, [width for _, width in columns]))
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(1, len(rows)), len(columns) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        # In headers and footers `&` introduces a code; doubling it prints it.
        structure = safe_text(self.run.structure.name)[:80].replace("&", "&&")
        sheet.set_footer(f"&L{structure} – {name}&RPage &P / &N")
        return sheet

    def _cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        if value is None or value == "":
            sheet.write_blank(row, column, None, self.text)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, self.date)
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value, self.number)
        else:
            sheet.write_string(row, column, str(value), self.text)

    def plan_sheet(self, name: str, measures: Sequence[PlannedMeasure]) -> None:
        """Measures with the columns that the structure fills in, held by lists."""
        names = [title for title, _ in _PLAN_COLUMNS]
        rows = [_plan_row(planned, self.run.finished.date()) for planned in measures]
        sheet = self.sheet(name, _PLAN_COLUMNS, rows)
        sheet.print_area(0, 0, max(1, len(rows)), _PRINTED_PLAN_COLUMNS - 1)
        last = max(1, len(rows))
        owner, due, state = (names.index(t) for t in ("Responsable", "Échéance retenue", "État"))
        for row in range(1, len(rows) + 1):
            sheet.write_blank(row, owner, None, self.fill)
            sheet.write_blank(row, due, None, self.fill_date)
            sheet.write_string(row, state, STATES[0], self.fill)
            sheet.write_blank(row, names.index("Commentaire"), None, self.fill)
        sheet.data_validation(
            1, owner, last, owner,
            {"validate": "list", "source": list(OWNERS), "error_type": "information",
             "error_title": "Responsable", "error_message": "Choisir dans la liste ou confirmer un nom."},
        )  # fmt: skip
        sheet.data_validation(
            1, due, last, due,
            {"validate": "date", "criteria": ">=", "value": self.run.finished.date(),
             "error_title": "Échéance", "error_message": "Une date, après celle de l'audit."},
        )  # fmt: skip
        sheet.data_validation(
            1, state, last, state,
            {"validate": "list", "source": list(STATES), "error_title": "État",
             "error_message": "Choisir un état de la liste."},
        )  # fmt: skip


def _plan_row(planned: PlannedMeasure, audited: date) -> list[Any]:
    measure = planned.measure
    proposed = None if planned.end_day is None else audited + timedelta(days=planned.end_day)
    return [
        planned.rank, safe_text(measure.title), french.SEVERITIES[planned.severity], french.ACTORS[measure.who],
        measure.days, french.HORIZONS[planned.horizon], proposed, None, None, None, None,
        safe_text(measure.why), french.COSTS[measure.cost], french.FUNDINGS[measure.funding],
        measure.effort, planned.points, measure.id, ", ".join(measure.prerequisites),
        ", ".join(sorted({f.control for f in planned.findings})),
    ]  # fmt: skip


def _step_rows(plan: Plan) -> list[list[Any]]:
    return [
        [planned.rank, safe_text(measure.title), number, safe_text(step), french.ACTORS[measure.who], measure.id]
        for planned in plan.measures
        for measure in (planned.measure,)
        for number, step in enumerate(measure.steps, start=1)
    ]


def row_height(row: Sequence[Any], widths: Sequence[int]) -> float:
    """Points that show every line of a row: some spreadsheets do not adapt the height of a file they open."""
    lines = 1
    for value, width in zip(row, widths, strict=True):
        if isinstance(value, str):
            lines = max(lines, sum(-(-len(part) // max(1, width - 2)) or 1 for part in value.split("\n")))
    return min(_MAX_ROW_POINTS, lines * _LINE_POINTS)


def _finding_rows(run: Run, plan: Plan, catalogue: Catalogue, titles: dict[str, str]) -> list[list[Any]]:
    failed = sorted(
        (o for o in run.outcomes if o.verdict is Verdict.FAIL), key=lambda o: (o.severity.rank, o.control, o.subject)
    )
    return [_finding_row(outcome, plan, catalogue, titles) for outcome in failed]


def _finding_row(outcome: Outcome, plan: Plan, catalogue: Catalogue, titles: dict[str, str]) -> list[Any]:
    first = outcome.evidence[0] if outcome.evidence else None
    return [
        _domain(outcome, catalogue), outcome.control, safe_text(titles.get(outcome.control, outcome.control)),
        safe_text(outcome.subject), french.SEVERITIES[outcome.severity], safe_text(outcome.message),
        len(outcome.affected), outcome.measure, plan.rank_of(outcome.measure),
        safe_text(first.value) if first else "", safe_text(first.source) if first else "",
        safe_text(french.instant(first.time)) if first else "", french.ORIGINS[first.origin] if first else "",
        outcome.fingerprint,
    ]  # fmt: skip


def _unknown_rows(run: Run, catalogue: Catalogue, titles: dict[str, str]) -> list[list[Any]]:
    return [
        [
            _domain(o, catalogue), o.control, safe_text(titles.get(o.control, o.control)), safe_text(o.subject),
            french.SEVERITIES[o.severity], french.label(french.REASONS, o.reason), safe_text(o.message),
            french.REASON_ADVICE.get(o.reason, ""),
        ]
        for o in run.outcomes
        if o.verdict is Verdict.NOT_ASSESSED
    ]  # fmt: skip


def _object_rows(run: Run, located: bool) -> list[list[Any]]:
    rows = [
        [
            o.control, safe_text(o.subject), french.SEVERITIES[o.severity], safe_text(item.label),
            safe_text(item.id), safe_text(item.detail), item.fingerprint, *(_place(item) if located else ()),
        ]
        for o in run.outcomes
        for item in o.affected
    ]  # fmt: skip
    if len(rows) <= MAX_OBJECT_ROWS:
        return rows
    cut = len(rows) - MAX_OBJECT_ROWS
    blank = [""] * (len(rows[0]) - 4)
    return [*rows[:MAX_OBJECT_ROWS], ["", "", "", f"{cut} autres objets : voir run.json", *blank]]


def _place(item: Affected) -> list[Any]:
    witness = " ".join(f"{key}={value}" for key, value in item.witness.items())
    return [
        safe_text(item.ref), item.line, french.ANOMALIES.get(item.kind, ""), safe_text(", ".join(item.related)),
        safe_text(witness),
    ]  # fmt: skip


def _picture_sheets(book: _Book, exhibits: Mapping[str, tuple[Exhibit, ...]]) -> None:
    """One sheet for each picture of a domain that is no matrix and has something to say."""
    names = sheet_names(exhibits)
    for domain, found in exhibits.items():
        for name, exhibit in zip(names[domain], found, strict=True):
            if name and not isinstance(exhibit, Matrix):
                head, rows = sheet_rows(exhibit)
                safe = [[safe_text(value) if isinstance(value, str) else value for value in row] for row in rows]
                book.sheet(name, [(safe_text(title), _width(title, n, safe)) for n, title in enumerate(head)], safe)


def _width(title: str, index: int, rows: Sequence[Sequence[str | float]]) -> int:
    """Characters that hold most of a column; what is longer goes to the next line."""
    longest = max((len(str(row[index])) for row in rows[:_MEASURED_ROWS]), default=0)
    return min(_WIDEST, max(len(title) + 3, longest + 2, _NARROWEST))


_NARROWEST, _WIDEST, _MEASURED_ROWS = 9, 60, 500


def _exhibit_rows(run: Run, catalogue: Catalogue, exhibits: Mapping[str, tuple[Exhibit, ...]]) -> list[list[Any]]:
    """Every cell of every matrix on a line, so that it can be filtered."""
    titles = {outcome.domain: _domain(outcome, catalogue) for outcome in run.outcomes}
    matrices = [
        (title, subject, matrix)
        for domain, title in titles.items()
        for subject, matrix in (
            *(("", one) for one in exhibits.get(domain, ()) if isinstance(one, Matrix)),
            *distinct_exhibits(o for o in run.outcomes if o.domain == domain),
        )
    ]
    rows = [
        [
            title, safe_text(subject), safe_text(matrix.title), safe_text(matrix.rows[r]),
            safe_text(matrix.columns[c]), french.LEVELS[cell.level], safe_text(cell.text), safe_text(cell.detail),
        ]
        for title, subject, matrix in matrices
        for r, line in enumerate(matrix.cells)
        for c, cell in enumerate(line)
    ]  # fmt: skip
    if len(rows) <= MAX_OBJECT_ROWS:
        return rows
    cut = len(rows) - MAX_OBJECT_ROWS
    return [*rows[:MAX_OBJECT_ROWS], ["", "", f"{cut} autres cases : voir run.json", "", "", "", "", ""]]


def _domain(outcome: Outcome, catalogue: Catalogue) -> str:
    known = catalogue.domains.get(outcome.domain)
    return safe_text(known.header.title if known else outcome.domain)


def _method_rows(run: Run, plan: Plan) -> list[list[Any]]:
    weights = ", ".join(f"{french.SEVERITIES[s].lower()} {SEVERITY_WEIGHT[s]}" for s in Severity)
    trust = ", ".join(f"{french.ORIGINS[o]} {french.number(c)}" for o, c in CONFIDENCE.items())
    capacity = french.days(plan.capacity_days) + ("" if plan.capacity_declared else " (hypothèse : non déclarée)")
    counts = ", ".join(f"{french.VERDICTS[v].lower()} {sum(o.verdict is v for o in run.outcomes)}" for v in Verdict)
    share = french.percent(REPEAT_SHARE, 1)
    repeats = f"Le plus grave compte en entier, chacun des autres pour {share}, dans la limite de son poids."
    rows = [
        ["Structure", safe_text(run.structure.name)],
        ["Audit", safe_text(run.id)],
        ["Réalisé du", f"{french.moment(run.started)} au {french.moment(run.finished)}"],
        ["Réalisé par", safe_text(run.operator)],
        ["Outil", safe_text(f"{run.tool.name} {run.tool.version}")],
        ["Verdicts", counts],
        ["Capacité sur six mois", capacity],
        ["Risque retiré par les mesures retenues", french.percent(plan.six_points, plan.total_points)],
        ["Points d'un constat", f"gravité ({weights}) × exposition × confiance ({trust})"],
        ["Contrôle en échec sur plusieurs sujets", repeats],
        ["Mesures retenues", "Au plus six, celles qui ensemble retirent le plus de points dans la capacité."],
        ["Échéances proposées", "Une mesure après l'autre, à rythme régulier sur 180 jours après l'audit."],
        ["À remplir", "Colonnes jaunes : responsable, échéance retenue, état, commentaire."],
        ["Lecture", "Un texte venu du système audité qui commence par = + - ou @ est précédé d'une apostrophe."],
    ]  # fmt: skip
    rows += [["Avertissement", safe_text(line)] for line in (*run.notes, *plan.warnings)]
    rows += [
        ["À vérifier", safe_text(f"{u.measure.id} {u.measure.title} : {', '.join(u.controls)}")] for u in plan.to_verify
    ]
    return rows
