"""The site description and the answer key hold together."""

from __future__ import annotations

import ast
import ipaddress
import tomllib
from pathlib import Path

import msgspec
import pytest

from lab import description, hosts
from lab.description import AS_FOUND, SIX_MONTHS, Fault
from lab.expectations import Expectation, expected
from lab.paths import CODE

SITE = description.load()
STATES = (AS_FOUND, SIX_MONTHS)
ROOT = CODE.parent


def catalogue_ids(domain: str) -> list[str]:
    table = tomllib.loads((ROOT / "checks" / domain / "catalogue.toml").read_text("utf-8"))
    return [control["id"] for control in table["control"]]


def seed_functions() -> set[str]:
    """`module.function` of every public function of the seeds; read, not imported: they need Samba."""
    found = set()
    for path in (CODE / "seed").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.add(f"{path.stem}.{node.name}")
    return found


def key(state: str) -> dict[tuple[str, str], Expectation]:
    return {(item.control, item.subject): item for item in expected(state)}


def test_addresses_are_unique_and_inside_their_network():
    placed = [host for host in SITE.hosts.values() if host.address]
    assert len({host.address for host in placed}) == len(placed)
    for host in placed:
        assert ipaddress.ip_address(host.address) in ipaddress.ip_network(SITE.networks[host.network].cidr)
        assert host.address != SITE.networks[host.network].gateway


def test_every_role_has_a_start_script_in_the_foreground():
    for host in SITE.hosts.values():
        if host.role:
            assert hosts.has_script(host, "start"), host.role
            assert "\nexec " in (CODE / "roles" / host.role / "start.sh").read_text("utf-8"), host.role


def test_fault_ids_are_unique():
    ids = [fault.id for fault in SITE.fault]
    assert len(ids) == len(set(ids))
    assert sum(not fault.healthy for fault in SITE.fault) >= 30


@pytest.mark.parametrize("fault", SITE.fault, ids=lambda fault: fault.id)
def test_fault_names_existing_hosts_seeds_states_and_controls(fault: Fault):
    assert fault.host in SITE.hosts
    assert set(fault.states) <= set(SITE.states)
    assert fault.states
    for name in (fault.seed, fault.repair):
        assert not name or name in seed_functions(), name
    domains = ("ad", "messaging", "firewall", "wifi", "backup", "site")
    assert set(fault.controls) <= {one for domain in domains for one in catalogue_ids(domain)}
    if fault.seed and AS_FOUND in fault.states and SIX_MONTHS not in fault.states:
        assert fault.repair, "seeded, gone later, and nobody takes it away"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("fault", [f for f in SITE.fault if not f.healthy], ids=lambda fault: fault.id)
def test_fault_is_expected_to_fail_where_it_is_and_nowhere_else(fault: Fault, state: str):
    for control in fault.controls:
        verdict = key(state)[control, fault.subject].verdict
        shared = [
            other
            for other in SITE.fault
            if not other.healthy
            and control in other.controls
            and fault.subject == other.subject
            and state in other.states
        ]
        if fault.id == "mail-wildcard":
            assert verdict == "not_assessed", "any selector answers: nothing is proved either way"
        else:
            assert (verdict == "fail") is bool(shared), control


@pytest.mark.parametrize("state", STATES)
def test_every_expected_failure_comes_from_a_described_fault(state: str):
    described = {(c, f.subject) for f in SITE.fault if not f.healthy and state in f.states for c in f.controls}
    # Third-party mail domains have no transport policy and no DNSSEC unless their table says so.
    ordinary = {"MAIL-STS-001", "MAIL-TLR-001", "MAIL-DNS-001"}
    failures = {(i.control, i.subject) for i in expected(state) if i.verdict == "fail"}
    unexplained = {
        (control, subject)
        for control, subject in failures - described
        if control not in ordinary or subject not in SITE.zones
    }
    assert unexplained == set()


