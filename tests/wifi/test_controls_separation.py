"""Residents and visitors, administration, names, declared answers: the careful house and one change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from checks.model import Gap, Origin, Reason, Severity, Verdict
from checks.wifi.facts import OutsideSignal, OweTransition, WifiFacts
from tests.wifi.sites import (
    GUESTS,
    NEIGHBOUR,
    NOTHING,
    PRO,
    PRO_5,
    PRO_24,
    RES_5,
    RESIDENTS,
    THEIRS,
    air,
    every,
    exports,
    judge,
    network,
    reset,
    retuned,
    setting,
    site,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
APART, ISOLATED, PORTAL = "separation.apart_from_professional", "separation.isolated_stations", "separation.portal"
ADMIN, SAME, RECENT = "administration.management", "administration.same_firmware", "administration.recent_update"
NAME, DISCREET, VISIBLE = "names.own_name", "names.discreet_name", "names.visible_name"
LOGS, RULES, OUTSIDE = "declarations.visitor_logs", "declarations.rules_of_use", "declarations.coverage"
UPDATED, LOG_DAYS = "wifi_firmware_updated", "wifi_visitor_log_days"
NOTICE, COVERED = "wifi_portal_notice", "wifi_coverage_outside"


# --- WIFI-RES-001


def test_own_vlan_conforms() -> None:
    found = judge(APART, site(), RESIDENTS)
    assert (found.verdict, "(20)" in found.message) == (P, True)
    assert found.evidence[0].origin is Origin.IMPORTED


def test_same_vlan_as_staff_is_critical() -> None:
    found = judge(APART, reset(RESIDENTS, vlan=10), RESIDENTS)
    assert (found.verdict, found.severity) == (F, Severity.CRITICAL)
    assert "même VLAN 10" in found.message
    assert [item.ref for item in found.affected] == [PRO]


def test_same_password_as_staff_fails() -> None:
    found = judge(APART, reset(PRO, psk_group="a1"), RESIDENTS)
    assert (found.verdict, found.severity) == (F, None)


def test_same_address_as_staff_fails_without_any_export() -> None:
    facts = retuned(RES_5, air(), other_ssids=(PRO,))
    found = judge(APART, facts, RESIDENTS)
    assert (found.verdict, RES_5 in found.message) == (F, True)


def test_residents_and_visitors_may_share_a_vlan() -> None:
    assert judge(APART, reset(RESIDENTS, vlan=30), RESIDENTS).verdict is P


@pytest.mark.parametrize("ssid", [PRO, RESIDENTS])
def test_unknown_vlan_is_not_assessed(ssid: str) -> None:
    found = judge(APART, reset(ssid, vlan=None), RESIDENTS)
    assert (found.verdict, ssid in found.message) == (NS, True)


def test_separation_cannot_be_seen_in_the_air() -> None:
    assert judge(APART, air(), RESIDENTS).verdict is NS


def test_nothing_to_compare_with_is_not_assessed() -> None:
    facts = site(roles={RESIDENTS: "resident"}, networks=(), configurations=())
    assert judge(APART, facts, RESIDENTS).verdict is NS


def test_house_without_public_network_is_not_applicable() -> None:
    facts = site(roles={PRO: "pro"}, networks=(), configurations=())
    assert [(one.subject, one.verdict) for one in every(APART, facts)] == [("site", NA)]


# --- WIFI-RES-002, WIFI-RES-003


@pytest.mark.parametrize(("isolation", "verdict"), [(True, P), (False, F), (None, NS)])
def test_isolation(isolation: bool | None, verdict: Verdict) -> None:
    assert judge(ISOLATED, reset(RESIDENTS, isolation=isolation), RESIDENTS).verdict is verdict


@pytest.mark.parametrize(("portal", "verdict"), [("https", P), ("", F), (None, NS)])
def test_portal(portal: str | None, verdict: Verdict) -> None:
    assert judge(PORTAL, reset(GUESTS, portal=portal), GUESTS).verdict is verdict


@pytest.mark.parametrize("control", [ISOLATED, PORTAL])
def test_settings_cannot_be_seen_in_the_air(control: str) -> None:
    assert judge(control, air(), RESIDENTS).reason == Reason.NOT_CONFIGURED
    assert judge(control, air(networks=()), RESIDENTS).verdict is NS
    assert {one.subject for one in every(control, site())} == {RESIDENTS, GUESTS}


def test_one_access_point_that_does_not_isolate_is_enough() -> None:
    again = setting(RESIDENTS, file="borne.conf", product="hostapd", isolation=False)
    assert judge(ISOLATED, site(configurations=(*site().configurations, again)), RESIDENTS).verdict is F


# --- WIFI-ADM-001


@pytest.mark.parametrize(
    ("ssid", "services", "severity"),
    [
        (RESIDENTS, ("https",), None),
        (RESIDENTS, ("http",), Severity.CRITICAL),
        (GUESTS, ("ssh", "telnet"), Severity.CRITICAL),
        (PRO, ("https",), Severity.MEDIUM),
        (PRO, ("HTTP",), None),
    ],
)
def test_administration_that_answers_fails(ssid: str, services: tuple[str, ...], severity: Severity | None) -> None:
    found = judge(ADMIN, reset(ssid, management=services), ssid)
    assert (found.verdict, found.severity) == (F, severity)
    assert services[0] in found.message


def test_administration_closed_conforms() -> None:
    assert judge(ADMIN, site(), RESIDENTS).verdict is P


def test_administration_network_is_not_concerned() -> None:
    assert judge(ADMIN, site(roles={**site().roles, PRO: "admin"}), PRO).verdict is NA


def test_administration_unknown_is_not_assessed() -> None:
    assert judge(ADMIN, reset(PRO, management=None), PRO).verdict is NS
    assert judge(ADMIN, air(), PRO).verdict is NS


# --- WIFI-FIR-001, WIFI-FIR-002


def test_same_firmware_conforms() -> None:
    found = judge(SAME, site(), "site")
    assert (found.verdict, "unifi 7.1.26" in found.message) == (P, True)


def test_two_versions_of_a_product_fail() -> None:
    found = judge(SAME, reset(PRO, firmware="6.6.77"), "site")
    assert found.verdict is F
    assert [item.ref for item in found.affected] == ["6.6.77", "7.1.26"]


def test_two_products_may_have_two_versions() -> None:
    assert judge(SAME, reset(PRO, product="hostapd", firmware="2.10"), "site").verdict is P


def test_unknown_firmware_is_not_assessed() -> None:
    assert judge(SAME, reset(PRO, product="hostapd", firmware=""), "site").reason == Reason.UNSUPPORTED
    assert judge(SAME, air(), "site").reason == Reason.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (date(2025, 11, 22), P),
        (date(2025, 11, 21), F),
        ("2026-03-15", P),
        (datetime(2026, 3, 15, 8, tzinfo=UTC), P),
        (date(2026, 11, 22), P),
        (date(2026, 11, 23), NS),
        ("l'an dernier", NS),
        (2026, NS),
        ("", NS),
        (None, NS),
    ],
)
def test_last_update(answer: Any, verdict: Verdict) -> None:
    found = judge(RECENT, site(), "site", **{UPDATED: answer})
    assert found.verdict is verdict
    if verdict is not NS:
        assert found.evidence[0].origin is Origin.DECLARED


def test_last_update_not_answered_says_where() -> None:
    found = judge(RECENT, site(), "site")
    assert (found.reason, UPDATED in found.message) == (Reason.NOT_CONFIGURED, True)


# --- WIFI-SSID-001 to 003


def named(ssid: str) -> WifiFacts:
    return air(roles={ssid: "pro"}, networks=(network(PRO_5, ssid),))


@pytest.mark.parametrize(
    "ssid",
    ["Livebox-A1B2", "NETGEAR", "NETGEAR23-5G", "TP-Link_4F2A", "dlink", "linksys", "OpenWrt", "SFR_A0B8", "SetMeUp-1A:2B",
     "default", "MikroTik-AB12CD", "Bbox-1234ABCD"],
)  # fmt: skip
def test_default_name_fails(ssid: str) -> None:
    assert judge(NAME, named(ssid), ssid).verdict is F


@pytest.mark.parametrize("ssid", [PRO, "Asusieu", "Homere", "Cisconet", "Orangerie", "Arubacado"])
def test_chosen_name_conforms(ssid: str) -> None:
    assert judge(NAME, named(ssid), ssid).verdict is P


@pytest.mark.parametrize(
    ("ssid", "verdict"),
    [
        ("EHPAD-Tilleuls", F),
        ("MAS Tilleuls", F),
        ("CliniquePro", F),
        ("Tilleuls-Pro", P),
        ("Massilia", P),
        ("Réseau12", P),
    ],
)
def test_telling_name(ssid: str, verdict: Verdict) -> None:
    assert judge(DISCREET, named(ssid), ssid).verdict is verdict


def test_public_network_may_tell_its_name() -> None:
    facts = air(roles={"EHPAD-Visiteurs": "guest"}, networks=(network(PRO_5, "EHPAD-Visiteurs"),))
    assert every(DISCREET, facts)[0].verdict is NA


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (site(), P),
        (exports(), P),
        (retuned(PRO_24, hidden=True), F),
        (reset(PRO, exports(), hidden=True), F),
        (reset(PRO, exports(), hidden=None), NS),
        (air(networks=()), NS),
    ],
)
def test_hidden_name(facts: WifiFacts, verdict: Verdict) -> None:
    assert judge(VISIBLE, facts, PRO).verdict is verdict


def test_encrypted_double_of_an_open_network_is_hidden_by_design() -> None:
    half = OweTransition(bssid=RES_5, ssid="Tilleuls-Visiteurs")
    facts = retuned(PRO_24, hidden=True, owe_transition=half)
    assert judge(VISIBLE, facts, PRO).verdict is P


# --- WIFI-LOG-001, WIFI-RES-004, WIFI-COV-001


@pytest.mark.parametrize(
    ("answer", "verdict"), [(0, F), (1, P), (365, P), (-1, NS), (True, NS), ("un an", NS), (90.5, NS), (None, NS)]
)
def test_visitor_logs(answer: Any, verdict: Verdict) -> None:
    found = judge(LOGS, site(), "site", **{LOG_DAYS: answer})
    assert found.verdict is verdict
    if answer == 365:
        assert "365 jours" in found.message


@pytest.mark.parametrize(("answer", "verdict"), [(True, P), (False, F), ("oui", NS), (1, NS), (None, NS)])
def test_rules_of_use(answer: Any, verdict: Verdict) -> None:
    assert judge(RULES, site(), "site", **{NOTICE: answer}).verdict is verdict


@pytest.mark.parametrize(("answer", "verdict"), [(False, P), (True, F), ("non", NS), (None, NS)])
def test_coverage(answer: Any, verdict: Verdict) -> None:
    assert judge(OUTSIDE, site(), "site", **{COVERED: answer}).verdict is verdict


def street(ssid: str, bssid: str, strongest: int | None = -71) -> OutsideSignal:
    return OutsideSignal(ssid=ssid, bssid=bssid, strongest=strongest, file="parking.pcap")


NEAR = street(NEIGHBOUR, THEIRS)


@pytest.mark.parametrize("answer", [None, False])
def test_what_is_received_outside_is_believed_before_what_is_declared(answer: bool | None) -> None:
    heard = street(PRO, PRO_5), street(PRO, PRO_24, -83), NEAR
    found = judge(OUTSIDE, site(outside=heard), "site", **{COVERED: answer})
    assert found.verdict is F
    assert "-71 dBm" in found.message
    assert [item.id for item in found.affected] == [PRO_5, PRO_24]


def test_a_masked_network_is_known_by_its_radio_outside() -> None:
    assert judge(OUTSIDE, site(outside=(street("", PRO_5, None),)), "site").verdict is F


@pytest.mark.parametrize(
    ("heard", "answer", "verdict"),
    [
        ((NEAR,), None, P),
        ((NEAR, street(RESIDENTS, RES_5)), None, P),
        ((NEAR,), True, F),
        ((), None, NS),
        (Gap(reason=Reason.MALFORMED, detail="coupé"), False, NS),
    ],
)
def test_measurement_outside(heard: Any, answer: bool | None, verdict: Verdict) -> None:
    assert judge(OUTSIDE, site(outside=heard), "site", **{COVERED: answer}).verdict is verdict


def test_measurement_outside_needs_to_know_the_professional_network() -> None:
    assert judge(OUTSIDE, site(outside=(NEAR,), roles={RESIDENTS: "resident"}, networks=(), configurations=()), "site",
                 ).verdict is NS  # fmt: skip


@pytest.mark.parametrize("control", [LOGS, RULES])
def test_answers_about_visitors_need_visitors(control: str) -> None:
    answers = {LOG_DAYS: 90, NOTICE: True}
    staff_only = site(roles={PRO: "pro"}, configurations=(), networks=(), declared_bssids=())
    assert judge(control, staff_only, "site", **answers).verdict is NA
    assert judge(control, NOTHING, "site", **answers).reason == Reason.NOT_CONFIGURED
    unnamed = msgspec.structs.replace(NOTHING, configurations=(setting("Reseau12"),))
    assert judge(control, unnamed, "site", **answers).verdict is NS
