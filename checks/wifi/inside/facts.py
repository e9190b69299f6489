"""Facts of the test from inside: what was tried from one Wi-Fi network, and what came back. No opinion here."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from checks.model import Gap, Record

OPEN: Final = "open"
REFUSED: Final = "refused"
NO_ANSWER: Final = "no_answer"
NOT_AUTHORISED: Final = "not_authorised"
ERROR: Final = "error"
NOT_TRIED: Final = "not_tried"
UNUSED = "unused"
"""Kind of an address nobody has: whatever answers for it is a filter."""
EXTERNAL = "external"
"""Kind of a server on the Internet."""

Outcome = Literal["open", "refused", "no_answer", "not_authorised", "error", "not_tried"]


class Attempt(Record, frozen=True, kw_only=True):
    """One TCP connection, closed at once, or the reason why it was not made."""

    target: str
    """Label of the target."""
    address: str
    """Address or name that was tried."""
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    """`udp`: an SNMPv3 discovery, which needs no password; its silence proves nothing."""
    kind: str
    """Kind of the target, `unused` or `external`."""
    outcome: Outcome
    """`refused`: a machine or a filter said no. `no_answer`: nothing came back in time, or the network said that
    nobody is there. `error`: this machine could not try. `not_tried`: the budget was spent."""
    milliseconds: float | None = None
    """Until the answer; None when nothing was sent."""
    detail: str = ""
    """French, for `error`, `not_authorised` and unusual silences."""
    must_answer: bool = False


class Lookup(Record, frozen=True, kw_only=True):
    """What one DNS server said of the internal name."""

    server: str
    name: str
    status: str
    """`found`, `no_data`, `nxdomain`, `refused`, `timeout`… as the DNS client of the audit says."""
    addresses: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """A reply came back, whatever it says."""
        return self.status in {"found", "no_data", "nxdomain", "servfail", "refused", "referral"}


class Portal(Record, frozen=True, kw_only=True, tag="portal", tag_field="kind"):
    """What came back for a plain web page."""

    url: str
    status: int
    """HTTP status; 0 when the reply is not HTTP."""
    location: str = ""
    """Where the reply sends to."""
    redirected: bool = False
    """To another machine than the one that was asked."""
    https: bool = False
    """That place is in HTTPS."""
    milliseconds: float


class Router(Record, frozen=True, kw_only=True):
    """Something that serves as router or hands out addresses, as this machine was told."""

    kind: Literal["gateway", "dhcp", "announced"]
    """IPv4 gateway, DHCP server, IPv6 router that announced itself."""
    address: str
    interface: str = ""


class InsideFacts(Record, frozen=True, kw_only=True):
    """One test from one network."""

    role: str
    """`resident`, `guest` or `pro`."""
    ssid: str = ""
    network: str = ""
    """Range declared for this network; empty when none is."""
    started: datetime | None = None
    """UTC; None when nothing was tried."""
    own_addresses: tuple[str, ...] = ()
    """Of this machine on the way to the targets; empty when they could not be read."""
    attempts: tuple[Attempt, ...] = ()
    """Targets of the place and unused addresses."""
    lookups: tuple[Lookup, ...] | Gap | None = None
    """None when no internal name was declared."""
    egress: tuple[Attempt, ...] = ()
    portal: Portal | Gap | None = None
    """None when no page was declared."""
    ipv6: Attempt | None = None
    """None when no IPv6 target was declared."""
    routers: tuple[Router, ...] | Gap | None = None
    """None when they were not looked for."""
    declared_routers: tuple[str, ...] = ()
    """Addresses that may serve as router or hand out addresses, as declared."""
    connections: int = 0
    """TCP connections really asked of the network, portal included."""
    datagrams: int = 0
    """DNS questions."""
    seconds: float = 0.0
