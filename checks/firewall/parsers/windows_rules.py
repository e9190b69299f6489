"""Windows Defender Firewall: one neutral form for the rules of every export, and the chains they make.

Rules have no order. An authenticated bypass beats a block, a block beats an allow, an allow beats the default of the
profile ([MS-FASP] 2.2.34; Microsoft documentation, "Windows Firewall rules").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, normal
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.facts import DENY, INPUT, OUTPUT, PERMIT, Chain, Device, Interface, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError

IN, OUT = "in", "out"
ALLOW, BLOCK, BYPASS = "allow", "block", "bypass"
LOCAL, GPO = "local", "gpo"
PROFILES = ("Domain", "Private", "Public")
TITLES = {"Domain": "Profil de domaine", "Private": "Profil privé", "Public": "Profil public"}
ANY_WORDS = frozenset({"", "any", "tout", "tous", "toute", "toutes", "*", "none", "notrequired"})
"""How the exports write that a cell is not limited."""
ANY_PROTOCOLS = ANY_WORDS | {"256"}
WORDS = {"hopopt": 0, "icmpv4": 1, "igmp": 2, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "gre": 47, "icmpv6": 58,
         "ipv6-nonxt": 59, "ipv6-opts": 60, "vrrp": 112, "pgm": 113, "l2tp": 115}  # fmt: skip
LIMITS = (
    "Le profil actif (domaine, privé ou public) dépend du réseau où la machine se trouve : il n'est pas dans l'export.",
    "Les compteurs de passage n'existent pas sous Windows.",
    "Lecture établie d'après la documentation de Microsoft, pas vérifiée sur une machine Windows.",
)


class WinRule(NamedTuple):
    """One rule, whatever the export it comes from. Empty cells mean any."""

    ref: str
    line: int
    name: str
    direction: str
    """`in`, `out`, or empty when the export says something else."""
    action: str
    """`allow`, `block`, `bypass`, or empty when the export says something else."""
    enabled: bool
    profiles: tuple[str, ...] = ()
    protocol: str = ""
    local_ports: tuple[str, ...] = ()
    remote_ports: tuple[str, ...] = ()
    icmp: tuple[str, ...] = ()
    """`8`, `8:*`, `3:4`."""
    local_addresses: tuple[str, ...] = ()
    remote_addresses: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    group: str = ""
    description: str = ""
    store: str = ""
    """`local`, `gpo`, or empty when the export does not say."""


class WinProfile(NamedTuple):
    """Settings of one network profile; None when the export does not show them."""

    line: int = 0
    enabled: bool | None = None
    inbound: str = ""
    """`permit` or `deny`."""
    outbound: str = ""
    allow_local_rules: bool | None = None
    allow_inbound_rules: bool | None = None
    """False: every incoming connection is refused, whatever the rules."""


def is_any(text: str) -> bool:
    """The cell is not limited."""
    return text.strip().lower() in ANY_WORDS


def listed(text: str) -> tuple[str, ...]:
    """Values of a cell with commas, empty when it is not limited."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    return () if any(is_any(part) for part in parts) else parts


def addresses_of(values: Sequence[str]) -> Addresses:
    """The set of a cell; a keyword (`LocalSubnet`, `DNS`…) depends on the network at run time."""
    if not values:
        return ip.ANY
    found: list[str] = []
    unresolved: list[str] = []
    for value in values:
        try:
            ip.parse_range(value)
        except AddressError:
            unresolved.append(f"mot clé : {value}")
        else:
            found.append(value)
    exact = ip.from_ranges(found)
    return ip.join(exact, ip.unknown(*unresolved)) if unresolved else exact


def _ports(values: Sequence[str]) -> tuple[Intervals, tuple[str, ...]]:
    """Certain ports, and the keywords (`RPC`, `Teredo`…) whose ports are chosen at run time."""
    pairs: list[tuple[int, int]] = []
    keywords: list[str] = []
    for value in values:
        try:
            pairs += svc.parse_ports(value.replace(" ", ""))
        except ServiceError:
            keywords.append(value)
    return (normal(pairs) if values else svc.ANY_PORT), tuple(keywords)


