"""Whatever the facts, every control answers; and the guide says what the profile accepts."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.config import BackupConfig, Technology
from checks.backup.documents import documents
from checks.backup.exhibits import exhibits
from checks.backup.facts import (
    Access,
    Encryption,
    Failure,
    Immutability,
    Integrity,
    Job,
    Unopened,
)
from checks.backup.questions import QUESTIONS
from checks.backup.summary import summary
from checks.common.exhibits import cleaned
from checks.model import Context, Judgement, Verdict
from tests.backup.controls.test_catalogue import CONTROLS
from tests.backup.house import NOW, REFUSED, change, estimate, every, house, point, repository, restored, system

GUIDE = (Path(__file__).parents[3] / "docs" / "sauvegarde.md").read_text("utf-8")

flag = st.sampled_from([None, True, False])
times = st.integers(-100, 24 * 400).map(lambda hours: NOW - timedelta(hours=hours))
number = st.sampled_from([None, 0, 1, 10, 10_000])
name = st.sampled_from(["a", "B", "srv-dui", "", "*", "=x()", "\x1b[2J", "d" * 200])
points = st.lists(
    st.builds(
        point,
        name,
        times,
        complete=flag,
        verified=st.sampled_from([None, "ok", "failed"]),
        empty=st.booleans(),
        size=number,
        stored=number,
        files=number,
        paths=st.sampled_from([(), ("/srv",), ("/srv", "/etc")]),
    ),
    max_size=8,
).map(tuple)
jobs = st.lists(
    st.builds(
        Job,
        name=name.filter(bool),
        enabled=flag,
        last_run=st.none() | times,
        last_success=st.none() | times,
        last_result=st.sampled_from([None, "success", "warning", "failed", "running", "none"]),
        notified=flag,
    ),
    max_size=3,
).map(tuple)


def or_gap(strategy: Any) -> Any:
    return st.just(REFUSED) | strategy


repositories = st.lists(
    st.builds(
        repository,
        st.sampled_from(["NAS", "S3", "USB"]),
        technology=st.sampled_from(get_args(Technology)),
        repository_id=st.sampled_from(["", "same"]),
        address=st.sampled_from(["", "/srv", "h/b", "s3://h/b/c"]),
        medium=st.sampled_from(["", "disk", "nas", "cloud", "autre"]),
        place=st.sampled_from(["", "Ici", "Ailleurs"]),
        points=or_gap(points),
        jobs=or_gap(jobs),
        failures=or_gap(st.lists(st.builds(Failure, time=st.none() | times, what=name), max_size=4).map(tuple)),
        integrity=or_gap(
            st.builds(Integrity, ok=st.booleans(), depth=st.sampled_from(["metadata", "full"]), when=st.none() | times)
        ),
        encryption=or_gap(st.builds(Encryption, encrypted=st.booleans(), key_escrow=flag, transport=flag)),
        immutability=or_gap(
            st.builds(
                Immutability,
                lock=st.sampled_from(["none", "append_only", "snapshot", "governance", "compliance", "offline"]),
                proof=st.sampled_from(["tested", "configured", "declared"]),
                days=number,
                covered=number,
                looked_at=number,
            )
        ),
        access=or_gap(st.builds(Access, in_production_domain=flag, mfa=flag, administrators=number, own_accounts=flag)),
        locks=st.sampled_from([(), ("verrou",)]),
        capacity=number,
        free=number,
        offline=flag,
        same_array_as_source=flag,
        own_configuration_saved=st.sampled_from([None, True, False, REFUSED]),
        settings=st.sampled_from([{}, {"engine": "restic"}, {"public": "oui"}, {"analyzer_rules": True}]),
    ),
    max_size=3,
    unique_by=lambda one: one.label,
).map(tuple)
systems = st.lists(
    st.builds(
        lambda label, sources, **fields: system(label, *sources, **fields),
        name.filter(bool),
        st.sampled_from([(), ("a",), ("srv-*",), ("/srv", "b")]),
        critical=st.booleans(),
        kind=st.sampled_from(["", "directory", "care_records", "microsoft365", "firewall"]),
        rpo_hours=st.sampled_from([None, 1.0, 24.0]),
        rto_hours=st.sampled_from([None, 1.0, 24.0]),
        covered_by=st.sampled_from([(), ("NAS",), ("S3", "USB")]),
        hosted=st.sampled_from(["", "Éditeur"]),
        contract=flag,
    ),
    max_size=3,
    unique_by=lambda one: one.label,
).map(tuple)
tests = st.lists(
    st.builds(
        restored,
        name,
        st.sampled_from(["NAS", "S3"]),
        expected=st.sampled_from([0, 1, 40]),
        restored=st.sampled_from([0, 1, 40]),
        opened=st.sampled_from([0, 40]),
        problems=st.sampled_from([(), (Unopened(ref="a", extension="", size=0, problem="empty"),)]),
        finished=times,
        rto=or_gap(st.just(estimate())),
        gap=st.sampled_from([None, REFUSED]),
        wiped=st.booleans(),
    ),
    max_size=2,
).map(tuple)
facts_of = st.builds(
    house,
    repositories=repositories,
    systems=systems,
    restore_tests=tests,
    changes=st.sampled_from([(), (change(),), (change(files_before=0),), REFUSED]),
    production_places=st.sampled_from([(), ("Ici",)]),
    restore_asked=st.booleans(),
    read_at=st.sampled_from([None, NOW]),
)
answers_of = st.dictionaries(
    st.sampled_from([one.key for one in QUESTIONS]),
    st.sampled_from([True, False, "2026-01-15", "n'importe quoi", 12, "2030-01-01"]),
)


@settings(max_examples=25, deadline=None)
@given(facts_of, answers_of)
def test_every_control_answers_whatever_the_facts(facts: Any, answers: dict[str, Any]) -> None:
    for control in CONTROLS:
        for found in every(control.check, facts, **answers):
            assert isinstance(found, Judgement)
            assert found.evidence or found.verdict not in (Verdict.PASS, Verdict.FAIL), control.id
            assert len({item.id for item in found.affected}) == len(found.affected), control.id


@settings(max_examples=25, deadline=None)
@given(facts_of, answers_of)
def test_pictures_summary_and_workbook_are_made_whatever_the_facts(facts: Any, answers: dict[str, Any]) -> None:
    for picture in exhibits(facts):
        cleaned(picture)
    assert all(isinstance(value, str) for value in summary(facts).values())
    for document in documents(facts, Context(now=NOW, answers=answers)):
        assert document.sheets


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL))
def test_profiles_of_the_guide_are_accepted(block: str) -> None:
    table = tomllib.loads(block).get("backup", {})
    assert msgspec.convert(table, BackupConfig)


def test_guide_names_every_technology_and_question() -> None:
    for technology in get_args(Technology):
        assert f"`{technology}`" in GUIDE
    for question in QUESTIONS:
        assert f"`{question.key}`" in GUIDE
