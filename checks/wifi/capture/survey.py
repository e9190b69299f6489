"""What was gathered of each network and station while frames go by. Sizes are bounded: a capture may be hostile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checks.wifi.capture.eap import Exchange
from checks.wifi.capture.elements import Description
from checks.wifi.capture.handshakes import Conversation
from checks.wifi.capture.names import is_blank, is_group
from checks.wifi.facts import Packet, Suites, Unreadable

WINDOW = 10
"""Seconds of the shortest period of the signal summary, and of the count of deauthentications."""
MAX_PERIODS = 64
"""Periods of the signal summary; beyond, periods are merged two by two."""
MAX_NETWORKS = 20_000
MAX_STATIONS = 50_000
MAX_CONVERSATIONS = 20_000
MAX_VARIANTS = 16
MAX_SSIDS = 64
"""Names kept for one BSSID or one station."""
MAX_UNREADABLE = 100
MAX_REASONS = 32
MAX_SIGNS = 2_000
MAX_SIGN_PACKETS = 8
"""Frames kept as a proof of one sign."""

Pair = tuple[bytes, bytes]
"""Addresses of an access point and of a station."""


class Settings(NamedTuple):
    """What makes two descriptions of one BSSID the same network settings."""

    privacy: bool
    rsn: Suites | None
    wpa: Suites | None
    override: Suites | None
    damaged: bool
    band: str
    channel: int | None


class Period:
    """Frames of one variant during one period."""

    __slots__ = ("count", "heard", "strongest", "total")

    def __init__(self) -> None:
        self.count = 0
        self.heard = 0
        """Frames with a signal."""
        self.total = 0
        """Sum of dBm."""
        self.strongest: int | None = None

    def add(self, count: int, heard: int, total: int, strongest: int | None) -> None:
        """Merge figures of more frames."""
        self.count += count
        self.heard += heard
        self.total += total
        if strongest is not None and (self.strongest is None or strongest > self.strongest):
            self.strongest = strongest

    def take(self, signals: bytearray) -> None:
        """Merge frames given as one byte each: dBm, or 0."""
        heard = bytes(signals).translate(None, _NO_SIGNAL)
        # An unsigned byte b stands for b - 256 dBm; what is not negative is not a power that was received.
        self.add(len(signals), len(heard), sum(heard) - 256 * len(heard), max(heard) - 256 if heard else None)


_NO_SIGNAL = bytes(range(128))


class Variant:
    """One group of settings of one BSSID."""

    __slots__ = ("beacons", "description", "packet", "pending_beacons", "pending_responses", "periods", "responses")

    def __init__(self, description: Description, packet: Packet) -> None:
        self.description = description
        self.packet = packet
        self.beacons = 0
        self.responses = 0
        self.pending_beacons = bytearray()
        """Signal of each beacon since the last `flush`: one append per frame is all that the fast path does."""
        self.pending_responses = bytearray()
        self.periods: dict[int, Period] = {}

    def flush(self, period: int) -> None:
        """Count what is pending as received in this period."""
        for pending in (self.pending_beacons, self.pending_responses):
            if pending:
                found = self.periods.get(period)
                if found is None:
                    found = self.periods[period] = Period()
                found.take(pending)
        self.beacons += len(self.pending_beacons)
        self.responses += len(self.pending_responses)
        self.pending_beacons.clear()
        self.pending_responses.clear()

    def halve(self) -> None:
        """Merge periods two by two."""
        merged: dict[int, Period] = {}
        for number, period in self.periods.items():
            into = merged.setdefault(number // 2, Period())
            into.add(period.count, period.heard, period.total, period.strongest)
        self.periods = merged


class Bss:
    """One BSSID."""

    __slots__ = ("beacon_ssids", "blank", "latest", "ssids", "variants")

    def __init__(self) -> None:
        self.variants: dict[Settings, Variant] = {}
        self.ssids: dict[bytes, str] = {}
        """Names, and the kind of frame that gave each first."""
        self.beacon_ssids: set[bytes] = set()
        self.blank = False
        """Some beacon hides the name."""
        self.latest: dict[str, Description] = {}
        """Last whole description by kind of frame."""

    def name(self, ssid: bytes | None, source: str) -> None:
        """Take a name that a frame gives."""
        if ssid is not None and not is_blank(ssid) and len(self.ssids) < MAX_SSIDS:
            self.ssids.setdefault(ssid, source)
            if source == "beacon":
                self.beacon_ssids.add(ssid)
        elif source == "beacon":
            self.blank = True


class Flood:
    """Deauthentications and disassociations under one BSSID."""

    __slots__ = ("broadcast", "frames", "packet", "peak", "protected", "reasons", "targets")

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.frames = 0
        self.broadcast = 0
        self.protected = 0
        self.peak = 0
        self.targets: set[bytes] = set()
        self.reasons: set[int] = set()


class Probes:
    """Names that one station calls."""

    __slots__ = ("packet", "ssids")

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.ssids: set[bytes] = set()


class Traffic:
    """Data frames between two addresses."""

    __slots__ = ("clear", "protected")

    def __init__(self) -> None:
        self.clear = 0
        self.protected = 0


class Sign:
    """Frames of one pair that look like one attack."""

    __slots__ = ("frames", "packets")

    def __init__(self) -> None:
        self.frames = 0
        self.packets: list[Packet] = []


class Survey:
    """Everything gathered from the captures of one run."""

    def __init__(self) -> None:
        self.networks: dict[bytes, Bss] = {}
        self.conversations: dict[Pair, Conversation] = {}
        self.exchanges: dict[Pair, Exchange] = {}
        self.requests: dict[Pair, bytes] = {}
        """SSID asked for in an association request."""
        self.traffic: dict[Pair, Traffic] = {}
        self.floods: dict[bytes, Flood] = {}
        self.probes: dict[bytes, Probes] = {}
        self.signs: dict[tuple[Pair, str], Sign] = {}
        """By pair and kind of attack."""
        self.unreadable: list[Unreadable] = []
        self.unreadable_dropped = 0
        self.full: set[str] = set()
        """Limits that were reached, French."""
        self.kinds = [0] * 256
        """Frames by first byte of the frame control field."""
        self.damaged = 0
        self.step = WINDOW
        """Seconds of one period of the signal summary."""
        self._periods: set[int] = set()

    def bss(self, address: bytes) -> Bss | None:
        """The network of this address; None when there are too many."""
        found = self.networks.get(address)
        if found is None:
            if len(self.networks) >= MAX_NETWORKS:
                self.full.add(f"plus de {MAX_NETWORKS} réseaux")
                return None
            found = self.networks[address] = Bss()
        return found

    def conversation(self, pair: Pair) -> Conversation | None:
        """Key messages of a station with an access point; None when there are too many."""
        found = self.conversations.get(pair)
        if found is None:
            if len(self.conversations) >= MAX_CONVERSATIONS:
                self.full.add(f"plus de {MAX_CONVERSATIONS} échanges de clés")
                return None
            found = self.conversations[pair] = Conversation()
        return found

    def exchange(self, pair: Pair, packet: Packet) -> Exchange | None:
        """EAP packets of a station with an access point; None when there are too many."""
        found = self.exchanges.get(pair)
        if found is None:
            if len(self.exchanges) >= MAX_CONVERSATIONS:
                self.full.add(f"plus de {MAX_CONVERSATIONS} échanges EAP")
                return None
            found = self.exchanges[pair] = Exchange(packet)
        return found

    def describe(self, address: bytes, description: Description, packet: Packet, source: str) -> Variant | None:
        """Take what one beacon or probe response says; None when there is no room for it."""
        bss = self.bss(address)
        if bss is None:
            return None
        bss.name(description.ssid, source)
        damaged = bool(description.damaged) or bool(description.left)
        if not damaged or source not in bss.latest:
            bss.latest[source] = description
        settings = Settings(
            description.privacy,
            description.rsn,
            description.wpa,
            description.override,
            damaged,
            description.band,
            description.channel,
        )
        variant = bss.variants.get(settings)
        if variant is None:
            if len(bss.variants) >= MAX_VARIANTS:
                self.full.add(f"plus de {MAX_VARIANTS} réglages différents pour un même BSSID")
                return None
            variant = bss.variants[settings] = Variant(description, packet)
        return variant

    def count_traffic(self, access_point: bytes, station: bytes, frames: int, *, protected: bool) -> None:
        """Count data frames between an access point and a station."""
        if is_group(station) or is_group(access_point):
            return
        pair = access_point, station
        found = self.traffic.get(pair)
        if found is None:
            if len(self.traffic) >= MAX_STATIONS:
                self.full.add(f"plus de {MAX_STATIONS} stations")
                return
            found = self.traffic[pair] = Traffic()
        if protected:
            found.protected += frames
        else:
            found.clear += frames

    def probe(self, station: bytes, ssid: bytes, packet: Packet) -> None:
        """Take one name called by a station."""
        found = self.probes.get(station)
        if found is None:
            if len(self.probes) >= MAX_STATIONS:
                self.full.add(f"plus de {MAX_STATIONS} stations")
                return
            found = self.probes[station] = Probes(packet)
        if len(found.ssids) < MAX_SSIDS:
            found.ssids.add(ssid)

    def flood(self, bssid: bytes, packet: Packet) -> Flood | None:
        """Deauthentications of one BSSID; None when there are too many."""
        found = self.floods.get(bssid)
        if found is None:
            if len(self.floods) >= MAX_NETWORKS:
                self.full.add(f"plus de {MAX_NETWORKS} réseaux")
                return None
            found = self.floods[bssid] = Flood(packet)
        return found

    def sign(self, pair: Pair, kind: str, *packets: Packet) -> None:
        """Count one more frame that looks like an attack; `packets` end with it."""
        found = self.signs.get((pair, kind))
        if found is None:
            if len(self.signs) >= MAX_SIGNS:
                self.full.add(f"plus de {MAX_SIGNS} signes d'attaque")
                return
            found = self.signs[pair, kind] = Sign()
        found.frames += 1
        found.packets += packets[: MAX_SIGN_PACKETS - len(found.packets)]

    def note(self, what: str, packet: Packet | None = None, file: str = "", second_opinion: str = "") -> None:
        """Keep something that was not understood, up to a limit."""
        if len(self.unreadable) >= MAX_UNREADABLE:
            self.unreadable_dropped += 1
            return
        self.unreadable.append(Unreadable(what=what, packet=packet, file=file, second_opinion=second_opinion))

    def variants(self) -> Iterator[Variant]:
        """Every variant of every network."""
        for bss in self.networks.values():
            yield from bss.variants.values()

    def flush(self, second: int) -> None:
        """Count the pending frames of every network as received around this second."""
        period = second // self.step
        self._periods.add(period)
        while len(self._periods) > MAX_PERIODS:
            self.step *= 2
            self._periods = {number // 2 for number in self._periods}
            for variant in self.variants():
                variant.halve()
            period = second // self.step
        for variant in self.variants():
            if variant.pending_beacons or variant.pending_responses:
                variant.flush(period)
