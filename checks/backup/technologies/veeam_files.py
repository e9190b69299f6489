"""A folder or share that holds Veeam backup files: freshness, chains, metadata, configuration backups. Reads only.

`location` is a folder this machine can read. Nothing of the content of a backup is opened, but for its first page.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption, Failure, Integrity, Repository
from checks.backup.technologies import veeam_chain as chain
from checks.backup.technologies import veeam_vbm as vbm
from checks.backup.technologies.base import Tools
from checks.backup.technologies.record import LOCAL_TIME, unread, unsupported
from checks.common.text import clean
from checks.common.textfile import MAX_BYTES, ParseError, decode
from checks.model import Gap, Reason

MAX_FILES = 50_000
MAX_DEPTH = 6
MAX_METADATA = 500
HEADERS = 40
"""Newest backup files whose first page is looked at."""
_BACKUPS = frozenset({"vbk", "vib", "vrb"})


def read(config: RepositoryConfig, tools: Tools) -> Repository:
    """Read a folder. See `base.Technology.read`."""
    started = time.monotonic()
    root = Path(config.location)
    if not root.is_absolute() or not root.is_dir():
        detail = f"« {config.label} » : le dossier déclaré n'existe pas ou n'est pas accessible depuis ce poste"
        found = unread(config, Gap(reason=Reason.UNREACHABLE, detail=detail), address=clean(config.location, 300))
    else:
        tools.progress(f"{config.label} : fichiers de sauvegarde")
        found = _read(config, tools, root)
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - started, 1))


def _read(config: RepositoryConfig, tools: Tools, root: Path) -> Repository:
    limits = ["Les tâches, leurs horaires et leurs alertes se lisent sur le serveur Veeam, pas dans ses fichiers"]
    files, problem = listing(root, limits)
    if problem is not None and not files:
        return unread(config, problem, address=clean(config.location, 300))
    metas, unreadable = _metadata(root, [file for file in files if file.kind == "vbm"], limits)
    named = {(folder, storage.file.casefold()): storage for folder, meta, _ in metas for storage in meta.storages}
    backups = [
        chain.backup(file, named.get((file.folder, file.name.casefold()))) for file in files if file.kind in _BACKUPS
    ]
    present: dict[str, set[str]] = {}
    for file in files:
        present.setdefault(file.folder, set()).add(file.name.casefold())
    problems = [
        *chain.broken(backups),
        *chain.renamed(files),
        *_headers(root, backups),
        *(
            failure
            for folder, meta, when in metas
            for failure in chain.missing(folder, meta, frozenset(present.get(folder, ())), when)
        ),
    ]
    if any(one.local for one in backups):
        limits.append(LOCAL_TIME)
    if any(not one.dated for one in backups):
        limits.append("Des fichiers sans date dans leur nom sont datés de leur dernière modification")
    machines = {meta.job: meta.machines for _, meta, _ in metas if meta.job and len(meta.machines) > 1}
    configurations = [file for file in files if file.kind == "bco" and file.size]
    none = unsupported("Les fichiers de Veeam ne disent pas cela : interroger le serveur Veeam")
    usage = _usage(root)
    return unread(
        config,
        none,
        product="Fichiers de Veeam Backup & Replication",
        version=next((meta.version for _, meta, _ in metas if meta.version), ""),
        address=clean(config.location, 300),
        points=problem or chain.points(backups, machines),
        failures=tuple(problems),
        integrity=_integrity(backups, problems, unreadable, tools.now),
        encryption=Encryption(encrypted=True, method="jeu de clés dans les métadonnées", key_escrow=config.key_escrow)
        if metas and all(meta.encrypted for _, meta, _ in metas)
        else none,
        capacity=usage[0],
        free=usage[1],
        own_configuration_saved=True
        if configurations
        else unsupported("Aucune sauvegarde de configuration (.bco) dans ce dossier ; elle peut être ailleurs"),
        settings={"config_backup_age_days": max(0, (tools.now - max(map(chain.config_time, configurations))).days)}
        if configurations
        else {},
        limits=tuple(limits),
    )


def listing(root: Path, limits: list[str]) -> tuple[list[chain.File], Gap | None]:
    """Regular files below `root`, and why the list is not whole. Links are not followed."""
    found: list[chain.File] = []
    refused = 0
    for folder, entry in _walk(root, limits):
        if isinstance(entry, OSError):
            refused += 1
            continue
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            refused += 1
            continue
        if not stat.S_ISREG(about.st_mode):
            continue
        if len(found) >= MAX_FILES:
            limits.append(f"La lecture s'arrête à {MAX_FILES} fichiers")
            break
        try:
            modified = datetime.fromtimestamp(about.st_mtime, UTC)
        except (ValueError, OverflowError, OSError):
            modified = datetime.fromtimestamp(0, UTC)
        found.append(chain.File(folder, entry.name, about.st_size, modified))
    if refused:
        detail = f"{refused} dossier(s) ou fichier(s) n'ont pas pu être lus"
        limits.append(detail)
        return found, Gap(reason=Reason.PERMISSION, detail=detail)
    return found, None


def _walk(root: Path, limits: list[str]) -> Iterator[tuple[str, os.DirEntry[str] | OSError]]:
    """Entries below `root` with the folder they are in; an error stands for a folder that cannot be read."""
    waiting = [("", 0)]
    too_deep = f"Les dossiers au-delà de {MAX_DEPTH} niveaux n'ont pas été lus"
    while waiting:
        folder, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, error
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    waiting.append((f"{folder}/{entry.name}" if folder else entry.name, depth + 1))
                elif too_deep not in limits:
                    limits.append(too_deep)
            else:
                yield folder, entry


def _metadata(
    root: Path, files: list[chain.File], limits: list[str]
) -> tuple[list[tuple[str, vbm.Meta, datetime]], list[str]]:
    """Metadata that could be read, with their folder and date; names of those that could not, said in `limits`."""
    metas, unreadable = [], []
    for file in files[:MAX_METADATA]:
        try:
            if file.size > MAX_BYTES:
                raise ParseError("fichier trop grand", file.name)  # noqa: TRY301 - one place says what went wrong
            raw = (root / file.path).read_bytes()
            metas.append((file.folder, vbm.parse(decode(file.name, raw[: MAX_BYTES + 1])), file.modified))
        except (ParseError, OSError) as error:
            reason = str(error) if isinstance(error, ParseError) else f"{file.name} : illisible"
            unreadable.append(file.path)
            limits.append(clean(f"Métadonnées non lues : {reason}", 300))
    return metas, unreadable


def _headers(root: Path, backups: list[chain.Backup]) -> list[Failure]:
    """Newest files whose first page is random."""
    newest = sorted((one for one in backups if one.file.size >= chain.HEADER), key=lambda one: one.file.modified)
    found = []
    for one in newest[-HEADERS:]:
        try:
            with (root / one.file.path).open("rb") as file:
                page = file.read(chain.HEADER)
        except OSError:
            continue
        if chain.random_header(page):
            what = f"{one.file.path} : le début du fichier est aléatoire, comme après un chiffrement par un tiers"
            found.append(Failure(time=one.file.modified, what=clean(what, 300), source=one.chain))
    return found


def _integrity(
    backups: list[chain.Backup], problems: list[Failure], unreadable: list[str], now: datetime
) -> Integrity | Gap:
    """Consistency of names and metadata: nothing of the content is verified."""
    if not backups and not problems:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun fichier de sauvegarde Veeam dans ce dossier")
    if not problems and unreadable:
        detail = f"Métadonnées illisibles ({', '.join(unreadable[:3])}) : la cohérence des chaînes n'est pas établie"
        return Gap(reason=Reason.MALFORMED, detail=clean(detail, 300))
    return Integrity(
        ok=not problems,
        depth="metadata",
        when=now,
        by="agent",
        detail=problems[0].what if problems else f"{len(backups)} fichiers, chaînes complètes",
    )


def _usage(root: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(root)
    except OSError:
        return None, None
    return usage.total, usage.free
