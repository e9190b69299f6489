"""Put an adapter in monitor mode when the profile asks for it, visit channels, and put everything back afterwards.

First a second, virtual interface (`ausculte0`) beside the one that exists, which leaves its connection alone. Only when
the driver refuses that, and only when the interface carries no connection, its own type is changed. What undoes a
step is promised before the step is done (`checks.common.undo`), so that a worker that is killed leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from checks.common.programs import Finished
from checks.common.text import clean
from checks.common.undo import Undo
from checks.model import Gap, Reason
from checks.wifi.live.capture import MONITOR_TYPES
from checks.wifi.live.tools import MAX_SAID, Tools

OURS = "ausculte0"
"""Name of the virtual interface."""
PURPOSE = "Wi-Fi : mode moniteur"
HOP_PURPOSE = "Wi-Fi : canal d'écoute"
SECONDS = 10.0
DWELL = 0.5
"""Seconds on one channel: five beacons at their usual interval of 102.4 ms."""
_LAST_NUMBER = 200
"""Above, a channel is a frequency in MHz."""


@contextlib.contextmanager
def monitoring(tools: Tools, interface: str, limits: list[str], *, enter: bool) -> Iterator[str | Gap]:
    """Name of an interface in monitor mode, for as long as the block lasts; a gap when there is none.

    Without `enter`, the interface is given back as it is. What could not be undone is told in `limits`.
    """
    if not enter or _is_monitor(tools, interface):
        yield interface
        return
    missing = next((program for program in ("iw", "ip") if not tools.where(program)), "")
    if missing:
        yield Gap(reason=Reason.UNSUPPORTED, detail=f"Passer en mode moniteur demande le programme {missing}.")
        return
    if not (tools.sys / "class/net" / interface).exists():
        yield Gap(reason=Reason.UNSUPPORTED, detail=f"{interface} : cette interface n'existe pas sur cette machine.")
        return
    try:
        promise = tools.machine.undo(f"{PURPOSE}, remise en état", tools.environment())
    except OSError as error:
        yield Gap(reason=Reason.ERROR, detail=f"Rien n'a été changé, faute de pouvoir le remettre en état ({error}).")
        return
    with promise as undo:
        yield _enter(tools, interface, undo)
    for command, said in promise.failures:
        limits.append(
            f"L'adaptateur n'a pas pu être remis en état ({clean(said, MAX_SAID)}) : taper « {command or 'iw dev'} »."
        )


def _enter(tools: Tools, interface: str, undo: Undo) -> str | Gap:
    def do(program: str, *arguments: str) -> Finished | Gap:
        return tools.ask(program, *arguments, purpose=PURPOSE, seconds=SECONDS)

    def later(program: str, *arguments: str) -> None:
        undo.add(tools.where(program), *arguments)

    if (tools.sys / "class/net" / OURS).exists():  # an earlier run was killed
        do("iw", "dev", OURS, "del")
    later("iw", "dev", OURS, "del")
    added = do("iw", "dev", interface, "interface", "add", OURS, "type", "monitor")
    if not isinstance(added, Gap):
        up = do("ip", "link", "set", "dev", OURS, "up")
        return _refused(interface, up) if isinstance(up, Gap) else OURS
    undo.forget()  # nothing was added
    if added.reason is Reason.PERMISSION:
        return _refused(interface, added)
    return _convert(tools, interface, do, later, added)


def _convert(
    tools: Tools,
    interface: str,
    do: Callable[..., Finished | Gap],
    later: Callable[..., None],
    why: Gap,
) -> str | Gap:
    """Change the type of the interface itself, unless it carries a connection."""
    device = tools.sys / "class/net" / interface
    try:
        connected = (device / "operstate").read_text("ascii").strip() == "up"
        was_up = int((device / "flags").read_text("ascii"), 16) & 1
    except (OSError, ValueError):
        return _refused(interface, why)
    if connected:
        detail = (
            f"{interface} porte une connexion, et son pilote refuse une interface d'écoute à côté : la connexion n'a "
            f"pas été coupée ({why.detail}). Utiliser un second adaptateur."
        )
        return Gap(reason=Reason.REFUSED, detail=detail)
    info = do("iw", "dev", interface, "info")
    kind = re.search(r"(?m)^\s*type (managed|station)\s*$", "" if isinstance(info, Gap) else info.out.decode("latin-1"))
    if kind is None:
        return _refused(interface, info if isinstance(info, Gap) else why)
    if was_up:
        later("ip", "link", "set", "dev", interface, "up")
    later("iw", "dev", interface, "set", "type", "managed")
    later("ip", "link", "set", "dev", interface, "down")
    steps = (
        ("ip", "link", "set", "dev", interface, "down"),
        ("iw", "dev", interface, "set", "type", "monitor"),
        ("ip", "link", "set", "dev", interface, "up"),
    )
    for step in steps:
        if isinstance(answer := do(*step), Gap):
            return _refused(interface, answer)
    return interface


def _refused(interface: str, gap: Gap) -> Gap:
    return Gap(reason=gap.reason, detail=f"{interface} n'a pas pu passer en mode moniteur : {gap.detail}.")


def _is_monitor(tools: Tools, interface: str) -> bool:
    try:
        return int((tools.sys / "class/net" / interface / "type").read_text("ascii")) in MONITOR_TYPES
    except (OSError, ValueError):
        return False


class Hopper:
    """Visits channels in turn. One that the adapter refuses is left out, and said."""

    def __init__(self, tools: Tools, interface: str, channels: Sequence[int], limits: list[str]) -> None:
        self._tools = tools
        self._interface = interface
        self._limits = limits
        self._left = list(dict.fromkeys(channels))
        self._turns = itertools.cycle(self._left)
        self._next = 0.0
        self.visited: dict[int, int] = {}
        """Channel to number of visits."""

    def tick(self, seconds: float) -> None:
        """Change channel when it is time; `seconds` since the beginning."""
        while self._left and seconds >= self._next:
            channel = next(self._turns)
            gap = self._go(channel)
            if gap is None:
                self.visited[channel] = self.visited.get(channel, 0) + 1
                self._next = seconds + DWELL
                return
            self._left.remove(channel)
            self._turns = itertools.cycle(tuple(self._left))
            self._limits.append(f"Canal {channel} non écouté : {gap.detail}.")
            if gap.reason in {Reason.PERMISSION, Reason.REFUSED} or not self._tools.where("iw"):
                self._left.clear()
                self._limits.append("Le canal de l'adaptateur ne peut pas être changé : un seul a été écouté.")

    def _go(self, channel: int) -> Gap | None:
        setting = ("channel", str(channel)) if channel <= _LAST_NUMBER else ("freq", str(channel))
        answer = self._tools.ask("iw", "dev", self._interface, "set", *setting, purpose=HOP_PURPOSE, seconds=SECONDS)
        return answer if isinstance(answer, Gap) else None
