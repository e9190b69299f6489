"""Sign-in: one credential of azure-identity, or a token that someone pasted, and the tokens it gives.

A wrong secret is never tried twice, no token is written anywhere, and the messages of the service, which may quote what
was sent, are replaced by ours.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from checks.m365.client.claims import claims_of, text
from checks.m365.client.libraries import Libraries
from checks.m365.config import M365Config
from checks.model import CollectError, CollectRequest, Progress, Reason

DEVICE_SECONDS = 600
"""Time given to a person to type the code."""
RETRIES = 2
"""Attempts after a failure of the network, never after a refusal."""
MAX_CERTIFICATE = 1 << 20
GRAPH_AUDIENCES = frozenset({"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"})
_CODE = re.compile(r"AADSTS(\d{4,7})")

REFUSALS: Mapping[str, tuple[Reason, str]] = {
    "7000215": (Reason.REFUSED, "le secret de l'application est faux"),
    "7000222": (Reason.REFUSED, "le secret de l'application a expiré"),
    "700027": (Reason.REFUSED, "le certificat n'est pas celui de l'application"),
    "700016": (Reason.REFUSED, "cette application n'existe pas dans ce locataire"),
    "90002": (Reason.REFUSED, "ce locataire n'existe pas"),
    "7000218": (Reason.REFUSED, "l'application n'autorise pas la connexion par code (« flux de client public »)"),
    "65001": (Reason.PERMISSION, "l'administrateur n'a pas donné son accord à l'application"),
    "50020": (Reason.PERMISSION, "ce compte n'est pas de ce locataire"),
    "50105": (Reason.PERMISSION, "ce compte n'a pas le droit d'utiliser l'application"),
    "53003": (Reason.PERMISSION, "une règle d'accès conditionnel bloque cette connexion"),
    "53000": (Reason.PERMISSION, "une règle d'accès conditionnel exige un appareil conforme"),
    "50076": (Reason.PERMISSION, "un second facteur est exigé et n'a pas été donné"),
    "70020": (Reason.TIMEOUT, "le code n'a pas été saisi à temps"),
}
"""Sign-in error codes of Entra ID (AADSTS…) that a reader can act upon."""


class Tokens(Protocol):
    """Where access tokens come from. Called from a thread: it may wait for the network."""

    def get(self, scope: str, *, renew: bool = False) -> str:
        """A token for `scope`; with `renew`, another one than before. Raises `CollectError`."""


class PastedToken:
    """A token that an administrator copied: for Graph only, and not to be renewed."""

    def __init__(self, token: str, graph_url: str, now: dt.datetime) -> None:
        self._token = token.strip().removeprefix("Bearer ").strip()
        self._scope = f"{graph_url}/.default"
        claims = claims_of(self._token)
        if not claims:
            raise CollectError(Reason.MALFORMED, "Le jeton collé n'est pas un jeton d'accès lisible (JWT).")
        audience = text(claims, "aud").rstrip("/")
        if audience not in GRAPH_AUDIENCES | {graph_url}:
            raise CollectError(Reason.REFUSED, "Le jeton collé n'est pas destiné à Microsoft Graph.")
        expiry = claims.get("exp")
        if not isinstance(expiry, int) or expiry <= now.timestamp():
            raise CollectError(Reason.REFUSED, "Le jeton collé a expiré : en copier un nouveau.")

    def get(self, scope: str, *, renew: bool = False) -> str:
        """See `Tokens.get`."""
        if scope != self._scope:
            raise CollectError(Reason.PERMISSION, "Un jeton collé n'ouvre que Microsoft Graph, pas ce service.")
        if renew:
            raise CollectError(Reason.PERMISSION, "Le jeton collé a expiré ou a été révoqué pendant la collecte.")
        return self._token


class IdentityTokens:
    """Tokens of a credential of azure-identity, in memory only."""

    def __init__(self, libraries: Libraries, credential: Any, *, interactive: bool = False) -> None:
        self._libraries = libraries
        self._interactive = interactive
        self._credential = credential
        self._lock = threading.Lock()

    def get(self, scope: str, *, renew: bool = False) -> str:
        """See `Tokens.get`."""
        # An empty claims challenge makes the library leave its cache aside.
        options = {"claims": "{}"} if renew else {}
        errors = self._libraries.errors
        with self._lock:
            try:
                if self._interactive:
                    # One person, one code: other services are opened by what this sign-in gave, or not at all.
                    self._interactive = False
                    self._credential.authenticate(scopes=[scope])
                return str(self._credential.get_token(scope, **options).token)
            except errors.AzureError as error:
                raise self._understood(error) from None
            except ValueError:
                raise CollectError(Reason.MALFORMED, "Le service de connexion a donné une réponse illisible.") from None

    def _understood(self, error: Exception) -> CollectError:
        """What the library reports as a refusal may be a failure of the network, or an answer it could not read."""
        identity, errors = self._libraries.identity, self._libraries.errors
        cause = error.__cause__
        if isinstance(error, identity.AuthenticationRequiredError):
            detail = "L'administrateur n'a pas donné accès à ce service à l'application."
            return CollectError(Reason.PERMISSION, detail)
        if not isinstance(error, errors.ClientAuthenticationError) or isinstance(cause, (OSError, errors.AzureError)):
            detail = f"Le service de connexion de Microsoft ne répond pas ({type(cause or error).__name__})."
            return CollectError(Reason.UNREACHABLE, detail)
        if isinstance(cause, ValueError) and not _CODE.search(str(error)):
            detail = "Connexion impossible : ce locataire n'existe pas, ou le service de connexion répond mal."
            return CollectError(Reason.REFUSED, detail)
        return refusal(str(error))


def refusal(message: str) -> CollectError:
    """What a refused sign-in means; nothing of `message` is repeated but the number of the error."""
    found = _CODE.search(message)
    code = found[1] if found else ""
    if code in REFUSALS:
        reason, why = REFUSALS[code]
        return CollectError(reason, f"Connexion refusée : {why} (AADSTS{code}).")
    if "Timed out" in message or "expired_token" in message or "code_expired" in message:
        return CollectError(Reason.TIMEOUT, "Connexion abandonnée : le code n'a pas été saisi à temps.")
    return CollectError(Reason.REFUSED, f"Connexion refusée par Microsoft{f' (AADSTS{code})' if code else ''}.")


def sign_in(
    libraries: Libraries, request: CollectRequest[M365Config], graph_url: str, transport: Any, progress: Progress
) -> Tokens:
    """The credential that the profile names; nothing is sent yet. Raises `CollectError`."""
    config = request.config
    if config.sign_in == "token":
        return PastedToken(request.secret(config.secret_from), graph_url, request.clock())
    common: dict[str, Any] = {
        "tenant_id": config.tenant,
        "client_id": config.client_id,
        "authority": config.places()["login"],
        "transport": transport,
        # The authority is the one of the profile, allowed by the mandate: nobody else is asked about it.
        "disable_instance_discovery": True,
        "retry_total": RETRIES,
        "retry_backoff_max": 5,
    }
    identity = libraries.identity
    if config.sign_in == "client_secret":
        credential = identity.ClientSecretCredential(client_secret=request.secret(config.secret_from), **common)
    elif config.sign_in == "certificate":
        credential = _certificate(libraries, request, common)
    else:
        credential = identity.DeviceCodeCredential(
            timeout=DEVICE_SECONDS, prompt_callback=_prompt(progress), disable_automatic_authentication=True, **common
        )  # fmt: skip
    return IdentityTokens(libraries, credential, interactive=config.sign_in == "device_code")


def _certificate(libraries: Libraries, request: CollectRequest[M365Config], common: Mapping[str, Any]) -> Any:
    config = request.config
    try:
        with Path(config.certificate_file).open("rb") as file:
            pem = file.read(MAX_CERTIFICATE)
    except OSError as error:
        detail = f"Le certificat « {config.certificate_file} » est absent ou illisible."
        raise CollectError(Reason.NOT_CONFIGURED, detail) from error
    password = request.secret(config.key_from) if config.key_from else None
    try:
        return libraries.identity.CertificateCredential(certificate_data=pem, password=password, **common)
    except (ValueError, TypeError):
        detail = (
            f"« {config.certificate_file} » ne contient pas un certificat et sa clé privée, ou le mot de passe de la "
            "clé est faux."
        )
        raise CollectError(Reason.NOT_CONFIGURED, detail) from None


def _prompt(progress: Progress) -> Callable[[str, str, dt.datetime], None]:
    def show(address: str, code: str, expires: dt.datetime) -> None:
        end = min(expires, dt.datetime.now(dt.UTC) + dt.timedelta(seconds=DEVICE_SECONDS)).astimezone()
        progress(f"Connexion Microsoft 365 : ouvrez {address} et saisissez le code {code} (avant {end:%H:%M})")

    return show
