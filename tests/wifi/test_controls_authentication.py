"""802.1X: the careful house and one change."""

from __future__ import annotations

from typing import Any

import pytest

from checks.model import Gap, Reason, Severity, Verdict
from tests.wifi.sites import (
    MUTE,
    NOTHING,
    PRO,
    PRO_5,
    PRO_24,
    RESIDENTS,
    STRANGER,
    THEIRS,
    air,
    capture,
    certificate,
    every,
    judge,
    network,
    packet,
    profile,
    retuned,
    session,
    site,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
METHODS, IDENTITY = "authentication.methods", "authentication.identities"
CERTIFICATE, TLS = "authentication.server_certificate", "authentication.tls_version"
PROFILES = "profiles.server_checked"
ALL = (METHODS, IDENTITY, CERTIFICATE, TLS)
GAP = Gap(reason=Reason.UNSUPPORTED, detail="TLS 1.3 chiffre le certificat.")


@pytest.mark.parametrize("control", ALL)
def test_careful_authentication_conforms(control: str) -> None:
    found = judge(control, site(), PRO)
    assert found.verdict is P
    assert found.evidence[0].source == "tilleuls.pcapng, paquet 40"


@pytest.mark.parametrize("control", ALL)
def test_network_with_a_password_is_not_concerned(control: str) -> None:
    assert judge(control, site(), RESIDENTS).verdict is NA


@pytest.mark.parametrize("control", ALL)
def test_nothing_captured_is_not_assessed(control: str) -> None:
    assert judge(control, site(eap=()), PRO).verdict is NS
    assert judge(control, air(networks=()), PRO).verdict is NS
    assert judge(control, retuned(PRO_5, retuned(PRO_24, air(eap=()), **MUTE), **MUTE), PRO).verdict is NS


@pytest.mark.parametrize("control", ALL)
def test_authentication_of_a_neighbour_is_not_judged(control: str) -> None:
    bad = session(
        THEIRS, methods=("LEAP",), identity_in_clear=True, tls="TLS 1.0", certificate=certificate(key="rsa 1024")
    )
    assert [one.subject for one in every(control, site(eap=(bad,)))] == [*site().roles]
    assert judge(control, site(eap=(bad,)), PRO).verdict is NS


@pytest.mark.parametrize("control", ALL)
def test_authentication_on_a_cable_is_judged_for_the_site(control: str) -> None:
    bad = session(
        STRANGER,
        methods=("LEAP",),
        identity_in_clear=True,
        tls="TLS 1.0",
        certificate=certificate(key="rsa 1024"),
        packets=(packet(3, "commutateur.pcap"),),
    )
    files = (capture(), capture(name="commutateur.pcap", links=("ethernet",)))
    assert judge(control, site(files=files, eap=(session(), bad)), "site").verdict is F


def test_cable_alone_needs_no_declared_ssid() -> None:
    import msgspec

    wired = session(STRANGER, packets=(packet(3, "commutateur.pcap"),))
    facts = msgspec.structs.replace(
        NOTHING, eap=(wired,), files=(capture(name="commutateur.pcap", links=("ethernet",)),)
    )
    assert [(one.subject, one.verdict) for one in every(METHODS, facts)] == [("site", P)]


def test_unknown_radio_is_not_a_cable() -> None:
    """A session heard on the air with a radio nobody declared may be a neighbour's."""
    assert [one.subject for one in every(METHODS, site(eap=(session(STRANGER),)))] == [*site().roles]


# --- WIFI-EAP-001


@pytest.mark.parametrize("name", ["LEAP", "MD5", "MSCHAPv2", "GTC", "OTP"])
def test_method_that_exposes_the_password_fails(name: str) -> None:
    found = judge(METHODS, site(eap=(session(methods=(name,)),)), PRO)
    assert (found.verdict, found.severity) == (F, None)
    assert name in found.message


def test_method_proposed_and_refused_is_lighter() -> None:
    found = judge(METHODS, site(eap=(session(offered=("LEAP",)),)), PRO)
    assert (found.verdict, found.severity) == (F, Severity.MEDIUM)


@pytest.mark.parametrize("methods", [(), ("61",), ("PEAP", "254:000000")])
def test_method_that_is_not_known_is_not_assessed(methods: tuple[str, ...]) -> None:
    assert judge(METHODS, site(eap=(session(methods=methods),)), PRO).verdict is NS


# --- WIFI-EAP-002


def test_identity_in_clear_fails_and_shows_no_name() -> None:
    found = judge(IDENTITY, site(eap=(session(identity_in_clear=True, identity="i7", realm="tilleuls.test"),)), PRO)
    assert found.verdict is F
    assert found.affected[0].detail == "c1 : identité en clair, domaine « tilleuls.test »"


def test_certificate_of_the_station_in_clear_names_it_as_well() -> None:
    found = judge(IDENTITY, site(eap=(session(client_certificate=True),)), PRO)
    assert found.verdict is F
    assert found.affected[0].detail == "c1 : certificat de l'appareil en clair"


# --- WIFI-EAP-003


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"not_after": "2026-11-22T08:59:59Z"}, "expiré depuis le 22/11/2026"),
        ({"not_before": "2026-11-22T09:00:01Z"}, "valable seulement"),
        ({"key": "rsa 2047"}, "2047 bits"),
        ({"signature": "sha1"}, "SHA1"),
        ({"signature": "md5"}, "MD5"),
    ],
)
def test_bad_certificate_fails(fields: dict[str, Any], word: str) -> None:
    found = judge(CERTIFICATE, site(eap=(session(certificate=certificate(**fields)),)), PRO)
    assert (found.verdict, found.severity) == (F, None)
    assert word in found.message


