"""What the test from inside proves. Pure functions: facts in, judgements out.

`signs` says how an answer, a refusal and a silence are read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from checks.common.french import choose, count, listed
from checks.model import (
    Affected,
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
from checks.wifi.inside import signs
from checks.wifi.inside.config import DUI, EQUIPMENT, FILE_PORTS, NAS, PRINTER, SERVER, STATION
from checks.wifi.inside.facts import (
    NO_ANSWER,
    NOT_AUTHORISED,
    OPEN,
    REFUSED,
    UNUSED,
    Attempt,
    InsideFacts,
    Lookup,
    Portal,
)

PEOPLE = {"resident": "D'un poste résident", "guest": "D'un poste de visiteur", "pro": "D'un poste professionnel"}
NAMES = {"resident": "Wi-Fi des résidents", "guest": "Wi-Fi des visiteurs", "pro": "Wi-Fi professionnel"}
PRO = "pro"
SHOWN = 8
"""Pieces of evidence."""


class Question(NamedTuple):
    """One family of things that should not be reached."""

    what: str
    """In the plural, with its article, as it follows « atteint »."""
    concerns: Callable[[Attempt], bool]
    everywhere: bool
    """Asked of the professional network too; otherwise reaching them is what that network is for."""


SERVERS = Question(
    "les services des serveurs professionnels (annuaire, bureau à distance, bases)",
    lambda one: one.kind == SERVER and one.port not in FILE_PORTS,
    everywhere=False,
)
MANAGEMENT = Question("l'administration des équipements du réseau", lambda one: one.kind in EQUIPMENT, everywhere=True)
SHARES = Question(
    "les partages de fichiers",
    lambda one: one.kind == NAS or (one.kind == SERVER and one.port in FILE_PORTS),
    everywhere=False,
)
PRINTERS = Question("les imprimantes professionnelles", lambda one: one.kind == PRINTER, everywhere=False)
RECORDS = Question("le dossier des usagers (DUI)", lambda one: one.kind == DUI, everywhere=False)
STATIONS = Question("les appareils des autres", lambda one: one.kind == STATION, everywhere=True)


def servers(facts: InsideFacts) -> list[Judgement]:
    """Conforms when no professional server answers to a resident or a visitor, shares apart: see `shares`."""
    return _ask(facts, SERVERS)


def management(facts: InsideFacts) -> list[Judgement]:
    """Conforms when no administration page or shell of gateway, access point or switch answers."""
    return _ask(facts, MANAGEMENT)


def shares(facts: InsideFacts) -> list[Judgement]:
    """Conforms when no file share answers to a resident or a visitor."""
    return _ask(facts, SHARES)


def printers(facts: InsideFacts) -> list[Judgement]:
    """Conforms when no professional printer answers to a resident or a visitor."""
    return _ask(facts, PRINTERS)


def records(facts: InsideFacts) -> list[Judgement]:
    """Conforms when the software of care records does not answer to a resident or a visitor."""
    return _ask(facts, RECORDS)


def isolation(facts: InsideFacts) -> list[Judgement]:
    """Conforms when another device of the same network cannot be reached: even its refusal proves that it can."""
    return _ask(facts, STATIONS)


def internal_names(facts: InsideFacts) -> list[Judgement]:
    """Conforms when the DNS of this network does not tell internal addresses to residents and visitors."""
    subject = place(facts)
    if facts.role == PRO:
        return [not_applicable(subject, "Un poste professionnel a besoin des noms internes.")]
    if facts.lookups is None:
        return [_unknown(subject, Reason.NOT_CONFIGURED, "Aucun nom interne à demander n'est déclaré.")]
    if isinstance(facts.lookups, Gap):
        return [not_assessed(subject, facts.lookups)]
    if misplaced := signs.misplaced(facts):
        return [not_assessed(subject, misplaced)]
    return [_names(facts, facts.lookups)]


def _names(facts: InsideFacts, lookups: tuple[Lookup, ...]) -> Judgement:
    """An address of this very network is what a captive portal says for every name: it proves nothing."""
    subject, who, name = place(facts), PEOPLE[facts.role], lookups[0].name
    seen = tuple(_of_lookup(one) for one in lookups[:SHOWN])
    told = {one.server: inside for one in lookups if (inside := _internal(facts, one))}
    if told:
        affected = tuple(
            Affected(id=f"dns:{server}", label=server, detail=f"{name} : {', '.join(addresses)}", kind="dns")
            for server, addresses in told.items()
        )
        message = f"{who}, le DNS ({', '.join(told)}) donne l'adresse interne de {name}."
        return failed(subject, message, *seen, affected=affected)
    if any(signs.neighbour(facts, address) for one in lookups for address in one.addresses):
        detail = f"Pour {name}, le DNS donne une adresse du réseau lui-même : un portail répond sans doute à sa place."
        return _unknown(subject, Reason.UNSUPPORTED, detail)
    if not any(one.answered for one in lookups):
        detail = "Aucun serveur DNS de ce réseau n'a répondu : on ne sait pas ce qu'il dit des noms internes."
        return _unknown(subject, Reason.TIMEOUT, detail)
    return passed(subject, f"{who}, le DNS ne donne aucune adresse interne pour {name}.", *seen)


def _internal(facts: InsideFacts, lookup: Lookup) -> list[str]:
    """Addresses that have no meaning on the Internet, and are not of this network."""
    return [
        text
        for text in lookup.addresses
        if not ipaddress.ip_address(text).is_global and not signs.neighbour(facts, text)
    ]


def egress(facts: InsideFacts) -> list[Judgement]:
    """Conforms when mail, shares and remote desktop cannot leave for the Internet.

    Silence of a declared server that is known to listen is a filter only when something answered in this test.
    """
    subject = place(facts)
    if not facts.egress:
        return [_unknown(subject, Reason.NOT_CONFIGURED, "Aucun serveur extérieur à essayer n'est déclaré.")]
    through = [one for one in facts.egress if one.outcome == OPEN]
    if through and not signs.misplaced(facts):
        ports = ", ".join(str(one.port) for one in through)
        message = f"{PEOPLE[facts.role]}, on sort vers Internet sur {_ports_word(through)} {ports}, sans filtre."
        return [failed(subject, message, *_proof(through), affected=_affected(through))]
    if gap := signs.silence_gap(facts, facts.egress, "la sortie vers Internet"):
        return [not_assessed(subject, gap)]
    if refused := [one for one in facts.egress if one.outcome == REFUSED]:
        detail = "Le serveur extérieur, ou un filtre à sa place, a refusé la connexion : on ne sait pas lequel."
        return [_unknown(subject, Reason.UNSUPPORTED, f"{detail} ({signs.listed(refused)})")]
    ports = ", ".join(str(one.port) for one in facts.egress)
    message = f"{PEOPLE[facts.role]}, rien ne sort vers {facts.egress[0].address} sur les ports {ports}."
    return [passed(subject, message, *_proof(facts.egress))]


def portal(facts: InsideFacts) -> list[Judgement]:
    """Conforms when the welcome page that intercepts the first visit is in HTTPS."""
    subject = place(facts)
    if facts.role == PRO:
        return [not_applicable(subject, "Un réseau professionnel n'a pas de portail d'accueil.")]
    found = facts.portal
    if found is None:
        return [_unknown(subject, Reason.NOT_CONFIGURED, "Aucune page à demander n'est déclarée pour le portail.")]
    if isinstance(found, Gap):
        return [not_assessed(subject, found)]
    if misplaced := signs.misplaced(facts):
        return [not_assessed(subject, misplaced)]
    if not found.redirected:
        detail = "La page demandée est venue sans détour : il n'y a pas de portail, ou ce poste l'avait déjà passé."
        return [_unknown(subject, Reason.UNSUPPORTED, detail)]
    seen = Evidence(value=f"HTTP {found.status} vers {found.location}", source=f"GET {found.url}")
    if found.https:
        return [passed(subject, "Le portail d'accueil est en HTTPS : ce qu'on y tape est chiffré.", seen)]
    message = "Le portail d'accueil n'est pas en HTTPS : ce qu'on y tape se lit dans l'air."
    return [failed(subject, message, seen, affected=(_portal_affected(found),))]


def ipv6(facts: InsideFacts) -> list[Judgement]:
    """Conforms when a professional machine cannot be reached by its IPv6 address either."""
    subject = place(facts)
    if facts.role == PRO:
        return [not_applicable(subject, "Un poste professionnel peut atteindre les machines professionnelles.")]
    if facts.ipv6 is None:
        return [_unknown(subject, Reason.NOT_CONFIGURED, "Aucune machine à essayer en IPv6 n'est déclarée.")]
    tried = (facts.ipv6,)
    if not signs.misplaced(facts) and facts.ipv6.outcome == OPEN:
        message = f"{PEOPLE[facts.role]}, on atteint {facts.ipv6.address} en IPv6 : le filtre ne regarde que l'IPv4."
        return [failed(subject, message, *_proof(tried), affected=_affected(tried))]
    if gap := signs.silence_gap(facts, tried, "l'IPv6", control=signs.answers_ipv6):
        return [not_assessed(subject, gap)]
    if facts.ipv6.outcome == REFUSED:
        detail = f"{facts.ipv6.address}, ou un filtre à sa place, a refusé la connexion : on ne sait pas lequel."
        return [_unknown(subject, Reason.UNSUPPORTED, detail)]
    return [passed(subject, f"{PEOPLE[facts.role]}, {facts.ipv6.address} ne répond pas en IPv6.", *_proof(tried))]


def routers(facts: InsideFacts) -> list[Judgement]:
    """Conforms when only the declared equipment serves as router and hands out addresses.

    Only what this machine was told is known: another one may be told otherwise a minute later.
    """
    subject = place(facts)
    if isinstance(facts.routers, Gap):
        return [not_assessed(subject, facts.routers)]
    if facts.routers is None or signs.misplaced(facts):
        gap = signs.misplaced(facts)
        return [not_assessed(subject, gap) if gap else _unknown(subject, Reason.NOT_CONFIGURED, _NO_ROUTER)]
    if not facts.routers:
        return [_unknown(subject, Reason.UNSUPPORTED, _NO_ROUTER)]
    seen = tuple(
        Evidence(
            value=f"{_ROUTERS[one.kind]} : {one.address}", source=f"routes et baux de ce poste {one.interface}".strip()
        )
        for one in facts.routers
    )
    strangers = [one for one in facts.routers if one.address not in facts.declared_routers]
    if not facts.declared_routers:
        several = {one.address for one in facts.routers if one.kind == "announced"}
        if len(several) < 2:  # noqa: PLR2004 - more than one router announces itself
            return [_unknown(subject, Reason.NOT_CONFIGURED, "Les routeurs de ce réseau ne sont pas déclarés.")]
        strangers = [one for one in facts.routers if one.kind == "announced"]
    if strangers:
        names = listed(f"{one.address} ({_ROUTERS[one.kind]})" for one in strangers)
        affected = tuple(
            Affected(id=f"{one.kind}:{one.address}", label=one.address, detail=_ROUTERS[one.kind], kind=one.kind)
            for one in strangers
        )
        message = f"Sur ce réseau, un appareil qui n'est pas déclaré sert de routeur ou donne les adresses : {names}."
        return [failed(subject, message, *seen[:SHOWN], affected=affected)]
    message = f"Seuls les équipements déclarés servent de routeur à ce poste ({count(len(seen), 'vu')})."
    return [passed(subject, message, *seen[:SHOWN])]


_NO_ROUTER = "Aucun routeur ni serveur d'adresses de ce réseau n'est connu de ce poste."
_ROUTERS = {
    "gateway": "passerelle IPv4",
    "dhcp": "serveur d'adresses (DHCP)",
    "announced": "routeur IPv6 qui s'est annoncé",
}


def sentence(facts: InsideFacts) -> str:
    """The verdict in one sentence: « D'un poste résident, on atteint … »."""
    who = PEOPLE[facts.role]
    if misplaced := signs.misplaced(facts):
        return f"{who} : l'essai ne permet pas de conclure. {misplaced.detail}"
    targets = [one for one in facts.attempts if one.kind != UNUSED and _tells(one)]
    reached = signs.reached(facts, targets)
    if opened := [one for one in reached if one.outcome == OPEN]:
        return f"{who}, on atteint {signs.listed(opened)}."
    if reached:
        return f"{who}, aucun port n'est ouvert, mais les paquets arrivent jusqu'à {signs.listed(reached)}, qui refuse."
    if gap := signs.doubt(facts, targets, "ce réseau"):
        return f"{who} : l'essai ne permet pas de conclure. {gap.detail}"
    made = count(sum(one.outcome != NOT_AUTHORISED for one in targets), "connexion")
    return f"{who}, on n'atteint rien de ce qui a été essayé ({made}) : {signs.alive(facts)}."


