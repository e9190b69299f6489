"""Answers of a Bareos or Bacula console turned into facts. Pure.

Bareos writes JSON after `.api 2` (developer guide, "API mode 2"); Bacula, and Bareos without it, write text tables or
`key: value` blocks. Status and type letters are those of the job table of the catalogue (developer guides of both).
Times have no zone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from checks.backup.facts import Failure, Integrity, Job, Point
from checks.backup.technologies import http_values as values
from checks.backup.technologies.record import paris, unsupported
from checks.common.text import clean
from checks.model import Gap, Reason

Row = Mapping[str, Any]
Result = Literal["success", "warning", "failed", "running"]
MAX_ROWS = 100_000
MAX_DOCUMENTS = 200
_OK, _WARNED = "T", "W"
_STATES: Mapping[str, tuple[Result, str]] = {
    "T": ("success", ""),
    "W": ("warning", "terminée avec des avertissements"),
    "e": ("warning", "erreur non fatale"),
    "E": ("failed", "terminée en erreur"),
    "f": ("failed", "erreur fatale"),
    "A": ("failed", "annulée"),
    "I": ("failed", "incomplète"),
    "D": ("failed", "la vérification a trouvé des différences"),
    "R": ("running", ""),
    "C": ("running", ""),
}
_BACKUPS = frozenset({"B", "C"})
_READS_VOLUMES = frozenset({"O", "A"})
"""Levels of verification that read the volumes: VolumeToCatalog and Data."""
_TABLES = {"jobid": "jobs", "volumename": "volumes", "mediaid": "volumes", "poolid": "pools", "clientid": "clients"}
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,40}):\s(.*)")
_LETTER = re.compile(r"\(?([A-Za-z])\)?$")


def tables(text: str) -> dict[str, list[Row]]:
    """Rows by table (`jobs`, `volumes`, `pools`, `clients`), from JSON documents when there are any, else from text."""
    found = _from_json(text)
    return found or _from_text(text)


def _from_json(text: str) -> dict[str, list[Row]]:
    decoder = json.JSONDecoder()
    found: dict[str, list[Row]] = {}
    position = 0
    for _ in range(MAX_DOCUMENTS):
        position = text.find("{", position)
        if position < 0:
            break
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
            continue
        result = values.at(document, "result")
        for name, rows in result.items() if isinstance(result, Mapping) else ():
            if name in {"jobs", "volumes", "pools", "clients"}:
                found.setdefault(name, []).extend(_rows(rows))
    return found


def _rows(value: Any) -> list[Row]:
    """Rows of a list, or of the lists of an object: volumes come pool by pool."""
    lists = value.values() if isinstance(value, Mapping) else [value]
    return [row for rows in lists if isinstance(rows, list) for row in rows[:MAX_ROWS] if isinstance(row, Mapping)]


def _from_text(text: str) -> dict[str, list[Row]]:
    """Tables drawn with `|`, and blocks of `key: value` lines."""
    found: dict[str, list[Row]] = {}
    titles: list[str] = []
    block: dict[str, str] = {}
    for line in [*text.split("\n")[: MAX_ROWS * 10], ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not titles:
                titles = [cell.casefold().replace(" ", "") for cell in cells]
            elif len(cells) == len(titles):
                _keep(found, dict(zip(titles, cells, strict=True)))
            continue
        if not line.startswith("+"):
            titles = []
        pair = _KEY.fullmatch(line)
        key = pair[1].casefold() if pair else ""
        if not pair or key in block:
            _keep(found, block)
            block = {}
        if pair:
            block[key] = pair[2].strip()
    return found


def _keep(found: dict[str, list[Row]], row: dict[str, str]) -> None:
    name = next((table for key, table in _TABLES.items() if key in row), "")
    if name and len(row) > 1 and len(found.setdefault(name, [])) < MAX_ROWS:
        found[name].append(row)


def refusal(text: str) -> Gap | None:
    """Why the console could not talk to the director, from its own words."""
    words = text.casefold()
    if "authorization" in words and ("problem" in words or "error" in words or "failed" in words):
        return Gap(
            reason=Reason.REFUSED, detail="Le directeur refuse la console : nom ou mot de passe de sa configuration"
        )
    if any(
        said in words for said in ("unable to connect", "connection refused", "could not connect", "failed to connect")
    ):
        return Gap(reason=Reason.UNREACHABLE, detail="La console n'a pas pu joindre le directeur")
    return None


def _letter(row: Row, key: str) -> str:
    found = _LETTER.search(values.text(row, key))
    return found[1] if found else ""


def _number(row: Row, key: str) -> int | None:
    return values.whole(values.text(row, key).replace(",", "").replace("\N{NARROW NO-BREAK SPACE}", ""))


def _moment(row: Row, *keys: str) -> datetime | None:
    for key in keys:
        written = values.text(row, key)
        try:
            found = datetime.fromisoformat(written) if written and not written.startswith("0") else None
        except ValueError:
            continue
        if found is not None:
            return paris(found) if found.tzinfo is None else found.astimezone(UTC)
    return None


def _client(row: Row) -> str:
    return values.text(row, "client") or values.text(row, "clientname") or values.text(row, "name")


def _ended(row: Row) -> datetime | None:
    return _moment(row, "realendtime", "endtime", "starttime")


def points(rows: Iterable[Row]) -> tuple[Point, ...]:
    """Backup and copy jobs that ended with something kept. Without a client in the table, the job names the source."""
    found = []
    for row in rows:
        state, when = _letter(row, "jobstatus"), _ended(row)
        if _letter(row, "type") not in _BACKUPS or state not in {_OK, _WARNED} or when is None:
            continue
        files, size = _number(row, "jobfiles"), _number(row, "jobbytes")
        errors = (_number(row, "joberrors") or 0) + (_number(row, "jobmissingfiles") or 0)
        found.append(
            Point(
                id=values.text(row, "jobid"),
                source=_client(row),
                time=when,
                paths=tuple(filter(None, (values.text(row, "fileset"),))),
                size=size,
                files=files,
                complete=False if errors or state == _WARNED else True if "joberrors" in row else None,
                # An incremental backup of nothing is a day without change; a full one is a backup of nothing.
                empty=_letter(row, "level") == "F" and files == 0,
            )
        )
    return tuple(sorted(found, key=lambda point: point.time))


def jobs(rows: Iterable[Row]) -> tuple[Job, ...]:
    """One job for each name, with its last run."""
    runs: dict[str, list[Row]] = {}
    for row in rows:
        if (name := values.text(row, "name")) and _letter(row, "type") != "R":
            runs.setdefault(name, []).append(row)
    made = []
    for name, seen in runs.items():
        dated = sorted((when, rank) for rank, row in enumerate(seen) if (when := _ended(row)) is not None)
        if not dated:
            continue
        last = seen[dated[-1][1]]
        good = [when for when, rank in dated if _letter(seen[rank], "jobstatus") in {_OK, _WARNED}]
        result, detail = _STATES.get(_letter(last, "jobstatus"), (None, ""))
        made.append(
            Job(
                name=name,
                last_run=dated[-1][0],
                last_result=result,
                last_success=good[-1] if good else None,
                sources=tuple(dict.fromkeys(_client(row) for row in seen))[:50],
                target=values.text(last, "poolname") or values.text(last, "pool"),
                detail=detail,
            )
        )
    return tuple(made)


def failures(rows: Iterable[Row]) -> tuple[Failure, ...]:
    """Jobs that ended badly."""
    found = []
    for row in rows:
        result, words = _STATES.get(_letter(row, "jobstatus"), ("success", ""))
        if result == "failed":
            name = values.text(row, "name")
            what = clean(f"tâche {values.text(row, 'jobid')} « {name} » : {words}", 300)
            found.append(Failure(time=_ended(row), what=what, source=_client(row)))
    return tuple(sorted(found, key=lambda one: one.time or datetime.min.replace(tzinfo=UTC), reverse=True))


def integrity(rows: Iterable[Row]) -> Integrity | Gap:
    """Verification jobs that read the volumes again; the newest of each name."""
    newest: dict[str, tuple[datetime, Row]] = {}
    for row in rows:
        when = _ended(row)
        if _letter(row, "type") == "V" and _letter(row, "level") in _READS_VOLUMES and when is not None:
            name = values.text(row, "name")
            if name not in newest or newest[name][0] < when:
                newest[name] = (when, row)
    if not newest:
        detail = "Aucune tâche de vérification n'a relu les volumes (Verify VolumeToCatalog) sur la période lue"
        return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
    bad = [name for name, (_, row) in newest.items() if _letter(row, "jobstatus") != _OK]
    return Integrity(
        ok=not bad,
        depth="full",
        when=min(when for when, _ in newest.values()),
        detail=clean(
            f"vérification en échec : {', '.join(bad)}" if bad else f"{len(newest)} vérification(s) réussie(s)", 300
        ),
    )


def own_configuration(rows: Iterable[Row]) -> bool | Gap:
    """Whether a job saves the catalogue, as the default `BackupCatalog` does."""
    about = [
        row
        for row in rows
        if "catalog" in f"{values.text(row, 'name')} {values.text(row, 'fileset')}".casefold()
        and _letter(row, "type") == "B"
    ]
    if not about:
        return unsupported("Aucune tâche nommée d'après le catalogue (BackupCatalog) n'a tourné sur la période lue")
    return any(_letter(row, "jobstatus") in {_OK, _WARNED} for row in about)


def settings(found: Mapping[str, list[Row]]) -> dict[str, bool | int | str]:
    """Counts a control may read."""
    jobs_read, volumes = found.get("jobs", []), found.get("volumes", [])
    kept: dict[str, bool | int | str] = {
        "copy_jobs": sum(_letter(row, "type") == "C" for row in jobs_read),
        "restore_jobs": sum(_letter(row, "type") == "R" and _letter(row, "jobstatus") == _OK for row in jobs_read),
    }
    if volumes:
        kept["volumes"] = len(volumes)
        kept["volumes_in_error"] = sum(values.text(row, "volstatus").casefold() == "error" for row in volumes)
    return kept


def retention(rows: Iterable[Row]) -> str:
    """How long each pool keeps its volumes."""
    found = []
    for row in rows:
        seconds = _number(row, "volretention")
        if seconds:
            found.append(f"{values.text(row, 'name')} : {seconds // 86_400} j")
    return clean(", ".join(dict.fromkeys(found)), 300)
