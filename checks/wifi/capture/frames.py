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

from checks.wifi.capture import link
from checks.wifi.capture.attacks import Watch
from checks.wifi.capture.fcs import Fcs
from checks.wifi.capture.names import is_group
from checks.wifi.capture.news import BEACON, EAPOL, PROTECTED, Frame, News, Note, ignore, stable_key
from checks.wifi.capture.packets import Batch, Interface
from checks.wifi.capture.survey import MAX_REASONS, MAX_STATIONS, WINDOW, Survey
from checks.wifi.capture.wired import Cable, Sides
from checks.wifi.facts import Packet

DAMAGED = 0xFF
"""Stands for the first byte of a frame that cannot be one; no real frame has that protocol version."""

MAX_CACHE = 8192
"""Distinct beacons remembered; some access points put a counter in them."""
MAX_PENDING = 1 << 22
"""Frames between two flushes."""
MAX_SLICES = 64
"""Periods of ten seconds in one buffer, beyond which they are not told apart."""
MAX_TABLE = 20_000
"""Pairs of addresses counted before they are given to the survey."""
SMALLEST = 10
"""Bytes of an acknowledgement, the shortest frame."""
_NOT_CONTROL = bytes(kind & 0x0F != 0x04 for kind in range(256))

_Place = tuple[int, int, int]
"""Number of a frame in its batch, where it starts, where it ends."""
_Shape = tuple[int, int, int, int]
"""Length of a link header, places of flags and signal, bytes to look up instead when the first eight do not tell."""


class _Air:
    """What is known of one interface."""

    def __init__(self, interface: Interface) -> None:
        self.link = interface.link
        self.layouts: dict[bytes, _Shape] = {}
        self.reader = link.READERS.get(interface.link)
        self.fcs = Fcs()
        self.sides = Sides()
        """On a cable."""


class Scanner:
    """Gives the frames of one file to a survey."""

    def __init__(self, file: str, survey: Survey, second_opinion: Callable[[bytes], str]) -> None:
        self._file = file
        self._survey = survey
        self._airs: dict[Interface, _Air] = {}
        self._beacons: dict[bytes, Note] = {}
        self._responses: dict[bytes, Note] = {}
        self._settled: dict[bytes, Note] = {}
        self._probed: set[bytes] = set()
        self._leaving: dict[bytes, int] = {}
        self._leaving_first: dict[bytes, int] = {}
        self._pairs: dict[int, defaultdict[bytes, int]] = {flags: defaultdict(int) for flags in _PAIR_FLAGS}
        self._watch = Watch(file, survey)
        self._news = News(file, survey, self._watch, second_opinion)
        self._cable = Cable(file, survey, self._news)
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
            if flags & PROTECTED:
                for key in pairs:
                    encrypted(key)
            if flags & 3 == 1:
                for key, frames in pairs.items():
                    count(key[:6], key[6:], frames, protected=bool(flags & PROTECTED))
            elif flags & 3 == 2:
                for key, frames in pairs.items():
                    count(key[6:], key[:6], frames, protected=bool(flags & PROTECTED))
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
            if flags & PROTECTED:
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
            self._cable.ethernet(batch, air.sides, self.frames)
            self._before += len(batch.starts)
        elif air.link in link.ROUTED:
            self.unsupported += self._cable.routed(batch, self.frames)
            self._before += len(batch.starts)
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
        news, watch, numbered, keyed = self._news, self._watch, self._watch.numbered, self._watch.keyed
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
                    if find(EAPOL, at + 30, at + 62) > 0:
                        news.eapol(Frame(data, at, end, cut, before + index, batch.seconds[index]))
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
                    if len(probed) >= MAX_CACHE:
                        probed.clear()
                    probed.add(data[at + 10 : at + 16] + data[at + 24 : end])
                    news.probe(Frame(data, at, end, cut, before + index, 0))
            elif kind in {0x00, 0x20}:
                news.associate(Frame(data, at, end, cut, before + index, 0))
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
            return ignore  # too many networks: neither read nor remembered
        frame = Frame(data, at, checked, batch.cut, self.frames + index + 1, batch.seconds[index])
        cache = self._beacons if kind == BEACON else self._responses
        if len(cache) >= MAX_CACHE:
            cache.clear()
        stable = stable_key(frame)
        note = self._settled.get(stable)
        if note is None:
            note = self._news.describe(frame, air.reader(data, batch.starts[index], checked) if air.reader else None)
            if len(self._settled) >= MAX_CACHE:
                self._settled.clear()
            self._settled[stable] = note
        cache[data[at + 16 : at + 22] + data[at + 32 : end]] = note
        return note


_PAIR_FLAGS = tuple(direction | protected for direction in range(4) for protected in (0, PROTECTED))


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
