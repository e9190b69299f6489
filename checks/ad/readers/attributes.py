"""Typed access to the raw attributes of an entry. A value that cannot be read is as if it were absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from checks.ad.parsers import values
from checks.ad.parsers.security_descriptor import MalformedDescriptor, format_sid
from checks.ad.parsers.values import MalformedValue
from checks.common.text import clean

Attributes = dict[str, list[bytes]]
T = TypeVar("T")


def first(attributes: Attributes, name: str, decode: Callable[[bytes], T]) -> T | None:
    """First value of an attribute (name in lower case), decoded; None when absent or malformed."""
    found = attributes.get(name)
    if not found:
        return None
    try:
        return decode(found[0])
    except (MalformedValue, MalformedDescriptor):
        return None


def text(attributes: Attributes, name: str) -> str:
    """First value as clean text; empty when absent."""
    found = attributes.get(name)
    return clean(values.text(found[0])) if found else ""


def texts(attributes: Attributes, name: str) -> tuple[str, ...]:
    """All values as clean text."""
    found = attributes.get(name)
    return tuple(clean(values.text(raw)) for raw in found) if found else ()


def names(attributes: Attributes, name: str) -> tuple[str, ...]:
    """All values as distinguished names, kept as the server writes them so that they can be compared."""
    found = attributes.get(name)
    return tuple(map(values.text, found)) if found else ()


def name(attributes: Attributes, attribute: str) -> str:
    """First value as a distinguished name; empty when absent."""
    found = attributes.get(attribute)
    return values.text(found[0]) if found else ""


def sids(attributes: Attributes, attribute: str) -> tuple[str, ...]:
    """All values as SIDs; malformed ones are left out."""
    found: list[str] = []
    for raw in attributes.get(attribute, ()):
        try:
            found.append(format_sid(raw))
        except MalformedDescriptor:
            continue
    return tuple(found)


def integer(attributes: Attributes, attribute: str) -> int | None:
    """First value as an integer."""
    return first(attributes, attribute, values.integer)


def flags(attributes: Attributes, attribute: str) -> int | None:
    """First value as an unsigned 32-bit field."""
    return first(attributes, attribute, values.unsigned32)


def boolean(attributes: Attributes, attribute: str) -> bool | None:
    """First value as a boolean."""
    return first(attributes, attribute, values.boolean)


def sid(attributes: Attributes, attribute: str) -> str:
    """First value as a SID; empty when absent or malformed."""
    return first(attributes, attribute, format_sid) or ""


def moment(attributes: Attributes, attribute: str) -> int | None:
    """First value of a generalized time, Unix seconds."""
    return first(attributes, attribute, values.generalized_time)


def filetime(attributes: Attributes, attribute: str) -> int | None:
    """First value of a FILETIME, Unix seconds."""
    return first(attributes, attribute, values.filetime)


def interval(attributes: Attributes, attribute: str) -> int | None:
    """First value of a duration, seconds."""
    return first(attributes, attribute, values.interval)


def has_class(attributes: Attributes, wanted: str) -> bool:
    """Whether the object is of that class, or of one derived from it."""
    return wanted.encode() in attributes.get("objectclass", ())
