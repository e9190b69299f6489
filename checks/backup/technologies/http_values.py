"""Values of an answer nobody promised the shape of: each reader gives the value or nothing, and never raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.common.text import clean

MAX_ROWS = 100_000
"""Rows kept of one list."""
NAME = 200
"""Characters kept of a name."""
MESSAGE = 300
"""Characters kept of a message."""
_BIGGEST = 2**63 - 1
_NAIVE_DIGITS = 6


def rows(value: Any, *path: str) -> list[Mapping[str, Any]] | None:
    """Objects of the list found along `path`; None when there is no list there."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, list):
        return None
    return [row for row in value[:MAX_ROWS] if isinstance(row, Mapping)]


def at(value: Any, *path: str) -> Any:
    """What stands along `path`; None when the path breaks."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *path: str, limit: int = NAME) -> str:
    """Cleaned text along `path`; a number is written down; empty when it is anything else."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return clean(str(found), limit).strip()


def whole(value: Any, *path: str) -> int | None:
    """Integer along `path`, also when it comes as text or as a round number; None when it is not a sane one."""
    found = at(value, *path)
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        digits = found.strip()
        if len(digits) > len(str(_BIGGEST)) or not digits.lstrip("-").isdecimal():
            return None
        found = int(digits) if digits.lstrip("-").isascii() and digits.count("-") <= 1 else None
    if isinstance(found, float):
        found = int(found) if abs(found) < _BIGGEST else None
    return found if isinstance(found, int) and abs(found) <= _BIGGEST else None


def real(value: Any, *path: str) -> float | None:
    """Number along `path`; None when it is not one, or not finite."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if abs(found) < _BIGGEST else None


def flag(value: Any, *path: str) -> bool | None:
    """Boolean along `path`, also when it comes as 0 or 1; None when it is anything else."""
    found = at(value, *path)
    if isinstance(found, bool):
        return found
    return bool(found) if isinstance(found, int) and found in {0, 1} else None


def epoch(value: Any, *path: str) -> datetime | None:
    """UTC moment from seconds since 1970 along `path`; None for 0, which products write for "never"."""
    seconds = whole(value, *path)
    if not seconds or seconds < 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def moment(value: Any, *path: str, offset: timedelta = timedelta(0)) -> datetime | None:
    """UTC moment from ISO 8601 text along `path`.

    Text without a zone is taken at `offset` from UTC. Fractions of more than six digits are cut: .NET writes seven.
    """
    return iso(text(value, *path, limit=64), offset)


def iso(written: str, offset: timedelta = timedelta(0)) -> datetime | None:
    """UTC moment from ISO 8601 text; see `moment`."""
    head, dot, tail = written.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        written = f"{head}.{tail[:digits][:_NAIVE_DIGITS].ljust(_NAIVE_DIGITS, '0')}{tail[digits:]}"
    try:
        found = datetime.fromisoformat(written)
        found = (found - offset).replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year > 1970 else None  # noqa: PLR2004 - .NET writes year 1 for "never", others 1970


def names(value: Any, *path: str, limit: int = 200) -> tuple[str, ...]:
    """Cleaned texts of the list along `path`."""
    found = at(value, *path)
    return tuple(_texts(found[:limit])) if isinstance(found, list) else ()


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and value.strip():
            yield clean(value, NAME)
