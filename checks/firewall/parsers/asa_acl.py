"""Access lists of a Cisco ASA: one entry at a time, against the tables of names."""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, PERMIT
from checks.firewall.parsers.asa_blocks import Line
from checks.firewall.parsers.asa_objects import (
    IP,
    OPERATORS,
    AsaError,
    Ports,
    Tables,
    Words,
    protocol,
    read_icmp,
    read_ports,
    services_of,
)

ACTIONS = {"permit": PERMIT, "deny": DENY}
_HITS = re.compile(r"\(hitcnt=(\d{1,18})\)")
_HASH = re.compile(r"0x[0-9a-f]{1,8}")
_LEVELS = frozenset(
    (
        "emergencies",
        "alerts",
        "critical",
        "errors",
        "warnings",
        "notifications",
        "informational",
        "debugging",
        "default",
    )
)


class Ace(NamedTuple):
    """One entry of an access list."""

    acl: str
    rank: int
    """Its number in the list, remarks counted, as `show access-list` prints it."""
    line: int
    action: str
    """Empty when it could not be read."""
    source: Addresses
    source_names: tuple[str, ...]
    destination: Addresses
    destination_names: tuple[str, ...]
    services: Services
    service_names: tuple[str, ...]
    enabled: bool = True
    conditions: tuple[str, ...] = ()
    schedule: str = ""
    log: bool | None = None
    comment: str = ""


def hits_of(text: str) -> int | None:
    """The counter that `show access-list` prints on an entry."""
    found = _HITS.search(text)
    return int(found[1]) if found else None


