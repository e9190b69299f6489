"""`ausculte doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the audit will be written."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DOSSIER", help="dossier prévu pour l'audit"
    )
    parser.add_argument("--json", action="store_true", help="sortie JSON")


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; exit 3 when something blocks an audit."""
    import msgspec

    from agent.doctor import diagnose
    from agent.exits import NOT_ASSESSED, OK
    from agent.output import write_data
    from agent.worker import utc_now

    findings = diagnose(args.output, utc_now())
    if args.json:
        write_data(msgspec.json.format(msgspec.json.encode(findings)).decode() + "\n")
    else:
        marks = {"ok": "bon", "missing": "manque", "blocking": "BLOQUANT"}
        for item in findings:
            print(f"{marks[item.level]:<9} {item.what} : {item.detail}")
            if item.fix:
                print(f"          -> {item.fix}")
    return NOT_ASSESSED if any(item.level == "blocking" for item in findings) else OK
