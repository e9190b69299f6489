"""Repositories as the copies they are: a bucket that holds the repository of another product is not a second copy.

The product (restic, borg, kopia) shows the points, the storage shows the lock: both are declared, and read apart.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from checks.backup.facts import Repository
from checks.model import Gap

_ADDRESS = re.compile(r"(?:[a-z0-9+]+:)*(?://)?(\[[^\]]*\]|[^/:@]+)(?::\d+)?/+(.*)", re.IGNORECASE)


class Place(NamedTuple):
    """One copy: its repository, and the labels that all mean it."""

    repository: Repository
    labels: tuple[str, ...]


def places(repositories: tuple[Repository, ...]) -> tuple[Place, ...]:
    """The repositories, a bucket joined with the one repository it holds, which takes the lock of the bucket."""
    buckets = [one for one in repositories if one.technology == "s3" and one.settings.get("engine")]
    held: dict[str, Repository] = {}
    for one in repositories:
        bucket = next((b for b in buckets if one.technology == b.settings["engine"] and _inside(one, b)), None)
        if bucket is not None:
            held[one.label] = bucket
    used = {bucket.label for bucket in held.values()}
    return tuple(_place(one, held.get(one.label)) for one in repositories if one.label not in used)


def _place(one: Repository, bucket: Repository | None) -> Place:
    if bucket is None:
        return Place(one, (one.label,))
    own = one.immutability
    weak = isinstance(own, Gap) or own.lock in ("none", "append_only")
    joined = msgspec.structs.replace(
        one,
        immutability=bucket.immutability if weak else own,
        medium=one.medium or bucket.medium,
        place=one.place or bucket.place,
    )
    return Place(joined, (one.label, bucket.label))


def _inside(one: Repository, bucket: Repository) -> bool:
    """The address of the repository lies in the bucket, whatever the scheme and the port written."""
    mine, theirs = _split(one.address), _split(bucket.address)
    if mine is None or theirs is None or mine[0] != theirs[0]:
        return False
    return mine[1] == theirs[1] or mine[1].startswith(f"{theirs[1]}/")


def _split(address: str) -> tuple[str, str] | None:
    found = _ADDRESS.fullmatch(address.strip())
    return (found[1].casefold(), found[2].strip("/")) if found else None
