"""Parsers of foreign text: known cases, and any text at all without an undeclared exception."""

from __future__ import annotations

import base64
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.messaging.facts import DmarcStep
from checks.messaging.parsers.addresses import AddressSet
from checks.messaging.parsers.dkim import KeyState, looks_like_key, parse_key
from checks.messaging.parsers.dmarc import (
    is_dmarc,
    mailbox,
    new_receiver_policy,
    old_receiver_policy,
    parse_record,
    walk_names,
)
from checks.messaging.parsers.http import HttpError, parse_response
from checks.messaging.parsers.spf import SpfSyntaxError, expand, is_spf, parse
from checks.messaging.parsers.tags import TagError, lenient_tags, parse_tags
from checks.messaging.parsers.transport import (
    StsError,
    is_sts,
    is_tls_rpt,
    mx_matches,
    parse_policy,
    sts_id,
    tls_rpt_addresses,
)
from checks.model import Gap, Reason
from tests.messaging.base import ed25519_key, rsa_key

TIMEOUT = Gap(reason=Reason.TIMEOUT, detail="Aucune réponse.")
pieces = st.lists(
    st.sampled_from(
        [
            *"vpktshan=;: /%{}.+-~?*@,!",
            "DMARC1",
            "STSv1",
            "spf1",
            "v=",
            "include:",
            "a.test",
            "reject",
            "mailto:",
            "é",
            "\0",
        ]
    ),
    max_size=25,
).map("".join)
texts = st.one_of(st.text(max_size=60), pieces)


@given(texts)
def test_any_text_is_parsed_or_refused_as_declared(text: str) -> None:
    for function, error in (
        (parse_tags, TagError),
        (parse, SpfSyntaxError),
        (sts_id, StsError),
        (parse_policy, StsError),
    ):
        for candidate in (text, "v=spf1 " + text, "version: STSv1\nmode: enforce\nmax_age: 1\nmx: " + text):
            try:
                function(candidate)
            except error:
                continue
    lenient_tags(text)
    assert parse_key(text).state in KeyState
    assert parse_record(text).p in ("", "none", "quarantine", "reject")
    for predicate in (is_spf, is_dmarc, is_sts, is_tls_rpt, looks_like_key):
        assert predicate(text) in (True, False)
    assert "@" not in mailbox(text)
    tls_rpt_addresses(text)


@given(st.binary(max_size=80))
def test_any_key_bytes_have_a_state(noise: bytes) -> None:
    packed = base64.b64encode(noise).decode()
    for algorithm in ("rsa", "ed25519", "autre"):
        assert parse_key(f"v=DKIM1; k={algorithm}; p={packed}").state in KeyState


@given(st.binary(max_size=200))
def test_any_http_bytes_are_read_or_refused_as_declared(noise: bytes) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + noise
    for raw in (noise, b"HTTP/1.1 200 OK\r\n" + noise, chunked):
        try:
            status, _, _ = parse_response(raw)
        except HttpError:
            continue
        assert 0 <= status <= 999


def test_http_bodies() -> None:
    assert parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc") == (200, {"content-length": "2"}, b"ab")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"
    assert parse_response(chunked)[2] == b"abcd"
    assert parse_response(b"HTTP/1.0 301\r\nLocation: x\r\n\r\n")[0] == 301
    for cut in (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", chunked[:-7], b"HTTP/1.1 200 OK\r\n"):
        with pytest.raises(HttpError):
            parse_response(cut)


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -all",
        "V=SPF1 MX A:mail.tilleuls.test/24//64 ?all",
        "v=spf1   ip4:192.0.2.0/24  ip6:2001:db8::/32 ",
        "v=spf1 exists:%{i}._spf.%{d2} redirect=_spf.tilleuls.test",
        "v=spf1 a:tilleuls.test/0 exp=explique.tilleuls.test x-note=ok",
        "v=spf1 include:%{d}",
        "v=spf1 a:x/y.tilleuls.test/24",
    ],
)
def test_good_spf(record: str) -> None:
    assert is_spf(record)
    assert parse(record) is not None


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ipv4:192.0.2.1",
        "v=spf1 ip4:192.0.2",
        "v=spf1 ip4:192.0.2.0/33",
        "v=spf1 ip4:192.0.2.0/024",
        "v=spf1 ip6:2001:db8::/129",
        "v=spf1 ip4",
        "v=spf1 all:x",
        "v=spf1 include",
        "v=spf1 include:",
        "v=spf1 include:localhost",
        "v=spf1 include:a.123",
        "v=spf1 exists:a.test/24",
        "v=spf1 a:a.test/33",
        "v=spf1 a:a.test//129",
        "v=spf1 a:a.test/24/64",
        "v=spf1 include:%{x}.test",
        "v=spf1 include:%{d0}.test",
        "v=spf1 include:%(d).test",
        "v=spf1 redirect=a.test redirect=b.test",
        "v=spf1 exp=a.test exp=b.test",
        "v=spf1 --all",
        "v=spf1 é",
        "v=spf1 =x",
    ],
)
def test_bad_spf(record: str) -> None:
    with pytest.raises(SpfSyntaxError):
        parse(record)