def place(facts: InsideFacts) -> str:
    """Subject of the judgements: the SSID, else the name of the network."""
    return facts.ssid or NAMES[facts.role]


# --- how one family is judged ------------------------------------------------------------------------------------


def _ask(facts: InsideFacts, question: Question) -> list[Judgement]:
    subject = place(facts)
    tried = [one for one in facts.attempts if question.concerns(one) and _tells(one)]
    if facts.role == PRO and not question.everywhere:
        return [not_applicable(subject, f"Un poste professionnel doit pouvoir atteindre {question.what}.")]
    if not tried:
        return [_unknown(subject, Reason.NOT_CONFIGURED, f"Rien n'est déclaré pour essayer {question.what}.")]
    if misplaced := signs.misplaced(facts):
        return [not_assessed(subject, misplaced)]
    if reached := signs.reached(facts, tried):
        return [_failure(facts, question, tried, reached)]
    if gap := signs.doubt(facts, tried, question.what):
        return [not_assessed(subject, gap)]
    return [_success(facts, question, tried)]


def _tells(one: Attempt) -> bool:
    """An attempt to judge on: silence in UDP proves nothing, and says nothing against a proof in TCP."""
    return not one.must_answer and (one.protocol == "tcp" or one.outcome == OPEN)


def _success(facts: InsideFacts, question: Question, tried: Sequence[Attempt]) -> Judgement:
    """Say how many machines, what shows that silence is a filter, and what was left out on purpose."""
    made = [one for one in tried if one.outcome != NOT_AUTHORISED]
    machines = count(len({one.address for one in made}), "machine essayée", "machines essayées")
    message = (
        f"{PEOPLE[facts.role]}, on n'atteint pas {question.what} ({machines}, {count(len(made), 'connexion')}) : "
        f"{signs.alive(facts)}. Une machine éteinte pendant l'essai ne répond pas non plus."
    )
    if left := {one.address for one in tried} - {one.address for one in made}:
        message += f" Hors mandat, non essayé : {count(len(left), 'machine')}."
    return passed(place(facts), message, *_proof(made))


