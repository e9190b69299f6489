"""What an authentication server proves: one ordinary server, and one change at a time."""

from __future__ import annotations

import datetime as dt
import unicodedata

import msgspec
import pytest

from checks.model import Context, Gap, Reason, Severity, Verdict
from checks.wifi.certificate import EapCertificate
from checks.wifi.radius import judge, judge_certificate
from checks.wifi.radius.facts import (
    LoginResult,
    Offer,
    PlainAnswer,
    RadiusFacts,
    ServerCertificate,
    SharedSecret,
    Signatures,
)

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
CONTEXT = Context(now=NOW)
SHOWN = EapCertificate(
    names=("radius.tilleuls.test",),
    subject="CN=radius.tilleuls.test",
    issuer="CN=AC Les Tilleuls",
    not_before="2026-01-01T00:00:00Z",
    not_after="2028-01-01T00:00:00Z",
    key="rsa 2048",
    signature="sha256",
    sha256="ab" * 32,
    chain=2,
)
CERTIFICATE = ServerCertificate(
    method="PEAP",
    tls="TLS 1.2",
    certificate=SHOWN,
    chain_not_after="2028-01-01T00:00:00Z",
    expected_name="radius.tilleuls.test",
    name_matches=True,
    trusted=True,
    authority="CN=AC Les Tilleuls",
    public=False,
)
REFUSED = tuple(Offer(method=name, answer="refused") for name in ("TLS", "MD5", "GTC", "MSCHAPV2", "LEAP"))
OFFERS = (Offer(method="PEAP", answer="offered", first=True), Offer(method="TTLS", answer="offered"), *REFUSED)
BASE = RadiusFacts(
    server="10.10.0.5",
    port=1812,
    ssid="Tilleuls-Pro",
    server_name="radius.tilleuls.test",
    proposed="PEAP",
    offers=OFFERS,
    tls_method="PEAP",
    versions=("TLS 1.3", "TLS 1.2"),
    certificate=CERTIFICATE,
    signatures=Signatures(answers=30, signed=30, signed_first=30),
    plain=PlainAnswer(code="", answered_signed=True),
    login=LoginResult(
        success=True,
        method="PEAP",
        inner="MSCHAPV2",
        tls="TLS 1.2",
        server_checked=True,
        server_knew_password=True,
        requests=9,
    ),
    secret=SharedSecret(length=32, bits=150.0),
)
GAP = Gap(reason=Reason.TIMEOUT, detail="Pas de réponse.")
CERTIFIED = (
    judge_certificate.chain,
    judge_certificate.name,
    judge_certificate.dates,
    judge_certificate.strength,
    judge_certificate.authority,
)
CONTROLS = (
    judge.methods,
    judge.tls_versions,
    judge.signed_answers,
    judge.login,
    judge.shared_secret,
    *CERTIFIED,
)
SILENT = msgspec.structs.replace(BASE, offers=GAP, versions=GAP, certificate=GAP, plain=GAP, login=GAP, secret=None)


def facts(**change):
    return msgspec.structs.replace(BASE, **change)


def certified(shown=None, **change):
    certificate = msgspec.structs.replace(SHOWN, **(shown or {}))
    return facts(certificate=msgspec.structs.replace(CERTIFICATE, certificate=certificate, **change))


def one(control, given, verdict):
    (found,) = control(given, CONTEXT)
    assert found.verdict == verdict, found.message
    assert found.subject == "Tilleuls-Pro (serveur RADIUS 10.10.0.5)"
    assert unicodedata.is_normalized("NFC", found.message)
    return found


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_an_ordinary_server_conforms(control):
    found = one(control, BASE, Verdict.PASS)
    assert found.evidence


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_a_silent_server_is_not_assessed(control):
    found = one(control, SILENT, Verdict.NOT_ASSESSED)
    assert found.reason in {"timeout", "not_configured"}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_facts_survive_a_file(control):
    again = msgspec.json.decode(msgspec.json.encode(SILENT), type=RadiusFacts)
    assert control(again, CONTEXT) == control(SILENT, CONTEXT)
    again = msgspec.json.decode(msgspec.json.encode(BASE), type=RadiusFacts)
    assert control(again, CONTEXT) == control(BASE, CONTEXT)


