"""Base facts and one change give the expected verdict: each control conforms, fails, does not apply, lacks data."""

from __future__ import annotations

import msgspec
import pytest

from checks.common.dns_wire import Status
from checks.common.tls import TlsVersion
from checks.messaging.facts import (
    DkimFacts,
    DmarcFacts,
    DmarcStep,
    DnssecFacts,
    MailExchanger,
    MxFacts,
    ReportAddress,
    SmtpFacts,
    SpfFacts,
    StsFacts,
    StsPolicy,
    TlsRptFacts,
)
from checks.model import Gap, Reason, Severity, Verdict
from tests.messaging.base import (
    CATALOGUE,
    CERTIFICATE,
    HEALTHY,
    NAME,
    POLICY,
    RSA_2048,
    SERVER,
    TIMEOUT,
    change,
    dkim,
    dmarc,
    ed25519_key,
    judge,
    rsa_key,
    spf,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
ALL_IDS = [control.id for _, control in CATALOGUE.controls()]
NULL_MX = MxFacts(exchangers=(MailExchanger(preference=0, name="", addresses=()),))


@pytest.mark.parametrize("control_id", ALL_IDS)
def test_healthy_domain_conforms(control_id: str) -> None:
    found = judge(control_id)
    assert found.verdict is P, found.message
    assert found.evidence
    assert NAME in found.message or "serveur" in found.message


@pytest.mark.parametrize("control_id", ALL_IDS)
def test_missing_data_is_never_a_pass(control_id: str) -> None:
    blind = change(
        exists=TIMEOUT,
        mx=TIMEOUT,
        spf=TIMEOUT,
        dkim=dkim(TIMEOUT),
        dmarc=DmarcFacts(walk=(DmarcStep(domain=NAME, records=TIMEOUT),), old_organisation=NAME),
        mta_sts=TIMEOUT,
        tls_rpt=TIMEOUT,
        smtp=TIMEOUT,
        dnssec=TIMEOUT,
    )
    found = judge(control_id, blind)
    assert (found.verdict, found.reason) == (NS, "timeout"), found.message


@pytest.mark.parametrize("control_id", [i for i in ALL_IDS if i != "MAIL-MX-001"])
def test_domain_that_does_not_exist_is_set_aside(control_id: str) -> None:
    assert judge(control_id, change(exists=False)).verdict is NA


def test_domain_that_does_not_exist_fails_once() -> None:
    found = judge("MAIL-MX-001", change(exists=False))
    assert found.verdict is F
    assert "n'existe pas" in found.message


@pytest.mark.parametrize(
    "control_id",
    ["MAIL-STS-001", "MAIL-STS-002", "MAIL-TLR-001", "MAIL-TLS-001", "MAIL-TLS-002", "MAIL-TLS-003"],
)
def test_null_mx_makes_incoming_mail_not_applicable(control_id: str) -> None:
    found = judge(
        control_id, change(mx=NULL_MX, smtp=(), mta_sts=StsFacts(records=()), tls_rpt=TlsRptFacts(records=()))
    )
    assert found.verdict is NA
    assert "aucun courrier" in found.reason


def host(name: str, *addresses: str) -> MailExchanger:
    return MailExchanger(preference=10, name=name, addresses=addresses)


@pytest.mark.parametrize(
    ("mx", "verdict", "severity", "words"),
    [
        (NULL_MX, P, None, "ne recevoir aucun courrier"),
        (MxFacts(exchangers=()), F, Severity.LOW, "ne le déclare pas"),
        (MxFacts(exchangers=(), fallback_addresses=("192.0.2.1",)), F, None, "par défaut"),
        (MxFacts(exchangers=(), fallback_addresses=TIMEOUT), NS, None, "délai"),
        (MxFacts(exchangers=(host("mx.tilleuls.test"),)), F, None, "annonce n'a pas d'adresse"),
        (MxFacts(exchangers=(host("a.test", "192.0.2.1"), host("b.test"))), F, Severity.LOW, "Sur 2 serveurs"),
        (MxFacts(exchangers=(MailExchanger(preference=1, name="a.test", addresses=TIMEOUT),)), NS, None, "délai"),
        (MxFacts(exchangers=(host("a.test", "192.0.2.1"), host(""))), F, Severity.LOW, "."),
    ],
)
def test_mx(mx: MxFacts, verdict: Verdict, severity: Severity | None, words: str) -> None:
    found = judge("MAIL-MX-001", change(mx=mx))
    assert (found.verdict, found.severity) == (verdict, severity), found.message
    assert words in found.message


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (SpfFacts(records=()), F, "N'importe qui"),
        (SpfFacts(records=(), lookalikes=("v=spf1;include:a",)), F, "mal écrit"),
        (SpfFacts(records=("v=spf1 -all", "v=spf1 mx -all")), F, "2 règles"),
    ],
)
def test_spf_single_record(facts: SpfFacts, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-SPF-001", change(spf=facts))
    assert found.verdict is verdict
    assert words in found.message


@pytest.mark.parametrize("control_id", ["MAIL-SPF-002", "MAIL-SPF-003", "MAIL-SPF-004", "MAIL-SPF-005"])
def test_spf_controls_need_one_record(control_id: str) -> None:
    assert judge(control_id, change(spf=SpfFacts(records=()))).verdict is NA


def includes(count: int) -> SpfFacts:
    terms = " ".join(f"include:n{i}.test" for i in range(count))
    return spf(f"v=spf1 {terms} -all", {(f"n{i}.test", "TXT"): ("v=spf1 -all",) for i in range(count)})


def voids(count: int, kind: str = "A") -> SpfFacts:
    other = "AAAA" if kind == "A" else "A"
    answers: dict = {(f"n{i}.test", kind): Status.NXDOMAIN for i in range(count)}
    answers |= {(f"n{i}.test", other): ("2001:db8::1" if other == "AAAA" else "192.0.2.1",) for i in range(count)}
    return spf("v=spf1 " + " ".join(f"a:n{i}.test" for i in range(count)) + " -all", answers)


@pytest.mark.parametrize(
    ("facts", "verdict", "severity", "words"),
    [
        (includes(10), P, None, "10 recherches DNS sur 10"),
        (includes(11), F, None, "11 recherches DNS au lieu de 10"),
        (voids(2), P, None, "sans erreur"),
        (voids(3), F, None, "3 recherches DNS sans réponse"),
        (voids(3, "AAAA"), F, Severity.LOW, "IPv6 seulement"),
        (spf("v=spf1 ipv4:192.0.2.1 -all"), F, None, "erreur d'écriture"),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): ("autre",)}), F, None, "sans SPF"),
        (spf(f"v=spf1 include:{NAME} -all"), F, None, "boucle"),
        (
            spf("v=spf1 mx:x.test -all", {("x.test", "MX"): tuple(f"m{i}.test" for i in range(11))}
                | {(f"m{i}.test", kind): ("192.0.2.1" if kind == "A" else "2001:db8::1",)
                   for i in range(10) for kind in ("A", "AAAA")}),
            F, None, "plus de 10 serveurs",
        ),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): TIMEOUT}), NS, None, "délai"),
        (spf("v=spf1 foo include:x.test -all", {("x.test", "TXT"): TIMEOUT}), F, None, "foo"),
    ],
)  # fmt: skip
def test_spf_evaluates(facts: SpfFacts, verdict: Verdict, severity: Severity | None, words: str) -> None:
    found = judge("MAIL-SPF-002", change(spf=facts))
    assert (found.verdict, found.severity) == (verdict, severity), found.message
    assert words in found.message


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (spf("v=spf1 +all"), F, None),
        (spf("v=spf1 all"), F, None),
        (spf("v=spf1 ip4:0.0.0.0/0 -all"), F, None),
        (spf("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"), F, None),
        (spf("v=spf1 ip6:::/0 -all"), F, None),
        (spf("v=spf1 a/0 -all", {(NAME, "A"): ("192.0.2.1",), (NAME, "AAAA"): ("2001:db8::1",)}), F, None),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): ("v=spf1 +all",)}), F, None),
        (spf("v=spf1 redirect=x.test", {("x.test", "TXT"): ("v=spf1 all",)}), F, None),
        (spf("v=spf1 exists:x.test -all", {("x.test", "A"): ("127.0.0.2",)}), F, None),
        (spf("v=spf1 -ip4:192.0.2.0/24 +all"), F, None),
        (spf("v=spf1 ip4:10.0.0.0/8 ip4:192.0.2.1 -all"), F, Severity.HIGH),
        (spf("v=spf1 ip6:2001::/18 -all"), F, Severity.HIGH),
        (spf("v=spf1 ip4:10.0.0.0/8 -all"), P, None),
        (spf("v=spf1 ip6:2001:4000::/19 -all"), P, None),
        (spf("v=spf1 -ip4:0.0.0.0/1 -ip4:128.0.0.0/1 -ip6:::/0 +all"), P, None),
        (spf("v=spf1 ?ip4:0.0.0.0/0 ~all"), P, None),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): ("v=spf1 ?all",)}), P, None),
        (spf("v=spf1 ptr -all"), P, None),
        (spf("v=spf1 exists:%{i}.x.test -all"), NS, None),
        (spf("v=spf1 exists:%{i}.x.test +all"), F, None),
        (spf("v=spf1 a -all", {(NAME, "A"): TIMEOUT, (NAME, "AAAA"): TIMEOUT}), NS, None),
        (spf("v=spf1 a +all", {(NAME, "A"): TIMEOUT, (NAME, "AAAA"): TIMEOUT}), F, None),
    ],
)
def test_spf_open_to_everyone(facts: SpfFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-SPF-003", change(spf=facts))
    assert (found.verdict, found.severity) == (verdict, severity), found.message


def test_spf_open_names_the_wide_term() -> None:
    facts = spf("v=spf1 include:x.test -all", {("x.test", "TXT"): ("v=spf1 ip4:0.0.0.0/0 -all",)})
    found = judge("MAIL-SPF-003", change(spf=facts))
    assert [item.label for item in found.affected] == ["x.test: ip4:0.0.0.0/0"]


@pytest.mark.parametrize(
    ("record", "verdict"),
    [("-all", P), ("~all", P), ("?all", F), ("+all", F), ("ip4:192.0.2.1", F), ("-ALL", P)],
)
def test_spf_final_policy(record: str, verdict: Verdict) -> None:
    assert judge("MAIL-SPF-004", change(spf=spf(f"v=spf1 {record}"))).verdict is verdict


def test_spf_final_policy_follows_redirect_not_include() -> None:
    strict = {("x.test", "TXT"): ("v=spf1 -all",)}
    assert judge("MAIL-SPF-004", change(spf=spf("v=spf1 redirect=x.test", strict))).verdict is P
    assert judge("MAIL-SPF-004", change(spf=spf("v=spf1 include:x.test", strict))).verdict is F
    lost = spf("v=spf1 redirect=x.test", {("x.test", "TXT"): TIMEOUT})
    assert judge("MAIL-SPF-004", change(spf=lost)).verdict is NS


def dangling(missing: object) -> SpfFacts:
    facts = spf("v=spf1 include:x.parti.test -all", {("x.parti.test", "TXT"): Status.NXDOMAIN})
    assert facts.evaluation is not None
    nodes = tuple(
        msgspec.structs.replace(node, registrable_missing=missing) if node.problem == "nxdomain" else node
        for node in facts.evaluation.nodes
    )
    return msgspec.structs.replace(facts, evaluation=msgspec.structs.replace(facts.evaluation, nodes=nodes))


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (dangling(True), F, Severity.CRITICAL),
        (dangling(False), F, None),
        (dangling(TIMEOUT), F, None),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): ("v=spf1 -all",)}), P, None),
        (spf("v=spf1 include:x.test -all", {("x.test", "TXT"): TIMEOUT}), NS, None),
    ],
)
def test_spf_dangling_include(facts: SpfFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-SPF-005", change(spf=facts))
    assert (found.verdict, found.severity) == (verdict, severity)


REVOKED = "v=DKIM1; p="


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        (dkim(RSA_2048), P, ""),
        (dkim(RSA_2048, declared=False), P, ""),
        (dkim(None), F, ""),
        (dkim(REVOKED), F, ""),
        (dkim("v=DKIM1; p=!!!"), F, ""),
        (dkim(TIMEOUT, None), NS, "timeout"),
        (dkim(TIMEOUT, RSA_2048), P, ""),
        (dkim(), NS, "not_configured"),
        (dkim(REVOKED, declared=False), NS, "not_configured"),
        (dkim(wildcard=(RSA_2048,)), NS, "not_configured"),
        (msgspec.structs.replace(dkim(), wildcard=TIMEOUT), NS, "timeout"),
    ],
)
def test_dkim_key_present(facts, verdict: Verdict, reason: str) -> None:
    found = judge("MAIL-DKIM-001", change(dkim=facts))
    assert (found.verdict, found.reason) == (verdict, reason), found.message


