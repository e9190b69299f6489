"""Backup files of Veeam in a folder: points they make, and chains that no longer hold together. Pure.

Extensions (vendor's user guide, "Backup Files"): `.vbk` full, `.vib` forward increment, `.vrb` reverse increment,
`.vbm` metadata, `.bco` configuration backup of the server.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from checks.backup.facts import Failure, Point
from checks.backup.technologies.record import paris
from checks.backup.technologies.veeam_vbm import Meta, Storage
from checks.common.text import clean

_NAME = re.compile(
    r"(?P<stem>.+?)(?:\.(?:vm-|[0-9a-f]{8}-)[0-9a-f-]*D?)?[D_ ]?"
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<time>\d{6})(?:_[0-9A-Fa-f]{4})?$"
)
_CONFIG = re.compile(r"(?P<server>.+?)_(?P<date>\d{4}-\d\d-\d\d)_(?P<time>\d\d-\d\d-\d\d)$")
_RENAMED = re.compile(r"\.(?:vbk|vib|vrb|vbm|bco)\.[A-Za-z0-9_-]{2,20}$", re.IGNORECASE)
_RANDOM = 7.5
"""Bits per byte: the first page of a backup file is mostly zeros, that of an encrypted file is above 7.9."""
HEADER = 4096
_SLACK = timedelta(minutes=5)


class File(NamedTuple):
    """One file of the folder."""

    folder: str
    """Relative to the folder read; empty for itself."""
    name: str
    size: int
    modified: datetime

    @property
    def kind(self) -> str:
        """Extension, lower case, without its dot."""
        return self.name.rpartition(".")[2].lower()

    @property
    def path(self) -> str:
        """Relative to the folder read."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Backup(NamedTuple):
    """One backup file, with what its name and its metadata say."""

    file: File
    chain: str
    """What it belongs to, from its name: machine or job."""
    time: datetime
    storage: Storage | None
    dated: bool
    """The date was read; otherwise it is that of the last change of the file."""
    local: bool
    """The date was read from the name, which has no zone."""


def backup(file: File, storage: Storage | None) -> Backup:
    """Date and name a backup file. Metadata are in UTC; names are in the server's own time."""
    found = _NAME.match(file.name.rpartition(".")[0])
    named = _moment(found["date"], found["time"]) if found else None
    stem = clean((found["stem"] if found else file.name.rpartition(".")[0]).strip(" ._-"), 200)
    written = storage.created if storage else None
    return Backup(
        file, stem or file.name, written or named or file.modified, storage, bool(written or named), not written
    )


def _moment(date: str, time: str) -> datetime | None:
    try:
        return paris(datetime.fromisoformat(f"{date}T{time.replace('-', '')}"))
    except ValueError:
        return None


def config_time(file: File) -> datetime:
    """When a configuration backup was made."""
    found = _CONFIG.match(file.name.rpartition(".")[0])
    return (found and _moment(found["date"], found["time"])) or file.modified


def points(found: Iterable[Backup], machines: Mapping[str, tuple[str, ...]]) -> tuple[Point, ...]:
    """One point for each file; one for each machine when the file is that of a whole job.

    `machines`: names the metadata of a job list, by job.
    """
    made = [
        Point(
            id=clean(one.file.path if len(sources) == 1 else f"{one.file.path} ({source})", 600),
            source=source,
            time=one.time,
            size=one.storage.data_size if one.storage and len(sources) == 1 else None,
            stored=one.file.size,
            empty=one.file.size == 0,
        )
        for one in found
        for sources in (machines.get(one.chain) or (one.chain,),)
        for source in sources
    ]
    return tuple(sorted(made, key=lambda point: point.time))


def broken(found: Iterable[Backup]) -> list[Failure]:
    """Increments whose full backup is missing, and files of no byte."""
    chains: dict[tuple[str, str], list[Backup]] = {}
    for one in found:
        chains.setdefault((one.file.folder, one.chain), []).append(one)
    problems = []
    for links in chains.values():
        fulls = [one for one in links if one.file.kind == "vbk" and one.file.size]
        for one in links:
            if not one.file.size:
                problems.append(_failure(one, "fichier de sauvegarde vide (zéro octet)"))
            elif one.file.kind == "vib" and not any(full.time <= one.time + _SLACK for full in fulls):
                problems.append(
                    _failure(one, "incrément sans sauvegarde complète avant lui : il ne peut pas être restauré")
                )
            elif one.file.kind == "vrb" and not fulls:
                problems.append(
                    _failure(one, "incrément inverse sans sauvegarde complète : il ne peut pas être restauré")
                )
    return problems


def _failure(one: Backup, what: str) -> Failure:
    return Failure(time=one.time, what=clean(f"{one.file.path} : {what}", 300), source=one.chain)


def missing(folder: str, meta: Meta, present: frozenset[str], when: datetime) -> list[Failure]:
    """Files the metadata name and the folder does not hold; links to a file the metadata do not name."""
    absent = [storage.file for storage in meta.storages if storage.file.casefold() not in present]
    known = {storage.id for storage in meta.storages}
    loose = [storage.file for storage in meta.storages if storage.link and storage.link not in known]
    where = f"{folder}/" if folder else ""
    problems = [f"{where}{name} : nommé par les métadonnées et absent du dossier" for name in absent[:50]]
    problems += [f"{where}{name} : dépend d'un fichier que les métadonnées ne nomment plus" for name in loose[:50]]
    if meta.corrupted:
        problems.append(f"{where or meta.job} : {meta.corrupted} point(s) que Veeam marque comme abîmés")
    return [Failure(time=when, what=clean(text, 300), source=meta.job) for text in problems]


def renamed(files: Iterable[File]) -> list[Failure]:
    """Backup files whose name received another suffix: what ransomware does."""
    return [
        Failure(
            time=file.modified,
            what=clean(f"{file.path} : fichier de sauvegarde renommé avec une extension étrangère à Veeam", 300),
        )
        for file in files
        if _RENAMED.search(file.name)
    ]


def random_header(page: bytes) -> bool:
    """The first page of a file is random: it was encrypted by something else than Veeam."""
    if len(page) < HEADER:
        return False
    counts = Counter(page)
    entropy = -sum(count / len(page) * math.log2(count / len(page)) for count in counts.values())
    return entropy > _RANDOM
