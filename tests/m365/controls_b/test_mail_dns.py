"""What is read of the DNS of mail domains, against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.m365.facts import Rows
from checks.m365.mail_dns import _final, _terms, own_domains, read_mail_dns
from checks.model import Gap, Reason
from tests.common.servers import OpenNetwork, Zone, dns_server

DOMAIN = "tilleuls.test"
GOOD: Zone = {
    (DOMAIN, "TXT"): ['"v=spf1 include:spf.test mx -all"', '"autre chose"'],
    (DOMAIN, "MX"): ["0 tilleuls-test.mail.test."],
    ("spf.test", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 a:sortie.test -all"'],
    (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:dmarc@tilleuls.test"'],
    (f"selector1._domainkey.{DOMAIN}", "CNAME"): ["selector1-tilleuls.test."],
    ("selector1-tilleuls.test", "TXT"): ['"v=DKIM1; k=rsa; p=MIIB"'],
    (f"selector2._domainkey.{DOMAIN}", "TXT"): ['"v=DKIM1; p="'],
}


def read(zone: Zone, *domains: str, refused: bool = False, resolvers: bool = True) -> Any:
    async def go() -> Any:
        async with dns_server(zone) as (port, _):
            where = (("127.0.0.1", port),) if resolvers else ()
            network = OpenNetwork(where, frozenset({"127.0.0.1"} if refused else ()))
            return await read_mail_dns(domains or (DOMAIN,), network, timeout=0.2)  # type: ignore[arg-type]

    return asyncio.run(go())


def row(zone: Zone, *domains: str) -> Any:
    found = read(zone, *domains)
    assert isinstance(found, Rows)
    return found.rows[0]


def test_everything_published_is_read() -> None:
    found = row(GOOD)
    assert found["spf"] == ["v=spf1 include:spf.test mx -all"]
    assert (found["spf_all"], found["spf_lookups"]) == ("-", 3)
    assert found["dmarc"] == ["v=DMARC1; p=reject; rua=mailto:dmarc@tilleuls.test"]
    assert found["dmarc_at"] == DOMAIN
    assert found["selectors"]["selector1"] == {"target": "selector1-tilleuls.test", "key": True}
    assert found["selectors"]["selector2"] == {"target": "", "key": False}
    assert found["mx"] == ["tilleuls-test.mail.test"]
    assert found["failures"] == []


def test_nothing_published_is_not_a_failure() -> None:
    found = row({(DOMAIN, "MX"): ["0 ."]})
    assert (found["spf"], found["dmarc"], found["failures"]) == ([], [], [])
    assert found["spf_lookups"] is None


def test_silence_is_a_failure_and_not_an_absence() -> None:
    zone: Zone = {(DOMAIN, "TXT"): "SERVFAIL", (f"_dmarc.{DOMAIN}", "TXT"): "TIMEOUT"}
    found = row(zone)
    assert (found["spf"], found["dmarc"]) == (None, None)
    assert len(found["failures"]) == 2


def test_dmarc_of_the_organisation_covers_its_subdomains() -> None:
    zone: Zone = {(f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1;p=none"'], (f"siege.{DOMAIN}", "MX"): ["0 x.test."]}
    found = row(zone, f"siege.{DOMAIN}")
    assert (found["dmarc"], found["dmarc_at"]) == (["v=DMARC1;p=none"], DOMAIN)


def test_redirection_gives_the_final_word() -> None:
    zone: Zone = {
        (DOMAIN, "TXT"): ['"v=spf1 redirect=spf.test"'],
        ("spf.test", "TXT"): ['"v=spf1 redirect=fin.test"'],
        ("fin.test", "TXT"): ['"v=spf1 a ~all"'],
    }
    found = row(zone)
    assert (found["spf_all"], found["spf_lookups"]) == ("~", 3)


def test_redirection_that_does_not_answer_leaves_the_final_word_unknown() -> None:
    found = row({(DOMAIN, "TXT"): ['"v=spf1 redirect=spf.test"'], ("spf.test", "TXT"): "SERVFAIL"})
    assert (found["spf_all"], found["spf_lookups"]) == (None, None)


def test_include_that_does_not_answer_leaves_only_the_count_unknown() -> None:
    found = row({(DOMAIN, "TXT"): ['"v=spf1 include:spf.test -all"'], ("spf.test", "TXT"): "SERVFAIL"})
    assert (found["spf_all"], found["spf_lookups"]) == ("-", None)


def test_loop_ends_and_is_above_ten() -> None:
    found = row({(DOMAIN, "TXT"): [f'"v=spf1 include:{DOMAIN} include:{DOMAIN} -all"']})
    assert 10 < found["spf_lookups"] < 100


def test_two_policies_leave_everything_unknown() -> None:
    found = row({(DOMAIN, "TXT"): ['"v=spf1 -all"', '"v=spf1 +all"']})
    assert (len(found["spf"]), found["spf_all"]) == (2, None)


def test_domains_of_microsoft_are_left_out() -> None:
    assert own_domains(["Tilleuls.onmicrosoft.com", "tilleuls.mail.onmicrosoft.com", "Tilleuls.test.", DOMAIN]) == (
        DOMAIN,
    )


def test_refused_resolver_is_a_gap() -> None:
    found = read(GOOD, refused=True)
    assert isinstance(found, Gap)
    assert found.reason is Reason.REFUSED


def test_no_resolver_is_a_gap() -> None:
    found = read(GOOD, resolvers=False)
    assert isinstance(found, Gap)
    assert found.reason is Reason.NOT_CONFIGURED


def test_too_many_domains_are_said_to_be_incomplete() -> None:
    found = read({("x.test", "MX"): ["0 ."]}, *(f"d{n}.test" for n in range(70)))
    assert isinstance(found, Rows)
    assert (found.complete, len(found.rows)) == (False, 60)


@pytest.mark.parametrize(
    ("record", "final"),
    [
        ("v=spf1 -all", ("-", "")),
        ("v=spf1 all", ("+", "")),
        ("v=spf1 ?ALL redirect=x.test", ("?", "")),
        ("v=spf1 redirect=x.test.", ("", "x.test")),
        ("v=spf1", ("", "")),
    ],
)
def test_final_word(record: str, final: tuple[str, str]) -> None:
    assert _final(record) == final


def test_terms_that_ask_the_dns() -> None:
    found = _terms("v=spf1 a mx:x.test/24 ip4:1.2.3.4 +include:Y.test ptr exists:%{i}.z.test redirect=w.test")
    assert found == [("a", ""), ("mx", "x.test"), ("include", "y.test"), ("ptr", ""), ("exists", "%{i}.z.test"),
                     ("redirect", "w.test")]  # fmt: skip
    assert _terms("v=spf1 redirect=w.test -all") == []


@given(st.text(max_size=200))
def test_no_record_breaks_the_reading(text: str) -> None:
    assert all(name for name, _ in _terms("v=spf1 " + text))
    assert _final("v=spf1 " + text)[0] in ("", "+", "-", "~", "?")
