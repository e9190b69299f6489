"""Pictures of the Wi-Fi page: table of networks, channels, signal over time, what a station reaches. Pure.

Channel numbers and frequencies: IEEE Std 802.11-2020, annex E (2.4 and 5 GHz), and IEEE Std 802.11ax-2021 (6 GHz).
A channel of number n is centred on a starting frequency plus 5 × n MHz; three channels are exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from checks.common.exhibits import (
    MAX_SERIES,
    Exhibit,
    Lane,
    Lines,
    Point,
    Series,
    Span,
    Spans,
    Table,
    Tick,
)
from checks.common.french import count, listed
from checks.common.text import clean
from checks.model import Level
from checks.wifi.facts import CAPTURE, EXPORT, Network, Sample, WifiFacts
from checks.wifi.inside_table import inside_exhibits
from checks.wifi.networks_table import decibels, networks_table
from checks.wifi.roles import Own, neighbours, own_ssids

CHANNEL_WIDTH = 20
"""MHz. The facts do not tell the width: the primary channel is drawn."""
WEAKEST, BEST = -100.0, -20.0
"""dBm: below, no receiver hears; above, the two antennas touch."""
INSIDE_SHOWN = 12
"""Tests from inside with a table of their own; the verdicts name them all."""
NAMED = 2
"""SSIDs named on one channel."""
LINE_NAME = 17
"""Characters of an SSID beside the end of its BSSID."""


class Band(NamedTuple):
    """One band of frequencies as its drawing shows it, in MHz."""

    title: str
    base: int
    """Centre of channel n is `base` + 5 × n."""
    channels: range
    start: int
    stop: int
    ticks: tuple[int, ...]
    """Channels written under the axis."""
    exceptions: Mapping[int, int] = {}
    """Channels that follow another rule, with their centre."""


BANDS: Mapping[str, Band] = {
    "2.4": Band("2,4 GHz", 2407, range(1, 14), 2399, 2485, tuple(range(1, 14)), {14: 2484}),
    "5": Band("5 GHz", 5000, range(32, 178), 5140, 5900, (36, 44, 52, 60, 100, 108, 116, 124, 132, 140, 149, 157, 165)),
    "6": Band("6 GHz", 5950, range(1, 234), 5920, 7130, tuple(range(1, 234, 16)), {2: 5935}),
}


def exhibits(facts: WifiFacts) -> tuple[Exhibit, ...]:
    """What was reached from inside, the table of networks, then what can be drawn; it says what cannot, and why."""
    tried = inside_exhibits(facts.inside[:INSIDE_SHOWN])
    table = networks_table(facts)
    if table is None:
        return tried
    drawings = [drawing for drawing in (channel_plan(facts), signal_over_time(facts)) if drawing]
    return (*tried, msgspec.structs.replace(table, note=_with_reasons(table, facts, drawings)), *drawings)


def _with_reasons(table: Table, facts: WifiFacts, drawings: Iterable[Spans | Lines]) -> str:
    kinds = {type(drawing) for drawing in drawings}
    missing = []
    if Spans not in kinds:
        missing.append("Pas de dessin des canaux : les données ne les disent pas.")
    if Lines not in kinds:
        missing.append(f"Pas de courbe du signal : {_no_signal(facts)}.")
    return " ".join((table.note, *missing))


# --- Channels


def centre(band: str, channel: int) -> int | None:
    """MHz; None for a channel that the band does not have."""
    known = BANDS.get(band)
    if known is None:
        return None
    if channel in known.exceptions:
        return known.exceptions[channel]
    return known.base + 5 * channel if channel in known.channels else None


OURS, THEIRS, IMITATORS = "Nos réseaux", "Réseaux voisins ou inconnus", "Bornes inconnues qui portent un de nos noms"


def channel_plan(facts: WifiFacts) -> Spans | None:
    """Channels of our networks and of those around, by band; None when no channel is known."""
    own = own_ssids(facts)
    groups = {
        OURS: [network for one in own for network in one.networks],
        THEIRS: list(neighbours(facts)),
        IMITATORS: [network for one in own for network in one.strangers],
    }
    present = [title for title, found in groups.items() if any(_placed(network) for network in found)]
    if not present:
        return None
    lanes = tuple(_lane(name, band, [(title, groups[title]) for title in present]) for name, band in BANDS.items())
    measured = any(span.height is not None for lane in lanes for span in lane.spans)
    lost = sum(bool(n.band) and not _placed(n) for found in groups.values() for n in found)
    return Spans(
        title="Canaux occupés autour de l'établissement",
        axis="Numéro de canal",
        unit="MHz",
        lanes=tuple(lane for lane in lanes if lane.spans),
        groups=tuple(present),
        scale="Signal reçu (dBm)" if measured else "",
        lowest=WEAKEST,
        highest=BEST,
        note=_plan_note(present, lost),
    )


def _plan_note(present: Iterable[str], lost: int) -> str:
    parts = [
        "Deux formes qui se chevauchent se gênent.",
        f"Un canal est dessiné large de {CHANNEL_WIDTH} MHz, sa partie principale : une borne en prend parfois plus.",
    ]
    if THEIRS in present:
        parts.append("«\u00a0×\u00a04\u00a0» : quatre bornes voisines sur ce canal, à la hauteur de la mieux reçue.")
    if lost:
        parts.append(f"{count(lost, 'réseau', 'réseaux')} sur un canal inconnu ou hors de ces bandes : sans dessin.")
    return " ".join(parts)


def _placed(network: Network) -> bool:
    return network.channel is not None and centre(network.band, network.channel) is not None


def _lane(name: str, band: Band, groups: Sequence[tuple[str, Sequence[Network]]]) -> Lane:
    spans = []
    used: set[int] = set()
    for number, (title, found) in enumerate(groups):
        channels: dict[int, list[Network]] = defaultdict(list)
        for network in found:
            if network.band == name and network.channel is not None and _placed(network):
                channels[network.channel].append(network)
        used |= channels.keys()
        spans += [_span(name, channel, number, title, channels[channel]) for channel in sorted(channels)]
    # Channel 14 lies apart, and one country only has it: it has room when something is there.
    ticks = (*band.ticks, *(channel for channel in sorted(band.exceptions) if channel in used))
    return Lane(
        label=band.title,
        start=min(band.start, *(span.start for span in spans)) if spans else band.start,
        stop=max(band.stop, *(span.stop for span in spans)) if spans else band.stop,
        ticks=tuple(Tick(at=float(centre(name, channel) or 0), label=str(channel)) for channel in ticks),
        spans=tuple(spans),
    )


def _span(band: str, channel: int, group: int, title: str, found: Sequence[Network]) -> Span:
    middle = centre(band, channel) or 0
    heard = [network.strongest for network in found if network.strongest is not None]
    return Span(
        label=_label(title, found),
        start=middle - CHANNEL_WIDTH / 2,
        stop=middle + CHANNEL_WIDTH / 2,
        height=float(max(heard)) if heard else None,
        group=group,
        level=Level.HIGH if title == IMITATORS else Level.NONE,
        detail=_detail(channel, found, max(heard) if heard else None),
    )


def _names(found: Iterable[Network]) -> list[str]:
    return list(dict.fromkeys(clean(network.ssid, 40) or "(nom masqué)" for network in found))


def _label(title: str, found: Sequence[Network]) -> str:
    if title == THEIRS:
        return f"×\u00a0{len({network.bssid for network in found})}"
    names = _names(found)
    return listed(names, NAMED) if len(names) > NAMED else ", ".join(names)


def _detail(channel: int, found: Sequence[Network], best: int | None) -> str:
    radios = count(len({network.bssid for network in found}), "borne")
    told = f"mieux reçu à {decibels(best)}\u00a0dBm" if best is not None else "signal non mesuré"
    quoted = listed((f"« {name} »" for name in _names(found)), 6)
    return f"Canal {channel}, {radios} : {quoted}, {told}."


# --- Signal over time


def signal_over_time(facts: WifiFacts) -> Lines | None:
    """Signal of our access points during the capture, the best received first; None without a duration."""
    found = _heard(facts)
    if not found:
        return None
    found.sort(key=lambda pair: -max(sample.mean for sample in pair[1].samples if sample.mean is not None))
    left = len(found) - MAX_SERIES
    periods = sorted({sample.seconds for _, network in found[:MAX_SERIES] for sample in network.samples})
    period = f"{periods[0]} s" if len(periods) == 1 else f"{periods[0]} à {periods[-1]} s"
    note = (
        f"Moyenne par période de {period}, à l'endroit de l'écoute. Une ligne coupée : rien reçu pendant ce temps. "
        "Une baisse peut venir de la borne, ou de l'appareil d'écoute qui s'éloigne."
    )
    if left > 0:
        note += (
            f" {count(left, 'autre borne')} moins bien reçues : sans ligne."
            if left > 1
            else " Une autre borne, moins bien reçue : sans ligne."
        )
    return Lines(
        title="Signal de nos bornes au fil de la capture",
        scale="Signal reçu (dBm)",
        series=tuple(_series(own, network) for own, network in found[:MAX_SERIES]),
        note=note,
    )


def _heard(facts: WifiFacts) -> list[tuple[Own, Network]]:
    """Our radios whose signal was measured at two moments or more."""
    return [
        (own, network)
        for own in own_ssids(facts)
        for network in (*own.networks, *own.strangers)
        if sum(sample.mean is not None for sample in network.samples) > 1
    ]


def _series(own: Own, network: Network) -> Series:
    where = f"{BANDS[network.band].title}, " if network.band in BANDS else ""
    known = "hors inventaire, " if network in own.strangers else ""
    best = f", au mieux {decibels(network.strongest)}\u00a0dBm" if network.strongest is not None else ""
    return Series(
        label=f"{clean(own.ssid, LINE_NAME)} {network.bssid[-5:]}",
        points=tuple(_points(network.samples)),
        detail=f"{known}{network.bssid} ({where}canal {network.channel or 'inconnu'}{best})",
    )


def _points(samples: Sequence[Sample]) -> Iterable[Point]:
    """One point per period, and a cut wherever a period was left out."""
    expected = None
    for sample in sorted({sample.start: sample for sample in samples}.values(), key=lambda one: one.start):
        if expected is not None and sample.start > expected:
            yield Point(at=expected)
        yield Point(at=sample.start, value=sample.mean)
        expected = sample.start + sample.seconds


def _no_signal(facts: WifiFacts) -> str:
    """Why there is no line, as a clause."""
    own = own_ssids(facts)
    radios = [network for one in own for network in (*one.networks, *one.strangers) if network.source != EXPORT]
    if not own:
        return "aucun réseau n'est connu pour être de l'établissement"
    if not radios:
        return "aucune de nos bornes n'a été entendue"
    captured = [network for network in radios if network.source == CAPTURE]
    if not captured:
        return "un relevé est pris d'un coup, sans durée ; une capture en aurait une"
    if not any(sample.mean is not None for network in captured for sample in network.samples):
        return "la capture n'enregistre pas la force du signal"
    return "la capture est trop courte"
