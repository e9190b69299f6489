"""Run the role of a host inside its namespace, with a root of its own (see `enter.sh`)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.description import Host, Site
from lab.errors import LabError
from lab.paths import CODE, NETNS_ETC, namespace, state_dir

_BASE_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}
_UNSHARE = (
    "unshare",
    "--mount",
    "--uts",
    "--ipc",
    "--pid",  # the role is process 1 of its own: when it dies, everything it started dies with it
    "--fork",
    "--kill-child",
    "--propagation",
    "private",
)

_DETACH = 'log=$1; shift; setsid "$@" </dev/null >>"$log" 2>&1 & echo $!'
"""A role outlives the command that starts it, in a session of its own, and is nobody's child."""


@dataclass(frozen=True)
class Layout:
    """Folders of one lab on the machine."""

    lab: str

    @property
    def root(self) -> Path:
        """Everything of this lab."""
        return state_dir(self.lab)

    @property
    def shared(self) -> Path:
        """What every host reads: certificates, zones, seed plan."""
        return self.root / "shared"

    @property
    def logs(self) -> Path:
        """Output of each role."""
        return self.root / "logs"

    def state(self, host: str) -> Path:
        """What a host keeps between preparation and start."""
        return self.root / "state" / host


def role_environment(site: Site, layout: Layout, name: str, script: str) -> dict[str, str]:
    """Return the variables of one role: the only thing a role knows about the site."""
    host = site.hosts[name]
    return {
        **_BASE_ENV,
        "LAB_CODE": str(CODE),
        "LAB_SHARED": str(layout.shared),
        "LAB_HOST_FILES": str(NETNS_ETC / namespace(layout.lab, name)),
        "LAB_HOST": name,
        "LAB_HOSTNAME": host.names[0].split(".")[0] if host.names else name,
        "LAB_NAME": host.names[0] if host.names else name,
        "LAB_ADDRESS": host.address,
        "LAB_ROLE": host.role,
        "LAB_SCRIPT": script,
        "LAB_STATE_PATH": host.state_path,
        "LAB_STATE_DIR": str(layout.state(name)),
        "LAB_CERTIFICATE": host.certificate,
        **{f"LAB_{key}": value for key, value in host.env.items()},
    }


def has_script(host: Host, script: str) -> bool:
    """Tell whether a role has this script (`prepare` is optional)."""
    return (CODE / "roles" / host.role / f"{script}.sh").is_file()


def _argv(layout: Layout, name: str) -> list[str]:
    return ["ip", "netns", "exec", namespace(layout.lab, name), *_UNSHARE, "sh", str(CODE / "enter.sh")]


def prepare(site: Site, layout: Layout, name: str, timeout: float = 900.0) -> None:
    """Run `prepare.sh` of a host to its end. Raises `LabError` with its last lines when it fails."""
    layout.state(name).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        _argv(layout, name),
        check=False,
        env=role_environment(site, layout, name, "prepare"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    (layout.logs / f"{name}.prepare.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise LabError(f"la préparation de « {name} » a échoué :\n{tail}")


def start(site: Site, layout: Layout, name: str) -> int:
    """Start `start.sh` of a host in the background and return its process id."""
    layout.state(name).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["sh", "-c", _DETACH, "sh", str(layout.logs / f"{name}.log"), *_argv(layout, name)],
        check=True,
        env=role_environment(site, layout, name, "start"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
    )
    pid = int(done.stdout)
    (layout.root / "pids").mkdir(exist_ok=True)
    (layout.root / "pids" / name).write_text(str(pid), encoding="ascii")
    return pid


def is_running(layout: Layout, name: str) -> bool:
    """Tell whether the role of a host is still there."""
    try:
        pid = int((layout.root / "pids" / name).read_text(encoding="ascii"))
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError):
        return False
    return b"unshare" in command and state != "Z"
