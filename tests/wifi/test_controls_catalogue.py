"""The catalogue itself, roles, and what every control has in common."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import checks.wifi
from checks.catalogue import Control, DomainHeader, Measure
from checks.model import Gap, Reason, Verdict
from checks.wifi.config import ROLES as CONFIG_ROLES
from checks.wifi.facts import Network, Unreadable, Variant, WifiFacts
from checks.wifi.roles import INTERNAL, PUBLIC, TITLES, guess, is_known, neighbours, own_ssids
from checks.wifi.summary import summary
from tests.wifi.sites import (
    GUEST_5,
    GUESTS,
    MUTE,
    NOTHING,
    OPEN,
    PRO,
    PRO_5,
    PRO_24,
    PSK,
    RES_5,
    RESIDENTS,
    STRANGER,
    THEIRS,
    WEP,
    air,
    association,
    attack,
    capture,
    careless_server,
    certificate,
    deauthentication,
    every,
    exposed,
    handshake,
    judge,
    network,
    packet,
    probe,
    profile,
    reset,
    retuned,
    session,
    setting,
    site,
    with_networks,
)

FOLDER = Path(checks.wifi.__file__).parent
NAME = "catalogue.toml" if (FOLDER / "catalogue.toml").is_file() else "catalogue.draft.toml"
RAW = tomllib.loads((FOLDER / NAME).read_text("utf-8"))
CONTROLS = msgspec.convert(RAW["control"], tuple[Control, ...])
MEASURES = msgspec.convert(tomllib.loads((FOLDER / "measures.toml").read_text("utf-8"))["measure"], tuple[Measure, ...])
IDS = [control.id for control in CONTROLS]
ANSWERS: dict[str, Any] = {
    "wifi_firmware_updated": "2026-09-01",
    "wifi_visitor_log_days": 90,
    "wifi_portal_notice": True,
    "wifi_coverage_outside": False,
}
TABLE = "inventory.declared_names"


def function_of(control: Control) -> Any:
    module, _, name = control.check.rpartition(".")
    return getattr(__import__(f"checks.wifi.controls.{module}", fromlist=[name]), name)


def test_header_is_that_of_the_domain() -> None:
    header = msgspec.convert(RAW["domain"], DomainHeader)
    assert (header.id, header.prefix, header.facts) == ("wifi", "WIFI", "facts:WifiFacts")


def test_ids_are_unique_and_no_two_controls_share_a_function() -> None:
    assert len(set(IDS)) == len(IDS)
    assert len({control.check for control in CONTROLS}) == len(IDS)


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_is_well_worded(control: Control) -> None:
    assert re.fullmatch(r"WIFI-[A-Z0-9]{2,4}-\d{3}", control.id)
    assert 10 < len(control.title) <= 100
    assert 40 < len(control.why) <= 250
    assert control.title[-1] != "."
    assert control.why[-1] == "."
    assert 0.5 <= control.weight <= 2.0
    assert control.measure in {measure.id for measure in MEASURES}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_function_exists_and_is_documented(control: Control) -> None:
    function = function_of(control)
    assert list(inspect.signature(function, follow_wrapped=False).parameters) == ["facts", "context"]
    assert function.__doc__


@pytest.mark.parametrize("measure", MEASURES, ids=[measure.id for measure in MEASURES])
def test_measure_can_be_followed(measure: Measure) -> None:
    assert re.fullmatch(r"M-WIFI-\d{3}", measure.id)
    assert len(measure.steps) >= 3
    assert all(len(step) > 20 for step in measure.steps)
    assert measure.days > 0
    assert measure.references
    assert measure.id in {control.measure for control in CONTROLS}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_careful_house_never_fails(control: Control) -> None:
    for found in every(control.check, site(), **ANSWERS):
        assert found.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE), found.message
        assert found.evidence or found.verdict is not Verdict.PASS


def broken() -> WifiFacts:
    """Everything wrong at once."""
    radios = (
        network(
            PRO_5,
            PRO,
            **PSK,
            wps="configured",
            hidden=True,
            variants=(Variant(encryption="open", frames=1, packet=packet()),),
        ),
        network(PRO_24, PRO, band="6", **PSK),
        network(RES_5, RESIDENTS, **WEP, other_ssids=(PRO,)),
        network(GUEST_5, GUESTS, **OPEN),
        network(STRANGER, PRO, mode="ad-hoc", **OPEN),
        network("a0:b1:c2:d3:e4:f9", "tilleuls_pro"),
        network("00:11:22:33:55:53", "Livebox-EHPAD", **PSK),
    )
    password: dict[str, Any] = {"psk_bits": 12.0, "psk_length": 8, "psk_group": "x", "psk_changed": "2019-01-01"}
    settings = (
        setting(PRO, **_encryption(PSK), **password, vlan=1, wps=True, management=("http",), hidden=True),
        setting(RESIDENTS, **_encryption(PSK), **password, vlan=1, isolation=False, portal="", firmware="1.0"),
        setting(GUESTS, **_encryption(OPEN), vlan=1, isolation=False, portal="", management=("telnet",)),
    )
    weak = session(identity_in_clear=True, methods=("LEAP",), tls="TLS 1.0", certificate=certificate(key="rsa 1024"))
    return site(
        networks=radios,
        configurations=settings,
        handshakes=(handshake(PRO_5), handshake(PRO_5, client="c3")),
        eap=(weak,),
        associations=(association(akm="", pairwise="TKIP"),),
        attacks=(attack(),),
        deauthentications=(deauthentication(),),
        probes=(probe(ssids=(PRO, RESIDENTS)),),
        clients=(profile(ca="none"), profile(ca="none", file="tablette.conf")),
        inside=(exposed(),),
        radius=(careless_server(),),
        roles={**site().roles, "Livebox-EHPAD": "pro"},
    )


def _encryption(security: dict[str, Any]) -> dict[str, Any]:
    return {key: security[key] for key in ("akms", "encryption", "pmf")}


BAD = {
    "wifi_firmware_updated": "2020-01-01",
    "wifi_visitor_log_days": 0,
    "wifi_portal_notice": False,
    "wifi_coverage_outside": True,
}


@pytest.mark.parametrize("control", [one for one in CONTROLS if one.id != "WIFI-INV-001"], ids=lambda one: one.id)
def test_broken_house_fails_every_control(control: Control) -> None:
    verdicts = {found.verdict for found in every(control.check, broken(), **BAD)}
    assert Verdict.FAIL in verdicts


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_affected_objects_are_usable(control: Control) -> None:
    for found in every(control.check, broken(), **BAD):
        assert len({item.id for item in found.affected}) == len(found.affected)
        assert all(item.id and item.label and item.kind and item.detail for item in found.affected)
        assert all(proof.value and proof.source for proof in found.evidence)


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_no_data_never_passes_nor_fails(control: Control) -> None:
    for found in every(control.check, NOTHING):
        assert found.verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_unreadable_networks_never_pass(control: Control) -> None:
    """Names are known, nothing else: only what concerns the name itself may conform."""
    radios = tuple(
        network(bssid, ssid, **MUTE) for bssid, ssid in ((PRO_5, PRO), (RES_5, RESIDENTS), (GUEST_5, GUESTS))
    )
    about_names = ("names.", "access_points.unknown", "access_points.look", "access_points.access", TABLE)
    facts = air(networks=radios, eap=(), associations=(), truncated=True)
    for found in every(control.check, facts):
        assert found.verdict is not Verdict.FAIL, found.message
        if not control.check.startswith(about_names) and control.id != "WIFI-6E-001":
            assert found.verdict is not Verdict.PASS, found.message


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_neighbours_are_never_a_subject(control: Control) -> None:
    crowd = tuple(network(f"a0:b1:c2:d3:00:{n:02x}", f"Voisin {n}", **PSK, wps="configured") for n in range(20))
    facts = with_networks(*crowd, network(STRANGER, "Hotel-Guest", **OPEN))
    subjects = {found.subject for found in every(control.check, facts, **ANSWERS)}
    assert subjects <= {PRO, RESIDENTS, GUESTS, f"{PRO} (serveur RADIUS 10.10.0.12)", "site"}
    assert all(found.verdict is not Verdict.FAIL for found in every(control.check, facts, **ANSWERS))


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_order_of_networks_changes_no_verdict(control: Control) -> None:
    facts = broken()
    turned = msgspec.structs.replace(facts, networks=facts.networks[::-1], configurations=facts.configurations[::-1])
    one, other = every(control.check, facts, **BAD), every(control.check, turned, **BAD)
    assert {(f.subject, f.verdict, f.severity) for f in one} == {(f.subject, f.verdict, f.severity) for f in other}
    assert {a.id for f in one for a in f.affected} == {a.id for f in other for a in f.affected}


# --- Roles


@pytest.mark.parametrize(
    ("ssid", "role"),
    [
        ("Tilleuls-Residents", "resident"),
        ("WIFI_RÉSIDENTS", "resident"),
        ("WifiInvites", "guest"),
        ("Invites-Pro", "guest"),
        ("Tilleuls-Pro", "pro"),
        ("Soins", "pro"),
        ("Tilleuls-VoIP", "voice"),
        ("Biomed", "biomedical"),
        ("Tilleuls", ""),
        ("Provence", ""),
        ("Livebox-Pro", ""),
        ("Freebox-Visiteurs", ""),
        ("eduroam", ""),
        ("", ""),
    ],
)
def test_role_is_guessed_from_plain_words_only(ssid: str, role: str) -> None:
    assert guess(ssid) == role


def test_every_role_of_the_profile_has_a_title_and_a_side() -> None:
    assert set(TITLES) == set(CONFIG_ROLES) == {*PUBLIC, *INTERNAL}


def test_declared_role_wins_over_the_name() -> None:
    own = own_ssids(site(roles={**site().roles, RESIDENTS: "pro"}))
    assert {one.ssid: (one.role, one.guessed) for one in own}[RESIDENTS] == ("pro", False)


def test_nothing_is_guessed_in_the_air_when_the_profile_declares() -> None:
    facts = air(networks=(network(THEIRS, "Camping-Pro"),), roles={PRO: "pro"})
    assert [one.ssid for one in own_ssids(facts)] == [PRO]


def test_guessed_role_is_said_beside_the_verdict() -> None:
    facts = air(
        roles={}, declared_bssids=(), networks=(network(PRO_5, "Soins", **OPEN), network(THEIRS, "Camping", **OPEN))
    )
    found = every("encryption.professional", facts)
    assert [(one.subject, one.verdict) for one in found] == [("Soins", Verdict.FAIL)]
    assert "déduit du nom" in found[0].evidence[-1].value


def test_export_proves_that_a_network_is_ours() -> None:
    facts = msgspec.structs.replace(NOTHING, configurations=(setting("Reseau12"),))
    assert [(one.ssid, one.role) for one in own_ssids(facts)] == [("Reseau12", "")]
    assert judge("names.own_name", facts, "Reseau12").verdict is Verdict.PASS
    found = every("encryption.professional", facts)
    assert [(one.subject, one.reason) for one in found] == [("site", Reason.NOT_CONFIGURED)]


def test_declared_access_point_proves_that_a_network_is_ours() -> None:
    facts = air(roles={}, networks=(network(PRO_5, "Reseau12"), network(THEIRS, "Camping")))
    assert [one.ssid for one in own_ssids(facts)] == ["Reseau12"]
    assert [one.ssid for one in neighbours(facts)] == ["Camping"]


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_address_can_be_compared(bssid: str, declared: str) -> None:
    known = is_known(network(bssid, PRO), [declared.lower()])
    assert known or bssid.lower() != declared.lower() or not bssid


@given(st.text(max_size=32))
def test_any_name_can_be_judged(ssid: str) -> None:
    if not ssid:
        return
    facts = air(roles={ssid: "pro"}, networks=(network(PRO_5, ssid),), declared_bssids=())
    for control in ("names.own_name", "names.discreet_name", "access_points.look_alikes", TABLE):
        assert len(every(control, facts)) == 1


# --- WIFI-INV-001


def test_all_networks_declared_conforms() -> None:
    assert judge(TABLE, site(), "site").verdict is Verdict.PASS


def test_network_nobody_declared_fails() -> None:
    facts = site(configurations=(*site().configurations, setting("Depannage")))
    found = judge(TABLE, facts, "site")
    assert (found.verdict, [item.ref for item in found.affected]) == (Verdict.FAIL, ["Depannage"])


def test_nothing_declared_is_not_assessed() -> None:
    found = judge(TABLE, site(roles={}), "site")
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.NOT_CONFIGURED)
    assert f"« {PRO} »" in found.message


def test_declared_networks_never_seen_are_not_assessed() -> None:
    found = judge(TABLE, air(networks=()), "site")
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.UNREACHABLE)


# --- Summary


def test_summary_of_the_careful_house() -> None:
    assert summary(site()) == {
        f"Réseau « {PRO} »": "professionnel, 2 bornes, 1 réglage exporté",
        f"Réseau « {RESIDENTS} »": "résidents, 1 borne, 1 réglage exporté",
        f"Réseau « {GUESTS} »": "visiteurs, 1 borne, 1 réglage exporté",
        f"Essai depuis « {RESIDENTS} »": (
            "D'un poste résident, on n'atteint rien de ce qui a été essayé (6 connexions) : "
            "pendant le même essai, passerelle (10.20.0.1 port 53) répond."
        ),
        "Réseaux voisins ou non déclarés": "1",
        "Sources": "1 capture (1 200 trames), 1 export",
    }


def test_summary_tells_what_is_missing() -> None:
    facts = air(
        roles={},
        declared_bssids=(),
        truncated=True,
        limits=("Le 6 GHz n'était pas écouté.",),
        unreadable=(Unreadable(what="RSN vide"),),
        networks=(network(PRO_5, "Soins", source="scan", file="scan.txt"), network(STRANGER, "Camping")),
        files=(capture(frames=1),),
    )
    lines = summary(facts)
    assert lines["Réseau « Soins »"] == "professionnel (déduit du nom), 1 borne"
    assert lines["Sources"] == "1 capture (1 trame), 1 relevé"
    assert lines["Éléments illisibles"] == "1"
    assert lines["Ce que les données ne montrent pas"] == (
        "Le 6 GHz n'était pas écouté. Des données ont été coupées : ce qui n'apparaît pas existe peut-être."
    )


def test_summary_counts_signs_of_attack() -> None:
    told = summary(site(attacks=(attack(), attack(THEIRS), attack(THEIRS, kind="clear-data"))))
    assert told["Signes d'attaque du protocole"] == "3, dont 1 sur vos réseaux"
    assert "Signes d'attaque du protocole" not in summary(site())


def test_summary_counts_strangers_and_many_networks() -> None:
    facts = site(roles={f"Reseau{n}": "pro" for n in range(14)}, configurations=(), networks=(), declared_bssids=())
    assert summary(facts)["Autres réseaux de l'établissement"] == "2"
    assert summary(with_networks(network(STRANGER, PRO)))[f"Réseau « {PRO} »"].endswith(
        "1 hors inventaire, 1 réglage exporté"
    )
    assert summary(NOTHING)["Sources"] == "aucune"


def test_gap_of_a_certificate_survives_encoding() -> None:
    gap = Gap(reason=Reason.UNSUPPORTED, detail="TLS 1.3")
    facts = msgspec.json.decode(msgspec.json.encode(site(eap=(session(certificate=gap),))), type=WifiFacts)
    assert judge("authentication.server_certificate", facts, PRO).message == "TLS 1.3"


def test_changing_a_network_of_the_house_is_seen() -> None:
    """The builders do change what they are told to."""
    facts: WifiFacts = reset(PRO, retuned(PRO_5, channel=44), vlan=99)
    found: Network = next(one for one in facts.networks if one.bssid == PRO_5)
    assert (found.channel, facts.configurations[0].vlan) == (44, 99)
