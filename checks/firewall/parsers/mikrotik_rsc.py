"""RouterOS scripts (`/export`, terse, verbose or hand written): from text to tables of items.

The commands that build a table are carried out in order: `add` with `place-before`, `set`, `enable`, `disable`,
`remove` and `move`, with `[find …]` by exact values. What cannot be carried out is kept for the reader to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile

MAX_COMMAND = 100_000
MAX_LOOKUPS = 5_000_000
"""Items compared by `[find …]`, names and moves in one script: each command may read a whole table."""
VERBS = frozenset({"add", "set", "remove", "disable", "enable", "move", "unset", "print", "export", "import", "comment",
                   "reset", "edit", "find", "get", "run", "info", "warning", "error", "debug", "flush"})  # fmt: skip
IDLE_VERBS = frozenset({"print", "export", "find", "get", "info", "warning", "error", "debug", "flush", "edit"})
SELF_NAMED = "name"
_WORD = re.compile(r'(?:[^\s"\[\]\\]|\\.|"(?:[^"\\]|\\.)*"|\[(?:[^"\[\]\\]|\\.|"(?:[^"\\]|\\.)*")*\])+', re.DOTALL)
_QUOTE = re.compile(r'\\.|"')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "_": " "}
_NAME = re.compile(r"!?[a-z][a-z0-9.-]*")
HEADER = re.compile(r"^# .*\bby RouterOS (\d[\w.]*)")
MODEL = re.compile(r"^# model\s*=\s*(\S.*)$")


class Item:
    """One line of a table: properties and the line that added it."""

    __slots__ = ("fields", "line", "text")

    def __init__(self, fields: dict[str, str], line: int, text: str) -> None:
        self.fields = fields
        self.line = line
        self.text = text

    def get(self, name: str, default: str = "") -> str:
        """Value of one property."""
        return self.fields.get(name, default)

    def on(self, name: str) -> bool:
        """A property is `yes`."""
        return self.fields.get(name) in ("yes", "true")

    @property
    def disabled(self) -> bool:
        """The item is there and does nothing."""
        return self.on("disabled")


class Refused(NamedTuple):
    """A command that could not be carried out."""

    path: str
    line: int
    text: str


class Command(NamedTuple):
    """One command, continuation lines joined."""

    path: str
    verb: str
    words: tuple[str, ...]
    line: int
    text: str


class Script(NamedTuple):
    """What a script leaves behind."""

    version: str
    """Version of RouterOS that wrote it; empty when it is not an export."""
    model: str
    tables: Mapping[str, list[Item]]
    refused: tuple[Refused, ...]

    def items(self, path: str) -> list[Item]:
        """Items of a menu, in order."""
        return self.tables.get(path, [])

    def setting(self, path: str) -> Item:
        """Properties of a menu that holds only one set."""
        found = self.tables.get(path, [])
        return found[0] if found else Item({}, 0, "")


def read_script(file: SourceFile) -> Script:
    """Carry out a script. Raises `ParseError` when it is cut off."""
    head = file.head.split("\n")[:20]
    version = next((found[1] for line in head if (found := HEADER.match(line))), "")
    model = next((found[1].strip() for line in head if (found := MODEL.match(line))), "")
    builder = _Tables(file.name)
    for count, command in enumerate(_commands(file)):
        if count > MAX_OBJECTS:
            raise ParseError("trop de commandes", file.name, command.line)
        builder.run(command)
    return Script(version, model, builder.tables, tuple(builder.refused))


def _logical_lines(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Commands with their line: a final backslash joins the next line, without its indentation; a quote spans lines."""
    parts: list[str] = []
    size = first = 0
    quoted = joined = False
    for number, raw in enumerate(file.text.split("\n"), 1):
        line = raw.lstrip() if joined else raw
        if not parts:
            if line.lstrip().startswith("#"):
                continue
            first = number
        size += len(line)
        if size > MAX_COMMAND:
            raise ParseError("commande trop longue, ou guillemet qui n'est pas refermé", file.name, first)
        quoted ^= sum(found == '"' for found in _QUOTE.findall(line)) % 2 == 1
        joined = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if joined or quoted:
            parts.append(line[:-1] if joined else line + "\n")
            continue
        yield first, "".join((*parts, line)).strip()
        parts, size = [], 0
    if parts:
        raise ParseError("script coupé au milieu d'une commande", file.name, first)


def _commands(file: SourceFile) -> Iterator[Command]:
    path = ""
    depth = 0
    opened = 0
    for line, text in _logical_lines(file):
        if not text:
            continue
        bare = _QUOTED.sub("", text)
        if bare.count("[") != bare.count("]") and not depth:
            raise ParseError("crochet qui n'est pas refermé : script coupé ?", file.name, line)
        words = _WORD.findall(text)
        inside = depth > 0 or text.startswith(":") or "{" in bare or "}" in bare
        depth = max(0, depth + bare.count("{") - bare.count("}"))
        opened = line if depth and not opened else opened if depth else 0
        if inside or "[" in _WORD.sub("", text):
            yield Command(path, ":", tuple(words), line, text)
            continue
        steps, rest = _path_of(words)
        if text.startswith("/"):
            path = here = "/" + " ".join(steps)
        else:
            here = " ".join((path, *steps)).strip()
        if rest:
            yield Command(here, rest[0], tuple(rest[1:]), line, text)
    if depth:
        raise ParseError("bloc de script qui n'est pas refermé", file.name, opened)


