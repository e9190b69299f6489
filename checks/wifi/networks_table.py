"""The table of networks: what each SSID offers, ours first by what it is for, then the names around.

Levels are not decided here: a cell of ours is as grave as the worst of the controls that judge what it shows, and its
detail is what that control says. A neighbour's network is described, never judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from checks.common.exhibits import Cell, Table
from checks.common.french import count
from checks.common.text import clean
from checks.model import Context, Judgement, Level, Severity, Verdict
from checks.wifi.capture.suites import ENTERPRISE, PSK, SAE
from checks.wifi.controls import access_points, encryption, separation, setup, six
from checks.wifi.controls.common import PMF_WORDS, WORDS, offers, pmf_rank
from checks.wifi.facts import EXPORT, WPS_ABSENT, WPS_CONFIGURED, WPS_UNCONFIGURED, Network, WifiFacts
from checks.wifi.roles import PUBLIC, TITLES, Own, neighbours, own_ssids

COLUMNS = (
    "Réseau", "Usage", "Chiffrement", "Entrée", "PMF", "WPS", "Séparation", "Isolement", "Canaux", "Bornes",
    "Signal (dBm)", "Source",
)  # fmt: skip
FOREIGN_ROWS = 5_000
"""Names around that the table lists, the strongest first; the others are counted."""
NAME_SHOWN = 40
"""Characters of an SSID, which has 32 bytes at most; bytes that are no text take four each."""
FILES_SHOWN = 2

Control = Callable[[WifiFacts, Context], list[Judgement]]


class Judge(NamedTuple):
    """A control that judges what a column shows."""

    control: Control
    severity: Severity
    """As the catalogue says, unless the judgement says otherwise. A test compares both."""
    doubt: bool = True
    """A control without a verdict puts a question mark in the cell."""


JUDGES: Mapping[str, tuple[Judge, ...]] = {
    "Chiffrement": (
        Judge(encryption.professional, Severity.CRITICAL),
        Judge(encryption.no_old_cipher, Severity.HIGH),
        Judge(encryption.current_generation, Severity.LOW),
        Judge(encryption.open_network, Severity.MEDIUM),
        Judge(six.six_gigahertz, Severity.MEDIUM, doubt=False),
    ),
    "Entrée": (Judge(encryption.individual_authentication, Severity.MEDIUM),),
    "PMF": (Judge(encryption.management_frames, Severity.MEDIUM),),
    "WPS": (Judge(setup.wps_off, Severity.HIGH),),
    "Séparation": (Judge(separation.apart_from_professional, Severity.HIGH),),
    "Isolement": (Judge(separation.isolated_stations, Severity.MEDIUM),),
    # Without an inventory no access point can be told from an imitation: one sentence says it, not each row.
    "Bornes": (Judge(access_points.unknown_radios, Severity.HIGH, doubt=False),),
}
_CONTEXT = Context(now=datetime.min.replace(tzinfo=UTC))
"""None of these controls reads the clock nor the answers."""

_ORDER = {role: number for number, role in enumerate(TITLES)}


def networks_table(facts: WifiFacts) -> Table | None:
    """Ours by role, then the names around, the strongest first. None when there is no network at all.

    A column that says nothing of any network is left out.
    """
    ours = sorted(own_ssids(facts), key=lambda one: (_ORDER.get(one.role, len(_ORDER)), one.ssid))
    verdicts = {column: _verdicts(facts, judges) for column, judges in JUDGES.items()}
    rows = [_row(one, _role(one), {c: found.get(one.ssid) for c, found in verdicts.items()}) for one in ours]
    foreign: dict[str, list[Network]] = defaultdict(list)
    for network in neighbours(facts):
        foreign[network.ssid].append(network)
    around = sorted(foreign.items(), key=lambda item: -_strongest(item[1]))
    rows += [
        _row(_stranger(facts, ssid, found), Cell(text="voisin ou inconnu"), {}) for ssid, found in around[:FOREIGN_ROWS]
    ]
    if not rows:
        return None
    kept = [n for n in range(len(COLUMNS)) if any(row[n].text or row[n].level is not Level.NONE for row in rows)]
    return Table(
        title="Réseaux Wi-Fi et leurs protections",
        columns=tuple(COLUMNS[n] for n in kept),
        rows=tuple(tuple(row[n] for n in kept) for row in rows),
        note=_note(facts, ours, foreign),
    )


def _note(facts: WifiFacts, ours: Iterable[Own], foreign: Mapping[str, list[Network]]) -> str:
    radios = {network.bssid for found in foreign.values() for network in found}
    mine = list(ours)
    parts = [
        f"{count(len(mine), 'réseau', 'réseaux')} de l'établissement, par usage"
        if mine
        else "Aucun réseau connu de l'établissement"
    ]
    if foreign:
        names = count(len(foreign), "nom voisin ou inconnu", "noms voisins ou inconnus")
        parts.append(
            f"puis {names} ({count(len(radios), 'borne')}), du mieux reçu au moins bien : décrits, jamais jugés"
        )
    text = f"{', '.join(parts)}."
    if hidden := max(0, len(foreign) - FOREIGN_ROWS):
        text += f" {count(hidden, 'autre nom voisin', 'autres noms voisins')} sans ligne."
    if mine and any(one.guessed and one.role for one in mine):
        text += " Un usage déduit du nom est à confirmer dans le profil de site."
    if not facts.declared_bssids and mine:
        text += " Sans liste de vos bornes (access_points), une imitation ne se reconnaît pas."
    return text


def _stranger(facts: WifiFacts, ssid: str, found: list[Network]) -> Own:
    """A neighbour's network in the shape of ours, to describe it in the same words."""
    return Own(ssid=ssid, role="", guessed=False, networks=tuple(found), strangers=(), configurations=(), facts=facts)


