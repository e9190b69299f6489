"""Faults of ordinary accounts."""

from __future__ import annotations

from directory import (
    ACCOUNTDISABLE,
    DONT_EXPIRE,
    PASSWD_NOTREQD,
    Directory,
)
from population import TEMPORARY_STAFF

_FOREIGN = "S-1-5-21-1004336348-1177238915-682003330"
"""SID of the domain the association migrated from, made up."""


def _temporary() -> list[str]:
    return [f"remplacant-{rank:02d}" for rank in range(1, TEMPORARY_STAFF + 1)]


def dormant(directory: Directory) -> None:
    """Accounts of replacement staff gone for years; half of them have a password that never expires."""
    for rank, sam in enumerate(_temporary()):
        # One in four was never used at all.
        directory.age(sam, password=1300 + rank, created=1400 + rank)
        if rank % 4:
            directory.age(sam, logon=800 + rank)
        else:
            directory.set(directory.dn(sam), lastLogonTimestamp=[], lastLogon="0", logonCount="0")
        if rank % 2:
            directory.flags(sam, add=DONT_EXPIRE)


def disable_dormant(directory: Directory) -> None:
    """Six months later: those accounts are disabled."""
    for sam in _temporary():
        directory.flags(sam, add=ACCOUNTDISABLE)


def stale_user(directory: Directory) -> None:
    """A cook who left 250 days ago, account still open."""
    directory.age("cmasson", password=260, logon=250)


def odd_builtin_primary_group(directory: Directory) -> None:
    """The kiosk's account has a computer's primary group."""
    directory.join("Domain Computers", "borne-entree")
    directory.set(directory.dn("borne-entree"), primaryGroupID="515")


def changed_primary_group(directory: Directory) -> None:
    """A night nurse has the care team as primary group."""
    group = directory.sid_of("Soignants").rsplit("-", 1)[1]
    directory.set(directory.dn("fdiallo"), primaryGroupID=group)


def guest_enabled(directory: Directory) -> None:
    """The guest account is open."""
    directory.flags("Guest", remove=ACCOUNTDISABLE)


def disable_guest(directory: Directory) -> None:
    """Six months later: the guest account is closed."""
    directory.flags("Guest", add=ACCOUNTDISABLE)


def password_not_required(directory: Directory) -> None:
    """The reception's copier may have an empty password."""
    directory.flags("imprimante-accueil", add=PASSWD_NOTREQD)


def dangerous_sid_history(directory: Directory) -> None:
    """The nurse coordinator carries the identifier of a former domain's administrators."""
    directory.set(directory.dn("nleroux"), sIDHistory=directory.packed_sid(f"{_FOREIGN}-512"))


def clear_dangerous_sid_history(directory: Directory) -> None:
    """Six months later: that identifier is gone."""
    directory.set(directory.dn("nleroux"), sIDHistory=[])


def plain_sid_history(directory: Directory) -> None:
    """The psychologist's account keeps the identifier it had in a former domain: present, not dangerous."""
    directory.set(directory.dn("hgarnier"), sIDHistory=directory.packed_sid(f"{_FOREIGN}-1187"))


def never_expiring_services(directory: Directory) -> None:
    """Two service accounts whose password never expires."""
    for sam in ("svc-wifi", "imprimante-accueil"):
        directory.flags(sam, add=DONT_EXPIRE)


def password_in_description(directory: Directory) -> None:
    """Two passwords written for all to read; a third account only mentions the word."""
    directory.set(directory.dn("svc-wifi"), description="Wi-Fi pro - mdp : Tilleuls-Demo-2019")
    directory.set(directory.dn("borne-entree"), info="Mot de passe = Borne!Demo22")
    directory.set(directory.dn("abonnet"), description="Accueil - bureau 12, remet les badges")


def clean_description(directory: Directory) -> None:
    """Six months later: one of the two was removed."""
    directory.set(directory.dn("svc-wifi"), description="Authentification du Wi-Fi professionnel")
