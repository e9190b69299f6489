"""Windows Server Backup: a folder `WindowsImageBackup`, a saved `wbadmin get versions`, an export of events.

`location` is a folder this machine can read, or empty; `export_files` are saved outputs. Each is optional: what is not
given is a gap. Nothing is asked of the saved server itself.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Failure, Immutability, Integrity, Point, Repository
from checks.backup.technologies import windows_backup_events as events
from checks.backup.technologies import windows_backup_folder as folder
from checks.backup.technologies.base import Tools
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.record import LOCAL_TIME, malformed, unread, unsupported
from checks.backup.technologies.veeam_files import listing
from checks.common.text import clean
from checks.common.textfile import ParseError
from checks.model import CollectError, Gap, Reason

_SAME = timedelta(minutes=5)


class _Exports(msgspec.Struct):
    """What the saved files hold."""

    events: list[events.Event] | None = None
    points: list[Point] | None = None
    problem: Gap | None = None


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read what was given. See `base.Technology.read`."""
    started = time.monotonic()
    limits = ["Sur un disque dédié, les versions précédentes sont des clichés : le dossier ne montre que la dernière"]
    exports = _exports(config, limits)
    found = _read(config, tools, exports, limits)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _exports(config: RepositoryConfig, limits: list[str]) -> _Exports:
    found = _Exports()
    try:
        files = read_exports(config)
    except CollectError as error:
        found.problem = Gap(reason=error.reason, detail=error.detail)
        return found
    for file in files:
        try:
            if events.recognise(file):
                found.events = [*(found.events or []), *events.parse(file)]
            elif folder.is_versions(file):
                found.points = [*(found.points or []), *folder.versions(file, "")]
            else:
                raise ParseError("ni un export d'événements, ni une liste de wbadmin", file.name)  # noqa: TRY301
        except ParseError as error:
            found.problem = malformed(clean(str(error), 300))
            limits.append(found.problem.detail)
        if file.name.lower().endswith(".csv"):
            limits.append(LOCAL_TIME)
    return found


def _read(config: RepositoryConfig, tools: Tools, exports: _Exports, limits: list[str]) -> Repository:
    root = Path(config.location) if config.location else None
    seen = exports.events
    computers = {event.computer for event in events.about_backups(seen or []) if event.computer}
    host = next(iter(computers)) if len(computers) == 1 else config.label
    points: list[Point] = []
    problems: list[Failure] = []
    gap: Gap | None = exports.problem
    integrity: Integrity | Gap = unsupported("L'intégrité d'une sauvegarde Windows ne se lit que dans son dossier")
    if root is not None:
        if root.is_absolute() and root.is_dir():
            tools.progress(f"{config.label} : images de disque")
            files, refused = listing(root, limits)
            images = folder.images(files)
            points = folder.points(images, host)
            problems = folder.problems(root, images, files)
            integrity = _integrity(images, problems, refused, tools)
            gap = gap or refused
        else:
            detail = f"« {config.label} » : le dossier déclaré n'existe pas ou n'est pas accessible depuis ce poste"
            gap = Gap(reason=Reason.UNREACHABLE, detail=detail)
            integrity = gap
    points += [point for point in _named(exports.points or [], host) if not _known(point, points)]
    if root is None and exports.points is None:
        gap = gap or Gap(
            reason=Reason.NOT_CONFIGURED, detail="Ni dossier, ni liste de « wbadmin get versions » fournis"
        )
    no_events = gap if seen is None and exports.problem else _missing_events()
    destroyed = events.destruction(seen or [])
    failures = [*problems, *events.failures(seen or []), *destroyed]
    return unread(
        config,
        unsupported("Windows Server Backup ne donne pas cette information"),
        product="Sauvegarde Windows Server",
        address=clean(config.location, 300),
        points=gap if gap is not None else tuple(sorted(points, key=lambda point: point.time)),
        jobs=events.jobs(seen, host) if seen is not None else no_events or _missing_events(),
        failures=tuple(failures) if seen is not None or failures else no_events or _missing_events(),
        integrity=integrity,
        encryption=unsupported(
            "Windows ne chiffre pas ses sauvegardes ; le disque peut l'être (BitLocker), sans se voir ici"
        ),
        immutability=Immutability(
            lock="none",
            proof="configured",
            covered=0,
            looked_at=len(points),
            detail="un administrateur de la machine efface ces sauvegardes (wbadmin delete, suppression du dossier)",
        ),
        settings={"destruction_signs": len(destroyed)} if seen is not None else {},
        limits=tuple(dict.fromkeys(limits)),
    )


def _missing_events() -> Gap:
    detail = "Aucun export du journal Microsoft-Windows-Backup n'a été fourni (export_files)"
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)


def _integrity(
    images: list[folder.Image], problems: list[Failure], refused: Gap | None, tools: Tools
) -> Integrity | Gap:
    if not images and not problems:
        return refused or Gap(reason=Reason.NOT_CONFIGURED, detail="Aucune sauvegarde Windows dans ce dossier")
    detail = problems[0].what if problems else f"{len(images)} sauvegarde(s), images de disque reconnues"
    return Integrity(ok=not problems, depth="metadata", when=tools.now, by="agent", detail=detail)


def _named(points: list[Point], host: str) -> list[Point]:
    return [msgspec.structs.replace(point, source=host) for point in points]


def _known(point: Point, points: list[Point]) -> bool:
    """The folder already gave that point."""
    return any(abs(point.time - other.time) <= _SAME for other in points)
