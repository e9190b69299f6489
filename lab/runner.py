"""Start, stop and use labs. Everything stays inside the lab's own namespaces; needs root."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from lab import hosts, network, provision, zones
from lab.description import AS_FOUND, Site, load
from lab.errors import LabError
from lab.paths import CODE, STATE_ROOT, check_name, namespace, state_dir
from lab.profile import BACKUP_VARIABLE, PASSWORD_VARIABLE, Exports, render_profile
from lab.provision import Bulk

READY_SECONDS = 60.0
"""Time the services have to answer."""

_COMMANDS = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "samba": "samba",
    "samba-tool": "samba",
    "smbclient": "smbclient",
    "ldapsearch": "ldap-utils",
    "knotd": "knot",
    "keymgr": "knot",
    "dig": "bind9-dnsutils",
    "postfix": "postfix",
    "nft": "nftables",
    "tar": "tar",
    "zstd": "zstd",
    "openssl": "openssl",
}
_PROVISION_SCHEMA = Path("/usr/share/samba/setup/provision.ldif")


@dataclass(frozen=True)
class LabInfo:
    """A running lab: where things are. All paths are on the machine."""

    name: str
    state: str
    prefix: str
    """Start of the names of its network namespaces."""
    root: str
    ca_file: str
    audit_password_file: str
    audit_user: str
    resolver: str
    addresses: dict[str, str]
    """host -> address."""
    cached: bool
    seconds: float
    """How long the start took."""
    phases: dict[str, float]
    """Seconds of each phase of the start."""

    @property
    def site(self) -> Site:
        """The description in the state this lab is in."""
        return load().in_state(self.state)

    @property
    def audit_password(self) -> str:
        """Return the (made-up) password of the audit account; root only."""
        return Path(self.audit_password_file).read_text(encoding="utf-8")

    def site_profile(self, path: Path, mail_domains: Sequence[str] | None = None) -> Path:
        """Write a ready profile for the agent and return its path."""
        today = datetime.now(UTC).date()
        path.write_text(_profile_text(self, path, today, mail_domains), encoding="utf-8")
        return path


def room_folder(profile: Path) -> Path:
    """Return where the profile looks for the collection made from a resident's tablet: beside it."""
    return profile.absolute().with_name(f"{profile.stem}-chambre")


def _profile_text(info: LabInfo, path: Path, today: date, mail_domains: Sequence[str] | None) -> str:
    state = hosts.Layout(info.name).state
    exports = Exports(
        router=str(state("router")),
        access_point=str(state("borne")),
        backup=str(state("sauvegarde")),
        room=str(room_folder(path)),
    )
    return render_profile(info.site, info.ca_file, exports, today, mail_domains)


def require_root() -> None:
    """Raise `LabError` unless root: namespaces and mounts need it."""
    if os.geteuid() != 0:
        raise LabError(
            "le laboratoire crée des espaces réseau et des montages : il faut les droits de root (sudo). "
            "Sans eux, les faits enregistrés restent utilisables."
        )


def doctor() -> list[str]:
    """Return what prevents a lab from starting here, in French; empty when nothing does."""
    problems = []
    if os.geteuid() != 0:
        problems.append("le laboratoire a besoin des droits de root (sudo)")
    missing = sorted({package for command, package in _COMMANDS.items() if not _which(command)})
    if not _PROVISION_SCHEMA.is_file():
        missing.append("samba-ad-provision")
    if not _samba_bindings():
        missing.append("python3-samba et python3-cryptography")
    if missing:
        wanted = " ".join(package_list())
        problems.append(f"paquets absents : {', '.join(missing)} (apt-get install --no-install-recommends {wanted})")
    if os.geteuid() == 0 and (refusal := _namespace_refusal()):
        problems.append(f"le noyau ou le conteneur refuse les espaces réseau et les montages ({refusal})")
    return problems


