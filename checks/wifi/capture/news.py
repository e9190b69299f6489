"""Frames that say something new: what a network announces, what a station asks for, keys and EAP messages.

The loop of `frames` comes here once for each thing that was not seen before.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from checks.wifi.capture import link
from checks.wifi.capture.attacks import Watch
from checks.wifi.capture.eapol import EAP_PACKET, KEY, choice_of, parse_eapol, parse_key
from checks.wifi.capture.elements import VOLATILE, Description, describe, walk
from checks.wifi.capture.names import is_blank
from checks.wifi.capture.survey import MAX_STATIONS, Survey
from checks.wifi.facts import Packet

BEACON, REASSOCIATION = 0x80, 0x20
PROTECTED = 0x40
EAPOL = b"\x88\x8e"
_SNAP = (b"\xaa\xaa\x03\x00\x00\x00", b"\xaa\xaa\x03\x00\x00\xf8")
"""What comes before the type: RFC 1042, and the bridge tunnel that some Cisco stations use."""
_EAPOL_WITHIN = 24 + 6 + 2 + 4 + 3 + 14 + 6 + len(EAPOL)
"""Farthest end of an EAPOL header: four addresses, QoS, HT control, padding, one A-MSDU header."""

Note = Callable[[int], None]
"""Counts one frame, given its signal byte."""


class Frame(NamedTuple):
    """One 802.11 frame, without link header and checksum."""

    data: bytes
    start: int
    end: int
    cut: bool
    number: int
    second: int


class News:
    """Gives to a survey what the frames of one file say."""

    def __init__(self, file: str, survey: Survey, watch: Watch, second_opinion: Callable[[bytes], str]) -> None:
        self._file = file
        self._survey = survey
        self._watch = watch
        self._second_opinion = second_opinion

    def _packet(self, number: int) -> Packet:
        return Packet(file=self._file, number=number)

    def describe(self, frame: Frame, tag: link.Tag | None) -> Note:
        """Read a beacon or probe response that was not seen yet; tell where to count those like it."""
        data, at = frame.data, frame.start
        bssid = data[at + 16 : at + 22]
        capability = int.from_bytes(data[at + 34 : at + 36], "little")
        description = describe(data, at + 36, frame.end, capability, bssid, tag.frequency if tag else 0)
        packet = self._packet(frame.number)
        beacon = data[at] == BEACON
        variant = self._survey.describe(bssid, description, packet, "beacon" if beacon else "probe response")
        self._report(frame, description, packet)
        if variant is None:
            return ignore
        return variant.pending_beacons.append if beacon else variant.pending_responses.append

    def _report(self, frame: Frame, description: Description, packet: Packet) -> None:
        """Say what was not understood of a network, with a second opinion."""
        what = list(description.damaged)
        if description.left:
            what.append(f"éléments coupés ou malformés ({description.left} octets à la fin)")
        if what:
            opinion = self._second_opinion(frame.data[frame.start : frame.end])
            self._survey.note(f"Balise ou réponse : {' ; '.join(what)}.", packet, second_opinion=opinion)

    def probe(self, frame: Frame) -> None:
        """A probe request names the network that a station looks for."""
        data, at = frame.data, frame.start
        elements, _ = walk(data, at + 24, frame.end)
        for number, first, last in elements:
            if number == 0:
                ssid = data[first:last]
                if not is_blank(ssid) and len(ssid) <= 32:
                    self._survey.probe(data[at + 10 : at + 16], ssid, self._packet(frame.number))
                return

    def associate(self, frame: Frame) -> None:
        """An association request says what the station chose, and the real name of a hidden network."""
        data, at = frame.data, frame.start
        fixed = 24 + 4 + (6 if data[at] == REASSOCIATION else 0)
        if frame.end - at < fixed or data[at + 1] & PROTECTED:
            return
        bssid, station = data[at + 16 : at + 22], data[at + 10 : at + 16]
        elements, _ = walk(data, at + fixed, frame.end)
        ssid = next((data[first:last] for number, first, last in elements if number == 0), b"")
        bss = self._survey.networks.get(bssid)
        if bss is not None and len(ssid) <= 32:
            bss.name(ssid, "association")
        pair = bssid, station
        self._watch.joined(pair)
        if len(self._survey.requests) < MAX_STATIONS:
            self._survey.requests[pair] = ssid[:32]
        choice = choice_of(data, at + fixed, frame.end)
        conversation = self._survey.conversation(pair) if choice else None
        if conversation is not None:
            conversation.add_request(choice, self._packet(frame.number))

    def eapol(self, frame: Frame) -> None:
        """A key or EAP message in a data frame: find whose it is."""
        data, at = frame.data, frame.start
        control = data[at + 1]
        body = _eapol_at(data, at + 24, min(at + _EAPOL_WITHIN, frame.end))
        if body is None:
            if data[at + 4 : at + 16] in self._watch.keyed:
                self._watch.in_clear(data, at, frame.end, frame.number)
            return
        if self._watch.aggregate(data, at, frame.number):
            return
        receiver, sender = data[at + 4 : at + 10], data[at + 10 : at + 16]
        if control & 3 == 1:
            pair = receiver, sender
        elif control & 3 == 2:
            pair = sender, receiver
        elif control & 3 == 3:
            pair = (sender, receiver)  # between access points: the transmitter stands for the authenticator
        else:
            third = data[at + 16 : at + 22]
            pair = third, sender if third == receiver else receiver
        self.eapol_body(pair, data, body, frame)

    def eapol_body(self, pair: tuple[bytes, bytes], data: bytes, start: int, frame: Frame) -> None:
        """One EAPOL message between the two sides of `pair`, authenticator first."""
        eapol = parse_eapol(data, start, frame.end)
        if eapol is None:
            return
        packet = self._packet(frame.number)
        if eapol.kind == KEY:
            message = parse_key(eapol.body)
            if message is not None:
                conversation = self._survey.conversation(pair)
                if conversation is not None:
                    conversation.add(message, packet, frame.second)
                self._watch.message(pair, message, packet, frame.second)
            elif eapol.cut:
                self._survey.note("Message d'échange de clés coupé : il n'est pas compté.", packet)
        elif eapol.kind == EAP_PACKET:
            exchange = self._survey.exchange(pair, packet)
            if exchange is not None:
                exchange.add(eapol.body, packet)


def stable_key(frame: Frame) -> bytes:
    """The frame without the elements that change from one beacon to the next."""
    data = frame.data
    elements, _ = walk(data, frame.start + 36, frame.end)
    parts = [data[frame.start : frame.start + 1], data[frame.start + 16 : frame.start + 22]]
    parts.append(data[frame.start + 32 : frame.start + 36])
    at = frame.start + 36
    for number, first, last in elements:
        if number in VOLATILE:
            parts.append(data[at : first - 2])
            at = last
    parts.append(data[at : frame.end])
    return b"".join(parts)


def _eapol_at(data: bytes, start: int, end: int) -> int | None:
    """Where the content of an EAPOL frame starts: its type after one of the headers that carry it."""
    found = data.find(EAPOL, start + 6, end)
    while found >= 0:
        if data[found - 6 : found] in _SNAP:
            return found + len(EAPOL)
        found = data.find(EAPOL, found + 1, end)
    return None


def ignore(_: int) -> None:
    """Count nothing."""
