"""What an ordinary account is not shown must not end in a verdict, for or against."""

from __future__ import annotations

import msgspec
import pytest

from checks.ad import windows
from checks.ad.directory import directory
from checks.ad.facts import AdFacts, Descriptor, Gap
from checks.ad.rights import strangers_in_control
from checks.model import Verdict
from tests.ad.builders import (
    ADMIN,
    BUILTIN_ADMIN,
    DN,
    FOREIGN,
    FULL_CONTROL,
    MEMBER,
    ace,
    add,
    computer,
    controller,
    edit,
    group,
    healthy,
    labels,
    one,
    put,
    sid,
    template,
    user,
    without,
)
from tests.ad.test_controls_verdicts import esc1, menu

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_ASSESSED

NOTHING_SHOWN = {
    "uac": None,
    "pwd_last_set": None,
    "last_logon": None,
    "logon_count": None,
    "enctypes": None,
    "admin_count": None,
    "silo": "",
}
"""What stays of a user when Pre-Windows 2000 Compatible Access was emptied."""


@pytest.mark.parametrize(
    "control_id",
    [
        "AD-DLG-001", "AD-DLG-002", "AD-DLG-003", "AD-DLG-004", "AD-KRB-002", "AD-KRB-007", "AD-PRV-003", "AD-PRV-004",
        "AD-PRV-006", "AD-PRV-007", "AD-PRV-008", "AD-PRV-009", "AD-ACC-002", "AD-ACC-006", "AD-ACC-008",
        "AD-ACC-009", "AD-ACC-011",
    ],
)  # fmt: skip
def test_hidden_administrator(control_id: str) -> None:
    judgement = one(control_id, edit("adm.rossi", **NOTHING_SHOWN))
    assert judgement.verdict is UNKNOWN
    assert judgement.reason == "permission"


@pytest.mark.parametrize("control_id", ["AD-KRB-005", "AD-KRB-006"])
def test_hidden_service_account(control_id: str) -> None:
    assert one(control_id, edit("svc-dossier", **NOTHING_SHOWN)).verdict is UNKNOWN


@pytest.mark.parametrize("control_id", ["AD-ACC-003", "AD-ACC-004"])
def test_primary_group_of_a_machine_whose_role_is_hidden(control_id: str) -> None:
    assert one(control_id, edit("DC2$", uac=None)).verdict is UNKNOWN
    assert one(control_id, edit("PC-SOINS-01$", uac=None)).verdict is PASS


@pytest.mark.parametrize("control_id", ["AD-DLG-002", "AD-DLG-003"])
def test_delegation_cannot_be_judged_without_seeing_the_controllers(control_id: str) -> None:
    facts = without("DC1$", "DC2$")
    aimed = put(
        facts,
        accounts=tuple(
            msgspec.structs.replace(a, delegate_to=("cifs/dc1",)) if a.name == "m.durand" else a for a in facts.accounts
        ),
    )
    assert one(control_id, aimed).verdict is UNKNOWN


def with_member(name: str, dn: str) -> AdFacts:
    return edit(name, members=(ADMIN, BUILTIN_ADMIN, dn))


def test_administrator_nobody_can_see_is_said() -> None:
    judgement = one("AD-PRV-003", with_member("Admins du domaine", f"CN=cache,OU=Direction,{DN}"))
    assert judgement.verdict is UNKNOWN
    assert "CN=cache" in judgement.message


@pytest.mark.parametrize(
    "dn",
    ["CN=Enterprise Admins,CN=Users,DC=groupe,DC=test", f"CN=siege,CN=Users,DC=siege,{DN}", f"CN=S-1-5-11,{FOREIGN}"],
)
def test_member_of_another_domain_is_not_ours_to_see(dn: str) -> None:
    assert one("AD-PRV-003", with_member("Admins du domaine", dn)).verdict is PASS


@pytest.mark.parametrize("name", ["Opérateurs de compte", "Opérateurs de sauvegarde"])
def test_hidden_operators_leave_the_privileged_list_incomplete(name: str) -> None:
    assert one("AD-PRV-003", without(name)).verdict is UNKNOWN


def test_template_nobody_can_read_is_not_a_safe_template() -> None:
    facts = put(healthy(), templates=(template(name_flags=None, descriptor=""),))
    assert one("AD-PKI-001", facts).verdict is UNKNOWN
    unpublished = put(healthy(), templates=(template(), template(name="Autre", name_flags=None, descriptor="")))
    assert one("AD-PKI-001", unpublished).verdict is PASS
    assert one("AD-PKI-001", esc1()).verdict is FAIL


def test_cut_list_of_protected_users_accuses_nobody() -> None:
    assert one("AD-PRV-005", edit("Protected Users", members=(), members_cut=True)).verdict is UNKNOWN


