"""Products of sets to the rules of the model: interned cells, and which decisions are logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import DENY, NONE, PERMIT, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.iptables_match import STATES, Product

_EVERYTHING = (ip.ANY, ip.ANY4, ip.ANY6)
Texts = Mapping[str, Sequence[str]]
"""What the administrator wrote of `source`, `destination` and `services`."""


class Cells:
    """Writes products as rules of one table."""

    def __init__(self, builder: DeviceBuilder, family: int) -> None:
        """`family` is 0 for a table of both IP versions."""
        self._builder = builder
        anything = ip.ANY if not family else ip.ANY4 if family == 4 else ip.ANY6  # noqa: PLR2004
        self.anything = (builder.address(anything, ("any",)), builder.any_service)
        """Indexes of any address and any service."""

    def indexes(self, product: Product, texts: Texts) -> tuple[int, int, int]:
        """Source, destination and services of a product in the tables of the device."""
        services = svc.NOTHING if product.empty else product.services
        return (
            self._builder.address(product.source, self._names(texts, "source", product.source in _EVERYTHING)),
            self._builder.address(
                product.destination, self._names(texts, "destination", product.destination in _EVERYTHING)
            ),
            self._builder.service(services, self._names(texts, "services", services == svc.ANY)),
        )

    @staticmethod
    def _names(texts: Texts, cell: str, everything: bool) -> tuple[str, ...]:
        return tuple(texts.get(cell, ())) or (("any",) if everything else ())

    def rule(self, product: Product, texts: Texts, **fields: Any) -> Rule:
        """One rule; `fields` are those of `Rule` that a product does not hold."""
        source, destination, services = self.indexes(product, texts)
        state = () if product.empty or product.state == STATES else product.state
        return Rule(
            source=source,
            destination=destination,
            services=services,
            in_zones=product.in_zones,
            in_negated=product.in_negated,
            out_zones=product.out_zones,
            out_negated=product.out_negated,
            state=state,
            conditions=product.conditions,
            **fields,
        )


def with_log(rules: Sequence[Rule], anything: tuple[int, int]) -> tuple[list[Rule], bool | None]:
    """The rules with what is known of their log, and whether what reaches the end of the chain is logged.

    A LOG rule does not decide: the one that follows with the same match, or any after a LOG without a match, is
    logged (a rate limit on the log line does not change that).
    """
    found: list[Rule] = []
    logged: set[tuple[object, ...]] = set()
    everything = False
    for rule in rules:
        if rule.log and rule.action == NONE:
            if _is_any(rule, anything):
                everything = True
            logged.add(_match(rule))
            found.append(rule)
            continue
        known: bool | None = rule.log
        if rule.action in (PERMIT, DENY) and known is None:
            known = True if everything or _match(rule) in logged else None if logged else False
        found.append(rule if known == rule.log else msgspec.structs.replace(rule, log=known))
    return found, True if everything else None if logged else False


def _match(rule: Rule) -> tuple[object, ...]:
    zones = (rule.in_zones, rule.in_negated, rule.out_zones, rule.out_negated)
    return (rule.source, rule.destination, rule.services, *zones, rule.state)


def _is_any(rule: Rule, anything: tuple[int, int]) -> bool:
    address, service = anything
    return (
        rule.source == rule.destination == address
        and rule.services == service
        and not (rule.in_zones or rule.out_zones or rule.state)
        and all(condition.startswith("débit limité") for condition in rule.conditions)
    )
