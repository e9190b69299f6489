"""Values of nftables expressions: to addresses, ports, protocols, interfaces and bit masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import ALL4, ALL6, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, normal
from checks.firewall.algebra.services import ServiceError
from checks.firewall.parsers.iptables_names import ICMP6_TYPES, ICMP_TYPES, PORT_NAMES
from checks.firewall.parsers.source import MAX_DEPTH

STATE_BITS = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
ICMP_CODES = {
    "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "frag-needed": 4,
    "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
}  # fmt: skip
ICMP6_CODES = {"no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5,
               "reject-route": 6}  # fmt: skip
MAX_PREFIX = {4: 32, 6: 128}

Lookup = Callable[[str], list[Any] | None]
"""Elements of a named set; None when they are not known."""


class ValueUnknownError(ValueError):
    """A value is not understood: the match is not evaluated."""


class RuntimeSetError(ValueUnknownError):
    """The content of a set is not in the file, or changes by itself."""


def flat(value: Any, lookup: Lookup, depth: int = 0) -> Iterator[Any]:
    """Single values of a set, a list, a named set or one value; attributes of elements are dropped."""
    if depth > MAX_DEPTH:
        raise ValueUnknownError("imbrication")
    if isinstance(value, str) and value.startswith("@"):
        found = lookup(value[1:])
        if found is None:
            raise RuntimeSetError(value)
        value = found
    if isinstance(value, dict):
        if "set" in value:
            value = value["set"]
        elif "elem" in value:
            inner = value["elem"]
            value = [inner.get("val") if isinstance(inner, dict) else inner]
    if isinstance(value, list):
        for one in value:
            yield from flat(one, lookup, depth + 1)
    else:
        yield value


def intervals(value: Any, lookup: Lookup, number: Callable[[Any], int], top: int) -> Intervals:
    """Integers of a value: single ones, ranges and sets of them, `*` for all."""
    pairs = []
    for one in flat(value, lookup):
        if one == "*":
            return ((0, top),)
        if isinstance(one, dict) and "range" in one:
            low, high = (number(end) for end in _pair(one["range"]))
        else:
            low = high = number(one)
        if not 0 <= low <= high <= top:
            raise ValueUnknownError(str(one)[:60])
        pairs.append((low, high))
    return normal(pairs)


def compared(op: str, found: Intervals, top: int) -> Intervals:
    """Integers that satisfy a comparison with a value."""
    everything: Intervals = ((0, top),)
    if op in ("==", "in"):
        return found
    if op == "!=":
        return difference(everything, found)
    if len(found) != 1 or found[0][0] != found[0][1]:
        raise ValueUnknownError(op)
    limit = found[0][0]
    wanted = {"<": (0, limit - 1), "<=": (0, limit), ">": (limit + 1, top), ">=": (limit, top)}.get(op)
    if wanted is None:
        raise ValueUnknownError(op)
    return (wanted,) if wanted[0] <= wanted[1] else ()


def _pair(value: Any) -> tuple[Any, Any]:
    if not (isinstance(value, list) and len(value) == 2):  # noqa: PLR2004
        raise ValueUnknownError("range")
    return value[0], value[1]


def addresses(op: str, value: Any, family: int, lookup: Lookup) -> Addresses:
    """Addresses of one IP version; a set that is not known gives addresses that may belong."""
    families = (family,)
    pairs: list[tuple[int, int]] = []
    unknown: list[str] = []
    try:
        pairs.extend(_address_pair(one, family) for one in flat(value, lookup))
    except RuntimeSetError as error:
        unknown.append(f"set:{error}")
    everything = ALL4 if family == 4 else ALL6  # noqa: PLR2004
    if op in ("<", "<=", ">", ">="):
        if unknown:
            raise ValueUnknownError(op)
        found = compared(op, normal(pairs), everything[0][1])
    elif op in ("==", "in", "!="):
        found = normal(pairs)
    else:
        raise ValueUnknownError(op)
    exact = Addresses(v4=found) if family == 4 else Addresses(v6=found)  # noqa: PLR2004
    joined = ip.join(exact, ip.unknown(*unknown, families=families)) if unknown else exact
    return ip.negate(joined, families) if op == "!=" else joined


def _address_pair(one: Any, family: int) -> tuple[int, int]:
    if one == "*":
        return (ALL4 if family == 4 else ALL6)[0]  # noqa: PLR2004
    if isinstance(one, dict) and "prefix" in one:
        inner = one["prefix"]
        text = f"{inner['addr']}/{inner['len']}"
    elif isinstance(one, dict) and "range" in one:
        text = "-".join(map(str, _pair(one["range"])))
    elif isinstance(one, str):
        text = one
    else:
        raise ValueUnknownError(str(one)[:60])
    version, low, high = ip.parse_range(text)  # its error is a ValueError
    if version != family:
        raise ValueUnknownError(text)
    return low, high


def port_number(value: Any) -> int:
    """A port or its name."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueUnknownError(str(value)[:60])
    if isinstance(value, str):
        if value not in PORT_NAMES:
            raise ValueUnknownError(value)
        return PORT_NAMES[value]
    return value


