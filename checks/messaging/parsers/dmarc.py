"""DMARC records and the policy that applies, for new receivers (RFC 9989) and old ones (RFC 7489). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.messaging.facts import DmarcStep
from checks.messaging.parsers.tags import lenient_tags
from checks.model import Gap, Record

FULL_PCT = 100
POLICIES = ("none", "quarantine", "reject")

MAX_QUERIES = 8
"""RFC 9989 section 4.10: a name of eight labels or more is shortened to seven after the first question."""

_VERSION = re.compile(r"\s*v\s*=\s*DMARC1\s*(;|\Z)")
_MAILTO = re.compile(r"mailto:([^@\s,!]+)@([^@\s,!?]+)(\?[^\s,!]*)?(?:!\d+[kmgt]?)?", re.IGNORECASE)


class DmarcRecord(Record, frozen=True):
    """One record, with what receivers fall back on."""

    text: str
    p: str
    """none, quarantine or reject; empty when absent or not one of these."""
    sp: str = ""
    np: str = ""
    psd: str = "u"
    testing: bool = False
    """`t=y` (RFC 9989): do not apply the policy."""
    pct: int = 100
    """Share of messages old receivers apply the policy to (RFC 7489; removed by RFC 9989)."""
    rua: tuple[str, ...] = ()
    bad_tags: tuple[str, ...] = ()
    """Tags whose value receivers cannot use, as `name=value`."""
    p_second: bool = True
    """`p` comes right after `v`, which RFC 7489 section 6.3 asks for and RFC 9989 no longer does."""

    @property
    def usable(self) -> bool:
        """False when receivers do as if there were no record (RFC 9989 section 4.10.1)."""
        return not self.bad_policy or any(mailbox(uri) for uri in self.rua)

    @property
    def bad_policy(self) -> bool:
        """`p` is absent or `p`, `sp` or `np` has a value that does not exist: receivers then apply `none`."""
        return not self.p or any(tag.startswith(("sp=", "np=")) for tag in self.bad_tags)

    @property
    def domain_policy(self) -> str:
        """Policy for the domain that holds the record."""
        return "none" if self.bad_policy else self.p

    @property
    def subdomain_policy(self) -> str:
        """Policy for its existing subdomains."""
        return "none" if self.bad_policy else self.sp or self.p

    @property
    def missing_subdomain_policy(self) -> str:
        """Policy for its subdomains that do not exist; only new receivers know `np`."""
        return "none" if self.bad_policy else self.np or self.sp or self.p


def is_dmarc(text: str) -> bool:
    """True when receivers take this TXT record for DMARC: `v` comes first and is exactly DMARC1."""
    return _VERSION.match(text) is not None


def mailbox(uri: str) -> str:
    """Domain of a `mailto:` report address, lower case; empty when the address is not usable."""
    found = _MAILTO.fullmatch(uri.strip())
    return found[2].rstrip(".").lower() if found else ""


def parse_record(text: str) -> DmarcRecord:
    """Read a record that `is_dmarc`. Never raises: faulty tags are dropped as receivers do, and listed."""
    tags = lenient_tags(text)
    names = list(tags)
    bad: list[str] = []

    def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
        value = tags.get(name)
        if value is None or value.lower() in allowed:
            return default if value is None else value.lower()
        bad.append(f"{name}={value}")
        return default

    pct_text = tags.get("pct", "100")
    pct = int(pct_text) if re.fullmatch(r"\d{1,3}", pct_text, re.ASCII) and int(pct_text) <= FULL_PCT else None
    if pct is None:
        bad.append(f"pct={pct_text}")
    return DmarcRecord(
        text=text,
        p=one_of("p", POLICIES, ""),
        sp=one_of("sp", POLICIES, ""),
        np=one_of("np", POLICIES, ""),
        psd=one_of("psd", ("y", "n", "u"), "u"),
        testing=one_of("t", ("y", "n"), "n") == "y",
        pct=FULL_PCT if pct is None else pct,
        rua=tuple(uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip()),
        bad_tags=tuple(bad),
        p_second=names[1:2] == ["p"] or "p" not in names,
    )


def walk_names(domain: str) -> tuple[str, ...]:
    """Names asked by the tree walk, longest first."""
    labels = domain.split(".")
    start = 1 if len(labels) < MAX_QUERIES else len(labels) - (MAX_QUERIES - 1)
    return (domain, *(".".join(labels[i:]) for i in range(start, len(labels))))


class Policy(Record, frozen=True):
    """What one kind of receiver applies to mail from the audited domain."""

    source: str
    """Domain that holds the record; empty when none applies."""
    organisation: str
    """Organisational domain."""
    record: DmarcRecord | None = None
    gap: Gap | None = None
    """Set when a failed question may have hidden the record that applies."""
    hidden: Gap | None = None
    """Set when a failed question above may hide the true organisational domain, whose `sp` and `np` would count."""
    several: str = ""
    """Domain with several records, which receivers therefore all discard."""

    @property
    def applied(self) -> str:
        """Policy for the audited domain: none, quarantine or reject; empty without a usable record."""
        if self.record is None or not self.record.usable:
            return ""
        own = self.source == self.asked
        return self.record.domain_policy if own else self.record.subdomain_policy

    asked: str = ""
    """The audited domain."""


def _single(step: DmarcStep) -> DmarcRecord | None:
    if isinstance(step.records, Gap) or len(step.records) != 1:
        return None
    return parse_record(step.records[0])


def _organisation(walk: Sequence[DmarcStep]) -> tuple[str, str]:
    """Organisational domain, and public suffix domain that holds a `psd=y` record (RFC 9989 section 4.10.2)."""
    found = [(step.domain, record) for step in walk if (record := _single(step)) is not None]
    for domain, record in found:
        if record.psd == "n":
            return domain, ""
        if record.psd == "y" and domain != walk[0].domain:
            below = walk[0].domain.split(".")[-domain.count(".") - 2 :]
            return ".".join(below), domain
    return (found[-1][0] if found else walk[0].domain), ""


def _hidden_above(steps: Sequence[DmarcStep], organisation: str) -> Gap | None:
    """A failed question at a name above the organisation found, which may hide the real one.

    A top-level domain is left out: it never receives mail, and its silence says nothing about those below.
    """
    depth = organisation.count(".")
    above = (step for step in steps if 0 < step.domain.count(".") < depth)
    return next((step.records for step in above if isinstance(step.records, Gap)), None)


def new_receiver_policy(walk: Sequence[DmarcStep]) -> Policy:
    """Policy discovery by tree walk (RFC 9989 section 4.10.1): own record, else organisation's, else suffix's.

    The policy is the domain's own whatever lies above; one that is inherited is only known when every name above
    answered.
    """
    steps = _until_psd(walk)
    asked = walk[0].domain
    organisation, suffix = _organisation(steps)
    hidden = _hidden_above(steps, organisation)
    by_name = {step.domain: step for step in steps}
    for name in dict.fromkeys((asked, organisation, suffix)):
        step = by_name.get(name)
        if step is None:
            continue
        if isinstance(step.records, Gap):
            return Policy(source="", organisation=organisation, gap=step.records, asked=asked)
        if name != asked and hidden is not None:
            return Policy(source="", organisation=organisation, gap=hidden, asked=asked)
        if len(step.records) > 1:
            return Policy(source="", organisation=organisation, several=name, asked=asked)
        if step.records:
            record = parse_record(step.records[0])
            return Policy(source=name, organisation=organisation, record=record, asked=asked, hidden=hidden)
    gap = next((step.records for step in steps if isinstance(step.records, Gap)), None)
    several = next((s.domain for s in steps if not isinstance(s.records, Gap) and len(s.records) > 1), "")
    return Policy(source="", organisation=organisation, gap=gap, several=several, asked=asked)


def _until_psd(walk: Sequence[DmarcStep]) -> list[DmarcStep]:
    """The steps a receiver takes: it stops at the first single record with `psd=n` or `psd=y`."""
    steps: list[DmarcStep] = []
    for step in walk:
        steps.append(step)
        record = _single(step)
        if record is not None and record.psd in ("n", "y"):
            break
    return steps


def old_receiver_policy(walk: Sequence[DmarcStep], organisation: str) -> Policy:
    """Policy discovery of RFC 7489 section 6.6.3: own record, else that of the organisational domain."""
    asked = walk[0].domain
    by_name = {step.domain: step for step in walk}
    for name in dict.fromkeys((asked, organisation)):
        step = by_name.get(name)
        if step is None:
            continue
        if isinstance(step.records, Gap):
            return Policy(source="", organisation=organisation, gap=step.records, asked=asked)
        if len(step.records) > 1:
            return Policy(source="", organisation=organisation, several=name, asked=asked)
        if step.records:
            record = parse_record(step.records[0])
            return Policy(source=name, organisation=organisation, record=record, asked=asked)
    return Policy(source="", organisation=organisation, asked=asked)
