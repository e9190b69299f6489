"""Reads a restic repository, checks it, lists and restores files of a snapshot. Never writes in it.

Every command runs with `--no-lock`: restic then creates nothing in the repository. `unlock`, `prune`, `repair` and
`forget` are never run. Seen with restic 0.14; the exit codes of 0.17 (10: no repository, 12: wrong password) and the
summary its snapshots carry are known from its documentation (« Scripting », restic 0.17 and 0.18).
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Access, Encryption, Immutability, Integrity, Point, Repository
from checks.backup.technologies.base import Entry, Tools
from checks.backup.technologies.borg_locks import ago, ended_here
from checks.backup.technologies.client_logs import restic_runs, told
from checks.backup.technologies.command import Answer
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http_values import at, moment, names, text, whole
from checks.backup.technologies.locations import Place
from checks.backup.technologies.record import declared_access, malformed, unread, unsupported
from checks.backup.technologies.restic_session import DAMAGE, PRODUCT, Session, damaged, identity, opened, reason
from checks.backup.technologies.restored import found_below
from checks.common.french import count
from checks.common.text import clean
from checks.model import CollectError, Gap, Reason

STALE = timedelta(minutes=30)
"""restic refreshes its own lock every 5 minutes, and calls stale one that is older than 30 (its `locks` package)."""
MAX_POINTS = 20_000
MAX_MEASURED = 24
"""Snapshots whose size is asked for, one command each."""
MAX_LOCKS = 20
LONG = 600.0
"""Seconds left to a catalogue and to one restore."""
CHECK_SECONDS = 240.0
"""Seconds left to each of the two checks: a domain has half an hour for all its repositories."""
MEASURE_SECONDS = 120.0
"""Seconds after which no other size is asked for."""
BATCH = 1000
SMALL_BATCH = 50
"""Files of one restore, and of one that begins again because its errors did not all fit."""
_WHOLE = 100


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a repository: snapshots, sizes, locks, keys, and what restic's own check says of it."""
    started = time.monotonic()
    try:
        with opened(config, tools) as session:
            facts = _read(config, tools, session)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    return msgspec.structs.replace(facts, seconds=round(time.monotonic() - started, 1))


def entries(config: RepositoryConfig, tools: Tools, point: Point) -> Iterable[Entry]:
    """Files of a snapshot. restic keeps digests of pieces of files, not of files: there is none here."""
    with opened(config, tools) as session:
        answer = session.ask("ls", "--json", identity(point), purpose="liste des fichiers", seconds=LONG)
        yield from parse_entries(answer.out)
    if answer.cut:
        raise CollectError(Reason.UNSUPPORTED, "La liste des fichiers de ce point est trop longue : elle est coupée.")
    if answer.code:
        raise CollectError(reason(answer), f"La liste des fichiers de ce point ne se lit pas : {answer.why}.")


def restore(
    config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
) -> Mapping[str, Path]:
    """Restore files; restic reads each again once written (`--verify`). One with an error does not come back."""
    target = Path(tempfile.mkdtemp(prefix="restic-", dir=into))
    failing: set[str] = set()
    with opened(config, tools, within=into) as session:
        for start in range(0, len(paths), BATCH):
            failing |= _restore(session, identity(point), list(paths[start : start + BATCH]), target, BATCH)
    found = found_below(target, paths, prefix="/", unknown="\ufffd")
    return {path: where for path, where in found.items() if path not in failing}


# --- reading -----------------------------------------------------------------------------------------------------


