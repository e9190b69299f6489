"""Settings of an SSID that only some exports know, beside `WlanConfig`."""

from __future__ import annotations

from checks.model import Record


class WlanDetails(Record, frozen=True, kw_only=True):
    """What an export says more of one SSID; joined to its `WlanConfig` by SSID, file and line."""

    ssid: str
    file: str
    line: int = 0
    profile: str = ""
    """Name of the network in its controller, when it is not the SSID."""
    pairwise: tuple[str, ...] = ()
    """Ciphers, as in `Network`."""
    group: str = ""
    guest: bool | None = None
    """The product treats it as a network for visitors."""
    individual_keys: bool = False
    """Each station or person has a password of its own (PPSK, DPSK, iPSK, SAE identifiers)."""
    dynamic_vlan: bool | None = None
    """The authentication server may choose the VLAN."""
    transition_disabled: bool | None = None
    """Recent stations are told never to go back to WPA2 (WPA3 specification v3.3, transition disable)."""
    sae_requires_pmf: bool | None = None
    """A station using SAE without protected management frames is refused (hostapd `sae_require_mfp`)."""
    eapol_retries_disabled: bool | None = None
    """Key messages are not sent again: a defence for stations open to KRACK (CVE-2017-13077 and next)."""
    wps_locked: bool | None = None
    """Setup by PIN from outside is refused."""
