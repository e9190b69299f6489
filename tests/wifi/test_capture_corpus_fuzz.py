"""Real captures with bytes changed, cut, repeated or swapped: nothing raises, nothing grows, nothing hangs."""

from __future__ import annotations

import gzip

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.wifi.capture.reader import read_captures
from checks.wifi.capture.survey import MAX_SIGN_PACKETS
from checks.wifi.facts import WifiFacts
from tests import corpus
from tests.wifi.reading import SALT

FOLDER = corpus.CORPUS / "wifi"
FILES = sorted(path for path in FOLDER.glob("*") if path.suffix != ".md") if FOLDER.is_dir() else []
LARGE = 60_000
"""Bytes beyond which only the beginning is mutated."""
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FILES, reason="third-party captures are not here"),
]


@st.composite
def changes(draw):
    """Where (from 0 to 1), what to do, with which bytes."""
    kinds = st.sampled_from(["set", "delete", "repeat", "insert", "ones", "cut"])
    return draw(st.lists(st.tuples(st.floats(0, 1), kinds, st.binary(min_size=1, max_size=8)), min_size=1, max_size=12))


def mutated(raw, wanted):
    found = bytearray(raw[:LARGE])
    for where, kind, content in wanted:
        at = int(where * len(found))
        if kind == "set":
            found[at : at + len(content)] = content
        elif kind == "delete":
            del found[at : at + len(content) * 7]
        elif kind == "repeat":
            found[at:at] = found[at : at + len(content) * 40]
        elif kind == "insert":
            found[at:at] = content
        elif kind == "ones":
            found[at : at + 4] = b"\xff" * 4
        elif len(found) > 100:
            del found[max(at, 40) :]
    return bytes(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=changes())
def test_any_change_of_a_real_capture_is_read(tmp_path, path, wanted):
    raw = path.read_bytes()
    raw = mutated(gzip.decompress(raw) if path.suffix == ".gz" else raw, wanted)
    target = tmp_path / path.name.removesuffix(".gz")
    target.write_bytes(raw)
    facts = read_captures([target], salt=SALT)
    document = msgspec.json.encode(facts)
    assert msgspec.json.decode(document, type=WifiFacts) == facts
    # What is said of a capture stays in proportion with it: no length in it is believed.
    assert len(document) < 100_000 + 60 * len(raw)
    assert facts.files[0].frames <= len(raw)
    assert all(sign.frames and len(sign.packets) <= MAX_SIGN_PACKETS for sign in facts.attacks)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_cut_of_the_beginning_is_read(tmp_path, path):
    """Cut at each of the first bytes, then here and there: the facts say so, or the file ends between two packets."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    target = tmp_path / "coupe.pcap"
    whole = None
    for size in (*range(120), *range(120, min(len(raw), 20_000), 397), min(len(raw), 20_000)):
        target.write_bytes(raw[:size])
        facts = read_captures([target], salt=SALT)
        frames = facts.files[0].frames
        assert whole is None or frames >= whole
        whole = frames
