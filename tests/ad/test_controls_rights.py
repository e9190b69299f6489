"""Which access rights count, and to whom."""

from __future__ import annotations

import pytest

from checks.ad.directory import directory
from checks.ad.facts import Descriptor
from checks.ad.rights import effective, strangers_in_control, strangers_who_enrol
from checks.model import Verdict
from tests.ad.builders import (
    AES_ONLY,
    DAY,
    ENROL,
    MEMBER,
    ace,
    ago,
    certificate,
    edit,
    healthy,
    one,
    policy,
    pso,
    put,
    sid,
)

STRANGER = sid(1102)
MEMBERSHIP_SET = "bc0ac240-79a9-11d0-9020-00c04fc2d4cf"
AUTO_ENROL = "a05b8cc2-17bc-4802-a710-e7c15ab866a2"
OTHER = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize("kind", [0, 5, 9, 11])
def test_kinds_that_allow(kind: int) -> None:
    entry = ace(STRANGER, 0x40000, type_=kind)
    assert effective(Descriptor(owner=sid(512), aces=(entry,))) == (entry,)


@pytest.mark.parametrize("kind", [1, 2, 6, 10, 12])
def test_kinds_that_do_not_allow(kind: int) -> None:
    assert effective(Descriptor(owner=sid(512), aces=(ace(STRANGER, 0x40000, type_=kind),))) == ()


@pytest.mark.parametrize(
    ("mask", "object_type", "controls"),
    [
        (0x10000000, "", True),
        (0x40000000, "", True),
        (0x40000, "", True),
        (0x80000, "", True),
        (0x20, "", True),
        (0x20, MEMBER, True),
        (0x20, MEMBERSHIP_SET, True),
        (0x20, OTHER, False),
        (0x8, "", True),
        (0x8, MEMBER, True),
        (0x8, OTHER, False),
        (0x100, "", False),
        (0x20094, "", False),
        (0x80000000, "", False),
    ],
)
def test_rights_that_take_over_a_group(mask: int, object_type: str, controls: bool) -> None:
    descriptor = Descriptor(owner=sid(512), aces=(ace(STRANGER, mask, object_type),))
    assert (STRANGER in strangers_in_control(descriptor, directory(healthy()))) is controls


def test_owner_takes_over_a_group() -> None:
    found = strangers_in_control(Descriptor(owner=STRANGER), directory(healthy()))
    assert found == {STRANGER: "propriétaire du groupe"}


@pytest.mark.parametrize(
    ("mask", "object_type", "enrols"),
    [
        (0x100, ENROL, True),
        (0x100, AUTO_ENROL, True),
        (0x100, "", True),
        (0x10000000, "", True),
        (0x100, OTHER, False),
        (0x20, ENROL, False),
    ],
)
def test_rights_that_enrol(mask: int, object_type: str, enrols: bool) -> None:
    descriptor = Descriptor(owner=sid(512), aces=(ace(STRANGER, mask, object_type, 5),))
    assert (STRANGER in strangers_who_enrol(descriptor, directory(healthy()))) is enrols


@pytest.mark.parametrize("rid", [498, 500, 502, 512, 516, 517, 518, 519, 520, 521, 526, 527])
def test_history_of_a_privileged_identity(rid: int) -> None:
    facts = edit("m.durand", sid_history=(f"S-1-5-21-9-9-9-{rid}",))
    assert one("AD-ACC-008", facts).verdict is Verdict.FAIL


@pytest.mark.parametrize("rid", [513, 515, 1000, 5120])
def test_history_of_an_ordinary_identity(rid: int) -> None:
    facts = edit("m.durand", sid_history=(f"S-1-5-21-9-9-9-{rid}",))
    assert one("AD-ACC-008", facts).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"min_length": 33}, Verdict.PASS),
        ({"max_age": 1095 * DAY}, Verdict.PASS),
        ({"max_age": 1095 * DAY + 1}, Verdict.FAIL),
        ({"max_age": 0}, Verdict.FAIL),
        ({"max_age": None}, Verdict.FAIL),
        ({"changed": None}, Verdict.FAIL),
        ({"dn": "CN=autre"}, Verdict.NOT_ASSESSED),
    ],
)
def test_policy_that_excuses_a_service_name(fields: dict[str, object], expected: Verdict) -> None:
    account = edit("adm.rossi", spns=("http/x",), resultant_pso=pso().dn, enctypes=AES_ONLY)
    assert one("AD-KRB-004", put(account, password_settings=(pso(**fields),))).verdict is expected


def test_user_certificate_that_expires_this_second_still_counts() -> None:
    weak = certificate(bits=512, trust_container=False, not_after=ago(0))
    assert one("AD-PKI-002", put(healthy(), certificates=(weak,))).verdict is Verdict.FAIL


@pytest.mark.parametrize("hidden", ["min_length", "properties", "history"])
def test_hidden_part_of_the_password_policy(hidden: str) -> None:
    assert one("AD-PWD-001", policy(**{hidden: None})).verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize("spn", ["http", "", "/", "cifs/dc1x", "cifs//dc1", "tilleuls"])
def test_odd_service_names_reach_no_controller(spn: str) -> None:
    assert one("AD-DLG-002", edit("SRV-DUI$", delegate_to=(spn,))).verdict is Verdict.PASS
