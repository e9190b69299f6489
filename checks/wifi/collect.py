"""Read captures, saved scans and exported configurations into facts; try what a joined network lets through."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from checks.common.text import clean
from checks.common.textfile import MAX_BYTES, ParseError, SourceFile, decode
from checks.model import FACTS_SCHEMA, CollectError, CollectRequest, Gap, Network, Progress, Reason
from checks.wifi import recognise
from checks.wifi.capture.reader import read_captures
from checks.wifi.config import ROLES, WifiConfig, normal_bssid
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import EXPORT, OutsideSignal, Unreadable, WifiFacts
from checks.wifi.imported import Imported
from checks.wifi.inside.collect import from_inside
from checks.wifi.inside.facts import InsideFacts
from checks.wifi.live.config import LiveConfig
from checks.wifi.makers import with_makers
from checks.wifi.radius.facts import RadiusFacts

if TYPE_CHECKING:
    from checks.wifi.live.listen import Heard

MAX_FILES = 2000
"""Files of one folder."""
MAX_RECORDED = 512_000_000
"""Bytes of a facts file."""
MAX_NAME = 200
MAX_TOLD = 20
"""Bad files named in the limits; all are among what is unreadable."""
SALT_BYTES = 32
LITTER = frozenset({"thumbs.db", "desktop.ini"})
_HEAD = 4
_CAPTURES = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x34\xcd\xb2\xa1",
    b"\xa1\xb2\xcd\x34",
    b"\x0a\x0d\x0d\x0a",
    b"\x1f\x8b",
)
"""First bytes of pcap (both byte orders, microseconds, nanoseconds, the old patched form), pcapng and gzip."""

PartT = TypeVar("PartT")


class Listening(Protocol):
    """Hear what is around while capture files are read: see `live.listen.listen`."""

    def __call__(self, *, salt: bytes, captures: Sequence[Path], declared: Collection[str]) -> Heard:
        """Facts of the frames heard and of `captures`, with the same pseudonyms."""


_EMPTY = WifiFacts(networks=(), handshakes=(), eap=(), truncated=False)


def collect(request: CollectRequest[WifiConfig], network: Network, progress: Progress) -> WifiFacts:
    """Listen around, read every file the profile names, then try what it asks for from the network we are on.

    A file that cannot be read is said to be, and the others are read. Raises `CollectError` when none can, or when
    there is nothing to do.
    """
    config = request.config
    captures = [Path(name) for name in config.capture_files]
    for folder in config.captures_dir:
        captures += _files_of(Path(folder))
    texts = [Path(name) for name in (*config.scan_files, *config.export_files)]
    if not (captures or texts or config.inside or config.live or config.radius or config.outside_files):
        detail = "Aucune capture, aucun relevé, aucun export, aucune écoute, aucun essai n'est demandé dans le profil."
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    try:
        facts = read_files(
            captures,
            texts,
            roles=config.ssids,
            declared_bssids=config.access_points,
            progress=progress,
            place=request.place,
            tolerant={*captures, *texts},
            listening=_listening(config.live, network, progress, request.clock),
        )
    except CollectError as error:
        if not (config.inside or config.radius or config.outside_files):
            raise
        # What is tried from here does not depend on files.
        facts = _together(_EMPTY, Imported(), config.ssids, config.access_points)
        facts = msgspec.structs.replace(facts, limits=(f"Fichier non lu : {error.detail}",))
    facts = msgspec.structs.replace(facts, outside=_outside(config.outside_files))
    earlier, limits = _earlier(config.inside_dir)
    inside = from_inside(config.inside, earlier, network, progress, request.clock)
    radius = _questioned(request, network, progress) if config.radius else ()
    return msgspec.structs.replace(facts, inside=inside, radius=radius, limits=(*facts.limits, *limits))


def _outside(names: Sequence[str]) -> tuple[OutsideSignal, ...] | Gap | None:
    """Radios received outside the walls, whoever they belong to; a gap when a measurement cannot be read."""
    if not names:
        return None
    try:
        seen = read_input(names, {})
    except CollectError as error:
        return Gap(reason=error.reason, detail=error.detail)
    if seen.truncated:
        return Gap(reason=Reason.MALFORMED, detail="Le relevé fait hors des murs est incomplet.")
    return tuple(
        OutsideSignal(
            ssid=network.ssid,
            bssid=network.bssid,
            strongest=network.strongest,
            file=network.packet.file if network.packet else network.file,
        )
        for network in seen.networks
        if network.source != EXPORT
    )


def _questioned(request: CollectRequest[WifiConfig], network: Network, progress: Progress) -> tuple[RadiusFacts, ...]:
    from checks.wifi.radius.collect import collect as question  # a collection without 802.1X does without

    return tuple(question(one, request.secret, network, progress) for one in request.config.radius)


def _listening(
    config: LiveConfig | None, network: Network, progress: Progress, clock: Callable[[], datetime]
) -> Listening | None:
    if config is None:
        return None
    from checks.wifi.live.listen import listen  # a collection that only reads files does without

    return partial(listen, config, network.machine, progress, clock=clock)


def _earlier(folders: Iterable[str]) -> tuple[list[InsideFacts], list[str]]:
    """Tests from inside of earlier collections, and what could not be read of them.

    A folder that does not exist yet is no mistake: the same profile is collected from each network in turn.
    """
    found: list[InsideFacts] = []
    limits: list[str] = []
    for folder in folders:
        for path in sorted({*Path(folder).glob("run-*/facts/wifi.json"), *Path(folder).glob("facts/wifi.json")}):
            try:
                recorded = _recorded(path)
            except CollectError as error:
                limits.append(f"Un essai fait plus tôt n'est pas lisible : {error.detail}")
                continue
            found += recorded.inside if recorded else ()
    return found, limits


def read_input(inputs: Sequence[str], options: Mapping[str, str]) -> WifiFacts:
    """Facts of `ausculte check wifi FILE…`: captures, scans, exports, folders of them, or facts recorded earlier.

    Option `role`: one `SSID=ROLE` per line. Raises `CollectError` for a file given by name that cannot be read; one
    found in a folder is said to be unreadable, and the others are read.
    """
    roles = _roles(line for line in options.get("role", "").splitlines() if line.strip())
    paths: list[Path] = []
    found: set[Path] = set()
    for name in inputs:
        path = Path(name)
        inside = _files_of(path) if path.is_dir() else []
        found.update(inside)
        paths += inside or [path]
    tolerant = found - {Path(name) for name in inputs}
    recorded = _recorded(paths[0]) if len(paths) == 1 else None
    if recorded is not None:
        return msgspec.structs.replace(recorded, roles={**recorded.roles, **roles})
    captures = [path for path in paths if _is_capture(path, tolerant)]
    texts = [path for path in paths if path not in captures]
    return read_files(captures, texts, roles=roles, tolerant=tolerant)


def read_files(
    captures: Sequence[Path],
    texts: Sequence[Path],
    *,
    roles: Mapping[str, str] | None = None,
    declared_bssids: Iterable[str] = (),
    progress: Progress | None = None,
    place: Iterable[str] = (),
    tolerant: Collection[Path] = (),
    listening: Listening | None = None,
) -> WifiFacts:
    """Everything the files say, and what `listening` hears meanwhile. Stations get new pseudonyms each time.

    `place` is what anybody knows of the establishment. Raises `CollectError` for a file that cannot be read, unless it
    is one of `tolerant` and another file could be read: the facts then say which was not.
    """
    bad: list[tuple[Path, CollectError]] = []
    keys = Keys(place)
    opened = [path for path in captures if _attempt(path, _open, tolerant, bad) is not None]
    parts = [_attempt(path, lambda path: _read_text(path, keys), tolerant, bad) for path in texts]
    said = reduce(Imported.joined, (part for part in parts if part is not None), Imported())
    salt, declared = secrets.token_bytes(SALT_BYTES), tuple(roles or ())
    live = None
    try:
        if listening:
            heard = listening(salt=salt, captures=opened, declared=declared)
            seen, said, live = heard.seen, Imported.joined(said, heard.said), heard.live
        else:
            seen = read_captures(opened, salt=salt, progress=progress, declared=declared)
    except OSError as error:
        raise _unreadable(error) from error
    unknown = [file.name for file in seen.files if not file.format]
    if live is None and len(unknown) == len(seen.files) and not any(part is not None for part in parts):
        if bad:
            raise bad[0][1]
        if unknown:
            raise CollectError(Reason.MALFORMED, f"{unknown[0]} : ce n'est pas une capture pcap ou pcapng.")
    facts = _together(_without(seen, bad), said, roles or {}, declared_bssids)
    return msgspec.structs.replace(facts, live=live)


def _attempt(
    path: Path, read: Callable[[Path], PartT], tolerant: Collection[Path], bad: list[tuple[Path, CollectError]]
) -> PartT | None:
    """What a file gives; None when it cannot be read and that is no reason to stop."""
    try:
        return read(path)
    except CollectError as error:
        if path not in tolerant:
            raise
        bad.append((path, error))
        return None


def _open(path: Path) -> Path:
    """The path of a capture that can be opened."""
    _check(path)
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(error) from error
    return path


def _read_text(path: Path, keys: Keys) -> Imported:
    """What a saved scan or an export says."""
    try:
        return recognise.read(_text(path), keys)
    except ParseError as error:
        raise CollectError(Reason.MALFORMED, f"{error}.") from error
    except OSError as error:
        raise _unreadable(error) from error


def _without(seen: WifiFacts, bad: Sequence[tuple[Path, CollectError]]) -> WifiFacts:
    """The same facts, with the files that could not be read."""
    unreadable = [Unreadable(what=clean(error.detail), file=clean(path.name, MAX_NAME)) for path, error in bad]
    limits = [f"Fichier non lu : {one.what}" for one in unreadable]
    return msgspec.structs.replace(
        seen, unreadable=(*seen.unreadable, *unreadable), limits=(*seen.limits, *limits[:MAX_TOLD])
    )


def _together(seen: WifiFacts, said: Imported, roles: Mapping[str, str], declared_bssids: Iterable[str]) -> WifiFacts:
    return msgspec.structs.replace(
        seen,
        networks=with_makers((*seen.networks, *said.networks)),
        configurations=(*seen.configurations, *said.configurations),
        details=said.details,
        clients=said.clients,
        unreadable=(*seen.unreadable, *said.unreadable),
        limits=tuple(dict.fromkeys((*seen.limits, *said.limits))),
        roles=dict(roles),
        declared_bssids=tuple(normal_bssid(bssid) for bssid in declared_bssids),
    )


def _roles(pairs: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        ssid, equal, role = pair.rpartition("=")
        if not equal or not ssid.strip() or role.strip() not in ROLES:
            detail = f"--role : « {pair[:80]} » : SSID=RÔLE est attendu ({', '.join(ROLES)})."
            raise CollectError(Reason.MALFORMED, detail)
        found[ssid.strip()] = role.strip()
    return found


def _check(path: Path) -> None:
    """Refuse what is not a regular file: a pipe would never end."""
    if not path.is_file():
        why = "ce n'est pas un fichier" if path.exists() else "ce fichier n'existe pas"
        raise CollectError(Reason.NOT_CONFIGURED, f"{path} : {why}.")


def _is_capture(path: Path, tolerant: Collection[Path] = ()) -> bool:
    if path in tolerant and not path.is_file():
        return False  # told when it is read
    _check(path)
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).startswith(_CAPTURES)
    except OSError as error:
        if path in tolerant:
            return False
        raise _unreadable(error) from error


def _text(path: Path) -> SourceFile:
    _check(path)
    if path.stat().st_size > MAX_BYTES:
        raise ParseError(f"fichier trop grand (limite {MAX_BYTES // 1_000_000} Mo)", path.name)
    return decode(path.name, path.read_bytes())


def _unreadable(error: OSError) -> CollectError:
    reason = Reason.PERMISSION if isinstance(error, PermissionError) else Reason.NOT_CONFIGURED
    return CollectError(reason, f"{error.filename or 'fichier'} : lecture impossible ({error.strerror or error}).")


def _files_of(folder: Path) -> list[Path]:
    """Files below a folder, in a stable order, hidden ones left out. Raises `CollectError`."""
    found: list[Path] = []
    try:
        for place, folders, names in os.walk(folder, onerror=_refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [
                Path(place, name) for name in sorted(names) if not (name.startswith(".") or name.casefold() in LITTER)
            ]
            if len(found) > MAX_FILES:
                raise CollectError(Reason.MALFORMED, f"{folder} : plus de {MAX_FILES} fichiers dans ce dossier.")
    except OSError as error:
        raise _unreadable(error) from error
    if not found:
        raise CollectError(Reason.NOT_CONFIGURED, f"{folder} : aucun fichier dans ce dossier.")
    return found


def _refuse(error: OSError) -> None:
    raise error


def _recorded(path: Path) -> WifiFacts | None:
    """Facts of an earlier run: a bare document, or the envelope of a run folder; None for any other content."""
    _check(path)
    try:
        if path.stat().st_size > MAX_RECORDED or _is_capture(path):
            return None
        raw = path.read_bytes()
        document = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    except OSError as error:
        raise _unreadable(error) from error
    envelope = document.get("schema") == msgspec.Raw(msgspec.json.encode(FACTS_SCHEMA))
    if not envelope and not {"networks", "handshakes", "eap", "truncated"} <= document.keys():
        return None
    try:
        return msgspec.json.decode(document.get("data", b"null") if envelope else raw, type=WifiFacts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"{path} n'est pas un fichier de faits Wi-Fi : {error}."
        raise CollectError(Reason.MALFORMED, detail) from error
