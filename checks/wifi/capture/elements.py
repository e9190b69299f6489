"""Information elements of management frames: the list, and those that say what a network is.

IEEE Std 802.11-2024, 9.4.2. A list stops at the first element that overruns the frame; what came before is kept.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from checks.wifi.capture.link import channel_of
from checks.wifi.capture.suites import Rsn, SuiteError, parse_rsn, parse_wpa
from checks.wifi.capture.wps import Wps, parse_wps
from checks.wifi.facts import Suites

SSID, DS, TIM, COUNTRY, LOAD, RSN, HT_CAPABILITIES, HT_OPERATION = 0, 3, 5, 7, 11, 48, 45, 61
MULTIPLE_BSSID, CAPABILITY, INDEX, MESH_ID, EXTENDED_CAPABILITIES, VHT_CAPABILITIES = 71, 83, 85, 114, 127, 191
CISCO_NAME, NEIGHBOURS, VENDOR, RSNX, EXTENSION = 133, 201, 221, 244, 255
HE_CAPABILITIES, HE_OPERATION, NON_INHERITANCE, EHT_CAPABILITIES = 256 + 35, 256 + 36, 256 + 56, 256 + 108
"""Elements with an extension number are 256 plus that number."""

VOLATILE = frozenset({TIM, LOAD})
"""Elements that change from one beacon to the next and say nothing of what the network is."""

_WPA, _WPS, _OWE = b"\x00\x50\xf2\x01", b"\x00\x50\xf2\x04", b"\x50\x6f\x9a\x1c"
_RSN_OVERRIDE, _RSN_OVERRIDE_2, _RSNX_OVERRIDE = b"\x50\x6f\x9a\x29", b"\x50\x6f\x9a\x2a", b"\x50\x6f\x9a\x2b"
_ARUBA_NAME = b"\x00\x0b\x86\x01\x03"
_MAKERS = {
    b"\x00\x0b\x86": "Aruba",
    b"\x00\x40\x96": "Cisco",
    b"\x00\x15\x6d": "Ubiquiti",
    b"\x00\x13\x92": "Ruckus",
    b"\x00\x0c\x42": "MikroTik",
    b"\x00\x18\x0a": "Meraki",
    b"\x00\x19\x77": "Aerohive",
    b"\x00\x17\xf2": "Apple",
}
"""Makers of access points that sign their beacons with a vendor element."""
MAX_ELEMENTS = 512
MAX_SSID = 32
_OPERATING_BANDS = (
    ((81, 84), "2.4"),
    ((115, 130), "5"),
    ((131, 137), "6"),
    ((180, 180), "60"),
)
"""Ranges of global operating classes (IEEE Std 802.11-2024, table E-4) and their band."""


class Element(NamedTuple):
    """One element: `data[start:end]` is its content, after the extension number when it has one."""

    number: int
    start: int
    end: int


def walk(data: bytes, start: int, end: int) -> tuple[list[Element], int]:
    """Elements between two positions, and how many bytes are left after the last whole one."""
    found: list[Element] = []
    position = start
    while end - position >= 2 and len(found) < MAX_ELEMENTS:
        number, size = data[position], data[position + 1]
        body, after = position + 2, position + 2 + size
        if after > end:
            break
        if number == EXTENSION and size:
            found.append(Element(256 + data[body], body + 1, after))
        else:
            found.append(Element(number, body, after))
        position = after
    return found, end - position


class Owe(NamedTuple):
    """OWE transition element."""

    bssid: bytes
    ssid: bytes


class Reported(NamedTuple):
    """One access point of a reduced neighbour report."""

    bssid: bytes
    short_ssid: bytes
    band: str
    channel: int
    same_ssid: bool


class Nested(NamedTuple):
    """One BSS that another one's beacon describes (multiple BSSID)."""

    bssid: bytes
    description: Description


class Description(NamedTuple):
    """What the elements of one frame say of a BSS. Hashable: two equal ones are the same network settings."""

    ssid: bytes | None = None
    """None when the frame has no SSID element."""
    privacy: bool = False
    mode: str = ""
    band: str = ""
    channel: int | None = None
    rsn: Suites | None = None
    wpa: Suites | None = None
    override: Suites | None = None
    pmkids: tuple[bytes, ...] = ()
    wps: Wps | None = None
    owe: Owe | None = None
    neighbours: tuple[Reported, ...] = ()
    nested: tuple[Nested, ...] = ()
    country: str = ""
    vendor: str = ""
    ap_name: str = ""
    generation: str = ""
    hash_to_element: bool | None = None
    sae_pk: bool = False
    beacon_protection: bool = False
    damaged: tuple[str, ...] = ()
    """What could not be read, French clauses."""
    left: int = 0
    """Bytes after the last whole element: not zero when the list was cut or is malformed."""


def describe(data: bytes, start: int, end: int, capability: int, bssid: bytes = b"", frequency: int = 0) -> Description:
    """Read the elements between two positions.

    `capability` is the capability field before them, `bssid` the transmitter's address (for the addresses of the
    networks nested in the frame), `frequency` what the adapter was tuned to, in MHz (0 when not known).
    """
    elements, left = walk(data, start, end)
    return _describe(data, elements, left, capability, bssid, channel_of(frequency))


