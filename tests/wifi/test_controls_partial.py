"""What is known in part must not pass: one source that is silent, one tool that names the best only, one cut capture."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.common.textfile import decode
from checks.model import Gap, Reason, Verdict
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import WifiFacts
from checks.wifi.live.facts import LiveFacts, LiveStep
from checks.wifi.scans import netsh
from tests.wifi.sites import (
    ENTERPRISE,
    EXPORT_FILE,
    GUEST_5,
    GUESTS,
    MIXED,
    NEIGHBOUR,
    NOTHING,
    PRO,
    PRO_5,
    PRO_24,
    PSK,
    RESIDENTS,
    THEIRS,
    WEP,
    air,
    association,
    exports,
    judge,
    network,
    reset,
    retuned,
    session,
    setting,
    site,
    with_networks,
)

F, P, NA, NS = Verdict.FAIL, Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
WINDOWS: dict[str, Any] = {"source": "scan", "best_only": True, "pmf": "", "wps": "", "group": "", "file": "netsh.txt"}
ONLY_PRO = {"roles": {PRO: "pro"}, "configurations": ()}


def windows(**fields: Any) -> WifiFacts:
    """The professional network as `netsh` alone shows it, in WPA3 with a password."""
    return site(networks=(network(PRO_5, PRO, **WINDOWS | fields),), files=(), **ONLY_PRO)


# --- A tool that names the strongest protection only


def test_netsh_says_that_it_names_the_best_only() -> None:
    lines = (
        "SSID 1 : A", "    Authentification        : WPA3 - Personnel", "    Chiffrement             : CCMP",
        "    BSSID 1                 : 00:11:22:33:44:50", "SSID 2 : B", "    Authentification        : Ouvrir",
        "    Chiffrement             : Aucun", "    BSSID 1                 : 00:11:22:33:44:51",
    )  # fmt: skip
    found = netsh.parse(decode("netsh.txt", "\n".join(lines).encode()), Keys(()))
    assert [(one.ssid, one.best_only) for one in found.networks] == [("A", True), ("B", False)]


@pytest.mark.parametrize("control", ["encryption.professional", "encryption.no_old_cipher", "keys.offline_attack"])
def test_the_best_protection_alone_is_no_proof(control: str) -> None:
    fields = ENTERPRISE if control == "encryption.professional" else {}
    found = judge(control, windows(**fields), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "plus forte" in found.message
    assert judge(control, windows(**fields, best_only=False), PRO).verdict is P


def test_a_better_source_of_the_same_radio_completes_it() -> None:
    """The capture shows the mixed mode that `netsh` hides; nothing is compared with what it names."""
    facts = site(networks=(network(PRO_5, PRO, **MIXED), network(PRO_5, PRO, **WINDOWS)), **ONLY_PRO)
    assert "aussi un mot de passe WPA2" in judge("encryption.professional", facts, PRO).message
    assert judge("encryption.management_frames", facts, PRO).verdict is P
    assert judge("setup.wps_off", facts, PRO).verdict is P
    same = judge("access_points.one_security", facts, PRO)
    assert (same.verdict, "(1 borne)" in same.message) == (P, True)


def test_what_netsh_names_beside_another_protection_still_differs() -> None:
    facts = site(
        networks=(
            network(PRO_5, PRO, **MIXED),
            network(PRO_24, PRO, **WINDOWS | {"encryption": "wpa", "akms": ("PSK",)}),
        ),
        **ONLY_PRO,
    )
    assert judge("access_points.one_security", facts, PRO).verdict is F


def test_wpa3_alone_is_not_said_of_netsh() -> None:
    assert "propose WPA3." in judge("encryption.current_generation", windows(), PRO).message
    assert "propose WPA3 seul." in judge("encryption.current_generation", windows(best_only=False), PRO).message


# --- Password or account?


@pytest.mark.parametrize(
    ("control", "wrong"),
    [
        ("keys.offline_attack", "mot de passe à retrouver"),
        ("keys.password_strength", "pas de mot de passe"),
        ("authentication.methods", "n'utilise pas 802.1X"),
        ("profiles.server_checked", "n'utilise pas 802.1X"),
    ],
)
def test_wpa2_that_says_no_more_is_not_dismissed(control: str, wrong: str) -> None:
    """WPA2 without its key management may be a password as well as an account."""
    facts = reset(PRO, exports(roles={PRO: "pro"}), encryption="wpa2", akms=(), enterprise=None, psk_bits=None,
                  psk_length=None, psk_group="")  # fmt: skip
    found = judge(control, facts, PRO)
    assert found.verdict is NS
    assert wrong not in found.message


@pytest.mark.parametrize("control", ["keys.offline_attack", "keys.password_strength"])
def test_wep_is_not_said_to_have_no_password(control: str) -> None:
    found = judge(control, site(networks=(network(PRO_5, PRO, **WEP),), **ONLY_PRO), PRO)
    assert found.verdict is NA
    assert "WEP" in found.message


def test_one_setting_that_does_not_say_how_to_enter_is_a_doubt() -> None:
    known = setting(PRO, encryption="wpa2", akms=("802.1X",), enterprise=True, psk_bits=None, psk_group="")
    silent = setting(PRO, encryption="wpa2", akms=(), enterprise=None, psk_bits=None, psk_group="", file="autre.conf")
    facts = site(networks=(), configurations=(known,), roles={PRO: "pro"})
    assert judge("encryption.individual_authentication", facts, PRO).verdict is P
    facts = msgspec.structs.replace(facts, configurations=(known, silent))
    assert judge("encryption.individual_authentication", facts, PRO).verdict is NS


# --- One radio, one setting among several that is silent


def test_protection_of_management_frames_must_be_known_of_each_radio() -> None:
    facts = retuned(PRO_24, air(), pmf="", source="scan")
    found = judge("encryption.management_frames", facts, PRO)
    assert (found.verdict, PRO_24 in found.message) == (NS, True)


def test_ciphers_must_be_known_of_each_radio() -> None:
    fields: dict[str, Any] = {**PSK, "pairwise": (), "group": "", "source": "scan"}
    facts = retuned(PRO_24, retuned(PRO_5, air(), **PSK), **fields)
    found = judge("encryption.no_old_cipher", facts, PRO)
    assert (found.verdict, PRO_24 in found.message) == (NS, True)
    alone = site(networks=(network(PRO_24, PRO, **fields),), **ONLY_PRO)
    assert "n'est dans aucune donnée" in judge("encryption.no_old_cipher", alone, PRO).message


def test_password_must_be_measured_in_each_setting() -> None:
    fields: dict[str, Any] = {"encryption": "wpa2", "akms": ("PSK",), "psk_bits": 90.0, "psk_length": 24}
    strong = setting(PRO, **fields)
    hashed = setting(PRO, **fields | {"psk_bits": None, "psk_length": None, "psk_group": "", "file": "autre.conf"})
    facts = site(networks=(), configurations=(strong,), roles={PRO: "pro"})
    assert judge("keys.password_strength", facts, PRO).verdict is P
    found = judge("keys.password_strength", msgspec.structs.replace(facts, configurations=(strong, hashed)), PRO)
    assert (found.verdict, "autre.conf" in found.message) == (NS, True)


def test_age_must_be_known_in_each_setting_and_be_past() -> None:
    fields: dict[str, Any] = {"encryption": "wpa2", "akms": ("PSK",), "psk_bits": 90.0, "psk_length": 24}
    dated = setting(PRO, **fields, psk_changed="2026-06-01")
    facts = site(networks=(), configurations=(dated,), roles={PRO: "pro"})
    assert judge("keys.password_age", facts, PRO).verdict is P
    undated = setting(PRO, **fields, psk_changed="", file="autre.conf")
    facts = msgspec.structs.replace(facts, configurations=(dated, undated))
    assert judge("keys.password_age", facts, PRO).verdict is NS
    future = setting(PRO, **fields, psk_changed="2027-06-01")
    found = judge("keys.password_age", msgspec.structs.replace(facts, configurations=(future,)), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.MALFORMED)


def test_vlan_must_be_known_in_each_setting() -> None:
    facts = site()
    assert judge("separation.apart_from_professional", facts, GUESTS).verdict is P
    untagged = setting(GUESTS, vlan=None, file="autre.conf")
    facts = msgspec.structs.replace(facts, configurations=(*facts.configurations, untagged))
    found = judge("separation.apart_from_professional", facts, GUESTS)
    assert (found.verdict, "aucun VLAN" in found.message) == (NS, True)


def test_version_must_be_known_in_each_export() -> None:
    facts = site()
    assert judge("administration.same_firmware", facts, "site").verdict is P
    product = facts.configurations[0].product
    more = setting(PRO, product=product, firmware="", file="autre.json")
    facts = msgspec.structs.replace(facts, configurations=(*facts.configurations, more))
    found = judge("administration.same_firmware", facts, "site")
    assert (found.verdict, "autre.json" in found.message) == (NS, True)


def test_wps_must_be_known_in_each_setting() -> None:
    off, silent = setting(PRO, wps=False), setting(PRO, wps=None, file="autre.conf")
    facts = site(networks=(), configurations=(off,), roles={PRO: "pro"})
    assert judge("setup.wps_off", facts, PRO).verdict is P
    assert judge("setup.wps_off", msgspec.structs.replace(facts, configurations=(off, silent)), PRO).verdict is NS


# --- Networks and names


def test_a_scan_alone_cannot_tell_a_forgotten_network() -> None:
    """Without inventory nor export, nothing distinguishes our equipment from a neighbour's."""
    facts = site(configurations=(), declared_bssids=())
    found = judge("inventory.declared_names", facts, "site")
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)


