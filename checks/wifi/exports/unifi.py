"""UniFi controller: JSON of `rest/wlanconf`, alone or with `networkconf`, `setting` and `stat/device` in one file.

Property names are those of the controller's API as its public clients use it (Network 5 to 9); not checked on a real
controller. The older backup (`.unf`) is encrypted and is not read.
"""

from __future__ import annotations

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import (
    Json,
    flag_of,
    json_of,
    listed,
    looks_json,
    network_of,
    objects,
    pmf_of,
    protected,
    text_of,
    vlan_of,
)
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys
from checks.wifi.facts import PMF_CAPABLE, PMF_REQUIRED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security, mac_of

TITLE = "UniFi (wlanconf)"

_OWN = frozenset({"x_passphrase", "wpa_mode", "wpa_enc", "wlangroup_id", "ap_group_ids", "x_iapp_key"})
_SECURITY = frozenset({"open", "wep", "wpapsk", "wpaeap", "osen"})
_CIPHERS = {
    "ccmp": ("CCMP",),
    "tkip": ("TKIP",),
    "auto": ("CCMP", "TKIP"),
    "gcmp": ("GCMP-256",),
    "gcmp256": ("GCMP-256",),
}
MAX_CHANNEL = 233
_BANDS = {"ng": "2.4", "na": "5", "6e": "6"}


def recognise(file: SourceFile) -> bool:
    """JSON with networks as the controller describes them."""
    return looks_json(file, "security", "name") and any(f'"{name}"' in file.head for name in _OWN)


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "unifi")
    records = list(objects(json_of(file, desk)))
    networks = {
        text_of(one, "_id"): one
        for one in records
        if "purpose" in one or ("vlan_enabled" in one and "security" not in one)
    }
    aps = [one for one in records if isinstance(one.get("vap_table"), list)]
    portal = _portal(records)
    for record in records:
        kind = text_of(record, "security")
        # An export cut to its main fields must not lose a network, an open one least of all.
        if kind and text_of(record, "name") and (_OWN & record.keys() or (kind in _SECURITY and "enabled" in record)):
            _add(record, networks, aps, portal, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun SSID dans cet export UniFi")
    if not aps:
        desk.limit(
            "Les bornes UniFi (« stat/device ») ne sont pas dans cet export : BSSID et versions ne sont pas connus."
        )
    return desk.done()


def _portal(records: list[Json]) -> str | None:
    """Kind of the captive portal of guest networks; None when the settings are not in the export."""
    for record in records:
        if record.get("key") == "guest_access":
            enabled = record.get("portal_enabled") is True or text_of(record, "auth") in {
                "hotspot",
                "custom",
                "password",
            }
            return (text_of(record, "auth") or "portal") if enabled else ""
    return None


def _add(record: Json, networks: dict[str, Json], aps: list[Json], portal: str | None, desk: Desk, keys: Keys) -> None:
    ssid = text_of(record, "name")
    security = _security(record, desk)
    key = _key(record, security, ssid, keys)
    guest = flag_of(record, "is_guest")
    vaps = [
        (ap, vap)
        for ap in aps
        for vap in listed(ap, "vap_table")
        if text_of(vap, "essid") == ssid and mac_of(text_of(vap, "bssid"))
    ]
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        enabled=record.get("enabled") is not False,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=_vlan(record, networks),
        # A guest network is isolated by the access point itself.
        isolation=True if guest else flag_of(record, "l2_isolation"),
        portal=portal if guest else "",
        hidden=flag_of(record, "hide_ssid"),
        firmware=", ".join(sorted({text_of(ap, "version") for ap, _ in vaps} - {""}))[:200],
        bssids=tuple(dict.fromkeys(mac_of(text_of(vap, "bssid")) for _, vap in vaps)),
    )
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        pairwise=security.pairwise,
        guest=guest,
        individual_keys=record.get("private_preshared_keys_enabled") is True or bool(listed(record, "sae_psk")),
    )
    desk.configuration(config, details)
    for _, vap in vaps:
        channel = vap.get("channel")
        desk.network(
            network_of(
                config,
                security,
                mac_of(text_of(vap, "bssid")),
                band=_BANDS.get(text_of(vap, "radio"), ""),
                channel=channel if isinstance(channel, int) and 0 < channel <= MAX_CHANNEL else None,
            )
        )


def _security(record: Json, desk: Desk) -> Security:
    kind = text_of(record, "security")
    if kind == "open":
        return OPEN
    if kind == "wep":
        return WEP
    wpa3, transition = record.get("wpa3_support") is True, record.get("wpa3_transition") is True
    pmf = PMF_REQUIRED if wpa3 and not transition else pmf_of(text_of(record, "pmf_mode"))
    if wpa3 and transition and not pmf:
        pmf = PMF_CAPABLE
    akms = _akms(kind, record, wpa3=wpa3, transition=transition)
    mode = text_of(record, "wpa_mode") or "wpa2"
    ciphers = _CIPHERS.get(text_of(record, "wpa_enc") or "ccmp")
    if not akms or mode not in {"wpa1", "wpa2", "auto", "both"} or ciphers is None:
        desk.not_understood(
            0, f"security {kind[:40]} {mode[:40]}", f"le chiffrement de {text_of(record, 'name')[:40]} est inconnu"
        )
        return Security()
    return protected(akms, ciphers, pmf=pmf, wpa=mode in {"wpa1", "auto", "both"}, rsn=mode != "wpa1")


def _akms(kind: str, record: Json, *, wpa3: bool, transition: bool) -> tuple[str, ...]:
    if kind == "wpapsk":
        return ("PSK", "SAE") if wpa3 and transition else ("SAE",) if wpa3 else ("PSK",)
    if kind == "wpaeap":
        if record.get("wpa3_enhanced_192") is True:
            return ("802.1X-SUITE-B-192",)
        return ("802.1X", "802.1X-SHA256") if wpa3 and transition else ("802.1X-SHA256",) if wpa3 else ("802.1X",)
    return ()


def _key(record: Json, security: Security, ssid: str, keys: Keys) -> Key:
    if not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY
    own = [
        text_of(one, "password", "psk")
        for name in ("private_preshared_keys", "sae_psk")
        for one in listed(record, name)
    ]
    return keys.weakest([text_of(record, "x_passphrase"), *own], ssid)


def _vlan(record: Json, networks: dict[str, Json]) -> int | None:
    if record.get("vlan_enabled") is True:
        return vlan_of(record.get("vlan"))
    network = networks.get(text_of(record, "networkconf_id"), {})
    return vlan_of(network.get("vlan")) if network.get("vlan_enabled") is True else None
