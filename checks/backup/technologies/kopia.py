"""Reads a kopia repository: from the program of this machine, or from its saved outputs.

The shapes are those of kopia's source (`cli.RepositoryStatus`, `snapshot.Manifest`) and of outputs shown in its issues
(#1987, #5326). Not verified against the product: it could not be installed. Outputs to save:
`kopia snapshot list --all --json` and `kopia repository status --json`.

kopia is asked through a configuration file that already connects it: `location` names that file, `default` the one of
this person. The servers it names are permitted first. Only commands that read are run; kopia writes its logs in a
private folder and its cache where its configuration says, outside of the repository.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption, Immutability, Point, Repository
from checks.backup.technologies.base import Tools
from checks.backup.technologies.command import Program, find, program
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http_values import at, moment, rows, text, whole
from checks.backup.technologies.locations import Place, home, reach
from checks.backup.technologies.record import unread, unsupported
from checks.common.text import clean
from checks.model import CollectError, Gap, Reason

PRODUCT = "kopia"
MAX_POINTS = 20_000
MAX_CONFIG = 1 << 20
_DAY = 86_400_000_000_000
"""Nanoseconds: kopia writes the length of a retention as a duration of Go."""
_REFUSED = ("invalid repository password", "invalid password", "access denied", "permission denied")


class Reading(NamedTuple):
    """What the answers say."""

    points: tuple[Point, ...] | None
    status: Any


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a repository: snapshots, encryption, retention of the storage below."""
    started = time.monotonic()
    notes = ["Cette lecture n'a pas été éprouvée avec le produit lui-même : comparer avec son écran."]
    try:
        if config.export_files:
            found = parse(file.text for file in read_exports(config))
            notes.append("Lu dans des sorties enregistrées : rien ne dit que la liste est encore celle du dépôt.")
        else:
            found = _asked(config, tools)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    missing = Gap(reason=Reason.NOT_CONFIGURED, detail="La sortie de « kopia repository status --json » n'est pas là.")
    listed = Gap(reason=Reason.NOT_CONFIGURED, detail="La sortie de « kopia snapshot list --all --json » n'est pas là.")
    return unread(
        config,
        unsupported("kopia ne montre ni planification, ni journal d'échecs, ni droits dans ces réponses."),
        product=PRODUCT,
        repository_id=text(found.status, "uniqueIDHex"),
        address=_address(found.status),
        points=listed if found.points is None else found.points,
        encryption=missing if found.status is None else _encryption(config, found.status),
        immutability=missing if found.status is None else _immutability(found.status),
        capacity=whole(found.status, "volume", "capacity"),
        free=whole(found.status, "volume", "available"),
        integrity=unsupported("« kopia snapshot verify » n'est pas lancé : lire son dernier résultat dans kopia."),
        limits=tuple(notes),
        seconds=round(time.monotonic() - started, 1),
    )


# --- asking ------------------------------------------------------------------------------------------------------


def _asked(config: RepositoryConfig, tools: Tools) -> Reading:
    """Ask the program of this machine. Raises `CollectError`."""
    find(PRODUCT)
    file = home() / ".config" / "kopia" / "repository.config" if config.location == "default" else config.location
    place = parse_place(_configuration(Path(file)))
    if place.kind != "local":
        reach(place, tools, "lecture d'un dépôt kopia")
    secrets = {"KOPIA_PASSWORD": tools.secret(config.password_from)} if config.password_from else {}
    settings = {"KOPIA_CONFIG_PATH": str(file), "KOPIA_CHECK_FOR_UPDATES": "false"}
    private = {"KOPIA_CACHE_DIRECTORY": "kopia", "KOPIA_LOG_DIR": "journal"}
    tools.progress(f"{config.label} : instantanés kopia")
    with program(PRODUCT, tools, settings=settings, secrets=secrets, private=private) as kopia:
        status = _answer(kopia, "repository", "status", "--json")
        return parse([status, _answer(kopia, "snapshot", "list", "--all", "--json")])


def _answer(kopia: Program, *arguments: str) -> str:
    answer = kopia.run(arguments, f"kopia, {arguments[0]}")
    if answer.code or answer.cut:
        refused = any(sign in answer.err.lower() for sign in _REFUSED)
        reason = Reason.REFUSED if refused else Reason.ERROR
        raise CollectError(reason, f"kopia n'a pas répondu : {answer.why}.")
    return answer.out.decode("utf-8", "replace")


