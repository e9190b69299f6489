"""Wi-Fi Protected Setup element: is setup by PIN or button offered, is it locked, which device is it.

Wi-Fi Simple Configuration technical specification v2.0.8, section 12. Announcing a PIN method is not a proof that the
PIN is accepted: only the state and the lock are judged later.
"""

# ruff: noqa: PLR2004 - the numbers are those of the specification
from __future__ import annotations

from typing import NamedTuple

from checks.wifi.facts import WPS_CONFIGURED, WPS_UNCONFIGURED, WPS_UNREADABLE

_STATE, _LOCKED, _METHODS, _SELECTED_METHODS, _VERSION = 0x1044, 0x1057, 0x1008, 0x1053, 0x104A
_MAKER, _MODEL, _NAME, _EXTENSION = 0x1021, 0x1023, 0x1011, 0x1049
_WFA = b"\x00\x37\x2a"
_METHOD_BITS = {
    0x0001: "usb",
    0x0002: "ethernet",
    0x0004: "label",
    0x0008: "display",
    0x0010: "external-nfc",
    0x0020: "integrated-nfc",
    0x0040: "nfc-interface",
    0x0080: "push-button",
    0x0100: "keypad",
}
MAX_TEXT = 64
_STATES = {1: WPS_UNCONFIGURED, 2: WPS_CONFIGURED}


class Wps(NamedTuple):
    """What the element says."""

    state: str
    locked: bool = False
    version: str = ""
    methods: tuple[str, ...] = ()
    maker: str = ""
    model: str = ""


def parse_wps(body: bytes) -> Wps:
    """Content of the WPS vendor elements of a frame, put end to end, after OUI and type."""
    values: dict[int, bytes] = {}
    position = 0
    while len(body) - position >= 4:
        kind = int.from_bytes(body[position : position + 2])
        size = int.from_bytes(body[position + 2 : position + 4])
        value = body[position + 4 : position + 4 + size]
        if len(value) < size:
            break
        values.setdefault(kind, value)
        position += 4 + size
    methods = int.from_bytes(values.get(_METHODS) or values.get(_SELECTED_METHODS) or b"")
    return Wps(
        state=_STATES.get(int.from_bytes(values.get(_STATE, b"")), WPS_UNREADABLE),
        locked=values.get(_LOCKED, b"\0")[-1:] == b"\x01",
        version=_version(values),
        methods=tuple(name for bit, name in _METHOD_BITS.items() if methods & bit),
        maker=_text(values.get(_MAKER, b"")),
        model=_text(values.get(_MODEL, b"") or values.get(_NAME, b"")),
    )


def _version(values: dict[int, bytes]) -> str:
    """Version 2 and later hide in the extension of the Wi-Fi Alliance; the old field always says 1.0."""
    extension = values.get(_EXTENSION, b"")
    raw = values.get(_VERSION, b"")
    if extension.startswith(_WFA):
        position = 3
        while len(extension) - position >= 2:
            kind, size = extension[position], extension[position + 1]
            if kind == 0 and size == 1 and len(extension) > position + 2:
                raw = extension[position + 2 : position + 3]
            position += 2 + size
    return f"{raw[0] >> 4}.{raw[0] & 0xF}" if raw else ""


def _text(raw: bytes) -> str:
    return raw[:MAX_TEXT].rstrip(b"\0").decode("utf-8", "replace").strip()
