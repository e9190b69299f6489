"""Short facts shown at the head of the backup page of the report."""

from __future__ import annotations

from datetime import datetime

from checks.backup.facts import BackupFacts, Repository, RtoEstimate
from checks.backup.plan import orphans, plan
from checks.backup.rows import graded, reading_time
from checks.backup.words import day, length
from checks.common.french import choose, count, listed
from checks.model import Gap

_SHOWN = 12
"""Repositories with a line of their own."""


def summary(facts: BackupFacts) -> dict[str, str]:
    """French label to value: one line per repository, the systems, the restore tests, what was not seen."""
    found = {f"Sauvegarde « {one.label} »": _repository(one) for one in facts.repositories[:_SHOWN]}
    if len(facts.repositories) > _SHOWN:
        found["Autres sauvegardes"] = str(len(facts.repositories) - _SHOWN)
    if not facts.repositories:
        found["Sauvegardes"] = "aucune déclarée"
    now = reading_time(facts)
    if now is not None and facts.systems:
        found |= _systems(facts, now)
    found["Essais de restauration"] = _tests(facts)
    limits = [*facts.limits, *(limit for one in facts.repositories for limit in one.limits)]
    if limits:
        found["Ce que les données ne montrent pas"] = " ".join(dict.fromkeys(limits))
    return found


def _systems(facts: BackupFacts, now: datetime) -> dict[str, str]:
    rows = plan(facts, now)
    critical = [row for row in rows if row.system.critical]
    saved = sum(row.last_good is not None for row in critical)
    found = {
        "Systèmes critiques": f"{len(critical)}, dont {saved} avec une copie utilisable de toutes leurs parties",
    }
    for row, terms in graded(facts, now)[:_SHOWN]:
        found[f"3-2-1-1-0, « {row.system.label} »"] = f"{terms.met} {choose(terms.met, 'terme', 'termes')} sur 5"
    if strangers := orphans(facts, rows):
        found["Sources sans système déclaré"] = f"{len(strangers)} ({listed(name for name, _ in strangers)})"
    return found


def _repository(one: Repository) -> str:
    """`Veeam 12.1, 120 points, dernier le 22/11/2026 à 03:00 UTC`."""
    name = " ".join(part for part in (one.product or one.technology, one.version) if part)
    if isinstance(one.points, Gap):
        return f"{name}, non lue : {one.points.detail}"
    newest = max((point.time for point in one.points), default=None)
    last = f", dernier le {day(newest)}" if newest else ""
    return f"{name}, {count(len(one.points), 'point')}{last}"


def _tests(facts: BackupFacts) -> str:
    if not facts.restore_tests:
        return "demandés, sans résultat" if facts.restore_asked else "non demandés"
    bad = sum(bool(test.problems) for test in facts.restore_tests)
    files = sum(test.restored for test in facts.restore_tests)
    slowest = max((test.rto.high for test in facts.restore_tests if isinstance(test.rto, RtoEstimate)), default=None)
    parts = [
        count(len(facts.restore_tests), "essai"),
        count(files, "fichier restauré"),
        f"{bad} avec défaut" if bad else "sans défaut constaté",
        f"retour complet estimé à {length(slowest / 3600)} au plus" if slowest else "",
    ]
    return ", ".join(part for part in parts if part)
