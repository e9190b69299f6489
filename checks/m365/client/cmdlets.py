"""Exchange Online, compliance and Teams, through the interfaces that Microsoft's own PowerShell modules call.

Nobody documents them. What is known comes from ScubaGear, monkey365 and CIPP: `InvokeCommand` takes the name of a
cmdlet and answers with its objects; the compliance front only answers under the name of the tenant's region, which a
redirection gives; Teams gives settings objects by the name of their class.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.m365.client.calls import Service, error_of, understand
from checks.m365.client.graph import MAX_PAGES, Page, items_of
from checks.m365.client.meter import Meter, UnreadError
from checks.m365.client.places import beside, origin_of, permit
from checks.m365.client.trim import Trimmer
from checks.m365.resources import Resource
from checks.model import Network, Reason

PAGE = 1000
MODULE_VERSION = "3.7.1"
"""Version of Microsoft's module that the address names: the service wants one."""
READ = "Get-"
TEAMS_OBJECTS: Mapping[str, str] = {
    "Get-CsTenantFederationConfiguration": "TenantFederationSettings",
    "Get-CsTeamsMeetingPolicy": "TeamsMeetingPolicy",
    "Get-CsTeamsMeetingBroadcastPolicy": "TeamsMeetingBroadcastPolicy",
    "Get-CsTeamsClientConfiguration": "TeamsClientConfiguration",
    "Get-CsTeamsAppPermissionPolicy": "TeamsAppPermissionPolicy",
}
"""Cmdlet to the class of settings that it reads."""
_UNKNOWN_CMDLET = ("is not recognized", "commandnotfound", "couldn't be found")


class Cmdlets:
    """Runs the read-only cmdlets of Exchange, or of compliance."""

    def __init__(self, service: Service, tenant_id: str, meter: Meter) -> None:
        self._service = service
        self._tenant = tenant_id
        self._meter = meter

    async def settle(self, network: Network, name: str, add: Any) -> None:
        """Find the address that answers for this tenant: the front may redirect to it.

        `add` allows the transport to reach a new place. Raises `UnreadError`, and `MandateRefusedError`.
        """
        url = f"{self._base()}/EXOBanner('AutogenSession')?Version={MODULE_VERSION}"
        found = await self._service.answer("GET", url, None, self._headers())
        location = found.headers.get("location", "")
        if not 300 <= found.status < 400 or not location:  # noqa: PLR2004 - HTTP
            return
        there = beside(self._service.place, location)
        if there is None:
            raise UnreadError(Reason.MALFORMED, "Exchange renvoie vers une adresse qui n'est pas la sienne.")
        place = await asyncio.to_thread(permit, network, name, there)
        add(place)
        self._service = self._service.moved(place)

    async def run(self, resource: Resource, limit: int, parameters: Mapping[str, Any] | None = None) -> Page:
        """The objects that a cmdlet gives, all its pages. Raises `UnreadError` when the first cannot be read."""
        cmdlet = resource.path
        if not cmdlet.startswith(READ) or not cmdlet.replace("-", "").isalnum():
            raise ValueError(f"{cmdlet}: only cmdlets that read are run")
        given = {"ResultSize": "Unlimited"} if resource.unlimited else {}
        body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": {**given, **(parameters or {})}}}
        trimmer = Trimmer(resource)
        url = f"{self._base()}/InvokeCommand"
        page = Page(rows=[])
        seen: set[str] = set()
        while True:
            seen.add(url)
            try:
                value = await self._ask(url, body)
            except UnreadError as error:
                if not page.rows:
                    raise
                self._cut(resource, page, error.gap.detail)
                return page
            page.rows += trimmer.rows(items_of(value))
            url = value.get("@odata.nextLink") or ""
            if not url and len(page.rows) <= limit:
                return page
            if len(page.rows) >= limit or len(seen) >= MAX_PAGES:
                del page.rows[limit:]
                self._cut(resource, page, "Limite du profil.")
                return page
            if not isinstance(url, str) or url in seen or origin_of(url) != self._service.place.origin:
                self._cut(resource, page, "La suite renvoyait vers un autre serveur ou vers elle-même.")
                return page

    async def _ask(self, url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await self._service.answer("POST", url, msgspec.json.encode(body), self._headers())
        _, message = error_of(found.value)
        if found.status in (400, 404) and any(words in message.lower() for words in _UNKNOWN_CMDLET):
            # A cmdlet that the role of the application does not contain does not exist for it.
            raise UnreadError(Reason.PERMISSION, "Le rôle de l'application ne contient pas cette commande de lecture.")
        value = understand(found)
        if not isinstance(value, dict):
            raise UnreadError(Reason.MALFORMED, "La réponse d'Exchange n'a pas la forme attendue.")
        return value

    def _base(self) -> str:
        return f"{self._service.place.url}/adminapi/beta/{self._tenant}"

    def _headers(self) -> dict[str, str]:
        return {
            "X-ResponseFormat": "json",
            "Prefer": f"odata.maxpagesize={PAGE}",
            # The mailbox that every tenant has, by which the front finds where the tenant lives.
            "X-AnchorMailbox": f"APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{self._tenant}",
        }

    def _cut(self, resource: Resource, page: Page, why: str) -> None:
        page.complete = False
        self._meter.note(f"« {resource.name} » : la lecture s'arrête à {len(page.rows)} objets. {why}")


async def read_teams(service: Service, resource: Resource) -> Page:
    """The settings objects of Teams that a cmdlet would give. Raises `UnreadError`."""
    if not resource.path.startswith(READ):
        raise ValueError(f"{resource.path}: only cmdlets that read are run")
    value = await service.get(f"{service.place.url}/Skype.Policy/configurations/{TEAMS_OBJECTS[resource.path]}")
    items = items_of(value) if isinstance(value, list) or "value" in value else [value]
    return Page(rows=Trimmer(resource).rows(items))
