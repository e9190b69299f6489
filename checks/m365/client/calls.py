"""One request to one service: sent through Graph's adapter in raw mode, tried again within bounds, understood.

Everything that is not an answer becomes an `UnreadError` that says why, in French: permission, licence, throttling,
expired session, malformed JSON. Read only: GET, and the POSTs that the callers of `post` declare.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.common.text import clean
from checks.m365.client.libraries import Libraries
from checks.m365.client.meter import MAX_PAUSE, Meter, UnreadError
from checks.m365.client.places import Place, origin_of
from checks.m365.client.session import Tokens
from checks.m365.client.transport import TooLongError
from checks.model import CollectError, Reason

CONCURRENT = 8
"""Requests in flight to all services together."""
TRIES = 4
"""Attempts of one request when the service fails or cannot be reached: one, and three more."""
THROTTLED_TRIES = 8
FIRST_PAUSE = 0.5
"""Seconds before the second attempt, doubled each time."""
REQUEST_SECONDS = 60.0
LICENCE_CODES = frozenset(
    {"Authentication_RequestFromNonPremiumTenantOrB2CTenant", "AadPremiumLicenseRequired", "PimLicenseRequired"}
)
"""Error codes by which Graph says that the tenant has not bought what the reading needs."""
LICENCE_WORDS = ("not licensed", "request not applicable to target tenant", "premium license", "premium licence")
"""Same, in the message: risk detections, and Intune without a licence."""
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _THROTTLED, _UNAVAILABLE = 401, 403, 404, 429, 503


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, whatever the status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    value: Any
    """The decoded JSON; None when the body is empty or is not JSON."""
    valid: bool = True
    """The body was JSON, or empty."""


class Service:
    """One service, with the token that opens it."""

    def __init__(
        self,
        libraries: Libraries,
        client: Any,
        place: Place,
        scope: str,
        tokens: Tokens,
        meter: Meter,
        slots: asyncio.Semaphore,
    ) -> None:
        self._libraries = libraries
        self._client = client
        self._adapter = libraries.adapter(self, client)
        self._option = libraries.handler_option(libraries.native_handler())
        self.place = place
        self._scope = scope
        self._tokens = tokens
        self._meter = meter
        self._slots = slots
        self._token = ""
        self._signing = asyncio.Lock()
        self._refused: CollectError | None = None
        self._renewed = False
        """A session lives longer than a collection: a second renewal would not help."""

    def moved(self, place: Place) -> Service:
        """The same service at another of its addresses."""
        return Service(
            self._libraries, self._client, place, self._scope, self._tokens, self._meter, self._slots
        )  # fmt: skip

    # --- what Graph's adapter calls ------------------------------------------------------------------------------

    async def authenticate_request(self, request: Any, _: Mapping[str, Any] | None = None) -> None:
        """Put the token on a request that goes to this service, and on no other."""
        if origin_of(request.url) != self.place.origin:
            raise UnreadError(Reason.MALFORMED, "Une réponse a voulu envoyer la collecte vers un autre serveur.")
        request.headers.try_add("Authorization", f"Bearer {await self.token()}")

    # --- what collectors call ------------------------------------------------------------------------------------

    async def token(self) -> str:
        """The token in use; asked for once, and a refusal is final. Raises `UnreadError`."""
        async with self._signing:
            if not self._token or self._refused is not None:
                await self._sign(renew=False)
            return self._token

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """The decoded JSON of `url`. Raises `UnreadError`."""
        return understand(await self.answer("GET", url, None, headers or {}))

    async def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Same as `get` for a reading that Microsoft made a POST."""
        return understand(await self.answer("POST", url, msgspec.json.encode(body), headers or {}))

    async def answer(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send until there is something to understand. Raises `UnreadError` when nothing comes."""
        failures = waits = 0
        while True:
            used = await self.token()
            try:
                found = await self._once(method, url, body, headers)
            except _LostError as lost:
                failures += 1
                if failures >= TRIES:
                    raise UnreadError(lost.reason, lost.detail) from None
                await self._again(failures)
                continue
            if found.status == _UNAUTHORISED and await self._renew(used):
                continue
            if found.status == _THROTTLED or (found.status == _UNAVAILABLE and "retry-after" in found.headers):
                waits += 1
                if waits >= THROTTLED_TRIES:
                    raise UnreadError(Reason.TIMEOUT, "Microsoft demande sans cesse d'attendre : lecture abandonnée.")
                self.throttle(found.headers)
            elif found.status >= 500:  # noqa: PLR2004 - HTTP
                failures += 1
                if failures >= TRIES:
                    return found
                await self._again(failures)
            else:
                return found

    def throttle(self, headers: Mapping[str, str]) -> None:
        """Hold everyone back as long as the service asks. Raises `UnreadError` when it asks for too long."""
        wait = retry_after(headers)
        self._meter.throttled += 1
        self._meter.retries += 1
        if wait > MAX_PAUSE:
            detail = f"Microsoft demande d'attendre {wait:.0f} secondes : lecture abandonnée."
            raise UnreadError(Reason.TIMEOUT, detail)
        self._meter.hold(wait)

    # --- internals -----------------------------------------------------------------------------------------------

    async def _once(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        libraries = self._libraries
        request = libraries.request_information()
        request.http_method = libraries.method(method)
        request.url = url
        request.headers.try_add("Accept", "application/json")
        for name, value in headers.items():
            request.headers.try_add(name, value)
        if body is not None:
            request.set_stream_content(body, "application/json")
        request.add_request_options([self._option])
        async with self._slots:
            await self._meter.calm()
            self._meter.spend()
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    response = await self._adapter.send_primitive_async(request, "bytes", {})
            except TooLongError:
                raise UnreadError(Reason.MALFORMED, "La réponse de Microsoft est trop longue pour être lue.") from None
            except (TimeoutError, libraries.httpx.TimeoutException):
                raise _LostError(Reason.TIMEOUT, f"{self.place.host} n'a pas répondu à temps.") from None
            except (libraries.httpx.HTTPError, OSError) as error:
                detail = f"{self.place.host} est injoignable ou a coupé la connexion ({type(error).__name__})."
                raise _LostError(Reason.UNREACHABLE, detail) from None
        return _decoded(response)

    async def _again(self, failures: int) -> None:
        self._meter.retries += 1
        await self._meter.pause(FIRST_PAUSE * 2 ** (failures - 1) * random.uniform(1, 1.5))

    async def _renew(self, used: str) -> bool:
        """Whether there is now another token than `used`: somebody else's renewal, or ours, the only one."""
        async with self._signing:
            if self._token == used and not self._renewed:
                self._renewed = True
                self._meter.retries += 1
                await self._sign(renew=True)
            return self._token != used

    async def _sign(self, *, renew: bool) -> None:
        if self._refused is None:
            try:
                self._token = await asyncio.to_thread(self._tokens.get, self._scope, renew=renew)
            except CollectError as error:
                self._refused = error
        if self._refused is not None:
            raise UnreadError(self._refused.reason, self._refused.detail)


class _LostError(Exception):
    """No answer came."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _decoded(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        value = msgspec.json.decode(response.content) if response.content.strip() else None
    except (ValueError, RecursionError):
        return Answer(status=response.status_code, headers=headers, value=None, valid=False)
    return Answer(status=response.status_code, headers=headers, value=value)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait; 5 when the service does not say, or says it as a date."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 5.0


def understand(found: Answer) -> Any:
    """The value of a good answer. Raises `UnreadError` that tells permission from licence from failure."""
    if 200 <= found.status < 300:  # noqa: PLR2004 - HTTP
        if not found.valid or found.value is None:
            raise UnreadError(Reason.MALFORMED, "La réponse de Microsoft n'est pas du JSON lisible.")
        return found.value
    code, message = error_of(found.value)
    said = f" ({code})" if code else ""
    lowered = message.lower()
    if code in LICENCE_CODES or any(words in lowered for words in LICENCE_WORDS):
        raise UnreadError(Reason.LICENCE, f"Le locataire n'a pas la licence qui permet de le lire{said}.")
    if found.status == _FORBIDDEN:
        raise UnreadError(Reason.PERMISSION, f"L'application de l'audit n'a pas le droit de le lire{said}.")
    if found.status == _UNAUTHORISED:
        raise UnreadError(Reason.PERMISSION, f"La session a expiré ou n'est pas acceptée par ce service{said}.")
    if found.status == _NOT_FOUND:
        raise UnreadError(Reason.UNSUPPORTED, f"Ce locataire ne donne pas cette information{said}.")
    if found.status >= 500:  # noqa: PLR2004 - HTTP
        raise UnreadError(Reason.UNREACHABLE, f"Le service de Microsoft est en panne : {found.status}{said}.")
    raise UnreadError(Reason.ERROR, f"Microsoft a répondu {found.status}{said}.")


def error_of(value: Any) -> tuple[str, str]:
    """Code and message of an error of Graph or Exchange; empty when it has another shape."""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return clean(error)[:80], ""
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return (clean(code)[:80] if isinstance(code, str) else ""), (message[:2000] if isinstance(message, str) else "")
