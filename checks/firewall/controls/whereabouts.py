"""Where addresses are: what the routes of a firewall let leave by each of its zones.

Many rules name no way out (pf, iptables without `-o`). Without this, a rule for visitors to "everything except private
addresses" would open every inside network, and a server published on one network would be reached on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.firewall import roles as role
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.addresses import ALL4, ALL6, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection, union
from checks.firewall.facts import Device

REAL_DESTINATION = frozenset({"iptables", "nftables", "pfsense", "opnsense", "asa", "mikrotik", "unifi", "fortigate"})
"""Products whose rules read the destination after translation; those of the others may read the public address."""
_PRIVATE = ip.from_ranges(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")).v4
_NOWHERE: Mapping[int, Intervals] = {4: (), 6: ()}


def leaving_by(device: Device, roles: Mapping[str, str], zone: str) -> Addresses | None:
    """Destinations that may leave by a zone; None when nothing is known.

    A network directly behind another zone never does. Public addresses leave towards the Internet, not by an inside
    zone whose networks are known, unless one of them is public. Private ones may be anywhere: routes are not read.
    """
    own, others = _NOWHERE, _NOWHERE
    wans = {name for name, known in roles.items() if known == role.WAN}
    for one in device.interfaces:
        if one.default_route:
            wans.add(one.name)
        if not one.enabled or not one.networks:
            continue
        networks = _networks(one.networks)
        if one.name == zone:
            own = networks
        elif one.name not in roles or not _translated(device, roles[one.name]):
            others = {family: union(others[family], networks[family]) for family in (4, 6)}
    if own is _NOWHERE and others is _NOWHERE:
        return None
    v4: Intervals = ALL4
    if own[4] and wans and zone not in wans:
        v4 = union(_PRIVATE, own[4], _published(device))
    return Addresses(v4=_without(v4, others[4], own[4]), v6=_without(ALL6, others[6], own[6]))


def behind_others(device: Device, roles: Mapping[str, str], zone: str) -> Addresses:
    """Addresses that are surely not behind a zone: networks of the others; for the Internet, private ones too."""
    own, others = _NOWHERE, _NOWHERE
    for one in device.interfaces:
        if one.enabled and one.name == zone:
            own = _networks(one.networks)
        elif one.enabled:
            networks = _networks(one.networks)
            others = {family: union(others[family], networks[family]) for family in (4, 6)}
    private = _PRIVATE if roles.get(zone) == role.WAN else ()
    return Addresses(v4=difference(union(others[4], private), own[4]), v6=difference(others[6], own[6]))


def leaving_by_any(device: Device, roles: Mapping[str, str], zones: Iterable[str]) -> Addresses | None:
    """Destinations that may leave by one of several zones; None when nothing is known."""
    found = [leaving_by(device, roles, zone) for zone in zones]
    known = [one for one in found if one is not None]
    return ip.join(*known) if known and len(known) == len(found) else None


def holder(device: Device, text: str) -> str:
    """The one zone an address is directly behind; empty when there is none or several."""
    try:
        address = ip.from_ranges((text,))
    except ip.AddressError:
        return ""
    found = [
        one.name
        for one in device.interfaces
        if one.enabled and (networks := _networks(one.networks))
        if intersection(networks[4], address.v4) or intersection(networks[6], address.v6)
    ]
    return found[0] if len(found) == 1 else ""


def _networks(texts: Iterable[str]) -> Mapping[int, Intervals]:
    """Networks of an interface, apart from a route to everything."""
    try:
        found = ip.from_ranges(text for text in texts if not text.endswith("/0"))
    except ip.AddressError:
        return _NOWHERE
    return {4: found.v4, 6: found.v6}


def _translated(device: Device, known: str) -> bool:
    """Rules may name the public addresses of this zone for servers that are elsewhere."""
    return known == role.WAN and device.vendor not in REAL_DESTINATION


def _published(device: Device) -> Intervals:
    """Public addresses that rules may name for servers that are inside."""
    if device.vendor in REAL_DESTINATION:
        return ()
    targets = (one.destination for one in device.nat if one.enabled and one.kind in ("destination", "static"))
    return union(*(ip.from_fact(device.addresses[target]).over4 for target in targets))


def _without(space: Intervals, others: Intervals, own: Intervals) -> Intervals:
    return union(difference(space, others), own)
