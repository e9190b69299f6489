"""Passwords while a reading lasts: measured, compared with one another in memory, then forgotten.

Only three things come out: a length, a number of bits, and a label that two SSIDs share when they have the same
password. Labels are numbers in order of appearance: neither a hash nor anything else that could be tried against a
list of passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from checks.wifi.exports.passwords import password_bits

_RAW_KEY = re.compile(r"[0-9a-fA-F]{64}")
_MASK = re.compile(
    r"[*•●xX.]{3,}|<[^<>]{0,40}>|\[?(?:redacted|hidden|removed|masked|secret|encrypted)\]?", re.IGNORECASE
)
MIN_PASSPHRASE = 8
"""Characters of a WPA passphrase (IEEE Std 802.11-2024, J.4.1)."""


class Key(NamedTuple):
    """What the facts keep of a password."""

    bits: float | None = None
    length: int | None = None
    group: str = ""


NO_KEY = Key()


class Keys:
    """The passwords of one reading. Give the same object to every parser: reuse is found between files."""

    def __init__(self, place: Iterable[str] = ()) -> None:
        self._place = tuple(place)
        self._labels: dict[str, str] = {}

    def passphrase(self, text: str, *places: str) -> Key:
        """Measure a passphrase in clear; `places` are words that belong to it, as its SSID.

        A key of 64 hexadecimal digits (already derived, or drawn at random) is only compared: nobody can tell which.
        A mask (`********`) is no password.
        """
        if not text or masked(text):
            return NO_KEY
        if _RAW_KEY.fullmatch(text):
            return Key(group=self._label("raw " + text.lower()))
        return Key(
            bits=password_bits(text, (*self._place, *places)), length=len(text), group=self._label("text " + text)
        )

    def weakest(self, texts: Iterable[str], *places: str) -> Key:
        """The weakest of several passwords of one SSID: the one an attacker finds."""
        found = [key for key in (self.passphrase(text, *places) for text in texts) if key != NO_KEY]
        return min(found, key=lambda key: float("inf") if key.bits is None else key.bits) if found else NO_KEY

    def _label(self, secret: str) -> str:
        return self._labels.setdefault(secret, f"clé {len(self._labels) + 1}")


def masked(text: str) -> bool:
    """The export hides the password behind a mask."""
    return _MASK.fullmatch(text) is not None


def raw_key(text: str) -> bool:
    """A key of 256 bits written in hexadecimal rather than a passphrase."""
    return _RAW_KEY.fullmatch(text) is not None
