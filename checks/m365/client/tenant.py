"""Who was read and what it has bought, from the readings `organization` and `skus`."""

from __future__ import annotations

import msgspec

from checks.m365.facts import Licences, Reading, Rows, Tenant
from checks.model import Gap, Reason

IN_USE = ("Enabled", "Warning")
"""States of a subscription that still works: `Warning` is the grace period after its end."""


def tenant_of(organization: Reading | None, tenant_id: str) -> Tenant:
    """The tenant; only its id when the organisation could not be read, or has an impossible shape."""
    if not isinstance(organization, Rows) or not organization.rows:
        return Tenant(id=tenant_id)
    row = organization.rows[0]
    listed = row.get("verifiedDomains")
    domains = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    domains.sort(key=lambda item: not item.get("isInitial"))
    created = row.get("createdDateTime")
    try:
        return msgspec.convert(
            {
                "id": row.get("id") or tenant_id,
                "name": row.get("displayName") or "",
                "domains": [item["name"] for item in domains if isinstance(item.get("name"), str)],
                "created": created if isinstance(created, str) and created else None,
            },
            Tenant,
        )
    except msgspec.ValidationError:
        return Tenant(id=tenant_id)


def licences_of(skus: Reading) -> Licences | Gap:
    """Products in use and the service plans they contain; why not, when they could not be read entirely.

    A list cut short would make a plan look absent, and a control not applicable: it is a gap.
    """
    if isinstance(skus, Gap):
        return skus
    if not skus.complete:
        return Gap(reason=Reason.ERROR, detail="La liste des licences n'a pas été lue jusqu'au bout.")
    units: dict[str, int] = {}
    plans: set[str] = set()
    for row in skus.rows:
        prepaid = row.get("prepaidUnits")
        enabled = prepaid.get("enabled") if isinstance(prepaid, dict) else 0
        warned = prepaid.get("warning") if isinstance(prepaid, dict) else 0
        count = sum(value for value in (enabled, warned) if isinstance(value, int))
        if row.get("capabilityStatus") not in IN_USE:
            continue
        name = str(row.get("skuPartNumber"))
        units[name] = units.get(name, 0) + count
        listed = row.get("servicePlans")
        for plan in listed if isinstance(listed, list) else ():
            if isinstance(plan, dict) and count and plan.get("provisioningStatus") != "Disabled":
                plans.add(str(plan.get("servicePlanName")))
    return Licences(skus=units, plans=tuple(sorted(plans)))
