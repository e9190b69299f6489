"""Stormshield SNS rules: from tokens to the rules and translations of the model."""

from __future__ import annotations

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import union
from checks.firewall.algebra.services import PORTED, PORTS, Services
from checks.firewall.facts import DENY, NONE, PERMIT, RETURN, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.stormshield_objects import Objects
from checks.firewall.parsers.stormshield_text import FLAGS, PROFILES, TOKENS, RawRule, elements, number

LOCAL, GLOBAL, IMPLICIT = "local", "global", "implicit"
ACTIONS = {"pass": PERMIT, "block": DENY, "reset": DENY, "log": NONE, "decrypt": NONE, "deleg": RETURN}
"""`decrypt` and `log` let the traffic go on down the list; `deleg` leaves the global policy for the local one."""
FLAG_CONDITIONS = {
    "fwservice": "service du pare-feu",
    "inbound": "service entrant",
    "tos": "champ DSCP",
    "rate": "limite de débit",
    "enforceipsecforward": "passage IPsec imposé",
    "enforceipsecreverse": "retour IPsec imposé",
    "srcuserdomain": "domaine",
    "srcusermethod": "méthode d'authentification",
    "srchostrep": "réputation de la machine source",
    "dsthostrep": "réputation de la machine destination",
}
"""What narrows a rule beyond addresses and ports."""
IDLE = frozenset({"", "any", "off", "none", "anytime", "auto"})
"""Values that ask for nothing."""
UNDERSTOOD = TOKENS | FLAGS