def _read(config: RepositoryConfig, tools: Tools, session: Session) -> Repository:
    tools.progress(f"{config.label} : ouverture du dépôt restic")
    answer = session.ask("cat", "config", purpose="identité du dépôt")
    version = _version(session)
    if answer.code:
        return _closed(config, session, answer, version)
    described = _decoded(answer.out)
    notes: list[str] = []
    tools.progress(f"{config.label} : instantanés")
    points = _points(session, notes)
    locks = _locks(session, tools.now, notes)
    settings: dict[str, bool | int | str] = {}
    if (form := whole(described, "version")) is not None:
        settings["repository_format"] = form
    if (keys := _keys(session)) is not None:
        settings["keys"] = keys
    tools.progress(f"{config.label} : vérification par restic")
    integrity = _integrity(session, config, tools.now, notes)
    known: dict[str, Any] = {"points": points}
    if config.export_files and not isinstance(points, Gap):
        known |= _logs(config, points)
    else:
        notes.append(
            "restic n'inscrit pas dans le dépôt qu'une sauvegarde a laissé des fichiers de côté : seul le journal du"
            " poste sauvegardé le dit (à donner dans « export_files »)."
        )
    return unread(
        config,
        unsupported("restic ne garde ni planification ni journal d'échecs dans son dépôt."),
        product=PRODUCT,
        version=version,
        repository_id=text(described, "id"),
        address=session.place.address,
        **known,
        integrity=integrity,
        encryption=_encryption(config, session.place),
        immutability=_immutability(session.place),
        access=_access(config, session.place),
        locks=locks,
        settings=settings,
        limits=tuple(notes),
    )


def _logs(config: RepositoryConfig, points: tuple[Point, ...]) -> dict[str, Any]:
    """What the logs of the machines that were backed up add. Raises `CollectError` when they cannot be read."""
    runs = restic_runs(read_exports(config))
    if not runs:
        gap = malformed("Aucune fin de « restic backup » dans les journaux donnés.")
        return {"points": points, "jobs": gap, "failures": gap}
    told_points, job, failures = told(points, runs, "restic backup")
    return {"points": told_points, "jobs": (job,), "failures": failures}


def _closed(config: RepositoryConfig, session: Session, answer: Answer, version: str) -> Repository:
    """A repository that does not open: why, and that it is damaged when restic says so. The key is not tried again."""
    why = reason(answer)
    known: dict[str, Any] = {"product": PRODUCT, "version": version, "address": session.place.address}
    if why is Reason.ERROR and (damaged(answer) or "Unmarshal" in answer.err):
        known["integrity"] = Integrity(ok=False, depth="metadata", by="agent", detail=answer.why)
        why = Reason.MALFORMED
    details = {
        Reason.REFUSED: f"Le dépôt refuse l'accès : {answer.why}. Aucun autre essai n'a été fait.",
        Reason.UNREACHABLE: f"Aucun dépôt restic à cet emplacement : {answer.why}.",
        Reason.MALFORMED: f"Le dépôt ne s'ouvre pas, il est endommagé : {answer.why}.",
    }
    detail = details.get(why, f"Le dépôt restic ne s'ouvre pas : {answer.why}.")
    return unread(config, Gap(reason=why, detail=detail), **known)


def _version(session: Session) -> str:
    answer = session.program.run(["version"], "restic, version")
    words = answer.out.decode("utf-8", "replace").split()
    return clean(words[1], 40) if answer.code == 0 and len(words) > 1 and words[0] == PRODUCT else ""


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _points(session: Session, notes: list[str]) -> tuple[Point, ...] | Gap:
    answer = session.ask("snapshots", "--json", purpose="liste des instantanés")
    if answer.code or answer.cut:
        return Gap(reason=reason(answer), detail=f"La liste des instantanés ne se lit pas : {answer.why}.")
    points = parse_points(answer.out)
    if points is None:
        return malformed("La liste des instantanés n'a pas la forme attendue.")
    if "could not load snapshot" in answer.err:
        notes.append("Un instantané au moins ne se lit plus : il manque dans cette liste.")
    if len(points) > MAX_POINTS:
        notes.append(f"Seuls les {MAX_POINTS} derniers instantanés ont été gardés sur {len(points)}.")
    points = sorted(points, key=lambda point: point.time)[-MAX_POINTS:]
    unmeasured = {point.id for point in points if point.size is None}
    until = time.monotonic() + MEASURE_SECONDS
    sizes: dict[str, int | None] = {}
    for point in [point for point in _worth_measuring(points) if point.id in unmeasured][:MAX_MEASURED]:
        if time.monotonic() < until:
            sizes[point.id] = _size(session, point)
    if len(unmeasured) > len(sizes):
        notes.append(f"La taille n'a été demandée que pour {count(len(sizes), 'instantané')} sur {len(points)}.")
    return tuple(_measured(point, sizes.get(point.id)) for point in points)


