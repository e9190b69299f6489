"""The HTML configuration report of Sophos Firewall: tables of rules, translations and zones, lists of settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from checks.firewall.parsers.sophos_rules import FOREVER, RawRule, named_profiles
from checks.firewall.parsers.source import MAX_DEPTH, ParseError, SourceFile
from checks.firewall.parsers.xmltree import MAX_NODES, Node

SECTION = "section-content-"
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
DETAILS = {
    "Source Zones": "SourceZones", "Source Networks": "SourceNetworks", "Destination Zones": "DestinationZones",
    "Destination Networks": "DestinationNetworks", "Services/Ports": "Services",
}  # fmt: skip
PROFILE_LABELS = {"Web Filter": "WebFilter", "Application Control": "ApplicationControl",
                  "Intrusion Prevention": "IntrusionPrevention", "Virus Scanning": "ScanVirus",
                  "Zero Day Protection": "ZeroDayProtection", "HTTPS Decryption": "DecryptHTTPS"}  # fmt: skip
IDLE_LABELS = frozenset({"Transaction ID", "Policy Type", "IP Family", "Action", "Log Traffic", "Schedule",
                         "Proxy Mode", "Description", "Status", "Position", "Rule Name", "After"})  # fmt: skip
NARROWING = {"Identity": "utilisateur", "Users": "utilisateur", "Match Identity": "utilisateur",
             "Exclusions": "exclusions"}  # fmt: skip
NOTHING = frozenset({"", "none", "n/a", "disable", "disabled", "any"})


class Report(NamedTuple):
    """What a report holds."""

    rules: list[RawRule]
    translations: list[dict[str, str]]
    zones: list[tuple[str, str, int]]
    """Name, type, line."""
    settings: dict[str, str]
    """Second factor settings."""
    unread: list[tuple[str, int]]
    """Sections that are not read, with their line."""
    numbered: bool
    """The rules are numbered from 1 without a gap."""


def read_report(file: SourceFile, index: int) -> Report:
    """Read a report. Raises `ParseError` when it is cut off."""
    if "</html>" not in file.text[-2000:].lower():
        raise ParseError("rapport HTML incomplet : la fin manque", file.name)
    builder = _Tree(file.name)
    try:
        builder.feed(file.text)
        builder.close()
    except (AssertionError, ValueError) as error:
        # The reader of the standard library asserts the form of declarations.
        if isinstance(error, ParseError):
            raise
        raise ParseError("HTML mal formé", file.name, builder.getpos()[0]) from None
    sections = {
        node.attributes["id"].removeprefix(SECTION): node
        for node in _walk(builder.top)
        if node.attributes.get("id", "").startswith(SECTION)
    }
    report = Report([], [], [], {}, [], numbered=True)
    numbers: list[str] = []
    for name, node in sections.items():
        if name == "firewall-rules":
            for row, details in _rows(node):
                report.rules.append(_rule(row, details, index))
                numbers.append(row.get("#", ""))
        elif name == "nat-rules":
            report.translations.extend(row for row, _ in _rows(node))
        elif name == "zones":
            report.zones.extend((row.get("Zone", ""), row.get("Type", ""), int(row["line"])) for row, _ in _rows(node))
        elif "otpsettings" in name.lower():
            report.settings.update(_pairs(node))
        elif _text(node):
            report.unread.append((name, node.line))
    return report._replace(numbered=numbers == [str(one) for one in range(1, len(numbers) + 1)])


class _Tree(HTMLParser):
    """Builds the tree of a document, forgiving what browsers forgive."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self._name = name
        self._count = 0
        self.top = Node("", {}, 0)
        self._stack = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._count += 1
        if self._count > MAX_NODES or len(self._stack) > MAX_DEPTH:
            raise ParseError("document trop profond ou trop grand", self._name, self.getpos()[0])
        node = Node(tag, {key: value or "" for key, value in attrs}, self.getpos()[0])
        self._stack[-1].children.append(node)
        if tag not in VOID:
            self._stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._stack.pop()

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._stack) - 1, 0, -1):
            if self._stack[depth].tag == tag:
                del self._stack[depth:]
                return

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._count += 1
            leaf = Node("#text", {}, self.getpos()[0])
            leaf.text = data
            self._stack[-1].children.append(leaf)


