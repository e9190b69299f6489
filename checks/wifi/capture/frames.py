"""Read 802.11 frames: the fast path for those that repeat, one slow path for each other kind.

A beacon comes ten times per second and says the same thing: its bytes, without the time stamp and the sequence number,
are looked up in a cache that gives where to count it. Encrypted data frames are only counted by pair of addresses.
What is new goes through the parsers of elements, keys and EAP.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import compress
from operator import itemgetter, sub
from typing import TYPE_CHECKING, NamedTuple

from checks.wifi.capture import link
from checks.wifi.capture.attacks import Watch
from checks.wifi.capture.eapol import EAP_PACKET, KEY, choice_of, parse_eapol, parse_key
from checks.wifi.capture.elements import VOLATILE, Description, describe, walk
from checks.wifi.capture.fcs import Fcs
from checks.wifi.capture.names import is_blank, is_group
from checks.wifi.capture.packets import Batch, Interface
from checks.wifi.capture.survey import MAX_REASONS, MAX_STATIONS, WINDOW, Survey
from checks.wifi.facts import Packet

if TYPE_CHECKING:
    from checks.wifi.capture.radius import RadiusTap

BEACON, PROBE_RESPONSE, PROBE_REQUEST = 0x80, 0x50, 0x40
ASSOCIATION, REASSOCIATION, ASSOCIATED, REASSOCIATED = 0x00, 0x20, 0x10, 0x30
DISASSOCIATION, DEAUTHENTICATION = 0xA0, 0xC0
DAMAGED = 0xFF
"""Stands for the first byte of a frame that cannot be one; no real frame has that protocol version."""

_EAPOL = b"\x88\x8e"
_SNAP = (b"\xaa\xaa\x03\x00\x00\x00", b"\xaa\xaa\x03\x00\x00\xf8")
"""What comes before the type: RFC 1042, and the bridge tunnel that some Cisco stations use."""
_EAPOL_WITHIN = 24 + 6 + 2 + 4 + 3 + 14 + 6 + len(_EAPOL)
"""Farthest end of an EAPOL header: four addresses, QoS, HT control, padding, one A-MSDU header."""
_PROTECTED = 0x40
MAX_CACHE = 8192
"""Distinct beacons remembered; some access points put a counter in them."""
MAX_PENDING = 1 << 22
"""Frames between two flushes."""
MAX_SLICES = 64
"""Periods of ten seconds in one buffer, beyond which they are not told apart."""
MAX_TABLE = 20_000
"""Pairs of addresses counted before they are given to the survey."""
EAP_RESPONSE = 2
SMALLEST = 10
"""Bytes of an acknowledgement, the shortest frame."""
_NOT_CONTROL = bytes(kind & 0x0F != 0x04 for kind in range(256))

_Place = tuple[int, int, int]
"""Number of a frame in its batch, where it starts, where it ends."""
Note = Callable[[int], None]
"""Counts one frame, given its signal byte."""
_Shape = tuple[int, int, int, int]
"""Length of a link header, places of flags and signal, bytes to look up instead when the first eight do not tell."""


class _Air:
    """What is known of one interface."""

    def __init__(self, interface: Interface) -> None:
        self.link = interface.link
        self.layouts: dict[bytes, _Shape] = {}
        self.reader = link.READERS.get(interface.link)
        self.fcs = Fcs()
        self.server = self.station = b""
        """On a cable: the two sides of the last exchange."""


class _Frame(NamedTuple):
    """One 802.11 frame, without link header and checksum."""

    data: bytes
    start: int
    end: int
    cut: bool
    number: int
    second: int


class Scanner:
    """Gives the frames of one file to a survey."""

    def __init__(self, file: str, survey: Survey, second_opinion: Callable[[bytes], str]) -> None:
        self._file = file
        self._survey = survey
        self._radius: RadiusTap | None = None
        self._second_opinion = second_opinion
        self._airs: dict[Interface, _Air] = {}
        self._beacons: dict[bytes, Note] = {}
        self._responses: dict[bytes, Note] = {}
        self._settled: dict[bytes, Note] = {}
        self._probed: set[bytes] = set()
        self._leaving: dict[bytes, int] = {}
        self._leaving_first: dict[bytes, int] = {}
        self._pairs: dict[int, defaultdict[bytes, int]] = {flags: defaultdict(int) for flags in _PAIR_FLAGS}
        self._watch = Watch(file, survey)
        self._kinds = bytearray()
        self._before = 0
        self._window: int | None = None
        self._unflushed = 0
        self.first: int | None = None
        self.last: int | None = None
        self.out_of_order = False
        self.cut = 0
        self.unsupported = 0
        self.damaged = 0
        self.wired = 0
        """Ethernet frames."""

    @property
    def frames(self) -> int:
        """Packets read so far."""
        return self._before + len(self._kinds)

    def scan(self, batch: Batch) -> None:
        """Read the packets of one batch."""
        air = self._airs.get(batch.interface)
        if air is None:
            air = self._airs[batch.interface] = _Air(batch.interface)
        seconds = batch.seconds
        first, last = seconds[0], seconds[-1]
        ordered = first <= last and seconds == sorted(seconds)
        self._time(first, last, seconds, ordered=ordered)
        self.cut += len(seconds) if batch.cut else 0
        begin, end = first // WINDOW, last // WINDOW
        if begin == end or not ordered or end - begin > MAX_SLICES:
            self._enter(begin)
            self._read(batch, air)
        else:
            self._slices(batch, air, begin, end)
        if len(self._kinds) >= MAX_PENDING >> 4:
            self._fold_kinds()
        if len(self._leaving) > MAX_TABLE:
            self._fold_leaving()
        if max(map(len, self._pairs.values())) > MAX_TABLE:
            self._fold_pairs()

    def _slices(self, batch: Batch, air: _Air, begin: int, end: int) -> None:
        """Read the batch one period at a time, so that what is counted belongs to its period."""
        at = 0
        for window in range(begin, end + 1):
            after = bisect_left(batch.seconds, (window + 1) * WINDOW, at)
            if after > at:
                self._enter(window)
                part = slice(at, after)
                self._read(
                    Batch(
                        batch.interface,
                        batch.data,
                        batch.starts[part],
                        batch.ends[part],
                        batch.seconds[part],
                        batch.cut,
                    ),
                    air,
                )
            at = after

    def _time(self, first: int, last: int, seconds: list[int], *, ordered: bool) -> None:
        if not ordered:
            self.out_of_order = True
            first, last = min(seconds), max(seconds)
        if self.last is not None and first < self.last:
            self.out_of_order = True
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def _enter(self, window: int) -> None:
        """Close the period before this one. Rarely enough for the work to stay small beside the frames themselves."""
        if self._window is None:
            self._window = window
        elif window != self._window and self.frames - self._unflushed >= len(self._survey.networks) // 4:
            self._flush()
            self._window = window
        elif self.frames - self._unflushed > MAX_PENDING:
            self._flush()

    def _flush(self) -> None:
        second = (self._window or 0) * WINDOW
        self._survey.flush(second)
        self._fold_leaving()
        self._fold_pairs()
        self._unflushed = self.frames

    def finish(self) -> None:
        """Count what is pending."""
        self._flush()
        self._fold_kinds()

    def _fold_kinds(self) -> None:
        kinds = self._kinds
        for kind in set(kinds):
            count = kinds.count(kind)
            if kind == DAMAGED:
                self.damaged += count
                self._survey.damaged += count
            else:
                self._survey.kinds[kind] += count
        self._before += len(kinds)
        kinds.clear()

    def _fold_pairs(self) -> None:
        """Data frames by access point and station; frames of no access point, or between two of them, are not."""
        count, encrypted = self._survey.count_traffic, self._watch.encrypted
        for flags, pairs in self._pairs.items():
            if flags & _PROTECTED:
                for key in pairs:
                    encrypted(key)
            if flags & 3 == 1:
                for key, frames in pairs.items():
                    count(key[:6], key[6:], frames, protected=bool(flags & _PROTECTED))
            elif flags & 3 == 2:
                for key, frames in pairs.items():
                    count(key[6:], key[:6], frames, protected=bool(flags & _PROTECTED))
            pairs.clear()

    def _fold_leaving(self) -> None:
        totals: dict[bytes, int] = {}
        for key, frames in self._leaving.items():
            flags, receiver, sender, bssid, reason = key[1], key[4:10], key[10:16], key[16:22], key[22:24]
            flood = self._survey.flood(bssid, self._packet(self._leaving_first[key]))
            if flood is None:
                continue
            totals[bssid] = totals.get(bssid, 0) + frames
            flood.frames += frames
            flood.peak = max(flood.peak, totals[bssid])
            if flags & _PROTECTED:
                flood.protected += frames
            elif len(flood.reasons) < MAX_REASONS:
                flood.reasons.add(int.from_bytes(reason, "little"))
            target = receiver if sender == bssid else sender
            if is_group(target):
                flood.broadcast += frames
            elif len(flood.targets) < MAX_STATIONS // 10:
                flood.targets.add(target)
        self._leaving.clear()
        self._leaving_first.clear()

    def _packet(self, number: int) -> Packet:
        return Packet(file=self._file, number=number)

    def _read(self, batch: Batch, air: _Air) -> None:
        if air.reader is not None:
            self._read_air(batch, air)
        elif air.link == link.ETHERNET:
            self._read_wired(batch, air)
        elif air.link in link.ROUTED:
            self._read_routed(batch, air)
        else:
            self.unsupported += len(batch.starts)
            self._before += len(batch.starts)

    def _read_air(self, batch: Batch, air: _Air) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot loop: calls cost
        """Read 802.11 frames. Everything here is done half a million times: slow paths are elsewhere."""
        data, cut, reader = batch.data, batch.cut, air.reader
        radiotap, bare = air.link == link.RADIOTAP, air.link == link.IEEE80211
        layouts, fcs = air.layouts, air.fcs
        kinds, rest = _skim(batch, 0 if cut else fcs.tail) if bare else _everything(batch)
        before = self.frames + 1
        beacons, responses, probed = self._beacons, self._responses, self._probed
        pairs, leaving = self._pairs, self._leaving
        watch, numbered, keyed = self._watch, self._watch.numbered, self._watch.keyed
        find = data.find
        signal = flags = 0
        if reader is None:
            return
        for index, start, end in rest:
            if radiotap:
                try:
                    length, flags_at, signal_at, extended = layouts[data[start : start + 8]]
                    if extended:
                        length, flags_at, signal_at, extended = layouts[data[start : start + extended]]
                except KeyError:
                    layout = self._learn(air, data, start, end)
                    if layout is None:
                        kinds[index] = DAMAGED
                        continue
                    length, flags_at, signal_at, extended = layout
                flags = data[start + flags_at]
                signal = data[start + signal_at]
                at = start + length
                if flags & 0x50 and not cut:
                    if flags & 0x40:
                        kinds[index] = DAMAGED
                        continue
                    end -= fcs.tail_flagged  # noqa: PLW2901 - a name less
            elif bare:
                at = start
                if not cut:
                    end -= fcs.tail  # noqa: PLW2901
            else:
                tag = reader(data, start, end)
                if tag is None or tag.flags & 0x40:
                    kinds[index] = DAMAGED
                    continue
                at, signal, flags = start + tag.length, tag.signal, tag.flags
                if not cut:
                    end -= fcs.tail_flagged if flags & 0x10 else fcs.tail  # noqa: PLW2901
            if end - at < SMALLEST:
                kinds[index] = DAMAGED
                continue
            kind = kinds[index] = data[at]
            if kind == 0x80:
                try:
                    beacons[data[at + 16 : at + 22] + data[at + 32 : end]](signal)
                except KeyError:
                    note = self._announce(batch, air, index, at, end, flags)
                    if note is None:
                        kinds[index] = DAMAGED
                    else:
                        note(signal)
            elif kind & 0x0F == 0x08:
                if end - at < 24:
                    continue
                control = data[at + 1]
                addresses = data[at + 4 : at + 16]
                pairs[control & 0x43][addresses] += 1
                if control & 0x40:
                    if addresses in numbered:
                        watch.number(data, at, end, before + index, batch.seconds[index])
                elif not kind & 0x40:
                    if find(_EAPOL, at + 30, at + 62) > 0:
                        self._eapol(_Frame(data, at, end, cut, before + index, batch.seconds[index]))
                    elif addresses in keyed:
                        watch.in_clear(data, at, end, before + index)
            elif kind & 0x0F == 0x04:
                continue
            elif kind == 0x50:
                try:
                    responses[data[at + 16 : at + 22] + data[at + 32 : end]](signal)
                except KeyError:
                    note = self._announce(batch, air, index, at, end, flags)
                    if note is None:
                        kinds[index] = DAMAGED
                    else:
                        note(signal)
            elif kind in {0xC0, 0xA0}:
                if end - at >= 26:
                    key = data[at : at + 22] + data[at + 24 : at + 26]
                    try:
                        leaving[key] += 1
                    except KeyError:
                        self._leaving_first[key] = before + index
                        leaving[key] = 1
            elif kind == 0x40:
                if data[at + 10 : at + 16] + data[at + 24 : end] not in probed:
                    self._probe(_Frame(data, at, end, cut, before + index, 0))
            elif kind in {0x00, 0x20}:
                self._associate(_Frame(data, at, end, cut, before + index, 0))
        self._kinds += kinds

    def _learn(self, air: _Air, data: bytes, start: int, end: int) -> _Shape | None:
        """Compute the layout of a radiotap header, and remember it for those of the same shape."""
        layout = link.radiotap_layout(data, start, end)
        if layout is None:
            return None
        if len(air.layouts) > MAX_CACHE:
            air.layouts.clear()
        shape: _Shape = layout.length, layout.flags, layout.signal, 0
        head = data[start : start + 8]
        if layout.extended:
            # The first word is not enough to tell: the entry of the head says how many bytes are.
            size = 4 + layout.extended
            air.layouts[head] = 0, 0, 0, size
            air.layouts[data[start : start + size]] = shape
        else:
            air.layouts[head] = shape
        return shape

    def _announce(self, batch: Batch, air: _Air, index: int, at: int, end: int, flags: int) -> Note | None:
        """Where to count a beacon or probe response that is not in the cache, after reading it; None when damaged.

        `index` is its place in the batch, `at` the start of its 802.11 header, `end` where the fast path saw its end.
        """
        data = batch.data
        kind = data[at]
        recorded = batch.ends[index]
        checked = recorded if batch.cut else air.fcs.check(data, at, recorded, flagged=bool(flags & 0x10))
        if checked is None or checked - at < 36 or is_group(data[at + 16 : at + 22]):
            return None
        if self._survey.bss(data[at + 16 : at + 22]) is None:
            return _ignore  # too many networks: neither read nor remembered
        frame = _Frame(data, at, checked, batch.cut, self.frames + index + 1, batch.seconds[index])
        cache = self._beacons if kind == BEACON else self._responses
        if len(cache) >= MAX_CACHE:
            cache.clear()
        stable = self._stable_key(frame)
        note = self._settled.get(stable)
        if note is None:
            note = self._describe(frame, air, batch.starts[index])
            if len(self._settled) >= MAX_CACHE:
                self._settled.clear()
            self._settled[stable] = note
        cache[data[at + 16 : at + 22] + data[at + 32 : end]] = note
        return note

    def _stable_key(self, frame: _Frame) -> bytes:
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

    def _describe(self, frame: _Frame, air: _Air, start: int) -> Note:
        data, at = frame.data, frame.start
        bssid = data[at + 16 : at + 22]
        tag = air.reader(data, start, frame.end) if air.reader else None
        capability = int.from_bytes(data[at + 34 : at + 36], "little")
        description = describe(data, at + 36, frame.end, capability, bssid, tag.frequency if tag else 0)
        packet = self._packet(frame.number)
        beacon = data[at] == BEACON
        variant = self._survey.describe(bssid, description, packet, "beacon" if beacon else "probe response")
        self._report(frame, description, packet)
        if variant is None:
            return _ignore
        return variant.pending_beacons.append if beacon else variant.pending_responses.append

    def _report(self, frame: _Frame, description: Description, packet: Packet) -> None:
        """Say what was not understood of a network, with a second opinion."""
        what = list(description.damaged)
        if description.left:
            what.append(f"éléments coupés ou malformés ({description.left} octets à la fin)")
        if what:
            opinion = self._second_opinion(frame.data[frame.start : frame.end])
            self._survey.note(f"Balise ou réponse : {' ; '.join(what)}.", packet, second_opinion=opinion)

    def _probe(self, frame: _Frame) -> None:
        data, at = frame.data, frame.start
        if len(self._probed) >= MAX_CACHE:
            self._probed.clear()
        self._probed.add(data[at + 10 : at + 16] + data[at + 24 : frame.end])
        elements, _ = walk(data, at + 24, frame.end)
        for number, first, last in elements:
            if number == 0:
                ssid = data[first:last]
                if not is_blank(ssid) and len(ssid) <= 32:
                    self._survey.probe(data[at + 10 : at + 16], ssid, self._packet(frame.number))
                return

    def _associate(self, frame: _Frame) -> None:
        """An association request says what the station chose, and the real name of a hidden network."""
        data, at = frame.data, frame.start
        fixed = 24 + 4 + (6 if data[at] == REASSOCIATION else 0)
        if frame.end - at < fixed or data[at + 1] & _PROTECTED:
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

    def _eapol(self, frame: _Frame) -> None:
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
        self._eapol_body(pair, data, body, frame)

    def _eapol_body(self, pair: tuple[bytes, bytes], data: bytes, start: int, frame: _Frame) -> None:
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

    def _read_wired(self, batch: Batch, air: _Air) -> None:
        """802.1X on a cable: requests come from the switch, responses from the station, often to a group address."""
        data = batch.data
        for start, end, second in zip(batch.starts, batch.ends, batch.seconds, strict=True):
            self._before += 1
            self.wired += 1
            at = start + 12
            if data[at : at + 2] == b"\x81\x00":
                at += 4
            if end - at < 8 or data[at : at + 2] != b"\x88\x8e":
                self._tap().ethernet(data, start, end, self.frames)
                continue
            sender = data[start + 6 : start + 12]
            if data[at + 3] == EAP_PACKET and data[at + 6] != EAP_RESPONSE:
                air.server = sender
            elif data[at + 3] != KEY:
                air.station = sender
            if air.server and air.station:
                frame = _Frame(data, start, end, batch.cut, self.frames, second)
                self._eapol_body((air.server, air.station), data, at + 2, frame)

    def _tap(self) -> RadiusTap:
        """The reader of RADIUS, loaded when there is a cable: most captures have none."""
        if self._radius is None:
            from checks.wifi.capture.radius import RadiusTap

            self._radius = RadiusTap(self._file, self._survey)
        return self._radius

    def _read_routed(self, batch: Batch, air: _Air) -> None:
        """IP packets without Ethernet header: only RADIUS is of interest there."""
        for start, end in zip(batch.starts, batch.ends, strict=True):
            self._before += 1
            if not self._tap().routed(air.link, batch.data, start, end, self.frames):
                self.unsupported += 1


_PAIR_FLAGS = tuple(direction | protected for direction in range(4) for protected in (0, _PROTECTED))


def _eapol_at(data: bytes, start: int, end: int) -> int | None:
    """Where the content of an EAPOL frame starts: its type after one of the headers that carry it."""
    found = data.find(_EAPOL, start + 6, end)
    while found >= 0:
        if data[found - 6 : found] in _SNAP:
            return found + len(_EAPOL)
        found = data.find(_EAPOL, found + 1, end)
    return None


def _everything(batch: Batch) -> tuple[bytearray, Iterable[_Place]]:
    """Room for the first byte of each frame, and every frame to read."""
    return bytearray(len(batch.starts)), zip(range(len(batch.starts)), batch.starts, batch.ends, strict=True)


def _skim(batch: Batch, tail: int) -> tuple[bytearray, Iterable[_Place]]:
    """First byte of each frame without link header, and the frames to read: control ones have nothing else to say.

    Half of a capture may be acknowledgements: they are told apart without a turn of the loop each. A batch with a frame
    too short to be one is read frame by frame.
    """
    if len(batch.starts) < 2 or min(map(sub, batch.ends, batch.starts)) < SMALLEST + tail:
        return _everything(batch)
    kinds = bytearray(itemgetter(*batch.starts)(batch.data))
    places = zip(range(len(kinds)), batch.starts, batch.ends, strict=True)
    return kinds, compress(places, kinds.translate(_NOT_CONTROL))


def _ignore(_: int) -> None:
    """Count nothing."""
