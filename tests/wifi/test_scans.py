"""Saved outputs of iw, nmcli, wpa_cli and netsh. Formats follow published outputs; names and addresses are invented."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.common.text import clean
from checks.common.textfile import ParseError, decode
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import Network
from checks.wifi.imported import Imported
from checks.wifi.recognise import read, recognise

IW = """BSS 02:00:00:aa:00:01(on wlan0) -- associated
\tlast seen: 710.456s [boottime]
\tTSF: 0 usec (0d, 00:00:00)
\tfreq: 2412
\tbeacon interval: 100 TUs
\tcapability: ESS Privacy ShortPreamble ShortSlotTime RadioMeasure (0x1431)
\tsignal: -64.00 dBm
\tSSID: Tilleuls-Pro
\tDS Parameter set: channel 1
\tCountry: FR\tEnvironment: Indoor/Outdoor
\t\tChannels [1 - 13] @ 14 dBm
\tRSN:\t * Version: 1
\t\t * Group cipher: CCMP
\t\t * Pairwise ciphers: CCMP
\t\t * Authentication suites: IEEE 802.1X FT/IEEE 802.1X IEEE 802.1X/SHA-256
\t\t * Capabilities: 16-PTKSA-RC 1-GTKSA-RC MFP-capable (0x008c)
\t\t * Group mgmt cipher suite: AES-128-CMAC
\tHT capabilities:
\t\tCapabilities: 0x1ad
\tHT operation:
\t\t * primary channel: 1
BSS 00:11:22:aa:00:02(on wlan0)
\tfreq: 5180.0
\tcapability: ESS Privacy (0x0011)
\tsignal: -71.00 dBm
\tSSID: R\\xc3\\xa9sidents
\tRSN:\t * Version: 1
\t\t * Group cipher: TKIP
\t\t * Pairwise ciphers: CCMP TKIP
\t\t * Authentication suites: PSK SAE 00-0f-ac:24 00-0f-ac:99
\t\t * Capabilities: 1-PTKSA-RC 1-GTKSA-RC (0x0000)
\tWPA:\t * Version: 1
\t\t * Group cipher: TKIP
\t\t * Pairwise ciphers: TKIP
\t\t * Authentication suites: PSK
\tWPS:\t * Version: 1.0
\t\t * Wi-Fi Protected Setup State: 2 (Configured)
\t\t * AP setup locked: 0x01
\t\t * Manufacturer: Exemple
\t\t * Model: Borne 3
\t\t * Config methods: Display, PBC, Keypad
\t\t * Version2: 2.0
\tVHT capabilities:
\t\tVHT Capabilities (0x338001b2):
BSS 00:11:22:aa:00:03(on wlan0)
\tfreq: 5975
\tcapability: ESS Privacy (0x0011)
\tsignal: -80.00 dBm
\tSSID: \\x00\\x00\\x00\\x00
\tRSN:\t * Version: 1
\t\t * Group cipher: CCMP
\t\t * Pairwise ciphers: CCMP
\t\t * Authentication suites: 00-0f-ac:18
\t\t * Capabilities: MFP-required MFP-capable (0x00c0)
\tHE capabilities:
\t\tHE MAC Capabilities (0x0d9b8a003c00):
BSS 00:11:22:aa:00:04(on wlan0)
\tfreq: 2437
\tcapability: ESS ShortPreamble (0x0021)
\tsignal: -80.00 dBm
\tSSID: Visiteurs
\tOWE Transition Mode:
\t\tBSSID: 00:11:22:aa:00:03
\t\tSSID: \\x5fowetm
BSS 00:11:22:aa:00:05(on wlan0)
\tfreq: 2437
\tcapability: ESS Privacy (0x0011)
\tSSID: Vieux
"""

WPA_CLI = """bssid / frequency / signal level / flags / ssid
02:00:00:aa:00:01\t2412\t-64\t[WPA2-EAP+FT/EAP-CCMP-preauth][ESS]\tTilleuls-Pro
00:11:22:aa:00:02\t5180\t-71\t[WPA-PSK-TKIP][WPA2-PSK+SAE-CCMP+TKIP][WPS][ESS][SAE-H2E]\tR\\xc3\\xa9sidents
00:11:22:aa:00:03\t5975\t-80\t[WPA2-OWE-CCMP][ESS]\t\\x00\\x00\\x00
00:11:22:aa:00:04\t2437\t-80\t[ESS][OWE-TRANS-OPEN]\tVisiteurs
00:11:22:aa:00:05\t2437\t60\t[WEP][ESS]\t
00:11:22:aa:00:06\t2437\t-50\t[WPA2-SAE-EXT-KEY-GCMP-256][ESS][NEUF]\tFutur
"""

NMCLI_TABLE = """IN-USE  BSSID              SSID              MODE   CHAN  RATE        SIGNAL  BARS  SECURITY
*       02:00:00:AA:00:01  Tilleuls-Pro      Infra  1     130 Mbit/s  84      ▂▄▆█  WPA2 802.1X
        00:11:22:AA:00:02  Résidents  2      Infra  36    540 Mbit/s  57      ▂▄▆_  WPA2 WPA3
        00:11:22:AA:00:03  --                Infra  5     540 Mbit/s  37      ▂▄__  OWE
        00:11:22:AA:00:04  Visiteurs         Infra  6     65 Mbit/s   30      ▂___  --
        00:11:22:AA:00:05  Vieux             Ad-Hoc 6     54 Mbit/s   30      ▂___  WEP
