"""One rule of nftables: its statements to products of sets and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError
from checks.firewall.algebra.intervals import normal
from checks.firewall.algebra.services import ANY_PORT, PORTED, TOP_PORT, TOP_TYPE, Services
from checks.firewall.facts import DENY, GOTO, JUMP, NONE, PERMIT, RETURN
from checks.firewall.parsers import nft_values as values
from checks.firewall.parsers.iptables_match import STATES, TRACKED, Product, ports
from checks.firewall.parsers.iptables_names import OPENING, TCP_FLAGS
from checks.firewall.parsers.iptables_options import by_opening
from checks.firewall.parsers.nft_model import OTHER, UNKNOWN, NftRule, NftSet, NftTable
from checks.firewall.parsers.nft_values import RuntimeSetError, ValueUnknownError

MAX_PRODUCTS = 5000
"""Rules one rule with concatenations or verdict maps may become."""

Value = TypeVar("Value")


class Test(NamedTuple):
    """One comparison of a field, such as `("ip", "saddr")`, with a value."""

    kind: str
    key: str
    op: str
    right: Any


_TRANSLATIONS = {"dnat": "destination", "redirect": "destination", "snat": "source", "masquerade": "source"}
_SILENT = frozenset({
    "counter", "log", "mangle", "notrack", "flow", "dup", "comment", "continue", "last", "reset", "ct helper",
    "ct timeout", "ct expectation", "secmark",
})  # fmt: skip
_LIMITS = {
    "limit": "débit limité", "quota": "quota", "ct count": "nombre de connexions",
    "connlimit": "nombre de connexions",
}  # fmt: skip
_PORTED = {"tcp": (6,), "udp": (17,), "udplite": (136,), "sctp": (132,), "dccp": (33,)}
_PROTOCOLS = {
    **_PORTED, "icmp": (1,), "icmpv6": (58,), "ah": (51,), "esp": (50,), "comp": (108,), "igmp": (2,), "gre": (47,),
}  # fmt: skip
_FAMILY_NAMES = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6, 2: 4, 10: 6, 0x0800: 4, 0x86DD: 6}


class Outcome(NamedTuple):
    """What some of the packets of a rule meet."""

    product: Product
    action: str
    target: str = ""


@dataclass
class Translated:
    """What a rule becomes."""

    outcomes: list[Outcome] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    hits: int | None = None
    log: bool = False
    nat: tuple[str, str, str] | None = None
    """Kind, address and ports of a translation."""
    unknown: list[str] = field(default_factory=list)
    flags: bool = False
    untracked: bool = False
    matched: list[Product] = field(default_factory=list)
    """Products before any verdict, for the translation."""


def translate(rule: NftRule, table: NftTable, tracking: str = TRACKED) -> Translated:
    """The meaning of one rule. Never raises on what it does not know."""
    return _Translator(rule, table, tracking).run()


def called_by(rule: NftRule, table: NftTable) -> list[str]:
    """Chains a rule may call."""
    return [one.target for one in translate(rule, table).outcomes if one.target in table.chains]


class _Translator:
    def __init__(self, rule: NftRule, table: NftTable, tracking: str) -> None:
        self._tracking = tracking
        self._rule = rule
        self._table = table
        self._found = Translated()
        start = Product()
        if len(table.families) == 1:
            start = start.of_family(table.families[0])
        self._products = [start]
        self._decided = False
        self._doubt = ""
        self._later: list[Callable[[Product], list[Product]]] = []

    def run(self) -> Translated:
        found = self._found
        for statement in self._rule.expr:
            if self._decided:
                break
            for key, value in statement.items():
                self._statement(key, value)
        if not self._decided:
            self._end(PERMIT if found.nat else NONE)
        return found

    # Statements

    def _statement(self, key: str, value: Any) -> None:
        if key == "match":
            self._guarded(lambda: self._match(value["left"], value.get("op", "=="), value["right"]), value)
        elif key == "vmap":
            self._verdict_map(value)
        elif key in ("accept", "drop", "return", "reject"):
            self._end({"accept": PERMIT, "drop": DENY, "reject": DENY, "return": RETURN}[key])
        elif key in ("jump", "goto"):
            target = value.get("target") if isinstance(value, dict) else None
            self._call(key, str(target))
        elif key in _LIMITS:
            detail = value if isinstance(value, str) else _text_of(value)
            self._condition(f"{_LIMITS[key]} : {detail[:80]}")
        elif key in _TRANSLATIONS:
            self._translation(key, value)
        elif key == "set":
            self._set_statement(value)
        else:
            self._other(key, value)

    def _other(self, key: str, value: Any) -> None:
        if key in _SILENT:
            self._silent(key, value)
        elif key == OTHER:
            self._condition(f"test non évalué : {str(value)[:120]}")
        elif key == "queue":
            self._uncertain("décision laissée à un programme (queue)")
        elif key == "tproxy":
            self._condition("mandataire transparent (tproxy)")
        elif key == UNKNOWN:
            self._not_understood(str(value))
        else:
            self._not_understood(f"{key} {value if value is not None else ''}".strip())

    def _silent(self, key: str, value: Any) -> None:
        if key == "log":
            self._found.log = True
        elif key == "notrack":
            self._found.untracked = True
        elif key == "counter" and isinstance(value, dict) and isinstance(value.get("packets"), int):
            self._found.hits = value["packets"]

    def _set_statement(self, value: Any) -> None:
        if isinstance(value, dict) and value.get("stmt"):
            self._condition("débit ou nombre limité par élément d'un ensemble")

    def _not_understood(self, text: str) -> None:
        """It may be a test or a verdict: when no verdict follows, anything may happen."""
        self._found.unknown.append(text)
        self._doubt = f"directive non comprise : {text[:120]}"
        self._condition(self._doubt)

    def _condition(self, text: str) -> None:
        self._all(lambda product: product.when(text))

    def _all(self, change: Callable[[Product], Product]) -> None:
        self._products = [change(product) for product in self._products]

    def _settle(self) -> None:
        """Apply the tests on TCP flags: what they mean depends on the states that all the rule accepts."""
        later, self._later = self._later, []
        for test in later:
            self._products = [found for product in self._products for found in test(product)]

    def _end(self, action: str, target: str = "") -> None:
        self._settle()
        if action == NONE and self._doubt:
            self._uncertain(self._doubt)
            return
        self._decided = True
        self._found.outcomes += [Outcome(product, action, target) for product in self._products]

    def _uncertain(self, why: str) -> None:
        self._settle()
        self._decided = True
        for product in self._products:
            self._found.outcomes += [Outcome(product.when(why), DENY), Outcome(product.when(why), PERMIT)]

    def _call(self, key: str, target: str) -> None:
        if target in self._table.chains:
            self._end(GOTO if key == "goto" else JUMP, target)
        else:
            self._found.unknown.append(f"{key} {target}")
            self._uncertain(f"chaîne absente : {target[:60]}")

    def _translation(self, key: str, value: Any) -> None:
        inner = value if isinstance(value, dict) else {}
        address, port = inner.get("addr", ""), inner.get("port", "")
        self._settle()
        self._found.nat = (_TRANSLATIONS[key], _plain(address), _plain(port))
        self._found.matched = list(self._products)
        self._end(PERMIT)

    # Matches

    def _guarded(self, match: Callable[[], None], value: Any) -> None:
        before = list(self._products)
        try:
            match()
        except RuntimeSetError as error:
            self._products = before
            self._condition(f"ensemble non résolu : {error}")
        except (ValueUnknownError, AddressError, KeyError, TypeError, AttributeError, ValueError):
            self._products = before
            text = _text_of(value)
            self._found.unknown.append(text)
            self._condition(f"test non compris : {text[:120]}")

    def _match(self, left: Any, op: str, right: Any) -> None:
        if isinstance(left, dict) and "concat" in left:
            self._concatenation(left["concat"], op, right)
            return
        if _kind(left) == ("tcp", "flags"):
            # What they mean depends on the states that the whole rule accepts.
            self._all(lambda product: product.of_services(svc.of(6)))
            self._later.append(lambda product: self._tcp_flags(product, left, op, right))
            return
        self._products = [found for product in self._products for found in self._constrain(product, left, op, right)]
        self._see(left, op, right)

    def _see(self, left: Any, op: str, right: Any) -> None:
        """Keep what the administrator wrote, for the cells."""
        cell = _cell(left)
        if cell:
            text = f"{'' if op in ('==', 'in') else op + ' '}{_text_of(right)}"
            if cell == "services":
                text = f"{_text_of(left)} {text}"
            self._found.texts.setdefault(cell, []).append(text[:200])

    def _constrain(self, product: Product, left: Any, op: str, right: Any) -> list[Product]:
        kind, key = _kind(left)
        if kind == "ct" and key == "state":
            states = [
                name for name in STATES if self._holds(left, op, right, values.STATE_BITS, values.STATE_BITS[name])
            ]
            if self._tracking != TRACKED:
                return [product.before_tracking(states, self._tracking)]
            return [product.in_states(states)]
        if kind == "tcp" and key == "flags":
            return self._tcp_flags(product, left, op, right)
        if isinstance(left, dict) and ("&" in left or "|" in left or "^" in left):
            inner = _restricted(product, kind)
            return [inner.when(f"test non évalué : {_text_of(left)[:60]} {op} {_text_of(right)[:60]}")]
        reader = _READERS.get((kind, key))
        if reader is not None:
            return [reader(self, product, Test(kind, key, op, right))]
        found = _restricted(product, kind)
        if kind not in _KNOWN_KINDS:
            raise ValueUnknownError(kind)
        return [found.when(f"test non évalué : {_text_of(left)[:60]} {op} {_text_of(right)[:60]}")]

    def _holds(self, left: Any, op: str, right: Any, bits: Mapping[str, int], value: int) -> bool:
        return values.mask_holds(left, op, right, bits, value, self._lookup)

    def _tcp_flags(self, product: Product, left: Any, op: str, right: Any) -> list[Product]:
        self._found.flags = True
        note = f"drapeaux TCP : {_text_of(left)[:60]} {op} {_text_of(right)[:60]}"
        try:
            opening: bool | None = self._holds(left, op, right, TCP_FLAGS, OPENING)
        except ValueUnknownError:
            opening = None
        return by_opening(product.of_services(svc.of(6)), opening, note)

    def _lookup(self, name: str) -> list[Any] | None:
        found = self._table.sets.get(name)
        return None if found is None or _unresolved(found) else found.elements

    def _shared(self, test: Test, kind: str, read: Callable[[], Value]) -> Value:
        """What a value holds; that of a named set is read once."""
        if not isinstance(test.right, str) or not test.right.startswith("@"):
            return read()
        key = (test.right, test.op, kind)
        if key not in self._table.resolved:
            self._table.resolved[key] = read()
        return cast("Value", self._table.resolved[key])

    # One dimension

    def address(self, product: Product, test: Test) -> Product:
        family = 4 if test.kind == "ip" else 6
        found = self._shared(test, f"v{family}", lambda: values.addresses(test.op, test.right, family, self._lookup))
        product = product.of_family(family)
        return product.from_addresses(found) if test.key == "saddr" else product.to_addresses(found)

    def port(self, product: Product, test: Test) -> Product:
        protocols = _PORTED.get(test.kind, tuple(PORTED))
        try:
            found = self._shared(
                test,
                "port",
                lambda: values.compared(
                    test.op, values.intervals(test.right, self._lookup, values.port_number, TOP_PORT), TOP_PORT
                ),
            )
        except RuntimeSetError as error:
            return product.of_services(svc.unknown(f"set:{error}", protocols=protocols if test.kind != "th" else ()))
        services = ports(protocols, found) if test.key == "dport" else ports(protocols, ANY_PORT, found)
        if test.kind == "th":
            # Without a protocol, the bytes where ports stand are compared whatever they are.
            others = Services(maybe=svc.negate(ports(protocols)).sure, unresolved=("th",))
            services = Services(sure=services.sure, maybe=others.maybe, unresolved=others.unresolved)
        return product.of_services(services)

    def protocol(self, product: Product, test: Test) -> Product:
        if test.kind in ("ip", "ip6"):
            product = product.of_family(4 if test.kind == "ip" else 6)
        found = values.compared(test.op, values.intervals(test.right, self._lookup, values.protocol_number, 255), 255)
        pairs = normal((low * svc.PORTS, high * svc.PORTS + TOP_PORT) for low, high in found)
        return product.of_services(Services(sure=(svc.Box(pairs),) if pairs else ()))

    def icmp(self, product: Product, test: Test) -> Product:
        product = product.of_family(4 if test.kind == "icmp" else 6)
        reader = values.icmp_type(test.kind) if test.key == "type" else values.icmp_code(test.kind)
        found = values.compared(test.op, values.intervals(test.right, self._lookup, reader, TOP_TYPE), TOP_TYPE)
        if test.key == "type":
            spread = normal((low * 256, high * 256 + 255) for low, high in found)
        else:
            spread = normal((one * 256 + low, one * 256 + high) for one in range(256) for low, high in found)
        return product.of_services(svc.of(_PROTOCOLS[test.kind][0], spread) if spread else svc.NOTHING)

    def interface(self, product: Product, test: Test) -> Product:
        if test.op not in ("==", "!=", "in"):
            raise ValueUnknownError(test.op)
        names = values.interfaces(test.right, self._lookup)
        negated = test.op == "!="
        if "*" in names or not names:
            return product if negated == (not names) else product._replace(empty=True)
        if test.key in ("iif", "iifname"):
            return product.from_zones(names, negated=negated)
        return product.to_zones(names, negated=negated)

    def version(self, product: Product, test: Test) -> Product:
        if test.op not in ("==", "!=", "in"):
            raise ValueUnknownError(test.op)
        wanted = set()
        for one in values.flat(test.right, self._lookup):
            if one not in _FAMILY_NAMES:
                raise ValueUnknownError(str(one))
            wanted.add(_FAMILY_NAMES[one])
        if test.op == "!=":
            wanted = {4, 6} - wanted
        if wanted == {4, 6}:
            return product
        return product.of_family(wanted.pop()) if wanted else product._replace(empty=True)

    # Several dimensions

    def _concatenation(self, fields: list[Any], op: str, right: Any) -> None:
        elements = list(values.flat(right, self._lookup))
        if op not in ("==", "in"):
            raise ValueUnknownError("concaténation niée")
        found = [
            narrowed
            for product in self._products
            for parts in _grouped(fields, elements)
            for narrowed in self._element(product, fields, parts)
        ]
        if len(found) > MAX_PRODUCTS:
            raise ValueUnknownError(f"ensemble de {len(elements)} éléments")
        self._products = found or [product._replace(empty=True) for product in self._products]
        for position, one in enumerate(fields):
            seen = dict.fromkeys(_text_of(_parts(element, len(fields))[position]) for element in elements[:50])
            self._see(one, "==", ", ".join(seen))

    def _element(self, product: Product, fields: list[Any], parts: list[Any]) -> list[Product]:
        found = [product]
        for one, part in zip(fields, parts, strict=True):
            if part != "*":
                found = [narrowed for wide in found for narrowed in self._constrain(wide, one, "==", part)]
        return found

    def _verdict_map(self, value: Any) -> None:
        self._settle()
        before = list(self._products)
        try:
            self._read_verdict_map(value["key"], value["data"])
        except (ValueUnknownError, AddressError, KeyError, TypeError, AttributeError, ValueError) as error:
            self._products = before
            if not isinstance(error, RuntimeSetError):
                self._found.unknown.append(_text_of(value))
            self._found.outcomes.clear()
            self._uncertain("aiguillage (vmap) non résolu")

    def _read_verdict_map(self, key: Any, data: Any) -> None:
        if isinstance(data, str) and data.startswith("@"):
            named = self._table.sets.get(data[1:])
            if named is None or _unresolved(named):
                raise RuntimeSetError(data)
            pairs = named.elements
        else:
            pairs = data["set"]
        fields = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
        outcomes: list[Outcome] = []
        default: Any = None
        keys: list[Any] = []
        for element, verdict in (_pair(pair) for pair in pairs):
            if element == "*":
                default = verdict
                continue
            keys.append(element)
            outcomes += self._outcomes(fields, element, verdict)
            if len(outcomes) > MAX_PRODUCTS:
                raise ValueUnknownError("aiguillage trop grand")
        if default is not None:
            if len(fields) > 1:
                raise ValueUnknownError("aiguillage par défaut sur plusieurs champs")
            rest = [
                found
                for product in self._products
                for found in (self._constrain(product, key, "!=", {"set": keys}) if keys else [product])
            ]
            outcomes += [Outcome(product, *self._verdict(default)) for product in rest]
        self._see(key, "==", ", ".join(_text_of(one) for one in keys[:50]))
        self._found.outcomes += outcomes or [Outcome(product, NONE) for product in self._products]
        self._decided = True

    def _outcomes(self, fields: list[Any], element: Any, verdict: Any) -> list[Outcome]:
        action, target = self._verdict(verdict)
        parts = _parts(element, len(fields))
        return [
            Outcome(found, action, target)
            for product in self._products
            for found in self._element(product, fields, parts)
        ]

    def _verdict(self, verdict: Any) -> tuple[str, str]:
        ((key, value),) = verdict.items()
        if key in ("jump", "goto"):
            if value["target"] not in self._table.chains:
                raise ValueUnknownError(key)
            return (JUMP if key == "jump" else GOTO), value["target"]
        return {"accept": PERMIT, "drop": DENY, "return": RETURN, "continue": NONE}[key], ""


def _unresolved(found: NftSet) -> bool:
    return found.runtime or not found.listed


def _pair(pair: Any) -> tuple[Any, Any]:
    key, data = pair
    if isinstance(key, dict) and "elem" in key:
        key = key["elem"]["val"]
    return key, data


def _parts(element: Any, count: int) -> list[Any]:
    """Values of one element of a concatenation."""
    if count == 1:
        return [element]
    if element == "*":
        return ["*"] * count
    found = element["concat"]
    if not isinstance(found, list) or len(found) != count:
        raise ValueUnknownError("concaténation")
    return found


def _grouped(fields: list[Any], elements: list[Any]) -> list[list[Any]]:
    """Elements of a concatenation; those that differ by their last value only are one."""
    count = len(fields)
    groups: dict[str, tuple[list[Any], list[Any]]] = {}
    for element in elements:
        parts = _parts(element, count)
        groups.setdefault(repr(parts[:-1]), (parts[:-1], []))[1].append(parts[-1])
    mergeable = _kind(fields[-1]) != ("ct", "state") and _kind(fields[-1]) != ("tcp", "flags")
    if not mergeable:
        return [[*first, last] for first, found in groups.values() for last in found]
    return [[*first, found[0] if len(found) == 1 else {"set": found}] for first, found in groups.values()]


def _kind(left: Any, depth: int = 0) -> tuple[str, str]:
    """What an expression looks at: `("ip", "saddr")`, `("meta", "iifname")`, `("ct", "state")`."""
    if not isinstance(left, dict) or len(left) != 1 or depth > 8:  # noqa: PLR2004
        raise ValueUnknownError("expression")
    ((key, value),) = left.items()
    if key in ("&", "|", "^", "<<", ">>"):
        return _kind(value[0], depth + 1)
    if key == "payload":
        return (str(value["protocol"]), str(value["field"])) if "protocol" in value else ("raw", "")
    if key in ("meta", "ct"):
        if key == "ct" and "dir" in value:
            return "ct", f"{value['dir']} {value['key']}"
        return key, str(value["key"])
    return key, ""


_KNOWN_KINDS = frozenset({
    "ip", "ip6", "tcp", "udp", "udplite", "sctp", "dccp", "th", "icmp", "icmpv6", "ah", "esp", "comp", "ether",
    "vlan", "arp", "igmp", "gre", "meta", "ct", "raw", "fib", "rt", "socket", "osf", "numgen", "jhash", "symhash",
    "exthdr", "tcp option", "ip option", "sctp chunk", "ipsec", "xfrm",
})  # fmt: skip


def _restricted(product: Product, kind: str) -> Product:
    """A test on a header applies only to packets that have it."""
    if kind in ("ip", "ip6"):
        return product.of_family(4 if kind == "ip" else 6)
    if kind in ("icmp", "icmpv6"):
        product = product.of_family(4 if kind == "icmp" else 6)
    if kind in _PROTOCOLS:
        return product.of_services(ports(_PROTOCOLS[kind]))
    return product


def _cell(left: Any) -> str:
    try:
        kind, key = _kind(left)
    except (ValueUnknownError, KeyError, TypeError):
        return ""
    if kind in ("ip", "ip6") and key in ("saddr", "daddr"):
        return "source" if key == "saddr" else "destination"
    return "services" if ((kind, key) in _READERS and kind not in ("meta", "ether")) or key == "l4proto" else ""


def _text_of(value: Any, depth: int = 0) -> str:
    """A value as a person writes it, short."""
    if depth > 6:  # noqa: PLR2004
        return "…"
    if isinstance(value, list):
        return ", ".join(_text_of(one, depth + 1) for one in value[:20])
    if not isinstance(value, dict):
        return str(value)[:120]
    if len(value) == 1:
        ((key, inner),) = value.items()
        text = _special(key, inner, depth + 1)
        if text:
            return text
    return " ".join(f"{key} {_text_of(inner, depth + 1)}" for key, inner in list(value.items())[:6])


def _special(key: str, inner: Any, depth: int) -> str:
    """Expressions that are not written as their JSON; empty for others."""
    if isinstance(inner, dict):
        found = {
            "prefix": f"{inner.get('addr')}/{inner.get('len')}",
            "meta": f"meta {inner.get('key')}",
            "ct": f"ct {inner.get('key')}",
            "payload": f"{inner.get('protocol', '@' + str(inner.get('base')))} "
            f"{inner.get('field', inner.get('offset'))}",
        }
        return _text_of(inner.get("val"), depth) if key == "elem" else found.get(key, "")
    if isinstance(inner, list):
        signs = {"range": "-", "set": ", ", "concat": " . ", "&": " & ", "|": " | ", "^": " ^ "}
        return signs[key].join(_text_of(one, depth) for one in inner[:20]) if key in signs else ""
    return ""


def _plain(value: Any) -> str:
    """Address or port of a translation; empty when a map gives it."""
    if isinstance(value, dict) and ("range" in value or "prefix" in value):
        return _text_of(value)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


_Reader = Callable[[_Translator, Product, Test], Product]
_READERS: dict[tuple[str, str], _Reader] = {
    **{(kind, key): _Translator.address for kind in ("ip", "ip6") for key in ("saddr", "daddr")},
    **{(kind, key): _Translator.port for kind in (*_PORTED, "th") for key in ("dport", "sport")},
    **{(kind, key): _Translator.icmp for kind in ("icmp", "icmpv6") for key in ("type", "code")},
    ("ip", "protocol"): _Translator.protocol,
    ("ip6", "nexthdr"): _Translator.protocol,
    ("meta", "l4proto"): _Translator.protocol,
    **{("meta", key): _Translator.interface for key in ("iif", "iifname", "oif", "oifname")},
    ("meta", "nfproto"): _Translator.version,
    ("meta", "protocol"): _Translator.version,
    ("ether", "type"): _Translator.version,
}
