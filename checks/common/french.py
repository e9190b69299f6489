"""Small rules of French for messages."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
"""Items named in one sentence."""


def count(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun: `1 recherche`, `2 recherches`. Zero and one are singular in French.

    Without `plural`, each word of `singular` takes an « s » (`clé utilisable` gives `2 clés utilisables`).
    """
    many = plural or " ".join(word + "s" for word in singular.split())
    return f"{number:,}".replace(",", " ") + f" {many if number > 1 else singular}"


def choose(number: int, singular: str, plural: str) -> str:
    """The form that agrees with a number that is written elsewhere."""
    return plural if number > 1 else singular


def plural(number: int, one: str, many: str) -> str:
    """`one` for 0 and 1, else `many`; `{n}` stands for the number."""
    return choose(number, one, many).format(n=number)


def listed(items: Iterable[str], shown: int = SHOWN) -> str:
    """Items for a sentence, each once, the first `shown` only and the number of the others."""
    every = list(dict.fromkeys(items))
    more = f" et {count(len(every) - shown, 'autre')}" if len(every) > shown else ""
    return ", ".join(every[:shown]) + more
