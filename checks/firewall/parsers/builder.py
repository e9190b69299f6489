"""Assembles a `Device`: interns the sets its rules share, resolves named groups, keeps what was not understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from checks.common.text import MAX_TEXT, clean
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import AddressSet, Device, NamedObject, NotUnderstood, ServiceSet
from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError, SourceFile

MAX_QUOTE = 200
MAX_NOT_UNDERSTOOD = 1000

_SECRET = re.compile(
    r"(?i)((?:pass(?:word|wd|phrase)?|secret|psk(?:secret)?|pre-?shared(?:-key)?|private-?key|key|community|token|hash|enc)"
    r"(?:[\w-]*)[\"']?\s*[=: >]\s*)\S.*"
)

Value = TypeVar("Value")


class DeviceBuilder:
    """Collects what a parser finds. Set number 0 of each table is always `any`."""

    def __init__(self, vendor: str, files: Sequence[SourceFile]) -> None:
        self._vendor = vendor
        self._files = tuple(file.as_name() for file in files)
        self._addresses: dict[AddressSet, int] = {}
        self._services: dict[ServiceSet, int] = {}
        self._seen_addresses: dict[tuple[Addresses, tuple[str, ...]], int] = {}
        self._seen_services: dict[tuple[Services, tuple[str, ...]], int] = {}
        self._objects: list[NamedObject] = []
        self._not_understood: list[NotUnderstood] = []
        self._more_not_understood = 0
        self.any_address = self.address(ip.ANY, ("any",))
        self.any_service = self.service(svc.ANY, ("any",))

    def address(self, value: Addresses, names: Iterable[str] = ()) -> int:
        """Index of an address set; `names` is what the cell shows."""
        key = (value, tuple(clean(name, MAX_QUOTE) for name in names))
        index = self._seen_addresses.get(key)
        if index is None:
            fact = ip.to_fact(value._replace(unresolved=tuple(clean(u, MAX_QUOTE) for u in value.unresolved)), key[1])
            index = self._addresses.setdefault(fact, len(self._addresses))
            self._seen_addresses[key] = index
        return index

    def service(self, value: Services, names: Iterable[str] = ()) -> int:
        """Index of a service set; `names` is what the cell shows."""
        key = (value, tuple(clean(name, MAX_QUOTE) for name in names))
        index = self._seen_services.get(key)
        if index is None:
            fact = svc.to_fact(value._replace(unresolved=tuple(clean(u, MAX_QUOTE) for u in value.unresolved)), key[1])
            index = self._services.setdefault(fact, len(self._services))
            self._seen_services[key] = index
        return index

    def add_object(
        self, name: str, kind: str, value: Addresses | Services, *, line: int = 0, file: int = 0, used: bool = False
    ) -> None:
        """Record a named object, for the review of duplicates and of unused objects."""
        if len(self._objects) >= MAX_OBJECTS:
            raise ParseError("trop d'objets nommés")
        content = self.address(value) if isinstance(value, Addresses) else self.service(value)
        self._objects.append(
            NamedObject(name=clean(name, MAX_QUOTE), kind=kind, line=line, file=file, content=content, used=used)
        )

    def not_understood(self, line: int, text: str, effect: str, file: int = 0) -> None:
        """Record a directive the parser does not know; `effect` says in French what it makes undetermined."""
        if len(self._not_understood) >= MAX_NOT_UNDERSTOOD:
            self._more_not_understood += 1
            return
        quote = clean(_SECRET.sub(r"\1•••", text), MAX_QUOTE)
        self._not_understood.append(NotUnderstood(line=line, text=quote, effect=clean(effect, MAX_QUOTE), file=file))

    def build(self, *, name: str, limits: Sequence[str] = (), **fields: Any) -> Device:
        """The finished device, its texts cleaned. `fields` are those of `Device` (interfaces, chains, nat, vpns…)."""
        notes = list(limits)
        if self._more_not_understood:
            notes.append(f"{self._more_not_understood} autres directives non comprises ne sont pas listées.")
        return Device(
            vendor=self._vendor,
            name=clean(name, MAX_QUOTE) or (self._files[0].name if self._files else self._vendor),
            files=self._files,
            addresses=tuple(self._addresses),
            services=tuple(self._services),
            objects=tuple(self._objects),
            not_understood=tuple(self._not_understood),
            limits=tuple(clean(note, MAX_TEXT) for note in notes),
            **_inert(fields),
        )


def _inert(fields: dict[str, Any]) -> dict[str, Any]:
    """The same values, their texts without control nor bidirectional characters. What is shared stays shared."""
    done: dict[int, Any] = {}

    def text(value: str) -> str:
        if value.isascii() and value.isprintable() and len(value) <= MAX_TEXT:
            return value
        new = clean(value, MAX_TEXT)
        return value if new == value else new

    def record(value: msgspec.Struct) -> msgspec.Struct:
        changes = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            new = visit(old)
            if new is not old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value

    def visit(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, tuple):
            new = tuple(visit(one) for one in value)
            return value if all(one is old for one, old in zip(new, value, strict=True)) else new
        if isinstance(value, msgspec.Struct):
            if id(value) not in done:
                done[id(value)] = record(value)
            return done[id(value)]
        return value

    return {name: visit(value) for name, value in fields.items()}


class NamedSets(Generic[Value]):
    """Named objects and groups of one kind, resolved on demand: order of definition does not matter.

    A group that holds itself is not exact: its own occurrence is unresolved (`cycle:NAME`). An absent name is
    unresolved too (`absent:NAME`).
    """

    def __init__(self, unknown: Callable[..., Value], join: Callable[..., Value], nothing: Value) -> None:
        self._unknown = unknown
        self._join = join
        self._nothing = nothing
        self._values: dict[str, Value] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._open: set[str] = set()
        self.used: set[str] = set()
        """Names that were resolved by a rule or a group."""

    def define(self, name: str, value: Value) -> None:
        """Define an object; the last definition wins."""
        self._groups.pop(name, None)
        self._values[name] = value

    def define_group(self, name: str, members: Iterable[str]) -> None:
        """Define a group by the names of its members."""
        self._values.pop(name, None)
        self._groups[name] = tuple(members)

    def __contains__(self, name: str) -> bool:
        return name in self._values or name in self._groups

    def resolve(self, name: str) -> Value:
        """What a name holds."""
        self.used.add(name)
        found = self._values.get(name)
        if found is not None:
            return found
        members = self._groups.get(name)
        if members is None:
            return self._unknown(f"absent:{name}")
        if name in self._open:
            return self._unknown(f"cycle:{name}")
        if len(self._open) >= MAX_DEPTH:
            return self._unknown(f"depth:{name}")
        self._open.add(name)
        try:
            value = self._join(*(self.resolve(member) for member in members)) if members else self._nothing
        finally:
            self._open.discard(name)
        # A member of a cycle is kept with its uncertainty: wider than the truth, never narrower.
        self._values[name] = value
        return value

    def resolve_all(self, names: Iterable[str]) -> Value:
        """The union of what several names hold."""
        return self._join(*(self.resolve(name) for name in names))

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Groups and the names of their members."""
        return self._groups


def address_objects() -> NamedSets[Addresses]:
    """An empty table of address objects."""
    return NamedSets(ip.unknown, lambda *sets: ip.join(*sets) if sets else ip.NOTHING, ip.NOTHING)


def service_objects() -> NamedSets[Services]:
    """An empty table of service objects."""
    return NamedSets(svc.unknown, lambda *sets: svc.join(*sets) if sets else svc.NOTHING, svc.NOTHING)