def _describe(
    data: bytes,
    elements: list[Element],
    left: int,
    capability: int,
    bssid: bytes,
    tuned: tuple[str, int | None],
) -> Description:
    first: dict[int, bytes] = {}
    vendors: list[bytes] = []
    for number, start, end in elements:
        if number == VENDOR:
            vendors.append(data[start:end])
        elif number not in first:  # an SSID or RSN element that comes twice: the first one counts
            first[number] = data[start:end]
    damaged: list[str] = []
    rsn = _suites(first.get(RSN), parse_rsn, damaged)
    wpa = _suites(_vendor(vendors, _WPA), parse_wpa, damaged)
    override = _override(vendors, damaged)
    ssid = first.get(SSID)
    if ssid is not None and len(ssid) > MAX_SSID:
        damaged.append("SSID de plus de 32 octets")
        ssid = ssid[:MAX_SSID]
    band, channel = _channel(first, tuned)
    extended = first.get(RSNX) or (_vendor(vendors, _RSNX_OVERRIDE) or b"")
    capabilities = first.get(EXTENDED_CAPABILITIES, b"")
    wps_parts = [vendor[4:] for vendor in vendors if vendor.startswith(_WPS)]
    return Description(
        ssid=ssid,
        privacy=bool(capability & 0x10),
        mode=_mode(capability, first),
        band=band,
        channel=channel,
        rsn=rsn.suites if rsn else None,
        wpa=wpa.suites if wpa else None,
        override=override,
        pmkids=rsn.pmkids if rsn else (),
        wps=parse_wps(b"".join(wps_parts)) if wps_parts else None,
        owe=_owe(_vendor(vendors, _OWE)),
        neighbours=_neighbours(first.get(NEIGHBOURS)),
        nested=_nested(data, elements, bssid, capability, tuned) if bssid else (),
        country=_printable(first.get(COUNTRY, b"")[:2]),
        vendor=next((_MAKERS[vendor[:3]] for vendor in vendors if vendor[:3] in _MAKERS), ""),
        ap_name=_ap_name(first, vendors),
        generation=_generation(first),
        hash_to_element=bool(extended[0] & 0x20) if extended else None,
        sae_pk=bool(extended[0] & 0x40) if extended else False,
        beacon_protection=len(capabilities) > 10 and bool(capabilities[10] & 0x10),
        damaged=tuple(damaged),
        left=left,
    )


def _suites(body: bytes | None, parse: Callable[[bytes], Rsn], damaged: list[str]) -> Rsn | None:
    if body is None:
        return None
    try:
        found = parse(body)
    except SuiteError as error:
        damaged.append(str(error))
        return None
    if found.cut:
        damaged.append("liste de suites plus longue que son élément")
    return found


def _override(vendors: list[bytes], damaged: list[str]) -> Suites | None:
    """Suites of both RSN override elements together: a station reads one or the other."""
    found = [
        _suites(vendor[4:], parse_rsn, damaged)
        for vendor in vendors
        if vendor.startswith((_RSN_OVERRIDE, _RSN_OVERRIDE_2))
    ]
    parts = [rsn.suites for rsn in found if rsn]
    if not parts:
        return None
    weakest = min(parts, key=lambda suites: ("none", "capable", "required").index(suites.pmf))
    return Suites(
        akms=tuple(dict.fromkeys(akm for suites in parts for akm in suites.akms)),
        pairwise=tuple(dict.fromkeys(cipher for suites in parts for cipher in suites.pairwise)),
        group=parts[0].group,
        group_management=parts[0].group_management,
        pmf=weakest.pmf,
    )


def _vendor(vendors: list[bytes], prefix: bytes) -> bytes | None:
    """Content of the first vendor element of a kind, after its OUI and type."""
    return next((vendor[len(prefix) :] for vendor in vendors if vendor.startswith(prefix)), None)


def _mode(capability: int, first: dict[int, bytes]) -> str:
    if capability & 0x02:
        return "ad-hoc"
    return "mesh" if not capability & 0x01 and MESH_ID in first else ""


def _channel(first: dict[int, bytes], tuned: tuple[str, int | None]) -> tuple[str, int | None]:
    """Channel as the access point announces it, else the one the adapter listened to.

    A frame is heard from neighbouring channels: what the frame says comes first.
    """
    six = _six_ghz_channel(first.get(HE_OPERATION, b""))
    if six is not None:
        return "6", six
    ds, ht = first.get(DS, b""), first.get(HT_OPERATION, b"")
    channel = ds[0] if ds else ht[0] if ht else None
    if channel is None:
        return tuned
    band = tuned[0] if tuned[0] == "6" else "2.4" if channel <= 14 else "5"
    return band, channel


def _six_ghz_channel(operation: bytes) -> int | None:
    """Primary channel of the 6 GHz information of an HE operation element."""
    if len(operation) < 6:
        return None
    parameters = int.from_bytes(operation[:3], "little")
    if not parameters & 1 << 17:
        return None
    position = 6 + (3 if parameters & 1 << 14 else 0) + (1 if parameters & 1 << 15 else 0)
    return operation[position] if len(operation) > position else None


