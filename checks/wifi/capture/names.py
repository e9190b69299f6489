"""How addresses, SSIDs and people are written in facts."""

from __future__ import annotations

import hashlib
import ipaddress

from checks.common.text import clean

MIN_SALT = 16
"""Bytes of a salt, below which addresses could be found again by trying them all."""
_MAC_SIZE = 6


class Pseudonyms:
    """Stable names within one run for stations and identities; the salt never leaves this object."""

    def __init__(self, salt: bytes) -> None:
        if len(salt) < MIN_SALT:
            raise ValueError(f"a salt has at least {MIN_SALT} bytes")
        self._key = hashlib.blake2b(salt).digest()

    def station(self, address: bytes) -> str:
        """Name of a station."""
        return "sta-" + self._hash(b"station", address)

    def identity(self, raw: bytes) -> str:
        """Name of a person or machine, whatever the case of its identity."""
        return "id-" + self._hash(b"identity", raw.lower())

    def _hash(self, kind: bytes, raw: bytes) -> str:
        return hashlib.blake2b(raw, key=self._key, digest_size=6, person=kind).hexdigest()


def mac(address: bytes) -> str:
    """An address of equipment."""
    return address.hex(":")


def equipment(address: bytes) -> str:
    """An authenticator: its MAC address, or its IP address when RADIUS names no other."""
    return mac(address) if len(address) == _MAC_SIZE else str(ipaddress.ip_address(address))


def is_group(address: bytes) -> bool:
    """Broadcast or multicast: nobody's address."""
    return bool(address[0] & 1)


def is_random(address: bytes) -> bool:
    """Locally administered: drawn at random by a station, or derived by an access point."""
    return bool(address[0] & 2)


def ssid_text(raw: bytes) -> str:
    """An SSID for people: bytes that are not UTF-8 are escaped, control characters are replaced."""
    return clean(raw.decode("utf-8", "backslashreplace"), 128)


def ssid_hex(raw: bytes) -> str:
    """Exact bytes, only when `ssid_text` does not give them back."""
    return "" if ssid_text(raw).encode("utf-8", "replace") == raw else raw.hex()


def is_blank(ssid: bytes | None) -> bool:
    """Hidden: no SSID, empty, or as many zeros as the real one has bytes."""
    return not ssid or not ssid.strip(b"\0")
