"""Pictures of the Microsoft 365 page, above its verdicts."""

from __future__ import annotations

from checks.common.exhibits import Exhibit
from checks.m365.facts import M365Facts
from checks.m365.tables import licences, openings, products, protections


def exhibits(facts: M365Facts) -> tuple[Exhibit, ...]:
    """What was bought, what it allows, what protects mail, what opens to the outside."""
    if not facts.readings:
        return ()
    bought = products(facts)
    return (*((bought,) if bought else ()), licences(facts), protections(facts), openings(facts))
