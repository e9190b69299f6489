"""Conditional Access: what escapes, for whom, how grave; what could not be read is not protection."""

from __future__ import annotations

import msgspec
import pytest

from checks.model import Severity, Verdict
from tests.m365 import tenants as t
from tests.m365.controls_a.cases import judge

PASS, FAIL, NA, UNSEEN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
FIRST, LEGACY, ADMINS, CODE, SIGN_RISK, USER_RISK, DEVICE, REGISTER = range(8)


def users(index, **values):
    def change(facts):
        return t.edit(facts, "conditional_access", index, lambda row: row["conditions"]["users"].update(values))

    return change


def conditions(index, **values):
    return lambda f: t.edit(f, "conditional_access", index, lambda row: row["conditions"].update(values))


def state(index, value="enabledForReportingButNotEnforced"):
    return lambda f: t.put(f, "conditional_access", index, "state", value)


def grant(index, value):
    return lambda f: t.put(f, "conditional_access", index, "grantControls", value)


def every(*changes):
    def change(facts):
        for one in changes:
            facts = one(facts)
        return facts

    return change


BG = [t.RESCUE_1, t.RESCUE_2]
NO_MFA = every(state(FIRST), state(DEVICE, "disabled"))
CASES = [
    ("ID-01", NO_MFA, FAIL, "8 comptes sur 8"),
    ("ID-01", state(LEGACY), PASS, ""),
    ("ID-01", every(state(LEGACY), state(DEVICE), conditions(FIRST, clientAppTypes=["browser", "mobileAppsAndDesktopClients"])), FAIL, "8 comptes"),
    ("ID-01", lambda f: t.with_rows(NO_MFA(f), "security_defaults", [{"isEnabled": True}]), PASS, "par défaut sont actifs"),
    ("ID-01", lambda f: t.with_gap(NO_MFA(f), "security_defaults"), UNSEEN, "refusée"),
    ("ID-04", NO_MFA, FAIL, "8 comptes sur 8"),
    ("ID-04", users(FIRST, excludeUsers=[*BG, t.NURSE_1]), FAIL, "infirmiere.un"),
    ("ID-04", users(FIRST, excludeGroups=[t.GROUP_CARE]), PASS, ""),
    ("ID-04", every(lambda f: t.add(f, "directory_objects", {"id": t.GROUP_CARE}), users(FIRST, excludeGroups=[t.GROUP_CARE])), UNSEEN, t.GROUP_CARE),
    ("ID-04", every(lambda f: t.with_rows(f, "policy_groups", [{"id": t.GROUP_CARE, "members": [t.NURSE_2]}]), users(FIRST, excludeGroups=[t.GROUP_CARE])), FAIL, "infirmiere.deux"),
    ("ID-04", conditions(FIRST, devices={"deviceFilter": {"mode": "exclude", "rule": "x"}}), UNSEEN, "Second facteur pour tous"),
    ("ID-04", grant(FIRST, t.controls("mfa", "compliantDevice")), FAIL, "appareil"),
    ("ID-04", lambda f: t.partial(f, "users"), UNSEEN, "avant la fin"),
    ("ID-04", lambda f: t.partial(NO_MFA(f), "conditional_access"), UNSEEN, "Indéterminé"),
    ("ID-05", every(NO_MFA, state(ADMINS)), FAIL, "2 administrateurs sur 2"),
    ("ID-05", NO_MFA, PASS, "2 administrateurs"),
    ("ID-05", every(NO_MFA, users(ADMINS, includeRoles=[t.EXCHANGE_ADMIN])), FAIL, "adm.martin"),
    ("ID-05", lambda f: t.with_rows(f, "role_eligible", []), NA, "Aucun administrateur"),
    ("ID-05", lambda f: t.partial(f, "role_assignments"), UNSEEN, "avant la fin"),
    ("ID-06", grant(ADMINS, t.controls("mfa")), FAIL, "hameçonnage"),
    ("ID-06", grant(ADMINS, t.controls(strength="00000000-0000-0000-0000-000000000002")), FAIL, ""),
    ("ID-06", grant(ADMINS, t.controls(strength=t.uid(9, 40))), UNSEEN, ""),
    ("ID-06", every(grant(ADMINS, t.controls(strength=t.uid(9, 40))), lambda f: t.add(f, "authentication_strengths", {"id": t.uid(9, 40), "allowedCombinations": ["fido2"]})), PASS, ""),
    ("ID-06", every(grant(ADMINS, t.controls(strength=t.uid(9, 40))), lambda f: t.add(f, "authentication_strengths", {"id": t.uid(9, 40), "allowedCombinations": ["fido2", "password,sms"]})), FAIL, ""),
    ("ID-07", every(state(LEGACY), state(DEVICE), conditions(FIRST, clientAppTypes=["browser", "mobileAppsAndDesktopClients"])), FAIL, "protocole ancien"),
    ("ID-07", conditions(LEGACY, clientAppTypes=["other"]), PASS, ""),
    ("ID-07", every(state(DEVICE), conditions(LEGACY, clientAppTypes=["other"]), conditions(FIRST, clientAppTypes=["browser"])), FAIL, "Exchange ActiveSync"),
    ("ID-09", state(CODE), FAIL, "code d'appareil"),
    ("ID-09", conditions(CODE, authenticationFlows={"transferMethods": "deviceCodeFlow,authenticationTransfer"}), PASS, ""),
    ("ID-09", grant(CODE, t.controls("mfa")), FAIL, ""),
    ("ID-10", state(SIGN_RISK), FAIL, "risque élevé"),
    ("ID-10", conditions(SIGN_RISK, signInRiskLevels=["medium"]), FAIL, ""),
    ("ID-10", grant(SIGN_RISK, t.controls("mfa")), PASS, ""),
    ("ID-11", state(USER_RISK), FAIL, "probablement volé"),
    ("ID-11", grant(USER_RISK, t.controls("mfa")), FAIL, ""),
    ("ID-11", grant(USER_RISK, t.controls("block")), PASS, ""),
    ("ID-19", state(DEVICE), FAIL, "n'importe quel appareil"),
    ("ID-19", grant(DEVICE, t.controls("compliantDevice", "mfa")), FAIL, ""),
    ("ID-19", users(DEVICE, excludeUsers=[*BG, "GuestsOrExternalUsers"]), PASS, "7 comptes"),
    ("ID-20", state(REGISTER), FAIL, "second facteur de qui"),
    ("ID-20", conditions(REGISTER, locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}), PASS, ""),
    ("ID-20", conditions(REGISTER, locations={"includeLocations": [t.OFFICE], "excludeLocations": []}), FAIL, ""),
    ("ID-21", users(FIRST, excludeUsers=[]), FAIL, "Second facteur pour tous"),
    ("ID-21", users(FIRST, excludeUsers=[*BG, t.NURSE_1]), FAIL, "Second facteur pour tous"),
    ("ID-21", users(FIRST, excludeUsers=[t.RESCUE_1]), PASS, ""),
    ("ID-21", users(FIRST, excludeUsers=[*BG, "GuestsOrExternalUsers"]), PASS, ""),
    ("ID-21", every(lambda f: t.add(f, "directory_objects", {"id": t.GROUP_CARE}), users(FIRST, excludeGroups=[t.GROUP_CARE])), UNSEEN, ""),
    ("ID-21", lambda f: t.with_rows(f, "conditional_access", []), NA, "Aucune règle"),
    ("ID-21", lambda f: t.partial(f, "conditional_access"), UNSEEN, "avant la fin"),
    ("ID-21", lambda f: t.partial(f, "users"), UNSEEN, ""),
    ("ID-22", users(FIRST, excludeGroups=[t.GROUP_CARE]), FAIL, "Second facteur pour tous"),
    ("ID-22", users(FIRST, excludeUsers=[*BG, t.uid(77)]), FAIL, ""),
    ("ID-22", users(ADMINS, includeRoles=[t.uid(77)]), FAIL, ""),
    ("ID-22", conditions(FIRST, locations={"includeLocations": ["All"], "excludeLocations": [t.uid(5, 5)]}), FAIL, ""),
    ("ID-22", every(users(FIRST, excludeGroups=[t.GROUP_CARE]), state(FIRST, "disabled")), PASS, "7 règles"),
    ("ID-22", lambda f: t.partial(f, "directory_objects"), UNSEEN, ""),
    ("ID-23", lambda f: t.put(f, "named_locations", 0, "ipRanges", [{"cidrAddress": "10.0.0.0/15"}]), FAIL, "Établissement"),
    ("ID-23", lambda f: t.put(f, "named_locations", 0, "ipRanges", [{"cidrAddress": "10.0.0.0/16"}]), PASS, ""),
    ("ID-23", lambda f: t.put(f, "named_locations", 0, "ipRanges", [{"cidrAddress": "2001:db8::/31"}]), FAIL, ""),
    ("ID-23", lambda f: t.put(f, "named_locations", 0, "ipRanges", [{"cidrAddress": "abc"}]), UNSEEN, ""),
    ("ID-23", lambda f: t.put(t.put(f, "named_locations", 0, "ipRanges", [{"cidrAddress": "0.0.0.0/0"}]), "named_locations", 0, "isTrusted", False), PASS, "Aucun emplacement"),
    ("ID-23", lambda f: t.with_rows(f, "named_locations", []), PASS, "Aucun emplacement"),
    ("ID-23", lambda f: t.partial(f, "named_locations"), UNSEEN, "avant la fin"),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "change", "expected", "words"), CASES)
