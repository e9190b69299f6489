"""Faults of privileged accounts and groups."""

from __future__ import annotations

from directory import DONT_EXPIRE, REVERSIBLE, Directory


def old_never_expiring_admin(directory: Directory) -> None:
    """The contractor's administrator account: same password for four years, and it never expires."""
    directory.age("adm-martin", password=1500)
    directory.flags("adm-martin", add=DONT_EXPIRE)


def reversible_privileged(directory: Directory) -> None:
    """The backup account's password is kept in a form that can be read back."""
    directory.flags("svc-sauvegarde", add=REVERSIBLE)


def stop_reversible_privileged(directory: Directory) -> None:
    """Six months later: no more."""
    directory.flags("svc-sauvegarde", remove=REVERSIBLE)


def missing_admin_count(directory: Directory) -> None:
    """The backup account escapes the protection of privileged accounts."""
    directory.set(directory.dn("svc-sauvegarde"), adminCount=[])


def dns_admins_member(directory: Directory) -> None:
    """The administrative manager is in DnsAdmins."""
    directory.join("DnsAdmins", "lpetit")


def empty_dns_admins(directory: Directory) -> None:
    """Six months later: the group is empty again."""
    directory.leave("DnsAdmins", "lpetit")


def empty_schema_admins(directory: Directory) -> None:
    """Six months later: nobody may change the schema (a fresh domain leaves the administrator there)."""
    directory.leave("Schema Admins", "Administrator")
