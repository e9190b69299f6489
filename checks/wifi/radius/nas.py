"""What our client says of the access point that it stands for. Rules of the server may look at it."""

from __future__ import annotations

from checks.wifi.radius import codec
from checks.wifi.radius.codec import Attribute
from checks.wifi.radius.config import RadiusConfig

STATION, ACCESS_POINT = "02-00-00-00-00-01", "02-00-00-00-00-02"
"""Locally administered addresses: nobody's."""
_FRAMED, _WIRELESS, _MTU = 2, 19, 1300
"""Service-Type Framed and NAS-Port-Type Wireless-802.11; fragments that fit a datagram with what surrounds them."""


def nas_attributes(config: RadiusConfig) -> tuple[Attribute, ...]:
    """Attributes of every request, identity and EAP aside (RFC 3580)."""
    called = f"{ACCESS_POINT}:{config.ssid}" if config.ssid else ACCESS_POINT
    return (
        Attribute(codec.NAS_IDENTIFIER, config.nas_identifier.encode()),
        Attribute(codec.CALLED_STATION, called.encode()),
        Attribute(codec.CALLING_STATION, STATION.encode()),
        Attribute(codec.NAS_PORT_TYPE, _WIRELESS.to_bytes(4)),
        Attribute(codec.SERVICE_TYPE, _FRAMED.to_bytes(4)),
        Attribute(codec.FRAMED_MTU, _MTU.to_bytes(4)),
    )