@pytest.mark.parametrize("control", [judge.tls_versions, *CERTIFIED], ids=lambda control: control.__name__)
def test_without_a_tunnel_there_is_nothing_to_ask(control):
    one(control, facts(certificate=None, versions=None, tls_method=""), Verdict.NOT_APPLICABLE)


# --- methods -----------------------------------------------------------------------------------------------------


def offers(**answers):
    return tuple(msgspec.structs.replace(offer, answer=answers.get(offer.method, offer.answer)) for offer in OFFERS)


@pytest.mark.parametrize("method", ["MD5", "LEAP", "GTC", "MSCHAPV2"])
def test_a_weak_method_is_a_fault(method):
    found = one(judge.methods, facts(offers=offers(**{method: "offered"})), Verdict.FAIL)
    assert [affected.label for affected in found.affected] == [method]
    assert method in found.message


@pytest.mark.parametrize("method", ["MD5", "LEAP", "GTC", "MSCHAPV2"])
def test_a_weak_method_that_was_not_answered_is_unknown(method):
    found = one(judge.methods, facts(offers=offers(**{method: "unknown"})), Verdict.NOT_ASSESSED)
    assert method in found.message


def test_a_strong_method_that_was_not_answered_changes_nothing():
    one(judge.methods, facts(offers=offers(TLS="unknown")), Verdict.PASS)


def test_methods_that_were_not_asked_are_not_said_absent():
    found = one(judge.methods, facts(offers=OFFERS[:4]), Verdict.NOT_ASSESSED)
    assert "GTC, MSCHAPV2" in found.message or "LEAP" in found.message


def test_access_without_proof_is_critical():
    found = one(judge.methods, facts(offers=(Offer(method="", answer="accepted", first=True),)), Verdict.FAIL)
    assert found.severity is Severity.CRITICAL


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "versions", [("TLS 1.2", "TLS 1.1"), ("TLS 1.0",), ("TLS 1.3", "TLS 1.2", "TLS 1.1", "TLS 1.0")]
)
def test_old_versions_are_a_fault(versions):
    found = one(judge.tls_versions, facts(versions=versions), Verdict.FAIL)
    assert [affected.label for affected in found.affected] == [one for one in versions if one < "TLS 1.2"]


def test_no_version_at_all_is_unknown():
    one(judge.tls_versions, facts(versions=()), Verdict.NOT_ASSESSED)


# --- certificate -------------------------------------------------------------------------------------------------


def test_another_authority_is_a_fault():
    found = one(judge_certificate.chain, certified(trusted=False, trust_error="unable to get issuer"), Verdict.FAIL)
    assert found.affected[0].detail == "unable to get issuer"


def test_no_declared_authority_is_not_assessed():
    found = one(judge_certificate.chain, certified(trusted=None), Verdict.NOT_ASSESSED)
    assert found.reason == "not_configured"
    one(judge_certificate.chain, certified(trusted=GAP), Verdict.NOT_ASSESSED)


def test_another_name_is_a_fault():
    found = one(judge_certificate.name, certified({"names": ("wifi.autre.test",)}, name_matches=False), Verdict.FAIL)
    assert "wifi.autre.test" in found.message
    one(judge_certificate.name, certified(name_matches=None), Verdict.NOT_ASSESSED)


