"""What readings of file system snapshots share: a snapshot lies on the array it copies, unless it was received."""

from __future__ import annotations

from datetime import UTC, datetime

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Immutability, Point
from checks.common.french import count

SAME_ARRAY = (
    "Ces instantanés sont sur la baie qu'ils copient : ils disparaissent avec elle et ne comptent pas comme une copie,"
    " sauf s'ils sont reçus d'une autre machine (« same_array_as_source = false » dans le profil)."
)


def immutability(points: tuple[Point, ...], days_note: str = "") -> Immutability:
    """A snapshot cannot be changed, and whoever administers the array can destroy it."""
    held = sum(point.locked is True for point in points)
    looked = sum(point.locked is not None for point in points)
    detail = "L'administrateur de la baie peut détruire un instantané, et lever d'abord ce qui le retient."
    if held:
        detail = f"{count(held, 'instantané retenu', 'instantanés retenus')} (hold). {detail}"
    return Immutability(
        lock="snapshot",
        proof="configured",
        covered=held if looked else None,
        looked_at=looked or None,
        detail=f"{detail} {days_note}".strip(),
    )


def same_array(config: RepositoryConfig, received: bool | None = None) -> bool | None:
    """As declared; otherwise yes, but for snapshots that were all received: where they come from is not known."""
    if config.same_array_as_source is not None:
        return config.same_array_as_source
    return None if received else True


def english_time(text: str) -> datetime | None:
    """A time as C's `ctime` writes it (`Sun Nov  8 00:36:35 2026`), taken as UTC; None when it is not one."""
    try:
        return datetime.strptime(" ".join(text.split()), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
