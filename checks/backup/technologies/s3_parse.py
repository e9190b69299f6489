"""Answers of an S3 store turned into facts. Pure.

Object lock: COMPLIANCE cannot be lifted by anybody before its date, the owner of the account included; GOVERNANCE is
lifted by a key with s3:BypassGovernanceRetention; a legal hold is lifted by s3:PutObjectLegalHold; a bucket that has
object lock but no retention on its objects protects nothing (Amazon S3 User Guide, "Locking objects").
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from checks.backup.facts import Encryption, Immutability, Lock, Point
from checks.backup.technologies import http_values as values
from checks.common.text import clean
from checks.model import Gap, Reason

Answer = Mapping[str, Any]
_SHA256 = 32
_DATE = re.compile(r"[-_. ]*(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[-_.T ]?\d\d[-_.:h]?\d\d(?:[-_.:m]?\d\d)?Z?)?")
_ENCRYPTED_SUFFIX = (".gpg", ".age", ".asc", ".enc", ".aes")
_YEAR_DAYS = 365
_MAX_YEARS = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Item(NamedTuple):
    """The latest version of one object."""

    key: str
    size: int
    modified: datetime
    version: str = ""
    etag: str = ""


class Head(NamedTuple):
    """What an object says of itself."""

    item: Item
    mode: str
    until: datetime | None
    hold: bool
    encryption: str
    sha256: str
    """Hexadecimal digest of the whole object; empty when the store does not keep one."""


def utc(value: Any) -> datetime | None:
    """A time as the library gives it."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else None


def items(page: Answer, *, versions: bool) -> list[Item]:
    """Latest objects of one page of a listing; folders (names that end with `/`) are left out."""
    found = []
    for row in values.rows(page, "Versions" if versions else "Contents") or []:
        key, modified, size = row.get("Key"), utc(row.get("LastModified")), values.whole(row, "Size")
        if not isinstance(key, str) or modified is None or size is None or key.endswith("/"):
            continue
        if versions and row.get("IsLatest") is not True:
            continue
        version = row.get("VersionId")
        etag = row.get("ETag")
        found.append(
            Item(
                key,
                size,
                modified,
                version if isinstance(version, str) and version != "null" else "",
                etag.strip('"') if isinstance(etag, str) else "",
            )
        )
    return found


def head(item: Item, answer: Answer) -> Head:
    """An object's own protection and digest."""
    return Head(
        item=item,
        mode=values.text(answer, "ObjectLockMode").upper(),
        until=utc(answer.get("ObjectLockRetainUntilDate")),
        hold=values.text(answer, "ObjectLockLegalHoldStatus").upper() == "ON",
        encryption=values.text(answer, "ServerSideEncryption"),
        sha256=_digest(answer),
    )


def _digest(answer: Answer) -> str:
    """Digest of the whole content; that of a multipart upload is a digest of digests and is left out."""
    written = values.text(answer, "ChecksumSHA256")
    if not written or "-" in written or values.text(answer, "ChecksumType") == "COMPOSITE":
        return ""
    try:
        raw = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _SHA256 else ""


def protection(one: Head, now: datetime) -> Literal["compliance", "governance", "expired", "none"]:
    """What keeps one object from being deleted now."""
    running = one.until is not None and one.until > now
    if one.mode == "COMPLIANCE" and running:
        return "compliance"
    if (one.mode == "GOVERNANCE" and running) or one.hold:
        return "governance"
    return "expired" if one.mode else "none"


def immutability(
    heads: tuple[Head, ...], lock: Answer | Gap, versioning: Answer | Gap, now: datetime, problem: Gap | None
) -> Immutability | Gap:
    """What the newest objects really carry. A lock of the bucket that its objects do not carry counts for nothing."""
    if not heads:
        return problem or Gap(reason=Reason.NOT_CONFIGURED, detail="Le compartiment ne contient aucun objet")
    counted: Counter[str] = Counter(protection(one, now) for one in heads)
    carried = counted["compliance"] + counted["governance"]
    newest = protection(max(heads, key=lambda one: one.item.modified), now)
    strength: Lock = "none"
    # One object without protection is enough to break what depends on it: the weakest of the newest objects decides.
    if newest in {"compliance", "governance"} and not counted["none"]:
        strength = "governance" if counted["governance"] else "compliance"
    elif mfa_delete(versioning):
        strength = "append_only"
    return Immutability(
        lock=strength,
        proof="configured",
        days=default_days(lock),
        covered=carried,
        looked_at=len(heads),
        detail=clean("; ".join(_explain(counted, lock, versioning)), 400).replace(";", " ;"),
    )


def _explain(counted: Counter[str], lock: Answer | Gap, versioning: Answer | Gap) -> Iterable[str]:
    if counted["governance"]:
        yield f"{counted['governance']} objet(s) en mode gouvernance : une clé privilégiée lève ce verrou"
    if counted["expired"]:
        yield f"{counted['expired']} objet(s) dont la rétention est terminée"
    if counted["none"]:
        enabled = isinstance(lock, Mapping) and lock_enabled(lock)
        yield f"{counted['none']} objet(s) sans rétention" + (
            ", alors que le verrouillage du compartiment est activé" if enabled else ""
        )
    if isinstance(versioning, Mapping) and values.text(versioning, "Status") == "Suspended":
        yield "les versions ne sont plus conservées (suspendues)"
    if mfa_delete(versioning):
        yield "la suppression d'une version demande un second facteur"


