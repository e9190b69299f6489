"""Pictures of administrators and of second factors: counted, ranked, bounded, and honest about what was not read."""

from __future__ import annotations

from typing import Any

from checks.common.exhibits import Table
from checks.m365.exhibits import exhibits
from checks.m365.facts import M365Facts
from checks.m365.imports import scubagear
from checks.m365.imports.found import facts_of
from checks.m365.pictures import FACTORS_TITLE, MAX_HOLDERS, ROLES_TITLE, people
from checks.model import Gap, Level, Matrix, Reason
from tests.m365 import tenants as t
from tests.m365.imports import scuba


def matrix(facts: M365Facts) -> Matrix:
    found = people(facts)[0]
    assert isinstance(found, Matrix), found
    return found


def factors(facts: M365Facts) -> Table:
    found = people(facts)[1]
    assert isinstance(found, Table)
    return found


def cells(found: Matrix, holder: str) -> list[tuple[str, Level]]:
    line = next(line for name, line in zip(found.rows, found.cells, strict=True) if name.startswith(holder))
    return [(cell.text, cell.level) for cell in line]


def given(*more: dict[str, Any]) -> M365Facts:
    facts = t.good()
    return t.with_rows(facts, "role_assignments", [*t.rows_of(facts, "role_assignments"), *more])


def refused(facts: M365Facts, name: str) -> M365Facts:
    gap = Gap(reason=Reason.PERMISSION, detail="Droit manquant.")
    return t.msgspec.structs.replace(facts, readings={**facts.readings, name: gap})


def test_rescue_accounts_and_roles_to_activate_are_as_wanted() -> None:
    found = matrix(t.good())
    assert found.columns == ("Administrateur général", "Administrateur d'utilisateurs", "Administrateur Exchange")
    assert found.rows[:2] == ("secours1@tilleuls.test (secours)", "secours2@tilleuls.test (secours)")
    assert cells(found, "secours1")[0] == ("direct", Level.NONE)
    assert cells(found, "adm.martin")[1] == ("à activer", Level.NONE)


def test_permanent_top_role_a_guest_and_an_application_stand_out() -> None:
    people_of = {row["id"]: row for row in t.users()}
    found = matrix(
        given(
            t.assignment(20, people_of[t.DIRECTOR], t.GLOBAL),
            t.assignment(21, people_of[t.GUEST], t.EXCHANGE_ADMIN),
            t.assignment(22, {"id": t.SP_VENDOR, "displayName": "Outil"}, t.GLOBAL, kind="servicePrincipal"),
        )
    )
    assert cells(found, "directrice")[0] == ("direct", Level.MEDIUM)
    assert ("direct", Level.HIGH) in cells(found, "medecin_cabinet")
    assert any(name.endswith("(invité)") for name in found.rows)
    application = next(index for index, name in enumerate(found.rows) if name.endswith("(application)"))
    assert found.cells[application][0].level is Level.CRITICAL


def test_a_role_through_a_group_names_the_group_and_an_unread_group_is_said() -> None:
    group = {"id": t.GROUP_ROLE, "displayName": "Informatique"}
    facts = given(t.assignment(23, group, t.EXCHANGE_ADMIN, kind="group"))
    assert "Membres non lus" in matrix(facts).note
    member = {"@odata.type": "#microsoft.graph.user", "id": t.DIRECTOR, "userPrincipalName": "directrice@tilleuls.test"}
    read = t.with_rows(facts, "role_groups", [{**group, "members": [member], "isAssignableToRole": True}])
    assert ("par Informatique", Level.INFO) in cells(matrix(read), "directrice")
    assert "Membres non lus" not in matrix(read).note


def test_the_matrix_is_bounded_and_says_how_many_are_left() -> None:
    many = [
        t.assignment(100 + n, {"id": t.uid(n, 7), "userPrincipalName": f"a{n}@tilleuls.test"}, t.EXCHANGE_ADMIN)
        for n in range(MAX_HOLDERS + 5)
    ]
    found = matrix(given(*many))
    assert len(found.rows) == MAX_HOLDERS
    assert found.rows[0].startswith("secours1"), "global administrators come first"
    assert "9 autres comptes suivent" in found.note


def test_roles_that_could_not_be_read_are_an_empty_table_with_the_reason() -> None:
    found = people(refused(t.good(), "role_assignments"))[0]
    assert isinstance(found, Table)
    assert found.title == ROLES_TITLE
    assert "Droit manquant" in found.note
    empty = t.with_rows(t.with_rows(t.good(), "role_assignments", []), "role_eligible", [])
    none = people(empty)[0]
    assert isinstance(none, Table)
    assert "Aucun rôle" in none.note


def test_second_factors_by_class_of_accounts() -> None:
    facts = t.good()
    rows = t.rows_of(facts, "registration")
    for row in rows:
        if row["id"] in (t.ADMIN_1, t.NURSE_1, t.GUEST):
            row |= {"isMfaRegistered": False, "isMfaCapable": False}
    found = factors(t.with_rows(facts, "registration", rows))
    told = {line[0].text: [cell.text for cell in line[1:]] for line in found.rows}
    assert told == {
        "Administrateurs": ["5", "4 (80 %)", "4 (80 %)", "1"],
        "Membres": ["4", "3 (75 %)", "3 (75 %)", "1"],
        "Invités": ["1", "0 (0 %)", "0 (0 %)", "1"],
    }
    assert [line[-1].level for line in found.rows] == [Level.CRITICAL, Level.HIGH, Level.MEDIUM]
    assert found.lead == "3 comptes sans second facteur utilisable, dont 1 administrateur."


def test_an_unknown_state_is_not_a_second_factor() -> None:
    facts = t.good()
    rows = [{"id": row["id"], "userType": "member"} for row in t.rows_of(facts, "registration")]
    found = factors(t.with_rows(facts, "registration", rows, complete=False))
    assert all(line[3].text == "0 (0 %)" for line in found.rows)
    assert all(line[-1].level is Level.UNKNOWN for line in found.rows)
    assert "arrêtée avant la fin" in found.note


def test_without_p1_the_table_says_which_licence_is_missing() -> None:
    found = factors(t.standard())
    assert found.title == FACTORS_TITLE
    assert found.rows == ()
    assert "Entra ID P1" in found.note


def test_an_imported_tenant_shows_what_the_export_knows() -> None:
    facts = facts_of(scubagear.read("x.json", scuba.export(careful=True)))
    found = matrix(facts)
    assert cells(found, "Chef de service")[0] == ("direct", Level.MEDIUM)
    assert cells(found, "Second")[0] == ("à activer", Level.NONE)
    assert factors(facts).rows == ()


def test_pictures_come_first_on_the_page() -> None:
    assert [one.title for one in exhibits(t.good())[:2]] == [ROLES_TITLE, FACTORS_TITLE]
    assert len(exhibits(facts_of(scubagear.read("x.json", scuba.export(careful=False))))) >= 5
