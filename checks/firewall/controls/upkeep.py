"""The firewall as a product: is it still corrected, and did we understand all of its export?"""

from __future__ import annotations

from datetime import date

from checks.common.french import plural
from checks.firewall.controls.common import each_device, evidence, source, unsupported
from checks.firewall.facts import Device, NotUnderstood
from checks.firewall.firmware import PAST, life, table
from checks.firewall.review import DeviceReview
from checks.model import Affected, Context, Judgement, Severity, failed, passed

HARMLESS = "aucun sur le filtrage"
"""What a parser writes of a directive that cannot change the filtering."""
_LONG = 365
"""Days without correction after which public attacks are the rule."""
_SOON = 180
"""Days before the end worth announcing."""


@each_device
def supported_firmware(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when the vendor still corrects this version; a version our table does not know is not judged."""
    device = review.device
    if not device.firmware:
        return unsupported(device, f"L'export de {device.name} n'indique pas la version du micrologiciel.")
    known = life(device.vendor, device.firmware)
    origin = table().source
    if known is None:
        where = f"notre table de fins de support ({origin.title}, {origin.date})"
        return unsupported(device, f"La version {device.firmware} n'est pas dans {where}.")
    seen = evidence(device, f"{known.title} {device.firmware} ; table {origin.title} du {origin.date}")
    name = f"{known.title} {known.release}"
    if known.end == PAST:
        return failed(
            device.name, f"{name} n'est plus corrigé par son éditeur.", seen, affected=_firmware(device, "fin passée")
        )
    if not known.end:
        return passed(device.name, f"{name} est encore corrigé par son éditeur.", seen)
    left = (date.fromisoformat(known.end) - context.now.date()).days
    day = f"{date.fromisoformat(known.end):%d/%m/%Y}"
    if left < 0:
        severity = Severity.CRITICAL if left < -_LONG else None
        affected = _firmware(device, f"plus de correctif depuis le {day}")
        return failed(
            device.name,
            f"{name} n'est plus corrigé par son éditeur depuis le {day}.",
            seen,
            affected=affected,
            severity=severity,
        )
    soon = " : prévoir la mise à niveau" if left < _SOON else ""
    return passed(device.name, f"{name} est corrigé par son éditeur jusqu'au {day}{soon}.", seen)


def _firmware(device: Device, detail: str) -> tuple[Affected, ...]:
    return (
        Affected(
            id="firmware",
            label=f"micrologiciel {device.firmware}",
            detail=detail,
            kind="firmware",
            ref=device.firmware,
        ),
    )


@each_device
def understood(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every directive of the export was understood; lists the others and what they leave in doubt."""
    device = review.device
    found = device.not_understood
    lines = sum(file.lines for file in device.files)
    seen = evidence(device, plural(lines, "{n} ligne lue", "{n} lignes lues"))
    if not found:
        return passed(device.name, "Toutes les directives de l'export ont été comprises.", seen)
    grave = [one for one in found if one.effect != HARMLESS]
    affected = tuple(
        {item.id: item for item in (_directive(device, one) for one in (*grave, *_others(found)))}.values()
    )
    if grave:
        message = plural(
            len(grave),
            "{n} directive n'a pas été comprise : ce qui en dépend reste indéterminé.",
            "{n} directives n'ont pas été comprises : ce qui en dépend reste indéterminé.",
        )
        return failed(device.name, message, seen, affected=affected, severity=Severity.LOW)
    message = plural(
        len(found),
        "{n} directive n'a pas été comprise, sans effet sur le filtrage.",
        "{n} directives n'ont pas été comprises, sans effet sur le filtrage.",
    )
    return failed(device.name, message, seen, affected=affected)


def _others(found: tuple[NotUnderstood, ...]) -> list[NotUnderstood]:
    return [one for one in found if one.effect == HARMLESS]


def _directive(device: Device, one: NotUnderstood) -> Affected:
    return Affected(
        id=f"directive:{one.text}",
        label=one.text,
        detail=f"{source(device, one.line, one.file)} ; effet : {one.effect}",
        kind="not-understood",
        ref=one.text[:40],
        line=one.line or None,
    )
