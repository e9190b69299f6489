"""Reads snapshots of Btrfs: from the program of this machine, or from its saved outputs.

Seen with btrfs-progs 6.2. Outputs to save: `btrfs subvolume list -s -u -q -R PATH` (snapshots),
`btrfs subvolume list -r -u -q -R PATH` (received ones too), `btrfs scrub status PATH`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Integrity, Point, Repository
from checks.backup.technologies.base import Tools
from checks.backup.technologies.command import Program, program
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http_values import iso
from checks.backup.technologies.locations import is_folder
from checks.backup.technologies.record import unread, unsupported
from checks.backup.technologies.snapshots import SAME_ARRAY, english_time, immutability, same_array
from checks.common.text import clean
from checks.model import CollectError, Gap, Reason

PRODUCT = "Btrfs"
MAX_POINTS = 20_000
MAX_SHOWN = 60
"""Received subvolumes whose time is asked for, one command each."""
_LINE = re.compile(
    r"ID (?P<id>\d{1,20}) gen \d+ (?:cgen \d+ )?(?:parent \d+ )?top level \d+ "
    r"(?:otime (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) )?(?:parent_uuid (?P<parent>\S+)\s+)?"
    r"(?:received_uuid (?P<received>\S+)\s+)?(?:uuid (?P<uuid>\S+) )?path (?P<path>.+)"
)
_CREATED = re.compile(r"\s*Creation time:\s+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})")


class Subvolume(NamedTuple):
    """One line of a list."""

    id: str
    path: str
    time: datetime | None
    uuid: str
    parent: str
    received: str


class Reading(NamedTuple):
    """What the texts say."""

    subvolumes: Mapping[str, Subvolume]
    scrub: str


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read the snapshots of a file system."""
    started = time.monotonic()
    notes: list[str] = []
    try:
        if config.export_files:
            found = parse([file.text for file in read_exports(config)])
            notes.append("Lu dans des sorties enregistrées, dont les heures, sans fuseau, sont lues comme UTC.")
        else:
            found = _asked(config, tools)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    points = _points(found.subvolumes, notes)
    every = [found.subvolumes[point.id] for point in points]
    shared = same_array(config, received=bool(every) and all(one.received for one in every))
    if shared:
        notes.append(SAME_ARRAY)
    return unread(
        config,
        unsupported("Btrfs ne garde ni planification, ni journal d'échecs, ni droits que cette liste montre."),
        product=PRODUCT,
        address=clean(config.location, 200),
        same_array_as_source=shared,
        points=points,
        integrity=parse_scrub(found.scrub),
        encryption=unsupported("Btrfs ne chiffre pas : voir le disque au-dessous (LUKS, baie)."),
        immutability=immutability(points),
        limits=tuple(notes),
        seconds=round(time.monotonic() - started, 1),
    )


def _asked(config: RepositoryConfig, tools: Tools) -> Reading:
    """Ask the program of this machine. Raises `CollectError`."""
    where = Path(config.location)
    if not where.is_absolute() or not is_folder(where):
        raise CollectError(Reason.UNREACHABLE, "« location » attend un dossier du système de fichiers Btrfs.")
    tools.progress(f"{config.label} : instantanés Btrfs")
    with program("btrfs", tools) as btrfs:
        texts = []
        for options in (["-s"], ["-r"], []):
            answer = btrfs.run(["subvolume", "list", *options, "-u", "-q", "-R", str(where)], "instantanés Btrfs")
            if answer.code or answer.cut:
                reason = Reason.PERMISSION if "not permitted" in answer.err else Reason.ERROR
                raise CollectError(reason, f"La liste des instantanés Btrfs ne se lit pas : {answer.why}.")
            texts.append(answer.out.decode("utf-8", "replace"))
        scrub = btrfs.run(["scrub", "status", str(where)], "vérification Btrfs")
        texts.append(scrub.out.decode("utf-8", "replace") if scrub.code == 0 else "")
        found = parse(texts, asked=True)
        return found._replace(subvolumes=_with_times(btrfs, where, found.subvolumes))


def _with_times(btrfs: Program, where: Path, every: Mapping[str, Subvolume]) -> dict[str, Subvolume]:
    """Received subvolumes with their time, which no list gives."""
    dated = dict(every)
    unknown = [one for one in every.values() if one.received and one.time is None]
    for one in unknown[-MAX_SHOWN:]:
        answer = btrfs.run(["subvolume", "show", "-r", one.id, str(where)], "date d'un instantané Btrfs")
        for line in answer.out.decode("utf-8", "replace").splitlines():
            if match := _CREATED.match(line):
                dated[one.id] = one._replace(time=iso(match[1].replace(" ", "T", 1).replace(" ", "")))
    return dated


def parse(texts: Iterable[str], asked: bool = False) -> Reading:
    """What outputs say, recognised line by line.

    Without any subvolume: nothing when the program was `asked`; for saved outputs, raises `CollectError`.
    """
    found: dict[str, Subvolume] = {}
    scrub: list[str] = []
    for text in texts:
        if "scrub" in text.lower() or "Error summary" in text:
            scrub.append(text)
            continue
        for line in text.split("\n"):
            if match := _LINE.fullmatch(line.rstrip("\r")):
                known = found.get(match["id"])
                found[match["id"]] = _subvolume(match, known)
    if not found and not asked:
        wanted = "btrfs subvolume list -s -u -q -R CHEMIN"
        raise CollectError(Reason.MALFORMED, f"Aucun instantané dans ces fichiers ; la commande attendue : {wanted}.")
    return Reading(found, "\n".join(scrub))


def _subvolume(match: re.Match[str], known: Subvolume | None) -> Subvolume:
    """One line, completed by what another list said of the same subvolume."""

    def value(name: str, before: str) -> str:
        return "" if match[name] == "-" else match[name] or before

    when = None
    if match["time"]:
        try:
            when = datetime.strptime(match["time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            when = None
    return Subvolume(
        id=match["id"],
        path=match["path"],
        time=when or (known.time if known else None),
        uuid=value("uuid", known.uuid if known else ""),
        parent=value("parent", known.parent if known else ""),
        received=value("received", known.received if known else ""),
    )


def _points(every: Mapping[str, Subvolume], notes: list[str]) -> tuple[Point, ...]:
    """Snapshots and received subvolumes, oldest first. The source is the subvolume they were taken of."""
    named = {one.uuid: one.path for one in every.values() if one.uuid}
    chosen = [one for one in every.values() if one.parent or one.received]
    undated = sum(one.time is None for one in chosen)
    if undated:
        notes.append(f"{undated} instantané(s) sans date connue ne sont pas dans la liste des points.")
    points = [
        Point(
            id=one.id, source=clean(named.get(one.parent, one.path), 200), time=one.time, paths=(clean(one.path, 300),)
        )
        for one in chosen
        if one.time is not None
    ]
    return tuple(sorted(points, key=lambda point: point.time)[-MAX_POINTS:])


def parse_scrub(text: str) -> Integrity | Gap:
    """Last scrub of `btrfs scrub status`: it reads every block and compares it with its checksum."""
    fields = dict(re.findall(r"^\s*([A-Z][A-Za-z ]{2,30}):\s+(.+)$", text, re.MULTILINE))
    summary = fields.get("Error summary", "").strip()
    if fields.get("Status", "").strip() != "finished" or not summary:
        return unsupported("Aucune vérification (scrub) terminée n'est connue de ce système de fichiers.")
    ok = summary.startswith("no errors found")
    return Integrity(
        ok=ok, depth="full", when=english_time(fields.get("Scrub started", "")), detail=clean(summary, 200)
    )
