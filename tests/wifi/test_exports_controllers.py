"""Exports of controllers: UniFi, Omada, Aruba, Meraki, Cisco, Ruckus."""

from __future__ import annotations

import json

import pytest

from checks.common.textfile import ParseError, decode
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import WlanConfig
from checks.wifi.imported import Imported
from checks.wifi.recognise import read
from tests.wifi.exports import (
    AIREOS,
    AIREOS_COMMANDS,
    ARUBA,
    IOSXE,
    MERAKI,
    OMADA,
    OMADA_CSV,
    PASSWORD,
    RUCKUS,
    SHOW_WLAN,
    SMARTZONE,
    UNIFI,
)


def parsed(text: str) -> Imported:
    return read(decode("export", text.encode()), Keys())


def all_of(text: str) -> dict[str, WlanConfig]:
    return {one.ssid: one for one in parsed(text).configurations}


# --- UniFi --------------------------------------------------------------------------------------------------------


def test_unifi() -> None:
    found = all_of(UNIFI)
    pro, residents, visitors = found["Tilleuls-Pro"], found["Residents"], found["Visiteurs"]
    assert (pro.encryption, pro.enterprise, pro.pmf, pro.vlan) == ("wpa2", True, "capable", 10)
    assert (pro.firmware, pro.bssids, pro.hidden) == ("6.5.28.14491", ("02:00:00:bb:00:04",), False)
    assert pro.isolation is None
    assert (residents.encryption, residents.akms, residents.pmf) == ("wpa2-wpa3", ("PSK", "SAE"), "capable")
    assert (residents.vlan, residents.isolation, residents.hidden) == (30, True, True)
    assert (visitors.enabled, visitors.encryption, visitors.portal, visitors.isolation) == (
        False,
        "open",
        "hotspot",
        True,
    )
    assert {(one.bssid, one.band, one.channel) for one in parsed(UNIFI).networks} == {
        ("02:00:00:bb:00:04", "5", 44),
        ("02:00:00:bb:00:05", "2.4", 1),
    }


def test_unifi_cut_to_its_main_fields_loses_no_open_network() -> None:
    few = {"data": [{"name": "Soins", "security": "wpapsk", "wpa_mode": "wpa2", "x_passphrase": PASSWORD},
                    {"name": "Accueil", "security": "open", "enabled": True},
                    {"name": "RADIUS", "security": "tls"}]}  # fmt: skip
    assert {ssid: one.encryption for ssid, one in all_of(json.dumps(few)).items()} == {
        "Soins": "wpa2",
        "Accueil": "open",
    }


def test_unifi_wpa3_only_requires_pmf_and_unknown_security_is_reported() -> None:
    tree = json.loads(UNIFI)
    tree["data"][1]["wpa3_transition"] = False
    tree["data"][0]["security"] = "quantum"
    found = parsed(json.dumps(tree))
    pro, residents = found.configurations[:2]
    assert (residents.akms, residents.pmf) == (("SAE",), "required")
    assert (pro.encryption, pro.enterprise) == ("unknown", None)
    assert any("quantum" in one.what for one in found.unreadable)


def test_unifi_without_settings_does_not_know_the_portal() -> None:
    tree = json.loads(UNIFI)
    del tree["settings"], tree["devices"]
    found = parsed(json.dumps(tree))
    assert {one.ssid: one.portal for one in found.configurations}["Visiteurs"] is None
    assert any("BSSID" in limit for limit in found.limits)


def test_unifi_private_passwords_are_counted_as_individual() -> None:
    tree = json.loads(UNIFI)
    tree["data"][1] |= {
        "private_preshared_keys_enabled": True,
        "private_preshared_keys": [{"password": "azerty12", "networkconf_id": "n1"}],
    }
    found = parsed(json.dumps(tree))
    assert found.details[1].individual_keys
    assert found.configurations[1].psk_length == 8


# --- Omada --------------------------------------------------------------------------------------------------------


