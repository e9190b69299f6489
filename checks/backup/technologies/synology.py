"""Synology NAS: Hyper Backup, Active Backup for Business and snapshots, through the web API of DSM or saved logs.

One sign-in (POST, the password is never in an address), then GET requests of the methods `list`, `status`, `get…`, and
a sign-out. The API is the one DSM's own pages use; the vendor documents discovery and sign-in only, and the account
must belong to the administrators to see the tasks. With `export_files` and no `location`, saved logs are read instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Job, Point, Repository
from checks.backup.technologies import http_values as values
from checks.backup.technologies import synology_log as log
from checks.backup.technologies import synology_parse as parse
from checks.backup.technologies.base import Tools
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http import Client, Reader, server_of
from checks.backup.technologies.http_tls import ApiError
from checks.backup.technologies.record import LOCAL_TIME, malformed, unread, unsupported
from checks.common.text import clean
from checks.common.textfile import ParseError
from checks.model import CollectError, Gap, Reason

PORT = 5001
MAX_TASKS = 100
MAX_SHARES = 50
MAX_VERSIONS = 500
_ENTRY = "/webapi/entry.cgi"
_AUTH, _INFO = "SYNO.API.Auth", "SYNO.DSM.Info"
_HYPER, _VERSION = "SYNO.Backup.Task", "SYNO.Backup.Version"
_ACTIVE, _ACTIVE_LOG = "SYNO.ActiveBackup.Task", "SYNO.ActiveBackup.Log"
_SHARE, _SNAPSHOT = "SYNO.Core.Share", "SYNO.Core.Share.Snapshot"
_NEEDED = (_AUTH, _INFO, _HYPER, _VERSION, _ACTIVE, _ACTIVE_LOG, _SHARE, _SNAPSHOT)
_READING = frozenset({"list", "status", "get", "getinfo", "list_result", "logout"})
"""Methods this module may call: none changes anything but `logout`, which ends its own session."""
_STATUS = '["last_bkp_time","next_bkp_time","last_bkp_result","last_bkp_end_time","last_bkp_success_time","schedule"]'
_LIST = '["last_bkp_time","next_bkp_time","last_bkp_result","get_source","schedule"]'
_SNAPSHOTS = '["desc","lock","worm_lock","schedule_snapshot"]'
_ERRORS: Mapping[int, tuple[Reason, str]] = {
    102: (Reason.UNSUPPORTED, "cette fonction n'est pas installée"),
    103: (Reason.UNSUPPORTED, "cette fonction n'existe pas dans cette version"),
    104: (Reason.UNSUPPORTED, "cette version de la fonction n'existe pas"),
    105: (Reason.PERMISSION, "le compte utilisé n'a pas le droit de lire cette information"),
    106: (Reason.REFUSED, "la session a expiré"),
    107: (Reason.REFUSED, "la session a été interrompue par une autre connexion"),
    119: (Reason.REFUSED, "la session n'est plus reconnue"),
}
_SIGN_IN: Mapping[int, str] = {
    400: "compte ou mot de passe refusé",
    401: "le compte est désactivé",
    402: "le compte n'a pas le droit de se connecter",
    403: "un second facteur est demandé : utiliser un compte de lecture qui en est dispensé",
    404: "le second facteur est refusé",
    407: "cette adresse est bloquée par le NAS",
}


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a NAS, or logs saved from it. See `base.Technology.read`."""
    started = time.monotonic()
    found = _from_server(config, tools) if config.location else _from_logs(config)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _from_server(config: RepositoryConfig, tools: Tools) -> Repository:
    try:
        server = server_of(config, PORT)
        if not config.user or not config.password_from:
            detail = f"« {config.label} » : « user » et « password_from » sont nécessaires"
            return unread(config, Gap(reason=Reason.NOT_CONFIGURED, detail=detail), address=server.name)
        with Client(server, tools.network, purpose="Synology : lecture des sauvegardes") as client:
            nas = _sign_in(client, config, tools)
            try:
                return _read(config, tools, nas)
            finally:
                nas.call(_AUTH, "logout")
    except ApiError as error:
        return unread(config, error.gap, address=config.location)