@pytest.mark.parametrize("state", STATES)
def test_answer_key_covers_every_control_once_per_subject(state: str):
    items = expected(state)
    pairs = [(item.control, item.subject) for item in items]
    assert len(pairs) == len(set(pairs))
    assert {c for c, _ in pairs if c.startswith("AD-")} == set(catalogue_ids("ad"))
    audited = {name for name, zone in SITE.zones.items() if zone.audited}
    mail = {pair for pair in pairs if pair[0].startswith("MAIL-")}
    assert mail == {(control, name) for control in catalogue_ids("messaging") for name in audited}


@pytest.mark.parametrize("state", STATES)
def test_answer_key_is_well_formed(state: str):
    for item in expected(state):
        assert item.verdict in {"pass", "fail", "not_applicable", "not_assessed"}
        assert bool(item.reason) == (item.verdict == "not_assessed"), item
        assert not item.affected or item.verdict == "fail", item


def test_states_differ_by_corrections_and_at_least_one_new_failure():
    before, after = key(AS_FOUND), key(SIX_MONTHS)
    assert before.keys() == after.keys()
    corrected = {pair for pair in before if before[pair].verdict == "fail" and after[pair].verdict == "pass"}
    new = {pair for pair in before if before[pair].verdict == "pass" and after[pair].verdict == "fail"}
    assert len(corrected) >= 20
    assert ("AD-CFG-002", "tilleuls.test") in new


def test_most_level_1_controls_fail_in_one_state_and_pass_in_the_other():
    both = {
        ("AD-" + c, "tilleuls.test")
        for c in ("DC-002", "DLG-001", "KRB-002", "PRV-010", "CFG-007", "PKI-001", "TRU-001")
    }
    for pair in both:
        assert (key(AS_FOUND)[pair].verdict, key(SIX_MONTHS)[pair].verdict) == ("fail", "pass")


def test_later_state_is_made_on_top_of_the_first():
    first, later = SITE.seed_plan(AS_FOUND), SITE.seed_plan(SIX_MONTHS)
    assert later[: len(first)] == first
    assert "kerberos.rotate_krbtgt" in later
    assert "domain.anonymous_ldap" in later
    assert "domain.anonymous_ldap" not in first


def test_state_replaces_only_what_it_names():
    later = SITE.in_state(SIX_MONTHS)
    assert later.hosts["dc"].env["SMB_SIGNING"] == "mandatory"
    assert later.hosts["dc"].env["REALM"] == SITE.hosts["dc"].env["REALM"]
    assert later.hosts["relais"].certificate == "good"
    assert later.zones["tilleuls.test"].mx == SITE.zones["tilleuls.test"].mx
    assert later.zones["sain.test"] == SITE.zones["sain.test"]


def test_unknown_state_is_refused():
    with pytest.raises(ValueError, match="état inconnu"):
        SITE.in_state("demain")


def test_unknown_key_is_refused(tmp_path: Path):
    text = (CODE / "site.toml").read_text("utf-8").replace("[hosts.agent]", "[hosts.agent]\ncouleur = 'bleu'")
    path = tmp_path / "site.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(msgspec.ValidationError, match="couleur"):
        description.load(path)


def test_roles_read_only_variables_the_runner_gives():
    given = set(hosts.role_environment(SITE, hosts.Layout("x"), "dc", "start"))
    given |= {f"LAB_{k}" for host in SITE.hosts.values() for k in host.env}
    for script in (CODE / "roles").glob("*/*.sh"):
        used = {word for word in _variables(script.read_text("utf-8")) if word.startswith("LAB_")}
        assert used <= given, script


def _variables(text: str) -> set[str]:
    found = set()
    for part in text.split("$")[1:]:
        word = part.lstrip("{")
        end = next((i for i, c in enumerate(word) if not (c.isalnum() or c == "_")), len(word))
        found.add(word[:end])
    return found
