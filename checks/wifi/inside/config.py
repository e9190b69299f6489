"""Profile table `[wifi.inside]`: which network we joined, what to knock on, and how gently.

Imports no network library: `ipaddress` only reads texts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from checks.model import Record

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Role = Literal["resident", "guest", "pro"]
Kind = Literal["server", "gateway", "access_point", "switch", "printer", "nas", "dui", "station"]

SERVER, GATEWAY, ACCESS_POINT, SWITCH = "server", "gateway", "access_point", "switch"
PRINTER, NAS, DUI, STATION = "printer", "nas", "dui", "station"
EQUIPMENT = (GATEWAY, ACCESS_POINT, SWITCH)
"""What the network itself is made of."""

MANAGEMENT_PORTS = (22, 23, 80, 443, 8080, 8443)
"""SSH, Telnet and web pages of equipment. SNMP is asked apart."""
FILE_PORTS = (445, 139, 2049)
"""SMB, NetBIOS, NFS."""
PRINT_PORTS = (9100, 515, 631)
"""Raw, LPD, IPP."""
REMOTE_PORTS = (3389, 5900)
"""RDP, VNC."""
DATABASE_PORTS = (1433, 3306, 5432)
"""SQL Server, MySQL, PostgreSQL."""
DIRECTORY_PORTS = (88, 389, 636)
"""Kerberos, LDAP, LDAPS."""
WEB_PORTS = (443, 80, 8443)
EGRESS_PORTS = (25, 445, 3389)
"""What no device of a resident needs towards the Internet: mail without a provider, shares, remote desktop."""

PORTS: Mapping[str, tuple[int, ...]] = {
    SERVER: (445, 3389, 389, 88, 636, 139, 2049, 443, *DATABASE_PORTS, 22, 5900),
    GATEWAY: MANAGEMENT_PORTS,
    ACCESS_POINT: MANAGEMENT_PORTS,
    SWITCH: MANAGEMENT_PORTS,
    PRINTER: (*PRINT_PORTS, 80, 443),
    NAS: (*FILE_PORTS, 22, 443, 80),
    DUI: (*WEB_PORTS, *DATABASE_PORTS, 3389),
    STATION: (*FILE_PORTS[:2], *REMOTE_PORTS, 80, 22),
}
"""Ports of a target that declares none, the most telling first: a small budget is spent on those."""

MAX_TARGETS = 200
MAX_ADDRESSES = 256
"""Of one range."""
MAX_ATTEMPTS = 20_000
MAX_SECONDS = 30
MAX_CONCURRENCY = 32
MAX_TEXT = 200


class Target(Record, frozen=True, kw_only=True):
    """One machine, or one range of machines, that people of this network may or may not reach."""

    label: str
    """What people call it."""
    address: str
    """An address, a name, or a range (`10.10.0.40/29`)."""
    kind: Kind
    ports: tuple[Port, ...] = ()
    """Empty: the ports of its kind."""
    must_answer: bool = False
    """It answers everybody on this network by design: its answer shows that we are really connected. Never judged."""

    def __post_init__(self) -> None:
        """Refuse what could not be tried; the message is shown with the place in the profile."""
        if not self.label.strip() or not self.address.strip() or len(self.label) > MAX_TEXT:
            raise ValueError("une cible a un nom (200 caractères au plus) et une adresse")
        if "/" in self.address:
            network = _range(self.address)
            if network.num_addresses > MAX_ADDRESSES:
                raise ValueError(f"« {self.address} » : {MAX_ADDRESSES} adresses au plus dans une plage")

    def wanted(self) -> tuple[int, ...]:
        """Ports to try, in order, each once."""
        return tuple(dict.fromkeys(self.ports or PORTS[self.kind]))

    def hosts(self) -> tuple[str, ...]:
        """Addresses, or the one name, to try."""
        if "/" not in self.address:
            return (self.address,)
        return tuple(str(address) for address in _range(self.address).hosts())

    def ends(self) -> tuple[str, ...]:
        """What shows that the whole target is inside the mandate: the first and last machines of a range."""
        hosts = self.hosts()
        return tuple(dict.fromkeys((hosts[0], hosts[-1])))


def _range(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"« {text[:60]} » n'est pas une plage d'adresses (exemple : 10.10.0.40/29)") from None


class InsideConfig(Record, frozen=True, kw_only=True):
    """The network we joined and what to try from it."""

    role: Role
    """For whom this network is."""
    machines: tuple[Target, ...] = msgspec.field(name="target", default=())
    """`[[wifi.inside.target]]`."""
    ssid: str = ""
    network: str = ""
    """Range this network gives its addresses in. When declared, a test run from elsewhere is not judged."""
    routers: tuple[str, ...] = ()
    """Addresses of what may serve as router and hand out addresses on this network, IPv6 ones included."""
    unused: tuple[str, ...] = ()
    """Addresses nobody has, in the ranges above. What answers for one of them is a filter or a captive portal."""
    internal_name: str = ""
    """A name only the establishment's own DNS knows, asked of the DNS servers of this network, public ones included."""
    external: str = ""
    """Address or name of a server on the Internet that agreed to be knocked on (mandate: external_addresses)."""
    egress_ports: tuple[Port, ...] = EGRESS_PORTS
    portal_url: str = ""
    """A plain `http://` page on the Internet, that a captive portal would intercept."""
    ipv6_target: str = ""
    """IPv6 address of a professional machine."""
    ipv6_port: Port = 445
    snmp: bool = True
    """Ask equipment and printers whether they speak SNMPv3: one datagram each, without any password."""
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=MAX_ATTEMPTS)] = 400
    """In all."""
    max_per_host: Annotated[int, msgspec.Meta(ge=1, le=100)] = 16
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=MAX_CONCURRENCY)] = 4
    """Machines tried together; connections to one machine always come one after the other."""
    connect_timeout: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] = 2.0
    """Seconds: long enough for one lost packet to be sent again."""
    pause: Annotated[float, msgspec.Meta(ge=0, le=MAX_SECONDS)] = 0.05
    """Seconds between two connections to one machine."""
    max_seconds: Annotated[float, msgspec.Meta(gt=0, le=7200)] = 900.0
    """For the whole test; what is left then is written as not tried."""

    def __post_init__(self) -> None:
        """Refuse what could not be tried; the message is shown with the place in the profile."""
        if len(self.machines) > MAX_TARGETS:
            raise ValueError(f"{MAX_TARGETS} cibles au plus")
        wished = sum(len(target.hosts()) * len(target.wanted()) for target in self.machines)
        if wished > MAX_ATTEMPTS:
            raise ValueError(f"{wished} connexions à essayer : {MAX_ATTEMPTS} au plus, réduire les plages")
        labels = [target.label for target in self.machines]
        if len(labels) != len(set(labels)):
            raise ValueError("deux cibles portent le même nom")
        if self.network:
            _range(self.network)
        for address in (*self.unused, *self.routers, *filter(None, [self.ipv6_target])):
            _address(address)
        if self.ipv6_target and ipaddress.ip_address(self.ipv6_target).version == 4:  # noqa: PLR2004 - IP version
            raise ValueError(f"« {self.ipv6_target} » n'est pas une adresse IPv6")
        if self.portal_url:
            portal_parts(self.portal_url)

    def targets(self) -> tuple[str, ...]:
        """What the mandate must allow before anything starts.

        Of a range, its two ends: an address excluded inside it does not stop the audit, it is left out later.
        """
        wanted = [end for target in self.machines for end in target.ends()]
        portal = portal_parts(self.portal_url)[0] if self.portal_url else ""
        return tuple(dict.fromkeys(filter(None, (*wanted, *self.unused, self.external, portal, self.ipv6_target))))


def _address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"« {text[:60]} » n'est pas une adresse IP") from None


def portal_parts(url: str) -> tuple[str, int, str]:
    """Host, port and path of a plain HTTP address. Raises `ValueError`, in French."""
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "http" or not parts.hostname or parts.username or not plain:
        raise ValueError(f"« {url[:80]} » n'est pas une adresse en http:// (le portail n'intercepte que celles-là)")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.hostname, parts.port or 80, path
