"""The rewrite proposal: what may go, what would change if a rule moved, and the proof; nothing is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks.firewall.algebra.decide import Packet, decide
from checks.firewall.algebra.reduce import prove, reduced
from checks.firewall.collect import read_exports
from checks.firewall.facts import DENY, FORWARD, JUMP, PERMIT, AddressSet, Chain, Device, FirewallFacts, Rule
from checks.firewall.rewrite import proposal
from tests.firewall.devices import Builder, device, facts, forward

EXPORT = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.60.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.1.10.0/25 -p tcp -m tcp --dport 443 -m comment --comment "Postes, bas" -j ACCEPT
-A FORWARD -s 10.1.10.128/25 -p tcp -m tcp --dport 443 -m comment --comment "Postes, haut" -j ACCEPT
-A FORWARD -s 10.1.10.0/24 -p tcp -m tcp --dport 443 -m comment --comment "Postes, doublon" -j ACCEPT
-A FORWARD -s 10.1.20.0/24 -d 10.0.0.0/8 -j DROP
-A FORWARD -s 10.1.20.7/32 -d 10.1.40.5/32 -p tcp -m tcp --dport 104 -m comment --comment "Borne" -j ACCEPT
-A FORWARD -s 10.1.20.0/24 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
"""


def text_of(*devices: Device) -> str:
    return proposal(facts(*devices))


def part(text: str, number: int) -> str:
    """One of the three parts of the proposal of one firewall."""
    after = text.split(f"## {number}. ", 1)[1]
    return after.split("\n## ", 1)[0]


def test_an_export_from_file_to_proposal(tmp_path: Path):
    path = tmp_path / "tilleuls.rules"
    path.write_text(EXPORT)
    before = path.read_bytes()
    found = read_exports([path], [])
    text = proposal(found)
    assert path.read_bytes() == before
    assert "non appliquée" in text
    removed = part(text, 1)
    assert "2 règles sur 8" in removed
    assert "FORWARD 4" in removed
    assert "ligne 9" in removed
    assert "jamais atteinte, déjà couverte par FORWARD 2" in removed
    assert "jamais atteinte, et son intention n'est pas respectée : masquée par FORWARD 5" in removed
    assert removed.count("équivalent, aucune différence") == 3
    lost = part(text, 2)
    assert "FORWARD 6" in lost
    assert "Si elle passe devant : src=10.1.20.7, dst=10.1.40.5, proto=tcp, dport=104" in lost
    assert "bloqué par FORWARD 5" in lost
    assert "autorisé par FORWARD 6" in lost
    assert "Pas de compteur d'usage" in part(text, 3)


def test_the_rules_to_remove_really_change_nothing(tmp_path: Path):
    path = tmp_path / "tilleuls.rules"
    path.write_text(EXPORT)
    (one,) = read_exports([path], []).devices
    shorter = reduced(one)
    assert shorter.equivalent
    assert len(shorter.removed) == 2
    for last in range(0, 256, 5):
        for port in (22, 104, 443):
            for net in (10, 20):
                packet = Packet(f"10.1.{net}.{last}", "10.1.40.5", port=port)
                assert decide(one, packet).verdict == decide(shorter.device, packet).verdict


def made(*rules: Rule, build: Builder, **fields: Any) -> Device:
    return device(build=build, chains=(forward(list(rules), **fields),))


def test_a_healthy_rule_set_is_left_as_it_is():
    build = Builder()
    rules = [build.rule("1", PERMIT, "10.1.10.0/24", service="tcp/443", hits=None),
             build.rule("2", PERMIT, "10.1.60.0/24", service="tcp/22", hits=None)]  # fmt: skip
    text = text_of(made(*rules, build=build))
    assert "Aucune règle active n'est de trop." in part(text, 1)
    assert "Aucune." in part(text, 2)
    assert "équivalent, aucune différence" in part(text, 1)


def test_an_empty_group_and_a_rule_the_rest_repeats_may_go():
    build = Builder()
    empty = msgspec.structs.replace(build.rule("1", PERMIT), source=build.address(AddressSet(names=("GRP_VIDE",))))
    specific = build.rule("2", PERMIT, "10.1.10.5", service="tcp/443")
    text = text_of(made(empty, specific, build.rule("3", PERMIT, "10.1.10.0/24"), build=build))
    assert "règle 1 « Flux 1 » (tilleuls.conf, ligne 101) : ne peut rien sélectionner (objet vide)" in text
    assert "règle 2 « Flux 2 » (tilleuls.conf, ligne 102) : la suite fait déjà la même chose (3 « Flux 3 »)" in text
    assert "règle 3" not in part(text, 1)


