"""Decoding of exported files: every encoding people meet, and clear refusals."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.common.textfile import MAX_BYTES, ParseError, decode

TEXT = "Réseau « été » à l'étage, façade n°2\nclé : présente\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp850"])
def test_french_is_read_in_every_encoding(encoding: str) -> None:
    raw = TEXT.encode(encoding)
    file = decode("f.txt", raw)
    assert (file.text, file.name, file.sha256) == (TEXT, "f.txt", hashlib.sha256(raw).hexdigest())


def test_every_end_of_line_becomes_a_line_feed() -> None:
    assert decode("f", b"a\r\nb\rc\nd").lines == ["a", "b", "c", "d"]


@pytest.mark.parametrize("raw", [b"a\0b", b"\xff\xfe\0", TEXT.encode("utf-16-le")])
def test_what_is_not_text_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="texte"):
        decode("f", raw)


def test_a_large_file_is_refused() -> None:
    with pytest.raises(ParseError, match="trop grand"):
        decode("f", bytes(MAX_BYTES + 1))


def test_an_error_says_where() -> None:
    assert str(ParseError("mal formé", "f.txt", 3)) == "f.txt, ligne 3 : mal formé"
    assert str(ParseError("mal formé", "f.txt")) == "f.txt : mal formé"


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        text = decode("f", raw).text
    except ParseError:
        return
    assert "\r" not in text
