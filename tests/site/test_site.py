"""What several domains tell together: chains, isolation of the backups, rules against what was tried."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import BackupFacts, Repository
from checks.catalogue import load_catalogue
from checks.firewall.facts import FirewallFacts
from checks.model import Context, Gap, Outcome, Reason, Severity, Verdict
from checks.site.chains import CAR_PARK, CHAINS, State, Step, walk
from checks.site.controls import agreement, backups, chains
from checks.site.facts import SiteFacts
from checks.wifi.facts import WifiFacts
from tests.wifi.sites import joined, site

CONTEXT = Context(now=datetime(2026, 11, 22, 9, tzinfo=UTC))
GAP = Gap(reason=Reason.NOT_CONFIGURED, detail="Le domaine n'était pas demandé.")
RECORDED = Path(__file__).parents[2] / "lab" / "recorded"
SSID = "Tilleuls-Residents"


def recorded(state: str, domain: str, kind):
    return msgspec.convert(json.loads((RECORDED / state / "facts" / f"{domain}.json").read_text("utf-8"))["data"], kind)


@pytest.fixture(scope="module")
def firewalls():
    return {state: recorded(state, "firewall", FirewallFacts) for state in ("as_found", "six_months")}


def outcome(control, verdict=Verdict.PASS, subject="site"):
    return Outcome(
        control=control, version=1, domain="x", subject=subject, verdict=verdict, severity=Severity.HIGH,
        message=f"{control} dit quelque chose.", fingerprint="0" * 16,
    )  # fmt: skip


def facts(firewall=GAP, wifi=GAP, backup=GAP, outcomes=()):
    return SiteFacts({"firewall": firewall, "wifi": wifi, "backup": backup}, tuple(outcomes))


def repository(label="copies", **fields):
    gap = Gap(reason=Reason.UNSUPPORTED, detail="Non lu.")
    unread = dict.fromkeys(("points", "jobs", "failures", "integrity", "encryption", "immutability", "access"), gap)
    return Repository(label=label, technology="restic", **unread, **fields)


# --- chains


def everything(verdict):
    return [
        outcome(name, verdict) for name in {name for chain in CHAINS for step in chain.steps for name in step.controls}
    ]


def test_every_control_of_a_chain_exists():
    catalogue = load_catalogue()
    if not {"site", "backup"} <= set(catalogue.domains):
        pytest.skip("a domain of the chains is not open yet")
    known = {control.id for _, control in catalogue.controls()}
    named = {name for chain in CHAINS for step in chain.steps for name in step.controls}
    assert named <= known


@pytest.mark.parametrize("control", [chains.car_park, chains.room, chains.internet, chains.mail])
def test_a_chain_is_open_cut_or_unknown(control):
    opened = control(facts(outcomes=everything(Verdict.FAIL)), CONTEXT)
    assert opened.verdict is Verdict.FAIL
    assert opened.affected
    assert "de bout en bout" in opened.message
    assert control(facts(outcomes=everything(Verdict.PASS)), CONTEXT).verdict is Verdict.PASS
    for unknown in ([], everything(Verdict.NOT_ASSESSED)):
        said = control(facts(outcomes=unknown), CONTEXT)
        assert (said.verdict, said.reason) == (Verdict.NOT_ASSESSED, Reason.NOT_CONFIGURED)


def test_one_failure_opens_a_step_and_one_closed_step_cuts_the_chain():
    found = {one.control: one for one in everything(Verdict.PASS)}
    first, directory, copies = CAR_PARK.steps
    for step in (first, directory):
        found[step.controls[0]] = outcome(step.controls[0], Verdict.FAIL)
    said = chains.car_park(facts(outcomes=found.values()), CONTEXT)
    assert said.verdict is Verdict.PASS
    assert copies.title in said.message
    found[copies.controls[-1]] = outcome(copies.controls[-1], Verdict.FAIL)
    said = chains.car_park(facts(outcomes=found.values()), CONTEXT)
    assert said.verdict is Verdict.FAIL
    assert {one.ref for one in said.affected} == {first.controls[0], directory.controls[0], copies.controls[-1]}


def test_a_step_with_a_control_that_was_not_judged_is_not_closed():
    step = Step("entrer", ("A-1", "A-2"))
    chain = CAR_PARK._replace(steps=(step,))
    assert walk(chain, [outcome("A-1")])[0].state is State.UNKNOWN
    assert walk(chain, [outcome("A-1"), outcome("A-2", Verdict.NOT_ASSESSED)])[0].state is State.UNKNOWN
    assert walk(chain, [outcome("A-1"), outcome("A-2", Verdict.NOT_APPLICABLE)])[0].state is State.CLOSED
    assert walk(chain, [outcome(n, Verdict.NOT_APPLICABLE) for n in step.controls])[0].state is State.UNKNOWN
    assert walk(chain, [outcome("A-1"), outcome("A-2", Verdict.FAIL)])[0].state is State.OPEN


@given(st.lists(st.tuples(st.sampled_from(CAR_PARK.steps[0].controls), st.sampled_from(list(Verdict)))))
def test_a_failure_never_closes_and_a_gap_never_opens(pairs):
    (walked, *_) = walk(CAR_PARK, [outcome(name, verdict) for name, verdict in pairs])
    failed = any(verdict is Verdict.FAIL for _, verdict in pairs)
    assert (walked.state is State.OPEN) is failed


# --- backups


@pytest.mark.parametrize(
    ("state", "strangers", "work"),
    [("as_found", Verdict.PASS, Verdict.FAIL), ("six_months", Verdict.PASS, Verdict.PASS)],
)
def test_the_backup_server_of_the_laboratory(firewalls, state, strangers, work):
    copies = BackupFacts(repositories=(repository(server="10.40.0.10"), repository("autres", server="10.40.0.10")))
    given_facts = facts(firewall=firewalls[state], backup=copies)
    (said,) = backups.closed_to_strangers(given_facts, CONTEXT)
    assert (said.verdict, said.subject) == (strangers, "copies, autres (10.40.0.10)")
    (said,) = backups.no_administration_from_work(given_facts, CONTEXT)
    assert said.verdict is work
    assert said.evidence


def test_copies_on_a_machine_residents_reach_fail(firewalls):
    copies = BackupFacts(repositories=(repository(server="10.10.0.10"),))
    (said,) = backups.closed_to_strangers(facts(firewall=firewalls["as_found"], backup=copies), CONTEXT)
    assert said.verdict is Verdict.FAIL
    assert [one.label for one in said.affected] == [
        "règle inet filter forward 4 « Résolution de noms entre serveurs »",
        "règle inet filter forward 8 « Test de partage, à supprimer »",
    ]


@pytest.mark.parametrize("control", [backups.closed_to_strangers, backups.no_administration_from_work])
def test_missing_domains_and_addresses_are_not_assessed(control, firewalls):
    copies = BackupFacts(repositories=(repository(server="10.40.0.10"),))
    for given_facts in (
        facts(),
        facts(backup=copies),
        facts(firewall=firewalls["as_found"]),
        facts(
            firewall=firewalls["as_found"], backup=BackupFacts(repositories=(repository(address="s3.exemple.test"),))
        ),
        facts(firewall=FirewallFacts(), backup=copies),
    ):
        assert {one.verdict for one in control(given_facts, CONTEXT)} == {Verdict.NOT_ASSESSED}


# --- rules and what was tried


@pytest.mark.parametrize("state", ["as_found", "six_months"])
def test_what_was_tried_in_the_laboratory_agrees_with_its_rules(firewalls, state):
    wifi = recorded(state, "wifi", WifiFacts)
    said = {one.subject: one for one in agreement.rules_and_facts(facts(firewall=firewalls[state], wifi=wifi), CONTEXT)}
    assert said[SSID].verdict is Verdict.PASS
    assert said["Tilleuls-Soins"].verdict is Verdict.NOT_APPLICABLE


def test_an_answer_that_no_rule_permits_fails(firewalls):
    wifi = recorded("as_found", "wifi", WifiFacts)  # the share answers, which the rules of six months later forbid
    found = agreement.rules_and_facts(facts(firewall=firewalls["six_months"], wifi=wifi), CONTEXT)
    (said,) = [one for one in found if one.subject == SSID]
    assert said.verdict is Verdict.FAIL
    assert [one.ref for one in said.affected] == ["10.10.0.10:445"]


def test_nothing_to_compare_is_not_assessed(firewalls):
    firewall = firewalls["as_found"]
    unplaced = msgspec.structs.replace(firewall, roles={"residents": "iot", "pro": "iot"})
    for given_facts in (
        facts(firewall=firewall),
        facts(firewall=firewall, wifi=site(inside=())),
        facts(wifi=site()),
        facts(firewall=FirewallFacts(devices=firewall.devices * 2, roles=firewall.roles), wifi=site()),
        facts(firewall=unplaced, wifi=site()),
        facts(firewall=firewall, wifi=site(inside=(joined(own_addresses=("10.10.0.200",)),))),
    ):
        found = agreement.rules_and_facts(given_facts, CONTEXT)
        assert {one.verdict for one in found} == {Verdict.NOT_ASSESSED}
