"""What the report page shows, prepared from a run: groups, counts, anchors. Pure; the templates only draw.

Anchors are built from positions, never from foreign text, so that they are unique and harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checks.catalogue import Catalogue
from checks.common.exhibits import Exhibit
from checks.model import Affected, DomainRun, Outcome, Reason, Run, Severity, Verdict
from reports import charts, french
from reports.domain_exhibits import View, domain_views, sheet_names
from reports.exhibits import ExhibitView, exhibit_views
from reports.frameworks import Frameworks
from reports.maturity import Coverage, LevelRange, Status, coverages, directory_level
from reports.plan import Plan, PlannedMeasure

INLINE_OBJECTS = 8
"""Affected objects shown at once; the rest is folded."""
RELATED_SHOWN = 12
"""Related objects named for one affected object; the rest is counted."""
PAGE_OBJECTS = 1000
"""Affected objects of one outcome in the page, which a browser must still open; the sheet has them all."""
CRITICAL_SHOWN = 5
"""Kinds of critical findings in the summary, which must hold on its page; the rest is in the findings."""
MANY_UNKNOWN = 0.2
"""Share of outcomes without a verdict above which the summary warns."""

VERDICT_KEYS = (Verdict.FAIL, Verdict.NOT_ASSESSED, Verdict.PASS, Verdict.NOT_APPLICABLE)
"""Order of the verdicts in charts and tables."""

MANDATE_LABELS: Mapping[str, str] = {
    "authorised_by": "Autorisé par",
    "function": "Fonction",
    "signed_on": "Signé le",
    "valid_from": "Valable du",
    "valid_to": "Valable jusqu'au",
    "hours": "Plages horaires",
    "networks": "Réseaux autorisés",
    "domains": "Domaines autorisés",
    "ssids": "Réseaux Wi-Fi autorisés",
    "tenants": "Tenants autorisés",
    "external_addresses": "Adresses externes autorisées",
    "excluded": "Adresses exclues",
    "emergency_contact": "Contact d'urgence",
}


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """One outcome with what the catalogue, the plan and the frameworks add to it."""

    outcome: Outcome
    anchor: str
    title: str
    why: str
    measure_id: str
    measure_title: str
    measure_rank: int | None
    references: tuple[str, ...]
    shown: tuple[Affected, ...]
    folded: tuple[Affected, ...]
    omitted: int = 0
    """Objects that the page does not hold."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What the affected objects have to say besides their label; empty when a plain list says it all."""
        return object_columns(self.outcome.affected)


def names_itself(item: Affected) -> bool:
    """The label starts with the reference (`12`, `règle 12 « Internet »`): to write it twice would help nobody."""
    return bool(re.match(rf"(\w+ ){{0,2}}{re.escape(item.ref)}(?!\w)", item.label))


def is_located(objects: Iterable[Affected]) -> bool:
    """At least one object says more than a label and a detail."""
    return any(o.ref or o.line or o.related or o.witness or o.kind in french.ANOMALIES for o in objects)


