"""What the entries of a security descriptor allow, and to whom beyond the administrators of the domain.

Deny entries are not subtracted: whether one wins depends on order and on every group of the caller, and a right
that is both given and denied deserves a look.
"""

from __future__ import annotations

from checks.ad.directory import Directory
from checks.ad.facts import Ace, Descriptor

ALLOW_TYPES = frozenset({0, 5, 9, 11})
INHERIT_ONLY = 0x8

WRITE_DAC = 0x40000
WRITE_OWNER = 0x80000
GENERIC_ALL = 0x10000000
GENERIC_WRITE = 0x40000000
WRITE_PROPERTY = 0x20
SELF_WRITE = 0x8
CONTROL_ACCESS = 0x100

ENROL = frozenset({"0e10c968-78fb-11d2-90d4-00c04f79dc55", "a05b8cc2-17bc-4802-a710-e7c15ab866a2"})
"""Certificate-Enrollment and Certificate-AutoEnrollment extended rights."""
MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"
MEMBERSHIP_SET = "bc0ac240-79a9-11d0-9020-00c04fc2d4cf"

EVERYONE = "S-1-1-0"


def effective(descriptor: Descriptor) -> tuple[Ace, ...]:
    """Return the entries that allow something on the object itself; a NULL list allows all to everyone."""
    if descriptor.aces is None:
        return (Ace(type=0, flags=0, mask=GENERIC_ALL, trustee=EVERYONE),)
    return tuple(a for a in descriptor.aces if a.type in ALLOW_TYPES and not a.flags & INHERIT_ONLY)


def controls_group(ace: Ace) -> str:
    """Return the French name of the right that lets its holder take over a group, empty for none."""
    if ace.mask & (GENERIC_ALL | GENERIC_WRITE):
        return "contrôle total"
    if ace.mask & WRITE_DAC:
        return "modification des droits"
    if ace.mask & WRITE_OWNER:
        return "changement de propriétaire"
    if ace.mask & WRITE_PROPERTY and ace.object_type in {"", MEMBER, MEMBERSHIP_SET}:
        return "modification des membres"
    if ace.mask & SELF_WRITE and ace.object_type in {"", MEMBER}:
        return "ajout de soi-même aux membres"
    return ""


def strangers_in_control(descriptor: Descriptor, directory: Directory) -> dict[str, str]:
    """Return SID -> right of those outside the administrators who can take over a group, owner included."""
    found: dict[str, str] = {}
    if not directory.is_tier0(descriptor.owner):
        found[descriptor.owner] = "propriétaire du groupe"
    for ace in effective(descriptor):
        right = controls_group(ace)
        if right and ace.trustee not in found and not directory.is_tier0(ace.trustee):
            found[ace.trustee] = right
    return found


def strangers_who_enrol(descriptor: Descriptor, directory: Directory) -> tuple[str, ...]:
    """Return the SIDs outside the administrators who may ask for a certificate with this template."""
    found: dict[str, None] = {}
    for ace in effective(descriptor):
        asks = ace.mask & CONTROL_ACCESS and (not ace.object_type or ace.object_type in ENROL)
        if (asks or ace.mask & GENERIC_ALL) and not directory.is_tier0(ace.trustee):
            found[ace.trustee] = None
    return tuple(found)