class _Nas:
    """The functions of a NAS, as it announces them."""

    def __init__(self, reader: Reader, known: Mapping[str, Any], sid: str) -> None:
        self.reader = reader
        self._known = known
        self._sid = sid

    def call(self, api: str, method: str, highest: int = 99, **parameters: str | int) -> Any:
        """Content of `data`, or the gap. `highest`: last version whose shape is known."""
        if method not in _READING:
            raise ValueError(f"{method} is not a reading")
        about = self._known.get(api)
        if not isinstance(about, Mapping):
            return unsupported(f"{self.reader.client.name} : {api} n'est pas installé sur ce NAS")
        low, high = values.whole(about, "minVersion") or 1, values.whole(about, "maxVersion") or 1
        path = values.text(about, "path")
        version = max(low, min(high, highest))
        safe = path.replace("/", "").replace(".", "").replace("_", "").isalnum() and ".." not in path
        answer = self.reader.fetch(
            f"/webapi/{path}" if safe else _ENTRY,
            {"api": api, "version": version, "method": method, **parameters, "_sid": self._sid},
        )
        return answer if isinstance(answer, Gap) else self._data(api, answer)

    def _data(self, api: str, answer: Any) -> Any:
        if values.flag(answer, "success"):
            return values.at(answer, "data")
        code = values.whole(answer, "error", "code")
        if code is None:
            return malformed(f"{self.reader.client.name} : la réponse de {api} n'a pas la forme attendue")
        reason, words = _ERRORS.get(code, (Reason.ERROR, "erreur du NAS"))
        gap = Gap(reason=reason, detail=f"{self.reader.client.name} : {api} : {words} (code {code})")
        if reason is Reason.REFUSED:
            self.reader.lost = gap
        return gap


def _sign_in(client: Client, config: RepositoryConfig, tools: Tools) -> _Nas:
    """Discover the functions, then give the password once. Raises `ApiError`."""
    query: dict[str, str | int] = {"api": "SYNO.API.Info", "version": 1, "method": "query", "query": ",".join(_NEEDED)}
    known = values.at(client.get("/webapi/query.cgi", query), "data")
    auth = values.at(known, _AUTH)
    if not isinstance(auth, Mapping):
        raise ApiError(Reason.UNSUPPORTED, f"{client.name} : ce n'est pas un NAS Synology, ou il est trop ancien", 404)
    version = max(values.whole(auth, "minVersion") or 1, min(values.whole(auth, "maxVersion") or 1, 6))
    answer = client.sign_in(
        _ENTRY,
        {
            "api": _AUTH,
            "version": str(version),
            "method": "login",
            "account": config.user,
            "passwd": tools.secret(config.password_from),
            "format": "sid",
        },
    )
    sid = values.at(answer, "data", "sid")
    if values.flag(answer, "success") and isinstance(sid, str) and sid.isascii() and sid.isprintable():
        return _Nas(Reader(client), known, sid)
    code = values.whole(answer, "error", "code")
    words = _SIGN_IN.get(code or 0, "l'identification a échoué")
    raise ApiError(Reason.REFUSED, f"{client.name} : {words}" + (f" (code {code})" if code else ""), 401)


