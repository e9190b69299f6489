"""Business Standard: what needs a licence says so, and what is free is judged all the same."""

from __future__ import annotations

import msgspec
import pytest

from checks.catalogue import Control
from checks.model import Gap, Reason, Verdict
from tests.m365 import tenants
from tests.m365.controls_b.rows import ANSWERED, good, good_rows, judge, phishing
from tests.m365.controls_b.test_every_control import CONTROLS
from tests.m365.tenants import put, with_rows

STANDARD = tenants.standard(good_rows())
LICENSED = {
    "logging.sign_in_depth": "P1",
    "logging.audit_retention": "E5",
    "sign_ins.countries": "P1",
    "sign_ins.guessed_passwords": "P1",
    "sign_ins.impossible_travels": "P1",
    "protection.phishing": "Defender",
    "protection.safe_mail": "Defender",
    "protection.unknown_malware": "Defender",
    "protection.own_domains_imitated": "Defender",
    "protection.partners_imitated": "Defender",
    "protection.links_everywhere": "Defender",
    "protection.links_scanned": "Defender",
    "protection.clicks_tracked": "Defender",
    "devices.secure_by_default": "Intune",
    "devices.devices": "Intune",
    "suite.risk_notices": "P2",
    "suite.strong_for_all": "P1",
    "suite.through_pim": "P2",
    "suite.activation_alerts": "P2",
    "suite.risky_agents": "P2",
}


@pytest.mark.parametrize(("check", "words"), LICENSED.items())
def test_what_needs_a_licence_says_which(check: str, words: str) -> None:
    found = judge(check, STANDARD, ANSWERED)
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.LICENCE)
    assert words in found.message


@pytest.mark.parametrize("control", [one for one in CONTROLS if one.check not in LICENSED], ids=lambda one: one.id)
def test_the_rest_is_judged_without_premium_licence(control: Control) -> None:
    found = judge(control.check, STANDARD, ANSWERED)
    assert found.reason != Reason.LICENCE
    failing = {"tenant.licences"}
    assert (found.verdict is Verdict.FAIL) == (control.check in failing), found.message


@pytest.mark.parametrize("check", sorted(LICENSED))
def test_unknown_licences_are_not_absent_licences(check: str) -> None:
    gap = Gap(reason=Reason.PERMISSION, detail="Licences non lues.")
    facts = msgspec.structs.replace(good(), licences=gap)
    assert judge(check, facts, ANSWERED).verdict is Verdict.PASS


def test_retention_of_each_licence_is_said_in_days() -> None:
    assert "7 jours" in judge("logging.sign_in_depth", STANDARD).message
    assert "180 jours" in judge("logging.audit_retention", STANDARD).message
    assert "29 jours" in judge("logging.sign_in_depth", good()).message
    assert "365 jours" in judge("logging.audit_retention", good()).message
    assert "7 jours" in judge("logging.directory_log", STANDARD).evidence[0].value
    assert "30 jours" in judge("logging.directory_log", good()).evidence[0].value


def test_forged_senders_are_judged_without_defender() -> None:
    facts = with_rows(STANDARD, "anti_phish", [phishing(EnableSpoofIntelligence=False)])
    assert judge("protection.phishing", facts).verdict is Verdict.FAIL


def test_free_warnings_are_judged_without_defender() -> None:
    paid = with_rows(STANDARD, "anti_phish", [phishing(EnableSimilarUsersSafetyTips=False)])
    assert judge("protection.safety_tips", paid).verdict is Verdict.PASS
    free = with_rows(STANDARD, "anti_phish", [phishing(EnableViaTag=False)])
    assert judge("protection.safety_tips", free).verdict is Verdict.FAIL


def test_presets_of_defender_are_not_asked_for_without_it() -> None:
    assert judge("protection.presets", STANDARD).verdict is Verdict.PASS


def test_idle_session_is_a_matter_of_licence_only_when_nothing_is_set() -> None:
    off = put(STANDARD, "sharepoint", 0, "idleSessionSignOut", {"isEnabled": False})
    assert judge("sharepoint.idle_sign_out", off).reason == Reason.LICENCE
    long = put(STANDARD, "sharepoint", 0, "idleSessionSignOut", {"isEnabled": True, "signOutAfterInSeconds": 90_000})
    assert judge("sharepoint.idle_sign_out", long).verdict is Verdict.FAIL
