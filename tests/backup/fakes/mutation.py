"""Healthy answers spoiled one value at a time: what a product of another version, or a hostile one, may send."""

from __future__ import annotations

import copy
import random
from typing import Any

NASTY: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**12,
    2**63 - 1,
    -(2**63),
    1e300,
    0.5,
    "",
    "x" * 5000,
    "\u202e\x1b[31m\x00",
    "9" * 400,
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "../../../etc/passwd",
    [],
    {},
    [[]],
    [{}],
    {"data": {}},
)


def spoiled(answer: Any, dice: random.Random) -> Any:
    """A copy of `answer` in which one to three values, anywhere, are replaced."""
    made = copy.deepcopy(answer)
    for _ in range(dice.randint(1, 3)):
        places = list(_places(made))
        if not places:
            return dice.choice(NASTY)
        holder, key = dice.choice(places)
        holder[key] = copy.deepcopy(dice.choice(NASTY))
    return made


def _places(value: Any):
    """Every (container, key) of a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for rank, inner in enumerate(value):
            yield value, rank
            yield from _places(inner)


class Stub:
    """Stands for a conversation: answers from a table of functions, without a socket."""

    name = "sauvegarde.tilleuls.test:443"

    def __init__(self, answer) -> None:
        self.client = self
        self.lost = None
        self._answer = answer

    def fetch(self, path, query=None):
        return self._answer(path, query or {})
