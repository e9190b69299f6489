"""Proxmox Backup Server, through its API with a token: only GET requests.

The profile gives `location` (the server), `user` (`audit@pbs!ausculte`, a token with the roles DatastoreAudit and, for
the accounts, Audit), `password_from` (its secret) and `datastore`; without the last, every datastore is read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Access, Job, Point, Repository
from checks.backup.technologies import http_values as values
from checks.backup.technologies import pbs_parse as parse
from checks.backup.technologies.base import Tools
from checks.backup.technologies.http import Client, Reader, server_of
from checks.backup.technologies.http_tls import ApiError
from checks.backup.technologies.record import declared_access, malformed, unread, unsupported
from checks.model import Gap, Reason

PORT = 8007
MAX_STORES = 20
MAX_NAMESPACES = 200
MAX_FAILURES = 100
_TOKEN = re.compile(r"[^\s:@!/]+@[A-Za-z0-9_.-]+![A-Za-z0-9_.-]+")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""Names a datastore may have (PROXMOX_SAFE_ID_REGEX): nothing that would change the path of a request."""
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")

_SCHEDULES = (
    "Les sauvegardes de machines virtuelles sont planifiées sur les hyperviseurs : leurs horaires ne se lisent pas sur "
    "Proxmox Backup Server"
)


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read one datastore, or all of them. See `base.Technology.read`."""
    started = time.monotonic()
    try:
        server = server_of(config, PORT)
        _check_token(config)
        with Client(server, tools.network, purpose="Proxmox Backup Server : lecture des sauvegardes") as client:
            client.open()
            client.authorise(f"PBSAPIToken={config.user}:", tools.secret(config.password_from))
            found = _read(config, tools, Reader(client))
    except ApiError as error:
        found = unread(config, error.gap, address=config.location)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _check_token(config: RepositoryConfig) -> None:
    if not _TOKEN.fullmatch(config.user) or not config.password_from:
        raise ApiError(
            Reason.NOT_CONFIGURED,
            f"« {config.label} » : « user » attend un jeton d'API (compte@royaume!jeton), « password_from » son secret",
        )


def _read(config: RepositoryConfig, tools: Tools, ask: Reader) -> Repository:
    version = _data(ask, "/version")
    if isinstance(version, Gap) and ask.lost:
        return unread(config, version, address=ask.client.name)
    limits = [_SCHEDULES]
    stores = _stores(config, ask)
    if isinstance(stores, Gap):
        return unread(config, stores, address=ask.client.name, version=_version(version))
    tools.progress(f"{config.label} : points de restauration", 0, len(stores))
    rows: list[Mapping[str, Any]] = []
    points: list[Point] = []
    gap: Gap | None = None
    for store in stores:
        for namespace in _namespaces(ask, store, limits):
            answer = _data(ask, f"/admin/datastore/{store}/snapshots", {"ns": namespace} if namespace else None)
            listed = values.rows(answer)
            if listed is None:
                gap = answer if isinstance(answer, Gap) else malformed("La liste des points n'a pas la forme attendue")
                limits.append(f"{store}{'/' + namespace if namespace else ''} : {gap.detail}")
                continue
            rows += listed
            points += parse.points(listed, store, namespace)
    # A list cut in one place would make a missing machine look unsaved.
    kept: tuple[Point, ...] | Gap = tuple(points) if gap is None else gap
    tools.progress(f"{config.label} : tâches et comptes")
    return _describe(config, ask, stores, kept, rows, _version(version), limits)


def _describe(
    config: RepositoryConfig,
    ask: Reader,
    stores: list[str],
    points: tuple[Point, ...] | Gap,
    rows: list[Mapping[str, Any]],
    version: str,
    limits: list[str],
) -> Repository:
    store = stores[0] if len(stores) == 1 else ""
    jobs, settings, retention = _jobs(ask, store, limits)
    owners = frozenset(values.text(row, "owner") for row in rows) - {""}
    access = parse.access(
        _data(ask, "/access/users"),
        _data(ask, "/access/domains"),
        _data(ask, "/access/tfa"),
        _data(ask, "/access/acl"),
        owners,
        config.user,
    )
    access = _with_declared(config, access)
    status = _data(ask, f"/admin/datastore/{store}/status") if store else None
    errors = _data(ask, "/nodes/localhost/tasks", {"errors": 1, "limit": MAX_FAILURES})
    failed = values.rows(errors)
    settings["protected_points"] = parse.protected(rows)
    deletes = access.deletes_allowed if isinstance(access, Access) else None
    return unread(
        config,
        unsupported("Proxmox Backup Server ne donne pas cette information"),
        product="Proxmox Backup Server",
        version=version,
        address=f"{ask.client.name}/{store}" if store else ask.client.name,
        medium=config.medium or "disk",
        points=points,
        jobs=jobs,
        failures=parse.failures(failed) if failed is not None else _gap(errors, "La liste des tâches en échec"),
        integrity=parse.integrity(points) if not isinstance(points, Gap) else points,
        encryption=parse.encryption(points, key_escrow=config.key_escrow) if not isinstance(points, Gap) else points,
        immutability=parse.immutability(points, parse.protected(rows), deletes_allowed=deletes)
        if not isinstance(points, Gap)
        else points,
        access=access,
        capacity=_bytes(status, "total"),
        free=_bytes(status, "avail"),
        own_configuration_saved=unsupported(
            "Proxmox Backup Server ne dit pas si sa propre configuration (/etc/proxmox-backup) est copiée ailleurs"
        ),
        retention=retention,
        settings=settings,
        limits=tuple(limits),
    )


def _with_declared(config: RepositoryConfig, access: Access | Gap) -> Access | Gap:
    """What was read, completed by what is declared."""
    if isinstance(access, Gap):
        return declared_access(config, access)
    return msgspec.structs.replace(
        access,
        in_production_domain=config.in_production_domain
        if access.in_production_domain is None
        else access.in_production_domain,
        mfa=config.mfa if access.mfa is None else access.mfa,
    )


def _stores(config: RepositoryConfig, ask: Reader) -> list[str] | Gap:
    if config.datastore:
        if not _SAFE.fullmatch(config.datastore):
            return Gap(reason=Reason.NOT_CONFIGURED, detail=f"« {config.label} » : nom d'entrepôt impossible")
        return [config.datastore]
    answer = _data(ask, "/admin/datastore")
    rows = values.rows(answer)
    if rows is None:
        return _gap(answer, "La liste des entrepôts")
    found = [values.text(row, "store") for row in rows if _SAFE.fullmatch(values.text(row, "store"))]
    if not found:
        return Gap(reason=Reason.PERMISSION, detail="Le jeton utilisé ne voit aucun entrepôt de sauvegarde")
    return found[:MAX_STORES]


def _namespaces(ask: Reader, store: str, limits: list[str]) -> list[str]:
    """Namespaces of a datastore, the root (empty) first. Servers older than 2.2 have none and answer 404."""
    answer = _data(ask, f"/admin/datastore/{store}/namespace")
    rows = values.rows(answer)
    if rows is None:
        if not isinstance(answer, Gap) or answer.reason is not Reason.UNSUPPORTED:
            limits.append(f"{store} : la liste des espaces de noms n'a pas été lue, seule la racine l'a été")
        return [""]
    found = [name for row in rows if _NAMESPACE.fullmatch(name := values.text(row, "ns", limit=256))]
    if len(found) > MAX_NAMESPACES:
        limits.append(f"{store} : seuls {MAX_NAMESPACES} espaces de noms sur {len(found)} ont été lus")
    return ["", *dict.fromkeys(found[:MAX_NAMESPACES])]


def _jobs(ask: Reader, store: str, limits: list[str]) -> tuple[tuple[Job, ...] | Gap, dict[str, bool | int | str], str]:
    found: list[Job] = []
    settings: dict[str, bool | int | str] = {}
    retention = ""
    gap: Gap | None = None
    for kind, path in (
        ("verify", "/admin/verify"),
        ("sync", "/admin/sync"),
        ("prune", "/admin/prune"),
        ("tape", "/config/tape-backup-job"),
    ):
        answer = _data(ask, path)
        rows = values.rows(answer)
        if rows is None:
            missing = _gap(answer, f"La liste des tâches ({path})")
            limits.append(missing.detail)
            # Only the verification and synchronisation tasks say how copies are looked after.
            gap = gap or (missing if kind in {"verify", "sync"} else None)
            continue
        listed = parse.jobs(kind, rows, store)
        settings[f"{kind}_jobs"] = sum(job.enabled is True for job in listed)
        if kind == "sync":
            settings["sync_removes_vanished"] = any(values.flag(row, "remove-vanished") is True for row in rows)
        if kind == "prune":
            retention = parse.retention(rows, store)
        found += listed
    return tuple(found) if gap is None else gap, settings, retention


def _data(ask: Reader, path: str, query: Mapping[str, str | int] | None = None) -> Any:
    """Content of the `data` envelope of an answer, or the gap."""
    answer = ask.fetch(f"/api2/json{path}", query)
    return answer if isinstance(answer, Gap) else values.at(answer, "data")


def _bytes(status: Any, key: str) -> int | None:
    """A size; None when the server does not know it, which it writes -1."""
    found = values.whole(status, key)
    return found if found is not None and found >= 0 else None


def _gap(answer: Any, what: str) -> Gap:
    return answer if isinstance(answer, Gap) else malformed(f"{what} n'a pas la forme attendue")


def _version(answer: Any) -> str:
    return "-".join(filter(None, (values.text(answer, "version"), values.text(answer, "release"))))
