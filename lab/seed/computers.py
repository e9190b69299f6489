"""Faults of computer accounts, domain controllers included."""

from __future__ import annotations

import ldb
from directory import (
    PASSWD_NOTREQD,
    SERVER_TRUST,
    TRUSTED_FOR_DELEGATION,
    WORKSTATION,
    Directory,
    random_password,
)
from population import ROOT, add_computer


def obsolete_systems(directory: Directory) -> None:
    """A workstation and a server whose Windows is no longer maintained."""
    add_computer(directory, "PC-PHARMACIE", "Postes", "Windows 7 Professionnel", "6.1 (7601)", 2)
    add_computer(directory, "SRV-PLANNING", "Serveurs", "Windows Server 2008 R2 Standard", "6.1 (7601)", 3)


def predictable_password(directory: Directory) -> None:
    """A workstation prepared for an old system and never joined: its password is its name."""
    directory.add(
        f"CN=PC-RESERVE,OU=Postes,{ROOT},{directory.base}",
        "computer",
        sAMAccountName="PC-RESERVE$",
        userAccountControl=str(WORKSTATION | PASSWD_NOTREQD),
    )


def old_server_passwords(directory: Directory) -> None:
    """Three servers that stopped changing their password: 60 days, 120 days, and one silent for 400."""
    directory.age("SRV-COMPTA$", password=60)
    directory.age("SRV-FICHIERS$", password=120)
    directory.age("SRV-ARCHIVES$", password=400, logon=400)


def ghost_controller(directory: Directory) -> None:
    """A former domain controller nobody removed: old system, old ciphers, silent, unknown to the sites."""
    name = "DC-ANCIEN"
    directory.add(
        f"CN={name},OU=Domain Controllers,{directory.base}",
        "computer",
        sAMAccountName=f"{name}$",
        userAccountControl=str(SERVER_TRUST | TRUSTED_FOR_DELEGATION),
        clearTextPassword=random_password().encode("utf-16-le"),
        dNSHostName=f"{name.lower()}.{directory.realm}",
        operatingSystem="Windows Server 2008 R2 Standard",
        operatingSystemVersion="6.1 (7601)",
        **{"msDS-SupportedEncryptionTypes": "7"},
    )
    directory.age(f"{name}$", password=700, logon=690, created=3600)


def remove_ghost_controller(directory: Directory) -> None:
    """Six months later: the former controller was removed, the other one speaks AES only."""
    directory.db.delete(ldb.Dn(directory.db, directory.dn("DC-ANCIEN$")))
    directory.set(directory.dn("DC1$"), msDS__SupportedEncryptionTypes="24")
