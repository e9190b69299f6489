"""Facts of the whole site: those of the other domains, and what their controls concluded. Collects nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from checks.backup.facts import BackupFacts
from checks.firewall.facts import FirewallFacts
from checks.model import Gap, Outcome
from checks.wifi.facts import WifiFacts

SITE = "site"
"""Subject of a judgement about the whole establishment."""


class SiteFacts(NamedTuple):
    """What the joined domains know; a `Gap` for one that could not be read."""

    known: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    """Of every other domain."""

    @property
    def firewall(self) -> FirewallFacts | Gap:
        """Rules of the firewalls."""
        return cast("FirewallFacts | Gap", self.known["firewall"])

    @property
    def wifi(self) -> WifiFacts | Gap:
        """Radio networks, and what was tried from inside."""
        return cast("WifiFacts | Gap", self.known["wifi"])

    @property
    def backup(self) -> BackupFacts | Gap:
        """Copies, and who can reach them."""
        return cast("BackupFacts | Gap", self.known["backup"])
