"""What PowerShell's `ConvertTo-Json` does to an object of Microsoft, undone.

Known habits (Windows PowerShell 5.1 and PowerShell 7, seen in the sample exports of ScubaGear): a list of one element
becomes that element; a list with a property becomes `{"value": […], "Count": n}`; a date becomes `/Date(ms)/`; beyond
the depth that was asked for an object becomes the text `@{…}` or the name of its type; the Graph module writes every
name with a capital, every unset object as an object of nulls, and what it does not know under `AdditionalProperties`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_DEPTH = 40
"""Objects of Graph and Exchange are below fifteen."""
_DATE = re.compile(r"\\?/Date\((-?\d{1,14})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_CUT = re.compile(
    r"@\{.*|System\.(Collections|Object|Management)\b.*|Microsoft\.(Graph|Exchange)\.[A-Za-z.]+(\[\])?", re.DOTALL
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MORE = "AdditionalProperties"
_LIST = frozenset({"value", "Count"})


class Cut(Exception):  # noqa: N818 - a state of a value, not an error of the program
    """A part of the value was lost when it was exported."""


def listed(value: Any) -> list[Any]:
    """The elements of a list, whichever form PowerShell gave it; null is an empty list."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and value.keys() == _LIST and isinstance(value["value"], list):
        return list(value["value"])
    return [value]


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects among them; an object without any property is PowerShell's way to write nothing."""
    return [item for item in listed(value) if isinstance(item, dict) and item]


def kept(
    row: Mapping[str, Any], properties: Iterable[str] = (), *, graph: bool = False
) -> tuple[dict[str, Any], set[str]]:
    """The wanted properties of one object with the values that the service gave, and the names of those that were cut.

    `graph`: names start with a small letter, as Graph writes them. Without `properties`, all are kept.
    """
    source = as_graph(_opened(row)) if graph else dict(row)
    wanted = tuple(properties)
    values: dict[str, Any] = {}
    cut: set[str] = set()
    for name, value in source.items():
        if wanted and name not in wanted:
            continue
        try:
            values[name] = restored(value, graph=graph)
        except Cut:
            cut.add(name)
    return values, cut


def restored(value: Any, *, graph: bool = False, depth: int = 0) -> Any:
    """One value as the service gave it. Raises `Cut` when a part of it was lost."""
    if depth > MAX_DEPTH:
        raise Cut
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [restored(item, graph=graph, depth=depth + 1) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Cut
    if not isinstance(value, dict):
        return value
    if value.keys() == _LIST and isinstance(value["value"], list):
        return restored(value["value"], graph=graph, depth=depth + 1)
    if not graph:
        return {name: restored(item, depth=depth + 1) for name, item in value.items()}
    inside = {name: restored(item, graph=True, depth=depth + 1) for name, item in as_graph(_opened(value)).items()}
    # The module makes an object of nulls out of what is not set: Graph says null.
    return inside if not inside or any(item is not None for item in inside.values()) else None


def as_graph(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same object, its names with a small first letter."""
    return {name[:1].lower() + name[1:]: value for name, value in row.items()}


def _opened(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same object with what the Graph module put aside."""
    more = row.get(_MORE)
    found = {name: value for name, value in row.items() if name != _MORE}
    if isinstance(more, dict):
        known = {name.lower() for name in found}
        found |= {name: value for name, value in more.items() if isinstance(name, str) and name.lower() not in known}
    return found


def _text(value: str) -> str:
    found = _DATE.fullmatch(value)
    if found:
        try:
            return (_EPOCH + timedelta(milliseconds=int(found[1]))).strftime("%Y-%m-%dT%H:%M:%SZ")
        except OverflowError:
            return value
    if _CUT.fullmatch(value):
        raise Cut
    return value
