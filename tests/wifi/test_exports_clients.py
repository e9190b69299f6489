"""Profiles of stations: what they check of the authentication server."""

from __future__ import annotations

import pytest

from checks.common.textfile import ParseError, decode
from checks.wifi.exports.clients import ClientProfile, exposed_to_evil_twin
from checks.wifi.exports.keys import Keys
from checks.wifi.imported import Imported
from checks.wifi.recognise import read
from tests.wifi.exports import NETWORKMANAGER, NETWORKMANAGER_PSK, PASSWORD, WINDOWS, WINDOWS_EAP, WPA_SUPPLICANT


def parsed(text: str) -> Imported:
    return read(decode("profil", text.encode()), Keys())


def one(text: str, ssid: str = "Tilleuls-Pro") -> ClientProfile:
    return next(client for client in parsed(text).clients if client.ssid == ssid)


SAFE = ClientProfile(
    ssid="X",
    file="f",
    product="p",
    enterprise=True,
    eap=("PEAP",),
    ca="pinned",
    server_names=("r.tilleuls.test",),
    user_may_accept=False,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"ca": "none"}, True),
        ({"server_names": ()}, True),
        ({"user_may_accept": True}, True),
        ({"user_may_accept": None}, False),
        ({"ca": "system"}, False),
        ({"ca": "system", "server_names": ()}, True),
        ({"ca": ""}, None),
        ({"server_names": None}, None),
        ({"enterprise": False}, None),
        ({"enterprise": None}, None),
        ({"eap": ("MD5",)}, None),
        ({"eap": ()}, None),
    ],
)
def test_exposure(changes: dict[str, object], expected: bool | None) -> None:
    import msgspec

    assert exposed_to_evil_twin(msgspec.structs.replace(SAFE, **changes)) is expected


def test_windows_personal_profile() -> None:
    client = one(WINDOWS, "Residents")
    assert (client.encryption, client.enterprise, client.automatic, client.hidden) == ("wpa2", False, True, True)
    assert (client.password_stored, client.psk_length, client.ca) == (True, len(PASSWORD), "")


def test_windows_protected_key_is_not_measured() -> None:
    found = parsed(WINDOWS.replace("<protected>false", "<protected>true").replace(PASSWORD, "01000000D08C9DDF"))
    assert (found.clients[0].password_stored, found.clients[0].psk_bits) == (True, None)
    assert found.limits


def test_windows_enterprise_profile_that_checks() -> None:
    client = one(WINDOWS_EAP)
    assert (client.encryption, client.enterprise, client.eap, client.inner) == ("wpa2", True, ("PEAP",), ("MSCHAPV2",))
    assert (client.ca, client.server_names, client.user_may_accept) == ("pinned", ("radius.tilleuls.test",), False)
    assert client.identity_in_clear is False
    assert exposed_to_evil_twin(client) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('V2">true</PerformServerValidation>', 'V2">false</PerformServerValidation>'),
        ("<ServerNames>radius.tilleuls.test</ServerNames>", "<ServerNames></ServerNames>"),
        ('V2">true</AcceptServerName>', 'V2">false</AcceptServerName>'),
        ("<DisableUserPromptForServerValidation>true", "<DisableUserPromptForServerValidation>false"),
    ],
)
def test_windows_enterprise_profile_that_does_not(old: str, new: str) -> None:
    assert old in WINDOWS_EAP
    assert exposed_to_evil_twin(one(WINDOWS_EAP.replace(old, new))) is True


def test_windows_without_named_authority_is_the_system() -> None:
    client = one(WINDOWS_EAP.replace("<TrustedRootCA>aa bb cc dd</TrustedRootCA>", ""))
    assert client.ca == "system"
    assert exposed_to_evil_twin(client) is False


def test_windows_without_validation_element_checks_nothing() -> None:
    start, end = WINDOWS_EAP.index("<ServerValidation>"), WINDOWS_EAP.index("</ServerValidation>")
    client = one(WINDOWS_EAP[:start] + WINDOWS_EAP[end + len("</ServerValidation>") :])
    assert client.ca == "none"
    assert exposed_to_evil_twin(client) is True


def test_windows_validation_inside_the_tunnel_does_not_hide_that_the_tunnel_checks_nothing() -> None:
    inner = "<ServerValidation><ServerNames>x</ServerNames></ServerValidation><PerformServerValidation>true</PerformServerValidation>"
    text = WINDOWS_EAP.replace("<UseWinLogonCredentials>", inner + "<UseWinLogonCredentials>")
    assert one(text).server_names == ("radius.tilleuls.test",)
    text = text.replace('V2">true</PerformServerValidation>', 'V2">false</PerformServerValidation>')
    assert one(text).ca == "none"


def test_windows_ttls() -> None:
    eap = (
        '<EapHostConfig><EapMethod><Type>21</Type></EapMethod><Config><EapTtls xmlns="urn:x"><ServerValidation>'
        "<ServerNames>radius.tilleuls.test</ServerNames><TrustedRootCAHash>aa bb</TrustedRootCAHash>"
        "<DisablePrompt>true</DisablePrompt></ServerValidation><Phase2Authentication><PAPAuthentication/>"
        "</Phase2Authentication><Phase1Identity><IdentityPrivacy>true</IdentityPrivacy></Phase1Identity></EapTtls></Config></EapHostConfig>"
    )
    start, end = WINDOWS_EAP.index("<EapHostConfig"), WINDOWS_EAP.index("</EapHostConfig>") + len("</EapHostConfig>")
    client = one(WINDOWS_EAP[:start] + eap + WINDOWS_EAP[end:])
    assert (client.eap, client.inner, client.ca, client.user_may_accept) == (("TTLS",), ("PAP",), "pinned", False)
    assert (client.server_names, client.identity_in_clear) == (("radius.tilleuls.test",), False)
    assert exposed_to_evil_twin(client) is False


