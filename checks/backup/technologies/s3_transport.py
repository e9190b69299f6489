"""The way requests of the S3 library go out: through our own verified connection, GET and HEAD only, one host only.

The library signs and decodes; this stands in place of its transport (`before-send` event), so that the mandate, the
certificate, the limits and the promise to read only hold whatever the library wants to do (other region, retries).
"""

from __future__ import annotations

import functools
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from checks.backup.config import RepositoryConfig
from checks.backup.technologies.http import MAX_BODY, Client
from checks.backup.technologies.http_tls import ApiError, Server, lost
from checks.model import Gap, Reason

_CHUNK = 65_536
_REGION = re.compile(r"(?:^|\.)s3[.-](?:dualstack\.)?([a-z]{2,}[a-z0-9-]*)\.")
DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
ABSENT = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "NoSuchBucketPolicy",
        "NoSuchPublicAccessBlockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "ObjectLockConfigurationNotFound",
        "ReplicationConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
"""Error codes by which a bucket says that a setting was never made."""
_REFUSED = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure"})
_UNSUPPORTED = frozenset(
    {"NotImplemented", "MethodNotAllowed", "XNotImplemented", "UnsupportedOperation", "501", "405"}
)


class Place(NamedTuple):
    """A bucket and where it is."""

    server: Server
    bucket: str
    prefix: str
    region: str

    @property
    def address(self) -> str:
        """Without any credential."""
        return f"{self.server.name}/{self.bucket}/{self.prefix}".rstrip("/")


def place_of(config: RepositoryConfig) -> Place:
    """The bucket a repository names, `s3:https://host[:port]/bucket[/prefix]`. Raises `ApiError`."""
    text = config.location.removeprefix("s3:")
    text = text if text.startswith(("https://", "http://")) else f"https://{text.lstrip('/')}"
    problem = ApiError(
        Reason.NOT_CONFIGURED, f"« {config.label} » : « location » attend s3:https://serveur/compartiment/préfixe"
    )
    try:
        parts = urlsplit(text)
        port = config.port or parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise problem from None
    bucket, _, prefix = unquote(parts.path).lstrip("/").partition("/")
    if not parts.hostname or parts.username is not None or not _BUCKET.fullmatch(bucket):
        raise problem
    digits = config.fingerprint.replace(":", "").replace(" ", "").lower()
    scheme = "https" if parts.scheme == "https" else "http"
    found = _REGION.search(parts.hostname)
    return Place(
        server=Server(parts.hostname, port, config.ca_file, digits, scheme),  # type: ignore[arg-type]
        bucket=bucket,
        prefix=prefix,
        region=found[1] if found else DEFAULT_REGION,
    )


