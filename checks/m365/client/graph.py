"""Microsoft Graph: addresses, pages, and batches of 20."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from checks.m365.client.calls import FIRST_PAUSE, TRIES, Answer, Service, understand
from checks.m365.client.meter import Meter, SpentError, UnreadError
from checks.m365.client.places import origin_of
from checks.m365.client.trim import Trimmer, absent
from checks.m365.facts import Rows
from checks.m365.resources import Resource
from checks.model import Reason

BATCH = 20
"""Requests in one batch, the most that Graph allows."""
MAX_ROWS = 100_000
MAX_SIGN_INS = 20_000
MAX_PAGES = 2_000
_KEPT_IN_ADDRESS = "$=&,()/:'@"


class Page(msgspec.Struct, kw_only=True):
    """Objects read so far."""

    rows: list[Mapping[str, Any]]
    complete: bool = True


def path_of(resource: Resource, now: dt.datetime, days: int) -> str:
    """Path and query of a reading, ready to be sent."""
    path, _, query = resource.path.partition("?")
    parts = [part for part in query.split("&") if part]
    if resource.select:
        parts.append(f"$select={','.join(resource.properties)}")
    if resource.top:
        parts.append(f"$top={resource.top}")
    if resource.name == "sign_ins":
        since = (now - dt.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        parts.append(f"$filter=createdDateTime ge {since}")
    return f"{path}?{quote('&'.join(parts), safe=_KEPT_IN_ADDRESS)}" if parts else path


def source_of(resource: Resource) -> str:
    """How the facts name what was asked."""
    return f"{'POST' if resource.post else 'GET'} {resource.path.partition('?')[0]}"


class Graph:
    """Reads lists, objects and batches of one tenant."""

    def __init__(self, service: Service, meter: Meter) -> None:
        self.service = service
        self._meter = meter

    def url(self, path: str) -> str:
        """Full address of a path that begins with the version."""
        return self.service.place.url + path

    async def list(
        self, resource: Resource, path: str, limit: int, first: Any = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        """Every page of a list, the first one given or asked for; `limit` bounds the objects.

        Raises `UnreadError` when not even the first page can be read; later failures leave the list incomplete.
        """
        trimmer = Trimmer(resource)
        value = await self.service.get(self.url(path), headers) if first is None else first
        page = Page(rows=trimmer.rows(items_of(value)))
        seen: set[str] = set()
        while link := _next(value):
            if resource.first_page:
                break
            if len(page.rows) >= limit or len(seen) >= MAX_PAGES:
                self._cut(resource, page, limit)
                break
            if link in seen or origin_of(link) != self.service.place.origin:
                self._refuse_link(resource, page)
                break
            seen.add(link)
            try:
                value = await self.service.get(link, headers)
                page.rows += trimmer.rows(items_of(value))
            except UnreadError as error:
                self._interrupted(resource, page, error)
                break
        if len(page.rows) > limit:
            self._cut(resource, page, limit)
        return page

    async def batch(self, paths: Mapping[str, str]) -> dict[str, Answer | UnreadError]:
        """Answers to many GETs, by the key of `paths`; both versions of Graph may be mixed."""
        found: dict[str, Answer | UnreadError] = {}
        for version in ("/v1.0", "/beta"):
            keys = [key for key, path in paths.items() if path.startswith(version)]
            chunks = [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]
            done = await asyncio.gather(
                *(self._chunk(version, {key: paths[key] for key in chunk}) for chunk in chunks)
            )  # fmt: skip
            for part in done:
                found.update(part)
        return found

    async def _chunk(self, version: str, paths: Mapping[str, str]) -> dict[str, Answer | UnreadError]:
        """One batch, and others for what the service asks to send again."""
        found: dict[str, Answer | UnreadError] = {}
        waiting = dict(paths)
        for attempt in range(TRIES):
            try:
                answers = await self._send(version, waiting)
            except SpentError as error:
                return found | dict.fromkeys(waiting, error)
            except UnreadError:
                return found | await self._one_by_one(waiting)
            again: dict[str, str] = {}
            for key, path in waiting.items():
                answer = answers.get(key)
                if answer is None:
                    found[key] = UnreadError(Reason.MALFORMED, "Microsoft n'a pas répondu à cette question du lot.")
                elif answer.status in _AGAIN and attempt < TRIES - 1:
                    again[key] = path
                    try:
                        self._wait(answer)
                    except UnreadError as error:
                        found[key] = error
                        again.pop(key)
                else:
                    found[key] = answer
            if not again:
                break
            waiting = again
            await self._meter.pause(FIRST_PAUSE * 2**attempt)
        return found

    def _wait(self, answer: Answer) -> None:
        if answer.status == _THROTTLED:
            self.service.throttle(answer.headers)
        else:
            self._meter.retries += 1

    async def _send(self, version: str, paths: Mapping[str, str]) -> dict[str, Answer]:
        keys = {str(number): key for number, key in enumerate(paths, 1)}
        requests = [
            {"id": number, "method": "GET", "url": paths[key].removeprefix(version)} for number, key in keys.items()
        ]
        value = await self.service.post(self.url(f"{version}/$batch"), {"requests": requests})
        responses = value.get("responses") if isinstance(value, dict) else None
        if not isinstance(responses, list):
            raise UnreadError(Reason.MALFORMED, "La réponse de Microsoft à un lot de questions est illisible.")
        return {
            keys[str(item["id"])]: _part(item)
            for item in responses
            if isinstance(item, dict) and str(item.get("id")) in keys
        }

    async def _one_by_one(self, paths: Mapping[str, str]) -> dict[str, Answer | UnreadError]:
        """Same questions without a batch, when the batch itself fails."""

        async def one(path: str) -> Answer | UnreadError:
            try:
                return await self.service.answer("GET", self.url(path), None, {})
            except UnreadError as error:
                return error

        return dict(zip(paths, await asyncio.gather(*map(one, paths.values())), strict=True))

    # --- what leaves a list incomplete ----------------------------------------------------------------------------

    def _cut(self, resource: Resource, page: Page, limit: int) -> None:
        del page.rows[limit:]
        page.complete = False
        self._meter.note(f"« {resource.name} » : la lecture s'arrête à {len(page.rows)} objets.")

    def _refuse_link(self, resource: Resource, page: Page) -> None:
        page.complete = False
        self._meter.note(
            f"« {resource.name} » : la suite renvoyait vers un autre serveur ou vers elle-même et n'a pas été suivie."
        )

    def _interrupted(self, resource: Resource, page: Page, error: UnreadError) -> None:
        page.complete = False
        self._meter.note(
            f"« {resource.name} » : lecture interrompue après {len(page.rows)} objets. {error.gap.detail}"
        )  # fmt: skip


_THROTTLED = 429
_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which a question of a batch is asked again."""


