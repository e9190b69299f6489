"""Reads bytes as a capture file, for tests."""

from __future__ import annotations

import msgspec

from checks.wifi.capture.reader import read_captures
from checks.wifi.facts import WifiFacts

SALT = bytes(range(32))


def read(folder, content, name="essai.pcap", salt=SALT, **options):
    path = folder / name
    path.write_bytes(content)
    facts = read_captures([path], salt=salt, **options)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=WifiFacts) == facts
    return facts


def only(items):
    (item,) = items
    return item