def _generation(first: dict[int, bytes]) -> str:
    for number, name in ((EHT_CAPABILITIES, "be"), (HE_CAPABILITIES, "ax"), (VHT_CAPABILITIES, "ac")):
        if number in first:
            return name
    return "n" if HT_CAPABILITIES in first else ""


def _owe(body: bytes | None) -> Owe | None:
    if body is None or len(body) < 7:
        return None
    size = body[6]
    return Owe(body[:6], body[7 : 7 + size]) if size <= MAX_SSID and len(body) >= 7 + size else None


def _neighbours(body: bytes | None) -> tuple[Reported, ...]:
    """Access points of a reduced neighbour report; what a length does not allow to place is left out."""
    found: list[Reported] = []
    position = 0
    while body is not None and len(body) - position >= 4:
        header = int.from_bytes(body[position : position + 2], "little")
        operating, channel = body[position + 2], body[position + 3]
        count, size = (header >> 4 & 0xF) + 1, header >> 8
        position += 4
        band = next((name for (low, high), name in _OPERATING_BANDS if low <= operating <= high), "")
        for _ in range(count):
            entry = body[position : position + size]
            position += size
            if len(entry) < size or header & 3:
                break
            bssid = entry[1:7] if size >= 7 else b""
            short = entry[7:11] if size >= 11 else entry[1:5] if size in {5, 6} else b""
            parameters = entry[11] if size >= 12 else entry[7] if size in {8, 9} else entry[5] if size == 6 else 0
            if bssid or short:
                found.append(Reported(bssid, short, band, channel, bool(parameters & 2)))
    return tuple(found)


def _ap_name(first: dict[int, bytes], vendors: list[bytes]) -> str:
    """Name given by the administrator, in the elements of Cisco and Aruba."""
    cisco = first.get(CISCO_NAME, b"")
    if len(cisco) >= 26:
        return _printable(cisco[10:26].rstrip(b"\0"))
    aruba = _vendor(vendors, _ARUBA_NAME)
    return _printable(aruba.lstrip(b"\0")) if aruba else ""


def _printable(raw: bytes) -> str:
    text = raw.rstrip(b"\0")
    return text.decode("ascii") if text and all(0x20 <= byte < 0x7F for byte in text) else ""


def _nested(
    data: bytes, elements: list[Element], bssid: bytes, capability: int, tuned: tuple[str, int | None]
) -> tuple[Nested, ...]:
    """Networks that only exist inside this beacon, with what they inherit from it."""
    profiles: list[bytes] = []
    indicator = 0
    for number, start, end in elements:
        if number != MULTIPLE_BSSID or start == end:
            continue
        indicator = data[start]
        parts, _ = walk(data, start + 1, end)
        for part in parts:
            if part.number:
                continue
            content = data[part.start : part.end]
            if content[:1] != bytes([CAPABILITY]) and profiles:
                profiles[-1] += content  # a profile too long for one element goes on in the next
            else:
                profiles.append(content)
    found = [_one_nested(profile, data, elements, bssid, indicator, capability, tuned) for profile in profiles]
    return tuple(nested for nested in found if nested)


def _one_nested(
    profile: bytes,
    data: bytes,
    elements: list[Element],
    bssid: bytes,
    indicator: int,
    capability: int,
    tuned: tuple[str, int | None],
) -> Nested | None:
    own, left = walk(profile, 0, len(profile))
    values = {number: profile[start:end] for number, start, end in reversed(own)}
    index = values.get(INDEX, b"")
    if not index or not 1 <= indicator <= 8:
        return None
    mask = (1 << indicator) - 1
    last = (bssid[5] & ~mask & 0xFF) | ((bssid[5] + index[0]) & mask)
    if CAPABILITY in values and len(values[CAPABILITY]) >= 2:
        capability = int.from_bytes(values[CAPABILITY][:2], "little")
    refused = _not_inherited(values.get(NON_INHERITANCE))
    kinds = {_kind(profile, element) for element in own}
    inherited = [
        data[element.start - 3 : element.end] if element.number >= 256 else data[element.start - 2 : element.end]
        for element in elements
        if element.number not in refused
        and element.number not in {SSID, TIM, MULTIPLE_BSSID, NEIGHBOURS}
        and _kind(data, element) not in kinds
    ]
    merged = profile + b"".join(inherited)
    parts, _ = walk(merged, 0, len(merged))
    description = _describe(merged, parts, left, capability, b"", tuned)
    return Nested(bssid[:5] + bytes([last]), description)


def _kind(data: bytes, element: Element) -> tuple[int, bytes]:
    """What makes two elements the same one: the number, and the OUI and type for vendor elements."""
    return element.number, data[element.start : element.start + 4] if element.number == VENDOR else b""


def _not_inherited(body: bytes | None) -> set[int]:
    """Elements that a nested network says it does not inherit."""
    if not body:
        return set()
    plain = body[1 : 1 + body[0]]
    rest = body[1 + len(plain) :]
    return {*plain, *(256 + number for number in (rest[1 : 1 + rest[0]] if rest else b""))}
