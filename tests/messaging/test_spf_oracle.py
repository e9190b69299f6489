"""The exact address set against an independent RFC 7208 evaluator, address by address, on random zones."""

from __future__ import annotations

import asyncio
import ipaddress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spftrace import Evaluator, Limits, ZoneResolver

from checks.common.dns_wire import Status
from checks.messaging.parsers.spf_eval import SpfAnswer, evaluate, missing_questions, passing

ROOT = "d0.test"
NAMES = [f"d{i}.test" for i in range(5)]
HOSTS = [f"h{i}.test" for i in range(4)]
ADDRESSES = ["192.0.2.1", "192.0.2.130", "198.51.100.7", "203.0.113.9", "10.1.2.3", "2001:db8::1", "2001:db8:8000::9"]

names = st.sampled_from([*NAMES, "absent.test"])
hosts = st.sampled_from([*HOSTS, "absent.test"])
qualifiers = st.sampled_from(["", "+", "-", "~", "?"])
cidr4 = st.sampled_from(["", "/0", "/1", "/8", "/24", "/25", "/32"])
cidr6 = st.sampled_from(["", "//0", "//33", "//128"])
terms = st.one_of(
    st.builds(lambda q, a, c: f"{q}ip4:{a}{c}", qualifiers, st.sampled_from(ADDRESSES[:5]), cidr4),
    st.builds(lambda q, a: f"{q}ip6:{a}", qualifiers, st.sampled_from(["2001:db8::/32", "2001:db8::1", "::/0"])),
    st.builds(lambda q, n: f"{q}include:{n}", qualifiers, names),
    st.builds(lambda q, h, c, d: f"{q}a:{h}{c}{d}", qualifiers, hosts, cidr4, cidr6),
    st.builds(lambda q, n, c: f"{q}mx:{n}{c}", qualifiers, names, cidr4),
    st.builds(lambda q, h: f"{q}exists:{h}", qualifiers, hosts),
    st.builds(lambda q: f"{q}all", qualifiers),
    st.builds(lambda q: f"{q}include:%{{d}}", qualifiers),
    st.builds(lambda n: f"redirect={n}", names),
    st.sampled_from(["foo", "ip4:1.2.3", "mx/33"]),
)
records = st.lists(terms, max_size=5).map(lambda found: " ".join(["v=spf1", *found]))


@st.composite
def zones(draw) -> dict[str, list[tuple[str, str]]]:
    zone: dict[str, list[tuple[str, str]]] = {}
    for name in NAMES:
        zone[name] = [("TXT", text) for text in draw(st.lists(records, min_size=0 if name != ROOT else 1, max_size=1))]
        zone[name] += [("MX", host) for host in draw(st.lists(hosts, max_size=2, unique=True))]
    for host in HOSTS:
        found = draw(st.lists(st.sampled_from(ADDRESSES), max_size=3, unique=True))
        zone[host] = [("AAAA" if ":" in address else "A", address) for address in found]
    return zone


def ours(zone: dict[str, list[tuple[str, str]]]) -> dict[tuple[str, str], SpfAnswer]:
    """Ask the zone exactly what the evaluator says is missing."""
    known: dict[tuple[str, str], SpfAnswer] = {}
    while wanted := missing_questions(known, ROOT):
        for name, kind in wanted:
            if name not in zone:
                known[name, kind] = SpfAnswer(Status.NXDOMAIN)
            else:
                values = tuple(value for found, value in zone[name] if found == kind)
                known[name, kind] = SpfAnswer(Status.FOUND if values else Status.NO_DATA, values)
    return known


def oracle(zone: dict[str, list[tuple[str, str]]], address: str) -> str:
    evaluator = Evaluator(ZoneResolver(dict(zone)), Limits(max_queries=None))
    return asyncio.run(evaluator.evaluate(address, f"x@{ROOT}", ROOT)).verdict


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(zones())
def test_same_verdict_as_the_reference_for_each_address(zone: dict[str, list[tuple[str, str]]]) -> None:
    known = ours(zone)
    found = evaluate(known, ROOT)
    assert not found.unknown
    assert not found.failures
    for address in ADDRESSES:
        ip = ipaddress.ip_address(address)
        allowed = int(ip) in passing(known, ROOT, ip.version)
        verdict = oracle(zone, address)
        if verdict == "pass":
            assert allowed, (address, "passes for the reference")
        if allowed and not found.errors:
            assert verdict == "pass", (address, verdict)
        if verdict == "permerror":
            assert found.errors, address


def chain(count: int) -> dict[str, list[tuple[str, str]]]:
    zone = {ROOT: [("TXT", "v=spf1 " + " ".join(f"include:n{i}.test" for i in range(count)) + " -all")]}
    return zone | {f"n{i}.test": [("TXT", "v=spf1 -all")] for i in range(count)}


def test_lookup_limit_is_where_the_reference_puts_it() -> None:
    for count, verdict in ((10, "fail"), (11, "permerror")):
        assert oracle(chain(count), "192.0.2.1") == verdict
        assert bool(evaluate(ours(chain(count)), ROOT).errors) == (verdict == "permerror")


def test_void_limit_is_where_the_reference_puts_it() -> None:
    for count, verdict in ((2, "fail"), (3, "permerror")):
        zone = {ROOT: [("TXT", "v=spf1 " + " ".join(f"a:n{i}.test" for i in range(count)) + " -all")]}
        assert oracle(zone, "192.0.2.1") == verdict
        assert bool(evaluate(ours(zone), ROOT).errors) == (verdict == "permerror")


def test_counting_goes_on_after_the_limit_but_not_forever() -> None:
    assert evaluate(ours(chain(23)), ROOT).lookups == 23
    fan = {
        f"d{i}.test": [("TXT", "v=spf1 " + " ".join(f"include:d{j}.test" for j in range(i + 1, 8)) + " -all")]
        for i in range(8)
    }
    assert evaluate(ours(fan), ROOT).lookups <= 70


def test_giant_record_is_not_read_forever() -> None:
    many = " ".join(f"ip4:10.{i // 256}.{i % 256}.1" for i in range(4000))
    zone = {ROOT: [("TXT", f"v=spf1 {many} include:{ROOT} -all")]}
    found = evaluate(ours(zone), ROOT)
    assert "trop longue" in found.failures[0].detail


def test_alternating_terms_are_not_read_forever() -> None:
    many = " ".join(f"{'-' if i % 2 else '+'}ip4:10.{i // 256}.{i % 256}.1" for i in range(4000))
    found = evaluate(ours({ROOT: [("TXT", f"v=spf1 {many} -all")]}), ROOT)
    assert "trop longue" in found.failures[0].detail
