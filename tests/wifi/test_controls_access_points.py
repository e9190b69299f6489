"""Access points and stations: the careful house and one change."""

from __future__ import annotations

from typing import Any

import pytest

from checks.model import Reason, Severity, Verdict
from checks.wifi.facts import Variant, WifiFacts
from tests.wifi.sites import (
    ENTERPRISE,
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
    STRANGER,
    THEIRS,
    WPA,
    air,
    association,
    deauthentication,
    every,
    exports,
    judge,
    network,
    packet,
    probe,
    reset,
    retuned,
    setting,
    site,
    with_networks,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
TWIN, SAME = "access_points.unknown_radios", "access_points.one_security"
LIKE, ONLY = "access_points.look_alikes", "access_points.access_points_only"
FLOOD, WEAK, LEAK = "stations.deauthentication", "stations.weak_connections", "stations.probe_leaks"


# --- WIFI-AP-001


def test_all_radios_known_conforms() -> None:
    assert judge(TWIN, site(), PRO).verdict is P


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({}, None),
        ({"encryption": "wpa3", "akms": ("802.1X-SHA256",)}, None),
        (PSK, Severity.CRITICAL),
        (OPEN, Severity.CRITICAL),
    ],
)
def test_unknown_radio_fails(fields: dict[str, Any], severity: Severity | None) -> None:
    found = judge(TWIN, with_networks(network(STRANGER, PRO, strongest=-41, **fields)), PRO)
    assert (found.verdict, found.severity) == (F, severity)
    assert [item.id for item in found.affected] == [STRANGER]
    assert "-41 dBm" in found.affected[0].detail


@pytest.mark.parametrize(
    ("bssid", "verdict"),
    [
        ("00:11:22:33:44:5f", P),  # fifteen further: the same access point
        ("00:11:22:33:44:60", F),  # sixteen further
        ("02:11:22:33:44:51", P),  # locally administered
        ("00:11:22:33:45:50", F),
        ("04:11:22:33:44:50", F),
    ],
)
def test_radios_of_one_access_point_are_its_own(bssid: str, verdict: Verdict) -> None:
    assert judge(TWIN, with_networks(network(bssid, PRO)), PRO).verdict is verdict


def test_radio_described_by_a_known_one_is_known() -> None:
    assert judge(TWIN, with_networks(network(STRANGER, PRO, multiple_bssid=PRO_24)), PRO).verdict is P


def test_radio_named_by_an_export_is_known() -> None:
    facts = reset(PRO, with_networks(network(STRANGER, PRO)), bssids=(STRANGER.upper(),))
    assert judge(TWIN, facts, PRO).verdict is P


def test_radio_that_answers_to_any_name_fails() -> None:
    facts = with_networks(network(STRANGER, "Camping", other_ssids=("Camping", PRO)))
    assert judge(TWIN, facts, PRO).verdict is F
    assert judge(TWIN, facts, RESIDENTS).verdict is P


def test_no_inventory_is_not_assessed() -> None:
    found = judge(TWIN, site(declared_bssids=()), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)
    assert "2 bornes" in found.message


def test_radio_of_an_export_was_not_heard() -> None:
    assert judge(TWIN, exports(), PRO).verdict is NS


# --- WIFI-AP-002


def variant(**fields: Any) -> Variant:
    base: dict[str, Any] = {"encryption": "open", "frames": 3, "packet": packet(90)}
    return Variant(**base | fields)


def test_same_protection_everywhere_conforms() -> None:
    assert judge(SAME, site(), PRO).verdict is P


@pytest.mark.parametrize(("fields", "severity"), [(PSK, None), (OPEN, Severity.HIGH)])
def test_other_protection_on_one_radio_fails(fields: dict[str, Any], severity: Severity | None) -> None:
    facts = retuned(PRO_5, with_networks(network("00:11:22:33:55:5a", PRO)), **fields)
    found = judge(SAME, facts, PRO)
    assert (found.verdict, found.severity) == (F, severity)
    assert PRO_5 in [item.id for item in found.affected]


def test_imitation_with_another_protection_fails() -> None:
    assert judge(SAME, with_networks(network(STRANGER, PRO, **OPEN)), PRO).verdict is F


