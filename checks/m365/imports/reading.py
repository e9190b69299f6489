"""Files in, what they say of the tenant out: ScubaGear exports, Graph dumps, cmdlets, facts of earlier, in any mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from checks.common.french import listed
from checks.common.textfile import ParseError
from checks.m365.facts import M365Facts
from checks.m365.imports import graph, scubagear
from checks.m365.imports.documents import Document, opened
from checks.m365.imports.found import Imported, facts_of, merged
from checks.m365.resources import BY_NAME
from checks.model import CollectError, Reason

MAX_NAMED = 12
"""Ignored files named in one sentence."""

__all__ = ["merged", "read_files", "read_input"]


def read_files(paths: Iterable[str | Path]) -> Imported:
    """What the files say. Raises `CollectError` when none of them can be used."""
    found = opened(paths)
    errors = list(found.errors)
    parts: list[Imported] = []
    dumps: list[Document] = []
    tenants: dict[str, None] = {}
    for document in found.documents:
        try:
            part = _whole(document)
        except ParseError as error:
            errors.append(error)
            continue
        if part is None:
            dumps.append(document)
        else:
            parts.append(part)
    told, unknown = graph.read_dumps(dumps)
    # Files with a whole export come after dumps, which are more complete for what they have.
    imported = told
    for part in parts:
        imported = imported.joined(part)
        if part.tenant.id:
            tenants[part.tenant.id.lower()] = None
    if told.tenant.id:
        tenants[told.tenant.id.lower()] = None
    if len(tenants) > 1:
        raise CollectError(
            Reason.MALFORMED, f"Les fichiers sont de plusieurs locataires ({listed(tenants)}) : en juger un à la fois."
        )
    if not imported.readings:
        raise CollectError(Reason.MALFORMED, _nothing(errors, unknown))
    limits = [f"{error}." for error in errors]
    ignored = [*unknown, *found.ignored]
    if ignored:
        limits.append(f"Fichiers non reconnus, donc ignorés : {listed(ignored, MAX_NAMED)}.")
    return msgspec.structs.replace(imported, limits=tuple(dict.fromkeys((*limits, *imported.limits))))


def read_input(inputs: Sequence[str], options: Mapping[str, str]) -> M365Facts:  # noqa: ARG001 - of every domain
    """Facts of `ausculte check m365 FILE…`. Raises `CollectError` when nothing can be read."""
    missing = [name for name in inputs if not Path(name).exists()]
    if missing:
        raise CollectError(Reason.NOT_CONFIGURED, f"Fichier introuvable : {listed(missing, MAX_NAMED)}.")
    if len(inputs) == 1 and len(alone := opened(inputs).documents) == 1:
        try:
            if recorded := _recorded(alone[0]):
                return recorded
        except ParseError as error:
            raise CollectError(Reason.MALFORMED, f"{error}.") from None
    return facts_of(read_files(inputs))


def _whole(document: Document) -> Imported | None:
    """A file that says by itself what it is; None for what may be a part of a dump. Raises `ParseError`."""
    if scubagear.recognised(document.value):
        return scubagear.read(document.name, document.value)
    recorded = _recorded(document)
    if recorded is None:
        return None
    return Imported(
        readings=recorded.readings, tenant=recorded.tenant, licences=recorded.licences, limits=recorded.limits
    )


def _recorded(document: Document) -> M365Facts | None:
    """Facts that were collected earlier, bare or in the envelope of a run. Raises `ParseError`."""
    value: Any = document.value
    if isinstance(value, dict) and value.get("domain") == "m365" and isinstance(value.get("data"), dict):
        value = value["data"]
    if not isinstance(value, dict) or not {"tenant", "licences", "readings"} <= value.keys():
        return None
    try:
        facts = msgspec.convert(value, M365Facts)
    except msgspec.ValidationError as error:
        raise ParseError(f"faits de Microsoft 365 illisibles ({str(error)[:200]})", document.name) from None
    known = {name: reading for name, reading in facts.readings.items() if name in BY_NAME}
    return msgspec.structs.replace(facts, readings=known)


def _nothing(errors: Sequence[ParseError], unknown: Sequence[str]) -> str:
    if errors:
        return f"Rien n'a pu être lu : {' ; '.join(str(error) for error in errors[:MAX_NAMED])}."
    if unknown:
        return (
            f"Aucun fichier reconnu ({listed(unknown, MAX_NAMED)}) : un export ScubaGear, des réponses de Graph ou "
            "des commandes Get-* d'Exchange et de Teams converties en JSON sont attendus."
        )
    return "Aucun fichier à lire."
