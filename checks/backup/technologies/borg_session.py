"""How a borg repository is opened: through its stand-in on this machine, or on a server the mandate permits."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point
from checks.backup.technologies.base import Tools
from checks.backup.technologies.borg_view import View, view
from checks.backup.technologies.command import SHORT, Answer, Program, find, program
from checks.backup.technologies.http_values import at, text
from checks.backup.technologies.locations import Place, borg_place, home, is_folder, reach, ssh_options
from checks.common.text import clean
from checks.model import CollectError, Reason

PRODUCT = "borg"
_REFUSED = ("is incorrect", "No key file for repository", "Permission denied (", "Host key verification failed")
_ABSENT = ("does not exist", "is not a valid repository", "Connection closed by remote host")
_LOST = "missing file chunk"
DAMAGE = (
    "Data integrity error",
    "Index object count mismatch",
    "Index mismatch",
    "errors found",
    "File failed integrity check",
    "Object with key",
    "contains no valid data",
    "FileNotFoundError",
    _LOST,
)


class Session(NamedTuple):
    """An open repository."""

    program: Program
    place: Place
    options: tuple[str, ...]
    view: View | None
    """None behind ssh."""

    def ask(self, *arguments: str, purpose: str, seconds: float = SHORT) -> Answer:
        """Run one command of borg that only reads."""
        verb, *others = arguments
        return self.program.run([*self.options, verb, *others], f"borg, {purpose}", seconds=seconds)


@contextlib.contextmanager
def opened(config: RepositoryConfig, tools: Tools, within: Path | None = None) -> Iterator[Session]:
    """A session: a stand-in of a local repository, or a server that is permitted and answers."""
    find(PRODUCT)
    place = borg_place(config.location)
    secrets = {"BORG_PASSPHRASE": tools.secret(config.password_from) if config.password_from else ""}
    settings = {
        # Asked each time a repository is met for the first time, which is always the case in a private folder.
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        "BORG_USE_CHUNKS_ARCHIVE": "no",
        "BORG_EXIT_CODES": "legacy",  # 0, 1 for a warning, 2 for an error, whatever the version
    }
    keys = home() / ".config" / "borg" / "keys"
    if is_folder(keys):
        settings["BORG_KEYS_DIR"] = str(keys)
    with contextlib.ExitStack() as stack:
        local: View | None = None
        options: tuple[str, ...] = ("--lock-wait", "1")
        if place.kind == "local":
            if not is_folder(place.path):
                raise CollectError(Reason.UNREACHABLE, f"Le dossier {place.address} n'existe pas ou ne se lit pas.")
            local = stack.enter_context(view(Path(place.path)))
            settings["BORG_REPO"] = str(local.path)
        else:
            addresses = reach(place, tools, "lecture d'un dépôt borg")
            options = ("--bypass-lock",)
            settings["BORG_REPO"] = config.location
            settings["BORG_RSH"] = shlex.join([find("ssh"), *ssh_options(place, addresses)])
            if agent := os.environ.get("SSH_AUTH_SOCK"):
                settings["SSH_AUTH_SOCK"] = agent
        own = {"BORG_BASE_DIR": "borg"}
        ready = program(PRODUCT, tools, settings=settings, secrets=secrets, private=own, within=within)
        yield Session(stack.enter_context(ready), place, options, local)


def archive(point: Point) -> str:
    """An archive of the open repository, as an argument: the repository itself is in the environment."""
    return f"::{point.id}"


def explained(answer: Answer) -> str:
    """What went wrong in one line: borg ends a crash with the description of the machine."""
    signs = (*_REFUSED, *_ABSENT, *DAMAGE)
    lines = [message for _, message in messages(answer.err)] or answer.err.splitlines()
    named = [line.strip() for line in lines if any(sign in line for sign in signs)]
    if named and _LOST in named[0]:
        return "des fichiers ont perdu une partie de leur contenu"  # borg names them: names stay on site
    return clean(named[0], 300).rstrip(".") if named else answer.why


def messages(log: str) -> list[tuple[str, str]]:
    """Levels and messages of `--log-json`; none for a log that is not written so."""
    rows = [decoded(line.encode()) for line in log.splitlines() if line.startswith("{")]
    return [(text(row, "levelname"), str(at(row, "message"))) for row in rows if at(row, "type") == "log_message"]


def reason(answer: Answer) -> Reason:
    """Why a command failed, from its words: exit codes do not tell."""
    if any(sign in answer.err for sign in _REFUSED):
        return Reason.REFUSED
    if "Permission denied" in answer.err:
        return Reason.PERMISSION
    if any(sign in answer.err for sign in DAMAGE):
        return Reason.MALFORMED
    return Reason.UNREACHABLE if any(sign in answer.err for sign in _ABSENT) else Reason.ERROR


def decoded(raw: bytes) -> Any:
    """What JSON says; None when it is not JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
