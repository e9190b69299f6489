"""`hostapd.conf`: the access point of Linux, and what many products hide behind their own pages.

Directives and defaults are those of the commented `hostapd.conf` of hostapd 2.10. One file describes one radio and
several SSIDs (`bss=`). Which VLAN a bridge leads to is not in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import network_of, on, pmf_of, protected
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Key, Keys, raw_key
from checks.wifi.facts import WPS_ABSENT, WPS_CONFIGURED, WPS_UNCONFIGURED, WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security, akm_of, mac_of, ssid_of, unescape

TITLE = "hostapd.conf"

_LINE = re.compile(r"\s*([A-Za-z0-9_]+)=(.*)")
_WPA, _RSN = 1, 2
"""Bits of `wpa=`."""
AKMS = {
    "wpa-psk": "PSK",
    "wpa-psk-sha256": "PSK-SHA256",
    "ft-psk": "FT-PSK",
    "wpa-eap": "802.1X",
    "wpa-eap-sha256": "802.1X-SHA256",
    "wpa-eap-sha384": "802.1X-SHA384",
    "ft-eap": "FT-802.1X",
    "ft-eap-sha384": "FT-802.1X-SUITE-B-192",
    "wpa-eap-suite-b": "802.1X-SUITE-B",
    "wpa-eap-suite-b-192": "802.1X-SUITE-B-192",
    "sae": "SAE",
    "ft-sae": "FT-SAE",
    "sae-ext-key": "SAE-EXT",
    "ft-sae-ext-key": "FT-SAE-EXT",
    "owe": "OWE",
    "dpp": "DPP",
    "osen": "OSEN",
    "fils-sha256": "FILS-SHA256",
    "fils-sha384": "FILS-SHA384",
    "ft-fils-sha256": "FT-FILS-SHA256",
    "ft-fils-sha384": "FT-FILS-SHA384",
}
"""`wpa_key_mgmt` of hostapd and `key_mgmt` of wpa_supplicant."""
_READ_TEXT = """
    wpa wpa_key_mgmt wpa_pairwise rsn_pairwise wpa_passphrase wpa_psk wpa_psk_file sae_password sae_require_mfp
    wps_state ap_setup_locked ap_isolate ieee8021x ieee80211w transition_disable ignore_broadcast_ssid
    wpa_disable_eapol_key_retries dynamic_vlan vlan_file vlan_bridge group_cipher group_mgmt_cipher wpa_psk_radius
"""
_READ = frozenset(_READ_TEXT.split())
_HARMLESS_TEXT = """
    wpa_group_rekey wpa_strict_rekey wpa_gmk_rekey wpa_ptk_rekey wpa_group_update_count wpa_pairwise_update_count
    wpa_deny_ptk0_rekey wpa_ptk0_rekey auth_algs eapol_version eapol_key_index_workaround eap_server eap_user_file
    eap_reauth_period eap_message eap_fast_a_id eap_fast_a_id_info eap_fast_prov eap_sim_db eap_teap_auth
    radius_auth_access_accept_attr radius_client_addr radius_client_dev radius_das_client radius_das_port
    radius_acct_interim_interval radius_retry_primary_interval radius_request_cui radius_server_clients
    radius_server_auth_port radius_server_acct_port radius_server_ipv6 radius_acct_req_attr radius_auth_req_attr
    wps_pin_requests wps_independent wps_rf_bands wps_vendor_ext wps_cred_processing wps_cred_add_sae sae_groups
    sae_pwe sae_sync sae_anti_clogging_threshold sae_confirm_immediate sae_track_password owe_groups
    owe_transition_ssid owe_transition_bssid owe_transition_ifname owe_ptk_workaround ft_over_ds ft_psk_generate_local
    ft_r0_key_lifetime rsn_preauth rsn_preauth_interfaces rsnxe_override_eapol rsn_testing vlan_naming
    vlan_tagged_interface ap_max_inactivity ap_table_expiration_time ap_table_max_size ap_pin wep_default_key
    wep_rekey_period wep_key_len_broadcast wep_key_len_unicast wpa_msg beacon_prot ocv okc group_mgmt