# --- What the controls say


class _Said(NamedTuple):
    level: Level
    detail: str


_GRAVITY = (Level.CRITICAL, Level.HIGH, Level.MEDIUM, Level.LOW, Level.INFO, Level.UNKNOWN, Level.NONE)


def _verdicts(facts: WifiFacts, judges: Iterable[Judge]) -> dict[str, _Said]:
    """SSID to the worst that the controls of one column say of it."""
    worst: dict[str, _Said] = {}
    for judge in judges:
        for judgement in judge.control(facts, _CONTEXT):
            said = _said(judge, judgement)
            known = worst.get(judgement.subject)
            if known is None or _GRAVITY.index(said.level) < _GRAVITY.index(known.level):
                worst[judgement.subject] = said
    return worst


def _said(judge: Judge, judgement: Judgement) -> _Said:
    if judgement.verdict is Verdict.FAIL:
        return _Said(Level(str(judgement.severity or judge.severity)), judgement.message)
    if judgement.verdict is Verdict.NOT_ASSESSED and judge.doubt:
        return _Said(Level.UNKNOWN, judgement.message)
    return _Said(Level.NONE, "")


# --- Cells


def _row(own: Own, role: Cell, said: Mapping[str, _Said | None]) -> tuple[Cell, ...]:
    heard = [network for network in (*own.networks, *own.strangers) if network.source != EXPORT]
    texts = {
        "Chiffrement": _encryption(own),
        "Entrée": _entry(own),
        "PMF": _pmf(own),
        "WPS": _wps(own),
        "Séparation": _separation(own, said.get("Séparation")),
        "Isolement": _isolation(own),
        "Canaux": channels(heard),
        "Bornes": str(len({network.bssid for network in heard})) if heard else "",
        "Signal (dBm)": _signal(heard),
        "Source": _sources(own),
    }
    name = Cell(text=clean(own.ssid, NAME_SHOWN) if own.ssid else "(nom masqué)")
    return (name, role, *(_cell(texts[column], said.get(column)) for column in COLUMNS[2:]))


def _cell(text: str, said: _Said | None) -> Cell:
    return Cell(text=text, level=said.level, detail=said.detail) if said else Cell(text=text)


def _role(own: Own) -> Cell:
    if not own.role:
        detail = f"Personne n'a dit à quoi sert « {own.ssid} » : le déclarer dans [wifi.ssids] du profil de site."
        return Cell(text="inconnu", level=Level.UNKNOWN, detail=detail)
    return Cell(text=TITLES[own.role] + (" (déduit du nom)" if own.guessed else ""))