def test_protection_that_changed_during_the_capture_fails() -> None:
    found = judge(SAME, retuned(PRO_5, variants=(variant(),)), PRO)
    assert (found.verdict, found.severity) == (F, Severity.HIGH)
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 90"
    assert [item.id for item in found.affected] == [PRO_5]


@pytest.mark.parametrize("fields", [{"encryption": "wpa3", "channel": 44}, {"encryption": "unknown"}])
def test_other_channel_or_damaged_frame_is_no_other_protection(fields: dict[str, Any]) -> None:
    assert judge(SAME, retuned(PRO_5, variants=(variant(**fields),)), PRO).verdict is P


def test_six_gigahertz_is_not_compared() -> None:
    facts = with_networks(network("00:11:22:33:55:58", RESIDENTS, band="6"))
    assert judge(SAME, retuned(RES_5, facts, **MIXED), RESIDENTS).verdict is P


def test_six_gigahertz_alone_is_not_applicable() -> None:
    assert judge(SAME, retuned(RES_5, band="6"), RESIDENTS).verdict is NA


def test_unreadable_radio_cannot_be_compared() -> None:
    assert judge(SAME, retuned(PRO_5, **MUTE), PRO).verdict is NS
    assert judge(SAME, air(networks=()), PRO).verdict is NS


# --- WIFI-AP-003


@pytest.mark.parametrize("mode", ["ad-hoc", "mesh"])
def test_network_without_access_point_fails(mode: str) -> None:
    found = judge(ONLY, with_networks(network(STRANGER, PRO, mode=mode)), PRO)
    assert (found.verdict, found.affected[0].kind) == (F, mode)


def test_access_points_only_conforms() -> None:
    assert judge(ONLY, site(), PRO).verdict is P


def test_access_points_unseen_is_not_assessed() -> None:
    assert judge(ONLY, exports(), PRO).verdict is NS
    assert judge(ONLY, air(networks=()), PRO).verdict is NS


# --- WIFI-AP-004


@pytest.mark.parametrize("name", ["Tilleuls_Pro", "TILLEULS PRO", "Tilleuls-Pr0", "tilleulspro"])
def test_look_alike_fails(name: str) -> None:
    found = judge(LIKE, with_networks(network(STRANGER, name)), PRO)
    assert (found.verdict, found.affected[0].id) == (F, STRANGER)


@pytest.mark.parametrize("name", ["Tilleuls-Pros", "", "Camping"])
def test_other_name_is_no_look_alike(name: str) -> None:
    assert judge(LIKE, with_networks(network(STRANGER, name)), PRO).verdict is P


def test_short_name_is_not_compared() -> None:
    assert judge(LIKE, air(roles={"ESC": "pro"}, networks=(network(PRO_5, "ESC"),)), "ESC").verdict is NA


def test_look_alike_unseen_is_not_assessed() -> None:
    assert judge(LIKE, air(networks=()), PRO).verdict is NS


# --- WIFI-ATK-001


@pytest.mark.parametrize(("peak", "verdict"), [(50, P), (51, F)])
def test_flood(peak: int, verdict: Verdict) -> None:
    facts = retuned(PRO_5, site(deauthentications=(deauthentication(peak=peak),)), pmf="capable")
    assert judge(FLOOD, facts, PRO).verdict is verdict


def test_flood_hurts_less_where_frames_are_protected() -> None:
    found = judge(FLOOD, site(deauthentications=(deauthentication(),)), PRO)
    assert (found.verdict, found.severity) == (F, Severity.LOW)
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 60"


def test_protected_goodbyes_are_no_flood() -> None:
    assert judge(FLOOD, site(deauthentications=(deauthentication(protected=300),)), PRO).verdict is P


def test_flood_on_a_neighbour_is_not_ours() -> None:
    assert judge(FLOOD, site(deauthentications=(deauthentication(THEIRS),)), PRO).verdict is P


def test_flood_absent_from_a_cut_capture_is_not_assessed() -> None:
    assert judge(FLOOD, site(truncated=True), PRO).verdict is NS


@pytest.mark.parametrize("control", [FLOOD, WEAK, LEAK])
def test_scan_or_export_does_not_show_stations(control: str) -> None:
    found = judge(control, exports(), PRO)
    assert (found.verdict, found.reason) == (NS, Reason.NOT_CONFIGURED)
    scanned = retuned(PRO_5, retuned(PRO_24, air(associations=()), source="scan"), source="scan")
    assert judge(control, scanned, PRO).verdict is NS
    assert judge(control, air(networks=()), PRO).verdict is NS


