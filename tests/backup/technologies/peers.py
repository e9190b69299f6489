"""What the tests of technologies share: a machine that really runs programs, and a proof that nothing was written."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import socket
import stat
import subprocess
from pathlib import Path

from checks.backup.config import RepositoryConfig
from checks.backup.technologies.base import Tools
from checks.common.programs import Finished, run_program
from checks.model import MandateRefusedError

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
PASSWORD = "Tilleuls-pour-les-essais"
HOSTILE = {
    "-dash": b"d",
    "a*b[c].txt": b"star",
    "aXb.txt": b"not the one with a star",
    "back\\slash": b"b",
    "new\nline.txt": b"n",
    "q?.txt": b"question",
    "qz.txt": b"not the one with a question mark",
    "é\"'.txt": b"quotes",
    "{brace,s}$(id) ;.txt": b"shell",
    " space ": b"space",
}
"""Names that mean something to a shell, to a pattern or to an option parser, and their content."""


class Bench:
    """A network whose mandate permits everything but `refused`, and a machine that runs programs and remembers them."""

    def __init__(self, refused: tuple[str, ...] = (), answers=None) -> None:
        self.refused = refused
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.permitted: list[tuple[str, int, str]] = []
        self._answers = answers

    def run(self, command, purpose, *, seconds, max_bytes, environment):
        self.commands.append(list(command))
        self.environments.append(dict(environment))
        if self._answers is not None:
            answer = self._answers(list(command))
            return answer if isinstance(answer, Finished) else Finished(0, answer, b"")
        return run_program(command, seconds=seconds, max_bytes=max_bytes, environment=environment)

    def permit(self, host, port, protocol, purpose):
        if host in self.refused:
            raise MandateRefusedError(host, "hors du mandat")
        self.permitted.append((host, port, protocol))
        return (host,)

    def connect(self, host, port, protocol, purpose, timeout):
        self.permit(host, port, protocol, purpose)
        return socket.create_connection((host, port), timeout)

    def verbs(self, product: str) -> list[str]:
        """The words given to each run of `product`, options left out."""
        found = []
        for command in self.commands:
            at = next((i for i, word in enumerate(command) if word.endswith(f"/{product}")), None)
            if at is not None:
                found.append(" ".join(word for word in command[at + 1 :] if not word.startswith("-")))
        return found


def tools(bench: Bench, secret: str = PASSWORD, now: dt.datetime = NOW) -> Tools:
    return Tools(network=bench, secret=lambda _: secret, now=now, progress=lambda *_, **__: None)


def repository(technology: str, location: object = "", **more: object) -> RepositoryConfig:
    known = {"label": "Sauvegarde", "technology": technology, "location": str(location), "password_from": "env:X"}
    return RepositoryConfig(**{**known, **more})


def fingerprint(root: Path) -> dict[str, tuple]:
    """Everything a folder is: names, kinds, modes, owners, times of change and digests."""
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        about = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(about.st_mode) else ""
        found[os.fspath(path.relative_to(root))] = (
            about.st_mode,
            about.st_uid,
            about.st_ino,
            about.st_size,
            about.st_mtime_ns,
            digest,
        )
    return found


def write_corpus(folder: Path) -> Path:
    """A small share: hostile names, one name that is not UTF-8, one file of some size."""
    (folder / "dossiers").mkdir(parents=True)
    for name, content in HOSTILE.items():
        (folder / name).write_bytes(content)
    (Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff\xfename"))).write_bytes(b"not utf-8")
    (folder / "dossiers" / "gros.bin").write_bytes(os.urandom(60_000))
    (folder / "dossiers" / "vide.txt").write_bytes(b"")
    return folder


def run(command: list[str], cwd: Path, **environment: str) -> str:
    """Run a product's program as the person who makes backups would."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(content)
