"""Pictures of the backup page: the plan, the 3-2-1-1-0 rule by system, the points of the last 30 days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from checks.backup.facts import BackupFacts, Point
from checks.backup.plan import CLOCK_SLACK, Copy, is_good
from checks.backup.rows import (
    PROOF_WORDS,
    TERM_TITLES,
    Line,
    found_lines,
    graded,
    level_of,
    lines,
    reading_time,
    term_text,
)
from checks.backup.words import hours_between
from checks.common.exhibits import MAX_LANES, MAX_ROWS, Cell, Exhibit, Lane, Span, Spans, Table, Tick
from checks.common.french import count, listed
from checks.model import Level, Matrix, MatrixCell

DAYS = 30
_COLUMNS = (
    "Système", "Où", "Rythme observé", "Dernière bonne copie", "Perte si panne", "Conservation",
    "Essai de restauration", "Durée estimée du retour", "Remarques",
)  # fmt: skip
_WIDTH = 0.9
"""Part of a day that a mark takes: days stay apart."""


def exhibits(facts: BackupFacts) -> tuple[Exhibit, ...]:
    """The plan, the sources of nobody, the matrix, the timeline; each only when there is something to show."""
    now = reading_time(facts)
    if now is None:
        return ()
    found: list[Exhibit] = []
    if rows := lines(facts, now):
        found.append(_plan(rows))
    if rows := found_lines(facts, now)[:MAX_ROWS]:
        found.append(_strangers(rows))
    if facts.systems and (matrix := _rule(facts, now)):
        found.append(matrix)
    if timeline := _timeline(facts, now):
        found.append(timeline)
    return tuple(found)


def _plan(rows: Iterable[Line]) -> Table:
    note = (
        "« Perte si panne » : ce qui a été saisi depuis la dernière bonne copie de la partie la moins à jour du "
        "système, avec la perte acceptée. Le classeur « plan de sauvegarde » reprend ce tableau, à compléter."
    )
    return Table(
        title="Plan de sauvegarde observé", columns=_COLUMNS, rows=tuple(_plan_row(line) for line in rows), note=note
    )


def _strangers(rows: Iterable[Line]) -> Table:
    note = "À rattacher à un système du plan, ou à retirer des sauvegardes si la machine n'existe plus."
    return Table(
        title="Sources sauvegardées qu'aucun système déclaré ne réclame",
        columns=_COLUMNS,
        rows=tuple(_plan_row(line) for line in rows),
        note=note,
    )


def _plan_row(line: Line) -> tuple[Cell, ...]:
    title = line.system + (" (critique)" if line.critical else "")
    where = " ; ".join(part for part in (line.technologies, line.places, line.media) if part)
    return (
        Cell(text=title, detail=f"Type : {line.kind}." if line.kind else ""),
        Cell(text=where, detail=f"Dans {line.repositories}." if line.repositories else ""),
        Cell(text=line.frequency),
        Cell(text=line.last_good, level=line.level),
        Cell(text=_beside(line.loss_today, line.loss_accepted), level=line.level if line.loss_today else Level.NONE),
        Cell(text=line.retention),
        Cell(text=line.restore or ("non essayé" if line.row.copies else ""), level=_restore_level(line)),
        Cell(text=_beside(line.time_estimated, line.time_accepted)),
        Cell(text=line.remarks),
    )


def _restore_level(line: Line) -> Level:
    if line.row.tests and line.row.tests[0].problems:
        return Level.CRITICAL
    return Level.LOW if line.critical and line.row.copies and not line.restore else Level.NONE


def _beside(observed: str, accepted: str) -> str:
    """`6 heures (accepté : 24 heures)`."""
    if not accepted:
        return observed
    return f"{observed} (accepté : {accepted})" if observed else f"accepté : {accepted}"


def _rule(facts: BackupFacts, now: datetime) -> Matrix | None:
    """System by term, with the strength of the proof."""
    rows = graded(facts, now)
    if not rows:
        return None
    words = ", ".join(PROOF_WORDS.values())
    return Matrix(
        title="Règle 3-2-1-1-0 par système critique",
        rows=tuple(row.system.label for row, _ in rows),
        columns=TERM_TITLES,
        cells=tuple(
            tuple(MatrixCell(text=term_text(t), level=level_of(t), detail=t.detail) for t in found.every)
            for _, found in rows
        ),
        row_title="Système",
        column_title="Terme",
        note=(
            f"Entre parenthèses, la force de la preuve : {words}. Un instantané de la même baie, une réplication ou un "
            "second nom du même dépôt ne comptent pas. Les réponses déclarées de [questions] ne sont pas prises en "
            "compte ici."
        ),
    )


def _timeline(facts: BackupFacts, now: datetime) -> Spans | None:
    """A lane for each critical system and repository: the days that have a point, good or not."""
    found = [(line.system, copy) for line in lines(facts, now) if line.critical for copy in line.row.copies]
    if not found:
        found = [(line.system, copy) for line in found_lines(facts, now) for copy in line.row.copies]
    if not found:
        return None
    ticks = tuple(Tick(at=-n, label=f"{now - timedelta(days=n):%d/%m}") for n in range(0, DAYS + 1, 5))
    lanes = tuple(
        Lane(
            label=f"{system}, {copy.repository.label}",
            start=-DAYS,
            stop=1,
            ticks=ticks[::-1],
            spans=_days(copy, now),
        )
        for system, copy in found[:MAX_LANES]
    )
    left = len(found) - len(lanes)
    more = f" {count(left, 'autre ligne')} dans le classeur." if left > 0 else ""
    return Spans(
        title=f"Copies des {DAYS} derniers jours",
        axis="Jour de la copie",
        lanes=lanes,
        groups=("Copie utilisable", "Copie inutilisable"),
        note=f"Un trait par jour, avec le nombre de copies. Un jour sans trait est un jour sans copie.{more}",
    )


def _days(copy: Copy, now: datetime) -> tuple[Span, ...]:
    """One mark a day for good points, one for the others, counted back from the reading."""
    buckets: dict[tuple[int, bool], list[Point]] = {}
    for point in copy.points:
        if point.time <= now + CLOCK_SLACK and (age := int(hours_between(point.time, now) / 24)) < DAYS:
            buckets.setdefault((age, is_good(point, now)), []).append(point)
    return tuple(_mark(age, points, now, good=good) for (age, good), points in sorted(buckets.items()))


def _mark(age: int, points: list[Point], now: datetime, *, good: bool) -> Span:
    names = listed(point.source for point in points)
    what = "utilisable" if good else "incomplète, vide ou endommagée"
    return Span(
        label=str(len(points)),
        start=-age - 1 + (1 - _WIDTH),
        stop=-age,
        group=0 if good else 1,
        level=Level.NONE if good else Level.HIGH,
        detail=f"{now - timedelta(days=age):%d/%m/%Y} : {names}, {what}.",
    )
