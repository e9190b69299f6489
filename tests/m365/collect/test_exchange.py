"""Exchange, compliance and Teams: the redirection to the region, refused roles, cmdlets that only read."""

from __future__ import annotations

import asyncio

import pytest

from checks.m365.client.cmdlets import TEAMS_OBJECTS, Cmdlets
from checks.m365.facts import Rows
from checks.m365.resources import RESOURCES, Resource
from checks.model import Reason
from tests.m365.collect.base import house, read
from tests.m365.fakes import tenants
from tests.m365.fakes.network import LoopbackNetwork


def names(api: str) -> set[str]:
    return {resource.name for resource in RESOURCES if resource.api == api}


def lost(run) -> dict[str, str]:
    return {name: reason for name, reason in run.gaps().items() if name != "mail_dns"}


def test_the_front_of_compliance_is_followed_to_the_region_under_its_own_name(fake):
    run = read(fake, house(fake, "premium"))
    assert run.rows("alert_policies")
    hosts = {request.host.partition(":")[0] for request in fake.log if request.path.endswith("/InvokeCommand")}
    assert hosts == {"exchange.tilleuls.test", "eur01b.compliance.tilleuls.test"}
    assert "eur01b.compliance.tilleuls.test" in {asked[0] for asked in run.network.asked}


def test_exchange_may_move_too(fake):
    tenant = house(fake, "premium")
    tenant.exchange_moved = True
    assert read(fake, tenant).rows("mailboxes")


def test_a_region_that_the_mandate_refuses_is_not_asked(fake):
    network = LoopbackNetwork(refused=frozenset({"eur01b.compliance.tilleuls.test"}))
    run = read(fake, house(fake, "premium"), network=network)
    assert {run.gap(name).reason for name in names("compliance")} == {Reason.REFUSED}
    assert not any(request.host.startswith("eur01b") for request in fake.log)


def test_without_the_role_exactly_the_exchange_readings_are_lost(fake):
    tenant = house(fake, "premium")
    before = set(lost(read(fake, tenant)))
    tenant.exchange_reader = False
    run = read(fake, tenant)
    assert set(lost(run)) - before == names("exchange") | names("compliance")
    assert {run.gap(name).reason for name in names("exchange")} == {Reason.PERMISSION}
    asked = [r.json["CmdletInput"]["CmdletName"] for r in fake.log if r.path.endswith("InvokeCommand")]
    assert asked.count("Get-MailboxPermission") <= len(tenant.exchange["Get-Mailbox"])


def test_without_the_role_exactly_the_teams_readings_are_lost(fake):
    tenant = house(fake, "premium")
    before = set(lost(read(fake, tenant)))
    tenant.teams_reader = False
    run = read(fake, tenant)
    assert set(lost(run)) - before == names("teams")
    assert {run.gap(name).reason for name in names("teams")} == {Reason.PERMISSION}


@pytest.mark.parametrize("service", ["exchange", "teams"])
def test_a_service_that_the_profile_leaves_out_is_not_even_resolved(fake, service):
    run = read(fake, house(fake, "premium"), **{service: False})
    apis = {"exchange": ("exchange", "compliance"), "teams": ("teams",)}[service]
    for api in apis:
        assert {run.gap(name).reason for name in names(api)} == {Reason.NOT_CONFIGURED}
        assert not any(asked[0].startswith(api) for asked in run.network.asked)


@pytest.mark.parametrize(("network", "reason"), [
    (LoopbackNetwork(refused=frozenset({"exchange.tilleuls.test"})), Reason.REFUSED),
    (LoopbackNetwork(unknown=frozenset({"exchange.tilleuls.test"})), Reason.UNREACHABLE),
])  # fmt: skip
def test_a_service_out_of_reach_loses_its_readings_only(fake, network, reason):
    run = read(fake, house(fake, "premium"), network=network)
    assert {run.gap(name).reason for name in names("exchange")} == {reason}
    assert run.rows("users")
    assert run.rows("teams_meeting")


def test_more_than_a_thousand_mailboxes_are_all_read(fake):
    tenant = tenants.grow(house(fake, "standard"), 2300)
    run = read(fake, tenant, max_mailboxes=1)
    assert len(run.rows("mailboxes")) == 2300 - 1  # the guest has none
    assert len(run.rows("audit_bypass")) == 2299


def test_pages_elsewhere_are_not_followed(fake):
    fake.faults.evil_next["Get-Mailbox"] = "https://voleur.test/adminapi"
    found = read(fake, house(fake, "standard")).facts.readings["mailboxes"]
    assert isinstance(found, Rows)
    assert found.rows
    assert not found.complete


@pytest.mark.parametrize("cmdlet", ["Set-Mailbox", "Remove-Mailbox", "Get-Mailbox; Set-Mailbox", "", "Get-Mailbox|x"])
def test_a_cmdlet_that_does_not_only_read_is_never_run(cmdlet):
    cmdlets = Cmdlets(None, "tenant", None)  # type: ignore[arg-type] - nothing may be asked of them
    with pytest.raises(ValueError, match="only cmdlets that read"):
        asyncio.run(cmdlets.run(Resource(name="x", api="exchange", path=cmdlet), 10))


def test_every_cmdlet_of_the_table_reads():
    cmdlets = [resource.path for resource in RESOURCES if resource.api in ("exchange", "compliance", "teams")]
    assert len(cmdlets) > 30
    assert all(cmdlet.startswith("Get-") for cmdlet in cmdlets)
    assert {resource.path for resource in RESOURCES if resource.api == "teams"} == set(TEAMS_OBJECTS)
