"""Profile table `[wifi]`: which captures, scans and exports to read, and what the site declares.

Imports no network library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from checks.model import Record
from checks.wifi.inside.config import InsideConfig
from checks.wifi.live.config import LiveConfig
from checks.wifi.radius.config import RadiusConfig

ROLES = ("pro", "resident", "guest", "voice", "iot", "biomedical", "admin")
"""What an SSID of the establishment may be for."""
MAX_INPUTS = 1000
MAX_DECLARED = 5000
MAX_SSID = 32
"""Bytes of an SSID."""
_BSSID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def normal_bssid(text: str) -> str:
    """A BSSID as facts write it: `00:11:22:aa:bb:cc`. Raises `ValueError`, in French."""
    found = text.strip().lower().replace("-", ":")
    if not _BSSID.fullmatch(found):
        raise ValueError(f"« {text[:40]} » n'est pas l'adresse d'un point d'accès (exemple : 00:11:22:aa:bb:cc)")
    return found


class WifiConfig(Record, frozen=True):
    """What the profile says about Wi-Fi. Only the tests from inside send anything, and only to their targets."""

    capture_files: tuple[str, ...] = ()
    """Radio captures: pcap or pcapng, compressed or not."""
    captures_dir: tuple[str, ...] = ()
    """Folders of captures."""
    scan_files: tuple[str, ...] = ()
    """Saved outputs of `iw dev scan`, `nmcli`, `netsh wlan show networks mode=bssid`…"""
    outside_files: tuple[str, ...] = ()
    """Captures or saved scans taken outside the walls (street, car park): who is received there?"""
    export_files: tuple[str, ...] = ()
    """Configurations exported from access points and controllers."""
    ssids: Mapping[str, str] = {}
    """SSID of the establishment to what it is for."""
    access_points: tuple[str, ...] = ()
    """BSSIDs of the establishment's access points."""
    live: LiveConfig | None = None
    """`[wifi.live]`: what to hear on the spot."""
    radius: tuple[RadiusConfig, ...] = ()
    """`[[wifi.radius]]`: authentication servers to question, and the login to try."""
    inside: tuple[InsideConfig, ...] = ()
    """`[[wifi.inside]]`: what to try from each network, when this machine has joined it."""
    inside_dir: tuple[str, ...] = ()
    """Folders of earlier collections with this profile, made from another of these networks."""

    def __post_init__(self) -> None:
        """Refuse what could not be read; the message is shown with the place in the profile."""
        paths = (*self.capture_files, *self.captures_dir, *self.scan_files, *self.outside_files, *self.export_files)
        if len(paths) > MAX_INPUTS:
            raise ValueError(f"{MAX_INPUTS} fichiers ou dossiers au plus")
        if not all(path.strip() for path in paths):
            raise ValueError("un chemin ne peut pas être vide")
        if len(self.ssids) > MAX_DECLARED or len(self.access_points) > MAX_DECLARED:
            raise ValueError(f"{MAX_DECLARED} SSID ou points d'accès déclarés au plus")
        for ssid, role in self.ssids.items():
            if not ssid or len(ssid.encode()) > MAX_SSID:
                raise ValueError(f"« {ssid[:MAX_SSID]} » n'est pas un SSID (1 à {MAX_SSID} octets)")
            if role not in ROLES:
                raise ValueError(f"rôle inconnu pour « {ssid} » : « {role} » (possible : {', '.join(ROLES)})")
        for bssid in self.access_points:
            normal_bssid(bssid)
        names = [one.ssid or one.role for one in self.inside]
        if len(set(names)) != len(names):
            raise ValueError("deux essais [[wifi.inside]] portent le même SSID, ou le même rôle sans SSID")
        servers = [(one.ssid, one.server) for one in self.radius]
        if len(set(servers)) != len(servers):
            raise ValueError("deux tables [[wifi.radius]] questionnent le même serveur pour le même SSID")

    def targets(self) -> tuple[str, ...]:
        """What the mandate must allow before anything starts."""
        tried = [target for one in self.inside for target in one.targets()]
        return tuple(dict.fromkeys((*tried, *(one.server for one in self.radius))))
