"""Stormshield SNS exports: finds rule lists, objects and settings in the files of one firewall.

A text file may hold one slot (`[Filter]`, `[NAT]`), the answer to one command, or a whole CLI session.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile
from checks.firewall.parsers.stormshield_objects import COLUMNS, SECTIONS, Objects
from checks.firewall.parsers.stormshield_rules import GLOBAL, IMPLICIT, LOCAL
from checks.firewall.parsers.stormshield_text import RawRule, from_pairs, number, pairs, read_line, split_prefix
from checks.firewall.parsers.xmltree import Node, parse_xml

MAX_LINE = 100_000
MAX_INSERTED = 20_000
"""Rules of a script that inserts them at given positions: each insertion moves the others."""
COMMAND = re.compile(r"(?i)^\s*(?:[\w.-]*>\s*)?((?:config|monitor|system|list|help|quit|modify|auth)\b.*)$")
BEGIN = re.compile(r'^10[12] code=\w+ msg="')
END = re.compile(r'^(?:100|[2-9]\d\d) code=\w+ msg="')
HEADER = re.compile(r"^\[([^\]\[]{1,60})\]$")
OBJECT_LINE = re.compile(r'^type="?(\w+)"? global="?[01]"? name=')
OBJECT_ROW = re.compile(r"^(?:host|network|range|fqdn|group|service|servicegroup|protocol),[^,\n]+,[^\n]*$")
INSERT = re.compile(r"(?i)^\s*(?:[\w.-]*>\s*)?config filter rule insert\s")
NETWORK_SECTION = re.compile(r"(?i)^(?:ethernet|vlan|bridge|agg|wifi|loopback|gretun|dialup|ipsec)\d+$")
CSV_COLUMNS = {
    "rule_name": "rulename", "comment": "comment", "state": "state", "action": "action", "count": "count",
    "rate": "rate", "set_tos": "settos", "inspection": "inspection", "service": "fwservice",
    "log_level": "loglevel", "schedule": "schedule", "route": "route", "no_conn_log": "noconnlog", "tos": "tos",
    "ip_proto": "ipproto", "proto": "proto", "icmp_type": "icmptype", "icmp_code": "icmpcode",
    "from_user": "srcuser", "from_user_type": "srcusertype", "from_user_domain": "srcuserdomain",
    "from_user_method": "srcusermethod", "from_src": "srctarget", "from_geo": "srcgeo", "from_ip_rep": "srciprep",
    "from_host_rep": "srchostrep", "from_port": "srcport", "from_if": "srcif", "via": "via",
    "to_dest": "dsttarget", "to_geo": "dstgeo", "to_ip_rep": "dstiprep", "to_host_rep": "dsthostrep",
    "to_port": "dstport", "to_if": "dstif", "nat_before_vpn": "beforevpn", "nat_from_target": "natsrctarget",
    "nat_from_arp": "natsrcarp", "nat_from_port": "natsrcport", "nat_from_load_balancing": "natsrclb",
    "nat_to_target": "natdsttarget", "nat_to_arp": "natdstarp", "nat_to_port": "natdstport",
    "nat_to_load_balancing": "natdstlb",
}  # fmt: skip
"""Columns of the CSV export of the filter module, without `#`."""
CSV_CONTEXT = frozenset({"type_slot", "separator_color", "separator_collapse", "separator_nb_elements",
                         "separator_first_ruleid", "rule_id", "ruleid", "position"})  # fmt: skip
XML_ATTRIBUTES = {"log_level": "loglevel", "icmp_type": "icmptype", "icmp_code": "icmpcode", "rule_name": "rulename",
                  "set_tos": "settos"}  # fmt: skip


class RuleList(NamedTuple):
    """One list of rules, in evaluation order."""

    scope: str
    nat: bool
    rules: list[RawRule]
    name: str = ""


class Setting(NamedTuple):
    """One network interface of the `network` file."""

    name: str
    address: str
    mask: str
    line: int
    file: int


class Export:
    """What the files hold, before it is put together."""

    def __init__(self, builder: DeviceBuilder, objects: Objects) -> None:
        self.builder = builder
        self.objects = objects
        self.lists: list[RuleList] = []
        self.properties: dict[str, str] = {}
        self.interfaces: list[Setting] = []
        self.monitor = False
        self.partial_objects = False
        self._count = 0

    def read(self, file: SourceFile, index: int) -> None:
        """Read one file of the firewall."""
        text = file.text
        if _is_rule_table(file):
            self._rule_table(file, index)
        elif _is_object_table(file):
            self._object_table(file, index)
        elif (start := _xml_start(text)) >= 0:
            self._xml(file, index, start)
        else:
            _TextReader(self, file, index).read()

    def counted(self, file: SourceFile) -> None:
        """Refuse a file with an absurd number of rules."""
        self._count += 1
        if self._count > MAX_OBJECTS:
            raise ParseError("trop de règles ou d'objets", file.name)

    def _rule_table(self, file: SourceFile, index: int) -> None:
        lists: dict[tuple[str, bool], RuleList] = {}
        section = ""
        for line, row in _rows(file):
            kind = row.get("type_slot", "")
            scope = GLOBAL if kind.startswith("global") else LOCAL
            found = lists.setdefault((scope, "nat" in kind), RuleList(scope, "nat" in kind, []))
            if not row.get("action"):
                section = row.get("comment", "") or section
                continue
            tokens = {CSV_COLUMNS[name]: text for name, text in row.items() if name in CSV_COLUMNS and text}
            unknown = tuple(
                f"{name}={text}"
                for name, text in row.items()
                if text and name not in CSV_COLUMNS and name not in CSV_CONTEXT
            )
            self.counted(file)
            found.rules.append(
                RawRule(
                    tokens=tokens,
                    unknown=unknown,
                    ref=row.get("rule_id") or row.get("ruleid") or str(len(found.rules) + 1),
                    line=line,
                    file=index,
                    section=section,
                    text=" ".join(f"{name}={text}" for name, text in tokens.items()),
                )
            )
        self.lists += lists.values()

    def _object_table(self, file: SourceFile, index: int) -> None:
        columns: tuple[str, ...] | None = None
        for line, cells in _cells(file):
            if cells[0].lstrip().startswith("#"):
                columns = tuple(cell.strip().lstrip("#") for cell in cells) if len(cells) > 1 else columns
                continue
            kind, name = cells[0].strip().lower(), cells[1].strip() if len(cells) > 1 else ""
            if not kind or not name:
                continue
            names = columns[2:] if columns and columns[:2] == ("type", "name") else COLUMNS.get(kind, ())
            self.counted(file)
            fields = dict(zip(names, (cell.strip() for cell in cells[2:]), strict=False))
            self.objects.add(kind, name, fields, line=line, file=index)

    def _xml(self, file: SourceFile, index: int, start: int) -> None:
        end = file.text.rfind(">") + 1
        head, body = file.text[:start], file.text[start:end]
        if body.startswith("<?xml"):
            cut = body.find("?>") + 2
            head, body = head + body[:cut], body[cut:]
        root = parse_xml(file._replace(text="\n" * head.count("\n") + body))
        command = COMMAND.search(head.split("\n", 1)[0]) if head else None
        scope = _scope(f"{command[1] if command else ''} {root.attributes.get('id', '')}", "")
        for node in _descendants(root):
            if node.tag == "filters":
                self._xml_rules(file, index, node, scope)
            elif node.tag == "section":
                reader = _TextReader(self, file, index)
                reader.header(node.attributes.get("title", ""), node.line, command=root.attributes.get("id", ""))
                for line in node.all("line"):
                    reader.line(line.text.strip(), line.line)
                reader.close()

    def _xml_rules(self, file: SourceFile, index: int, node: Node, scope: str) -> None:
        lists: dict[tuple[str, bool], RuleList] = {}
        section = ""
        for child in node:
            if child.tag == "separator":
                section = child.attributes.get("comment", "")
                continue
            kind = child.attributes.get("type", "")
            which = scope if scope != LOCAL else _scope(kind, "")
            nat = child.tag == "nat" or "nat" in kind
            self.counted(file)
            raw = _xml_rule(child)._replace(line=child.line, file=index, section=section)
            lists.setdefault((which, nat), RuleList(which, nat, [])).rules.append(raw)
        total = number(node.attributes.get("total_lines", ""))
        if total is not None and total > len(node.children):
            raise ParseError(f"liste incomplète : {len(node.children)} lignes sur {total}", file.name, node.line)
        self.lists += lists.values()


class _TextReader:
    """Reads the lines of one text file."""

    def __init__(self, export: Export, file: SourceFile, index: int) -> None:
        self._export = export
        self._file = file
        self._index = index
        self._command = ""
        self._kind = ""
        self._list: RuleList | None = None
        self._inserted: dict[tuple[str, bool], RuleList] = {}
        self._section = ""
        self._order = 0
        """Rules read in the current list."""
        self._interface: dict[str, str] = {}
        self._interface_line = 0
        self._open_answer = 0

    def read(self) -> None:
        for line, text in enumerate(self._file.text.split("\n"), 1):
            if len(text) > MAX_LINE:
                raise ParseError("ligne trop longue", self._file.name, line)
            self.line(text.strip(), line)
        if self._open_answer:
            raise ParseError("réponse incomplète : la fin manque", self._file.name, self._open_answer)
        self.close()

    def line(self, text: str, line: int) -> None:
        """One stripped line."""
        if not text:
            return
        if self._session(text, line):
            return
        if found := HEADER.match(text):
            self.header(found[1], line, command=self._command)
        elif self._kind == "rules" and self._list is not None:
            self._rule(text, line)
        elif OBJECT_LINE.match(text):
            fields = pairs(text)
            self._export.counted(self._file)
            self._export.objects.add(fields["type"], fields.get("name", ""), fields, line=line, file=self._index)
        elif self._kind in SECTIONS:
            self._export.counted(self._file)
            if not text.startswith("#"):
                self._export.objects.add_file_line(self._kind, text, line=line, file=self._index)
        elif self._kind == "interface":
            self._interface.update(_setting(text))
        elif self._kind == "property":
            self._export.properties.update(_setting(text))

    def _session(self, text: str, line: int) -> bool:
        """Commands and their status lines."""
        if INSERT.match(text):
            self._insert(text, line)
            return True
        if BEGIN.match(text):
            self._open_answer = line
            status = pairs(text)
            if status.get("too_many_data", "0") not in ("0", ""):
                self._export.partial_objects = True
            return True
        if END.match(text):
            self._open_answer, self._kind, self._list = 0, "", None
            return True
        found = COMMAND.match(text)
        if found is None or "=" in text.split(" ", 1)[0]:
            return False
        self._command = found[1]
        self._kind, self._list = "", None
        if self._command.lower().startswith("monitor filter"):
            self._export.monitor = True
        return True

    def header(self, title: str, line: int, *, command: str) -> None:
        """A `[Section]`."""
        self._flush_interface()
        self._list, self._section, self._order = None, "", 0
        key = title.strip().lower()
        lowered = command.lower()
        if "monitor" in lowered:
            self._kind = ""
        elif key in ("filter", "nat") or "config filter implicit" in lowered or "config filter explicit" in lowered:
            self._kind = "rules"
            nat = key == "nat" or "type=nat" in lowered
            self._list = RuleList(_scope(command, key), nat, [], name=pairs(command).get("index", ""))
            self._export.lists.append(self._list)
        elif NETWORK_SECTION.match(key):
            self._kind, self._interface, self._interface_line = "interface", {}, line
        elif key == "result":
            self._kind = "property"
        elif key in SECTIONS or key == "object":
            self._kind = key
        else:
            self._kind = ""
            self._export.builder.not_understood(line, f"[{title}]", "section non lue", self._index)

    def _rule(self, text: str, line: int) -> None:
        if text.startswith("#"):
            return
        assert self._list is not None  # noqa: S101 - guarded by the caller, for the type checker
        raw = read_line(text)
        self._export.counted(self._file)
        if raw is None:
            prefix, rest = split_prefix(text)
            raw = RawRule(tokens={"action": "illisible"}, ref=prefix.get("ruleid", ""), text=rest or text)
        elif "separator" in raw.tokens:
            self._section = raw.tokens["separator"]
            if raw.position:
                self._list.rules.append(raw._replace(line=line, file=self._index))
            return
        self._order += 1
        ref = raw.ref or str(self._order)
        self._list.rules.append(raw._replace(ref=ref, line=line, file=self._index, section=self._section))

    def _insert(self, text: str, line: int) -> None:
        raw = from_pairs(text)
        fields = pairs(text)
        nat = fields.get("type", "filter") == "nat"
        scope = GLOBAL if fields.get("global", "0") == "1" else LOCAL
        found = self._inserted.get((scope, nat))
        if found is None:
            found = self._inserted[scope, nat] = RuleList(scope, nat, [], name=fields.get("index", ""))
            self._export.lists.append(found)
        elif found.name != fields.get("index", ""):
            raise ParseError("commandes pour plusieurs slots : garder celles du slot actif", self._file.name, line)
        self._export.counted(self._file)
        if raw.position and len(found.rules) > MAX_INSERTED:
            raise ParseError("trop de règles insérées à une position donnée", self._file.name, line)
        place = raw.position - 1 if 0 < raw.position <= len(found.rules) else len(found.rules)
        found.rules.insert(place, raw._replace(position=0, line=line, file=self._index))

    def _flush_interface(self) -> None:
        fields = self._interface
        if fields.get("name"):
            self._export.interfaces.append(
                Setting(
                    fields["name"], fields.get("address", ""), fields.get("mask", ""), self._interface_line, self._index
                )
            )
        self._interface = {}

    def close(self) -> None:
        """End of the file."""
        self._flush_interface()
        for found in self._inserted.values():
            found.rules[:] = [one._replace(ref=str(order)) for order, one in enumerate(found.rules, 1)]


def _setting(text: str) -> dict[str, str]:
    name, equal, value = text.partition("=")
    return {name.strip().lower(): value.strip().strip('"')} if equal else {}


def _scope(command: str, title: str) -> str:
    lowered = command.lower()
    if "implicit" in lowered or "implicit" in title:
        return IMPLICIT
    return GLOBAL if "global=1" in lowered or lowered.strip().startswith("global_") or "global" in title else LOCAL


def _xml_rule(node: Node) -> RawRule:
    tokens: dict[str, str] = {}
    unknown: list[str] = []
    context = {"index", "position", "status", "type", "usage", "match"}
    for name, value in node.attributes.items():
        token = XML_ATTRIBUTES.get(name, name.replace("_", ""))
        if name in context:
            continue
        tokens[token] = value
    status = node.attributes.get("status", "active")
    tokens["state"] = "on" if status in ("active", "on") else "off"
    for side, prefix in (("from", "src"), ("to", "dst")):
        for part in node.all(side):
            _xml_side(part, prefix, tokens, unknown)
    unknown += [f"<{part.tag}>" for part in node if part.tag not in ("from", "to", "noconnlog")]
    if (journal := node.child("noconnlog")) is not None and set(journal.attributes.values()) == {"1"}:
        tokens["noconnlog"] = "all"
    return RawRule(
        tokens=tokens,
        unknown=tuple(unknown),
        ref=node.attributes.get("index", ""),
        position=number(node.attributes.get("position", "")) or 0,
        hits=number(node.attributes.get("match", "")),
        text=" ".join(f"{name}={value}" for name, value in tokens.items()),
    )


def _xml_side(part: Node, prefix: str, tokens: dict[str, str], unknown: list[str]) -> None:
    names = {"target": "target", "port": "port", "interface": "if", "if": "if"}
    for child in part:
        extra = child.attributes.keys() - {"type", "value"}
        if child.tag not in names or extra or "value" not in child.attributes:
            unknown.append(f"<{part.tag}><{child.tag} {' '.join(sorted(child.attributes))}>")
            continue
        token = prefix + names[child.tag]
        tokens[token] = f"{tokens[token]}|{child.attributes['value']}" if token in tokens else child.attributes["value"]
    unknown += [f"<{part.tag} {name}>" for name in part.attributes]


def _descendants(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(node.children)


def _cells(file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file with the line each begins on."""
    first = file.text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(file.text), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ParseError(f"tableau CSV incomplet ou mal formé ({error})", file.name, line) from None


