"""Reads snapshots of ZFS: from the programs of this machine, or from their saved outputs.

The formats are those of the manual pages `zfs-list(8)`, `zfs-hold(8)`, `zfsprops(7)` and `zpool-status(8)`. Not
verified against the product: no ZFS module was at hand. Outputs to save, tabs kept:
`zfs list -H -p -t snapshot -o name,creation,used,refer,userrefs -r POOL`, `zfs get -H -p encryption -r POOL`,
`zfs holds -H SNAPSHOT…`, `zpool status POOL`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption, Integrity, Point, Repository
from checks.backup.technologies.base import Tools
from checks.backup.technologies.command import program
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.record import malformed, unread, unsupported
from checks.backup.technologies.snapshots import SAME_ARRAY, english_time, immutability, same_array
from checks.common.text import clean
from checks.model import CollectError, Gap, Reason

PRODUCT = "ZFS"
COLUMNS = "name,creation,used,refer,userrefs"
COMMAND = f"zfs list -H -p -t snapshot -o {COLUMNS} -r POOL"
MAX_POINTS = 20_000
MAX_HELD = 200
"""Snapshots whose holds are asked for."""
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,254}")
_SNAPSHOT = re.compile(r"[A-Za-z0-9][^\s@]*(?: [^\s@]+)*@\S.*")
_SCRUB = re.compile(r"scan: scrub repaired .{1,40}? with (?P<errors>\d{1,15}) errors on (?P<time>.+)")
_ERRORS = re.compile(r"errors: (?P<errors>.+)")
_FIELDS = 5


class Reading(NamedTuple):
    """What the texts say."""

    points: tuple[Point, ...]
    encryption: dict[str, str]
    status: str


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read the snapshots of a pool or dataset."""
    started = time.monotonic()
    try:
        if config.export_files:
            found = parse([file.text for file in read_exports(config)])
            limits: tuple[str, ...] = (
                "Lu dans des sorties enregistrées : rien ne dit que la liste est encore celle de la baie.",
            )
        else:
            found, limits = _asked(config, tools), ()
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    shared = same_array(config)
    return unread(
        config,
        unsupported(
            "ZFS ne garde ni planification, ni journal d'échecs, ni droits que la liste des instantanés montre."
        ),
        product=PRODUCT,
        address=clean(config.location, 200),
        same_array_as_source=shared,
        points=found.points,
        integrity=parse_scrub(found.status),
        encryption=_encryption(config, found.encryption),
        immutability=immutability(found.points),
        limits=(*limits, *((SAME_ARRAY,) if shared else ())),
        seconds=round(time.monotonic() - started, 1),
    )


def _asked(config: RepositoryConfig, tools: Tools) -> Reading:
    """Ask the programs of this machine. Raises `CollectError`."""
    where = config.location
    if not _DATASET.fullmatch(where):
        raise CollectError(Reason.NOT_CONFIGURED, "« location » attend le nom d'un pool ou d'un jeu de données ZFS.")
    tools.progress(f"{config.label} : instantanés ZFS")
    with program("zfs", tools) as zfs:
        listed = zfs.run(["list", "-H", "-p", "-t", "snapshot", "-o", COLUMNS, "-r", where], "instantanés ZFS")
        if listed.code or listed.cut:
            raise CollectError(_reason(listed.err), f"La liste des instantanés ZFS ne se lit pas : {listed.why}.")
        texts = [listed.out]
        got = zfs.run(["get", "-H", "-p", "-r", "-t", "filesystem,volume", "encryption", where], "chiffrement ZFS")
        texts.append(got.out if got.code == 0 else b"")
        held = [line.split(b"\t")[0] for line in listed.out.splitlines() if line.split(b"\t")[-1] not in (b"0", b"-")]
        if held:
            texts.append(zfs.run(["holds", "-H"], "rétentions ZFS", listed=held[-MAX_HELD:]).out)
    try:
        with program("zpool", tools) as zpool:
            texts.append(zpool.run(["status", where.split("/", maxsplit=1)[0]], "état du pool ZFS").out)
    except CollectError:
        texts.append(b"")  # the state of the pool is then a gap of its own
    return parse([text.decode("utf-8", "replace") for text in texts], asked=True)


