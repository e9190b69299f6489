"""DNS messages as bytes: build a query, recognise its reply, read the reply. Pure, no socket.

Queries are built by hand because an audit sends thousands of them and the message is ten lines. Replies that carry
records are read by dnspython; empty ones, the majority when selectors are guessed, are read from their header.
"""

# ruff: noqa: PLR2004 - the numbers are those of the wire format
from __future__ import annotations

import enum
import struct
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import msgspec

from checks.model import Gap, Reason

EDNS_PAYLOAD = 1232
"""Bytes accepted over UDP: the largest answer that never needs IP fragments (DNS flag day 2020)."""

_HEADER = struct.Struct("!HHHHHH")
_CASE_BIT = 0x20


class Status(enum.StrEnum):
    """What came back. The first three are answers; the others say nothing about the name."""

    FOUND = "found"
    NO_DATA = "no_data"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    REFERRAL = "referral"
    """« Ask those servers »: the server knows nothing and does not look further. Not an absence."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"


_GAPS = {
    Status.SERVFAIL: (Reason.ERROR, "le serveur DNS signale une panne (SERVFAIL)"),
    Status.REFUSED: (Reason.REFUSED, "le serveur DNS refuse de répondre (REFUSED)"),
    Status.REFERRAL: (Reason.UNSUPPORTED, "le serveur DNS renvoie vers d'autres serveurs au lieu de chercher"),
    Status.TIMEOUT: (Reason.TIMEOUT, "aucune réponse DNS dans le délai"),
    Status.UNREACHABLE: (Reason.UNREACHABLE, "le serveur DNS est injoignable"),
    Status.MALFORMED: (Reason.MALFORMED, "la réponse DNS est illisible"),
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one DNS question, after following aliases."""

    name: str
    type: str
    status: Status
    records: tuple[Any, ...] = ()
    """dnspython rdata objects of the type asked."""
    canonical: str = ""
    """Name that holds the records, when an alias (CNAME) led elsewhere; lower case, no final dot."""
    signatures: tuple[Any, ...] = ()
    """RRSIG rdata that cover the records; only when DNSSEC records were asked for."""
    zone: str = ""
    """Owner of the SOA record seen in the answer or authority section; only for SOA questions."""
    detail: str = ""
    unfinished: bool = False
    """The server gave an alias and does not look further (it is not a resolver): the target must be asked for."""

    @property
    def missing(self) -> bool:
        """True when the DNS says that there is no such record; a failure is not an absence."""
        return self.status in (Status.NO_DATA, Status.NXDOMAIN)

    @property
    def question(self) -> str:
        """The question as people write it: `TXT _dmarc.tilleuls.test`."""
        return f"{self.type} {self.name}"

    def gap(self) -> Gap | None:
        """The reason why nothing is known; None when the DNS did answer."""
        if self.status not in _GAPS:
            return None
        reason, words = _GAPS[self.status]
        more = f" : {self.detail}" if self.detail else ""
        return Gap(reason=reason, detail=f"Question DNS « {self.question} » : {words}{more}.")

    def texts(self) -> tuple[str, ...]:
        """TXT records as text: strings joined without separator (RFC 7208 section 3.3), undecodable bytes replaced."""
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in self.records)


class NameError_(ValueError):  # noqa: N801, N818 - `NameError` is taken by Python
    """A name that cannot be asked for: empty label, label above 63 bytes, name above 253."""


def ascii_name(text: str) -> str:
    """Return the A-label form of a domain name, lower case, without final dot.

    Raises `NameError_` when the text cannot be a domain name.
    """
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode()
        except (idna.IDNAError, UnicodeError) as error:
            raise NameError_(f"not a domain name: {text!r}") from error
    labels = name.split(".")
    if not name or len(name) > 253 or any(not 1 <= len(label) <= 63 for label in labels):
        raise NameError_(f"not a domain name: {text!r}")
    return name


def encode_question(name: str, type_number: int, case_bits: int) -> bytes:
    """Question section for an A-label `name`; bit i of `case_bits` flips the case of its i-th byte.

    The random case is echoed by servers and makes a forged reply harder (draft-vixie-dnsext-dns0x20).
    """
    wire = bytearray()
    for label in name.encode("ascii").split(b"."):
        wire.append(len(label))
        for byte in label:
            is_letter = 0x41 <= (byte & ~_CASE_BIT) <= 0x5A
            wire.append(byte ^ _CASE_BIT if is_letter and case_bits & 1 else byte)
            case_bits >>= 1
    return bytes(wire) + b"\0" + struct.pack("!HH", type_number, dns.rdataclass.IN)


def encode_query(query_id: int, question: bytes, *, dnssec: bool) -> bytes:
    """Whole query: recursion desired, one question, EDNS with a 1232-byte payload, DO bit when `dnssec`."""
    opt = b"\0" + struct.pack("!HHIH", dns.rdatatype.OPT, EDNS_PAYLOAD, 0x8000 if dnssec else 0, 0)
    return _HEADER.pack(query_id, dns.flags.RD, 1, 0, 0, 1) + question + opt


