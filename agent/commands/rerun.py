"""`ausculte rerun`: the same audit again, compared with the earlier one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.run import add_restore_argument, add_result_arguments, add_session_arguments

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
    add_restore_argument(parser)
    add_result_arguments(parser)
    add_session_arguments(parser)


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
        restore_sample=args.restore_sample,
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