def test_one_change(identifier, change, expected, words):
    verdict = judge(identifier, change(t.good()))
    assert verdict.verdict is expected, verdict.message
    assert words in verdict.message


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        (NO_MFA, Severity.CRITICAL),
        (users(FIRST, excludeUsers=[*BG, t.NURSE_1]), Severity.CRITICAL),
        (lambda f: t.put(f, "conditional_access", FIRST, "conditions.applications.excludeApplications", [t.uid(3, 8)]), Severity.HIGH),
        (conditions(FIRST, locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}), Severity.MEDIUM),
        (grant(FIRST, t.controls("mfa", "compliantDevice")), Severity.MEDIUM),
    ],
)  # fmt: skip
def test_gravity_follows_who_can_use_the_hole(change, severity):
    assert judge("ID-04", state(DEVICE)(change(t.good()))).severity is severity


def test_a_device_policy_leaves_only_managed_devices_without_a_second_factor():
    verdict = judge("ID-04", state(FIRST)(t.good()))
    assert verdict.severity is Severity.MEDIUM
    assert "un appareil conforme" in verdict.message


def test_whole_internet_as_trusted_place_is_critical():
    facts = t.put(t.good(), "named_locations", 0, "ipRanges", [{"cidrAddress": "0.0.0.0/0"}])
    assert judge("ID-23", facts).severity is Severity.CRITICAL