def test_a_masked_network_of_our_access_points_is_a_doubt() -> None:
    facts = site(declared_bssids=(PRO_5, PRO_24, GUEST_5))
    assert judge("inventory.declared_names", facts, "site").verdict is P
    masked = network(PRO_5[:-1] + "7", "", hidden=True)
    found = judge("inventory.declared_names", with_networks(masked, base=facts), "site")
    assert (found.verdict, masked.bssid in found.message) == (NS, True)
    theirs = network("a0:b1:c2:d3:e4:f7", "", hidden=True)
    assert judge("inventory.declared_names", with_networks(theirs, base=facts), "site").verdict is P


def test_password_on_one_radio_and_account_on_another_are_not_one_protection() -> None:
    facts = retuned(
        PRO_24, retuned(PRO_5, air(), akms=("802.1X",), encryption="wpa2"), akms=("PSK",), encryption="wpa2"
    )
    found = judge("access_points.one_security", facts, PRO)
    assert found.verdict is F
    assert "WPA2 (802.1X)" in found.message
    assert "WPA2 (PSK)" in found.message


def test_fast_transition_is_the_same_protection() -> None:
    facts = retuned(PRO_24, retuned(PRO_5, air(), akms=("PSK",), encryption="wpa2"), akms=("PSK", "FT-PSK"),
                    encryption="wpa2")  # fmt: skip
    assert judge("access_points.one_security", facts, PRO).verdict is P