def test_domain_that_sends_nothing_needs_no_key() -> None:
    assert judge("MAIL-DKIM-001", change(dkim=dkim(), spf=spf("v=spf1 -all"))).verdict is NA
    assert judge("MAIL-DKIM-001", change(dkim=dkim(), spf=spf("v=spf1 ~all"))).verdict is NS


@pytest.mark.parametrize(
    ("record", "verdict", "severity"),
    [
        (RSA_2048, P, None),
        (f"v=DKIM1; k=ed25519; p={ed25519_key()}", P, None),
        (f"p={rsa_key(1024)}", F, None),
        (f"v=DKIM1; p={rsa_key(512)}", F, Severity.HIGH),
        (RSA_2048 + "; h=sha1", F, None),
        (RSA_2048 + "; h=sha1:sha256", P, None),
        (REVOKED, NA, None),
        (None, NA, None),
        (TIMEOUT, NS, None),
    ],
)
def test_dkim_key_strength(record, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-DKIM-002", change(dkim=dkim(record)))
    assert (found.verdict, found.severity) == (verdict, severity), found.message


def test_strength_of_keys_that_were_not_found_is_not_assessed() -> None:
    found = judge("MAIL-DKIM-002", change(dkim=DkimFacts(selectors=(), guessed=32)))
    assert (found.verdict, found.reason) == (NS, "not_configured")


def test_one_weak_key_among_good_ones_is_named() -> None:
    found = judge("MAIL-DKIM-002", change(dkim=dkim(RSA_2048, f"p={rsa_key(1024)}")))
    assert [item.label for item in found.affected] == ["s2"]
    assert "1024 bits" in found.message


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (dkim(RSA_2048), P, "en service"),
        (dkim(RSA_2048 + "; t=y"), F, "mode test"),
        (dkim(RSA_2048 + "; t=s"), P, "en service"),
        (dkim(RSA_2048, REVOKED), F, "s2 (clé révoquée)"),
        (dkim(None), F, "clé absente"),
        (dkim("v=DKIM1; p=AAAA"), F, "inutilisable"),
        (dkim(RSA_2048, TIMEOUT), NS, "délai"),
        (dkim(REVOKED, TIMEOUT), F, "révoquée"),
        (dkim(RSA_2048, declared=False), NA, "déclaré"),
    ],
)
def test_dkim_declared_keys(facts, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-DKIM-003", change(dkim=facts))
    assert found.verdict is verdict
    assert words in found.message


def step(*records: str) -> DmarcStep:
    return DmarcStep(domain=NAME, records=records)


def walked(*steps: DmarcStep) -> DmarcFacts:
    return DmarcFacts(walk=steps, old_organisation=NAME)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (dmarc(None), F, "n'a pas de règle DMARC"),
        (dmarc("v=DMARC1; rua=mailto:a@tilleuls.test"), F, "mal écrite"),
        (dmarc("v=DMARC1; p=rejet"), F, "p=rejet"),
        (dmarc("v=DMARC1; p=reject; sp=quarentine"), F, "sp=quarentine"),
        (dmarc("v=DMARC1; p=none"), P, "valide"),
        (dmarc(None, above="v=DMARC1; p=reject; psd=y"), P, "héritée de test"),
        (walked(step("v=DMARC1;p=none", "v=DMARC1;p=none")), F, "plusieurs"),
        (walked(DmarcStep(domain=NAME, records=(), lookalikes=("v=dmarc1; p=none",))), F, "mal écrit"),
        (walked(step(), DmarcStep(domain="test", records=TIMEOUT)), NS, "délai"),
        (walked(step("v=DMARC1; p=none"), DmarcStep(domain="test", records=TIMEOUT)), P, "valide"),
    ],
)
def test_dmarc_valid_record(facts: DmarcFacts, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-DMARC-001", change(dmarc=facts))
    assert found.verdict is verdict, found.message
    assert words in found.message


@pytest.mark.parametrize(
    ("record", "above", "verdict"),
    [
        ("v=DMARC1; p=reject", None, P),
        ("v=DMARC1; p=quarantine", None, P),
        ("v=DMARC1; p=none; rua=mailto:a@tilleuls.test", None, F),
        ("v=DMARC1; p=rejet; rua=mailto:a@tilleuls.test", None, F),
        (None, None, F),
        (None, "v=DMARC1; p=none; sp=reject; psd=y", P),
        (None, "v=DMARC1; p=reject; sp=none; psd=y", F),
    ],
)
def test_dmarc_enforcing_policy(record: str | None, above: str | None, verdict: Verdict) -> None:
    assert judge("MAIL-DMARC-002", change(dmarc=dmarc(record, above=above))).verdict is verdict


@pytest.mark.parametrize("control_id", ["MAIL-DMARC-003", "MAIL-DMARC-004", "MAIL-DMARC-005"])
def test_dmarc_details_need_a_record(control_id: str) -> None:
    assert judge(control_id, change(dmarc=dmarc(None))).verdict is NA


@pytest.mark.parametrize(
    ("record", "verdict", "words"),
    [
        ("v=DMARC1; p=reject", P, "protégés"),
        ("v=DMARC1; p=reject; sp=none", F, "existants et inventés"),
        ("v=DMARC1; p=reject; np=none", F, "sous-domaines inventés"),
        ("v=DMARC1; p=none; sp=reject", P, "protégés"),
        ("v=DMARC1; p=reject; sp=none; np=reject", F, "sous-domaines existants"),
        ("v=DMARC1; p=none", F, "non protégés"),
    ],
)
def test_dmarc_subdomains(record: str, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-DMARC-003", change(dmarc=dmarc(record)))
    assert found.verdict is verdict
    assert words in found.message


def test_subdomain_record_does_not_decide_for_its_siblings() -> None:
    # RFC 9989: `sp` of a record below the organisational domain is ignored.
    walk = (
        DmarcStep(domain="mail.tilleuls.test", records=("v=DMARC1; p=reject; sp=reject",)),
        DmarcStep(domain=NAME, records=("v=DMARC1; p=reject; sp=none",)),
    )
    facts = DmarcFacts(walk=walk, old_organisation=NAME)
    assert judge("MAIL-DMARC-003", change(dmarc=facts)).verdict is F


def test_subdomain_policy_is_unknown_when_the_organisation_may_be_hidden() -> None:
    walk = (DmarcStep(domain="ehpad.tilleuls.test", records=("v=DMARC1; p=reject",)),)
    walk += (DmarcStep(domain="tilleuls.test", records=TIMEOUT), DmarcStep(domain="test", records=()))
    facts = DmarcFacts(walk=walk, old_organisation="tilleuls.test")
    assert judge("MAIL-DMARC-003", change(dmarc=facts)).verdict is NS
    assert judge("MAIL-DMARC-002", change(dmarc=facts)).verdict is P


@pytest.mark.parametrize("control_id", ["MAIL-SPF-003", "MAIL-SPF-004", "MAIL-SPF-005"])
def test_what_a_policy_too_long_to_read_holds_is_not_known(control_id: str) -> None:
    assert judge(control_id, change(spf=includes(70))).verdict is NS
    assert judge("MAIL-SPF-002", change(spf=includes(70))).verdict is F


def reports(*found: ReportAddress) -> DmarcFacts:
    uris = ",".join(report.uri for report in found)
    facts = dmarc(f"v=DMARC1; p=reject; rua={uris}")
    return msgspec.structs.replace(facts, reports=found)


def outside(authorised: bool | Gap) -> ReportAddress:
    return ReportAddress(uri="mailto:x@rapports.test", domain="rapports.test", external=True, authorised=authorised)


INSIDE = ReportAddress(uri="mailto:dmarc@tilleuls.test", domain=NAME)


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (reports(INSIDE), P, None),
        (reports(outside(True)), P, None),
        (reports(outside(False)), F, None),
        (reports(INSIDE, outside(False)), F, Severity.LOW),
        (reports(outside(TIMEOUT)), NS, None),
        (reports(ReportAddress(uri="dmarc@tilleuls.test", domain="")), F, None),
        (dmarc("v=DMARC1; p=reject"), F, None),
    ],
)
def test_dmarc_reports(facts: DmarcFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-DMARC-004", change(dmarc=facts))
    assert (found.verdict, found.severity) == (verdict, severity), found.message


@pytest.mark.parametrize(
    ("record", "verdict", "words"),
    [
        ("v=DMARC1; p=reject", P, "tous les messages"),
        ("v=DMARC1; p=reject; pct=100", P, "tous les messages"),
        ("v=DMARC1; p=reject; pct=99", F, "99 %"),
        ("v=DMARC1; p=reject; pct=0", F, "0 %"),
        ("v=DMARC1; p=reject; t=y", F, "mode test"),
        ("v=DMARC1; p=reject; t=n", P, "tous les messages"),
        ("v=DMARC1; rua=mailto:a@tilleuls.test; p=reject", F, "ancienne norme"),
        ("v=DMARC1; p=none; pct=50", NA, "n'écarte rien"),
    ],
)
def test_dmarc_applies_to_all(record: str, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-DMARC-005", change(dmarc=dmarc(record)))
    assert found.verdict is verdict, found.message
    assert words in found.message


def test_record_that_only_new_receivers_find() -> None:
    walk = (
        DmarcStep(domain="a.b.tilleuls.test", records=()),
        DmarcStep(domain="b.tilleuls.test", records=("v=DMARC1; p=reject",)),
        DmarcStep(domain=NAME, records=()),
    )
    domain = change(name="a.b.tilleuls.test", dmarc=DmarcFacts(walk=walk, old_organisation=NAME))
    assert judge("MAIL-DMARC-002", domain).verdict is P
    assert judge("MAIL-DMARC-005", domain).verdict is F


def sts(text: str, *, problem: str = "", record: str = "v=STSv1; id=1") -> StsFacts:
    return StsFacts(records=(record,), policy=StsPolicy(status=0 if problem else 200, text=text, problem=problem))


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (StsFacts(records=()), F, None),
        (StsFacts(records=("v=STSv1; id=1", "v=STSv1; id=2")), F, None),
        (sts(POLICY, record="v=STSv1"), F, None),
        (StsFacts(records=("v=STSv1; id=1",), policy=TIMEOUT), NS, None),
        (sts(POLICY.replace("enforce", "testing")), F, None),
        (sts(POLICY.replace("enforce", "none")), F, None),
        (sts(POLICY.replace("604800", "86400")), P, None),
        (sts(POLICY.replace("604800", "86399")), F, Severity.LOW),
        (sts("", problem="le certificat n'est pas valide"), F, None),
        (sts("<html>"), F, None),
        (sts(POLICY.replace("\n", "\r\n")), P, None),
    ],
)
def test_sts_enforced(facts: StsFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-STS-001", change(mta_sts=facts))
    assert (found.verdict, found.severity) == (verdict, severity), found.message


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (sts(POLICY), P, None),
        (sts(POLICY.replace("mx.tilleuls.test", "*.tilleuls.test")), P, None),
        (sts(POLICY.replace("mx.tilleuls.test", "autre.test")), F, None),
        (sts(POLICY.replace("mx.tilleuls.test", "tilleuls.test")), F, None),
        (sts(POLICY.replace("mx.tilleuls.test", "autre.test").replace("enforce", "testing")), F, Severity.LOW),
        (sts(POLICY.replace("enforce", "none")), NA, None),
        (sts("<html>"), NA, None),
        (StsFacts(records=()), NA, None),
        (StsFacts(records=("v=STSv1; id=1",), policy=TIMEOUT), NS, None),
    ],
)
def test_sts_matches_mx(facts: StsFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-STS-002", change(mta_sts=facts))
    assert (found.verdict, found.severity) == (verdict, severity), found.message


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ((), F),
        (("v=TLSRPTv1; rua=mailto:a@tilleuls.test",), P),
        (("v=TLSRPTv1; rua=https://rapports.test/tls",), P),
        (("v=TLSRPTv1; rua=a@tilleuls.test",), F),
        (("v=TLSRPTv1; rua=mailto:a@tilleuls.test",) * 2, F),
    ],
)
def test_tls_reports(records: tuple[str, ...], verdict: Verdict) -> None:
    assert judge("MAIL-TLR-001", change(tls_rpt=TlsRptFacts(records=records))).verdict is verdict


