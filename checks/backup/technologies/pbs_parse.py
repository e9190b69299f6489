"""Answers of Proxmox Backup Server turned into facts. Pure.

Shapes: the structures of the `pbs-api-types` crate of proxmox-rs (datastore.rs, jobs.rs), read in November 2026, and
the vendor's API viewer. A UPID is `UPID:node:pid:pstart:task:start:type:id:user:` with hexadecimal numbers (from
memory of the same crate; used only to date a verification).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from checks.backup.facts import Access, Encryption, Failure, Immutability, Integrity, Job, Point
from checks.backup.technologies import http_values as values
from checks.backup.technologies.record import malformed, unsupported
from checks.common.text import clean
from checks.model import Gap, Reason

Row = Mapping[str, Any]
_CATALOGUES = frozenset({"index.json.blob", "client.log.blob"})
"""Files of a snapshot that are never encrypted: its manifest and the client's log."""
_UPID_START = 5
_KEEP = ("keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly")
_DIRECTORY_REALMS = frozenset({"ad", "ldap"})
_DELETING_ROLES = frozenset({"Admin", "DatastoreAdmin", "DatastorePowerUser"})
"""Roles that hold Datastore.Prune or Datastore.Modify (user management chapter of the vendor's manual)."""
_SAFE_ROLES = frozenset({"DatastoreBackup", "DatastoreReader", "DatastoreAudit", "Audit", "NoAccess"})


def points(rows: Iterable[Row], store: str, namespace: str) -> list[Point]:
    """Snapshots of one namespace. A virtual machine is named by the note its hypervisor leaves, else by its number."""
    kept = [row for row in rows if values.epoch(row, "backup-time") and values.text(row, "backup-id")]
    kept.sort(key=lambda row: values.whole(row, "backup-time") or 0)
    names = {_group(row): values.text(row, "comment") for row in kept if values.text(row, "comment")}
    return [_point(row, store, namespace, names.get(_group(row), "")) for row in kept]


def _group(row: Row) -> str:
    return f"{values.text(row, 'backup-type')}/{values.text(row, 'backup-id')}"


def _point(row: Row, store: str, namespace: str, name: str) -> Point:
    when = values.epoch(row, "backup-time")
    assert when is not None  # noqa: S101 - the caller kept only dated rows
    kind = values.text(row, "backup-type")
    size = values.whole(row, "size")
    state = values.text(row, "verification", "state")
    place = f"{store}:{namespace}/" if namespace else f"{store}:"
    return Point(
        id=f"{place}{_group(row)}/{when:%Y-%m-%dT%H:%M:%SZ}",
        source=name
        if name and kind in {"vm", "ct"}
        else values.text(row, "backup-id")
        if kind == "host"
        else _group(row),
        time=when,
        size=size,
        verified="ok" if state == "ok" else "failed" if state == "failed" else None,
        verified_at=upid_start(values.text(row, "verification", "upid")),
        locked=False,
        empty=size == 0,
        encrypted=_encrypted(row),
    )


def _encrypted(row: Row) -> bool | None:
    """True when every archive is; None when the server does not say (files listed by name only)."""
    files = values.rows(row, "files") or []
    modes = [values.text(file, "crypt-mode") for file in files if values.text(file, "filename") not in _CATALOGUES]
    return all(mode == "encrypt" for mode in modes) if modes and all(modes) else None


def upid_start(upid: str) -> datetime | None:
    """When the task of that identifier began."""
    parts = upid.split(":")
    try:
        return datetime.fromtimestamp(int(parts[_UPID_START], 16), UTC)
    except (IndexError, ValueError, OverflowError, OSError):
        return None


def protected(rows: Iterable[Row]) -> int:
    """Snapshots with the flag that keeps them from pruning; whoever administers the datastore removes it."""
    return sum(values.flag(row, "protected") is True for row in rows)


