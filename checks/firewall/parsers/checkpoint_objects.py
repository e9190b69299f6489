"""What the objects of a Check Point export hold: addresses and services, certain or not.

References: Check Point Management API Reference (hosts, networks, groups with exclusion, services).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, normal
from checks.firewall.algebra.services import ANY_PORT, TOP_PORT, TOP_TYPE, Box, Services
from checks.firewall.parsers.checkpoint_files import Export, Json, items, table, texts, whole
from checks.firewall.parsers.source import MAX_DEPTH

Value = TypeVar("Value")

_GATEWAYS = re.compile(r"(?i)gateway|cluster|checkpoint-host|CpmiHostCkp|vs|member")
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?|([<>])(\d{1,5})")
_TRANSPORT = {"service-tcp": 6, "service-udp": 17, "service-sctp": 132}
_ICMP = {"service-icmp": 1, "service-icmp6": 58}
_WITHIN = {
    "service-citrix-tcp": (6,), "service-compound-tcp": (6,), "service-dce-rpc": (6, 17), "service-rpc": (6, 17),
    "service-gtp": (17,),
}  # fmt: skip
ADDRESS_KINDS = frozenset(
    ("host", "network", "address-range", "multicast-address-range", "wildcard", "dns-domain", "dynamic-object",
     "checkpoint-host", "simple-gateway")
)  # fmt: skip


class Resolver(Generic[Value]):
    """Resolves references to objects, groups included; a reference that loops or goes nowhere is uncertain."""

    def __init__(
        self,
        export: Export,
        unknown: Callable[..., Value],
        join: Callable[..., Value],
        nothing: Value,
        leaf: Callable[[Json], Value],
    ) -> None:
        self._export = export
        self._unknown = unknown
        self._join = join
        self._nothing = nothing
        self._leaf = leaf
        self._values: dict[str, Value] = {}
        self._open: set[str] = set()
        self.used: set[str] = set()

    def uid(self, reference: object) -> str:
        """Uid of a reference written as a uid, a name or a whole object."""
        if isinstance(reference, dict):
            return texts(reference.get("uid")) or self.uid(reference.get("name"))
        text = texts(reference)
        if text in self._export.objects:
            return text
        named = self._export.names.get(text, ())
        return named[0] if len(named) == 1 else text

    def name(self, reference: object) -> str:
        """What the administrator reads."""
        known = self._export.objects.get(self.uid(reference))
        found = texts(known[0].get("name")) if known else texts(table(reference).get("name"))
        return found or texts(reference) or "?"

    def resolve(self, reference: object) -> Value:
        """What a reference holds."""
        uid = self.uid(reference)
        self.used.add(uid)
        found = self._values.get(uid)
        if found is not None:
            return found
        known = self._export.objects.get(uid)
        if known is None:
            return self._unknown(f"absent:{self.name(reference)}")
        if uid in self._open:
            return self._unknown(f"cycle:{self.name(reference)}")
        if len(self._open) >= MAX_DEPTH:
            return self._unknown(f"depth:{self.name(reference)}")
        self._open.add(uid)
        try:
            value = self._value(known[0])
        finally:
            self._open.discard(uid)
        self._values[uid] = value
        return value

    def resolve_all(self, references: Sequence[object]) -> Value:
        """The union of what several references hold."""
        return self._join(*(self.resolve(one) for one in references)) if references else self._nothing

    def _value(self, node: Json) -> Value:
        kind = texts(node.get("type"))
        if kind in ("group", "service-group", "application-site-group"):
            return self.resolve_all(items(node.get("members")))
        if kind == "group-with-exclusion":
            return self._except(node)
        return self._leaf(node)

    def _except(self, node: Json) -> Value:
        """Only address groups have an exclusion."""
        kept, left = self.resolve(node.get("include")), self.resolve(node.get("except"))
        if isinstance(kept, Addresses) and isinstance(left, Addresses):
            return without(kept, left)  # type: ignore[return-value]
        return self._unknown(f"non compris:{texts(node.get('name'))}")


def without(kept: Addresses, left: Addresses) -> Addresses:
    """Members of one set that are not in another, three-valued."""
    v4, v6 = difference(kept.v4, left.over4), difference(kept.v6, left.over6)
    return Addresses(
        v4=v4,
        v6=v6,
        maybe4=difference(difference(kept.over4, left.v4), v4),
        maybe6=difference(difference(kept.over6, left.v6), v6),
        unresolved=tuple(dict.fromkeys((*kept.unresolved, *left.unresolved))),
    )


def address_resolver(export: Export) -> Resolver[Addresses]:
    """Resolves what source and destination cells name."""
    return Resolver(export, ip.unknown, ip.join, ip.NOTHING, address)


def service_resolver(export: Export) -> Resolver[Services]:
    """Resolves what service cells name."""
    return Resolver(export, svc.unknown, svc.join, svc.NOTHING, service)


def is_any(node: Json) -> bool:
    """The object `Any`."""
    return texts(node.get("type")) == "CpmiAnyObject" and texts(node.get("name")) in ("Any", "All")


def address(node: Json) -> Addresses:
    """Addresses of one object that is not a group."""
    kind, name = texts(node.get("type")), texts(node.get("name"))
    if is_any(node):
        return ip.ANY
    try:
        found = _address(kind, node)
    except AddressError:
        return ip.unknown(f"non compris:{name}")
    return found or ip.unknown(f"{kind or 'absent'}:{name}")


def _address(kind: str, node: Json) -> Addresses | None:
    if kind == "host":
        return _hosts(node)
    if kind == "network":
        return _network(node)
    if kind in ("address-range", "multicast-address-range"):
        return _range(node) or _hosts(node)
    if kind == "wildcard":
        return _wildcard(node)
    if kind == "dns-domain":
        return ip.unknown(f"fqdn:{texts(node.get('name')).lstrip('.')}")
    if _GATEWAYS.search(kind):
        return _gateway(node)
    return None


def _hosts(node: Json) -> Addresses | None:
    found = [texts(node.get(key)) for key in ("ipv4-address", "ipv6-address", "ip-address")]
    return ip.from_ranges(text for text in found if text) if any(found) else None


def _network(node: Json) -> Addresses | None:
    parts: list[str] = []
    for base, length in (("subnet4", "mask-length4"), ("subnet6", "mask-length6"), ("subnet", "mask-length")):
        if texts(node.get(base)):
            size = whole(node.get(length))
            mask = texts(node.get("subnet-mask")) if size is None else str(size)
            parts.append(f"{texts(node[base])}/{mask}")
    if not parts:
        return None
    found = ip.from_ranges(parts)
    if texts(node.get("broadcast")) == "disallow" and found.v4:
        last = ((found.v4[-1][1], found.v4[-1][1]),)
        return found._replace(v4=difference(found.v4, last), maybe4=last, unresolved=("adresse de diffusion",))
    return found


def _range(node: Json) -> Addresses | None:
    parts = []
    for family in ("ipv4", "ipv6", "ip"):
        first, last = texts(node.get(f"{family}-address-first")), texts(node.get(f"{family}-address-last"))
        if first and last:
            parts.append(f"{first}-{last}")
    return ip.from_ranges(parts) if parts else None


def _wildcard(node: Json) -> Addresses | None:
    """A wildcard that is a plain network; any other mask stays unresolved."""
    base, mask = texts(node.get("ipv4-address")), texts(node.get("ipv4-mask-wildcard"))
    if not base or not mask:
        return None
    _, value = ip.parse_address(mask)
    if value & (value + 1):
        return None
    return ip.from_ranges((f"{base}/{32 - value.bit_length()}",))


def _gateway(node: Json) -> Addresses:
    """The main address for certain; those of its interfaces, or unknown ones, too perhaps."""
    main = _hosts(node) or ip.NOTHING
    others: list[Addresses] = []
    for one in items(node.get("interfaces")):
        try:
            others.append(_hosts(table(one)) or ip.NOTHING)
        except AddressError:
            return ip.join(main, ip.unknown(f"passerelle:{texts(node.get('name'))}"))
    if not others:
        return ip.join(main, ip.unknown(f"passerelle:{texts(node.get('name'))}"))
    more = ip.join(*others)
    maybe = Addresses(
        maybe4=more.v4, maybe6=more.v6, unresolved=(f"interfaces de la passerelle:{texts(node.get('name'))}",)
    )
    joined = ip.join(main, maybe)
    return joined if not joined.exact else main


def ports(text: str) -> Intervals:
    """`80`, `80-90`, `>1023`, `<1024`, and lists with commas. Raises `ServiceError`."""
    pairs: list[tuple[int, int]] = []
    for part in text.replace(" ", "").split(","):
        found = _PORT.fullmatch(part)
        if not found:
            raise svc.ServiceError(f"not a port: {part[:40]!r}")
        if found[3]:
            edge = int(found[4])
            low, high = (edge + 1, TOP_PORT) if found[3] == ">" else (0, edge - 1)
        else:
            low = int(found[1])
            high = int(found[2] or found[1])
        if low > high or high > TOP_PORT:
            raise svc.ServiceError(f"not a port: {part[:40]!r}")
        pairs.append((low, high))
    return normal(pairs)


def service(node: Json) -> Services:
    """Services of one object that is not a group."""
    kind, name = texts(node.get("type")), texts(node.get("name"))
    if is_any(node):
        return svc.ANY
    try:
        found = _service(kind, node)
    except svc.ServiceError:
        return svc.unknown(f"non compris:{name}")
    return found or svc.unknown(f"{kind or 'absent'}:{name}")


def _service(kind: str, node: Json) -> Services | None:
    name = texts(node.get("name"))
    if kind in _TRANSPORT:
        text = texts(node.get("port"))
        if not text:
            return svc.unknown(f"sans port:{name}", protocols=(_TRANSPORT[kind],))
        source = texts(node.get("source-port"))
        found = svc.of(_TRANSPORT[kind], ports(text), ports(source) if source else ANY_PORT)
        if node.get("match-by-protocol-signature") is True:
            # The protocol is recognised by its content, whatever the port.
            return svc.unknown(f"signature:{name}", protocols=(_TRANSPORT[kind],))
        return found
    if kind in _ICMP:
        return _icmp(_ICMP[kind], node)
    if kind == "service-other":
        number = whole(node.get("ip-protocol"))
        if number is None or not 0 <= number <= 255:  # noqa: PLR2004
            return None
        found = svc.of(number)
        return doubtful(found, f"expression:{name}") if texts(node.get("match")) else found
    if kind in _WITHIN:
        return svc.unknown(f"{kind}:{name}", protocols=_WITHIN[kind])
    return None


def _icmp(number: int, node: Json) -> Services:
    kind, code = whole(node.get("icmp-type")), whole(node.get("icmp-code"))
    if kind is None:
        return svc.of(number)
    if not 0 <= kind <= TOP_TYPE or not 0 <= (code or 0) <= TOP_TYPE:
        raise svc.ServiceError("not an ICMP type")
    return svc.icmp(number, kind, code)


def doubtful(found: Services, why: str) -> Services:
    """The same services, of which none is certain."""
    boxes: Iterable[Box] = (*found.sure, *found.maybe)
    return Services(maybe=tuple(boxes), unresolved=(*found.unresolved, why))
