"""Bareos or Bacula: the console `bconsole` with commands of a fixed list, or its saved answers.

`database` is the console's own configuration file, which names the director and holds its password: the password is
neither read nor passed on. `export_files` are saved answers of `list jobs`, `llist jobs`, `list volumes`… Only commands
that list are sent; a console profile that may do nothing else is a good idea all the same.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Immutability, Repository
from checks.backup.technologies import bareos_parse as parse
from checks.backup.technologies.base import Tools
from checks.backup.technologies.command import find, program
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.record import LOCAL_TIME, malformed, unread, unsupported
from checks.common.text import clean
from checks.model import CollectError, Gap, MandateRefusedError, Reason

PORT = 9101
DAYS = 90
COMMANDS = (".api 2", f"llist jobs days={DAYS}", "llist volumes", "llist pools", "llist clients", "quit")
"""Everything that is ever sent to a director."""
SECONDS = 180.0
MAX_OUTPUT = 64 << 20
MAX_CONFIGURATION = 1 << 20
# bconsole takes its commands on its standard input only, and a program is started here without one: this fixed line
# gives it a file. Nothing foreign is part of it, the paths come as arguments.
_FEED = 'exec "$0" -c "$1" < "$2"'
_RESOURCE = re.compile(r"\bDirector\s*\{([^{}]*)\}", re.IGNORECASE)
_ADDRESS = re.compile(r"^\s*Address\s*=\s*\"?([^\s\"#;]+)", re.IGNORECASE | re.MULTILINE)
_PORT = re.compile(r"^\s*(?:DIR\s*)?Port\s*=\s*\"?(\d{1,5})", re.IGNORECASE | re.MULTILINE)


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Ask the console, or read what it once answered. See `base.Technology.read`."""
    started = time.monotonic()
    address = clean(config.location, 300)
    try:
        if config.export_files:
            text = "\n".join(file.text for file in read_exports(config))
        else:
            address, text = _ask(config, tools)
        found = _describe(config, text, address)
    except CollectError as error:
        found = unread(config, Gap(reason=error.reason, detail=error.detail), address=address)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _ask(config: RepositoryConfig, tools: Tools) -> tuple[str, str]:
    """Address of the director and answers of the console. Raises `CollectError`."""
    where = Path(config.database)
    host, port = _director(config, where)
    try:
        tools.network.permit(host, port, "bareos", "Bareos : lecture du catalogue des sauvegardes")
    except MandateRefusedError as error:
        raise CollectError(Reason.REFUSED, f"Refusé par le mandat : {clean(error.why, 200)}") from None
    except OSError:
        raise CollectError(Reason.UNREACHABLE, f"{host} : ce nom n'a pas d'adresse") from None
    tools.progress(f"{config.label} : catalogue")
    console = find("bconsole")
    with program("sh", tools) as shell:
        commands = shell.folder / "commands"
        commands.write_text("\n".join(COMMANDS) + "\n", "ascii")
        answer = shell.run(
            ["-c", _FEED, console, str(where), str(commands)],
            "Bareos : liste des tâches et des volumes",
            seconds=SECONDS,
            max_bytes=MAX_OUTPUT,
        )
    text = answer.out.decode("utf-8", "replace")
    if answer.cut:
        raise CollectError(Reason.MALFORMED, "La réponse de la console est trop grande")
    refused = parse.refusal(f"{text[:20_000]}\n{answer.err}")
    if refused is not None and not parse.tables(text):
        raise CollectError(refused.reason, refused.detail)
    if answer.code and not parse.tables(text):
        raise CollectError(Reason.ERROR, f"La console s'est arrêtée sur une erreur (code {answer.code})")
    return f"{host}:{port}", text


def _director(config: RepositoryConfig, where: Path) -> tuple[str, int]:
    """Host and port the console's configuration names. Raises `CollectError`.

    The configuration decides where the console connects: it is what the mandate must allow, whatever the profile says.
    """
    if not config.database or not where.is_absolute():
        detail = f"« {config.label} » : « database » attend le fichier de configuration de la console (bconsole.conf)"
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    try:
        with where.open("rb") as file:
            text = file.read(MAX_CONFIGURATION).decode("utf-8", "replace")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CollectError(Reason.PERMISSION, f"La configuration de la console ne se lit pas ({why})") from None
    directors = [found[1] for found in _RESOURCE.finditer(text)]
    if len(directors) != 1 or text.lstrip().startswith("@") or re.search(r"^\s*@", text, re.MULTILINE):
        detail = "La configuration de la console doit nommer un seul directeur, sans fichier inclus"
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    address, port = _ADDRESS.search(directors[0]), _PORT.search(directors[0])
    if address is None:
        raise CollectError(Reason.NOT_CONFIGURED, "La configuration de la console ne donne pas l'adresse du directeur")
    return address[1], int(port[1]) if port else PORT


def _describe(config: RepositoryConfig, text: str, address: str) -> Repository:
    found = parse.tables(text)
    none = unsupported("Le catalogue de Bareos ne donne pas cette information")
    if "jobs" not in found:
        gap = parse.refusal(text) or malformed("Aucune liste de tâches reconnue dans la réponse de la console")
        return unread(config, gap, address=address)
    rows = found["jobs"]
    return unread(
        config,
        none,
        product="Bareos ou Bacula",
        address=address,
        points=parse.points(rows),
        jobs=parse.jobs(rows),
        failures=parse.failures(rows),
        integrity=parse.integrity(rows),
        encryption=unsupported("Le chiffrement se règle sur les postes sauvegardés : le catalogue ne le dit pas"),
        immutability=Immutability(
            lock="none",
            proof="configured",
            covered=0,
            looked_at=len(rows),
            detail="un opérateur de la console purge ou recycle les volumes ; la rétention n'est pas un verrou",
        ),
        own_configuration_saved=parse.own_configuration(rows),
        retention=parse.retention(found.get("pools", [])),
        settings=parse.settings(found),
        limits=(LOCAL_TIME, f"Les tâches lues sont celles des {DAYS} derniers jours, ou celles de la liste fournie"),
    )
