"""EAP carried by RADIUS, in captures made on a cable: between the access point and the authentication server.

A datagram is RADIUS on the usual ports when it reads as such; on any other port it must also be signed and hold a whole
EAP packet, and an answer must follow a request (RFC 2865, RFC 3579). Reads Ethernet, raw IP and loopback links.
"""

# ruff: noqa: PLR2004 - the numbers are those of the headers
from __future__ import annotations

import re
from typing import NamedTuple

from checks.wifi.capture.link import ROUTED
from checks.wifi.capture.survey import Pair, Survey
from checks.wifi.facts import Packet
from checks.wifi.radius import codec
from checks.wifi.radius.codec import CodecError, RadiusPacket

_IP_TYPES = frozenset({b"\x08\x00", b"\x86\xdd"})
_TAGS = frozenset({b"\x81\x00", b"\x88\xa8"})
_UDP = 17
PORTS = frozenset({1812, 1645})
"""Usual ports of RADIUS authentication."""
_ANSWERS = frozenset({codec.ACCEPT, codec.REJECT, codec.CHALLENGE})
MAX_PENDING = 4096
"""Requests that wait for their answer."""
_ADDRESS = re.compile(rb"([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}")


class Datagram(NamedTuple):
    """One UDP datagram."""

    source: tuple[bytes, int]
    target: tuple[bytes, int]
    payload: bytes
    fragment: bool = False
    """The rest of it is in other IP packets."""


class Request(NamedTuple):
    """What an answer refers to."""

    authenticator: bytes
    pair: Pair


class RadiusTap:
    """Gives the EAP packets of one file to a survey, as seen by the access point that asked."""

    def __init__(self, file: str, survey: Survey) -> None:
        self._file = file
        self._survey = survey
        self._pending: dict[tuple[tuple[bytes, int], tuple[bytes, int], int], Request] = {}
        self._told_fragments = False

    def ethernet(self, data: bytes, start: int, end: int, number: int) -> bool:
        """Read one Ethernet frame; True when it was RADIUS."""
        at = start + 12
        kind = data[at : at + 2]
        while kind in _TAGS and at < start + 20:
            at += 4
            kind = data[at : at + 2]
        return kind in _IP_TYPES and maybe(data, at + 2, end) and self._ip(data, at + 2, end, number)

    def routed(self, link: int, data: bytes, start: int, end: int, number: int) -> bool:
        """Read one packet of a link of `ROUTED`; True when it was RADIUS."""
        at = start + ROUTED[link]
        return maybe(data, at, end) and self._ip(data, at, end, number)

    def _ip(self, data: bytes, at: int, end: int, number: int) -> bool:
        datagram = read_datagram(data, at, end)
        if datagram is None or not datagram.payload:
            return False
        usual = bool(PORTS & {datagram.source[1], datagram.target[1]})
        if datagram.fragment:
            self._fragment(number, usual=usual)
            return usual
        try:
            packet = codec.parse(datagram.payload)
        except CodecError:
            return False
        if len(packet.raw) != len(datagram.payload) or not (usual or _well_made(packet)):
            return False
        if packet.code == codec.REQUEST:
            self._request(datagram, packet, number)
            return True
        return packet.code in _ANSWERS and (self._answer(datagram, packet, number) or usual)

    def _request(self, datagram: Datagram, packet: RadiusPacket, number: int) -> None:
        key = datagram.source, datagram.target, packet.identifier
        before = self._pending.pop(key, None)
        request = Request(packet.authenticator, pair_of(datagram, packet))
        self._pending[key] = request
        if len(self._pending) > MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        if before is None or before.authenticator != packet.authenticator:  # the same again is a retransmission
            self._give(request.pair, packet, number)

    def _answer(self, datagram: Datagram, packet: RadiusPacket, number: int) -> bool:
        request = self._pending.pop((datagram.target, datagram.source, packet.identifier), None)
        if request is None:
            return False
        self._give(request.pair, packet, number)
        return True

    def _give(self, pair: Pair, packet: RadiusPacket, number: int) -> None:
        if not packet.eap:
            return
        seen = Packet(file=self._file, number=number)
        exchange = self._survey.exchange(pair, seen)
        if exchange is not None:
            exchange.add(packet.eap, seen)

    def _fragment(self, number: int, *, usual: bool) -> None:
        if usual and not self._told_fragments:
            self._told_fragments = True
            what = "Paquets RADIUS découpés par le réseau IP : ils ne sont pas lus."
            self._survey.note(what, Packet(file=self._file, number=number))


def maybe(data: bytes, at: int, end: int) -> bool:
    """Tell at little cost what cannot be RADIUS: nearly all the traffic of a cable."""
    if end - at < 28:
        return False
    first = data[at]
    if first >> 4 == 4:
        head = 4 * (first & 0x0F)
        found = data[at + 9] == _UDP
    else:
        head = 40
        found = first >> 4 == 6 and data[at + 6] == _UDP
    return found and at + head + 8 < end and data[at + head + 8] in codec.CODES


def read_datagram(data: bytes, at: int, end: int) -> Datagram | None:
    """The UDP datagram of an IP packet; None for anything else, or when it is cut short."""
    if end - at < 28:
        return None
    version = data[at] >> 4
    if version == 4:
        head = 4 * (data[at] & 0x0F)
        offset = int.from_bytes(data[at + 6 : at + 8])
        stop = at + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 9] != _UDP or head < 20 or offset & 0x1FFF:
            return None
        source, target, fragment = data[at + 12 : at + 16], data[at + 16 : at + 20], bool(offset & 0x2000)
    elif version == 6:
        head, fragment = 40, False
        stop = at + 40 + int.from_bytes(data[at + 4 : at + 6])
        if data[at + 6] != _UDP:
            return None
        source, target = data[at + 8 : at + 24], data[at + 24 : at + 40]
    else:
        return None
    return _udp(data, at + head, min(stop, end), (source, target), fragment=fragment)


def _udp(data: bytes, at: int, end: int, places: tuple[bytes, bytes], *, fragment: bool) -> Datagram | None:
    if end - at < 8:
        return None
    source, target, size = (int.from_bytes(data[at + n : at + n + 2]) for n in (0, 2, 4))
    if size < 8 or (at + size > end and not fragment):
        return None
    return Datagram((places[0], source), (places[1], target), data[at + 8 : min(at + size, end)], fragment)


def pair_of(datagram: Datagram, packet: RadiusPacket) -> Pair:
    """Authenticator and station of a request: the addresses it names, else where it comes from and for whom."""
    called = mac_of(packet.first(codec.CALLED_STATION))
    calling = packet.first(codec.CALLING_STATION)
    station = mac_of(calling) or calling or packet.first(codec.USER_NAME) or b""
    return called or datagram.source[0], station


def mac_of(value: bytes | None) -> bytes:
    """A MAC address written as access points do (`AE-36-58-B5-2E-D4:SSID`); empty when there is none."""
    found = _ADDRESS.match(value or b"")
    return bytes.fromhex(re.sub(rb"[^0-9A-Fa-f]", b"", found[0]).decode()) if found else b""


def _well_made(packet: RadiusPacket) -> bool:
    """On an unusual port: signed, and with one whole EAP packet. Chance does not do that."""
    eap = packet.eap
    return packet.signed and len(eap) >= 4 and int.from_bytes(eap[2:4]) == len(eap) and 1 <= eap[0] <= 4
