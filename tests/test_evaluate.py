"""From facts to outcomes, with a small domain of our own: derived facts, exhibits, foreign text."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from agent.runfolder import read_run
from checks import schema
from checks.catalogue import Catalogue, CatalogueError, load_catalogue
from checks.common.exhibits import MAX_EXHIBITS, Table
from checks.evaluate import domain_exhibits, evaluate_domain
from checks.model import (
    FACTS_SCHEMA,
    RUN_SCHEMA_VERSION,
    Affected,
    FactsFile,
    Level,
    Matrix,
    MatrixCell,
    Outcome,
    Reason,
    Verdict,
    passed,
)
from reports.compare import Change, compare_runs

NOW = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)
OLD_RUN = Path(__file__).parent / "data" / "run-1.0.0.json"

HEADER = """
[domain]
id = "plots"
title = "Parcelles"
prefix = "PLOT"
facts = "rooms:Plots"
facts_version = 1
config = "rooms:Plots"
collect = "rooms:collect"
"""
CONTROLS = """
[[control]]
id = "PLOT-A-001"
version = 1
title = "Rien ne se recouvre"
why = "Parce que."
severity = "high"
check = "all.first"

[[control]]
id = "PLOT-A-002"
version = 1
title = "La vue est d'ensemble"
why = "Parce que."
severity = "low"
check = "all.second"
"""
ROOMS = """
from checks.common.exhibits import Table
from checks.model import MatrixCell, Record

class Plots(Record, frozen=True):
    names: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()

CALLS = []

def collect(request, network, progress):
    return Plots()

def derive(facts):
    CALLS.append(facts)
    if "crash" in facts.names:
        raise RuntimeError("hunter2")
    return {"count": len(facts.names)}

def summary(facts):
    return {"Parcelles": str(len(facts.names))}

def exhibits(facts):
    if "crash" in facts.names:
        raise RuntimeError("hunter2")
    if "text" in facts.names:
        return ("not a picture",)
    row = tuple(MatrixCell(text=name) for name in facts.names)
    return tuple(Table(title="Vue", columns=facts.names, rows=(row,)) for _ in range(len(facts.calls) or 1))
"""
ALL = """
from checks.model import Affected, Level, Matrix, MatrixCell, failed, passed

DIRTY = "nom\\u202e\\x1b[2Jfin"

def first(given, context):
    seen = given["count"] if isinstance(given, dict) else len(given.names)
    matrix = Matrix(title=DIRTY, rows=(DIRTY,), columns=(DIRTY,), row_title=DIRTY, column_title=DIRTY, note=DIRTY,
                    cells=((MatrixCell(text=DIRTY, level=Level.HIGH, detail=DIRTY),),))
    one = Affected(id="1", label="un", kind=DIRTY, ref=DIRTY, line=12, related=(DIRTY,), witness={DIRTY: DIRTY})
    return failed("site", f"{seen} {type(given).__name__}", affected=(one,), exhibit=matrix)

def second(given, context):
    return passed("site", type(given).__name__)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return `install(header lines) -> Catalogue` for the package `plots_checks`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "plots_checks"
    (package / "controls").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "rooms.py": ROOMS,
        "controls/__init__.py": "",
        "controls/all.py": ALL,
    }.items():
        (package / name).write_text(text, "utf-8")

    def write(extra: str = "") -> Catalogue:
        (package / "catalogue.toml").write_text(HEADER + extra + CONTROLS, "utf-8")
        return load_catalogue(["plots_checks"])

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "plots_checks"]:
        del sys.modules[name]


def facts_file(*names: str) -> FactsFile:
    data = msgspec.Raw(msgspec.json.encode({"names": names}))
    return FactsFile(
        schema=FACTS_SCHEMA,
        domain="plots",
        facts_version=1,
        tool_version="1",
        started=NOW,
        finished=NOW,
        data=data,
    )


def judged(catalogue: Catalogue, *names: str) -> tuple[dict[str, Outcome], object]:
    outcomes, facts = evaluate_domain(catalogue.domains["plots"], facts_file(*names))
    return {outcome.control: outcome for outcome in outcomes}, facts


def test_controls_are_given_the_facts_when_nothing_is_derived(install):
    outcomes, _ = judged(install(), "a", "b")
    assert outcomes["PLOT-A-001"].message == "2 Plots"


def test_controls_are_given_what_is_derived_once_and_the_caller_the_facts(install):
    catalogue = install('derive = "rooms:derive"\n')
    outcomes, facts = judged(catalogue, "a", "b", "c")
    assert [o.message for o in outcomes.values()] == ["3 dict", "dict"]
    assert len(catalogue.domains["plots"].load("rooms:CALLS")) == 1
    assert type(facts).__name__ == "Plots"
    assert catalogue.domains["plots"].load("rooms:summary")(facts) == {"Parcelles": "3"}


def test_a_crash_of_the_derivation_leaves_every_control_not_assessed_and_the_facts_readable(install):
    outcomes, facts = judged(install('derive = "rooms:derive"\n'), "crash")
    assert list(outcomes) == ["PLOT-A-001", "PLOT-A-002"]
    for outcome in outcomes.values():
        assert (outcome.verdict, outcome.reason) == (Verdict.NOT_ASSESSED, str(Reason.ERROR))
        assert "RuntimeError, rooms.py:" in outcome.message
        assert "hunter2" not in outcome.message
    assert type(facts).__name__ == "Plots"


