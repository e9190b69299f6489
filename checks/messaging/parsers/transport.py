"""MTA-STS (RFC 8461) and TLS-RPT (RFC 8460) records and policies. Pure."""

from __future__ import annotations

import re

from checks.messaging.parsers.dmarc import mailbox
from checks.messaging.parsers.tags import TagError, parse_tags
from checks.model import Record

_STS = re.compile(r"v\s*=\s*STSv1\s*(;|\Z)")
_RPT = re.compile(r"v\s*=\s*TLSRPTv1\s*(;|\Z)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LABEL = r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+\.?", re.IGNORECASE)

MODES = ("enforce", "testing", "none")
MAX_AGE_LIMIT = 31557600
"""Seconds: one year, the most RFC 8461 section 3.2 allows."""


class StsError(ValueError):
    """The record or the policy is not usable by senders; the message is a French clause."""


class Sts(Record, frozen=True):
    """A policy as senders apply it."""

    mode: str
    max_age: int
    """Seconds."""
    mx: tuple[str, ...] = ()


def is_sts(text: str) -> bool:
    """True when senders take this TXT record for MTA-STS."""
    return _STS.match(text) is not None


def sts_id(text: str) -> str:
    """The `id` of a record that `is_sts`. Raises `StsError` when senders would ignore the record."""
    try:
        found = parse_tags(text).get("id", "")
    except TagError as error:
        raise StsError(f"étiquette illisible « {error} »") from error
    if not _ID.fullmatch(found):
        raise StsError("identifiant (id=) absent ou mal formé")
    return found


def parse_policy(text: str) -> Sts:
    """Read a policy file. Raises `StsError` when senders would refuse it."""
    fields: dict[str, str] = {}
    names: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise StsError(f"ligne illisible « {line.strip()[:60]} »")
        key, value = key.strip(), value.strip()
        if key == "mx":
            names.append(value.lower().rstrip("."))
        else:
            fields.setdefault(key, value)
    if fields.get("version") != "STSv1":
        raise StsError("la version n'est pas STSv1")
    if fields.get("mode") not in MODES:
        raise StsError("le mode est absent ou inconnu")
    age = fields.get("max_age", "")
    if not re.fullmatch(r"\d{1,10}", age, re.ASCII) or int(age) > MAX_AGE_LIMIT:
        raise StsError("la durée (max_age) est absente ou hors limites")
    if fields["mode"] != "none" and not names:
        raise StsError("aucun serveur (mx) n'est cité")
    bad = next((name for name in names if not _PATTERN.fullmatch(name)), None)
    if bad is not None:
        raise StsError(f"nom de serveur illisible « {bad[:60]} »")
    return Sts(mode=fields["mode"], max_age=int(age), mx=tuple(names))


def mx_matches(patterns: tuple[str, ...], host: str) -> bool:
    """Tell whether an MX host is in the list; `*.` stands for exactly one label (RFC 8461 section 4.1)."""
    wanted = host.lower().rstrip(".")
    parent = wanted.partition(".")[2]
    return any(p == wanted or (p.startswith("*.") and p[2:] == parent) for p in patterns)


def is_tls_rpt(text: str) -> bool:
    """True when senders take this TXT record for TLS-RPT."""
    return _RPT.match(text) is not None


def tls_rpt_addresses(text: str) -> tuple[str, ...]:
    """Usable `rua` addresses of a record that `is_tls_rpt`; empty when there is none."""
    try:
        uris = parse_tags(text).get("rua", "").split(",")
    except TagError:
        return ()
    return tuple(u.strip() for u in uris if mailbox(u) or u.strip().lower().startswith("https://"))
