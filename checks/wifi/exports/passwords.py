"""How strong a Wi-Fi password is, in bits: the logarithm of the tries a well-informed attacker needs.

Method (own, after D. L. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016): the password
is cut in pieces, each with the price of the cheapest way to guess it, and the cheapest cut is kept. A piece is a word
of the place (SSID, name of the establishment, town, telephone: what is written on the door), a common word, a word, a
keyboard walk or a sequence, a repetition, a date, a year, a French telephone number or post code, or single characters
drawn at random among the classes that the password uses. Every piece but a random character costs one more bit, for
the choice of the cut.

What looks like a word and is in no list (letters with a natural share of vowels) is priced 2.5 bits a letter, above
C. Shannon's 1951 estimate for running text, and never less than a word of a dictionary: four random words are worth
about 50 bits here as with Diceware. The estimate is a ceiling for what a person chose and a fair price for what a
machine drew; it says nothing of a default key computed from the SSID or the address, as some boxes do.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from checks.wifi.exports.words import CALENDAR, CARE, COMMON, GENERAL, KEYBOARD

MAX_LENGTH = 128
"""Characters looked at: a passphrase has 63 at most, a SAE password is not bounded."""
_CUT = 1.0
_PLACE_BITS = 4.0
_COMMON_BITS = 7.0
_WORD_BITS = 12.0
"""A list of some 4,000 everyday words; Diceware's has 7,776 (12.9 bits)."""
_LETTER_BITS = 2.5
_VARIANT_BITS = 2.0
"""Capitals, accents left out, digits in place of letters."""
_DATE_BITS = math.log2(365 * 120)
_YEAR_BITS = math.log2(150)
_PHONE_BITS = math.log2(10**8)
"""Nine digits after the 0, the first of which is the zone: what a directory does not give."""
_POSTCODE_BITS = math.log2(6300)
"""Post codes in use in France."""
_MIN_WORD, _MAX_WORD, _MIN_WALK, _MIN_REPEAT = 3, 24, 3, 3
_MIN_SHAPED = 5
_CLASSES = ((r"[0-9]", 10), (r"[a-z]", 26), (r"[A-Z]", 26), (r"[^0-9a-zA-Z]", 33))
_LEET = str.maketrans("@40318$5!7", "aaoeibssit")
_DATES = re.compile(
    r"(?=((?:0[1-9]|[12]\d|3[01])[ ./-]?(?:0[1-9]|1[0-2])[ ./-]?(?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d[ ./-]?(?:0[1-9]|1[0-2])[ ./-]?(?:0[1-9]|[12]\d|3[01])))"
)
_YEARS = re.compile(r"(?=((?:19|20)\d\d))")
_PHONES = re.compile(r"(?=((?:0|\+33 ?|0033)[1-9](?:[ .-]?\d\d){4}))")
_POSTCODES = re.compile(r"(?=((?:0[1-9]|[1-8]\d|9[0-8])\d{3}))")
_REPEATS = re.compile(r"(?=((.{1,8}?)\2{1,}))", re.DOTALL)
_VOWELS = frozenset("aeiouy")


def password_bits(password: str, place: Iterable[str] = ()) -> float:
    """Estimated strength in bits, one decimal; 0 for an empty password.

    `place` holds what anybody can know of the place: SSID, names, town, telephone, post code.
    """
    text = password[:MAX_LENGTH]
    single = _character_bits(text)
    best = [0.0] + [math.inf] * len(text)
    pieces: dict[int, list[tuple[int, float]]] = {}
    for start, end, bits in _pieces(text, tuple(place), single):
        pieces.setdefault(start, []).append((end, bits + _CUT))
    for start in range(len(text)):
        best[start + 1] = min(best[start + 1], best[start] + single)
        for end, bits in pieces.get(start, ()):
            best[end] = min(best[end], best[start] + bits)
    return round(best[-1], 1)


def _character_bits(text: str) -> float:
    """Price of one character drawn at random: the classes that the password really uses."""
    return math.log2(max(2, sum(size for pattern, size in _CLASSES if re.search(pattern, text))))


