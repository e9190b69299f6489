"""A machine for tests: its programs are scripts of the test, its devices a folder of the test."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

from checks.common.programs import run_program
from checks.common.undo import Undo
from checks.wifi.live.tools import Tools


class FakeMachine:
    """Runs programs and opens sockets without mandate; remembers what was asked."""

    def __init__(self):
        self.commands = []
        self.patience = 30
        """Seconds given to a program at most."""
        self.environments = []
        self.promised = []

    def run(self, command, purpose, *, seconds, max_bytes, environment):
        self.commands.append((Path(command[0]).name, *command[1:]))
        self.environments.append(environment)
        assert Path(command[0]).is_absolute()
        assert purpose
        return run_program(command, seconds=min(seconds, self.patience), max_bytes=max_bytes, environment=environment)

    def undo(self, purpose, environment):
        return Undo(environment, lambda command: self.promised.append(" ".join(command)))

    def listen(self, interface, protocol, purpose, opener):
        self.commands.append(("listen", interface, protocol))
        return opener()


class Bench:
    """Programs and devices of one test, below `folder`."""

    def __init__(self, folder, *, windows=False):
        self.machine = FakeMachine()
        self.bin = folder / ("System32" if windows else "bin")
        self.bin.mkdir()
        self.log = folder / "log"
        """Programs that ran, in order."""
        self.net = folder / "sys/class/net"
        self.net.mkdir(parents=True)
        self.windows = windows
        self.tools = Tools(
            self.machine, path=str(self.bin), sys=folder / "sys", windows=windows, system_root=folder, admin_folders=()
        )

    def program(self, name, *cases):
        """A program that answers by its arguments: each case is (pattern of the shell, shell commands)."""
        body = "\n".join(f"{pattern}) {commands} ;;" for pattern, commands in cases)
        path = self.bin / (f"{name}.exe" if self.windows else name)
        path.write_text(
            f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "{name} $*" >> {shlex.quote(str(self.log))}\ncase "$*" in\n{body}\n*) echo "unknown: $*" >&2; exit 99 ;;\nesac\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def says(self, name, text, pattern="*"):
        """A program that prints a text."""
        self.program(name, (pattern, prints(text)))

    def logged(self):
        """Command lines of the programs that ran, in order."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def device(self, name, *, kind=1, flags="0x1003", operstate="down", wireless=True):
        """A network interface."""
        device = self.net / name
        device.mkdir()
        (device / "type").write_text(f"{kind}\n")
        (device / "flags").write_text(f"{flags}\n")
        (device / "operstate").write_text(f"{operstate}\n")
        if wireless:
            (device / "phy80211").mkdir()
        return device


def prints(text):
    """Shell command that prints a text as it is."""
    return f"printf %s {shlex.quote(text)}"


def fails(message, code=1):
    """Shell command of a program that refuses."""
    return f"printf '%s\\n' {shlex.quote(message)} >&2; exit {code}"
