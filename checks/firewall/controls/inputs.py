# ruff: noqa: D102 - each property is a field; the class says what they are
"""What a control may ask of a review: the shape of what is derived once from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import AddressSet, Device, Rule, ServiceSet


class Flow(Protocol):
    """What one rule really lets through from one zone to another, earlier rules taken off."""

    @property
    def rule(self) -> Rule: ...
    @property
    def in_zone(self) -> str: ...
    @property
    def out_zone(self) -> str: ...
    @property
    def sources(self) -> AddressSet: ...
    @property
    def destinations(self) -> AddressSet: ...
    @property
    def services(self) -> ServiceSet: ...
    @property
    def certain(self) -> bool: ...
    @property
    def witness(self) -> Mapping[str, str] | None: ...


class Anomaly(Protocol):
    """One rule that others make useless or ambiguous."""

    @property
    def kind(self) -> str: ...
    @property
    def rule(self) -> Rule: ...
    @property
    def chain(self) -> str: ...
    @property
    def related(self) -> tuple[Rule, ...]: ...
    @property
    def related_count(self) -> int: ...
    @property
    def witness(self) -> Mapping[str, str] | None: ...
    @property
    def action_differs(self) -> bool: ...
    @property
    def detail(self) -> str: ...
    @property
    def direction(self) -> str: ...


class Flows(Protocol):
    """Effective permitted flows."""

    def reach(
        self,
        sources: Addresses | None = None,
        destinations: Addresses | None = None,
        services: Services | None = None,
        in_zones: tuple[str, ...] | None = None,
        out_zones: tuple[str, ...] | None = None,
        hook: str = "forward",
    ) -> tuple[Flow, ...]:
        """What passes, restricted to what is asked."""


class DeviceReview(Protocol):
    """One firewall and what was derived from it."""

    @property
    def device(self) -> Device: ...
    @property
    def roles(self) -> Mapping[str, str]: ...
    @property
    def anomalies(self) -> tuple[Anomaly, ...]: ...
    @property
    def flows(self) -> Flows: ...


class FirewallReview(Protocol):
    """Every firewall of the site."""

    @property
    def devices(self) -> tuple[DeviceReview, ...]: ...