"""
_HARMLESS = frozenset(_HARMLESS_TEXT.split())
_SECRET_OR_SECURITY = re.compile(
    r"(?:wpa|rsn|sae|owe|wps|wep|ap_|ieee8021|auth|eap|radius|ft_|vlan|transition|beacon_prot|ocv|psk)"
)


class _Bss(NamedTuple):
    line: int
    values: dict[str, str]
    """Last value of each directive, as hostapd reads it."""
    passwords: list[str]
    """Every `sae_password`."""


def recognise(file: SourceFile) -> bool:
    """Directives `name=value` with an interface and what only hostapd has."""
    head = file.head
    return (
        re.search(r"(?m)^\s*(?:interface|bss)=\S", head) is not None
        and re.search(r"(?m)^\s*(?:ssid2?|hw_mode|driver|wpa_key_mgmt)=", head) is not None
        and re.search(r"(?m)^\s*network\s*=\s*\{", head) is None
    )


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a radio. Raises `ParseError` when there is none."""
    desk = Desk(file, "hostapd")
    radio: dict[str, str] = {}
    for bss in _blocks(file, desk):
        radio = radio or bss.values
        _add(bss, radio, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun SSID dans ce fichier hostapd")
    desk.limit("hostapd.conf ne dit pas à quel VLAN mène le pont d'un SSID, ni la version du logiciel.")
    return desk.done()


def _blocks(file: SourceFile, desk: Desk) -> Iterator[_Bss]:
    bss = _Bss(1, {}, [])
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            desk.not_understood(number, f"ligne {number}", "cette ligne n'est pas une directive : fichier abîmé ?")
            continue
        name, value = found[1], found[2].rstrip()
        if name == "bss":
            yield bss
            bss = _Bss(number, {}, [])
        elif name == "sae_password":
            bss.passwords.append(value)
        elif _SECRET_OR_SECURITY.match(name) and not _known(name):
            desk.not_understood(number, name, "cette directive peut changer la sécurité du réseau")
        bss.values[name] = value
    yield bss


def _known(name: str) -> bool:
    return (
        name in _READ
        or name in _HARMLESS
        or re.fullmatch(r"wep_key\d|(?:auth|acct)_server_\w+|eap_\w+", name) is not None
    )


def _add(bss: _Bss, radio: dict[str, str], desk: Desk, keys: Keys) -> None:
    values = bss.values
    ssid, ssid_hex = _ssid(values)
    if not ssid:
        if bss.line > 1:
            desk.not_understood(bss.line, "bss", "ce réseau n'a pas de SSID")
        return
    security = _security(values, desk, bss.line)
    key = _key(bss, security, ssid, keys, desk)
    wps = values.get("wps_state", "0")
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=bss.line,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=True if values.get("ieee8021x") == "1" else security.enterprise,
        isolation=_yes(values, "ap_isolate"),
        wps=wps not in {"0", ""},
        hidden=values.get("ignore_broadcast_ssid", "0") not in {"0", ""},
        bssids=(mac_of(values["bssid"]),) if mac_of(values.get("bssid", "")) else (),
    )
    desk.configuration(config, _details(bss, config, security))
    band, channel = _place(radio)
    for bssid in config.bssids:
        network = network_of(config, security, bssid, band=band, channel=channel)
        desk.network(
            msgspec.structs.replace(
                network,
                ssid_hex=ssid_hex,
                wps={"1": WPS_UNCONFIGURED, "2": WPS_CONFIGURED}.get(wps, WPS_ABSENT),
                locked=values.get("ap_setup_locked") == "1",
                transition_disabled=_transition_disabled(values),
            )
        )


def _ssid(values: dict[str, str]) -> tuple[str, str]:
    """Text of the SSID, and its bytes when the text does not give them back."""
    if "ssid2" in values:
        text = values["ssid2"]
        if text.startswith('P"'):
            return ssid_of(unescape(text[2:].removesuffix('"')))
        if re.fullmatch(r"(?:[0-9a-fA-F]{2}){1,32}", text):
            return ssid_of(bytes.fromhex(text))
        return ssid_of(text.strip('"').encode("utf-8", "replace"))
    return ssid_of(values.get("ssid", "").encode("utf-8", "replace"))


