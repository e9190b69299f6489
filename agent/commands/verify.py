"""`ausculte verify`: has anything been changed since the audit ended?"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run to verify."""
    parser.add_argument("audit", type=Path, metavar="AUDIT", help="dossier d'audit (run-…)")


def run(args: argparse.Namespace) -> int:
    """Check the journal chain and the digest of each facts file; exit 0 when intact, 3 otherwise."""
    from agent import journal
    from agent.exits import NOT_ASSESSED, OK
    from agent.runfolder import file_sha256, open_run

    folder = open_run(args.audit)
    result = folder.read_run()
    problems = []
    problem = journal.verify(folder.journal, result.journal_entries, result.journal_sha256)
    if problem:
        problems.append(f"journal, ligne {problem.line} : {problem.detail}")
    problems += [
        f"{domain.facts_file} : le fichier a changé depuis l'audit"
        for domain in result.domains
        if file_sha256(folder.path / domain.facts_file) != domain.facts_sha256
    ]
    for text in problems:
        print(f"ALTÉRÉ : {text}")
    if problems:
        return NOT_ASSESSED
    print(f"Intègre : {result.journal_entries} entrées de journal chaînées, {len(result.domains)} faits intacts.")
    return OK