def _failure(facts: InsideFacts, question: Question, tried: Sequence[Attempt], reached: list[Attempt]) -> Judgement:
    """Open ports first; when there are only refusals the packets passed but nothing listened: lighter."""
    opened = [one for one in reached if one.outcome == OPEN]
    seen = _proof([*opened, *(one for one in tried if one not in opened)])
    subject, who = place(facts), PEOPLE[facts.role]
    if opened:
        message = f"{who}, on atteint {question.what} : {signs.listed(opened)}."
        return failed(subject, message, *seen, affected=_affected(reached))
    message = (
        f"{who}, les paquets arrivent jusqu'à {signs.listed(reached)} : la machine refuse elle-même la connexion, "
        f"le réseau ne filtre pas. Preuve plus faible qu'un port ouvert."
    )
    return failed(subject, message, *seen, affected=_affected(reached), severity=Severity.LOW)


# --- words -------------------------------------------------------------------------------------------------------


def _unknown(subject: str, reason: Reason, detail: str) -> Judgement:
    return not_assessed(subject, Gap(reason=reason, detail=detail))


def _ports_word(attempts: Sequence[Attempt]) -> str:
    return choose(len(attempts), "le port", "les ports")


_WORDS = {
    OPEN: "connexion acceptée",
    REFUSED: "connexion refusée : un paquet est revenu",
    NO_ANSWER: "aucune réponse",
}


