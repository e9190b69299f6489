"""How what was heard on the spot was obtained. What was heard itself is in the facts of scans and captures."""

from __future__ import annotations

from checks.model import Gap, Record


class LiveStep(Record, frozen=True, kw_only=True):
    """One list of networks, or one recording of frames, that was asked for."""

    interface: str = ""
    """Empty when the machine has none."""
    tool: str = ""
    """Program that answered: `iw`, `nmcli`, `wpa_cli`, `netsh`; `scapy` for frames."""
    command: str = ""
    """As people would type it; empty for frames."""
    started: str = ""
    """UTC, ISO 8601."""
    seconds: float = 0.0
    networks: int = 0
    """Networks found."""
    frames: int = 0
    """Frames received."""
    dropped: int = 0
    """Frames that the system received and that were not read in time."""
    cached: bool = False
    """The list is what the system remembered: it may be minutes old, or hold only the network it is joined to."""
    channels: tuple[int, ...] = ()
    """Channels visited in turn, as declared."""
    gap: Gap | None = None
    """Why nothing was obtained, or why it ended before its time."""


class LiveFacts(Record, frozen=True, kw_only=True):
    """What was done on the spot."""

    scan: LiveStep | None = None
    """None when it was not asked for."""
    capture: LiveStep | None = None
    """None when it was not asked for."""
