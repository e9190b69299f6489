"""`ausculte compare`: two runs, one control set."""

from __future__ import annotations

import argparse
import sys
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
    from agent.output import write_data
    from agent.runfolder import open_run
    from checks.catalogue import load_catalogue
    from checks.common.text import clean
    from reports.html import render_comparison
    from reports.terminal import comparison_summary

    catalogue = load_catalogue()
    newer = open_run(args.new)
    result, _ = engine.rejudge(newer, catalogue)
    older = open_run(args.old)
    before = older.read_run()
    if before.structure.name.casefold() != result.structure.name.casefold():
        names = f"{before.structure.name} / {result.structure.name}"
        print(clean(f"Attention : ces deux audits n'ont pas le même nom de structure ({names})."), file=sys.stderr)
    if before.started > result.started:
        print("Attention : le premier audit donné est plus récent que le second.", file=sys.stderr)
    comparison = compare_with(older, result, catalogue)
    if args.json:
        write_data(msgspec.json.format(msgspec.json.encode(comparison), indent=1).decode() + "\n")
        return OK
    print(comparison_summary(comparison))
    path = args.output or newer.path / "comparison.html"
    write_atomic(path, render_comparison(comparison, catalogue).encode("utf-8"))
    print(f"Comparaison : {path}")
    return OK
