"""Responses of the Check Point management API, sorted by what they hold and not by file name."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError, SourceFile

Json = dict[str, Any]

_UID = re.compile(r'"uid"\s*:\s*"([^"\\\n]{1,80})"')
_RULE_TYPES = frozenset(("access-rule", "access-section", "place-holder"))
_NAT_TYPES = frozenset(("nat-rule", "nat-section"))
_NOT_OBJECTS = frozenset(("access-rule", "access-section", "nat-rule", "nat-section", "place-holder", "session"))


def texts(value: object) -> str:
    """A string, empty for anything else."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """An integer, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def items(value: object) -> list[Any]:
    """A list, empty for anything else."""
    return value if isinstance(value, list) else []


def table(value: object) -> Json:
    """An object, empty for anything else."""
    return value if isinstance(value, dict) else {}


class Layer:
    """One rule base: pages of the same layer put together."""

    def __init__(self, uid: str, name: str, file: int) -> None:
        self.uid = uid
        self.name = name
        self.file = file
        self.pages: list[tuple[int, Json, int]] = []
        """First rule number, response and file of each page."""

    @property
    def missing(self) -> str:
        """French sentence when rules were not exported, else empty."""
        expected = max((whole(page.get("total")) or 0 for _, page, _ in self.pages), default=0)
        covered = 0
        for first, page, _ in self.ordered():
            last = whole(page.get("to"))
            if expected and first > covered + 1:
                break
            covered = max(covered, last if last is not None else covered)
        if expected and covered < expected and any("to" in page for _, page, _ in self.pages):
            return f"les règles {covered + 1} à {expected} de la couche {self.name} ne sont pas dans l'export"
        return ""

    def ordered(self) -> list[tuple[int, Json, int]]:
        """Pages by the number of their first rule; a page given twice counts once."""
        seen: set[tuple[int, int | None]] = set()
        found = []
        for first, page, file in sorted(self.pages, key=lambda one: one[0]):
            key = (first, whole(page.get("to")))
            if key in seen and first:
                continue
            seen.add(key)
            found.append((first, page, file))
        return found


class Export:
    """Everything several files hold together."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._places: dict[int, dict[str, int]] = {}
        self.layers: dict[str, Layer] = {}
        """Access layers by uid, or by name when they have none."""
        self.nat: list[Layer] = []
        self.packages: dict[str, Json] = {}
        self.objects: dict[str, tuple[Json, int]] = {}
        """Every object by uid: the fullest description met, and its file."""
        self.names: dict[str, list[str]] = {}
        self.gateways: dict[str, Json] = {}
        self.administrators_listed = False
        self.users_listed = False
        self.communities_listed = False
        for number, file in enumerate(files):
            for document in _documents(file):
                self._walk(document, number)

    def line(self, uid: str, file: int) -> int:
        """Line where the object of this uid starts in a file, 0 when it is not there."""
        if file not in self._places:
            self._places[file] = _places(self._files[file].text)
        return self._places[file].get(uid, 0)

    def _walk(self, document: object, file: int) -> None:
        """Look at every object of a document, parents first."""
        stack: list[object] = [document]
        count = 0
        while stack:
            node = stack.pop()
            count += 1
            if count > 40 * MAX_OBJECTS:
                raise ParseError("document trop grand", self._files[file].name)
            if isinstance(node, list):
                stack.extend(reversed(node))
            elif isinstance(node, dict):
                self._look(node, file)
                stack.extend(reversed([child for child in node.values() if isinstance(child, (dict, list))]))

    def _look(self, node: Json, file: int) -> None:
        if "rulebase" in node and isinstance(node["rulebase"], list) and texts(node.get("type")) not in _NOT_OBJECTS:
            self._rulebase(node, file)
        kind, uid = texts(node.get("type")), texts(node.get("uid"))
        if not kind or not uid or kind in _NOT_OBJECTS:
            return
        if kind == "package":
            self.packages.setdefault(uid, node)
        known = self.objects.get(uid)
        if known is None:
            if len(self.objects) >= MAX_OBJECTS:
                raise ParseError("trop d'objets", self._files[file].name)
            self.names.setdefault(texts(node.get("name")), []).append(uid)
        if known is None or len(node) > len(known[0]):
            self.objects[uid] = (node, file)
        if "sic-status" in node or "network-security-blades" in node:
            self.gateways[uid] = node
        if kind == "administrator":
            self.administrators_listed = True
        elif kind == "user":
            self.users_listed = True
        elif kind.startswith("vpn-community"):
            self.communities_listed = True

    def _rulebase(self, node: Json, file: int) -> None:
        kinds = {texts(table(child).get("type")) for child in node["rulebase"]}
        kinds |= {
            texts(table(rule).get("type")) for child in node["rulebase"] for rule in items(table(child).get("rulebase"))
        }
        first = whole(node.get("from")) or 0
        uid, name = texts(node.get("uid")), texts(node.get("name"))
        if kinds & _NAT_TYPES:
            layer = next((one for one in self.nat if one.uid == uid), None)
            if layer is None:
                layer = Layer(uid, name or "NAT", file)
                self.nat.append(layer)
            layer.pages.append((first, node, file))
        elif kinds & _RULE_TYPES or (not kinds and name and "objects-dictionary" in node):
            layer = self.layers.setdefault(uid or name, Layer(uid or name, name or uid, file))
            layer.pages.append((first, node, file))


def _places(text: str) -> dict[str, int]:
    """Line of the first object of each uid: that of its brace when the uid comes first, as the API prints it."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    places: dict[str, int] = {}
    for found in _UID.finditer(text):
        if found[1] in places:
            continue
        at = found.start()
        before = at - 1
        while before >= 0 and text[before] in " \t\r\n":
            before -= 1
        places[found[1]] = bisect_right(starts, before if before >= 0 and text[before] == "{" else at)
    return places


def _documents(file: SourceFile) -> Iterator[object]:
    """The JSON values of a file, one after the other. Raises `ParseError`."""
    decoder = json.JSONDecoder()
    text = file.text
    at = 0
    count = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at == len(text):
            break
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ParseError("JSON incomplet ou mal formé", file.name, text.count("\n", 0, error.pos) + 1) from None
        except (RecursionError, ValueError):
            raise ParseError("JSON trop profond, ou nombre démesuré", file.name) from None
        _refuse_error(value, file)
        if _too_deep(value):
            raise ParseError("JSON trop profond", file.name)
        count += 1
        yield value
    if not count:
        raise ParseError("le fichier est vide", file.name)


def _too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _refuse_error(value: object, file: SourceFile) -> None:
    """A failed request is not an export."""
    node: Mapping[str, object] = table(value)
    if texts(node.get("code")).startswith(("generic_err", "err_")) and "message" in node:
        raise ParseError(f"réponse d'erreur de l'API ({texts(node['code'])[:60]})", file.name)
