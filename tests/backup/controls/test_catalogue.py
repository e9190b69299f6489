"""The catalogue itself, and what every control has in common."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import checks.backup
from checks.backup.facts import (
    Access,
    BackupFacts,
    Encryption,
    Failure,
    Immutability,
    Integrity,
    Job,
    Unopened,
)
from checks.catalogue import Control, DomainHeader, Measure
from checks.model import Reason, Verdict
from tests.backup.house import (
    AD,
    ANSWERS,
    CLOUD,
    DUI,
    FILES,
    HOSTED,
    NAS,
    NOTHING,
    REFUSED,
    ago,
    change,
    estimate,
    every,
    house,
    mute,
    nights,
    point,
    repository,
    restored,
    system,
)

FOLDER = Path(checks.backup.__file__).parent
DRAFT = "" if (FOLDER / "catalogue.toml").is_file() else ".draft"
RAW = tomllib.loads((FOLDER / f"catalogue{DRAFT}.toml").read_text("utf-8"))
CONTROLS = msgspec.convert(RAW["control"], tuple[Control, ...])
MEASURES = msgspec.convert(
    tomllib.loads((FOLDER / f"measures{DRAFT}.toml").read_text("utf-8"))["measure"], tuple[Measure, ...]
)
IDS = [control.id for control in CONTROLS]


def function_of(control: Control) -> Any:
    module, _, name = control.check.rpartition(".")
    return getattr(__import__(f"checks.backup.controls.{module}", fromlist=[name]), name)


def broken() -> BackupFacts:
    """Everything wrong at once."""
    old = nights("srv-dui", 5, last=60 * 24, complete=False, verified="failed")
    shrunk = (point("srv-paie", ago(6), size=100, files=1, empty=True), *nights("srv-paie", 6, last=200))
    small = (point("srv-petit", ago(6), size=100), *nights("srv-petit", 6, last=200))
    nas = repository(
        NAS,
        place="Local technique",
        points=old + shrunk + small + (point("srv-futur", ago(hours=-48)),),
        jobs=(
            Job(
                name="nuit",
                enabled=True,
                last_run=ago(6),
                last_result="failed",
                last_success=ago(days=20),
                notified=False,
            ),
            Job(name="arrêtée", enabled=False),
        ),
        failures=tuple(Failure(time=ago(days=n), what="disque plein", source="srv-dui") for n in range(1, 5)),
        integrity=Integrity(ok=False, depth="full", when=ago(days=90)),
        encryption=Encryption(encrypted=False, transport=False),
        immutability=Immutability(lock="governance", proof="configured", days=7),
        access=Access(in_production_domain=True, mfa=False, administrators=9, own_accounts=False, deletes_allowed=True),
        locks=("verrou du 12/09/2026",),
        free=10,
        settings={
            "analyzer_rules": 30,
            "analyzer_violations": 2,
            "analyzer_violated": "MfaEnabledInBackupConsole ; SMB1ProtocolDisabled",
            "up_to_date": False,
            "malware_infected": 1,
            "malware_suspicious": 0,
            "public": True,
        },
        own_configuration_saved=False,
    )
    cloud = repository(
        CLOUD,
        points=(),
        place="Local technique",
        integrity=Integrity(ok=True, depth="metadata", when=ago(days=90)),
        encryption=Encryption(encrypted=True, key_escrow=False, transport=True),
        immutability=Immutability(lock="compliance", proof="configured", days=7, covered=1, looked_at=10),
    )
    lost = Unopened(ref="0123456789ab", extension=".pdf", size=10, problem="missing")
    bad_test = restored(
        problems=(lost,), restored=39, uncompared=30, compared_with_source=5, database=False, rto=estimate(20, 30),
        wiped=False, finished=ago(days=400),
    )  # fmt: skip
    return house(
        repositories=(nas, cloud),
        systems=(
            system(DUI, "srv-dui", rto_hours=1, rpo_hours=None, retention_days=365),
            system(AD, "dc1"),
            system("Paie locale", "srv-paie", owner=""),
            system("Petit", "srv-petit"),
            system("Suite", kind="microsoft365", hosted="Microsoft"),
            system("Dossier en ligne", kind="care_records", hosted="Éditeur", contract=False),
            system(HOSTED, hosted="Paie en ligne", contract=False),
        ),
        restore_tests=(bad_test,),
        changes=(
            change(removed=900, added=900, suffix=".lockbit", suffix_files=900, magic_lost=9, entropy_after=7.99),
            change(source="srv-dui", removed=900, added=0),
        ),
    )


BAD: dict[str, Any] = {
    **dict.fromkeys(ANSWERS, False),
    "backup_m365_used": True,
    "backup_restore_test_date": "2024-01-01",
}
STOPPED_HOUSE = house(
    repositories=(
        repository(NAS, points=nights("srv-dui", 30, last=60 * 24)),
        repository(
            CLOUD, repository_id="id-NAS", points=nights("srv-dui", 30, last=60 * 24), same_array_as_source=True
        ),
    ),
    systems=(system(DUI, "srv-dui", retention_days=365),),
)
LOCAL_ONLY = house(repositories=(repository(NAS, same_array_as_source=True, points=nights("srv-dui", 3, last=50)),))
GAPPY = house(repositories=(repository(NAS, points=(*nights("srv-dui", 2), *nights("srv-dui", 9, last=200))),))
FAILING = (broken(), STOPPED_HOUSE, LOCAL_ONLY, GAPPY)


def test_header_is_that_of_the_domain() -> None:
    header = msgspec.convert(RAW["domain"], DomainHeader)
    assert (header.id, header.prefix, header.facts) == ("backup", "BKP", "facts:BackupFacts")


def test_ids_are_unique_and_no_two_controls_share_a_function() -> None:
    assert len(set(IDS)) == len(IDS) > 40
    assert len({control.check for control in CONTROLS}) == len(IDS)


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_is_well_worded(control: Control) -> None:
    assert re.fullmatch(r"BKP-[A-Z0-9]{3}-\d{3}", control.id)
    assert 10 < len(control.title) <= 100
    assert 40 < len(control.why) <= 250
    assert control.title[-1] != "."
    assert control.why[-1] == "."
    assert 0.5 <= control.weight <= 2.0
    assert control.measure in {measure.id for measure in MEASURES}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_control_function_exists_and_is_documented(control: Control) -> None:
    function = function_of(control)
    assert list(inspect.signature(function, follow_wrapped=False).parameters) == ["facts", "context"]
    assert function.__doc__


@pytest.mark.parametrize("measure", MEASURES, ids=[measure.id for measure in MEASURES])
def test_measure_can_be_followed(measure: Measure) -> None:
    assert re.fullmatch(r"M-BKP-\d{3}", measure.id)
    assert len(measure.steps) >= 3
    assert all(len(step) > 20 for step in measure.steps)
    assert measure.days > 0
    assert measure.references
    assert measure.id in {control.measure for control in CONTROLS}
    assert set(measure.prerequisites) <= {other.id for other in MEASURES}


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_careful_house_never_fails(control: Control) -> None:
    for found in every(control.check, house()):
        assert found.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE), found.message
        assert found.evidence or found.verdict is not Verdict.PASS


def test_careful_house_meets_nearly_every_control() -> None:
    """A control that never says yes proves nothing."""
    never = {
        control.id
        for control in CONTROLS
        if not any(found.verdict is Verdict.PASS for found in every(control.check, house()))
    }
    assert never == set()


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_broken_houses_fail_every_control(control: Control) -> None:
    verdicts = {found.verdict for facts in FAILING for found in every(control.check, facts, **BAD)}
    assert Verdict.FAIL in verdicts


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_what_a_failure_shows_is_usable(control: Control) -> None:
    for facts in FAILING:
        for found in every(control.check, facts, **BAD):
            assert len({item.id for item in found.affected}) == len(found.affected)
            assert all(item.id and item.label and item.kind and item.detail for item in found.affected)
            assert all(proof.value and proof.source for proof in found.evidence)
            assert found.evidence or found.verdict is not Verdict.FAIL
            assert "None" not in found.message


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_no_data_never_passes_nor_fails(control: Control) -> None:
    for found in mute(control.check, NOTHING):
        allowed = {Verdict.NOT_ASSESSED} | ({Verdict.NOT_APPLICABLE} if control.id == "BKP-RST-006" else set())
        assert found.verdict in allowed


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_unread_repositories_never_pass_nor_fail(control: Control) -> None:
    """Refused everywhere: what is only declared may conform, nothing else."""
    gaps = dict.fromkeys(("points", "jobs", "failures", "integrity", "encryption", "immutability", "access"), REFUSED)
    refused = house(
        repositories=tuple(repository(label, **gaps, own_configuration_saved=REFUSED, capacity=None, free=None, settings={}) for label in (NAS, CLOUD)),
        restore_tests=(),
        changes=REFUSED,
        restore_asked=False,
    )  # fmt: skip
    declared_only = {"BKP-COV-008", "BKP-ORG-004"}
    for found in mute(control.check, refused):
        assert found.verdict is not Verdict.FAIL, found.message
        assert found.verdict is not Verdict.PASS or control.id in declared_only, found.message


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_gap_keeps_its_reason(control: Control) -> None:
    """What the product refused is said to be refused."""
    facts = house(repositories=(repository(NAS, points=REFUSED, jobs=REFUSED, integrity=REFUSED),))
    for found in every(control.check, facts):
        if found.verdict is Verdict.NOT_ASSESSED and REFUSED.detail in found.message:
            assert found.reason == Reason.REFUSED


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_order_changes_no_verdict(control: Control) -> None:
    facts = broken()
    turned = msgspec.structs.replace(
        facts,
        repositories=tuple(
            msgspec.structs.replace(one, points=one.points[::-1])  # type: ignore[index]
            for one in facts.repositories[::-1]
        ),
        systems=facts.systems[::-1],
    )
    one, other = every(control.check, facts, **BAD), every(control.check, turned, **BAD)
    assert {(f.subject, f.verdict, f.severity) for f in one} == {(f.subject, f.verdict, f.severity) for f in other}


def test_facts_survive_encoding() -> None:
    for facts in (house(), broken(), house(changes=REFUSED)):
        assert msgspec.json.decode(msgspec.json.encode(facts), type=BackupFacts) == facts


def test_every_requirement_of_the_draft_names_known_controls() -> None:
    draft = FOLDER / "frameworks.draft.md"
    named = set(re.findall(r"BKP-[A-Z0-9]+-\d+", draft.read_text("utf-8"))) if draft.is_file() else set(IDS)
    assert named <= set(IDS)


def test_names_of_the_house_are_used() -> None:
    assert {one.label for one in house().systems} == {DUI, AD, FILES, HOSTED}