def parse_points(raw: bytes) -> list[Point] | None:
    """Points of the answer of `snapshots --json`; None when it is not one. A snapshot without a time is left out."""
    listed = _decoded(raw)
    if listed is None:
        return [] if raw.strip() == b"null" else None
    if not isinstance(listed, list):
        return None
    points = []
    for row in listed:
        when, name = moment(row, "time"), text(row, "id")
        if when is None or not name:
            continue
        size, files = whole(row, "summary", "total_bytes_processed"), whole(row, "summary", "total_files_processed")
        points.append(
            Point(
                id=name,
                source=text(row, "hostname"),
                time=when,
                paths=names(row, "paths"),
                size=size,
                stored=whole(row, "summary", "data_added_packed"),
                files=files,
                empty=size == 0 or files == 0,
                encrypted=True,
            )
        )
    return points


def _worth_measuring(points: list[Point]) -> list[Point]:
    """The last point of each source and set of folders first, then the others, newest first."""
    newest = {(point.source, point.paths): point for point in points}
    last = sorted(newest.values(), key=lambda point: point.time, reverse=True)
    chosen = {point.id for point in last}
    return last + [point for point in reversed(points) if point.id not in chosen]


def _size(session: Session, point: Point) -> int | None:
    try:
        answer = session.ask("stats", "--json", identity(point), purpose="taille d'un instantané")
    except CollectError:
        return None
    return whole(_decoded(answer.out), "total_size") if answer.code == 0 else None


def _measured(point: Point, size: int | None) -> Point:
    """A point with its size. `stats` counts folders as files: it gives no number of files."""
    return point if size is None else msgspec.structs.replace(point, size=size, empty=size == 0)


def _locks(session: Session, now: datetime, notes: list[str]) -> tuple[str, ...] | Gap:
    """Stale locks, as restic calls them: older than half an hour, or put by a process of this machine that ended."""
    answer = session.ask("list", "locks", purpose="verrous")
    if answer.code:
        return Gap(reason=reason(answer), detail=f"Les verrous du dépôt n'ont pas pu être lus : {answer.why}.")
    found = [name for name in answer.out.decode("ascii", "replace").split() if name.isalnum()]
    stale = []
    for name in found[:MAX_LOCKS]:
        content = _decoded(session.ask("cat", "lock", name, purpose="verrou").out)
        placed = moment(content, "time")
        host = text(content, "hostname") or "machine inconnue"
        if placed is None:
            stale.append(f"verrou {name[:8]} illisible")
        elif now - placed > STALE or ended_here(host, str(whole(content, "pid"))):
            stale.append(f"{host}, posé il y a {ago(max(now - placed, timedelta()))}")
        else:
            notes.append(f"Une opération de restic est en cours ou vient de s'interrompre ({host}).")
    return tuple(stale)


def _keys(session: Session) -> int | None:
    """Number of keys. Not by `key list`, which puts a lock in the repository in spite of `--no-lock` (0.14)."""
    answer = session.ask("list", "keys", purpose="nombre de clés")
    return len(answer.out.split()) if answer.code == 0 else None


def _integrity(session: Session, config: RepositoryConfig, now: datetime, notes: list[str]) -> Integrity | Gap:
    """What `restic check` says: structure first, then a share of the data. Structure alone misses a flipped byte."""
    try:
        found = _check(session, (), "metadata", now)
    except CollectError as error:
        return Gap(reason=error.reason, detail=error.detail)
    if isinstance(found, Gap) or not found.ok:
        return found
    percent = config.check_percent
    if not percent:
        return found
    whole_data = percent >= _WHOLE
    option = "--read-data" if whole_data else f"--read-data-subset={percent}%"
    try:
        deeper = _check(session, (option,), "full" if whole_data else "sample", now)
    except CollectError as error:
        notes.append(f"Les données elles-mêmes n'ont pas été relues : {error.detail}")
        return found
    if isinstance(deeper, Gap):
        notes.append(f"Les données elles-mêmes n'ont pas été relues : {deeper.detail}")
        return found
    return deeper


