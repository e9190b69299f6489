"""Whether what changed between two points looks like an encryption. Pure: figures in, an answer out.

The rule: more than a fifth of the files replaced, AND a new suffix or lost formats, AND content without any order.
Each alone is ordinary: an upgrade replaces files, a conversion changes suffixes, photos have no visible order.
"""

from __future__ import annotations

from typing import Literal

from checks.backup.facts import ChangeSign

REPLACED = 0.20
"""Share of the files of the earlier point that were changed, or removed while others came instead."""
SUFFIX = 0.5
"""Share of the replaced files that must have the new suffix."""
LOST = 0.5
"""Share of the files looked into, among those that have a format to lose."""
MIN_LOOKED = 5
"""Files looked into, below which their share says nothing."""
ENTROPY = 7.9
"""Bits per byte: 64 KiB of encrypted bytes have 7.99, and 8 KiB more than 7.97."""
MIN_FILES = 20
"""Files of the earlier point, below which a share says nothing."""

Finding = Literal["none", "suspect", "encryption"]


def replaced_share(sign: ChangeSign) -> float:
    """Share of the earlier files that were replaced, 0 to 1. Files moved, added or removed alone do not count."""
    return min(1.0, _replaced(sign) / sign.files_before) if sign.files_before else 0.0


def _replaced(sign: ChangeSign) -> int:
    gone, come = max(0, sign.removed - sign.moved), max(0, sign.added - sign.moved)
    return sign.changed + min(gone, come)


def suffix_is_mass(sign: ChangeSign) -> bool:
    """The new suffix is that of at least half of what was replaced, and not of a corner of it."""
    return bool(sign.suffix) and sign.suffix_files >= SUFFIX * _replaced(sign)


def formats_lost(sign: ChangeSign) -> bool:
    """At least half of the files that have a format have lost it."""
    return sign.magic_known >= MIN_LOOKED and sign.magic_lost >= LOST * sign.magic_known


def finding(sign: ChangeSign) -> Finding:
    """`encryption`: the rule holds. `suspect`: what it asks of the content could not be read, or only formats are lost.

    Where no file that is not compressed by nature changed, lost formats stand for the missing entropy. A new suffix
    over content that still has its order is a program's own doing.
    """
    if sign.files_before < MIN_FILES or replaced_share(sign) <= REPLACED:
        return "none"
    lost = formats_lost(sign)
    if not (lost or suffix_is_mass(sign)):
        return "none"
    if sign.entropy_after is None:
        return "encryption" if lost else "suspect"
    if sign.entropy_after > ENTROPY:
        return "encryption"
    return "suspect" if lost else "none"