def protocol_of(text: str) -> int | None:
    """Protocol number; -1 for any, None when it is not known."""
    name = text.strip().lower()
    if name in ANY_PROTOCOLS:
        return -1
    if name in WORDS:
        return WORDS[name]
    try:
        return svc.protocol_number(name)
    except ServiceError:
        return None


def services_of(rule: WinRule) -> Services:
    """The services of a rule: its ports are those of the destination of the packet."""
    number = protocol_of(rule.protocol)
    if number is None:
        return svc.unknown(f"protocole : {rule.protocol}")
    if number == -1:
        return svc.ANY
    if number in svc.ICMP_LIKE:
        return svc.join(*(_icmp(number, text) for text in rule.icmp)) if rule.icmp else svc.of(number)
    incoming = rule.direction != OUT
    to, to_words = _ports(rule.local_ports if incoming else rule.remote_ports)
    back, back_words = _ports(rule.remote_ports if incoming else rule.local_ports)
    if number not in svc.PORTED:
        return svc.of(number)
    exact = svc.of(number, to, back) if to and back else svc.NOTHING
    if not (to_words or back_words):
        return exact
    words = tuple(f"port : {word}" for word in (*to_words, *back_words))
    wide = svc.of(number, svc.ANY_PORT if to_words else to, svc.ANY_PORT if back_words else back)
    return Services(sure=exact.sure, maybe=wide.sure, unresolved=words)


def _icmp(number: int, text: str) -> Services:
    kind, _, code = text.replace(" ", "").partition(":")
    if kind.isdecimal() and len(kind) <= 3 and int(kind) <= svc.TOP_TYPE:  # noqa: PLR2004
        if code in ("", "*") or code.lower() in ANY_WORDS:
            return svc.icmp(number, int(kind))
        if code.isdecimal() and len(code) <= 3 and int(code) <= svc.TOP_TYPE:  # noqa: PLR2004
            return svc.icmp(number, int(kind), int(code))
    return svc.unknown(f"type ICMP : {text}", protocols=(number,))


def device_of(
    builder: DeviceBuilder,
    rules: Sequence[WinRule],
    profiles: Mapping[str, WinProfile],
    *,
    name: str = "",
    product: str = "Pare-feu Windows Defender",
    firmware: str = "",
    limits: Iterable[str] = (),
) -> tuple[Device, ...]:
    """The machine: what may come in, what may go out."""
    if len(rules) > MAX_OBJECTS:
        raise ParseError("trop de règles")
    notes = [*limits, *LIMITS]
    missing = [title for profile, title in TITLES.items() if profile not in profiles]
    if missing:
        notes.append(
            f"L'action par défaut n'est pas dans l'export ({', '.join(missing)}) : celle de Windows est supposée."
        )
    chains = tuple(_chain(builder, rules, profiles, way) for way in (IN, OUT))
    interfaces = tuple(
        Interface(
            name=profile,
            title=TITLES[profile],
            line=profiles[profile].line if profile in profiles else 0,
            enabled=profile not in profiles or profiles[profile].enabled is not False,
        )
        for profile in PROFILES
    )
    device = builder.build(
        name=name, product=product, firmware=firmware, chains=chains, interfaces=interfaces, limits=notes
    )
    return (device,)


def _chain(builder: DeviceBuilder, rules: Sequence[WinRule], profiles: Mapping[str, WinProfile], way: str) -> Chain:
    concerned = [rule for rule in rules if rule.direction in (way, "")]
    ordered = [rule for action in (BYPASS, BLOCK, "", ALLOW) for rule in concerned if rule.action == action]
    first, last = _automatic(builder, profiles, way)
    defaults = {_default(profiles.get(profile), way) for profile in PROFILES}
    certain = len(defaults) == 1 and None not in defaults
    usual = DENY if way == IN else PERMIT
    return Chain(
        name="trafic entrant" if way == IN else "trafic sortant",
        hook=INPUT if way == IN else OUTPUT,
        default=next(iter(defaults)) or usual if certain else usual,
        default_certain=certain,
        rules=(*first, *(_rule(builder, rule, profiles, way) for rule in ordered), *last),
    )


