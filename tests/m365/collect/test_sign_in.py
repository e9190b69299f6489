"""Signing in: secret, certificate, code, pasted token; refusals that are final; the tenant that was asked and no other."""

from __future__ import annotations

import time

import msgspec
import pytest

from checks.m365.collect import collect
from checks.m365.config import M365Config
from checks.model import CollectError, CollectRequest, MandateRefusedError, Reason
from tests.m365.collect.base import GRAPH_ONLY, house, read
from tests.m365.fakes import tenants
from tests.m365.fakes.login import jwt
from tests.m365.fakes.network import LoopbackNetwork
from tests.m365.fakes.server import FakeMicrosoft
from tests.m365.fakes.tenants import Tenant
from tests.m365.fakes.tls import application_certificate

PASTED = {"sign_in": "token", "client_id": ""}


def token_requests(fake: FakeMicrosoft) -> int:
    return sum(count for line, count in fake.counted().items() if line.endswith("/oauth2/v2.0/token"))


def graph_requests(fake: FakeMicrosoft) -> int:
    return sum(1 for request in fake.log if request.service == "graph")


def refused(fake: FakeMicrosoft, tenant: Tenant, /, **options) -> CollectError:
    with pytest.raises(CollectError) as caught:
        read(fake, tenant, **GRAPH_ONLY, **options)
    return caught.value


def test_a_wrong_secret_is_tried_once_and_shown_nowhere(fake):
    error = refused(fake, house(fake, "standard"), secret="not-the-right-secret")
    assert error.reason is Reason.REFUSED
    assert "secret de l'application est faux" in error.detail
    assert "not-the-right-secret" not in error.detail
    assert "secret-in-the-message" not in error.detail
    assert token_requests(fake) == 1
    assert graph_requests(fake) == 0


def test_an_application_that_does_not_exist(fake):
    error = refused(fake, house(fake, "standard"), client_id=tenants.guid("another"))
    assert "n'existe pas dans ce locataire" in error.detail


def test_a_tenant_that_does_not_exist(fake):
    assert refused(fake, house(fake, "standard"), tenant="absent.onmicrosoft.test").reason in (
        Reason.REFUSED,
        Reason.MALFORMED,
    )
    assert graph_requests(fake) == 0


def test_a_sign_in_service_that_does_not_answer(fake):
    network = LoopbackNetwork(unknown=frozenset({"login.tilleuls.test"}))
    assert refused(fake, house(fake, "standard"), network=network).reason is Reason.UNREACHABLE
    assert fake.log == []


@pytest.mark.parametrize("password", [None, b"mot de passe"])
def test_a_certificate_signs_in(fake, tmp_path, password):
    tenant = house(fake, "standard")
    file, tenant.certificate = application_certificate(tmp_path, password)
    more = {"key_from": "env:AUSCULTE_M365"} if password else {}
    run = read(fake, tenant, sign_in="certificate", certificate_file=str(file), secret_from="",
               secret=(password or b"").decode(), **more, **GRAPH_ONLY)  # fmt: skip
    assert run.rows("users")
    assert run.facts.authentication == "certificate"
    posted = b"".join(request.body for request in fake.log if request.service == "login")
    assert b"client_assertion" in posted
    assert b"client_secret" not in posted


def test_a_certificate_that_is_not_the_one_registered(fake, tmp_path):
    tenant = house(fake, "standard")
    (tmp_path / "other").mkdir()
    _, tenant.certificate = application_certificate(tmp_path / "other")
    file, _ = application_certificate(tmp_path)
    error = refused(fake, tenant, sign_in="certificate", certificate_file=str(file), secret_from="")
    assert "AADSTS700027" in error.detail
    assert token_requests(fake) == 1


def test_a_certificate_whose_password_is_wrong_is_not_sent(fake, tmp_path):
    file, _ = application_certificate(tmp_path, b"right")
    error = refused(fake, house(fake, "standard"), sign_in="certificate", certificate_file=str(file),
                    key_from="env:AUSCULTE_M365", secret="wrong")  # fmt: skip
    assert error.reason is Reason.NOT_CONFIGURED
    assert "wrong" not in error.detail
    assert fake.log == []


