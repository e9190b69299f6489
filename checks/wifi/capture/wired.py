"""Captures made on a cable: 802.1X between a station and a switch, and RADIUS behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.wifi.capture.eapol import EAP_PACKET, KEY
from checks.wifi.capture.news import EAPOL, Frame, News
from checks.wifi.capture.packets import Batch
from checks.wifi.capture.survey import Survey

if TYPE_CHECKING:
    from checks.wifi.capture.radius import RadiusTap

EAP_RESPONSE = 2
_VLAN = b"\x81\x00"
_SHORTEST = 8
"""Bytes after the addresses of an EAPOL frame."""


class Sides:
    """The two sides of the last exchange on one interface."""

    def __init__(self) -> None:
        self.server = self.station = b""


class Cable:
    """Reads the frames of one file that come from a cable."""

    def __init__(self, file: str, survey: Survey, news: News) -> None:
        self._file = file
        self._survey = survey
        self._news = news
        self._radius: RadiusTap | None = None

    def ethernet(self, batch: Batch, sides: Sides, before: int) -> None:
        """802.1X on a cable: requests come from the switch, responses from the station, often to a group address.

        `before` is the number of packets that the file holds before this batch.
        """
        data = batch.data
        places = zip(batch.starts, batch.ends, batch.seconds, strict=True)
        for number, (start, end, second) in enumerate(places, before + 1):
            at = start + 12
            if data[at : at + 2] == _VLAN:
                at += 4
            if end - at < _SHORTEST or data[at : at + 2] != EAPOL:
                self._tap().ethernet(data, start, end, number)
                continue
            sender = data[start + 6 : start + 12]
            if data[at + 3] == EAP_PACKET and data[at + 6] != EAP_RESPONSE:
                sides.server = sender
            elif data[at + 3] != KEY:
                sides.station = sender
            if sides.server and sides.station:
                frame = Frame(data, start, end, batch.cut, number, second)
                self._news.eapol_body((sides.server, sides.station), data, at + 2, frame)

    def routed(self, batch: Batch, before: int) -> int:
        """IP packets without Ethernet header, of which only RADIUS is of interest. How many are not read."""
        places = enumerate(zip(batch.starts, batch.ends, strict=True), before + 1)
        tap, kind = self._tap(), batch.interface.link
        return sum(not tap.routed(kind, batch.data, start, end, number) for number, (start, end) in places)

    def _tap(self) -> RadiusTap:
        """The reader of RADIUS, loaded when there is a cable: most captures have none."""
        if self._radius is None:
            from checks.wifi.capture.radius import RadiusTap

            self._radius = RadiusTap(self._file, self._survey)
        return self._radius
