"""Times, lengths of time and sizes as a person says them, in French."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

from checks.common.french import count


def hours_between(before: datetime, after: datetime) -> float:
    """Hours from one to the other, never negative."""
    return max(0.0, (after - before).total_seconds() / 3600)


def length(hours: float) -> str:
    """`45 minutes`, `26 heures`, `3 jours`, as a person says a length of time."""
    if hours < 1:
        return count(round(hours * 60), "minute")
    if hours < 48:  # noqa: PLR2004 - two days
        return count(round(hours), "heure")
    return count(round(hours / 24), "jour")


def between(low: float, high: float) -> str:
    """`2 heures à 3 heures`, or `environ 1 heure` when both read the same."""
    least, most = length(low), length(high)
    return f"environ {least}" if least == most else f"{least} à {most}"


def day(time: datetime) -> str:
    """`22/11/2026 à 03:00 UTC`."""
    return f"{time:%d/%m/%Y à %H:%M} UTC"


def size(number: float) -> str:
    """`1,5 Gio`."""
    units = ("octets", "Kio", "Mio", "Gio", "Tio")
    power = min(len(units) - 1, int(math.log(max(1.0, number), 1024)))
    shown = f"{number / 1024**power:.1f}".replace(".", ",").removesuffix(",0")
    return f"{shown} {units[power]}"


def as_date(answer: Any) -> date | None:
    """The date that somebody answered, whether the profile or a recorded run gives it; None for anything else."""
    if isinstance(answer, str):
        try:
            answer = datetime.fromisoformat(answer)
        except ValueError:
            return None
    if isinstance(answer, datetime):
        return answer.date()
    return answer if isinstance(answer, date) else None
