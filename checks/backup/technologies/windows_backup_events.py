"""Windows events about backups: `wevtutil qe … /f:xml`, or the CSV that the event viewer saves, in English or French.

The level of an event decides (1 critical, 2 error, 3 warning, 4 information); its number only gives words. Numbers 4
(success), 5 (failure), 14 (finished, without saying how) and 50 (no space left) were seen in public records of the
channel Microsoft-Windows-Backup; 1, 8, 517 and 521 are from memory. VSS 8224 is the service that stops when idle: it is
no sign of a destruction, and is not read as one.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from checks.backup.facts import Failure, Job
from checks.backup.technologies import http_values as values
from checks.backup.technologies.record import paris
from checks.common.text import clean
from checks.common.textfile import ParseError, SourceFile
from checks.common.xmltree import Node, parse_xml

MAX_EVENTS = 200_000
_SUCCESS, _STARTED, _CANCELLED, _FINISHED = 4, 1, 8, 14
_ERROR, _WARNING = 2, 3
_WORDS: Mapping[int, str] = {
    5: "la sauvegarde a échoué",
    8: "la sauvegarde a été annulée",
    50: "plus de place sur la destination",
    517: "la sauvegarde a échoué",
    521: "le cliché des volumes a échoué (VSS)",
}
_LEVELS: Mapping[str, int] = {
    "critique": 1,
    "critical": 1,
    "erreur": 2,
    "error": 2,
    "avertissement": 3,
    "warning": 3,
    "information": 4,
    "informations": 4,
}
_DESTRUCTION: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(words, re.IGNORECASE))
    for name, words in (
        ("wbadmin delete", r"wbadmin(?:\.exe)?\W+delete\s+(?:catalog|backup|systemstatebackup)"),
        ("vssadmin delete shadows", r"vssadmin(?:\.exe)?\W+delete\s+shadows"),
        ("vssadmin resize shadowstorage", r"vssadmin(?:\.exe)?\W+resize\s+shadowstorage"),
        ("wmic shadowcopy delete", r"wmic(?:\.exe)?\W.{0,80}shadowcopy.{0,80}delete"),
        ("suppression des clichés par PowerShell", r"win32_shadowcopy.{0,200}(?:delete|remove-)"),
        ("bcdedit : réparation désactivée", r"bcdedit(?:\.exe)?\W.{0,80}(?:recoveryenabled\W+no|ignoreallfailures)"),
        ("effacement du journal des sauvegardes", r"wevtutil(?:\.exe)?\W+cl(?:ear-log)?\W+\W*microsoft-windows-backup"),
    )
)
"""Commands that destroy copies, named by us: a command line may hold a password and is never repeated."""


class Event(NamedTuple):
    """One event."""

    id: int
    level: int
    provider: str
    time: datetime | None
    computer: str
    text: str
    """Everything it says, to look for commands in."""
    code: str
    """Error code, as written; empty when there is none."""


def recognise(file: SourceFile) -> bool:
    """Whether a file looks like an export of events."""
    return _is_xml(file) or _columns(file.head.partition("\n")[0]) is not None


def _is_xml(file: SourceFile) -> bool:
    return "<Event" in file.head and "<System>" in file.head


def parse(file: SourceFile) -> list[Event]:
    """Events of an export. Raises `ParseError`."""
    return list(_from_xml(file)) if _is_xml(file) else list(_from_csv(file))


def _from_xml(file: SourceFile) -> Iterator[Event]:
    """`wevtutil` writes events one after the other, without a root, unless it is asked for one."""
    body = re.sub(r"<\?xml[^>]*\?>", "", file.text[:200]) + file.text[200:]
    root = parse_xml(SourceFile(file.name, f"<all>{body.strip()}</all>", file.sha256))
    found = (inner for child in root for inner in (child.children if _tag(child) == "Events" else (child,)))
    for node in itertools.islice((node for node in found if _tag(node) == "Event"), MAX_EVENTS):
        yield _event(node)


def _tag(node: Node) -> str:
    return node.tag.rpartition(":")[2]


def _event(node: Node) -> Event:
    system = next((child for child in node if _tag(child) == "System"), Node("System", {}, 0))
    parts = {_tag(child): child for child in system}
    written = parts["TimeCreated"].attributes.get("SystemTime", "") if "TimeCreated" in parts else ""
    data = {
        child.attributes.get("Name", ""): child.text
        for block in node
        if _tag(block) in {"EventData", "UserData"}
        for child in block
    }
    code = data.get("DetailedHRESULT") or data.get("HRESULT") or ""
    return Event(
        id=values.whole(parts["EventID"].text) or 0 if "EventID" in parts else 0,
        level=values.whole(parts["Level"].text) or 0 if "Level" in parts else 0,
        provider=clean(parts["Provider"].attributes.get("Name", ""), 100) if "Provider" in parts else "",
        time=values.iso(clean(written, 40)),
        computer=clean(parts["Computer"].text.strip(), 100) if "Computer" in parts else "",
        text=" ".join(data.values())[:4000],
        code=code if re.fullmatch(r"0x[0-9A-Fa-f]{1,8}", code) and int(code, 16) else "",
    )


def _columns(header: str) -> tuple[int, int, int, int, bool] | None:
    """Places of level, date, source and number in a CSV, and whether it is French; None when it is no such CSV."""
    names = [
        name.strip().strip('"').casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") for name in header.split(",")
    ]
    for wanted, french in (
        (("level", "date and time", "source", "event id"), False),
        (("niveau", "date et heure", "source", "id de l'événement"), True),
    ):
        if all(name in names for name in wanted):
            level, date, source, number = (names.index(name) for name in wanted)
            return level, date, source, number, french
    return None


def _from_csv(file: SourceFile) -> Iterator[Event]:
    places = _columns(file.text.partition("\n")[0])
    if places is None:
        raise ParseError("les colonnes ne sont pas celles de l'observateur d'événements", file.name)
    level, date, source, number, french = places
    csv.field_size_limit(10_000_000)
    try:
        for line, row in enumerate(csv.reader(file.text.split("\n")[1:], strict=False)):
            if line >= MAX_EVENTS:
                return
            if len(row) <= max(level, date, source, number):
                continue
            yield Event(
                id=values.whole(row[number].strip()) or 0,
                level=_LEVELS.get(row[level].strip().casefold(), 0),
                provider=clean(row[source], 100),
                time=_csv_time(row[date], french=french),
                computer="",
                text=" ".join(row)[:4000],
                code="",
            )
    except csv.Error:
        raise ParseError("CSV illisible", file.name) from None


_TIME = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})[ T]+(\d{1,2}):(\d\d)(?::(\d\d))?\s*([AaPp])?")


def _csv_time(written: str, *, french: bool) -> datetime | None:
    found = _TIME.match(written.strip())
    if found is None:
        return values.iso(written.strip())
    first, second, year, hour, minute, seconds = (int(part or 0) for part in found.groups()[:6])
    half = (found[7] or "").casefold()
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    # An English viewer on a British or French setting writes the day first, without AM or PM.
    day_first = french or first > 12 or (not half and second <= 12)  # noqa: PLR2004 - months
    day, month = (first, second) if day_first else (second, first)
    try:
        return paris(datetime(year, month, day, hour, minute, seconds))  # noqa: DTZ001 - the zone is added
    except ValueError:
        return None


def about_backups(events: Iterable[Event]) -> list[Event]:
    """Events of Windows Server Backup."""
    return [event for event in events if event.provider.casefold() in {"microsoft-windows-backup", "backup"}]


def failures(events: Iterable[Event]) -> list[Failure]:
    """Runs that failed or were cancelled."""
    return [
        Failure(time=event.time, what=_what(event), source=event.computer)
        for event in about_backups(events)
        if outcome(event) == "failed"
    ]


def _what(event: Event) -> str:
    words = _WORDS.get(event.id, "échec de la sauvegarde Windows")
    return clean(f"événement {event.id} : {words}" + (f" (code {event.code})" if event.code else ""), 300)


def outcome(event: Event) -> Literal["success", "warning", "failed"] | None:
    """How a run ended; None for an event that does not say."""
    if event.id == _SUCCESS and event.level not in {1, _ERROR}:
        return "success"
    if event.id == _CANCELLED or event.level in {1, _ERROR}:
        return "failed"
    return "warning" if event.level == _WARNING and event.id not in {_STARTED, _FINISHED} else None


def destruction(events: Iterable[Event]) -> list[Failure]:
    """Commands that destroy copies, whatever journal they are in."""
    found = []
    for event in events:
        name = next((name for name, words in _DESTRUCTION if words.search(event.text)), "")
        if name:
            found.append(Failure(time=event.time, what=f"Destruction : {name}", source=event.computer))
    return found


def jobs(events: Iterable[Event], host: str) -> tuple[Job, ...]:
    """One job for each computer, with its last run."""
    by_host: dict[str, list[Event]] = {}
    for event in about_backups(events):
        if outcome(event) and event.time:
            by_host.setdefault(event.computer or host, []).append(event)
    made = []
    for computer, runs in by_host.items():
        runs.sort(key=lambda event: event.time or datetime.min.replace(tzinfo=UTC))
        good = [event.time for event in runs if outcome(event) == "success"]
        last = runs[-1]
        made.append(
            Job(
                name=f"Sauvegarde Windows de {computer}",
                last_run=last.time,
                last_result=outcome(last),
                last_success=good[-1] if good else None,
                sources=(computer,),
                detail=_what(last) if outcome(last) == "failed" else "",
            )
        )
    return tuple(made)
