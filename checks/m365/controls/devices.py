"""Computers and telephones that Intune manages."""

from __future__ import annotations

from datetime import timedelta

from checks.common.french import count
from checks.m365.controls.seen import Seen, Unclear, item, judged, sentence
from checks.m365.reading import lacks, licence_gap
from checks.m365.resources import INTUNE
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Context, Judgement

STALE_DAYS = 30
_COMPUTERS = ("windows", "macos", "mac os", "linux")


@judged
def secure_by_default(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a device that no compliance policy covers counts as not compliant."""
    settings = values.mapping(seen.setting("device_settings", "settings"), "settings")
    value = values.flag(settings, "secureByDefault")
    if value is None:
        raise Unclear(seen.unreadable("device_settings", "secureByDefault"))
    evidence = seen.proof("device_settings", f"secureByDefault = {value}")
    if value:
        return seen.passed("Un appareil sans règle de conformité est compté comme non conforme.", evidence)
    return seen.failed("Un appareil que rien ne contrôle est compté comme conforme, et passe partout.", evidence)


@judged
def devices(seen: Seen, context: Context) -> Judgement:
    """Conforms when every managed device is compliant, seen within 30 days, and encrypted when it is a computer."""
    if lacks(seen.facts, INTUNE):
        raise Unclear(licence_gap(INTUNE))
    rows = seen.rows("managed_devices", "complianceState", "lastSyncDateTime")
    if not rows:
        return seen.not_applicable("Intune ne gère aucun appareil.", seen.proof("managed_devices", "aucun appareil"))
    bad = []
    for row in rows:
        faults = _faults(row, seen, context)
        if faults:
            named = {**row, "displayName": values.text(row, "deviceName") or "appareil"}
            bad.append(item(named, "device", sentence(", ".join(faults))))
    evidence = seen.proof("managed_devices", f"{count(len(rows), 'appareil')}, dont {len(bad)} en défaut")
    if bad:
        message = (
            f"{len(bad)} sur {count(len(rows), 'appareil géré', 'appareils gérés')} en défaut : non conforme, non"
            " chiffré ou plus vu."
        )
        return seen.failed(message, evidence, affected=bad)
    return seen.passed(f"Tous les appareils gérés ({len(rows)}) sont conformes, et les postes chiffrés.", evidence)


def _faults(row: Row, seen: Seen, context: Context) -> list[str]:
    found = []
    state = values.word(row, "complianceState")
    if state in ("noncompliant", "conflict", "error"):
        found.append("non conforme")
    elif state not in ("compliant", "ingraceperiod"):
        seen.doubt(seen.unreadable("managed_devices", "complianceState"))
    seen_at = values.moment(row, "lastSyncDateTime")
    if seen_at is None:
        seen.doubt(seen.unreadable("managed_devices", "lastSyncDateTime"))
    elif context.now - seen_at > timedelta(days=STALE_DAYS):
        found.append(f"plus vu depuis {(context.now - seen_at).days} jours")
    if values.word(row, "operatingSystem").startswith(_COMPUTERS):
        encrypted = values.flag(row, "isEncrypted")
        if encrypted is None:
            seen.doubt(seen.unreadable("managed_devices", "isEncrypted"))
        elif not encrypted:
            found.append("non chiffré")
    return found
