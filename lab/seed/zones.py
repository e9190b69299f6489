"""DNS zones kept in the directory, and who may update them (MS-DNSP 2.3.2.1.1, ALLOW_UPDATE)."""

from __future__ import annotations

import ldb
from directory import Directory
from samba.dcerpc import dnsp
from samba.ndr import ndr_pack, ndr_unpack

UNSECURE = 1
SECURE = 2


def domain_zone(directory: Directory) -> str:
    """Return the DN of the zone of the domain."""
    return f"DC={directory.realm},CN=MicrosoftDNS,DC=DomainDnsZones,{directory.base}"


def _properties(directory: Directory, zone: str) -> list[dnsp.DnsProperty]:
    found = directory.db.search(zone, ldb.SCOPE_BASE, attrs=["dNSProperty"])[0]
    return [ndr_unpack(dnsp.DnsProperty, bytes(blob)) for blob in found["dNSProperty"]]


def set_allow_update(directory: Directory, zone: str, value: int, model: str = "") -> None:
    """Write who may update a zone; its other properties are kept, or taken from the zone `model`."""
    properties = _properties(directory, model or zone)
    chosen = [p for p in properties if p.id == dnsp.DSPROPERTY_ZONE_ALLOW_UPDATE]
    if len(chosen) != 1:
        raise LookupError(f"{len(chosen)} ALLOW_UPDATE properties on {model or zone}")
    chosen[0].data = value
    directory.set(zone, dNSProperty=[ndr_pack(p) for p in properties])


def complete_forest_zone(directory: Directory) -> None:
    """Give `_msdcs` the properties every Windows zone has; Samba creates it without any."""
    zone = f"DC=_msdcs.{directory.realm},CN=MicrosoftDNS,DC=ForestDnsZones,{directory.base}"
    set_allow_update(directory, zone, SECURE, model=domain_zone(directory))
