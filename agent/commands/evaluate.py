"""`ausculte evaluate`: judge recorded facts, new or old, with today's controls."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run to judge and where to write."""
    parser.add_argument(
        "audit", type=Path, metavar="AUDIT", help="dossier d'audit (run-…) ou dossier qui en contient un seul"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DOSSIER",
        help="écrire l'audit rejugé dans ce nouveau dossier (l'original n'est jamais modifié)",
    )
    parser.add_argument(
        "--against", type=Path, metavar="AUDIT", help="audit antérieur auquel se comparer dans le rapport"
    )
    parser.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="TEXTE",
        help="remarque à écrire dans le résultat et le rapport (répétable)",
    )
    parser.add_argument("--json", action="store_true", help="écrire le résultat sur la sortie standard")


def run(args: argparse.Namespace) -> int:
    """Judge; write `run.json` where it is missing, or into `--output`."""
    import msgspec

    from agent import engine
    from agent.commands.report import write_report
    from agent.errors import UsageError
    from agent.exits import NOT_ASSESSED, OK
    from agent.output import write_data
    from agent.profile import load_profile
    from agent.runfolder import RunFolder, open_run
    from agent.worker import utc_now
    from checks.catalogue import load_catalogue
    from reports.plan import build_plan
    from reports.terminal import run_summary

    catalogue = load_catalogue()
    folder = open_run(args.audit)
    against = open_run(args.against) if args.against else None
    written = not folder.run.exists() or bool(args.output)
    if not folder.run.exists():
        if folder.read_state() and folder.claim():
            folder.discard_unfinished()
        loaded = load_profile(folder.profile, catalogue)
        result, judged = engine.finish(folder, loaded, catalogue, [], clock=utc_now, notes=tuple(args.note))
        write_report(folder, result, judged, catalogue, against)
    else:
        result, judged = engine.rejudge(folder, catalogue)
        result = msgspec.structs.replace(result, notes=(*result.notes, *args.note))
        if args.output:
            if args.output.exists() and any(args.output.iterdir()):
                raise UsageError(f"{args.output} existe déjà et n'est pas vide")
            target = RunFolder(args.output)
            target.prepare()
            for name in ("journal.jsonl", "site.toml"):
                if (folder.path / name).exists():
                    shutil.copyfile(folder.path / name, target.path / name)
            for path in folder.facts.glob("*.json"):
                shutil.copyfile(path, target.facts / path.name)
            target.write_run(result)
            write_report(target, result, judged, catalogue, against)
            folder = target
    if args.json:
        write_data(msgspec.json.format(msgspec.json.encode(result), indent=1).decode() + "\n")
    else:
        print(run_summary(result, catalogue, build_plan(result, catalogue)))
        if written:
            print(f"Rapport : {folder.report}")
    return NOT_ASSESSED if engine.unassessed_domains(result) else OK
