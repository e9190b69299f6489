"""Command line: English verbs, French messages. Imports nothing heavy: `--help` must be instant."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from agent import __version__
from agent.exits import INTERNAL_ERROR, INTERRUPTED, USAGE_ERROR
from agent.output import prepare_streams

COMMANDS = {
    "init": "poser quelques questions et écrire un profil de site commenté (site.toml)",
    "run": "auditer un site : collecte, évaluation, rapport",
    "collect": "collecter seulement les faits, sans les juger",
    "evaluate": "juger (ou rejuger) des faits enregistrés avec les contrôles d'aujourd'hui",
    "report": "refaire le rapport et le plan d'un audit",
    "compare": "comparer deux audits : corrigé, persistant, nouveau, non réévalué",
    "rerun": "refaire un audit avec le même profil et le comparer au précédent",
    "check": "juger une seule entrée, sans profil de site",
    "verify": "vérifier l'intégrité d'un audit et de son journal",
    "controls": "lister les contrôles et leurs références",
    "doctor": "dire ce qui manque sur cette machine et comment y remédier",
    "lab": "démarrer, arrêter ou interroger le laboratoire d'essai",
}

_FRENCH = {
    "usage: ": "usage : ",
    "options": "options",
    "positional arguments": "arguments",
    "show this help message and exit": "afficher cette aide et quitter",
    "the following arguments are required: %s": "arguments obligatoires manquants : %s",
    "unrecognized arguments: %s": "arguments inconnus : %s",
    "expected one argument": "une valeur est attendue",
    "expected at least one argument": "au moins une valeur est attendue",
    "argument %(argument_name)s: %(message)s": "argument %(argument_name)s : %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "valeur %(value)r non prévue (possible : %(choices)s)",
    "invalid %(type)s value: %(value)r": "valeur %(value)r incorrecte (%(type)s attendu)",
    "ignored explicit argument %r": "valeur inattendue %r",
    "%(prog)s: error: %(message)s\n": "%(prog)s : erreur : %(message)s\n",
    "subcommands": "commandes",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"{self.prog} : erreur : {message}\n")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the program; when `only` names a command, the arguments of the others are not built."""
    # argparse has no other door for its own sentences than the gettext name of its module.
    argparse._ = lambda text: _FRENCH.get(text, text)  # type: ignore[attr-defined]
    parser = _Parser(
        prog="ausculte",
        description="Audit technique, en lecture seule, des établissements médico-sociaux.",
        epilog="Codes de sortie : 0 tout est évalué · 2 erreur d'usage ou de profil · "
        "3 un domaine n'a pas pu être évalué · "
        "4 gravité de --fail-on atteinte · 5 refusé par le mandat · 70 erreur interne.",
    )
    parser.add_argument(
        "--version", action="version", version=f"ausculte {__version__}", help="afficher la version et quitter"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMANDE", title="commandes")
    for name, help_text in COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        if only in (None, name):
            importlib.import_module(f"agent.commands.{name}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of design §8."""
    prepare_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in words if not word.startswith("-")), "")
    parser = build_parser(only=command if command in COMMANDS else "")
    args = parser.parse_args(words)
    if not args.command:
        parser.print_help()
        return USAGE_ERROR
    if args.command != "lab":  # the servers of the laboratory read each other's files
        os.umask(0o077)  # profiles, findings, journals: for the auditor only
    # A termination request unwinds like Ctrl-C, so that workers are stopped and the terminal restored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from agent.errors import explain

    try:
        code: int = importlib.import_module(f"agent.commands.{args.command}").run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        resumable = args.command in ("run", "collect")
        rest = " ; rien n'est perdu, reprenez avec --resume" if resumable else ""
        print(f"ausculte : interrompu{rest}.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last broad catch: a person sees a sentence, not a stack trace
        known = explain(error)
        if known is None:
            return _internal_error(error)
        message, code = known
        print(f"ausculte : {message}", file=sys.stderr)
    return code


def _internal_error(error: Exception) -> int:
    import traceback

    print(f"ausculte : erreur interne ({type(error).__name__}). Merci de la signaler.", file=sys.stderr)
    if os.environ.get("AUSCULTE_DEBUG"):
        traceback.print_exception(error)
    else:
        print("  Pour le détail technique : AUSCULTE_DEBUG=1 puis la même commande.", file=sys.stderr)
    return INTERNAL_ERROR


if __name__ == "__main__":
    sys.exit(main())
