"""Who reaches what, zone to zone, once every earlier rule has been taken off."""

from __future__ import annotations

from collections.abc import Iterable

from checks.firewall import roles
from checks.firewall.controls.common import (
    Opening,
    blame,
    each_device,
    evidence,
    label,
    listed,
    openings,
    path,
    plural,
    services_text,
    undeclared,
    unsupported,
    wide_services,
    zone_title,
)
from checks.firewall.controls.inputs import DeviceReview, Flow
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


def _between(review: DeviceReview, sources: tuple[str, ...], targets: tuple[str, ...]) -> tuple[Opening, ...]:
    flows = review.flows.reach(in_zones=sources, out_zones=targets)
    return openings(flow for flow in flows if flow.in_zone != flow.out_zone)


def _closed(
    review: DeviceReview,
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    kind: str,
    good: str,
    bad: tuple[str, str],
) -> Judgement:
    """Conclude on flows that should not exist: certain ones fail, doubtful ones alone are not assessed."""
    device = review.device
    found = _between(review, sources, targets)
    seen = evidence(
        device, f"de {listed(sources)} vers {listed(targets)} : {plural(len(found), '{n} règle', '{n} règles')}"
    )
    if any(one.certain for one in found):
        affected = blame(device, found, kind)
        severity = Severity.CRITICAL if any(one.certain and one.everything for one in found) else None
        return failed(device.name, plural(len(affected), *bad), seen, affected=affected, severity=severity)
    if found:
        names = listed(label(one.rule) for one in found)
        return unsupported(
            device,
            f"Un passage est possible mais pas certain, faute de connaître le contenu d'un objet ou d'une condition "
            f"({names}).",
        )
    return passed(device.name, good, seen)


@each_device
def public_to_professional(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
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
    return _closed(review, sources, targets, "public-to-professional", good, bad)


@each_device
def exposed_biomedical(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
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
    return _closed(review, sources, targets, "to-biomedical", good, bad)


@each_device
def isolated_backup(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when only the administration network opens connections to the backup network."""
    targets = roles.with_role(review.roles, roles.BACKUP)
    if not targets:
        return undeclared(review.device, roles.BACKUP)
    trusted = roles.with_role(review.roles, roles.ADMIN, roles.BACKUP)
    sources = tuple(zone for zone in review.roles if zone not in trusted)
    if not sources:
        return not_applicable(
            review.device.name, "Ce pare-feu n'a pas d'autre zone que l'administration et la sauvegarde."
        )
    bad = (
        "{n} règle ouvre le réseau de sauvegarde à un autre réseau que l'administration.",
        "{n} règles ouvrent le réseau de sauvegarde à d'autres réseaux que l'administration.",
    )
    good = "Seul le réseau d'administration peut ouvrir une connexion vers le réseau de sauvegarde."
    return _closed(review, sources, targets, "to-backup", good, bad)


@each_device
def dmz_contained(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
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
    return _closed(review, sources, targets, "dmz-to-inside", good, bad)


@each_device
def zone_matrix(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no inside zone is open to another one for every service; shows the matrix of all zones."""
    device = review.device
    zones = tuple(review.roles)
    inside = tuple(zone for zone in zones if review.roles[zone] != roles.WAN)
    if len(inside) < 2:  # noqa: PLR2004 - one zone has nothing to be separated from
        return not_applicable(device.name, f"{device.name} ne sépare pas plusieurs zones intérieures.")
    every = [flow for flow in review.flows.reach() if flow.in_zone != flow.out_zone]
    matrix = _matrix(review, zones, every)
    found = openings(
        flow
        for flow in every
        if flow.certain
        and wide_services(flow.services)
        and _inside(flow.in_zone, inside)
        and _inside(flow.out_zone, inside)
    )
    pairs = len({(flow.in_zone, flow.out_zone) for one in found for flow in one.flows})
    total = len(inside) * (len(inside) - 1)
    seen = evidence(
        device, f"{pairs} passage(s) sans restriction de service, pour {total} couples de zones intérieures"
    )
    if not found:
        doubts = [flow for flow in every if not flow.certain and wide_services(flow.services)]
        doubtful = any(_inside(flow.in_zone, inside) and _inside(flow.out_zone, inside) for flow in doubts)
        if doubtful:
            names = listed(label(flow.rule) for flow in doubts)
            return unsupported(device, f"Une ouverture totale entre zones est possible mais pas certaine ({names}).")
        return passed(
            device.name,
            "Aucune zone intérieure n'est ouverte à une autre pour tous les services.",
            seen,
            exhibit=matrix,
        )
    affected = blame(device, found, "open-zones")
    message = plural(
        len(affected),
        "{n} règle ouvre tous les services entre des zones intérieures : la séparation n'existe que sur le papier.",
        "{n} règles ouvrent tous les services entre des zones intérieures : la séparation n'existe que sur le papier.",
    )
    return failed(device.name, message, seen, affected=affected, exhibit=matrix)


def _inside(zone: str, inside: tuple[str, ...]) -> bool:
    """The zone is an inside one; a rule without zone lets every zone in."""
    return not zone or zone in inside


# --- The picture


def _matrix(review: DeviceReview, zones: tuple[str, ...], flows: Iterable[Flow]) -> Matrix:
    """Zone to zone, what passes. A flow without zone counts for each."""
    shown = zones[:MAX_ZONES]
    found: dict[tuple[str, str], list[Flow]] = {}
    for flow in flows:
        for source in [flow.in_zone] if flow.in_zone else shown:
            for target in [flow.out_zone] if flow.out_zone else shown:
                if source != target:
                    found.setdefault((source, target), []).append(flow)
    titles = tuple(_title(zone, review.roles[zone]) for zone in shown)
    cells = tuple(
        tuple(_cell(review, source, target, found.get((source, target), [])) for target in shown) for source in shown
    )
    left = len(zones) - len(shown)
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


def _title(zone: str, role: str) -> str:
    return f"{zone_title(zone)} ({roles.TITLES[role]})" if role else zone_title(zone)


def _cell(review: DeviceReview, source: str, target: str, flows: list[Flow]) -> MatrixCell:
    if source == target:
        return MatrixCell(text="·")
    if not flows:
        return MatrixCell(text="fermé")
    certain = [flow for flow in flows if flow.certain]
    named = listed(services_text(flow.services) for flow in certain or flows)
    detail = f"{path(flows[0]) if flows[0].in_zone and flows[0].out_zone else f'{source} → {target}'} : {named}"
    if not certain:
        return MatrixCell(text="?", level=Level.UNKNOWN, detail=f"{detail} (possible, pas certain)")
    everything = any(wide_services(flow.services) for flow in certain)
    text = "tout" if everything else plural(len({id(flow.rule) for flow in certain}), "{n} règle", "{n} règles")
    return MatrixCell(text=text, level=_level(review.roles[source], review.roles[target], everything), detail=detail)


_PROTECTED = frozenset({roles.PRO, roles.ADMIN, roles.BACKUP, roles.BIOMEDICAL})


def _level(source: str, target: str, everything: bool) -> Level:
    """How serious a passage is, from the roles of both ends."""
    if target == roles.WAN:
        return Level.MEDIUM if everything and source in _PROTECTED else Level.INFO
    if source in (*PUBLIC_ROLES, roles.WAN, roles.IOT) and target in _PROTECTED:
        return Level.CRITICAL if everything else Level.HIGH
    if target == roles.BACKUP and source != roles.ADMIN:
        return Level.HIGH
    return Level.HIGH if everything else Level.LOW
