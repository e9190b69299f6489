"""From outcomes to a plan: what to do first, why, and which six measures fit in six months. Pure.

Points of a finding = severity weight x exposure of the object (`control.weight`) x confidence in the
evidence. When one control fails on several subjects (mail domains, domain controllers), the gravest counts in
full and each other one for a quarter, and the others together never count for more than the gravest: ten domains
without DMARC are not ten times the danger of one, and two hundred of them do not hide the directory. Risk a
measure removes = sum of the points of the failed outcomes it repairs. The choice works on exact integers
(hundredths of a point, hundredths of a day): it never depends on rounding.

The six measures = the set that removes the most points, among the sets of at most six measures that fit in
the capacity and hold all their own prerequisites; equal sets are decided by fewer days, then fewer measures,
then ids.

Schedule: one sequence at a steady pace of capacity / 180 person-days per calendar day. The six come first,
then the others that answer a critical finding (with what they need), then the rest; in each group, among the
measures whose prerequisites are done, the one that removes most points per day comes first. A measure's horizon
is that of the day it ends. A measure that does not fit in what remains of the six months is `later`, and so is
everything that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from checks.catalogue import Catalogue, Control, Measure
from checks.model import Origin, Outcome, Record, Run, Severity, Verdict
from reports import french

SEVERITY_WEIGHT: Mapping[Severity, int] = {
    Severity.CRITICAL: 16,
    Severity.HIGH: 8,
    Severity.MEDIUM: 3,
    Severity.LOW: 1,
    Severity.INFO: 0,
}
"""Our own scale: a critical finding weighs as much as two high ones and more than five medium ones."""

CONFIDENCE: Mapping[Origin, float] = {Origin.OBSERVED: 1.0, Origin.IMPORTED: 0.9, Origin.DECLARED: 0.6}
REPEAT_SHARE = 0.25
"""Share of its points that a finding keeps when the same control already fails on another subject."""
REPEAT_CEILING = 1.0
"""Repeats of one control weigh together at most this many times its gravest finding."""
NO_EVIDENCE_CONFIDENCE = 0.6
"""A finding without evidence is believed no more than a declaration."""

PLAN_SIZE = 6
PLAN_CALENDAR_DAYS = 180
DEFAULT_CAPACITY_DAYS = 15.0
"""Hypothesis when the profile declares none; the report says so."""
HORIZON_ENDS = ((30, "0-30"), (90, "30-90"), (180, "90-180"))
LATER = "later"
QUICK_WIN_DAYS = 1.0
WARNINGS_NAMED = 4
"""Measures named in one warning; the others are counted."""
SUBJECTS_NAMED = 4
"""Subjects named in one line of explanation; the others are counted."""
QUICK_WIN_COSTS = ("none", "low")


class PlannedFinding(Record, frozen=True):
    """One failed outcome and what it weighs."""

    control: str
    title: str
    subject: str
    severity: Severity
    exposure: float
    confidence: float
    origin: str
    """An `Origin`, or empty when there is no evidence."""
    points: float
    """After `REPEAT_SHARE`, when `repeat` is true."""
    message: str
    fingerprint: str
    affected: int = 0
    """Number of objects concerned."""
    repeat: bool = False
    """The same control fails on another subject, which counts in full."""


class PlannedMeasure(Record, frozen=True):
    """A measure with at least one failed outcome, its place in the plan and the reasons for it."""

    measure: Measure
    domain: str
    rank: int
    """1 for what comes first; unique in the plan."""
    selected: bool
    """One of the six."""
    points: float
    """Risk removed."""
    ratio: float
    """Points removed per person-day."""
    severity: Severity
    """The worst of its findings."""
    horizon: str
    """`0-30`, `30-90`, `90-180` or `later`."""
    end_day: int | None
    """Calendar day of the end, 1 to 180, at the steady pace; None when later."""
    quick_win: bool
    findings: tuple[PlannedFinding, ...]
    requires: tuple[str, ...] = ()
    """Prerequisites that are themselves in the plan, direct and indirect."""
    unknown: int = 0
    """Controls of the same measure that could not be assessed: the real risk may be greater."""
    reasons: tuple[str, ...] = ()
    """Why this rank, line by line, in French."""


class UnverifiedMeasure(Record, frozen=True):
    """A measure whose controls found no fault but could not all be assessed."""

    measure: Measure
    domain: str
    controls: tuple[str, ...]
    reasons: tuple[str, ...]
    """Distinct `Reason` words."""
    severity: Severity
    """Worst severity a fault would have."""


class Plan(Record, frozen=True):
    """The whole plan of one run."""

    capacity_days: float
    capacity_declared: bool
    measures: tuple[PlannedMeasure, ...] = ()
    """By rank: the six first."""
    to_verify: tuple[UnverifiedMeasure, ...] = ()
    without_measure: tuple[PlannedFinding, ...] = ()
    """Failed outcomes that no measure of the catalogue repairs."""
    total_points: float = 0.0
    six_points: float = 0.0
    six_days: float = 0.0
    warnings: tuple[str, ...] = ()
    """Decisions the plan cannot take by itself, in French."""

    @property
    def six(self) -> tuple[PlannedMeasure, ...]:
        """The measures for six months, at most six, in the order to do them."""
        return tuple(planned for planned in self.measures if planned.selected)

    @property
    def others(self) -> tuple[PlannedMeasure, ...]:
        """What the plan does not retain for six months, by rank."""
        return tuple(planned for planned in self.measures if not planned.selected)

    @property
    def quick_wins(self) -> tuple[PlannedMeasure, ...]:
        """At most one day, hardly any cost, nothing to wait for."""
        return tuple(planned for planned in self.measures if planned.quick_win)

    def rank_of(self, measure_id: str) -> int | None:
        """Rank of a measure, None when it is not in the plan."""
        return next((p.rank for p in self.measures if p.measure.id == measure_id), None)


class Candidate(NamedTuple):
    """A measure as the choice sees it: integers only."""

    id: str
    points: int
    """Hundredths of a point."""
    days: int
    """Hundredths of a person-day."""


def build_plan(run: Run, catalogue: Catalogue, capacity: float | None = None) -> Plan:
    """Build the plan of `run`.

    `capacity` is in person-days for six months; by default what the run declares, else a hypothesis.
    """
    declared = run.plan_capacity_days if capacity is None else capacity
    available = DEFAULT_CAPACITY_DAYS if declared is None else max(0.0, declared)
    known = catalogue.measures()
    controls = {control.id: control for _, control in catalogue.controls()}
    failed = [outcome for outcome in run.outcomes if outcome.verdict is Verdict.FAIL]
    weighed = discount_repeats(_weighed(outcome, controls.get(outcome.control)) for outcome in failed)
    findings: dict[str, list[PlannedFinding]] = {}
    orphans: list[PlannedFinding] = []
    for outcome, finding in zip(failed, weighed, strict=True):
        (findings.setdefault(outcome.measure, []) if outcome.measure in known else orphans).append(finding)
    measures = {measure_id: known[measure_id] for measure_id in findings}
    requires = {measure_id: _closure(measure_id, known) & set(measures) - {measure_id} for measure_id in measures}
    candidates = {
        measure_id: Candidate(
            measure_id, sum(round(f.points * 100) for f in found), round(known[measure_id].days * 100)
        )
        for measure_id, found in findings.items()
    }
    chosen = best_set(list(candidates.values()), requires, round(available * 100))
    critical = {m for m, found in findings.items() if any(f.severity is Severity.CRITICAL for f in found)}
    ends = schedule(candidates, requires, chosen, round(available * 100), critical)
    draft = _Draft(run, catalogue, findings, candidates, requires, chosen, ends, available)
    planned = tuple(_planned(draft, measure_id, rank) for rank, measure_id in enumerate(ends, start=1))
    return Plan(
        capacity_days=available,
        capacity_declared=declared is not None,
        measures=planned,
        to_verify=_to_verify(run.outcomes, known, catalogue, set(measures)),
        without_measure=tuple(orphans),
        total_points=sum(c.points for c in candidates.values()) / 100 + sum(f.points for f in orphans),
        six_points=sum(candidates[m].points for m in chosen) / 100,
        six_days=sum(candidates[m].days for m in chosen) / 100,
        warnings=_warnings(planned, available),
    )


def _weighed(outcome: Outcome, control: Control | None) -> PlannedFinding:
    if control is None:
        return weigh(outcome, outcome.control, 1.0)
    return weigh(outcome, control.title, control.weight)


def weigh(outcome: Outcome, title: str, exposure: float) -> PlannedFinding:
    """Points of one failed outcome. The best evidence counts: one thing seen is enough to prove a fault."""
    best = max((item.origin for item in outcome.evidence), key=lambda origin: CONFIDENCE[origin], default=None)
    confidence = NO_EVIDENCE_CONFIDENCE if best is None else CONFIDENCE[best]
    return PlannedFinding(
        control=outcome.control,
        title=title,
        subject=outcome.subject,
        severity=outcome.severity,
        exposure=exposure,
        confidence=confidence,
        origin="" if best is None else str(best),
        points=round(SEVERITY_WEIGHT[outcome.severity] * exposure * confidence, 2),
        message=outcome.message,
        fingerprint=outcome.fingerprint,
        affected=len(outcome.affected),
    )


def discount_repeats(findings: Iterable[PlannedFinding]) -> list[PlannedFinding]:
    """Keep the gravest finding of each control whole and `REPEAT_SHARE` of the others, under a ceiling.

    The others of one control share at most `REPEAT_CEILING` times the points of the gravest. The order is kept.
    """
    found = list(findings)
    weighed: dict[int, PlannedFinding] = {}
    room: dict[str, float] = {}
    for index in sorted(range(len(found)), key=lambda i: (-found[i].points, found[i].subject)):
        finding = found[index]
        if finding.control not in room:
            room[finding.control] = finding.points * REPEAT_CEILING
            weighed[index] = finding
            continue
        points = round(min(_repeat_points(finding), room[finding.control]), 2)
        room[finding.control] -= points
        weighed[index] = msgspec.structs.replace(finding, points=points, repeat=True)
    return [weighed[index] for index in range(len(found))]


def _repeat_points(finding: PlannedFinding) -> float:
    """What a repeat weighs before the ceiling."""
    whole = SEVERITY_WEIGHT[finding.severity] * finding.exposure * finding.confidence
    return round(whole * REPEAT_SHARE, 2)


def _closure(measure_id: str, known: Mapping[str, Measure]) -> set[str]:
    """The measure and everything it needs, directly or not. Cycles are harmless."""
    found: set[str] = set()
    pending = [measure_id]
    while pending:
        current = pending.pop()
        if current not in found:
            found.add(current)
            pending.extend(known[current].prerequisites)
    return found


def best_set(
    candidates: Sequence[Candidate], requires: Mapping[str, set[str]], capacity: int, size: int = PLAN_SIZE
) -> tuple[str, ...]:
    """Ids of the exact best set: most points, then fewest days, then fewest measures, then smallest ids.

    `requires` is transitive and only names candidates; `capacity` is in hundredths of a day. Branch and bound:
    take a measure with all it needs, or refuse it with all that needs it; a branch is left when even the best
    use of the remaining places and days (fractional) cannot reach the best set found.
    """
    return _Search(candidates, requires, capacity, size).run()


class _Search:
    """State of the branch and bound; lives for one call of `best_set`."""

    def __init__(
        self, candidates: Sequence[Candidate], requires: Mapping[str, set[str]], capacity: int, size: int
    ) -> None:
        self.by_id = {candidate.id: candidate for candidate in candidates}
        # A measure that is worth nothing and that nobody needs would only cost days.
        needed = {other for others in requires.values() for other in others}
        useful = [c for c in candidates if c.points > 0 or c.id in needed]
        self.order = sorted(useful, key=lambda c: (-c.points, c.days, c.id))
        self.by_ratio = sorted(useful, key=lambda c: -c.points / max(c.days, 1))
        self.requires = requires
        self.needed_by: dict[str, set[str]] = {c.id: set() for c in candidates}
        for dependant, others in requires.items():
            for other in others:
                self.needed_by[other].add(dependant)
        self.capacity, self.size = capacity, size
        self.best: tuple[int, int, int, tuple[str, ...]] = (0, 0, 0, ())

    def run(self) -> tuple[str, ...]:
        self._branch(0, frozenset(), frozenset(), 0, 0)
        return self.best[3]

    def _branch(self, index: int, taken: frozenset[str], refused: frozenset[str], points: int, days: int) -> None:
        key = (-points, days, len(taken), tuple(sorted(taken)))
        self.best = min(self.best, key)
        while index < len(self.order) and (self.order[index].id in taken or self.order[index].id in refused):
            index += 1
        if index == len(self.order) or -(points + self._bound(index, taken, refused, days)) > self.best[0]:
            return
        candidate = self.order[index]
        added = ({candidate.id} | self.requires[candidate.id]) - taken
        more_days = sum(self.by_id[item].days for item in added)
        fits = len(taken) + len(added) <= self.size and days + more_days <= self.capacity
        if fits and not added & refused:
            more_points = sum(self.by_id[item].points for item in added)
            self._branch(index + 1, taken | added, refused, points + more_points, days + more_days)
        self._branch(index + 1, taken, refused | {candidate.id} | self.needed_by[candidate.id], points, days)

    def _bound(self, index: int, taken: frozenset[str], refused: frozenset[str], days: int) -> int:
        """Points no completion of this branch exceeds: by free places, by days left; the smaller."""
        places = self.size - len(taken)
        by_places = 0
        for candidate in self.order[index:]:
            if places == 0:
                break
            if candidate.id not in taken and candidate.id not in refused:
                by_places += candidate.points
                places -= 1
        room, by_days = self.capacity - days, 0
        for candidate in self.by_ratio:
            if candidate.id in taken or candidate.id in refused:
                continue
            if candidate.days > room:
                by_days += -(-candidate.points * room // candidate.days)
                break
            by_days += candidate.points
            room -= candidate.days
        return min(by_places, by_days)


def schedule(
    candidates: Mapping[str, Candidate],
    requires: Mapping[str, set[str]],
    chosen: Iterable[str],
    capacity: int,
    critical: Iterable[str] = (),
) -> dict[str, int | None]:
    """Order the measures and give each the calendar day it ends, None when beyond six months.

    The order of the returned dict is the order to do them. See the module's docstring for the rule.
    """
    first = set(chosen)
    urgent = set(critical)
    for measure_id in tuple(urgent):
        urgent |= requires[measure_id]
    ends: dict[str, int | None] = {}
    spent = 0
    for group in (first, urgent - first, set(candidates) - urgent - first):
        waiting = sorted(
            group,
            key=lambda m: (-candidates[m].points / max(candidates[m].days, 1), -candidates[m].points, m),
        )
        while waiting:
            current = next(m for m in waiting if _ready(m, requires, ends))
            waiting.remove(current)
            cost = candidates[current].days
            blocked = any(ends.get(needed, 0) is None for needed in requires[current])
            if blocked or spent + cost > capacity:
                ends[current] = None
            else:
                spent += cost
                ends[current] = max(1, -(-spent * PLAN_CALENDAR_DAYS // capacity)) if spent else 1
    done = [m for m in ends if ends[m] is not None]
    return {m: ends[m] for m in done + [m for m in ends if ends[m] is None]}


def _ready(measure_id: str, requires: Mapping[str, set[str]], done: Mapping[str, int | None]) -> bool:
    """Nothing to wait for, or only measures that wait for this one in turn: a circle has to start somewhere."""
    return all(measure_id in requires[needed] for needed in requires[measure_id] if needed not in done)


def horizon_of(end_day: int | None) -> str:
    """The horizon a calendar day falls in."""
    if end_day is None:
        return LATER
    return next((name for last, name in HORIZON_ENDS if end_day <= last), LATER)


class _Draft(NamedTuple):
    """What is known of the plan once the choice is made."""

    run: Run
    catalogue: Catalogue
    findings: Mapping[str, list[PlannedFinding]]
    candidates: Mapping[str, Candidate]
    requires: Mapping[str, set[str]]
    chosen: tuple[str, ...]
    ends: Mapping[str, int | None]
    capacity: float


def _planned(draft: _Draft, measure_id: str, rank: int) -> PlannedMeasure:
    measure = draft.catalogue.measures()[measure_id]
    found = sorted(draft.findings[measure_id], key=lambda f: (-f.points, f.control, f.subject))
    severity = min((f.severity for f in found), key=lambda s: s.rank)
    points = draft.candidates[measure_id].points / 100
    requires = tuple(sorted(draft.requires[measure_id]))
    planned = PlannedMeasure(
        measure=measure,
        domain=_domain_of(draft.catalogue, measure_id),
        rank=rank,
        selected=measure_id in draft.chosen,
        points=points,
        ratio=round(points / measure.days, 2) if measure.days else points,
        severity=severity,
        horizon=horizon_of(draft.ends[measure_id]),
        end_day=draft.ends[measure_id],
        quick_win=measure.days <= QUICK_WIN_DAYS
        and measure.cost in QUICK_WIN_COSTS
        and severity.rank <= Severity.MEDIUM.rank
        and not requires,
        findings=tuple(found),
        requires=requires,
        unknown=sum(o.verdict is Verdict.NOT_ASSESSED and o.measure == measure_id for o in draft.run.outcomes),
    )
    return _with_reasons(planned, draft)


def _domain_of(catalogue: Catalogue, measure_id: str) -> str:
    return next((d.id for d in catalogue.domains.values() if any(m.id == measure_id for m in d.measures)), "")


def _with_reasons(planned: PlannedMeasure, draft: _Draft) -> PlannedMeasure:
    lines = point_lines(planned.findings)
    lines.append(
        f"Total : {french.points(planned.points)} en moins pour {french.days(planned.measure.days)} de travail, "
        f"soit {french.points(planned.ratio)} par jour."
    )
    lines.extend(_prerequisite_line(needed, draft) for needed in planned.measure.prerequisites)
    if planned.unknown:
        lines.append(
            f"{french.plural(planned.unknown, 'contrôle')} de la même mesure sans verdict : le risque réel peut "
            "être plus grand."
        )
    if planned.selected:
        lines.append(
            f"Retenue : elle fait partie de l'ensemble d'au plus {PLAN_SIZE} mesures qui retire le plus de "
            f"risque en {french.days(draft.capacity)}, prérequis compris."
        )
        carried = sorted(m for m in draft.chosen if planned.measure.id in draft.requires[m])
        if carried:
            lines.append(f"Elle est aussi nécessaire pour {', '.join(carried)}.")
    else:
        lines.append(_refusal_line(planned, draft))
        if planned.end_day is not None:
            lines.append("Elle tient dans le temps qui reste après la sélection : à faire ensuite.")
    return msgspec.structs.replace(planned, reasons=tuple(lines))


def point_lines(findings: Sequence[PlannedFinding]) -> list[str]:
    """Say in French how the points are obtained: one line per control, its subjects together when they weigh alike."""
    groups: dict[tuple[str, Severity, float, float], list[PlannedFinding]] = {}
    for finding in findings:
        key = (finding.control, finding.severity, finding.exposure, finding.confidence)
        groups.setdefault(key, []).append(finding)
    return [_point_line(group) for group in groups.values()]


def _point_line(group: Sequence[PlannedFinding]) -> str:
    first, many = group[0], len(group)
    trust = french.ORIGINS[first.origin] if first.origin else "sans preuve jointe"
    subjects = ", ".join(finding.subject for finding in group[:SUBJECTS_NAMED])
    if many > SUBJECTS_NAMED:
        subjects += f" et {french.plural(many - SUBJECTS_NAMED, 'autre')}"
    repeats = sum(finding.repeat for finding in group)
    share = f", {french.percent(REPEAT_SHARE, 1)} pour {french.plural(repeats, 'sujet répété', 'sujets répétés')}"
    if any(finding.repeat and finding.points < _repeat_points(finding) for finding in group):
        share += " dans la limite du poids du premier"
    return (
        f"{first.control} ({subjects}) : gravité {french.SEVERITIES[first.severity].lower()} "
        f"{SEVERITY_WEIGHT[first.severity]} × exposition {french.number(first.exposure, 2)} "
        f"× confiance {french.number(first.confidence, 2)} ({trust}){share if repeats else ''} "
        f"= {french.points(sum(finding.points for finding in group))}."
    )


def _prerequisite_line(needed: str, draft: _Draft) -> str:
    title = draft.catalogue.measures()[needed].title
    if needed in draft.candidates:
        return f"À faire après {needed} ({title}), qui est aussi dans le plan."
    unknown = any(o.measure == needed and o.verdict is Verdict.NOT_ASSESSED for o in draft.run.outcomes)
    if unknown or not any(o.measure == needed for o in draft.run.outcomes):
        return f"À vérifier d'abord : {needed} ({title}) n'a pas pu être évaluée entièrement."
    return f"Prérequis déjà rempli : {needed} ({title})."


def _refusal_line(planned: PlannedMeasure, draft: _Draft) -> str:
    needs = draft.requires[planned.measure.id]
    cost = (draft.candidates[planned.measure.id].days + sum(draft.candidates[m].days for m in needs)) / 100
    if cost > draft.capacity:
        return (
            f"Non retenue : elle demande {french.days(cost)} avec ses prérequis, plus que les "
            f"{french.days(draft.capacity)} disponibles en six mois."
        )
    if planned.points <= 0:
        return "Non retenue : ses constats sont de simples informations."
    return (
        f"Non retenue parmi les {PLAN_SIZE} : aucun ensemble qui la contient ne retire davantage de risque "
        f"dans les {french.days(draft.capacity)} disponibles."
    )


def _to_verify(
    outcomes: Iterable[Outcome], known: Mapping[str, Measure], catalogue: Catalogue, planned: set[str]
) -> tuple[UnverifiedMeasure, ...]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.verdict is Verdict.NOT_ASSESSED and outcome.measure in known and outcome.measure not in planned:
            grouped.setdefault(outcome.measure, []).append(outcome)
    found = [
        UnverifiedMeasure(
            measure=known[measure_id],
            domain=_domain_of(catalogue, measure_id),
            controls=tuple(sorted({o.control for o in items})),
            reasons=tuple(sorted({o.reason for o in items})),
            severity=min((o.severity for o in items), key=lambda s: s.rank),
        )
        for measure_id, items in grouped.items()
    ]
    return tuple(sorted(found, key=lambda item: (item.severity.rank, item.measure.id)))


def _warnings(planned: Sequence[PlannedMeasure], capacity: float) -> tuple[str, ...]:
    """One sentence for all the critical measures that do not fit: a decision the plan cannot take."""
    left = [p for p in planned if p.severity is Severity.CRITICAL and p.horizon == LATER]
    if not left:
        return ()
    names = " ; ".join(
        f"{p.measure.title} ({p.measure.id}, {french.days(p.measure.days)})" for p in left[:WARNINGS_NAMED]
    )
    more = len(left) - WARNINGS_NAMED
    names += f" ; et {french.plural(more, 'autre')}" if more > 0 else ""
    many = len(left) > 1
    sentence = (
        f"{french.plural(len(left), 'mesure')} {'répondent' if many else 'répond'} à un constat critique et "
        f"{'ne tiennent' if many else 'ne tient'} pas dans les {french.days(capacity)} disponibles : {names}. "
        "Il faut dégager des moyens ou accepter ce risque par écrit."
    )
    return (sentence,)
