"""RouterOS firewall rules: from properties to the rules and translations of the model.

Reference: RouterOS manual, "Common Firewall Matchers and Actions".
"""

from __future__ import annotations

from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import difference, intersection
from checks.firewall.algebra.services import PORTED, ServiceError, Services
from checks.firewall.facts import DENY, JUMP, NONE, NOT_TRANSLATED, PERMIT, RETURN, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.mikrotik_objects import AddressLists, InterfaceLists, address
from checks.firewall.parsers.mikrotik_rsc import Item

ACTIONS = {
    "accept": PERMIT, "drop": DENY, "reject": DENY, "tarpit": DENY, "jump": JUMP, "return": RETURN,
    "log": NONE, "passthrough": NONE, "fasttrack-connection": NONE, "add-src-to-address-list": NONE,
    "add-dst-to-address-list": NONE,
}  # fmt: skip
META = frozenset({
    "chain", "action", "disabled", "comment", "log", "log-prefix", "jump-target", "reject-with", "address-list",
    "address-list-timeout", "to-addresses", "to-ports", "hw-offload", "bytes", "packets", "dynamic", "invalid",
    "randomise-ports", "same-not-by-dst",
})  # fmt: skip
"""Properties that do not narrow what a rule matches."""
EVALUATED = frozenset({
    "src-address", "dst-address", "src-address-list", "dst-address-list", "protocol", "src-port", "dst-port", "port",
    "icmp-options", "in-interface", "out-interface", "in-interface-list", "out-interface-list", "connection-state",
    "connection-nat-state",
})  # fmt: skip
CONDITIONS = {
    "layer7-protocol": "protocole de niveau 7", "content": "contenu", "limit": "limite de débit",
    "dst-limit": "limite par destination", "time": "horaire", "src-mac-address": "adresse matérielle",
    "connection-mark": "marque de connexion", "packet-mark": "marque de paquet", "routing-mark": "marque de routage",
    "routing-table": "table de routage", "connection-limit": "nombre de connexions", "connection-rate": "débit",
    "connection-bytes": "volume", "connection-type": "type de connexion", "psd": "balayage de ports",
    "random": "tirage", "nth": "une fois sur n", "hotspot": "portail captif", "ipsec-policy": "politique IPsec",
    "tcp-flags": "drapeaux TCP", "tcp-mss": "taille TCP", "dscp": "champ DSCP", "ttl": "durée de vie",
    "hop-limit": "durée de vie", "fragment": "fragments", "ingress-priority": "priorité d'entrée",
    "priority": "priorité", "packet-size": "taille de paquet", "tls-host": "nom TLS", "p2p": "pair à pair",
    "per-connection-classifier": "répartition de connexions", "in-bridge-port": "port de pont",
    "out-bridge-port": "port de pont", "in-bridge-port-list": "ports de pont", "out-bridge-port-list": "ports de pont",
    "src-address-type": "type d'adresse source", "dst-address-type": "type d'adresse destination",
    "ipv4-options": "options IPv4", "headers": "en-têtes IPv6", "realm": "domaine de routage",
}  # fmt: skip
STATES = ("new", "established", "related", "invalid", "untracked")
GROUPS_OF_INTERFACES = frozenset({"all-ethernet", "all-wireless", "all-vlan", "all-ppp", "dynamic", "static", "none"})
TRANSLATED = "dst-nat"
"""Name of the traffic that a destination NAT rule translated."""
NAT_KINDS = {"dst-nat": "destination", "redirect": "destination", "src-nat": "source", "masquerade": "source",
             "same": "source"}  # fmt: skip


class Zones(NamedTuple):
    """Interfaces of one side of a rule."""

    names: tuple[str, ...] = ()
    negated: bool = False
    condition: str = ""


