"""No export may break the review: it is read, or refused in one French sentence, and the work it asks is bounded."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.common.text import clean
from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.algebra.flatten import MAX_UNFOLDED, policies_of
from checks.firewall.algebra.reach import Flows
from checks.firewall.algebra.reduce import reduced
from checks.firewall.algebra.rules import device_anomalies
from checks.firewall.facts import FORWARD, INPUT, OUTPUT, Device, FirewallFacts
from checks.firewall.parsers.registry import VENDORS, parse_files
from checks.firewall.parsers.source import HEAD, MAX_BYTES, ParseError, decode
from checks.firewall.query import answer
from checks.firewall.rewrite import proposal
from tests.firewall import hostile

FORMS = tuple(hostile.WRITERS)
PACKET = Packet("10.0.0.1", "10.10.0.5", port=443)
LONG, MANY = 1000, 50
"""Rules, and groups, above which less is asked, to keep the tests short."""
WORD = re.compile(r"[^\s\"'<>{}\[\](),;:=|]+")


def read(parts: Sequence[str | bytes], vendor: str = "") -> tuple[Device, ...] | None:
    """The devices; None when the export is refused, which it must be properly."""
    try:
        return parse_files([decode(f"f{n}", raw(part)) for n, part in enumerate(parts)], vendor)
    except ParseError as refusal:
        said = str(refusal)
        assert said
        assert said == clean(said, 2000)
        assert "Traceback" not in said
        return None


def raw(part: str | bytes) -> bytes:
    return part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")


def survive(parts: Sequence[str | bytes], vendor: str = "") -> tuple[Device, ...] | None:
    """Read an export, then ask of it all that can be asked; nothing but a refusal to read may come out."""
    devices = read(parts, vendor)
    if devices is None:
        return None
    for device in devices:
        assert inert(device)
        device_anomalies(device)
        Flows(device).reach()
        for hook in (FORWARD, INPUT, OUTPUT):
            decide(device, PACKET, hook)
    facts = FirewallFacts(devices=devices)
    for question in ("src=10.0.0.1 dst=10.10.0.5 dport=443", "src=2001:db8::1 dst=any"):
        assert answer(facts, question).message
    if sum(len(chain.rules) for device in devices for chain in device.chains) < LONG:
        assert proposal(facts)
    return devices


def inert(facts: Any) -> bool:
    """No text of the facts can move a cursor, change a direction of writing or start a line."""
    return all(text == clean(text, len(text) + 1) for text in _texts(msgspec.to_builtins(facts)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)


def test_every_vendor_is_concerned() -> None:
    assert {hostile.vendor_of(form) for form in FORMS} == set(VENDORS)


@pytest.mark.parametrize("form", FORMS)
def test_the_base_of_the_hostile_exports_is_an_ordinary_one(form: str) -> None:
    devices = survive(hostile.WRITERS[form](hostile.Base()))
    assert devices is not None
    assert [device.vendor for device in devices] == [hostile.vendor_of(form)]
    assert not devices[0].not_understood
    assert any(not rule.automatic for chain in devices[0].chains for rule in chain.rules)


# --- groups -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knot", hostile.KNOTS)
@pytest.mark.parametrize("form", FORMS)
def test_knotted_groups_end(form: str, knot: str) -> None:
    base = hostile.KNOTS[knot]()
    parts, vendor = hostile.WRITERS[form](base), hostile.vendor_of(form)
    if len(base.groups) < MANY:
        survive(parts, vendor)
        return
    for device in read(parts, vendor) or ():
        assert inert(device)
        decide(device, PACKET)


# --- chains -------------------------------------------------------------------------------------------------------

ENDLESS = (
    "itself",
    "each other",
    "30 levels, twice",
    "30 levels, conditional returns",
    "100 deep",
    "2000 deep",
    "clique",
)


@pytest.mark.parametrize("calls", hostile.CALLS)
@pytest.mark.parametrize("form", hostile.CALLERS)
def test_calls_end_and_what_could_not_be_followed_is_said(form: str, calls: str) -> None:
    devices = survive(hostile.CALLERS[form](hostile.CALLS[calls]))
    if devices is None:
        assert calls != "2000 returns"
        return
    (device,) = devices
    policies = policies_of(device, FORWARD)
    assert policies
    for policy in policies:
        assert len(policy.entries) <= 2 * MAX_UNFOLDED
        if policy.complete:
            continue
        # Nothing is proved: no rule is called useless, no packet is judged, nothing is taken out.
        assert decide(device, PACKET).verdict == "undetermined"
        kinds = {(one.kind, one.why) for one in device_anomalies(device)}
        assert kinds <= {("undetermined", "incomplete"), ("empty", "")}
        if len(policy.entries) < LONG:
            assert not reduced(device).removed


@pytest.mark.parametrize("calls", ENDLESS)
@pytest.mark.parametrize("form", ["iptables", "nftables"])
def test_calls_that_cannot_be_followed_make_the_rules_incomplete(form: str, calls: str) -> None:
    devices = read(hostile.CALLERS[form](hostile.CALLS[calls]))
    assert devices is None or not any(policy.complete for policy in policies_of(devices[0], FORWARD))


# --- syntax -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [40, 100, 1000, 100_000])
@pytest.mark.parametrize("form", FORMS)
def test_nesting_is_read_or_refused(form: str, depth: int) -> None:
    (_, *others) = hostile.WRITERS[form](hostile.Base())
    devices = survive([hostile.nested(form, depth), *others], hostile.vendor_of(form))
    if form in (*hostile.XML, *hostile.JSON, "fortigate") and depth >= 1000:
        assert devices is None


@pytest.mark.parametrize("depth", [40, 1000, 100_000])
def test_nested_braces_are_read_or_refused(depth: int) -> None:
    devices = survive([hostile.paloalto_braces(depth)], "paloalto")
    assert (devices is None) is (depth > 100)


@pytest.mark.parametrize("bomb", hostile.bombs().values(), ids=hostile.bombs())
@pytest.mark.parametrize("form", hostile.XML)
def test_document_type_definitions_are_refused(form: str, bomb: str) -> None:
    file = decode("f", hostile.with_bomb(form, bomb).encode())
    with pytest.raises(ParseError, match="DTD"):
        parse_files([file], hostile.vendor_of(form))


FILLS = (
    "a",
    "a ",
    "\\",
    '"',
    "'",
    " ",
    "\n",
    "{",
    "{}",
    "[ ",
    "9",
    "1,",
    "-",
    "! ",
    "#",
    ";",
    "$a",
    "a=b ",
    "<",
    "&amp;",
    '"a" ',
    "|a=b",
)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("form", FORMS)
def test_endless_lines_cost_little(form: str, fill: str) -> None:
    (text, *others) = hostile.WRITERS[form](hostile.Base())
    line = (fill * 20_000)[:20_000]
    middle = text.index("\n", len(text) // 2) + 1
    vendor = hostile.vendor_of(form)
    read([f"{text}{line}\n", *others], vendor)
    read([f"{text[:middle]}{line}\n{text[middle:]}", *others], vendor)
    read([text.replace(hostile.AROUND, line), *others], vendor)


@pytest.mark.parametrize("form", FORMS)
def test_cut_anywhere(form: str) -> None:
    parts = hostile.WRITERS[form](hostile.large(20))
    draw = random.Random(form)
    for _ in range(12):
        number = draw.randrange(len(parts))
        cut = draw.randrange(len(parts[number]))
        survive([*parts[:number], parts[number][:cut], *parts[number + 1 :]], hostile.vendor_of(form))


# --- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_bytes_that_are_not_text_are_refused(form: str) -> None:
    (text, *others) = hostile.WRITERS[form](hostile.Base())
    for broken in (
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        gzip.compress(text.encode()) + b"\0",
        b"\0",
        b"",
        b"\xef\xbb\xbf",
    ):
        with pytest.raises(ParseError):
            parse_files([decode("f", broken), *(decode("g", other.encode()) for other in others)])


@pytest.mark.parametrize("form", FORMS)
def test_every_encoding_that_is_text_is_read(form: str) -> None:
    parts = hostile.WRITERS[form](hostile.Base())
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert survive([part.encode(encoding) for part in parts]) is not None
    latin = hostile.WRITERS[form](hostile.Base(rules=[("Règle été", hostile.BASE, "P0")]))
    survive([part.encode("cp1252") for part in latin])
    survive([part.encode() + b"\xc3" for part in latin])


@pytest.mark.parametrize("form", FORMS)
def test_a_null_far_in_the_file_is_survived(form: str) -> None:
    parts = list(hostile.WRITERS[form](hostile.large(3000 if form != "windows-registry" else 9000)))
    longest = max(range(len(parts)), key=lambda number: len(parts[number]))
    text = parts[longest]
    assert len(text) > HEAD
    middle = max(HEAD, len(text) // 2)
    parts[longest] = text[:middle] + "\0" + text[middle:]
    for device in read(parts, hostile.vendor_of(form)) or ():
        assert inert(device)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(ParseError, match="trop grand"):
        decode("f", bytes(MAX_BYTES + 1))


# --- texts and numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_names_stay_inert(form: str, name: str) -> None:
    survive(hostile.WRITERS[form](hostile.with_names(hostile.NAMES[name])), hostile.vendor_of(form))


@pytest.mark.parametrize("form", FORMS)
def test_absurd_ports(form: str) -> None:
    write, vendor = hostile.WRITERS[form], hostile.vendor_of(form)
    survive(write(hostile.with_ports(hostile.NUMBERS)), vendor)
    for text in hostile.NUMBERS:
        read(write(hostile.with_ports([text])), vendor)


@pytest.mark.parametrize("form", FORMS)
def test_absurd_addresses(form: str) -> None:
    write, vendor = hostile.WRITERS[form], hostile.vendor_of(form)
    survive(write(hostile.with_hosts(hostile.ADDRESSES)), vendor)
    for text in hostile.ADDRESSES:
        read(write(hostile.with_hosts([text])), vendor)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(data=st.data())
def test_any_word_may_be_absurd(form: str, data: st.DataObject) -> None:
    parts = list(hostile.WRITERS[form](hostile.Base()))
    number = data.draw(st.integers(0, len(parts) - 1))
    first, last = data.draw(st.sampled_from([found.span() for found in WORD.finditer(parts[number])]))
    parts[number] = parts[number][:first] + data.draw(st.sampled_from(hostile.WORDS)) + parts[number][last:]
    survive(parts, hostile.vendor_of(form))
