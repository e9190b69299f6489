"""The plan laid over what was read: which copies are whose, how fresh, how far; and the five terms of the rule."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.facts import BackupFacts, Immutability, Integrity, Point, Unopened
from checks.backup.plan import found_rows, is_good, kind_of, matches, orphans, plan, stream
from checks.backup.rows import lines
from checks.backup.storage import places
from checks.backup.terms import Terms, lock_of, terms
from checks.model import Gap, Reason
from tests.backup.house import (
    CLOUD,
    DUI,
    NAS,
    NOW,
    REFUSED,
    ago,
    change,
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


def row(facts: BackupFacts, label: str = DUI) -> Any:
    return next(one for one in plan(facts, NOW) if one.system.label == label)


def graded(facts: BackupFacts, label: str = DUI, **answers: Any) -> Terms:
    return terms(row(facts, label), facts, NOW, answers)


# --- Names


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("srv-dui", "SRV-DUI", True),
        ("srv-*", "srv-dui", True),
        ("*dui*", "vm/101 srv-dui", True),
        ("srv", "srv-dui", False),
        ("srv.dui", "srv-dui", False),
        ("[a]", "[a]", True),
        ("*", "", True),
        ("a*b", "a\nb", True),
    ],
)
def test_patterns_know_only_the_star(pattern: str, text: str, expected: bool) -> None:
    assert matches((pattern,), text) is expected


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=40))
def test_any_pattern_gives_an_answer(patterns: list[str], text: str) -> None:
    assert matches(patterns, text) in (True, False)
    assert matches(["*"], text)
    assert matches([text], text)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Dossier de l'usager informatisé", "care_records"),
        ("Dossier de l\u2019usager", "care_records"),
        ("DUI NetSoins", "care_records"),
        ("Contrôleurs de domaine", "directory"),
        ("Annuaire", "directory"),
        ("Office 365", "microsoft365"),
        ("Pare-feu", "firewall"),
        ("Partages", "files"),
        ("Conduite", ""),
        ("Paie", ""),
    ],
)
def test_kind_is_guessed_from_plain_words_only(label: str, kind: str) -> None:
    assert kind_of(system(label)) == kind


def test_declared_kind_wins() -> None:
    assert kind_of(system("Annuaire", kind="other")) == "other"


# --- What belongs to whom


def test_row_gathers_the_copies_of_each_repository() -> None:
    found = row(house())
    assert [copy.repository.label for copy in found.copies] == [NAS, CLOUD]
    assert found.good_points == 45
    assert found.last_good == ago(6)
    assert found.oldest_good == ago(6 + 24 * 44)
    assert found.interval_hours == found.longest_gap_hours == 24
    assert {test.source for test in found.tests} == {"srv-dui"}


def test_system_is_as_fresh_as_its_stalest_source() -> None:
    facts = everywhere(with_system(sources=("srv-dui", "dc1")), points=nights("srv-dui") + nights("dc1", last=100))
    assert row(facts).last_good == ago(100)


def test_best_copy_of_a_source_counts() -> None:
    facts = with_repository(NAS, points=nights("srv-dui", last=500))
    assert row(facts).last_good == ago(6)


def test_absent_source_leaves_no_last_good_point() -> None:
    found = row(with_system(sources=("srv-dui", "srv-base")))
    assert found.absent == ("srv-base",)
    assert found.last_good is None
    assert found.oldest_good is None


def test_folder_pattern_has_its_own_freshness() -> None:
    old = nights("srv", 5, last=200, paths=("/srv/dui",))
    new = nights("srv", 5, last=2, paths=("/etc",))
    facts = everywhere(with_system(sources=("/srv/dui*",)), points=old + new)
    assert row(facts).last_good == ago(200)
    assert [one.source for one in row(facts).streams] == ["/srv/dui"]


def test_repository_with_one_source_is_presumed_to_hold_the_system() -> None:
    facts = with_repository(NAS, with_system(sources=(), covered_by=(NAS,)), points=nights("vm-101"))
    found = row(facts)
    assert [copy.presumed for copy in found.copies] == [True]
    assert not found.unlinked


def test_repository_with_several_sources_is_ambiguous() -> None:
    found = row(with_system(sources=(), covered_by=(NAS,)))
    assert found.ambiguous == (NAS,)
    assert not found.copies


def test_label_that_is_the_name_of_a_source_links() -> None:
    facts = everywhere(with_system(sources=()), points=nights(DUI.upper()))
    assert len(row(facts).copies) == 2


def test_nothing_links_a_system_without_name_nor_repository() -> None:
    assert row(with_system(sources=())).unlinked


def test_unread_repository_is_kept_with_its_reason() -> None:
    found = row(with_repository(NAS, points=REFUSED))
    assert found.unread == (NAS,)
    assert found.unread_gap == REFUSED


def test_unread_repository_declared_for_another_is_no_doubt() -> None:
    assert row(with_repository(NAS, with_system(covered_by=(CLOUD,)), points=REFUSED)).unread == ()


def test_declared_repository_without_its_points_is_empty_handed() -> None:
    facts = with_repository(NAS, with_system(covered_by=(NAS, CLOUD)), points=nights("autre"))
    assert row(facts).empty_handed == (NAS,)


def test_sources_of_nobody_are_found_with_their_repositories() -> None:
    facts = with_repository(NAS, points=nights("srv-dui") + nights("vieux-pc", 2))
    assert orphans(facts, plan(facts, NOW)) == (("vieux-pc", (NAS,)),)
    assert [(one.system.label, one.last_good) for one in found_rows(facts, NOW)] == [("vieux-pc", ago(6))]


def test_source_claimed_in_one_repository_is_known_in_the_others() -> None:
    facts = with_system(covered_by=(NAS,))
    assert orphans(facts, plan(facts, NOW)) == ()


# --- Good points, rhythm


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        ({}, True),
        ({"complete": None, "verified": None}, True),
        ({"complete": False}, False),
        ({"verified": "failed"}, False),
        ({"empty": True}, False),
    ],
)
def test_good_point(fields: dict[str, Any], good: bool) -> None:
    assert is_good(point("a", ago(1), **fields), NOW) is good


def test_point_of_the_future_is_not_good_beyond_an_hour() -> None:
    assert is_good(point("a", NOW + timedelta(hours=1)), NOW)
    assert not is_good(point("a", NOW + timedelta(hours=1, seconds=1)), NOW)


def test_gap_that_began_before_the_window_counts() -> None:
    found = stream("a", (point("a", ago(days=60)), point("a", ago(days=2)), point("a", ago(days=1))), NOW)
    assert found.longest_gap_hours == 58 * 24
    assert found.interval_hours == (58 * 24 + 24) / 2


def test_single_point_has_no_rhythm() -> None:
    found = stream("a", (point("a", ago(1)),), NOW)
    assert (found.good, found.interval_hours, found.longest_gap_hours) == (1, None, None)


def test_no_good_point_at_all() -> None:
    found = stream("a", (point("a", ago(1), empty=True),), NOW)
    assert (found.good, found.last_good, found.oldest_good) == (0, None, None)


times = st.datetimes(min_value=NOW.replace(tzinfo=None) - timedelta(days=400), max_value=NOW.replace(tzinfo=None))


@given(st.lists(st.tuples(times, st.sampled_from(["a", "B", "c*"]), st.booleans()), max_size=30))
def test_rows_never_contradict_themselves(drawn: list[tuple[Any, str, bool]]) -> None:
    points = tuple(
        Point(id=str(n), source=source, time=time.replace(tzinfo=NOW.tzinfo), empty=empty)
        for n, (time, source, empty) in enumerate(drawn)
    )
    facts = house(repositories=(repository(NAS, points=points),), systems=(system("s", "a", "b"),), restore_tests=())
    (found,) = plan(facts, NOW)
    assert (found.last_good is None) == any(one.last_good is None for one in found.streams) or found.absent
    if found.last_good and found.oldest_good:
        assert max(p.time for p in points) >= found.last_good
        assert min(p.time for p in points) <= found.oldest_good
    claimed = {source.casefold() for copy in found.copies for source in copy.sources}
    strangers = {name.casefold() for name, _ in orphans(facts, (found,))}
    assert claimed.isdisjoint(strangers)
    assert claimed | strangers == {p.source.casefold() for p in points}


# --- A repository in a bucket

ENGINE = Gap(reason=Reason.UNSUPPORTED, detail="Le compartiment contient un dépôt restic.")
COMPLIANCE = Immutability(lock="compliance", proof="configured", days=30, covered=9, looked_at=9)


def bucket(**fields: Any) -> BackupFacts:
    """A restic repository in a bucket, both declared."""
    inside = {"technology": "restic", "address": "s3://s3.tilleuls.test:443/copies/restic", "medium": "", "place": ""}
    outside = {
        "technology": "s3", "address": "s3.tilleuls.test/copies", "medium": "cloud", "points": ENGINE,
        "place": "Hébergeur HDS", "immutability": COMPLIANCE, "settings": {"engine": "restic"},
    }  # fmt: skip
    repositories = (
        repository(NAS, **inside | {"immutability": REFUSED} | fields),
        repository(CLOUD, **outside),
    )
    return house(repositories=repositories)


def test_bucket_and_the_repository_it_holds_are_one_copy() -> None:
    found = row(bucket())
    assert [copy.repository.label for copy in found.copies] == [NAS]
    assert found.unread == ()
    terms_ = graded(bucket())
    assert (terms_.copies.text, terms_.locked.state, terms_.offsite.state) == ("2", "met", "met")


def test_system_declared_in_the_bucket_is_found_in_its_repository() -> None:
    facts = msgspec.structs.replace(bucket(), systems=(system(DUI, "srv-dui", covered_by=(CLOUD,)),))
    assert [copy.repository.label for copy in row(facts).copies] == [NAS]


def test_firm_lock_of_the_repository_itself_is_kept() -> None:
    lock = Immutability(lock="immutable_days", proof="tested")
    assert row(bucket(immutability=lock)).copies[0].repository.immutability == lock


@pytest.mark.parametrize(
    ("address", "joined"),
    [
        ("s3:https://S3.tilleuls.test/copies", True),
        ("s3://s3.tilleuls.test:9000/copies/a/b", True),
        ("s3://s3.tilleuls.test/copies2", False),
        ("s3://autre.tilleuls.test/copies", False),
        ("/copies", False),
        ("", False),
    ],
)
def test_address_tells_what_lies_in_the_bucket(address: str, joined: bool) -> None:
    labels = {label for place in places(bucket(address=address).repositories) for label in place.labels[1:]}
    assert labels == ({CLOUD} if joined else set())


def test_bucket_of_another_product_is_left_alone() -> None:
    assert row(bucket(technology="borg")).unread == (CLOUD,)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_address_is_looked_at(one: str, other: str) -> None:
    facts = bucket(address=one).repositories
    turned = (facts[0], msgspec.structs.replace(facts[1], address=other))
    assert 1 <= len(places(turned)) <= 2


# --- 3-2-1-1-0


def test_careful_house_has_the_five_terms() -> None:
    found = graded(house())
    assert found.met == 5
    assert [term.state for term in found.every] == ["met"] * 5
    assert found.errors.proof == "tested"
    assert found.offsite.proof == "declared"


def test_two_labels_of_one_repository_are_one_copy() -> None:
    found = graded(with_repository(CLOUD, repository_id=f"id-{NAS}"))
    assert (found.copies.state, found.copies.text) == ("partial", "2")


def test_snapshots_of_the_same_array_are_no_copy() -> None:
    found = graded(with_repository(NAS, technology="zfs"))
    assert found.copies.text == "2"
    assert "même baie" in found.copies.detail
    assert graded(with_repository(NAS, technology="zfs", same_array_as_source=False)).copies.text == "3"
    assert graded(everywhere(same_array_as_source=True)).copies.state == "missed"


def test_copy_without_good_point_is_no_copy() -> None:
    assert graded(with_repository(NAS, points=nights("srv-dui", verified="failed"))).copies.text == "2"


def test_medium_that_nobody_declared_is_unknown() -> None:
    facts = everywhere(medium="disk")
    assert graded(facts).media.state == "unknown"
    assert graded(everywhere(facts, same_array_as_source=False)).media.state == "met"


def test_two_repositories_of_one_host_are_one_medium() -> None:
    facts = everywhere(address="sftp:a@nas.tilleuls.test:/b")
    assert graded(facts).media.text == "2"
    assert graded(house()).media.text == "3"
    assert graded(everywhere(server="192.0.2.10")).media.text == "2"


def test_offsite_needs_a_place_away_from_production() -> None:
    assert graded(with_repository(CLOUD, place="local technique ")).offsite.state == "missed"
    assert graded(with_repository(CLOUD, place="")).offsite.state == "met"
    assert graded(with_repository(CLOUD, place="", medium="nas")).offsite.state == "unknown"
    assert graded(msgspec.structs.replace(house(), production_places=())).offsite.state == "unknown"


@pytest.mark.parametrize(
    ("lock", "state"),
    [
        ("none", "missed"),
        ("snapshot", "missed"),
        ("append_only", "partial"),
        ("governance", "partial"),
        ("compliance", "met"),
        ("immutable_days", "met"),
        ("offline", "met"),
    ],
)
def test_worth_of_each_lock(lock: Any, state: str) -> None:
    facts = everywhere(immutability=Immutability(lock=lock, proof="configured"))
    assert graded(facts).locked.state == state


def test_lock_that_does_not_cover_the_points_is_partial() -> None:
    lock = Immutability(lock="compliance", proof="configured", covered=9, looked_at=10)
    assert graded(everywhere(immutability=lock)).locked.state == "partial"
    assert lock_of(repository(NAS, immutability=msgspec.structs.replace(lock, covered=10))).state == "met"


def test_tested_lock_says_so() -> None:
    assert graded(everywhere(immutability=Immutability(lock="compliance", proof="tested"))).locked.proof == "tested"


def test_unplugged_medium_is_declared() -> None:
    facts = everywhere(immutability=REFUSED)
    assert graded(facts).locked.state == "unknown"
    found = graded(with_repository(NAS, facts, offline=True)).locked
    assert (found.state, found.proof) == ("met", "declared")
    found = graded(facts, backup_offline_copy=True).locked
    assert (found.state, found.proof) == ("met", "declared")


def test_lock_of_the_production_array_does_not_count() -> None:
    lock = Immutability(lock="none", proof="configured")
    facts = with_repository(CLOUD, with_repository(NAS, same_array_as_source=True), immutability=lock)
    assert graded(facts).locked.state == "missed"


@pytest.mark.parametrize(
    "fields",
    [
        {"integrity": Integrity(ok=False, depth="sample")},
        {"points": nights("srv-dui", 1, empty=True) + nights("srv-dui", last=30)},
        {"points": nights("srv-dui", 1, verified="failed") + nights("srv-dui", last=30)},
        {"points": nights("srv-dui", 1, complete=False) + nights("srv-dui", last=30)},
    ],
)
def test_one_error_is_enough(fields: dict[str, Any]) -> None:
    assert graded(with_repository(NAS, **fields)).errors.state == "missed"


def test_zero_error_is_graded_by_what_proves_it() -> None:
    untested = msgspec.structs.replace(house(), restore_tests=())
    assert graded(untested).errors.proof == "configured"
    silent = nights("srv-dui", verified=None)
    unchecked = everywhere(untested, integrity=REFUSED, points=silent)
    assert graded(unchecked).errors.state == "unknown"
    shallow = everywhere(unchecked, integrity=Integrity(ok=True, depth="metadata"))
    assert graded(shallow).errors.state == "unknown"
    assert graded(with_repository(NAS, shallow, integrity=Integrity(ok=True, depth="sample"))).errors.state == "met"
    assert graded(with_repository(NAS, shallow, points=nights("srv-dui"))).errors.proof == "configured"
    said = graded(unchecked, backup_restore_test_date=date(2026, 3, 1)).errors
    assert (said.state, said.proof) == ("met", "declared")
    assert graded(unchecked, backup_restore_test_date="2026-03-01").errors == said
    for wrong in (date(2025, 3, 1), date(2027, 3, 1), "mars", True):
        assert graded(unchecked, backup_restore_test_date=wrong).errors.state == "unknown"


def test_old_restore_test_proves_no_longer() -> None:
    facts = house(restore_tests=(restored(finished=ago(days=367)),))
    assert graded(facts).errors.proof == "configured"


def test_what_was_not_read_could_meet_the_term() -> None:
    facts = with_repository(CLOUD, points=REFUSED)
    found = graded(facts)
    assert (found.copies.state, found.offsite.state) == ("unknown", "unknown")
    assert found.locked.state == "met"
    assert CLOUD in found.copies.detail


def test_points_that_an_intruder_encrypted_are_not_the_last_good_copy() -> None:
    before, after = ago(hours=30), ago(hours=6)
    points = (point("srv-dui", before), point("srv-dui", after), point("srv-dui", ago(hours=1)))
    sign = change(
        repository=NAS, source="srv-dui", before=before, after=after, changed=900, magic_lost=10, entropy_after=7.99
    )
    facts = house(repositories=(repository(NAS, points=points),), changes=(sign,), restore_tests=())
    assert row(facts).last_good == before


def test_a_point_most_of_whose_files_do_not_open_is_no_copy() -> None:
    older, newest = point("srv-dui", ago(hours=30)), point("srv-dui", ago(hours=6))
    lost = tuple(Unopened(ref=f"{n:012}", extension="txt", size=3, problem="unreadable") for n in range(21))
    nas = repository(NAS, points=(older, newest))
    for problems, last in ((lost, ago(hours=30)), (lost[:20], ago(hours=6))):
        test = restored("srv-dui", NAS, point=newest.id, expected=40, problems=problems)
        facts = house(repositories=(nas,), changes=(), restore_tests=(test,))
        assert row(facts).last_good == last


def test_a_copy_that_came_back_does_not_hide_one_that_did_not() -> None:
    lost = Unopened(ref="a" * 12, extension="txt", size=3, problem="missing")
    both = (restored(finished=ago(hours=1)), restored(where=CLOUD, finished=ago(hours=2), problems=(lost,)))
    (line,) = [one for one in lines(house(restore_tests=both), NOW) if one.system == DUI]
    assert line.restore.endswith("avec défauts")