class RuleReader:
    """Reads the rules of one IP version."""

    def __init__(self, builder: DeviceBuilder, lists: AddressLists, interfaces: InterfaceLists, family: int) -> None:
        self._builder = builder
        self._lists = lists
        self._interfaces = interfaces
        self._family = family
        self._any = ip.ANY4 if family == 4 else ip.ANY6  # noqa: PLR2004

    def rule(self, item: Item, ref: str, *, prefix: str = "", before_nat: bool = False) -> Rule | None:
        """One filter or raw rule. None when its action is unknown. `prefix`: of the names of called chains."""
        action = ACTIONS.get(item.get("action", "accept"))
        conditions = self._conditions(item, ref)
        if item.get("action") == "notrack":
            # Whether the packet goes on in this chain is not documented.
            action, conditions = PERMIT, [*conditions, "notrack : suite de la chaîne incertaine"]
        if action is None:
            return None
        services, doubts = self._services(item)
        incoming, outgoing = self._zones(item, "in"), self._zones(item, "out")
        conditions += [*doubts, *(zones.condition for zones in (incoming, outgoing) if zones.condition)]
        if before_nat and any(item.get(name) for name in ("dst-address", "dst-address-list", "dst-port")):
            conditions.append("destination lue avant translation")
        return Rule(
            ref=ref,
            line=item.line,
            action=action,
            target=prefix + item.get("jump-target") if action == JUMP else "",
            enabled=not item.disabled,
            source=self._cell(item, "src"),
            destination=self._cell(item, "dst"),
            services=self._builder.service(services, self._service_names(item)),
            in_zones=incoming.names,
            in_negated=incoming.negated,
            out_zones=outgoing.names,
            out_negated=outgoing.negated,
            state=self._states(item),
            translated=self._translated(item),
            conditions=tuple(conditions),
            schedule=item.get("time"),
            log=item.on("log") or item.get("action") == "log",
            comment=item.get("comment"),
        )

    def _conditions(self, item: Item, ref: str) -> list[str]:
        found = []
        for name, value in item.fields.items():
            if name in META or name in EVALUATED or value == "":
                continue
            if name in CONDITIONS:
                found.append(f"{CONDITIONS[name]} : {value}")
            else:
                self._builder.not_understood(item.line, f"{name}={value}", f"la règle {ref} ne prouve rien")
                found.append(f"directive non comprise : {name}")
        if any(state not in STATES for state in _listed(item.get("connection-state").removeprefix("!"))):
            found.append(f"état : {item.get('connection-state')}")
        if item.get("connection-nat-state").removeprefix("!") not in ("", "dstnat"):
            found.append(f"translation : {item.get('connection-nat-state')}")
        return found

    def _cell(self, item: Item, side: str) -> int:
        value = self._any
        names = []
        for text, read in (
            (item.get(f"{side}-address"), lambda one: address(one, self._family)),
            (item.get(f"{side}-address-list"), self._lists.resolve),
        ):
            if not text:
                continue
            names.append(text)
            one = read(text.removeprefix("!"))
            if text.startswith("!"):
                one = ip.negate(one, families=(self._family,))
            value = _both(value, ip.only(one, self._family))
        return self._builder.address(value, names or ("any",))

    def _zones(self, item: Item, side: str) -> Zones:
        one, several = item.get(f"{side}-interface"), item.get(f"{side}-interface-list")
        if one and several:
            first, second = self._interface(one), self._interface_list(several)
            if first.condition or second.condition or first.negated or second.negated:
                return Zones(condition=f"interfaces : {one} et {several}")
            common = tuple(name for name in first.names if not second.names or name in second.names)
            return Zones(common) if common else Zones(condition=f"interfaces : {one} et {several}")
        return self._interface(one) if one else self._interface_list(several)

    @staticmethod
    def _interface(text: str) -> Zones:
        name = text.removeprefix("!")
        if name in GROUPS_OF_INTERFACES:
            return Zones(condition=f"interface : {text}")
        return Zones((name,), text.startswith("!")) if name else Zones()

    def _interface_list(self, text: str) -> Zones:
        name = text.removeprefix("!")
        if name in ("", "all"):
            return Zones(condition=f"liste d'interfaces : {text}" if text.startswith("!") else "")
        members = self._interfaces.members(name)
        if members:
            return Zones(tuple(members), text.startswith("!"))
        if members == {} and text.startswith("!"):
            return Zones()
        return Zones(condition=f"liste d'interfaces non résolue : {text}")

    @staticmethod
    def _service_names(item: Item) -> list[str]:
        parts = (
            ("protocol", ""),
            ("icmp-options", "options "),
            ("dst-port", ""),
            ("src-port", "source "),
            ("port", ""),
        )
        return [f"{label}{item.get(name)}" for name, label in parts if item.get(name)] or ["any"]

    def _services(self, item: Item) -> tuple[Services, list[str]]:
        doubts: list[str] = []
        text = item.get("protocol")
        protocols = list(range(256))
        if text:
            try:
                number = svc.protocol_number(text.removeprefix("!"))
            except ServiceError:
                return svc.unknown(f"protocole:{text}"), doubts
            protocols = [one for one in protocols if one != number] if text.startswith("!") else [number]
        value = svc.within(svc.ANY, protocols) if text else svc.ANY
        for name in ("dst-port", "src-port", "port"):
            if ports := item.get(name):
                alone = name != "port" or not (item.get("dst-port") or item.get("src-port"))
                limited = _ports(value, protocols, ports, name) if text and alone else None
                if limited is None:
                    doubts.append(f"{name} : {ports}")
                else:
                    value = limited
        if options := item.get("icmp-options"):
            limited = _icmp(protocols, options)
            if limited is None:
                doubts.append(f"ICMP : {options}")
            else:
                value = limited
        return value, doubts

    @staticmethod
    def _states(item: Item) -> tuple[str, ...]:
        text = item.get("connection-state")
        wanted = [state for state in _listed(text.removeprefix("!")) if state in STATES]
        if text.startswith("!"):
            return tuple(state for state in STATES if state not in wanted)
        return tuple(wanted)

    @staticmethod
    def _translated(item: Item) -> tuple[str, ...]:
        return {"dstnat": (TRANSLATED,), "!dstnat": (NOT_TRANSLATED,)}.get(item.get("connection-nat-state"), ())

    def nat(self, item: Item, ref: str) -> NatRule | None:
        """One translation; None for a rule that translates nothing."""
        action = item.get("action", "accept")
        chain = item.get("chain")
        kind = NAT_KINDS.get(action, "")
        if action == "netmap":
            kind = "destination" if chain == "dstnat" else "source"
        self._conditions(item, ref)
        if not kind:
            if action not in ("accept", *ACTIONS):
                self._builder.not_understood(item.line, item.text, "la translation d'adresses")
            return None
        services, _ = self._services(item)
        return NatRule(
            ref=ref,
            line=item.line,
            kind=kind,
            enabled=not item.disabled,
            in_zones=self._zones(item, "in").names,
            source=self._cell(item, "src"),
            destination=self._cell(item, "dst"),
            services=self._builder.service(services, self._service_names(item)),
            to_address=item.get("to-addresses"),
            to_ports=item.get("to-ports"),
            comment=item.get("comment"),
        )


