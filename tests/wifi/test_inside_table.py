"""The table of a test from inside: every attempt has its cell, as grave as the control that judges it."""

from __future__ import annotations

from typing import Any

import pytest

from checks.catalogue import load_catalogue
from checks.common.exhibits import Cell, Table
from checks.model import Level, Severity, Verdict
from checks.wifi.inside import judge
from checks.wifi.inside.facts import Attempt, InsideFacts
from checks.wifi.inside_table import KINDS, LEVELS, MAX_MACHINES, WORDS, inside_exhibits

QUESTIONS = {
    "server": judge.servers, "nas": judge.shares, "dui": judge.records, "gateway": judge.management,
    "access_point": judge.management, "switch": judge.management, "printer": judge.printers,
    "station": judge.isolation,
}  # fmt: skip


def attempt(outcome: str = "no_answer", kind: str = "server", port: int = 443, **fields: Any) -> Attempt:
    base = {"target": f"machine {kind}", "address": "10.10.0.10", "port": port, "kind": kind, "outcome": outcome}
    return Attempt(**base | fields)


ALIVE = attempt("open", "gateway", 53, target="passerelle", address="10.20.0.1", must_answer=True)


def joined(*tried: Attempt, **fields: Any) -> InsideFacts:
    base: dict[str, Any] = {"role": "resident", "ssid": "Tilleuls-Residents", "network": "10.20.0.0/24",
                            "own_addresses": ("10.20.0.20",), "attempts": (ALIVE, *tried)}  # fmt: skip
    return InsideFacts(**base | fields)


def table(facts: InsideFacts) -> Table:
    (found,) = inside_exhibits((facts,))
    return found


def cell(facts: InsideFacts, machine: str, port: str) -> Cell:
    found = table(facts)
    (row,) = [row for row in found.rows if row[0].text == machine]
    return row[found.columns.index(port)]


def test_the_verdict_stands_above_the_table() -> None:
    facts = joined(attempt("open", target="contrôleur de domaine", port=389))
    found = table(facts)
    assert found.title == "Essai depuis le Wi-Fi des résidents (« Tilleuls-Residents »)"
    assert found.lead == "D'un poste résident, on atteint contrôleur de domaine 10.10.0.10 (389)."


def test_one_row_per_machine_one_column_per_port_in_order() -> None:
    facts = joined(
        attempt(port=445), attempt("refused", port=389), attempt("open", "printer", 9100, address="10.10.0.4")
    )
    found = table(facts)
    assert found.columns == ("Machine", "Adresse", "Nature", "53", "389", "445", "9100")
    assert [[one.text for one in row] for row in found.rows] == [
        ["machine server", "10.10.0.10", "serveur", "", "refuse", "silence", ""],
        ["machine printer", "10.10.0.4", "imprimante", "", "", "", "répond"],
        ["passerelle", "10.20.0.1", "passerelle", "répond (prévu)", "", "", ""],
    ]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_an_open_port_is_as_grave_as_its_control_says(kind: str) -> None:
    facts = joined(attempt("open", kind))
    (said,) = QUESTIONS[kind](facts)
    assert said.verdict is Verdict.FAIL
    controls = {c.check: c.severity for _, c in load_catalogue(["checks.wifi"]).controls()}
    severity = said.severity or controls.get(f"inside.{QUESTIONS[kind].__name__}") or Severity(str(LEVELS[kind]))
    found = cell(facts, f"machine {kind}", "443")
    assert (found.text, found.level) == ("répond", Level(str(severity)))
    assert found.detail


def test_a_refusal_by_the_machine_is_lighter() -> None:
    silent = attempt("no_answer", "unused", address="10.10.0.250")
    facts = joined(attempt("refused"), silent)
    (said,) = judge.servers(facts)
    assert cell(facts, "machine server", "443").level is Level(str(said.severity)) is Level.LOW


def test_a_refusal_that_may_be_a_filter_is_not_known() -> None:
    assert cell(joined(attempt("refused")), "machine server", "443").level is Level.UNKNOWN


def test_a_refusal_by_a_filter_is_what_is_wanted() -> None:
    facts = joined(attempt("refused"), attempt("refused", "unused", address="10.10.0.250"))
    assert cell(facts, "machine server", "443") == Cell(text="refuse")
    assert cell(facts, "machine unused", "443") == Cell(text="refuse")


def test_silence_is_a_filter_only_when_something_answered() -> None:
    assert cell(joined(attempt()), "machine server", "443") == Cell(text="silence")
    alone = cell(joined(attempts=(attempt(),)), "machine server", "443")
    assert (alone.text, alone.level) == ("silence", Level.UNKNOWN)


