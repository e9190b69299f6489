"""Registrable domains, against the package whose data is used."""

from __future__ import annotations

import pytest
from publicsuffixlist import PublicSuffixList

from checks.common.suffix import load_suffix_list


@pytest.fixture(scope="module")
def registrable():
    return load_suffix_list()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail.tilleuls.test", "tilleuls.test"),
        ("www.tilleuls.asso.fr", "tilleuls.asso.fr"),
        ("a.b.ars.sante.gouv.fr", "sante.gouv.fr"),
        ("fr", "fr"),
        ("asso.fr", "asso.fr"),
        ("a.b.ck", "a.b.ck"),
        ("x.a.b.ck", "a.b.ck"),
        ("x.www.ck", "www.ck"),
        ("a.example.xn--p1ai", "example.xn--p1ai"),
    ],
)
def test_registrable_domain(registrable, name: str, expected: str) -> None:
    assert registrable(name) == expected


def test_same_answer_as_the_reference_implementation(registrable) -> None:
    reference = PublicSuffixList()
    suffixes = ("fr", "asso.fr", "re", "co.uk", "kobe.jp", "city.kobe.jp", "ck", "www.ck", "github.io", "bd", "test")
    for suffix in suffixes:
        for prefix in ("", "a.", "b.a.", "c.b.a."):
            name = prefix + suffix
            assert registrable(name) == (reference.privatesuffix(name) or name), name