def test_a_derivation_that_does_not_exist_is_an_error_of_every_control(install):
    outcomes, _ = judged(install('derive = "rooms:nowhere"\n'), "a")
    assert {o.reason for o in outcomes.values()} == {str(Reason.ERROR)}


@pytest.mark.parametrize("room", ["derive", "query", "proposal", "exhibits"])
def test_a_room_that_is_not_a_reference_is_refused(install, room):
    with pytest.raises(CatalogueError, match=room):
        install(f'{room} = "rooms.function"\n')


def test_foreign_text_of_affected_objects_and_exhibits_is_cleaned(install):
    outcome = judged(install(), "a")[0]["PLOT-A-001"]
    clean = "nom\ufffd\ufffd[2Jfin"
    (item,) = outcome.affected
    assert (item.kind, item.ref, item.line, item.related, item.witness) == (clean, clean, 12, (clean,), {clean: clean})
    cell = MatrixCell(text=clean, level=Level.HIGH, detail=clean)
    assert outcome.exhibit == Matrix(
        title=clean,
        rows=(clean,),
        columns=(clean,),
        cells=((cell,),),
        row_title=clean,
        column_title=clean,
        note=clean,
    )


def pictures(catalogue: Catalogue, *names: str, calls: int = 0) -> tuple[Table, ...]:
    domain = catalogue.domains["plots"]
    facts = domain.load("rooms:Plots")(names=names, calls=("x",) * calls)
    return domain_exhibits(domain, facts)


EXHIBITS = 'exhibits = "rooms:exhibits"\n'


def test_a_domain_without_the_room_shows_no_picture(install):
    assert pictures(install(), "a") == ()


def test_pictures_of_a_domain_are_cleaned(install):
    (table,) = pictures(install(EXHIBITS), "a", "b\x1b[2J")
    assert (table.columns, table.rows) == (
        ("a", "b\ufffd[2J"), ((MatrixCell(text="a"), MatrixCell(text="b\ufffd[2J")),)
    )  # fmt: skip


@pytest.mark.parametrize(("name", "error"), [("crash", "RuntimeError"), ("text", "TypeError")])
def test_pictures_that_fail_are_said_to_be_missing(install, name, error):
    (table,) = pictures(install(EXHIBITS), name)
    assert table.rows == ()
    assert error in table.note
    assert "hunter2" not in table.note


def test_pictures_beyond_the_limit_are_counted(install):
    found = pictures(install(EXHIBITS), "a", calls=MAX_EXHIBITS + 2)
    assert len(found) == MAX_EXHIBITS + 1
    assert found[-1].note == "2 tableaux ne sont pas montrés."
    assert len(pictures(install(EXHIBITS), "a", calls=MAX_EXHIBITS)) == MAX_EXHIBITS


def test_a_conforming_outcome_may_carry_an_exhibit():
    matrix = Matrix(title="Vue", rows=("a", "b"), columns=(), cells=((), ()))
    assert passed("site", "Tout va bien.", exhibit=matrix).exhibit == matrix


@pytest.mark.parametrize("cells", [(), ((MatrixCell(),),), ((MatrixCell(),) * 2, (MatrixCell(),))])
def test_a_matrix_with_a_hole_is_refused(cells):
    with pytest.raises(ValueError, match="one cell"):
        Matrix(title="Vue", rows=("a", "b"), columns=("c", "d"), cells=cells)


def test_an_old_run_still_reads_and_compares_with_a_new_one():
    old = read_run(OLD_RUN)
    assert old.schema_version == "1.0.0" != RUN_SCHEMA_VERSION
    kept, other = old.outcomes[0].affected
    assert (kept.kind, kept.line, kept.related, kept.witness, old.outcomes[0].exhibit) == ("", None, (), {}, None)
    found = msgspec.structs.replace(kept, kind="shadowed", ref="12", line=3)
    exhibit = Matrix(title="Vue", rows=("a",), columns=("b",), cells=((MatrixCell(text="x"),),))
    outcome = msgspec.structs.replace(old.outcomes[0], affected=(found,), exhibit=exhibit)
    new = msgspec.structs.replace(old, schema_version=RUN_SCHEMA_VERSION, outcomes=(outcome, *old.outcomes[1:]))
    (finding,) = compare_runs(old, new).of(Change.PERSISTENT)
    assert finding.corrected_objects == (other,)
    assert finding.persistent_objects == (found,)
    read_again = msgspec.json.decode(msgspec.json.encode(new), type=type(new))
    assert read_again == new


def test_an_old_run_and_a_new_outcome_follow_the_schema(install):
    validator = jsonschema.Draft202012Validator(schema.schemas()["run.schema.json"])
    document = json.loads(OLD_RUN.read_text("utf-8"))
    validator.validate(document)
    outcomes, _ = judged(install(), "a")
    document["outcomes"] = json.loads(msgspec.json.encode(list(outcomes.values())))
    validator.validate(document)
    document["outcomes"][0]["exhibit"]["cells"][0][0]["level"] = "red"
    assert not validator.is_valid(document)


def test_an_affected_object_is_written_without_what_it_does_not_have():
    assert msgspec.to_builtins(Affected(id="1", label="un")) == {"id": "1", "label": "un"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('options = ["port"]\nread_input = "rooms:collect"\n', "'port' is not an option"),
        ('options = ["vendor"]\n', "read_input"),
    ],
)
def test_options_that_nothing_could_take_are_refused(install, lines, expected):
    with pytest.raises(CatalogueError, match=expected):
        install(lines)
