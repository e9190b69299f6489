"""The three texts of a Palo Alto configuration (XML, `set` commands, braces) as one tree of names.

An XML `<entry name="x">`, a `<member>` and a word of a `set` line are the same thing: a child. A value is a child
without children, so that `source` of a rule is the names of its children whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.firewall.parsers import xmltree
from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError, SourceFile

MAX_NODES = 4 * MAX_OBJECTS
MAX_WORK = 2_000_000
"""Children moved by `move` and `rename`."""

_SKIPPED = frozenset({"predefined", "reports", "report-group", "email-scheduler", "botnet", "pdf-summary-report",
                      "certificate", "profiles", "profile-group", "log-settings", "server-profile", "threats",
                      "custom-url-category", "log-collector", "log-collector-group"})  # fmt: skip
"""Sections without any decision, some of them secret: never kept."""
_SINGLE = frozenset({"config", "panorama", "policy", "shared", "readonly"})
_NAMED = frozenset({"devices", "vsys", "device-group", "template", "template-stack"})
"""What holds sections: by itself, or one per name."""
_COMMAND = re.compile(r"^[^\S\n]*(?:\S+@\S+[>#] ?)?(?:set|delete|move|rename|copy) \S", re.MULTILINE)
_PROMPT = re.compile(r"\S{1,200}@\S{1,200}[>#] ?")
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)"|([{};\[\]])|([^\s{};\[\]"]+)', re.DOTALL)
_WORD = re.compile(r'"((?:[^"\\]++|\\.)*+)"|(\S+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Tree:
    """One name and what is under it."""

    __slots__ = ("children", "line", "name")

    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line
        self.children: dict[str, Tree] = {}

    def __iter__(self) -> Iterator[Tree]:
        return iter(self.children.values())

    def at(self, *path: str) -> Tree:
        """Descendant along `path`; an empty tree when it is absent."""
        node = self
        for name in path:
            found = node.children.get(name)
            if found is None:
                return Tree(path[-1], 0)
            node = found
        return node

    def has(self, name: str) -> bool:
        """There is such a child."""
        return name in self.children

    def values(self, *path: str) -> tuple[str, ...]:
        """Names of the children of the descendant along `path`."""
        return tuple(self.at(*path).children)

    def value(self, *path: str, default: str = "") -> str:
        """Last value of the descendant along `path`: the one that remains when it was set twice."""
        return next(reversed(self.at(*path).children), default)

    def says(self, *path: str) -> bool:
        """The value is `yes`."""
        return self.value(*path) == "yes"


class Problem(NamedTuple):
    """A line that is not understood."""

    line: int
    text: str
    effect: str


class Document(NamedTuple):
    """A whole file."""

    root: Tree
    version: str
    problems: tuple[Problem, ...]


def read(file: SourceFile) -> Document:
    """The tree of a file. Raises `ParseError`."""
    start = file.text.lstrip()[:1]
    if start == "<":
        return _read_xml(file)
    builder = _Builder(file)
    if _COMMAND.search(file.head):
        builder.commands()
    else:
        builder.braces()
    return Document(_lifted(builder.root), "", tuple(builder.problems))


def _lifted(root: Tree) -> Tree:
    """`config` and `devices NAME` are only wrappers: what they hold comes to the top."""
    for wrapper in ("config", "devices"):
        inner = root.children.pop(wrapper, None)
        if inner is None:
            continue
        for child in inner if wrapper == "config" else tuple(node for name in inner for node in name):
            _merge(root, child)
    return root


def _merge(parent: Tree, child: Tree) -> None:
    """Add a branch, keeping what was there. Recursion is as deep as the two branches overlap."""
    known = parent.children.get(child.name)
    if known is None:
        parent.children[child.name] = child
        return
    for node in child:
        _merge(known, node)


# --- XML


def _read_xml(file: SourceFile) -> Document:
    top = xmltree.parse_xml(file)
    result = top.at("result") if top.tag == "response" else None
    if result is not None:
        top = result.child("config") or result
    if not top.children:
        raise ParseError("aucune configuration Palo Alto dans ce fichier", file.name)
    root = Tree("", 1)
    stack: list[tuple[xmltree.Node, Tree, int]] = [(top, root, _SECTIONS)]
    while stack:
        node, tree, kind = stack.pop()
        for child in node.children:
            if kind == _SECTIONS and child.tag in _SKIPPED:
                continue
            name = _name(child)
            branch = tree.children.get(name)
            if branch is None:
                branch = tree.children[name] = Tree(name, child.line)
            if child.children:
                stack.append((child, branch, _below(kind, child.tag)))
            elif child.tag != "member" and child.text.strip():
                text = child.text.strip()
                branch.children[text] = Tree(text, child.line)
    version = top.attributes.get("detail-version", "") or top.attributes.get("version", "")
    return Document(_lifted(root), version, ())


_SECTIONS, _NAMES, _CONTENT = range(3)


def _below(kind: int, tag: str) -> int:
    """What the children of a child are: sections, names of what holds sections, or anything else."""
    if kind == _NAMES or (kind == _SECTIONS and tag in _SINGLE):
        return _SECTIONS
    return _NAMES if kind == _SECTIONS and tag in _NAMED else _CONTENT


def _section(path: list[str]) -> str:
    """Name of the section a path is in."""
    kind = _SECTIONS
    for word in path:
        if kind == _SECTIONS and word not in _SINGLE and word not in _NAMED:
            return word
        kind = _below(kind, word)
    return ""


def _name(node: xmltree.Node) -> str:
    if node.tag == "entry":
        return node.attributes.get("name", "")
    return node.text.strip() if node.tag == "member" else node.tag


# --- Commands and braces


class _Builder:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.root = Tree("", 1)
        self.problems: list[Problem] = []
        self.nodes = 0
        self.statements = 0
        self.work = 0

    def child(self, parent: Tree, name: str, line: int) -> Tree:
        found = parent.children.get(name)
        if found is None:
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise ParseError(f"trop d'éléments (limite {MAX_NODES})", self.file.name, line)
            found = parent.children[name] = Tree(name, line)
        return found

    def add(self, path: list[str], leaves: list[str], line: int) -> None:
        """`set path leaf` or `set path [ leaf leaf ]`."""
        if len(path) > MAX_DEPTH:
            raise ParseError("ligne trop longue", self.file.name, line)
        if _section(path) in _SKIPPED:
            return
        node = self.root
        for word in path:
            node = self.child(node, word, line)
        for leaf in leaves:
            known = node.children.get(leaf)
            if known is not None and not known.children and node.name != "rules":
                del node.children[leaf]  # set again: it becomes the last value
                node.children[leaf] = known
            else:
                self.child(node, leaf, line)

    # --- Commands

    def commands(self) -> None:
        for line, text in self.logical_lines():
            words, leaves = self.words(text, line)
            if words or leaves:
                self.command(words, leaves, line)

    def logical_lines(self) -> Iterator[tuple[int, str]]:
        """Commands; a quoted text may hold line breaks."""
        lines = self.file.text.split("\n")
        number = 0
        while number < len(lines):
            start = number
            text = lines[number].strip()
            number += 1
            prompt = _PROMPT.match(text)
            text = text[prompt.end() :] if prompt else text
            if not text or text.startswith("#") or text in ("[edit]", "exit", "quit"):
                continue
            if '"' in text:
                parts = [text]
                open_quote = _odd(text)
                while open_quote:
                    if number == len(lines):
                        raise ParseError("fichier coupé : un guillemet n'est jamais refermé", self.file.name, start + 1)
                    parts.append(lines[number])
                    open_quote ^= _odd(lines[number])
                    number += 1
                text = "\n".join(parts)
            yield start + 1, text

    def words(self, text: str, line: int) -> tuple[list[str], list[str]]:
        """Path, and the values between brackets or the last word."""
        if '"' not in text and "[" not in text:
            words = text.split()
            return words[:-1], words[-1:]
        path: list[str] = []
        leaves: list[str] | None = None
        closed = False
        for found in _WORD.finditer(text):
            word = found[2] if found[1] is None else _ESCAPE.sub(r"\1", found[1])
            quoted = found[1] is not None
            if leaves is None:
                if word == "[" and not quoted:
                    leaves = []
                    continue
                if word.startswith("[") and not quoted:
                    leaves, word = [], word[1:]
                else:
                    path.append(word)
                    continue
            if not quoted and word.endswith("]"):
                closed, word = True, word[:-1]
            if word:
                leaves.append(word)
        if leaves is None:
            return path[:-1], path[-1:]
        if not closed:
            raise ParseError("fichier coupé : un crochet n'est jamais refermé", self.file.name, line)
        return path, leaves

    def command(self, words: list[str], leaves: list[str], line: int) -> None:
        verb, path = (words[0], words[1:]) if words else (leaves[0], [])
        if verb == "set" and words:
            self.add(path, leaves, line)
            return
        every = [*path, *leaves]
        done = False
        if verb == "delete" and every:
            self.at(every[:-1]).children.pop(every[-1], None)
            done = True
        elif verb == "move":
            done = self.move(every, line)
        elif verb in ("rename", "copy") and len(every) > 2 and every[-2] == "to":  # noqa: PLR2004 - name, to, name
            done = self.rename(verb, every, line)
        elif verb in ("show", "configure", "commit"):
            done = True
        if not done:
            text = " ".join([*words, *leaves])
            self.problems.append(Problem(line, text, "commande non comprise, sans effet pris en compte"))

    def at(self, path: list[str]) -> Tree:
        return self.root.at(*path) if path else self.root

    def move(self, every: list[str], line: int) -> bool:
        if every[-1:] in (["top"], ["bottom"]):
            *path, name, where = ["", *every]
            other = ""
        elif len(every) > 3 and every[-2] in ("before", "after"):  # noqa: PLR2004 - table, name, side, other
            *path, name, where, other = ["", *every]
        else:
            return False
        table = self.at(path[1:])
        if name not in table.children or name == other or (other and other not in table.children):
            return False
        self.spend(len(table.children), line)
        moved = table.children.pop(name)
        order = list(table.children.items())
        index = {"top": 0, "bottom": len(order)}.get(where)
        if index is None:
            index = next(i for i, (key, _) in enumerate(order) if key == other) + (where == "after")
        order.insert(index, (name, moved))
        table.children = dict(order)
        return True

    def rename(self, verb: str, every: list[str], line: int) -> bool:
        *path, name, _, new = every
        table = self.at(path)
        if name not in table.children or new in table.children:
            return False
        self.spend(len(table.children), line)
        if verb == "copy":
            table.children[new] = self.copied(table.children[name], new, line)
        else:
            table.children = {(new if key == name else key): node for key, node in table.children.items()}
            table.children[new].name = new
        return True

    def copied(self, node: Tree, name: str, line: int) -> Tree:
        self.spend(1, line)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ParseError(f"trop d'éléments (limite {MAX_NODES})", self.file.name, line)
        other = Tree(name, line)
        other.children = {key: self.copied(child, key, line) for key, child in node.children.items()}
        return other

    def spend(self, cost: int, line: int) -> None:
        self.work += cost
        if self.work > MAX_WORK:
            raise ParseError("trop de déplacements ou de copies", self.file.name, line)

    # --- Braces

    def braces(self) -> None:
        path: list[str] = []
        depths: list[tuple[int, int]] = []
        words: list[str] = []
        inside = False
        for line, word, mark in self.tokens():
            if mark == "{":
                if not words or inside:
                    raise ParseError("accolade ouverte sans nom", self.file.name, line)
                depths.append((len(words), line))
                path += words
                self.add(path, [], line)
                words = []
            elif mark == "}":
                if not depths or inside:
                    raise ParseError("accolade fermée en trop", self.file.name, line)
                count, _ = depths.pop()
                del path[len(path) - count :]
                words = []
            elif mark == ";":
                self.statement(path, words, line)
                words, inside = [], False
            elif mark == "[":
                inside = True
            elif mark != "]":
                words.append(word)
        if depths or words:
            line = depths[-1][1] if depths else self.file.text.count("\n") + 1
            raise ParseError("fichier coupé : une accolade n'est jamais refermée", self.file.name, line)

    def statement(self, path: list[str], words: list[str], line: int) -> None:
        """`key value;`, `key [ value value ];` or `name;`."""
        self.statements += 1
        if self.statements > MAX_NODES:
            raise ParseError(f"trop de réglages (limite {MAX_NODES})", self.file.name, line)
        if words:
            self.add([*path, *words[:1]] if words[1:] else path, words[1:] or words, line)

    def tokens(self) -> Iterator[tuple[int, str, str]]:
        line = 1
        at = end = 0
        text = self.file.text
        for found in _TOKEN.finditer(text):
            if text[end : found.start()].strip():
                raise ParseError("fichier coupé : un guillemet n'est jamais refermé", self.file.name, line)
            line += text.count("\n", at, found.start())
            at, end = found.start(), found.end()
            if found[2]:
                yield line, "", found[2]
            else:
                yield line, _ESCAPE.sub(r"\1", found[1]) if found[3] is None else found[3], ""
        if text[end:].strip():
            raise ParseError("fichier coupé : un guillemet n'est jamais refermé", self.file.name, line)


def _odd(text: str) -> bool:
    """The text opens or closes a quote."""
    return _ESCAPE.sub("", text).count('"') % 2 == 1
