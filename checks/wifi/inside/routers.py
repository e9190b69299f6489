"""Who serves as router and hands out addresses on the network we are on, as this machine was told. Nothing is sent.

A device of a resident that announces itself as an IPv6 router, or that answers DHCP, sees what the others send.
Read from the system: `/proc/net/ipv6_route` and `/proc/net/route` of Linux, leases of the usual DHCP clients.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from checks.model import Gap, Reason
from checks.wifi.inside.facts import Router

RTF_UP, RTF_GATEWAY, RTF_ADDRCONF = 0x1, 0x2, 0x40000
"""Flags of a route (Linux `route.h`, `ipv6_route.h`): in use, by a gateway, learned from an announcement."""
LEASES = (
    "/var/lib/dhcp/dhclient*.leases",
    "/var/lib/dhclient/*.leases",
    "/var/lib/NetworkManager/*.lease",
    "/run/systemd/netif/leases/*",
)
MAX_BYTES = 1_000_000
_SERVER = re.compile(
    r"(?:option dhcp-server-identifier\s+|^SERVER_ADDRESS=|^dhcp_server_identifier=)([0-9.]+)", re.MULTILINE
)
_IPV4_FIELDS = 8
_IPV6_FIELDS = 10


def routers_of(network: str, root: Path = Path("/")) -> tuple[Router, ...] | Gap:
    """Default gateways and DHCP servers known to this system, those of `network` only when it is IPv4.

    Announcements in IPv6 carry link-local addresses, which belong to every network: they are all kept.
    """
    if not sys.platform.startswith("linux"):
        detail = "Les routeurs et serveurs d'adresses de ce réseau ne sont lus que sous Linux."
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    try:
        found = [*ipv4_gateways(_text(root / "proc/net/route")), *_dhcp(root)]
        found = [one for one in found if not network or _inside(one.address, network)]
        announced = ipv6_routers(_text(root / "proc/net/ipv6_route"))
    except OSError as error:
        detail = f"Les routes de ce poste n'ont pas pu être lues ({error.strerror or error})."
        return Gap(reason=Reason.PERMISSION, detail=detail)
    return tuple(dict.fromkeys((*found, *announced)))


def ipv4_gateways(text: str) -> Iterator[Router]:
    """Default gateways of `/proc/net/route`, whose addresses are 32-bit numbers in the byte order of the machine."""
    for fields in _rows(text, _IPV4_FIELDS):
        try:
            flags, gateway = int(fields[3], 16), bytes.fromhex(fields[2])
        except ValueError:
            continue
        default = fields[1] == fields[7] == "00000000"
        if default and flags & RTF_GATEWAY and flags & RTF_UP and len(gateway) == 4:  # noqa: PLR2004 - bytes of IPv4
            number = int.from_bytes(gateway, sys.byteorder)
            yield Router(kind="gateway", address=str(ipaddress.IPv4Address(number)), interface=fields[0])


def ipv6_routers(text: str) -> Iterator[Router]:
    """Routers that announced themselves: default routes of `/proc/net/ipv6_route` learned from an announcement."""
    for fields in _rows(text, _IPV6_FIELDS):
        try:
            flags, hop = int(fields[8], 16), ipaddress.IPv6Address(int(fields[4], 16))
        except ValueError:
            continue
        default = int(fields[0] or "1", 16) == 0 and fields[1] == "00"
        if default and flags & RTF_ADDRCONF and flags & RTF_GATEWAY:
            yield Router(kind="announced", address=str(hop), interface=fields[9])


def dhcp_servers(text: str) -> Iterator[Router]:
    """Servers named in the lease file of dhclient, systemd-networkd or NetworkManager: the last one only."""
    found = _SERVER.findall(text)
    if found:
        try:
            yield Router(kind="dhcp", address=str(ipaddress.IPv4Address(found[-1])), interface="")
        except ValueError:
            return


def _dhcp(root: Path) -> Iterator[Router]:
    for pattern in LEASES:
        for path in sorted(root.glob(pattern.lstrip("/"))):
            try:
                yield from dhcp_servers(_text(path))
            except OSError:
                continue  # a lease of another user's session: what is missing is not held against anybody


def _rows(text: str, least: int) -> Iterable[list[str]]:
    return (fields for line in text.splitlines() if len(fields := line.split()) >= least)


def _text(path: Path) -> str:
    """An absent table is an empty one: a system without IPv6 has none."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _inside(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
