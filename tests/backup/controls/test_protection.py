"""Locks, access, encryption, room, restores, signs and declared answers, on both sides of each threshold."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from checks.backup.facts import Access, Encryption, Failure, Immutability, Integrity, Unopened
from checks.model import Gap, Origin, Reason, Severity, Verdict
from tests.backup.house import (
    CLOUD,
    DUI,
    NAS,
    NOW,
    REFUSED,
    ago,
    change,
    estimate,
    every,
    everywhere,
    house,
    judge,
    mute,
    nights,
    repository,
    restored,
    with_repository,
    with_system,
)

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def lock(kind: str, **fields: Any) -> Any:
    return everywhere(immutability=Immutability(lock=kind, proof="configured", **fields))  # type: ignore[arg-type]


# --- 3-2-1-1-0


@pytest.mark.parametrize("name", ["three_copies", "two_media", "one_offsite", "one_locked"])
def test_unread_repositories_leave_terms_open(name: str) -> None:
    facts = with_repository(CLOUD, with_repository(NAS, same_array_as_source=True), points=REFUSED)
    found = judge(f"copies.{name}", facts, DUI)
    assert (found.verdict, found.reason) == (NS, Reason.REFUSED)


def test_two_copies_are_lighter_than_one() -> None:
    two = judge("copies.three_copies", with_repository(CLOUD, repository_id="id-NAS"), DUI)
    assert (two.verdict, two.severity) == (F, Severity.MEDIUM)
    one = judge("copies.three_copies", everywhere(same_array_as_source=True), DUI)
    assert (one.verdict, one.severity) == (F, None)


def test_declared_place_is_said_to_be_declared() -> None:
    found = judge("copies.one_offsite", house(), DUI)
    assert found.evidence[0].origin is Origin.DECLARED
    assert "non vérifié" in found.evidence[0].value


@pytest.mark.parametrize(
    ("kind", "severity"), [("governance", Severity.MEDIUM), ("append_only", Severity.MEDIUM), ("none", None)]
)
def test_partial_lock_is_lighter_than_none(kind: str, severity: Severity | None) -> None:
    found = judge("copies.one_locked", lock(kind), DUI)
    assert (found.verdict, found.severity) == (F, severity)


# --- BKP-IMM


@pytest.mark.parametrize(
    ("kind", "verdict", "severity"),
    [
        ("none", F, None),
        ("snapshot", F, None),
        ("append_only", F, Severity.HIGH),
        ("governance", F, Severity.HIGH),
        ("compliance", P, None),
        ("immutable_days", P, None),
        ("offline", P, None),
    ],
)
def test_one_safe_copy(kind: str, verdict: Verdict, severity: Severity | None) -> None:
    found = every("immutability.one_safe_copy", lock(kind))[0]
    assert (found.verdict, found.severity) == (verdict, severity)


def test_safe_copy_is_unknown_when_locks_were_refused() -> None:
    refused = everywhere(immutability=REFUSED)
    assert every("immutability.one_safe_copy", refused)[0].verdict is NS
    said = every("immutability.one_safe_copy", refused, backup_offline_copy=True)[0]
    assert (said.verdict, said.evidence[0].origin) == (P, Origin.DECLARED)
    assert every("immutability.one_safe_copy", with_repository(NAS, refused, offline=True))[0].verdict is P


def test_lock_on_the_array_of_production_saves_nothing() -> None:
    facts = everywhere(lock("compliance"), same_array_as_source=True)
    assert every("immutability.one_safe_copy", facts)[0].verdict is F


def test_lock_of_the_bucket_holds_for_the_repository_inside() -> None:
    governed = Immutability(lock="governance", proof="configured")
    address = "s3.tilleuls.test/copies"
    facts = with_repository(NAS, address=f"s3://{address}", immutability=REFUSED)
    facts = with_repository(
        CLOUD, facts, address=address, points=REFUSED, immutability=governed, settings={"engine": "restic"}
    )
    found = every("immutability.one_safe_copy", facts)[0]
    assert (found.verdict, found.severity) == (F, Severity.HIGH)
    assert "gouvernance" in found.message


@pytest.mark.parametrize(
    ("kind", "verdict", "words"),
    [
        ("append_only", F, "ajout seul"),
        ("governance", F, "mode gouvernance"),
        ("snapshot", F, "disparaissent avec elle"),
        ("compliance", P, "mode conformité"),
        ("none", NA, "aucun verrou"),
    ],
)
def test_lock_is_called_by_its_name(kind: str, verdict: Verdict, words: str) -> None:
    found = judge("immutability.worth_of_lock", lock(kind))
    assert found.verdict is verdict
    assert words in found.message
    if kind in ("append_only", "governance"):
        assert found.severity is Severity.LOW
        assert "ce n'est pas une copie immuable" in found.message


@pytest.mark.parametrize(
    ("covered", "looked", "verdict", "severity"),
    [(10, 10, P, None), (9, 10, F, None), (0, 10, F, Severity.HIGH), (None, None, NS, None), (0, 0, NS, None)],
)
def test_lock_covers(covered: int | None, looked: int | None, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("immutability.lock_covers", lock("compliance", covered=covered, looked_at=looked))
    assert (found.verdict, found.severity) == (verdict, severity)


@pytest.mark.parametrize(
    ("days", "verdict", "severity"),
    [(30, P, None), (29, F, Severity.LOW), (14, F, Severity.LOW), (13, F, None), (None, NS, None)],
)
def test_lock_length(days: int | None, verdict: Verdict, severity: Severity | None) -> None:
    found = judge("immutability.lock_length", lock("compliance", days=days))
    assert (found.verdict, found.severity) == (verdict, severity)


@pytest.mark.parametrize("name", ["lock_covers", "lock_length"])
def test_weak_lock_has_nothing_to_measure(name: str) -> None:
    assert judge(f"immutability.{name}", lock("governance", days=3)).verdict is NA
    assert judge(f"immutability.{name}", lock("offline")).verdict is NA
    assert judge(f"immutability.{name}", everywhere(immutability=REFUSED)).verdict is NS


# --- BKP-ACC


@pytest.mark.parametrize(
    ("name", "field", "good", "bad"),
    [
        ("out_of_domain", "in_production_domain", False, True),
        ("own_accounts", "own_accounts", True, False),
        ("second_factor", "mfa", True, False),
        ("client_cannot_delete", "deletes_allowed", False, True),
        ("few_administrators", "administrators", 5, 6),
    ],
)
def test_access(name: str, field: str, good: Any, bad: Any) -> None:
    def verdict(value: Any, **fields: Any) -> Verdict:
        facts = with_repository(NAS, access=Access(**{field: value}), **fields)
        return judge(f"access.{name}", facts).verdict

    assert (verdict(good), verdict(bad), verdict(None)) == (P, F, NS)
    assert verdict(bad, offline=True) is NA
    assert judge(f"access.{name}", with_repository(NAS, access=REFUSED)).verdict is NS


def test_deletion_by_the_client_is_lighter_behind_a_lock() -> None:
    facts = with_repository(NAS, access=Access(deletes_allowed=True))
    assert judge("access.client_cannot_delete", facts).severity is Severity.LOW
    facts = with_repository(NAS, facts, immutability=Immutability(lock="none", proof="configured"))
    assert judge("access.client_cannot_delete", facts).severity is None


# --- BKP-ENC, BKP-CAP


@pytest.mark.parametrize(("medium", "severity"), [("nas", None), ("disk", None), ("cloud", Severity.HIGH), ("tape", Severity.HIGH), ("removable", Severity.HIGH)])  # fmt: skip
def test_clear_copies_are_graver_when_they_leave(medium: str, severity: Severity | None) -> None:
    found = judge("protection.encrypted", with_repository(NAS, medium=medium, encryption=Encryption(encrypted=False)))
    assert (found.verdict, found.severity) == (F, severity)


@pytest.mark.parametrize(("transport", "verdict"), [(True, P), (False, F), (None, NS)])
def test_transport(transport: bool | None, verdict: Verdict) -> None:
    facts = with_repository(NAS, encryption=Encryption(encrypted=True, transport=transport))
    assert judge("protection.encrypted_transport", facts).verdict is verdict


def test_local_folder_has_no_transport() -> None:
    facts = with_repository(NAS, encryption=Encryption(encrypted=True), address="/mnt/usb")
    assert judge("protection.encrypted_transport", facts).verdict is NA


@pytest.mark.parametrize(
    ("fact", "answer", "verdict"),
    [(True, None, P), (False, True, F), (None, True, P), (None, False, F), (None, None, NS), (None, "oui", NS)],
)
def test_key_is_kept_elsewhere(fact: bool | None, answer: Any, verdict: Verdict) -> None:
    facts = with_repository(NAS, encryption=Encryption(encrypted=True, key_escrow=fact))
    found = mute("protection.key_kept", facts, backup_key_escrow=answer)
    assert found[0].verdict is verdict


def test_no_key_without_encryption() -> None:
    assert judge("protection.key_kept", with_repository(NAS, encryption=Encryption(encrypted=False))).verdict is NA


@pytest.mark.parametrize(("free", "verdict"), [(100, P), (99, F)])
def test_tenth_of_the_room_is_the_floor(free: int, verdict: Verdict) -> None:
    facts = with_repository(NAS, capacity=1000, free=free, points=nights("a", stored=None))
    assert judge("protection.room_left", facts).verdict is verdict


@pytest.mark.parametrize(("stored", "verdict"), [(10, P), (14, F)])
def test_room_is_measured_at_the_pace_of_points(stored: int, verdict: Verdict) -> None:
    """400 free of 1,000; 10 a day last 40 days, 14 a day 29."""
    facts = with_repository(NAS, capacity=1000, free=400, points=nights("a", 30, stored=stored))
    found = judge("protection.room_left", facts)
    assert found.verdict is verdict
    assert ("28 jours" in found.message or "29 jours" in found.message) is (verdict is F)


def test_room_nobody_announces() -> None:
    assert judge("protection.room_left", with_repository(NAS, free=None)).verdict is NS
    assert judge("protection.room_left", with_repository(CLOUD, free=None), CLOUD).verdict is NA
    assert judge("protection.room_left", with_repository(NAS, free=None, points=REFUSED)).reason == Reason.REFUSED


@pytest.mark.parametrize(("declared", "count", "verdict"), [(None, 31, P), (None, 30, F), (10, 11, P), (10, 10, F), (90, 31, F)])  # fmt: skip
def test_history_goes_far_enough(declared: int | None, count: int, verdict: Verdict) -> None:
    facts = with_system(facts=everywhere(points=nights("srv-dui", count, last=0.5)), retention_days=declared)
    assert judge("protection.far_enough", facts, DUI).verdict is verdict


# --- BKP-RST


def untested(**fields: Any) -> Any:
    return house(restore_tests=(), restore_asked=False, **fields)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (None, NS),
        (False, F),
        (True, NS),
        (date(2025, 11, 21), P),
        (date(2025, 11, 20), F),
        ("2026-03-01", P),
        ("mars", NS),
        (date(2026, 11, 23), NS),
    ],
)
def test_declared_restore(answer: Any, verdict: Verdict) -> None:
    assert every("restore.tested", untested(), backup_restore_test_date=answer)[0].verdict is verdict


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, P),
        ({"finished": ago(days=367)}, NS),
        ({"restored": 0}, NS),
        ({"gap": Gap(reason=Reason.TIMEOUT, detail="Trop long.")}, NS),
        ({"source": "autre"}, NS),
    ],
)
def test_restore_by_the_agent(fields: dict[str, Any], verdict: Verdict) -> None:
    found = every("restore.tested", house(restore_tests=(restored(**fields),)))[0]
    assert found.verdict is verdict


def trouble(problem: str, number: int = 1) -> Any:
    found = tuple(Unopened(ref=f"{n:012x}", extension=".pdf", size=1, problem=problem) for n in range(number))  # type: ignore[arg-type]
    return house(restore_tests=(restored(problems=found, expected=100),))


@pytest.mark.parametrize(
    ("problem", "number", "severity"),
    [
        ("missing", 1, Severity.CRITICAL),
        ("different", 1, Severity.CRITICAL),
        ("unreadable", 2, Severity.HIGH),
        ("unreadable", 3, Severity.CRITICAL),
        ("short", 1, Severity.HIGH),
        ("empty", 1, Severity.MEDIUM),
    ],
)
def test_restored_problem_has_the_severity_of_its_kind(problem: str, number: int, severity: Severity) -> None:
    found = every("restore.gives_back", trouble(problem, number))[0]
    assert (found.verdict, found.severity) == (F, severity)
    assert len(found.affected) == number


@pytest.mark.parametrize(
    "fields",
    [
        {"expected": 0, "restored": 0},
        {"expected": 41},
        {"opened": 0, "compared_with_source": 0},
        {"gap": Gap(reason=Reason.TIMEOUT, detail="Trop long.")},
    ],
)
def test_inconclusive_restore_is_not_assessed(fields: dict[str, Any]) -> None:
    assert every("restore.gives_back", house(restore_tests=(restored(**fields),)))[0].verdict is NS


@pytest.mark.parametrize(("compared", "verdict"), [(20, P), (19, F)])
def test_half_of_the_files_are_compared(compared: int, verdict: Verdict) -> None:
    facts = house(restore_tests=(restored(compared_with_source=compared, uncompared=40 - compared),))
    assert every("restore.compared", facts)[0].verdict is verdict


def test_nothing_to_compare_with_is_not_a_fault() -> None:
    found = every("restore.compared", house(restore_tests=(restored(compared_with_source=0, uncompared=40),)))[0]
    assert (found.verdict, "live_root" in found.message) == (NS, True)


def test_problems_agree_in_number() -> None:
    lost = [Unopened(ref=f"{n:012}", extension="txt", size=3, problem="unreadable") for n in range(2)]
    found = every("restore.gives_back", house(restore_tests=(restored(problems=tuple(lost)),)))[0]
    assert "2 illisibles" in found.message


def test_database_is_in_the_sample_of_one_test() -> None:
    facts = house(restore_tests=(restored(database=False), restored("dc1")))
    assert every("restore.database_opened", facts)[0].verdict is P
    assert every("restore.database_opened", house(restore_tests=(restored(database=False),)))[0].verdict is F
    assert every("restore.database_opened", untested())[0].verdict is NS


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(2, 8, P), (2, 8.1, NS), (8, 9, NS), (8.1, 9, F)]
)  # the objective is 8 hours
def test_restore_time_is_an_interval(low: float, high: float, verdict: Verdict) -> None:
    facts = house(restore_tests=(restored(rto=estimate(low, high)),))
    assert judge("restore.in_time", facts, DUI).verdict is verdict


def test_restore_time_of_a_part_is_a_floor() -> None:
    facts = with_system(facts=house(restore_tests=(restored(),)), sources=("srv-dui", "dc1"))
    assert judge("restore.in_time", facts, DUI).verdict is NS
    slow = house(restore_tests=(restored(rto=estimate(9, 10)),))
    assert judge("restore.in_time", with_system(facts=slow, sources=("srv-dui", "dc1")), DUI).verdict is F


def test_restore_time_without_objective_or_estimate() -> None:
    found = judge("restore.in_time", with_system(rto_hours=None), DUI)
    assert found.verdict is NS
    assert "entre 2 heures et 4 heures" in found.message
    assert judge("restore.in_time", house(restore_tests=(restored(rto=REFUSED),)), DUI).reason == Reason.REFUSED
    assert judge("restore.in_time", untested(), DUI).verdict is NS


def test_restored_data_left_behind() -> None:
    assert every("restore.wiped", house(restore_tests=(restored(wiped=False),)))[0].verdict is F
    assert every("restore.wiped", untested())[0].verdict is NA


# --- BKP-RAN

ENCRYPTED: dict[str, Any] = {
    "removed": 900, "added": 900, "suffix": ".lockbit", "suffix_files": 900, "magic_lost": 10, "entropy_after": 7.99,
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "verdict", "severity"),
    [
        (ENCRYPTED, F, None),
        (ENCRYPTED | {"suffix": ""}, F, None),
        (ENCRYPTED | {"entropy_after": 7.9}, F, Severity.MEDIUM),
        (ENCRYPTED | {"entropy_after": None}, F, None),
        (ENCRYPTED | {"entropy_after": None, "magic_lost": 4}, F, Severity.MEDIUM),
        (ENCRYPTED | {"suffix": "", "magic_lost": 4}, P, None),
        (ENCRYPTED | {"removed": 190}, P, None),
        (ENCRYPTED | {"removed": 191}, F, None),
        (ENCRYPTED | {"moved": 800}, P, None),
        (ENCRYPTED | {"files_before": 20}, F, None),
        ({"files_before": 19}, NS, None),
        ({}, P, None),
    ],
)
def test_marks_of_encryption(fields: dict[str, Any], verdict: Verdict, severity: Severity | None) -> None:
    found = every("signs.no_encryption", house(changes=(change(**fields),)))[0]
    assert (found.verdict, found.severity) == (verdict, severity)


def test_marks_are_said_in_words() -> None:
    message = every("signs.no_encryption", house(changes=(change(**ENCRYPTED),)))[0].message
    for words in ("91 % des fichiers remplacés", "en « .lockbit »", "n'ont plus le format", "aléatoire"):
        assert words in message


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"removed": 499, "added": 0}, P),
        ({"removed": 500, "added": 0}, F),
        ({"removed": 500, "added": 249}, F),
        ({"removed": 500, "added": 250}, P),
        ({"removed": 600, "added": 101, "moved": 101}, P),
        ({"files_before": 19, "removed": 19}, NS),
    ],
)
def test_mass_removal(fields: dict[str, Any], verdict: Verdict) -> None:
    facts = house(changes=(change(**fields),))
    assert every("signs.no_wipe", facts)[0].verdict is verdict


@pytest.mark.parametrize("name", ["no_encryption", "no_wipe"])
def test_changes_that_were_not_compared(name: str) -> None:
    assert every(f"signs.{name}", house(changes=()))[0].verdict is NS
    assert every(f"signs.{name}", house(changes=REFUSED))[0].reason == Reason.REFUSED


# --- BKP-ORG


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("organisation.providers", "backup_policy_providers"),
        ("organisation.red_button", "backup_red_button"),
        ("organisation.watched", "backup_supervision"),
        ("restore.referent", "backup_restore_referent"),
    ],
)
def test_yes_or_no(name: str, question: str) -> None:
    def verdict(answer: Any) -> Verdict:
        return every(name, house(), **{question: answer})[0].verdict

    assert [verdict(answer) for answer in (True, False, None, "oui")] == [P, F, NS, NS]


@pytest.mark.parametrize(
    ("name", "question", "good", "old"),
    [
        ("organisation.policy", "backup_policy_validated", date(2023, 11, 20), date(2023, 11, 19)),
        ("organisation.plan_reviewed", "backup_plan_reviewed", date(2025, 11, 21), date(2025, 11, 20)),
    ],
)
def test_dated(name: str, question: str, good: date, old: date) -> None:
    def verdict(answer: Any) -> Verdict:
        return every(name, house(), **{question: answer})[0].verdict

    assert [verdict(answer) for answer in (good, old, False, None, True, 12)] == [P, F, F, NS, NS, NS]


def test_objectives_of_every_critical_system() -> None:
    found = every("organisation.objectives", with_system(rto_hours=None, owner=" "))[0]
    assert found.verdict is F
    assert [item.label for item in found.affected] == [DUI]
    assert "rto_hours" in found.affected[0].detail
    assert "rpo_hours" not in found.affected[0].detail


def test_clock_of_the_house() -> None:
    assert msgspec.to_builtins(house())["read_at"] == NOW.isoformat().replace("+00:00", "Z")


# --- BKP-CFG, BKP-RAN-003


@pytest.mark.parametrize(
    ("name", "settings", "verdict", "severity"),
    [
        ("analyzer", {"analyzer_rules": 30, "analyzer_violations": 0}, P, None),
        ("analyzer", {"analyzer_rules": 30, "analyzer_violations": 9, "analyzer_violated": "a ; b"}, F, None),
        ("analyzer", {"analyzer_rules": 30, "analyzer_violations": 10}, F, Severity.HIGH),
        ("analyzer", {"analyzer_rules": 0, "analyzer_violations": 0}, NS, None),
        ("analyzer", {}, NS, None),
        ("up_to_date", {"up_to_date": True}, P, None),
        ("up_to_date", {"up_to_date": False}, F, None),
        ("up_to_date", {}, NS, None),
        ("no_malware", {"malware_infected": 0, "malware_suspicious": 0}, P, None),
        ("no_malware", {"malware_infected": 1, "malware_suspicious": 0}, F, None),
        ("no_malware", {"malware_infected": 0, "malware_suspicious": 1}, F, Severity.HIGH),
        ("no_malware", {"malware_infected": 0}, NS, None),
    ],
)
def test_settings_of_veeam(name: str, settings: Any, verdict: Verdict, severity: Severity | None) -> None:
    found = judge(f"hardening.{name}", with_repository(NAS, technology="veeam", settings=settings))
    assert (found.verdict, found.severity) == (verdict, severity)


@pytest.mark.parametrize(("public", "verdict"), [(False, P), (True, F), (None, NS)])
def test_bucket_is_not_public(public: bool | None, verdict: Verdict) -> None:
    settings = {} if public is None else {"public": public}
    assert judge("hardening.not_public", with_repository(CLOUD, settings=settings), CLOUD).verdict is verdict


@pytest.mark.parametrize("name", ["analyzer", "up_to_date", "not_public", "no_malware"])
def test_setting_that_a_product_does_not_have(name: str) -> None:
    assert judge(f"hardening.{name}", with_repository(NAS, settings={})).verdict is NA


def test_commands_that_destroy_copies_are_told_and_their_absence_proves_nothing() -> None:
    windows = {"technology": "windows_backup", "product": "Sauvegarde Windows Server"}
    seen = Failure(time=ago(days=1), what="Destruction : vssadmin delete shadows", source="DC01")
    with_signs = repository(NAS, **windows, failures=(seen,), settings={"destruction_signs": 1})
    found = every("hardening.no_malware", house(repositories=(with_signs,)))[0]
    assert (found.verdict, found.severity, [one.label for one in found.affected]) == (F, Severity.HIGH, ["DC01"])
    none = repository(NAS, **windows, settings={"destruction_signs": 0})
    assert every("hardening.no_malware", house(repositories=(none,)))[0].verdict is NS


def test_locks_that_could_not_be_read_are_not_absent() -> None:
    unread = repository(NAS, locks=REFUSED)
    found = every("results.no_stale_lock", house(repositories=(unread,)))[0]
    assert (found.verdict, found.reason) == (NS, Reason.REFUSED)


def test_a_lock_on_an_empty_bucket_is_no_safe_copy() -> None:
    locked = Immutability(lock="compliance", proof="configured", days=30, covered=0, looked_at=0)
    empty = repository(CLOUD, points=(), immutability=locked)
    assert every("immutability.one_safe_copy", house(repositories=(empty,)))[0].verdict is F


def test_copies_that_are_all_damaged_are_not_called_usable() -> None:
    damaged = repository(NAS, integrity=Integrity(ok=False, depth="metadata"))
    found = every("coverage.has_copy", house(repositories=(damaged,), restore_tests=()))
    assert {one.verdict for one in found if one.subject == DUI} == {NS}