# --- WIFI-CLI-001


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"akm": "SAE"}, P),
        ({"akm": "PSK"}, F),
        ({"akm": "FT-PSK"}, F),
        ({"akm": "SAE", "pairwise": "TKIP"}, F),
        ({"akm": "", "protected": 0, "clear": 101}, F),
        ({"akm": "SAE", "protected": 0, "clear": 100}, P),
        ({"akm": "SAE", "protected": 1, "clear": 500}, P),
        ({"akm": "", "protected": 0, "clear": 4}, NS),
    ],
)
def test_connection_of_a_station(fields: dict[str, Any], verdict: Verdict) -> None:
    facts = retuned(RES_5, air(associations=(association(RES_5, **fields),)), **MIXED)
    assert judge(WEAK, facts, RESIDENTS).verdict is verdict


def test_station_does_not_choose_what_the_network_does_not_offer() -> None:
    facts = retuned(RES_5, air(associations=(association(RES_5, akm="PSK", pairwise="TKIP"),)), **WPA)
    assert judge(WEAK, facts, RESIDENTS).verdict is P


def test_wpa2_station_on_a_wpa2_network_does_its_best() -> None:
    facts = retuned(RES_5, air(associations=(association(RES_5, akm="PSK"),)), **PSK)
    assert judge(WEAK, facts, RESIDENTS).verdict is P


def test_connection_to_an_open_network_is_judged_elsewhere() -> None:
    assert judge(WEAK, site(), GUESTS).verdict is NA


def test_no_station_seen_is_not_assessed() -> None:
    assert judge(WEAK, site(associations=()), PRO).verdict is NS


# --- WIFI-CLI-002


def test_station_that_calls_fails() -> None:
    found = judge(LEAK, site(probes=(probe(ssids=(PRO,)),)), PRO)
    assert found.verdict is F
    assert found.affected[0].detail == "appelle aussi 2 autres réseaux"
    assert "masqué" not in found.message


def test_hidden_network_makes_stations_call() -> None:
    found = judge(LEAK, retuned(PRO_5, site(probes=(probe(ssids=(PRO,)),)), hidden=True), PRO)
    assert "parce que ce réseau est masqué" in found.message


def test_station_that_calls_others_is_no_leak() -> None:
    assert judge(LEAK, site(probes=(probe(ssids=(RESIDENTS,)),)), PRO).verdict is P


def test_call_absent_from_a_cut_capture_is_not_assessed() -> None:
    assert judge(LEAK, site(truncated=True), PRO).verdict is NS


def test_evidence_is_bounded() -> None:
    many: WifiFacts = site(probes=tuple(probe(client=f"c{n}", ssids=(PRO,), packet=packet(n)) for n in range(1, 40)))
    found = judge(LEAK, many, PRO)
    assert len(found.affected) == 39
    assert [one.value for one in found.evidence][-1] == "et 34 autres observations semblables"


@pytest.mark.parametrize("control", [TWIN, SAME, LIKE, ONLY, FLOOD, WEAK, LEAK])
def test_no_ssid_known_says_what_to_declare(control: str) -> None:
    facts = WifiFacts(networks=(network(THEIRS, "Camping"),), handshakes=(), eap=(), truncated=False)
    found = every(control, facts)
    assert [(one.subject, one.reason) for one in found] == [("site", Reason.NOT_CONFIGURED)]
    assert "voisin" in found[0].message


def test_exported_bssids_alone_are_no_inventory() -> None:
    facts = site(declared_bssids=(), configurations=(setting(PRO, bssids=(PRO_5,)),))
    assert judge(TWIN, facts, PRO).verdict is NS


@pytest.mark.parametrize("control", ["unknown_radios", "one_security", "look_alikes", "access_points_only"])
def test_a_setting_says_nothing_of_who_is_in_the_air(control: str) -> None:
    told = air(networks=(network(PRO_5, PRO, source="export", **ENTERPRISE),))
    found = judge(f"access_points.{control}", told, PRO)
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.NOT_CONFIGURED)
    heard = air(networks=(network(PRO_5, PRO, source="scan", file="iw.txt", **ENTERPRISE),))
    assert judge(f"access_points.{control}", heard, PRO).verdict is Verdict.PASS
