"""Where a lab keeps its files, and what its namespaces are called."""

from __future__ import annotations

import re
from pathlib import Path

CODE = Path(__file__).resolve().parent
"""The `lab` folder itself: roles, seeds, description."""

STATE_ROOT = Path("/var/lib/ausculte-lab")
"""One folder per running lab (mode 0700: it holds made-up passwords and private keys)."""

CACHE_ROOT = Path("/var/cache/ausculte-lab")
"""Provisioned states, packed."""

NETNS_ETC = Path("/etc/netns")
"""`ip netns exec` mounts what it finds here over /etc."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")


def check_name(name: str) -> str:
    """Return `name` when it may name a lab; raise `ValueError` (French text) otherwise."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"nom de laboratoire refusé : {name!r} (minuscules, chiffres et tirets, 24 caractères au plus)"
        )
    return name


def namespace(lab: str, host: str) -> str:
    """Return the network namespace of one host.

    The dot cannot be part of a lab name, so the lab `demo` never takes `demo-2` for its own.
    """
    return f"ausculte.{lab}.{host}"


def state_dir(lab: str) -> Path:
    """Return the folder of one lab."""
    return STATE_ROOT / lab
