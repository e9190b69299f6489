"""Sets of integers, addresses and services, against Python's own sets; texts that come back as they were."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import cubes, intervals
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import Box, ServiceError, Services
from checks.firewall.facts import AddressSet, ServiceSet

TOP = 40
pairs = st.lists(st.tuples(st.integers(0, TOP), st.integers(0, 6)).map(lambda p: (p[0], min(TOP, p[0] + p[1]))))
some = pairs.map(intervals.normal)


def members(one: intervals.Intervals) -> set[int]:
    return {value for low, high in one for value in range(low, high + 1)}


def is_canonical(one: intervals.Intervals) -> bool:
    return all(low <= high for low, high in one) and all(one[i][1] + 1 < one[i + 1][0] for i in range(len(one) - 1))


# --- Intervals


@given(pairs)
def test_normal_form_keeps_the_members_and_never_touches(raw):
    found = intervals.normal(raw)
    assert is_canonical(found)
    assert members(found) == {value for low, high in raw for value in range(low, high + 1)}


@given(some, some)
def test_operations_are_those_of_sets(left, right):
    a, b = members(left), members(right)
    for found, wanted in (
        (intervals.union(left, right), a | b),
        (intervals.intersection(left, right), a & b),
        (intervals.difference(left, right), a - b),
    ):
        assert is_canonical(found)
        assert members(found) == wanted
    assert intervals.covers(left, right) is (b <= a)
    assert intervals.size(left) == len(a)


@given(some, some, some)
def test_union_of_many_is_the_union_of_all(one, two, three):
    assert members(intervals.union(one, two, three)) == members(one) | members(two) | members(three)


@given(some, st.integers(-1, TOP + 1))
def test_membership(one, value):
    assert intervals.contains(one, value) is (value in members(one))


def test_nothing_is_in_the_empty_set_and_everything_covers_it():
    assert intervals.normal([]) == intervals.union() == intervals.union((), ()) == ()
    assert intervals.covers((), ())
    assert not intervals.covers((), ((1, 1),))
    assert not intervals.contains((), 0)


def test_values_of_ipv6_size_are_exact():
    top = (1 << 128) - 1
    assert intervals.difference(((0, top),), ((top - 1, top - 1),)) == ((0, top - 2), (top, top))
    assert intervals.contains(((top, top),), top)
    assert not intervals.contains(((top, top),), top - 1)


# --- Product sets

small = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)).map(lambda p: (p[0], min(4, p[0] + p[1]))), min_size=1)
box = st.tuples(*[small.map(intervals.normal)] * 3)


def packets(one: cubes.Box) -> set[tuple[int, ...]]:
    found: set[tuple[int, ...]] = {()}
    for axis in one:
        found = {(*packet, value) for packet in found for value in members(axis)}
    return found


@given(box, box)
def test_product_sets_behave_as_sets_of_packets(left, right):
    a, b = packets(left), packets(right)
    common = cubes.meet(left, right)
    assert (packets(common) if common else set()) == a & b
    assert cubes.includes(left, right) is (b <= a)
    assert cubes.volume(left) == len(a)
    pieces = [packets(piece) for piece in cubes.subtract(left, right)]
    assert set().union(*pieces) == a - b
    assert sum(map(len, pieces)) == len(a - b), "pieces overlap"


@given(box, st.lists(box, max_size=6))
def test_what_a_union_leaves_uncovered_is_exact(one, cover):
    used: set[int] = set()
    left = cubes.uncovered(one, cover, cubes.Budget(1_000_000), used)
    rest = packets(one) - set().union(*map(packets, cover))
    if left is None:
        assert not rest
        assert packets(one) <= set().union(*(packets(cover[position]) for position in used)), "the proof lacks a cube"
    else:
        assert packets(left)
        assert packets(left) <= rest


def test_a_proof_that_costs_too_much_is_given_up():
    halves = [(((0, 0),), ((0, 4),), ((0, 4),)), (((1, 4),), ((0, 4),), ((0, 4),))]
    with pytest.raises(cubes.BudgetError):
        cubes.uncovered((((0, 4),),) * 3, halves, cubes.Budget(1))
    purse = cubes.Budget(0)
    question = cubes.Budget(10_000, purse)
    assert question.left == cubes.FLOOR, "an empty purse leaves each question a little"


# --- Addresses

near = st.integers(0, TOP)
v4 = some.map(lambda one: tuple((0x0A000000 + low, 0x0A000000 + high) for low, high in one))
v6 = some.map(lambda one: tuple(((0x20010DB8 << 96) + low, (0x20010DB8 << 96) + high) for low, high in one))


@st.composite
def address_sets(draw) -> Addresses:
    sure4, sure6 = draw(v4), draw(v6)
    why = draw(st.lists(st.sampled_from(["fqdn:maj.example", "geo:RU", "absent:GRP_X"]), unique=True, max_size=2))
    return Addresses(
        v4=sure4,
        v6=sure6,
        maybe4=intervals.difference(draw(v4), sure4),
        maybe6=intervals.difference(draw(v6), sure6),
        unresolved=tuple(why),
    )


@given(address_sets(), st.lists(st.text(max_size=8), max_size=3))
def test_addresses_come_back_from_the_facts(one, names):
    fact = ip.to_fact(one, names)
    assert fact.names == tuple(names)
    assert ip.from_fact(fact) == one


@given(address_sets(), address_sets())
def test_a_group_holds_its_members_and_certainty_wins(left, right):
    found = ip.join(left, right)
    for family in ("4", "6"):
        sure = members_of(left, f"v{family}") | members_of(right, f"v{family}")
        maybe = members_of(left, f"maybe{family}") | members_of(right, f"maybe{family}")
        assert members_of(found, f"v{family}") == sure
        assert members_of(found, f"maybe{family}") == maybe - sure
    assert set(found.unresolved) == {*left.unresolved, *right.unresolved}
    assert ip.join(left) == left


def members_of(one: Addresses, field: str) -> set[int]:
    return members(getattr(one, field))


@given(address_sets(), st.sampled_from([(4, 6), (4,), (6,)]))
def test_negation_keeps_what_is_uncertain_uncertain(one, families):
    found = ip.negate(one, families)
    for family, everything in ((4, ip.ALL4), (6, ip.ALL6)):
        sure, maybe, over = (found.v4, found.maybe4, one.over4) if family == 4 else (found.v6, found.maybe6, one.over6)
        held = one.maybe4 if family == 4 else one.maybe6
        if family in families:
            assert sure == intervals.difference(everything, over)
            assert maybe == held
        else:
            assert sure == maybe == ()
    if families == (4, 6):
        assert ip.negate(found) == one


@given(address_sets())
def test_one_ip_version_is_cut_out(one):
    assert ip.join(ip.only(one, 4), ip.only(one, 6)) == one
    assert ip.only(one, 4).v6 == ip.only(one, 6).v4 == ()


def test_unknown_may_be_anything_and_is_not_empty():
    assert not ip.unknown("fqdn:x").exact
    assert ip.unknown("fqdn:x").over4 == ip.ALL4
    assert ip.unknown("fqdn:x", families=(6,)).over4 == ()
    assert bool(ip.unknown("fqdn:x"))
    assert not ip.NOTHING
    assert ip.ANY.exact


@pytest.mark.parametrize(
    ("text", "family", "low", "high"),
    [
        ("10.0.0.1", 4, "10.0.0.1", "10.0.0.1"),
        ("10.0.0.7/24", 4, "10.0.0.0", "10.0.0.255"),
        ("10.0.0.0/255.255.254.0", 4, "10.0.0.0", "10.0.1.255"),
        ("0.0.0.0/0.0.0.0", 4, "0.0.0.0", "255.255.255.255"),
        ("10.0.0.5 - 10.0.0.9", 4, "10.0.0.5", "10.0.0.9"),
        ("2001:db8::/32", 6, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::1-2001:db8::ff", 6, "2001:db8::1", "2001:db8::ff"),
    ],
)
def test_addresses_networks_and_ranges(text, family, low, high):
    assert ip.parse_range(text) == (family, int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high)))


@pytest.mark.parametrize(
    "text",
    ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/000099", "10.0.0.0/255.0.255.0", "10.0.0.9-10.0.0.5",
     "10.0.0.1-2001:db8::1", "10.0.0.0/", "10.0.0.0/ffff::", "10.0.0.0/²"],
)  # fmt: skip
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(AddressError):
        ip.parse_range(text)


@given(st.text(alphabet="0123456789./-:abf ", max_size=24))
def test_any_text_is_an_address_or_refused(text):
    try:
        family, low, high = ip.parse_range(text)
    except AddressError:
        return
    assert 0 <= low <= high < 1 << ip.BITS[family]


@given(st.sampled_from([4, 6]), st.integers(0, (1 << 32) - 1), st.integers(0, 1 << 20))
def test_intervals_are_written_as_they_are_read(family, low, width):
    high = min(low + width, (1 << ip.BITS[family]) - 1)
    assert ip.parse_range(ip.format_interval(family, low, high)) == (family, low, high)


# --- Services

ports = st.lists(
    st.tuples(st.integers(0, 65535), st.integers(0, 300)).map(lambda p: (p[0], min(65535, p[0] + p[1]))), min_size=1,
    max_size=3,
).map(intervals.normal)  # fmt: skip


@st.composite
def boxes(draw) -> Box:
    found: list[intervals.Intervals] = []
    for number in draw(st.lists(st.sampled_from([1, 6, 17, 47, 58, 4, 255]), min_size=1, max_size=3)):
        inside = draw(st.one_of(st.just(svc.ANY_PORT), ports))
        found.append(tuple((number * svc.PORTS + low, number * svc.PORTS + high) for low, high in inside))
    if draw(st.booleans()):
        low = draw(st.integers(0, 250))
        found.append(((low * svc.PORTS, (low + 3) * svc.PORTS + draw(st.sampled_from([0, 99, 65535]))),))
    return Box(intervals.union(*found), draw(st.one_of(st.just(svc.ANY_PORT), ports)))


@st.composite
def service_sets(draw) -> Services:
    return svc.join(
        Services(sure=tuple(draw(st.lists(boxes(), max_size=2))), maybe=tuple(draw(st.lists(boxes(), max_size=2)))),
        Services(unresolved=tuple(draw(st.lists(st.just("absent:SVC"), max_size=1)))),
    )


def holds(found: tuple[Box, ...], service: int, source_port: int) -> bool:
    return any(
        intervals.contains(one.services, service) and intervals.contains(one.source_ports, source_port) for one in found
    )


def edges(*found: tuple[Box, ...]) -> tuple[set[int], set[int]]:
    """Services and source ports at and beside every end: two sets of boxes that agree on them are equal."""
    every = [one for boxes in found for one in boxes]
    services = around(pair for one in every for pair in one.services)
    sports = around(pair for one in every for pair in one.source_ports)
    return {v for v in services if v <= svc.ALL[0][1]}, {v for v in sports if v <= svc.TOP_PORT}


def around(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {value for pair in spans for end in pair for value in (end - 1, end, end + 1) if value >= 0}


def same(left: tuple[Box, ...], right: tuple[Box, ...]) -> bool:
    services, sports = edges(left, right)
    return all(holds(left, one, port) is holds(right, one, port) for one in services for port in sports)


@given(service_sets())
def test_services_come_back_from_the_facts(one):
    again = svc.from_fact(svc.to_fact(one, ("HTTPS",)))
    assert same(again.sure, one.sure)
    assert same(again.maybe, one.maybe)
    assert again.unresolved == one.unresolved


@given(service_sets(), service_sets())
def test_a_group_of_services_holds_its_members(left, right):
    found = svc.join(left, right)
    assert same(found.sure, left.sure + right.sure)
    assert same(found.maybe, left.maybe + right.maybe)


@given(service_sets())
def test_negated_services_leave_no_certain_error(one):
    found = svc.negate(one)
    services, sports = edges(one.sure, one.maybe, found.sure, found.maybe)
    for service in services:
        for port in sports:
            inside, perhaps = holds(one.sure, service, port), holds(one.maybe, service, port)
            if holds(found.sure, service, port):
                assert not inside
                assert not perhaps
            elif not holds(found.maybe, service, port):
                assert inside
    if all(box.source_ports == svc.ANY_PORT for box in one.sure + one.maybe) and not one.maybe:
        assert found.exact


@given(service_sets(), st.sampled_from([(6,), (6, 17), (1,), ()]))
def test_services_within_some_protocols(one, protocols):
    found = svc.within(one, protocols)
    services, sports = edges(one.sure, one.maybe, found.sure, found.maybe)
    for service in services:
        for port in sports:
            inside = service // svc.PORTS in protocols
            assert holds(found.sure, service, port) is (inside and holds(one.sure, service, port))
            assert holds(found.maybe, service, port) is (inside and holds(one.maybe, service, port))


def test_services_of_unknown_content_stay_within_their_protocols():
    found = svc.unknown("absent:SVC", protocols=(6,))
    assert not found.exact
    assert found.sure == ()
    assert svc.within(found, (17,)) == Services(unresolved=("absent:SVC",))


@pytest.mark.parametrize(
    "text",
    ["any", "tcp", "tcp/443", "udp/5000-5010", "tcp/80@1024-65535", "udp@53", "icmp", "icmp/8", "icmp/9-255",
     "icmp/3/4", "icmp6/128", "47", "0-5", "200-254"],
)  # fmt: skip
def test_services_are_written_as_they_are_read(text):
    number = {"47": "gre"}
    assert svc.to_fact(svc.parse_service(text)).services == (number.get(text, text),)


@pytest.mark.parametrize(
    "text",
    ["", "tcp/", "tcp/65536", "tcp/9-5", "icmp/256", "icmp/1-2/3", "icmp/3/999", "any@53", "any/1", "256", "x/1",
     "tcp/1/2", "tcp/²", "9-5", "5-9/80"],
)  # fmt: skip
def test_what_is_not_a_service_is_refused(text):
    with pytest.raises(ServiceError):
        svc.parse_service(text)


@given(st.text(alphabet="tcpudicmp6any0123456789/-@, ", max_size=16))
def test_any_text_is_a_service_or_refused(text):
    try:
        found = svc.parse_service(text)
    except ServiceError:
        return
    assert all(0 <= low <= high <= svc.ALL[0][1] for box in found.sure for low, high in box.services)


def test_edited_facts_are_refused():
    with pytest.raises(AddressError):
        ip.from_fact(AddressSet(ranges=("10.0.0.0/24", "lan")))
    with pytest.raises(ServiceError):
        svc.from_fact(ServiceSet(services=("tcp/http",)))
    with pytest.raises(ServiceError):
        svc.parse_ports(" , ")
    assert svc.parse_ports("80, http 8000:8010", {"http": 80}) == ((80, 80), (8000, 8010))
