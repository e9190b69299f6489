"""From what scans and exports call security to the words of the facts: key management, ciphers, encryption, band."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from checks.wifi.capture.names import ssid_hex, ssid_text
from checks.wifi.capture.suites import FAMILIES, SAE, akm_name, cipher_name, encryption_of
from checks.wifi.facts import PMF_NONE, Suites

_SELECTOR = re.compile(r"([0-9a-f]{2})[-:]([0-9a-f]{2})[-:]([0-9a-f]{2})[:-]([0-9]{1,3})")
_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")
MAX_SSID = 32
"""Bytes of an SSID."""

ENTERPRISE_AKMS = frozenset(name for name, family in FAMILIES.items() if family == "802.1x")
PERSONAL_AKMS = frozenset(name for name, family in FAMILIES.items() if family in {"psk", SAE})


class Security(NamedTuple):
    """Key management and ciphers of one network, in the words of `Network` and `WlanConfig`."""

    akms: tuple[str, ...] = ()
    pairwise: tuple[str, ...] = ()
    group: str = ""
    pmf: str = ""
    encryption: str = "unknown"
    rsn: Suites | None = None
    wpa: Suites | None = None

    @property
    def enterprise(self) -> bool | None:
        """802.1X; None when the key management is not known."""
        if self.encryption in {"unknown", "other"}:
            return None
        return any(akm in ENTERPRISE_AKMS for akm in self.akms)


UNKNOWN = Security()
OPEN = Security(encryption="open", pmf=PMF_NONE)
WEP = Security(encryption="wep", pmf=PMF_NONE, pairwise=("WEP",), group="WEP")


def secured(
    rsn: Suites | None = None, wpa: Suites | None = None, *, privacy: bool = False, pmf: str = "", damaged: bool = False
) -> Security:
    """The security that RSN and WPA parts describe; `pmf` when no part knows it (empty: not told).

    `damaged` says that a part which is not there may have been lost.
    """
    parts = [part for part in (rsn, wpa) if part is not None]
    return Security(
        akms=_each(akm for part in parts for akm in part.akms),
        pairwise=_each(cipher for part in parts for cipher in part.pairwise),
        group=next((part.group for part in parts if part.group), ""),
        pmf=rsn.pmf if rsn is not None else pmf,
        encryption=encryption_of(privacy=privacy, rsn=rsn, wpa=wpa, override=None, damaged=damaged),
        rsn=rsn,
        wpa=wpa,
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def akm_of(text: str, names: Mapping[str, str]) -> str:
    """Name of a key management: by a table of the tool's own names, by its selector, else the text itself."""
    return names.get(text.lower()) or _by_selector(text, akm=True) or text


def cipher_of(text: str, names: Mapping[str, str]) -> str:
    """Name of a cipher: by a table of the tool's own names, by its selector, else the text itself."""
    return names.get(text.lower()) or _by_selector(text, akm=False) or text


def _by_selector(text: str, *, akm: bool) -> str:
    found = _SELECTOR.fullmatch(text.lower())
    if found is None or int(found[4]) > 255:  # noqa: PLR2004 - one byte
        return ""
    selector = bytes([*(int(found[n], 16) for n in (1, 2, 3)), int(found[4])])
    return akm_name(selector) if akm else cipher_name(selector)


def mac_of(text: str) -> str:
    """An address in lower case with colons; empty when the text is none."""
    lower = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{12}", lower):
        lower = ":".join(lower[n : n + 2] for n in range(0, 12, 2))
    return lower.replace("-", ":") if _MAC.fullmatch(lower) else ""


def oui_of(bssid: str) -> str:
    """First half of a BSSID that its maker registered; empty when it is locally administered."""
    return "" if not bssid or int(bssid[:2], 16) & 2 else bssid[:8]


def ssid_of(raw: bytes) -> tuple[str, str]:
    """Text of an SSID and, when the text does not give its bytes back, these in hexadecimal."""
    return ssid_text(raw), ssid_hex(raw)


def unescape(text: str) -> bytes:
    r"""Bytes of an SSID as `iw` and `wpa_supplicant` print them: `\xNN`, `\\`, `\"`, `\n`, `\r`, `\t`, `\e`."""
    found = bytearray()
    position = 0
    for match in re.finditer(r'\\(x[0-9a-fA-F]{2}|[\\"nrte])', text):
        found += text[position : match.start()].encode("utf-8", "surrogateescape")
        code = match[1]
        found += bytes([int(code[1:], 16)]) if code[0] == "x" else _SIMPLE[code]
        position = match.end()
    return bytes(found + text[position:].encode("utf-8", "surrogateescape"))


_SIMPLE = {"\\": b"\\", '"': b'"', "n": b"\n", "r": b"\r", "t": b"\t", "e": b"\x1b"}