class Bucket:
    """Questions to one bucket. After a refused key or a lost server, nothing more is asked."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name
        self.lost: Gap | None = None

    def ask(self, operation: str, **parameters: Any) -> Mapping[str, Any] | Gap:
        """The decoded answer; empty when the bucket says that the setting was never made; or the gap."""
        if self.lost is not None:
            return self.lost
        errors = importlib.import_module("botocore.exceptions")
        try:
            answer = getattr(self.client, operation)(Bucket=self.name, **parameters)
        except errors.ClientError as error:
            gap = self._refusal(error.response)
        except ApiError as error:
            gap = error.gap
            if error.final:
                self.lost = gap
        except (errors.BotoCoreError, ValueError, KeyError, TypeError) as error:
            detail = f"Réponse illisible du stockage à {operation} ({type(error).__name__})"
            gap = Gap(reason=Reason.MALFORMED, detail=detail)
        else:
            return answer if isinstance(answer, Mapping) else {}
        return gap if isinstance(gap, Gap) else {}

    def _refusal(self, response: Mapping[str, Any]) -> Gap | None:
        """Why the store said no; None when it means that the setting was never made."""
        code = str(response.get("Error", {}).get("Code", ""))[:60]
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        shown = re.sub(r"[^A-Za-z0-9]", "", code)
        if code in ABSENT:
            return None
        if code in _REFUSED or status == 401:  # noqa: PLR2004 - the numbers of HTTP
            self.lost = Gap(reason=Reason.REFUSED, detail=f"Le stockage refuse la clé d'accès ({shown})")
            return self.lost
        if code == "NoSuchBucket":
            self.lost = Gap(reason=Reason.NOT_CONFIGURED, detail="Ce compartiment n'existe pas sur ce stockage")
            return self.lost
        if status == 403:  # noqa: PLR2004
            return Gap(reason=Reason.PERMISSION, detail=f"La clé utilisée n'a pas le droit de lire cela ({shown})")
        if code in _UNSUPPORTED:
            return Gap(reason=Reason.UNSUPPORTED, detail=f"Le stockage ne connaît pas cette question ({shown})")
        return Gap(reason=Reason.ERROR, detail=f"Le stockage répond par une erreur ({shown or status})")


def open_bucket(place: Place, client: Client, access_id: str, secret: str) -> Bucket:
    """A bucket reached through `client`. Raises `ApiError` when the library is not installed or refuses the place.

    Nothing of this machine is used: no profile, no credential file, no instance metadata.
    """
    try:
        boto3 = importlib.import_module("boto3")
        core = importlib.import_module("botocore.session").get_session()
        settings = importlib.import_module("botocore.config").Config(
            signature_version="s3v4",
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            response_checksum_validation="when_required",
        )
    except ImportError:
        detail = "Le module Python « boto3 » n'est pas installé : le stockage S3 n'a pas pu être interrogé"
        raise ApiError(Reason.UNSUPPORTED, detail) from None
    core.register_component("data_loader", _descriptions())
    for variable, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
        core.set_config_variable(variable, value)
    host = f"[{place.server.host}]" if ":" in place.server.host else place.server.host
    made = boto3.session.Session(botocore_session=core).client(
        "s3",
        region_name=place.region,
        endpoint_url=f"{place.server.scheme}://{host}:{place.server.port}",
        aws_access_key_id=access_id,
        aws_secret_access_key=secret,
        config=settings,
    )
    made.meta.events.register("before-send.s3", _Transport(client))
    return Bucket(made, place.bucket)


@functools.cache
def _descriptions() -> Any:
    """The library's own description of the protocol, read once: it is large."""
    return importlib.import_module("botocore.loaders").create_loader()


class _Transport:
    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, request: Any, **_: Any) -> Any:
        """Send a signed request. Raises `ApiError` for another host, or anything but a reading."""
        server = self._client.server
        parts = urlsplit(request.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if (parts.scheme, parts.hostname, port) != (server.scheme, server.host.lower(), server.port):
            raise ApiError(Reason.REFUSED, f"{server.name} : renvoi vers une autre adresse, non suivi", 301)
        if request.method not in {"GET", "HEAD"}:
            raise ApiError(Reason.REFUSED, f"{server.name} : seule la lecture est permise", 405)
        headers = {
            key: value.decode("latin-1") if isinstance(value, bytes) else value
            for key, value in request.headers.items()
        }
        # The signature covers the host as the library writes it: without the port the scheme implies.
        usual = port == (443 if parts.scheme == "https" else 80)
        headers["Host"] = parts.netloc.rpartition(":")[0] if usual and parts.port else parts.netloc
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = self._client.raw(request.method, target, headers)
        response = importlib.import_module("botocore.awsrequest").AWSResponse
        return response(request.url, answer.status, dict(answer.getheaders()), _Body(answer, self._client))


class _Body:
    """What the library reads an answer from: whole and bounded, or piece by piece."""

    def __init__(self, answer: HTTPResponse, client: Client) -> None:
        self._answer = answer
        self._client = client

    def read(self, amount: int | None = None) -> bytes:
        """The next `amount` bytes; all of them, within the limit of an answer, when it is None."""
        try:
            return self._answer.read(amount) if amount is not None else b"".join(self.stream())
        except (OSError, HTTPException) as error:
            self._client.close()
            raise lost(self._client.server, error) from None

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """The whole answer, in pieces. Raises `ApiError` beyond the limit."""
        total = 0
        while chunk := self.read(_CHUNK):
            total += len(chunk)
            if total > MAX_BODY:
                self._client.close()
                raise ApiError(Reason.MALFORMED, f"{self._client.name} : réponse trop grande", 200)
            yield chunk

    def close(self) -> None:
        """Nothing more will be read."""
        self._answer.close()
