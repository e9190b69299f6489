"""Reads a borg repository, checks it, lists and restores files of an archive. Never writes in it.

A repository of this machine is read through a stand-in (`borg_view`): even `borg check` writes in what it checks. One
behind ssh is read with `--bypass-lock` and never checked. `break-lock`, `compact`, `prune`, `delete` and `--repair`
are never run. Seen with borg 1.2.4.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption, Immutability, Integrity, Point, Repository
from checks.backup.technologies.base import Entry, Tools
from checks.backup.technologies.borg_locks import read_locks
from checks.backup.technologies.borg_session import (
    DAMAGE,
    PRODUCT,
    Session,
    archive,
    decoded,
    explained,
    messages,
    opened,
    reason,
)
from checks.backup.technologies.client_logs import borg_runs, told
from checks.backup.technologies.command import Answer
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http_values import at, moment, names, text, whole
from checks.backup.technologies.record import declared_access, malformed, unread, unsupported
from checks.backup.technologies.restored import found_below
from checks.common.french import count
from checks.common.text import clean
from checks.model import CollectError, Gap, Reason

MAX_POINTS = 20_000
MAX_MEASURED = 12
"""Archives whose files are counted, one listing each."""
LONG = 600.0
"""Seconds left to a catalogue and to one restore."""
CHECK_SECONDS = 300.0
"""Seconds left to the check: a domain has half an hour for all its repositories."""
MEASURE_SECONDS = 120.0
"""Seconds after which no other archive is counted."""
SMALL_ENOUGH = 2 << 30
"""Bytes of a repository that are read whole whatever share was asked for: borg does it in about 20 seconds."""
SAMPLE_SECONDS = 120
"""How long borg reads the segments of a larger one."""
BATCH = 150
"""Files of one run: borg names each as it begins it, and all these names must fit in what is kept."""
MAX_FAILURES = 200
"""Runs that may stop on a damaged file before the restore is given up."""
_WHOLE = 100


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a repository: archives, sizes, locks, protection, and what borg's own check says of it."""
    started = time.monotonic()
    try:
        with opened(config, tools) as session:
            facts = _read(config, tools, session)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    return msgspec.structs.replace(facts, seconds=round(time.monotonic() - started, 1))


def entries(config: RepositoryConfig, tools: Tools, point: Point) -> Iterable[Entry]:
    """Files of an archive. borg keeps digests of pieces of files, not of files: there is none here."""
    with opened(config, tools) as session:
        answer = session.ask("list", "--json-lines", archive(point), purpose="liste des fichiers", seconds=LONG)
        yield from parse_entries(answer.out)
    if answer.cut:
        raise CollectError(Reason.UNSUPPORTED, "La liste des fichiers de ce point est trop longue : elle est coupée.")
    if answer.code > 1:
        raise CollectError(reason(answer), f"La liste des fichiers de ce point ne se lit pas : {explained(answer)}.")


def restore(
    config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
) -> Mapping[str, Path]:
    """Restore files. borg stops at a damaged one: it does not come back, and the restore goes on behind it."""
    target = Path(tempfile.mkdtemp(prefix="borg-", dir=into))
    failing: set[str] = set()
    with opened(config, tools, within=into) as session:
        for start in range(0, len(paths), BATCH):
            failing |= _restore(session, archive(point), list(paths[start : start + BATCH]), target, len(failing))
    found = found_below(target, paths, prefix="", unknown="?")
    return {path: where for path, where in found.items() if path not in failing}


# --- reading -----------------------------------------------------------------------------------------------------


def _read(config: RepositoryConfig, tools: Tools, session: Session) -> Repository:
    tools.progress(f"{config.label} : ouverture du dépôt borg")
    known: dict[str, Any] = {
        "product": PRODUCT,
        "version": _version(session),
        "address": session.place.address,
        "immutability": _immutability(session),
        "access": declared_access(config, unsupported("Les droits sur ce dépôt ne se voient pas avec borg.")),
    }
    notes: list[str] = []
    known["locks"] = unsupported("Les verrous d'un dépôt borg distant ne se voient pas d'ici.")
    if session.view is not None:
        known["repository_id"] = session.view.repository_id
        known["locks"] = read_locks(Path(session.place.path), tools.now, notes)
    options = ("--consider-checkpoints", "--format", "{hostname}{end}{command_line}")
    answer = session.ask("list", "--json", *options, purpose="liste des archives")
    listed = decoded(answer.out)
    if answer.code > 1 or answer.cut or not isinstance(listed, dict):
        return _closed(config, answer, known)
    points = parse_points(listed)
    known["repository_id"] = text(listed, "repository", "id") or known.get("repository_id", "")
    known["encryption"] = _encryption(config, listed, session)
    known["points"] = points if isinstance(points, Gap) else _measured(session, points, notes)
    tools.progress(f"{config.label} : vérification par borg")
    known["integrity"] = _integrity(session, config, tools, notes)
    if config.export_files and not isinstance(known["points"], Gap):
        known |= _logs(config, known["points"])
    gap = unsupported("borg ne garde ni planification ni journal d'échecs dans son dépôt.")
    return unread(config, gap, **known, limits=tuple(notes))