def latest(found: Iterable[Point]) -> list[Point]:
    """The newest point of each source."""
    newest: dict[str, Point] = {}
    for point in found:
        if point.source not in newest or point.time > newest[point.source].time:
            newest[point.source] = point
    return list(newest.values())


def integrity(found: tuple[Point, ...]) -> Integrity | Gap:
    """What verification says of the newest point of each source; it reads every block and compares its digest."""
    newest = latest(found)
    if not newest:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun point de restauration à vérifier")
    done = [point for point in newest if point.verified]
    bad = [point for point in newest if point.verified == "failed"]
    if not done:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun des derniers points n'a été vérifié par le serveur")
    dates = [point.verified_at for point in done if point.verified_at]
    failed = [point.source for point in bad][:5]
    return Integrity(
        ok=not bad,
        depth="full" if len(done) == len(newest) else "sample",
        when=min(dates) if dates else None,
        detail=f"vérification en échec : {', '.join(failed)}"
        if bad
        else f"{len(done)} des {len(newest)} derniers points vérifiés",
    )


def encryption(found: tuple[Point, ...], *, key_escrow: bool | None) -> Encryption | Gap:
    """Encryption by the clients, as the newest point of each source carries it."""
    modes = [point.encrypted for point in latest(found)]
    if not modes:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun point de restauration : le chiffrement ne se voit pas")
    if any(mode is None for mode in modes):
        return unsupported("Le serveur ne dit pas, pour chaque fichier, s'il est chiffré")
    return Encryption(
        encrypted=all(modes),
        method=f"chiffrement par le client : {sum(map(bool, modes))} des {len(modes)} derniers points",
        key_escrow=key_escrow,
        transport=True,
    )


def jobs(kind: str, rows: Iterable[Row], store: str) -> list[Job]:
    """Scheduled tasks of one kind (`verify`, `sync`, `prune`, `tape`) that touch `store`; all when it is empty."""
    return [
        _job(kind, row)
        for row in rows
        if not store or store in {values.text(row, "store"), values.text(row, "remote-store")}
    ]


_WORDS = {"verify": "vérification", "sync": "synchronisation", "prune": "élagage", "tape": "copie sur bande"}
Result = Literal["success", "warning", "failed", "running", "none"]


def _job(kind: str, row: Row) -> Job:
    state = values.text(row, "last-run-state")
    ended = values.epoch(row, "last-run-endtime")
    result = job_result(state, ran=ended is not None)
    remote = values.text(row, "remote") or "ce serveur"
    schedule = values.text(row, "schedule")
    disabled = values.flag(row, "disable") is True
    return Job(
        name=f"{_WORDS[kind]} {values.text(row, 'id')}".strip(),
        enabled=bool(schedule) and not disabled,
        schedule=schedule,
        last_run=ended,
        last_result=result,
        last_success=ended if result == "success" else None,
        sources=tuple(filter(None, (values.text(row, "store"),))),
        target=f"{remote}:{values.text(row, 'remote-store')}" if kind == "sync" else values.text(row, "pool"),
        detail=clean(state, values.MESSAGE) if result in {"failed", "warning"} else "",
    )


def job_result(state: str, *, ran: bool) -> Result | None:
    """Result of a run from the words of the task log: `OK`, `WARNINGS: 3`, or the error itself."""
    if not state:
        return None if ran else "none"
    if state == "OK":
        return "success"
    return "warning" if state.startswith("WARNINGS") else "failed"


def failures(rows: Iterable[Row]) -> tuple[Failure, ...]:
    """Tasks that ended with an error, newest first."""
    found = [
        Failure(
            time=values.epoch(row, "endtime") or values.epoch(row, "starttime"),
            what=clean(f"{values.text(row, 'worker_type')} : {values.text(row, 'status')}", values.MESSAGE),
            source=values.text(row, "worker_id"),
        )
        for row in rows
        if values.text(row, "status") not in {"", "OK"}
    ]
    return tuple(sorted(found, key=lambda one: one.time or datetime.min.replace(tzinfo=UTC), reverse=True))


