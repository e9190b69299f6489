"""Sub-commands of the laboratory: `up`, `down`, `status`, `exec`, `password`, `profile`, `doctor`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_DOWN = 3

DEFAULT_NAME = "lab"


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Mount `lab` and its sub-commands on the agent's command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "lab", help="démarrer et arrêter le laboratoire (site fictif, serveurs réels)"
    )
    add_commands(parser)
    return parser


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to a parser."""
    commands = parser.add_subparsers(dest="lab_command", required=True, metavar="COMMANDE")
    start = _command(commands, "up", "démarrer le laboratoire")
    start.add_argument("--state", default="as_found", help="état du site : as_found ou six_months")
    start.add_argument("--users", type=int, default=0, help="comptes supplémentaires, pour les mesures")
    start.add_argument("--computers", type=int, default=0, help="ordinateurs supplémentaires")
    start.add_argument("--groups", type=int, default=0, help="groupes supplémentaires")
    _command(commands, "down", "arrêter le laboratoire et tout effacer")
    _command(commands, "status", "dire ce qui tourne")
    execute = _command(commands, "exec", "exécuter une commande depuis le poste de l'auditeur")
    execute.add_argument("--host", default="agent", help="se placer sur un autre hôte")
    execute.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMANDE", help="commande et ses arguments")
    _command(commands, "password", "afficher le mot de passe (fictif) du compte d'audit")
    profile = _command(commands, "profile", "écrire un profil d'audit prêt à l'emploi")
    profile.add_argument("path", type=Path, metavar="FICHIER")
    _command(commands, "doctor", "dire ce qui manque sur cette machine")


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"nom du laboratoire (défaut : {DEFAULT_NAME})")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run one sub-command and return its exit code. Errors are one French line on stderr."""
    from lab.errors import LabError

    try:
        return _COMMANDS[args.lab_command](args)
    except (LabError, ValueError) as error:
        print(f"erreur : {error}", file=sys.stderr)
        return EXIT_USAGE


def _up(args: argparse.Namespace) -> int:
    from lab import runner
    from lab.provision import Bulk

    asked = (args.users, args.computers, args.groups)
    bulk = Bulk(*asked) if any(asked) else None
    info = runner.up(args.name, args.state, bulk)
    origin = "depuis le cache" if info.cached else "à neuf"
    print(f"laboratoire « {info.name} » prêt en {info.seconds} s ({origin}), état {info.state}")
    for host, address in info.addresses.items():
        print(f"  {host:<10} {address:<14} {info.site.hosts[host].title}")
    return EXIT_OK


def _down(args: argparse.Namespace) -> int:
    from lab import runner

    runner.down(args.name)
    print(f"laboratoire « {args.name} » arrêté")
    return EXIT_OK


def _status(args: argparse.Namespace) -> int:
    from lab import runner

    info = runner.status(args.name)
    if info is None:
        print(f"laboratoire « {args.name} » : arrêté")
        return EXIT_DOWN
    silent = runner.silent_hosts(info)
    print(f"laboratoire « {args.name} » : état {info.state}, espaces réseau {info.prefix}*")
    for host, address in info.addresses.items():
        print(f"  {host:<10} {address:<14} {'ARRÊTÉ' if host in silent else 'en marche'}")
    return EXIT_DOWN if silent else EXIT_OK


def _exec(args: argparse.Namespace) -> int:
    from lab import runner
    from lab.errors import LabError

    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        raise LabError("aucune commande à exécuter")
    info = runner.running(args.name)
    command = runner.exec_argv(args.name, argv, args.host)
    os.execvpe(command[0], command, runner.audit_environment(info))  # noqa: S606 - the command is the user's own


def _password(args: argparse.Namespace) -> int:
    from lab import runner

    print(runner.running(args.name).audit_password)
    return EXIT_OK


def _profile(args: argparse.Namespace) -> int:
    from lab import runner

    print(runner.running(args.name).site_profile(args.path))
    return EXIT_OK


def _doctor(_: argparse.Namespace) -> int:
    from lab import runner

    problems = runner.doctor()
    for problem in problems:
        print(problem)
    if not problems:
        print("le laboratoire peut démarrer sur cette machine")
    return EXIT_DOWN if problems else EXIT_OK


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "exec": _exec,
    "password": _password,
    "profile": _profile,
    "doctor": _doctor,
}