class AceReader:
    """Reads the entries of the lists of one configuration."""

    def __init__(self, tables: Tables, *, logging: bool | None) -> None:
        self._tables = tables
        self._logging = logging

    def entry(self, acl: str, rank: int, line: Line, comment: str, family: int = 0) -> Ace:
        """One `permit` or `deny`; `family` restricts it to one IP version. Raises `AsaError` when it is not one."""
        words = Words(line.words[1:])
        words.next()
        if words.skip("line"):
            words.next()
        standard = words.skip("standard")
        if not standard:
            words.skip("extended")
        action = ACTIONS.get(words.next())
        if action is None:
            raise AsaError("ni permit ni deny")
        everything = self._any(family)
        if standard:
            destination, names = self._address(words, everything)
            ace = Ace(acl, rank, line.number, action, everything, ("any",), destination, names, svc.ANY, ("ip",))
        else:
            ace = self._extended(acl, rank, line, action, words, everything)
        if family:
            ace = ace._replace(source=ip.only(ace.source, family), destination=ip.only(ace.destination, family))
        return self._options(ace._replace(comment=comment), words)

    def _any(self, family: int) -> Addresses:
        if not family:
            return self._tables.any
        return ip.ANY4 if family == 4 else ip.ANY6  # noqa: PLR2004

    def _extended(self, acl: str, rank: int, line: Line, action: str, words: Words, everything: Addresses) -> Ace:
        numbers, services, shown = self._protocol(words)
        conditions = self._identity(words, "source")
        source, source_names = self._address(words, everything)
        origin, origin_names = self._ports(words) if numbers is not None else (None, ())
        conditions += self._identity(words, "destination")
        destination, destination_names = self._address(words, everything)
        if numbers is not None:
            services, target_names = self._target(words, numbers, origin)
            shown += (*(f"source {name}" for name in origin_names), *target_names)
        return Ace(
            acl, rank, line.number, action, source, source_names, destination, destination_names, services, shown,
            conditions=conditions,
        )  # fmt: skip

    def _protocol(self, words: Words) -> tuple[frozenset[int] | None, Services, tuple[str, ...]]:
        """Protocol numbers when ports may follow, else whole services."""
        word = words.next()
        if word == "object":
            name = words.next()
            return None, self._tables.services.resolve(name), (name,)
        if word != "object-group":
            return protocol(word), svc.ANY, (word,)
        name = words.next()
        if name in self._tables.protocols:
            numbers = self._tables.protocols.resolve(name)
            if numbers is not None:
                return numbers, svc.ANY, (name,)
            return None, svc.unknown(f"non compris:{name}"), (name,)
        return None, self._tables.service_group(name), (name,)

    @staticmethod
    def _identity(words: Words, side: str) -> tuple[str, ...]:
        """Users and security groups: conditions that only the firewall can evaluate."""
        found: list[str] = []
        while True:
            word = words.peek()
            if word in ("user", "user-group", "object-group-user"):
                words.next()
                found.append(f"utilisateur : {words.next()}")
            elif word == "security-group":
                words.next()
                words.next()
                found.append(f"groupe de sécurité ({side}) : {words.next()}")
            elif word == "object-group-security":
                words.next()
                found.append(f"groupe de sécurité ({side}) : {words.next()}")
            else:
                return tuple(found)

    def _address(self, words: Words, everything: Addresses) -> tuple[Addresses, tuple[str, ...]]:
        word = words.next()
        if word == "any":
            return everything, ("any",)
        if word in ("any4", "any6"):
            return (ip.ANY4 if word == "any4" else ip.ANY6), (word,)
        if word == "host":
            name = words.next()
            return ip.from_ranges((self._tables.names.get(name, name),)), (name,)
        if word == "interface":
            name = words.next()
            return self._tables.interfaces.get(name, ip.unknown(f"interface:{name}")), (f"interface {name}",)
        if word in ("object", "object-group"):
            name = words.next()
            return self._tables.networks.resolve(name), (name,)
        if "/" in word:
            return ip.from_ranges((word,)), (word,)
        base = self._tables.names.get(word, word)
        if ":" in base:
            return ip.from_ranges((base,)), (word,)
        if words.ended and word != base:
            return ip.from_ranges((base,)), (word,)
        mask = words.next()
        return ip.from_ranges((f"{base}/{mask}",)), (f"{word} {mask}",)

    def _ports(self, words: Words) -> tuple[Ports | None, tuple[str, ...]]:
        """Ports after an address, if there are any."""
        if words.peek() in OPERATORS:
            shown = [words.peek(), words.peek(1)] + ([words.peek(2)] if words.peek() == "range" else [])
            return read_ports(words), (" ".join(shown),)
        if words.peek() == "object-group" and words.peek(1) in self._tables.ports:
            words.next()
            name = words.next()
            return self._tables.ports.resolve(name), (name,)
        return None, ()

    def _target(self, words: Words, numbers: frozenset[int], origin: Ports | None) -> tuple[Services, tuple[str, ...]]:
        """What follows the destination: ports, ICMP type, or a group."""
        ported = numbers <= svc.PORTED
        ports, names = self._ports(words)
        if ports is not None or origin is not None:
            if not ported:
                raise AsaError("ports sur un protocole sans port")
            return services_of(numbers, ports, origin), names
        word = words.peek()
        if numbers <= svc.ICMP_LIKE and word and word not in _AFTER and not word.startswith("("):
            if words.skip("object-group"):
                name = words.next()
                return services_of(numbers, self._tables.icmp.resolve(name)), (name,)
            (number,) = numbers if len(numbers) == 1 else (1,)
            code = words.peek(1)
            return services_of(numbers, read_icmp(words, number)), ((f"{word} {code}" if code.isdecimal() else word),)
        if word in ("object-group", "object"):
            words.next()
            name = words.next()
            return svc.within(self._tables.service_group(name), numbers), (name,)
        return services_of(IP if numbers == IP else numbers), ()

    def _options(self, ace: Ace, words: Words) -> Ace:
        """`log`, `time-range`, `inactive` and the counters of `show access-list`."""
        # Without `log`, a denied packet is still logged (message 106023) as long as logging is on; connections that
        # are permitted have messages of their own, which the entry does not say.
        log = self._logging if ace.action == DENY or not self._logging else None
        conditions = list(ace.conditions)
        while not words.ended:
            word = words.next()
            if word == "log":
                log = self._log(words)
            elif word in ("inactive", "(inactive)"):
                ace = ace._replace(enabled=False)
            elif word == "time-range":
                name = words.next()
                ace = ace._replace(schedule=name)
                conditions.append(f"horaire : {name}")
            elif not (word.startswith("(hitcnt=") or _HASH.fullmatch(word)):
                raise AsaError(f"option inconnue : {word[:40]}")
        return ace._replace(log=log, conditions=tuple(conditions))

    def _log(self, words: Words) -> bool:
        if words.skip("disable"):
            return False
        if words.peek() in _LEVELS or (words.peek().isdecimal() and len(words.peek()) == 1):
            words.next()
        if words.skip("interval"):
            words.next()
        return self._logging is not False


_AFTER = frozenset(("log", "inactive", "time-range", "object"))


def unread(acl: str, rank: int, line: Line, comment: str) -> Ace:
    """An entry that was not understood: it may match anything, and may not match."""
    action = next((ACTIONS[word] for word in line.words if word in ACTIONS), "")
    return Ace(
        acl, rank, line.number, action, ip.ANY, ("?",), ip.ANY, ("?",), svc.ANY, ("?",),
        enabled="inactive" not in line.words, comment=comment,
        conditions=(f"directive non comprise : {line.text.strip()[:120]}",),
    )  # fmt: skip
