"""Access points as products: who may administer them, and is their software the same and recent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.wifi.controls.common import (
    SITE,
    declared,
    each_ssid,
    few,
    no_export,
    of_config,
    offers,
    setting,
    unseen,
    unset,
)
from checks.wifi.facts import WifiFacts, WlanConfig
from checks.wifi.roles import ADMIN, PUBLIC, Own

UPDATED = "wifi_firmware_updated"
"""Question: date of the last update of the access points."""
MAX_DAYS = 365
"""Our own mark: makers of access points publish corrections several times a year."""
_CLEAR = frozenset({"http", "telnet", "ftp", "tftp", "snmpv1", "snmpv2", "snmpv2c"})


@each_ssid()
def management(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no administration service answers on the SSID; one for administration is not concerned."""
    if own.role == ADMIN:
        return not_applicable(own.ssid, f"« {own.ssid} » est le réseau d'administration.")
    if not own.configurations:
        return no_export(own, "L'accès à l'administration des bornes") if offers(own) else unseen(own)
    opened = [one for one in own.configurations if one.management]
    if opened:
        names = listed(name for one in opened for name in one.management or ())
        message = f"L'administration des bornes répond depuis « {own.ssid} » : {names}."
        return failed(
            own.ssid,
            message,
            *few(of_config(one, f"administration : {', '.join(one.management or ())}") for one in opened),
            affected=tuple(setting(one, "management", ", ".join(one.management or ())) for one in opened[:1]),
            severity=_severity(own, opened),
        )
    if any(one.management is None for one in own.configurations):
        return no_export(own, "L'accès à l'administration des bornes")
    seen = few(of_config(one, "aucun service d'administration") for one in own.configurations)
    return passed(own.ssid, f"L'administration des bornes ne répond pas depuis « {own.ssid} ».", *seen)


def _severity(own: Own, opened: Iterable[WlanConfig]) -> Severity | None:
    """Graver in the hands of the public and in clear, lighter from inside over an encrypted service."""
    clear = any(name.lower() in _CLEAR for one in opened for name in one.management or ())
    if own.role in PUBLIC:
        return Severity.CRITICAL if clear else None
    return None if clear else Severity.MEDIUM


def same_firmware(facts: WifiFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the exports give the version of every product, and only one per product."""
    if not facts.configurations:
        detail = "Aucun export de bornes ni de contrôleur n'a été fourni : version du micrologiciel inconnue."
        return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    versions: dict[str, dict[str, WlanConfig]] = defaultdict(dict)
    for one in facts.configurations:
        if one.firmware:
            versions[one.product].setdefault(one.firmware, one)
    several = {product: found for product, found in versions.items() if len(found) > 1}
    if several:
        affected = tuple(
            Affected(
                id=f"firmware:{product}:{version}",
                label=f"{product} {version}",
                detail=one.file,
                kind="firmware",
                ref=version,
            )
            for product, found in several.items()
            for version, one in sorted(found.items())
        )
        told = listed(f"{product} : {', '.join(sorted(found))}" for product, found in several.items())
        seen = few(of_config(one, f"{one.product} {version}") for f in several.values() for version, one in f.items())
        message = f"Toutes les bornes n'ont pas la même version ({told}) : certaines ont été oubliées."
        return failed(SITE, message, *seen, affected=affected)
    known = {(one.product, one.file) for one in facts.configurations if one.firmware}
    if silent := {(one.product, one.file) for one in facts.configurations} - known:
        names = listed(f"{product}, {file}" for product, file in sorted(silent))
        detail = f"Tous les exports ne donnent pas la version du micrologiciel (manque : {names})."
        return not_assessed(SITE, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    seen = few(of_config(one, f"{one.product} {version}") for f in versions.values() for version, one in f.items())
    told = listed(f"{product} {version}" for product, found in versions.items() for version in found)
    return passed(SITE, f"Le micrologiciel des bornes est connu et le même partout : {told}.", *seen)


def recent_update(facts: WifiFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the access points were updated less than a year ago, as declared in `wifi_firmware_updated`."""
    day = updated_on(context)
    if isinstance(day, Judgement):
        return day
    days = (context.now.date() - day).days
    seen: Evidence = declared(UPDATED, f"{day:%d/%m/%Y}")
    if days > MAX_DAYS:
        message = f"Les bornes n'ont pas été mises à jour depuis {count(days, 'jour')}."
        affected = (
            Affected(id="firmware", label="micrologiciel des bornes", detail=f"{day:%d/%m/%Y}", kind="firmware"),
        )
        return failed(SITE, message, seen, affected=affected)
    return passed(SITE, f"Les bornes ont été mises à jour le {day:%d/%m/%Y}.", seen)


def updated_on(context: Context) -> date | Judgement:
    """The declared day of the last update; what to answer when it is missing or no past date."""
    answer = context.answers.get(UPDATED)
    if answer is None or answer == "":
        return unset(UPDATED, "la date de la dernière mise à jour des bornes Wi-Fi")
    day = _date(answer)
    if day is None or day > context.now.date():
        detail = f"La réponse « {UPDATED} » n'est pas une date passée (exemple : 2026-03-15)."
        return not_assessed(SITE, Gap(reason=Reason.MALFORMED, detail=detail))
    return day


def _date(answer: object) -> date | None:
    """A TOML date, or a text that is one (an answer read again from a run)."""
    if isinstance(answer, datetime):
        return answer.date()
    if isinstance(answer, date):
        return answer
    try:
        return date.fromisoformat(answer[:10]) if isinstance(answer, str) else None
    except ValueError:
        return None