def _check(session: Session, options: tuple[str, ...], depth: Any, now: datetime) -> Integrity | Gap:
    answer = session.ask("check", *options, purpose="vérification", seconds=CHECK_SECONDS)
    if answer.code == 0:
        return Integrity(ok=True, depth=depth, when=now, by="agent")
    if damaged(answer):
        return Integrity(ok=False, depth=depth, when=now, by="agent", detail=_first_damage(answer))
    return Gap(reason=reason(answer), detail=f"La vérification de restic n'est pas allée au bout : {answer.why}.")


def _first_damage(answer: Answer) -> str:
    """The first line that names something damaged: the last one only says that there are errors."""
    lines = [line.strip() for line in answer.err.splitlines()]
    signs = (
        *DAMAGE[1:],
        "does not exist",
        "unexpected file size",
        "failed to download",
        "not referenced in any index",
    )
    named = [line for line in lines if any(sign in line for sign in signs)]
    # restic quotes the names of the files it speaks of: they stay on site.
    return clean(re.sub('"[^"]*"', '"…"', named[0]), 300) if named else answer.why


def _encryption(config: RepositoryConfig, place: Place) -> Encryption:
    transport = None if place.kind == "local" else place.secure
    return Encryption(encrypted=True, method="AES-256-CTR, Poly1305", key_escrow=config.key_escrow, transport=transport)


def _immutability(place: Place) -> Immutability | Gap:
    if place.kind == "local":
        detail = (
            "Un dossier ordinaire, vu de ce poste ; un serveur REST en ajout seul placé devant ne se voit pas d'ici."
        )
        return Immutability(lock="none", proof="configured", detail=detail)
    if place.kind == "sftp":
        detail = "Un dossier ordinaire : le compte qui écrit les sauvegardes peut les effacer."
        return Immutability(lock="none", proof="configured", detail=detail)
    if place.kind == "rest":
        return unsupported("Le mode « append-only » se règle sur le serveur REST et ne se voit pas d'ici.")
    return unsupported("Le verrou d'objets du compartiment S3 se lit à part (technologie « s3 »).")


def _access(config: RepositoryConfig, place: Place) -> Access | Gap:
    gap = unsupported("Les droits sur ce stockage ne se voient pas avec restic.")
    if place.kind != "sftp":
        return declared_access(config, gap)
    return Access(
        in_production_domain=config.in_production_domain,
        mfa=config.mfa,
        deletes_allowed=True,
        detail="restic écrit par SFTP avec un compte qui peut aussi effacer",
    )


# --- restoring ---------------------------------------------------------------------------------------------------


def parse_entries(raw: bytes) -> Iterator[Entry]:
    """Regular files of the answer of `ls --json`; a line that is not one is left out."""
    for line in raw.splitlines():
        row = _decoded(line)
        path, size = at(row, "path"), whole(row, "size")
        if at(row, "type") != "file" or not isinstance(path, str) or not path.startswith("/"):
            continue
        # omitted when it is zero
        yield Entry(path=path, size=max(size or 0, 0), modified=moment(row, "mtime"))


def pattern(path: str) -> str:
    """Pattern of `--include` that matches this path only (syntax of Go's `filepath.Match`).

    The catalogue writes U+FFFD for each byte that is not UTF-8; `?` matches such a byte.
    """
    return "".join("?" if letter == "\ufffd" else f"\\{letter}" if letter in "*?[]\\" else letter for letter in path)


def _restore(session: Session, snapshot: str, paths: list[str], target: Path, size: int) -> set[str]:
    """Restore `paths` below `target`; those restic reports an error for."""
    failing: set[str] = set()
    for start in range(0, len(paths), size):
        batch = paths[start : start + size]
        answer = session.program.run(
            [*session.options, "restore", snapshot, "--target", str(target), "--verify"],
            "restic, restauration d'un échantillon",
            seconds=LONG,
            listed=[f"--include={pattern(path)}".encode("utf-8", "surrogateescape") for path in batch],
        )
        if answer.code == 0:
            continue
        if not answer.err_cut:
            bad = {path for path in batch if f"ignoring error for {path}: " in answer.err}
            if not bad and not damaged(answer):
                raise CollectError(reason(answer), f"La restauration a échoué : {answer.why}.")
            failing |= bad
        elif size > SMALL_BATCH:
            failing |= _restore(session, snapshot, batch, target, SMALL_BATCH)
        else:
            failing |= set(batch)  # some of the errors were not read: none of these files can be vouched for
    return failing
