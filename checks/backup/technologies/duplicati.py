"""Reads saved results of Duplicati: the JSON it sends or writes after each run.

The shape is that of results shown in its issues (#3987, #4374, #4496, #4799: versions 2.0.4 to 2.0.6) and of the
`Data` envelope of its HTTP reports. Not verified against the product: it could not be installed.

Duplicati's programs are never run: every one of them first opens a local database for writing. Save the results with
`--send-http-url` in JSON, or copy the log of a run from its screen (« Show log », general, complete result).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Failure, Integrity, Job, Point, Repository
from checks.backup.technologies.base import Tools
from checks.backup.technologies.exports import read_exports
from checks.backup.technologies.http_values import at, flag, moment, names, text, whole
from checks.backup.technologies.record import unread, unsupported
from checks.common.text import clean
from checks.common.textfile import SourceFile
from checks.model import CollectError, Gap, Reason

PRODUCT = "Duplicati"
MAX_RESULTS = 20_000
MAX_FAILURES = 200
_RESULTS: Mapping[str, Literal["success", "warning", "failed"]] = {
    "Success": "success",
    "Warning": "warning",
    "Error": "failed",
    "Fatal": "failed",
}
"""Values of `ParsedResult`."""

_PATH = re.compile(r"(?:\b[A-Za-z]:)?[\\/][^\s:\"'][^:\"'\n]*")
"""A path in a message: names of files stay on site."""


class Reading(NamedTuple):
    """What the results say."""

    points: tuple[Point, ...]
    jobs: tuple[Job, ...]
    failures: tuple[Failure, ...]
    integrity: Integrity | None
    version: str
    capacity: int | None
    free: int | None


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read saved results of runs."""
    del tools
    started = time.monotonic()
    if not config.export_files:
        detail = "Duplicati se lit dans ses résultats enregistrés (JSON) : les nommer dans « export_files »."
        return unread(config, Gap(reason=Reason.NOT_CONFIGURED, detail=detail), product=PRODUCT)
    try:
        found = parse(read_exports(config), config.label)
    except CollectError as error:
        return unread(config, Gap(reason=error.reason, detail=error.detail), product=PRODUCT)
    gap = unsupported("Les résultats de Duplicati ne disent rien de cela.")
    return unread(
        config,
        gap,
        product=PRODUCT,
        version=found.version,
        address=clean(config.location, 200),
        points=found.points,
        jobs=found.jobs,
        failures=found.failures,
        integrity=found.integrity or unsupported("Aucun résultat de vérification (« test ») dans ces fichiers."),
        capacity=found.capacity,
        free=found.free,
        limits=(
            "Cette lecture n'a pas été éprouvée avec le produit lui-même : comparer avec son écran.",
            "Lu dans des résultats enregistrés : un point listé ici a pu être effacé depuis.",
        ),
        seconds=round(time.monotonic() - started, 1),
    )


def parse(files: Iterable[SourceFile], label: str) -> Reading:
    """What the results of runs say. Raises `CollectError` when none is a result of a backup."""
    results = [result for file in files for result in _results(file, label)]
    runs = sorted((run for run in results if run.time is not None), key=lambda run: run.order)[-MAX_RESULTS:]
    if not runs:
        raise CollectError(Reason.MALFORMED, "Aucun résultat de sauvegarde de Duplicati dans ces fichiers.")
    last = runs[-1].data
    quota = whole(_backend(last), "TotalQuotaSpace") or 0
    return Reading(
        points=tuple(point for run in runs if (point := _point(run)) is not None),
        jobs=tuple(_job(name, [run for run in runs if run.job == name]) for name in dict.fromkeys(r.job for r in runs)),
        failures=tuple(failure for run in runs for failure in _failures(run))[-MAX_FAILURES:],
        integrity=_integrity(runs),
        version=text(last, "Version").split(" ")[0],
        capacity=quota if quota > 0 else None,
        free=whole(_backend(last), "FreeQuotaSpace") if quota > 0 else None,
    )


class _Result(NamedTuple):
    job: str
    machine: str
    data: Any

    @property
    def time(self) -> Any:
        return moment(self.data, "BeginTime")

    @property
    def order(self) -> float:
        return float(self.time.timestamp()) if self.time else 0.0


def _results(file: SourceFile, label: str) -> Iterator[_Result]:
    """Results of backups in a file: one JSON value, a list of them, or one a line."""
    try:
        values = [msgspec.json.decode(file.text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = []
        for line in file.lines[:MAX_RESULTS]:
            try:
                values.append(msgspec.json.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            data = at(item, "Data") if isinstance(at(item, "Data"), Mapping) else item
            if text(data, "MainOperation") == "Backup" and text(data, "ParsedResult"):
                name = text(item, "Extra", "backup-name") or label
                yield _Result(name, text(item, "Extra", "machine-name") or name, data)


def _backend(data: Any) -> Any:
    return at(data, "BackendStatistics")


def _point(run: _Result) -> Point | None:
    """The version a run left. A run that failed leaves none that can be trusted to exist."""
    if run.time is None or _RESULTS.get(text(run.data, "ParsedResult"), "failed") == "failed":
        return None
    files, size = whole(run.data, "ExaminedFiles"), whole(run.data, "SizeOfExaminedFiles")
    missed = whole(run.data, "FilesWithError") or 0
    partial = flag(run.data, "PartialBackup")
    return Point(
        id=f"{run.job} {run.time:%Y-%m-%dT%H:%M:%SZ}",
        source=run.machine,
        paths=(run.job,) if run.machine != run.job else (),
        time=run.time,
        size=size,
        stored=whole(_backend(run.data), "BytesUploaded"),
        files=files,
        complete=not (missed or partial) if whole(run.data, "FilesWithError") is not None else None,
        empty=files == 0 or size == 0,
    )


def _job(name: str, runs: list[_Result]) -> Job:
    last = runs[-1]
    good = [run.time for run in runs if _RESULTS.get(text(run.data, "ParsedResult")) == "success"]
    result = _RESULTS.get(text(last.data, "ParsedResult"), "failed")
    detail = next((failure.what for failure in _failures(last)), "")
    return Job(
        name=name,
        last_run=last.time,
        last_result=result,
        last_success=good[-1] if good else None,
        sources=tuple(dict.fromkeys(run.machine for run in runs)),
        detail=detail,
    )


def _failures(run: _Result) -> Iterator[Failure]:
    for message in names(run.data, "Errors", limit=20):
        yield Failure(time=run.time, what=clean(_PATH.sub("…", message), 300), source=run.job)


def _integrity(runs: list[_Result]) -> Integrity | None:
    """Last verification Duplicati made by itself after a run: it downloads and compares a few volumes."""
    for run in reversed(runs):
        test = at(run.data, "TestResults")
        verified = at(test, "Verifications")
        if not isinstance(verified, list) or not verified:
            continue
        damaged = [text(one, "Key") for one in verified if at(one, "Value")]
        ok = not damaged and _RESULTS.get(text(test, "ParsedResult")) == "success"
        detail = f"volumes en défaut : {', '.join(damaged[:5])}" if damaged else ""
        return Integrity(ok=ok, depth="sample", when=moment(test, "EndTime") or run.time, detail=clean(detail, 300))
    return None