def _walk(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack += reversed(one.children)


def _text(node: Node) -> str:
    return " ".join(" ".join(one.text for one in _walk(node) if one.tag == "#text").split())


def _lines(node: Node) -> tuple[str, ...]:
    """Values of a cell: separate elements, or a list with commas."""
    parts = [part.strip() for one in _walk(node) if one.tag == "#text" for part in re.split(r"[,\n]", one.text)]
    return tuple(part for part in parts if part)


def _own_rows(table: Node) -> Iterator[Node]:
    """Rows of a table, without those of the tables inside its cells."""
    for part in table.children:
        if part.tag == "tr":
            yield part
        elif part.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in part.children if row.tag == "tr")


def _rows(section: Node) -> Iterator[tuple[dict[str, str], dict[str, tuple[str, ...]]]]:
    """Rows of the first table by column, each with the details unfolded below it."""
    table = next((node for node in _walk(section) if node.tag == "table"), None)
    if table is None:
        return
    columns: list[str] = []
    pending: dict[str, str] | None = None
    details: dict[str, tuple[str, ...]] = {}
    for row in _own_rows(table):
        heads = [_text(cell) for cell in row.children if cell.tag == "th"]
        cells = [cell for cell in row.children if cell.tag == "td"]
        if heads:
            columns = heads
        elif len(cells) == len(columns):
            if pending is not None:
                yield pending, details
            pending = dict(zip(columns, (_text(cell) for cell in cells), strict=True)) | {"line": str(row.line)}
            details = {}
        elif pending is not None:
            details.update(_details(row))
    if pending is not None:
        yield pending, details


def _details(row: Node) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for node in _walk(row):
        cells = [cell for cell in node.children if cell.tag == "td"]
        if node.tag == "tr" and node is not row and len(cells) == 2:  # noqa: PLR2004 - a label and its value
            found[_text(cells[0])] = _lines(cells[1])
    return found


def _rule(row: dict[str, str], details: dict[str, tuple[str, ...]], index: int) -> RawRule:
    def one(label: str) -> str:
        return ", ".join(details.get(label, ()))

    cells = {cell: details[label] for label, cell in DETAILS.items() if label in details}
    if not details:
        cells = {"SourceZones": _split(row.get("Source", "")), "DestinationZones": _split(row.get("Destination", ""))}
        if row.get("Services"):
            cells["Services"] = _split(row["Services"])
    conditions = [
        f"{NARROWING[label]} : {', '.join(values)}"
        for label, values in details.items()
        if label in NARROWING and ", ".join(values).lower() not in NOTHING
    ]
    schedule = one("Schedule")
    if schedule.lower() not in FOREVER:
        conditions.append(f"horaire : {schedule}")
    if not details:
        conditions.append("détail de la règle absent du rapport")
    known = IDLE_LABELS | DETAILS.keys() | PROFILE_LABELS.keys() | NARROWING.keys()
    unknown = tuple(
        label for label, values in details.items() if label not in known and ", ".join(values).lower() not in NOTHING
    )
    log = one("Log Traffic")
    return RawRule(
        name=row.get("Rule Name", ""),
        line=int(row["line"]),
        file=index,
        family=one("IP Family"),
        enabled="off" not in row.get("Status", "").lower().split(),
        action=one("Action") or row.get("Action", ""),
        cells=cells,
        conditions=tuple(conditions),
        unknown=unknown,
        schedule="" if schedule.lower() in FOREVER else schedule,
        log=log == "Enable" if log else None,
        comment=one("Description"),
        profiles=named_profiles({tag: one(label) for label, tag in PROFILE_LABELS.items()}) if details else None,
        number=row.get("#", ""),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _pairs(section: Node) -> dict[str, str]:
    """Settings shown as two neighbouring cells."""
    found = {}
    for node in _walk(section):
        cells = [child for child in node.children if child.tag in ("div", "td")]
        if len(cells) == 2 and not any(one.tag in ("div", "td") for cell in cells for one in cell.children):  # noqa: PLR2004
            found[_text(cells[0])] = _text(cells[1])
    return found
