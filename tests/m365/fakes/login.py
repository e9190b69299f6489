"""Sign-in: discovery, client secret, client assertion, device code, refresh token. Tokens are JWT that nobody signed."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from tests.m365.fakes.server import FakeMicrosoft, Reply, Request
    from tests.m365.fakes.tenants import Tenant

USER_ROLE = "b79fbf4d-3ef9-4689-8143-76b194e85509"


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(**claims: object) -> str:
    """A token with these claims."""
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}.signature"


class Issuer:
    """Tokens given, and those that are no longer accepted."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[str, str]] = {}
        """Token to tenant id and audience."""
        self.dead: set[str] = set()
        self.seen = 0
        self.expired = False

    def give(self, tenant: Tenant, audience: str, **claims: object) -> str:
        found = jwt(aud=audience, tid=tenant.id, exp=int(time.time()) + 3600, jti=str(uuid.uuid4()), **claims)
        self.given[found] = (tenant.id, audience)
        return found

    def refuse(self, fake: FakeMicrosoft, request: Request) -> Reply | None:
        """Why the token of a request is not accepted; fills the tenant of the request."""
        from tests.m365.fakes.server import Reply

        self.seen += 1
        if fake.faults.expire_after and self.seen > fake.faults.expire_after and not self.expired:
            self.expired = True
            self.dead |= set(self.given)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        tenant, audience = self.given.get(token, ("", ""))
        wanted = {"teams": ("48ac35b8-9aa8-4d74-927d-1f4a14a0b239",)}.get(
            request.service, (fake.url(request.service), fake.url(request.service, by_name=False))
        )
        if not tenant or token in self.dead or audience not in wanted:
            body = {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed"}}
            return Reply(body, 401, {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'})
        request.tenant = tenant
        return None


def failed(code: int, error: str = "invalid_client") -> Reply:
    from tests.m365.fakes.server import Reply

    said = f"AADSTS{code}: refused. Trace ID: {uuid.uuid4()} secret-in-the-message"
    return Reply({"error": error, "error_description": said, "error_codes": [code]}, 401 if code > 100000 else 400)


def answer(fake: FakeMicrosoft, request: Request) -> Reply:
    """What the sign-in service answers."""
    from tests.m365.fakes.server import Reply

    name, _, rest = request.path.strip("/").partition("/")
    tenant = fake.tenant(name)
    if tenant is None:
        return failed(90002, "invalid_tenant")
    base = f"{request.headers['host']}/{tenant.id}"
    if rest == "v2.0/.well-known/openid-configuration":
        endpoints = {
            "token_endpoint": "token", "authorization_endpoint": "authorize",
            "device_authorization_endpoint": "devicecode",
        }  # fmt: skip
        found = {key: f"https://{base}/oauth2/v2.0/{value}" for key, value in endpoints.items()}
        return Reply(found | {"issuer": f"https://{base}/v2.0"})
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
    if rest == "oauth2/v2.0/devicecode":
        return _device(tenant)
    if rest == "oauth2/v2.0/token":
        return _token(fake, tenant, form)
    return Reply({"error": "not_found"}, 404)


def _device(tenant: Tenant) -> Reply:
    from tests.m365.fakes.server import Reply

    return Reply({
        "user_code": "TILLEULS7", "device_code": f"device-{tenant.id}", "expires_in": 900, "interval": 0,
        "verification_uri": "https://microsoft.com/devicelogin", "message": "…",
    })  # fmt: skip


def _token(fake: FakeMicrosoft, tenant: Tenant, form: dict[str, str]) -> Reply:
    from tests.m365.fakes.server import Reply

    if form.get("client_id") != tenant.client_id:
        return failed(700016, "unauthorized_client")
    grant = form.get("grant_type", "")
    if grant == "client_credentials":
        if "client_assertion" in form:
            if not _signed(tenant, form["client_assertion"]):
                return failed(700027)
        elif form.get("client_secret") != tenant.secret:
            return failed(7000215)
    elif "device_code" in grant:
        if tenant.device_polls > 0:
            tenant.device_polls -= 1
            return Reply({"error": "authorization_pending", "error_description": "AADSTS70016: pending"}, 400)
        if tenant.device_refusal:
            return failed(tenant.device_refusal, "invalid_grant")
    elif grant != "refresh_token":
        return failed(70003, "unsupported_grant_type")
    return Reply(_tokens(fake, tenant, form, person="client_credentials" not in grant))


def _tokens(fake: FakeMicrosoft, tenant: Tenant, form: dict[str, str], *, person: bool) -> dict[str, object]:
    scopes = [scope for scope in form.get("scope", "").split() if scope.endswith("/.default")]
    audience = (scopes or [f"{fake.url('graph')}/.default"])[0].removesuffix("/.default")
    if audience == "48ac35b8-9aa8-4d74-927d-1f4a14a0b239":
        roles = ["application_access"]
    elif any(
        audience.startswith(fake.url(name, by_name=by)) for name in ("exchange", "compliance") for by in (True, False)
    ):
        roles = ["Exchange.ManageAsApp"]
    else:
        roles = sorted(tenant.granted)
    claims: dict[str, object] = {"scp": " ".join([*roles, "openid"])} if person else {"roles": roles}
    found: dict[str, object] = {
        "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
        "access_token": fake.tokens.give(tenant, audience, wids=[*tenant.roles, USER_ROLE], **claims),
    }  # fmt: skip
    if person:
        person_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, tenant.id))
        found["refresh_token"] = f"refresh-{tenant.id}"
        found["scope"] = form.get("scope", "")
        found["client_info"] = encoded({"uid": person_id, "utid": tenant.id})
        found["id_token"] = jwt(
            aud=tenant.client_id, iss=f"{fake.url('login')}/{tenant.id}/v2.0", tid=tenant.id, oid=person_id,
            sub=person_id, preferred_username=f"direction@{tenant.domains[-1]}", exp=int(time.time()) + 3600,
            iat=int(time.time()),
        )  # fmt: skip
    return found


def _signed(tenant: Tenant, assertion: str) -> bool:
    """Whether the assertion was signed with the key of the application's certificate."""
    if tenant.certificate is None:
        return False
    head, payload, signature = assertion.split(".")
    algorithm = json.loads(base64.urlsafe_b64decode(head + "=="))["alg"]
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if algorithm == "PS256" else padding.PKCS1v15()
    key = tenant.certificate.public_key()
    try:
        key.verify(base64.urlsafe_b64decode(signature + "=="), f"{head}.{payload}".encode(), scheme, hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    except InvalidSignature:
        return False
    return True


Certificate = x509.Certificate
