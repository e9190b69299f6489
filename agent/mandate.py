"""The mandate guard: decides whether a target may receive a packet. Pure policy; `agent.network` enforces it.

Excluded ranges win over everything. Dates and hours bind every packet. No option turns the guard off.
"""

from __future__ import annotations

import datetime as dt
import ipaddress

from agent.profile import Mandate

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address | None:
    """The IP address in `text` (scope id dropped, IPv4-mapped IPv6 unwrapped), or None when it is a name."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def carried_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address a packet for this IPv6 address may end at: 6to4, Teredo, NAT64, IPv4-compatible."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


TENANT_SERVICES = (
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "outlook.office365.com",
    "ps.compliance.protection.outlook.com",
    "api.interfaces.records.teams.microsoft.com",
)
"""Public names by which every Microsoft 365 tenant is read: a mandate that names a tenant opens them.

What limits the audit to that tenant is `refuse_tenant`, and the session, which only ever opens one."""


class MandateGuard:
    """Answers «why not» in French; an empty answer means yes."""

    def __init__(self, mandate: Mandate, resolvers: tuple[str, ...] = ()) -> None:
        self._mandate = mandate
        self._networks = [ipaddress.ip_network(text) for text in mandate.networks]
        self._excluded = [(ipaddress.ip_network(e.network), e.why) for e in mandate.excluded]
        self._external_names = set()
        for text in mandate.external_addresses:
            try:
                self._networks.append(ipaddress.ip_network(text))
            except ValueError:
                self._external_names.add(_fold(text))
        self._domains = tuple(_fold(name) for name in mandate.domains)
        self._tenants = frozenset(_fold(name) for name in mandate.tenants)
        self._resolvers = {parse_address(text) for text in resolvers}

    def refuse_moment(self, now: dt.datetime) -> str:
        """Why nothing may be sent at `now` (aware datetime); dates and hours are those of this machine's zone."""
        local = now.astimezone()
        if not self._mandate.valid_from <= local.date() <= self._mandate.valid_to:
            return (
                f"le mandat est valable du {self._mandate.valid_from:%d/%m/%Y} au {self._mandate.valid_to:%d/%m/%Y}, "
                f"nous sommes le {local:%d/%m/%Y}"
            )
        if self._mandate.hours:
            start, end = self._mandate.hours.split("-")
            clock = f"{local:%H:%M}"
            inside = start <= clock <= end if start <= end else clock >= start or clock <= end
            if not inside:
                return f"le mandat autorise {self._mandate.hours}, il est {clock}"
        return ""

    def refuse_address(self, address: Address) -> str:
        """Why `address` may not be reached on its own account (not through an authorised name)."""
        if why := self._never(address):
            return why
        return "" if self._is_inside(address) else "adresse hors du mandat"

    def refuse_name(self, name: str) -> str:
        """Why `name` may not even be resolved as a target."""
        folded = _fold(name)
        if folded in self._external_names:
            return ""
        domains = self._domains + (TENANT_SERVICES if self._tenants else ())
        if any(folded == domain or folded.endswith(f".{domain}") for domain in domains):
            return ""
        return "nom hors du mandat"

    def refuse_tenant(self, name: str) -> str:
        """Why a tenant of a shared service may not be read; `name` is its id or one of its domains, as authorised."""
        return "" if _fold(name) in self._tenants else "locataire absent du mandat (tenants)"

    def refuse_resolved(self, name: str, address: Address) -> str:
        """Why `address`, given by DNS for `name`, may not be reached.

        A name of an authorised domain opens its public addresses only: an internal address must be in an authorised
        network, so that a hostile DNS answer cannot aim the agent at the nurse-call system.
        """
        if why := self._never(address):
            return why
        if self._is_inside(address):
            return ""
        if self.refuse_name(name):
            return "ni le nom ni l'adresse ne sont dans le mandat"
        carried = carried_ipv4(address)
        if not address.is_global or (carried and not carried.is_global):
            return "ce nom autorisé désigne une adresse interne qui n'est pas dans les réseaux du mandat"
        return ""

    def refuse_resolver(self, address: Address) -> str:
        """Why a DNS question may not be sent to `address`: resolvers are allowed unless excluded."""
        if why := self._never(address):
            return why
        return "" if address in self._resolvers else self.refuse_address(address)

    def _is_inside(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _never(self, address: Address) -> str:
        """Why no mandate opens this address: excluded, or not the address of one machine."""
        carried = carried_ipv4(address)
        for network, why in self._excluded:
            if address in network or (carried is not None and carried in network):
                return f"plage exclue du mandat ({why})"
        if address.is_multicast or address.is_unspecified or address == _EVERYONE:
            return "ce n'est pas l'adresse d'une seule machine (diffusion, multidiffusion ou adresse vide)"
        for network in self._networks:
            several = network.version == 4 and network.prefixlen < _SMALLEST_WITH_BROADCAST  # noqa: PLR2004 - IP version
            if several and address == network.broadcast_address:
                return "adresse de diffusion d'un réseau du mandat : toutes ses machines la recevraient"
        return ""


_EVERYONE = ipaddress.IPv4Address("255.255.255.255")
_SMALLEST_WITH_BROADCAST = 31
"""Prefix length from which an IPv4 network has no broadcast address (RFC 3021)."""


def _fold(name: str) -> str:
    """The form under which two names are the same for DNS: A-labels, lower case, no final dot.

    A name that has no A-label form is only lowered: it then equals no name of a mandate but itself.
    """
    plain = name.rstrip(".").lower()
    if plain.isascii():
        return plain
    import idna

    try:
        return idna.encode(plain, uts46=True).decode("ascii")
    except UnicodeError:
        return plain