def test_spf_is_recognised_exactly() -> None:
    assert not is_spf("v=spf10 -all")
    assert not is_spf(" v=spf1 -all")
    assert not is_spf("v=spf1;-all")
    assert is_spf("v=spf1")


def test_macros_that_do_not_depend_on_the_message() -> None:
    assert expand("", "a.test", "o.test") == "a.test"
    assert expand("_spf.%{d}", "a.test", "o.test") == "_spf.a.test"
    assert expand("%{O}.X.test.", "a.test", "o.test") == "o.test.x.test"
    assert expand("%{i}.a.test", "a.test", "o.test") is None
    assert expand("a%%b.test", "a.test", "o.test") == "a%b.test"


networks4 = st.builds(
    lambda value, prefix: ipaddress.ip_network((value, prefix), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@settings(max_examples=60)
@given(st.lists(networks4, max_size=8), st.lists(networks4, max_size=8), st.integers(0, 2**32 - 1))
def test_address_sets_are_exact(left: list, right: list, address: int) -> None:
    one = AddressSet.union_of(4, [AddressSet.network(n) for n in left])
    two = AddressSet.union_of(4, [AddressSet.network(n) for n in right])
    probes = {address, 0, 2**32 - 1} | {int(n.network_address) for n in left + right}
    probes |= {int(n.broadcast_address) for n in left + right}
    for probe in probes:
        in_one = any(ipaddress.IPv4Address(probe) in n for n in left)
        in_two = any(ipaddress.IPv4Address(probe) in n for n in right)
        assert (probe in one) == in_one
        assert (probe in (one | two)) == (in_one or in_two)
        assert (probe in (one & two)) == (in_one and in_two)
        assert (probe in (one - two)) == (in_one and not in_two)
    assert one.size + one.complement().size == 2**32
    assert len(one.widest(5)) <= 5


@pytest.mark.parametrize("bits", [512, 1024, 2048])
def test_rsa_key_size(bits: int) -> None:
    key = parse_key(f"v=DKIM1; k=rsa; p={rsa_key(bits)}")
    assert (key.state, key.algorithm, key.bits) == (KeyState.USABLE, "rsa", bits)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (f"k=ed25519; p={ed25519_key()}", KeyState.USABLE),
        (f"p={rsa_key(1024)}; s=email", KeyState.USABLE),
        ("v=DKIM1; p=", KeyState.REVOKED),
        ("v=DKIM1", KeyState.INVALID),
        (f"v=DKIM2; p={rsa_key(1024)}", KeyState.INVALID),
        (f"p={rsa_key(1024)}; v=DKIM1", KeyState.INVALID),
        (f"p={rsa_key(1024)}; s=autre", KeyState.INVALID),
        (f"k=ed25519; p={rsa_key(1024)}", KeyState.INVALID),
        (f"v=DKIM1; p={ed25519_key()}", KeyState.INVALID),
        (f"v=DKIM1; p={rsa_key(1024)[:-8]}", KeyState.INVALID),
        ("v=DKIM1; p=x; p=y", KeyState.INVALID),
    ],
)
def test_dkim_key_states(record: str, state: KeyState) -> None:
    assert parse_key(record).state is state


def test_key_with_spaces_is_read() -> None:
    packed = rsa_key(2048)
    assert parse_key(f"v=DKIM1; p={packed[:50]} {packed[50:]}").bits == 2048


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=DMARC1; p=none", True),
        ("v=DMARC1", True),
        ("v = DMARC1 ;p=none", True),
        ("v=DMARC1 p=none", False),
        ("v=dmarc1; p=none", False),
        ("p=none; v=DMARC1", False),
        ("v=DMARC10; p=none", False),
    ],
)
def test_dmarc_version(text: str, expected: bool) -> None:
    assert is_dmarc(text) is expected


def test_dmarc_faulty_tags_are_dropped_and_listed() -> None:
    record = parse_record("v=DMARC1; p=Reject; sp=nope; pct=abc; t=oui; x; adkim=s; p=none")
    assert record.p == "reject"
    assert record.bad_tags == ("sp=nope", "t=oui", "pct=abc") or set(record.bad_tags) == {"sp=nope", "t=oui", "pct=abc"}
    assert record.pct == 100
    assert not record.testing


@pytest.mark.parametrize(
    ("uri", "domain"),
    [
        ("mailto:a@Tilleuls.test", "tilleuls.test"),
        ("mailto:a@tilleuls.test!10m", "tilleuls.test"),
        ("mailto:a+b@tilleuls.test?subject=x", "tilleuls.test"),
        ("a@tilleuls.test", ""),
        ("https://tilleuls.test", ""),
        ("mailto:a@b@c", ""),
    ],
)
def test_report_mailbox(uri: str, domain: str) -> None:
    assert mailbox(uri) == domain


