"""RSN and WPA elements: key management and cipher suites, protection of management frames.

IEEE Std 802.11-2024, 9.4.2.23 (RSNE) and tables of suite selectors; Wi-Fi Alliance WPA3 specification v3.3 (AKM 24
and 25, RSN override). Every part of the tail of the element may be missing; a suite without a known name is shown by
its selector and never dropped.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, Suites

PSK, SAE, ENTERPRISE, OWE, OTHER = "psk", "sae", "802.1x", "owe", "other"
"""Families of key management: what an attacker would need differs from one to the other."""

_RSN_OUI, _WPA_OUI, _WFA_OUI = b"\x00\x0f\xac", b"\x00\x50\xf2", b"\x50\x6f\x9a"

_RSN_AKMS = {
    1: ("802.1X", ENTERPRISE),
    2: ("PSK", PSK),
    3: ("FT-802.1X", ENTERPRISE),
    4: ("FT-PSK", PSK),
    5: ("802.1X-SHA256", ENTERPRISE),
    6: ("PSK-SHA256", PSK),
    7: ("TDLS", OTHER),
    8: ("SAE", SAE),
    9: ("FT-SAE", SAE),
    10: ("AP-PEER-KEY", OTHER),
    11: ("802.1X-SUITE-B", ENTERPRISE),
    12: ("802.1X-SUITE-B-192", ENTERPRISE),
    13: ("FT-802.1X-SUITE-B-192", ENTERPRISE),
    14: ("FILS-SHA256", ENTERPRISE),
    15: ("FILS-SHA384", ENTERPRISE),
    16: ("FT-FILS-SHA256", ENTERPRISE),
    17: ("FT-FILS-SHA384", ENTERPRISE),
    18: ("OWE", OWE),
    19: ("FT-PSK-SHA384", PSK),
    20: ("PSK-SHA384", PSK),
    21: ("PASN", OTHER),
    22: ("FT-802.1X-SHA384", ENTERPRISE),
    23: ("802.1X-SHA384", ENTERPRISE),
    24: ("SAE-EXT", SAE),
    25: ("FT-SAE-EXT", SAE),
}
_WPA_AKMS = {1: ("802.1X", ENTERPRISE), 2: ("PSK", PSK)}
_OTHER_AKMS = {
    _WFA_OUI + b"\x01": ("OSEN", ENTERPRISE),
    _WFA_OUI + b"\x02": ("DPP", OTHER),
    b"\x00\x40\x96\x00": ("CCKM", ENTERPRISE),
}
_CIPHERS = {
    0: "USE-GROUP",
    1: "WEP-40",
    2: "TKIP",
    4: "CCMP",
    5: "WEP-104",
    6: "BIP-CMAC-128",
    7: "GROUP-NOT-ALLOWED",
    8: "GCMP",
    9: "GCMP-256",
    10: "CCMP-256",
    11: "BIP-GMAC-128",
    12: "BIP-GMAC-256",
    13: "BIP-CMAC-256",
}
FAMILIES = {
    **dict(_RSN_AKMS.values()),
    **dict(_OTHER_AKMS.values()),
}
"""Name of a key management to its family."""

_WPA3_ENTERPRISE = {
    "802.1X-SUITE-B",
    "802.1X-SUITE-B-192",
    "FT-802.1X-SUITE-B-192",
    "802.1X-SHA384",
    "FT-802.1X-SHA384",
}
_MFP_REQUIRED, _MFP_CAPABLE = 0x40, 0x80
MAX_SUITES = 64
"""In one list; an element of 255 bytes cannot hold more."""


class SuiteError(ValueError):
    """The element does not hold together: what it says must not be believed, nor its absence."""


class Rsn(NamedTuple):
    """A parsed element, and what only the element of a station carries."""

    suites: Suites
    pmkids: tuple[bytes, ...] = ()
    cut: bool = False
    """The element announces more suites than it holds."""


def akm_name(selector: bytes) -> str:
    """Name of an AKM selector of four bytes, or the selector itself."""
    oui, number = selector[:3], selector[3]
    if oui == _RSN_OUI and number in _RSN_AKMS:
        return _RSN_AKMS[number][0]
    if oui == _WPA_OUI and number in _WPA_AKMS:
        return _WPA_AKMS[number][0]
    found = _OTHER_AKMS.get(selector)
    return found[0] if found else _selector(selector)


def cipher_name(selector: bytes) -> str:
    """Name of a cipher selector of four bytes, or the selector itself."""
    if selector[:3] == _RSN_OUI or (selector[:3] == _WPA_OUI and selector[3] <= 5):
        return _CIPHERS.get(selector[3]) or _selector(selector)
    return _selector(selector)


def _selector(selector: bytes) -> str:
    return f"{selector[:3].hex('-').upper()}:{selector[3]}"


@functools.lru_cache(maxsize=1024)  # a few settings are those of thousands of access points
def parse_rsn(body: bytes) -> Rsn:
    """Content of an RSN element (after its length byte). Raises `SuiteError` when it is empty or of another version.

    An element that ends early keeps the defaults of the standard (802.1X, CCMP) for what it leaves out entirely.
    """
    reader = _Reader(body)
    if reader.number() != 1:
        raise SuiteError("version inconnue de l'élément RSN" if len(body) >= 2 else "élément RSN vide")
    group = reader.selector()
    pairwise = reader.selectors()
    akms = reader.selectors()
    capabilities = reader.number()
    pmkids = reader.pmkids()
    management = reader.selector()
    pmf = _pmf(capabilities or 0)
    suites = Suites(
        akms=_names(akms, akm_name, "802.1X"),
        pairwise=_names(pairwise, cipher_name, "CCMP"),
        group=cipher_name(group) if group else "CCMP",
        group_management=cipher_name(management) if management else "",
        pmf=pmf,
    )
    return Rsn(suites, pmkids, reader.cut)


@functools.lru_cache(maxsize=1024)
def parse_wpa(body: bytes) -> Rsn:
    """Content of a WPA element after its OUI and type. Raises `SuiteError` as `parse_rsn` does."""
    reader = _Reader(body)
    if reader.number() != 1:
        raise SuiteError("version inconnue de l'élément WPA" if len(body) >= 2 else "élément WPA vide")
    group = reader.selector()
    pairwise = reader.selectors()
    akms = reader.selectors()
    suites = Suites(
        akms=_names(akms, akm_name, "802.1X"),
        pairwise=_names(pairwise, cipher_name, "TKIP"),
        group=cipher_name(group) if group else "TKIP",
    )
    return Rsn(suites, (), reader.cut)


def _pmf(capabilities: int) -> str:
    if capabilities & _MFP_REQUIRED:
        return PMF_REQUIRED
    return PMF_CAPABLE if capabilities & _MFP_CAPABLE else PMF_NONE


def _names(selectors: tuple[bytes, ...] | None, name: Callable[[bytes], str], default: str) -> tuple[str, ...]:
    """Names in order, each once; the default of the standard when the list is left out."""
    if selectors is None:
        return (default,)
    return tuple(dict.fromkeys(name(selector) for selector in selectors))


class _Reader:
    """Reads optional parts in order; once one is missing, so are the next."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self.cut = False

    def _take(self, size: int) -> bytes | None:
        if self._at + size > len(self._body):
            self.cut |= self._at < len(self._body)
            self._at = len(self._body)
            return None
        taken = self._body[self._at : self._at + size]
        self._at += size
        return taken

    def number(self) -> int | None:
        taken = self._take(2)
        return None if taken is None else int.from_bytes(taken, "little")

    def selector(self) -> bytes | None:
        return self._take(4)

    def selectors(self) -> tuple[bytes, ...] | None:
        count = self.number()
        if count is None:
            return None
        found: list[bytes] = []
        for _ in range(min(count, MAX_SUITES)):
            taken = self._take(4)
            if taken is None:
                self.cut = True
                break
            found.append(taken)
        return tuple(found)

    def pmkids(self) -> tuple[bytes, ...]:
        count = self.number() or 0
        found: list[bytes] = []
        for _ in range(min(count, MAX_SUITES)):
            taken = self._take(16)
            if taken is None:
                self.cut = True
                break
            found.append(taken)
        return tuple(found)


