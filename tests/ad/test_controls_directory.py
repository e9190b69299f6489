"""Who is privileged, nested membership, support dates, rights."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.ad import windows
from checks.ad.directory import directory
from checks.ad.facts import AdFacts
from checks.ad.judging import day
from checks.common.french import plural
from tests.ad.builders import (
    ADMIN,
    DN,
    FOREIGN,
    HIDDEN,
    add,
    controller,
    domain,
    edit,
    group,
    healthy,
    put,
    sid,
    user,
    without,
)


def privileged(facts: AdFacts) -> set[str]:
    return {account.name for account in directory(facts).privileged.items}


def dn(name: str) -> str:
    return f"CN={name},CN=Users,{DN}"


def with_operators(facts: AdFacts, *members: str) -> AdFacts:
    changed = tuple(msgspec.structs.replace(g, members=members) if g.sid == "S-1-5-32-548" else g for g in facts.groups)
    return put(facts, groups=changed)


def test_administrator_and_members_are_privileged_controllers_are_not() -> None:
    assert privileged(healthy()) == {"Administrateur", "adm.rossi"}


def test_nested_groups_and_loops_are_unfolded() -> None:
    facts = add(
        group(1500, "A", (dn("B"),)),
        group(1501, "B", (dn("A"), f"CN=m.durand,OU=Personnel,{DN}")),
    )
    assert "m.durand" in privileged(with_operators(facts, dn("A")))


def test_member_names_are_compared_without_case() -> None:
    assert "adm.rossi" in privileged(edit("Admins du domaine", members=(ADMIN.upper(),)))


def test_primary_group_counts_as_membership() -> None:
    assert "m.durand" in privileged(edit("m.durand", primary_group=512))


def test_primary_group_of_a_nested_group_counts() -> None:
    facts = with_operators(add(group(1500, "A"), user(1600, "cache", primary_group=1500)), dn("A"))
    assert "cache" in privileged(facts)


def test_primary_group_of_another_domain_does_not_count() -> None:
    """A built-in group has a RID too (544): it is no primary group of a domain account."""
    assert "m.durand" not in privileged(edit("m.durand", primary_group=544))


def test_administrator_is_privileged_by_its_rid_alone() -> None:
    empty = put(healthy(), groups=tuple(msgspec.structs.replace(g, members=()) for g in healthy().groups))
    assert privileged(empty) == {"Administrateur"}


def test_foreign_and_unknown_members_are_kept_apart() -> None:
    outside = "CN=inconnu,DC=autre,DC=test"
    facts = with_operators(healthy(), f"CN=S-1-5-21-9-9-9-1104,{FOREIGN}", outside)
    members = directory(facts).privileged_members
    assert set(members.foreign) == {"S-1-5-21-9-9-9-1104"}
    assert members.unknown == (outside,)


@pytest.mark.parametrize(
    "facts",
    [
        put(healthy(), groups=HIDDEN),
        put(healthy(), accounts=HIDDEN),
        without("Administrateurs"),
        without("Admins du domaine"),
        edit("Admins du domaine", members_cut=True),
    ],
)
def test_incomplete_reading_of_the_privileged_set_is_said(facts: AdFacts) -> None:
    assert directory(facts).privileged.gap is not None


def test_index_is_built_once_and_not_copied_to_changed_facts() -> None:
    facts = healthy()
    assert directory(facts) is directory(facts)
    assert directory(put(facts, groups=())) is not directory(facts)


class TestTier0:
    @pytest.mark.parametrize(
        "known", ["S-1-5-18", "S-1-5-9", "S-1-5-10", "S-1-5-32-544", sid(512), sid(519), sid(500), sid(1101)]
    )
    def test_administrators(self, known: str) -> None:
        assert directory(healthy()).is_tier0(known)

    @pytest.mark.parametrize(
        "stranger", ["S-1-1-0", "S-1-5-11", sid(513), sid(515), sid(1102), sid(9999), "S-1-5-21-9-9-9-512", ""]
    )
    def test_others(self, stranger: str) -> None:
        assert not directory(healthy()).is_tier0(stranger)

    def test_controller_account(self) -> None:
        assert directory(healthy()).is_tier0(sid(1000))

    def test_forest_groups_of_another_domain_of_the_forest(self) -> None:
        facts = domain(domains_in_forest=2)
        assert directory(facts).is_tier0("S-1-5-21-7-7-7-519")
        assert not directory(facts).is_tier0("S-1-5-21-7-7-7-512")

    def test_group_with_only_administrators(self) -> None:
        assert directory(add(group(1500, "Admins AC", (ADMIN,)))).is_tier0(sid(1500))

    @pytest.mark.parametrize(
        "members", [(), (ADMIN, f"CN=m.durand,OU=Personnel,{DN}"), (f"CN=S-1-5-11,{FOREIGN}",), ("CN=x,DC=y",)]
    )
    def test_other_groups(self, members: tuple[str, ...]) -> None:
        assert not directory(add(group(1500, "Mixte", members))).is_tier0(sid(1500))


class TestSupport:
    @pytest.mark.parametrize(
        ("system", "version", "end"),
        [
            ("Windows Server 2008 R2 Standard", "6.1 (7601)", date(2020, 1, 14)),
            ("Windows Server® 2008 Standard", "6.0 (6003)", date(2020, 1, 14)),
            ("Windows Server 2022 Datacenter", "10.0 (20348)", date(2031, 10, 14)),
            ("Windows Server Datacenter", "10.0 (19042)", date(2022, 8, 9)),
            ("Windows 7 Professionnel", "6.1 (7601)", date(2020, 1, 14)),
            ("Windows 8.1 Pro", "6.3 (9600)", date(2023, 1, 10)),
            ("Windows XP Professional", "5.1 (2600)", date(2014, 4, 8)),
            ("Windows Vista™ Business", "6.0 (6002)", date(2017, 4, 11)),
            ("Windows 10 Professionnel", "10.0 (19045)", date(2025, 10, 14)),
            ("Windows 10 Entreprise LTSC", "10.0 (17763)", date(2029, 1, 9)),
            ("Windows 10 Enterprise 2016 LTSB", "10.0 (14393)", date(2026, 10, 13)),
            ("Windows 11 Professionnel", "10.0 (22631)", date(2025, 11, 11)),
            ("Windows 11 Entreprise", "10.0 (22631)", date(2026, 11, 10)),
            ("Windows 11 Éducation", "10.0 (22631)", date(2026, 11, 10)),
            ("Windows 10 Professionnel", "", None),
            ("Windows 12 Pro", "11.0 (30000)", None),
            ("Samba", "4.17.12-Debian", None),
            ("", "", None),
        ],
    )
    def test_end(self, system: str, version: str, end: date | None) -> None:
        assert windows.support_end(system, version) == end

    @given(st.text(), st.text())
    def test_any_text_gives_a_date_or_nothing(self, system: str, version: str) -> None:
        assert isinstance(windows.support_end(system, version), date | None)

    @pytest.mark.parametrize(
        ("system", "level"),
        [
            ("Windows Server 2008 R2 Standard", 4),
            ("Windows Server 2008 Standard", 3),
            ("Windows Server 2012 R2 Standard", 6),
            ("Windows Server 2019 Standard", 7),
            ("Windows Server 2025 Standard", 10),
            ("Samba", None),
        ],
    )
    def test_level(self, system: str, level: int | None) -> None:
        assert windows.controller_level(system) == level


@given(st.text())
def test_rid_of_any_text(text: str) -> None:
    assert windows.rid(text) >= -1


@given(st.integers())
def test_any_moment_can_be_shown(moment: int) -> None:
    assert day(moment)


def test_endless_rid_is_no_rid() -> None:
    assert windows.rid("S-1-5-21-" + "9" * 5000) == -1


def test_french_plural_starts_at_two() -> None:
    assert [plural(n, "{n} compte", "{n} comptes") for n in (0, 1, 2)] == ["0 compte", "1 compte", "2 comptes"]


def test_entra_pseudo_controller_is_no_controller() -> None:
    facts = add(controller(1900, "AzureADKerberos$", primary_group=521))
    assert "AzureADKerberos$" not in {account.name for account in directory(facts).controllers.items}
