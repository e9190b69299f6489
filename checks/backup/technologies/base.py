"""What every technology offers, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point, Repository
from checks.model import Network, Progress, Record


class Tools(Record, frozen=True, kw_only=True):
    """What a technology may use."""

    network: Network
    secret: Callable[[str], str]
    """Gives the secret a reference names."""
    now: datetime
    progress: Progress


class Entry(Record, frozen=True, kw_only=True):
    """One file of a point, as the product's catalogue lists it."""

    path: str
    size: int
    modified: datetime | None = None
    digest: str = ""
    """`sha256:…` when the product keeps the digest of the whole file; empty otherwise."""


class Technology(Protocol):
    """A module of this package."""

    def read(self, config: RepositoryConfig, tools: Tools) -> Repository:
        """Read a repository. Never raises for what the product or the network does: each unread fact is a `Gap`."""


class Restorable(Technology, Protocol):
    """A technology that gives single files back."""

    def entries(self, config: RepositoryConfig, tools: Tools, point: Point) -> Iterable[Entry]:
        """Files of a point. Raises `CollectError` when they cannot be listed."""

    def restore(
        self, config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
    ) -> Mapping[str, Path]:
        """Restore `paths` below `into`; the files that came back, by their path in the point.

        Only reads the repository; never writes outside `into`. Raises `CollectError` when nothing can be restored;
        a file that does not come back is simply absent from the answer. A path with a final `/` is a folder, restored
        whole to be timed: its files are not in the answer, and a technology that cannot do it restores nothing.
        """
