"""Behind which zones of a firewall a machine stands: what its interfaces say, else what the zones are for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from checks.firewall import roles
from checks.firewall.facts import Device


def leading_to(device: Device, known: Mapping[str, str], address: str, *preferred: str) -> tuple[str, ...]:
    """Zones that may lead to `address`.

    Those whose own networks hold it; without any, those of the `preferred` roles; without any, every zone, except
    the Internet for an address that has no meaning there.
    """
    wanted = ipaddress.ip_address(address)
    holding = tuple(
        one.name for one in device.interfaces if any(wanted in ipaddress.ip_network(text) for text in one.networks)
    )
    if holding:
        return holding
    named = roles.with_role(known, *preferred)
    if named:
        return named
    return tuple(known) if wanted.is_global else roles.without_role(known, roles.WAN)