def object_columns(objects: Sequence[Affected]) -> tuple[str, ...]:
    """What a table must add to labels and details, among `ref`, `line`, `kind`, `related` and `witness`."""
    present = {
        "ref": any(item.ref and not names_itself(item) for item in objects),
        "line": any(item.line for item in objects),
        "kind": any(item.kind in french.ANOMALIES for item in objects),
        "related": any(item.related for item in objects),
        "witness": any(item.witness for item in objects),
    }
    return tuple(name for name, found in present.items() if found)


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The failed outcomes of one control, one per subject."""

    first: OutcomeView
    """The gravest."""
    items: tuple[OutcomeView, ...]

    @property
    def severities(self) -> str:
        """Severities of the group, for the filter."""
        return " ".join(dict.fromkeys(str(item.outcome.severity) for item in self.items))

    @property
    def sizes(self) -> str:
        """How many subjects of each severity, for the count of the filter: `critical:2 medium:1`."""
        found = [item.outcome.severity for item in self.items]
        return " ".join(f"{severity}:{found.count(severity)}" for severity in dict.fromkeys(found))

    @property
    def evidence_count(self) -> int:
        """How many pieces of evidence the group holds."""
        return sum(len(item.outcome.evidence) for item in self.items)


def by_control(views: Iterable[OutcomeView]) -> tuple[FindingGroup, ...]:
    """Group findings by control; the order of the first of each is kept."""
    groups: dict[str, list[OutcomeView]] = {}
    for item in views:
        groups.setdefault(item.outcome.control, []).append(item)
    return tuple(FindingGroup(items[0], tuple(items)) for items in groups.values())


@dataclass(frozen=True, slots=True)
class DomainView:
    """One domain of the report."""

    id: str
    title: str
    run: DomainRun | None
    counts: Mapping[str, int]
    failed: tuple[OutcomeView, ...]
    passed: tuple[OutcomeView, ...]
    not_applicable: tuple[OutcomeView, ...]
    summary: tuple[tuple[str, str], ...]
    pictures: tuple[View, ...] = ()
    """Of the whole domain."""
    exhibits: tuple[ExhibitView, ...] = ()
    """Of its verdicts."""

    @property
    def findings(self) -> tuple[FindingGroup, ...]:
        """Failed outcomes by control, the gravest first."""
        return by_control(self.failed)

    @property
    def collected(self) -> bool:
        """True when at least the collection itself succeeded."""
        return self.run is None or self.run.status == "collected"


@dataclass(frozen=True, slots=True)
class ReasonView:
    """Outcomes without a verdict, for one reason."""

    reason: str
    title: str
    advice: str
    outcomes: tuple[OutcomeView, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything the report template needs about one run."""

    run: Run
    plan: Plan
    domains: tuple[DomainView, ...]
    counts: Mapping[str, int]
    severities: Mapping[str, int]
    critical: tuple[FindingGroup, ...]
    """Critical findings, one group per control."""
    unassessed: tuple[ReasonView, ...]
    statements: tuple[str, ...]
    cautions: tuple[str, ...]
    level: LevelRange | None
    coverages: tuple[Coverage, ...]
    mandate: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]
    verdict_chart: charts.BarChart
    severity_chart: charts.BarChart
    matrix: charts.Matrix
    anchors: Mapping[tuple[str, str], str]
    """(control, subject) of a failed outcome -> anchor of its article."""


def build_view(
    run: Run,
    catalogue: Catalogue,
    frameworks: Frameworks,
    plan: Plan,
    domain_summaries: Mapping[str, Mapping[str, Any]],
    domain_exhibits: Mapping[str, tuple[Exhibit, ...]],
) -> ReportView:
    """Prepare the report of `run`."""
    shown = outcome_views(run.outcomes, catalogue, frameworks, plan)
    domains = _domains(run, catalogue, shown, domain_summaries, domain_exhibits)
    counts = count_verdicts(run.outcomes)
    failed = [view for view in shown if view.outcome.verdict is Verdict.FAIL]
    severities = [view.outcome.severity for view in failed]
    return ReportView(
        run=run,
        plan=plan,
        domains=domains,
        counts=counts,
        severities={str(s): severities.count(s) for s in Severity},
        critical=by_control(v for v in failed if v.outcome.severity is Severity.CRITICAL),
        unassessed=_by_reason(shown),
        statements=_statements(run, plan, counts, severities, domains),
        cautions=_cautions(run, domains, counts),
        level=directory_level(frameworks, run.outcomes),
        coverages=tuple(c for c in coverages(frameworks, run.outcomes) if _has_controls(c)),
        mandate=tuple(flatten(run.mandate, MANDATE_LABELS)),
        answers=tuple(flatten(run.answers, {})),
        verdict_chart=charts.stacked_bars([(d.title, d.counts) for d in domains], VERDICT_KEYS),
        severity_chart=charts.severity_bars(severities),
        matrix=charts.matrix(plan.measures),
        anchors={(v.outcome.control, v.outcome.subject): v.anchor for v in failed},
    )


