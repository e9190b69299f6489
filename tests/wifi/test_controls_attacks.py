"""WIFI-ATK-002 and WIFI-ATK-003, and what exports alone know: settings that change another verdict."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.model import Reason, Severity, Verdict
from checks.wifi.exports.details import WlanDetails
from checks.wifi.facts import WifiFacts
from tests.wifi.sites import (
    EXPORT_FILE,
    GUEST_5,
    GUESTS,
    MIXED,
    NOTHING,
    OPEN,
    PRO,
    PRO_5,
    RES_5,
    RESIDENTS,
    THEIRS,
    air,
    association,
    attack,
    capture,
    every,
    exports,
    handshake,
    judge,
    reset,
    retuned,
    setting,
    site,
)

SIGN, FLAWS = "attacks.no_sign", "attacks.known_flaws"
P, F, NA, NS = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def detailed(ssid: str, base: WifiFacts | None = None, **fields: Any) -> WifiFacts:
    """The house, with what the export says more of one SSID."""
    facts = base or site()
    more = WlanDetails(ssid=ssid, file=EXPORT_FILE, line=12, **fields)
    return msgspec.structs.replace(facts, details=(*facts.details, more))


# --- WIFI-ATK-002


def test_nothing_seen_says_how_long_was_listened_and_what_it_is_worth() -> None:
    found = judge(SIGN, site(), PRO)
    assert found.verdict is P
    assert found.message == (
        "Aucun signe de KRACK ni de FragAttacks sur « Tilleuls-Pro » pendant 12 minutes d'écoute (1 appareil observé). "
        "Ne rien voir ne veut pas dire que c'est impossible."
    )


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2026-11-22T08:00:59Z", "pendant 59 secondes d'écoute"),
        ("2026-11-22T08:01:59Z", "pendant 119 secondes d'écoute"),
        ("2026-11-22T08:02:00Z", "pendant 2 minutes d'écoute"),
        ("2026-11-22T08:00:00Z", "pendant l'écoute"),
        ("", "pendant l'écoute"),
    ],
)
def test_length_of_the_listening(last: str, said: str) -> None:
    assert said in judge(SIGN, site(files=(capture(last=last),)), PRO).message


def test_reinstalled_key_is_an_attack_that_worked() -> None:
    found = judge(SIGN, site(attacks=(attack(),)), PRO)
    assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
    assert found.message.startswith("Une attaque a été captée sur « Tilleuls-Pro »")
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 80 ; tilleuls.pcapng, paquet 81"
    assert [(one.kind, one.ref) for one in found.affected] == [("key-reinstallation", PRO_5)]


@pytest.mark.parametrize(("ssid", "bssid", "severity"), [(PRO, PRO_5, None), (RESIDENTS, RES_5, Severity.MEDIUM)])
def test_likely_sign_is_graver_at_work(ssid: str, bssid: str, severity: Severity | None) -> None:
    found = judge(SIGN, site(attacks=(attack(bssid, kind="clear-fragment", certainty="likely"),)), ssid)
    assert (found.verdict, found.severity) == (F, severity)
    assert found.message.startswith("Des trames qui ressemblent à une attaque")


def test_access_point_that_could_prevent_it_is_named() -> None:
    facts = detailed(PRO, site(attacks=(attack(),)), eapol_retries_disabled=False)
    assert "wpa_disable_eapol_key_retries" in judge(SIGN, facts, PRO).evidence[1].value
    prevented = detailed(PRO, site(attacks=(attack(),)), eapol_retries_disabled=True)
    assert len(judge(SIGN, prevented, PRO).evidence) == 1


def test_doubtful_sign_is_not_assessed() -> None:
    found = judge(SIGN, site(attacks=(attack(kind="clear-data", certainty="doubtful", reason="trop clair"),)), PRO)
    assert (found.verdict, found.message) == (NS, "Rien de sûr sur « Tilleuls-Pro » : trop clair.")


def test_sign_on_another_network_is_not_ours() -> None:
    assert judge(SIGN, site(attacks=(attack(THEIRS),)), PRO).verdict is P


def test_nothing_encrypted_was_captured() -> None:
    assert judge(SIGN, site(associations=(association(protected=0),)), PRO).verdict is NS
    assert judge(SIGN, site(truncated=True), PRO).verdict is NS
    assert judge(SIGN, site(truncated=True, attacks=(attack(),)), PRO).verdict is F


@pytest.mark.parametrize(("messages", "verdict"), [((3,), P), ((1, 2, 3, 4), P), ((1, 2), NS), ((1, 2, 4), NS)])
def test_krack_is_only_looked_for_around_the_third_message(messages: tuple[int, ...], verdict: Verdict) -> None:
    found = judge(SIGN, site(handshakes=(handshake(PRO_5, messages=messages),)), PRO)
    assert found.verdict is verdict
    assert ("KRACK ne peut pas" in found.message) is (verdict is NS)
    assert judge(SIGN, site(handshakes=(handshake(RES_5, messages=(3,)),)), PRO).verdict is NS


def test_exports_or_nothing_are_not_assessed() -> None:
    assert judge(SIGN, exports(), PRO).reason == Reason.NOT_CONFIGURED
    assert judge(SIGN, air(networks=()), PRO).verdict is NS
    assert [one.verdict for one in every(SIGN, NOTHING)] == [NS]


def test_open_network_is_not_concerned() -> None:
    assert judge(SIGN, retuned(GUEST_5, air(), **OPEN), GUESTS).verdict is NA
    assert judge(SIGN, site(), GUESTS).verdict is P


# --- WIFI-ATK-003


@pytest.mark.parametrize(
    ("day", "verdict"),
    [
        ("2017-10-15", F),
        ("2017-10-16", F),
        ("2021-05-10", F),
        ("2021-05-11", NS),
        ("2022-05-10", NS),
        ("2022-05-11", P),
        ("2026-11-22", P),
        ("2026-11-23", NS),
        ("hier", NS),
        ("", NS),
    ],
)
def test_day_of_the_last_update(day: str, verdict: Verdict) -> None:
    assert judge(FLAWS, site(), "site", wifi_firmware_updated=day).verdict is verdict


def test_flaws_that_may_remain_are_named() -> None:
    both = judge(FLAWS, site(), "site", wifi_firmware_updated="2016-01-01")
    assert [one.label for one in both.affected] == ["KRACK", "FragAttacks"]
    one = judge(FLAWS, site(), "site", wifi_firmware_updated="2019-01-01")
    assert [found.label for found in one.affected] == ["FragAttacks"]


def test_access_points_that_never_repeat_spare_their_stations() -> None:
    facts = detailed(PRO, eapol_retries_disabled=True)
    old = judge(FLAWS, facts, "site", wifi_firmware_updated="2016-01-01")
    assert [one.label for one in old.affected] == ["FragAttacks"]
    assert old.evidence[1].source == EXPORT_FILE
    partly = detailed(RESIDENTS, facts, eapol_retries_disabled=False)
    assert len(judge(FLAWS, partly, "site", wifi_firmware_updated="2016-01-01").affected) == 2


# --- What only some exports know


@pytest.mark.parametrize(
    ("disabled", "said"),
    [(True, "sans retour possible à WPA2"), (False, "ramener un appareil à WPA2"), (None, "(transition)")],
)
def test_transition_disable_is_told(disabled: bool | None, said: str) -> None:
    facts = detailed(PRO, reset(PRO, retuned(PRO_5, **MIXED), **MIXED), transition_disabled=disabled)
    found = judge("encryption.current_generation", facts, PRO)
    assert found.verdict is P
    assert said in found.message


@pytest.mark.parametrize(("asked", "told"), [(False, True), (True, False), (None, False)])
def test_wpa3_station_without_protection(asked: bool | None, told: bool) -> None:
    facts = detailed(RESIDENTS, reset(RESIDENTS, retuned(RES_5, **MIXED), **MIXED), sae_requires_pmf=asked)
    found = judge("encryption.management_frames", facts, RESIDENTS)
    assert found.verdict is P
    assert ("sae_require_mfp" in found.message) is told


@pytest.mark.parametrize(("locked", "severity"), [(True, Severity.LOW), (False, None), (None, None)])
def test_wps_locked_in_the_export_is_lighter(locked: bool | None, severity: Severity | None) -> None:
    found = judge("setup.wps_off", detailed(PRO, reset(PRO, wps=True), wps_locked=locked), PRO)
    assert (found.verdict, found.severity, ", verrouillé" in found.message) == (F, severity, locked is True)


APART = "separation.apart_from_professional"


def test_vlan_chosen_by_the_server_proves_neither_way() -> None:
    same = reset(RESIDENTS, vlan=10)
    assert judge(APART, same, RESIDENTS).verdict is F
    found = judge(APART, detailed(PRO, same, dynamic_vlan=True), RESIDENTS)
    assert found.verdict is NS
    assert "serveur d'authentification" in found.message
    assert judge(APART, detailed(RESIDENTS, dynamic_vlan=True), RESIDENTS).verdict is NS
    assert judge(APART, detailed(PRO, dynamic_vlan=True), RESIDENTS).verdict is P


def test_same_password_is_not_excused_by_a_chosen_vlan() -> None:
    facts = detailed(PRO, reset(PRO, reset(RESIDENTS, psk_group="a1"), psk_group="a1"), dynamic_vlan=True)
    assert judge(APART, facts, RESIDENTS).verdict is F


def test_controller_that_says_guest_tells_the_role() -> None:
    nameless = exports(roles={}, declared_bssids=(), configurations=(setting("Tilleuls-Nord"),))
    assert judge("separation.portal", detailed("Tilleuls-Nord", nameless, guest=True), "Tilleuls-Nord").verdict is P
    assert "Tilleuls-Nord" not in {one.subject for one in every("separation.portal", nameless)}


def test_profile_of_the_controller_is_named() -> None:
    facts = detailed(PRO, reset(PRO, exports(), encryption="open", akms=()), profile="wlan-soins")
    found = judge("encryption.professional", facts, PRO)
    assert [one.label for one in found.affected] == ["réglage unifi « wlan-soins »"]
