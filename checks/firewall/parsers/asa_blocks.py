"""The text of a Cisco ASA configuration as commands, each with the indented lines that belong to it."""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile

_PAGER = re.compile(r"<--- More --->[ \x08]*")
_VERSION = re.compile(r"(?m)^(?:ASA|PIX|FWSM) Version (\d+)\.(\d+)[^\n]*")


class Line(NamedTuple):
    """One command."""

    number: int
    words: tuple[str, ...]
    text: str


class Block(NamedTuple):
    """One top-level command and its sub-commands."""

    head: Line
    body: tuple[Line, ...]


def read_blocks(file: SourceFile) -> list[Block]:
    """Every command of the file, comments left out. Raises `ParseError` on a file that was cut off."""
    blocks: list[Block] = []
    body: list[Line] = []
    head: Line | None = None
    for number, raw in enumerate(file.text.split("\n"), start=1):
        text = _PAGER.sub("", raw).rstrip() if "<--- More" in raw else raw.rstrip()
        words = tuple(text.split())
        if not words or words[0][0] in "!:":
            continue
        line = Line(number, words, text)
        if text[0] in " \t" and head is not None:
            body.append(line)
            continue
        if head is not None:
            blocks.append(Block(head, tuple(body)))
        head, body = line, []
        if len(blocks) > MAX_OBJECTS:
            raise ParseError("trop de commandes", file.name, number)
    if head is not None:
        blocks.append(Block(head, tuple(body)))
    _check_end(file)
    return blocks


def _check_end(file: SourceFile) -> None:
    """A configuration that starts as `show running-config` does must end as it does."""
    starts = re.search(r"(?m)^: Saved\s*$", file.head)
    if starts and not re.search(r"(?m)^(?:: end|Cryptochecksum:)", file.text[-2000:]):
        last = file.text.count("\n") + 1
        raise ParseError("configuration coupée : la ligne « : end » manque à la fin", file.name, last)


def version_of(file: SourceFile) -> tuple[str, tuple[int, int] | None]:
    """Version text and its two first numbers; nothing when the export does not say."""
    found = _VERSION.search(file.head)
    if not found:
        return "", None
    return found[0].partition("Version ")[2].strip(), (int(found[1][:6]), int(found[2][:6]))