def _listed(text: str) -> list[str]:
    return [one for one in text.split(",") if one]


def _both(left: Addresses, right: Addresses) -> Addresses:
    """What two criteria of one cell hold together."""
    v4, v6 = intersection(left.v4, right.v4), intersection(left.v6, right.v6)
    return Addresses(
        v4=v4,
        v6=v6,
        maybe4=difference(intersection(left.over4, right.over4), v4),
        maybe6=difference(intersection(left.over6, right.over6), v6),
        unresolved=(*left.unresolved, *right.unresolved),
    )


def _ports(value: Services, protocols: list[int], text: str, name: str) -> Services | None:
    """`value` limited to some ports; None when the criterion cannot be read."""
    ported = [one for one in protocols if one in PORTED]
    if not ported:
        return None
    try:
        ports = svc.parse_ports(text.removeprefix("!"))
    except ServiceError:
        return None
    if text.startswith("!"):
        ports = difference(svc.ANY_PORT, ports)
    if name == "dst-port":
        found = svc.join(*(svc.of(one, ports) for one in ported))
        wanted = {box.source_ports for box in value.sure}
        return found if wanted == {svc.ANY_PORT} else None
    if name == "src-port":
        boxes = [box._replace(source_ports=ports) for box in svc.within(value, ported).sure]
        return Services(sure=tuple(boxes))
    either = [one for number in ported for one in (svc.of(number, ports), svc.of(number, source_ports=ports))]
    return svc.join(*either)


def _icmp(protocols: list[int], text: str) -> Services | None:
    if len(protocols) != 1 or protocols[0] not in svc.ICMP_LIKE or text.startswith("!"):
        return None
    kind, _, codes = text.partition(":")
    low, _, high = codes.partition("-")
    numbers = [kind, low or "0", high or low or "255"]
    if not all(one.isascii() and one.isdigit() and len(one) < 4 and int(one) <= svc.TOP_TYPE for one in numbers):  # noqa: PLR2004
        return None
    first, last = int(numbers[1]), int(numbers[2])
    return svc.of(protocols[0], ((int(kind) * 256 + first, int(kind) * 256 + last),)) if first <= last else None
