"""Conditional Access policies and named locations as values; what cannot be understood is kept as a fault.

Property names and enumerations: Microsoft Graph, `conditionalAccessPolicy` and its parts (v1.0 and beta). Identifiers
and words are compared without capitals. Null and an absent property say « not configured ».
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec.structs import replace

from checks.m365.facts import Rows
from checks.m365.views.values import Row, flag, is_list, mapping, rows, text, texts, word
from checks.model import Record

STATES = {"enabled": "enabled", "disabled": "disabled", "enabledforreportingbutnotenforced": "report"}
Clause = frozenset[str]
"""Demands of which one is enough; an empty clause cannot be met: access is blocked."""
BLOCKED: Clause = frozenset()


class GuestScope(Record, frozen=True, kw_only=True):
    """Guests and external accounts of a policy."""

    types: tuple[str, ...] = ()
    some_tenants: bool = False
    """Only those of named organisations."""


class Scope(Record, frozen=True, kw_only=True):
    """One side, included or excluded, of the people of a policy."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    guests: GuestScope = GuestScope()


class Sides(Record, frozen=True, kw_only=True):
    """What a condition includes and excludes."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Policy(Record, frozen=True, kw_only=True):
    """One policy."""

    id: str
    name: str
    state: str
    """`enabled`, `report`, `disabled`; empty when it cannot be read."""
    include: Scope
    exclude: Scope
    apps: Sides
    app_filter: str = ""
    """`include` or `exclude` when applications are chosen by a rule on their attributes."""
    actions: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    platforms: Sides | None = None
    locations: Sides | None = None
    sign_in_risks: tuple[str, ...] = ()
    user_risks: tuple[str, ...] = ()
    other_risk: bool = False
    """Applies to a risk that is not of a sign-in nor of an account: insider, agent."""
    flows: tuple[str, ...] = ()
    devices: Sides = Sides()
    device_filter: str = ""
    """`include` or `exclude` when devices are chosen by a rule."""
    workloads: bool = False
    """Is about applications that sign in by themselves, not about people."""
    clauses: tuple[Clause, ...] = ()
    faults: tuple[str, ...] = ()
    """Properties that have not the expected shape: what the policy does is then unknown."""


def policies(found: Rows) -> tuple[Policy, ...]:
    """Every policy of the reading."""
    return tuple(_policy(row) for row in found.rows)


class _Reader:
    """Reads lists of words strictly and remembers what was wrong."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def words(self, row: Row, name: str) -> tuple[str, ...]:
        """Words of a list; nothing for null; a fault for anything else."""
        value = row.get(name)
        if value is None:
            return ()
        if not is_list(row, name) or any(not isinstance(item, str) for item in value):
            self.faults.append(name)
            return ()
        return tuple(item.strip().casefold() for item in texts(row, name))

    def flags(self, row: Row, name: str) -> tuple[str, ...]:
        """Words of an enumeration with several values: a text with commas, or a list."""
        value = row.get(name)
        if isinstance(value, str):
            return tuple(part for item in value.split(",") if (part := item.strip().casefold()))
        return self.words(row, name)

    def object(self, row: Row, name: str) -> Row | None:
        """An object; None for null; a fault for anything else."""
        value = row.get(name)
        if value is not None and not isinstance(value, dict) and not mapping(row, name):
            self.faults.append(name)
        return mapping(row, name) if value is not None else None


def _policy(row: Row) -> Policy:
    reader = _Reader()
    conditions = reader.object(row, "conditions") or {}
    if not conditions:
        reader.faults.append("conditions")
    people = reader.object(conditions, "users") or {}
    apps = reader.object(conditions, "applications") or {}
    devices = reader.object(conditions, "devices") or {}
    flows = reader.object(conditions, "authenticationFlows") or {}
    state = STATES.get(word(row, "state"), "")
    if not state:
        reader.faults.append("state")
    found = Policy(
        id=word(row, "id"),
        name=text(row, "displayName") or text(row, "id") or "sans nom",
        state=state,
        include=_scope(reader, people, "include"),
        exclude=_scope(reader, people, "exclude"),
        apps=_sides(reader, apps, "Applications"),
        app_filter=_filter(reader, apps, "applicationFilter"),
        actions=reader.words(apps, "includeUserActions"),
        contexts=reader.words(apps, "includeAuthenticationContextClassReferences"),
        clients=reader.words(conditions, "clientAppTypes"),
        platforms=_condition(reader, conditions, "platforms", "Platforms"),
        locations=_condition(reader, conditions, "locations", "Locations"),
        sign_in_risks=reader.words(conditions, "signInRiskLevels"),
        user_risks=reader.words(conditions, "userRiskLevels"),
        other_risk=bool(reader.flags(conditions, "insiderRiskLevels") or reader.flags(conditions, "agentIdRiskLevels")),
        flows=tuple(name for name in reader.flags(flows, "transferMethods") if name != "none"),
        devices=_devices(reader, conditions, devices),
        device_filter=_filter(reader, devices, "deviceFilter"),
        workloads=_workloads(reader, conditions),
        clauses=_clauses(reader, reader.object(row, "grantControls")),
    )
    return replace(found, faults=tuple(reader.faults))


