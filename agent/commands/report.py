"""`ausculte report`: the report and the plan of a run, again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.engine import Judged
    from agent.runfolder import RunFolder
    from checks.catalogue import Catalogue
    from checks.model import Run
    from reports.compare import Comparison
    from reports.html import JournalSummary
    from reports.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and the older one to compare it with."""
    parser.add_argument("audit", type=Path, metavar="AUDIT", help="dossier d'audit (run-…)")
    parser.add_argument("--against", type=Path, metavar="AUDIT", help="audit antérieur auquel se comparer")


def run(args: argparse.Namespace) -> int:
    """Write `report.html` and `plan.xlsx` again, from recorded facts judged today."""
    from agent import engine
    from agent.exits import OK
    from agent.runfolder import open_run
    from checks.catalogue import load_catalogue

    catalogue = load_catalogue()
    folder = open_run(args.audit)
    result, judged = engine.rejudge(folder, catalogue)
    against = open_run(args.against) if args.against else None
    write_report(folder, result, judged, catalogue, against)
    print(folder.report)
    print(folder.plan)
    for document in judged.documents:
        print(folder.document(document.name))
    return OK


def write_report(
    folder: RunFolder, result: Run, judged: Judged, catalogue: Catalogue, against: RunFolder | None
) -> Plan:
    """Write the report, the plan and the documents of `result` into its folder; return the plan."""
    from agent.files import write_atomic
    from reports.frameworks import load_frameworks
    from reports.html import render_report
    from reports.plan import build_plan
    from reports.workbook import render_workbook
    from reports.xlsx import write_plan_xlsx

    plan = build_plan(result, catalogue)
    html = render_report(
        result,
        catalogue,
        load_frameworks(),
        comparison=compare_with(against, result, catalogue) if against else None,
        journal_summary=journal_summary(folder, result),
        domain_summaries=judged.summaries,
        plan=plan,
        domain_exhibits=judged.exhibits,
    )
    write_atomic(folder.report, html.encode("utf-8"))
    write_plan_xlsx(folder.plan, result, plan, catalogue, judged.exhibits)
    for document in judged.documents:
        write_atomic(folder.document(document.name), render_workbook(document, result))
    return plan


def compare_with(older: RunFolder, result: Run, catalogue: Catalogue) -> Comparison:
    """Compare `result` with an older run whose facts are judged again by today's controls."""
    from agent import engine
    from reports.compare import compare_runs

    old, _ = engine.rejudge(older, catalogue)
    return compare_runs(old, result)


def journal_summary(folder: RunFolder, result: Run) -> JournalSummary:
    """What the journal of the run counts, and whether its chain holds."""
    from agent import journal
    from reports.html import JournalCount, JournalSummary

    return JournalSummary(
        counts=tuple(
            JournalCount(target=row.target, protocol=row.protocol, actions=row.actions, refused=row.refused)
            for row in journal.summary(folder.journal)
        ),
        verified=journal.verify(folder.journal, result.journal_entries, result.journal_sha256) is None,
    )
