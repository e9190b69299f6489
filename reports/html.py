"""The report as one self-contained HTML page: inline style and script under a strict CSP, no external resource.

Every text goes through Jinja's autoescape; nothing foreign enters an id, a style or a script.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
from collections.abc import Iterable, Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from checks.catalogue import Catalogue
from checks.common.exhibits import Exhibit
from checks.model import Record, Run, Severity, Verdict
from reports import charts, french, view
from reports.compare import Change, ComparedFinding, Comparison
from reports.exhibits import LETTERS
from reports.frameworks import Frameworks
from reports.maturity import Status
from reports.plan import (
    CONFIDENCE,
    NO_EVIDENCE_CONFIDENCE,
    PLAN_CALENDAR_DAYS,
    REPEAT_SHARE,
    SEVERITY_WEIGHT,
    Plan,
    PlannedFinding,
    build_plan,
)


class JournalCount(Record, frozen=True):
    """Network actions towards one target with one protocol."""

    target: str
    protocol: str
    actions: int
    refused: int = 0
    """Actions that the mandate guard refused: nothing was sent."""


class JournalSummary(Record, frozen=True):
    """What the journal says the audit did on the network."""

    counts: tuple[JournalCount, ...] = ()
    verified: bool | None = None
    """Whether the hash chain was checked, and holds."""


CHANGE_LABELS: Mapping[str, str] = {
    Change.CORRECTED: "Corrigés",
    Change.PERSISTENT: "Persistants",
    Change.NEW: "Nouveaux",
    Change.NO_LONGER_APPLICABLE: "Devenus sans objet",
    Change.NO_LONGER_ASSESSED: "Plus évalués",
    Change.NEWLY_ASSESSED: "Évalués pour la première fois",
    Change.STABLE: "Toujours conformes ou sans objet",
    Change.UNKNOWN: "Sans verdict des deux côtés",
}

CHANGE_HELP: Mapping[str, str] = {
    Change.CORRECTED: "Non conformes au premier audit, conformes aujourd'hui.",
    Change.PERSISTENT: "Non conformes aux deux audits.",
    Change.NEW: "Conformes ou sans objet au premier audit, non conformes aujourd'hui.",
    Change.NO_LONGER_APPLICABLE: "Non conformes au premier audit ; la question ne se pose plus.",
    Change.NO_LONGER_ASSESSED: "Ils avaient un verdict, ils n'en ont plus : ils ne comptent jamais comme corrigés.",
    Change.NEWLY_ASSESSED: "Sans verdict au premier audit : un défaut vu aujourd'hui est peut-être ancien.",
}

STATUS_LABELS: Mapping[str, str] = {
    Status.FAILED: "Non satisfait",
    Status.PASSED: "Aucun défaut vu",
    Status.UNKNOWN: "Sans verdict",
    Status.NOT_COVERED: "Non couvert",
    Status.NOT_APPLICABLE: "Sans objet",
}


def render_report(
    run: Run,
    catalogue: Catalogue,
    frameworks: Frameworks,
    comparison: Comparison | None = None,
    journal_summary: JournalSummary | None = None,
    domain_summaries: Mapping[str, Mapping[str, Any]] | None = None,
    plan: Plan | None = None,
    domain_exhibits: Mapping[str, tuple[Exhibit, ...]] | None = None,
) -> str:
    """The whole report of one run, in French, as one HTML page."""
    chosen = plan or build_plan(run, catalogue)
    return _page(
        "report.html",
        catalogue,
        view=view.build_view(run, catalogue, frameworks, chosen, domain_summaries or {}, domain_exhibits or {}),
        comparison=comparison,
        comparison_chart=comparison_chart(comparison) if comparison else None,
        journal=journal_summary,
    )


def render_comparison(comparison: Comparison, catalogue: Catalogue) -> str:
    """The page of `ausculte compare`: what was corrected, what remains, what is new, what cannot be concluded."""
    return _page(
        "comparison.html",
        catalogue,
        comparison=comparison,
        comparison_chart=comparison_chart(comparison),
    )


def comparison_chart(comparison: Comparison) -> charts.BarChart:
    """Failed findings before and after, by severity."""
    rows = [("Avant", comparison.failed_before), ("Aujourd'hui", comparison.failed_after)]
    return charts.stacked_bars(rows, [str(severity) for severity in Severity])


def _page(template: str, catalogue: Catalogue, **values: Any) -> str:
    titles = {control.id: control.title for _, control in catalogue.controls()}
    style, script = _asset("style.css"), _asset("script.js")
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file, no foreign text
            script=Markup(script),  # noqa: S704 - our own file, no foreign text
            policy=content_security_policy(style, script),
            control_titles=titles,
            domain_titles={d.id: d.header.title for d in catalogue.domains.values()},
            **values,
        )
    )


def content_security_policy(style: str, script: str) -> str:
    """Nothing is allowed but this very style and this very script, by digest."""
    return (
        "default-src 'none'; "
        f"style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return importlib.resources.files("reports").joinpath("templates", name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    """The same for every page: templates are compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=french.number,
        days=french.days,
        points=french.points,
        day=french.day,
        moment=french.moment,
        instant=french.instant,
        plural=french.plural,
        uncapitalised=french.uncapitalised,
        capitalised=french.capitalised,
        changes_of=changes_of,
        by_control=by_control,
    )
    environment.globals.update(
        VERDICTS=french.VERDICTS,
        VERDICT_KEYS=view.VERDICT_KEYS,
        Verdict=Verdict,
        SEVERITIES=french.SEVERITIES,
        LEVELS=french.LEVELS,
        LETTERS=LETTERS,
        ANOMALIES=french.ANOMALIES,
        RELATED_SHOWN=view.RELATED_SHOWN,
        SEVERITY_WEIGHT=SEVERITY_WEIGHT,
        CONFIDENCE=CONFIDENCE,
        NO_EVIDENCE_CONFIDENCE=NO_EVIDENCE_CONFIDENCE,
        CRITICAL_SHOWN=view.CRITICAL_SHOWN,
        PLAN_CALENDAR_DAYS=PLAN_CALENDAR_DAYS,
        REPEAT_SHARE=REPEAT_SHARE,
        ORIGINS=french.ORIGINS,
        REASONS=french.REASONS,
        ACTORS=french.ACTORS,
        COSTS=french.COSTS,
        FUNDINGS=french.FUNDINGS,
        KINDS=french.KINDS,
        HORIZONS=french.HORIZONS,
        Change=Change,
        CHANGE_LABELS=CHANGE_LABELS,
        CHANGE_HELP=CHANGE_HELP,
        Status=Status,
        STATUS_LABELS=STATUS_LABELS,
        percent=french.percent,
        measure_anchor=view.measure_anchor,
    )
    return environment


def by_control(findings: Iterable[PlannedFinding]) -> list[tuple[str, list[PlannedFinding]]]:
    """Findings of a measure, control by control."""
    groups: dict[str, list[PlannedFinding]] = {}
    for finding in findings:
        groups.setdefault(finding.control, []).append(finding)
    return list(groups.items())


def changes_of(comparison: Comparison, change: Change) -> tuple[ComparedFinding, ...]:
    """Findings to list for one kind of change."""
    return comparison.of(change)
