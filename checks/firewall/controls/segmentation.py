"""Who reaches what, zone to zone, once every earlier rule has been taken off."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from checks.common.french import listed, plural
from checks.firewall import roles
from checks.firewall.algebra.reach import Flow
from checks.firewall.controls.common import (
    Passage,
    blame,
    doubtful,
    each_device,
    evidence,
    lasting,
    openings,
    passages,
    undeclared,
    unsupported,
    zone_text,
)
from checks.firewall.review import DeviceReview
from checks.model import (
    Context,
    Judgement,
    Level,
    Matrix,
    MatrixCell,
    Severity,
    failed,
    not_applicable,
    passed,
)

PUBLIC_ROLES = (roles.RESIDENT, roles.GUEST)
"""Zones used by people the establishment does not employ, on devices it does not manage."""
MAX_ZONES = 24
"""Rows of the matrix; beyond, nobody reads it."""
MIN_ZONES, MIN_KNOWN = 4, 8
"""Compared whatever the cost, of any role and of a known one."""
MAX_SCANNED = 2_000_000
"""Rules times pairs of zones: about two seconds."""
MAX_PROVED = 2_000
"""Proofs for all pairs of zones: about a second."""


def _closed(
    review: DeviceReview,
    context: Context,
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    kind: str,
    good: str,
    bad: tuple[str, str],
) -> Judgement:
    """Conclude on flows that should not exist: certain ones fail, doubtful ones alone are not assessed."""
    device = review.device
    found = openings(device, lasting(passages(review, sources, targets), context))
    seen = evidence(
        device, f"de {listed(sources)} vers {listed(targets)} : {plural(len(found), '{n} règle', '{n} règles')}"
    )
    if any(one.certain for one in found):
        affected = blame(found, kind)
        severity = Severity.CRITICAL if any(one.certain and one.everything for one in found) else None
        return failed(device.name, plural(len(affected), *bad), seen, affected=affected, severity=severity)
    if found:
        return doubtful(device, found)
    return passed(device.name, good, seen)


@each_device
def public_to_professional(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when nothing passes from the Wi-Fi of residents and visitors to the professional network."""
    sources = roles.with_role(review.roles, *PUBLIC_ROLES)
    targets = roles.with_role(review.roles, roles.PRO, roles.ADMIN)
    if not sources:
        return undeclared(review.device, *PUBLIC_ROLES)
    if not targets:
        return undeclared(review.device, roles.PRO)
    bad = (
        "{n} règle laisse passer du réseau des résidents ou des visiteurs vers le réseau professionnel.",
        "{n} règles laissent passer du réseau des résidents ou des visiteurs vers le réseau professionnel.",
    )
    good = "Rien ne passe du réseau des résidents ou des visiteurs vers le réseau professionnel."
    return _closed(review, context, sources, targets, "public-to-professional", good, bad)


