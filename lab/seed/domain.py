"""Faults of domain-wide settings."""

from __future__ import annotations

import ldb
from directory import PROVISION, Directory
from population import ROOT
from zones import SECURE, UNSECURE, domain_zone, set_allow_update

_DAY_INTERVAL = -864_000_000_000
"""One day in the negative 100 ns units of directory intervals."""
_NEVER = "-9223372036854775808"


def _directory_service(directory: Directory) -> str:
    return f"CN=Directory Service,CN=Windows NT,CN=Services,{directory.config}"


def weak_password_policy(directory: Directory) -> None:
    """Six characters, no complexity, no history, no expiry, no lockout, reversible storage."""
    directory.set(
        directory.base,
        minPwdLength="6",
        pwdProperties="16",
        pwdHistoryLength="0",
        maxPwdAge=_NEVER,
        minPwdAge="0",
        lockoutThreshold="0",
    )


def strong_password_policy(directory: Directory) -> None:
    """Six months later: twelve characters, complexity, history of 24, one year, lockout after ten errors."""
    directory.set(
        directory.base,
        minPwdLength="12",
        pwdProperties="1",
        pwdHistoryLength="24",
        maxPwdAge=str(365 * _DAY_INTERVAL),
        minPwdAge=str(_DAY_INTERVAL),
        lockoutThreshold="10",
        lockoutDuration="-18000000000",
        lockOutObservationWindow="-18000000000",
    )


def machine_quota(directory: Directory) -> None:
    """Anybody may join ten computers."""
    directory.set(directory.base, ms__DS__MachineAccountQuota="10")


def no_machine_quota(directory: Directory) -> None:
    """Six months later: only administrators join computers."""
    directory.set(directory.base, ms__DS__MachineAccountQuota="0")


def anonymous_address_book(directory: Directory) -> None:
    """The address book interface answers without authentication (dSHeuristics, 8th character)."""
    directory.set(_directory_service(directory), dSHeuristics="00000001")


def close_address_book(directory: Directory) -> None:
    """Six months later: back to the default."""
    directory.set(_directory_service(directory), dSHeuristics=[])


def anonymous_ldap(directory: Directory) -> None:
    """New at six months: the telephone switchboard needed anonymous LDAP (dSHeuristics, 7th character)."""
    directory.set(_directory_service(directory), dSHeuristics="0000002")


def foreign_display_specifier(directory: Directory) -> None:
    """A menu entry of the administration consoles runs a script from a file server."""
    directory.set(
        f"CN=user-Display,CN=40C,CN=DisplaySpecifiers,{directory.config}",
        adminContextMenu=[f"9,&Fiche agent,\\\\srv-fichiers.{directory.realm}\\outils\\fiche.vbs"],
    )
    # Sound counterpart: the same kind of entry, from SYSVOL.
    directory.set(
        f"CN=group-Display,CN=40C,CN=DisplaySpecifiers,{directory.config}",
        adminContextMenu=[f"9,&Fiche groupe,\\\\{directory.realm}\\sysvol\\{directory.realm}\\scripts\\groupe.vbs"],
    )


def clear_display_specifier(directory: Directory) -> None:
    """Six months later: the entry is gone."""
    directory.set(f"CN=user-Display,CN=40C,CN=DisplaySpecifiers,{directory.config}", adminContextMenu=[])


_COMPATIBILITY = "Pre-Windows 2000 Compatible Access"
_ANYBODY = ("S-1-5-7", "S-1-1-0")
"""Anonymous, Everyone."""


def _stand_in(directory: Directory, sid: str) -> str:
    """Return the DN of the object that stands for a well-known SID in a Windows directory."""
    return f"CN={sid},CN=ForeignSecurityPrincipals,{directory.base}"


def pre_windows_2000(directory: Directory) -> None:
    """Anonymous and Everyone read the directory as in 1999."""
    for sid in _ANYBODY:
        # By itself Samba would point at its own list of well-known SIDs, which Windows does not have.
        dn = directory.add(
            _stand_in(directory, sid), "foreignSecurityPrincipal", [PROVISION], objectSid=directory.packed_sid(sid)
        )
        _change_members(directory, ldb.FLAG_MOD_ADD, dn)


def clear_pre_windows_2000(directory: Directory) -> None:
    """Six months later: only authenticated users."""
    for sid in _ANYBODY:
        _change_members(directory, ldb.FLAG_MOD_DELETE, _stand_in(directory, sid))


def _change_members(directory: Directory, change: int, member: str) -> None:
    message = ldb.Message(ldb.Dn(directory.db, directory.dn(_COMPATIBILITY)))
    message["member"] = ldb.MessageElement(member, change, "member")
    directory.db.modify(message)


def adprep_15(directory: Directory) -> None:
    """The domain was prepared with the first 2016 media, whose rights are too wide."""
    directory.set(f"CN=ActiveDirectoryUpdate,CN=DomainUpdates,CN=System,{directory.base}", revision="15")


def adprep_16(directory: Directory) -> None:
    """Six months later: prepared again with a later medium."""
    directory.set(f"CN=ActiveDirectoryUpdate,CN=DomainUpdates,CN=System,{directory.base}", revision="16")


def group_loop(directory: Directory) -> None:
    """Two groups are members of each other."""
    for name in ("Astreinte", "Cadres"):
        directory.add(f"CN={name},OU=Groupes,{ROOT},{directory.base}", "group", sAMAccountName=name)
    directory.join("Astreinte", "Cadres")
    directory.join("Cadres", "Astreinte")


def break_group_loop(directory: Directory) -> None:
    """Six months later: only one is a member of the other."""
    directory.leave("Cadres", "Astreinte")


def unsecure_dns_updates(directory: Directory) -> None:
    """Anybody may change the names of the domain."""
    set_allow_update(directory, domain_zone(directory), UNSECURE)


def secure_dns_updates(directory: Directory) -> None:
    """Six months later: the domain zone takes authenticated changes only."""
    set_allow_update(directory, domain_zone(directory), SECURE)
