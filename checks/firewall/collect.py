"""Read exported configurations into facts. No network: what is read was exported by an administrator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from checks.firewall.archives import is_archive, members
from checks.firewall.config import FirewallConfig, parse_roles
from checks.firewall.facts import Device, FirewallFacts
from checks.firewall.parsers import registry
from checks.firewall.parsers.source import MAX_BYTES, ParseError, SourceFile, decode
from checks.firewall.roles import zones_of
from checks.model import FACTS_SCHEMA, CollectError, CollectRequest, Network, Progress, Reason

MAX_FILES = 2000
"""Files of one folder of exports."""
MAX_TOTAL = 4 * MAX_BYTES
"""All that is read together."""
MAX_NAMED = 5
"""Files named in a sentence; the others are counted."""
MAX_SHOWN = 20
"""Zones listed when one is not found."""
WITHOUT_INTERFACES = frozenset({"iptables", "nftables", "windows"})
"""Products whose export does not list the interfaces: any zone may exist there."""
LITTER = frozenset({"thumbs.db", "desktop.ini"})
"""What file managers leave in a folder; hidden files are ignored too."""


class _Group(NamedTuple):
    """Files that may complete each other, and what was left aside in their archives."""

    files: list[SourceFile]
    unread: list[str]


def collect(request: CollectRequest[FirewallConfig], network: Network, progress: Progress) -> FirewallFacts:  # noqa: ARG001 - the shape of every collector
    """Read every export the profile names. Raises `CollectError` when one of them cannot be read."""
    config = request.config
    return read_exports(
        [Path(name) for name in config.export_files],
        [Path(name) for name in config.exports_dir],
        vendor=config.vendor,
        roles=config.roles,
        progress=progress,
    )


def read_input(inputs: Sequence[str], options: Mapping[str, str]) -> FirewallFacts:
    """Facts of `ausculte check firewall FILE…`: exports, folders of exports, or facts recorded earlier.

    Options: `vendor`, and `role`, one `ZONE=ROLE` per line. Raises `CollectError` for what cannot be read.
    """
    try:
        roles = parse_roles(line for line in options.get("role", "").splitlines() if line.strip())
    except ValueError as error:
        raise CollectError(Reason.MALFORMED, f"--role : {error}") from error
    paths = [Path(name) for name in inputs]
    recorded = _recorded(paths[0]) if len(paths) == 1 and paths[0].is_file() else None
    if recorded is not None:
        facts = msgspec.structs.replace(recorded, roles={**recorded.roles, **roles})
        _check_zones(facts)
        return facts
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if path not in folders]
    return read_exports(files, folders, vendor=options.get("vendor", ""), roles=roles)


def read_exports(
    files: Sequence[Path],
    folders: Sequence[Path],
    *,
    vendor: str = "",
    roles: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> FirewallFacts:
    """The firewalls that the files, and each folder on its own, describe. Raises `CollectError`."""
    batches = [("", list(files))] if files else []
    batches += [batch for folder in folders for batch in _files_of(folder)]
    reader = _Reader(sum(len(paths) for _, paths in batches), vendor, progress)
    found: list[tuple[Device, str]] = []
    try:
        for folder_name, paths in batches:
            found += [(device, folder_name) for device in reader.devices(paths)]
    except ParseError as error:
        raise CollectError(Reason.MALFORMED, f"{error}.") from error
    facts = FirewallFacts(devices=tuple(_distinct(found)), roles=dict(roles or {}))
    _check_zones(facts)
    return facts


class _Reader:
    """Reads batches of files, each path once, within one bound."""

    def __init__(self, total: int, vendor: str, progress: Progress | None) -> None:
        self._vendor = vendor
        self._progress = progress
        self._seen: set[Path] = set()
        self._done = 0
        self._total = total
        self._bytes = 0

    def devices(self, paths: Iterable[Path]) -> list[Device]:
        """Every firewall that these files describe together."""
        group = _Group([], [])
        for path in paths:
            resolved = path.resolve()
            if resolved not in self._seen:
                self._seen.add(resolved)
                self._read(path, group)
            self._done += 1
        if not group.files:
            return []
        found = registry.parse_files(group.files, self._vendor)
        return [_with_limit(device, group.unread) for device in found]

    def _read(self, path: Path, group: _Group) -> None:
        if self._progress:
            self._progress(f"Lecture de {path.name}", self._done, self._total)
        raw = _bytes_of(path)
        if not is_archive(raw):
            self._count(len(raw), path.name)
            group.files.append(decode(path.name, raw))
            return
        read, unread = self._members(path.name, raw)
        if not read:
            raise ParseError("cette archive ne contient aucun export de pare-feu connu", path.name)
        group.files.extend(read)
        group.unread.extend(unread)

    def _members(self, name: str, raw: bytes) -> tuple[list[SourceFile], list[str]]:
        """Exports in an archive, and the names of what is something else (pages, images, logs)."""
        recognise = self._recogniser()
        read: list[SourceFile] = []
        unread: list[str] = []
        for member, content in members(name, raw):
            self._count(len(content), name)
            try:
                file = decode(member, content)
                known = recognise(file)
            except ParseError:
                known = False
            if known:
                read.append(file)
            else:
                unread.append(member)
        return read, unread

    def _recogniser(self) -> Callable[[SourceFile], bool]:
        if self._vendor in registry.VENDORS:
            return registry.parser_of(self._vendor).recognise
        return lambda file: bool(registry.recognise(file))

    def _count(self, size: int, name: str) -> None:
        self._bytes += size
        if self._bytes > MAX_TOTAL:
            raise ParseError(f"trop de données en une fois (limite {MAX_TOTAL // 1_000_000} Mo en tout)", name)


def _bytes_of(path: Path) -> bytes:
    """Content of a regular file, its size known to be acceptable before it is read. Raises `ParseError`."""
    try:
        if not path.is_file():  # never a pipe or a device, which would never end
            why = "ce n'est pas un fichier" if path.exists() else "ce fichier n'existe pas"
            raise CollectError(Reason.NOT_CONFIGURED, f"{path} : {why}.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            message = f"fichier trop grand ({size // 1_000_000} Mo ; limite {MAX_BYTES // 1_000_000} Mo)"
            raise ParseError(message, path.name)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except PermissionError as error:
        raise CollectError(Reason.PERMISSION, f"{path} : lecture refusée.") from error
    except OSError as error:
        raise CollectError(Reason.NOT_CONFIGURED, f"{path} : fichier illisible ({error.strerror}).") from error


def _files_of(folder: Path) -> list[tuple[str, list[Path]]]:
    """Batches of files of a folder, each with the name of its own folder, in a stable order.

    A folder that holds files is one batch, with its sub-folders; one that only holds folders is one batch for each.
    Raises `CollectError`.
    """
    found: list[Path] = []
    try:
        here = sorted(path for path in folder.iterdir() if not _is_litter(path))
        inside = [path for path in here if path.is_dir() and not path.is_symlink()]
        if here and len(inside) == len(here):
            return [batch for path in inside for batch in _files_of(path)]
        for place, folders, names in os.walk(folder, onerror=_refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [path for name in sorted(names) if not _is_litter(path := Path(place, name))]
            if len(found) > MAX_FILES:
                raise CollectError(Reason.MALFORMED, f"{folder} : plus de {MAX_FILES} fichiers dans ce dossier.")
    except PermissionError as error:
        raise CollectError(Reason.PERMISSION, f"{error.filename or folder} : lecture refusée.") from error
    except OSError as error:
        raise CollectError(Reason.NOT_CONFIGURED, f"{folder} : dossier absent ou illisible.") from error
    if not found:
        raise CollectError(Reason.NOT_CONFIGURED, f"{folder} : aucun fichier dans ce dossier.")
    return [(folder.resolve().name, found)]


def _refuse(error: OSError) -> None:
    raise error


def _is_litter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.casefold() in LITTER


def _recorded(path: Path) -> FirewallFacts | None:
    """Facts of an earlier run: a bare document, or the envelope of a run folder; None for any other content."""
    try:
        raw = _bytes_of(path)
        document = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (ParseError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    envelope = document.get("schema") == msgspec.Raw(msgspec.json.encode(FACTS_SCHEMA))
    if not envelope and "devices" not in document:
        return None
    try:
        return msgspec.json.decode(document.get("data", b"null") if envelope else raw, type=FirewallFacts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not envelope:
            return None
        detail = f"{path} n'est pas un fichier de faits de pare-feu : {error}."
        raise CollectError(Reason.MALFORMED, detail) from error


def _with_limit(device: Device, unread: Sequence[str]) -> Device:
    """The device, which says what the archive also held."""
    if not unread:
        return device
    names = ", ".join(unread[:MAX_NAMED])
    more = f" et {len(unread) - MAX_NAMED} autres" if len(unread) > MAX_NAMED else ""
    limit = f"Fichiers de l'archive qui ne sont pas des exports de pare-feu connus, non lus : {names}{more}."
    return msgspec.structs.replace(device, limits=(*device.limits, limit))


def _distinct(found: Sequence[tuple[Device, str]]) -> Iterator[Device]:
    """The devices, each with a name of its own: two exports of one firewall, or two servers of one host name.

    The name of the file tells them apart, else that of the folder, else a number.
    """
    groups: dict[str, list[int]] = {}
    for index, (device, _) in enumerate(found):
        groups.setdefault(device.name, []).append(index)
    names = {indexes[0]: name for name, indexes in groups.items() if len(indexes) == 1}
    taken = set(names.values())
    for name, indexes in groups.items():
        if len(indexes) > 1:
            places = [[d.files[0].name if d.files else "", folder] for d, folder in (found[i] for i in indexes)]
            names.update(zip(indexes, _told_apart(name, places, taken), strict=True))
    for index, (device, _) in enumerate(found):
        yield msgspec.structs.replace(device, name=names[index]) if names[index] != device.name else device


def _told_apart(name: str, places: Sequence[Sequence[str]], taken: set[str]) -> Iterator[str]:
    """One name per device of the same name, from the first kind of place that tells all of them apart."""
    for kind in zip(*places, strict=True):
        if all(kind) and len(set(kind)) == len(kind):
            named = [f"{name} ({place})" for place in kind]
            break
    else:
        named = [name] * len(places)
    for base in named:
        new, number = base, 1
        while new in taken:
            number += 1
            new = f"{base} n° {number}"
        taken.add(new)
        yield new


def _check_zones(facts: FirewallFacts) -> None:
    """Raise `CollectError` for a role given to a zone that no firewall has: what was meant would not be judged."""
    if not facts.devices or any(
        device.vendor in WITHOUT_INTERFACES or not device.interfaces for device in facts.devices
    ):
        return
    known = {zone.casefold(): zone for device in facts.devices for zone in (*zones_of(device), *_wildcards(device))}
    prefixes = tuple(name[:-1] for name in known if name.endswith("*"))
    for zone in facts.roles:
        if zone.casefold() not in known and not zone.casefold().startswith(prefixes):
            shown = sorted(known.values())
            names = ", ".join(shown[:MAX_SHOWN]) + ("…" if len(shown) > MAX_SHOWN else "")
            detail = f"Le rôle de la zone « {zone} » est déclaré, mais aucun export n'a cette zone (zones : {names})."
            raise CollectError(Reason.NOT_CONFIGURED, detail)


def _wildcards(device: Device) -> Iterator[str]:
    for chain in device.chains:
        for rule in chain.rules:
            yield from (zone for zone in (*rule.in_zones, *rule.out_zones) if zone.endswith("*"))
