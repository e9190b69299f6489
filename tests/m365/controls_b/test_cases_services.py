"""Logs, sign-ins, Exchange and sharing of the good tenant, one change at a time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.m365.controls.teams import allowed_domains
from checks.model import Affected, Context, Origin, Reason, Severity, Verdict
from tests.m365 import tenants
from tests.m365.controls_b.rows import (
    DOMAIN,
    SHARED,
    anyone,
    good,
    judge,
    mailbox,
    sign_in,
)
from tests.m365.controls_b.test_cases import FAIL, PASS, UNKNOWN, Rows, details, one
from tests.m365.tenants import (
    ACCOUNTANT,
    DIRECTOR,
    NOW,
    ago,
    put,
    rows_of,
    with_gap,
    with_rows,
    without,
)

# --- Logs


def test_young_tenant_is_not_blamed_for_a_short_log() -> None:
    facts = with_rows(good(), "oldest_sign_in", [{"createdDateTime": ago(4)}])
    young = msgspec.structs.replace(
        facts, tenant=msgspec.structs.replace(facts.tenant, created=NOW - (NOW - NOW.replace(day=15)))
    )
    assert judge("logging.sign_in_depth", young).verdict is PASS


def test_export_of_logs_may_be_declared() -> None:
    facts = without(good(), "diagnostic_settings")
    assert judge("logging.logs_exported", facts).verdict is UNKNOWN
    for answer, verdict in ((True, PASS), (False, FAIL), ("oui", UNKNOWN)):
        found = judge("logging.logs_exported", facts, Context(now=NOW, answers={"m365_logs_exported": answer}))
        assert found.verdict is verdict


def test_no_alert_without_defender_proves_nothing() -> None:
    facts = tenants.without_licence(good(), "ATP_ENTERPRISE")
    assert judge("logging.open_alerts", with_rows(facts, "alerts", [])).reason == Reason.LICENCE
    late = {"id": "a", "title": "x", "severity": "high", "createdDateTime": ago(9)}
    assert judge("logging.open_alerts", with_rows(facts, "alerts", [late])).verdict is FAIL


# --- Sign-ins


def test_country_of_the_profile_replaces_france() -> None:
    rows = [sign_in(country="BE"), sign_in(2, country="BE")]
    assert one("sign_ins.countries", "sign_ins", *rows).verdict is FAIL
    assert one("sign_ins.countries", "sign_ins", *rows, answers={"m365_countries": ["fr", "be"]}).verdict is PASS


def test_overseas_france_is_france() -> None:
    assert one("sign_ins.countries", "sign_ins", sign_in(country="RE"), sign_in(country="fr")).verdict is PASS


def test_refused_sign_ins_from_abroad_are_not_a_fault() -> None:
    assert one("sign_ins.countries", "sign_ins", sign_in(), sign_in(code=50126, country="RU")).verdict is PASS


@pytest.mark.parametrize(("unknown", "verdict"), [(1, PASS), (2, UNKNOWN)])
def test_too_many_unknown_countries_conclude_nothing(unknown: int, verdict: Verdict) -> None:
    rows = [sign_in(n / 10, country="" if n < unknown else "FR") for n in range(20)]
    assert one("sign_ins.countries", "sign_ins", *rows).verdict is verdict


@pytest.mark.parametrize(("tries", "verdict"), [(29, PASS), (30, FAIL)])
def test_thirty_wrong_passwords_are_no_mistake(tries: int, verdict: Verdict) -> None:
    rows = [sign_in(2), *(sign_in(1, code=50126) for _ in range(tries))]
    found = one("sign_ins.guessed_passwords", "sign_ins", *rows)
    assert (found.verdict, found.severity) == (verdict, None)


def test_success_after_the_tries_is_graver_and_names_the_account() -> None:
    rows = [*(sign_in(1, code=50053) for _ in range(30)), sign_in(0.5)]
    found = one("sign_ins.guessed_passwords", "sign_ins", *rows)
    assert found.severity is Severity.HIGH
    assert found.affected == (
        Affected(id=DIRECTOR, label="directrice@tilleuls.test", kind="guessed", detail="30 mots de passe faux, puis une connexion réussie."),
    )  # fmt: skip


NEW_YORK, BRUSSELS = (40.7, -74.0), (50.8, 4.4)


@pytest.mark.parametrize(
    ("days", "country", "place", "verdict"),
    [
        (1 - 1 / 24, "US", NEW_YORK, FAIL),
        (0.5, "US", NEW_YORK, PASS),
        (1 - 1 / 1440, "BE", BRUSSELS, PASS),
        (1 - 1 / 24, "FR", NEW_YORK, PASS),
    ],
)
def test_travels(days: float, country: str, place: tuple[float, float], verdict: Verdict) -> None:
    found = one("sign_ins.impossible_travels", "sign_ins", sign_in(1), sign_in(days, country=country, at=place))
    assert found.verdict is verdict


def test_travels_of_two_people_are_not_one() -> None:
    rows = sign_in(1), sign_in(1 - 1 / 24, user=ACCOUNTANT, country="US", at=NEW_YORK)
    assert one("sign_ins.impossible_travels", "sign_ins", *rows).verdict is PASS


def test_sign_ins_without_place_conclude_nothing() -> None:
    bare = {"createdDateTime": ago(1), "userId": DIRECTOR, "status": {"errorCode": 0}}
    for check in ("sign_ins.countries", "sign_ins.impossible_travels"):
        assert one(check, "sign_ins", bare).reason == Reason.UNSUPPORTED


def test_evidence_of_sign_ins_counts_without_naming() -> None:
    found = judge("sign_ins.countries", good())
    assert "réussies : 2, refusées : 1, dont mot de passe faux : 1" in found.evidence[0].value
    assert "@" not in found.evidence[0].value


# --- Exchange


def test_redirection_to_the_unknown_needs_the_domains() -> None:
    facts = good(mailboxes=[mailbox(DIRECTOR, "d", ForwardingSmtpAddress="smtp:x@y.test")])
    facts = without(facts, "accepted_domains")
    facts = msgspec.structs.replace(facts, tenant=msgspec.structs.replace(facts.tenant, domains=()))
    assert judge("mail_routes.redirected_mailboxes", facts).reason == Reason.NOT_CONFIGURED


def test_rule_replaces_the_mark_of_outlook() -> None:
    facts = with_gap(good(), "external_in_outlook")
    assert judge("exchange.external_warning", facts).verdict is PASS
    assert judge("exchange.external_warning", with_rows(facts, "transport_rules", [])).reason == Reason.PERMISSION


def grant(**changes: Any) -> dict[str, Any]:
    return {
        "Identity": "boite",
        "User": f"comptable@{DOMAIN}",
        "AccessRights": ["FullAccess"],
        "IsInherited": False,
        "Deny": False,
    } | changes


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([grant(Identity=f"b{n}") for n in range(10)], PASS),
        ([grant(Identity=f"b{n}") for n in range(11)], FAIL),
        ([grant(User="TILLEULS\\Domain Users")], FAIL),
        ([grant(User="Everyone", Deny=True)], PASS),
        ([grant(User="Everyone", IsInherited=True)], PASS),
        ([grant(User="Everyone", AccessRights=["ReadPermission"])], PASS),
    ],
)
def test_delegations(grants: Rows, verdict: Verdict) -> None:
    assert one("exchange.delegations", "mailbox_permissions", *grants).verdict is verdict


def test_delegation_to_a_disabled_account_fails() -> None:
    facts = put(good(), "users", 8, "accountEnabled", False)
    assert rows_of(facts, "users")[8]["id"] == ACCOUNTANT
    found = judge("exchange.delegations", facts)
    assert "compte désactivé" in details(found)


def test_shared_mailbox_is_known_by_the_identifier_of_its_account() -> None:
    facts = good()
    index = [row["id"] for row in rows_of(facts, "users")].index(SHARED)
    found = judge("exchange.shared_mailboxes", put(facts, "users", index, "accountEnabled", True))
    assert found.affected[0].id == SHARED


def test_origin_of_an_import_is_kept() -> None:
    facts = with_rows(
        good(), "admin_audit", rows_of(good(), "admin_audit"), origin=Origin.IMPORTED, source="export.json"
    )
    proof = judge("logging.unified_audit", facts).evidence[0]
    assert (proof.origin, proof.source) == (Origin.IMPORTED, "export.json")


# --- Sharing


def test_sharepoint_settings_that_need_writing_are_a_matter_of_permission() -> None:
    facts = with_gap(good(), "sharepoint_tenant", Reason.NOT_CONFIGURED)
    for check in ("sharepoint.onedrive", "sharepoint.default_links"):
        assert judge(check, facts).reason == Reason.PERMISSION


def test_export_stands_for_graph() -> None:
    facts = with_gap(good(), "sharepoint")
    assert judge("sharepoint.sharing", facts).verdict is PASS
    assert judge("sharepoint.domain_list", facts).verdict is PASS


@pytest.mark.parametrize(
    ("days", "verdict"), [(1, PASS), (30, PASS), (31, FAIL), (0, FAIL), (-1, FAIL), ("x", UNKNOWN)]
)
def test_expiry_of_anonymous_links(days: Any, verdict: Verdict) -> None:
    facts = put(anyone(), "sharepoint_tenant", 0, "RequireAnonymousLinksExpireInDays", days)
    assert judge("sharepoint.anonymous_expiry", facts).verdict is verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("2025-11-20", PASS), ("2025-11-19", FAIL), (False, FAIL), (True, UNKNOWN), ("hier", UNKNOWN), (None, UNKNOWN)],
)
def test_review_of_anonymous_links_is_declared(answer: Any, verdict: Verdict) -> None:
    context = Context(now=NOW, answers={"m365_anonymous_links_reviewed": answer})
    assert judge("sharepoint.anonymous_files", good(), context).verdict is verdict


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [("03:00:00", PASS), ("03:00:01", FAIL), ("1.00:00:00", FAIL)],
)
def test_idle_policy_of_the_directory_counts(policy: str, verdict: Verdict) -> None:
    text = f'{{"ActivityBasedTimeoutPolicy":{{"ApplicationPolicies":[{{"ApplicationId":"default","WebSessionIdleTimeout":"{policy}"}}]}}}}'
    facts = put(good(), "sharepoint", 0, "idleSessionSignOut", {"isEnabled": False})
    found = judge(
        "sharepoint.idle_sign_out",
        with_rows(facts, "timeout_policies", [{"definition": [text], "isOrganizationDefault": True}]),
    )
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("value", "domains"),
    [
        (None, None),
        ([], None),
        ({"AllowAllKnownDomains": {}}, None),
        ("AllowAllKnownDomains", None),
        ({"AllowedDomain": [{"Domain": "a.test"}, {"Domain": "B.test"}]}, ("b.test", "a.test")),
        ([{"AllowedDomain": ["Domain=a.test"]}], ("a.test",)),
        ({"AllowList": ["a.test"]}, ("a.test",)),
        ("Domain=a.test,Domain=b.test", ("a.test", "b.test")),
    ],
)
def test_forms_of_the_federation_list(value: Any, domains: tuple[str, ...] | None) -> None:
    found = allowed_domains(value)
    assert (set(found) if found else found) == (set(domains) if domains else domains)