def _pieces(text: str, place: tuple[str, ...], single: float) -> Iterator[tuple[int, int, float]]:
    """Every guessable piece: start, end, bits."""
    yield from _words(text, place)
    yield from _shaped(text)
    yield from _walks(text)
    yield from _repeats(text, single)
    for pattern, bits in (
        (_DATES, _DATE_BITS),
        (_YEARS, _YEAR_BITS),
        (_PHONES, _PHONE_BITS),
        (_POSTCODES, _POSTCODE_BITS),
    ):
        for found in pattern.finditer(text):
            yield found.start(1), found.end(1), bits


def _words(text: str, place: tuple[str, ...]) -> Iterator[tuple[int, int, float]]:
    flat = _flat(text)
    known = _place_words(place)
    for start in range(len(flat)):
        for end in range(start + _MIN_WORD, min(len(flat), start + _MAX_WORD) + 1):
            as_written = flat[start:end].lower()
            for word in {as_written, as_written.translate(_LEET)}:
                bits = _word_bits(word, known)
                if bits is not None:
                    plain = word == text[start:end]
                    yield start, end, bits + (0.0 if plain else _variant_bits(text[start:end]))


def _word_bits(word: str, place: frozenset[str]) -> float | None:
    if word in place:
        return _PLACE_BITS
    if word in COMMON or word in CARE or word in CALENDAR:
        return _COMMON_BITS
    return _WORD_BITS if word in GENERAL else None


def _variant_bits(written: str) -> float:
    """A capital first, or all capitals, is what everybody does: one bit; anything else two."""
    return 1.0 if written.isalpha() and (written.istitle() or written.isupper()) else _VARIANT_BITS


def _place_words(place: tuple[str, ...]) -> frozenset[str]:
    """Words of the names given, and the names without their spaces."""
    found: set[str] = set()
    for name in place:
        flat = _flat(name).lower()
        words = re.findall(r"[a-z0-9]+", flat)
        found.update(word for word in words if len(word) >= _MIN_WORD)
        found.update("".join(pair) for pair in pairwise(words))
        found.add("".join(words))
    return frozenset(word for word in found if len(word) >= _MIN_WORD)


def _flat(text: str) -> str:
    """Without accents, character for character."""
    return "".join(unicodedata.normalize("NFD", character)[0] for character in text)


def _shaped(text: str) -> Iterator[tuple[int, int, float]]:
    """Runs of letters in one case (a capital first is usual) with a natural share of vowels: words of no list."""
    for run in re.finditer(r"[A-Z]?[a-z]{4,}|[A-Z]{5,}", _flat(text)):
        word = run[0].lower()
        share = sum(letter in _VOWELS for letter in word) / len(word)
        if len(word) >= _MIN_SHAPED and 0.25 <= share <= 0.65 and not re.search(r"[^aeiouy]{4}", word):  # noqa: PLR2004
            yield run.start(), run.end(), max(_WORD_BITS + _CUT, _LETTER_BITS * len(word))


def _walks(text: str) -> Iterator[tuple[int, int, float]]:
    """Keyboard walks and sequences: which one, where it begins, how long, which way."""
    lower = _flat(text).lower()
    rows = [row[::way] for row in KEYBOARD for way in (1, -1)]
    for start in range(len(lower)):
        longest = 0
        for row in rows:
            at = row.find(lower[start : start + _MIN_WALK])
            if at < 0 or start + _MIN_WALK > len(lower):
                continue
            length = _MIN_WALK
            while start + length < len(lower) and row[at + length : at + length + 1] == lower[start + length]:
                length += 1
            longest = max(longest, length)
        for length in range(_MIN_WALK, longest + 1):
            yield start, start + length, math.log2(len(rows) * 4) + math.log2(length)


def _repeats(text: str, single: float) -> Iterator[tuple[int, int, float]]:
    """The same group of characters over and over: its own price once, and how many times."""
    for found in _REPEATS.finditer(text):
        unit, whole = found[2], found[1]
        if len(whole) >= _MIN_REPEAT:
            yield found.start(1), found.end(1), single * len(unit) + math.log2(len(whole) // len(unit))
