"""The folder of one run: names, state, reading back. Design: one folder holds everything a reviewer needs."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent.files import UNFINISHED, lock, reason_of, write_atomic
from agent.supervisor import read_facts
from checks.model import RUN_SCHEMA, FactsFile, Record, Run


class RunFolderError(Exception):
    """The folder is not a run, or not the one wanted; French message."""


class State(Record, frozen=True, kw_only=True):
    """`state.json`: what an interrupted run needs to go on."""

    run_id: str
    profile_sha256: str
    profile_path: str
    started: dt.datetime
    requested: tuple[str, ...]


class RunFolder:
    """Paths of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts = path / "facts"
        self.journal = path / "journal.jsonl"
        self.run = path / "run.json"
        self.report = path / "report.html"
        self.plan = path / "plan.xlsx"
        self.profile = path / "site.toml"
        self.evidence = path / "evidence"
        self._state = path / "state.json"
        self._claim: BinaryIO | None = None

    @property
    def finished(self) -> bool:
        """The result, the report and the plan are all there."""
        return self.run.exists() and self.report.exists() and self.plan.exists()

    def claim(self) -> bool:
        """Take the folder for this process, until it ends; False when another audit is writing in it."""
        file = self._state.open("rb+")
        if not lock(file, wait=False):
            file.close()
            return False
        self._claim = file
        return True

    def release(self) -> None:
        """Let another process take the folder."""
        if self._claim:
            self._claim.close()
            self._claim = None

    def discard_unfinished(self) -> None:
        """Remove the halves of files that a killed process left. Only for the process that claimed the folder."""
        for folder in (self.path, self.facts, self.evidence):
            for half in folder.glob(UNFINISHED):
                half.unlink(missing_ok=True)

    def facts_path(self, domain: str) -> Path:
        """Where the facts of `domain` are."""
        return self.facts / f"{domain}.json"

    def document(self, name: str) -> Path:
        """Where the workbook that a domain offers is."""
        return self.path / f"{name}.xlsx"

    def prepare(self) -> None:
        """Create the folders."""
        for folder in (self.path, self.facts, self.evidence):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write_state(self, state: State) -> None:
        """Remember what was asked."""
        write_atomic(self._state, msgspec.json.encode(state))

    def read_state(self) -> State | None:
        """What was asked, or None when the folder is not an unfinished run."""
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def read_run(self) -> Run:
        """The finished run; raises `RunFolderError`."""
        return read_run(self.run)

    def read_all_facts(self) -> dict[str, FactsFile]:
        """The facts files present, by domain."""
        found = {}
        for path in sorted(self.facts.glob("*.json")):
            facts = read_facts(path)
            if facts is not None:
                found[facts.domain] = facts
        return found

    def write_run(self, run: Run) -> None:
        """Write `run.json`."""
        write_atomic(self.run, msgspec.json.format(msgspec.json.encode(run), indent=1))


def read_run(path: Path) -> Run:
    """Read a `run.json`; raises `RunFolderError` when it is absent, malformed or of another major version."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=Run)
    except FileNotFoundError as error:
        raise RunFolderError(
            f"{path} : cet audit n'a pas de résultat ; « ausculte evaluate » juge ce qui a été collecté, "
            "« ausculte run … --resume » reprend la collecte"
        ) from error
    except OSError as error:
        raise RunFolderError(f"{path} : fichier illisible ({reason_of(error)})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunFolderError(f"{path} : ce n'est pas un résultat d'audit lisible ({error})") from error
    if run.schema != RUN_SCHEMA or run.schema_version.split(".")[0] != "1":
        raise RunFolderError(f"{path} : version de format {run.schema_version} non prise en charge")
    return run


def open_run(path: Path) -> RunFolder:
    """The run folder a person means: the folder itself, its `run.json`, or a folder holding exactly one run."""
    if path.is_file():
        path = path.parent
    if (path / "facts").is_dir() or (path / "run.json").is_file():
        return RunFolder(path)
    runs = sorted(found.parent for found in path.glob("run-*/facts"))
    if len(runs) == 1:
        return RunFolder(runs[0])
    if runs:
        names = ", ".join(run.name for run in runs)
        raise RunFolderError(f"{path} contient plusieurs audits, précisez lequel : {names}")
    raise RunFolderError(f"{path} : aucun audit ici (dossier run-… attendu)")


def new_run(parent: Path, structure: str, now: dt.datetime, fill: Callable[[RunFolder], None]) -> RunFolder:
    """A fresh folder `run-<structure>-<UTC>` below `parent`, holding what `fill` puts in it.

    It appears under its name only when it is filled: a kill at any instant leaves either nothing or a folder that
    can be resumed.
    """
    parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(dir=parent, prefix=".run-"))
    try:
        folder = RunFolder(hidden)
        folder.prepare()
        fill(folder)
        base = f"run-{slug(structure)}-{now:%Y%m%dT%H%M%SZ}"
        for attempt in range(1, 100):
            path = parent / (base if attempt == 1 else f"{base}-{attempt}")
            try:
                hidden.rename(path)  # a folder that holds something is never replaced
            except OSError:
                if not path.exists():
                    raise
                continue
            folder = RunFolder(path)
            folder.claim()
            return folder
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    shutil.rmtree(hidden, ignore_errors=True)
    raise RunFolderError(f"{parent} : impossible d'y créer un dossier d'audit")


def unfinished_run(parent: Path, profile_sha256: str) -> RunFolder | None:
    """The most recent interrupted run of the same profile below `parent` (or `parent` itself), claimed.

    Raises `RunFolderError` when the only one is being written by another process.
    """
    busy: Path | None = None
    found: list[tuple[dt.datetime, RunFolder]] = []
    for path in (parent, *parent.glob("run-*")):
        folder = RunFolder(path)
        state = folder.read_state()
        if state is not None and not folder.finished and state.profile_sha256 == profile_sha256:
            found.append((state.started, folder))
    for _, folder in sorted(found, key=lambda item: item[0], reverse=True):
        if folder.claim():
            return folder
        busy = folder.path
    if busy:
        raise RunFolderError(f"{busy} : cet audit est en cours dans une autre fenêtre")
    return None


def slug(name: str) -> str:
    """A file-name form of a structure's name: ASCII, lower case, dashes; never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "structure"


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file; empty when it does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
