"""Workbooks offered by a domain: what a document may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from agent import engine
from checks.catalogue import Catalogue, Domain, DomainHeader
from checks.common.documents import MAX_COLUMNS, MAX_ROWS, MAX_SHEETS, Column, Document, Sheet
from checks.evaluate import domain_documents
from checks.model import FACTS_SCHEMA, Context, FactsFile
from tests.common.document_rooms import Facts

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def sheet(name: str = "Feuille", **fields: Any) -> Sheet:
    base: dict[str, Any] = {"columns": (Column(title="a", width=5),), "rows": (("x",),)}
    return Sheet(name=name, **base | fields)


@pytest.mark.parametrize("name", ["", "x" * 32, "a/b", "a:b", "[a]", "l'un", "a?"])
def test_name_of_sheet_that_a_spreadsheet_refuses(name: str) -> None:
    with pytest.raises(ValueError, match="name of sheet"):
        sheet(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"columns": (), "rows": ()},
        {"rows": (("x", "y"),)},
        {"columns": (Column(title="a", width=5),) * (MAX_COLUMNS + 1), "rows": ()},
        {"rows": (("x",),) * (MAX_ROWS + 1)},
    ],
)
def test_shape_of_a_sheet(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a sheet"):
        sheet(**fields)


@pytest.mark.parametrize("name", ["", "plan", "../plan", "Plan", "a.b", "-a", "a" * 61, "é"])
def test_name_of_document_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="name of a document"):
        Document(name=name, title="t", sheets=(sheet(),))


@pytest.mark.parametrize("sheets", [(), (sheet(), sheet()), tuple(sheet(str(n)) for n in range(MAX_SHEETS + 1))])
def test_sheets_of_a_document(sheets: tuple[Sheet, ...]) -> None:
    with pytest.raises(ValueError, match="sheets"):
        Document(name="a", title="t", sheets=sheets)


def test_a_document() -> None:
    assert Document(name="plan-de-sauvegarde", title="t", sheets=(sheet(),)).sheets[0].rows == (("x",),)


# --- The door of a domain


def domain(room: str = "") -> Domain:
    header = DomainHeader(
        id="plots",
        title="Parcelles",
        prefix="PLOT",
        facts="document_rooms:Facts",
        facts_version=1,
        config="document_rooms:Facts",
        collect="document_rooms:documents",
        documents=f"document_rooms:{room}" if room else "",
    )
    return Domain(header=header, controls=(), measures=(), package="tests.common")


def offered(room: str, *names: str) -> tuple[Document, ...]:
    return domain_documents(domain(room), Facts(names=names), Context(now=NOW, answers={"who": "Mme Martin"}))


def test_a_domain_without_the_room_offers_nothing() -> None:
    assert offered("", "a") == ()


def test_documents_see_facts_clock_and_answers() -> None:
    (one,) = offered("documents", "a")
    assert one.sheets[0].rows == (("Mme Martin",), ("2026",))


@pytest.mark.parametrize(
    ("room", "error"), [("crash", "RuntimeError"), ("text", "TypeError"), ("nowhere", "AttributeError")]
)
def test_document_that_fails_is_said_to_be_missing(room: str, error: str) -> None:
    (one,) = offered(room, "a")
    assert one.name == "document-plots"
    why = str(one.sheets[0].rows[0][0])
    assert error in why
    assert "hunter2" not in why


def test_document_with_a_bad_name_is_a_failure_too() -> None:
    (one,) = offered("documents", "../plan")
    assert one.name == "document-plots"


def test_judging_gives_the_documents_of_every_domain_with_facts() -> None:
    catalogue = Catalogue(domains={"plots": domain("documents")}, sha256="")
    file = FactsFile(
        schema=FACTS_SCHEMA,
        domain="plots",
        facts_version=1,
        tool_version="1",
        started=NOW,
        finished=NOW,
        data=msgspec.Raw(b'{"names": ["a", "b"]}'),
    )
    judged = engine.judge(catalogue, {"plots": file}, {"who": "M. Petit"}, NOW)
    assert [one.name for one in judged.documents] == ["a", "b"]
    assert judged.documents[0].sheets[0].rows[0] == ("M. Petit",)
    assert engine.judge(catalogue, {}, {}, NOW).documents == ()