def _default(profile: WinProfile | None, way: str) -> str | None:
    if profile is None:
        return None
    return (profile.inbound if way == IN else profile.outbound) or None


def _automatic(builder: DeviceBuilder, profiles: Mapping[str, WinProfile], way: str) -> tuple[list[Rule], list[Rule]]:
    """What the settings of each profile do, before and after the rules."""
    first: list[Rule] = []
    last: list[Rule] = []

    def add(where: list[Rule], title: str, action: str, profile: str, conditions: tuple[str, ...] = ()) -> None:
        where.append(
            Rule(
                ref=f"{title} ({TITLES[profile].lower()})",
                name=title,
                line=profiles[profile].line,
                action=action,
                source=builder.any_address,
                destination=builder.any_address,
                services=builder.any_service,
                in_zones=(profile,) if way == IN else (),
                out_zones=(profile,) if way == OUT else (),
                conditions=conditions,
                automatic=True,
            )
        )

    for profile, found in profiles.items():
        if found.enabled is False:
            add(first, "pare-feu désactivé", PERMIT, profile)
        elif found.enabled is None:
            add(first, "pare-feu désactivé", PERMIT, profile, ("état du pare-feu absent de l'export",))
        if way == IN and found.allow_inbound_rules is False:
            add(first, "toutes les connexions entrantes refusées", DENY, profile)
        default = _default(found, way)
        if default:
            add(last, "action par défaut", default, profile)
    return first, last


def _rule(builder: DeviceBuilder, rule: WinRule, profiles: Mapping[str, WinProfile], way: str) -> Rule:
    incoming = way == IN
    conditions = list(rule.conditions)
    zones = rule.profiles or PROFILES
    if rule.store == LOCAL:
        zones = tuple(zone for zone in zones if zone not in profiles or profiles[zone].allow_local_rules is not False)
    if not rule.direction:
        conditions.append("sens de la règle non compris")
    if not rule.action:
        conditions.append("action de la règle non comprise")
    if rule.action == BYPASS:
        conditions.append("contournement authentifié par IPsec")
    local = builder.address(addresses_of(rule.local_addresses), rule.local_addresses or ("any",))
    remote = builder.address(addresses_of(rule.remote_addresses), rule.remote_addresses or ("any",))
    return Rule(
        ref=rule.ref,
        line=rule.line,
        name=rule.name,
        action=DENY if rule.action == BLOCK else PERMIT,
        source=remote if incoming else local,
        destination=local if incoming else remote,
        services=builder.service(services_of(rule._replace(direction=way)), (_service_name(rule, way),)),
        enabled=rule.enabled and bool(zones),
        in_zones=zones if incoming and set(zones) != set(PROFILES) else (),
        out_zones=zones if not incoming and set(zones) != set(PROFILES) else (),
        conditions=tuple(conditions),
        comment=rule.description if zones else "règle locale ignorée : la stratégie de groupe ne les admet pas",
        section=rule.group,
    )


def _service_name(rule: WinRule, way: str) -> str:
    ports = rule.local_ports if way == IN else rule.remote_ports
    text = rule.protocol if protocol_of(rule.protocol) != -1 else "any"
    details = ",".join(rule.icmp or ports)
    return f"{text}/{details}" if details else text


def unique(refs: dict[str, int], name: str) -> str:
    """Name of a rule made unique: Windows lets several rules share one."""
    seen = refs.get(name, 0)
    refs[name] = seen + 1
    return f"{name} ({seen + 1})" if seen else name
