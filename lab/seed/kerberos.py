"""Faults of Kerberos settings and delegations."""

from __future__ import annotations

from directory import (
    BYPASS_PASSWORD,
    DES_ONLY,
    NO_PREAUTH,
    PROTOCOL_TRANSITION,
    TRUSTED_FOR_DELEGATION,
    Directory,
)


def no_preauth(directory: Directory) -> None:
    """A care assistant's account answers without pre-authentication."""
    directory.flags("cmoreau", add=NO_PREAUTH)


def no_preauth_privileged(directory: Directory) -> None:
    """The backup account, a backup operator, answers without pre-authentication."""
    directory.flags("svc-sauvegarde", add=NO_PREAUTH)


def require_preauth_privileged(directory: Directory) -> None:
    """Six months later: pre-authentication is back, with a new password."""
    directory.flags("svc-sauvegarde", remove=NO_PREAUTH)
    directory.age("svc-sauvegarde", password=100)


def roastable_service(directory: Directory) -> None:
    """The database account of the care software: RC4 only, password of 1,200 days."""
    directory.set(
        directory.dn("svc-dui"),
        servicePrincipalName=[f"MSSQLSvc/srv-dui.{directory.realm}:1433"],
        msDS__SupportedEncryptionTypes="4",
    )
    directory.age("svc-dui", password=1200)


def spn_on_admin(directory: Directory) -> None:
    """A domain administrator's account carries a service."""
    directory.set(directory.dn("adm-martin"), servicePrincipalName=[f"HTTP/gestion.{directory.realm}"])


def des_only(directory: Directory) -> None:
    """The laboratory machine's account is limited to DES."""
    directory.flags("automate-labo", add=DES_ONLY)


def old_krbtgt(directory: Directory) -> None:
    """The key of all tickets has never changed."""
    directory.set(directory.dn("krbtgt"), [BYPASS_PASSWORD], pwdLastSet=directory.days_ago(2500))


def rotate_krbtgt(directory: Directory) -> None:
    """Six months later: the key was changed (the second time 40 days ago)."""
    directory.set(directory.dn("krbtgt"), [BYPASS_PASSWORD], pwdLastSet=directory.days_ago(40))


def unconstrained(directory: Directory) -> None:
    """The print server may impersonate anybody anywhere."""
    directory.flags("SRV-IMPRESSION$", add=TRUSTED_FOR_DELEGATION)


def stop_unconstrained(directory: Directory) -> None:
    """Six months later: the print server is an ordinary server."""
    directory.flags("SRV-IMPRESSION$", remove=TRUSTED_FOR_DELEGATION)


def constrained_to_dc(directory: Directory) -> None:
    """The intranet server delegates to a file service of the domain controller."""
    directory.set(directory.dn("SRV-INTRANET$"), msDS__AllowedToDelegateTo=[f"cifs/dc1.{directory.realm}"])


def transition_to_dc(directory: Directory) -> None:
    """The synchronisation server delegates to the directory, whatever the first authentication."""
    directory.set(directory.dn("SRV-SYNC$"), msDS__AllowedToDelegateTo=[f"ldap/dc1.{directory.realm}"])
    directory.flags("SRV-SYNC$", add=PROTOCOL_TRANSITION)


def resource_based_on_dc(directory: Directory) -> None:
    """The domain controller accepts delegations from the intranet server."""
    owner = directory.sid_of("SRV-INTRANET$")
    directory.set(
        directory.dn("DC1$"),
        msDS__AllowedToActOnBehalfOfOtherIdentity=directory.packed_sd(
            f"O:BAD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;{owner})"
        ),
    )


def clear_resource_based_on_dc(directory: Directory) -> None:
    """Six months later: nobody may act on the domain controller's behalf."""
    directory.set(directory.dn("DC1$"), msDS__AllowedToActOnBehalfOfOtherIdentity=[])
