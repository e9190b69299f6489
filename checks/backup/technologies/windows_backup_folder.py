"""Folders and lists that Windows Server Backup leaves: `WindowsImageBackup`, and `wbadmin get versions`.

`WindowsImageBackup/<host>/Backup YYYY-MM-DD HHMMSS/*.vhdx`, with `Catalog` and `MediaId` beside; the time in the name
is UTC (from memory). The version identifier of wbadmin is `MM/DD/YYYY-HH:MM`, UTC, in every language; the labels around
it are translated, and only one word of them is looked at (French ones from memory).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from checks.backup.facts import Failure, Point
from checks.backup.technologies.veeam_chain import File
from checks.common.text import clean
from checks.common.textfile import SourceFile

ROOT = "WindowsImageBackup"
_FOLDER = re.compile(r"Backup (\d{4}-\d\d-\d\d) (\d{6})")
_VERSION = re.compile(r":\s*(\d\d/\d\d/\d{4}-\d\d:\d\d)\s*$")
_DISKS = frozenset({"vhd", "vhdx"})
_RENAMED = re.compile(r"\.vhdx?\.[A-Za-z0-9_-]{2,20}$", re.IGNORECASE)
_MAGIC = {"vhdx": b"vhdxfile", "vhd": b"conectix"}
_FOOTER = 512


class Image(NamedTuple):
    """One backup of one machine."""

    host: str
    folder: str
    time: datetime
    disks: tuple[File, ...]


def images(files: Iterable[File]) -> list[Image]:
    """Backups found in a listing, wherever `WindowsImageBackup` stands in it or above it."""
    found: dict[tuple[str, str], list[File]] = {}
    for file in files:
        parts = file.folder.split("/")
        place = next((rank for rank, part in enumerate(parts) if _FOLDER.fullmatch(part)), None)
        if place is not None:
            host = parts[place - 1] if place else ""
            found.setdefault((host, "/".join(parts[: place + 1])), []).append(file)
    made = []
    for (host, folder), inside in found.items():
        when = _folder_time(folder.rpartition("/")[2])
        if when is not None:
            disks = tuple(file for file in inside if file.kind in _DISKS)
            made.append(Image(clean(host, 100), folder, when, disks))
    return sorted(made, key=lambda image: image.time)


def _folder_time(name: str) -> datetime | None:
    found = _FOLDER.fullmatch(name)
    try:
        return datetime.strptime(f"{found[1]} {found[2]}+0000", "%Y-%m-%d %H%M%S%z") if found else None
    except ValueError:
        return None


def points(found: Iterable[Image], otherwise: str) -> list[Point]:
    """One point for each backup; `otherwise` names the machine when no folder does."""
    return [
        Point(
            id=clean(image.folder, 600),
            source=image.host or otherwise,
            time=image.time,
            stored=sum(disk.size for disk in image.disks),
            empty=not any(disk.size for disk in image.disks),
        )
        for image in found
    ]


def problems(root: Path, found: list[Image], files: list[File]) -> list[Failure]:
    """Disk images that are no longer images, catalogues that are missing, files that were renamed."""
    made = []
    for image in found:
        if not image.disks:
            made.append(
                Failure(time=image.time, what=f"{clean(image.folder, 200)} : aucune image de disque", source=image.host)
            )
        made += [
            Failure(time=disk.modified, what=clean(f"{disk.path} : {why}", 300), source=image.host)
            for disk in image.disks
            if (why := _damage(root / disk.path, disk))
        ]
    folders = {file.folder for file in files}
    for host in sorted({image.folder.rpartition("/")[0] for image in found}):
        if (f"{host}/Catalog" if host else "Catalog") not in folders:
            name = host.rpartition("/")[2]
            made.append(Failure(what=f"{clean(name, 100)} : le catalogue des sauvegardes est absent", source=name))
    made += [
        Failure(time=file.modified, what=clean(f"{file.path} : image renommée avec une extension étrangère", 300))
        for file in files
        if _RENAMED.search(file.name)
    ]
    return made


def _damage(path: Path, disk: File) -> str:
    """What is wrong with a disk image; empty when its mark is where it should be, or when it cannot be read."""
    if not disk.size:
        return "image vide (zéro octet)"
    magic = _MAGIC[disk.kind]
    try:
        with path.open("rb") as file:
            if file.read(len(magic)) == magic:
                return ""
            if disk.kind == "vhd" and disk.size >= _FOOTER:
                file.seek(-_FOOTER, 2)
                if file.read(len(magic)) == magic:
                    return ""
    except OSError:
        return ""
    return "ce n'est plus une image de disque (marque de format absente)"


def is_versions(file: SourceFile) -> bool:
    """Whether a file looks like a saved `wbadmin get versions`."""
    return "wbadmin" in file.head.casefold() or any(_VERSION.search(line) for line in file.head.split("\n"))


def versions(file: SourceFile, host: str) -> list[Point]:
    """Versions wbadmin lists."""
    found: list[Point] = []
    target = ""
    for line in file.lines:
        label, _, value = line.partition(":")
        words = label.casefold()
        if "target" in words or "cible" in words:
            target = clean(value.strip(), 200)
        if (version := _VERSION.search(line)) is None:
            continue
        try:
            when = datetime.strptime(version[1], "%m/%d/%Y-%H:%M").replace(tzinfo=UTC)
        except ValueError:
            continue
        found.append(Point(id=version[1], source=host, time=when, paths=(target,) if target else ()))
        target = ""
    return found
