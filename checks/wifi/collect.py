"""Read captures, saved scans and exported configurations into facts; try what a joined network lets through."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from checks.common.textfile import MAX_BYTES, ParseError, SourceFile, decode
from checks.model import FACTS_SCHEMA, CollectError, CollectRequest, Network, Progress, Reason
from checks.wifi import recognise
from checks.wifi.capture.reader import read_captures
from checks.wifi.config import ROLES, WifiConfig, normal_bssid
from checks.wifi.facts import WifiFacts
from checks.wifi.imported import Imported
from checks.wifi.inside.collect import from_inside
from checks.wifi.inside.facts import InsideFacts

MAX_FILES = 2000
"""Files of one folder."""
MAX_RECORDED = 512_000_000
"""Bytes of a facts file."""
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


def collect(request: CollectRequest[WifiConfig], network: Network, progress: Progress) -> WifiFacts:
    """Read every file the profile names, then try what the profile asks for from the network this machine is on.

    Raises `CollectError` when a file cannot be read, or when there is nothing to do.
    """
    config = request.config
    captures = [Path(name) for name in config.capture_files]
    for folder in config.captures_dir:
        captures += _files_of(Path(folder))
    texts = [Path(name) for name in (*config.scan_files, *config.export_files)]
    if not captures and not texts and not config.inside:
        detail = "Aucune capture, aucun relevé, aucun export, aucun essai depuis un réseau Wi-Fi n'est dans le profil."
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    facts = read_files(captures, texts, roles=config.ssids, declared_bssids=config.access_points, progress=progress)
    earlier, limits = _earlier(config.inside_dir)
    inside = from_inside(config.inside, earlier, network, progress, request.clock)
    return msgspec.structs.replace(facts, inside=inside, limits=(*facts.limits, *limits))


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

    Option `role`: one `SSID=ROLE` per line. Raises `CollectError` for what cannot be read.
    """
    roles = _roles(line for line in options.get("role", "").splitlines() if line.strip())
    paths: list[Path] = []
    for name in inputs:
        path = Path(name)
        paths += _files_of(path) if path.is_dir() else [path]
    recorded = _recorded(paths[0]) if len(paths) == 1 else None
    if recorded is not None:
        return msgspec.structs.replace(recorded, roles={**recorded.roles, **roles})
    captures = [path for path in paths if _is_capture(path)]
    return read_files(captures, [path for path in paths if path not in captures], roles=roles)


def read_files(
    captures: Sequence[Path],
    texts: Sequence[Path],
    *,
    roles: Mapping[str, str] | None = None,
    declared_bssids: Iterable[str] = (),
    progress: Progress | None = None,
) -> WifiFacts:
    """Everything the files say, together. Stations get new pseudonyms each time. Raises `CollectError`."""
    for path in captures:
        _check(path)
    try:
        seen = read_captures(
            captures, salt=secrets.token_bytes(SALT_BYTES), progress=progress, declared=tuple(roles or ())
        )
        said = recognise.read_all([_text(path) for path in texts])
    except ParseError as error:
        raise CollectError(Reason.MALFORMED, f"{error}.") from error
    except OSError as error:
        raise _unreadable(error) from error
    unknown = [file.name for file in seen.files if not file.format]
    if unknown and len(unknown) == len(seen.files) and not texts:
        raise CollectError(Reason.MALFORMED, f"{unknown[0]} : ce n'est pas une capture pcap ou pcapng.")
    return _together(seen, said, roles or {}, declared_bssids)


def _together(seen: WifiFacts, said: Imported, roles: Mapping[str, str], declared_bssids: Iterable[str]) -> WifiFacts:
    return msgspec.structs.replace(
        seen,
        networks=(*seen.networks, *said.networks),
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


def _is_capture(path: Path) -> bool:
    _check(path)
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).startswith(_CAPTURES)
    except OSError as error:
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