def server(**fields: object) -> SmtpFacts:
    return msgspec.structs.replace(SERVER, **fields)


CLEAR = SmtpFacts(host="clair.tilleuls.test", address="192.0.2.26", offered=False)
LOST = SmtpFacts(host="muet.tilleuls.test", offered=TIMEOUT, versions=TIMEOUT, certificate=TIMEOUT)
OUTSIDE = Gap(reason=Reason.NOT_CONFIGURED, detail="Hors du périmètre autorisé.")


@pytest.mark.parametrize(
    ("servers", "verdict", "reason"),
    [
        ((SERVER,), P, ""),
        ((SERVER, CLEAR), F, ""),
        ((CLEAR, LOST), F, ""),
        ((SERVER, LOST), NS, "timeout"),
        (OUTSIDE, NS, "not_configured"),
        ((), NA, "aucun"),
    ],
)
def test_starttls(servers, verdict: Verdict, reason: str) -> None:
    found = judge("MAIL-TLS-001", change(smtp=servers))
    assert found.verdict is verdict
    assert reason in found.reason


def with_certificate(**fields: object) -> SmtpFacts:
    return server(certificate=msgspec.structs.replace(CERTIFICATE, **fields))


@pytest.mark.parametrize(
    ("servers", "verdict", "words"),
    [
        ((SERVER,), P, "valables"),
        ((with_certificate(not_after="2026-11-22T12:00:00Z"),), P, "valables"),
        ((with_certificate(not_after="2026-11-22T11:59:59Z"),), F, "expiré"),
        ((with_certificate(not_before="2026-11-22T12:00:01Z"),), F, "pas encore"),
        ((with_certificate(names=("autre.test",)),), F, "autre nom"),
        ((with_certificate(names=()),), F, "aucun nom"),
        ((with_certificate(names=("*.tilleuls.test",)),), P, "valables"),
        ((with_certificate(trusted=False, trust_error="self-signed certificate"),), F, "inconnue"),
        ((CLEAR,), NA, "voir MAIL-TLS-001"),
        ((SERVER, CLEAR), P, "valables"),
        ((SERVER, LOST), NS, "délai"),
    ],
)
def test_certificate(servers, verdict: Verdict, words: str) -> None:
    found = judge("MAIL-TLS-002", change(smtp=servers))
    assert found.verdict is verdict, found.message
    assert words in found.message


