"""Comments, disabled, temporary and unused rules: base facts and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.firewall.facts import Chain
from checks.model import Judgement, Reason, Verdict
from tests.firewall.devices import Builder, device, forward, judge

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def one(control: str, **fields: object) -> Judgement:
    """One rule that permits HTTPS, changed."""
    build = Builder()
    rule = build.rule("7", "permit", "10.1.10.0/24", "10.1.70.10", "tcp/443", frm="PRO", to="DMZ", **fields)
    return judge(f"lifecycle.{control}", device(rule, build=build))


# --- Explained


@pytest.mark.parametrize("name", ["", "7", "Rule 12", "règle 3", "Policy-4", "New rule", "Clone of 12", "  ", "#5"])
def test_rule_without_comment_nor_telling_name_fails(name: str) -> None:
    found = one("explained", name=name, comment=" ")
    assert found.verdict is F
    assert (found.affected[0].ref, found.affected[0].line, found.affected[0].kind) == ("7", 107, "no-comment")


@pytest.mark.parametrize("name", ["Accès Netsoins", "Rule for ERP", "VPN prestataire", "test"])
def test_telling_name_is_enough(name: str) -> None:
    assert one("explained", name=name, comment="").verdict is P


def test_comment_is_enough() -> None:
    assert one("explained", name="", comment="Ticket 1234").verdict is P


def test_name_equal_to_the_reference_says_nothing() -> None:
    build = Builder()
    rule = build.rule("8f1c-uuid7", name="8f1c-uuid7", comment="")
    assert judge("lifecycle.explained", device(rule, build=build)).verdict is F


def test_name_of_the_list_is_not_the_name_of_the_rule() -> None:
    build = Builder()
    rule = build.rule("INSIDE_in line 3", name="INSIDE_in", comment="")
    assert judge("lifecycle.explained", device(rule, build=build)).verdict is F


def test_disabled_rule_needs_no_comment() -> None:
    assert one("explained", name="", comment="", enabled=False).verdict is NA


# --- Disabled


def test_disabled_rule_is_listed() -> None:
    found = one("disabled", enabled=False)
    assert found.verdict is F
    assert found.affected[0].detail == "autorisation désactivée, de PRO vers DMZ"
    assert found.evidence[0].value == "1 sur 1 règle"


def test_active_rule_is_not() -> None:
    assert one("disabled").verdict is P


# --- Temporary


@pytest.mark.parametrize(
    "comment",
    [
        "TEST imprimante",
        "ouverture temporaire",
        "règle provisoire pour migration",
        "tmp_serveur",
        "à supprimer après le 12",
        "A SUPPRIMER",
        "poc telephonie",
        "to be deleted",
    ],
)
def test_rule_that_says_it_is_temporary_fails(comment: str) -> None:
    found = one("temporary", comment=comment)
    assert found.verdict is F
    assert comment in found.affected[0].detail


@pytest.mark.parametrize(
    "comment",
    [
        "Attestation CPAM",
        "température des frigos",
        "contestations",
        "Protestants",
        "latest update",
        "tempo EDF",
        "Testament",
    ],
)
def test_ordinary_words_are_not_temporary(comment: str) -> None:
    assert one("temporary", comment=comment).verdict is P


def test_name_and_section_count_too() -> None:
    assert one("temporary", name="Test ERP").verdict is F
    assert one("temporary", section="Provisoire").verdict is F


@pytest.mark.parametrize(
    ("expires", "verdict"),
    [
        ("2026-11-21", F),
        ("2026-11-22", P),  # the day itself is still allowed
        ("2026-11-22T09:59:00+00:00", F),
        ("2026-11-22T10:00:00+00:00", P),
        ("2026-11-22T12:00:00", P),
        ("2027-01-01", P),
        ("", P),
        ("bientôt", P),
    ],
)
def test_expiry_date_decides(expires: str, verdict: Verdict) -> None:
    assert one("temporary", expires=expires).verdict is verdict


@pytest.mark.parametrize(
    ("comment", "verdict"),
    [
        ("Accès éditeur jusqu'au 31/12/2025", F),
        ("Accès éditeur jusqu'au 31/12/2026", P),
        ("expire le 01-02-2026", F),
        ("fin : 2026-11-21", F),
        ("until 2026-11-22", P),
        ("ouvert le 12/03/2024 par M. Durand", P),
        ("jusqu'au 45/13/2024", P),
    ],
)
def test_date_written_in_the_comment_decides(comment: str, verdict: Verdict) -> None:
    assert one("temporary", comment=comment).verdict is verdict


def test_message_of_an_expired_rule_gives_the_date() -> None:
    assert one("temporary", expires="2025-12-31").affected[0].detail == "périmée depuis le 31/12/2025"


# --- Unused


@pytest.mark.parametrize(
    ("hits", "since", "verdict"),
    [
        (0, "2026-10-23T10:00:00+00:00", F),  # 30 days exactly
        (0, "2026-10-23T10:00:01+00:00", NS),
        (0, "2026-01-01", F),
        (0, "", NS),
        (0, "récemment", NS),
        (None, "2026-01-01", NS),
        (1, "", P),
        (5, "2026-11-20", P),
    ],
)
def test_counter_proves_disuse_only_with_its_start(hits: int | None, since: str, verdict: Verdict) -> None:
    assert one("unused", hits=hits, hits_since=since).verdict is verdict


def test_reason_says_what_is_missing() -> None:
    assert (
        one("unused", hits=None, hits_since="").message
        == "L'export ne contient pas les compteurs de passage des règles."
    )
    assert "rien ne dit depuis quand" in one("unused", hits=0, hits_since="").message
    assert "moins de 30 jours" in one("unused", hits=0, hits_since="2026-11-20").message
    assert one("unused", hits=0, hits_since="").reason == Reason.UNSUPPORTED


def test_message_gives_the_age_of_the_counter() -> None:
    assert (
        one("unused", hits=0, hits_since="2026-01-01").affected[0].detail
        == "aucun passage depuis 325 jours (01/01/2026)"
    )


def test_one_unused_rule_fails_beside_one_without_counter() -> None:
    build = Builder()
    rules = (build.rule("1", hits=0), build.rule("2", "permit", "10.1.1.1", hits=None))
    found = judge("lifecycle.unused", device(*rules, build=build))
    assert (found.verdict, len(found.affected)) == (F, 1)


def test_refusals_are_not_expected_to_serve() -> None:
    build = Builder()
    assert judge("lifecycle.unused", device(build.rule("1", "deny", hits=0), build=build)).verdict is NA


# --- Common


@pytest.mark.parametrize("control", ["explained", "disabled", "temporary", "unused"])
def test_no_written_rule_is_not_applicable(control: str) -> None:
    assert one(control, automatic=True, enabled=True).verdict is NA


def test_rules_of_called_chains_are_looked_at() -> None:
    build = Builder()
    called = Chain(name="f2b", rules=(build.rule("9", name="", comment=""),))
    second = Chain(name="web", rules=(build.rule("2", "jump", target="f2b"),))
    first = forward([build.rule("1", "jump", target="web")])
    found = judge("lifecycle.explained", device(build=build, chains=(first, second, called)))
    assert [item.ref for item in found.affected] == ["9"]


def test_rules_of_a_list_that_nothing_calls_filter_nothing() -> None:
    build = Builder()
    unbound = Chain(name="SPLIT", rules=(build.rule("9", name="", comment=""),))
    off = build.rule("2", "jump", target="SPLIT", enabled=False)
    found = judge("lifecycle.explained", device(build=build, chains=(forward([build.rule("1"), off]), unbound)))
    assert found.verdict is P


def test_one_rule_in_several_chains_is_reported_once() -> None:
    build = Builder()
    rule = build.rule("9", name="", comment="")
    twice = device(build=build, chains=(forward([rule]), msgspec.structs.replace(forward([rule]), name="autre")))
    assert len(judge("lifecycle.explained", twice).affected) == 1
