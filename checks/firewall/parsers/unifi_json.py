"""UniFi API answers: JSON arrays, plain or under `data`, with the line each element begins on."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")


class Element(NamedTuple):
    """One JSON object."""

    fields: dict[str, Any]
    line: int
    file: int

    def text(self, *names: str) -> str:
        """First of some properties that is a text or a number, as text."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(value)
        return ""

    def texts(self, *names: str) -> list[str]:
        """First of some properties that is a list of texts."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, list):
                return [str(one) for one in value if isinstance(one, (str, int)) and not isinstance(one, bool)]
        return []

    def on(self, name: str, *, default: bool = False) -> bool:
        """A property that is true or false."""
        value = self.fields.get(name, default)
        return value if isinstance(value, bool) else default

    def inside(self, name: str) -> Element:
        """A nested object; empty when it is absent."""
        value = self.fields.get(name)
        return self._replace(fields=value if isinstance(value, dict) else {})


def elements(file: SourceFile, index: int) -> Iterator[Element]:
    """Every object of the arrays of a file. Raises `ParseError` on malformed or truncated JSON."""
    reader = _Reader(file)
    for count, (value, at) in enumerate(reader.top()):
        if count >= MAX_OBJECTS:
            raise ParseError("trop d'éléments", file.name)
        if not isinstance(value, dict):
            raise ParseError("un élément n'est pas un objet JSON", file.name, reader.line(at))
        yield Element(value, reader.line(at), index)


class _Reader:
    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._text = file.text
        self._seen = 0
        self._line = 1

    def line(self, at: int) -> int:
        """Line of a position; positions come in order."""
        self._line += self._text.count("\n", self._seen, at)
        self._seen = at
        return self._line

    def top(self) -> Iterator[tuple[Any, int]]:
        at = self._skip(0)
        if self._char(at) == "[":
            end = yield from self._array(at)
        elif self._char(at) == "{":
            end = yield from self._object(at)
        else:
            raise self._error(at)
        if self._skip(end) != len(self._text):
            raise self._error(end)

    def _object(self, start: int) -> Generator[tuple[Any, int], None, int]:
        at = self._skip(start + 1)
        while self._char(at) != "}":
            _, at = self._value(at)
            at = self._expect(at, ":")
            if self._char(at) == "[":
                at = yield from self._array(at)
            else:
                _, at = self._value(at)
            at = self._next(at, "}")
        return at + 1

    def _array(self, start: int) -> Generator[tuple[Any, int], None, int]:
        at = self._skip(start + 1)
        while self._char(at) != "]":
            value, end = self._value(at)
            yield value, at
            at = self._next(end, "]")
        return at + 1

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, at)
        except (ValueError, RecursionError):
            raise self._error(at) from None

    def _next(self, at: int, closing: str) -> int:
        at = self._skip(at)
        if self._char(at) == ",":
            at = self._skip(at + 1)
            if self._char(at) == closing:
                raise self._error(at)
            return at
        if self._char(at) != closing:
            raise self._error(at)
        return at

    def _expect(self, at: int, char: str) -> int:
        at = self._skip(at)
        if self._char(at) != char:
            raise self._error(at)
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def _char(self, at: int) -> str:
        return self._text[at : at + 1]

    def _error(self, at: int) -> ParseError:
        return ParseError("JSON incomplet ou mal formé", self._file.name, self._text.count("\n", 0, at) + 1)
