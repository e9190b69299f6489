"""What the controls of the domain are given: the facts, and what is computed from them once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from checks.firewall.algebra.reach import Flows
from checks.firewall.algebra.rules import Anomaly, device_anomalies
from checks.firewall.facts import Device, FirewallFacts
from checks.firewall.roles import roles_of


class DeviceReview(NamedTuple):
    """One firewall, examined."""

    device: Device
    roles: Mapping[str, str]
    """Zone to role; a zone without a recognised role is absent or empty."""
    anomalies: tuple[Anomaly, ...]
    flows: Flows
    """Answers what may pass."""


class FirewallReview(NamedTuple):
    """All firewalls of a site, examined."""

    devices: tuple[DeviceReview, ...]


def review(facts: FirewallFacts) -> FirewallReview:
    """Examine every firewall. Pure; takes about a second for 10,000 rules. Raises ValueError on edited facts."""
    return FirewallReview(tuple(_review(device, facts.roles) for device in facts.devices))


def _review(device: Device, declared: Mapping[str, str]) -> DeviceReview:
    flows = Flows(device)
    return DeviceReview(
        device=device,
        roles=roles_of(device, declared),
        anomalies=device_anomalies(device, unfolded=flows.policies),
        flows=flows,
    )