def test_tree_walk_questions() -> None:
    assert walk_names("tilleuls.test") == ("tilleuls.test", "test")
    long = walk_names("a.b.c.d.e.f.g.h.mail.example.com")
    assert len(long) == 8
    assert long[1] == "e.f.g.h.mail.example.com"
    assert long[-1] == "com"
    assert walk_names("a.b.c.d.e.f.g")[1] == "b.c.d.e.f.g"
    assert walk_names("a.b.c.d.e.f.g.h")[1] == "b.c.d.e.f.g.h"


def walk(**records: str | Gap | None) -> list[DmarcStep]:
    """Steps for a.mail.example.com; keys are a, mail, example, com."""
    names = {"a": "a.mail.example.com", "mail": "mail.example.com", "example": "example.com", "com": "com"}
    return [
        DmarcStep(
            domain=name, records=found if isinstance(found := records.get(key), Gap) else (found,) if found else ()
        )
        for key, name in names.items()
    ]


REJECT, NONE = "v=DMARC1; p=reject", "v=DMARC1; p=none"


def test_organisation_is_the_shortest_name_with_a_record() -> None:
    # The example of RFC 9989 section 4.10.2.
    policy = new_receiver_policy(walk(mail=NONE, example=REJECT))
    assert (policy.organisation, policy.source, policy.applied) == ("example.com", "example.com", "reject")


def test_public_suffix_record_names_the_organisation_below_it() -> None:
    policy = new_receiver_policy(walk(com=REJECT + "; psd=y; sp=quarantine"))
    assert (policy.organisation, policy.source, policy.applied) == ("example.com", "com", "quarantine")


def test_psd_n_stops_the_walk() -> None:
    policy = new_receiver_policy(walk(mail=NONE + "; psd=n", example=REJECT))
    assert (policy.organisation, policy.source, policy.applied) == ("mail.example.com", "mail.example.com", "none")


def test_own_record_wins_over_the_organisation() -> None:
    policy = new_receiver_policy(walk(a=NONE, example=REJECT))
    assert (policy.organisation, policy.source, policy.applied) == ("example.com", "a.mail.example.com", "none")


def test_failed_question_hides_the_policy_only_when_it_could() -> None:
    assert new_receiver_policy(walk(a=TIMEOUT, example=REJECT)).gap == TIMEOUT
    assert new_receiver_policy(walk(a=REJECT, com=TIMEOUT)).gap is None
    assert new_receiver_policy(walk(com=TIMEOUT)).gap == TIMEOUT


def test_failed_question_above_may_hide_the_organisation() -> None:
    inherited = new_receiver_policy(walk(mail=REJECT, example=TIMEOUT))
    assert inherited.gap == TIMEOUT
    own = new_receiver_policy(walk(a=REJECT, example=TIMEOUT))
    assert (own.gap, own.applied, own.hidden) == (None, "reject", TIMEOUT)
    assert new_receiver_policy(walk(mail=REJECT + "; psd=n", example=TIMEOUT)).gap is None
    assert new_receiver_policy(walk(example=REJECT, com=TIMEOUT)).gap is None


def test_old_receivers_jump_to_the_organisation() -> None:
    assert old_receiver_policy(walk(mail=REJECT), "example.com").applied == ""
    assert old_receiver_policy(walk(example=REJECT + "; sp=none"), "example.com").applied == "none"
    assert old_receiver_policy(walk(example=TIMEOUT), "example.com").gap == TIMEOUT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode: enforce\nmax_age: 1\nmx: a.test", "version"),
        ("version: STSv1\nmode: strict\nmax_age: 1\nmx: a.test", "mode"),
        ("version: STSv1\nmode: enforce\nmx: a.test", "durée"),
        ("version: STSv1\nmode: enforce\nmax_age: 31557601\nmx: a.test", "durée"),
        ("version: STSv1\nmode: enforce\nmax_age: 1", "aucun serveur"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\nmx: *", "illisible"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.test", "illisible"),
        ("version STSv1", "ligne illisible"),
    ],
)
def test_bad_sts_policy(text: str, problem: str) -> None:
    with pytest.raises(StsError, match=problem):
        parse_policy(text)


def test_good_sts_policy() -> None:
    found = parse_policy("version: STSv1\r\nmode: none\r\nmax_age: 31557600\r\n")
    assert (found.mode, found.max_age, found.mx) == ("none", 31557600, ())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("mx.tilleuls.test", True),
        ("MX.Tilleuls.test.", True),
        ("a.exemple.test", True),
        ("a.b.exemple.test", False),
        ("exemple.test", False),
        ("mx.tilleuls.test.evil.net", False),
        ("evilmx.tilleuls.test", False),
    ],
)
def test_mx_match_is_anchored(host: str, expected: bool) -> None:
    assert mx_matches(("mx.tilleuls.test", "*.exemple.test"), host) is expected
