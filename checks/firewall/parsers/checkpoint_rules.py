"""Access layers of Check Point as chains, and its translations.

A package is a list of ordered layers: a packet crosses them all and each must accept. A rule may call an inline layer,
whose own cleanup is final: what it decides never goes back to the rule below.
Reference: Check Point Security Management Administration Guide, "Ordered Layers and Inline Layers".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.common.text import clean
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, FORWARD, JUMP, PERMIT, Chain, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.checkpoint_files import Export, Json, Layer, items, table, texts, whole
from checks.firewall.parsers.checkpoint_objects import address_resolver, is_any, service_resolver
from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError

_TEXT = 4000
_NAME = 200
_ACTIONS = {"accept": PERMIT, "drop": DENY, "reject": DENY, "inform": PERMIT, "ask": PERMIT}
_SESSION = frozenset(("user auth", "client auth", "session auth"))
_KNOWN_KEYS = frozenset(
    (
        "uid", "name", "type", "domain", "rule-number", "track", "track-alert", "source", "source-negate",
        "destination", "destination-negate", "service", "service-negate", "vpn", "action", "action-settings", "content",
        "content-negate", "content-direction", "time", "custom-fields", "meta-info", "comments", "enabled",
        "install-on", "inline-layer", "hits", "user-check", "service-resource", "layer", "package", "tags", "color",
        "icon", "read-only", "available-actions", "sequence-number",
    )
)  # fmt: skip


def references(value: object) -> list[object]:
    """A cell as a list, whether the API gave one value or several."""
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


class Policy:
    """The rules of one package."""

    def __init__(self, export: Export, builder: DeviceBuilder, gateways: frozenset[str]) -> None:
        self._export = export
        self._builder = builder
        self._gateways = gateways
        """Names of the gateways of the export, when it lists them."""
        self.addresses = address_resolver(export)
        self.services = service_resolver(export)
        self._layers = _layer_settings(export)
        self._names: dict[str, str] = {}
        """Chain name of each layer uid."""
        self._queue: list[str] = []
        self._count = 0

    def chains(self, ordered: Sequence[str]) -> tuple[Chain, ...]:
        """The ordered layers, then every inline layer they call."""
        found: list[Chain] = []
        for rank, uid in enumerate(ordered):
            self._names[uid] = self._unique(self._title(uid))
            found.append(self._chain(uid, FORWARD, 10 * rank))
        while self._queue:
            found.append(self._chain(self._queue.pop(0), "", 0))
        return tuple(found)

    def _title(self, uid: str) -> str:
        layer = self._export.layers.get(uid)
        return clean(layer.name if layer else texts(self._layers.get(uid, {}).get("name")) or uid, _NAME)

    def _unique(self, title: str) -> str:
        taken = set(self._names.values())
        name, number = title, 2
        while name in taken:
            name, number = f"{title} ({number})", number + 1
        return name

    def _chain(self, uid: str, hook: str, priority: int) -> Chain:
        name = self._names[uid]
        layer = self._export.layers.get(uid)
        cleanup = texts(self._layers.get(uid, {}).get("implicit-cleanup-action"))
        default = PERMIT if cleanup == "accept" else DENY
        if layer is None:
            why = f"la couche {name} n'est pas dans l'export : ce qu'elle autorise est inconnu"
            rule = Rule(
                ref="automatique", line=0, action=PERMIT, source=0, destination=0, services=0, automatic=True,
                name=why, conditions=(f"couche absente de l'export : {name}",),
            )  # fmt: skip
            return Chain(
                name=name, hook=hook, priority=priority, default=DENY, default_certain=False, exact=False,
                why_not_exact=why, rules=(rule,),
            )  # fmt: skip
        doubts = [layer.missing] if layer.missing else []
        rules = tuple(self._rules(layer, doubts))
        return Chain(
            name=name,
            hook=hook,
            priority=priority,
            default=default,
            default_certain=bool(cleanup),
            exact=not doubts,
            why_not_exact=" ; ".join(doubts[:3]),
            rules=rules,
        )

    def _rules(self, layer: Layer, doubts: list[str]) -> Iterator[Rule]:
        for _, page, file in layer.ordered():
            for entry in items(page.get("rulebase")):
                yield from self._entry(table(entry), "", layer, file, doubts)

    def _entry(self, entry: Json, section: str, layer: Layer, file: int, doubts: list[str]) -> Iterator[Rule]:
        kind = texts(entry.get("type"))
        if kind == "access-section":
            title = clean(texts(entry.get("name")), _NAME)
            for rule in items(entry.get("rulebase")):
                if texts(table(rule).get("type")) != "access-section":
                    yield from self._entry(table(rule), title, layer, file, doubts)
        elif kind == "access-rule":
            yield from self._rule(entry, section, layer, file, doubts)
        else:
            line = self._export.line(texts(entry.get("uid")), file)
            doubts.append(f"une ligne de la couche {layer.name} n'est pas lisible avec les droits de l'export")
            effect = "règle inconnue : rien n'est prouvé sur la couche"
            self._builder.not_understood(line, f"{kind} {texts(entry.get('name'))}", effect, file)

    def _rule(self, entry: Json, section: str, layer: Layer, file: int, doubts: list[str]) -> Iterator[Rule]:
        self._count += 1
        if self._count > MAX_OBJECTS:
            raise ParseError("trop de règles")
        uid = texts(entry.get("uid"))
        number = whole(entry.get("rule-number"))
        line = self._export.line(uid, file)
        action, target, why = self._action(entry)
        conditions = [*self._conditions(entry, line, file), *why]
        if not action:
            doubts.append(f"l'action de la règle {number} de la couche {layer.name} n'est pas comprise")
            effect = "action inconnue : rien n'est prouvé sur la couche"
            self._builder.not_understood(line, f"action {self._name(entry.get('action'))}", effect, file)
            return
        schedule, expires = self._time(entry.get("time"))
        track = self._track(entry.get("track"))
        rule = {
            "source": self._addresses(entry, "source"),
            "destination": self._addresses(entry, "destination"),
            "services": self._services(entry),
            "line": line,
            "file": file,
            "section": section,
            "enabled": entry.get("enabled") is not False,
            "schedule": schedule,
            "expires": expires,
        }
        yield Rule(
            ref=f"{layer.name} {number}" if number is not None else uid,
            name=clean(texts(entry.get("name")), _NAME),
            action=action,
            target=target,
            conditions=tuple(conditions),
            log=track,
            comment=clean(texts(entry.get("comments")), _TEXT),
            hits=whole(table(entry.get("hits")).get("value")),
            **rule,  # type: ignore[arg-type]
        )
        if why:
            # Whoever does not pass the question or the login is refused, not sent to the next rule.
            certain = why[0].startswith("Ask")
            yield Rule(
                ref="automatique",
                name=f"refus si la condition n'est pas remplie : {why[0]}",
                action=DENY,
                automatic=True,
                conditions=() if certain and len(conditions) == 1 else tuple(conditions),
                **rule,  # type: ignore[arg-type]
            )

    def _name(self, reference: object) -> str:
        return clean(self.addresses.name(reference), _NAME)

    def _action(self, entry: Json) -> tuple[str, str, list[str]]:
        """Action, chain called, and what it demands of the person."""
        inline = entry.get("inline-layer")
        if inline:
            uid = texts(table(inline).get("uid")) or self.addresses.uid(inline)
            if uid not in self._names:
                self._names[uid] = self._unique(self._title(uid))
                self._queue.append(uid)
            return JUMP, self._names[uid], []
        name = self._name(entry.get("action")).lower()
        if name in _SESSION:
            return PERMIT, "", [f"authentification de l'utilisateur : {self._name(entry.get('action'))}"]
        if name == "ask":
            return PERMIT, "", ["Ask : accord demandé à l'utilisateur"]
        return _ACTIONS.get(name, ""), "", []

    def _conditions(self, entry: Json, line: int, file: int) -> Iterator[str]:
        vpn = [self._name(one) for one in references(entry.get("vpn")) if not self._is_any(one)]
        if vpn:
            yield f"VPN : {', '.join(vpn)[:200]}"
        content = [self._name(one) for one in references(entry.get("content")) if not self._is_any(one)]
        if content:
            negated = "sauf " if entry.get("content-negate") is True else ""
            yield f"contenu : {negated}{', '.join(content)[:200]}"
        elif texts(entry.get("content-direction")) in ("up", "down"):
            yield f"sens du contenu : {entry['content-direction']}"
        times = [self._name(one) for one in references(entry.get("time")) if not self._is_any(one)]
        if times:
            yield f"horaire : {', '.join(times)[:200]}"
        targets = [self._name(one) for one in references(entry.get("install-on")) if not self._is_any(one)]
        if targets and not (self._gateways and self._gateways <= frozenset(targets)):
            yield f"installée seulement sur : {', '.join(targets)[:200]}"
        if entry.get("service-resource") not in (None, "", []):
            yield "ressource de service"
        for key in entry:
            if key not in _KNOWN_KEYS:
                text = f"{key}: {str(entry[key])[:80]}"
                self._builder.not_understood(line, text, "règle incertaine : elle peut ne pas s'appliquer", file)
                yield f"directive non comprise : {clean(key, 60)}"

    def _is_any(self, reference: object) -> bool:
        known = self._export.objects.get(self.addresses.uid(reference))
        if known is None:
            return self._name(reference) == "Any"
        return is_any(known[0]) or (
            texts(known[0].get("type")) == "Global" and texts(known[0].get("name")) == "Policy Targets"
        )

    def _time(self, cell: object) -> tuple[str, str]:
        """Name and end of the time objects of a rule; several are alternatives, so the last end counts."""
        chosen = [one for one in references(cell) if not self._is_any(one)]
        ends: list[str] = []
        for one in chosen:
            known = self._export.objects.get(self.addresses.uid(one))
            end = _end(known[0]) if known else ""
            if not end:
                return ", ".join(map(self._name, chosen)), ""
            ends.append(end)
        return ", ".join(map(self._name, chosen)), max(ends, default="")

    def _track(self, value: object) -> bool | None:
        if isinstance(value, dict) and "type" in value:
            value = value["type"]
        if value in (None, "", {}):
            return None
        return self._name(value).lower() != "none"

    def _addresses(self, entry: Json, side: str) -> int:
        cell = references(entry.get(side))
        if side not in entry:
            value: Addresses = ip.unknown(f"absent:{side}")
        elif any(self._is_any(one) for one in cell):
            value = ip.ANY
        else:
            value = self.addresses.resolve_all(cell)
        names = [self._name(one) for one in cell]
        if entry.get(f"{side}-negate") is True:
            return self._builder.address(ip.negate(value), [f"sauf {name}" for name in names])
        return self._builder.address(value, names)

    def _services(self, entry: Json) -> int:
        cell = references(entry.get("service"))
        if "service" not in entry:
            value: Services = svc.unknown("absent:service")
        elif any(self._is_any(one) for one in cell):
            value = svc.ANY
        else:
            value = self.services.resolve_all(cell)
        names = [self._name(one) for one in cell]
        if entry.get("service-negate") is True:
            return self._builder.service(svc.negate(value), [f"sauf {name}" for name in names])
        return self._builder.service(value, names)

    def nat(self, bases: Sequence[Layer]) -> tuple[NatRule, ...]:
        """Every translation, in order."""
        found: list[NatRule] = []
        for base in bases:
            for _, page, file in base.ordered():
                for entry in items(page.get("rulebase")):
                    rules = items(table(entry).get("rulebase")) if "rulebase" in table(entry) else [entry]
                    for rule in rules:
                        if texts(table(rule).get("type")) == "nat-rule":
                            found += self._translation(rule, file)
        return tuple(found)

    def _translation(self, entry: Json, file: int) -> Iterator[NatRule]:
        uid = texts(entry.get("uid"))
        number = whole(entry.get("rule-number"))
        common = {
            "ref": f"NAT {number}" if number is not None else uid,
            "line": self._export.line(uid, file),
            "file": file,
            "name": clean(texts(entry.get("name")), _NAME),
            "enabled": entry.get("enabled") is not False,
            "source": self._cell(entry.get("original-source")),
            "destination": self._cell(entry.get("original-destination")),
            "services": self._service_cell(entry.get("original-service")),
            "comment": clean(texts(entry.get("comments")), _TEXT),
        }
        if not any(self._changes(entry.get(f"translated-{side}")) for side in ("source", "destination")):
            ports = self._ports(entry.get("translated-service"))
            yield NatRule(kind="destination" if ports else "source", to_ports=ports, **common)  # type: ignore[arg-type]
            return
        if self._changes(entry.get("translated-destination")):
            ports = self._ports(entry.get("translated-service"))
            target = self._one(entry.get("translated-destination"))
            yield NatRule(kind="destination", to_address=target, to_ports=ports, **common)  # type: ignore[arg-type]
        if self._changes(entry.get("translated-source")):
            kind = "static" if texts(entry.get("method")) == "static" else "source"
            # « Hide behind gateway » is shown as the network itself: the address is that of the way out.
            same = entry.get("translated-source") == entry.get("original-source")
            target = "" if same else self._one(entry.get("translated-source"))
            yield NatRule(kind=kind, to_address=target, **common)  # type: ignore[arg-type]

    def _changes(self, reference: object) -> bool:
        return reference not in (None, "", []) and self._name(reference).lower() != "original"

    def _cell(self, reference: object) -> int:
        cell = references(reference)
        value = ip.ANY if any(self._is_any(one) for one in cell) else self.addresses.resolve_all(cell)
        return self._builder.address(value, map(self._name, cell))

    def _service_cell(self, reference: object) -> int:
        cell = references(reference)
        value = svc.ANY if any(self._is_any(one) for one in cell) else self.services.resolve_all(cell)
        return self._builder.service(value, map(self._name, cell))

    def _one(self, reference: object) -> str:
        fact = ip.to_fact(self.addresses.resolve(reference))
        return fact.ranges[0] if len(fact.ranges) == 1 and not fact.maybe else self._name(reference)

    def _ports(self, reference: object) -> str:
        if not self._changes(reference) or self._is_any(reference):
            return ""
        fact = svc.to_fact(self.services.resolve(reference))
        return fact.services[0].partition("/")[2] if len(fact.services) == 1 and not fact.maybe else ""


def _end(node: Json) -> str:
    """End of a time object, empty when it has none or is a group."""
    end = table(node.get("end"))
    if texts(node.get("type")) != "time" or node.get("end-never") is True:
        return ""
    return clean(texts(end.get("iso-8601")), 40)


def _layer_settings(export: Export) -> dict[str, Json]:
    return {uid: node for uid, (node, _) in export.objects.items() if texts(node.get("type")) == "access-layer"}


def ordered_layers(export: Export, package: Json | None) -> list[str]:
    """Ordered layers of a package; without one, the layers that no rule calls."""
    if package is not None:
        return [texts(table(one).get("uid")) for one in items(package.get("access-layers")) if table(one).get("uid")]
    called: set[str] = set()
    for layer in export.layers.values():
        stack = [entry for _, page, _ in layer.pages for entry in items(page.get("rulebase"))]
        for depth in range(MAX_DEPTH):
            called |= {_uid(table(entry).get("inline-layer"), export) for entry in stack}
            stack = [rule for entry in stack for rule in items(table(entry).get("rulebase"))]
            if not stack or depth == MAX_DEPTH - 1:
                break
    return [uid for uid in export.layers if uid not in called]


def _uid(value: object, export: Export) -> str:
    if isinstance(value, dict):
        return texts(value.get("uid"))
    text = texts(value)
    if text in export.layers:
        return text
    return next((uid for uid, layer in export.layers.items() if text and layer.name == text), text)
