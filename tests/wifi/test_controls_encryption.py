"""Encryption: the careful house and one change."""

from __future__ import annotations

from typing import Any

import pytest

from checks.model import Reason, Severity, Verdict
from checks.wifi.exports.details import WlanDetails
from checks.wifi.facts import OweTransition, Suites, WifiFacts
from tests.wifi.sites import (
    ENTERPRISE,
    EXPORT_FILE,
    GUEST_5,
    GUESTS,
    MIXED,
    MUTE,
    NEIGHBOUR,
    OPEN,
    OWE,
    PRO,
    PRO_5,
    PRO_24,
    PSK,
    RES_5,
    RESIDENTS,
    STRANGER,
    WEP,
    WPA,
    air,
    every,
    exports,
    judge,
    network,
    reset,
    retuned,
    site,
    with_networks,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
WORK, OWN, OLD = "encryption.professional", "encryption.individual_authentication", "encryption.no_old_cipher"
PMF, WPA3, OPENED = "encryption.management_frames", "encryption.current_generation", "encryption.open_network"
SIX = "six.six_gigahertz"


# --- WIFI-PRO-001


@pytest.mark.parametrize(
    ("security", "severity", "word"),
    [
        (OPEN, Severity.CRITICAL, "ouvert"),
        (WEP, Severity.CRITICAL, "WEP"),
        (WPA, Severity.CRITICAL, "WPA d'origine"),
        ({**WPA, "encryption": "wpa-wpa2"}, Severity.CRITICAL, "WPA d'origine"),
        (OWE, Severity.HIGH, "sans mot de passe"),
        (PSK, Severity.MEDIUM, "mot de passe partagé"),
        (MIXED, Severity.LOW, "accepte WPA3 mais aussi"),
    ],
)
def test_weak_professional_network_fails(security: dict[str, Any], severity: Severity, word: str) -> None:
    found = judge(WORK, retuned(PRO_24, **security), PRO)
    assert (found.verdict, found.severity) == (F, severity)
    assert word in found.message
    assert [item.id for item in found.affected] == [PRO_24]


@pytest.mark.parametrize(
    "security", [ENTERPRISE, {"akms": ("SAE",), "encryption": "wpa3"}, {"akms": ("802.1X",), "encryption": "wpa2"}]
)
def test_well_protected_professional_network_conforms(security: dict[str, Any]) -> None:
    found = judge(WORK, retuned(PRO_24, **security), PRO)
    assert found.verdict is P
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 1"


def test_worst_radio_gives_the_severity() -> None:
    facts = retuned(PRO_24, retuned(PRO_5, **OPEN), **PSK)
    found = judge(WORK, facts, PRO)
    assert found.severity is Severity.CRITICAL
    assert [item.id for item in found.affected] == [PRO_24, PRO_5]


@pytest.mark.parametrize("role", ["voice", "biomedical", "iot"])
def test_telephones_and_devices_may_use_a_wpa2_password(role: str) -> None:
    facts = retuned(PRO_24, air(roles={PRO: role}), **PSK)
    assert judge(WORK, facts, PRO).verdict is P


@pytest.mark.parametrize("security", [MUTE, {"encryption": "other", "akms": ("00-0F-AC:99",)}])
def test_unreadable_professional_network_is_not_assessed(security: dict[str, Any]) -> None:
    found = judge(WORK, retuned(PRO_24, **security), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert PRO_24 in found.message


def test_open_exported_setting_fails_without_any_radio() -> None:
    found = judge(WORK, reset(PRO, exports(), encryption="open", akms=(), pmf="none"), PRO)
    assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
    assert found.affected[0].id == "export:unifi"
    assert found.evidence[0].source == "controleur.json, ligne 12"


@pytest.mark.parametrize(("enterprise", "verdict"), [(True, P), (False, F), (None, NS)])
def test_exported_wpa2_without_key_management(enterprise: bool | None, verdict: Verdict) -> None:
    """WPA2 says nothing of a password or an account; the export may say it apart."""
    facts = reset(PRO, exports(), akms=(), encryption="wpa2", enterprise=enterprise)
    assert judge(WORK, facts, PRO).verdict is verdict


def test_disabled_setting_is_not_judged() -> None:
    assert judge(WORK, reset(PRO, enabled=False, encryption="open", akms=()), PRO).verdict is P


def test_no_professional_network_declared_is_not_applicable() -> None:
    found = every(WORK, site(roles={RESIDENTS: "resident"}, networks=(), configurations=()))
    assert [(one.subject, one.verdict) for one in found] == [("site", NA)]


def test_open_neighbour_is_never_judged() -> None:
    facts = with_networks(network(STRANGER, "Camping", **OPEN))
    subjects = {one.subject for control in (WORK, OLD, PMF, OPENED) for one in every(control, facts)}
    assert subjects <= {PRO, RESIDENTS, GUESTS}
    assert NEIGHBOUR not in subjects


def test_imitation_is_not_judged_as_ours() -> None:
    """An open twin out of the inventory is judged as a stranger, not as our own setting."""
    facts = with_networks(network(STRANGER, PRO, **OPEN))
    assert judge(WORK, facts, PRO).verdict is P
    assert judge("access_points.unknown_radios", facts, PRO).verdict is F


def test_only_strangers_announce_it() -> None:
    facts = air(networks=(network(STRANGER, PRO, **OPEN),))
    found = judge(WORK, facts, PRO)
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)
    assert "inventaire" in found.message


def test_declared_network_never_seen_is_not_assessed() -> None:
    found = judge(WORK, air(networks=()), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.UNREACHABLE)


# --- WIFI-PRO-002


@pytest.mark.parametrize("security", [PSK, MIXED, OWE, OPEN, WEP, {"akms": ("SAE",)}])
def test_shared_entry_fails(security: dict[str, Any]) -> None:
    found = judge(OWN, retuned(PRO_24, **security), PRO)
    assert found.verdict is F
    assert "compte personnel" in found.message


def test_individual_accounts_conform() -> None:
    assert judge(OWN, site(), PRO).verdict is P


def test_individual_accounts_known_from_an_export_that_names_no_akm() -> None:
    facts = reset(PRO, exports(), akms=(), encryption="wpa2", enterprise=True)
    assert judge(OWN, facts, PRO).verdict is P


@pytest.mark.parametrize(("individual", "verdict"), [(True, P), (False, F)])
def test_password_for_each_person_conforms(individual: bool, verdict: Verdict) -> None:
    details = WlanDetails(ssid=PRO, file=EXPORT_FILE, line=12, individual_keys=individual)
    assert judge(OWN, retuned(PRO_24, site(details=(details,)), **PSK), PRO).verdict is verdict


def test_individual_accounts_unknown_is_not_assessed() -> None:
    found = judge(OWN, reset(PRO, exports(), akms=(), encryption="wpa2", enterprise=None), PRO)
    assert found.verdict is NS


def test_individual_accounts_are_not_asked_of_telephones() -> None:
    assert every(OWN, site(roles={PRO: "voice"}, configurations=()))[0].verdict is NA


# --- WIFI-CRY-001


@pytest.mark.parametrize(
    ("fields", "severity", "name"),
    [
        (WEP, Severity.CRITICAL, "WEP"),
        (WPA, None, "TKIP"),
        ({"pairwise": ("CCMP", "TKIP")}, None, "TKIP"),
        ({"group": "TKIP"}, None, "TKIP"),
        ({"group": "WEP-40"}, Severity.CRITICAL, "WEP-40"),
    ],
)
def test_old_cipher_fails(fields: dict[str, Any], severity: Severity | None, name: str) -> None:
    found = judge(OLD, retuned(RES_5, **fields), RESIDENTS)
    assert (found.verdict, found.severity) == (F, severity)
    assert name in found.message


def test_current_ciphers_conform() -> None:
    found = judge(OLD, site(), RESIDENTS)
    assert (found.verdict, "CCMP" in found.message) == (P, True)


def test_open_network_has_no_cipher() -> None:
    assert judge(OLD, air(networks=(network(GUEST_5, GUESTS, **OPEN),)), GUESTS).verdict is NA


def test_wpa2_setting_without_cipher_list_is_not_assessed() -> None:
    found = judge(OLD, reset(RESIDENTS, exports(), encryption="wpa2", akms=("PSK",)), RESIDENTS)
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)


