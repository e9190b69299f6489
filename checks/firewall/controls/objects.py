"""Named objects: in double, useless, or named by a rule without being in the export."""

from __future__ import annotations

from collections.abc import Iterable

from checks.common.french import listed, plural
from checks.firewall.controls.common import (
    distinct,
    each_device,
    evidence,
    is_broken,
    point,
    thing,
    wide_addresses,
    wide_services,
    written,
)
from checks.firewall.facts import AddressSet, Device, NamedObject, ServiceSet
from checks.firewall.review import DeviceReview
from checks.model import Affected, Context, Judgement, failed, not_applicable, passed


def _cell(device: Device, item: NamedObject) -> AddressSet | ServiceSet:
    return (device.addresses if item.kind.startswith("address") else device.services)[item.content]


def _members(cell: AddressSet | ServiceSet) -> tuple[str, ...]:
    return cell.ranges if isinstance(cell, AddressSet) else cell.services


def _everything(cell: AddressSet | ServiceSet) -> bool:
    """Products ship several names for "everything"."""
    return wide_addresses(cell) if isinstance(cell, AddressSet) else wide_services(cell)


@each_device
def duplicates(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no two objects of one kind hold exactly the same; an unresolved object is never compared."""
    device = review.device
    if not device.objects:
        return not_applicable(device.name, f"L'export de {device.name} ne contient aucun objet nommé.")
    same: dict[tuple[str, tuple[str, ...]], list[NamedObject]] = {}
    for item in device.objects:
        cell = _cell(device, item)
        if _members(cell) and not _everything(cell) and not cell.maybe and not cell.unresolved:
            same.setdefault((item.kind, _members(cell)), []).append(item)
    sets = [found for found in same.values() if len({item.name for item in found}) > 1]
    seen = evidence(device, plural(len(device.objects), "{n} objet examiné", "{n} objets examinés"))
    if not sets:
        return passed(device.name, "Aucun objet n'est défini deux fois sous des noms différents.", seen)
    message = plural(
        len(sets),
        "{n} objet est défini plusieurs fois sous des noms différents.",
        "{n} objets sont définis plusieurs fois sous des noms différents.",
    )
    return failed(device.name, message, seen, affected=tuple(_duplicate(device, found) for found in sets))


def _duplicate(device: Device, found: list[NamedObject]) -> Affected:
    names = sorted({item.name for item in found})
    first = min(found, key=lambda item: item.line)
    return Affected(
        id=f"{first.kind}:{','.join(_members(_cell(device, first)))[:200]}",
        label=f"objets {listed(names)}",
        detail=f"même contenu : {listed(_members(_cell(device, first)))}",
        kind="duplicate",
        ref=first.name,
        line=first.line or None,
        related=tuple(name for name in names if name != first.name),
    )


@each_device
def unused(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every object is named by a rule, a translation or a group."""
    device = review.device
    if not device.objects:
        return not_applicable(device.name, f"L'export de {device.name} ne contient aucun objet nommé.")
    found = [item for item in device.objects if not item.used]
    seen = evidence(device, f"{len(found)} sur {plural(len(device.objects), '{n} objet', '{n} objets')}")
    if not found:
        return passed(device.name, "Chaque objet sert à une règle, à une translation ou à un groupe.", seen)
    affected = distinct(
        thing(item.kind, item.name, "aucune règle ni aucun groupe ne le nomme", item.line, word="objet")
        for item in found
    )
    message = plural(len(affected), "{n} objet ne sert à rien.", "{n} objets ne servent à rien.")
    return failed(device.name, message, seen, affected=affected)


@each_device
def unresolved(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every object an active rule names is defined in the export."""
    device = review.device
    broken = [
        (rule, names)
        for _, rule in written(device)
        if (
            names := _broken(
                device.addresses[rule.source], device.addresses[rule.destination], device.services[rule.services]
            )
        )
    ]
    total = sum(1 for _ in written(device))
    if not total:
        return not_applicable(device.name, f"{device.name} n'a aucune règle écrite par un administrateur.")
    seen = evidence(device, plural(total, "{n} règle examinée", "{n} règles examinées"))
    if not broken:
        return passed(device.name, "Tous les objets nommés par les règles actives sont définis.", seen)
    affected = distinct(
        point(device, rule, "unresolved", f"objets introuvables : {listed(names)}", names) for rule, names in broken
    )
    message = plural(
        len(affected),
        "{n} règle nomme un objet qui n'existe pas dans l'export : personne ne peut dire ce qu'elle laisse passer.",
        "{n} règles nomment des objets qui n'existent pas dans l'export : personne ne peut dire ce qu'elles laissent "
        "passer.",
    )
    return failed(device.name, message, seen, affected=affected)


def _broken(*cells: AddressSet | ServiceSet) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_names(cells)))


def _names(cells: Iterable[AddressSet | ServiceSet]) -> Iterable[str]:
    for cell in cells:
        for why in cell.unresolved:
            if is_broken(why):
                yield why.partition(":")[2]
