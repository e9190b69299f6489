"""Pictures of the Microsoft 365 page, above its verdicts."""

from __future__ import annotations

from checks.common.exhibits import Exhibit
from checks.m365.facts import M365Facts
from checks.m365.pictures import people
from checks.m365.tables import licences, openings, products, protections


def exhibits(facts: M365Facts) -> tuple[Exhibit, ...]:
    """Who administers, who has a second factor, what was bought and allows, what protects mail, what opens outside."""
    if not facts.readings:
        return ()
    bought = products(facts)
    shown = (licences(facts), protections(facts), openings(facts))
    return (*people(facts), *((bought,) if bought else ()), *shown)
