"""Zone files of the public name server, rendered from the site description. Pure: no file, no clock."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from lab.description import DkimKey, Site, Zone

_TTL = 300
_CHUNK = 255
"""Longest character-string of a TXT record, RFC 1035 section 3.3."""


def txt(text: str) -> str:
    """Return the quoted strings of a TXT value, cut where DNS needs it."""
    escaped = [
        text[start : start + _CHUNK].replace("\\", "\\\\").replace('"', '\\"') for start in range(0, len(text), _CHUNK)
    ]
    return " ".join(f'"{part}"' for part in escaped)


def dkim_record(key: DkimKey, public: str) -> str:
    """Return the key record of one selector (RFC 6376 section 3.6.1); `public` is base64."""
    return f"{key.selector}._domainkey TXT {txt(f'v=DKIM1; k=rsa; {key.flags}p={public}')}"


def render_zone(site: Site, name: str, keys: Mapping[str, str], serial: int) -> str:
    """Return the zone file of one described zone. `keys` maps `zone.selector` to a base64 public key."""
    zone = site.zones[name]
    lines = _head(f"{name}.", serial)
    lines += [f"@ MX {mx}" for mx in zone.mx]
    lines += [f"@ TXT {txt(spf)}" for spf in zone.spf]
    lines += [f"_dmarc TXT {txt(dmarc)}" for dmarc in zone.dmarc]
    lines += [dkim_record(key, keys[f"{name}.{key.selector}"]) for key in zone.dkim]
    if zone.sts_mode:
        lines.append(f"_mta-sts TXT {txt(f'v=STSv1; id={serial}')}")
        web = next(host for host in site.hosts.values() if host.role == "web")
        lines.append(f"mta-sts A {web.address}")
    if zone.tls_rpt:
        lines.append(f"_smtp._tls TXT {txt(zone.tls_rpt)}")
    lines += list(zone.records)
    return "\n".join(lines) + "\n"


def _head(origin: str, serial: int) -> list[str]:
    return [
        f"$ORIGIN {origin}",
        f"$TTL {_TTL}",
        f"@ SOA ns1.tilleuls.test. hostmaster.tilleuls.test. {serial} 3600 600 86400 60",
        "@ NS ns1.tilleuls.test.",
    ]


def render_root(serial: int) -> str:
    """Return the root zone: one delegation, everything else does not exist."""
    return "\n".join([*_head(".", serial), "test. NS ns1.tilleuls.test.", ""])


def render_top_level(site: Site, delegation_signers: Mapping[str, tuple[str, ...]], serial: int) -> str:
    """Return the zone `test.`: the delegations, with the DS records of the signed zones."""
    lines = [*_head("test.", serial), f"ns1.tilleuls.test. A {site.hosts['dns'].address}"]
    for name, zone in site.zones.items():
        lines.append(f"{name}. NS ns1.tilleuls.test.")
        if zone.signed:
            lines += [f"{name}. DS {record}" for record in delegation_signers.get(name, ())]
    return "\n".join([*lines, ""])


def render_reverse(site: Site, serial: int) -> str:
    """Return `10.in-addr.arpa.`: the names of the hosts of the site."""
    lines = _head("10.in-addr.arpa.", serial)
    for host in site.hosts.values():
        if host.address.startswith("10.") and host.names:
            lines.append(f"{ipaddress.ip_address(host.address).reverse_pointer}. PTR {host.names[0]}.")
    return "\n".join([*lines, ""])


def render_policy(zone: Zone) -> str:
    """Return the MTA-STS policy file of one zone (RFC 8461 section 3.2)."""
    return "\r\n".join(
        ["version: STSv1", f"mode: {zone.sts_mode}", *(f"mx: {mx}" for mx in zone.sts_mx), "max_age: 604800", ""]
    )
