"""Registrable domain by the public suffix list, without building a table of its 10,000 rules.

The list ships in the `publicsuffixlist` package (data under MPL-2.0). Loading it as that package does takes 80 ms;
an audit asks about a handful of names, so each candidate rule is searched in the text of the list instead.
Algorithm: https://publicsuffix.org/list/ (longest rule wins, `!` exceptions first, `*` when nothing matches).
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable

Registrable = Callable[[str], str]
"""A-label name to the name one label below its public suffix; the name itself when it is a suffix."""


def load_suffix_list() -> Registrable:
    """Read the list once and return the function that answers from it."""
    rules = importlib.resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_bytes()
    return lambda name: registrable_domain(name, rules)


def registrable_domain(name: str, rules: bytes) -> str:
    """The part of `name` that can be registered: `mail.tilleuls.asso.fr` gives `tilleuls.asso.fr`."""
    labels = name.lower().rstrip(".").split(".")
    for start in range(len(labels)):
        suffix = _written_as_in_list(labels[start:])
        if _has(rules, f"!{suffix}"):
            return ".".join(labels[start:])
        parent = suffix.partition(".")[2]
        if _has(rules, suffix) or (parent and _has(rules, f"*.{parent}")):
            return ".".join(labels[max(start - 1, 0) :])
    return ".".join(labels[-2:])


def _has(rules: bytes, rule: str) -> bool:
    return f"\n{rule}\n".encode() in rules


def _written_as_in_list(labels: list[str]) -> str:
    """The list writes internationalised names in Unicode."""
    if not any(label.startswith("xn--") for label in labels):
        return ".".join(labels)
    import idna

    try:
        return idna.decode(".".join(labels))
    except (idna.IDNAError, UnicodeError):
        return ".".join(labels)