def _part(item: Mapping[str, Any]) -> Answer:
    """One response of a batch."""
    status, headers, body = item.get("status"), item.get("headers"), item.get("body")
    return Answer(
        status=status if isinstance(status, int) else 0,
        headers={str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {},
        value=body,
        valid=isinstance(body, (dict, list)) or body is None,
    )


def items_of(value: Any) -> Sequence[Any]:
    """The objects of one page. Raises `UnreadError` when it has another shape."""
    items = value.get("value") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise UnreadError(Reason.MALFORMED, "La réponse de Microsoft n'est pas la liste attendue.")
    return items


def one_of(value: Any) -> Mapping[str, Any]:
    """The settings object of an answer, alone or as the only item of a list."""
    if isinstance(value, dict) and isinstance(value.get("value"), list):
        value = value["value"][0] if value["value"] else {}
    if not isinstance(value, dict):
        raise UnreadError(Reason.MALFORMED, "La réponse de Microsoft n'est pas l'objet attendu.")
    return value


def _next(value: Any) -> str:
    link = value.get("@odata.nextLink") if isinstance(value, dict) else None
    return link if isinstance(link, str) else ""


def as_rows(resource: Resource, page: Page) -> Rows:
    """A reading from what was read."""
    return Rows(
        rows=tuple(page.rows),
        complete=page.complete,
        source=source_of(resource) if resource.api == "graph" else resource.path,
        absent=absent(resource, page.rows),
    )


def value_of(answer: Answer | UnreadError) -> Any:
    """The value of one part of a batch. Raises `UnreadError`."""
    if isinstance(answer, UnreadError):
        raise answer
    return understand(answer)


def ids(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The identifiers of objects that have one."""
    return [row["id"] for row in rows if isinstance(row.get("id"), str)]
