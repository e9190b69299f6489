"""Output of `nft -j list ruleset`, item by item so that each keeps its line."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from checks.firewall.parsers.nft_model import UNKNOWN, NftChain, NftRule, NftRuleset, NftSet, Note, priority_of
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile

_START = re.compile(r'\s*\{\s*"nftables"\s*:\s*\[')
_SPACE = re.compile(r"[\s,]*")
_QUIET = frozenset({"metainfo", "counter", "quota", "limit", "flowtable", "ct helper", "ct timeout", "ct expectation",
                    "synproxy", "secmark", "meter", "tunnel"})  # fmt: skip
_COMMANDS = frozenset({"add", "create", "insert", "replace"})
_MISSING = "des règles ou des définitions peuvent manquer"


def looks_like(head: str) -> bool:
    """The beginning of a file is that JSON."""
    return bool(_START.match(head))


def read(file: SourceFile, ruleset: NftRuleset, note: Note) -> None:
    """Add a file to a ruleset. Raises `ParseError` when it is cut off or is something else."""
    _Reader(ruleset, note).read(file)


def items_of(file: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each item of the list with its line. Raises `ParseError`."""
    text = file.text
    start = _START.match(text)
    if start is None:
        raise ParseError("ce n'est pas une sortie de nft -j", file.name)
    breaks = [found.start() for found in re.finditer("\n", text)]
    decoder = json.JSONDecoder(parse_constant=str)
    position = start.end()
    for _ in range(MAX_OBJECTS + 1):
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches nothing at least
        line = bisect_right(breaks, position) + 1
        if text[position : position + 1] == "]":
            if text[position + 1 :].strip() != "}":
                raise ParseError("fin de fichier inattendue : fichier tronqué ou modifié", file.name, line)
            return
        try:
            item, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            raise ParseError("JSON illisible : fichier tronqué ?", file.name, line) from None
        if not isinstance(item, dict):
            raise ParseError("un élément n'est pas un objet JSON", file.name, line)
        yield line, item
    raise ParseError("trop de règles et d'objets", file.name)


class _Reader:
    def __init__(self, ruleset: NftRuleset, note: Note) -> None:
        self._ruleset = ruleset
        self._note = note

    def read(self, file: SourceFile) -> None:
        for line, item in items_of(file):
            try:
                self._item(line, item)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise ParseError(
                    f"élément JSON incomplet : {', '.join(map(str, item))[:80]}", file.name, line
                ) from None

    def _item(self, line: int, item: dict[str, Any]) -> None:
        for kind, value in item.items():
            if kind in _COMMANDS:
                self._item(line, value)
            elif kind == "flush" and "ruleset" in value:
                self._ruleset.tables.clear()
            elif kind == "metainfo":
                self._ruleset.version = str(value.get("version", ""))
            elif kind in _QUIET:
                continue
            elif kind in _ITEMS:
                _ITEMS[kind](self, line, value)
            else:
                self._note(line, str(kind), _MISSING)
                self._ruleset.doubtful = self._ruleset.doubtful or f"élément inconnu : {str(kind)[:60]}"

    def table(self, line: int, value: dict[str, Any]) -> None:
        """One `table` item."""
        table = self._ruleset.table(_text(value["family"]), _text(value["name"]), line)
        flags = value.get("flags") or ()
        table.dormant = "dormant" in ([flags] if isinstance(flags, str) else flags)

    def chain(self, line: int, value: dict[str, Any]) -> None:
        """One `chain` item."""
        table = self._ruleset.table(_text(value["family"]), _text(value["table"]), line)
        priority = value.get("prio", 0)
        known = priority if isinstance(priority, int) else priority_of(str(priority))
        name = _text(value["name"])
        chain = table.chains.setdefault(name, NftChain(name, line))
        chain.handle = _handle(value)
        chain.kind, chain.hook = _text(value.get("type", "")), _text(value.get("hook", ""))
        chain.priority, chain.priority_known = known or 0, known is not None
        chain.policy, chain.policy_line = _text(value.get("policy", "accept")), line

    def rule(self, line: int, value: dict[str, Any]) -> None:
        """One `rule` item."""
        table = self._ruleset.table(_text(value["family"]), _text(value["table"]), line)
        name = _text(value["chain"])
        chain = table.chains.setdefault(name, NftChain(name, line))
        expressions = value["expr"]
        if not isinstance(expressions, list):
            raise TypeError
        statements = [one if isinstance(one, dict) else {UNKNOWN: str(one)[:120]} for one in expressions]
        chain.rules.append(NftRule(line, statements, _handle(value), _text(value.get("comment", ""))))

    def set(self, line: int, value: dict[str, Any]) -> None:
        """One `set` item."""
        self._named_set(line, value, is_map=False)

    def map(self, line: int, value: dict[str, Any]) -> None:
        """One `map` item."""
        self._named_set(line, value, is_map=True)

    def _named_set(self, line: int, value: dict[str, Any], *, is_map: bool) -> None:
        table = self._ruleset.table(_text(value["family"]), _text(value["table"]), line)
        kinds = value.get("type", "")
        flags = value.get("flags") or ()
        found = NftSet(
            _text(value["name"]),
            line,
            types=tuple(map(str, kinds)) if isinstance(kinds, list) else (str(kinds),),
            is_map=is_map,
            flags=frozenset([flags] if isinstance(flags, str) else map(str, flags)),
            elements=_elements(value.get("elem")),
            listed=True,
        )
        if "timeout" in value:
            found.flags |= {"timeout"}
        table.sets[found.name] = found

    def element(self, line: int, value: dict[str, Any]) -> None:
        """One `element` item."""
        table = self._ruleset.table(_text(value["family"]), _text(value["table"]), line)
        name = _text(value["name"])
        table.sets.setdefault(name, NftSet(name, line, listed=True)).elements += _elements(value.get("elem"))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _handle(value: dict[str, Any]) -> int | None:
    handle = value.get("handle")
    return handle if isinstance(handle, int) else None


def _elements(value: Any) -> list[Any]:
    if isinstance(value, dict) and "set" in value:
        value = value["set"]
    return list(value) if isinstance(value, list) else [] if value is None else [value]


_ITEMS: dict[str, Callable[[_Reader, int, dict[str, Any]], None]] = {
    "table": _Reader.table, "chain": _Reader.chain, "rule": _Reader.rule, "set": _Reader.set,
    "map": _Reader.map, "element": _Reader.element,
}  # fmt: skip
