"""The collector end to end against servers on loopback: DNS, SMTP with STARTTLS, HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import ssl
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from checks.common.tls import Certificate, TlsVersion
from checks.evaluate import evaluate_facts
from checks.messaging.collect import collect, collect_all, online_input, read_input
from checks.messaging.config import MessagingConfig
from checks.messaging.facts import MailDomain, MessagingFacts, MxFacts, SpfFacts
from checks.messaging.summary import summary
from checks.model import CollectError, CollectRequest, Context, Gap, Reason, Verdict
from tests.common.servers import Authority, OpenNetwork, dns_server, https_server, smtp_server
from tests.messaging.base import CATALOGUE, RSA_2048

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.tilleuls.test\r\nmax_age: 604800\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(POLICY), POLICY)

ZONE: dict = {
    ("tilleuls.test", "SOA"): ["ns.tilleuls.test. h.tilleuls.test. 1 2 3 4 5"],
    ("tilleuls.test", "MX"): ["10 mx.tilleuls.test."],
    ("mx.tilleuls.test", "A"): ["127.0.0.1"],
    ("tilleuls.test", "TXT"): ['"v=spf1 mx include:_spf.tilleuls.test " "-all"', '"autre=chose"'],
    ("_spf.tilleuls.test", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 a:mx.tilleuls.test ~all"'],
    ("_dmarc.tilleuls.test", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:a@tilleuls.test,mailto:b@rapports.test"'],
    ("tilleuls.test._report._dmarc.rapports.test", "TXT"): ['"v=DMARC1"'],
    ("selector1._domainkey.tilleuls.test", "CNAME"): ["s1.fournisseur.test."],
    ("s1.fournisseur.test", "TXT"): [" ".join(f'"{RSA_2048[i : i + 200]}"' for i in range(0, len(RSA_2048), 200))],
    ("_mta-sts.tilleuls.test", "TXT"): ['"v=STSv1; id=20261122"'],
    ("mta-sts.tilleuls.test", "A"): ["127.0.0.1"],
    ("_smtp._tls.tilleuls.test", "TXT"): ['"v=TLSRPTv1; rua=mailto:a@tilleuls.test"'],
}


def quiet(step: str, done: int = 0, total: int | None = None) -> None:
    assert step


def run(
    tmp_path: Path,
    zone: Mapping = ZONE,
    *,
    names: tuple[str, ...] = ("mx.tilleuls.test",),
    days: int = 90,
    starttls: bool = True,
    minimum: ssl.TLSVersion | None = None,
    response: bytes = OK,
    sts_name: str = "mta-sts.tilleuls.test",
    refused: frozenset[str] = frozenset(),
    banner: str = "220 mx ESMTP",
    silent: bool = False,
    **config: object,
) -> tuple[MailDomain, OpenNetwork, list[str]]:
    """Collect tilleuls.test; gives its facts, the network that was asked, and the SMTP commands received."""
    authority = Authority(tmp_path)

    async def go():
        async with contextlib.AsyncExitStack() as stack:
            dns_port, _ = await stack.enter_async_context(dns_server(zone))
            context = authority.context(*names, days=days, minimum=minimum) if starttls else None
            smtp_port, commands = await stack.enter_async_context(smtp_server(context, banner=banner, silent=silent))
            https_port = await stack.enter_async_context(https_server(authority.context(sts_name), response))
            network = OpenNetwork((("127.0.0.1", dns_port),), refused)
            settings = {"domains": ("Tilleuls.TEST",), "dns_timeout": 0.4, "connect_timeout": 2.0, **config}
            found = await collect_all(
                MessagingConfig(smtp_port=smtp_port, https_port=https_port, ca_file=str(authority.file), **settings),
                network,
                quiet,
            )
            return found.domains[0], network, commands

    return asyncio.run(go())


def outcomes(domain: MailDomain) -> dict[str, Verdict]:
    facts = MessagingFacts(domains=(domain,), resolvers=("127.0.0.1",), questions=0)
    facts = msgspec.json.decode(msgspec.json.encode(facts), type=MessagingFacts)
    now = dt.datetime.now(dt.UTC)
    return {o.control: o.verdict for o in evaluate_facts(CATALOGUE.domains["messaging"], facts, Context(now=now))}


def test_healthy_domain_end_to_end(tmp_path: Path) -> None:
    domain, network, _ = run(tmp_path)
    verdicts = outcomes(domain)
    assert {c for c, v in verdicts.items() if v is not Verdict.PASS} == {"MAIL-DKIM-003", "MAIL-DNS-001"}
    assert verdicts["MAIL-DKIM-003"] is Verdict.NOT_APPLICABLE
    assert verdicts["MAIL-DNS-001"] is Verdict.FAIL
    assert domain.spf.evaluation.lookups == 3
    assert domain.spf.evaluation.ipv4_addresses == 257
    (server,) = domain.smtp
    assert server.versions == (TlsVersion.TLS1_3, TlsVersion.TLS1_2)
    assert server.certificate.trusted
    assert domain.dkim.selectors[0].target == "s1.fournisseur.test"
    assert [(r.external, r.authorised) for r in domain.dmarc.reports] == [(False, True), (True, True)]
    assert {p for _, _, p in network.asked} == {"dns", "smtp", "https"}


def test_smtp_dialogue_is_short_and_polite(tmp_path: Path) -> None:
    _, _, commands = run(tmp_path)
    assert set(commands) <= {"EHLO AUSCULTE.INVALID", "STARTTLS", "QUIT"}
    assert sum(command.startswith("EHLO") for command in commands) <= 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ("autre.test",)}, "autre.test"),
        ({"days": -1}, "expired"),
    ],
)
def test_bad_certificate_is_still_read(tmp_path: Path, options: dict, words: str) -> None:
    domain, _, _ = run(tmp_path, **options)
    certificate = domain.smtp[0].certificate
    assert isinstance(certificate, Certificate)
    assert words in " ".join(certificate.names) + certificate.trust_error
    assert outcomes(domain)["MAIL-TLS-002"] is Verdict.FAIL


def test_unknown_authority_is_reported(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    domain = collected_with_another_authority(tmp_path, other)
    assert not domain.smtp[0].certificate.trusted
    assert domain.smtp[0].certificate.trust_error
    assert "certificat" in domain.mta_sts.policy.problem


def collected_with_another_authority(tmp_path: Path, other: Path) -> MailDomain:
    stranger = Authority(other)
    authority = Authority(tmp_path)

    async def go():
        async with contextlib.AsyncExitStack() as stack:
            dns_port, _ = await stack.enter_async_context(dns_server(ZONE))
            smtp_port, _ = await stack.enter_async_context(smtp_server(stranger.context("mx.tilleuls.test")))
            https_port = await stack.enter_async_context(https_server(stranger.context("mta-sts.tilleuls.test"), OK))
            network = OpenNetwork((("127.0.0.1", dns_port),))
            config = MessagingConfig(
                domains=("tilleuls.test",), smtp_port=smtp_port, https_port=https_port, ca_file=str(authority.file)
            )
            found = await collect_all(config, network, quiet)
            return found.domains[0]

    return asyncio.run(go())


def test_obsolete_versions_are_seen(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, minimum=ssl.TLSVersion.MINIMUM_SUPPORTED)
    assert TlsVersion.TLS1_0 in domain.smtp[0].versions
    assert outcomes(domain)["MAIL-TLS-003"] is Verdict.FAIL


def test_server_without_starttls(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, starttls=False)
    assert domain.smtp[0].offered is False
    verdicts = outcomes(domain)
    assert verdicts["MAIL-TLS-001"] is Verdict.FAIL
    assert verdicts["MAIL-TLS-002"] is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"banner": "554 go away"}, Reason.REFUSED),
        ({"banner": "SSH-2.0-x"}, Reason.MALFORMED),
        ({"silent": True, "connect_timeout": 0.3}, Reason.TIMEOUT),
        ({"refused": frozenset({"mx.tilleuls.test"})}, Reason.NOT_CONFIGURED),
        ({"mx_probe": False}, Reason.NOT_CONFIGURED),
    ],
)
def test_mail_server_that_cannot_be_looked_at(tmp_path: Path, options: dict, reason: Reason) -> None:
    domain, _, commands = run(tmp_path, **options)
    gap = domain.smtp if isinstance(domain.smtp, Gap) else domain.smtp[0].offered
    assert gap.reason is reason
    verdicts = outcomes(domain)
    assert {verdicts[f"MAIL-TLS-00{i}"] for i in (1, 2, 3)} == {Verdict.NOT_ASSESSED}
    if reason is Reason.NOT_CONFIGURED:
        assert commands == []


def test_nothing_is_contacted_without_authorisation(tmp_path: Path) -> None:
    config = online_input(["tilleuls.test"], {})
    domain, network, commands = run(tmp_path, mx_probe=config.mx_probe, fetch_mta_sts=config.fetch_mta_sts)
    assert {p for _, _, p in network.asked} == {"dns"}
    assert commands == []
    verdicts = outcomes(domain)
    for control in ("MAIL-STS-001", "MAIL-STS-002", "MAIL-TLS-001", "MAIL-TLS-002", "MAIL-TLS-003"):
        assert verdicts[control] is Verdict.NOT_ASSESSED
    assert verdicts["MAIL-SPF-002"] is Verdict.PASS


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: https://x\r\nContent-Length: 0\r\n\r\n", "301"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 90_000, "64 ko"),
        (OK.replace(b"text/plain", b"text/html; charset=utf-8"), "text/html"),
    ],
)
def test_unusable_sts_policy(tmp_path: Path, response: bytes, words: str) -> None:
    domain, _, _ = run(tmp_path, response=response)
    assert words in domain.mta_sts.policy.problem
    assert outcomes(domain)["MAIL-STS-001"] is Verdict.FAIL


@pytest.mark.parametrize("response", [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort", b"noise", b""])
def test_sts_policy_cut_short_is_not_assessed(tmp_path: Path, response: bytes) -> None:
    domain, _, _ = run(tmp_path, response=response)
    assert domain.mta_sts.policy.reason is Reason.MALFORMED
    assert outcomes(domain)["MAIL-STS-001"] is Verdict.NOT_ASSESSED


def test_sts_certificate_must_bear_the_name(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, sts_name="tilleuls.test")
    assert "certificat" in domain.mta_sts.policy.problem


def test_sts_host_outside_the_mandate(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, refused=frozenset({"mta-sts.tilleuls.test"}))
    assert domain.mta_sts.policy.reason is Reason.NOT_CONFIGURED


def test_sts_name_without_address(tmp_path: Path) -> None:
    zone = {key: value for key, value in ZONE.items() if key[0] != "mta-sts.tilleuls.test"}
    domain, _, _ = run(tmp_path, zone)
    assert "pas d'adresse" in domain.mta_sts.policy.problem


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("SERVFAIL", Reason.ERROR),
        ("REFERRAL", Reason.UNSUPPORTED),
        ("TIMEOUT", Reason.TIMEOUT),
        ("REFUSED", Reason.REFUSED),
    ],
)
def test_dns_failure_is_not_an_absence(tmp_path: Path, failure: str, reason: Reason) -> None:
    zone = dict(ZONE)
    zone["tilleuls.test", "TXT"] = failure
    zone["tilleuls.test", "MX"] = failure
    zone["_dmarc.tilleuls.test", "TXT"] = failure
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    assert isinstance(domain.spf, Gap)
    assert domain.spf.reason is reason
    assert isinstance(domain.mx, Gap)
    verdicts = outcomes(domain)
    for control in ("MAIL-MX-001", "MAIL-SPF-001", "MAIL-SPF-003", "MAIL-DMARC-001", "MAIL-DMARC-002"):
        assert verdicts[control] is Verdict.NOT_ASSESSED, control


def test_spf_behind_a_silent_include_is_not_assessed(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, {**ZONE, ("_spf.tilleuls.test", "TXT"): "TIMEOUT"}, mx_probe=False)
    verdicts = outcomes(domain)
    assert verdicts["MAIL-SPF-001"] is Verdict.PASS
    assert verdicts["MAIL-SPF-002"] is Verdict.NOT_ASSESSED
    assert verdicts["MAIL-SPF-003"] is Verdict.NOT_ASSESSED


def test_include_that_can_be_bought(tmp_path: Path) -> None:
    zone = {**ZONE, ("tilleuls.test", "TXT"): ['"v=spf1 include:_spf.parti.test -all"']}
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    assert domain.spf.evaluation.nodes[1].registrable_missing is True
    zone[("parti.test", "SOA")] = ["ns.parti.test. h.parti.test. 1 2 3 4 5"]
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    assert domain.spf.evaluation.nodes[1].registrable_missing is False


def test_wildcard_selector_is_not_taken_for_keys(tmp_path: Path) -> None:
    zone = {key: value for key, value in ZONE.items() if "_domainkey" not in key[0]}
    zone["*._domainkey.tilleuls.test", "TXT"] = ['"v=DKIM1; p="']
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    assert domain.dkim.wildcard == ("v=DKIM1; p=",)
    assert domain.dkim.selectors == ()
    assert outcomes(domain)["MAIL-DKIM-001"] is Verdict.NOT_ASSESSED


def test_declared_selectors_are_kept_even_when_absent(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, mx_probe=False, dkim_selectors=("selector1", "perdu"))
    assert [(s.selector, s.declared, bool(s.records)) for s in domain.dkim.selectors] == [
        ("selector1", True, True),
        ("perdu", True, False),
    ]
    assert outcomes(domain)["MAIL-DKIM-003"] is Verdict.FAIL


def test_null_mx_and_absent_domain(tmp_path: Path) -> None:
    zone = {
        ("tilleuls.test", "MX"): ["0 ."],
        ("tilleuls.test", "TXT"): ['"v=spf1 -all"'],
        ("_dmarc.tilleuls.test", "TXT"): ['"v=DMARC1; p=reject"'],
    }
    domain, network, _ = run(tmp_path, zone)
    assert isinstance(domain.mx, MxFacts)
    assert domain.mx.null
    assert outcomes(domain)["MAIL-DKIM-001"] is Verdict.NOT_APPLICABLE
    assert {p for _, _, p in network.asked} == {"dns"}
    absent, _, _ = run(tmp_path, {("autre.test", "A"): ["192.0.2.1"]})
    assert absent.exists is False
    assert outcomes(absent)["MAIL-MX-001"] is Verdict.FAIL


def test_unusual_mail_servers(tmp_path: Path) -> None:
    """An address in place of a name, an alias, a name in capitals, IPv6 only: each is told as it is."""
    zone = {
        ("tilleuls.test", "MX"): [
            "1 192.0.2.9.",
            "2 alias.tilleuls.test.",
            "3 MX.Tilleuls.TEST.",
            "4 six.tilleuls.test.",
        ],
        ("alias.tilleuls.test", "CNAME"): ["mx.tilleuls.test."],
        ("mx.tilleuls.test", "A"): ["127.0.0.1"],
        ("six.tilleuls.test", "AAAA"): ["::1"],
    }
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    literal, alias, capitals, six = domain.mx.exchangers
    assert (literal.name, literal.addresses) == ("192.0.2.9", ())
    assert alias.alias_of == "mx.tilleuls.test"
    assert (capitals.name, capitals.addresses, capitals.alias_of) == ("mx.tilleuls.test", ("127.0.0.1",), "")
    assert six.addresses == ("::1",)
    assert outcomes(domain)["MAIL-MX-001"] is Verdict.FAIL


def test_accented_domain_is_asked_in_its_dns_form(tmp_path: Path) -> None:
    zone = {("xn--rsidence-b1a.test", "TXT"): ['"v=spf1 -all"']}
    domain, _, _ = run(tmp_path, zone, domains=("Résidence.test.",), mx_probe=False)
    assert domain.name == "xn--rsidence-b1a.test"
    assert domain.spf.records == ("v=spf1 -all",)


def test_alias_is_not_judged_on_the_signatures_of_its_target(tmp_path: Path) -> None:
    zone = {
        ("tilleuls.test", "CNAME"): ["autre.example."],
        ("autre.example", "SOA"): ["ns.autre.example. h.autre.example. 1 2 3 4 5"],
    }
    domain, _, _ = run(tmp_path, zone)
    assert domain.dnssec.zone == "tilleuls.test"


def test_random_selector_is_in_no_message(tmp_path: Path) -> None:
    zone = {**ZONE, ("*._domainkey.tilleuls.test", "TXT"): "SERVFAIL"}
    details = {run(tmp_path, zone)[0].dkim.wildcard.detail for _ in range(2)}
    assert len(details) == 1
    assert "au hasard" in details.pop()


def test_one_failed_address_family_keeps_the_other(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, {**ZONE, ("mx.tilleuls.test", "AAAA"): "SERVFAIL"}, mx_probe=False)
    assert domain.mx.exchangers[0].addresses == ("127.0.0.1",)
    zone = {**ZONE, ("mx.tilleuls.test", "AAAA"): "SERVFAIL", ("mx.tilleuls.test", "A"): []}
    domain, _, _ = run(tmp_path, zone, mx_probe=False)
    assert isinstance(domain.mx.exchangers[0].addresses, Gap)


def request(config: MessagingConfig) -> CollectRequest[MessagingConfig]:
    return CollectRequest(config=config, secret=lambda _: "", clock=lambda: dt.datetime.now(dt.UTC))


def test_no_dns_server_is_an_error_of_the_whole_domain() -> None:
    config = MessagingConfig(domains=("tilleuls.test",))
    with pytest.raises(CollectError) as caught:
        collect(request(config), OpenNetwork(()), quiet)
    assert caught.value.reason is Reason.NOT_CONFIGURED
    refused = OpenNetwork((("127.0.0.1", 53),), frozenset({"127.0.0.1"}))
    with pytest.raises(CollectError, match="périmètre"):
        collect(request(config), refused, quiet)


def test_progress_counts_domains() -> None:
    steps: list[tuple[int, int | None]] = []

    async def go():
        async with dns_server(ZONE) as (port, _):
            config = MessagingConfig(domains=("tilleuls.test", "autre.test"), mx_probe=False, fetch_mta_sts=False)
            network = OpenNetwork((("127.0.0.1", port),))
            return await collect_all(config, network, lambda _, done=0, total=None: steps.append((done, total)))

    found = asyncio.run(go())
    assert steps == [(1, 2), (2, 2)]
    assert [domain.name for domain in found.domains] == ["tilleuls.test", "autre.test"]
    assert summary(found)["Domaines qui écartent les faux courriers (DMARC)"] == "1 sur 2"


def test_dead_dns_server_gives_gaps_quickly() -> None:
    async def go():
        silent = {("*.test", kind): "TIMEOUT" for kind in ("MX", "TXT", "SOA", "DS", "DNSKEY")}
        async with dns_server(silent) as (port, _):
            config = MessagingConfig(domains=tuple(f"d{i}.test" for i in range(20)), dns_timeout=0.3)
            return await collect_all(config, OpenNetwork((("127.0.0.1", port),)), quiet)

    start = dt.datetime.now(dt.UTC)
    found = asyncio.run(go())
    assert (dt.datetime.now(dt.UTC) - start).total_seconds() < 5
    assert all(isinstance(domain.spf, Gap | SpfFacts) for domain in found.domains)
    assert all(isinstance(domain.mx, Gap) for domain in found.domains)


def test_recorded_facts_are_read_back(tmp_path: Path) -> None:
    domain, _, _ = run(tmp_path, mx_probe=False)
    facts = MessagingFacts(domains=(domain,), resolvers=("127.0.0.1",), questions=3)
    bare = tmp_path / "faits.json"
    bare.write_bytes(msgspec.json.encode(facts))
    assert read_input([str(bare)], {}) == facts
    envelope = tmp_path / "enveloppe.json"
    envelope.write_text(json.dumps({"schema": "ausculte/facts", "data": json.loads(bare.read_bytes())}))
    assert read_input([str(envelope)], {}) == facts
    assert read_input(["tilleuls.test"], {}) is None
    bare.write_text("{}")
    with pytest.raises(CollectError):
        read_input([str(bare)], {})


def test_online_options() -> None:
    config = online_input(["tilleuls.test"], {"authorised": "yes", "selectors": "s1, s2"})
    assert config.mx_probe
    assert config.fetch_mta_sts
    assert config.dkim_selectors == ("s1", "s2")
    with pytest.raises(CollectError):
        online_input(["pas un domaine"], {})


@pytest.mark.parametrize(
    "table",
    [
        {"domains": []},
        {"domains": ["localhost"]},
        {"domains": ["a@tilleuls.test"]},
        {"domains": ["tilleuls.test"], "dkim_selectors": ["a b"]},
        {"domains": ["tilleuls.test"], "dns_timeout": 0},
        {"domains": ["tilleuls.test"], "unknown": 1},
    ],
)
def test_bad_profile_table_is_refused(table: dict) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, MessagingConfig)


def test_selectors_are_found_however_the_domain_is_written() -> None:
    config = MessagingConfig(domains=("Tilleuls.TEST.",), dkim_selectors_by_domain={"tilleuls.test": ("s1",)})
    assert config.selectors_of("Tilleuls.TEST.") == ("s1",)
    with pytest.raises(ValueError, match=r"autre\.test"):
        MessagingConfig(domains=("tilleuls.test",), dkim_selectors_by_domain={"autre.test": ("s1",)})


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_unreadable_authorities_are_our_fault_not_that_of_the_servers(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    config = MessagingConfig(domains=("tilleuls.test",), ca_file=str(file))
    with pytest.raises(CollectError, match="autorités") as caught:
        collect(request(config), OpenNetwork((("127.0.0.1", 9),)), quiet)
    assert caught.value.reason is Reason.NOT_CONFIGURED


def test_selectors_of_a_domain() -> None:
    config = msgspec.convert(
        {
            "domains": ["tilleuls.test"],
            "dkim_selectors": ["S1", "s2"],
            "dkim_selectors_by_domain": {"tilleuls.test": ["s2", "s3"]},
        },
        MessagingConfig,
    )
    assert config.selectors_of("tilleuls.test") == ("s1", "s2", "s3")
