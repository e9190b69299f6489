"""Until when a firewall system is corrected by its vendor: our table, and how a version is looked up in it."""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Mapping

import msgspec

from checks.model import Record

PAST = "past"
"""In the table: corrections ended, the day is not known."""
_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+)+")


class Product(Record, frozen=True, kw_only=True):
    """One firewall system."""

    vendor: str
    title: str
    releases: Mapping[str, str]
    """Release to last day of corrections, ISO 8601; empty when not announced, `past` when the day is not known."""


class Source(Record, frozen=True, kw_only=True):
    """Where the table comes from."""

    title: str
    revision: str
    date: str
    licence: str


class Table(Record, frozen=True, kw_only=True):
    """The whole table."""

    source: Source
    product: tuple[Product, ...]


class Life(Record, frozen=True, kw_only=True):
    """What the table says of one version."""

    title: str
    release: str
    end: str


@functools.cache
def table() -> Table:
    """The table shipped with the domain."""
    text = importlib.resources.files("checks.firewall").joinpath("end_of_life.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Table)


def version(firmware: str) -> str:
    """`7.0.12` in `v7.0.12,build0523`; empty when there is none."""
    found = _VERSION.search(firmware)
    return found[0] if found else ""


def life(vendor: str, firmware: str) -> Life | None:
    """What is known of a version: the longest release name it starts with. None when the table does not know it."""
    product = next((one for one in table().product if one.vendor == vendor), None)
    parts = version(firmware).split(".")
    if product is None or not parts[0]:
        return None
    for length in range(len(parts), 0, -1):
        release = ".".join(parts[:length])
        if release in product.releases:
            return Life(title=product.title, release=release, end=product.releases[release])
    return None