def outcome_views(
    outcomes: Sequence[Outcome], catalogue: Catalogue, frameworks: Frameworks, plan: Plan
) -> list[OutcomeView]:
    """One view per outcome, worst severity first inside the order of the run."""
    controls = {control.id: control for _, control in catalogue.controls()}
    measures = catalogue.measures()
    ranks = {planned.measure.id: planned.rank for planned in plan.measures}
    views = []
    for index, outcome in enumerate(outcomes, start=1):
        control = controls.get(outcome.control)
        measure = measures.get(outcome.measure)
        cut = len(outcome.affected) if len(outcome.affected) <= INLINE_OBJECTS + 2 else INLINE_OBJECTS
        views.append(
            OutcomeView(
                outcome=outcome,
                anchor=f"constat-{index}",
                title=control.title if control else outcome.control,
                why=control.why if control else "",
                measure_id=measure.id if measure else "",
                measure_title=measure.title if measure else "",
                measure_rank=ranks.get(outcome.measure),
                references=frameworks.references.get(outcome.control, ()),
                shown=outcome.affected[:cut],
                folded=outcome.affected[cut:PAGE_OBJECTS],
                omitted=max(0, len(outcome.affected) - PAGE_OBJECTS),
            )
        )
    return sorted(views, key=lambda view: view.outcome.severity.rank)


