"""A small XML reader that keeps line numbers and refuses what a configuration never holds: DTD, entities, depth."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from checks.common.textfile import ParseError, SourceFile

MAX_DEPTH = 100
"""Nesting of elements."""
MAX_NODES = 2_000_000


class Node:
    """One element: tag, attributes, own text, children, first line."""

    __slots__ = ("attributes", "children", "line", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[Node] = []

    def __iter__(self) -> Iterator[Node]:
        return iter(self.children)

    def child(self, tag: str) -> Node | None:
        """First child of that tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def at(self, *path: str) -> Node | None:
        """Descendant along `path`, first of each tag."""
        node: Node | None = self
        for tag in path:
            node = node.child(tag) if node is not None else None
        return node

    def all(self, *path: str) -> list[Node]:
        """Every descendant along `path`."""
        found = [self]
        for tag in path:
            found = [child for node in found for child in node.children if child.tag == tag]
        return found

    def value(self, *path: str, default: str = "") -> str:
        """Stripped text of the descendant along `path`, `default` when it is absent."""
        node = self.at(*path)
        return node.text.strip() if node is not None else default


def parse_xml(file: SourceFile) -> Node:
    """The root element. Raises `ParseError` on malformed, truncated, too deep or too large documents, and on a DTD."""
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    top = Node("", {}, 0)
    stack = [top]
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > MAX_DEPTH or count > MAX_NODES:
            raise ParseError("document trop profond ou trop grand", file.name, parser.CurrentLineNumber)
        node = Node(tag, attributes, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        stack.pop()

    def data(text: str) -> None:
        stack[-1].text += text

    def refuse(*_: object) -> None:
        raise ParseError("une définition de type (DTD) n'a pas sa place dans un export", file.name)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        # The text is decoded already: an encoding the prolog declares no longer holds.
        parser.Parse(file.text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise ParseError(
            f"XML incomplet ou mal formé ({expat.ErrorString(error.code)})", file.name, error.lineno
        ) from None
    return top.children[0]