def test_omada_json() -> None:
    found = all_of(OMADA)
    residents, pro = found["Residents"], found["Tilleuls-Pro"]
    assert (residents.encryption, residents.pmf, residents.vlan) == ("wpa2", "none", 30)
    assert (residents.isolation, residents.portal, residents.hidden) == (True, "", False)
    assert (pro.encryption, pro.akms, pro.pmf) == ("wpa3", ("802.1X-SHA256",), "required")
    assert (pro.vlan, pro.isolation, pro.hidden, pro.portal) == (10, None, True, None)


@pytest.mark.parametrize(
    ("changes", "encryption"),
    [
        ({"pskSetting": {"versionPsk": 1, "encryptionPsk": 1}}, "wpa"),
        ({"pskSetting": {"versionPsk": 3, "encryptionPsk": 3}}, "wpa-wpa2"),
        ({"pskSetting": {"versionPsk": 4}, "pmfMode": 2}, "wpa2-wpa3"),
        ({"pskSetting": {"versionPsk": 4}, "pmfMode": 1}, "wpa3"),
        ({"pskSetting": {"versionPsk": 9}}, "unknown"),
        ({"security": 0}, "open"),
        ({"security": 0, "oweEnable": True}, "owe"),
        ({"security": 12}, "unknown"),
    ],
)
def test_omada_security(changes: dict[str, object], encryption: str) -> None:
    tree = json.loads(OMADA)
    tree["result"]["data"][0] |= changes
    found = parsed(json.dumps(tree))
    assert found.configurations[0].encryption == encryption
    assert bool(found.unreadable) is (encryption == "unknown")


def test_omada_table() -> None:
    (one,) = parsed(OMADA_CSV).configurations
    assert (one.ssid, one.encryption, one.vlan, one.line) == ("Residents", "wpa2", 30, 2)
    assert (one.isolation, one.portal, one.hidden) == (True, "", False)
    assert one.psk_length == len(PASSWORD)
    assert parsed(OMADA_CSV.replace("WPA2-PSK", "WPA9")).unreadable


# --- Aruba --------------------------------------------------------------------------------------------------------


def test_aruba() -> None:
    found = all_of(ARUBA)
    pro, residents = found["Tilleuls-Pro"], found["Residents"]
    assert (pro.encryption, pro.enterprise, pro.pmf, pro.vlan) == ("wpa2", True, "capable", 10)
    assert (pro.isolation, pro.portal, pro.hidden, pro.firmware) == (False, "", False, "8.6.0.0-8.6.0")
    assert pro.management == ("telnet",)
    assert (residents.akms, residents.pmf) == (("PSK", "SAE"), "capable")
    assert (residents.isolation, residents.portal, residents.hidden) == (True, "internal", True)
    assert [one.guest for one in parsed(ARUBA).details] == [False, True]
    assert parsed(ARUBA).details[0].profile == "pro"


def test_aruba_without_transition_is_wpa3_only() -> None:
    residents = all_of(ARUBA.replace(" opmode wpa3-sae-aes\n", " opmode wpa3-sae-aes\n opmode-transition-disable\n"))[
        "Residents"
    ]
    assert (residents.encryption, residents.pmf) == ("wpa3", "required")


def test_aruba_encrypted_passphrase_is_not_measured() -> None:
    found = parsed(ARUBA.replace(PASSWORD, "7d322a80e61963c6bbbfe56851ed7f8bd9c4ee3678b2fb42"))
    assert all(one.psk_bits is None and one.psk_group == "" for one in found.configurations)
    assert any("no-encrypt" in limit for limit in found.limits)


def test_aruba_controller_takes_vlan_from_the_virtual_ap() -> None:
    text = (
        'wlan ssid-profile "prof"\n   essid "Residents"\n   opmode wpa2-psk-aes\n!\n'
        'wlan virtual-ap "vap"\n   ssid-profile "prof"\n   vlan 30\n   deny-inter-user-traffic\n!\n'
    )
    one = all_of(text)["Residents"]
    assert (one.vlan, one.isolation, one.management) == (30, True, None)


