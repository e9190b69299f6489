from __future__ import annotations

import datetime as dt

import pytest

from agent.mandate import MandateGuard, parse_address
from agent.profile import Excluded, Mandate


def mandate(**changes):
    base = {
        "authorised_by": "Mme Durand",
        "signed_on": dt.date(2026, 11, 1),
        "valid_from": dt.date(2026, 11, 1),
        "valid_to": dt.date(2026, 11, 30),
        "emergency_contact": "06",
        "networks": ("10.10.0.0/24", "2001:db8::/32"),
        "domains": ("tilleuls.test",),
        "external_addresses": ("203.0.113.9", "vpn.prestataire.test"),
        "excluded": (
            Excluded(network="10.10.0.70", why="biomédical"),
            Excluded(network="10.10.0.128/25", why="appel malade"),
        ),
    }
    return MandateGuard(Mandate(**{**base, **changes}), ("10.30.0.53",))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.10.0.1", True),
        ("10.10.0.127", True),
        ("10.10.0.128", False),
        ("10.10.0.70", False),
        ("10.10.1.1", False),
        ("203.0.113.9", True),
        ("203.0.113.10", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:10.10.0.70", False),
        ("::ffff:10.10.0.1", True),
        ("127.0.0.1", False),
        ("10.10.0.255", False),
        ("2001:db8::1%eth0", True),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("ff02::1", False),
        ("::", False),
    ],
)
def test_address_rules(address, allowed):
    assert (mandate().refuse_address(parse_address(address)) == "") is allowed


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("tilleuls.test", True),
        ("DC1.Tilleuls.TEST.", True),
        ("eviltilleuls.test", False),
        ("tilleuls.test.evil.example", False),
        ("vpn.prestataire.test", True),
        ("www.vpn.prestataire.test", False),
        ("xn--tilleuls-1ya.test", False),
        ("tılleuls.test", False),
        ("", False),
    ],
)
def test_name_rules(name, allowed):
    assert (mandate().refuse_name(name) == "") is allowed


def test_an_authorised_name_cannot_aim_at_an_internal_address_outside_the_networks():
    guard = mandate()
    assert guard.refuse_resolved("mta-sts.tilleuls.test", parse_address("8.8.8.8")) == ""
    assert "interne" in guard.refuse_resolved("mta-sts.tilleuls.test", parse_address("192.168.1.50"))
    assert "biomédical" in guard.refuse_resolved("mta-sts.tilleuls.test", parse_address("10.10.0.70"))
    assert guard.refuse_resolved("mx.autre.test", parse_address("10.10.0.5")) == ""
    assert guard.refuse_resolved("mx.autre.test", parse_address("8.8.8.8")) != ""


@pytest.mark.parametrize(
    "address", ["2002:a0a:46::1", "64:ff9b::a0a:46", "::10.10.0.70", "2001:0:0:0:0:0:f5f5:ffb9", "::ffff:10.10.0.70"]
)
def test_an_excluded_address_is_recognised_inside_an_ipv6_address(address):
    guard = mandate(networks=("2000::/16", "::/0"))
    assert "biomédical" in guard.refuse_address(parse_address(address))
    assert "biomédical" in mandate().refuse_resolved("www.tilleuls.test", parse_address(address))


@pytest.mark.parametrize("address", ["2002:c0a8:132::1", "64:ff9b::192.168.1.50"])
def test_a_name_does_not_open_an_internal_address_carried_by_ipv6(address):
    assert "interne" in mandate().refuse_resolved("www.tilleuls.test", parse_address(address))


def test_two_spellings_of_one_international_name_are_one_name_and_a_lookalike_is_not():
    guard = mandate(domains=("xn--t-9fab.test", "fass.test"))
    assert guard.refuse_name("Été.test") == ""
    assert guard.refuse_name("mail.été.test.") == ""
    assert guard.refuse_name("faß.test") != ""  # another name for DNS (IDNA 2008), though case folding joins them


def test_resolver_is_allowed_for_dns_only_and_never_when_excluded():
    assert mandate().refuse_resolver(parse_address("10.30.0.53")) == ""
    assert mandate().refuse_address(parse_address("10.30.0.53")) != ""
    guard = mandate(excluded=(Excluded(network="10.30.0.0/24", why="incendie"),))
    assert "incendie" in guard.refuse_resolver(parse_address("10.30.0.53"))


def local(*parts: int) -> dt.datetime:
    return dt.datetime(*parts).astimezone()


@pytest.mark.parametrize(
    ("hours", "moment", "allowed"),
    [
        ("", local(2026, 11, 1, 0, 0), True),
        ("", local(2026, 11, 30, 23, 59), True),
        ("", local(2026, 10, 31, 23, 59), False),
        ("", local(2026, 12, 1, 0, 0), False),
        ("08:00-19:00", local(2026, 11, 5, 8, 0), True),
        ("08:00-19:00", local(2026, 11, 5, 19, 0), True),
        ("08:00-19:00", local(2026, 11, 5, 19, 1), False),
        ("22:00-06:00", local(2026, 11, 5, 23, 0), True),
        ("22:00-06:00", local(2026, 11, 5, 5, 0), True),
        ("22:00-06:00", local(2026, 11, 5, 12, 0), False),
    ],
)
def test_dates_and_hours(hours, moment, allowed):
    assert (mandate(hours=hours).refuse_moment(moment) == "") is allowed
