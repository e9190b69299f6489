"""Which module reads which technology, and which give single files back. Modules are imported when they are used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast, get_args

from checks.backup.config import Technology as Name
from checks.backup.technologies.base import Restorable, Technology

_PACKAGE = "checks.backup.technologies"
NAMES: tuple[str, ...] = get_args(Name)
MODULES: Mapping[str, str] = {name: f"{_PACKAGE}.{name}" for name in NAMES}
"""Module of each technology, by its name in the profile."""
_RESTORABLE = frozenset({"restic", "borg", "rsync", "s3"})
"""Technologies whose modules have `entries` and `restore`; a test compares with the modules themselves."""


def technology(name: str) -> Technology:
    """Module that reads `name`. Raises `KeyError` for an unknown name, `ImportError` when a library is missing."""
    return cast("Technology", import_module(MODULES[name]))


def is_restorable(name: str) -> bool:
    """Whether single files of a point can be restored; imports nothing."""
    return name in _RESTORABLE


def restorable(name: str) -> Restorable | None:
    """Module that restores files of `name`; None when the technology does not give single files back."""
    return cast("Restorable", import_module(MODULES[name])) if is_restorable(name) else None
