"""An S3 bucket: what really protects its objects, and the objects themselves when they are the copies.

The profile gives `location` (`s3:https://server/bucket/prefix`), `access_id` (public half of the key) and
`storage_secret_from` or `password_from` (its secret half). Only GET and HEAD requests are made.
"""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point, Repository
from checks.backup.technologies import http_values as values
from checks.backup.technologies import s3_parse as parse
from checks.backup.technologies.base import Entry, Tools
from checks.backup.technologies.http import Client
from checks.backup.technologies.http_tls import ApiError
from checks.backup.technologies.record import malformed, sentence, unread, unsupported
from checks.backup.technologies.s3_transport import Bucket, Place, open_bucket, place_of
from checks.model import CollectError, Gap, Reason

PAGE = 1000
MAX_PAGES = 20
"""Pages of the listing: 20,000 versions."""
LOOKED_AT = 50
"""Newest objects whose own protection is read."""
MAX_POINTS = 500
MAX_OBJECT = 64 << 30
RESTORE_SECONDS = 3600.0
_CHUNK = 1 << 20
_MD5 = 32


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a bucket. See `base.Technology.read`."""
    started = time.monotonic()
    address = ""
    try:
        place = place_of(config)
        address = place.address
        with _opened(config, tools, place) as bucket:
            tools.progress(f"{config.label} : objets du compartiment")
            found = _read(config, tools, place, bucket)
    except ApiError as error:
        found = unread(config, error.gap, address=address)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


@contextmanager
def _opened(config: RepositoryConfig, tools: Tools, place: Place, answer_seconds: float = 60.0) -> Iterator[Bucket]:
    """The bucket, once the server is verified. Raises `ApiError`."""
    reference = config.storage_secret_from or config.password_from
    if not config.access_id or not reference:
        detail = f"« {config.label} » : « access_id » et « storage_secret_from » sont nécessaires"
        raise ApiError(Reason.NOT_CONFIGURED, detail)
    with Client(
        place.server, tools.network, purpose="stockage S3 : lecture des sauvegardes", answer_seconds=answer_seconds
    ) as client:
        client.open()
        yield open_bucket(place, client, config.access_id, tools.secret(reference))


def _read(config: RepositoryConfig, tools: Tools, place: Place, bucket: Bucket) -> Repository:
    versioning = bucket.ask("get_bucket_versioning")
    if isinstance(versioning, Gap) and bucket.lost:
        return unread(config, bucket.lost, address=place.address)
    items, problem, limits = _list(bucket, place)
    items.sort(key=lambda item: item.modified, reverse=True)
    heads, refused = _heads(bucket, items[:LOOKED_AT])
    lock = bucket.ask("get_object_lock_configuration")
    encryption = bucket.ask("get_bucket_encryption")
    policy, block = bucket.ask("get_bucket_policy_status"), bucket.ask("get_public_access_block")
    replication = bucket.ask("get_bucket_replication")
    made_by = parse.engine((item.key for item in items), place.prefix)
    tls = place.server.scheme == "https"
    if not tls:
        limits.append("La liaison avec le stockage n'est pas chiffrée : les copies y circulent en clair")
    points: tuple[Point, ...] | Gap = parse.points(
        {one.item.key: one for one in heads}, items[:MAX_POINTS], place.prefix, tools.now
    )
    if made_by:
        points = unsupported(
            f"Le compartiment contient un dépôt {made_by} : ses points de restauration se lisent avec {made_by}"
        )
    elif problem is not None:
        points = problem
    elif len(items) > MAX_POINTS:
        limits.append(f"Seuls les {MAX_POINTS} objets les plus récents sont retenus, sur {len(items)}")
    none = unsupported("Un stockage S3 n'a ni tâches ni journal des échecs : ils se lisent sur l'outil de sauvegarde")
    return unread(
        config,
        none,
        product="Stockage S3",
        address=place.address,
        medium=config.medium or "cloud",
        points=points,
        integrity=unsupported("Un stockage S3 ne vérifie pas ce qu'il contient sur demande"),
        encryption=parse.encryption(heads, encryption, made_by, tls=tls, key_escrow=config.key_escrow),
        immutability=parse.immutability(heads, lock, versioning, tools.now, refused or problem),
        retention=parse.retention(bucket.ask("get_bucket_lifecycle_configuration")),
        settings=_settings(versioning, lock, policy, block, replication, made_by),
        limits=tuple(limits),
    )


def _settings(
    versioning: Mapping[str, Any] | Gap,
    lock: Mapping[str, Any] | Gap,
    policy: Mapping[str, Any] | Gap,
    block: Mapping[str, Any] | Gap,
    replication: Mapping[str, Any] | Gap,
    made_by: str,
) -> dict[str, bool | int | str]:
    """What was read of the bucket itself; a setting that could not be read is not there."""
    found: dict[str, bool | int | str] = {}
    if not isinstance(versioning, Gap):
        found["versioning"] = values.text(versioning, "Status").lower() or "off"
        found["mfa_delete"] = parse.mfa_delete(versioning)
    if not isinstance(lock, Gap):
        found["object_lock"] = parse.lock_enabled(lock)
        found["default_retention_mode"] = values.text(
            lock, "ObjectLockConfiguration", "Rule", "DefaultRetention", "Mode"
        ).lower()
    exposed = parse.public(policy, block)
    if exposed is not None:
        found["public"] = exposed
    if not isinstance(replication, Gap):
        found["replicated"] = bool(values.rows(replication, "ReplicationConfiguration", "Rules"))
    if made_by:
        found["engine"] = made_by
    return found


def _list(bucket: Bucket, place: Place) -> tuple[list[parse.Item], Gap | None, list[str]]:
    """Latest objects below the prefix, why the list is not there, and where it stops."""
    base = {"Prefix": place.prefix, "MaxKeys": PAGE}
    versions = True
    items: list[parse.Item] = []
    marker: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        page = bucket.ask("list_object_versions" if versions else "list_objects_v2", **base, **marker)
        if isinstance(page, Gap) and versions and not items and not bucket.lost:
            versions, marker = False, {}
            page = bucket.ask("list_objects_v2", **base)
        if isinstance(page, Gap):
            return [], page, []
        if page.get("Name") != place.bucket:
            # A listing repeats the name of its bucket: this one comes from something else than an S3 store.
            return [], malformed("La liste des objets n'a pas la forme attendue"), []
        items += parse.items(page, versions=versions)
        marker = _next(page, versions=versions)
        if not marker:
            return items, None, []
    return items, None, [f"La liste s'arrête à {MAX_PAGES * PAGE} versions : des objets plus récents ont pu échapper"]


def _next(page: Mapping[str, Any], *, versions: bool) -> dict[str, str]:
    """Parameters of the next page; empty when this one is the last."""
    if values.flag(page, "IsTruncated") is not True:
        return {}
    names = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
    names = names if versions else {"ContinuationToken": "NextContinuationToken"}
    return {name: str(page[given]) for name, given in names.items() if page.get(given)}


def _heads(bucket: Bucket, items: Iterable[parse.Item]) -> tuple[tuple[parse.Head, ...], Gap | None]:
    """What the newest objects say of themselves, and why one did not: all are read, or none counts."""
    found = []
    for item in items:
        answer = bucket.ask("head_object", Key=item.key, ChecksumMode="ENABLED")
        if isinstance(answer, Gap):
            return (), answer
        found.append(parse.head(item, answer))
    return tuple(found), None


def entries(config: RepositoryConfig, tools: Tools, point: Point) -> Iterable[Entry]:
    """The object a point is. See `base.Restorable.entries`."""
    key, version = _object(point)
    with _collecting(), _opened(config, tools, place_of(config)) as bucket:
        answer = bucket.ask("head_object", Key=key, ChecksumMode="ENABLED", **version)
        if isinstance(answer, Gap):
            raise CollectError(answer.reason, sentence(answer.detail))
    modified = parse.utc(answer.get("LastModified")) or point.time
    seen = parse.head(parse.Item(key, 0, modified), answer)
    size = values.whole(answer, "ContentLength")
    digest = f"sha256:{seen.sha256}" if seen.sha256 else ""
    return [Entry(path=key, size=point.size or 0 if size is None else size, modified=modified, digest=digest)]


def restore(
    config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
) -> Mapping[str, Path]:
    """Bring the object back. See `base.Restorable.restore`. A content that is not the stored one is not handed over."""
    key, version = _object(point)
    if key not in paths:
        return {}
    target = into / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}{Path(key).suffix[:16]}"
    with _collecting(), _opened(config, tools, place_of(config), RESTORE_SECONDS) as bucket:
        answer = bucket.ask("get_object", Key=key, ChecksumMode="ENABLED", **version)
        if isinstance(answer, Gap):
            raise CollectError(answer.reason, sentence(answer.detail))
        good = _whole(answer, target)
    if not good:
        target.unlink(missing_ok=True)
        return {}
    return {key: target}


def _whole(answer: Mapping[str, Any], target: Path) -> bool:
    """As `_receive`; False as well when the connection is cut."""
    errors = importlib.import_module("botocore.exceptions")
    try:
        return _receive(answer, target)
    except (ApiError, errors.BotoCoreError):
        return False


def _receive(answer: Mapping[str, Any], target: Path) -> bool:
    """Write a body to `target`; True when it is whole and has the digest the store announced."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with target.open("xb") as file:
        while chunk := answer["Body"].read(_CHUNK):
            size += len(chunk)
            if size > MAX_OBJECT:
                return False
            sha256.update(chunk)
            md5.update(chunk)
            file.write(chunk)
    announced = parse.head(parse.Item("", 0, parse.EPOCH), answer).sha256
    if announced:
        return announced == sha256.hexdigest()
    etag = values.text(answer, "ETag").strip('"').lower()
    # The tag of a single upload is the MD5 of its content, unless a managed key encrypts it (Amazon S3 API, "ETag").
    if len(etag) == _MD5 and values.text(answer, "ServerSideEncryption") in {"", "AES256"}:
        return etag == md5.hexdigest()
    return size == values.whole(answer, "ContentLength")


def _object(point: Point) -> tuple[str, dict[str, str]]:
    """Key and version of a point. Raises `CollectError` for a point that is no object."""
    if len(point.paths) != 1:
        raise CollectError(Reason.UNSUPPORTED, "Ce point n'est pas un objet du compartiment.")
    version = point.id.removeprefix(f"{point.paths[0]}?versionId=")
    return point.paths[0], {"VersionId": version} if version != point.id else {}


@contextmanager
def _collecting() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        raise CollectError(error.reason, sentence(error.detail)) from None