@pytest.mark.parametrize(("pairwise", "verdict"), [(("CCMP",), P), (("CCMP", "TKIP"), F), ((), NS)])
def test_cipher_list_of_an_export(pairwise: tuple[str, ...], verdict: Verdict) -> None:
    details = WlanDetails(ssid=RESIDENTS, file=EXPORT_FILE, line=12, pairwise=pairwise)
    facts = reset(RESIDENTS, exports(details=(details,)), encryption="wpa2", akms=("PSK",))
    assert judge(OLD, facts, RESIDENTS).verdict is verdict


def test_wpa3_setting_leaves_no_room_for_tkip() -> None:
    assert judge(OLD, exports(), RESIDENTS).verdict is P


def test_old_cipher_of_a_cut_description_is_not_assessed() -> None:
    assert judge(OLD, retuned(RES_5, incomplete=True), RESIDENTS).verdict is NS


# --- WIFI-CRY-002


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"pmf": "required"}, P),
        ({"pmf": "capable"}, F),  # WPA3 alone
        ({**MIXED, "pmf": "capable"}, P),
        ({**MIXED, "pmf": "none"}, F),
        ({**PSK, "pmf": "capable"}, P),
        ({**PSK, "pmf": "none"}, F),
        ({**OWE, "pmf": "capable"}, F),
        ({**OWE, "pmf": "required"}, P),
        ({**MIXED, "band": "6", "pmf": "capable"}, F),
    ],
)
def test_protection_asked_of_each_kind(fields: dict[str, Any], verdict: Verdict) -> None:
    facts = retuned(RES_5, air(), **fields)
    found = judge(PMF, facts, RESIDENTS)
    assert found.verdict is verdict
    if verdict is F:
        assert found.severity is Severity.LOW  # lighter where the work does not depend on it