def lock_enabled(answer: Answer) -> bool:
    """The bucket can hold locked objects."""
    return values.text(answer, "ObjectLockConfiguration", "ObjectLockEnabled") == "Enabled"


def default_days(answer: Answer | Gap) -> int | None:
    """Length of the retention new objects get, in days; None when they get none."""
    rule = values.at(answer, "ObjectLockConfiguration", "Rule", "DefaultRetention")
    years = values.whole(rule, "Years")
    return values.whole(rule, "Days") or (years * _YEAR_DAYS if years and 0 < years < _MAX_YEARS else None)


def mfa_delete(versioning: Answer | Gap) -> bool:
    """Deleting a version asks for a second factor."""
    return isinstance(versioning, Mapping) and values.text(versioning, "MFADelete") == "Enabled"


def engine(keys: Iterable[str], prefix: str) -> str:
    """Product whose repository the objects make (restic, borg, kopia); empty when objects are files of their own."""
    base = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    tops = {key.removeprefix(base).partition("/")[0] for key in keys}
    if {"config", "keys", "data"} <= tops:
        return "restic"
    if {"config", "data"} <= tops and any(top.startswith(("hints.", "index.", "integrity.")) for top in tops):
        return "borg"
    if "kopia.repository" in tops or any(top.startswith("kopia.repository") for top in tops):
        return "kopia"
    return ""


def points(heads: Mapping[str, Head], found: Iterable[Item], prefix: str, now: datetime) -> tuple[Point, ...]:
    """One point for each object. The source is its name without its date and its suffixes."""
    return tuple(_point(heads.get(item.key), item, prefix, now) for item in found)


def _point(seen: Head | None, item: Item, prefix: str, now: datetime) -> Point:
    state = protection(seen, now) if seen else ""
    locked = state in {"compliance", "governance"} if seen else None
    return Point(
        id=clean(f"{item.key}?versionId={item.version}" if item.version else item.key, 2400),
        source=source(item.key, prefix),
        time=item.modified,
        # A name with control characters is shown cleaned, and is no longer that of an object to bring back.
        paths=(item.key,) if clean(item.key, 2000) == item.key else (),
        size=item.size,
        stored=item.size,
        protected_until=seen.until if seen and state == "compliance" else None,
        locked=locked,
        empty=item.size == 0,
        encrypted=True if item.key.endswith(_ENCRYPTED_SUFFIX) else None,
    )


def source(key: str, prefix: str) -> str:
    """What an object saves: its name below the prefix, without date nor suffix."""
    folder, slash, name = key.removeprefix(prefix).lstrip("/").rpartition("/")
    dated = _DATE.search(name)
    stem = name[: dated.start()] if dated else name
    while "." in stem.strip("."):
        stem = stem.rpartition(".")[0]
    stem = stem.strip("-_. ")
    return clean(f"{folder}{slash}{stem}" if stem else folder or key, values.NAME)


def encryption(
    heads: tuple[Head, ...], bucket: Answer | Gap, made_by: str, *, tls: bool, key_escrow: bool | None
) -> Encryption | Gap:
    """Encryption by the store, as objects carry it; what a tool encrypted before sending is not seen here."""
    kinds = Counter(one.encryption for one in heads)
    rules = values.rows(bucket, "ServerSideEncryptionConfiguration", "Rules") or []
    default = next(
        (name for row in rules if (name := values.text(row, "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"))),
        "",
    )
    by_tool = bool(heads) and all(one.item.key.endswith(_ENCRYPTED_SUFFIX) for one in heads)
    if by_tool or (heads and not kinds[""]):
        name = "par l'outil de sauvegarde" if by_tool else f"par le stockage ({', '.join(sorted(kinds))})"
        return Encryption(encrypted=True, method=name, key_escrow=key_escrow, transport=tls)
    if not heads and default:
        return Encryption(encrypted=True, method=f"par le stockage ({default})", key_escrow=key_escrow, transport=tls)
    if made_by:
        detail = f"Le compartiment contient un dépôt {made_by} : c'est cet outil qui chiffre"
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    if not heads:
        return bucket if isinstance(bucket, Gap) else Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun objet à examiner")
    return Encryption(encrypted=False, method="aucun chiffrement visible", key_escrow=key_escrow, transport=tls)


def retention(answer: Answer | Gap) -> str:
    """What the lifecycle rules remove, and when."""
    found = []
    for row in values.rows(answer, "Rules") or []:
        if values.text(row, "Status") != "Enabled":
            continue
        days = values.whole(row, "Expiration", "Days")
        old = values.whole(row, "NoncurrentVersionExpiration", "NoncurrentDays")
        parts = [f"objets supprimés après {days} j"] if days else []
        parts += [f"anciennes versions supprimées après {old} j"] if old else []
        found += parts
    return " ; ".join(dict.fromkeys(found))


def public(policy: Answer | Gap, block: Answer | Gap) -> bool | None:
    """Anybody can read the bucket by its policy; None when nobody can tell."""
    stated = values.flag(policy, "PolicyStatus", "IsPublic")
    if stated is not None:
        return stated
    closed = values.at(block, "PublicAccessBlockConfiguration")
    if isinstance(closed, Mapping) and all(
        values.flag(closed, name) for name in ("BlockPublicPolicy", "RestrictPublicBuckets", "BlockPublicAcls")
    ):
        return False
    return False if isinstance(policy, Mapping) and not policy else None
