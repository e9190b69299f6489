"""Veeam Backup & Replication, through its REST API (version 11a and later): one sign-in, then only GET requests.

The profile gives `location` (the server), `user` and `password_from`, and `datastore` (name of one repository of the
product) when only that one is this place. The role Backup Viewer reads most of it; the analyzer, the e-mail settings
and the configuration backup are for a Backup Administrator according to the vendor's reference, and are a gap without.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Repository
from checks.backup.technologies import http_values as values
from checks.backup.technologies import veeam_parse as parse
from checks.backup.technologies import veeam_rules as analyzer
from checks.backup.technologies.base import Tools
from checks.backup.technologies.http import Client, Reader, server_of
from checks.backup.technologies.http_tls import ApiError
from checks.backup.technologies.record import declared_access, malformed, unread, unsupported
from checks.model import Gap, Reason

PORT = 9419
REVISIONS = ("1.3-rev0", "1.2-rev1", "1.2-rev0", "1.1-rev2", "1.1-rev0")
"""Revisions of the API, newest first; servers keep the older ones."""
PAGE = 500
MAX_PAGES = 100
FAILED_SESSIONS = 200
_TOKEN = "/api/oauth2/token"  # noqa: S105 - a path
_LOGOUT = "/api/oauth2/logout"

Rows = list[Mapping[str, Any]]


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a server, or one of its repositories. See `base.Technology.read`."""
    started = time.monotonic()
    try:
        server = server_of(config, PORT)
        if not config.user or not config.password_from:
            detail = f"« {config.label} » : « user » et « password_from » sont nécessaires"
            found = unread(config, Gap(reason=Reason.NOT_CONFIGURED, detail=detail), address=server.name)
        else:
            with Client(server, tools.network, purpose="Veeam : lecture des sauvegardes") as client:
                _sign_in(client, config, tools)
                try:
                    found = _read(config, tools, Reader(client))
                finally:
                    client.sign_out(_LOGOUT)
    except ApiError as error:
        found = unread(config, error.gap, address=config.location)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _sign_in(client: Client, config: RepositoryConfig, tools: Tools) -> None:
    """Agree on a revision with a question that needs no account, then give the password once."""
    client.open()
    problem = ApiError(Reason.UNSUPPORTED, f"{client.name} : aucune version connue de l'API de Veeam n'y répond", 404)
    for revision in REVISIONS:
        client.headers["x-api-version"] = revision
        try:
            client.get("/api/v1/serverTime")
        except ApiError as error:
            # Some builds answer a revision they do not know with an error, or with silence.
            if error.reason not in {Reason.UNSUPPORTED, Reason.ERROR, Reason.TIMEOUT}:
                raise
            problem = problem if error.reason is Reason.UNSUPPORTED else error
        else:
            break
    else:
        raise problem
    secret = tools.secret(config.password_from)
    answer = client.sign_in(_TOKEN, {"grant_type": "password", "username": config.user, "password": secret})
    token = values.at(answer, "access_token")
    if not isinstance(token, str):
        raise ApiError(Reason.MALFORMED, f"{client.name} : l'identification n'a pas donné de jeton", 200)
    client.authorise("Bearer ", token)


