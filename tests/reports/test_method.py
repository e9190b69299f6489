"""The page of the method says the constants of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.model import Origin, Severity
from reports import french, plan
from reports.frameworks import load_frameworks
from reports.maturity import DIRECTORY_MAX_LEVEL, DIRECTORY_SCHEME

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("severity", list(Severity))
def test_weight_of_each_severity(severity: Severity) -> None:
    assert f"| {french.SEVERITIES[severity].lower()} | {plan.SEVERITY_WEIGHT[severity]} |" in PAGE


def test_confidence_shares_and_capacity() -> None:
    trust = {origin: french.number(value, 2) for origin, value in plan.CONFIDENCE.items()}
    assert f"observée par l'outil {trust[Origin.OBSERVED]} ;" in PAGE
    assert f"fichier exporté {trust[Origin.IMPORTED]} ;" in PAGE
    assert f"déclarée {trust[Origin.DECLARED]} ;" in PAGE
    assert f"aucune preuve jointe {french.number(plan.NO_EVIDENCE_CONFIDENCE, 2)}." in PAGE
    assert f"chacun des autres pour {round(100 * plan.REPEAT_SHARE)} % ;" in PAGE
    assert plan.REPEAT_CEILING == 1.0
    assert f"le plan suppose **{french.days(plan.DEFAULT_CAPACITY_DAYS)}**" in PAGE
    assert f"capacité ÷ {plan.PLAN_CALENDAR_DAYS} jours" in PAGE
    assert "d'au plus **six** mesures" in PAGE
    assert plan.PLAN_SIZE == 6


def test_horizons_and_quick_wins() -> None:
    ends = [str(last) for last, _ in plan.HORIZON_ENDS]
    assert f"0 à {ends[0]}, {ends[0]} à {ends[1]}, {ends[1]} à {ends[2]} jours" in PAGE
    assert f"au plus {french.days(plan.QUICK_WIN_DAYS)}, moins de 1 000 €" in PAGE


def test_what_the_directory_level_does_not_cover() -> None:
    framework = load_frameworks().by_scheme[DIRECTORY_SCHEME]
    first = sum(item.level == 1 and not item.controls for item in framework.requirement)
    assert f"({first} points de niveau 1)" in PAGE
    assert f"« entre 1 et {DIRECTORY_MAX_LEVEL} »" in PAGE
