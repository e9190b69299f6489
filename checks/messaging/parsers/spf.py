"""Grammar of SPF records (RFC 7208 section 12): text in, terms out. Pure."""

from __future__ import annotations

import enum
import functools
import ipaddress
import re

from checks.model import Record

VERSION = "v=spf1"
QUERYING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
"""Terms that count towards the limit of ten (RFC 7208 section 4.6.4)."""


class Problem(enum.StrEnum):
    """Why an SPF policy, a record or a term cannot be used as written."""

    SYNTAX = "syntax"
    NONE = "none"
    """An `include` or `redirect` leads to a name without SPF record."""
    NXDOMAIN = "nxdomain"
    """An `include` or `redirect` leads to a name that does not exist."""
    SEVERAL = "several"
    LOOP = "loop"
    LOOKUPS = "lookups"
    VOIDS = "voids"
    MX_LIMIT = "mx_limit"
    MACRO = "macro"
    PTR = "ptr"


class SpfSyntaxError(ValueError):
    """The record is a permanent error; `term` is the term that made it so."""

    def __init__(self, term: str) -> None:
        super().__init__(f"bad SPF term: {term!r}")
        self.term = term


class Term(Record, frozen=True):
    """One directive, or one `redirect`."""

    text: str
    qualifier: str
    """`+`, `-`, `~` or `?`; empty for a modifier."""
    name: str
    """Lower case: all, include, a, mx, ptr, ip4, ip6, exists, redirect."""
    domain: str = ""
    """Domain-spec as written, macros included; empty means the current domain."""
    network: tuple[int, int] = (0, 0)
    """ip4 and ip6: first and last address, as numbers."""
    prefix4: int = 32
    prefix6: int = 128


_MACRO = r"%\{[slodiphcrtv][0-9]*r?[.\-+,/_=]*\}|%%|%_|%-"
_MACRO_STRING = re.compile(rf"(?:{_MACRO}|[!-$&-~])*", re.IGNORECASE)
_DOMAIN_END = re.compile(
    rf"(?:{_MACRO}|\.(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])\.?)\Z", re.IGNORECASE
)
_BAD_MACRO = re.compile(r"%\{(?:[crt]|.0)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE | re.DOTALL)
_DIRECTIVE = re.compile(r"([-+?~]?)([a-z0-9]+)([:/].*)?", re.IGNORECASE | re.DOTALL)
_CIDR = re.compile(r"(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?\Z", re.ASCII)
_WIDTH = {"ip4": 32, "ip6": 128}
_IP4_CIDR = re.compile(r"/(0|[1-9]\d?)\Z", re.ASCII)
_IP6_CIDR = re.compile(r"/(0|[1-9]\d{0,2})\Z", re.ASCII)


def is_spf(text: str) -> bool:
    """True when receivers take this TXT record for SPF (RFC 7208 section 4.5)."""
    head = text[: len(VERSION) + 1].lower()
    return head in (VERSION, VERSION + " ")


@functools.lru_cache(maxsize=512)
def parse(text: str) -> tuple[Term, ...]:
    """Directives in order, then the `redirect` if any; `exp` and unknown modifiers are checked and dropped.

    Raises `SpfSyntaxError`: one bad term anywhere makes the whole record a permanent error (section 4.6).
    Cached: each round of an evaluation reads the same records again.
    """
    if not text.isascii() or not text.isprintable():
        raise SpfSyntaxError("caractères non ASCII")
    directives: list[Term] = []
    redirects: list[Term] = []
    explanations = 0
    for word in text.split(" ")[1:]:
        if not word:
            continue
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            directives.append(_directive(word))
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name == "redirect":
            redirects.append(Term(text=word, qualifier="", name=name, domain=_domain_spec(value, word)))
        elif name == "exp":
            _domain_spec(value, word)
            explanations += 1
        elif not _MACRO_STRING.fullmatch(value):
            raise SpfSyntaxError(word)
        if len(redirects) > 1 or explanations > 1:
            raise SpfSyntaxError(word)
    return (*directives, *redirects)


def _directive(word: str) -> Term:
    found = _DIRECTIVE.fullmatch(word)
    if found is None:
        raise SpfSyntaxError(word)
    qualifier, name, rest = found[1] or "+", found[2].lower(), found[3] or ""
    if name == "all" and not rest:
        return Term(text=word, qualifier=qualifier, name=name)
    if name in ("ip4", "ip6") and rest.startswith(":"):
        return Term(text=word, qualifier=qualifier, name=name, network=_network(name, rest[1:], word))
    if name in ("include", "exists") and rest.startswith(":"):
        return Term(text=word, qualifier=qualifier, name=name, domain=_domain_spec(rest[1:], word))
    if name == "ptr" and (not rest or rest.startswith(":")):
        domain = _domain_spec(rest[1:], word) if rest else ""
        return Term(text=word, qualifier=qualifier, name=name, domain=domain)
    if name in ("a", "mx"):
        return _host_directive(word, qualifier, name, rest)
    raise SpfSyntaxError(word)


def _host_directive(word: str, qualifier: str, name: str, rest: str) -> Term:
    cidr = _CIDR.search(rest)
    prefix4 = int(cidr[1]) if cidr and cidr[1] else 32
    prefix6 = int(cidr[2]) if cidr and cidr[2] else 128
    if prefix4 > _WIDTH["ip4"] or prefix6 > _WIDTH["ip6"]:
        raise SpfSyntaxError(word)
    spec = rest[: cidr.start()] if cidr else rest
    if spec and not spec.startswith(":"):
        raise SpfSyntaxError(word)
    domain = _domain_spec(spec[1:], word) if spec else ""
    return Term(text=word, qualifier=qualifier, name=name, domain=domain, prefix4=prefix4, prefix6=prefix6)


def _network(name: str, text: str, word: str) -> tuple[int, int]:
    pattern, width = _IP4_CIDR if name == "ip4" else _IP6_CIDR, _WIDTH[name]
    cidr = pattern.search(text)
    address, prefix = (text[: cidr.start()], int(cidr[1])) if cidr else (text, width)
    kind = ipaddress.IPv4Address if name == "ip4" else ipaddress.IPv6Address
    if prefix > width or "%" in address or "/" in address:
        raise SpfSyntaxError(word)
    try:
        host = (1 << (width - prefix)) - 1
        first = int(kind(address)) & ~host
        return first, first | host
    except ValueError as error:
        raise SpfSyntaxError(word) from error


def _domain_spec(text: str, word: str) -> str:
    if not _MACRO_STRING.fullmatch(text) or not _DOMAIN_END.search(text) or _BAD_MACRO.search(text):
        raise SpfSyntaxError(word)
    return text


def expand(spec: str, domain: str, sender_domain: str) -> str | None:
    """Expand the macros that do not depend on the message (`%{d}`, `%{o}`); None when another one remains.

    `domain` is the current domain, `sender_domain` the one the evaluation started from (the domain audited).
    """
    if not spec:
        return domain
    known = re.sub(r"%\{d\}", lambda _: domain, spec, flags=re.IGNORECASE)
    known = re.sub(r"%\{o\}", lambda _: sender_domain, known, flags=re.IGNORECASE)
    if "%{" in known:
        return None
    return known.replace("%%", "%").replace("%_", " ").replace("%-", "%20").rstrip(".").lower()
