"""Exchange Online, compliance and Teams: cmdlets that read, pages, and the redirection to the tenant's region."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.m365.fakes.server import FakeMicrosoft, Reply, Request
    from tests.m365.fakes.tenants import Tenant

REGION = "eur01b"
PER_OBJECT = {"Get-MailboxPermission"}
ONE_THOUSAND = 1000


def answer(fake: FakeMicrosoft, tenant: Tenant, request: Request) -> Reply:
    """InvokeCommand of both fronts."""
    from tests.m365.fakes.server import Reply

    base = f"/adminapi/beta/{tenant.id}/"
    if not request.path.startswith(base):
        return Reply({"error": {"code": "NotFound", "message": "no such tenant"}}, 404)
    front = request.service == "compliance" or tenant.exchange_moved
    if front and not request.host.startswith((f"{REGION}.", "127.")):
        # The host that Microsoft redirects to has another suffix than the one to ask.
        place = f"https://{REGION}.region.tilleuls.test/{request.path}"
        return Reply(None, 302, {"Location": place})
    rest = request.path.removeprefix(base)
    if rest == "EXOBanner('AutogenSession')" and request.method == "GET":
        return Reply({"value": []})
    if rest != "InvokeCommand" or request.method != "POST":
        return Reply({"error": {"code": "MethodNotAllowed", "message": ""}}, 405)
    if not tenant.exchange_reader:
        return Reply(
            {"error": {"code": "Unauthorized", "message": "The role assigned to application isn't supported"}}, 403
        )
    return _run(fake, tenant, request)


def _run(fake: FakeMicrosoft, tenant: Tenant, request: Request) -> Reply:
    from tests.m365.fakes.server import Reply

    given = request.json["CmdletInput"]
    name, parameters = given["CmdletName"], given["Parameters"]
    objects = (tenant.compliance if request.service == "compliance" else tenant.exchange).get(name)
    if objects is None:
        message = f"The term '{name}' is not recognized as the name of a cmdlet"
        return Reply({"error": {"code": "BadRequest", "message": message}}, 400)
    if name in PER_OBJECT:
        if "Identity" not in parameters:
            return Reply({"error": {"code": "BadRequest", "message": "Identity is mandatory"}}, 400)
        objects = tenant.permissions_of(parameters["Identity"])
    elif parameters.get("ResultSize") != "Unlimited":
        objects = objects[:ONE_THOUSAND]
    size = int(request.headers.get("prefer", "odata.maxpagesize=1000").rpartition("=")[2])
    size = min(size, tenant.exchange_page)
    start = int(request.query.get("skip", "0"))
    found = {"value": objects[start : start + size]}
    if start + size < len(objects):
        found["@odata.nextLink"] = f"https://{request.host}{request.path}?skip={start + size}"
    for key, link in fake.faults.evil_next.items():
        if key == name:
            found["@odata.nextLink"] = link
    return Reply(found)


def answer_teams(tenant: Tenant, request: Request) -> Reply:
    """Settings objects by the name of their class."""
    from tests.m365.fakes.server import Reply

    prefix = "/Skype.Policy/configurations/"
    name = request.path.removeprefix(prefix)
    if not request.path.startswith(prefix) or request.method != "GET" or name not in tenant.teams:
        return Reply({"error": {"code": "NotFound", "message": ""}}, 404)
    if not tenant.teams_reader:
        return Reply({"code": "Forbidden", "message": "access denied"}, 403)
    return Reply(tenant.teams[name])
