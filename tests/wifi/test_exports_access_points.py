"""hostapd and OpenWrt: what each directive becomes."""

from __future__ import annotations

import pytest

from checks.common.textfile import ParseError, decode
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import WlanConfig
from checks.wifi.imported import Imported
from checks.wifi.recognise import read
from tests.wifi.exports import HOSTAPD, OPENWRT, PASSWORD, UCI


def parsed(text: str) -> Imported:
    return read(decode("borne.conf", text.encode()), Keys())


def ssid(text: str, name: str) -> WlanConfig:
    return next(one for one in parsed(text).configurations if one.ssid == name)


def test_hostapd_reads_each_ssid() -> None:
    found = parsed(HOSTAPD)
    assert [one.ssid for one in found.configurations] == ["Tilleuls-Pro", "Residents", "Visiteurs"]
    pro, residents, visitors = found.configurations
    assert (pro.encryption, pro.akms, pro.pmf) == ("wpa2-wpa3", ("802.1X", "802.1X-SHA256"), "required")
    assert (pro.enterprise, pro.wps, pro.isolation, pro.hidden) == (True, False, False, False)
    assert (residents.encryption, residents.akms, residents.pmf) == ("wpa-wpa2-wpa3", ("PSK", "SAE"), "capable")
    assert (residents.enterprise, residents.wps, residents.isolation, residents.hidden) == (False, True, True, True)
    assert (visitors.encryption, visitors.psk_bits, visitors.bssids) == ("open", None, ())
    assert all(one.vlan is None for one in found.configurations)
    assert any("VLAN" in limit for limit in found.limits)


def test_hostapd_gives_networks_for_known_addresses() -> None:
    pro, residents = parsed(HOSTAPD).networks
    assert (pro.bssid, pro.band, pro.channel, pro.wps) == ("02:00:00:bb:00:01", "2.4", 6, "absent")
    assert (residents.wps, residents.locked, residents.hidden) == ("configured", True, True)
    assert (residents.pairwise, residents.group, residents.transition_disabled) == (("CCMP", "TKIP"), "TKIP", True)


def test_hostapd_details() -> None:
    pro, residents, _ = parsed(HOSTAPD).details
    assert (pro.transition_disabled, pro.eapol_retries_disabled, pro.sae_requires_pmf) == (False, False, None)
    assert (residents.transition_disabled, residents.eapol_retries_disabled) == (True, True)
    assert (residents.sae_requires_pmf, residents.wps_locked) == (True, True)


@pytest.mark.parametrize(
    ("lines", "encryption", "pmf"),
    [
        ("wpa=0", "open", "none"),
        ("wpa=1\nwpa_key_mgmt=WPA-PSK", "wpa", "none"),
        ("wpa=2", "wpa2", "none"),
        ("wpa=2\nwpa_key_mgmt=SAE\nieee80211w=2", "wpa3", "required"),
        ("wpa=2\nwpa_key_mgmt=OWE\nieee80211w=2", "owe", "required"),
        ("wep_key0=1234567890", "wep", "none"),
        ("wpa=7", "unknown", ""),
        ("wpa=2\nwpa_key_mgmt=FUTUR", "other", "none"),
    ],
)
def test_hostapd_security(lines: str, encryption: str, pmf: str) -> None:
    found = parsed(f"interface=wlan0\nssid=X\n{lines}\n")
    assert (found.configurations[0].encryption, found.configurations[0].pmf) == (encryption, pmf)
    assert bool(found.unreadable) is (encryption in {"unknown", "other"})


def test_hostapd_unknown_security_directive_is_named_without_its_value() -> None:
    found = parsed(HOSTAPD + "sae_nouveau=tressecret\ncountry3=0x49\n")
    (one,) = found.unreadable
    assert "sae_nouveau" in one.what
    assert "tressecret" not in one.what


def test_hostapd_several_sae_passwords_keep_the_weakest() -> None:
    text = "interface=w\nssid=X\nwpa=2\nwpa_key_mgmt=SAE\nsae_password=Kq7-vR2pZxZ9mW4s|mac=ff:ff:ff:ff:ff:ff\nsae_password=azerty12|vlanid=3|id=invites\n"
    found = parsed(text)
    assert found.configurations[0].psk_length == 8
    assert found.details[0].individual_keys


def test_hostapd_hexadecimal_key_is_only_compared() -> None:
    found = parsed("interface=w\nssid=X\nwpa=2\nwpa_psk=" + "ab" * 32 + "\n")
    assert (found.configurations[0].psk_bits, found.configurations[0].psk_length) == (None, None)
    assert found.configurations[0].psk_group
    assert any("hexadécimal" in limit for limit in found.limits)


def test_hostapd_ssid_in_bytes() -> None:
    assert parsed('interface=w\nssid2=P"R\\xc3\\xa9sidents"\nwpa=2\n').configurations[0].ssid == "Résidents"
    assert parsed("interface=w\nssid2=52c3a9\nwpa=2\n").configurations[0].ssid == "Ré"


def test_openwrt_file() -> None:
    pro, visitors = parsed(OPENWRT).configurations
    assert (pro.encryption, pro.akms, pro.pmf, pro.isolation) == ("wpa2-wpa3", ("PSK", "SAE"), "capable", True)
    assert (pro.enabled, pro.wps, pro.vlan) == (True, False, None)
    assert (visitors.encryption, visitors.enabled, visitors.hidden) == ("open", False, True)
    (network,) = parsed(OPENWRT).networks
    assert (network.bssid, network.band, network.channel) == ("02:00:00:bb:00:03", "5", 36)


def test_uci_show_with_quotes_and_vlan() -> None:
    (one,) = parsed(UCI).configurations
    assert (one.ssid, one.encryption, one.vlan, one.wps) == ("L'Accueil", "wpa2", 30, True)
    assert parsed(UCI).details[0].pairwise == ("TKIP", "CCMP")
    assert one.psk_length == len(PASSWORD)


@pytest.mark.parametrize(
    ("value", "encryption", "pmf"),
    [
        ("psk", "wpa", "none"),
        ("psk-mixed", "wpa-wpa2", "none"),
        ("sae", "wpa3", "required"),
        ("owe", "owe", "required"),
        ("wpa2", "wpa2", "none"),
        ("wpa3-192", "wpa3", "required"),
        ("wep", "wep", "none"),
        ("psk9", "unknown", ""),
    ],
)
def test_openwrt_security(value: str, encryption: str, pmf: str) -> None:
    found = parsed(OPENWRT.replace("sae-mixed", value))
    assert (found.configurations[0].encryption, found.configurations[0].pmf) == (encryption, pmf)
    assert bool(found.unreadable) is (encryption == "unknown")


def test_openwrt_pmf_directive_wins() -> None:
    text = OPENWRT.replace("option isolate '1'", "option ieee80211w '0'")
    assert ssid(text, "Tilleuls-Pro").pmf == "none"


def test_openwrt_station_mode_is_no_access_point() -> None:
    with pytest.raises(ParseError, match="aucun point d'accès"):
        parsed(OPENWRT.replace("'ap'", "'sta'"))
