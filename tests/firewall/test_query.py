"""Questions about what may pass: every key, zones and translations worked out, answers that are not certain."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.firewall.facts import DENY, FORWARD, INPUT, PERMIT, Chain, Device, Interface
from checks.firewall.query import Answer, answer
from tests.firewall.devices import Builder, device, facts, forward, interfaces, publication, to_itself

UNDETERMINED = "undetermined"


def ask(question: str, *devices: Device) -> Answer:
    return answer(facts(*devices), question)


def asked(question: str, *devices: Device) -> tuple[str, str]:
    """Verdict and deciding rule."""
    found = ask(question, *devices)
    return found.verdict, found.details.get("rule", {}).get("ref", "")


# --- One device, zones worked out from the interfaces


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("src=10.1.20.0/24 dst=10.1.10.5 dport=445", (DENY, "1")),
        ("src=10.1.10.5 dst=203.0.113.5 dport=443", (PERMIT, "3")),
        ("src=10.1.10.5 dst=203.0.113.5 dport=25", (DENY, "défaut")),
        ("src=10.1.10.5; dst=10.1.40.5; dport=104", (PERMIT, "5")),
        ("SRC=10.1.10.5 DST = '10.1.40.5' DPORT=\"104\"", (PERMIT, "5")),
        ("src=10.1.10.5-10.1.10.9 dst=10.1.40.5 dport=104 sport=40000", (PERMIT, "5")),
        ("src=10.1.10.5,10.1.10.7 dst=10.1.40.5 dport=104", (PERMIT, "5")),
        ("src=10.1.10.5 dst=10.1.40.5 dport=104 proto=udp", (DENY, "défaut")),
        ("src=10.1.10.5 dst=10.1.40.5 proto=icmp type=8 code=0", (DENY, "défaut")),
        ("src=10.1.10.5 dst=10.1.40.5 dport=104 device=fw-tilleuls", (PERMIT, "5")),
        ("src=10.1.10.5 dst=10.1.40.5 dport=104 state=established", (PERMIT, "5")),
        ("src=10.1.10.5 dst=10.1.40.5 dport=104 in=RESIDENTS", (DENY, "défaut")),
        ("src=10.1.10.5 dst=10.1.40.5 dport=104 out=DMZ", (DENY, "défaut")),
        ("src=10.1.10.5 dst=any dport=3389", (DENY, "défaut")),
    ],
)
def test_answers(question, wanted):
    assert asked(question) == wanted


def test_the_deciding_rule_is_named_with_its_line():
    found = ask("src=10.1.20.0/24 dst=10.1.10.5 dport=445")
    assert found.message == "Ce trafic est bloqué : règle 1 « Flux 1 » (regles, tilleuls.conf, ligne 101)."
    assert found.details["rule"] == {
        "ref": "1", "name": "Flux 1", "line": 101, "file": "tilleuls.conf", "chain": "regles", "action": DENY,
        "automatic": False,
    }  # fmt: skip
    assert found.details["partial"] is False


def test_part_of_a_question_may_pass():
    found = ask("src=10.1.10.0/24 dst=203.0.113.0/24")
    assert found.verdict == PERMIT
    assert found.details["partial"] is True
    assert found.message.startswith("Une partie de ce trafic passe : règle 3")
    assert {part["verdict"] for part in found.details["parts"]} == {PERMIT, DENY}
    (open_part,) = (part for part in found.details["parts"] if part["verdict"] == PERMIT)
    assert open_part["services"] == ["tcp/80", "tcp/443"]
    assert open_part["src"] == ["10.1.10.0/24"]
    assert open_part["in"] == ["PRO"]


def test_the_most_precise_network_tells_the_zone():
    wide = Interface(name="TOUT", networks=("10.0.0.0/8",))
    one = device(interfaces=(wide, *interfaces()))
    assert asked("src=10.1.10.5 dst=10.1.40.5 dport=104", one) == (PERMIT, "5")


def test_a_private_address_behind_no_interface_is_not_placed_on_the_internet():
    found = ask("src=10.99.0.5 dst=10.1.70.10 dport=443")
    assert found.verdict == UNDETERMINED
    assert "préciser in=ZONE" in found.message
    assert asked("src=203.0.113.5 dst=10.1.70.10 dport=443") == (PERMIT, "6")


def test_zones_that_do_not_matter_are_not_asked_for():
    """The entry is not known, but every entry gets the same answers."""
    build = Builder()
    rules = [build.rule("1", DENY, service="tcp/22", frm="eth1"), build.rule("2", DENY, service="tcp/22"),
             build.rule("3", PERMIT)]  # fmt: skip
    one = device(*rules, build=build, interfaces=())
    assert asked("src=10.1.10.5 dst=10.1.40.5 dport=22", one)[0] == DENY
    found = ask("src=10.1.10.5 dst=10.1.40.5", one)
    assert (found.verdict, found.details["partial"]) == (PERMIT, True)


def test_hooks():
    build = Builder()
    own = to_itself([build.rule("9", PERMIT, "10.1.60.0/24", service="tcp/22")])
    one = device(build=build, chains=(own,))
    assert asked("src=10.1.60.4 dst=10.1.60.1 dport=22 hook=input", one) == (PERMIT, "9")
    assert asked("src=10.1.10.4 dst=10.1.60.1 dport=22 hook=input", one) == (DENY, "défaut")
    found = ask("src=10.1.10.4 dst=10.1.60.1 dport=22", one)
    assert found.verdict == UNDETERMINED
    assert "aucune règle pour ce trafic (forward)" in found.message


# --- Questions that are not understood, in French


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "question vide"),
        ("le port 445 est-il ouvert ?", "incompris"),
        ("src=10.1.10.5 port=445", "incompris : « port »"),
        ("src=10.1.10.5 dst=10.1.40.5 et dport=445", "incompris : « et »"),
        ("dport=445", "au moins src= ou dst="),
        ("src=10.1.10.5 src=10.1.10.6", "deux fois"),
        ("src=lan", "« lan » n'est ni une adresse"),
        ("src=,", "n'est ni une adresse"),
        ("src=10.1.10.0/40", "n'est ni une adresse"),
        ("src=10.1.10.5 dst=2001:db8::1", "pas de la même version d'IP"),
        ("src=10.1.10.5 hook=nat", "hook=nat"),
        ("src=10.1.10.5 state=ouvert", "state=ouvert"),
        ("src=10.1.10.5 proto=xyz", "protocole inconnu"),
        ("src=10.1.10.5 dport=https", "port incompris"),
        ("src=10.1.10.5 dport=65536", "port incompris"),
        ("src=10.1.10.5 proto=icmp dport=445", "n'a pas de ports"),
        ("src=10.1.10.5 proto=any dport=445", "n'a pas de ports"),
        ("src=10.1.10.5 proto=gre sport=1", "n'a pas de ports"),
        ("src=10.1.10.5 proto=tcp type=8", "ni type ni code"),
        ("src=10.1.10.5 proto=icmp code=0", "demande type="),
        ("src=10.1.10.5 type=300", "de 0 à 255"),
        ("src=10.1.10.5 type=echo", "de 0 à 255"),
        ("src=10.1.10.5 type=3 code=-1", "de 0 à 255"),
        ("src=10.1.10.5 in=LAN", "interface ou zone inconnue de fw-tilleuls (connues : "),
        ("src=10.1.10.5 device=fw-autre", "équipement inconnu : fw-autre (connus : fw-tilleuls)"),
    ],
)
def test_what_is_not_understood_is_refused_rather_than_guessed(question, message):
    with pytest.raises(ValueError, match=r".") as caught:
        ask(question)
    assert message in str(caught.value)


# --- Uncertain content


def test_an_answer_that_depends_on_an_object_names_the_rule():
    build = Builder()
    rules = [build.rule("1", DENY, "?geo:RU"), build.rule("2", PERMIT)]
    found = ask("src=203.0.113.5 dst=10.1.70.10 dport=443", device(*rules, build=build))
    assert found.verdict == UNDETERMINED
    assert found.details["rule"]["ref"] == "1"
    assert "objets dont le contenu n'est pas connu" in found.message


def test_an_answer_that_depends_on_a_condition_says_which():
    build = Builder()
    rules = [build.rule("1", PERMIT, conditions=("utilisateur : grp_soins",))]
    found = ask("src=10.1.10.5 dst=10.1.40.5 dport=443", device(*rules, build=build))
    assert found.verdict == UNDETERMINED
    assert "(utilisateur : grp_soins)" in found.message


def test_the_rule_named_is_the_one_that_would_change_the_answer():
    build = Builder()
    rules = [
        build.rule("1", PERMIT, "?fqdn:a.example"),
        build.rule("2", DENY, "?fqdn:b.example"),
        build.rule("3", PERMIT),
    ]
    found = ask("src=10.1.10.5 dst=10.1.40.5 dport=443", device(*rules, build=build))
    assert found.details["rule"]["ref"] == "2"


# --- IP versions


def test_ipv6_has_its_own_answer():
    build = Builder()
    rules = [build.rule("1", PERMIT, "any4", "any4"), build.rule("2", PERMIT, "2001:db8::/64", "any6", "tcp/443")]
    one = device(*rules, build=build, ipv6="on")
    assert asked("src=2001:db8::5 dst=2001:db8:1::5 dport=443", one) == (PERMIT, "2")
    assert asked("src=2001:db8::5 dst=2001:db8:1::5 dport=22", one) == (DENY, "défaut")


def test_rules_for_ipv4_only_say_nothing_of_ipv6():
    build = Builder()
    only4 = Chain(name="FORWARD", hook=FORWARD, families=(4,), default=DENY, rules=())
    one = device(build=build, chains=(only4,), vendor="iptables", ipv6="", interfaces=())
    assert ask("src=10.1.10.5 dst=10.1.40.5 dport=22", one).verdict == DENY
    for question in ("src=2001:db8::5 dst=2001:db8:1::5 dport=22", "src=any dst=any dport=22"):
        found = ask(question, one)
        assert found.verdict == UNDETERMINED, question
        assert "IPv6 n'est pas connu" in found.message
    off = msgspec.structs.replace(one, ipv6="off")
    found = ask("src=2001:db8::5 dst=2001:db8:1::5 dport=22", off)
    assert found.verdict == DENY
    assert found.message == "Ce trafic est bloqué. IPv6 est désactivé sur cet équipement."


# --- Translations


def published(vendor: str, rule_destination: str, **fields: Any) -> Device:
    """198.51.100.2:8443 leads to 10.1.70.10:443, which the only rule lets in."""
    build = Builder()
    nat = publication(build, "V1", "198.51.100.2", "tcp/8443", "10.1.70.10", **{"to_ports": "443"} | fields)
    service = "tcp/443" if rule_destination.startswith("10.") else "tcp/8443"
    rule = build.rule("1", PERMIT, "any", rule_destination, service, frm="WAN", to="DMZ")
    return device(rule, build=build, vendor=vendor, nat=(nat,))


@pytest.mark.parametrize("vendor", ["fortigate", "pfsense", "opnsense", "iptables", "nftables", "asa", "mikrotik"])
def test_rules_that_read_the_real_server(vendor):
    one = published(vendor, "10.1.70.10")
    found = ask("src=203.0.113.9 dst=198.51.100.2 dport=8443", one)
    assert (found.verdict, found.details["rule"]["ref"]) == (PERMIT, "1")
    assert "traduite vers 10.1.70.10:443 par la règle V1 (ligne 60)" in found.message
    assert asked("src=203.0.113.9 dst=198.51.100.2 dport=443", one)[0] == DENY


@pytest.mark.parametrize("vendor", ["stormshield", "sophos", "watchguard", "paloalto", "checkpoint"])
def test_rules_that_read_the_public_address_and_the_zone_of_the_server(vendor):
    one = published(vendor, "198.51.100.2")
    assert asked("src=203.0.113.9 dst=198.51.100.2 dport=8443", one) == (PERMIT, "1")


def test_only_part_of_a_question_is_translated():
    one = published("fortigate", "10.1.70.10")
    found = ask("src=203.0.113.9 dst=198.51.100.2", one)
    assert (found.verdict, found.details["partial"]) == (PERMIT, True)
    passing = [part for part in found.details["parts"] if part["verdict"] == PERMIT]
    assert [(part["dst"], part["services"]) for part in passing] == [(["10.1.70.10"], ["tcp/443"])]


def test_a_translation_for_some_sources_or_zones_leaves_the_others():
    build = Builder()
    nat = publication(
        build, "V1", "198.51.100.2", "tcp/443", "10.1.70.10", source=build.address("203.0.113.0/24"), in_zones=("WAN",)
    )
    rule = build.rule("1", PERMIT, "any", "10.1.70.10", frm="WAN", to="DMZ")
    one = device(rule, build=build, nat=(nat,))
    assert asked("src=203.0.113.9 dst=198.51.100.2 dport=443", one) == (PERMIT, "1")
    assert asked("src=192.0.2.9 dst=198.51.100.2 dport=443", one)[0] == DENY
    assert asked("src=10.1.10.5 dst=198.51.100.2 dport=443", one)[0] == DENY


def test_networks_and_port_ranges_are_translated_one_for_one():
    build = Builder()
    nat = publication(build, "V1", "198.51.100.8/29", "tcp/8000-8007", "10.1.70.8/29", to_ports="9000-9007")
    rule = build.rule("1", PERMIT, "any", "10.1.70.10", "tcp/9003", frm="WAN", to="DMZ")
    one = device(rule, build=build, nat=(nat,))
    assert asked("src=203.0.113.9 dst=198.51.100.10 dport=8003", one) == (PERMIT, "1")
    assert asked("src=203.0.113.9 dst=198.51.100.10 dport=8004", one)[0] == DENY
    assert asked("src=203.0.113.9 dst=198.51.100.11 dport=8003", one)[0] == DENY


def test_a_translation_that_is_disabled_or_of_the_source_is_not_followed():
    for fields in ({"enabled": False}, {"kind": "source"}):
        nat = msgspec.structs.replace(published("fortigate", "10.1.70.10").nat[0], **fields)
        one = msgspec.structs.replace(published("fortigate", "10.1.70.10"), nat=(nat,))
        assert "traduite" not in ask("src=203.0.113.9 dst=198.51.100.2 dport=8443", one).message


def test_a_target_that_is_not_known_leaves_the_answer_open():
    one = published("fortigate", "10.1.70.10")
    nat = msgspec.structs.replace(one.nat[0], to_address="")
    found = ask("src=203.0.113.9 dst=198.51.100.2 dport=8443", msgspec.structs.replace(one, nat=(nat,)))
    assert found.verdict == UNDETERMINED
    assert "on ne sait où" in found.message


def test_a_public_address_that_is_not_known_leaves_only_outside_questions_open():
    build = Builder()
    nat = publication(build, "V1", "?adresse:wan", "tcp/443", "10.1.70.10", in_zones=("WAN",))
    rule = build.rule("1", PERMIT, "any", "10.1.70.10", frm="WAN", to="DMZ")
    one = device(rule, build=build, vendor="pfsense", nat=(nat,))
    found = ask("src=203.0.113.9 dst=198.51.100.2 dport=443", one)
    assert found.verdict == UNDETERMINED
    assert "publie une adresse ou un service que l'export ne donne pas" in found.message
    assert asked("src=203.0.113.9 dst=10.1.70.10 dport=443", one) == (PERMIT, "1"), "a server inside is not published"
    assert asked("src=203.0.113.9 dst=198.51.100.2 dport=22", one)[0] == DENY


def test_a_publication_without_address_nor_zone_is_said_and_left_out():
    build = Builder()
    nat = publication(build, "D1", "any", "tcp/443", "172.17.0.2")
    one = device(build.rule("1", PERMIT), build=build, vendor="iptables", nat=(nat,))
    found = ask("src=10.1.10.5 dst=10.1.40.5 dport=443", one)
    assert found.verdict == PERMIT
    assert "n'indique pas d'adresse publique" in found.message


def test_the_dimension_of_published_addresses_is_followed():
    build = Builder()
    rules = [build.rule("1", DENY, translated=("-",)), build.rule("2", PERMIT, translated=("V1",))]
    nat = publication(build, "V1", "198.51.100.2", "tcp/443", "10.1.70.10")
    one = device(*rules, build=build, nat=(nat,))
    assert asked("src=203.0.113.9 dst=198.51.100.2 dport=443", one) == (PERMIT, "2")
    assert asked("src=203.0.113.9 dst=10.1.70.10 dport=443", one) == (DENY, "1")


# --- Several devices


def test_several_firewalls_answer_each_for_itself():
    build = Builder()
    open_one = device(build.rule("1", PERMIT), build=build, name="fw-annexe")
    found = ask("src=10.1.10.5 dst=10.1.40.5 dport=22", device(), open_one)
    assert found.verdict == UNDETERMINED, "they do not agree"
    assert "fw-tilleuls : Ce trafic est bloqué" in found.message
    assert "fw-annexe : Ce trafic passe" in found.message
    assert [one["verdict"] for one in found.details["devices"]] == [DENY, PERMIT]
    assert ask("src=10.1.10.5 dst=10.1.40.5 dport=22 device=fw-annexe", device(), open_one).verdict == PERMIT
    assert ask("src=10.1.10.5 dst=10.1.40.5 dport=104", device(), open_one).verdict == PERMIT


def test_no_rule_for_the_hook_of_this_export():
    assert ask("src=10.1.10.5 dst=10.1.40.5 hook=output").verdict == UNDETERMINED
    one = device(chains=(forward([]), to_itself([], hook=INPUT)))
    assert ask("src=10.1.10.5 dst=10.1.10.1 hook=input", one).verdict == DENY
