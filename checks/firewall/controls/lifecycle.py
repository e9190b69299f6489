"""Rules that nobody explains, uses or needs any more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime

from checks.common.french import plural
from checks.firewall.controls.common import (
    distinct,
    each_device,
    evidence,
    is_past,
    moment,
    no_rule,
    point,
    unsupported,
    written,
    zones,
)
from checks.firewall.facts import DENY, PERMIT, Rule
from checks.firewall.review import DeviceReview
from checks.model import Affected, Context, Judgement, failed, not_applicable, passed

MINIMUM_DAYS = 30
"""A counter younger than that says nothing: some flows are monthly (payroll, invoicing)."""
_TEMPORARY = frozenset(
    "test tests temp tmp temporaire temporaires temporary provisoire provisoires essai essais poc debug".split()  # noqa: SIM905
)
_PHRASES = ("a supprimer", "to delete", "to be deleted", "a retirer", "to remove")
_UNTIL = re.compile(
    r"(?:jusqu'?\s?(?:au|a|en)?|expire(?:s|r)?(?:\s+le)?|fin(?:\s+le)?|until|avant\s+le)\s*:?\s*"
    r"(?:(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})|(\d{4})-(\d{2})-(\d{2}))"
)
_UNNAMED = re.compile(r"(?:rule|regle|policy|politique|new|nouvelle|clone of|copy of|copie de|any|[\s#_.:-]|\d)*")


@each_device
def explained(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every active rule has a comment, or a name that says something."""
    device = review.device
    rules = [rule for _, rule in written(device)]
    if not rules:
        return no_rule(device)
    found = [rule for rule in rules if not rule.comment.strip() and _says_nothing(rule)]
    seen = evidence(device, f"{len(found)} sur {plural(len(rules), '{n} règle active', '{n} règles actives')}")
    if not found:
        return passed(device.name, "Chaque règle active dit à quoi elle sert.", seen)
    affected = distinct(point(device, rule, "no-comment", "ni commentaire ni nom parlant") for rule in found)
    message = plural(
        len(affected),
        "{n} règle ne dit ni à quoi ni à qui elle sert.",
        "{n} règles ne disent ni à quoi ni à qui elles servent.",
    )
    return failed(device.name, message, seen, affected=affected)


def _says_nothing(rule: Rule) -> bool:
    return rule.ref.startswith(rule.name) or bool(_UNNAMED.fullmatch(_plain(rule.name)))


def _plain(text: str) -> str:
    """Lower case, without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


@each_device
def disabled(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no rule is kept disabled: one click would open it again."""
    device = review.device
    rules = [rule for _, rule in written(device, disabled=True)]
    if not rules:
        return no_rule(device)
    found = [rule for rule in rules if not rule.enabled]
    seen = evidence(device, f"{len(found)} sur {plural(len(rules), '{n} règle', '{n} règles')}")
    if not found:
        return passed(device.name, "Aucune règle désactivée n'est conservée.", seen)
    words = {PERMIT: "autorisation désactivée", DENY: "refus désactivé"}
    affected = distinct(
        point(device, rule, "disabled", f"{words[rule.action]}, {zones(device, rule)}") for rule in found
    )
    message = plural(len(affected), "{n} règle désactivée est conservée.", "{n} règles désactivées sont conservées.")
    return failed(device.name, message, seen, affected=affected)


@each_device
def temporary(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when no active rule is past its date or says that it was only for a while."""
    device = review.device
    rules = [rule for _, rule in written(device)]
    if not rules:
        return no_rule(device)
    found = [(rule, why) for rule in rules if (why := _outlived(rule, context.now))]
    seen = evidence(device, f"{len(found)} sur {plural(len(rules), '{n} règle active', '{n} règles actives')}")
    if not found:
        return passed(device.name, "Aucune règle active n'est périmée ni provisoire.", seen)
    affected = distinct(point(device, rule, "temporary", why) for rule, why in found)
    message = plural(
        len(affected), "{n} règle active est périmée ou provisoire.", "{n} règles actives sont périmées ou provisoires."
    )
    return failed(device.name, message, seen, affected=affected)


def _outlived(rule: Rule, now: datetime) -> str:
    """Why the rule should have gone; empty when it should not."""
    end = moment(rule.expires, end_of_day=True)
    if end is not None and is_past(rule.expires, now):
        return f"périmée depuis le {end:%d/%m/%Y}"
    text = _plain(f"{rule.name} {rule.comment} {rule.section}")
    for given in _UNTIL.finditer(text):
        stated = _date(given.groups())
        if stated is not None and stated < now.date():
            return f"prévue jusqu'au {stated:%d/%m/%Y} d'après son commentaire"
    words = set(re.findall(r"[a-z]+", text))
    if words & _TEMPORARY or any(phrase in text for phrase in _PHRASES):
        return f"se dit provisoire : « {(rule.comment or rule.name or rule.section)[:80]} »"
    return ""


def _date(groups: Iterable[str | None]) -> date | None:
    day, month, year, iso_year, iso_month, iso_day = (int(text) if text else 0 for text in groups)
    try:
        return date(year or iso_year, month or iso_month, day or iso_day)
    except ValueError:
        return None


@each_device
def unused(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when every permitting rule has served since its counter started, at least 30 days ago.

    Zero hit without a start date, or since less than 30 days, proves nothing.
    """
    device = review.device
    rules = [rule for _, rule in written(device) if rule.action == PERMIT]
    if not rules:
        return not_applicable(device.name, f"Aucune règle de {device.name} n'autorise de flux.")
    idle: list[Affected] = []
    alive = 0
    for rule in rules:
        start = moment(rule.hits_since)
        if rule.hits:
            alive += 1
        elif rule.hits == 0 and start is not None and (days := (context.now - start).days) >= MINIMUM_DAYS:
            idle.append(point(device, rule, "unused", f"aucun passage depuis {days} jours ({start:%d/%m/%Y})"))
    seen = evidence(device, f"{len(idle)} sans passage, {alive} utilisée(s), sur {len(rules)}")
    affected = distinct(idle)
    if affected:
        message = plural(len(affected), "{n} autorisation n'a jamais servi.", "{n} autorisations n'ont jamais servi.")
        return failed(device.name, message, seen, affected=affected)
    if alive < len(rules):
        return unsupported(device, _why_no_counter(rules))
    return passed(device.name, "Toutes les autorisations ont servi.", seen)


def _why_no_counter(rules: Iterable[Rule]) -> str:
    every = list(rules)
    if all(rule.hits is None for rule in every):
        return "L'export ne contient pas les compteurs de passage des règles."
    if any(rule.hits == 0 and not rule.hits_since for rule in every):
        return "Des règles ont un compteur à zéro, mais rien ne dit depuis quand : cela ne prouve rien."
    return (
        f"Des règles n'ont pas de compteur, ou un compteur qui a moins de {MINIMUM_DAYS} jours : trop tôt pour juger."
    )