def _scope(reader: _Reader, people: Row, side: str) -> Scope:
    guests = reader.object(people, f"{side}GuestsOrExternalUsers") or {}
    tenants = reader.object(guests, "externalTenants") or {}
    return Scope(
        users=reader.words(people, f"{side}Users"),
        groups=reader.words(people, f"{side}Groups"),
        roles=reader.words(people, f"{side}Roles"),
        guests=GuestScope(
            types=tuple(kind for kind in reader.flags(guests, "guestOrExternalUserTypes") if kind != "none"),
            some_tenants=word(tenants, "membershipKind") not in ("", "all"),
        ),
    )


def _sides(reader: _Reader, row: Row, what: str) -> Sides:
    return Sides(include=reader.words(row, f"include{what}"), exclude=reader.words(row, f"exclude{what}"))


def _condition(reader: _Reader, conditions: Row, name: str, what: str) -> Sides | None:
    row = reader.object(conditions, name)
    sides = _sides(reader, row, what) if row else Sides()
    return sides if sides.include or sides.exclude else None


def _filter(reader: _Reader, row: Row, name: str) -> str:
    rule = reader.object(row, name)
    if not rule:
        return ""
    mode = word(rule, "mode")
    if mode not in ("include", "exclude"):
        reader.faults.append(name)
        return ""
    return mode


def _devices(reader: _Reader, conditions: Row, devices: Row) -> Sides:
    """`devices`, and the older `deviceStates` that Microsoft replaced by it."""
    states = reader.object(conditions, "deviceStates") or {}
    old, new = _sides(reader, states, "States"), _sides(reader, devices, "Devices")
    seen = Sides(
        include=tuple(sorted({*old.include, *new.include} - {"all"})), exclude=tuple({*old.exclude, *new.exclude})
    )
    for part in ("includeDeviceStates", "excludeDeviceStates"):
        if reader.words(devices, part):
            reader.faults.append(part)
    return seen


def _workloads(reader: _Reader, conditions: Row) -> bool:
    clients = reader.object(conditions, "clientApplications") or {}
    named = reader.words(clients, "includeServicePrincipals") or reader.words(
        clients, "includeAgentIdServicePrincipals"
    )
    return bool(named) and set(named) != {"none"}


def _clauses(reader: _Reader, grant: Row | None) -> tuple[Clause, ...]:
    """Demands as clauses that must all be met; `authenticationStrength` counts as one more control."""
    if not grant:
        return ()
    atoms = list(reader.words(grant, "builtInControls"))
    strength = reader.object(grant, "authenticationStrength")
    if strength:
        atoms.append(f"strength:{word(strength, 'id')}")
    atoms += [f"custom:{name}" for name in reader.words(grant, "customAuthenticationFactors")]
    atoms += [f"terms:{name}" for name in reader.words(grant, "termsOfUse")]
    if "block" in atoms:
        return (BLOCKED,)
    if not atoms:
        return ()
    operator = word(grant, "operator")
    if len(atoms) > 1 and operator not in ("and", "or"):
        reader.faults.append("operator")
    return tuple(frozenset({atom}) for atom in atoms) if operator == "and" else (frozenset(atoms),)


class Location(Record, frozen=True, kw_only=True):
    """A named location: addresses or countries."""

    id: str
    name: str
    trusted: bool
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    countries: tuple[str, ...] = ()
    unknown_countries: bool = False
    readable: bool = True
    """False: neither addresses nor countries, or a range that is none."""
    doubtful: bool = False
    """Unreadable, and perhaps trusted."""


def locations(found: Rows) -> tuple[Location, ...]:
    """Every named location of the reading."""
    return tuple(_location(row) for row in found.rows)


def _location(row: Row) -> Location:
    networks: list[IPv4Network | IPv6Network] = []
    readable = is_list(row, "ipRanges") or is_list(row, "countriesAndRegions")
    for item in rows(row, "ipRanges"):
        try:
            networks.append(ip_network(text(item, "cidrAddress"), strict=False))
        except ValueError:
            readable = False
    ranges = row.get("ipRanges")
    if isinstance(ranges, (list, tuple)) and len(ranges) != len(networks):
        readable = False
    return Location(
        id=word(row, "id"),
        name=text(row, "displayName") or text(row, "id"),
        trusted=flag(row, "isTrusted") is True,
        networks=tuple(networks),
        countries=tuple(code.strip().casefold() for code in texts(row, "countriesAndRegions")),
        unknown_countries=flag(row, "includeUnknownCountriesAndRegions") is True,
        readable=readable,
        doubtful=not readable and flag(row, "isTrusted") is not False,
    )
