"""What the Internet reaches: administration of the firewall, dangerous services, published servers, inspection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from checks.common.french import listed, plural
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import intervals
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.reach import Flow
from checks.firewall.controls.common import (
    Opening,
    Passage,
    blame,
    by_rule,
    comes_from,
    crossings,
    distinct,
    doubtful,
    each_device,
    evidence,
    label,
    lasting,
    openings,
    opens,
    point,
    services_of,
    thing,
    undeclared,
    unsupported,
    wide_addresses,
    written,
)
from checks.firewall.controls.whereabouts import REAL_DESTINATION
from checks.firewall.facts import INPUT, AddressSet, Device, Interface, NatRule, Rule
from checks.firewall.review import DeviceReview
from checks.model import Affected, Context, Judgement, Severity, failed, not_applicable, passed


class Service(NamedTuple):
    """One service that must not answer the Internet."""

    title: str
    texts: tuple[str, ...]
    remote_login: bool = False
    """Protected by a password or a key, and sometimes opened on purpose: grave, not yet a disaster."""


# Ports: IANA Service Name and Transport Protocol Port Number Registry, and the vendors' own documentation for what
# is not registered under the product's name (Synology DSM, Proxmox VE, Winbox, Webmin).
DANGEROUS: tuple[Service, ...] = (
    Service("bureau à distance (RDP)", ("tcp/3389", "udp/3389")),
    Service("partage de fichiers Windows (SMB, NetBIOS)", ("tcp/445", "tcp/137-139", "udp/137-138")),
    Service("appels de procédure Windows (RPC)", ("tcp/135",)),
    Service("administration Windows (WinRM)", ("tcp/5985-5986",)),
    Service("annuaire (LDAP)", ("tcp/389", "udp/389", "tcp/636")),
    Service("Telnet", ("tcp/23",)),
    Service("commandes à distance sans chiffrement (rsh, rlogin)", ("tcp/512-514",)),
    Service("FTP", ("tcp/21",)),
    Service("TFTP", ("udp/69",)),
    Service("SSH", ("tcp/22",), remote_login=True),
    Service("prise en main (VNC)", ("tcp/5800", "tcp/5900-5903")),
    Service("bureau X11", ("tcp/6000-6010",)),
    Service("base Microsoft SQL Server", ("tcp/1433", "udp/1434")),
    Service("base Oracle", ("tcp/1521",)),
    Service("base MySQL ou MariaDB", ("tcp/3306",)),
    Service("base PostgreSQL", ("tcp/5432",)),
    Service("base MongoDB", ("tcp/27017",)),
    Service("Redis", ("tcp/6379",)),
    Service("Elasticsearch", ("tcp/9200",)),
    Service("memcached", ("tcp/11211", "udp/11211")),
    Service("pages d'administration d'un NAS", ("tcp/5000-5001",)),
    Service("fichiers en réseau (NFS, AFP, rsync)", ("tcp/2049", "udp/2049", "tcp/548", "tcp/873")),
    Service("disques en réseau (iSCSI)", ("tcp/3260",)),
    Service("carte d'administration de serveur (IPMI)", ("udp/623",)),
    Service("SNMP", ("udp/161",)),
    Service("hyperviseur (Proxmox VE, ESXi)", ("tcp/8006", "tcp/902")),
    Service("administration de conteneurs (Docker)", ("tcp/2375-2376",)),
    Service("Webmin", ("tcp/10000",)),
    Service("administration MikroTik (Winbox, API)", ("tcp/8291", "tcp/8728-8729")),
    Service("imagerie médicale (DICOM)", ("tcp/104", "tcp/11112")),
    Service("automates (Modbus)", ("tcp/502",)),
)
_ADMINISTRATION = "tcp/22,tcp/23,udp/161,tcp/8291,tcp/8728-8729,tcp/10000"
"""What only administration uses on a firewall."""
_WEB = "tcp/80,tcp/443,tcp/4443,tcp/8080,tcp/8443,tcp/10443"
"""Web administration, but also an SSL VPN or, on a plain server, its web site."""
_PLAIN_SERVERS = frozenset({"iptables", "nftables", "windows"})
_HARMLESS = frozenset({"ping"})
_FEW = 1 << 16
"""Addresses: a source of at most a /16 is a list of partners, more is the Internet."""


def _narrow(one: AddressSet) -> bool:
    """The set holds few addresses: partners named one by one."""
    held = ip.from_fact(one)
    return intervals.size(held.over4) <= _FEW and intervals.size(held.over6) <= _FEW


def _partners(found: Iterable[Opening]) -> bool:
    """Only named partners may come, by every rule."""
    return all(_narrow(passage.flow.sources) for one in found for passage in one.passages)


# --- Administration of the firewall


@each_device
def administration_from_wan(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no administration service of the firewall answers on an Internet side."""
    return _administration(review, (roles.WAN,), "depuis Internet")


