"""Profile table `[wifi.live]`: which adapter lists the networks around, which one listens, and for how long.

Imports no network library.
"""

from __future__ import annotations

import re

from checks.model import Record

MAX_SECONDS = 900
"""A quarter of an hour: a worker may not last for ever, and a longer capture is better recorded to a file."""
MAX_FRAMES = 20_000_000
MAX_BYTES = 8_000_000_000
MAX_CHANNELS = 64
MAX_NAME = 256
"""Characters of the name that Windows gives an interface."""
_LINUX_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,14}")
"""IFNAMSIZ is 16 with the final zero. The kernel accepts more characters, which no name of a radio has."""
_NUMBERS_24 = range(1, 15)
_NUMBERS_5 = (*range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4))
_FREQUENCIES = (range(2412, 2473, 5), (2484,), range(5180, 5886, 5), (5935,), range(5955, 7116, 5))


class LiveConfig(Record, frozen=True):
    """What to hear on the spot. Nothing is transmitted, unless `rescan` is set."""

    interface: str = ""
    """Wireless interface that lists the networks around; empty: the first one of the machine."""
    scan: bool = True
    """List the networks around, without monitor mode."""
    rescan: bool = False
    """Ask the system for a fresh search when only an old list can be read: it then calls networks, as any station
    does. `iw` searches without sending anything and does not need this."""
    monitor_interface: str = ""
    """Wireless interface that records frames; empty: none is recorded."""
    enter_monitor: bool = False
    """Put that interface in monitor mode, and back afterwards, when it is not."""
    capture_seconds: int = 60
    channels: tuple[int, ...] = ()
    """Channels to visit in turn: a channel number (2.4 and 5 GHz) or a frequency in MHz (needed for 6 GHz). Empty: the
    adapter stays where it is."""
    max_frames: int = 5_000_000
    max_bytes: int = 2_000_000_000

    def __post_init__(self) -> None:
        """Refuse what could not be done; the message is shown with the place in the profile."""
        if not self.scan and not self.monitor_interface:
            raise ValueError("ni relevé (scan) ni écoute (monitor_interface) : ce tableau ne demande rien")
        if self.interface and not _is_name(self.interface):
            raise ValueError(f"« {self.interface[:40]} » n'est pas le nom d'une interface réseau")
        if self.monitor_interface and not _LINUX_NAME.fullmatch(self.monitor_interface):
            raise ValueError(f"« {self.monitor_interface[:40]} » n'est pas le nom d'une interface réseau de Linux")
        if not self.monitor_interface and (self.enter_monitor or self.channels):
            raise ValueError("enter_monitor et channels demandent monitor_interface")
        _within("capture_seconds", self.capture_seconds, MAX_SECONDS)
        _within("max_frames", self.max_frames, MAX_FRAMES)
        _within("max_bytes", self.max_bytes, MAX_BYTES)
        if len(self.channels) > MAX_CHANNELS:
            raise ValueError(f"{MAX_CHANNELS} canaux au plus")
        for channel in self.channels:
            if not _is_channel(channel):
                raise ValueError(
                    f"« {channel} » n'est ni un canal (1 à 14, 36 à 177) ni une fréquence Wi-Fi en MHz (exemple : 5955)"
                )


def _is_name(text: str) -> bool:
    """A name of Linux, or one of Windows (`Wi-Fi 2`); never one that a program would take for an option."""
    return _LINUX_NAME.fullmatch(text) is not None or (
        len(text) <= MAX_NAME and text.isprintable() and text[0].isalnum() and not set(text) & set('"/\\=')
    )


def _within(name: str, value: int, limit: int) -> None:
    if not 1 <= value <= limit:
        raise ValueError(f"{name} : entre 1 et {limit} (reçu : {value})")


def _is_channel(number: int) -> bool:
    return number in _NUMBERS_24 or number in _NUMBERS_5 or any(number in band for band in _FREQUENCIES)
