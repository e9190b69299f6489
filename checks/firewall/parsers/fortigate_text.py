"""The text of a FortiGate configuration: words, then blocks, in the order the device applies them.

A file is a script: `config`, `edit`, `set`, `next`, `end`, and commands that change what earlier lines did (`unset`,
`append`, `move`, `clone`, `rename`, `delete`). Only the blocks the review reads are kept in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError, SourceFile

MAX_COMMANDS = 4 * MAX_OBJECTS
MAX_WORK = 2_000_000
"""Entries moved or copied by `move`, `rename` and `clone`: a device writes none of them in a backup."""

_KEPT = frozenset({
    "system global", "system interface", "system zone", "system sdwan", "system virtual-wan-link", "system settings",
    "system admin", "system api-user", "system accprofile", "router static", "router static6", "log setting",
    "user local", "user group", "vpn ssl settings", "vpn ipsec phase1-interface", "vpn ipsec phase1",
    "vpn ipsec phase2-interface", "vpn ipsec phase2", "vpn l2tp", "vpn pptp", "vpn ssl web portal", "router policy",
})  # fmt: skip
_HEAVY = ("firewall internet-service-", "firewall ssl-ssh-profile", "firewall profile-protocol-options",
          "firewall ssl ", "firewall ssh ", "firewall vendor-mac")  # fmt: skip
"""Long tables of the product that hold no decision."""
_WRAPPERS = ("vdom", "global")
_CHANGES = frozenset({"set", "unset", "append", "select", "unselect"})
_SESSION = frozenset({"show", "get", "exit", "quit", "abort", "diagnose", "execute"})
_WORDS = frozenset({"config", "edit", "next", "end", "move", "clone", "rename", "delete", "purge"}) | _CHANGES
_PROMPT = re.compile(r"([\w.-]+) (?:\([^()\n]{1,200}\) )?[#$] ?(.*)")
_PLAIN = re.compile(r"[^\s\"\\]+")
_QUOTED = {'"': re.compile(r'(?:[^"\\]++|\\.)*+'), "'": re.compile(r"[^']*+")}
_ESCAPE = re.compile(r"\\(.)")


class Command(NamedTuple):
    """One line that changes a setting."""

    verb: str
    """`set`, `unset`, `append`, `select`, `unselect`; empty for a line that is not understood."""
    key: str
    values: tuple[str, ...]
    line: int


class Setting(NamedTuple):
    """What a key finally holds."""

    values: tuple[str, ...]
    line: int


class Block:
    """One `config` table or one `edit` entry: settings, entries by name, nested tables by path."""

    __slots__ = ("_settings", "commands", "entries", "line", "name", "tables")

    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line
        self.commands: list[Command] = []
        self.entries: dict[str, Block] = {}
        self.tables: dict[str, Block] = {}
        self._settings: dict[str, Setting] | None = None

    def table(self, path: str) -> Block:
        """The nested table of that path, empty when it is absent."""
        return self.tables.get(path) or Block(path, 0)

    def settings(self) -> Mapping[str, Setting]:
        """What the commands finally leave, in the order of their keys. To be asked once the file is read."""
        if self._settings is None:
            self._settings = {}
            for verb, key, values, line in self.commands:
                apply(self._settings, verb, key, values, line)
        return self._settings

    def unknown(self) -> list[Command]:
        """Lines that are not understood."""
        return [command for command in self.commands if not command.verb]

    def copy(self, name: str, line: int) -> Block:
        """The same content under another name."""
        other = Block(name, line)
        other.commands = list(self.commands)
        other.entries = {key: entry.copy(entry.name, entry.line) for key, entry in self.entries.items()}
        other.tables = {key: table.copy(table.name, table.line) for key, table in self.tables.items()}
        return other

    def weight(self) -> int:
        """How much a copy costs."""
        nested = (*self.entries.values(), *self.tables.values())
        return 1 + len(self.commands) + sum(block.weight() for block in nested)


def apply(found: dict[str, Setting], verb: str, key: str, values: tuple[str, ...], line: int) -> None:
    """Carry out one command on settings."""
    old = found.get(key)
    if verb in ("set", "select"):
        found[key] = Setting(values, line)
    elif verb == "unset":
        found.pop(key, None)
    elif verb == "append":
        found[key] = Setting((*(old.values if old else ()), *values), old.line if old else line)
    elif verb == "unselect" and old:
        found[key] = Setting(tuple(value for value in old.values if value not in values), old.line)


class Problem(NamedTuple):
    """A line outside the grammar or a command that could not be carried out."""

    line: int
    text: str
    effect: str


class Tree(NamedTuple):
    """A whole file."""

    root: Block
    problems: tuple[Problem, ...]


class _Reader:
    """Splits one logical line into words; a quoted word may continue on the next physical line."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.quote = ""
        self._parts: list[str] | None = None

    def feed(self, line: str) -> None:
        """Read one physical line."""
        at = 0
        while at < len(line):
            at = self._inside(line, at) if self.quote else self._outside(line, at)
            if at < 0:
                return
        if not self.quote:
            self._close()

    def _inside(self, line: str, at: int) -> int:
        parts = self._parts if self._parts is not None else []
        self._parts = parts
        if line[at] == self.quote:
            self.quote = ""
            return at + 1
        found = _QUOTED[self.quote].match(line, at)
        end = found.end() if found else at
        text = line[at:end]
        parts.append(_ESCAPE.sub(r"\1", text) if self.quote == '"' and "\\" in text else text)
        if end < len(line) and line[end] == "\\":  # a line that ends with a backslash
            parts.append("\\")
            end += 1
        return end

    def _outside(self, line: str, at: int) -> int:
        letter = line[at]
        if letter.isspace():
            self._close()
            return at + 1
        if self._parts is None:
            if letter == "#":
                return -1
            self._parts = []
            if letter == "'":
                self.quote = letter
                return at + 1
        if letter == '"':
            self.quote = letter
            return at + 1
        if letter == "\\":
            self._parts.append(line[at + 1 : at + 2])
            return at + 2
        found = _PLAIN.match(line, at)
        end = found.end() if found else at + 1
        self._parts.append(line[at:end])
        return end

    def newline(self) -> None:
        """A quoted word goes on."""
        if self._parts is not None:
            self._parts.append("\n")

    def _close(self) -> None:
        if self._parts is not None:
            self.words.append("".join(self._parts))
            self._parts = None


