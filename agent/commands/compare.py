"""`ausculte compare`: two runs, one control set."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two runs and where to write the page."""
    parser.add_argument("old", type=Path, metavar="ANCIEN", help="premier audit (dossier run-…)")
    parser.add_argument("new", type=Path, metavar="NOUVEAU", help="audit le plus récent")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FICHIER", help="page HTML à écrire (par défaut : dans NOUVEAU)"
    )
    parser.add_argument("--json", action="store_true", help="écrire la comparaison sur la sortie standard, sans page")


def run(args: argparse.Namespace) -> int:
    """Judge both fact sets with today's controls and say what changed."""
    import msgspec

    from agent import engine
    from agent.commands.report import compare_with
    from agent.exits import OK
    from agent.files import write_atomic
    from agent.runfolder import open_run
    from checks.catalogue import load_catalogue
    from reports.html import render_comparison
    from reports.terminal import comparison_summary

    catalogue = load_catalogue()
    newer = open_run(args.new)
    result, _ = engine.rejudge(newer, catalogue)
    comparison = compare_with(open_run(args.old), result, catalogue)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(comparison), indent=1).decode())
        return OK
    print(comparison_summary(comparison))
    path = args.output or newer.path / "comparison.html"
    write_atomic(path, render_comparison(comparison, catalogue).encode("utf-8"))
    print(f"Comparaison : {path}")
    return OK
