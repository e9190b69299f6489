"""The security descriptors of a whole directory, each distinct one decoded and kept once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from checks.ad.facts import Descriptor
from checks.ad.parsers.security_descriptor import DescriptorParser, MalformedDescriptor
from checks.ad.readers.attributes import Attributes


class Protection(NamedTuple):
    """Owner and descriptor key of one object; both empty when its descriptor was not readable."""

    owner: str
    key: str


UNREADABLE = Protection("", "")


class DescriptorTable:
    """Descriptors by digest. In a real domain most objects share theirs with many others."""

    def __init__(self) -> None:
        self._parser = DescriptorParser()
        self._known: dict[bytes, tuple[Protection, Descriptor | None]] = {}
        self.unreadable = 0

    def of(self, attributes: Attributes) -> Protection:
        """Protection of an object, from its nTSecurityDescriptor. Counts what could not be read."""
        raw = attributes.get("ntsecuritydescriptor")
        if not raw:
            self.unreadable += 1
            return UNREADABLE
        digest = hashlib.sha256(raw[0]).digest()[:16]
        known = self._known.get(digest)
        if known is None:
            try:
                descriptor = self._parser.parse(raw[0])
                known = (Protection(descriptor.owner, digest.hex()), descriptor)
            except MalformedDescriptor:
                known = (UNREADABLE, None)
            self._known[digest] = known
        if known[1] is None:
            self.unreadable += 1
        return known[0]

    def parse(self, raw: bytes) -> Descriptor:
        """A descriptor held by another attribute. Raises `MalformedDescriptor`."""
        return self._parser.parse(raw)

    def kept(self, keys: Iterable[str]) -> dict[str, Descriptor]:
        """The descriptors of those `keys` that are here, to be stored beside the objects."""
        found: dict[str, Descriptor] = {}
        for key in sorted(set(keys) - {""}):
            known = self._known.get(bytes.fromhex(key))
            if known is not None and known[1] is not None:
                found[key] = known[1]
        return found
