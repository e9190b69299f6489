"""A stand-in for a borg repository on this machine: borg works on it and never writes in the repository itself.

borg has no read-only mode: `check` rewrites `config` (1.2, `Repository.check`), an interrupted index is rebuilt in
place, and locks are files in the repository. The stand-in has copies of the small files that borg rewrites, and links
to the others one by one: what borg creates, replaces or removes is created, replaced or removed in the stand-in.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from checks.backup.technologies.private import private_folder
from checks.model import CollectError, Reason

MAX_SEGMENTS = 500_000
_COPIED = ("README", "config", "nonce", "transactions")
_LINKED = ("hints.", "index.", "integrity.")
_SMALL = 1 << 20


class View(NamedTuple):
    """A repository of this machine, and its stand-in."""

    path: Path
    """Stand-in."""
    size: int
    """Bytes of the segments."""
    append_only: bool
    repository_id: str


@contextlib.contextmanager
def view(repository: Path) -> Iterator[View]:
    """Make the stand-in of a repository; it goes away at the end. Raises `CollectError` when it is not one."""
    settings = _settings(repository)
    # Not in a folder that gets restored files: whoever wipes those must meet no link to the repository.
    with private_folder() as made:
        root = made / "depot"
        root.mkdir(mode=0o700)
        try:
            _small_files(repository, root)
            size = _segments(repository / "data", root / "data")
        except OSError as error:
            detail = f"Le dépôt borg ne se lit pas ({error.strerror or type(error).__name__})."
            raise CollectError(Reason.PERMISSION, detail) from None
        yield View(
            path=root,
            size=size,
            append_only=settings.get("append_only", "0").strip().lower() in {"1", "yes", "true", "on"},
            repository_id=settings.get("id", "").strip()[:64],
        )


def _settings(repository: Path) -> dict[str, str]:
    """Section `repository` of its configuration."""
    file = repository / "config"
    try:
        with file.open("rb") as opened:
            content = opened.read(_SMALL).decode("utf-8")
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(content)
        return dict(parser["repository"])
    except FileNotFoundError:
        detail = "Aucun dépôt borg à cet emplacement : il n'y a pas de fichier « config »."
        raise CollectError(Reason.UNREACHABLE, detail) from None
    except OSError as error:
        detail = f"Le dépôt borg ne se lit pas ({error.strerror or type(error).__name__})."
        raise CollectError(Reason.PERMISSION, detail) from None
    except (ValueError, KeyError, configparser.Error):
        detail = "Le fichier « config » à cet emplacement n'est pas celui d'un dépôt borg."
        raise CollectError(Reason.MALFORMED, detail) from None


def _small_files(repository: Path, root: Path) -> None:
    for entry in os.scandir(repository):
        if not entry.is_file(follow_symlinks=False):
            continue
        if entry.name in _COPIED and entry.stat().st_size <= _SMALL:
            shutil.copyfile(entry.path, root / entry.name)
        elif entry.name.startswith(_LINKED):
            (root / entry.name).symlink_to(Path(entry.path).resolve())


def _segments(data: Path, copy: Path) -> int:
    """Link every segment; bytes they take."""
    copy.mkdir()
    size = seen = 0
    for folder in os.scandir(data):
        if not (folder.name.isdigit() and folder.is_dir(follow_symlinks=False)):
            continue
        (copy / folder.name).mkdir()
        for segment in os.scandir(folder.path):
            about = segment.stat(follow_symlinks=False)
            if not (segment.name.isdigit() and stat.S_ISREG(about.st_mode)):
                continue
            seen += 1
            if seen > MAX_SEGMENTS:
                detail = f"Le dépôt a plus de {MAX_SEGMENTS} segments : il n'a pas été ouvert."
                raise CollectError(Reason.UNSUPPORTED, detail)
            (copy / folder.name / segment.name).symlink_to(Path(segment.path).resolve())
            size += about.st_size
    return size