def _rows(file: SourceFile) -> Iterator[tuple[int, dict[str, str]]]:
    rows = _cells(file)
    _, header = next(rows)
    names = [name.strip().lstrip("#").lower() for name in header]
    for line, cells in rows:
        if len(cells) > len(names):
            raise ParseError("plus de cellules que de colonnes", file.name, line)
        if len(cells) < len(names):
            raise ParseError("ligne incomplète", file.name, line)
        yield line, dict(zip(names, (cell.strip() for cell in cells), strict=True))


def _is_rule_table(file: SourceFile) -> bool:
    return file.head.lstrip().startswith(("#type_slot", '"#type_slot"'))


def _is_object_table(file: SourceFile) -> bool:
    rows = [line for line in file.head.split("\n")[:200] if line.strip()]
    if any(line.startswith(("#type,#name", "#type;#name")) for line in rows):
        return True
    plain = [line for line in rows if not line.startswith("#")]
    return bool(plain) and all(OBJECT_ROW.match(line) for line in plain[:20])


def _xml_start(text: str) -> int:
    """Where XML begins: the file itself, or after the status line of an answer. -1 for other files."""
    at = re.compile(r"^[^\n]{0,400}\n?(?=<(?:\?xml|nws|data|filters)\b)").match(text)
    if text.startswith(("<?xml", "<nws", "<data", "<filters")):
        return 0
    if at:
        return at.end()
    found = re.compile(r'msg="[^"\n]*"[^\n]* format="xml"[^\n]*\n').search(text[:4096])
    return found.end() if found and text[found.end() :].startswith("<") else -1