@each_device
def administration_from_public(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when residents and visitors cannot reach the administration of the firewall."""
    return _administration(review, (roles.RESIDENT, roles.GUEST), "depuis le réseau des résidents ou des visiteurs")


def _administration(review: DeviceReview, wanted: tuple[str, ...], whence: str) -> Judgement:
    device = review.device
    zones = roles.with_role(review.roles, *wanted)
    if not zones:
        return undeclared(device, *wanted)
    described = {interface.name: interface for interface in device.interfaces if interface.name in zones}
    stated = {name: one for name, one in described.items() if one.management is not None}
    silent = tuple(zone for zone in zones if zone not in stated)
    filtered = any(chain.hook == INPUT for chain in device.chains)
    affected = [_answering(one, _by_rules(review, one.name)) for one in stated.values() if _services(one)]
    entering = _inbound(review, silent) if silent and filtered else ()
    found = [one for one in entering if one.meant]
    affected += blame(found, "administration")
    seen = evidence(device, f"interfaces examinées : {listed(zones)}")
    if affected:
        restricted = all(one.management_restricted for one in stated.values() if _services(one))
        few = _partners(found)
        message = f"L'administration du pare-feu répond {whence} ({listed(item.label for item in affected)})."
        if restricted and few:
            message = f"L'administration du pare-feu répond {whence}, à quelques adresses seulement."
        severity = Severity.MEDIUM if restricted and few else None
        return failed(device.name, message, seen, affected=distinct(affected), severity=severity)
    if entering:
        return doubtful(device, entering)
    if silent and not filtered:
        return unsupported(
            device, f"L'export ne dit pas quels services d'administration répondent sur {listed(silent)}."
        )
    return passed(device.name, f"L'administration du pare-feu ne répond pas {whence}.", seen)


def _services(interface: Interface) -> tuple[str, ...]:
    """Administration services an active interface answers."""
    if not interface.enabled:
        return ()
    return tuple(name for name in interface.management or () if name not in _HARMLESS)


def _by_rules(review: DeviceReview, zone: str) -> tuple[str, ...]:
    """Rules somebody wrote that open the administration of the firewall to a zone."""
    found = openings(review.device, crossings(review, (zone,), None, services_of(f"{_ADMINISTRATION},{_WEB}")))
    return tuple(f"{label(one.rule)}, ligne {one.rule.line}" for one in found if not one.rule.automatic)


def _answering(interface: Interface, rules: Iterable[str]) -> Affected:
    limited = " (limité à certaines adresses)" if interface.management_restricted else ""
    # The one device of a pf interface is no zone.
    members = f" ; regroupe {listed(interface.members)}" if len(interface.members) > 1 else ""
    opened = f" ; ouvert par : {named}" if (named := " ; ".join(rules)) else ""
    detail = f"{listed(_services(interface))}{limited}{members}{opened}"
    return thing("interface", interface.name, detail, interface.line, word="interface")


def _inbound(review: DeviceReview, zones: tuple[str, ...]) -> tuple[Opening, ...]:
    """Rules that let some zones talk to the administration of the firewall itself."""
    bare = review.device.vendor in _PLAIN_SERVERS or _portal(review.device)
    wanted = services_of(_ADMINISTRATION if bare else f"{_ADMINISTRATION},{_WEB}")
    own = _own_addresses(review.device)
    return openings(review.device, crossings(review, zones, None, wanted, own))


def _own_addresses(device: Device) -> ip.Addresses | None:
    """Addresses of the firewall itself, where its objects name them and one list serves both ways."""
    if device.vendor != "stormshield":
        return None
    named = [one for one in device.objects if one.kind == "address" and one.name.lower().startswith("firewall_")]
    return ip.join(*(ip.from_fact(device.addresses[one.content]) for one in named)) if named else None


def _portal(device: Device) -> bool:
    """An SSL VPN answers on the web ports: they do not prove that administration does."""
    return isinstance(device.vpns, tuple) and any(vpn.kind in ("ssl", "openvpn") and vpn.enabled for vpn in device.vpns)


# --- Services behind the firewall


@each_device
def dangerous_services(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when none of the services an intruder looks for is reachable from the Internet."""
    device = review.device
    zones = roles.with_role(review.roles, roles.WAN)
    if not zones:
        return undeclared(device, roles.WAN)
    inside = roles.without_role(review.roles, roles.WAN)
    seen = evidence(device, f"{len(DANGEROUS)} services cherchés depuis {listed(zones)}")
    exposed = _exposed_services(review, context, zones, inside)
    behind = _published_services(review, context, zones)
    for service, publications in behind.items():
        rules = openings(device, (passage for _, passage in publications))
        exposed[service] = (*exposed.get(service, ()), *rules)
    leads = {id(passage.flow.rule): nat for found in behind.values() for nat, passage in found}
    certain = {service: sure for service, found in exposed.items() if (sure := [one for one in found if one.meant])}
    if certain:
        named = {service.title: sure for service, sure in certain.items()}
        affected = distinct(_exposing(titles, one, leads) for titles, one in by_rule(named))
        message = f"Internet atteint des services dangereux : {listed(service.title for service in certain)}."
        return failed(device.name, message, seen, affected=affected, severity=_gravity(certain))
    if exposed:
        return doubtful(device, (one for found in exposed.values() for one in found))
    return passed(device.name, "Aucun des services dangereux cherchés n'est joignable depuis Internet.", seen)


def _exposed_services(
    review: DeviceReview, context: Context, zones: tuple[str, ...], inside: tuple[str, ...]
) -> dict[Service, tuple[Opening, ...]]:
    """Services that pass, or may pass, and by which rules. One question first: most firewalls stop there."""
    every = services_of(*(text for service in DANGEROUS for text in service.texts))
    if not lasting(crossings(review, zones, inside, every), context):
        return {}
    asked = {
        service: openings(
            review.device, lasting(crossings(review, zones, inside, services_of(*service.texts)), context)
        )
        for service in DANGEROUS
    }
    return {service: found for service, found in asked.items() if found}


def _published_services(
    review: DeviceReview, context: Context, zones: tuple[str, ...]
) -> dict[Service, list[tuple[NatRule, Passage]]]:
    """Services that rules show under their public address and port only: those of the real server count."""
    device = review.device
    found: dict[Service, list[tuple[NatRule, Passage]]] = {}
    if device.vendor in REAL_DESTINATION:
        return found
    for nat in device.nat:
        elsewhere = bool(nat.in_zones) and set(nat.in_zones).isdisjoint(zones)
        if elsewhere or not nat.enabled or nat.kind not in ("destination", "static"):
            continue
        for service in DANGEROUS:
            arriving = _arriving(device, nat, services_of(*service.texts))
            if arriving is None:
                continue
            flows = review.flows.reach(
                in_zones=zones, services=arriving, destinations=ip.from_fact(device.addresses[nat.destination])
            )
            passing = [
                Passage(device, flow, flow.witness.get("in", ""), flow.witness.get("out", ""), everything=False)
                for flow in flows
                if opens(flow.rule) and not flow.rule.automatic and comes_from(review, flow, zones)
            ]
            found.setdefault(service, []).extend((nat, one) for one in lasting(passing, context))
    return {service: passages for service, passages in found.items() if passages}


def _arriving(device: Device, nat: NatRule, wanted: svc.Services) -> svc.Services | None:
    """The public services that lead to one of the services wanted; None when there are none."""
    given = svc.from_fact(device.services[nat.services])
    boxes = (*given.sure, *given.maybe)
    searched = intervals.union(*(box.services for box in wanted.sure))
    if not nat.to_ports:
        kept = [box._replace(services=intervals.intersection(box.services, searched)) for box in boxes]
        return svc.Services(sure=tuple(box for box in kept if box.services)) or None
    try:
        ports = svc.parse_ports(nat.to_ports)
    except svc.ServiceError:
        return None
    found: list[svc.Box] = []
    for number in _TRANSPORT:
        whole = ((number * svc.PORTS, number * svc.PORTS + svc.TOP_PORT),)
        real = tuple((whole[0][0] + low, whole[0][0] + high) for low, high in ports)
        if intervals.intersection(real, searched):
            found += [box._replace(services=intervals.intersection(box.services, whole)) for box in boxes]
    return svc.Services(sure=tuple(box for box in found if box.services)) or None


_TRANSPORT = (6, 17)


def _exposing(titles: str, one: Opening, leads: Mapping[int, NatRule]) -> Affected:
    """One rule and the services it exposes."""
    flows = [passage.flow for passage in one.passages]
    sender = one.device.addresses[one.rule.source] if one.device.addresses else AddressSet()
    who = listed(text for flow in flows for text in flow.sources.ranges) if _partners([one]) else "tout Internet"
    if sender.maybe:
        who = listed(sender.names or sender.unresolved)
    anywhere = bool(one.device.addresses) and wide_addresses(one.device.addresses[one.rule.destination])
    where = "toute adresse" if anywhere else listed(text for flow in flows for text in flow.destinations.ranges)
    if nat := leads.get(id(one.rule)):
        where = f"{nat.to_address or 'adresse inconnue'}:{nat.to_ports} (publication {nat.ref}, ligne {nat.line})"
    detail = f"{titles} ; depuis {who} vers {where}{one.why()}"
    return point(one.device, one.rule, "exposed-service", detail, witness=one.witness)


def _gravity(certain: Mapping[Service, Iterable[Opening]]) -> Severity | None:
    """Lighter when only named partners may come, or only by a protected remote login."""
    if all(_partners(found) for found in certain.values()):
        return Severity.MEDIUM
    return Severity.HIGH if all(service.remote_login for service in certain) else None


@each_device
def wide_entry(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when no rule opens a whole network to the Internet, whatever the service."""
    device = review.device
    zones = roles.with_role(review.roles, roles.WAN)
    if not zones:
        return undeclared(device, roles.WAN)
    inside = roles.without_role(review.roles, roles.WAN)
    entering = lasting(crossings(review, zones, inside, services_of("tcp,udp")), context)
    found = openings(device, (one for one in entering if _whole_network(one.flow)))
    meant = [one for one in found if one.meant]
    seen = evidence(device, f"règles depuis {listed(zones)}")
    if not meant:
        good = "Aucune règle n'ouvre tout un réseau à Internet."
        return doubtful(device, found) if found else passed(device.name, good, seen)
    affected = blame(meant, "wide-entry")
    message = plural(
        len(affected),
        "{n} règle ouvre à Internet tout un réseau au lieu d'un serveur.",
        "{n} règles ouvrent à Internet des réseaux entiers au lieu d'un serveur.",
    )
    return failed(device.name, message, seen, affected=affected)


_NETWORK = 1 << 6
"""Addresses: from a /26, a destination is a network, not a few servers."""


def _whole_network(flow: Flow) -> bool:
    """Anybody on the Internet may reach a whole IPv4 network."""
    return wide_addresses(flow.sources) and intervals.size(ip.from_ranges(flow.destinations.ranges).v4) >= _NETWORK


# --- Publications


@each_device
def published(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no server is published; otherwise lists what is, for the structure to review."""
    device = review.device
    wan = set(roles.with_role(review.roles, roles.WAN))
    found = [
        one
        for one in device.nat
        if one.enabled
        and one.kind in ("destination", "static")
        and (not wan or not one.in_zones or wan & set(one.in_zones))
    ]
    seen = evidence(device, plural(len(found), "{n} publication active", "{n} publications actives"))
    if not found:
        return passed(device.name, "Aucun serveur n'est publié par translation d'adresse.", seen)
    affected = tuple({item.id: item for item in (_publication(device, one) for one in found)}.values())
    unfiltered = sum(one.permits for one in found)
    message = plural(
        len(affected),
        "{n} serveur ou service est publié sur Internet : vérifier qu'il sert encore et qu'il est à jour.",
        "{n} serveurs ou services sont publiés sur Internet : vérifier qu'ils servent encore et qu'ils sont à jour.",
    )
    if unfiltered:
        message += plural(unfiltered, " {n} passe sans aucune règle.", " {n} passent sans aucune règle.")
    severity = Severity.HIGH if unfiltered else None
    return failed(device.name, message, seen, affected=affected, severity=severity)


def _publication(device: Device, one: NatRule) -> Affected:
    public = (
        listed(device.addresses[one.destination].ranges or device.addresses[one.destination].names)
        or "adresse publique"
    )
    services = listed(device.services[one.services].services) or "service non résolu"
    ports = f":{one.to_ports}" if one.to_ports else ""
    target = f"{one.to_address or 'adresse inchangée'}{ports}"
    via = f" sur {listed(one.in_zones)}" if one.in_zones else ""
    bare = " ; passe sans règle de filtrage" if one.permits else ""
    name = f" « {one.name} »" if one.name and one.name != one.ref else ""
    return Affected(
        id=f"nat:{one.ref}:{public}:{services}:{target}"[:200],
        label=f"publication {one.ref}{name}",
        detail=f"{public} ({services}){via} → {target}{bare}",
        kind="published",
        ref=one.ref,
        line=one.line or None,
    )


@each_device
def inspection(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every active rule that lets the Internet in has at least one inspection profile."""
    device = review.device
    zones = set(roles.with_role(review.roles, roles.WAN))
    if not zones:
        return undeclared(device, roles.WAN)
    entering = [rule for chain, rule in written(device) if chain.hook != INPUT and opens(rule) and _enters(rule, zones)]
    entering = [rule for rule in entering if rule.in_zones or wide_addresses(device.addresses[rule.source])]
    if not entering:
        return not_applicable(device.name, f"Aucune règle de {device.name} ne laisse entrer Internet.")
    known = [rule for rule in entering if rule.profiles is not None]
    bare = [rule for rule in known if not rule.profiles]
    seen = evidence(device, f"{len(bare)} sur {plural(len(entering), '{n} règle entrante', '{n} règles entrantes')}")
    if bare:
        affected = distinct(
            point(device, rule, "no-inspection", f"depuis {listed(rule.in_zones)} : aucun profil d'inspection")
            for rule in bare
        )
        message = plural(
            len(affected),
            "{n} règle laisse entrer Internet sans détection d'intrusion ni antivirus.",
            "{n} règles laissent entrer Internet sans détection d'intrusion ni antivirus.",
        )
        return failed(device.name, message, seen, affected=affected)
    if len(known) < len(entering):
        return unsupported(device, "L'export ne dit pas si les règles venant d'Internet sont inspectées.")
    return passed(device.name, "Toutes les règles venant d'Internet sont inspectées.", seen)


def _enters(rule: Rule, zones: set[str]) -> bool:
    """From the Internet sides, or from anywhere towards something else than them."""
    if rule.in_zones:
        return bool(zones.intersection(rule.in_zones)) is not rule.in_negated
    return not rule.out_zones or rule.out_negated or not zones.issuperset(rule.out_zones)
