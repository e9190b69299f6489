"""EAPOL frames: the four messages of the key handshake. IEEE Std 802.11-2024, 12.7; IEEE Std 802.1X-2020, 11."""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

from typing import NamedTuple

from checks.wifi.capture.elements import RSN, VENDOR, walk
from checks.wifi.capture.suites import SuiteError, parse_rsn, parse_wpa

EAP_PACKET, START, LOGOFF, KEY = 0, 1, 2, 3
_RSN_KEY, _WPA_KEY = 2, 254
_PAIRWISE, _INSTALL, _ACK, _MIC, _SECURE, _REQUEST, _ENCRYPTED = 0x08, 0x40, 0x80, 0x100, 0x200, 0x800, 0x1000
_NO_NONCE = bytes(32)
_PMKID_KDE = b"\x00\x0f\xac\x04"
_WPA_TYPE = b"\x00\x50\xf2\x01"


class Eapol(NamedTuple):
    """One EAPOL frame."""

    kind: int
    body: bytes
    cut: bool
    """The frame announces more than what was recorded."""


class KeyMessage(NamedTuple):
    """One message of the pairwise handshake."""

    number: int
    """1 to 4."""
    descriptor: int
    """Key descriptor version: 1 and 2 for the first AKMs, 3 for SHA-256 ones, 0 when the AKM decides."""
    wpa: bool
    """WPA of 2003, not RSN."""
    replay: int
    nonce: bytes
    mic: bytes
    data: bytes
    """Key data; encrypted in the third message."""


def parse_eapol(data: bytes, start: int, end: int) -> Eapol | None:
    """The EAPOL frame that starts at `start`; None when it is too short to be one."""
    if end - start < 4 or data[start] > 3:
        return None
    size = int.from_bytes(data[start + 2 : start + 4])
    body = data[start + 4 : min(end, start + 4 + size)]
    return Eapol(data[start + 1], body, len(body) < size)


def parse_key(body: bytes) -> KeyMessage | None:
    """Body of an EAPOL-Key frame; None for group keys, requests, WEP keys, and what is cut short."""
    if len(body) < 79 or body[0] not in {_RSN_KEY, _WPA_KEY}:
        return None
    info = int.from_bytes(body[1:3])
    if not info & _PAIRWISE or info & _REQUEST:
        return None
    mic_size = _mic_size(body)
    after = 77 + mic_size
    if len(body) < after + 2:
        return None
    size = int.from_bytes(body[after : after + 2])
    data = body[after + 2 : after + 2 + size]
    if len(data) < size:
        return None
    nonce = body[13:45]
    return KeyMessage(
        number=_number(info, nonce, data, aead=mic_size == 0),
        descriptor=info & 7,
        wpa=body[0] == _WPA_KEY,
        replay=int.from_bytes(body[5:13]),
        nonce=nonce,
        mic=body[77:after],
        data=data,
    )


def _mic_size(body: bytes) -> int:
    """Bytes of the MIC: no field says it, but only one size makes the length of the key data fit."""
    for size in (16, 24, 0, 32):
        after = 77 + size
        if len(body) >= after + 2 and after + 2 + int.from_bytes(body[after : after + 2]) == len(body):
            return size
    return 16


def _number(info: int, nonce: bytes, data: bytes, *, aead: bool) -> int:
    if info & _ACK:
        return 3 if info & (_MIC | _INSTALL) else 1
    if aead:
        return 4 if info & _SECURE else 2
    # WPA of 2003 does not always set Secure in the fourth message, and a rekeying second message does.
    return 2 if data and nonce != _NO_NONCE else 4


def pmkid_of(data: bytes) -> bytes | None:
    """PMKID in clear in the key data of a first message; None when there is none, or only zeros."""
    elements, _ = walk(data, 0, len(data))
    for number, start, end in elements:
        if number == VENDOR and data[start : start + 4] == _PMKID_KDE and end - start == 20:
            pmkid = data[start + 4 : end]
            return pmkid if any(pmkid) else None
    return None


class Choice(NamedTuple):
    """What a station chose."""

    akm: str
    pairwise: str
    pmf: str
    pmkid: bytes | None = None


def choice_of(data: bytes, start: int = 0, end: int | None = None) -> Choice | None:
    """What the RSN or WPA element of a station says, in an association request or a second message."""
    elements, _ = walk(data, start, len(data) if end is None else end)
    for number, first, last in elements:
        content = data[first:last]
        try:
            if number == RSN:
                found = parse_rsn(content)
            elif number == VENDOR and content.startswith(_WPA_TYPE):
                found = parse_wpa(content[4:])
            else:
                continue
        except SuiteError:
            continue
        suites = found.suites
        if not suites.akms:
            continue
        pmkid = next((pmkid for pmkid in found.pmkids if any(pmkid)), None)
        return Choice(suites.akms[0], suites.pairwise[0] if suites.pairwise else "", suites.pmf, pmkid)
    return None