def test_witness_is_a_whole_sign_in():
    facts = conditions(FIRST, platforms={"includePlatforms": ["all"], "excludePlatforms": ["linux"]})(t.good())
    verdict = judge("ID-04", facts)
    one = verdict.affected[0]
    assert one.witness["système"] == "Linux"
    assert one.witness["compte"] == one.label
    assert one.detail in verdict.message


def test_coverage_picture_comes_with_the_verdict():
    for facts in (t.good(), NO_MFA(t.good())):
        picture = judge("ID-04", facts).exhibit
        assert picture is not None
        assert [row.partition(" (")[0] for row in picture.rows] == [
            "Administrateurs",
            "Membres",
            "Invités",
            "Comptes de secours",
        ]
    assert picture.cells[1][0].text == "Rien"
    assert picture.cells[1][0].level == "critical"
    assert "adm.roux" in picture.cells[1][0].detail
    assert picture.cells[1][1].text == "Bloqué"


def test_coverage_picture_says_what_is_undetermined():
    facts = conditions(FIRST, devices={"deviceFilter": {"mode": "exclude", "rule": "x"}})(state(DEVICE)(t.good()))
    verdict = judge("ID-04", facts)
    assert verdict.verdict is UNSEEN
    assert verdict.exhibit is not None
    assert verdict.exhibit.cells[1][0].text == "? 5/5"
    assert verdict.exhibit.cells[1][0].level == "unknown"


def test_rescue_accounts_are_guessed_when_the_profile_is_silent():
    facts = msgspec.structs.replace(t.good(), break_glass=())
    verdict = judge("ID-04", facts)
    assert verdict.verdict is PASS
    assert "hors 2 comptes exclus partout, pris pour des comptes de secours" in verdict.message


def test_rescue_accounts_left_out_of_one_policy_only_are_not_guessed():
    facts = users(DEVICE, excludeUsers=[])(msgspec.structs.replace(t.good(), break_glass=()))
    facts = users(SIGN_RISK, excludeUsers=[])(facts)
    assert judge("ID-04", facts).verdict is FAIL


def test_synchronisation_account_has_no_second_factor_to_give():
    sync = t.user(50, "Sync_SRV01")
    facts = users(FIRST, excludeUsers=[*BG, sync["id"]])(t.add(t.good(), "users", sync))
    assert judge("ID-04", facts).verdict is FAIL
    role = t.assignment(9, sync, "d29b2b05-8046-44ba-8758-1e26182fcf32")
    assert judge("ID-04", t.add(facts, "role_assignments", role)).verdict is PASS


def test_risk_needs_p2_even_with_policies():
    facts = t.without_licence(t.good(), t.P2)
    assert judge("ID-10", facts).reason == judge("ID-11", facts).reason == "licence"
    assert judge("ID-04", facts).verdict is PASS


def test_security_defaults_stand_in_for_what_they_give():
    facts = t.with_rows(NO_MFA(t.good()), "security_defaults", [{"isEnabled": True}])
    for identifier in ("ID-01", "ID-04", "ID-05", "ID-07"):
        assert judge(identifier, facts).verdict is PASS
    assert judge("ID-06", state(ADMINS)(facts)).verdict is FAIL
