"""Short facts shown at the head of the Microsoft 365 page of the report."""

from __future__ import annotations

from collections import Counter

from checks.common.french import choose, count, listed
from checks.m365.facts import Licences, M365Facts, Rows
from checks.m365.reading import has, lacks
from checks.m365.resources import P1
from checks.m365.views import values
from checks.m365.words import product
from checks.model import Gap, Reason

_SIGN_IN = {
    "device_code": "code d'appareil",
    "certificate": "certificat",
    "client_secret": "secret d'application",
    "token": "jeton collé",
    "import": "fichiers fournis",
}
_WHY = {
    Reason.PERMISSION: "par manque de permission",
    Reason.LICENCE: "par manque de licence",
    Reason.NOT_CONFIGURED: "non demandées",
}
_SHOWN = 8


def summary(facts: M365Facts) -> dict[str, str]:
    """French label to value: who, licences, accounts, how long logs are kept, how it was read, what was not."""
    tenant = facts.tenant
    found = {
        "Locataire": (
            " ".join(part for part in (tenant.name, f"({tenant.id})" if tenant.id else "") if part) or "inconnu"
        )
    }
    if tenant.domains:
        found["Domaines"] = listed(tenant.domains, _SHOWN)
    found["Licences"] = _licences(facts.licences)
    if accounts := _accounts(facts):
        found["Comptes"] = accounts
    found["Conservation des journaux"] = _retention(facts)
    found["Lecture"] = _reading(facts)
    if facts.writable:
        found["Droits en trop de l'audit"] = f"{listed(facts.writable, _SHOWN)} : à retirer"
    if unread := _unread(facts):
        found["Lectures impossibles"] = unread
    if facts.limits:
        found["Ce que les données ne montrent pas"] = " ".join(dict.fromkeys(facts.limits))
    return found


def _licences(found: Licences | Gap) -> str:
    if isinstance(found, Gap):
        return f"non lues : {found.detail}"
    named = (f"{units} {product(sku)}" for sku, units in sorted(found.skus.items(), key=lambda one: -one[1]))
    return listed(named, _SHOWN) or "aucune"


def _accounts(facts: M365Facts) -> str:
    found = facts.readings.get("users")
    if not isinstance(found, Rows) or "accountEnabled" in found.absent:
        return ""
    guests = sum(values.word(row, "userType") == "guest" for row in found.rows)
    active = sum(
        values.flag(row, "accountEnabled") is True and values.word(row, "userType") != "guest" for row in found.rows
    )
    more = "" if found.complete else " (lecture incomplète)"
    return f"{count(active, 'compte actif', 'comptes actifs')}, {count(guests, 'invité')}{more}"


def _retention(facts: M365Facts) -> str:
    """What the licences give: how long Microsoft keeps each log."""
    if has(facts, P1) is None:
        return "inconnue, licences non lues"
    days = 7 if lacks(facts, P1) else 30
    audit = "180 jours" if lacks(facts, "M365_ADVANCED_AUDITING") else "un an pour les comptes qui ont la licence"
    return f"connexions et annuaire {days} jours, audit {audit}"


def _reading(facts: M365Facts) -> str:
    how = _SIGN_IN.get(facts.authentication, "mode inconnu")
    traffic = facts.traffic
    if not traffic.requests:
        return how
    slowed = (
        f", {count(traffic.throttled, 'ralentissement')} demandé{choose(traffic.throttled, '', 's')} par Microsoft"
        if traffic.throttled
        else ""
    )
    return f"{how}, {count(traffic.requests, 'requête')}{slowed}"


def _unread(facts: M365Facts) -> str:
    reasons = Counter(_WHY.get(one.reason, "en échec") for one in facts.readings.values() if isinstance(one, Gap))
    return listed(f"{size} {why}" for why, size in reasons.most_common())
