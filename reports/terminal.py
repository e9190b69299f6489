"""A run in a terminal: plain French text, no colour, no dependency. Foreign text is stripped of control characters."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from checks.catalogue import Catalogue
from checks.common.text import clean
from checks.model import Run, Severity, Verdict
from reports import french
from reports.compare import Change, Comparison
from reports.plan import Plan
from reports.view import VERDICT_KEYS, count_verdicts, domain_title

LINE = 80
"""Columns of the widest line."""


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


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, LINE, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _silent_domains(run: Run, catalogue: Catalogue) -> list[str]:
    lines = []
    for found in run.domains:
        if found.status != "collected":
            title, why = clean(domain_title(found.domain, catalogue), 40), french.label(french.REASONS, found.status)
            detail = f" ({clean(found.detail, 200)})" if found.detail else ""
            lines += _wrapped(f"{title} : {why.lower()}{detail}", "  ", "    ")
    return ["", "Domaines sans collecte :", *lines] if lines else []