def _configuration(file: Path) -> Any:
    """The configuration kopia is connected by. It may hold secrets: nothing of it leaves but the place."""
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(MAX_CONFIG))
    except FileNotFoundError:
        detail = "kopia n'est connecté à aucun dépôt ici : « location » attend son fichier « repository.config »."
        raise CollectError(Reason.NOT_CONFIGURED, detail) from None
    except OSError:
        raise CollectError(Reason.PERMISSION, "La configuration de kopia ne se lit pas.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CollectError(Reason.MALFORMED, "La configuration de kopia n'a pas la forme attendue.") from None


def parse_place(content: Any) -> Place:
    """Where a configuration leads. Raises `CollectError` when its servers cannot be told."""
    kind = text(content, "storage", "type")
    settings = at(content, "storage", "config")
    try:
        if url := text(content, "apiServer", "url"):
            return _url_place("kopia", url)
        if kind == "filesystem":
            return Place("local", text(settings, "path"))
        if kind == "sftp" and not at(settings, "externalSSH"):
            return Place("sftp", text(settings, "path"), text(settings, "host"), whole(settings, "port") or 22)
        if kind == "s3":
            scheme = "http" if at(settings, "doNotUseTLS") is True else "https"
            return _url_place("s3", f"{scheme}://{text(settings, 'endpoint')}")
        if kind == "webdav":
            return _url_place("webdav", text(settings, "url"))
    except ValueError:
        raise CollectError(Reason.MALFORMED, "L'adresse du dépôt kopia ne se lit pas.") from None
    detail = f"Le stockage « {clean(kind, 40)} » de kopia n'est pas interrogé : ses serveurs ne se lisent pas ici."
    raise CollectError(Reason.UNSUPPORTED, detail)


def _url_place(kind: str, url: str) -> Place:
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(kind)
    secure = parts.scheme == "https"
    return Place(kind, parts.path, parts.hostname, parts.port or (443 if secure else 80), secure=secure)


# --- parsing -----------------------------------------------------------------------------------------------------


def parse(texts: Iterable[str]) -> Reading:
    """What outputs say, whatever their order. Raises `CollectError` when none is one of kopia's."""
    points: tuple[Point, ...] | None = None
    status: Any = None
    for content in texts:
        try:
            value = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise CollectError(Reason.MALFORMED, "Une sortie de kopia n'est pas du JSON.") from None
        if isinstance(value, dict) and "uniqueIDHex" in value:
            status = value
        elif (found := rows(value)) is not None and all("startTime" in row for row in found):
            points = (*(points or ()), *_points(found))
    if points is None and status is None:
        raise CollectError(Reason.MALFORMED, "Ces fichiers ne sont pas des sorties de kopia.")
    kept = None if points is None else tuple(sorted(points, key=lambda point: point.time)[-MAX_POINTS:])
    return Reading(kept, status)


def _points(found: Iterable[Any]) -> Iterator[Point]:
    for row in found:
        when, identity = moment(row, "startTime"), text(row, "id")
        if when is None or not identity:
            continue
        size = whole(row, "rootEntry", "summ", "size")
        files = whole(row, "rootEntry", "summ", "files")
        failed = whole(row, "rootEntry", "summ", "numFailed") or 0
        path = text(row, "source", "path", limit=300)
        yield Point(
            id=identity,
            source=text(row, "source", "host"),
            time=when,
            paths=(path,) if path else (),
            size=size,
            files=files,
            complete=not (text(row, "incomplete") or failed),
            empty=size == 0 or files == 0,
            encrypted=True,
        )


def _encryption(config: RepositoryConfig, status: Any) -> Encryption | Gap:
    method = text(status, "contentFormat", "encryption")
    if not method:
        return unsupported("Le chiffrement n'est pas dans la réponse de kopia.")
    return Encryption(encrypted=method.upper() != "NONE", method=method, key_escrow=config.key_escrow)


def _immutability(status: Any) -> Immutability | Gap:
    """Retention that kopia asks of the storage below; both fields are needed for one (`IsRetentionEnabled`)."""
    mode = text(status, "blobRetention", "retentionMode").upper()
    length = whole(status, "blobRetention", "retentionPeriod") or 0
    days = length // _DAY or None
    if mode in {"COMPLIANCE", "LOCKED"} and length > 0:
        return Immutability(lock="compliance", proof="configured", days=days, detail="Demandé par kopia au stockage.")
    if mode in {"GOVERNANCE", "UNLOCKED"} and length > 0:
        return Immutability(lock="governance", proof="configured", days=days, detail="Demandé par kopia au stockage.")
    return Immutability(lock="none", proof="configured", detail="kopia ne demande aucune rétention au stockage.")


def _address(status: Any) -> str:
    """Kind of storage and folder, host or bucket; nothing else of its configuration."""
    kind = text(status, "storage", "type")
    settings = at(status, "storage", "config")
    where = [text(settings, name) for name in ("endpoint", "host", "bucket", "path")]
    return clean(f"{kind}: {'/'.join(part for part in where if part)}", 300) if kind else ""