def _logs(config: RepositoryConfig, points: tuple[Point, ...]) -> dict[str, Any]:
    """What the logs of the machines that were backed up add. Raises `CollectError` when they cannot be read."""
    runs = borg_runs(read_exports(config))
    if not runs:
        gap = malformed("Aucune fin de « borg create --show-rc » dans les journaux donnés.")
        return {"jobs": gap, "failures": gap}
    told_points, job, failures = told(points, runs, "borg create")
    return {"points": told_points, "jobs": (job,), "failures": failures}


def _closed(config: RepositoryConfig, answer: Answer, known: dict[str, Any]) -> Repository:
    """A repository that does not open: why, and that it is damaged when borg says so. The key is not tried again."""
    why = reason(answer) if answer.code > 1 else Reason.MALFORMED
    if answer.code > 1 and why is Reason.MALFORMED:
        known["integrity"] = Integrity(ok=False, depth="metadata", by="agent", detail=explained(answer))
    details = {
        Reason.REFUSED: f"Le dépôt refuse l'accès : {explained(answer)}. Aucun autre essai n'a été fait.",
        Reason.UNREACHABLE: f"Aucun dépôt borg à cet emplacement : {explained(answer)}.",
        Reason.MALFORMED: f"Le dépôt borg ne se lit pas : {explained(answer)}.",
    }
    detail = details.get(why, f"Le dépôt borg ne s'ouvre pas : {explained(answer)}.")
    return unread(config, Gap(reason=why, detail=detail), **known)


def _version(session: Session) -> str:
    answer = session.program.run(["--version"], "borg, version")
    words = answer.out.decode("utf-8", "replace").split()
    return clean(words[1], 40) if answer.code == 0 and len(words) > 1 and words[0] == PRODUCT else ""


def parse_points(listed: Any) -> tuple[Point, ...] | Gap:
    """Points of the answer of `list --json`. An archive without a time is left out. A checkpoint is not complete."""
    rows = at(listed, "archives")
    if not isinstance(rows, list):
        return malformed("La liste des archives n'a pas la forme attendue.")
    encrypted = _is_encrypted(text(listed, "encryption", "mode"))
    points = []
    for row in rows:
        when = moment(row, "start") or moment(row, "time")
        name = at(row, "archive")
        if when is None or not isinstance(name, str) or not name:
            continue
        points.append(
            Point(
                id=name,
                source=text(row, "hostname") or clean(name, 200),
                time=when,
                paths=_paths(names(row, "command_line")),
                complete=False if ".checkpoint" in name else None,
                encrypted=encrypted,
            )
        )
    return tuple(sorted(points, key=lambda point: point.time)[-MAX_POINTS:])


def _paths(command: tuple[str, ...]) -> tuple[str, ...]:
    """Folders named on the command line of `create`: what follows the name of the archive."""
    place = next((index for index, word in enumerate(command) if "::" in word), len(command))
    return tuple(word for word in command[place + 1 :] if not word.startswith("-"))


def _is_encrypted(mode: str) -> bool:
    """`none` and the `authenticated` modes leave the content in clear (borg 1.2, `init --encryption`)."""
    return bool(mode) and not mode.startswith(("none", "authenticated"))


def _encryption(config: RepositoryConfig, listed: Any, session: Session) -> Encryption | Gap:
    mode = text(listed, "encryption", "mode")
    if not mode:
        return malformed("Le mode de chiffrement n'est pas dans la réponse de borg.")
    transport = None if session.view is not None else True
    return Encryption(encrypted=_is_encrypted(mode), method=mode, key_escrow=config.key_escrow, transport=transport)


def _measured(session: Session, points: tuple[Point, ...], notes: list[str]) -> tuple[Point, ...]:
    """Points with their size and number of files, for the last one of each source and the newest others.

    Not by `borg info`, which first reads every archive of the repository.
    """
    newest = {point.source: point.id for point in points}
    order = sorted(points, key=lambda point: (newest[point.source] == point.id, point.time), reverse=True)
    until = time.monotonic() + MEASURE_SECONDS
    counted: dict[str, Point] = {}
    for point in order[:MAX_MEASURED]:
        if time.monotonic() < until:
            counted[point.id] = _counted(session, point)
    if len(points) > len(counted):
        notes.append(f"Les fichiers n'ont été comptés que pour {count(len(counted), 'archive')} sur {len(points)}.")
    return tuple(counted.get(point.id, point) for point in points)


