"""Accounts and methods: the good tenant and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.m365.facts import Licences
from checks.model import Severity, Verdict
from tests.m365 import tenants as t
from tests.m365.controls_a.cases import judge

PASS, FAIL, NA, UNSEEN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def setting(**values):
    return lambda f: t.with_rows(f, "directory_settings", [t.directory_setting("Password Rule Settings", **values)])


def method(name, state):
    def change(facts):
        def edit(row):
            for item in row["authenticationMethodConfigurations"]:
                if item["id"] == name:
                    item["state"] = state

        return t.edit(facts, "authentication_methods", 0, edit)

    return change  # fmt: skip


def context_shown(name, **values):
    def change(facts):
        def edit(row):
            row["authenticationMethodConfigurations"][0]["featureSettings"][name] |= values

        return t.edit(facts, "authentication_methods", 0, edit)

    return change  # fmt: skip


def sign_in(**values):
    return lambda f: t.with_rows(f, "sign_ins", [t.rows_of(f, "sign_ins")[0] | values])


def last(index, days):
    return lambda f: t.put(f, "user_activity", index, "signInActivity.lastSuccessfulSignInDateTime", t.ago(days))


def risk(**values):
    row = {"id": t.NURSE_1, "userPrincipalName": "infirmiere.un@tilleuls.test", "riskState": "atRisk",
           "riskLevel": "high", "riskLastUpdatedDateTime": t.ago(3)}  # fmt: skip
    return lambda f: t.with_rows(f, "risky_users", [row | values])


CASES = [
    ("ID-02", lambda f: t.put(f, "registration", 6, "isMfaCapable", False), FAIL, "infirmiere.un"),
    ("ID-02", lambda f: t.put(f, "registration", 6, "isMfaCapable", None), PASS, "9 comptes"),
    ("ID-02", lambda f: t.with_rows(f, "registration", t.rows_of(f, "registration")[:-2]), UNSEEN, "seconds facteurs"),
    ("ID-02", lambda f: t.put(t.put(f, "registration", 6, "isMfaCapable", False), "users", 6, "accountEnabled", False), PASS, ""),
    ("ID-02", lambda f: t.put(f, "registration", 9, "isMfaCapable", False), PASS, ""),
    ("ID-02", lambda f: t.partial(f, "users"), UNSEEN, "avant la fin"),
    ("ID-02", lambda f: t.partial(t.with_rows(f, "registration", []), "registration", absent=("isMfaCapable",)), UNSEEN, "ne donne pas"),
    ("ID-03", lambda f: t.put(f, "registration", 0, "isMfaCapable", False), FAIL, "adm.martin"),
    ("ID-03", lambda f: t.put(f, "registration", 6, "isMfaCapable", False), PASS, "5 administrateurs"),
    ("ID-03", lambda f: t.put(f, "registration", 6, "isAdmin", True), PASS, "6 administrateurs"),
    ("ID-03", lambda f: t.partial(f, "role_assignments"), UNSEEN, "avant la fin"),
    ("ID-08", sign_in(clientAppUsed="IMAP4"), FAIL, "directrice"),
    ("ID-08", sign_in(clientAppUsed="IMAP4", status={"errorCode": 50126}), PASS, "1 connexion lue"),
    ("ID-08", sign_in(clientAppUsed=None), PASS, ""),
    ("ID-08", sign_in(clientAppUsed="POP3", status=None), UNSEEN, ""),
    ("ID-08", lambda f: t.partial(f, "sign_ins"), UNSEEN, "avant la fin"),
    ("ID-12", risk(), FAIL, "infirmiere.un"),
    ("ID-12", risk(riskLevel="medium"), PASS, "1 compte à risque moindre"),
    ("ID-12", risk(riskState="remediated"), PASS, ""),
    ("ID-12", risk(riskLevel=None), UNSEEN, ""),
    ("ID-13", context_shown("displayLocationInformationRequiredState", state="disabled"), FAIL, "le lieu"),
    ("ID-13", context_shown("displayAppInformationRequiredState", includeTarget={"id": t.GROUP_PROJECT}), FAIL, "l'application"),
    ("ID-13", context_shown("displayAppInformationRequiredState", state="default"), PASS, ""),
    ("ID-13", context_shown("displayAppInformationRequiredState", state=None), UNSEEN, ""),
    ("ID-13", method("MicrosoftAuthenticator", "disabled"), NA, "n'est pas une méthode"),
    ("ID-14", method("Sms", "enabled"), FAIL, "SMS"),
    ("ID-14", method("Voice", "?"), UNSEEN, ""),
    ("ID-14", lambda f: t.put(f, "authentication_methods", 0, "policyMigrationState", "migrationInProgress"), UNSEEN, "migration"),
    ("ID-15", lambda f: t.put(f, "authentication_methods", 0, "policyMigrationState", "preMigration"), FAIL, ""),
    ("ID-15", lambda f: t.put(f, "authentication_methods", 0, "policyMigrationState", None), PASS, ""),
    ("ID-15", lambda f: t.with_rows(f, "authentication_methods", [{"id": "x"}]), UNSEEN, ""),
    ("ID-16", setting(EnableBannedPasswordCheck="False", BannedPasswordList="x"), FAIL, "n'est active"),
    ("ID-16", setting(EnableBannedPasswordCheck="True", BannedPasswordList=" "), FAIL, "vide"),
    ("ID-16", lambda f: t.with_rows(f, "directory_settings", []), FAIL, ""),
    ("ID-16", lambda f: t.with_rows(f, "directory_settings", [], complete=False), UNSEEN, ""),
    ("ID-17", setting(LockoutThreshold="11", LockoutDurationInSeconds="60"), FAIL, "11 erreurs"),
    ("ID-17", setting(LockoutThreshold="10", LockoutDurationInSeconds="59"), FAIL, "59 secondes"),
    ("ID-17", setting(LockoutThreshold="10", LockoutDurationInSeconds="60"), PASS, ""),
    ("ID-17", setting(LockoutThreshold="dix", LockoutDurationInSeconds="60"), UNSEEN, ""),
    ("ID-17", lambda f: t.with_rows(f, "directory_settings", []), PASS, "60 secondes"),
    ("ID-18", lambda f: t.put(f, "domains", 1, "passwordValidityPeriodInDays", 90), FAIL, "tilleuls.test"),
    ("ID-18", lambda f: t.put(f, "domains", 1, "passwordValidityPeriodInDays", None), UNSEEN, ""),
    ("ID-18", lambda f: t.put(t.put(f, "domains", 1, "authenticationType", "Federated"), "domains", 1, "passwordValidityPeriodInDays", 90), PASS, "1 domaine"),
    ("ID-18", lambda f: t.with_rows(f, "domains", []), UNSEEN, ""),
    ("ID-24", last(8, 91), FAIL, "comptable"),
    ("ID-24", last(8, 90), PASS, ""),
    ("ID-24", last(3, 400), PASS, ""),
    ("ID-24", last(9, 400), PASS, ""),
    ("ID-24", lambda f: t.put(f, "user_activity", 8, "signInActivity", None), FAIL, "comptable"),
    ("ID-24", lambda f: t.put(t.put(f, "user_activity", 8, "signInActivity", None), "users", 8, "createdDateTime", t.ago(20)), PASS, ""),
    ("ID-24", lambda f: t.with_rows(f, "user_activity", t.rows_of(f, "user_activity")[:-3]), UNSEEN, ""),
    ("ID-25", lambda f: t.put(f, "users", 8, "accountEnabled", False), FAIL, "comptable"),
    ("ID-25", lambda f: t.put(f, "users", 0, "accountEnabled", False), PASS, "1 compte désactivé"),
    ("ID-25", lambda f: t.put(f, "users", 8, "accountEnabled", None), UNSEEN, ""),
    ("ID-25", lambda f: t.partial(f, "users"), UNSEEN, "avant la fin"),
    ("ID-26", lambda f: t.put(f, "organization", 0, "onPremisesLastSyncDateTime", t.ago(4 / 24)), FAIL, "4 heures"),
    ("ID-26", lambda f: t.put(f, "organization", 0, "onPremisesLastSyncDateTime", t.ago(3 / 24)), PASS, ""),
    ("ID-26", lambda f: t.put(f, "organization", 0, "onPremisesSyncEnabled", None), NA, "Aucun annuaire"),
    ("ID-26", lambda f: t.put(f, "organization", 0, "onPremisesLastSyncDateTime", "hier"), UNSEEN, ""),
    ("ID-26", lambda f: t.with_rows(f, "organization", [{"id": t.TENANT}]), UNSEEN, ""),
    ("ID-27", lambda f: t.put(f, "on_premises_sync", 0, "features.blockSoftMatchEnabled", False), FAIL, "1 protection"),
    ("ID-27", lambda f: t.put(f, "on_premises_sync", 0, "features.passwordSyncEnabled", None), UNSEEN, ""),
    ("ID-27", lambda f: t.put(f, "organization", 0, "onPremisesSyncEnabled", False), NA, ""),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "change", "expected", "words"), CASES)
def test_one_change(identifier, change, expected, words):
    verdict = judge(identifier, change(t.good()))
    assert verdict.verdict is expected, verdict.message
    assert words in verdict.message
    assert bool(verdict.affected) <= (expected is FAIL)


def test_late_synchronisation_is_graver():
    late = judge("ID-26", t.put(t.good(), "organization", 0, "onPremisesLastSyncDateTime", t.ago(2)))
    assert late.severity is Severity.HIGH


def test_recent_tenant_without_expiry():
    facts = t.put(t.good(), "domains", 1, "passwordValidityPeriodInDays", None)
    new = msgspec.structs.replace(facts.tenant, created=t.NOW.replace(year=2021, month=10))
    old = msgspec.structs.replace(facts.tenant, created=t.NOW.replace(year=2021, month=9))
    assert judge("ID-18", msgspec.structs.replace(facts, tenant=new)).verdict is PASS
    assert judge("ID-18", msgspec.structs.replace(facts, tenant=old)).verdict is UNSEEN


def test_affected_accounts_are_named():
    verdict = judge("ID-02", t.put(t.good(), "registration", 6, "isMfaCapable", False))
    (one,) = verdict.affected
    assert (one.id, one.label, one.kind, one.ref) == (
        t.NURSE_1, "infirmiere.un@tilleuls.test", "no_second_factor", "infirmiere.un@tilleuls.test",
    )  # fmt: skip
    assert "1 compte sur 9" in verdict.message


def test_standard_without_p1_in_its_licences():
    facts = t.good()
    assert isinstance(facts.licences, Licences)
    facts = t.without_licence(facts, t.P1, t.P2)
    assert judge("ID-16", facts).reason == "licence"
    assert judge("ID-17", facts).verdict is PASS