def _reason(err: str) -> Reason:
    if "does not exist" in err:
        return Reason.UNREACHABLE
    return Reason.PERMISSION if "ermission denied" in err else Reason.ERROR


def parse(texts: Iterable[str], asked: bool = False) -> Reading:
    """What outputs say, recognised line by line.

    Without any snapshot: an empty list when the program was `asked`; for saved outputs, raises `CollectError`.
    """
    points: dict[str, Point] = {}
    encryption: dict[str, str] = {}
    holds: set[str] = set()
    status: list[str] = []
    for text in texts:
        if "scan:" in text or text.lstrip().startswith("pool:"):
            status.append(text)
            continue
        for line in text.split("\n"):
            fields = line.rstrip("\r").split("\t")
            if (point := _point(fields)) is not None:
                points[point.id] = point
            elif len(fields) >= 4 and fields[1] == "encryption":  # noqa: PLR2004 - name, property, value, source
                encryption[fields[0]] = clean(fields[2], 40)
            elif len(fields) == 3 and _SNAPSHOT.fullmatch(fields[0]):  # noqa: PLR2004 - name, tag, time
                holds.add(clean(fields[0], 300))
    if not points and not asked:
        raise CollectError(Reason.MALFORMED, f"Aucun instantané dans ces fichiers ; la commande attendue : {COMMAND}.")
    ordered = sorted(points.values(), key=lambda point: point.time)[-MAX_POINTS:]
    kept = tuple(msgspec.structs.replace(point, locked=True) if point.id in holds else point for point in ordered)
    return Reading(kept, encryption, "\n".join(status))


def _point(fields: list[str]) -> Point | None:
    """A point from one line of `zfs list`; None when the line is not one."""
    if len(fields) != _FIELDS or not _SNAPSHOT.fullmatch(fields[0]) or not fields[1].isascii():
        return None
    try:
        when = datetime.fromtimestamp(int(fields[1]), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    name = fields[0]
    kept = _number(fields[4])
    return Point(
        id=clean(name, 300),
        source=clean(name.rpartition("@")[0] if name.count("@") == 1 else name.split("@")[0], 200),
        time=when,
        size=_number(fields[3]),
        stored=_number(fields[2]),
        locked=None if kept is None else kept > 0,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - below 2**63


def parse_scrub(status: str) -> Integrity | Gap:
    """Last scrub of `zpool status`: it reads every block of the pool and compares it with its checksum."""
    if not status.strip():
        return unsupported("L'état du pool n'est pas là : ajouter la sortie de « zpool status ».")
    scrub, errors = _SCRUB.search(status), _ERRORS.search(status)
    if errors is not None and not errors["errors"].startswith("No known data errors"):
        return Integrity(ok=False, depth="full", when=_scrubbed(scrub), detail=clean(errors["errors"], 200))
    if scrub is None:
        return malformed("Aucune vérification (scrub) terminée dans l'état du pool.")
    return Integrity(ok=int(scrub["errors"]) == 0, depth="full", when=_scrubbed(scrub), detail=clean(scrub[0], 200))


def _scrubbed(found: re.Match[str] | None) -> datetime | None:
    return english_time(found["time"]) if found else None


def _encryption(config: RepositoryConfig, values: dict[str, str]) -> Encryption | Gap:
    """Encrypted when every dataset is."""
    if not values:
        return unsupported("La propriété « encryption » n'a pas été lue.")
    clear = [name for name, value in values.items() if value in {"off", "-"}]
    methods = sorted({value for value in values.values() if value not in {"off", "-"}})
    return Encryption(encrypted=not clear, method=", ".join(methods), key_escrow=config.key_escrow)
