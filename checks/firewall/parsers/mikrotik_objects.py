"""RouterOS names used by the rules: address lists, interface lists, protocols."""

from __future__ import annotations

from collections.abc import Iterable

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.mikrotik_rsc import Item, Script
from checks.firewall.parsers.source import MAX_DEPTH

FILLED_BY_RULES = ("add-src-to-address-list", "add-dst-to-address-list")
FILLED_BY_SERVICES = ("address-list", "address-lists")
SCRIPTS = ("/system script", "/system scheduler")


class AddressLists:
    """Address lists of one IP version."""

    def __init__(self, script: Script, menu: str, family: int, builder: DeviceBuilder) -> None:
        self._builder = builder
        self._family = family
        self._parts: dict[str, list[Addresses]] = {}
        self._lines: dict[str, int] = {}
        self._used: set[str] = set()
        self._values: dict[str, Addresses] = {}
        dynamic = set(_filled(script, menu))
        by_script = any(
            "address-list" in value
            for path in SCRIPTS
            for item in script.items(path)
            for value in (item.get("source"), item.get("on-event"))
        )
        for item in script.items(f"{menu} address-list"):
            self._entry(item)
        for name in dynamic:
            self._parts.setdefault(name, []).append(ip.unknown(f"dynamique:{name}", families=(family,)))
        if by_script:
            for name, parts in self._parts.items():
                parts.append(ip.unknown(f"script:{name}", families=(family,)))

    def _entry(self, item: Item) -> None:
        name, text = item.get("list"), item.get("address")
        self._lines.setdefault(name, item.line)
        parts = self._parts.setdefault(name, [])
        if item.disabled:
            return
        value = address(text, self._family)
        if item.get("timeout") or item.on("dynamic"):
            value = ip.Addresses(
                maybe4=value.over4, maybe6=value.over6, unresolved=(*value.unresolved, f"temporaire:{text}")
            )
        parts.append(value)

    def resolve(self, name: str) -> Addresses:
        """What a list holds."""
        self._used.add(name)
        if name not in self._parts:
            return ip.unknown(f"absent:{name}", families=(self._family,))
        if name not in self._values:
            self._values[name] = ip.join(*self._parts[name]) if self._parts[name] else ip.NOTHING
        return self._values[name]

    def record(self) -> None:
        """Hand the lists to the builder."""
        used = set(self._used)
        for name, line in self._lines.items():
            self._builder.add_object(name, "address-group", self.resolve(name), line=line, used=name in used)


def _filled(script: Script, menu: str) -> Iterable[str]:
    """Lists that something fills while the router runs."""
    for path, items in script.tables.items():
        for item in items:
            if path.startswith(f"{menu} ") and item.get("action") in FILLED_BY_RULES:
                yield item.get("address-list")
            elif not path.startswith(("/ip firewall", "/ipv6 firewall", "/routing")):
                for field in FILLED_BY_SERVICES:
                    yield from (name for name in item.get(field).split(",") if name)


def address(text: str, family: int) -> Addresses:
    """One address, network or range; a host name is never certain."""
    try:
        value = ip.from_ranges([text])
    except AddressError:
        return ip.unknown(f"fqdn:{text}", families=(family,))
    return ip.only(value, family)


class InterfaceLists:
    """Interface lists as the names of their members."""

    def __init__(self, script: Script) -> None:
        self._members: dict[str, list[str]] = {}
        self._include: dict[str, list[str]] = {}
        self._exclude: dict[str, list[str]] = {}
        self._known: set[str] = set()
        self._values: dict[str, dict[str, None] | None] = {}
        self._depth = 0
        for item in script.items("/interface list"):
            name = item.get("name")
            self._known.add(name)
            self._include[name] = [one for one in item.get("include").split(",") if one]
            self._exclude[name] = [one for one in item.get("exclude").split(",") if one]
        for item in script.items("/interface list member"):
            self._known.add(item.get("list"))
            if not item.disabled:
                self._members.setdefault(item.get("list"), []).append(item.get("interface"))
        self.dynamic = {
            name
            for path, items in script.tables.items()
            if path.startswith("/ppp ")
            for item in items
            if (name := item.get("interface-list"))
        }
        """Lists that connections join while the router runs."""

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def members(self, name: str) -> dict[str, None] | None:
        """Interfaces of a list, in order; None when it cannot be known."""
        if name not in self._values:
            # A list that holds itself, or is nested too deep, finds this value on its way.
            self._values[name] = None
            self._depth += 1
            self._values[name] = self._resolve(name)
            self._depth -= 1
        return self._values[name]

    def _resolve(self, name: str) -> dict[str, None] | None:
        if name not in self._known or name in self.dynamic or self._depth > MAX_DEPTH:
            return None
        found = dict.fromkeys(self._members.get(name, ()))
        for other in self._include.get(name, ()):
            inside = self.members(other)
            if inside is None:
                return None
            found.update(inside)
        for other in self._exclude.get(name, ()):
            outside = self.members(other)
            if outside is None:
                return None
            found = {one: None for one in found if one not in outside}
        return found
