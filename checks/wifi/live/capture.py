"""Record the frames that an adapter in monitor mode receives, and hand them over as a capture. Nothing is sent.

Frames are received by scapy's listening socket (`L2ListenSocket`), which is opened by the door of the worker, and
never dissected here: they go as a pcap stream straight to the reader of captures, which takes `LiveStream` for one
more file. Nothing is written on the disk, so that nothing is left there whatever happens to the process.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple, Self

from checks.common.french import count
from checks.common.programs import Machine
from checks.common.traceless import traceless
from checks.model import Gap, MandateRefusedError, Reason
from checks.wifi.capture.link import IEEE80211, PRISM, RADIOTAP

MONITOR_TYPES = {801: IEEE80211, 802: PRISM, 803: RADIOTAP}
"""ARPHRD_IEEE80211, ARPHRD_IEEE80211_PRISM and ARPHRD_IEEE80211_RADIOTAP of `linux/if_arp.h` to link types."""
PURPOSE = "Wi-Fi : écoute passive"
PROTOCOL = "802.11"
BUFFER = 8_000_000
"""Bytes that the kernel keeps for us while a batch is read; needs root beyond `net.core.rmem_max`."""
TICK = 0.25
"""Seconds between two looks at the clock, and at most between two pieces of the stream."""
PIECE = 1 << 16
"""Bytes given to the reader at a time."""
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
"""Of `linux/if_packet.h`: frames received and frames dropped since the last question."""
_SO_RCVBUFFORCE = 33
_GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})


class Bounds(NamedTuple):
    """When to stop."""

    seconds: float
    frames: int
    size: int
    """Bytes."""


class Ear(NamedTuple):
    """An open listening socket."""

    receive: Callable[[], tuple[bytes, float | None]]
    """Next frame and its time in seconds since 1970. Raises `BlockingIOError` when there is none yet."""
    wait: Callable[[float], object]
    """Return when there is a frame, or after this many seconds."""
    dropped: Callable[[], int]
    """Frames lost since the last question."""
    close: Callable[[], object]


def link_of(interface: str, system: Path) -> int | Gap:
    """Link type of the frames that an interface gives; a gap when it is not in monitor mode or does not exist."""
    device = system / "class/net" / interface
    try:
        kind = int((device / "type").read_text("ascii"))
        flags = int((device / "flags").read_text("ascii"), 16)
    except (OSError, ValueError):
        return Gap(reason=Reason.UNSUPPORTED, detail=f"{interface} : cette interface n'existe pas sur cette machine.")
    if kind not in MONITOR_TYPES:
        command = f"iw dev {interface} set type monitor"
        detail = f"{interface} n'est pas en mode moniteur : rien ne peut être écouté (« {command} »)."
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    if not flags & 1:  # IFF_UP
        return Gap(reason=Reason.UNREACHABLE, detail=f"{interface} est arrêtée : « ip link set {interface} up ».")
    return MONITOR_TYPES[kind]


def open_ear(machine: Machine, interface: str) -> Ear | Gap:
    """Start to receive on an interface; a gap when that is refused."""
    if not hasattr(socket, "AF_PACKET"):
        return Gap(reason=Reason.UNSUPPORTED, detail="L'écoute radio n'est possible que sous Linux.")
    try:
        return machine.listen(interface, PROTOCOL, PURPOSE, lambda: _open(interface))
    except MandateRefusedError as error:
        return Gap(reason=Reason.REFUSED, detail=f"Écoute refusée par le mandat : {error}.")
    except ImportError:
        return Gap(reason=Reason.UNSUPPORTED, detail="L'écoute radio demande scapy (pip install « ausculte[wifi] »).")
    except PermissionError:
        detail = f"Écouter sur {interface} demande les droits d'administration (ou la capacité CAP_NET_RAW)."
        return Gap(reason=Reason.PERMISSION, detail=detail)
    except OSError as error:
        return Gap(reason=Reason.ERROR, detail=f"{interface} : écoute impossible ({error.strerror or error}).")


def _open(interface: str) -> Ear:
    with traceless():
        import scapy.layers.dot11  # noqa: F401 - tells scapy the link types of radios, or it warns that it guesses
        from scapy.arch.linux import L2ListenSocket

    ear: Any = L2ListenSocket(iface=interface, promisc=False, nofilter=1)
    with contextlib.suppress(PermissionError):
        ear.ins.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
    ear.ins.setblocking(False)
    poll = select.poll()
    poll.register(ear.ins, select.POLLIN)

    def receive() -> tuple[bytes, float | None]:
        _, frame, moment = ear.recv_raw()
        return frame or b"", moment

    def dropped() -> int:
        try:
            return int(struct.unpack("II", ear.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])
        except OSError:
            return 0

    # Until it was bound, the socket received from every interface, with no room to keep anything: not our frames.
    dropped()
    return Ear(receive, lambda seconds: poll.poll(int(seconds * 1000)), dropped, ear.close)


class LiveStream:
    """Frames of an open ear as the bytes of a pcap file: what the reader of captures uses of a `Path`."""

    def __init__(
        self,
        name: str,
        ear: Ear,
        link: int,
        bounds: Bounds,
        *,
        tick: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        """What stands for a file name where a packet is quoted."""
        self._ear = ear
        self._link = link
        self._bounds = bounds
        self._tick = tick
        self._monotonic = monotonic
        self._clock = clock
        self._pieces = self._stream()
        self._size = 0
        self.gone = False
        """The interface was stopped or taken away before the end."""
        self.full = ""
        """The bound that was reached before the end, in French."""
        self.frames = 0
        self.dropped = 0
        self.seconds = 0.0
        """How long it lasted."""

    def open(self, mode: str = "rb") -> LiveStream:  # noqa: ARG002 - as `Path.open`
        """The stream itself, which can be read once."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._pieces.close()

    def read(self, size: int) -> bytes:  # noqa: ARG002 - as files; a piece is always smaller
        """The next piece, waited for; empty at the end."""
        return next(self._pieces, b"")

    def _stream(self) -> Generator[bytes, None, None]:
        """A piece at least every `TICK` seconds while there are frames; ends at the first bound."""
        began = self._monotonic()
        yield self._counted(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, self._link))
        try:
            while not self.full:
                self.seconds = self._monotonic() - began
                left = self._bounds.seconds - self.seconds
                if not self.gone:
                    if left <= 0:
                        break
                    self._tick(self.seconds)
                    self._ear.wait(min(TICK, left))
                if piece := self._gather():
                    yield self._counted(piece)
                elif self.gone:
                    break
        finally:
            self.seconds = self._monotonic() - began
            self.dropped += self._ear.dropped()

    def _gather(self) -> bytes:
        """Records of the frames that wait, up to `PIECE` bytes."""
        records: list[bytes] = []
        size = 0
        while size < PIECE:
            if self.frames >= self._bounds.frames:
                self.full = f"limite de {count(self._bounds.frames, 'trame')} atteinte"
                break
            if self._size + size >= self._bounds.size:
                self.full = f"limite de {count(self._bounds.size, 'octet')} atteinte"
                break
            try:
                frame, moment = self._ear.receive()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                if self.gone:
                    break
                self.gone = True  # told once, before the frames that still wait
                continue
            if not frame:
                continue
            record = _record(frame, self._clock() if moment is None else moment)
            records.append(record)
            size += len(record)
            self.frames += 1
        return b"".join(records)

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        return piece


def _record(frame: bytes, moment: float) -> bytes:
    second = int(moment)
    micro = int((moment - second) * 1_000_000)
    return struct.pack("<IIII", second & 0xFFFFFFFF, micro, len(frame), len(frame)) + frame
