"""Scalar attribute values of a directory: times, intervals, flags, names.

Functions take the raw bytes of one value and raise `MalformedValue` on anything they do not understand.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime

from checks.ad.facts import NEVER

_EPOCH_OFFSET = 11_644_473_600
"""Seconds between 1601-01-01 (FILETIME) and 1970-01-01."""
_TICKS = 10_000_000
"""FILETIME ticks of 100 ns in one second."""
_FILETIME_MAX = 0x7FFF_FFFF_FFFF_FFFF
_INTERVAL_NEVER = -0x8000_0000_0000_0000
_INT64_DIGITS = 20
_INTEGER = re.compile(rb"-?[0-9]{1,20}")
_GENERALIZED = re.compile(
    rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:[.,][0-9]{1,9})?(Z|[+-][0-9]{4})"
)

ZONE_ALLOW_UPDATE = 0x02
"""DSPROPERTY_ZONE_ALLOW_UPDATE, MS-DNSP 2.3.2.1.1."""


class MalformedValue(ValueError):  # noqa: N818 - named after what it says of the value
    """The bytes do not follow the syntax of the attribute."""


def integer(raw: bytes) -> int:
    """A decimal integer of at most 64 bits, as all integer attributes are sent."""
    try:
        value = int(raw)
    except ValueError as error:
        raise MalformedValue(f"not an integer: {raw[:40]!r}") from error
    # int() also takes spaces, underscores and non-ASCII digits; very long numbers are no 64-bit value.
    if len(raw) > _INT64_DIGITS or not _INTEGER.fullmatch(raw) or not -(1 << 63) <= value < 1 << 63:
        raise MalformedValue(f"not an integer: {raw[:40]!r}")
    return value


def unsigned32(raw: bytes) -> int:
    """A flag field sent as a signed 32-bit integer (userAccountControl, groupType), made unsigned."""
    value = integer(raw)
    if not -(1 << 31) <= value < 1 << 32:
        raise MalformedValue(f"not a 32-bit value: {value}")
    return value & 0xFFFF_FFFF


def boolean(raw: bytes) -> bool:
    """`TRUE` or `FALSE`."""
    if raw not in {b"TRUE", b"FALSE"}:
        raise MalformedValue(f"not a boolean: {raw[:40]!r}")
    return raw == b"TRUE"


def filetime(raw: bytes) -> int:
    """Unix seconds of a FILETIME; `NEVER` for 0 and for the largest value.

    A time before 1970 gives 1, since no account was used then and 0 means never.
    """
    ticks = integer(raw)
    if ticks in {0, _FILETIME_MAX}:
        return NEVER
    if ticks < 0:
        raise MalformedValue(f"negative time: {ticks}")
    return max(1, ticks // _TICKS - _EPOCH_OFFSET)


def interval(raw: bytes) -> int:
    """Seconds of a duration stored as negative 100 ns units; 0 for "none" and for "never"."""
    ticks = integer(raw)
    if ticks == _INTERVAL_NEVER:
        return 0
    return abs(ticks) // _TICKS


def seconds_to_days(seconds: int) -> float:
    """Days in a duration of the facts."""
    return seconds / 86_400


def generalized_time(raw: bytes) -> int:
    """Unix seconds of `YYYYMMDDHHMMSS[.f]Z` (or a numeric offset), the syntax of whenCreated."""
    found = _GENERALIZED.fullmatch(raw)
    if not found:
        raise MalformedValue(f"not a generalized time: {raw[:40]!r}")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise MalformedValue(f"not a date: {raw[:40]!r}") from error
    return int(moment.timestamp()) - _offset(found[7])


def _offset(zone: bytes) -> int:
    """Seconds east of Greenwich of `Z` or `+hhmm`."""
    if zone == b"Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    return -seconds if zone.startswith(b"-") else seconds


def text(raw: bytes) -> str:
    r"""A text value; bytes that are not UTF-8 are shown as `\xNN`, never lost."""
    return raw.decode("utf-8", "backslashreplace")


def dns_property(raw: bytes) -> tuple[int, bytes]:
    """Identifier and data of one dNSProperty value (MS-DNSP 2.3.2.1)."""
    try:
        length, _name_length, _flag, _version, kind = struct.unpack_from("<5I", raw)
    except struct.error as error:
        raise MalformedValue("dNSProperty cut short") from error
    data = raw[20 : 20 + length]
    if len(data) != length:
        raise MalformedValue("dNSProperty cut short")
    return kind, data


def zone_allow_update(values: list[bytes]) -> int | None:
    """ZONE_ALLOW_UPDATE of a zone: 0 off, 1 unsecured, 2 secure; None when it has no such property.

    Windows writes the value on one byte or on four.
    """
    for raw in values:
        kind, data = dns_property(raw)
        if kind == ZONE_ALLOW_UPDATE and data:
            return int.from_bytes(data[:4], "little")
    return None


def dn_binary(raw: bytes) -> tuple[bytes, str]:
    """Binary part and distinguished name of a DN-Binary value, `B:<digits>:<hex>:<dn>`."""
    parts = raw.split(b":", 3)
    if len(parts) != 4 or parts[0] != b"B" or not parts[1].isdigit() or len(parts[1]) > 9:  # noqa: PLR2004 - its syntax
        raise MalformedValue("not a DN-Binary value")
    if len(parts[2]) != int(parts[1]):
        raise MalformedValue("DN-Binary of another length than announced")
    try:
        return bytes.fromhex(parts[2].decode("ascii")), text(parts[3])
    except ValueError as error:
        raise MalformedValue("DN-Binary that is not hexadecimal") from error


def split_dn(dn: str) -> list[str]:
    """Relative names of a distinguished name, as written, first one first. Escaped commas do not split."""
    parts: list[str] = []
    current: list[str] = []
    escaped = quoted = False
    for character in dn:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character in ",;" and not quoted:
            parts.append("".join(current).strip())
            current.clear()
            continue
        current.append(character)
    last = "".join(current).strip()
    return [*parts, last] if last or parts else []


def parent_dn(dn: str) -> str:
    """The name of the container; empty at the top."""
    return ",".join(split_dn(dn)[1:])


def dns_name_of(dn: str) -> str:
    """`tilleuls.test` for `DC=tilleuls,DC=test`; other components are left out."""
    parts = (part.partition("=") for part in split_dn(dn))
    return ".".join(value for key, _, value in parts if key.strip().casefold() == "dc").casefold()


def is_below(dn: str, base: str) -> bool:
    """Whether `dn` is `base` or below it, compared without case. Both must be written by the same server."""
    name, root = dn.casefold(), base.casefold()
    return name == root or name.endswith("," + root)
