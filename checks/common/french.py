"""Small rules of French for messages."""

from __future__ import annotations


def count(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun: `1 recherche`, `2 recherches`. Zero and one are singular in French.

    Without `plural`, each word of `singular` takes an « s » (`clé utilisable` gives `2 clés utilisables`).
    """
    many = plural or " ".join(word + "s" for word in singular.split())
    return f"{number:,}".replace(",", " ") + f" {many if number > 1 else singular}"


def choose(number: int, singular: str, plural: str) -> str:
    """The form that agrees with a number that is written elsewhere."""
    return plural if number > 1 else singular
