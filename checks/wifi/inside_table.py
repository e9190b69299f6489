"""What a machine that joined a network reaches: one table per test, machines by ports. Pure.

The verdict is the sentence of `inside.judge`, and what was reached is what `inside.signs` says: this only lays it out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from checks.common.exhibits import MAX_COLUMNS, Cell, Table
from checks.common.french import count
from checks.model import Level
from checks.wifi.inside import judge, signs
from checks.wifi.inside.config import DUI, EQUIPMENT, NAS, PRINTER, SERVER, STATION
from checks.wifi.inside.facts import (
    ERROR,
    EXTERNAL,
    NO_ANSWER,
    NOT_AUTHORISED,
    NOT_TRIED,
    OPEN,
    REFUSED,
    UNUSED,
    Attempt,
    InsideFacts,
)

IPV6 = "ipv6"
"""Kind of the machine that is tried by its IPv6 address only."""
LEVELS: Mapping[str, Level] = {
    SERVER: Level.CRITICAL,
    NAS: Level.CRITICAL,
    DUI: Level.CRITICAL,
    IPV6: Level.HIGH,
    **dict.fromkeys(EQUIPMENT, Level.HIGH),
    PRINTER: Level.MEDIUM,
    STATION: Level.MEDIUM,
    EXTERNAL: Level.MEDIUM,
}
"""How grave it is to reach each kind of machine: as the control that judges it. A test compares both."""
_EVERYWHERE = (*EQUIPMENT, STATION, EXTERNAL)
"""Kinds that a professional station should not reach either."""
KINDS: Mapping[str, str] = {
    SERVER: "serveur",
    NAS: "stockage",
    DUI: "dossier des usagers",
    "gateway": "passerelle",
    "access_point": "borne",
    "switch": "commutateur",
    PRINTER: "imprimante",
    STATION: "appareil voisin",
    EXTERNAL: "Internet",
    UNUSED: "adresse sans machine",
    IPV6: "machine en IPv6",
}
WORDS: Mapping[str, str] = {
    OPEN: "répond",
    REFUSED: "refuse",
    NO_ANSWER: "silence",
    NOT_AUTHORISED: "hors mandat",
    ERROR: "erreur",
    NOT_TRIED: "non essayé",
}
MAX_MACHINES = 1_000
_MACHINE = ("Machine", "Adresse", "Nature")
_PORTS = MAX_COLUMNS - len(_MACHINE) - 1
_NOTHING = Cell()


def inside_exhibits(inside: Iterable[InsideFacts]) -> tuple[Table, ...]:
    """One table per network that was joined, its verdict in one sentence above it."""
    return tuple(_table(one) for one in inside)


def _table(facts: InsideFacts) -> Table:
    tried = [*facts.attempts, *facts.egress, *((facts.ipv6,) if facts.ipv6 else ())]
    machines: dict[tuple[str, str, str], dict[str, Attempt]] = {}
    for one in tried:
        machines.setdefault((one.target, one.address, one.kind), {})[_port(one)] = one
    ports, rare = _columns(tried)
    reached = frozenset() if signs.misplaced(facts) else frozenset(signs.reached(facts, filter(_tells, tried)))
    ordered = sorted(machines.items(), key=lambda item: _place(item[0][2], item[1].values(), reached))
    rows = [_row(facts, machine, answers, ports, rare, reached) for machine, answers in ordered]
    name = f" (« {facts.ssid} »)" if facts.ssid else ""
    return Table(
        title=f"Essai depuis le {judge.NAMES[facts.role]}{name}",
        columns=(*_MACHINE, *ports, *(("Autres ports",) if rare else ())),
        rows=tuple(rows[:MAX_MACHINES]),
        lead=judge.sentence(facts),
        note=_note(len(rows)),
    )


def _place(kind: str, answers: Iterable[Attempt], reached: Collection[Attempt]) -> int:
    """What was reached first, the way out and the addresses that nobody has last."""
    if kind in {EXTERNAL, UNUSED}:
        return 2 if kind == EXTERNAL else 3
    return 0 if any(one in reached and not one.must_answer for one in answers) else 1


def _note(machines: int) -> str:
    if not machines:
        return "Rien n'a été essayé."
    left = machines - MAX_MACHINES
    more = f" {count(left, 'autre machine essayée', 'autres machines essayées')} sans ligne." if left > 0 else ""
    return f"{_HOW}{more}"


_HOW = (
    "« Répond » : un service a accepté la connexion, aussitôt refermée. « Refuse » : une machine, ou un filtre à sa "
    "place, a dit non. « Silence » : rien n'est revenu. « – » : port non essayé sur cette machine."
)


def _tells(one: Attempt) -> bool:
    """In UDP, only an answer proves something."""
    return one.protocol == "tcp" or one.outcome == OPEN


def _port(one: Attempt) -> str:
    return f"{one.port}/{one.protocol}" if one.protocol != "tcp" else str(one.port)


def _columns(tried: Iterable[Attempt]) -> tuple[tuple[str, ...], Collection[str]]:
    """Ports with a column, by number, and those that share the last one: the least tried."""
    tries: dict[str, int] = {}
    for one in tried:
        tries[_port(one)] = tries.get(_port(one), 0) + 1
    common = sorted(tries, key=lambda port: -tries[port])[:_PORTS]
    numbered = sorted(common, key=lambda port: int(port.partition("/")[0]))
    return tuple(numbered), tries.keys() - set(common)


def _row(
    facts: InsideFacts,
    machine: tuple[str, str, str],
    answers: Mapping[str, Attempt],
    ports: Iterable[str],
    rare: Collection[str],
    reached: Collection[Attempt],
) -> tuple[Cell, ...]:
    target, address, kind = machine
    cells = {port: _cell(facts, one, reached) for port, one in answers.items()}
    named = (Cell(text=target), Cell(text=address), Cell(text=KINDS.get(kind, kind)))
    others = [(port, cell) for port, cell in cells.items() if port in rare]
    return (*named, *(cells.get(port, _NOTHING) for port in ports), *((_joined(others),) if rare else ()))


def _joined(cells: Iterable[tuple[str, Cell]]) -> Cell:
    """Several ports in one cell, as grave as the gravest."""
    found = list(cells)
    order = (Level.CRITICAL, Level.HIGH, Level.MEDIUM, Level.LOW, Level.UNKNOWN)
    return Cell(
        text=", ".join(f"{port} {cell.text}" for port, cell in found),
        level=next((level for level in order if any(cell.level is level for _, cell in found)), Level.NONE),
        detail=" ".join(cell.detail for _, cell in found if cell.detail),
    )


def _cell(facts: InsideFacts, one: Attempt, reached: Collection[Attempt]) -> Cell:
    text = WORDS[one.outcome]
    if one.kind == UNUSED:
        return Cell(text=text)
    if one.must_answer:
        return Cell(text=f"{text} (prévu)" if one.outcome == OPEN else text)
    if one in reached:
        return _reached(facts, one, text)
    if why := _doubt(facts, one):
        return Cell(text=text, level=Level.UNKNOWN, detail=why)
    return Cell(text=text)


def _reached(facts: InsideFacts, one: Attempt, text: str) -> Cell:
    """Grave only when nobody of this network should get there; a refusal proves less than an open port."""
    if facts.role == judge.PRO and one.kind not in _EVERYWHERE:
        return Cell(text=text)
    if one.kind == EXTERNAL:
        return (
            Cell(text=text, level=LEVELS[EXTERNAL], detail=f"{_named(one)} : la sortie n'est pas filtrée.")
            if (one.outcome == OPEN)
            else Cell(text=text)
        )
    if one.outcome == OPEN:
        return Cell(text=text, level=LEVELS.get(one.kind, Level.MEDIUM), detail=f"{_named(one)} est ouvert d'ici.")
    return Cell(text=text, level=Level.LOW, detail=f"{_named(one)} : le refus vient de la machine, rien ne filtre.")


def _named(one: Attempt) -> str:
    return f"{one.target}, port {_port(one)}"


def _doubt(facts: InsideFacts, one: Attempt) -> str:
    """Why an answer that reached nothing proves nothing; empty when it shows a filter."""
    if misplaced := signs.misplaced(facts):
        return misplaced.detail
    if one.outcome in {NOT_AUTHORISED, ERROR, NOT_TRIED}:
        return one.detail or f"{_named(one)} n'a pas été essayé."
    if one.outcome == OPEN:
        return f"{_named(one)} : un portail d'accueil répond à la place de la machine."
    if one.outcome == REFUSED:
        filtered = signs.closed_gateway(facts, one) or any(o.outcome == REFUSED for o in signs.witnesses(facts))
        return "" if filtered else f"{_named(one)} : la machine ou un filtre a refusé, on ne sait pas lequel."
    if one.protocol != "tcp":
        return f"{_named(one)} : sans mot de passe, le silence d'un service UDP ne prouve rien."
    return "" if signs.alive(facts) else f"{_named(one)} : rien ne montre que ce poste était bien connecté."
