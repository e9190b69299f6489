"""Logs saved from DSM (Hyper Backup, Log Center): CSV, HTML or text, in English or French. Pure.

The vendor does not document these files. Columns are found by their titles, levels and endings by words in both
languages; the task is what stands in the last of the first square brackets, as in `[Local][DUI] Backup task …`
(from memory: without brackets, the whole line counts for one task without a name).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from html.parser import HTMLParser
from typing import NamedTuple

from checks.backup.facts import Failure, Job, Point
from checks.backup.technologies.record import paris
from checks.common.text import clean
from checks.common.textfile import ParseError, SourceFile

MAX_LINES = 200_000
_LEVELS = {"level", "niveau", "severity", "sévérité"}
_TIMES = {"time", "date", "heure", "date & time", "date/time", "date et heure", "date & heure"}
_EVENTS = {"event", "événement", "evénement", "message", "description", "log"}
_ERROR = re.compile(r"^(?:err|error|erreur|crit|critical|critique|failed|échec)", re.IGNORECASE)
_WARNING = re.compile(r"^(?:warn|avert)", re.IGNORECASE)
_SUCCESS = re.compile(
    r"(?:finished|completed) successfully|successfully (?:finished|completed)|termin\w+ avec succès|a réussi\b",
    re.IGNORECASE,
)
_FAILED = re.compile(r"\bfail(?:ed|ure)\b|\béchec\b|\ba échoué\b|\bechoue\b", re.IGNORECASE)
_TASK = re.compile(r"(?:\[[^\[\]]{1,120}\]\s{0,3})*\[([^\[\]]{1,120})\]")
_DATE = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?)[ T]+(\d\d?):(\d\d)(?::(\d\d))?")
_DATE_FR = re.compile(r"(\d\d?)[-/](\d\d?)[-/](\d{4})[ T]+(\d\d?):(\d\d)(?::(\d\d))?")


class Line(NamedTuple):
    """One line of a log."""

    level: str
    time: datetime | None
    text: str


def parse(file: SourceFile) -> list[Line]:
    """Lines of a log. Raises `ParseError` when nothing in it is one."""
    table = _html(file.text) if "<table" in file.head.casefold() else None
    rows = table if table is not None else _csv(file)
    found = list(_from_rows(rows)) if rows else []
    if not found:
        found = list(_from_text(file))
    if not any(line.time for line in found):
        raise ParseError("ce n'est pas un journal de DSM reconnu", file.name)
    return found[:MAX_LINES]


def _csv(file: SourceFile) -> list[list[str]]:
    head = file.text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(10_000_000)
    try:
        return [
            row
            for row, _ in zip(csv.reader(file.text.split("\n"), delimiter=delimiter), range(MAX_LINES), strict=False)
        ]
    except csv.Error:
        raise ParseError("CSV illisible", file.name) from None


class _Cells(HTMLParser):
    """Texts of the cells of every table, row by row."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the library's signature
        if tag == "tr" and len(self.rows) < MAX_LINES:
            self.rows.append([])
        elif tag in {"td", "th"}:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._cell is not None and self.rows:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def _html(text: str) -> list[list[str]]:
    reader = _Cells()
    reader.feed(text)
    reader.close()
    return reader.rows


def _from_rows(rows: list[list[str]]) -> Iterator[Line]:
    """Rows below a line of titles; nothing when no line is one."""
    places: tuple[int, int, int] | None = None
    for row in rows:
        titles = [cell.strip().casefold() for cell in row]
        level = next((rank for rank, title in enumerate(titles) if title in _LEVELS), None)
        date = next((rank for rank, title in enumerate(titles) if title in _TIMES), None)
        event = next((rank for rank in reversed(range(len(titles))) if titles[rank] in _EVENTS), None)
        if level is not None and date is not None and event is not None:
            places = (level, date, event)
        elif places is not None and len(row) > max(places):
            yield Line(row[places[0]].strip(), _time(row[places[1]]), row[places[2]].strip())


def _from_text(file: SourceFile) -> Iterator[Line]:
    for line in file.lines[:MAX_LINES]:
        when = _time(line)
        if when is not None:
            level = next(
                (word for word in re.split(r"[\s\[\],;:|]+", line) if _ERROR.match(word) or _WARNING.match(word)), ""
            )
            yield Line(level, when, line.strip())


def _time(written: str) -> datetime | None:
    found = _DATE.search(written)
    numbers = [int(part or 0) for part in found.groups()] if found else []
    if not numbers and (french := _DATE_FR.search(written)):
        day, month, year, *rest = (int(part or 0) for part in french.groups())
        numbers = [year, month, day, *rest]
    try:
        return paris(datetime(*numbers)) if numbers else None  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def task(line: Line) -> str:
    """Name of the task a line speaks of; empty when it names none."""
    found = _TASK.search(line.text[:2000])
    return clean(found[1].strip(), 200) if found else ""


def succeeded(line: Line) -> bool:
    """The line says that a run ended well."""
    return bool(_SUCCESS.search(line.text)) and not failed(line)


def failed(line: Line) -> bool:
    """The line says that something went wrong."""
    return bool(_ERROR.match(line.level)) or (bool(_FAILED.search(line.text)) and not _SUCCESS.search(line.text))


def points(lines: Iterable[Line], otherwise: str) -> list[Point]:
    """One point for each run that ended well."""
    found = []
    for line in lines:
        if succeeded(line) and line.time:
            name = task(line) or otherwise
            found.append(Point(id=f"{name} {line.time:%Y-%m-%dT%H:%M:%SZ}", source=name, time=line.time))
    return sorted(found, key=lambda point: point.time)


def failures(lines: Iterable[Line]) -> list[Failure]:
    """Runs that went wrong."""
    return [Failure(time=line.time, what=clean(line.text, 300), source=task(line)) for line in lines if failed(line)]


def jobs(lines: Iterable[Line], otherwise: str) -> tuple[Job, ...]:
    """One job for each task named, with its last run."""
    runs: dict[str, list[Line]] = {}
    for line in lines:
        if line.time and (succeeded(line) or failed(line)):
            runs.setdefault(task(line) or otherwise, []).append(line)
    made = []
    for name, seen in runs.items():
        seen.sort(key=lambda line: line.time or datetime.min)  # noqa: DTZ901 - only dated lines are here
        good = [line.time for line in seen if succeeded(line)]
        made.append(
            Job(
                name=name,
                last_run=seen[-1].time,
                last_result="success" if succeeded(seen[-1]) else "failed",
                last_success=good[-1] if good else None,
                detail="" if succeeded(seen[-1]) else clean(seen[-1].text, 300),
            )
        )
    return tuple(made)
