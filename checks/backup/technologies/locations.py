"""Where a repository is: the machine to ask the mandate about, and an address without its credentials."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from checks.backup.technologies.base import Tools
from checks.common.text import clean
from checks.model import CollectError, MandateRefusedError, Reason

PROBE_SECONDS = 15.0
_PORTS = {"http": 80, "https": 443, "ssh": 22, "sftp": 22}
_SCP = re.compile(r"(?:(?P<user>[^@:/\s]+)@)?(?P<host>\[[^\]]+\]|[^@:/\s]+):(?P<path>.*)", re.DOTALL)
_CLOUDS = ("b2:", "azure:", "gs:", "swift:", "rclone:")
"""Storages of restic whose servers cannot be told from the location: nothing to ask the mandate about."""


class Place(NamedTuple):
    """A repository seen from the network."""

    kind: str
    """`local`, `sftp`, `ssh`, `rest`, `s3`."""
    path: str
    host: str = ""
    port: int = 0
    user: str = ""
    secure: bool = True
    """The connection is encrypted."""
    password: bool = False
    """A password stands in the location itself."""

    @property
    def address(self) -> str:
        """Without credential, cleaned."""
        if self.kind == "local":
            return clean(self.path, 300)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return clean(f"{self.kind}://{host}:{self.port}/{self.path.lstrip('/')}", 300)


def is_folder(path: str | Path) -> bool:
    """Whether a folder stands there, as far as we may see: one that we may not reach is not there for us."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def home() -> Path:
    """Folder of this person; one that does not exist when the system does not know it."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def restic_place(location: str) -> Place:
    """Place of a restic location. Raises `CollectError` for one that cannot be read, or whose servers are unknown."""
    if location.startswith(_CLOUDS):
        detail = (
            f"Le stockage « {location.partition(':')[0]} » n'est pas interrogé : ses serveurs ne se lisent pas dans"
            " l'emplacement, et le mandat ne peut donc pas les autoriser un à un."
        )
        raise CollectError(Reason.UNSUPPORTED, detail)
    scheme, _, rest = location.partition(":")
    with _readable():
        if scheme == "local":
            return Place("local", rest)
        if scheme == "rest":
            return _from_url("rest", urlsplit(rest))
        if scheme == "s3":
            url = rest if rest.startswith(("http://", "https://")) else "https://" + rest.removeprefix("//")
            return _from_url("s3", urlsplit(url))
        if scheme == "sftp":
            return _from_url("sftp", urlsplit(location)) if rest.startswith("//") else _from_scp("sftp", rest)
    return Place("local", location)


def borg_place(location: str) -> Place:
    """Place of a borg location. Raises `CollectError` for one that cannot be read."""
    with _readable():
        if location.startswith("file://"):
            return Place("local", location.removeprefix("file://"))
        if location.startswith("ssh://"):
            return _from_url("ssh", urlsplit(location))
        if not location.startswith(("/", ".")) and _SCP.fullmatch(location):
            return _from_scp("ssh", location)
    return Place("local", location)


def reach(place: Place, tools: Tools, purpose: str) -> tuple[str, ...]:
    """Ask the mandate, and make sure that somebody answers: programs try again for minutes when nobody does.

    Returns the addresses that may be used. Raises `CollectError`.
    """
    where = f"{place.host}:{place.port}"
    try:
        addresses = tools.network.permit(place.host, place.port, place.kind, purpose)
        tools.network.connect(place.host, place.port, place.kind, purpose, PROBE_SECONDS).close()
    except MandateRefusedError as error:
        raise CollectError(Reason.REFUSED, f"Refusé par le mandat : {clean(str(error), 300)}.") from None
    except TimeoutError:
        raise CollectError(Reason.TIMEOUT, f"{where} n'a pas répondu en {PROBE_SECONDS:.0f} secondes.") from None
    except OSError as error:
        detail = f"{where} ne répond pas ({clean(error.strerror or type(error).__name__, 100)})."
        raise CollectError(Reason.UNREACHABLE, detail) from None
    return addresses


def ssh_options(place: Place, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Options that hold ssh to the machine the mandate permits, without any question to a person.

    They come before the configuration files of the person, which still choose the key.
    """
    alias = place.host if place.port == _PORTS["ssh"] else f"[{place.host}]:{place.port}"
    pinned = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "HostName": addresses[0] if addresses else place.host,
        "HostKeyAlias": alias,
        "Port": str(place.port),
        "ProxyCommand": "none",
        "ProxyJump": "none",
        "ControlPath": "none",
        "PermitLocalCommand": "no",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": f"{PROBE_SECONDS:.0f}",
        "ServerAliveInterval": "15",
    }
    return tuple(word for name, value in pinned.items() for word in ("-o", f"{name}={value}"))


def with_credentials(location: str, user: str, password: str) -> str:
    """A URL with the credentials of HTTP: only for the environment of a child."""
    from urllib.parse import quote

    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ValueError:
        detail = "L'emplacement du dépôt ne se lit pas : adresse ou port mal écrits dans le profil."
        raise CollectError(Reason.NOT_CONFIGURED, detail) from None


def _from_url(kind: str, url: SplitResult) -> Place:
    host = url.hostname or ""
    if not host or host.startswith("-"):
        raise ValueError("no host")
    scheme = url.scheme if url.scheme in _PORTS else "ssh"
    return Place(
        kind=kind,
        path=url.path,
        host=host,
        port=url.port or _PORTS[scheme],
        user=url.username or "",
        secure=scheme != "http",
        password=bool(url.password),
    )


def _from_scp(kind: str, text: str) -> Place:
    found = _SCP.fullmatch(text)
    if found is None or found["host"].startswith("-") or (found["user"] or "").startswith("-"):
        raise ValueError("not a host and a path")
    host = found["host"].strip("[]")
    if not host:
        raise ValueError("not a host and a path")
    return Place(kind, found["path"], host, _PORTS["ssh"], found["user"] or "")
