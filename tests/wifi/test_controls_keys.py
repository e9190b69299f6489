"""WPS and shared passwords: the careful house and one change."""

from __future__ import annotations

from typing import Any

import pytest

from checks.model import Reason, Severity, Verdict
from checks.wifi.facts import WifiFacts
from tests.wifi.sites import (
    ENTERPRISE,
    GUEST_5,
    GUESTS,
    MIXED,
    MUTE,
    OPEN,
    PRO,
    PRO_5,
    PRO_24,
    PSK,
    RES_5,
    RESIDENTS,
    THEIRS,
    air,
    exports,
    handshake,
    judge,
    network,
    reset,
    retuned,
    setting,
    site,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
WPS, OFFLINE, STRENGTH = "setup.wps_off", "keys.offline_attack", "keys.password_strength"
REUSE, AGE = "keys.password_reuse", "keys.password_age"


# --- WIFI-WPS-001


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"wps": "configured"}, Severity.HIGH),
        ({"wps": "unconfigured", "wps_methods": ("display", "push-button")}, Severity.HIGH),
        ({"wps": "configured", "wps_methods": ("push-button",)}, Severity.MEDIUM),
        ({"wps": "configured", "locked": True}, Severity.LOW),
    ],
)
def test_wps_announced_fails(fields: dict[str, Any], severity: Severity) -> None:
    found = judge(WPS, retuned(PRO_24, air(), **fields), PRO)
    assert (found.verdict, found.severity) == (F, severity)
    assert [item.id for item in found.affected] == [PRO_24]
    assert ("verrouillé" in found.message) is fields.get("locked", False)


def test_wps_enabled_in_an_export_fails() -> None:
    found = judge(WPS, reset(PRO, exports(), wps=True), PRO)
    assert (found.verdict, found.severity) == (F, None)
    assert found.evidence[0].value == "WPS activé"


def test_wps_absent_conforms() -> None:
    assert judge(WPS, air(), PRO).verdict is P
    assert judge(WPS, exports(), PRO).verdict is P


@pytest.mark.parametrize("state", ["", "unreadable"])
def test_wps_unknown_on_one_radio_is_not_assessed(state: str) -> None:
    assert judge(WPS, retuned(PRO_24, wps=state), PRO).verdict is NS


def test_wps_of_a_cut_description_is_not_assessed() -> None:
    assert judge(WPS, retuned(PRO_24, incomplete=True), PRO).verdict is NS


def test_wps_not_in_the_export_is_not_assessed() -> None:
    assert judge(WPS, reset(PRO, exports(), wps=None), PRO).verdict is NS


# --- WIFI-PSK-001


def psk(**fields: Any) -> WifiFacts:
    """Residents in WPA2 with a password."""
    return retuned(RES_5, air(**fields), **PSK)


def test_captured_exchange_fails_and_points_at_packets() -> None:
    found = judge(OFFLINE, psk(handshakes=(handshake(),)), RESIDENTS)
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 50 ; tilleuls.pcapng, paquet 51"
    assert found.affected[0].ref == "c2"


def test_captured_professional_exchange_has_the_severity_of_the_catalogue() -> None:
    facts = retuned(PRO_5, retuned(PRO_24, air(handshakes=(handshake(PRO_5),)), **PSK), **PSK)
    assert judge(OFFLINE, facts, PRO).severity is None


@pytest.mark.parametrize(("bits", "severity"), [(60.0, Severity.LOW), (59.9, Severity.MEDIUM), (None, Severity.MEDIUM)])
def test_captured_exchange_matters_less_when_the_password_resists(bits: float | None, severity: Severity) -> None:
    facts = reset(RESIDENTS, retuned(RES_5, site(handshakes=(handshake(),)), **PSK), psk_bits=bits)
    assert judge(OFFLINE, facts, RESIDENTS).severity is severity


def test_exchange_of_a_neighbour_is_not_judged() -> None:
    assert judge(OFFLINE, air(handshakes=(handshake(THEIRS),)), RESIDENTS).verdict is P


def test_wpa3_leaves_nothing_to_try() -> None:
    facts = air(handshakes=(handshake(akm="SAE", offline_attack=False, reason="SAE"),))
    assert judge(OFFLINE, facts, RESIDENTS).verdict is P


@pytest.mark.parametrize("offline", [None, False])
def test_wpa2_without_a_whole_exchange_is_not_assessed(offline: bool | None) -> None:
    found = judge(OFFLINE, psk(handshakes=(handshake(offline_attack=offline),)), RESIDENTS)
    assert found.verdict is NS
    assert "aucun échange complet" in found.message


def test_wpa2_seen_only_in_a_scan_asks_for_a_capture() -> None:
    found = judge(OFFLINE, retuned(RES_5, air(), **PSK, source="scan"), RESIDENTS)
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)


def test_open_network_has_no_password_to_find() -> None:
    assert judge(OFFLINE, retuned(GUEST_5, air(), **OPEN), GUESTS).verdict is NA


def test_offline_attack_of_a_cut_description_is_not_assessed() -> None:
    assert judge(OFFLINE, retuned(RES_5, air(), **MUTE), RESIDENTS).verdict is NS


# --- WIFI-PSK-002


