"""Facts of the messaging domain. Names are A-labels in lower case without final dot; times are UTC, ISO 8601.

An empty tuple means that the DNS (or the server) answered « none ». Whatever could not be learnt is a `Gap`.
"""

from __future__ import annotations

from checks.common.tls import Certificate, TlsVersion
from checks.model import Gap, Record


class MailExchanger(Record, frozen=True):
    """One MX record and where it leads."""

    preference: int
    name: str
    """Empty for the null MX (`0 .`, RFC 7505)."""
    addresses: tuple[str, ...] | Gap
    """IPv4 then IPv6; empty when the name has no address at all."""
    alias_of: str = ""
    """Target when the MX is an alias, which RFC 2181 section 10.3 forbids."""


class MxFacts(Record, frozen=True, tag="mx", tag_field="kind"):
    """How mail for the domain is received."""

    exchangers: tuple[MailExchanger, ...]
    """Sorted by preference then name."""
    fallback_addresses: tuple[str, ...] | Gap = ()
    """Addresses of the domain itself, used by senders when there is no MX (RFC 5321 section 5.1)."""

    @property
    def null(self) -> bool:
        """The domain states that it receives no mail (RFC 7505)."""
        return len(self.exchangers) == 1 and not self.exchangers[0].name

    @property
    def hosts(self) -> tuple[MailExchanger, ...]:
        """Exchangers that have a name."""
        return tuple(exchanger for exchanger in self.exchangers if exchanger.name)


class SpfNode(Record, frozen=True):
    """One SPF record met while evaluating, root first, in the order of evaluation."""

    domain: str
    parent: int
    """Index of the node that leads here; -1 for the root."""
    via: str
    """Term that leads here (`include:…`, `redirect=…`); empty for the root."""
    record: str = ""
    """Empty when there is no single record."""
    terms: int = 0
    lookups: int = 0
    """DNS-querying terms of this record alone."""
    problem: str = ""
    """Key of `parsers.spf.Problem` when the record cannot be used."""
    registrable_missing: bool | Gap | None = None
    """For a name that does not exist: True when its registrable domain does not exist either, so can be bought."""


class SpfError(Record, frozen=True):
    """A permanent error of the evaluation (RFC 7208 section 2.6.7)."""

    domain: str
    problem: str
    """Key of `parsers.spf.Problem`."""
    term: str = ""


class SpfEvaluation(Record, frozen=True):
    """What the whole policy allows, when every term is evaluated."""

    nodes: tuple[SpfNode, ...]
    lookups: int
    """Terms that query the DNS over the whole tree; the limit is 10."""
    void_lookups_ipv4: int
    """Queries without an answer for a sender in IPv4; the limit is 2."""
    void_lookups_ipv6: int
    errors: tuple[SpfError, ...] = ()
    unknown: tuple[SpfError, ...] = ()
    """Terms that depend on each message (macros, ptr): their addresses are in no figure below."""
    failures: tuple[Gap, ...] = ()
    """Questions that the DNS did not answer: the figures below are then lower bounds."""
    final: str = ""
    """Qualifier of the `all` that ends the policy: `-`, `~`, `?`, `+`; empty when there is none."""
    final_domain: str = ""
    """Domain whose record holds that `all`, after `redirect`."""
    ipv4_addresses: int = 0
    """Number of IPv4 addresses that get `pass`."""
    ipv6_prefixes: int = 0
    """Number of IPv6 /64 that get `pass`, rounded up."""
    widest: tuple[str, ...] = ()
    """The widest allowed networks, at most ten, IPv4 and IPv6."""
    wide_terms: tuple[str, ...] = ()
    """`domain: term` of each term that alone allows more than the documented threshold."""


class SpfFacts(Record, frozen=True, tag="spf", tag_field="kind"):
    """SPF as published and as evaluated."""

    records: tuple[str, ...]
    """Every TXT record that starts with `v=spf1`."""
    lookalikes: tuple[str, ...] = ()
    """TXT records that resemble SPF and are ignored by receivers (`v=spf1` misspelt)."""
    evaluation: SpfEvaluation | None = None
    """None unless there is exactly one record."""


class DkimSelector(Record, frozen=True):
    """The answer at `<selector>._domainkey.<domain>`."""

    selector: str
    declared: bool
    """Named in the profile, rather than guessed."""
    records: tuple[str, ...] | Gap
    """TXT records; empty when there are none."""
    target: str = ""
    """Name that holds the key, when delegated by an alias."""


