"""Lenient reading of one property of a row: what is absent or of another type is None or empty, never an error.

Exports written by PowerShell give booleans and numbers as texts now and then, and a list of one element as the
element alone: `flag`, `number` and `texts` take those forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checks.common.text import clean

Row = Mapping[str, Any]

MAX_ITEMS = 200_000
"""Items kept of one list."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes", "1", "$true"}), frozenset({"false", "no", "0", "$false"})


def text(row: Row, name: str) -> str:
    """A text, harmless to show; empty when absent or of another type."""
    value = row.get(name)
    return clean(value) if isinstance(value, str) else ""


def word(row: Row, name: str) -> str:
    """A text to compare: identifiers and enumerations are written with or without capitals."""
    return text(row, name).strip().casefold()


def flag(row: Row, name: str) -> bool | None:
    """A boolean, or its text; None when it is neither."""
    value = row.get(name)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        told = value.strip().casefold()
        return True if told in _TRUE else False if told in _FALSE else None
    return None


def number(row: Row, name: str) -> int | None:
    """A whole number, or its text; None when it is neither."""
    value = row.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)
    return None


def moment(row: Row, name: str) -> datetime | None:
    """A time of ISO 8601 in UTC, whatever its fraction of second; None when it cannot be read."""
    value = row.get(name)
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    day, hour, zone = found.groups()
    shift = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return datetime.fromisoformat(f"{day}T{hour}{shift}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def seconds(value: object) -> int | None:
    """Length of an ISO 8601 duration of days, hours, minutes and seconds; None for anything else."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def mapping(row: Row, name: str) -> Row:
    """An object inside the row; empty when absent or of another type."""
    value = row.get(name)
    return value if isinstance(value, Mapping) else {}


def rows(row: Row, name: str) -> tuple[Row, ...]:
    """The objects of a list, or the only one when it is not in a list."""
    return objects(row.get(name))


def objects(value: object) -> tuple[Row, ...]:
    """The objects among what a list holds, or the object itself."""
    if isinstance(value, Mapping):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(item for item in value[:MAX_ITEMS] if isinstance(item, Mapping))
    return ()


def texts(row: Row, name: str) -> tuple[str, ...]:
    """The texts of a list, or the only one when it is not in a list."""
    value = row.get(name)
    if isinstance(value, str):
        return (clean(value),) if value else ()
    if isinstance(value, (list, tuple)):
        return tuple(clean(item) for item in value[:MAX_ITEMS] if isinstance(item, str) and item)
    return ()


def is_list(row: Row, name: str) -> bool:
    """The property is there and is a list: an empty one says something, an absent one does not."""
    return isinstance(row.get(name), (list, tuple))


def is_objects(row: Row, name: str) -> bool:
    """The property is a list that holds nothing but objects."""
    return is_list(row, name) and all(isinstance(item, Mapping) for item in row[name])


def has(row: Row, *names: str) -> bool:
    """Every one of the properties is in the row, whatever its value."""
    return all(name in row for name in names)


def document(value: str) -> Row:
    """An object written in JSON inside a text, as old policies keep theirs; empty when it is not one."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