def statements(file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """Line number and words of each command. Raises `ParseError` on a quote that never closes."""
    lines = file.text.split("\n")
    number = 0
    while number < len(lines):
        start = number
        line = _command(lines[number])
        number += 1
        if not line or line.startswith("#"):
            continue
        if '"' not in line and "'" not in line and "\\" not in line and "#" not in line:
            yield start + 1, line.split()
            continue
        words = _simple(line)
        if words is not None:
            yield start + 1, words
            continue
        reader = _Reader()
        reader.feed(line)
        while reader.quote:
            if number == len(lines):
                raise ParseError("fichier coupé : un guillemet n'est jamais refermé", file.name, start + 1)
            reader.newline()
            reader.feed(lines[number])
            number += 1
        if reader.words:
            yield start + 1, reader.words


def _simple(line: str) -> list[str] | None:
    """Words of a line whose quoted ones are whole and apart, as the device writes nearly all of them."""
    if "\\" in line or "'" in line or "#" in line:
        return None
    parts = line.split('"')
    if len(parts) % 2 == 0:
        return None
    words: list[str] = []
    for index, part in enumerate(parts):
        if index % 2:
            words.append(part)
            continue
        after, before = index > 0, index < len(parts) - 1
        if (after and before and not part) or (part and ((after and part[0] != " ") or (before and part[-1] != " "))):
            return None
        words += part.split()
    return words


def _command(line: str) -> str:
    """The line without indentation, pager mark and prompt of a pasted session."""
    line = line.strip().removeprefix("--More--").strip()
    if "#" in line or "$" in line:
        prompt = _PROMPT.fullmatch(line)
        if prompt and prompt[1] not in _WORDS:
            return prompt[2]
    return line


class _Frame(NamedTuple):
    block: Block | None
    """None inside a table that is not kept."""
    entry: bool
    path: str
    line: int


class _Builder:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.root = Block("", 1)
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.blocks = 0
        self.commands = 0
        self.work = 0

    def fail(self, message: str, line: int) -> ParseError:
        return ParseError(message, self.file.name, line)

    def count(self, line: int) -> None:
        self.blocks += 1
        if self.blocks > MAX_OBJECTS:
            raise self.fail(f"trop de blocs (limite {MAX_OBJECTS})", line)

    def open_table(self, path: str, line: int) -> None:
        self.count(line)
        if len(self.stack) >= MAX_DEPTH:
            raise self.fail(f"blocs trop imbriqués (limite {MAX_DEPTH})", line)
        wrapped = all(frame.entry or frame.path in _WRAPPERS for frame in self.stack)
        parent = self.stack[-1].block if self.stack else self.root
        if parent is not None and wrapped and not (path in _WRAPPERS or self.kept(path)):
            parent = None
        if parent is None:
            self.stack.append(_Frame(None, False, path, line))
            return
        block = parent.tables.get(path)
        if block is None:
            block = parent.tables[path] = Block(path, line)
        self.stack.append(_Frame(block, False, path, line))

    @staticmethod
    def kept(path: str) -> bool:
        return path in _KEPT or (path.startswith("firewall ") and not path.startswith(_HEAVY))

    def open_entry(self, name: str, line: int) -> None:
        self.count(line)
        if not self.stack or self.stack[-1].entry:
            raise self.fail("« edit » mal placé : le bloc précédent n'est pas fermé", line)
        table = self.stack[-1].block
        if table is None:
            self.stack.append(_Frame(None, True, name, line))
            return
        block = table.entries.get(name)
        if block is None:
            block = table.entries[name] = Block(name, line)
        self.stack.append(_Frame(block, True, name, line))

    def close(self, verb: str, line: int) -> None:
        if not self.stack or (verb == "next" and not self.stack[-1].entry):
            raise self.fail(f"« {verb} » sans bloc ouvert : il manque le début de l'export", line)
        entry = self.stack.pop().entry
        if verb == "end" and entry:
            self.stack.pop()

    def change(self, words: list[str], line: int) -> None:
        if not self.stack:
            self.problems.append(Problem(line, " ".join(words), "réglage hors de tout bloc, non pris en compte"))
            return
        block = self.stack[-1].block
        if block is None:
            return
        self.commands += 1
        if self.commands > MAX_COMMANDS:
            raise self.fail(f"trop de réglages (limite {MAX_COMMANDS})", line)
        if len(words) < 2:  # noqa: PLR2004 - a verb and a key
            block.commands.append(Command("", words[0], (), line))
            return
        block.commands.append(Command(words[0], words[1], tuple(words[2:]), line))

    def edit_table(self, words: list[str], line: int) -> None:
        """`move A before B`, `clone A to B`, `rename A to B`, `delete A`, `purge`."""
        table = self.stack[-1].block if self.stack and not self.stack[-1].entry else None
        if table is None:
            if not self.stack or self.stack[-1].block is not None:
                self.problems.append(Problem(line, " ".join(words), "commande hors d'une table, sans effet connu"))
            return
        self.work += len(table.entries)
        if not self.carry_out(table, words, line):
            self.problems.append(Problem(line, " ".join(words), f"commande refusée par la table « {table.name} »"))
        if self.work > MAX_WORK:
            raise self.fail("trop de déplacements ou de copies", line)

    def carry_out(self, table: Block, words: list[str], line: int) -> bool:
        match words:
            case ["purge"]:
                table.entries.clear()
            case ["delete", name] if name in table.entries:
                del table.entries[name]
            case ["move", name, ("before" | "after") as side, other] if {
                name,
                other,
            } <= table.entries.keys() and name != other:
                moved = table.entries.pop(name)
                order = list(table.entries.items())
                index = next(i for i, (key, _) in enumerate(order) if key == other)
                order.insert(index + (side == "after"), (name, moved))
                table.entries = dict(order)
            case ["clone", name, "to", other] if name in table.entries and other not in table.entries:
                if table.name.endswith(("policy", "policy6")) and not other.isdecimal():
                    return False
                self.work += table.entries[name].weight()
                table.entries[other] = table.entries[name].copy(other, line)
            case ["rename", name, "to", other] if name in table.entries and other not in table.entries:
                table.entries = {(other if key == name else key): block for key, block in table.entries.items()}
                table.entries[other].name = other
            case _:
                return False
        return True

    def other(self, words: list[str], line: int) -> None:
        if words[0] in _SESSION and not self.stack:
            return
        if not self.stack:
            self.problems.append(Problem(line, " ".join(words), "ligne hors de tout bloc, non comprise"))
        elif self.stack[-1].block is not None:
            self.stack[-1].block.commands.append(Command("", words[0], tuple(words[1:]), line))


def parse_tree(file: SourceFile) -> Tree:
    """The blocks of a file. Raises `ParseError` when it is cut off or not balanced."""
    builder = _Builder(file)
    for line, words in statements(file):
        verb = words[0]
        if verb == "config" and len(words) > 1:
            builder.open_table(" ".join(words[1:]), line)
        elif verb == "edit" and len(words) == 2:  # noqa: PLR2004 - the verb and the name
            builder.open_entry(words[1], line)
        elif verb in ("next", "end") and len(words) == 1:
            builder.close(verb, line)
        elif verb in _CHANGES:
            builder.change(words, line)
        elif verb in ("move", "clone", "rename", "delete", "purge"):
            builder.edit_table(words, line)
        else:
            builder.other(words, line)
    if builder.stack:
        frame = builder.stack[-1]
        kind = "edit" if frame.entry else "config"
        raise ParseError(
            f"fichier coupé : « {kind} {frame.path} » (ouvert ici) n'est jamais fermé", file.name, frame.line
        )
    return Tree(builder.root, tuple(builder.problems))