def _proof(attempts: Sequence[Attempt]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            value=f"{_WORDS.get(one.outcome, one.detail or one.outcome)}"
            + (f" ({one.milliseconds:.0f} ms)" if one.milliseconds is not None else ""),
            source=f"{_how(one)} à {one.address} port {one.port} ({one.target})",
        )
        for one in attempts[:SHOWN]
    )


def _how(one: Attempt) -> str:
    return "connexion TCP" if one.protocol == "tcp" else "question SNMPv3 sans mot de passe"


def _affected(attempts: Iterable[Attempt]) -> tuple[Affected, ...]:
    return tuple(
        Affected(
            id=f"{one.protocol}:{one.address}:{one.port}",
            label=one.target,
            detail=_WORDS[one.outcome],
            kind=one.outcome,
            ref=f"{one.address}:{one.port}",
            witness={"dst": one.address, "dport": str(one.port)},
        )
        for one in attempts
    )


def _of_lookup(lookup: Lookup) -> Evidence:
    said = ", ".join(lookup.addresses) or lookup.status
    return Evidence(value=f"{lookup.name} : {said}", source=f"question DNS à {lookup.server}")


def _portal_affected(found: Portal) -> Affected:
    return Affected(id=f"portal:{found.location}", label=found.location, detail="portail sans HTTPS", kind="http")
