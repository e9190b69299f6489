"""The `.vbm` file that stands beside Veeam backup files: what a chain should hold. Pure.

The vendor does not document it. The shape followed is the one public tools read (metabilder, VeeamP2VProxmox): a root
`BackupMeta` whose text holds a second document, escaped, `Vbm` with `Storages/Storage` (FileName, CreationTimeUtc,
LinkId, Stats/BackupSize, Stats/DataSize), `Vms/Vm` (DisplayName) and `VmPoints//Pnt` (IsCorrupted, StgId). Attributes
are looked for by name wherever they are, in that document or in the outer one: versions differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from checks.backup.technologies import http_values as values
from checks.common.text import clean
from checks.common.textfile import ParseError, SourceFile
from checks.common.xmltree import Node, parse_xml

MAX_INNER = 20
"""Escaped documents read inside one file."""
_NO_LINK = frozenset({"", "00000000-0000-0000-0000-000000000000"})


class Storage(NamedTuple):
    """One backup file the chain should hold."""

    id: str
    file: str
    """Base name."""
    created: datetime | None
    link: str
    """Storage it depends on; empty for a full backup."""
    backup_size: int | None
    data_size: int | None


class Meta(NamedTuple):
    """What a `.vbm` file says."""

    version: str
    job: str
    storages: tuple[Storage, ...]
    machines: tuple[str, ...]
    corrupted: int
    """Points the product itself marks as corrupted."""
    encrypted: bool


def parse(file: SourceFile) -> Meta:
    """Read a `.vbm` file. Raises `ParseError` when it is not one, or holds no list of backup files."""
    root = parse_xml(file)
    if root.tag != "BackupMeta":
        raise ParseError("la racine n'est pas « BackupMeta »", file.name)
    documents = [root, *_inner(root, file)]
    nodes = [node for document in documents for node in _all(document)]
    storages = tuple(found for node in nodes if node.tag == "Storage" and (found := _storage(node)))
    listed = any(node.tag == "Storages" for node in nodes)
    if not storages and not listed:
        raise ParseError("aucune liste de fichiers de sauvegarde : version inconnue", file.name)
    job = next((clean(node.attributes["JobName"], values.NAME) for node in nodes if node.attributes.get("JobName")), "")
    machines = [
        clean(node.attributes["DisplayName"], values.NAME) for node in nodes if node.attributes.get("DisplayName")
    ]
    return Meta(
        version=clean(root.attributes.get("Version", ""), 20),
        job=job,
        storages=storages,
        machines=tuple(dict.fromkeys(machines)),
        corrupted=sum(node.tag == "Pnt" and node.attributes.get("IsCorrupted", "").lower() == "true" for node in nodes),
        encrypted=any(node.tag == "KeySets" and node.children for node in nodes),
    )


def _inner(root: Node, file: SourceFile) -> Iterator[Node]:
    """Documents escaped in the text of the outer one."""
    count = 0
    for node in _all(root):
        text = node.text.strip()
        if text.startswith("<") and text.endswith(">") and count < MAX_INNER:
            count += 1
            # Several elements may follow one another, with a declaration of their own: one root holds them.
            body = text.partition("?>")[2] if text.startswith("<?xml") else text
            yield parse_xml(SourceFile(name=file.name, text=f"<inner>{body}</inner>", sha256=file.sha256))


def _all(node: Node) -> Iterator[Node]:
    """The node and everything below it, in order; depth is bounded by the reader."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.children))


def _storage(node: Node) -> Storage | None:
    name = node.attributes.get("FileName") or node.attributes.get("FilePath") or ""
    base = clean(name.replace("\\", "/").rpartition("/")[2], 300)
    if not base:
        return None
    link = node.attributes.get("LinkId", "").strip("{}").lower()
    sizes = {child.tag: child.text.strip() for child in _all(node)}
    return Storage(
        id=node.attributes.get("Id", "").strip("{}").lower(),
        file=base,
        created=values.iso(clean(node.attributes.get("CreationTimeUtc", ""), 40)),
        link="" if link in _NO_LINK else link,
        backup_size=values.whole(sizes.get("BackupSize")),
        data_size=values.whole(sizes.get("DataSize")),
    )