@pytest.mark.parametrize(
    "name",
    [
        "TiIleuls-Pro",  # capital i in place of an l
        "Ti1leuls-Pro",
        "Till\u0435uls-Pro",  # Cyrillic e
        "Tilleuls-Pr\u03bf",  # Greek omicron
        "Tilleuls-Pr\u00f6",
    ],
)
def test_letters_drawn_alike_are_look_alikes(name: str) -> None:
    assert judge("access_points.look_alikes", with_networks(network(THEIRS, name)), PRO).verdict is F


def test_another_name_is_no_look_alike() -> None:
    assert judge("access_points.look_alikes", with_networks(network(THEIRS, NEIGHBOUR)), PRO).verdict is P


@pytest.mark.parametrize("control", ["access_points.unknown_radios", "access_points.look_alikes"])
def test_who_was_not_heard_in_a_cut_capture_may_be_there(control: str) -> None:
    facts = site(declared_bssids=(PRO_5, PRO_24))
    assert judge(control, facts, PRO).verdict is P
    assert judge(control, msgspec.structs.replace(facts, truncated=True), PRO).verdict is NS


# --- Stations


def test_encryption_alone_does_not_tell_what_a_station_chose() -> None:
    """In transition mode, a station may have entered with the WPA2 password."""
    unknown = association(PRO_5, akm="", pairwise="", protected=500)
    facts = retuned(PRO_5, site(associations=(unknown,)), **MIXED)
    assert judge("stations.weak_connections", facts, PRO).verdict is NS
    assert judge("stations.weak_connections", site(associations=(unknown,)), PRO).verdict is P


def test_identities_that_were_not_captured_are_not_anonymous() -> None:
    unseen = session(identity_in_clear=False, identity="", client_certificate=False, identity_seen=False)
    found = judge("authentication.identities", site(eap=(unseen,)), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    seen = msgspec.structs.replace(unseen, identity_seen=True)
    assert judge("authentication.identities", site(eap=(seen,)), PRO).verdict is P


# --- Sentences


@pytest.mark.parametrize(
    ("isolation", "portal", "said", "unsaid"),
    [
        (False, "", "ni isolé ni derrière un portail", "sans isolement"),
        (True, "", "sans portail", "ni isolé"),
        (False, "interne", "sans isolement", "portail"),
    ],
)
def test_open_network_is_blamed_for_what_it_lacks(isolation: bool, portal: str, said: str, unsaid: str) -> None:
    opened = setting(RESIDENTS, encryption="open", akms=(), isolation=isolation, portal=portal)
    facts = site(networks=(), configurations=(opened,), roles={RESIDENTS: "resident"})
    found = judge("encryption.open_network", facts, RESIDENTS)
    assert found.verdict is F
    assert said in found.message
    assert unsaid not in found.message


def test_six_gigahertz_needs_hash_to_element_to_be_known() -> None:
    fields: dict[str, Any] = {"band": "6", "channel": 5}
    facts = site(networks=(network(PRO_5, PRO, **fields, sae_hash_to_element=True),), **ONLY_PRO)
    assert judge("six.six_gigahertz", facts, PRO).verdict is P
    facts = site(networks=(network(PRO_5, PRO, **fields),), **ONLY_PRO)
    assert judge("six.six_gigahertz", facts, PRO).verdict is NS
    assert EXPORT_FILE not in judge("six.six_gigahertz", facts, PRO).message


def test_what_prevented_listening_is_told() -> None:
    gap = Gap(reason=Reason.UNSUPPORTED, detail="Cette machine n'a pas d'adaptateur Wi-Fi.")
    deaf = LiveFacts(scan=LiveStep(gap=gap))
    found = judge("encryption.professional", msgspec.structs.replace(NOTHING, roles={PRO: "pro"}, live=deaf), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "adaptateur" in found.message
