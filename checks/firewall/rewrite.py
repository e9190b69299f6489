"""The rewrite proposal: a shorter rule set with its proof, to be read by the person who runs the firewall.

Nothing is ever applied, and no vendor command is written: the administrator disables, watches, then deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from checks.common.french import count
from checks.firewall.algebra.compare import Difference
from checks.firewall.algebra.flatten import Policy
from checks.firewall.algebra.reduce import Proof, Proposal, by_use, prove, reduced
from checks.firewall.algebra.rules import SHADOWED, Anomaly, device_anomalies, key_of
from checks.firewall.facts import Chain, Device, FirewallFacts, Rule

SHOWN = 30
"""Differences and moved rules listed for one chain."""


def proposal(facts: FirewallFacts) -> str:
    """Text of the proposal for every firewall, in French, Markdown. Raises ValueError on facts somebody edited."""
    return "\n".join(line for device in facts.devices for line in _device(device)) + "\n"


def _device(device: Device) -> Iterator[str]:
    anomalies = {_key(anomaly): anomaly for anomaly in device_anomalies(device)}
    shorter = reduced(device)
    yield f"# Proposition de réécriture : {device.name} ({device.vendor})"
    yield ""
    yield "Proposition calculée, non appliquée. Désactiver d'abord les règles, observer deux semaines, puis supprimer."
    yield ""
    yield from _reduction(device, shorter, anomalies)
    yield from _moves(device, list(anomalies.values()))
    yield from _use(device)


def _key(anomaly: Anomaly) -> tuple[object, str]:
    return key_of(anomaly.rule, anomaly.chain), anomaly.kind


def _reduction(device: Device, shorter: Proposal, anomalies: dict[tuple[object, str], Anomaly]) -> Iterator[str]:
    yield "## 1. Règles à retirer, sans effet sur le trafic"
    yield ""
    if not shorter.removed:
        yield "Aucune règle active n'est de trop."
    else:
        total = sum(rule.enabled and not rule.automatic for chain in device.chains for rule in chain.rules)
        yield f"{count(len(shorter.removed), 'règle')} sur {total} :"
        yield ""
        why = {
            anomaly.rule: anomaly
            for anomaly in anomalies.values()
            if anomaly.kind in ("shadowed", "redundant", "empty")
        }
        for rule in shorter.removed:
            yield f"- {_named(device, rule)} : {_reason(why.get(rule))}"
    yield ""
    yield from _proof(shorter.proofs)


def _reason(anomaly: Anomaly | None) -> str:
    if anomaly is None:
        return "sans effet une fois les autres retirées"
    related = ", ".join(_short(rule) for rule in anomaly.related[:8])
    if anomaly.kind == "empty":
        return "ne peut rien sélectionner (objet vide)"
    if anomaly.direction == "downward":
        return f"la suite fait déjà la même chose ({related or 'politique par défaut'})"
    if anomaly.action_differs:
        return f"jamais atteinte, et son intention n'est pas respectée : masquée par {related} (voir partie 2)"
    return f"jamais atteinte, déjà couverte par {related}"


def _proof(proofs: Sequence[Proof]) -> Iterator[str]:
    yield "Preuve d'équivalence (tous les paquets, pas un échantillon) :"
    yield ""
    for proof in proofs:
        found = proof.comparison
        where = f"{proof.chain}, IPv{proof.family}"
        if found.differences:
            yield f"- {where} : {count(len(found.differences), 'différence')}"
            yield from (f"  - {_difference(proof.before, one)}" for one in found.differences[:SHOWN])
        elif found.complete:
            yield f"- {where} : équivalent, aucune différence"
        else:
            yield f"- {where} : non démontré (objets non résolus ou calcul trop long) ; ne pas appliquer sans vérifier"
    if not proofs:
        yield "- aucune chaîne de filtrage dans cet export"
    yield ""


def _difference(policy: Policy, one: Difference) -> str:
    packet = policy.describe(one.packet)
    text = ", ".join(f"{key}={value}" for key, value in packet.items() if key != "family")
    return (
        f"{text} : {_action(one.before.action)} par {_short(one.before.rule)} avant, "
        f"{_action(one.after.action)} par {_short(one.after.rule)} après"
    )


def _action(action: str) -> str:
    return {"permit": "autorisé", "deny": "bloqué"}.get(action, action)


def _moves(device: Device, anomalies: Sequence[Anomaly]) -> Iterator[str]:
    """Rules whose intention is lost: what would change if each stood before what hides it."""
    hidden = [anomaly for anomaly in anomalies if anomaly.kind == SHADOWED]
    yield "## 2. Règles dont l'intention est perdue : remonter ou supprimer, au choix de l'administrateur"
    yield ""
    if not hidden:
        yield "Aucune."
    for anomaly in hidden[:SHOWN]:
        yield from _move(device, anomaly)
    if len(hidden) > SHOWN:
        yield f"- … et {len(hidden) - SHOWN} autres règles masquées."
    yield ""


def _move(device: Device, anomaly: Anomaly) -> Iterator[str]:
    moved = _moved_up(device, anomaly)
    blockers = ", ".join(_short(rule) for rule in anomaly.related)
    yield f"- {_named(device, anomaly.rule)}, masquée par {blockers}."
    if moved is None:
        yield "  - La remonter demande de changer plusieurs listes de règles : à étudier à la main."
        return
    lines = 0
    for proof in prove(device, moved):
        for one in proof.comparison.differences[: SHOWN // 3]:
            lines += 1
            yield f"  - Si elle passe devant : {_difference(proof.before, one)}"
        if not proof.comparison.complete and not proof.comparison.differences:
            lines += 1
            yield f"  - {proof.chain}, IPv{proof.family} : effet non démontré (objets non résolus)."
    if not lines:
        yield "  - Si elle passe devant : rien ne change."


def _moved_up(device: Device, anomaly: Anomaly) -> Device | None:
    """The device with the rule before the first of its blockers, when all stand in one chain."""
    for chain in device.chains:
        rules = list(chain.rules)
        places = [rules.index(rule) for rule in anomaly.related if rule in rules]
        if anomaly.rule in rules and len(places) == len(anomaly.related) and places:
            rules.remove(anomaly.rule)
            rules.insert(min(places), anomaly.rule)
            new = msgspec.structs.replace(chain, rules=tuple(rules))
            return msgspec.structs.replace(device, chains=_with(device, chain, new))
    return None


def _with(device: Device, old: Chain, new: Chain) -> tuple[Chain, ...]:
    return tuple(new if chain is old else chain for chain in device.chains)


def _use(device: Device) -> Iterator[str]:
    yield "## 3. Ordre par usage"
    yield ""
    moved = by_use(device)
    if moved is None:
        yield "Pas de compteur d'usage dans l'export, ou l'ordre actuel convient déjà."
        return
    yield "Les règles les plus utilisées d'abord, sans que rien ne change :"
    yield ""
    for before, after in zip(device.chains, moved.chains, strict=True):
        if before.rules != after.rules:
            order = ", ".join(rule.ref for rule in after.rules[: SHOWN * 3] if rule.enabled)
            yield f"- {before.name} : {order}{', …' if len(after.rules) > SHOWN * 3 else ''}"
    yield ""
    yield from _proof(prove(device, moved))


def _named(device: Device, rule: Rule) -> str:
    file = device.files[rule.file].name if rule.file < len(device.files) else ""
    name = f" « {rule.name} »" if rule.name and rule.name != rule.ref else ""
    return f"règle {rule.ref}{name} ({file + ', ' if file else ''}ligne {rule.line})"


def _short(rule: Rule) -> str:
    if rule.automatic and not rule.line:
        return rule.name or "règle implicite"
    name = f" « {rule.name} »" if rule.name and rule.name != rule.ref else ""
    return f"{rule.ref}{name}"
