"""Facts of the Microsoft 365 domain: what each reading of the tenant gave, as the service names it.

A reading is a list of objects as Microsoft's interfaces return them, cut down to the properties the controls use, or
a `Gap` that says why there is none: permission refused, licence absent, file not given. A tenant read live and a
tenant exported to files give the same facts. No token, no secret, no content of a message or of a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from checks.model import Gap, Origin, Record


class Rows(Record, frozen=True, kw_only=True, tag="rows", tag_field="kind"):
    """What one reading gave."""

    rows: tuple[Mapping[str, Any], ...]
    """One object per item, property names as the service writes them; a single settings object is one row."""
    complete: bool = True
    """False: paging stopped before the end, and what is absent may exist."""
    source: str
    """`GET /v1.0/identity/conditionalAccess/policies`, `Get-TransportConfig`, or the name of the imported file."""
    origin: Origin = Origin.OBSERVED
    absent: tuple[str, ...] = ()
    """Properties that were asked for and that this source never gives: not the same as empty."""


Reading = Rows | Gap


class Tenant(Record, frozen=True, kw_only=True):
    """Who was read."""

    id: str = ""
    name: str = ""
    domains: tuple[str, ...] = ()
    """Verified domains, the initial one first."""
    created: datetime | None = None


class Licences(Record, frozen=True, kw_only=True, tag="licences", tag_field="kind"):
    """What the tenant has bought, which decides what can be set and what can be seen."""

    skus: Mapping[str, int]
    """Product (`O365_BUSINESS_PREMIUM`, `SPB`…) to enabled units."""
    plans: tuple[str, ...]
    """Service plans enabled in at least one product: `AAD_PREMIUM`, `AAD_PREMIUM_P2`, `ATP_ENTERPRISE`, `INTUNE_A`…"""


class Traffic(Record, frozen=True, kw_only=True):
    """What the collection cost the tenant."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    """Answers 429."""
    bytes: int = 0
    seconds: float = 0.0


class M365Facts(Record, frozen=True, kw_only=True):
    """Everything read of one tenant."""

    tenant: Tenant
    licences: Licences | Gap
    readings: Mapping[str, Reading]
    """By the name of `resources.RESOURCES`. A name that is not here was never asked for: `reading()` gives a gap."""
    traffic: Traffic = Traffic()
    granted: tuple[str, ...] = ()
    """Permissions the token carried, when it tells."""
    writable: tuple[str, ...] = ()
    """Those among them that allow more than reading: the audit should not have them."""
    authentication: Literal["", "device_code", "certificate", "client_secret", "token", "import"] = ""
    break_glass: tuple[str, ...] = ()
    """Accounts that the profile keeps for emergencies (name or id), which Conditional Access may leave out."""
    limits: tuple[str, ...] = ()
    """What this reading could not show, French sentences."""
