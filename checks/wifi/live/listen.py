"""The one way in: list the networks around, record frames, and give both as facts of scans and captures."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from checks.common.programs import Machine
from checks.model import Gap, Progress, Reason
from checks.wifi.capture.reader import read_captures
from checks.wifi.facts import WifiFacts
from checks.wifi.imported import Imported
from checks.wifi.live.capture import Bounds, LiveStream, link_of, open_ear
from checks.wifi.live.config import LiveConfig
from checks.wifi.live.facts import LiveFacts, LiveStep
from checks.wifi.live.monitor import Hopper, monitoring
from checks.wifi.live.scan import scan
from checks.wifi.live.tools import Tools, this_machine


class Heard(NamedTuple):
    """What was heard on the spot."""

    said: Imported
    """Networks that the system lists."""
    seen: WifiFacts
    """What the frames tell: those just received, and those of `captures`."""
    live: LiveFacts
    """How."""


def listen(
    config: LiveConfig,
    machine: Machine,
    progress: Progress,
    *,
    clock: Callable[[], datetime],
    salt: bytes,
    captures: Sequence[Path] = (),
    declared: Collection[str] = (),
    tools: Tools | None = None,
) -> Heard:
    """Do what the profile asks, together with capture files, so that one station has one pseudonym.

    `salt` and `declared` are those of `read_captures`. What cannot be done is a gap in the facts, never an exception;
    raises `OSError` only for an unreadable file of `captures`.
    """
    found = tools or this_machine(machine)
    said, listed = Imported(), None
    if config.scan:
        progress("Relevé des réseaux Wi-Fi visibles")
        began, start = clock(), time.monotonic()
        said, step = scan(found, config.interface, rescan=config.rescan)
        listed = msgspec.structs.replace(step, started=_iso(began), seconds=round(time.monotonic() - start, 1))
    if not config.monitor_interface:
        seen = read_captures(captures, salt=salt, progress=progress, declared=declared)
        return Heard(said, seen, LiveFacts(scan=listed))
    read = _Reading(captures, salt, progress, declared)
    seen, recorded = _record(config, found, read, clock)
    return Heard(said, seen, LiveFacts(scan=listed, capture=recorded))


class _Reading(NamedTuple):
    """How captures are read."""

    captures: Sequence[Path]
    salt: bytes
    progress: Progress
    declared: Collection[str]

    def together(self, *streams: LiveStream) -> WifiFacts:
        """Facts of the files and of what is heard meanwhile."""
        paths = (*(cast("Path", stream) for stream in streams), *self.captures)
        return read_captures(paths, salt=self.salt, progress=self.progress, declared=self.declared)


def _record(
    config: LiveConfig, tools: Tools, read: _Reading, clock: Callable[[], datetime]
) -> tuple[WifiFacts, LiveStep]:
    limits: list[str] = []
    step = LiveStep(interface=config.monitor_interface, tool="scapy", started=_iso(clock()), channels=config.channels)
    with monitoring(tools, config.monitor_interface, limits, enter=config.enter_monitor) as interface:
        heard = interface if isinstance(interface, Gap) else _hear(config, tools, interface, limits, read, step)
    if isinstance(heard, Gap):
        limits.append(f"Rien n'a été écouté. {heard.detail}")
        heard = read.together(), msgspec.structs.replace(step, gap=heard)
    seen, step = heard
    return msgspec.structs.replace(seen, limits=(*seen.limits, *limits)), step


def _hear(
    config: LiveConfig, tools: Tools, interface: str, limits: list[str], read: _Reading, step: LiveStep
) -> tuple[WifiFacts, LiveStep] | Gap:
    link = link_of(interface, tools.sys)
    if isinstance(link, Gap):
        return link
    ear = open_ear(tools.machine, interface)
    if isinstance(ear, Gap):
        return ear
    hopper = Hopper(tools, interface, config.channels, limits)
    last = [-1]

    def tick(seconds: float) -> None:
        hopper.tick(seconds)
        if int(seconds) != last[0]:
            last[0] = int(seconds)
            read.progress(f"Écoute de {interface}", last[0], config.capture_seconds)

    bounds = Bounds(config.capture_seconds, config.max_frames, config.max_bytes)
    stream = LiveStream(f"{interface} (en direct)", ear, link, bounds, tick=tick)
    try:
        seen = read.together(stream)
    finally:
        ear.close()
    return _told(seen, stream, limits, step)


def _told(seen: WifiFacts, stream: LiveStream, limits: list[str], step: LiveStep) -> tuple[WifiFacts, LiveStep]:
    """The facts, with what the stream knows of its own end."""
    gap = None
    if stream.gone:
        detail = f"L'interface s'est arrêtée après {stream.seconds:.0f} s d'écoute : la suite n'a pas été entendue."
        gap = Gap(reason=Reason.UNREACHABLE, detail=detail)
        limits.append(detail)
    if stream.full:
        limits.append(f"Écoute arrêtée après {stream.seconds:.0f} s : {stream.full}.")
    if stream.dropped:
        limits.append(f"{stream.dropped} trames sont arrivées trop vite pour être toutes lues, et ont été perdues.")
    if not stream.frames and not stream.gone:
        limits.append("Aucune trame reçue : adaptateur sans antenne, mauvais canal, ou pilote sans mode moniteur réel.")
    cut = stream.gone or bool(stream.full) or bool(stream.dropped)
    live, *others = seen.files
    # Nothing is kept that this hash could be compared with.
    files = (msgspec.structs.replace(live, sha256="", truncated=live.truncated or cut), *others)
    networks = sum(network.packet is not None and network.packet.file == stream.name for network in seen.networks)
    step = msgspec.structs.replace(
        step,
        seconds=round(stream.seconds, 1),
        networks=networks,
        frames=stream.frames,
        dropped=stream.dropped,
        gap=gap,
    )
    return msgspec.structs.replace(seen, files=files, truncated=seen.truncated or cut), step


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
