"""The site description `site.toml`, read strictly into typed values."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from lab.paths import CODE

AS_FOUND = "as_found"
SIX_MONTHS = "six_months"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the description: an unknown key is an error."""


class Structure(_Table, frozen=True, kw_only=True):
    """The fictional establishment."""

    name: str
    kind: str
    finess_ej: str
    finess_et: str
    size: int
    ad_domain: str
    ad_netbios: str
    audit_account: str
    excluded: tuple[str, ...]
    """Addresses nobody may touch: nurse call, biomedical devices."""


class Network(_Table, frozen=True, kw_only=True):
    """One segment; the router has the first address of it."""

    cidr: str
    title: str
    role: str = ""
    """What it is for, as the firewall review names it."""

    @property
    def gateway(self) -> str:
        """The router's address."""
        return str(ipaddress.ip_network(self.cidr)[1])

    @property
    def prefix_length(self) -> int:
        """Bits of the mask."""
        return ipaddress.ip_network(self.cidr).prefixlen


class Probe(_Table, frozen=True, kw_only=True):
    """How to know that a service answers."""

    kind: str
    """`ldap`, `tcp`, `dns`, `smtp` or `https`."""
    port: int
    target: str = ""
    """Zone asked, certificate name…"""


class Host(_Table, frozen=True, kw_only=True):
    """One machine of the site."""

    title: str
    role: str = ""
    """Folder of `roles/`; empty for a machine that runs nothing by itself."""
    network: str = ""
    """Empty for the router, which is in all of them."""
    address: str = ""
    names: tuple[str, ...] = ()
    certificate: str = "good"
    """`good`, `expired-other` (expired, another name, self-signed) or `none`."""
    state_path: str = ""
    """Folder of the host that is kept between preparation and start."""
    env: dict[str, str] = {}
    probes: tuple[Probe, ...] = ()
    first: bool = False
    """Started and ready before the others (name servers)."""


class DkimKey(_Table, frozen=True, kw_only=True):
    """One DKIM selector to publish; the key pair is made at seeding time."""

    selector: str
    bits: int = 2048
    flags: str = ""


class Zone(_Table, frozen=True, kw_only=True):
    """One public DNS zone, as the name server publishes it."""

    title: str = ""
    audited: bool = True
    """Whether the audit of the site looks at this mail domain."""
    signed: bool = False
    kind: str = "primary"
    """`primary`; `broken` answers SERVFAIL; `silent` never answers."""
    mx: tuple[str, ...] = ()
    spf: tuple[str, ...] = ()
    dmarc: tuple[str, ...] = ()
    dkim: tuple[DkimKey, ...] = ()
    sts_mode: str = ""
    """MTA-STS policy mode served over HTTPS; empty publishes nothing."""
    sts_mx: tuple[str, ...] = ()
    tls_rpt: str = ""
    records: tuple[str, ...] = ()
    """Other records in zone-file syntax."""


class Fault(_Table, frozen=True, kw_only=True):
    """One seeded fault or, with `healthy = true`, the sound object a control must not confuse with a fault."""

    id: str
    host: str
    title: str
    controls: tuple[str, ...]
    """Control ids that must see it."""
    subject: str
    states: tuple[str, ...]
    """States of the site in which it is there."""
    seed: str = ""
    """Function of `seed/` that makes it; empty when a setting of the description itself is the fault."""
    repair: str = ""
    """Function that takes it away in the states where it is gone."""
    healthy: bool = False


class State(_Table, frozen=True, kw_only=True):
    """One dated picture of the site: what differs from the tables above it."""

    title: str
    env: dict[str, dict[str, str]] = {}
    """host -> variables that replace those of the host."""
    certificates: dict[str, str] = {}
    """host -> certificate kind."""
    zones: dict[str, dict[str, Any]] = {}
    """zone -> keys that replace those of the zone."""


class Site(_Table, frozen=True, kw_only=True):
    """The whole description."""

    structure: Structure
    networks: dict[str, Network]
    hosts: dict[str, Host]
    zones: dict[str, Zone]
    states: dict[str, State]
    fault: tuple[Fault, ...]

    def in_state(self, state: str) -> Site:
        """Return the description with the differences of `state` applied; raise `ValueError` if unknown."""
        if state not in self.states:
            known = ", ".join(self.states)
            raise ValueError(f"état inconnu : {state!r} (états décrits : {known})")
        changes = self.states[state]
        hosts = {
            name: msgspec.structs.replace(
                host,
                env={**host.env, **changes.env.get(name, {})},
                certificate=changes.certificates.get(name, host.certificate),
            )
            for name, host in self.hosts.items()
        }
        zones = dict(self.zones)
        for name, overrides in changes.zones.items():
            base = msgspec.to_builtins(self.zones[name]) if name in self.zones else {}
            zones[name] = msgspec.convert({**base, **overrides}, Zone)
        return msgspec.structs.replace(self, hosts=hosts, zones=zones)

    def seed_plan(self, state: str) -> list[str]:
        """Return the seed functions to run, in order, to reach `state`.

        The first state is always made whole; a later one is made on top of it, as time does.
        """
        plan = [fault.seed for fault in self.fault if fault.seed and AS_FOUND in fault.states]
        if state != AS_FOUND:
            plan += [f.repair for f in self.fault if f.repair and AS_FOUND in f.states and state not in f.states]
            plan += [f.seed for f in self.fault if f.seed and AS_FOUND not in f.states and state in f.states]
        return list(dict.fromkeys(plan))

    def address_of(self, host: str) -> str:
        """Return the address of one host."""
        return self.hosts[host].address


def load(path: Path = CODE / "site.toml") -> Site:
    """Read the description. Raises `msgspec.ValidationError` or `tomllib.TOMLDecodeError` when it is wrong."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Site)
