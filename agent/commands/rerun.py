"""`ausculte rerun`: the same audit again, compared with the earlier one."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The earlier run; the rest as `run`."""
    parser.add_argument("audit", type=Path, metavar="AUDIT", help="audit précédent (dossier run-…)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DOSSIER",
        help="dossier du nouvel audit (par défaut : à côté du précédent)",
    )
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="site.toml",
        help="profil à utiliser à la place de celui de l'audit (mandat renouvelé)",
    )
    parser.add_argument("--no-prompt", action="store_true", help="ne rien demander au clavier")
    parser.add_argument("--quiet", action="store_true", help="ne pas montrer la progression")


def run(args: argparse.Namespace) -> int:
    """Run again with the profile kept in the run folder, unless another is given."""
    from agent.commands import run as run_command
    from agent.runfolder import open_run

    folder = open_run(args.audit)
    again = argparse.Namespace(
        profile=args.profile or folder.profile,
        output=args.output or folder.path.parent,
        only=[],
        resume=False,
        no_prompt=args.no_prompt,
        quiet=args.quiet,
        fail_on=None,
        against=folder.path,
        json=False,
    )
    return run_command.run(again)