def retention(rows: Iterable[Row], store: str) -> str:
    """What the prune jobs of `store` keep, in the words of the product."""
    found = []
    for row in rows:
        if store and values.text(row, "store") != store:
            continue
        kept = [f"{key}={values.whole(row, key)}" for key in _KEEP if values.whole(row, key)]
        found.append(", ".join(kept) or "ne garde rien de précis")
    return " ; ".join(dict.fromkeys(found))


def access(users: Any, domains: Any, tfa: Any, acl: Any, owners: frozenset[str], me: str) -> Access | Gap:
    """Who gets in. A list cut down to the asking account, which the server gives without a word, is not counted."""
    people = values.rows(users)
    if people is None:
        return users if isinstance(users, Gap) else malformed("La liste des comptes n'a pas la forme attendue")
    active = {values.text(row, "userid") for row in people if values.flag(row, "enable") is not False}
    seen_all = bool(active - {me.partition("!")[0]})
    realms = {values.text(row, "realm"): values.text(row, "type") for row in values.rows(domains) or []}
    kinds = {realms.get(user.rpartition("@")[2], "") for user in active}
    deletes = _deletes(acl, owners)
    notes = [] if seen_all else ["seul le compte utilisé est visible : les autres comptes n'ont pas été comptés"]
    return Access(
        in_production_domain=bool(kinds & _DIRECTORY_REALMS) if seen_all and realms else None,
        mfa=_mfa(tfa, active) if seen_all else None,
        administrators=_administrators(acl) if seen_all else None,
        deletes_allowed=deletes,
        detail=" ; ".join(notes),
    )


def _mfa(tfa: Any, active: set[str]) -> bool | None:
    rows = values.rows(tfa)
    if rows is None:
        return None
    protected_users = {values.text(row, "userid") for row in rows if values.rows(row, "entries")}
    return active <= protected_users


def _administrators(acl: Any) -> int | None:
    """Accounts that hold `Admin` on everything, `root@pam` included: it needs no entry."""
    rows = values.rows(acl)
    if not rows:
        return None
    held = {
        values.text(row, "ugid").partition("!")[0]
        for row in rows
        if values.text(row, "roleid") == "Admin" and values.text(row, "path") in {"/", "/datastore"}
    }
    return len(held | {"root@pam"})


def _deletes(acl: Any, owners: frozenset[str]) -> bool | None:
    """Whether the accounts that own the points can remove them; None when an owner's rights are not seen."""
    if "root@pam" in owners:
        return True
    rows = values.rows(acl)
    if rows is None or not owners:
        return None
    roles: dict[str, set[str]] = {}
    for row in rows:
        roles.setdefault(values.text(row, "ugid"), set()).add(values.text(row, "roleid"))
    held = {owner: roles.get(owner, set()) for owner in owners}
    if any(found & _DELETING_ROLES for found in held.values()):
        return True
    return False if all(found and found <= _SAFE_ROLES for found in held.values()) else None


def immutability(found: tuple[Point, ...], flagged: int, *, deletes_allowed: bool | None) -> Immutability:
    """The product has no lock nobody lifts: at best, the accounts that back up cannot delete."""
    lock: Literal["append_only", "none"] = "append_only" if deletes_allowed is False else "none"
    return Immutability(
        lock=lock,
        proof="configured",
        covered=0,
        looked_at=len(found),
        detail=(
            f"{flagged} point(s) portent la marque « protected », qu'un administrateur du serveur retire ; "
            + (
                "les comptes qui sauvegardent ne peuvent pas supprimer"
                if lock == "append_only"
                else "rien n'empêche la suppression par un compte qui sauvegarde ou administre"
                if deletes_allowed
                else "les droits des comptes qui sauvegardent n'ont pas été vus"
            )
        ),
    )
