"""Exports spoiled at random: a sentence, a gap or rows come out, bounded and ready to be written; never a crash."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.common.textfile import ParseError
from checks.m365.facts import M365Facts, Rows
from checks.m365.imports import graph, scubagear
from checks.m365.imports.documents import Document, parsed
from checks.m365.imports.found import Imported, facts_of
from checks.m365.imports.powershell import MAX_DEPTH, Cut, restored
from checks.m365.resources import BY_NAME
from tests.m365.imports import scuba

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = sorted(scuba.export(careful=True))


def usable(imported: Imported) -> None:
    """Facts that can be written and read back."""
    facts = facts_of(imported)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=M365Facts).tenant == facts.tenant
    assert set(facts.readings) <= set(BY_NAME)
    for reading in facts.readings.values():
        if isinstance(reading, Rows):
            assert all(isinstance(row, dict) for row in reading.rows)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KEYS), JSON)
def test_any_value_under_any_key_of_scubagear(key: str, value: Any) -> None:
    usable(scubagear.read("x.json", {**scuba.export(careful=True), key: value}))


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, item in inside for spot in spots(item, (*path, key)))]


SPOTS = [spot for spot in spots(scuba.export(careful=True)) if spot]


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(SPOTS),
    JSON | st.sampled_from(["@{a=1}", "/Date(99999999999999)/", "System.Object[]", "\u202ex", 10**40]),
)
def test_any_place_of_scubagear_spoiled(spot: tuple[Any, ...], value: Any) -> None:
    export: Any = copy.deepcopy(scuba.export(careful=True))
    inside = export
    for key in spot[:-1]:
        inside = inside[key]
    inside[spot[-1]] = value
    usable(scubagear.read("x.json", export))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), JSON)
def test_any_value_under_the_name_of_any_reading(name: str, value: Any) -> None:
    found, unknown = graph.read_dumps([Document(f"{name}.json", f"{name}.json", value)])
    usable(found)
    assert found.readings or unknown


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_at_all(value: Any) -> None:
    found, unknown = graph.read_dumps([Document("x.json", "x.json", value)])
    usable(found)
    assert found.readings or unknown
    if scubagear.recognised(value):
        with contextlib.suppress(ParseError):
            usable(scubagear.read("x.json", value))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    with contextlib.suppress(ParseError):
        parsed("x.json", raw)


@pytest.mark.parametrize("raw", [rb'"\ud800"', rb'"a\udfffb"', b"1e999", b"9" * 200])
def test_values_that_cannot_be_written_again_are_not_kept(raw: bytes) -> None:
    value = parsed("x.json", b'[{"id": "u", "displayName": ' + raw + b"}]")
    found, _ = graph.read_dumps([Document("domains.json", "domains.json", value)])
    usable(found)
    several, _ = graph.read_dumps([Document("sharepoint.json", "sharepoint.json", {raw.decode(): value})])
    usable(several)


def test_depth_is_bounded() -> None:
    value: Any = "fond"
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    with pytest.raises(Cut):
        restored(value)


def test_texts_of_an_export_are_made_harmless() -> None:
    export = scuba.export(careful=True)
    export["tenant_details"][0]["DisplayName"] = "EHPAD\x1b[31m\u202eXY"
    found = scubagear.read("x\x1b.json", json.loads(json.dumps(export)))
    assert "\x1b" not in found.tenant.name + found.readings["remote_domains"].source  # type: ignore[union-attr]
    assert "\u202e" not in found.tenant.name


def test_a_setting_whose_name_is_no_text_is_kept_as_it_is() -> None:
    export = scuba.export(careful=True)
    export["dlp_compliance_rules"][0]["ContentContainsSensitiveInformation"][0]["name"] = []
    usable(scubagear.read("x.json", export))