def _path_of(words: list[str]) -> tuple[list[str], list[str]]:
    steps: list[str] = []
    for index, word in enumerate(words):
        if word in VERBS:
            return steps, words[index:]
        pieces = [piece for piece in word.split("/") if piece]
        if pieces and pieces[-1] in VERBS and word.count("/"):
            return [*steps, *pieces[:-1]], [pieces[-1], *words[index + 1 :]]
        if any("=" in piece or '"' in piece or "[" in piece for piece in pieces):
            return steps, words[index:]
        steps += pieces
    return steps, []


def value_of(text: str) -> str:
    """A value without its quotes and escapes. Bytes above 127 are UTF-8, else Windows-1252."""
    body = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if "\\" not in body:
        return body

    def plain(found: re.Match[str]) -> str:
        if found[1]:
            # Kept apart as a lone surrogate until the whole string is known.
            return chr(0xDC00 + int(found[1], 16))
        return _CONTROL.get(found[2], found[2])

    decoded = _ESCAPE.sub(plain, body)
    return re.sub("[\udc00-\udcff]+", _bytes, decoded)


def _bytes(found: re.Match[str]) -> str:
    raw = bytes(ord(char) - 0xDC00 for char in found[0])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _fields(words: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """`name=value` words, and the others. `!name` unsets a property."""
    found: dict[str, str] = {}
    others: list[str] = []
    for word in words:
        name, equal, value = word.partition("=")
        if equal and _NAME.fullmatch(name):
            found[name] = value_of(value)
        elif not (word.startswith("!") and _NAME.fullmatch(word)):
            others.append(word)
    return found, others


class _Tables:
    """Carries out the commands."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lookups = 0
        self.tables: dict[str, list[Item]] = {}
        self.refused: list[Refused] = []

    def run(self, command: Command) -> None:
        if command.verb in IDLE_VERBS:
            return
        fields, others = _fields(command.words)
        table = self.tables.setdefault(command.path, [])
        done = False
        if others or "place-before" in fields:
            self._lookups += len(table)
            if self._lookups > MAX_LOOKUPS:
                raise ParseError("trop de recherches dans les tables", self._name, command.line)
        if command.verb == "add":
            done = self._add(table, fields, others, command)
        elif command.verb in ("set", "unset"):
            done = command.verb == "set" and self._set(table, fields, others, command)
        elif command.verb in ("enable", "disable"):
            flag = {"disabled": "yes" if command.verb == "disable" else "no"}
            done = not fields and self._set(table, flag, others, command)
        elif command.verb == "remove":
            done = self._remove(table, others)
        elif command.verb == "move":
            done = self._move(table, others)
        if not done:
            self.refused.append(Refused(command.path, command.line, command.text))

    def _add(self, table: list[Item], fields: dict[str, str], others: list[str], command: Command) -> bool:
        place = fields.pop("place-before", None)
        item = Item(fields, command.line, command.text)
        if place is None:
            table.append(item)
            return not others
        target = self._one(table, place)
        if target is None:
            table.append(item)
            return False
        table.insert(target, item)
        return not others

    def _one(self, table: list[Item], text: str) -> int | None:
        found = self._select(table, [text])
        return found[0] if found else None

    def _set(self, table: list[Item], fields: dict[str, str], others: list[str], command: Command) -> bool:
        if not others:
            # A menu with one set of properties.
            if not table:
                table.append(Item({}, command.line, command.text))
            table[0].fields.update(fields)
            return True
        chosen = self._select(table, others)
        if chosen is None:
            return False
        if not chosen and not command.path.startswith(("/ip firewall", "/ipv6 firewall")):
            # Something the product is delivered with.
            known = _conditions(others[0]) if others[0].startswith("[") else {SELF_NAMED: value_of(others[0])}
            table.append(Item({**(known or {}), **fields}, command.line, command.text))
            return True
        for index in chosen:
            table[index].fields.update(fields)
        return bool(chosen)

    def _remove(self, table: list[Item], others: list[str]) -> bool:
        chosen = self._select(table, others) if others else None
        if chosen is None:
            return False
        gone = set(chosen)
        table[:] = [item for index, item in enumerate(table) if index not in gone]
        return True

    def _move(self, table: list[Item], others: list[str]) -> bool:
        if len(others) != 2:  # noqa: PLR2004 - what to move, where
            return False
        chosen, place = self._select(table, others[:1]), self._one(table, others[1])
        if not chosen or place is None:
            return False
        before = table[place]
        moved = [table[index] for index in chosen if index != place]
        rest = [item for item in table if all(item is not other for other in moved)] if len(moved) == 1 else None
        if rest is None:
            return False
        at = next(index for index, item in enumerate(rest) if item is before)
        table[:] = [*rest[:at], *moved, *rest[at:]]
        return True

    @staticmethod
    def _select(table: list[Item], others: list[str]) -> list[int] | None:
        """Numbers of the items a command names; None when that is not known."""
        if len(others) != 1:
            return None
        text = others[0]
        if text.startswith("["):
            wanted = _conditions(text)
            if wanted is None:
                return None
            return [
                index
                for index, item in enumerate(table)
                if all(item.get(name, "no" if value == "no" else "") == value for name, value in wanted.items())
            ]
        if text.isascii() and text.isdigit() and len(text) < 7:  # noqa: PLR2004 - a line number
            return [int(text)] if int(text) < len(table) else None
        return [index for index, item in enumerate(table) if item.get(SELF_NAMED) == value_of(text)]


def _conditions(text: str) -> dict[str, str] | None:
    """`[find name=x comment="y"]` as a table; None for any other expression."""
    words = _WORD.findall(text[1:-1].strip())
    if not words or words[0] not in ("find", "/find"):
        return None
    fields, others = _fields(tuple(words[1:]))
    return fields if all(word in ("where", "and", "&&") for word in others) else None
