"""Keys of a ScubaGear export, and which commands it says have worked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from checks.common.text import clean
from checks.m365.imports.found import Desk
from checks.m365.imports.powershell import listed
from checks.model import Reason


class Key(NamedTuple):
    """One reading that a key of the export gives."""

    reading: str
    keys: tuple[str, ...]
    """Newest name first."""
    commands: tuple[str, ...]
    """Any of them gave it, according to the version."""
    graph: bool = False

    def find(self, value: Mapping[str, Any]) -> str | None:
        """The name that this export uses; the first one that holds something."""
        present = [key for key in self.keys if key in value]
        return next((key for key in present if value[key] not in (None, [], {})), present[0] if present else None)


class Commands(NamedTuple):
    """Commands that worked and that did not, small letters. A licence that is absent puts one in both."""

    done: frozenset[str]
    failures: frozenset[str]
    told: bool
    """False: the export has no such list (cut by hand)."""

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Commands:
        """Those of all products."""
        done: set[str] = set()
        failures: set[str] = set()
        told = False
        for key, names in value.items():
            words = {name.strip().casefold() for name in listed(names) if isinstance(name, str)}
            if key.casefold().endswith("_unsuccessful_commands"):
                failures |= words
            elif key.casefold().endswith("_successful_commands"):
                done |= words
                told = True
        return cls(frozenset(done), frozenset(failures), told)

    def failed(self, desk: Desk, reading: str, names: tuple[str, ...], *, empty: bool) -> bool:
        """Whether the reading is missing; the gap is then recorded.

        What is there is used even when a product that reads it too failed. An empty list counts only when the command
        is known to have worked.
        """
        if not empty:
            return False
        wanted = {name.casefold() for name in names}
        if broken := next((name for name in names if name.casefold() in self.failures), None):
            detail = (
                f"ScubaGear n'a pas pu exécuter « {clean(broken, 80)} » : droit, licence ou panne, "
                f"{desk.name} ne le dit pas."
            )
            desk.gap(reading, Reason.ERROR, detail)
            return True
        if self.told and not wanted & self.done:
            detail = f"{desk.name} ne dit pas que « {clean(names[0], 80)} » a été exécutée, et ne donne aucun objet."
            desk.gap(reading, Reason.ERROR, detail)
            return True
        return False