def test_name_of_the_entra_controller_hides_no_writable_controller() -> None:
    entra = controller(
        1300, "AzureADKerberos$", uac=0x5001000, primary_group=521, os="", os_version="", last_logon=0, created=0
    )
    assert one("AD-DC-004", add(entra)).verdict is PASS
    rogue = controller(1300, "AzureADKerberos$", last_logon=0, created=0)
    assert labels(one("AD-DC-004", add(rogue))) == {"AzureADKerberos$"}


def test_scripts_of_the_root_domain_are_at_home() -> None:
    facts = menu(r"adminContextMenu: 2,&Fiche,\\groupe.test\sysvol\groupe.test\scripts\fiche.vbs")
    assert one("AD-CFG-007", facts).verdict is FAIL
    child = msgspec.structs.replace(facts.domain, configuration_dn="CN=Configuration,DC=groupe,DC=test")
    assert one("AD-CFG-007", put(facts, domain=child)).verdict is PASS


STOCK_DNS_ADMINS = (
    ace(sid(512), FULL_CONTROL),
    ace("S-1-5-18", FULL_CONTROL),
    ace("S-1-5-32-548", FULL_CONTROL),
    ace("S-1-5-10", 0x100, "ab721a54-1e2f-11d0-9819-00aa0040529b", 5),
    ace("S-1-5-11", 0x20094),
    ace("S-1-5-11", 0x100, "ab721a55-1e2f-11d0-9819-00aa0040529b", 5),
    ace("S-1-5-32-560", 0x10, "46a9b11d-60ae-405a-b7e8-ff8a58d456d2", 5),
    ace("S-1-5-32-554", 0x20094, flags=0x12),
    ace("S-1-5-9", 0x10, "b7c69e6d-2cc7-11d2-854e-00a0c983f608", 5, flags=0x1A),
    ace(sid(526), 0x30, "5b47d60f-6090-40b2-9f37-2a4de88f3063", 5, flags=0x12),
    ace(sid(527), 0x30, "5b47d60f-6090-40b2-9f37-2a4de88f3063", 5, flags=0x12),
    ace(sid(519), FULL_CONTROL, flags=0x12),
    ace("S-1-5-32-544", 0xF01BD, flags=0x12),
    ace("S-1-5-32-554", 0x4, flags=0x12),
    ace("S-1-3-0", 0x8, "9b026da6-0d3c-465c-8bee-5199d7165cba", 5, flags=0x1A),
)
"""What Windows puts on DnsAdmins by itself: the class default, and what comes down from the domain."""


@pytest.mark.parametrize("owner", [sid(512), sid(519), "S-1-5-18", "S-1-5-32-544"])
def test_stock_rights_on_dns_admins_are_no_finding(owner: str) -> None:
    descriptor = Descriptor(owner=owner, aces=STOCK_DNS_ADMINS)
    assert strangers_in_control(descriptor, directory(healthy())) == {}


def test_migration_account_that_may_write_members_is_a_finding() -> None:
    facts = add(user(1500, "MSOL_0a1b2c3d4e5f"), group(1501, "Exchange Windows Permissions"))
    aces = (*STOCK_DNS_ADMINS, ace(sid(1500), 0x20, MEMBER, 5), ace(sid(1501), 0x40000))
    found = strangers_in_control(Descriptor(owner=sid(512), aces=aces), directory(facts))
    assert set(found) == {sid(1500), sid(1501)}


def test_small_business_server_has_an_end_of_support() -> None:
    old = computer(1600, "SBS$", os="Windows Small Business Server 2011 Standard", os_version="6.1 (7601)")
    assert labels(one("AD-ACC-013", add(old))) == {"SBS$"}
    assert windows.support_end("Windows Server 2025 Standard", "10.0 (26100)") is not None


def test_gap_of_members_keeps_a_failure() -> None:
    facts = with_member("Admins du domaine", f"CN=cache,OU=Direction,{DN}")
    wrong = put(
        facts,
        accounts=tuple(msgspec.structs.replace(a, uac=0x10200) if a.name == "adm.rossi" else a for a in facts.accounts),
    )
    assert not isinstance(wrong.accounts, Gap)
    assert one("AD-PRV-003", wrong).verdict is FAIL


@pytest.mark.parametrize("control_id", ["AD-DC-005", "AD-DC-006", "AD-DC-007"])
def test_ciphers_of_a_hidden_controller(control_id: str) -> None:
    judgement = one(control_id, edit("DC2$", uac=None, enctypes=None))
    assert (judgement.verdict, judgement.reason) == (UNKNOWN, "permission")


def test_undeclared_ciphers_are_not_called_unreadable() -> None:
    judgement = one("AD-DC-007", edit("DC2$", enctypes=None))
    assert (judgement.verdict, judgement.reason) == (UNKNOWN, "unsupported")
    assert "DC2$" in judgement.message


def test_administrators_of_a_partner_are_not_those_of_the_forest() -> None:
    larger = put(healthy(), domain=msgspec.structs.replace(healthy().domain, domains_in_forest=2))
    index = directory(larger)
    assert index.is_tier0("S-1-5-21-7-7-7-519")
    assert not index.is_tier0("S-1-5-21-9-9-9-519"), "the domain of the external trust"