@pytest.mark.parametrize("outcome", ["not_authorised", "error", "not_tried"])
def test_what_was_not_tried_is_not_known(outcome: str) -> None:
    found = cell(joined(attempt(outcome, detail="Pas cette fois.")), "machine server", "443")
    assert (found.level, found.detail) == (Level.UNKNOWN, "Pas cette fois.")
    assert cell(joined(attempt(outcome)), "machine server", "443").detail


def test_a_portal_that_answers_for_everybody_reaches_nothing() -> None:
    facts = joined(attempt("open"), attempt("open", "unused", address="10.10.0.250"))
    found = cell(facts, "machine server", "443")
    assert found.level is Level.UNKNOWN
    assert "portail" in found.detail


def test_from_another_network_nothing_is_concluded() -> None:
    facts = joined(attempt("open"), own_addresses=("192.0.2.9",))
    assert cell(facts, "machine server", "443").level is Level.UNKNOWN
    assert "ne permet pas de conclure" in table(facts).lead


def test_a_professional_station_may_reach_servers_but_not_switches() -> None:
    facts = joined(attempt("open"), attempt("open", "switch", address="10.10.0.2"), role="pro", ssid="")
    assert cell(facts, "machine server", "443") == Cell(text="répond")
    assert cell(facts, "machine switch", "443").level is Level.HIGH
    assert table(facts).title == "Essai depuis le Wi-Fi professionnel"


def test_the_way_out_is_shown_and_judged_when_open() -> None:
    facts = joined(egress=(attempt("open", "external", 25, target="203.0.113.9", address="203.0.113.9"),
                           attempt("no_answer", "external", 445, target="203.0.113.9", address="203.0.113.9")))  # fmt: skip
    (said,) = judge.egress(facts)
    assert said.verdict is Verdict.FAIL
    assert cell(facts, "203.0.113.9", "25").level is Level.MEDIUM
    assert cell(facts, "203.0.113.9", "445") == Cell(text="silence")


def test_many_ports_share_the_last_column() -> None:
    tried = [attempt(port=1000 + n) for n in range(60)] + [attempt("open", port=7, target="autre")]
    facts = joined(*tried)
    found = table(facts)
    assert found.columns[-1] == "Autres ports"
    shown = {one for row in found.rows for one in (row[-1].text,) if one}
    assert "1059 silence" in " ".join(shown)
    every = " ".join(cell.text for row in found.rows for cell in row)
    assert every.count("silence") == 60
    assert every.count("répond") == 2


def test_many_machines_are_bounded_and_counted() -> None:
    tried = [attempt(target=f"m{n}", address=f"10.1.{n >> 8}.{n & 255}") for n in range(MAX_MACHINES + 1)]
    found = table(joined(*tried))
    assert len(found.rows) == MAX_MACHINES
    assert "2 autres machines essayées sans ligne" in found.note


def test_what_was_reached_comes_first_and_what_nobody_has_last() -> None:
    facts = joined(attempt("no_answer", "unused", address="10.10.0.250"), attempt("no_answer", "nas"),
                   attempt("open", "printer"), egress=(attempt("open", "external", 25),))  # fmt: skip
    assert [row[2].text for row in table(facts).rows] == [
        "imprimante", "passerelle", "stockage", "Internet", "adresse sans machine"
    ]  # fmt: skip


def test_nothing_tried_is_said() -> None:
    found = table(joined(attempts=()))
    assert found.rows == ()
    assert found.note == "Rien n'a été essayé."
    assert inside_exhibits(()) == ()


def test_every_word_of_the_facts_has_a_french_one() -> None:
    import typing

    from checks.wifi.inside import config
    from checks.wifi.inside import facts as inside

    assert set(WORDS) == set(typing.get_args(inside.Outcome))
    assert {*typing.get_args(config.Kind), "unused", "external"} <= set(KINDS)
    assert set(typing.get_args(config.Kind)) <= set(LEVELS)


def test_the_refusal_of_the_gateway_is_no_question() -> None:
    closed = attempt("refused", "gateway", target="routeur", address="10.20.0.1")
    beyond = attempt("refused", "gateway", target="routeur du siège", address="10.10.0.1")
    tried = joined(closed, beyond)
    assert cell(tried, "routeur", "443").level is Level.NONE
    assert cell(tried, "routeur du siège", "443").level is Level.UNKNOWN
