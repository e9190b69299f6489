"""Profile table `[firewall]`: which exported configurations to read. Imports no network library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.firewall.parsers.registry import VENDORS
from checks.firewall.roles import TITLES
from checks.model import Record

ROLES = tuple(TITLES)
"""What a zone may be for."""
MAX_INPUTS = 100
MAX_ZONES = 1000
MAX_ZONE_NAME = 200


def check_roles(roles: Mapping[str, str]) -> None:
    """Raise `ValueError` when a zone could not be found in an export, or its role is not known."""
    if len(roles) > MAX_ZONES:
        raise ValueError(f"{MAX_ZONES} zones au plus")
    for zone, role in roles.items():
        if not zone.strip() or len(zone) > MAX_ZONE_NAME:
            raise ValueError(f"« {zone[:MAX_ZONE_NAME]} » n'est pas un nom de zone ou d'interface")
        if role not in ROLES:
            raise ValueError(f"rôle inconnu pour la zone « {zone} » : « {role} » (possible : {', '.join(ROLES)})")


def parse_roles(pairs: Iterable[str]) -> dict[str, str]:
    """Roles written `ZONE=ROLE`. Raises `ValueError`, in French."""
    roles: dict[str, str] = {}
    for pair in pairs:
        zone, equal, role = (part.strip() for part in pair.rpartition("="))
        if not equal or not zone:
            raise ValueError(f"« {pair} » : ZONE=RÔLE est attendu (exemple : port3=resident)")
        if roles.get(zone, role) != role:
            raise ValueError(f"la zone « {zone} » a deux rôles")
        roles[zone] = role
    check_roles(roles)
    return roles


class FirewallConfig(Record, frozen=True):
    """What the profile says about firewalls. No address to reach: only files are read, so there are no targets."""

    export_files: tuple[str, ...] = ()
    """Exported configurations; those of one product that complete each other are read as one firewall."""
    exports_dir: tuple[str, ...] = ()
    """Folders of exports. Two servers with iptables or nftables go in two folders, or they would be read as one."""
    roles: Mapping[str, str] = {}
    """Zone or interface, named as in the rules, to what it is for."""
    vendor: str = ""
    """Product of every export, when it is not recognised."""

    def __post_init__(self) -> None:
        """Refuse what could not be read; the message is shown with the place in the profile."""
        paths = (*self.export_files, *self.exports_dir)
        if not paths:
            raise ValueError('au moins un export est attendu : export_files = ["pare-feu.conf"] ou exports_dir')
        if len(paths) > MAX_INPUTS:
            raise ValueError(f"{MAX_INPUTS} fichiers ou dossiers d'export au plus")
        if not all(path.strip() for path in paths):
            raise ValueError("un chemin d'export ne peut pas être vide")
        if self.vendor and self.vendor not in VENDORS:
            raise ValueError(f"produit inconnu : {self.vendor} (possible : {', '.join(VENDORS)})")
        check_roles(self.roles)