class RuleReader:
    """Turns tokens into rules with the named objects of one firewall."""

    def __init__(self, builder: DeviceBuilder, objects: Objects) -> None:
        self._builder = builder
        self._objects = objects
        self.unknown_action = False

    def rule(self, raw: RawRule, scope: str) -> Rule:
        """One filter rule."""
        tokens = raw.tokens
        action = self._action(raw, scope)
        conditions = [*self._conditions(tokens), *self._not_understood(raw)]
        services, doubts = self._services(tokens)
        schedule = tokens.get("schedule", "")
        return Rule(
            ref=raw.ref,
            name=tokens.get("rulename", ""),
            line=raw.line,
            file=raw.file,
            action=action,
            enabled=tokens.get("state", "on") != "off",
            source=self._cell(tokens, "src"),
            destination=self._cell(tokens, "dst"),
            services=self._builder.service(services, self._service_names(tokens)),
            in_zones=self._zones(tokens, "src"),
            out_zones=self._zones(tokens, "dst"),
            conditions=(*conditions, *doubts),
            schedule="" if schedule in IDLE else schedule,
            log=self._log(tokens, action),
            comment=tokens.get("comment", ""),
            profiles=self._profiles(tokens) if action == PERMIT else None,
            hits=raw.hits,
            section=raw.section,
            automatic=scope == IMPLICIT,
        )

    def _action(self, raw: RawRule, scope: str) -> str:
        word = raw.tokens.get("action", "")
        action = ACTIONS.get(word)
        if action is None or (action == RETURN and scope != GLOBAL):
            self.unknown_action = True
            self._builder.not_understood(raw.line, raw.text, f"action « {word} » : le sort du trafic", raw.file)
            return NONE
        return action

    def _not_understood(self, raw: RawRule) -> list[str]:
        found = list(raw.unknown)
        for text in found:
            self._builder.not_understood(raw.line, text, f"la règle {raw.ref or raw.line} ne prouve rien", raw.file)
        return [f"directive non comprise : {text}" for text in found]

    @staticmethod
    def _conditions(tokens: dict[str, str]) -> list[str]:
        found = []
        if (user := tokens.get("srcuser", "")) not in IDLE - {"any"}:
            found.append(f"utilisateur : {user}")
        if (schedule := tokens.get("schedule", "")) not in IDLE:
            found.append(f"horaire : {schedule}")
        if (via := tokens.get("via", "")) not in ("", "any"):
            found.append(f"via : {via}")
        if (proto := tokens.get("proto", "")) not in IDLE:
            found.append(f"protocole applicatif : {proto}")
        found += [
            f"{label} : {tokens[name]}" for name, label in FLAG_CONDITIONS.items() if tokens.get(name, "") not in IDLE
        ]
        return found

    def _cell(self, tokens: dict[str, str], side: str) -> int:
        text = tokens.get(f"{side}target", "")
        value = self._objects.target(text)
        names = list(elements(text)) or ["any"]
        for token, label in ((f"{side}geo", "geo"), (f"{side}iprep", "réputation")):
            wanted = [f"{label}:{one}" for one in elements(tokens.get(token, "")) if one not in IDLE]
            if wanted:
                # Whether the two criteria add up or overlap, anything may belong.
                value = ip.unknown(*value.unresolved, *wanted)
                names += wanted
        return self._builder.address(value, names)

    @staticmethod
    def _zones(tokens: dict[str, str], side: str) -> tuple[str, ...]:
        return tuple(one for one in elements(tokens.get(f"{side}if", "")) if one.lower() not in ("any", "original"))

    @staticmethod
    def _service_names(tokens: dict[str, str]) -> list[str]:
        names = list(elements(tokens.get("dstport", "")))
        protocol = tokens.get("ipproto", "")
        if protocol not in IDLE:
            icmp = "/".join(tokens[name] for name in ("icmptype", "icmpcode") if tokens.get(name))
            names.insert(0, f"{protocol} {icmp}".strip())
        return names or ["any"]

    def _services(self, tokens: dict[str, str]) -> tuple[Services, list[str]]:
        value = self._ports(tokens, "dst")
        protocol = tokens.get("ipproto", "")
        doubts: list[str] = []
        if protocol not in IDLE:
            numbers = [self._objects.protocol(name) for name in elements(protocol)]
            known = [one for one in numbers if one is not None]
            if len(known) == len(numbers):
                value = self._icmp(tokens, known) or svc.within(value, known)
            else:
                value = svc.unknown(f"protocole:{protocol}")
        if tokens.get("srcport", "") not in IDLE:
            source = self._ports(tokens, "src")
            limited = _with_source_ports(value, source)
            if limited is None:
                doubts.append(f"port source : {tokens['srcport']}")
            else:
                value = limited
        return value, doubts

    def _ports(self, tokens: dict[str, str], side: str) -> Services:
        text = tokens.get(f"{side}port", "")
        operator = tokens.get(f"{side}portop", "eq") or "eq"
        value = self._objects.ports(text)
        return value if operator == "eq" else svc.unknown(f"port {operator} {text}")

    @staticmethod
    def _icmp(tokens: dict[str, str], protocols: list[int]) -> Services | None:
        kind, code = number(tokens.get("icmptype", "")), number(tokens.get("icmpcode", ""))
        if kind is None or kind > svc.TOP_TYPE or (code or 0) > svc.TOP_TYPE:
            return None
        if len(protocols) != 1 or protocols[0] not in svc.ICMP_LIKE:
            return None
        return svc.icmp(protocols[0], kind, code)

    @staticmethod
    def _log(tokens: dict[str, str], action: str) -> bool | None:
        level = tokens.get("loglevel", "none") or "none"
        if level != "none":
            return True
        if action == DENY or tokens.get("noconnlog", "") == "all":
            return False
        # The standard level leaves the connection log to the protocol analysis.
        return None

    @staticmethod
    def _profiles(tokens: dict[str, str]) -> tuple[str, ...]:
        mode = (tokens.get("inspection", "") or "ips").partition(":")[0]
        found = [] if mode == "firewall" else [mode]
        return (*found, *(name for name in PROFILES if tokens.get(name, "") not in ("", "off")))

    def nat(self, raw: RawRule) -> tuple[NatRule, ...]:
        """Translations of one rule, of the NAT table or of the filter table."""
        tokens = raw.tokens
        source, destination = tokens.get("natsrctarget", ""), tokens.get("natdsttarget", "")
        kinds = [
            (kind, target, port)
            for kind, target, port in (
                ("source", source, tokens.get("natsrcport", "")),
                ("destination", destination, tokens.get("natdstport", "")),
            )
            if target.lower() not in ("", "original") or port.lower() not in ("", "original")
        ]
        services, _ = self._services(tokens)
        return tuple(
            NatRule(
                ref=raw.ref,
                name=tokens.get("rulename", ""),
                line=raw.line,
                file=raw.file,
                kind=kind,
                enabled=tokens.get("state", "on") != "off",
                in_zones=self._zones(tokens, "src"),
                source=self._cell(tokens, "src"),
                destination=self._cell(tokens, "dst"),
                services=self._builder.service(services, self._service_names(tokens)),
                to_address=self._to_address(target),
                to_ports=self._to_ports(port),
                comment=tokens.get("comment", ""),
            )
            for kind, target, port in kinds
        )

    def check_nat(self, raw: RawRule) -> None:
        """Report what is not understood in a line of the NAT table."""
        if raw.tokens.get("action") != "nat":
            self._builder.not_understood(raw.line, raw.text, "la translation d'adresses", raw.file)
        for text in raw.unknown:
            self._builder.not_understood(raw.line, text, f"la translation {raw.ref}", raw.file)

    def _to_address(self, target: str) -> str:
        if target.lower() in ("", "original", "any"):
            return ""
        value = self._objects.target(target)
        texts = ip.to_fact(value).ranges
        return texts[0] if value.exact and len(texts) == 1 else ""

    def _to_ports(self, port: str) -> str:
        if port.lower() in ("", "original", "any"):
            return ""
        value = self._objects.ports(port)
        spans = {(low % PORTS, high % PORTS) for box in value.sure for low, high in box.services}
        if len(spans) != 1:
            return ""
        ((low, high),) = spans
        return str(low) if low == high else f"{low}-{high}"

    def doubtful(self, ref: str, text: str, source: Addresses, action: str, value: Services) -> Rule:
        """A rule of the product that may exist and is not in the export."""
        return Rule(
            ref=ref,
            name=text,
            line=0,
            action=action,
            source=self._builder.address(source, ("any",)),
            destination=self._builder.any_address,
            services=self._builder.service(value),
            conditions=(text,),
            automatic=True,
        )


def _with_source_ports(value: Services, source: Services) -> Services | None:
    """`value` limited to some source ports; None when either is not exact."""
    if not value.exact or not source.exact:
        return None
    boxes = []
    for protocol in sorted(PORTED):
        low, high = protocol * PORTS, protocol * PORTS + PORTS - 1
        ports = union(
            *(
                tuple((max(a, low) - low, min(b, high) - low) for a, b in box.services if a <= high and b >= low)
                for box in source.sure
            )
        )
        if ports:
            boxes += [box._replace(source_ports=ports) for box in svc.within(value, [protocol]).sure]
    return Services(sure=tuple(boxes))
