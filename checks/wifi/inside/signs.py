"""How to read what came back: what was reached, and what prevents a conclusion. Pure functions.

An open port proves that the packet passed. A refusal is weaker: the machine may have said no (the packet passed), or a
filter may have answered in its place; an address nobody has tells which. Silence proves nothing alone: it is a filter
only if something else answered during the same test, and every port was really tried.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence

from checks.common.french import choose, count
from checks.model import Gap, Reason
from checks.wifi.inside.config import GATEWAY, STATION
from checks.wifi.inside.facts import (
    ERROR,
    NO_ANSWER,
    NOT_AUTHORISED,
    NOT_TRIED,
    OPEN,
    REFUSED,
    UNUSED,
    Attempt,
    InsideFacts,
    Portal,
)

WEB = (80, 443)
"""Ports a captive portal intercepts."""
NAMED = 8
"""Machines named in one sentence."""


def reached(facts: InsideFacts, tried: Iterable[Attempt]) -> list[Attempt]:
    """What the packets got to: open ports, and refusals that can only come from the machine."""
    taken = intercepted(facts)
    return [
        one
        for one in tried
        if (one.outcome == OPEN and one.port not in taken)
        or (one.outcome == REFUSED and by_machine(facts, one) and not closed_gateway(facts, one))
    ]


def closed_gateway(facts: InsideFacts, one: Attempt) -> bool:
    """The gateway of this very network says no: packets always get to it, and its administration is closed to them."""
    return one.outcome == REFUSED and one.kind == GATEWAY and neighbour(facts, one.address)


def witnesses(facts: InsideFacts) -> list[Attempt]:
    """What was tried at addresses nobody has."""
    return [one for one in facts.attempts if one.kind == UNUSED]


def intercepted(facts: InsideFacts) -> set[int]:
    """Ports on which a captive portal answers in the place of every machine.

    It is seen at an address nobody has; without such an address, a portal that shows itself is supposed to take the
    web ports.
    """
    nobody = witnesses(facts)
    taken = {one.port for one in nobody if one.outcome == OPEN}
    if isinstance(facts.portal, Portal) and facts.portal.redirected:
        clear = {one.port for one in nobody if one.outcome in {REFUSED, NO_ANSWER}}
        taken |= set(WEB) - clear
    return taken


def by_machine(facts: InsideFacts, refused: Attempt) -> bool:
    """Tell whether a refusal comes from the machine itself.

    It does on the same network (no filter answers between two stations), when an address nobody has stays silent, and
    when that very machine is silent on another port.
    """
    if refused.kind == STATION or neighbour(facts, refused.address):
        return True
    nobody = witnesses(facts)
    if any(one.outcome == REFUSED for one in nobody):
        return False
    silent = any(one.outcome == NO_ANSWER for one in nobody)
    mixed = any(one.address == refused.address and one.outcome == NO_ANSWER for one in facts.attempts)
    return silent or mixed


def neighbour(facts: InsideFacts, address: str) -> bool:
    """The address is in the declared range of this network."""
    try:
        return bool(facts.network) and ipaddress.ip_address(address) in ipaddress.ip_network(facts.network)
    except ValueError:
        return False


def misplaced(facts: InsideFacts) -> Gap | None:
    """Some packets left from somewhere else than the declared network: another Wi-Fi, or a cable."""
    if not facts.network:
        return None
    network = ipaddress.ip_network(facts.network)
    own = [ipaddress.ip_address(text.partition("%")[0]) for text in facts.own_addresses]
    strange = [one for one in own if one.version == network.version and not one.is_loopback and one not in network]
    if not strange:
        return None
    where = ", ".join(str(one) for one in strange)
    detail = f"L'essai a été fait depuis {where}, et non depuis {facts.network} : ce n'était pas ce réseau."
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)


def silence_gap(
    facts: InsideFacts,
    tried: Sequence[Attempt],
    what: str,
    control: Callable[[InsideFacts], str] | None = None,
) -> Gap | None:
    """Why silence is not a proof here; None when it is one."""
    if elsewhere := misplaced(facts):
        return elsewhere
    if not tried:
        return Gap(reason=Reason.NOT_CONFIGURED, detail="Aucune machine à essayer n'est déclarée.")
    refused = [one for one in tried if one.outcome == NOT_AUTHORISED]
    if len(refused) == len(tried):
        detail = f"Le mandat ne permet pas d'essayer {what} ({refused[0].detail or refused[0].address})."
        return Gap(reason=Reason.PERMISSION, detail=detail)
    unknown = [one for one in tried if one.outcome in {ERROR, NOT_TRIED}]
    if unknown:
        first = unknown[0]
        number = count(len(unknown), "connexion")
        verb = choose(len(unknown), "n'a pas pu être essayée", "n'ont pas pu être essayées")
        why = f"{first.address} port {first.port} : {first.detail or first.outcome}"
        return Gap(reason=Reason.ERROR, detail=f"Pour {what}, {number} sur {len(tried)} {verb} ({why}).")
    if any(one.outcome == NO_ANSWER for one in tried) and not (control or alive)(facts):
        detail = f"Pour {what}, le silence ne prouve rien : aucune réponse ne montre que ce poste était bien connecté."
        return Gap(reason=Reason.UNREACHABLE, detail=detail)
    return None


def doubt(facts: InsideFacts, tried: Sequence[Attempt], what: str) -> Gap | None:
    """Why nothing reached is not yet a good separation; None when it is."""
    return silence_gap(facts, tried, what) or portal_gap(facts, tried) or refusal_gap(facts, tried)


def portal_gap(facts: InsideFacts, tried: Iterable[Attempt]) -> Gap | None:
    """A captive portal answers in the place of the machines."""
    taken = [one for one in tried if one.outcome == OPEN and one.port in intercepted(facts)]
    if not taken:
        return None
    detail = f"Un portail d'accueil répond à la place de {listed(taken)} : refaire l'essai après l'avoir passé."
    return Gap(reason=Reason.UNSUPPORTED, detail=detail)


def refusal_gap(facts: InsideFacts, tried: Iterable[Attempt]) -> Gap | None:
    """Refusals that may come from the machine as well as from a filter; None when they come from a filter."""
    refused = [one for one in tried if one.outcome == REFUSED and not closed_gateway(facts, one)]
    if not refused or any(one.outcome == REFUSED for one in witnesses(facts)):
        return None
    detail = (
        f"{listed(refused)} : la connexion est refusée, par la machine ou par un filtre à sa place. "
        "Déclarer une adresse inutilisée du même réseau permettra de trancher."
    )
    return Gap(reason=Reason.UNSUPPORTED, detail=detail)


def alive(facts: InsideFacts) -> str:
    """What shows that this machine was really connected, as a French clause; empty when nothing does."""
    for one in facts.attempts:
        certain = one.must_answer or one.kind == STATION or neighbour(facts, one.address)
        if one.kind != UNUSED and (one.outcome == OPEN or (one.outcome == REFUSED and certain)):
            return f"pendant le même essai, {one.target} ({one.address} port {one.port}) répond"
    if isinstance(facts.lookups, tuple):
        for lookup in facts.lookups:
            if lookup.answered:
                return f"pendant le même essai, le DNS {lookup.server} répond"
    if opened := next((one for one in facts.egress if one.outcome == OPEN), None):
        return f"pendant le même essai, {opened.address} port {opened.port} répond"
    if isinstance(facts.portal, Portal):
        return f"pendant le même essai, {facts.portal.url} répond"
    if said := next((one for one in witnesses(facts) if one.outcome == REFUSED), None):
        return f"un filtre refuse, même pour {said.address} que personne n'a"
    return ""


def answers_ipv6(facts: InsideFacts) -> str:
    """Something answered in IPv6: without it, this network may simply have none."""
    answered = (
        one for one in (*facts.attempts, *facts.egress) if one.outcome in {OPEN, REFUSED} and ":" in one.address
    )
    return next((one.address for one in answered), "")


def listed(attempts: Iterable[Attempt]) -> str:
    """`contrôleur de domaine 10.10.0.10 (445, 389) et imprimante 10.10.0.40 (9100)`."""
    machines: dict[tuple[str, str], list[str]] = {}
    for one in attempts:
        machines.setdefault((one.target, one.address), []).append(str(one.port))
    named = [
        f"{target} ({', '.join(ports)})" if target == address else f"{target} {address} ({', '.join(ports)})"
        for (target, address), ports in machines.items()
    ]
    if len(named) > NAMED:
        named = [*named[:NAMED], count(len(named) - NAMED, "autre")]
    return " et ".join(filter(None, (", ".join(named[:-1]), named[-1])))
