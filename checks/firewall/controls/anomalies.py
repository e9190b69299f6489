"""Rules that other rules make useless or ambiguous, proved against the union of the others."""

from __future__ import annotations

from collections.abc import Mapping

from checks.common.french import listed, plural
from checks.firewall.algebra.rules import (
    CORRELATION,
    DOWNWARD,
    EMPTY,
    GENERALISATION,
    REDUNDANT,
    SHADOWED,
    UNDETERMINED,
    Anomaly,
)
from checks.firewall.controls.common import base_chains, distinct, each_device, evidence, label, point
from checks.firewall.facts import DENY, PERMIT, Device
from checks.firewall.review import DeviceReview
from checks.model import (
    Affected,
    Context,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

_WHY = {
    "objects": "elle dépend d'objets dont le contenu n'est pas connu",
    "budget": "la preuve serait trop longue",
    "incomplete": "des appels de chaînes n'ont pas pu être suivis jusqu'au bout",
}
_NO_ONE = "aucune autre règle n'est en cause"


def _affected(device: Device, found: Anomaly) -> Affected:
    named = [label(rule) for rule in found.related]
    references = [rule.ref for rule in found.related]
    hidden = found.related_count - len(named)
    if hidden > 0:
        named.append(plural(hidden, "{n} autre règle", "{n} autres règles"))
        references.append(named[-1])
    return point(device, found.rule, found.kind, _detail(found, named), references, dict(found.witness or {}))


def _detail(found: Anomaly, named: list[str]) -> str:
    """What happens, the rules that cause it and one packet that shows it."""
    others = listed(named) or _NO_ONE
    texts = {
        SHADOWED: f"tout ce qu'elle {_verb(found)} est déjà décidé autrement, au moins en partie, par : {others}",
        REDUNDANT: f"tout ce qu'elle {_verb(found)} l'est déjà par : {others}",
        GENERALISATION: f"elle {_verb(found)} plus large que ces exceptions placées avant elle : {others}",
        CORRELATION: f"elle {_verb(found)} une partie de ce que décident en sens contraire : {others}",
        EMPTY: "aucun trafic ne peut lui correspondre : un de ses objets est vide",
        UNDETERMINED: _WHY.get(found.why, "raison inconnue"),
    }
    text = texts[found.kind]
    if found.kind == REDUNDANT and found.direction == DOWNWARD:
        text = f"ce qu'elle {_verb(found)} le serait de toute façon par des règles placées après : {others}"
    if found.kind == SHADOWED and not found.smallest:
        text += " (liste peut-être plus longue que nécessaire)"
    packet = _packet(found.witness)
    return f"{text} ; exemple : {packet}" if packet else text


def _verb(found: Anomaly) -> str:
    return "autorise" if found.rule.action == PERMIT else "refuse"


def _packet(witness: Mapping[str, str] | None) -> str:
    """`10.1.10.5 → 10.1.40.5 tcp/445`."""
    if not witness:
        return ""
    port = witness.get("dport") or witness.get("type")
    return f"{witness['src']} → {witness['dst']} {witness['proto']}{f'/{port}' if port else ''}"


def _deliberate(found: Anomaly) -> bool:
    """The product's own rule, or a refusal that only the product's default repeats: writing it is good practice."""
    repeated = found.direction == DOWNWARD and found.rule.action == DENY
    return found.rule.automatic or (repeated and all(rule.automatic for rule in found.related))


def _judge(review: DeviceReview, kind: str, bad: tuple[str, str], good: str) -> Judgement:
    """Fail on the anomalies of one kind; without any, conclude only when every rule could be decided."""
    device = review.device
    blamed = [found for found in review.anomalies if found.kind == kind and not _deliberate(found)]
    total = sum(not rule.automatic and rule.enabled for chain in device.chains for rule in chain.rules)
    seen = evidence(device, f"{len(blamed)} sur {plural(total, '{n} règle active', '{n} règles actives')}")
    if blamed:
        affected = distinct(_affected(device, found) for found in blamed)
        grave = kind == SHADOWED and any(found.action_differs and found.rule.action == DENY for found in blamed)
        severity = Severity.HIGH if grave else None
        return failed(device.name, plural(len(affected), *bad), seen, affected=affected, severity=severity)
    if not total:
        return not_applicable(device.name, f"{device.name} n'a aucune règle écrite par un administrateur.")
    doubt = None if kind == EMPTY else _undecided(review)
    return not_assessed(device.name, doubt) if doubt else passed(device.name, good, seen)


def _undecided(review: DeviceReview) -> Gap | None:
    """Why nothing can be concluded from the absence of an anomaly."""
    open_chains = [chain for chain in base_chains(review.device) if chain.rules and not chain.exact]
    if open_chains:
        why = listed(
            chain.why_not_exact or f"l'ordre des règles de {chain.name} n'est pas certain" for chain in open_chains
        )
        return Gap(reason=Reason.UNSUPPORTED, detail=f"Rien ne peut être prouvé sur toutes les règles : {why}.")
    number = sum(found.kind == UNDETERMINED for found in review.anomalies)
    if number:
        text = plural(number, "{n} règle n'a pas pu être décidée", "{n} règles n'ont pas pu être décidées")
        return Gap(reason=Reason.UNSUPPORTED, detail=f"Rien trouvé, mais {text} : voir FW-ANO-005.")
    return None


@each_device
def shadowed(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no rule is entirely hidden by those before it."""
    bad = (
        "{n} règle ne sert jamais : les règles placées avant elle décident à sa place.",
        "{n} règles ne servent jamais : les règles placées avant elles décident à leur place.",
    )
    return _judge(review, SHADOWED, bad, "Aucune règle n'est masquée par celles qui la précèdent.")


@each_device
def redundant(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no rule can be removed without changing anything."""
    bad = (
        "{n} règle peut être retirée sans rien changer au filtrage.",
        "{n} règles peuvent être retirées sans rien changer au filtrage.",
    )
    return _judge(review, REDUNDANT, bad, "Aucune règle n'est en double.")


@each_device
def generalisation(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no rule contains an earlier one of the other action; such exceptions are often wanted."""
    bad = (
        "{n} règle large contient une exception placée avant elle : vérifier que l'exception est voulue.",
        "{n} règles larges contiennent des exceptions placées avant elles : vérifier que ces exceptions sont voulues.",
    )
    return _judge(review, GENERALISATION, bad, "Aucune règle large n'a d'exception placée avant elle.")


@each_device
def correlation(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no two rules of opposite actions overlap in part: their order then changes what passes."""
    bad = (
        "{n} règle en croise une autre d'action contraire : changer leur ordre changerait le filtrage.",
        "{n} règles en croisent d'autres d'action contraire : changer leur ordre changerait le filtrage.",
    )
    return _judge(review, CORRELATION, bad, "Aucune règle n'en croise une autre d'action contraire.")


@each_device
def empty(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when something can match every rule: a group without members does not."""
    bad = (
        "{n} règle ne peut jamais s'appliquer : un de ses objets est vide.",
        "{n} règles ne peuvent jamais s'appliquer : un de leurs objets est vide.",
    )
    return _judge(review, EMPTY, bad, "Aucune règle ne porte sur un objet vide.")


@each_device
def undetermined(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every rule could be decided; lists those that could not, and why."""
    device = review.device
    found = [one for one in review.anomalies if one.kind == UNDETERMINED]
    if found:
        affected = distinct(_affected(device, one) for one in found)
        message = plural(
            len(affected),
            "{n} règle n'a pas pu être analysée jusqu'au bout : elle n'est déclarée ni utile ni inutile.",
            "{n} règles n'ont pas pu être analysées jusqu'au bout : elles ne sont déclarées ni utiles ni inutiles.",
        )
        return failed(device.name, message, evidence(device, f"{len(affected)} non décidée(s)"), affected=affected)
    doubt = _undecided(review)
    if doubt:
        return not_assessed(device.name, doubt)
    if not any(chain.rules for chain in device.chains):
        return not_applicable(device.name, f"{device.name} n'a aucune règle.")
    return passed(device.name, "Toutes les règles ont pu être décidées.", evidence(device, "0 règle non décidée"))