def test_professional_network_without_protection_has_the_severity_of_the_catalogue() -> None:
    found = judge(PMF, retuned(PRO_24, **PSK), PRO)
    assert (found.verdict, found.severity) == (F, None)
    assert "PMF absent au lieu de possible" in found.message


def test_compatibility_mode_protects_recent_stations() -> None:
    """RSN override: the old element says WPA2 without PMF, recent stations read WPA3 with PMF."""
    override = Suites(akms=("SAE",), pairwise=("CCMP",), pmf="required")
    facts = retuned(RES_5, air(), **{**MIXED, "pmf": "none"}, override=override)
    assert judge(PMF, facts, RESIDENTS).verdict is P
    assert "surcharge RSN" in judge(PMF, facts, RESIDENTS).evidence[0].value


@pytest.mark.parametrize("security", [OPEN, WEP, WPA])
def test_protection_means_nothing_without_rsn(security: dict[str, Any]) -> None:
    assert judge(PMF, retuned(RES_5, air(), **security), RESIDENTS).verdict is NA


def test_scan_without_protection_is_not_assessed() -> None:
    found = judge(PMF, retuned(RES_5, air(), source="scan", pmf=""), RESIDENTS)
    assert found.verdict is NS


# --- WIFI-CRY-003


@pytest.mark.parametrize(
    ("fields", "verdict", "word"),
    [
        ({"akms": ("SAE",), "encryption": "wpa3"}, P, "seul"),
        (MIXED, P, "transition"),
        ({**MIXED, "override": Suites(akms=("SAE",))}, P, "compatibilité"),
        (PSK, F, "ne propose pas WPA3"),
        (OPEN, NA, "ouvert"),
        (MUTE, NS, "incomplète"),
        ({"encryption": "other"}, NS, "inconnue"),
    ],
)
def test_current_generation(fields: dict[str, Any], verdict: Verdict, word: str) -> None:
    facts = air(networks=(network(PRO_5, PRO, **fields),))
    found = judge(WPA3, facts, PRO)
    assert found.verdict is verdict
    assert word in found.message


