"""Pictures and summary of the backup page: they say what the facts say, and no more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from checks.backup.exhibits import exhibits
from checks.backup.rows import lines, reading_time
from checks.backup.summary import summary
from checks.common.exhibits import Spans, Table, cleaned
from checks.model import Level, Matrix
from tests.backup.house import (
    AD,
    CLOUD,
    DUI,
    FILES,
    HOSTED,
    NAS,
    NOTHING,
    NOW,
    REFUSED,
    ago,
    estimate,
    everywhere,
    house,
    nights,
    point,
    repository,
    restored,
    system,
    with_repository,
    with_system,
)


def plan_of(facts: Any, label: str = DUI) -> dict[str, Any]:
    table = next(one for one in exhibits(facts) if isinstance(one, Table))
    row = next(row for row in table.rows if row[0].text.startswith(label))
    return dict(zip(table.columns, row, strict=True))


def test_plan_says_what_was_found() -> None:
    row = plan_of(house())
    assert row["Système"].text == f"{DUI} (critique)"
    assert row["Où"].text == "restic ; Local technique, Hébergeur HDS ; NAS, en ligne"
    assert row["Rythme observé"].text == "toutes les 24 heures"
    assert row["Dernière bonne copie"].text == "22/11/2026 à 03:00 UTC"
    assert row["Perte si panne"].text == "6 heures (accepté : 24 heures)"
    assert row["Conservation"].text == "44 jours (45 points)"
    assert row["Essai de restauration"].text == "22/11/2026, échantillon de 40 fichiers, réussi"
    assert row["Durée estimée du retour"].text == "2 heures à 4 heures (accepté : 8 heures)"
    assert {cell.level for cell in row.values()} == {Level.NONE}


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (everywhere(points=nights("srv-dui", last=25)), Level.HIGH),
        (everywhere(points=nights("autre")), Level.CRITICAL),
        (everywhere(points=REFUSED), Level.UNKNOWN),
        (with_system(sources=()), Level.UNKNOWN),
    ],
)
def test_worry_of_the_last_copy(facts: Any, level: Level) -> None:
    assert plan_of(facts)["Dernière bonne copie"].level is level


def test_last_copy_that_is_not_known_is_not_said_to_be_missing() -> None:
    column = "Dernière bonne copie"
    assert plan_of(everywhere(points=nights("autre")))[column].text == "aucune"
    assert plan_of(everywhere(points=REFUSED))[column].text == "inconnue"
    assert plan_of(house(), HOSTED)[column].text == "chez le fournisseur"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (everywhere(points=nights("autre")), "Aucune copie trouvée."),
        (everywhere(points=REFUSED), f"Non lu : {NAS}, {CLOUD}."),
        (with_system(sources=()), "Aucune source ni sauvegarde déclarée"),
        (with_system(sources=(), covered_by=(NAS,)), f"Sources à nommer dans {NAS}."),
        (with_system(sources=("srv-dui", "base")), "Sans copie : base."),
        (everywhere(points=nights("srv-dui", empty=True)), "Copies incomplètes, vides ou endommagées."),
    ],
)
def test_remarks_say_why_a_cell_is_empty(facts: Any, words: str) -> None:
    assert words in plan_of(facts)["Remarques"].text


def test_hosted_system_shows_its_provider() -> None:
    assert plan_of(house(), HOSTED)["Remarques"].text == "Sauvegardé par Paie en ligne (prévue au contrat)."


def test_critical_systems_come_first() -> None:
    facts = house(systems=(system("Archives", critical=False), system(DUI, "srv-dui")))
    assert [line.system for line in lines(facts, NOW)] == [DUI, "Archives"]


def test_matrix_has_a_cell_for_each_term() -> None:
    matrix = next(one for one in exhibits(house()) if isinstance(one, Matrix))
    assert matrix.rows == (DUI, AD, FILES)
    assert [cell.text for cell in matrix.cells[0]] == [
        "3 (lu)", "3 (déclaré)", "oui (déclaré)", "oui (lu)", "0 (essayé)",
    ]  # fmt: skip


def test_matrix_tells_missed_from_unknown() -> None:
    facts = with_repository(CLOUD, points=REFUSED)
    matrix = next(one for one in exhibits(facts) if isinstance(one, Matrix))
    assert [cell.level for cell in matrix.cells[0]] == [
        Level.UNKNOWN, Level.NONE, Level.UNKNOWN, Level.NONE, Level.NONE,
    ]  # fmt: skip


def test_timeline_has_a_mark_a_day_and_keeps_bad_points_apart() -> None:
    points = (point("srv-dui", ago(2), empty=True), *nights("srv-dui", 45))
    timeline = next(one for one in exhibits(with_repository(NAS, points=points)) if isinstance(one, Spans))
    lane = timeline.lanes[0]
    assert lane.label == f"{DUI}, {NAS}"
    assert sum(span.group == 0 for span in lane.spans) == 30
    assert [span.level for span in lane.spans if span.group == 1] == [Level.HIGH]
    assert lane.spans[-1].start < lane.spans[0].start


def test_strangers_have_their_table() -> None:
    facts = with_repository(NAS, points=nights("srv-dui") + nights("vieux-pc", 2))
    titles = [one.title for one in exhibits(facts)]
    assert len(titles) == 4
    assert "Sources sauvegardées" in titles[1]


def test_nothing_to_show() -> None:
    assert exhibits(NOTHING) == ()
    assert summary(NOTHING) == {"Sauvegardes": "aucune déclarée", "Essais de restauration": "non demandés"}


def test_time_of_reading_is_the_newest_known_when_nobody_says() -> None:
    facts = msgspec.structs.replace(house(restore_tests=()), read_at=None)
    assert reading_time(facts) == ago(6)
    assert reading_time(msgspec.structs.replace(house(), read_at=None)) == ago(0.5)


def test_hostile_names_are_drawn_and_bounded() -> None:
    evil = "\x1b[31m<script>=cmd()"
    many = tuple(p for n in range(60) for p in nights(f"{evil}{n}", 40))
    facts = house(
        repositories=(repository(NAS, points=many),),
        systems=tuple(system(f"{evil} {n}", f"{evil}{n}") for n in range(60)),
    )
    found = [cleaned(one) for one in exhibits(facts)]
    assert len(found) == 3
    assert "\x1b" not in msgspec.json.encode(found[0]).decode()


def test_summary_of_the_careful_house() -> None:
    found = summary(house())
    assert found[f"Sauvegarde « {NAS} »"] == "restic 0.17.3, 135 points, dernier le 22/11/2026 à 03:00 UTC"
    assert found["Systèmes critiques"] == "4, dont 3 avec une copie utilisable de toutes leurs parties"
    assert found[f"3-2-1-1-0, « {DUI} »"] == "5 termes sur 5"
    assert "Sources sans système déclaré" not in found


def test_summary_says_what_was_not_read() -> None:
    facts = with_repository(NAS, house(limits=("Rien du NAS de secours.",)), points=REFUSED, limits=("Ni ses tâches.",))
    found = summary(facts)
    assert found[f"Sauvegarde « {NAS} »"].endswith("non lue : Le serveur refuse ce compte.")
    assert found["Ce que les données ne montrent pas"] == "Rien du NAS de secours. Ni ses tâches."


def test_summary_counts_what_is_left() -> None:
    many = tuple(repository(f"NAS {n:02}") for n in range(15))
    assert summary(house(repositories=many))["Autres sauvegardes"] == "3"
    asked = house(restore_tests=())
    assert summary(asked)["Essais de restauration"] == "demandés, sans résultat"
    slow = house(restore_tests=(restored(rto=estimate(2, 5)),))
    assert "5 heures au plus" in summary(slow)["Essais de restauration"]
