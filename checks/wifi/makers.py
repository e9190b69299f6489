"""Who made the access points that do not say it themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from checks.common.oui import PATHS, makers
from checks.wifi.facts import Network


def with_makers(networks: Sequence[Network], paths: Sequence[Path] = PATHS) -> tuple[Network, ...]:
    """The same networks, with the owner of their block of addresses where no element names a maker.

    Nothing is added when this machine has no list of makers, nor for an address that was drawn at random.
    """
    found = makers((network.bssid for network in networks if network.bssid and not network.vendor), paths)
    return tuple(
        msgspec.structs.replace(network, vendor=found[network.bssid])
        if not network.vendor and network.bssid in found
        else network
        for network in networks
    )