def _read(config: RepositoryConfig, tools: Tools, nas: _Nas) -> Repository:
    limits = ["L'API de DSM n'est pas documentée par Synology : une information absente peut l'être pour cette raison"]
    info = nas.call(_INFO, "getinfo")
    hyper = nas.call(_HYPER, "list", 1, additional=_LIST)
    active = nas.call(
        _ACTIVE,
        "list",
        1,
        load_status="true",
        load_result="true",
        load_devices="true",
        load_versions="true",
        filter="{}",
    )
    hyper_rows, active_rows = values.rows(hyper, "task_list"), values.rows(active, "tasks")
    tools.progress(f"{config.label} : tâches", 0, len(hyper_rows or ()) + len(active_rows or ()))
    jobs: list[Job] = [parse.active_job(task) for task in active_rows or []]
    points: list[Point] = [point for task in active_rows or [] for point in parse.active_points(task)]
    if len(hyper_rows or ()) > MAX_TASKS:
        limits.append(f"Seules {MAX_TASKS} tâches Hyper Backup sur {len(hyper_rows or ())} ont été lues")
    for task in (hyper_rows or [])[:MAX_TASKS]:
        job, versions = _hyper(nas, task)
        jobs.append(job)
        points += parse.hyper_points(task, job, versions)
        if versions is None:
            limits.append(
                f"Les versions de la tâche « {job.name} » n'ont pas pu être listées : seul le dernier succès compte"
            )
    # Two products: one that is not installed is no gap, unless the other says nothing either.
    gap = _combined(hyper if hyper_rows is None else None, active if active_rows is None else None)
    results = nas.call(_ACTIVE_LOG, "list_result", 1, offset=0, limit=200, filter='{"status":4}')
    failed = values.rows(results, "results")
    shares = sorted({values.text(task, "share_name") for task in active_rows or []} - {""})
    snapshots, problem = _snapshots(nas, shares[:MAX_SHARES])
    return unread(
        config,
        unsupported("DSM ne donne pas cette information par l'API lue"),
        product=" ".join(filter(None, ("Synology", values.text(info, "model")))),
        version=values.text(info, "version_string"),
        repository_id=values.text(info, "serial"),
        address=nas.reader.client.name,
        medium=config.medium or "nas",
        points=gap or tuple(sorted(points, key=lambda point: point.time)),
        jobs=gap or tuple(jobs),
        failures=tuple(parse.failures(failed))
        if failed is not None
        else _as_gap(results, "Le journal d'Active Backup"),
        encryption=gap or parse.encryption(hyper_rows or [], active_rows or [], key_escrow=config.key_escrow),
        immutability=problem or parse.immutability(snapshots, tools.now, same_array=config.same_array_as_source),
        own_configuration_saved=unsupported("La sauvegarde de la configuration de DSM ne se lit pas par l'API lue"),
        retention=" ; ".join(dict.fromkeys(filter(None, map(parse.retention, active_rows or [])))),
        settings={
            "hyper_backup_tasks": len(hyper_rows or ()),
            "active_backup_tasks": len(active_rows or ()),
            "verification_tasks": sum(values.flag(task, "enable_verification") is True for task in active_rows or []),
        },
        limits=tuple(limits),
    )


def _hyper(nas: _Nas, task: Mapping[str, Any]) -> tuple[Job, list[Mapping[str, Any]] | None]:
    """A task with its last run, and its versions when they can be listed."""
    identity = values.whole(task, "task_id")
    if identity is None:
        return parse.hyper_job(task, {}), None
    status = nas.call(_HYPER, "status", 1, task_id=identity, blOnline="false", additional=_STATUS)
    listed = nas.call(_VERSION, "list", 1, task_id=identity, offset=0, limit=MAX_VERSIONS)
    return parse.hyper_job(task, status if isinstance(status, Mapping) else {}), values.rows(
        listed, "version_info_list"
    )


def _combined(hyper: Any, active: Any) -> Gap | None:
    """Why nothing is known of one product; None when it is simply not installed beside the other."""
    missing = [
        one if isinstance(one, Gap) else malformed("Réponse de DSM inattendue")
        for one in (hyper, active)
        if one is not None
    ]
    serious = [gap for gap in missing if gap.reason is not Reason.UNSUPPORTED]
    if serious:
        return serious[0]
    return missing[0] if len(missing) == 2 else None  # noqa: PLR2004 - both products


def _snapshots(nas: _Nas, shares: list[str]) -> tuple[dict[str, list[Mapping[str, Any]]], Gap | None]:
    """Snapshots of the shared folders that hold the copies, and why they could not be read."""
    if not shares:
        return {}, unsupported(
            "Aucun dossier partagé de destination n'est connu : les clichés immuables n'ont pas été cherchés"
        )
    found: dict[str, list[Mapping[str, Any]]] = {}
    for share in shares:
        answer = nas.call(_SNAPSHOT, "list", 2, name=share, additional=_SNAPSHOTS, offset=0, limit=200)
        rows = values.rows(answer, "snapshots")
        if rows is None:
            return {}, _as_gap(answer, f"La liste des clichés de « {share} »")
        found[share] = rows
    return found, None


def _as_gap(answer: Any, what: str) -> Gap:
    return answer if isinstance(answer, Gap) else malformed(f"{what} n'a pas la forme attendue")


def _from_logs(config: RepositoryConfig) -> Repository:
    """What saved logs tell."""
    none = unsupported("Un journal ne dit pas cela : interroger le NAS par son API")
    try:
        lines = [line for file in read_exports(config) for line in log.parse(file)]
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail))
    except ParseError as error:
        return unread(config, malformed(clean(str(error), 300)))
    return unread(
        config,
        none,
        product="Synology (journaux)",
        medium=config.medium or "nas",
        points=tuple(log.points(lines, config.label)),
        jobs=log.jobs(lines, config.label),
        failures=tuple(log.failures(lines)),
        limits=(LOCAL_TIME, "Un journal montre les passages réussis, pas les versions qui existent encore"),
    )
