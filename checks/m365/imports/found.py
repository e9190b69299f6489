"""What files say of a tenant, and how several of them, or a live reading, are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from checks.common.text import clean
from checks.m365.client.trim import Trimmer
from checks.m365.facts import Licences, M365Facts, Reading, Rows, Tenant
from checks.m365.imports.powershell import kept
from checks.m365.resources import BY_NAME
from checks.model import Gap, Origin, Reason, Record

MAX_ROWS = 200_000
"""Objects of one reading."""
MAX_LIMITS = 200
MAX_NAME = 120
IDENTITIES = ("Identity", "DomainName", "Domain", "domain", "Name")
MANY_PER_OBJECT = frozenset({"recipient_permissions", "sign_ins", "audit_bypass"})
"""Readings with several objects of the same identity."""
NOT_GIVEN = Gap(reason=Reason.NOT_CONFIGURED, detail="Les fichiers fournis ne disent pas les licences du locataire.")


class Imported(Record, frozen=True, kw_only=True):
    """What one or several files say."""

    readings: Mapping[str, Reading] = {}
    tenant: Tenant = Tenant()
    licences: Licences | Gap = NOT_GIVEN
    limits: tuple[str, ...] = ()

    def joined(self, other: Imported) -> Imported:
        """Both; of the same reading, pages of one list are put together, and what was read wins over a gap."""
        readings = dict(self.readings)
        limits = list(self.limits + other.limits)
        for name, found in other.readings.items():
            readings[name] = _both(name, readings.get(name), found, limits)
        return Imported(
            readings=readings,
            tenant=_tenant(self.tenant, other.tenant),
            licences=_licences(self.licences, other.licences),
            limits=tuple(dict.fromkeys(limits))[:MAX_LIMITS],
        )


def facts_of(imported: Imported, break_glass: tuple[str, ...] = ()) -> M365Facts:
    """Facts of a tenant known by files only."""
    return M365Facts(
        tenant=imported.tenant,
        licences=imported.licences,
        readings=dict(sorted(imported.readings.items())),
        authentication="import",
        limits=imported.limits,
        break_glass=break_glass,
    )


def merged(live: M365Facts, imported: Imported) -> M365Facts:
    """A live reading completed by files: what was read live always wins, each reading keeps its origin.

    Files of another tenant are left out, and it is said.
    """
    mine, theirs = live.tenant.id.lower(), imported.tenant.id.lower()
    if mine and theirs and mine != theirs:
        note = f"Les fichiers fournis sont d'un autre locataire ({theirs}) : ils n'ont pas été pris en compte."
        return replace(live, limits=(*live.limits, note))
    readings = dict(live.readings)
    for name, found in imported.readings.items():
        if not isinstance(readings.get(name), Rows) and (isinstance(found, Rows) or name not in readings):
            readings[name] = found
    return replace(
        live,
        tenant=_tenant(live.tenant, imported.tenant),
        licences=_licences(live.licences, imported.licences),
        readings=dict(sorted(readings.items())),
        limits=tuple(dict.fromkeys((*live.limits, *imported.limits))),
    )


class Desk:
    """Puts together what one file gives; every reading keeps the name of the file."""

    def __init__(self, name: str) -> None:
        self.name = clean(name, MAX_NAME) or "fichier"
        self._readings: dict[str, Reading] = {}
        self._limits: dict[str, None] = {}
        self.tenant = Tenant()
        self.licences: Licences | Gap = NOT_GIVEN

    def rows(
        self,
        name: str,
        found: Iterable[Mapping[str, Any]],
        *,
        graph: bool = False,
        complete: bool = True,
        what: str = "",
        absent: Iterable[str] = (),
    ) -> None:
        """Record a reading: properties of the table only, values as the service gave them.

        `graph`: names of Graph, possibly written by PowerShell. `what` is where in the file. A property that no object
        has, or that was cut when it was exported, is told as absent.
        """
        resource = BY_NAME[name]
        trimmer = Trimmer(resource)
        values: list[Mapping[str, Any]] = []
        given: set[str] = set()
        lost: set[str] = set(absent)
        for row in found:
            if len(values) >= MAX_ROWS:
                complete = False
                self.limit(f"« {name} » : seuls les {MAX_ROWS} premiers objets ont été lus.")
                break
            value, cut = kept(row, resource.properties, graph=graph)
            if cut:
                lost |= cut
                self.limit(f"« {name} » : l'export a coupé {', '.join(sorted(clean(one, 40) for one in cut))}.")
            kept_row = trimmer.row(value)
            given |= kept_row.keys()
            values.append(kept_row)
        if values:
            lost |= set(resource.properties) - given
        self.put(
            name,
            Rows(
                rows=tuple(values),
                complete=complete,
                source=f"{self.name} : {what}" if what else self.name,
                origin=Origin.IMPORTED,
                absent=tuple(sorted(clean(one, 80) for one in lost)),
            ),
        )

    def put(self, name: str, reading: Reading) -> None:
        """Record a reading as it is; pages of the same list add up."""
        limits: list[str] = []
        self._readings[name] = _both(name, self._readings.get(name), reading, limits)
        for limit in limits:
            self.limit(limit)

    def gap(self, name: str, reason: Reason, detail: str) -> None:
        """Record why a reading is missing."""
        self.put(name, Gap(reason=reason, detail=detail))

    def limit(self, sentence: str) -> None:
        """Record what this file cannot show; said once."""
        if len(self._limits) < MAX_LIMITS:
            self._limits[clean(sentence)] = None

    def done(self) -> Imported:
        """Everything found."""
        return Imported(
            readings=dict(self._readings),
            tenant=self.tenant,
            licences=self.licences,
            limits=tuple(self._limits),
        )


def _both(name: str, first: Reading | None, second: Reading, limits: list[str]) -> Reading:
    """One reading out of two of the same name."""
    if first is None or isinstance(first, Gap):
        return second if first is None or isinstance(second, Rows) else first
    if isinstance(second, Gap):
        return first
    if BY_NAME[name].single:
        if first.rows and second.rows and first.rows[0] != second.rows[0]:
            limits.append(f"« {name} » est donné deux fois, différemment : seul {first.source} est retenu.")
        return first if first.rows else second
    if first.complete != second.complete:
        return first if first.complete else second
    key = _key(name)
    seen = {key(row) for row in first.rows}
    more = tuple(row for row in second.rows if key(row) not in seen)
    if not more:
        return first
    both = first.rows + more
    if len(both) > MAX_ROWS:
        limits.append(f"« {name} » : seuls les {MAX_ROWS} premiers objets ont été lus.")
    return replace(
        first,
        rows=both[:MAX_ROWS],
        complete=first.complete and len(both) <= MAX_ROWS,
        source=_sources(first.source, second.source),
        absent=tuple(sorted(set(first.absent) | set(second.absent))),
    )


def _key(name: str) -> Callable[[Mapping[str, Any]], str]:
    """How two files give the same object, perhaps written otherwise: by its identity, else only when they are equal."""

    def identity(row: Mapping[str, Any]) -> str:
        for prop in ("id", *IDENTITIES):
            value = row.get(prop)
            if isinstance(value, str) and value:
                return f"{prop}={value.casefold()}"
        return repr(row)

    return repr if BY_NAME[name].per or name in MANY_PER_OBJECT else identity


def _sources(first: str, second: str) -> str:
    parts = list(dict.fromkeys((*first.split(", "), second)))
    return ", ".join(parts) if len(parts) <= 4 else f"{', '.join(parts[:3])}…"  # noqa: PLR2004 - names in a line


def _tenant(first: Tenant, second: Tenant) -> Tenant:
    return Tenant(
        id=first.id or second.id,
        name=first.name or second.name,
        domains=first.domains or second.domains,
        created=first.created or second.created,
    )


def _licences(first: Licences | Gap, second: Licences | Gap) -> Licences | Gap:
    if isinstance(first, Gap) or isinstance(second, Gap):
        return second if isinstance(first, Gap) else first
    return Licences(skus={**second.skus, **first.skus}, plans=tuple(sorted(set(first.plans) | set(second.plans))))
