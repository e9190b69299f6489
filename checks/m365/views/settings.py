"""Groups of settings of the directory: names and values, kept as texts."""

from __future__ import annotations

from collections.abc import Mapping

from checks.m365.facts import Rows
from checks.m365.judging import stopped, unreadable
from checks.m365.views.values import is_list, rows, text, word
from checks.model import Gap


def group(found: Rows, name: str) -> Mapping[str, str] | Gap | None:
    """Values of a group by name in small letters; None when it was never changed, so that defaults hold."""
    if any(not word(row, "displayName") for row in found.rows):
        return unreadable("les réglages de l'annuaire")
    for row in found.rows:
        if word(row, "displayName") == name.casefold():
            items = rows(row, "values")
            if not is_list(row, "values") or any(not word(item, "name") for item in items):
                return unreadable("les réglages de l'annuaire")
            return {word(item, "name"): text(item, "value") for item in items}
    return None if found.complete else stopped("les réglages de l'annuaire")
