"""Group policy files of SYSVOL, read over SMB on the controller: is a password kept in one?

Only files that may hold one are read, whole and within a size; folders of templates are skipped. The walk stops at
its limits and says how much it skipped.
"""

from __future__ import annotations

import contextlib
import io
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from checks.ad.config import AdConfig
from checks.ad.facts import GppPassword, Sysvol
from checks.ad.parsers.gpp import GPP_FILES, MAX_FILE, MalformedPreference, parse_gpp
from checks.ad.transport.ntlm import NtlmAccount
from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason

MAX_FOLDERS = 20_000
MAX_FILES = 10_000
"""Preference files read."""
TIME_LIMIT = 180.0
"""Seconds for the whole walk."""
MAX_FOLDER_DEPTH = 16
_SKIPPED = frozenset({"policydefinitions", "dfsrprivate", "do_not_remove_ntfrs_preinstall_directory"})


class Item(NamedTuple):
    """One name of a folder."""

    name: str
    folder: bool
    size: int


class Share(Protocol):
    """The SYSVOL share. Methods raise `ShareError`."""

    def list(self, folder: str) -> list[Item]:
        """Names in a folder, `.` and `..` left out. `folder` uses backslashes and has none at its end."""

    def read(self, path: str, limit: int) -> bytes:
        """A whole file of at most `limit` bytes."""


class ShareError(Exception):
    """A folder or a file could not be read. `gone`: the connection itself is lost."""

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


def read_sysvol(
    server: str, domain: str, config: AdConfig, account: NtlmAccount | Gap, network: Network
) -> Sysvol | Gap:
    """Log on to the share with the reading account and walk the policies of `domain`."""
    if not config.sysvol:
        return Gap(
            reason=Reason.NOT_CONFIGURED,
            detail="SYSVOL n'a pas été lu : le réglage sysvol de [ad] le désactive.",
        )
    if isinstance(account, Gap):
        return account
    try:
        with contextlib.closing(SmbShare.open(server, config, account, network)) as share:
            return walk(share, server, domain, time.monotonic() + TIME_LIMIT)
    except MandateRefusedError as error:
        return Gap(reason=Reason.REFUSED, detail=f"SYSVOL de {server} : hors du mandat ({clean(error.why, 200)}).")
    except ShareError as error:
        reason = Reason.UNREACHABLE if error.gone else Reason.PERMISSION
        return Gap(reason=reason, detail=f"SYSVOL de {server} n'est pas lisible ({error}).")
    except TimeoutError:
        return Gap(reason=Reason.TIMEOUT, detail=f"SYSVOL de {server} : le serveur n'a pas répondu à temps.")
    except OSError:
        return Gap(reason=Reason.UNREACHABLE, detail=f"SYSVOL de {server} : le partage est injoignable.")


def walk(share: Share, server: str, domain: str, deadline: float) -> Sysvol | Gap:
    """Read every preference file below the folder of the domain.

    A gap when the folder of the domain itself cannot be listed, or when the connection is lost on the way.
    """
    found: list[GppPassword] = []
    read = skipped = folders = 0
    waiting = [(domain, 0)]
    while waiting:
        folder, depth = waiting.pop()
        folders += 1
        if folders > MAX_FOLDERS or depth > MAX_FOLDER_DEPTH or time.monotonic() > deadline:
            skipped += 1
            continue
        try:
            items = share.list(folder)
        except ShareError as error:
            if depth == 0 or error.gone:
                return Gap(
                    reason=Reason.UNREACHABLE if error.gone else Reason.PERMISSION,
                    detail=f"Le dossier {clean(folder, 200)} de SYSVOL n'a pas pu être lu ({error}).",
                )
            skipped += 1
            continue
        for item in items:
            path = f"{folder}\\{item.name}"
            if item.folder:
                if item.name.casefold() not in _SKIPPED:
                    waiting.append((path, depth + 1))
            elif item.name.casefold() in GPP_FILES:
                passwords = _read_file(share, path, item, allowed=read < MAX_FILES)
                if passwords is None:
                    skipped += 1
                else:
                    read += 1
                    found += passwords
    return Sysvol(server=server, files_read=read, files_skipped=skipped, gpp_passwords=tuple(found))


def _read_file(share: Share, path: str, item: Item, *, allowed: bool) -> tuple[GppPassword, ...] | None:
    """Passwords of one file; None when it could not be read to its end."""
    if not allowed or item.size > MAX_FILE:
        return None
    try:
        return parse_gpp(share.read(path, MAX_FILE), path)
    except (ShareError, MalformedPreference):
        return None


class SmbShare:
    """SYSVOL through impacket."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def open(cls, server: str, config: AdConfig, account: NtlmAccount, network: Network) -> SmbShare:
        """Log on once. Raises `ShareError` when refused, `OSError` when unreachable."""
        from impacket.smbconnection import SMBConnection

        # impacket gives no reason for a failed connection and leaves its socket open: look first who answers.
        with network.connect(server, config.smb_port, "smb", "Lecture de SYSVOL", config.connect_timeout) as reached:
            address = reached.getpeername()[0]
        with _translated("la négociation SMB a échoué"):
            connection = SMBConnection(
                server, address, sess_port=config.smb_port, timeout=int(max(1, config.connect_timeout))
            )
        share = cls(connection)
        try:
            with _translated("le compte de lecture y est refusé"):
                connection.setTimeout(int(max(1, config.read_timeout)))
                connection.login(account.user, account.password, account.domain)
        except ShareError:
            share.close()
            raise
        return share

    def list(self, folder: str) -> list[Item]:
        """See `Share`."""
        with _translated("accès refusé ou dossier absent"):
            entries = self._connection.listPath("SYSVOL", f"{folder}\\*")
            found = [
                Item(str(entry.get_longname()), bool(entry.is_directory()), int(entry.get_filesize()))
                for entry in entries
            ]
        # A name with a separator would point elsewhere; no honest server sends one.
        return [item for item in found if item.name not in {".", ".."} and not set(item.name) & {"\\", "/"}]

    def read(self, path: str, limit: int) -> bytes:
        """See `Share`."""
        kept = io.BytesIO()

        def keep(part: bytes) -> None:
            if kept.tell() + len(part) > limit:
                raise ShareError("fichier trop gros")
            kept.write(part)

        with _translated("accès refusé"):
            self._connection.getFile("SYSVOL", path, keep)
        return kept.getvalue()

    def close(self) -> None:
        """Log off and close; never fails."""
        with contextlib.suppress(ShareError), _translated("fermeture"):
            self._connection.close()


@contextlib.contextmanager
def _translated(refusal: str) -> Iterator[None]:
    """Turn what impacket raises into `ShareError`: `refusal` when the server said no, lost otherwise.

    impacket decodes answers without checking them: a truncated one raises any of the errors listed here.
    """
    from impacket.nmb import NetBIOSError, NetBIOSTimeout
    from impacket.smb3 import SessionError as Smb3Error
    from impacket.smbconnection import SessionError

    try:
        yield
    except (SessionError, Smb3Error) as error:
        raise ShareError(refusal) from error
    except NetBIOSTimeout as error:
        raise ShareError("pas de réponse à temps", gone=True) from error
    except (NetBIOSError, OSError, struct.error, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ShareError("connexion perdue ou réponse illisible", gone=True) from error
