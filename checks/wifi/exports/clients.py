"""Connection profiles of stations: what they check before they hand over a password.

A station that does not check who signed the certificate of the authentication server, and for which name, gives its
user's password to anybody who announces the same SSID (evil twin): RFC 5216 section 5.3, WPA3 specification v3.3
section 5 (server certificate validation).
"""

from __future__ import annotations

from checks.model import Record

CA_NONE, CA_SYSTEM, CA_PINNED = "none", "system", "pinned"
"""Authorities a station accepts for the server: no check, every authority of the system, those that are named."""

TUNNELLED = frozenset({"PEAP", "TTLS", "FAST", "TEAP"})
"""EAP methods that carry a password or an identity inside TLS."""
WITH_CERTIFICATE = TUNNELLED | {"TLS"}
"""EAP methods in which the server shows a certificate."""


class ClientProfile(Record, frozen=True, kw_only=True):
    """One network as a station knows it. Never its password."""

    ssid: str
    file: str
    product: str
    """Parser that read it: `windows_profile`, `wpa_supplicant`…"""
    line: int = 0
    encryption: str = ""
    akms: tuple[str, ...] = ()
    pmf: str = ""
    enterprise: bool | None = None
    """802.1X."""
    eap: tuple[str, ...] = ()
    """Methods accepted: `PEAP`, `TTLS`, `TLS`…"""
    inner: tuple[str, ...] = ()
    """Methods inside the tunnel: `MSCHAPV2`, `PAP`, `GTC`…"""
    ca: str = ""
    """`none`, `system` or `pinned`; empty when the file does not tell, or when no certificate is shown."""
    server_names: tuple[str, ...] | None = None
    """Names accepted for the server, empty when any name is; None when the file does not tell."""
    user_may_accept: bool | None = None
    """The user may accept an unknown certificate; None when the file does not tell."""
    identity_in_clear: bool | None = None
    """The real identity is sent before the tunnel; None when the file does not tell."""
    automatic: bool | None = None
    """Connects without being asked."""
    hidden: bool | None = None
    """Calls the network by name wherever the station is."""
    password_stored: bool | None = None
    """The profile holds a password that whoever reads the file can use."""
    psk_bits: float | None = None
    """As in `WlanConfig`."""
    psk_length: int | None = None
    psk_group: str = ""


def exposed_to_evil_twin(profile: ClientProfile) -> bool | None:
    """Whether a false access point can play the authentication server before this station.

    Exposed: no authority is checked; every authority of the system is accepted for any name; any name is accepted, or
    the user may say yes to anything. None when the file does not tell, or when no server certificate is used (without
    802.1X, or with a method that has none: that is another fault).
    """
    if not profile.enterprise or not set(profile.eap) & WITH_CERTIFICATE:
        return None
    if profile.ca == CA_NONE or profile.user_may_accept:
        return True
    if not profile.ca or profile.server_names is None:
        return None
    return not profile.server_names
