"""What an nftables file holds, whatever its form: the expressions keep the shape of the JSON of `nft -j`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Note = Callable[[int, str, str], None]
"""Keeps a directive that was not understood: line, text, effect."""

VERDICTS = frozenset({"accept", "drop", "continue", "return", "jump", "goto"})
PRIORITY_NAMES = {
    "raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100, "out": 100,
}  # fmt: skip
FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")

OTHER = "other"
"""Key of an expression or a statement that is known and not evaluated: its text."""
UNKNOWN = "unknown"
"""Key of a statement that is not understood: its text."""


@dataclass
class NftRule:
    """One rule."""

    line: int
    expr: list[Any]
    handle: int | None = None
    comment: str = ""


@dataclass
class NftChain:
    """One chain; a base chain has a hook."""

    name: str
    line: int
    handle: int | None = None
    kind: str = ""
    hook: str = ""
    priority: int = 0
    priority_known: bool = True
    policy: str = "accept"
    policy_line: int = 0
    rules: list[NftRule] = field(default_factory=list)
    doubtful: str = ""


@dataclass
class NftSet:
    """One named set or map."""

    name: str
    line: int
    types: tuple[str, ...] = ()
    is_map: bool = False
    flags: frozenset[str] = frozenset()
    elements: list[Any] = field(default_factory=list)
    """For a map, `[key, data]` pairs."""
    listed: bool = False
    """The file gives its elements, or is a dump of the whole."""
    updated: bool = False
    """A rule adds or removes elements."""

    @property
    def runtime(self) -> bool:
        """The content changes while the firewall works."""
        return self.updated or bool(self.flags & {"dynamic", "timeout"})


@dataclass
class NftTable:
    """One table."""

    family: str
    name: str
    line: int
    dormant: bool = False
    chains: dict[str, NftChain] = field(default_factory=dict)
    sets: dict[str, NftSet] = field(default_factory=dict)
    resolved: dict[tuple[str, ...], Any] = field(default_factory=dict)
    """Named sets already read as values of a field, by name, operator and kind: many rules share one."""

    @property
    def families(self) -> tuple[int, ...]:
        """IP versions of its packets."""
        return {"ip": (4,), "ip6": (6,), "inet": (4, 6)}.get(self.family, ())


@dataclass
class NftRuleset:
    """Everything of one file and those it includes."""

    tables: dict[tuple[str, str], NftTable] = field(default_factory=dict)
    version: str = ""
    doubtful: str = ""
    """Why rules may be missing."""

    def table(self, family: str, name: str, line: int) -> NftTable:
        """A table, made when it does not exist yet."""
        return self.tables.setdefault((family, name), NftTable(family, name, line))


def priority_of(text: str) -> int | None:
    """`filter`, `-150`, `mangle - 5`; None when it is something else."""
    words = text.replace("+", " + ").replace("-", " - ").split()
    total, sign, empty = 0, 1, True
    for word in words:
        if word in ("+", "-"):
            sign = -1 if word == "-" else 1
            continue
        if word in PRIORITY_NAMES:
            total += sign * PRIORITY_NAMES[word]
        elif word.isascii() and word.isdigit() and len(word) < 11:  # noqa: PLR2004
            total += sign * int(word)
        else:
            return None
        sign, empty = 1, False
    return None if empty else total