def staff(**fields: Any) -> WifiFacts:
    """Staff in WPA2 with a password known from an export."""
    base: dict[str, Any] = {"psk_bits": 92.0, "psk_length": 24, "psk_group": "p"}
    return reset(PRO, exports(), akms=("PSK",), encryption="wpa2", enterprise=False, **base | fields)


@pytest.mark.parametrize(
    ("bits", "length", "verdict", "severity"),
    [
        (60.0, 20, P, None),
        (59.9, 20, F, Severity.MEDIUM),
        (50.0, 20, F, Severity.MEDIUM),
        (49.9, 30, F, Severity.HIGH),
        (60.0, 19, F, Severity.LOW),
        (None, 19, F, Severity.MEDIUM),
        (None, 20, NS, None),
        (256.0, None, P, None),
    ],
)
def test_strength_of_a_password(
    bits: float | None, length: int | None, verdict: Verdict, severity: Severity | None
) -> None:
    found = judge(STRENGTH, staff(psk_bits=bits, psk_length=length), PRO)
    assert (found.verdict, found.severity) == (verdict, severity)


def test_weak_password_message_says_what_is_expected() -> None:
    found = judge(STRENGTH, staff(psk_bits=31.4, psk_length=12), PRO)
    assert "12 caractères, environ 31 bits (attendu : 20 caractères et 60 bits)" in found.message
    assert found.affected[0].line == 12


@pytest.mark.parametrize("fields", [{"akms": ("SAE",), "encryption": "wpa3"}])
def test_weak_password_matters_less_with_wpa3_alone(fields: dict[str, Any]) -> None:
    found = judge(STRENGTH, reset(PRO, exports(), **fields, psk_bits=20.0, psk_length=8, enterprise=False), PRO)
    assert (found.verdict, found.severity) == (F, Severity.LOW)


def test_weak_password_of_residents_is_light() -> None:
    assert judge(STRENGTH, reset(RESIDENTS, psk_bits=20.0), RESIDENTS).severity is Severity.LOW


def test_strength_without_password_is_not_applicable() -> None:
    assert judge(STRENGTH, site(), PRO).verdict is NA
    assert judge(STRENGTH, site(), GUESTS).verdict is NA


def test_strength_without_export_is_not_assessed() -> None:
    found = judge(STRENGTH, air(), RESIDENTS)
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)


# --- WIFI-PSK-003


def shared(**fields: Any) -> WifiFacts:
    """Staff and residents both have a password."""
    return reset(PRO, site(), akms=("PSK",), encryption="wpa2", enterprise=False, **fields)


def test_password_of_staff_and_residents_is_critical() -> None:
    facts = shared(psk_group="a1")
    for ssid, other in ((PRO, RESIDENTS), (RESIDENTS, PRO)):
        found = judge(REUSE, facts, ssid)
        assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
        assert [item.ref for item in found.affected] == [other]


def test_password_shared_by_two_public_networks_is_not_critical() -> None:
    facts = reset(GUESTS, exports(), akms=("PSK",), encryption="wpa2", psk_group="a1")
    found = judge(REUSE, facts, GUESTS)
    assert (found.verdict, found.severity) == (F, None)


def test_own_passwords_conform() -> None:
    assert judge(REUSE, shared(psk_group="b2"), PRO).verdict is P


def test_same_network_in_two_exports_is_no_reuse() -> None:
    again = setting(RESIDENTS, file="borne.conf", product="hostapd", psk_group="a1", psk_bits=92.0)
    facts = site(configurations=(*site().configurations, again))
    assert judge(REUSE, facts, RESIDENTS).verdict is P


def test_reuse_with_an_unknown_password_is_not_assessed() -> None:
    found = judge(REUSE, shared(psk_group=""), RESIDENTS)
    assert (found.verdict, PRO in found.message) == (NS, True)


def test_reuse_without_password_or_export() -> None:
    assert judge(REUSE, site(), PRO).verdict is NA
    assert judge(REUSE, air(), RESIDENTS).verdict is NS


# --- WIFI-PSK-004


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ("2025-11-22", P),  # 365 days
        ("2025-11-21", F),  # 366 days
        ("2026-11-20T08:00:00Z", P),
        ("hier", NS),
        ("", NS),
    ],
)
def test_age_of_a_password(changed: str, verdict: Verdict) -> None:
    found = judge(AGE, staff(psk_changed=changed), PRO)
    assert found.verdict is verdict
    if verdict is F:
        assert "366 jours" in found.message


def test_unreadable_date_is_malformed() -> None:
    assert judge(AGE, staff(psk_changed="hier"), PRO).reason == Reason.MALFORMED


def test_age_without_password_is_not_applicable() -> None:
    assert judge(AGE, site(), PRO).verdict is NA


def test_age_in_the_air_only_is_not_assessed() -> None:
    facts = air(networks=(network(PRO_5, PRO, **PSK),))
    assert judge(AGE, facts, PRO).verdict is NS
    assert judge(AGE, air(networks=(network(PRO_5, PRO, **MIXED),)), PRO).verdict is NS
    assert judge(AGE, air(networks=(network(PRO_5, PRO, **ENTERPRISE),)), PRO).verdict is NA
