"""What a ScubaGear export lets conclude, policy by policy of SCuBA: two fictional tenants, every id of the table.

A policy without a line in `OTHERWISE` passes for the careful tenant and fails for the neglected one.
"""

from __future__ import annotations

import datetime as dt
import importlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import checks.m365
import reports
from checks.m365.facts import M365Facts
from checks.m365.imports import scubagear
from checks.m365.imports.found import facts_of
from checks.model import Context, Judgement, Origin, Reason, Verdict
from reports.frameworks import assemble, parse_framework
from tests.m365.imports import scuba

FOLDER = Path(checks.m365.__file__).parent


POLICIES = {
    policy["id"]: tuple(policy.get("controls", ()))
    for policy in tomllib.loads((Path(__file__).parents[1] / "scuba.toml").read_text("utf-8"))["policy"]
}
CHECKS = {
    control["id"]: control["check"]
    for control in tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))["control"]
}
CONTEXT = Context(
    now=dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC),
    answers={"m365_sensitive_accounts": ["chef@tilleuls.test"], "m365_partner_domains": ["banque.test"]},
)
PASS, FAIL, NONE, UNSEEN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
OTHERWISE: dict[str, tuple[Verdict, Verdict, Reason | None, Reason | None]] = {
    # Neither Graph nor ScubaGear tells: declared in the profile, or looked at in the portal.
    "M365-SC-01": (UNSEEN, UNSEEN, Reason.UNSUPPORTED, Reason.UNSUPPORTED),
    "M365-LG-05": (UNSEEN, UNSEEN, Reason.NOT_CONFIGURED, Reason.NOT_CONFIGURED),
    "M365-SC-16": (UNSEEN, UNSEEN, Reason.UNSUPPORTED, Reason.UNSUPPORTED),
    # ScubaGear does not export it.
    "M365-GU-03": (UNSEEN, UNSEEN, Reason.NOT_CONFIGURED, Reason.NOT_CONFIGURED),
    "M365-EX-01": (UNSEEN, UNSEEN, Reason.NOT_CONFIGURED, Reason.NOT_CONFIGURED),
    # Our control also wants somebody to receive the requests, which the export does not tell.
    "M365-AP-03": (UNSEEN, FAIL, Reason.UNSUPPORTED, None),
    # Without a mail rule, the warning of Outlook could still be on: it is not in the export.
    "M365-EX-08": (PASS, UNSEEN, None, Reason.NOT_CONFIGURED),
    # Nothing to judge yet: what comes before it fails already.
    "M365-SC-13": (PASS, UNSEEN, None, Reason.NOT_CONFIGURED),
    "M365-SC-14": (PASS, UNSEEN, None, Reason.NOT_CONFIGURED),
    "M365-SC-15": (PASS, UNSEEN, None, Reason.NOT_CONFIGURED),
    "M365-SC-18": (PASS, UNSEEN, None, Reason.NOT_CONFIGURED),
    # Only when anybody, or new guests, may be invited.
    "M365-SP-09": (NONE, FAIL, None, None),
    "M365-SC-23": (NONE, FAIL, None, None),
    "M365-SC-24": (NONE, FAIL, None, None),
}


def facts(careful: bool, **changes: Any) -> M365Facts:
    return facts_of(scubagear.read("ProviderSettingsExport.json", scuba.export(careful) | changes))


@pytest.fixture(scope="module")
def good() -> M365Facts:
    return facts(careful=True)


@pytest.fixture(scope="module")
def bad() -> M365Facts:
    return facts(careful=False)


def judge(control: str, tenant: M365Facts) -> Judgement:
    module, _, name = CHECKS[control].partition(".")
    found = getattr(importlib.import_module(f"checks.m365.controls.{module}"), name)(tenant, CONTEXT)
    assert isinstance(found, Judgement), "controls of SCuBA give one verdict for the tenant"
    return found


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_policy_of_scuba(policy: str, good: M365Facts, bad: M365Facts) -> None:
    assert POLICIES[policy], "a policy of the table has a control"
    for control in POLICIES[policy]:
        wanted = OTHERWISE.get(control, (PASS, FAIL, None, None))
        found = (judge(control, good), judge(control, bad))
        assert [one.verdict for one in found] == list(wanted[:2]), [one.message for one in found]
        assert [one.reason if one.verdict is UNSEEN else None for one in found] == list(wanted[2:])
        for one in found:
            assert all(proof.origin in (Origin.IMPORTED, Origin.DECLARED) for proof in one.evidence)
            assert one.verdict is UNSEEN or one.evidence


