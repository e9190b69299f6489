"""Check Point: JSON answers of the management API, one command per file or several in one.

Understood by what they hold: `show access-rulebase`, `show package`, `show nat-rulebase`, every `show` of objects,
`show gateways-and-servers`, `show administrators`, `show users`, `show vpn-communities-…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checks.common.text import clean
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.addresses import AddressError
from checks.firewall.facts import Administrator, Device, Interface, User, Vpn
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.checkpoint_files import Export, Json, items, table, texts, whole
from checks.firewall.parsers.checkpoint_objects import ADDRESS_KINDS
from checks.firewall.parsers.checkpoint_rules import Policy, ordered_layers
from checks.firewall.parsers.source import SourceFile
from checks.model import Gap, Reason

TITLE = "Check Point"
TOGETHER = True

_NAME = 200
_SIGNS = re.compile(
    r'"(?:objects-dictionary|access-layers|domain-type|implicit-cleanup-action|access-policy-installed)"\s*:'
    r'|"type"\s*:\s*"(?:access-rule|access-section|nat-rule|nat-section)"'
)
_LIMITS = (
    (
        "Les règles implicites (propriétés globales : connexions de contrôle, réponses de la passerelle…) ne sont pas "
        "dans ces réponses : elles passent avant ou après les règles et peuvent autoriser du trafic."
    ),
    (
        "Les règles concernent aussi le trafic vers la passerelle elle-même ; l'accès à son administration (Gaia) se "
        "règle ailleurs et n'est pas dans l'export."
    ),
)
_IKE = {
    "prefer ikev2 but support ikev1": (1, 2), "ikev2 only": (2,), "ikev1 for ipv4 and ikev2 for ipv6 only": (1, 2),
    "ikev1 only": (1,),
}  # fmt: skip


def recognise(file: SourceFile) -> bool:
    """A JSON answer of the Check Point management API."""
    return file.head.lstrip()[:1] in ("{", "[") and _SIGNS.search(file.head) is not None


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One firewall per policy package. Raises `ParseError`."""
    export = Export(files)
    packages: list[Json | None] = [node for node in export.packages.values() if _has_access(node)]
    if packages:
        return tuple(_device(export, files, node, ordered_layers(export, node)) for node in packages)
    layers = ordered_layers(export, None)
    if len(layers) < 2:  # noqa: PLR2004
        return (_device(export, files, None, layers),)
    return tuple(_device(export, files, None, [uid]) for uid in layers)


def _has_access(package: Json) -> bool:
    return bool(items(package.get("access-layers")))


def _device(export: Export, files: Sequence[SourceFile], package: Json | None, layers: list[str]) -> Device:
    builder = DeviceBuilder("checkpoint", files)
    name = texts(package.get("name")) if package else export.layers[layers[0]].name if layers else ""
    gateways = [node for node in export.gateways.values() if _is_gateway(node)]
    installed = [node for node in gateways if texts(table(node.get("policy")).get("access-policy-name")) == name]
    chosen = installed or gateways
    policy = Policy(export, builder, frozenset(texts(node.get("name")) for node in chosen))
    chains = policy.chains(layers)
    nat = policy.nat(export.nat)
    _publish(export, builder, policy)
    only = chosen[0] if len(chosen) == 1 else None
    return builder.build(
        name=texts(only.get("name")) if only else name,
        limits=(*_LIMITS, *_notes(export, package, layers, chosen)),
        product=" ".join(filter(None, ("Check Point", texts(only.get("operating-system")) if only else ""))),
        firmware=texts(only.get("version")) if only else "",
        interfaces=tuple(_interfaces(export, only)) if only else (),
        chains=chains,
        nat=nat,
        administrators=_administrators(export),
        users=_users(export),
        vpns=_vpns(export),
    )


def _is_gateway(node: Json) -> bool:
    blades = table(node.get("network-security-blades"))
    return bool(blades.get("firewall")) or "gateway" in texts(node.get("type")).lower()


def _notes(export: Export, package: Json | None, layers: list[str], gateways: list[Json]) -> Iterator[str]:
    if not layers:
        yield "Aucune règle d'accès dans ces fichiers : ajouter la réponse de « show access-rulebase »."
    elif package is None:
        yield (
            "La réponse de « show package » manque : l'ordre des couches et leur règle de fin implicite ne sont pas "
            "connus ; chaque couche est étudiée seule."
        )
    if not export.nat:
        yield "La réponse de « show nat-rulebase » manque : les traductions d'adresses ne sont pas étudiées."
    if len(gateways) > 1:
        yield "Plusieurs passerelles dans l'export : leurs interfaces ne sont pas distinguées par règle."
    yield "Les compteurs (show-hits) portent sur la période demandée à l'API, que la réponse ne rappelle pas."


def _publish(export: Export, builder: DeviceBuilder, policy: Policy) -> None:
    """Named objects of the site; those Check Point delivers are left out."""
    used = frozenset(policy.addresses.used | policy.services.used)
    for uid, (node, file) in export.objects.items():
        kind = texts(node.get("type"))
        if texts(table(node.get("domain")).get("name")) == "Check Point Data":
            continue
        line = export.line(uid, file)
        name = texts(node.get("name"))
        if kind in ADDRESS_KINDS or kind in ("group", "group-with-exclusion"):
            shown = "address-group" if kind.startswith("group") else "address"
            builder.add_object(name, shown, policy.addresses.resolve(uid), line=line, file=file, used=uid in used)
        elif kind.startswith("service-"):
            shown = "service-group" if kind == "service-group" else "service"
            builder.add_object(name, shown, policy.services.resolve(uid), line=line, file=file, used=uid in used)