class DkimFacts(Record, frozen=True):
    """DKIM keys found."""

    selectors: tuple[DkimSelector, ...]
    """Every declared selector, and the guessed ones that answered with something that is not the wildcard."""
    guessed: int
    """Number of usual selectors tried."""
    guess_failures: int = 0
    """Of these, how many questions the DNS did not answer."""
    wildcard: tuple[str, ...] | Gap = ()
    """What a random selector answers: not empty when `*._domainkey` catches everything."""


class DmarcStep(Record, frozen=True):
    """One question of the tree walk (RFC 9989 section 4.10)."""

    domain: str
    records: tuple[str, ...] | Gap
    """TXT records at `_dmarc.<domain>` that start with `v=DMARC1`."""
    lookalikes: tuple[str, ...] = ()
    """TXT records at the same place that receivers ignore."""


class ReportAddress(Record, frozen=True):
    """One `rua` address."""

    uri: str
    domain: str
    """Domain of the mailbox; empty when the address is not usable."""
    external: bool = False
    """The mailbox belongs to another organisation, which must agree (RFC 9990 section 4)."""
    authorised: bool | Gap = True


class DmarcFacts(Record, frozen=True):
    """DMARC seen by new receivers (tree walk) and by old ones (RFC 7489, public suffix list)."""

    walk: tuple[DmarcStep, ...]
    """From the domain itself to its top-level domain."""
    old_organisation: str
    """Organisational domain by the public suffix list."""
    reports: tuple[ReportAddress, ...] = ()
    """Addresses of the policy that applies."""


class StsPolicy(Record, frozen=True, tag="policy", tag_field="kind"):
    """The document at https://mta-sts.<domain>/.well-known/mta-sts.txt."""

    status: int
    """HTTP status; 0 when the exchange ended before one."""
    content_type: str = ""
    text: str = ""
    problem: str = ""
    """Why senders cannot use it (certificate, redirect, size…), in French; empty when it was fetched."""


class StsFacts(Record, frozen=True, tag="sts", tag_field="kind"):
    """MTA-STS."""

    records: tuple[str, ...]
    """TXT records at `_mta-sts.<domain>` that start with `v=STSv1`."""
    policy: StsPolicy | Gap | None = None
    """None when there is no record, hence nothing to fetch."""


class TlsRptFacts(Record, frozen=True, tag="tlsrpt", tag_field="kind"):
    """TLS-RPT."""

    records: tuple[str, ...]
    """TXT records at `_smtp._tls.<domain>` that start with `v=TLSRPTv1`."""


class SmtpFacts(Record, frozen=True):
    """One MX host as seen on port 25."""

    host: str
    address: str = ""
    offered: bool | Gap = False
    """STARTTLS is among the extensions announced after EHLO."""
    versions: tuple[TlsVersion, ...] | Gap = ()
    certificate: Certificate | Gap | None = None
    """None when STARTTLS is not offered."""


class DnssecFacts(Record, frozen=True, tag="dnssec", tag_field="kind"):
    """Presence of DNSSEC records. The chain up to the root is not validated by the audit."""

    zone: str
    """Zone that holds the domain."""
    ds: int
    """DS records in the parent zone."""
    dnskey: int
    """DNSKEY records in the zone."""
    signatures: int
    """RRSIG over the SOA record, as passed on by the resolver."""
    expiration: str = ""
    """Latest expiration among them."""


class MailDomain(Record, frozen=True):
    """Everything published by one mail domain."""

    name: str
    exists: bool | Gap
    """False when the DNS says NXDOMAIN."""
    mx: MxFacts | Gap
    spf: SpfFacts | Gap
    dkim: DkimFacts
    dmarc: DmarcFacts
    mta_sts: StsFacts | Gap
    tls_rpt: TlsRptFacts | Gap
    smtp: tuple[SmtpFacts, ...] | Gap
    """One per MX host; empty when there is none."""
    dnssec: DnssecFacts | Gap


class MessagingFacts(Record, frozen=True):
    """All mail domains of the profile, and who was asked."""

    domains: tuple[MailDomain, ...]
    resolvers: tuple[str, ...]
    questions: int
    """DNS questions asked."""