def end(moment):
    return certified({"not_after": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}, chain_not_after=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.parametrize(
    ("left", "verdict", "severity"),
    [
        (dt.timedelta(days=60), Verdict.PASS, None),
        (dt.timedelta(days=60, seconds=-1), Verdict.FAIL, Severity.LOW),
        (dt.timedelta(seconds=1), Verdict.FAIL, Severity.LOW),
        (dt.timedelta(seconds=-1), Verdict.FAIL, None),
    ],
)
def test_the_end_of_a_certificate(left, verdict, severity):
    assert one(judge_certificate.dates, end(NOW + left), verdict).severity is severity


def test_an_intermediate_that_ends_first_counts():
    found = one(judge_certificate.dates, certified(chain_not_after="2026-12-01T00:00:00Z"), Verdict.FAIL)
    assert "01/12/2026" in found.message


def test_a_certificate_of_tomorrow_is_a_fault():
    one(judge_certificate.dates, certified({"not_before": "2026-11-23T00:00:00Z"}), Verdict.FAIL)


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        ({"key": "rsa 2047"}, Verdict.FAIL),
        ({"key": "rsa 4096"}, Verdict.PASS),
        ({"key": "ec secp224r1"}, Verdict.FAIL),
        ({"key": "ec secp256r1"}, Verdict.PASS),
        ({"key": "ec brainpoolP384r1"}, Verdict.PASS),
        ({"key": "ed25519"}, Verdict.PASS),
        ({"key": "unknown"}, Verdict.NOT_ASSESSED),
        ({"signature": "sha1"}, Verdict.FAIL),
        ({"signature": "md5"}, Verdict.FAIL),
    ],
)
def test_strength(shown, verdict):
    one(judge_certificate.strength, certified(shown), verdict)


def test_who_signed():
    found = one(judge_certificate.authority, certified({"self_issued": True}, public=None), Verdict.FAIL)
    assert "lui-même" in found.message
    found = one(judge_certificate.authority, certified(public=True), Verdict.FAIL)
    assert "publique" in found.message
    one(judge_certificate.authority, certified(public=GAP), Verdict.NOT_ASSESSED)


# --- signatures, login, secret -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "verdict", "severity"),
    [
        (PlainAnswer(code="Access-Reject"), Verdict.FAIL, None),
        (PlainAnswer(code="", answered_signed=False), Verdict.NOT_ASSESSED, None),
        (PlainAnswer(code="Access-Reject", signed=True), Verdict.PASS, None),
        (PlainAnswer(code="Access-Accept", signed=True), Verdict.FAIL, Severity.CRITICAL),
        (GAP, Verdict.NOT_ASSESSED, None),
        (None, Verdict.NOT_ASSESSED, None),
    ],
)
def test_the_answer_to_an_unsigned_request(plain, verdict, severity):
    assert one(judge.signed_answers, facts(plain=plain), verdict).severity is severity


def test_one_unsigned_eap_answer_is_a_fault():
    found = one(judge.signed_answers, facts(signatures=Signatures(answers=30, signed=29)), Verdict.FAIL)
    assert "1 réponse sur 30" in found.message


def tried(**change):
    return facts(login=msgspec.structs.replace(BASE.login, **change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"success": False}, "a refusé le compte de test"),
        ({"success": False, "server_checked": False, "certificate_error": "Domain mismatch"}, "n'a pas été envoyé"),
        ({"success": False, "server_checked": False}, "jusqu'au tunnel"),
        ({"success": False, "server_knew_password": False}, "sans prouver"),
    ],
)
def test_a_login_that_fails(change, words):
    assert words in one(judge.login, tried(**{"server_knew_password": None, **change}), Verdict.FAIL).message


def test_a_login_that_was_not_declared():
    assert one(judge.login, facts(login=None), Verdict.NOT_ASSESSED).reason == "not_configured"


@pytest.mark.parametrize(
    ("length", "bits", "verdict"),
    [(16, 80.0, Verdict.PASS), (15, 99.0, Verdict.FAIL), (16, 79.9, Verdict.FAIL), (40, 20.0, Verdict.FAIL)],
)
def test_the_shared_secret(length, bits, verdict):
    one(judge.shared_secret, facts(secret=SharedSecret(length=length, bits=bits)), verdict)