def _encryption(own: Own) -> str:
    words = dict.fromkeys(word for offer in offers(own) for word in offer.encryption.split("-"))
    return " / ".join(_SHORT.get(word) or WORDS.get(word, word) for word in words)


_SHORT = {"open": "ouvert", "owe": "OWE"}
"""Words that a narrow column has room for; the next one says that anybody enters."""


def _entry(own: Own) -> str:
    """How one gets in."""
    found = offers(own)
    families = {family for offer in found for family in offer.families}
    kinds = (
        ("compte (802.1X)", ENTERPRISE in families),
        ("mot de passe", bool(families & {PSK, SAE})),
        ("libre", any(offer.words & {"open", "owe"} for offer in found)),
    )
    return " / ".join(title for title, present in kinds if present)


def _pmf(own: Own) -> str:
    """The least protection that a radio or a setting gives."""
    told = [offer.pmf for offer in offers(own) if offer.pmf and not offer.words <= {"open", "wep", "wpa"}]
    return PMF_WORDS.get(least := min(told, key=pmf_rank), least).removeprefix("PMF ") if told else ""


def _wps(own: Own) -> str:
    states = {network.wps for network in (*own.networks, *own.strangers)}
    if states & {WPS_CONFIGURED, WPS_UNCONFIGURED} or any(one.wps for one in own.configurations):
        on = [network for network in own.networks if network.wps in {WPS_CONFIGURED, WPS_UNCONFIGURED}]
        return "actif, verrouillé" if on and all(network.locked for network in on) else "actif"
    off = any(one.wps is False for one in own.configurations)
    return "non" if states == {WPS_ABSENT} or (not states and off) else ""


def _separation(own: Own, said: _Said | None) -> str:
    """Its VLAN, and whether something else is shared with an internal network."""
    numbers = sorted({one.vlan for one in own.configurations if one.vlan is not None})
    shared = said is not None and said.level not in {Level.NONE, Level.UNKNOWN}
    parts = [f"VLAN {', '.join(str(number) for number in numbers)}" if numbers else "", "non séparé" if shared else ""]
    return ", ".join(part for part in parts if part)


def _isolation(own: Own) -> str:
    told = {one.isolation for one in own.configurations} if own.role in PUBLIC else set()
    return "non" if False in told else "oui" if told == {True} else ""


_BANDS = ("2.4", "5", "6", "60")


def channels(found: Iterable[Network]) -> str:
    """`2,4 GHz : 1, 6 ; 5 GHz : 36`; the band alone when its channels are not known."""
    seen: dict[str, set[int]] = defaultdict(set)
    for network in found:
        if network.band:
            seen[network.band].update(() if network.channel is None else (network.channel,))
    parts = []
    for band in sorted(seen, key=lambda one: _BANDS.index(one) if one in _BANDS else len(_BANDS)):
        numbers = ", ".join(str(number) for number in sorted(seen[band]))
        parts.append(f"{band.replace('.', ',')}\u00a0GHz" + (f"\u00a0: {numbers}" if numbers else ""))
    return " ; ".join(parts)


def _strongest(found: Iterable[Network]) -> float:
    return max((network.strongest for network in found if network.strongest is not None), default=float("-inf"))


def _signal(found: Iterable[Network]) -> str:
    best = _strongest(found)
    return decibels(best) if best > float("-inf") else ""


def decibels(value: float) -> str:
    """`−48`, with a true minus sign: a spreadsheet takes a hyphen for a formula."""
    return f"{value:.0f}".replace("-", "\u2212")


def _sources(own: Own) -> str:
    radios = (n.packet.file if n.packet else n.file for n in (*own.networks, *own.strangers))
    every = list(dict.fromkeys(name for name in (*radios, *(c.file for c in own.configurations)) if name))
    more = f" et {count(len(every) - FILES_SHOWN, 'autre')}" if len(every) > FILES_SHOWN else ""
    return ", ".join(clean(name, 60) for name in every[:FILES_SHOWN]) + more
