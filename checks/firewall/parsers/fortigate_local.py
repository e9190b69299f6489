"""What `local-in-policy` leaves of the administration that each interface of a FortiGate answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from checks.firewall.algebra.addresses import ALL4, ALL6
from checks.firewall.algebra.intervals import Intervals, covers, difference, intersection, size, union
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, PERMIT
from checks.firewall.parsers import fortigate_policies as fpol
from checks.firewall.parsers import fortigate_system as fsys
from checks.firewall.parsers.fortigate_objects import V4, V6, enabled
from checks.firewall.parsers.fortigate_policies import Context
from checks.firewall.parsers.fortigate_text import Block, Setting
from checks.firewall.parsers.fortigate_zones import Port

_TABLES = {V4: "firewall local-in-policy", V6: "firewall local-in-policy6"}
_FEW = 1 << 16
"""Addresses: senders are named one by one, up to a /16."""


class _Line(NamedTuple):
    """One policy of the table."""

    zones: tuple[str, ...]
    source: Intervals
    services: Intervals
    certain: bool
    action: str


def answered(
    context: Context, ports: Mapping[str, Port], tables: Block, shared: Block
) -> tuple[dict[str, Port], dict[str, bool | None]]:
    """The ports with only the services somebody may reach, and whether their senders are limited.

    None stands for senders partly refused, without being few.
    """
    settings = shared.table("system global").settings()
    admins = shared.table("system admin")
    trusted = fsys.trusted_sources(admins) is not None
    lines = {family: _lines(context, tables.table(path), family) for family, path in _TABLES.items()}
    left: dict[str, Port] = {}
    limited: dict[str, bool | None] = {}
    for name, port in ports.items():
        label = context.zones.label(name)
        open4 = {one: _senders(lines[V4], label, fsys.service_of(one, settings), V4) for one in port.access4}
        open6 = {one: _senders(lines[V6], label, fsys.service_of(one, settings), V6) for one in port.access6}
        left[name] = port._replace(
            access4=tuple(one for one in port.access4 if open4[one]),
            access6=tuple(one for one in port.access6 if open6[one]),
        )
        senders = [(found, ALL4) for one, found in open4.items() if found and one != "ping"]
        senders += [(found, ALL6) for one, found in open6.items() if found and one != "ping"]
        if not admins.entries:
            limited[name] = None
        elif trusted or (senders and all(size(found) <= _FEW for found, _ in senders)):
            limited[name] = True
        else:
            limited[name] = None if any(found != whole for found, whole in senders) else False
    return left, limited


def _lines(context: Context, table: Block, family: int) -> list[_Line]:
    return [
        _line(context, entry, settings, family)
        for entry in table.entries.values()
        if enabled(settings := entry.settings(), "status", True)
    ]


def _line(context: Context, entry: Block, settings: Mapping[str, Setting], family: int) -> _Line:
    rule = fpol.local_in_rule(context, entry, family)
    cell = fpol.source(context, settings, family == V6).content
    services, _ = fpol.services(context, settings)
    target = fpol.destination(context, settings, family == V6)
    sure, over = (cell.v4, cell.over4) if family == V4 else (cell.v6, cell.over6)
    everywhere = target.v4 == ALL4 if family == V4 else target.v6 == ALL6
    return _Line(
        rule.in_zones,
        sure if rule.action == DENY else over,
        union(*(box.services for box in services.sure)),
        not rule.conditions and everywhere,
        rule.action,
    )


def _senders(lines: list[_Line], label: str, service: Services, family: int) -> Intervals:
    """Senders that no policy surely refuses."""
    wanted = union(*(box.services for box in (*service.sure, *service.maybe)))
    left: Intervals = ALL4 if family == V4 else ALL6
    passing: Intervals = ()
    for line in lines:
        if line.zones and label not in line.zones:
            continue
        if line.action == PERMIT:
            passing = union(passing, intersection(left, line.source))
        elif line.certain and wanted and covers(line.services, wanted):
            left = difference(left, line.source)
    return union(passing, left)