def package_list() -> list[str]:
    """Return the Debian packages the lab needs."""
    lines = (CODE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _which(command: str) -> str | None:
    return shutil.which(command, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def _samba_bindings() -> bool:
    """The seeder runs under the system's interpreter, where Debian puts the bindings."""
    try:
        done = subprocess.run(
            ["/usr/bin/python3", "-W", "ignore", "-c", "import samba.samdb, cryptography"],
            check=False,
            capture_output=True,
            timeout=30,
        )
    except OSError:
        return False
    return done.returncode == 0


def _namespace_refusal() -> str:
    """Try what `enter.sh` needs, in a throwaway namespace."""
    trial = "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/r"
    trial += " && mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"
    try:
        done = subprocess.run(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", trial],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
    except OSError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the lock of one lab: two commands never work on the same one."""
    STATE_ROOT.mkdir(parents=True, exist_ok=True)
    STATE_ROOT.chmod(0o711)
    with (STATE_ROOT / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(f"une autre commande travaille sur le laboratoire « {name} »") from error
        yield


def up(name: str = "lab", state: str = AS_FOUND, bulk: Bulk | None = None) -> LabInfo:
    """Start a lab and return when every service answers. A lab already up in that state is returned as it is."""
    require_root()
    check_name(name)
    with _locked(name):
        running = _read_info(name)
        if running is not None and not silent_hosts(running):
            if running.state == state and bulk is None:
                return running
            raise LabError(
                f"le laboratoire « {name} » tourne déjà dans l'état {running.state} : arrêtez-le d'abord "
                f"(ausculte lab down --name {name})"
            )
        problems = doctor()
        if problems:
            raise LabError(" ; ".join(problems))
        try:
            return _start(name, state, bulk)
        except BaseException:
            _remove(name)
            raise


def _start(name: str, state: str, bulk: Bulk | None) -> LabInfo:
    started = time.monotonic()
    phases: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(title: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        phases[title] = round(time.monotonic() - begun, 2)

    site = load().in_state(state)
    _remove(name)
    layout = hosts.Layout(name)
    for folder in (layout.root, layout.shared, layout.logs):
        folder.mkdir(parents=True)
    layout.root.chmod(0o700)
    with phase("network"):
        network.build(site, name)
    with phase("provision"):
        cached = provision.provide(site, layout, state, bulk)
        _write_zones(site, layout)
    info = LabInfo(
        name=name,
        state=state,
        prefix=namespace(name, ""),
        root=str(layout.root),
        ca_file=str(layout.shared / "pki" / "ca.pem"),
        audit_password_file=str(layout.state("dc") / "audit-password"),
        audit_user=f"{site.structure.audit_account}@{site.structure.ad_domain}",
        resolver=site.address_of("dns"),
        addresses={key: host.address for key, host in site.hosts.items() if host.address},
        cached=cached,
        seconds=0.0,
        phases=phases,
    )
    for first in (True, False):
        chosen = [key for key, host in site.hosts.items() if host.role and host.first is first]
        with phase("first services" if first else "services"):
            for key in chosen:
                hosts.start(site, layout, key)
            _wait_ready(site, layout, info, chosen)
    info = msgspec.convert({**asdict(info), "seconds": round(time.monotonic() - started, 2), "phases": phases}, LabInfo)
    (layout.root / "info.json").write_text(json.dumps(asdict(info), indent=1), encoding="utf-8")
    return info


def _write_zones(site: Site, layout: hosts.Layout) -> None:
    """Render zone files and MTA-STS policies; the name server adds the DS records, since it has the keys."""
    serial = int(time.time())
    keys = {path.name.removesuffix(".txt"): path.read_text() for path in (layout.shared / "dkim").glob("*.txt")}
    folder = layout.shared / "zones"
    folder.mkdir(exist_ok=True)
    for zone, description in site.zones.items():
        (folder / f"{zone}.{description.kind}{'.signed' if description.signed else ''}").write_text(
            zones.render_zone(site, zone, keys, serial), encoding="utf-8"
        )
    (folder / "root.top").write_text(zones.render_root(serial), encoding="utf-8")
    (folder / "test.top").write_text(zones.render_top_level(site, {}, serial), encoding="utf-8")
    (folder / "10.in-addr.arpa.primary").write_text(zones.render_reverse(site, serial), encoding="utf-8")
    policies = layout.shared / "sts"
    policies.mkdir(exist_ok=True)
    for zone, description in site.zones.items():
        if description.sts_mode:
            (policies / zone).write_text(zones.render_policy(description), encoding="utf-8")


def probe_settings(site: Site, info: LabInfo, chosen: Sequence[str], seconds: float) -> dict[str, Any]:
    """Return the specification of `probe.py` for some hosts."""
    return {
        "timeout": seconds,
        "ca": info.ca_file,
        "user": info.audit_user,
        "password_file": info.audit_password_file,
        "base": ",".join(f"DC={part}" for part in site.structure.ad_domain.split(".")),
        "probes": [
            {
                "host": site.hosts[key].names[0],
                "address": site.hosts[key].address,
                "kind": probe.kind,
                "port": probe.port,
                "target": probe.target,
            }
            for key in chosen
            for probe in site.hosts[key].probes
        ],
    }


def _silent(site: Site, info: LabInfo, chosen: Sequence[str], seconds: float) -> str:
    """Probe some hosts from the auditor's place; return what never answered, one French line each."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(probe_settings(site, info, chosen, seconds), file)
        file.flush()
        done = subprocess.run(
            ["ip", "netns", "exec", namespace(info.name, "agent"), sys.executable, str(CODE / "probe.py"), file.name],
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
        )
    return (done.stdout + done.stderr).strip() if done.returncode else ""


def _wait_ready(site: Site, layout: hosts.Layout, info: LabInfo, chosen: Sequence[str]) -> None:
    silent = _silent(site, info, chosen, READY_SECONDS)
    dead = [key for key in chosen if not hosts.is_running(layout, key)]
    if silent or dead:
        logs = "\n".join(_log_tail(layout, key) for key in dead or chosen)
        raise LabError(f"services muets ou arrêtés ({', '.join(dead) or silent})\n{logs}")


def _log_tail(layout: hosts.Layout, key: str) -> str:
    path = layout.logs / f"{key}.log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return "\n".join([f"--- {key}", *lines[-8:]])


def down(name: str = "lab") -> None:
    """Stop a lab and remove everything it left, even after a crash. Safe to repeat."""
    require_root()
    check_name(name)
    with _locked(name):
        _remove(name)
    (STATE_ROOT / f"{name}.lock").unlink(missing_ok=True)


def _remove(name: str) -> None:
    network.clear(name)
    shutil.rmtree(state_dir(name), ignore_errors=True)


def _read_info(name: str) -> LabInfo | None:
    try:
        return msgspec.convert(json.loads((state_dir(name) / "info.json").read_bytes()), LabInfo)
    except (OSError, ValueError):
        return None


def status(name: str = "lab") -> LabInfo | None:
    """Return the lab of that name when it was started, None otherwise. See `silent_hosts` for its health."""
    require_root()
    return _read_info(check_name(name))


def silent_hosts(info: LabInfo) -> list[str]:
    """Return the hosts of a lab whose role is no longer running."""
    layout = hosts.Layout(info.name)
    return [key for key, host in info.site.hosts.items() if host.role and not hosts.is_running(layout, key)]


def running(name: str) -> LabInfo:
    """Return a lab that is up; raise `LabError` otherwise."""
    info = status(name)
    if info is None:
        raise LabError(f"le laboratoire « {name} » n'est pas démarré (ausculte lab up --name {name})")
    return info


def exec_argv(name: str, argv: Sequence[str], host: str = "agent") -> list[str]:
    """Return the command that runs `argv` at a host's place in the network, with its names and resolver."""
    site = running(name).site
    if host not in site.hosts:
        raise LabError(f"hôte inconnu : {host} (hôtes : {', '.join(site.hosts)})")
    return ["ip", "netns", "exec", namespace(name, host), *argv]


def audit_environment(info: LabInfo) -> dict[str, str]:
    """Return the environment of an audit run in the lab: this process's, the account's password, the backups' key."""
    key = info.site.hosts["sauvegarde"].env["KEY"]
    return {**os.environ, PASSWORD_VARIABLE: info.audit_password, BACKUP_VARIABLE: key}


def stop_host(name: str, host: str) -> None:
    """Switch one host off (its namespace and address stay): what an audit must survive."""
    running(name)
    network.end_processes([namespace(name, host)])


def start_host(name: str, host: str) -> None:
    """Switch one host on again and wait until it answers."""
    info = running(name)
    layout = hosts.Layout(name)
    hosts.start(info.site, layout, host)
    _wait_ready(info.site, layout, info, [host])
