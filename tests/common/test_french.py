"""Plurals."""

from __future__ import annotations

import pytest

from checks.common.french import choose, count


@pytest.mark.parametrize(
    ("number", "words", "expected"),
    [
        (0, ("recherche",), "0 recherche"),
        (1, ("recherche",), "1 recherche"),
        (2, ("recherche",), "2 recherches"),
        (2, ("clé utilisable",), "2 clés utilisables"),
        (1, ("réseau", "réseaux"), "1 réseau"),
        (16777216, ("réseau", "réseaux"), "16 777 216 réseaux"),
    ],
)
def test_number_and_noun_agree(number: int, words: tuple[str, ...], expected: str) -> None:
    assert count(number, *words) == expected


def test_verb_agrees_with_a_number_written_elsewhere() -> None:
    assert [choose(n, "propose", "proposent") for n in (0, 1, 2)] == ["propose", "propose", "proposent"]