def test_most_policies_are_answered() -> None:
    answered = [name for name, controls in POLICIES.items() if any(OTHERWISE.get(c) is None for c in controls)]
    assert len(answered) >= 0.85 * len(POLICIES)


def test_a_policy_that_leaves_a_group_out_is_undetermined_and_never_passes() -> None:
    export = scuba.export(careful=True)["conditional_access_policies"]
    export[0]["Conditions"]["Users"]["ExcludeGroups"] = ["11111111-2222-4333-8444-555555555555"]
    found = judge("M365-ID-07", facts(True, conditional_access_policies=[export[0]]))
    assert found.verdict is UNSEEN


def test_an_account_left_out_by_name_is_found_although_no_list_has_it() -> None:
    export = scuba.export(careful=True)["conditional_access_policies"]
    out = [f"99999999-2222-4333-8444-55555555555{n}" for n in range(3)]
    export[0]["Conditions"]["Users"]["ExcludeUsers"] = out
    found = judge("M365-ID-07", facts(True, conditional_access_policies=[export[0]]))
    assert found.verdict is FAIL
    assert {one.id for one in found.affected} == set(out)


def test_a_role_whose_holders_scubagear_does_not_list_is_a_doubt() -> None:
    export = scuba.export(careful=True)["conditional_access_policies"]
    export[0]["Conditions"]["Users"]["ExcludeRoles"] = ["194ae4cb-b126-40b2-bd5b-6091b380977d"]
    found = judge("M365-ID-07", facts(True, conditional_access_policies=[export[0]]))
    assert found.verdict is UNSEEN


def test_a_command_that_failed_is_said_in_the_verdict() -> None:
    found = judge("M365-EX-06", facts(True, transport_config=[], exo_unsuccessful_commands=["Get-TransportConfig"]))
    assert found.verdict is UNSEEN
    assert found.reason == Reason.ERROR
    assert "Get-TransportConfig" in found.message


def test_new_guests_need_a_code_that_expires() -> None:
    tenant = scuba.export(careful=True)["SPO_tenant"][0] | {"SharingCapability": 1}
    assert judge("M365-SC-24", facts(True, SPO_tenant=[tenant])).verdict is PASS
    late = tenant | {"EmailAttestationReAuthDays": 31}
    assert judge("M365-SC-24", facts(True, SPO_tenant=[late])).verdict is FAIL


FRAMEWORK = Path(reports.__file__).parent / "frameworks" / "scuba.toml"


def test_the_framework_has_every_policy_with_the_controls_of_the_table() -> None:
    framework = parse_framework(FRAMEWORK.read_text("utf-8"), FRAMEWORK.name)
    assert framework.scheme == "scuba"
    assert {one.id: one.controls for one in framework.requirement} == POLICIES
    current = [one.title for one in framework.requirement if one.group != "Anciens numéros"]
    assert len(set(current)) == len(current) == 91
    assert assemble([framework]).references_of("M365-ID-07")[0] == "scuba:MS.AAD.1.1v1"


def test_policies_alone_are_enough_to_judge_what_they_block() -> None:
    export = {"conditional_access_policies": scuba.good_policies(), "module_version": "2.1.0"}
    alone = facts_of(scubagear.read("x.json", export))
    assert set(alone.readings) == {"conditional_access"}
    assert judge("M365-ID-07", alone).verdict is PASS
    none = facts_of(scubagear.read("x.json", export | {"conditional_access_policies": scuba.good_policies()[1:2]}))
    assert judge("M365-ID-09", none).verdict is FAIL


def test_a_rescue_account_that_the_export_cannot_name_keeps_from_passing() -> None:
    export = scuba.export(careful=True)["conditional_access_policies"]
    tenant = facts(True, conditional_access_policies=export)
    known = msgspec.structs.replace(tenant, break_glass=("secours1@tilleuls.test",))
    assert judge("M365-ID-07", known).verdict is PASS, "nobody is left out by name"
    for policy in export:
        policy["Conditions"]["Users"]["ExcludeUsers"] = ["99999999-2222-4333-8444-555555555551"]
    by_id = facts(True, conditional_access_policies=export)
    apart = msgspec.structs.replace(by_id, break_glass=("99999999-2222-4333-8444-555555555551",))
    assert judge("M365-ID-07", apart).verdict is PASS
    unnamed = msgspec.structs.replace(by_id, break_glass=("secours1@tilleuls.test",))
    assert judge("M365-ID-07", unnamed).verdict is not PASS
