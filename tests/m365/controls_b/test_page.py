"""Summary and tables of the page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.common.exhibits import Table, cleaned
from checks.m365.exhibits import exhibits
from checks.m365.facts import M365Facts, Rows, Tenant, Traffic
from checks.m365.summary import summary
from checks.m365.tables import licences, openings, products, protections
from checks.model import Gap, Level, Reason
from tests.m365 import tenants
from tests.m365.controls_b.rows import STANDARD, STRICT, bad, good, good_rows, malware, rule
from tests.m365.tenants import partial, put, with_gap, with_rows

OURS = {
    "Licences achetées et utilisées",
    "Ce que chaque licence permet de régler et de voir",
    "Protections de la messagerie en vigueur",
    "Ce qui s'ouvre à l'extérieur",
}
GAP = Gap(reason=Reason.PERMISSION, detail="Licences non lues.")


def cells(table: Table, name: str) -> dict[str, str]:
    row = next(row for row in table.rows if row[0].text.startswith(name))
    return dict(zip(table.columns, (cell.text for cell in row), strict=True))


def levels(table: Table) -> set[Level]:
    return {cell.level for row in table.rows for cell in row}


def test_summary_says_who_what_and_how() -> None:
    facts = msgspec.structs.replace(
        with_gap(good(), "risky_users"), authentication="certificate", traffic=Traffic(requests=62, throttled=2),
        writable=("Sites.FullControl.All",), limits=("Rien des règles cachées.",),
    )  # fmt: skip
    assert summary(facts) == {
        "Locataire": f"EHPAD Les Tilleuls ({tenants.TENANT})",
        "Domaines": "tilleuls.onmicrosoft.com, tilleuls.test",
        "Licences": "60 Microsoft 365 Business Premium",
        "Comptes": "9 comptes actifs, 1 invité",
        "Conservation des journaux": (
            "connexions et annuaire 30 jours, audit un an pour les comptes qui ont la licence"
        ),
        "Lecture": "certificat, 62 requêtes, 2 ralentissements demandés par Microsoft",
        "Droits en trop de l'audit": "Sites.FullControl.All : à retirer",
        "Lectures impossibles": "1 par manque de permission",
        "Ce que les données ne montrent pas": "Rien des règles cachées.",
    }


def test_summary_of_a_small_licence_gives_the_days_really_kept() -> None:
    found = summary(tenants.standard(good_rows()))
    assert found["Conservation des journaux"] == "connexions et annuaire 7 jours, audit 180 jours"


def test_summary_of_nothing() -> None:
    found = summary(M365Facts(tenant=Tenant(), licences=GAP, readings={}))
    assert found["Locataire"] == "inconnu"
    assert found["Licences"] == "non lues : Licences non lues."
    assert "inconnue" in found["Conservation des journaux"]
    assert "Comptes" not in found


def test_summary_says_when_accounts_are_partial() -> None:
    assert summary(partial(good(), "users"))["Comptes"].endswith("(lecture incomplète)")


def test_products_by_the_name_on_the_invoice() -> None:
    rows = [
        {"skuPartNumber": "SPB", "consumedUnits": 40, "prepaidUnits": {"enabled": 30}},
        {"skuPartNumber": "INCONNU", "prepaidUnits": {}},
    ]
    table = products(with_rows(good(), "skus", rows))
    assert table is not None
    assert cells(table, "Microsoft 365 Business Premium") == {
        "Produit": "Microsoft 365 Business Premium", "Achetées": "30", "Utilisées": "40", "Libres": "-10",
    }  # fmt: skip
    assert cells(table, "INCONNU")["Libres"] == "?"
    assert table.rows[0][3].level is Level.MEDIUM
    assert products(with_gap(good(), "skus")) is None


def test_licences_say_what_is_missing() -> None:
    own = licences(good())
    assert {row[1].text for row in own.rows} == {"oui"}
    few = licences(tenants.standard(good_rows()))
    assert {row[1].text for row in few.rows} == {"non"}
    assert all("Sans elle" in row[1].detail for row in few.rows)
    unknown = licences(msgspec.structs.replace(good(), licences=GAP))
    assert {(row[1].text, row[1].level) for row in unknown.rows} == {("non lu", Level.UNKNOWN)}


def test_protections_in_force() -> None:
    found = cells(protections(good()), "Pièces jointes (antivirus)")
    assert found["Politique"] == "Default"
    assert found["Pour qui"] == "tout le monde"
    assert found["Réglages"] == "types dangereux bloqués : oui, purge après réception : oui"
    assert Level.MEDIUM in levels(protections(bad()))


def test_protections_of_several_policies() -> None:
    policies = [
        malware(),
        malware(Identity=f"{STRICT}1", IsDefault=False),
        malware(Identity=f"{STANDARD}1", IsDefault=False),
    ]
    facts = good(malware=policies, protection_rules=[rule(STRICT, SentTo=["x"]), rule(STANDARD)])
    found = cells(protections(facts), "Pièces jointes (antivirus)")
    assert found["Politique"] == f"{STRICT}1, {STANDARD}1"
    assert found["Pour qui"] == "2 politiques"


def test_protections_without_licence_or_right_are_not_read() -> None:
    table = protections(tenants.standard(good_rows()))
    assert cells(table, "Liens")["Politique"] == "non lu"
    assert "Defender" in next(row for row in table.rows if row[0].text == "Liens")[1].detail


def test_openings_of_a_careful_house() -> None:
    table = openings(good())
    assert [row[1].text for row in table.rows] == [
        "les invités déjà connus", "personne hors de l'établissement", "1 organisation choisie", "personne", "personne",
        "0 boîte redirigée sur 2", "1 invité",
    ]  # fmt: skip
    assert levels(table) == {Level.NONE}


def test_openings_of_a_careless_house() -> None:
    table = openings(bad())
    assert cells(table, "Fichiers SharePoint")["Ouvert à"] == "n'importe qui, sans se connecter"
    assert cells(table, "Transfert")["Ouvert à"] == "n'importe quelle adresse"
    assert levels(table) >= {Level.HIGH, Level.MEDIUM}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("teams_federation", "Messages Teams"),
        ("sharepoint_tenant", "Fichiers OneDrive"),
        ("outbound_spam", "Transfert"),
    ],
)
def test_openings_that_were_not_read_are_unknown(name: str, label: str) -> None:
    found = next(row for row in openings(with_gap(good(), name)).rows if row[0].text.startswith(label))
    assert (found[1].text, found[1].level) == ("non lu", Level.UNKNOWN)
    assert found[1].detail


def test_partial_mailboxes_do_not_prove_that_none_is_redirected() -> None:
    assert cells(openings(partial(good(), "mailboxes")), "Boîtes")["Ouvert à"] == "aucune parmi les boîtes lues"


def test_pictures_can_be_drawn() -> None:
    for facts in (good(), bad(), tenants.standard(good_rows())):
        found = exhibits(facts)
        assert len(found) == 6
        assert all(cleaned(one) == one for one in found)
    assert exhibits(M365Facts(tenant=Tenant(), licences=GAP, readings={})) == ()
    assert len(exhibits(with_gap(good(), "skus"))) == 5


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=2)
)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_odd_values_break_neither_summary_nor_tables(data: st.DataObject) -> None:
    facts = good()
    for _ in range(4):
        name = data.draw(
            st.sampled_from(
                [
                    "skus",
                    "users",
                    "malware",
                    "sharepoint",
                    "teams_federation",
                    "outbound_spam",
                    "mailboxes",
                    "safe_links",
                ]
            )
        )
        found = facts.readings[name]
        assert isinstance(found, Rows)
        key = data.draw(st.sampled_from(sorted(found.rows[0])))
        facts = put(facts, name, 0, key, data.draw(ODD))
    assert summary(facts)
    assert len(exhibits(facts)) == 6