class Match(enum.Enum):
    """How a datagram relates to a pending question."""

    NO = "no"
    YES = "yes"
    SUSPECT = "suspect"
    """Right id and name but another letter case, or no question echoed: ask again over TCP."""


def match_reply(wire: bytes, question: bytes) -> Match:
    """Tell whether `wire` answers `question`; the id was already compared."""
    if len(wire) < _HEADER.size or not wire[2] & 0x80:
        return Match.NO
    if int.from_bytes(wire[4:6]) == 0:
        return Match.SUSPECT
    echoed = wire[_HEADER.size : _HEADER.size + len(question)]
    if echoed == question:
        return Match.YES
    return Match.SUSPECT if echoed.lower() == question.lower() else Match.NO


def is_truncated(wire: bytes) -> bool:
    """True when the server asks to come back over TCP."""
    return bool(int.from_bytes(wire[2:4]) & dns.flags.TC)


_STATUS_OF_RCODE = {
    dns.rcode.NOERROR: Status.NO_DATA,
    dns.rcode.NXDOMAIN: Status.NXDOMAIN,
    dns.rcode.SERVFAIL: Status.SERVFAIL,
    dns.rcode.REFUSED: Status.REFUSED,
}


def read_reply(wire: bytes, name: str, type_text: str) -> Answer:
    """Read the reply to (`name`, `type_text`). Never raises: unreadable bytes give `Status.MALFORMED`."""
    if len(wire) < _HEADER.size:
        return Answer(name=name, type=type_text, status=Status.MALFORMED)
    _, flags, _, answers, authority, _ = _HEADER.unpack_from(wire)
    if is_truncated(wire):  # still so over TCP: what is missing must not read as absent
        return Answer(name=name, type=type_text, status=Status.MALFORMED, detail="réponse tronquée")
    status = _STATUS_OF_RCODE.get(dns.rcode.Rcode(flags & 0xF))
    if status is None:
        code = dns.rcode.to_text(dns.rcode.Rcode(flags & 0xF))
        return Answer(name=name, type=type_text, status=Status.MALFORMED, detail=f"code {code}")
    if status in (Status.SERVFAIL, Status.REFUSED) or (answers == 0 and (type_text != "SOA" or authority == 0)):
        referred = status is Status.NO_DATA and authority and not flags & dns.flags.AA and _is_referral(wire)
        return Answer(name=name, type=type_text, status=Status.REFERRAL if referred else status)
    try:
        return _read_records(wire, name, type_text, status)
    except (dns.exception.DNSException, ValueError, struct.error, KeyError) as error:
        return Answer(name=name, type=type_text, status=Status.MALFORMED, detail=type(error).__name__)


def _is_referral(wire: bytes) -> bool:
    """True when the authority section has name servers and no SOA (RFC 2308 section 2.2). Never raises."""
    _, _, questions, _, authority, _ = _HEADER.unpack_from(wire)
    position, kinds = _HEADER.size, set[int]()
    for _ in range(questions):
        position = _after_name(wire, position) + 4
    for _ in range(authority):
        position = _after_name(wire, position)
        kinds.add(int.from_bytes(wire[position : position + 2]))
        position += 10 + int.from_bytes(wire[position + 8 : position + 10])
        if position > len(wire):
            return False
    return dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds


def _after_name(wire: bytes, position: int) -> int:
    """Offset just after the name at `position`."""
    while position < len(wire) and wire[position]:
        if wire[position] & 0xC0:
            return position + 2
        position += 1 + wire[position]
    return position + 1


def _read_records(wire: bytes, name: str, type_text: str, status: Status) -> Answer:
    message = dns.message.from_wire(wire, ignore_trailing=True)
    if not isinstance(message, dns.message.QueryMessage):
        return Answer(name=name, type=type_text, status=Status.MALFORMED)
    chain = message.resolve_chaining()
    canonical = chain.canonical_name.to_text(omit_final_dot=True).lower()
    alias = canonical if canonical != name.lower() else ""
    zone = next(
        (
            rrset.name.to_text(omit_final_dot=True).lower()
            for rrset in (*message.answer, *message.authority)
            if rrset.rdtype == dns.rdatatype.SOA
        ),
        "",
    )
    if chain.answer is None:
        if status is Status.NO_DATA and not zone and _is_referral(wire) and not message.flags & dns.flags.AA:
            status = Status.REFERRAL
        unfinished = bool(alias) and status is Status.NO_DATA and not message.flags & dns.flags.RA
        return Answer(name=name, type=type_text, status=status, canonical=alias, zone=zone, unfinished=unfinished)
    covering = message.get_rrset(
        message.answer,
        chain.canonical_name,
        dns.rdataclass.IN,
        dns.rdatatype.RRSIG,
        chain.answer.rdtype,
    )
    return Answer(
        name=name,
        type=type_text,
        status=Status.FOUND,
        records=tuple(chain.answer),
        canonical=alias,
        signatures=tuple(covering) if covering is not None else (),
        zone=zone,
    )