def _read(config: RepositoryConfig, tools: Tools, ask: Reader) -> Repository:
    limits: list[str] = []
    info = ask.fetch("/api/v1/serverInfo")
    repositories = _pages(ask, "/api/v1/backupInfrastructure/repositories", limits)
    states = _pages(ask, "/api/v1/backupInfrastructure/repositories/states", limits)
    known = parse.stores(repositories) if not isinstance(repositories, Gap) else []
    chosen = [store for store in known if not config.datastore or store.name == config.datastore]
    if config.datastore and not chosen:
        problem = repositories if isinstance(repositories, Gap) else _absent(config.datastore)
        return unread(config, problem, product="Veeam Backup & Replication", address=ask.client.name)
    tools.progress(f"{config.label} : points de restauration")
    backups = _pages(ask, "/api/v1/backups", limits)
    homes = _homes(backups)
    points = _pages(ask, "/api/v1/restorePoints", limits)
    if isinstance(points, Gap) and points.reason is Reason.UNSUPPORTED:
        points = _pages(ask, "/api/v1/objectRestorePoints", limits)
    wanted = frozenset(store.id for store in chosen)
    if config.datastore and not isinstance(points, Gap):
        points = (
            [row for row in points if homes.get(values.text(row, "backupId"), "") in wanted]
            if not isinstance(backups, Gap)
            else backups
        )
    tools.progress(f"{config.label} : tâches et réglages")
    practices = _pages(ask, "/api/v1/securityAnalyzer/bestPractices", limits)
    rules = analyzer.settings(practices) if not isinstance(practices, Gap) else {}
    capacity, free = parse.space(states, wanted) if not isinstance(states, Gap) else (None, None)
    own, own_settings = parse.own_configuration(ask.fetch("/api/v1/configBackup"), rules, tools.now)
    mail = values.flag(ask.fetch("/api/v1/generalOptions/emailSettings"), "isEnabled")
    sessions = _sessions(ask)
    jobs = _pages(ask, "/api/v1/jobs/states", limits)
    job_settings = _pages(ask, "/api/v1/jobs", limits)
    marked, infected, suspicious = parse.malware(points) if not isinstance(points, Gap) else ([], 0, 0)
    settings = {
        **rules,
        **own_settings,
        "malware_infected": infected,
        "malware_suspicious": suspicious,
        **({"email_notifications": mail} if mail is not None else {}),
        **({"copy_jobs": parse.copies(jobs)} if not isinstance(jobs, Gap) else {}),
    }
    access = parse.access(rules, practices if isinstance(practices, Gap) else None)
    return unread(
        config,
        unsupported("Veeam ne donne pas cette information par son API"),
        product="Veeam Backup & Replication",
        version=values.text(info, "buildVersion"),
        repository_id=chosen[0].id if config.datastore else values.text(info, "vbrId"),
        address=f"{ask.client.name}/{config.datastore}" if config.datastore else ask.client.name,
        points=parse.points(points) if not isinstance(points, Gap) else points,
        jobs=parse.jobs(jobs, job_settings if not isinstance(job_settings, Gap) else [], notified=mail)
        if not isinstance(jobs, Gap)
        else jobs,
        failures=parse.newest_first([*parse.failures(sessions), *marked])
        if not isinstance(sessions, Gap)
        else sessions,
        encryption=parse.encryption(job_settings, key_escrow=config.key_escrow)
        if not isinstance(job_settings, Gap)
        else job_settings,
        immutability=_first_gap(points, repositories, backups)
        or parse.immutability(points if not isinstance(points, Gap) else [], homes, chosen, rules, tools.now),
        access=declared_access(config, access) if isinstance(access, Gap) else access,
        capacity=capacity,
        free=free,
        own_configuration_saved=own,
        settings=settings,
        limits=tuple(dict.fromkeys(limits)),
    )


def _first_gap(*answers: Rows | Gap) -> Gap | None:
    return next((answer for answer in answers if isinstance(answer, Gap)), None)


def _absent(name: str) -> Gap:
    return Gap(reason=Reason.NOT_CONFIGURED, detail=f"Veeam ne connaît pas de dépôt nommé « {name} »")


def _homes(backups: Rows | Gap) -> dict[str, str]:
    """Repository of each backup."""
    if isinstance(backups, Gap):
        return {}
    return {values.text(row, "id"): values.text(row, "repositoryId") for row in backups}


def _sessions(ask: Reader) -> Rows | Gap:
    """Newest failed sessions. Names of the filters: vendor's reference; the result is checked again afterwards."""
    query: dict[str, str | int] = {
        "limit": FAILED_SESSIONS,
        "orderColumn": "CreationTime",
        "orderAsc": "false",
        "resultFilter": "Failed",
    }
    answer = ask.fetch("/api/v1/sessions", query)
    rows = values.rows(answer, "data")
    if rows is not None:
        return rows
    return answer if isinstance(answer, Gap) else malformed("La liste des sessions n'a pas la forme attendue")


def _pages(ask: Reader, path: str, limits: list[str]) -> Rows | Gap:
    """Every row of a collection, page after page: a list with a missing page is not handed over."""
    found: Rows = []
    for _ in range(MAX_PAGES):
        answer = ask.fetch(path, {"skip": len(found), "limit": PAGE})
        if isinstance(answer, Gap):
            return answer
        # The analyzer answers with `items` in one revision of the reference and `data` in the others.
        rows = values.rows(answer, "data")
        rows = values.rows(answer, "items") if rows is None else rows
        if rows is None:
            return malformed(f"La réponse de Veeam à {path} n'a pas la forme attendue")
        found += rows
        total = values.whole(answer, "pagination", "total")
        last = len(rows) < PAGE if total is None else len(found) >= total
        if not rows or last:
            return found
    limits.append(f"{path} : seules les {len(found)} premières lignes ont été lues")
    return found