def test_windows_binary_configuration_stays_unknown() -> None:
    start, end = WINDOWS_EAP.index("<Config>"), WINDOWS_EAP.index("</Config>")
    found = parsed(WINDOWS_EAP[:start] + "<ConfigBlob>0102</ConfigBlob>" + WINDOWS_EAP[end + len("</Config>") :])
    assert (found.clients[0].ca, exposed_to_evil_twin(found.clients[0])) == ("", None)
    assert any("binaire" in limit for limit in found.limits)


def test_windows_unknown_authentication_and_method() -> None:
    found = parsed(WINDOWS.replace("WPA2PSK", "WPA7"))
    assert (found.clients[0].encryption, bool(found.unreadable)) == ("unknown", True)
    found = parsed(WINDOWS_EAP.replace('EapCommon">25<', 'EapCommon">77<'))
    assert (found.clients[0].eap, bool(found.unreadable)) == ((), True)


def test_windows_without_ssid_is_refused() -> None:
    with pytest.raises(ParseError, match="aucun SSID"):
        parsed(WINDOWS.replace("<hex>5265736964656E7473</hex><name>Residents</name>", ""))


def test_wpa_supplicant() -> None:
    home, pro = one(WPA_SUPPLICANT, "Residents"), one(WPA_SUPPLICANT)
    assert (home.akms, home.hidden, home.enterprise, home.psk_length) == (("PSK",), True, False, len(PASSWORD))
    assert (pro.eap, pro.inner, pro.ca) == (("PEAP",), ("MSCHAPV2",), "pinned")
    assert (pro.server_names, pro.identity_in_clear, pro.password_stored) == (("radius.tilleuls.test",), False, True)
    assert (pro.psk_bits, exposed_to_evil_twin(pro)) == (None, False)


@pytest.mark.parametrize(
    ("line", "ca", "exposed"),
    [
        ('    ca_cert="/etc/ssl/tilleuls-ca.pem"\n', "none", True),
        ('    domain_suffix_match="radius.tilleuls.test"\n', "pinned", True),
    ],
)
def test_wpa_supplicant_without_a_check(line: str, ca: str, exposed: bool) -> None:
    assert line in WPA_SUPPLICANT
    client = one(WPA_SUPPLICANT.replace(line, ""))
    assert (client.ca, exposed_to_evil_twin(client)) == (ca, exposed)


def test_wpa_supplicant_system_bundle_and_clear_identity() -> None:
    text = WPA_SUPPLICANT.replace("/etc/ssl/tilleuls-ca.pem", "/etc/ssl/certs/ca-certificates.crt")
    client = one(text.replace('    anonymous_identity="anonymous@tilleuls.test"\n', ""))
    assert (client.ca, client.identity_in_clear) == ("system", True)


def test_wpa_supplicant_cut_block_is_refused() -> None:
    with pytest.raises(ParseError, match="incomplet"):
        parsed(WPA_SUPPLICANT[: WPA_SUPPLICANT.rindex("}")])


@pytest.mark.parametrize(
    ("lines", "encryption"),
    [
        ("key_mgmt=NONE", "open"),
        ("key_mgmt=NONE\nwep_key0=1234567890", "wep"),
        ("key_mgmt=SAE\nieee80211w=2", "wpa3"),
        ("key_mgmt=WPA-PSK SAE", "wpa2-wpa3"),
        ("key_mgmt=OWE", "owe"),
        ("key_mgmt=FUTUR", "other"),
    ],
)
def test_wpa_supplicant_security(lines: str, encryption: str) -> None:
    found = parsed(f'network={{\nssid="X"\n{lines}\n}}\n')
    assert found.clients[0].encryption == encryption
    assert bool(found.unreadable) is (encryption == "other")


def test_networkmanager() -> None:
    pro = one(NETWORKMANAGER)
    assert (pro.enterprise, pro.eap, pro.inner, pro.pmf) == (True, ("TTLS",), ("PAP",), "required")
    assert (pro.ca, pro.server_names, pro.identity_in_clear) == ("pinned", ("radius.tilleuls.test",), False)
    assert (pro.hidden, pro.automatic, pro.password_stored) == (True, True, True)
    assert exposed_to_evil_twin(pro) is False
    home = one(NETWORKMANAGER_PSK, "Residents")
    assert (home.encryption, home.akms, home.psk_length) == ("wpa3", ("SAE",), len(PASSWORD))


def test_networkmanager_without_checks() -> None:
    assert exposed_to_evil_twin(one(NETWORKMANAGER.replace("ca-cert=/etc/ssl/tilleuls-ca.pem\n", ""))) is True
    assert exposed_to_evil_twin(one(NETWORKMANAGER.replace("domain-suffix-match=radius.tilleuls.test\n", ""))) is True
    assert one(NETWORKMANAGER.replace("ca-cert=/etc/ssl/tilleuls-ca.pem", "system-ca-certs=true")).ca == "system"


def test_networkmanager_ssid_in_bytes_and_secret_of_the_session() -> None:
    assert one(NETWORKMANAGER_PSK.replace("ssid=Residents", "ssid=82;195;169;"), "Ré").ssid == "Ré"
    text = NETWORKMANAGER.replace(f"password={PASSWORD}", "password-flags=1")
    assert one(text).password_stored is False
