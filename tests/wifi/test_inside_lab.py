"""The test from inside, run at the place of a resident's tablet: with and without segmentation, with and without isolation.

The printer, the other resident's computer and the server on the Internet are those of the site.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from checks.model import Verdict
from checks.wifi.inside import judge
from checks.wifi.inside.facts import InsideFacts
from lab import network, runner
from lab.paths import namespace

pytestmark = pytest.mark.lab

INTERNET = "198.51.100.80"
AUDIT = """
import asyncio, datetime as dt, sys
from pathlib import Path
import msgspec
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Excluded, Mandate
from checks.wifi.inside.config import InsideConfig
from checks.wifi.inside.probe import probe

today = dt.date.today()
mandate = Mandate(
    authorised_by="Direction", signed_on=today, valid_from=today, valid_to=today, emergency_contact="astreinte",
    networks=("10.10.0.0/24", "10.20.0.0/24"), external_addresses=("198.51.100.80",),
    excluded=(Excluded(network="10.10.0.70/32", why="appel malade"),),
)
config = msgspec.json.decode(sys.argv[1], type=InsideConfig)
clock = lambda: dt.datetime.now(dt.UTC)
resolvers = ("10.20.0.1",)
guarded = GuardedNetwork(MandateGuard(mandate, resolvers), Journal(Path(sys.argv[2]), "wifi", clock), resolvers, clock)
install_audit_hook(guarded)
facts = asyncio.run(probe(config, guarded, lambda *_: None))
guarded.close()
sys.stdout.buffer.write(msgspec.json.encode(facts))
"""
RESIDENT = {
    "role": "resident",
    "network": "10.20.0.0/24",
    "unused": ["10.10.0.250"],
    "external": INTERNET,
    "portal_url": f"http://{INTERNET}/",
    "internal_name": "dc1.tilleuls.test",
    "connect_timeout": 1.0,
    "target": [
        {"label": "contrôleur de domaine", "address": "10.10.0.10", "kind": "server", "ports": [445, 389, 636, 88]},
        {"label": "appel malade", "address": "10.10.0.70", "kind": "server", "ports": [445]},
        {"label": "routeur", "address": "10.20.0.1", "kind": "gateway", "ports": [22, 443]},
        {"label": "imprimantes", "address": "10.10.0.40/32", "kind": "printer", "ports": [9100, 631]},
        {"label": "tablette voisine", "address": "10.20.0.21", "kind": "station", "ports": [445, 3389]},
    ],
}
PRO = {
    "role": "pro",
    "network": "10.10.0.0/24",
    "connect_timeout": 1.0,
    "target": [
        {"label": "contrôleur de domaine", "address": "10.10.0.10", "kind": "server", "ports": [445, 389]},
        {"label": "routeur", "address": "10.10.0.1", "kind": "gateway", "ports": [22, 443]},
    ],
}


def sent_packets(lab, host):
    """Packets that left the interface of a host, as its kernel counted them."""
    argv = ["ip", "-n", namespace(lab, host), "-s", "-j", "link", "show", "eth0"]
    shown = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=10)
    return json.loads(shown.stdout)[0]["stats64"]["tx"]["packets"]


@contextlib.contextmanager
def off(info, *names):
    """Some machines of the site unplugged, for as long as the block lasts."""

    def plug(state):
        for name in names:
            argv = ["ip", "-n", namespace(info.name, network.SWITCH), "link", "set", f"p-{name}", state]
            subprocess.run(argv, check=True, capture_output=True, timeout=10)

    plug("down")
    try:
        yield
    finally:
        plug("up")


@contextlib.contextmanager
def isolated(info):
    """Client isolation of an access point, as a bridge does it: two isolated ports never exchange a frame."""

    def isolate(word):
        for port in ("p-tablette", "p-voisine"):
            argv = ["ip", "netns", "exec", namespace(info.name, network.SWITCH)]
            argv += ["bridge", "link", "set", "dev", port, "isolated", word]
            subprocess.run(argv, check=True, capture_output=True, timeout=10)

    isolate("on")
    try:
        yield
    finally:
        isolate("off")


def audit(info, config, journal, host="tablette"):
    argv = [sys.executable, "-c", AUDIT, json.dumps(config), str(journal)]
    done = subprocess.run(
        runner.exec_argv(info.name, argv, host),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=InsideFacts)


def journal_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def outcomes(facts):
    return {(a.address, a.port): a.outcome for a in facts.attempts}


def verdict(judgements):
    (one,) = judgements
    return one.verdict


@pytest.mark.parametrize(("lab", "share"), [("running_lab", "open"), ("later_lab", "no_answer")])
def test_a_resident_reaches_what_the_router_lets_through(request, tmp_path, lab, share):
    info = request.getfixturevalue(lab)
    journal = tmp_path / "journal.jsonl"
    with isolated(info):
        before = sent_packets(info.name, "tablette")
        facts = audit(info, RESIDENT, journal)
        time.sleep(0.2)
        packets = sent_packets(info.name, "tablette") - before
    seen = outcomes(facts)
    assert {key: seen[key] for key in seen if key[0] == "10.10.0.10"} == {
        ("10.10.0.10", 445): share,
        ("10.10.0.10", 389): "no_answer",
        ("10.10.0.10", 636): "no_answer",
        ("10.10.0.10", 88): "no_answer",
    }
    assert seen["10.10.0.70", 445] == "not_authorised"
    assert (seen["10.10.0.40", 9100], seen["10.10.0.40", 631]) == ("open", "no_answer")
    assert {(a.port, a.outcome) for a in facts.egress} == {(25, "open"), (445, "refused"), (3389, "refused")}
    assert facts.own_addresses == ("10.20.0.20",)

    reached = Verdict.FAIL if share == "open" else Verdict.PASS
    assert verdict(judge.servers(facts)) is Verdict.PASS
    assert verdict(judge.shares(facts)) is reached
    assert verdict(judge.printers(facts)) is Verdict.FAIL
    assert verdict(judge.management(facts)) is Verdict.PASS
    assert verdict(judge.isolation(facts)) is Verdict.PASS
    assert verdict(judge.egress(facts)) is Verdict.FAIL
    assert verdict(judge.portal(facts)) is (Verdict.FAIL if share == "open" else Verdict.PASS)
    assert verdict(judge.internal_names(facts)) is Verdict.NOT_ASSESSED
    assert verdict(judge.records(facts)) is Verdict.NOT_ASSESSED
    controller = "contrôleur de domaine 10.10.0.10 (445) et " if share == "open" else ""
    assert judge.sentence(facts) == f"D'un poste résident, on atteint {controller}imprimantes 10.10.0.40 (9100)."

    entries = journal_of(journal)
    counted = [e for e in entries if e["action"] == "count" and e["protocol"] == "tcp connect"]
    assert sum(e["count"] for e in counted) == facts.connections
    assert [e["target"] for e in entries if e["action"] == "refuse"] == ["10.10.0.70"]
    assert not any("10.10.0.70" in e["target"] for e in entries if e["action"] in {"permit", "count"})
    print(f"{lab}: {facts.connections} connections, {packets} packets, {facts.seconds} s")
    assert facts.connections <= packets <= 6 * facts.connections + 20


def test_without_isolation_two_residents_see_each_other(running_lab, tmp_path):
    facts = audit(running_lab, RESIDENT, tmp_path / "journal.jsonl")
    seen = outcomes(facts)
    assert (seen["10.20.0.21", 445], seen["10.20.0.21", 3389]) == ("open", "refused")
    (said,) = judge.isolation(facts)
    assert said.verdict is Verdict.FAIL
    assert {a.ref for a in said.affected} == {"10.20.0.21:445", "10.20.0.21:3389"}


def test_a_resident_network_that_answers_nothing_is_not_assessed(later_lab, tmp_path):
    alone = {**RESIDENT, "external": "", "portal_url": ""}
    with isolated(later_lab), off(later_lab, "imprimante"):
        facts = audit(later_lab, alone, tmp_path / "journal.jsonl")
    assert {a.outcome for a in facts.attempts} == {"no_answer", "not_authorised"}
    for function in (judge.servers, judge.shares, judge.printers, judge.management, judge.isolation):
        assert verdict(function(facts)) is Verdict.NOT_ASSESSED
    assert "ne permet pas de conclure" in judge.sentence(facts)


def test_the_router_that_refuses_its_administration_to_the_professional_network_conforms(running_lab, tmp_path):
    facts = audit(running_lab, PRO, tmp_path / "journal.jsonl", "agent")
    assert outcomes(facts)["10.10.0.1", 22] == "refused"
    assert verdict(judge.management(facts)) is Verdict.PASS
    assert verdict(judge.servers(facts)) is Verdict.NOT_APPLICABLE


def test_the_resident_test_run_from_the_professional_network_is_not_judged(running_lab, tmp_path):
    facts = audit(running_lab, {**PRO, "role": "resident", "network": "10.20.0.0/24"}, tmp_path / "j.jsonl", "agent")
    assert facts.own_addresses == ("10.10.0.200",)
    (said,) = judge.servers(facts)
    assert said.verdict is Verdict.NOT_ASSESSED
    assert "10.10.0.200" in said.message
