"""Read a Microsoft 365 tenant: sign in, ask every reading of the table, say why for each one that is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from checks.m365.client import derived
from checks.m365.client.calls import CONCURRENT, Service
from checks.m365.client.claims import claims_of, granted, strong_roles, text, writable
from checks.m365.client.cmdlets import Cmdlets, read_teams
from checks.m365.client.graph import (
    MAX_ROWS,
    MAX_SIGN_INS,
    Graph,
    Page,
    as_rows,
    one_of,
    path_of,
    value_of,
)
from checks.m365.client.libraries import Libraries, load
from checks.m365.client.meter import Meter, Pace, UnreadError
from checks.m365.client.places import Place, permit, trust
from checks.m365.client.session import Tokens, sign_in
from checks.m365.client.tenant import licences_of, tenant_of
from checks.m365.client.transport import PinnedTransport, identity_transport
from checks.m365.client.trim import Trimmer
from checks.m365.config import M365Config
from checks.m365.facts import M365Facts, Reading, Rows, Tenant
from checks.m365.imports.found import facts_of
from checks.m365.imports.reading import merged, read_files
from checks.m365.mail_dns import read_mail_dns
from checks.m365.resources import BY_NAME, RESOURCES, Resource
from checks.model import CollectError, CollectRequest, Gap, MandateRefusedError, Network, Progress, Reason

TOTAL_SECONDS = 1500.0
"""A domain has half an hour by default: what was read is kept rather than lost."""
SIGN_IN_SECONDS = 30.0
TEAMS_SCOPE = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239/.default"
"""The administration interface of Teams, by the id of its application."""
OF_PEOPLE = frozenset({"users", "user_activity", "registration", "mailboxes", "audit_bypass", "recipient_permissions"})
"""Readings with one object or more for each account: `max_users` bounds them."""
FIRST = "organization"
"""Tells whose tenant it is: nothing else is asked before."""
WRITE_NEEDED: Mapping[str, str] = {
    "sharepoint": "Ces réglages ne se lisent qu'avec Sites.FullControl.All, qui permet d'écrire : non demandé.",
    "azure": "Ces réglages se lisent dans Azure, avec un abonnement et un rôle que l'audit ne demande pas.",
}
Named = tuple[str, Reading]


def collect(request: CollectRequest[M365Config], network: Network, progress: Progress) -> M365Facts:
    """Read the tenant of the profile, its exported files, or both: what was read live wins.

    Raises `CollectError` when nobody can sign in or the tenant is another one than asked, and when there are only files
    and none can be used; anything else that fails is a gap in its reading.
    """
    config = request.config
    if not config.tenant:
        progress("Lecture des fichiers exportés de Microsoft 365")
        return facts_of(read_files(config.import_files), config.break_glass)
    live = asyncio.run(collect_live(request, network, progress))
    if not config.import_files:
        return live
    try:
        return merged(live, read_files(config.import_files))
    except CollectError as error:
        return msgspec.structs.replace(live, limits=(*live.limits, error.detail))


async def collect_live(
    request: CollectRequest[M365Config],
    network: Network,
    progress: Progress,
    pace: Pace | None = None,
) -> M365Facts:
    """Same as `collect`, for a caller that has an event loop; `pace` is how time passes."""
    libraries = load()
    config = request.config
    meter = Meter(config.max_requests, TOTAL_SECONDS, pace or Pace())
    context = trust(config.ca_file, libraries.certifi.where())
    places, refused = await asyncio.to_thread(_permit_all, network, config)
    transport = PinnedTransport(libraries, context, meter.received)
    for place in places.values():
        transport.add(place)
    progress("Connexion à Microsoft 365")
    identity = identity_transport(libraries, places["login"], context, SIGN_IN_SECONDS)
    try:
        tokens = sign_in(libraries, request, places["graph"].url, identity, progress)
        async with libraries.httpx.AsyncClient(transport=transport, timeout=30.0, trust_env=False) as client:
            reader = _Reader(request, network, progress, meter, _services(libraries, client, places, tokens, meter))
            reader.unavailable.update(refused)
            reader.allow = transport.add
            return await reader.read()
    finally:
        identity.close()


def _permit_all(network: Network, config: M365Config) -> tuple[dict[str, Place], dict[str, Gap]]:
    """Places that the mandate allows, and why others are not; sign-in and Graph are indispensable."""
    found: dict[str, Place] = {}
    refused: dict[str, Gap] = {}
    for name, url in config.places().items():
        try:
            found[name] = permit(network, name, url)
        except MandateRefusedError as error:
            if name in ("login", "graph"):
                raise
            refused[name] = Gap(reason=Reason.REFUSED, detail=f"Adresse refusée par le mandat : {error.target}.")
        except OSError as error:
            detail = f"{url} : ce nom ne peut pas être résolu."
            if name in ("login", "graph"):
                raise CollectError(Reason.UNREACHABLE, detail) from error
            refused[name] = Gap(reason=Reason.UNREACHABLE, detail=detail)
    for name, why in (("exchange", config.exchange), ("compliance", config.exchange), ("teams", config.teams)):
        if not why:
            detail = "Ce service n'est pas demandé dans le profil."
            refused[name] = Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
    return found, refused


def _services(
    libraries: Libraries, client: Any, places: Mapping[str, Place], tokens: Tokens, meter: Meter
) -> dict[str, Service]:  # fmt: skip
    slots = asyncio.Semaphore(CONCURRENT)
    scopes = {name: f"{place.url}/.default" for name, place in places.items()} | {"teams": TEAMS_SCOPE}
    return {
        name: Service(libraries, client, place, scopes[name], tokens, meter, slots)
        for name, place in places.items()
        if name != "login"
    }


class _Reader:
    """One collection: the services, and what has been read so far."""

    def __init__(
        self,
        request: CollectRequest[M365Config],
        network: Network,
        progress: Progress,
        meter: Meter,
        services: Mapping[str, Service],
    ) -> None:
        self._config = request.config
        self._now = request.clock()
        self._network = network
        self._progress = progress
        self._meter = meter
        self._services = services
        self._graph = Graph(services["graph"], meter)
        self._readings: dict[str, Reading] = {}
        self.unavailable: dict[str, Gap] = {}
        """By service: why it is not asked."""
        self.allow: Callable[[Place], None] = lambda _: None
        """Lets the transport reach a place that a service redirected to."""

    async def read(self) -> M365Facts:
        """Everything, in the order of what depends on what."""
        try:
            claims = claims_of(await self._services["graph"].token())
        except UnreadError as error:
            raise CollectError(error.gap.reason, error.gap.detail) from None
        tenant_id = self._check_tenant(claims)
        await self._few([BY_NAME[FIRST]])
        tenant = tenant_of(self._readings.get("organization"), tenant_id)
        self._check_domain(tenant)
        permissions = granted(claims)
        for name, resource in BY_NAME.items():
            if resource.api in WRITE_NEEDED:
                self._readings[name] = Gap(reason=Reason.NOT_CONFIGURED, detail=WRITE_NEEDED[resource.api])
        await asyncio.gather(self._graph_all(), self._exchange_all(tenant.id), self._compliance(tenant.id),
                             self._teams(), self._dns(tenant))  # fmt: skip
        roles = strong_roles(claims)
        if roles:
            self._meter.note(
                "L'identité de l'audit a un rôle d'annuaire plus fort que celui de lecteur : "
                f"{', '.join(roles)}. Le retirer."
            )
        return M365Facts(
            tenant=tenant,
            licences=licences_of(self._readings["skus"]),
            readings=dict(sorted(self._readings.items())),
            traffic=self._meter.traffic(),
            granted=permissions,
            writable=writable(permissions) + roles,
            authentication=self._config.sign_in,
            limits=tuple(self._meter.limits),
            break_glass=self._config.break_glass,
        )

    # --- who ------------------------------------------------------------------------------------------------------

    def _check_tenant(self, claims: Mapping[str, Any]) -> str:
        """The tenant of the token. Raises `CollectError` when the profile names another one."""
        found, asked = text(claims, "tid").lower(), self._config.tenant.lower()
        if not found:
            if self._config.sign_in == "token":
                raise CollectError(Reason.MALFORMED, "Le jeton collé ne dit pas de quel locataire il est.")
            return asked
        if "." not in asked and found != asked:
            raise CollectError(Reason.REFUSED, "Le jeton est celui d'un autre locataire que celui du profil.")
        return found

    def _check_domain(self, tenant: Tenant) -> None:
        """A pasted token may be of another tenant than the domain of the profile. Raises `CollectError`."""
        asked = self._config.tenant.lower()
        if self._config.sign_in != "token" or "." not in asked:
            return
        if asked not in {domain.lower() for domain in tenant.domains}:
            detail = "Le jeton collé n'est pas, ou ne peut pas être reconnu, celui du locataire du profil."
            raise CollectError(Reason.REFUSED, detail)

    # --- Graph ----------------------------------------------------------------------------------------------------

    async def _graph_all(self) -> None:
        plain = [
            resource
            for resource in RESOURCES
            if resource.api == "graph" and not resource.per and not resource.post and resource.name != FIRST
        ]
        few = [resource for resource in plain if not resource.large]
        large = [resource for resource in plain if resource.large]
        await asyncio.gather(self._few(few), *(self._keep(resource, self._large(resource)) for resource in large))
        await self._derived()

    async def _few(self, resources: list[Resource]) -> None:
        """Readings that fit in a page or so, asked for in batches."""
        paths = {resource.name: path_of(resource, self._now, self._config.sign_in_days) for resource in resources}
        answers = await self._graph.batch(paths)

        async def understood(resource: Resource) -> Reading:
            value = value_of(answers[resource.name])
            if resource.single:
                return as_rows(resource, Page(rows=[Trimmer(resource).row(one_of(value))]))
            page = await self._graph.list(resource, paths[resource.name], MAX_ROWS, first=value)
            return as_rows(resource, page)

        await asyncio.gather(*(self._keep(resource, understood(resource)) for resource in resources))

    async def _large(self, resource: Resource) -> Reading:
        path = path_of(resource, self._now, self._config.sign_in_days)
        page = await self._graph.list(resource, path, self._limit(resource))
        rows = as_rows(resource, page)
        if resource.name in derived.EXPANSIONS:
            return await derived.complete_expansion(self._graph, resource, rows)
        return rows

    async def _derived(self) -> None:
        graph, readings = self._graph, self._readings

        def of(name: str) -> Rows:
            return derived.needed(readings, name)

        made: dict[str, Callable[[Resource], Awaitable[Reading]]] = {
            "role_groups": lambda it: derived.role_groups(graph, it, of("role_groups")),
            "policy_groups": lambda it: derived.policy_groups(graph, it, of("conditional_access")),
            "directory_objects": lambda it: derived.directory_objects(graph, it, of("conditional_access")),
            "group_guests": lambda it: derived.group_guests(graph, it, of("groups"), of("users")),
        }
        if self._config.inbox_rules:
            made["inbox_rules"] = lambda it: derived.inbox_rules(graph, it, of("users"), self._progress)
        if self._config.audit_query:
            made["audit_query"] = lambda it: derived.audit_query(graph, it, self._now, self._meter)
        await asyncio.gather(*(self._keep(BY_NAME[name], _late(make, BY_NAME[name])) for name, make in made.items()))

    # --- Exchange, compliance, Teams ------------------------------------------------------------------------------

    async def _exchange_all(self, tenant_id: str) -> None:
        cmdlets = await self._cmdlets("exchange", tenant_id)
        if cmdlets is None:
            return

        async def run(resource: Resource) -> Reading:
            page = await cmdlets.run(resource, self._limit(resource))
            return as_rows(resource, page)

        asked = [resource for resource in RESOURCES if resource.api == "exchange" and not resource.per]
        await asyncio.gather(*(self._keep(resource, run(resource)) for resource in asked))

        async def permissions(resource: Resource) -> Reading:
            boxes = derived.needed(self._readings, "mailboxes")
            return await derived.mailbox_permissions(
                cmdlets, resource, boxes, self._config.max_mailboxes, self._meter
            )  # fmt: skip

        await self._keep(BY_NAME["mailbox_permissions"], permissions(BY_NAME["mailbox_permissions"]))

    async def _compliance(self, tenant_id: str) -> None:
        cmdlets = await self._cmdlets("compliance", tenant_id)
        if cmdlets is None:
            return

        async def run(resource: Resource) -> Reading:
            page = await cmdlets.run(resource, MAX_ROWS)
            return as_rows(resource, page)

        asked = [resource for resource in RESOURCES if resource.api == "compliance"]
        await asyncio.gather(*(self._keep(resource, run(resource)) for resource in asked))

    async def _teams(self) -> None:
        asked = [resource for resource in RESOURCES if resource.api == "teams"]
        service = self._services.get("teams")
        if service is None:
            self._all_missing(asked, self.unavailable["teams"])
            return

        async def run(resource: Resource) -> Reading:
            page = await read_teams(service, resource)
            return as_rows(resource, page)

        await asyncio.gather(*(self._keep(resource, run(resource)) for resource in asked))

    async def _dns(self, tenant: Tenant) -> None:
        domains = tenant.domains or tuple(name for name in self._config.tenants() if "." in name)
        await self._keep(BY_NAME["mail_dns"], read_mail_dns(domains, self._network))

    async def _cmdlets(self, name: str, tenant_id: str) -> Cmdlets | None:
        """The cmdlets of a service, or None when it cannot be asked: its readings then say why."""
        service = self._services.get(name)
        gap = self.unavailable.get(name)
        if service is not None:
            cmdlets = Cmdlets(service, tenant_id, self._meter)
            try:
                await cmdlets.settle(self._network, name, self.allow)
            except UnreadError as error:
                gap = error.gap
            except MandateRefusedError as error:
                gap = Gap(reason=Reason.REFUSED, detail=f"Adresse refusée par le mandat : {error.target}.")
            except OSError:
                gap = Gap(reason=Reason.UNREACHABLE, detail="L'adresse de ce service ne peut pas être résolue.")
            else:
                return cmdlets
        asked = [resource for resource in RESOURCES if resource.api == name]
        self._all_missing(asked, gap or Gap(reason=Reason.ERROR, detail="Ce service n'a pas pu être lu."))
        return None

    # --- keeping --------------------------------------------------------------------------------------------------

    def _all_missing(self, resources: list[Resource], gap: Gap) -> None:
        for resource in resources:
            self._readings[resource.name] = gap

    def _limit(self, resource: Resource) -> int:
        if resource.name in OF_PEOPLE:
            return self._config.max_users
        return MAX_SIGN_INS if resource.name == "sign_ins" else MAX_ROWS

    async def _keep(self, resource: Resource, reading: Awaitable[Reading]) -> None:
        """Wait for a reading and remember it, or why there is none."""
        try:
            self._readings[resource.name] = await reading
        except UnreadError as error:
            self._readings[resource.name] = error.gap
        self._progress("Microsoft 365 : lecture du locataire", len(self._readings), len(RESOURCES))


async def _late(make: Callable[[Resource], Awaitable[Reading]], resource: Resource) -> Reading:
    """A reading whose dependency may already be missing: asking for it must fail inside, not before."""
    return await make(resource)