# --- WIFI-CRY-004


def opened(**fields: Any) -> WifiFacts:
    return retuned(GUEST_5, air(), **OPEN, **fields)


def test_open_network_with_its_encrypted_double_conforms() -> None:
    found = judge(OPENED, opened(owe_transition=OweTransition(bssid=STRANGER, ssid="owe-visiteurs")), GUESTS)
    assert found.verdict is P
    assert "owe-visiteurs" in found.message


@pytest.mark.parametrize(
    ("isolation", "portal", "verdict"),
    [
        (True, "https", P), (False, "https", F), (True, "", F), (None, "https", NS), (True, None, NS), (None, "", F),
    ],
)  # fmt: skip
def test_open_network_with_portal(isolation: bool | None, portal: str | None, verdict: Verdict) -> None:
    facts = reset(GUESTS, retuned(GUEST_5, **OPEN), isolation=isolation, portal=portal, **_of_setting(OPEN))
    assert judge(OPENED, facts, GUESTS).verdict is verdict


def _of_setting(security: dict[str, Any]) -> dict[str, Any]:
    return {key: security[key] for key in ("akms", "encryption", "pmf")}


def test_open_network_without_export_is_not_assessed() -> None:
    found = judge(OPENED, opened(), GUESTS)
    assert (found.verdict, "sans OWE" in found.message) == (NS, True)


def test_encrypted_guest_network_is_not_concerned() -> None:
    assert judge(OPENED, site(), GUESTS).verdict is NA


def test_unreadable_guest_network_is_not_assessed() -> None:
    assert judge(OPENED, retuned(GUEST_5, air(), **MUTE), GUESTS).verdict is NS


# --- WIFI-6E-001


def six(**fields: Any) -> WifiFacts:
    base: dict[str, Any] = {"band": "6", "channel": 37, "sae_hash_to_element": True}
    return retuned(RES_5, **base | fields)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"pmf": "capable"}, "PMF non obligatoire"),
        (MIXED, "WPA2"),
        ({"akms": ("802.1X",), "encryption": "wpa2"}, "WPA2"),
        (OPEN, "ouvert"),
        ({"sae_hash_to_element": False}, "H2E"),
        ({"wps": "configured"}, "WPS"),
    ],
)
def test_six_gigahertz_rules(fields: dict[str, Any], word: str) -> None:
    found = judge(SIX, six(**fields), RESIDENTS)
    assert found.verdict is F
    assert word in found.message


@pytest.mark.parametrize(
    "fields", [{}, OWE, ENTERPRISE, {**ENTERPRISE, "akms": ("802.1X-SHA256", "FT-802.1X"), "encryption": "wpa2-wpa3"}]
)
def test_six_gigahertz_done_well(fields: dict[str, Any]) -> None:
    assert judge(SIX, six(**fields), RESIDENTS).verdict is P


def test_no_six_gigahertz_is_not_applicable() -> None:
    assert judge(SIX, site(), RESIDENTS).verdict is NA


@pytest.mark.parametrize("facts", [six(**MUTE), retuned(RES_5, band=""), exports()])
def test_six_gigahertz_unknown_is_not_assessed(facts: WifiFacts) -> None:
    assert judge(SIX, facts, RESIDENTS).verdict is NS