def _counted(session: Session, point: Point) -> Point:
    with contextlib.suppress(CollectError):
        answer = session.ask("list", "--format", "{type}{size}{NL}", archive(point), purpose="taille d'une archive")
        if answer.code == 0 and not answer.cut:
            sizes = [int(line[1:]) for line in answer.out.splitlines() if line[:1] == b"-" and line[1:].isdigit()]
            total = sum(sizes)
            return msgspec.structs.replace(point, size=total, files=len(sizes), empty=total == 0)
    return point


def _immutability(session: Session) -> Immutability | Gap:
    if session.view is None:
        return unsupported("Le mode « append-only » se règle sur le serveur et ne se voit pas d'ici.")
    if session.view.append_only:
        detail = "append_only = 1 : « borg delete » réussit quand même ; les données ne se retrouvent qu'à la main."
        return Immutability(lock="append_only", proof="configured", detail=detail)
    return Immutability(
        lock="none",
        proof="configured",
        detail="Un dossier ordinaire : qui écrit les sauvegardes peut les effacer.",
    )


def _integrity(session: Session, config: RepositoryConfig, tools: Tools, notes: list[str]) -> Integrity | Gap:
    if session.view is None:
        return unsupported(
            "« borg check » écrit dans le dépôt qu'il vérifie : il n'est pas lancé sur un serveur distant."
        )
    percent = config.check_percent
    depth: Any = "full"
    options = ["--repository-only"]
    if not percent:
        depth, options = "metadata", ["--archives-only", "--last", "3"]
        notes.append("Seules les listes des trois dernières archives ont été vérifiées, pas les données.")
    elif percent < _WHOLE and session.view.size > SMALL_ENOUGH:
        depth = "sample"
        options += ["--max-duration", str(SAMPLE_SECONDS)]
        notes.append(
            f"borg n'a relu les données que pendant {SAMPLE_SECONDS} secondes : un segment absent a pu ne pas être vu."
        )
    try:
        answer = session.ask("check", *options, purpose="vérification", seconds=CHECK_SECONDS)
    except CollectError as error:
        return Gap(reason=error.reason, detail=error.detail)
    if answer.code == 0:
        return Integrity(ok=True, depth=depth, when=tools.now, by="agent")
    if any(sign in answer.err for sign in DAMAGE):
        return Integrity(ok=False, depth=depth, when=tools.now, by="agent", detail=explained(answer))
    return Gap(reason=reason(answer), detail=f"La vérification de borg n'est pas allée au bout : {explained(answer)}.")


# --- restoring ---------------------------------------------------------------------------------------------------


def parse_entries(raw: bytes) -> Iterator[Entry]:
    """Regular files of the answer of `list --json-lines`; a line that is not one is left out."""
    for line in raw.splitlines():
        row = decoded(line)
        path = at(row, "path")
        if at(row, "type") == "-" and isinstance(path, str) and path:
            yield Entry(path=path, size=max(whole(row, "size") or 0, 0), modified=moment(row, "mtime"))


def pattern(path: str) -> str:
    """Pattern that matches this path only; with a final `/`, all that is below this folder.

    The catalogue writes « ? » for each byte that is not UTF-8: there `?` must match any letter.
    """
    if path.endswith("/"):
        return f"pp:{path.rstrip('/')}"
    if "?" not in path:
        return f"pf:{path}"
    return "fm:" + "".join(f"[{letter}]" if letter in "*[" else letter for letter in path)


def _restore(session: Session, name: str, paths: list[str], target: Path, failures: int) -> set[str]:
    """Restore `paths` below `target`; those borg stopped on."""
    failing: set[str] = set()
    left = paths
    while left:
        answer = session.program.run(
            [*session.options, "--log-json", "extract", "--list", "--noflags", "--noacls", "--noxattrs", name],
            "borg, restauration d'un échantillon",
            seconds=LONG,
            folder=target,
            listed=[pattern(path).encode("utf-8", "surrogateescape") for path in left],
        )
        # xargs tells no warning (1: a path that matches nothing) from an error (2): the log does.
        if not any(level in {"ERROR", "CRITICAL"} for level, _ in messages(answer.err)):
            if answer.code and not messages(answer.err):
                raise CollectError(reason(answer), f"La restauration a échoué : {explained(answer)}.")
            break
        if not any(sign in answer.err for sign in DAMAGE):
            raise CollectError(reason(answer), f"La restauration a échoué : {explained(answer)}.")
        begun = [path for path in parse_begun(answer.err) if path in left]
        if not begun or failures + len(failing) >= MAX_FAILURES:
            return failing | set(left)
        failing.add(begun[-1])
        left = [path for path in left if path not in set(begun)]
    return failing


def parse_begun(log: str) -> list[str]:
    """Paths borg began to restore, in its order, from the lines of `--log-json --list`."""
    rows = [decoded(line.encode()) for line in log.splitlines()]
    found = [at(row, "message") for row in rows if at(row, "name") == "borg.output.list"]
    return [path for path in found if isinstance(path, str)]
