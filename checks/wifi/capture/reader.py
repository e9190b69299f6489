"""Read radio captures into facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.common.text import clean
from checks.model import Progress
from checks.wifi.capture import build
from checks.wifi.capture.dissect import SecondOpinion
from checks.wifi.capture.files import CaptureSource
from checks.wifi.capture.frames import Scanner
from checks.wifi.capture.link import LINKS
from checks.wifi.capture.names import Pseudonyms
from checks.wifi.capture.packets import NotACaptureError, Walker, walker_for
from checks.wifi.capture.signs import signs
from checks.wifi.capture.survey import Survey
from checks.wifi.facts import CaptureFile, WifiFacts

MAX_NAME = 200
MAX_LINKS = 16
_HEAD = 4
_EVERY = 64
"""Chunks between two progress messages."""


def read_captures(
    paths: Sequence[Path], *, salt: bytes, progress: Progress | None = None, declared: Collection[str] = ()
) -> WifiFacts:
    """Facts of radio captures (pcap or pcapng, maybe gzipped), all together. Memory does not grow with their size.

    `salt` is a secret of this run, at least 16 random bytes, from which stations and identities get their pseudonyms:
    the same person has the same name in one run, and nobody can find the address again without it. `declared` are the
    SSIDs of the site, whose names are kept when a station calls them. The facts say which files are damaged or unknown.
    Raises `OSError` when a file cannot be opened or read.
    """
    names = Pseudonyms(salt)
    survey = Survey()
    opinion = SecondOpinion()
    files = []
    for number, path in enumerate(paths):
        if progress:
            progress(f"Lecture de {clean(path.name, MAX_NAME)}", number, len(paths))
        files.append(_read(path, survey, opinion, progress))
    found = build.networks(survey)
    known = {ssid for bss in survey.networks.values() for ssid in bss.ssids} | {ssid.encode() for ssid in declared}
    full = tuple(f"Limite atteinte : {limit} ; la suite n'est pas comptée." for limit in sorted(survey.full))
    return WifiFacts(
        networks=found,
        handshakes=build.handshakes(survey, {network.bssid: network for network in found}, names),
        eap=build.sessions(survey, names),
        truncated=bool(full) or any(file.truncated or file.cut for file in files),
        files=tuple(files),
        associations=build.associations(survey, names),
        deauthentications=build.deauthentications(survey, names),
        probes=build.probes(survey, names, known),
        attacks=signs(survey, {network.bssid: network for network in found}, names),
        unreadable=tuple(survey.unreadable),
        frames=build.frame_counts(survey),
        limits=(*full, *_dropped(survey)),
    )


def _dropped(survey: Survey) -> tuple[str, ...]:
    count = survey.unreadable_dropped
    return (f"{count} autres trames non comprises ne sont pas détaillées.",) if count else ()


def _read(path: Path, survey: Survey, opinion: SecondOpinion, progress: Progress | None) -> CaptureFile:
    name = clean(path.name, MAX_NAME)
    source = CaptureSource(path)
    scanner = Scanner(name, survey, opinion)
    walker: Walker | None = None
    waiting = b""
    known = True
    for number, piece in enumerate(source.chunks()):
        if not known:
            continue  # read on, for the hash
        if walker is None:
            waiting += piece
            if len(waiting) < _HEAD:
                continue
            try:
                walker = walker_for(waiting)
            except NotACaptureError:
                known = False
                continue
            piece, waiting = waiting, b""  # noqa: PLW2901 - the head belongs to the first piece
        for batch in walker.feed(piece):
            scanner.scan(batch)
        if progress and number % _EVERY == _EVERY - 1:
            progress(f"Lecture de {name}", scanner.frames)
    scanner.finish()
    if walker is not None:
        walker.finish()
    else:
        survey.note("Ce fichier n'est pas une capture pcap ou pcapng.", file=name)
    if source.refused:
        survey.note(f"Lecture arrêtée : {source.refused}.", file=name)
    return _describe(name, source, scanner, walker)


def _describe(name: str, source: CaptureSource, scanner: Scanner, walker: Walker | None) -> CaptureFile:
    links = [LINKS.get(interface.link, f"dlt-{interface.link}") for interface in walker.interfaces] if walker else []
    return CaptureFile(
        name=name,
        sha256=source.sha256(),
        size=source.size,
        format=walker.format if walker else "",
        compressed=source.compressed,
        links=tuple(dict.fromkeys(links))[:MAX_LINKS],
        frames=scanner.frames,
        cut=scanner.cut,
        damaged=scanner.damaged,
        unsupported=scanner.unsupported,
        truncated=source.cut or bool(source.refused) or (walker.truncated if walker else True),
        first=_iso(scanner.first),
        last=_iso(scanner.last),
        out_of_order=scanner.out_of_order,
    )


def _iso(second: int | None) -> str:
    """UTC; empty for a date that does not exist (forged time stamps)."""
    if second is None:
        return ""
    try:
        return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat() + "Z"
    except (OverflowError, ValueError, OSError):
        return ""