def test_aruba_unknown_mode_is_reported() -> None:
    found = parsed(ARUBA.replace("wpa2-aes", "wpa4-aes"))
    assert found.configurations[0].encryption == "unknown"
    assert any("wpa4-aes" in one.what for one in found.unreadable)


# --- Meraki -------------------------------------------------------------------------------------------------------


def test_meraki() -> None:
    found = all_of(MERAKI)
    assert set(found) == {"Tilleuls-Pro", "Residents"}
    pro, residents = found["Tilleuls-Pro"], found["Residents"]
    assert (pro.akms, pro.pmf, pro.vlan) == (("802.1X", "802.1X-SHA256"), "capable", 10)
    assert (pro.isolation, pro.portal, pro.management, pro.hidden) == (False, "", ("tableau de bord local",), False)
    assert (residents.encryption, residents.pmf, residents.isolation) == ("wpa-wpa2", "none", True)
    assert (residents.portal, residents.hidden, residents.management) == ("Click-through splash page", True, ())


@pytest.mark.parametrize(
    ("mode", "version", "encryption"),
    [
        ("open", "", "open"),
        ("open-enhanced", "", "owe"),
        ("psk", "WPA3 only", "wpa3"),
        ("psk", "WPA2 only", "wpa2"),
        ("8021x-radius", "WPA3 192-bit Security", "wpa3"),
        ("telepathie", "WPA2 only", "unknown"),
        ("psk", "WPA8", "unknown"),
    ],
)
def test_meraki_security(mode: str, version: str, encryption: str) -> None:
    tree = json.loads(MERAKI)
    tree[1] |= {"authMode": mode, "wpaEncryptionMode": version}
    found = parsed(json.dumps(tree))
    assert found.configurations[1].encryption == encryption
    assert bool(found.unreadable) is (encryption == "unknown")


# --- Cisco --------------------------------------------------------------------------------------------------------


def test_aireos() -> None:
    found = all_of(AIREOS)
    pro, residents = found["Tilleuls-Pro"], found["Residents"]
    assert (pro.encryption, pro.akms, pro.pmf, pro.vlan) == ("wpa2", ("802.1X",), "capable", 10)
    assert (pro.isolation, pro.portal, pro.hidden, pro.enabled) == (True, "", False, True)
    assert (pro.firmware, pro.management) == ("8.10.185.0", ("https", "depuis le Wi-Fi"))
    assert (residents.encryption, residents.enabled, residents.isolation) == ("open", False, False)
    assert (residents.portal, residents.hidden, residents.vlan) == ("web-auth", True, None)
    assert any("mots de passe" in limit for limit in parsed(AIREOS).limits)


def test_aireos_cut_before_the_keys_is_unknown_not_open() -> None:
    text = AIREOS[: AIREOS.index("   Wi-Fi Protected Access")]
    found = parsed(text)
    assert found.configurations[0].encryption == "unknown"
    assert found.unreadable
    text = AIREOS[: AIREOS.index("         802.1x...")]
    assert parsed(text).configurations[0].encryption == "unknown"


def test_aireos_commands() -> None:
    found = all_of(AIREOS_COMMANDS)
    pro, residents, visitors = found["Tilleuls-Pro"], found["Residents"], found["Visiteurs"]
    assert (pro.akms, pro.pmf, pro.isolation, pro.enabled) == (("802.1X", "802.1X-SHA256"), "capable", True, True)
    assert (residents.encryption, residents.akms, residents.vlan) == ("wpa2", ("PSK",), 30)
    assert (residents.hidden, residents.isolation, residents.pmf) == (True, False, "none")
    assert (visitors.encryption, visitors.portal, visitors.enabled) == ("open", "web-auth", False)
    encrypted = parsed(AIREOS_COMMANDS.replace(f"ascii {PASSWORD} 2", "hex encrypt 1 aabb ccdd 48 eeff 2"))
    assert all(one.psk_bits is None for one in encrypted.configurations)
    assert any("chiffrés" in limit for limit in encrypted.limits)
    assert parsed(AIREOS_COMMANDS.replace("akm pmf 802.1x", "akm futur")).unreadable


