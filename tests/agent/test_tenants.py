"""A tenant that the mandate does not name is not read, whatever the services that every tenant shares."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from agent.engine import check_targets
from agent.mandate import TENANT_SERVICES, MandateGuard, parse_address
from agent.profile import LoadedProfile, Mandate, Profile, ProfileError, Structure, parse_profile
from agent.runfolder import RunFolder
from checks.catalogue import load_catalogue
from checks.model import MandateRefusedError

TENANT = "0f4c1f6e-9a41-4c58-9a5e-2f3d5f0c7a11"
NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)


class Config(msgspec.Struct):
    """A domain that reads a tenant."""

    tenant: str
    hosts: tuple[str, ...] = TENANT_SERVICES

    def tenants(self) -> tuple[str, ...]:
        return (self.tenant,)

    def targets(self) -> tuple[str, ...]:
        return self.hosts


def mandate(*tenants: str) -> Mandate:
    return Mandate(
        authorised_by="Mme Durand", signed_on=NOW.date(), valid_from=NOW.date(), valid_to=NOW.date(),
        emergency_contact="06", tenants=tenants,
    )  # fmt: skip


def check(tmp_path: Path, config: Config, *tenants: str) -> str:
    """Check one domain; gives the journal."""
    loaded = LoadedProfile(
        profile=Profile(structure=Structure(name="EHPAD Les Tilleuls"), mandate=mandate(*tenants)),
        domains={"m365": config}, sha256="", path="site.toml",
    )  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    folder.prepare()
    try:
        check_targets(loaded, ("m365",), (), folder, lambda: NOW)
    finally:
        found = folder.journal.read_text("utf-8") if folder.journal.exists() else ""
    return found


@pytest.mark.parametrize("asked", [TENANT, TENANT.upper(), "tilleuls.onmicrosoft.com", "Tilleuls.fr"])
def test_a_tenant_of_the_mandate_is_read(tmp_path, asked):
    assert check(tmp_path, Config(asked), TENANT, "tilleuls.onmicrosoft.com", "tilleuls.fr") == ""


@pytest.mark.parametrize(("asked", "tenants"), [
    ("autre.onmicrosoft.com", ("tilleuls.onmicrosoft.com",)), ("tilleuls.onmicrosoft.com", ()),
    ("a.tilleuls.fr", ("tilleuls.fr",)), ("tilleuls.fr", ("a.tilleuls.fr",)),
])  # fmt: skip
def test_any_other_tenant_stops_the_audit_and_is_in_the_journal(tmp_path, asked, tenants):
    with pytest.raises(MandateRefusedError, match="locataire absent du mandat"):
        check(tmp_path, Config(asked), *tenants)
    written = RunFolder(tmp_path / "run").journal.read_text("utf-8")
    assert asked in written
    assert "refuse" in written


def test_shared_services_open_with_a_tenant_and_stay_closed_without():
    with_tenant, without = MandateGuard(mandate(TENANT)), MandateGuard(mandate())
    names = (*TENANT_SERVICES, "eur01b.ps.compliance.protection.outlook.com", "eurprd05.outlook.office365.com")
    for name in names:
        assert with_tenant.refuse_name(name) == ""
        assert without.refuse_name(name)
    for name in (
        "microsoft.com",
        "login.microsoftonline.com.voleur.test",
        "xlogin.microsoftonline.com",
        "office365.com",
    ):
        assert with_tenant.refuse_name(name)
    inside = parse_address("10.10.0.1")
    assert inside is not None
    assert with_tenant.refuse_resolved("graph.microsoft.com", inside)  # a lying DNS aims at nothing inside


@pytest.mark.parametrize("value", ["pas un nom", "", "http://x", "12345"])
def test_a_malformed_tenant_is_refused_with_its_line(value):
    text = f"""schema = 1
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Mme Durand"
signed_on = 2026-11-01
valid_from = 2026-11-01
valid_to = 2026-11-30
emergency_contact = "06"
tenants = ["{value}"]
"""
    with pytest.raises(ProfileError) as caught:
        parse_profile(text.encode(), "site.toml", load_catalogue([]))
    assert caught.value.key == "mandate.tenants[0]"
    assert caught.value.line == 10