def _interfaces(export: Export, gateway: Json) -> Iterator[Interface]:
    line = export.line(texts(gateway.get("uid")), export.objects[texts(gateway["uid"])][1])
    for one in items(gateway.get("interfaces")):
        node = table(one)
        name = texts(node.get("interface-name")) or texts(node.get("name"))
        if not name:
            continue
        topology = table(node.get("topology"))
        outside = topology.get("leads-to-internet") is True or texts(node.get("topology")) == "external"
        inside = "lan" if topology.get("leads-to-internet") is False else ""
        yield Interface(
            name=clean(name, _NAME),
            line=line,
            networks=_networks(node),
            role="wan" if outside else "dmz" if topology.get("leads-to-dmz") is True else inside,
        )


def _networks(node: Json) -> tuple[str, ...]:
    base, length = texts(node.get("ipv4-address")), whole(node.get("ipv4-mask-length"))
    if not base or length is None:
        return ()
    try:
        return ip.to_fact(ip.from_ranges((f"{base}/{length}",))).ranges
    except AddressError:
        return ()


def _nodes(export: Export, *kinds: str) -> Iterator[tuple[Json, int]]:
    for uid, (node, file) in export.objects.items():
        if texts(node.get("type")) in kinds:
            yield node, export.line(uid, file)


def _administrators(export: Export) -> tuple[Administrator, ...] | Gap:
    if not export.administrators_listed:
        return Gap(reason=Reason.UNSUPPORTED, detail="La réponse de « show administrators » n'est pas dans l'export.")
    return tuple(
        Administrator(
            name=clean(texts(node.get("name")), _NAME),
            line=line,
            enabled=node.get("locked") is not True,
            factory=texts(node.get("name")) == "admin",
            full_rights=_full_rights(node),
        )
        for node, line in _nodes(export, "administrator")
    )


def _full_rights(node: Json) -> bool | None:
    """Whether one of the profiles of an administrator is the one that may do everything."""
    profiles = node.get("permissions-profile", node.get("multi-domain-profile"))
    names = [
        texts(one) or texts(table(one).get("name")) or texts(table(table(one).get("profile")).get("name"))
        for one in (profiles if isinstance(profiles, list) else [profiles])
    ]
    known = [name.lower() for name in names if name]
    if not known:
        return None
    return any(name in ("super user", "read write all", "multi-domain super user") for name in known)


def _users(export: Export) -> tuple[User, ...] | Gap:
    if not export.users_listed:
        return Gap(reason=Reason.UNSUPPORTED, detail="La réponse de « show users » n'est pas dans l'export.")
    return tuple(User(name=clean(texts(node.get("name")), _NAME), line=line) for node, line in _nodes(export, "user"))


def _vpns(export: Export) -> tuple[Vpn, ...] | Gap:
    if not export.communities_listed:
        detail = "Les réponses de « show vpn-communities-star » et « -meshed » ne sont pas dans l'export."
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    kinds = ("vpn-community-meshed", "vpn-community-star", "vpn-community-remote-access")
    return tuple(_vpn(node, line) for node, line in _nodes(export, *kinds))


def _vpn(node: Json, line: int) -> Vpn:
    phases = [table(node.get("ike-phase-1")), table(node.get("ike-phase-2"))]
    # A predefined suite replaces the algorithms, which are then not those in use.
    custom = texts(node.get("encryption-suite")) in ("custom", "")
    ciphers = [_cipher(texts(one.get("encryption-algorithm"))) for one in phases if custom]
    hashes = [texts(one.get("data-integrity")).replace("-", "").lower() for one in phases if custom]
    groups = [texts(phases[0].get("diffie-hellman-group"))] if custom else []
    pfs = phases[1].get("ike-p2-use-pfs")
    if pfs is True and custom:
        groups.append(texts(phases[1].get("ike-p2-pfs-dh-grp")))
    return Vpn(
        kind="ipsec",
        name=clean(texts(node.get("name")), _NAME),
        line=line,
        remote_access=texts(node.get("type")).endswith("remote-access"),
        ike_versions=_IKE.get(texts(node.get("encryption-method")).lower(), ()),
        encryption=tuple(dict.fromkeys(one for one in ciphers if one)),
        integrity=tuple(dict.fromkeys(one for one in hashes if one)),
        dh_groups=tuple(dict.fromkeys(int(found[0]) for one in groups if (found := re.search(r"\d{1,2}", one)))),
        pfs=pfs if isinstance(pfs, bool) else None,
        authentication="psk" if node.get("use-shared-secret") is True else "",
    )


def _cipher(text: str) -> str:
    """`aes-256` → `aes256`, `aes-gcm-128` → `aes128gcm`."""
    plain = text.lower()
    gcm = re.fullmatch(r"aes-gcm-(\d{3})", plain)
    return f"aes{gcm[1]}gcm" if gcm else plain.replace("-", "")
