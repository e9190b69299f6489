"""Which protection policy applies: presets first, then custom ones by priority, then the default."""

from __future__ import annotations

from typing import Any

import pytest

from checks.m365.controls.coverage import MALWARE, applied
from checks.m365.controls.seen import Seen
from checks.model import Reason, Verdict
from tests.m365.controls_b.rows import ANSWERED, DOMAIN, STANDARD, STRICT, good, judge, malware, rule
from tests.m365.tenants import with_gap

WHOLE = [DOMAIN, "tilleuls.onmicrosoft.com"]
Rows = list[dict[str, Any]]


def preset(name: str, **changes: Any) -> dict[str, Any]:
    kind = name.partition(" ")[0]
    return malware(Identity=f"{name}1700000000", IsDefault=False, RecommendedPolicyType=kind, **changes)


def custom(name: str, **changes: Any) -> dict[str, Any]:
    return malware(Identity=name, IsDefault=False, RecommendedPolicyType="Custom", **changes)


def links(name: str, priority: int = 0, **changes: Any) -> dict[str, Any]:
    return rule(f"règle {name}", MalwareFilterPolicy=name, Priority=priority, **changes)


def order(policies: Rows, rules: Rows = [], presets: Rows = []) -> list[tuple[str, bool]]:  # noqa: B006 - only read
    seen = Seen(good(malware=policies, malware_rules=rules, protection_rules=presets))
    return [(str(one.policy["Identity"]), one.everyone) for one in applied(seen, MALWARE)]


DEFAULT = ("Default", True)


@pytest.mark.parametrize(
    ("policies", "rules", "presets", "expected"),
    [
        ([malware()], [], [], [DEFAULT]),
        ([malware(), preset(STRICT)], [], [rule(STRICT)], [("Strict Preset Security Policy1700000000", True)]),
        ([malware(), preset(STRICT)], [], [rule(STRICT, State="Disabled")], [DEFAULT]),
        ([malware(), preset(STRICT)], [], [], [DEFAULT]),
        ([malware(), preset(STRICT), preset(STANDARD)], [], [rule(STRICT, SentTo=["x"]), rule(STANDARD)],
         [(f"{STRICT}1700000000", False), (f"{STANDARD}1700000000", True)]),
        ([malware(), preset(STANDARD), custom("A")], [links("A")], [rule(STANDARD, ExceptIfSentTo=["x"])],
         [(f"{STANDARD}1700000000", False), ("A", True)]),
        ([malware(), custom("A"), custom("B")], [links("A", 2), links("B", 1, SentTo=["x"])], [], [("B", False), ("A", True)]),
        ([malware(), custom("A")], [links("A", RecipientDomainIs=[DOMAIN])], [], [("A", False), DEFAULT]),
        ([malware(), custom("A")], [links("A", RecipientDomainIs=WHOLE)], [], [("A", True)]),
        ([malware(), custom("A")], [links("A", State="Disabled")], [], [DEFAULT]),
        ([malware(), custom("A")], [links("Autre")], [], [DEFAULT]),
    ],
)  # fmt: skip
def test_order_of_precedence(policies: Rows, rules: Rows, presets: Rows, expected: list[tuple[str, bool]]) -> None:
    assert order(policies, rules, presets) == expected


def test_dormant_policy_is_not_a_fault() -> None:
    facts = good(malware=[malware(), custom("Ancienne", ZapEnabled=False)], malware_rules=[])
    assert judge("protection.attachments", facts).verdict is Verdict.PASS


def test_policy_of_a_few_is_a_fault_even_when_the_default_is_good() -> None:
    facts = good(
        malware=[malware(), custom("Direction", ZapEnabled=False)], malware_rules=[links("Direction", SentTo=["x"])]
    )
    found = judge("protection.attachments", facts)
    assert [item.id for item in found.affected] == ["Direction"]


def test_bad_default_hidden_by_a_preset_for_all_is_no_fault() -> None:
    facts = good(malware=[malware(EnableFileFilter=False), preset(STANDARD)], protection_rules=[rule(STANDARD)])
    assert judge("protection.attachments", facts).verdict is Verdict.PASS


def test_unknown_rules_decide_nothing() -> None:
    facts = good(malware=[malware(), custom("A", ZapEnabled=False)])
    found = judge("protection.attachments", with_gap(facts, "malware_rules"), ANSWERED)
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.PERMISSION)


def test_rules_are_not_needed_without_custom_policy() -> None:
    assert judge("protection.attachments", with_gap(good(), "malware_rules")).verdict is Verdict.PASS


def test_rules_of_presets_are_needed_when_there_is_a_preset() -> None:
    facts = good(malware=[malware(), preset(STANDARD)])
    assert judge("protection.attachments", with_gap(facts, "protection_rules")).verdict is Verdict.NOT_ASSESSED


def test_no_policy_in_force_is_said_so() -> None:
    found = judge("protection.attachments", good(malware=[custom("A")]))
    assert (found.verdict, found.reason) == (Verdict.NOT_ASSESSED, Reason.UNSUPPORTED)
    assert "Get-MalwareFilterPolicy" in found.message