def encryption_of(
    *, privacy: bool, rsn: Suites | None, wpa: Suites | None, override: Suites | None, damaged: bool = False
) -> str:
    """One word for a network, as `Network.encryption` describes it.

    `damaged` says that an element which would tell is unreadable or was cut off: its absence proves nothing.
    """
    found = _generations(rsn) | _generations(override)
    if wpa is not None:
        found.add("wpa")
    ordered = [word for word in ("wpa", "wpa2", "wpa3", "owe") if word in found]
    if ordered:
        return "-".join(ordered)
    if rsn is not None or override is not None:
        return "other"
    if damaged:
        return "unknown"
    return "wep" if privacy else "open"


def _generations(suites: Suites | None) -> set[str]:
    if suites is None:
        return set()
    found: set[str] = set()
    for name in suites.akms:
        family = FAMILIES.get(name, OTHER)
        if family == SAE or name in _WPA3_ENTERPRISE:
            found.add("wpa3")
        elif name == "802.1X-SHA256" and suites.pmf != PMF_NONE:
            # WPA3-Enterprise only: PMF required and nothing older; its transition mode also offers 802.1X.
            found.add("wpa3")
        elif family == OWE:
            found.add("owe")
        elif family in {PSK, ENTERPRISE}:
            found.add("wpa2")
    return found