"""
NMCLI_TERSE = """*:02\\:00\\:00\\:AA\\:00\\:01:Tilleuls-Pro:Infra:1:130 Mbit/s:84:▂▄▆█:WPA2 802.1X
 :00\\:11\\:22\\:AA\\:00\\:02:Nom\\:avec\\\\deux points:Infra:36:540 Mbit/s:57:▂▄▆_:WPA1 WPA2
 :00\\:11\\:22\\:AA\\:00\\:03::Infra:6:65 Mbit/s:30:▂___:
"""
NMCLI_FLAGS = """SSID-HEX    BSSID              FREQ      SECURITY   WPA-FLAGS  RSN-FLAGS                             SSID
54696C     02:00:00:AA:00:01  2412 MHz  WPA2 WPA3  (none)     pair_ccmp group_ccmp psk sae          Til
"""
NETSH_EN = """
Interface name : Wi-Fi
There are 3 networks currently visible.

SSID 1 : Tilleuls-Pro
    Network type            : Infrastructure
    Authentication          : WPA2-Enterprise
    Encryption              : CCMP
    BSSID 1                 : 02:00:00:aa:00:01
         Signal             : 99%
         Radio type         : 802.11ac
         Channel            : 36
         Basic rates (Mbps) : 6 12 24
    BSSID 2                 : 02:00:00:aa:00:11
         Signal             : 40%
         Radio type         : 802.11ax
         Band               : 6 GHz
         Channel            : 5

SSID 2 :
    Network type            : Infrastructure
    Authentication          : WPA3-Personal
    Encryption              : CCMP
    BSSID 1                 : 00:11:22:aa:00:02
         Signal             : 80%
         Radio type         : 802.11n
         Channel            : 6

SSID 3 : Visiteurs
    Network type            : Infrastructure
    Authentication          : Open
    Encryption              : None
    BSSID 1                 : 00:11:22:aa:00:04
         Signal             : 80%
         Channel            : 6
"""
NETSH_FR = """
Nom de l’interface : Wi-Fi
Il y a 2 réseaux actuellement visibles.

SSID 1 : Résidents
    Type de réseau            : Infrastructure
    Authentification         : WPA2 - Personnel
 Chiffrement            : CCMP
    BSSID 1                 : 00:11:22:aa:00:02
         Signal             : 99%
         Type de radio         : 802.11ac
         Canal           : 36
         Taux de base (Mbits/s) : 6 12 24

SSID 2 : Visiteurs
    Type de réseau            : Infrastructure
    Authentification         : Ouvrir
 Chiffrement            : Aucun
    BSSID 1                 : 00:11:22:aa:00:04
         Signal             : 99%
         Canal           : 6
"""
PROFILES_FR = """
Profils sur l'interface Wi-Fi :

Profils de stratégie de groupe (lecture seule)
---------------------------------
    <Aucun>

Profils utilisateurs
-------------
    Profil Tous les utilisateurs     : Tilleuls-Pro
    Profil Tous les utilisateurs     : Résidents
"""
PROFILE_EN = """
Profile Residents on interface Wi-Fi:
=======================================================================

Applied: All User Profile

