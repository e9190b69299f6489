"""Reads a folder that rsync or rsnapshot fills, and copies files back from it. Runs no rsync.

Three layouts: levels of rsnapshot (`daily.0`), folders with a date in their name, a single mirror. The folder must be
readable from this machine (a share that is mounted, a disk that is plugged in).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption, Immutability, Point, Repository
from checks.backup.technologies.base import Entry, Tools
from checks.backup.technologies.command import installed, program
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.locations import is_folder
from checks.backup.technologies.record import unread, unsupported
from checks.backup.technologies.restored import shown
from checks.backup.technologies.rsync_layout import Measure, Tree, find_trees, measure, walk
from checks.backup.technologies.rsync_log import read_logs
from checks.common.french import count
from checks.model import CollectError, Gap, Reason

MAX_FILES = 400_000
"""Files looked at to measure points, newest points first."""
MAX_POINTS = 2000
LOOKED_AT = 5
"""Points whose attributes are read."""
_UNKNOWN = "\ufffd"


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read the points of a folder, their size, and the logs given beside."""
    started = time.monotonic()
    notes: list[str] = []
    try:
        known = _logs(config, notes)
        if config.location:
            known |= _tree(config, tools, notes)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product="rsync")
    gap = unsupported("Un dossier rempli par rsync ne dit rien de cela : ajouter le journal dans « export_files ».")
    seconds = round(time.monotonic() - started, 1)
    return unread(config, gap, **{"product": "rsync", **known}, limits=tuple(notes), seconds=seconds)


def entries(config: RepositoryConfig, tools: Tools, point: Point) -> Iterable[Entry]:
    """Files of a point, by their path below it."""
    del tools
    folder = _folder(config, point)
    for path, _, about in walk(folder):
        try:
            modified = datetime.fromtimestamp(about.st_mtime, UTC)
        except (OverflowError, ValueError, OSError):
            modified = None
        yield Entry(path=shown(path, _UNKNOWN), size=about.st_size, modified=modified)


def restore(
    config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
) -> Mapping[str, Path]:
    """Copy files. One that is reached through a link, or that cannot be read, does not come back."""
    del tools
    folder = _folder(config, point)
    target = Path(tempfile.mkdtemp(prefix="rsync-", dir=into))
    back = {}
    for path in paths:
        try:
            origin = _origin(folder, path)
        except OSError:  # a folder on the way is closed to us
            origin = None
        if origin is None:
            continue
        copy = target / origin.relative_to(folder)
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(origin, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, "rb") as source, copy.open("xb") as written:
                shutil.copyfileobj(source, written, 1 << 20)
        except OSError:
            copy.unlink(missing_ok=True)
            continue
        back[path] = copy
    if paths and not back:
        raise CollectError(Reason.ERROR, "Aucun fichier de ce point n'a pu être recopié.")
    return back


def _root(config: RepositoryConfig) -> Path:
    root = Path(config.location.removeprefix("file://"))
    if not is_folder(root):
        detail = "Le dossier des copies n'existe pas ou ne se lit pas depuis ce poste."
        raise CollectError(Reason.UNREACHABLE, detail)
    return root


def _folder(config: RepositoryConfig, point: Point) -> Path:
    """Folder of a point: one of those found, so that an identifier leads nowhere else."""
    try:
        _, trees = find_trees(_root(config))
    except OSError:
        raise CollectError(Reason.PERMISSION, "Le dossier des copies ne se lit pas.") from None
    for tree in trees:
        if _id(tree) == point.id:
            return tree.folder
    raise CollectError(Reason.UNREACHABLE, "Ce point n'est plus dans le dossier des copies.")


def _origin(folder: Path, path: str) -> Path | None:
    """File of a point, without going through any link; None when there is none."""
    here = folder
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part in {"", ".", ".."}:
            return None
        found = _child(here, part)
        if found is None or found.is_symlink():
            return None
        here = found
        if index < len(parts) - 1 and not here.is_dir():
            return None
    return here if here.is_file() else None


def _child(folder: Path, name: str) -> Path | None:
    """Child of that name; with an unknown byte in it, the only one that is shown so."""
    if _UNKNOWN not in name:
        child = folder / name
        return child if os.path.lexists(child) else None
    try:
        alike = [entry.path for entry in os.scandir(folder) if shown(entry.name, _UNKNOWN) == name]
    except OSError:
        return None
    return Path(alike[0]) if len(alike) == 1 else None


def _id(tree: Tree) -> str:
    return shown(tree.name, _UNKNOWN) or "miroir"


