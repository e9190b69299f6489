"""What this machine can and cannot do for an audit, and how to fix what it cannot."""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from agent.network import system_resolvers
from checks.model import Record

BUILT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
"""A clock earlier than this release is wrong for certain."""
DISK_NEEDED_MIB = 500
MEMORY_NEEDED_MIB = 1024


class Finding(Record, frozen=True, kw_only=True):
    """One line of the diagnosis. `level`: `ok`, `missing` (something cannot be done) or `blocking`."""

    what: str
    level: str
    detail: str
    fix: str = ""


def diagnose(folder: Path, now: dt.datetime) -> list[Finding]:
    """Everything worth knowing before leaving for the site; sends nothing."""
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _clock(now),
        lambda: _disk(folder),
        _memory,
        _resolvers,
        _terminal,
        _nmap,
        _capture_rights,
    ]
    return [_attempt(check) for check in checks]


def _attempt(check: Callable[[], Finding]) -> Finding:
    """A diagnosis that fails is a line of the diagnosis."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever this machine does, the others must be said
        return Finding(
            what="Vérification",
            level="missing",
            detail=f"une vérification n'a pas pu être faite ({type(error).__name__})",
            fix="Vérifier les droits du dossier donné et l'installation ; les autres lignes restent valables.",
        )


def _python() -> Finding:
    text = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return Finding(what="Python", level="ok", detail=text)


def _clock(now: dt.datetime) -> Finding:
    text = f"{now.astimezone():%d/%m/%Y %H:%M} ({now.astimezone().tzname()})"
    if now < BUILT:
        return Finding(
            what="Horloge",
            level="blocking",
            detail=f"{text} : date antérieure à cette version du logiciel",
            fix="Mettre la machine à l'heure : Kerberos refuse plus de 5 minutes d'écart et les âges seraient faux.",
        )
    marker = Path("/run/systemd/timesync/synchronized")
    if platform.system() == "Linux" and not marker.exists():
        return Finding(
            what="Horloge",
            level="missing",
            detail=f"{text}, synchronisation non confirmée",
            fix="Comparer à l'heure d'un téléphone ; l'écart avec le contrôleur de domaine est mesuré pendant l'audit.",
        )
    return Finding(what="Horloge", level="ok", detail=text)


def _disk(folder: Path) -> Finding:
    existing = folder.resolve()
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        return Finding(
            what="Disque",
            level="blocking",
            detail=f"{existing} : ce n'est pas un dossier",
            fix="Choisir un autre dossier avec -o.",
        )
    free = shutil.disk_usage(existing).free >> 20
    text = f"{free} Mio libres dans {existing}"
    if not os.access(existing, os.W_OK):
        return Finding(
            what="Disque",
            level="blocking",
            detail=f"{existing} : écriture impossible",
            fix="Choisir un autre dossier avec -o.",
        )
    if free < DISK_NEEDED_MIB:
        return Finding(
            what="Disque",
            level="blocking",
            detail=text,
            fix=f"Libérer de la place : {DISK_NEEDED_MIB} Mio sont nécessaires.",
        )
    return Finding(what="Disque", level="ok", detail=text)


def _memory() -> Finding:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        available = next(int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return Finding(
            what="Mémoire",
            level="missing",
            detail="mémoire disponible inconnue sur ce système",
            fix=f"Vérifier qu'il reste {MEMORY_NEEDED_MIB} Mio.",
        )
    if available < MEMORY_NEEDED_MIB:
        return Finding(
            what="Mémoire",
            level="missing",
            detail=f"{available} Mio disponibles",
            fix="Fermer des programmes.",
        )
    return Finding(what="Mémoire", level="ok", detail=f"{available} Mio disponibles")


def _resolvers() -> Finding:
    found = system_resolvers()
    if not found:
        return Finding(
            what="DNS",
            level="missing",
            detail="aucun serveur DNS configuré sur cette machine",
            fix='Déclarer les serveurs DNS dans le profil : [network] resolvers = ["…"].',
        )
    return Finding(what="DNS", level="ok", detail="serveurs : " + ", ".join(found))


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower()
    if "utf" not in encoding:
        return Finding(
            what="Terminal",
            level="missing",
            detail=f"encodage {encoding or 'inconnu'}",
            fix="Régler le terminal en UTF-8 pour les accents.",
        )
    return Finding(what="Terminal", level="ok", detail="UTF-8")


def _nmap() -> Finding:
    path = shutil.which("nmap")
    if not path:
        return Finding(
            what="nmap",
            level="missing",
            detail="absent : pas d'inventaire réseau ni de vue externe",
            fix="Debian/Ubuntu : apt-get install nmap ; Windows : installeur officiel.",
        )
    return Finding(what="nmap", level="ok", detail=path)


def _capture_rights() -> Finding:
    packet = getattr(socket, "AF_PACKET", None)
    if packet is None:
        return Finding(
            what="Capture réseau",
            level="missing",
            detail="ce système ne permet pas la capture par Python",
            fix="Utiliser des captures importées.",
        )
    try:
        socket.socket(packet, socket.SOCK_RAW).close()
    except OSError:
        return Finding(
            what="Capture réseau",
            level="missing",
            detail="droits insuffisants (CAP_NET_RAW)",
            fix="Lancer avec sudo, seulement pour la capture Wi-Fi.",
        )
    return Finding(what="Capture réseau", level="ok", detail="autorisée")