Profile information
-------------------
    Version                : 1
    Type                   : Wireless LAN
    Name                   : Residents
    Control options        :
        Connection mode    : Connect automatically
        Network broadcast  : Connect even if this network is not broadcasting
        AutoSwitch         : Do not switch to other networks

Connectivity settings
---------------------
    Number of SSIDs        : 1
    SSID name              : "Residents"
    Network type           : Infrastructure

Security settings
-----------------
    Authentication         : WPA2-Personal
    Cipher                 : CCMP
    Authentication         : WPA2-Personal
    Cipher                 : GCMP
    Security key           : Present
    Key Content            : Tilleuls2024
"""
PROFILE_FR = """
Profil Tilleuls-Pro sur l'interface Wi-Fi :
=======================================================================

Informations sur le profil
-------------------
    Nom                    : Tilleuls-Pro
    Options de contrôle        :
        Mode de connexion    : Se connecter automatiquement

Paramètres de connectivité
---------------------
    Nom du SSID              : « Tilleuls-Pro »

Paramètres de sécurité
-----------------
    Authentification         : WPA2 - Entreprise
    Chiffrement              : CCMP
    Clé de sécurité          : Absente
    802.1X                   : Activé
    Type EAP                 : Microsoft: PEAP (Protected EAP)
"""
SAMPLES = {
    "scans.iw": (IW,),
    "scans.wpa_cli": (WPA_CLI,),
    "scans.nmcli": (NMCLI_TABLE, NMCLI_TERSE, NMCLI_FLAGS),
    "scans.netsh": (NETSH_EN, NETSH_FR),
    "scans.netsh_profiles": (PROFILES_FR, PROFILE_EN, PROFILE_FR),
}
ALL = [(name, text) for name, texts in SAMPLES.items() for text in texts]


def parsed(text: str, encoding: str = "utf-8") -> Imported:
    return read(decode("releve.txt", text.encode(encoding)), Keys())


def by_bssid(text: str, encoding: str = "utf-8") -> dict[str, Network]:
    return {network.bssid[-2:]: network for network in parsed(text, encoding).networks}


@pytest.mark.parametrize(("name", "text"), ALL)
def test_each_output_is_recognised_and_fully_understood(name: str, text: str) -> None:
    assert recognise(decode("x.txt", text.encode())) == name
    found = parsed(text)
    assert found.networks or found.clients
    if name != "scans.wpa_cli":
        assert not found.unreadable
    assert all(network.source == "scan" and network.file == "releve.txt" for network in found.networks)


# --- iw -----------------------------------------------------------------------------------------------------------


def test_iw_reads_enterprise_with_pmf() -> None:
    pro = by_bssid(IW)["01"]
    assert (pro.ssid, pro.band, pro.channel, pro.strongest) == ("Tilleuls-Pro", "2.4", 1, -64)
    assert pro.akms == ("802.1X", "FT-802.1X", "802.1X-SHA256")
    assert (pro.pmf, pro.group_management, pro.encryption) == ("capable", "BIP-CMAC-128", "wpa2-wpa3")
    assert (pro.wps, pro.locked, pro.privacy, pro.country, pro.oui) == ("absent", False, True, "FR", "")
    assert pro.generation == "n"


def test_iw_reads_both_sections_and_unknown_selectors() -> None:
    residents = by_bssid(IW)["02"]
    assert residents.ssid == "Résidents"
    assert residents.akms == ("PSK", "SAE", "SAE-EXT", "00-0F-AC:99")
    assert residents.rsn is not None
    assert residents.wpa is not None
    assert residents.wpa.akms == ("PSK",)
    assert residents.pairwise == ("CCMP", "TKIP")
    assert residents.encryption == "wpa-wpa2-wpa3"
    assert residents.pmf == "none"
    assert (residents.wps, residents.locked, residents.wps_version) == ("configured", True, "2.0")
    assert residents.wps_methods == ("display", "pbc", "keypad")
    assert residents.wps_device == "Exemple Borne 3"
    assert residents.oui == "00:11:22"


def test_iw_reads_hidden_network_of_6_ghz_by_frequency() -> None:
    hidden = by_bssid(IW)["03"]
    assert (hidden.hidden, hidden.ssid, hidden.band, hidden.channel) == (True, "", "6", 5)
    assert (hidden.akms, hidden.encryption, hidden.pmf) == (("OWE",), "owe", "required")
    assert hidden.generation == "ax"


def test_iw_tells_open_from_wep_and_reads_the_owe_pair() -> None:
    networks = by_bssid(IW)
    assert networks["04"].encryption == "open"
    assert networks["04"].owe_transition is not None
    assert networks["04"].owe_transition.bssid == "00:11:22:aa:00:03"
    assert networks["05"].encryption == "wep"


def test_iw_without_authentication_suites_is_reported() -> None:
    text = IW.replace("\t\t * Authentication suites: 00-0f-ac:18\n", "")
    found = parsed(text)
    assert [one.what for one in found.unreadable if "RSN" in one.what]
    assert {network.bssid[-2:]: network for network in found.networks}["03"].encryption == "other"


def test_iw_capabilities_of_another_section_do_not_become_pmf() -> None:
    text = IW.replace(
        "(0x0000)\n\tWPA:", "(0x0000)\n\tExtended capabilities:\n\t\t * Capabilities: MFP-required\n\tWPA:"
    )
    assert by_bssid(text)["02"].pmf == "none"


def test_iw_cut_in_the_middle_of_a_network_is_unknown_not_open_nor_wep() -> None:
    for end in ("\tcapability: ESS Privacy (0x0011)\n\tSSID: Vieux", "\tSSID: Vieux\n", ""):
        text = IW[: IW.index("BSS 00:11:22:aa:00:05")] + "BSS 00:11:22:aa:00:05(on wlan0)\n" + end
        last = by_bssid(text)["05"]
        assert (last.encryption, last.incomplete, last.pmf, last.wps) == ("unknown", True, "", "")
    assert not by_bssid(IW)["05"].incomplete
    assert any("milieu" in one.what for one in parsed(IW.rstrip("\n")).unreadable)


# --- wpa_cli ------------------------------------------------------------------------------------------------------


def test_wpa_cli_reads_flags() -> None:
    networks = by_bssid(WPA_CLI)
    assert (networks["01"].akms, networks["01"].pairwise) == (("802.1X", "FT-802.1X"), ("CCMP",))
    assert networks["02"].ssid == "Résidents"
    assert networks["02"].encryption == "wpa-wpa2-wpa3"
    assert networks["02"].sae_hash_to_element is True
    assert (networks["03"].encryption, networks["03"].hidden, networks["03"].band) == ("owe", True, "6")
    assert networks["04"].encryption == "open"
    assert (networks["05"].encryption, networks["05"].strongest) == ("wep", None)
    assert (networks["06"].akms, networks["06"].pairwise) == (("SAE-EXT",), ("GCMP-256",))


def test_wpa_cli_says_what_it_does_not_know() -> None:
    found = parsed(WPA_CLI)
    assert all(network.pmf == "" for network in found.networks if network.encryption not in {"open", "wep"})
    assert any("PMF" in limit for limit in found.limits)
    assert ["NEUF" in one.what for one in found.unreadable] == [True]
    assert by_bssid(WPA_CLI)["01"].wps == "absent"
    assert by_bssid(WPA_CLI)["02"].wps == ""


def test_wpa_cli_cut_row_is_reported() -> None:
    found = parsed(WPA_CLI + "00:11:22:aa:00:07\t24")
    assert any("00:11:22:aa:00:07" in one.what for one in found.unreadable)


# --- nmcli --------------------------------------------------------------------------------------------------------


def test_nmcli_table() -> None:
    networks = by_bssid(NMCLI_TABLE)
    assert networks["01"].akms == ("802.1X",)
    assert (networks["02"].ssid, networks["02"].encryption) == ("Résidents  2", "wpa2-wpa3")
    assert networks["02"].akms == ("PSK", "SAE")
    assert (networks["03"].hidden, networks["03"].encryption) == (True, "owe")
    assert (networks["04"].encryption, networks["04"].channel) == ("open", 6)
    assert (networks["05"].encryption, networks["05"].mode) == ("wep", "ad-hoc")
    assert all(network.pmf == "" and network.strongest is None for network in networks.values())


def test_nmcli_terse_unescapes_and_finds_columns() -> None:
    networks = by_bssid(NMCLI_TERSE)
    assert networks["02"].ssid == "Nom:avec\\deux points"
    assert (networks["02"].encryption, networks["02"].channel) == ("wpa-wpa2", 36)
    assert networks["03"].hidden
    assert networks["03"].encryption == "open"


def test_nmcli_terse_with_chosen_columns() -> None:
    text = "Til\\:leuls:02\\:00\\:00\\:AA\\:00\\:01:WPA2\nAutre:02\\:00\\:00\\:AA\\:00\\:02:\n"
    networks = by_bssid(text)
    assert (networks["01"].ssid, networks["01"].encryption) == ("Til:leuls", "wpa2")
    assert networks["02"].encryption == "open"


def test_nmcli_terse_with_ambiguous_columns_is_refused() -> None:
    with pytest.raises(ParseError, match="ambiguës"):
        parsed("02\\:00\\:00\\:AA\\:00\\:01:abc:def\n02\\:00\\:00\\:AA\\:00\\:02:ghi:jkl\n")


def test_nmcli_without_security_column_is_unknown_not_open() -> None:
    text = "BSSID              SSID\n02:00:00:AA:00:01  Til\n"
    found = parsed(text)
    assert found.networks[0].encryption == "unknown"
    assert any("SECURITY" in limit for limit in found.limits)


def test_nmcli_flags_give_key_management_and_ciphers() -> None:
    network = by_bssid(NMCLI_FLAGS)["01"]
    assert (network.ssid, network.akms, network.pairwise, network.group) == ("Til", ("PSK", "SAE"), ("CCMP",), "CCMP")
    assert (network.encryption, network.band) == ("wpa2-wpa3", "2.4")


def test_nmcli_multiline() -> None:
    text = (
        "SSID:                                   Tilleuls-Pro\nBSSID:                                  02:00:00:AA:00:01\n"
        "SECURITY:                               WPA2 802.1X\nSSID:                                   --\n"
        "BSSID:                                  02:00:00:AA:00:02\nSECURITY:                               WPA3\n"
    )
    networks = by_bssid(text)
    assert networks["01"].akms == ("802.1X",)
    assert networks["02"].hidden
    assert networks["02"].encryption == "wpa3"


def test_nmcli_owe_transition_is_open_today() -> None:
    assert by_bssid(NMCLI_TABLE.replace("  OWE\n", "  OWE-TM\n"))["03"].encryption == "open"


# --- netsh --------------------------------------------------------------------------------------------------------


def test_netsh_english() -> None:
    networks = by_bssid(NETSH_EN)
    assert (networks["01"].ssid, networks["11"].ssid) == ("Tilleuls-Pro", "Tilleuls-Pro")
    assert (networks["01"].akms, networks["01"].pairwise, networks["01"].encryption) == (("802.1X",), ("CCMP",), "wpa2")
    assert (networks["01"].channel, networks["01"].generation) == (36, "ac")
    assert (networks["11"].band, networks["11"].channel) == ("6", 5)
    assert (networks["02"].hidden, networks["02"].encryption) == (True, "wpa3")
    assert (networks["04"].encryption, networks["04"].privacy) == ("open", False)
    assert all(network.wps == "" for network in networks.values())
    assert any("netsh" in limit for limit in parsed(NETSH_EN).limits)


@pytest.mark.parametrize("encoding", ["utf-8", "cp850", "cp1252", "utf-16"])
def test_netsh_french_in_every_code_page(encoding: str) -> None:
    text = NETSH_FR if encoding != "cp850" else NETSH_FR.replace("’", "'")
    networks = by_bssid(text, encoding)
    assert (networks["02"].ssid, networks["02"].encryption, networks["02"].akms) == ("Résidents", "wpa2", ("PSK",))
    assert (networks["02"].channel, networks["02"].pairwise) == (36, ("CCMP",))
    assert networks["04"].encryption == "open"


def test_netsh_damaged_accents_are_read() -> None:
    assert by_bssid(NETSH_FR.replace("Type de réseau", "Type de r\ufffdseau"))["02"].encryption == "wpa2"


def test_netsh_open_with_wep_is_wep() -> None:
    text = NETSH_EN.replace("Encryption              : None", "Encryption              : WEP")
    assert by_bssid(text)["04"].encryption == "wep"


def test_netsh_unknown_authentication_is_unknown_and_reported() -> None:
    found = parsed(NETSH_EN.replace("WPA3-Personal", "WPA9-Quantum"))
    assert any("WPA9-Quantum" in one.what for one in found.unreadable)
    assert {network.encryption for network in found.networks} == {"wpa2", "unknown", "open"}


def test_netsh_without_bssid_says_so() -> None:
    lines = [line for line in NETSH_EN.split("\n") if not line.strip().startswith("BSSID")]
    found = parsed("\n".join(lines))
    assert [network.bssid for network in found.networks] == ["", "", ""]
    assert any("mode=bssid" in limit for limit in found.limits)


def test_netsh_profile_list_has_names_only() -> None:
    found = parsed(PROFILES_FR, "cp850")
    assert [client.ssid for client in found.clients] == ["Tilleuls-Pro", "Résidents"]
    assert all(client.encryption == "" and client.ca == "" for client in found.clients)
    assert any("XML" in limit for limit in found.limits)


def test_netsh_profile_measures_the_key_and_forgets_it() -> None:
    found = parsed(PROFILE_EN)
    (client,) = found.clients
    assert (client.ssid, client.encryption, client.automatic, client.hidden) == ("Residents", "wpa2", True, True)
    assert client.password_stored is True
    assert client.psk_length == 12
    assert client.psk_bits is not None
    assert "Tilleuls2024" not in msgspec.json.encode(found).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp850"])
def test_netsh_enterprise_profile_in_french(encoding: str) -> None:
    (client,) = parsed(PROFILE_FR, encoding).clients
    assert (client.ssid, client.enterprise, client.eap) == ("Tilleuls-Pro", True, ("PEAP",))
    assert (client.password_stored, client.automatic, client.ca, client.server_names) == (False, True, "", None)


# --- anything -----------------------------------------------------------------------------------------------------


def test_nothing_in_common_is_refused() -> None:
    for text in ("", " \n", "bonjour\n", "{}", "<a/>"):
        with pytest.raises(ParseError):
            parsed(text)


def survive(raw: bytes) -> None:
    try:
        found = read(decode("f", raw), Keys())
    except ParseError:
        return
    text = msgspec.json.encode(found).decode()
    assert all(character.isprintable() or character == " " for character in text)
    assert found.networks or found.clients or found.configurations


@pytest.mark.parametrize(("name", "text"), ALL)
def test_cut_anywhere(name: str, text: str) -> None:
    raw = text.encode()
    draw = random.Random(name)
    for _ in range(60):
        survive(raw[: draw.randrange(len(raw))])


@pytest.mark.parametrize(("name", "text"), ALL)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_piece_may_be_absurd(name: str, text: str, data: st.DataObject) -> None:
    raw = text.encode()
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start, min(len(raw), start + 30)))
    piece = data.draw(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"", b":", b"\t", b"\n", b"\\", b"\\x", b"9" * 5000, "\u202e".encode(), b"[" * 500, b"- " * 3000]
            ),
        )
    )
    survive(raw[:start] + piece + raw[end:])


@pytest.mark.parametrize(("name", "text"), ALL)
@pytest.mark.parametrize("fill", ["a", " ", "\t", ":", "\\", "+", "PSK ", "-", "[WPA2-", "▂", "802.1X "])
def test_endless_lines_cost_little(name: str, text: str, fill: str) -> None:
    line = (fill * 50_000)[:50_000]
    middle = text.index("\n", len(text) // 2)
    survive(f"{text}{line}\n".encode())
    survive(f"{text[:middle]}{line}{text[middle:]}".encode())


@given(name=st.binary(min_size=1, max_size=32).filter(lambda raw: bool(raw.strip(b"\0"))))
def test_iw_gives_any_ssid_back(name: bytes) -> None:
    escaped = "".join(chr(byte) if 0x20 < byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in name)
    network = by_bssid(IW.replace("Tilleuls-Pro", escaped))["01"]
    assert (bytes.fromhex(network.ssid_hex) if network.ssid_hex else network.ssid.encode()) == name
    assert network.ssid == clean(network.ssid)


@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8))
def test_nmcli_terse_gives_any_name_back(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace(":", "\\:")
    text = NMCLI_TERSE + f" :00\\:11\\:22\\:AA\\:00\\:09:{escaped}:Infra:36:540 Mbit/s:57:▂▄▆_:WPA2\n"
    network = by_bssid(text)["09"]
    raw = bytes.fromhex(network.ssid_hex) if network.ssid_hex else network.ssid.encode()
    assert network.hidden or raw == name.encode()
