"""A healthy mail domain, on which each test makes one change."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from checks.catalogue import load_catalogue
from checks.common.dns_wire import Status
from checks.common.tls import Certificate, TlsVersion
from checks.messaging.facts import (
    DkimFacts,
    DkimSelector,
    DmarcFacts,
    DmarcStep,
    DnssecFacts,
    MailDomain,
    MailExchanger,
    MessagingFacts,
    MxFacts,
    ReportAddress,
    SmtpFacts,
    SpfFacts,
    StsFacts,
    StsPolicy,
    TlsRptFacts,
)
from checks.messaging.parsers.spf_eval import SpfAnswer, evaluate
from checks.model import Context, Gap, Judgement, Reason

NAME = "tilleuls.test"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIMEOUT = Gap(reason=Reason.TIMEOUT, detail="Aucune réponse dans le délai.")
CATALOGUE = load_catalogue(["checks.messaging"])
POLICY = "version: STSv1\nmode: enforce\nmx: mx.tilleuls.test\nmax_age: 604800\n"
CERTIFICATE = Certificate(
    names=("mx.tilleuls.test",),
    subject="CN=mx.tilleuls.test",
    issuer="CN=Autorité",
    not_before="2026-10-01T00:00:00Z",
    not_after="2027-01-01T00:00:00Z",
    key="rsa 2048",
    signature="sha256",
    sha256="00" * 32,
    trusted=True,
    trust_store="essai",
)


def rsa_key(bits: int) -> str:
    """Base64 of a public key; sizes the library refuses to make are forged from numbers."""
    if bits >= 1024:
        key = rsa.generate_private_key(65537, bits).public_key()
        return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    size = bits // 8
    modulus = b"\x02" + (size + 1).to_bytes(1) + b"\0" + b"\xc1" * size
    body = modulus + b"\x02\x03\x01\0\x01"
    return base64.b64encode(b"\x30" + len(body).to_bytes(1) + body).decode()


def ed25519_key() -> str:
    # A fixed key: it ends up in test names, which parallel workers must agree on.
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


RSA_2048 = f"v=DKIM1; k=rsa; p={rsa_key(2048)}"


def spf(record: str | None, more: dict[tuple[str, str], tuple[str, ...] | Status | Gap] | None = None) -> SpfFacts:
    """SPF facts evaluated over a small zone; `more` gives the other answers."""
    zone = {(NAME, "TXT"): SpfAnswer(Status.FOUND, (record,) if record else ())}
    for key, value in (more or {}).items():
        if isinstance(value, Gap):
            zone[key] = SpfAnswer(Status.TIMEOUT, gap=value)
        elif isinstance(value, Status):
            zone[key] = SpfAnswer(value)
        else:
            zone[key] = SpfAnswer(Status.FOUND, value)
    if record is None:
        return SpfFacts(records=())
    return SpfFacts(records=(record,), evaluation=evaluate(zone, NAME))


def dmarc(record: str | None, *, above: str | None = None, name: str = NAME) -> DmarcFacts:
    """DMARC facts with one record at the domain, and maybe one at its top-level domain."""
    return DmarcFacts(
        walk=(
            DmarcStep(domain=name, records=(record,) if record else ()),
            DmarcStep(domain="test", records=(above,) if above else ()),
        ),
        old_organisation=name,
        reports=(ReportAddress(uri="mailto:dmarc@tilleuls.test", domain="tilleuls.test"),),
    )


def dkim(*records: str | Gap | None, declared: bool = True, wildcard: tuple[str, ...] = ()) -> DkimFacts:
    """DKIM facts with one selector per record: s1, s2…; None for a selector without record."""
    return DkimFacts(
        selectors=tuple(
            DkimSelector(
                selector=f"s{i}",
                declared=declared,
                records=record if isinstance(record, Gap) else (record,) if record is not None else (),
            )
            for i, record in enumerate(records, 1)
        ),
        guessed=30,
        wildcard=wildcard,
    )


SERVER = SmtpFacts(
    host="mx.tilleuls.test",
    address="192.0.2.25",
    offered=True,
    versions=(TlsVersion.TLS1_3, TlsVersion.TLS1_2),
    certificate=CERTIFICATE,
)

HEALTHY = MailDomain(
    name=NAME,
    exists=True,
    mx=MxFacts(exchangers=(MailExchanger(preference=10, name="mx.tilleuls.test", addresses=("192.0.2.25",)),)),
    spf=spf("v=spf1 ip4:192.0.2.25 -all"),
    dkim=dkim(RSA_2048),
    dmarc=dmarc("v=DMARC1; p=reject; rua=mailto:dmarc@tilleuls.test"),
    mta_sts=StsFacts(
        records=("v=STSv1; id=20261122",), policy=StsPolicy(status=200, content_type="text/plain", text=POLICY)
    ),
    tls_rpt=TlsRptFacts(records=("v=TLSRPTv1; rua=mailto:tls@tilleuls.test",)),
    smtp=(SERVER,),
    dnssec=DnssecFacts(zone=NAME, ds=1, dnskey=2, signatures=1, expiration="2026-12-06T00:00:00Z"),
)


def change(**fields: object) -> MailDomain:
    """The healthy domain with some facts replaced."""
    return msgspec.structs.replace(HEALTHY, **fields)


def judge(control_id: str, domain: MailDomain = HEALTHY) -> Judgement:
    """Judge one domain with one control, after a round trip of the facts through JSON."""
    facts = MessagingFacts(domains=(domain,), resolvers=("192.0.2.53",), questions=1)
    facts = msgspec.json.decode(msgspec.json.encode(facts), type=MessagingFacts)
    control = CATALOGUE.control(control_id)
    assert control is not None
    found = CATALOGUE.domains["messaging"].control_function(control)(facts, Context(now=NOW))
    assert isinstance(found, list)
    assert len(found) == 1
    assert found[0].subject == domain.name
    return found[0]