@pytest.mark.parametrize(
    "content", [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_not_a_certificate(fake, tmp_path, content):
    file = tmp_path / "app.pem"
    if content is not None:
        file.write_bytes(content)
    error = refused(fake, house(fake, "standard"), sign_in="certificate", certificate_file=str(file), secret_from="")
    assert error.reason is Reason.NOT_CONFIGURED
    assert fake.log == []


def test_a_person_types_a_code(fake):
    tenant = house(fake, "standard")
    run = read(fake, tenant, sign_in="device_code", secret_from="")
    (shown,) = [step for step in run.steps if "code" in step]
    assert "TILLEULS7" in shown
    assert "https://microsoft.com/devicelogin" in shown
    assert run.rows("users")
    assert run.rows("mailboxes")  # the same sign-in opens Exchange, without a second code
    assert set(run.facts.granted) == tenants.READ_ONLY
    assert sum(1 for request in fake.log if request.path.endswith("/devicecode")) == 1


@pytest.mark.parametrize(
    ("code", "reason"), [(53003, Reason.PERMISSION), (70020, Reason.TIMEOUT), (65001, Reason.PERMISSION)]
)
def test_a_code_that_is_refused(fake, code, reason):
    tenant = house(fake, "standard")
    tenant.device_refusal = code
    error = refused(fake, tenant, sign_in="device_code", secret_from="")
    assert error.reason is reason
    assert f"AADSTS{code}" in error.detail
    assert graph_requests(fake) == 0


def pasted(fake: FakeMicrosoft, tenant: Tenant, **claims) -> str:
    return fake.tokens.give(tenant, fake.url("graph"), **{"scp": "Directory.Read.All User.Read.All openid", **claims})


def test_a_pasted_token_opens_graph_only(fake):
    tenant = house(fake, "standard")
    run = read(fake, tenant, secret=f"  Bearer {pasted(fake, tenant)}\n", **PASTED)
    assert run.rows("users")
    assert run.gap("mailboxes").reason is Reason.PERMISSION
    assert run.gap("teams_meeting").reason is Reason.PERMISSION
    assert run.facts.granted == ("Directory.Read.All", "User.Read.All")
    assert run.facts.authentication == "token"
    assert token_requests(fake) == 0
    assert {request.service for request in fake.log} == {"graph"}


def test_a_pasted_token_for_a_domain_of_its_tenant(fake):
    tenant = house(fake, "standard")
    run = read(fake, tenant, secret=pasted(fake, tenant), tenant="Tilleuls.test", **PASTED, **GRAPH_ONLY)
    assert run.rows("users")


def test_a_pasted_token_of_another_tenant_reads_nothing(fake):
    other = pasted(fake, house(fake, "premium"))
    error = refused(fake, house(fake, "standard"), secret=other, **PASTED)
    assert error.reason is Reason.REFUSED
    assert graph_requests(fake) == 0


def test_a_pasted_token_of_another_tenant_than_the_domain_is_left_after_its_name(fake):
    other = pasted(fake, house(fake, "premium"))
    error = refused(fake, house(fake, "standard"), tenant="ailleurs.test", secret=other, **PASTED)
    assert error.reason is Reason.REFUSED
    assert graph_requests(fake) == 1


def test_a_pasted_token_that_dies_on_the_way_is_not_sent_again(fake):
    tenant = house(fake, "standard")
    fake.faults.expire_after = 3
    run = read(fake, tenant, secret=pasted(fake, tenant), **PASTED, **GRAPH_ONLY)
    assert "permission" in run.gaps().values()
    assert token_requests(fake) == 0
    assert graph_requests(fake) < 20


@pytest.mark.parametrize(("token", "reason"), [
    ("", Reason.MALFORMED), ("abc", Reason.MALFORMED), ("a.b.c", Reason.MALFORMED), ("." * 70_000, Reason.MALFORMED),
    (jwt(aud="https://outlook.office365.com", exp=9e9, tid="x"), Reason.REFUSED),
    (jwt(aud="https://graph.microsoft.com", exp=int(time.time()) - 4_000_000_00, tid="x"), Reason.REFUSED),
    (jwt(aud="https://graph.microsoft.com", tid="x"), Reason.REFUSED),
    (jwt(aud="https://graph.microsoft.com", exp=9_000_000_000), Reason.MALFORMED),
])  # fmt: skip
def test_a_pasted_text_that_cannot_serve_is_never_sent(fake, token, reason):
    error = refused(fake, house(fake, "standard"), secret=token, **PASTED)
    assert error.reason is reason
    assert not token or token not in error.detail
    assert fake.log == []


def test_graph_outside_the_mandate_stops_everything(fake):
    network = LoopbackNetwork(refused=frozenset({"graph.tilleuls.test"}))
    with pytest.raises(MandateRefusedError):
        read(fake, house(fake, "standard"), network=network)
    assert fake.log == []


def test_an_unknown_authority_is_not_trusted(fake, tmp_path):
    """The certificate of the services is not that of public authorities: nothing is sent to them."""
    from tests.m365.fakes import tls

    (tmp_path / "other").mkdir()
    ca_file, _ = tls.make(tmp_path / "other")
    error = refused(fake, house(fake, "standard"), ca_file=str(ca_file))
    assert error.reason is Reason.UNREACHABLE
    assert fake.log == []


def test_an_authority_file_that_is_absent(fake, tmp_path):
    assert refused(fake, house(fake, "standard"), ca_file=str(tmp_path / "absent")).reason is Reason.NOT_CONFIGURED


def test_without_the_libraries_one_sentence_says_so(fake, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "msgraph", None)
    monkeypatch.setitem(sys.modules, "msgraph_core", None)
    tenant = house(fake, "standard")
    request = CollectRequest(
        config=msgspec.convert(fake.profile(tenant), M365Config), secret=lambda _: "", clock=lambda: tenants.NOW
    )
    with pytest.raises(CollectError) as caught:
        collect(request, LoopbackNetwork(), lambda *_: None)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "msgraph_core" in caught.value.detail
    assert fake.log == []
