"""Do the exported rules say what was tried from inside? When they do not, something else opens or closes the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from checks.common.french import count, listed
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.reach import Flow, Flows
from checks.firewall.controls.common import services_of
from checks.firewall.facts import Device, FirewallFacts
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.site.facts import SITE, SiteFacts
from checks.site.zones import leading_to
from checks.wifi.inside import signs
from checks.wifi.inside.config import STATION
from checks.wifi.inside.facts import NO_ANSWER, OPEN, UNUSED, Attempt, InsideFacts
from checks.wifi.inside.judge import place

SHOWN = 5


class Compared(NamedTuple):
    """One connection that was tried, with the rules that would let it through."""

    attempt: Attempt
    flows: tuple[Flow, ...]


def rules_and_facts(facts: SiteFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when every open connection is permitted by the rules; one against them passed by somewhere else."""
    wifi, firewall = facts.wifi, facts.firewall
    if isinstance(wifi, Gap):
        return [not_assessed(SITE, wifi)]
    if not wifi.inside:
        detail = "Aucun essai n'a été fait depuis l'intérieur d'un réseau Wi-Fi : il n'y a rien à comparer aux règles."
        return [not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    if isinstance(firewall, Gap):
        return [not_assessed(place(one), firewall) for one in wifi.inside]
    if len(firewall.devices) != 1:
        detail = "Plusieurs pare-feu sont exportés : lequel a vu l'essai n'est pas connu."
        return [not_assessed(SITE, Gap(reason=Reason.UNSUPPORTED, detail=detail))]
    return [_judge(one, firewall.devices[0], firewall) for one in wifi.inside]


def _judge(inside: InsideFacts, device: Device, firewall: FirewallFacts) -> Judgement:
    if misplaced := signs.misplaced(inside):
        return not_assessed(place(inside), misplaced)
    known = roles.roles_of(device, firewall.roles)
    zones = roles.with_role(known, inside.role)
    if not zones:
        title = roles.TITLES.get(inside.role, inside.role)
        detail = f"Aucune zone de {device.name} n'a le rôle « {title} » : le déclarer dans [firewall.roles]."
        return not_assessed(place(inside), Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    compared = list(_compare(inside, device, known, zones))
    if not compared:
        return not_applicable(place(inside), "Aucune connexion de l'essai ne traverse ce pare-feu.")
    against = [one for one in compared if not one.flows and one.attempt.outcome == OPEN]
    seen = [_evidence(one, device) for one in (against or compared)[:SHOWN]]
    if against:
        names = listed(f"{one.attempt.target} ({one.attempt.address}:{one.attempt.port})" for one in against)
        message = (
            f"{names} a répondu alors qu'aucune règle de {device.name} ne le permet : un autre chemin existe, "
            "ou l'export n'est pas celui du pare-feu en service."
        )
        return failed(place(inside), message, *seen, affected=tuple(_affected(one.attempt) for one in against))
    number = count(len(compared), "connexion comparée", "connexions comparées")
    message = f"Rien n'a répondu à l'essai que les règles de {device.name} ne permettent pas ({number})."
    return passed(place(inside), message, *seen)


def _affected(attempt: Attempt) -> Affected:
    ref = f"{attempt.address}:{attempt.port}"
    return Affected(id=f"tcp:{ref}", label=attempt.target, detail="répond malgré les règles", kind="against", ref=ref)


def _compare(
    inside: InsideFacts, device: Device, known: Mapping[str, str], zones: tuple[str, ...]
) -> Iterable[Compared]:
    """Connections that leave this network: between two stations of one network no firewall decides."""
    taken, flows = signs.intercepted(inside), Flows(device)
    for one in inside.attempts:
        crosses = one.kind not in (STATION, UNUSED) and not signs.neighbour(inside, one.address)
        answered = one.outcome in (OPEN, NO_ANSWER) and one.port not in taken and one.protocol == "tcp"
        if crosses and answered and _is_address(one.address):
            leading = leading_to(device, known, one.address, roles.PRO, roles.ADMIN)
            found = flows.reach(
                destinations=ip.from_ranges([one.address]),
                services=services_of(f"tcp/{one.port}"),
                in_zones=zones,
                out_zones=leading,
            )
            yield Compared(one, found)


def _is_address(text: str) -> bool:
    return text.replace(".", "").isdigit() or ":" in text


def _evidence(one: Compared, device: Device) -> Evidence:
    rules = listed(f"règle {flow.rule.ref}" for flow in one.flows)
    tried = "a répondu" if one.attempt.outcome == OPEN else "n'a pas répondu"
    return Evidence(
        value=f"{one.attempt.address} port {one.attempt.port} {tried} ; permis par : {rules or 'aucune règle'}",
        source=f"règles de {device.name} et essai de connexion",
    )
