"""Running configurations of the kind `head` then indented lines, as Cisco IOS and Aruba Instant write them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile


class Block(NamedTuple):
    """A line in the first column and the lines indented under it."""

    head: str
    line: int
    body: list[tuple[int, str]]
    """Line number and text without indentation."""

    def value(self, name: str) -> str:
        """What follows a directive, the last one that is there; empty when it is absent."""
        found = [text[len(name) + 1 :].strip() for _, text in self.body if text.startswith(name + " ")]
        return unquoted(found[-1]) if found else ""

    def has(self, *texts: str) -> bool:
        """One of these directives is there, word for word or with more words."""
        return any(line == text or line.startswith(text + " ") for _, line in self.body for text in texts)


def blocks(file: SourceFile) -> Iterator[Block]:
    """Blocks of a configuration, in order. Lines of exclamation marks only separate."""
    current: Block | None = None
    for number, line in enumerate(file.lines, 1):
        text = line.strip()
        if not text or text == "!":
            continue
        if line[:1] in {" ", "\t"}:
            if current is not None:
                current.body.append((number, text))
            continue
        if current is not None:
            yield current
        current = Block(text, number, [])
    if current is not None:
        yield current


def words(text: str) -> list[str]:
    """Words of a directive; what is between quotes is one word."""
    if re.search(r"[\"']", text) is None:
        return text.split()
    try:
        return shlex.split(text[:2000])
    except ValueError:
        return text.split()


def unquoted(text: str) -> str:
    """A value without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
