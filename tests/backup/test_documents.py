"""The backup plan as a workbook: nothing invented, nothing lost, and what is left to complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import checks.backup
from agent.commands.init import render_profile
from checks.backup.documents import BLANK_RECORDS, documents
from checks.backup.protocol import PROTOCOL
from checks.backup.questions import QUESTIONS
from checks.common.documents import Document, Sheet
from checks.model import Context, Gap, MatrixCell, Reason
from tests.backup.house import (
    AD,
    ANSWERS,
    CLOUD,
    DUI,
    FILES,
    HOSTED,
    NAS,
    NOTHING,
    NOW,
    REFUSED,
    everywhere,
    house,
    nights,
    repository,
    restored,
    with_repository,
    with_system,
)

PLAN, WHERE, TODO, RULE = "Plan de sauvegarde", "Où et comment", "À compléter", "3-2-1-1-0"
REPOSITORIES, RECORDS = "Sauvegardes", "Essais de restauration"
CONTROLS = Path(checks.backup.__file__).parent


def document(facts: Any = None, **answers: Any) -> Document:
    (found,) = documents(facts or house(), Context(now=NOW, answers=ANSWERS | answers))
    return found


def sheet(name: str, facts: Any = None, **answers: Any) -> Sheet:
    return next(one for one in document(facts, **answers).sheets if one.name == name)


def rows(name: str, facts: Any = None, **answers: Any) -> list[dict[str, Any]]:
    found = sheet(name, facts, **answers)
    return [
        {
            column.title: value.text if isinstance(value, MatrixCell) else value
            for column, value in zip(found.columns, row, strict=True)
        }
        for row in found.rows
    ]


def test_sheets_of_the_workbook() -> None:
    assert [one.name for one in document().sheets] == [
        PLAN, WHERE, TODO, RULE, REPOSITORIES, RECORDS, "Protocole d\u2019essai", "Lire ce classeur",
    ]  # fmt: skip


def test_nothing_declared_gives_no_workbook() -> None:
    assert documents(NOTHING, Context(now=NOW)) == ()


def test_plan_is_filled_with_what_was_found() -> None:
    found = rows(PLAN)
    assert [row["Système ou données"] for row in found] == [DUI, AD, FILES, HOSTED]
    first = found[0]
    assert first["Dernière bonne copie"] == "22/11/2026 à 03:00 UTC"
    assert first["Perte si panne"] == "6 heures"
    assert first["Référent métier"] == "Mme Martin, cadre de santé"
    where = rows(WHERE)[0]
    assert where["Lieux des copies"] == "Local technique, Hébergeur HDS"
    assert where["Responsable technique"] == where["Ordre de restauration"] == ""


def test_columns_to_fill_are_those_only_people_know() -> None:
    asked = {column.title for name in (PLAN, WHERE) for column in sheet(name).columns if column.fill}
    assert {"Perte acceptée", "Durée acceptée", "Référent métier", "Ordre de restauration"} <= asked
    assert not asked & {"Dernière bonne copie", "Perte si panne", "Rythme observé", "Conservation observée"}


def test_missing_objectives_are_empty_and_asked_for() -> None:
    facts = with_system(rpo_hours=None, rto_hours=None, retention_days=None, owner="")
    first = rows(PLAN, facts)[0]
    assert [first[t] for t in ("Perte acceptée", "Durée acceptée", "Conservation voulue", "Référent métier")] == [
        ""
    ] * 4
    asked = {row["Où l'écrire pour le prochain audit"] for row in rows(TODO, facts) if row["Sujet"] == DUI}
    assert asked == {f"[[backup.system]] {key}" for key in ("rpo_hours", "rto_hours", "retention_days", "owner")}


def test_complete_house_has_only_unanswered_questions_left() -> None:
    answered = {question.key for question in QUESTIONS} & set(ANSWERS)
    found = rows(TODO)
    assert {row["Sujet"] for row in found} == {HOSTED, "Établissement"} - {HOSTED}
    assert len(found) == len(QUESTIONS) - len(answered)
    assert rows(TODO, **dict.fromkeys([q.key for q in QUESTIONS], True)) == []


@pytest.mark.parametrize(
    ("facts", "subject", "words"),
    [
        (with_repository(NAS, place=""), f"Sauvegarde « {NAS} »", "Où se trouve-t-elle"),
        (with_repository(NAS, medium=""), f"Sauvegarde « {NAS} »", "Sur quel support"),
        (with_repository(NAS, medium="disk"), f"Sauvegarde « {NAS} »", "mêmes disques"),
        (with_repository(NAS, points=REFUSED), f"Sauvegarde « {NAS} »", REFUSED.detail),
        (with_system(sources=()), DUI, "Quels noms"),
        (with_system(sources=(), covered_by=(NAS,)), DUI, "Lesquelles"),
        (with_system(HOSTED, contract=None), HOSTED, "contrat"),
        (with_repository(NAS, points=nights("vieux-pc", 1)), "vieux-pc", "À quel système"),
    ],
)
def test_what_is_missing_is_asked_where_it_is_written(facts: Any, subject: str, words: str) -> None:
    assert any(row["Sujet"] == subject and words in row["Ce qui manque"] for row in rows(TODO, facts))


def test_stranger_is_in_the_plan_to_be_attached() -> None:
    last = rows(PLAN, with_repository(NAS, points=nights("srv-dui") + nights("vieux-pc", 1)))[-1]
    assert (last["Système ou données"], last["Critique"]) == ("vieux-pc", "")
    assert last["Remarques de l'audit"].startswith("À rattacher")


def test_rule_counts_declared_answers() -> None:
    facts = everywhere(immutability=REFUSED)
    assert rows(RULE, facts)[0]["Termes tenus sur 5"] == 4
    assert rows(RULE, facts, backup_offline_copy=True)[0]["Termes tenus sur 5"] == 5


def test_unread_repository_shows_no_number() -> None:
    found = rows(REPOSITORIES, with_repository(NAS, points=REFUSED))[0]
    assert found["Points"] is None
    assert found["Dernier utilisable"] == "non lue"
    assert REFUSED.detail in found["Ce que la lecture ne montre pas"]


def test_empty_repository_shows_zero() -> None:
    found = rows(REPOSITORIES, with_repository(NAS, points=()))[0]
    assert (found["Points"], found["Dernier utilisable"]) == (0, "aucun")


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, "aucun"),
        ({"restored": 39}, "essai incomplet"),
        ({"gap": Gap(reason=Reason.TIMEOUT, detail="Trop long.")}, "aucun ; arrêté : Trop long."),
    ],
)
def test_tests_of_the_agent_are_recorded(fields: dict[str, Any], faults: str) -> None:
    found = rows(RECORDS, house(restore_tests=(restored(**fields),)))
    assert len(found) == 1 + BLANK_RECORDS
    assert (found[0]["Défauts"], found[0]["Durée mesurée ou estimée"]) == (faults, "2 heures à 4 heures")
    assert found[0]["Référent métier : le travail peut reprendre ?"] == ""
    assert set(found[1].values()) == {""}


def test_protocol_keeps_production_safe_and_wipes() -> None:
    text = " ".join(step for _, step in PROTOCOL)
    assert "jamais sur la production" in text
    assert "Effacer les données restaurées" in text
    assert [when for when, _ in PROTOCOL] == sorted(
        (when for when, _ in PROTOCOL), key=["Avant", "Pendant", "Après"].index
    )


def test_questions_are_those_the_controls_ask() -> None:
    asked = set()
    for path in (*(CONTROLS / "controls").glob("*.py"), CONTROLS / "terms.py"):
        asked |= set(re.findall(r'= "(backup_[a-z0-9_]+)"', path.read_text("utf-8")))
    assert asked == {question.key for question in QUESTIONS}


def test_questions_are_in_the_profile_that_init_writes() -> None:
    written = render_profile({"name": "EHPAD Les Tilleuls"}, NOW.date())
    assert tomllib.loads(written)["questions"] == {}
    answered = tomllib.loads(written.replace("# backup_", "backup_"))["questions"]
    assert list(answered) == [question.key for question in QUESTIONS]
    assert rows(TODO, **answered) == []


def test_many_repositories_and_hostile_names() -> None:
    facts = house(repositories=tuple(repository(f"=NAS {n}\x1b") for n in range(50)))
    assert len(rows(REPOSITORIES, facts)) == 50


def test_workbook_does_not_depend_on_the_clock_of_the_facts() -> None:
    assert document(msgspec.structs.replace(house(), read_at=None)) == document()


def test_names_are_used() -> None:
    assert CLOUD in rows(PLAN)[0]["Sauvegardes"]
