"""Conditional Access read a second time, the slow way: one sign-in after another, on the raw rows of the policies.

Nothing here comes from the code under test. A sign-in has concrete values (an address, a country); access is refused
to somebody who has everything but what the goal asks for, or it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

CLIENTS = ("browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other")
PLATFORMS = ("windows", "iOS", "android", "macOS", "linux", "windowsPhone", "quelque chose d'autre")
DEVICES = ("", "Compliant", "DomainJoined", "Compliant DomainJoined")
FLOWS = ("", "deviceCodeFlow", "authenticationTransfer")
RISKS = ("none", "low", "medium", "high")
MFA = {"mfa", "strength:00000000-0000-0000-0000-000000000002", "strength:00000000-0000-0000-0000-000000000004"}
GOALS = {
    "BLOCK": set(),
    "MFA": MFA,
    "RESISTANT": {"strength:00000000-0000-0000-0000-000000000004"},
    "MANAGED": {"compliantDevice", "domainJoinedDevice"},
    "MFA_OR_MANAGED": MFA | {"compliantDevice", "domainJoinedDevice"},
}
EVERYTHING = {
    "mfa", "compliantDevice", "domainJoinedDevice", "approvedApplication", "compliantApplication", "passwordChange",
    "strength:00000000-0000-0000-0000-000000000002", "strength:00000000-0000-0000-0000-000000000004", "terms:charte",
}  # fmt: skip


@dataclass(frozen=True)
class SignIn:
    """One sign-in."""

    user: str
    target: str
    client: str
    platform: str
    device: str
    flow: str
    sign_in_risk: str
    user_risk: str
    address: str
    country: str


@dataclass(frozen=True)
class World:
    """What is true of the tenant: one completion of what was read."""

    groups: Mapping[str, frozenset[str]]
    roles: Mapping[str, frozenset[str]]
    guests: frozenset[str]
    locations: tuple[Mapping[str, Any], ...]


def in_location(world: World, name: str, sign: SignIn) -> bool:
    if name == "All":
        return True
    for location in world.locations:
        if name == location["id"] or (name == "AllTrusted" and location.get("isTrusted")):
            ranges = [ip_network(item["cidrAddress"]) for item in location.get("ipRanges") or ()]
            if any(ip_address(sign.address) in one for one in ranges):
                return True
            if sign.country in (location.get("countriesAndRegions") or ()):
                return True
    return False


def concerns(world: World, people: Mapping[str, Any], side: str, user: str) -> bool:
    named = people.get(f"{side}Users") or ()
    return (
        "All" in named
        or user in named
        or ("GuestsOrExternalUsers" in named and user in world.guests)
        or any(user in world.groups.get(group, ()) for group in people.get(f"{side}Groups") or ())
        or any(user in world.roles.get(role, ()) for role in people.get(f"{side}Roles") or ())
    )


def applies(world: World, policy: Mapping[str, Any], sign: SignIn) -> bool:
    if policy["state"] != "enabled":
        return False
    when = policy["conditions"]
    if not concerns(world, when["users"], "include", sign.user) or concerns(world, when["users"], "exclude", sign.user):
        return False
    apps = when["applications"]
    if sign.target.startswith("urn:"):
        if sign.target not in (apps.get("includeUserActions") or ()):
            return False
    else:
        chosen = apps.get("includeApplications") or ()
        if sign.target not in chosen and "All" not in chosen:
            return False
        if sign.target in (apps.get("excludeApplications") or ()):
            return False
    return conditions(world, when, sign)


def conditions(world: World, when: Mapping[str, Any], sign: SignIn) -> bool:
    if "all" not in when["clientAppTypes"] and sign.client not in when["clientAppTypes"]:
        return False
    if when["platforms"]:
        inside, out = when["platforms"]["includePlatforms"], when["platforms"]["excludePlatforms"]
        if ("all" not in inside and sign.platform not in inside) or sign.platform in out:
            return False
    if when["devices"] and any(d in when["devices"]["excludeDevices"] for d in sign.device.split()):
        return False
    if when["authenticationFlows"] and sign.flow not in when["authenticationFlows"]["transferMethods"].split(","):
        return False
    if when["signInRiskLevels"] and sign.sign_in_risk not in when["signInRiskLevels"]:
        return False
    if when["userRiskLevels"] and sign.user_risk not in when["userRiskLevels"]:
        return False
    where = when["locations"]
    return not where or (
        any(in_location(world, name, sign) for name in where["includeLocations"])
        and not any(in_location(world, name, sign) for name in where["excludeLocations"])
    )


def demands(policy: Mapping[str, Any]) -> tuple[str, list[str]]:
    grant = policy["grantControls"] or {}
    atoms = list(grant.get("builtInControls") or ())
    if grant.get("authenticationStrength"):
        atoms.append("strength:" + grant["authenticationStrength"]["id"])
    atoms += [f"terms:{name}" for name in grant.get("termsOfUse") or ()]
    return grant.get("operator", "OR"), atoms


def satisfied(policy: Mapping[str, Any], held: set[str]) -> bool:
    operator, atoms = demands(policy)
    if not atoms:
        return True
    if "block" in atoms:
        return False
    return all(a in held for a in atoms) if operator == "AND" else any(a in held for a in atoms)


def covered(world: World, policies: list[Mapping[str, Any]], sign: SignIn, goal: str) -> bool:
    """Somebody who can do everything except what the goal asks for is stopped; a device is what it is."""
    if "MANAGED" in goal and sign.device:
        return True
    device = {"Compliant": "compliantDevice", "DomainJoined": "domainJoinedDevice"}
    held = EVERYTHING - GOALS[goal] - set(device.values()) | {device[state] for state in sign.device.split()}
    return any(applies(world, policy, sign) and not satisfied(policy, held) for policy in policies)


def sign_ins(user: str, target: str, axes: Mapping[str, tuple[str, ...]]) -> Iterator[SignIn]:
    """Every sign-in of an account to a target over the given values."""
    names = ("client", "platform", "device", "flow", "sign_in_risk", "user_risk", "address", "country")
    for values in product(*(axes[name] for name in names)):
        yield SignIn(user, target, *values)
