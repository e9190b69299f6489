"""The summary printed at the end of a run."""

from __future__ import annotations

import msgspec

from checks.model import DomainRun, Verdict
from reports.compare import compare_runs
from reports.plan import build_plan
from reports.terminal import comparison_summary, run_summary, table
from tests.reports import build


def summary(run) -> str:
    catalogue = build.realistic_catalogue()
    return run_summary(run, catalogue, build_plan(run, catalogue))


def test_counts_per_domain_and_in_all() -> None:
    run = build.realistic_run()
    lines = [line.split() for line in summary(run).splitlines()]
    mail = [o for o in run.outcomes if o.domain == "messaging"]
    expected = [
        str(sum(o.verdict is v for o in mail))
        for v in (Verdict.FAIL, Verdict.NOT_ASSESSED, Verdict.PASS, Verdict.NOT_APPLICABLE)
    ]
    assert next(line for line in lines if line[:1] == ["Messagerie"])[-4:] == expected
    total = next(line for line in lines if line[:1] == ["Ensemble"])
    assert sum(int(figure) for figure in total[1:]) == len(run.outcomes)


def test_measures_are_listed_with_their_effort() -> None:
    text = summary(build.realistic_run())
    assert "  1. Retirer les comptes inutiles" in text
    assert "  6. " in text
    assert "  7. " not in text
    assert "hypothèse" not in text
    assert "hypothèse" in summary(msgspec.structs.replace(build.realistic_run(), plan_capacity_days=None))


def test_a_domain_without_collection_is_named_with_its_reason() -> None:
    gone = DomainRun(domain="ad", status="unreachable", detail="Le serveur ne répond pas.")
    text = summary(build.run(domains=(gone,)))
    assert "Annuaire Active Directory : équipement ou service injoignable (Le serveur ne répond pas.)" in " ".join(
        text.split()
    )


def test_control_characters_never_reach_the_terminal() -> None:
    run = build.run(domains=(DomainRun(domain="\x1b[31mrouge", status="error", detail="\x1b]0;titre\x07"),))
    structure = msgspec.structs.replace(run.structure, name="EHPAD\x1b[2J")
    text = summary(msgspec.structs.replace(run, structure=structure))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_comparison_counts_silence_apart() -> None:
    text = comparison_summary(compare_runs(build.realistic_run(), build.realistic_run(later=True)))
    rows = {line.rsplit(maxsplit=6)[0]: line.split()[-1] for line in text.splitlines() if line[-1:].isdigit()}
    assert rows["Corrigés"] == "6"
    assert rows["Plus évalués"] == "1"


def test_columns_are_aligned() -> None:
    lines = table(["Nom", "Nombre"], [["a", "1"], ["bbbbbb", "1234567"]])
    assert len({len(line) for line in lines}) == 1


def test_no_line_is_wider_than_eighty_columns() -> None:
    run = msgspec.structs.replace(build.realistic_run(), plan_capacity_days=None)
    domains = tuple(msgspec.structs.replace(d, status="unreachable", detail="injoignable " * 20) for d in run.domains)
    text = summary(msgspec.structs.replace(run, domains=domains))
    text += comparison_summary(compare_runs(run, build.realistic_run(later=True)))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "[M-" in text