@each_device
def exposed_biomedical(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when neither residents, visitors, connected objects nor the Internet reach biomedical equipment."""
    sources = roles.with_role(review.roles, *PUBLIC_ROLES, roles.IOT, roles.WAN)
    targets = roles.with_role(review.roles, roles.BIOMEDICAL)
    if not targets:
        return undeclared(review.device, roles.BIOMEDICAL)
    if not sources:
        return undeclared(review.device, *PUBLIC_ROLES, roles.WAN)
    bad = (
        "{n} règle laisse passer vers les équipements biomédicaux depuis un réseau non maîtrisé.",
        "{n} règles laissent passer vers les équipements biomédicaux depuis un réseau non maîtrisé.",
    )
    good = "Rien ne passe d'un réseau non maîtrisé vers les équipements biomédicaux."
    return _closed(review, context, sources, targets, "to-biomedical", good, bad)


@each_device
def isolated_backup(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when only the administration network opens connections to the backup network."""
    targets = roles.with_role(review.roles, roles.BACKUP)
    if not targets:
        return undeclared(review.device, roles.BACKUP)
    sources = roles.without_role(review.roles, roles.ADMIN, roles.BACKUP)
    if not sources:
        return not_applicable(
            review.device.name, "Ce pare-feu n'a pas d'autre zone que l'administration et la sauvegarde."
        )
    bad = (
        "{n} règle ouvre le réseau de sauvegarde à un autre réseau que l'administration.",
        "{n} règles ouvrent le réseau de sauvegarde à d'autres réseaux que l'administration.",
    )
    good = "Seul le réseau d'administration peut ouvrir une connexion vers le réseau de sauvegarde."
    return _closed(review, context, sources, targets, "to-backup", good, bad)


@each_device
def dmz_contained(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when published servers cannot open connections towards the inside."""
    sources = roles.with_role(review.roles, roles.DMZ)
    if not sources:
        return not_applicable(review.device.name, f"{review.device.name} n'a pas de zone reconnue comme DMZ.")
    inside = (roles.PRO, roles.ADMIN, roles.BACKUP, roles.BIOMEDICAL)
    targets = roles.with_role(review.roles, *inside)
    if not targets:
        return undeclared(review.device, roles.PRO)
    bad = (
        "{n} règle permet à un serveur publié (DMZ) d'ouvrir une connexion vers l'intérieur.",
        "{n} règles permettent à un serveur publié (DMZ) d'ouvrir une connexion vers l'intérieur.",
    )
    good = "Aucun serveur publié (DMZ) ne peut ouvrir de connexion vers l'intérieur."
    return _closed(review, context, sources, targets, "dmz-to-inside", good, bad)


@each_device
def zone_matrix(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when no inside zone is open to another one for every service; shows the matrix of the zones."""
    device = review.device
    inside = roles.without_role(review.roles, roles.WAN)
    if len(inside) < 2:  # noqa: PLR2004 - one zone has nothing to be separated from
        return not_applicable(device.name, f"{device.name} ne sépare pas plusieurs zones intérieures.")
    shown = _shown(review)
    every = lasting(passages(review, shown, shown), context)
    matrix = _matrix(review, shown, every)
    between = [one for one in every if one.in_zone in inside and one.out_zone in inside]
    found = openings(device, (one for one in between if one.everything))
    whole = [one for one in found if one.certain]
    number = len({one.text for opening in whole for one in opening.passages})
    seen = evidence(device, f"{number} passage(s) sans restriction de service entre {listed(inside)}")
    affected = blame(whole, "open-zones")
    if affected:
        message = plural(
            len(affected),
            "{n} règle ouvre tous les services entre des zones intérieures : elles ne sont plus séparées.",
            "{n} règles ouvrent tous les services entre des zones intérieures : elles ne sont plus séparées.",
        )
        return failed(device.name, message, seen, affected=affected, exhibit=matrix)
    if found:
        return _shown_with(doubtful(device, found), matrix)
    if left := len(roles.without_role(review.roles)) - len(shown):
        detail = plural(left, "{n} zone n'a pas été comparée", "{n} zones n'ont pas été comparées")
        return _shown_with(unsupported(device, f"Trop de zones pour toutes les comparer : {detail}."), matrix)
    good = "Aucune zone intérieure n'est ouverte à une autre pour tous les services."
    return passed(device.name, good, seen, exhibit=matrix)


def _shown_with(judgement: Judgement, matrix: Matrix) -> Judgement:
    return msgspec.structs.replace(judgement, exhibit=matrix)


def _shown(review: DeviceReview) -> tuple[str, ...]:
    """Zones to compare: those with a role first, as many as the size of the rule set lets us, in export order."""
    ranked = sorted(roles.without_role(review.roles), key=lambda zone: not review.roles[zone])[:MAX_ZONES]
    rules = sum(len(chain.rules) for chain in review.device.chains)
    flows = review.flows.reach()
    number = len(ranked)
    known = sum(1 for zone in ranked if review.roles[zone])
    while number > max(MIN_ZONES, min(MIN_KNOWN, known)) and (
        number**2 * rules > MAX_SCANNED or _work(flows, set(ranked[:number])) > MAX_PROVED
    ):
        number -= 1
    kept = set(ranked[:number])
    return tuple(zone for zone in review.roles if zone in kept)


def _work(flows: Iterable[Flow], zones: set[str]) -> int:
    """Proofs needed to compare zones two by two: one for each rule and pair of zones it may join."""
    return sum(
        (len(zones.intersection(flow.in_zones)) if flow.in_zones else len(zones))
        * (len(zones.intersection(flow.out_zones)) if flow.out_zones else len(zones))
        for flow in flows
    )


# --- The picture


def _matrix(review: DeviceReview, shown: tuple[str, ...], every: Iterable[Passage]) -> Matrix:
    """Zone to zone, what passes."""
    found: dict[tuple[str, str], list[Passage]] = {}
    for one in every:
        found.setdefault((one.in_zone, one.out_zone), []).append(one)
    titles = tuple(_title(review, zone) for zone in shown)
    cells = tuple(
        tuple(_cell(review, source, target, found.get((source, target), [])) for target in shown) for source in shown
    )
    left = len(roles.without_role(review.roles)) - len(shown)
    note = "Connexions nouvelles seulement, règles placées avant déduites."
    if left:
        note += plural(left, " {n} zone n'est pas montrée.", " {n} zones ne sont pas montrées.")
    return Matrix(
        title=f"Qui peut ouvrir une connexion vers qui, à travers {review.device.name}",
        rows=titles,
        columns=titles,
        cells=cells,
        row_title="De",
        column_title="Vers",
        note=note,
    )


def _title(review: DeviceReview, zone: str) -> str:
    role = review.roles[zone]
    text = zone_text(review.device, zone)
    return f"{text}, {roles.TITLES[role]}" if role else text


def _cell(review: DeviceReview, source: str, target: str, found: list[Passage]) -> MatrixCell:
    if source == target:
        return MatrixCell(text="·")
    if not found:
        return MatrixCell(text="fermé")
    certain = [one for one in found if one.flow.certain]
    detail = f"{found[0].text} : {listed(one.services for one in certain or found)}"
    if not certain:
        return MatrixCell(text="?", level=Level.UNKNOWN, detail=f"{detail} (possible, pas certain)")
    everything = any(one.everything for one in certain)
    text = "tout" if everything else plural(len({id(one.flow.rule) for one in certain}), "{n} règle", "{n} règles")
    return MatrixCell(
        text=text, level=_level(review.roles[source], review.roles[target], everything=everything), detail=detail
    )


_PROTECTED = frozenset({roles.PRO, roles.ADMIN, roles.BACKUP, roles.BIOMEDICAL})


def _level(source: str, target: str, *, everything: bool) -> Level:
    """How serious a passage is, from the roles of both ends."""
    if target == roles.WAN:
        return Level.MEDIUM if everything and source in _PROTECTED else Level.INFO
    if source in (*PUBLIC_ROLES, roles.WAN, roles.IOT) and target in _PROTECTED:
        return Level.CRITICAL if everything else Level.HIGH
    if target == roles.BACKUP and source != roles.ADMIN:
        return Level.HIGH
    return Level.HIGH if everything else Level.LOW