def test_certificate_signed_by_itself_is_light() -> None:
    found = judge(CERTIFICATE, site(eap=(session(certificate=certificate(self_issued=True, chain=1)),)), PRO)
    assert (found.verdict, found.severity) == (F, Severity.LOW)


@pytest.mark.parametrize(
    "fields", [{"not_after": "2026-11-22T09:00:00Z"}, {"key": "ec secp256r1"}, {"not_before": "2026-11-22T09:00:00Z"}]
)
def test_certificate_at_its_limits_conforms(fields: dict[str, Any]) -> None:
    assert judge(CERTIFICATE, site(eap=(session(certificate=certificate(**fields)),)), PRO).verdict is P


@pytest.mark.parametrize(("end", "soon"), [("2026-12-21T09:00:00Z", True), ("2026-12-22T09:00:00Z", False)])
def test_end_of_certificate_is_announced(end: str, soon: bool) -> None:
    found = judge(CERTIFICATE, site(eap=(session(certificate=certificate(not_after=end)),)), PRO)
    assert (found.verdict, "à renouveler" in found.message) == (P, soon)


def test_hidden_certificate_is_not_assessed_for_its_reason() -> None:
    found = judge(CERTIFICATE, site(eap=(session(certificate=GAP),)), PRO)
    assert (found.verdict, found.message) == (NS, GAP.detail)


def test_certificate_not_captured_is_not_assessed() -> None:
    assert judge(CERTIFICATE, site(eap=(session(certificate=None),)), PRO).verdict is NS


def test_method_without_certificate_is_not_concerned() -> None:
    facts = site(eap=(session(methods=("PWD",), certificate=None, tls=""),))
    assert judge(CERTIFICATE, facts, PRO).verdict is NA
    assert judge(TLS, facts, PRO).verdict is NA


def test_one_bad_certificate_among_good_ones_fails() -> None:
    bad = session(PRO_24, client="c5", certificate=certificate(key="rsa 1024", sha256="cd" * 32))
    found = judge(CERTIFICATE, site(eap=(session(), bad)), PRO)
    assert [item.id for item in found.affected] == [f"certificate:{'cd' * 32}"]


# --- WIFI-EAP-004


@pytest.mark.parametrize(
    ("tls", "verdict"),
    [("SSL 3.0", F), ("TLS 1.0", F), ("TLS 1.1", F), ("TLS 1.2", P), ("TLS 1.3", P), ("", NS)],
)
def test_tls_version(tls: str, verdict: Verdict) -> None:
    assert judge(TLS, site(eap=(session(tls=tls),)), PRO).verdict is verdict


def test_open_network_without_authentication_is_not_applicable() -> None:
    assert judge(METHODS, air(networks=(network(PRO_5, PRO),), eap=()), PRO).verdict is NA


# --- WIFI-EAP-005


@pytest.mark.parametrize(
    ("fields", "verdict", "word"),
    [
        ({}, P, "vérifient"),
        ({"ca": "none"}, F, "autorité"),
        ({"ca": "system", "server_names": ()}, F, "nom du serveur"),
        ({"ca": "system"}, P, "vérifient"),
        ({"user_may_accept": True}, F, "tout accepter"),
        ({"ca": "", "user_may_accept": None}, NS, "pas tous"),
        ({"server_names": None}, NS, "pas tous"),
    ],
)
def test_profile_of_a_station(fields: dict[str, Any], verdict: Verdict, word: str) -> None:
    found = judge(PROFILES, site(clients=(profile(**fields),)), PRO)
    assert found.verdict is verdict
    assert word in (found.affected[0].detail if verdict is F else found.message)


def test_one_exposed_profile_is_enough() -> None:
    exposed = profile(file="tablette.conf", product="wpa_supplicant", ca="none", line=4)
    found = judge(PROFILES, site(clients=(profile(), exposed)), PRO)
    assert [item.ref for item in found.affected] == ["tablette.conf"]
    assert found.evidence[0].source == "tablette.conf, ligne 4"


def test_one_unclear_profile_prevents_a_pass() -> None:
    unclear = profile(file="autre.xml", server_names=None)
    assert judge(PROFILES, site(clients=(profile(), unclear)), PRO).verdict is NS


def test_profile_of_another_network_is_not_judged() -> None:
    facts = site(clients=(profile(ssid="Domicile", ca="none"),))
    assert judge(PROFILES, facts, PRO).reason == Reason.NOT_CONFIGURED
    assert judge(PROFILES, facts, RESIDENTS).verdict is NA


def test_no_profile_nor_network_is_not_assessed() -> None:
    assert judge(PROFILES, air(networks=()), PRO).verdict is NS
