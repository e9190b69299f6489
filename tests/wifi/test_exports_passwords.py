"""Strength of passwords: an order that holds, prices that can be explained, and no surprise in length."""

from __future__ import annotations

import math
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.wifi.exports.keys import NO_KEY, Keys, masked
from checks.wifi.exports.passwords import MAX_LENGTH, password_bits

PLACE = ("EHPAD Les Tilleuls", "Lyon", "0478001122")


@pytest.mark.parametrize(
    ("password", "most"),
    [
        ("12345678", 14),
        ("azertyuiop", 14),
        ("motdepasse", 14),
        ("P@ssw0rd", 16),
        ("aaaaaaaa", 14),
        ("tilleuls", 10),
        ("Tilleuls2024", 20),
        ("LesTilleuls", 16),
        ("ehpadtilleuls", 16),
        ("0478001122", 10),
        ("04 78 55 66 77", 32),
        ("Residence69003", 26),
        ("14071952", 20),
        ("14/07/1952", 20),
        ("Bienvenue@2023", 30),
        ("abcabcabcabc", 20),
        ("1a2z3e4r5t", 14),
        ("juillet2025", 20),
    ],
)
def test_what_people_choose_is_weak(password: str, most: float) -> None:
    assert 0 < password_bits(password, PLACE) <= most


@pytest.mark.parametrize(
    ("alphabet", "length", "least"),
    [
        (string.hexdigits[:16].upper(), 26, 80),
        (string.ascii_letters + string.digits, 20, 75),
        (string.printable[:94], 16, 75),
    ],
)
def test_what_machines_draw_is_strong_whatever_looks_like_a_word_in_it(
    alphabet: str, length: int, least: float
) -> None:
    draw = random.Random(length)
    for _ in range(200):
        assert password_bits("".join(draw.choice(alphabet) for _ in range(length)), PLACE) > least


def test_four_words_are_worth_four_words() -> None:
    assert 40 <= password_bits("cheval vert piano lune") <= 75
    assert password_bits("chevalvertpianolune") < password_bits("chevalvertpianolunetrainfleur")


def test_empty_and_single() -> None:
    assert password_bits("") == 0
    assert password_bits("7") == pytest.approx(math.log2(10), abs=0.1)


def test_words_of_the_place_cost_less_than_unknown_ones() -> None:
    assert password_bits("bellerive42", ("Résidence Bellerive",)) < password_bits("bellerive42")


def test_variants_cost_a_little_more() -> None:
    assert password_bits("motdepasse") < password_bits("Motdepasse") <= password_bits("m0tdepa$$e")


@settings(deadline=None)
@given(password=st.text(max_size=63), more=st.text(max_size=20))
def test_bits_are_bounded(password: str, more: str) -> None:
    bits = password_bits(password)
    assert 0 <= bits <= len(password) * math.log2(95) + 0.1
    assert bits <= password_bits(password, ()) + 0.001
    assert password_bits(password, (password, more)) <= bits


@settings(deadline=None)
@given(password=st.text(string.ascii_letters + string.digits, min_size=8, max_size=30))
def test_knowing_the_password_makes_it_free(password: str) -> None:
    assert password_bits(password, (password,)) <= max(8, password_bits(password) if len(password) > 24 else 8)


def test_long_texts_are_cut() -> None:
    assert password_bits("aB3$" * 100_000) == password_bits(("aB3$" * 100_000)[:MAX_LENGTH])


def test_keys_compare_and_forget() -> None:
    keys = Keys()
    first, same, other = keys.passphrase("bonjour123"), keys.passphrase("bonjour123"), keys.passphrase("Bonjour123")
    assert first.group == same.group != other.group
    assert (first.length, keys.passphrase("")) == (10, NO_KEY)
    assert "bonjour" not in repr((first, same, other)).lower()


def test_keys_of_256_bits_compare_without_case() -> None:
    keys = Keys()
    assert keys.passphrase("AB" * 32).group == keys.passphrase("ab" * 32).group
    assert keys.passphrase("AB" * 32).bits is None


def test_weakest() -> None:
    keys = Keys()
    assert keys.weakest(["Kq7#vR2p!xZ9mW4s", "azertyui", ""]).length == 8
    assert keys.weakest([]) == NO_KEY


def test_masks() -> None:
    assert all(masked(text) for text in ("********", "<hidden>", "[REDACTED]", "xxxxxxxx", "redacted"))
    assert not any(masked(text) for text in ("motdepasse", "a*******", "<a>b", ""))