def _tree(config: RepositoryConfig, tools: Tools, notes: list[str]) -> dict[str, object]:
    root = _root(config)
    tools.progress(f"{config.label} : dossiers de copies")
    try:
        layout, trees = find_trees(root)
        about = os.statvfs(root)
    except OSError:
        raise CollectError(Reason.PERMISSION, "Le dossier des copies ne se lit pas.") from None
    if layout == "mirror":
        notes.append(
            "Un seul miroir, sans historique : un fichier effacé ou chiffré à la source l'est aussi dans la copie au"
            " passage suivant. La date est celle du dernier fichier écrit dans la copie."
        )
    if len(trees) > MAX_POINTS:
        notes.append(f"Seuls les {MAX_POINTS} points les plus récents ont été gardés sur {len(trees)}.")
    trees = trees[-MAX_POINTS:]
    points = _points(trees, notes)
    return {
        "product": "rsnapshot" if layout == "rsnapshot" else "rsync",
        "address": str(root),
        "points": points,
        "encryption": Encryption(encrypted=False, method="aucun : les fichiers sont lisibles", key_escrow=None),
        "immutability": _immutability(tools, trees[-LOOKED_AT:]),
        "capacity": about.f_frsize * about.f_blocks,
        "free": about.f_frsize * about.f_bavail,
        "settings": {"layout": layout},
    }


def _points(trees: list[Tree], notes: list[str]) -> tuple[Point, ...]:
    """Points with their size, newest first until too many files were looked at."""
    measured: dict[str, Measure] = {}
    left = MAX_FILES
    for tree in reversed(trees):
        found, looked = measure(tree.folder, left)
        left = max(0, left - looked)
        if found is None:
            break
        measured[tree.name] = found
    if len(measured) < len(trees):
        notes.append(f"La taille n'a été mesurée que pour {count(len(measured), 'point')} sur {len(trees)}.")
    return tuple(point for tree in trees if (point := _point(tree, measured.get(tree.name))) is not None)


def _point(tree: Tree, found: Measure | None) -> Point | None:
    when = tree.time or (found.changed if found else None) or _touched(tree.folder)
    if when is None:
        return None
    return Point(
        id=_id(tree),
        source=tree.source,
        time=when,
        size=found.size if found else None,
        files=found.files if found else None,
        empty=bool(found and not (found.files and found.size)),
        encrypted=False,
    )


def _touched(folder: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _immutability(tools: Tools, trees: list[Tree]) -> Immutability | Gap:
    """Attributes `i` and `a` of the newest points: the administrator of the machine can still lift them."""
    none = Immutability(
        lock="none", proof="configured", detail="Des dossiers ordinaires : qui y écrit peut les effacer."
    )
    if not trees or not installed("lsattr"):
        return none
    covered = 0
    try:
        with program("lsattr", tools) as found:
            for tree in trees:
                listed = [os.fsencode(tree.folder), *(os.fsencode(entry.path) for _, entry, _ in _some(tree.folder))]
                answer = found.run(["-d"], "attributs des copies", listed=listed)
                covered += answer.code == 0 and all(_held(line) for line in answer.out.splitlines())
    except CollectError as error:
        return Gap(reason=error.reason, detail=error.detail)
    if not covered:
        return none
    return Immutability(
        lock="append_only",
        proof="configured",
        covered=covered,
        looked_at=len(trees),
        detail="Attribut i ou a posé sur les copies (chattr) : l'administrateur de cette machine peut le retirer.",
    )


def _some(folder: Path) -> Iterable[tuple[str, os.DirEntry[str], os.stat_result]]:
    for number, found in enumerate(walk(folder)):
        if number >= LOOKED_AT:
            return
        yield found


def _held(line: bytes) -> bool:
    """Whether a line of `lsattr` shows attribute i or a. A name with a line feed makes a line that shows neither."""
    flags = line.split(b" ")[0]
    return bool(set(flags) & set(b"ia")) and set(flags) <= set(b"-abcdeijmstuxyzACDEFINPSTVXZ")


def _logs(config: RepositoryConfig, notes: list[str]) -> dict[str, object]:
    if not config.export_files:
        return {}
    jobs, failures = read_logs(read_exports(config))
    if not jobs:
        notes.append("Aucune ligne de fin de rsnapshot ou de rsync dans les journaux donnés.")
        return {}
    notes.append("Les heures des journaux, sans fuseau, sont lues comme des heures UTC.")
    return {"jobs": jobs, "failures": failures}
