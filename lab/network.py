"""Network namespaces of one lab: a switch with one bridge per segment, and one namespace per host.

Both ends of every cable are created inside the lab's own namespaces: nothing ever appears in the machine's own
network, and two labs may use the same addresses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from lab.description import Host, Site
from lab.errors import LabError
from lab.paths import NETNS_ETC, namespace

SWITCH = "switch"
_NETNS_DIR = Path("/run/netns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=20)


def namespaces_of(lab: str) -> list[str]:
    """Return the namespaces that exist for this lab, started by whom they may."""
    prefix = namespace(lab, "")
    if not _NETNS_DIR.is_dir():
        return []
    return sorted(entry.name for entry in _NETNS_DIR.iterdir() if entry.name.startswith(prefix))


def processes_in(netns: str) -> list[int]:
    """Return the processes living in a namespace."""
    done = subprocess.run(["ip", "netns", "pids", netns], check=False, capture_output=True, text=True, timeout=20)
    return [int(pid) for pid in done.stdout.split() if int(pid) != os.getpid()]


def build(site: Site, lab: str) -> None:
    """Create switch, bridges, router and hosts, with addresses, routes and names."""
    switch = namespace(lab, SWITCH)
    _ip("netns", "add", switch)
    for name in site.networks:
        _ip("-n", switch, "link", "add", f"br-{name}", "type", "bridge")
        _ip("-n", switch, "link", "set", f"br-{name}", "up")
    for name, host in site.hosts.items():
        netns = namespace(lab, name)
        _ip("netns", "add", netns)
        _ip("-n", netns, "link", "set", "lo", "up")
        if host.network:
            network = site.networks[host.network]
            _plug(switch, netns, f"p-{name}", host.network, "eth0", f"{host.address}/{network.prefix_length}")
            _ip("-n", netns, "route", "add", "default", "via", network.gateway)
        else:
            for segment, network in site.networks.items():
                address = f"{network.gateway}/{network.prefix_length}"
                _plug(switch, netns, f"r-{segment}", segment, segment, address)
        _write_names(site, lab, name, host)


def _plug(switch: str, netns: str, port: str, segment: str, interface: str, address: str) -> None:
    _ip("link", "add", port, "netns", switch, "type", "veth", "peer", "name", interface, "netns", netns)
    _ip("-n", switch, "link", "set", port, "master", f"br-{segment}", "up")
    _ip("-n", netns, "addr", "add", address, "dev", interface)
    _ip("-n", netns, "link", "set", interface, "up")


def hosts_file(site: Site, name: str) -> str:
    """Return /etc/hosts of one host: itself, and the domain controllers every member knows."""
    lines = ["127.0.0.1 localhost"]
    own = site.hosts[name]
    known = [own, *(h for key, h in site.hosts.items() if h.role == "dc" and key != name)]
    lines += [f"{host.address} {' '.join(host.names)}" for host in known if host.address and host.names]
    return "\n".join(lines) + "\n"


def resolver_file(site: Site, host: Host) -> str:
    """Return /etc/resolv.conf of one host."""
    search = f"search {site.structure.ad_domain}\n" if host.network == "pro" else ""
    return f"{search}nameserver {site.hosts['dns'].address}\noptions timeout:2 attempts:1\n"


def _write_names(site: Site, lab: str, name: str, host: Host) -> None:
    folder = NETNS_ETC / namespace(lab, name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(hosts_file(site, name), encoding="utf-8")
    (folder / "resolv.conf").write_text(resolver_file(site, host), encoding="utf-8")


def clear(lab: str, grace: float = 0.3) -> None:
    """End every process of this lab's namespaces, then delete them. Works after a crash; safe to repeat.

    The grace is short: what the processes would save is about to be deleted.
    """
    netns = namespaces_of(lab)
    end_processes(netns, grace)
    for name in netns:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", name)
    for folder in NETNS_ETC.glob(namespace(lab, "") + "*"):
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        NETNS_ETC.rmdir()  # only when we leave it empty


def end_processes(netns: list[str], grace: float = 3.0) -> None:
    """Ask politely, then insist: a namespace cannot vanish while somebody lives in it."""
    deadline = time.monotonic() + grace
    polite = True
    while pids := [pid for name in netns for pid in processes_in(name)]:
        if time.monotonic() > deadline:
            polite = False
            if time.monotonic() > deadline + 10:
                raise LabError(f"processus du laboratoire impossibles à arrêter : {pids}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if polite else signal.SIGKILL)
        time.sleep(0.1)