def count_verdicts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Number of outcomes per verdict, zeros included."""
    found = [outcome.verdict for outcome in outcomes]
    return {str(verdict): found.count(verdict) for verdict in VERDICT_KEYS}


def domain_title(domain: str, catalogue: Catalogue) -> str:
    """French name of a domain; its id when the domain is not installed here."""
    known = catalogue.domains.get(domain)
    return known.header.title if known else domain


def _domains(
    run: Run,
    catalogue: Catalogue,
    views: Sequence[OutcomeView],
    summaries: Mapping[str, Mapping[str, Any]],
    exhibits: Mapping[str, tuple[Exhibit, ...]],
) -> tuple[DomainView, ...]:
    sheets = sheet_names(exhibits)
    ids = list(dict.fromkeys([d.domain for d in run.domains] + [o.domain for o in run.outcomes]))
    found = []
    for number, domain in enumerate(ids, start=1):
        mine = [view for view in views if view.outcome.domain == domain]

        def having(verdict: Verdict, among: Sequence[OutcomeView] = mine) -> tuple[OutcomeView, ...]:
            return tuple(view for view in among if view.outcome.verdict is verdict)

        found.append(
            DomainView(
                id=domain,
                title=domain_title(domain, catalogue),
                run=next((d for d in run.domains if d.domain == domain), None),
                counts=count_verdicts(view.outcome for view in mine),
                failed=having(Verdict.FAIL),
                passed=tuple(sorted(having(Verdict.PASS), key=_by_control)),
                not_applicable=tuple(sorted(having(Verdict.NOT_APPLICABLE), key=_by_control)),
                summary=tuple((str(k), str(v)) for k, v in summaries.get(domain, {}).items()),
                pictures=domain_views(exhibits.get(domain, ()), f"image-{number}", sheets.get(domain, ())),
                exhibits=exhibit_views((view.outcome for view in mine), f"tableau-{number}"),
            )
        )
    return tuple(found)


def _by_control(view: OutcomeView) -> tuple[str, str]:
    return view.outcome.control, view.outcome.subject


def _by_reason(views: Sequence[OutcomeView]) -> tuple[ReasonView, ...]:
    groups: dict[str, list[OutcomeView]] = {}
    for view in views:
        if view.outcome.verdict is Verdict.NOT_ASSESSED:
            groups.setdefault(view.outcome.reason, []).append(view)
    order = [str(reason) for reason in Reason]
    return tuple(
        ReasonView(
            reason=reason,
            title=french.label(french.REASONS, reason),
            advice=french.REASON_ADVICE.get(reason, ""),
            outcomes=tuple(groups[reason]),
        )
        for reason in sorted(groups, key=lambda r: order.index(r) if r in order else len(order))
    )


def _statements(
    run: Run,
    plan: Plan,
    counts: Mapping[str, int],
    severities: Sequence[Severity],
    domains: Sequence[DomainView],
) -> tuple[str, ...]:
    """The summary in a few sentences, each with its figures."""
    failed, critical = counts[Verdict.FAIL], severities.count(Severity.CRITICAL)
    lines = [
        f"{french.plural(len(run.outcomes), 'vérification')} dans {french.plural(len(domains), 'domaine')}"
        f"{_repeated(run)} : "
        f"{french.plural(failed, 'non conforme')}"
        + (f", dont {french.plural(critical, 'critique')}" if failed else "")
        + f", {french.plural(counts[Verdict.PASS], 'conforme')}, "
        f"{french.plural(counts[Verdict.NOT_APPLICABLE], 'sans objet', 'sans objet')}, "
        f"{french.plural(counts[Verdict.NOT_ASSESSED], 'sans verdict', 'sans verdict')}."
    ]
    if plan.six:
        share = french.percent(plan.six_points, plan.total_points)
        many = len(plan.six)
        what = f"Les {many} mesures proposées retirent" if many > 1 else "La mesure proposée retire"
        lines.append(f"{what} {share} du risque constaté, pour {french.days(plan.six_days)} de travail en six mois.")
    elif failed:
        lines.append("Aucune mesure ne tient dans la capacité indiquée : une décision de moyens est nécessaire.")
    else:
        lines.append("Aucun point non conforme : il n'y a pas de mesure à décider à partir de cet audit.")
    return tuple(lines)


def _repeated(run: Run) -> str:
    """Say why there are more verifications than questions: one question is asked of each mail domain or server."""
    questions = len({(o.domain, o.control) for o in run.outcomes})
    if questions == len(run.outcomes):
        return ""
    return f" ({french.plural(questions, 'question posée', 'questions posées')} à chaque sujet concerné)"


def _cautions(run: Run, domains: Sequence[DomainView], counts: Mapping[str, int]) -> tuple[str, ...]:
    """What the reader must know before trusting the figures."""
    lines = list(run.notes)
    for domain in domains:
        if domain.run and not domain.collected:
            why = french.label(french.REASONS, domain.run.status).lower()
            detail = f" : {domain.run.detail}" if domain.run.detail else ""
            lines.append(f"Le domaine « {domain.title} » n'a pas pu être audité ({why}){detail}")
    if run.outcomes and counts[Verdict.NOT_ASSESSED] > MANY_UNKNOWN * len(run.outcomes):
        share = french.percent(counts[Verdict.NOT_ASSESSED], len(run.outcomes))
        lines.append(f"{share} des vérifications sont restées sans verdict : l'état réel peut être moins bon.")
    return tuple(lines)


def _has_controls(coverage: Coverage) -> bool:
    return any(item.status is not Status.NOT_COVERED for item in coverage.statuses)


def flatten(values: Mapping[str, Any], labels: Mapping[str, str], prefix: str = "") -> Iterable[tuple[str, str]]:
    """A nested declaration as (label, text) lines, for a table."""
    for key, value in values.items():
        name = prefix + labels.get(key, key.replace("_", " "))
        if isinstance(value, Mapping):
            yield from flatten(value, labels, f"{name} · ")
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(_text(item) for item in value) or "–"
        else:
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, Mapping) and set(value) == {"network", "why"}:
        return f"{value['network']} ({value['why']})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} : {_text(item)}" for key, item in value.items())
    text = str(value)
    try:
        return french.day(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        return text


def measure_anchor(planned: PlannedMeasure) -> str:
    """Anchor of a measure in the plan."""
    return f"mesure-{planned.rank}"
