"""`ausculte verify`: has anything been changed since the audit ended?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.runfolder import RunFolder
    from checks.model import Run


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
    problems = _other_changes(folder, result)
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
    print("Le résultat n'est pas signé : ceci dit qu'il est cohérent, pas qui l'a écrit.")
    print(f"Intègre : {result.journal_entries} entrées de journal chaînées, {len(result.domains)} faits intacts.")
    return OK


def _other_changes(folder: RunFolder, result: Run) -> list[str]:
    """What neither the chain nor the digests of `run.json` cover: files added, profile changed, verdicts rewritten."""
    from agent import __version__, engine
    from agent.runfolder import file_sha256
    from checks.catalogue import load_catalogue

    problems = []
    known = {domain.facts_file for domain in result.domains}
    problems += [
        f"facts/{path.name} : ce fichier n'existait pas à la fin de l'audit"
        for path in sorted(folder.facts.glob("*"))
        if f"facts/{path.name}" not in known
    ]
    state = folder.read_state()
    if state and file_sha256(folder.profile) != state.profile_sha256:
        problems.append("site.toml : le profil a changé depuis l'audit")
    catalogue = load_catalogue()
    same_rules = (result.tool.version, result.tool.catalogue_sha256) == (__version__, catalogue.sha256)
    if same_rules and not problems and engine.rejudge(folder, catalogue)[0].outcomes != result.outcomes:
        problems.append("run.json : les verdicts écrits ne sont pas ceux que donnent les faits")
    return problems
