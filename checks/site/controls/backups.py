"""Who reaches the machine that holds the copies, by the rules of the firewalls.

The separation of the backup infrastructure: CaRE D2, objective O3.B; ANSSI, Sauvegarde des systèmes d'information
(BP-100), chapter on architecture.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.common.french import count, listed
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.reach import Flows
from checks.firewall.controls.common import Passage, label, passages, services_of, wide
from checks.firewall.facts import Device, FirewallFacts
from checks.firewall.review import DeviceReview
from checks.firewall.roles import roles_of
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, failed, not_assessed, passed
from checks.site.facts import SITE, SiteFacts
from checks.site.zones import leading_to

UNTRUSTED = (roles.RESIDENT, roles.GUEST, roles.WAN, roles.IOT, roles.DMZ)
"""Networks nobody manages the devices of, or that the Internet reaches."""
WORKING = (roles.PRO, roles.VPN, roles.VOICE, roles.BIOMEDICAL)
"""Networks where a mail attachment is opened."""
ADMINISTRATION = ("tcp/22", "tcp/23", "tcp/135", "tcp/139", "tcp/445", "tcp/3389", "tcp/5900", "tcp/5985-5986")
"""Shells, shares and remote desktops: what ransomware spreads by."""


class Server(NamedTuple):
    """One machine that holds copies."""

    address: str
    labels: tuple[str, ...]

    @property
    def subject(self) -> str:
        """As judgements name it."""
        return f"{listed(self.labels)} ({self.address})"


def closed_to_strangers(facts: SiteFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no rule lets residents, visitors, objects, published servers or the Internet reach it."""
    good = "Aucune règle ne laisse les résidents, les visiteurs ni Internet atteindre ce serveur de sauvegarde."
    bad = "Le serveur de sauvegarde peut être atteint depuis un réseau non maîtrisé : {ways}."
    return _each(facts, UNTRUSTED, None, good, bad)


def no_administration_from_work(facts: SiteFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when work stations have no shell, share or remote desktop on it, and not every service."""
    good = (
        "Depuis les postes de travail, ni partage, ni bureau à distance, ni console n'atteint ce serveur de sauvegarde."
    )
    bad = "Depuis les postes de travail, partages ou consoles du serveur de sauvegarde sont ouverts : {ways}."
    return _each(facts, WORKING, services_of(*ADMINISTRATION), good, bad)


def _each(
    facts: SiteFacts, sources: Sequence[str], services: svc.Services | None, good: str, bad: str
) -> list[Judgement]:
    firewall, servers = facts.firewall, _servers(facts)
    if isinstance(servers, Gap):
        return [not_assessed(SITE, servers)]
    if isinstance(firewall, Gap):
        return [not_assessed(one.subject, firewall) for one in servers]
    return [_judge(one, firewall, sources, services, good, bad) for one in servers]


def _servers(facts: SiteFacts) -> tuple[Server, ...] | Gap:
    """Machines that hold copies, by address. One in the cloud is behind no firewall of the site."""
    if isinstance(facts.backup, Gap):
        return facts.backup
    labels: dict[str, list[str]] = {}
    for repository in facts.backup.repositories:
        if address := _address(repository.server) or _address(repository.address):
            labels.setdefault(address, []).append(repository.label)
    if labels:
        return tuple(Server(address, tuple(names)) for address, names in labels.items())
    detail = "L'adresse des serveurs de sauvegarde n'est pas connue : l'indiquer (server) dans [[backup.repository]]."
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _judge(
    server: Server,
    firewall: FirewallFacts,
    sources: Sequence[str],
    services: svc.Services | None,
    good: str,
    bad: str,
) -> Judgement:
    reviews = [_review(device, firewall) for device in firewall.devices]
    placed = [(one, zones) for one in reviews if (zones := roles.with_role(one.roles, *sources))]
    if not placed:
        wanted = listed(roles.TITLES[role] for role in sources)
        detail = f"Aucune zone de pare-feu n'a l'un de ces rôles : {wanted}. Les déclarer dans [firewall.roles]."
        return not_assessed(server.subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    found = [way for review, zones in placed for way in _ways(review, zones, server.address, services)]
    seen = [_evidence(one) for one in found[:5]] or [_nothing(placed)]
    certain = [one for one in found if one.flow.certain]
    if certain:
        ways = listed(f"{one.text} ({one.services})" for one in certain)
        return failed(server.subject, bad.format(ways=ways), *seen, affected=_affected(certain))
    if found:
        detail = f"Une règle laisse peut-être passer vers {server.address}, selon des objets que l'export ne dit pas."
        return not_assessed(server.subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    return passed(server.subject, good, *seen)


def _review(device: Device, firewall: FirewallFacts) -> DeviceReview:
    """What the questions need: rules unfolded and zones with their role; anomalies are not looked for again."""
    return DeviceReview(device=device, roles=roles_of(device, firewall.roles), anomalies=(), flows=Flows(device))


def _ways(
    review: DeviceReview, zones: Iterable[str], address: str, services: svc.Services | None
) -> tuple[Passage, ...]:
    """Ways to the zone that holds the server, then rules to any other zone that name the server.

    When no interface tells the zone, it is supposed to be the one kept for backups: a rule that names the address
    elsewhere says that the supposition is wrong.
    """
    sources = tuple(zones)
    leading = leading_to(review.device, review.roles, address, roles.BACKUP)
    targets = tuple(name for name in leading if name not in sources)
    others = tuple(name for name in review.roles if name not in (*sources, *targets))
    wanted = ip.from_ranges([address])
    elsewhere = passages(review, sources, others, services, wanted) if others else ()
    vast = wide(review.device).addresses
    naming = [one for one in elsewhere if one.flow.rule.destination not in vast]
    return (*(passages(review, sources, targets, services, wanted) if targets else ()), *naming)


def _nothing(placed: Sequence[tuple[DeviceReview, Iterable[str]]]) -> Evidence:
    devices = listed(review.device.name for review, _ in placed)
    zones = sum(len(tuple(zones)) for _, zones in placed)
    return Evidence(value="aucune règle", source=f"règles de {devices}, depuis {count(zones, 'zone')}")


def _evidence(passage: Passage) -> Evidence:
    rule = passage.flow.rule
    return Evidence(value=f"{passage.text} : {passage.services}", source=f"{passage.device.name}, règle {rule.ref}")


def _affected(found: Iterable[Passage]) -> tuple[Affected, ...]:
    links = {
        f"{one.device.name}:{one.flow.rule.ref}": Affected(
            id=f"{one.device.name}:{one.flow.rule.ref}",
            label=label(one.flow.rule),
            detail=f"{one.text} : {one.services}",
            kind="to-backup",
            ref=one.flow.rule.ref,
            line=one.flow.rule.line,
            witness=dict(one.flow.witness),
        )
        for one in found
    }
    return tuple(links.values())