def protocol_number(value: Any) -> int:
    """A protocol or its name."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueUnknownError(str(value)[:60])
    try:
        return svc.protocol_number(str(value))
    except ServiceError:
        raise ValueUnknownError(str(value)) from None


def icmp_type(protocol: str) -> Callable[[Any], int]:
    """Reads types of ICMP or ICMPv6."""
    names: Mapping[str, tuple[int, int | None]] = ICMP_TYPES if protocol == "icmp" else ICMP6_TYPES
    return lambda value: _named(value, {name: kind for name, (kind, code) in names.items() if code is None})


def icmp_code(protocol: str) -> Callable[[Any], int]:
    """Reads codes of ICMP or ICMPv6."""
    return lambda value: _named(value, ICMP_CODES if protocol == "icmp" else ICMP6_CODES)


def _named(value: Any, names: Mapping[str, int]) -> int:
    if isinstance(value, str) and value in names:
        return names[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueUnknownError(str(value)[:60])
    return value


def interfaces(value: Any, lookup: Lookup) -> tuple[str, ...]:
    """Names of interfaces, in order."""
    found = []
    for one in flat(value, lookup):
        if not isinstance(one, str) or not one:
            raise ValueUnknownError(str(one)[:60])
        found.append(one)
    return tuple(dict.fromkeys(found))


def mask_holds(left: Any, op: str, right: Any, bits: Mapping[str, int], value: int, lookup: Lookup) -> bool:
    """Whether a test on a bit mask (connection state, TCP flags) accepts a value."""
    seen = _masked(left, bits, value)
    if isinstance(right, str) and right.startswith("@"):
        right = {"set": list(flat(right, lookup))}
    if isinstance(right, dict) and "set" in right:
        members = [_mask(one, bits) for one in _members(right["set"])]
        if op not in ("==", "in", "!="):
            raise ValueUnknownError(op)
        return (seen in members) != (op == "!=")
    if isinstance(right, dict) and "range" in right:
        low, high = (_mask(end, bits) for end in _pair(right["range"]))
        return (low <= seen <= high) != (op == "!=")
    wanted = _mask(right, bits)
    tests = {
        "in": bool(seen & wanted), "!": not seen & wanted, "==": seen == wanted, "!=": seen != wanted,
        "<": seen < wanted, "<=": seen <= wanted, ">": seen > wanted, ">=": seen >= wanted,
    }  # fmt: skip
    if op not in tests:
        raise ValueUnknownError(op)
    return tests[op]


def _members(elements: Any) -> Iterator[Any]:
    for one in elements if isinstance(elements, list) else [elements]:
        inner = one.get("elem") if isinstance(one, dict) and "elem" in one else one
        yield inner.get("val") if isinstance(inner, dict) and "val" in inner else inner


def _masked(left: Any, bits: Mapping[str, int], value: int) -> int:
    if isinstance(left, dict) and len(left) == 1:
        ((sign, parts),) = left.items()
        if sign in ("&", "|", "^"):
            if not isinstance(parts, list) or len(parts) < 2:  # noqa: PLR2004
                raise ValueUnknownError(sign)
            seen = _masked(parts[0], bits, value)
            for part in parts[1:]:
                other = _mask(part, bits)
                seen = seen & other if sign == "&" else seen | other if sign == "|" else seen ^ other
            return seen
        if sign in ("ct", "payload"):
            return value
    raise ValueUnknownError(str(left)[:60])


def _mask(value: Any, bits: Mapping[str, int], depth: int = 0) -> int:
    if depth > MAX_DEPTH:
        raise ValueUnknownError("imbrication")
    if isinstance(value, bool):
        raise ValueUnknownError(str(value))
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        if value not in bits:
            raise ValueUnknownError(value)
        return bits[value]
    if isinstance(value, dict) and len(value) == 1 and "|" in value:
        value = value["|"]
    if not isinstance(value, list):
        raise ValueUnknownError(str(value)[:60])
    found = 0
    for one in value:
        found |= _mask(one, bits, depth + 1)
    return found
