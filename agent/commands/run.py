"""`ausculte run`: the whole audit."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments shared with `collect`, then those of the report."""
    add_collect_arguments(parser)
    add_result_arguments(parser)
    parser.add_argument(
        "--against", type=Path, metavar="AUDIT", help="audit antérieur auquel se comparer dans le rapport"
    )


def add_result_arguments(parser: argparse.ArgumentParser) -> None:
    """How the result of a whole audit is given back."""
    parser.add_argument(
        "--fail-on",
        choices=("critical", "high", "medium", "low", "info"),
        metavar="GRAVITÉ",
        help="code de sortie 4 si un constat de cette gravité ou pire existe (critical, high, medium, low, info)",
    )
    parser.add_argument("--json", action="store_true", help="écrire le résultat (run.json) sur la sortie standard")


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """How the agent speaks to the person while it collects."""
    parser.add_argument("--no-prompt", action="store_true", help="ne rien demander au clavier")
    parser.add_argument("--quiet", action="store_true", help="ne pas montrer la progression")


def add_collect_arguments(parser: argparse.ArgumentParser) -> None:
    """Profile, output folder, resume, perimeter."""
    parser.add_argument(
        "profile",
        type=Path,
        nargs="?",
        default=Path("site.toml"),
        metavar="site.toml",
        help="profil du site (par défaut : site.toml, ici)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(),
        metavar="DOSSIER",
        help="dossier où créer le dossier d'audit (par défaut : ici)",
    )
    parser.add_argument(
        "--only",
        "--domain",
        dest="only",
        action="append",
        default=[],
        metavar="DOMAINE",
        help="ne collecter que ce domaine du profil (répétable)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="reprendre le dernier audit interrompu du même profil, sans refaire les domaines finis",
    )
    add_restore_argument(parser)
    add_session_arguments(parser)


def add_restore_argument(parser: argparse.ArgumentParser) -> None:
    """The restore test, which reads backups and writes on this machine: never made unless it is asked for."""
    parser.add_argument(
        "--restore-sample",
        action="store_true",
        help="restaurer un échantillon des sauvegardes que le mandat nomme (restore_tests), le vérifier et l'effacer",
    )


def run(args: argparse.Namespace) -> int:
    """Collect, judge, write the report; returns the exit code."""
    from agent import engine
    from agent.commands.collect import collect_from_args
    from agent.commands.report import write_report
    from agent.exits import NOT_ASSESSED, OK, SEVERITY_REACHED
    from agent.output import write_data
    from agent.runfolder import open_run
    from agent.worker import utc_now
    from checks.model import Severity, Verdict
    from reports.terminal import run_summary

    against = open_run(args.against) if args.against else None
    if against:
        against.read_run()  # a comparison that cannot be made is said before the audit, not after
    catalogue, loaded, folder, collected = collect_from_args(args)
    result, judged = engine.finish(folder, loaded, catalogue, collected, clock=utc_now)
    plan = write_report(folder, result, judged, catalogue, against)
    if args.json:
        write_data(folder.run.read_text("utf-8") + "\n")
    else:
        print(run_summary(result, catalogue, plan))
        print(f"Rapport : {folder.report}")
        print(f"Plan    : {folder.plan}")
        for document in judged.documents:
            print(f"Annexe  : {folder.document(document.name)}")
        print(f"Données : {folder.run}")
    if args.fail_on:
        limit = Severity(args.fail_on).rank
        if any(o.verdict is Verdict.FAIL and o.severity.rank <= limit for o in result.outcomes):
            return SEVERITY_REACHED
    return NOT_ASSESSED if engine.unassessed_domains(result) else OK
