"""Programs of the system that know the wireless interfaces: where they are, how they are called, what they refuse."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from checks.common.programs import Finished, Machine
from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Reason

SECONDS = 30.0
"""A passive search of 40 channels lasts about 5 seconds."""
MAX_OUTPUT = 8_000_000
"""Bytes: more than a thousand networks as `iw` prints them."""
MAX_SAID = 160
MAX_INTERFACES = 50
PURPOSE = "Wi-Fi : réseaux visibles d'ici"
_ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where `iw` and `wpa_cli` are on Debian, which is not in the path of an ordinary account."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,14}")

_NO_ADAPTER = (
    "nl80211 not found|no such device|device .{0,80}not found|no wi-?fi device|no wireless interface"
    "|aucune interface sans fil|not supported"
)
_CAUSES = (
    # What programs print in the C locale, most telling first. The French words are of Windows.
    (Reason.PERMISSION, "droits insuffisants", "not permitted|permission|not authorized|unauthori[sz]ed|autorisation"),
    (Reason.REFUSED, "l'adaptateur est occupé", "resource busy|FAIL-BUSY"),
    (Reason.UNREACHABLE, "l'adaptateur est éteint", "network is down|rf-?kill|powered down"),
    (
        Reason.UNSUPPORTED,
        "le service qui gère le Wi-Fi n'est pas lancé",
        "networkmanager is not running|failed to connect to|wlansvc",
    ),
    (Reason.UNSUPPORTED, "pas d'adaptateur Wi-Fi utilisable", _NO_ADAPTER),
)


class Tools(NamedTuple):
    """The machine, and how to find its programs."""

    machine: Machine
    path: str
    """Folders of programs, as in `PATH`."""
    sys: Path = Path("/sys")
    """Where Linux describes its devices."""
    windows: bool = False
    """The programs are those of Windows."""
    system_root: Path = Path("C:/Windows")
    admin_folders: tuple[str, ...] = _ADMIN_FOLDERS

    def where(self, name: str) -> str:
        """Absolute path of a program; empty when it is not installed."""
        if self.windows:
            # Never through the path: Windows would first look where the person stands.
            found = self.system_root / "System32" / f"{name}.exe"
            return str(found) if found.is_file() else ""
        found_at = shutil.which(name, path=os.pathsep.join((self.path, *self.admin_folders)))
        return os.path.abspath(found_at) if found_at else ""  # noqa: PTH100 - `resolve` would leave a multi-call name

    def ask(self, name: str, *arguments: str, purpose: str = PURPOSE, seconds: float = SECONDS) -> Finished | Gap:
        """What a program answers; a gap when it is not there, hangs or refuses."""
        program = self.where(name)
        if not program:
            return Gap(reason=Reason.UNSUPPORTED, detail=f"{name} : programme absent")
        try:
            done = self.machine.run(
                (program, *arguments),
                purpose,
                seconds=seconds,
                max_bytes=MAX_OUTPUT,
                environment=self.environment(),
            )
        except MandateRefusedError as error:
            return Gap(reason=Reason.REFUSED, detail=f"{name} : {error.why}")
        except TimeoutError:
            return Gap(reason=Reason.TIMEOUT, detail=f"{name} : pas de réponse en {seconds:.0f} secondes")
        except OSError as error:
            reason = Reason.PERMISSION if isinstance(error, PermissionError) else Reason.ERROR
            return Gap(reason=reason, detail=f"{name} : lancement impossible ({clean(error.strerror or '', MAX_SAID)})")
        return done if done.code == 0 or done.cut else refusal(name, done)

    def environment(self) -> dict[str, str]:
        """Little, and words in English: parsers read them. UTF-8, or names of networks would lose their accents."""
        own = {"SYSTEMROOT": str(self.system_root)} if self.windows else {}
        return {**own, "PATH": os.pathsep.join((self.path, *self.admin_folders)), "LC_ALL": "C.UTF-8"}


def this_machine(machine: Machine) -> Tools:
    """The programs of the machine the audit runs on."""
    return Tools(
        machine,
        path=os.environ.get("PATH", os.defpath),
        windows=sys.platform == "win32",
        system_root=Path(os.environ.get("SYSTEMROOT", "C:/Windows")),
    )


def refusal(name: str, done: Finished) -> Gap:
    """Why a program failed, from what it says."""
    said = clean((done.err.strip() or done.out.strip()).decode("utf-8", "replace"), MAX_SAID)
    for reason, cause, pattern in _CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            return Gap(reason=reason, detail=f"{name} : {cause} (« {said} »)")
    return Gap(reason=Reason.ERROR, detail=f"{name} : échec, code {done.code}" + (f" (« {said} »)" if said else ""))


def command_line(name: str, arguments: tuple[str, ...], *, windows: bool) -> str:
    """A command as people type it."""
    return subprocess.list2cmdline((name, *arguments)) if windows else shlex.join((name, *arguments))


def interfaces(tools: Tools) -> tuple[str, ...]:
    """Wireless interfaces of the machine, in a stable order; empty when it has none."""
    if tools.windows:
        answer = tools.ask("netsh", "wlan", "show", "interfaces")
        return () if isinstance(answer, Gap) else _named(answer.out)
    try:
        devices = sorted((tools.sys / "class/net").iterdir())
    except OSError:
        return ()
    found = (device.name for device in devices if _NAME.fullmatch(device.name) and _is_wireless(device))
    return tuple(found)[:MAX_INTERFACES]


def _is_wireless(device: Path) -> bool:
    """Every driver gives `phy80211`; `wireless` is of the old extensions, which recent kernels leave out."""
    return (device / "phy80211").exists() or (device / "wireless").exists()


def _named(raw: bytes) -> tuple[str, ...]:
    """Names in `netsh wlan show interfaces`: the first field of each block, `Name` or `Nom`."""
    from checks.common.textfile import ParseError, decode

    try:
        text = decode("netsh", raw).text
    except ParseError:
        return ()
    found = re.findall(r"(?m)^ {4}(?:Name|Nom) +: ([^\n\"=]{1,256}?)\s*$", text)
    return tuple(found[:MAX_INTERFACES])