def recognised(file: SourceFile) -> bool:
    """The file is one of those this reader knows."""
    head = file.head
    if _is_rule_table(file) or _is_object_table(file):
        return True
    if "<filters total_lines=" in head or ("<nws " in head[:200] and "<serverd " in head):
        return True
    lines = [line.strip() for line in head.split("\n")[:2000]]
    return _has_rules(lines) or _has_objects(lines)


def _has_rules(lines: Sequence[str]) -> bool:
    rule = re.compile(r"^(?:o(?:ff|n) )?(?:pass|block|deleg|reset|log|decrypt|nat) (?:\S+ ){0,40}?from ")
    section = False
    for line in lines:
        if line in ("[Filter]", "[NAT]"):
            section = True
        if INSERT.match(line) or re.match(r"(?i)^(?:\w+>)?(?:config filter (?:ex|im)plicit|monitor filter)\b", line):
            return True
        if re.match(r"^position=\d+; (?:.{0,60}ruleid=\d+:|separator )", line):
            return True
        if section and (line.startswith("separator color=") or rule.match(line[:2000])):
            return True
    return False


_OBJECT_SIGNS = (
    (re.compile(r"Host"), re.compile(r"\S+=[0-9a-fA-F.:]+(?:,resolve=\w+.*|,mac=\S+|)")),
    (re.compile(r"(?:ethernet|vlan|bridge)\d+"), re.compile(r"(?:Address|Mask|Protected)=.*")),
    (re.compile(r"Result"), re.compile(r'Type="?Firewall"?')),
)
"""Sections that only SNS files have, and a line each holds."""


def _has_objects(lines: Sequence[str]) -> bool:
    title = ""
    for line in lines:
        if OBJECT_LINE.match(line):
            return True
        if found := HEADER.match(line):
            title = found[1]
        elif any(section.fullmatch(title) and sign.fullmatch(line) for section, sign in _OBJECT_SIGNS):
            return True
    return False
