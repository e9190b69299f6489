"""Registrable domain by the public suffix list.

The list ships in the `publicsuffixlist` package (data under MPL-2.0). That package takes 80 ms to build its tables; a
set of the lines of the file takes two and answers the same.
Algorithm: https://publicsuffix.org/list/ (longest rule wins, `!` exceptions first, `*` when nothing matches).
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from collections.abc import Set as AbstractSet

Registrable = Callable[[str], str]
"""A-label name to the name one label below its public suffix; the name itself when it is a suffix."""


def load_suffix_list() -> Registrable:
    """Read the list once and return the function that answers from it."""
    data = importlib.resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_bytes()
    rules = frozenset(data.splitlines())
    return lambda name: registrable_domain(name, rules)


def registrable_domain(name: str, rules: AbstractSet[bytes]) -> str:
    """The part of `name` that can be registered: `mail.tilleuls.asso.fr` gives `tilleuls.asso.fr`.

    `rules` are lines of the list, comments included: no comment can be taken for a rule.
    """
    labels = name.lower().rstrip(".").split(".")
    for start in range(len(labels)):
        suffix = _written_as_in_list(labels[start:])
        if f"!{suffix}".encode() in rules:
            return ".".join(labels[start:])
        parent = suffix.partition(".")[2]
        if suffix.encode() in rules or (parent and f"*.{parent}".encode() in rules):
            return ".".join(labels[max(start - 1, 0) :])
    return ".".join(labels[-2:])


def _written_as_in_list(labels: list[str]) -> str:
    """The list writes internationalised names in Unicode."""
    if not any(label.startswith("xn--") for label in labels):
        return ".".join(labels)
    import idna

    try:
        return idna.decode(".".join(labels))
    except (idna.IDNAError, UnicodeError):
        return ".".join(labels)
