"""The one way to run a backup product's program: absolute path, argument list, secrets in its environment only.

The program gets an environment of its own: nothing of ours but the search path, private folders that are removed
afterwards, UTC and plain English messages. Names of files to restore never stand in an argument list that a journal
would keep: `Program.run` takes them apart and hands them over by a file. What the program writes is bounded, and
cleaned before anybody reads it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from checks.backup.technologies.base import Tools
from checks.backup.technologies.private import private_folder
from checks.backup.technologies.restored import shown
from checks.common.programs import MAX_ERRORS, Machine
from checks.common.text import clean
from checks.model import CollectError, MandateRefusedError, Reason

MAX_OUTPUT = 256 << 20
"""Bytes read of one answer: about a million files of a catalogue."""
SHORT = 120.0
"""Seconds left to a question about the repository itself."""
_SHOWN = 300
"""Characters of a program's message that are worth showing."""
_SECRET = 4
"""A shorter secret would be found everywhere in a message; it is not looked for there."""


class Answer(NamedTuple):
    """How a program ended."""

    code: int
    out: bytes
    err: str
    """Decoded as the program wrote it, without the secrets it was given. Not cleaned: see `why`."""
    cut: bool
    """The answer was longer than allowed; what is missing was not read."""
    err_cut: bool = False

    @property
    def why(self) -> str:
        """The last line of what went wrong, fit to be shown."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith(("Fatal:", "Repository ", "Error", "error"))]
        return clean((fatal or lines or [f"code {self.code}"])[-1], _SHOWN).rstrip(".")


class Program(NamedTuple):
    """A program of a backup product, ready to run."""

    name: str
    path: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    folder: Path
    """Private folder: caches, and what the program is handed by a file."""
    machine: Machine

    def run(
        self,
        arguments: Sequence[str],
        purpose: str,
        *,
        seconds: float = SHORT,
        max_bytes: int = MAX_OUTPUT,
        folder: Path | None = None,
        listed: Sequence[bytes] = (),
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run it and return its answer, whatever its exit code.

        `folder`: where it runs. `listed`: last arguments, which stay out of the journal (names of files).
        Raises `CollectError` when it cannot be started, does not end within `seconds`, or the mandate refuses.
        """
        command = [*_leash(), self.path, *arguments]
        if folder is not None:
            command = [*_leash(), *_inside(folder), self.path, *arguments]
        names: Path | None = None
        if listed:
            # One NUL-separated file, read by xargs: an argument list is written in the journal and shown by `ps`.
            descriptor, made = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join(item + b"\0" for item in listed))
            names = Path(made)
            command = [*_leash(), find("xargs"), "-0", "-x", "-r", "-a", made, *command]
        if any(secret in argument for secret in self.secrets for argument in command if len(secret) >= _SECRET):
            raise ValueError(f"{self.name}: a secret stands among the arguments")
        try:
            done = self.machine.run(
                command,
                purpose,
                seconds=seconds,
                max_bytes=max_bytes,
                environment={**self.environment, **(extra or {})},
            )
        except TimeoutError:
            detail = f"« {self.name} » n'a pas répondu en {seconds:.0f} secondes ({purpose})."
            raise CollectError(Reason.TIMEOUT, detail) from None
        except MandateRefusedError as error:
            raise CollectError(Reason.REFUSED, f"Refusé par le mandat : {clean(str(error), _SHOWN)}.") from None
        except OSError as error:
            detail = f"« {self.name} » n'a pas pu être lancé ({type(error).__name__})."
            raise CollectError(Reason.ERROR, detail) from None
        finally:
            if names is not None:
                names.unlink(missing_ok=True)
        return Answer(done.code, done.out, self._scrub(done.err), done.cut, len(done.err) >= MAX_ERRORS)

    def _scrub(self, raw: bytes) -> str:
        # One sign for each byte that is not UTF-8, as the catalogues of the products write it.
        text = shown(raw.decode("utf-8", "surrogateescape"), "\ufffd")
        for secret in self.secrets:
            if len(secret) >= _SECRET:
                text = text.replace(secret, "***")
        return text


@contextlib.contextmanager
def program(
    name: str,
    tools: Tools,
    *,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    private: Mapping[str, str] | None = None,
    within: Path | None = None,
) -> Iterator[Program]:
    """A program of this machine, with the environment it needs; its private folder goes away at the end.

    `settings` and `secrets` are variables of its environment; `private` are variables that name a folder of its own,
    by the name of that folder. `within`: where the private folder is made, when it must not be the temporary one.
    Raises `CollectError` when the program is not installed.
    """
    path = find(name)
    with private_folder(within) as folder:
        environment = {
            "PATH": search_path(),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        for variable, kept in (private or {}).items():
            (folder / kept).mkdir(mode=0o700)
            environment[variable] = str(folder / kept)
        hidden = secrets or {}
        yield Program(
            name=name,
            path=path,
            environment={**environment, **(settings or {}), **hidden},
            secrets=tuple(value for value in hidden.values() if value),
            folder=folder,
            machine=_machine(tools),
        )


def find(name: str) -> str:
    """Absolute path of a program. Raises `CollectError` when this machine does not have it."""
    found = shutil.which(name, path=search_path())
    if not found:
        detail = f"Le programme « {name} » n'est pas installé sur ce poste : le dépôt n'a pas pu être interrogé."
        raise CollectError(Reason.UNSUPPORTED, detail)
    return found


def installed(name: str) -> bool:
    """Whether this machine has the program."""
    return shutil.which(name, path=search_path()) is not None


def search_path() -> str:
    """Where programs are looked for: absolute folders only, so that nothing starts from where the person stands."""
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute()]
    system = [] if os.name == "nt" else ["/usr/local/sbin", "/usr/sbin", "/sbin"]
    return os.pathsep.join(dict.fromkeys([*folders, *system]))


def _machine(tools: Tools) -> Machine:
    """The network of a worker is also its machine; another network starts nothing."""
    if not hasattr(tools.network, "run"):
        raise CollectError(Reason.UNSUPPORTED, "Aucun programme ne peut être lancé ici.")
    return cast("Machine", tools.network)


def _leash() -> tuple[str, ...]:
    """Ends the program with the worker that waits for it, also when the worker is killed alone (Linux)."""
    found = shutil.which("setpriv", path=search_path())
    return (found, "--pdeathsig", "KILL") if found else ()


def _inside(folder: Path) -> tuple[str, ...]:
    return (find("env"), "-C", str(folder))