def test_show_wlan() -> None:
    (one,) = parsed(SHOW_WLAN).configurations
    assert (one.ssid, one.encryption, one.akms, one.pmf) == ("Residents", "wpa2-wpa3", ("PSK", "SAE"), "capable")
    assert (one.isolation, one.hidden, one.vlan, one.management) == (False, False, None, None)
    assert parsed(SHOW_WLAN).details[0].profile == "residents"
    assert parsed(SHOW_WLAN).details[0].pairwise == ("CCMP",)


def test_iosxe() -> None:
    found = all_of(IOSXE)
    pro, residents, visitors = found["Tilleuls-Pro"], found["Les Residents"], found["Visiteurs"]
    assert (pro.akms, pro.pmf, pro.vlan, pro.isolation) == (("802.1X", "802.1X-SHA256"), "capable", 10, True)
    assert (pro.enabled, pro.firmware, pro.management) == (True, "17.9", ("https", "ssh"))
    assert (residents.encryption, residents.akms, residents.vlan) == ("wpa2", ("PSK",), 30)
    assert (residents.hidden, residents.isolation, residents.pmf) == (True, False, "none")
    assert (visitors.encryption, visitors.portal, visitors.enabled) == ("open", "web-auth", False)


def test_iosxe_encrypted_key_and_unknown_directive() -> None:
    text = IOSXE.replace(f"ascii 0 {PASSWORD}", "ascii 8 QVxyz").replace(
        " peer-blocking drop", " security nouveaute oui"
    )
    found = parsed(text)
    assert all(one.psk_bits is None for one in found.configurations)
    assert any("chiffrés" in limit for limit in found.limits)
    assert any("nouveaute" in one.what for one in found.unreadable)


def test_iosxe_cut_in_a_wlan_is_refused_because_defaults_would_lie() -> None:
    with pytest.raises(ParseError, match="incomplète"):
        parsed(IOSXE[: IOSXE.index(" no security wpa\n")])


def test_aruba_cut_in_a_profile_is_said() -> None:
    assert any("coupé" in one.what for one in parsed(ARUBA[: ARUBA.index(" deny-inter")]).unreadable)


def test_iosxe_wlan_with_two_vlans_has_none() -> None:
    text = IOSXE.replace("wlan pro 1", "wireless tag policy TAG2\n wlan pro policy PP-RES\nwlan pro 1")
    found = parsed(text)
    assert {one.ssid: one.vlan for one in found.configurations}["Tilleuls-Pro"] is None
    assert any("plusieurs VLAN" in limit for limit in found.limits)


# --- Ruckus -------------------------------------------------------------------------------------------------------


def test_ruckus() -> None:
    found = all_of(RUCKUS)
    pro, residents = found["Tilleuls-Pro"], found["Residents"]
    assert (pro.encryption, pro.enterprise, pro.pmf, pro.vlan) == ("wpa2", True, "none", 10)
    assert (pro.isolation, pro.portal, pro.hidden) == (False, "", False)
    assert (residents.encryption, residents.akms, residents.vlan) == ("wpa2-wpa3", ("PSK", "SAE"), 30)
    assert (residents.isolation, residents.portal, residents.hidden) == (True, "guest access", True)
    assert parsed(RUCKUS).details[0].dynamic_vlan is True


def test_ruckus_unknown_encryption_is_reported() -> None:
    found = parsed(RUCKUS.replace("wpa23-mixed", "wpa5"))
    assert found.configurations[1].encryption == "unknown"
    assert any("wpa5" in one.what for one in found.unreadable)


def test_smartzone() -> None:
    found = all_of(SMARTZONE)
    pro, residents = found["Tilleuls-Pro"], found["Residents"]
    assert (pro.encryption, pro.enterprise, pro.pmf, pro.vlan) == ("wpa2", True, "capable", 10)
    assert (pro.isolation, pro.hidden, pro.portal) == (False, False, "")
    assert (residents.akms, residents.pmf, residents.isolation) == (("PSK", "SAE"), "capable", True)
    assert parsed(SMARTZONE.replace("WPA23_Mixed", "WPA9")).unreadable
