"""`ausculte rerun`: the same audit again, compared with the earlier one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.runfolder import RunFolder


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
    parser.add_argument(
        "--fail-on",
        choices=("critical", "high", "medium", "low", "info"),
        metavar="GRAVITÉ",
        help="code de sortie 4 si un constat de cette gravité ou pire existe",
    )
    parser.add_argument("--json", action="store_true", help="écrire le résultat (run.json) sur la sortie standard")
    parser.add_argument("--no-prompt", action="store_true", help="ne rien demander au clavier")
    parser.add_argument("--quiet", action="store_true", help="ne pas montrer la progression")


def run(args: argparse.Namespace) -> int:
    """Run again with the profile kept in the run folder, unless another is given."""
    from agent.commands import run as run_command
    from agent.runfolder import open_run

    folder = open_run(args.audit)
    again = argparse.Namespace(
        profile=args.profile or kept_profile(folder),
        output=args.output or folder.path.parent,
        only=[],
        resume=False,
        no_prompt=args.no_prompt,
        quiet=args.quiet,
        fail_on=args.fail_on,
        against=folder.path,
        json=args.json,
    )
    return run_command.run(again)


def kept_profile(folder: RunFolder) -> Path:
    """The profile of that run: the original file when it is still the same, else the copy kept in the folder.

    The original is better because the files it names by a path such as `../ca.pem` are still around it.
    """
    from agent.runfolder import file_sha256

    state = folder.read_state()
    original = Path(state.profile_path) if state else folder.profile
    return original if state and file_sha256(original) == state.profile_sha256 else folder.profile