def _security(values: dict[str, str], desk: Desk, line: int) -> Security:
    wpa = values.get("wpa", "0").strip()
    if wpa not in {"0", "1", "2", "3"}:
        desk.not_understood(line, "wpa", "le chiffrement de ce réseau est inconnu")
        return Security()
    bits = int(wpa)
    if not bits:
        return _without_wpa(values)
    akms = [akm_of(word, AKMS) for word in values.get("wpa_key_mgmt", "WPA-PSK").split()]
    for word in values.get("wpa_key_mgmt", "").split():
        if word.lower() not in AKMS:
            desk.not_understood(line, f"wpa_key_mgmt {word[:40]}", "la gestion des clés est incomplète")
    old = values.get("wpa_pairwise", "TKIP").split()
    new = values.get("rsn_pairwise", " ".join(old)).split()
    ciphers = [*(new if bits & _RSN else ()), *(old if bits & _WPA else ())]
    return protected(
        akms,
        ciphers,
        pmf=pmf_of(values.get("ieee80211w", "0")),
        wpa=bool(bits & _WPA),
        rsn=bool(bits & _RSN),
        group=values.get("group_cipher") or _group(ciphers),
    )


def _without_wpa(values: dict[str, str]) -> Security:
    """Neither WPA nor RSN: nothing at all, or WEP with fixed or drawn keys."""
    wep = any(re.fullmatch(r"wep_key\d", name) for name in values) or values.get("wep_key_len_unicast", "0") != "0"
    return WEP if wep else OPEN


def _group(ciphers: list[str]) -> str:
    """Group cipher that hostapd chooses: the weakest that every station can use."""
    for name in ("TKIP", "CCMP", "GCMP", "CCMP-256", "GCMP-256"):
        if name in ciphers:
            return name
    return ""


def _key(bss: _Bss, security: Security, ssid: str, keys: Keys, desk: Desk) -> Key:
    """The weakest password of the SSID; only counted, never kept."""
    personal = any(akm in PERSONAL_AKMS for akm in security.akms)
    if not personal:
        return NO_KEY
    texts = [bss.values.get("wpa_passphrase", ""), bss.values.get("wpa_psk", "")]
    texts += [re.split(r"\|(?:mac|vlanid|pk|id)=", password, maxsplit=1)[0] for password in bss.passwords]
    if bss.values.get("wpa_psk_file"):
        desk.limit("Des mots de passe sont dans un autre fichier (wpa_psk_file), qui n'a pas été fourni.")
    if any(raw_key(text) for text in texts):
        desk.limit(
            "Une clé est écrite en hexadécimal : sa solidité ne peut pas être estimée, seulement sa réutilisation."
        )
    return keys.weakest(texts, ssid)


def _details(bss: _Bss, config: WlanConfig, security: Security) -> WlanDetails:
    values = bss.values
    return WlanDetails(
        ssid=config.ssid,
        file=config.file,
        line=config.line,
        pairwise=security.pairwise,
        group=security.group,
        individual_keys="wpa_psk_file" in values or len(bss.passwords) > 1,
        dynamic_vlan=values.get("dynamic_vlan", "0") != "0",
        transition_disabled=_transition_disabled(values),
        sae_requires_pmf=_yes(values, "sae_require_mfp") if {"SAE", "FT-SAE"} & set(config.akms) else None,
        eapol_retries_disabled=_yes(values, "wpa_disable_eapol_key_retries"),
        wps_locked=values.get("ap_setup_locked") == "1" if config.wps else None,
    )


def _transition_disabled(values: dict[str, str]) -> bool:
    """Any bit of `transition_disable` (hexadecimal); absent is off."""
    return any(digit not in "0xX" for digit in values.get("transition_disable", "0"))


def _yes(values: dict[str, str], name: str) -> bool:
    """A directive that is off by default."""
    return bool(on(values.get(name, "0")))


def _place(radio: dict[str, str]) -> tuple[str, int | None]:
    """Band and channel of the radio; `channel=0` lets hostapd choose."""
    channel = radio.get("channel", "")
    number = int(channel) if re.fullmatch(r"[1-9]\d{0,2}", channel) else None
    if re.fullmatch(r"13[1-7]", radio.get("op_class", "")):
        return "6", number
    return {"a": "5", "g": "2.4", "b": "2.4", "ad": "60"}.get(radio.get("hw_mode", ""), ""), number
