"""How controls read the facts: rows, or the gap that explains why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.m365.facts import Licences, M365Facts, Reading, Rows
from checks.m365.resources import BY_NAME
from checks.model import Gap, Reason

LICENCE_WORDS = {
    "AAD_PREMIUM": "Microsoft Entra ID P1 (compris dans Business Premium)",
    "AAD_PREMIUM_P2": "Microsoft Entra ID P2",
    "ATP_ENTERPRISE": "Defender pour Office 365 (compris dans Business Premium)",
    "INTUNE_A": "Intune (compris dans Business Premium)",
    "M365_ADVANCED_AUDITING": "Purview Audit Premium (E5)",
}


def reading(facts: M365Facts, name: str) -> Reading:
    """The reading of that name; a gap when it was not asked for, or when the licence that feeds it is absent.

    Raises `KeyError` for a name that is not in the table: a mistake of ours.
    """
    resource = BY_NAME[name]
    found = facts.readings.get(name)
    if isinstance(found, Rows):
        return found
    if resource.licence and lacks(facts, resource.licence):
        return licence_gap(resource.licence)
    if found is not None:
        return found
    detail = f"« {resource.path.partition('?')[0]} » n'a pas été lu : ni demandé, ni dans les fichiers fournis."
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)


def has(facts: M365Facts, plan: str) -> bool | None:
    """Whether a product of the tenant contains the service plan; None when the licences were not read."""
    return plan in facts.licences.plans if isinstance(facts.licences, Licences) else None


def lacks(facts: M365Facts, plan: str) -> bool:
    """The licences were read, and none contains the plan (P2 contains P1)."""
    if plan == "AAD_PREMIUM" and has(facts, "AAD_PREMIUM_P2"):
        return False
    return has(facts, plan) is False


def licence_gap(plan: str) -> Gap:
    """Why a control cannot be assessed without a licence."""
    return Gap(reason=Reason.LICENCE, detail=f"La licence {LICENCE_WORDS.get(plan, plan)} est nécessaire pour le voir.")


def one(found: Rows) -> Mapping[str, Any]:
    """The only object of a settings reading; empty when the service gave none."""
    return found.rows[0] if found.rows else {}