def test_a_refusal_that_logs_before_a_default_that_does_not_is_kept():
    build = Builder()
    rules = [build.rule("1", PERMIT, "10.1.10.0/24"), build.rule("2", DENY, log=True)]
    text = text_of(made(*rules, build=build, default_log=False))
    assert "règle 2" not in part(text, 1)


def test_uncertain_rules_are_kept_and_compared_with_themselves():
    build = Builder()
    rules = [build.rule("1", DENY, "?fqdn:maj.example"), build.rule("2", PERMIT, "10.1.10.5"),
             build.rule("3", PERMIT, "10.1.10.5", service="tcp/443")]  # fmt: skip
    text = part(text_of(made(*rules, build=build)), 1)
    assert "- règle 3" in text
    assert "- règle 1" not in text
    assert "- règle 2" not in text
    assert "non démontré" not in text


def test_calls_that_cannot_be_followed_leave_the_proof_open():
    build = Builder()
    rules = [build.rule("1", PERMIT, "10.1.10.5"), build.rule("2", JUMP, target="absente"), build.rule("3", PERMIT)]
    text = text_of(made(*rules, build=build))
    assert "non démontré" in part(text, 1)
    assert "ne pas appliquer sans vérifier" in text


def test_moving_a_rule_of_another_chain_is_left_to_a_person():
    build = Builder()
    base = forward([build.rule("1", DENY, "10.1.10.0/24"), build.rule("2", JUMP, target="soins")])
    called = Chain(name="soins", rules=(build.rule("10", PERMIT, "10.1.10.5"),))
    text = part(text_of(device(build=build, chains=(base, called))), 2)
    assert "règle 10" in text
    assert "à étudier à la main" in text


def test_the_most_used_rules_move_up_only_where_nothing_changes():
    build = Builder()
    rules = [
        build.rule("1", PERMIT, "10.1.10.0/24", service="tcp/22", hits=1),
        build.rule("2", DENY, "10.1.20.0/24", hits=5),
        build.rule("3", PERMIT, "10.1.10.0/24", service="tcp/443", hits=900),
        build.rule("4", PERMIT, "10.1.20.9", service="tcp/80", hits=800),
    ]
    text = part(text_of(made(*rules, build=build)), 3)
    assert "- regles : 3, 2, 4, 1" in text or "- regles : 3, 2, 1, 4" in text
    assert "équivalent, aucune différence" in text
    assert "différences" not in text


def test_several_firewalls_have_each_their_part():
    text = text_of(device(), device(name="fw-annexe"))
    assert text.count("# Proposition de réécriture : ") == 2
    assert "# Proposition de réécriture : fw-annexe (fortigate)" in text
    assert proposal(FirewallFacts()) == "\n"


def test_no_filter_chain_no_proof():
    assert "aucune chaîne de filtrage dans cet export" in text_of(device(chains=()))


@pytest.mark.parametrize("action", [PERMIT, DENY])
def test_a_difference_is_shown_with_a_packet_that_gets_it(action):
    """One rule turned round: the proof must find it."""
    build = Builder()
    rule = build.rule("1", action, "10.1.10.5", service="tcp/22")
    before = made(rule, build.rule("2", PERMIT if action == DENY else DENY), build=build)
    turned = msgspec.structs.replace(rule, action=PERMIT if action == DENY else DENY)
    chain = msgspec.structs.replace(before.chains[0], rules=(turned, *before.chains[0].rules[1:]))
    after = msgspec.structs.replace(before, chains=(chain,))
    proofs = [proof for proof in prove(before, after) if proof.comparison.differences]
    assert [proof.family for proof in proofs] == [4]
    (difference,) = proofs[0].comparison.differences
    shown = proofs[0].before.space.describe(difference.packet)
    assert (shown["src"], shown["dport"]) == ("10.1.10.5", "22")
    packet = Packet(shown["src"], shown["dst"], port=22)
    assert decide(before, packet, FORWARD).verdict != decide(after, packet, FORWARD).verdict
