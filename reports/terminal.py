"""A run in a terminal: plain French text, no colour, no dependency. Foreign text is stripped of control characters."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence

from checks.catalogue import Catalogue
from checks.common.exhibits import Exhibit
from checks.common.text import clean
from checks.model import Affected, Matrix, Outcome, Run, Severity, Verdict
from reports import french
from reports.compare import Change, Comparison
from reports.exhibits import LETTERS, distinct_exhibits, heading
from reports.plan import Plan
from reports.terminal_exhibits import drawn, picture_lines
from reports.view import VERDICT_KEYS, count_verdicts, domain_title, names_itself

LINE = 80
"""Columns of the widest line."""
CHECK_OBJECTS = 10
"""Affected objects of one outcome shown by a check."""
MATRIX_LABEL = 40
"""Characters of the name of a row."""
CHECK_RELATED = 6
"""Related objects of one affected object."""


def run_summary(run: Run, catalogue: Catalogue, plan: Plan) -> str:
    """Verdicts per domain, the measures for six months, and what to read next."""
    domains = list(dict.fromkeys([d.domain for d in run.domains] + [o.domain for o in run.outcomes]))
    rows = []
    for domain in domains:
        counts = count_verdicts(o for o in run.outcomes if o.domain == domain)
        rows.append([clean(domain_title(domain, catalogue), 40), *(str(counts[v]) for v in VERDICT_KEYS)])
    if len(rows) > 1:
        total = count_verdicts(run.outcomes)
        rows.append(["Ensemble", *(str(total[v]) for v in VERDICT_KEYS)])
    head = ["Domaine", *(french.VERDICTS[v] for v in VERDICT_KEYS)]
    lines = [clean(run.structure.name, LINE), "", *table(head, rows), "", *_wrapped(_severity_line(run), "", ""), ""]
    lines += _measure_lines(plan)
    lines += _silent_domains(run, catalogue)
    return "\n".join(lines) + "\n"


def comparison_summary(comparison: Comparison) -> str:
    """What changed, in one small table."""
    changes = (
        (Change.CORRECTED, "Corrigés"),
        (Change.PERSISTENT, "Persistants"),
        (Change.NEW, "Nouveaux"),
        (Change.NO_LONGER_ASSESSED, "Plus évalués"),
        (Change.NEWLY_ASSESSED, "Nouvellement évalués"),
        (Change.NO_LONGER_APPLICABLE, "Devenus sans objet"),
    )
    head = ["Changement", *(french.SEVERITIES[s] for s in Severity), "Total"]
    rows = [
        [title, *(str(comparison.counts[change][s]) for s in Severity), str(comparison.count(change))]
        for change, title in changes
    ]
    lines = [clean(comparison.structure, LINE), "", *table(head, rows), ""]
    lines += [line for w in comparison.warnings for line in _wrapped(f"Attention : {clean(w)}", "", "")]
    lines.append("Un point qui n'a plus de verdict n'est jamais compté comme corrigé.")
    return "\n".join(lines) + "\n"


def check_summary(
    outcomes: Sequence[Outcome],
    catalogue: Catalogue,
    width: int = LINE,
    summary: Mapping[str, str] | None = None,
    exhibits: Sequence[Exhibit] = (),
) -> str:
    """The outcomes of one check: what is wrong first, the gravest first, with the objects concerned."""
    titles = {control.id: control.title for _, control in catalogue.controls()}
    lines: list[str] = []
    for label, value in (summary or {}).items():
        lines += _wrapped(f"{clean(str(label))} : {clean(str(value))}", "", "  ", width)
    lines += [""] if lines else []
    for picture in drawn(exhibits):
        lines += [*picture_lines(picture, width), ""]
    general = [("", one) for one in exhibits if isinstance(one, Matrix)]
    for subject, matrix in (*general, *distinct_exhibits(outcomes)):
        lines += [*_matrix_lines(subject, matrix, width), ""]
    for verdict in VERDICT_KEYS:
        found = sorted((o for o in outcomes if o.verdict is verdict), key=lambda o: (o.severity.rank, o.control))
        if not found:
            continue
        lines += [f"{french.VERDICTS[verdict].upper()} ({len(found)})", ""]
        for control, group in itertools.groupby(found, key=lambda o: o.control):
            lines += _control_lines(titles.get(control, control), list(group), width)
        lines += [""] if lines[-1] else []
    failed = [o.severity for o in outcomes if o.verdict is Verdict.FAIL]
    worst = ", ".join(f"{french.SEVERITIES[s].lower()} {failed.count(s)}" for s in Severity if s in failed)
    counts = count_verdicts(outcomes)
    figures = ", ".join(f"{french.VERDICTS[v].lower()} {counts[v]}" for v in VERDICT_KEYS)
    lines += _wrapped(f"Bilan : {figures}." + (f" Gravité : {worst}." if worst else ""), "", "", width)
    return "\n".join(lines) + "\n"


_PLAIN = {level: {"É": "E", "–": "-"}.get(letter, letter) for level, letter in LETTERS.items()}
"""Letters that a terminal without accents does not turn into a question mark, which has its own meaning here."""


def _matrix_lines(subject: str, matrix: Matrix, width: int) -> list[str]:
    """One letter per cell; the columns are numbered, and named by the rows when these are the same."""
    label = min(max(len(clean(row)) for row in matrix.rows) if matrix.rows else 0, MATRIX_LABEL)
    title = _wrapped(clean(heading(subject, matrix)), "", "  ", width)
    if label + 4 + 4 * (len(matrix.columns) + 1) > width:
        return [
            *title,
            *_wrapped("Ce tableau ne tient pas dans ce terminal : voir le rapport ou --json.", "  ", "  ", width),
        ]
    lines = [*title, " " * (label + 6) + "".join(f"{number:>4}" for number in range(1, len(matrix.columns) + 1))]
    for number, (row, cells) in enumerate(zip(matrix.rows, matrix.cells, strict=True), start=1):
        letters = "".join(f"{_PLAIN[cell.level]:>4}" for cell in cells)
        lines.append(f"{number:>4}  {clean(row, MATRIX_LABEL):<{label}}{letters}")
    if matrix.rows != matrix.columns:
        names = ", ".join(f"{number} = {clean(column)}" for number, column in enumerate(matrix.columns, start=1))
        lines += _wrapped(f"Colonnes : {names}.", "  ", "  ", width)
    present = [level for level in _PLAIN if any(cell.level == level for row in matrix.cells for cell in row)]
    sides = (
        f"Lignes : {clean(matrix.row_title)} ; colonnes : {clean(matrix.column_title)}. " if matrix.row_title else ""
    )
    key = ", ".join(f"{_PLAIN[level]} = {french.LEVELS[level].lower()}" for level in present)
    return [*lines, *_wrapped(f"{sides}{key}.", "  ", "  ", width)]


def _control_lines(title: str, group: Sequence[Outcome], width: int) -> list[str]:
    """One control: its title, then each subject; a conforming one takes as little room as it can."""
    first = group[0]
    grave = f"{french.SEVERITIES[first.severity]}  " if first.verdict is Verdict.FAIL else ""
    lines = _wrapped(f"{grave}{first.control}  {clean(title)}", "  ", "    ", width)
    for outcome in group:
        lines += _wrapped(f"{clean(outcome.subject)} : {clean(outcome.message)}", "    ", "      ", width)
        for item in outcome.affected[:CHECK_OBJECTS]:
            lines += _object_lines(item, width)
        rest = len(outcome.affected) - CHECK_OBJECTS
        if rest > 0:
            lines += _wrapped(f"… et {french.plural(rest, 'autre')} (liste entière avec --json)", "      ", "", width)
    return [*lines, ""] if first.verdict is Verdict.FAIL else lines


def _object_lines(item: Affected, width: int) -> list[str]:
    """One object as people look for it, then what explains its fault."""
    lines = _wrapped(f"- {clean(object_text(item))}", "      ", "        ", width)
    if item.related:
        lines += _wrapped(f"en cause : {clean(related_text(item))}", "        ", "          ", width)
    if item.witness:
        lines += _wrapped(f"exemple : {clean(witness_text(item))}", "        ", "          ", width)
    return lines


def object_text(item: Affected) -> str:
    """`12 « Internet » (ligne 340, masquée) : détail`; a label that starts with the reference is enough."""
    name = item.label
    if item.ref and not names_itself(item):
        name = f"{item.ref} « {item.label} »" if item.label else item.ref
    place = [f"ligne {item.line}"] if item.line else []
    kind = french.ANOMALIES.get(item.kind)
    notes = ", ".join([*place, kind] if kind else place)
    return name + (f" ({notes})" if notes else "") + (f" : {item.detail}" if item.detail else "")


def related_text(item: Affected, limit: int = CHECK_RELATED) -> str:
    """The first related objects, and how many others."""
    rest = len(item.related) - limit
    return ", ".join(item.related[:limit]) + (f" et {french.plural(rest, 'autre')}" if rest > 0 else "")


def witness_text(item: Affected) -> str:
    """`src=10.0.0.1 dst=10.1.0.1 dport=443`."""
    return " ".join(f"{key}={value}" for key, value in item.witness.items())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns aligned: the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = cells
        return "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))])

    return [line(head), "  ".join("-" * width for width in widths), *(line(row) for row in rows)]


def _severity_line(run: Run) -> str:
    found = [o.severity for o in run.outcomes if o.verdict is Verdict.FAIL]
    parts = [f"{french.SEVERITIES[s].lower()} {found.count(s)}" for s in Severity if s in found]
    return f"Non conformes par gravité : {', '.join(parts)}." if parts else "Aucun point non conforme."


def _measure_lines(plan: Plan) -> list[str]:
    if not plan.six:
        return ["Aucune mesure retenue pour six mois."]
    declared = "" if plan.capacity_declared else " (hypothèse : capacité non déclarée)"
    share = french.percent(plan.six_points, plan.total_points)
    head = (
        f"Mesures pour six mois : {french.days(plan.six_days)} sur {french.days(plan.capacity_days)}{declared}, "
        f"{share} du risque constaté."
    )
    lines = textwrap.wrap(head, LINE)
    for planned in plan.six:
        title = clean(planned.measure.title, 200)
        text = (
            f"{planned.rank}. {title} [{planned.measure.id}] – {french.days(planned.measure.days)}, "
            f"{french.uncapitalised(french.ACTORS[planned.measure.who])}, {french.HORIZONS[planned.horizon]}"
        )
        lines += _wrapped(text, "  ", "     ")
    lines += [line for warning in plan.warnings for line in ("", *_wrapped(f"Attention : {clean(warning)}", "", ""))]
    return lines


def _wrapped(text: str, first: str, others: str, width: int = LINE) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _silent_domains(run: Run, catalogue: Catalogue) -> list[str]:
    lines = []
    for found in run.domains:
        if found.status != "collected":
            title, why = clean(domain_title(found.domain, catalogue), 40), french.label(french.REASONS, found.status)
            detail = f" ({clean(found.detail, 200)})" if found.detail else ""
            lines += _wrapped(f"{title} : {why.lower()}{detail}", "  ", "    ")
    return ["", "Domaines sans collecte :", *lines] if lines else []
