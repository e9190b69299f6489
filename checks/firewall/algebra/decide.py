"""What happens to one packet: the reference reading of a rule set, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from checks.firewall.algebra.addresses import parse_address
from checks.firewall.algebra.flatten import Entry, Policy, policies_of
from checks.firewall.algebra.services import ICMP_LIKE, PORTS, TOP_PORT, protocol_number
from checks.firewall.algebra.space import OTHER_ZONE, STATES, Point, Space, inside
from checks.firewall.facts import DENY, FORWARD, NONE, NOT_TRANSLATED, PERMIT, Device

UNDETERMINED = "undetermined"


class Packet(NamedTuple):
    """One packet, as it stands when the filter rules read it (after destination NAT on most products)."""

    source: str
    destination: str
    protocol: str = "tcp"
    port: int = 0
    """Destination port, when the protocol has ports."""
    source_port: int = 40000
    icmp_type: int = 8
    icmp_code: int = 0
    in_zone: str = ""
    """Empty, or a name no rule knows, stands for an interface that is not named anywhere."""
    out_zone: str = ""
    state: str = "new"
    translated: str = NOT_TRANSLATED


class Decision(NamedTuple):
    """The fate of a packet and the line that settled it."""

    verdict: str
    """`permit`, `deny` or `undetermined`."""
    entry: Entry | None
    """The deciding line. When undetermined, the first line that might have decided otherwise."""
    doubts: tuple[Entry, ...] = ()
    """Lines that may match and would change the answer."""


def point_of(packet: Packet, space: Space) -> Point:
    """The packet on the axes of a policy. Raises ValueError for an address of the other IP version, or a bad port."""
    family, source = parse_address(packet.source)
    other, destination = parse_address(packet.destination)
    if not family == other == space.family:
        raise ValueError("the packet is not of this IP version")
    protocol = protocol_number(packet.protocol)
    if not all(0 <= port <= TOP_PORT for port in (packet.port, packet.source_port)):
        raise ValueError("a port is beyond 65535")
    low = packet.icmp_type * 256 + packet.icmp_code if protocol in ICMP_LIKE else packet.port
    return (
        _zone(packet.in_zone, space),
        _zone(packet.out_zone, space),
        source,
        destination,
        protocol * PORTS + low,
        packet.source_port,
        STATES.index(packet.state),
        space.translated.index(packet.translated) if packet.translated in space.translated else 0,
    )


def _zone(name: str, space: Space) -> int:
    if name in space.zones and not name.endswith("*"):
        return space.zones.index(name)
    matching = [prefix for prefix in space.prefixes if name and name.startswith(prefix[:-1])]
    return space.zones.index(max(matching, key=len) if matching else OTHER_ZONE)


def decide_point(policy: Policy, point: Point) -> Decision:
    """Read one flat list from its top."""
    doubts: list[Entry] = []
    for entry in policy.entries:
        if entry.action == NONE or not any(inside(cube, point) for cube in entry.may):
            continue
        certain = policy.complete and any(inside(cube, point) for cube in entry.sure)
        if not certain:
            doubts.append(entry)
            continue
        against = tuple(doubt for doubt in doubts if doubt.action != entry.action)
        if against:
            return Decision(UNDETERMINED, against[0], (*against, entry))
        return Decision(entry.action, entry)
    return Decision(UNDETERMINED, doubts[0] if doubts else None, tuple(doubts))


def decide_all(policies: Sequence[Policy], packet: Packet) -> Decision:
    """Cross every base chain: the first refusal is final, all must permit."""
    family = parse_address(packet.source)[0]
    last = Decision(UNDETERMINED, None)
    unsure: Decision | None = None
    crossed = [policy for policy in policies if policy.space.family == family]
    for policy in crossed:
        found = decide_point(policy, point_of(packet, policy.space))
        if found.verdict == DENY:
            return found
        if found.verdict == UNDETERMINED:
            unsure = unsure or found
        elif last.entry is None or last.entry.rule.automatic or not (found.entry and found.entry.rule.automatic):
            # When all permit, people want the last rule somebody wrote, not the default of a later guard.
            last = found
    return unsure or last


def decide(device: Device, packet: Packet, hook: str = FORWARD) -> Decision:
    """The fate of a packet on one device. No base chain for its IP version: `undetermined`, without a line.

    Raises ValueError when an address or a protocol of the packet cannot be read.
    """
    return decide_all(policies_of(device, hook), packet)


__all__ = ["DENY", "PERMIT", "UNDETERMINED", "Decision", "Packet", "decide", "decide_all", "decide_point", "point_of"]