@pytest.mark.parametrize(
    ("servers", "verdict"),
    [
        ((server(versions=(TlsVersion.TLS1_2,)),), P),
        ((server(versions=(TlsVersion.TLS1_2, TlsVersion.TLS1_1)),), F),
        ((server(versions=(TlsVersion.SSL3,)),), F),
        ((server(versions=()),), NS),
        ((server(versions=TIMEOUT),), NS),
        ((server(versions=(TlsVersion.TLS1_0,)), LOST), F),
        ((CLEAR,), NA),
    ],
)
def test_obsolete_tls(servers, verdict: Verdict) -> None:
    assert judge("MAIL-TLS-003", change(smtp=servers)).verdict is verdict


def dnssec(**fields: object) -> DnssecFacts:
    return msgspec.structs.replace(HEALTHY.dnssec, **fields)


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        (dnssec(ds=0, dnskey=0, signatures=0, expiration=""), F, None),
        (dnssec(ds=0), F, None),
        (dnssec(dnskey=0), F, Severity.HIGH),
        (dnssec(signatures=0, expiration=""), NS, None),
        (dnssec(expiration="2026-11-22T12:00:00Z"), P, None),
        (dnssec(expiration="2026-11-22T11:59:59Z"), F, Severity.HIGH),
    ],
)
def test_dnssec(facts: DnssecFacts, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("MAIL-DNS-001", change(dnssec=facts))
    assert (found.verdict, found.severity) == (verdict, severity)


def test_validation_limit_is_told() -> None:
    assert "n'est pas vérifiée" in judge("MAIL-DNS-001").evidence[0].value
